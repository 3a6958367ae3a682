/* SPDX-License-Identifier: MIT
 * Names as prefix, counter and suffix (docs/format.md, sections 8 and 10). */
#ifndef PXR_INDEX_NAME_H
#define PXR_INDEX_NAME_H

#include "pixelrain.h"

#define PXR_NAME_CLASS_PLAIN 255 /* no digits */
#define PXR_NAME_MAX_DIGITS 18

/* The one split of a name.  prefix and suffix borrow the name. */
struct pxr_name_split {
    const char *prefix, *suffix;
    uint8_t prefix_bytes, suffix_bytes;
    uint8_t name_class; /* 0: no leading zero; 2..18: digits, the first is zero; 255: plain */
    uint64_t counter;
};

/* n_bytes <= 240 (pxr_name_objection). */
void pxr_name_split(struct pxr_name_split *out, const char *name, size_t n_bytes);
/* Write the name with counter + step and a NUL; returns its length, at most 255.  dst: 256 bytes. */
size_t pxr_name_join(const struct pxr_name_split *s, uint64_t step, char *dst);
/* Whether the name of b is that of a, n_names further on, within the class. */
bool pxr_name_continues(const struct pxr_name_split *a, uint64_t n_names,
                        const struct pxr_name_split *b);
/* Counters of a class lie below this. */
uint64_t pxr_name_counter_end(uint8_t name_class);
uint64_t pxr_name_key(const struct pxr_name_split *s);

#endif
