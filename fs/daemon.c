/* SPDX-License-Identifier: MIT
 * Becoming a daemon so that the caller learns how it went. */
#include "daemon.h"

#include "diag.h"
#include "fs_log.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define EXIT_MACHINE 3

static void wait_for_report(int fd)
{
    unsigned char code;
    ssize_t n;
    do
        n = read(fd, &code, 1);
    while (n < 0 && errno == EINTR);
    if (n != 1)
        pxr_log_line("the file system's process ended while it was starting");
    /* Not exit: what atexit would tidy up belongs to the child now. */
    _exit(n == 1 ? code : EXIT_MACHINE);
}

enum pxr_err pxr_daemon_start(struct pxr_daemon *d, struct pxr_diag *diag)
{
    int fds[2];
    d->report_fd = -1;
    if (pipe2(fds, O_CLOEXEC))
        return pxr_fail_sys(diag, PXR_E_IO, errno, "no pipe");
    const pid_t pid = fork();
    if (pid < 0) {
        const int sys_errno = errno;
        close(fds[0]);
        close(fds[1]);
        return pxr_fail_sys(diag, PXR_E_IO, sys_errno, "cannot become a daemon");
    }
    if (pid > 0) {
        close(fds[1]);
        wait_for_report(fds[0]);
    }
    close(fds[0]);
    d->report_fd = fds[1];
    d->null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (d->null_fd < 0)
        return pxr_fail_sys(diag, PXR_E_IO, errno, "/dev/null");
    pxr_log_open_syslog();
    setsid();
    if (chdir("/"))
        return pxr_fail_sys(diag, PXR_E_IO, errno, "/");
    return PXR_OK;
}

void pxr_daemon_report(struct pxr_daemon *d, int exit_code)
{
    const unsigned char code = (unsigned char)exit_code;
    if (d->report_fd < 0)
        return;
    if (!exit_code) {
        pxr_log_use_syslog();
        for (int fd = 0; fd <= 2; fd++)
            dup2(d->null_fd, fd);
    }
    while (write(d->report_fd, &code, 1) < 0 && errno == EINTR)
        ;
    close(d->report_fd);
    close(d->null_fd);
    d->report_fd = d->null_fd = -1;
}
