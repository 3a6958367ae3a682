/* SPDX-License-Identifier: MIT
 * Taking all files away from a process: Landlock. */
#ifndef PXR_CONFINE_LANDLOCK_H
#define PXR_CONFINE_LANDLOCK_H

#include "pixelrain.h"

/* The version of the kernel's interface, from 1 on; 0: this kernel has no Landlock, or it is switched off. */
unsigned pxr_landlock_version(void);

/* From now on the calling thread, and what it starts, opens, makes, removes and changes no file by name, except that
 * below readable (NULL: nowhere) it may read; from version 4 on it makes no TCP connections, from 6 on it sends no
 * signals to processes that it did not start.  What is open stays open.  Threads that run already are not reached.
 * no_new_privs must be set, the version must not be 0.  Cannot be undone.  IO: the system's error. */
enum pxr_err pxr_landlock_take_files(const char *readable, struct pxr_diag *diag);

#endif
