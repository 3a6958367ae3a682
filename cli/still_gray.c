/* SPDX-License-Identifier: MIT
 * The still formats as inputs of pack. */
#include "still_gray.h"

#include "still_format.h"

#include "diag.h"
#include "gray.h"
#include "io.h"

#include <strings.h>

#define MAX_FILE_BYTES ((uint64_t)4 << 30)

struct gray_pass {
    bool luma;
    pxr_image_fn *each;
    void *arg;
    uint64_t number;
    bool has_callee_failed; /* the error is not one of the input */
};

static enum pxr_err convert_rows(const struct gray_pass *p, const struct pxr_image *found, struct pxr_image *gray,
                                 uint8_t *pixels, struct pxr_diag *diag)
{
    enum pxr_err e = PXR_OK;
    for (uint32_t y = 0; e == PXR_OK && y < found->height_px; y++) {
        const struct pxr_gray_span span = {.dst = pixels + y * gray->stride_bytes,
                                           .src = (const uint8_t *)found->pixels + y * found->stride_bytes,
                                           .n_px = found->width_px,
                                           .n_channels = found->n_channels,
                                           .bits = found->bits,
                                           .maxval = found->maxval,
                                           .luma = p->luma,
                                           .x_step = 1,
                                           .y = y};
        e = pxr_gray_convert(&span, diag);
    }
    return e;
}

static enum pxr_err take_frame(void *arg, const struct pxr_image *found, struct pxr_diag *diag)
{
    struct gray_pass *const p = arg;
    struct pxr_image gray = *found;
    gray.n_channels = 1;
    gray.stride_bytes = (size_t)found->width_px * (found->bits / 8u);
    uint8_t *const pixels = pxr_alloc(gray.stride_bytes * found->height_px);
    if (!pixels)
        return pxr_fail_nomem(diag, gray.stride_bytes * found->height_px);
    gray.pixels = pixels;
    gray.number = p->number;
    enum pxr_err e = convert_rows(p, found, &gray, pixels, diag);
    if (e == PXR_OK) {
        p->number++;
        e = p->each(p->arg, &gray, diag);
        p->has_callee_failed = e != PXR_OK;
    }
    pxr_free(pixels);
    return e;
}

bool pxr_still_has_name(const char *path)
{
    const char *const dot = strrchr(path, '.');
    /* What envelopes are called elsewhere, but many other things as well. */
    return pxr_still_format_of_path(path) && strcasecmp(dot, ".env") != 0;
}

bool pxr_still_is_input(const uint8_t *head, size_t head_bytes, const char *path)
{
    const struct pxr_still_format *const f = pxr_still_format_detect(head, head_bytes, path);
    return f && !f->is_image && ((f->is_like && f->is_like(head, head_bytes)) || pxr_still_has_name(path));
}

enum pxr_err pxr_still_read_gray(const char *path, int fd, const uint8_t *head, size_t head_bytes,
                                 const struct pxr_image_opts *opts, pxr_image_fn *each, void *arg,
                                 struct pxr_diag *diag)
{
    const struct pxr_still_opts still = {.is_strict = true, .max_frame_px = opts->max_frame_px};
    struct gray_pass pass = {.luma = opts->luma, .each = each, .arg = arg};
    struct pxr_buffer bytes = {0};
    uint8_t *rest = NULL;
    size_t rest_bytes = 0;
    enum pxr_err e = pxr_read_all(fd, MAX_FILE_BYTES, &rest, &rest_bytes, diag);
    if (e == PXR_OK && (!pxr_buffer_add(&bytes, head, head_bytes) || !pxr_buffer_add(&bytes, rest, rest_bytes)))
        e = pxr_fail_nomem(diag, head_bytes + rest_bytes);
    pxr_free(rest);
    const struct pxr_still_format *const format =
        e == PXR_OK ? pxr_still_format_detect(bytes.bytes, bytes.n_bytes, path) : NULL;
    if (e == PXR_OK && !format)
        e = pxr_fail_at(diag, PXR_E_NOTPXR, 0, "is of no format that is known");
    if (e == PXR_OK) {
        struct pxr_still_input in = {
            .path = path, .fd = fd, .bytes = bytes.bytes, .n_bytes = bytes.n_bytes, .opts = &still};
        e = format->read(&in, take_frame, &pass, diag);
        if (e == PXR_OK && in.is_part)
            e = pxr_fail(diag, PXR_E_UNSUPPORTED, "is a tile of a larger picture: convert joins them");
    }
    if (pass.number && !pass.has_callee_failed)
        pxr_diag_in_frame(diag, e, pass.number);
    pxr_buffer_fini(&bytes);
    return e;
}
