/* SPDX-License-Identifier: MIT
 * Appending a view index: frames are decoded and measured by a pool, entries written in order. */
#include "view_index.h"
#include "writer.h"

#include "diag.h"
#include "pool.h"

#include <stdlib.h>

#define JOB_FRAMES 16u
#define ENTRIES_BYTES 32768u /* of a page, about */
/* The table is made from the first group, but not from more than this. */
#define SAMPLE_BYTES ((uint64_t)64 << 20)
/* Section 12: commits are at most 2^29 bytes apart. */
#define COMMIT_BYTES ((uint64_t)1 << 28)

/* Some frames, measured by a worker. */
struct job {
    struct pxr_job job;
    const struct indexing *indexing;
    pxr_decoder *decoder;
    uint8_t *pixels, *memory, *entries;
    uint64_t first_frame;
    uint32_t n_frames; /* 0: nothing was submitted */
    enum pxr_err err;
};

struct indexing {
    pxr_writer *writer;
    pxr_archive *archive; /* the writer's base */
    struct pxr_small_bands bands;
    struct pxr_small_table table;
    uint32_t entry_bytes, page_frames;
    uint64_t first_new, n_done;
    struct pxr_buffer page, refs; /* entries of the page that fills; off and hash of each full one */
    uint64_t page_first, n_bytes_uncommitted;
    struct job *jobs;
    unsigned n_jobs;
    struct pxr_diag *diag;
};

static enum pxr_err read_frame(struct job *j, uint64_t frame)
{
    const struct pxr_small_bands *b = &j->indexing->bands;
    const size_t row = b->row_bytes - 1;
    return pxr_frame_read(j->decoder, frame, 0, b->height_px, j->pixels, row * b->height_px, row);
}

static void run_job(void *arg)
{
    struct job *j = arg;
    const struct indexing *x = j->indexing;
    j->err = PXR_OK;
    for (uint32_t i = 0; i < j->n_frames && j->err == PXR_OK; i++) {
        j->err = read_frame(j, j->first_frame + i);
        if (j->err == PXR_OK)
            pxr_small_entry_make(&x->bands, &x->table, j->pixels, j->memory,
                                 j->entries + (size_t)i * x->entry_bytes);
    }
}

static enum pxr_err start_jobs(struct indexing *x, unsigned n_threads)
{
    const size_t frame_bytes = (x->bands.row_bytes - 1) * x->bands.height_px;
    x->n_jobs = n_threads + 1;
    x->jobs = pxr_alloc_zero(x->n_jobs, sizeof *x->jobs);
    if (!x->jobs)
        return pxr_fail_nomem(x->diag, x->n_jobs * sizeof *x->jobs);
    for (unsigned i = 0; i < x->n_jobs; i++) {
        struct job *j = &x->jobs[i];
        j->indexing = x;
        j->pixels = pxr_alloc(frame_bytes);
        j->memory = pxr_alloc(pxr_small_stream_bound(&x->bands));
        j->entries = pxr_alloc((size_t)JOB_FRAMES * x->entry_bytes);
        if (!j->pixels || !j->memory || !j->entries || pxr_decoder_new(&j->decoder, x->archive) != PXR_OK)
            return pxr_fail_nomem(x->diag, frame_bytes);
    }
    return PXR_OK;
}

static void indexing_fini(struct indexing *x)
{
    for (unsigned i = 0; x->jobs && i < x->n_jobs; i++) {
        pxr_decoder_free(x->jobs[i].decoder);
        pxr_free(x->jobs[i].pixels);
        pxr_free(x->jobs[i].memory);
        pxr_free(x->jobs[i].entries);
    }
    pxr_free(x->jobs);
    pxr_buffer_fini(&x->page);
    pxr_buffer_fini(&x->refs);
}

/* ---- what the index begins with ------------------------------------------------------------------ */

/* The table for the first frames. */
static enum pxr_err choose_table(struct indexing *x)
{
    uint64_t counts[PXR_SMALL_SYMBOLS] = {0};
    uint8_t lengths[PXR_SMALL_SYMBOLS];
    struct job *j = &x->jobs[0];
    const struct pxr_small_bands *b = &x->bands;
    const uint64_t fit = SAMPLE_BYTES / ((uint64_t)b->row_bytes * b->height_px);
    const uint64_t most = pxr_min_u64(x->archive->sb.nominal_frames, x->archive->root.n_frames);
    const uint64_t n = pxr_max_u64(1, pxr_min_u64(fit, most));
    for (uint64_t f = 0; f < n; f++) {
        const enum pxr_err e = read_frame(j, f);
        if (e != PXR_OK) {
            *x->diag = *pxr_decoder_diag(j->decoder);
            return e;
        }
        for (uint32_t k = 0; k < b->n_bands; k++) {
            const uint8_t *rows = j->pixels + (size_t)k * b->band_rows * (b->row_bytes - 1);
            const size_t n_bytes = pxr_small_filter(b, rows, pxr_small_band_rows(b, k), j->memory);
            pxr_small_count(counts, j->memory, n_bytes);
        }
    }
    counts[PXR_SMALL_SYMBOLS - 1] = n * b->n_bands;
    pxr_small_choose_lengths(lengths, counts);
    pxr_small_table_init(&x->table, lengths);
    const uint32_t fitting = ENTRIES_BYTES / x->entry_bytes;
    x->page_frames = fitting > 0 ? fitting : 1;
    return PXR_OK;
}

/* Go on with an index: its table, its full pages as they are, and the entries of the last one. */
static enum pxr_err resume(struct indexing *x)
{
    pxr_cache_entry *entry;
    const struct pxr_small_index *old;
    enum pxr_err e = pxr_small_index_get(x->archive, &entry, &old, x->diag);
    if (e != PXR_OK)
        return e;
    x->table = old->table;
    x->page_frames = old->index.page_frames;
    x->first_new = old->index.n_frames;
    const uint64_t n_full = old->index.n_frames / x->page_frames;
    if (!pxr_buffer_add(&x->refs, old->index.pages, n_full * PXR_VIEW_INDEX_REF_BYTES))
        e = pxr_fail_nomem(x->diag, n_full * PXR_VIEW_INDEX_REF_BYTES);
    pxr_cache_put(x->archive->index_cache, entry);
    x->page_first = n_full * x->page_frames;
    for (uint64_t f = x->page_first; f < x->first_new && e == PXR_OK; f++) {
        struct pxr_small_entry one;
        e = pxr_small_entry_get(x->archive, f, &one, x->diag);
        if (e == PXR_OK && !pxr_buffer_add(&x->page, one.band_bytes - 4, x->entry_bytes))
            e = pxr_fail_nomem(x->diag, x->entry_bytes);
        pxr_small_entry_put(x->archive, &one);
    }
    return e;
}

/* ---- writing ------------------------------------------------------------------------------------- */

/* The page that fills, whole or not. */
static enum pxr_err emit_entries(struct indexing *x)
{
    struct pxr_buffer rest = {0};
    struct pxr_ref ref;
    uint8_t head[8], stored[PXR_VIEW_INDEX_REF_BYTES];
    const uint32_t n = (uint32_t)(x->page.n_bytes / x->entry_bytes);
    if (!n)
        return PXR_OK;
    pxr_store_u64le(head, x->page_first);
    enum pxr_err e = PXR_OK;
    if (!pxr_buffer_add(&rest, head, sizeof head) || !pxr_buffer_add(&rest, x->page.bytes, x->page.n_bytes))
        e = pxr_fail_nomem(x->diag, x->page.n_bytes);
    if (e == PXR_OK)
        e = pxr_emit_page(&x->writer->emit, PXR_PAGE_VIEW_ENTRIES, 0, n, rest.bytes, rest.n_bytes, &ref, x->diag);
    pxr_buffer_fini(&rest);
    if (e != PXR_OK)
        return e;
    pxr_store_u64le(stored, ref.off_bytes);
    pxr_store_u64le(stored + 8, ref.hash);
    if (!pxr_buffer_add(&x->refs, stored, sizeof stored))
        return pxr_fail_nomem(x->diag, sizeof stored);
    x->n_bytes_uncommitted += ref.n_bytes;
    x->page.n_bytes = 0;
    x->page_first += n;
    return PXR_OK;
}

/* The root's entry for this view, a new one in its place if need be; NULL: there are too many. */
static struct pxr_root_view_index *root_entry(struct pxr_root *r)
{
    uint32_t i = 0;
    while (i < r->n_view_indexes && r->view_indexes[i].view < PXR_VIEW_INDEX_PNG_SMALL)
        i++;
    if (i < r->n_view_indexes && r->view_indexes[i].view == PXR_VIEW_INDEX_PNG_SMALL)
        return &r->view_indexes[i];
    if (r->n_view_indexes == PXR_ROOT_MAX_VIEW_INDEXES)
        return NULL;
    memmove(&r->view_indexes[i + 1], &r->view_indexes[i], (r->n_view_indexes - i) * sizeof r->view_indexes[0]);
    r->n_view_indexes++;
    r->view_indexes[i].view = PXR_VIEW_INDEX_PNG_SMALL;
    return &r->view_indexes[i];
}

/* All pages so far become the archive's index. */
static enum pxr_err commit_index(struct indexing *x)
{
    struct pxr_buffer rest = {0};
    struct pxr_ref ref;
    const size_t head_bytes = PXR_VIEW_INDEX_HEADER_BYTES - PXR_PAGE_HEADER_BYTES;
    const size_t params_bytes = (size_t)pxr_round_up_u64(PXR_SMALL_SYMBOLS, 8);
    struct pxr_root_view_index *root = root_entry(&x->writer->root);
    if (!root)
        return pxr_fail(x->diag, PXR_E_LIMIT, "the archive has too many view indexes");
    uint8_t *p = pxr_buffer_extend(&rest, head_bytes + params_bytes);
    enum pxr_err e = PXR_OK;
    if (p) {
        memset(p, 0, head_bytes + params_bytes);
        pxr_store_u64le(p, x->page_first);
        pxr_store_u32le(p + 8, x->entry_bytes);
        pxr_store_u32le(p + 12, x->page_frames);
        pxr_store_u32le(p + 16, PXR_SMALL_SYMBOLS);
        memcpy(p + head_bytes, x->table.lengths, PXR_SMALL_SYMBOLS);
    }
    if (!p || !pxr_buffer_add(&rest, x->refs.bytes, x->refs.n_bytes))
        e = pxr_fail_nomem(x->diag, rest.n_bytes);
    if (e == PXR_OK)
        e = pxr_emit_page(&x->writer->emit, PXR_PAGE_VIEW_INDEX, 0, 0, rest.bytes, rest.n_bytes, &ref, x->diag);
    pxr_buffer_fini(&rest);
    if (e != PXR_OK)
        return e;
    root->head = ref;
    root->n_frames = x->page_first;
    x->n_bytes_uncommitted = 0;
    e = pxr_writer_commit_all(x->writer);
    if (e != PXR_OK)
        *x->diag = *pxr_writer_diag(x->writer);
    return e;
}

static enum pxr_err take_job(struct indexing *x, pxr_pool *pool, struct job *j)
{
    enum pxr_err e = PXR_OK;
    if (!j->n_frames)
        return PXR_OK;
    pxr_pool_wait(pool, &j->job);
    if (j->err != PXR_OK) {
        *x->diag = *pxr_decoder_diag(j->decoder);
        e = j->err;
    }
    for (uint32_t i = 0; i < j->n_frames && e == PXR_OK; i++) {
        if (!pxr_buffer_add(&x->page, j->entries + (size_t)i * x->entry_bytes, x->entry_bytes))
            e = pxr_fail_nomem(x->diag, x->entry_bytes);
        if (e == PXR_OK && x->page.n_bytes == (size_t)x->page_frames * x->entry_bytes) {
            e = emit_entries(x);
            if (e == PXR_OK && x->n_bytes_uncommitted > COMMIT_BYTES)
                e = commit_index(x);
        }
    }
    x->n_done += j->n_frames;
    j->n_frames = 0;
    return e;
}

/* A ring of jobs; what they made is taken in the order of frames. */
static enum pxr_err index_frames(struct indexing *x, pxr_pool *pool,
                                 bool (*progress)(void *arg, uint64_t done, uint64_t total), void *arg)
{
    const uint64_t end = x->archive->root.n_frames;
    unsigned next = 0;
    enum pxr_err e = PXR_OK;
    for (uint64_t f = x->first_new; f < end && e == PXR_OK; next = (next + 1) % x->n_jobs) {
        struct job *j = &x->jobs[next];
        e = take_job(x, pool, j);
        if (e != PXR_OK)
            break;
        if (progress && !progress(arg, x->n_done, end - x->first_new)) {
            e = pxr_fail(x->diag, PXR_E_STATE, "indexing was stopped");
            break;
        }
        j->first_frame = f;
        j->n_frames = (uint32_t)pxr_min_u64(JOB_FRAMES, end - f);
        f += j->n_frames;
        j->job = (struct pxr_job){.run = run_job, .arg = j};
        pxr_pool_submit(pool, &j->job);
    }
    for (unsigned i = 0; i < x->n_jobs; i++) { /* also after a failure: jobs must be waited for */
        struct job *j = &x->jobs[(next + i) % x->n_jobs];
        if (e == PXR_OK)
            e = take_job(x, pool, j);
        else if (j->n_frames)
            pxr_pool_wait(pool, &j->job);
    }
    if (e == PXR_OK && progress)
        progress(arg, x->n_done, end - x->first_new);
    return e;
}

static enum pxr_err add_index(struct indexing *x, unsigned n_threads,
                              bool (*progress)(void *arg, uint64_t done, uint64_t total), void *arg)
{
    const struct pxr_superblock *sb = &x->archive->sb;
    pxr_pool *pool = NULL;
    if (!x->archive->root.n_frames || pxr_small_n_indexed(x->archive) == x->archive->root.n_frames)
        return PXR_OK;
    if (!pxr_small_bands_init(&x->bands, sb->width_px, sb->height_px, sb->bits))
        return pxr_fail(x->diag, PXR_E_LIMIT, "the frames are too large for png-small");
    x->entry_bytes = pxr_small_entry_bytes(&x->bands);
    enum pxr_err e = start_jobs(x, n_threads);
    if (e == PXR_OK)
        e = pxr_small_n_indexed(x->archive) ? resume(x) : choose_table(x);
    if (e == PXR_OK)
        e = pxr_pool_new(&pool, n_threads > 1 ? n_threads : 0, x->diag);
    if (e == PXR_OK)
        e = index_frames(x, pool, progress, arg);
    pxr_pool_free(pool);
    if (e == PXR_OK)
        e = emit_entries(x);
    return e == PXR_OK ? commit_index(x) : e;
}

enum pxr_err pxr_small_index_add(pxr_writer *w, unsigned n_threads,
                                 bool (*progress)(void *arg, uint64_t done, uint64_t total), void *arg,
                                 uint64_t *n_frames, struct pxr_diag *diag)
{
    struct indexing x = {.writer = w, .archive = w->base, .diag = diag};
    enum pxr_err e = add_index(&x, n_threads ? n_threads : pxr_n_cores(), progress, arg);
    indexing_fini(&x);
    *n_frames = e == PXR_OK ? x.n_done : 0;
    if (e == PXR_OK)
        return pxr_writer_finish(w, NULL, diag);
    pxr_writer_abort(w);
    return e;
}

enum pxr_err pxr_archive_index(const char *path, enum pxr_view v, unsigned n_threads,
                               bool (*progress)(void *arg, uint64_t done, uint64_t total), void *arg,
                               uint64_t *n_frames, struct pxr_diag *diag)
{
    const struct pxr_write_opts opts = {.n_threads = 1};
    struct pxr_diag own, *d = diag ? diag : &own;
    pxr_writer *w;
    *n_frames = 0;
    if (v != PXR_VIEW_PNG_SMALL)
        return pxr_fail(d, PXR_E_INVALID, "this view needs no index");
    enum pxr_err e = pxr_writer_append(&w, path, &opts, d);
    if (e == PXR_OK)
        e = pxr_small_index_add(w, n_threads, progress, arg, n_frames, d);
    return pxr_diag_in_file(d, e, path);
}
