/* SPDX-License-Identifier: MIT
 * PX2, the second Pixel Stream format: any channels and depths, lossless for frames (docs/pxs.md, "PX2"). */
#ifndef PXR_STILL_PX2_H
#define PXR_STILL_PX2_H

#include "stream_file.h"

/* What channels mean; the codec only carries it. */
enum pxr_px2_model {
    PXR_PX2_GRAY = 0,
    PXR_PX2_RGB = 1,
    PXR_PX2_RGBA = 2,
    PXR_PX2_GRAY_ALPHA = 3,
    PXR_PX2_HSV = 4,
    PXR_PX2_HSL = 5,
    PXR_PX2_UNDECLARED = 255,
};

enum { PXR_PX2_HEADER_BYTES = 32 };

struct pxr_px2_header {
    uint32_t width_px, height_px;
    enum pxr_stream_digits digits;
    enum pxr_px2_model model;
    uint8_t n_channels, bits[4];
    bool is_padded;    /* each token ends with a whole byte                    */
    bool is_relative;  /* small differences take two bits for each channel     */
    bool has_finality; /* squares of one colour are one token                  */
    bool has_mask;     /* pixels may be left out: the picture is no rectangle  */
    bool is_animation; /* else exactly one frame                               */
    uint32_t n_frames; /* of an animation; 0: until the end of the file        */
};

struct pxr_px2_opts {
    bool is_progressive;
    uint64_t max_px; /* 0: PXR_STREAM_MAX_PX */
};

bool pxr_px2_has_signature(const uint8_t *src, size_t n_bytes);

/* Read a file's header and set up r, as pxr_pxs_open does; *header (may be NULL) is what it says.  Samples are those of the
 * file, never scaled.  UNSUPPORTED: a later version, a model or a flag that this one does not know. */
enum pxr_err pxr_px2_open(struct pxr_stream_reader *r, const uint8_t *src, size_t n_bytes,
                          const struct pxr_px2_opts *opts, struct pxr_px2_header *header, struct pxr_diag *diag);

/* Write a header to dst and set up s, as pxr_pxs_begin does.  mask: with has_mask, the pixels that exist.  INVALID: what the
 * header says contradicts itself. */
enum pxr_err pxr_px2_begin(struct pxr_stream_format *s, const struct pxr_px2_header *header, const uint8_t *mask,
                           struct pxr_buffer *dst, struct pxr_diag *diag);
/* Make the header of a file that was begun as one frame say that it is an animation: for who counts as he writes. */
void pxr_px2_set_frames(uint8_t *file, uint32_t n_frames);

#endif
