/* SPDX-License-Identifier: MIT
 * Fuzz target: the SER reader. */
#include "fuzz_image.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    return fuzz_image(bytes, n_bytes, PXR_IMAGE_SER, (struct pxr_image_opts){0});
}
