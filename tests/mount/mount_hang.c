/* SPDX-License-Identifier: MIT
 * Preloaded by tests of the mount: once the file named by PXR_HANG begins with a 1, reads at offsets do not return; with
 * PXR_NO_EVENTS there is no inotify.  The file is mapped at the start: later the sandbox lets no file be opened, or
 * asked for. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

/* With 64-bit offsets pread is pread64 to the linker; with _FORTIFY_SOURCE it may be the other one. */
ssize_t pread(int fd, void *dst, size_t n_bytes, off_t off);
ssize_t __pread64_chk(int fd, void *dst, size_t n_bytes, off_t off, size_t dst_bytes);

static const volatile char *is_hanging = "";

__attribute__((constructor)) static void map_switch(void)
{
    const char *name = getenv("PXR_HANG");
    const int fd = name ? open(name, O_RDONLY | O_CLOEXEC) : -1;
    void *mapped = fd < 0 ? MAP_FAILED : mmap(NULL, 1, PROT_READ, MAP_SHARED, fd, 0);
    if (mapped != MAP_FAILED)
        is_hanging = mapped;
    if (fd >= 0)
        close(fd);
}

ssize_t pread(int fd, void *dst, size_t n_bytes, off_t off)
{
    while (*is_hanging == '1')
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
