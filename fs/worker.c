/* SPDX-License-Identifier: MIT
 * What one dispatch thread needs: a decoder and a buffer for answers. */
#include "worker.h"

#include "alloc.h"
#include "bytes.h"

/* The kernel's requests are at most 1 MiB, mostly 128 KiB. */
#define MIN_CAPACITY ((size_t)128 * 1024)
#define ALIGN_BYTES 4096

void pxr_worker_free(void *worker)
{
    struct pxr_worker *w = worker;
    if (!w)
        return;
    pxr_decoder_free(w->decoder);
    pxr_free(w->bytes);
    pxr_free(w);
}

static struct pxr_worker *worker_new(struct pxr_server *s)
{
    struct pxr_worker *w = pxr_alloc_zero(1, sizeof *w);
    if (w && pxr_decoder_new(&w->decoder, s->archive) == PXR_OK &&
        !pthread_setspecific(s->worker_key, w))
        return w;
    pxr_worker_free(w);
    return NULL;
}

struct pxr_worker *pxr_worker_get(struct pxr_server *s, size_t n_bytes)
{
    struct pxr_worker *w = pthread_getspecific(s->worker_key);
    if (!w)
        w = worker_new(s);
    if (!w || n_bytes <= w->capacity)
        return w;
    const size_t capacity = n_bytes < MIN_CAPACITY ? MIN_CAPACITY : n_bytes;
    uint8_t *bytes = pxr_alloc_aligned(ALIGN_BYTES, pxr_round_up_u64(capacity, ALIGN_BYTES));
    if (!bytes)
        return NULL;
    pxr_free(w->bytes);
    w->bytes = bytes;
    w->capacity = capacity;
    return w;
}
