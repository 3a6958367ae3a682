/* SPDX-License-Identifier: MIT
 * Pictures between formats that keep different things: channels and depths. */
#ifndef PXR_CLI_STILL_PIXELS_H
#define PXR_CLI_STILL_PIXELS_H

#include "image.h"

/* Rows are adjacent in all of these; pixels are the caller's and writable. */

/* Drop channels that say nothing: alpha where every pixel is opaque, colour where R = G = B everywhere.  In place. */
void pxr_still_simplify(struct pxr_image *image, void *pixels);

/* Colour becomes its luma, in place: (2126 R + 7152 G + 722 B + 5000) / 10000, rounded down (Rec. 709). */
void pxr_still_luma(struct pxr_image *image, void *pixels);

/* The same picture with n_channels, in new memory (pxr_free).  Gray becomes R = G = B, and alpha that is missing becomes
 * opaque; alpha is left out where there is no channel for it, and of colour the red remains, so ask only for what the
 * picture has or more, unless the loss is wanted.  NULL: no memory. */
void *pxr_still_with_channels(const struct pxr_image *image, unsigned n_channels);

/* Bits of the largest number up to maxval. */
unsigned pxr_still_depth(uint16_t maxval);
/* Shift all samples right, in place, and maxval with them; a container of 16 bits becomes one of 8 where they fit. */
void pxr_still_shift(struct pxr_image *image, void *pixels, unsigned n_bits);
/* 8-bit samples keep their upper n bits at most: does repeating them give the sample again everywhere?  Then nothing would be lost. */
bool pxr_still_is_narrow(const struct pxr_image *image, unsigned n_bits);

static inline bool pxr_still_has_alpha(const struct pxr_image *image)
{
    return image->n_channels == 2 || image->n_channels == 4;
}
static inline size_t pxr_still_n_samples(const struct pxr_image *image)
{
    return (size_t)image->width_px * image->height_px * image->n_channels;
}
static inline size_t pxr_still_bytes(const struct pxr_image *image)
{
    return pxr_still_n_samples(image) * (image->bits / 8u);
}

#endif
