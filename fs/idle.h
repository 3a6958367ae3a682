/* SPDX-License-Identifier: MIT
 * A mount that nobody uses ends itself. */
#ifndef PXR_FS_IDLE_H
#define PXR_FS_IDLE_H

#include "server.h"
#include "unmounter.h"

typedef struct pxr_idle pxr_idle;

/* Start a thread that has the mount removed when no request came for timeout_s seconds.  The kernel is asked as
 * umount(8) does, so open files and working folders keep the mount, and it is tried again after as long a time.  u is
 * borrowed.  Call after all forking. */
enum pxr_err pxr_idle_start(pxr_idle **out, const struct pxr_server *s, const struct pxr_unmounter *u,
                            unsigned timeout_s, struct pxr_diag *diag);
void pxr_idle_stop(pxr_idle *i); /* NULL is allowed */

#endif
