/* SPDX-License-Identifier: MIT
 * Names as prefix, counter and suffix (docs/format.md, sections 8 and 10). */
#include "name.h"

#include "checksum.h"
#include "utf8.h"

#include <assert.h>
#include <string.h>

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

void pxr_name_split(struct pxr_name_split *out, const char *name, size_t n_bytes)
{
    assert(n_bytes <= PXR_NAME_MAX_BYTES);
    size_t end = n_bytes;
    while (end && !is_digit(name[end - 1]))
        end--;
    size_t start = end;
    while (start && is_digit(name[start - 1]) && end - start < PXR_NAME_MAX_DIGITS)
        start--;
    *out = (struct pxr_name_split){.prefix = name, .suffix = name + end};
    if (start == end) {
        out->prefix_bytes = (uint8_t)n_bytes;
        out->suffix = name + n_bytes;
        out->name_class = PXR_NAME_CLASS_PLAIN;
        return;
    }
    out->prefix_bytes = (uint8_t)start;
    out->suffix_bytes = (uint8_t)(n_bytes - end);
    out->name_class = end - start > 1 && name[start] == '0' ? (uint8_t)(end - start) : 0;
    for (size_t i = start; i < end; i++)
        out->counter = out->counter * 10 + (uint64_t)(name[i] - '0');
}

/* Behind n bytes of a name; what does not fit is left out. */
static size_t append(char *dst, size_t n, const char *part, size_t part_bytes)
{
    const size_t room = 255 - n, taken = part_bytes < room ? part_bytes : room;
    memcpy(dst + n, part, taken);
    return n + taken;
}

/* By hand: printf would be a third of what listing a frame costs. */
size_t pxr_name_join(const struct pxr_name_split *s, uint64_t step, char *dst)
{
    char digits[20];
    size_t first = sizeof digits;
    if (s->name_class != PXR_NAME_CLASS_PLAIN) {
        const size_t width = s->name_class < sizeof digits ? s->name_class : sizeof digits;
        for (uint64_t v = s->counter + step; v || first == sizeof digits; v /= 10)
            digits[--first] = (char)('0' + v % 10);
        while (sizeof digits - first < width)
            digits[--first] = '0';
    }
    size_t n = append(dst, 0, s->prefix, s->prefix_bytes);
    n = append(dst, n, digits + first, sizeof digits - first);
    n = append(dst, n, s->suffix, s->suffix_bytes);
    dst[n] = 0;
    return n;
}

uint64_t pxr_name_counter_end(uint8_t name_class)
{
    if (name_class == PXR_NAME_CLASS_PLAIN)
        return 1;
    uint64_t end = 1;
    for (int i = name_class ? 1 : 0; i < (name_class ? name_class : PXR_NAME_MAX_DIGITS); i++)
        end *= 10;
    return end;
}

bool pxr_name_continues(const struct pxr_name_split *a, uint64_t n_names,
                        const struct pxr_name_split *b)
{
    return a->name_class == b->name_class && a->name_class != PXR_NAME_CLASS_PLAIN &&
           b->counter == a->counter + n_names && a->prefix_bytes == b->prefix_bytes &&
           a->suffix_bytes == b->suffix_bytes && !memcmp(a->prefix, b->prefix, a->prefix_bytes) &&
           !memcmp(a->suffix, b->suffix, a->suffix_bytes);
}

uint64_t pxr_name_key(const struct pxr_name_split *s)
{
    uint8_t text[2 + 2 * 256];
    text[0] = s->name_class;
    text[1] = s->prefix_bytes;
    memcpy(text + 2, s->prefix, s->prefix_bytes);
    memcpy(text + 2 + s->prefix_bytes, s->suffix, s->suffix_bytes);
    return pxr_xxh3_64(text, 2u + s->prefix_bytes + s->suffix_bytes);
}
