/* SPDX-License-Identifier: MIT
 * Kernels of the adaptive codec for AVX2: the same loops, compiled for it. */
#define LEVEL avx2
#include "adaptive_rows_tmpl.c"
