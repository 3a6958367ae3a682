/* SPDX-License-Identifier: MIT
 * zstd over all frames at once: `zstd -T1 -LEVEL`, and with --long=27. */
#include "peers.h"

#include <zstd.h>

static bool encode_window(int level, bool is_long, const uint8_t *samples, size_t n_bytes,
                          uint8_t *coded, size_t *n_coded)
{
    ZSTD_CCtx *context = ZSTD_createCCtx();
    if (!context)
        return false;
    ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, level);
    if (is_long) {
        ZSTD_CCtx_setParameter(context, ZSTD_c_enableLongDistanceMatching, 1);
        ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, 27);
    }
    *n_coded = ZSTD_compress2(context, coded, *n_coded, samples, n_bytes);
    ZSTD_freeCCtx(context);
    return !ZSTD_isError(*n_coded);
}

static bool encode(const struct peer_shape *s, int level, const uint8_t *samples, size_t n_bytes,
                   uint8_t *coded, size_t *n_coded)
{
    (void)s;
    return encode_window(level, false, samples, n_bytes, coded, n_coded);
}

static bool encode_long(const struct peer_shape *s, int level, const uint8_t *samples,
                        size_t n_bytes, uint8_t *coded, size_t *n_coded)
{
    (void)s;
    return encode_window(level, true, samples, n_bytes, coded, n_coded);
}

static bool decode(const struct peer_shape *s, const uint8_t *coded, size_t n_coded,
                   uint8_t *samples, size_t n_bytes)
{
    (void)s;
    return ZSTD_decompress(samples, n_bytes, coded, n_coded) == n_bytes;
}

const struct peer_codec peer_zstd = {"zstd", "libzstd", false, encode, decode};
const struct peer_codec peer_zstd_long = {"zstd-long", "libzstd", false, encode_long, decode};
