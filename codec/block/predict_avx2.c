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

/* Symbols of eight lanes as 32-bit numbers. */
static inline __m256i symbols8(__m256i *x, const uint32_t *tables, const uint8_t *contexts,
                               const uint8_t **words)
{
    const __m256i context = _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)contexts));
    const __m256i at = _mm256_or_si256(_mm256_slli_epi32(context, PXR_PREDICT_TABLE_BITS),
                                       _mm256_and_si256(*x, _mm256_set1_epi32(PXR_PREDICT_TABLE - 1)));
    const __m256i slot = _mm256_i32gather_epi32((const int *)tables, at, 4);
    const __m256i f = _mm256_and_si256(_mm256_srli_epi32(slot, 8), _mm256_set1_epi32(0xFFF));
    const __m256i v = _mm256_add_epi32(
        _mm256_mullo_epi32(f, _mm256_srli_epi32(*x, PXR_PREDICT_TABLE_BITS)), _mm256_srli_epi32(slot, 20));
    *x = renormalise(v, words);
    return _mm256_and_si256(slot, _mm256_set1_epi32(0xFF));
}

static inline __m128i narrow(__m256i v) /* eight 32-bit numbers below 2^16 */
{
    return _mm_packus_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
}

static const uint8_t *rans_chunk8(uint32_t *x, size_t lanes, const uint32_t *tables,
                                  const uint8_t *contexts, const uint8_t *words, uint8_t *z)
{
    for (size_t i = 0; i < lanes; i += 8) {
        __m256i v = _mm256_loadu_si256((const __m256i *)(const void *)(x + i));
        const __m128i s = narrow(symbols8(&v, tables, contexts + i, &words));
        _mm256_storeu_si256((__m256i *)(void *)(x + i), v);
        _mm_storel_epi64((__m128i *)(void *)(z + i), _mm_packus_epi16(s, s));
    }
    return words;
}

static const uint8_t *rans_chunk16(uint32_t *x, size_t lanes, const uint32_t *tables,
                                   const uint8_t *contexts, const uint8_t *words, uint16_t *z)
{
    const __m256i sixteen = _mm256_set1_epi32(16), one = _mm256_set1_epi32(1);
    __m256i tokens[PXR_PREDICT_MAX_LANES / 8], any = _mm256_setzero_si256();
    for (size_t i = 0; i < lanes; i += 8) {
        __m256i v = _mm256_loadu_si256((const __m256i *)(const void *)(x + i));
        tokens[i / 8] = symbols8(&v, tables, contexts + i, &words);
        any = _mm256_or_si256(any, tokens[i / 8]);
        _mm256_storeu_si256((__m256i *)(void *)(x + i), v);
        _mm_storeu_si128((__m128i *)(void *)(z + i), narrow(tokens[i / 8]));
    }
    if (_mm256_testz_si256(any, _mm256_set1_epi32(0xF0)))
        return words; /* no token of this chunk has raw bits */
    for (size_t i = 0; i < lanes; i += 8) {
        const __m256i t = tokens[i / 8], rest = _mm256_sub_epi32(t, sixteen);
        const __m256i is_small = _mm256_cmpgt_epi32(sixteen, t);
        const __m256i n = _mm256_andnot_si256(
            is_small, _mm256_add_epi32(_mm256_srli_epi32(rest, 2), _mm256_set1_epi32(2)));
        const __m256i head = _mm256_or_si256(_mm256_and_si256(t, _mm256_set1_epi32(3)),
                                             _mm256_set1_epi32(4));
        const __m256i base = _mm256_blendv_epi8(_mm256_sllv_epi32(head, n), t, is_small);
        const __m256i v = _mm256_loadu_si256((const __m256i *)(const void *)(x + i));
        const __m256i mask = _mm256_sub_epi32(_mm256_sllv_epi32(one, n), one);
        const __m256i value = _mm256_or_si256(base, _mm256_and_si256(v, mask));
        _mm_storeu_si128((__m128i *)(void *)(z + i), narrow(value));
        _mm256_storeu_si256((__m256i *)(void *)(x + i), renormalise(_mm256_srlv_epi32(v, n), &words));
    }
    return words;
}

#include "predict_level_tmpl.c"
