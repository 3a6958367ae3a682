/* SPDX-License-Identifier: MIT
 * Codec 4: which neighbour a sample equals, under adaptive contexts.  docs/format.md, "Codec 4". */
#ifndef PXR_CODEC_MATCH_H
#define PXR_CODEC_MATCH_H

#include "codec.h"

enum {
    PXR_MATCH_FIXED_BYTES = 2,
    PXR_MATCH_MAX_CANDIDATES = 5,
    PXR_MATCH_MIN_TABLE_BITS = 4,
    PXR_MATCH_MAX_TABLE_BITS = 14,
    PXR_MATCH_INPUTS = 6,        /* predictions that are mixed for "is it this candidate?" */
    PXR_MATCH_ESCAPE_INPUTS = 4, /* and for the bits of a value that no candidate has      */
    PXR_MATCH_TABLES = PXR_MATCH_INPUTS + 2, /* escapes share two */
    PXR_MATCH_KINDS = 3,         /* of frames: no reference, one, two */
    PXR_MATCH_SETS = PXR_MATCH_KINDS * PXR_MATCH_MAX_CANDIDATES * 9,
    PXR_MATCH_BINS = 64,         /* of escapes */
    PXR_MATCH_MAX_MV = 127,
    PXR_MATCH_PAD = 8,           /* samples before and behind a row: contexts look two of them far */
};

/* Places of the directly coded contexts. */
enum {
    PXR_MATCH_AT_SAME = 0,
    PXR_MATCH_AT_INTRA = 1,
    PXR_MATCH_AT_MOVED = 2,  /* and 3: one per reference */
    PXR_MATCH_AT_SPAN = 4,   /* [kind][bit length of the span][the last one was clean] */
    PXR_MATCH_AT_HALF = PXR_MATCH_AT_SPAN + PXR_MATCH_KINDS * 64,  /* [kind][bit length] */
    PXR_MATCH_AT_LOW = PXR_MATCH_AT_HALF + PXR_MATCH_KINDS * 32,   /* [exponent][bit] */
    PXR_MATCH_N_DIRECT = PXR_MATCH_AT_LOW + 17 * 16,
};

/* What a decoder has learnt after a unit; kept behind the unit's samples for those that refer to it. */
struct pxr_match_state {
    int32_t weights[PXR_MATCH_SETS][PXR_MATCH_INPUTS]; /* 1/65536 */
    int32_t escape_weights[PXR_MATCH_BINS][PXR_MATCH_ESCAPE_INPUTS];
    uint32_t direct[PXR_MATCH_N_DIRECT]; /* probability of a 1 (22 bits), number of bits seen (10) */
    uint16_t slots[]; /* PXR_MATCH_TABLES << table_bits; probability of a 1 (12 bits), bits seen (4) */
};
static inline size_t pxr_match_state_bytes(uint8_t table_bits)
{
    return sizeof(struct pxr_match_state) + ((size_t)PXR_MATCH_TABLES * 2 << table_bits);
}

/* Functions of nothing, computed once. */
struct pxr_match_tables {
    uint16_t squash[4096];  /* of (x + 2048): the probability in 1/65536 whose logit is x / 256 */
    int16_t stretch[4096];  /* its inverse, of a probability in 1/4096 */
    uint16_t rate[1024];    /* 1 / (n + 1.6) in 1/65536 */
};

/* The values of a block in rising order. */
struct pxr_match_map {
    uint32_t n_ranks;
    uint16_t *value_of; /* 2^bits entries */
    uint16_t *rank_of;  /* 2^bits entries; 0 where the block does not have the value */
};

struct pxr_match_mode {
    bool is_numeric;  /* values are distances from a prediction, not labels */
    bool is_textured; /* a place may be quiet although its surroundings differ */
    uint8_t n_candidates, table_bits;
};

/* Binary range coder: encoder or decoder, by the functions that use it. */
struct pxr_match_coder {
    uint32_t range;
    /* decoder */
    uint32_t code;
    const uint8_t *src;
    size_t src_bytes, n_read; /* n_read may exceed src_bytes: zeros follow */
    /* encoder: low has 33 bits; the last byte is held back, and behind it n_ones bytes of 255 */
    uint64_t low, n_ones;
    uint8_t held;
    bool has_held, is_out_of_memory;
    struct pxr_buffer *out;
};

/* A unit on its way, in either direction. */
struct pxr_match_unit {
    const struct pxr_match_tables *tables;
    const struct pxr_match_map *map;
    struct pxr_match_mode mode;
    struct pxr_match_state *state;
    struct pxr_match_coder coder;
    uint32_t width_px, height_px;
    uint8_t bits;
    unsigned n_refs; /* 0, 1 or 2: different ones */
    struct {
        const uint8_t *samples;
        size_t stride_bytes;
        int dx, dy; /* this sample's place minus that of the one it is compared with */
    } refs[2];
    bool is_same;  /* all samples are those of reference 0 */
    bool is_intra; /* references are not looked at */
    const uint8_t *src; /* encoder: the samples */
    uint8_t *dst;       /* decoder: their place */
    size_t stride_bytes;
    uint8_t *scratch; /* pxr_match_scratch_bytes */
    uint64_t n_mixed; /* bits that were mixed: how large tables should be */
    bool is_damaged;
};
static inline size_t pxr_match_scratch_bytes(uint32_t width_px)
{
    return ((size_t)width_px + 2 * PXR_MATCH_PAD) * (9 * 2 + 2);
}

/* Everything that runs per sample: [encoding][16 bits].  Margins are in scratch alone (aligned to two bytes). */
typedef void (*pxr_match_walker)(struct pxr_match_unit *u);
extern const pxr_match_walker pxr_match_walk_portable[2][2];
#if defined(__x86_64__)
extern const pxr_match_walker pxr_match_walk_avx2[2][2];
#endif
/* That of this machine, or of the limit that is set. */
pxr_match_walker pxr_match_walk_now(bool is_encoder, uint8_t bits);

/* ---- match_model.c ------------------------------------------------------------------------------ */

void pxr_match_tables_init(struct pxr_match_tables *t);
void pxr_match_state_init(struct pxr_match_state *s, uint8_t table_bits);
/* value_of and rank_of: room for 2^bits entries.  The map as params behind the fixed bytes. */
bool pxr_match_map_store(const struct pxr_match_tables *t, const struct pxr_match_map *m, uint8_t bits,
                         struct pxr_buffer *out);
bool pxr_match_map_load(const struct pxr_match_tables *t, struct pxr_match_map *m, uint8_t bits,
                        const uint8_t *src, size_t src_bytes);

/* The largest table_bits of a shape: what is kept of a unit must not dwarf its samples. */
uint8_t pxr_match_most_table_bits(const struct pxr_block_shape *s);

/* The reference of a unit whose state it goes on with: 0 or 1. */
static inline unsigned pxr_match_parent(const uint32_t refs[2], unsigned n_refs)
{
    const uint32_t low0 = refs[0] & -refs[0], low1 = n_refs > 1 ? refs[1] & -refs[1] : 0;
    return low1 && (!low0 || low1 < low0);
}

/* ---- match_choose.c ----------------------------------------------------------------------------- */

/* Whether a block that another codec has brought down to `spent` bytes may be smaller with this one.  Nearly nothing to
 * count where it must be tried: each sample that is unlike all its neighbours costs some 6 bits, so 12 are a bound
 * that noise never reaches.  Where up to a third of the samples (of small blocks three quarters) is unlike, the cost is
 * estimated from a few rows: mostly within a fifth, and to gain less than an eighth is not worth the time (six times
 * that of predict, more with noise); but a small block with few such samples takes hardly any, and repeats itself more
 * than the estimate sees. */
enum pxr_err pxr_match_may_win(bool *may, pxr_block_encoder *e, const struct pxr_block_source *s, uint64_t spent,
                               struct pxr_diag *diag);

/* ---- match_encode.c ----------------------------------------------------------------------------- */

/* Whether an encoder takes it: what it keeps of each frame fits its memory. */
bool pxr_match_is_possible(const struct pxr_block_shape *s);

void pxr_match_decoder_free(struct pxr_match_decoder *d);
void pxr_match_encoder_free(struct pxr_match_encoder *e);
enum pxr_err pxr_match_encode(pxr_block_encoder *e, const struct pxr_block_source *s,
                              struct pxr_buffer *header, struct pxr_buffer *payload,
                              struct pxr_diag *diag);

#endif
