/* SPDX-License-Identifier: MIT
 * Commands that are programs of their own, beside this one. */
#include "cli.h"

#include "alloc.h"
#include "diag.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* exec the program in a folder relative to that of our own binary; returns where there is none. */
static void exec_beside(const char *program, const char *relative, char **argv)
{
    char path[PATH_MAX];
    const ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    if (n <= 0)
        return;
    path[n] = 0;
    char *end = strrchr(path, '/') + 1; /* the kernel gives an absolute path */
    const size_t room = sizeof path - (size_t)(end - path);
    if ((size_t)snprintf(end, room, "%s%s", relative, program) < room)
        execv(path, argv);
}

enum pxr_err pxr_cli_hand_over(const char *program, const char *const *folders, int argc, char **argv,
                               struct pxr_diag *diag)
{
    char **args = pxr_alloc_zero((size_t)argc + 1, sizeof *args);
    char *name = pxr_alloc(strlen(program) + 1);
    if (!args || !name) {
        pxr_fail_nomem(diag, (uint64_t)argc * sizeof *args);
    } else {
        args[0] = strcpy(name, program);
        memcpy(args + 1, argv + 1, ((size_t)argc - 1) * sizeof *args);
        for (int i = 0; folders[i]; i++)
            exec_beside(program, folders[i], args);
        execvp(program, args);
        pxr_fail_sys(diag, PXR_E_IO, errno,
                     "%s cannot be run: it is neither beside this program nor in %.*s nor in PATH", program,
                     (int)strlen(folders[1]) - 1, folders[1]);
    }
    pxr_free(args);
    pxr_free(name);
    return diag->code;
}
