/* SPDX-License-Identifier: MIT
 * What the process of a mount may do once it serves: read its archive, answer the kernel, compute. */
#ifndef PXR_FS_SANDBOX_H
#define PXR_FS_SANDBOX_H

#include "pixelrain.h"

#define PXR_SANDBOX_TEXT_BYTES 128

/* What became of it. */
struct pxr_sandbox {
    bool is_whole; /* nothing is missing that this program knows of */
    char text[PXR_SANDBOX_TEXT_BYTES];
};

/* From now on this process, and every thread that it starts, opens no file and no socket, starts no process, maps
 * nothing executable, and touches no other process; what is open stays open (Landlock, then seccomp, both where kernel
 * and build have them; always no_new_privs).  A call that is not on the list fails with ENOSYS.  null_fd: /dev/null, which
 * may still be put in the place of other descriptors, or -1.  There must be one thread.  Built with a sanitizer the
 * process may also read files, and look at itself as a debugger does: sanitizers need that to report.
 * What the system lacks is left out and named in *got; IO: what it has, fails. */
enum pxr_err pxr_sandbox_enter(struct pxr_sandbox *got, int null_fd, struct pxr_diag *diag);

/* What kernel and build have, for who asks before there is a mount. */
void pxr_sandbox_probe(struct pxr_sandbox *got);

#endif
