/* SPDX-License-Identifier: MIT
 * Second decoders of the codecs 4 to 6, match, adaptive and sorted, written from docs/format.md and not from the
 * library.  (That of predict is independent_predict.h.) */
#ifndef PXR_TESTS_INDEPENDENT_H
#define PXR_TESTS_INDEPENDENT_H

#include "independent_predict.h"

/* Symbols from elsewhere than a unit's bytes: for a test that makes units.  A symbol is an interval [start, start +
 * size) of 0..2^bits - 1.  A bit with the probability p / 65536 of being 1 is one of 0..65535: 1 is [0, p).
 * Of sorted what is taken is (residual, class): counts are not looked at, and there is one unit. */
struct independent_draws {
    void (*begin_unit)(void *to, uint32_t unit);
    uint32_t (*roll)(void *to, unsigned bits); /* 0..2^bits - 1 */
    void (*took)(void *to, uint32_t start, uint32_t size, unsigned bits);
    void *to;
    bool is_wild; /* match: also draw ranks that do not exist */
};

/* How often something occurred, in all blocks that were decoded. */
struct independent_match_seen {
    unsigned same, intra, moved, clean_spans, broken_spans, candidates, ranks, numbers;
};
extern struct independent_match_seen independent_match_seen;

/* All samples of a block, frame by frame, row by row; samples has room for n_frames x height x width of them.
 * shape: what the archive expects.  Hashes of units are not looked at.  draws: NULL, or where symbols come from
 * instead of units, which then are not looked at.
 * Returns NULL, or what is wrong with the block. */
const char *independent_match(const struct independent_shape *shape, const uint8_t *header, size_t header_bytes,
                              const uint8_t *payload, size_t payload_bytes, const struct independent_draws *draws,
                              uint16_t *samples);
const char *independent_adaptive(const struct independent_shape *shape, const uint8_t *header, size_t header_bytes,
                                 const uint8_t *payload, size_t payload_bytes, const struct independent_draws *draws,
                                 uint16_t *samples);
/* Needs libzstd. */
const char *independent_sorted(const struct independent_shape *shape, const uint8_t *header, size_t header_bytes,
                               const uint8_t *payload, size_t payload_bytes, const struct independent_draws *draws,
                               uint16_t *samples);

#endif
