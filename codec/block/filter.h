/* SPDX-License-Identifier: MIT
 * Reversible rearrangements that make samples easier to compress; docs/format.md, "Codec 2: zstd".
 *
 * Encoding: delta, then layout (transpose), then shuffle.  Decoding runs them backwards. */
#ifndef PXR_CODEC_FILTER_H
#define PXR_CODEC_FILTER_H

#include "block.h"

/* Numbers in the file: pinned for ever. */
enum pxr_layout { PXR_LAYOUT_FRAME_MAJOR = 0, PXR_LAYOUT_PIXEL_MAJOR = 1, PXR_N_LAYOUTS };
enum pxr_delta {
    PXR_DELTA_NONE = 0,
    PXR_DELTA_PREVIOUS = 1,
    PXR_DELTA_ABOVE = 2,
    PXR_DELTA_MEAN = 3,
    PXR_DELTA_PREVIOUS_ABOVE = 4,
    PXR_N_DELTAS
};
enum pxr_shuffle {
    PXR_SHUFFLE_NONE = 0,
    PXR_SHUFFLE_BYTES = 1, /* 16 bit only */
    PXR_SHUFFLE_BITS = 2,
    PXR_N_SHUFFLES
};

struct pxr_filter {
    uint8_t layout, delta, shuffle;
};

/* Sample x of row y of frame t is at first + t * frame_stride_bytes + y * row_stride_bytes +
 * x * bits / 8, native byte order, any alignment. */
struct pxr_samples {
    const uint8_t *first;
    size_t row_stride_bytes, frame_stride_bytes;
};
static inline const uint8_t *pxr_samples_row(const struct pxr_samples *s, uint32_t frame,
                                             uint32_t row)
{
    return s->first + frame * s->frame_stride_bytes + row * s->row_stride_bytes;
}

/* Residuals of all samples, frame-major, without gaps, native byte order. */
void pxr_filter_delta(const struct pxr_block_shape *shape, const struct pxr_samples *src,
                      enum pxr_delta delta, void *dst);
/* The inverse, in place. */
void pxr_filter_undelta(const struct pxr_block_shape *shape, enum pxr_delta delta, void *samples);

/* dst[c * n_rows + r] = src[r * n_columns + c]; frame-major to pixel-major has a row per frame. */
void pxr_filter_transpose(uint8_t bits, size_t n_rows, size_t n_columns, const void *src,
                          void *dst);

/* Between n samples in native byte order and their bytes in the file; src and dst are distinct. */
void pxr_filter_shuffle(enum pxr_shuffle shuffle, uint8_t bits, size_t n, const void *src,
                        uint8_t *dst);
void pxr_filter_unshuffle(enum pxr_shuffle shuffle, uint8_t bits, size_t n, const uint8_t *src,
                          void *dst);

#endif
