/* SPDX-License-Identifier: MIT
 * A rectangle of each frame: chosen on the command line, decoded, and made a file. */
#include "region.h"

#include "diag.h"
#include "export.h"
#include "option.h"
#include "view_tiff.h"

#include <inttypes.h>
#include <string.h>

/* Rows that are decoded at a time where their whole width is not wanted. */
#define STRIP_BYTES (1u << 20)
#define TIFF_HEAD_BYTES 256u

enum pxr_err pxr_region_parse(struct pxr_region *out, const char *text, uint32_t width_px, uint32_t height_px,
                              struct pxr_diag *diag)
{
    uint64_t v[4];
    const char *at = text;
    *out = (struct pxr_region){.width_px = width_px, .height_px = height_px};
    if (!text)
        return PXR_OK;
    for (size_t i = 0; i < 4; i++) {
        char digits[12] = "";
        const size_t n = strcspn(at, ",");
        if (n < sizeof digits)
            memcpy(digits, at, n);
        if (n >= sizeof digits || !pxr_parse_u64(digits, 0, UINT32_MAX, &v[i]) || at[n] != (i < 3 ? ',' : 0))
            return pxr_fail(diag, PXR_E_INVALID, "--region wants X,Y,WIDTH,HEIGHT, not '%.60s'", text);
        at += n + 1;
    }
    if (!v[2] || !v[3] || !pxr_range_fits(v[0], v[2], width_px) || !pxr_range_fits(v[1], v[3], height_px))
        return pxr_fail(diag, PXR_E_RANGE, "the region %.60s does not lie inside frames of %" PRIu32 "x%" PRIu32 " pixels",
                        text, width_px, height_px);
    *out = (struct pxr_region){(uint32_t)v[0], (uint32_t)v[1], (uint32_t)v[2], (uint32_t)v[3]};
    return PXR_OK;
}

static enum pxr_err read_rows(pxr_decoder *d, uint64_t frame, uint32_t y, uint32_t n_rows, uint8_t *dst,
                              size_t row_bytes, struct pxr_diag *diag)
{
    const enum pxr_err e = pxr_frame_read(d, frame, y, n_rows, dst, n_rows * row_bytes, row_bytes);
    if (e != PXR_OK) {
        *diag = *pxr_decoder_diag(d);
        pxr_diag_in_frame(diag, e, frame);
    }
    return e;
}

enum pxr_err pxr_region_read(pxr_decoder *d, uint64_t frame, const struct pxr_frame_info *info,
                             const struct pxr_region *region, struct pxr_buffer *dst, struct pxr_diag *diag)
{
    const size_t sample_bytes = info->bits / 8u, row_bytes = info->width_px * sample_bytes;
    const size_t kept_bytes = region->width_px * sample_bytes;
    uint8_t *to = pxr_buffer_extend(dst, kept_bytes * region->height_px);
    if (!to)
        return pxr_fail_nomem(diag, kept_bytes * region->height_px);
    if (kept_bytes == row_bytes)
        return read_rows(d, frame, region->y_px, region->height_px, to, row_bytes, diag);
    const uint32_t step = (uint32_t)pxr_max_u64(1, pxr_min_u64(region->height_px, STRIP_BYTES / row_bytes));
    uint8_t *strip = pxr_alloc(step * row_bytes);
    enum pxr_err e = strip ? PXR_OK : pxr_fail_nomem(diag, step * row_bytes);
    for (uint32_t y = 0; e == PXR_OK && y < region->height_px; y += step) {
        const uint32_t n = (uint32_t)pxr_min_u64(step, region->height_px - y);
        e = read_rows(d, frame, region->y_px + y, n, strip, row_bytes, diag);
        for (uint32_t r = 0; e == PXR_OK && r < n; r++)
            memcpy(to + (size_t)(y + r) * kept_bytes, strip + r * row_bytes + region->x_px * sample_bytes, kept_bytes);
    }
    pxr_free(strip);
    return e;
}

/* As the view tif, docs/format.md. */
static enum pxr_err put_tiff(struct pxr_buffer *dst, const struct pxr_image *image, struct pxr_diag *diag)
{
    const struct pxr_tiff_page page = {.width_px = image->width_px,
                                       .height_px = image->height_px,
                                       .bits = image->bits,
                                       .data_off_bytes = TIFF_HEAD_BYTES};
    uint8_t *head = pxr_buffer_extend(dst, TIFF_HEAD_BYTES);
    if (!head)
        return pxr_fail_nomem(diag, TIFF_HEAD_BYTES);
    memset(head, 0, TIFF_HEAD_BYTES);
    pxr_tiff_store_head(head, PXR_TIFF_CLASSIC_HEAD_BYTES);
    pxr_tiff_store_ifd(head + PXR_TIFF_CLASSIC_HEAD_BYTES, &page);
    return pxr_raw_put(dst, image, diag);
}

/* A PGM of 16-bit samples with a maxval up to 255 has one byte for each. */
static enum pxr_err put_pgm(struct pxr_buffer *dst, struct pxr_image image, struct pxr_diag *diag)
{
    if (image.bits == 8 || image.maxval > 255)
        return pxr_pnm_put(dst, &image, diag);
    const size_t n = (size_t)image.width_px * image.height_px;
    uint8_t *narrow = pxr_alloc(n);
    if (!narrow)
        return pxr_fail_nomem(diag, n);
    for (size_t i = 0; i < n; i++)
        narrow[i] = (uint8_t)((const uint16_t *)image.pixels)[i];
    image.pixels = narrow;
    image.bits = 8;
    image.stride_bytes = image.width_px;
    const enum pxr_err e = pxr_pnm_put(dst, &image, diag);
    pxr_free(narrow);
    return e;
}

enum pxr_err pxr_region_put(struct pxr_buffer *dst, const struct pxr_frame_info *info,
                            const struct pxr_region *region, const void *samples, enum pxr_view view, int png_level,
                            struct pxr_diag *diag)
{
    const struct pxr_image image = {.width_px = region->width_px,
                                    .height_px = region->height_px,
                                    .bits = info->bits,
                                    .sbit = info->sbit,
                                    .maxval = info->maxval,
                                    .n_channels = 1,
                                    .pixels = samples,
                                    .stride_bytes = region->width_px * (info->bits / 8u)};
    const uint64_t n_bytes = (uint64_t)image.stride_bytes * image.height_px;
    enum pxr_err e;
    switch (view) {
    case PXR_VIEW_PNG:
        return pxr_png_put_level(dst, &image, png_level < 0 ? 0 : png_level, diag);
    case PXR_VIEW_PGM:
        return put_pgm(dst, image, diag);
    case PXR_VIEW_RAW:
        return pxr_raw_put(dst, &image, diag);
    case PXR_VIEW_NPY:
        e = pxr_npy_put_header(dst, &image, 0, diag);
        return e == PXR_OK ? pxr_npy_put_samples(dst, &image, diag) : e;
    case PXR_VIEW_TIF:
        if (n_bytes <= UINT32_MAX - TIFF_HEAD_BYTES)
            return put_tiff(dst, &image, diag);
        break;
    default:
        break;
    }
    return pxr_fail(diag, PXR_E_UNSUPPORTED, "there is no such %s file of a part of a frame", pxr_view_name(view));
}
