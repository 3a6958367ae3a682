/* SPDX-License-Identifier: MIT
 * Fuzz target: the parser of --raw and the reader of headerless samples.  An input is the text of
 * the option, a NUL, one byte each of skip and stride, and the samples. */
#include "fuzz_image.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    struct pxr_image_opts opts = {0};
    struct pxr_diag diag;
    const uint8_t *end = n_bytes ? memchr(bytes, 0, n_bytes) : NULL;
    if (!end)
        return 0;
    const enum pxr_err e = pxr_image_parse_raw((const char *)bytes, &opts, &diag);
    fuzz_check(e == PXR_OK || e == PXR_E_INVALID);
    if (e != PXR_OK)
        return 0;
    fuzz_check(opts.raw_width_px && opts.raw_height_px && opts.raw_bits - 1u < 16);
    const size_t header_bytes = (size_t)(end - bytes) + 3;
    if (n_bytes < header_bytes)
        return 0;
    opts.raw_skip_bytes = end[1];
    opts.raw_stride_bytes = end[2];
    return fuzz_image(bytes + header_bytes, n_bytes - header_bytes, PXR_IMAGE_RAW, opts);
}
