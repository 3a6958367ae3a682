/* SPDX-License-Identifier: MIT
 * Operations of predict_vector_tmpl.c that AVX2 and AVX-512 make of others in the same way: included by the files
 * of these levels behind their own.  Unpacking and packing work within 128 bits, so that what is unpacked low and
 * high and packed again is in order. */

/* Two weights in each 16 bits (bytes) or 32. */
#define PAIR VEC
#define WEIGHTS struct pxr_predict_packed_tile *
#define v_feature_pair(a, b) v_set16((short)((a) | (b) << 8))
#define v_weights(tile) (tile)

/* Multiplying bytes takes unsigned samples, multiplying 16 bits signed ones. */
#define v_bias8(tile) v_set16((short)(tile)->bias)
#define v_bias16(tile) v_set32((tile)->signed_bias)

static inline __attribute__((always_inline)) void v_add_features(VEC *low, VEC *high, VEC a, VEC b, VEC w)
{
    *low = v_add16(*low, v_maddubs(v_low8(a, b), w));
    *high = v_add16(*high, v_maddubs(v_high8(a, b), w));
}

static inline __attribute__((always_inline)) void
v_add_taps8(VEC *low, VEC *high, VEC a, VEC b, const struct pxr_predict_packed_tile *tile, unsigned k)
{
    v_add_features(low, high, a, b, v_set32((int)tile->pairs[k / 2]));
}

static inline __attribute__((always_inline)) void
v_add_taps16(VEC *low, VEC *high, VEC a, VEC b, const struct pxr_predict_packed_tile *tile, unsigned k)
{
    const VEC sign = v_set16((short)-32768), w = v_set32((int)tile->pairs[k / 2]);
    a = v_xor(a, sign);
    b = v_xor(b, sign);
    *low = v_add32(*low, v_madd16(v_low16(a, b), w));
    *high = v_add32(*high, v_madd16(v_high16(a, b), w));
}

#define v_whole8(low, high) v_packus16(v_srli16(low, 6), v_srli16(high, 6))
#define v_fraction8(low, high) v_packus16(v_and(low, v_set16(63)), v_and(high, v_set16(63)))
#define v_whole16(low, high) v_packus32(v_srli32(low, 8), v_srli32(high, 8))
#define v_fraction16(low, high) v_packus32(v_and(low, v_set32(255)), v_and(high, v_set32(255)))
#define v_pack_fractions(a, b) v_packus16(a, b)
#define v_pack_activity(low, high) v_packus16(low, high)

/* Packing takes numbers for signed ones, so they must be bounded before. */
#define v_bounded(v, shift) v_min_u16(v_srl16(v, shift), v_set16(255))
#define v_avg_bounded(a, b) v_avg16(a, b)
#define v_pack_bounded(a, b) v_packus16(a, b)

#define SHIFT __m128i
#define v_shift(n) _mm_cvtsi32_si128(n)
#define v_srl8(v, shift, mask) v_and(v_srl16(v, shift), mask)
#define v_diff8(a, b) v_or(v_subs_u8(a, b), v_subs_u8(b, a))
#define v_diff16(a, b) v_or(v_subs_u16(a, b), v_subs_u16(b, a))

/* Symbols of 8-bit planes are the residuals: no raw bits are put. */
static inline VECTOR symbols_of_8(const VECTOR *x, const uint8_t *z, uint8_t *const *to)
{
    (void)x, (void)to;
    return lanes_of_bytes(z);
}
