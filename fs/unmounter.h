/* SPDX-License-Identifier: MIT
 * A small process that unmounts: the one that serves the mount gives up the right to. */
#ifndef PXR_FS_UNMOUNTER_H
#define PXR_FS_UNMOUNTER_H

#include "pixelrain.h"

#include <sys/types.h>

enum pxr_unmount {
    PXR_UNMOUNT_IDLE, /* as umount(8) does: open files and working folders keep the mount   */
    PXR_UNMOUNT_NOW   /* from the tree of folders at once, as umount -l                     */
};

struct pxr_unmounter {
    int socket; /* -1: there is none */
    pid_t pid;
};

/* Start it, for the file system that is mounted at mount_point (absolute, without links).  It keeps no file of this
 * process open, ignores the signals that end a mount, shows up as "pxr-unmount: MOUNT_POINT" in lists of processes
 * (title is the memory of the command line, which it overwrites), unmounts that file system alone, whatever else is
 * mounted there later, and ends after that, or when this process does; then the mount is left as it is.  There must be
 * one thread. */
enum pxr_err pxr_unmounter_start(struct pxr_unmounter *u, const char *mount_point, char *title, size_t title_bytes,
                                 struct pxr_diag *diag);
/* Ask it, and wait so long for the answer (-1: for ever).  False: the mount is not gone, or not yet.  May be called from
 * any thread and from a signal handler. */
bool pxr_unmounter_ask(const struct pxr_unmounter *u, enum pxr_unmount how, int timeout_ms);
/* Let it end, and wait for that, a second at most.  Harmless where there is none. */
void pxr_unmounter_stop(struct pxr_unmounter *u);

#endif
