/* SPDX-License-Identifier: MIT
 * Kernels of the sorted codec for any machine: the specification of the others. */
#define LEVEL portable
#include "sorted_level_tmpl.c"
