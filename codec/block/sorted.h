/* SPDX-License-Identifier: MIT
 * Codec 6: residuals of a fitted mix of neighbours, sorted by how lively their surroundings are, so that
 * zstd's Huffman codes fit them; docs/format.md, "Codec 6: sorted".  Only sorted*.c include this, and the envelope. */
#ifndef PXR_CODEC_SORTED_H
#define PXR_CODEC_SORTED_H

#include "codec.h"

enum {
    PXR_SORTED_TAPS = 8, /* N, NW, NE of this frame; C, N, S, W, E of the one before */
    PXR_SORTED_SEGMENT_BYTES = 32,
    PXR_SORTED_MAX_CLASSES = 16,
    PXR_SORTED_Q_8 = 6, /* weights are in 1/2^Q */
    PXR_SORTED_Q_16 = 10,
    PXR_SORTED_MOST_8 = 96, /* of the positive weights' sum, and of the negative ones' */
    PXR_SORTED_MOST_16 = 4096,
    PXR_SORTED_MOST_CONSTANT_8 = 8191,
    PXR_SORTED_MOST_CONSTANT_16 = 1 << 27,
    PXR_SORTED_MOST_ACTIVITY_8 = 65535, /* of what thresholds are compared with */
    PXR_SORTED_MOST_ACTIVITY_16 = 1 << 24,
    PXR_SORTED_MARGIN = 32, /* samples on each side of a row, more than any access behind its end */
};

struct pxr_sorted_mix {
    int16_t w[PXR_SORTED_TAPS];
    int32_t constant;
};

struct pxr_sorted_model {
    struct pxr_sorted_mix mix[2]; /* of frame 0; of the others */
    uint16_t start;               /* every sample before frame 0 */
    uint32_t n_classes;
    uint32_t thresholds[PXR_SORTED_MAX_CLASSES]; /* n_classes - 1, rising */
    uint32_t counts[PXR_SORTED_MAX_CLASSES];     /* samples of each class */
};

/* The rows that a row is predicted from: the one above; of the frame before the same, the one above, the one below. */
struct pxr_sorted_taps_8 {
    const uint8_t *above, *p, *p_above, *p_below;
};
struct pxr_sorted_taps_16 {
    const uint16_t *above, *p, *p_above, *p_below;
};

/* Where rows and activities of one block are kept while it is walked through. */
struct pxr_sorted_space {
    uint8_t *rows;       /* PXR_SORTED_ROWS rows of row_samples samples */
    uint8_t *activities; /* of two frames: height rows of activity_stride */
    uint8_t *contexts, *classes;
    size_t row_samples, activity_stride;
    uint32_t n_segments; /* of a row */
};
enum { PXR_SORTED_ROWS = 6 };

/* Sums of products of differences from the anchor, for the normal equations; the last one is the target. */
enum { PXR_SORTED_UNKNOWNS = 8, PXR_SORTED_PRODUCTS = (PXR_SORTED_UNKNOWNS + 1) * (PXR_SORTED_UNKNOWNS + 2) / 2 };
struct pxr_sorted_sums {
    double products[PXR_SORTED_PRODUCTS]; /* of i <= k at k (k + 1) / 2 + i */
};
/* Of which taps, in the order of unknowns; PXR_SORTED_TAPS is the start. */
static inline unsigned pxr_sorted_unknowns(unsigned group, uint8_t taps[PXR_SORTED_UNKNOWNS])
{
    static const uint8_t of[2][PXR_SORTED_UNKNOWNS] = {{1, 2, PXR_SORTED_TAPS}, {0, 1, 2, 4, 5, 6, 7, PXR_SORTED_TAPS}};
    memcpy(taps, of[group], sizeof of[group]);
    return group ? 8 : 3;
}
/* The tap that others are differences from. */
static inline unsigned pxr_sorted_anchor(unsigned group) { return group ? 3 : 0; }

/* Margins are in the space (aligned to 64 bytes) and behind q; nothing else is touched beyond its end. */
struct pxr_sorted_kernels {
    /* q has PXR_SORTED_SEGMENT_BYTES behind its end that may be read.  false: the classes are not as long as
     * the model says. */
    bool (*decode)(const struct pxr_sorted_model *m, const struct pxr_block_shape *shape,
                   const struct pxr_sorted_space *space, const uint8_t *q, void *dst);
    /* From every row_step-th row of the frames of a group. */
    void (*fit)(const struct pxr_block_source *s, const struct pxr_sorted_space *space, uint16_t start,
                unsigned group, uint32_t row_step, struct pxr_sorted_sums *sums);
    /* About what the residuals cost, in any unit. */
    uint64_t (*cost)(const struct pxr_block_source *s, const struct pxr_sorted_space *space,
                     const struct pxr_sorted_model *m, unsigned group, uint32_t row_step);
    /* All residuals, frame-major, and what thresholds are compared with, for each segment. */
    void (*residuals)(const struct pxr_block_source *s, const struct pxr_sorted_space *space,
                      const struct pxr_sorted_model *m, void *z, uint32_t *contexts);
};
extern const struct pxr_sorted_kernels pxr_sorted_portable[2]; /* 8 bit, 16 bit */
extern const struct pxr_sorted_kernels pxr_sorted_avx2[2];
const struct pxr_sorted_kernels *pxr_sorted_kernels_now(uint8_t bits);

static inline uint32_t pxr_sorted_segment_px(uint8_t bits)
{
    return PXR_SORTED_SEGMENT_BYTES / (bits / 8u);
}
/* Whether a block may have this codec: rows have at least one whole segment. */
static inline bool pxr_sorted_is_possible(const struct pxr_block_shape *s)
{
    return s->width_px >= pxr_sorted_segment_px(s->bits);
}
/* The largest unit of this many raw bytes. */
static inline uint64_t pxr_sorted_bound(uint64_t raw_bytes)
{
    return raw_bytes + raw_bytes / 256 + 512;
}
bool pxr_sorted_mix_fits(const struct pxr_sorted_mix *m, uint8_t bits);
/* false: no memory. */
bool pxr_sorted_space_get(struct pxr_scratch *s, const struct pxr_block_shape *shape, struct pxr_sorted_space *out);

enum pxr_err pxr_sorted_encode(pxr_block_encoder *e, const struct pxr_block_source *s,
                               const struct pxr_block_opts *o, struct pxr_buffer *header,
                               struct pxr_buffer *payload, struct pxr_diag *diag);

/* Places in the parameters. */
enum {
    PXR_SORTED_OFF_CLASSES = 0,
    PXR_SORTED_OFF_ZERO = 1,
    PXR_SORTED_OFF_START = 2,
    PXR_SORTED_OFF_MIX = 4, /* two of MIX_BYTES: weights, constant */
    PXR_SORTED_MIX_BYTES = 2 * PXR_SORTED_TAPS + 4,
    PXR_SORTED_OFF_LISTS = PXR_SORTED_OFF_MIX + 2 * PXR_SORTED_MIX_BYTES, /* thresholds, counts */
};
static inline uint32_t pxr_sorted_params_bytes(uint32_t n_classes)
{
    return PXR_SORTED_OFF_LISTS + 4 * (n_classes - 1) + 4 * n_classes;
}

#endif
