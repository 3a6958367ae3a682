/* SPDX-License-Identifier: MIT
 * Verifying a whole archive: records by walking the file, structure by walking the index, pixels by
 * decoding every frame. */
#include "parity_repair.h"
#include "records.h"
#include "view_index.h"

#include "diag.h"
#include "frame_sums.h"
#include "pool.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct check {
    pxr_archive *archive;
    enum pxr_check_depth depth;
    pxr_check_fn *each;
    void (*progress)(void *arg, uint64_t done, uint64_t total);
    void *arg;
    struct pxr_check_report *report;
    const char *path;
    uint8_t *piece; /* PXR_PIECE_BYTES */
    pxr_xxh3 *hash;
};

static void damaged(struct check *c, struct pxr_diag *diag)
{
    pxr_diag_in_file(diag, diag->code, c->path);
    c->report->n_damages++;
    if (c->each)
        c->each(c->arg, diag);
}

/* Out of memory and I/O errors end the check; they say nothing about the archive. */
static bool is_damage(enum pxr_err e)
{
    return e == PXR_E_CORRUPT || e == PXR_E_TRUNCATED || e == PXR_E_UNSUPPORTED;
}

/* ---- records ------------------------------------------------------------------------------------ */

/* A SKIP record, and where the bytes start that it accounts for. */
struct found_skip {
    uint64_t first_off, sequence, off;
};

/* Where the walk over the records is. */
struct record_walk {
    uint64_t off, sequence;               /* of the next record                                          */
    uint64_t commit_end, commit_sequence; /* behind the last COMMIT: where skipped bytes can start       */
    struct found_skip *skips;             /* in order, searched for once: a forger can make a million
                                             places where one is wanted */
    size_t n_skips, skips_capacity;
    bool has_skips;
    uint64_t lost_off;                    /* bytes that are no record start here; 0: the last one was one */
    struct pxr_diag lost;                 /* why                                                         */
};

static enum pxr_err check_body(struct check *c, const struct pxr_record *r, struct pxr_diag *diag)
{
    const enum pxr_err e = pxr_record_check_body(&c->archive->file, r, c->hash, c->piece, diag);
    c->report->bytes_checked += pxr_record_bytes(r->body_bytes);
    if (c->progress)
        c->progress(c->arg, r->next_off, c->archive->end_off);
    return e;
}

/* What a parity record covers, and itself.  Damage of what it covers is reported as such elsewhere; here it is counted. */
static enum pxr_err examine_parity(struct check *c, struct pxr_span_reader *r, const struct pxr_parity_head *h,
                                   struct pxr_diag *diag)
{
    struct pxr_bad_cells bad = {0};
    struct pxr_diag d;
    enum pxr_err e = pxr_span_load(r, h, diag);
    if (e == PXR_OK)
        e = pxr_span_examine(r, 0, &bad, diag);
    for (size_t i = 0; i < bad.n && e == PXR_OK; i++)
        *(bad.cells[i].is_solved ? &c->report->n_bytes_repairable : &c->report->n_bytes_unrepairable) +=
            bad.cells[i].last - bad.cells[i].first + 1u;
    if (e == PXR_OK && !bad.n) {
        e = pxr_span_check_parity(r, &d);
        if (is_damage(e)) {
            damaged(c, &d);
            e = PXR_OK;
        } else if (e != PXR_OK) {
            *diag = d;
        }
    }
    pxr_free(bad.cells);
    return e;
}

/* Either copy of its head. */
static enum pxr_err load_parity_head(const struct check *c, const struct pxr_record *record, struct pxr_parity_head *h,
                                     struct pxr_diag *diag)
{
    const pxr_archive *a = c->archive;
    uint8_t bytes[PXR_PARITY_HEAD_BYTES];
    if (record->body_bytes < sizeof bytes)
        return pxr_fail_at(diag, PXR_E_CORRUPT, record->body_off, "a parity record is too short");
    const uint64_t offs[] = {record->body_off, record->body_off + record->body_bytes - sizeof bytes};
    for (int i = 0; i < 2; i++) {
        const enum pxr_err e = pxr_file_read(&a->file, offs[i], bytes, sizeof bytes, diag);
        if (e != PXR_OK)
            return e;
        if (pxr_parity_head_parse(h, bytes, NULL) == PXR_OK && !memcmp(h->id, a->sb.id, sizeof h->id) &&
            pxr_parity_head_off(h, 0) == record->body_off && h->body_bytes == record->body_bytes)
            return PXR_OK;
    }
    return pxr_fail_at(diag, PXR_E_CORRUPT, record->body_off, "a parity record has no head that is sound");
}

static enum pxr_err check_parity(struct check *c, const struct pxr_record *record, struct pxr_diag *diag)
{
    struct pxr_span_reader r = {.file = &c->archive->file, .file_bytes = c->archive->end_off};
    struct pxr_parity_head h;
    struct pxr_diag d;
    enum pxr_err e = load_parity_head(c, record, &h, &d);
    c->report->n_parity_records++;
    if (is_damage(e)) {
        damaged(c, &d);
        return PXR_OK;
    }
    if (e == PXR_OK)
        e = examine_parity(c, &r, &h, diag);
    else
        *diag = d;
    pxr_span_fini(&r);
    return e;
}

static int compare_skips(const void *x, const void *y)
{
    const struct found_skip *a = x, *b = y;
    if (a->first_off != b->first_off)
        return a->first_off < b->first_off ? -1 : 1;
    if (a->sequence != b->sequence)
        return a->sequence < b->sequence ? -1 : 1;
    return (a->off > b->off) - (a->off < b->off);
}

/* All SKIP records behind from. */
static enum pxr_err find_skips(struct check *c, struct record_walk *w, uint64_t from, struct pxr_diag *diag)
{
    const pxr_archive *a = c->archive;
    w->has_skips = true;
    while (from < a->end_off) {
        struct found_skip skip = {0};
        struct pxr_record r;
        const enum pxr_err e = pxr_record_search(&a->file, a->sb.id, from, a->end_off, c->piece, &skip.off, &r, diag);
        if (e != PXR_OK)
            return e;
        from = skip.off + 8;
        if (skip.off == a->end_off || !pxr_record_is_skip(&a->file, &r, skip.off, &skip.first_off))
            continue;
        if (!pxr_reserve(&w->skips, &w->skips_capacity, w->n_skips + 1, sizeof *w->skips))
            return pxr_fail_nomem(diag, w->n_skips * sizeof *w->skips);
        skip.sequence = r.sequence;
        w->skips[w->n_skips++] = skip;
    }
    if (w->n_skips)
        qsort(w->skips, w->n_skips, sizeof *w->skips, compare_skips);
    return PXR_OK;
}

/* Something is wrong behind the last COMMIT: go to the SKIP record that accounts for it, if there is one.  What lies in front of
 * from has been looked at. */
static enum pxr_err go_to_skip(struct check *c, struct record_walk *w, uint64_t from, bool *is_there, struct pxr_diag *diag)
{
    size_t lo = 0, hi;
    *is_there = false;
    if (!w->commit_end)
        return PXR_OK;
    const enum pxr_err e = w->has_skips ? PXR_OK : find_skips(c, w, from, diag);
    if (e != PXR_OK)
        return e;
    const struct found_skip wanted = {w->commit_end, w->commit_sequence, from};
    for (hi = w->n_skips; lo < hi;) { /* the first one of these bytes that is not in front of from */
        const size_t mid = lo + (hi - lo) / 2;
        if (compare_skips(&w->skips[mid], &wanted) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    if (lo == w->n_skips || w->skips[lo].first_off != w->commit_end || w->skips[lo].sequence != w->commit_sequence)
        return PXR_OK;
    w->off = w->skips[lo].off;
    w->sequence = w->commit_sequence;
    w->lost_off = 0;
    *is_there = true;
    return PXR_OK;
}

/* Report what the walk has met so far that is no record. */
static void report_gap(struct check *c, struct record_walk *w)
{
    if (w->lost_off)
        damaged(c, &w->lost);
    w->lost_off = 0;
}

static enum pxr_err check_record(struct check *c, struct record_walk *w, const struct pxr_record *r,
                                 struct pxr_diag *diag)
{
    const uint64_t off = r->body_off - PXR_RECORD_HEADER_BYTES;
    struct pxr_diag d;
    enum pxr_err e = PXR_OK;
    const bool had_gap = w->lost_off != 0;
    bool is_skipped = false;
    if (!had_gap && r->sequence != w->sequence) {
        e = go_to_skip(c, w, off, &is_skipped, diag);
        if (e != PXR_OK || is_skipped)
            return e;
        pxr_fail_field(&d, PXR_E_CORRUPT, off + 16, "sequence", w->sequence, r->sequence,
                       "a record is missing or out of order");
        damaged(c, &d);
    }
    if (c->depth >= PXR_CHECK_FULL || r->type == PXR_RECORD_SKIP)
        e = check_body(c, r, &d);
    if (e != PXR_OK && !is_damage(e)) {
        *diag = d;
        return e;
    }
    if (e != PXR_OK) {
        const enum pxr_err e2 = go_to_skip(c, w, r->next_off, &is_skipped, diag);
        if (e2 != PXR_OK || is_skipped)
            return e2;
    }
    report_gap(c, w);
    if (e != PXR_OK)
        damaged(c, &d);
    c->report->n_records++;
    w->sequence = r->sequence + 1;
    w->off = r->next_off;
    if (r->type == PXR_RECORD_PARITY && c->depth == PXR_CHECK_DEEP)
        return check_parity(c, r, diag);
    if (r->type == PXR_RECORD_COMMIT) {
        w->commit_end = r->next_off;
        w->commit_sequence = w->sequence;
    }
    return PXR_OK;
}

static enum pxr_err walk_records(struct check *c, struct record_walk *w, struct pxr_diag *diag)
{
    const pxr_archive *a = c->archive;
    enum pxr_err e = PXR_OK;
    while (w->off < a->end_off && e == PXR_OK) {
        uint8_t header[PXR_RECORD_HEADER_BYTES];
        struct pxr_record r;
        struct pxr_diag d;
        bool is_skipped = false;
        e = a->end_off - w->off < sizeof header
                ? pxr_fail_at(&d, PXR_E_CORRUPT, w->off, "no record starts here")
                : pxr_file_read(&a->file, w->off, header, sizeof header, &d);
        if (e == PXR_OK)
            e = pxr_parse_record(&r, header, w->off, a->end_off, a->sb.id, &d);
        if (e != PXR_OK && !is_damage(e)) {
            *diag = d;
            return e;
        }
        if (e == PXR_OK) {
            e = check_record(c, w, &r, diag);
            continue;
        }
        e = w->lost_off ? PXR_OK : go_to_skip(c, w, w->off, &is_skipped, diag);
        if (e != PXR_OK || is_skipped)
            continue;
        if (!w->lost_off) { /* look for the next record; report the gap once */
            w->lost = d;
            w->lost_off = w->off;
        }
        e = pxr_record_search(&a->file, a->sb.id, w->off + 8, a->end_off, c->piece, &w->off, &r, diag);
    }
    report_gap(c, w);
    return e;
}

static enum pxr_err check_records(struct check *c, struct pxr_diag *diag)
{
    struct record_walk w = {.off = PXR_SUPERBLOCK_BYTES};
    if (c->depth >= PXR_CHECK_FULL)
        c->report->bytes_checked = PXR_SUPERBLOCK_BYTES; /* when the archive was opened */
    const enum pxr_err e = walk_records(c, &w, diag);
    pxr_free(w.skips);
    return e;
}

/* ---- index -------------------------------------------------------------------------------------- */

/* The name of a frame must lead back to it. */
static enum pxr_err check_name(pxr_archive *a, uint64_t frame, struct pxr_diag *diag)
{
    struct pxr_frame_info info;
    uint64_t found;
    enum pxr_err e = pxr_frame_info(a, frame, &info, diag);
    if (e == PXR_OK)
        e = pxr_frame_find(a, info.name, info.name_bytes, &found, diag);
    if (e == PXR_OK && found != frame)
        e = pxr_fail_field(diag, PXR_E_CORRUPT, PXR_NONE, "names", frame, found,
                           "the name '%.80s' does not lead to its frame", info.name);
    return pxr_diag_in_frame(diag, e, frame);
}

static enum pxr_err check_group(struct check *c, const struct pxr_dir_entry *dir,
                                struct pxr_diag *diag)
{
    pxr_archive *a = c->archive;
    pxr_cache_entry *entry;
    struct pxr_loaded_group *g;
    struct pxr_loaded_frames *f;
    enum pxr_err e = pxr_group_get(a, dir, &entry, &g, diag);
    if (e != PXR_OK)
        return e;
    pxr_cache_put(a->index_cache, entry);
    e = pxr_frames_get(a, dir, &entry, &f, diag);
    if (e != PXR_OK)
        return e;
    pxr_cache_put(a->index_cache, entry);
    const uint32_t n = c->depth == PXR_CHECK_QUICK ? 1 : dir->n_frames;
    for (uint32_t i = 0; i < n && e == PXR_OK; i++)
        e = check_name(a, dir->first_frame + i, diag);
    return e;
}

static enum pxr_err check_index(struct check *c, struct pxr_diag *diag)
{
    pxr_archive *a = c->archive;
    uint64_t n_groups = 0;
    bool is_whole = true;
    for (uint64_t frame = 0; frame < a->root.n_frames;) {
        struct pxr_dir_entry dir;
        struct pxr_diag d;
        uint64_t next;
        enum pxr_err e = pxr_dir_walk(a, frame, &dir, &next, &d);
        if (e == PXR_OK)
            e = check_group(c, &dir, &d);
        if (e != PXR_OK && !is_damage(e)) {
            *diag = d;
            return e;
        }
        if (e != PXR_OK) {
            pxr_diag_in_frame(&d, e, frame);
            damaged(c, &d);
            is_whole = false;
        }
        n_groups++;
        frame = next > frame ? next : frame + 1;
    }
    c->report->n_groups = n_groups;
    if (is_whole && n_groups != a->root.n_groups) {
        struct pxr_diag d;
        pxr_fail_field(&d, PXR_E_CORRUPT, a->commit.root.off_bytes + 16, "n_groups", a->root.n_groups,
                       n_groups, "the directory holds another number of groups");
        damaged(c, &d);
    }
    return PXR_OK;
}

/* Each page of an index; what its entries say is compared with pixels below. */
static enum pxr_err check_view_index(struct check *c, const struct pxr_index_kind *kind, struct pxr_diag *diag)
{
    pxr_archive *a = c->archive;
    const struct pxr_loaded_index *l = NULL;
    pxr_cache_entry *held;
    struct pxr_diag d;
    if (!pxr_index_n_frames(a, kind))
        return PXR_OK;
    enum pxr_err e = pxr_index_get(a, kind, &held, &l, &d);
    const uint64_t n = e == PXR_OK ? l->index.n_pages : 1;
    for (uint64_t page = 0; page < n; page++) {
        struct pxr_index_entry entry = {0};
        if (l && e == PXR_OK)
            e = pxr_index_entry_get(a, kind, page * l->index.page_frames, &entry, &d);
        pxr_index_entry_put(a, &entry);
        if (e != PXR_OK && !is_damage(e)) {
            *diag = d;
            pxr_cache_put(a->index_cache, held);
            return e;
        }
        if (e != PXR_OK)
            damaged(c, &d);
        e = PXR_OK;
    }
    pxr_cache_put(a->index_cache, held);
    return PXR_OK;
}

/* ---- pixels ------------------------------------------------------------------------------------- */

/* One group, decoded and compared by a worker; its damages are reported in order afterwards. */
struct deep_job {
    struct pxr_job job;
    struct check *check;
    pxr_decoder *decoder;
    pxr_xxh3 *hash;
    uint8_t *pixels, *row; /* a frame; a row of the PNG view */
    struct pxr_buffer scratch, entry; /* of view indexes */
    uint64_t first_frame, n_frames;
    struct pxr_diag *damages;
    size_t n_damages, capacity;
    enum pxr_err err; /* not damage: ends the check */
    struct pxr_diag diag;
};

/* What an index says of a frame that is in j->pixels. */
static enum pxr_err check_entry(struct deep_job *j, const struct pxr_index_kind *kind, uint64_t frame,
                                struct pxr_diag *diag)
{
    pxr_archive *a = j->check->archive;
    const uint32_t n = kind->entry_bytes(&a->sb);
    struct pxr_index_entry stored;
    if (frame >= pxr_index_n_frames(a, kind))
        return PXR_OK;
    enum pxr_err e = pxr_index_entry_get(a, kind, frame, &stored, diag);
    if (e != PXR_OK)
        return is_damage(e) ? PXR_OK : e; /* reported already */
    j->entry.n_bytes = 0;
    uint8_t *made = pxr_buffer_extend(&j->entry, n);
    e = made ? kind->make(stored.state, j->pixels, &j->scratch, made, diag) : pxr_fail_nomem(diag, n);
    if (e == PXR_E_UNSUPPORTED || (e == PXR_OK && memcmp(made, stored.bytes, n)))
        e = pxr_fail_field(diag, PXR_E_CORRUPT, PXR_NONE, "entry", pxr_xxh3_64(stored.bytes, n),
                           e == PXR_OK ? pxr_xxh3_64(made, n) : 0, "the index of %s is not that of these pixels",
                           kind->name);
    pxr_index_entry_put(a, &stored);
    return e;
}

static enum pxr_err check_entries(struct deep_job *j, uint64_t frame, struct pxr_diag *diag)
{
    enum pxr_err e = PXR_OK;
    for (unsigned k = 0; k < PXR_N_INDEX_KINDS && e == PXR_OK; k++)
        e = check_entry(j, pxr_index_kinds[k], frame, diag);
    return e;
}

static enum pxr_err check_frame(struct deep_job *j, uint64_t frame, struct pxr_diag *diag)
{
    pxr_archive *a = j->check->archive;
    const size_t row = (size_t)a->sb.width_px * (a->sb.bits / 8u), n = row * a->sb.height_px;
    struct pxr_frame_info info;
    enum pxr_err e = pxr_frame_info(a, frame, &info, diag);
    if (e != PXR_OK)
        return e;
    e = pxr_frame_read(j->decoder, frame, 0, a->sb.height_px, j->pixels, n, row);
    if (e != PXR_OK) {
        *diag = *pxr_decoder_diag(j->decoder);
        return e;
    }
    const struct pxr_frame_sums sums =
        pxr_frame_sums(j->pixels, a->sb.width_px, a->sb.height_px, a->sb.bits, j->row, j->hash);
    if (sums.pixel_hash != info.pixel_hash)
        return pxr_fail_field(diag, PXR_E_CORRUPT, PXR_NONE, "pixel_hash", info.pixel_hash,
                              sums.pixel_hash,
                              "a frame does not decode to the pixels that were stored");
    if (sums.adler32 != info.adler32)
        return pxr_fail_field(diag, PXR_E_CORRUPT, PXR_NONE, "adler32", info.adler32, sums.adler32,
                              "the checksum of the PNG view is wrong");
    return check_entries(j, frame, diag);
}

static void run_deep_job(void *arg)
{
    struct deep_job *j = arg;
    j->n_damages = 0;
    j->err = PXR_OK;
    for (uint64_t i = 0; i < j->n_frames && j->err == PXR_OK; i++) {
        struct pxr_diag d;
        const enum pxr_err e = check_frame(j, j->first_frame + i, &d);
        if (e == PXR_OK)
            continue;
        pxr_diag_in_frame(&d, e, j->first_frame + i);
        if (is_damage(e) &&
            pxr_reserve(&j->damages, &j->capacity, j->n_damages + 1, sizeof *j->damages)) {
            j->damages[j->n_damages++] = d;
        } else {
            j->err = is_damage(e) ? PXR_E_NOMEM : e;
            j->diag = d;
        }
    }
}

static enum pxr_err deep_job_init(struct deep_job *j, struct check *c, struct pxr_diag *diag)
{
    const struct pxr_superblock *sb = &c->archive->sb;
    const size_t row = (size_t)sb->width_px * (sb->bits / 8u);
    j->check = c;
    j->pixels = pxr_alloc(row * sb->height_px);
    j->row = pxr_alloc(row + 1);
    j->hash = pxr_xxh3_new();
    if (!j->pixels || !j->row || !j->hash ||
        pxr_decoder_new(&j->decoder, c->archive) != PXR_OK)
        return pxr_fail_nomem(diag, row * sb->height_px);
    return PXR_OK;
}

static void deep_job_fini(struct deep_job *j)
{
    pxr_decoder_free(j->decoder);
    pxr_xxh3_free(j->hash);
    pxr_free(j->pixels);
    pxr_free(j->row);
    pxr_buffer_fini(&j->scratch);
    pxr_buffer_fini(&j->entry);
    pxr_free(j->damages);
}

static enum pxr_err finish_deep_job(struct check *c, pxr_pool *pool, struct deep_job *j,
                                    struct pxr_diag *diag)
{
    if (!j->n_frames)
        return PXR_OK;
    pxr_pool_wait(pool, &j->job);
    for (size_t i = 0; i < j->n_damages; i++)
        damaged(c, &j->damages[i]);
    const uint64_t end = j->first_frame + j->n_frames;
    j->n_frames = 0;
    if (j->err != PXR_OK)
        *diag = j->diag;
    else if (c->progress)
        c->progress(c->arg, end, c->archive->root.n_frames);
    return j->err;
}

/* A ring of jobs of one group each; damages come out in the order of frames. */
static enum pxr_err check_pixels(struct check *c, unsigned n_threads, struct pxr_diag *diag)
{
    pxr_archive *a = c->archive;
    const unsigned n_jobs = n_threads + 1;
    pxr_pool *pool = NULL;
    struct deep_job *jobs = pxr_alloc_zero(n_jobs, sizeof *jobs);
    enum pxr_err e = jobs ? PXR_OK : pxr_fail_nomem(diag, n_jobs * sizeof *jobs);
    for (unsigned i = 0; i < n_jobs && e == PXR_OK; i++)
        e = deep_job_init(&jobs[i], c, diag);
    if (e == PXR_OK)
        e = pxr_pool_new(&pool, n_threads > 1 ? n_threads : 0, diag);
    unsigned next = 0;
    for (uint64_t frame = 0; frame < a->root.n_frames && e == PXR_OK;) {
        struct deep_job *j = &jobs[next];
        struct pxr_dir_entry dir;
        e = finish_deep_job(c, pool, j, diag);
        if (e != PXR_OK)
            break;
        uint64_t behind;
        if (pxr_dir_walk(a, frame, &dir, &behind, NULL) != PXR_OK) {
            frame = behind > frame ? behind : frame + 1; /* check_index has reported it */
            continue;
        }
        j->first_frame = frame;
        j->n_frames = behind - frame;
        frame = behind;
        j->job = (struct pxr_job){.run = run_deep_job, .arg = j};
        pxr_pool_submit(pool, &j->job);
        next = (next + 1) % n_jobs;
    }
    for (unsigned i = 0; jobs && pool && i < n_jobs; i++) {
        struct pxr_diag late;
        const enum pxr_err e2 = finish_deep_job(c, pool, &jobs[(next + i) % n_jobs], &late);
        if (e == PXR_OK && e2 != PXR_OK) {
            e = e2;
            *diag = late;
        }
    }
    pxr_pool_free(pool);
    for (unsigned i = 0; jobs && i < n_jobs; i++)
        deep_job_fini(&jobs[i]);
    pxr_free(jobs);
    return e;
}

/* ---- all of it ---------------------------------------------------------------------------------- */

static enum pxr_err check_tail(struct check *c, struct pxr_diag *diag)
{
    const pxr_archive *a = c->archive;
    struct pxr_tail tail;
    struct pxr_diag d;
    char rest[96] = "";
    if (!a->tail_bytes)
        return PXR_OK;
    const enum pxr_err e = pxr_tail_inspect(&tail, &a->file, &a->sb, a->end_off, a->end_off + a->tail_bytes, diag);
    if (e != PXR_OK)
        return e;
    if (tail.n_whole)
        snprintf(rest, sizeof rest, "; among them %" PRIu64 " whole records, which recover can save", tail.n_whole);
    pxr_fail_at(&d, PXR_E_CORRUPT, a->end_off,
                "%" PRIu64 " bytes behind the last commit belong to no frame: an append was torn%s",
                a->tail_bytes, rest);
    damaged(c, &d);
    return PXR_OK;
}

/* Takes the archive over. */
static enum pxr_err check_archive(struct check *c, unsigned n_threads, struct pxr_diag *diag)
{
    c->piece = pxr_alloc(PXR_PIECE_BYTES);
    c->hash = pxr_xxh3_new();
    enum pxr_err e = c->piece && c->hash ? PXR_OK : pxr_fail_nomem(diag, PXR_PIECE_BYTES);
    c->report->n_frames = c->archive->root.n_frames;
    if (e == PXR_OK)
        e = check_records(c, diag);
    if (e == PXR_OK)
        e = check_index(c, diag);
    for (unsigned k = 0; k < PXR_N_INDEX_KINDS && e == PXR_OK; k++)
        e = check_view_index(c, pxr_index_kinds[k], diag);
    if (e == PXR_OK && c->depth == PXR_CHECK_DEEP)
        e = check_pixels(c, n_threads ? n_threads : pxr_n_cores(), diag);
    if (e == PXR_OK)
        e = check_tail(c, diag);
    pxr_free(c->piece);
    pxr_xxh3_free(c->hash);
    pxr_archive_close(c->archive);
    return e;
}

enum pxr_err pxr_archive_check(const char *path, enum pxr_check_depth depth, unsigned n_threads,
                               pxr_check_fn *each, void *arg,
                               void (*progress)(void *arg, uint64_t done, uint64_t total),
                               struct pxr_check_report *report, struct pxr_diag *diag)
{
    struct pxr_diag unused;
    struct check c = {.depth = depth, .each = each, .progress = progress, .arg = arg,
                      .report = report, .path = path};
    diag = diag ? diag : &unused;
    *report = (struct pxr_check_report){0};
    enum pxr_err e = pxr_archive_open(&c.archive, path, NULL, diag);
    if (e == PXR_OK)
        e = check_archive(&c, n_threads, diag);
    return pxr_diag_in_file(diag, e, path);
}

enum pxr_err pxr_archive_check_io(const struct pxr_io *io, void *io_arg, enum pxr_check_depth depth,
                                  unsigned n_threads, pxr_check_fn *each, void *arg,
                                  struct pxr_check_report *report, struct pxr_diag *diag)
{
    struct pxr_diag unused;
    struct check c = {.depth = depth, .each = each, .arg = arg, .report = report, .path = ""};
    diag = diag ? diag : &unused;
    *report = (struct pxr_check_report){0};
    const enum pxr_err e = pxr_archive_open_io(&c.archive, io, io_arg, NULL, diag);
    return e == PXR_OK ? check_archive(&c, n_threads, diag) : e;
}
