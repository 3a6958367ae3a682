/* SPDX-License-Identifier: MIT
 * Kernels of the predict codec for AVX2: eight lanes at once. */
#define LEVEL avx2
#include "predict.h"

#include <immintrin.h>

/* For each mask of lanes that take a word: which of the next eight words each lane gets. */
struct spread_table {
    _Alignas(32) uint32_t index[256][8];
};
#define R1(m, i) ((m) >> (i)&1)
#define BELOW(m, i) (unsigned)__builtin_popcount((m) & ((1u << (i)) - 1))
#define ROW(m)                                                                                     \
    {                                                                                              \
        BELOW(m, 0), BELOW(m, 1), BELOW(m, 2), BELOW(m, 3), BELOW(m, 4), BELOW(m, 5), BELOW(m, 6), \
            BELOW(m, 7)                                                                            \
    }
#define ROW4(m) ROW(m), ROW((m) + 1), ROW((m) + 2), ROW((m) + 3)
#define ROW16(m) ROW4(m), ROW4((m) + 4), ROW4((m) + 8), ROW4((m) + 12)
#define ROW64(m) ROW16(m), ROW16((m) + 16), ROW16((m) + 32), ROW16((m) + 48)
static const struct spread_table spread = {{ROW64(0u), ROW64(64u), ROW64(128u), ROW64(192u)}};

static inline __m256i renormalise(__m256i x, const uint8_t **words)
{
    /* Unsigned x < 2^16: nothing above the low half. */
    const __m256i is_low = _mm256_cmpeq_epi32(_mm256_srli_epi32(x, 16), _mm256_setzero_si256());
    const unsigned mask = (unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(is_low));
    const __m256i next = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)(const void *)*words));
    const __m256i w = _mm256_permutevar8x32_epi32(
        next, _mm256_load_si256((const __m256i *)(const void *)spread.index[mask]));
    *words += 2 * (size_t)__builtin_popcount(mask);
    return _mm256_blendv_epi8(x, _mm256_or_si256(_mm256_slli_epi32(x, 16), w), is_low);
}

static inline __m256i gather_slots(__m256i x, const uint32_t *tables, const uint8_t *contexts)
{
    const __m256i context = _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)contexts));
    const __m256i at = _mm256_or_si256(_mm256_slli_epi32(context, PXR_PREDICT_TABLE_BITS),
                                       _mm256_and_si256(x, _mm256_set1_epi32(PXR_PREDICT_TABLE - 1)));
    return _mm256_i32gather_epi32((const int *)tables, at, 4);
}

static inline __m256i advance(__m256i x, __m256i slot)
{
    const __m256i f = _mm256_and_si256(_mm256_srli_epi32(slot, 8), _mm256_set1_epi32(0xFFF));
    return _mm256_add_epi32(_mm256_mullo_epi32(f, _mm256_srli_epi32(x, PXR_PREDICT_TABLE_BITS)),
                            _mm256_srli_epi32(slot, 20));
}

static inline __m128i narrow(__m256i v) /* eight 32-bit numbers below 2^16 */
{
    return _mm_packus_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
}

static inline __attribute__((always_inline)) const uint8_t *
chunk_8(__m256i *x, const size_t n_vectors, const uint32_t *tables, const uint8_t *contexts,
        const uint8_t *words, uint8_t *z)
{
    __m256i slots[PXR_PREDICT_MAX_LANES / 8];
#pragma GCC unroll 8
    for (size_t i = 0; i < n_vectors; i++) /* all gathers first: they are what takes time */
        slots[i] = gather_slots(x[i], tables, contexts + 8 * i);
#pragma GCC unroll 8
    for (size_t i = 0; i < n_vectors; i++) {
        x[i] = renormalise(advance(x[i], slots[i]), &words);
        const __m128i s = narrow(_mm256_and_si256(slots[i], _mm256_set1_epi32(0xFF)));
        _mm_storel_epi64((__m128i *)(void *)(z + 8 * i), _mm_packus_epi16(s, s));
    }
    return words;
}

static inline __attribute__((always_inline)) const uint8_t *
chunk_16(__m256i *x, const size_t n_vectors, const uint32_t *tables, const uint8_t *contexts,
         const uint8_t *words, uint16_t *z)
{
    const __m256i sixteen = _mm256_set1_epi32(16), one = _mm256_set1_epi32(1);
    __m256i slots[PXR_PREDICT_MAX_LANES / 8];
#pragma GCC unroll 8
    for (size_t i = 0; i < n_vectors; i++)
        slots[i] = gather_slots(x[i], tables, contexts + 8 * i);
#pragma GCC unroll 8
    for (size_t i = 0; i < n_vectors; i++) {
        x[i] = renormalise(advance(x[i], slots[i]), &words);
        slots[i] = _mm256_and_si256(slots[i], _mm256_set1_epi32(0xFF));
    }
#pragma GCC unroll 8
    for (size_t i = 0; i < n_vectors; i++) {
        const __m256i t = slots[i], rest = _mm256_sub_epi32(t, sixteen);
        const __m256i is_small = _mm256_cmpgt_epi32(sixteen, t);
        const __m256i n = _mm256_andnot_si256(
            is_small, _mm256_add_epi32(_mm256_srli_epi32(rest, 2), _mm256_set1_epi32(2)));
        const __m256i head = _mm256_or_si256(_mm256_and_si256(t, _mm256_set1_epi32(3)),
                                             _mm256_set1_epi32(4));
        const __m256i base = _mm256_blendv_epi8(_mm256_sllv_epi32(head, n), t, is_small);
        const __m256i mask = _mm256_sub_epi32(_mm256_sllv_epi32(one, n), one);
        const __m256i value = _mm256_or_si256(base, _mm256_and_si256(x[i], mask));
        _mm_storeu_si128((__m128i *)(void *)(z + 8 * i), narrow(value));
        x[i] = renormalise(_mm256_srlv_epi32(x[i], n), &words);
    }
    return words;
}

#define VECTOR __m256i
#define WIDTH 8
static inline __m256i lanes_load(const uint32_t *p) { return _mm256_loadu_si256((const __m256i *)(const void *)p); }
static inline void lanes_store(uint32_t *p, __m256i v) { _mm256_storeu_si256((__m256i *)(void *)p, v); }

#include "predict_lanes_tmpl.c"

#include "predict_level_tmpl.c"
