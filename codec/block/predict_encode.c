/* SPDX-License-Identifier: MIT
 * Codec 3: fitting weights and activity, collecting symbols, writing them.
 *
 * Floating point chooses numbers here and never decodes.  Sums run in one order whatever the machine, so
 * the bytes are the same everywhere (with -ffp-contract=off). */
#include "bitio.h"
#include "diag.h"
#include "linear.h"
#include "predict_choose.h"

struct pxr_predict_encoder {
    struct pxr_predict_model model;
    struct pxr_scratch tables, residuals, row, words, sums, motion;
    struct pxr_predict_activity activity[PXR_PREDICT_GROUPS][2];
    uint32_t counts[PXR_PREDICT_CONTEXTS][PXR_PREDICT_MAX_SYMBOLS];
    struct pxr_predict_coders coders;
    struct pxr_sharing sharing;
};

void pxr_predict_encoder_free(struct pxr_predict_encoder *e)
{
    if (!e)
        return;
    pxr_predict_model_fini(&e->model);
    struct pxr_scratch *const all[] = {&e->tables, &e->residuals, &e->row, &e->words,
                                       &e->sums,   &e->motion};
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
    uint32_t n_frames;
    size_t n_px; /* of a frame */
    uint8_t *row;
    bool is_direct; /* nothing is predicted but the usual sample */
    uint16_t usual;
};

static struct pxr_predict_refs refs_of(const struct job *j, uint32_t frame)
{
    return pxr_predict_refs_of(j->m->order, frame, j->n_frames);
}

static size_t n_tiles_of(const struct job *j) { return (size_t)j->m->n_tiles_x * j->m->n_tiles_y; }

/* How the tiles of a frame's reference have moved; NULL: not at all. */
static const struct pxr_predict_motion *motion_of(const struct job *j, uint32_t frame, unsigned ref)
{
    const struct pxr_predict_motion *motion = (const void *)j->e->motion.bytes;
    return j->m->flags & PXR_PREDICT_MOTION ? motion + (2 * (size_t)frame + ref) * n_tiles_of(j) : NULL;
}

static struct pxr_predict_rows rows_of(const struct job *j, uint32_t frame,
                                       const struct pxr_predict_motion *motion)
{
    return (struct pxr_predict_rows){pxr_samples_row(&j->source->samples, frame, 0),
                                     j->source->samples.row_stride_bytes, motion};
}

static struct pxr_predict_frame frame_of(const struct job *j, uint32_t frame)
{
    const struct pxr_predict_refs r = refs_of(j, frame);
    return (struct pxr_predict_frame){
        .group = r.group,
        .bits = j->source->shape.bits,
        .x = rows_of(j, frame, NULL),
        .ref = {rows_of(j, r.ref[0], motion_of(j, frame, 0)),
                rows_of(j, r.ref[1], motion_of(j, frame, r.ref[0] != r.ref[1]))},
    };
}

/* Folded residuals of a frame. */
static uint8_t *residuals_of(const struct job *j, uint32_t frame)
{
    return j->e->residuals.bytes + frame * j->n_px * (j->m->depth <= 8 ? 1 : 2);
}

/* ---- weights ------------------------------------------------------------------------------------ */

/* Solve the normal equations of the taps, with a little ridge; the anchor's own equation
 * vanishes (its tap minus itself is zero), which the ridge makes harmless. */
static void solve(const struct pxr_predict_sums *sums, unsigned n, double ridge, double *w)
{
    double a[PXR_PREDICT_INTER_TAPS][PXR_PREDICT_INTER_TAPS + 1];
    for (unsigned i = 0; i < n; i++) {
        for (unsigned k = 0; k <= i; k++)
            a[i][k] = a[k][i] = pxr_sum_parts(sums->products[pxr_product(k + 1, i + 1)]);
        a[i][i] += a[i][i] * ridge + 1e-3;
    }
    for (unsigned i = 0; i < n; i++)
        a[i][n] = pxr_sum_parts(sums->products[pxr_product(0, i + 1)]);
    pxr_solve(a[0], PXR_PREDICT_INTER_TAPS + 1, n, w);
}

static int32_t round_to_int(double v, int32_t most)
{
    if (!(v > -(double)most)) /* also what is not a number */
        return -most;
    if (v > (double)most)
        return most;
    return (int32_t)(v < 0 ? v - 0.5 : v + 0.5);
}

/* What makes the weighted mean of the residuals zero. */
static int32_t bias_of(const struct pxr_predict_sums *sums, unsigned n, int32_t one,
                       const struct pxr_predict_tile *tile)
{
    const double weight = pxr_sum_parts(sums->weight);
    double bias = pxr_sum_parts(sums->values[0]) * one;
    int32_t total = 0;
    for (unsigned k = 0; k < n; k++) {
        bias -= tile->w[k] * pxr_sum_parts(sums->values[k + 1]);
        total += tile->w[k];
    }
    bias += (one - total) * pxr_sum_parts(sums->base); /* values are differences from it */
    return weight > 0 ? round_to_int(bias / weight, 1 << 20) : 0;
}

/* Whole weights that sum to one; rounding errors are carried on, and the anchor takes the rest.  false:
 * they exceed what the sums can hold. */
static bool quantise(const double *w, unsigned n, unsigned anchor, const struct pxr_predict_sums *sums,
                     uint8_t depth, struct pxr_predict_tile *tile)
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
    tile->bias = bias_of(sums, n, one, tile);
    return rest <= most && rest >= -most && pxr_predict_tile_fits(tile, n, depth);
}

static void solve_tile(const struct job *j, unsigned group, unsigned phase,
                       const struct pxr_predict_sums *sums, struct pxr_predict_tile *tile)
{
    const unsigned n = pxr_predict_n_taps(group), anchor = group ? (phase ? 5 : 4) : 0;
    double w[PXR_PREDICT_INTER_TAPS];
    bool is_good = false;
    for (double ridge = 2e-5; ridge < 10 && !is_good; ridge *= 20) {
        solve(sums, n, ridge, w);
        is_good = quantise(w, n, anchor, sums, j->m->depth, tile);
    }
    if (!is_good) {
        *tile = (struct pxr_predict_tile){.bias = 0};
        tile->w[anchor] = j->m->depth > 8 ? 256 : 64;
    }
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

/* The weights of one row of tiles of a group. */
static void fit_tile_row(struct job *j, unsigned group, uint32_t tile_y, float robust)
{
    struct pxr_predict_model *m = j->m;
    struct pxr_predict_sums *sums = (void *)j->e->sums.bytes;
    /* Half of all frames are in the last group: fewer rows of them are enough; more of small frames. */
    const uint32_t usual = group == 3 && j->n_frames > 8 ? 16 : group ? 8 : 4;
    const uint32_t step = j->n_px < 1 << 17 ? usual / 2 : usual;
    memset(sums, 0, 2 * m->n_tiles_x * sizeof *sums);
    for (uint32_t f = 0; f < j->n_frames; f++)
        if (refs_of(j, f).group == group) {
            const struct pxr_predict_frame frame = frame_of(j, f);
            j->k->fit(m, &frame, tile_y, step, f * 5, robust, j->row, sums);
        }
    for (unsigned phase = 0; phase < 2; phase++)
        for (uint32_t x = 0; x < m->n_tiles_x; x++)
            solve_tile(j, group, phase, sums + phase * m->n_tiles_x + x,
                       m->tiles + pxr_predict_tile_row(m, group, phase, tile_y) + x);
}

static void fit_weights(struct job *j)
{
    const float robust = typical_difference(j);
    for (unsigned g = 0; g < PXR_PREDICT_GROUPS; g++)
        for (uint32_t y = 0; j->m->has_group[g] && y < j->m->n_tiles_y; y++)
            fit_tile_row(j, g, y, robust);
    pxr_predict_model_pack_tiles(j->m);
}

/* All weights are zero: contexts alone know the neighbours.  Where few photons are counted, a mean of neighbours hits
 * between the peaks, and differences from it smear them. */
static void set_direct_weights(struct job *j)
{
    struct pxr_predict_model *m = j->m;
    const uint32_t v = m->rank_of ? m->rank_of[j->usual] : (uint32_t)(j->usual - m->offset) >> m->shift;
    const uint32_t most = (1u << m->depth) - 1; /* of a part of the block, whose samples may all be lower */
    const struct pxr_predict_tile tile = {.bias = (int32_t)((v < most ? v : most) << (m->depth > 8 ? 8 : 6))};
    for (size_t i = 0; i < pxr_predict_n_tiles(m); i++)
        m->tiles[i] = tile;
    pxr_predict_model_pack_tiles(m);
}

/* ---- activity ----------------------------------------------------------------------------------- */

static void sum_activity(struct job *j, uint32_t row_step, uint32_t (*counts)[256])
{
    for (uint32_t f = 0; f < j->n_frames; f++) {
        const struct pxr_predict_frame frame = frame_of(j, f);
        j->k->activity(j->m, &frame, row_step, f * 7 + 3, j->row, j->e->activity[frame.group], counts);
    }
}

/* From the mean of a sixteenth of all magnitudes: so that most of them, shifted, fit a byte with room above. */
static void choose_feature_shift(struct job *j)
{
    double sum = 0, n = 0;
    const uint32_t step = j->n_frames > 4 ? j->n_frames / 4 : 1;
    if (j->m->depth <= 8)
        return;
    for (uint32_t f = step - 1; f < j->n_frames; f += step) {
        const struct pxr_predict_frame frame = frame_of(j, f);
        j->k->scan(j->m, &frame, j->row, j->e->tables.bytes, j->e->residuals.bytes);
        const uint16_t *z = (const void *)j->e->residuals.bytes;
        for (size_t i = 0; i < j->n_px; i++, n++)
            sum += z[i] / 2;
    }
    while (j->m->feature_shift < j->m->depth - 8 && sum / n > 24 << j->m->feature_shift)
        j->m->feature_shift++;
}

static void fit_activity(struct job *j)
{
    struct pxr_predict_model *m = j->m;
    uint32_t counts[2][256] = {{0}};
    memset(m->features, 0, sizeof m->features);
    memset(m->calm, 0, sizeof m->calm);
    m->feature_shift = 0;
    m->activity_shift[0] = m->activity_shift[1] = 1;
    choose_feature_shift(j);
    for (int round = 0; round < 2; round++) { /* the second one with the first one's weights */
        memset(j->e->activity, 0, sizeof j->e->activity);
        sum_activity(j, round ? 16 : 32, NULL);
        pxr_choose_features(m, j->e->activity);
    }
    sum_activity(j, 32, counts);
    for (unsigned phase = 0; phase < 2; phase++)
        m->activity_shift[phase] = pxr_choose_thresholds(counts[phase], m->thresholds[phase]);
    pxr_predict_model_set_levels(m);
}

/* ---- symbols ------------------------------------------------------------------------------------ */

/* Every context is a table of its own while symbols are counted. */
static void scan(struct job *j)
{
    struct pxr_predict_encoder *e = j->e;
    for (unsigned c = 0; c < PXR_PREDICT_CONTEXTS; c++)
        j->m->table_of[c / PXR_PREDICT_PHASE_CONTEXTS][c % PXR_PREDICT_PHASE_CONTEXTS] = (uint8_t)c;
    memset(e->counts, 0, sizeof e->counts);
    for (uint32_t f = 0; f < j->n_frames; f++) {
        const struct pxr_predict_frame frame = frame_of(j, f);
        uint8_t *const tables = e->tables.bytes + f * j->n_px, *const z8 = residuals_of(j, f);
        const uint16_t *const z16 = (const void *)z8;
        j->k->scan(j->m, &frame, j->row, tables, z8);
        if (j->m->depth <= 8)
            for (size_t i = 0; i < j->n_px; i++)
                e->counts[tables[i]][z8[i]]++;
        else
            for (size_t i = 0; i < j->n_px; i++)
                e->counts[tables[i]][pxr_token_of(z16[i])]++;
    }
}

/* Contexts share tables where that costs less; then counts become frequencies.  Returns about how many bits all
 * of it takes, in 1/65536. */
static uint64_t make_tables(struct job *j)
{
    struct pxr_predict_encoder *e = j->e;
    struct pxr_predict_model *m = j->m;
    const unsigned n_symbols = pxr_predict_n_symbols(m);
    uint64_t bits = pxr_choose_tables(m, &e->sharing, e->counts);
    for (unsigned t = 0; t < m->n_tables; t++) {
        for (unsigned k = 0; m->depth > 8 && k < n_symbols; k++)
            bits += (uint64_t)e->counts[t][k] * pxr_token_raw_bits(k) << 16;
        pxr_predict_normalise(e->counts[t], n_symbols, m->freq[t]);
    }
    return bits;
}

/* The words of a frame, written backwards to end; returns where they begin.  x: the states to start with. */
static uint8_t *put_frame(const struct job *j, uint32_t frame, uint32_t *x, uint8_t *end)
{
    const size_t n_even = (j->m->width_px + 1) / 2, n_half[2] = {n_even, j->m->width_px / 2};
    const size_t lanes = (size_t)1 << j->m->lanes_log2, sample_bytes = j->m->depth <= 8 ? 1 : 2;
    const uint8_t *contexts = j->e->tables.bytes + frame * j->n_px, *z = residuals_of(j, frame);
    for (size_t y = j->m->height_px; y-- > 0;)
        for (unsigned phase = 2; phase-- > 0;) {
            const size_t at = y * j->m->width_px + (phase ? n_even : 0);
            end = j->k->put(&j->e->coders, contexts + at, z + at * sample_bytes, n_half[phase], lanes, x, end);
        }
    return end;
}

/* What a unit begins with: the motion of each reference.  false: no memory. */
static bool put_motion(const struct job *j, uint32_t frame, struct pxr_buffer *payload)
{
    const struct pxr_predict_refs r = refs_of(j, frame);
    struct pxr_bit_writer w = {.to = payload};
    if (!r.group || !(j->m->flags & PXR_PREDICT_MOTION))
        return true;
    for (unsigned i = 0; i < (r.ref[0] == r.ref[1] ? 1u : 2u); i++)
        pxr_predict_put_motion(&w, motion_of(j, frame, i), n_tiles_of(j));
    pxr_bits_end(&w);
    return !w.is_failed;
}

static enum pxr_err put_unit(struct job *j, uint32_t frame, struct pxr_buffer *header,
                             struct pxr_buffer *payload, struct pxr_diag *diag)
{
    const size_t lanes = (size_t)1 << j->m->lanes_log2, room = 4 * j->n_px + 4 * lanes + 64;
    const size_t start = payload->n_bytes;
    uint8_t *words = pxr_scratch_get(&j->e->words, room);
    uint32_t x[PXR_PREDICT_MAX_LANES];
    if (!words)
        return pxr_fail_nomem(diag, room);
    for (size_t i = 0; i < lanes; i++)
        x[i] = PXR_RANS_LOW;
    uint8_t *to = put_frame(j, frame, x, words + room) - 4 * lanes;
    for (size_t i = 0; i < lanes; i++)
        pxr_store_u32le(to + 4 * i, x[i]);
    if (!put_motion(j, frame, payload) || !pxr_buffer_add(payload, to, (size_t)(words + room - to)) ||
        !pxr_block_header_add_unit(header, payload->bytes + start, payload->n_bytes - start))
        return pxr_fail_nomem(diag, room);
    return PXR_OK;
}

/* ---- all of it ---------------------------------------------------------------------------------- */

/* More lanes decode faster, fewer cost less: their states are 4 bytes each per unit. */
static uint8_t choose_lanes(const struct pxr_block_shape *s)
{
    const uint64_t n_px = (uint64_t)s->width_px * s->height_px;
    return n_px >= 1 << 17 ? 6 : n_px >= 1 << 14 ? 5 : 4;
}

static enum pxr_err prepare(struct job *j, const struct pxr_block_source *s, struct pxr_diag *diag)
{
    struct pxr_predict_encoder *e = j->e;
    struct pxr_predict_model *m = j->m;
    pxr_predict_model_fini(m);
    if (!pxr_predict_model_init(m, &s->shape) || !pxr_choose_values(m, s))
        return pxr_fail_nomem(diag, pxr_predict_n_tiles(m) * sizeof *m->tiles);
    m->lanes_log2 = choose_lanes(&s->shape);
    j->source = s;
    j->n_frames = s->shape.n_frames;
    j->n_px = (size_t)s->shape.width_px * s->shape.height_px;
    j->k = pxr_predict_kernels_for(m);
    const size_t n_all = j->n_frames * j->n_px, n_sums = 2 * (size_t)m->n_tiles_x;
    j->row = pxr_scratch_get(&e->row, pxr_predict_row_bytes(m->width_px));
    if (!j->row || !pxr_scratch_get(&e->tables, n_all) ||
        !pxr_scratch_get(&e->residuals, n_all * (m->depth <= 8 ? 1 : 2)) ||
        !pxr_scratch_get(&e->sums, n_sums * sizeof(struct pxr_predict_sums)) ||
        !pxr_scratch_get(&e->motion, 2 * j->n_frames * n_tiles_of(j) * sizeof(struct pxr_predict_motion)))
        return pxr_fail_nomem(diag, n_all);
    return PXR_OK;
}

/* Everything but the words, for one order of frames.  Returns about how many bits it will take,
 * in 1/65536. */
static uint64_t fit(struct job *j, enum pxr_predict_order order)
{
    struct pxr_predict_model *m = j->m;
    m->order = order;
    memset(m->has_group, 0, sizeof m->has_group);
    for (uint32_t f = 0; f < j->n_frames; f++)
        m->has_group[refs_of(j, f).group] = true;
    m->flags &= (uint8_t)~PXR_PREDICT_MOTION;
    if (!j->is_direct && pxr_choose_motion(m, j->k, j->source, (void *)j->e->motion.bytes))
        m->flags |= PXR_PREDICT_MOTION;
    if (j->is_direct)
        set_direct_weights(j);
    else
        fit_weights(j);
    fit_activity(j);
    scan(j);
    return make_tables(j);
}

/* Samples that reading one frame may decode: 2 to 4 ms.  With few there is nothing to choose by. */
#define MIN_CHAIN_SAMPLES ((uint64_t)1 << 16)
#define MAX_CHAIN_SAMPLES ((uint64_t)1 << 21)

/* A quarter of the rows, from the middle, is what choices are tried on. */
static struct pxr_block_source part_of(const struct pxr_block_source *s)
{
    const uint32_t rows = (uint32_t)pxr_min_u64(s->shape.height_px, pxr_max_u64(32, s->shape.height_px / 4));
    struct pxr_block_source part = *s;
    part.shape.height_px = rows;
    part.samples.first += (s->shape.height_px - rows) / 2 * s->samples.row_stride_bytes;
    return part;
}

/* Each frame after the one before compresses slow changes better, but a frame then needs all before it.  3 % must be
 * won. */
static enum pxr_err choose_order(struct job *j, const struct pxr_block_source *s,
                                 enum pxr_predict_order *order, struct pxr_diag *diag)
{
    const uint64_t n_px = (uint64_t)s->shape.width_px * s->shape.height_px;
    const struct pxr_block_source part = part_of(s);
    *order = PXR_ORDER_DYADIC;
    if (s->shape.n_frames < 4 || s->shape.n_frames > PXR_PREDICT_MAX_CHAIN ||
        s->shape.n_frames * n_px < MIN_CHAIN_SAMPLES || s->shape.n_frames * n_px > MAX_CHAIN_SAMPLES)
        return PXR_OK;
    const enum pxr_err e = prepare(j, &part, diag);
    if (e != PXR_OK)
        return e;
    const uint64_t dyadic = fit(j, PXR_ORDER_DYADIC), sequential = fit(j, PXR_ORDER_SEQUENTIAL);
    if (sequential < dyadic - dyadic / 32)
        *order = PXR_ORDER_SEQUENTIAL;
    return PXR_OK;
}

/* Whether nothing should be predicted.  A look at the samples says for most blocks that there is no question.  What a
 * quarter of the rows says must be clear. */
static enum pxr_err choose_direct(struct job *j, const struct pxr_block_source *s, enum pxr_predict_order order,
                                  struct pxr_diag *diag)
{
    const struct pxr_block_source part = part_of(s);
    if (!pxr_predict_may_be_direct(s, &j->usual))
        return PXR_OK;
    const enum pxr_err e = prepare(j, &part, diag);
    if (e != PXR_OK)
        return e;
    const uint64_t fitted = fit(j, order);
    j->is_direct = true;
    j->is_direct = fit(j, order) < fitted - fitted / 256;
    return PXR_OK;
}

enum pxr_err pxr_predict_encode(pxr_block_encoder *encoder, const struct pxr_block_source *s,
                                struct pxr_buffer *header, struct pxr_buffer *payload,
                                struct pxr_diag *diag)
{
    if (!encoder->predict) {
        if (!(encoder->predict = pxr_alloc_zero(1, sizeof *encoder->predict)))
            return pxr_fail_nomem(diag, sizeof *encoder->predict);
        pxr_predict_coders_init(&encoder->predict->coders);
    }
    struct job j = {.e = encoder->predict, .m = &encoder->predict->model};
    struct pxr_buffer params = {0};
    enum pxr_predict_order order;
    enum pxr_err err = choose_order(&j, s, &order, diag);
    if (err == PXR_OK)
        err = choose_direct(&j, s, order, diag);
    if (err == PXR_OK)
        err = prepare(&j, s, diag);
    if (err != PXR_OK)
        return err;
    fit(&j, order);
    pxr_predict_model_set_cells(j.m);
    pxr_predict_set_coders(j.m, &j.e->coders);
    if (!pxr_predict_model_store(j.m, &params) || params.n_bytes > UINT32_MAX ||
        !pxr_block_header_begin(header, &s->shape, PXR_BLOCK_PREDICT, 1, params.bytes,
                                (uint32_t)params.n_bytes))
        err = pxr_fail_nomem(diag, params.n_bytes);
    for (uint32_t f = 0; f < j.n_frames && err == PXR_OK; f++)
        err = put_unit(&j, f, header, payload, diag);
    pxr_buffer_fini(&params);
    return err;
}
