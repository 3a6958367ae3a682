/* SPDX-License-Identifier: MIT
 * Codec 4: whether it is worth its time, from a few rows of a block. */
#include "match.h"

#include "diag.h"
#include "log2.h"
#include "match_coder.h"
#include "predict.h" /* the order of frames */

enum {
    N_COUNTED = 4096,        /* samples that are looked at closely, at least (if there are so many) */
    ONE_COUNTED_OF = 1024,   /* and in large blocks */
    CHEAP_SAMPLES = 1 << 16, /* fewer: a small block, which is tried on a doubt if few samples are unlike */
    N_SHAPES = 64,
    N_WAYS = 6,              /* to tell a sample: which of five neighbours it equals, or none */
    NONE = N_WAYS - 1,
    N_LIVELY = 19,           /* bits of a sum of three distances */
    N_SIZES = 17,
};

/* How samples would be told, by what is around them: the walk of the codec, with few contexts. */
struct tally {
    uint32_t ways[N_SHAPES][N_WAYS];
    uint32_t sizes[N_LIVELY][N_SIZES]; /* of distances from what is expected, where no neighbour is it */
    uint64_t n, n_raw_bits;
};

/* The values of the rows that are looked at, in rising order. */
struct values {
    uint64_t has[1024];
    uint16_t rank_of[65536]; /* of those that occur */
};

struct choice {
    const struct pxr_block_source *s;
    uint32_t row_step;
    struct tally alone, beside; /* without and with references */
    struct values values;
};

/* Row y of a frame and those around it. */
struct rows {
    const uint8_t *c, *n, *nn, *p, *pn, *q;
};

static inline uint32_t sample_at(const uint8_t *row, bool is_wide, uint32_t x)
{
    uint16_t v;
    if (!is_wide)
        return row[x];
    memcpy(&v, row + 2 * (size_t)x, 2);
    return v;
}

static inline uint32_t bit_length(uint32_t v)
{
    return v ? 32 - (uint32_t)__builtin_clz(v) : 0;
}

static inline uint32_t distance(uint32_t a, uint32_t b)
{
    return a < b ? b - a : a - b;
}

/* ---- what is looked at -------------------------------------------------------------------------- */

/* The first frame, and one for each of the shortest distances to references, which most frames have. */
static unsigned frames_of(uint32_t n_frames, uint32_t frames[5])
{
    static const uint8_t low[4] = {1, 2, 5, 12};
    unsigned n = 1;
    frames[0] = 0;
    for (uint32_t i = 0; i < 4; i++) {
        const uint32_t f = (n_frames * i / 4 & ~15u) + low[i];
        if (f < n_frames)
            frames[n++] = f;
    }
    return n;
}

/* From row 1 on, so that there are about so many samples. */
static uint32_t row_step(const struct pxr_block_shape *s, unsigned n_frames)
{
    const uint64_t n = (uint64_t)s->n_frames * s->height_px * s->width_px / ONE_COUNTED_OF;
    const uint64_t n_rows = pxr_max_u64(n, N_COUNTED) / ((uint64_t)n_frames * s->width_px) + 1;
    return (uint32_t)(s->height_px / n_rows) + 1;
}

static struct rows rows_of(const struct pxr_block_source *s, uint32_t frame, uint32_t y)
{
    struct rows r = {.c = pxr_samples_row(&s->samples, frame, y), .n = pxr_samples_row(&s->samples, frame, y - 1),
                     .nn = pxr_samples_row(&s->samples, frame, y > 1 ? y - 2 : 0)};
    if (frame) {
        const struct pxr_predict_refs refs = pxr_predict_refs_of(PXR_ORDER_DYADIC, frame, s->shape.n_frames);
        r.p = pxr_samples_row(&s->samples, refs.ref[0], y);
        r.pn = pxr_samples_row(&s->samples, refs.ref[0], y - 1);
        r.q = pxr_samples_row(&s->samples, refs.ref[1], y);
    }
    return r;
}

/* ---- values ------------------------------------------------------------------------------------- */

static void add_row(struct values *v, const uint8_t *row, bool is_wide, uint32_t width_px)
{
    for (uint32_t x = 0; x < width_px; x++) {
        const uint32_t a = sample_at(row, is_wide, x);
        v->has[a >> 6] |= (uint64_t)1 << (a & 63);
    }
}

/* Those of a frame's rows that are looked at, and around them. */
static void add_values(struct choice *c, uint32_t frame)
{
    const bool is_wide = c->s->shape.bits == 16;
    for (uint32_t y = 1; y < c->s->shape.height_px; y += c->row_step) {
        const struct rows r = rows_of(c->s, frame, y);
        const uint8_t *const all[] = {r.c, r.n, r.nn, r.p, r.pn, r.q};
        for (unsigned i = 0; i < (frame ? 6 : 3); i++)
            add_row(&c->values, all[i], is_wide, c->s->shape.width_px);
    }
}

static uint32_t rank_values(struct values *v)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < 1024; i++)
        for (uint64_t left = v->has[i]; left; left &= left - 1)
            v->rank_of[i << 6 | (uint32_t)__builtin_ctzll(left)] = (uint16_t)n++;
    return n;
}

/* ---- counting ----------------------------------------------------------------------------------- */

static inline void count_distance(struct tally *t, uint32_t lively, uint32_t d)
{
    const uint32_t n = bit_length(d);
    t->sizes[bit_length(lively)][n]++;
    t->n_raw_bits += n; /* the sign, and all but the highest one */
}

/* As the codec sees a frame without references. */
PXR_ALWAYS_INLINE void count_alone(struct choice *c, const struct rows *r, bool is_wide)
{
    const uint32_t width = c->s->shape.width_px;
    const uint16_t *const rank = c->values.rank_of;
    struct tally *const t = &c->alone;
    for (uint32_t x = 1; x < width; x++) {
        const uint32_t v = sample_at(r->c, is_wide, x), w = sample_at(r->c, is_wide, x - 1);
        const uint32_t ww = sample_at(r->c, is_wide, x - (x > 1 ? 2 : 1)), nn = sample_at(r->nn, is_wide, x);
        const uint32_t n = sample_at(r->n, is_wide, x), nw = sample_at(r->n, is_wide, x - 1);
        const uint32_t ne = sample_at(r->n, is_wide, x + (x + 1 < width));
        const uint32_t shape = (uint32_t)(w == n) | (uint32_t)(n == ne) << 1 | (uint32_t)(n == nw) << 2 |
                               (uint32_t)(w == nw) << 3 | (uint32_t)(nn == n) << 4 | (uint32_t)(ww == w) << 5;
        const unsigned way = v == w ? 0 : v == n ? 1 : v == ne ? 2 : v == nw ? 3 : v == ww ? 4 : NONE;
        t->ways[shape][way]++;
        if (way != NONE)
            continue;
        const uint32_t high = rank[w > n ? w : n], low = rank[w > n ? n : w], corner = rank[nw];
        const uint32_t expected = corner >= high ? low : corner <= low ? high : low + high - corner;
        count_distance(t, distance(rank[w], corner) + distance(rank[n], corner) + distance(rank[ne], rank[n]),
                       distance(rank[v], expected));
    }
    t->n += width - 1;
}

/* And with them. */
PXR_ALWAYS_INLINE void count_beside(struct choice *c, const struct rows *r, bool is_wide)
{
    const uint32_t width = c->s->shape.width_px;
    const uint16_t *const rank = c->values.rank_of;
    struct tally *const t = &c->beside;
    for (uint32_t x = 1; x < width; x++) {
        const uint32_t v = sample_at(r->c, is_wide, x), w = sample_at(r->c, is_wide, x - 1);
        const uint32_t n = sample_at(r->n, is_wide, x), ne = sample_at(r->n, is_wide, x + (x + 1 < width));
        const uint32_t p = sample_at(r->p, is_wide, x), pw = sample_at(r->p, is_wide, x - 1);
        const uint32_t q = sample_at(r->q, is_wide, x), pn = sample_at(r->pn, is_wide, x);
        const uint32_t shape = (uint32_t)(w == n) | (uint32_t)(w == p) << 1 | (uint32_t)(n == p) << 2 |
                               (uint32_t)(p == q) << 3 | (uint32_t)(n == pn) << 4 | (uint32_t)(n == ne) << 5;
        const unsigned way = v == w ? 0 : v == n ? 1 : v == p ? 2 : v == ne ? 3 : v == q ? 4 : NONE;
        t->ways[shape][way]++;
        if (way != NONE)
            continue;
        const uint32_t a = distance(rank[w], rank[pw]), b = distance(rank[n], rank[pn]);
        const uint32_t steps = a > b ? a : b, gap = distance(rank[q], rank[p]);
        count_distance(t, steps > gap ? steps : gap, distance(rank[v], rank[p]));
    }
    t->n += width - 1;
}

/* ---- what it would cost ------------------------------------------------------------------------- */

/* In 1/65536 bits, each symbol by how frequent it is. */
static uint64_t cost_of_counts(const uint32_t *counts, unsigned n)
{
    uint64_t total = 0, sum = 0;
    for (unsigned i = 0; i < n; i++)
        total += counts[i];
    for (unsigned i = 0; i < n; i++)
        if (counts[i])
            sum += counts[i] * (pxr_log2(total) - pxr_log2(counts[i]));
    return sum;
}

/* Of n samples, in bytes. */
static uint64_t cost_of(const struct tally *t, uint64_t n)
{
    uint64_t sum = t->n_raw_bits << 16;
    for (unsigned i = 0; i < N_SHAPES; i++)
        sum += cost_of_counts(t->ways[i], N_WAYS);
    for (unsigned i = 0; i < N_LIVELY; i++)
        sum += cost_of_counts(t->sizes[i], N_SIZES);
    return (sum >> 16) * n / t->n / 8;
}

/* The list of values: gaps as gamma numbers. */
static uint64_t cost_of_values(uint32_t n_values, uint8_t bits)
{
    const uint32_t most = (uint32_t)1 << bits;
    return n_values * ((2 * pxr_log2(most) - 2 * pxr_log2(n_values) + 65536) >> 3) >> 16;
}

static void count_rows(struct choice *c, uint32_t frame, bool has_alone)
{
    const bool is_wide = c->s->shape.bits == 16;
    for (uint32_t y = 1; y < c->s->shape.height_px; y += c->row_step) {
        const struct rows r = rows_of(c->s, frame, y);
        if (has_alone && is_wide)
            count_alone(c, &r, true);
        else if (has_alone)
            count_alone(c, &r, false);
        if (frame && is_wide)
            count_beside(c, &r, true);
        else if (frame)
            count_beside(c, &r, false);
    }
}

/* About how many bytes the codec takes, mostly 0.85 to 1.25 of that; the shape has two rows and columns. */
static uint64_t estimate(struct choice *c)
{
    const struct pxr_block_shape *const s = &c->s->shape;
    const uint64_t n_px = (uint64_t)s->height_px * s->width_px;
    uint32_t frames[5];
    const unsigned n = frames_of(s->n_frames, frames);
    c->row_step = row_step(s, n);
    for (unsigned i = 0; i < n; i++)
        add_values(c, frames[i]);
    const uint32_t n_values = rank_values(&c->values);
    for (unsigned i = 0; i < n; i++)
        count_rows(c, frames[i], i < 2);
    const uint64_t first = cost_of(&c->alone, n_px), other = n > 1 ? cost_of(&c->beside, n_px) : first;
    return PXR_BLOCK_OFF_PARAMS + s->n_frames * PXR_BLOCK_UNIT_BYTES + cost_of_values(n_values, s->bits) + first +
           (s->n_frames - 1) * pxr_min_u64(first, other);
}

/* ---- samples that are like no neighbour --------------------------------------------------------- */

/* Samples of a row that differ from those beside, above and before them. */
static uint32_t count_unlike(const struct pxr_block_source *s, uint32_t frame, uint32_t y)
{
    const bool is_wide = s->shape.bits == 16;
    const uint8_t *const row = pxr_samples_row(&s->samples, frame, y);
    const uint8_t *const above = pxr_samples_row(&s->samples, frame, y ? y - 1 : 0);
    const uint8_t *const other =
        s->shape.n_frames > 1 ? pxr_samples_row(&s->samples, frame ? frame - 1 : 1, y) : NULL;
    uint32_t n = 0;
    for (uint32_t x = 1; x < s->shape.width_px; x++) {
        const uint32_t v = sample_at(row, is_wide, x);
        n += v != sample_at(row, is_wide, x - 1) && !(y && v == sample_at(above, is_wide, x)) &&
             !(other && v == sample_at(other, is_wide, x));
    }
    return n;
}

enum pxr_err pxr_match_may_win(bool *may, pxr_block_encoder *e, const struct pxr_block_source *s, uint64_t spent,
                               struct pxr_diag *diag)
{
    const struct pxr_block_shape *const shape = &s->shape;
    const uint32_t step_t = shape->n_frames / 4 + 1, step_y = shape->height_px / 24 + 1;
    const uint64_t n_samples = pxr_block_raw_bytes(shape) / (shape->bits / 8u);
    uint64_t n = 0, n_unlike = 0;
    for (uint32_t t = 0; t < shape->n_frames; t += step_t)
        for (uint32_t y = 0; y < shape->height_px; y += step_y) {
            n_unlike += count_unlike(s, t, y);
            n += shape->width_px;
        }
    *may = n_unlike * n_samples / n * 12 / 8 < spent;
    /* What is hopeless: a small block is counted in any case but noise. */
    const bool is_small = n_samples < CHEAP_SAMPLES;
    if (*may || n_unlike > (is_small ? n - n / 4 : n / 3) || shape->height_px < 2 || shape->width_px < 2)
        return PXR_OK;
    struct choice *const c = (void *)pxr_scratch_get(&e->a, sizeof *c);
    if (!c)
        return pxr_fail_nomem(diag, sizeof *c);
    memset(c, 0, offsetof(struct choice, values.rank_of)); /* which has what is written below */
    c->s = s;
    const bool is_cheap = n_unlike <= n / 8 && is_small;
    *may = estimate(c) < (is_cheap ? spent + spent / 2 : spent - spent / 8);
    return PXR_OK;
}
