/* SPDX-License-Identifier: MIT
 * Codec 3: fitted spatiotemporal prediction and context-coded residuals.  docs/format.md, "Codec 3". */
#ifndef PXR_CODEC_PREDICT_H
#define PXR_CODEC_PREDICT_H

#include "codec.h"

enum {
    PXR_PREDICT_TILE = 64,      /* columns of a half, 128 of the frame, that share weights */
    PXR_PREDICT_TILE_ROWS = 64,
    PXR_PREDICT_INTER_TAPS = 16,
    PXR_PREDICT_INTRA_TAPS = 6,
    PXR_PREDICT_GROUPS = 4,     /* 0: no reference; 1, 2, 3: references at 4 or more, 2, 1 frames */
    PXR_PREDICT_FEATURES = 10,
    PXR_PREDICT_LEVELS = 16,    /* of activity; one threshold fewer */
    PXR_PREDICT_FRACTIONS = 3,
    PXR_PREDICT_PHASE_CONTEXTS = PXR_PREDICT_LEVELS * PXR_PREDICT_FRACTIONS,
    PXR_PREDICT_CONTEXTS = 2 * PXR_PREDICT_PHASE_CONTEXTS,
    PXR_PREDICT_TABLE_BITS = 11,
    PXR_PREDICT_TABLE = 1 << PXR_PREDICT_TABLE_BITS,
    PXR_PREDICT_CELL_LOG2 = 3,  /* slots of a cell, of which a table has one entry */
    PXR_PREDICT_CELL = 1 << PXR_PREDICT_CELL_LOG2,
    PXR_PREDICT_MAX_SYMBOLS = 256,
    PXR_PREDICT_TOKENS = 64,    /* symbols of planes deeper than 8 bits */
    PXR_PREDICT_MAX_LANES = 64,
};

/* rANS states stay in [2^16, 2^32) between symbols; words have 16 bits. */
#define PXR_RANS_LOW ((uint32_t)1 << 16)

enum pxr_predict_order {
    PXR_ORDER_SEQUENTIAL = 0, /* frame t refers to t - 1 and t - 2 */
    PXR_ORDER_DYADIC = 1,
};
/* Reading a frame of a sequential block decodes all before it. */
enum { PXR_PREDICT_MAX_CHAIN = 64 };
enum { PXR_PREDICT_MOTION = 1, PXR_PREDICT_RANKS = 2 }; /* flags */

/* Weights of one tile and phase, in 1/64 (planes of up to 8 bits) or 1/256. */
struct pxr_predict_tile {
    int16_t w[PXR_PREDICT_INTER_TAPS];
    int32_t bias;
};

/* The same as vector kernels want them: pairs of weights, twice 2 x 8 or once 2 x 16 bits, and the bias that goes
 * with samples from which half of their type's range, 2^7 or 2^15, has been taken. */
struct pxr_predict_packed_tile {
    uint32_t pairs[PXR_PREDICT_INTER_TAPS / 2];
    int32_t bias, signed_bias;
};

/* What is said once per block. */
struct pxr_predict_model {
    enum pxr_predict_order order;
    uint8_t depth, shift, lanes_log2, flags;
    uint8_t feature_shift;     /* of magnitudes and differences, before they become bytes */
    uint8_t activity_shift[2]; /* [phase] */
    uint16_t offset;
    uint32_t n_frames, width_px, height_px;
    uint32_t n_tiles_x, n_tiles_y; /* n_tiles_x rounds up the even half */
    bool has_group[PXR_PREDICT_GROUPS];
    struct pxr_predict_tile *tiles; /* [group][phase][tile row][tile column] */
    struct pxr_predict_packed_tile *packed; /* made of tiles: pxr_predict_model_finish */
    uint8_t features[PXR_PREDICT_GROUPS][2][PXR_PREDICT_FEATURES];
    uint16_t calm[PXR_PREDICT_GROUPS][2]; /* activity where all features are 0; below 2^12 */
    uint8_t thresholds[2][PXR_PREDICT_LEVELS];  /* [phase]; the last is 255: no activity is above it */
    uint8_t levels[2][256];                     /* 3 x level of an activity; from thresholds */
    uint8_t table_of[2][64];                    /* [phase][3 x level + far]; below n_tables */
    unsigned n_tables;
    uint16_t *ranks;                            /* [2^16], value to sample; NULL: not used */
    uint16_t *rank_of;                          /* [2^16], sample to value */
    uint32_t n_ranks;
    uint16_t freq[PXR_PREDICT_CONTEXTS][PXR_PREDICT_MAX_SYMBOLS]; /* [table] */
    uint32_t n_cells;                           /* of each table; from freq */
};

static inline uint32_t pxr_predict_n_symbols(const struct pxr_predict_model *m)
{
    return m->depth <= 8 ? PXR_PREDICT_MAX_SYMBOLS : PXR_PREDICT_TOKENS;
}
static inline size_t pxr_predict_n_tiles(const struct pxr_predict_model *m)
{
    return (size_t)PXR_PREDICT_GROUPS * 2 * m->n_tiles_y * m->n_tiles_x;
}
/* The first tile of a row of tiles. */
static inline size_t pxr_predict_tile_row(const struct pxr_predict_model *m, unsigned group, unsigned phase,
                                          uint32_t tile_y)
{
    return ((size_t)(group * 2 + phase) * m->n_tiles_y + tile_y) * m->n_tiles_x;
}
static inline unsigned pxr_predict_n_taps(unsigned group)
{
    return group ? PXR_PREDICT_INTER_TAPS : PXR_PREDICT_INTRA_TAPS;
}

/* Frame f of n: its group, and the frames it refers to.  Frame 0 refers to none. */
struct pxr_predict_refs {
    unsigned group;
    uint32_t ref[2]; /* may be equal */
};
struct pxr_predict_refs pxr_predict_refs_of(enum pxr_predict_order order, uint32_t frame, uint32_t n);

/* Whether no sum of a prediction can leave 16 bits (planes of up to 8 bits) or 32, and no pair of neighbouring
 * taps 16 bits: instruction sets saturate differently. */
bool pxr_predict_tile_fits(const struct pxr_predict_tile *t, unsigned n_taps, uint8_t depth);
/* The same for the weights of features: with a calm activity below 2^12 no sum can leave 16 bits. */
bool pxr_predict_features_fit(const uint8_t w[PXR_PREDICT_FEATURES]);

/* ---- predict_model.c: models as bytes ----------------------------------------------------------- */

enum { PXR_PREDICT_FIXED_BYTES = 12 };
/* Set everything that follows from the shape; the model must be new or have been through fini.
 * false: no memory. */
bool pxr_predict_model_init(struct pxr_predict_model *m, const struct pxr_block_shape *shape);
void pxr_predict_model_fini(struct pxr_predict_model *m);
bool pxr_predict_model_store(const struct pxr_predict_model *m, struct pxr_buffer *out);
/* m: initialised.  CORRUPT: what a writer cannot have written. */
enum pxr_err pxr_predict_model_load(struct pxr_predict_model *m, const struct pxr_block_header *h,
                                    struct pxr_diag *diag);
/* Derive packed tiles from tiles, and levels from thresholds. */
void pxr_predict_model_pack_tiles(struct pxr_predict_model *m);
void pxr_predict_model_set_levels(struct pxr_predict_model *m);
/* How many cells each table has, from frequencies: as many as the one that has the fewest whole ones. */
void pxr_predict_model_set_cells(struct pxr_predict_model *m);
/* Begin to use ranks, then name the samples that occur, from the least on.  false: no memory. */
bool pxr_predict_model_new_ranks(struct pxr_predict_model *m);
void pxr_predict_model_add_rank(struct pxr_predict_model *m, uint16_t sample);
/* Round frequencies to what a header can say; counts with a sum of 0 give a table of symbol 0. */
void pxr_predict_normalise(const uint32_t *counts, unsigned n_symbols, uint16_t *freq);

/* ---- kernels: everything that runs per sample --------------------------------------------------- */

/* Rows live as two halves, even and odd columns, with room around them so that every tap can be loaded. */
enum { PXR_ROW_MARGIN = 64 };

/* Samples from the beginning of the even half to that of the odd one. */
static inline size_t pxr_predict_half(uint32_t width_px)
{
    return (size_t)pxr_round_up_u64((width_px + 1) / 2, PXR_PREDICT_TILE) + 2 * PXR_ROW_MARGIN;
}
/* Memory of a worker: nine rows of samples and two of magnitudes, what a half row needs (two more of samples, two of
 * bytes), and one row of samples as they lie in the container. */
static inline size_t pxr_predict_row_bytes(uint32_t width_px)
{
    const size_t half = pxr_predict_half(width_px), n = half + PXR_PREDICT_MAX_LANES;
    return 9 * 2 * half * 2 + 2 * 2 * half + 2 * n * 2 + 2 * n + 2 * (size_t)width_px + 64;
}
/* Wider blocks are not predicted: that memory would pass 100 MiB. */
enum { PXR_PREDICT_MAX_WIDTH = 1 << 22 };
/* Bytes behind the words (of the tail) that decode may touch before it sees that they have ended: a row of symbols and
 * raw bits. */
static inline size_t pxr_predict_overread(uint32_t width_px)
{
    return 4 * (pxr_predict_half(width_px) + PXR_PREDICT_MAX_LANES) + 64;
}

/* How far a tile of a reference has moved, in samples. */
struct pxr_predict_motion {
    int8_t x, y;
};

/* Rows of container samples: a frame or a reference. */
struct pxr_predict_rows {
    const uint8_t *first;
    size_t stride_bytes;
    const struct pxr_predict_motion *motion; /* [tile row][tile column]; NULL: none */
};

/* The symbols of a unit: states of all lanes, and words.  The last tail_bytes of these, pxr_predict_overread or all, stand
 * once more in tail, with pxr_predict_overread readable bytes behind them. */
struct pxr_predict_stream {
    const uint8_t *states, *words, *tail;
    size_t n_bytes, tail_bytes; /* of the words */
};

/* A frame and what it refers to (nothing in group 0).  Decoders do not use x. */
struct pxr_predict_frame {
    unsigned group;
    uint8_t bits; /* of the container */
    struct pxr_predict_rows x, ref[2];
};

/* Sums of weighted products of values i <= k, each in 16 parts that are added up in one order: the same on every
 * machine, whatever the length of its vectors. */
enum { PXR_SUM_PARTS = 16 };
#define PXR_N_PRODUCTS(n_values) ((n_values) * ((n_values) + 1) / 2)

/* Normal equations of one tile: value 0 is the target minus the anchor, the others are taps minus the anchor.
 * Sums of weight, and of weight x target and weight x taps (not minus the anchor), for the bias. */
enum { PXR_FIT_VALUES = PXR_PREDICT_INTER_TAPS + 1 };
struct pxr_predict_sums {
    float products[PXR_N_PRODUCTS(PXR_FIT_VALUES)][PXR_SUM_PARTS];
    float values[PXR_FIT_VALUES][PXR_SUM_PARTS], base[PXR_SUM_PARTS], weight[PXR_SUM_PARTS];
};

/* The same for the activity's fit: value 0 is |residual|, then come the features and a one. */
enum { PXR_ACTIVITY_VALUES = PXR_PREDICT_FEATURES + 2 };
struct pxr_predict_activity {
    float products[PXR_N_PRODUCTS(PXR_ACTIVITY_VALUES)][PXR_SUM_PARTS];
};
/* Where the products of values i <= k are. */
static inline unsigned pxr_product(unsigned i, unsigned k) { return k * (k + 1) / 2 + i; }
static inline double pxr_sum_parts(const float parts[PXR_SUM_PARTS])
{
    double sum = 0;
    for (unsigned i = 0; i < PXR_SUM_PARTS; i++)
        sum += (double)parts[i];
    return sum;
}

/* 16-bit samples of a caller stand wherever they stand. */
typedef uint16_t __attribute__((aligned(1), may_alias)) pxr_unaligned16;

/* How symbols are put, by [context][symbol]: frequency | number of the first cell << 12 | what is added to a rest behind the
 * cells << 21.  Behind the contexts comes one that leaves states as they are, for lanes without a sample: symbol 0. */
struct pxr_predict_coders {
    uint32_t n_coarse; /* slots that lie in cells */
    uint32_t of[PXR_PREDICT_CONTEXTS + 1][PXR_PREDICT_MAX_SYMBOLS];
    uint64_t reciprocals[PXR_PREDICT_TABLE + 1]; /* of frequencies, in 1/2^PXR_PREDICT_RECIPROCAL_BITS, rounded up */
};
/* States below f x 2^21 are divided by f: with 2^43 / f, rounded up, the product fits 64 bits and the quotient is exact
 * (the error of the reciprocal is below f <= 2^11, times a state below 2^32). */
enum { PXR_PREDICT_RECIPROCAL_BITS = 43 };

/* One set for each CPU level; all give the same bits.  Margins are where they are named: in row_scratch
 * (pxr_predict_row_bytes, aligned to two bytes) and behind the tail.  Nothing else is touched beyond its end. */
struct pxr_predict_kernels {
    /* Decode one unit into dst (container samples, no gaps).  false: it is not what an encoder makes. */
    bool (*decode)(const struct pxr_predict_model *m, const uint32_t *tables,
                   const struct pxr_predict_frame *f, const struct pxr_predict_stream *stream,
                   uint8_t *row_scratch, uint8_t *dst);
    /* Tables (by the model's table_of) and folded residuals (uint8_t or uint16_t) of a whole frame, row by row,
     * even half then odd half. */
    void (*scan)(const struct pxr_predict_model *m, const struct pxr_predict_frame *f,
                 uint8_t *row_scratch, uint8_t *tables, void *residuals);
    /* Add every row_step-th row's samples of a row of tiles to sums[2][n_tiles_x], from row_phase on. */
    void (*fit)(const struct pxr_predict_model *m, const struct pxr_predict_frame *f, uint32_t tile_y,
                uint32_t row_step, uint32_t row_phase, float robust, uint8_t *row_scratch,
                struct pxr_predict_sums *sums);
    /* Add samples of every row_step-th row to the activity's sums (counts == NULL), or count
     * activities before they are shifted, by floor(log2) and four bits behind the first one
     * (counts[phase][256]). */
    void (*activity)(const struct pxr_predict_model *m, const struct pxr_predict_frame *f,
                     uint32_t row_step, uint32_t row_phase, uint8_t *row_scratch,
                     struct pxr_predict_activity sums[2], uint32_t (*counts)[256]);
    /* Sum of absolute differences of n container samples, at most 2^15. */
    uint64_t (*distance)(const uint8_t *a, const uint8_t *b, size_t n, uint8_t bits);
    /* Put one half row, backwards: n folded residuals (uint8_t or uint16_t) and their contexts.  x: the states of all
     * lanes.  Words are written downwards from to; returns where they begin.  32 bytes below that may be touched. */
    uint8_t *(*put)(const struct pxr_predict_coders *coders, const uint8_t *contexts, const void *z, size_t n,
                    size_t lanes, uint32_t *x, uint8_t *to);
};

extern const struct pxr_predict_kernels pxr_predict_portable[2]; /* [depth > 8] */
#if defined(__x86_64__)
extern const struct pxr_predict_kernels pxr_predict_avx2[2];
extern const struct pxr_predict_kernels pxr_predict_avx512[2];
#elif defined(__aarch64__) && defined(__AARCH64EL__)
extern const struct pxr_predict_kernels pxr_predict_neon[2];
#endif
/* The one place where a level is chosen. */
const struct pxr_predict_kernels *pxr_predict_kernels_for(const struct pxr_predict_model *m);

/* ---- folded residuals as symbols ---------------------------------------------------------------- */

/* Planes deeper than 8 bits: values below 16 stand for themselves, above it exponent and two more bits;
 * the rest is raw. */
static inline uint32_t pxr_token_of(uint32_t z)
{
    if (z < 16)
        return z;
    const unsigned e = 31 - (unsigned)__builtin_clz(z);
    return 16 + (e - 4) * 4 + (z >> (e - 2) & 3);
}
static inline unsigned pxr_token_raw_bits(uint32_t token) { return token < 16 ? 0 : (token - 16) / 4 + 2; }
/* What stands before the raw bits: z = head << raw bits | raw. */
static inline uint32_t pxr_token_head(uint32_t token) { return token < 16 ? token : 4 | (token & 3); }

/* A decoding table has an entry for each cell of eight slots, then one for each slot behind the cells: symbol |
 * frequency << 8 | what is taken from the slot << 20.  Of planes deeper than 8 bits the symbol is what kernels need of a
 * token: head | raw bits << 4.  Tables lie one behind the other.  (An entry for each of all slots would be simpler, but
 * tables of 8 KiB leave the first cache all the time.) */
void pxr_predict_build_tables(const struct pxr_predict_model *m, uint32_t *tables);
enum { PXR_PREDICT_N_SLOTS = (PXR_PREDICT_CONTEXTS + 1) * PXR_PREDICT_TABLE };

/* The tables as kernels see them: of slot s the entry is max(s / 8, s - n_skipped). */
struct pxr_predict_slots {
    const uint32_t *entries;
    uint32_t n_each, n_skipped;
};
static inline struct pxr_predict_slots pxr_predict_slots_of(const struct pxr_predict_model *m, const uint32_t *tables)
{
    const uint32_t skipped = m->n_cells * (PXR_PREDICT_CELL - 1);
    return (struct pxr_predict_slots){tables, PXR_PREDICT_TABLE - skipped, skipped};
}
/* How symbols are put: what is the same for all models, once; then from the model's frequencies. */
void pxr_predict_coders_init(struct pxr_predict_coders *c);
void pxr_predict_set_coders(const struct pxr_predict_model *m, struct pxr_predict_coders *c);

/* ---- motion of a unit, as bytes ----------------------------------------------------------------- */

struct pxr_bit_reader;
struct pxr_bit_writer;
/* n tiles of one reference.  Reading: false if a number is out of range. */
void pxr_predict_put_motion(struct pxr_bit_writer *w, const struct pxr_predict_motion *motion, size_t n);
bool pxr_predict_get_motion(struct pxr_bit_reader *r, struct pxr_predict_motion *motion, size_t n);

/* ---- encoders and decoders ---------------------------------------------------------------------- */

/* predict_encode.c */
enum pxr_err pxr_predict_encode(pxr_block_encoder *e, const struct pxr_block_source *s,
                                struct pxr_buffer *header, struct pxr_buffer *payload,
                                struct pxr_diag *diag);

/* Made when the first predict block comes. */
void pxr_predict_decoder_free(struct pxr_predict_decoder *d);
void pxr_predict_encoder_free(struct pxr_predict_encoder *e);

#endif
