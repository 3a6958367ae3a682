/* SPDX-License-Identifier: MIT
 * PNG by libpng: its default choice of filters, zlib at the given level. */
#include "peers.h"

#include <png.h>
#include <string.h>

struct stream {
    uint8_t *bytes;
    size_t at_bytes, n_bytes;
};

static void put(png_structp png, png_bytep bytes, size_t n)
{
    struct stream *s = png_get_io_ptr(png);
    if (n > s->n_bytes - s->at_bytes)
        png_error(png, "no room");
    memcpy(s->bytes + s->at_bytes, bytes, n);
    s->at_bytes += n;
}
static void flush(png_structp png)
{
    (void)png;
}
static void take(png_structp png, png_bytep bytes, size_t n)
{
    struct stream *s = png_get_io_ptr(png);
    if (n > s->n_bytes - s->at_bytes)
        png_error(png, "no more bytes");
    memcpy(bytes, s->bytes + s->at_bytes, n);
    s->at_bytes += n;
}

static bool encode(const struct peer_shape *s, int level, const uint8_t *samples, size_t n_bytes,
                   uint8_t *coded, size_t *n_coded)
{
    struct stream out = {coded, 0, *n_coded};
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    if (!info || setjmp(png_jmpbuf(png))) {
        png_destroy_write_struct(&png, &info);
        return false;
    }
    png_set_write_fn(png, &out, put, flush);
    png_set_IHDR(png, info, s->width_px, s->height_px, s->sample_bytes == 1 ? 8 : 16,
                 PNG_COLOR_TYPE_GRAY, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    png_set_compression_level(png, level);
    png_write_info(png, info);
    if (s->sample_bytes == 2)
        png_set_swap(png);
    for (size_t at = 0; at < n_bytes; at += n_bytes / s->height_px)
        png_write_row(png, samples + at);
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
    *n_coded = out.at_bytes;
    return true;
}

static bool decode(const struct peer_shape *s, const uint8_t *coded, size_t n_coded,
                   uint8_t *samples, size_t n_bytes)
{
    struct stream in = {(uint8_t *)(uintptr_t)coded, 0, n_coded};
    png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    if (!info || setjmp(png_jmpbuf(png))) {
        png_destroy_read_struct(&png, &info, NULL);
        return false;
    }
    png_set_read_fn(png, &in, take);
    png_read_info(png, info);
    if (s->sample_bytes == 2)
        png_set_swap(png);
    for (size_t at = 0; at < n_bytes; at += n_bytes / s->height_px)
        png_read_row(png, samples + at, NULL);
    png_read_end(png, NULL);
    png_destroy_read_struct(&png, &info, NULL);
    return true;
}

const struct peer_codec peer_png = {"png", "libpng", true, encode, decode};
