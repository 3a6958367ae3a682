/* SPDX-License-Identifier: MIT
 * A newer snapshot of an archive that somebody appends to. */
#include "reader.h"

#include "diag.h"

/* Where more records than that were added, the search goes from the end, as in opening: a hostile file is not
 * walked for ever. */
enum { MAX_HOPS = 1 << 20 };

/* A commit's record and what it says. */
struct found_commit {
    struct pxr_commit commit;
    uint64_t record_off; /* 0: none was found */
    uint8_t bytes[PXR_COMMIT_RECORD_BYTES];
};

/* Hop from record to record behind a's commit and keep the last commit that is whole.  What is not there yet, or is
 * being taken back by a writer that gives up, ends the walk.  *is_broken: something that is no record, or
 * too many of them. */
static void hop(const pxr_archive *a, uint64_t file_bytes, struct found_commit *last, bool *is_broken)
{
    uint64_t off = a->end_off;
    *is_broken = false;
    for (int i = 0; pxr_range_fits(off, PXR_RECORD_HEADER_BYTES, file_bytes); i++) {
        struct found_commit c = {.record_off = off};
        struct pxr_record r;
        if (pxr_file_read(&a->file, off, c.bytes, PXR_RECORD_HEADER_BYTES, NULL) != PXR_OK)
            return;
        const enum pxr_err e = pxr_parse_record(&r, c.bytes, off, file_bytes, a->sb.id, NULL);
        *is_broken = e == PXR_E_CORRUPT || i == MAX_HOPS;
        if (e != PXR_OK || *is_broken)
            return;
        if (r.type == PXR_RECORD_COMMIT) {
            if (pxr_file_read(&a->file, off, c.bytes, sizeof c.bytes, NULL) != PXR_OK ||
                pxr_commit_parse_record(c.bytes, off, file_bytes, &a->sb, &c.commit, NULL) != PXR_OK)
                return;
            *last = c;
        }
        off = r.next_off;
    }
}

/* The last whole commit behind a's: record_off 0 where there is none. */
static enum pxr_err find_newer(const pxr_archive *a, uint64_t file_bytes, struct found_commit *c, struct pxr_diag *diag)
{
    bool is_broken;
    c->record_off = 0;
    hop(a, file_bytes, c, &is_broken);
    if (!is_broken)
        return PXR_OK;
    /* A torn append, and perhaps another one went on behind it: search as opening does. */
    const enum pxr_err e = pxr_commit_find(&a->file, &a->sb, file_bytes, &c->commit, &c->record_off, c->bytes, diag);
    if (e == PXR_E_TRUNCATED || (e == PXR_OK && c->record_off < a->end_off))
        c->record_off = 0;
    return e == PXR_E_TRUNCATED ? PXR_OK : e;
}

/* The archive as of a commit, beside a. */
static enum pxr_err open_beside(pxr_archive **out, pxr_archive *a, uint64_t file_bytes, const struct found_commit *c,
                                struct pxr_diag *diag)
{
    pxr_archive *b = pxr_alloc_zero(1, sizeof *b);
    if (!b)
        return pxr_fail_nomem(diag, sizeof *b);
    atomic_init(&b->n_refs, 1);
    atomic_fetch_add(&a->shared->n_open, 1);
    b->shared = a->shared;
    b->file = a->file;
    b->limits = a->limits;
    b->sb = a->sb;
    b->index_cache = a->index_cache;
    b->unit_cache = a->unit_cache;
    b->made_cache = a->made_cache;
    b->commit = c->commit;
    memcpy(b->commit_bytes, c->bytes, sizeof b->commit_bytes);
    b->end_off = c->record_off + PXR_COMMIT_RECORD_BYTES;
    b->tail_bytes = file_bytes - b->end_off;
    enum pxr_err e = pxr_archive_load_root(b, diag);
    if (e == PXR_OK && (c->commit.number <= a->commit.number || b->root.n_frames < a->root.n_frames))
        e = pxr_fail_field(diag, PXR_E_CORRUPT, c->record_off, "n_frames", a->root.n_frames, b->root.n_frames,
                           "a newer commit takes frames away");
    if (e != PXR_OK) {
        pxr_archive_close(b);
        return e;
    }
    *out = b;
    return PXR_OK;
}

/* Is it still the file of a?  A read that fails says nothing about that. */
static enum pxr_err check_file(pxr_archive *a, struct pxr_diag *diag)
{
    uint8_t commit[PXR_COMMIT_RECORD_BYTES];
    const enum pxr_err e = pxr_file_read(&a->file, a->end_off - sizeof commit, commit, sizeof commit, diag);
    if (e == PXR_OK && memcmp(commit, a->commit_bytes, sizeof commit))
        return pxr_fail(diag, PXR_E_CHANGED, "the archive was replaced or cut while it was in use");
    return e == PXR_E_TRUNCATED ? pxr_archive_recheck(a, e, diag) : e;
}

enum pxr_err pxr_archive_refresh(pxr_archive **newer, pxr_archive *a, struct pxr_diag *diag)
{
    struct found_commit c;
    uint64_t file_bytes;
    *newer = NULL;
    if (a->is_bare)
        return pxr_fail(diag, PXR_E_STATE, "an archive without a commit cannot be refreshed");
    enum pxr_err e = check_file(a, diag);
    if (e == PXR_OK)
        e = pxr_file_bytes(&a->file, &file_bytes, diag);
    if (e == PXR_OK && file_bytes > a->end_off)
        e = find_newer(a, file_bytes, &c, diag);
    if (e != PXR_OK || file_bytes <= a->end_off || !c.record_off)
        return e;
    e = open_beside(newer, a, file_bytes, &c, diag);
    if (e == PXR_OK)
        pxr_prefetch_move(a->shared->prefetch, *newer);
    return e;
}
