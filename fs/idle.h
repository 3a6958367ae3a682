/* SPDX-License-Identifier: MIT
 * A mount that nobody uses ends itself. */
#ifndef PXR_FS_IDLE_H
#define PXR_FS_IDLE_H

#include "server.h"

typedef struct pxr_idle pxr_idle;

/* Start a thread that unmounts mount_point (an absolute path, borrowed) when no request came for timeout_s
 * seconds.  It asks the kernel as umount(8) does, so open files and working folders keep the mount, and it
 * tries again after as long a time.  Call after all forking. */
enum pxr_err pxr_idle_start(pxr_idle **out, const struct pxr_server *s, const char *mount_point,
                            unsigned timeout_s, struct pxr_diag *diag);
void pxr_idle_stop(pxr_idle *i); /* NULL is allowed */

#endif
