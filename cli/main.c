/* SPDX-License-Identifier: MIT
 * The pixelrain command: finds the subcommand and runs it. */
#include "cli.h"

#include "completions.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static const struct pxr_cli_command *const commands[] = {
    &pxr_cmd_pack, &pxr_cmd_append, &pxr_cmd_info, &pxr_cmd_list, &pxr_cmd_extract,
    &pxr_cmd_cat, &pxr_cmd_check, &pxr_cmd_recover, &pxr_cmd_merge, &pxr_cmd_repack,
    &pxr_cmd_index, &pxr_cmd_convert, &pxr_cmd_thumbnail, &pxr_cmd_mount, &pxr_cmd_serve,
};
enum { N_COMMANDS = sizeof commands / sizeof commands[0] };

static int print_help(void)
{
    printf(
        "Usage: pixelrain COMMAND [ARGUMENT]...\n"
        "Long sequences of grayscale frames in one lossless archive, each frame a file again.\n\n"
        "Commands:\n");
    for (int i = 0; i < N_COMMANDS; i++)
        printf("  %-9s %s\n", commands[i]->name, commands[i]->summary);
    printf("\n'pixelrain COMMAND --help' explains a command; so does pixelrain(1).\n"
           "'pixelrain --version' prints the version, with -v those of the libraries as well.\n"
           "Exit status: 0 ok, 1 data damaged, 2 usage, 3 machine, 4 unsupported, 5 limit.\n");
    return 0;
}

static int print_version(bool is_verbose)
{
    printf("pixelrain %s\n", pxr_version());
    if (is_verbose)
        printf("built with %s\n", PXR_BUILT_WITH);
    return 0;
}

static int run_without_command(int argc, char **argv)
{
    bool is_help = false, is_version = false, is_verbose = false;
    const char *shell = NULL;
    const struct pxr_option table[] = {
        PXR_OPTION_FLAG("help", 'h', &is_help, NULL),
        PXR_OPTION_FLAG("version", 'V', &is_version, NULL),
        PXR_OPTION_FLAG("verbose", 'v', &is_verbose, NULL),
        PXR_OPTION_TEXT("completions", 0, &shell, "SHELL", NULL),
        {.name = NULL},
    };
    struct pxr_diag diag;
    int n_operands;
    if (pxr_options_parse(table, argc, argv, &n_operands, &diag) != PXR_OK)
        return pxr_cli_usage(NULL, "%s", diag.text);
    if (is_help)
        return print_help();
    if (is_version)
        return print_version(is_verbose);
    if (shell)
        return pxr_completions_print(shell, commands, N_COMMANDS);
    return pxr_cli_usage(NULL, "options come after the command");
}

static int print_short_help(void)
{
    fprintf(stderr, "Usage: pixelrain pack DIR_OF_IMAGES -o FILE.pxr    make an archive\n"
                    "       pixelrain mount FILE.pxr DIR                see its frames as files\n"
                    "       pixelrain extract FILE.pxr -o DIR           get the frames out\n"
                    "       pixelrain info|list|cat|check FILE.pxr      look inside\n"
                    "Try 'pixelrain --help'.\n");
    return pxr_err_exit(PXR_E_INVALID);
}

/* Most start with the name of what they have. */
static int fail_path(const char *path, bool is_folder)
{
    if (is_folder)
        return pxr_cli_usage(NULL, "a command comes first: 'pixelrain pack %s -o FILE.pxr' makes an archive of this folder", path);
    return pxr_cli_usage(NULL, "a command comes first: 'pixelrain info %s' tells what this file holds", path);
}

static int fail_unknown(const char *word)
{
    struct stat st;
    unsigned best = UINT_MAX;
    const char *near = NULL;
    for (int i = 0; i < N_COMMANDS; i++) {
        const unsigned distance = pxr_word_distance(word, commands[i]->name);
        if (distance < best) {
            best = distance;
            near = commands[i]->name;
        }
    }
    if (best <= PXR_WORD_NEAR)
        return pxr_cli_usage(NULL, "unknown command '%s'; did you mean '%s'?", word, near);
    if (!stat(word, &st))
        return fail_path(word, S_ISDIR(st.st_mode));
    return pxr_cli_usage(NULL, "unknown command '%s'", word);
}

/* The file system type fuse.pixelrain makes mount.fuse3 run "pixelrain SRC DIR -o OPTIONS". */
static bool is_mount_call(int argc, char **argv)
{
    struct stat source, dir;
    return argc >= 3 && !stat(argv[1], &source) && !S_ISDIR(source.st_mode) &&
           !stat(argv[2], &dir) && S_ISDIR(dir.st_mode);
}

static const struct pxr_cli_command *find_command(const char *name)
{
    for (int i = 0; i < N_COMMANDS; i++)
        if (!strcmp(name, commands[i]->name))
            return commands[i];
    return NULL;
}

/* "pixelrain help" and "pixelrain help COMMAND", as other programs have it. */
static int run_help(int argc, char **argv)
{
    char option[] = "--help";
    if (argc < 3)
        return print_help();
    const struct pxr_cli_command *command = find_command(argv[2]);
    char *args[] = {argv[2], option, NULL};
    return command ? command->run(command, 2, args) : fail_unknown(argv[2]);
}

static int run(int argc, char **argv)
{
    if (argc < 2)
        return print_short_help();
    const struct pxr_cli_command *command = find_command(argv[1]);
    if (command)
        return command->run(command, argc - 1, argv + 1);
    if (!strcmp(argv[1], "help"))
        return run_help(argc, argv);
    if (argv[1][0] == '-')
        return run_without_command(argc, argv);
    if (is_mount_call(argc, argv))
        return pxr_cli_exec_mount(argc, argv);
    return fail_unknown(argv[1]);
}

int main(int argc, char **argv)
{
    /* Whoever reads our output may stop: "pixelrain list A | head" ends quietly. */
    signal(SIGPIPE, SIG_DFL);
    return pxr_cli_close_stdout(run(argc, argv));
}
