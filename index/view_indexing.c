/* SPDX-License-Identifier: MIT
 * Writing a view index: frames are decoded and measured by a pool, entries written in order. */
#include "view_index.h"
#include "writer.h"

#include "diag.h"
#include "pool.h"

#define JOB_FRAMES 16u
#define ENTRIES_BYTES 32768u /* of a page, about */
/* Params are mostly made from the first group, but not from more than this. */
#define SAMPLE_BYTES ((uint64_t)64 << 20)
/* Section 12: commits are at most 2^29 bytes apart. */
#define COMMIT_BYTES ((uint64_t)1 << 28)

/* Some frames, measured by a worker. */
struct job {
    struct pxr_job job;
    const struct indexing *indexing;
    pxr_decoder *decoder;
    uint8_t *pixels, *entries;
    struct pxr_buffer scratch;
    uint64_t first_frame;
    uint32_t n_frames; /* 0: nothing was submitted */
    uint32_t n_made;   /* fewer after an error     */
    enum pxr_err err;
    struct pxr_diag diag;
};

struct indexing {
    pxr_writer *writer;
    const struct pxr_index_kind *kind;
    pxr_archive *archive; /* where frames are read: what the writer has committed */
    pxr_archive *like;    /* another one whose params are taken, and entries as far as they fit; or NULL */
    bool is_lost;         /* its index is damaged: there is nothing to carry over */
    struct pxr_buffer params;
    void *state;
    uint32_t entry_bytes, page_frames;
    uint64_t first_new, n_done;
    struct pxr_buffer page, refs; /* entries of the page that fills; off and hash of each full one */
    uint64_t page_first, n_bytes_uncommitted;
    struct job *jobs;
    unsigned n_jobs;
    bool (*progress)(void *arg, uint64_t done, uint64_t total); /* or NULL */
    void *arg;
    struct pxr_diag *diag;
};

static size_t frame_bytes(const struct indexing *x)
{
    const struct pxr_superblock *sb = &x->archive->sb;
    return (size_t)sb->width_px * (sb->bits / 8u) * sb->height_px;
}

static enum pxr_err read_frame(struct job *j, uint64_t frame)
{
    const struct pxr_superblock *sb = &j->indexing->archive->sb;
    const enum pxr_err e = pxr_frame_read(j->decoder, frame, 0, sb->height_px, j->pixels, frame_bytes(j->indexing),
                                          (size_t)sb->width_px * (sb->bits / 8u));
    if (e != PXR_OK)
        j->diag = *pxr_decoder_diag(j->decoder);
    return e;
}

static void run_job(void *arg)
{
    struct job *j = arg;
    const struct indexing *x = j->indexing;
    j->err = PXR_OK;
    for (j->n_made = 0; j->n_made < j->n_frames && j->err == PXR_OK; j->n_made += j->err == PXR_OK) {
        const uint64_t frame = j->first_frame + j->n_made;
        j->err = read_frame(j, frame);
        if (j->err != PXR_OK)
            continue;
        j->err = x->kind->make(x->state, j->pixels, &j->scratch, j->entries + (size_t)j->n_made * x->entry_bytes,
                               &j->diag);
        pxr_diag_in_frame(&j->diag, j->err, frame);
    }
}

static enum pxr_err start_jobs(struct indexing *x, unsigned n_threads)
{
    x->n_jobs = n_threads + 1;
    x->jobs = pxr_alloc_zero(x->n_jobs, sizeof *x->jobs);
    if (!x->jobs)
        return pxr_fail_nomem(x->diag, x->n_jobs * sizeof *x->jobs);
    for (unsigned i = 0; i < x->n_jobs; i++) {
        struct job *j = &x->jobs[i];
        j->indexing = x;
        j->pixels = pxr_alloc(frame_bytes(x));
        j->entries = pxr_alloc((size_t)JOB_FRAMES * x->entry_bytes);
        if (!j->pixels || !j->entries || pxr_decoder_new(&j->decoder, x->archive) != PXR_OK)
            return pxr_fail_nomem(x->diag, frame_bytes(x));
    }
    return PXR_OK;
}

static void indexing_fini(struct indexing *x)
{
    for (unsigned i = 0; x->jobs && i < x->n_jobs; i++) {
        pxr_decoder_free(x->jobs[i].decoder);
        pxr_free(x->jobs[i].pixels);
        pxr_free(x->jobs[i].entries);
        pxr_buffer_fini(&x->jobs[i].scratch);
    }
    pxr_free(x->jobs);
    pxr_free(x->state);
    pxr_buffer_fini(&x->params);
    pxr_buffer_fini(&x->page);
    pxr_buffer_fini(&x->refs);
}

/* ---- what the index begins with ------------------------------------------------------------------ */

static enum pxr_err was_stopped(struct indexing *x, uint64_t done, uint64_t total)
{
    return x->progress && !x->progress(x->arg, done, total) ? pxr_fail(x->diag, PXR_E_STATE, "indexing was stopped")
                                                            : PXR_OK;
}

static enum pxr_err learn_frames(struct indexing *x, void *learner)
{
    const struct pxr_superblock *sb = &x->archive->sb;
    const uint64_t total = x->archive->root.n_frames, fit = pxr_max_u64(1, SAMPLE_BYTES / frame_bytes(x));
    const uint64_t n = x->kind->learns_all ? total : pxr_min_u64(total, pxr_min_u64(fit, sb->nominal_frames));
    struct job *j = &x->jobs[0];
    enum pxr_err e = PXR_OK;
    for (uint64_t f = 0; f < n && e == PXR_OK; f++) {
        e = read_frame(j, f);
        if (e == PXR_OK) {
            e = x->kind->learn(learner, sb, j->pixels, &j->scratch, &j->diag);
            pxr_diag_in_frame(&j->diag, e, f);
        }
        if (e != PXR_OK)
            *x->diag = j->diag;
        else if (x->kind->learns_all)
            e = was_stopped(x, 0, total);
    }
    return e == PXR_OK ? x->kind->choose(learner, sb, &x->params, x->diag) : e;
}

/* Params for the archive's frames. */
static enum pxr_err choose_params(struct indexing *x)
{
    if (!x->kind->learn)
        return PXR_OK;
    void *learner = pxr_alloc_zero(1, x->kind->learner_bytes);
    if (!learner)
        return pxr_fail_nomem(x->diag, x->kind->learner_bytes);
    const enum pxr_err e = learn_frames(x, learner);
    if (x->kind->learner_fini)
        x->kind->learner_fini(learner);
    pxr_free(learner);
    return e;
}

/* The entry of a frame in another index, which has the same params; RANGE: it has none. */
static enum pxr_err copy_entry(struct indexing *x, pxr_archive *from, uint64_t frame)
{
    struct pxr_index_entry one;
    enum pxr_err e = pxr_index_entry_get(from, x->kind, frame, &one, x->diag);
    if (e == PXR_OK && !pxr_buffer_add(&x->page, one.bytes, x->entry_bytes))
        e = pxr_fail_nomem(x->diag, x->entry_bytes);
    pxr_index_entry_put(from, &one);
    return e;
}

static enum pxr_err take_params(struct indexing *x, const struct pxr_loaded_index *l)
{
    x->page_frames = l->index.page_frames;
    return pxr_buffer_add(&x->params, l->index.params, l->index.params_bytes)
               ? PXR_OK
               : pxr_fail_nomem(x->diag, l->index.params_bytes);
}

/* Go on with an index: its params, its full pages as they are, and the entries of the last one. */
static enum pxr_err resume(struct indexing *x)
{
    pxr_cache_entry *entry;
    const struct pxr_loaded_index *old;
    enum pxr_err e = pxr_index_get(x->archive, x->kind, &entry, &old, x->diag);
    if (e != PXR_OK)
        return e;
    e = take_params(x, old);
    x->first_new = old->index.n_frames;
    const uint64_t n_full = x->first_new / x->page_frames;
    if (e == PXR_OK && !pxr_buffer_add(&x->refs, old->index.pages, n_full * PXR_VIEW_INDEX_REF_BYTES))
        e = pxr_fail_nomem(x->diag, n_full * PXR_VIEW_INDEX_REF_BYTES);
    pxr_cache_put(x->archive->index_cache, entry);
    x->page_first = n_full * x->page_frames;
    for (uint64_t f = x->page_first; f < x->first_new && e == PXR_OK; f++)
        e = copy_entry(x, x->archive, f);
    return e;
}

/* Params: those of the index that goes on, of the one to be like, or new ones; then what they mean. */
static enum pxr_err begin(struct indexing *x)
{
    const struct pxr_superblock *sb = &x->archive->sb;
    pxr_cache_entry *entry;
    const struct pxr_loaded_index *other;
    enum pxr_err e = PXR_OK;
    x->page_frames = (uint32_t)pxr_max_u64(1, ENTRIES_BYTES / x->entry_bytes);
    if (pxr_index_n_frames(x->archive, x->kind)) {
        e = resume(x);
    } else if (x->like) {
        e = pxr_index_get(x->like, x->kind, &entry, &other, x->diag);
        x->is_lost = e != PXR_OK && pxr_err_exit(e) == pxr_err_exit(PXR_E_CORRUPT);
        if (e == PXR_OK)
            e = take_params(x, other);
        pxr_cache_put(x->like->index_cache, entry);
    } else {
        e = choose_params(x);
    }
    if (e != PXR_OK)
        return e;
    x->state = pxr_alloc(x->kind->state_bytes(sb));
    return x->state ? x->kind->init(x->state, sb, x->params.bytes, (uint32_t)x->params.n_bytes, PXR_NONE, x->diag)
                    : pxr_fail_nomem(x->diag, x->kind->state_bytes(sb));
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

/* The root's entry for a view, a new one in its place if need be; NULL: there are too many. */
static struct pxr_root_view_index *root_entry(struct pxr_root *r, uint8_t view)
{
    uint32_t i = 0;
    while (i < r->n_view_indexes && r->view_indexes[i].view < view)
        i++;
    if (i < r->n_view_indexes && r->view_indexes[i].view == view)
        return &r->view_indexes[i];
    if (r->n_view_indexes == PXR_ROOT_MAX_VIEW_INDEXES)
        return NULL;
    memmove(&r->view_indexes[i + 1], &r->view_indexes[i], (r->n_view_indexes - i) * sizeof r->view_indexes[0]);
    r->n_view_indexes++;
    r->view_indexes[i].view = view;
    return &r->view_indexes[i];
}

/* All pages so far become the archive's index. */
static enum pxr_err commit_index(struct indexing *x)
{
    struct pxr_buffer rest = {0};
    struct pxr_ref ref;
    const size_t head_bytes = PXR_VIEW_INDEX_HEADER_BYTES - PXR_PAGE_HEADER_BYTES;
    const size_t params_bytes = (size_t)pxr_round_up_u64(x->params.n_bytes, 8);
    struct pxr_root_view_index *root = root_entry(&x->writer->root, x->kind->number);
    if (!root)
        return pxr_fail(x->diag, PXR_E_LIMIT, "the archive has too many view indexes");
    uint8_t *p = pxr_buffer_extend(&rest, head_bytes + params_bytes);
    enum pxr_err e = PXR_OK;
    if (p) {
        memset(p, 0, head_bytes + params_bytes);
        pxr_store_u64le(p, x->page_first);
        pxr_store_u32le(p + 8, x->entry_bytes);
        pxr_store_u32le(p + 12, x->page_frames);
        pxr_store_u32le(p + 16, (uint32_t)x->params.n_bytes);
        if (x->params.n_bytes)
            memcpy(p + head_bytes, x->params.bytes, x->params.n_bytes);
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

/* After each entry that was added to the page. */
static enum pxr_err end_entry(struct indexing *x)
{
    if (x->page.n_bytes < (size_t)x->page_frames * x->entry_bytes)
        return PXR_OK;
    const enum pxr_err e = emit_entries(x);
    return e == PXR_OK && x->n_bytes_uncommitted > COMMIT_BYTES ? commit_index(x) : e;
}

/* Entries of frames that are the same, number and pixels, in both archives: they were made from these pixels. */
static enum pxr_err copy_entries(struct indexing *x)
{
    const uint64_t n = pxr_min_u64(pxr_index_n_frames(x->like, x->kind), x->archive->root.n_frames);
    enum pxr_err e = PXR_OK;
    for (; x->first_new < n && e == PXR_OK; x->first_new += e == PXR_OK) {
        struct pxr_frame_info a, b;
        e = pxr_frame_info(x->archive, x->first_new, &a, x->diag);
        if (e != PXR_OK || pxr_frame_info(x->like, x->first_new, &b, x->diag) != PXR_OK ||
            a.pixel_hash != b.pixel_hash || a.adler32 != b.adler32)
            break;
        if (copy_entry(x, x->like, x->first_new) != PXR_OK)
            break; /* it may be damaged: those from here on are made */
        e = end_entry(x);
    }
    return e;
}

static enum pxr_err take_job(struct indexing *x, pxr_pool *pool, struct job *j)
{
    enum pxr_err e = PXR_OK;
    if (!j->n_frames)
        return PXR_OK;
    pxr_pool_wait(pool, &j->job);
    for (uint32_t i = 0; i < j->n_made && e == PXR_OK; i++) {
        if (!pxr_buffer_add(&x->page, j->entries + (size_t)i * x->entry_bytes, x->entry_bytes))
            e = pxr_fail_nomem(x->diag, x->entry_bytes);
        if (e == PXR_OK)
            e = end_entry(x);
    }
    if (e == PXR_OK && j->err != PXR_OK) {
        *x->diag = j->diag;
        e = j->err;
    }
    x->n_done += j->n_made;
    j->n_frames = 0;
    return e;
}

/* A ring of jobs; what they made is taken in the order of frames. */
static enum pxr_err index_frames(struct indexing *x, pxr_pool *pool)
{
    const uint64_t end = x->archive->root.n_frames;
    unsigned next = 0;
    enum pxr_err e = PXR_OK;
    for (uint64_t f = x->first_new; f < end && e == PXR_OK; next = (next + 1) % x->n_jobs) {
        struct job *j = &x->jobs[next];
        e = take_job(x, pool, j);
        if (e == PXR_OK)
            e = was_stopped(x, x->n_done, end - x->first_new);
        if (e != PXR_OK)
            break;
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
    if (e == PXR_OK && x->progress)
        x->progress(x->arg, x->n_done, end - x->first_new);
    return e;
}

static enum pxr_err write_entries(struct indexing *x, unsigned n_threads)
{
    pxr_pool *pool = NULL;
    enum pxr_err e = x->like ? copy_entries(x) : PXR_OK;
    if (e == PXR_OK)
        e = pxr_pool_new(&pool, n_threads > 1 ? n_threads : 0, x->diag);
    if (e == PXR_OK)
        e = index_frames(x, pool);
    pxr_pool_free(pool);
    /* Of an index that is carried over, what could be made is there. */
    if (e == PXR_E_UNSUPPORTED && x->like)
        e = PXR_OK;
    if (e == PXR_OK)
        e = emit_entries(x);
    return e == PXR_OK && x->page_first ? commit_index(x) : e;
}

static enum pxr_err add_index(struct indexing *x, unsigned n_threads)
{
    const struct pxr_superblock *sb = &x->archive->sb;
    const char *const why = x->kind->refusal(sb->width_px, sb->height_px, sb->bits);
    if (!x->archive->root.n_frames || pxr_index_n_frames(x->archive, x->kind) == x->archive->root.n_frames)
        return PXR_OK;
    if (why) /* samples, or only their number? */
        return pxr_fail(x->diag,
                        x->kind->refusal(sb->width_px, sb->height_px, 8) ? PXR_E_LIMIT : PXR_E_UNSUPPORTED,
                        "there can be no %s view: %s", x->kind->name, why);
    x->entry_bytes = x->kind->entry_bytes(sb);
    enum pxr_err e = start_jobs(x, n_threads);
    if (e == PXR_OK)
        e = begin(x);
    if (x->is_lost)
        return PXR_OK;
    return e == PXR_OK ? write_entries(x, n_threads) : e;
}

enum pxr_err pxr_index_add(pxr_writer *w, const struct pxr_index_kind *kind, unsigned n_threads,
                           bool (*progress)(void *arg, uint64_t done, uint64_t total), void *arg, uint64_t *n_frames,
                           struct pxr_diag *diag)
{
    struct indexing x = {
        .writer = w, .kind = kind, .archive = w->base, .progress = progress, .arg = arg, .diag = diag};
    const enum pxr_err e = add_index(&x, n_threads ? n_threads : pxr_n_cores());
    indexing_fini(&x);
    *n_frames = e == PXR_OK ? x.n_done : 0;
    if (e == PXR_OK)
        return pxr_writer_finish(w, NULL, diag);
    pxr_writer_abort(w);
    return e;
}

static void keep_open(void *arg) { (void)arg; }

enum pxr_err pxr_index_carry(pxr_writer *w, pxr_archive *like, unsigned n_threads, struct pxr_diag *diag)
{
    struct pxr_io borrowed = w->emit.file.io;
    pxr_archive *fresh = NULL;
    borrowed.close = keep_open;
    for (unsigned k = 0; k < PXR_N_INDEX_KINDS; k++) {
        if (!pxr_index_n_frames(like, pxr_index_kinds[k]) || !pxr_writer_n_frames(w))
            continue;
        if (!fresh) {
            enum pxr_err e = pxr_writer_commit(w);
            if (e != PXR_OK)
                *diag = *pxr_writer_diag(w);
            else
                e = pxr_archive_open_io(&fresh, &borrowed, w->emit.file.arg, NULL, diag);
            if (e != PXR_OK)
                return e;
        }
        struct indexing x = {
            .writer = w, .kind = pxr_index_kinds[k], .archive = fresh, .like = like, .diag = diag};
        const enum pxr_err e = add_index(&x, n_threads ? n_threads : pxr_n_cores());
        indexing_fini(&x);
        if (e != PXR_OK) {
            pxr_archive_close(fresh);
            return e;
        }
    }
    pxr_archive_close(fresh);
    return PXR_OK;
}

enum pxr_err pxr_writer_carry_indexes(pxr_writer *w, pxr_archive *like, unsigned n_threads, struct pxr_diag *diag)
{
    struct pxr_diag own;
    return pxr_index_carry(w, like, n_threads, diag ? diag : &own);
}

static const struct pxr_index_kind *find_kind(enum pxr_view v)
{
    switch (v) {
    case PXR_VIEW_PNG_SMALL: return &pxr_index_png_small;
    case PXR_VIEW_DCI: return &pxr_index_dci;
    case PXR_VIEW_PCE: return &pxr_index_pce;
    default: return NULL;
    }
}

enum pxr_err pxr_archive_index(const char *path, enum pxr_view v, unsigned n_threads,
                               bool (*progress)(void *arg, uint64_t done, uint64_t total), void *arg,
                               uint64_t *n_frames, struct pxr_diag *diag)
{
    const struct pxr_write_opts opts = {.n_threads = 1};
    const struct pxr_index_kind *kind = find_kind(v);
    struct pxr_diag own, *d = diag ? diag : &own;
    pxr_writer *w;
    *n_frames = 0;
    if (!kind)
        return pxr_fail(d, PXR_E_INVALID, "this view needs no index");
    enum pxr_err e = pxr_writer_append(&w, path, &opts, d);
    if (e == PXR_OK)
        e = pxr_index_add(w, kind, n_threads, progress, arg, n_frames, d);
    return pxr_diag_in_file(d, e, path);
}
