/* SPDX-License-Identifier: MIT
 * A file seen through its parity: heads found by searching, spans examined, and reads that give what was lost.
 *
 * What was computed is not kept, since a damaged archive may have gigabytes of it: only which cells are damaged. */
#include "parity_repair.h"

#include "alloc.h"
#include "bytes.h"
#include "diag.h"
#include "records.h"

#include <pthread.h>
#include <stdlib.h>

enum {
    CELL = PXR_PARITY_CELL_BYTES,
    CACHE_CELLS = 1024, /* cells that were computed last: 4 MiB */
    MAX_LOOSE = 1024,   /* heads of records that are neither whole in front nor behind: only forgers make more */
};

/* Bytes that a head knows without computing: the header of its record, and the commit behind it. */
struct patch {
    uint64_t off;
    uint32_t n, order; /* of two that overlap the one that was added later counts */
    uint8_t bytes[PXR_COMMIT_RECORD_BYTES];
};

/* Which bytes spans cover: by where they start, with the furthest end of all up to there. */
struct covered {
    uint64_t first_off, end_off;
};

struct pxr_repair_view {
    struct pxr_file file; /* damaged, borrowed */
    uint64_t file_bytes, total_bytes;
    struct pxr_parity_head *spans;
    size_t n_spans, spans_capacity;
    struct covered *covered; /* n_spans; NULL once the patches are made */
    struct pxr_bad_cells bad; /* in the end: in order of cells */
    struct patch *patches; /* in the end: in order of bytes */
    size_t n_patches, patches_capacity;
    struct pxr_span_reader reader;
    pthread_mutex_t lock; /* of reader and cache; held while cells are computed, which happens for damaged ones only */
    uint64_t cached[CACHE_CELLS]; /* cell + 1; 0: none                     */
    uint64_t wanted;              /* is not pushed out by others of its column */
    uint8_t *cache;
};

void pxr_repair_free(struct pxr_repair_view *v)
{
    if (!v)
        return;
    pxr_span_fini(&v->reader);
    pthread_mutex_destroy(&v->lock);
    pxr_free(v->spans);
    pxr_free(v->covered);
    pxr_free(v->bad.cells);
    pxr_free(v->patches);
    pxr_free(v->cache);
    pxr_free(v);
}

/* ---- finding heads ------------------------------------------------------------------------------ */

static enum pxr_err add_span(struct pxr_repair_view *v, const struct pxr_parity_head *h, struct pxr_diag *diag)
{
    if (!pxr_reserve(&v->spans, &v->spans_capacity, v->n_spans + 1, sizeof *v->spans))
        return pxr_fail_nomem(diag, v->n_spans * sizeof *v->spans);
    v->spans[v->n_spans++] = *h;
    return PXR_OK;
}

static bool is_head_at(const struct pxr_repair_view *v, const struct pxr_parity_head *h, unsigned copy)
{
    uint8_t bytes[PXR_PARITY_HEAD_BYTES];
    struct pxr_parity_head other;
    const uint64_t off = pxr_parity_head_off(h, copy);
    return pxr_range_fits(off, sizeof bytes, v->file_bytes) &&
           pxr_file_read(&v->file, off, bytes, sizeof bytes, NULL) == PXR_OK &&
           pxr_parity_head_parse(&other, bytes, NULL) == PXR_OK && other.record_off == h->record_off &&
           other.body_bytes == h->body_bytes;
}

static bool has_record_header(const struct pxr_repair_view *v, const struct pxr_parity_head *h)
{
    uint8_t bytes[PXR_RECORD_HEADER_BYTES];
    struct pxr_record r;
    return pxr_file_read(&v->file, h->record_off, bytes, sizeof bytes, NULL) == PXR_OK &&
           pxr_parse_record(&r, bytes, h->record_off, UINT64_MAX, h->id, NULL) == PXR_OK &&
           r.type == PXR_RECORD_PARITY && r.body_bytes == h->body_bytes;
}

/* Where a search for heads is. */
struct head_search {
    uint64_t off;      /* of what is looked at next                  */
    uint64_t free_off; /* records of heads to come begin behind here */
    unsigned n_loose;
};

/* A head stands at s->off.  Frames may hold archives with their parity, but not at the places that their heads say. */
static enum pxr_err take_head(struct pxr_repair_view *v, struct head_search *s, const struct pxr_parity_head *h,
                              struct pxr_diag *diag)
{
    const uint64_t off = s->off;
    unsigned copy = 0;
    while (copy < PXR_PARITY_COPIES && pxr_parity_head_off(h, copy) != off)
        copy++;
    s->off += 8;
    if (copy == PXR_PARITY_COPIES || h->record_off < s->free_off ||
        (v->n_spans && memcmp(h->id, v->spans[0].id, sizeof h->id)))
        return PXR_OK;
    /* One more witness for where the record ends: then nothing in it is looked at. */
    if (copy || has_record_header(v, h) || is_head_at(v, h, 1) || is_head_at(v, h, 2))
        s->off = s->free_off = pxr_parity_next_off(h);
    else if (++s->n_loose > MAX_LOOSE)
        return PXR_OK;
    return add_span(v, h, diag);
}

static enum pxr_err find_heads(struct pxr_repair_view *v, const struct pxr_recover_opts *opts, struct pxr_diag *diag)
{
    struct head_search s = {.off = PXR_SUPERBLOCK_BYTES};
    uint8_t *piece = pxr_alloc(PXR_PIECE_BYTES);
    enum pxr_err e = piece ? PXR_OK : pxr_fail_nomem(diag, PXR_PIECE_BYTES);
    while (e == PXR_OK && pxr_range_fits(s.off, PXR_PARITY_HEAD_BYTES, v->file_bytes)) {
        const uint64_t lo = s.off;
        const size_t n = (size_t)pxr_min_u64(PXR_PIECE_BYTES, v->file_bytes - lo);
        e = pxr_file_read(&v->file, lo, piece, n, diag);
        while (e == PXR_OK && s.off - lo <= n - PXR_PARITY_HEAD_BYTES) {
            struct pxr_parity_head h;
            const uint8_t *p = piece + (s.off - lo);
            if (!memcmp(p, PXR_PARITY_MARKER, 8) && pxr_parity_head_parse(&h, p, NULL) == PXR_OK)
                e = take_head(v, &s, &h, diag);
            else
                s.off += 8;
        }
        if (opts->progress)
            opts->progress(opts->arg, pxr_min_u64(s.off, v->file_bytes), v->file_bytes);
    }
    pxr_free(piece);
    return e;
}

/* ---- what heads know ---------------------------------------------------------------------------- */

static int compare_covered(const void *x, const void *y)
{
    const struct covered *a = x, *b = y;
    return (a->first_off > b->first_off) - (a->first_off < b->first_off);
}

static enum pxr_err make_covered(struct pxr_repair_view *v, struct pxr_diag *diag)
{
    if (!v->n_spans)
        return PXR_OK;
    v->covered = pxr_alloc_zero(v->n_spans, sizeof *v->covered);
    if (!v->covered)
        return pxr_fail_nomem(diag, v->n_spans * sizeof *v->covered);
    for (size_t i = 0; i < v->n_spans; i++)
        v->covered[i] = (struct covered){v->spans[i].first_off, v->spans[i].end_off};
    qsort(v->covered, v->n_spans, sizeof *v->covered, compare_covered);
    for (size_t i = 1; i < v->n_spans; i++)
        v->covered[i].end_off = pxr_max_u64(v->covered[i].end_off, v->covered[i - 1].end_off);
    return PXR_OK;
}

/* Whether one span holds all of it. */
static bool is_covered(const struct pxr_repair_view *v, uint64_t off, uint64_t n)
{
    size_t lo = 0, hi = v->n_spans;
    while (lo < hi) { /* the first that starts behind off */
        const size_t mid = lo + (hi - lo) / 2;
        if (v->covered[mid].first_off <= off)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo && off + n <= v->covered[lo - 1].end_off;
}

/* Make [off, off + n) what is wanted, if it is not. */
static enum pxr_err add_patch(struct pxr_repair_view *v, uint64_t off, const uint8_t *want, uint32_t n,
                              struct pxr_diag *diag)
{
    struct patch p = {.off = off, .n = n, .order = (uint32_t)v->n_patches};
    if (!pxr_range_fits(off, n, v->file_bytes)) /* a commit that was never written must not come to life */
        return PXR_OK;
    enum pxr_err e = pxr_file_read(&v->file, off, p.bytes, n, diag);
    if (e != PXR_OK || !memcmp(p.bytes, want, n) || is_covered(v, off, n))
        return e;
    memcpy(p.bytes, want, n);
    if (!pxr_reserve(&v->patches, &v->patches_capacity, v->n_patches + 1, sizeof *v->patches))
        return pxr_fail_nomem(diag, v->n_patches * sizeof *v->patches);
    v->patches[v->n_patches++] = p;
    return PXR_OK;
}

static enum pxr_err patch_commit(struct pxr_repair_view *v, const struct pxr_parity_head *h, struct pxr_diag *diag)
{
    uint8_t want[PXR_COMMIT_RECORD_BYTES], header[PXR_RECORD_HEADER_BYTES];
    struct pxr_record r;
    const uint64_t off = pxr_parity_next_off(h);
    pxr_record_store(want, PXR_RECORD_COMMIT, PXR_COMMIT_BODY_BYTES, h->sequence + 1, h->id);
    memcpy(want + sizeof header, h->commit, PXR_COMMIT_BODY_BYTES);
    pxr_store_u64le(want + sizeof header + PXR_COMMIT_BODY_BYTES, pxr_xxh3_64(h->commit, PXR_COMMIT_BODY_BYTES));
    /* A torn append, that the next one has skipped: another record stands there. */
    if (pxr_file_read(&v->file, off, header, sizeof header, NULL) == PXR_OK &&
        pxr_parse_record(&r, header, off, UINT64_MAX, h->id, NULL) == PXR_OK && r.type != PXR_RECORD_COMMIT)
        return PXR_OK;
    return add_patch(v, off, want, sizeof want, diag);
}

static int compare_patches(const void *x, const void *y)
{
    const struct patch *a = x, *b = y;
    return a->off != b->off ? (a->off < b->off ? -1 : 1) : (a->order > b->order) - (a->order < b->order);
}

static enum pxr_err patch_from_heads(struct pxr_repair_view *v, struct pxr_diag *diag)
{
    enum pxr_err e = make_covered(v, diag);
    for (size_t i = 0; i < v->n_spans && e == PXR_OK; i++) {
        const struct pxr_parity_head *h = &v->spans[i];
        uint8_t header[PXR_RECORD_HEADER_BYTES];
        pxr_record_store(header, PXR_RECORD_PARITY, h->body_bytes, h->sequence, h->id);
        e = add_patch(v, h->record_off, header, sizeof header, diag);
        if (e == PXR_OK && h->has_commit)
            e = patch_commit(v, h, diag);
    }
    if (v->n_patches)
        qsort(v->patches, v->n_patches, sizeof *v->patches, compare_patches);
    pxr_free(v->covered);
    v->covered = NULL;
    return e;
}

/* ---- reading ------------------------------------------------------------------------------------ */

static uint8_t *cache_slot(struct pxr_repair_view *v, uint64_t cell)
{
    return v->cache + (size_t)(cell % CACHE_CELLS) * CELL;
}

static void keep_solved(void *arg, uint64_t cell, const uint8_t *bytes)
{
    struct pxr_repair_view *v = arg;
    if (cell != v->wanted && cell % CACHE_CELLS == v->wanted % CACHE_CELLS)
        return;
    memcpy(cache_slot(v, cell), bytes, CELL);
    v->cached[cell % CACHE_CELLS] = cell + 1;
}

/* Put what a damaged cell held into [off, off + n) of dst. */
static enum pxr_err apply_cell(struct pxr_repair_view *v, const struct pxr_bad_cell *bad, uint64_t off, uint8_t *dst,
                               size_t n)
{
    const struct pxr_parity_head *h = &v->spans[bad->span];
    const uint64_t start = bad->cell * CELL;
    const uint64_t lo = pxr_max_u64(off, pxr_max_u64(start, h->first_off));
    const uint64_t hi = pxr_min_u64(off + n, pxr_min_u64(start + CELL, h->end_off));
    enum pxr_err e = PXR_OK;
    if (!bad->is_solved || lo >= hi)
        return PXR_OK;
    if (v->cached[bad->cell % CACHE_CELLS] != bad->cell + 1) {
        v->wanted = bad->cell;
        e = pxr_span_load(&v->reader, h, NULL);
        if (e == PXR_OK)
            e = pxr_span_solve(&v->reader, (uint32_t)((bad->cell - h->first_cell) % h->shard_cells), keep_solved, v, NULL);
    }
    if (e == PXR_OK && v->cached[bad->cell % CACHE_CELLS] != bad->cell + 1)
        return PXR_E_CHANGED; /* it was solved before */
    if (e == PXR_OK)
        memcpy(dst + (lo - off), cache_slot(v, bad->cell) + (lo - start), hi - lo);
    return e;
}

static enum pxr_err apply_cells(struct pxr_repair_view *v, uint64_t off, uint8_t *dst, size_t n)
{
    const uint64_t first = off / CELL, end = pxr_div_up_u64(off + n, CELL);
    size_t lo = 0, hi = v->bad.n;
    enum pxr_err e = PXR_OK;
    while (lo < hi) {
        const size_t mid = lo + (hi - lo) / 2;
        if (v->bad.cells[mid].cell < first)
            lo = mid + 1;
        else
            hi = mid;
    }
    for (; lo < v->bad.n && v->bad.cells[lo].cell < end && e == PXR_OK; lo++)
        e = apply_cell(v, &v->bad.cells[lo], off, dst, n);
    return e;
}

static void apply_patches(const struct pxr_repair_view *v, uint64_t off, uint8_t *dst, size_t n)
{
    size_t lo = 0, hi = v->n_patches;
    while (lo < hi) { /* the first that can reach to off */
        const size_t mid = lo + (hi - lo) / 2;
        if (v->patches[mid].off + sizeof v->patches[mid].bytes <= off)
            lo = mid + 1;
        else
            hi = mid;
    }
    for (; lo < v->n_patches && v->patches[lo].off < off + n; lo++) {
        const struct patch *p = &v->patches[lo];
        const uint64_t from = pxr_max_u64(off, p->off), to = pxr_min_u64(off + n, p->off + p->n);
        if (from < to)
            memcpy(dst + (from - off), p->bytes + (from - p->off), to - from);
    }
}

static enum pxr_err view_read(void *arg, uint64_t off, void *dst, size_t n, size_t *got, int *sys_errno)
{
    struct pxr_repair_view *v = arg;
    *got = off < v->total_bytes ? (size_t)pxr_min_u64(n, v->total_bytes - off) : 0;
    const size_t there = off < v->file_bytes ? (size_t)pxr_min_u64(*got, v->file_bytes - off) : 0;
    size_t had = 0;
    enum pxr_err e = there ? v->file.io.read_at(v->file.arg, off, dst, there, &had, sys_errno) : PXR_OK;
    if (e != PXR_OK || !*got)
        return e;
    memset((uint8_t *)dst + had, 0, *got - had);
    apply_patches(v, off, dst, *got);
    pthread_mutex_lock(&v->lock);
    e = apply_cells(v, off, dst, *got);
    pthread_mutex_unlock(&v->lock);
    return e;
}

static enum pxr_err view_bytes(void *arg, uint64_t *total, int *sys_errno)
{
    const struct pxr_repair_view *v = arg;
    (void)sys_errno;
    *total = v->total_bytes;
    return PXR_OK;
}

static void view_close(void *arg) { (void)arg; }

struct pxr_file pxr_repair_file(struct pxr_repair_view *v)
{
    return (struct pxr_file){{.read_at = view_read, .bytes = view_bytes, .close = view_close}, v};
}

/* ---- telling ------------------------------------------------------------------------------------ */

static int compare_cells(const void *x, const void *y)
{
    const struct pxr_bad_cell *a = x, *b = y;
    return a->cell != b->cell ? (a->cell < b->cell ? -1 : 1) : (a->span > b->span) - (a->span < b->span);
}

static void tell(const struct pxr_recover_opts *opts, struct pxr_recover_report *report, uint64_t off, uint64_t end,
                 bool is_repaired)
{
    const struct pxr_repair range = {.off_bytes = off, .n_bytes = end - off, .is_repaired = is_repaired};
    report->n_bytes_repaired += is_repaired ? end - off : 0;
    report->n_bytes_unrepaired += is_repaired ? 0 : end - off;
    if (opts->repaired)
        opts->repaired(opts->arg, &range);
}

/* Neighbours with the same fate are one range. */
static void tell_all(struct pxr_repair_view *v, const struct pxr_recover_opts *opts, struct pxr_recover_report *report)
{
    const struct pxr_bad_cell *b = v->bad.cells;
    for (size_t i = 0; i < v->n_patches; i++)
        tell(opts, report, v->patches[i].off, v->patches[i].off + v->patches[i].n, true);
    for (size_t i = 0, n; i < v->bad.n; i += n) {
        for (n = 1; i + n < v->bad.n && b[i + n].is_solved == b[i].is_solved && b[i + n].cell == b[i + n - 1].cell + 1; n++)
            ;
        tell(opts, report, b[i].cell * CELL + b[i].first, b[i + n - 1].cell * CELL + b[i + n - 1].last + 1u, b[i].is_solved);
    }
}

/* ---- all of it ---------------------------------------------------------------------------------- */

static enum pxr_err examine_spans(struct pxr_repair_view *v, const struct pxr_recover_opts *opts, struct pxr_diag *diag)
{
    enum pxr_err e = PXR_OK;
    uint64_t n_examined = 0;
    v->total_bytes = v->file_bytes;
    for (size_t i = 0; i < v->n_spans && e == PXR_OK; i++) {
        n_examined += v->spans[i].end_off - v->spans[i].first_off;
        if (n_examined > pxr_most_reread(v->file_bytes))
            break;
        e = pxr_span_load(&v->reader, &v->spans[i], diag);
        if (e == PXR_OK)
            e = pxr_span_examine(&v->reader, (uint32_t)i, &v->bad, diag);
        if (opts->progress)
            opts->progress(opts->arg, pxr_min_u64(v->spans[i].record_off, v->file_bytes), v->file_bytes);
    }
    for (size_t i = 0; i < v->bad.n; i++)
        if (v->bad.cells[i].is_solved)
            v->total_bytes = pxr_max_u64(v->total_bytes, pxr_min_u64((v->bad.cells[i].cell + 1) * CELL,
                                                                     v->spans[v->bad.cells[i].span].end_off));
    if (v->bad.n)
        qsort(v->bad.cells, v->bad.n, sizeof *v->bad.cells, compare_cells);
    return e;
}

enum pxr_err pxr_repair_scan(struct pxr_repair_view **out, const struct pxr_file *file,
                             const struct pxr_recover_opts *opts, struct pxr_recover_report *report, uint8_t *percent,
                             struct pxr_diag *diag)
{
    *out = NULL;
    *percent = 0;
    struct pxr_repair_view *v = pxr_alloc_zero(1, sizeof *v);
    if (!v)
        return pxr_fail_nomem(diag, sizeof *v);
    pthread_mutex_init(&v->lock, NULL);
    v->file = *file;
    enum pxr_err e = pxr_file_bytes(file, &v->file_bytes, diag);
    v->reader.file = &v->file;
    v->reader.file_bytes = v->file_bytes;
    if (e == PXR_OK)
        e = find_heads(v, opts, diag);
    if (e == PXR_OK)
        e = patch_from_heads(v, diag);
    if (e == PXR_OK)
        e = examine_spans(v, opts, diag);
    if (e == PXR_OK && !(v->cache = pxr_alloc((size_t)CACHE_CELLS * CELL)))
        e = pxr_fail_nomem(diag, (uint64_t)CACHE_CELLS * CELL);
    if (e == PXR_OK) {
        report->n_parity_records = v->n_spans;
        *percent = v->n_spans ? v->spans[v->n_spans - 1].percent : 0;
        tell_all(v, opts, report);
    }
    if (e == PXR_OK && (v->bad.n || v->n_patches))
        *out = v;
    else
        pxr_repair_free(v);
    return e;
}
