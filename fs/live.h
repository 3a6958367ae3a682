/* SPDX-License-Identifier: MIT
 * A mount that follows its archive while somebody appends to it. */
#ifndef PXR_FS_LIVE_H
#define PXR_FS_LIVE_H

#include "server.h"

typedef struct pxr_live pxr_live;

/* Begin to watch the file, before the mount: nothing is opened by its path afterwards.  The server must be open.
 * INVALID: not a regular file; IO, NOMEM. */
enum pxr_err pxr_live_open(pxr_live **out, struct pxr_server *s, const char *source, struct pxr_diag *diag);
/* Start the thread that refreshes the server and then calls changed(arg, inode) for each inode whose attributes the
 * kernel may have kept.  Call after all forking. */
enum pxr_err pxr_live_start(pxr_live *l, void (*changed)(void *arg, uint64_t ino), void *arg, struct pxr_diag *diag);
/* Ends the thread, before the server and the session do.  NULL is allowed. */
void pxr_live_stop(pxr_live *l);

#endif
