/* SPDX-License-Identifier: MIT
 * Inside a writer: what its files share. */
#ifndef PXR_INDEX_WRITER_H
#define PXR_INDEX_WRITER_H

#include "emit.h"
#include "frame_sums.h"
#include "nametable.h"
#include "pending_group.h"
#include "reader.h"

/* Remembered blocks for sharing; a newer one may take an older one's slot. */
#define PXR_SHARE_SLOTS ((size_t)1 << 16)

struct shared_block {
    struct pxr_hash128 identity;
    uint64_t payload_off, payload_bytes;
};

/* A written group whose index entries are not written yet. */
struct written_group {
    struct pxr_dir_entry entry;
    size_t page_off, page_bytes; /* its frame page, without page header, in pending_pages */
};

/* What has parity: everything below covered_end; and what is next to get it begins at next_off. */
struct pxr_parity {
    uint8_t percent; /* 0: none is made */
    bool is_catching_up;
    uint64_t covered_end, next_off;
};

struct pxr_writer {
    struct pxr_emit emit;
    struct pxr_parity parity;
    struct pxr_superblock sb;
    bool is_superblock_written, has_meta_page;
    bool keeps_samples;      /* near-lossless: what is added has been rounded already              */
    pxr_archive *base;       /* append: as it was when it was opened, for the names that are taken */
    bool is_published;       /* it has its final name                                              */
    uint64_t durable_end_off; /* of the last commit that is durable; 0: there is none              */
    bool is_commit_unsure;   /* one was written, and whether it is durable is not known            */
    struct pxr_write_opts opts;
    char *meta;
    struct pxr_diag diag;
    enum pxr_err failed; /* sticky */

    pxr_pool *pool;
    struct pxr_encoder_stock stock;
    struct pxr_pending_group *slots; /* a ring: oldest submitted one, ..., the one that fills */
    unsigned n_slots, oldest, filling;

    struct pxr_name_set names;
    struct pxr_name_pending pending_names;
    struct pxr_buffer pending_pages;
    struct written_group *written;
    size_t n_written, written_capacity;
    struct pxr_tree directory, snapshot;
    struct pxr_root root;
    uint64_t last_commit_off, n_frames_committed;

    struct shared_block *shares;
    struct pxr_buffer group_header, payload, scratch;
    uint64_t n_frames_added;
    struct pxr_write_summary summary;
};

/* ---- writer.c ----------------------------------------------------------------------------------- */

/* A writer for this file, which belongs to it from now on (on failure it is discarded).  base: the archive that goes on,
 * with end_off, sequence and root set by the caller afterwards; NULL: a new one. */
enum pxr_err pxr_writer_new(pxr_writer **out, const struct pxr_file *file, const struct pxr_superblock *sb,
                            const struct pxr_write_opts *o, pxr_archive *base, struct pxr_diag *diag);
/* The superblock that such options give. */
enum pxr_err pxr_writer_check_opts(struct pxr_superblock *sb, const struct pxr_write_opts *o, struct pxr_diag *diag);
/* Write everything that was added, the index and a commit, news or not. */
enum pxr_err pxr_writer_commit_all(pxr_writer *w);
/* The name that a frame gets: name, or a free one that ends in -2, -3, ...; it is usable (pxr_name_objection). */
enum pxr_err pxr_writer_free_name(pxr_writer *w, char name[256], size_t *name_bytes, struct pxr_name_split *split);

/* ---- write_group.c ------------------------------------------------------------------------------ */

uint64_t pxr_writer_frame_bytes(const pxr_writer *w);
/* Section 13.  page is the first group's frame page without its header. */
enum pxr_err pxr_writer_write_superblock(pxr_writer *w, const struct pxr_buffer *page, uint32_t n_frames);
/* Write a group whose blocks are encoded: g's jobs hold headers and payloads, its notes the rest. */
enum pxr_err pxr_writer_write_group(pxr_writer *w, struct pxr_pending_group *g);
/* Hand the filling group to the pool, if it has frames, and write all that were handed over. */
enum pxr_err pxr_writer_flush(pxr_writer *w);
/* Hand the filling group to the pool and make the next slot free. */
enum pxr_err pxr_writer_submit(pxr_writer *w);

/* ---- parity_write.c ----------------------------------------------------------------------------- */

/* A group has been written: if there is enough that has no parity, write its parity.  No page may be gathered. */
enum pxr_err pxr_writer_parity_group(pxr_writer *w);
/* The COMMIT record with this body comes next: parity of everything in front of it, and a copy of it. */
enum pxr_err pxr_writer_parity_commit(pxr_writer *w, const uint8_t commit[PXR_COMMIT_BODY_BYTES]);
/* An archive goes on: find out where its parity ends; commits make none until the second has made what is missing. */
void pxr_writer_parity_resume(pxr_writer *w);
enum pxr_err pxr_writer_parity_catch_up(pxr_writer *w);

/* ---- copy_group.c ------------------------------------------------------------------------------- */

/* Append a group of another archive without decoding it: its blocks unchanged, its frames' names as they are or
 * with a suffix (opts.suffix_names; else MISMATCH when one is taken).  f: its frame page; NULL: lost, then sums says what its
 * frames' checksums are, and they are named by their numbers.  Geometries must agree.  Units are verified by their hashes.
 * INVALID: its bytes hold a record of the archive that is written; nothing has happened, and its frames can be coded anew. */
enum pxr_err pxr_writer_copy_group(pxr_writer *w, pxr_archive *a, const struct pxr_dir_entry *dir,
                                   const struct pxr_loaded_group *g, const struct pxr_loaded_frames *f,
                                   const struct pxr_frame_sums *sums);

/* ---- commit.c ----------------------------------------------------------------------------------- */

/* Frame pages, and the parts of the directory that will not change any more. */
enum pxr_err pxr_writer_write_index(pxr_writer *w);
/* Index, root, commit record, and both barriers, for the groups that are written. */
enum pxr_err pxr_writer_commit_written(pxr_writer *w);

#endif
