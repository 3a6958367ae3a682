/* SPDX-License-Identifier: MIT
 * The samples of a frame from coarse to fine, for files of one frame and of all. */
#ifndef PXR_VIEW_STREAM_H
#define PXR_VIEW_STREAM_H

#include "view_kind.h"

/* Lay the pixels of f->info out behind a head: everything in *f but what read() needs.  False: too large.
 * A frame's samples must have the depth that px has; RGB and RGB15 show 8 bits. */
bool pxr_view_stream_lay_out(struct pxr_view_file *f, size_t head_bytes, enum pxr_view_stream_px px);
/* Bytes of the pixels, the head not counted, that lie inside them; reads the rows under them only. */
enum pxr_err pxr_view_stream_read(struct pxr_view_file *f, uint64_t off_bytes, uint8_t *dst, size_t n_bytes);
/* The 32 bytes before the pixels of a PX2 file of frames like i. */
enum pxr_err pxr_view_stream_px2_head(const struct pxr_frame_info *i, bool is_animation, uint64_t n_frames,
                                      uint8_t dst[PXR_VIEW_HEAD_BYTES], struct pxr_diag *diag);

#endif
