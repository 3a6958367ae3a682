/* SPDX-License-Identifier: MIT
 * Writing JSON into growing memory. */
#ifndef PXR_UTIL_JSON_H
#define PXR_UTIL_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zero-initialise, write, check is_failed once at the end, take text, pxr_json_fini.
 * key is NULL inside arrays and for the outermost value.  Strings must be UTF-8; bytes that are not
 * become U+FFFD.  Keys are literals and not escaped. */
struct pxr_json {
    char *text; /* NUL-terminated once something was written */
    size_t n_bytes, capacity;
    unsigned depth;
    bool needs_comma, is_failed;
    bool is_indented; /* set before the first call: one member a line */
};

void pxr_json_object(struct pxr_json *j, const char *key);
void pxr_json_end_object(struct pxr_json *j);
void pxr_json_array(struct pxr_json *j, const char *key);
void pxr_json_end_array(struct pxr_json *j);
void pxr_json_u64(struct pxr_json *j, const char *key, uint64_t v);
void pxr_json_i64(struct pxr_json *j, const char *key, int64_t v);
void pxr_json_real(struct pxr_json *j, const char *key, double v, int decimals);
void pxr_json_bool(struct pxr_json *j, const char *key, bool v);
void pxr_json_string(struct pxr_json *j, const char *key, const char *v, size_t v_bytes);
void pxr_json_text(struct pxr_json *j, const char *key, const char *v); /* NUL-terminated */
void pxr_json_hex(struct pxr_json *j, const char *key, const uint8_t *v, size_t v_bytes);
/* A value that is JSON text already; line breaks in it become spaces.  Anything else becomes a
 * string. */
void pxr_json_verbatim(struct pxr_json *j, const char *key, const char *v, size_t v_bytes);
void pxr_json_fini(struct pxr_json *j);

/* One JSON value (RFC 8259) in well-formed UTF-8 with white space around it, nested at most 64 deep.
 * Where it is not, *off_bytes is the first byte that does not fit. */
bool pxr_json_is_valid(const char *text, size_t n_bytes, size_t *off_bytes);

#endif
