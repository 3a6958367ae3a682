/* SPDX-License-Identifier: MIT
 * Checksums: XXH3 for the archive, CRC-32 and Adler-32 for the PNG view. */
#include "checksum.h"

#include "alloc.h"

#include <stdbool.h>
#include <xxhash.h>
#ifdef PXR_HAVE_LIBDEFLATE
#include <libdeflate.h>
#else
#include <zlib.h>
#endif

/* What hashing costs is measured against a build that leaves it out: what is longer than names and keys, which must
 * differ, has the length as its hash.  Such a build reads its own archives alone, and is never installed. */
#ifdef PXR_BENCH_NO_HASH
#define IS_HASHED(n_bytes) ((n_bytes) <= 64)
#else
#define IS_HASHED(n_bytes) true
#endif

uint64_t pxr_xxh3_64(const void *src, size_t n_bytes)
{
    return IS_HASHED(n_bytes) ? XXH3_64bits(src, n_bytes) : n_bytes;
}

struct pxr_hash128 pxr_xxh3_128(const void *src, size_t n_bytes)
{
    const XXH128_hash_t h = XXH3_128bits(src, n_bytes);
    return (struct pxr_hash128){h.low64, h.high64};
}

struct pxr_xxh3 {
    XXH3_state_t *state;
};

pxr_xxh3 *pxr_xxh3_new(void)
{
    pxr_xxh3 *s = pxr_alloc(sizeof *s);
    if (!s)
        return NULL;
    s->state = XXH3_createState();
    if (!s->state) {
        pxr_free(s);
        return NULL;
    }
    return s;
}

void pxr_xxh3_free(pxr_xxh3 *s)
{
    if (!s)
        return;
    XXH3_freeState(s->state);
    pxr_free(s);
}

void pxr_xxh3_begin64(pxr_xxh3 *s) { XXH3_64bits_reset(s->state); }
void pxr_xxh3_add64(pxr_xxh3 *s, const void *src, size_t n)
{
    if (IS_HASHED(n))
        XXH3_64bits_update(s->state, src, n);
}
uint64_t pxr_xxh3_end64(const pxr_xxh3 *s) { return XXH3_64bits_digest(s->state); }
void pxr_xxh3_begin128(pxr_xxh3 *s) { XXH3_128bits_reset(s->state); }
void pxr_xxh3_add128(pxr_xxh3 *s, const void *src, size_t n)
{
    XXH3_128bits_update(s->state, src, n);
}
struct pxr_hash128 pxr_xxh3_end128(const pxr_xxh3 *s)
{
    const XXH128_hash_t h = XXH3_128bits_digest(s->state);
    return (struct pxr_hash128){h.low64, h.high64};
}

#ifdef PXR_HAVE_LIBDEFLATE
uint32_t pxr_crc32(uint32_t crc, const void *src, size_t n) { return libdeflate_crc32(crc, src, n); }
uint32_t pxr_adler32(uint32_t adler, const void *src, size_t n)
{
    return libdeflate_adler32(adler, src, n);
}
#else
uint32_t pxr_crc32(uint32_t crc, const void *src, size_t n)
{
    return (uint32_t)crc32_z(crc, src, n);
}
uint32_t pxr_adler32(uint32_t adler, const void *src, size_t n)
{
    return (uint32_t)adler32_z(adler, src, n);
}
#endif
