/* SPDX-License-Identifier: MIT
 * How far the kernel reads ahead on a mount: a knob of its device that only root may turn. */
#include "readahead.h"

#include "bytes.h"
#include "mountinfo.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

bool pxr_readahead_set(const char *mount_point, uint64_t n_bytes, bool may_lower)
{
    struct pxr_mountinfo mount;
    char path[80], text[24] = "";
    if (!pxr_mountinfo_find(&mount, mount_point))
        return false;
    snprintf(path, sizeof path, "/sys/class/bdi/%s/read_ahead_kb", mount.device);
    FILE *knob = fopen(path, "r+e");
    if (!knob)
        return false;
    const bool is_read = fgets(text, sizeof text, knob) != NULL;
    bool is_set = is_read && !may_lower && strtoull(text, NULL, 10) >= n_bytes / 1024;
    if (is_read && !is_set) {
        rewind(knob);
        is_set = fprintf(knob, "%" PRIu64 "\n", n_bytes / 1024) > 0;
    }
    return fclose(knob) == 0 && is_set;
}
