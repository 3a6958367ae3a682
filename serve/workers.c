/* SPDX-License-Identifier: MIT
 * Threads that make answers while the server's loop goes on. */
#include "workers.h"

#include "diag.h"
#include "pool.h"

enum { MAX_WORKERS = 64 };

struct queue {
    struct pxr_task *first, **end;
};

struct pxr_workers {
    struct pxr_serve *serve;
    void (*wake)(void *);
    void *wake_arg;
    pthread_mutex_t lock;
    pthread_cond_t has_work;
    struct queue waiting, done;
    bool is_ending;
    pthread_t threads[MAX_WORKERS];
    unsigned n_threads, n_decoders;
    pxr_decoder *decoders[MAX_WORKERS];
};

static void put(struct queue *q, struct pxr_task *t)
{
    t->next = NULL;
    *q->end = t;
    q->end = &t->next;
}

static struct pxr_task *take(struct queue *q)
{
    struct pxr_task *const t = q->first;
    if (t && !(q->first = t->next))
        q->end = &q->first;
    return t;
}

void pxr_task_free(struct pxr_task *t)
{
    if (!t)
        return;
    pxr_request_fini(&t->request);
    pxr_buffer_fini(&t->answer.bytes);
    pxr_free(t);
}

static void *work(void *arg)
{
    struct pxr_workers *const w = arg;
    pthread_mutex_lock(&w->lock);
    pxr_decoder *const decoder = w->decoders[--w->n_decoders];
    while (!w->is_ending) {
        struct pxr_task *const t = take(&w->waiting);
        if (!t) {
            pthread_cond_wait(&w->has_work, &w->lock);
            continue;
        }
        pthread_mutex_unlock(&w->lock);
        pxr_serve_answer(w->serve, decoder, &t->request, &t->answer);
        pthread_mutex_lock(&w->lock);
        put(&w->done, t);
        w->wake(w->wake_arg);
    }
    pthread_mutex_unlock(&w->lock);
    pxr_decoder_free(decoder);
    return NULL;
}

enum pxr_err pxr_workers_new(struct pxr_workers **out, struct pxr_serve *serve, unsigned n_threads,
                             void (*wake)(void *arg), void *arg, struct pxr_diag *diag)
{
    struct pxr_workers *const w = pxr_alloc_zero(1, sizeof *w);
    *out = NULL;
    if (!w)
        return pxr_fail_nomem(diag, sizeof *w);
    *w = (struct pxr_workers){.serve = serve, .wake = wake, .wake_arg = arg};
    w->waiting.end = &w->waiting.first;
    w->done.end = &w->done.first;
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->has_work, NULL);
    n_threads = n_threads < 1 ? 1 : n_threads > MAX_WORKERS ? MAX_WORKERS : n_threads;
    enum pxr_err e = pxr_archive_start_workers(serve->archive, pxr_n_cores());
    for (; e == PXR_OK && w->n_decoders < n_threads; w->n_decoders += e == PXR_OK)
        e = pxr_decoder_new(&w->decoders[w->n_decoders], serve->archive);
    if (e != PXR_OK)
        pxr_fail(diag, e, "decoders and their threads cannot be made");
    pthread_mutex_lock(&w->lock); /* threads take decoders from the end, not before all are there */
    if (e == PXR_OK)
        w->n_threads = pxr_threads_start(w->threads, n_threads, work, w);
    for (; w->n_decoders > w->n_threads; w->n_decoders--)
        pxr_decoder_free(w->decoders[w->n_decoders - 1]);
    pthread_mutex_unlock(&w->lock);
    if (e == PXR_OK && !w->n_threads)
        e = pxr_fail(diag, PXR_E_NOMEM, "no thread can be started");
    if (e == PXR_OK)
        *out = w;
    else
        pxr_workers_free(w);
    return e;
}

void pxr_workers_stop(struct pxr_workers *w)
{
    pthread_mutex_lock(&w->lock);
    w->is_ending = true;
    pthread_cond_broadcast(&w->has_work);
    pthread_mutex_unlock(&w->lock);
    for (; w->n_threads; w->n_threads--)
        pthread_join(w->threads[w->n_threads - 1], NULL);
}

void pxr_workers_free(struct pxr_workers *w)
{
    struct pxr_task *t;
    if (!w)
        return;
    pxr_workers_stop(w);
    while ((t = take(&w->waiting)) || (t = take(&w->done)))
        pxr_task_free(t);
    pthread_cond_destroy(&w->has_work);
    pthread_mutex_destroy(&w->lock);
    pxr_free(w);
}

void pxr_workers_submit(struct pxr_workers *w, struct pxr_task *t)
{
    pthread_mutex_lock(&w->lock);
    put(&w->waiting, t);
    pthread_cond_signal(&w->has_work);
    pthread_mutex_unlock(&w->lock);
}

struct pxr_task *pxr_workers_done(struct pxr_workers *w)
{
    pthread_mutex_lock(&w->lock);
    struct pxr_task *const t = take(&w->done);
    pthread_mutex_unlock(&w->lock);
    return t;
}
