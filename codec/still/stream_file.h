/* SPDX-License-Identifier: MIT
 * Frames of a Pixel Stream file, one after the other, whatever its header looks like (pxs.h, px2.h). */
#ifndef PXR_STILL_STREAM_FILE_H
#define PXR_STILL_STREAM_FILE_H

#include "stream_tokens.h"

/* What a header says.  Filled by pxr_pxs_open, pxr_pxs_begin, pxr_px2_open and pxr_px2_begin. */
struct pxr_stream_format {
    struct pxr_stream_order order;
    struct pxr_token_form form;
    uint8_t *mask;      /* bitmap of the pixels that exist, or NULL: all; owned            */
    uint64_t n_px;      /* that exist                                                      */
    uint64_t n_frames;  /* 0: as many as there are                                         */
    bool is_animation;  /* else there is exactly one frame                                 */
    bool is_widened;    /* samples in memory have 8 bits, those of the tokens fewer (PXS)  */
};
void pxr_stream_format_fini(struct pxr_stream_format *s);
/* Bytes of a frame in memory. */
size_t pxr_stream_frame_bytes(const struct pxr_stream_format *s);

#define PXR_STREAM_MAX_PX ((uint64_t)1 << 28)
/* A frame takes at most so many bytes, or so many for each byte of the file. */
#define PXR_STREAM_FREE_BYTES ((uint64_t)64 << 20)
#define PXR_STREAM_MAX_RATIO 65536
/* Refuse sides that the format does not have (CORRUPT) and more pixels than max_px (LIMIT; 0: PXR_STREAM_MAX_PX).
 * off_bytes: of the width in the file. */
enum pxr_err pxr_stream_check_size(uint64_t width_px, uint64_t height_px, uint64_t max_px, uint64_t off_bytes,
                                   struct pxr_diag *diag);

/* ---- reading --------------------------------------------------------------------------------- */

struct pxr_stream_reader {
    struct pxr_stream_format format;
    struct pxr_token_reader in; /* borrows the file's bytes */
    bool is_progressive;        /* a file that was cut is read as far as it goes */
    bool wants_whole_tokens;    /* but not one that was cut within a pixel or behind a separator */
    uint8_t *covered;           /* owned; NULL without finality */
    uint64_t frame;             /* number of the next frame */
    bool has_ended;
    uint64_t n_frames_missing;  /* known to be missing once has_ended */
};

/* The header has been read: r->format, r->in and r->is_progressive are set.  Compares what must follow with what is
 * there, before any memory is taken for it.  TRUNCATED, CORRUPT (more than belongs to the file), LIMIT (so short a file
 * may not ask for so much memory), NOMEM. */
enum pxr_err pxr_stream_reader_begin(struct pxr_stream_reader *r, struct pxr_diag *diag);
void pxr_stream_reader_fini(struct pxr_stream_reader *r); /* harmless on a zeroed one */

/* Decode the next frame into pixels (pxr_stream_frame_bytes), where there is one: *has_frame.  *n_missing: pixels that the
 * file does not have, which is 0 unless r->is_progressive; they show the colour of the smallest square that arrived.
 * An error ends the reading; pixels are then zero.  A strict reader returns TRUNCATED where the file ends early; a
 * progressive one hands out a last frame only if it has a pixel of it, and TRUNCATED only where there is no pixel at all. */
enum pxr_err pxr_stream_reader_next(struct pxr_stream_reader *r, void *pixels, bool *has_frame, uint64_t *n_missing,
                                    struct pxr_diag *diag);

/* ---- writing --------------------------------------------------------------------------------- */

/* Append frame number `frame` to dst, and before it the separator where there must be one.  Pixels are as a reader
 * gives them; with is_widened the low bits of the samples are dropped.  pool may be NULL. */
enum pxr_err pxr_stream_put_frame(const struct pxr_stream_format *s, const void *pixels, uint64_t frame, pxr_pool *pool,
                                  struct pxr_buffer *dst, struct pxr_diag *diag);

/* Samples of n channels between the bits of their tokens and 8: up by repeating the bits, as viewers do, and down by
 * dropping the low ones.  Channels of 8 bits stay as they are. */
void pxr_stream_widen(const struct pxr_token_form *form, uint8_t *samples, size_t n_px);
void pxr_stream_narrow(const struct pxr_token_form *form, uint8_t *samples, size_t n_px);

#endif
