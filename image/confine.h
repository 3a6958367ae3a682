/* SPDX-License-Identifier: MIT
 * Taking away from a process what the reader of a picture does not need. */
#ifndef PXR_IMAGE_CONFINE_H
#define PXR_IMAGE_CONFINE_H

#include "pixelrain.h"

struct pxr_confinement {
    uint64_t more_memory_bytes; /* address space beyond what the process has now       */
    uint64_t max_file_bytes;    /* of what it writes: files of memory                  */
    unsigned n_fds;             /* descriptors that it may have: 0 .. n_fds - 1        */
};

/* From now on, and in all its children, this process opens no file, starts no process, gains no privileges, maps
 * nothing executable, sends no signals, and has no more memory than it is given; without libseccomp, or in a kernel
 * without seccomp, only the limits hold, no privileges are gained, and where there is Landlock no files are opened.
 * What is forbidden ends the process with SIGSYS.  It must have one thread.  False: something could not be taken away. */
bool pxr_confine(const struct pxr_confinement *c);

#endif
