/* SPDX-License-Identifier: MIT
 * One writer at a time: the lock of an open file.
 *
 * flock belongs to the open file, not to the process as fcntl's older locks do (these vanish when any
 * descriptor of the file is closed); unlike an OFD lock it tells who holds it, in /proc/locks. */
#include "lock.h"

#include "diag.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

/* The process that holds the flock of this file, or 0. */
static int find_holder(const struct stat *st)
{
    char line[256], type[32], mode[32], access[32];
    int pid = 0;
    FILE *f = fopen("/proc/locks", "re");
    while (f && !pid && fgets(line, sizeof line, f)) {
        unsigned major_id, minor_id;
        unsigned long long inode;
        int holder;
        if (sscanf(line, "%*[^:]: %31s %31s %31s %d %x:%x:%llu", type, mode, access, &holder, &major_id,
                   &minor_id, &inode) == 7 &&
            !strcmp(type, "FLOCK") && inode == st->st_ino && major_id == major(st->st_dev) &&
            minor_id == minor(st->st_dev))
            pid = holder;
    }
    if (f)
        fclose(f);
    return pid;
}

static void name_of(int pid, char *dst, size_t dst_bytes)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/comm", pid);
    FILE *f = fopen(path, "re");
    if (!f || !fgets(dst, (int)dst_bytes, f))
        snprintf(dst, dst_bytes, "?");
    dst[strcspn(dst, "\n")] = 0;
    if (f)
        fclose(f);
}

enum pxr_err pxr_lock_fd(int fd, struct pxr_diag *diag)
{
    struct stat st;
    char name[32];
    while (flock(fd, LOCK_EX | LOCK_NB)) {
        if (errno == EINTR)
            continue;
        if (errno == ENOLCK || errno == ENOSYS || errno == EOPNOTSUPP)
            return PXR_OK;
        if (errno != EWOULDBLOCK)
            return pxr_fail_sys(diag, pxr_err_from_errno(errno), errno, "cannot be locked");
        const int pid = fstat(fd, &st) ? 0 : find_holder(&st);
        if (pid <= 0)
            return pxr_fail(diag, PXR_E_BUSY, "is being written by another process");
        name_of(pid, name, sizeof name);
        return pxr_fail(diag, PXR_E_BUSY, "is being written by process %d (%s)", pid, name);
    }
    return PXR_OK;
}
