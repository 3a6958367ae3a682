/* SPDX-License-Identifier: MIT
 * Match, adaptive and sorted blocks that are valid and that no encoder would write: random parameters at the bounds of
 * what a reader must take, and any symbol at any place. */
#ifndef PXR_TESTS_FORGED_BLOCK_H
#define PXR_TESTS_FORGED_BLOCK_H

#include "adaptive.h"
#include "forged_agree.h"
#include "independent.h"
#include "match.h"
#include "sorted.h"

#include <stdlib.h>

/* What was drawn for a unit, and how. */
struct draw {
    uint32_t start, size;
    uint8_t bits;
};
struct script {
    uint64_t rng;
    uint32_t how; /* to draw: 0 lowest slots, 1 highest ones, 2 either, 3 long runs of either, others any */
    struct draw *draws;
    size_t n, room, *first, *end; /* of each unit; they come in any order */
    uint32_t unit;
};

struct forged {
    struct pxr_block_shape shape;
    enum pxr_block_codec codec;
    struct pxr_buffer params, header, payload;
    unsigned n_padding; /* unused bits of the last byte of params */
    uint8_t *pixels; /* what the independent decoder makes of it, as the library writes it */
    struct script script;
};

static inline void add(struct pxr_buffer *b, const void *bytes, size_t n_bytes)
{
    if (!pxr_buffer_add(b, bytes, n_bytes))
        abort();
}
static inline struct pxr_buffer copy_of(const struct pxr_buffer *b)
{
    struct pxr_buffer out = {0};
    add(&out, b->bytes, b->n_bytes);
    return out;
}

static inline size_t n_samples(const struct pxr_block_shape *s)
{
    return (size_t)s->n_frames * s->height_px * s->width_px;
}

static inline uint32_t n_units(const struct forged *b) { return b->codec == PXR_BLOCK_SORTED ? 1 : b->shape.n_frames; }

/* ---- blocks ------------------------------------------------------------------------------------- */

/* A block of a random shape; without zstd never a sorted one.  false: what should be valid is refused, which has been
 * printed.  To be freed in any case. */
bool forged_make(uint64_t seed, struct forged *b);
void forged_fini(struct forged *b);
/* A copy of what is in the file: nothing that was drawn, no pixels. */
struct forged forged_twin(const struct forged *b);
/* NULL, or why the independent decoder refuses the block. */
const char *forged_independent(const struct forged *b, const struct independent_draws *draws, uint8_t *pixels);

/* ---- its parts ---------------------------------------------------------------------------------- */

/* A header without entries of units, of the block's shape and params. */
void forged_begin_header(struct forged *b);
/* Draw and put all units.  is_wild: as of independent_draws.  NULL, or why the parameters or what was drawn are refused. */
const char *forged_draw(struct forged *b, bool is_wild, uint64_t seed);
/* What is passed, by one: the weights of a tile, its bias. */
enum excess { NO_EXCESS, EXCESS_WEIGHTS, EXCESS_BIAS };
/* New params. */
void forged_adaptive_params(uint64_t *rng, struct forged *b, enum excess excess);
/* Behind params: n values in rising order, beginning anywhere, with gaps. */
void forged_map(uint64_t *rng, struct forged *b, uint32_t n);

/* How a zstd frame of one raw block is written; docs/format.md, "Codec 2", has the rules. */
struct frame_style {
    uint32_t magic;
    unsigned descriptor; /* OR */
    int window;          /* -1: Single_Segment */
    unsigned size_flag;  /* 0: one byte, with Single_Segment; else none */
    int wrong_size;      /* added */
};
/* Behind the payload. */
void forged_put_frame(struct forged *b, const uint8_t *content, size_t n, const struct frame_style *style);

#endif
