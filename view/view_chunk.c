/* SPDX-License-Identifier: MIT
 * The parts that all PNG files of ours are made of: chunks and stored deflate blocks. */
#include "view_chunk.h"

#include "bytes.h"
#include "checksum.h"

uint64_t pxr_stored_bytes(uint64_t payload_bytes)
{
    return payload_bytes +
           PXR_STORED_HEAD_BYTES * pxr_div_up_u64(payload_bytes, PXR_STORED_MAX_BYTES);
}

void pxr_stored_head(uint8_t dst[PXR_STORED_HEAD_BYTES], uint16_t payload_bytes, bool is_last)
{
    dst[0] = is_last;
    pxr_store_u16le(dst + 1, payload_bytes);
    pxr_store_u16le(dst + 3, (uint16_t)~payload_bytes);
}

uint8_t *pxr_png_store_chunk(uint8_t *dst, const char type[4], const void *data, uint32_t n_bytes)
{
    pxr_store_u32be(dst, n_bytes);
    memcpy(dst + 4, type, 4);
    if (n_bytes && data != dst + 8)
        memcpy(dst + 8, data, n_bytes);
    pxr_store_u32be(dst + 8 + n_bytes, pxr_crc32(0, dst + 4, 4 + (size_t)n_bytes));
    return dst + 12 + n_bytes;
}

uint8_t *pxr_png_store_head(uint8_t *dst, uint32_t width_px, uint32_t height_px, uint8_t bits)
{
    static const uint8_t signature[PXR_PNG_SIGNATURE_BYTES] = {0x89, 'P',  'N',  'G',
                                                               '\r', '\n', 0x1a, '\n'};
    uint8_t ihdr[13] = {[8] = bits}; /* gray, deflate, adaptive filters, not interlaced */
    pxr_store_u32be(ihdr, width_px);
    pxr_store_u32be(ihdr + 4, height_px);
    memcpy(dst, signature, sizeof signature);
    return pxr_png_store_chunk(dst + sizeof signature, "IHDR", ihdr, sizeof ihdr);
}
