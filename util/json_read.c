/* SPDX-License-Identifier: MIT
 * Reading small JSON texts: the members of an object, one after the other. */
#include "json_read.h"

#include "alloc.h"
#include "diag.h"
#include "json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void skip_space(struct pxr_json_text *t)
{
    while (t->n_bytes && is_space(*t->at)) {
        t->at++;
        t->n_bytes--;
    }
}

static void skip(struct pxr_json_text *t, size_t n)
{
    t->at += n;
    t->n_bytes -= n;
}

/* Bytes of the string that begins here, with its quotes. */
static size_t string_bytes(const char *s)
{
    size_t n = 1;
    while (s[n] != '"')
        n += s[n] == '\\' ? 2 : 1;
    return n + 1;
}

/* Bytes of the value that begins here. */
static size_t value_bytes(struct pxr_json_text t)
{
    size_t n = 0, depth = 0;
    do {
        const char c = t.at[n];
        if (c == '"')
            n += string_bytes(t.at + n);
        else if (c == '{' || c == '[')
            depth++, n++;
        else if (c == '}' || c == ']')
            depth--, n++;
        else if (depth)
            n++;
        else
            while (n < t.n_bytes && !is_space(t.at[n]) && !strchr(",]}", t.at[n]))
                n++;
    } while (depth);
    return n;
}

static struct pxr_json_text take_value(struct pxr_json_text *rest)
{
    const struct pxr_json_text v = {rest->at, value_bytes(*rest)};
    skip(rest, v.n_bytes);
    skip_space(rest);
    return v;
}

bool pxr_json_next(struct pxr_json_text *rest, bool has_keys, struct pxr_json_text *key, struct pxr_json_text *value)
{
    skip(rest, 1); /* the opening bracket, or the comma behind the member before */
    skip_space(rest);
    if (!rest->n_bytes || *rest->at == '}' || *rest->at == ']')
        return false;
    if (has_keys) {
        *key = take_value(rest);
        skip(rest, 1);
        skip_space(rest);
    }
    *value = take_value(rest);
    return true;
}

bool pxr_json_find(struct pxr_json_text object, const char *key, struct pxr_json_text *value)
{
    struct pxr_json_text k;
    while (pxr_json_next(&object, true, &k, value))
        if (pxr_json_is_string(k, key))
            return true;
    return false;
}

bool pxr_json_is(struct pxr_json_text t, const char *word)
{
    return strlen(word) == t.n_bytes && !memcmp(word, t.at, t.n_bytes);
}

/* ---- strings ---------------------------------------------------------------------------------- */

static unsigned hex4(const char *s)
{
    unsigned v = 0;
    for (unsigned i = 0; i < 4; i++)
        v = v << 4 | (unsigned)(s[i] <= '9' ? s[i] - '0' : (s[i] | 32) - 'a' + 10);
    return v;
}

static size_t put_char(char *dst, unsigned c)
{
    const unsigned n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const unsigned char lead[] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (unsigned i = n; i-- > 1; c >>= 6)
        dst[i] = (char)(0x80 | (c & 0x3F));
    dst[0] = (char)(lead[n] | c);
    return n;
}

/* What \u and the four digits behind it stand for, together with a second such escape if that belongs to it. */
static unsigned take_escaped(const char **s, const char *end)
{
    const unsigned c = hex4(*s + 2);
    *s += 6;
    if (c >> 10 == 0xD800 >> 10 && end - *s >= 6 && (*s)[0] == '\\' && (*s)[1] == 'u' &&
        hex4(*s + 2) >> 10 == 0xDC00 >> 10) {
        const unsigned low = hex4(*s + 2);
        *s += 6;
        return 0x10000 + ((c & 0x3FF) << 10 | (low & 0x3FF));
    }
    return c;
}

size_t pxr_json_unescape(char *dst, struct pxr_json_text t)
{
    static const char names[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    const char *s = t.at + 1, *const end = t.at + t.n_bytes - 1;
    char *const start = dst;
    while (s < end) {
        if (*s != '\\') {
            *dst++ = *s++;
        } else if (s[1] == 'u') {
            dst += put_char(dst, take_escaped(&s, end));
        } else {
            *dst++ = meant[strchr(names, s[1]) - names];
            s += 2;
        }
    }
    return (size_t)(dst - start);
}

bool pxr_json_is_string(struct pxr_json_text t, const char *expected)
{
    char dst[64];
    const size_t n = strlen(expected);
    /* An escape has at most six times as many bytes as what it stands for. */
    if (*t.at != '"' || t.n_bytes < n + 2)
        return false;
    if (t.n_bytes == n + 2)
        return !memcmp(t.at + 1, expected, n) && !memchr(expected, '\\', n);
    return n < sizeof dst / 6 && t.n_bytes <= sizeof dst && pxr_json_unescape(dst, t) == n && !memcmp(dst, expected, n);
}

/* ---- numbers ---------------------------------------------------------------------------------- */

bool pxr_json_to_u64(struct pxr_json_text t, uint64_t *v)
{
    *v = 0;
    for (size_t i = 0; i < t.n_bytes; i++) {
        if (t.at[i] < '0' || t.at[i] > '9' || __builtin_mul_overflow(*v, 10, v) ||
            __builtin_add_overflow(*v, (uint64_t)(t.at[i] - '0'), v))
            return false;
    }
    return true;
}

bool pxr_json_to_real(struct pxr_json_text t, double *v)
{
    char text[512];
    if (*t.at != '-' && (*t.at < '0' || *t.at > '9'))
        return false;
    /* More digits than these cannot come from a program that writes numbers. */
    if (t.n_bytes >= sizeof text)
        return false;
    memcpy(text, t.at, t.n_bytes);
    text[t.n_bytes] = 0;
    *v = strtod(text, NULL);
    return isfinite(*v);
}

/* ---- checking --------------------------------------------------------------------------------- */

struct key {
    const char *bytes; /* escapes resolved */
    size_t n_bytes;
    const char *at; /* in the text */
};

static int compare_keys(const void *a, const void *b)
{
    const struct key *x = a, *y = b;
    const int order = memcmp(x->bytes, y->bytes, x->n_bytes < y->n_bytes ? x->n_bytes : y->n_bytes);
    return order ? order : x->n_bytes < y->n_bytes ? -1 : x->n_bytes > y->n_bytes;
}

struct check {
    const char *start; /* of the text */
    uint64_t off_bytes;
    unsigned max_depth;
    struct key *keys; /* a stack: those of the objects that are open */
    size_t n_keys, key_capacity;
    char *bytes; /* of the keys, as many as the text has at most */
    size_t n_bytes;
    struct pxr_diag *diag;
};

static enum pxr_err fail(const struct check *c, const char *at, const char *text)
{
    return pxr_fail_at(c->diag, PXR_E_CORRUPT, c->off_bytes + (uint64_t)(at - c->start), "%s", text);
}

static enum pxr_err check_value(struct check *c, struct pxr_json_text t, unsigned depth);

static enum pxr_err push_key(struct check *c, struct pxr_json_text t)
{
    if (!pxr_reserve(&c->keys, &c->key_capacity, c->n_keys + 1, sizeof *c->keys))
        return pxr_fail_nomem(c->diag, c->n_keys * sizeof *c->keys);
    char *const bytes = c->bytes + c->n_bytes;
    const size_t n = pxr_json_unescape(bytes, t);
    c->keys[c->n_keys++] = (struct key){bytes, n, t.at};
    c->n_bytes += n;
    return PXR_OK;
}

static enum pxr_err check_members(struct check *c, struct pxr_json_text t, unsigned depth)
{
    const size_t first = c->n_keys;
    const bool has_keys = *t.at == '{';
    struct pxr_json_text key, value;
    enum pxr_err e = PXR_OK;
    while (!e && pxr_json_next(&t, has_keys, &key, &value)) {
        if (has_keys)
            e = push_key(c, key);
        if (!e)
            e = check_value(c, value, depth);
    }
    if (!e && c->n_keys > first)
        qsort(c->keys + first, c->n_keys - first, sizeof *c->keys, compare_keys);
    for (size_t i = first + 1; !e && i < c->n_keys; i++)
        if (!compare_keys(&c->keys[i - 1], &c->keys[i]))
            e = fail(c, c->keys[i].at, "a JSON object has a key twice");
    c->n_keys = first;
    return e;
}

static enum pxr_err check_value(struct check *c, struct pxr_json_text t, unsigned depth)
{
    if (*t.at != '{' && *t.at != '[')
        return PXR_OK;
    if (depth >= c->max_depth)
        return fail(c, t.at, "too many brackets within brackets");
    return check_members(c, t, depth + 1);
}

enum pxr_err pxr_json_check(const char *text, size_t n_bytes, unsigned max_depth, struct pxr_json_text *value,
                            uint64_t off_bytes, struct pxr_diag *diag)
{
    struct check c = {.start = text, .off_bytes = off_bytes, .max_depth = max_depth, .diag = diag};
    struct pxr_json_text rest = {text, n_bytes};
    size_t wrong;
    if (!pxr_json_is_valid(text, n_bytes, &wrong))
        return fail(&c, text + wrong, "no JSON, or not in UTF-8, from here on");
    skip_space(&rest);
    *value = take_value(&rest);
    c.bytes = pxr_alloc(n_bytes);
    const enum pxr_err e = c.bytes ? check_value(&c, *value, 0) : pxr_fail_nomem(diag, n_bytes);
    pxr_free(c.keys);
    pxr_free(c.bytes);
    return e;
}
