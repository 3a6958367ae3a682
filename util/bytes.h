/* SPDX-License-Identifier: MIT
 * Integers in buffers, and arithmetic on values that nobody has checked yet. */
#ifndef PXR_UTIL_BYTES_H
#define PXR_UTIL_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint16_t pxr_load_u16le(const void *p)
{
    const uint8_t *b = p;
    return (uint16_t)(b[0] | b[1] << 8);
}
static inline uint32_t pxr_load_u32le(const void *p)
{
    const uint8_t *b = p;
    return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}
static inline uint64_t pxr_load_u64le(const void *p)
{
    const uint8_t *b = p;
    return (uint64_t)pxr_load_u32le(b) | (uint64_t)pxr_load_u32le(b + 4) << 32;
}
static inline void pxr_store_u16le(void *p, uint16_t v)
{
    uint8_t *b = p;
    b[0] = (uint8_t)v;
    b[1] = (uint8_t)(v >> 8);
}
static inline void pxr_store_u32le(void *p, uint32_t v)
{
    pxr_store_u16le(p, (uint16_t)v);
    pxr_store_u16le((uint8_t *)p + 2, (uint16_t)(v >> 16));
}
static inline void pxr_store_u64le(void *p, uint64_t v)
{
    pxr_store_u32le(p, (uint32_t)v);
    pxr_store_u32le((uint8_t *)p + 4, (uint32_t)(v >> 32));
}
static inline uint16_t pxr_load_u16be(const void *p)
{
    const uint8_t *b = p;
    return (uint16_t)(b[0] << 8 | b[1]);
}
static inline uint32_t pxr_load_u32be(const void *p)
{
    const uint8_t *b = p;
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | (uint32_t)b[3];
}
static inline void pxr_store_u16be(void *p, uint16_t v)
{
    uint8_t *b = p;
    b[0] = (uint8_t)(v >> 8);
    b[1] = (uint8_t)v;
}
static inline void pxr_store_u32be(void *p, uint32_t v)
{
    pxr_store_u16be(p, (uint16_t)(v >> 16));
    pxr_store_u16be((uint8_t *)p + 2, (uint16_t)v);
}
static inline void pxr_store_u64be(void *p, uint64_t v)
{
    pxr_store_u32be(p, (uint32_t)(v >> 32));
    pxr_store_u32be((uint8_t *)p + 4, (uint32_t)v);
}

/* False on overflow; *out is then undefined. */
static inline bool pxr_add_u64(uint64_t a, uint64_t b, uint64_t *out)
{
    return !__builtin_add_overflow(a, b, out);
}
static inline bool pxr_mul_u64(uint64_t a, uint64_t b, uint64_t *out)
{
    return !__builtin_mul_overflow(a, b, out);
}
/* [off, off + bytes) lies inside [0, total). */
static inline bool pxr_range_fits(uint64_t off, uint64_t bytes, uint64_t total)
{
    return off <= total && bytes <= total - off;
}
static inline uint64_t pxr_min_u64(uint64_t a, uint64_t b) { return a < b ? a : b; }
static inline uint64_t pxr_max_u64(uint64_t a, uint64_t b) { return a > b ? a : b; }
/* ceil(a / b) for b > 0, without overflow. */
static inline uint64_t pxr_div_up_u64(uint64_t a, uint64_t b) { return a / b + (a % b != 0); }
/* a rounded up to a multiple of the power of two m; a must be below 2^63. */
static inline uint64_t pxr_round_up_u64(uint64_t a, uint64_t m) { return (a + m - 1) & ~(m - 1); }

/* Copy samples and reverse the bytes of each 16-bit one: native to the other order. */
static inline void pxr_copy_swap16(void *dst, const void *src, size_t n_samples)
{
    const uint8_t *s = src;
    uint8_t *d = dst;
    for (size_t i = 0; i < n_samples; i++) {
        uint16_t v;
        memcpy(&v, s + 2 * i, 2);
        v = (uint16_t)(v >> 8 | v << 8);
        memcpy(d + 2 * i, &v, 2);
    }
}
static inline bool pxr_is_little_endian(void)
{
    return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;
}
/* Between native samples and little or big endian ones (the same operation both ways). */
static inline void pxr_copy_samples_le(void *dst, const void *src, size_t n, uint8_t bits)
{
    if (bits == 16 && !pxr_is_little_endian())
        pxr_copy_swap16(dst, src, n);
    else
        memcpy(dst, src, n * (bits / 8u));
}
static inline void pxr_copy_samples_be(void *dst, const void *src, size_t n, uint8_t bits)
{
    if (bits == 16 && pxr_is_little_endian())
        pxr_copy_swap16(dst, src, n);
    else
        memcpy(dst, src, n * (bits / 8u));
}

#endif
