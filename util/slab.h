/* SPDX-License-Identifier: MIT
 * Memory for large values of few sizes that come and go, decoded units for instance: what is put back is
 * used again before the system is asked, and the system is asked for much at once. */
#ifndef PXR_UTIL_SLAB_H
#define PXR_UTIL_SLAB_H

#include "pixelrain.h"

typedef struct pxr_slab pxr_slab;

enum pxr_err pxr_slab_new(pxr_slab **out, struct pxr_diag *diag);
void pxr_slab_free(pxr_slab *s); /* all pieces must have been put back; NULL is allowed */

/* 64-byte aligned, uninitialised; NULL: no memory.  Any thread may get, and any other put. */
void *pxr_slab_get(pxr_slab *s, size_t n_bytes);
void pxr_slab_put(void *piece); /* NULL is allowed */

/* Address space that is held in chunks.  With the address sanitizer it is always 0: each piece then comes
 * from pxr_alloc_aligned, so that use after put is found. */
uint64_t pxr_slab_bytes(pxr_slab *s);

#endif
