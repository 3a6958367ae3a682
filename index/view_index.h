/* SPDX-License-Identifier: MIT
 * Lengths of files that no formula gives, frame by frame (docs/format.md, "View indexes"). */
#ifndef PXR_INDEX_VIEW_INDEX_H
#define PXR_INDEX_VIEW_INDEX_H

#include "png_small.h"
#include "reader.h"

/* The index of png-small.  Lives in the index cache. */
struct pxr_small_index {
    struct pxr_view_index index;
    struct pxr_small_table table;
    struct pxr_small_bands bands;
    /* the page follows */
};
/* *entry must be put back into index_cache.  RANGE: the archive has none. */
enum pxr_err pxr_small_index_get(pxr_archive *a, pxr_cache_entry **entry, const struct pxr_small_index **out,
                                 struct pxr_diag *diag);

/* The entry of one frame of png-small, checked as far as it can be without pixels.  Referenced: put it back. */
struct pxr_small_entry {
    pxr_cache_entry *head, *page; /* in the index cache */
    const struct pxr_small_table *table;
    struct pxr_small_bands bands;
    uint32_t adler32;
    const uint8_t *band_bytes; /* u32 le for each band: of its coded data */
};
/* RANGE: this frame is not indexed.  Nothing is referenced after a failure. */
enum pxr_err pxr_small_entry_get(pxr_archive *a, uint64_t frame, struct pxr_small_entry *out, struct pxr_diag *diag);
void pxr_small_entry_put(pxr_archive *a, struct pxr_small_entry *e);

/* pxr_archive_index for a writer that appends and has no new frames; it is finished or aborted.  diag is not NULL. */
enum pxr_err pxr_small_index_add(pxr_writer *w, unsigned n_threads,
                                 bool (*progress)(void *arg, uint64_t done, uint64_t total), void *arg,
                                 uint64_t *n_frames, struct pxr_diag *diag);

/* Frames of the archive whose entries there are: 0, or the first so many. */
uint64_t pxr_small_n_indexed(const pxr_archive *a);

/* What the entry of a frame with these pixels (adjacent rows) is, entry_bytes of it.  memory: pxr_small_stream_bound. */
void pxr_small_entry_make(const struct pxr_small_bands *b, const struct pxr_small_table *t, const uint8_t *pixels,
                          uint8_t *memory, uint8_t *entry);
static inline uint32_t pxr_small_entry_bytes(const struct pxr_small_bands *b) { return 4 + 4 * b->n_bands; }

#endif
