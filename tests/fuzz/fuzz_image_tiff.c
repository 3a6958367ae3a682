/* SPDX-License-Identifier: MIT
 * Fuzz target: the TIFF reader. */
#include "fuzz_image.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    return fuzz_image(bytes, n_bytes, PXR_IMAGE_TIFF, (struct pxr_image_opts){0});
}
