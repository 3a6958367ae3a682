/* SPDX-License-Identifier: MIT
 * Units of a block in an order in which each comes after those that it refers to. */
#ifndef PXR_TESTS_UNIT_ORDER_H
#define PXR_TESTS_UNIT_ORDER_H

#include "block.h"

/* The first unit that is not done and whose references are; n_units: all are done.  *from is where to
 * begin, 0 at first. */
static inline uint32_t unit_next(const struct pxr_block_header *h, const bool *done, uint32_t *from)
{
    while (*from < h->n_units && done[*from])
        ++*from;
    for (uint32_t u = *from; u < h->n_units; u++) {
        uint32_t refs[2];
        const unsigned n = done[u] ? 0 : pxr_block_unit_refs(h, u, refs);
        if (!done[u] && (n < 1 || done[refs[0]]) && (n < 2 || done[refs[1]]))
            return u;
    }
    return h->n_units;
}

/* The states of a unit's references in an array of states of equal size. */
static inline void unit_states(const struct pxr_block_header *h, uint32_t unit, const uint8_t *states,
                               const void *refs[2])
{
    uint32_t r[2];
    const unsigned n = pxr_block_unit_refs(h, unit, r);
    const size_t each = pxr_block_unit_state_bytes(h, 0);
    for (unsigned i = 0; i < 2; i++)
        refs[i] = i < n ? states + r[i] * each : NULL;
}

#endif
