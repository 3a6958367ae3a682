/* SPDX-License-Identifier: MIT
 * The walk of the match codec for any machine: the specification of the others. */
#define LEVEL portable
#include "match_level_tmpl.c"
