/* SPDX-License-Identifier: MIT
 * The records of a file, one after the other, without the index: for check, append and recover. */
#ifndef PXR_INDEX_RECORDS_H
#define PXR_INDEX_RECORDS_H

#include "parse.h"

/* Verify the body of a record that ends inside the file: hash and padding.  hash is used up; piece:
 * PXR_PIECE_BYTES of scratch memory. */
#define PXR_PIECE_BYTES ((size_t)1 << 20)
enum pxr_err pxr_record_check_body(const struct pxr_file *file, const struct pxr_record *r, pxr_xxh3 *hash,
                                   uint8_t *piece, struct pxr_diag *diag);

/* What may be read of bytes that headers claim twice, in a file or part of one of so many bytes: what was torn claims few, a
 * forger may claim the same ones a million times. */
static inline uint64_t pxr_most_reread(uint64_t n_bytes) { return 4 * n_bytes + ((uint64_t)64 << 20); }

/* The next multiple of 8 in [off, end) where a whole record header of this archive (id NULL: of any) stands (its
 * record may go on beyond end); end: there is none.  Reads that fail end the search, with their error. */
enum pxr_err pxr_record_search(const struct pxr_file *file, const uint8_t id[16], uint64_t off, uint64_t end,
                               uint8_t *piece, uint64_t *found_off, struct pxr_record *r, struct pxr_diag *diag);

/* Whether the record is a SKIP, sound, of bytes from first_off up to itself. */
bool pxr_record_is_skip(const struct pxr_file *file, const struct pxr_record *r, uint64_t off, uint64_t *first_off);

/* What stands behind the last commit. */
struct pxr_tail {
    uint64_t n_whole;   /* records that are complete and sound: groups and index                       */
    uint64_t n_forged;  /* sound commits that nobody hops to: no writer leaves such                    */
    uint64_t first_off; /* of the first of either                                                     */
    uint64_t skip_to;   /* where a SKIP record may start: docs/format.md, section 5                    */
};
enum pxr_err pxr_tail_inspect(struct pxr_tail *out, const struct pxr_file *file, const struct pxr_superblock *sb,
                              uint64_t end_off, uint64_t file_bytes, struct pxr_diag *diag);

#endif
