/* SPDX-License-Identifier: MIT
 * Fuzz target: codec 2. */
#include "fuzz_codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
    return fuzz_codec(PXR_BLOCK_ZSTD, &pxr_block_zstd_ops, data, n_bytes);
}
