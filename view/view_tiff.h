/* SPDX-License-Identifier: MIT
 * Little-endian TIFF: heads and directories of uncompressed gray pages of one strip. */
#ifndef PXR_VIEW_TIFF_H
#define PXR_VIEW_TIFF_H

#include "pixelrain.h"

struct pxr_tiff_page {
    uint32_t width_px, height_px;
    uint8_t bits;
    bool is_big;             /* BigTIFF: offsets of 64 bits                                 */
    uint64_t data_off_bytes; /* of the samples                                              */
    uint64_t next_off_bytes; /* of the next page's directory, 0: this is the last page      */
    uint64_t text_off_bytes; /* of the ImageDescription, with its NUL longer than 8 bytes   */
    uint32_t text_bytes;     /* with its NUL; 0: there is none                              */
};

#define PXR_TIFF_CLASSIC_HEAD_BYTES 8u
#define PXR_TIFF_BIG_HEAD_BYTES 16u
/* The longest directory that pxr_tiff_store_ifd writes: 12 entries. */
#define PXR_TIFF_IFD_BYTES(is_big) ((is_big) ? 8u + 12u * 20u + 8u : 2u + 12u * 12u + 4u)

/* The head of a classic file (8 bytes) or of a BigTIFF (16), whose first directory is at ifd_off_bytes. */
void pxr_tiff_store_head(uint8_t *dst, uint64_t ifd_off_bytes);
void pxr_tiff_store_big_head(uint8_t *dst, uint64_t ifd_off_bytes);
/* A page's directory; returns its length.  Of a classic file all offsets and the bytes of the samples must
 * be below 2^32. */
size_t pxr_tiff_store_ifd(uint8_t *dst, const struct pxr_tiff_page *page);

#endif
