/* SPDX-License-Identifier: MIT
 * Building and walking the trees of docs/format.md, section 7: the directory and the name tables. */
#ifndef PXR_INDEX_TREE_H
#define PXR_INDEX_TREE_H

#include "emit.h"
#include "parse.h"

/* Levels below the top that a tree of 2^62 leaves cannot exceed with fanout 64. */
#define PXR_TREE_LEVELS 12

/* The rightmost path of a tree that grows at its right end.  Plain data, but large and mostly empty. */
struct pxr_tree {
    bool names; /* a name table, not the directory */
    struct {
        uint32_t n_entries;
        struct pxr_tree_key first; /* of the leftmost entry                    */
        uint64_t n_frames;         /* below this node; directory only          */
        uint8_t entries[PXR_TREE_FANOUT * PXR_DIR_ENTRY_BYTES]; /* the largest kind */
    } levels[PXR_TREE_LEVELS];
};

void pxr_tree_init(struct pxr_tree *t, bool names);
enum pxr_err pxr_tree_add_group(struct pxr_tree *t, struct pxr_emit *to,
                                const struct pxr_dir_entry *e, struct pxr_diag *diag);
enum pxr_err pxr_tree_add_name(struct pxr_tree *t, struct pxr_emit *to,
                               const struct pxr_name_entry *e, struct pxr_diag *diag);
/* Make t the rightmost path of a directory that is in the file, to go on from there. */
enum pxr_err pxr_tree_resume(struct pxr_tree *t, const struct pxr_file *file, const struct pxr_ref *top,
                             uint64_t n_frames, uint64_t end_off, struct pxr_diag *diag);
/* A snapshot, which needs a hundredth of what copying all of t would. */
void pxr_tree_copy(struct pxr_tree *dst, const struct pxr_tree *t);
/* Emit the rightmost path and return the top page; top->n_bytes = 0 for an empty tree.  Consumes t: to go
 * on growing, finish a copy. */
enum pxr_err pxr_tree_finish(struct pxr_tree *t, struct pxr_emit *to, struct pxr_ref *top,
                             struct pxr_diag *diag);

/* All entries of a name table in order.  end_off: where the committed part of the file ends. */
struct pxr_name_walk;
enum pxr_err pxr_name_walk_new(struct pxr_name_walk **out, const struct pxr_file *file,
                               const struct pxr_ref *top, uint64_t end_off, struct pxr_diag *diag);
/* *has_entry = false behind the last one. */
enum pxr_err pxr_name_walk_next(struct pxr_name_walk *w, struct pxr_name_entry *out, bool *has_entry,
                                struct pxr_diag *diag);
void pxr_name_walk_free(struct pxr_name_walk *w);

#endif
