/* SPDX-License-Identifier: MIT
 * Fuzz target: headers of NPY arrays of any numbers. */
#include "npy_array.h"

#include "fuzz_image.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    struct pxr_npy_array a;
    struct pxr_diag diag;
    memset(&diag, 0xA5, sizeof diag);
    memset(&a, 0xA5, sizeof a);
    const enum pxr_err e = pxr_npy_array_parse(&a, bytes, n_bytes, &diag);
    if (e != PXR_OK) {
        fuzz_check(diag.code == e && diag.text[0] && (diag.off_bytes == PXR_NONE || diag.off_bytes <= n_bytes));
        fuzz_check(pxr_err_exit(e) == 1 || pxr_err_exit(e) == 4);
        return 0;
    }
    /* What the header says is what is there. */
    uint64_t n = a.item_bytes;
    for (unsigned i = 0; i < a.n_axes; i++)
        n *= a.axes[i];
    fuzz_check(a.n_axes <= 4 && a.item_bytes >= 1 && a.item_bytes <= 16 && strlen(a.type) <= 3);
    fuzz_check(a.data_off_bytes + n == n_bytes);
    return 0;
}
