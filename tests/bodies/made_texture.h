/* SPDX-License-Identifier: MIT
 * Pictures for tests: numbers without pattern, and a smooth texture made of them. */
#ifndef PXR_TESTS_MADE_TEXTURE_H
#define PXR_TESTS_MADE_TEXTURE_H

#include <stdint.h>

/* From a place. */
static inline uint32_t random_at(uint32_t t, uint32_t y, uint32_t x)
{
    uint64_t z = ((uint64_t)t << 40 ^ (uint64_t)y << 20 ^ x) + 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return (uint32_t)(z >> 32);
}

/* 0..2^16 - 1, linear between random numbers on a lattice of so many samples, at most 16. */
static inline uint32_t texture_of(uint32_t lattice, uint32_t y, uint32_t x)
{
    const uint32_t v = y / lattice, u = x / lattice, b = y % lattice, a = x % lattice;
    const uint32_t above = (random_at(9, v, u) >> 16) * (lattice - a) + (random_at(9, v, u + 1) >> 16) * a;
    const uint32_t below = (random_at(9, v + 1, u) >> 16) * (lattice - a) + (random_at(9, v + 1, u + 1) >> 16) * a;
    return (above * (lattice - b) + below * b) / (lattice * lattice);
}

#endif
