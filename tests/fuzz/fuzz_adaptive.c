/* SPDX-License-Identifier: MIT
 * Fuzz target: codec 5. */
#define CODEC PXR_BLOCK_ADAPTIVE
#define OPS pxr_block_adaptive_ops
#include "fuzz_codec.h"
