/* SPDX-License-Identifier: MIT
 * Views that are a short head and the rows of the frame: pgm, raw, npy, tif. */
#include "bytes.h"
#include "view_npy.h"
#include "view_tiff.h"
#include "view_kind.h"

#include <stdio.h>

/* The rows in the container's samples, little endian, behind a head. */
static bool lay_out_le(struct pxr_view_file *f, size_t head_bytes)
{
    f->head_bytes = head_bytes;
    if (!pxr_view_rows_init(&f->rows, f->info, 0, f->info->bits / 8u, false))
        return false;
    f->total_bytes = head_bytes + pxr_view_rows_bytes(&f->rows);
    return true;
}

/* ---- pgm ----------------------------------------------------------------------------------------- */

static size_t pgm_head(const struct pxr_frame_info *i, char dst[PXR_VIEW_HEAD_BYTES])
{
    return (size_t)snprintf(dst, PXR_VIEW_HEAD_BYTES, "P5\n%u %u\n%u\n", i->width_px, i->height_px,
                            i->maxval);
}

static bool lay_out_pgm(struct pxr_view_file *f)
{
    char head[PXR_VIEW_HEAD_BYTES];
    const size_t sample_bytes = f->info->bits == 16 && f->info->maxval > 255 ? 2 : 1;
    if (!pxr_view_rows_init(&f->rows, f->info, 0, sample_bytes, true))
        return false;
    f->head_bytes = pgm_head(f->info, head);
    f->total_bytes = f->head_bytes + pxr_view_rows_bytes(&f->rows);
    return true;
}

static void store_pgm_head(const struct pxr_view_file *f, uint8_t dst[PXR_VIEW_HEAD_BYTES])
{
    pgm_head(f->info, (char *)dst);
}

const struct pxr_view_kind pxr_view_kind_pgm = {
    .name = "pgm", .extension = "pgm", .lay_out = lay_out_pgm, .store_head = store_pgm_head};

/* ---- raw ----------------------------------------------------------------------------------------- */

static bool lay_out_raw(struct pxr_view_file *f) { return lay_out_le(f, 0); }

const struct pxr_view_kind pxr_view_kind_raw = {
    .name = "raw", .extension = "raw", .lay_out = lay_out_raw};

/* ---- npy ----------------------------------------------------------------------------------------- */

#define NPY_HEAD_BYTES 128u

static bool lay_out_npy(struct pxr_view_file *f) { return lay_out_le(f, NPY_HEAD_BYTES); }

static void store_npy_head(const struct pxr_view_file *f, uint8_t dst[PXR_VIEW_HEAD_BYTES])
{
    pxr_npy_store_head(dst, NPY_HEAD_BYTES, f->info->bits, PXR_NONE, f->info->height_px,
                       f->info->width_px);
}

const struct pxr_view_kind pxr_view_kind_npy = {
    .name = "npy", .extension = "npy", .lay_out = lay_out_npy, .store_head = store_npy_head};

/* ---- tif ----------------------------------------------------------------------------------------- */

#define TIF_HEAD_BYTES 256u

static bool lay_out_tif(struct pxr_view_file *f)
{
    return lay_out_le(f, TIF_HEAD_BYTES) && f->total_bytes <= UINT32_MAX;
}

static void store_tif_head(const struct pxr_view_file *f, uint8_t dst[PXR_VIEW_HEAD_BYTES])
{
    const struct pxr_tiff_page page = {.width_px = f->info->width_px,
                                       .height_px = f->info->height_px,
                                       .bits = f->info->bits,
                                       .data_off_bytes = TIF_HEAD_BYTES};
    memset(dst, 0, TIF_HEAD_BYTES);
    pxr_tiff_store_head(dst, PXR_TIFF_CLASSIC_HEAD_BYTES);
    pxr_tiff_store_ifd(dst + PXR_TIFF_CLASSIC_HEAD_BYTES, &page);
}

const struct pxr_view_kind pxr_view_kind_tif = {
    .name = "tif", .extension = "tif", .lay_out = lay_out_tif, .store_head = store_tif_head};
