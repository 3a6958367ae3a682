/* SPDX-License-Identifier: MIT
 * The kernel's table of mounts. */
#ifndef PXR_FS_MOUNTINFO_H
#define PXR_FS_MOUNTINFO_H

#include <stdbool.h>

#define PXR_DEVICE_BYTES 32

struct pxr_mountinfo {
    char device[PXR_DEVICE_BYTES]; /* "MAJOR:MINOR": as long as a file system lives, no other one has this */
    char type[32], source[160];    /* source: cut off where it is longer                                   */
};

/* The topmost mount at a path, which is absolute and has no links.  Asks the table and not the mount, which nobody may
 * serve yet, or any more.  False: nothing is mounted there, or there is no table. */
bool pxr_mountinfo_find(struct pxr_mountinfo *out, const char *mount_point);

#endif
