/* SPDX-License-Identifier: MIT
 * Command line options from one table that also writes the help text. */
#include "option.h"

#include "bytes.h"
#include "diag.h"

#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define MAX_OPTIONS 64

enum { MAX_WORD = 24 };

/* Optimal string alignment: Levenshtein plus swapped neighbours, the commonest typing error. */
unsigned pxr_word_distance(const char *a, const char *b)
{
    unsigned d[MAX_WORD + 1][MAX_WORD + 1];
    const size_t n = strlen(a), m = strlen(b);
    if (n > MAX_WORD || m > MAX_WORD)
        return UINT_MAX;
    for (size_t i = 0; i <= n; i++)
        for (size_t j = 0; j <= m; j++) {
            if (!i || !j) {
                d[i][j] = (unsigned)(i + j);
                continue;
            }
            unsigned best = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            if (d[i - 1][j] + 1 < best)
                best = d[i - 1][j] + 1;
            if (d[i][j - 1] + 1 < best)
                best = d[i][j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                d[i - 2][j - 2] + 1 < best)
                best = d[i - 2][j - 2] + 1;
            d[i][j] = best;
        }
    return d[n][m];
}

bool pxr_parse_u64(const char *text, uint64_t min, uint64_t max, uint64_t *out)
{
    uint64_t v = 0;
    if (!*text)
        return false;
    for (; *text; text++)
        if (*text < '0' || *text > '9' || !pxr_mul_u64(v, 10, &v) ||
            !pxr_add_u64(v, (uint64_t)(*text - '0'), &v))
            return false;
    *out = v;
    return v >= min && v <= max;
}

bool pxr_parse_bytes(const char *text, uint64_t min, uint64_t max, uint64_t *out)
{
    static const char suffixes[] = "KMGT";
    char digits[32];
    const size_t n = strlen(text);
    if (!n || n >= sizeof digits)
        return false;
    memcpy(digits, text, n + 1);
    const char *suffix = strchr(suffixes, digits[n - 1] & ~0x20);
    const bool has_suffix = suffix && digits[n - 1] > '9';
    if (has_suffix)
        digits[n - 1] = 0;
    uint64_t v;
    if (!pxr_parse_u64(digits, 0, UINT64_MAX, &v))
        return false;
    if (has_suffix && !pxr_mul_u64(v, (uint64_t)1 << (10 * (suffix - suffixes + 1)), &v))
        return false;
    *out = v;
    return v >= min && v <= max;
}

static enum pxr_err store(const struct pxr_option *o, const char *text, struct pxr_diag *diag)
{
    const uint64_t max = o->max ? o->max : UINT64_MAX;
    switch (o->kind) {
    case PXR_OPT_FLAG: *(bool *)o->value = true; break;
    case PXR_OPT_TEXT: *(const char **)o->value = text; break;
    case PXR_OPT_UINT:
    case PXR_OPT_BYTES:
        if (o->kind == PXR_OPT_UINT ? !pxr_parse_u64(text, o->min, max, o->value)
                                    : !pxr_parse_bytes(text, o->min, max, o->value)) {
            if (max == UINT64_MAX)
                return pxr_fail(diag, PXR_E_INVALID,
                                "--%s wants a number of at least %" PRIu64 ", not '%s'", o->name,
                                o->min, text);
            return pxr_fail(diag, PXR_E_INVALID,
                            "--%s wants a number from %" PRIu64 " to %" PRIu64 ", not '%s'",
                            o->name, o->min, max, text);
        }
        break;
    case PXR_OPT_CHOICE: {
        char list[128] = "";
        size_t n = 0;
        for (int i = 0; o->choices[i]; i++) {
            if (!strcmp(o->choices[i], text)) {
                *(int *)o->value = i;
                if (o->is_set)
                    *o->is_set = true;
                return PXR_OK;
            }
            n += (size_t)snprintf(list + n, sizeof list - n, "%s%s", i ? ", " : "", o->choices[i]);
            if (n >= sizeof list)
                n = sizeof list - 1;
        }
        return pxr_fail(diag, PXR_E_INVALID, "--%s is one of %s, not '%s'", o->name, list, text);
    }
    }
    if (o->is_set)
        *o->is_set = true;
    return PXR_OK;
}

static enum pxr_err fail_option(const struct pxr_option *table, const char *given, int flag_with_arg,
                                struct pxr_diag *diag)
{
    char name[MAX_WORD + 2];
    const char *near = NULL;
    unsigned best = PXR_WORD_NEAR + 1;
    if (flag_with_arg >= 256)
        return pxr_fail(diag, PXR_E_INVALID, "option '--%s' takes no argument",
                        table[flag_with_arg - 256].name);
    snprintf(name, sizeof name, "%.*s", (int)strcspn(given + 2, "="), given + 2);
    for (const struct pxr_option *o = table; o->name; o++) {
        /* getopt accepts a beginning that fits one option; this one fits several or none. */
        if (*name && !strncmp(name, o->name, strlen(name)))
            return pxr_fail(diag, PXR_E_INVALID, "option '--%s' is ambiguous", name);
        const unsigned distance = pxr_word_distance(name, o->name);
        if (distance < best) {
            best = distance;
            near = o->name;
        }
    }
    if (near)
        return pxr_fail(diag, PXR_E_INVALID, "unknown option '%s'; did you mean '--%s'?", given,
                        near);
    return pxr_fail(diag, PXR_E_INVALID, "unknown option '%s'", given);
}

enum pxr_err pxr_options_parse(const struct pxr_option *table, int argc, char **argv,
                               int *n_operands, struct pxr_diag *diag)
{
    struct option longs[MAX_OPTIONS + 1] = {{0}};
    char shorts[2 * MAX_OPTIONS + 2] = ":";
    size_t n_shorts = 1, n = 0;
    for (; table[n].name && n < MAX_OPTIONS; n++) {
        const int has_arg = table[n].kind != PXR_OPT_FLAG;
        longs[n] = (struct option){table[n].name, has_arg, NULL, (int)(256 + n)};
        if (table[n].letter) {
            shorts[n_shorts++] = table[n].letter;
            if (has_arg)
                shorts[n_shorts++] = ':';
        }
    }
    optind = 0; /* glibc: begin anew, this is not the first table of the process */
    int c;
    while ((c = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
        const char *given = optind > 0 && optind <= argc ? argv[optind - 1] : "";
        if (c == ':')
            return pxr_fail(diag, PXR_E_INVALID, "option '%s' wants an argument", given);
        if (c == '?') {
            if (optopt && optopt < 256)
                return pxr_fail(diag, PXR_E_INVALID, "unknown option '-%c'", optopt);
            return fail_option(table, given, optopt, diag);
        }
        const struct pxr_option *o = table;
        if (c >= 256)
            o = &table[c - 256];
        else
            while (o->letter != c)
                o++;
        const enum pxr_err e = store(o, optarg, diag);
        if (e != PXR_OK)
            return e;
    }
    *n_operands = argc - optind;
    memmove(argv + 1, argv + optind, (size_t)*n_operands * sizeof *argv);
    return PXR_OK;
}

void pxr_options_help(const struct pxr_option *table)
{
    for (const struct pxr_option *o = table; o->name; o++) {
        char left[48];
        const char *arg = o->kind == PXR_OPT_FLAG ? "" : o->arg ? o->arg : "X";
        snprintf(left, sizeof left, "  %c%c%s--%s%s%s", o->letter ? '-' : ' ',
                 o->letter ? o->letter : ' ', o->letter ? ", " : "  ", o->name, *arg ? " " : "", arg);
        if (strlen(left) > 28)
            printf("%s\n%-29s", left, "");
        else
            printf("%-28s ", left);
        for (const char *s = o->help; *s; s++) {
            putchar(*s);
            if (*s == '\n')
                printf("%-29s", "");
        }
        putchar('\n');
    }
}
