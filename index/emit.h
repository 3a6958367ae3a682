/* SPDX-License-Identifier: MIT
 * Records at the end of a file: where the next one goes, and index pages gathered into INDEX records. */
#ifndef PXR_INDEX_EMIT_H
#define PXR_INDEX_EMIT_H

#include "buffer.h"
#include "io.h"
#include "parse.h"

struct pxr_emit {
    struct pxr_file file;
    uint8_t id[16];
    uint64_t end_off;  /* where the next record starts */
    uint64_t sequence; /* of the next record */
    struct pxr_buffer pages; /* body of an INDEX record that will start at end_off */
};

/* Write one record whose body consists of two parts (the second may be empty). */
enum pxr_err pxr_emit_record(struct pxr_emit *to, uint8_t type, const void *a, size_t a_bytes,
                             const void *b, size_t b_bytes, struct pxr_diag *diag);

/* Whether a body of these two parts, in the next record, would hold a valid record header of this archive where
 * one can be searched for (docs/format.md, section 5). */
bool pxr_emit_is_forged(const struct pxr_emit *to, const void *a, size_t a_bytes, const void *b, size_t b_bytes);
/* Whether such a header stands anywhere in these bytes, wherever they will lie. */
bool pxr_emit_holds_header(const struct pxr_emit *to, const void *bytes, size_t n_bytes);

void pxr_page_header_store(uint8_t dst[PXR_PAGE_HEADER_BYTES], uint8_t kind, uint8_t level,
                           uint32_t n_entries, uint32_t page_bytes);
/* Add a page: bytes behind the 8 of the page header.  *ref is where it will be.  No other record may be
 * written before pxr_emit_pages_end. */
enum pxr_err pxr_emit_page(struct pxr_emit *to, uint8_t kind, uint8_t level, uint32_t n_entries,
                           const void *rest, size_t rest_bytes, struct pxr_ref *ref,
                           struct pxr_diag *diag);
/* Write the gathered pages; harmless when there are none. */
enum pxr_err pxr_emit_pages_end(struct pxr_emit *to, struct pxr_diag *diag);
void pxr_emit_fini(struct pxr_emit *to); /* also closes the file */

#endif
