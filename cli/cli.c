/* SPDX-License-Identifier: MIT
 * What the subcommands share: the command table, messages, exit codes, JSON lines, times. */
#include "cli.h"

#include "diag.h"
#include "pool.h"
#include "utf8.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { LINE_BYTES = 2048 };

/* File names come from anywhere: they must not be able to drive the terminal. */
static void make_harmless(char *line)
{
    for (char *c = line; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7F)
            *c = '?';
}

static void say(char *line)
{
    make_harmless(line);
    fprintf(stderr, "pixelrain: %s\n", line);
}

void pxr_cli_say(const char *text, ...)
{
    char line[LINE_BYTES];
    va_list args;
    va_start(args, text);
    vsnprintf(line, sizeof line, text, args);
    va_end(args);
    say(line);
}

int pxr_cli_fail(const struct pxr_diag *diag)
{
    char line[LINE_BYTES];
    say(pxr_diag_line(diag, line, sizeof line));
    return pxr_err_exit(diag->code);
}

int pxr_cli_usage(const struct pxr_cli_command *self, const char *text, ...)
{
    char line[LINE_BYTES];
    va_list args;
    va_start(args, text);
    vsnprintf(line, sizeof line, text, args);
    va_end(args);
    say(line);
    fprintf(stderr, "Try 'pixelrain %s%s--help'.\n", self ? self->name : "", self ? " " : "");
    return pxr_err_exit(PXR_E_INVALID);
}

static int print_help(const struct pxr_cli_command *self, const struct pxr_option *table)
{
    printf("Usage: pixelrain %s %s\n%s\n", self->name, self->operands, self->summary);
    if (self->details)
        printf("\n%s\n", self->details);
    printf("\nOptions:\n");
    pxr_options_help(table);
    return 0;
}

/* A table holds addresses of its command's variables, so it only lives while the command runs. */
static pxr_cli_table_fn *visitor;

void pxr_cli_visit_table(const struct pxr_cli_command *self, pxr_cli_table_fn *visit)
{
    char name[32];
    char *argv[] = {name, NULL};
    snprintf(name, sizeof name, "%s", self->name);
    visitor = visit;
    self->run(self, 1, argv);
    visitor = NULL;
}

int pxr_cli_parse(const struct pxr_cli_command *self, const struct pxr_option *table,
                  const bool *is_help, int n_min, int n_max, int argc, char **argv, int *n_operands)
{
    struct pxr_diag diag;
    if (visitor) {
        visitor(self, table);
        return 0;
    }
    if (pxr_options_parse(table, argc, argv, n_operands, &diag) != PXR_OK)
        return pxr_cli_usage(self, "%s", diag.text);
    if (*is_help)
        return print_help(self, table);
    if (*n_operands < n_min)
        return pxr_cli_usage(self, "missing operand: pixelrain %s %s", self->name, self->operands);
    if (*n_operands > n_max)
        return pxr_cli_usage(self, "unexpected operand '%s'", argv[1 + n_max]);
    return -1;
}

void pxr_cli_names_add(struct pxr_cli_names *names, const char *path)
{
    enum { SHOWN = 3, SHOWN_BYTES = 60 };
    const size_t used = strlen(names->text), room = sizeof names->text - used;
    const char *const slash = strrchr(path, '/'), *const name = slash ? slash + 1 : path;
    char *const start = names->text + used;
    names->n++;
    if (names->n <= SHOWN)
        snprintf(start, room, "%s%.*s%s", used ? ", " : "", SHOWN_BYTES, name, strlen(name) > SHOWN_BYTES ? "~" : "");
    else if (names->n == SHOWN + 1)
        snprintf(start, room, ", ...");
    make_harmless(start);
}

void pxr_cli_print_text(const char *text, size_t n_bytes)
{
    for (size_t i = 0; i < n_bytes;) {
        const size_t n = pxr_utf8_char_bytes(text + i, n_bytes - i);
        const unsigned char c = (unsigned char)text[i];
        /* U+0080 to U+009F, C2 80 to C2 9F, are control characters as well. */
        const bool is_control = c < 0x20 || c == 0x7F || (n == 2 && c == 0xC2 && (unsigned char)text[i + 1] < 0xA0);
        if (c == '\n' || c == '\t' || c == '\r')
            putchar(' ');
        else if (!n || is_control)
            putchar('?');
        else
            fwrite(text + i, 1, n, stdout);
        i += n ? n : 1;
    }
}

int pxr_cli_print_json(struct pxr_json *j)
{
    struct pxr_diag diag;
    int code = 0;
    if (j->is_failed) {
        pxr_fail_nomem(&diag, j->n_bytes);
        code = pxr_cli_fail(&diag);
    } else {
        fwrite(j->text, 1, j->n_bytes, stdout);
        putchar('\n');
    }
    pxr_json_fini(j);
    return code;
}

int pxr_cli_close_stdout(int code)
{
    struct pxr_diag diag;
    errno = 0;
    if (!fflush(stdout) && !ferror(stdout))
        return code;
    /* An error that an earlier write met has lost its errno. */
    pxr_fail_sys(&diag, PXR_E_IO, errno, "standard output cannot be written");
    return pxr_cli_fail(&diag);
}

enum pxr_progress_mode pxr_cli_progress_mode(bool is_on, bool is_off, bool is_quiet)
{
    if (is_on && !is_off)
        return PXR_PROGRESS_ON;
    return is_off || is_quiet ? PXR_PROGRESS_OFF : PXR_PROGRESS_AUTO;
}

int pxr_cli_parity(const struct pxr_cli_command *self, const char *text, uint8_t *percent)
{
    const size_t n = text ? strcspn(text, "%") : 0;
    char digits[8] = "";
    uint64_t v = 0;
    *percent = 0;
    if (!text)
        return -1;
    if (n < sizeof digits && (!text[n] || !text[n + 1]))
        memcpy(digits, text, n);
    if (!strcmp(text, "none")) {
        *percent = PXR_PARITY_NONE;
        return -1;
    }
    if (!pxr_parse_u64(digits, 1, 100, &v))
        return pxr_cli_usage(self, "--parity wants 1%% to 100%% or none, not '%.40s'", text);
    if (!pxr_parity_is_built_in()) {
        pxr_cli_say("--parity needs ISA-L, which this program was built without: package libisal-dev, then -DPXR_PARITY=ON");
        return pxr_err_exit(PXR_E_UNSUPPORTED);
    }
    *percent = (uint8_t)v;
    return -1;
}

void pxr_cli_warn_parity(pxr_archive *a, const char *path, const char *what)
{
    struct pxr_parity_info parity;
    pxr_archive_parity(a, &parity);
    if (parity.percent && !pxr_parity_is_built_in())
        pxr_cli_say("warning: '%s' has parity, but this program was built without ISA-L: what is %s has none, so "
                    "'check' sees damage of it and 'recover' cannot repair it",
                    path, what);
}

unsigned pxr_cli_n_threads(uint64_t asked)
{
    return asked ? (unsigned)asked : pxr_n_cores();
}

void pxr_cli_view_names(const char *dst[PXR_N_VIEWS + 1])
{
    for (int v = 0; v < PXR_N_VIEWS; v++)
        dst[v] = pxr_view_name((enum pxr_view)v);
    dst[PXR_N_VIEWS] = NULL;
}

char *pxr_cli_time(char dst[PXR_CLI_TIME_BYTES], int64_t time_ns)
{
    /* Towards minus infinity, so that times before 1970 have a positive fraction as well. */
    const int64_t second_ns = 1000000000, rest_ns = (time_ns % second_ns + second_ns) % second_ns;
    const time_t seconds = (time_t)(time_ns / second_ns - (time_ns % second_ns < 0));
    struct tm tm;
    char day[28] = "";
    if (gmtime_r(&seconds, &tm)) /* 2^63 ns are 292 years: the year has four digits */
        strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(dst, PXR_CLI_TIME_BYTES, "%s.%09dZ", day, (int)rest_ns);
    return dst;
}
