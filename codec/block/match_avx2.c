/* SPDX-License-Identifier: MIT
 * The walk of the match codec for AVX2: samples are compared 32 at once, and what was learnt from a candidate's bit
 * goes to its six weights and slots at once. */
#define LEVEL avx2
#define VECTORS
#include "match_coder.h"

#include <immintrin.h>

/* ---- samples around one ------------------------------------------------------------------------- */

/* Rows at the sample's place. */
#define ROWS(sample) \
    const sample *nn, const sample *n, const sample *c, const sample *p, const sample *pn, const sample *ps, \
        const sample *q, const sample *qn, const sample *qs

/* Two samples of 8 bits each, and behind them two more. */
static inline int load_16s(const void *at, unsigned behind)
{
    uint16_t v;
    memcpy(&v, at, sizeof v);
    return (int)(v | behind << 16);
}
static inline unsigned load_16(const void *at) { return (unsigned)load_16s(at, 0); }
static inline int load_32(const void *at)
{
    int v;
    memcpy(&v, at, sizeof v);
    return v;
}
static inline __m128i load_64(const void *at) { return _mm_loadl_epi64(at); }

/* Samples of the row itself were stored one by one just now: a load of two would have to wait for the stores. */
static inline void near_of_8(uint8_t near[32], ROWS(uint8_t))
{
    const unsigned own = c[-2] | (unsigned)c[-1] << 8;
    _mm_storeu_si128((void *)near,
                     _mm_set_epi32(load_32(p - 1), load_16s(n + 2, own), load_32(n - 2), load_32(nn - 1)));
    _mm_storeu_si128((void *)(near + 16),
                     _mm_set_epi32(load_16s(qn, load_16(qs)), load_32(q - 1), load_32(ps - 1), load_32(pn - 1)));
}

static inline void near_of_16(uint16_t near[32], ROWS(uint16_t))
{
    const __m128i own = _mm_cvtsi32_si128((int)(c[-2] | (uint32_t)c[-1] << 16));
    const __m128i right = _mm_unpacklo_epi32(_mm_cvtsi32_si128(load_32(n + 2)), own);
    const __m128i far = _mm_unpacklo_epi32(_mm_cvtsi32_si128(load_32(qn)), _mm_cvtsi32_si128(load_32(qs)));
    _mm_storeu_si128((void *)near, _mm_unpacklo_epi64(load_64(nn - 1), load_64(n - 2)));
    _mm_storeu_si128((void *)(near + 8), _mm_unpacklo_epi64(right, load_64(p - 1)));
    _mm_storeu_si128((void *)(near + 16), _mm_unpacklo_epi64(load_64(pn - 1), load_64(ps - 1)));
    _mm_storeu_si128((void *)(near + 24), _mm_unpacklo_epi64(load_64(q - 1), far));
}

/* Loads are as long as the stores above, so that they need not wait for memory. */
static inline uint32_t equal_bits_8(const uint8_t near[32], uint8_t v)
{
    const __m128i all = _mm_set1_epi8((char)v);
    const __m128i low = _mm_cmpeq_epi8(_mm_loadu_si128((const void *)near), all);
    const __m128i high = _mm_cmpeq_epi8(_mm_loadu_si128((const void *)(near + 16)), all);
    return (uint32_t)_mm_movemask_epi8(low) | (uint32_t)_mm_movemask_epi8(high) << 16;
}

static inline uint32_t equal_bits_16(const uint16_t near[32], uint16_t v)
{
    const __m128i all = _mm_set1_epi16((short)v);
    __m128i equal[4];
    for (unsigned i = 0; i < 4; i++)
        equal[i] = _mm_cmpeq_epi16(_mm_loadu_si128((const void *)(near + 8 * i)), all);
    return (uint32_t)_mm_movemask_epi8(_mm_packs_epi16(equal[0], equal[1])) |
           (uint32_t)_mm_movemask_epi8(_mm_packs_epi16(equal[2], equal[3])) << 16;
}

/* ---- mixed bits --------------------------------------------------------------------------------- */

/* pxr_match_slot_after of eight slots. */
static inline __m128i slots_after(__m128i slots, unsigned bit)
{
    const __m128i rate_low = _mm_setr_epi8(0x00, 0x76, 0x1C, (char)0xA6, (char)0xB6, (char)0xC9, (char)0xAF, 0x71, 0x45,
                                           (char)0xB1, 0x11, 0x0F, (char)0xCC, 0x21, (char)0xD8, (char)0x88);
    const __m128i rate_high = _mm_setr_epi8((char)0xA0, 0x62, 0x47, 0x37, 0x2D, 0x26, 0x21, 0x1C, 0x17, 0x13, 0x11, 0x0F,
                                            0x0C, 0x0B, 0x09, 0x08);
    const __m128i n = _mm_and_si128(slots, _mm_set1_epi16(15)), p = _mm_srli_epi16(slots, 4);
    const __m128i at = _mm_or_si128(n, _mm_slli_epi16(n, 8)), is_zero = _mm_set1_epi16((short)(bit - 1));
    const __m128i rate = _mm_blendv_epi8(_mm_shuffle_epi8(rate_low, at), _mm_shuffle_epi8(rate_high, at),
                                         _mm_set1_epi16((short)0xFF00));
    const __m128i distance = _mm_xor_si128(p, _mm_andnot_si128(is_zero, _mm_set1_epi16(4095)));
    /* (distance * rate + 65535) >> 16: one more than the high half, unless the low half is 0 */
    const __m128i is_whole = _mm_cmpeq_epi16(_mm_mullo_epi16(distance, rate), _mm_setzero_si128());
    const __m128i step = _mm_add_epi16(_mm_mulhi_epu16(distance, rate), _mm_add_epi16(is_whole, _mm_set1_epi16(1)));
    const __m128i to = _mm_add_epi16(p, _mm_sub_epi16(_mm_xor_si128(step, is_zero), is_zero));
    const __m128i more = _mm_min_epi16(_mm_add_epi16(n, _mm_set1_epi16(1)), _mm_set1_epi16(PXR_MATCH_SLOT_LIMIT));
    return _mm_or_si128(_mm_slli_epi16(to, 4), more);
}

static inline __m256i weights_after(__m256i weights, __m256i x, int32_t error)
{
    const __m256i most = _mm256_set1_epi32(PXR_MATCH_MAX_WEIGHT), least = _mm256_set1_epi32(-PXR_MATCH_MAX_WEIGHT);
    const __m256i by = _mm256_srai_epi32(_mm256_mullo_epi32(x, _mm256_set1_epi32(error)), 18);
    return _mm256_max_epi32(_mm256_min_epi32(_mm256_add_epi32(weights, by), most), least);
}

/* pxr_match_mixed of PXR_MATCH_INPUTS slots, each of its own table.  The way to the bit is left to scalars: it is what
 * everything waits for. */
PXR_ALWAYS_INLINE unsigned mixed_candidate(const struct pxr_match_tables *t, struct pxr_match_coder *c, bool is_encoder,
                                           uint16_t *const *slots, int32_t *weights, unsigned bit)
{
    int x[PXR_MATCH_INPUTS], old[PXR_MATCH_INPUTS];
    int64_t sum = 0;
    for (unsigned i = 0; i < PXR_MATCH_INPUTS; i++) {
        old[i] = *slots[i];
        x[i] = t->stretch[old[i] >> 4];
        sum += (int64_t)weights[i] * x[i];
    }
    sum >>= 16;
    const int64_t logit = sum > 2047 ? 2047 : sum < -2047 ? -2047 : sum;
    const int32_t p = t->squash[logit + 2048];
    bit = pxr_match_bit(c, is_encoder, (uint32_t)p, bit);
    const __m256i now = _mm256_set_m128i(_mm_loadl_epi64((const void *)(weights + 4)), _mm_loadu_si128((const void *)weights));
    const __m256i after = weights_after(now, _mm256_setr_epi32(x[0], x[1], x[2], x[3], x[4], x[5], 0, 0),
                                        ((int32_t)(bit << 16) - p) * 3);
    _mm_storeu_si128((void *)weights, _mm256_castsi256_si128(after));
    _mm_storel_epi64((void *)(weights + 4), _mm256_extracti128_si256(after, 1));
    const __m128i s = slots_after(_mm_setr_epi16((short)old[0], (short)old[1], (short)old[2], (short)old[3], (short)old[4],
                                                 (short)old[5], 0, 0), bit);
    *slots[0] = (uint16_t)_mm_extract_epi16(s, 0);
    *slots[1] = (uint16_t)_mm_extract_epi16(s, 1);
    *slots[2] = (uint16_t)_mm_extract_epi16(s, 2);
    *slots[3] = (uint16_t)_mm_extract_epi16(s, 3);
    *slots[4] = (uint16_t)_mm_extract_epi16(s, 4);
    *slots[5] = (uint16_t)_mm_extract_epi16(s, 5);
    return bit;
}

#include "match_level_tmpl.c"
