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
    PXR_PREDICT_MAX_FEATURE = 25, /* weight: 10 x 25 x 255 < 2^16 */
    PXR_PREDICT_LEVELS = 16,    /* of activity; one threshold fewer */
    PXR_PREDICT_FRACTIONS = 3,
    PXR_PREDICT_CONTEXTS = 2 * PXR_PREDICT_LEVELS * PXR_PREDICT_FRACTIONS,
    PXR_PREDICT_PAD = PXR_PREDICT_CONTEXTS, /* context of lanes behind the end of a row: no bits */
    PXR_PREDICT_TABLE_BITS = 11,
    PXR_PREDICT_TABLE = 1 << PXR_PREDICT_TABLE_BITS,
    PXR_PREDICT_MAX_SYMBOLS = 256,
    PXR_PREDICT_TOKENS = 64,    /* symbols of planes deeper than 8 bits */
    PXR_PREDICT_MAX_LANES = 64,
};

/* rANS states stay in [2^16, 2^32) between symbols; words have 16 bits. */
#define PXR_RANS_LOW ((uint32_t)1 << 16)

/* 0 is kept for a sequential order, which no version has yet. */
enum { PXR_ORDER_DYADIC = 1 };

/* Weights of one tile and phase, in 1/64 (planes of up to 8 bits) or 1/256. */
struct pxr_predict_tile {
    int16_t w[PXR_PREDICT_INTER_TAPS];
    int32_t bias;
};

/* What is said once per block. */
struct pxr_predict_model {
    uint8_t depth, shift, lanes_log2;
    uint8_t magnitude_shift; /* of the magnitudes that a reference is kept with */
    uint16_t offset;
    uint32_t width_px, height_px;
    uint32_t n_tiles_x, n_tiles_y; /* n_tiles_x rounds up the even half */
    bool has_group[PXR_PREDICT_GROUPS];
    struct pxr_predict_tile *tiles; /* [group][phase][tile row][tile column] */
    uint8_t features[PXR_PREDICT_GROUPS][2][PXR_PREDICT_FEATURES];
    uint32_t thresholds[2][PXR_PREDICT_LEVELS - 1]; /* [phase] */
    uint16_t freq[PXR_PREDICT_CONTEXTS][PXR_PREDICT_MAX_SYMBOLS];
};

static inline uint32_t pxr_predict_n_symbols(const struct pxr_predict_model *m)
{
    return m->depth <= 8 ? PXR_PREDICT_MAX_SYMBOLS : PXR_PREDICT_TOKENS;
}
static inline size_t pxr_predict_n_tiles(const struct pxr_predict_model *m)
{
    return (size_t)PXR_PREDICT_GROUPS * 2 * m->n_tiles_y * m->n_tiles_x;
}
static inline struct pxr_predict_tile *pxr_predict_tiles(const struct pxr_predict_model *m,
                                                         unsigned group, unsigned phase,
                                                         uint32_t tile_y)
{
    return m->tiles + ((size_t)(group * 2 + phase) * m->n_tiles_y + tile_y) * m->n_tiles_x;
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
struct pxr_predict_refs pxr_predict_refs_of(uint32_t frame, uint32_t n);

/* Predictions are summed in 16 bits (planes of up to 8 bits) or 32: no sum may leave them. */
enum { PXR_PREDICT_MAX_BIAS8 = 4096, PXR_PREDICT_MAX_BIAS16 = 1 << 24 };
bool pxr_predict_weights_fit(const int16_t *w, unsigned n, uint8_t depth);

/* The number that stands for a threshold in a header, and back: 5 significant bits. */
static inline uint32_t pxr_predict_threshold(uint8_t code)
{
    return (uint32_t)((uint64_t)(16 + (code & 15)) << (code >> 4) >> 3);
}

/* ---- predict_model.c: models as bytes ----------------------------------------------------------- */

enum { PXR_PREDICT_FIXED_BYTES = 8 };
/* Set everything that follows from the shape; m->tiles must be freed.  false: no memory. */
bool pxr_predict_model_init(struct pxr_predict_model *m, const struct pxr_block_shape *shape);
void pxr_predict_model_fini(struct pxr_predict_model *m);
bool pxr_predict_model_store(const struct pxr_predict_model *m, struct pxr_buffer *out);
/* m: initialised.  CORRUPT: what a writer cannot have written. */
enum pxr_err pxr_predict_model_load(struct pxr_predict_model *m, const struct pxr_block_header *h,
                                    struct pxr_diag *diag);
/* Round frequencies to what a header can say; counts with a sum of 0 give a table of symbol 0. */
void pxr_predict_normalise(const uint32_t *counts, unsigned n_symbols, uint16_t *freq);

/* ---- planes ------------------------------------------------------------------------------------- */

/* A frame of a block as two halves, even and odd columns, with room around them so that every tap can
 * be loaded.  Samples are uint8_t up to 8 bits of depth, else uint16_t. */
struct pxr_predict_plane {
    uint8_t *bytes; /* of row -2 */
    size_t half, stride; /* samples from the even half to the odd one; from row to row */
};
enum { PXR_PLANE_MARGIN = 64, PXR_PLANE_TOP = 2, PXR_PLANE_BOTTOM = 1 };

static inline size_t pxr_predict_half(uint32_t width_px)
{
    return (size_t)pxr_round_up_u64((width_px + 1) / 2, PXR_PREDICT_TILE) + 2 * PXR_PLANE_MARGIN;
}
/* Bytes of a plane's memory, with a little more than its rows. */
static inline uint64_t pxr_predict_plane_bytes(uint32_t width_px, uint32_t height_px, uint8_t depth)
{
    const uint64_t rows = (uint64_t)height_px + PXR_PLANE_TOP + PXR_PLANE_BOTTOM;
    return rows * 2 * pxr_predict_half(width_px) * (depth <= 8 ? 1 : 2) + 64;
}
/* Margins make planes of narrow frames many times as large as their samples: beyond this a block cannot be
 * predicted. */
#define PXR_PREDICT_MAX_PLANE_BYTES ((uint64_t)1 << 30)
/* Whether an encoder can: all planes of a block fit 2 GiB. */
bool pxr_predict_is_possible(const struct pxr_block_shape *s);

/* ---- kernels: everything that runs per sample --------------------------------------------------- */

/* Accumulated normal equations of one tile: row i holds products of value i with all; value 0 is the
 * target minus the anchor, the others are taps minus the anchor. */
enum { PXR_FIT_STRIDE = 32 };
struct pxr_predict_sums {
    float a[(PXR_PREDICT_INTER_TAPS + 1) * PXR_FIT_STRIDE];
    double weight, target, taps[PXR_PREDICT_INTER_TAPS];
};

/* Sums for the activity's fit: features and |residual|. */
struct pxr_predict_activity {
    double a[PXR_PREDICT_FEATURES][PXR_PREDICT_FEATURES], b[PXR_PREDICT_FEATURES];
};

/* 16-bit samples of a caller stand wherever they stand. */
typedef uint16_t __attribute__((aligned(1), may_alias)) pxr_unaligned16;

/* A frame and what it refers to. */
struct pxr_predict_frame {
    unsigned group;
    struct pxr_predict_plane planes[3]; /* the frame and its references; group 0: three times itself */
    /* Magnitudes of the references' residuals, >> magnitude_shift, at most 255: row by row, even half then
     * odd half.  NULL in group 0. */
    const uint8_t *magnitudes[2];
};

/* One set for each CPU level; all give the same bits. */
struct pxr_predict_kernels {
    /* Container samples of a frame (rows of stride_bytes) into a plane, with offset and shift; and all
     * margins, as a reference has them. */
    void (*load_plane)(const struct pxr_predict_model *m, uint8_t bits, const uint8_t *src,
                       size_t stride_bytes, const struct pxr_predict_plane *to);
    /* Decode one unit into planes[0], dst (container samples, no gaps) and magnitudes.  words: the rANS
     * words, with pxr_predict_overread readable bytes behind them.  false: they are not what an encoder
     * makes. */
    bool (*decode)(const struct pxr_predict_model *m, const uint32_t *tables,
                   const struct pxr_predict_frame *f, uint8_t bits, const uint8_t *states,
                   const uint8_t *words, size_t words_bytes, uint8_t *row_scratch, uint8_t *dst,
                   uint8_t *magnitudes);
    /* Folded residuals (uint8_t or uint16_t) of a whole frame, row by row, even half then odd half. */
    void (*residuals)(const struct pxr_predict_model *m, const struct pxr_predict_frame *f,
                      uint8_t *row_scratch, void *residuals);
    /* From folded residuals to the magnitudes that are kept. */
    void (*magnitudes)(const struct pxr_predict_model *m, const void *residuals, size_t n,
                       uint8_t *magnitudes);
    /* Contexts of a whole frame, in the same order; it needs the frame's residuals. */
    void (*contexts)(const struct pxr_predict_model *m, const struct pxr_predict_frame *f,
                     const void *residuals, uint8_t *row_scratch, uint8_t *contexts);
    /* Add every step_y-th row's samples of one tile to the sums. */
    void (*fit)(const struct pxr_predict_model *m, const struct pxr_predict_frame *f, unsigned phase,
                uint32_t tile_y, uint32_t tile_x, uint32_t row_step, uint32_t row_phase,
                float robust, struct pxr_predict_sums *sums);
    /* Add samples of a frame to the activity's sums (histogram == NULL), or count activities in classes
     * of pxr_predict_threshold codes (histogram[phase][256]). */
    void (*activity)(const struct pxr_predict_model *m, const struct pxr_predict_frame *f,
                     const void *residuals, uint32_t row_step, uint32_t row_phase,
                     uint8_t *row_scratch, struct pxr_predict_activity sums[2],
                     uint32_t (*histogram)[256]);
};
/* Bytes behind the words that decode may touch before it sees that they have ended: a row of symbols and
 * raw bits. */
static inline size_t pxr_predict_overread(uint32_t width_px)
{
    return 4 * (pxr_predict_half(width_px) + PXR_PREDICT_MAX_LANES) + 64;
}
/* Scratch of a row: predictions, fractions, contexts, residuals, two rows of magnitudes and two of the
 * references'. */
static inline size_t pxr_predict_row_bytes(uint32_t width_px)
{
    return 24 * (pxr_predict_half(width_px) + 2 * PXR_PREDICT_MAX_LANES) * 2;
}

extern const struct pxr_predict_kernels pxr_predict_portable[2]; /* [depth > 8] */
#if defined(__x86_64__)
extern const struct pxr_predict_kernels pxr_predict_avx2[2];
extern const struct pxr_predict_kernels pxr_predict_avx512[2];
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
static inline uint32_t pxr_token_base(uint32_t token)
{
    return token < 16 ? token : (4 | (token & 3)) << pxr_token_raw_bits(token);
}

/* A slot of a decoding table: symbol | frequency << 8 | (slot - first slot of the symbol) << 20. */
void pxr_predict_build_tables(const struct pxr_predict_model *m, uint32_t *tables);
enum { PXR_PREDICT_N_SLOTS = (PXR_PREDICT_CONTEXTS + 1) * PXR_PREDICT_TABLE };

/* ---- scratch ------------------------------------------------------------------------------------ */

/* predict_encode.c */
enum pxr_err pxr_predict_encode(pxr_block_encoder *e, const struct pxr_block_source *s,
                                struct pxr_buffer *header, struct pxr_buffer *payload,
                                struct pxr_diag *diag);

/* Of decoders and encoders; made when the first predict block comes. */
void pxr_predict_decoder_free(struct pxr_predict_decoder *d);
void pxr_predict_encoder_free(struct pxr_predict_encoder *e);

#endif
