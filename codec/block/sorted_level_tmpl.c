/* SPDX-License-Identifier: MIT
 * The kernels of one CPU level: included by sorted_portable.c and sorted_avx2.c, which are compiled for that
 * level.  LEVEL is its name.  With VECTORS it brings mixer_8, mixer_16, mixer_of_8(mix), mixer_of_16(mix),
 * segment_8 and segment_16, and rows of 16 bits hold samples ^ 2^15. */
#include "sorted.h"

#define PASTE_(a, b) a##b
#define PASTE(a, b) PASTE_(a, b)

typedef uint16_t __attribute__((aligned(1), may_alias)) any_u16;

/* Eight numbers of a sum's parts; compilers make of it what the machine has. */
typedef float parts __attribute__((vector_size(32), aligned(4), may_alias));

#define SAMPLE   uint8_t
#define SIGNED   int8_t
#define MEMORY   uint8_t
#define ACTIVITY uint16_t
#define BITS     8
#define FN(name) PASTE(name, _8)
#include "sorted_rows_tmpl.c"
#undef SAMPLE
#undef SIGNED
#undef MEMORY
#undef ACTIVITY
#undef BITS
#undef FN

#define SAMPLE   uint16_t
#define SIGNED   int16_t
#define MEMORY   any_u16
#define ACTIVITY uint32_t
#define BITS     16
#define FN(name) PASTE(name, _16)
#include "sorted_rows_tmpl.c"

const struct pxr_sorted_kernels PASTE(pxr_sorted_, LEVEL)[2] = {
    {decode_8, fit_8, cost_8, residuals_8},
    {decode_16, fit_16, cost_16, residuals_16},
};
