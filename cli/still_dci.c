/* SPDX-License-Identifier: MIT
 * DCI as a format of pixelrain convert. */
#include "still_format.h"

#include "still_pixels.h"

#include "dci.h"
#include "diag.h"

#include <string.h>

static enum pxr_err find_layout(const char *name, enum pxr_dci_layout *layout, struct pxr_diag *diag)
{
    if (!name || pxr_dci_layout_find(name, layout))
        return PXR_OK;
    return pxr_fail(diag, PXR_E_INVALID, "DCI has the layouts v1, v2, v3, late1 and late2-planar, not '%.40s'", name);
}

static enum pxr_err read_dci(struct pxr_still_input *in, pxr_image_fn *each, void *arg, struct pxr_diag *diag)
{
    struct pxr_dci_info info;
    enum pxr_dci_layout layout = PXR_DCI_AUTO;
    enum pxr_err e = find_layout(in->opts->from_layout, &layout, diag);
    if (e == PXR_OK)
        e = pxr_dci_parse(&info, in->bytes, in->n_bytes, layout, diag);
    if (e != PXR_OK)
        return e;
    struct pxr_image image = {.width_px = info.width_px,
                              .height_px = info.height_px,
                              .bits = 8,
                              .maxval = 255,
                              .n_channels = info.is_gray ? 1 : 3};
    image.stride_bytes = (size_t)image.width_px * image.n_channels;
    uint8_t *const pixels = pxr_alloc(pxr_still_bytes(&image));
    if (!pixels)
        return pxr_fail_nomem(diag, pxr_still_bytes(&image));
    image.pixels = pixels;
    e = pxr_dci_decode(&info, in->bytes, in->n_bytes, pixels, image.stride_bytes, image.n_channels, diag);
    if (e == PXR_OK)
        e = each(arg, &image, diag);
    pxr_free(pixels);
    return e;
}

/* Options, and what they mean where they say nothing: without loss.  Who asks for a layout or for a loss gets the bytes
 * that the layout's own program would write. */
static enum pxr_err choose_opts(const struct pxr_still_opts *o, struct pxr_dci_opts *dci, struct pxr_diag *diag)
{
    *dci = (struct pxr_dci_opts){.layout = PXR_DCI_V2, .threshold = (uint8_t)o->threshold};
    dci->average = o->average        ? (enum pxr_dci_average)(o->average - 1)
                   : o->layout       ? PXR_DCI_AVERAGE_ORIGINAL
                   : o->threshold    ? PXR_DCI_AVERAGE_ORIGINAL
                                     : PXR_DCI_AVERAGE_EXACT;
    return find_layout(o->layout, &dci->layout, diag);
}

static enum pxr_err check_same(const struct pxr_image *image, const struct pxr_buffer *file, struct pxr_diag *diag)
{
    struct pxr_dci_info info;
    enum pxr_err e = pxr_dci_parse(&info, file->bytes, file->n_bytes, PXR_DCI_AUTO, diag);
    if (e != PXR_OK)
        return e;
    const size_t row_bytes = (size_t)image->width_px * image->n_channels, n = pxr_still_bytes(image);
    uint8_t *const found = pxr_alloc(n);
    if (!found)
        return pxr_fail_nomem(diag, n);
    if (info.is_gray || image->n_channels == 3)
        e = pxr_dci_decode(&info, file->bytes, file->n_bytes, found, row_bytes, image->n_channels, diag);
    if (e == PXR_OK && (image->n_channels == 1 && !info.is_gray ? true : memcmp(found, image->pixels, n) != 0))
        e = pxr_fail(diag, PXR_E_UNSUPPORTED,
                     image->n_channels == 3 ? "DCI would change colours a little: --lossy or --threshold N allows it"
                                            : "this layout, as its own program writes it, would change samples a "
                                              "little: --average exact keeps them, --lossy or --threshold N allows it");
    pxr_free(found);
    return e;
}

static enum pxr_err write_dci(struct pxr_still_output *out, const struct pxr_image *image, struct pxr_diag *diag)
{
    const struct pxr_still_opts *const o = out->opts;
    struct pxr_dci_opts dci;
    struct pxr_image fitted = *image;
    enum pxr_err e = choose_opts(o, &dci, diag);
    if (e == PXR_OK && pxr_still_has_alpha(image) && !o->is_lossy)
        e = pxr_fail(diag, PXR_E_UNSUPPORTED, "DCI holds no transparency: --lossy drops it");
    if (e == PXR_OK && image->bits != 8 && !o->is_lossy)
        e = pxr_fail(diag, PXR_E_UNSUPPORTED, "DCI has samples of 8 bits: --lossy drops the low ones");
    if (e != PXR_OK)
        return e;
    fitted.n_channels = image->n_channels >= 3 ? 3 : 1;
    fitted.stride_bytes = (size_t)image->width_px * fitted.n_channels * (fitted.bits / 8u);
    void *const pixels = pxr_still_with_channels(image, fitted.n_channels);
    fitted.pixels = pixels;
    if (!pixels)
        return pxr_fail_nomem(diag, pxr_still_bytes(&fitted));
    if (fitted.bits != 8)
        pxr_still_shift(&fitted, pixels, pxr_still_depth(fitted.maxval) - 8);
    const struct pxr_dci_picture picture = {pixels, fitted.stride_bytes, fitted.width_px, fitted.height_px,
                                            fitted.n_channels};
    e = pxr_dci_encode(&out->bytes, &picture, &dci, diag);
    if (e == PXR_OK && !o->is_lossy && !o->has_threshold)
        e = check_same(&fitted, &out->bytes, diag);
    pxr_free(pixels);
    return e;
}

const struct pxr_still_format pxr_still_dci = {.name = "dci",
                                               .extensions = " dci ",
                                               .has_layouts = true,
                                               .is_strict_name = true,
                                               .read = read_dci,
                                               .write = write_dci};
