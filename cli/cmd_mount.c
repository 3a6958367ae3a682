/* SPDX-License-Identifier: MIT
 * pixelrain mount: hands over to mount.pixelrain. */
#include "cli.h"

#include <stdio.h>
#include <string.h>

#define PROGRAM "mount.pixelrain"

/* Returns only where it fails. */
static enum pxr_err exec_mount(int argc, char **argv, struct pxr_diag *diag)
{
    static const char *const folders[] = {"", "../sbin/", NULL};
    return pxr_cli_hand_over(PROGRAM, folders, argc, argv, diag);
}

int pxr_cli_exec_mount(int argc, char **argv)
{
    struct pxr_diag diag;
    exec_mount(argc, argv, &diag);
    return pxr_cli_fail(&diag);
}

/* Ours, then what the program itself has to say about its options. */
static int print_help(const struct pxr_cli_command *self, int argc, char **argv)
{
    struct pxr_diag diag;
    printf("Usage: pixelrain %s %s\n%s\n\n%s\n\n", self->name, self->operands, self->summary,
           self->details);
    fflush(stdout);
    if (exec_mount(argc, argv, &diag) != PXR_OK)
        puts("(The program is not installed here.)");
    return 0;
}

static int run(const struct pxr_cli_command *self, int argc, char **argv)
{
    bool is_help = false;
    const struct pxr_option table[] = {PXR_CLI_END(&is_help)};
    int n_operands;
    /* Options are not ours to understand, but one kind of call is: that without any. */
    if (argc < 2)
        return pxr_cli_parse(self, table, &is_help, 2, 2, argc, argv, &n_operands);
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))
        return print_help(self, 2, argv);
    return pxr_cli_exec_mount(argc, argv);
}

const struct pxr_cli_command pxr_cmd_mount = {
    .name = "mount",
    .operands = "FILE.pxr DIR [-o OPTIONS]",
    .summary = "Mount an archive: its frames become files below a folder.",
    .details = "'umount DIR' or 'fusermount3 -u DIR' ends the mount.  All arguments go to\n" PROGRAM
               "(8):",
    .run = run,
    .takes_mount_options = true,
};
