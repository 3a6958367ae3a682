/* SPDX-License-Identifier: MIT
 * The parts that all PNG files of ours are made of: chunks and stored deflate blocks. */
#ifndef PXR_VIEW_CHUNK_H
#define PXR_VIEW_CHUNK_H

#include "pixelrain.h"

#define PXR_PNG_MAX 0x7fffffffu      /* of a chunk's length, and of width and height      */
#define PXR_PNG_CHUNK_HEAD_BYTES 8u  /* length and type                                   */
#define PXR_PNG_CHUNK_FRAME_BYTES 12u /* those and the CRC                                */
#define PXR_PNG_IHDR_BYTES 25u       /* the whole chunk                                   */
#define PXR_PNG_SIGNATURE_BYTES 8u
#define PXR_ZLIB_HEAD_BYTES 2u
#define PXR_STORED_MAX_BYTES 65535u /* the most that a stored deflate block holds         */
#define PXR_STORED_HEAD_BYTES 5u

/* Bytes of stored blocks over that many. */
uint64_t pxr_stored_bytes(uint64_t payload_bytes);
/* What stands before a stored block. */
void pxr_stored_head(uint8_t dst[PXR_STORED_HEAD_BYTES], uint16_t payload_bytes, bool is_last);

/* A whole chunk; returns what follows it.  data may be where it is going to stand, dst + 8, or NULL
 * where n_bytes is 0. */
uint8_t *pxr_png_store_chunk(uint8_t *dst, const char type[4], const void *data, uint32_t n_bytes);
/* Signature and IHDR of a gray picture; returns what follows them. */
uint8_t *pxr_png_store_head(uint8_t *dst, uint32_t width_px, uint32_t height_px, uint8_t bits);

#endif
