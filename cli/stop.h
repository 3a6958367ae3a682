/* SPDX-License-Identifier: MIT
 * Ending a long command in order when a signal asks for it. */
#ifndef PXR_CLI_STOP_H
#define PXR_CLI_STOP_H

/* From now on SIGINT, SIGTERM and SIGHUP only set a flag, except those that the parent made the
 * process ignore; a reader that went away shows as a write error.  Call before threads start. */
void pxr_stop_install(void);
/* The signal that arrived, or 0. */
int pxr_stop_signal(void);
/* While the main thread reads fd (-1: none), a signal also ends that input: a read that waits for a
 * pipe would otherwise wait on. */
void pxr_stop_watch_fd(int fd);
/* Die of the signal, so that the caller's shell sees what happened. */
_Noreturn void pxr_stop_raise(void);

#endif
