/* SPDX-License-Identifier: MIT
 * What the mount has to say: on standard error in the foreground, to syslog as a daemon. */
#ifndef PXR_FS_LOG_H
#define PXR_FS_LOG_H

#include "pixelrain.h"

#define PXR_PROGRAM "mount.pixelrain"

/* Connect with syslog, and learn the time zone: later a sandbox forbids it. */
void pxr_log_open_syslog(void);
/* From now on lines go there. */
void pxr_log_use_syslog(void);
/* One line, always. */
void pxr_log_line(const char *text, ...) __attribute__((format(printf, 1, 2)));
void pxr_log_diag(const struct pxr_diag *diag);
/* One line for a request that failed, at most a few in a while: a damaged archive under a busy
 * program must not fill the disk.  May be called from any thread. */
void pxr_log_request(const struct pxr_diag *diag);

#endif
