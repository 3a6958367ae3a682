/* SPDX-License-Identifier: MIT
 * Kernels of the predict codec for any machine: the specification of the others. */
#define LEVEL portable
#include "predict.h"

/* Without a branch, which nobody could predict. */
static inline uint32_t renormalise(uint32_t x, const uint8_t **words)
{
    const uint32_t low = 0 - (uint32_t)(x < PXR_RANS_LOW), word = pxr_load_u16le(*words);
    *words += low & 2;
    return x << (low & 16) | (word & low);
}

/* In three steps: loads, arithmetic that compilers turn into vectors, and what goes one by one. */
static inline const uint8_t *rans_chunk(uint32_t *restrict x, size_t lanes, const struct pxr_predict_slots *tables,
                                        const uint8_t *table_of, const uint8_t *words, uint32_t *restrict slots)
{
    const uint32_t n_each = tables->n_each;
    const int32_t n_skipped = (int32_t)tables->n_skipped;
    for (size_t i = 0; i < lanes; i++) {
        const int32_t slot = (int32_t)(x[i] & (PXR_PREDICT_TABLE - 1));
        const int32_t cell = slot >> PXR_PREDICT_CELL_LOG2, behind = slot - n_skipped;
        slots[i] = tables->entries[table_of[i] * n_each + (uint32_t)(cell > behind ? cell : behind)];
    }
    for (size_t i = 0; i < lanes; i++)
        x[i] = (slots[i] >> 8 & 0xFFF) * (x[i] >> PXR_PREDICT_TABLE_BITS) + (x[i] & (PXR_PREDICT_TABLE - 1)) -
               (slots[i] >> 20);
    for (size_t i = 0; i < lanes; i++)
        x[i] = renormalise(x[i], &words);
    return words;
}

static const uint8_t *rans_chunk8(uint32_t *restrict x, size_t lanes, const struct pxr_predict_slots *tables,
                                  const uint8_t *table_of, const uint8_t *words, uint8_t *restrict z)
{
    uint32_t slots[PXR_PREDICT_MAX_LANES];
    words = rans_chunk(x, lanes, tables, table_of, words, slots);
    for (size_t i = 0; i < lanes; i++)
        z[i] = (uint8_t)slots[i];
    return words;
}

static const uint8_t *rans_chunk16(uint32_t *restrict x, size_t lanes, const struct pxr_predict_slots *tables,
                                   const uint8_t *table_of, const uint8_t *words, uint16_t *restrict z)
{
    uint32_t slots[PXR_PREDICT_MAX_LANES], any = 0;
    words = rans_chunk(x, lanes, tables, table_of, words, slots);
    for (size_t i = 0; i < lanes; i++) {
        z[i] = (uint16_t)(slots[i] & 15);
        any |= slots[i];
    }
    if (!(any & 0xF0)) /* small residuals have no raw bits, and in calm parts no lane has any */
        return words;
    for (size_t i = 0; i < lanes; i++) {
        const uint32_t n = slots[i] >> 4 & 15, head = slots[i] & 15;
        z[i] = (uint16_t)(head << n | (x[i] & ((1u << n) - 1)));
        x[i] = renormalise(x[i] >> n, &words);
    }
    return words;
}

static const uint8_t *rans_decode_8(uint32_t *x, size_t lanes, const struct pxr_predict_slots *tables,
                                    const uint8_t *table_of, size_t n, const uint8_t *words, uint8_t *z)
{
    for (size_t j = 0; j < n; j += lanes)
        words = rans_chunk8(x, lanes, tables, table_of + j, words, z + j);
    return words;
}

static const uint8_t *rans_decode_16(uint32_t *x, size_t lanes, const struct pxr_predict_slots *tables,
                                     const uint8_t *table_of, size_t n, const uint8_t *words,
                                     uint16_t *z)
{
    for (size_t j = 0; j < n; j += lanes)
        words = rans_chunk16(x, lanes, tables, table_of + j, words, z + j);
    return words;
}

#include "predict_put_tmpl.c"

#include "predict_level_tmpl.c"
