/* SPDX-License-Identifier: MIT
 * pixelrain serve: hands over to pixelrain-serve. */
#include "cli.h"

/* Options are parsed by the program itself; their names are here for completions (tests/cli/completions.sh compares). */
static int complain(const struct pxr_cli_command *self, int argc, char **argv)
{
    static const char *const dialects[] = {"vcbn", "cbin", "impk", "head", NULL};
    const char *text = NULL;
    uint64_t number = 0;
    int choice = 0, n_operands;
    bool is_help = false, flag = false;
    const struct pxr_option table[] = {
        PXR_OPTION_TEXT("listen", 0, &text, "ADDRESS:PORT", "Where to listen."),
        PXR_OPTION_TEXT("token", 0, &text, "TOKEN", "Only who knows it may ask."),
        PXR_OPTION_CHOICE("dialect", 0, &choice, "vcbn|cbin|impk|head", dialects, "Envelopes on /ws."),
        PXR_OPTION_BYTES("max-upload", 0, &number, "Largest body that is taken."),
        PXR_OPTION_UINT("max-clients", 0, &number, "N", 1, 10000, "Most connections at once."),
        PXR_OPTION_BYTES("cache", 0, &number, "Memory for decoded frames."),
        PXR_OPTION_UINT("threads", 'j', &number, "N", 0, 64, "Threads that make answers."),
        PXR_OPTION_FLAG("no-sandbox", 0, &flag, "Do not give up what is not needed."),
        PXR_CLI_END(&is_help),
    };
    return pxr_cli_parse(self, table, &is_help, 1, 1, argc, argv, &n_operands);
}

static int run(const struct pxr_cli_command *self, int argc, char **argv)
{
    static const char *const folders[] = {"", "../libexec/pixelrain/", NULL};
    struct pxr_diag diag;
    if (argc < 2)
        return complain(self, argc, argv);
    pxr_cli_hand_over("pixelrain-serve", folders, argc, argv, &diag);
    return pxr_cli_fail(&diag);
}

const struct pxr_cli_command pxr_cmd_serve = {
    .name = "serve",
    .operands = "FILE.pxr [OPTION]...",
    .summary = "Show an archive in a browser.",
    .run = run,
};
