/* SPDX-License-Identifier: MIT
 * Each rule of docs/format.md for match, adaptive and sorted blocks, and how to break it and no other. */
#ifndef PXR_TESTS_BROKEN_RULES_H
#define PXR_TESTS_BROKEN_RULES_H

#include "forged_block.h"

struct broken_rule {
    unsigned codecs; /* bit i: of codec i */
    const char *name;
    bool (*breaks)(struct forged *b); /* a valid block; false: this one cannot break it */
    unsigned n_broken;                /* for the caller to count */
};
extern struct broken_rule broken_rules[];
extern const unsigned n_broken_rules;

#endif
