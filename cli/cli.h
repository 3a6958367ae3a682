/* SPDX-License-Identifier: MIT
 * What the subcommands share: the command table, messages, exit codes, JSON lines, times. */
#ifndef PXR_CLI_CLI_H
#define PXR_CLI_CLI_H

#include "pixelrain.h"

#include "json.h"
#include "option.h"
#include "progress.h"

struct pxr_cli_command {
    const char *name;
    const char *operands; /* of the usage line                               */
    const char *summary;  /* one line of pixelrain --help                    */
    const char *details;  /* further lines of CMD --help, or NULL            */
    int (*run)(const struct pxr_cli_command *self, int argc, char **argv); /* the exit code */
    bool takes_mount_options; /* -o as of mount.pixelrain                     */
};

extern const struct pxr_cli_command
    pxr_cmd_pack, pxr_cmd_append, pxr_cmd_info, pxr_cmd_list, pxr_cmd_extract,
    pxr_cmd_cat, pxr_cmd_check, pxr_cmd_recover, pxr_cmd_merge, pxr_cmd_repack,
    pxr_cmd_index, pxr_cmd_convert, pxr_cmd_thumbnail, pxr_cmd_mount, pxr_cmd_serve;

/* Rows that several commands share.  Every table ends with PXR_CLI_END. */
#define PXR_CLI_THREADS(value, help)                                                               \
    PXR_OPTION_UINT("threads", 'j', value, "N", 0, PXR_CLI_MAX_THREADS, help)
#define PXR_CLI_FRAMES(value)                                                                      \
    PXR_OPTION_TEXT("frames", 0, value, "A:B[:STEP]",                                              \
                    "Only frames A, A+STEP, ... before B; or one number.")
#define PXR_CLI_FORMAT(value, names, help)                                                         \
    PXR_OPTION_CHOICE("format", 0, value, "png|pgm|raw|tif|npy|preview", names, help)
#define PXR_CLI_PARITY(value, help) PXR_OPTION_TEXT("parity", 0, value, "PERCENT|none", help)
#define PXR_CLI_PROGRESS(on, off)                                                                  \
    PXR_OPTION_FLAG("progress", 0, on, "Show progress even where standard error is no terminal."), \
        PXR_OPTION_FLAG("no-progress", 0, off, "Show no progress.")
#define PXR_CLI_END(help_flag)                                                                     \
    PXR_OPTION_FLAG("help", 'h', help_flag, "Show this help."),                                    \
    {                                                                                              \
        .name = NULL                                                                               \
    }

/* Parse argv of a command (argv[0] is its name).  Returns -1 when the command should run, with its
 * operands in argv[1..]; else help or an error has been printed and the result is the exit code.
 * *is_help is the flag that the table's PXR_CLI_END sets. */
int pxr_cli_parse(const struct pxr_cli_command *self, const struct pxr_option *table,
                  const bool *is_help, int n_min, int n_max, int argc, char **argv,
                  int *n_operands);

/* Call visit with the command's option table instead of running the command. */
typedef void pxr_cli_table_fn(const struct pxr_cli_command *self, const struct pxr_option *table);
void pxr_cli_visit_table(const struct pxr_cli_command *self, pxr_cli_table_fn *visit);

/* Become a program of ours with the same arguments: in one of two folders (relative to that of this program, with a
 * slash at the end; NULL ends them), else in PATH.  Returns only where it fails. */
enum pxr_err pxr_cli_hand_over(const char *program, const char *const *folders, int argc, char **argv,
                               struct pxr_diag *diag);

/* "pixelrain: DIAGNOSTIC" on standard error; returns the exit code of its error class. */
int pxr_cli_fail(const struct pxr_diag *diag);
/* A usage error: the message, then the line that points to --help.  self may be NULL.  Returns 2.
 */
int pxr_cli_usage(const struct pxr_cli_command *self, const char *text, ...)
    __attribute__((format(printf, 2, 3)));
/* "pixelrain: TEXT" on standard error, control characters made harmless. */
void pxr_cli_say(const char *text, ...) __attribute__((format(printf, 1, 2)));

/* The first few of many names, for a message. */
struct pxr_cli_names {
    char text[256]; /* "a.txt, b.txt, c.txt, ...", control characters made harmless */
    uint64_t n;
};
/* The last component of the path. */
void pxr_cli_names_add(struct pxr_cli_names *names, const char *path);

/* Print text of an archive on standard output, on one line: line breaks and tabs become spaces, and what could
 * drive a terminal or is no UTF-8 becomes '?'. */
void pxr_cli_print_text(const char *text, size_t n_bytes);

/* Print the finished value as one line on standard output and free it; returns 0 or an exit code.
 */
int pxr_cli_print_json(struct pxr_json *j);
/* Everything that was printed has arrived: returns code, or 3 with a message where it has not. */
int pxr_cli_close_stdout(int code);

enum pxr_progress_mode pxr_cli_progress_mode(bool is_on, bool is_off, bool is_quiet);
/* --parity: "5%" or "5", or "none"; NULL gives 0.  Returns -1, or the exit code of an error that has been printed. */
int pxr_cli_parity(const struct pxr_cli_command *self, const char *text, uint8_t *percent);
/* A warning where an archive has parity and a build without ISA-L writes more of it, or it anew.  what: "appended", .. */
void pxr_cli_warn_parity(pxr_archive *a, const char *path, const char *what);
/* -j: 0 becomes the number of cores. */
unsigned pxr_cli_n_threads(uint64_t asked);
#define PXR_CLI_MAX_THREADS 1024

/* The choices of --format: index = enum pxr_view, NULL at the end. */
void pxr_cli_view_names(const char *dst[PXR_N_VIEWS + 1]);

/* Whether a view's sizes can be indexed. */
bool pxr_cli_can_index(const char *view_name);
/* Index a view by its name, with progress; SIGINT and the like end it with STATE. */
enum pxr_err pxr_cli_index(const char *path, const char *view_name, uint64_t n_threads,
                           enum pxr_progress_mode mode, uint64_t *n_frames, struct pxr_diag *diag);

/* "2024-05-01T12:00:00.000000000Z"; returns dst. */
#define PXR_CLI_TIME_BYTES 40
char *pxr_cli_time(char dst[PXR_CLI_TIME_BYTES], int64_t time_ns);

/* Replace this process by mount.pixelrain with argv[1..argc) as its arguments.  Returns only with
 * the exit code of a failure. */
int pxr_cli_exec_mount(int argc, char **argv);

#endif
