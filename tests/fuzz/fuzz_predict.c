/* SPDX-License-Identifier: MIT
 * Fuzz target: codec 3. */
#define CODEC PXR_BLOCK_PREDICT
#define OPS pxr_block_predict_ops
#include "fuzz_codec.h"
