/* SPDX-License-Identifier: MIT
 * Many small blocks: each shape, depth and content that makes an encoder choose otherwise.
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

/* Encode with this codec (predict, match, adaptive or sorted), whatever it costs.  false: failed. */
bool made_block_encode(const struct made_block *m, enum pxr_block_codec codec, struct pxr_buffer *header,
                       struct pxr_buffer *payload);

#endif
