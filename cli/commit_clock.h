/* SPDX-License-Identifier: MIT
 * A thread that commits what was written every few seconds, also while the input makes its reader wait. */
#ifndef PXR_CLI_COMMIT_CLOCK_H
#define PXR_CLI_COMMIT_CLOCK_H

#include "pixelrain.h"

#include <pthread.h>

/* Zero-initialised it does not run: locking it is then free. */
struct pxr_commit_clock {
    pthread_t thread;
    pthread_mutex_t lock; /* guards the writer and all fields below */
    pthread_cond_t wake;
    pxr_writer *writer;
    double seconds;
    bool is_running, must_end;
    enum pxr_err err; /* of a commit of this thread */
    struct pxr_diag diag;
};

/* writer is borrowed until stop. */
enum pxr_err pxr_commit_clock_start(struct pxr_commit_clock *c, pxr_writer *writer, double seconds,
                                    struct pxr_diag *diag);
void pxr_commit_clock_stop(struct pxr_commit_clock *c); /* harmless when it does not run */
/* Only who has the lock may use the writer.  Fails, without the lock, where a commit has failed. */
enum pxr_err pxr_commit_clock_lock(struct pxr_commit_clock *c, struct pxr_diag *diag);
void pxr_commit_clock_unlock(struct pxr_commit_clock *c);

#endif
