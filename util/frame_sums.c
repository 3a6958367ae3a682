/* SPDX-License-Identifier: MIT
 * The two checksums of a frame's pixels that an archive keeps. */
#include "frame_sums.h"

#include "bytes.h"

struct pxr_frame_sums pxr_frame_sums(const void *pixels, uint32_t width_px, uint32_t height_px,
                                     uint8_t bits, uint8_t *row, pxr_xxh3 *state)
{
    const size_t row_bytes = (size_t)width_px * (bits / 8u);
    const uint8_t *from = pixels;
    uint32_t adler = 1;
    pxr_xxh3_begin64(state);
    for (uint32_t y = 0; y < height_px; y++, from += row_bytes) {
        row[0] = 0;
        pxr_copy_samples_be(row + 1, from, width_px, bits);
        adler = pxr_adler32(adler, row, row_bytes + 1);
        if (bits == 8 || pxr_is_little_endian()) {
            pxr_xxh3_add64(state, from, row_bytes);
        } else {
            pxr_copy_samples_le(row, from, width_px, bits);
            pxr_xxh3_add64(state, row, row_bytes);
        }
    }
    return (struct pxr_frame_sums){pxr_xxh3_end64(state), adler};
}
