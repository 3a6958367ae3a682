/* SPDX-License-Identifier: MIT
 * PXS, the Pixel Stream format: a picture that any beginning of its file shows, coarser (docs/pxs.md). */
#ifndef PXR_STILL_PXS_H
#define PXR_STILL_PXS_H

#include "stream_file.h"

enum pxr_pxs_layout {
    PXR_PXS_AUTO = 0,     /* only for reading: by signature and length; never one without a header */
    PXR_PXS_LEGACY24,     /* width, height, then R G B of 8 bits: what every viewer reads          */
    PXR_PXS_LEGACY15,     /* width, height, then 5 bits for each channel in two bytes              */
    PXR_PXS_SPEC,         /* signature, width, height; 5 bits, or relative in one byte; animations */
    PXR_PXS_HEADERLESS24, /* a square, nothing but pixels                                          */
    PXR_PXS_HEADERLESS15,
    PXR_PXS_N_LAYOUTS
};

struct pxr_pxs_opts {
    enum pxr_pxs_layout layout;
    enum pxr_stream_digits digits; /* which the file does not say */
    uint32_t side_px;              /* of a layout without a header; 0: from the file's length */
    bool is_progressive;           /* read a file that was cut as far as it goes */
    bool wants_whole_tokens;       /* but refuse one that was cut within a pixel or behind a frame separator */
    uint64_t max_px;               /* 0: PXR_STREAM_MAX_PX */
};

/* Read a file's header and set up r (pxr_stream_reader_next, pxr_stream_reader_fini, also after an error), which borrows
 * src.  Frames are RGB of 8 bits; those of 5 bits a channel are widened.  *layout (may be NULL): what the file is.
 * NOTPXR: not such a file (or a damaged signature).  CORRUPT, TRUNCATED, LIMIT, NOMEM; diag->off_bytes is the place.  No memory
 * is taken before the file's length has been compared with its header. */
enum pxr_err pxr_pxs_open(struct pxr_stream_reader *r, const uint8_t *src, size_t n_bytes,
                          const struct pxr_pxs_opts *opts, enum pxr_pxs_layout *layout, struct pxr_diag *diag);

/* The signature of the specified layout begins the file.  The others have none. */
bool pxr_pxs_has_signature(const uint8_t *src, size_t n_bytes);

/* Write a header to dst and set up s (pxr_stream_put_frame, pxr_stream_format_fini).  Frames are RGB of 8 bits, of which
 * all layouts but those of 24 bits keep the upper 5.  Only PXR_PXS_SPEC holds more than one frame.
 * INVALID: the layout cannot hold a picture of this shape.  LIMIT, NOMEM. */
enum pxr_err pxr_pxs_begin(struct pxr_stream_format *s, enum pxr_pxs_layout layout, enum pxr_stream_digits digits,
                           uint32_t width_px, uint32_t height_px, struct pxr_buffer *dst, struct pxr_diag *diag);

#endif
