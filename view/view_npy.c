/* SPDX-License-Identifier: MIT
 * The head of a NumPy file. */
#include "view_npy.h"

#include "bytes.h"

#include <inttypes.h>
#include <stdio.h>

#define MAGIC_BYTES 8u /* with the version */

void pxr_npy_store_head(uint8_t *dst, size_t dst_bytes, uint8_t bits, uint64_t n_frames,
                        uint32_t height_px, uint32_t width_px)
{
    char frames[24] = "", text[112];
    if (n_frames != PXR_NONE)
        snprintf(frames, sizeof frames, "%" PRIu64 ", ", n_frames);
    const int n = snprintf(text, sizeof text,
                           "{'descr': '%s', 'fortran_order': False, 'shape': (%s%" PRIu32 ", %" PRIu32
                           "), }",
                           bits == 8 ? "|u1" : "<u2", frames, height_px, width_px);
    memcpy(dst, "\x93NUMPY\x01\x00", MAGIC_BYTES);
    pxr_store_u16le(dst + MAGIC_BYTES, (uint16_t)(dst_bytes - MAGIC_BYTES - 2));
    memset(dst + MAGIC_BYTES + 2, ' ', dst_bytes - MAGIC_BYTES - 2);
    memcpy(dst + MAGIC_BYTES + 2, text, (size_t)n);
    dst[dst_bytes - 1] = '\n';
}
