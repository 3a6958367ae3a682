/* SPDX-License-Identifier: MIT
 * What all readers share: an input, a frame buffer that is used again, limits, and the way out. */
#ifndef PXR_IMAGE_IMPORT_H
#define PXR_IMAGE_IMPORT_H

#include "image.h"
#include "source.h"

struct pxr_import {
    struct pxr_source in;
    struct pxr_image_opts opts; /* without zeros that mean a default */
    pxr_image_fn *each;
    void *arg;
    struct pxr_diag *diag; /* never NULL */
    uint8_t *frame;        /* native samples, rows adjacent; aligned for any sample */
    size_t frame_capacity_bytes;
    uint64_t number;        /* of the next picture                 */
    bool has_callee_failed; /* the error is not one of the input   */
};

/* Readers, one per format.  Each reads all pictures of im->in. */
enum pxr_err pxr_png_read(struct pxr_import *im);
enum pxr_err pxr_pnm_read(struct pxr_import *im);
enum pxr_err pxr_y4m_read(struct pxr_import *im);
enum pxr_err pxr_raw_read(struct pxr_import *im);
enum pxr_err pxr_npy_read(struct pxr_import *im);
enum pxr_err pxr_ser_read(struct pxr_import *im);
enum pxr_err pxr_fits_read(struct pxr_import *im);
enum pxr_err pxr_tiff_read(struct pxr_import *im); /* only with PXR_HAVE_TIFF */

/* Refuse what cannot be a picture (CORRUPT) or is beyond max_frame_px (LIMIT). off_bytes: of the
 * declaration.  After PXR_OK both fit 32 bits and their product times 16 fits 64. */
enum pxr_err pxr_import_check_size(struct pxr_import *im, uint64_t width_px, uint64_t height_px,
                                   uint64_t off_bytes);

/* Make im->frame hold at least n_bytes and keep what it holds; total_bytes is what it will need in
 * the end.  Readers ask as data arrive, so that a few bytes cannot claim much memory. */
enum pxr_err pxr_import_room(struct pxr_import *im, uint64_t n_bytes, uint64_t total_bytes);

/* Read n_px samples into im->frame: 1 byte each for a maxval up to 255, else 2.  A sample above
 * maxval is CORRUPT. */
enum pxr_err pxr_import_samples(struct pxr_import *im, uint64_t n_px, uint16_t maxval,
                                bool is_big_endian);

/* Read n_bytes into im->frame as they are. */
enum pxr_err pxr_import_bytes(struct pxr_import *im, uint64_t n_bytes);

/* Find the first of n native samples above maxval; n where there is none. */
size_t pxr_samples_find_above(const void *samples, size_t n, uint8_t bits, uint16_t maxval);
enum pxr_err pxr_import_fail_sample(struct pxr_import *im, uint64_t off_bytes, uint16_t maxval,
                                    uint64_t found);

/* Hand im->frame to the callback.  Only sizes, bits, sbit, maxval and n_channels (0: 1) of image are looked at. */
enum pxr_err pxr_import_emit(struct pxr_import *im, struct pxr_image image);

/* value * 10 + digit, staying at UINT64_MAX once it is too large. */
static inline uint64_t pxr_digit_append(uint64_t value, int digit)
{
    if (__builtin_mul_overflow(value, (uint64_t)10, &value) ||
        __builtin_add_overflow(value, (uint64_t)(digit - '0'), &value))
        return UINT64_MAX;
    return value;
}

#endif
