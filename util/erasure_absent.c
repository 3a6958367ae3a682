/* SPDX-License-Identifier: MIT
 * A build without ISA-L: parity is neither made nor used. */
#include "erasure.h"

bool pxr_erasure_is_built_in(void)
{
    return false;
}

pxr_erasure *pxr_erasure_new(unsigned k, unsigned m)
{
    (void)k, (void)m;
    return NULL;
}

void pxr_erasure_free(pxr_erasure *e)
{
    (void)e;
}

void pxr_erasure_add(const pxr_erasure *e, unsigned j, const uint8_t *data, uint8_t *parity, size_t n_bytes)
{
    (void)e, (void)j, (void)data, (void)parity, (void)n_bytes;
}

bool pxr_erasure_solve(const pxr_erasure *e, unsigned n_bad, const uint8_t *bad, const uint8_t *rows,
                       const uint8_t *const *data, const uint8_t *const *parity, uint8_t *const *out, size_t n_bytes)
{
    (void)e, (void)n_bad, (void)bad, (void)rows, (void)data, (void)parity, (void)out, (void)n_bytes;
    return false;
}
