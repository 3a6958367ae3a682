/* SPDX-License-Identifier: MIT
 * A thread pool for jobs whose memory belongs to the caller. */
#include "pool.h"

#include "alloc.h"
#include "diag.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

enum { JOB_IDLE, JOB_QUEUED, JOB_RUNNING, JOB_DONE };

struct pxr_pool {
    pthread_mutex_t lock; /* guards the queue, every job's state, and is_ending */
    pthread_cond_t has_work, has_done;
    struct pxr_job *first, *last;
    bool is_ending;
    unsigned n_workers;
    pthread_t workers[];
};

static void queue_remove(pxr_pool *p, struct pxr_job *job)
{
    *(job->prev ? &job->prev->next : &p->first) = job->next;
    *(job->next ? &job->next->prev : &p->last) = job->prev;
    job->next = job->prev = NULL;
}

/* Called and returns with the lock held. */
static void run_job(pxr_pool *p, struct pxr_job *job)
{
    queue_remove(p, job);
    job->state = JOB_RUNNING;
    pthread_mutex_unlock(&p->lock);
    job->run(job->arg);
    pthread_mutex_lock(&p->lock);
    job->state = JOB_DONE;
    pthread_cond_broadcast(&p->has_done);
}

static void *worker_main(void *arg)
{
    pxr_pool *p = arg;
    pthread_mutex_lock(&p->lock);
    for (;;) {
        while (!p->first && !p->is_ending)
            pthread_cond_wait(&p->has_work, &p->lock);
        if (!p->first)
            break;
        run_job(p, p->first);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

unsigned pxr_threads_start(pthread_t *threads, unsigned n, void *(*run)(void *), void *arg)
{
    sigset_t all, old;
    unsigned n_started = 0;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    while (n_started < n && !pthread_create(&threads[n_started], NULL, run, arg))
        n_started++;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return n_started;
}

enum pxr_err pxr_pool_new(pxr_pool **out, unsigned n_workers, struct pxr_diag *diag)
{
    *out = NULL;
    pxr_pool *p = pxr_alloc_zero(1, sizeof *p + n_workers * sizeof p->workers[0]);
    if (!p)
        return pxr_fail_nomem(diag, sizeof *p);
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->has_work, NULL);
    pthread_cond_init(&p->has_done, NULL);
    p->n_workers = pxr_threads_start(p->workers, n_workers, worker_main, p);
    *out = p;
    return PXR_OK;
}

void pxr_pool_free(pxr_pool *p)
{
    if (!p)
        return;
    pthread_mutex_lock(&p->lock);
    p->is_ending = true;
    pthread_cond_broadcast(&p->has_work);
    pthread_mutex_unlock(&p->lock);
    for (unsigned i = 0; i < p->n_workers; i++)
        pthread_join(p->workers[i], NULL);
    pthread_mutex_destroy(&p->lock);
    pthread_cond_destroy(&p->has_work);
    pthread_cond_destroy(&p->has_done);
    pxr_free(p);
}

void pxr_pool_submit(pxr_pool *p, struct pxr_job *job)
{
    pthread_mutex_lock(&p->lock);
    job->state = JOB_QUEUED;
    job->next = NULL;
    job->prev = p->last;
    *(p->last ? &p->last->next : &p->first) = job;
    p->last = job;
    pthread_cond_signal(&p->has_work);
    pthread_mutex_unlock(&p->lock);
}

void pxr_pool_wait(pxr_pool *p, struct pxr_job *job)
{
    pthread_mutex_lock(&p->lock);
    if (job->state == JOB_QUEUED)
        run_job(p, job);
    while (job->state != JOB_DONE)
        pthread_cond_wait(&p->has_done, &p->lock);
    job->state = JOB_IDLE;
    pthread_mutex_unlock(&p->lock);
}

unsigned pxr_n_cores(void)
{
    cpu_set_t set;
    if (!sched_getaffinity(0, sizeof set, &set) && CPU_COUNT(&set) > 0)
        return (unsigned)CPU_COUNT(&set);
    const long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n > 0 ? (unsigned)n : 1;
}
