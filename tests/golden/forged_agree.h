/* SPDX-License-Identifier: MIT
 * A block that may be valid or damaged, decoded by the library at every CPU level. */
#ifndef PXR_TESTS_FORGED_AGREE_H
#define PXR_TESTS_FORGED_AGREE_H

#include "block.h"
#include "codec.h"
#include "cpu.h"
#include "forge_predict.h"
#include "unit_order.h"

#include <stdio.h>
#include <stdlib.h>

/* What the library sees of it, and what messages call it. */
struct suspect {
    struct pxr_block_shape shape;
    enum pxr_block_codec codec;
    const struct pxr_buffer *header, *payload;
    uint64_t number;
};

static inline void *get(size_t n_bytes)
{
    void *const p = calloc(1, n_bytes ? n_bytes : 1);
    if (!p)
        abort();
    return p;
}

/* At the CPU level that is set.  false: refused.  Units come from memory of their exact lengths. */
static inline bool library_takes(const struct suspect *b, uint8_t *pixels)
{
    static pxr_block_decoder *d; /* one for all: making its memory anew would take most of the time */
    struct pxr_block_header h;
    if (pxr_block_header_parse(&h, b->header->bytes, b->header->n_bytes, &b->shape, 0, NULL) != PXR_OK ||
        h.codec != b->codec || h.header_bytes != b->header->n_bytes || h.payload_bytes != b->payload->n_bytes ||
        (!d && pxr_block_decoder_new(&d, NULL) != PXR_OK))
        return false;
    const size_t each = pxr_block_unit_state_bytes(&h, 0), n = pxr_block_unit_pixel_bytes(&h, 0);
    uint8_t *const states = get(h.n_units * each);
    bool *const done = get(h.n_units * sizeof *done), is_good = true;
    for (uint32_t from = 0, u; is_good && (u = unit_next(&h, done, &from)) < h.n_units; done[u] = true) {
        const struct pxr_block_unit at = pxr_block_unit_at(&h, u);
        uint8_t *const src = get(at.n_bytes);
        const void *refs[2];
        memcpy(src, b->payload->bytes + at.off_bytes, at.n_bytes);
        unit_states(&h, u, states, refs);
        is_good = pxr_block_unit_decode(d, &h, u, refs, src, at.n_bytes, states + u * each, NULL) == PXR_OK;
        memcpy(pixels + u * n, states + u * each, n);
        free(src);
    }
    free(done);
    free(states);
    return is_good;
}

/* Every level takes the block and makes pixels of it, or (NULL) none does. */
static inline bool levels_agree(const struct suspect *b, const uint8_t *pixels, const char *what)
{
    const size_t n = pxr_block_raw_bytes(&b->shape);
    uint8_t *const back = get(n);
    bool is_good = true;
    for (int level = 0; level < PXR_N_CPU_LEVELS; level++) {
        pxr_cpu_limit((enum pxr_cpu_level)level);
        const bool is_taken = library_takes(b, back);
        if (is_taken == (pixels != NULL) && (!is_taken || !memcmp(back, pixels, n)))
            continue;
        printf("block %llu, codec %u, %s, CPU level %d: %s\n", (unsigned long long)b->number, b->codec, what, level,
               is_taken == (pixels != NULL) ? "other samples" : is_taken ? "taken" : "refused");
        is_good = false;
    }
    free(back);
    return is_good;
}

static inline void flip(uint64_t *rng, uint8_t *bytes, size_t n_bytes)
{
    const uint32_t at = forge_below(rng, n_bytes);
    bytes[at] ^= (uint8_t)(1u << forge_below(rng, 8));
}

#endif
