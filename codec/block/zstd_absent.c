/* SPDX-License-Identifier: MIT
 * A build without zstd: the codec's blocks are recognised, but neither made nor decoded. */
#include "alloc.h"
#include "zstd_wrap.h"

struct pxr_zstd {
    char unused;
};

bool pxr_zstd_is_built_in(void)
{
    return false;
}

pxr_zstd *pxr_zstd_new(bool for_encoding)
{
    (void)for_encoding;
    return pxr_alloc_zero(1, sizeof(struct pxr_zstd));
}

void pxr_zstd_free(pxr_zstd *z)
{
    pxr_free(z);
}

size_t pxr_zstd_compress(pxr_zstd *z, int level, const uint8_t *src, size_t src_bytes, uint8_t *dst,
                         size_t dst_bytes)
{
    (void)z, (void)level, (void)src, (void)src_bytes, (void)dst, (void)dst_bytes;
    return 0;
}

size_t pxr_zstd_compress_parts(pxr_zstd *z, const uint8_t *src, const size_t *part_bytes, unsigned n_parts,
                               uint8_t *dst, size_t dst_bytes)
{
    (void)z, (void)src, (void)part_bytes, (void)n_parts, (void)dst, (void)dst_bytes;
    return 0;
}

bool pxr_zstd_decompress(pxr_zstd *z, const uint8_t *src, size_t src_bytes, uint8_t *dst,
                         size_t dst_bytes)
{
    (void)z, (void)src, (void)src_bytes, (void)dst, (void)dst_bytes;
    return false;
}
