/* SPDX-License-Identifier: MIT
 * A small process that unmounts: the one that serves the mount gives up the right to. */
#include "unmounter.h"

#include "diag.h"
#include "mountinfo.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* A request is a byte (enum pxr_unmount), so is an answer (0 or 1); both keep their bounds (SOCK_SEQPACKET). */
#define HELPER_SOCKET 3
#define STOP_MS 1000

/* ---- the process ----------------------------------------------------------------------------------- */

static bool run_fusermount(const char *mount_point, const char *how)
{
    char *const args[] = {(char[]){"fusermount3"}, (char *)(uintptr_t)how, (char[]){"--"},
                          (char *)(uintptr_t)mount_point, NULL};
    char *const no_environment[] = {NULL};
    pid_t pid;
    int status = -1;
    if (posix_spawn(&pid, "/usr/bin/fusermount3", NULL, NULL, args, no_environment) &&
        posix_spawn(&pid, "/bin/fusermount3", NULL, NULL, args, no_environment))
        return false;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return status == 0;
}

/* device: the file system's, "" where the system has no table of mounts.  Without the comparison somebody else's mount
 * could go, that was made on top of ours, or after ours had gone. */
static bool unmount(const char *mount_point, const char *device, enum pxr_unmount how)
{
    struct pxr_mountinfo top;
    const bool is_now = how == PXR_UNMOUNT_NOW;
    if (*device && (!pxr_mountinfo_find(&top, mount_point) || strcmp(top.device, device)))
        return false;
    if (!umount2(mount_point, is_now ? MNT_DETACH | UMOUNT_NOFOLLOW : UMOUNT_NOFOLLOW))
        return true;
    return errno == EPERM && run_fusermount(mount_point, is_now ? "-uzq" : "-uq");
}

/* A first answer that nobody asked for says that all is set up. */
static void helper_serve(const char *mount_point, const char *device)
{
    static const unsigned char ready = 1;
    if (write(HELPER_SOCKET, &ready, 1) != 1)
        return;
    for (;;) {
        unsigned char how;
        const ssize_t n = read(HELPER_SOCKET, &how, 1);
        if (n < 0 && errno == EINTR)
            continue;
        if (n != 1)
            return;
        const unsigned char is_gone = unmount(mount_point, device, (enum pxr_unmount)how);
        if (write(HELPER_SOCKET, &is_gone, 1) != 1 || is_gone)
            return;
    }
}

/* Nothing of the other process: the kernel must see the end of /dev/fuse when that one ends, and who waits for the end
 * of its output must not wait for this one. */
static bool helper_keep_fds(int socket)
{
    const int far_socket = fcntl(socket, F_DUPFD_CLOEXEC, 10), null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (far_socket < 0 || null_fd < 0)
        return false;
    for (int fd = 0; fd <= 2; fd++)
        if (dup2(null_fd, fd) < 0)
            return false;
    if (dup3(far_socket, HELPER_SOCKET, O_CLOEXEC) < 0)
        return false;
    closefrom(HELPER_SOCKET + 1);
    return true;
}

static _Noreturn void helper_main(int socket, const char *mount_point, const char *device, char *title,
                                  size_t title_bytes)
{
    static const int ignored[] = {SIGTERM, SIGINT, SIGHUP, SIGPIPE, SIGQUIT};
    sigset_t none;
    for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++)
        signal(ignored[i], SIG_IGN);
    signal(SIGCHLD, SIG_DFL); /* the caller may have ignored it */
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (!helper_keep_fds(socket) || chdir("/"))
        _exit(1);
    /* Whoever looks for the mount's process by its command line must not find two. */
    if (title_bytes) {
        memset(title, 0, title_bytes);
        snprintf(title, title_bytes, "pxr-unmount: %s", mount_point);
    }
    prctl(PR_SET_NAME, "pxr-unmount");
    helper_serve(mount_point, device);
    _exit(0);
}

/* ---- who asks -------------------------------------------------------------------------------------- */

/* Wait so long for an answer. */
static bool receive(const struct pxr_unmounter *u, int timeout_ms)
{
    unsigned char is_gone = 0;
    struct pollfd answer = {.fd = u->socket, .events = POLLIN};
    int n;
    do
        n = poll(&answer, 1, timeout_ms);
    while (n < 0 && errno == EINTR);
    return n == 1 && read(u->socket, &is_gone, 1) == 1 && is_gone;
}

enum pxr_err pxr_unmounter_start(struct pxr_unmounter *u, const char *mount_point, char *title, size_t title_bytes,
                                 struct pxr_diag *diag)
{
    struct pxr_mountinfo own = {.device = ""};
    sigset_t all, old;
    int ends[2];
    u->socket = -1;
    pxr_mountinfo_find(&own, mount_point);
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
        return pxr_fail_sys(diag, PXR_E_IO, errno, "no socket for the process that unmounts");
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &old);
    u->pid = fork();
    if (!u->pid)
        helper_main(ends[1], mount_point, own.device, title, title_bytes);
    const int sys_errno = errno;
    sigprocmask(SIG_SETMASK, &old, NULL);
    close(ends[1]);
    u->socket = ends[0];
    if (u->pid > 0 && receive(u, -1))
        return PXR_OK;
    if (u->pid > 0)
        pxr_unmounter_stop(u);
    else
        close(ends[0]);
    u->socket = -1;
    return pxr_fail_sys(diag, PXR_E_IO, u->pid < 0 ? sys_errno : 0, "the process that unmounts cannot be started");
}

bool pxr_unmounter_ask(const struct pxr_unmounter *u, enum pxr_unmount how, int timeout_ms)
{
    const unsigned char request = (unsigned char)how;
    return u->socket >= 0 && write(u->socket, &request, 1) == 1 && receive(u, timeout_ms);
}

void pxr_unmounter_stop(struct pxr_unmounter *u)
{
    if (u->socket < 0)
        return;
    close(u->socket);
    u->socket = -1;
    /* Not for ever: it may itself wait, for a program that hangs. */
    for (int i = 0; i < STOP_MS && waitpid(u->pid, NULL, WNOHANG) == 0; i++)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}
