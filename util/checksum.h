/* SPDX-License-Identifier: MIT
 * Checksums: XXH3 for the archive, CRC-32 and Adler-32 for the PNG view. */
#ifndef PXR_UTIL_CHECKSUM_H
#define PXR_UTIL_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

struct pxr_hash128 {
    uint64_t lo, hi;
};

uint64_t pxr_xxh3_64(const void *src, size_t n_bytes);
struct pxr_hash128 pxr_xxh3_128(const void *src, size_t n_bytes);

/* XXH3 over several pieces.  A state is 64-byte aligned memory from new. */
typedef struct pxr_xxh3 pxr_xxh3;
pxr_xxh3 *pxr_xxh3_new(void); /* NULL: no memory */
void pxr_xxh3_free(pxr_xxh3 *s);
void pxr_xxh3_begin64(pxr_xxh3 *s);
void pxr_xxh3_add64(pxr_xxh3 *s, const void *src, size_t n_bytes);
uint64_t pxr_xxh3_end64(const pxr_xxh3 *s);
void pxr_xxh3_begin128(pxr_xxh3 *s);
void pxr_xxh3_add128(pxr_xxh3 *s, const void *src, size_t n_bytes);
struct pxr_hash128 pxr_xxh3_end128(const pxr_xxh3 *s);

/* zlib's conventions: the running value of an empty string is 0 for CRC-32 and 1 for Adler-32. */
uint32_t pxr_crc32(uint32_t crc, const void *src, size_t n_bytes);
uint32_t pxr_adler32(uint32_t adler, const void *src, size_t n_bytes);

#endif
