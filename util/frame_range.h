/* SPDX-License-Identifier: MIT
 * Frames chosen by a person: A:B:S. */
#ifndef PXR_UTIL_FRAME_RANGE_H
#define PXR_UTIL_FRAME_RANGE_H

#include "pixelrain.h"

/* first, first + step, ... below end. */
struct pxr_frame_range {
    uint64_t first, end, step;
};

/* "A:B", "A:B:S", or "N" alone; A: at or after, B: before; each may be empty.  B beyond the last
 * frame means all that follow.  text NULL: all frames.  INVALID: not of this form, which the message
 * says of option; RANGE: it chooses no frame of an archive of n_frames. */
enum pxr_err pxr_frame_range_parse(struct pxr_frame_range *out, const char *text, uint64_t n_frames,
                                   const char *option, struct pxr_diag *diag);
uint64_t pxr_frame_range_count(const struct pxr_frame_range *r);

#endif
