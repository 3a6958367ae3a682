/* SPDX-License-Identifier: MIT
 * One frame of a Pixel Stream file: tokens in the order of stream_order.h (docs/pxs.md, "Tokens"). */
#ifndef PXR_STILL_STREAM_TOKENS_H
#define PXR_STILL_STREAM_TOKENS_H

#include "stream_order.h"

#include "buffer.h"
#include "pool.h"

enum { PXR_STREAM_MAX_CHANNELS = 4 };

/* What a token looks like, most significant bit first:
 *   [finality] [0] the channels, or [finality] 1, sign, two bits of difference for each channel. */
struct pxr_token_form {
    uint8_t n_channels;                    /* 1..4       */
    uint8_t bits[PXR_STREAM_MAX_CHANNELS]; /* 1..16 each */
    bool is_padded;    /* each token ends with a whole byte; else only each frame does */
    bool has_lead;     /* the bit that tells absolute from relative                     */
    bool is_relative;  /* relative tokens may occur; needs has_lead                     */
    bool has_finality; /* a bit that says: all later pixels of my square are like me    */
};

/* Samples in memory are native: 8 bits when every channel has at most 8, else 16; channels interleaved, rows adjacent. */
static inline size_t pxr_token_sample_bytes(const struct pxr_token_form *f)
{
    for (unsigned c = 0; c < f->n_channels; c++)
        if (f->bits[c] > 8)
            return 2;
    return 1;
}
static inline size_t pxr_token_px_bytes(const struct pxr_token_form *f)
{
    return f->n_channels * pxr_token_sample_bytes(f);
}

/* Bits of an absolute and of a relative token, with padding. */
unsigned pxr_token_absolute_bits(const struct pxr_token_form *f);
unsigned pxr_token_relative_bits(const struct pxr_token_form *f);
/* All tokens have the same length. */
static inline bool pxr_token_is_fixed(const struct pxr_token_form *f) { return !f->is_relative && !f->has_finality; }
/* Bytes of a frame of fixed tokens; n_px <= 2^40. */
uint64_t pxr_token_frame_bytes(const struct pxr_token_form *f, uint64_t n_px);

/* Where frames are read from.  The bytes are borrowed. */
struct pxr_token_reader {
    const uint8_t *src;
    uint64_t n_bytes;
    uint64_t at_bits; /* of src */
};

/* One frame in memory. */
struct pxr_token_frame {
    const struct pxr_stream_order *order;
    const struct pxr_token_form *form;
    const uint8_t *mask; /* pixels that exist, or NULL: all */
    uint8_t *covered;    /* a zeroed bitmap, with has_finality: pixels whose value came from a final one */
    void *pixels;        /* pxr_token_px_bytes each; zero where a mask leaves pixels out             */
};

/* Decode tokens into f->pixels until the frame is full or the input ends.  *end_address: of the first pixel
 * that is missing, PXR_NONE when none is; a token of which only a part is there is not read.
 * CORRUPT: relative at an address without a parent, a sample outside of its range, padding that is not zero, a
 * frame separator within the frame; diag->off_bytes is the token's place. */
enum pxr_err pxr_tokens_decode(const struct pxr_token_frame *f, struct pxr_token_reader *r, uint64_t *end_address,
                               struct pxr_diag *diag);

/* Append a frame's tokens to dst, padded to whole bytes.  A token is relative whenever it can be, plus before minus, and
 * final whenever it can be.  Samples must fit their bits.  pool (or NULL) shares the work: the bytes are the same.
 * f->covered is not used.  NOMEM leaves dst with a part of the frame. */
enum pxr_err pxr_tokens_encode(const struct pxr_token_frame *f, pxr_pool *pool, struct pxr_buffer *dst,
                               struct pxr_diag *diag);

/* The separator stands between frames where relative tokens may occur: relative, minus, all differences zero. */
enum pxr_err pxr_tokens_put_separator(const struct pxr_token_form *f, struct pxr_buffer *dst, struct pxr_diag *diag);
unsigned pxr_token_separator_bytes(const struct pxr_token_form *f);
/* false: what stands there is none, or the input ends; nothing has been read then. */
bool pxr_tokens_take_separator(const struct pxr_token_form *f, struct pxr_token_reader *r);

#endif
