/* SPDX-License-Identifier: MIT
 * Which pixels of a PX2 picture exist, as sprites of two colours (docs/pxs.md, "Mask"). */
#ifndef PXR_STILL_PX2_MASK_H
#define PXR_STILL_PX2_MASK_H

#include "stream_file.h"

/* Read the mask at src[*off_bytes], set s->mask and s->n_px, and move *off_bytes behind it.
 * TRUNCATED, CORRUPT (also: no pixel exists), NOMEM. */
enum pxr_err pxr_px2_mask_read(struct pxr_stream_format *s, const uint8_t *src, size_t n_bytes, uint64_t *off_bytes,
                               struct pxr_diag *diag);

/* Append the mask (a bitmap) to dst and set s->mask, a copy, and s->n_px.  INVALID: no pixel exists; LIMIT; NOMEM. */
enum pxr_err pxr_px2_mask_put(struct pxr_stream_format *s, const uint8_t *mask, struct pxr_buffer *dst,
                              struct pxr_diag *diag);

#endif
