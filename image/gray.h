/* SPDX-License-Identifier: MIT
 * From colour and transparency to gray: what is allowed, and how. */
#ifndef PXR_IMAGE_GRAY_H
#define PXR_IMAGE_GRAY_H

#include "pixelrain.h"

/* A run of pixels of one row.  Samples are native; src and dst must not overlap. */
struct pxr_gray_span {
    void *dst;
    const void *src;
    size_t n_px;
    uint8_t n_channels; /* 1: gray, 2: gray and alpha, 3: RGB, 4: RGB and alpha */
    uint8_t bits;       /* of a sample: 8 or 16        */
    uint16_t maxval;    /* the alpha of an opaque pixel */
    bool luma;
    bool keep_channels; /* nothing is converted: dst gets n_channels samples for each pixel */
    uint32_t x, x_step, y; /* place of the first pixel, and from one to the next, for the message */
};

/* Transparent pixels are refused (MISMATCH with the pixel's place).  R = G = B is gray as it is.
 * Other colours are refused unless luma: then Y = (2126 R + 7152 G + 722 B + 5000) / 10000, rounded
 * down: the Rec. 709 weights on the samples as they are stored, which leaves gray unchanged. */
enum pxr_err pxr_gray_convert(const struct pxr_gray_span *span, struct pxr_diag *diag);

#endif
