/* SPDX-License-Identifier: MIT
 * What one dispatch thread needs: what it shows, a decoder and a buffer for answers. */
#ifndef PXR_FS_WORKER_H
#define PXR_FS_WORKER_H

#include "server.h"

struct pxr_worker {
    struct pxr_server *server;
    struct pxr_snapshot *shown; /* the newest when the request came; referenced until the next one */
    unsigned generation;
    pxr_decoder *decoder; /* of shown; NULL until pxr_worker_decoder */
    uint8_t *bytes;       /* room for one answer; contents last until the next request */
    size_t capacity;
};

/* The worker of the calling thread, made at its first request, for one request: it shows the newest snapshot.  It is
 * freed when the thread ends.  NULL: no memory. */
struct pxr_worker *pxr_worker_get(struct pxr_server *s);
/* Room for an answer of n_bytes in w->bytes; false: no memory. */
bool pxr_worker_reserve(struct pxr_worker *w, size_t n_bytes);
/* Its decoder, which reads from w->shown.  NULL: no memory. */
pxr_decoder *pxr_worker_decoder(struct pxr_worker *w);
void pxr_worker_free(void *worker); /* NULL is allowed */

#endif
