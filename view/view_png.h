/* SPDX-License-Identifier: MIT
 * A frame as a PNG file of stored deflate blocks (docs/format.md, "Views"). */
#ifndef PXR_VIEW_PNG_H
#define PXR_VIEW_PNG_H

#include "view_rows.h"

struct pxr_view_png {
    struct pxr_view_rows rows;
    const struct pxr_frame_info *info;
    uint32_t n_bands;
    uint64_t head_bytes;  /* up to the first IDAT                                           */
    uint64_t chunk_bytes; /* of a full band's IDAT; the first one has 2 more                */
    uint64_t tail_off_bytes, total_bytes;
    uint8_t *piece; /* scratch of PXR_VIEW_PNG_PIECE_BYTES */
};

/* Bands are rebuilt in pieces of this size where a request holds their CRC but not all their bytes. */
#define PXR_VIEW_PNG_PIECE_BYTES 65536u

/* Lay out the file; decoder and scratch are still missing.  False: this frame has no png view. */
bool pxr_view_png_init(struct pxr_view_png *p, const struct pxr_frame_info *info);
/* Bytes [off_bytes, off_bytes + n_bytes) of the file, which must lie inside it. */
enum pxr_err pxr_view_png_read(struct pxr_view_png *p, uint64_t off_bytes, uint8_t *dst,
                               size_t n_bytes);

#endif
