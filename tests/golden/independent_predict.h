/* SPDX-License-Identifier: MIT
 * A second decoder of codec 3, predict, written from docs/format.md and not from the library. */
#ifndef PXR_TESTS_INDEPENDENT_PREDICT_H
#define PXR_TESTS_INDEPENDENT_PREDICT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct independent_shape {
    uint32_t n_frames, height_px, width_px;
    unsigned bits;
};

/* What a block's header says, as far as a test wants to know. */
struct independent_block {
    struct independent_shape shape;
    unsigned order, depth, shift, lanes, groups;
    bool has_motion, has_ranks;
    unsigned n_tables, n_single_tables;
    uint32_t n_cells; /* of each table */
};

/* Slots of a symbol among 0..2^bits - 1, in the order of their offsets: n_first of them from `first` on, then n_second
 * from `second` on.  Raw bits are a symbol with one slot. */
struct independent_slots {
    uint32_t first, n_first, second, n_second;
    unsigned bits;
};

/* Symbols from elsewhere than a unit's bytes: for a test that makes units. */
struct independent_dice {
    void (*begin_unit)(void *to, uint32_t unit);
    uint32_t (*roll)(void *to, unsigned bits); /* 0..2^bits - 1 */
    void (*took)(void *to, unsigned lane, const struct independent_slots *symbol);
    void *to;
};

/* All samples of a predict block, frame by frame, row by row; samples has room for n_frames x height x
 * width of them.  shape: what the archive expects.  Hashes of units are not looked at.  dice: NULL, or where
 * symbols come from instead; units then hold their motion and states of 2^16.  Returns NULL, or what is wrong
 * with the block. */
const char *independent_decode(struct independent_block *out, const struct independent_shape *shape,
                               const uint8_t *header, size_t header_bytes, const uint8_t *payload,
                               size_t payload_bytes, const struct independent_dice *dice, uint16_t *samples);

#endif
