/* SPDX-License-Identifier: MIT
 * Writing JSON into growing memory. */
#include "json.h"

#include "alloc.h"
#include "utf8.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void put(struct pxr_json *j, const char *s, size_t n)
{
    if (j->is_failed || !pxr_reserve(&j->text, &j->capacity, j->n_bytes + n + 1, 1)) {
        j->is_failed = true;
        return;
    }
    memcpy(j->text + j->n_bytes, s, n);
    j->n_bytes += n;
    j->text[j->n_bytes] = 0;
}

static void puts_(struct pxr_json *j, const char *s) { put(j, s, strlen(s)); }

static void new_line(struct pxr_json *j)
{
    if (!j->is_indented)
        return;
    puts_(j, "\n");
    for (unsigned i = 0; i < j->depth; i++)
        puts_(j, "  ");
}

static void begin_value(struct pxr_json *j, const char *key)
{
    if (j->needs_comma)
        puts_(j, ",");
    if (j->depth)
        new_line(j);
    if (key) {
        puts_(j, "\"");
        puts_(j, key);
        puts_(j, j->is_indented ? "\": " : "\":");
    }
    j->needs_comma = true;
}

static void open_(struct pxr_json *j, const char *key, const char *bracket)
{
    begin_value(j, key);
    puts_(j, bracket);
    j->depth++;
    j->needs_comma = false;
}

static void close_(struct pxr_json *j, const char *bracket)
{
    j->depth--;
    if (j->needs_comma)
        new_line(j);
    puts_(j, bracket);
    j->needs_comma = true;
}

void pxr_json_object(struct pxr_json *j, const char *key) { open_(j, key, "{"); }
void pxr_json_end_object(struct pxr_json *j) { close_(j, "}"); }
void pxr_json_array(struct pxr_json *j, const char *key) { open_(j, key, "["); }
void pxr_json_end_array(struct pxr_json *j) { close_(j, "]"); }

void pxr_json_u64(struct pxr_json *j, const char *key, uint64_t v)
{
    char s[24];
    snprintf(s, sizeof s, "%" PRIu64, v);
    begin_value(j, key);
    puts_(j, s);
}

void pxr_json_i64(struct pxr_json *j, const char *key, int64_t v)
{
    char s[24];
    snprintf(s, sizeof s, "%" PRId64, v);
    begin_value(j, key);
    puts_(j, s);
}

void pxr_json_real(struct pxr_json *j, const char *key, double v, int decimals)
{
    char s[64];
    snprintf(s, sizeof s, "%.*f", decimals, v);
    for (char *c = s; *c; c++) /* whatever the locale says */
        if (*c == ',')
            *c = '.';
    begin_value(j, key);
    puts_(j, s);
}

void pxr_json_bool(struct pxr_json *j, const char *key, bool v)
{
    begin_value(j, key);
    puts_(j, v ? "true" : "false");
}

void pxr_json_string(struct pxr_json *j, const char *key, const char *v, size_t v_bytes)
{
    begin_value(j, key);
    puts_(j, "\"");
    for (size_t i = 0; i < v_bytes;) {
        const size_t n = pxr_utf8_char_bytes(v + i, v_bytes - i);
        const unsigned char c = (unsigned char)v[i];
        char s[8];
        if (!n) {
            puts_(j, "\\ufffd");
        } else if (c == '"' || c == '\\') {
            snprintf(s, sizeof s, "\\%c", c);
            puts_(j, s);
        } else if (c < 0x20) {
            snprintf(s, sizeof s, "\\u%04x", c);
            puts_(j, s);
        } else {
            put(j, v + i, n);
        }
        i += n ? n : 1;
    }
    puts_(j, "\"");
}

void pxr_json_text(struct pxr_json *j, const char *key, const char *v)
{
    pxr_json_string(j, key, v, strlen(v));
}

void pxr_json_hex(struct pxr_json *j, const char *key, const uint8_t *v, size_t v_bytes)
{
    begin_value(j, key);
    puts_(j, "\"");
    for (size_t i = 0; i < v_bytes; i++) {
        char s[4];
        snprintf(s, sizeof s, "%02x", v[i]);
        puts_(j, s);
    }
    puts_(j, "\"");
}

void pxr_json_verbatim(struct pxr_json *j, const char *key, const char *v, size_t v_bytes)
{
    size_t off_bytes;
    if (!pxr_json_is_valid(v, v_bytes, &off_bytes)) {
        pxr_json_string(j, key, v, v_bytes);
        return;
    }
    begin_value(j, key);
    const size_t start = j->n_bytes;
    put(j, v, v_bytes);
    /* Inside strings control characters are escaped, so these stand between values. */
    for (size_t i = start; !j->is_failed && i < j->n_bytes; i++)
        if ((unsigned char)j->text[i] < 0x20)
            j->text[i] = ' ';
}

void pxr_json_fini(struct pxr_json *j)
{
    pxr_free(j->text);
    memset(j, 0, sizeof *j);
}

/* ---- is it JSON? ------------------------------------------------------------------------------ */

enum { MAX_NESTING = 64 };

struct scan {
    const char *s, *end;
    unsigned depth;
};

static void skip_space(struct scan *p)
{
    while (p->s < p->end && (*p->s == ' ' || *p->s == '\t' || *p->s == '\n' || *p->s == '\r'))
        p->s++;
}

static bool skip_char(struct scan *p, char c)
{
    if (p->s == p->end || *p->s != c)
        return false;
    p->s++;
    return true;
}

static bool skip_word(struct scan *p, const char *word)
{
    for (; *word; word++)
        if (!skip_char(p, *word))
            return false;
    return true;
}

static bool skip_digits(struct scan *p)
{
    const char *start = p->s;
    while (p->s < p->end && *p->s >= '0' && *p->s <= '9')
        p->s++;
    return p->s > start;
}

static bool scan_number(struct scan *p)
{
    skip_char(p, '-');
    if (!skip_char(p, '0') && !skip_digits(p))
        return false;
    if (skip_char(p, '.') && !skip_digits(p))
        return false;
    if (skip_char(p, 'e') || skip_char(p, 'E')) {
        if (!skip_char(p, '+'))
            skip_char(p, '-');
        return skip_digits(p);
    }
    return true;
}

static bool scan_escape(struct scan *p)
{
    if (skip_char(p, 'u')) {
        for (int i = 0; i < 4; i++, p->s++)
            if (p->s == p->end || !*p->s || !strchr("0123456789abcdefABCDEF", *p->s))
                return false;
        return true;
    }
    if (p->s == p->end || !*p->s || !strchr("\"\\/bfnrt", *p->s))
        return false;
    p->s++;
    return true;
}

static bool scan_string(struct scan *p)
{
    if (!skip_char(p, '"'))
        return false;
    while (!skip_char(p, '"')) {
        const size_t n = pxr_utf8_char_bytes(p->s, (size_t)(p->end - p->s));
        if (!n || (unsigned char)*p->s < 0x20)
            return false;
        p->s += n;
        if (p->s[-1] == '\\' && !scan_escape(p))
            return false;
    }
    return true;
}

static bool scan_value(struct scan *p);

static bool scan_members(struct scan *p, char close, bool has_keys)
{
    if (++p->depth > MAX_NESTING)
        return false;
    p->s++; /* the opening bracket */
    skip_space(p);
    if (!skip_char(p, close)) {
        do {
            skip_space(p);
            if (has_keys) {
                if (!scan_string(p))
                    return false;
                skip_space(p);
                if (!skip_char(p, ':'))
                    return false;
            }
            if (!scan_value(p))
                return false;
        } while (skip_char(p, ','));
        if (!skip_char(p, close))
            return false;
    }
    p->depth--;
    return true;
}

static bool scan_value(struct scan *p)
{
    skip_space(p);
    if (p->s == p->end)
        return false;
    bool ok;
    switch (*p->s) {
    case '{': ok = scan_members(p, '}', true); break;
    case '[': ok = scan_members(p, ']', false); break;
    case '"': ok = scan_string(p); break;
    case 't': ok = skip_word(p, "true"); break;
    case 'f': ok = skip_word(p, "false"); break;
    case 'n': ok = skip_word(p, "null"); break;
    default: ok = scan_number(p); break;
    }
    if (ok)
        skip_space(p);
    return ok;
}

bool pxr_json_is_valid(const char *text, size_t n_bytes, size_t *off_bytes)
{
    struct scan p = {.s = text, .end = text + n_bytes};
    const bool ok = scan_value(&p) && p.s == p.end;
    *off_bytes = (size_t)(p.s - text);
    return ok;
}
