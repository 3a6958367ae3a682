/* SPDX-License-Identifier: MIT
 * A frame as a file of some format: names, sizes, bytes. */
#include "bytes.h"
#include "diag.h"
#include "reader.h"
#include "view_png.h"

#include <stdio.h>

static const char *const names[PXR_N_VIEWS] = {
    [PXR_VIEW_PNG] = "png", [PXR_VIEW_PGM] = "pgm", [PXR_VIEW_RAW] = "raw"};

const char *pxr_view_name(enum pxr_view v)
{
    return (unsigned)v < PXR_N_VIEWS ? names[v] : "";
}

bool pxr_view_find(const char *name, enum pxr_view *out)
{
    for (unsigned v = 0; v < PXR_N_VIEWS; v++)
        if (!strcmp(names[v], name)) {
            *out = (enum pxr_view)v;
            return true;
        }
    return false;
}

/* pgm and raw are a short header and the rows; png is laid out in its own file. */
struct layout {
    struct pxr_view_png png; /* its rows serve the other views as well */
    char head[40];
    size_t head_bytes;
    uint64_t total_bytes;
};

/* False: the frame has no such view. */
static bool lay_out(struct layout *l, const struct pxr_frame_info *info, enum pxr_view v)
{
    bool exists = false;
    l->head_bytes = 0;
    l->total_bytes = 0;
    switch (v) {
    case PXR_VIEW_PNG:
        exists = pxr_view_png_init(&l->png, info);
        l->total_bytes = l->png.total_bytes;
        return exists;
    case PXR_VIEW_PGM:
        exists = pxr_view_rows_init(&l->png.rows, info, 0,
                                    info->bits == 16 && info->maxval > 255 ? 2 : 1, true);
        l->head_bytes = (size_t)snprintf(l->head, sizeof l->head, "P5\n%u %u\n%u\n", info->width_px,
                                         info->height_px, info->maxval);
        break;
    case PXR_VIEW_RAW:
        exists = pxr_view_rows_init(&l->png.rows, info, 0, info->bits / 8u, false);
        break;
    case PXR_N_VIEWS: break;
    }
    if (exists)
        l->total_bytes = l->head_bytes + pxr_view_rows_bytes(&l->png.rows);
    return exists;
}

uint64_t pxr_view_bytes(const struct pxr_frame_info *frame, enum pxr_view v)
{
    struct layout l;
    return lay_out(&l, frame, v) ? l.total_bytes : 0;
}

static enum pxr_err read_plain(struct layout *l, uint64_t off_bytes, uint8_t *dst, size_t n_bytes)
{
    size_t n = 0;
    if (off_bytes < l->head_bytes) {
        n = (size_t)pxr_min_u64(n_bytes, l->head_bytes - off_bytes);
        memcpy(dst, l->head + off_bytes, n);
    }
    if (n == n_bytes)
        return PXR_OK;
    return pxr_view_rows_read(&l->png.rows, off_bytes + n - l->head_bytes, dst + n, n_bytes - n);
}

static enum pxr_err take_scratch(struct layout *l, pxr_decoder *d)
{
    const size_t row_bytes = pxr_view_rows_scratch_bytes(&l->png.rows);
    uint8_t *scratch = pxr_decoder_scratch(d, PXR_VIEW_PNG_PIECE_BYTES + row_bytes);
    if (!scratch)
        return pxr_fail_nomem(&d->diag, PXR_VIEW_PNG_PIECE_BYTES + row_bytes);
    l->png.piece = scratch;
    l->png.rows.one_row = scratch + PXR_VIEW_PNG_PIECE_BYTES;
    l->png.rows.decoder = d;
    return PXR_OK;
}

enum pxr_err pxr_view_read(pxr_decoder *d, uint64_t frame, enum pxr_view v, uint64_t off_bytes,
                           void *dst, size_t dst_bytes, size_t *got)
{
    struct pxr_diag *diag = &d->diag;
    struct pxr_frame_info info;
    struct layout l;
    *got = 0;
    enum pxr_err e = pxr_frame_info(pxr_decoder_archive(d), frame, &info, diag);
    if (e == PXR_OK && (unsigned)v >= PXR_N_VIEWS)
        e = pxr_fail(diag, PXR_E_INVALID, "there is no view number %u", (unsigned)v);
    if (e == PXR_OK && !lay_out(&l, &info, v)) {
        e = pxr_fail(diag, PXR_E_LIMIT, "a frame of %u x %u is too large for the %s view",
                     info.width_px, info.height_px, names[v]);
        pxr_diag_in_frame(diag, e, frame);
    }
    if (e == PXR_OK && off_bytes >= l.total_bytes)
        return PXR_OK;
    size_t n_bytes = 0;
    if (e == PXR_OK) {
        n_bytes = (size_t)pxr_min_u64(dst_bytes, l.total_bytes - off_bytes);
        e = take_scratch(&l, d);
    }
    if (e == PXR_OK)
        e = v == PXR_VIEW_PNG ? pxr_view_png_read(&l.png, off_bytes, dst, n_bytes)
                              : read_plain(&l, off_bytes, dst, n_bytes);
    if (e != PXR_OK) {
        memset(dst, 0, dst_bytes);
        return e;
    }
    *got = n_bytes;
    return PXR_OK;
}
