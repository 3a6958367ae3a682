/* SPDX-License-Identifier: MIT
 * Prediction of half rows with vectors: the twin of predict_plain in predict_rows_tmpl.c, bit for bit.
 *
 * Included by the files of the vector levels with VEC and the operations named v_..., which are those of the
 * instruction set: unpacking and packing work within 128 bits, so that what is unpacked low and high and packed
 * again is in order.  v_tables(c, activity, far) looks up levels and tables. */

#define LOAD(p) v_load((const void *)((p) + j))
#undef DIFF
#define DIFF8(a, b) v_or(v_subs_u8(a, b), v_subs_u8(b, a))
#define DIFF16(a, b) v_or(v_subs_u16(a, b), v_subs_u16(b, a))

struct activity_constants {
    VEC w[PXR_PREDICT_FEATURES / 2], calm; /* pairs of weights */
    __m128i shift, feature_shift, level_shift;
    VEC level_mask;
    struct tables_constants tables;
};

static inline struct activity_constants activity_constants(const struct pxr_predict_model *m,
                                                           const uint8_t *weights, uint16_t calm,
                                                           unsigned phase, unsigned level_shift)
{
    struct activity_constants c = {
        .calm = v_set16((short)calm),
        .shift = _mm_cvtsi32_si128(m->activity_shift[phase]),
        .feature_shift = _mm_cvtsi32_si128(m->feature_shift),
        .level_shift = _mm_cvtsi32_si128((int)level_shift),
        .level_mask = v_set8((char)(255 >> level_shift)),
        .tables = tables_constants(m, phase),
    };
    for (int k = 0; k < PXR_PREDICT_FEATURES / 2; k++)
        c.w[k] = v_set16((short)(weights[2 * k] | weights[2 * k + 1] << 8));
    return c;
}

/* Tables from features (bytes) and from how far predictions are from whole numbers (0, 1, 2). */
static inline __attribute__((always_inline)) VEC tables_of(const struct activity_constants *c,
                                                           const VEC f[PXR_PREDICT_FEATURES], VEC far)
{
    VEC low = c->calm, high = c->calm;
    for (int k = 0; k < PXR_PREDICT_FEATURES / 2; k++) {
        low = v_add16(low, v_maddubs(v_low8(f[2 * k], f[2 * k + 1]), c->w[k]));
        high = v_add16(high, v_maddubs(v_high8(f[2 * k], f[2 * k + 1]), c->w[k]));
    }
    low = v_srl16(low, c->shift);
    high = v_srl16(high, c->shift);
    return v_tables(&c->tables, v_packus16(low, high), far);
}

/* ---- planes of up to 8 bits --------------------------------------------------------------------- */

/* Whole predictions, and the fraction + 32. */
static inline __attribute__((always_inline)) VEC predict_8(const struct pxr_predict_packed_tile *tile,
                                                           const VEC *taps, const unsigned n_taps, VEC most,
                                                           VEC *fraction)
{
    const VEC half = v_set16(32), mask = v_set16(63);
    VEC low = v_set16((short)tile->bias), high = low, low2 = v_zero(), high2 = low2;
#pragma GCC unroll 8
    for (unsigned k = 0; k < n_taps; k += 2) {
        const VEC w = v_set32((int)tile->pairs[k / 2]);
        const VEC l = v_maddubs(v_low8(taps[k], taps[k + 1]), w);
        const VEC u = v_maddubs(v_high8(taps[k], taps[k + 1]), w);
        if (k & 2) {
            low2 = v_add16(low2, l);
            high2 = v_add16(high2, u);
        } else {
            low = v_add16(low, l);
            high = v_add16(high, u);
        }
    }
    low = v_max16(v_add16(low, low2), v_zero());
    high = v_max16(v_add16(high, high2), v_zero());
    low = v_add16(v_min16(low, most), half);
    high = v_add16(v_min16(high, most), half);
    *fraction = v_packus16(v_and(low, mask), v_and(high, mask));
    return v_packus16(v_srli16(low, 6), v_srli16(high, 6));
}

#define DIFF(k) DIFF8(taps[at->k[0]], taps[at->k[1]])
#define BEND(k) DIFF8(taps[at->k[0]], v_avg8(taps[at->k[1]], taps[at->k[2]]))

static inline __attribute__((always_inline)) void features_8(const struct half_row_8 *h,
                                                             const struct pxr_predict_features *at,
                                                             const VEC *taps, size_t j, VEC p,
                                                             const struct activity_constants *c,
                                                             VEC f[PXR_PREDICT_FEATURES])
{
    f[0] = v_avg8(LOAD(h->mag[0]), LOAD(h->mag[1]));
    f[1] = v_avg8(LOAD(h->mag[2]), LOAD(h->mag[3]));
    f[2] = DIFF(f2);
    f[3] = v_avg8(DIFF(f3), DIFF8(taps[at->f3[2]], taps[at->f3[3]]));
    f[4] = DIFF(f4);
    f[5] = DIFF(f5);
    f[6] = v_and(v_srl16(p, c->level_shift), c->level_mask);
    f[7] = DIFF(f7);
    f[8] = BEND(f8);
    f[9] = BEND(f9);
}
#undef DIFF
#undef BEND

struct constants_8 {
    struct activity_constants activity;
    VEC most, middle;
};

static inline struct constants_8 constants_8(const struct half_row_8 *h)
{
    return (struct constants_8){
        .activity = activity_constants(h->m, h->weights, h->calm, h->phase, level_shift_8(h->m)),
        .most = v_set16((short)(((1 << h->m->depth) - 1) << 6)),
        .middle = v_set8(32),
    };
}

/* One tile. */
static inline __attribute__((always_inline)) void tile_8(const struct half_row_8 *h, const bool is_inter,
                                                         const bool is_odd, const struct constants_8 *c,
                                                         size_t j0, uint8_t *p, uint8_t *fraction,
                                                         uint8_t *tables)
{
    const unsigned n_taps = is_inter ? PXR_PREDICT_INTER_TAPS : PXR_PREDICT_INTRA_TAPS;
#pragma GCC unroll 2
    for (size_t j = j0; j < j0 + PXR_PREDICT_TILE; j += sizeof(VEC)) {
        VEC taps[PXR_PREDICT_INTER_TAPS], f[PXR_PREDICT_FEATURES], t;
#pragma GCC unroll 16
        for (unsigned k = 0; k < n_taps; k++)
            taps[k] = LOAD(h->taps[k]);
        const VEC whole = predict_8(h->packed + j / PXR_PREDICT_TILE, taps, n_taps, c->most, &t);
        v_store(p + j, whole);
        v_store(fraction + j, t);
        features_8(h, &pxr_predict_features_at[is_inter][is_odd], taps, j, whole, &c->activity, f);
        v_store(tables + j, tables_of(&c->activity, f, v_far(DIFF8(t, c->middle), 11, 22)));
    }
}

/* ---- deeper planes ------------------------------------------------------------------------------ */

/* Whole predictions of the samples of one vector, and the fraction + 128 in 16 bits. */
static inline __attribute__((always_inline)) VEC predict_16(const struct pxr_predict_packed_tile *tile,
                                                            const VEC *taps, const unsigned n_taps, VEC most,
                                                            VEC *fraction)
{
    const VEC sign = v_set16((short)-32768), half = v_set32(128), mask = v_set32(255);
    VEC low = v_set32(tile->bias), high = low;
#pragma GCC unroll 8
    for (unsigned k = 0; k < n_taps; k += 2) {
        const VEC a = v_xor(taps[k], sign), b = v_xor(taps[k + 1], sign);
        const VEC w = v_set32((int)tile->pairs[k / 2]);
        low = v_add32(low, v_madd16(v_low16(a, b), w));
        high = v_add32(high, v_madd16(v_high16(a, b), w));
    }
    low = v_add32(v_min32(v_max32(low, v_zero()), most), half);
    high = v_add32(v_min32(v_max32(high, v_zero()), most), half);
    *fraction = v_packus32(v_and(low, mask), v_and(high, mask));
    return v_packus32(v_srli32(low, 8), v_srli32(high, 8));
}

/* Differences of taps, shifted, at most 255, in 16 bits. */
#define DIFF(a, b) v_bounded(DIFF16(taps[at->a], taps[at->b]), c->feature_shift)
#define BEND(k)                                                                                        v_bounded(DIFF16(taps[at->k[0]], v_avg16(taps[at->k[1]], taps[at->k[2]])), c->feature_shift)

static inline __attribute__((always_inline)) VEC v_bounded(VEC v, __m128i shift)
{
    return v_min_u16(v_srl16(v, shift), v_set16(255));
}

/* Features 2 to 9 of one vector of samples; the other two are bytes. */
static inline __attribute__((always_inline)) void features_16(const struct pxr_predict_features *at,
                                                              const VEC *taps, VEC p,
                                                              const struct activity_constants *c,
                                                              VEC f[PXR_PREDICT_FEATURES])
{
    f[2] = DIFF(f2[0], f2[1]);
    f[3] = v_avg16(DIFF(f3[0], f3[1]), DIFF(f3[2], f3[3]));
    f[4] = DIFF(f4[0], f4[1]);
    f[5] = DIFF(f5[0], f5[1]);
    f[6] = v_srl16(p, c->level_shift);
    f[7] = DIFF(f7[0], f7[1]);
    f[8] = BEND(f8);
    f[9] = BEND(f9);
}
#undef DIFF
#undef BEND

struct constants_16 {
    struct activity_constants activity;
    VEC most, middle;
};

static inline struct constants_16 constants_16(const struct half_row_16 *h)
{
    return (struct constants_16){
        .activity = activity_constants(h->m, h->weights, h->calm, h->phase, level_shift_16(h->m)),
        .most = v_set32(((1 << h->m->depth) - 1) << 8),
        .middle = v_set8((char)128),
    };
}

static inline __attribute__((always_inline)) void tile_16(const struct half_row_16 *h, const bool is_inter,
                                                          const bool is_odd, const struct constants_16 *c,
                                                          size_t j0, uint16_t *p, uint8_t *fraction,
                                                          uint8_t *tables)
{
    enum { STEP = sizeof(VEC) / 2 };
    const unsigned n_taps = is_inter ? PXR_PREDICT_INTER_TAPS : PXR_PREDICT_INTRA_TAPS;
#pragma GCC unroll 2
    for (size_t j = j0; j < j0 + PXR_PREDICT_TILE; j += sizeof(VEC)) {
        VEC f[2][PXR_PREDICT_FEATURES], part[2];
#pragma GCC unroll 2
        for (unsigned i = 0; i < 2; i++) {
            VEC taps[PXR_PREDICT_INTER_TAPS];
#pragma GCC unroll 16
            for (unsigned k = 0; k < n_taps; k++)
                taps[k] = LOAD(h->taps[k] + STEP * i);
            const VEC whole = predict_16(h->packed + j / PXR_PREDICT_TILE, taps, n_taps, c->most, &part[i]);
            v_store(p + j + STEP * i, whole);
            features_16(&pxr_predict_features_at[is_inter][is_odd], taps, whole, &c->activity, f[i]);
        }
#pragma GCC unroll 8
        for (unsigned k = 2; k < PXR_PREDICT_FEATURES; k++)
            f[0][k] = v_packus16(f[0][k], f[1][k]);
        f[0][0] = v_as_packed(v_avg8(LOAD(h->mag[0]), LOAD(h->mag[1])));
        f[0][1] = v_as_packed(v_avg8(LOAD(h->mag[2]), LOAD(h->mag[3])));
        const VEC t = v_packus16(part[0], part[1]);
        v_store(fraction + j, v_from_packed(t));
        v_store(tables + j,
                v_from_packed(tables_of(&c->activity, f[0], v_far(DIFF8(t, c->middle), 44, 88))));
    }
}

#undef LOAD
#undef DIFF8
#undef DIFF16
