/* SPDX-License-Identifier: MIT
 * What a view has in an index: one kind for each view whose files have lengths that no formula gives
 * (docs/format.md, "View indexes").  A new one is a constant of this type and a line of the table in view_index.c. */
#ifndef PXR_INDEX_INDEX_KIND_H
#define PXR_INDEX_INDEX_KIND_H

#include "pce_gray.h"
#include "png_small.h"
#include "reader.h"

/* A kind's functions may be called from any thread, each with memory of its own; state is only read once it is made. */
struct pxr_index_kind {
    uint8_t number; /* in the root */
    const char *name; /* of the view */
    /* Why frames of this shape have no such files, as a clause, or NULL. */
    const char *(*refusal)(uint32_t width_px, uint32_t height_px, uint8_t bits);
    uint32_t (*entry_bytes)(const struct pxr_superblock *sb);
    /* What params mean, made from them once: so many bytes, aligned to 16.  CORRUPT: they are none; off is their place. */
    size_t (*state_bytes)(const struct pxr_superblock *sb);
    enum pxr_err (*init)(void *state, const struct pxr_superblock *sb, const uint8_t *params, uint32_t params_bytes,
                         uint64_t off_bytes, struct pxr_diag *diag);
    /* An entry that some frame could have. */
    bool (*is_possible)(const void *state, const uint8_t *entry);
    /* The entry of a frame with these pixels (adjacent rows).  scratch: grows, contents do not matter.
     * UNSUPPORTED: params do not suit the frame. */
    enum pxr_err (*make)(const void *state, const uint8_t *pixels, struct pxr_buffer *scratch, uint8_t *entry,
                         struct pxr_diag *diag);
    /* How params are chosen: learner_bytes of zeros, which see the first frames, or all.  learn NULL: there are no params. */
    size_t learner_bytes;
    bool learns_all;
    enum pxr_err (*learn)(void *learner, const struct pxr_superblock *sb, const uint8_t *pixels,
                          struct pxr_buffer *scratch, struct pxr_diag *diag);
    enum pxr_err (*choose)(void *learner, const struct pxr_superblock *sb, struct pxr_buffer *params,
                           struct pxr_diag *diag);
    void (*learner_fini)(void *learner); /* NULL: it owns nothing */
};

extern const struct pxr_index_kind pxr_index_png_small, pxr_index_dci, pxr_index_pce;

/* ---- states and entries ------------------------------------------------------------------------ */

/* png-small.  Entry: Adler-32 of the stream, then the bytes of each band, u32 le each. */
struct pxr_small_state {
    struct pxr_small_table table;
    struct pxr_small_bands bands;
};

/* dci.  Entry: the bytes of the file, u32 le. */
struct pxr_dci_state {
    uint32_t width_px, height_px;
};
/* Append the file of a frame to out. */
enum pxr_err pxr_index_dci_make(const struct pxr_dci_state *s, const uint8_t *pixels, struct pxr_buffer *out,
                                struct pxr_diag *diag);

/* pce.  Entry: the bytes of each tile's stream, u32 le. */
struct pxr_pce_state {
    uint32_t width_px, height_px;
    uint8_t bits;
    uint32_t n_tiles;
    struct pxr_pce_palette palette; /* settled */
    const pxr_pce_table *table; /* behind this struct, in the same memory; NULL: one tile, whose stream is solo */
};
/* Append the stream of a tile to out; pixels: adjacent rows of the frame, from the tile's first one on. */
enum pxr_err pxr_index_pce_make(const struct pxr_pce_state *s, uint32_t tile, const uint8_t *rows,
                                struct pxr_buffer *scratch, struct pxr_buffer *out, struct pxr_diag *diag);

#endif
