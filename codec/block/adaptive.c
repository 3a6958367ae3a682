/* SPDX-License-Identifier: MIT
 * Codec 5: what a header may say, which units a frame needs, and decoding one. */
#include "adaptive.h"

#include "cpu.h"
#include "diag.h"

const struct pxr_adaptive_kernels *pxr_adaptive_kernels_now(void)
{
#if defined(__x86_64__)
    if (pxr_cpu_level() >= PXR_CPU_AVX2)
        return &pxr_adaptive_avx2;
#endif
    return &pxr_adaptive_portable;
}

/* ---- headers ------------------------------------------------------------------------------------- */

static enum pxr_err check_params(const struct pxr_block_header *h, uint64_t off_bytes, struct pxr_diag *diag)
{
    const uint8_t *p = h->params;
    const uint32_t bits = h->shape.bits;
    const struct {
        unsigned off;
        const char *name;
        uint32_t least, most, found;
    } fields[] = {
        {0, "order", PXR_ADAPTIVE_DYADIC, PXR_ADAPTIVE_MIDDLE, p[0]},
        {0, "order", PXR_ADAPTIVE_DYADIC,
         h->shape.n_frames <= PXR_ADAPTIVE_MAX_CHAIN ? PXR_ADAPTIVE_MIDDLE : PXR_ADAPTIVE_DYADIC, p[0]},
        {2, "shift", 0, bits - 1, p[2]},
        {1, "depth", 1, bits - (p[2] & 15u), p[1]},
        {3, "tile", PXR_ADAPTIVE_MIN_TILE, PXR_ADAPTIVE_MAX_TILE, p[3]},
        {4, "offset", 0, (1u << bits) - 1, pxr_load_u16le(p + 4)},
        {7, "most_code", PXR_ADAPTIVE_LEVELS, 200, p[7]},
        {6, "least_code", 0, (uint32_t)p[7] - PXR_ADAPTIVE_LEVELS, p[6]},
    };
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (fields[i].found < fields[i].least || fields[i].found > fields[i].most)
            return pxr_fail_field(diag, PXR_E_CORRUPT, off_bytes + fields[i].off, fields[i].name,
                                  fields[i].found < fields[i].least ? fields[i].least
                                                                    : fields[i].most,
                                  fields[i].found, "an adaptive block has an impossible parameter");
    const uint64_t plane = pxr_adaptive_plane_bytes(h->shape.width_px, h->shape.height_px);
    const uint64_t most = pxr_adaptive_most_plane_bytes(h->shape.width_px, h->shape.height_px);
    if (plane > most)
        return pxr_fail_field(diag, PXR_E_CORRUPT, off_bytes, "plane", most, plane,
                              "an adaptive block is too narrow and tall");
    return PXR_OK;
}

static enum pxr_adaptive_order order_of(const struct pxr_block_header *h)
{
    return (enum pxr_adaptive_order)h->params[0];
}
static size_t pixels_of(const struct pxr_block_header *h)
{
    return (size_t)h->shape.width_px * h->shape.height_px;
}

static void unit_bounds(const struct pxr_block_header *h, uint32_t unit, uint64_t *min_bytes,
                        uint64_t *max_bytes)
{
    (void)unit;
    *min_bytes = 4;
    /* A sample is three intervals of at most 15 bits each. */
    *max_bytes = 8 + 6 * (uint64_t)pixels_of(h);
}

/* A chain needs one: what comes from the frame before that is kept with the unit.  So a small cache makes a
 * chain no longer than it is, where two references would be a Fibonacci tree. */
static unsigned refs_of_unit(const struct pxr_block_header *h, uint32_t unit, uint32_t refs[2])
{
    const struct pxr_adaptive_place p = pxr_adaptive_place_of(order_of(h), unit, h->shape.n_frames);
    if (!p.group)
        return 0;
    refs[0] = p.ref[0];
    refs[1] = p.ref[1];
    return order_of(h) == PXR_ADAPTIVE_MIDDLE || p.ref[0] == p.ref[1] ? 1 : 2;
}

/* ---- what a unit keeps --------------------------------------------------------------------------- */

/* Behind the samples: mean magnitudes, background, in a chain the values of the frame before, and the
 * state; nothing is aligned. */
static size_t kept_bytes(const struct pxr_block_header *h)
{
    return pixels_of(h) * (order_of(h) == PXR_ADAPTIVE_MIDDLE ? 6 : 4) + sizeof(struct pxr_adaptive_state);
}

enum plane { FRAME, REF0, REF1, BACKGROUND, CALM, MEAN, N_PLANES };

struct pxr_adaptive_decoder {
    struct pxr_scratch planes, row;
    struct pxr_adaptive_state state;
    struct pxr_adaptive_model model;
};

void pxr_adaptive_decoder_free(struct pxr_adaptive_decoder *d)
{
    if (!d)
        return;
    pxr_free(d->planes.bytes);
    pxr_free(d->row.bytes);
    pxr_free(d);
}

struct job {
    const struct pxr_adaptive_model *m;
    uint16_t *planes[N_PLANES];
    struct pxr_adaptive_place place;
};

/* Values without gaps to a plane, and back. */
static void unpack(const struct pxr_adaptive_model *m, const uint8_t *from, uint16_t *plane)
{
    const size_t stride = pxr_adaptive_stride(m->width_px), row = (size_t)m->width_px * 2;
    for (uint32_t y = 0; y < m->height_px; y++)
        memcpy(plane + y * stride, from + y * row, row);
    pxr_adaptive_borders(plane, m->width_px, m->height_px);
}

static uint8_t *pack(const struct pxr_adaptive_model *m, const uint16_t *plane, uint8_t *to)
{
    const size_t stride = pxr_adaptive_stride(m->width_px), row = (size_t)m->width_px * 2;
    for (uint32_t y = 0; y < m->height_px; y++, to += row)
        memcpy(to, plane + y * stride, row);
    return to;
}

static void unpack_samples(const struct pxr_adaptive_model *m, const uint8_t *from, uint16_t *plane)
{
    const size_t stride = pxr_adaptive_stride(m->width_px);
    const uint16_t mask = (uint16_t)((1u << m->bits) - 1);
    for (uint32_t y = 0; y < m->height_px; y++)
        for (uint32_t x = 0; x < m->width_px; x++) {
            uint16_t v = *from;
            if (m->bits == 16)
                memcpy(&v, from, 2);
            from += m->bits / 8u;
            plane[y * stride + x] = (uint16_t)(((v - m->offset) & mask) >> m->shift);
        }
    pxr_adaptive_borders(plane, m->width_px, m->height_px);
}

static uint8_t *pack_samples(const struct pxr_adaptive_model *m, const uint16_t *plane, uint8_t *to)
{
    const size_t stride = pxr_adaptive_stride(m->width_px);
    for (uint32_t y = 0; y < m->height_px; y++)
        for (uint32_t x = 0; x < m->width_px; x++) {
            const uint16_t v = (uint16_t)((plane[y * stride + x] << m->shift) + m->offset);
            if (m->bits == 8)
                *to = (uint8_t)v;
            else
                memcpy(to, &v, 2);
            to += m->bits / 8u;
        }
    return to;
}

/* Everything that the frame takes from its references. */
static void load_refs(struct pxr_adaptive_decoder *d, struct job *j, const void *const refs[2])
{
    const struct pxr_adaptive_model *m = j->m;
    const size_t n_px = (size_t)m->width_px * m->height_px;
    const uint8_t *const kept = (const uint8_t *)refs[0] + n_px * (m->bits / 8u);
    unpack_samples(m, refs[0], j->planes[REF0]);
    unpack(m, kept, j->planes[CALM]);
    unpack(m, kept + 2 * n_px, j->planes[BACKGROUND]);
    if (j->place.ref[0] == j->place.ref[1])
        j->planes[REF1] = j->planes[REF0];
    else if (m->order == PXR_ADAPTIVE_MIDDLE)
        unpack(m, kept + 4 * n_px, j->planes[REF1]);
    else
        unpack_samples(m, refs[1], j->planes[REF1]);
    memcpy(&d->state, kept + n_px * (m->order == PXR_ADAPTIVE_MIDDLE ? 6 : 4), sizeof d->state);
}

static void store_kept(struct pxr_adaptive_decoder *d, struct job *j, uint8_t *to)
{
    const struct pxr_adaptive_model *m = j->m;
    uint16_t *const after = j->planes[CALM]; /* not needed any more */
    to = pack_samples(m, j->planes[FRAME], to);
    to = pack(m, j->planes[MEAN], to);
    pxr_adaptive_blend(m, j->place.depth, j->planes[FRAME], j->place.group ? j->planes[BACKGROUND] : NULL, after);
    to = pack(m, after, to);
    if (m->order == PXR_ADAPTIVE_MIDDLE) /* the first frame has none before it, and none looks at it */
        to = pack(m, j->planes[j->place.group ? REF0 : FRAME], to);
    memcpy(to, &d->state, sizeof d->state);
}

/* ---- decoding ------------------------------------------------------------------------------------ */

static enum pxr_err get_planes(struct pxr_adaptive_decoder *d, struct job *j, struct pxr_diag *diag)
{
    const struct pxr_adaptive_model *m = j->m;
    const size_t plane = pxr_round_up_u64(pxr_adaptive_plane_bytes(m->width_px, m->height_px), 64);
    uint8_t *const bytes = pxr_scratch_get(&d->planes, plane * N_PLANES);
    if (!bytes || !pxr_scratch_get(&d->row, pxr_adaptive_scratch_bytes(m->width_px)))
        return pxr_fail_nomem(diag, plane * N_PLANES);
    for (int i = 0; i < N_PLANES; i++)
        j->planes[i] = pxr_adaptive_origin(bytes + (size_t)i * plane, m->width_px);
    return PXR_OK;
}

static enum pxr_err decode_frame(struct pxr_adaptive_decoder *d, const struct pxr_block_header *h,
                                 uint32_t unit, const void *const refs[2], const uint8_t *src,
                                 size_t src_bytes, void *dst, struct pxr_diag *diag)
{
    struct job j = {.m = &d->model,
                    .place = pxr_adaptive_place_of(d->model.order, unit, h->shape.n_frames)};
    const enum pxr_err e = get_planes(d, &j, diag);
    if (e != PXR_OK)
        return e;
    if (j.place.group)
        load_refs(d, &j, refs);
    else
        pxr_adaptive_state_init(j.m, &d->state);
    struct pxr_adaptive_frame f = {.m = j.m,
                                   .group = j.place.group,
                                   .x = j.planes[FRAME],
                                   .ref = {j.planes[REF0], j.planes[REF1]},
                                   .background = j.planes[BACKGROUND],
                                   .calm = j.planes[CALM],
                                   .mean = j.planes[MEAN],
                                   .state = &d->state,
                                   .scratch = d->row.bytes};
    memset(d->row.bytes, 0, pxr_adaptive_scratch_bytes(j.m->width_px));
    if (!pxr_adaptive_kernels_now()->decode(&f, src, src_bytes))
        return pxr_fail(diag, PXR_E_CORRUPT, "a unit of an adaptive block does not decode to its end");
    store_kept(d, &j, dst);
    return PXR_OK;
}

static enum pxr_err decode(pxr_block_decoder *block, const struct pxr_block_header *h, uint32_t unit,
                           const void *const refs[2], const uint8_t *src, size_t src_bytes, void *dst,
                           struct pxr_diag *diag)
{
    if (!block->adaptive && !(block->adaptive = pxr_alloc_zero(1, sizeof *block->adaptive)))
        return pxr_fail_nomem(diag, sizeof *block->adaptive);
    struct pxr_adaptive_decoder *const d = block->adaptive;
    enum pxr_err e = pxr_adaptive_model_load(&d->model, h, diag);
    if (e == PXR_OK)
        e = decode_frame(d, h, unit, refs, src, src_bytes, dst, diag);
    pxr_adaptive_model_fini(&d->model);
    return e;
}

const struct pxr_block_codec_ops pxr_block_adaptive_ops = {
    .name = "adaptive",
    .units = PXR_UNITS_FRAME,
    .min_params_bytes = PXR_ADAPTIVE_FIXED_BYTES,
    .max_params_bytes = 1u << 26,
    .check_params = check_params,
    .unit_bounds = unit_bounds,
    .refs = refs_of_unit,
    .kept_bytes = kept_bytes,
    .decode = decode,
    .encode = pxr_adaptive_encode,
};
