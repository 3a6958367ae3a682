/* SPDX-License-Identifier: MIT
 * The rows of a frame as one stream of bytes, in the sample format of a view. */
#include "view_rows.h"

#include "bytes.h"
#include "diag.h"
#include "reader.h"

#define MAX_STREAM_BYTES ((uint64_t)1 << 62)

bool pxr_view_rows_init(struct pxr_view_rows *r, const struct pxr_frame_info *frame,
                        size_t lead_bytes, size_t sample_bytes, bool is_big_endian)
{
    const size_t container_bytes = frame->bits / 8u;
    uint64_t total;
    *r = (struct pxr_view_rows){.frame = frame->frame,
                                .width_px = frame->width_px,
                                .height_px = frame->height_px,
                                .lead_bytes = lead_bytes,
                                .row_held = PXR_NONE};
    r->stored_bytes = frame->width_px * container_bytes;
    r->row_bytes = lead_bytes + frame->width_px * sample_bytes;
    if (sample_bytes < container_bytes)
        r->samples = PXR_SAMPLES_NARROWED;
    else if (sample_bytes == 2 && is_big_endian == pxr_is_little_endian())
        r->samples = PXR_SAMPLES_SWAPPED;
    return pxr_mul_u64(r->row_bytes, r->height_px, &total) && total <= MAX_STREAM_BYTES;
}

uint64_t pxr_view_rows_bytes(const struct pxr_view_rows *r)
{
    return (uint64_t)r->row_bytes * r->height_px;
}

size_t pxr_view_rows_scratch_bytes(const struct pxr_view_rows *r)
{
    return r->row_bytes + (r->samples == PXR_SAMPLES_NARROWED ? r->stored_bytes : 0);
}

/* pxr_copy_swap16 onto itself would be right too, but compilers give up on vectors where source and
 * destination overlap. */
static void swap16_in_place(uint8_t *p, size_t n_samples)
{
    for (size_t i = 0; i < n_samples; i++) {
        uint16_t v;
        memcpy(&v, p + 2 * i, 2);
        v = (uint16_t)(v >> 8 | v << 8);
        memcpy(p + 2 * i, &v, 2);
    }
}

/* Whole rows straight into the view. */
static enum pxr_err read_rows(const struct pxr_view_rows *r, uint32_t row, uint32_t n_rows,
                              uint8_t *dst)
{
    const enum pxr_err e =
        pxr_frame_read(r->decoder, r->frame, row, n_rows, dst + r->lead_bytes,
                       n_rows * r->row_bytes - r->lead_bytes, r->row_bytes);
    if (e != PXR_OK)
        return e;
    for (uint32_t i = 0; i < n_rows && r->lead_bytes; i++)
        memset(dst + i * r->row_bytes, 0, r->lead_bytes);
    if (r->samples != PXR_SAMPLES_SWAPPED)
        return PXR_OK;
    if (!r->lead_bytes)
        swap16_in_place(dst, (size_t)n_rows * r->width_px);
    else
        for (uint32_t i = 0; i < n_rows; i++)
            swap16_in_place(dst + i * r->row_bytes + r->lead_bytes, r->width_px);
    return PXR_OK;
}

/* A row whose samples take one byte less than in the container. */
static enum pxr_err read_narrowed(const struct pxr_view_rows *r, uint32_t row, uint8_t *dst)
{
    uint8_t *stored = r->one_row + r->row_bytes;
    uint16_t any = 0;
    const enum pxr_err e = pxr_frame_read(r->decoder, r->frame, row, 1, stored, r->stored_bytes,
                                          r->stored_bytes);
    if (e != PXR_OK)
        return e;
    memset(dst, 0, r->lead_bytes);
    for (uint32_t x = 0; x < r->width_px; x++) {
        uint16_t v;
        memcpy(&v, stored + 2 * (size_t)x, 2);
        any |= v;
        dst[r->lead_bytes + x] = (uint8_t)v;
    }
    if (any <= 255)
        return PXR_OK;
    struct pxr_diag *diag = &r->decoder->diag;
    pxr_fail(diag, PXR_E_CORRUPT, "row %u has a sample above the frame's maxval", row);
    return pxr_diag_in_frame(diag, PXR_E_CORRUPT, r->frame);
}

static enum pxr_err hold_row(struct pxr_view_rows *r, uint32_t row)
{
    if (r->row_held == row)
        return PXR_OK;
    r->row_held = PXR_NONE;
    const enum pxr_err e = r->samples == PXR_SAMPLES_NARROWED
                               ? read_narrowed(r, row, r->one_row)
                               : read_rows(r, row, 1, r->one_row);
    if (e == PXR_OK)
        r->row_held = row;
    return e;
}

enum pxr_err pxr_view_rows_read(struct pxr_view_rows *r, uint64_t off_bytes, uint8_t *dst,
                                size_t n_bytes)
{
    while (n_bytes) {
        const uint32_t row = (uint32_t)(off_bytes / r->row_bytes);
        const size_t col = (size_t)(off_bytes % r->row_bytes);
        size_t n;
        enum pxr_err e;
        if (col == 0 && n_bytes >= r->row_bytes && r->samples != PXR_SAMPLES_NARROWED) {
            const size_t n_rows = n_bytes / r->row_bytes;
            n = n_rows * r->row_bytes;
            e = read_rows(r, row, (uint32_t)n_rows, dst);
        } else {
            n = (size_t)pxr_min_u64(n_bytes, r->row_bytes - col);
            e = hold_row(r, row);
            if (e == PXR_OK)
                memcpy(dst, r->one_row + col, n);
        }
        if (e != PXR_OK)
            return e;
        off_bytes += n;
        dst += n;
        n_bytes -= n;
    }
    return PXR_OK;
}
