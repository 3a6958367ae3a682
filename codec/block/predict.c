/* SPDX-License-Identifier: MIT
 * Codec 3: what a header may say, which units a frame needs, and decoding one. */
#include "predict.h"

#include "bitio.h"
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
#elif defined(__aarch64__) && defined(__AARCH64EL__)
    if (pxr_cpu_level() >= PXR_CPU_NEON)
        return &pxr_predict_neon[is_deep];
#endif
    return &pxr_predict_portable[is_deep];
}

/* ---- headers ------------------------------------------------------------------------------------ */

static uint8_t needed_groups(enum pxr_predict_order order, uint32_t n_frames)
{
    uint8_t groups = 1;
    for (uint32_t f = 1; f < n_frames && f <= 4; f++)
        groups |= (uint8_t)(1u << pxr_predict_refs_of(order, f, n_frames).group);
    return groups;
}

static enum pxr_err check_params(const struct pxr_block_header *h, uint64_t off_bytes,
                                 struct pxr_diag *diag)
{
    const uint8_t *p = h->params;
    const uint8_t groups = needed_groups(p[0] ? PXR_ORDER_DYADIC : PXR_ORDER_SEQUENTIAL, h->shape.n_frames);
    const bool has_ranks = p[7] & PXR_PREDICT_RANKS; /* which take the place of shift and offset */
    const struct {
        unsigned off;
        const char *name;
        uint32_t least, most, found;
    } fields[] = {
        {0, "order", h->shape.n_frames > PXR_PREDICT_MAX_CHAIN ? PXR_ORDER_DYADIC : PXR_ORDER_SEQUENTIAL,
         PXR_ORDER_DYADIC, p[0]},
        {1, "depth", 1, h->shape.bits, p[1]},
        {2, "shift", 0, has_ranks ? 0 : h->shape.bits - 1u, p[2]},
        {1, "depth", 1, (uint32_t)h->shape.bits - (p[2] & 15u), p[1]},
        {3, "lanes", 4, 6, p[3]},
        {4, "offset", 0, has_ranks ? 0 : (1u << h->shape.bits) - 1, pxr_load_u16le(p + 4)},
        {6, "groups", groups, groups, p[6]},
        {7, "flags", 0, PXR_PREDICT_MOTION | PXR_PREDICT_RANKS, p[7]},
        {8, "feature_shift", 0, p[1] > 8 ? p[1] - 8u : 0, p[8]},
        {9, "activity_shift", 1, 8, p[9]},
        {10, "activity_shift", 1, 8, p[10]},
        {11, "reserved", 0, 0, p[11]},
    };
    if (h->shape.width_px > PXR_PREDICT_MAX_WIDTH)
        return pxr_fail_field(diag, PXR_E_CORRUPT, off_bytes, "width_px", PXR_PREDICT_MAX_WIDTH,
                              h->shape.width_px, "a predict block is too wide");
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (fields[i].found < fields[i].least || fields[i].found > fields[i].most)
            return pxr_fail_field(diag, PXR_E_CORRUPT, off_bytes + fields[i].off, fields[i].name,
                                  fields[i].found < fields[i].least ? fields[i].least
                                                                    : fields[i].most,
                                  fields[i].found, "a predict block has an impossible parameter");
    return PXR_OK;
}

static uint64_t n_tiles(const struct pxr_block_header *h)
{
    return pxr_div_up_u64(h->shape.width_px, 2 * PXR_PREDICT_TILE) *
           pxr_div_up_u64(h->shape.height_px, PXR_PREDICT_TILE_ROWS);
}

static void unit_bounds(const struct pxr_block_header *h, uint32_t unit, uint64_t *min_bytes,
                        uint64_t *max_bytes)
{
    (void)unit;
    *min_bytes = (uint64_t)4 << h->params[3];
    /* A symbol takes at most 11 bits and 13 raw ones; each number of motion at most 52. */
    *max_bytes = *min_bytes + 4 * (uint64_t)h->shape.width_px * h->shape.height_px +
                 (h->params[7] & PXR_PREDICT_MOTION ? 28 * n_tiles(h) : 0);
}

static struct pxr_predict_refs refs_of(const struct pxr_block_header *h, uint32_t unit)
{
    return pxr_predict_refs_of((enum pxr_predict_order)h->params[0], unit, h->shape.n_frames);
}

static unsigned refs_of_unit(const struct pxr_block_header *h, uint32_t unit, uint32_t refs[2])
{
    if (!unit)
        return 0;
    const struct pxr_predict_refs r = refs_of(h, unit);
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
    uint32_t *tables;                /* of one size, kept when the rest is forgotten: fresh pages cost */
    uint64_t tick;
};

struct pxr_predict_decoder {
    struct prepared prepared[N_PREPARED];
    uint64_t clock;
    struct pxr_scratch row, tail, motion;
};

static void forget(struct prepared *p)
{
    if (p->model)
        pxr_predict_model_fini(p->model);
    pxr_free(p->model);
    *p = (struct prepared){.tables = p->tables};
}

void pxr_predict_decoder_free(struct pxr_predict_decoder *d)
{
    if (!d)
        return;
    for (int i = 0; i < N_PREPARED; i++) {
        forget(&d->prepared[i]);
        pxr_free(d->prepared[i].tables);
    }
    pxr_free(d->row.bytes);
    pxr_free(d->tail.bytes);
    pxr_free(d->motion.bytes);
    pxr_free(d);
}

static enum pxr_err load_prepared(struct prepared *p, const struct pxr_block_header *h,
                                  struct pxr_diag *diag)
{
    enum pxr_err e = PXR_E_NOMEM;
    forget(p);
    p->model = pxr_alloc_zero(1, sizeof *p->model);
    if (!p->tables)
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

/* The frame's references, and how they have moved, which is what src begins with.  *n_bytes: of that. */
static enum pxr_err make_frame(struct pxr_predict_decoder *d, const struct pxr_predict_model *m,
                               const struct pxr_block_header *h, uint32_t unit, const void *const refs[2],
                               const uint8_t *src, size_t src_bytes, struct pxr_predict_frame *f,
                               size_t *n_bytes, struct pxr_diag *diag)
{
    const size_t stride_bytes = (size_t)m->width_px * (h->shape.bits / 8u);
    uint32_t unused[2];
    const unsigned n_refs = refs_of_unit(h, unit, unused);
    struct pxr_bit_reader r = {.src = src, .n_bytes = src_bytes};
    struct pxr_predict_motion *motion = NULL;
    const size_t n = (size_t)m->n_tiles_x * m->n_tiles_y;
    *f = (struct pxr_predict_frame){.group = refs_of(h, unit).group, .bits = h->shape.bits};
    if (n_refs && m->flags & PXR_PREDICT_MOTION &&
        !(motion = (void *)pxr_scratch_get(&d->motion, 2 * n * sizeof *motion)))
        return pxr_fail_nomem(diag, 2 * n * sizeof *motion);
    for (unsigned i = 0; i < n_refs; i++) {
        f->ref[i] = (struct pxr_predict_rows){refs[i], stride_bytes, motion ? motion + i * n : NULL};
        if (motion && !pxr_predict_get_motion(&r, motion + i * n, n))
            return pxr_fail(diag, PXR_E_CORRUPT, "a unit of a predict block has impossible motion");
    }
    if (r.bits)
        return pxr_fail(diag, PXR_E_CORRUPT, "the motion of a predict block's unit has bits behind its end");
    if (n_refs == 1)
        f->ref[1] = f->ref[0];
    *n_bytes = r.at;
    return PXR_OK;
}

/* What stands behind the motion: states and words. */
static enum pxr_err load_stream(struct pxr_predict_decoder *d, const struct pxr_predict_model *m,
                                const uint8_t *src, size_t src_bytes, struct pxr_predict_stream *out,
                                struct pxr_diag *diag)
{
    const size_t states = (size_t)4 << m->lanes_log2, over = pxr_predict_overread(m->width_px);
    if (src_bytes < states)
        return pxr_fail(diag, PXR_E_CORRUPT, "a unit of a predict block is too short");
    const size_t n = src_bytes - states;
    /* No state that began above stays below; one that began below would also take words where it has no sample. */
    for (size_t i = 0; i < states; i += 4)
        if (pxr_load_u32le(src + i) < PXR_RANS_LOW)
            return pxr_fail(diag, PXR_E_CORRUPT, "a unit of a predict block begins with an impossible state");
    const size_t n_tail = n < over ? n : over;
    uint8_t *tail = pxr_scratch_get(&d->tail, n_tail + over);
    if (!tail || !pxr_scratch_get(&d->row, pxr_predict_row_bytes(m->width_px)))
        return pxr_fail_nomem(diag, n_tail + over);
    memcpy(tail, src + src_bytes - n_tail, n_tail);
    memset(tail + n_tail, 0, over);
    *out = (struct pxr_predict_stream){
        .states = src, .words = src + states, .tail = tail, .n_bytes = n, .tail_bytes = n_tail};
    return PXR_OK;
}

static enum pxr_err decode(pxr_block_decoder *d, const struct pxr_block_header *h, uint32_t unit,
                           const void *const refs[2], const uint8_t *src, size_t src_bytes, void *dst,
                           struct pxr_diag *diag)
{
    const struct prepared *ready;
    struct pxr_predict_frame f;
    struct pxr_predict_stream stream;
    size_t motion_bytes = 0;
    if (!d->predict && !(d->predict = pxr_alloc_zero(1, sizeof *d->predict)))
        return pxr_fail_nomem(diag, sizeof *d->predict);
    struct pxr_predict_decoder *p = d->predict;
    enum pxr_err e = prepare(p, h, &ready, diag);
    if (e == PXR_OK)
        e = make_frame(p, ready->model, h, unit, refs, src, src_bytes, &f, &motion_bytes, diag);
    if (e == PXR_OK)
        e = load_stream(p, ready->model, src + motion_bytes, src_bytes - motion_bytes, &stream, diag);
    if (e != PXR_OK)
        return e;
    const struct pxr_predict_model *m = ready->model;
    if (!pxr_predict_kernels_for(m)->decode(m, ready->tables, &f, &stream, p->row.bytes, dst))
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
    .decode = decode,
    .encode = encode,
};
