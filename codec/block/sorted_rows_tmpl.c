/* SPDX-License-Identifier: MIT
 * Everything of the sorted codec that runs per sample, for samples of BITS bits: plain loops, which compilers turn
 * into vectors; a level may bring its own segment().  Rows have margins, in which their first and last
 * sample is repeated. */

enum { FN(SEGMENT) = PXR_SORTED_SEGMENT_BYTES / sizeof(SAMPLE) };
#define SEGMENT FN(SEGMENT)
#define Q (BITS == 8 ? PXR_SORTED_Q_8 : PXR_SORTED_Q_16)

typedef ACTIVITY FN(lanes) __attribute__((vector_size(32), may_alias));
#define TAPS struct FN(pxr_sorted_taps)

static inline SAMPLE *FN(row)(const struct pxr_sorted_space *space, unsigned i)
{
    return (SAMPLE *)(void *)space->rows + i * space->row_samples + PXR_SORTED_MARGIN;
}

static inline void FN(repeat_ends)(SAMPLE *row, size_t w)
{
    row[-1] = row[0];
    row[w] = row[w - 1];
}

/* Samples in memory may lie at any address; in_row is what rows hold of a sample. */
static inline void FN(row_load)(SAMPLE *restrict row, const void *restrict from, size_t w, SAMPLE flip)
{
    const MEMORY *const v = from;
    for (size_t x = 0; x < w; x++)
        row[x] = (SAMPLE)(v[x] ^ flip);
    FN(repeat_ends)(row, w);
}

static inline void FN(row_store)(void *restrict to, const SAMPLE *restrict row, size_t w, SAMPLE flip)
{
    MEMORY *const v = to;
    for (size_t x = 0; x < w; x++)
        v[x] = (SAMPLE)(row[x] ^ flip);
}

static inline void FN(row_fill)(SAMPLE *row, size_t w, SAMPLE v)
{
    for (size_t x = 0; x < w; x++)
        row[x] = v;
    FN(repeat_ends)(row, w);
}

static inline SAMPLE FN(fold)(SAMPLE r) { return (SAMPLE)((SAMPLE)(r << 1) ^ (SAMPLE)((SIGNED)r >> (BITS - 1))); }
static inline SAMPLE FN(unfold)(SAMPLE z) { return (SAMPLE)((z >> 1) ^ (SAMPLE) - (z & 1)); }

static inline __attribute__((always_inline)) SAMPLE FN(predict)(const struct pxr_sorted_mix *m, const TAPS *t, size_t x)
{
    const int32_t sum = m->constant + m->w[0] * t->above[x] + m->w[1] * (t->above - 1)[x] +
                        m->w[2] * (t->above + 1)[x] + m->w[3] * t->p[x] + m->w[4] * t->p_above[x] +
                        m->w[5] * t->p_below[x] + m->w[6] * (t->p - 1)[x] + m->w[7] * (t->p + 1)[x];
    const int32_t v = sum >> Q;
    return (SAMPLE)(v < 0 ? 0 : v > (1 << BITS) - 1 ? (1 << BITS) - 1 : v);
}

/* ---- activities and classes --------------------------------------------------------------------- */

static inline ACTIVITY *FN(activity_row)(const struct pxr_sorted_space *space, const struct pxr_block_shape *shape,
                                         uint32_t t, uint32_t y)
{
    return (ACTIVITY *)(void *)space->activities +
           ((t & 1) * (size_t)shape->height_px + y) * space->activity_stride + 1;
}

/* A segment at the right edge may be shorter: as if it were whole. */
static inline uint32_t FN(scaled)(uint32_t sum, uint32_t n)
{
    return n == SEGMENT ? sum : sum * SEGMENT / n;
}

static inline void FN(contexts)(const ACTIVITY *u, const ACTIVITY *uu, const ACTIVITY *v, const ACTIVITY *vd,
                                uint32_t n, ACTIVITY *out)
{
    for (uint32_t i = 0; i < n; i++)
        out[i] = (ACTIVITY)(2 * u[i] + uu[i] + ((((u - 1)[i] + (u + 1)[i])) >> 1) + 2 * v[i] + vd[i] +
                            (((v - 1)[i] + (v + 1)[i]) >> 1));
}

/* What thresholds are compared with, for a row of segments. */
static void FN(contexts_at)(const struct pxr_sorted_space *space, const struct pxr_block_shape *shape, uint32_t t,
                            uint32_t y)
{
    ACTIVITY *const out = (ACTIVITY *)(void *)space->contexts;
    const uint32_t n = space->n_segments, below = y + 1 < shape->height_px ? y + 1 : y;
    if (t == 0 && y == 0) {
        memset(out, 0, n * sizeof *out);
        return;
    }
    const ACTIVITY *const first = FN(activity_row)(space, shape, t ? t - 1 : t, 0);
    const ACTIVITY *const u = y ? FN(activity_row)(space, shape, t, y - 1) : first;
    const ACTIVITY *const uu = y > 1 ? FN(activity_row)(space, shape, t, y - 2) : first;
    if (t)
        FN(contexts)(u, uu, FN(activity_row)(space, shape, t - 1, y), FN(activity_row)(space, shape, t - 1, below), n, out);
    else
        FN(contexts)(u, uu, u, uu, n, out);
}

/* How many thresholds each context reaches, for as many segments at once as a vector holds. */
static inline void FN(classes)(const struct pxr_sorted_space *space, const ACTIVITY *thresholds, uint32_t n_thresholds)
{
    const FN(lanes) *const contexts = (const FN(lanes) *)(const void *)space->contexts;
    FN(lanes) *const classes = (FN(lanes) *)(void *)space->classes;
    for (uint32_t i = 0; i * (sizeof *classes / sizeof(ACTIVITY)) < space->n_segments; i++) {
        const FN(lanes) at = contexts[i];
        FN(lanes) c = at ^ at;
        for (uint32_t k = 0; k < n_thresholds; k++)
            c -= (FN(lanes))(at >= thresholds[k]);
        classes[i] = c;
    }
}

/* ---- decoding ------------------------------------------------------------------------------------ */

#ifndef VECTORS
#define FLIP 0
struct FN(mixer) {
    struct pxr_sorted_mix mix;
};
static inline struct FN(mixer) FN(mixer_of)(const struct pxr_sorted_mix *mix)
{
    return (struct FN(mixer)){*mix};
}

/* Decode n <= SEGMENT samples; the residuals' high bytes are far behind the low ones. */
static inline uint32_t FN(segment)(const struct FN(mixer) *m, const TAPS *t, SAMPLE *row, size_t x0, uint32_t n,
                                   const uint8_t *z, size_t far)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < n; i++) {
        const SAMPLE v = (SAMPLE)(z[i] | (BITS == 16 ? z[far + i] << (BITS - 8) : 0));
        row[x0 + i] = (SAMPLE)(FN(predict)(&m->mix, t, x0 + i) + FN(unfold)(v));
        sum += v;
    }
    return sum;
}
#else
#define FLIP (BITS == 8 ? 0 : 0x8000)
#endif

/* The residuals of each class that are left. */
struct FN(queues) {
    const uint8_t *at[PXR_SORTED_MAX_CLASSES];
    size_t left[PXR_SORTED_MAX_CLASSES];
    size_t far;
};

static inline __attribute__((always_inline)) bool FN(decode_row)(const struct FN(mixer) *mixer, const struct pxr_sorted_space *space, const TAPS *taps,
                                  size_t w, struct FN(queues) *q, SAMPLE *row, ACTIVITY *activity)
{
    const ACTIVITY *const classes = (const ACTIVITY *)(const void *)space->classes;
    uint32_t i = 0;
    size_t x = 0;
    for (; x + SEGMENT <= w; x += SEGMENT, i++) {
        const unsigned c = classes[i];
        if (q->left[c] < SEGMENT)
            return false;
        activity[i] = (ACTIVITY)FN(segment)(mixer, taps, row, x, SEGMENT, q->at[c], q->far);
        q->at[c] += SEGMENT;
        q->left[c] -= SEGMENT;
    }
    if (x < w) {
        const unsigned c = classes[i];
        const uint32_t n = (uint32_t)(w - x);
        if (q->left[c] < n)
            return false;
        activity[i] = (ACTIVITY)FN(scaled)(FN(segment)(mixer, taps, row, x, n, q->at[c], q->far), n);
        q->at[c] += n;
        q->left[c] -= n;
        i++;
    }
    activity[-1] = activity[0];
    activity[i] = activity[i - 1];
    return true;
}

static bool FN(decode)(const struct pxr_sorted_model *m, const struct pxr_block_shape *shape,
                       const struct pxr_sorted_space *space, const uint8_t *q, void *dst)
{
    const size_t w = shape->width_px, row_bytes = w * sizeof(SAMPLE);
    const uint32_t h = shape->height_px;
    SAMPLE *rows[5], *const start = FN(row)(space, 5);
    struct FN(queues) queues = {.far = (size_t)shape->n_frames * h * w};
    ACTIVITY thresholds[PXR_SORTED_MAX_CLASSES];
    for (unsigned i = 0; i < 5; i++)
        rows[i] = FN(row)(space, i);
    for (uint32_t c = 0; c < m->n_classes; c++) {
        queues.at[c] = q;
        queues.left[c] = m->counts[c];
        q += m->counts[c];
        thresholds[c] = (ACTIVITY)m->thresholds[c];
    }
    FN(row_fill)(start, w, (SAMPLE)(m->start ^ FLIP));
    const uint8_t *before = dst; /* the next row of the frame before */
    uint8_t *to = dst;
    for (uint32_t t = 0; t < shape->n_frames; t++) {
        const struct FN(mixer) mixer = FN(mixer_of)(&m->mix[t > 0]);
        TAPS taps = {start, start, start, start};
        if (t) {
            FN(row_load)(rows[2], before, w, FLIP);
            taps.above = taps.p_above = taps.p_below = rows[2];
            before += row_bytes;
        }
        for (uint32_t y = 0; y < h; y++, to += row_bytes) {
            SAMPLE *const row = rows[y & 1];
            if (t) {
                taps.p_above = y ? taps.p : taps.p_below;
                taps.p = taps.p_below;
                if (y + 1 < h) {
                    SAMPLE *const next = rows[2 + (y + 1) % 3];
                    FN(row_load)(next, before, w, FLIP);
                    taps.p_below = next;
                    before += row_bytes;
                }
            }
            FN(contexts_at)(space, shape, t, y);
            FN(classes)(space, thresholds, m->n_classes - 1);
            if (!FN(decode_row)(&mixer, space, &taps, w, &queues, row, FN(activity_row)(space, shape, t, y)))
                return false;
            FN(repeat_ends)(row, w);
            FN(row_store)(to, row, w, FLIP);
            taps.above = row;
        }
    }
    return true;
}

/* ---- encoding ------------------------------------------------------------------------------------ */

/* Row y of frame t, and what it is predicted from. */
static const SAMPLE *FN(rows_at)(const struct pxr_block_source *s, const struct pxr_sorted_space *space, uint32_t t,
                                 uint32_t y, uint16_t start, TAPS *taps)
{
    const size_t w = s->shape.width_px;
    const uint32_t above = y ? y - 1 : 0, below = y + 1 < s->shape.height_px ? y + 1 : y;
    SAMPLE *rows[5];
    for (unsigned i = 0; i < 5; i++)
        rows[i] = FN(row)(space, i);
    if (t) {
        FN(row_load)(rows[2], pxr_samples_row(&s->samples, t - 1, y), w, 0);
        FN(row_load)(rows[3], pxr_samples_row(&s->samples, t - 1, above), w, 0);
        FN(row_load)(rows[4], pxr_samples_row(&s->samples, t - 1, below), w, 0);
    } else {
        for (unsigned i = 2; i < 5; i++)
            FN(row_fill)(rows[i], w, (SAMPLE)start);
    }
    if (y)
        FN(row_load)(rows[1], pxr_samples_row(&s->samples, t, above), w, 0);
    FN(row_load)(rows[0], pxr_samples_row(&s->samples, t, y), w, 0);
    *taps = (TAPS){y ? rows[1] : rows[2], rows[2], rows[3], rows[4]};
    return rows[0];
}

static void FN(residual_row)(const struct pxr_sorted_mix *mix, const TAPS *taps, const SAMPLE *restrict row,
                             size_t w, SAMPLE *restrict z)
{
    const struct pxr_sorted_mix m = *mix;
    const TAPS t = *taps;
    for (size_t x = 0; x < w; x++)
        z[x] = FN(fold)((SAMPLE)(row[x] - FN(predict)(&m, &t, x)));
}

static inline uint32_t FN(sum)(const SAMPLE *z, size_t n)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += z[i];
    return sum;
}

static void FN(residuals)(const struct pxr_block_source *s, const struct pxr_sorted_space *space,
                          const struct pxr_sorted_model *m, void *out, uint32_t *contexts)
{
    const size_t w = s->shape.width_px;
    SAMPLE *z = out;
    for (uint32_t t = 0; t < s->shape.n_frames; t++)
        for (uint32_t y = 0; y < s->shape.height_px; y++, z += w) {
            TAPS taps;
            const SAMPLE *const row = FN(rows_at)(s, space, t, y, m->start, &taps);
            FN(residual_row)(&m->mix[t > 0], &taps, row, w, z);
            FN(contexts_at)(space, &s->shape, t, y);
            ACTIVITY *const activity = FN(activity_row)(space, &s->shape, t, y);
            const ACTIVITY *const found = (const ACTIVITY *)(const void *)space->contexts;
            for (uint32_t i = 0; i < space->n_segments; i++) {
                const uint32_t n = (uint32_t)pxr_min_u64(w - (size_t)i * SEGMENT, SEGMENT);
                activity[i] = (ACTIVITY)FN(scaled)(FN(sum)(z + (size_t)i * SEGMENT, n), n);
                *contexts++ = found[i];
            }
            activity[-1] = activity[0];
            activity[space->n_segments] = activity[space->n_segments - 1];
        }
}

/* Linear between powers of two, in 1/256: near enough to compare. */
static inline uint32_t FN(log2_of)(uint32_t v)
{
    const unsigned e = 31u - (unsigned)__builtin_clz(v);
    return (e << 8) + (uint32_t)(((uint64_t)v << 8 >> e) - 256);
}

static uint64_t FN(cost)(const struct pxr_block_source *s, const struct pxr_sorted_space *space,
                         const struct pxr_sorted_model *m, unsigned group, uint32_t row_step)
{
    const size_t w = s->shape.width_px / SEGMENT * SEGMENT;
    const uint32_t end = group ? s->shape.n_frames : 1;
    SAMPLE *const z = FN(row)(space, 5);
    uint64_t cost = 0;
    for (uint32_t t = group; t < end; t++)
        for (uint32_t y = row_step / 2 % s->shape.height_px; y < s->shape.height_px; y += row_step) {
            TAPS taps;
            const SAMPLE *const row = FN(rows_at)(s, space, t, y, m->start, &taps);
            FN(residual_row)(&m->mix[group], &taps, row, w, z);
            for (size_t x = 0; x < w; x += SEGMENT)
                cost += FN(log2_of)(2 * FN(sum)(z + x, SEGMENT) + SEGMENT);
        }
    return cost;
}

/* Add a segment's products of differences from the anchor, where it is calm with more weight: there they tell
 * most about what the codes will cost. */
static inline void FN(fit_segment)(const SAMPLE *const *taps, const SAMPLE *anchor, const SAMPLE *row, unsigned n,
                                   size_t x0, parts *sums)
{
    _Alignas(32) float d[PXR_SORTED_UNKNOWNS + 1][SEGMENT];
    float activity = 0.5f * SEGMENT;
    for (unsigned k = 0; k <= n; k++) {
        const SAMPLE *const v = (k < n ? taps[k] : row) + x0, *const a = anchor + x0;
        for (unsigned i = 0; i < SEGMENT; i++)
            d[k][i] = (float)((int32_t)v[i] - (int32_t)a[i]);
    }
    for (unsigned i = 0; i < SEGMENT; i++)
        activity += d[n][i] < 0 ? -2 * d[n][i] : 2 * d[n][i]; /* whole numbers: exact in any order */
    const float weight = (float)(SEGMENT * SEGMENT) / (activity * activity);
    for (unsigned k = 0, at = 0; k <= n; k++)
        for (unsigned i = 0; i <= k; i++, at++) {
            parts sum = *(const parts *)d[i] * *(const parts *)d[k];
            for (unsigned q = 8; q < SEGMENT; q += 8)
                sum += *(const parts *)(d[i] + q) * *(const parts *)(d[k] + q);
            sums[at] += sum * weight;
        }
}

static void FN(fit)(const struct pxr_block_source *s, const struct pxr_sorted_space *space, uint16_t start,
                    unsigned group, uint32_t row_step, struct pxr_sorted_sums *sums)
{
    const uint32_t end = group ? s->shape.n_frames : 1;
    uint8_t of[PXR_SORTED_UNKNOWNS];
    const unsigned n = pxr_sorted_unknowns(group, of), n_products = (n + 1) * (n + 2) / 2;
    SAMPLE *const constant = FN(row)(space, 5);
    FN(row_fill)(constant, s->shape.width_px, (SAMPLE)start);
    memset(sums, 0, sizeof *sums);
    for (uint32_t t = group; t < end; t++)
        for (uint32_t y = row_step / 2 % s->shape.height_px; y < s->shape.height_px; y += row_step) {
            TAPS r;
            const SAMPLE *const row = FN(rows_at)(s, space, t, y, start, &r);
            const SAMPLE *const all[PXR_SORTED_TAPS + 1] = {r.above,   r.above - 1, r.above + 1, r.p,     r.p_above,
                                                            r.p_below, r.p - 1,     r.p + 1,     constant};
            const SAMPLE *taps[PXR_SORTED_UNKNOWNS];
            parts of_row[PXR_SORTED_PRODUCTS];
            memset(of_row, 0, sizeof of_row);
            for (unsigned k = 0; k < n; k++)
                taps[k] = all[of[k]];
            for (size_t x = 0; x + SEGMENT <= s->shape.width_px; x += SEGMENT)
                FN(fit_segment)(taps, all[pxr_sorted_anchor(group)], row, n, x, of_row);
            for (unsigned i = 0; i < n_products; i++)
                for (unsigned k = 0; k < 8; k++)
                    sums->products[i] += (double)of_row[i][k];
        }
}
#undef SEGMENT
#undef Q
#undef TAPS
#undef FLIP
