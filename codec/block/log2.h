/* SPDX-License-Identifier: MIT
 * Logarithms for encoders that weigh code lengths. */
#ifndef PXR_CODEC_LOG2_H
#define PXR_CODEC_LOG2_H

#include <stdint.h>

/* log2(n) in 1/65536, by squaring: the same on every machine.  n > 0. */
static inline uint64_t pxr_log2(uint64_t n)
{
    const unsigned whole = 63 - (unsigned)__builtin_clzll(n);
    uint64_t m = whole > 31 ? n >> (whole - 31) : n << (31 - whole), fraction = 0; /* in [2^31, 2^32) */
    for (int i = 0; i < 16; i++) {
        m = m * m >> 31;
        fraction = fraction << 1 | m >> 32;
        m >>= m >> 32;
    }
    return (uint64_t)whole << 16 | fraction;
}

#endif
