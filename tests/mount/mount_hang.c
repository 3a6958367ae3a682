/* SPDX-License-Identifier: MIT
 * Preloaded by tests of the mount: once the file named by PXR_HANG exists, reads at offsets do not return; with
 * PXR_NO_EVENTS there is no inotify. */
#include <errno.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

/* With 64-bit offsets pread is pread64 to the linker; with _FORTIFY_SOURCE it may be the other one. */
ssize_t pread(int fd, void *dst, size_t n_bytes, off_t off);
ssize_t __pread64_chk(int fd, void *dst, size_t n_bytes, off_t off, size_t dst_bytes);

ssize_t pread(int fd, void *dst, size_t n_bytes, off_t off)
{
    const char *name = getenv("PXR_HANG");
    while (name && !access(name, F_OK))
        sleep(1);
    return syscall(SYS_pread64, fd, dst, n_bytes, off);
}

ssize_t __pread64_chk(int fd, void *dst, size_t n_bytes, off_t off, size_t dst_bytes)
{
    (void)dst_bytes;
    return pread(fd, dst, n_bytes, off);
}

int inotify_init1(int flags)
{
    if (!getenv("PXR_NO_EVENTS"))
        return (int)syscall(SYS_inotify_init1, flags);
    errno = EMFILE; /* what a machine says where others watch too much */
    return -1;
}
