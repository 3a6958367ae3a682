/* SPDX-License-Identifier: MIT
 * The samples of near-lossless archives: chosen within a bound, and compared with their source.  docs/format.md, section 4. */
#ifndef PXR_CODEC_NEAR_SAMPLES_H
#define PXR_CODEC_NEAR_SAMPLES_H

#include "block.h"

/* A block in memory of its own or of frames: native byte order. */
struct pxr_near_block {
    struct pxr_block_shape shape;
    uint8_t *samples;
    size_t row_stride_bytes, frame_stride_bytes;
    const uint16_t *maxval; /* of each frame: none of its samples exceeds it, before and after */
    uint32_t max_error;     /* 1..2^bits - 1 */
};

/* Replace each sample by one that differs by at most max_error, so that codecs need less: multiples of 2 max_error + 1, or of
 * max_error + 1 with values that stay as long as they can from frame to frame, whichever promises less.  0 stays 0.  Then all are
 * compared with what was there.  *largest_error: the largest difference found.  The same on every machine.
 * NOMEM; CORRUPT: a difference is larger than max_error, which cannot happen, and so must be seen where it does. */
enum pxr_err pxr_near_round(const struct pxr_near_block *block, uint32_t *largest_error, struct pxr_diag *diag);

#endif
