/* SPDX-License-Identifier: MIT
 * Opening an archive and finding things in it; no pixel is decoded here. */
#include "view_index.h"

#include "diag.h"
#include "utf8.h"

#include <inttypes.h>
#include <stdlib.h>

/* Verified index pages, group headers and frame pages that are kept. */
#define INDEX_CACHE_BYTES ((uint64_t)32 << 20)
#define MADE_CACHE_BYTES ((uint64_t)32 << 20)
#define DEFAULT_UNIT_CACHE_BYTES ((uint64_t)256 << 20)

/* ---- opening ------------------------------------------------------------------------------------ */

static struct pxr_limits effective_limits(const struct pxr_limits *limits)
{
    struct pxr_limits l = limits ? *limits : (struct pxr_limits){0};
    if (!l.max_frame_px)
        l.max_frame_px = (uint64_t)1 << 28;
    if (!l.max_frames)
        l.max_frames = (uint64_t)1 << 32;
    if (!l.max_index_bytes)
        l.max_index_bytes = (uint64_t)1 << 30;
    if (!l.cache_bytes)
        l.cache_bytes = DEFAULT_UNIT_CACHE_BYTES;
    return l;
}

static enum pxr_err find_last_commit(pxr_archive *a, uint64_t file_bytes, struct pxr_diag *diag)
{
    uint8_t bytes[PXR_SUPERBLOCK_BYTES];
    uint64_t record_off;
    const size_t n = (size_t)pxr_min_u64(file_bytes, sizeof bytes);
    enum pxr_err e = pxr_file_read(&a->file, 0, bytes, n, diag);
    if (e == PXR_OK)
        e = pxr_parse_superblock(&a->sb, bytes, n, &a->limits, diag);
    if (e == PXR_OK)
        e = pxr_commit_find(&a->file, &a->sb, file_bytes, &a->commit, &record_off, a->commit_bytes,
                            diag);
    if (e != PXR_OK)
        return e;
    a->end_off = record_off + PXR_COMMIT_RECORD_BYTES;
    a->tail_bytes = file_bytes - a->end_off;
    return PXR_OK;
}

/* A writer that gives up may take back its tail while we search there: the file is then shorter, and sound. */
static enum pxr_err load_superblock_and_commit(pxr_archive *a, struct pxr_diag *diag)
{
    uint64_t file_bytes, now;
    enum pxr_err e = pxr_file_bytes(&a->file, &file_bytes, diag);
    for (int i = 0; e == PXR_OK; i++) {
        e = find_last_commit(a, file_bytes, diag);
        if (e != PXR_E_TRUNCATED || i == 8 || pxr_file_bytes(&a->file, &now, NULL) != PXR_OK || now == file_bytes)
            break;
        file_bytes = now;
        e = PXR_OK;
    }
    return e;
}

enum pxr_err pxr_page_load(pxr_archive *a, const struct pxr_ref *ref, size_t front_bytes, uint8_t **out,
                           struct pxr_diag *diag)
{
    *out = NULL;
    if (ref->n_bytes > a->limits.max_index_bytes)
        return pxr_fail_field(diag, PXR_E_LIMIT, ref->off_bytes, "page_bytes",
                              a->limits.max_index_bytes, ref->n_bytes,
                              "an index structure is larger than the limit");
    uint8_t *p = pxr_alloc(front_bytes + ref->n_bytes);
    if (!p)
        return pxr_fail_nomem(diag, ref->n_bytes);
    const enum pxr_err e = pxr_read_hashed(&a->file, ref, p + front_bytes, diag);
    atomic_fetch_add_explicit(&a->shared->n_bytes_read, ref->n_bytes, memory_order_relaxed);
    atomic_fetch_add_explicit(&a->shared->n_index_reads, 1, memory_order_relaxed);
    if (e != PXR_OK) {
        pxr_free(p);
        return pxr_archive_recheck(a, e, diag);
    }
    *out = p;
    return PXR_OK;
}

static enum pxr_err load_root(pxr_archive *a, struct pxr_diag *diag)
{
    uint8_t *page;
    enum pxr_err e = pxr_page_load(a, &a->commit.root, 0, &page, diag);
    if (e == PXR_OK)
        e = pxr_parse_root(&a->root, page, &a->commit.root, &a->commit, &a->limits, a->end_off, diag);
    pxr_free(page);
    return e;
}

static enum pxr_err load_meta(pxr_archive *a, struct pxr_diag *diag)
{
    uint8_t *page;
    if (!a->root.meta.n_bytes)
        return PXR_OK;
    const enum pxr_err e = pxr_page_load(a, &a->root.meta, 0, &page, diag);
    if (e != PXR_OK)
        return e;
    if (page[0] != PXR_PAGE_META || page[1] || pxr_load_u16le(page + 2) ||
        pxr_load_u32le(page + 4) != a->root.meta.n_bytes) {
        pxr_free(page);
        return pxr_fail_at(diag, PXR_E_CORRUPT, a->root.meta.off_bytes, "is not a metadata page");
    }
    a->meta_bytes = a->root.meta.n_bytes - PXR_PAGE_HEADER_BYTES;
    memmove(page, page + PXR_PAGE_HEADER_BYTES, a->meta_bytes);
    page[a->meta_bytes] = 0; /* there is room: the header was longer */
    a->meta = (char *)page;
    return PXR_OK;
}

enum pxr_err pxr_archive_load_root(pxr_archive *a, struct pxr_diag *diag)
{
    const enum pxr_err e = load_root(a, diag);
    return e == PXR_OK ? load_meta(a, diag) : e;
}

/* What must fit for a sequential reader: two groups where a unit holds a whole one; else the frames that
 * a dyadic order keeps alive, log2(T) + 2, and the one that is read.  Decoded units may be twice as large
 * as their samples. */
static uint64_t cache_floor(const pxr_archive *a)
{
    const uint64_t frame = (uint64_t)a->sb.width_px * a->sb.height_px * (a->sb.bits / 8u);
    const unsigned log2 = 31 - (unsigned)__builtin_clz(a->sb.nominal_frames);
    const uint64_t n = a->sb.nominal_unit_frames == 1 ? log2 + 4 : a->sb.nominal_frames;
    return pxr_min_u64(2 * n * frame, (uint64_t)1 << 30);
}

static enum pxr_err new_archive(pxr_archive **out, const struct pxr_io *io, void *io_arg,
                                const struct pxr_limits *limits, struct pxr_diag *diag)
{
    pxr_archive *a = *out = pxr_alloc_zero(1, sizeof *a);
    struct pxr_archive_shared *shared = pxr_alloc_zero(1, sizeof *shared);
    if (!a || !shared) {
        pxr_free(a);
        pxr_free(shared);
        *out = NULL;
        io->close(io_arg);
        return pxr_fail_nomem(diag, sizeof *a);
    }
    a->shared = shared;
    a->file = shared->file = (struct pxr_file){*io, io_arg};
    atomic_init(&shared->n_open, 1);
    atomic_init(&a->n_refs, 1);
    a->limits = effective_limits(limits);
    return PXR_OK;
}

/* The last step of opening: what reading needs.  e: how it went so far. */
static enum pxr_err start_caches(pxr_archive **out, pxr_archive *a, enum pxr_err e, struct pxr_diag *diag)
{
    struct pxr_archive_shared *s = a->shared;
    *out = NULL;
    if (e == PXR_OK)
        e = pxr_cache_new(&s->index_cache, INDEX_CACHE_BYTES, pxr_free, diag);
    if (e == PXR_OK)
        e = pxr_cache_new(&s->made_cache, MADE_CACHE_BYTES, pxr_free, diag);
    if (e == PXR_OK)
        e = pxr_slab_new(&s->unit_slab, diag);
    if (e == PXR_OK)
        e = pxr_cache_new(&s->unit_cache, pxr_max_u64(a->limits.cache_bytes, cache_floor(a)),
                          pxr_slab_put, diag);
    if (e != PXR_OK) {
        pxr_archive_close(a);
        return e;
    }
    a->index_cache = s->index_cache;
    a->unit_cache = s->unit_cache;
    a->made_cache = s->made_cache;
    *out = a;
    return PXR_OK;
}

enum pxr_err pxr_archive_open_io(pxr_archive **out, const struct pxr_io *io, void *io_arg,
                                 const struct pxr_limits *limits, struct pxr_diag *diag)
{
    enum pxr_err e = new_archive(out, io, io_arg, limits, diag);
    pxr_archive *a = *out;
    if (e != PXR_OK)
        return e;
    e = load_superblock_and_commit(a, diag);
    if (e == PXR_OK)
        e = pxr_archive_load_root(a, diag);
    return start_caches(out, a, e, diag);
}

enum pxr_err pxr_archive_open_bare(pxr_archive **out, const struct pxr_io *io, void *io_arg,
                                   const struct pxr_superblock *sb, struct pxr_diag *diag)
{
    enum pxr_err e = new_archive(out, io, io_arg, NULL, diag);
    pxr_archive *a = *out;
    if (e != PXR_OK)
        return e;
    a->sb = *sb;
    a->is_bare = true;
    e = pxr_file_bytes(&a->file, &a->end_off, diag);
    return start_caches(out, a, e, diag);
}

enum pxr_err pxr_archive_open(pxr_archive **out, const char *path, const struct pxr_limits *limits,
                              struct pxr_diag *diag)
{
    struct pxr_file file;
    *out = NULL;
    enum pxr_err e = pxr_file_open(&file, path, diag);
    if (e == PXR_OK)
        e = pxr_archive_open_io(out, &file.io, file.arg, limits, diag);
    return pxr_diag_in_file(diag, e, path);
}

void pxr_archive_close(pxr_archive *a)
{
    if (!a)
        return;
    struct pxr_archive_shared *s = a->shared;
    const bool is_last = atomic_fetch_sub(&s->n_open, 1) == 1;
    if (is_last)
        pxr_prefetch_stop(s->prefetch); /* gives back what workers hold */
    pxr_archive_put(a);
    if (!is_last)
        return;
    pxr_cache_free(s->unit_cache);
    pxr_slab_free(s->unit_slab);
    pxr_cache_free(s->index_cache);
    pxr_cache_free(s->made_cache);
    pxr_file_close(&s->file);
    pxr_free(s);
}

pxr_archive *pxr_archive_get(pxr_archive *a)
{
    atomic_fetch_add(&a->n_refs, 1);
    return a;
}

void pxr_archive_put(pxr_archive *a)
{
    if (!a || atomic_fetch_sub(&a->n_refs, 1) != 1)
        return;
    pxr_free(a->meta);
    pxr_free(a);
}

enum pxr_err pxr_archive_recheck(pxr_archive *a, enum pxr_err e, struct pxr_diag *diag)
{
    uint8_t sb[PXR_SUPERBLOCK_BYTES], commit[PXR_COMMIT_RECORD_BYTES];
    if ((e != PXR_E_CORRUPT && e != PXR_E_TRUNCATED) || a->is_bare)
        return e;
    const uint64_t commit_off = a->end_off - PXR_COMMIT_RECORD_BYTES;
    if (pxr_file_read(&a->file, 0, sb, sizeof sb, NULL) == PXR_OK &&
        pxr_file_read(&a->file, commit_off, commit, sizeof commit, NULL) == PXR_OK &&
        !memcmp(sb, a->sb.bytes, sizeof sb) && !memcmp(commit, a->commit_bytes, sizeof commit))
        return e; /* it is the same archive, and damaged */
    return pxr_fail(diag, PXR_E_CHANGED, "the archive was replaced or cut while it was in use");
}

/* ---- facts -------------------------------------------------------------------------------------- */

void pxr_archive_info(const pxr_archive *a, struct pxr_archive_info *out)
{
    *out = (struct pxr_archive_info){
        .width_px = a->sb.width_px,
        .height_px = a->sb.height_px,
        .bits = a->sb.bits,
        .max_error = a->sb.max_error,
        .n_frames = a->root.n_frames,
        .n_groups = a->root.n_groups,
        .pixel_bytes =
            a->root.n_frames * a->sb.width_px * (uint64_t)a->sb.height_px * (a->sb.bits / 8u),
        .archive_bytes = a->end_off,
        .tail_bytes = a->tail_bytes,
        .commit = a->commit.number,
        .nominal_frames = a->sb.nominal_frames,
        .nominal_height_px = a->sb.nominal_height_px,
        .nominal_width_px = a->sb.nominal_width_px,
        .n_small_frames = pxr_index_n_frames(a, &pxr_index_png_small),
        .n_dci_frames = pxr_index_n_frames(a, &pxr_index_dci),
        .n_pce_frames = pxr_index_n_frames(a, &pxr_index_pce),
    };
    memcpy(out->id, a->sb.id, sizeof out->id);
}

const char *pxr_archive_meta(const pxr_archive *a, size_t *val_bytes)
{
    *val_bytes = a->meta_bytes;
    return a->meta ? a->meta : "";
}

void pxr_archive_stats(const pxr_archive *a, struct pxr_stats *out)
{
    const struct pxr_archive_shared *s = a->shared;
    *out = (struct pxr_stats){
        .units_decoded = atomic_load_explicit(&s->n_decoded, memory_order_relaxed),
        .units_prefetched = atomic_load_explicit(&s->n_prefetched, memory_order_relaxed),
        .unit_hits = atomic_load_explicit(&s->n_hits, memory_order_relaxed),
        .bytes_read = atomic_load_explicit(&s->n_bytes_read, memory_order_relaxed),
        .index_reads = atomic_load_explicit(&s->n_index_reads, memory_order_relaxed),
        .cache_bytes = pxr_cache_bytes(a->unit_cache),
        .cache_limit_bytes = pxr_cache_max_bytes(a->unit_cache),
    };
}

/* ---- trees -------------------------------------------------------------------------------------- */

struct tree_page {
    struct pxr_tree_page page;
    uint8_t bytes[];
};

struct page_request {
    pxr_archive *archive;
    struct pxr_ref ref;
    bool names;
};

static enum pxr_err load_tree_page(void *arg, const struct pxr_cache_key *key, void **value,
                                   size_t *value_bytes, struct pxr_diag *diag)
{
    const struct page_request *r = arg;
    uint8_t *memory;
    (void)key;
    if (r->ref.n_bytes > PXR_PAGE_HEADER_BYTES + PXR_TREE_FANOUT * PXR_DIR_ENTRY_BYTES)
        return pxr_fail_field(diag, PXR_E_CORRUPT, r->ref.off_bytes, "page_bytes",
                              PXR_PAGE_HEADER_BYTES + PXR_TREE_FANOUT * PXR_DIR_ENTRY_BYTES,
                              r->ref.n_bytes, "larger than a tree's page can be");
    enum pxr_err e = pxr_page_load(r->archive, &r->ref, sizeof(struct tree_page), &memory, diag);
    if (e != PXR_OK)
        return e;
    struct tree_page *p = (void *)memory;
    e = pxr_parse_tree_page(&p->page, p->bytes, &r->ref, r->names, r->archive->end_off, diag);
    if (e != PXR_OK) {
        pxr_free(p);
        return e;
    }
    *value = p;
    *value_bytes = sizeof *p + r->ref.n_bytes;
    return PXR_OK;
}

/* What a range was parsed as is part of its key: hostile references may disagree about that. */
enum { AS_GROUP = 1, AS_FRAMES = 2, AS_DIRECTORY = 16, AS_NAMES = 32 };

/* first_frame and n_frames: what the directory says of a group, 0 for its own pages. */
static struct pxr_cache_key key_of(const struct pxr_ref *ref, uint32_t as, uint64_t first_frame,
                                   uint32_t n_frames)
{
    return (struct pxr_cache_key){ref->off_bytes, ref->hash, ref->n_bytes | (uint64_t)n_frames << 32,
                                  first_frame, 0, as + ref->level};
}

/* Walk from a tree's top to the leaf entry with the greatest key <= key.  *found = false: all are
 * greater.  Copies the entry's bytes.  *claimed_end: where the frames end that the last page of a
 * directory that was asked for should hold. */
static enum pxr_err tree_find(pxr_archive *a, const struct pxr_ref *top, bool names,
                              struct pxr_tree_key key, uint8_t entry[PXR_DIR_ENTRY_BYTES], bool *found,
                              uint64_t *claimed_end, struct pxr_diag *diag)
{
    struct page_request r = {a, *top, names};
    uint64_t first = 0, n_frames = a->root.n_frames; /* what the parent says of a directory's page */
    *found = false;
    for (;;) {
        *claimed_end = first + n_frames;
        pxr_cache_entry *cached;
        const struct pxr_cache_key at = key_of(&r.ref, names ? AS_NAMES : AS_DIRECTORY, 0, 0);
        const enum pxr_err e =
            pxr_cache_get(a->index_cache, &at, load_tree_page, &r, &cached, NULL, diag);
        if (e != PXR_OK)
            return e;
        const struct pxr_tree_page page = ((struct tree_page *)pxr_cache_value(cached))->page;
        const uint32_t i = pxr_tree_page_find(&page, key);
        const bool is_leaf = !page.level;
        if (!names && !pxr_dir_page_covers(&page, first, n_frames)) {
            pxr_cache_put(a->index_cache, cached);
            return pxr_fail_field(diag, PXR_E_CORRUPT, r.ref.off_bytes, "first_frame", first,
                                  pxr_tree_entry_key(&page, 0).k0,
                                  "a page of the directory does not hold what its parent says");
        }
        if (!names && !is_leaf && i != UINT32_MAX) {
            first = pxr_tree_entry_key(&page, i).k0;
            n_frames = pxr_load_u64le(page.entries + (size_t)i * page.entry_bytes + 8);
        }
        if (i != UINT32_MAX) {
            *found = is_leaf;
            if (is_leaf)
                memcpy(entry, page.entries + (size_t)i * page.entry_bytes, page.entry_bytes);
            else
                r.ref = pxr_tree_entry_child(&page, i);
        }
        pxr_cache_put(a->index_cache, cached);
        if (is_leaf || i == UINT32_MAX)
            return PXR_OK;
    }
}

enum pxr_err pxr_dir_find(pxr_archive *a, uint64_t frame, struct pxr_dir_entry *out,
                          struct pxr_diag *diag)
{
    uint64_t next;
    return pxr_dir_walk(a, frame, out, &next, diag);
}

enum pxr_err pxr_dir_walk(pxr_archive *a, uint64_t frame, struct pxr_dir_entry *out,
                          uint64_t *next_frame, struct pxr_diag *diag)
{
    uint8_t entry[PXR_DIR_ENTRY_BYTES];
    bool found;
    *next_frame = frame;
    if (frame >= a->root.n_frames)
        return pxr_fail_field(diag, PXR_E_RANGE, PXR_NONE, "frame", a->root.n_frames, frame,
                              "there is no such frame");
    const enum pxr_err e = tree_find(a, &a->root.dir, false, (struct pxr_tree_key){frame, 0}, entry,
                                     &found, next_frame, diag);
    if (e != PXR_OK)
        return e;
    if (found) {
        *out = pxr_dir_entry_load(entry);
        *next_frame = out->first_frame + out->n_frames;
    }
    if (!found || frame - out->first_frame >= out->n_frames)
        return pxr_diag_in_frame(diag,
                                 pxr_fail_at(diag, PXR_E_CORRUPT, a->root.dir.off_bytes,
                                             "the directory does not hold this frame"),
                                 frame);
    return PXR_OK;
}

/* ---- groups ------------------------------------------------------------------------------------- */

struct group_request {
    pxr_archive *archive;
    const struct pxr_dir_entry *dir;
};

/* Walk the block headers once: all are sound, and they fill their space. */
static enum pxr_err index_blocks(const pxr_archive *a, struct pxr_loaded_group *g,
                                 struct pxr_diag *diag)
{
    uint32_t at = 0;
    for (uint32_t b = 0; b < g->group.n_blocks; b++) {
        struct pxr_block_header h;
        struct pxr_block_shape shape;
        uint32_t x0, y0;
        pxr_group_window(&g->group, &a->sb, b, &x0, &y0, &shape);
        const uint64_t off = pxr_load_u64le(g->group.payload_offs + 8 * (size_t)b);
        enum pxr_err e = pxr_block_header_parse(&h, g->group.headers + at, g->group.headers_bytes - at,
                                                &shape, g->headers_off + at, diag);
        if (e == PXR_OK && (h.payload_bytes ? off < PXR_SUPERBLOCK_BYTES ||
                                                  !pxr_range_fits(off, h.payload_bytes, a->end_off)
                                            : off != 0))
            e = pxr_fail_field(diag, PXR_E_CORRUPT,
                               g->headers_off - 8 * (uint64_t)(g->group.n_blocks - b), "payload_off",
                               a->end_off, off, "points outside of the archive");
        if (e != PXR_OK)
            return pxr_diag_in_block(diag, e, g->group.first_frame, b);
        g->header_offs[b] = at;
        at += h.header_bytes;
    }
    if (at != g->group.headers_bytes)
        return pxr_fail_field(diag, PXR_E_CORRUPT, g->headers_off + at, "headers_bytes", at,
                              g->group.headers_bytes, "bytes are left behind the block headers");
    return PXR_OK;
}

static enum pxr_err load_group(void *arg, const struct pxr_cache_key *key, void **value,
                               size_t *value_bytes, struct pxr_diag *diag)
{
    const struct group_request *r = arg;
    const struct pxr_ref *ref = &r->dir->group;
    pxr_archive *a = r->archive;
    /* The table of header offsets stands in front: at most one per 8 bytes of the group header. */
    const size_t table = ref->n_bytes / 8 * sizeof(uint32_t);
    const size_t front = pxr_round_up_u64(sizeof(struct pxr_loaded_group) + table, 8);
    uint8_t *memory;
    (void)key;
    enum pxr_err e = pxr_page_load(a, ref, front, &memory, diag);
    if (e != PXR_OK)
        return e;
    struct pxr_loaded_group *g = (void *)memory;
    e = pxr_parse_group(&g->group, memory + front, ref->off_bytes, ref->n_bytes, &a->sb,
                        r->dir->first_frame, r->dir->n_frames, diag);
    if (e == PXR_OK) {
        g->headers_off = ref->off_bytes + PXR_GROUP_HEADER_BYTES + 8 * (uint64_t)g->group.n_blocks;
        e = index_blocks(a, g, diag);
    }
    if (e != PXR_OK) {
        pxr_free(g);
        return pxr_diag_in_frame(diag, e, r->dir->first_frame);
    }
    *value = g;
    *value_bytes = front + ref->n_bytes;
    return PXR_OK;
}

enum pxr_err pxr_group_get(pxr_archive *a, const struct pxr_dir_entry *dir, pxr_cache_entry **entry,
                           struct pxr_loaded_group **out, struct pxr_diag *diag)
{
    struct group_request r = {a, dir};
    const struct pxr_cache_key key = key_of(&dir->group, AS_GROUP, dir->first_frame, dir->n_frames);
    const enum pxr_err e = pxr_cache_get(a->index_cache, &key, load_group, &r, entry, NULL, diag);
    if (e == PXR_OK)
        *out = pxr_cache_value(*entry);
    return e;
}

enum pxr_err pxr_group_block(const pxr_archive *a, const struct pxr_loaded_group *g, uint32_t block,
                             struct pxr_placed_block *out, struct pxr_diag *diag)
{
    struct pxr_block_shape shape;
    pxr_group_window(&g->group, &a->sb, block, &out->x0, &out->y0, &shape);
    const uint32_t at = g->header_offs[block];
    const uint8_t *header = g->group.headers + at;
    out->payload_off = pxr_load_u64le(g->group.payload_offs + 8 * (size_t)block);
    const enum pxr_err e =
        pxr_block_header_parse(&out->header, header, g->group.headers_bytes - at, &shape,
                               g->headers_off + at, diag);
    if (e == PXR_OK)
        out->identity = pxr_block_identity(header, out->header.header_bytes);
    return e;
}

/* ---- frame pages -------------------------------------------------------------------------------- */

/* Places of runs and metadata, so that any frame of the page is found at once. */
static void index_frames(struct pxr_loaded_frames *f)
{
    uint32_t first = 0, off = 0;
    for (uint32_t i = 0; i < f->page.n_runs; i++) {
        struct pxr_name_split split;
        uint32_t n_names;
        f->runs[i].first = first;
        f->runs[i].off = off;
        off += (uint32_t)pxr_run_load(f->page.runs + off, &split, &n_names);
        first += n_names;
    }
    uint64_t meta = 0;
    for (uint32_t i = 0; f->meta_offs && i < f->page.n_frames; i++) {
        f->meta_offs[i] = meta;
        meta += pxr_load_u32le(f->page.meta_bytes + 4 * (size_t)i);
    }
}

static enum pxr_err load_frames(void *arg, const struct pxr_cache_key *key, void **value,
                                size_t *value_bytes, struct pxr_diag *diag)
{
    const struct group_request *r = arg;
    const struct pxr_ref *ref = &r->dir->frames;
    pxr_archive *a = r->archive;
    /* The tables stand in front: a run and a place of metadata for each frame at most. */
    const size_t n = r->dir->n_frames, runs = sizeof(struct pxr_loaded_frames);
    const size_t metas = runs + n * sizeof(struct pxr_loaded_run), front = metas + n * sizeof(uint64_t);
    uint8_t *memory;
    (void)key;
    enum pxr_err e = pxr_page_load(a, ref, front, &memory, diag);
    if (e != PXR_OK)
        return e;
    struct pxr_loaded_frames *f = (void *)memory;
    e = pxr_parse_frames_page(&f->page, memory + front, ref->off_bytes, ref->n_bytes,
                              r->dir->first_frame, r->dir->n_frames, a->sb.bits, diag);
    if (e != PXR_OK) {
        pxr_free(f);
        return pxr_diag_in_frame(diag, e, r->dir->first_frame);
    }
    f->runs = (void *)(memory + runs);
    f->meta_offs = f->page.meta ? (void *)(memory + metas) : NULL;
    index_frames(f);
    *value = f;
    *value_bytes = front + ref->n_bytes;
    return PXR_OK;
}

enum pxr_err pxr_frames_get(pxr_archive *a, const struct pxr_dir_entry *dir, pxr_cache_entry **entry,
                            struct pxr_loaded_frames **out, struct pxr_diag *diag)
{
    struct group_request r = {a, dir};
    const struct pxr_cache_key key = key_of(&dir->frames, AS_FRAMES, dir->first_frame, dir->n_frames);
    const enum pxr_err e = pxr_cache_get(a->index_cache, &key, load_frames, &r, entry, NULL, diag);
    if (e == PXR_OK)
        *out = pxr_cache_value(*entry);
    return e;
}

static size_t frame_name(const struct pxr_loaded_frames *f, uint32_t i, char dst[256])
{
    uint32_t lo = 0, hi = f->page.n_runs; /* run lo starts at or before i, run hi after it */
    while (hi - lo > 1) {
        const uint32_t mid = lo + (hi - lo) / 2;
        if (f->runs[mid].first <= i)
            lo = mid;
        else
            hi = mid;
    }
    struct pxr_name_split split;
    uint32_t n_names;
    pxr_run_load(f->page.runs + f->runs[lo].off, &split, &n_names);
    return pxr_name_join(&split, i - f->runs[lo].first, dst);
}

static uint8_t bit_length(uint32_t v) { return v ? (uint8_t)(32 - __builtin_clz(v)) : 0; }

void pxr_frames_describe(const pxr_archive *a, const struct pxr_dir_entry *dir,
                         const struct pxr_loaded_frames *f, uint32_t i, struct pxr_frame_info *out)
{
    const struct pxr_frames_page *p = &f->page;
    const uint8_t *sums = p->sums + PXR_FRAMES_SUMS_BYTES * (size_t)i;
    const uint8_t *depth = p->depths ? p->depths + 4 * (size_t)i : NULL;
    const int64_t time =
        p->times ? (int64_t)pxr_load_u64le(p->times + 8 * (size_t)i) : PXR_NO_TIME;
    *out = (struct pxr_frame_info){
        .frame = dir->first_frame + i,
        .width_px = a->sb.width_px,
        .height_px = a->sb.height_px,
        .bits = a->sb.bits,
        .sbit = depth ? depth[2] : p->sbit,
        .maxval = depth ? pxr_load_u16le(depth) : p->maxval,
        .has_time = time != PXR_NO_TIME,
        .time_ns = time != PXR_NO_TIME ? time : 0,
        .adler32 = pxr_load_u32le(sums),
        .pixel_hash = pxr_load_u64le(sums + 4),
        .group = dir->first_frame,
        .group_frames = dir->n_frames,
    };
    out->significant_bits = out->sbit ? out->sbit : bit_length(out->maxval);
    out->name_bytes = frame_name(f, i, out->name);
}

enum pxr_err pxr_frame_info(pxr_archive *a, uint64_t frame, struct pxr_frame_info *out,
                            struct pxr_diag *diag)
{
    struct pxr_dir_entry dir;
    struct pxr_loaded_frames *f;
    pxr_cache_entry *entry;
    enum pxr_err e = pxr_dir_find(a, frame, &dir, diag);
    if (e == PXR_OK)
        e = pxr_frames_get(a, &dir, &entry, &f, diag);
    if (e != PXR_OK)
        return e;
    pxr_frames_describe(a, &dir, f, (uint32_t)(frame - dir.first_frame), out);
    pxr_cache_put(a->index_cache, entry);
    return PXR_OK;
}

enum pxr_err pxr_decoder_frame_info(pxr_decoder *d, uint64_t frame, struct pxr_frame_info *out, struct pxr_diag *diag)
{
    pxr_archive *a = d->archive;
    struct pxr_dir_entry *dir = &d->frames_dir;
    if (!d->frames || frame - dir->first_frame >= dir->n_frames) {
        pxr_cache_put(a->index_cache, d->frames_entry);
        d->frames_entry = NULL;
        d->frames = NULL;
        enum pxr_err e = pxr_dir_find(a, frame, dir, diag);
        if (e == PXR_OK)
            e = pxr_frames_get(a, dir, &d->frames_entry, &d->frames, diag);
        if (e != PXR_OK)
            return e;
    }
    pxr_frames_describe(a, dir, d->frames, (uint32_t)(frame - dir->first_frame), out);
    return PXR_OK;
}

const char *pxr_frames_meta(const struct pxr_loaded_frames *f, uint32_t i, size_t *n_bytes)
{
    *n_bytes = f->page.meta ? pxr_load_u32le(f->page.meta_bytes + 4 * (size_t)i) : 0;
    return *n_bytes ? (const char *)f->page.meta + f->meta_offs[i] : NULL;
}

enum pxr_err pxr_frame_meta(pxr_archive *a, uint64_t frame, char *dst, size_t dst_bytes,
                            size_t *val_bytes, struct pxr_diag *diag)
{
    struct pxr_dir_entry dir;
    struct pxr_loaded_frames *f;
    pxr_cache_entry *entry;
    *val_bytes = 0;
    enum pxr_err e = pxr_dir_find(a, frame, &dir, diag);
    if (e == PXR_OK)
        e = pxr_frames_get(a, &dir, &entry, &f, diag);
    if (e != PXR_OK)
        return e;
    const char *meta = pxr_frames_meta(f, (uint32_t)(frame - dir.first_frame), val_bytes);
    const size_t n = pxr_min_u64(*val_bytes, dst_bytes);
    if (n)
        memcpy(dst, meta, n);
    pxr_cache_put(a->index_cache, entry);
    return PXR_OK;
}

/* ---- names -------------------------------------------------------------------------------------- */

/* A table says that frame has this name; its page decides. */
static enum pxr_err confirm_name(pxr_archive *a, uint64_t frame, const char *name, size_t name_bytes,
                                 bool *is_so, struct pxr_diag *diag)
{
    struct pxr_frame_info info;
    *is_so = false;
    if (frame >= a->root.n_frames)
        return pxr_fail_field(diag, PXR_E_CORRUPT, PXR_NONE, "frame", a->root.n_frames, frame,
                              "a name table points behind the last frame");
    const enum pxr_err e = pxr_frame_info(a, frame, &info, diag);
    *is_so = e == PXR_OK && info.name_bytes == name_bytes && !memcmp(info.name, name, name_bytes);
    return e;
}

/* The entry of one table that may hold this name; *found = false: none does. */
static enum pxr_err find_entry(pxr_archive *a, uint32_t table, struct pxr_tree_key key, struct pxr_name_entry *out,
                               bool *found, struct pxr_diag *diag)
{
    uint8_t bytes[PXR_DIR_ENTRY_BYTES];
    uint64_t unused;
    const enum pxr_err e = tree_find(a, &a->root.tables[table].top, true, key, bytes, found, &unused, diag);
    if (e != PXR_OK || !*found)
        return e;
    *out = pxr_name_entry_load(bytes);
    *found = out->key == key.k0 && key.k1 - out->counter < out->n_names;
    return PXR_OK;
}

enum pxr_err pxr_name_is_taken(pxr_archive *a, const struct pxr_name_split *name, bool *is_taken,
                               struct pxr_diag *diag)
{
    const struct pxr_tree_key key = {pxr_name_key(name), name->counter};
    enum pxr_err e = PXR_OK;
    *is_taken = false;
    for (uint32_t i = 0; i < a->root.n_tables && e == PXR_OK && !*is_taken; i++) {
        struct pxr_name_entry unused;
        e = find_entry(a, i, key, &unused, is_taken, diag);
    }
    return e;
}

enum pxr_err pxr_frame_find(pxr_archive *a, const char *name, size_t name_bytes, uint64_t *frame,
                            struct pxr_diag *diag)
{
    struct pxr_name_split split;
    *frame = PXR_NONE;
    if (pxr_name_objection(name, name_bytes))
        return PXR_OK; /* no frame is called so */
    pxr_name_split(&split, name, name_bytes);
    const struct pxr_tree_key key = {pxr_name_key(&split), split.counter};
    for (uint32_t i = 0; i < a->root.n_tables; i++) {
        struct pxr_name_entry entry;
        bool found;
        enum pxr_err e = find_entry(a, i, key, &entry, &found, diag);
        if (e != PXR_OK)
            return e;
        if (!found)
            continue;
        const uint64_t candidate = entry.frame + (key.k1 - entry.counter);
        e = confirm_name(a, candidate, name, name_bytes, &found, diag);
        if (e != PXR_OK)
            return e;
        if (found) {
            *frame = candidate;
            return PXR_OK;
        }
    }
    return PXR_OK;
}
