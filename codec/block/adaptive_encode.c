/* SPDX-License-Identifier: MIT
 * Codec 5: fitting weights and activity, choosing order and tiles, writing units.
 *
 * Floating point chooses numbers here and never decodes.  Sums run in one order whatever the machine, so
 * the bytes are the same everywhere (with -ffp-contract=off). */
#include "adaptive.h"

#include "diag.h"
#include "linear.h"

enum { MAX_TAPS = PXR_ADAPTIVE_INTER_TAPS, FIT_STRIDE = 40 };

/* Weighted products of the taps and the target (the last value), all less the anchor. */
struct fit {
    double a[MAX_TAPS + 1][FIT_STRIDE];
    double weight, target, taps[MAX_TAPS];
};

struct pxr_adaptive_encoder {
    struct pxr_adaptive_model models[2]; /* in either order */
    struct pxr_adaptive_study study[PXR_ADAPTIVE_GROUPS];
    struct fit fit;
    double system[MAX_TAPS][MAX_TAPS + 1]; /* of equations, on its way to a solution */
    struct pxr_scratch planes, row, states, intervals;
};

void pxr_adaptive_encoder_free(struct pxr_adaptive_encoder *e)
{
    if (!e)
        return;
    for (int i = 0; i < 2; i++)
        pxr_adaptive_model_fini(&e->models[i]);
    struct pxr_scratch *const all[] = {&e->planes, &e->row, &e->states, &e->intervals};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        pxr_free(all[i]->bytes);
    pxr_free(e);
}

/* One block on its way. */
struct job {
    struct pxr_adaptive_encoder *e;
    struct pxr_adaptive_model *m;
    const struct pxr_adaptive_kernels *k;
    const struct pxr_block_source *source;
    size_t plane_bytes;
    float robust; /* square of a usual difference of neighbours */
};

enum kind { VALUES, MEANS, BACKGROUNDS, N_KINDS }; /* planes of a frame */

static uint16_t *plane_of(const struct job *j, uint32_t frame, enum kind kind)
{
    return pxr_adaptive_origin(j->e->planes.bytes + (frame * (size_t)N_KINDS + kind) * j->plane_bytes,
                               j->m->width_px);
}

static struct pxr_adaptive_place place_of(const struct job *j, uint32_t frame)
{
    return pxr_adaptive_place_of(j->m->order, frame, j->m->n_frames);
}

static struct pxr_adaptive_frame frame_of(const struct job *j, uint32_t frame)
{
    const struct pxr_adaptive_place p = place_of(j, frame);
    struct pxr_adaptive_frame f = {.m = j->m, .group = p.group, .x = plane_of(j, frame, VALUES),
                                   .mean = plane_of(j, frame, MEANS), .scratch = j->e->row.bytes};
    if (p.group) {
        f.ref[0] = plane_of(j, p.ref[0], VALUES);
        f.ref[1] = plane_of(j, p.ref[1], VALUES);
        f.background = plane_of(j, p.ref[0], BACKGROUNDS);
        f.calm = plane_of(j, p.ref[0], MEANS);
    }
    return f;
}

/* The i-th frame in an order in which references come first. */
static uint32_t frame_at(const struct job *j, uint32_t i)
{
    const uint32_t n = j->m->n_frames;
    if (j->m->order == PXR_ADAPTIVE_MIDDLE)
        return i <= n / 2 ? n / 2 - i : i;
    if (!i)
        return 0;
    uint32_t step = 1;
    while (step < n)
        step *= 2;
    for (i--; step; step /= 2) {
        const uint32_t count = step < n ? (n - step - 1) / (2 * step) + 1 : 0;
        if (i < count)
            return step + 2 * step * i;
        i -= count;
    }
    return 0;
}

/* ---- samples ------------------------------------------------------------------------------------- */

static uint32_t sample_at(const struct pxr_block_source *s, uint32_t t, uint32_t y, uint32_t x)
{
    const uint8_t *const row = pxr_samples_row(&s->samples, t, y);
    uint16_t v = row[x];
    if (s->shape.bits == 16)
        memcpy(&v, row + 2 * (size_t)x, 2);
    return v;
}

/* Offset, unused low bits, and how many bits remain. */
static void find_range(const struct pxr_block_source *s, struct pxr_adaptive_model *m)
{
    uint32_t least = UINT32_MAX, most = 0, bits = 0;
    const uint32_t base = sample_at(s, 0, 0, 0);
    for (uint32_t t = 0; t < s->shape.n_frames; t++)
        for (uint32_t y = 0; y < s->shape.height_px; y++)
            for (uint32_t x = 0; x < s->shape.width_px; x++) {
                const uint32_t v = sample_at(s, t, y, x);
                least = v < least ? v : least;
                most = v > most ? v : most;
                bits |= v ^ base; /* bits in which any sample differs from the first */
            }
    m->shift = (uint8_t)(bits ? __builtin_ctz(bits) : 0);
    m->offset = (uint16_t)least;
    const uint32_t span = (most - least) >> m->shift;
    m->depth = (uint8_t)(span ? 32 - __builtin_clz(span) : 1);
}

static void load_values(struct job *j)
{
    const struct pxr_adaptive_model *m = j->m;
    const size_t stride = pxr_adaptive_stride(m->width_px);
    for (uint32_t t = 0; t < m->n_frames; t++) {
        uint16_t *const plane = plane_of(j, t, VALUES);
        for (uint32_t y = 0; y < m->height_px; y++)
            for (uint32_t x = 0; x < m->width_px; x++)
                plane[y * stride + x] =
                    (uint16_t)((sample_at(j->source, t, y, x) - m->offset) >> m->shift);
        pxr_adaptive_borders(plane, m->width_px, m->height_px);
    }
}

static void load_backgrounds(struct job *j)
{
    for (uint32_t i = 0; i < j->m->n_frames; i++) {
        const uint32_t t = frame_at(j, i);
        const struct pxr_adaptive_place p = place_of(j, t);
        pxr_adaptive_blend(j->m, p.depth, plane_of(j, t, VALUES),
                           p.group ? plane_of(j, p.ref[0], BACKGROUNDS) : NULL, plane_of(j, t, BACKGROUNDS));
    }
}

/* Differences of neighbours, the smaller of two directions, from a sample of the block. */
static void find_robust(struct job *j)
{
    const ptrdiff_t stride = (ptrdiff_t)pxr_adaptive_stride(j->m->width_px);
    double sum = 0, n = 1;
    for (uint32_t t = 0; t < j->m->n_frames; t += 4)
        for (uint32_t y = 0; y < j->m->height_px; y += 5)
            for (uint32_t x = 0; x < j->m->width_px; x += 3, n++) {
                const uint16_t *const v = plane_of(j, t, VALUES) + y * stride + x;
                const int a = v[0] - v[-1], b = v[0] - v[-stride];
                sum += (double)pxr_min_u64((unsigned)(a < 0 ? -a : a), (unsigned)(b < 0 ? -b : b));
            }
    const double mean = sum / n;
    j->robust = (float)(2 * mean * mean + 0.25);
}

/* ---- weights ------------------------------------------------------------------------------------- */

static unsigned anchor_of(unsigned group)
{
    return group ? PXR_ADAPTIVE_ANCHOR_INTER : PXR_ADAPTIVE_ANCHOR_INTRA;
}

struct window {
    uint32_t x0, x1, y0, y1, row_step, column_step;
};

/* Samples of one frame in a window. */
static void sum_window(const struct job *j, const struct pxr_adaptive_frame *f, const struct window *w,
                       struct fit *fit)
{
    const unsigned n = pxr_adaptive_n_taps(f->group), anchor = anchor_of(f->group);
    const unsigned plain = f->group ? n - PXR_ADAPTIVE_BACKGROUND_TAPS : n;
    const float fine = 1.0f / (float)(1 << j->m->background);
    const size_t stride = pxr_adaptive_stride(j->m->width_px);
    float a[MAX_TAPS + 1][FIT_STRIDE] = {{0}};
    for (uint32_t y = w->y0; y < w->y1; y += w->row_step) {
        const uint16_t *rows[MAX_TAPS];
        pxr_adaptive_tap_rows(f, y, rows);
        for (uint32_t x = w->x0 + y / w->row_step % w->column_step; x < w->x1; x += w->column_step) {
            float v[FIT_STRIDE] = {0}, weighted[FIT_STRIDE], square = 0;
            const float base = (float)rows[anchor][x];
            for (unsigned k = 0; k < n; k++) {
                v[k] = (float)rows[k][x] * (k < plain ? 1 : fine) - base;
                square += v[k] * v[k];
            }
            v[n] = (float)f->x[y * stride + x] - base;
            const float weight = j->robust / (j->robust + square / (float)n);
            for (unsigned k = 0; k < FIT_STRIDE; k++)
                weighted[k] = v[k] * weight;
            for (unsigned i = 0; i <= n; i++)
                for (unsigned k = 0; k < FIT_STRIDE; k++)
                    a[i][k] += v[i] * weighted[k];
            fit->weight += (double)weight;
            fit->target += (double)(weight * (v[n] + base));
            for (unsigned k = 0; k < n; k++)
                fit->taps[k] += (double)(weight * (v[k] + base));
        }
    }
    for (unsigned i = 0; i <= n; i++)
        for (unsigned k = 0; k <= n; k++)
            fit->a[i][k] += (double)a[i][k];
}

/* The normal equations, with a little ridge; the anchor's own equation is empty. */
static void solve(const struct fit *fit, unsigned n, unsigned anchor, double robust,
                  double a[MAX_TAPS][MAX_TAPS + 1], double *w)
{
    for (unsigned i = 0; i < n; i++) {
        for (unsigned k = 0; k <= n; k++)
            a[i][k] = fit->a[i][k];
        a[i][i] += a[i][i] * 1e-4 + 1e-3 * robust + (i == anchor);
    }
    pxr_solve(a[0], MAX_TAPS + 1, n, w);
}

static int32_t nearest(double v) { return (int32_t)(v < 0 ? v - 0.5 : v + 0.5); }

/* Linear between powers of two: near enough to compare sizes, and the same everywhere. */
static double log2_of(double v)
{
    double n = 0;
    for (; v >= 2; n++)
        v /= 2;
    for (; v < 1; n--)
        v *= 2;
    return n + v - 1;
}

/* The mean square of what the weights leave. */
static double remainder_of(const struct fit *fit, unsigned n, const double *w)
{
    double sum = fit->a[n][n];
    for (unsigned i = 0; i < n; i++) {
        sum -= 2 * w[i] * fit->a[i][n];
        for (unsigned k = 0; k < n; k++)
            sum += w[i] * w[k] * fit->a[i][k];
    }
    return fit->weight > 0 && sum > 0 ? sum / fit->weight : 0;
}

/* Weights that sum to one, so that a change of all taps is one of the prediction. */
static void round_weights(const struct fit *fit, unsigned n, unsigned anchor, const double *w,
                          struct pxr_adaptive_tile *t)
{
    const int32_t to_file = 1 << PXR_ADAPTIVE_WEIGHT_Q, scale = 1 << (PXR_ADAPTIVE_Q - PXR_ADAPTIVE_WEIGHT_Q);
    int32_t rest = to_file;
    memset(t, 0, sizeof *t);
    for (unsigned k = 0; k < n; k++) {
        const double v = k == anchor ? 0 : w[k] * to_file;
        t->w[k] = v > 1e6 || v < -1e6 ? 1000000 : nearest(v);
        rest -= t->w[k];
    }
    t->w[anchor] = rest;
    if (!pxr_adaptive_weights_fit(t->w, n)) {
        memset(t, 0, sizeof *t);
        t->w[anchor] = to_file;
    }
    double bias = fit->target;
    for (unsigned k = 0; k < n; k++) {
        bias -= t->w[k] * fit->taps[k] / to_file;
        t->w[k] *= scale;
    }
    bias = fit->weight > 0 ? bias / fit->weight * (1 << PXR_ADAPTIVE_Q) : 0;
    t->bias = bias > PXR_ADAPTIVE_MAX_BIAS || bias < -PXR_ADAPTIVE_MAX_BIAS ? 0 : nearest(bias);
}

/* About the bits that a tile's samples and weights will take. */
static double fit_tile(struct job *j, unsigned group, uint32_t ty, uint32_t tx, uint32_t frame_step,
                       struct pxr_adaptive_tile *out)
{
    const struct pxr_adaptive_model *m = j->m;
    const uint32_t side = 1u << m->tile_log2;
    const unsigned n = pxr_adaptive_n_taps(group), anchor = anchor_of(group);
    struct window w = {tx * side, (uint32_t)pxr_min_u64((tx + 1) * (uint64_t)side, m->width_px),
                       ty * side, (uint32_t)pxr_min_u64((ty + 1) * (uint64_t)side, m->height_px),
                       group > 1 ? 2 : 1, group > 1 ? 2 : 1};
    double weights[MAX_TAPS], n_frames = 0;
    memset(&j->e->fit, 0, sizeof j->e->fit);
    for (uint32_t t = 0; t < m->n_frames; t++) {
        struct pxr_adaptive_frame f = frame_of(j, t);
        if (f.group != group || n_frames++ < 0 || t % frame_step)
            continue;
        sum_window(j, &f, &w, &j->e->fit);
    }
    solve(&j->e->fit, n, anchor, (double)j->robust, j->e->system, weights);
    weights[anchor] = 0;
    double sum = 0;
    for (unsigned k = 0; k < n; k++)
        sum += weights[k];
    if (!(sum > -1e9 && sum < 1e9)) /* no numbers: the anchor alone */
        memset(weights, 0, sizeof weights);
    round_weights(&j->e->fit, n, anchor, weights, out);
    /* Samples that were fitted leave less than others will: here by a part of n / samples, and with all frames
     * others by a part of n / (samples x frame_step) more. */
    const double n_px = n_frames * (w.x1 - w.x0) * (w.y1 - w.y0), own = n / (j->e->fit.weight + 1);
    const double more = own < 0.5 ? (1 + own / frame_step) / (1 - own) : 4;
    return n_px * 0.5 * log2_of(remainder_of(&j->e->fit, n, weights) * more + 0.05) + 6 * n;
}

/* Every tile of a group from every frame_step-th frame. */
static double fit_group(struct job *j, unsigned group, uint32_t frame_step)
{
    double bits = 0;
    for (uint32_t ty = 0; ty < j->m->n_tiles_y; ty++)
        for (uint32_t tx = 0; tx < j->m->n_tiles_x; tx++)
            bits += fit_tile(j, group, ty, tx, frame_step, pxr_adaptive_tiles(j->m, group, ty) + tx);
    return bits;
}

/* ---- activity ------------------------------------------------------------------------------------ */

/* Non-negative least squares by coordinate descent. */
static void solve_features(const struct pxr_adaptive_study *s, uint16_t *out)
{
    const double most = (1 << PXR_ADAPTIVE_FEATURE_BITS) - 1;
    double w[PXR_ADAPTIVE_FEATURES] = {0};
    for (int round = 0; round < 200; round++)
        for (unsigned k = 0; k < PXR_ADAPTIVE_FEATURES; k++) {
            double rest = s->b[k];
            for (unsigned i = 0; i < PXR_ADAPTIVE_FEATURES; i++)
                rest -= i == k ? 0 : s->a[k][i] * w[i];
            w[k] = s->a[k][k] > 0 && rest > 0 ? rest / s->a[k][k] : 0;
        }
    for (unsigned k = 0; k < PXR_ADAPTIVE_FEATURES; k++)
        out[k] = (uint16_t)(w[k] * 64 + 0.5 < most ? w[k] * 64 + 0.5 : most);
}

/* Codes between which the levels are spread evenly: all but few samples. */
static void place_levels(const uint32_t codes[256], struct pxr_adaptive_model *m)
{
    uint64_t total = 0, seen = 0;
    unsigned least = 0, most = 0;
    for (unsigned c = 0; c < 256; c++)
        total += codes[c];
    for (unsigned c = 0; c < 256; c++) {
        seen += codes[c];
        if (seen * 50 < total)
            least = c;
        if (seen * 200 < total * 199)
            most = c + 1;
    }
    most = (unsigned)pxr_min_u64(pxr_max_u64(most + 1, least + PXR_ADAPTIVE_LEVELS), 200);
    m->most_code = (uint8_t)most;
    m->least_code = (uint8_t)pxr_min_u64(least, most - PXR_ADAPTIVE_LEVELS);
    pxr_adaptive_set_levels(m);
}

static void study_frames(struct job *j, uint32_t *codes)
{
    for (uint32_t i = 0; i < j->m->n_frames; i++) {
        struct pxr_adaptive_frame f = frame_of(j, frame_at(j, i));
        j->e->study[f.group].codes = codes;
        j->k->study(&f, &j->e->study[f.group]);
    }
}

static void fit_activity(struct job *j)
{
    uint32_t codes[256] = {0};
    memset(j->e->study, 0, sizeof j->e->study);
    memset(j->m->features, 0, sizeof j->m->features);
    study_frames(j, NULL);
    for (unsigned g = 0; g < PXR_ADAPTIVE_GROUPS; g++)
        solve_features(&j->e->study[g], j->m->features[g]);
    study_frames(j, codes);
    place_levels(codes, j->m);
}

/* ---- units --------------------------------------------------------------------------------------- */

/* From the last interval to the first, since rANS reads what was written last; returns the first byte. */
static uint8_t *put_intervals(const uint32_t *intervals, size_t n, uint8_t *to)
{
    uint32_t x = 1u << 16;
    while (n-- > 0) {
        const uint32_t start = intervals[n] >> 16, size = intervals[n] & 0xFFFF;
        if (x >= (uint64_t)size << 17) {
            to -= 2;
            pxr_store_u16le(to, (uint16_t)x);
            x >>= 16;
        }
        x = (x / size << PXR_ADAPTIVE_PROB_BITS) + x % size + start;
    }
    pxr_store_u32le(to - 4, x);
    return to - 4;
}

struct unit {
    size_t at, n_bytes; /* in the buffer of all units, in order of coding */
};
struct encoded {
    struct pxr_buffer params, bytes;
    struct unit *units; /* by frame */
};

/* Units in the order of coding: each begins with the state that its reference 0 ended with. */
static enum pxr_err code_units(struct job *j, struct pxr_buffer *all, struct unit *units, struct pxr_diag *diag)
{
    struct pxr_adaptive_encoder *const e = j->e;
    const size_t n_px = (size_t)j->m->width_px * j->m->height_px, n_all = n_px * 3;
    uint32_t *const intervals = (uint32_t *)(void *)pxr_scratch_get(&e->intervals, n_all * 4 + n_px * 6 + 16);
    struct pxr_adaptive_state *const states =
        (void *)pxr_scratch_get(&e->states, j->m->n_frames * sizeof *states);
    if (!intervals || !states)
        return pxr_fail_nomem(diag, n_all * 4);
    for (uint32_t i = 0; i < j->m->n_frames; i++) {
        const uint32_t t = frame_at(j, i);
        struct pxr_adaptive_frame f = frame_of(j, t);
        f.state = &states[t];
        if (f.group)
            states[t] = states[place_of(j, t).ref[0]];
        else
            pxr_adaptive_state_init(j->m, f.state);
        const size_t n = j->k->encode(&f, intervals);
        uint8_t *const end = (uint8_t *)(intervals + n_all) + n_px * 6 + 16;
        uint8_t *const first = put_intervals(intervals, n, end);
        units[t] = (struct unit){all->n_bytes, (size_t)(end - first)};
        if (!pxr_buffer_add(all, first, units[t].n_bytes))
            return pxr_fail_nomem(diag, units[t].n_bytes);
    }
    return PXR_OK;
}

/* ---- all of it ----------------------------------------------------------------------------------- */

static enum pxr_err prepare(struct job *j, const struct pxr_block_source *s, struct pxr_diag *diag)
{
    struct pxr_adaptive_encoder *const e = j->e;
    j->source = s;
    j->k = pxr_adaptive_kernels_now();
    j->plane_bytes = pxr_round_up_u64(pxr_adaptive_plane_bytes(s->shape.width_px, s->shape.height_px), 64);
    const size_t n = j->plane_bytes * N_KINDS * s->shape.n_frames;
    const size_t row = pxr_adaptive_scratch_bytes(s->shape.width_px);
    if (!pxr_scratch_get(&e->planes, n) || !pxr_scratch_get(&e->row, row))
        return pxr_fail_nomem(diag, n);
    memset(e->planes.bytes, 0, n);
    memset(e->row.bytes, 0, row);
    for (int i = 0; i < 2; i++)
        pxr_adaptive_model_fini(&e->models[i]);
    find_range(s, &e->models[0]);
    e->models[0].width_px = s->shape.width_px;
    e->models[0].height_px = s->shape.height_px;
    e->models[0].n_frames = s->shape.n_frames;
    e->models[1] = e->models[0];
    j->m = &e->models[0];
    load_values(j);
    find_robust(j);
    return PXR_OK;
}

static enum pxr_err set_tiles(struct job *j, unsigned log2, struct pxr_diag *diag)
{
    pxr_adaptive_model_fini(j->m);
    j->m->tile_log2 = (uint8_t)log2;
    return pxr_adaptive_model_init(j->m, &j->source->shape) ? PXR_OK : pxr_fail_nomem(diag, sizeof *j->m->tiles);
}

/* The side whose weights leave least, of the group with most frames. */
static enum pxr_err choose_tiles(struct job *j, struct pxr_diag *diag)
{
    const uint32_t n = j->m->n_frames;
    const unsigned group = n < 2 ? 0 : n < 4 ? 1 : 3;
    unsigned best = 0;
    double least = 0;
    for (unsigned log2 = PXR_ADAPTIVE_MIN_TILE; log2 < PXR_ADAPTIVE_MAX_TILE; log2++) {
        const enum pxr_err e = set_tiles(j, log2, diag);
        if (e != PXR_OK)
            return e;
        const double bits = fit_group(j, j->m->has_group[group] ? group : 0, n < 8 ? 1 : 3);
        if (!best || bits < least) {
            best = log2;
            least = bits;
        }
    }
    return set_tiles(j, best, diag);
}

/* Model i of an order; about the bits that a block with it will take. */
static enum pxr_err fit_block(struct job *j, int i, enum pxr_adaptive_order order, double *bits,
                              struct pxr_diag *diag)
{
    j->m = &j->e->models[i];
    j->m->order = order;
    enum pxr_err e = set_tiles(j, PXR_ADAPTIVE_MIN_TILE, diag);
    if (e != PXR_OK)
        return e;
    load_backgrounds(j);
    if ((e = choose_tiles(j, diag)) != PXR_OK)
        return e;
    *bits = 0;
    for (unsigned g = 0; g < PXR_ADAPTIVE_GROUPS; g++)
        if (j->m->has_group[g])
            *bits += fit_group(j, g, 1);
    return PXR_OK;
}

/* Parameters and units in the order and with the weights of model i. */
static enum pxr_err code_block(struct job *j, int i, struct encoded *out, struct pxr_diag *diag)
{
    j->m = &j->e->models[i];
    load_backgrounds(j);
    fit_activity(j);
    out->units = pxr_alloc_zero(j->m->n_frames, sizeof *out->units);
    if (!out->units || !pxr_adaptive_model_store(j->m, &out->params))
        return pxr_fail_nomem(diag, j->m->n_frames * sizeof *out->units);
    return code_units(j, &out->bytes, out->units, diag);
}

/* In chains; what the fits leave says whether the other order is worth a trial. */
static enum pxr_err code_smaller(struct job *j, struct encoded out[2], int *best, struct pxr_diag *diag)
{
    const uint32_t n = j->source->shape.n_frames;
    const bool can_chain = n <= PXR_ADAPTIVE_MAX_CHAIN, can_both = can_chain && n > 2;
    double bits[2] = {0, 0};
    enum pxr_err e = PXR_OK;
    *best = 0;
    if (!can_chain || can_both)
        e = fit_block(j, 1, PXR_ADAPTIVE_DYADIC, &bits[1], diag);
    if (e == PXR_OK && can_chain)
        e = fit_block(j, 0, PXR_ADAPTIVE_MIDDLE, &bits[0], diag);
    if (e == PXR_OK && can_chain)
        e = code_block(j, 0, &out[0], diag);
    if (e != PXR_OK || (can_chain && (!can_both || bits[1] > bits[0])))
        return e;
    e = code_block(j, 1, &out[1], diag);
    *best = !can_chain || out[1].params.n_bytes + out[1].bytes.n_bytes <
                              out[0].params.n_bytes + out[0].bytes.n_bytes;
    return e;
}

static bool put_block(const struct pxr_block_source *s, const struct encoded *from, struct pxr_buffer *header,
                      struct pxr_buffer *payload)
{
    bool is_ok = from->params.n_bytes <= UINT32_MAX &&
                 pxr_block_header_begin(header, &s->shape, PXR_BLOCK_ADAPTIVE, 1, from->params.bytes,
                                        (uint32_t)from->params.n_bytes);
    for (uint32_t t = 0; t < s->shape.n_frames && is_ok; t++) {
        const uint8_t *const unit = from->bytes.bytes + from->units[t].at;
        is_ok = pxr_buffer_add(payload, unit, from->units[t].n_bytes) &&
                pxr_block_header_add_unit(header, unit, from->units[t].n_bytes);
    }
    return is_ok;
}

enum pxr_err pxr_adaptive_encode(pxr_block_encoder *encoder, const struct pxr_block_source *s,
                                 const struct pxr_block_opts *o, struct pxr_buffer *header,
                                 struct pxr_buffer *payload, struct pxr_diag *diag)
{
    (void)o;
    if (!encoder->adaptive && !(encoder->adaptive = pxr_alloc_zero(1, sizeof *encoder->adaptive)))
        return pxr_fail_nomem(diag, sizeof *encoder->adaptive);
    struct job j = {.e = encoder->adaptive};
    struct encoded out[2] = {{.units = NULL}, {.units = NULL}};
    int best = 0;
    enum pxr_err e = prepare(&j, s, diag);
    if (e == PXR_OK)
        e = code_smaller(&j, out, &best, diag);
    if (e == PXR_OK && !put_block(s, &out[best], header, payload))
        e = pxr_fail_nomem(diag, out[best].bytes.n_bytes);
    for (int i = 0; i < 2; i++) {
        pxr_buffer_fini(&out[i].params);
        pxr_buffer_fini(&out[i].bytes);
        pxr_free(out[i].units);
    }
    return e;
}
