/* SPDX-License-Identifier: MIT
 * Fuzz target: codec 6. */
#include "fuzz_codec.h"
#include "sorted.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
    /* Narrow blocks have no such encoder. */
    if (n_bytes >= SHAPE_BYTES && data[0] % 2 && data[4] + 1u < pxr_sorted_segment_px(data[1] ? 16 : 8))
        return 0;
    return fuzz_codec(PXR_BLOCK_SORTED, &pxr_block_sorted_ops, data, n_bytes);
}
