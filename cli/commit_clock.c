/* SPDX-License-Identifier: MIT
 * A thread that commits what was written every few seconds, also while the input makes its reader wait. */
#include "commit_clock.h"

#include "diag.h"
#include "pool.h"

#include <errno.h>
#include <time.h>

static void *tick(void *arg)
{
    struct pxr_commit_clock *c = arg;
    const long seconds = (long)c->seconds, rest_ns = (long)((c->seconds - (double)seconds) * 1e9);
    struct timespec due;
    clock_gettime(CLOCK_MONOTONIC, &due);
    pthread_mutex_lock(&c->lock);
    while (!c->must_end && c->err == PXR_OK) {
        due.tv_sec += seconds + (due.tv_nsec + rest_ns >= 1000000000);
        due.tv_nsec = (due.tv_nsec + rest_ns) % 1000000000;
        while (!c->must_end && pthread_cond_timedwait(&c->wake, &c->lock, &due) != ETIMEDOUT)
            ;
        if (c->must_end)
            break;
        c->err = pxr_writer_commit(c->writer);
        if (c->err != PXR_OK)
            c->diag = *pxr_writer_diag(c->writer);
        clock_gettime(CLOCK_MONOTONIC, &due); /* a slow disk must not make commits pile up */
    }
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

enum pxr_err pxr_commit_clock_start(struct pxr_commit_clock *c, pxr_writer *writer, double seconds,
                                    struct pxr_diag *diag)
{
    pthread_condattr_t monotonic;
    c->writer = writer;
    c->seconds = seconds;
    pthread_mutex_init(&c->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&c->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    c->is_running = pxr_threads_start(&c->thread, 1, tick, c) == 1;
    if (c->is_running)
        return PXR_OK;
    pthread_cond_destroy(&c->wake);
    pthread_mutex_destroy(&c->lock);
    return pxr_fail(diag, PXR_E_NOMEM, "no thread can be started for --commit-every");
}

void pxr_commit_clock_stop(struct pxr_commit_clock *c)
{
    if (!c->is_running)
        return;
    pthread_mutex_lock(&c->lock);
    c->must_end = true;
    pthread_cond_signal(&c->wake);
    pthread_mutex_unlock(&c->lock);
    pthread_join(c->thread, NULL);
    pthread_cond_destroy(&c->wake);
    pthread_mutex_destroy(&c->lock);
    c->is_running = false;
}

enum pxr_err pxr_commit_clock_lock(struct pxr_commit_clock *c, struct pxr_diag *diag)
{
    if (!c->is_running)
        return PXR_OK;
    pthread_mutex_lock(&c->lock);
    if (c->err == PXR_OK)
        return PXR_OK;
    *diag = c->diag;
    pthread_mutex_unlock(&c->lock);
    return c->err;
}

void pxr_commit_clock_unlock(struct pxr_commit_clock *c)
{
    if (c->is_running)
        pthread_mutex_unlock(&c->lock);
}
