/* SPDX-License-Identifier: MIT
 * Writing an archive: frames gather into groups, groups are encoded by a pool and written in order, and a
 * commit makes what is there durable.  The bytes do not depend on the number of threads. */
#include "diag.h"
#include "emit.h"
#include "nametable.h"
#include "pending_group.h"
#include "utf8.h"

#include <inttypes.h>
#include <stdio.h>

/* Samples of groups that are being encoded while others arrive. */
#define IN_FLIGHT_BYTES ((uint64_t)128 << 20)
/* Frame pages and directory entries are kept until there are this many bytes of pages, so that they lie
 * together and a listing reads the file in large pieces. */
#define PENDING_PAGES_BYTES ((size_t)1 << 20)
/* Names that wait for their table. */
#define PENDING_NAMES ((size_t)1 << 20)
/* Remembered blocks for sharing; a newer one may take an older one's slot. */
#define SHARE_SLOTS ((size_t)1 << 16)

struct shared_block {
    struct pxr_hash128 identity;
    uint64_t payload_off, payload_bytes;
};

/* A written group whose index entries are not written yet. */
struct written_group {
    struct pxr_dir_entry entry;
    size_t page_off, page_bytes; /* its frame page, without page header, in pending_pages */
};

struct pxr_writer {
    struct pxr_emit emit;
    struct pxr_superblock sb;
    bool is_superblock_written, has_meta_page;
    struct pxr_write_opts opts;
    char *meta;
    struct pxr_diag diag;
    enum pxr_err failed; /* sticky */

    pxr_pool *pool;
    struct pxr_encoder_stock stock;
    struct pxr_pending_group *slots; /* a ring: oldest submitted one, ..., the one that fills */
    unsigned n_slots, oldest, filling;

    struct pxr_name_set names;
    struct pxr_name_pending pending_names;
    struct pxr_buffer pending_pages;
    struct written_group *written;
    size_t n_written, written_capacity;
    struct pxr_tree directory, snapshot;
    struct pxr_root root;
    uint64_t last_commit_off, n_frames_committed;

    struct shared_block *shares;
    struct pxr_buffer group_header, payload, scratch;
    uint64_t n_frames_added;
    struct pxr_write_summary summary;
};

/* ---- creating ----------------------------------------------------------------------------------- */

static uint64_t raw_frame_bytes(const struct pxr_superblock *sb)
{
    return (uint64_t)sb->width_px * sb->height_px * (sb->bits / 8u);
}

/* Stripes of full rows.  Predicted blocks hold 32 frames, and 16 where a frame is larger than 7 MiB: one frame from
 * anywhere costs 5 or 4 decoded ones, some 64 ms of one core for 2048 x 2048 x 16.  They are cut into stripes
 * from 1 MiB a frame on: taller ones compress a little better, and a reader that goes from stripe to stripe
 * needs the decoding tables of each (0.8 MiB) anew; shorter ones let more cores read one frame.  A block of zstd or of
 * sorted residuals is one unit, so it holds 16 frames and about 1 MiB. */
static void choose_geometry(struct pxr_superblock *sb, const struct pxr_write_opts *o)
{
    const bool is_fast = o->codec == PXR_CODEC_SORTED || o->preset == PXR_PRESET_FAST;
    const bool is_predicted = !is_fast && o->codec != PXR_CODEC_STORE && o->codec != PXR_CODEC_ZSTD;
    const uint64_t frame = raw_frame_bytes(sb), row = frame / sb->height_px;
    const uint64_t most = is_predicted && frame <= (uint64_t)7 << 20 ? 32 : 16, fit = ((uint64_t)(is_predicted ? 256 : 64) << 20) / frame;
    sb->nominal_frames =
        o->block_frames ? o->block_frames : (uint32_t)pxr_max_u64(1, pxr_min_u64(most, fit));
    sb->nominal_unit_frames = o->codec == PXR_CODEC_ZSTD || is_fast ? sb->nominal_frames : 1;
    uint64_t rows = ((uint64_t)1 << 20) / (row * sb->nominal_frames) & ~(uint64_t)7;
    if (is_predicted) {
        const uint64_t stripes = frame <= (uint64_t)1 << 20 ? 1 : pxr_div_up_u64(frame, (uint64_t)1 << 19);
        rows = pxr_max_u64(128, pxr_round_up_u64(pxr_div_up_u64(sb->height_px, stripes), 8));
        /* A block's samples fit the format's bound with room to spare. */
        rows = pxr_min_u64(rows, ((uint64_t)128 << 20) / (row * sb->nominal_frames));
    }
    sb->nominal_height_px = o->block_height_px ? o->block_height_px
                                               : (uint32_t)pxr_max_u64(is_predicted ? 1 : 8, rows);
    sb->nominal_width_px = o->block_width_px ? o->block_width_px : sb->width_px;
    sb->nominal_height_px = (uint32_t)pxr_min_u64(sb->nominal_height_px, sb->height_px);
    sb->nominal_width_px = (uint32_t)pxr_min_u64(sb->nominal_width_px, sb->width_px);
}

static enum pxr_err check_opts(struct pxr_superblock *sb, const struct pxr_write_opts *o,
                               struct pxr_diag *diag)
{
    if (!o->width_px || !o->height_px || (o->bits != 8 && o->bits != 16))
        return pxr_fail(diag, PXR_E_INVALID, "frames of %" PRIu32 " x %" PRIu32 " pixels of %u bits",
                        o->width_px, o->height_px, o->bits);
    if ((uint64_t)o->width_px * o->height_px > (uint64_t)1 << 28)
        return pxr_fail(diag, PXR_E_LIMIT,
                        "frames of %" PRIu32 " x %" PRIu32 " pixels; at most 2^28 pixels are possible",
                        o->width_px, o->height_px);
    if (o->level < 0 || o->level > 19)
        return pxr_fail(diag, PXR_E_INVALID, "level %d; levels are 1 to 19", o->level);
    if ((unsigned)o->preset > PXR_PRESET_MAX || (o->preset && o->codec != PXR_CODEC_AUTO))
        return pxr_fail(diag, PXR_E_INVALID, "preset %d with codec %d; a preset belongs to codec AUTO",
                        (int)o->preset, (int)o->codec);
    if (o->block_frames > PXR_GROUP_MAX_FRAMES)
        return pxr_fail(diag, PXR_E_INVALID, "blocks of %" PRIu32 " frames; at most 65535",
                        o->block_frames);
    *sb = (struct pxr_superblock){.width_px = o->width_px, .height_px = o->height_px, .bits = o->bits};
    choose_geometry(sb, o);
    const uint64_t block = (uint64_t)sb->nominal_frames * sb->nominal_height_px *
                           sb->nominal_width_px * (sb->bits / 8u);
    if (block > PXR_BLOCK_MAX_BYTES || sb->nominal_frames * raw_frame_bytes(sb) > (uint64_t)4 << 30)
        return pxr_fail(diag, PXR_E_LIMIT, "blocks of %" PRIu32 " frames are too large for this frame size",
                        sb->nominal_frames);
    return PXR_OK;
}

static enum pxr_err start_slots(pxr_writer *w, unsigned n_threads)
{
    const uint64_t group = w->sb.nominal_frames * raw_frame_bytes(&w->sb);
    const uint64_t fit = pxr_max_u64(2, IN_FLIGHT_BYTES / group);
    w->n_slots = (unsigned)pxr_min_u64(n_threads + 2u, fit);
    w->slots = pxr_alloc_zero(w->n_slots, sizeof *w->slots);
    if (!w->slots)
        return pxr_fail_nomem(&w->diag, w->n_slots * sizeof *w->slots);
    const struct pxr_block_opts opts = {w->opts.codec, w->opts.level, w->opts.preset};
    for (unsigned i = 0; i < w->n_slots; i++) {
        const enum pxr_err e =
            pxr_pending_group_init(&w->slots[i], &w->sb, &opts, &w->stock, &w->diag);
        if (e != PXR_OK)
            return e;
    }
    return PXR_OK;
}

static void writer_free(pxr_writer *w)
{
    for (unsigned i = 0; w->slots && i < w->n_slots; i++)
        if (w->slots[i].is_submitted)
            pxr_pending_group_wait(&w->slots[i], w->pool, NULL);
    pxr_pool_free(w->pool);
    for (unsigned i = 0; w->slots && i < w->n_slots; i++)
        pxr_pending_group_fini(&w->slots[i]);
    pxr_free(w->slots);
    pxr_encoder_stock_fini(&w->stock);
    pxr_name_set_fini(&w->names);
    pxr_name_pending_fini(&w->pending_names);
    pxr_buffer_fini(&w->pending_pages);
    pxr_buffer_fini(&w->group_header);
    pxr_buffer_fini(&w->payload);
    pxr_buffer_fini(&w->scratch);
    pxr_emit_fini(&w->emit);
    pxr_free(w->written);
    pxr_free(w->shares);
    pxr_free(w->meta);
    pxr_free(w);
}

static enum pxr_err create(pxr_writer **out, const struct pxr_file *file,
                           const struct pxr_write_opts *o, struct pxr_diag *diag)
{
    struct pxr_file owned = *file;
    const unsigned n_threads = o->n_threads ? o->n_threads : pxr_n_cores();
    const unsigned n_workers = n_threads > 1 ? n_threads : 0;
    pxr_writer *w = pxr_alloc_zero(1, sizeof *w);
    *out = NULL;
    if (!w) {
        pxr_file_close(&owned);
        return pxr_fail_nomem(diag, sizeof *w);
    }
    w->emit.file = owned;
    w->emit.end_off = PXR_SUPERBLOCK_BYTES;
    w->opts = *o;
    pxr_tree_init(&w->directory, false);
    enum pxr_err e = pxr_encoder_stock_init(&w->stock, n_workers + 1, &w->diag);
    if (e == PXR_OK)
        e = check_opts(&w->sb, o, &w->diag);
    if (e == PXR_OK && !(w->shares = pxr_alloc_zero(SHARE_SLOTS, sizeof *w->shares)))
        e = pxr_fail_nomem(&w->diag, SHARE_SLOTS * sizeof *w->shares);
    if (e == PXR_OK && o->meta_bytes) {
        if ((w->meta = pxr_alloc(o->meta_bytes)))
            memcpy(w->meta, o->meta, o->meta_bytes);
        else
            e = pxr_fail_nomem(&w->diag, o->meta_bytes);
    }
    if (e == PXR_OK)
        e = pxr_pool_new(&w->pool, n_workers, &w->diag);
    if (e == PXR_OK)
        e = start_slots(w, n_threads);
    if (e != PXR_OK) {
        if (diag)
            *diag = w->diag;
        w->emit.file.io.discard(w->emit.file.arg);
        writer_free(w);
        return e;
    }
    *out = w;
    return PXR_OK;
}

enum pxr_err pxr_writer_create(pxr_writer **out, const char *path, const struct pxr_write_opts *o,
                               struct pxr_diag *diag)
{
    struct pxr_superblock unused;
    struct pxr_file file;
    *out = NULL;
    enum pxr_err e = check_opts(&unused, o, diag); /* before a file appears */
    if (e == PXR_OK)
        e = pxr_file_create(&file, path, o->overwrite, diag);
    return e == PXR_OK ? create(out, &file, o, diag) : e;
}

enum pxr_err pxr_writer_create_io(pxr_writer **out, const struct pxr_io *io, void *io_arg,
                                  const struct pxr_write_opts *o, struct pxr_diag *diag)
{
    const struct pxr_file file = {*io, io_arg};
    return create(out, &file, o, diag);
}

/* ---- writing a group ---------------------------------------------------------------------------- */

/* Section 13.  page is the first group's frame page without its header. */
static enum pxr_err write_superblock(pxr_writer *w, const struct pxr_buffer *page, uint32_t n_frames)
{
    uint8_t page_header[PXR_PAGE_HEADER_BYTES], opts[8];
    pxr_xxh3 *h = pxr_xxh3_new();
    if (!h)
        return pxr_fail_nomem(&w->diag, 0);
    pxr_superblock_store(&w->sb);
    pxr_store_u32le(opts, (uint32_t)w->opts.codec | (uint32_t)w->opts.preset << 8);
    pxr_store_u32le(opts + 4, (uint32_t)w->opts.level);
    pxr_xxh3_begin128(h);
    pxr_xxh3_add128(h, w->sb.bytes, PXR_SUPERBLOCK_ID_PREFIX);
    pxr_xxh3_add128(h, opts, sizeof opts);
    pxr_xxh3_add128(h, w->meta ? w->meta : "", w->meta ? w->opts.meta_bytes : 0);
    if (n_frames) {
        pxr_page_header_store(page_header, PXR_PAGE_FRAMES, 0, n_frames,
                              (uint32_t)(PXR_PAGE_HEADER_BYTES + page->n_bytes));
        pxr_xxh3_add128(h, page_header, sizeof page_header);
        pxr_xxh3_add128(h, page->bytes, page->n_bytes);
    }
    const struct pxr_hash128 id = pxr_xxh3_end128(h);
    pxr_xxh3_free(h);
    pxr_store_u64be(w->sb.id, id.hi);
    pxr_store_u64be(w->sb.id + 8, id.lo);
    memcpy(w->emit.id, w->sb.id, sizeof w->emit.id);
    pxr_superblock_store(&w->sb);
    const enum pxr_err e =
        pxr_file_write(&w->emit.file, 0, w->sb.bytes, PXR_SUPERBLOCK_BYTES, &w->diag);
    w->is_superblock_written = e == PXR_OK;
    return e;
}

/* Whether the payload that a remembered block points to has these very bytes. */
static enum pxr_err same_bytes(pxr_writer *w, const struct shared_block *s, const uint8_t *payload,
                               uint64_t own_off, bool *is_same)
{
    if (s->payload_off >= own_off) { /* in this group, which is not in the file yet */
        *is_same = !memcmp(w->payload.bytes + (s->payload_off - own_off), payload, s->payload_bytes);
        return PXR_OK;
    }
    w->scratch.n_bytes = 0;
    uint8_t *old = pxr_buffer_extend(&w->scratch, s->payload_bytes);
    if (!old)
        return pxr_fail_nomem(&w->diag, s->payload_bytes);
    const enum pxr_err e =
        pxr_file_read(&w->emit.file, s->payload_off, old, s->payload_bytes, &w->diag);
    *is_same = e == PXR_OK && !memcmp(old, payload, s->payload_bytes);
    return e;
}

/* Where the payload of a block is: shared with an equal one, or appended to this group's. */
static enum pxr_err place_block(pxr_writer *w, const struct pxr_block_header *h,
                                const uint8_t *header, const uint8_t *payload, uint64_t own_off,
                                uint64_t *payload_off)
{
    *payload_off = 0;
    if (!h->payload_bytes)
        return PXR_OK;
    const struct pxr_hash128 id = pxr_block_identity(header, h->header_bytes);
    struct shared_block *s = &w->shares[id.lo & (SHARE_SLOTS - 1)];
    if (s->payload_bytes == h->payload_bytes && s->identity.lo == id.lo && s->identity.hi == id.hi) {
        bool is_same = false;
        const enum pxr_err e = same_bytes(w, s, payload, own_off, &is_same);
        if (e != PXR_OK || is_same) {
            *payload_off = s->payload_off;
            w->summary.n_blocks_shared += is_same;
            return e;
        }
    }
    *payload_off = own_off + w->payload.n_bytes;
    *s = (struct shared_block){id, *payload_off, h->payload_bytes};
    return pxr_buffer_add(&w->payload, payload, h->payload_bytes)
               ? PXR_OK
               : pxr_fail_nomem(&w->diag, h->payload_bytes);
}

/* Assemble group header and payload from what the jobs have made. */
static enum pxr_err assemble_group(pxr_writer *w, const struct pxr_pending_group *g)
{
    const struct pxr_group *geo = &g->geometry;
    uint64_t headers_bytes = 0;
    for (uint32_t i = 0; i < g->n_block_jobs; i++)
        headers_bytes += g->block_jobs[i].headers.n_bytes;
    const uint64_t header_bytes = PXR_GROUP_HEADER_BYTES + 8 * (uint64_t)geo->n_blocks + headers_bytes;
    const uint64_t own_off = w->emit.end_off + PXR_RECORD_HEADER_BYTES + header_bytes;
    w->group_header.n_bytes = w->payload.n_bytes = 0;
    if (header_bytes > UINT32_MAX)
        return pxr_fail(&w->diag, PXR_E_LIMIT, "too many blocks in a group");
    uint8_t *p = pxr_buffer_extend(&w->group_header, header_bytes);
    if (!p)
        return pxr_fail_nomem(&w->diag, header_bytes);
    uint8_t *offs = p + PXR_GROUP_HEADER_BYTES, *headers = offs + 8 * (size_t)geo->n_blocks;
    for (uint32_t i = 0; i < g->n_block_jobs; i++) {
        const struct pxr_group_job *j = &g->block_jobs[i];
        size_t at = 0, payload_at = 0;
        for (uint32_t b = j->first; b < j->first + j->n; b++) {
            struct pxr_block_header h;
            struct pxr_block_shape shape;
            uint32_t x0, y0;
            uint64_t payload_off = 0;
            pxr_group_window(geo, &w->sb, b, &x0, &y0, &shape);
            enum pxr_err e = pxr_block_header_parse(&h, j->headers.bytes + at,
                                                    j->headers.n_bytes - at, &shape, 0, &w->diag);
            if (e == PXR_OK)
                e = place_block(w, &h, j->headers.bytes + at, j->payloads.bytes + payload_at, own_off,
                                &payload_off);
            if (e != PXR_OK)
                return e;
            pxr_store_u64le(offs + 8 * (size_t)b, payload_off);
            at += h.header_bytes;
            payload_at += h.payload_bytes;
            w->summary.n_codec[h.codec & 7]++;
        }
        memcpy(headers, j->headers.bytes, j->headers.n_bytes);
        headers += j->headers.n_bytes;
    }
    w->summary.n_blocks += geo->n_blocks;
    memset(p, 0, PXR_GROUP_HEADER_BYTES);
    pxr_store_u64le(p, g->first_frame);
    pxr_store_u32le(p + 8, g->n_frames);
    pxr_store_u32le(p + 12, geo->n_blocks);
    pxr_store_u32le(p + 16, geo->block_height_px);
    pxr_store_u32le(p + 20, geo->block_width_px);
    pxr_store_u64le(p + 24, w->payload.n_bytes);
    pxr_store_u32le(p + 32, (uint32_t)headers_bytes);
    return PXR_OK;
}

/* Remember what the index must say about a group that is in the file. */
static enum pxr_err note_group(pxr_writer *w, const struct pxr_pending_group *g,
                               const struct pxr_dir_entry *entry, size_t page_off)
{
    if (!pxr_reserve(&w->written, &w->written_capacity, w->n_written + 1, sizeof *w->written))
        return pxr_fail_nomem(&w->diag, w->n_written * sizeof *w->written);
    w->written[w->n_written++] =
        (struct written_group){*entry, page_off, w->pending_pages.n_bytes - page_off};
    for (uint32_t i = 0, n; i < g->n_frames; i += n) {
        struct pxr_name_split s;
        n = pxr_pending_group_run(g, i, &s);
        const struct pxr_name_entry run = {pxr_name_key(&s), s.counter, g->first_frame + i, n};
        if (!pxr_name_pending_add(&w->pending_names, &run))
            return pxr_fail_nomem(&w->diag, sizeof run);
    }
    w->root.n_frames += g->n_frames;
    w->root.n_groups++;
    w->summary.n_frames += g->n_frames;
    w->summary.pixel_bytes += g->n_frames * raw_frame_bytes(&w->sb);
    return PXR_OK;
}

static enum pxr_err write_index(pxr_writer *w);

/* Wait for the oldest submitted group and write it. */
static enum pxr_err write_oldest(pxr_writer *w)
{
    struct pxr_pending_group *g = &w->slots[w->oldest];
    const size_t page_off = w->pending_pages.n_bytes;
    enum pxr_err e = pxr_pending_group_wait(g, w->pool, &w->diag);
    w->oldest = (w->oldest + 1) % w->n_slots;
    if (e == PXR_OK)
        e = pxr_pending_group_page(g, &w->pending_pages, &w->diag);
    if (e == PXR_OK && !w->is_superblock_written)
        e = write_superblock(w, &w->pending_pages, g->n_frames);
    if (e == PXR_OK)
        e = assemble_group(w, g);
    if (e != PXR_OK)
        return e;
    const struct pxr_dir_entry entry = {
        .first_frame = g->first_frame,
        .n_frames = g->n_frames,
        .group = {w->emit.end_off + PXR_RECORD_HEADER_BYTES,
                  pxr_xxh3_64(w->group_header.bytes, w->group_header.n_bytes),
                  (uint32_t)w->group_header.n_bytes, 0},
    };
    e = pxr_emit_record(&w->emit, PXR_RECORD_GROUP, w->group_header.bytes, w->group_header.n_bytes,
                        w->payload.bytes, w->payload.n_bytes, &w->diag);
    if (e == PXR_OK)
        e = note_group(w, g, &entry, page_off);
    pxr_pending_group_reset(g);
    g->texts.n_bytes = 0;
    if (e == PXR_OK && w->pending_pages.n_bytes > PENDING_PAGES_BYTES)
        e = write_index(w);
    return e;
}

/* Hand the filling group to the pool and make the next slot free. */
static enum pxr_err submit_filling(pxr_writer *w)
{
    struct pxr_pending_group *g = &w->slots[w->filling];
    pxr_pending_group_submit(g, w->pool);
    w->filling = (w->filling + 1) % w->n_slots;
    return w->slots[w->filling].is_submitted ? write_oldest(w) : PXR_OK;
}

/* ---- index and commit --------------------------------------------------------------------------- */

/* Frame pages, and the parts of the directory that will not change any more. */
static enum pxr_err write_index(pxr_writer *w)
{
    enum pxr_err e = PXR_OK;
    for (size_t i = 0; i < w->n_written && e == PXR_OK; i++) {
        struct written_group *g = &w->written[i];
        e = pxr_emit_page(&w->emit, PXR_PAGE_FRAMES, 0, g->entry.n_frames,
                          w->pending_pages.bytes + g->page_off, g->page_bytes, &g->entry.frames,
                          &w->diag);
        if (e == PXR_OK)
            e = pxr_tree_add_group(&w->directory, &w->emit, &g->entry, &w->diag);
    }
    w->n_written = 0;
    w->pending_pages.n_bytes = 0;
    if (e == PXR_OK && w->pending_names.n_entries > PENDING_NAMES)
        e = pxr_name_tables_write(&w->pending_names, &w->emit, &w->root, &w->diag);
    return e == PXR_OK ? pxr_emit_pages_end(&w->emit, &w->diag) : e;
}

static void store_ref(uint8_t *dst, const struct pxr_ref *ref)
{
    pxr_store_u64le(dst, ref->off_bytes);
    pxr_store_u32le(dst + 8, ref->n_bytes);
    pxr_store_u32le(dst + 12, ref->level);
    pxr_store_u64le(dst + 16, ref->hash);
}

static enum pxr_err write_root(pxr_writer *w, struct pxr_ref *ref)
{
    uint8_t page[PXR_ROOT_BYTES + PXR_ROOT_MAX_TABLES * PXR_ROOT_TABLE_BYTES] = {0};
    const struct pxr_root *r = &w->root;
    pxr_store_u64le(page + 8, r->n_frames);
    pxr_store_u64le(page + 16, r->n_groups);
    pxr_store_u64le(page + 24, r->commit);
    store_ref(page + 32, &r->dir);
    store_ref(page + 56, &r->meta);
    for (uint32_t i = 0; i < r->n_tables; i++) {
        uint8_t *t = page + PXR_ROOT_BYTES + (size_t)i * PXR_ROOT_TABLE_BYTES;
        store_ref(t, &r->tables[i].top);
        pxr_store_u64le(t + 24, r->tables[i].n_entries);
    }
    const size_t n = PXR_ROOT_BYTES + r->n_tables * (size_t)PXR_ROOT_TABLE_BYTES;
    return pxr_emit_page(&w->emit, PXR_PAGE_ROOT, 0, r->n_tables, page + PXR_PAGE_HEADER_BYTES,
                         n - PXR_PAGE_HEADER_BYTES, ref, &w->diag);
}

static enum pxr_err write_commit_record(pxr_writer *w, const struct pxr_ref *root)
{
    uint8_t body[PXR_COMMIT_BODY_BYTES] = {0};
    memcpy(body, w->sb.bytes, PXR_SUPERBLOCK_BYTES);
    pxr_store_u64le(body + 128, root->off_bytes);
    pxr_store_u32le(body + 136, root->n_bytes);
    pxr_store_u64le(body + 144, root->hash);
    pxr_store_u64le(body + 152, w->root.commit);
    pxr_store_u64le(body + 160, w->last_commit_off);
    pxr_store_u64le(body + 168, w->root.n_frames);
    const uint64_t at = w->emit.end_off;
    enum pxr_err e = pxr_file_sync(&w->emit.file, &w->diag);
    if (e == PXR_OK)
        e = pxr_emit_record(&w->emit, PXR_RECORD_COMMIT, body, sizeof body, NULL, 0, &w->diag);
    if (e == PXR_OK)
        e = pxr_file_sync(&w->emit.file, &w->diag);
    w->last_commit_off = at;
    return e;
}

static enum pxr_err commit(pxr_writer *w)
{
    enum pxr_err e = PXR_OK;
    struct pxr_ref root;
    if (w->last_commit_off && w->n_frames_added == w->n_frames_committed)
        return PXR_OK;
    if (w->slots[w->filling].n_frames)
        e = submit_filling(w);
    while (e == PXR_OK && w->slots[w->oldest].is_submitted)
        e = write_oldest(w);
    if (e == PXR_OK && !w->is_superblock_written)
        e = write_superblock(w, NULL, 0);
    if (e == PXR_OK)
        e = write_index(w);
    if (e == PXR_OK)
        e = pxr_name_tables_write(&w->pending_names, &w->emit, &w->root, &w->diag);
    if (e == PXR_OK && w->meta && !w->has_meta_page) {
        e = pxr_emit_page(&w->emit, PXR_PAGE_META, 0, 0, w->meta, w->opts.meta_bytes, &w->root.meta,
                          &w->diag);
        w->has_meta_page = true;
    }
    if (e != PXR_OK)
        return e;
    w->snapshot = w->directory;
    e = pxr_tree_finish(&w->snapshot, &w->emit, &w->root.dir, &w->diag);
    w->root.commit++;
    if (e == PXR_OK)
        e = write_root(w, &root);
    if (e == PXR_OK)
        e = pxr_emit_pages_end(&w->emit, &w->diag);
    if (e == PXR_OK)
        e = write_commit_record(w, &root);
    w->n_frames_committed = w->n_frames_added;
    return e;
}

/* ---- adding frames ------------------------------------------------------------------------------ */

static enum pxr_err check_samples(pxr_writer *w, const struct pxr_frame_in *f)
{
    const uint32_t max = (1u << w->sb.bits) - 1, maxval = f->maxval ? f->maxval : max;
    const size_t row = (size_t)w->sb.width_px * (w->sb.bits / 8u);
    const size_t stride = f->stride_bytes ? f->stride_bytes : row;
    if (!f->pixels || stride < row || maxval > max || f->sbit > w->sb.bits ||
        (f->has_time && f->time_ns == PXR_NO_TIME))
        return pxr_fail(&w->diag, PXR_E_INVALID, "a frame's stride, maxval, sbit or time is impossible");
    if (maxval == max)
        return PXR_OK;
    for (uint32_t y = 0; y < w->sb.height_px; y++) {
        const uint8_t *p = (const uint8_t *)f->pixels + y * stride;
        uint16_t most = 0; /* no early exit: this way the loop is vectorised */
        if (w->sb.bits == 8)
            for (uint32_t x = 0; x < w->sb.width_px; x++)
                most = p[x] > most ? p[x] : most;
        else
            for (uint32_t x = 0; x < w->sb.width_px; x++) {
                uint16_t v;
                memcpy(&v, p + 2 * (size_t)x, 2);
                most = v > most ? v : most;
            }
        if (most > maxval)
            return pxr_fail_field(&w->diag, PXR_E_MISMATCH, PXR_NONE, "maxval", maxval, most,
                                  "a sample in row %" PRIu32 " exceeds maxval", y);
    }
    return PXR_OK;
}

/* The name that the frame gets: its own, or a free one that ends in -2, -3, ... */
static enum pxr_err choose_name(pxr_writer *w, const struct pxr_frame_in *f, char name[256],
                                size_t *name_bytes, struct pxr_name_split *split)
{
    size_t n = f->name ? (f->name_bytes ? f->name_bytes : strlen(f->name)) : 0;
    if (f->name) {
        const char *objection = pxr_name_objection(f->name, n);
        if (objection)
            return pxr_fail(&w->diag, PXR_E_INVALID, "the name '%.*s' %s",
                            (int)pxr_min_u64(n, 80), f->name, objection);
        memcpy(name, f->name, n);
        name[n] = 0;
    } else {
        n = (size_t)snprintf(name, 256, "%06" PRIu64, w->n_frames_added);
    }
    *name_bytes = n;
    pxr_name_split(split, name, n);
    for (uint64_t k = 2; pxr_name_set_has(&w->names, split); k++) {
        if (!w->opts.suffix_names)
            return pxr_fail(&w->diag, PXR_E_MISMATCH, "the name '%.80s' exists already", name);
        const int added = snprintf(name + n, 256 - n, "-%" PRIu64, k);
        *name_bytes = n + (size_t)added;
        if (pxr_name_objection(name, *name_bytes))
            return pxr_fail(&w->diag, PXR_E_INVALID, "the name '%.80s' is too long for a suffix", name);
        pxr_name_split(split, name, *name_bytes);
    }
    return PXR_OK;
}

/* Whether groups are as long as the writer likes. */
static bool has_free_length(const pxr_writer *w)
{
    return !w->opts.block_frames && w->opts.preset != PXR_PRESET_FAST &&
           (w->opts.codec == PXR_CODEC_AUTO || w->opts.codec == PXR_CODEC_MATCH ||
            w->opts.codec == PXR_CODEC_PREDICT);
}

enum pxr_err pxr_writer_add(pxr_writer *w, const struct pxr_frame_in *f)
{
    char name[256];
    size_t name_bytes = 0;
    struct pxr_name_split split;
    if (w->failed != PXR_OK)
        return pxr_fail(&w->diag, PXR_E_STATE, "this writer has failed before");
    enum pxr_err e = check_samples(w, f);
    if (e == PXR_OK)
        e = choose_name(w, f, name, &name_bytes, &split);
    if (e != PXR_OK)
        return pxr_diag_in_frame(&w->diag, e, w->n_frames_added); /* nothing has happened */
    struct pxr_pending_group *g = &w->slots[w->filling];
    if (!g->n_frames)
        g->first_frame = w->n_frames_added;
    if (!pxr_name_set_add(&w->names, &split))
        e = pxr_fail_nomem(&w->diag, sizeof split);
    if (e == PXR_OK)
        e = pxr_pending_group_add(g, f, name, name_bytes, &w->diag);
    if (e == PXR_OK) {
        w->n_frames_added++;
        if (g->n_frames == g->max_frames && has_free_length(w))
            e = pxr_pending_group_extend(g, w->opts.preset == PXR_PRESET_MAX, &w->diag);
        if (e == PXR_OK && g->n_frames == g->max_frames)
            e = submit_filling(w);
    }
    w->failed = e;
    return e;
}

enum pxr_err pxr_writer_commit(pxr_writer *w)
{
    if (w->failed != PXR_OK)
        return pxr_fail(&w->diag, PXR_E_STATE, "this writer has failed before");
    return w->failed = commit(w);
}

void pxr_writer_summary(const pxr_writer *w, struct pxr_write_summary *out)
{
    *out = w->summary;
    out->archive_bytes = w->emit.end_off;
}

const struct pxr_diag *pxr_writer_diag(const pxr_writer *w) { return &w->diag; }

enum pxr_err pxr_writer_finish(pxr_writer *w, struct pxr_write_summary *out, struct pxr_diag *diag)
{
    enum pxr_err e = pxr_writer_commit(w);
    int sys_errno = 0;
    if (out)
        pxr_writer_summary(w, out);
    if (e == PXR_OK) {
        e = w->emit.file.io.publish(w->emit.file.arg, &sys_errno);
        if (e == PXR_E_BUSY)
            pxr_fail(&w->diag, e, "a file of this name has appeared meanwhile");
        else if (e != PXR_OK)
            pxr_fail_sys(&w->diag, e, sys_errno, "cannot be given its final name");
    }
    if (e != PXR_OK) {
        if (diag)
            *diag = w->diag;
        w->emit.file.io.discard(w->emit.file.arg);
    }
    writer_free(w);
    return e;
}

void pxr_writer_abort(pxr_writer *w)
{
    if (!w)
        return;
    w->emit.file.io.discard(w->emit.file.arg);
    writer_free(w);
}
