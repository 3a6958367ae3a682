/* SPDX-License-Identifier: MIT
 * Kernels of the sorted codec for AVX2: a segment is one vector. */
#define LEVEL avx2
#define VECTORS
#include "sorted.h"

#include <immintrin.h>

/* Weights of two taps each, as multiply-and-add wants them. */
struct mixer_8 {
    __m256i pairs[4], constant;
};
struct mixer_16 {
    __m256i pairs[4], constant;
};

/* Which taps are a pair. */
static const uint8_t pair_of[4][2] = {{0, 3}, {1, 2}, {4, 5}, {6, 7}};

static inline struct mixer_8 mixer_of_8(const struct pxr_sorted_mix *m)
{
    struct mixer_8 out = {.constant = _mm256_set1_epi16((short)m->constant)};
    for (unsigned i = 0; i < 4; i++)
        out.pairs[i] = _mm256_set1_epi16((short)((m->w[pair_of[i][0]] & 0xff) | m->w[pair_of[i][1]] * 256));
    return out;
}

/* Rows hold samples - 2^15, and so do predictions. */
static inline struct mixer_16 mixer_of_16(const struct pxr_sorted_mix *m)
{
    int32_t sum = 0;
    struct mixer_16 out;
    for (unsigned k = 0; k < PXR_SORTED_TAPS; k++)
        sum += m->w[k];
    for (unsigned i = 0; i < 4; i++)
        out.pairs[i] = _mm256_set1_epi32((m->w[pair_of[i][0]] & 0xffff) | m->w[pair_of[i][1]] * 65536);
    out.constant = _mm256_set1_epi32(m->constant + (sum - (1 << PXR_SORTED_Q_16)) * 32768);
    return out;
}

static inline __m256i load(const void *p) { return _mm256_loadu_si256(p); }

/* Sixty-four bytes of which the first half is ones: n of them begin at 32 - n. */
static const uint8_t ones_then_zeros[64] = {
    255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
    255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
};

static inline uint32_t sum_of(__m128i sums) /* of two 64-bit sums */
{
    return (uint32_t)_mm_cvtsi128_si32(_mm_add_epi64(sums, _mm_unpackhi_epi64(sums, sums)));
}

#define UNFOLD(bits, z, half)                                                                                  \
    _mm256_xor_si256(half, _mm256_sub_epi##bits(_mm256_setzero_si256(), _mm256_and_si256(z, _mm256_set1_epi##bits(1))))

/* The eight taps' vectors, in pairs: above the row and before it, then the neighbours of each. */
#define EACH_PAIR(t, x, DO)                                                                                    \
    DO(0, load((t)->above + (x)), load((t)->p + (x)))                                                          \
    DO(1, load((t)->above + (x)-1), load((t)->above + (x) + 1))                                                \
    DO(2, load((t)->p_above + (x)), load((t)->p_below + (x)))                                                  \
    DO(3, load((t)->p + (x)-1), load((t)->p + (x) + 1))

#define ADD_PAIR_8(i, first, second)                                                                           \
    do {                                                                                                       \
        const __m256i a = first, b = second;                                                                   \
        low = _mm256_add_epi16(low, _mm256_maddubs_epi16(_mm256_unpacklo_epi8(a, b), m->pairs[i]));            \
        high = _mm256_add_epi16(high, _mm256_maddubs_epi16(_mm256_unpackhi_epi8(a, b), m->pairs[i]));          \
    } while (0);

#define ADD_PAIR_16(i, first, second)                                                                          \
    do {                                                                                                       \
        const __m256i a = first, b = second;                                                                   \
        low = _mm256_add_epi32(low, _mm256_madd_epi16(_mm256_unpacklo_epi16(a, b), m->pairs[i]));              \
        high = _mm256_add_epi32(high, _mm256_madd_epi16(_mm256_unpackhi_epi16(a, b), m->pairs[i]));            \
    } while (0);

static inline uint32_t segment_8(const struct mixer_8 *m, const struct pxr_sorted_taps_8 *t, uint8_t *row, size_t x,
                                 uint32_t n, const uint8_t *residuals, size_t far)
{
    (void)far;
    __m256i low = m->constant, high = m->constant, z = load(residuals);
    if (n < 32)
        z = _mm256_and_si256(z, load(ones_then_zeros + 32 - n));
    EACH_PAIR(t, x, ADD_PAIR_8)
    const __m256i v = _mm256_packus_epi16(_mm256_srai_epi16(low, PXR_SORTED_Q_8), _mm256_srai_epi16(high, PXR_SORTED_Q_8));
    const __m256i half = _mm256_and_si256(_mm256_srli_epi16(z, 1), _mm256_set1_epi8(0x7f));
    _mm256_storeu_si256((__m256i *)(void *)(row + x), _mm256_add_epi8(v, UNFOLD(8, z, half)));
    const __m256i sums = _mm256_sad_epu8(z, _mm256_setzero_si256());
    return sum_of(_mm_add_epi64(_mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1)));
}

static inline uint32_t segment_16(const struct mixer_16 *m, const struct pxr_sorted_taps_16 *t, uint16_t *row, size_t x,
                                  uint32_t n, const uint8_t *residuals, size_t far)
{
    __m256i low = m->constant, high = m->constant;
    __m128i z_low = _mm_loadu_si128((const __m128i *)(const void *)residuals);
    __m128i z_high = _mm_loadu_si128((const __m128i *)(const void *)(residuals + far));
    if (n < 16) {
        const __m128i mask = _mm_loadu_si128((const __m128i *)(const void *)(ones_then_zeros + 32 - n));
        z_low = _mm_and_si128(z_low, mask);
        z_high = _mm_and_si128(z_high, mask);
    }
    const __m256i z = _mm256_or_si256(_mm256_cvtepu8_epi16(z_low), _mm256_slli_epi16(_mm256_cvtepu8_epi16(z_high), 8));
    EACH_PAIR(t, x, ADD_PAIR_16)
    const __m256i v = _mm256_packs_epi32(_mm256_srai_epi32(low, PXR_SORTED_Q_16), _mm256_srai_epi32(high, PXR_SORTED_Q_16));
    _mm256_storeu_si256((__m256i *)(void *)(row + x), _mm256_add_epi16(v, UNFOLD(16, z, _mm256_srli_epi16(z, 1))));
    return sum_of(_mm_sad_epu8(z_low, _mm_setzero_si128())) +
           (sum_of(_mm_sad_epu8(z_high, _mm_setzero_si128())) << 8);
}

#include "sorted_level_tmpl.c"
