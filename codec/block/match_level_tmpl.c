/* SPDX-License-Identifier: MIT
 * Codec 4: the walk over a frame's samples at one CPU level, for 8 and 16 bits, decoding and encoding: included by
 * match_portable.c and match_avx2.c, which are compiled for that level.  LEVEL is its name.  With VECTORS it brings
 * near_of_8, near_of_16, equal_bits_8, equal_bits_16 and mixed_candidate, which do the same as the text here. */
#include "match_coder.h"

#include <stdlib.h>

/* Bits of |v|. */
static inline uint32_t bit_length(int32_t v)
{
    const uint32_t a = (uint32_t)abs(v);
    return a ? 32 - (uint32_t)__builtin_clz(a) : 0;
}

/* Sign and rough size of a step between ranks: 0..6, and 8..13 below 0. */
static inline uint32_t step_class(int32_t v)
{
    const uint32_t a = (uint32_t)abs(v);
    const uint32_t c = a < 3 ? a : a < 5 ? 3 : a < 10 ? 4 : a < 30 ? 5 : 6;
    return v < 0 ? c + 7 : c;
}

/* Places among the 32 samples around one: of this frame N N-1..2, N -2..3, W -2..-1; of reference 0 beside, above
 * and below -1..2; of reference 1 beside -1..2, above and below 0..1. */
enum {
    AT_NN = 1,
    AT_NW = 5,
    AT_N = 6,
    AT_NE = 7,
    AT_WW = 10,
    AT_W = 11,
    AT_PW = 12,
    AT_P = 13,
    AT_PE = 14,
    AT_PN = 17,
    AT_Q = 25,
    OWN = 0x00000DF7,     /* this frame's */
    NEAREST = 0x46227DE2, /* and those that touch it, in any frame */
};

#define PASTE_(a, b) a##b
#define PASTE(a, b) PASTE_(a, b)

#define BITS 8
#define SAMPLE uint8_t
#define IS_ENCODER false
#define NAME(x) decode8_##x
#include "match_rows_tmpl.c"

#define BITS 16
#define SAMPLE uint16_t
#define IS_ENCODER false
#define NAME(x) decode16_##x
#include "match_rows_tmpl.c"

#define BITS 8
#define SAMPLE uint8_t
#define IS_ENCODER true
#define NAME(x) encode8_##x
#include "match_rows_tmpl.c"

#define BITS 16
#define SAMPLE uint16_t
#define IS_ENCODER true
#define NAME(x) encode16_##x
#include "match_rows_tmpl.c"

const pxr_match_walker PASTE(pxr_match_walk_, LEVEL)[2][2] = {{decode8_walk, decode16_walk},
                                                              {encode8_walk, encode16_walk}};
