/* SPDX-License-Identifier: MIT
 * Inside an open archive: index pages and groups on demand, units through the cache. */
#ifndef PXR_INDEX_READER_H
#define PXR_INDEX_READER_H

#include "cache.h"
#include "parse.h"
#include "slab.h"

#include <stdatomic.h>

/* A group header, parsed.  Lives in the index cache. */
struct pxr_loaded_group {
    struct pxr_group group;
    uint64_t headers_off;   /* of the first block header in the file */
    uint32_t header_offs[]; /* of each block's header, from group.headers; then the bytes */
};

/* A frame page, parsed.  Lives in the index cache. */
struct pxr_loaded_run {
    uint32_t first; /* frame within the page */
    uint32_t off;   /* of the run's bytes, from page.runs */
};
struct pxr_loaded_frames {
    struct pxr_frames_page page;
    struct pxr_loaded_run *runs; /* this, meta_offs and the page's bytes follow in the same memory */
    uint64_t *meta_offs; /* of each frame's metadata, from page.meta; NULL: no metadata */
};

struct pxr_prefetch; /* prefetch.c */

/* What the snapshots of one file have in common (pxr_archive_refresh).  Frames never change, so what one of
 * them has read and decoded is right for all. */
struct pxr_archive_shared {
    atomic_uint n_open; /* archives that somebody must close; with the last one this goes too */
    struct pxr_file file;
    pxr_cache *index_cache, *unit_cache;
    pxr_cache *made_cache;         /* files of frames that a view can only make whole; freed with pxr_free */
    pxr_slab *unit_slab;           /* memory of the values in unit_cache */
    bool forgets_read;             /* pxr_archive_forget_read */
    struct pxr_prefetch *prefetch; /* NULL: no workers */
    /* Counters for pxr_archive_stats; nothing else is published through them. */
    _Atomic uint64_t n_decoded, n_prefetched, n_hits, n_bytes_read, n_index_reads;
};

struct pxr_archive {
    atomic_uint n_refs; /* one of who opened it, others of workers */
    struct pxr_archive_shared *shared;
    struct pxr_file file;     /* the same as in shared, as are the caches */
    struct pxr_limits limits; /* every field set */
    struct pxr_superblock sb;
    struct pxr_commit commit;
    struct pxr_root root;
    uint64_t end_off, tail_bytes; /* of the last commit; behind it */
    uint8_t commit_bytes[PXR_COMMIT_RECORD_BYTES]; /* to see whether the file was replaced */
    bool is_bare; /* no commit was looked for: recover brings directory entries of its own */
    char *meta;
    size_t meta_bytes;
    pxr_cache *index_cache, *unit_cache, *made_cache;
};

struct pxr_decoder {
    struct pxr_archive *archive;
    pxr_block_decoder *block;
    struct pxr_diag diag;
    bool is_prefetching; /* counts into n_prefetched, starts no prefetch itself */
    /* The group of the last read stays referenced: the next read is mostly in the same one. */
    pxr_cache_entry *group_entry;
    struct pxr_loaded_group *group;
    /* And the frame page of the frame that was described last: a listing walks through it. */
    struct pxr_dir_entry frames_dir;
    pxr_cache_entry *frames_entry;
    struct pxr_loaded_frames *frames;
    struct pxr_buffer packed;  /* compressed bytes of one unit */
    void *scratch;             /* pxr_decoder_scratch */
    size_t scratch_bytes;
};

/* Scratch memory of the decoder's thread for the layer above: 64-byte aligned, grow-only, contents
 * undefined; NULL: no memory. */
void *pxr_decoder_scratch(pxr_decoder *d, size_t n_bytes);
pxr_archive *pxr_decoder_archive(const pxr_decoder *d);

/* ---- commit_find.c ------------------------------------------------------------------------------ */

/* Find the last valid commit of a file with this superblock; *record is where its record starts.  Fills
 * record_bytes with the record. */
enum pxr_err pxr_commit_find(const struct pxr_file *file, const struct pxr_superblock *sb,
                             uint64_t file_bytes, struct pxr_commit *out, uint64_t *record_off,
                             uint8_t record_bytes[PXR_COMMIT_RECORD_BYTES], struct pxr_diag *diag);
/* src: PXR_COMMIT_RECORD_BYTES at off_bytes, which end at or before file_bytes. */
enum pxr_err pxr_commit_parse_record(const uint8_t *src, uint64_t off_bytes, uint64_t file_bytes,
                                     const struct pxr_superblock *sb, struct pxr_commit *out, struct pxr_diag *diag);

/* ---- archive.c ---------------------------------------------------------------------------------- */

/* Open a file whose index may be lost: only functions that take a directory entry work, and frames of a
 * group that the decoder was given (pxr_decoder_take).  Closes io on failure. */
enum pxr_err pxr_archive_open_bare(pxr_archive **out, const struct pxr_io *io, void *io_arg,
                                   const struct pxr_superblock *sb, struct pxr_diag *diag);
/* The rest of opening, once superblock and commit are known: root and metadata. */
enum pxr_err pxr_archive_load_root(pxr_archive *a, struct pxr_diag *diag);
/* References inside the library: whoever has opened it must close it all the same. */
pxr_archive *pxr_archive_get(pxr_archive *a);
void pxr_archive_put(pxr_archive *a); /* NULL is allowed */
/* Whether the tables know this name: key and counter (docs/format.md, section 10). */
enum pxr_err pxr_name_is_taken(pxr_archive *a, const struct pxr_name_split *name, bool *is_taken,
                               struct pxr_diag *diag);
/* Read a page of any size below the limit into fresh memory with room in front of it, and verify its hash. */
enum pxr_err pxr_page_load(pxr_archive *a, const struct pxr_ref *ref, size_t front_bytes, uint8_t **out,
                           struct pxr_diag *diag);
/* The directory's entry for a frame that exists. */
enum pxr_err pxr_dir_find(pxr_archive *a, uint64_t frame, struct pxr_dir_entry *out,
                          struct pxr_diag *diag);
/* The same, and the first frame behind what was found or, on failure, behind what the damaged part of the
 * directory should hold. */
enum pxr_err pxr_dir_walk(pxr_archive *a, uint64_t frame, struct pxr_dir_entry *out,
                          uint64_t *next_frame, struct pxr_diag *diag);
/* Parsed structures in the index cache: *entry must be put back into a->index_cache. */
enum pxr_err pxr_group_get(pxr_archive *a, const struct pxr_dir_entry *dir, pxr_cache_entry **entry,
                           struct pxr_loaded_group **out, struct pxr_diag *diag);
enum pxr_err pxr_frames_get(pxr_archive *a, const struct pxr_dir_entry *dir, pxr_cache_entry **entry,
                            struct pxr_loaded_frames **out, struct pxr_diag *diag);
/* What a frame page says of frame i of its group; its metadata (UTF-8 JSON text, *n_bytes 0: none). */
void pxr_frames_describe(const pxr_archive *a, const struct pxr_dir_entry *dir, const struct pxr_loaded_frames *f,
                         uint32_t i, struct pxr_frame_info *out);
const char *pxr_frames_meta(const struct pxr_loaded_frames *f, uint32_t i, size_t *n_bytes);
/* pxr_frame_info for many frames in a row: the frame page of the last one stays with the decoder. */
enum pxr_err pxr_decoder_frame_info(pxr_decoder *d, uint64_t frame, struct pxr_frame_info *out, struct pxr_diag *diag);
/* A block of a loaded group: its checked header, window and where its payload is. */
struct pxr_placed_block {
    struct pxr_block_header header;
    uint32_t x0, y0;
    uint64_t payload_off;
    struct pxr_hash128 identity;
};
enum pxr_err pxr_group_block(const pxr_archive *a, const struct pxr_loaded_group *g, uint32_t block,
                             struct pxr_placed_block *out, struct pxr_diag *diag);
/* After a failure: CHANGED instead of e when superblock or commit are not what they were at open. */
enum pxr_err pxr_archive_recheck(pxr_archive *a, enum pxr_err e, struct pxr_diag *diag);

/* ---- frame_read.c ------------------------------------------------------------------------------- */

/* Decoded samples of one unit, referenced: *entry must be put back into unit_cache. */
enum pxr_err pxr_unit_get(pxr_decoder *d, const struct pxr_placed_block *block, uint32_t unit,
                          pxr_cache_entry **entry, const uint8_t **pixels, struct pxr_diag *diag);
/* Rows of a frame where they lie in the cache, if one unit holds all of them in full width: *pixels is good until
 * *entry is put back into unit_cache.  False: take pxr_frame_read, which can do it, or says why not. */
bool pxr_frame_borrow(pxr_decoder *d, uint64_t frame, uint32_t row0, uint32_t n_rows, pxr_cache_entry **entry,
                      const uint8_t **pixels);
/* Make d->group the group of frame. */
enum pxr_err pxr_decoder_seek(pxr_decoder *d, uint64_t frame, struct pxr_diag *diag);
/* The same without the directory: entry and group come from pxr_group_get, and entry is the decoder's now. */
void pxr_decoder_take(pxr_decoder *d, pxr_cache_entry *entry, struct pxr_loaded_group *group);
/* The blocks of d->group that hold rows [row0, row0 + n_rows): those of whole rows of blocks. */
void pxr_group_blocks_of_rows(const struct pxr_group *g, uint32_t row0, uint32_t n_rows,
                              uint32_t *first, uint32_t *end);
bool pxr_unit_is_cached(pxr_archive *a, const struct pxr_placed_block *block, uint32_t unit);

/* ---- prefetch.c --------------------------------------------------------------------------------- */

/* A reader is about to need these blocks of a frame: let the workers begin with all but the first. */
void pxr_prefetch_help(pxr_decoder *d, uint64_t frame, uint32_t first_block, uint32_t end_block);
/* A reader has read these rows of a frame: when frames are read in order, decode what comes next. */
void pxr_prefetch_note(pxr_decoder *d, uint64_t frame, uint32_t row0, uint32_t n_rows);
/* The workers shall read from a newer snapshot: hints name frames that older ones do not have. */
void pxr_prefetch_move(struct pxr_prefetch *p, pxr_archive *newer); /* p NULL is allowed */
/* From now on a reader that goes through whole frames gives back their memory when it is a quarter of the cache further.
 * For who keeps what was read elsewhere, as the kernel does for a mount.  Needs workers; before any frame is read. */
void pxr_archive_forget_read(pxr_archive *a);
/* Drop the units of the group of a frame, if all of it lies in frames [first, end). */
void pxr_group_forget(pxr_archive *a, uint64_t frame, uint64_t first, uint64_t end);
void pxr_prefetch_stop(struct pxr_prefetch *p); /* NULL is allowed */

#endif
