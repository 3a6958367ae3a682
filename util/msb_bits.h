/* SPDX-License-Identifier: MIT
 * Bits in bytes, the highest of each byte first: what older image formats use. */
#ifndef PXR_UTIL_MSB_BITS_H
#define PXR_UTIL_MSB_BITS_H

#include "buffer.h"

struct pxr_msb_writer {
    struct pxr_buffer *to; /* borrowed */
    uint64_t bits;
    unsigned n_bits; /* below 8 between calls */
    bool is_failed;  /* no memory */
};
struct pxr_msb_reader {
    const uint8_t *src;
    size_t n_bytes, at;
    uint64_t bits;
    unsigned n_bits;  /* below 8 between calls */
    bool is_past_end; /* more was asked for than is there; what was returned is zero */
};

/* n <= 32; v < 2^n */
static inline void pxr_msb_put(struct pxr_msb_writer *w, uint32_t v, unsigned n)
{
    w->bits = w->bits << n | v;
    for (w->n_bits += n; w->n_bits >= 8;) {
        w->n_bits -= 8;
        const uint8_t byte = (uint8_t)(w->bits >> w->n_bits);
        w->is_failed |= !pxr_buffer_add(w->to, &byte, 1);
    }
}
/* Fill the last byte with zeros. */
static inline void pxr_msb_end(struct pxr_msb_writer *w)
{
    if (w->n_bits)
        pxr_msb_put(w, 0, 8 - w->n_bits);
}
/* n <= 32 */
static inline uint32_t pxr_msb_get(struct pxr_msb_reader *r, unsigned n)
{
    while (r->n_bits < n) {
        r->bits <<= 8;
        if (r->at < r->n_bytes)
            r->bits |= r->src[r->at++];
        else
            r->is_past_end = true;
        r->n_bits += 8;
    }
    r->n_bits -= n;
    const uint32_t v = (uint32_t)(r->bits >> r->n_bits & (((uint64_t)1 << n) - 1));
    return r->is_past_end ? 0 : v;
}
/* The bits that are left of the byte that was begun, as a number: zero is what padding should be. */
static inline uint32_t pxr_msb_rest_of_byte(struct pxr_msb_reader *r)
{
    return pxr_msb_get(r, r->n_bits);
}

#endif
