/* SPDX-License-Identifier: MIT
 * Half rows of one type of sample: where taps and features come from, prediction, contexts, residuals.
 *
 * Included by predict_level_tmpl.c with SAMPLE (uint8_t or uint16_t), SIGNED, SUM (the type of a prediction's
 * sum: int16_t or int32_t), Q (fraction bits of weights) and FN(name).  Plain loops over independent
 * samples: each compiler and each vector width gives the same integers.  What is written here is the
 * specification of predict_vector_tmpl.c.  Loops run to whole tiles; what they make behind the end of a row
 * is never looked at. */

/* Rows around row y as halves: even half at [0], odd half at [half]. */
struct FN(rows) {
    SAMPLE *x[3];        /* the frame's rows y, y - 1, y - 2             */
    SAMPLE *p[3], *q[3]; /* rows y, y - 1, y + 1 of references 0 and 1  */
    uint8_t *mag[2];     /* magnitudes of residuals in rows y, y - 1    */
    size_t half;
};

/* A half row that is about to be predicted. */
struct FN(half_row) {
    const SAMPLE *taps[PXR_PREDICT_INTER_TAPS];
    const uint8_t *mag[4]; /* features 0 and 1 are means of two magnitudes each */
    const struct pxr_predict_tile *tiles;
    const struct pxr_predict_packed_tile *packed;
    const uint8_t *weights; /* of features */
    uint16_t calm;
    const struct pxr_predict_model *m;
    unsigned n_taps, phase;
    const struct pxr_predict_features *at;
};

/* ---- container samples and halves --------------------------------------------------------------- */

/* What lies left and right of the columns of a finished half row. */
static inline void FN(edges)(SAMPLE *row, size_t half, uint32_t n_even, uint32_t n_odd, int phase)
{
    if (!phase) {
        row[-1] = row[0];
        row[n_even] = row[n_even - 1];
    } else {
        row[(ptrdiff_t)half - 1] = row[0];
        row[half + n_odd] = n_odd ? row[half + n_odd - 1] : row[0];
    }
}

#define SPLIT(TYPE, VALUE)                                                                         \
    do {                                                                                           \
        const TYPE *restrict const s = (const void *)src;                                          \
        for (uint32_t j = 0; j < n_odd; j++) {                                                     \
            even[j] = (SAMPLE)VALUE(s[2 * j]);                                                     \
            odd[j] = (SAMPLE)VALUE(s[2 * j + 1]);                                                  \
        }                                                                                          \
        even[n_even - 1] = (SAMPLE)VALUE(s[2 * (n_even - 1)]);                                     \
    } while (0)
#define PLAIN(v) (v)
#define LOWERED(v) ((v) - offset)
#define SHIFTED(v) (((v) - offset) >> shift)
#define RANK(v) rank_of[v]

/* A row of container samples as two halves with their edges. */
static inline void FN(split_row)(const struct pxr_predict_model *m, uint8_t bits, const uint8_t *src,
                                 SAMPLE *restrict even, size_t half)
{
    const uint32_t n_even = (m->width_px + 1) / 2, n_odd = m->width_px / 2, offset = m->offset;
    const unsigned shift = m->shift;
    const uint16_t *const rank_of = m->rank_of;
    SAMPLE *restrict odd = even + half;
    if (rank_of && bits == 8)
        SPLIT(uint8_t, RANK);
    else if (rank_of)
        SPLIT(pxr_unaligned16, RANK);
    else if (bits == 8 && !offset && !shift)
        SPLIT(uint8_t, PLAIN);
    else if (bits == 8)
        SPLIT(uint8_t, SHIFTED);
    else if (!shift)
        SPLIT(pxr_unaligned16, LOWERED);
    else
        SPLIT(pxr_unaligned16, SHIFTED);
    FN(edges)(even, half, n_even, n_odd, 0);
    FN(edges)(even, half, n_even, n_odd, 1);
}
#undef SPLIT
#undef LOWERED
#undef SHIFTED
#undef RANK

#define JOIN(TYPE, VALUE)                                                                          \
    do {                                                                                           \
        TYPE *restrict const d = (void *)dst;                                                      \
        for (uint32_t j = 0; j < n_odd; j++) {                                                     \
            d[2 * j] = (TYPE)VALUE(even[j]);                                                       \
            d[2 * j + 1] = (TYPE)VALUE(odd[j]);                                                    \
        }                                                                                          \
        d[2 * (n_even - 1)] = (TYPE)VALUE(even[n_even - 1]);                                       \
    } while (0)
#define RAISED(v) ((v) + offset)
#define SHIFTED(v) (((uint32_t)(v) << shift) + offset)
#define RANKED(v) ranks[v]

/* Halves back into container samples. */
static inline void FN(join_row)(const struct pxr_predict_model *m, uint8_t bits,
                                const SAMPLE *restrict even, size_t half, uint8_t *restrict dst)
{
    const uint32_t n_even = (m->width_px + 1) / 2, n_odd = m->width_px / 2, offset = m->offset;
    const SAMPLE *restrict odd = even + half;
    const unsigned shift = m->shift;
    const uint16_t *const ranks = m->ranks;
    if (ranks && bits == 8)
        JOIN(uint8_t, RANKED);
    else if (ranks)
        JOIN(pxr_unaligned16, RANKED);
    else if (bits == 8 && !offset && !shift)
        JOIN(uint8_t, PLAIN);
    else if (bits == 8)
        JOIN(uint8_t, SHIFTED);
    else if (!shift)
        JOIN(pxr_unaligned16, RAISED);
    else
        JOIN(pxr_unaligned16, SHIFTED);
}
#undef JOIN
#undef PLAIN
#undef RAISED
#undef SHIFTED
#undef RANKED

/* ---- taps and features: docs/format.md lists them ----------------------------------------------- */

/* One pointer after the other: what is stored in large pieces and loaded in small ones has to wait. */
#define SET(to, i, a, b) ((to)[i] = phase ? (b) : (a))

static inline void FN(set_taps)(const struct FN(rows) *r, unsigned group, unsigned phase,
                                struct FN(half_row) *out)
{
    const size_t h = r->half;
    const SAMPLE *c = r->x[0], *n = r->x[1], *nn = r->x[2];
    const SAMPLE **const t = out->taps;
    out->n_taps = pxr_predict_n_taps(group);
    if (!group) {
        SET(t, 0, n, c);
        SET(t, 1, n + h - 1, c + 1);
        SET(t, 2, n + h, n + h);
        SET(t, 3, nn, n);
        SET(t, 4, n - 1, n + 1);
        SET(t, 5, n + 1, nn + h);
        return;
    }
    const SAMPLE *p = r->p[0], *pn = r->p[1], *ps = r->p[2], *q = r->q[0], *qn = r->q[1], *qs = r->q[2];
    SET(t, 0, n, c);
    SET(t, 1, n + h - 1, c + 1);
    SET(t, 2, n + h, n + h);
    SET(t, 3, nn, n);
    SET(t, 4, p, n + 1);
    SET(t, 5, p + h - 1, p + h);
    SET(t, 6, p + h, p);
    SET(t, 7, pn, p + 1);
    SET(t, 8, ps, pn + h);
    SET(t, 9, ps + h - 1, ps + h);
    SET(t, 10, ps + h, ps + 1);
    SET(t, 11, q, q + h);
    SET(t, 12, q + h - 1, q);
    SET(t, 13, q + h, q + 1);
    SET(t, 14, qn, qn + h);
    SET(t, 15, qs, qs + h);
}

static inline void FN(set_magnitudes)(const struct FN(rows) *r, unsigned phase, struct FN(half_row) *out)
{
    const uint8_t *const mag = r->mag[0], *const above = r->mag[1], *const above_odd = above + r->half;
    SET(out->mag, 0, above, mag);
    SET(out->mag, 1, above, mag + 1);
    SET(out->mag, 2, above_odd - 1, above_odd);
    SET(out->mag, 3, above_odd, above_odd);
}
#undef SET

static inline void FN(half_row_at)(const struct pxr_predict_model *m, const struct FN(rows) *r, unsigned group,
                                   unsigned phase, uint32_t y, struct FN(half_row) *out)
{
    const size_t tile = pxr_predict_tile_row(m, group, phase, y / PXR_PREDICT_TILE_ROWS);
    out->at = &pxr_predict_features_at[group > 0][phase];
    out->tiles = m->tiles + tile;
    out->packed = m->packed + tile;
    out->weights = m->features[group][phase];
    out->calm = m->calm[group][phase];
    out->m = m;
    out->phase = phase;
    FN(set_taps)(r, group, phase, out);
    FN(set_magnitudes)(r, phase, out);
}

/* ---- prediction --------------------------------------------------------------------------------- */

/* Two taps of a tile, modulo 2^16 or 2^32: the whole sum fits.  (A function of its own is what compilers turn into
 * vectors.) */
static __attribute__((noinline)) void FN(add_taps)(const SAMPLE *restrict a, const SAMPLE *restrict b,
                                                   UNSIGNED_SUM u, UNSIGNED_SUM v,
                                                   UNSIGNED_SUM *restrict sums)
{
    for (unsigned i = 0; i < PXR_PREDICT_TILE; i++)
        sums[i] = (UNSIGNED_SUM)(sums[i] + u * a[i] + v * b[i]);
}

/* Predictions of one tile, rounded, and what was rounded away, as fraction + 2^(Q - 1). */
static inline void FN(predict_tile)(const struct FN(half_row) *h, size_t j, SAMPLE *restrict p,
                                    uint8_t *restrict fraction)
{
    enum { HALF = 1 << (Q - 1), FRACTION = (1 << Q) - 1 };
    const struct pxr_predict_tile *const tile = h->tiles + j / PXR_PREDICT_TILE;
    const SUM most = (SUM)(((1 << h->m->depth) - 1) * (1 << Q));
    UNSIGNED_SUM sums[PXR_PREDICT_TILE];
    for (unsigned i = 0; i < PXR_PREDICT_TILE; i++)
        sums[i] = (UNSIGNED_SUM)tile->bias;
    for (unsigned k = 0; k < h->n_taps; k += 2)
        FN(add_taps)(h->taps[k] + j, h->taps[k + 1] + j, (UNSIGNED_SUM)tile->w[k],
                     (UNSIGNED_SUM)tile->w[k + 1], sums);
    for (unsigned i = 0; i < PXR_PREDICT_TILE; i++) {
        SUM v = (SUM)sums[i];
        v = v < 0 ? 0 : v;
        v = (SUM)((v > most ? most : v) + HALF);
        p[i] = (SAMPLE)(v >> Q);
        fraction[i] = (uint8_t)(v & FRACTION);
    }
}

/* ---- activity ----------------------------------------------------------------------------------- */

/* In the narrowest types: so a compiler finds the instructions for them. */
#define MEAN(a, b) ((SAMPLE)(((a) + (b) + 1) >> 1))
#define DIFF(a, b) ((SAMPLE)((a) > (b) ? (a) - (b) : (b) - (a)))

/* n values >> shift, at most 255.  (Planes of up to 8 bits have no shift.  A product of 16 bits, of which the upper
 * half is kept, is what compilers find an instruction for; a shift by a variable becomes one of 32 bits.) */
static inline void FN(bytes_of)(const SAMPLE *restrict v, size_t n, unsigned shift, uint8_t *restrict out)
{
    const uint16_t scale = (uint16_t)(65536u >> shift);
    if (sizeof(SAMPLE) == 1 || !shift)
        for (size_t i = 0; i < n; i++)
            out[i] = (uint8_t)(v[i] < 255 ? v[i] : 255);
    else
        for (size_t i = 0; i < n; i++) {
            const uint16_t shifted = (uint16_t)((uint32_t)v[i] * scale >> 16);
            out[i] = (uint8_t)(shifted < 255 ? shifted : 255);
        }
}

static inline unsigned FN(level_shift)(const struct pxr_predict_model *m)
{
    return m->depth > 6 ? m->depth - 6u : 0;
}

/* |a - b| of a tile as bytes, and |a - mean(b, c)|. */
static inline void FN(diffs)(const SAMPLE *restrict a, const SAMPLE *restrict b, unsigned shift,
                             uint8_t *restrict out)
{
    SAMPLE v[PXR_PREDICT_TILE];
    for (unsigned i = 0; i < PXR_PREDICT_TILE; i++)
        v[i] = DIFF(a[i], b[i]);
    FN(bytes_of)(v, PXR_PREDICT_TILE, shift, out);
}

static inline void FN(bends)(const SAMPLE *restrict a, const SAMPLE *restrict b, const SAMPLE *restrict c,
                             unsigned shift, uint8_t *restrict out)
{
    SAMPLE v[PXR_PREDICT_TILE];
    for (unsigned i = 0; i < PXR_PREDICT_TILE; i++)
        v[i] = DIFF(a[i], MEAN(b[i], c[i]));
    FN(bytes_of)(v, PXR_PREDICT_TILE, shift, out);
}

/* The features of the tile that begins at sample j; p: its predictions. */
static inline void FN(features_of)(const struct FN(half_row) *h, size_t j, const SAMPLE *restrict p,
                                   uint8_t out[PXR_PREDICT_FEATURES][PXR_PREDICT_TILE])
{
    const struct pxr_predict_features *const at = h->at;
    const unsigned shift = h->m->feature_shift, up = sizeof(SAMPLE) == 1 ? 6 : 16;
    const uint16_t scale = (uint16_t)((1u << up) >> FN(level_shift)(h->m)); /* a shift, as in bytes_of */
    uint8_t other[PXR_PREDICT_TILE];
#define TAP(k) (h->taps[at->k] + j)
    means(h->mag[0] + j, h->mag[1] + j, out[0]);
    means(h->mag[2] + j, h->mag[3] + j, out[1]);
    FN(diffs)(TAP(f2[0]), TAP(f2[1]), shift, out[2]);
    FN(diffs)(TAP(f3[0]), TAP(f3[1]), shift, out[3]);
    FN(diffs)(TAP(f3[2]), TAP(f3[3]), shift, other);
    for (unsigned i = 0; i < PXR_PREDICT_TILE; i++)
        out[3][i] = MEAN8(out[3][i], other[i]);
    FN(diffs)(TAP(f4[0]), TAP(f4[1]), shift, out[4]);
    FN(diffs)(TAP(f5[0]), TAP(f5[1]), shift, out[5]);
    for (unsigned i = 0; i < PXR_PREDICT_TILE; i++)
        out[6][i] = (uint8_t)((uint32_t)p[i] * scale >> up);
    FN(diffs)(TAP(f7[0]), TAP(f7[1]), shift, out[7]);
    FN(bends)(TAP(f8[0]), TAP(f8[1]), TAP(f8[2]), shift, out[8]);
    FN(bends)(TAP(f9[0]), TAP(f9[1]), TAP(f9[2]), shift, out[9]);
#undef TAP
}

/* Sums of weighted features of one tile. */
static inline void FN(activity_of_tile)(const struct FN(half_row) *h, size_t j, const SAMPLE *restrict p,
                                        uint16_t *restrict activity)
{
    uint8_t f[PXR_PREDICT_FEATURES][PXR_PREDICT_TILE];
    FN(features_of)(h, j, p, f);
    for (unsigned i = 0; i < PXR_PREDICT_TILE; i++)
        activity[i] = h->calm;
    for (unsigned k = 0; k < PXR_PREDICT_FEATURES; k++) {
        const uint16_t w = h->weights[k];
        for (unsigned i = 0; i < PXR_PREDICT_TILE; i++)
            activity[i] = (uint16_t)(activity[i] + w * f[k][i]);
    }
}

#ifndef VEC
/* What vectors prepare for a frame: plain loops nothing. */
struct FN(constants) {
    char none;
};
static inline struct FN(constants) FN(constants)(const struct pxr_predict_model *m, unsigned group, unsigned phase)
{
    (void)m, (void)group, (void)phase;
    return (struct FN(constants)){0};
}
#endif

/* Predictions, fractions and tables of n samples. */
static inline void FN(predict_plain)(const struct FN(half_row) *h, size_t n, SAMPLE *p, uint8_t *fraction,
                                     uint8_t *tables)
{
    enum { NEAR = 11 << (Q - 6), FAR = 22 << (Q - 6), HALF = 1 << (Q - 1) };
    const uint8_t *const levels = h->m->levels[h->phase], *const table_of = h->m->table_of[h->phase];
    const unsigned shift = h->m->activity_shift[h->phase];
    for (size_t j = 0; j < n; j += PXR_PREDICT_TILE) {
        uint16_t activity[PXR_PREDICT_TILE];
        uint8_t far[PXR_PREDICT_TILE];
        FN(predict_tile)(h, j, p + j, fraction + j);
        FN(activity_of_tile)(h, j, p + j, activity);
        for (unsigned i = 0; i < PXR_PREDICT_TILE; i++) {
            const uint8_t d = (uint8_t)(fraction[j + i] > HALF ? fraction[j + i] - HALF
                                                               : HALF - fraction[j + i]);
            const uint16_t a = (uint16_t)(activity[i] >> shift);
            far[i] = (uint8_t)((uint8_t)(d > NEAR) + (uint8_t)(d > FAR));
            activity[i] = a < 255 ? a : 255;
        }
        for (unsigned i = 0; i < PXR_PREDICT_TILE; i++)
            tables[j + i] = table_of[levels[activity[i]] + far[i]];
    }
}

/* ---- residuals ---------------------------------------------------------------------------------- */

/* |e| of folded residuals, as bytes. */
static inline void FN(magnitudes)(const struct pxr_predict_model *m, const SAMPLE *restrict z, size_t n,
                                  uint8_t *restrict mag)
{
    SAMPLE v[PXR_PREDICT_TILE];
    for (size_t j = 0; j < n; j += PXR_PREDICT_TILE) { /* there is room for whole tiles */
        for (unsigned i = 0; i < PXR_PREDICT_TILE; i++)
            v[i] = (SAMPLE)((z[j + i] >> 1) + (z[j + i] & 1));
        FN(bytes_of)(v, PXR_PREDICT_TILE, m->feature_shift, mag + j);
    }
}

/* From folded residuals to samples and magnitudes. */
static inline void FN(reconstruct)(const struct pxr_predict_model *m, const SAMPLE *restrict p,
                                   const uint8_t *restrict fraction, const SAMPLE *restrict z, size_t n,
                                   SAMPLE *restrict x, uint8_t *restrict mag)
{
    const SAMPLE mask = (SAMPLE)((1u << m->depth) - 1);
    for (size_t j = 0; j < pxr_round_up_u64(n, PXR_PREDICT_TILE); j++) { /* whole tiles: they need no rest */
        const SAMPLE half = (SAMPLE)(z[j] >> 1), sign = (SAMPLE)(0 - (z[j] & 1));
        const SAMPLE e = (SAMPLE)(half ^ sign);
        const SAMPLE flip = (SAMPLE)(fraction[j] < 1 << (Q - 1) ? (SAMPLE)-1 : 0);
        x[j] = (SAMPLE)((SAMPLE)(p[j] + (SAMPLE)((e ^ flip) - flip)) & mask);
    }
    FN(magnitudes)(m, z, n, mag);
}

/* The other way round. */
static inline void FN(fold)(const struct pxr_predict_model *m, const SAMPLE *restrict p,
                            const uint8_t *restrict fraction, const SAMPLE *restrict x, size_t n,
                            SAMPLE *restrict z, uint8_t *restrict mag)
{
    const unsigned up = 8 * (unsigned)sizeof(SAMPLE) - m->depth;
    for (size_t j = 0; j < n; j++) {
        const SAMPLE flip = (SAMPLE)(fraction[j] < 1 << (Q - 1) ? (SAMPLE)-1 : 0);
        const SAMPLE d = (SAMPLE)(x[j] - p[j]);
        const SAMPLE e = (SAMPLE)((d ^ flip) - flip); /* modulo 2^depth, not yet cut */
        const SIGNED s = (SIGNED)((SIGNED)(SAMPLE)(e << up) >> up);
        z[j] = (SAMPLE)((SAMPLE)((SAMPLE)s << 1) ^ (SAMPLE)(s >> (8 * (int)sizeof(SAMPLE) - 1)));
    }
    FN(magnitudes)(m, z, n, mag);
}
