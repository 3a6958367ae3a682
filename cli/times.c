/* SPDX-License-Identifier: MIT
 * Time stamps of frames, from their names or from a table. */
#include "times.h"

#include "alloc.h"
#include "diag.h"
#include "io.h"
#include "timetext.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_TABLE_BYTES ((uint64_t)4 << 30)

/* ---- from names ------------------------------------------------------------------------------ */

struct reading {
    struct pxr_civil civil;
    uint64_t day_of_year, since_epoch;
    bool has_epoch;  /* since_epoch is what counts                          */
    unsigned digits; /* of it that are a fraction of a second: 0, 3, 6 or 9 */
};

/* Letters of directives that were met: one bit each, from 'A' on. */
#define SEEN(letter) ((uint64_t)1 << ((letter) - 'A'))

/* One directive: its letter, and how many digits it has (0: any number). */
static unsigned digits_of(char letter)
{
    switch (letter) {
    case 'Y':
        return 4;
    case 'j':
        return 3;
    case 'm':
    case 'd':
    case 'H':
    case 'M':
    case 'S':
        return 2;
    }
    return 0;
}

enum pxr_err pxr_time_pattern_check(const char *pattern, struct pxr_diag *diag)
{
    uint64_t seen = 0;
    for (const char *p = pattern; *p; p++) {
        if (*p != '%')
            continue;
        p++;
        if (strchr("369", *p) && p[0] && p[1] == 's')
            p++;
        if (*p == '%')
            continue;
        if (!*p || (!digits_of(*p) && *p != 'f' && *p != 's'))
            return pxr_fail(diag, PXR_E_INVALID,
                            "the pattern '%.60s' has an unknown '%%%c': there are %%Y %%m %%d %%j %%H %%M %%S %%f, "
                            "and %%s %%3s %%6s %%9s since 1970",
                            pattern, *p ? *p : ' ');
        if (seen & SEEN(*p))
            return pxr_fail(diag, PXR_E_INVALID, "the pattern '%.60s' has '%%%c' twice", pattern, *p);
        seen |= SEEN(*p);
    }
    const bool has_day = seen & SEEN('Y') && (seen & SEEN('j') || (seen & SEEN('m') && seen & SEEN('d')));
    const bool has_epoch = (seen & SEEN('s')) != 0;
    if (has_epoch ? (seen & ~(SEEN('s') | SEEN('f'))) != 0 : !has_day)
        return pxr_fail(diag, PXR_E_INVALID,
                        "the pattern '%.60s' needs a date (%%Y with %%m and %%d, or with %%j), or %%s alone", pattern);
    return PXR_OK;
}

/* Take one directive at *p off *at. */
static bool take_directive(const char **p, const char **at, struct reading *r)
{
    uint64_t v;
    unsigned scale = 0;
    if (**p >= '0' && **p <= '9')
        scale = (unsigned)(*(*p)++ - '0');
    const char letter = *(*p)++;
    if (letter == '%')
        return *(*at)++ == '%';
    const unsigned fixed = digits_of(letter), n = pxr_take_digits(at, fixed ? fixed : letter == 'f' ? 9 : 19, &v);
    if (!n || (fixed && n != fixed))
        return false;
    switch (letter) {
    case 'Y':
        r->civil.year = v;
        break;
    case 'm':
        r->civil.month = v;
        break;
    case 'd':
        r->civil.day = v;
        break;
    case 'j':
        r->day_of_year = v;
        break;
    case 'H':
        r->civil.hour = v;
        break;
    case 'M':
        r->civil.minute = v;
        break;
    case 'S':
        r->civil.second = v;
        break;
    case 'f':
        for (unsigned i = n; i < 9; i++)
            v *= 10;
        r->civil.nanosecond = v;
        break;
    case 's':
        r->since_epoch = v;
        r->has_epoch = true;
        r->digits = scale;
        break;
    }
    return true;
}

/* Every directive takes a number of characters that its place decides, so that, as in file name patterns,
 * only the last star ever needs to be given more. */
static bool match(const char *p, const char *at, struct reading *r)
{
    const char *star = NULL, *star_at = NULL;
    struct reading at_star = *r;
    for (;;) {
        if (*p == '*') {
            star = ++p;
            star_at = at;
            at_star = *r;
            continue;
        }
        if (!*p && !*at)
            return true;
        bool is_equal = false;
        if (*p == '%' && *at) {
            p++;
            is_equal = take_directive(&p, &at, r);
        } else if (*p && *at) {
            is_equal = *p == '?' || *p == *at;
            p++, at++;
        }
        if (is_equal)
            continue;
        if (!star || !*star_at)
            return false;
        p = star;
        at = ++star_at;
        *r = at_star;
    }
}

static bool to_time(struct reading *r, int64_t *time_ns)
{
    if (r->has_epoch) {
        uint64_t v = r->since_epoch, fraction = r->digits ? 0 : r->civil.nanosecond;
        for (unsigned i = r->digits; i < 9; i++)
            if (__builtin_mul_overflow(v, (uint64_t)10, &v))
                return false;
        if (__builtin_add_overflow(v, fraction, &v) || v > INT64_MAX)
            return false;
        *time_ns = (int64_t)v;
        return true;
    }
    const uint64_t days = r->day_of_year;
    if (days) {
        /* The first of January, and so many days on. */
        static const int64_t day_ns = (int64_t)86400 * 1000000000;
        const bool is_leap = r->civil.year % 4 == 0 && (r->civil.year % 100 != 0 || r->civil.year % 400 == 0);
        r->civil.month = r->civil.day = 1;
        return days <= 365u + is_leap && pxr_time_from_civil(&r->civil, time_ns) &&
               !__builtin_add_overflow(*time_ns, (int64_t)(days - 1) * day_ns, time_ns);
    }
    return pxr_time_from_civil(&r->civil, time_ns);
}

enum pxr_err pxr_time_pattern_match(const char *pattern, const char *name, int64_t *time_ns, struct pxr_diag *diag)
{
    struct reading r = {.day_of_year = 0};
    if (!match(pattern, name, &r))
        return pxr_fail(diag, PXR_E_MISMATCH, "the name '%.60s' does not match the time pattern '%.60s'", name, pattern);
    if (!to_time(&r, time_ns))
        return pxr_fail(diag, PXR_E_MISMATCH, "the name '%.60s' holds no time that exists (pattern '%.60s')", name,
                        pattern);
    return PXR_OK;
}

/* ---- from a table ---------------------------------------------------------------------------- */

static const char *name_of(const struct pxr_times *t, const struct pxr_time_row *row)
{
    return (const char *)t->names.bytes + row->name_off;
}

static int compare_rows(const void *a, const void *b, void *arg)
{
    return strcmp(name_of(arg, a), name_of(arg, b));
}

static char *trim(char *s)
{
    while (*s == ' ' || *s == '\t')
        s++;
    size_t n = strlen(s);
    while (n && (s[n - 1] == ' ' || s[n - 1] == '\t' || s[n - 1] == '\r'))
        s[--n] = 0;
    if (n >= 2 && s[0] == '"' && s[n - 1] == '"') {
        s[n - 1] = 0;
        s++;
    }
    return s;
}

static enum pxr_err add_row(struct pxr_times *t, char *line, uint64_t number, struct pxr_diag *diag)
{
    struct pxr_time_row row = {.line = number};
    char *comma = strrchr(line, ',');
    char *time = trim(comma ? comma + 1 : line), *name = "";
    if (comma) {
        *comma = 0;
        name = trim(line);
    }
    if (!pxr_time_parse(time, &row.time_ns))
        return number == 1 ? PXR_OK /* a heading */
                           : pxr_fail(diag, PXR_E_CORRUPT,
                                      "line %llu: '%.60s' is no time: 2024-05-01T12:00:00.25Z, or seconds since 1970",
                                      (unsigned long long)number, time);
    if (t->n_rows && t->has_names != (comma != NULL))
        return pxr_fail(diag, PXR_E_CORRUPT, "line %llu: either all lines have a name before the time, or none",
                        (unsigned long long)number);
    t->has_names = comma != NULL;
    row.name_off = t->names.n_bytes;
    if (!pxr_buffer_add(&t->names, name, strlen(name) + 1) ||
        !pxr_reserve(&t->rows, &t->capacity, t->n_rows + 1, sizeof *t->rows))
        return pxr_fail_nomem(diag, t->names.n_bytes);
    t->rows[t->n_rows++] = row;
    return PXR_OK;
}

static enum pxr_err parse_table(struct pxr_times *t, char *text, struct pxr_diag *diag)
{
    uint64_t number = 0;
    enum pxr_err e = PXR_OK;
    for (char *line = text, *end; e == PXR_OK && *line; line = end) {
        const size_t n = strcspn(line, "\n");
        end = line + n + (line[n] == '\n');
        line[n] = 0;
        number++;
        if (*trim(line))
            e = add_row(t, line, number, diag);
    }
    if (e == PXR_OK && !t->n_rows)
        e = pxr_fail(diag, PXR_E_CORRUPT, "holds no time");
    if (e != PXR_OK || !t->has_names)
        return e;
    qsort_r(t->rows, t->n_rows, sizeof *t->rows, compare_rows, t);
    for (size_t i = 1; i < t->n_rows; i++)
        if (!compare_rows(&t->rows[i - 1], &t->rows[i], t))
            return pxr_fail(diag, PXR_E_CORRUPT, "the name '%.60s' is there twice (lines %llu and %llu)",
                            name_of(t, &t->rows[i]), (unsigned long long)t->rows[i - 1].line,
                            (unsigned long long)t->rows[i].line);
    return PXR_OK;
}

enum pxr_err pxr_times_load(struct pxr_times *t, const char *path, struct pxr_diag *diag)
{
    uint8_t *text = NULL;
    size_t n_bytes = 0;
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    enum pxr_err e = fd < 0 ? pxr_fail_sys(diag, pxr_err_from_errno(errno), errno, "cannot be opened")
                            : pxr_read_all(fd, MAX_TABLE_BYTES, &text, &n_bytes, diag);
    if (fd >= 0)
        close(fd);
    if (e == PXR_OK && (!pxr_buffer_add(&t->text, text, n_bytes) || !pxr_buffer_add(&t->text, "", 1)))
        e = pxr_fail_nomem(diag, n_bytes);
    pxr_free(text);
    if (e == PXR_OK)
        e = parse_table(t, (char *)t->text.bytes, diag);
    pxr_buffer_fini(&t->text);
    return pxr_diag_in_file(diag, e, path);
}

enum pxr_err pxr_times_find(const struct pxr_times *t, const char *name, uint64_t number, int64_t *time_ns,
                            struct pxr_diag *diag)
{
    if (!t->has_names) {
        if (number >= t->n_rows)
            return pxr_fail_field(diag, PXR_E_MISMATCH, PXR_NONE, "times", number + 1, t->n_rows,
                                  "the table of times is shorter than the input");
        *time_ns = t->rows[number].time_ns;
        return PXR_OK;
    }
    size_t low = 0, high = t->n_rows;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const int order = strcmp(name_of(t, &t->rows[middle]), name);
        if (!order) {
            *time_ns = t->rows[middle].time_ns;
            return PXR_OK;
        }
        *(order < 0 ? &low : &high) = order < 0 ? middle + 1 : middle;
    }
    return pxr_fail(diag, PXR_E_MISMATCH, "the table of times has no line for '%.120s'", name);
}

void pxr_times_fini(struct pxr_times *t)
{
    pxr_free(t->rows);
    pxr_buffer_fini(&t->names);
    pxr_buffer_fini(&t->text);
    memset(t, 0, sizeof *t);
}
