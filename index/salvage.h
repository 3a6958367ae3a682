/* SPDX-License-Identifier: MIT
 * What is left of a damaged archive: groups, frame pages and metadata, found without trusting its index. */
#ifndef PXR_INDEX_SALVAGE_H
#define PXR_INDEX_SALVAGE_H

#include "parse.h"

/* A group that was found.  Its frame page: frames.n_bytes 0: none was found. */
struct pxr_found_group {
    struct pxr_dir_entry dir;
    uint64_t record_off; /* where it, or the INDEX record that told of it, starts          */
    bool is_proved;      /* its header has the hash that the directory or its record says */
    bool is_committed;
};

struct pxr_found_page {
    struct pxr_ref ref;
    uint64_t record_off, first_frame;
    uint32_t n_frames;
};

struct pxr_salvage {
    struct pxr_file file; /* borrowed */
    struct pxr_superblock sb;
    uint64_t file_bytes;
    struct pxr_found_group *groups; /* in the end: in order of frames, none overlaps another */
    size_t n_groups, groups_capacity;
    struct pxr_found_page *pages; /* in the end: in order of first frames */
    size_t n_pages, pages_capacity;
    struct pxr_ref meta; /* n_bytes 0: none was found */
    bool has_commit, has_meta_ref; /* a root says that there is metadata */
    uint64_t leaf_end;             /* frames below have been taken from leaves of the directory */
    uint64_t n_frames_committed;   /* as the last commit that was found says */
    struct pxr_recover_report *report;
    const struct pxr_recover_opts *opts;
    uint8_t *piece;
    pxr_xxh3 *hash;
};

/* Walk over the whole file.  fini in every case. */
enum pxr_err pxr_salvage_scan(struct pxr_salvage *s, const struct pxr_file *file, const struct pxr_recover_opts *opts,
                              struct pxr_recover_report *report, struct pxr_diag *diag);
void pxr_salvage_fini(struct pxr_salvage *s);

#endif
