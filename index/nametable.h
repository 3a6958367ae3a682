/* SPDX-License-Identifier: MIT
 * The names of an archive that is being written: which are taken, and the tables that find them. */
#ifndef PXR_INDEX_NAMETABLE_H
#define PXR_INDEX_NAMETABLE_H

#include "tree.h"

/* ---- names that are taken ----------------------------------------------------------------------- */

/* A set of (key, counter), kept as one 64-bit hash each: 16 bytes of memory a name.  Two names collide
 * by accident with a probability of n^2 / 2^65, 3e-6 at 10^7 names; the second is then refused. */
struct pxr_name_set {
    uint64_t *slots; /* 0: free */
    size_t n_slots, n_names;
};
bool pxr_name_set_has(const struct pxr_name_set *s, const struct pxr_name_split *name);
/* false: no memory, nothing changed. */
bool pxr_name_set_add(struct pxr_name_set *s, const struct pxr_name_split *name);
void pxr_name_set_fini(struct pxr_name_set *s);

/* ---- tables ------------------------------------------------------------------------------------- */

/* Entries of frames that no table holds yet, in order of frames. */
struct pxr_name_pending {
    struct pxr_name_entry *entries;
    size_t n_entries, capacity;
};
/* Add a run; one that continues the previous entry extends it. */
bool pxr_name_pending_add(struct pxr_name_pending *p, const struct pxr_name_entry *run);
void pxr_name_pending_fini(struct pxr_name_pending *p);

/* Write the pending entries as a table, merged with those older tables of the root that have no more
 * entries (docs/format.md, section 10), update the root's list, and empty p. */
enum pxr_err pxr_name_tables_write(struct pxr_name_pending *p, struct pxr_emit *to,
                                   struct pxr_root *root, struct pxr_diag *diag);

#endif
