/* SPDX-License-Identifier: MIT
 * The kernel's table of mounts. */
#include "mountinfo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Undo the \ooo of the mount table in place. */
static char *unescape(char *text)
{
    char *to = text;
    for (const char *s = text; *s; s++) {
        if (s[0] == '\\' && s[1] && s[2] && s[3]) {
            *to++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
            s += 3;
        } else {
            *to++ = *s;
        }
    }
    *to = 0;
    return text;
}

/* 36 35 98:0 /root /mount/point rw,options shared:1 - type source options; before the dash any number of words. */
static bool parse_line(struct pxr_mountinfo *out, char *line, const char *mount_point)
{
    char *rest = NULL, *words[5] = {strtok_r(line, " \n", &rest)};
    for (int i = 1; i < 5; i++)
        words[i] = strtok_r(NULL, " \n", &rest);
    if (!words[4] || strcmp(unescape(words[4]), mount_point))
        return false;
    const char *word = words[4];
    while (word && strcmp(word, "-"))
        word = strtok_r(NULL, " \n", &rest);
    const char *type = strtok_r(NULL, " \n", &rest);
    char *source = strtok_r(NULL, " \n", &rest);
    snprintf(out->device, sizeof out->device, "%s", words[2]);
    snprintf(out->type, sizeof out->type, "%s", type ? type : "");
    snprintf(out->source, sizeof out->source, "%s", source ? unescape(source) : "");
    return true;
}

bool pxr_mountinfo_find(struct pxr_mountinfo *out, const char *mount_point)
{
    char *line = NULL;
    size_t capacity = 0;
    bool is_found = false;
    FILE *table = fopen("/proc/self/mountinfo", "re");
    while (table && getline(&line, &capacity, table) > 0)
        is_found |= parse_line(out, line, mount_point); /* go on: later ones are on top */
    if (table)
        fclose(table);
    free(line);
    return is_found;
}
