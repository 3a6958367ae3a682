/* SPDX-License-Identifier: MIT
 * Becoming a daemon so that the caller learns how it went. */
#ifndef PXR_FS_DAEMON_H
#define PXR_FS_DAEMON_H

#include "pixelrain.h"

struct pxr_daemon {
    int report_fd; /* to the waiting parent, or -1             */
    int null_fd;   /* what standard input and output become    */
};

/* Fork.  Returns in the child only; the parent waits for pxr_daemon_report and exits with the code
 * given there (or 3 when the child dies before).  Call before any thread exists.  Opens
 * all that the report needs. */
enum pxr_err pxr_daemon_start(struct pxr_daemon *d, struct pxr_diag *diag);
/* Tell the parent.  exit_code 0: standard input and output are let go, messages go to syslog. */
void pxr_daemon_report(struct pxr_daemon *d, int exit_code);

#endif
