/* SPDX-License-Identifier: MIT
 * A mount that nobody uses ends itself. */
#include "idle.h"

#include "alloc.h"
#include "diag.h"
#include "pool.h"

#include <errno.h>

struct pxr_idle {
    const struct pxr_server *server;
    const struct pxr_unmounter *unmounter;
    unsigned timeout_s;
    pthread_t thread;
    pthread_mutex_t lock; /* guards is_ending */
    pthread_cond_t has_ended;
    bool is_ending;
};

/* Changes with every request that the kernel sends. */
static uint64_t count_requests(const struct pxr_server *s)
{
    uint64_t n = 0;
    for (unsigned r = 0; r < PXR_N_REQUESTS; r++)
        n += atomic_load_explicit(&s->n_requests[r], memory_order_relaxed);
    return n;
}

static void *idle_main(void *arg)
{
    pxr_idle *i = arg;
    struct timespec until;
    uint64_t n_before = count_requests(i->server);
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += i->timeout_s;
    pthread_mutex_lock(&i->lock);
    while (!i->is_ending) {
        if (pthread_cond_timedwait(&i->has_ended, &i->lock, &until) != ETIMEDOUT)
            continue;
        /* A request that came at the beginning of this span makes the mount live for almost two: cheaper
         * than a clock in every request. */
        const uint64_t n = count_requests(i->server);
        if (n == n_before) {
            pthread_mutex_unlock(&i->lock);
            pxr_unmounter_ask(i->unmounter, PXR_UNMOUNT_IDLE, -1);
            pthread_mutex_lock(&i->lock);
        }
        n_before = n;
        until.tv_sec += i->timeout_s;
    }
    pthread_mutex_unlock(&i->lock);
    return NULL;
}

enum pxr_err pxr_idle_start(pxr_idle **out, const struct pxr_server *s, const struct pxr_unmounter *u,
                            unsigned timeout_s, struct pxr_diag *diag)
{
    pthread_condattr_t monotonic;
    pxr_idle *i = *out = pxr_alloc_zero(1, sizeof *i);
    if (!i)
        return pxr_fail_nomem(diag, sizeof *i);
    i->server = s;
    i->unmounter = u;
    i->timeout_s = timeout_s;
    pthread_mutex_init(&i->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&i->has_ended, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (pxr_threads_start(&i->thread, 1, idle_main, i) == 1)
        return PXR_OK;
    pxr_free(i);
    *out = NULL;
    return pxr_fail(diag, PXR_E_NOMEM, "no thread for idle_timeout");
}

void pxr_idle_stop(pxr_idle *i)
{
    if (!i)
        return;
    pthread_mutex_lock(&i->lock);
    i->is_ending = true;
    pthread_cond_signal(&i->has_ended);
    pthread_mutex_unlock(&i->lock);
    pthread_join(i->thread, NULL);
    pthread_mutex_destroy(&i->lock);
    pthread_cond_destroy(&i->has_ended);
    pxr_free(i);
}
