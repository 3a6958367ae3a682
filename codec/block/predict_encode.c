/* SPDX-License-Identifier: MIT
 * Codec 3: fitting weights and activity, collecting symbols, writing them.
 *
 * Floating point chooses numbers here and never decodes.  Sums run in one order whatever the machine, so
 * the bytes are the same everywhere (with -ffp-contract=off). */
#include "predict.h"

#include "diag.h"

struct pxr_predict_encoder {
    struct pxr_predict_model model;
    struct pxr_scratch planes, contexts, residuals, magnitudes, row, words;
    struct pxr_predict_sums sums;
    struct pxr_predict_activity activity[PXR_PREDICT_GROUPS][2];
    uint32_t counts[PXR_PREDICT_CONTEXTS][PXR_PREDICT_MAX_SYMBOLS];
    uint16_t starts[PXR_PREDICT_CONTEXTS][PXR_PREDICT_MAX_SYMBOLS];
};

void pxr_predict_encoder_free(struct pxr_predict_encoder *e)
{
    if (!e)
        return;
    pxr_predict_model_fini(&e->model);
    struct pxr_scratch *const all[] = {&e->planes,     &e->contexts, &e->residuals,
                                       &e->magnitudes, &e->row,      &e->words};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        pxr_free(all[i]->bytes);
    pxr_free(e);
}

/* One block on its way. */
struct job {
    struct pxr_predict_encoder *e;
    const struct pxr_block_source *source;
    struct pxr_predict_model *m;
    const struct pxr_predict_kernels *k;
    struct pxr_predict_plane *planes; /* one per frame */
    uint32_t n_frames;
    size_t n_px; /* of a frame */
    uint8_t *row;
};

static struct pxr_predict_refs refs_of(const struct job *j, uint32_t frame)
{
    return pxr_predict_refs_of(frame, j->n_frames);
}

static struct pxr_predict_frame frame_of(const struct job *j, uint32_t frame)
{
    const struct pxr_predict_refs r = refs_of(j, frame);
    const uint8_t *magnitudes = j->e->magnitudes.bytes;
    return (struct pxr_predict_frame){
        .group = r.group,
        .planes = {j->planes[frame], j->planes[r.ref[0]], j->planes[r.ref[1]]},
        .magnitudes = {magnitudes + r.ref[0] * j->n_px, magnitudes + r.ref[1] * j->n_px},
    };
}

/* Folded residuals of a frame. */
static uint8_t *residuals_of(const struct job *j, uint32_t frame)
{
    return j->e->residuals.bytes + frame * j->n_px * (j->m->depth <= 8 ? 1 : 2);
}

/* ---- range of samples --------------------------------------------------------------------------- */

/* Offset, unused low bits, and how many bits remain. */
static void find_range(const struct pxr_block_source *s, struct pxr_predict_model *m)
{
    uint32_t least = UINT32_MAX, most = 0, bits = 0;
    const uint32_t w = s->shape.width_px;
    const pxr_unaligned16 *first = (const void *)s->samples.first;
    const uint32_t base = s->shape.bits == 8 ? s->samples.first[0] : first[0];
    for (uint32_t t = 0; t < s->shape.n_frames; t++)
        for (uint32_t y = 0; y < s->shape.height_px; y++) {
            const uint8_t *row = pxr_samples_row(&s->samples, t, y);
            const pxr_unaligned16 *deep = (const void *)row;
            for (uint32_t x = 0; x < w; x++) {
                const uint32_t v = s->shape.bits == 8 ? row[x] : deep[x];
                least = v < least ? v : least;
                most = v > most ? v : most;
                bits |= v ^ base; /* bits in which any sample differs from the first */
            }
        }
    /* Samples that agree in their low bits differ by multiples of 2^shift. */
    m->shift = (uint8_t)(bits ? __builtin_ctz(bits) : 0);
    m->offset = (uint16_t)least;
    const uint32_t span = (most - least) >> m->shift;
    m->depth = (uint8_t)(span ? 32 - __builtin_clz(span) : 1);
}

/* ---- weights ------------------------------------------------------------------------------------ */

/* Solve the normal equations of the taps by elimination, with a little ridge; the anchor's own equation
 * vanishes (its tap minus itself is zero), which the ridge makes harmless. */
static void solve(const struct pxr_predict_sums *sums, unsigned n, double ridge, double *w)
{
    double a[PXR_PREDICT_INTER_TAPS][PXR_PREDICT_INTER_TAPS], b[PXR_PREDICT_INTER_TAPS];
    for (unsigned i = 0; i < n; i++) {
        b[i] = (double)sums->a[(i + 1) * PXR_FIT_STRIDE];
        for (unsigned k = 0; k < n; k++)
            a[i][k] = (double)sums->a[(i + 1) * PXR_FIT_STRIDE + k + 1];
        a[i][i] += a[i][i] * ridge + 1e-3;
    }
    for (unsigned i = 0; i < n; i++)
        for (unsigned r = i + 1; r < n; r++) {
            const double f = a[r][i] / a[i][i];
            for (unsigned k = i; k < n; k++)
                a[r][k] -= f * a[i][k];
            b[r] -= f * b[i];
        }
    for (unsigned i = n; i-- > 0;) {
        double sum = b[i];
        for (unsigned k = i + 1; k < n; k++)
            sum -= a[i][k] * w[k];
        w[i] = sum / a[i][i];
    }
}

static int32_t round_to_int(double v, int32_t most)
{
    if (!(v > -(double)most)) /* also what is not a number */
        return -most;
    if (v > (double)most)
        return most;
    return (int32_t)(v < 0 ? v - 0.5 : v + 0.5);
}

/* Whole weights that sum to one; rounding errors are carried on, and the anchor takes the rest.  false:
 * they exceed what the sums can hold. */
static bool quantise(const double *w, unsigned n, unsigned anchor, uint8_t depth,
                     struct pxr_predict_tile *tile)
{
    const int32_t one = depth > 8 ? 256 : 64, most = depth > 8 ? 1023 : 127;
    double carry = 0;
    int32_t total = 0;
    for (unsigned k = 0; k < n; k++) {
        if (k == anchor)
            continue;
        const double exact = w[k] * one;
        tile->w[k] = (int16_t)round_to_int(exact + carry, most);
        carry += exact - tile->w[k];
        carry = carry > 1 || carry < -1 || carry != carry ? 0 : carry;
        total += tile->w[k];
    }
    const int32_t rest = one - total;
    tile->w[anchor] = (int16_t)rest; /* at most 15 x 1023 + 256 */
    return rest <= most && rest >= -most && pxr_predict_weights_fit(tile->w, n, depth);
}

static void fit_tile(struct job *j, unsigned group, unsigned phase, uint32_t ty, uint32_t tx,
                     float robust)
{
    const unsigned n = pxr_predict_n_taps(group), anchor = group ? (phase ? 5 : 4) : 0;
    struct pxr_predict_sums *sums = &j->e->sums;
    struct pxr_predict_tile *tile = pxr_predict_tiles(j->m, group, phase, ty) + tx;
    memset(sums, 0, sizeof *sums);
    /* Half of all frames are in the last group: every eighth row of them is enough. */
    const uint32_t step = group == 3 && j->n_frames > 8 ? 8 : group ? 4 : 2;
    for (uint32_t f = 0; f < j->n_frames; f++) {
        if (refs_of(j, f).group != group)
            continue;
        const struct pxr_predict_frame frame = frame_of(j, f);
        j->k->fit(j->m, &frame, phase, ty, tx, step, f * 5, robust, sums);
    }
    double w[PXR_PREDICT_INTER_TAPS];
    bool is_good = false;
    for (double ridge = 2e-5; ridge < 10 && !is_good; ridge *= 20) {
        solve(sums, n, ridge, w);
        is_good = quantise(w, n, anchor, j->m->depth, tile);
    }
    if (!is_good) {
        memset(tile->w, 0, sizeof tile->w);
        tile->w[anchor] = j->m->depth > 8 ? 256 : 64;
    }
    double bias = 0;
    if (sums->weight > 0) {
        bias = sums->target * (j->m->depth > 8 ? 256 : 64);
        for (unsigned k = 0; k < n; k++)
            bias -= tile->w[k] * sums->taps[k];
        bias /= sums->weight;
    }
    tile->bias = round_to_int(bias, j->m->depth > 8 ? 1 << 20 : 4000);
}

/* A typical difference between neighbours, squared: what the robust weights compare with. */
static float typical_difference(const struct job *j)
{
    const struct pxr_block_source *s = j->source;
    uint64_t sum = 0, n = 0;
    for (uint32_t t = 0; t < j->n_frames; t += 3)
        for (uint32_t y = t % 4; y < s->shape.height_px; y += 4) {
            const uint8_t *row = pxr_samples_row(&s->samples, t, y);
            const uint8_t *old = pxr_samples_row(&s->samples, t ? t - 1 : 0, y);
            for (uint32_t x = 1; x < s->shape.width_px; x += 5) {
                int v, left, before;
                if (s->shape.bits == 8) {
                    v = row[x];
                    left = row[x - 1];
                    before = old[x];
                } else {
                    v = ((const pxr_unaligned16 *)(const void *)row)[x];
                    left = ((const pxr_unaligned16 *)(const void *)row)[x - 1];
                    before = ((const pxr_unaligned16 *)(const void *)old)[x];
                }
                const int a = v > left ? v - left : left - v, b = v > before ? v - before : before - v;
                sum += (uint64_t)(t && b < a ? b : a);
                n++;
            }
        }
    const double mean = n ? (double)sum / (double)n / (double)(1u << j->m->shift) : 0;
    return (float)(4 * mean * mean + 0.25);
}

static void fit_weights(struct job *j)
{
    const float robust = typical_difference(j);
    for (unsigned g = 0; g < PXR_PREDICT_GROUPS; g++)
        for (unsigned phase = 0; j->m->has_group[g] && phase < 2; phase++)
            for (uint32_t ty = 0; ty < j->m->n_tiles_y; ty++)
                for (uint32_t tx = 0; tx < j->m->n_tiles_x; tx++)
                    fit_tile(j, g, phase, ty, tx, robust);
}

/* ---- activity ----------------------------------------------------------------------------------- */

/* Residuals of all frames, and the magnitudes that are kept of them: on average an eighth of their
 * range, so that large ones still differ. */
static void find_residuals(struct job *j)
{
    uint64_t sum = 0;
    for (uint32_t f = 0; f < j->n_frames; f++) {
        const struct pxr_predict_frame frame = frame_of(j, f);
        j->k->residuals(j->m, &frame, j->row, residuals_of(j, f));
    }
    const size_t n_all = j->n_frames * j->n_px;
    for (size_t i = 0; j->m->depth > 8 && i < n_all; i++)
        sum += ((const uint16_t *)(const void *)j->e->residuals.bytes)[i] / 2;
    unsigned shift = 0;
    while (shift < 8 && sum / n_all >> shift > 32)
        shift++;
    j->m->magnitude_shift = (uint8_t)shift;
    j->k->magnitudes(j->m, j->e->residuals.bytes, n_all, j->e->magnitudes.bytes);
}

/* Least squares with weights that are not negative, by coordinate descent; then scaled to the largest
 * that a header can say. */
static void solve_features(const struct pxr_predict_activity *s, uint8_t out[PXR_PREDICT_FEATURES])
{
    double w[PXR_PREDICT_FEATURES] = {0}, most = 0;
    for (int round = 0; round < 200; round++)
        for (unsigned i = 0; i < PXR_PREDICT_FEATURES; i++) {
            if (!(s->a[i][i] > 1e-9))
                continue;
            double rest = s->b[i];
            for (unsigned k = 0; k < PXR_PREDICT_FEATURES; k++)
                rest -= k == i ? 0 : s->a[i][k] * w[k];
            w[i] = rest > 0 ? rest / s->a[i][i] : 0;
        }
    for (unsigned i = 0; i < PXR_PREDICT_FEATURES; i++)
        most = w[i] > most ? w[i] : most;
    const double scale = most > 0 ? PXR_PREDICT_MAX_FEATURE / most : 0;
    bool has_any = false;
    for (unsigned i = 0; i < PXR_PREDICT_FEATURES; i++) {
        out[i] = (uint8_t)round_to_int(w[i] * scale, PXR_PREDICT_MAX_FEATURE);
        has_any |= out[i] != 0;
    }
    if (!has_any)
        out[0] = PXR_PREDICT_MAX_FEATURE;
}

/* Thresholds at equal ratios between the 4 % and the 99 % quantile. */
static void place_thresholds(const uint32_t histogram[256], uint32_t thresholds[PXR_PREDICT_LEVELS - 1])
{
    uint64_t total = 0, seen = 0;
    unsigned low = 0, high = 0;
    for (unsigned c = 0; c < 256; c++)
        total += histogram[c];
    for (unsigned c = 0; c < 256; c++) {
        seen += histogram[c];
        if (seen * 25 < total)
            low = c + 1;
        if (seen * 100 < total * 99)
            high = c + 1;
    }
    low = low < 255 ? low : 254;
    high = high < 255 ? high : 254;
    high = high < low + PXR_PREDICT_LEVELS - 2 ? low + PXR_PREDICT_LEVELS - 2 : high;
    if (high > 254) {
        high = 254;
        low = high - (PXR_PREDICT_LEVELS - 2);
    }
    /* Codes are a logarithm (5 bits of mantissa), so equal ratios are nearly equal steps of codes. */
    for (unsigned k = 0; k < PXR_PREDICT_LEVELS - 1; k++)
        thresholds[k] =
            pxr_predict_threshold((uint8_t)(low + (high - low) * k / (PXR_PREDICT_LEVELS - 2)));
}

static void fit_activity(struct job *j)
{
    struct pxr_predict_activity(*sums)[2] = j->e->activity;
    uint32_t histogram[2][256];
    memset(j->e->activity, 0, sizeof j->e->activity);
    memset(histogram, 0, sizeof histogram);
    for (int pass = 0; pass < 2; pass++) {
        for (uint32_t f = 0; f < j->n_frames; f++) {
            const struct pxr_predict_frame frame = frame_of(j, f);
            j->k->activity(j->m, &frame, residuals_of(j, f), 16, f * 7 + 3, j->row, sums[frame.group],
                           pass ? histogram : NULL);
        }
        for (unsigned g = 0; !pass && g < PXR_PREDICT_GROUPS; g++)
            for (unsigned phase = 0; phase < 2; phase++)
                solve_features(&sums[g][phase], j->m->features[g][phase]);
    }
    for (unsigned phase = 0; phase < 2; phase++)
        place_thresholds(histogram[phase], j->m->thresholds[phase]);
}

/* ---- symbols ------------------------------------------------------------------------------------ */

static uint32_t folded_at(const struct job *j, size_t i)
{
    return j->m->depth <= 8 ? j->e->residuals.bytes[i]
                            : ((const uint16_t *)(const void *)j->e->residuals.bytes)[i];
}

static void collect(struct job *j)
{
    struct pxr_predict_encoder *e = j->e;
    memset(e->counts, 0, sizeof e->counts);
    for (uint32_t f = 0; f < j->n_frames; f++) {
        const struct pxr_predict_frame frame = frame_of(j, f);
        const size_t at = f * j->n_px;
        j->k->contexts(j->m, &frame, residuals_of(j, f), j->row, e->contexts.bytes + at);
        for (size_t i = at; i < at + j->n_px; i++) {
            const uint32_t z = folded_at(j, i);
            e->counts[e->contexts.bytes[i]][j->m->depth <= 8 ? z : pxr_token_of(z)]++;
        }
    }
    for (unsigned c = 0; c < PXR_PREDICT_CONTEXTS; c++) {
        uint32_t start = 0;
        pxr_predict_normalise(e->counts[c], pxr_predict_n_symbols(j->m), j->m->freq[c]);
        for (unsigned s = 0; s < pxr_predict_n_symbols(j->m); s++) {
            e->starts[c][s] = (uint16_t)start;
            start += j->m->freq[c][s];
        }
    }
}

/* Words are written backwards, from the last one on. */
static inline uint32_t make_room(uint32_t x, uint64_t limit, uint8_t **to)
{
    if (x < limit)
        return x;
    *to -= 2;
    pxr_store_u16le(*to, (uint16_t)x);
    return x >> 16;
}

static inline uint32_t put_symbol(uint32_t x, uint32_t freq, uint32_t start, uint8_t **to)
{
    x = make_room(x, (uint64_t)freq << (32 - PXR_PREDICT_TABLE_BITS), to);
    return ((x / freq) << PXR_PREDICT_TABLE_BITS) + x % freq + start;
}

static inline uint32_t put_raw(uint32_t x, uint32_t v, unsigned n, uint8_t **to)
{
    x = make_room(x, (uint64_t)1 << (32 - n), to);
    return x << n | v;
}

/* One half row in reverse: in each chunk the raw bits, which are read last, then the symbols. */
static void put_half_row(const struct job *j, size_t at, size_t n, uint32_t *x, uint8_t **to)
{
    const struct pxr_predict_encoder *e = j->e;
    const size_t lanes = (size_t)1 << j->m->lanes_log2;
    const bool is_deep = j->m->depth > 8;
    for (size_t chunk = (n + lanes - 1) / lanes; chunk-- > 0;) {
        const size_t first = at + chunk * lanes, count = pxr_min_u64(lanes, n - chunk * lanes);
        for (size_t i = count; is_deep && i-- > 0;) {
            const uint32_t z = folded_at(j, first + i), t = pxr_token_of(z);
            const unsigned raw = pxr_token_raw_bits(t);
            x[i] = put_raw(x[i], z & ((1u << raw) - 1), raw, to);
        }
        for (size_t i = count; i-- > 0;) {
            const uint32_t z = folded_at(j, first + i), s = is_deep ? pxr_token_of(z) : z;
            const unsigned c = e->contexts.bytes[first + i];
            x[i] = put_symbol(x[i], j->m->freq[c][s], e->starts[c][s], to);
        }
    }
}

static enum pxr_err put_unit(struct job *j, uint32_t frame, struct pxr_buffer *header,
                             struct pxr_buffer *payload, struct pxr_diag *diag)
{
    const struct pxr_predict_model *m = j->m;
    const size_t lanes = (size_t)1 << m->lanes_log2, room = 4 * j->n_px + 4 * lanes + 16;
    const size_t n_half[2] = {(m->width_px + 1) / 2, m->width_px / 2};
    uint8_t *words = pxr_scratch_get(&j->e->words, room);
    uint32_t x[PXR_PREDICT_MAX_LANES];
    if (!words)
        return pxr_fail_nomem(diag, room);
    uint8_t *to = words + room, *const end = to;
    for (size_t i = 0; i < lanes; i++)
        x[i] = PXR_RANS_LOW;
    for (uint32_t y = m->height_px; y-- > 0;)
        for (unsigned phase = 2; phase-- > 0;)
            put_half_row(j, frame * j->n_px + (size_t)y * m->width_px + (phase ? n_half[0] : 0),
                         n_half[phase], x, &to);
    to -= 4 * lanes;
    for (size_t i = 0; i < lanes; i++)
        pxr_store_u32le(to + 4 * i, x[i]);
    if (!pxr_buffer_add(payload, to, (size_t)(end - to)) ||
        !pxr_block_header_add_unit(header, to, (size_t)(end - to)))
        return pxr_fail_nomem(diag, room);
    return PXR_OK;
}

/* ---- all of it ---------------------------------------------------------------------------------- */

/* More lanes decode faster, fewer cost less: their states are 4 bytes each per unit. */
static uint8_t choose_lanes(const struct pxr_block_shape *s)
{
    const uint64_t n_px = (uint64_t)s->width_px * s->height_px;
    return n_px >= 65536 ? 6 : n_px >= 8192 ? 5 : 4;
}

static enum pxr_err prepare(struct job *j, const struct pxr_block_source *s, struct pxr_diag *diag)
{
    struct pxr_predict_encoder *e = j->e;
    struct pxr_predict_model *m = j->m;
    pxr_predict_model_fini(m);
    if (!pxr_predict_model_init(m, &s->shape))
        return pxr_fail_nomem(diag, pxr_predict_n_tiles(m) * sizeof *m->tiles);
    find_range(s, m);
    m->lanes_log2 = choose_lanes(&s->shape);
    j->source = s;
    j->n_frames = s->shape.n_frames;
    j->n_px = (size_t)s->shape.width_px * s->shape.height_px;
    j->k = pxr_predict_kernels_for(m);
    for (uint32_t f = 0; f < j->n_frames; f++)
        m->has_group[refs_of(j, f).group] = true;
    const size_t plane = pxr_round_up_u64(pxr_predict_plane_bytes(m->width_px, m->height_px, m->depth), 64);
    const size_t list = pxr_round_up_u64(j->n_frames * sizeof *j->planes, 64);
    const size_t sample = m->depth <= 8 ? 1 : 2, n_all = j->n_frames * j->n_px;
    uint8_t *planes = pxr_scratch_get(&e->planes, list + j->n_frames * plane);
    j->row = pxr_scratch_get(&e->row, pxr_predict_row_bytes(m->width_px));
    if (!planes || !j->row || !pxr_scratch_get(&e->contexts, n_all) ||
        !pxr_scratch_get(&e->residuals, n_all * sample) || !pxr_scratch_get(&e->magnitudes, n_all))
        return pxr_fail_nomem(diag, j->n_frames * plane);
    memset(planes, 0, list + j->n_frames * plane);
    j->planes = (void *)planes;
    const size_t half = pxr_predict_half(m->width_px);
    for (uint32_t f = 0; f < j->n_frames; f++)
        j->planes[f] = (struct pxr_predict_plane){planes + list + f * plane, half, 2 * half};
    return PXR_OK;
}

static void load_planes(struct job *j)
{
    for (uint32_t f = 0; f < j->n_frames; f++)
        j->k->load_plane(j->m, j->source->shape.bits, pxr_samples_row(&j->source->samples, f, 0),
                         j->source->samples.row_stride_bytes, &j->planes[f]);
}

enum pxr_err pxr_predict_encode(pxr_block_encoder *encoder, const struct pxr_block_source *s,
                                struct pxr_buffer *header, struct pxr_buffer *payload,
                                struct pxr_diag *diag)
{
    if (!encoder->predict && !(encoder->predict = pxr_alloc_zero(1, sizeof *encoder->predict)))
        return pxr_fail_nomem(diag, sizeof *encoder->predict);
    struct job j = {.e = encoder->predict, .m = &encoder->predict->model};
    struct pxr_buffer params = {0};
    enum pxr_err err = prepare(&j, s, diag);
    if (err != PXR_OK)
        return err;
    load_planes(&j);
    fit_weights(&j);
    find_residuals(&j);
    fit_activity(&j);
    collect(&j);
    if (!pxr_predict_model_store(j.m, &params) || params.n_bytes > UINT32_MAX ||
        !pxr_block_header_begin(header, &s->shape, PXR_BLOCK_PREDICT, 1, params.bytes,
                                (uint32_t)params.n_bytes))
        err = pxr_fail_nomem(diag, params.n_bytes);
    for (uint32_t f = 0; f < j.n_frames && err == PXR_OK; f++)
        err = put_unit(&j, f, header, payload, diag);
    pxr_buffer_fini(&params);
    return err;
}
