/* SPDX-License-Identifier: MIT
 * Kernels of the predict codec for AVX2: eight lanes at once. */
#define LEVEL avx2
#include "predict.h"

#include <immintrin.h>

/* For each mask of lanes that take a word: which of the next eight words each lane gets. */
struct spread_table {
    _Alignas(8) uint8_t index[256][8];
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
        next, _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)spread.index[mask])));
    *words += 2 * (size_t)__builtin_popcount(mask);
    return _mm256_blendv_epi8(x, _mm256_or_si256(_mm256_slli_epi32(x, 16), w), is_low);
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

static inline __m256i slot_of(__m256i x) { return _mm256_and_si256(x, _mm256_set1_epi32(PXR_PREDICT_TABLE - 1)); }

static inline __m256i slots_of(__m256i x, const struct pxr_predict_slots *t, const uint8_t *table_of)
{
    const uint32_t *const tables = t->entries;
    const __m256i table = _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)table_of));
    const __m256i slot = slot_of(x), cell = _mm256_srli_epi32(slot, PXR_PREDICT_CELL_LOG2);
    const __m256i behind = _mm256_sub_epi32(slot, _mm256_set1_epi32((int)t->n_skipped));
    const __m256i at = _mm256_add_epi32(_mm256_madd_epi16(table, _mm256_set1_epi32((int)t->n_each)),
                                        _mm256_max_epi32(cell, behind));
    return _mm256_set_m128i(slots_of_4(tables, _mm256_extracti128_si256(at, 1)),
                            slots_of_4(tables, _mm256_castsi256_si128(at)));
}

static inline __m256i advance(__m256i x, __m256i slot)
{
    const __m256i f = _mm256_and_si256(_mm256_srli_epi32(slot, 8), _mm256_set1_epi32(0xFFF));
    return _mm256_add_epi32(_mm256_mullo_epi32(f, _mm256_srli_epi32(x, PXR_PREDICT_TABLE_BITS)),
                            _mm256_sub_epi32(slot_of(x), _mm256_srli_epi32(slot, 20)));
}

static inline __m128i narrow(__m256i v) /* eight 32-bit numbers below 2^16 */
{
    return _mm_packus_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
}

static inline __attribute__((always_inline)) const uint8_t *
chunk_8(__m256i *x, const size_t n_vectors, const struct pxr_predict_slots *tables, const uint8_t *table_of,
        const uint8_t *words, uint8_t *z)
{
    __m256i slots[PXR_PREDICT_MAX_LANES / 8];
#pragma GCC unroll 8
    for (size_t i = 0; i < n_vectors; i++) /* all lookups first: they are what takes time */
        slots[i] = slots_of(x[i], tables, table_of + 8 * i);
#pragma GCC unroll 8
    for (size_t i = 0; i < n_vectors; i++) {
        x[i] = renormalise(advance(x[i], slots[i]), &words);
        const __m128i s = narrow(_mm256_and_si256(slots[i], _mm256_set1_epi32(0xFF)));
        _mm_storel_epi64((__m128i *)(void *)(z + 8 * i), _mm_packus_epi16(s, s));
    }
    return words;
}

/* Small residuals have no raw bits, and in calm parts no lane has any: then half of the work is left out. */
static inline __attribute__((always_inline)) bool store_small(const __m256i *slots, const size_t n_vectors, uint16_t *z)
{
    __m256i any = slots[0];
#pragma GCC unroll 8
    for (size_t i = 1; i < n_vectors; i++)
        any = _mm256_or_si256(any, slots[i]);
    if (!_mm256_testz_si256(any, _mm256_set1_epi32(0xF0)))
        return false;
#pragma GCC unroll 8
    for (size_t i = 0; i < n_vectors; i++)
        _mm_storeu_si128((__m128i *)(void *)(z + 8 * i), narrow(_mm256_and_si256(slots[i], _mm256_set1_epi32(15))));
    return true;
}

static inline __attribute__((always_inline)) const uint8_t *
chunk_16(__m256i *x, const size_t n_vectors, const struct pxr_predict_slots *tables, const uint8_t *table_of,
         const uint8_t *words, uint16_t *z)
{
    const __m256i four_bits = _mm256_set1_epi32(15), ones = _mm256_set1_epi32(-1);
    __m256i slots[PXR_PREDICT_MAX_LANES / 8];
#pragma GCC unroll 8
    for (size_t i = 0; i < n_vectors; i++)
        slots[i] = slots_of(x[i], tables, table_of + 8 * i);
#pragma GCC unroll 8
    for (size_t i = 0; i < n_vectors; i++)
        x[i] = renormalise(advance(x[i], slots[i]), &words);
    if (store_small(slots, n_vectors, z))
        return words;
#pragma GCC unroll 8
    for (size_t i = 0; i < n_vectors; i++) {
        const __m256i n = _mm256_and_si256(_mm256_srli_epi32(slots[i], 4), four_bits);
        const __m256i base = _mm256_sllv_epi32(_mm256_and_si256(slots[i], four_bits), n);
        const __m256i value = _mm256_or_si256(base, _mm256_andnot_si256(_mm256_sllv_epi32(ones, n), x[i]));
        _mm_storeu_si128((__m128i *)(void *)(z + 8 * i), narrow(value));
        x[i] = renormalise(_mm256_srlv_epi32(x[i], n), &words);
    }
    return words;
}

/* ---- putting symbols ---------------------------------------------------------------------------- */

/* For each mask of lanes that are due: which bytes of eight words are theirs, so that they end with the last byte. */
struct take_table {
    _Alignas(16) uint8_t index[256][16];
};
#define IS_NTH(m, i, n) (R1(m, i) && BELOW(m, i) == (n))
#define NTH(m, n)                                                                                                    \
    (1 * IS_NTH(m, 1, n) + 2 * IS_NTH(m, 2, n) + 3 * IS_NTH(m, 3, n) + 4 * IS_NTH(m, 4, n) + 5 * IS_NTH(m, 5, n) +   \
     6 * IS_NTH(m, 6, n) + 7 * IS_NTH(m, 7, n))
#define TAKEN(m, place) NTH(m, (place) + BELOW(m, 8) - 8)
#define PAIR_AT(m, place) (uint8_t)(2 * TAKEN(m, place)), (uint8_t)(2 * TAKEN(m, place) + 1)
#undef ROW
#define ROW(m)                                                                                                       \
    {PAIR_AT(m, 0), PAIR_AT(m, 1), PAIR_AT(m, 2), PAIR_AT(m, 3), PAIR_AT(m, 4), PAIR_AT(m, 5), PAIR_AT(m, 6),        \
     PAIR_AT(m, 7)}
static const struct take_table take = {{ROW64(0u), ROW64(64u), ROW64(128u), ROW64(192u)}};

/* The low words of the lanes that are due, in their order, end at *to; what is written below does no harm. */
static inline __m256i give_words(__m256i x, __m256i due, uint8_t **to)
{
    const unsigned mask = (unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(due));
    const __m128i words = narrow(_mm256_and_si256(x, _mm256_set1_epi32(0xFFFF)));
    const __m128i at = _mm_load_si128((const __m128i *)(const void *)take.index[mask]);
    _mm_storeu_si128((__m128i *)(void *)(*to - 16), _mm_shuffle_epi8(words, at));
    *to -= 2 * (size_t)__builtin_popcount(mask);
    return _mm256_blendv_epi8(x, _mm256_srli_epi32(x, 16), due);
}

/* Unsigned numbers in single precision. */
static inline __m256 as_floats(__m256i x)
{
    const __m256 high = _mm256_cvtepi32_ps(_mm256_srli_epi32(x, 16));
    const __m256 low = _mm256_cvtepi32_ps(_mm256_and_si256(x, _mm256_set1_epi32(0xFFFF)));
    return _mm256_add_ps(_mm256_mul_ps(high, _mm256_set1_ps(65536)), low);
}

/* The quotient in single precision is at most one off: states below f x 2^21 have one below 2^21. */
static inline __m256i put_symbols(__m256i x, __m256i at, const struct pxr_predict_coders *c, uint8_t **to)
{
    const uint32_t *const coders = c->of[0];
    const __m256i coder = _mm256_set_m128i(slots_of_4(coders, _mm256_extracti128_si256(at, 1)),
                                           slots_of_4(coders, _mm256_castsi256_si128(at)));
    const __m256i f = _mm256_and_si256(coder, _mm256_set1_epi32(0xFFF)), all = _mm256_set1_epi32(-1);
    const __m256i is_small = _mm256_cmpgt_epi32(f, _mm256_srli_epi32(x, 32 - PXR_PREDICT_TABLE_BITS));
    x = give_words(x, _mm256_xor_si256(is_small, all), to);
    __m256i q = _mm256_cvttps_epi32(_mm256_div_ps(as_floats(x), _mm256_cvtepi32_ps(f)));
    __m256i rest = _mm256_sub_epi32(x, _mm256_mullo_epi32(q, f));
    const __m256i is_above = _mm256_srai_epi32(rest, 31);
    const __m256i is_below = _mm256_xor_si256(_mm256_cmpgt_epi32(f, rest), all);
    q = _mm256_sub_epi32(_mm256_add_epi32(q, is_above), is_below);
    rest = _mm256_add_epi32(rest, _mm256_and_si256(is_above, f));
    rest = _mm256_sub_epi32(rest, _mm256_and_si256(is_below, f));
    const __m256i cells = _mm256_and_si256(_mm256_srli_epi32(coder, 12 - PXR_PREDICT_CELL_LOG2),
                                           _mm256_set1_epi32(0x1FF << PXR_PREDICT_CELL_LOG2));
    const __m256i whole = _mm256_and_si256(f, _mm256_set1_epi32(-PXR_PREDICT_CELL));
    const __m256i slot = _mm256_add_epi32(rest, cells);
    const __m256i is_in_cell = _mm256_and_si256(_mm256_cmpgt_epi32(whole, rest),
                                                _mm256_cmpgt_epi32(_mm256_set1_epi32((int)c->n_coarse), slot));
    const __m256i behind = _mm256_add_epi32(rest, _mm256_srli_epi32(coder, 21));
    return _mm256_add_epi32(_mm256_slli_epi32(q, PXR_PREDICT_TABLE_BITS),
                            _mm256_blendv_epi8(behind, slot, is_in_cell));
}

static inline __m256i lanes_of_bytes(const uint8_t *p)
{
    return _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)p));
}
#define lanes_up_8(v) _mm256_slli_epi32(v, 8)

/* Tokens; their raw bits are put. */
static inline __m256i symbols_of_16(__m256i *x, const uint16_t *z, uint8_t **to)
{
    const __m256i v = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)(const void *)z));
    const __m256i is_small = _mm256_cmpgt_epi32(_mm256_set1_epi32(16), v);
    const __m256i e = _mm256_sub_epi32(_mm256_srli_epi32(_mm256_castps_si256(_mm256_cvtepi32_ps(v)), 23),
                                       _mm256_set1_epi32(127)); /* where the highest bit is */
    const __m256i n = _mm256_andnot_si256(is_small, _mm256_sub_epi32(e, _mm256_set1_epi32(2)));
    const __m256i two_bits = _mm256_and_si256(_mm256_srlv_epi32(v, n), _mm256_set1_epi32(3));
    const __m256i token = _mm256_blendv_epi8(_mm256_or_si256(_mm256_slli_epi32(e, 2), two_bits), v, is_small);
    const __m256i raw = _mm256_andnot_si256(_mm256_sllv_epi32(_mm256_set1_epi32(-1), n), v);
    const __m256i over = _mm256_srlv_epi32(*x, _mm256_sub_epi32(_mm256_set1_epi32(32), n));
    const __m256i is_due = _mm256_xor_si256(_mm256_cmpeq_epi32(over, _mm256_setzero_si256()),
                                            _mm256_set1_epi32(-1));
    *x = give_words(*x, is_due, to);
    *x = _mm256_or_si256(_mm256_sllv_epi32(*x, n), raw);
    return token;
}

#define VECTOR __m256i
#define WIDTH 8
static inline __m256i lanes_load(const uint32_t *p) { return _mm256_loadu_si256((const __m256i *)(const void *)p); }
static inline void lanes_store(uint32_t *p, __m256i v) { _mm256_storeu_si256((__m256i *)(void *)p, v); }

#define VEC __m256i
#define v_load(p) _mm256_loadu_si256(p)
#define v_store(p, v) _mm256_storeu_si256((__m256i *)(void *)(p), v)
#define v_zero() _mm256_setzero_si256()
#define v_set8(v) _mm256_set1_epi8(v)
#define v_set16(v) _mm256_set1_epi16(v)
#define v_set32(v) _mm256_set1_epi32(v)
#define v_low8(a, b) _mm256_unpacklo_epi8(a, b)
#define v_high8(a, b) _mm256_unpackhi_epi8(a, b)
#define v_low16(a, b) _mm256_unpacklo_epi16(a, b)
#define v_high16(a, b) _mm256_unpackhi_epi16(a, b)
#define v_maddubs(a, b) _mm256_maddubs_epi16(a, b)
#define v_madd16(a, b) _mm256_madd_epi16(a, b)
#define v_add16(a, b) _mm256_add_epi16(a, b)
#define v_add32(a, b) _mm256_add_epi32(a, b)
#define v_max16(a, b) _mm256_max_epi16(a, b)
#define v_min16(a, b) _mm256_min_epi16(a, b)
#define v_max32(a, b) _mm256_max_epi32(a, b)
#define v_min32(a, b) _mm256_min_epi32(a, b)
#define v_min_u16(a, b) _mm256_min_epu16(a, b)
#define v_srl16(a, n) _mm256_srl_epi16(a, n)
#define v_srli16(a, n) _mm256_srli_epi16(a, n)
#define v_srli32(a, n) _mm256_srli_epi32(a, n)
#define v_packus16(a, b) _mm256_packus_epi16(a, b)
#define v_packus32(a, b) _mm256_packus_epi32(a, b)
#define v_avg8(a, b) _mm256_avg_epu8(a, b)
#define v_avg16(a, b) _mm256_avg_epu16(a, b)
#define v_subs_u8(a, b) _mm256_subs_epu8(a, b)
#define v_subs_u16(a, b) _mm256_subs_epu16(a, b)
#define v_and(a, b) _mm256_and_si256(a, b)
#define v_or(a, b) _mm256_or_si256(a, b)
#define v_xor(a, b) _mm256_xor_si256(a, b)

/* The order of packed bytes from that of samples, and back: the middle two quarters change places. */
static inline __m256i v_as_packed(__m256i v) { return _mm256_permute4x64_epi64(v, 0xD8); }
static inline __m256i v_from_packed(__m256i v) { return _mm256_permute4x64_epi64(v, 0xD8); }

/* Which bytes are above one of two bounds, and which above both. */
struct far {
    __m256i one, both;
};
#define FAR_MASKS struct far
static inline __m256i above(__m256i v, char bound)
{
    return _mm256_cmpeq_epi8(_mm256_max_epu8(v, _mm256_set1_epi8((char)(bound + 1))), v);
}
static inline struct far v_far(__m256i v, char near, char far)
{
    return (struct far){above(v, near), above(v, far)};
}

/* Thresholds of a binary search in the order of a heap, as signed numbers, and tables by level. */
struct tables_constants {
    __m256i heap, root, table_of[PXR_PREDICT_FRACTIONS];
};

static inline __m256i both_halves(const uint8_t *p)
{
    return _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)p));
}

static inline struct tables_constants tables_constants(const struct pxr_predict_model *m, unsigned phase)
{
    static const uint8_t in_heap[16] = {0, 7, 3, 11, 1, 5, 9, 13, 0, 2, 4, 6, 8, 10, 12, 14}; /* [0] is not used */
    uint8_t heap[16], table_of[PXR_PREDICT_FRACTIONS][16];
    for (unsigned i = 0; i < 16; i++)
        heap[i] = m->thresholds[phase][in_heap[i]] ^ 0x80;
    for (unsigned far = 0; far < PXR_PREDICT_FRACTIONS; far++)
        for (unsigned level = 0; level < PXR_PREDICT_LEVELS; level++)
            table_of[far][level] = m->table_of[phase][PXR_PREDICT_FRACTIONS * level + far];
    return (struct tables_constants){both_halves(heap), _mm256_set1_epi8((char)heap[1]),
                                     {both_halves(table_of[0]), both_halves(table_of[1]), both_halves(table_of[2])}};
}

/* From node k on to 2 k, or 2 k + 1 where the activity is above its threshold: behind the last one stands 16 + level. */
static inline __m256i v_tables(const struct tables_constants *c, __m256i activity, struct far far)
{
    const __m256i a = _mm256_xor_si256(activity, _mm256_set1_epi8((char)0x80));
    __m256i node = _mm256_sub_epi8(_mm256_set1_epi8(2), _mm256_cmpgt_epi8(a, c->root));
#pragma GCC unroll 3
    for (int depth = 1; depth < 4; depth++)
        node = _mm256_sub_epi8(_mm256_add_epi8(node, node),
                               _mm256_cmpgt_epi8(a, _mm256_shuffle_epi8(c->heap, node)));
    const __m256i near = _mm256_blendv_epi8(_mm256_shuffle_epi8(c->table_of[0], node),
                                            _mm256_shuffle_epi8(c->table_of[1], node), far.one);
    return _mm256_blendv_epi8(near, _mm256_shuffle_epi8(c->table_of[2], node), far.both);
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
