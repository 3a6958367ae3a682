/* SPDX-License-Identifier: MIT
 * Foreign image formats: detection, dispatch, defaults. */
#include "image.h"

#include "import.h"

#include "alloc.h"
#include "bytes.h"
#include "diag.h"

static bool begins_like(const uint8_t *head, size_t head_bytes, const char *magic,
                        size_t magic_bytes)
{
    /* A file that was cut within its magic should be called truncated, not unknown; two bytes are
     * the least that says anything. */
    const size_t n = head_bytes < magic_bytes ? head_bytes : magic_bytes;
    return n >= 2 && !memcmp(head, magic, n);
}

static bool begins_like_pnm(const uint8_t *head, size_t head_bytes)
{
    static const char after_magic[] = " \t\n\v\f\r#";
    /* P7 (PAM) as well: it is refused by name, which is better than being skipped. */
    if (head_bytes < 2 || head[0] != 'P' || head[1] < '1' || head[1] > '7')
        return false;
    return head_bytes == 2 || (head[2] && strchr(after_magic, head[2]));
}

/* Version 42, or 43 of BigTIFF, in the byte order that the letters say. */
static bool begins_like_tiff(const uint8_t *head, size_t head_bytes)
{
    static const char magics[][4] = {"II*", "II+", {'M', 'M', 0, '*'}, {'M', 'M', 0, '+'}};
    for (size_t i = 0; i < sizeof magics / sizeof magics[0]; i++)
        if (head_bytes >= 4 && !memcmp(head, magics[i], 4))
            return true;
    return false;
}

enum pxr_image_format pxr_image_detect(const uint8_t *head, size_t head_bytes)
{
    /* Four of the eight bytes of PNG: the others detect damage in transfer, which the reader names.
     */
    if (begins_like(head, head_bytes, "\x89PNG", 4))
        return PXR_IMAGE_PNG;
    if (begins_like(head, head_bytes, "YUV4MPEG2", 9))
        return PXR_IMAGE_Y4M;
    if (begins_like(head, head_bytes, "\x93NUMPY", 6))
        return PXR_IMAGE_NPY;
    if (begins_like(head, head_bytes, "LUCAM-RECORDER", 14))
        return PXR_IMAGE_SER;
    if (begins_like(head, head_bytes, "SIMPLE  =", 9))
        return PXR_IMAGE_FITS;
    if (begins_like_tiff(head, head_bytes))
        return PXR_IMAGE_TIFF;
    return begins_like_pnm(head, head_bytes) ? PXR_IMAGE_PNM : PXR_IMAGE_UNKNOWN;
}

static enum pxr_err dispatch(struct pxr_import *im, enum pxr_image_format format)
{
    switch (format) {
    case PXR_IMAGE_PNG:
        return pxr_png_read(im);
    case PXR_IMAGE_PNM:
        return pxr_pnm_read(im);
    case PXR_IMAGE_Y4M:
        return pxr_y4m_read(im);
    case PXR_IMAGE_RAW:
        return pxr_raw_read(im);
    case PXR_IMAGE_NPY:
        return pxr_npy_read(im);
    case PXR_IMAGE_SER:
        return pxr_ser_read(im);
    case PXR_IMAGE_FITS:
        return pxr_fits_read(im);
    case PXR_IMAGE_TIFF:
#ifdef PXR_HAVE_TIFF
        return pxr_tiff_read(im);
#else
        return pxr_fail(im->diag, PXR_E_UNSUPPORTED, "this pixelrain was built without libtiff");
#endif
    case PXR_IMAGE_STILL:
    case PXR_IMAGE_UNKNOWN:
        break;
    }
    return pxr_fail_at(im->diag, PXR_E_NOTPXR, 0, "begins like no PNG, PNM, Y4M, NPY, TIFF, SER or FITS file");
}

enum pxr_err pxr_image_read(int fd, const uint8_t *head, size_t head_bytes,
                            enum pxr_image_format format, const struct pxr_image_opts *opts,
                            pxr_image_fn *each, void *arg, struct pxr_diag *diag)
{
    struct pxr_diag own;
    struct pxr_import im = {.opts = *opts, .each = each, .arg = arg, .diag = diag ? diag : &own};
    /* 2^40 pixels: far beyond any memory, and no arithmetic on sizes can overflow below it. */
    im.opts.max_frame_px =
        pxr_min_u64(opts->max_frame_px ? opts->max_frame_px : (uint64_t)1 << 28, (uint64_t)1 << 40);
    im.opts.max_file_bytes = opts->max_file_bytes ? opts->max_file_bytes : (uint64_t)4 << 30;
    enum pxr_err e = pxr_source_init(&im.in, fd, head, head_bytes, im.diag);
    if (e != PXR_OK)
        return e;
    if (pxr_source_peek(&im.in) < 0)
        e = pxr_source_ended(&im.in, "", 1, 0, "the input is empty");
    else
        e = dispatch(&im, format);
    if (im.number && !im.has_callee_failed)
        pxr_diag_in_frame(im.diag, e, im.number);
    pxr_source_fini(&im.in);
    pxr_free(im.frame);
    return e;
}
