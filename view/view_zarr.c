/* SPDX-License-Identifier: MIT
 * All frames as a Zarr array, version 2 (docs/format.md, "Views"): one chunk is some rows of a frame. */
#include "bytes.h"
#include "diag.h"
#include "reader.h"
#include "view_kind.h"

#include <inttypes.h>
#include <stdio.h>

static uint32_t chunk_rows(const struct pxr_archive_info *archive)
{
    return (uint32_t)pxr_min_u64(archive->nominal_height_px, archive->height_px);
}

uint32_t pxr_zarr_n_stripes(const struct pxr_archive_info *archive)
{
    return (uint32_t)pxr_div_up_u64(archive->height_px, chunk_rows(archive));
}

uint64_t pxr_zarr_chunk_bytes(const struct pxr_archive_info *archive)
{
    return (uint64_t)chunk_rows(archive) * archive->width_px * (archive->bits / 8u);
}

const char *pxr_zarr_refusal(const struct pxr_archive_info *archive)
{
    const struct pxr_frame_info any = pxr_view_any_frame(archive);
    struct pxr_view_rows rows;
    return pxr_view_rows_init(&rows, &any, 0, any.bits / 8u, false) ? NULL
                                                                    : "the frames are too large for it";
}

size_t pxr_zarr_text(const struct pxr_archive_info *a, uint64_t n_frames, enum pxr_zarr_file file,
                     char dst[PXR_ZARR_TEXT_BYTES])
{
    if (file == PXR_ZARR_ZATTRS) /* what xarray wants to know */
        return (size_t)snprintf(dst, PXR_ZARR_TEXT_BYTES,
                                "{\"_ARRAY_DIMENSIONS\": [\"t\", \"y\", \"x\"]}\n");
    return (size_t)snprintf(dst, PXR_ZARR_TEXT_BYTES,
                            "{\n"
                            "  \"zarr_format\": 2,\n"
                            "  \"shape\": [%" PRIu64 ", %" PRIu32 ", %" PRIu32 "],\n"
                            "  \"chunks\": [1, %" PRIu32 ", %" PRIu32 "],\n"
                            "  \"dtype\": \"%s\",\n"
                            "  \"compressor\": null,\n"
                            "  \"fill_value\": 0,\n"
                            "  \"order\": \"C\",\n"
                            "  \"filters\": null,\n"
                            "  \"dimension_separator\": \"/\"\n"
                            "}\n",
                            n_frames, a->height_px, a->width_px, chunk_rows(a), a->width_px,
                            a->bits == 8 ? "|u1" : "<u2");
}

enum pxr_err pxr_zarr_read(pxr_decoder *d, uint64_t frame, uint32_t stripe, uint64_t off_bytes, void *dst,
                           size_t dst_bytes, size_t *got)
{
    struct pxr_archive_info a;
    struct pxr_view_rows rows;
    *got = 0;
    pxr_archive_info(pxr_decoder_archive(d), &a);
    struct pxr_frame_info any = pxr_view_any_frame(&a);
    any.frame = frame;
    enum pxr_err e = PXR_OK;
    if (frame >= a.n_frames || stripe >= pxr_zarr_n_stripes(&a))
        e = pxr_fail(&d->diag, PXR_E_RANGE, "a chunk that does not exist");
    else if (!pxr_view_rows_init(&rows, &any, 0, a.bits / 8u, false))
        e = pxr_fail(&d->diag, PXR_E_LIMIT, "the frames are too large");
    if (e == PXR_OK && off_bytes >= pxr_zarr_chunk_bytes(&a))
        return PXR_OK;
    size_t n_bytes = 0;
    if (e == PXR_OK) {
        /* Rows below the last one are padding. */
        const uint64_t row0 = (uint64_t)stripe * chunk_rows(&a);
        const uint64_t n_rows = pxr_min_u64(chunk_rows(&a), a.height_px - row0);
        const uint64_t picture_bytes = n_rows * rows.row_bytes;
        n_bytes = (size_t)pxr_min_u64(dst_bytes, pxr_zarr_chunk_bytes(&a) - off_bytes);
        const uint64_t left_bytes = off_bytes < picture_bytes ? picture_bytes - off_bytes : 0;
        const size_t n = (size_t)pxr_min_u64(n_bytes, left_bytes);
        memset((uint8_t *)dst + n, 0, n_bytes - n);
        rows.decoder = d;
        rows.one_row = pxr_decoder_scratch(d, pxr_view_rows_scratch_bytes(&rows));
        e = rows.one_row ? pxr_view_rows_read(&rows, row0 * rows.row_bytes + off_bytes, dst, n)
                         : pxr_fail_nomem(&d->diag, pxr_view_rows_scratch_bytes(&rows));
    }
    if (e != PXR_OK) {
        memset(dst, 0, dst_bytes);
        return e;
    }
    *got = n_bytes;
    return PXR_OK;
}
