/* SPDX-License-Identifier: MIT
 * A thread pool for jobs whose memory belongs to the caller. */
#ifndef PXR_UTIL_POOL_H
#define PXR_UTIL_POOL_H

#include "pixelrain.h"

#include <pthread.h>

typedef struct pxr_pool pxr_pool;

/* A job is submitted, then waited for: exactly once each.  Waiting runs the job in the caller where no
 * worker has begun it, so that a pool without workers is correct, only slower, and nothing can
 * deadlock as long as no job waits for a later one.  Order of results is the order in which the caller waits:
 * output does not depend on the number of threads. */
struct pxr_job {
    void (*run)(void *arg);
    void *arg;
    struct pxr_job *next, *prev; /* owned by the pool while queued */
    int state;
};

/* n_workers threads besides the callers; 0 is allowed. */
enum pxr_err pxr_pool_new(pxr_pool **out, unsigned n_workers, struct pxr_diag *diag);
void pxr_pool_free(pxr_pool *p); /* all jobs must have been waited for; NULL is allowed */
void pxr_pool_submit(pxr_pool *p, struct pxr_job *job);
void pxr_pool_wait(pxr_pool *p, struct pxr_job *job);

/* Start up to n threads that get no signals, which belong to the program's own; returns how many there are:
 * fewer are slower, not wrong.  They must be joined. */
unsigned pxr_threads_start(pthread_t *threads, unsigned n, void *(*run)(void *), void *arg);

/* Cores that this process may use, at least 1. */
unsigned pxr_n_cores(void);

#endif
