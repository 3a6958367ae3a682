/* SPDX-License-Identifier: MIT
 * What a process that serves an archive may do from then on: read it, answer, compute. */
#ifndef PXR_CONFINE_SANDBOX_H
#define PXR_CONFINE_SANDBOX_H

#include "calls.h"

#define PXR_SANDBOX_TEXT_BYTES 128
#define PXR_SANDBOX_MAX_OWN 32

/* What became of it. */
struct pxr_sandbox {
    bool is_whole; /* nothing is missing that this program knows of */
    char text[PXR_SANDBOX_TEXT_BYTES];
};

/* From now on this process, and every thread that it starts, opens no file and no socket, starts no process, maps
 * nothing executable, and touches no other process; what is open stays open (Landlock, then seccomp, both where kernel
 * and build have them; always no_new_privs).  own: calls that this program needs besides what all need, at most
 * PXR_SANDBOX_MAX_OWN.  A call that is on neither list fails with ENOSYS.  There must be one thread.  Built with a sanitizer
 * the process may also read files, and look at itself as a debugger does: sanitizers need that to report.
 * What the system lacks is left out and named in *got; IO: what it has, fails. */
enum pxr_err pxr_sandbox_enter(struct pxr_sandbox *got, const struct pxr_call *own, size_t n_own, struct pxr_diag *diag);

/* What kernel and build have, for who asks before there is a mount. */
void pxr_sandbox_probe(struct pxr_sandbox *got);

#endif
