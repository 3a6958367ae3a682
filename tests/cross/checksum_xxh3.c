/* SPDX-License-Identifier: MIT
 * What codecs need of util/checksum.c, from the header of xxHash alone: for targets without libraries. */
#define XXH_INLINE_ALL
#include "checksum.h"

#include <xxhash.h>

uint64_t pxr_xxh3_64(const void *src, size_t n_bytes) { return XXH3_64bits(src, n_bytes); }

struct pxr_hash128 pxr_xxh3_128(const void *src, size_t n_bytes)
{
    const XXH128_hash_t h = XXH3_128bits(src, n_bytes);
    return (struct pxr_hash128){h.low64, h.high64};
}
