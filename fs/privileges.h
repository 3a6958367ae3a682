/* SPDX-License-Identifier: MIT
 * What root's process gives up once the mount stands. */
#ifndef PXR_FS_PRIVILEGES_H
#define PXR_FS_PRIVILEGES_H

#include "options.h"

/* Where this process is root's: become the user that the options name (uid=, gid=), or that started a program with the
 * set-user-ID bit, for good.  Where there is none, or the system does not let it, stay with the number that it has, but
 * without any capability.  There must be one thread.  IO: the system's error. */
enum pxr_err pxr_privileges_drop(const struct pxr_mount_options *o, struct pxr_diag *diag);

#endif
