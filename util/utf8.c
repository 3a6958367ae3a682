/* SPDX-License-Identifier: MIT
 * UTF-8, and which names may be file names. */
#include "utf8.h"

#include <stdint.h>

size_t pxr_utf8_char_bytes(const char *s, size_t n_bytes)
{
    const uint8_t *b = (const uint8_t *)s;
    if (!n_bytes)
        return 0;
    if (b[0] < 0x80)
        return 1;
    const size_t n = b[0] >= 0xF0 ? 4 : b[0] >= 0xE0 ? 3 : 2;
    if (b[0] < 0xC2 || b[0] > 0xF4 || n_bytes < n)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((b[i] & 0xC0) != 0x80)
            return 0;
    const bool is_overlong = (b[0] == 0xE0 && b[1] < 0xA0) || (b[0] == 0xF0 && b[1] < 0x90);
    const bool is_surrogate = b[0] == 0xED && b[1] >= 0xA0;
    const bool is_beyond = b[0] == 0xF4 && b[1] >= 0x90;
    return is_overlong || is_surrogate || is_beyond ? 0 : n;
}

const char *pxr_name_objection(const char *name, size_t n_bytes)
{
    if (!n_bytes)
        return "is empty";
    if (n_bytes > PXR_NAME_MAX_BYTES)
        return "is longer than 240 bytes";
    for (size_t i = 0; i < n_bytes;) {
        const size_t n = pxr_utf8_char_bytes(name + i, n_bytes - i);
        const unsigned char c = (unsigned char)name[i];
        if (!n)
            return "is not UTF-8";
        if (c == '/')
            return "contains a slash";
        if (c < 0x20 || c == 0x7F)
            return "contains a control character";
        i += n;
    }
    /* The view adds an extension, so "." and ".." could not do harm; refusing a dot at the end
     * covers them and what other systems strip. */
    if (name[n_bytes - 1] == '.' || name[n_bytes - 1] == ' ')
        return "ends with a dot or a space";
    return NULL;
}
