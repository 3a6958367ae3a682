/* SPDX-License-Identifier: MIT
 * What is left of a damaged archive: groups, frame pages and metadata, found without trusting its index.
 *
 * Two sources say where a group is: its own GROUP record, and the leaves of the directory in sound INDEX records.
 * The second also proves a group header whose record is damaged elsewhere, and finds the frame page. */
#include "salvage.h"
#include "records.h"

#include "alloc.h"
#include "buffer.h"
#include "bytes.h"
#include "diag.h"

#include <inttypes.h>
#include <stdlib.h>

/* ---- the superblock ----------------------------------------------------------------------------- */

static const struct pxr_limits limits = {.max_frame_px = (uint64_t)1 << 28, .max_frames = (uint64_t)1 << 32,
                                         .max_index_bytes = (uint64_t)1 << 30};

/* The copy of the superblock in a COMMIT record at off, if it is sound. */
static bool copied_superblock(struct pxr_salvage *s, const struct pxr_record *r)
{
    uint8_t body[PXR_COMMIT_BODY_BYTES + 8];
    return r->type == PXR_RECORD_COMMIT && r->body_bytes == PXR_COMMIT_BODY_BYTES &&
           pxr_file_read(&s->file, r->body_off, body, sizeof body, NULL) == PXR_OK &&
           pxr_load_u64le(body + PXR_COMMIT_BODY_BYTES) == pxr_xxh3_64(body, PXR_COMMIT_BODY_BYTES) &&
           pxr_parse_superblock(&s->sb, body, PXR_SUPERBLOCK_BYTES, &limits, NULL) == PXR_OK;
}

/* The id of the first record, where it always is; else that of the commit that is found last: frames may hold
 * archives, but those lie in front of it. */
static enum pxr_err rebuild_superblock(struct pxr_salvage *s, struct pxr_diag *diag)
{
    uint8_t header[PXR_RECORD_HEADER_BYTES];
    struct pxr_record r;
    const bool has_first = pxr_file_read(&s->file, PXR_SUPERBLOCK_BYTES, header, sizeof header, NULL) == PXR_OK &&
                           pxr_parse_record(&r, header, PXR_SUPERBLOCK_BYTES, UINT64_MAX, header + 24, NULL) == PXR_OK;
    bool has_any = false;
    s->report->is_superblock_lost = true;
    for (uint64_t off = PXR_SUPERBLOCK_BYTES; off < s->file_bytes;) {
        uint64_t found;
        const enum pxr_err e = pxr_record_search(&s->file, has_first ? header + 24 : NULL, off, s->file_bytes,
                                                 s->piece, &found, &r, diag);
        if (e != PXR_OK)
            return e;
        struct pxr_superblock before = s->sb;
        if (found < s->file_bytes && copied_superblock(s, &r))
            has_any = true;
        else
            s->sb = before;
        off = found + 8;
    }
    return has_any ? PXR_OK
                   : pxr_fail_at(diag, PXR_E_NOTPXR, 0, "has neither a superblock nor a commit that holds a copy of it");
}

/* ---- what records hold -------------------------------------------------------------------------- */

static enum pxr_err add_group(struct pxr_salvage *s, const struct pxr_found_group *g, struct pxr_diag *diag)
{
    if (!pxr_reserve(&s->groups, &s->groups_capacity, s->n_groups + 1, sizeof *s->groups))
        return pxr_fail_nomem(diag, s->n_groups * sizeof *s->groups);
    s->groups[s->n_groups++] = *g;
    return PXR_OK;
}

static enum pxr_err add_page(struct pxr_salvage *s, const struct pxr_found_page *p, struct pxr_diag *diag)
{
    if (!pxr_reserve(&s->pages, &s->pages_capacity, s->n_pages + 1, sizeof *s->pages))
        return pxr_fail_nomem(diag, s->n_pages * sizeof *s->pages);
    s->pages[s->n_pages++] = *p;
    return PXR_OK;
}

/* A GROUP record says by itself which frames it holds. */
static enum pxr_err take_group(struct pxr_salvage *s, const struct pxr_record *r, uint64_t off, bool is_sound,
                               struct pxr_diag *diag)
{
    uint8_t head[PXR_GROUP_HEADER_BYTES];
    if (r->body_bytes < sizeof head || !pxr_range_fits(r->body_off, sizeof head, s->file_bytes))
        return PXR_OK;
    enum pxr_err e = pxr_file_read(&s->file, r->body_off, head, sizeof head, diag);
    if (e != PXR_OK)
        return e;
    const uint64_t n = PXR_GROUP_HEADER_BYTES + 8 * (uint64_t)pxr_load_u32le(head + 12) + pxr_load_u32le(head + 32);
    struct pxr_found_group g = {
        .dir = {.first_frame = pxr_load_u64le(head), .n_frames = pxr_load_u32le(head + 8)},
        .record_off = off,
        .is_proved = is_sound,
    };
    uint64_t end;
    if (n > r->body_bytes || n > limits.max_index_bytes || !pxr_range_fits(r->body_off, n, s->file_bytes) ||
        !g.dir.n_frames || g.dir.n_frames > PXR_GROUP_MAX_FRAMES ||
        !pxr_add_u64(g.dir.first_frame, g.dir.n_frames, &end) || end > limits.max_frames)
        return PXR_OK;
    uint8_t *bytes = pxr_alloc(n);
    if (!bytes)
        return pxr_fail_nomem(diag, n);
    e = pxr_file_read(&s->file, r->body_off, bytes, n, diag);
    g.dir.group = (struct pxr_ref){r->body_off, e == PXR_OK ? pxr_xxh3_64(bytes, n) : 0, (uint32_t)n, 0};
    pxr_free(bytes);
    return e == PXR_OK ? add_group(s, &g, diag) : e;
}

static enum pxr_err take_leaf(struct pxr_salvage *s, const struct pxr_tree_page *page, uint64_t record_off,
                              struct pxr_diag *diag)
{
    enum pxr_err e = PXR_OK;
    for (uint32_t i = 0; i < page->n_entries && e == PXR_OK; i++) {
        const struct pxr_found_group g = {
            .dir = pxr_dir_entry_load(page->entries + (size_t)i * page->entry_bytes),
            .record_off = record_off,
            .is_proved = true,
        };
        uint64_t end;
        /* Each commit writes the last leaf again: what was taken from it before is the same. */
        if (!pxr_add_u64(g.dir.first_frame, g.dir.n_frames, &end) || end > limits.max_frames || end <= s->leaf_end)
            continue;
        e = add_group(s, &g, diag);
        s->leaf_end = end;
    }
    return e;
}

/* One page of a sound INDEX record. */
static enum pxr_err take_page(struct pxr_salvage *s, const uint8_t *p, const struct pxr_ref *ref, uint64_t record_off,
                              struct pxr_diag *diag)
{
    struct pxr_tree_page leaf;
    switch (p[0]) {
    case PXR_PAGE_FRAMES:
        if (ref->n_bytes >= PXR_FRAMES_HEADER_BYTES)
            return add_page(s,
                            &(struct pxr_found_page){*ref, record_off, pxr_load_u64le(p + 8), pxr_load_u16le(p + 2)},
                            diag);
        return PXR_OK;
    case PXR_PAGE_DIR_LEAF:
        if (pxr_parse_tree_page(&leaf, p, ref, false, s->file_bytes, NULL) == PXR_OK)
            return take_leaf(s, &leaf, record_off, diag);
        return PXR_OK;
    case PXR_PAGE_META:
        s->meta = *ref;
        return PXR_OK;
    case PXR_PAGE_ROOT:
        s->has_meta_ref |= ref->n_bytes >= PXR_ROOT_BYTES && pxr_load_u32le(p + 64) != 0;
        return PXR_OK;
    default:
        return PXR_OK;
    }
}

static bool is_page_wanted(uint8_t type)
{
    return type == PXR_PAGE_FRAMES || type == PXR_PAGE_DIR_LEAF || type == PXR_PAGE_META || type == PXR_PAGE_ROOT;
}

/* Page by page: a sound record may be as large as the file. */
static enum pxr_err take_index(struct pxr_salvage *s, const struct pxr_record *r, uint64_t off, struct pxr_diag *diag)
{
    uint8_t header[PXR_PAGE_HEADER_BYTES];
    struct pxr_buffer page = {0};
    enum pxr_err e = PXR_OK;
    for (uint64_t at = 0; e == PXR_OK && pxr_range_fits(at, sizeof header, r->body_bytes);) {
        e = pxr_file_read(&s->file, r->body_off + at, header, sizeof header, diag);
        const uint32_t n = pxr_load_u32le(header + 4);
        if (e != PXR_OK || n < sizeof header || !pxr_range_fits(at, n, r->body_bytes))
            break;
        page.n_bytes = 0;
        if (is_page_wanted(header[0]) && n <= limits.max_index_bytes) {
            const struct pxr_ref where = {r->body_off + at, 0, n, header[1]};
            e = pxr_buffer_extend(&page, n) ? pxr_file_read(&s->file, where.off_bytes, page.bytes, n, diag)
                                            : pxr_fail_nomem(diag, n);
            if (e == PXR_OK)
                e = take_page(s, page.bytes, &(struct pxr_ref){where.off_bytes, pxr_xxh3_64(page.bytes, n), n, where.level},
                              off, diag);
        }
        at += pxr_round_up_u64(n, 8);
    }
    pxr_buffer_fini(&page);
    return e;
}

static enum pxr_err take_commit(struct pxr_salvage *s, const struct pxr_record *r, struct pxr_diag *diag)
{
    uint8_t body[PXR_COMMIT_BODY_BYTES];
    struct pxr_commit c;
    if (r->body_bytes != sizeof body)
        return PXR_OK;
    const enum pxr_err e = pxr_file_read(&s->file, r->body_off, body, sizeof body, diag);
    if (e == PXR_OK && pxr_parse_commit(&c, body, r->body_off, &s->sb, NULL) == PXR_OK &&
        c.n_frames <= limits.max_frames) {
        s->n_frames_committed = c.n_frames;
        s->has_commit = true;
        for (size_t i = s->n_groups; i > 0 && !s->groups[i - 1].is_committed; i--)
            s->groups[i - 1].is_committed = true;
    }
    return e;
}

/* What a SKIP record says is not part of the archive has not been found. */
static void forget_from(struct pxr_salvage *s, uint64_t off)
{
    while (s->n_groups && s->groups[s->n_groups - 1].record_off >= off)
        s->n_groups--;
    while (s->n_pages && s->pages[s->n_pages - 1].record_off >= off)
        s->n_pages--;
    s->leaf_end = 0;
}

static enum pxr_err take_record(struct pxr_salvage *s, const struct pxr_record *r, uint64_t off, struct pxr_diag *diag)
{
    uint64_t skipped;
    struct pxr_diag d;
    enum pxr_err e = r->next_off > s->file_bytes ? PXR_E_TRUNCATED
                                                 : pxr_record_check_body(&s->file, r, s->hash, s->piece, &d);
    if (e != PXR_OK && e != PXR_E_CORRUPT && e != PXR_E_TRUNCATED) {
        *diag = d;
        return e;
    }
    const bool is_sound = e == PXR_OK;
    s->report->n_records++;
    s->report->n_records_damaged += !is_sound;
    if (r->type == PXR_RECORD_GROUP)
        return take_group(s, r, off, is_sound, diag);
    if (!is_sound)
        return PXR_OK;
    if (r->type == PXR_RECORD_INDEX)
        return take_index(s, r, off, diag);
    if (r->type == PXR_RECORD_COMMIT)
        return take_commit(s, r, diag);
    if (pxr_record_is_skip(&s->file, r, off, &skipped))
        forget_from(s, skipped);
    return PXR_OK;
}

/* ---- all of it ---------------------------------------------------------------------------------- */

/* By frames; of those that begin at the same one, the better proved first, then the later one. */
static int compare_groups(const void *x, const void *y)
{
    const struct pxr_found_group *a = x, *b = y;
    if (a->dir.first_frame != b->dir.first_frame)
        return a->dir.first_frame < b->dir.first_frame ? -1 : 1;
    if (a->is_committed != b->is_committed)
        return a->is_committed ? -1 : 1;
    if (a->is_proved != b->is_proved)
        return a->is_proved ? -1 : 1;
    if (!a->dir.frames.n_bytes != !b->dir.frames.n_bytes)
        return a->dir.frames.n_bytes ? -1 : 1;
    return a->record_off != b->record_off ? (a->record_off > b->record_off ? -1 : 1) : 0;
}

static int compare_pages(const void *x, const void *y)
{
    const struct pxr_found_page *a = x, *b = y;
    if (a->first_frame != b->first_frame)
        return a->first_frame < b->first_frame ? -1 : 1;
    if (a->n_frames != b->n_frames)
        return a->n_frames < b->n_frames ? -1 : 1;
    if (a->record_off != b->record_off)
        return a->record_off > b->record_off ? -1 : 1;
    return (a->ref.off_bytes > b->ref.off_bytes) - (a->ref.off_bytes < b->ref.off_bytes);
}

/* The page of these frames that was written last. */
static const struct pxr_found_page *page_of(const struct pxr_salvage *s, const struct pxr_dir_entry *dir)
{
    size_t lo = 0, hi = s->n_pages;
    while (lo < hi) {
        const size_t mid = lo + (hi - lo) / 2;
        const struct pxr_found_page *p = &s->pages[mid];
        if (p->first_frame < dir->first_frame || (p->first_frame == dir->first_frame && p->n_frames < dir->n_frames))
            lo = mid + 1;
        else
            hi = mid;
    }
    const bool is_it = lo < s->n_pages && s->pages[lo].first_frame == dir->first_frame && s->pages[lo].n_frames == dir->n_frames;
    return is_it ? &s->pages[lo] : NULL;
}

/* Nothing proves what this group says of itself, nor could prove its pixels: it only tells which frames are lost, and only
 * where it goes on from the one before and leaves room for the one behind, within what was committed. */
static bool is_plausible(const struct pxr_salvage *s, size_t i, size_t next, uint64_t end)
{
    const struct pxr_dir_entry *dir = &s->groups[i].dir;
    return dir->first_frame == end &&
           (!s->groups[i].is_committed || end + dir->n_frames <= s->n_frames_committed) &&
           (next == s->n_groups || s->groups[next].dir.first_frame >= end + dir->n_frames);
}

/* One group for each frame, each with its page. */
static void arrange(struct pxr_salvage *s)
{
    size_t n = 0, next = 0; /* next: the first that begins at a later frame than the one looked at */
    uint64_t end = 0;
    if (s->n_groups)
        qsort(s->groups, s->n_groups, sizeof *s->groups, compare_groups);
    if (s->n_pages)
        qsort(s->pages, s->n_pages, sizeof *s->pages, compare_pages);
    for (size_t i = 0; i < s->n_groups; i++) {
        struct pxr_found_group g = s->groups[i];
        if (next <= i)
            for (next = i + 1; next < s->n_groups && s->groups[next].dir.first_frame == g.dir.first_frame;)
                next++;
        if (g.dir.first_frame < end)
            continue;
        if (!g.dir.frames.n_bytes) {
            const struct pxr_found_page *page = page_of(s, &g.dir);
            if (page)
                g.dir.frames = page->ref;
            else if (!g.is_proved && !is_plausible(s, i, next, end))
                continue;
        }
        end = g.dir.first_frame + g.dir.n_frames;
        s->groups[n++] = g;
    }
    s->n_groups = n;
}

static enum pxr_err walk(struct pxr_salvage *s, struct pxr_diag *diag)
{
    uint64_t off = PXR_SUPERBLOCK_BYTES;
    while (off < s->file_bytes) {
        struct pxr_record r;
        uint64_t found;
        enum pxr_err e = pxr_record_search(&s->file, s->sb.id, off, s->file_bytes, s->piece, &found, &r, diag);
        if (e != PXR_OK)
            return e;
        s->report->n_gaps += found != off;
        if (found == s->file_bytes)
            return PXR_OK;
        e = take_record(s, &r, found, diag);
        if (e != PXR_OK)
            return e;
        off = r.next_off; /* nothing inside a record is one */
        if (s->opts->progress)
            s->opts->progress(s->opts->arg, pxr_min_u64(off, s->file_bytes), s->file_bytes);
    }
    return PXR_OK;
}

enum pxr_err pxr_salvage_scan(struct pxr_salvage *s, const struct pxr_file *file, const struct pxr_recover_opts *opts,
                              struct pxr_recover_report *report, struct pxr_diag *diag)
{
    uint8_t bytes[PXR_SUPERBLOCK_BYTES] = {0};
    *s = (struct pxr_salvage){.file = *file, .report = report, .opts = opts};
    s->piece = pxr_alloc(PXR_PIECE_BYTES);
    s->hash = pxr_xxh3_new();
    enum pxr_err e = s->piece && s->hash ? PXR_OK : pxr_fail_nomem(diag, PXR_PIECE_BYTES);
    if (e == PXR_OK)
        e = pxr_file_bytes(file, &s->file_bytes, diag);
    if (e == PXR_OK)
        e = pxr_file_read(file, 0, bytes, pxr_min_u64(sizeof bytes, s->file_bytes), diag);
    if (e != PXR_OK)
        return e;
    e = pxr_parse_superblock(&s->sb, bytes, pxr_min_u64(sizeof bytes, s->file_bytes), &limits, diag);
    if (e == PXR_E_CORRUPT || e == PXR_E_NOTPXR || e == PXR_E_TRUNCATED)
        e = rebuild_superblock(s, diag);
    if (e == PXR_OK)
        e = walk(s, diag);
    if (e == PXR_OK)
        arrange(s);
    return e;
}

void pxr_salvage_fini(struct pxr_salvage *s)
{
    pxr_free(s->groups);
    pxr_free(s->pages);
    pxr_free(s->piece);
    pxr_xxh3_free(s->hash);
}
