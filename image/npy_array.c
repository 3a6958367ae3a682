/* SPDX-License-Identifier: MIT
 * NPY arrays of any numbers, in memory. */
#include "npy_array.h"

#include "bytes.h"
#include "diag.h"
#include "option.h"

#include <stdlib.h>

enum { MAX_HEADER_BYTES = 65536 };

/* The text of a header and how far it has been read.  It is not terminated. */
struct text {
    const uint8_t *src;
    size_t at, end;
    struct pxr_diag *diag;
};

static enum pxr_err fail(const struct text *t, const char *wanted)
{
    return pxr_fail_at(t->diag, PXR_E_CORRUPT, t->at, "the NPY header should have %s here", wanted);
}

static bool take(struct text *t, const char *word)
{
    const size_t n = strlen(word);
    while (t->at < t->end && (t->src[t->at] == ' ' || t->src[t->at] == '\n'))
        t->at++;
    if (t->end - t->at < n || memcmp(t->src + t->at, word, n) != 0)
        return false;
    t->at += n;
    return true;
}

static enum pxr_err take_type(struct text *t, struct pxr_npy_array *a)
{
    static const char *const types[] = {"b1", "i1", "u1", "i2", "u2", "f2", "i4", "u4",
                                        "f4", "i8", "u8", "f8", "c8", "c16"};
    if (!take(t, "'"))
        return pxr_fail_at(t->diag, PXR_E_UNSUPPORTED, t->at, "the array's items are no plain numbers");
    a->is_big_endian = take(t, ">");
    if (!a->is_big_endian && !take(t, "<") && !take(t, "|") && !take(t, "="))
        return fail(t, "a byte order");
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        char quoted[8];
        memcpy(quoted, types[i], strlen(types[i]) + 1);
        strcat(quoted, "'");
        if (!take(t, quoted))
            continue;
        memcpy(a->type, types[i], strlen(types[i]) + 1);
        a->item_bytes = (uint32_t)atoi(types[i] + 1);
        return PXR_OK;
    }
    return pxr_fail_at(t->diag, PXR_E_UNSUPPORTED, t->at, "the array's items are of a type that is not read");
}

static enum pxr_err take_shape(struct text *t, struct pxr_npy_array *a)
{
    if (!take(t, "("))
        return fail(t, "the shape");
    while (!take(t, ")")) {
        char digits[24];
        size_t n = 0;
        while (t->at < t->end && n < sizeof digits - 1 && t->src[t->at] >= '0' && t->src[t->at] <= '9')
            digits[n++] = (char)t->src[t->at++];
        digits[n] = 0;
        if (a->n_axes == sizeof a->axes / sizeof a->axes[0])
            return pxr_fail_at(t->diag, PXR_E_UNSUPPORTED, t->at, "the array has more than 4 axes");
        if (!pxr_parse_u64(digits, 0, UINT64_MAX, &a->axes[a->n_axes++]))
            return fail(t, "a length");
        if (!take(t, ",") && !(t->at < t->end && t->src[t->at] == ')'))
            return fail(t, "a comma");
        take(t, "");
    }
    return PXR_OK;
}

static enum pxr_err parse_text(struct text *t, struct pxr_npy_array *a)
{
    unsigned seen = 0;
    enum pxr_err e = take(t, "{") ? PXR_OK : fail(t, "'{'");
    while (e == PXR_OK && !take(t, "}")) {
        const unsigned key = take(t, "'descr':") ? 1 : take(t, "'fortran_order':") ? 2 : take(t, "'shape':") ? 4 : 0;
        if (!key || (seen & key))
            return fail(t, "descr, fortran_order and shape, once each,");
        seen |= key;
        if (key == 1)
            e = take_type(t, a);
        else if (key == 4)
            e = take_shape(t, a);
        else if (!(a->is_fortran = take(t, "True")) && !take(t, "False"))
            e = fail(t, "True or False");
        if (e == PXR_OK)
            take(t, ",");
    }
    take(t, "");
    return e == PXR_OK && (seen != 7 || t->at != t->end) ? fail(t, seen != 7 ? "further keys" : "its end") : e;
}

static enum pxr_err check_data(const struct pxr_npy_array *a, size_t n_bytes, struct pxr_diag *diag)
{
    uint64_t expected = a->item_bytes;
    for (unsigned i = 0; i < a->n_axes; i++)
        if (!pxr_mul_u64(expected, a->axes[i], &expected))
            expected = UINT64_MAX;
    const uint64_t found = n_bytes - a->data_off_bytes;
    if (found == expected)
        return PXR_OK;
    return pxr_fail_field(diag, found < expected ? PXR_E_TRUNCATED : PXR_E_CORRUPT,
                          found < expected ? n_bytes : a->data_off_bytes + expected, "data bytes", expected, found,
                          "the array's items do not fill the file");
}

enum pxr_err pxr_npy_array_parse(struct pxr_npy_array *out, const uint8_t *src, size_t n_bytes, struct pxr_diag *diag)
{
    struct pxr_npy_array a = {.n_axes = 0};
    if (n_bytes < 6 || memcmp(src, "\x93NUMPY", 6) != 0)
        return pxr_fail_at(diag, PXR_E_NOTPXR, 0, "does not begin like an NPY file");
    if (n_bytes < 12)
        return pxr_fail_at(diag, PXR_E_TRUNCATED, n_bytes, "the file ends within the NPY header");
    if (src[6] < 1 || src[6] > 3)
        return pxr_fail_field(diag, PXR_E_UNSUPPORTED, 6, "version", 3, src[6], "made for another version of NPY");
    const size_t fixed = src[6] == 1 ? 10 : 12;
    const uint64_t text_bytes = src[6] == 1 ? pxr_load_u16le(src + 8) : pxr_load_u32le(src + 8);
    if (text_bytes > MAX_HEADER_BYTES || !pxr_range_fits(fixed, text_bytes, n_bytes))
        return pxr_fail_field(diag, PXR_E_TRUNCATED, n_bytes, "header bytes", text_bytes, n_bytes - fixed,
                              "the file ends within the NPY header");
    a.data_off_bytes = fixed + (size_t)text_bytes;
    struct text t = {src, fixed, a.data_off_bytes, diag};
    enum pxr_err e = parse_text(&t, &a);
    if (e == PXR_OK)
        e = check_data(&a, n_bytes, diag);
    if (e == PXR_OK)
        *out = a;
    return e;
}
