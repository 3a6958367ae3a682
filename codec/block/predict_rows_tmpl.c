/* SPDX-License-Identifier: MIT
 * Prediction, contexts and reconstruction of half rows, for one type of sample.
 *
 * Included by predict_level_tmpl.c with SAMPLE (uint8_t or uint16_t), SUM (the type of a prediction's
 * sum: int16_t or int32_t), ACTIVITY (of the activity's sum: uint16_t or uint32_t), Q (fraction bits of
 * weights) and FN(name).  Plain loops over independent samples: each compiler and each vector width
 * gives the same integers.  Loops run to whole tiles; what they make behind the end of a row is never
 * looked at. */

struct FN(rows) {
    /* Row y of a plane; even half at [0], odd half at [half]. */
    const SAMPLE *x, *r0, *r1;
    size_t half, stride;
};

static inline SAMPLE *FN(row)(const struct pxr_predict_plane *p, int64_t y)
{
    return (SAMPLE *)(void *)p->bytes + (size_t)(y + PXR_PLANE_TOP) * p->stride + PXR_PLANE_MARGIN;
}

/* ---- planes ------------------------------------------------------------------------------------- */

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

static inline void FN(copy_row)(const struct pxr_predict_plane *p, int64_t to, int64_t from)
{
    memcpy(FN(row)(p, to) - PXR_PLANE_MARGIN, FN(row)(p, from) - PXR_PLANE_MARGIN,
           p->stride * sizeof(SAMPLE));
}

static void FN(load_plane)(const struct pxr_predict_model *m, uint8_t bits, const uint8_t *src,
                           size_t stride_bytes, const struct pxr_predict_plane *to)
{
    const uint32_t n_even = (m->width_px + 1) / 2, n_odd = m->width_px / 2;
    const uint32_t offset = m->offset;
    const unsigned shift = m->shift;
    for (uint32_t y = 0; y < m->height_px; y++, src += stride_bytes) {
        SAMPLE *restrict even = FN(row)(to, y), *restrict odd = even + to->half;
        if (bits == 8) {
            for (uint32_t j = 0; j < n_odd; j++) {
                even[j] = (SAMPLE)((src[2 * j] - offset) >> shift);
                odd[j] = (SAMPLE)((src[2 * j + 1] - offset) >> shift);
            }
            even[n_even - 1] = (SAMPLE)((src[2 * (n_even - 1)] - offset) >> shift);
        } else {
            const pxr_unaligned16 *s = (const void *)src;
            for (uint32_t j = 0; j < n_odd; j++) {
                even[j] = (SAMPLE)((s[2 * j] - offset) >> shift);
                odd[j] = (SAMPLE)((s[2 * j + 1] - offset) >> shift);
            }
            even[n_even - 1] = (SAMPLE)((s[2 * (n_even - 1)] - offset) >> shift);
        }
        FN(edges)(even, to->half, n_even, n_odd, 0);
        FN(edges)(even, to->half, n_even, n_odd, 1);
    }
    FN(copy_row)(to, -1, 0);
    FN(copy_row)(to, -2, 0);
    FN(copy_row)(to, m->height_px, m->height_px - 1);
}

/* The two rows above a frame that is being coded: those of its reference, or the middle of the range. */
static void FN(begin_frame)(const struct pxr_predict_model *m, const struct pxr_predict_frame *f)
{
    const struct pxr_predict_plane *planes = f->planes;
    const SAMPLE middle = (SAMPLE)((1u << m->depth) >> 1);
    for (int y = -2; y < 0; y++) {
        SAMPLE *row = FN(row)(&planes[0], y) - PXR_PLANE_MARGIN;
        if (f->group)
            memcpy(row, FN(row)(&planes[1], y) - PXR_PLANE_MARGIN,
                   planes[0].stride * sizeof(SAMPLE));
        else
            for (size_t i = 0; i < planes[0].stride; i++)
                row[i] = middle;
    }
}

/* A frame that has been coded is a reference again. */
static inline void FN(end_frame)(const struct pxr_predict_frame *f)
{
    FN(copy_row)(&f->planes[0], -1, 0);
    FN(copy_row)(&f->planes[0], -2, 0);
}

/* Half rows back into container samples. */
static void FN(store_row)(const struct pxr_predict_model *m, uint8_t bits, const SAMPLE *restrict row,
                          size_t half, uint8_t *restrict dst)
{
    const uint32_t n_even = (m->width_px + 1) / 2, n_odd = m->width_px / 2;
    const SAMPLE *restrict odd = row + half;
    const uint32_t offset = m->offset;
    const unsigned shift = m->shift;
    if (bits == 8) {
        for (uint32_t j = 0; j < n_odd; j++) {
            dst[2 * j] = (uint8_t)(((uint32_t)row[j] << shift) + offset);
            dst[2 * j + 1] = (uint8_t)(((uint32_t)odd[j] << shift) + offset);
        }
        dst[2 * (n_even - 1)] = (uint8_t)(((uint32_t)row[n_even - 1] << shift) + offset);
    } else {
        pxr_unaligned16 *restrict d = (void *)dst;
        for (uint32_t j = 0; j < n_odd; j++) {
            d[2 * j] = (uint16_t)(((uint32_t)row[j] << shift) + offset);
            d[2 * j + 1] = (uint16_t)(((uint32_t)odd[j] << shift) + offset);
        }
        d[2 * (n_even - 1)] = (uint16_t)(((uint32_t)row[n_even - 1] << shift) + offset);
    }
}

/* ---- prediction --------------------------------------------------------------------------------- */

static inline struct FN(rows) FN(rows_at)(const struct pxr_predict_plane planes[3], int64_t y)
{
    return (struct FN(rows)){FN(row)(&planes[0], y), FN(row)(&planes[1], y), FN(row)(&planes[2], y),
                             planes[0].half, planes[0].stride};
}

/* The taps of a half row: docs/format.md lists them.  Returns how many. */
static inline unsigned FN(taps)(const struct FN(rows) *r, unsigned group, unsigned phase,
                                const SAMPLE *t[PXR_PREDICT_INTER_TAPS])
{
    const size_t h = r->half;
    const SAMPLE *c = r->x, *n = c - r->stride, *nn = n - r->stride;
    if (!group) {
        const SAMPLE *const a[6] = {n, n + h - 1, n + h, nn, n - 1, n + 1};
        const SAMPLE *const b[6] = {c, c + 1, n + h, n, n + 1, nn + h};
        memcpy(t, phase ? b : a, sizeof a);
        return PXR_PREDICT_INTRA_TAPS;
    }
    const SAMPLE *p = r->r0, *pn = p - r->stride, *ps = p + r->stride;
    const SAMPLE *q = r->r1, *qn = q - r->stride, *qs = q + r->stride;
    const SAMPLE *const a[16] = {n,  n + h - 1,  n + h,  nn, p,         p + h - 1, p + h, pn,
                                 ps, ps + h - 1, ps + h, q,  q + h - 1, q + h,     qn,    qs};
    const SAMPLE *const b[16] = {c,      c + 1,  n + h, n,     n + 1, p + h, p,      p + 1,
                                 pn + h, ps + h, ps + 1, q + h, q,     q + 1, qn + h, qs + h};
    memcpy(t, phase ? b : a, sizeof a);
    return PXR_PREDICT_INTER_TAPS;
}

#define T(k) w##k *t##k[i]
#define TAP(k)                                                                                     \
    const SAMPLE *restrict const t##k = taps[k] + j;                                               \
    const int w##k = tile->w[k];

/* Predictions, rounded, and what was rounded away, of n samples (whole tiles). */
static inline void FN(finish_prediction)(const SUM *restrict sums, SUM most, SAMPLE *restrict p,
                                         int8_t *restrict fraction)
{
    for (unsigned i = 0; i < PXR_PREDICT_TILE; i++) {
        SUM v = sums[i];
        v = v < 0 ? 0 : v;
        v = v > most ? most : v;
        const SUM whole = (SUM)((SUM)(v + (1 << (Q - 1))) >> Q);
        p[i] = (SAMPLE)whole;
        fraction[i] = (int8_t)(v - (SUM)(whole << Q));
    }
}

static void FN(predict_inter)(const struct pxr_predict_tile *tile, const SAMPLE *const taps[16], size_t n,
                              SUM most, SAMPLE *p, int8_t *fraction)
{
    for (size_t j = 0; j < n; j += PXR_PREDICT_TILE, tile++) {
        SUM sums[PXR_PREDICT_TILE];
        TAP(0) TAP(1) TAP(2) TAP(3) TAP(4) TAP(5) TAP(6) TAP(7)
        TAP(8) TAP(9) TAP(10) TAP(11) TAP(12) TAP(13) TAP(14) TAP(15)
        const int bias = tile->bias;
        for (unsigned i = 0; i < PXR_PREDICT_TILE; i++)
            sums[i] = (SUM)(bias + T(0) + T(1) + T(2) + T(3) + T(4) + T(5) + T(6) + T(7) + T(8) + T(9) +
                            T(10) + T(11) + T(12) + T(13) + T(14) + T(15));
        FN(finish_prediction)(sums, most, p + j, fraction + j);
    }
}

static void FN(predict_intra)(const struct pxr_predict_tile *tile, const SAMPLE *const taps[6], size_t n,
                              SUM most, SAMPLE *p, int8_t *fraction)
{
    for (size_t j = 0; j < n; j += PXR_PREDICT_TILE, tile++) {
        SUM sums[PXR_PREDICT_TILE];
        TAP(0) TAP(1) TAP(2) TAP(3) TAP(4) TAP(5)
        const int bias = tile->bias;
        for (unsigned i = 0; i < PXR_PREDICT_TILE; i++)
            sums[i] = (SUM)(bias + T(0) + T(1) + T(2) + T(3) + T(4) + T(5));
        FN(finish_prediction)(sums, most, p + j, fraction + j);
    }
}
#undef T
#undef TAP

static inline void FN(predict)(const struct pxr_predict_model *m, const struct FN(rows) *r,
                               unsigned group, unsigned phase, int64_t y, size_t n, SAMPLE *p,
                               int8_t *fraction)
{
    const SAMPLE *taps[PXR_PREDICT_INTER_TAPS];
    const struct pxr_predict_tile *tile =
        pxr_predict_tiles(m, group, phase, (uint32_t)(y / PXR_PREDICT_TILE_ROWS));
    const SUM most = (SUM)(((1 << m->depth) - 1) * (1 << Q));
    FN(taps)(r, group, phase, taps);
    if (group)
        FN(predict_inter)(tile, taps, n, most, p, fraction);
    else
        FN(predict_intra)(tile, taps, n, most, p, fraction);
}

/* ---- activity ----------------------------------------------------------------------------------- */

/* Where the features of a half row come from. */
struct FN(features) {
    const SAMPLE *a0, *a1, *b0, *b1;           /* 0, 1: means of magnitudes            */
    const SAMPLE *d0, *d1;                     /* 2: a difference                      */
    const SAMPLE *e0, *e1, *e2, *e3;           /* 3: the mean of two differences       */
    const SAMPLE *f0, *f1, *g0, *g1, *h0, *h1; /* 4, 5, 7: differences                 */
    const uint8_t *m0, *m1, *n0, *n1;          /* 8, 9: means of references' magnitudes */
};

/* mag: magnitudes of this row, above: of the row before; laid out as rows of a plane, as are those of the
 * references, ref0 and ref1. */
static inline struct FN(features) FN(features_at)(const struct FN(rows) *r, const SAMPLE *mag,
                                                  const SAMPLE *above, const uint8_t *ref0,
                                                  const uint8_t *ref1, unsigned group, unsigned phase)
{
    const size_t h = r->half;
    const SAMPLE *c = r->x, *n = c - r->stride, *nn = n - r->stride;
    const SAMPLE *p = r->r0, *pn = p - r->stride, *ps = p + r->stride, *q = r->r1;
    const uint8_t *m0 = phase ? ref0 + h : ref0, *m1 = phase ? ref1 + h : ref1;
    const uint8_t *west = phase ? ref0 : ref0 + h - 1, *east = west + 1;
    if (!group)
        return phase ? (struct FN(features)){mag, mag + 1, above + h, above + h, c, c + 1, c, n,
                                             c + 1, n + 1, n, n + 1, n + h, nn + h, n + h, n,
                                             m0, m1, west, east}
                     : (struct FN(features)){above, above, above + h - 1, above + h, n, nn, n + h - 1,
                                             n, n + h, n, n + h - 1, n + h, n - 1, n + 1, n, n + h,
                                             m0, m1, west, east};
    return phase ? (struct FN(features)){mag, mag + 1, above + h, above + h, p + h, q + h, c, p, c + 1,
                                         p + 1, p, p + 1, pn + h, ps + h, c, c + 1, m0, m1, west, east}
                 : (struct FN(features)){above, above, above + h - 1, above + h, p, q, n, pn, n, pn,
                                         p + h - 1, p + h, pn, ps, n + h - 1, n + h, m0, m1, west, east};
}

/* In the narrowest types: so a compiler finds the instructions for them. */
#define MEAN(a, b) ((SAMPLE)(((a) + (b) + 1) >> 1))
#define MEAN8(a, b) ((uint8_t)(((a) + (b) + 1) >> 1))
#define DIFF(a, b) ((SAMPLE)((a) > (b) ? (a) - (b) : (b) - (a)))

/* Sums of weighted features of n samples (whole tiles). */
static void FN(activities)(const struct FN(features) *s, const uint8_t w[PXR_PREDICT_FEATURES],
                           unsigned level_shift, const SAMPLE *restrict p, size_t n,
                           ACTIVITY *restrict out)
{
    const ACTIVITY w0 = w[0], w1 = w[1], w2 = w[2], w3 = w[3], w4 = w[4], w5 = w[5], w6 = w[6],
                   w7 = w[7], w8 = w[8], w9 = w[9];
    const struct FN(features) f = *s;
    for (size_t j = 0; j < n; j++) {
        ACTIVITY a = (ACTIVITY)(w0 * MEAN(f.a0[j], f.a1[j]));
        a = (ACTIVITY)(a + w1 * MEAN(f.b0[j], f.b1[j]));
        a = (ACTIVITY)(a + w2 * DIFF(f.d0[j], f.d1[j]));
        a = (ACTIVITY)(a + w3 * MEAN(DIFF(f.e0[j], f.e1[j]), DIFF(f.e2[j], f.e3[j])));
        a = (ACTIVITY)(a + w4 * DIFF(f.f0[j], f.f1[j]));
        a = (ACTIVITY)(a + w5 * DIFF(f.g0[j], f.g1[j]));
        a = (ACTIVITY)(a + w6 * (ACTIVITY)(p[j] >> level_shift));
        a = (ACTIVITY)(a + w7 * DIFF(f.h0[j], f.h1[j]));
        a = (ACTIVITY)(a + w8 * MEAN8(f.m0[j], f.m1[j]));
        a = (ACTIVITY)(a + w9 * MEAN8(f.n0[j], f.n1[j]));
        out[j] = a;
    }
}

static inline unsigned FN(level_shift)(const struct pxr_predict_model *m)
{
    return m->depth > 6 ? m->depth - 6u : 0;
}

/* Contexts: activity level x phase x distance of the prediction from a whole number. */
static void FN(contexts_of)(const uint32_t *thresholds, unsigned phase, const ACTIVITY *restrict activity,
                         const int8_t *restrict fraction, size_t n, uint8_t *restrict contexts)
{
    ACTIVITY th[PXR_PREDICT_LEVELS - 1];
    for (unsigned k = 0; k < PXR_PREDICT_LEVELS - 1; k++)
        th[k] = (ACTIVITY)(thresholds[k] < (ACTIVITY)-1 ? thresholds[k] : (ACTIVITY)-1);
    const uint8_t base = (uint8_t)(phase * PXR_PREDICT_LEVELS * PXR_PREDICT_FRACTIONS);
    enum { NEAR = 11 << (Q - 6), FAR = 22 << (Q - 6) };
    for (size_t j = 0; j < n; j++) {
        ACTIVITY level = 0;
        for (unsigned k = 0; k < PXR_PREDICT_LEVELS - 1; k++)
            level = (ACTIVITY)(level + (ACTIVITY)(activity[j] > th[k]));
        contexts[j] = (uint8_t)level;
    }
    for (size_t j = 0; j < n; j++) {
        const uint8_t f = (uint8_t)(fraction[j] < 0 ? -fraction[j] : fraction[j]);
        const uint8_t far = (uint8_t)((uint8_t)(f > NEAR) + (uint8_t)(f > FAR));
        contexts[j] = (uint8_t)(base + (uint8_t)(contexts[j] * PXR_PREDICT_FRACTIONS) + far);
    }
}

/* ---- residuals ---------------------------------------------------------------------------------- */

/* From folded residuals to samples and magnitudes. */
static void FN(reconstruct)(const struct pxr_predict_model *m, const SAMPLE *restrict p,
                            const int8_t *restrict fraction, const SAMPLE *restrict z, size_t n,
                            SAMPLE *restrict x, SAMPLE *restrict mag)
{
    const SAMPLE mask = (SAMPLE)((1u << m->depth) - 1);
    for (size_t j = 0; j < n; j++) {
        const SAMPLE half = (SAMPLE)(z[j] >> 1), sign = (SAMPLE)(0 - (z[j] & 1));
        const SAMPLE e = (SAMPLE)(half ^ sign);
        const SAMPLE flip = (SAMPLE)(fraction[j] < 0 ? (SAMPLE)-1 : 0);
        x[j] = (SAMPLE)((SAMPLE)(p[j] + (SAMPLE)((e ^ flip) - flip)) & mask);
        mag[j] = (SAMPLE)(half + (z[j] & 1)); /* |e| */
    }
}

/* The other way round. */
static void FN(fold)(const struct pxr_predict_model *m, const SAMPLE *restrict p,
                     const int8_t *restrict fraction, const SAMPLE *restrict x, size_t n,
                     SAMPLE *restrict z)
{
    const unsigned up = 8 * (unsigned)sizeof(SAMPLE) - m->depth;
    for (size_t j = 0; j < n; j++) {
        const SAMPLE flip = (SAMPLE)(fraction[j] < 0 ? (SAMPLE)-1 : 0);
        const SAMPLE d = (SAMPLE)(x[j] - p[j]);
        const SAMPLE e = (SAMPLE)((d ^ flip) - flip); /* modulo 2^depth, not yet cut */
        const SIGNED s = (SIGNED)((SIGNED)(SAMPLE)(e << up) >> up);
        z[j] = (SAMPLE)((SAMPLE)((SAMPLE)s << 1) ^ (SAMPLE)(s >> (8 * (int)sizeof(SAMPLE) - 1)));
    }
}

/* The part of a magnitude that is kept for the frames that refer to this one. */
static inline void FN(keep_magnitudes)(const struct pxr_predict_model *m, const SAMPLE *restrict mag,
                                       size_t n, uint8_t *restrict out)
{
    const unsigned shift = m->magnitude_shift;
    for (size_t j = 0; j < n; j++) {
        const SAMPLE v = (SAMPLE)(mag[j] >> shift);
        out[j] = (uint8_t)(v < 255 ? v : 255);
    }
}

static void FN(magnitudes)(const struct pxr_predict_model *m, const void *residuals, size_t n,
                           uint8_t *restrict out)
{
    const SAMPLE *restrict z = residuals;
    const unsigned shift = m->magnitude_shift;
    for (size_t j = 0; j < n; j++) {
        const SAMPLE v = (SAMPLE)((SAMPLE)((z[j] >> 1) + (z[j] & 1)) >> shift);
        out[j] = (uint8_t)(v < 255 ? v : 255);
    }
}

/* ---- frames ------------------------------------------------------------------------------------- */

struct FN(scratch) {
    SAMPLE *p, *z, *mag, *above; /* mag, above: even half at [0] */
    int8_t *fraction;
    ACTIVITY *activity;
    uint8_t *contexts, *ref[2]; /* ref: kept magnitudes of the references, even half at [0] */
};

static inline struct FN(scratch) FN(scratch_at)(uint8_t *memory, size_t half)
{
    struct FN(scratch) s;
    const size_t lanes = PXR_PREDICT_MAX_LANES;
    s.p = (SAMPLE *)(void *)memory;
    s.z = s.p + half + lanes;
    s.mag = s.z + half + lanes + PXR_PLANE_MARGIN;
    s.above = s.mag + 2 * half;
    s.activity = (ACTIVITY *)(void *)(s.above + 2 * half);
    s.fraction = (int8_t *)(s.activity + half);
    s.contexts = (uint8_t *)(s.fraction + half + lanes);
    s.ref[0] = s.contexts + half + lanes + PXR_PLANE_MARGIN;
    s.ref[1] = s.ref[0] + 2 * half;
    memset(memory, 0, (size_t)(s.ref[1] + 2 * half - memory));
    return s;
}

static inline void FN(swap_magnitudes)(struct FN(scratch) *s)
{
    SAMPLE *t = s->mag;
    s->mag = s->above;
    s->above = t;
}

/* Kept magnitudes of row y of both references, with margins. */
static inline void FN(load_ref_magnitudes)(const struct pxr_predict_model *m,
                                           const struct pxr_predict_frame *f, uint32_t y, size_t half,
                                           struct FN(scratch) *s)
{
    const uint32_t n_even = (m->width_px + 1) / 2, n_odd = m->width_px / 2;
    for (int i = 0; f->group && i < 2; i++) {
        const uint8_t *from = f->magnitudes[i] + (size_t)y * m->width_px;
        memcpy(s->ref[i], from, n_even);
        memcpy(s->ref[i] + half, from + n_even, n_odd);
        byte_edges(s->ref[i], half, n_even, n_odd);
    }
}

static inline void FN(half_contexts)(const struct pxr_predict_model *m, const struct FN(rows) *r,
                                     struct FN(scratch) *s, unsigned group, unsigned phase, size_t n)
{
    const struct FN(features) f =
        FN(features_at)(r, s->mag, s->above, s->ref[0], s->ref[1], group, phase);
    FN(activities)(&f, m->features[group][phase], FN(level_shift)(m), s->p, n, s->activity);
    FN(contexts_of)(m->thresholds[phase], phase, s->activity, s->fraction, n, s->contexts);
}

static bool FN(decode)(const struct pxr_predict_model *m, const uint32_t *tables,
                       const struct pxr_predict_frame *f, uint8_t bits, const uint8_t *states,
                       const uint8_t *words, size_t words_bytes, uint8_t *row_scratch, uint8_t *dst,
                       uint8_t *magnitudes)
{
    const uint32_t n_half[2] = {(m->width_px + 1) / 2, m->width_px / 2};
    const size_t half = f->planes[0].half, lanes = (size_t)1 << m->lanes_log2;
    const size_t row_bytes = (size_t)m->width_px * (bits / 8u);
    const uint8_t *const end = words + words_bytes;
    struct FN(scratch) s = FN(scratch_at)(row_scratch, half);
    uint32_t x[PXR_PREDICT_MAX_LANES];
    for (size_t i = 0; i < lanes; i++)
        x[i] = pxr_load_u32le(states + 4 * i);
    FN(begin_frame)(m, f);
    for (uint32_t y = 0; y < m->height_px; y++) {
        const struct FN(rows) r = FN(rows_at)(f->planes, y);
        SAMPLE *row = FN(row)(&f->planes[0], y);
        FN(load_ref_magnitudes)(m, f, y, half, &s);
        for (unsigned phase = 0; phase < 2; phase++) {
            const size_t n = n_half[phase], to_odd = phase ? half : 0;
            const size_t padded = (size_t)pxr_round_up_u64(n, PXR_PREDICT_TILE);
            FN(predict)(m, &r, f->group, phase, y, padded, s.p, s.fraction);
            FN(half_contexts)(m, &r, &s, f->group, phase, padded);
            for (size_t j = n; j < padded; j++)
                s.contexts[j] = PXR_PREDICT_PAD;
            words = FN(rans_decode)(x, lanes, tables, s.contexts, n, words, s.z);
            if (words > end)
                return false;
            FN(reconstruct)(m, s.p, s.fraction, s.z, n, row + to_odd, s.mag + to_odd);
            FN(keep_magnitudes)(m, s.mag + to_odd, n, magnitudes);
            magnitudes += n;
            FN(edges)(row, half, n_half[0], n_half[1], (int)phase);
            FN(edges)(s.mag, half, n_half[0], n_half[1], (int)phase);
        }
        FN(store_row)(m, bits, row, half, dst + y * row_bytes);
        FN(swap_magnitudes)(&s);
    }
    for (size_t i = 0; i < lanes; i++)
        if (x[i] != PXR_RANS_LOW)
            return false;
    return words == end;
}

/* ---- encoding ----------------------------------------------------------------------------------- */

static void FN(residuals)(const struct pxr_predict_model *m, const struct pxr_predict_frame *f,
                          uint8_t *row_scratch, void *residuals)
{
    const uint32_t n_half[2] = {(m->width_px + 1) / 2, m->width_px / 2};
    const size_t half = f->planes[0].half;
    struct FN(scratch) s = FN(scratch_at)(row_scratch, half);
    SAMPLE *z = residuals;
    FN(begin_frame)(m, f);
    for (uint32_t y = 0; y < m->height_px; y++) {
        const struct FN(rows) r = FN(rows_at)(f->planes, y);
        for (unsigned phase = 0; phase < 2; phase++) {
            const size_t n = n_half[phase], padded = (size_t)pxr_round_up_u64(n, PXR_PREDICT_TILE);
            FN(predict)(m, &r, f->group, phase, y, padded, s.p, s.fraction);
            FN(fold)(m, s.p, s.fraction, r.x + (phase ? half : 0), n, z);
            z += n;
        }
    }
    FN(end_frame)(f);
}

/* Magnitudes of one row from its residuals, with margins. */
static inline void FN(load_magnitudes)(const struct pxr_predict_model *m, const SAMPLE *residuals,
                                       uint32_t y, size_t half, SAMPLE *restrict mag)
{
    const uint32_t n_half[2] = {(m->width_px + 1) / 2, m->width_px / 2};
    const SAMPLE *restrict z = residuals + (size_t)y * m->width_px;
    for (unsigned phase = 0; phase < 2; phase++) {
        SAMPLE *restrict to = mag + (phase ? half : 0);
        for (uint32_t j = 0; j < n_half[phase]; j++)
            to[j] = (SAMPLE)((z[j] >> 1) + (z[j] & 1));
        z += n_half[phase];
        FN(edges)(mag, half, n_half[0], n_half[1], (int)phase);
    }
}

static void FN(contexts)(const struct pxr_predict_model *m, const struct pxr_predict_frame *f,
                         const void *residuals, uint8_t *row_scratch, uint8_t *contexts)
{
    const uint32_t n_half[2] = {(m->width_px + 1) / 2, m->width_px / 2};
    const size_t half = f->planes[0].half;
    struct FN(scratch) s = FN(scratch_at)(row_scratch, half);
    FN(begin_frame)(m, f);
    for (uint32_t y = 0; y < m->height_px; y++) {
        const struct FN(rows) r = FN(rows_at)(f->planes, y);
        FN(load_ref_magnitudes)(m, f, y, half, &s);
        FN(load_magnitudes)(m, residuals, y, half, s.mag);
        for (unsigned phase = 0; phase < 2; phase++) {
            const size_t n = n_half[phase], padded = (size_t)pxr_round_up_u64(n, PXR_PREDICT_TILE);
            FN(predict)(m, &r, f->group, phase, y, padded, s.p, s.fraction);
            FN(half_contexts)(m, &r, &s, f->group, phase, padded);
            memcpy(contexts, s.contexts, n);
            contexts += n;
        }
        FN(swap_magnitudes)(&s);
    }
    FN(end_frame)(f);
}

/* ---- fitting ------------------------------------------------------------------------------------ */

static void FN(fit)(const struct pxr_predict_model *m, const struct pxr_predict_frame *f, unsigned phase,
                    uint32_t tile_y, uint32_t tile_x, uint32_t row_step, uint32_t row_phase,
                    float robust, struct pxr_predict_sums *sums)
{
    enum { COLUMN_STEP = 4 };
    const uint32_t n_columns = phase ? m->width_px / 2 : (m->width_px + 1) / 2;
    const uint32_t j0 = tile_x * PXR_PREDICT_TILE;
    const uint32_t j1 = (uint32_t)pxr_min_u64(j0 + PXR_PREDICT_TILE, n_columns);
    const uint32_t y0 = tile_y * PXR_PREDICT_TILE_ROWS;
    const uint32_t y1 = (uint32_t)pxr_min_u64(y0 + PXR_PREDICT_TILE_ROWS, m->height_px);
    const unsigned n_taps = pxr_predict_n_taps(f->group), anchor = f->group ? (phase ? 5 : 4) : 0;
    if (!tile_y)
        FN(begin_frame)(m, f);
    for (uint32_t y = y0 + row_phase % row_step; y < y1; y += row_step) {
        const struct FN(rows) r = FN(rows_at)(f->planes, y);
        const SAMPLE *taps[PXR_PREDICT_INTER_TAPS], *x = r.x + (phase ? r.half : 0);
        FN(taps)(&r, f->group, phase, taps);
        for (uint32_t j = j0 + (y / row_step + row_phase) % COLUMN_STEP; j < j1; j += COLUMN_STEP) {
            float v[PXR_FIT_STRIDE] = {0}, distance = 0;
            const float base = (float)taps[anchor][j];
            v[0] = (float)x[j] - base;
            for (unsigned k = 0; k < n_taps; k++) {
                v[k + 1] = (float)taps[k][j] - base;
                distance += v[k + 1] * v[k + 1];
            }
            const float weight = robust / (robust + distance / (float)n_taps);
            float weighted[PXR_FIT_STRIDE];
            for (unsigned k = 0; k < PXR_FIT_STRIDE; k++)
                weighted[k] = weight * v[k];
            for (unsigned i = 0; i <= n_taps; i++)
                for (unsigned k = 0; k < PXR_FIT_STRIDE; k++)
                    sums->a[i * PXR_FIT_STRIDE + k] += v[i] * weighted[k];
            sums->weight += (double)weight;
            sums->target += (double)(weight * (float)x[j]);
            for (unsigned k = 0; k < n_taps; k++)
                sums->taps[k] += (double)(weight * (float)taps[k][j]);
        }
    }
    if (!tile_y)
        FN(end_frame)(f);
}

/* One row's samples into the sums. */
static inline void FN(sum_activity)(const struct FN(features) *f, const SAMPLE *p, const SAMPLE *mag,
                                    unsigned level_shift, size_t n, struct pxr_predict_activity *sums)
{
    for (size_t j = 0; j < n; j += 4) {
        const double v[PXR_PREDICT_FEATURES] = {
            MEAN(f->a0[j], f->a1[j]),
            MEAN(f->b0[j], f->b1[j]),
            DIFF(f->d0[j], f->d1[j]),
            MEAN(DIFF(f->e0[j], f->e1[j]), DIFF(f->e2[j], f->e3[j])),
            DIFF(f->f0[j], f->f1[j]),
            DIFF(f->g0[j], f->g1[j]),
            (double)(p[j] >> level_shift),
            DIFF(f->h0[j], f->h1[j]),
            MEAN8(f->m0[j], f->m1[j]),
            MEAN8(f->n0[j], f->n1[j]),
        };
        const double target = mag[j];
        /* Large residuals must not decide alone where the small ones are. */
        const double weight = 1 / (1 + v[0] + v[1] + v[3]);
        for (unsigned i = 0; i < PXR_PREDICT_FEATURES; i++) {
            for (unsigned k = 0; k < PXR_PREDICT_FEATURES; k++)
                sums->a[i][k] += weight * v[i] * v[k];
            sums->b[i] += weight * v[i] * target;
        }
    }
}

/* Codes of thresholds, within a factor of 1/16. */
static inline void FN(count_activity)(const ACTIVITY *activity, size_t n, uint32_t histogram[256])
{
    for (size_t j = 0; j < n; j++) {
        uint32_t code = 0;
        const uint64_t a = (uint64_t)activity[j] << 3;
        if (a >= 16) {
            const unsigned e = 59 - (unsigned)__builtin_clzll(a);
            code = e << 4 | (uint32_t)(a >> e & 15);
        }
        histogram[code < 255 ? code : 255]++;
    }
}

static void FN(activity)(const struct pxr_predict_model *m, const struct pxr_predict_frame *f,
                         const void *residuals, uint32_t row_step, uint32_t row_phase,
                         uint8_t *row_scratch, struct pxr_predict_activity sums[2],
                         uint32_t (*histogram)[256])
{
    const uint32_t n_half[2] = {(m->width_px + 1) / 2, m->width_px / 2};
    const size_t half = f->planes[0].half;
    struct FN(scratch) s = FN(scratch_at)(row_scratch, half);
    FN(begin_frame)(m, f);
    for (uint32_t y = row_phase % row_step; y < m->height_px; y += row_step) {
        const struct FN(rows) r = FN(rows_at)(f->planes, y);
        FN(load_ref_magnitudes)(m, f, y, half, &s);
        FN(load_magnitudes)(m, residuals, y, half, s.mag);
        if (y)
            FN(load_magnitudes)(m, residuals, y - 1, half, s.above);
        for (unsigned phase = 0; phase < 2; phase++) {
            const size_t n = n_half[phase], padded = (size_t)pxr_round_up_u64(n, PXR_PREDICT_TILE);
            const struct FN(features) at =
                FN(features_at)(&r, s.mag, s.above, s.ref[0], s.ref[1], f->group, phase);
            FN(predict)(m, &r, f->group, phase, y, padded, s.p, s.fraction);
            if (!histogram) {
                FN(sum_activity)(&at, s.p, s.mag + (phase ? half : 0), FN(level_shift)(m), n,
                                 &sums[phase]);
                continue;
            }
            FN(activities)(&at, m->features[f->group][phase], FN(level_shift)(m), s.p, padded,
                           s.activity);
            FN(count_activity)(s.activity, n, histogram[phase]);
        }
    }
    FN(end_frame)(f);
}
#undef MEAN
#undef MEAN8
#undef DIFF
