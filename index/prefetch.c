/* SPDX-License-Identifier: MIT
 * Worker threads that decode the blocks of one read in parallel, and what a sequential reader will want
 * next.
 *
 * Hints are only that: when a queue is full they are dropped, and the reader decodes for itself. */
#include "reader.h"

#include "diag.h"
#include "pool.h"

#include <pthread.h>

#define N_HELP 256
#define N_AHEAD 256
#define N_STREAMS 32
/* Waking a worker costs some ten microseconds; smaller units are decoded sooner than that. */
#define MIN_HELP_BYTES ((size_t)64 << 10)
/* Frames in order before anything is prefetched: a random reader rarely gets here. */
#define MIN_STREAK 2
#define N_RUNS 8
/* Frames by which the threads that answer one reader may be ahead of each other: a request has at most 1 MiB. */
#define RUN_WINDOW 16

/* Rows of one frame whose units shall be in the cache. */
struct hint {
    uint64_t frame;
    uint32_t row0, n_rows;
};

struct queue {
    struct hint *hints;
    unsigned capacity, first, n;
};

/* One reader that goes from frame to frame. */
struct stream {
    uint64_t frame;         /* read last                                        */
    uint32_t row0, row_end; /* of it, so far                                    */
    unsigned streak;        /* frames in order before it                        */
    uint64_t hinted_end;    /* frames below this have been hinted               */
    uint64_t tick;          /* of the last use; 0: free                         */
};

/* One reader that goes through the frames, mostly: its requests may be answered in any order. */
struct run {
    uint64_t first, end;    /* frames                                          */
    uint64_t n_rows;        /* that were read of them                          */
    uint64_t last_group;    /* the first frame of the furthest group           */
    uint64_t tick;          /* of the last use; 0: free                        */
};

struct pxr_prefetch {
    pthread_mutex_t lock; /* guards everything below but the threads */
    pxr_archive *archive; /* the newest one; referenced */
    pthread_cond_t has_work;
    struct queue help, ahead; /* help comes first: somebody waits for it */
    struct stream streams[N_STREAMS];
    struct run runs[N_RUNS];
    uint64_t clock;
    bool is_ending;
    struct hint help_hints[N_HELP], ahead_hints[N_AHEAD];
    unsigned n_workers;
    pthread_t workers[];
};

/* ---- queues; the lock is held ------------------------------------------------------------------- */

static void push(struct pxr_prefetch *p, struct queue *q, const struct hint *h)
{
    if (q->n == q->capacity)
        return;
    q->hints[(q->first + q->n++) % q->capacity] = *h;
    pthread_cond_signal(&p->has_work);
}

static struct hint pop(struct queue *q)
{
    const struct hint h = q->hints[q->first];
    q->first = (q->first + 1) % q->capacity;
    q->n--;
    return h;
}

/* ---- workers ------------------------------------------------------------------------------------ */

static void load_hint(pxr_decoder *d, const struct hint *h)
{
    uint32_t first, end;
    if (pxr_decoder_seek(d, h->frame, NULL) != PXR_OK)
        return; /* the reader will meet the same error and report it */
    const struct pxr_group *g = &d->group->group;
    pxr_group_blocks_of_rows(g, h->row0, h->n_rows, &first, &end);
    for (uint32_t b = first; b < end; b++) {
        struct pxr_placed_block block;
        pxr_cache_entry *entry;
        const uint8_t *pixels;
        if (pxr_group_block(d->archive, d->group, b, &block, NULL) != PXR_OK)
            return;
        if (!block.header.n_units)
            continue;
        const uint32_t unit = pxr_block_unit_of(&block.header, (uint32_t)(h->frame - g->first_frame));
        if (!pxr_unit_is_cached(d->archive, &block, unit) &&
            pxr_unit_get(d, &block, unit, &entry, &pixels, NULL) == PXR_OK)
            pxr_cache_put(d->archive->unit_cache, entry);
    }
}

/* Read from the newest archive; the lock is held.  Returns what was read from before, to be put back. */
static pxr_archive *catch_up(const struct pxr_prefetch *p, pxr_decoder *d)
{
    pxr_archive *old = pxr_decoder_archive(d);
    if (old == p->archive)
        return NULL;
    pxr_decoder_move(d, pxr_archive_get(p->archive));
    return old;
}

static void *worker_main(void *arg)
{
    struct pxr_prefetch *p = arg;
    pxr_decoder *d;
    pthread_mutex_lock(&p->lock);
    pxr_archive *first = pxr_archive_get(p->archive), *old;
    pthread_mutex_unlock(&p->lock);
    if (pxr_decoder_new(&d, first) != PXR_OK) {
        pxr_archive_put(first);
        return NULL;
    }
    pthread_mutex_lock(&p->lock);
    for (;;) {
        while (!p->help.n && !p->ahead.n && !p->is_ending)
            pthread_cond_wait(&p->has_work, &p->lock);
        if (p->is_ending)
            break;
        d->is_prefetching = !p->help.n;
        const struct hint h = pop(p->help.n ? &p->help : &p->ahead);
        old = catch_up(p, d);
        pthread_mutex_unlock(&p->lock);
        pxr_archive_put(old);
        load_hint(d, &h);
        pthread_mutex_lock(&p->lock);
    }
    pthread_mutex_unlock(&p->lock);
    old = pxr_decoder_archive(d);
    pxr_decoder_free(d);
    pxr_archive_put(old);
    return NULL;
}

enum pxr_err pxr_archive_start_workers(pxr_archive *a, unsigned n_workers)
{
    if (a->shared->prefetch)
        return PXR_E_STATE;
    if (!n_workers)
        return PXR_OK;
    struct pxr_prefetch *p = pxr_alloc_zero(1, sizeof *p + n_workers * sizeof p->workers[0]);
    if (!p)
        return PXR_E_NOMEM;
    p->archive = pxr_archive_get(a);
    p->help = (struct queue){p->help_hints, N_HELP, 0, 0};
    p->ahead = (struct queue){p->ahead_hints, N_AHEAD, 0, 0};
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->has_work, NULL);
    p->n_workers = pxr_threads_start(p->workers, n_workers, worker_main, p);
    a->shared->prefetch = p;
    return PXR_OK;
}

void pxr_prefetch_move(struct pxr_prefetch *p, pxr_archive *newer)
{
    if (!p)
        return;
    pxr_archive *old = NULL;
    pthread_mutex_lock(&p->lock);
    if (newer->end_off > p->archive->end_off) {
        old = p->archive;
        p->archive = pxr_archive_get(newer);
    }
    pthread_mutex_unlock(&p->lock);
    pxr_archive_put(old);
}

void pxr_prefetch_stop(struct pxr_prefetch *p)
{
    if (!p)
        return;
    pthread_mutex_lock(&p->lock);
    p->is_ending = true;
    pthread_cond_broadcast(&p->has_work);
    pthread_mutex_unlock(&p->lock);
    for (unsigned i = 0; i < p->n_workers; i++)
        pthread_join(p->workers[i], NULL);
    pthread_mutex_destroy(&p->lock);
    pthread_cond_destroy(&p->has_work);
    pxr_archive_put(p->archive);
    pxr_free(p);
}

/* ---- hints -------------------------------------------------------------------------------------- */

void pxr_prefetch_help(pxr_decoder *d, uint64_t frame, uint32_t first_block, uint32_t end_block)
{
    struct pxr_prefetch *p = d->archive->shared->prefetch;
    if (!p || end_block - first_block < 2)
        return;
    const struct pxr_group *g = &d->group->group;
    bool is_first = true; /* the first one that is missing is decoded by the reader itself */
    for (uint32_t b = first_block; b < end_block; b++) {
        struct pxr_placed_block block;
        if (pxr_group_block(d->archive, d->group, b, &block, NULL) != PXR_OK)
            return;
        if (!block.header.n_units)
            continue;
        const uint32_t unit = pxr_block_unit_of(&block.header, (uint32_t)(frame - g->first_frame));
        if (pxr_block_unit_pixel_bytes(&block.header, unit) < MIN_HELP_BYTES)
            return;
        if (pxr_unit_is_cached(d->archive, &block, unit))
            continue;
        if (!is_first) {
            const struct hint h = {frame, block.y0, block.header.shape.height_px};
            pthread_mutex_lock(&p->lock);
            push(p, &p->help, &h);
            pthread_mutex_unlock(&p->lock);
        }
        is_first = false;
    }
}

/* The stream that this frame belongs to or begins.  The lock is held. */
static struct stream *find_stream(struct pxr_prefetch *p, uint64_t frame)
{
    struct stream *oldest = &p->streams[0];
    for (int i = 0; i < N_STREAMS; i++) {
        struct stream *s = &p->streams[i];
        if (s->tick && (s->frame == frame || s->frame + 1 == frame))
            return s;
        if (s->tick < oldest->tick)
            oldest = s;
    }
    *oldest = (struct stream){.frame = frame, .row0 = UINT32_MAX};
    return oldest;
}

static uint64_t frames_in_quarter(const pxr_archive *a)
{
    const uint64_t frame = (uint64_t)a->sb.width_px * a->sb.height_px * (a->sb.bits / 8u);
    return pxr_cache_max_bytes(a->unit_cache) / 4 / frame;
}

/* How many frames ahead: a group or what was asked for, but no more than a quarter of the cache. */
static uint64_t frames_ahead(const pxr_archive *a)
{
    const uint64_t fit = frames_in_quarter(a);
    const uint64_t most = a->limits.prefetch_frames;
    return pxr_max_u64(1, pxr_min_u64(fit, most ? most : a->sb.nominal_frames));
}

void pxr_archive_forget_read(pxr_archive *a) { a->shared->forgets_read = true; }

/* The run that this frame belongs to or begins.  The lock is held. */
static struct run *find_run(struct pxr_prefetch *p, uint64_t frame)
{
    struct run *oldest = &p->runs[0];
    for (int i = 0; i < N_RUNS; i++) {
        struct run *r = &p->runs[i];
        if (r->tick && frame >= r->first && frame < r->end + RUN_WINDOW && frame + RUN_WINDOW >= r->end)
            return r;
        if (r->tick < oldest->tick)
            oldest = r;
    }
    *oldest = (struct run){.first = frame, .end = frame, .last_group = UINT64_MAX};
    return oldest;
}

static uint64_t frames_kept(const pxr_archive *a)
{
    return pxr_max_u64(frames_in_quarter(a), 2 * (uint64_t)a->sb.nominal_frames);
}

/* When a run comes to a new group, the one that lies a quarter of the cache behind shall be dropped, if the run, from *first
 * on, has read nearly all on its way.  That is long enough ago: nobody decodes it any more, and others that read the same
 * frames a little later still find them.  The lock is held. */
static bool note_run(struct pxr_prefetch *p, const pxr_decoder *d, uint64_t frame, uint32_t n_rows, uint64_t *first)
{
    const pxr_archive *a = d->archive;
    const uint64_t group = d->group->group.first_frame;
    struct run *r = find_run(p, frame);
    r->tick = ++p->clock;
    r->n_rows += n_rows;
    r->end = pxr_max_u64(r->end, frame + 1);
    *first = r->first;
    if (r->last_group != UINT64_MAX && group <= r->last_group)
        return false;
    r->last_group = group;
    return group > r->first + frames_kept(a) && r->n_rows / a->sb.height_px + RUN_WINDOW >= group - r->first;
}

void pxr_prefetch_note(pxr_decoder *d, uint64_t frame, uint32_t row0, uint32_t n_rows)
{
    struct pxr_prefetch *p = d->archive->shared->prefetch;
    if (!p || d->archive->limits.prefetch_frames == PXR_NONE)
        return;
    pthread_mutex_lock(&p->lock);
    struct stream *s = find_stream(p, frame);
    s->tick = ++p->clock;
    if (s->frame + 1 == frame) {
        /* One step of a stream is one frame, however many reads it came in.  What comes next is the
         * same rows that were read of the frame before. */
        const struct hint rows = {0, s->row0, s->row_end - s->row0};
        s->streak++;
        s->frame = frame;
        s->row0 = UINT32_MAX;
        s->row_end = 0;
        if (s->streak >= MIN_STREAK) {
            const uint64_t end =
                pxr_min_u64(frame + 1 + frames_ahead(d->archive), d->archive->root.n_frames);
            for (uint64_t f = pxr_max_u64(frame + 1, s->hinted_end); f < end; f++) {
                const struct hint h = {f, rows.row0, rows.n_rows};
                push(p, &p->ahead, &h);
            }
            s->hinted_end = end;
        }
    }
    s->row0 = row0 < s->row0 ? row0 : s->row0;
    s->row_end = row0 + n_rows > s->row_end ? row0 + n_rows : s->row_end;
    uint64_t first;
    const bool forgets = d->archive->shared->forgets_read && note_run(p, d, frame, n_rows, &first);
    pthread_mutex_unlock(&p->lock);
    const uint64_t group = d->group->group.first_frame;
    if (forgets)
        pxr_group_forget(d->archive, group - 1 - frames_kept(d->archive), first, group);
}
