/* SPDX-License-Identifier: MIT
 * The envelope of a block: the only door to a block codec, in both directions.
 *
 * A block is a box of n_frames x height x width samples.  Encoded it is a *header* (codec, parameters,
 * size and hash of each unit; nothing positional) and a *payload* (the units, one behind the other).
 * Everything here is pure memory; the bytes are those of docs/format.md, "Blocks". */
#ifndef PXR_CODEC_BLOCK_H
#define PXR_CODEC_BLOCK_H

#include "buffer.h"
#include "checksum.h"
#include "pixelrain.h"

#define PXR_BLOCK_MAX_BYTES ((uint64_t)1 << 29) /* of one block's samples */
#define PXR_BLOCK_MAX_FRAMES 65535u

/* Ids in the file: pinned for ever. */
enum pxr_block_codec {
    PXR_BLOCK_STORE = 0,    /* samples, little endian, one unit per frame          */
    PXR_BLOCK_CONSTANT = 1, /* one value; no units, no payload                      */
    PXR_BLOCK_ZSTD = 2,     /* filtered, shuffled, zstd; one unit for the whole block */
    PXR_BLOCK_PREDICT = 3,  /* fitted prediction, rANS; one unit per frame           */
    PXR_BLOCK_MATCH = 4,    /* which neighbour it equals; one unit per frame         */
    PXR_BLOCK_ADAPTIVE = 5, /* prediction that learns, in raster order; one unit per frame */
    PXR_BLOCK_SORTED = 6,   /* sorted residuals, zstd's Huffman codes; one unit for the whole block */
    PXR_N_BLOCK_CODECS
};

struct pxr_block_shape {
    uint32_t n_frames, height_px, width_px;
    uint8_t bits; /* 8 or 16 */
};

/* A header that has been checked: every field lies within the format's bounds and unit sizes add up
 * without overflow.  The pointers borrow the bytes it was parsed from. */
struct pxr_block_header {
    struct pxr_block_shape shape;
    enum pxr_block_codec codec;
    uint32_t frames_per_unit; /* the last unit may hold fewer                       */
    uint32_t n_units;         /* 0 for CONSTANT                                     */
    const uint8_t *params;
    uint32_t params_bytes;
    const uint8_t *units; /* table of (size u32, XXH3-64 u64)                   */
    uint64_t payload_bytes;
    uint32_t header_bytes;
};

struct pxr_block_unit {
    uint64_t off_bytes; /* from the start of the payload */
    uint32_t n_bytes;
    uint64_t hash; /* XXH3-64 of these bytes        */
};

/* shape is what the archive expects; a header that says otherwise is CORRUPT.  src may be longer than
 * the header.  off_bytes is the place of src in the file, for diag. */
enum pxr_err pxr_block_header_parse(struct pxr_block_header *out, const uint8_t *src,
                                    size_t src_bytes, const struct pxr_block_shape *shape,
                                    uint64_t off_bytes, struct pxr_diag *diag);
/* XXH3-128 over the header's bytes. */
struct pxr_hash128 pxr_block_identity(const uint8_t *header, size_t header_bytes);

static inline uint32_t pxr_block_unit_of(const struct pxr_block_header *h, uint32_t frame)
{
    return frame / h->frames_per_unit;
}
/* unit < n_units */
struct pxr_block_unit pxr_block_unit_at(const struct pxr_block_header *h, uint32_t unit);
/* First frame (within the block) and number of frames of a unit. */
void pxr_block_unit_frames(const struct pxr_block_header *h, uint32_t unit, uint32_t *first,
                           uint32_t *n);
/* Bytes of a unit's decoded samples. */
size_t pxr_block_unit_pixel_bytes(const struct pxr_block_header *h, uint32_t unit);
/* Bytes that decoding a unit writes: its samples, and behind them what units that refer to it need. */
size_t pxr_block_unit_state_bytes(const struct pxr_block_header *h, uint32_t unit);
/* Units that must have been decoded before this one; at most 2.  Acyclic for any header: each has a
 * lower depth than unit.  (Predict, match and adaptive have some.) */
unsigned pxr_block_unit_refs(const struct pxr_block_header *h, uint32_t unit, uint32_t refs[2]);

/* ---- decoding --------------------------------------------------------------------------------- */

typedef struct pxr_block_decoder pxr_block_decoder; /* scratch memory of one thread */

enum pxr_err pxr_block_decoder_new(pxr_block_decoder **out, struct pxr_diag *diag);
void pxr_block_decoder_free(pxr_block_decoder *d);

/* A total function over arbitrary bytes: samples or an error, in bounded time and memory.
 * src: the unit's bytes, whose hash the caller has verified.  refs: the decoded state of the units that
 * pxr_block_unit_refs names.  dst: pxr_block_unit_state_bytes; it begins with frames of the unit x height
 * x width samples, native byte order, without gaps; on error it holds zeros. */
enum pxr_err pxr_block_unit_decode(pxr_block_decoder *d, const struct pxr_block_header *h,
                                   uint32_t unit, const void *const refs[2], const uint8_t *src,
                                   size_t src_bytes, void *dst, struct pxr_diag *diag);
/* The value of a CONSTANT block. */
uint16_t pxr_block_constant(const struct pxr_block_header *h);

/* ---- encoding --------------------------------------------------------------------------------- */

typedef struct pxr_block_encoder pxr_block_encoder; /* scratch memory of one thread */

struct pxr_block_opts {
    enum pxr_codec codec;    /* AUTO: whatever is smallest       */
    int level;               /* of zstd; 0: 3                    */
    enum pxr_preset preset;  /* what AUTO tries                  */
};

enum pxr_err pxr_block_encoder_new(pxr_block_encoder **out, struct pxr_diag *diag);
void pxr_block_encoder_free(pxr_block_encoder *e);

/* Sample x of row y of frame f is at src + f * frame_stride_bytes + y * row_stride_bytes, native byte
 * order.  Appends the header and the payload.  The bytes depend on samples, shape and options alone.
 * A constant block is CONSTANT whatever the options say; ZSTD falls back to STORE where it would gain
 * less than 1/64.  UNSUPPORTED: built without zstd and ZSTD was asked for. */
enum pxr_err pxr_block_encode(pxr_block_encoder *e, const struct pxr_block_shape *shape,
                              const void *src, size_t row_stride_bytes, size_t frame_stride_bytes,
                              const struct pxr_block_opts *opts, struct pxr_buffer *header,
                              struct pxr_buffer *payload, struct pxr_diag *diag);

#endif
