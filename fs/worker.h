/* SPDX-License-Identifier: MIT
 * What one dispatch thread needs: a decoder and a buffer for answers. */
#ifndef PXR_FS_WORKER_H
#define PXR_FS_WORKER_H

#include "server.h"

struct pxr_worker {
    pxr_decoder *decoder;
    uint8_t *bytes; /* room for one answer; contents last until the next request */
    size_t capacity;
};

/* The worker of the calling thread with room for n_bytes, made at its first request.  It is freed
 * when the thread ends.  NULL: no memory. */
struct pxr_worker *pxr_worker_get(struct pxr_server *s, size_t n_bytes);
void pxr_worker_free(void *worker); /* NULL is allowed */

#endif
