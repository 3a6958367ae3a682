/* SPDX-License-Identifier: MIT
 * Kernels of the adaptive codec for any machine. */
#define LEVEL portable
#include "adaptive_rows_tmpl.c"
