/* SPDX-License-Identifier: MIT
 * Pictures as PNM and NPY files. */
#include "export.h"

#include "diag.h"

#include <inttypes.h>
#include <stdio.h>

static enum pxr_err put_samples(struct pxr_buffer *dst, const struct pxr_image *image, bool is_big_endian,
                                struct pxr_diag *diag)
{
    const size_t row_samples = (size_t)image->width_px * image->n_channels;
    const size_t row_bytes = row_samples * (image->bits / 8u);
    for (uint32_t y = 0; y < image->height_px; y++) {
        const uint8_t *const row = (const uint8_t *)image->pixels + y * image->stride_bytes;
        uint8_t *const to = pxr_buffer_extend(dst, row_bytes);
        if (!to)
            return pxr_fail_nomem(diag, dst->n_bytes + row_bytes);
        if (is_big_endian)
            pxr_copy_samples_be(to, row, row_samples, image->bits);
        else
            pxr_copy_samples_le(to, row, row_samples, image->bits);
    }
    return PXR_OK;
}

static enum pxr_err put_text(struct pxr_buffer *dst, const char *text, int n_bytes, struct pxr_diag *diag)
{
    return pxr_buffer_add(dst, text, (size_t)n_bytes) ? PXR_OK : pxr_fail_nomem(diag, dst->n_bytes);
}

enum pxr_err pxr_pnm_put(struct pxr_buffer *dst, const struct pxr_image *image, struct pxr_diag *diag)
{
    char head[64];
    if (image->n_channels != 1 && image->n_channels != 3)
        return pxr_fail(diag, PXR_E_INVALID, "a PNM file holds no transparency");
    const int n = snprintf(head, sizeof head, "P%c\n%" PRIu32 " %" PRIu32 "\n%u\n", image->n_channels == 1 ? '5' : '6',
                           image->width_px, image->height_px, image->maxval);
    const enum pxr_err e = put_text(dst, head, n, diag);
    return e == PXR_OK ? put_samples(dst, image, true, diag) : e;
}

/* As numpy.save writes it: a Python literal, filled up with spaces so that the data are aligned to 64 bytes. */
static enum pxr_err put_npy_header(struct pxr_buffer *dst, const char *descr, const char *shape, struct pxr_diag *diag)
{
    enum { FIXED_BYTES = 10 };
    char text[256];
    int n = snprintf(text, sizeof text - 64, "%.10s{'descr': '%s', 'fortran_order': False, 'shape': (%s), }",
                     "\x93NUMPY\x01-..", descr, shape);
    do
        text[n++] = ' ';
    while ((n + 1) % 64);
    text[n++] = '\n';
    text[7] = 0;
    pxr_store_u16le(text + 8, (uint16_t)(n - FIXED_BYTES));
    return put_text(dst, text, n, diag);
}

enum pxr_err pxr_npy_put_header(struct pxr_buffer *dst, const struct pxr_image *image, uint64_t n_frames,
                                struct pxr_diag *diag)
{
    char frames[32] = "", channels[16] = "", shape[96];
    if (n_frames)
        snprintf(frames, sizeof frames, "%" PRIu64 ", ", n_frames);
    if (image->n_channels > 1)
        snprintf(channels, sizeof channels, ", %u", image->n_channels);
    snprintf(shape, sizeof shape, "%s%" PRIu32 ", %" PRIu32 "%s", frames, image->height_px, image->width_px, channels);
    return put_npy_header(dst, image->bits == 8 ? "|u1" : "<u2", shape, diag);
}

enum pxr_err pxr_npy_array_put_header(struct pxr_buffer *dst, const char *descr, uint32_t width_px, uint32_t height_px,
                                      struct pxr_diag *diag)
{
    char shape[48];
    snprintf(shape, sizeof shape, "%" PRIu32 ", %" PRIu32, height_px, width_px);
    return put_npy_header(dst, descr, shape, diag);
}

enum pxr_err pxr_npy_put_samples(struct pxr_buffer *dst, const struct pxr_image *image, struct pxr_diag *diag)
{
    return put_samples(dst, image, false, diag);
}

enum pxr_err pxr_raw_put(struct pxr_buffer *dst, const struct pxr_image *image, struct pxr_diag *diag)
{
    return put_samples(dst, image, false, diag);
}
