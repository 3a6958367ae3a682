/* SPDX-License-Identifier: MIT
 * What shells need to complete our command line, made from the tables that parse it. */
#ifndef PXR_CLI_COMPLETIONS_H
#define PXR_CLI_COMPLETIONS_H

#include "cli.h"

/* Print the completion script of "bash", "zsh" or "fish" on standard output; returns the exit code. */
int pxr_completions_print(const char *shell, const struct pxr_cli_command *const *commands, int n);

#endif
