/* SPDX-License-Identifier: MIT
 * Fuzz target: the FITS reader. */
#include "fuzz_image.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    return fuzz_image(bytes, n_bytes, PXR_IMAGE_FITS, (struct pxr_image_opts){0});
}
