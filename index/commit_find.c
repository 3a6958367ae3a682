/* SPDX-License-Identifier: MIT
 * The last commit of a file: where it should be, or searched for behind what was torn (docs/format.md, section 12). */
#include "reader.h"

#include "diag.h"

/* A backward search reads pieces of this size. */
#define SEARCH_BYTES ((uint64_t)1 << 20)

enum pxr_err pxr_commit_parse_record(const uint8_t *src, uint64_t off, uint64_t file_bytes,
                                     const struct pxr_superblock *sb, struct pxr_commit *out,
                                     struct pxr_diag *diag)
{
    struct pxr_record r;
    enum pxr_err e = pxr_parse_record(&r, src, off, file_bytes, sb->id, diag);
    if (e != PXR_OK)
        return e;
    if (r.type != PXR_RECORD_COMMIT || r.body_bytes != PXR_COMMIT_BODY_BYTES)
        return pxr_fail_at(diag, PXR_E_CORRUPT, off, "is not a commit");
    const uint8_t *body = src + PXR_RECORD_HEADER_BYTES;
#ifndef PXR_FUZZ_SKIP_CHECKSUMS
    const uint64_t hash = pxr_load_u64le(body + PXR_COMMIT_BODY_BYTES);
    if (hash != pxr_xxh3_64(body, PXR_COMMIT_BODY_BYTES))
        return pxr_fail_at(diag, PXR_E_CORRUPT, off, "a commit is damaged");
#endif
    return pxr_parse_commit(out, body, r.body_off, sb, diag);
}

/* Hops that a search may spend on one candidate, and on all: a cold disk needs milliseconds for each, and a forger can make
 * a million candidates. */
enum { MAX_HOPS = 1024, MAX_HOPS_OF_ALL = 64 * MAX_HOPS };

/* The record that holds off, hopping from record to record from from on, at most MAX_HOPS times: where it starts.
 * 0: one starts at off, or it cannot be told. */
static uint64_t find_around(const struct pxr_file *file, const struct pxr_superblock *sb, uint64_t from, uint64_t off,
                            unsigned *n_hops)
{
    for (int i = 0; i < MAX_HOPS && from < off; i++, ++*n_hops) {
        uint8_t header[PXR_RECORD_HEADER_BYTES];
        struct pxr_record r;
        if (pxr_file_read(file, from, header, sizeof header, NULL) != PXR_OK ||
            pxr_parse_record(&r, header, from, UINT64_MAX, sb->id, NULL) != PXR_OK)
            return 0;
        if (r.next_off > off)
            return from;
        from = r.next_off;
    }
    return 0;
}

/* Frames can hold any bytes, also those of a commit: where the record starts that holds this one, or 0. */
static uint64_t find_enclosing(const struct pxr_file *file, const struct pxr_superblock *sb, uint64_t file_bytes,
                               uint64_t off, const struct pxr_commit *commit, unsigned *n_hops)
{
    uint8_t record[PXR_COMMIT_RECORD_BYTES];
    struct pxr_commit previous;
    const uint64_t p = commit->previous_off;
    const uint64_t around = find_around(file, sb, PXR_SUPERBLOCK_BYTES, off, n_hops);
    if (around || !p || pxr_file_read(file, p, record, sizeof record, NULL) != PXR_OK ||
        pxr_commit_parse_record(record, p, file_bytes, sb, &previous, NULL) != PXR_OK)
        return around;
    return find_around(file, sb, p + PXR_COMMIT_RECORD_BYTES, off, n_hops);
}

/* The last commit that starts in [lo, hi), which lies inside the file, and before *ceiling, which falls to the
 * start of a record that holds something that looks like one. */
static enum pxr_err search_piece(const struct pxr_file *file, const struct pxr_superblock *sb,
                                 uint64_t lo, uint64_t hi, uint64_t file_bytes, uint64_t *ceiling, unsigned *n_hops,
                                 uint8_t *piece,
                                 struct pxr_commit *out, uint64_t *record_off,
                                 uint8_t record[PXR_COMMIT_RECORD_BYTES], struct pxr_diag *diag)
{
    enum pxr_err e = pxr_file_read(file, lo, piece, hi - lo, diag);
    for (uint64_t off = hi - 8; e == PXR_OK && off >= lo && off < hi; off -= 8) {
        if (off >= *ceiling || memcmp(piece + (off - lo), PXR_MARKER, 4) ||
            piece[off - lo + 4] != PXR_RECORD_COMMIT ||
            !pxr_range_fits(off, PXR_COMMIT_RECORD_BYTES, file_bytes))
            continue;
        struct pxr_record r;
        if (hi - off >= PXR_RECORD_HEADER_BYTES &&
            pxr_parse_record(&r, piece + (off - lo), off, file_bytes, sb->id, NULL) != PXR_OK)
            continue; /* without a read for each eight bytes that look like one */
        e = pxr_file_read(file, off, record, PXR_COMMIT_RECORD_BYTES, diag);
        if (e == PXR_OK && pxr_commit_parse_record(record, off, file_bytes, sb, out, NULL) == PXR_OK) {
            const uint64_t enclosing = find_enclosing(file, sb, file_bytes, off, out, n_hops);
            *record_off = off;
            if (!enclosing)
                return PXR_OK;
            *ceiling = enclosing;
            if (*n_hops > MAX_HOPS_OF_ALL)
                return pxr_fail_at(diag, PXR_E_TRUNCATED, off,
                                   "holds no commit that can be told from the many that lie inside other records");
        }
    }
    *record_off = 0;
    return e;
}

enum pxr_err pxr_commit_find(const struct pxr_file *file, const struct pxr_superblock *sb,
                             uint64_t file_bytes, struct pxr_commit *out, uint64_t *record_off,
                             uint8_t record[PXR_COMMIT_RECORD_BYTES], struct pxr_diag *diag)
{
    enum pxr_err e = PXR_OK;
    if (file_bytes >= PXR_SUPERBLOCK_BYTES + PXR_COMMIT_RECORD_BYTES && !(file_bytes & 7)) {
        *record_off = file_bytes - PXR_COMMIT_RECORD_BYTES;
        e = pxr_file_read(file, *record_off, record, PXR_COMMIT_RECORD_BYTES, diag);
        if (e != PXR_OK)
            return e;
        if (pxr_commit_parse_record(record, *record_off, file_bytes, sb, out, NULL) == PXR_OK)
            return PXR_OK;
    }
    unsigned n_hops = 0;
    uint64_t hi = file_bytes & ~(uint64_t)7, ceiling = hi;
    const uint64_t floor = hi - PXR_SUPERBLOCK_BYTES > PXR_COMMIT_WINDOW_BYTES
                               ? hi - PXR_COMMIT_WINDOW_BYTES
                               : PXR_SUPERBLOCK_BYTES;
    uint8_t *piece = pxr_alloc(SEARCH_BYTES);
    if (!piece)
        return pxr_fail_nomem(diag, SEARCH_BYTES);
    *record_off = 0;
    while (e == PXR_OK && hi > floor && !*record_off) {
        const uint64_t lo = hi - pxr_min_u64(hi - floor, SEARCH_BYTES);
        e = search_piece(file, sb, lo, hi, file_bytes, &ceiling, &n_hops, piece, out, record_off, record, diag);
        hi = lo;
    }
    pxr_free(piece);
    if (e == PXR_OK && !*record_off)
        e = pxr_fail_at(diag, PXR_E_TRUNCATED, file_bytes,
                        "holds no complete commit: its writing was never finished");
    return e;
}
