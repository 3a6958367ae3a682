/* SPDX-License-Identifier: MIT
 * One group on its way into an archive: its frames as they arrive, and the jobs that encode them. */
#include "pending_group.h"

#include "diag.h"
#include "frame_sums.h"
#include "near_samples.h"

#include <inttypes.h>
#include <stdlib.h>

/* ---- encoders ----------------------------------------------------------------------------------- */

enum pxr_err pxr_encoder_stock_init(struct pxr_encoder_stock *s, unsigned n, struct pxr_diag *diag)
{
    memset(s, 0, sizeof *s);
    pthread_mutex_init(&s->lock, NULL);
    s->free = pxr_alloc_zero(n, sizeof *s->free);
    if (!s->free)
        return pxr_fail_nomem(diag, n * sizeof *s->free);
    for (; s->n_free < n; s->n_free++) {
        const enum pxr_err e = pxr_block_encoder_new(&s->free[s->n_free], diag);
        if (e != PXR_OK)
            return e;
    }
    s->n_all = n;
    return PXR_OK;
}

void pxr_encoder_stock_fini(struct pxr_encoder_stock *s)
{
    for (unsigned i = 0; s->free && i < s->n_free; i++)
        pxr_block_encoder_free(s->free[i]);
    pxr_free(s->free);
    pthread_mutex_destroy(&s->lock);
}

/* There are as many as threads that can run a job, so one is always free. */
static pxr_block_encoder *take_encoder(struct pxr_encoder_stock *s)
{
    pthread_mutex_lock(&s->lock);
    pxr_block_encoder *e = s->free[--s->n_free];
    pthread_mutex_unlock(&s->lock);
    return e;
}

static void give_encoder(struct pxr_encoder_stock *s, pxr_block_encoder *e)
{
    pthread_mutex_lock(&s->lock);
    s->free[s->n_free++] = e;
    pthread_mutex_unlock(&s->lock);
}

/* ---- frames ------------------------------------------------------------------------------------- */

static size_t row_bytes(const struct pxr_superblock *sb) { return (size_t)sb->width_px * (sb->bits / 8u); }
static size_t frame_bytes(const struct pxr_superblock *sb) { return row_bytes(sb) * sb->height_px; }

enum pxr_err pxr_pending_group_init(struct pxr_pending_group *g, const struct pxr_superblock *sb,
                                    const struct pxr_block_opts *opts,
                                    struct pxr_encoder_stock *stock, struct pxr_diag *diag)
{
    memset(g, 0, sizeof *g);
    g->sb = sb;
    g->opts = *opts;
    g->stock = stock;
    g->max_frames = g->n_allocated = sb->nominal_frames;
    g->geometry.block_height_px = sb->nominal_height_px;
    g->geometry.block_width_px = sb->nominal_width_px;
    g->geometry.n_columns = (uint32_t)pxr_div_up_u64(sb->width_px, sb->nominal_width_px);
    g->geometry.n_blocks =
        (uint32_t)(g->geometry.n_columns * pxr_div_up_u64(sb->height_px, sb->nominal_height_px));
    g->pixels = pxr_alloc_aligned(64, g->max_frames * frame_bytes(sb));
    g->notes = pxr_alloc_zero(g->max_frames, sizeof *g->notes);
    return g->pixels && g->notes ? PXR_OK : pxr_fail_nomem(diag, g->max_frames * frame_bytes(sb));
}

void pxr_pending_group_fini(struct pxr_pending_group *g)
{
    for (int i = 0; i < PXR_GROUP_JOBS; i++) {
        pxr_buffer_fini(&g->block_jobs[i].headers);
        pxr_buffer_fini(&g->block_jobs[i].payloads);
    }
    pxr_buffer_fini(&g->texts);
    pxr_free(g->pixels);
    pxr_free(g->notes);
}

enum pxr_err pxr_pending_group_add(struct pxr_pending_group *g, const struct pxr_frame_in *f,
                                   const char *name, size_t name_bytes, struct pxr_diag *diag)
{
    const struct pxr_superblock *sb = g->sb;
    const size_t row = row_bytes(sb), stride = f->stride_bytes ? f->stride_bytes : row;
    const size_t n_before = g->texts.n_bytes, n_meta = f->meta ? f->meta_bytes : 0;
    if (n_before + name_bytes + n_meta > UINT32_MAX)
        return pxr_fail(diag, PXR_E_LIMIT, "the metadata of one group exceeds 4 GiB");
    if (!pxr_buffer_add(&g->texts, name, name_bytes) || !pxr_buffer_add(&g->texts, f->meta, n_meta)) {
        g->texts.n_bytes = n_before;
        return pxr_fail_nomem(diag, name_bytes + n_meta);
    }
    g->notes[g->n_frames] = (struct pxr_frame_note){
        .time_ns = f->has_time ? f->time_ns : PXR_NO_TIME,
        .name_off = (uint32_t)n_before,
        .name_bytes = (uint8_t)name_bytes,
        .meta_off = (uint32_t)(n_before + name_bytes),
        .meta_bytes = (uint32_t)n_meta,
        .sbit = f->sbit,
        .maxval = (uint16_t)(f->maxval ? f->maxval : (1u << sb->bits) - 1),
    };
    uint8_t *dst = g->pixels + g->n_frames * frame_bytes(sb);
    for (uint32_t y = 0; y < sb->height_px; y++)
        memcpy(dst + y * row, (const uint8_t *)f->pixels + y * stride, row);
    g->n_frames++;
    return PXR_OK;
}

enum { STILL_FRAMES = 128, TOLD_FRAMES = 64 };
#define EXTENDED_BYTES ((uint64_t)48 << 20) /* of the samples of a group that was extended */

/* At least 31 of 32 bytes of the last frame are those of the first. */
static bool is_still(const struct pxr_pending_group *g)
{
    const size_t n = frame_bytes(g->sb);
    const uint8_t *const first = g->pixels, *const last = g->pixels + (g->n_frames - 1) * n;
    size_t n_unlike = 0;
    for (size_t i = 0; i < n; i++)
        n_unlike += first[i] != last[i];
    return n_unlike <= n / 32;
}

static inline unsigned sample_at(const struct pxr_superblock *sb, const uint8_t *row, uint32_t x)
{
    uint16_t v;
    if (sb->bits == 8)
        return row[x];
    memcpy(&v, row + 2 * (size_t)x, 2);
    return v;
}

/* What a row differs by from the same row one frame before, and from the mean of its upper and left neighbours. */
static void sum_row(const struct pxr_superblock *sb, const uint8_t *row, uint64_t *by_time, uint64_t *by_place)
{
    const uint8_t *const above = row - row_bytes(sb), *const before = row - frame_bytes(sb);
    for (uint32_t x = 1; x < sb->width_px; x++) {
        const int v = (int)sample_at(sb, row, x);
        const int mean = (int)(sample_at(sb, row, x - 1) + sample_at(sb, above, x) + 1) / 2;
        *by_time += (unsigned)abs(v - (int)sample_at(sb, before, x));
        *by_place += (unsigned)abs(v - mean);
    }
}

/* Whether the frame before tells more about a sample than its neighbours do: longer groups then are 1 to 4 % smaller
 * (thermal cameras, moving machines, particles), and hardly smaller otherwise.  Every fourth row of four frames. */
static bool is_told_by_time(const struct pxr_pending_group *g)
{
    uint64_t by_time = 0, by_place = 0;
    for (uint32_t i = 1; i <= 4; i++) {
        const uint32_t frame = (g->n_frames - 1) * i / 4;
        for (uint32_t y = 1; frame && y < g->sb->height_px; y += 4)
            sum_row(g->sb, g->pixels + frame * frame_bytes(g->sb) + y * row_bytes(g->sb), &by_time, &by_place);
    }
    return by_time < by_place;
}

static uint32_t longest(const struct pxr_pending_group *g, uint32_t n_frames)
{
    return (uint32_t)pxr_min_u64(n_frames, EXTENDED_BYTES / frame_bytes(g->sb)) & ~31u;
}

enum pxr_err pxr_pending_group_extend(struct pxr_pending_group *g, bool only_still, struct pxr_diag *diag)
{
    const uint32_t most = longest(g, STILL_FRAMES), told = longest(g, TOLD_FRAMES);
    uint32_t n = 0;
    if (g->max_frames >= 2 && most > g->max_frames && is_still(g))
        n = most;
    else if (!only_still && g->max_frames >= 2 && told > g->max_frames && is_told_by_time(g))
        n = told;
    if (!n)
        return PXR_OK;
    if (n > g->n_allocated) {
        uint8_t *pixels = pxr_alloc_aligned(64, n * frame_bytes(g->sb));
        struct pxr_frame_note *notes = pxr_alloc_zero(n, sizeof *notes);
        if (!pixels || !notes) {
            pxr_free(pixels);
            pxr_free(notes);
            return pxr_fail_nomem(diag, n * frame_bytes(g->sb));
        }
        memcpy(pixels, g->pixels, g->n_frames * frame_bytes(g->sb));
        memcpy(notes, g->notes, g->n_frames * sizeof *notes);
        pxr_free(g->pixels);
        pxr_free(g->notes);
        g->pixels = pixels;
        g->notes = notes;
        g->n_allocated = n;
    }
    g->max_frames = n;
    return PXR_OK;
}

void pxr_pending_group_reset(struct pxr_pending_group *g)
{
    g->n_frames = 0;
    g->max_frames = g->sb->nominal_frames;
}

/* ---- jobs --------------------------------------------------------------------------------------- */

/* Of a near-lossless archive: the samples that a block will store, in the place of those that came. */
static enum pxr_err round_block(struct pxr_group_job *j, const struct pxr_block_shape *shape, uint8_t *samples)
{
    const struct pxr_pending_group *g = j->group;
    uint16_t *maxval = pxr_alloc(g->n_frames * sizeof *maxval);
    if (!maxval)
        return pxr_fail_nomem(&j->diag, g->n_frames * sizeof *maxval);
    for (uint32_t i = 0; i < g->n_frames; i++)
        maxval[i] = g->notes[i].maxval;
    const struct pxr_near_block block = {*shape, samples, row_bytes(g->sb), frame_bytes(g->sb), maxval, g->sb->max_error};
    uint32_t error;
    const enum pxr_err e = pxr_near_round(&block, &error, &j->diag);
    pxr_free(maxval);
    if (e == PXR_OK)
        j->largest_error = (uint32_t)pxr_max_u64(j->largest_error, error);
    return e;
}

static void run_block_job(void *arg)
{
    struct pxr_group_job *j = arg;
    struct pxr_pending_group *g = j->group;
    const size_t row = row_bytes(g->sb), frame = frame_bytes(g->sb);
    pxr_block_encoder *encoder = take_encoder(g->stock);
    j->headers.n_bytes = j->payloads.n_bytes = 0;
    j->largest_error = 0;
    j->err = PXR_OK;
    for (uint32_t b = j->first; b < j->first + j->n && j->err == PXR_OK; b++) {
        struct pxr_block_shape shape;
        uint32_t x0, y0;
        pxr_group_window(&g->geometry, g->sb, b, &x0, &y0, &shape);
        uint8_t *samples = g->pixels + y0 * row + x0 * (g->sb->bits / 8u);
        if (!g->is_rounded)
            j->err = round_block(j, &shape, samples);
        if (j->err == PXR_OK)
            j->err = pxr_block_encode(encoder, &shape, samples, row, frame, &g->opts, &j->headers, &j->payloads,
                                      &j->diag);
        pxr_diag_in_block(&j->diag, j->err, g->first_frame, b);
    }
    give_encoder(g->stock, encoder);
}

static void run_frame_job(void *arg)
{
    struct pxr_group_job *j = arg;
    struct pxr_pending_group *g = j->group;
    const struct pxr_superblock *sb = g->sb;
    uint8_t *row = pxr_alloc(row_bytes(sb) + 1);
    pxr_xxh3 *state = pxr_xxh3_new();
    j->err = row && state ? PXR_OK : pxr_fail_nomem(&j->diag, row_bytes(sb));
    for (uint32_t i = j->first; i < j->first + j->n && j->err == PXR_OK; i++) {
        const struct pxr_frame_sums sums = pxr_frame_sums(
            g->pixels + i * frame_bytes(sb), sb->width_px, sb->height_px, sb->bits, row, state);
        g->notes[i].pixel_hash = sums.pixel_hash;
        g->notes[i].adler32 = sums.adler32;
    }
    pxr_xxh3_free(state);
    pxr_free(row);
}

/* n_items in at most PXR_GROUP_JOBS jobs of nearly equal length. */
static uint32_t submit_jobs(struct pxr_pending_group *g, struct pxr_group_job *jobs,
                            void (*run)(void *), uint32_t n_items, pxr_pool *pool)
{
    const uint32_t n_jobs = n_items < PXR_GROUP_JOBS ? n_items : PXR_GROUP_JOBS;
    for (uint32_t i = 0; i < n_jobs; i++) {
        struct pxr_group_job *j = &jobs[i];
        j->group = g;
        j->first = (uint32_t)((uint64_t)n_items * i / n_jobs);
        j->n = (uint32_t)((uint64_t)n_items * (i + 1) / n_jobs) - j->first;
        j->job = (struct pxr_job){.run = run, .arg = j};
        pxr_pool_submit(pool, &j->job);
    }
    return n_jobs;
}

void pxr_pending_group_submit(struct pxr_pending_group *g, pxr_pool *pool)
{
    g->geometry.n_frames = g->n_frames;
    g->geometry.first_frame = g->first_frame;
    g->n_block_jobs = submit_jobs(g, g->block_jobs, run_block_job, g->geometry.n_blocks, pool);
    /* Frames are hashed as they will be read. */
    g->n_frame_jobs = g->is_rounded ? submit_jobs(g, g->frame_jobs, run_frame_job, g->n_frames, pool) : 0;
    g->largest_error = 0;
    g->is_submitted = true;
}

/* The first error stays. */
static enum pxr_err wait_jobs(struct pxr_group_job *jobs, uint32_t n_jobs, pxr_pool *pool, enum pxr_err e,
                              struct pxr_diag *diag)
{
    for (uint32_t i = 0; i < n_jobs; i++) {
        pxr_pool_wait(pool, &jobs[i].job);
        if (e == PXR_OK && jobs[i].err != PXR_OK) {
            e = jobs[i].err;
            if (diag)
                *diag = jobs[i].diag;
        }
    }
    return e;
}

enum pxr_err pxr_pending_group_wait(struct pxr_pending_group *g, pxr_pool *pool,
                                    struct pxr_diag *diag)
{
    enum pxr_err e = wait_jobs(g->block_jobs, g->n_block_jobs, pool, PXR_OK, diag);
    if (e == PXR_OK && !g->is_rounded) {
        g->is_rounded = true;
        g->n_frame_jobs = submit_jobs(g, g->frame_jobs, run_frame_job, g->n_frames, pool);
        for (uint32_t i = 0; i < g->n_block_jobs; i++)
            g->largest_error = (uint32_t)pxr_max_u64(g->largest_error, g->block_jobs[i].largest_error);
    }
    e = wait_jobs(g->frame_jobs, g->n_frame_jobs, pool, e, diag);
    g->is_submitted = false;
    return e;
}

/* ---- the frame page ----------------------------------------------------------------------------- */

static void split_name(const struct pxr_pending_group *g, uint32_t i, struct pxr_name_split *out)
{
    const struct pxr_frame_note *n = &g->notes[i];
    pxr_name_split(out, (const char *)g->texts.bytes + n->name_off, n->name_bytes);
}

uint32_t pxr_pending_group_run(const struct pxr_pending_group *g, uint32_t i,
                               struct pxr_name_split *split)
{
    struct pxr_name_split next;
    uint32_t n = 1;
    split_name(g, i, split);
    for (; i + n < g->n_frames; n++) {
        split_name(g, i + n, &next);
        if (!pxr_name_continues(split, n, &next))
            break;
    }
    return n;
}

static bool add_runs(const struct pxr_pending_group *g, struct pxr_buffer *b, uint32_t *n_runs)
{
    struct pxr_name_split s;
    *n_runs = 0;
    for (uint32_t i = 0, n; i < g->n_frames; i += n, ++*n_runs) {
        n = pxr_pending_group_run(g, i, &s);
        uint8_t *r = pxr_buffer_extend(b, (size_t)PXR_RUN_BYTES + s.prefix_bytes + s.suffix_bytes);
        if (!r)
            return false;
        pxr_store_u32le(r, n);
        r[4] = s.name_class;
        r[5] = s.prefix_bytes;
        r[6] = s.suffix_bytes;
        r[7] = 0;
        pxr_store_u64le(r + 8, s.counter);
        memcpy(r + PXR_RUN_BYTES, s.prefix, s.prefix_bytes);
        memcpy(r + PXR_RUN_BYTES + s.prefix_bytes, s.suffix, s.suffix_bytes);
    }
    return true;
}

static bool add_meta(const struct pxr_pending_group *g, struct pxr_buffer *b)
{
    uint8_t *lengths = pxr_buffer_extend(b, 4 * (size_t)g->n_frames);
    if (!lengths)
        return false;
    for (uint32_t i = 0; i < g->n_frames; i++)
        pxr_store_u32le(lengths + 4 * (size_t)i, g->notes[i].meta_bytes);
    for (uint32_t i = 0; i < g->n_frames; i++)
        if (!pxr_buffer_add(b, g->texts.bytes + g->notes[i].meta_off, g->notes[i].meta_bytes))
            return false;
    return true;
}

static uint8_t page_flags(const struct pxr_pending_group *g)
{
    uint8_t flags = 0;
    for (uint32_t i = 0; i < g->n_frames; i++) {
        const struct pxr_frame_note *n = &g->notes[i];
        flags |= n->time_ns != PXR_NO_TIME ? PXR_FRAMES_HAS_TIME : 0;
        flags |= n->meta_bytes ? PXR_FRAMES_HAS_META : 0;
        if (n->maxval != g->notes[0].maxval || n->sbit != g->notes[0].sbit)
            flags |= PXR_FRAMES_HAS_DEPTH;
    }
    return flags;
}

enum pxr_err pxr_pending_group_page(const struct pxr_pending_group *g, struct pxr_buffer *rest,
                                    struct pxr_diag *diag)
{
    const uint8_t flags = page_flags(g);
    const bool has_time = flags & PXR_FRAMES_HAS_TIME, has_depth = flags & PXR_FRAMES_HAS_DEPTH;
    const size_t n = g->n_frames, fixed = PXR_FRAMES_HEADER_BYTES - PXR_PAGE_HEADER_BYTES;
    const size_t n_tables = n * (PXR_FRAMES_SUMS_BYTES + 8u * has_time + 4u * has_depth);
    const size_t start = rest->n_bytes;
    uint32_t n_runs;
    uint8_t *p = pxr_buffer_extend(rest, fixed + n_tables);
    if (!p)
        return pxr_fail_nomem(diag, fixed + n_tables);
    pxr_store_u64le(p, g->first_frame);
    p[8] = flags;
    p[9] = has_depth ? 0 : g->notes[0].sbit;
    pxr_store_u16le(p + 10, has_depth ? 0 : g->notes[0].maxval);
    uint8_t *sums = p + fixed, *times = sums + PXR_FRAMES_SUMS_BYTES * n;
    uint8_t *depths = times + 8 * n * has_time;
    for (size_t i = 0; i < n; i++) {
        const struct pxr_frame_note *note = &g->notes[i];
        pxr_store_u32le(sums + PXR_FRAMES_SUMS_BYTES * i, note->adler32);
        pxr_store_u64le(sums + PXR_FRAMES_SUMS_BYTES * i + 4, note->pixel_hash);
        if (has_time)
            pxr_store_u64le(times + 8 * i, (uint64_t)note->time_ns);
        if (has_depth) {
            pxr_store_u16le(depths + 4 * i, note->maxval);
            depths[4 * i + 2] = note->sbit;
            depths[4 * i + 3] = 0;
        }
    }
    if (!add_runs(g, rest, &n_runs) || ((flags & PXR_FRAMES_HAS_META) && !add_meta(g, rest)))
        return pxr_fail_nomem(diag, g->texts.n_bytes);
    pxr_store_u32le(rest->bytes + start + 12, n_runs);
    return PXR_OK;
}
