/* SPDX-License-Identifier: MIT
 * NPY arrays of any numbers, in memory: what is no picture, but can become one. */
#ifndef PXR_IMAGE_NPY_ARRAY_H
#define PXR_IMAGE_NPY_ARRAY_H

#include "pixelrain.h"

struct pxr_npy_array {
    char type[4]; /* kind and bytes of an item: "u1", "f4", "c16" */
    uint32_t item_bytes;
    bool is_big_endian, is_fortran;
    unsigned n_axes;
    uint64_t axes[4]; /* of at most so many */
    size_t data_off_bytes;
};

/* Read the header of a file in memory, versions 1 to 3, and check that its items fill the rest exactly.
 * NOTPXR, TRUNCATED, CORRUPT; UNSUPPORTED: fields, other items than b, i, u, f and c of known sizes, more axes. */
enum pxr_err pxr_npy_array_parse(struct pxr_npy_array *out, const uint8_t *src, size_t n_bytes, struct pxr_diag *diag);

#endif
