/* SPDX-License-Identifier: MIT
 * The two checksums of a frame's pixels that an archive keeps (docs/format.md, "Frame pages"). */
#ifndef PXR_UTIL_FRAME_SUMS_H
#define PXR_UTIL_FRAME_SUMS_H

#include "checksum.h"

struct pxr_frame_sums {
    uint64_t pixel_hash; /* XXH3-64 of the samples, little endian, row by row     */
    uint32_t adler32;    /* of rows of a zero byte and big endian samples        */
};

/* pixels: rows without gaps, native byte order, bits 8 or 16.  row: scratch of one row and a byte.  state: is
 * used up. */
struct pxr_frame_sums pxr_frame_sums(const void *pixels, uint32_t width_px, uint32_t height_px,
                                     uint8_t bits, uint8_t *row, pxr_xxh3 *state);

#endif
