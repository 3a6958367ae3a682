/* SPDX-License-Identifier: MIT
 * What libfuse and fusermount3 say on standard error, caught to become part of our own message. */
#include "overhear.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { MAX_BYTES = 4096 };

void pxr_overhear_begin(struct pxr_overhear *o)
{
    *o = (struct pxr_overhear){-1, fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3)};
    if (o->stderr_fd < 0)
        return;
    o->fd = memfd_create("said", MFD_CLOEXEC);
    if (o->fd >= 0 && dup2(o->fd, STDERR_FILENO) >= 0)
        return;
    close(o->stderr_fd);
    o->stderr_fd = -1;
}

void pxr_overhear_end(struct pxr_overhear *o, char *dst, size_t dst_bytes)
{
    char said[MAX_BYTES + 1];
    ssize_t n = 0;
    dst[0] = 0;
    if (o->stderr_fd >= 0) {
        dup2(o->stderr_fd, STDERR_FILENO);
        close(o->stderr_fd);
        n = pread(o->fd, said, MAX_BYTES, 0);
    }
    if (o->fd >= 0)
        close(o->fd);
    while (n > 0 && (unsigned char)said[n - 1] <= ' ')
        n--;
    if (n <= 0)
        return;
    said[n] = 0;
    const char *line = strrchr(said, '\n');
    line = line ? line + 1 : said;
    size_t i = 0;
    for (; line[i] && i + 1 < dst_bytes; i++)
        dst[i] = (unsigned char)line[i] < ' ' || line[i] == 0x7F ? '?' : line[i];
    dst[i] = 0;
}
