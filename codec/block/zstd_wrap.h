/* SPDX-License-Identifier: MIT
 * zstd frames as the format wants them, behind a seam that also exists without the library. */
#ifndef PXR_CODEC_ZSTD_WRAP_H
#define PXR_CODEC_ZSTD_WRAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct pxr_zstd pxr_zstd; /* contexts of one thread */

bool pxr_zstd_is_built_in(void);
/* NULL: no memory.  Without the library: an object that can do nothing. */
pxr_zstd *pxr_zstd_new(bool for_encoding);
void pxr_zstd_free(pxr_zstd *z);

/* The largest frame that the format allows for this content. */
static inline uint64_t pxr_zstd_bound(uint64_t raw_bytes)
{
    return raw_bytes + raw_bytes / 256 + 64;
}

/* One frame; dst_bytes is at least the bound.  0: no memory. */
size_t pxr_zstd_compress(pxr_zstd *z, int level, const uint8_t *src, size_t src_bytes, uint8_t *dst,
                         size_t dst_bytes);
/* One frame of n_parts parts, each of which begins a block of its own, compressed so that nearly all bytes are
 * literals, which decode fastest; dst_bytes has room for a little more than the sum.  0: no memory. */
size_t pxr_zstd_compress_parts(pxr_zstd *z, const uint8_t *src, const size_t *part_bytes, unsigned n_parts,
                               uint8_t *dst, size_t dst_bytes);
/* Decode a frame whose header has been checked into exactly dst_bytes; takes no memory.  false: it
 * is damaged or has another length. */
bool pxr_zstd_decompress(pxr_zstd *z, const uint8_t *src, size_t src_bytes, uint8_t *dst,
                         size_t dst_bytes);

#endif
