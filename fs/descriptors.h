/* SPDX-License-Identifier: MIT
 * The descriptors that a mount's process inherits from who starts it. */
#ifndef PXR_FS_DESCRIPTORS_H
#define PXR_FS_DESCRIPTORS_H

#include <stdbool.h>

#define PXR_MAX_INHERITED 1024

struct pxr_inherited {
    bool is_open[PXR_MAX_INHERITED];
};

/* Call before anything is opened.  Where standard input or output is closed it becomes /dev/null: what gets its number
 * otherwise would be written to by who means to print. */
void pxr_inherited_note(struct pxr_inherited *inherited);
/* Close them, but for standard input and output and one more (-1: no more): locks, pipes and files of the caller would
 * stay open for as long as the mount does, and within reach of who takes this process over. */
void pxr_inherited_close(const struct pxr_inherited *inherited, int kept_fd);

#endif
