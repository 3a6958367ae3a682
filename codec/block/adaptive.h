/* SPDX-License-Identifier: MIT
 * Codec 5: fitted prediction in raster order, corrected by contexts, with tables that learn.
 * docs/format.md, "Codec 5: adaptive". */
#ifndef PXR_CODEC_ADAPTIVE_H
#define PXR_CODEC_ADAPTIVE_H

#include "bitio.h"
#include "codec.h"

enum {
    PXR_ADAPTIVE_FIXED_BYTES = 8,
    PXR_ADAPTIVE_INTER_TAPS = 32,
    PXR_ADAPTIVE_INTRA_TAPS = 10,
    PXR_ADAPTIVE_SERIAL_TAPS = 2, /* W and WW: known only when the sample's turn comes */
    PXR_ADAPTIVE_BACKGROUND_TAPS = 5, /* the last ones */
    PXR_ADAPTIVE_GROUPS = 4,
    PXR_ADAPTIVE_FEATURES = 10,
    PXR_ADAPTIVE_FEATURE_BITS = 12,   /* of a weight: 10 x 4095 x 65535 < 2^32 */
    PXR_ADAPTIVE_Q = 10,              /* fraction bits of a prediction */
    PXR_ADAPTIVE_WEIGHT_Q = 8,        /* of a weight in the file */
    PXR_ADAPTIVE_MAX_WEIGHTS = 31 << PXR_ADAPTIVE_WEIGHT_Q, /* sum of |weights|: no sum leaves 32 bits */
    PXR_ADAPTIVE_MAX_BIAS = 1 << 24,
    PXR_ADAPTIVE_LEVELS = 24,
    PXR_ADAPTIVE_PHASES = 4,
    PXR_ADAPTIVE_RATIOS = 7,
    PXR_ADAPTIVE_TEXTURES = 64,
    PXR_ADAPTIVE_SYMBOLS = 32,
    PXR_ADAPTIVE_MAX_SHIFT = 10,      /* of a level's residuals */
    PXR_ADAPTIVE_PROB_BITS = 15,
    PXR_ADAPTIVE_LEARN = 24,          /* what one symbol adds to its count */
    PXR_ADAPTIVE_PRIOR = 8 * PXR_ADAPTIVE_LEARN,
    PXR_ADAPTIVE_MAX_TOTAL = 40000,
    PXR_ADAPTIVE_LEAST_WAIT = 4,      /* symbols between two rebuildings of a table */
    PXR_ADAPTIVE_MOST_WAIT = 32,
    PXR_ADAPTIVE_MAX_CHAIN = 33,      /* frames of a block in order 2 */
    PXR_ADAPTIVE_MARGIN = 8,          /* samples left and right of a plane's row */
    PXR_ADAPTIVE_BORDER = 2,          /* rows above and below */
    PXR_ADAPTIVE_MIN_TILE = 5,
    PXR_ADAPTIVE_MAX_TILE = 8,
};

enum pxr_adaptive_order {
    PXR_ADAPTIVE_DYADIC = 1,
    PXR_ADAPTIVE_MIDDLE = 2, /* two chains that start at the middle frame */
};

/* Weights of one tile, in 1/1024. */
struct pxr_adaptive_tile {
    int32_t w[PXR_ADAPTIVE_INTER_TAPS];
    int32_t bias;
};

/* Where frame f of n stands: what it refers to, and how many frames lie on the way back to the first. */
struct pxr_adaptive_place {
    unsigned group; /* 0: no reference */
    uint32_t ref[2];
    unsigned depth;
};
struct pxr_adaptive_place pxr_adaptive_place_of(enum pxr_adaptive_order order, uint32_t frame, uint32_t n);

/* Starts of the symbols' intervals out of 2^15, and the counts they are made of now and then. */
struct pxr_adaptive_table {
    uint16_t starts[PXR_ADAPTIVE_SYMBOLS], counts[PXR_ADAPTIVE_SYMBOLS];
    uint32_t total, wait;
};
#define PXR_ADAPTIVE_N_OWN (PXR_ADAPTIVE_LEVELS * PXR_ADAPTIVE_PHASES)
#define PXR_ADAPTIVE_N_SHARED (PXR_ADAPTIVE_LEVELS / 2 * PXR_ADAPTIVE_RATIOS * 2)
#define PXR_ADAPTIVE_N_BIASES (PXR_ADAPTIVE_LEVELS * PXR_ADAPTIVE_TEXTURES)

/* Everything that is learnt from sample to sample. */
struct pxr_adaptive_state {
    struct pxr_adaptive_table own[PXR_ADAPTIVE_N_OWN];       /* by level and phase          */
    struct pxr_adaptive_table shared[PXR_ADAPTIVE_N_SHARED]; /* by pair of levels and ratio */
    int32_t bias[PXR_ADAPTIVE_N_BIASES];                     /* in 1/16 of 1/1024           */
    uint8_t seen[PXR_ADAPTIVE_N_BIASES];
};

/* What a block's header says. */
struct pxr_adaptive_model {
    enum pxr_adaptive_order order;
    uint8_t bits, depth, shift, tile_log2, least_code, most_code;
    uint8_t fine;       /* magnitudes and features are in 1/2^fine levels */
    uint8_t background; /* extra bits of the background                  */
    uint16_t offset;
    uint32_t n_frames, width_px, height_px, n_tiles_x, n_tiles_y;
    bool has_group[PXR_ADAPTIVE_GROUPS];
    struct pxr_adaptive_tile *tiles; /* [group][row][column] */
    uint16_t features[PXR_ADAPTIVE_GROUPS][PXR_ADAPTIVE_FEATURES]; /* in 1/64 */
    uint8_t level_of[256];                      /* by code of the activity       */
    uint8_t level_shift[PXR_ADAPTIVE_LEVELS];   /* low bits of residuals, as is */
};

static inline unsigned pxr_adaptive_n_taps(unsigned group)
{
    return group ? PXR_ADAPTIVE_INTER_TAPS : PXR_ADAPTIVE_INTRA_TAPS;
}
static inline struct pxr_adaptive_tile *pxr_adaptive_tiles(const struct pxr_adaptive_model *m,
                                                           unsigned group, uint32_t tile_y)
{
    return m->tiles + ((size_t)group * m->n_tiles_y + tile_y) * m->n_tiles_x;
}

/* A logarithm with three bits behind the leading one. */
static inline unsigned pxr_adaptive_code(uint32_t a)
{
    if (a < 16)
        return a;
    const unsigned e = 31 - (unsigned)__builtin_clz(a);
    return (e - 2) * 8 + (a >> (e - 3) & 7);
}

/* ---- adaptive_model.c ---------------------------------------------------------------------------- */

/* Everything that follows from order, shape, bits, depth and tile_log2; tiles must be freed.  false: no memory. */
bool pxr_adaptive_model_init(struct pxr_adaptive_model *m, const struct pxr_block_shape *shape);
void pxr_adaptive_model_fini(struct pxr_adaptive_model *m);
/* Set what follows from least_code and most_code. */
void pxr_adaptive_set_levels(struct pxr_adaptive_model *m);
bool pxr_adaptive_weights_fit(const int32_t *w, unsigned n);
bool pxr_adaptive_model_store(const struct pxr_adaptive_model *m, struct pxr_buffer *out);
/* The fixed bytes of h have been checked.  CORRUPT: what a writer cannot have written. */
enum pxr_err pxr_adaptive_model_load(struct pxr_adaptive_model *m, const struct pxr_block_header *h,
                                     struct pxr_diag *diag);
void pxr_adaptive_state_init(const struct pxr_adaptive_model *m, struct pxr_adaptive_state *s);

/* ---- tables -------------------------------------------------------------------------------------- */

static inline void pxr_adaptive_rebuild(struct pxr_adaptive_table *t)
{
    const uint32_t room = (1u << PXR_ADAPTIVE_PROB_BITS) - PXR_ADAPTIVE_SYMBOLS;
    const uint32_t scale = (room << 16) / t->total;
    uint32_t sum = 0;
    for (unsigned i = 0; i < PXR_ADAPTIVE_SYMBOLS; i++) {
        t->starts[i] = (uint16_t)(i + (sum * scale >> 16)); /* at least 1 for each */
        sum += t->counts[i];
    }
}

/* ---- planes -------------------------------------------------------------------------------------- */

/* Memory of a plane of uint16_t: rows -2..height + 1, samples -8..width + 7. */
static inline size_t pxr_adaptive_stride(uint32_t width_px)
{
    return (size_t)width_px + 2 * PXR_ADAPTIVE_MARGIN;
}
static inline uint64_t pxr_adaptive_plane_bytes(uint32_t width_px, uint32_t height_px)
{
    return ((uint64_t)height_px + 2 * PXR_ADAPTIVE_BORDER) * pxr_adaptive_stride(width_px) * 2;
}
static inline uint16_t *pxr_adaptive_origin(uint8_t *plane, uint32_t width_px)
{
    return (uint16_t *)(void *)plane + PXR_ADAPTIVE_BORDER * pxr_adaptive_stride(width_px) +
           PXR_ADAPTIVE_MARGIN;
}
/* Repeat the first and last sample of a row, and the first and last row of a plane. */
void pxr_adaptive_edges(uint16_t *row, uint32_t width_px);
void pxr_adaptive_borders(uint16_t *plane, uint32_t width_px, uint32_t height_px);
/* Margins make planes of narrow frames many times as large as their samples: beyond this there is no block. */
static inline uint64_t pxr_adaptive_most_plane_bytes(uint32_t width_px, uint32_t height_px)
{
    return ((uint64_t)1 << 26) + 8 * (uint64_t)width_px * height_px;
}
/* Whether an encoder can: planes and states of all frames fit 2 GiB. */
bool pxr_adaptive_is_possible(const struct pxr_block_shape *s);

/* ---- kernels: everything that runs per sample ---------------------------------------------------- */

/* One frame on its way; planes point to their sample (0, 0). */
struct pxr_adaptive_frame {
    const struct pxr_adaptive_model *m;
    unsigned group;
    uint16_t *x;                             /* the frame                                       */
    const uint16_t *ref[2], *background;     /* group 0: not looked at                          */
    const uint16_t *calm;                    /* mean magnitudes of reference 0; group 0: none   */
    uint16_t *mean;                          /* those of this frame, for the ones that refer to it */
    struct pxr_adaptive_state *state;
    uint8_t *scratch;                        /* pxr_adaptive_scratch_bytes                      */
};
static inline size_t pxr_adaptive_scratch_bytes(uint32_t width_px)
{
    return pxr_adaptive_stride(width_px) * (2 * 2 + 2 * 4 + 1) + 64;
}

/* Sums for the fit of the activity, or how often each code of the activity occurs. */
struct pxr_adaptive_study {
    double a[PXR_ADAPTIVE_FEATURES][PXR_ADAPTIVE_FEATURES], b[PXR_ADAPTIVE_FEATURES];
    uint32_t *codes; /* NULL: sums; else 256 counters */
};

/* The background that a frame at this depth leaves to those that refer to it; before: the one it used itself
 * (depth 0: none).  All planes are whole, with borders. */
void pxr_adaptive_blend(const struct pxr_adaptive_model *m, unsigned depth, const uint16_t *x,
                        const uint16_t *before, uint16_t *after);
/* The rows above a frame before it is coded. */
void pxr_adaptive_begin_frame(const struct pxr_adaptive_frame *f);

/* Nothing is touched beyond the planes with their margins, scratch (aligned to four bytes), src and intervals. */
struct pxr_adaptive_kernels {
    /* The samples of a frame from a unit's bytes; false: these are not a unit. */
    bool (*decode)(struct pxr_adaptive_frame *f, const uint8_t *src, size_t src_bytes);
    /* Intervals (start << 16 | size) of everything that a unit says, in order; at most 3 per sample. */
    size_t (*encode)(struct pxr_adaptive_frame *f, uint32_t *intervals);
    /* Look without learning. */
    void (*study)(struct pxr_adaptive_frame *f, struct pxr_adaptive_study *s);
};
extern const struct pxr_adaptive_kernels pxr_adaptive_portable, pxr_adaptive_avx2;
const struct pxr_adaptive_kernels *pxr_adaptive_kernels_now(void);

/* Rows of the taps of one row of a frame: tap k of sample x is rows[k][x]. */
static inline void pxr_adaptive_tap_rows(const struct pxr_adaptive_frame *f, uint32_t y, const uint16_t **rows)
{
    enum { X, P, Q, B };
    static const struct { int8_t plane, dy, dx; } inter[PXR_ADAPTIVE_INTER_TAPS] = {
        {X, 0, -1}, {X, 0, -2}, {X, -1, 0}, {X, -1, -1}, {X, -1, 1}, {X, -1, -2}, {X, -1, 2}, {X, -2, 0},
        {X, -2, 1}, {P, 0, 0}, {P, 0, -1}, {P, 0, 1}, {P, -1, 0}, {P, 1, 0}, {P, -1, -1}, {P, -1, 1},
        {P, 1, -1}, {P, 1, 1}, {P, 0, -2}, {P, 0, 2}, {P, -2, 0}, {P, 2, 0}, {Q, 0, 0}, {Q, 0, -1},
        {Q, 0, 1}, {Q, -1, 0}, {Q, 1, 0}, {B, 0, 0}, {B, 0, -1}, {B, 0, 1}, {B, -1, 0}, {B, 1, 0},
    };
    static const int8_t intra[PXR_ADAPTIVE_INTRA_TAPS][2] = {{0, -1}, {0, -2}, {-1, 0}, {-1, -1}, {-1, 1},
                                                            {-1, -2}, {-1, 2}, {-2, 0}, {-2, 1}, {-2, -1}};
    const ptrdiff_t stride = (ptrdiff_t)pxr_adaptive_stride(f->m->width_px);
    const uint16_t *const planes[4] = {f->x, f->ref[0], f->ref[1], f->background};
    if (f->group)
        for (unsigned k = 0; k < PXR_ADAPTIVE_INTER_TAPS; k++)
            rows[k] = planes[inter[k].plane] + ((ptrdiff_t)y + inter[k].dy) * stride + inter[k].dx;
    else
        for (unsigned k = 0; k < PXR_ADAPTIVE_INTRA_TAPS; k++)
            rows[k] = f->x + ((ptrdiff_t)y + intra[k][0]) * stride + intra[k][1];
}
enum { PXR_ADAPTIVE_ANCHOR_INTER = 9, PXR_ADAPTIVE_ANCHOR_INTRA = 2 };

/* ---- adaptive_encode.c --------------------------------------------------------------------------- */

enum pxr_err pxr_adaptive_encode(pxr_block_encoder *e, const struct pxr_block_source *s,
                                 const struct pxr_block_opts *o, struct pxr_buffer *header,
                                 struct pxr_buffer *payload, struct pxr_diag *diag);
void pxr_adaptive_encoder_free(struct pxr_adaptive_encoder *e);
void pxr_adaptive_decoder_free(struct pxr_adaptive_decoder *d);

#endif
