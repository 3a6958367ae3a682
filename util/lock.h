/* SPDX-License-Identifier: MIT
 * One writer at a time: the lock of an open file. */
#ifndef PXR_UTIL_LOCK_H
#define PXR_UTIL_LOCK_H

#include "pixelrain.h"

/* Take the exclusive flock of an open file; it ends when its last descriptor is closed.  BUSY: somebody
 * else has it, diag says which process where the system tells.  A file system without locks has none to give: OK. */
enum pxr_err pxr_lock_fd(int fd, struct pxr_diag *diag);

#endif
