/* SPDX-License-Identifier: MIT
 * A rectangle of each frame: chosen on the command line, decoded, and made a file. */
#ifndef PXR_CLI_REGION_H
#define PXR_CLI_REGION_H

#include "pixelrain.h"

#include "buffer.h"

struct pxr_region {
    uint32_t x_px, y_px, width_px, height_px;
};

/* "X,Y,WIDTH,HEIGHT"; text NULL: the whole frame.  INVALID: not of this form; RANGE: not inside the frame. */
enum pxr_err pxr_region_parse(struct pxr_region *out, const char *text, uint32_t width_px, uint32_t height_px,
                              struct pxr_diag *diag);

/* Decode it: samples native, rows adjacent, appended to dst.  Only the blocks of its rows are decoded. */
enum pxr_err pxr_region_read(pxr_decoder *d, uint64_t frame, const struct pxr_frame_info *info,
                             const struct pxr_region *region, struct pxr_buffer *dst, struct pxr_diag *diag);

/* A picture of these samples as a file of a view's format, appended to dst; png_level as of pxr_png_put_level,
 * or -1: stored.  UNSUPPORTED: there is no such file of a part of a frame. */
enum pxr_err pxr_region_put(struct pxr_buffer *dst, const struct pxr_frame_info *info,
                            const struct pxr_region *region, const void *samples, enum pxr_view view, int png_level,
                            struct pxr_diag *diag);

#endif
