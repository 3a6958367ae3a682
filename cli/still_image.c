/* SPDX-License-Identifier: MIT
 * PNG, PNM, NPY and Y4M as formats of pixelrain convert. */
#include "still_format.h"

#include "still_pixels.h"

#include "diag.h"
#include "export.h"

#include <strings.h>

static bool begins_like(enum pxr_image_format format, const uint8_t *head, size_t head_bytes)
{
    return pxr_image_detect(head, head_bytes) == format;
}
static bool is_like_png(const uint8_t *head, size_t n) { return begins_like(PXR_IMAGE_PNG, head, n); }
static bool is_like_pnm(const uint8_t *head, size_t n) { return begins_like(PXR_IMAGE_PNM, head, n); }
static bool is_like_npy(const uint8_t *head, size_t n) { return begins_like(PXR_IMAGE_NPY, head, n); }
static bool is_like_y4m(const uint8_t *head, size_t n) { return begins_like(PXR_IMAGE_Y4M, head, n); }

/* All of the file counts as taken from the descriptor already. */
static enum pxr_err read_image(struct pxr_still_input *in, enum pxr_image_format format, pxr_image_fn *each, void *arg,
                               struct pxr_diag *diag)
{
    const struct pxr_image_opts opts = {.max_frame_px = in->opts->max_frame_px,
                                        .luma = in->opts->is_luma,
                                        .keep_channels = true};
    return pxr_image_read(in->fd, in->bytes, in->n_bytes, format, &opts, each, arg, diag);
}

static enum pxr_err read_png(struct pxr_still_input *in, pxr_image_fn *each, void *arg, struct pxr_diag *diag)
{
    return read_image(in, PXR_IMAGE_PNG, each, arg, diag);
}
static enum pxr_err read_pnm(struct pxr_still_input *in, pxr_image_fn *each, void *arg, struct pxr_diag *diag)
{
    return read_image(in, PXR_IMAGE_PNM, each, arg, diag);
}
static enum pxr_err read_npy(struct pxr_still_input *in, pxr_image_fn *each, void *arg, struct pxr_diag *diag)
{
    return read_image(in, PXR_IMAGE_NPY, each, arg, diag);
}
static enum pxr_err read_y4m(struct pxr_still_input *in, pxr_image_fn *each, void *arg, struct pxr_diag *diag)
{
    return read_image(in, PXR_IMAGE_Y4M, each, arg, diag);
}

static enum pxr_err write_png(struct pxr_still_output *out, const struct pxr_image *image, struct pxr_diag *diag)
{
    return pxr_png_put(&out->bytes, image, diag);
}

static enum pxr_err write_pnm(struct pxr_still_output *out, const struct pxr_image *image, struct pxr_diag *diag)
{
    struct pxr_image plain = *image;
    const bool is_pgm = out->extension && !strcasecmp(out->extension, "pgm");
    const bool is_ppm = out->extension && !strcasecmp(out->extension, "ppm");
    const bool is_coloured = image->n_channels >= 3;
    if (pxr_still_has_alpha(image) && !out->opts->is_lossy)
        return pxr_fail(diag, PXR_E_UNSUPPORTED, "PNM holds no transparency: --lossy drops it");
    if (is_coloured && is_pgm)
        return pxr_fail(diag, PXR_E_UNSUPPORTED, "PGM holds no colour: --luma turns it into gray, and PPM keeps it");
    plain.n_channels = is_ppm || is_coloured ? 3 : 1;
    if (plain.n_channels == image->n_channels)
        return pxr_pnm_put(&out->bytes, image, diag);
    void *const pixels = pxr_still_with_channels(image, plain.n_channels);
    plain.stride_bytes = (size_t)plain.width_px * plain.n_channels * (plain.bits / 8u);
    plain.pixels = pixels;
    const enum pxr_err e = pixels ? pxr_pnm_put(&out->bytes, &plain, diag) : pxr_fail_nomem(diag, pxr_still_bytes(&plain));
    pxr_free(pixels);
    return e;
}

static enum pxr_err write_npy(struct pxr_still_output *out, const struct pxr_image *image, struct pxr_diag *diag)
{
    return pxr_npy_put_samples(&out->bytes, image, diag);
}

/* The header says how many frames follow. */
static enum pxr_err finish_npy(struct pxr_still_output *out, struct pxr_diag *diag)
{
    struct pxr_buffer head = {0};
    const size_t body_bytes = out->bytes.n_bytes;
    enum pxr_err e = pxr_npy_put_header(&head, &out->first, out->n_frames > 1 ? out->n_frames : 0, diag);
    if (e == PXR_OK && !pxr_buffer_extend(&out->bytes, head.n_bytes))
        e = pxr_fail_nomem(diag, body_bytes + head.n_bytes);
    if (e == PXR_OK) {
        memmove(out->bytes.bytes + head.n_bytes, out->bytes.bytes, body_bytes);
        memcpy(out->bytes.bytes, head.bytes, head.n_bytes);
    }
    pxr_buffer_fini(&head);
    return e;
}

const struct pxr_still_format pxr_still_png = {
    .name = "png", .extensions = " png ", .is_image = true, .is_like = is_like_png, .read = read_png, .write = write_png};
const struct pxr_still_format pxr_still_pnm = {.name = "pnm",
                                               .extensions = " pnm pgm ppm pbm ",
                                               .holds_many = true,
                                               .is_image = true,
                                               .is_like = is_like_pnm,
                                               .read = read_pnm,
                                               .write = write_pnm};
const struct pxr_still_format pxr_still_npy = {.name = "npy",
                                               .extensions = " npy ",
                                               .holds_many = true,
                                               .is_image = true,
                                               .is_like = is_like_npy,
                                               .read = read_npy,
                                               .write = write_npy,
                                               .finish = finish_npy};
const struct pxr_still_format pxr_still_y4m = {
    .name = "y4m", .extensions = " y4m ", .is_image = true, .is_like = is_like_y4m, .read = read_y4m};
