/* SPDX-License-Identifier: MIT
 * UTF-8, and which names may be file names. */
#ifndef PXR_UTIL_UTF8_H
#define PXR_UTIL_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes of the well-formed character at s (RFC 3629: shortest form, no surrogates), or 0. */
size_t pxr_utf8_char_bytes(const char *s, size_t n_bytes);

#define PXR_NAME_MAX_BYTES 240 /* leaves room for an extension within the 255 of file systems */

/* A usable frame name: one path component of well-formed UTF-8, 1..240 bytes, no '/', no control
 * character, not "." or "..", no space or dot at its end.  NULL: it is; else why it is not. */
const char *pxr_name_objection(const char *name, size_t n_bytes);

#endif
