/* SPDX-License-Identifier: MIT
 * Repair with parity (docs/format.md, section 17): which cells of a file are damaged, and a file that reads as if they
 * were not. */
#ifndef PXR_INDEX_PARITY_REPAIR_H
#define PXR_INDEX_PARITY_REPAIR_H

#include "parity.h"

/* Looking at one span after the other: memory of at most some MiB.  Zero-initialise; file and file_bytes are the caller's. */
struct pxr_span_reader {
    const struct pxr_file *file;
    uint64_t file_bytes;
    struct pxr_parity_head h; /* of the span that is loaded */
    bool is_loaded;
    uint8_t *tables[PXR_PARITY_COPIES]; /* as the file has them; behind its end: zeros */
    uint8_t *piece;           /* cells that are read one behind the other    */
    uint8_t *column, *solved; /* cells of a column; those that were computed */
    struct pxr_erasure *code; /* of h; NULL: not needed yet                  */
};

/* A cell of the span that is damaged, and whether parity gives it back. */
struct pxr_bad_cell {
    uint64_t cell; /* of the file */
    uint32_t span; /* for the caller */
    uint16_t first, last; /* bytes of the cell that differ from what was computed, or all of the span in it */
    bool is_solved;
};
struct pxr_bad_cells {
    struct pxr_bad_cell *cells;
    size_t n, capacity;
};

enum pxr_err pxr_span_load(struct pxr_span_reader *r, const struct pxr_parity_head *h, struct pxr_diag *diag);
/* Add the damaged cells of the span that is loaded, by columns.  Without ISA-L none is solved. */
enum pxr_err pxr_span_examine(struct pxr_span_reader *r, uint32_t span, struct pxr_bad_cells *out, struct pxr_diag *diag);
/* Compute the damaged cells of one column; each is called for those that are solved, and must copy. */
typedef void pxr_span_solved_fn(void *arg, uint64_t cell, const uint8_t *bytes);
enum pxr_err pxr_span_solve(struct pxr_span_reader *r, uint32_t column, pxr_span_solved_fn *each, void *arg,
                            struct pxr_diag *diag);
/* Whether all heads and all tables are the same, and the parity cells are those of the data, which is sound. */
enum pxr_err pxr_span_check_parity(struct pxr_span_reader *r, struct pxr_diag *diag);
void pxr_span_fini(struct pxr_span_reader *r);

/* A file seen through its parity. */
struct pxr_repair_view;
/* Look for parity in all of the file and examine what it covers; tells of every range.  *out NULL: the file has no parity, or
 * nothing to repair.  The file stays the caller's.  *percent: as the last record says, 0: none was found. */
enum pxr_err pxr_repair_scan(struct pxr_repair_view **out, const struct pxr_file *file,
                             const struct pxr_recover_opts *opts, struct pxr_recover_report *report, uint8_t *percent,
                             struct pxr_diag *diag);
/* Reads and length as they were before the damage, where that could be computed: for any thread, as long as the view. */
struct pxr_file pxr_repair_file(struct pxr_repair_view *v);
void pxr_repair_free(struct pxr_repair_view *v); /* NULL is allowed */

#endif
