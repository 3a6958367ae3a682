/* SPDX-License-Identifier: MIT
 * Codec 4: the binary range coder, adaptive bits and mixed bits, as inline functions that encode or decode
 * by a constant argument. */
#ifndef PXR_CODEC_MATCH_CODER_H
#define PXR_CODEC_MATCH_CODER_H

#include "match.h"

#define PXR_ALWAYS_INLINE static inline __attribute__((always_inline))

/* ---- range coder -------------------------------------------------------------------------------- */

static inline void pxr_match_put_byte(struct pxr_match_coder *c, unsigned byte)
{
    const uint8_t b = (uint8_t)byte;
    if (!pxr_buffer_add(c->out, &b, 1))
        c->is_out_of_memory = true;
}

/* Write what is held back; low has not overtaken it or has by 1. */
static inline void pxr_match_put_held(struct pxr_match_coder *c)
{
    const unsigned carry = (unsigned)(c->low >> 32);
    if (c->has_held) /* before the first byte there is nothing to carry into: the code is below 1 */
        pxr_match_put_byte(c, c->held + carry);
    for (; c->n_ones; c->n_ones--)
        pxr_match_put_byte(c, 0xFF + carry);
}

static inline void pxr_match_shift_low(struct pxr_match_coder *c)
{
    if (c->low < 0xFF000000u || c->low >> 32) {
        pxr_match_put_held(c);
        c->held = (uint8_t)(c->low >> 24);
        c->has_held = true;
    } else {
        c->n_ones++;
    }
    c->low = (c->low & 0x00FFFFFFu) << 8;
}

static inline unsigned pxr_match_next_byte(struct pxr_match_coder *c)
{
    const size_t at = c->n_read++;
    return at < c->src_bytes ? c->src[at] : 0;
}

static inline struct pxr_match_coder pxr_match_encoder_of(struct pxr_buffer *out)
{
    return (struct pxr_match_coder){.range = UINT32_MAX, .out = out};
}

static inline struct pxr_match_coder pxr_match_decoder_of(const uint8_t *src, size_t src_bytes)
{
    struct pxr_match_coder c = {.range = UINT32_MAX, .src = src, .src_bytes = src_bytes};
    for (int i = 0; i < 4; i++)
        c.code = c.code << 8 | pxr_match_next_byte(&c);
    return c;
}

/* Write as few bytes as decide all bits; a decoder reads zeros behind them. */
static inline bool pxr_match_encoder_end(struct pxr_match_coder *c)
{
    for (unsigned n = 0;; n++) {
        const uint64_t mask = (uint64_t)UINT32_MAX >> 8 * n, v = (c->low + mask) & ~mask;
        if (v - c->low < c->range) {
            c->low = v;
            while (n--)
                pxr_match_shift_low(c);
            pxr_match_put_held(c);
            return !c->is_out_of_memory;
        }
    }
}

/* An encoder leaves out at most the last four bytes, where they are zeros. */
static inline bool pxr_match_decoder_has_overrun(const struct pxr_match_coder *c)
{
    return c->n_read > c->src_bytes && c->n_read - c->src_bytes > 4;
}

/* Every byte was needed, and no more than are there. */
static inline bool pxr_match_decoder_is_at_end(const struct pxr_match_coder *c)
{
    return c->n_read >= c->src_bytes && !pxr_match_decoder_has_overrun(c);
}

/* A bit that is 1 with probability p / 65536, p in 1..65535. */
PXR_ALWAYS_INLINE unsigned pxr_match_bit(struct pxr_match_coder *c, bool is_encoder, uint32_t p,
                                         unsigned bit)
{
    const uint32_t bound = (uint32_t)((uint64_t)c->range * p >> 16);
    if (!is_encoder)
        bit = c->code < bound;
    if (bit) {
        c->range = bound;
    } else {
        if (is_encoder)
            c->low += bound;
        else
            c->code -= bound;
        c->range -= bound;
    }
    while (c->range < (uint32_t)1 << 24) {
        c->range <<= 8;
        if (is_encoder)
            pxr_match_shift_low(c);
        else
            c->code = c->code << 8 | pxr_match_next_byte(c);
    }
    return bit;
}

/* ---- adaptive bits ------------------------------------------------------------------------------ */

enum { PXR_MATCH_DIRECT_LIMIT = 250, PXR_MATCH_SLOT_LIMIT = 15 };

PXR_ALWAYS_INLINE unsigned pxr_match_direct(const struct pxr_match_tables *t, struct pxr_match_coder *c,
                                            bool is_encoder, uint32_t *s, unsigned bit)
{
    const uint32_t p16 = *s >> 16, n = *s & 1023;
    const int32_t p = (int32_t)(*s >> 10);
    bit = pxr_match_bit(c, is_encoder, p16 ? p16 : 1, bit);
    const int32_t d = (int32_t)(bit << 22) - p;
    const int32_t next = p + (int32_t)((int64_t)d * t->rate[n] >> 16);
    *s = (uint32_t)next << 10 | (n < PXR_MATCH_DIRECT_LIMIT ? n + 1 : n);
    return bit;
}

/* Steps towards the bit that came are rounded up, so that a probability never gets stuck. */
static inline uint16_t pxr_match_slot_after(uint16_t slot, unsigned bit)
{
    static const uint16_t rates[16] = {40960, 25206, 18204, 14246, 11702, 9929, 8623, 7281,
                                       5957,  5041,  4369,  3855,  3276,  2849, 2520, 2184};
    const uint32_t n = slot & 15, p = slot >> 4, distance = bit ? 4095 - p : p;
    const uint32_t step = (distance * rates[n] + 65535) >> 16;
    return (uint16_t)((bit ? p + step : p - step) << 4 | (n < PXR_MATCH_SLOT_LIMIT ? n + 1 : n));
}

static inline uint16_t *pxr_match_slot(uint16_t *table, unsigned bits, uint64_t context)
{
    return table + (context * UINT64_C(0x9E3779B97F4A7C15) >> (64 - bits));
}

#define PXR_MATCH_MAX_WEIGHT (1 << 22)

/* A bit whose probability is mixed from those of n slots. */
PXR_ALWAYS_INLINE unsigned pxr_match_mixed(const struct pxr_match_tables *t, struct pxr_match_coder *c,
                                           bool is_encoder, uint16_t *const *slots, unsigned n,
                                           int32_t *weights, unsigned bit)
{
    int32_t x[PXR_MATCH_INPUTS];
    int64_t sum = 0;
    for (unsigned i = 0; i < n; i++) {
        x[i] = t->stretch[*slots[i] >> 4];
        sum += (int64_t)weights[i] * x[i];
    }
    sum >>= 16;
    const int64_t logit = sum > 2047 ? 2047 : sum < -2047 ? -2047 : sum;
    const int32_t p = t->squash[logit + 2048];
    bit = pxr_match_bit(c, is_encoder, (uint32_t)p, bit);
    const int32_t error = ((int32_t)(bit << 16) - p) * 3;
    for (unsigned i = 0; i < n; i++) {
        const int32_t w = weights[i] + (x[i] * error >> 18);
        weights[i] = w > PXR_MATCH_MAX_WEIGHT    ? PXR_MATCH_MAX_WEIGHT
                     : w < -PXR_MATCH_MAX_WEIGHT ? -PXR_MATCH_MAX_WEIGHT
                                                 : w;
        *slots[i] = pxr_match_slot_after(*slots[i], bit);
    }
    return bit;
}

#endif
