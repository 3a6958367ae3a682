/* SPDX-License-Identifier: MIT
 * Parity records (docs/format.md, section 17): their heads, where cells lie, and making them. */
#ifndef PXR_INDEX_PARITY_H
#define PXR_INDEX_PARITY_H

#include "parse.h"

/* Of one span, every field checked. */
struct pxr_parity_head {
    uint64_t record_off, sequence;           /* of the PARITY record                                        */
    uint64_t first_off, end_off;             /* the span                                                    */
    uint64_t covered_end;                    /* all of the file below is in this span or in one before       */
    uint32_t shard_cells;                    /* c: cells of a shard, which is also the number of columns    */
    uint8_t n_data, n_parity;                /* k and m                                                     */
    uint8_t percent;                         /* as it was asked for                                         */
    bool has_commit;                         /* a COMMIT record with this body follows                      */
    uint8_t commit[PXR_COMMIT_BODY_BYTES];
    uint8_t id[16];
    /* What follows from these. */
    uint64_t first_cell;                     /* of the file, counted in cells                               */
    uint32_t n_cells;                        /* of the span: at most k c                                    */
    uint32_t table_bytes;
    uint64_t parity_bytes, body_bytes;
};

/* src: PXR_PARITY_HEAD_BYTES, wherever they were found.  CORRUPT: not a head, or an impossible one. */
enum pxr_err pxr_parity_head_parse(struct pxr_parity_head *out, const uint8_t *src, struct pxr_diag *diag);
/* Places in the file: of each copy of the head and of the table (0: in front, 1: in the middle, 2: behind), and of a parity cell. */
uint64_t pxr_parity_head_off(const struct pxr_parity_head *h, unsigned copy);
uint64_t pxr_parity_table_off(const struct pxr_parity_head *h, unsigned copy);
uint64_t pxr_parity_cell_off(const struct pxr_parity_head *h, unsigned row, uint32_t column);
/* Behind the record. */
uint64_t pxr_parity_next_off(const struct pxr_parity_head *h);

/* Read n cells of a span from its cell on (counted from the span's first) into dst; what is outside of the span or behind its
 * last cell, or behind the end of the file (read_bytes), is zero. */
enum pxr_err pxr_parity_read_cells(const struct pxr_file *file, uint64_t file_bytes, const struct pxr_parity_head *h,
                                   uint32_t cell, uint32_t n, uint8_t *dst, struct pxr_diag *diag);

/* From sums to what is stored, and back. */
void pxr_parity_invert(uint8_t *bytes, size_t n);

/* The head of the PARITY record that ends where this commit record starts; false: there is none. */
bool pxr_parity_before(const struct pxr_file *file, const struct pxr_superblock *sb, uint64_t commit_off,
                       struct pxr_parity_head *out);
/* The same for the newest of the commits from this one back that has one (a bounded number is looked at). */
bool pxr_parity_newest(const struct pxr_file *file, const struct pxr_superblock *sb, uint64_t commit_off,
                       struct pxr_parity_head *out);

/* The body of the PARITY record of a span (h->first_off, end_off, percent, record_off, sequence, covered_end, commit and id are
 * set; the rest is computed here) in fresh memory (pxr_free).  wider: so many more columns than would do. */
enum pxr_err pxr_parity_make(struct pxr_parity_head *h, const struct pxr_file *file, unsigned wider, uint8_t **body,
                             struct pxr_diag *diag);
/* The same for a head that is complete. */
enum pxr_err pxr_parity_fill(const struct pxr_parity_head *h, const struct pxr_file *file, uint8_t **body,
                             struct pxr_diag *diag);

#endif
