/* SPDX-License-Identifier: MIT
 * Lengths of files that no formula gives, frame by frame (docs/format.md, "View indexes"). */
#ifndef PXR_INDEX_VIEW_INDEX_H
#define PXR_INDEX_VIEW_INDEX_H

#include "index_kind.h"

enum { PXR_N_INDEX_KINDS = 3 };
/* All kinds, by their numbers. */
extern const struct pxr_index_kind *const pxr_index_kinds[PXR_N_INDEX_KINDS];

/* Frames of the archive whose entries there are: 0, or the first so many. */
uint64_t pxr_index_n_frames(const pxr_archive *a, const struct pxr_index_kind *kind);

/* An index of an archive.  Lives in the index cache, as do its pages. */
struct pxr_loaded_index {
    struct pxr_view_index index;
    const void *state; /* of the kind */
    /* state and page follow */
};
/* *entry must be put back into index_cache.  RANGE: the archive has none; CORRUPT. */
enum pxr_err pxr_index_get(pxr_archive *a, const struct pxr_index_kind *kind, pxr_cache_entry **entry,
                           const struct pxr_loaded_index **out, struct pxr_diag *diag);

/* The entry of one frame, checked as far as it can be without pixels.  Referenced: put it back. */
struct pxr_index_entry {
    pxr_cache_entry *head, *page; /* in the index cache */
    const void *state;            /* of the kind */
    const uint8_t *bytes;         /* kind->entry_bytes of them */
};
/* RANGE: this frame is not indexed.  Nothing is referenced after a failure. */
enum pxr_err pxr_index_entry_get(pxr_archive *a, const struct pxr_index_kind *kind, uint64_t frame,
                                 struct pxr_index_entry *out, struct pxr_diag *diag);
void pxr_index_entry_put(pxr_archive *a, struct pxr_index_entry *e); /* harmless on a zeroed one */

/* pxr_archive_index for a writer that appends and has no new frames; it is finished or aborted.  diag is not NULL. */
enum pxr_err pxr_index_add(pxr_writer *w, const struct pxr_index_kind *kind, unsigned n_threads,
                           bool (*progress)(void *arg, uint64_t done, uint64_t total), void *arg, uint64_t *n_frames,
                           struct pxr_diag *diag);
/* Give a new archive the indexes that another one has, with their params.  The entries of frames that have the same
 * number and pixels in both are copied, the others made.  Frames from the first one on that params do not suit stay without.
 * A damaged index counts as none.  Everything that was added is committed first; without indexes nothing happens.  diag is
 * not NULL. */
enum pxr_err pxr_index_carry(pxr_writer *w, pxr_archive *like, unsigned n_threads, struct pxr_diag *diag);

#endif
