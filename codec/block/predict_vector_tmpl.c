/* SPDX-License-Identifier: MIT
 * Prediction of half rows with vectors: the twin of predict_plain in predict_rows_tmpl.c, bit for bit.
 *
 * Included by the files of the vector levels with VEC and the operations named v_..., which are those of the
 * instruction set.  Sums have twice the bits of what they are made of, in two vectors, low and high; which sums are
 * in which of them is the level's affair, as long as v_whole and v_fraction bring them back in order.  Whether half of
 * the range is taken from samples before they are multiplied is its affair too: v_bias makes good for it.  What only
 * some levels do (bounding what packing bounds anyway) has an operation that does nothing elsewhere.
 * v_tables(c, activity, far) looks up levels and tables; far is what v_far made, of type FAR_MASKS. */

#ifndef FAR_MASKS
#define FAR_MASKS VEC
#endif
#define LOAD(p) v_load((const void *)((p) + j))
#undef DIFF

struct activity_constants {
    PAIR w[PXR_PREDICT_FEATURES / 2];
    VEC calm;
    SHIFT shift, feature_shift, level_shift;
    VEC level_mask;
    struct tables_constants tables;
};

static inline struct activity_constants activity_constants(const struct pxr_predict_model *m, unsigned group,
                                                           unsigned phase, unsigned level_shift)
{
    const uint8_t *const weights = m->features[group][phase];
    struct activity_constants c;
    c.calm = v_set16((short)m->calm[group][phase]);
    c.shift = v_shift(m->activity_shift[phase]);
    c.feature_shift = v_shift(m->feature_shift);
    c.level_shift = v_shift((int)level_shift);
    c.level_mask = v_set8((char)(255 >> level_shift));
    c.tables = tables_constants(m, phase);
    for (int k = 0; k < PXR_PREDICT_FEATURES / 2; k++)
        c.w[k] = v_feature_pair(weights[2 * k], weights[2 * k + 1]);
    return c;
}

/* Tables from features (bytes) and from how far predictions are from whole numbers (0, 1, 2). */
static inline __attribute__((always_inline)) VEC tables_of(const struct activity_constants *c,
                                                           const VEC f[PXR_PREDICT_FEATURES], FAR_MASKS far)
{
    VEC low = c->calm, high = c->calm;
    for (int k = 0; k < PXR_PREDICT_FEATURES / 2; k++)
        v_add_features(&low, &high, f[2 * k], f[2 * k + 1], c->w[k]);
    low = v_srl16(low, c->shift);
    high = v_srl16(high, c->shift);
    return v_tables(&c->tables, v_pack_activity(low, high), far);
}

/* ---- planes of up to 8 bits --------------------------------------------------------------------- */

/* Whole predictions, and the fraction + 32. */
static inline __attribute__((always_inline)) VEC predict_8(const struct pxr_predict_packed_tile *tile,
                                                           const VEC *taps, const unsigned n_taps, VEC most,
                                                           VEC *fraction)
{
    const VEC half = v_set16(32);
    const WEIGHTS w = v_weights(tile);
    VEC low = v_bias8(tile), high = low, low2 = v_zero(), high2 = low2;
#pragma GCC unroll 8
    for (unsigned k = 0; k < n_taps; k += 2)
        if (k & 2)
            v_add_taps8(&low2, &high2, taps[k], taps[k + 1], w, k);
        else
            v_add_taps8(&low, &high, taps[k], taps[k + 1], w, k);
    low = v_max16(v_add16(low, low2), v_zero());
    high = v_max16(v_add16(high, high2), v_zero());
    low = v_add16(v_min16(low, most), half);
    high = v_add16(v_min16(high, most), half);
    *fraction = v_fraction8(low, high);
    return v_whole8(low, high);
}

#define DIFF(k) v_diff8(taps[at->k[0]], taps[at->k[1]])
#define BEND(k) v_diff8(taps[at->k[0]], v_avg8(taps[at->k[1]], taps[at->k[2]]))

/* Of the two features from magnitudes one is a mean, the other a single one. */
#define MAGNITUDES(f, h, is_odd)                                                                                     \
    do {                                                                                                             \
        (f)[0] = (is_odd) ? v_avg8(LOAD((h)->mag[0]), LOAD((h)->mag[1])) : LOAD((h)->mag[0]);                        \
        (f)[1] = (is_odd) ? LOAD((h)->mag[2]) : v_avg8(LOAD((h)->mag[2]), LOAD((h)->mag[3]));                        \
    } while (0)

static inline __attribute__((always_inline)) void features_8(const struct half_row_8 *h, const bool is_odd,
                                                             const struct pxr_predict_features *at,
                                                             const VEC *taps, size_t j, VEC p,
                                                             const struct activity_constants *c,
                                                             VEC f[PXR_PREDICT_FEATURES])
{
    MAGNITUDES(f, h, is_odd);
    f[2] = DIFF(f2);
    f[3] = v_avg8(DIFF(f3), v_diff8(taps[at->f3[2]], taps[at->f3[3]]));
    f[4] = DIFF(f4);
    f[5] = DIFF(f5);
    f[6] = v_srl8(p, c->level_shift, c->level_mask);
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

static inline struct constants_8 constants_8(const struct pxr_predict_model *m, unsigned group, unsigned phase)
{
    return (struct constants_8){
        .activity = activity_constants(m, group, phase, level_shift_8(m)),
        .most = v_set16((short)(((1 << m->depth) - 1) << 6)),
        .middle = v_set8(32),
    };
}

/* One tile. */
static inline __attribute__((always_inline)) void tile_8(const struct half_row_8 *h, const bool is_inter,
                                                         const bool is_odd, const struct constants_8 *c,
                                                         size_t j0, size_t n, uint8_t *p, uint8_t *fraction,
                                                         uint8_t *tables)
{
    const unsigned n_taps = is_inter ? PXR_PREDICT_INTER_TAPS : PXR_PREDICT_INTRA_TAPS;
    for (size_t j = j0; j < j0 + PXR_PREDICT_TILE && j < n; j += sizeof(VEC)) {
        VEC taps[PXR_PREDICT_INTER_TAPS], f[PXR_PREDICT_FEATURES], t;
#pragma GCC unroll 16
        for (unsigned k = 0; k < n_taps; k++)
            taps[k] = LOAD(h->taps[k]);
        const VEC whole = predict_8(h->packed + j / PXR_PREDICT_TILE, taps, n_taps, c->most, &t);
        v_store(p + j, whole);
        v_store(fraction + j, t);
        features_8(h, is_odd, &pxr_predict_features_at[is_inter][is_odd], taps, j, whole, &c->activity, f);
        v_store(tables + j, tables_of(&c->activity, f, v_far(v_diff8(t, c->middle), 11, 22)));
    }
}

/* ---- deeper planes ------------------------------------------------------------------------------ */

/* Whole predictions of the samples of one vector, and the fraction + 128 in 16 bits. */
static inline __attribute__((always_inline)) VEC predict_16(const struct pxr_predict_packed_tile *tile,
                                                            const VEC *taps, const unsigned n_taps, VEC most,
                                                            VEC *fraction)
{
    const VEC half = v_set32(128);
    const WEIGHTS w = v_weights(tile);
    VEC low = v_bias16(tile), high = low;
#pragma GCC unroll 8
    for (unsigned k = 0; k < n_taps; k += 2)
        v_add_taps16(&low, &high, taps[k], taps[k + 1], w, k);
    low = v_add32(v_min32(v_max32(low, v_zero()), most), half);
    high = v_add32(v_min32(v_max32(high, v_zero()), most), half);
    *fraction = v_fraction16(low, high);
    return v_whole16(low, high);
}

/* Differences of taps, shifted, at most 255 (here or when they are packed), in 16 bits. */
#define DIFF(a, b) v_bounded(v_diff16(taps[at->a], taps[at->b]), c->feature_shift)
#define BEND(k) v_bounded(v_diff16(taps[at->k[0]], v_avg16(taps[at->k[1]], taps[at->k[2]])), c->feature_shift)

/* Features 2 to 9 of one vector of samples; the other two are bytes. */
static inline __attribute__((always_inline)) void features_16(const struct pxr_predict_features *at,
                                                              const VEC *taps, VEC p,
                                                              const struct activity_constants *c,
                                                              VEC f[PXR_PREDICT_FEATURES])
{
    f[2] = DIFF(f2[0], f2[1]);
    f[3] = v_avg_bounded(DIFF(f3[0], f3[1]), DIFF(f3[2], f3[3]));
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

static inline struct constants_16 constants_16(const struct pxr_predict_model *m, unsigned group, unsigned phase)
{
    return (struct constants_16){
        .activity = activity_constants(m, group, phase, level_shift_16(m)),
        .most = v_set32(((1 << m->depth) - 1) << 8),
        .middle = v_set8((char)128),
    };
}

static inline __attribute__((always_inline)) void tile_16(const struct half_row_16 *h, const bool is_inter,
                                                          const bool is_odd, const struct constants_16 *c,
                                                          size_t j0, size_t n, uint16_t *p, uint8_t *fraction,
                                                          uint8_t *tables)
{
    enum { STEP = sizeof(VEC) / 2 };
    const unsigned n_taps = is_inter ? PXR_PREDICT_INTER_TAPS : PXR_PREDICT_INTRA_TAPS;
    for (size_t j = j0; j < j0 + PXR_PREDICT_TILE && j < n; j += sizeof(VEC)) {
        VEC f[2][PXR_PREDICT_FEATURES], part[2];
#pragma GCC unroll 2
        for (unsigned i = 0; i < 2; i++) {
            if (sizeof(VEC) == PXR_PREDICT_TILE && i && j + STEP >= n) { /* nobody looks at the second half */
                memcpy(f[1], f[0], sizeof f[1]);
                part[1] = part[0];
                break;
            }
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
            f[0][k] = v_pack_bounded(f[0][k], f[1][k]);
        MAGNITUDES(f[0], h, is_odd);
        f[0][0] = v_as_packed(f[0][0]);
        f[0][1] = v_as_packed(f[0][1]);
        const VEC t = v_pack_fractions(part[0], part[1]);
        v_store(fraction + j, v_from_packed(t));
        v_store(tables + j,
                v_from_packed(tables_of(&c->activity, f[0], v_far(v_diff8(t, c->middle), 44, 88))));
    }
}

#undef MAGNITUDES
#undef LOAD
