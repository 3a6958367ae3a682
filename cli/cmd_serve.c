/* SPDX-License-Identifier: MIT
 * pixelrain serve: hands over to pixelrain-serve. */
#include "cli.h"

static int run(const struct pxr_cli_command *self, int argc, char **argv)
{
    static const char *const folders[] = {"", "../libexec/pixelrain/", NULL};
    if (argc < 2)
        return pxr_cli_usage(self, "missing operand: pixelrain %s %s", self->name, self->operands);
    struct pxr_diag diag;
    pxr_cli_hand_over("pixelrain-serve", folders, argc, argv, &diag);
    return pxr_cli_fail(&diag);
}

const struct pxr_cli_command pxr_cmd_serve = {
    .name = "serve",
    .operands = "FILE.pxr [OPTION]...",
    .summary = "Show an archive in a browser.",
    .run = run,
};
