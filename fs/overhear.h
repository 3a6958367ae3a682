/* SPDX-License-Identifier: MIT
 * What libfuse and fusermount3 say on standard error, caught to become part of our own message. */
#ifndef PXR_FS_OVERHEAR_H
#define PXR_FS_OVERHEAR_H

#include <stddef.h>

struct pxr_overhear {
    int fd, stderr_fd; /* a file in memory; the real standard error; -1: nothing is caught */
};

/* For a process of one thread. */
void pxr_overhear_begin(struct pxr_overhear *o);
/* Standard error is what it was.  dst becomes the last line that was caught, without control characters and
 * without the newline; "" where nothing was said. */
void pxr_overhear_end(struct pxr_overhear *o, char *dst, size_t dst_bytes);

#endif
