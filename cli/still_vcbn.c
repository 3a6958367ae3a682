/* SPDX-License-Identifier: MIT
 * ImgPack's envelopes as a format of pixelrain convert. */
#include "still_vcbn.h"

#include "still_pixels.h"

#include "diag.h"

#include <stdlib.h>
#include <string.h>

/* ---- reading --------------------------------------------------------------------------------- */

static bool is_like_vcbn(const uint8_t *head, size_t n)
{
    return n >= 4 && (!memcmp(head, "VCBN", 4) || !memcmp(head, "CBIN", 4) || !memcmp(head, "IMPK", 4));
}

/* The resolution is the highest sample in some dialects and the number of levels in others: the next 2^n - 1 that no
 * sample exceeds. */
static uint16_t find_maxval(const struct pxr_vcbn_info *info, const struct pxr_image *image)
{
    unsigned most = 1;
    const size_t n = pxr_still_n_samples(image);
    const bool is_stated = info->resolution >= 2 && info->resolution < 65535;
    if (image->bits == 8)
        return 255;
    for (size_t i = 0; is_stated && i < n; i++) {
        uint16_t v;
        memcpy(&v, (const uint8_t *)image->pixels + 2 * i, 2);
        most = v > most ? v : most;
    }
    if (is_stated && most < (unsigned)info->resolution - 1)
        most = (unsigned)info->resolution - 1;
    const unsigned depth = is_stated ? pxr_still_depth((uint16_t)most) : 16;
    return (uint16_t)((1u << (depth < 9 ? 9 : depth)) - 1);
}

static enum pxr_err read_vcbn(struct pxr_still_input *in, pxr_image_fn *each, void *arg, struct pxr_diag *diag)
{
    struct pxr_vcbn_info info;
    enum pxr_err e = pxr_vcbn_parse(&info, in->bytes, in->n_bytes, diag);
    if (e != PXR_OK)
        return e;
    if (info.container != PXR_VCBN_UINT8 && info.container != PXR_VCBN_UINT16)
        return pxr_fail(diag, PXR_E_UNSUPPORTED, "holds %s, which no other format here holds",
                        pxr_vcbn_dtype_name(info.container));
    struct pxr_image image = {.width_px = info.width_px,
                              .height_px = info.height_px,
                              .bits = info.container == PXR_VCBN_UINT8 ? 8 : 16,
                              .n_channels = 1};
    image.stride_bytes = (size_t)image.width_px * (image.bits / 8u);
    if (in->opts->max_frame_px && (uint64_t)image.width_px * image.height_px > in->opts->max_frame_px)
        return pxr_fail(diag, PXR_E_LIMIT, "the picture is larger than the limit");
    void *const pixels = pxr_alloc(pxr_still_bytes(&image));
    if (!pixels)
        return pxr_fail_nomem(diag, pxr_still_bytes(&image));
    pxr_vcbn_decode(&info, in->bytes, pixels, image.stride_bytes);
    image.pixels = pixels;
    image.maxval = find_maxval(&info, &image);
    e = each(arg, &image, diag);
    pxr_free(pixels);
    return e;
}

/* ---- writing --------------------------------------------------------------------------------- */

static enum pxr_err parse_number(const char *name, const char *text, double *v, struct pxr_diag *diag)
{
    char *end;
    *v = strtod(text, &end);
    if (end != text && !*end && *v - *v == 0) /* not infinite, and a number */
        return PXR_OK;
    return pxr_fail(diag, PXR_E_INVALID, "%s wants a finite number, not '%.40s'", name, text);
}

static enum pxr_err find_dialect(const struct pxr_still_opts *o, enum pxr_vcbn_dialect *dialect, struct pxr_diag *diag)
{
    *dialect = PXR_VCBN_VCBN;
    if (!o->layout || pxr_vcbn_dialect_find(o->layout, dialect))
        return PXR_OK;
    return pxr_fail(diag, PXR_E_INVALID, "ImgPack has the dialects vcbn, cbin, impk and head, not '%.40s'", o->layout);
}

static bool asks_for_something(const struct pxr_still_opts *o)
{
    return o->vmin || o->vmax || o->dtype || o->bits;
}

/* Quantised as the original does it; vcbn->dtype is what was not asked for otherwise. */
static enum pxr_err apply_opts(const struct pxr_still_opts *o, struct pxr_vcbn_opts *vcbn, struct pxr_diag *diag)
{
    enum pxr_err e = PXR_OK;
    vcbn->bits = (uint8_t)o->bits;
    vcbn->is_big_endian = o->is_big_endian;
    if (o->bits)
        vcbn->dtype = PXR_VCBN_PACKED;
    if (o->dtype && !pxr_vcbn_dtype_find(o->dtype, &vcbn->dtype))
        return pxr_fail(diag, PXR_E_INVALID, "there is no dtype '%.40s'", o->dtype);
    if (!o->vmin != !o->vmax)
        return pxr_fail(diag, PXR_E_INVALID, "--vmin and --vmax go together");
    if (vcbn->dialect == PXR_VCBN_HEAD && !o->bits)
        vcbn->bits = vcbn->dtype == PXR_VCBN_UINT8 ? 8 : vcbn->dtype == PXR_VCBN_UINT16 ? 16 : 0;
    if (o->vmin) {
        vcbn->has_range = true;
        e = parse_number("--vmin", o->vmin, &vcbn->vmin, diag);
        if (e == PXR_OK)
            e = parse_number("--vmax", o->vmax, &vcbn->vmax, diag);
    }
    return e;
}

/* Where nothing else was asked for samples are kept. */
static enum pxr_err choose_opts(const struct pxr_still_opts *o, const struct pxr_image *image,
                                struct pxr_vcbn_opts *vcbn, struct pxr_diag *diag)
{
    enum pxr_vcbn_dialect dialect;
    const unsigned depth = pxr_still_depth(image->maxval);
    const enum pxr_err e = find_dialect(o, &dialect, diag);
    if (e != PXR_OK)
        return e;
    if (asks_for_something(o)) {
        *vcbn = (struct pxr_vcbn_opts){.dialect = dialect,
                                       .dtype = image->bits == 8 ? PXR_VCBN_UINT8 : PXR_VCBN_UINT16};
        return apply_opts(o, vcbn, diag);
    }
    *vcbn = pxr_vcbn_lossless_opts(dialect, image->bits, image->maxval);
    vcbn->is_big_endian = o->is_big_endian;
    if (dialect == PXR_VCBN_HEAD && image->bits == 16 && image->maxval == (1u << depth) - 1) {
        vcbn->bits = (uint8_t)depth; /* only this dialect can say it */
        vcbn->vmax = image->maxval;
    }
    return PXR_OK;
}

enum pxr_err pxr_still_vcbn_array_opts(const struct pxr_still_opts *o, enum pxr_vcbn_input type,
                                       struct pxr_vcbn_opts *vcbn, struct pxr_diag *diag)
{
    const bool is_float = type == PXR_VCBN_IN_F16 || type == PXR_VCBN_IN_F32 || type == PXR_VCBN_IN_F64;
    *vcbn = (struct pxr_vcbn_opts){.dtype = PXR_VCBN_UINT16};
    const enum pxr_err e = find_dialect(o, &vcbn->dialect, diag);
    if (e != PXR_OK)
        return e;
    if (vcbn->dialect == PXR_VCBN_HEAD && is_float && !asks_for_something(o))
        vcbn->dtype = type == PXR_VCBN_IN_F16   ? PXR_VCBN_FLOAT16
                      : type == PXR_VCBN_IN_F32 ? PXR_VCBN_FLOAT32
                                                : PXR_VCBN_FLOAT64;
    else if (!asks_for_something(o) && !o->is_lossy)
        return pxr_fail(diag, PXR_E_UNSUPPORTED,
                        "these numbers would be quantised: --dtype, --vmin and --vmax or --lossy allow it%s",
                        is_float ? "; --dialect head keeps them" : "");
    return apply_opts(o, vcbn, diag);
}

static enum pxr_err write_vcbn(struct pxr_still_output *out, const struct pxr_image *image, struct pxr_diag *diag)
{
    const struct pxr_still_opts *const o = out->opts;
    struct pxr_vcbn_opts vcbn;
    if (image->n_channels >= 3)
        return pxr_fail(diag, PXR_E_UNSUPPORTED, "an envelope holds no colour: --luma turns it into gray");
    if (pxr_still_has_alpha(image) && !o->is_lossy)
        return pxr_fail(diag, PXR_E_UNSUPPORTED, "an envelope holds no transparency: --lossy drops it");
    enum pxr_err e = choose_opts(o, image, &vcbn, diag);
    if (e != PXR_OK)
        return e;
    void *const gray = pxr_still_with_channels(image, 1);
    if (!gray)
        return pxr_fail_nomem(diag, pxr_still_bytes(image));
    const struct pxr_vcbn_array array = {.data = gray,
                                         .stride_bytes = (size_t)image->width_px * (image->bits / 8u),
                                         .width_px = image->width_px,
                                         .height_px = image->height_px,
                                         .type = image->bits == 8 ? PXR_VCBN_IN_U8 : PXR_VCBN_IN_U16};
    e = pxr_vcbn_encode(&out->bytes, &array, &vcbn, diag);
    pxr_free(gray);
    return e;
}

const struct pxr_still_format pxr_still_vcbn = {.name = "vcbn",
                                                .extensions = " vcbn cbin impk env ",
                                                .has_layouts = true,
                                                .is_strict_name = true,
                                                .is_like = is_like_vcbn,
                                                .read = read_vcbn,
                                                .write = write_vcbn};
