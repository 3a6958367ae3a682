/* SPDX-License-Identifier: MIT
 * Pictures as files of foreign formats, made in memory. */
#ifndef PXR_IMAGE_EXPORT_H
#define PXR_IMAGE_EXPORT_H

#include "image.h"

#include "buffer.h"

/* All append to dst and may leave a part there when they fail.  Pixels are those of struct pxr_image: samples are
 * written as they are, never scaled.  Any thread. */

/* A PNG of 8 or 16 bits, gray or RGB, with or without alpha; sBIT where image->sbit says so.  LIMIT: sides beyond what
 * libpng writes; NOMEM. */
enum pxr_err pxr_png_put(struct pxr_buffer *dst, const struct pxr_image *image, struct pxr_diag *diag);

/* The same compressed by zlib's level 0 to 9. */
enum pxr_err pxr_png_put_level(struct pxr_buffer *dst, const struct pxr_image *image, int level,
                               struct pxr_diag *diag);

/* P5 or P6 with image->maxval.  INVALID: alpha; NOMEM. */
enum pxr_err pxr_pnm_put(struct pxr_buffer *dst, const struct pxr_image *image, struct pxr_diag *diag);

/* NPY, version 1.0, little endian: the header of an array of n_frames such pictures (0: of one, without an axis for
 * it), and the samples of each picture. */
enum pxr_err pxr_npy_put_header(struct pxr_buffer *dst, const struct pxr_image *image, uint64_t n_frames,
                                struct pxr_diag *diag);
/* The header of a two-dimensional array of items like "<f4". */
enum pxr_err pxr_npy_array_put_header(struct pxr_buffer *dst, const char *descr, uint32_t width_px, uint32_t height_px,
                                      struct pxr_diag *diag);
enum pxr_err pxr_npy_put_samples(struct pxr_buffer *dst, const struct pxr_image *image, struct pxr_diag *diag);

/* The samples alone, 16 bits little endian. */
enum pxr_err pxr_raw_put(struct pxr_buffer *dst, const struct pxr_image *image, struct pxr_diag *diag);

#endif
