/* SPDX-License-Identifier: MIT
 * What one dispatch thread needs: what it shows, a decoder and a buffer for answers. */
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
    pxr_snapshot_put(w->shown);
    pxr_free(w->bytes);
    pxr_free(w);
}

static struct pxr_worker *worker_new(struct pxr_server *s)
{
    struct pxr_worker *w = pxr_alloc_zero(1, sizeof *w);
    if (!w || pthread_setspecific(s->worker_key, w)) {
        pxr_free(w);
        return NULL;
    }
    w->server = s;
    w->shown = pxr_server_snapshot(s, &w->generation);
    return w;
}

struct pxr_worker *pxr_worker_get(struct pxr_server *s)
{
    struct pxr_worker *w = pthread_getspecific(s->worker_key);
    if (!w)
        return worker_new(s);
    /* Mostly nothing has changed, and nobody waits for a lock. */
    if (w->generation != atomic_load_explicit(&s->generation, memory_order_acquire)) {
        struct pxr_snapshot *before = w->shown;
        w->shown = pxr_server_snapshot(s, &w->generation);
        if (w->decoder)
            pxr_decoder_move(w->decoder, w->shown->archive);
        pxr_snapshot_put(before);
    }
    return w;
}

bool pxr_worker_reserve(struct pxr_worker *w, size_t n_bytes)
{
    if (n_bytes <= w->capacity)
        return true;
    const size_t capacity = n_bytes < MIN_CAPACITY ? MIN_CAPACITY : n_bytes;
    uint8_t *bytes = pxr_alloc_aligned(ALIGN_BYTES, pxr_round_up_u64(capacity, ALIGN_BYTES));
    if (!bytes)
        return false;
    pxr_free(w->bytes);
    w->bytes = bytes;
    w->capacity = capacity;
    return true;
}

pxr_decoder *pxr_worker_decoder(struct pxr_worker *w)
{
    if (!w->decoder && pxr_decoder_new(&w->decoder, w->shown->archive) != PXR_OK)
        w->decoder = NULL;
    return w->decoder;
}
