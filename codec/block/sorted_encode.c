/* SPDX-License-Identifier: MIT
 * Codec 6: fitting weights, choosing classes, writing the unit. */
#include "sorted.h"

#include "diag.h"
#include "linear.h"

/* A class has a Huffman code of its own, about a hundred bytes: it should have this many to code. */
#define CLASS_BYTES ((uint64_t)32 << 10)
/* Rows of a block that weights are fitted to and compared on. */
#define ROW_STEP 4

struct job {
    const struct pxr_block_source *source;
    const struct pxr_sorted_kernels *kernels;
    struct pxr_sorted_space space;
    struct pxr_sorted_model m;
    uint32_t row_step;
};

/* ---- weights ------------------------------------------------------------------------------------- */

static uint16_t sample_of(const uint8_t *row, uint8_t bits, uint32_t x)
{
    uint16_t v = row[x];
    if (bits == 16)
        memcpy(&v, row + 2 * (size_t)x, 2);
    return v;
}

/* The mean of some samples of frame 0. */
static uint16_t start_of(const struct pxr_block_source *s)
{
    uint64_t sum = 0, n = 0;
    for (uint32_t y = 0; y < s->shape.height_px; y += 7) {
        const uint8_t *const row = pxr_samples_row(&s->samples, 0, y);
        for (uint32_t x = 0; x < s->shape.width_px; x += 5, n++)
            sum += sample_of(row, s->shape.bits, x);
    }
    return (uint16_t)(sum / n);
}

/* The normal equations, with a little ridge for taps that say the same. */
static void solve(const struct pxr_sorted_sums *sums, unsigned n, double *w)
{
    double a[PXR_SORTED_UNKNOWNS][PXR_SORTED_UNKNOWNS + 1], trace = 0;
    for (unsigned i = 0; i < n; i++) {
        for (unsigned k = 0; k <= n; k++)
            a[i][k] = sums->products[i <= k ? k * (k + 1) / 2 + i : i * (i + 1) / 2 + k];
        trace += a[i][i];
    }
    for (unsigned i = 0; i < n; i++)
        a[i][i] += trace * 1e-6 + 1e-3;
    pxr_solve(a[0], PXR_SORTED_UNKNOWNS + 1, n, w);
}

static int32_t one_of(uint8_t bits) { return 1 << (bits == 8 ? PXR_SORTED_Q_8 : PXR_SORTED_Q_16); }

static struct pxr_sorted_mix anchor_alone(unsigned group, uint8_t bits)
{
    struct pxr_sorted_mix m = {.constant = one_of(bits) / 2};
    m.w[pxr_sorted_anchor(group)] = (int16_t)one_of(bits);
    return m;
}

/* Weights that, with that of the start, sum to one.  The anchor alone where they would be too large. */
static struct pxr_sorted_mix rounded(const double *w, unsigned group, uint8_t bits, uint16_t start)
{
    const int32_t one = one_of(bits);
    uint8_t of[PXR_SORTED_UNKNOWNS];
    const unsigned n = pxr_sorted_unknowns(group, of);
    struct pxr_sorted_mix m = {.constant = one / 2};
    int32_t rest = one;
    for (unsigned k = 0; k < n; k++) {
        const double v = w[k] * one;
        if (!(v > -4 * one && v < 4 * one)) /* also what is not a number */
            return anchor_alone(group, bits);
        const int32_t rounded = (int32_t)(v < 0 ? v - 0.5 : v + 0.5);
        rest -= rounded;
        if (of[k] < PXR_SORTED_TAPS)
            m.w[of[k]] = (int16_t)rounded;
        else
            m.constant += rounded * start;
    }
    m.w[pxr_sorted_anchor(group)] = (int16_t)rest;
    return pxr_sorted_mix_fits(&m, bits) ? m : anchor_alone(group, bits);
}

/* Keep the mix if it is better than the best one so far. */
static void try_mix(struct job *j, unsigned group, const struct pxr_sorted_mix *mix, uint64_t *best)
{
    const struct pxr_sorted_mix was = j->m.mix[group];
    j->m.mix[group] = *mix;
    const uint64_t cost = j->kernels->cost(j->source, &j->space, &j->m, group, j->row_step);
    if (cost < *best)
        *best = cost;
    else
        j->m.mix[group] = was;
}

static void choose_mix(struct job *j, unsigned group)
{
    const uint8_t bits = j->source->shape.bits;
    struct pxr_sorted_sums sums;
    double w[PXR_SORTED_UNKNOWNS];
    uint8_t of[PXR_SORTED_UNKNOWNS];
    uint64_t best = UINT64_MAX;
    struct pxr_sorted_mix mix = anchor_alone(group, bits);
    try_mix(j, group, &mix, &best);
    if (group) { /* and half of how the sample above has changed */
        mix.w[0] = (int16_t)(one_of(bits) / 2);
        mix.w[4] = (int16_t)-mix.w[0];
        try_mix(j, group, &mix, &best);
    }
    j->kernels->fit(j->source, &j->space, j->m.start, group, j->row_step, &sums);
    solve(&sums, pxr_sorted_unknowns(group, of), w);
    mix = rounded(w, group, bits, j->m.start);
    try_mix(j, group, &mix, &best);
}

/* ---- classes ------------------------------------------------------------------------------------- */

/* Eight steps for each power of two, and back to the least of its step. */
enum { N_STEPS = 200 };
static unsigned step_of(uint32_t v)
{
    if (v < 16)
        return v;
    const unsigned e = 31u - (unsigned)__builtin_clz(v);
    return 8 * (e - 2) + (v >> (e - 3) & 7);
}
static uint32_t least_of_step(unsigned step)
{
    return step < 16 ? step : (8u + step % 8) << (step / 8 - 1);
}

/* Classes of about equal sizes. */
static void choose_classes(struct job *j, const uint32_t *contexts, size_t n)
{
    const uint64_t raw_bytes = pxr_block_raw_bytes(&j->source->shape);
    const uint64_t wanted = pxr_min_u64(pxr_max_u64(raw_bytes / CLASS_BYTES, 1), PXR_SORTED_MAX_CLASSES);
    size_t counts[N_STEPS] = {0}, below = 0;
    uint64_t next = 1;
    for (size_t i = 0; i < n; i++)
        counts[step_of(contexts[i])]++;
    j->m.n_classes = 1;
    for (unsigned step = 0; step < N_STEPS; step++) {
        if (below && below * wanted >= next * n && below < n) {
            j->m.thresholds[j->m.n_classes++ - 1] = least_of_step(step);
            next = below * wanted / n + 1;
        }
        below += counts[step];
    }
}

static uint32_t class_of(const struct pxr_sorted_model *m, uint32_t context)
{
    uint32_t c = 0;
    for (uint32_t k = 0; k + 1 < m->n_classes; k++)
        c += context >= m->thresholds[k];
    return c;
}

/* Samples of segment i. */
static uint32_t segment_samples(const struct job *j, uint64_t i)
{
    const uint32_t px = pxr_sorted_segment_px(j->source->shape.bits), n = j->space.n_segments;
    const uint32_t at = (uint32_t)(i % n) * px;
    return (uint32_t)pxr_min_u64(j->source->shape.width_px - at, px);
}

/* Residuals in the order of the file. */
static void sort(struct job *j, const uint8_t *z, const uint32_t *contexts, size_t n_segments, uint8_t *q)
{
    const size_t sample_bytes = j->source->shape.bits / 8u;
    const size_t far = pxr_block_raw_bytes(&j->source->shape) / sample_bytes;
    uint8_t *at[PXR_SORTED_MAX_CLASSES];
    memset(j->m.counts, 0, sizeof j->m.counts);
    for (size_t i = 0; i < n_segments; i++)
        j->m.counts[class_of(&j->m, contexts[i])] += segment_samples(j, i);
    for (uint32_t c = 0; c < j->m.n_classes; c++) {
        at[c] = q;
        q += j->m.counts[c];
    }
    for (size_t i = 0; i < n_segments; i++) {
        const uint32_t n = segment_samples(j, i);
        uint8_t **const to = &at[class_of(&j->m, contexts[i])];
        if (sample_bytes == 1) {
            memcpy(*to, z, n);
        } else {
            for (uint32_t k = 0; k < n; k++) {
                uint16_t v;
                memcpy(&v, z + 2 * k, 2);
                (*to)[k] = (uint8_t)v;
                (*to)[far + k] = (uint8_t)(v >> 8);
            }
        }
        z += n * sample_bytes;
        *to += n;
    }
}

/* ---- writing ------------------------------------------------------------------------------------- */

static uint32_t store_model(const struct pxr_sorted_model *m, uint8_t *p)
{
    uint8_t *lists = p + PXR_SORTED_OFF_LISTS;
    p[PXR_SORTED_OFF_CLASSES] = (uint8_t)m->n_classes;
    p[PXR_SORTED_OFF_ZERO] = 0;
    pxr_store_u16le(p + PXR_SORTED_OFF_START, m->start);
    for (unsigned g = 0; g < 2; g++) {
        uint8_t *const mix = p + PXR_SORTED_OFF_MIX + g * PXR_SORTED_MIX_BYTES;
        for (unsigned k = 0; k < PXR_SORTED_TAPS; k++)
            pxr_store_u16le(mix + 2 * k, (uint16_t)m->mix[g].w[k]);
        pxr_store_u32le(mix + 2 * PXR_SORTED_TAPS, (uint32_t)m->mix[g].constant);
    }
    for (uint32_t c = 0; c + 1 < m->n_classes; c++, lists += 4)
        pxr_store_u32le(lists, m->thresholds[c]);
    for (uint32_t c = 0; c < m->n_classes; c++, lists += 4)
        pxr_store_u32le(lists, m->counts[c]);
    return pxr_sorted_params_bytes(m->n_classes);
}

/* The zstd frame, in which each class begins a block, and so a Huffman code, of its own.  0: no memory. */
static size_t compress(pxr_zstd *zstd, const struct job *j, const uint8_t *q, uint8_t *to, size_t bound)
{
    size_t parts[2 * PXR_SORTED_MAX_CLASSES];
    unsigned n_parts = 0;
    for (unsigned byte = 0; byte < j->source->shape.bits / 8u; byte++)
        for (uint32_t c = 0; c < j->m.n_classes; c++)
            if (j->m.counts[c])
                parts[n_parts++] = j->m.counts[c];
    return pxr_zstd_compress_parts(zstd, q, parts, n_parts, to, bound);
}

enum pxr_err pxr_sorted_encode(pxr_block_encoder *e, const struct pxr_block_source *s,
                               const struct pxr_block_opts *o, struct pxr_buffer *header,
                               struct pxr_buffer *payload, struct pxr_diag *diag)
{
    (void)o;
    if (!pxr_zstd_is_built_in())
        return pxr_fail(diag, PXR_E_UNSUPPORTED,
                        "this pixelrain was built without zstd and cannot write sorted blocks");
    struct job j = {.source = s, .kernels = pxr_sorted_kernels_now(s->shape.bits)};
    const size_t raw_bytes = pxr_block_raw_bytes(&s->shape), start = payload->n_bytes;
    const size_t bound = (size_t)pxr_sorted_bound(raw_bytes), padded = pxr_round_up_u64(raw_bytes, 64);
    uint8_t params[PXR_SORTED_OFF_LISTS + 4 * (2 * PXR_SORTED_MAX_CLASSES - 1)];
    if (!pxr_sorted_space_get(&e->a, &s->shape, &j.space))
        return pxr_fail_nomem(diag, raw_bytes);
    const size_t n_segments = (size_t)s->shape.n_frames * s->shape.height_px * j.space.n_segments;
    uint8_t *const z = pxr_scratch_get(&e->b, 2 * padded + n_segments * sizeof(uint32_t));
    uint8_t *const room = z ? pxr_buffer_extend(payload, bound) : NULL;
    if (!room)
        return pxr_fail_nomem(diag, 2 * raw_bytes);
    uint32_t *const contexts = (uint32_t *)(void *)(z + 2 * padded);

    j.row_step = s->shape.height_px < 4 * ROW_STEP ? 1 : ROW_STEP;
    j.m.start = start_of(s);
    choose_mix(&j, 0);
    if (s->shape.n_frames > 1)
        choose_mix(&j, 1);
    j.kernels->residuals(s, &j.space, &j.m, z, contexts);
    choose_classes(&j, contexts, n_segments);
    sort(&j, z, contexts, n_segments, z + padded);
    const size_t n = compress(e->zstd, &j, z + padded, room, bound);
    payload->n_bytes = start + n;
    if (!n ||
        !pxr_block_header_begin(header, &s->shape, PXR_BLOCK_SORTED, s->shape.n_frames, params, store_model(&j.m, params)) ||
        !pxr_block_header_add_unit(header, payload->bytes + start, n))
        return pxr_fail_nomem(diag, 2 * raw_bytes);
    return PXR_OK;
}
