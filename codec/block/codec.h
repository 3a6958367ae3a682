/* SPDX-License-Identifier: MIT
 * What a block codec is to the envelope.  Only files of this folder include this. */
#ifndef PXR_CODEC_CODEC_H
#define PXR_CODEC_CODEC_H

#include "block.h"
#include "filter.h"
#include "zstd_wrap.h"

/* Memory that only grows, so that a warm decoder allocates nothing. */
struct pxr_scratch {
    uint8_t *bytes;
    size_t capacity;
};
/* NULL: no memory.  What was in it is lost. */
uint8_t *pxr_scratch_get(struct pxr_scratch *s, size_t n_bytes);

struct pxr_predict_decoder; /* predict.c */
struct pxr_predict_encoder; /* predict_encode.c */
struct pxr_match_decoder;   /* match.c */
struct pxr_match_encoder;   /* match_encode.c */
struct pxr_adaptive_decoder; /* adaptive.c */
struct pxr_adaptive_encoder; /* adaptive_encode.c */

struct pxr_block_decoder {
    pxr_zstd *zstd;
    struct pxr_scratch a, b;
    struct pxr_predict_decoder *predict; /* NULL until it is needed */
    struct pxr_match_decoder *match;     /* likewise */
    struct pxr_adaptive_decoder *adaptive; /* likewise */
};

struct pxr_block_encoder {
    pxr_zstd *zstd;
    struct pxr_scratch a, b;
    struct pxr_predict_encoder *predict; /* NULL until it is needed */
    struct pxr_match_encoder *match;     /* likewise */
    struct pxr_adaptive_encoder *adaptive; /* likewise */
    bool has_forced;
    struct pxr_filter forced; /* tests: no trial, no fall-back */
};

struct pxr_block_source {
    struct pxr_block_shape shape;
    struct pxr_samples samples;
};

/* How a codec divides a block into units. */
enum pxr_block_units {
    PXR_UNITS_NONE,  /* frames_per_unit is 0               */
    PXR_UNITS_ANY,   /* 1..n_frames                        */
    PXR_UNITS_FRAME, /* 1: each frame is a unit            */
    PXR_UNITS_WHOLE, /* n_frames: the block is one unit    */
};

struct pxr_block_codec_ops {
    const char *name;
    enum pxr_block_units units;
    uint32_t min_params_bytes, max_params_bytes;
    /* off_bytes: place of the parameters in the file.  NULL: there are none. */
    enum pxr_err (*check_params)(const struct pxr_block_header *h, uint64_t off_bytes,
                                 struct pxr_diag *diag);
    /* The sizes that a unit may have; max_bytes is below 2^32.  NULL: there are no units. */
    void (*unit_bounds)(const struct pxr_block_header *h, uint32_t unit, uint64_t *min_bytes,
                        uint64_t *max_bytes);
    /* See pxr_block_unit_refs.  NULL: no unit refers to another. */
    unsigned (*refs)(const struct pxr_block_header *h, uint32_t unit, uint32_t refs[2]);
    /* Bytes that a decoded unit keeps behind its samples, for the units that refer to it.  NULL: none. */
    size_t (*kept_bytes)(const struct pxr_block_header *h);
    /* src_bytes is what the unit's entry says.  On error dst may hold anything. */
    enum pxr_err (*decode)(pxr_block_decoder *d, const struct pxr_block_header *h, uint32_t unit,
                           const void *const refs[2], const uint8_t *src, size_t src_bytes,
                           void *dst, struct pxr_diag *diag);
    /* Append header and payload; on error they may hold more than before. */
    enum pxr_err (*encode)(pxr_block_encoder *e, const struct pxr_block_source *s,
                           const struct pxr_block_opts *o, struct pxr_buffer *header,
                           struct pxr_buffer *payload, struct pxr_diag *diag);
};

extern const struct pxr_block_codec_ops pxr_block_store_ops;
extern const struct pxr_block_codec_ops pxr_block_constant_ops;
extern const struct pxr_block_codec_ops pxr_block_zstd_ops;
extern const struct pxr_block_codec_ops pxr_block_predict_ops;
extern const struct pxr_block_codec_ops pxr_block_match_ops;
extern const struct pxr_block_codec_ops pxr_block_adaptive_ops;
extern const struct pxr_block_codec_ops pxr_block_sorted_ops;

/* Places in a header; docs/format.md, "Block header". */
enum {
    PXR_BLOCK_OFF_CODEC = 0,
    PXR_BLOCK_OFF_FLAGS = 1,
    PXR_BLOCK_OFF_BITS = 2,
    PXR_BLOCK_OFF_RESERVED = 3,
    PXR_BLOCK_OFF_N_FRAMES = 4,
    PXR_BLOCK_OFF_FRAMES_PER_UNIT = 6,
    PXR_BLOCK_OFF_HEIGHT = 8,
    PXR_BLOCK_OFF_WIDTH = 12,
    PXR_BLOCK_OFF_PARAMS_BYTES = 16,
    PXR_BLOCK_OFF_PARAMS = 20,
    PXR_BLOCK_UNIT_BYTES = 12, /* of an entry of the unit table */
};

/* Raw bytes; the shape has been checked. */
static inline size_t pxr_block_raw_bytes(const struct pxr_block_shape *s)
{
    return (size_t)s->n_frames * s->height_px * s->width_px * (s->bits / 8u);
}

/* Write the fixed part and the parameters, then one entry per unit.  false: no memory. */
bool pxr_block_header_begin(struct pxr_buffer *header, const struct pxr_block_shape *shape,
                            enum pxr_block_codec codec, uint32_t frames_per_unit,
                            const uint8_t *params, uint32_t params_bytes);
bool pxr_block_header_add_unit(struct pxr_buffer *header, const uint8_t *unit, size_t n_bytes);

/* The least that the header of a zstd frame has. */
enum { PXR_ZSTD_SMALLEST_BYTES = 10 };
/* That header, before zstd sees it: what it may promise is bounded here.  src_bytes is at least the above. */
enum pxr_err pxr_zstd_check_frame(const uint8_t *src, size_t src_bytes, uint64_t raw_bytes, struct pxr_diag *diag);

/* About how many bytes the zstd codec would need, from a sample; UINT64_MAX: it cannot be said.  payload:
 * room beyond its end is used. */
uint64_t pxr_zstd_codec_estimate(pxr_block_encoder *e, const struct pxr_block_source *s, int level,
                                 struct pxr_buffer *payload);

/* Tests: encode with exactly this filter; NULL: by trial again.  The filter must be valid. */
void pxr_block_encoder_force(pxr_block_encoder *e, const struct pxr_filter *f);

#endif
