/* SPDX-License-Identifier: MIT
 * Kernels of the predict codec for NEON, which every 64-bit Arm has: eight lanes at once. */
#define LEVEL neon
#include "predict.h"

#include <arm_neon.h>

/* For each mask of lanes that take a word: which bytes of the next eight words each lane gets; 255: none.  The
 * masks that occur are mostly those of few lanes, so little of it is in the cache. */
struct spread_table {
    _Alignas(16) uint8_t index[256][16];
};
#define BELOW(m, i) __builtin_popcount((m) & ((1u << (i)) - 1))
#define BYTE(m, i, k) (uint8_t)((m) >> (i)&1 ? 2 * BELOW(m, i) + (k) : 255)
#define LANE(m, i) BYTE(m, i, 0), BYTE(m, i, 1)
#define ROW(m) {LANE(m, 0), LANE(m, 1), LANE(m, 2), LANE(m, 3), LANE(m, 4), LANE(m, 5), LANE(m, 6), LANE(m, 7)}
#define ROW4(m) ROW(m), ROW((m) + 1), ROW((m) + 2), ROW((m) + 3)
#define ROW16(m) ROW4(m), ROW4((m) + 4), ROW4((m) + 8), ROW4((m) + 12)
#define ROW64(m) ROW16(m), ROW16((m) + 16), ROW16((m) + 32), ROW16((m) + 48)
static const struct spread_table spread = {{ROW64(0u), ROW64(64u), ROW64(128u), ROW64(192u)}};

/* Eight states, each in two parts: taking a word moves the low part up. */
struct eight_lanes {
    uint16x8_t low, high;
};

static inline void renormalise(struct eight_lanes *x, const uint8_t **words)
{
    /* What each lane that takes a word adds to the mask of lanes, and above it to the number of bytes. */
    static const uint16_t of_lane[8] = {0x201, 0x202, 0x204, 0x208, 0x210, 0x220, 0x240, 0x280};
    const uint16x8_t is_low = vceqzq_u16(x->high);
    const unsigned taken = vaddvq_u16(vandq_u16(is_low, vld1q_u16(of_lane)));
    const uint8x16_t next = vld1q_u8(*words), at = vld1q_u8(spread.index[taken & 255]);
    x->high = vbslq_u16(is_low, x->low, x->high);
    x->low = vreinterpretq_u16_u8(vqtbx1q_u8(vreinterpretq_u8_u16(x->low), next, at));
    *words += taken >> 8;
}

static inline uint32x4_t slots_of_4(const uint32_t *tables, uint32x4_t at)
{
    const uint32x2_t a = vcreate_u32(tables[vgetq_lane_u32(at, 0)]), b = vcreate_u32(tables[vgetq_lane_u32(at, 1)]);
    const uint32x2_t c = vcreate_u32(tables[vgetq_lane_u32(at, 2)]), d = vcreate_u32(tables[vgetq_lane_u32(at, 3)]);
    return vcombine_u32(vzip1_u32(a, b), vzip1_u32(c, d));
}

/* Slots of eight lanes, of four in each vector.  What is behind the cells is below 0 where a slot lies in one. */
static inline void slots_of(const struct eight_lanes *x, const struct pxr_predict_slots *t, const uint8_t *table_of,
                            uint32x4_t slots[2])
{
    const uint16x8_t table = vmovl_u8(vld1_u8(table_of)), slot = vandq_u16(x->low, vdupq_n_u16(PXR_PREDICT_TABLE - 1));
    const int16x8_t cell = vreinterpretq_s16_u16(vshrq_n_u16(slot, PXR_PREDICT_CELL_LOG2));
    const int16x8_t behind = vreinterpretq_s16_u16(vsubq_u16(slot, vdupq_n_u16((uint16_t)t->n_skipped)));
    const uint16x8_t at = vreinterpretq_u16_s16(vmaxq_s16(cell, behind));
    const uint16x8_t n_each = vdupq_n_u16((uint16_t)t->n_each);
    const uint32x4_t low = vmovl_u16(vget_low_u16(at)), high = vmovl_high_u16(at);
    slots[0] = slots_of_4(t->entries, vmlal_u16(low, vget_low_u16(table), vget_low_u16(n_each)));
    slots[1] = slots_of_4(t->entries, vmlal_high_u16(high, table, n_each));
}

static inline uint32x4_t advance_4(uint16x8_t state, uint32x4_t slot)
{
    const uint32x4_t x = vreinterpretq_u32_u16(state), f = vandq_u32(vshrq_n_u32(slot, 8), vdupq_n_u32(0xFFF));
    const uint32x4_t offset = vsubq_u32(vandq_u32(x, vdupq_n_u32(PXR_PREDICT_TABLE - 1)), vshrq_n_u32(slot, 20));
    return vmlaq_u32(offset, f, vshrq_n_u32(x, PXR_PREDICT_TABLE_BITS));
}

static inline void advance(struct eight_lanes *x, const uint32x4_t slots[2])
{
    const uint16x8_t a = vreinterpretq_u16_u32(advance_4(vzip1q_u16(x->low, x->high), slots[0]));
    const uint16x8_t b = vreinterpretq_u16_u32(advance_4(vzip2q_u16(x->low, x->high), slots[1]));
    x->low = vuzp1q_u16(a, b);
    x->high = vuzp2q_u16(a, b);
}

/* The symbols of sixteen lanes; the states go on. */
static inline __attribute__((always_inline)) uint8x16_t
symbols_of_16(struct eight_lanes x[2], const struct pxr_predict_slots *tables, const uint8_t *table_of,
              const uint8_t **words)
{
    uint32x4_t slots[4];
    slots_of(&x[0], tables, table_of, slots);
    slots_of(&x[1], tables, table_of + 8, slots + 2);
    for (int i = 0; i < 2; i++) {
        advance(&x[i], slots + 2 * i);
        renormalise(&x[i], words);
    }
    const uint16x8_t a = vuzp1q_u16(vreinterpretq_u16_u32(slots[0]), vreinterpretq_u16_u32(slots[1]));
    const uint16x8_t b = vuzp1q_u16(vreinterpretq_u16_u32(slots[2]), vreinterpretq_u16_u32(slots[3]));
    return vuzp1q_u8(vreinterpretq_u8_u16(a), vreinterpretq_u8_u16(b));
}

/* Not all lookups first, as other levels have it: there would be no registers left. */
static inline __attribute__((always_inline)) const uint8_t *
chunk_8(struct eight_lanes *x, const size_t n_vectors, const struct pxr_predict_slots *tables, const uint8_t *table_of,
        const uint8_t *words, uint8_t *z)
{
#pragma GCC unroll 4
    for (size_t i = 0; i < n_vectors; i += 2)
        vst1q_u8(z + 8 * i, symbols_of_16(x + i, tables, table_of + 8 * i, &words));
    return words;
}

/* Raw bits of eight lanes and what they are the end of: n of each behind the bits of head. */
static inline void raw_bits(struct eight_lanes *x, uint8x8_t n_bytes, uint8x8_t head, const uint8_t **words,
                            uint16_t *z)
{
    const int16x8_t n = vreinterpretq_s16_u16(vmovl_u8(n_bytes));
    const int16x8_t down = vnegq_s16(n), up = vsubq_s16(vdupq_n_s16(16), n);
    const uint16x8_t base = vshlq_u16(vmovl_u8(head), n), is_base = vshlq_u16(vdupq_n_u16(0xFFFF), n);
    vst1q_u16(z, vbslq_u16(is_base, base, x->low));
    x->low = vorrq_u16(vshlq_u16(x->low, down), vshlq_u16(x->high, up));
    x->high = vshlq_u16(x->high, down);
    renormalise(x, words);
}

static inline __attribute__((always_inline)) const uint8_t *
chunk_16(struct eight_lanes *x, const size_t n_vectors, const struct pxr_predict_slots *tables, const uint8_t *table_of,
         const uint8_t *words, uint16_t *z)
{
    uint8x16_t tokens[PXR_PREDICT_MAX_LANES / 16];
#pragma GCC unroll 4
    for (size_t i = 0; i < n_vectors; i += 2)
        tokens[i / 2] = symbols_of_16(x + i, tables, table_of + 8 * i, &words);
#pragma GCC unroll 4
    for (size_t i = 0; i < n_vectors; i += 2) {
        const uint8x16_t n = vshrq_n_u8(tokens[i / 2], 4), head = vandq_u8(tokens[i / 2], vdupq_n_u8(15));
        raw_bits(&x[i], vget_low_u8(n), vget_low_u8(head), &words, z + 8 * i);
        raw_bits(&x[i + 1], vget_high_u8(n), vget_high_u8(head), &words, z + 8 * i + 8);
    }
    return words;
}

#define VECTOR struct eight_lanes
#define WIDTH 8
static inline struct eight_lanes lanes_load(const uint32_t *p)
{
    const uint16x8_t a = vreinterpretq_u16_u32(vld1q_u32(p)), b = vreinterpretq_u16_u32(vld1q_u32(p + 4));
    return (struct eight_lanes){vuzp1q_u16(a, b), vuzp2q_u16(a, b)};
}
static inline void lanes_store(uint32_t *p, struct eight_lanes x)
{
    vst1q_u32(p, vreinterpretq_u32_u16(vzip1q_u16(x.low, x.high)));
    vst1q_u32(p + 4, vreinterpretq_u32_u16(vzip2q_u16(x.low, x.high)));
}

/* ---- what predict_vector_tmpl.c asks for: vectors of bytes, whatever they hold ------------------------- */

#define VEC uint8x16_t
/* Compilers would take vectors of constants apart and load their elements or halves one by one. */
#define ONE_REGISTER(v) __asm__("" : "+w"(v))
#define S8(v) vreinterpretq_s8_u8(v)
#define U16(v) vreinterpretq_u16_u8(v)
#define S16(v) vreinterpretq_s16_u8(v)
#define U32(v) vreinterpretq_u32_u8(v)
#define S32(v) vreinterpretq_s32_u8(v)
#define OF_U16(v) vreinterpretq_u8_u16(v)
#define OF_S16(v) vreinterpretq_u8_s16(v)
#define OF_S32(v) vreinterpretq_u8_s32(v)

#define v_load(p) vld1q_u8(p)
#define v_store(p, v) vst1q_u8((uint8_t *)(void *)(p), v)
#define v_zero() vdupq_n_u8(0)
#define v_set8(v) vdupq_n_u8((uint8_t)(v))
#define v_set16(v) OF_S16(vdupq_n_s16(v))
#define v_set32(v) OF_S32(vdupq_n_s32(v))
#define v_add16(a, b) OF_S16(vaddq_s16(S16(a), S16(b)))
#define v_add32(a, b) OF_S32(vaddq_s32(S32(a), S32(b)))
#define v_max16(a, b) OF_S16(vmaxq_s16(S16(a), S16(b)))
#define v_min16(a, b) OF_S16(vminq_s16(S16(a), S16(b)))
#define v_max32(a, b) OF_S32(vmaxq_s32(S32(a), S32(b)))
#define v_min32(a, b) OF_S32(vminq_s32(S32(a), S32(b)))
#define v_avg8(a, b) vrhaddq_u8(a, b)
#define v_avg16(a, b) OF_U16(vrhaddq_u16(U16(a), U16(b)))
#define v_diff8(a, b) vabdq_u8(a, b)
#define v_diff16(a, b) OF_U16(vabdq_u16(U16(a), U16(b)))

/* Shifts to the left by negative numbers; each element looks at its lowest byte. */
#define SHIFT int8x16_t
#define v_shift(n) vdupq_n_s8((int8_t)-(n))
#define v_srl8(v, shift, mask) ((void)(mask), vshlq_u8(v, shift))
#define v_srl16(v, shift) OF_U16(vshlq_u16(U16(v), vreinterpretq_s16_s8(shift)))

/* Weights of two features, each in all elements. */
struct weight_pair {
    uint8x16_t a, b;
};
#define PAIR struct weight_pair
#define v_feature_pair(a, b) ((struct weight_pair){vdupq_n_u8(a), vdupq_n_u8(b)})

static inline __attribute__((always_inline)) void v_add_features(VEC *low, VEC *high, VEC a, VEC b,
                                                                 struct weight_pair w)
{
    ONE_REGISTER(w.a);
    ONE_REGISTER(w.b);
    *low = OF_U16(vmlal_u8(U16(*low), vget_low_u8(a), vget_low_u8(w.a)));
    *low = OF_U16(vmlal_u8(U16(*low), vget_low_u8(b), vget_low_u8(w.b)));
    *high = OF_U16(vmlal_high_u8(vmlal_high_u8(U16(*high), a, w.a), b, w.b));
}

/* A tile's weights of the first eight taps and of the others: of 16 bits, or pairs of bytes, each of them twice. */
struct tap_weights {
    uint8x16_t of[2];
};
#define WEIGHTS struct tap_weights

static inline struct tap_weights v_weights(const struct pxr_predict_packed_tile *tile)
{
    struct tap_weights w = {{vld1q_u8((const uint8_t *)tile->pairs), vld1q_u8((const uint8_t *)(tile->pairs + 4))}};
    ONE_REGISTER(w.of[0]);
    ONE_REGISTER(w.of[1]);
    return w;
}

/* There are no products of unsigned samples with signed weights, so half of their range is taken from samples. */
#define v_bias8(tile) v_set16((int16_t)(tile)->signed_bias)
#define v_bias16(tile) v_set32((tile)->signed_bias)

static inline __attribute__((always_inline)) void add_tap8(VEC *low, VEC *high, VEC tap, int8_t weight)
{
    const int8x16_t v = S8(veorq_u8(tap, vdupq_n_u8(0x80))), w = vdupq_n_s8(weight);
    *low = OF_S16(vmlal_s8(S16(*low), vget_low_s8(v), vget_low_s8(w)));
    *high = OF_S16(vmlal_high_s8(S16(*high), v, w));
}

static inline __attribute__((always_inline)) void v_add_taps8(VEC *low, VEC *high, VEC a, VEC b, struct tap_weights w,
                                                              unsigned k)
{
    const int8x16_t weights = S8(w.of[k / 8]);
    add_tap8(low, high, a, weights[k % 8 * 2]);
    add_tap8(low, high, b, weights[k % 8 * 2 + 1]);
}

static inline __attribute__((always_inline)) void add_tap16(VEC *low, VEC *high, VEC tap, VEC weights, unsigned lane)
{
    const int16x8_t v = S16(veorq_u8(tap, OF_U16(vdupq_n_u16(0x8000)))), w = S16(weights);
#define ADD_LANE(n)                                                                                \
    case n:                                                                                        \
        *low = OF_S32(vmlal_laneq_s16(S32(*low), vget_low_s16(v), w, n));                          \
        *high = OF_S32(vmlal_high_laneq_s16(S32(*high), v, w, n));                                 \
        break;
    switch (lane) { /* a constant, but not to each compiler */
        ADD_LANE(0)
        ADD_LANE(1)
        ADD_LANE(2)
        ADD_LANE(3)
        ADD_LANE(4)
        ADD_LANE(5)
        ADD_LANE(6)
        ADD_LANE(7)
    }
#undef ADD_LANE
}

static inline __attribute__((always_inline)) void v_add_taps16(VEC *low, VEC *high, VEC a, VEC b, struct tap_weights w,
                                                               unsigned k)
{
    add_tap16(low, high, a, w.of[k / 8], k % 8);
    add_tap16(low, high, b, w.of[k / 8], k % 8 + 1);
}

/* Sums as samples: whole numbers fit, fractions are the low bits. */
#define v_whole8(low, high) vshrn_high_n_u16(vshrn_n_u16(U16(low), 6), U16(high), 6)
#define v_fraction8(low, high) vandq_u8(vuzp1q_u8(low, high), vdupq_n_u8(63))
#define v_whole16(low, high) OF_U16(vshrn_high_n_u32(vshrn_n_u32(U32(low), 8), U32(high), 8))
#define v_fraction16(low, high) OF_U16(vuzp1q_u16(U16(low), U16(high)))
#define v_pack_fractions(a, b) vuzp1q_u8(a, b)
#define v_pack_activity(low, high) v_pack_bounded(low, high)

/* Packing bounds. */
#define v_pack_bounded(a, b) vqmovn_high_u16(vqmovn_u16(U16(a)), U16(b))
#define v_bounded(v, shift) v_srl16(v, shift)
#define v_avg_bounded(a, b) v_avg16(v_at_most_255(a), v_at_most_255(b))
#define v_at_most_255(v) OF_U16(vminq_u16(U16(v), vdupq_n_u16(255)))

/* Packed bytes are in order. */
#define v_as_packed(v) (v)
#define v_from_packed(v) (v)

/* 0, 1 or 2: how many of two bounds a byte is above. */
static inline VEC v_far(VEC v, uint8_t near, uint8_t far)
{
    return vsraq_n_u8(vshrq_n_u8(vcgtq_u8(v, vdupq_n_u8(near)), 7), vcgtq_u8(v, vdupq_n_u8(far)), 7);
}

struct tables_constants {
    uint8x16_t thresholds, middle;
    uint8x16x3_t table_of; /* [far], by level */
};

static inline struct tables_constants tables_constants(const struct pxr_predict_model *m, unsigned phase)
{
    return (struct tables_constants){
        .thresholds = vld1q_u8(m->thresholds[phase]),
        .middle = vdupq_n_u8(m->thresholds[phase][7]),
        .table_of = vld3q_u8(m->table_of[phase]), /* the order there is [3 x level + far] */
    };
}

/* Thresholds rise: a binary search.  at begins in the middle; each step moves it to the middle of the half that is
 * left, which changes bits that are known. */
static inline VEC v_tables(const struct tables_constants *c, VEC activity, VEC far)
{
    const VEC one = vdupq_n_u8(1), two = vdupq_n_u8(2), three = vdupq_n_u8(3);
    VEC at = vbslq_u8(vcgtq_u8(activity, c->middle), vdupq_n_u8(11), three);
    at = veorq_u8(at, vbslq_u8(vcgtq_u8(activity, vqtbl1q_u8(c->thresholds, at)), vdupq_n_u8(6), two));
    at = veorq_u8(at, vbslq_u8(vcgtq_u8(activity, vqtbl1q_u8(c->thresholds, at)), three, one));
    const VEC level = vsubq_u8(at, vcgtq_u8(activity, vqtbl1q_u8(c->thresholds, at)));
    return vqtbl3q_u8(c->table_of, vsliq_n_u8(level, far, 4));
}

#include "predict_put_tmpl.c"

#include "predict_level_tmpl.c"
