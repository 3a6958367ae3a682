/* SPDX-License-Identifier: MIT
 * What stands around the frames of a stack, for whoever writes one frame after the other. */
#ifndef PXR_VIEW_STACK_H
#define PXR_VIEW_STACK_H

#include "pixelrain.h"

/* A head, and then for each frame a lead and its samples, little endian. */
struct pxr_stack_shape {
    uint64_t head_bytes, total_bytes;
    char lead[8];
    size_t lead_bytes;
};

/* Of frames of any size: only width_px, height_px and bits of archive are looked at, and n_frames of frames.
 * NULL, or why there is no such file. */
const char *pxr_stack_lay_out(struct pxr_stack_shape *out, const struct pxr_archive_info *archive,
                              const struct pxr_frames *frames, enum pxr_stack kind);
/* Bytes [off_bytes, off_bytes + n_bytes) of the head, which must lie inside it. */
void pxr_stack_store_head(const struct pxr_archive_info *archive, const struct pxr_frames *frames,
                          enum pxr_stack kind, uint64_t off_bytes, uint8_t *dst, size_t n_bytes);

#endif
