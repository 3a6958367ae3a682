/* SPDX-License-Identifier: MIT
 * Codec 6: what a header may say, and decoding the unit. */
#include "sorted.h"

#include "cpu.h"
#include "diag.h"

const struct pxr_sorted_kernels *pxr_sorted_kernels_now(uint8_t bits)
{
#if defined(__x86_64__)
    if (pxr_cpu_level() >= PXR_CPU_AVX2)
        return &pxr_sorted_avx2[bits == 16];
#endif
    return &pxr_sorted_portable[bits == 16];
}

/* ---- headers ------------------------------------------------------------------------------------- */

/* So that no partial sum leaves 16 bits (8-bit samples) or 32. */
bool pxr_sorted_mix_fits(const struct pxr_sorted_mix *m, uint8_t bits)
{
    const int32_t most = bits == 8 ? PXR_SORTED_MOST_8 : PXR_SORTED_MOST_16;
    const int32_t constant = bits == 8 ? PXR_SORTED_MOST_CONSTANT_8 : PXR_SORTED_MOST_CONSTANT_16;
    int32_t positive = 0, negative = 0;
    for (unsigned k = 0; k < PXR_SORTED_TAPS; k++)
        if (m->w[k] > 0)
            positive += m->w[k];
        else
            negative -= m->w[k];
    return positive <= most && negative <= most && m->constant <= constant && m->constant >= -constant;
}

static void load_mix(const uint8_t *p, struct pxr_sorted_mix *m)
{
    for (unsigned k = 0; k < PXR_SORTED_TAPS; k++)
        m->w[k] = (int16_t)pxr_load_u16le(p + 2 * k);
    m->constant = (int32_t)pxr_load_u32le(p + 2 * PXR_SORTED_TAPS);
}

/* n_classes has been checked against the length. */
static void load_model(const struct pxr_block_header *h, struct pxr_sorted_model *m)
{
    const uint8_t *const p = h->params, *const lists = p + PXR_SORTED_OFF_LISTS;
    m->n_classes = p[PXR_SORTED_OFF_CLASSES];
    m->start = pxr_load_u16le(p + PXR_SORTED_OFF_START);
    for (unsigned g = 0; g < 2; g++)
        load_mix(p + PXR_SORTED_OFF_MIX + g * PXR_SORTED_MIX_BYTES, &m->mix[g]);
    for (uint32_t c = 0; c < m->n_classes; c++)
        m->counts[c] = pxr_load_u32le(lists + 4 * (m->n_classes - 1 + c));
    for (uint32_t c = 0; c + 1 < m->n_classes; c++)
        m->thresholds[c] = pxr_load_u32le(lists + 4 * c);
}

static enum pxr_err fail_at(unsigned off, const char *name, uint64_t expected, uint64_t found,
                            uint64_t off_bytes, struct pxr_diag *diag)
{
    return pxr_fail_field(diag, PXR_E_CORRUPT, off_bytes + off, name, expected, found,
                          "a sorted block has an impossible parameter");
}

static enum pxr_err check_lists(const struct pxr_sorted_model *m, const struct pxr_block_shape *shape,
                                uint64_t off_bytes, struct pxr_diag *diag)
{
    const uint32_t most = shape->bits == 8 ? PXR_SORTED_MOST_ACTIVITY_8 : PXR_SORTED_MOST_ACTIVITY_16;
    const uint64_t n = pxr_block_raw_bytes(shape) / (shape->bits / 8u);
    uint64_t sum = 0;
    for (uint32_t c = 0; c < m->n_classes; c++)
        sum += m->counts[c];
    for (uint32_t c = 0; c + 1 < m->n_classes; c++) {
        const uint32_t least = c ? m->thresholds[c - 1] : 0;
        if (m->thresholds[c] < least || m->thresholds[c] > most)
            return fail_at(PXR_SORTED_OFF_LISTS + 4 * c, "thresholds", m->thresholds[c] < least ? least : most,
                           m->thresholds[c], off_bytes, diag);
    }
    if (sum != n)
        return fail_at(PXR_SORTED_OFF_LISTS + 4 * (m->n_classes - 1), "counts", n, sum, off_bytes, diag);
    return PXR_OK;
}

static enum pxr_err check_params(const struct pxr_block_header *h, uint64_t off_bytes, struct pxr_diag *diag)
{
    const uint8_t *const p = h->params;
    const uint32_t n_classes = p[PXR_SORTED_OFF_CLASSES], most = h->shape.bits == 8 ? 255 : 65535;
    struct pxr_sorted_model m;
    if (n_classes < 1 || n_classes > PXR_SORTED_MAX_CLASSES || pxr_sorted_params_bytes(n_classes) != h->params_bytes)
        return fail_at(PXR_SORTED_OFF_CLASSES, "n_classes", PXR_SORTED_MAX_CLASSES, n_classes, off_bytes, diag);
    if (p[PXR_SORTED_OFF_ZERO])
        return fail_at(PXR_SORTED_OFF_ZERO, "zero", 0, p[PXR_SORTED_OFF_ZERO], off_bytes, diag);
    if (!pxr_sorted_is_possible(&h->shape))
        return pxr_fail_field(diag, PXR_E_CORRUPT, off_bytes, "width_px", pxr_sorted_segment_px(h->shape.bits),
                              h->shape.width_px, "a sorted block is too narrow");
    load_model(h, &m);
    if (m.start > most)
        return fail_at(PXR_SORTED_OFF_START, "start", most, m.start, off_bytes, diag);
    for (unsigned g = 0; g < 2; g++)
        if (!pxr_sorted_mix_fits(&m.mix[g], h->shape.bits))
            return fail_at(PXR_SORTED_OFF_MIX + g * PXR_SORTED_MIX_BYTES, "weights", 0, 0, off_bytes, diag);
    return check_lists(&m, &h->shape, off_bytes, diag);
}

static void unit_bounds(const struct pxr_block_header *h, uint32_t unit, uint64_t *min_bytes,
                        uint64_t *max_bytes)
{
    *min_bytes = PXR_ZSTD_SMALLEST_BYTES;
    *max_bytes = pxr_sorted_bound(pxr_block_unit_pixel_bytes(h, unit));
}

/* ---- decoding ------------------------------------------------------------------------------------ */

bool pxr_sorted_space_get(struct pxr_scratch *s, const struct pxr_block_shape *shape, struct pxr_sorted_space *out)
{
    const size_t activity_bytes = shape->bits / 4u; /* two or four */
    out->n_segments = (uint32_t)pxr_div_up_u64(shape->width_px, pxr_sorted_segment_px(shape->bits));
    out->row_samples = pxr_round_up_u64(shape->width_px, PXR_SORTED_MARGIN) + 2 * PXR_SORTED_MARGIN;
    out->activity_stride = (size_t)out->n_segments + 2;
    const size_t rows = pxr_round_up_u64(PXR_SORTED_ROWS * out->row_samples * (shape->bits / 8u), 64);
    const size_t line = pxr_round_up_u64(out->activity_stride * activity_bytes, 64);
    const size_t activities = pxr_round_up_u64(2 * shape->height_px * out->activity_stride * activity_bytes, 64);
    uint8_t *const bytes = pxr_scratch_get(s, rows + activities + 2 * line);
    if (!bytes)
        return false;
    out->rows = bytes;
    out->activities = bytes + rows;
    out->contexts = out->activities + activities;
    out->classes = out->contexts + line;
    return true;
}

static enum pxr_err decode(pxr_block_decoder *d, const struct pxr_block_header *h, uint32_t unit,
                           const void *const refs[2], const uint8_t *src, size_t src_bytes,
                           void *dst, struct pxr_diag *diag)
{
    (void)unit, (void)refs;
    if (!pxr_zstd_is_built_in())
        return pxr_fail(diag, PXR_E_UNSUPPORTED,
                        "this pixelrain was built without zstd and cannot decode sorted blocks");
    const size_t raw_bytes = pxr_block_raw_bytes(&h->shape);
    const enum pxr_err e = pxr_zstd_check_frame(src, src_bytes, raw_bytes, diag);
    if (e)
        return e;
    struct pxr_sorted_model m;
    struct pxr_sorted_space space;
    load_model(h, &m);
    uint8_t *const q = pxr_scratch_get(&d->a, raw_bytes + PXR_SORTED_SEGMENT_BYTES);
    if (!q || !pxr_sorted_space_get(&d->b, &h->shape, &space))
        return pxr_fail_nomem(diag, raw_bytes);
    if (!pxr_zstd_decompress(d->zstd, src, src_bytes, q, raw_bytes))
        return pxr_fail(diag, PXR_E_CORRUPT, "the zstd frame of a block is damaged");
    memset(q + raw_bytes, 0, PXR_SORTED_SEGMENT_BYTES);
    if (!pxr_sorted_kernels_now(h->shape.bits)->decode(&m, &h->shape, &space, q, dst))
        return pxr_fail(diag, PXR_E_CORRUPT, "the classes of a sorted block have other lengths");
    return PXR_OK;
}

const struct pxr_block_codec_ops pxr_block_sorted_ops = {
    .name = "sorted",
    .units = PXR_UNITS_WHOLE,
    .min_params_bytes = PXR_SORTED_OFF_LISTS + 4,
    .max_params_bytes = PXR_SORTED_OFF_LISTS + 4 * (2 * PXR_SORTED_MAX_CLASSES - 1),
    .check_params = check_params,
    .unit_bounds = unit_bounds,
    .decode = decode,
    .encode = pxr_sorted_encode,
};
