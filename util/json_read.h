/* SPDX-License-Identifier: MIT
 * Reading small JSON texts: the members of an object, one after the other.
 *
 * Everything but pxr_json_check works on text that pxr_json_check has accepted, and on parts of it; so it cannot fail. */
#ifndef PXR_UTIL_JSON_READ_H
#define PXR_UTIL_JSON_READ_H

#include "pixelrain.h"

/* A value as it stands in the text, without white space around it; borrowed.  Its first byte tells its kind. */
struct pxr_json_text {
    const char *at;
    size_t n_bytes;
};

/* One JSON value (RFC 8259) in well-formed UTF-8, at most max_depth brackets deep (64 in any case), without a key that
 * an object has twice (escapes resolved).  *value is the text without the white space around it.
 * CORRUPT: it is not; diag says where, counted from the text's place in its file, off_bytes.  NOMEM. */
enum pxr_err pxr_json_check(const char *text, size_t n_bytes, unsigned max_depth, struct pxr_json_text *value,
                            uint64_t off_bytes, struct pxr_diag *diag);

/* Walk over an object (has_keys) or an array: start with *rest as the whole of it.  False: there are no more.
 * A key stands between quotes, escapes and all. */
bool pxr_json_next(struct pxr_json_text *rest, bool has_keys, struct pxr_json_text *key, struct pxr_json_text *value);
/* Find a member by a key without escapes; false: the object has none. */
bool pxr_json_find(struct pxr_json_text object, const char *key, struct pxr_json_text *value);

bool pxr_json_is(struct pxr_json_text t, const char *word); /* the same bytes: null, true, false */
bool pxr_json_is_string(struct pxr_json_text t, const char *expected); /* escapes resolved */
/* The characters of a string, in at most t.n_bytes bytes; not terminated.  Halves of surrogate pairs that stand
 * alone take three bytes, which are not UTF-8. */
size_t pxr_json_unescape(char *dst, struct pxr_json_text t);
/* A number without fraction and exponent that fits; false: it is none. */
bool pxr_json_to_u64(struct pxr_json_text t, uint64_t *v);
/* Any number; false: it is none, or too large for a finite one. */
bool pxr_json_to_real(struct pxr_json_text t, double *v);

#endif
