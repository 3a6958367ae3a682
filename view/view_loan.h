/* SPDX-License-Identifier: MIT
 * Parts of files whose samples lie in the cache as the file wants them: read without a copy. */
#ifndef PXR_VIEW_LOAN_H
#define PXR_VIEW_LOAN_H

#include "cache.h"
#include "pixelrain.h"

#define PXR_VIEW_HEAD_BYTES 256u /* the longest head of a file that is a head and rows */

/* Bytes of a file: of its head, then of its rows. */
struct pxr_view_loan {
    uint8_t head[PXR_VIEW_HEAD_BYTES];
    const uint8_t *from_head; /* in head */
    size_t head_bytes;
    const uint8_t *pixels; /* until the loan is returned */
    size_t pixel_bytes;
    pxr_cache_entry *entry;
};

/* What pxr_view_read would give, lent by the cache.  False: this part of this view cannot be, and nothing needs
 * to be returned; pxr_view_read can read it or says why not.  The decoder may be used meanwhile. */
bool pxr_view_borrow(pxr_decoder *d, uint64_t frame, enum pxr_view v, uint64_t off_bytes, size_t dst_bytes,
                     struct pxr_view_loan *out);
void pxr_view_return(pxr_decoder *d, struct pxr_view_loan *loan);

#endif
