/* SPDX-License-Identifier: MIT
 * Two damaged copies of one archive, read as one file that is better than both. */
#include "two_copies.h"
#include "records.h"

#include "alloc.h"
#include "bytes.h"
#include "diag.h"

enum {
    SECTOR = 512, /* places that differ are counted in these */
    MAX_PLACES = 10,
};
/* What may be read for all tries at all records. */
#define MAX_TRIED_BYTES ((uint64_t)1 << 35)

/* Bytes that come from the second copy. */
struct pick {
    uint64_t off, end;
};

struct pxr_two_copies {
    struct pxr_file files[2]; /* borrowed */
    uint64_t n_bytes[2], total_bytes, tried_bytes, nested_bytes;
    uint8_t id[16];
    struct pick *picks; /* in order */
    size_t n_picks, capacity;
    uint64_t next_off[2];    /* the next header of each copy, where it was searched for: none lies in front of it */
    uint64_t checked_end[2]; /* bodies of each copy were read up to here */
    uint8_t *piece, *other; /* PXR_PIECE_BYTES each */
    pxr_xxh3 *hash;
};

void pxr_two_copies_free(struct pxr_two_copies *t)
{
    if (!t)
        return;
    pxr_free(t->picks);
    pxr_free(t->piece);
    pxr_free(t->other);
    pxr_xxh3_free(t->hash);
    pxr_free(t);
}

/* ---- reading ------------------------------------------------------------------------------------ */

/* Behind the end of a copy: zeros. */
static enum pxr_err read_copy(const struct pxr_two_copies *t, int which, uint64_t off, uint8_t *dst, size_t n, int *sys_errno)
{
    const struct pxr_file *f = &t->files[which];
    const size_t there = off < t->n_bytes[which] ? (size_t)pxr_min_u64(n, t->n_bytes[which] - off) : 0;
    size_t got = 0;
    const enum pxr_err e = there ? f->io.read_at(f->arg, off, dst, there, &got, sys_errno) : PXR_OK;
    if (e == PXR_OK)
        memset(dst + got, 0, n - got);
    return e;
}

static enum pxr_err mixed_read(void *arg, uint64_t off, void *dst, size_t n, size_t *got, int *sys_errno)
{
    const struct pxr_two_copies *t = arg;
    *got = off < t->total_bytes ? (size_t)pxr_min_u64(n, t->total_bytes - off) : 0;
    enum pxr_err e = *got ? read_copy(t, 0, off, dst, *got, sys_errno) : PXR_OK;
    size_t lo = 0, hi = t->n_picks;
    while (lo < hi) { /* the first pick that ends behind off */
        const size_t mid = lo + (hi - lo) / 2;
        if (t->picks[mid].end <= off)
            lo = mid + 1;
        else
            hi = mid;
    }
    for (; lo < t->n_picks && t->picks[lo].off < off + *got && e == PXR_OK; lo++) {
        const uint64_t from = pxr_max_u64(off, t->picks[lo].off), to = pxr_min_u64(off + *got, t->picks[lo].end);
        e = read_copy(t, 1, from, (uint8_t *)dst + (from - off), to - from, sys_errno);
    }
    return e;
}

static enum pxr_err mixed_bytes(void *arg, uint64_t *total, int *sys_errno)
{
    const struct pxr_two_copies *t = arg;
    (void)sys_errno;
    *total = t->total_bytes;
    return PXR_OK;
}

static void mixed_close(void *arg) { (void)arg; }

struct pxr_file pxr_two_copies_file(struct pxr_two_copies *t)
{
    return (struct pxr_file){{.read_at = mixed_read, .bytes = mixed_bytes, .close = mixed_close}, t};
}

uint64_t pxr_two_copies_taken(const struct pxr_two_copies *t)
{
    uint64_t n = 0;
    for (size_t i = 0; i < t->n_picks; i++)
        n += t->picks[i].end - t->picks[i].off;
    return n;
}

/* ---- choosing ----------------------------------------------------------------------------------- */

static enum pxr_err add_pick(struct pxr_two_copies *t, uint64_t off, uint64_t end, struct pxr_diag *diag)
{
    if (t->n_picks && t->picks[t->n_picks - 1].end == off) {
        t->picks[t->n_picks - 1].end = end;
        return PXR_OK;
    }
    if (!pxr_reserve(&t->picks, &t->capacity, t->n_picks + 1, sizeof *t->picks))
        return pxr_fail_nomem(diag, t->n_picks * sizeof *t->picks);
    t->picks[t->n_picks++] = (struct pick){off, end};
    return PXR_OK;
}

static bool header_at(const struct pxr_two_copies *t, int which, uint64_t off, struct pxr_record *r)
{
    uint8_t header[PXR_RECORD_HEADER_BYTES];
    int unused;
    return read_copy(t, which, off, header, sizeof header, &unused) == PXR_OK &&
           pxr_parse_record(r, header, off, UINT64_MAX, t->id, NULL) == PXR_OK;
}

static enum pxr_err check_body(struct pxr_two_copies *t, const struct pxr_file *file, const struct pxr_record *r,
                               bool *is_sound, struct pxr_diag *diag)
{
    const enum pxr_err e = pxr_record_check_body(file, r, t->hash, t->piece, diag);
    *is_sound = e == PXR_OK;
    return e == PXR_E_CORRUPT || e == PXR_E_TRUNCATED ? PXR_OK : e;
}

/* A run of sectors of [off, end) in which the copies differ; only the first MAX_PLACES + 1 are looked for. */
static enum pxr_err find_places(struct pxr_two_copies *t, uint64_t off, uint64_t end, struct pick *places, unsigned *n_places,
                                struct pxr_diag *diag)
{
    *n_places = 0;
    for (uint64_t at = off; at < end && *n_places <= MAX_PLACES;) {
        const size_t n = (size_t)pxr_min_u64(PXR_PIECE_BYTES - at % SECTOR, end - at);
        int sys_errno = 0;
        enum pxr_err e = read_copy(t, 0, at, t->piece, n, &sys_errno);
        if (e == PXR_OK)
            e = read_copy(t, 1, at, t->other, n, &sys_errno);
        if (e != PXR_OK)
            return pxr_fail_sys(diag, e, sys_errno, "cannot be read");
        for (size_t i = 0, k; i < n && *n_places <= MAX_PLACES; i += k) {
            k = (size_t)pxr_min_u64(SECTOR - (at + i) % SECTOR, n - i);
            if (!memcmp(t->piece + i, t->other + i, k))
                continue;
            if (*n_places && places[*n_places - 1].end == at + i)
                places[*n_places - 1].end = at + i + k;
            else
                places[(*n_places)++] = (struct pick){at + i, at + i + k};
        }
        at += n;
    }
    return PXR_OK;
}

/* Damaged in both: take each place where they differ from either one, in all combinations.  What cannot be decided
 * stays as the first copy has it. */
static enum pxr_err combine(struct pxr_two_copies *t, const struct pxr_record *r, uint64_t off, struct pxr_diag *diag)
{
    struct pick places[MAX_PLACES + 1];
    unsigned n;
    const struct pxr_file mixed = pxr_two_copies_file(t);
    const uint64_t end = pxr_min_u64(r->next_off, t->total_bytes);
    const size_t n_before = t->n_picks;
    const struct pick last = n_before ? t->picks[n_before - 1] : (struct pick){0, 0};
    bool is_sound = false;
    enum pxr_err e = find_places(t, off, end, places, &n, diag);
    if (e != PXR_OK || n > MAX_PLACES || r->next_off > t->total_bytes ||
        end - off > (MAX_TRIED_BYTES - t->tried_bytes) >> n)
        return e;
    t->tried_bytes += (end - off) << n;
    for (unsigned mask = 1; mask < 1u << n && e == PXR_OK && !is_sound; mask++) {
        t->n_picks = n_before;
        if (n_before)
            t->picks[n_before - 1] = last; /* a pick may have been joined to it */
        for (unsigned i = 0; i < n && e == PXR_OK; i++)
            if (mask >> i & 1)
                e = add_pick(t, places[i].off, places[i].end, diag);
        if (e == PXR_OK)
            e = check_body(t, &mixed, r, &is_sound, diag);
    }
    if (!is_sound) {
        t->n_picks = n_before;
        if (n_before)
            t->picks[n_before - 1] = last;
    }
    return e;
}

/* The record at off, as at least one copy says that there is one. */
static enum pxr_err choose_record(struct pxr_two_copies *t, uint64_t off, const struct pxr_record *records,
                                  const bool *has, uint64_t *next, struct pxr_diag *diag)
{
    for (int which = 0; which < 2; which++) {
        bool is_sound = false;
        const struct pxr_record *r = &records[which];
        if (!has[which] || r->next_off > t->n_bytes[which])
            continue;
        /* Records overlap in one copy only where its headers were forged: then bodies are not read again for ever. */
        t->nested_bytes += off < t->checked_end[which] ? r->body_bytes : 0;
        if (off < t->checked_end[which] && t->nested_bytes > pxr_most_reread(t->total_bytes))
            continue;
        t->checked_end[which] = pxr_max_u64(t->checked_end[which], r->next_off);
        const enum pxr_err e = check_body(t, &t->files[which], r, &is_sound, diag);
        *next = r->next_off;
        if (e != PXR_OK || is_sound)
            return e == PXR_OK && which ? add_pick(t, off, r->next_off, diag) : e;
    }
    const struct pxr_record *r = &records[has[0] ? 0 : 1];
    *next = r->next_off;
    enum pxr_err e = PXR_OK;
    if (!has[0])
        e = add_pick(t, off, r->body_off, diag);
    return e == PXR_OK ? combine(t, r, has[0] ? off : r->body_off, diag) : e;
}

static enum pxr_err walk(struct pxr_two_copies *t, struct pxr_diag *diag)
{
    uint64_t off = PXR_SUPERBLOCK_BYTES;
    enum pxr_err e = PXR_OK;
    while (off < t->total_bytes && e == PXR_OK) {
        struct pxr_record records[2], r;
        const bool has[2] = {header_at(t, 0, off, &records[0]), header_at(t, 1, off, &records[1])};
        if (has[0] || has[1]) {
            e = choose_record(t, off, records, has, &off, diag);
            continue;
        }
        for (int which = 0; which < 2 && e == PXR_OK; which++) {
            uint64_t *const next = &t->next_off[which];
            if (*next > off)
                continue;
            e = pxr_record_search(&t->files[which], t->id, off + 8, t->n_bytes[which], t->piece, next, &r, diag);
            if (*next >= t->n_bytes[which])
                *next = UINT64_MAX;
        }
        off = pxr_min_u64(t->next_off[0], t->next_off[1]);
    }
    return e;
}

/* ---- all of it ---------------------------------------------------------------------------------- */

/* Of the superblock, or of the first record; false: neither is whole. */
static bool find_id(const struct pxr_two_copies *t, int which, uint8_t id[16], bool *has_superblock)
{
    uint8_t bytes[PXR_SUPERBLOCK_BYTES + PXR_RECORD_HEADER_BYTES];
    struct pxr_record r;
    int unused;
    *has_superblock = false;
    if (read_copy(t, which, 0, bytes, sizeof bytes, &unused) != PXR_OK)
        return false;
    *has_superblock = !memcmp(bytes, PXR_MAGIC, 8) && pxr_load_u64le(bytes + 120) == pxr_xxh3_64(bytes, 120);
    const uint8_t *const header = bytes + PXR_SUPERBLOCK_BYTES;
    const bool has_record = pxr_parse_record(&r, header, PXR_SUPERBLOCK_BYTES, UINT64_MAX, header + 24, NULL) == PXR_OK;
    if (*has_superblock || has_record)
        memcpy(id, *has_superblock ? bytes + 72 : header + 24, 16);
    return *has_superblock || has_record;
}

static enum pxr_err identify(struct pxr_two_copies *t, struct pxr_diag *diag)
{
    uint8_t ids[2][16];
    bool has_superblock[2];
    const bool has[2] = {find_id(t, 0, ids[0], &has_superblock[0]), find_id(t, 1, ids[1], &has_superblock[1])};
    if (!has[0] && !has[1])
        return pxr_fail_at(diag, PXR_E_NOTPXR, 0, "neither copy says which archive it is");
    if (has[0] && has[1] && memcmp(ids[0], ids[1], 16))
        return pxr_fail(diag, PXR_E_MISMATCH, "the two files are not copies of one archive: their ids differ");
    memcpy(t->id, ids[has[0] ? 0 : 1], 16);
    return !has_superblock[0] && has_superblock[1] ? add_pick(t, 0, PXR_SUPERBLOCK_BYTES, diag) : PXR_OK;
}

enum pxr_err pxr_two_copies_open(struct pxr_two_copies **out, const struct pxr_file *first,
                                 const struct pxr_file *second, struct pxr_diag *diag)
{
    struct pxr_two_copies *t = pxr_alloc_zero(1, sizeof *t);
    *out = NULL;
    if (!t)
        return pxr_fail_nomem(diag, sizeof *t);
    t->files[0] = *first;
    t->files[1] = *second;
    t->piece = pxr_alloc(PXR_PIECE_BYTES);
    t->other = pxr_alloc(PXR_PIECE_BYTES);
    t->hash = pxr_xxh3_new();
    enum pxr_err e = t->piece && t->other && t->hash ? PXR_OK : pxr_fail_nomem(diag, PXR_PIECE_BYTES);
    for (int i = 0; i < 2 && e == PXR_OK; i++)
        e = pxr_file_bytes(&t->files[i], &t->n_bytes[i], diag);
    t->total_bytes = pxr_max_u64(t->n_bytes[0], t->n_bytes[1]);
    if (e == PXR_OK)
        e = identify(t, diag);
    if (e == PXR_OK)
        e = walk(t, diag);
    if (e == PXR_OK)
        *out = t;
    else
        pxr_two_copies_free(t);
    return e;
}
