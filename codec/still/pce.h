/* SPDX-License-Identifier: MIT
 * Pixel Countdown Encoding: sprites of up to 255 x 255 pixels of five colours.
 *
 * A sprite is a map of symbols, one byte each, row by row.  Its runs are coded by one number each: how many
 * pixels pass between the end of a run and the next one of the same colour.  Solo streams (.pce) hold the
 * numbers themselves; streams of a batch (.pceb) hold ranks in a table (.pcet) of the numbers that all its
 * sprites use, most frequent first.  After Pokeglitch's PCE; the bytes are its own, packed highest bit first (docs/pce.md).
 *
 * Everything here is pure memory and may be called from any thread; a table that is finished may be shared. */
#ifndef PXR_CODEC_PCE_H
#define PXR_CODEC_PCE_H

#include "buffer.h"
#include "pixelrain.h"

enum pxr_pce_symbol {
    PXR_PCE_WHITE = 0,
    PXR_PCE_LIGHT = 1,
    PXR_PCE_DARK = 2,
    PXR_PCE_BLACK = 3,
    PXR_PCE_TRANSPARENT = 4,
    PXR_PCE_N_SYMBOLS = 5
};
enum { PXR_PCE_MAX_SIDE_PX = 255, PXR_PCE_MAX_PX = 255 * 255 };

/* A sprite, or a part of a larger map. */
struct pxr_pce_sprite {
    const uint8_t *symbols; /* borrowed */
    size_t stride_bytes;    /* from row to row */
    uint32_t width_px, height_px;
};
struct pxr_pce_header {
    uint32_t width_px, height_px; /* 1..255 */
    bool has_alpha;               /* the stream has codes for TRANSPARENT */
};

typedef struct pxr_pce_counts pxr_pce_counts; /* how often each number is used; one thread at a time */
typedef struct pxr_pce_table pxr_pce_table;   /* numbers by rank; immutable */

/* Append the stream of a sprite to out; table NULL: solo.  INVALID: a side outside 1..255, a symbol that is
 * none, or a number that the table lacks; NOMEM.  On failure out has the length that it had. */
enum pxr_err pxr_pce_encode(struct pxr_buffer *out, const struct pxr_pce_sprite *sprite, const pxr_pce_table *table,
                            struct pxr_diag *diag);

/* The first 17 bits of a stream.  TRUNCATED; CORRUPT: a side is zero. */
enum pxr_err pxr_pce_header_parse(struct pxr_pce_header *out, const uint8_t *src, size_t n_bytes,
                                  struct pxr_diag *diag);
/* Decode a stream into rows of symbols, as many as its header says.  table NULL: solo.
 * used_bytes NULL: the stream must fill src to its last byte; else it may end earlier, and *used_bytes says where.
 * TRUNCATED, CORRUPT: the stream; the symbols are then all zero.  Takes no memory; time is linear in src and sprite. */
enum pxr_err pxr_pce_decode(const uint8_t *src, size_t n_bytes, const pxr_pce_table *table, uint8_t *symbols,
                            size_t stride_bytes, size_t *used_bytes, struct pxr_diag *diag);

/* A batch is coded in two passes: count every sprite, make the table, encode every sprite with it.  The table
 * does not depend on the order of the sprites. */
enum pxr_err pxr_pce_counts_new(pxr_pce_counts **out, struct pxr_diag *diag);
void pxr_pce_counts_free(pxr_pce_counts *c); /* NULL is allowed */
/* INVALID, NOMEM as pxr_pce_encode; nothing is counted then. */
enum pxr_err pxr_pce_counts_add(pxr_pce_counts *c, const struct pxr_pce_sprite *sprite, struct pxr_diag *diag);

enum pxr_err pxr_pce_table_new(pxr_pce_table **out, const pxr_pce_counts *c, struct pxr_diag *diag);
void pxr_pce_table_free(pxr_pce_table *t); /* NULL is allowed */
/* Append the bytes of a .pcet file; false: no memory. */
bool pxr_pce_table_write(const pxr_pce_table *t, struct pxr_buffer *out);
/* TRUNCATED: fewer numbers than its first byte says; CORRUPT: half a number, a zero, one twice, or one below 256
 * written as two bytes. */
enum pxr_err pxr_pce_table_parse(pxr_pce_table **out, const uint8_t *src, size_t n_bytes, struct pxr_diag *diag);

/* A table with all numbers from 1 to max_value (at most 65025), so that it suits sprites that are not known yet: those of
 * `from` as they are, and behind them, of one byte and of two bytes each, the others, rising.  t: pxr_pce_table_bytes of the
 * caller's memory, aligned to 8; freed with it.  False: `from` has a number above max_value. */
size_t pxr_pce_table_bytes(void);
bool pxr_pce_table_complete(pxr_pce_table *t, const pxr_pce_table *from, uint32_t max_value);
/* Bytes of its file: what pxr_pce_table_write appends. */
size_t pxr_pce_table_file_bytes(const pxr_pce_table *t);

#endif
