/* SPDX-License-Identifier: MIT
 * Fuzz target: codec 4. */
#define CODEC PXR_BLOCK_MATCH
#define OPS pxr_block_match_ops
#include "fuzz_codec.h"
