/* SPDX-License-Identifier: MIT
 * What the second decoders have in common, written from docs/format.md as they are: "Block header", and pieces of
 * "Codec 2" and "Codec 3" that the other codecs refer to. */
#ifndef PXR_TESTS_INDEPENDENT_PARTS_H
#define PXR_TESTS_INDEPENDENT_PARTS_H

#include "independent.h"

#include <stdlib.h>
#include <string.h>

/* ---- numbers ---------------------------------------------------------------------------------- */

static inline int64_t clamp(int64_t v, int64_t low, int64_t high)
{
    return v < low ? low : v > high ? high : v;
}
static inline int64_t distance(int64_t a, int64_t b) { return a < b ? b - a : a - b; }
static inline unsigned bit_length(uint64_t v)
{
    unsigned n = 0;
    while (v >> n)
        n++;
    return n;
}
static inline uint32_t lowest_set_bit(uint32_t v) { return v & (~v + 1); }
static inline uint32_t little_endian(const uint8_t *bytes, unsigned n)
{
    return n ? bytes[0] | little_endian(bytes + 1, n - 1) << 8 : 0;
}
/* The signed number of n bits that equals v modulo 2^n. */
static inline int64_t as_signed(int64_t v, unsigned n)
{
    const int64_t low = v & (((int64_t)1 << n) - 1);
    return low >> (n - 1) ? low - ((int64_t)1 << n) : low;
}
/* 0, -1, 1, -2, ... from 0, 1, 2, 3, ... */
static inline int64_t unfold(uint32_t v)
{
    return v % 2 ? -(int64_t)(v / 2) - 1 : (int64_t)(v / 2);
}

/* ---- the block header ------------------------------------------------------------------------- */

struct independent_header {
    struct independent_shape shape;
    const uint8_t *params, *units;
    uint32_t params_bytes, n_units;
};

static inline uint32_t unit_bytes(const struct independent_header *h, uint32_t unit)
{
    return little_endian(h->units + (size_t)unit * 12, 4);
}

/* Frames of a unit are 1 or, for a whole block, n_frames. */
static inline const char *read_header(struct independent_header *out, const struct independent_shape *shape,
                                      unsigned codec, bool is_whole, const uint8_t *header, size_t n_bytes)
{
    if (n_bytes < 20)
        return "header too short";
    const uint32_t params_bytes = little_endian(header + 16, 4), n_units = is_whole ? 1 : shape->n_frames;
    if (header[0] != codec || header[1] || header[3])
        return "another codec, or reserved fields";
    if (header[2] != shape->bits || little_endian(header + 4, 2) != shape->n_frames ||
        little_endian(header + 8, 4) != shape->height_px || little_endian(header + 12, 4) != shape->width_px)
        return "another shape";
    if (little_endian(header + 6, 2) != (is_whole ? shape->n_frames : 1))
        return "frames_per_unit";
    if (n_bytes != 20 + (uint64_t)params_bytes + 12 * (uint64_t)n_units)
        return "header has another length";
    *out = (struct independent_header){*shape, header + 20, header + 20 + params_bytes, params_bytes, n_units};
    return NULL;
}

static inline const char *check_units(const struct independent_header *h, uint64_t least, uint64_t most,
                                      size_t payload_bytes)
{
    uint64_t sum = 0;
    for (uint32_t u = 0; u < h->n_units; u++) {
        if (unit_bytes(h, u) < least || unit_bytes(h, u) > most)
            return "unit_bytes";
        sum += unit_bytes(h, u);
    }
    return sum == payload_bytes ? NULL : "payload has another length";
}

static inline const uint8_t *unit_at(const struct independent_header *h, const uint8_t *payload, uint32_t unit)
{
    for (uint32_t u = 0; u < unit; u++)
        payload += unit_bytes(h, u);
    return payload;
}

/* ---- codec 3: bit streams and order ----------------------------------------------------------- */

struct bits {
    const uint8_t *bytes;
    uint64_t n_bits, at;
    bool is_short; /* more was taken than there is */
};

static inline unsigned take_bit(struct bits *b)
{
    if (b->at == b->n_bits) {
        b->is_short = true;
        return 0;
    }
    const unsigned bit = b->bytes[b->at / 8] >> b->at % 8 & 1;
    b->at++;
    return bit;
}
/* A number of n bits, its lowest bit first. */
static inline uint32_t take(struct bits *b, unsigned n)
{
    uint32_t v = 0;
    for (unsigned i = 0; i < n; i++)
        v |= (uint32_t)take_bit(b) << i;
    return v;
}
/* The unused bits of the last byte are zero. */
static inline bool is_padded(struct bits *b)
{
    while (b->at % 8)
        if (take_bit(b))
            return false;
    return !b->is_short;
}
/* And nothing is left. */
static inline bool is_at_end(struct bits *b) { return is_padded(b) && b->at == b->n_bits; }

struct rice {
    uint32_t n, sum;
};
static const struct rice fresh_rice = {2, 8};

static inline uint32_t take_rice(struct bits *b, struct rice *r)
{
    unsigned k = 0, ones = 0;
    while (k < 24 && ((uint64_t)r->n << k) < r->sum)
        k++;
    while (ones < 20 && take_bit(b))
        ones++;
    const uint32_t v = ones == 20 ? take(b, 32) : (ones << k) + take(b, k);
    r->sum += v < 1u << 20 ? v : 1u << 20;
    if (++r->n == 32) {
        r->n /= 2;
        r->sum /= 2;
    }
    return v;
}

/* Dyadic order: the group of a frame, and the frames that it refers to. */
static inline unsigned dyadic_order(uint32_t n_frames, uint32_t f, uint32_t reference[2])
{
    if (!f)
        return 0;
    const uint32_t s = lowest_set_bit(f), r = f - s;
    reference[0] = r;
    reference[1] = f + s < n_frames ? f + s : r ? r - lowest_set_bit(r) : 0;
    return s == 1 ? 3 : s == 2 ? 2 : 1;
}

#endif
