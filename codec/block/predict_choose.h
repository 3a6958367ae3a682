/* SPDX-License-Identifier: MIT
 * What the encoder of codec 3 chooses from sums and counts.  Only predict_*.c include this. */
#ifndef PXR_CODEC_PREDICT_CHOOSE_H
#define PXR_CODEC_PREDICT_CHOOSE_H

#include "predict.h"

/* Depth, offset, unused low bits and ranks of a block's samples.  false: no memory. */
bool pxr_choose_values(struct pxr_predict_model *m, const struct pxr_block_source *s);
/* How the tiles of each frame's references have moved: motion[frame][reference][tile row][tile column].  Returns
 * false, with motion untouched, if it would not gain much. */
bool pxr_choose_motion(const struct pxr_predict_model *m, const struct pxr_predict_kernels *k,
                       const struct pxr_block_source *s, struct pxr_predict_motion *motion);
/* Whether samples are likelier to be told by how far they are from the most frequent one than by neighbours, as
 * counts of few photons are: from at most 2^16 of them.  usual: the most frequent one, or nearly. */
bool pxr_predict_may_be_direct(const struct pxr_block_source *s, uint16_t *usual);
/* Weights of features for each group that the model has, in one scale for all groups of a phase. */
void pxr_choose_features(struct pxr_predict_model *m,
                         struct pxr_predict_activity sums[PXR_PREDICT_GROUPS][2]);
/* Levels at equal ratios of activity; counts as the kernels make them.  Returns the shift. */
uint8_t pxr_choose_thresholds(const uint32_t counts[256], uint8_t thresholds[PXR_PREDICT_LEVELS]);

/* Two contexts whose tables may become one. */
struct pxr_edge {
    uint8_t a, b;
    int64_t gain; /* of making them one */
};
enum { PXR_N_LOGS = 4096, PXR_MAX_EDGES = 3 * PXR_PREDICT_CONTEXTS };
struct pxr_costs {
    uint32_t logs[PXR_N_LOGS]; /* log2 in 1/65536 */
    unsigned n_symbols;
};
/* Memory of pxr_choose_tables, too large for a stack. */
struct pxr_sharing {
    struct pxr_costs costs;
    uint32_t (*counts)[PXR_PREDICT_MAX_SYMBOLS];
    uint64_t cost[PXR_PREDICT_CONTEXTS]; /* of tables that are still their own */
    uint8_t table[PXR_PREDICT_CONTEXTS];
    struct pxr_edge edges[PXR_MAX_EDGES];
    unsigned n_edges;
};
/* Let contexts share tables where that is smaller: sets table_of and n_tables, and moves counts[context] to
 * counts[table].  Returns about how many bits symbols and tables take, in 1/65536. */
uint64_t pxr_choose_tables(struct pxr_predict_model *m, struct pxr_sharing *s,
                           uint32_t counts[PXR_PREDICT_CONTEXTS][PXR_PREDICT_MAX_SYMBOLS]);

#endif
