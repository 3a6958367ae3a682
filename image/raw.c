/* SPDX-License-Identifier: MIT
 * Headerless samples: frames of a known shape, one behind the other. */
#include "import.h"

#include "bytes.h"
#include "diag.h"

static enum pxr_err check_opts(struct pxr_import *im, uint64_t sample_bytes)
{
    const struct pxr_image_opts *o = &im->opts;
    if (!o->raw_width_px || !o->raw_height_px || !o->raw_bits || o->raw_bits > 16)
        return pxr_fail(im->diag, PXR_E_INVALID,
                        "raw samples need a width, a height and 1 to 16 bits");
    const enum pxr_err e = pxr_import_check_size(im, o->raw_width_px, o->raw_height_px, PXR_NONE);
    if (e != PXR_OK)
        return e;
    const uint64_t frame_bytes = (uint64_t)o->raw_width_px * o->raw_height_px * sample_bytes;
    if (o->raw_stride_bytes && o->raw_stride_bytes < frame_bytes)
        return pxr_fail_field(im->diag, PXR_E_INVALID, PXR_NONE, "stride", frame_bytes,
                              o->raw_stride_bytes, "the stride is smaller than a frame");
    return PXR_OK;
}

enum pxr_err pxr_raw_read(struct pxr_import *im)
{
    const struct pxr_image_opts *o = &im->opts;
    const uint64_t sample_bytes = o->raw_bits <= 8 ? 1 : 2;
    enum pxr_err e = check_opts(im, sample_bytes);
    if (e != PXR_OK)
        return e;
    const uint64_t n_px = (uint64_t)o->raw_width_px * o->raw_height_px;
    const uint64_t frame_bytes = n_px * sample_bytes;
    const struct pxr_image image = {.width_px = o->raw_width_px,
                                    .height_px = o->raw_height_px,
                                    .bits = o->raw_bits <= 8 ? 8 : 16,
                                    .maxval = (uint16_t)((1u << o->raw_bits) - 1)};
    const uint64_t skipped = pxr_source_skip(&im->in, o->raw_skip_bytes);
    if (skipped < o->raw_skip_bytes)
        return pxr_source_ended(&im->in, "skip", o->raw_skip_bytes, skipped,
                                "the input ends before the first frame");
    if (pxr_source_peek(&im->in) < 0)
        return pxr_source_ended(&im->in, "frame bytes", frame_bytes, 0, "the input holds no frame");
    while (pxr_source_peek(&im->in) >= 0) {
        e = pxr_import_samples(im, n_px, image.maxval, o->raw_is_big_endian);
        if (e == PXR_OK)
            e = pxr_import_emit(im, image);
        if (e != PXR_OK)
            return e;
        /* The gap holds no samples, so it may be missing or cut behind the last frame. */
        if (o->raw_stride_bytes)
            pxr_source_skip(&im->in, o->raw_stride_bytes - frame_bytes);
    }
    return im->in.err;
}

/* Digits at *at, which then stands behind them. */
static bool take_number(const char **at, uint64_t max, uint64_t *out)
{
    const char *const start = *at;
    *out = 0;
    for (; **at >= '0' && **at <= '9'; ++*at)
        *out = pxr_digit_append(*out, **at);
    return *at != start && *out && *out <= max;
}

enum pxr_err pxr_image_parse_raw(const char *text, struct pxr_image_opts *opts,
                                 struct pxr_diag *diag)
{
    const char *at = text;
    uint64_t width, height, bits;
    if (!take_number(&at, UINT32_MAX, &width) || *at++ != 'x' ||
        !take_number(&at, UINT32_MAX, &height) || *at++ != 'x' || !take_number(&at, 16, &bits) ||
        (*at && strcmp(at, "le") && strcmp(at, "be")))
        return pxr_fail(
            diag, PXR_E_INVALID,
            "'%.40s' is not WIDTHxHEIGHTxBITS with 1 to 16 bits and le or be behind it: "
            "640x480x8, 640x480x12le",
            text);
    opts->raw_width_px = (uint32_t)width;
    opts->raw_height_px = (uint32_t)height;
    opts->raw_bits = (uint8_t)bits;
    opts->raw_is_big_endian = *at == 'b';
    return PXR_OK;
}
