/* SPDX-License-Identifier: MIT
 * PBM, PGM and PPM, plain and binary: any number of pictures one behind the other. */
#include "import.h"

#include "gray.h"

#include "alloc.h"
#include "bytes.h"
#include "diag.h"

/* Pixels that are converted at a time, where they are not gray samples already. */
enum { PIECE_PX = 4096 };

struct pnm {
    struct pxr_import *im;
    char kind;          /* '1' to '6' */
    uint8_t n_channels; /* 1, or 3 for P3 and P6 */
    uint8_t bits;       /* of the container */
    uint16_t maxval;    /* of the samples */
    uint32_t width_px, height_px;
    uint64_t raster_off_bytes;    /* where the pixels start; 0: not there yet */
    uint64_t n_read;              /* of a binary kind bytes, of a plain one samples, since then */
    uint8_t stored[PIECE_PX * 6]; /* as in the file */
    uint8_t native[PIECE_PX * 6]; /* samples        */
};

static bool is_binary(const struct pnm *p)
{
    return p->kind >= '4';
}
static bool is_bitmap(const struct pnm *p)
{
    return p->kind == '1' || p->kind == '4';
}
/* Of a pixel in the frame. */
static uint8_t kept_channels(const struct pnm *p)
{
    return p->im->opts.keep_channels ? p->n_channels : 1;
}
static bool is_space(int c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}
static bool is_digit(int c)
{
    return c >= '0' && c <= '9';
}

/* The next character, as netpbm reads text: a comment counts as the line end that closes it. */
static int next_char(struct pxr_source *in)
{
    int c = pxr_source_next(in);
    if (c == '#')
        do
            c = pxr_source_next(in);
        while (c >= 0 && c != '\n' && c != '\r');
    return c;
}

static enum pxr_err ended(struct pnm *p)
{
    const uint64_t row_items =
        p->kind == '4' ? pxr_div_up_u64(p->width_px, 8)
                       : (uint64_t)p->width_px * p->n_channels * (is_binary(p) ? p->bits / 8u : 1);
    if (!p->raster_off_bytes)
        return pxr_source_ended(&p->im->in, "header", 1, 0, "the input ends within a PNM header");
    return pxr_source_ended(&p->im->in, is_binary(p) ? "pixel bytes" : "samples",
                            row_items * p->height_px, p->n_read,
                            "the input ends within the pixels of a picture");
}

static enum pxr_err fail_character(struct pnm *p, int c, const char *wanted)
{
    const uint64_t off = pxr_source_off(&p->im->in) - 1;
    if (c > ' ' && c < 127)
        return pxr_fail_at(p->im->diag, PXR_E_CORRUPT, off, "'%c' where %s should be", c, wanted);
    return pxr_fail_at(p->im->diag, PXR_E_CORRUPT, off, "the byte 0x%02x where %s should be",
                       (unsigned)c, wanted);
}

/* A decimal number and the one white space character behind it.  That must be there even at the end
 * of the input, as netpbm demands: without it a cut number could not be told from a whole one.
 * *off_bytes is the place of the first digit. */
static enum pxr_err take_number(struct pnm *p, uint64_t *out, uint64_t *off_bytes)
{
    struct pxr_source *in = &p->im->in;
    int c;
    do
        c = next_char(in);
    while (is_space(c));
    if (c < 0)
        return ended(p);
    if (!is_digit(c))
        return fail_character(p, c, "a number");
    *off_bytes = pxr_source_off(in) - 1;
    for (*out = 0; is_digit(c); c = next_char(in))
        *out = pxr_digit_append(*out, c);
    if (c < 0)
        return ended(p);
    return is_space(c) ? PXR_OK : fail_character(p, c, "white space");
}

static enum pxr_err read_magic(struct pnm *p)
{
    struct pxr_source *in = &p->im->in;
    const uint64_t off = pxr_source_off(in);
    const int first = pxr_source_next(in), kind = first == 'P' ? pxr_source_next(in) : 0;
    if (kind < 0)
        return ended(p);
    if (first != 'P' || kind < '1' || kind > '7')
        return off ? pxr_fail_at(p->im->diag, PXR_E_CORRUPT, off,
                                 "what follows a picture is not another PNM picture")
                   : pxr_fail_at(p->im->diag, PXR_E_NOTPXR, off, "a PNM file begins with P1 to P6");
    if (kind == '7')
        return pxr_fail_at(p->im->diag, PXR_E_UNSUPPORTED, off,
                           "PAM files (P7) are not read: pamtopnm converts them");
    p->kind = (char)kind;
    p->n_channels = kind == '3' || kind == '6' ? 3 : 1;
    const int c = next_char(in);
    if (c < 0)
        return ended(p);
    return is_space(c) ? PXR_OK : fail_character(p, c, "white space");
}

static enum pxr_err read_header(struct pnm *p)
{
    uint64_t width, height, maxval = 255, size_off, off;
    p->raster_off_bytes = p->n_read = 0;
    enum pxr_err e = read_magic(p);
    if (e == PXR_OK)
        e = take_number(p, &width, &size_off);
    if (e == PXR_OK)
        e = take_number(p, &height, &off);
    if (e == PXR_OK)
        e = pxr_import_check_size(p->im, width, height, size_off);
    if (e == PXR_OK && !is_bitmap(p))
        e = take_number(p, &maxval, &off);
    if (e != PXR_OK)
        return e;
    if (maxval < 1 || maxval > UINT16_MAX)
        return pxr_fail_field(p->im->diag, PXR_E_CORRUPT, off, "maxval", UINT16_MAX, maxval,
                              "a maxval is a number from 1 to 65535");
    p->width_px = (uint32_t)width;
    p->height_px = (uint32_t)height;
    p->maxval = (uint16_t)maxval;
    p->bits = maxval <= 255 ? 8 : 16;
    p->raster_off_bytes = pxr_source_off(&p->im->in);
    return PXR_OK;
}

static void put_sample(struct pnm *p, size_t i, uint64_t v)
{
    const uint16_t v16 = (uint16_t)v;
    if (p->bits == 8)
        p->native[i] = (uint8_t)v;
    else
        memcpy(p->native + 2 * i, &v16, 2);
}

/* n samples as decimal numbers. */
static enum pxr_err read_plain(struct pnm *p, size_t n)
{
    uint64_t v, off;
    for (size_t i = 0; i < n; i++, p->n_read++) {
        const enum pxr_err e = take_number(p, &v, &off);
        if (e != PXR_OK)
            return e;
        if (v > p->maxval)
            return pxr_import_fail_sample(p->im, off, p->maxval, v);
        put_sample(p, i, v);
    }
    return PXR_OK;
}

/* n bits as digits, which need no white space between them.  1 is black. */
static enum pxr_err read_plain_bits(struct pnm *p, size_t n)
{
    for (size_t i = 0; i < n; i++, p->n_read++) {
        int c;
        do
            c = next_char(&p->im->in);
        while (is_space(c));
        if (c < 0)
            return ended(p);
        if (c != '0' && c != '1')
            return fail_character(p, c, "0 or 1");
        p->native[i] = c == '0' ? 255 : 0;
    }
    return PXR_OK;
}

static enum pxr_err read_stored(struct pnm *p, size_t n_bytes)
{
    const size_t got = pxr_source_read(&p->im->in, p->stored, n_bytes);
    p->n_read += got;
    return got == n_bytes ? PXR_OK : ended(p);
}

/* A piece starts at a multiple of PIECE_PX pixels of its row: at a whole byte. */
static enum pxr_err read_bits(struct pnm *p, size_t n)
{
    const enum pxr_err e = read_stored(p, (n + 7) / 8);
    for (size_t i = 0; e == PXR_OK && i < n; i++)
        p->native[i] = p->stored[i / 8] >> (7 - i % 8) & 1 ? 0 : 255;
    return e;
}

static enum pxr_err read_samples(struct pnm *p, size_t n)
{
    const uint64_t start = pxr_source_off(&p->im->in);
    const enum pxr_err e = read_stored(p, n * (p->bits / 8u));
    if (e != PXR_OK)
        return e;
    pxr_copy_samples_be(p->native, p->stored, n, p->bits);
    const size_t bad = pxr_samples_find_above(p->native, n, p->bits, p->maxval);
    if (bad == n)
        return PXR_OK;
    return pxr_import_fail_sample(p->im, start + bad * (p->bits / 8u), p->maxval,
                                  p->bits == 8 ? p->stored[bad]
                                               : pxr_load_u16be(p->stored + 2 * bad));
}

static enum pxr_err read_piece(struct pnm *p, uint32_t x, uint32_t y, size_t n_px)
{
    const size_t px_bytes = (size_t)kept_channels(p) * (p->bits / 8u);
    const uint64_t done = ((uint64_t)y * p->width_px + x) * px_bytes;
    const size_t piece_bytes = n_px * px_bytes, n = n_px * p->n_channels;
    enum pxr_err e = PXR_OK;
    switch (p->kind) {
    case '1':
        e = read_plain_bits(p, n);
        break;
    case '2':
    case '3':
        e = read_plain(p, n);
        break;
    case '4':
        e = read_bits(p, n);
        break;
    case '6':
        e = read_samples(p, n);
        break;
    }
    if (e == PXR_OK)
        e = pxr_import_room(p->im, done + piece_bytes, (uint64_t)p->width_px * p->height_px * px_bytes);
    if (e != PXR_OK)
        return e;
    const struct pxr_gray_span span = {.dst = p->im->frame + done,
                                       .src = p->native,
                                       .n_px = n_px,
                                       .n_channels = p->n_channels,
                                       .bits = p->bits,
                                       .maxval = p->maxval,
                                       .luma = p->im->opts.luma,
                                       .keep_channels = p->im->opts.keep_channels,
                                       .x = x,
                                       .x_step = 1,
                                       .y = y};
    return pxr_gray_convert(&span, p->im->diag);
}

static enum pxr_err read_picture(struct pnm *p)
{
    enum pxr_err e = read_header(p);
    if (e == PXR_OK && p->kind == '5') /* gray samples go straight into the frame */
        e = pxr_import_samples(p->im, (uint64_t)p->width_px * p->height_px, p->maxval, true);
    else
        for (uint32_t y = 0; e == PXR_OK && y < p->height_px; y++)
            for (uint32_t x = 0; e == PXR_OK && x < p->width_px;) {
                const uint32_t n = (uint32_t)pxr_min_u64(PIECE_PX, p->width_px - x);
                e = read_piece(p, x, y, n);
                x += n;
            }
    if (e != PXR_OK)
        return e;
    return pxr_import_emit(p->im, (struct pxr_image){.width_px = p->width_px,
                                                     .height_px = p->height_px,
                                                     .bits = p->bits,
                                                     .sbit = is_bitmap(p) ? 1 : 0,
                                                     .n_channels = kept_channels(p),
                                                     .maxval = p->maxval});
}

enum pxr_err pxr_pnm_read(struct pxr_import *im)
{
    struct pnm *p = pxr_alloc_zero(1, sizeof *p);
    if (!p)
        return pxr_fail_nomem(im->diag, sizeof *p);
    p->im = im;
    enum pxr_err e;
    do {
        e = read_picture(p);
        while (e == PXR_OK && is_space(pxr_source_peek(&im->in)))
            pxr_source_next(&im->in);
    } while (e == PXR_OK && pxr_source_peek(&im->in) >= 0);
    pxr_free(p);
    return e == PXR_OK ? im->in.err : e;
}
