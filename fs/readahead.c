/* SPDX-License-Identifier: MIT
 * How far the kernel reads ahead on a mount: a knob of its device that only root may turn. */
#include "readahead.h"

#include "bytes.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* Undo the \ooo of the mount table in place. */
static void unescape(char *s)
{
    char *to = s;
    for (; *s; s++) {
        if (s[0] == '\\' && s[1] && s[2] && s[3]) {
            *to++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
            s += 3;
        } else {
            *to++ = *s;
        }
    }
    *to = 0;
}

/* "MAJOR:MINOR" of the topmost mount at a path. */
static bool find_device(const char *mount_point, char device[32])
{
    char *line = NULL;
    size_t capacity = 0;
    bool is_found = false;
    FILE *table = fopen("/proc/self/mountinfo", "re");
    while (table && getline(&line, &capacity, table) > 0) {
        /* 36 35 98:0 /root /mount/point options ... */
        char *rest = NULL, *words[5] = {strtok_r(line, " ", &rest)};
        for (int i = 1; i < 5; i++)
            words[i] = strtok_r(NULL, " ", &rest);
        if (!words[4])
            continue;
        unescape(words[4]);
        if (!strcmp(words[4], mount_point)) {
            snprintf(device, 32, "%s", words[2]);
            is_found = true; /* go on: later ones are on top */
        }
    }
    if (table)
        fclose(table);
    free(line);
    return is_found;
}

bool pxr_readahead_set(const char *mount_point, uint64_t n_bytes, bool may_lower)
{
    char device[32], path[80], text[24] = "";
    if (!find_device(mount_point, device))
        return false;
    snprintf(path, sizeof path, "/sys/class/bdi/%s/read_ahead_kb", device);
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
