/* SPDX-License-Identifier: MIT
 * Preloaded by mount_life.sh: once the file named by PXR_HANG exists, reads at offsets do not return. */
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

ssize_t pread(int fd, void *dst, size_t n_bytes, off_t off);
ssize_t pread64(int fd, void *dst, size_t n_bytes, off_t off);

ssize_t pread64(int fd, void *dst, size_t n_bytes, off_t off)
{
    static ssize_t (*next)(int, void *, size_t, off_t);
    const char *name = getenv("PXR_HANG");
    while (name && !access(name, F_OK))
        sleep(1);
    if (!next)
        *(void **)&next = dlsym(RTLD_NEXT, "pread64");
    return next(fd, dst, n_bytes, off);
}

ssize_t pread(int fd, void *dst, size_t n_bytes, off_t off) { return pread64(fd, dst, n_bytes, off); }
