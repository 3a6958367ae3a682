/* SPDX-License-Identifier: MIT
 * Kernels of the predict codec for AVX-512: sixteen lanes at once. */
#define LEVEL avx512
#include "predict.h"

#include <immintrin.h>

static inline __m512i renormalise(__m512i x, const uint8_t **words)
{
    const __mmask16 is_low = _mm512_cmplt_epu32_mask(x, _mm512_set1_epi32(1 << 16));
    const __m512i next =
        _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)(const void *)*words));
    const __m512i w = _mm512_maskz_expand_epi32(is_low, next);
    *words += 2 * (size_t)__builtin_popcount((unsigned)is_low);
    return _mm512_mask_or_epi32(x, is_low, _mm512_slli_epi32(x, 16), w);
}

static inline __m512i gather_slots(__m512i x, const uint32_t *tables, const uint8_t *contexts)
{
    const __m512i context =
        _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)(const void *)contexts));
    const __m512i at =
        _mm512_or_si512(_mm512_slli_epi32(context, PXR_PREDICT_TABLE_BITS),
                        _mm512_and_si512(x, _mm512_set1_epi32(PXR_PREDICT_TABLE - 1)));
    return _mm512_i32gather_epi32(at, tables, 4);
}

static inline __m512i advance(__m512i x, __m512i slot)
{
    const __m512i f = _mm512_and_si512(_mm512_srli_epi32(slot, 8), _mm512_set1_epi32(0xFFF));
    return _mm512_add_epi32(_mm512_mullo_epi32(f, _mm512_srli_epi32(x, PXR_PREDICT_TABLE_BITS)),
                            _mm512_srli_epi32(slot, 20));
}

static inline __attribute__((always_inline)) const uint8_t *
chunk_8(__m512i *x, const size_t n_vectors, const uint32_t *tables, const uint8_t *contexts,
        const uint8_t *words, uint8_t *z)
{
    __m512i slots[PXR_PREDICT_MAX_LANES / 16];
#pragma GCC unroll 4
    for (size_t i = 0; i < n_vectors; i++) /* all gathers first: they are what takes time */
        slots[i] = gather_slots(x[i], tables, contexts + 16 * i);
#pragma GCC unroll 4
    for (size_t i = 0; i < n_vectors; i++) {
        x[i] = renormalise(advance(x[i], slots[i]), &words);
        _mm_storeu_si128((__m128i *)(void *)(z + 16 * i), _mm512_cvtepi32_epi8(slots[i]));
    }
    return words;
}

static inline __attribute__((always_inline)) const uint8_t *
chunk_16(__m512i *x, const size_t n_vectors, const uint32_t *tables, const uint8_t *contexts,
         const uint8_t *words, uint16_t *z)
{
    const __m512i sixteen = _mm512_set1_epi32(16), one = _mm512_set1_epi32(1);
    __m512i slots[PXR_PREDICT_MAX_LANES / 16];
#pragma GCC unroll 4
    for (size_t i = 0; i < n_vectors; i++)
        slots[i] = gather_slots(x[i], tables, contexts + 16 * i);
#pragma GCC unroll 4
    for (size_t i = 0; i < n_vectors; i++) {
        x[i] = renormalise(advance(x[i], slots[i]), &words);
        slots[i] = _mm512_and_si512(slots[i], _mm512_set1_epi32(0xFF));
    }
#pragma GCC unroll 4
    for (size_t i = 0; i < n_vectors; i++) {
        const __m512i t = slots[i];
        const __mmask16 is_large = _mm512_cmpge_epi32_mask(t, sixteen);
        const __m512i n = _mm512_maskz_add_epi32(
            is_large, _mm512_srli_epi32(_mm512_sub_epi32(t, sixteen), 2), _mm512_set1_epi32(2));
        const __m512i head =
            _mm512_or_si512(_mm512_and_si512(t, _mm512_set1_epi32(3)), _mm512_set1_epi32(4));
        const __m512i base = _mm512_mask_sllv_epi32(t, is_large, head, n);
        const __m512i mask = _mm512_sub_epi32(_mm512_sllv_epi32(one, n), one);
        const __m512i value = _mm512_or_si512(base, _mm512_and_si512(x[i], mask));
        _mm256_storeu_si256((__m256i *)(void *)(z + 16 * i), _mm512_cvtepi32_epi16(value));
        x[i] = renormalise(_mm512_srlv_epi32(x[i], n), &words);
    }
    return words;
}

#define VECTOR __m512i
#define WIDTH 16
static inline __m512i lanes_load(const uint32_t *p) { return _mm512_loadu_si512(p); }
static inline void lanes_store(uint32_t *p, __m512i v) { _mm512_storeu_si512(p, v); }

#include "predict_lanes_tmpl.c"

#include "predict_level_tmpl.c"
