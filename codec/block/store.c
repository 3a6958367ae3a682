/* SPDX-License-Identifier: MIT
 * Codec 0: the samples themselves, little endian, a unit per frame. */
#include "codec.h"
#include "diag.h"

static void unit_bounds(const struct pxr_block_header *h, uint32_t unit, uint64_t *min_bytes,
                        uint64_t *max_bytes)
{
    *min_bytes = *max_bytes = pxr_block_unit_pixel_bytes(h, unit);
}

static enum pxr_err decode(pxr_block_decoder *d, const struct pxr_block_header *h, uint32_t unit,
                           const void *const refs[2], const uint8_t *src, size_t src_bytes,
                           void *dst, struct pxr_diag *diag)
{
    (void)d, (void)unit, (void)refs, (void)diag;
    pxr_copy_samples_le(dst, src, src_bytes / (h->shape.bits / 8u), h->shape.bits);
    return PXR_OK;
}

static enum pxr_err encode(pxr_block_encoder *e, const struct pxr_block_source *s,
                           const struct pxr_block_opts *o, struct pxr_buffer *header,
                           struct pxr_buffer *payload, struct pxr_diag *diag)
{
    (void)e, (void)o;
    const struct pxr_block_shape *const shape = &s->shape;
    const size_t raw_bytes = pxr_block_raw_bytes(shape);
    const size_t row_bytes = (size_t)shape->width_px * (shape->bits / 8u);
    uint8_t *at = pxr_buffer_extend(payload, raw_bytes);
    if (!at || !pxr_block_header_begin(header, shape, PXR_BLOCK_STORE, 1, NULL, 0))
        return pxr_fail_nomem(diag, raw_bytes);
    for (uint32_t t = 0; t < shape->n_frames; t++) {
        uint8_t *const unit = at;
        for (uint32_t y = 0; y < shape->height_px; y++, at += row_bytes)
            pxr_copy_samples_le(at, pxr_samples_row(&s->samples, t, y), shape->width_px,
                                shape->bits);
        if (!pxr_block_header_add_unit(header, unit, (size_t)(at - unit)))
            return pxr_fail_nomem(diag, PXR_BLOCK_UNIT_BYTES);
    }
    return PXR_OK;
}

const struct pxr_block_codec_ops pxr_block_store_ops = {
    .name = "store",
    .units = PXR_UNITS_ANY,
    .unit_bounds = unit_bounds,
    .decode = decode,
    .encode = encode,
};
