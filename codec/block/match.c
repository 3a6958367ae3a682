/* SPDX-License-Identifier: MIT
 * Codec 4: what a header may say, which units a frame needs, and decoding one. */
#include "match.h"

#include "cpu.h"
#include "diag.h"
#include "match_coder.h"
#include "predict.h" /* the order of frames */

pxr_match_walker pxr_match_walk_now(bool is_encoder, uint8_t bits)
{
#if defined(__x86_64__)
    if (pxr_cpu_level() >= PXR_CPU_AVX2)
        return pxr_match_walk_avx2[is_encoder][bits == 16];
#endif
    return pxr_match_walk_portable[is_encoder][bits == 16];
}

/* ---- headers ------------------------------------------------------------------------------------ */

static struct pxr_match_mode mode_of(const struct pxr_block_header *h)
{
    const uint8_t mode = h->params[0];
    return (struct pxr_match_mode){mode & 1, mode >> 1 & 1, (uint8_t)(mode >> 2), h->params[1]};
}

static enum pxr_err check_params(const struct pxr_block_header *h, uint64_t off_bytes,
                                 struct pxr_diag *diag)
{
    const struct {
        unsigned off;
        const char *name;
        uint32_t least, most, found;
    } fields[] = {
        {0, "mode", 0, PXR_MATCH_MAX_CANDIDATES << 2 | 3, h->params[0]},
        {1, "table_bits", PXR_MATCH_MIN_TABLE_BITS, pxr_match_most_table_bits(&h->shape), h->params[1]},
    };
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (fields[i].found < fields[i].least || fields[i].found > fields[i].most)
            return pxr_fail_field(diag, PXR_E_CORRUPT, off_bytes + fields[i].off, fields[i].name,
                                  fields[i].found < fields[i].least ? fields[i].least
                                                                    : fields[i].most,
                                  fields[i].found, "a match block has an impossible parameter");
    return PXR_OK;
}

/* A frame that is like its reference takes one byte.  A sample takes at most 5 + 16 + 16 bits of at most 16 bits each. */
static void unit_bounds(const struct pxr_block_header *h, uint32_t unit, uint64_t *min_bytes,
                        uint64_t *max_bytes)
{
    (void)unit;
    *min_bytes = 1;
    *max_bytes = pxr_min_u64(UINT32_MAX, 80 * (uint64_t)h->shape.width_px * h->shape.height_px + 64);
}

static unsigned refs_of_unit(const struct pxr_block_header *h, uint32_t unit, uint32_t refs[2])
{
    if (!unit)
        return 0;
    const struct pxr_predict_refs r = pxr_predict_refs_of(PXR_ORDER_DYADIC, unit, h->shape.n_frames);
    refs[0] = r.ref[0];
    refs[1] = r.ref[1];
    return r.ref[0] == r.ref[1] ? 1 : 2;
}

static size_t kept_bytes(const struct pxr_block_header *h)
{
    return pxr_match_state_bytes(h->params[1]);
}

/* ---- decoding ----------------------------------------------------------------------------------- */

struct pxr_match_decoder {
    struct pxr_match_tables tables;
    struct pxr_match_map map;
    uint16_t values[65536], ranks[65536];
    bool has_map;
    uint8_t map_bits;
    struct pxr_hash128 map_params; /* that the map was made of */
    struct pxr_scratch state, rows;
};

void pxr_match_decoder_free(struct pxr_match_decoder *d)
{
    if (!d)
        return;
    pxr_free(d->state.bytes);
    pxr_free(d->rows.bytes);
    pxr_free(d);
}

static struct pxr_match_decoder *decoder_of(pxr_block_decoder *d)
{
    if (!d->match && (d->match = pxr_alloc_zero(1, sizeof *d->match))) {
        pxr_match_tables_init(&d->match->tables);
        d->match->map.value_of = d->match->values;
        d->match->map.rank_of = d->match->ranks;
    }
    return d->match;
}

/* The map of a block, made or remembered. */
static enum pxr_err load_map(struct pxr_match_decoder *d, const struct pxr_block_header *h,
                             struct pxr_diag *diag)
{
    const struct pxr_hash128 params = pxr_xxh3_128(h->params, h->params_bytes);
    if (d->has_map && d->map_bits == h->shape.bits && d->map_params.lo == params.lo &&
        d->map_params.hi == params.hi)
        return PXR_OK;
    d->has_map = pxr_match_map_load(&d->tables, &d->map, h->shape.bits, h->params + PXR_MATCH_FIXED_BYTES,
                                    h->params_bytes - PXR_MATCH_FIXED_BYTES);
    d->map_bits = h->shape.bits;
    d->map_params = params;
    if (!d->has_map)
        return pxr_fail(diag, PXR_E_CORRUPT, "the values of a match block are damaged");
    return PXR_OK;
}

static enum pxr_err decode(pxr_block_decoder *decoder, const struct pxr_block_header *h, uint32_t unit,
                           const void *const refs[2], const uint8_t *src, size_t src_bytes, void *dst,
                           struct pxr_diag *diag)
{
    struct pxr_match_decoder *const d = decoder_of(decoder);
    const size_t pixel_bytes = pxr_block_unit_pixel_bytes(h, unit), n_state = kept_bytes(h);
    const size_t row_bytes = (size_t)h->shape.width_px * (h->shape.bits / 8u);
    struct pxr_match_state *const state = d ? (void *)pxr_scratch_get(&d->state, n_state) : NULL;
    uint8_t *const rows = d ? pxr_scratch_get(&d->rows, pxr_match_scratch_bytes(h->shape.width_px)) : NULL;
    uint32_t ref_units[2];
    if (!state || !rows)
        return pxr_fail_nomem(diag, n_state);
    const enum pxr_err e = load_map(d, h, diag);
    if (e != PXR_OK)
        return e;
    struct pxr_match_unit u = {.tables = &d->tables, .map = &d->map, .mode = mode_of(h), .state = state,
                               .coder = pxr_match_decoder_of(src, src_bytes),
                               .width_px = h->shape.width_px, .height_px = h->shape.height_px,
                               .bits = h->shape.bits, .n_refs = refs_of_unit(h, unit, ref_units),
                               .dst = dst, .stride_bytes = row_bytes, .scratch = rows};
    for (unsigned i = 0; i < u.n_refs; i++) {
        u.refs[i].samples = refs[i];
        u.refs[i].stride_bytes = row_bytes;
    }
    if (u.n_refs)
        memcpy(state, (const uint8_t *)refs[pxr_match_parent(ref_units, u.n_refs)] + pixel_bytes, n_state);
    else
        pxr_match_state_init(state, u.mode.table_bits);
    pxr_match_walk_now(false, h->shape.bits)(&u);
    if (u.is_damaged || !pxr_match_decoder_is_at_end(&u.coder))
        return pxr_fail(diag, PXR_E_CORRUPT, "a unit of a match block does not decode to its end");
    memcpy((uint8_t *)dst + pixel_bytes, state, n_state);
    return PXR_OK;
}

static enum pxr_err encode(pxr_block_encoder *e, const struct pxr_block_source *s,
                           const struct pxr_block_opts *o, struct pxr_buffer *header,
                           struct pxr_buffer *payload, struct pxr_diag *diag)
{
    (void)o;
    return pxr_match_encode(e, s, header, payload, diag);
}

const struct pxr_block_codec_ops pxr_block_match_ops = {
    .name = "match",
    .units = PXR_UNITS_FRAME,
    .min_params_bytes = PXR_MATCH_FIXED_BYTES,
    .max_params_bytes = 1u << 18,
    .check_params = check_params,
    .unit_bounds = unit_bounds,
    .refs = refs_of_unit,
    .kept_bytes = kept_bytes,
    .decode = decode,
    .encode = encode,
};
