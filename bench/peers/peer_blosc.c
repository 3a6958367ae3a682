/* SPDX-License-Identifier: MIT
 * Blosc with zstd over chunks of 32 frames x 64 rows x 64 columns, which is how array stores keep
 * such data.  A chunk is preceded by its size, 4 bytes. */
#include "peers.h"

#include <blosc.h>
#include <string.h>

#define CHUNK_FRAMES 32
#define CHUNK_PX     64

struct chunk {
    size_t frame, n_frames, y, n_rows, offset_bytes, row_bytes;
    uint8_t samples[CHUNK_FRAMES * CHUNK_PX * CHUNK_PX * 2];
};

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t chunk_bytes(const struct chunk *c)
{
    return c->n_frames * c->n_rows * c->row_bytes;
}

/* The place of chunk i; false behind the last one. */
static bool chunk_at(const struct peer_shape *s, size_t i, struct chunk *c)
{
    const size_t n_x = (s->width_px + CHUNK_PX - 1) / CHUNK_PX,
                 n_y = (s->height_px + CHUNK_PX - 1) / CHUNK_PX;
    const size_t x = i % n_x * CHUNK_PX;
    c->y = i / n_x % n_y * CHUNK_PX;
    c->frame = i / n_x / n_y * CHUNK_FRAMES;
    if (c->frame >= s->n_frames)
        return false;
    c->n_frames = least(CHUNK_FRAMES, s->n_frames - c->frame);
    c->n_rows = least(CHUNK_PX, s->height_px - c->y);
    c->offset_bytes = x * s->sample_bytes;
    c->row_bytes = least(CHUNK_PX, s->width_px - x) * s->sample_bytes;
    return true;
}

/* Where row r of the chunk, counted through its frames, stands in all samples. */
static size_t row_offset(const struct peer_shape *s, const struct chunk *c, size_t r)
{
    return (c->frame + r / c->n_rows) * s->frame_bytes +
           (c->y + r % c->n_rows) * s->width_px * s->sample_bytes + c->offset_bytes;
}

static bool encode_chunks(const struct peer_shape *s, int level, int filter, const uint8_t *samples,
                          uint8_t *coded, size_t *n_coded)
{
    static struct chunk c;
    size_t used_bytes = 0;
    for (size_t i = 0; chunk_at(s, i, &c); i++) {
        for (size_t r = 0; r < c.n_frames * c.n_rows; r++)
            memcpy(c.samples + r * c.row_bytes, samples + row_offset(s, &c, r), c.row_bytes);
        if (*n_coded - used_bytes < chunk_bytes(&c) + BLOSC_MAX_OVERHEAD + 4)
            return false;
        const int n = blosc_compress_ctx(
            level, filter, s->sample_bytes, chunk_bytes(&c), c.samples, coded + used_bytes + 4,
            chunk_bytes(&c) + BLOSC_MAX_OVERHEAD, BLOSC_ZSTD_COMPNAME, 0, 1);
        if (n <= 0)
            return false;
        memcpy(coded + used_bytes, &n, 4);
        used_bytes += 4 + (size_t)n;
    }
    *n_coded = used_bytes;
    return true;
}

static bool encode_shuffle(const struct peer_shape *s, int level, const uint8_t *samples,
                           size_t n_bytes, uint8_t *coded, size_t *n_coded)
{
    (void)n_bytes;
    return encode_chunks(s, level, BLOSC_SHUFFLE, samples, coded, n_coded);
}

static bool encode_bitshuffle(const struct peer_shape *s, int level, const uint8_t *samples,
                              size_t n_bytes, uint8_t *coded, size_t *n_coded)
{
    (void)n_bytes;
    return encode_chunks(s, level, BLOSC_BITSHUFFLE, samples, coded, n_coded);
}

/* What is decoded here was encoded by this process: sizes are trusted. */
static bool decode(const struct peer_shape *s, const uint8_t *coded, size_t n_coded,
                   uint8_t *samples, size_t n_bytes)
{
    (void)n_coded;
    (void)n_bytes;
    static struct chunk c;
    for (size_t i = 0; chunk_at(s, i, &c); i++) {
        int n;
        memcpy(&n, coded, 4);
        if (blosc_decompress_ctx(coded + 4, c.samples, sizeof c.samples, 1) != (int)chunk_bytes(&c))
            return false;
        coded += 4 + (size_t)n;
        for (size_t r = 0; r < c.n_frames * c.n_rows; r++)
            memcpy(samples + row_offset(s, &c, r), c.samples + r * c.row_bytes, c.row_bytes);
    }
    return true;
}

const struct peer_codec peer_blosc_shuffle = {"blosc-shuffle", "blosc", false, encode_shuffle,
                                              decode};
const struct peer_codec peer_blosc_bitshuffle = {"blosc-bitshuffle", "blosc", false,
                                                 encode_bitshuffle, decode};
