/* SPDX-License-Identifier: MIT
 * Codec 3: what a header may say, which units a frame needs, and decoding one. */
#include "predict.h"

#include "cpu.h"
#include "diag.h"

const struct pxr_predict_kernels *pxr_predict_kernels_for(const struct pxr_predict_model *m)
{
    const int is_deep = m->depth > 8;
#if defined(__x86_64__)
    switch (pxr_cpu_level()) {
    case PXR_CPU_AVX512: return &pxr_predict_avx512[is_deep];
    case PXR_CPU_AVX2: return &pxr_predict_avx2[is_deep];
    default: break;
    }
#endif
    return &pxr_predict_portable[is_deep];
}

/* ---- headers ------------------------------------------------------------------------------------ */

static uint8_t needed_groups(uint32_t n_frames)
{
    uint8_t groups = 1;
    for (uint32_t f = 1; f < n_frames && f <= 4; f++)
        groups |= (uint8_t)(1u << pxr_predict_refs_of(f, n_frames).group);
    return groups;
}

static enum pxr_err check_params(const struct pxr_block_header *h, uint64_t off_bytes,
                                 struct pxr_diag *diag)
{
    const uint8_t *p = h->params;
    const uint32_t max = (1u << h->shape.bits) - 1;
    const struct {
        unsigned off;
        const char *name;
        uint32_t least, most, found;
    } fields[] = {
        {0, "order", PXR_ORDER_DYADIC, PXR_ORDER_DYADIC, p[0]},
        {1, "depth", 1, h->shape.bits, p[1]},
        {2, "shift", 0, h->shape.bits - 1u, p[2]},
        {1, "depth", 1, (uint32_t)h->shape.bits - (p[2] & 15u), p[1]},
        {3, "lanes", 4, 6, p[3]},
        {4, "offset", 0, max, pxr_load_u16le(p + 4)},
        {7, "magnitude_shift", 0, 8, p[7]},
    };
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (fields[i].found < fields[i].least || fields[i].found > fields[i].most)
            return pxr_fail_field(diag, PXR_E_CORRUPT, off_bytes + fields[i].off, fields[i].name,
                                  fields[i].found < fields[i].least ? fields[i].least
                                                                    : fields[i].most,
                                  fields[i].found, "a predict block has an impossible parameter");
    const uint64_t plane = pxr_predict_plane_bytes(h->shape.width_px, h->shape.height_px, p[1]);
    if (plane > PXR_PREDICT_MAX_PLANE_BYTES)
        return pxr_fail_field(diag, PXR_E_CORRUPT, off_bytes, "plane", PXR_PREDICT_MAX_PLANE_BYTES,
                              plane, "a predict block is too narrow and tall");
    const uint8_t groups = needed_groups(h->shape.n_frames);
    if (p[6] != groups)
        return pxr_fail_field(diag, PXR_E_CORRUPT, off_bytes + 6, "groups", groups, p[6],
                              "a predict block has weights for other frames than its own");
    return PXR_OK;
}

static void unit_bounds(const struct pxr_block_header *h, uint32_t unit, uint64_t *min_bytes,
                        uint64_t *max_bytes)
{
    (void)unit;
    *min_bytes = (uint64_t)4 << h->params[3];
    /* A symbol takes at most 11 bits and 13 raw ones. */
    *max_bytes = *min_bytes + 4 * (uint64_t)h->shape.width_px * h->shape.height_px;
}

static unsigned refs_of_unit(const struct pxr_block_header *h, uint32_t unit, uint32_t refs[2])
{
    if (!unit)
        return 0;
    const struct pxr_predict_refs r = pxr_predict_refs_of(unit, h->shape.n_frames);
    refs[0] = r.ref[0];
    refs[1] = r.ref[1];
    return r.ref[0] == r.ref[1] ? 1 : 2;
}

/* ---- decoding ----------------------------------------------------------------------------------- */

/* Models and tables of the blocks decoded last: the stripes of a frame, mostly. */
enum { N_PREPARED = 8 };

struct prepared {
    struct pxr_hash128 params;
    struct pxr_block_shape shape;
    struct pxr_predict_model *model; /* NULL: free */
    uint32_t *tables;
    uint64_t tick;
};

struct pxr_predict_decoder {
    struct prepared prepared[N_PREPARED];
    uint64_t clock;
    struct pxr_scratch planes[3], row, words;
};

static void forget(struct prepared *p)
{
    if (p->model)
        pxr_predict_model_fini(p->model);
    pxr_free(p->model);
    pxr_free(p->tables);
    *p = (struct prepared){.tick = 0};
}

void pxr_predict_decoder_free(struct pxr_predict_decoder *d)
{
    if (!d)
        return;
    for (int i = 0; i < N_PREPARED; i++)
        forget(&d->prepared[i]);
    for (int i = 0; i < 3; i++)
        pxr_free(d->planes[i].bytes);
    pxr_free(d->row.bytes);
    pxr_free(d->words.bytes);
    pxr_free(d);
}

static enum pxr_err load_prepared(struct prepared *p, const struct pxr_block_header *h,
                                  struct pxr_diag *diag)
{
    enum pxr_err e = PXR_E_NOMEM;
    forget(p);
    p->model = pxr_alloc_zero(1, sizeof *p->model);
    p->tables = pxr_alloc_aligned(64, PXR_PREDICT_N_SLOTS * sizeof *p->tables);
    if (!p->model || !p->tables || !pxr_predict_model_init(p->model, &h->shape))
        pxr_fail_nomem(diag, PXR_PREDICT_N_SLOTS * sizeof *p->tables);
    else
        e = pxr_predict_model_load(p->model, h, diag);
    if (e == PXR_OK)
        pxr_predict_build_tables(p->model, p->tables);
    else
        forget(p);
    return e;
}

/* The model and tables of a block, made or remembered. */
static enum pxr_err prepare(struct pxr_predict_decoder *d, const struct pxr_block_header *h,
                            const struct prepared **out, struct pxr_diag *diag)
{
    const struct pxr_hash128 params = pxr_xxh3_128(h->params, h->params_bytes);
    const struct pxr_block_shape *s = &h->shape;
    struct prepared *oldest = &d->prepared[0];
    for (int i = 0; i < N_PREPARED; i++) {
        struct prepared *p = &d->prepared[i];
        if (p->model && p->params.lo == params.lo && p->params.hi == params.hi &&
            p->shape.bits == s->bits && p->shape.n_frames == s->n_frames &&
            p->shape.height_px == s->height_px && p->shape.width_px == s->width_px) {
            p->tick = ++d->clock;
            *out = p;
            return PXR_OK;
        }
        oldest = p->tick < oldest->tick ? p : oldest;
    }
    const enum pxr_err e = load_prepared(oldest, h, diag);
    oldest->params = params;
    oldest->shape = *s;
    oldest->tick = ++d->clock;
    *out = oldest;
    return e;
}

/* What a unit keeps behind its samples: a magnitude for each. */
static size_t kept_bytes(const struct pxr_block_header *h)
{
    return (size_t)h->shape.height_px * h->shape.width_px;
}

/* The frame and its references, which are converted from their samples. */
static enum pxr_err make_frame(struct pxr_predict_decoder *d, const struct pxr_predict_model *m,
                               const struct pxr_predict_kernels *k, const struct pxr_block_header *h,
                               uint32_t unit, const void *const refs[2], struct pxr_predict_frame *f,
                               struct pxr_diag *diag)
{
    const size_t n = pxr_predict_plane_bytes(m->width_px, m->height_px, m->depth);
    const size_t half = pxr_predict_half(m->width_px);
    const size_t row_bytes = (size_t)m->width_px * (h->shape.bits / 8u);
    uint32_t unused[2];
    const unsigned n_refs = refs_of_unit(h, unit, unused);
    for (unsigned i = 0; i <= n_refs; i++) {
        const size_t before = d->planes[i].capacity;
        uint8_t *bytes = pxr_scratch_get(&d->planes[i], n);
        if (!bytes)
            return pxr_fail_nomem(diag, n);
        if (d->planes[i].capacity != before)
            memset(bytes, 0, n); /* margins are loaded before they are written, and not looked at */
        f->planes[i] = (struct pxr_predict_plane){bytes, half, 2 * half};
        if (i) {
            k->load_plane(m, h->shape.bits, refs[i - 1], row_bytes, &f->planes[i]);
            f->magnitudes[i - 1] = (const uint8_t *)refs[i - 1] + row_bytes * m->height_px;
        }
    }
    for (unsigned i = n_refs + 1; i < 3; i++) {
        f->planes[i] = f->planes[n_refs];
        f->magnitudes[i - 1] = n_refs ? f->magnitudes[n_refs - 1] : NULL;
    }
    f->group = pxr_predict_refs_of(unit, h->shape.n_frames).group;
    return PXR_OK;
}

static enum pxr_err decode(pxr_block_decoder *d, const struct pxr_block_header *h, uint32_t unit,
                           const void *const refs[2], const uint8_t *src, size_t src_bytes, void *dst,
                           struct pxr_diag *diag)
{
    const struct prepared *ready;
    struct pxr_predict_frame f;
    if (!d->predict && !(d->predict = pxr_alloc_zero(1, sizeof *d->predict)))
        return pxr_fail_nomem(diag, sizeof *d->predict);
    struct pxr_predict_decoder *p = d->predict;
    enum pxr_err e = prepare(p, h, &ready, diag);
    if (e != PXR_OK)
        return e;
    const struct pxr_predict_model *m = ready->model;
    const struct pxr_predict_kernels *k = pxr_predict_kernels_for(m);
    e = make_frame(p, m, k, h, unit, refs, &f, diag);
    if (e != PXR_OK)
        return e;
    /* src_bytes is at least the states: unit_bounds. */
    const size_t states = (size_t)4 << m->lanes_log2, n_words = src_bytes - states;
    const size_t over = pxr_predict_overread(m->width_px);
    uint8_t *words = pxr_scratch_get(&p->words, n_words + over);
    uint8_t *row = pxr_scratch_get(&p->row, pxr_predict_row_bytes(m->width_px));
    if (!words || !row)
        return pxr_fail_nomem(diag, n_words + over);
    memcpy(words, src + states, n_words);
    memset(words + n_words, 0, over);
    uint8_t *kept = (uint8_t *)dst + pxr_block_unit_pixel_bytes(h, unit);
    if (!k->decode(m, ready->tables, &f, h->shape.bits, src, words, n_words, row, dst, kept))
        return pxr_fail(diag, PXR_E_CORRUPT, "a unit of a predict block does not decode to its end");
    return PXR_OK;
}

static enum pxr_err encode(pxr_block_encoder *e, const struct pxr_block_source *s,
                           const struct pxr_block_opts *o, struct pxr_buffer *header,
                           struct pxr_buffer *payload, struct pxr_diag *diag)
{
    (void)o;
    return pxr_predict_encode(e, s, header, payload, diag);
}

const struct pxr_block_codec_ops pxr_block_predict_ops = {
    .name = "predict",
    .units = PXR_UNITS_FRAME,
    .min_params_bytes = PXR_PREDICT_FIXED_BYTES,
    .max_params_bytes = 1u << 24,
    .check_params = check_params,
    .unit_bounds = unit_bounds,
    .refs = refs_of_unit,
    .kept_bytes = kept_bytes,
    .decode = decode,
    .encode = encode,
};
