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

/* One by one: gathering is no faster, and on some machines much slower. */
static inline __m128i slots_of_4(const uint32_t *tables, __m128i at)
{
    const uint64_t low = (uint64_t)_mm_cvtsi128_si64(at), high = (uint64_t)_mm_extract_epi64(at, 1);
    __m128i v = _mm_cvtsi32_si128((int)tables[(uint32_t)low]);
    v = _mm_insert_epi32(v, (int)tables[low >> 32], 1);
    v = _mm_insert_epi32(v, (int)tables[(uint32_t)high], 2);
    return _mm_insert_epi32(v, (int)tables[high >> 32], 3);
}

static inline __m512i slot_of(__m512i x) { return _mm512_and_si512(x, _mm512_set1_epi32(PXR_PREDICT_TABLE - 1)); }

static inline __m512i slots_of(__m512i x, const struct pxr_predict_slots *t, const uint8_t *table_of)
{
    const uint32_t *const tables = t->entries;
    const __m512i table =
        _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)(const void *)table_of));
    const __m512i slot = slot_of(x), cell = _mm512_srli_epi32(slot, PXR_PREDICT_CELL_LOG2);
    const __m512i behind = _mm512_sub_epi32(slot, _mm512_set1_epi32((int)t->n_skipped));
    const __m512i at = _mm512_add_epi32(_mm512_madd_epi16(table, _mm512_set1_epi32((int)t->n_each)),
                                        _mm512_max_epi32(cell, behind));
    const __m128i a = slots_of_4(tables, _mm512_castsi512_si128(at));
    const __m128i b = slots_of_4(tables, _mm512_extracti32x4_epi32(at, 1));
    const __m128i c = slots_of_4(tables, _mm512_extracti32x4_epi32(at, 2));
    const __m128i d = slots_of_4(tables, _mm512_extracti32x4_epi32(at, 3));
    return _mm512_inserti64x4(_mm512_castsi256_si512(_mm256_set_m128i(b, a)), _mm256_set_m128i(d, c), 1);
}

static inline __m512i advance(__m512i x, __m512i slot)
{
    const __m512i f = _mm512_and_si512(_mm512_srli_epi32(slot, 8), _mm512_set1_epi32(0xFFF));
    return _mm512_add_epi32(_mm512_mullo_epi32(f, _mm512_srli_epi32(x, PXR_PREDICT_TABLE_BITS)),
                            _mm512_sub_epi32(slot_of(x), _mm512_srli_epi32(slot, 20)));
}

static inline __attribute__((always_inline)) const uint8_t *
chunk_8(__m512i *x, const size_t n_vectors, const struct pxr_predict_slots *tables, const uint8_t *table_of,
        const uint8_t *words, uint8_t *z)
{
    __m512i slots[PXR_PREDICT_MAX_LANES / 16];
#pragma GCC unroll 4
    for (size_t i = 0; i < n_vectors; i++) /* all lookups first: they are what takes time */
        slots[i] = slots_of(x[i], tables, table_of + 16 * i);
#pragma GCC unroll 4
    for (size_t i = 0; i < n_vectors; i++) {
        x[i] = renormalise(advance(x[i], slots[i]), &words);
        _mm_storeu_si128((__m128i *)(void *)(z + 16 * i), _mm512_cvtepi32_epi8(slots[i]));
    }
    return words;
}

/* Small residuals have no raw bits, and in calm parts no lane has any: then half of the work is left out. */
static inline __attribute__((always_inline)) bool store_small(const __m512i *slots, const size_t n_vectors, uint16_t *z)
{
    __m512i any = slots[0];
#pragma GCC unroll 4
    for (size_t i = 1; i < n_vectors; i++)
        any = _mm512_or_si512(any, slots[i]);
    if (_mm512_test_epi32_mask(any, _mm512_set1_epi32(0xF0)))
        return false;
#pragma GCC unroll 4
    for (size_t i = 0; i < n_vectors; i++)
        _mm256_storeu_si256((__m256i *)(void *)(z + 16 * i),
                            _mm512_cvtepi32_epi16(_mm512_and_si512(slots[i], _mm512_set1_epi32(15))));
    return true;
}

static inline __attribute__((always_inline)) const uint8_t *
chunk_16(__m512i *x, const size_t n_vectors, const struct pxr_predict_slots *tables, const uint8_t *table_of,
         const uint8_t *words, uint16_t *z)
{
    const __m512i four_bits = _mm512_set1_epi32(15), ones = _mm512_set1_epi32(-1);
    __m512i slots[PXR_PREDICT_MAX_LANES / 16];
#pragma GCC unroll 4
    for (size_t i = 0; i < n_vectors; i++)
        slots[i] = slots_of(x[i], tables, table_of + 16 * i);
#pragma GCC unroll 4
    for (size_t i = 0; i < n_vectors; i++)
        x[i] = renormalise(advance(x[i], slots[i]), &words);
    if (store_small(slots, n_vectors, z))
        return words;
#pragma GCC unroll 4
    for (size_t i = 0; i < n_vectors; i++) {
        const __m512i n = _mm512_and_si512(_mm512_srli_epi32(slots[i], 4), four_bits);
        const __m512i base = _mm512_sllv_epi32(_mm512_and_si512(slots[i], four_bits), n);
        const __m512i value = _mm512_or_si512(base, _mm512_andnot_si512(_mm512_sllv_epi32(ones, n), x[i]));
        _mm256_storeu_si256((__m256i *)(void *)(z + 16 * i), _mm512_cvtepi32_epi16(value));
        x[i] = renormalise(_mm512_srlv_epi32(x[i], n), &words);
    }
    return words;
}

/* ---- putting symbols ---------------------------------------------------------------------------- */

/* The low words of the lanes that are due, in their order, end at *to; what is written below does no harm. */
static inline __m512i give_words(__m512i x, __mmask16 due, uint8_t **to)
{
    const unsigned n = (unsigned)__builtin_popcount((unsigned)due);
    const __m512i lane = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    const __m512i words = _mm512_maskz_compress_epi32(due, x);
    const __m512i at_end = _mm512_permutexvar_epi32(_mm512_add_epi32(lane, _mm512_set1_epi32((int)n)), words);
    _mm256_storeu_si256((__m256i *)(void *)(*to - 32), _mm512_cvtepi32_epi16(at_end));
    *to -= 2 * n;
    return _mm512_mask_srli_epi32(x, due, x, 16);
}

/* The quotient in single precision is at most one off: states below f x 2^21 have one below 2^21. */
static inline __m512i put_symbols(__m512i x, __m512i at, const struct pxr_predict_coders *c, uint8_t **to)
{
    const uint32_t *const coders = c->of[0];
    const __m256i low = _mm256_set_m128i(slots_of_4(coders, _mm512_extracti32x4_epi32(at, 1)),
                                         slots_of_4(coders, _mm512_castsi512_si128(at)));
    const __m256i high = _mm256_set_m128i(slots_of_4(coders, _mm512_extracti32x4_epi32(at, 3)),
                                          slots_of_4(coders, _mm512_extracti32x4_epi32(at, 2)));
    const __m512i coder = _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
    const __m512i f = _mm512_and_si512(coder, _mm512_set1_epi32(0xFFF)), one = _mm512_set1_epi32(1);
    const __m512i most = _mm512_srli_epi32(x, 32 - PXR_PREDICT_TABLE_BITS);
    x = give_words(x, _mm512_cmpge_epu32_mask(most, f), to);
    __m512i q = _mm512_cvttps_epi32(_mm512_div_ps(_mm512_cvtepu32_ps(x), _mm512_cvtepi32_ps(f)));
    __m512i rest = _mm512_sub_epi32(x, _mm512_mullo_epi32(q, f));
    const __mmask16 is_above = _mm512_movepi32_mask(rest), is_below = _mm512_cmpge_epi32_mask(rest, f);
    q = _mm512_mask_sub_epi32(q, is_above, q, one);
    q = _mm512_mask_add_epi32(q, is_below, q, one);
    rest = _mm512_mask_add_epi32(rest, is_above, rest, f);
    rest = _mm512_mask_sub_epi32(rest, is_below, rest, f);
    const __m512i cells = _mm512_and_si512(_mm512_srli_epi32(coder, 12 - PXR_PREDICT_CELL_LOG2),
                                           _mm512_set1_epi32(0x1FF << PXR_PREDICT_CELL_LOG2));
    const __m512i whole = _mm512_and_si512(f, _mm512_set1_epi32(-PXR_PREDICT_CELL));
    const __m512i slot = _mm512_add_epi32(rest, cells);
    const __mmask16 is_in_cell = _mm512_mask_cmplt_epi32_mask(
        _mm512_cmplt_epi32_mask(rest, whole), slot, _mm512_set1_epi32((int)c->n_coarse));
    const __m512i behind = _mm512_add_epi32(rest, _mm512_srli_epi32(coder, 21));
    return _mm512_add_epi32(_mm512_slli_epi32(q, PXR_PREDICT_TABLE_BITS),
                            _mm512_mask_mov_epi32(behind, is_in_cell, slot));
}

static inline __m512i lanes_of_bytes(const uint8_t *p)
{
    return _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)(const void *)p));
}
#define lanes_up_8(v) _mm512_slli_epi32(v, 8)

/* Tokens; their raw bits are put. */
static inline __m512i symbols_of_16(__m512i *x, const uint16_t *z, uint8_t **to)
{
    const __m512i v = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)(const void *)z));
    const __mmask16 is_large = _mm512_cmpge_epi32_mask(v, _mm512_set1_epi32(16));
    const __m512i e = _mm512_sub_epi32(_mm512_srli_epi32(_mm512_castps_si512(_mm512_cvtepi32_ps(v)), 23),
                                       _mm512_set1_epi32(127)); /* where the highest bit is */
    const __m512i n = _mm512_maskz_sub_epi32(is_large, e, _mm512_set1_epi32(2));
    const __m512i two_bits = _mm512_and_si512(_mm512_srlv_epi32(v, n), _mm512_set1_epi32(3));
    const __m512i token = _mm512_mask_or_epi32(v, is_large, _mm512_slli_epi32(e, 2), two_bits);
    const __m512i raw = _mm512_andnot_si512(_mm512_sllv_epi32(_mm512_set1_epi32(-1), n), v);
    const __m512i over = _mm512_srlv_epi32(*x, _mm512_sub_epi32(_mm512_set1_epi32(32), n));
    *x = give_words(*x, _mm512_test_epi32_mask(over, over), to);
    *x = _mm512_or_si512(_mm512_sllv_epi32(*x, n), raw);
    return token;
}

#define VECTOR __m512i
#define WIDTH 16
static inline __m512i lanes_load(const uint32_t *p) { return _mm512_loadu_si512(p); }
static inline void lanes_store(uint32_t *p, __m512i v) { _mm512_storeu_si512(p, v); }

#define VEC __m512i
#define v_load(p) _mm512_loadu_si512(p)
#define v_store(p, v) _mm512_storeu_si512((void *)(p), v)
#define v_zero() _mm512_setzero_si512()
#define v_set8(v) _mm512_set1_epi8(v)
#define v_set16(v) _mm512_set1_epi16(v)
#define v_set32(v) _mm512_set1_epi32(v)
#define v_low8(a, b) _mm512_unpacklo_epi8(a, b)
#define v_high8(a, b) _mm512_unpackhi_epi8(a, b)
#define v_low16(a, b) _mm512_unpacklo_epi16(a, b)
#define v_high16(a, b) _mm512_unpackhi_epi16(a, b)
#define v_maddubs(a, b) _mm512_maddubs_epi16(a, b)
#define v_madd16(a, b) _mm512_madd_epi16(a, b)
#define v_add16(a, b) _mm512_add_epi16(a, b)
#define v_add32(a, b) _mm512_add_epi32(a, b)
#define v_max16(a, b) _mm512_max_epi16(a, b)
#define v_min16(a, b) _mm512_min_epi16(a, b)
#define v_max32(a, b) _mm512_max_epi32(a, b)
#define v_min32(a, b) _mm512_min_epi32(a, b)
#define v_min_u16(a, b) _mm512_min_epu16(a, b)
#define v_srl16(a, n) _mm512_srl_epi16(a, n)
#define v_srli16(a, n) _mm512_srli_epi16(a, n)
#define v_srli32(a, n) _mm512_srli_epi32(a, n)
#define v_packus16(a, b) _mm512_packus_epi16(a, b)
#define v_packus32(a, b) _mm512_packus_epi32(a, b)
#define v_avg8(a, b) _mm512_avg_epu8(a, b)
#define v_avg16(a, b) _mm512_avg_epu16(a, b)
#define v_subs_u8(a, b) _mm512_subs_epu8(a, b)
#define v_subs_u16(a, b) _mm512_subs_epu16(a, b)
#define v_and(a, b) _mm512_and_si512(a, b)
#define v_or(a, b) _mm512_or_si512(a, b)
#define v_xor(a, b) _mm512_xor_si512(a, b)

/* The order of packed bytes from that of samples, and back. */
static inline __m512i v_as_packed(__m512i v)
{
    return _mm512_permutexvar_epi64(_mm512_set_epi64(7, 3, 6, 2, 5, 1, 4, 0), v);
}
static inline __m512i v_from_packed(__m512i v)
{
    return _mm512_permutexvar_epi64(_mm512_set_epi64(7, 5, 3, 1, 6, 4, 2, 0), v);
}

/* 0, 1 or 2: how many of two bounds a byte is above. */
static inline __m512i v_far(__m512i v, char near, char far)
{
    const __m512i one = _mm512_set1_epi8(1);
    const __m512i n = _mm512_maskz_mov_epi8(_mm512_cmpgt_epu8_mask(v, _mm512_set1_epi8(near)), one);
    return _mm512_mask_add_epi8(n, _mm512_cmpgt_epu8_mask(v, _mm512_set1_epi8(far)), n, one);
}

struct tables_constants {
    __m512i levels[4], table_of;
};

static inline struct tables_constants tables_constants(const struct pxr_predict_model *m, unsigned phase)
{
    struct tables_constants c = {.table_of = _mm512_loadu_si512(m->table_of[phase])};
    for (int i = 0; i < 4; i++)
        c.levels[i] = _mm512_loadu_si512(m->levels[phase] + 64 * i);
    return c;
}

static inline __m512i v_tables(const struct tables_constants *c, __m512i activity, __m512i far)
{
    const __m512i low = _mm512_permutex2var_epi8(c->levels[0], activity, c->levels[1]);
    const __m512i high = _mm512_permutex2var_epi8(c->levels[2], activity, c->levels[3]);
    const __m512i level = _mm512_mask_blend_epi8(_mm512_movepi8_mask(activity), low, high);
    return _mm512_permutexvar_epi8(_mm512_add_epi8(level, far), c->table_of);
}

#include "predict_x86_tmpl.c"

#define SAMPLE uint8_t
#define FN(name) name##_8
#include "predict_put_x86_tmpl.c"
#undef SAMPLE
#undef FN
#define SAMPLE uint16_t
#define FN(name) name##_16
#include "predict_put_x86_tmpl.c"
#undef SAMPLE
#undef FN

#include "predict_level_tmpl.c"
