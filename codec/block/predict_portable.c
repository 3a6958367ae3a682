/* SPDX-License-Identifier: MIT
 * Kernels of the predict codec for any machine: the specification of the others. */
#define LEVEL portable
#include "predict.h"

/* Without a branch, which nobody could predict. */
static inline uint32_t renormalise(uint32_t x, const uint8_t **words)
{
    const uint32_t is_low = x < PXR_RANS_LOW, mask = 0 - is_low;
    const uint32_t longer = x << 16 | pxr_load_u16le(*words);
    *words += 2 * is_low;
    return (longer & mask) | (x & ~mask);
}

static inline uint32_t decode_symbol(uint32_t *x, const uint32_t *table, const uint8_t **words)
{
    const uint32_t slot = table[*x & (PXR_PREDICT_TABLE - 1)];
    *x = (slot >> 8 & 0xFFF) * (*x >> PXR_PREDICT_TABLE_BITS) + (slot >> 20);
    *x = renormalise(*x, words);
    return slot & 0xFF;
}

static const uint8_t *rans_chunk8(uint32_t *x, size_t lanes, const uint32_t *tables,
                                  const uint8_t *table_of, const uint8_t *words, uint8_t *z)
{
    for (size_t i = 0; i < lanes; i++)
        z[i] = (uint8_t)decode_symbol(&x[i], tables + ((size_t)table_of[i] << PXR_PREDICT_TABLE_BITS),
                                      &words);
    return words;
}

static const uint8_t *rans_chunk16(uint32_t *x, size_t lanes, const uint32_t *tables,
                                   const uint8_t *table_of, const uint8_t *words, uint16_t *z)
{
    for (size_t i = 0; i < lanes; i++)
        z[i] = (uint16_t)decode_symbol(&x[i], tables + ((size_t)table_of[i] << PXR_PREDICT_TABLE_BITS),
                                       &words);
    for (size_t i = 0; i < lanes; i++) {
        const uint32_t token = z[i];
        const unsigned n = pxr_token_raw_bits(token);
        z[i] = (uint16_t)(pxr_token_base(token) | (x[i] & ((1u << n) - 1)));
        x[i] = renormalise(x[i] >> n, &words);
    }
    return words;
}

static const uint8_t *rans_decode_8(uint32_t *x, size_t lanes, const uint32_t *tables,
                                    const uint8_t *table_of, size_t n, const uint8_t *words, uint8_t *z)
{
    for (size_t j = 0; j < n; j += lanes)
        words = rans_chunk8(x, lanes, tables, table_of + j, words, z + j);
    return words;
}

static const uint8_t *rans_decode_16(uint32_t *x, size_t lanes, const uint32_t *tables,
                                     const uint8_t *table_of, size_t n, const uint8_t *words,
                                     uint16_t *z)
{
    for (size_t j = 0; j < n; j += lanes)
        words = rans_chunk16(x, lanes, tables, table_of + j, words, z + j);
    return words;
}

#include "predict_level_tmpl.c"
