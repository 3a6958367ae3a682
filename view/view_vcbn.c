/* SPDX-License-Identifier: MIT
 * ImgPack's envelopes: a JSON head, and the rows. */
#include "vcbn.h"
#include "view_kind.h"

/* The range is that of the sample type, never that of the frame: the length is known without a look at the samples, and
 * they are copied.  The head is at most some 190 bytes, so the buffer, which is dst, does not grow; returns its length. */
static size_t store_head(const struct pxr_frame_info *i, uint8_t dst[PXR_VIEW_HEAD_BYTES])
{
    const struct pxr_vcbn_opts o = pxr_vcbn_lossless_opts(PXR_VCBN_VCBN, i->bits, i->maxval);
    struct pxr_buffer to = {.bytes = dst, .capacity = PXR_VIEW_HEAD_BYTES};
    return pxr_vcbn_put_header(&to, i->width_px, i->height_px, &o, NULL) == PXR_OK ? to.n_bytes : 0;
}

static bool lay_out(struct pxr_view_file *f)
{
    uint8_t head[PXR_VIEW_HEAD_BYTES];
    if (!pxr_view_rows_init(&f->rows, f->info, 0, f->info->bits / 8u, false))
        return false;
    f->head_bytes = store_head(f->info, head);
    f->total_bytes = f->head_bytes + pxr_view_rows_bytes(&f->rows);
    return f->head_bytes != 0; /* sides beyond those of envelopes */
}

static void store_file_head(const struct pxr_view_file *f, uint8_t dst[PXR_VIEW_HEAD_BYTES])
{
    store_head(f->info, dst);
}

const struct pxr_view_kind pxr_view_kind_vcbn = {
    .name = "vcbn", .extension = "vcbn", .lay_out = lay_out, .store_head = store_file_head};
