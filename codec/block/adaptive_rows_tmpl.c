/* SPDX-License-Identifier: MIT
 * The kernels of the adaptive codec: included by adaptive_portable.c and adaptive_avx2.c, which are compiled
 * for their CPU level.  LEVEL is its name.  Plain loops; the compiler makes vectors of those along a row and
 * over the symbols of a table.
 *
 * Decoding, encoding and the encoder's study share one function per row with a constant mode, so that they
 * cannot differ. */
#include "adaptive.h"

#define PASTE_(a, b) a##b
#define PASTE(a, b) PASTE_(a, b)
#define INLINE static inline __attribute__((always_inline))

enum { Q = PXR_ADAPTIVE_Q, N_SYMBOLS = PXR_ADAPTIVE_SYMBOLS, PROB_BITS = PXR_ADAPTIVE_PROB_BITS };
#define MAX_ACTIVITY ((uint32_t)1 << 25)

enum mode { DECODE, ENCODE, STUDY };

/* Where symbols come from or go to. */
struct stream {
    uint32_t x; /* rANS state */
    const uint8_t *at, *end;
    bool is_past_end;
    uint32_t *intervals; /* ENCODE */
};

/* One row.  What does not depend on the samples to its left is known for all of it. */
struct row {
    const struct pxr_adaptive_model *m;
    struct pxr_adaptive_state *state;
    const struct pxr_adaptive_tile *tiles;
    const uint16_t *w; /* of the features */
    uint16_t *x;
    const uint16_t *n, *nn; /* rows above */
    const uint16_t *p, *p_n, *q, *calm; /* references; group 0: p is nn, the others NULL */
    const uint16_t *b;                  /* background; group 0: n */
    unsigned b_shift;
    uint16_t *mag;
    const uint16_t *mag_n;
    const int32_t *sums;      /* of the taps but W and WW */
    const uint32_t *activity; /* of the features but 0, 6 and 9 */
    const uint8_t *calm_code; /* of the reference's magnitudes around a sample; group 0: not set */
};

/* ---- along a row --------------------------------------------------------------------------------- */

/* Five taps at a time: 5 of the background, 25 or 8 others.  What is beyond the last has weight 0. */
INLINE void add_taps(const int32_t *w, const uint16_t *const *rows, unsigned n, uint32_t x0, uint32_t x1,
                     int32_t *restrict sums)
{
    enum { STEP = 5 };
    for (unsigned k = 0; k < n; k += STEP) {
        const uint16_t *r[STEP];
        int32_t v[STEP];
        for (unsigned i = 0; i < STEP; i++) {
            r[i] = rows[k + i < n ? k + i : k];
            v[i] = k + i < n ? w[k + i] : 0;
        }
        for (uint32_t x = x0; x < x1; x++)
            sums[x] += v[0] * r[0][x] + v[1] * r[1][x] + v[2] * r[2][x] + v[3] * r[3][x] + v[4] * r[4][x];
    }
}

static void sum_taps(const struct pxr_adaptive_frame *f, uint32_t y, const struct pxr_adaptive_tile *tiles,
                     int32_t *restrict sums)
{
    const struct pxr_adaptive_model *m = f->m;
    const unsigned n = pxr_adaptive_n_taps(f->group);
    const unsigned plain = f->group ? n - PXR_ADAPTIVE_BACKGROUND_TAPS : n;
    const uint16_t *rows[PXR_ADAPTIVE_INTER_TAPS];
    pxr_adaptive_tap_rows(f, y, rows);
    for (uint32_t t = 0; t < m->n_tiles_x; t++) {
        const struct pxr_adaptive_tile *tile = &tiles[t];
        const uint32_t x0 = t << m->tile_log2;
        const uint32_t x1 = (uint32_t)pxr_min_u64((uint64_t)(t + 1) << m->tile_log2, m->width_px);
        for (uint32_t x = x0; x < x1; x++)
            sums[x] = 0;
        add_taps(tile->w + plain, rows + plain, n - plain, x0, x1, sums);
        for (uint32_t x = x0; x < x1; x++)
            sums[x] = tile->bias + (sums[x] >> m->background);
        add_taps(tile->w + PXR_ADAPTIVE_SERIAL_TAPS, rows + PXR_ADAPTIVE_SERIAL_TAPS,
                 plain - PXR_ADAPTIVE_SERIAL_TAPS, x0, x1, sums);
    }
}

INLINE uint32_t distance(uint32_t a, uint32_t b) { return a > b ? a - b : b - a; }
INLINE uint32_t mean_of(uint32_t a, uint32_t b) { return (a + b + 1) >> 1; }

/* The features that are known for a whole row; is_inter is a constant where it matters. */
INLINE uint32_t row_feature(const struct row *r, bool is_inter, unsigned i, ptrdiff_t x)
{
    const unsigned fine = r->m->fine;
    switch (i) {
    case 1: return r->mag_n[x];
    case 2: return mean_of(r->mag_n[x - 1], r->mag_n[x + 1]);
    case 3: return is_inter ? r->calm[x] : r->mag_n[x - 2];
    case 4: return is_inter ? mean_of(r->calm[x - 1], r->calm[x + 1]) : r->mag_n[x + 2];
    case 5: return (is_inter ? distance(r->n[x], r->p_n[x]) : distance(r->n[x], r->n[x + 1])) << fine;
    case 7: return (is_inter ? distance(r->p[x - 1], r->p[x + 1]) : distance(r->n[x], r->n[x - 1])) << fine;
    default: return (is_inter ? distance(r->p[x], r->q[x]) : distance(r->n[x], r->nn[x])) << fine;
    }
}

INLINE void sum_features_of(const struct row *r, bool is_inter, uint32_t *restrict activity)
{
    const struct row s = *r; /* the compiler sees that nothing of it changes */
    for (uint32_t x = 0; x < s.m->width_px; x++) {
        uint32_t a = 0;
        a += s.w[1] * row_feature(&s, is_inter, 1, x);
        a += s.w[2] * row_feature(&s, is_inter, 2, x);
        a += s.w[3] * row_feature(&s, is_inter, 3, x);
        a += s.w[4] * row_feature(&s, is_inter, 4, x);
        a += s.w[5] * row_feature(&s, is_inter, 5, x);
        a += s.w[7] * row_feature(&s, is_inter, 7, x);
        a += s.w[8] * row_feature(&s, is_inter, 8, x);
        activity[x] = a;
    }
}

static void sum_features(const struct row *r, bool is_inter, uint32_t *restrict activity)
{
    if (is_inter)
        sum_features_of(r, true, activity);
    else
        sum_features_of(r, false, activity);
}

static void code_calm(const uint16_t *calm, ptrdiff_t stride, uint32_t n, uint8_t *restrict codes)
{
    for (ptrdiff_t x = 0; x < (ptrdiff_t)n; x++)
        codes[x] = (uint8_t)pxr_adaptive_code(2u * calm[x] + calm[x - 1] + calm[x + 1] +
                                              calm[x - stride] + calm[x + stride]);
}

/* ---- symbols ------------------------------------------------------------------------------------- */

INLINE uint32_t refill(struct stream *s, uint32_t x)
{
    if (x >= 1u << 16)
        return x;
    if (s->end - s->at < 2) {
        s->is_past_end = true;
        return x | 1u << 16;
    }
    x = x << 16 | pxr_load_u16le(s->at);
    s->at += 2;
    return x;
}

/* n <= 15 bits that are as likely one way as the other. */
INLINE uint32_t code_raw(struct stream *s, enum mode mode, uint32_t v, unsigned n)
{
    const unsigned up = PROB_BITS - n;
    if (mode == ENCODE) {
        *s->intervals++ = v << up << 16 | 1u << up;
        return v;
    }
    v = (s->x & ((1u << PROB_BITS) - 1)) >> up;
    s->x = refill(s, (s->x >> PROB_BITS << up) | (s->x & ((1u << up) - 1)));
    return v;
}

/* Symbols below 16 are values; then two for each power of two, from 256 on one. */
INLINE unsigned extra_bits(unsigned s) { return s < 24 ? (s - 16) / 2 + 3 : s - 16; }
INLINE uint32_t base_of(unsigned s)
{
    return s < 24 ? (2u + (s & 1)) << ((s - 16) / 2 + 3) : 1u << (s - 16);
}
INLINE unsigned symbol_of(uint32_t v)
{
    if (v < 16)
        return v;
    const unsigned e = 31 - (unsigned)__builtin_clz(v);
    return e < 8 ? 16 + (e - 4) * 2 + (v >> (e - 1) & 1) : 16 + e;
}

/* One symbol under the mean of two tables. */
INLINE unsigned code_symbol(struct stream *s, enum mode mode, const struct pxr_adaptive_table *a,
                            const struct pxr_adaptive_table *b, unsigned symbol)
{
    if (mode == ENCODE) {
        const uint32_t start = ((uint32_t)a->starts[symbol] + b->starts[symbol]) >> 1;
        const uint32_t next = symbol + 1 < N_SYMBOLS
                                  ? ((uint32_t)a->starts[symbol + 1] + b->starts[symbol + 1]) >> 1
                                  : 1u << PROB_BITS;
        *s->intervals++ = start << 16 | (next - start);
        return symbol;
    }
    uint16_t starts[N_SYMBOLS + 1];
    const uint32_t slot = s->x & ((1u << PROB_BITS) - 1);
    int16_t n_below = 0; /* counted in 16 signed bits: vectors of any machine can compare these */
    for (unsigned i = 0; i < N_SYMBOLS; i++) {
        starts[i] = (uint16_t)((uint16_t)(a->starts[i] + b->starts[i]) >> 1);
        n_below = (int16_t)(n_below + ((int16_t)starts[i] <= (int16_t)slot));
    }
    starts[N_SYMBOLS] = 1u << PROB_BITS;
    symbol = (unsigned)(n_below - 1) % N_SYMBOLS;
    const uint32_t start = starts[symbol], size = starts[symbol + 1] - start;
    s->x = refill(s, size * (s->x >> PROB_BITS) + slot - start);
    return symbol;
}

static __attribute__((noinline)) void renew(struct pxr_adaptive_table *t)
{
    if (t->total > PXR_ADAPTIVE_MAX_TOTAL) {
        t->total = 0;
        for (unsigned i = 0; i < N_SYMBOLS; i++)
            t->total += t->counts[i] = (uint16_t)(t->counts[i] >> 1);
    }
    pxr_adaptive_rebuild(t);
    const uint32_t wait = t->total / (4 * PXR_ADAPTIVE_LEARN);
    t->wait = wait < PXR_ADAPTIVE_LEAST_WAIT  ? PXR_ADAPTIVE_LEAST_WAIT
              : wait > PXR_ADAPTIVE_MOST_WAIT ? PXR_ADAPTIVE_MOST_WAIT
                                              : wait;
}

INLINE void learn_symbol(struct pxr_adaptive_table *t, unsigned symbol)
{
    t->counts[symbol] = (uint16_t)(t->counts[symbol] + PXR_ADAPTIVE_LEARN);
    t->total += PXR_ADAPTIVE_LEARN;
    if (t->wait > 1)
        t->wait--;
    else
        renew(t);
}

/* A table that was never used begins as a weak copy of the one that it is mixed with. */
static __attribute__((noinline)) void borrow(struct pxr_adaptive_table *t, const struct pxr_adaptive_table *from)
{
    *t = *from;
    t->total = 0;
    for (unsigned i = 0; i < N_SYMBOLS; i++) {
        const uint32_t next = i + 1 < N_SYMBOLS ? from->starts[i + 1] : 1u << PROB_BITS;
        t->counts[i] = (uint16_t)((next - from->starts[i]) * PXR_ADAPTIVE_PRIOR >> PROB_BITS);
        t->total += t->counts[i];
    }
    t->wait = PXR_ADAPTIVE_LEAST_WAIT;
}

/* A folded residual under the tables of its context. */
INLINE uint32_t code_folded(struct stream *s, enum mode mode, struct pxr_adaptive_table *own,
                            struct pxr_adaptive_table *shared, unsigned shift, uint32_t z)
{
    if (!shared->total)
        borrow(shared, own);
    const unsigned symbol = code_symbol(s, mode, own, shared, mode == ENCODE ? symbol_of(z >> shift) : 0);
    learn_symbol(own, symbol);
    learn_symbol(shared, symbol);
    uint32_t v = symbol;
    if (symbol >= 16) {
        const uint32_t base = base_of(symbol);
        v = base + code_raw(s, mode, (z >> shift) - base, extra_bits(symbol));
    }
    if (shift)
        v = v << shift | code_raw(s, mode, z & ((1u << shift) - 1), shift);
    return v;
}

/* ---- samples ------------------------------------------------------------------------------------- */

INLINE int32_t clamp(int32_t v, int32_t least, int32_t most)
{
    return v < least ? least : v > most ? most : v;
}

INLINE unsigned texture(const struct row *r, ptrdiff_t x, int32_t p)
{
    return (unsigned)(r->x[x - 1] > p) | (unsigned)(r->n[x] > p) << 1 | (unsigned)(r->n[x + 1] > p) << 2 |
           (unsigned)(r->n[x - 1] > p) << 3 | (unsigned)(r->p[x] > p) << 4 |
           (unsigned)((r->b[x] >> r->b_shift) > p) << 5;
}

/* An error far beyond what was expected is an exception: it must not move the mean as far. */
INLINE void learn_bias(struct pxr_adaptive_state *s, unsigned i, int32_t error, uint32_t activity, unsigned fine)
{
    const int32_t most = (int32_t)(activity << 5 >> fine) + (1 << Q);
    const int32_t e = clamp(error, -most, most);
    const unsigned rate = s->seen[i] < 16 ? 4 : s->seen[i] < 64 ? 5 : 7;
    s->seen[i] = (uint8_t)(s->seen[i] + (s->seen[i] < 64));
    s->bias[i] = clamp(s->bias[i] + (e * 16 >> rate), -(1 << 30), 1 << 30);
}

/* How much livelier the neighbours' residuals are than those of the reference. */
INLINE unsigned ratio_of(const struct row *r, bool is_inter, ptrdiff_t x)
{
    const unsigned space = pxr_adaptive_code(2u * r->mag[x - 1] + 2u * r->mag_n[x] + r->mag_n[x - 1] +
                                             r->mag_n[x + 1]);
    const int step = is_inter ? (int)space - r->calm_code[x] : 0;
    return (unsigned)clamp((step + 10) / 3, 0, PXR_ADAPTIVE_RATIOS - 1);
}

INLINE void study_sample(const struct row *r, bool is_inter, ptrdiff_t x, int32_t p, uint32_t serial[3],
                         uint32_t activity, struct pxr_adaptive_study *s)
{
    if (s->codes) {
        s->codes[pxr_adaptive_code(activity >> 2)]++;
        return;
    }
    double v[PXR_ADAPTIVE_FEATURES];
    for (unsigned i = 0; i < PXR_ADAPTIVE_FEATURES; i++)
        v[i] = row_feature(r, is_inter, i, x);
    v[0] = serial[0];
    v[6] = serial[1];
    v[9] = serial[2];
    /* Large residuals must not decide alone where the small ones are. */
    const double weight = 1 / (1 + v[0] + v[1] + v[5]);
    const int32_t error = ((int32_t)r->x[x] << Q) - p;
    const double target = (double)((error < 0 ? -error : error) >> (Q - r->m->fine));
    for (unsigned i = 0; i < PXR_ADAPTIVE_FEATURES; i++) {
        for (unsigned k = 0; k < PXR_ADAPTIVE_FEATURES; k++)
            s->a[i][k] += weight * v[i] * v[k];
        s->b[i] += weight * v[i] * target;
    }
}

/* The samples of a row, from left to right. */
INLINE void code_row(const struct row *rows, bool is_inter, enum mode mode, struct stream *stream,
                     struct pxr_adaptive_study *study)
{
    const struct row r = *rows;
    struct stream s = *stream;
    const struct pxr_adaptive_model *const m = r.m;
    const unsigned fine = m->fine, level_shift = m->depth > 6 ? m->depth - 6u : 0;
    const int32_t top = (1 << m->depth) - 1, most = top << Q;
    const uint32_t w0 = r.w[0], w6 = r.w[6], w9 = r.w[9];
    for (ptrdiff_t x = 0; x < (ptrdiff_t)m->width_px; x++) {
        const struct pxr_adaptive_tile *const tile = &r.tiles[x >> m->tile_log2];
        const int32_t raw = r.sums[x] + tile->w[0] * r.x[x - 1] + tile->w[1] * r.x[x - 2];
        const int32_t fitted = clamp(raw, 0, most);
        uint32_t serial[3] = {r.mag[x - 1],
                              distance(r.x[x - 1], is_inter ? r.p[x - 1] : r.n[x - 1]) << fine,
                              (uint32_t)(fitted >> Q >> level_shift) << fine};
        uint32_t activity = r.activity[x] + w0 * serial[0] + w6 * serial[1] + w9 * serial[2];
        activity = activity < MAX_ACTIVITY ? activity : MAX_ACTIVITY;
        int32_t error = ((int32_t)r.x[x] << Q) - fitted;
        if (mode == STUDY) {
            study_sample(&r, is_inter, x, fitted, serial, activity, study);
        } else {
            const unsigned level = m->level_of[pxr_adaptive_code(activity >> 2)];
            const unsigned context = level * PXR_ADAPTIVE_TEXTURES + texture(&r, x, fitted >> Q);
            const int32_t p = clamp(fitted + (r.state->bias[context] >> 4), 0, most);
            const int32_t whole = (p + (1 << (Q - 1))) >> Q, fraction = p - (whole << Q);
            const uint32_t flip = fraction < 0 ? ~0u : 0;
            const uint32_t off = ((uint32_t)fraction ^ flip) - flip;
            const unsigned phase = off < 1u << (Q - 1) ? off >> (Q - 3) : 3;
            struct pxr_adaptive_table *own = &r.state->own[level * PXR_ADAPTIVE_PHASES + phase];
            struct pxr_adaptive_table *shared =
                &r.state->shared[(level / 2 * PXR_ADAPTIVE_RATIOS + ratio_of(&r, is_inter, x)) * 2 + phase / 2];
            uint32_t z = 0;
            if (mode == ENCODE) {
                const uint32_t d = (((uint32_t)r.x[x] - (uint32_t)whole) ^ flip) - flip;
                const int32_t e = (int32_t)(d << (32 - m->depth)) >> (32 - m->depth);
                z = pxr_zigzag(e);
            }
            z = code_folded(&s, mode, own, shared, m->level_shift[level], z);
            if (mode == DECODE) {
                const uint32_t e = z >> 1 ^ (0u - (z & 1));
                r.x[x] = (uint16_t)(((uint32_t)whole + ((e ^ flip) - flip)) & (uint32_t)top);
            }
            error = ((int32_t)r.x[x] << Q) - p;
            learn_bias(r.state, context, error, activity, fine);
        }
        const uint32_t magnitude = (uint32_t)(error < 0 ? -error : error) >> (Q - fine);
        r.mag[x] = (uint16_t)(magnitude < UINT16_MAX ? magnitude : UINT16_MAX);
    }
    *stream = s;
}

/* ---- frames -------------------------------------------------------------------------------------- */

struct scratch {
    uint16_t *mag, *mag_n; /* sample 0 of two rows with margins */
    int32_t *sums;
    uint32_t *activity;
    uint8_t *calm_code;
};

static struct scratch scratch_of(const struct pxr_adaptive_frame *f)
{
    const size_t stride = pxr_adaptive_stride(f->m->width_px);
    struct scratch s;
    s.sums = (int32_t *)(void *)f->scratch;
    s.activity = (uint32_t *)(s.sums + stride);
    s.mag = (uint16_t *)(s.activity + stride) + PXR_ADAPTIVE_MARGIN;
    s.mag_n = s.mag + stride;
    s.calm_code = (uint8_t *)(s.mag_n + stride - PXR_ADAPTIVE_MARGIN);
    return s;
}

static struct row row_of(const struct pxr_adaptive_frame *f, const struct scratch *s, uint32_t y)
{
    const ptrdiff_t stride = (ptrdiff_t)pxr_adaptive_stride(f->m->width_px), at = (ptrdiff_t)y * stride;
    struct row r = {.m = f->m, .state = f->state, .w = f->m->features[f->group],
                    .tiles = pxr_adaptive_tiles(f->m, f->group, y >> f->m->tile_log2),
                    .x = f->x + at, .mag = s->mag, .mag_n = s->mag_n,
                    .sums = s->sums, .activity = s->activity, .calm_code = s->calm_code};
    r.n = r.x - stride;
    r.nn = r.n - stride;
    r.p = r.nn;
    r.b = r.n;
    if (f->group) {
        r.p = f->ref[0] + at;
        r.p_n = r.p - stride;
        r.q = f->ref[1] + at;
        r.calm = f->calm + at;
        r.b = f->background + at;
        r.b_shift = f->m->background;
    }
    return r;
}

/* Magnitudes of the row above the first one. */
static void first_magnitudes(const struct pxr_adaptive_frame *f, const struct scratch *s)
{
    for (ptrdiff_t x = -PXR_ADAPTIVE_MARGIN; x < (ptrdiff_t)f->m->width_px + PXR_ADAPTIVE_MARGIN; x++)
        s->mag_n[x] = (uint16_t)(f->group ? f->calm[x] : 1u << f->m->fine);
}

/* Half of it is the frame's, a quarter that of the one before, and so on. */
static void mean_magnitudes(const struct row *r, uint32_t n, uint16_t *restrict mean)
{
    for (uint32_t x = 0; x < n; x++)
        mean[x] = r->calm ? (uint16_t)mean_of(r->mag[x], r->calm[x]) : r->mag[x];
}

INLINE void code_frame(struct pxr_adaptive_frame *f, enum mode mode, struct stream *stream,
                       struct pxr_adaptive_study *study)
{
    const uint32_t w = f->m->width_px;
    const ptrdiff_t stride = (ptrdiff_t)pxr_adaptive_stride(w);
    struct scratch s = scratch_of(f);
    pxr_adaptive_begin_frame(f);
    first_magnitudes(f, &s);
    for (uint32_t y = 0; y < f->m->height_px; y++) {
        const struct row r = row_of(f, &s, y);
        for (ptrdiff_t x = -PXR_ADAPTIVE_MARGIN; x < 0; x++) {
            r.x[x] = r.n[0];
            r.mag[x] = r.mag_n[0];
        }
        sum_taps(f, y, r.tiles, s.sums);
        sum_features(&r, f->group != 0, s.activity);
        if (f->group) {
            code_calm(r.calm, stride, w, s.calm_code);
            code_row(&r, true, mode, stream, study);
        } else {
            code_row(&r, false, mode, stream, study);
        }
        pxr_adaptive_edges(r.x, w);
        pxr_adaptive_edges(r.mag, w);
        mean_magnitudes(&r, w, f->mean + (ptrdiff_t)y * stride);
        uint16_t *const swap = s.mag;
        s.mag = s.mag_n;
        s.mag_n = swap;
    }
    pxr_adaptive_borders(f->x, w, f->m->height_px);
    pxr_adaptive_borders(f->mean, w, f->m->height_px);
}

static bool decode(struct pxr_adaptive_frame *f, const uint8_t *src, size_t src_bytes)
{
    struct stream s = {.x = pxr_load_u32le(src), .at = src + 4, .end = src + src_bytes};
    code_frame(f, DECODE, &s, NULL);
    return !s.is_past_end && s.at == s.end && s.x == 1u << 16;
}

static size_t encode(struct pxr_adaptive_frame *f, uint32_t *intervals)
{
    struct stream s = {.intervals = intervals};
    code_frame(f, ENCODE, &s, NULL);
    return (size_t)(s.intervals - intervals);
}

static void study(struct pxr_adaptive_frame *f, struct pxr_adaptive_study *to)
{
    struct stream s = {0};
    code_frame(f, STUDY, &s, to);
}

const struct pxr_adaptive_kernels PASTE(pxr_adaptive_, LEVEL) = {decode, encode, study};
