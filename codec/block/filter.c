/* SPDX-License-Identifier: MIT
 * Deltas, layouts and shuffles of the zstd codec, in C that compilers vectorise. */
#include "filter.h"

#include "bytes.h"

/* The first frame of a block has no predecessor. */
static enum pxr_delta delta_of_frame(enum pxr_delta delta, uint32_t frame)
{
    const bool is_temporal = delta == PXR_DELTA_PREVIOUS || delta == PXR_DELTA_PREVIOUS_ABOVE;
    return is_temporal && frame == 0 ? PXR_DELTA_ABOVE : delta;
}

enum { MEAN_LANES = 4, TILE = 32 };

typedef uint16_t __attribute__((aligned(1), may_alias)) any_u16;

#define PX      uint8_t
#define SPX     int8_t
#define PX_BITS 8
#define PX_MAX  0xffu
#define NAME(f) f##_8
#include "filter_tmpl.c"
#undef PX
#undef SPX
#undef PX_BITS
#undef PX_MAX
#undef NAME
#define PX      any_u16
#define SPX     int16_t
#define PX_BITS 16
#define PX_MAX  0xffffu
#define NAME(f) f##_16
#include "filter_tmpl.c"

void pxr_filter_delta(const struct pxr_block_shape *shape, const struct pxr_samples *src,
                      enum pxr_delta delta, void *dst)
{
    if (shape->bits == 8)
        delta_8(shape, src, delta, dst);
    else
        delta_16(shape, src, delta, dst);
}

void pxr_filter_undelta(const struct pxr_block_shape *shape, enum pxr_delta delta, void *samples)
{
    if (delta == PXR_DELTA_NONE)
        return;
    if (shape->bits == 8)
        undelta_8(shape, delta, samples);
    else
        undelta_16(shape, delta, samples);
}

void pxr_filter_transpose(uint8_t bits, size_t n_rows, size_t n_columns, const void *src, void *dst)
{
    if (bits == 8)
        transpose_8(n_rows, n_columns, src, dst);
    else
        transpose_16(n_rows, n_columns, src, dst);
}

/* ---- byte planes ----------------------------------------------------------------------------- */

static void shuffle_bytes(size_t n, const any_u16 *restrict src, uint8_t *restrict dst)
{
    for (size_t i = 0; i < n; i++)
        dst[i] = (uint8_t)src[i];
    for (size_t i = 0; i < n; i++)
        dst[n + i] = (uint8_t)(src[i] >> 8);
}

static void unshuffle_bytes(size_t n, const uint8_t *restrict src, any_u16 *restrict dst)
{
    for (size_t i = 0; i < n; i++)
        dst[i] = (uint16_t)(src[i] | src[n + i] << 8);
}

/* ---- bit planes ------------------------------------------------------------------------------ */

static uint64_t load_word(const uint8_t *src)
{
    uint64_t w;
    memcpy(&w, src, 8);
    return pxr_is_little_endian() ? w : __builtin_bswap64(w);
}

static void store_word(uint8_t *dst, uint64_t w)
{
    w = pxr_is_little_endian() ? w : __builtin_bswap64(w);
    memcpy(dst, &w, 8);
}

/* Swap the bits of a selected by mask << shift with those of b selected by mask. */
#define EXCHANGE(a, b, shift, mask)                                                                \
    do {                                                                                           \
        const uint64_t t_ = ((a) >> (shift) ^ (b)) & (mask);                                       \
        (b) ^= t_;                                                                                 \
        (a) ^= t_ << (shift);                                                                      \
    } while (0)

/* Byte k of word b and byte b of word k change places; then, within each word, bit 8 r + c and bit
 * 8 c + r.  Both are their own inverses and swap blocks of 4, 2 and 1 on both sides of the
 * diagonal. */
static inline void transpose_bytes(uint64_t w[8])
{
    for (unsigned i = 0; i < 4; i++)
        EXCHANGE(w[i], w[i + 4], 32, UINT64_C(0x00000000ffffffff));
    for (unsigned i = 0; i < 8; i += 4)
        for (unsigned j = i; j < i + 2; j++)
            EXCHANGE(w[j], w[j + 2], 16, UINT64_C(0x0000ffff0000ffff));
    for (unsigned i = 0; i < 8; i += 2)
        EXCHANGE(w[i], w[i + 1], 8, UINT64_C(0x00ff00ff00ff00ff));
}

static inline void transpose_bits(uint64_t w[8])
{
    for (unsigned i = 0; i < 8; i++) {
        uint64_t x = w[i], t;
        t = (x ^ x >> 7) & UINT64_C(0x00aa00aa00aa00aa);
        x ^= t ^ t << 7;
        t = (x ^ x >> 14) & UINT64_C(0x0000cccc0000cccc);
        x ^= t ^ t << 14;
        t = (x ^ x >> 28) & UINT64_C(0x00000000f0f0f0f0);
        w[i] = x ^ t ^ t << 28;
    }
}

/* n_groups <= 8 bytes of each of 8 planes <-> 8 x n_groups samples of one byte. */
static void planes_to_bytes(const uint8_t *planes, size_t plane_bytes, size_t n_groups,
                            uint8_t bytes[64])
{
    uint64_t w[8] = {0};
    for (unsigned b = 0; b < 8; b++)
        if (n_groups == 8) {
            w[b] = load_word(planes + b * plane_bytes);
        } else {
            uint8_t part[8] = {0};
            memcpy(part, planes + b * plane_bytes, n_groups);
            w[b] = load_word(part);
        }
    transpose_bytes(w);
    transpose_bits(w);
    for (unsigned k = 0; k < 8; k++)
        store_word(bytes + 8 * k, w[k]);
}

static void bytes_to_planes(const uint8_t bytes[64], size_t plane_bytes, size_t n_groups,
                            uint8_t *planes)
{
    uint64_t w[8];
    for (unsigned k = 0; k < 8; k++)
        w[k] = load_word(bytes + 8 * k);
    transpose_bits(w);
    transpose_bytes(w);
    for (unsigned b = 0; b < 8; b++)
        if (n_groups == 8) {
            store_word(planes + b * plane_bytes, w[b]);
        } else {
            uint8_t part[8];
            store_word(part, w[b]);
            memcpy(planes + b * plane_bytes, part, n_groups);
        }
}

/* 64 samples at a time; the last round has fewer, in whole groups of 8. */
static void shuffle_bits(uint8_t bits, size_t n, const uint8_t *src, uint8_t *dst)
{
    const size_t plane_bytes = n / 8, sample_bytes = bits / 8u;
    for (size_t j = 0; j < plane_bytes; j += 8) {
        const size_t n_groups = pxr_min_u64(plane_bytes - j, 8), n_now = 8 * n_groups;
        const uint8_t *const from = src + 8 * j * sample_bytes;
        uint8_t low[64] = {0}, high[64] = {0};
        if (bits == 8) {
            memcpy(low, from, n_now);
        } else {
            for (size_t i = 0; i < n_now; i++) {
                const uint16_t v = ((const any_u16 *)from)[i];
                low[i] = (uint8_t)v;
                high[i] = (uint8_t)(v >> 8);
            }
            bytes_to_planes(high, plane_bytes, n_groups, dst + 8 * plane_bytes + j);
        }
        bytes_to_planes(low, plane_bytes, n_groups, dst + j);
    }
    pxr_copy_samples_le(dst + plane_bytes * bits, src + plane_bytes * bits, n % 8, bits);
}

static void unshuffle_bits(uint8_t bits, size_t n, const uint8_t *src, uint8_t *dst)
{
    const size_t plane_bytes = n / 8, sample_bytes = bits / 8u;
    for (size_t j = 0; j < plane_bytes; j += 8) {
        const size_t n_groups = pxr_min_u64(plane_bytes - j, 8), n_now = 8 * n_groups;
        uint8_t *const to = dst + 8 * j * sample_bytes;
        uint8_t low[64], high[64];
        planes_to_bytes(src + j, plane_bytes, n_groups, low);
        if (bits == 8) {
            memcpy(to, low, n_now);
            continue;
        }
        planes_to_bytes(src + 8 * plane_bytes + j, plane_bytes, n_groups, high);
        for (size_t i = 0; i < n_now; i++)
            ((any_u16 *)to)[i] = (uint16_t)(low[i] | high[i] << 8);
    }
    pxr_copy_samples_le(dst + plane_bytes * bits, src + plane_bytes * bits, n % 8, bits);
}

void pxr_filter_shuffle(enum pxr_shuffle shuffle, uint8_t bits, size_t n, const void *src,
                        uint8_t *dst)
{
    if (shuffle == PXR_SHUFFLE_BITS)
        shuffle_bits(bits, n, src, dst);
    else if (shuffle == PXR_SHUFFLE_BYTES)
        shuffle_bytes(n, src, dst);
    else
        pxr_copy_samples_le(dst, src, n, bits);
}

void pxr_filter_unshuffle(enum pxr_shuffle shuffle, uint8_t bits, size_t n, const uint8_t *src,
                          void *dst)
{
    if (shuffle == PXR_SHUFFLE_BITS)
        unshuffle_bits(bits, n, src, dst);
    else if (shuffle == PXR_SHUFFLE_BYTES)
        unshuffle_bytes(n, src, dst);
    else
        pxr_copy_samples_le(dst, src, n, bits);
}
