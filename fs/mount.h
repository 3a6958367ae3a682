/* SPDX-License-Identifier: MIT
 * The life of a mount, from the command line to the end of the process. */
#ifndef PXR_FS_MOUNT_H
#define PXR_FS_MOUNT_H

/* Returns the exit code of mount.pixelrain. */
int pxr_mount_main(int argc, char **argv);

#endif
