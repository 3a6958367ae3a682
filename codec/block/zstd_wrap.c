/* SPDX-License-Identifier: MIT
 * The only file that knows the zstd library. */
#include "zstd_wrap.h"

#include "alloc.h"

#define ZSTD_STATIC_LINKING_ONLY /* for one parameter of encoding, which may also fail */
#include <zstd.h>

/* ZSTD_ps_enable or, before 1.5, ZSTD_lcm_huffman. */
enum { LITERALS_COMPRESSED = 1 };

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
    ZSTD_CCtx_reset(z->encoder, ZSTD_reset_session_and_parameters);
    ZSTD_CCtx_setParameter(z->encoder, ZSTD_c_compressionLevel, level);
    const size_t n = ZSTD_compress2(z->encoder, dst, dst_bytes, src, src_bytes);
    return ZSTD_isError(n) ? 0 : n;
}

size_t pxr_zstd_compress_parts(pxr_zstd *z, const uint8_t *src, const size_t *part_bytes, unsigned n_parts,
                               uint8_t *dst, size_t dst_bytes)
{
    ZSTD_outBuffer out = {dst, dst_bytes, 0};
    size_t total = 0;
    for (unsigned i = 0; i < n_parts; i++)
        total += part_bytes[i];
    /* Short matches are slow to decode, and in noise they are larger than literals.  So: matches of seven bytes
     * and more, looked for at every 256th place (targetLength), in a table of 64 places: runs, and hardly
     * anything else.  With a targetLength this strategy would leave literals as they are; where it cannot
     * be told otherwise it looks at every place. */
    ZSTD_CCtx_reset(z->encoder, ZSTD_reset_session_and_parameters);
    ZSTD_CCtx_setParameter(z->encoder, ZSTD_c_compressionLevel, 1);
    ZSTD_CCtx_setParameter(z->encoder, ZSTD_c_strategy, ZSTD_fast);
    ZSTD_CCtx_setParameter(z->encoder, ZSTD_c_minMatch, 7);
    ZSTD_CCtx_setParameter(z->encoder, ZSTD_c_hashLog, 6);
    if (!ZSTD_isError(ZSTD_CCtx_setParameter(z->encoder, ZSTD_c_literalCompressionMode, LITERALS_COMPRESSED)))
        ZSTD_CCtx_setParameter(z->encoder, ZSTD_c_targetLength, 256);
    ZSTD_CCtx_setPledgedSrcSize(z->encoder, total);
    for (unsigned i = 0; i < n_parts; i++) {
        ZSTD_inBuffer in = {src, part_bytes[i], 0};
        const size_t left = ZSTD_compressStream2(z->encoder, &out, &in, i + 1 < n_parts ? ZSTD_e_flush : ZSTD_e_end);
        if (left) /* an error, or no room */
            return 0;
        src += part_bytes[i];
    }
    return out.pos;
}

bool pxr_zstd_decompress(pxr_zstd *z, const uint8_t *src, size_t src_bytes, uint8_t *dst,
                         size_t dst_bytes)
{
    /* In one call the output is the window, so that nothing that the frame states makes zstd
     * allocate.  The call would also accept several frames in a row. */
    return ZSTD_findFrameCompressedSize(src, src_bytes) == src_bytes &&
           ZSTD_decompressDCtx(z->decoder, dst, dst_bytes, src, src_bytes) == dst_bytes;
}
