/* SPDX-License-Identifier: MIT
 * Bits and adaptive Rice codes in bytes, for small side data. */
#ifndef PXR_UTIL_BITIO_H
#define PXR_UTIL_BITIO_H

#include "buffer.h"

/* Bits are stored from the lowest of each byte on. */
struct pxr_bit_writer {
    struct pxr_buffer *to; /* borrowed */
    uint64_t bits;
    unsigned n_bits; /* below 8 between calls */
    bool is_failed;  /* no memory */
};
struct pxr_bit_reader {
    const uint8_t *src;
    size_t n_bytes, at;
    uint64_t bits;
    unsigned n_bits;
    bool is_past_end; /* more was asked for than is there; what was returned is zero */
};

/* n <= 32 */
static inline void pxr_bits_put(struct pxr_bit_writer *w, uint32_t v, unsigned n)
{
    w->bits |= (uint64_t)v << w->n_bits;
    for (w->n_bits += n; w->n_bits >= 8; w->n_bits -= 8, w->bits >>= 8) {
        const uint8_t byte = (uint8_t)w->bits;
        w->is_failed |= !pxr_buffer_add(w->to, &byte, 1);
    }
}
/* Fill the last byte with zeros. */
static inline void pxr_bits_end(struct pxr_bit_writer *w)
{
    if (w->n_bits)
        pxr_bits_put(w, 0, 8 - w->n_bits);
}
static inline uint32_t pxr_bits_get(struct pxr_bit_reader *r, unsigned n)
{
    while (r->n_bits < n) {
        if (r->at < r->n_bytes)
            r->bits |= (uint64_t)r->src[r->at++] << r->n_bits;
        else
            r->is_past_end = true;
        r->n_bits += 8;
    }
    const uint32_t v = (uint32_t)(r->bits & (((uint64_t)1 << n) - 1));
    r->bits >>= n;
    r->n_bits -= n;
    return v;
}

/* A Rice code whose parameter follows the values: k is the least with n << k >= sum. */
struct pxr_rice {
    uint32_t n, sum;
};
#define PXR_RICE_INIT {2, 8}
#define PXR_RICE_ESCAPE 20 /* this many ones: 32 plain bits follow */

static inline unsigned pxr_rice_k(const struct pxr_rice *s)
{
    unsigned k = 0;
    while (k < 24 && ((uint64_t)s->n << k) < s->sum)
        k++;
    return k;
}
static inline void pxr_rice_learn(struct pxr_rice *s, uint32_t v)
{
    s->sum += v < 1u << 20 ? v : 1u << 20;
    if (++s->n == 32) {
        s->n /= 2;
        s->sum /= 2;
    }
}
static inline void pxr_rice_put(struct pxr_bit_writer *w, struct pxr_rice *s, uint32_t v)
{
    const unsigned k = pxr_rice_k(s);
    if (v >> k < PXR_RICE_ESCAPE) {
        pxr_bits_put(w, (1u << (v >> k)) - 1, (unsigned)(v >> k) + 1);
        pxr_bits_put(w, v & ((1u << k) - 1), k);
    } else {
        pxr_bits_put(w, (1u << PXR_RICE_ESCAPE) - 1, PXR_RICE_ESCAPE);
        pxr_bits_put(w, v, 32);
    }
    pxr_rice_learn(s, v);
}
static inline uint32_t pxr_rice_get(struct pxr_bit_reader *r, struct pxr_rice *s)
{
    const unsigned k = pxr_rice_k(s);
    uint32_t high = 0, v;
    while (high < PXR_RICE_ESCAPE && pxr_bits_get(r, 1))
        high++;
    v = high < PXR_RICE_ESCAPE ? high << k | pxr_bits_get(r, k) : pxr_bits_get(r, 32);
    pxr_rice_learn(s, v);
    return v;
}
/* Signed values: 0, -1, 1, -2, ... */
static inline uint32_t pxr_zigzag(int32_t v) { return (uint32_t)v << 1 ^ (uint32_t)(v >> 31); }
static inline int32_t pxr_unzigzag(uint32_t z) { return (int32_t)(z >> 1 ^ (0u - (z & 1))); }

/* Write v (w is not NULL) or read what takes its place, as the difference from the number before, modulo 2^32. */
static inline int32_t pxr_rice_code_difference(struct pxr_bit_writer *w, struct pxr_bit_reader *r,
                                               struct pxr_rice *rice, int32_t v, int32_t before)
{
    if (w) {
        pxr_rice_put(w, rice, pxr_zigzag(v - before));
        return v;
    }
    return (int32_t)((uint32_t)before + (uint32_t)pxr_unzigzag(pxr_rice_get(r, rice)));
}

#endif
