/* SPDX-License-Identifier: MIT
 * The rows of a frame as one stream of bytes, in the sample format of a view. */
#ifndef PXR_VIEW_ROWS_H
#define PXR_VIEW_ROWS_H

#include "pixelrain.h"

enum pxr_view_samples {
    PXR_SAMPLES_AS_STORED, /* 8 bit, or 16 bit in native order        */
    PXR_SAMPLES_SWAPPED,   /* 16 bit in the order that is not native  */
    PXR_SAMPLES_NARROWED,  /* 16 bit in the container, 8 in the view  */
};

/* Every row is lead_bytes zeros and then its samples. */
struct pxr_view_rows {
    pxr_decoder *decoder;
    uint64_t frame;
    uint32_t width_px, height_px;
    enum pxr_view_samples samples;
    size_t lead_bytes;   /* 0 or 1                                                     */
    size_t stored_bytes; /* of a row in the container                                  */
    size_t row_bytes;    /* of a row in the stream                                     */
    uint8_t *one_row;    /* scratch: a row of the stream, then one as stored           */
    uint64_t row_held;   /* the row that one_row holds, or PXR_NONE                    */
};

/* Lay out the rows of a frame; one_row is still missing.  False: too large to be addressed. */
bool pxr_view_rows_init(struct pxr_view_rows *r, const struct pxr_frame_info *frame,
                        size_t lead_bytes, size_t sample_bytes, bool is_big_endian);
/* Bytes of the whole stream; at most 2^62. */
uint64_t pxr_view_rows_bytes(const struct pxr_view_rows *r);
/* Bytes that one_row must have. */
size_t pxr_view_rows_scratch_bytes(const struct pxr_view_rows *r);
/* Bytes [off_bytes, off_bytes + n_bytes) of the stream, which must lie inside it. */
enum pxr_err pxr_view_rows_read(struct pxr_view_rows *r, uint64_t off_bytes, uint8_t *dst,
                                size_t n_bytes);

#endif
