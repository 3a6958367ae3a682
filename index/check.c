/* SPDX-License-Identifier: MIT
 * Verifying a whole archive: records by walking the file, structure by walking the index, pixels by
 * decoding every frame. */
#include "reader.h"

#include "diag.h"
#include "frame_sums.h"
#include "pool.h"

#include <inttypes.h>

#define PIECE_BYTES ((size_t)1 << 20)

struct check {
    pxr_archive *archive;
    enum pxr_check_depth depth;
    pxr_check_fn *each;
    void (*progress)(void *arg, uint64_t done, uint64_t total);
    void *arg;
    struct pxr_check_report *report;
    const char *path;
    uint8_t *piece; /* PIECE_BYTES */
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

static enum pxr_err check_body(struct check *c, const struct pxr_record *r, struct pxr_diag *diag)
{
    const struct pxr_file *file = &c->archive->file;
    uint8_t tail[16];
    enum pxr_err e = PXR_OK;
    pxr_xxh3_begin64(c->hash);
    for (uint64_t at = 0; at < r->body_bytes && e == PXR_OK;) {
        const size_t n = (size_t)pxr_min_u64(PIECE_BYTES, r->body_bytes - at);
        e = pxr_file_read(file, r->body_off + at, c->piece, n, diag);
        pxr_xxh3_add64(c->hash, c->piece, n);
        c->report->bytes_checked += n;
        at += n;
        if (c->progress)
            c->progress(c->arg, r->body_off + at, c->archive->end_off);
    }
    const uint64_t end = r->body_off + r->body_bytes;
    const size_t n_tail = (size_t)(r->next_off - end), n_pad = n_tail - PXR_RECORD_TRAILER_BYTES;
    if (e == PXR_OK)
        e = pxr_file_read(file, end, tail, n_tail, diag);
    if (e != PXR_OK)
        return e;
    for (size_t i = 0; i < n_pad; i++)
        if (tail[i])
            return pxr_fail_field(diag, PXR_E_CORRUPT, end + i, "padding", 0, tail[i],
                                  "the padding of a record is not zero");
    const uint64_t want = pxr_load_u64le(tail + n_pad), got = pxr_xxh3_end64(c->hash);
    if (want != got)
        return pxr_fail_field(diag, PXR_E_CORRUPT, r->body_off, "body_hash", want, got,
                              "a record of %" PRIu64 " bytes is damaged", r->body_bytes);
    return PXR_OK;
}

/* A SKIP record accounts for the bytes between lost_off and itself. */
static bool is_skip_of(struct check *c, const struct pxr_record *r, uint64_t lost_off, uint64_t off)
{
    uint8_t body[16];
    return r->type == PXR_RECORD_SKIP && r->body_bytes == sizeof body &&
           pxr_file_read(&c->archive->file, r->body_off, body, sizeof body, NULL) == PXR_OK &&
           pxr_load_u64le(body) == lost_off && pxr_load_u64le(body + 8) == off - lost_off;
}

/* The next place from off on that looks like a record, or end. */
static uint64_t find_marker(struct check *c, uint64_t off, uint64_t end)
{
    while (off < end) {
        const size_t n = (size_t)pxr_min_u64(PIECE_BYTES, end - off);
        if (pxr_file_read(&c->archive->file, off, c->piece, n, NULL) != PXR_OK)
            return off; /* the next read will say what is wrong */
        for (size_t i = 0; i + 4 <= n; i += 8)
            if (!memcmp(c->piece + i, PXR_MARKER, 4))
                return off + i;
        off += n;
    }
    return end;
}

static enum pxr_err check_records(struct check *c, struct pxr_diag *diag)
{
    const pxr_archive *a = c->archive;
    uint64_t off = PXR_SUPERBLOCK_BYTES, sequence = 0, lost_off = 0;
    struct pxr_diag lost = {0};
    while (off < a->end_off) {
        uint8_t header[PXR_RECORD_HEADER_BYTES];
        struct pxr_record r;
        struct pxr_diag d;
        enum pxr_err e = a->end_off - off < sizeof header
                             ? pxr_fail_at(&d, PXR_E_CORRUPT, off, "no record starts here")
                             : pxr_file_read(&a->file, off, header, sizeof header, &d);
        if (e == PXR_OK)
            e = pxr_parse_record(&r, header, off, a->end_off, a->sb.id, &d);
        if (e != PXR_OK && !is_damage(e)) {
            *diag = d;
            return e;
        }
        if (e != PXR_OK) { /* look for the next record; report the gap once */
            if (!lost_off)
                lost = d;
            lost_off = lost_off ? lost_off : off;
            off = find_marker(c, off + 8, a->end_off);
            continue;
        }
        if (lost_off && !is_skip_of(c, &r, lost_off, off))
            damaged(c, &lost);
        else if (r.sequence != sequence && !lost_off) {
            pxr_fail_field(&d, PXR_E_CORRUPT, off + 16, "sequence", sequence, r.sequence,
                           "a record is missing or out of order");
            damaged(c, &d);
        }
        lost_off = 0;
        if (c->depth >= PXR_CHECK_FULL && (e = check_body(c, &r, &d)) != PXR_OK) {
            if (!is_damage(e)) {
                *diag = d;
                return e;
            }
            damaged(c, &d);
        }
        c->report->n_records++;
        sequence = r.sequence + 1;
        off = r.next_off;
    }
    if (lost_off)
        damaged(c, &lost);
    return PXR_OK;
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

/* ---- pixels ------------------------------------------------------------------------------------- */

/* One group, decoded and compared by a worker; its damages are reported in order afterwards. */
struct deep_job {
    struct pxr_job job;
    struct check *check;
    pxr_decoder *decoder;
    pxr_xxh3 *hash;
    uint8_t *pixels, *row; /* a frame; a row of the PNG view */
    uint64_t first_frame, n_frames;
    struct pxr_diag *damages;
    size_t n_damages, capacity;
    enum pxr_err err; /* not damage: ends the check */
    struct pxr_diag diag;
};

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
    return PXR_OK;
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

static void check_tail(struct check *c)
{
    struct pxr_diag d;
    if (!c->archive->tail_bytes)
        return;
    pxr_fail_at(&d, PXR_E_CORRUPT, c->archive->end_off,
                "%" PRIu64 " bytes behind the last commit belong to no frame: an append was torn",
                c->archive->tail_bytes);
    damaged(c, &d);
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
    if (e != PXR_OK)
        return e;
    c.piece = pxr_alloc(PIECE_BYTES);
    c.hash = pxr_xxh3_new();
    e = c.piece && c.hash ? PXR_OK : pxr_fail_nomem(diag, PIECE_BYTES);
    report->n_frames = c.archive->root.n_frames;
    if (e == PXR_OK)
        e = check_records(&c, diag);
    if (e == PXR_OK)
        e = check_index(&c, diag);
    if (e == PXR_OK && depth == PXR_CHECK_DEEP)
        e = check_pixels(&c, n_threads ? n_threads : pxr_n_cores(), diag);
    if (e == PXR_OK)
        check_tail(&c);
    pxr_free(c.piece);
    pxr_xxh3_free(c.hash);
    pxr_archive_close(c.archive);
    return pxr_diag_in_file(diag, e, path);
}
