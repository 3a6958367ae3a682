/* SPDX-License-Identifier: MIT
 * The descriptors that a mount's process inherits from who starts it. */
#include "descriptors.h"

#include <fcntl.h>
#include <unistd.h>

void pxr_inherited_note(struct pxr_inherited *inherited)
{
    int fd;
    do
        fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    while (fd >= 0 && fd <= 2);
    if (fd > 2)
        close(fd);
    for (fd = 0; fd < PXR_MAX_INHERITED; fd++)
        inherited->is_open[fd] = fcntl(fd, F_GETFD) >= 0;
}

void pxr_inherited_close(const struct pxr_inherited *inherited, int kept_fd)
{
    for (int fd = 3; fd < PXR_MAX_INHERITED; fd++)
        if (inherited->is_open[fd] && fd != kept_fd)
            close(fd);
}
