/* SPDX-License-Identifier: MIT
 * Threads that make answers while the server's loop goes on. */
#ifndef PXR_SERVE_WORKERS_H
#define PXR_SERVE_WORKERS_H

#include "answer.h"

/* One request on its way.  Owned by the workers from pxr_workers_submit until pxr_workers_done gives it back. */
struct pxr_task {
    struct pxr_request request;
    struct pxr_answer answer;
    void *owner; /* the caller's, who may change it at any time: workers do not look at it */
    struct pxr_task *next;
};
void pxr_task_free(struct pxr_task *t); /* NULL is allowed */

struct pxr_workers;

/* Threads with a decoder each, and those of the archive that decode ahead.  wake(arg) is called from them whenever an answer is ready. */
enum pxr_err pxr_workers_new(struct pxr_workers **out, struct pxr_serve *serve, unsigned n_threads,
                             void (*wake)(void *arg), void *arg, struct pxr_diag *diag);
/* Ends what is running: wake is not called any more.  Tasks stay as they are. */
void pxr_workers_stop(struct pxr_workers *w);
/* Stops, and frees what was not given back.  NULL is allowed. */
void pxr_workers_free(struct pxr_workers *w);
void pxr_workers_submit(struct pxr_workers *w, struct pxr_task *t);
/* The next task whose answer is ready; NULL: none. */
struct pxr_task *pxr_workers_done(struct pxr_workers *w);

#endif
