/* SPDX-License-Identifier: MIT
 * From bytes to checked structures: the only code of the archive that trusts nothing.
 *
 * Each function takes bytes and their place in the file, and either fills a structure whose every field
 * lies within the bounds of docs/format.md, or fails with the offset, the field, what was expected and
 * what was found.  Structures borrow the bytes. */
#ifndef PXR_INDEX_PARSE_H
#define PXR_INDEX_PARSE_H

#include "block.h"
#include "checksum.h"
#include "io.h"
#include "layout.h"
#include "name.h"
#include "pixelrain.h"

/* Section 4. */
struct pxr_superblock {
    uint32_t width_px, height_px;
    uint8_t bits;
    uint16_t max_error;
    uint32_t nominal_frames, nominal_height_px, nominal_width_px, nominal_unit_frames;
    uint8_t id[16];
    uint8_t bytes[PXR_SUPERBLOCK_BYTES]; /* as in the file */
};
enum pxr_err pxr_parse_superblock(struct pxr_superblock *out, const uint8_t *src, size_t src_bytes,
                                  const struct pxr_limits *limits, struct pxr_diag *diag);
/* Fill in sb->bytes, with hash, from the other fields. */
void pxr_superblock_store(struct pxr_superblock *sb);

/* Section 5: the header of a record at off_bytes of a file of file_bytes. */
struct pxr_record {
    uint8_t type;
    uint64_t body_bytes, sequence;
    uint64_t body_off, next_off; /* of the body and of what follows the record */
};
enum pxr_err pxr_parse_record(struct pxr_record *out, const uint8_t *src, uint64_t off_bytes,
                              uint64_t file_bytes, const uint8_t id[16], struct pxr_diag *diag);
/* Bytes of a record with a body of this size; body_bytes < 2^62. */
uint64_t pxr_record_bytes(uint64_t body_bytes);
void pxr_record_store(uint8_t dst[PXR_RECORD_HEADER_BYTES], uint8_t type, uint64_t body_bytes,
                      uint64_t sequence, const uint8_t id[16]);

/* A page, or another hashed range, somewhere in the file. */
struct pxr_ref {
    uint64_t off_bytes, hash;
    uint32_t n_bytes;
    uint8_t level; /* of a tree's page */
};

/* Read ref->n_bytes bytes and verify their hash. */
enum pxr_err pxr_read_hashed(const struct pxr_file *file, const struct pxr_ref *ref, uint8_t *dst,
                             struct pxr_diag *diag);

/* Section 12. */
struct pxr_commit {
    struct pxr_ref root;
    uint64_t number, previous_off, n_frames;
};
enum pxr_err pxr_parse_commit(struct pxr_commit *out, const uint8_t *body, uint64_t off_bytes,
                              const struct pxr_superblock *sb, struct pxr_diag *diag);

/* Section 11. */
struct pxr_name_table {
    struct pxr_ref top;
    uint64_t n_entries;
};
struct pxr_root_view_index {
    struct pxr_ref head;
    uint8_t view;
    uint64_t n_frames;
};
struct pxr_root {
    uint64_t n_frames, n_groups, commit;
    struct pxr_ref dir, meta; /* n_bytes 0: there is none */
    uint32_t n_tables, n_view_indexes;
    struct pxr_name_table tables[PXR_ROOT_MAX_TABLES];
    struct pxr_root_view_index view_indexes[PXR_ROOT_MAX_VIEW_INDEXES];
};
enum pxr_err pxr_parse_root(struct pxr_root *out, const uint8_t *src, const struct pxr_ref *ref,
                            const struct pxr_commit *commit, const struct pxr_limits *limits,
                            uint64_t end_off, struct pxr_diag *diag);

/* The page of a view index, and that of entries which begins with frame `first` and holds n of them.  A page of
 * entries is as long as these say: pxr_view_entries_bytes. */
struct pxr_view_index {
    uint64_t n_frames, n_pages;
    uint32_t entry_bytes, page_frames, params_bytes;
    const uint8_t *params, *pages;
};
enum pxr_err pxr_parse_view_index(struct pxr_view_index *out, const uint8_t *src, const struct pxr_ref *ref,
                                  uint64_t n_frames, struct pxr_diag *diag);
/* Where page k of entries is; its frames. */
struct pxr_ref pxr_view_index_page(const struct pxr_view_index *i, uint64_t page, uint32_t *n_frames);
enum pxr_err pxr_parse_view_entries(const uint8_t **entries, const uint8_t *src, const struct pxr_ref *ref,
                                    const struct pxr_view_index *i, uint64_t page, struct pxr_diag *diag);

/* Sections 7, 9 and 10: a page of a tree, checked entry by entry. */
struct pxr_tree_page {
    uint8_t kind, level;
    uint32_t n_entries, entry_bytes;
    const uint8_t *entries;
};
/* names: whether it is a name table's page rather than the directory's.  Checks kind, level, order of
 * keys, references inside [0, end_off). */
enum pxr_err pxr_parse_tree_page(struct pxr_tree_page *out, const uint8_t *src,
                                 const struct pxr_ref *ref, bool names, uint64_t end_off,
                                 struct pxr_diag *diag);

/* The key of an entry of any tree page: first frame, or (key, counter). */
struct pxr_tree_key {
    uint64_t k0, k1;
};
struct pxr_tree_key pxr_tree_entry_key(const struct pxr_tree_page *page, uint32_t entry);
/* The child that entry of a node refers to. */
struct pxr_ref pxr_tree_entry_child(const struct pxr_tree_page *page, uint32_t entry);
/* Index of the last entry whose key is <= key, or UINT32_MAX. */
uint32_t pxr_tree_page_find(const struct pxr_tree_page *page, struct pxr_tree_key key);

/* Whether a directory's page holds exactly the frames [first, first + n_frames). */
bool pxr_dir_page_covers(const struct pxr_tree_page *page, uint64_t first, uint64_t n_frames);

struct pxr_dir_entry {
    uint64_t first_frame;
    uint32_t n_frames;
    struct pxr_ref group, frames;
};
struct pxr_dir_entry pxr_dir_entry_load(const uint8_t *src);
void pxr_dir_entry_store(uint8_t dst[PXR_DIR_ENTRY_BYTES], const struct pxr_dir_entry *e);

struct pxr_name_entry {
    uint64_t key, counter, frame;
    uint32_t n_names;
};
struct pxr_name_entry pxr_name_entry_load(const uint8_t *src);
void pxr_name_entry_store(uint8_t dst[PXR_NAME_ENTRY_BYTES], const struct pxr_name_entry *e);

/* Section 8. */
struct pxr_frames_page {
    uint64_t first_frame;
    uint32_t n_frames;
    uint8_t flags, sbit;
    uint16_t maxval;
    uint32_t n_runs;
    const uint8_t *sums, *times, *depths, *runs, *meta_bytes, *meta;
};
enum pxr_err pxr_parse_frames_page(struct pxr_frames_page *out, const uint8_t *src, uint64_t off_bytes,
                                   uint32_t n_bytes, uint64_t first_frame, uint32_t n_frames,
                                   uint8_t bits, struct pxr_diag *diag);
/* One run at src (checked before); returns its bytes. */
size_t pxr_run_load(const uint8_t *src, struct pxr_name_split *split, uint32_t *n_names);

/* Section 6. */
struct pxr_group {
    uint64_t first_frame, payload_bytes;
    uint32_t n_frames, n_blocks, block_height_px, block_width_px;
    uint32_t n_columns;           /* blocks side by side              */
    const uint8_t *payload_offs;  /* table of u64                     */
    const uint8_t *headers;
    uint32_t headers_bytes;
};
enum pxr_err pxr_parse_group(struct pxr_group *out, const uint8_t *src, uint64_t off_bytes,
                             uint32_t n_bytes, const struct pxr_superblock *sb, uint64_t first_frame,
                             uint32_t n_frames, struct pxr_diag *diag);
/* The window of a block. */
void pxr_group_window(const struct pxr_group *g, const struct pxr_superblock *sb, uint32_t block,
                      uint32_t *x0, uint32_t *y0, struct pxr_block_shape *shape);

#endif
