/* SPDX-License-Identifier: MIT
 * The only file that knows the zstd library. */
#include "zstd_wrap.h"

#include "alloc.h"

#include <zstd.h>

struct pxr_zstd {
    ZSTD_CCtx *encoder;
    ZSTD_DCtx *decoder;
};

bool pxr_zstd_is_built_in(void)
{
    return true;
}

pxr_zstd *pxr_zstd_new(bool for_encoding)
{
    pxr_zstd *z = pxr_alloc_zero(1, sizeof *z);
    if (!z)
        return NULL;
    if (for_encoding)
        z->encoder = ZSTD_createCCtx();
    else
        z->decoder = ZSTD_createDCtx();
    if (!z->encoder && !z->decoder) {
        pxr_free(z);
        return NULL;
    }
    return z;
}

void pxr_zstd_free(pxr_zstd *z)
{
    if (!z)
        return;
    ZSTD_freeCCtx(z->encoder);
    ZSTD_freeDCtx(z->decoder);
    pxr_free(z);
}

size_t pxr_zstd_compress(pxr_zstd *z, int level, const uint8_t *src, size_t src_bytes, uint8_t *dst,
                         size_t dst_bytes)
{
    /* The defaults are what the format asks for: content size yes, checksum and dictionary no. */
    ZSTD_CCtx_setParameter(z->encoder, ZSTD_c_compressionLevel, level);
    const size_t n = ZSTD_compress2(z->encoder, dst, dst_bytes, src, src_bytes);
    return ZSTD_isError(n) ? 0 : n;
}

bool pxr_zstd_decompress(pxr_zstd *z, const uint8_t *src, size_t src_bytes, uint8_t *dst,
                         size_t dst_bytes)
{
    /* In one call the output is the window, so that nothing that the frame states makes zstd
     * allocate.  The call would also accept several frames in a row. */
    return ZSTD_findFrameCompressedSize(src, src_bytes) == src_bytes &&
           ZSTD_decompressDCtx(z->decoder, dst, dst_bytes, src, src_bytes) == dst_bytes;
}
