/* SPDX-License-Identifier: MIT
 * Codec 1: one value, in the parameters; no units. */
#include "codec.h"
#include "diag.h"

static enum pxr_err check_params(const struct pxr_block_header *h, uint64_t off_bytes,
                                 struct pxr_diag *diag)
{
    const uint16_t value = pxr_load_u16le(h->params), largest = h->shape.bits == 8 ? 255 : 65535;
    if (value > largest)
        return pxr_fail_field(diag, PXR_E_CORRUPT, off_bytes, "value", largest, value,
                              "a constant block's value does not fit its samples");
    return PXR_OK;
}

static enum pxr_err encode(pxr_block_encoder *e, const struct pxr_block_source *s,
                           const struct pxr_block_opts *o, struct pxr_buffer *header,
                           struct pxr_buffer *payload, struct pxr_diag *diag)
{
    (void)e, (void)o, (void)payload;
    uint16_t value = *s->samples.first;
    if (s->shape.bits == 16)
        memcpy(&value, s->samples.first, 2);
    uint8_t params[2];
    pxr_store_u16le(params, value);
    if (!pxr_block_header_begin(header, &s->shape, PXR_BLOCK_CONSTANT, 0, params, sizeof params))
        return pxr_fail_nomem(diag, PXR_BLOCK_OFF_PARAMS + sizeof params);
    return PXR_OK;
}

uint16_t pxr_block_constant(const struct pxr_block_header *h)
{
    return pxr_load_u16le(h->params);
}

const struct pxr_block_codec_ops pxr_block_constant_ops = {
    .name = "constant",
    .units = PXR_UNITS_NONE,
    .min_params_bytes = 2,
    .max_params_bytes = 2,
    .check_params = check_params,
    .encode = encode,
};
