/* SPDX-License-Identifier: MIT
 * xz over all frames at once: `xz -T1 -LEVEL`. */
#include "peers.h"

#include <lzma.h>

static bool encode(const struct peer_shape *s, int level, const uint8_t *samples, size_t n_bytes,
                   uint8_t *coded, size_t *n_coded)
{
    (void)s;
    const size_t room_bytes = *n_coded;
    *n_coded = 0;
    return lzma_easy_buffer_encode((uint32_t)level, LZMA_CHECK_CRC64, NULL, samples, n_bytes, coded,
                                   n_coded, room_bytes) == LZMA_OK;
}

static bool decode(const struct peer_shape *s, const uint8_t *coded, size_t n_coded,
                   uint8_t *samples, size_t n_bytes)
{
    (void)s;
    uint64_t memory_bytes = UINT64_MAX;
    size_t at_in = 0, at_out = 0;
    return lzma_stream_buffer_decode(&memory_bytes, 0, NULL, coded, &at_in, n_coded, samples,
                                     &at_out, n_bytes) == LZMA_OK &&
           at_out == n_bytes;
}

const struct peer_codec peer_xz = {"xz", "liblzma", false, encode, decode};
