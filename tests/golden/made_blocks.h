/* SPDX-License-Identifier: MIT
 * Many small blocks for predict: each shape, depth and content that makes its encoder choose otherwise.
 * Every sample is a function of the block's number and the sample's place. */
#ifndef PXR_TESTS_MADE_BLOCKS_H
#define PXR_TESTS_MADE_BLOCKS_H

#include "block.h"

struct made_block {
    struct pxr_block_shape shape;
    unsigned largest; /* sample */
    unsigned content;
    uint8_t *pixels; /* native byte order, without gaps */
};

unsigned made_blocks_count(void);
/* Free pixels with pxr_free. */
struct made_block made_block(unsigned number);
const char *made_block_name(const struct made_block *m);

/* Encode by prediction, whatever it costs.  false: failed. */
bool made_block_encode(const struct made_block *m, struct pxr_buffer *header, struct pxr_buffer *payload);
/* Encode as asked: the block may be stored, or constant, instead. */
bool made_block_encode_as(const struct made_block *m, enum pxr_codec codec, struct pxr_buffer *header,
                          struct pxr_buffer *payload);

#endif
