/* SPDX-License-Identifier: MIT
 * Two damaged copies of one archive, read as one file that is better than both. */
#ifndef PXR_INDEX_TWO_COPIES_H
#define PXR_INDEX_TWO_COPIES_H

#include "parse.h"

struct pxr_two_copies;

/* Walk over the records of both.  A record that is sound in one of them is taken from there; of one that is damaged in both, the
 * places where they differ are taken from either until its checksum is right.  Both files stay the caller's and must live on.
 * MISMATCH: they are not copies of one archive. */
enum pxr_err pxr_two_copies_open(struct pxr_two_copies **out, const struct pxr_file *first,
                                 const struct pxr_file *second, struct pxr_diag *diag);
/* Reads of the whole, for any thread; bytes that come from the second one. */
struct pxr_file pxr_two_copies_file(struct pxr_two_copies *t);
uint64_t pxr_two_copies_taken(const struct pxr_two_copies *t);
void pxr_two_copies_free(struct pxr_two_copies *t); /* NULL is allowed */

#endif
