/* SPDX-License-Identifier: MIT
 * SIGTERM, SIGINT and SIGHUP end the mount: in order, but within two seconds. */
#ifndef PXR_FS_SHUTDOWN_H
#define PXR_FS_SHUTDOWN_H

#include "unmounter.h"

/* Install the handlers.  At a signal end(arg) is called from the handler, and then the handler goes
 * on interrupting the main thread, so that it sees the end whatever it waits for.  When the process is
 * still there after a while (a request waits for a disk that does not answer), the mount is detached
 * by force and the process ends.  u is copied. */
enum pxr_err pxr_shutdown_watch(void (*end)(void *arg), void *arg, const struct pxr_unmounter *u,
                                struct pxr_diag *diag);
/* The mount has ended: signals have nothing to end any more; the time limit of one that came goes on. */
void pxr_shutdown_forget(void);

#endif
