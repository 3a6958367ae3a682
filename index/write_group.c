/* SPDX-License-Identifier: MIT
 * Writing one group: its blocks placed or shared, its record, and what the index must say about it. */
#include "writer.h"

#include "diag.h"

/* Frame pages and directory entries are kept until there are this many bytes of pages, so that they lie
 * together and a listing reads the file in large pieces. */
#define PENDING_PAGES_BYTES ((size_t)1 << 20)

uint64_t pxr_writer_frame_bytes(const pxr_writer *w)
{
    return (uint64_t)w->sb.width_px * w->sb.height_px * (w->sb.bits / 8u);
}

enum pxr_err pxr_writer_write_superblock(pxr_writer *w, const struct pxr_buffer *page, uint32_t n_frames)
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
    struct shared_block *s = &w->shares[id.lo & (PXR_SHARE_SLOTS - 1)];
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
            /* Constant blocks alone have no payload at all. */
            const uint8_t *payload = j->payloads.bytes ? j->payloads.bytes + payload_at : NULL;
            if (e == PXR_OK)
                e = place_block(w, &h, j->headers.bytes + at, payload, own_off, &payload_off);
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
    w->summary.pixel_bytes += g->n_frames * pxr_writer_frame_bytes(w);
    return PXR_OK;
}

/* Blocks of a group that is assembled anew must not be shared from where they were. */
static void forget_shares(pxr_writer *w, uint64_t from_off)
{
    for (size_t i = 0; i < PXR_SHARE_SLOTS; i++)
        if (w->shares[i].payload_off >= from_off)
            w->shares[i] = (struct shared_block){0};
}

/* Section 5: no body may look as if a record of this archive were in it.  Frames that do so are coded in another
 * way: nobody can make pixels that look like it however they are coded. */
static enum pxr_err assemble_harmless(pxr_writer *w, struct pxr_pending_group *g)
{
    static const enum pxr_codec others[] = {PXR_CODEC_PREDICT, PXR_CODEC_ZSTD, PXR_CODEC_MATCH, PXR_CODEC_STORE};
    const struct pxr_block_opts wanted = g->opts;
    const struct pxr_write_summary before = w->summary;
    enum pxr_err e = assemble_group(w, g);
    for (size_t i = 0; e == PXR_OK && pxr_emit_is_forged(&w->emit, w->group_header.bytes, w->group_header.n_bytes,
                                                         w->payload.bytes, w->payload.n_bytes);
         i++) {
        if (i == sizeof others / sizeof *others || !g->pixels)
            return pxr_fail(&w->diag, PXR_E_INVALID, "frames that hold records of this very archive cannot be stored");
        forget_shares(w, w->emit.end_off);
        w->summary = before;
        g->opts = (struct pxr_block_opts){.codec = others[i]};
        pxr_pending_group_submit(g, w->pool);
        e = pxr_pending_group_wait(g, w->pool, &w->diag);
        if (e == PXR_E_UNSUPPORTED) /* built without zstd: the next one */
            continue;
        if (e == PXR_OK)
            e = assemble_group(w, g);
    }
    g->opts = wanted;
    return e;
}

/* Bytes that may stand between two commits, less what one group may have: a reader looks no further back
 * than 2^30 bytes for the last one. */
#define COMMIT_BYTES ((uint64_t)1 << 29)

/* Whoever opens an archive that has its name must find a commit: do not go too far from the last one. */
static enum pxr_err commit_if_far(pxr_writer *w, const struct pxr_pending_group *g)
{
    uint64_t next = 0;
    for (uint32_t i = 0; i < g->n_block_jobs; i++)
        next += g->block_jobs[i].headers.n_bytes + g->block_jobs[i].payloads.n_bytes;
    if (!w->is_published || w->root.n_frames == w->n_frames_committed ||
        w->emit.end_off - w->durable_end_off + next < COMMIT_BYTES)
        return PXR_OK;
    return pxr_writer_commit_written(w);
}

enum pxr_err pxr_writer_write_group(pxr_writer *w, struct pxr_pending_group *g)
{
    enum pxr_err e = commit_if_far(w, g);
    const size_t page_off = w->pending_pages.n_bytes;
    if (e == PXR_OK)
        e = pxr_pending_group_page(g, &w->pending_pages, &w->diag);
    if (e == PXR_OK && !w->is_superblock_written)
        e = pxr_writer_write_superblock(w, &w->pending_pages, g->n_frames);
    if (e == PXR_OK)
        e = assemble_harmless(w, g);
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
    if (e == PXR_OK && w->pending_pages.n_bytes > PENDING_PAGES_BYTES)
        e = pxr_writer_write_index(w);
    return e == PXR_OK ? pxr_writer_parity_group(w) : e;
}

/* Wait for the oldest submitted group and write it. */
static enum pxr_err write_oldest(pxr_writer *w)
{
    struct pxr_pending_group *g = &w->slots[w->oldest];
    enum pxr_err e = pxr_pending_group_wait(g, w->pool, &w->diag);
    w->summary.largest_error = (uint32_t)pxr_max_u64(w->summary.largest_error, g->largest_error);
    w->oldest = (w->oldest + 1) % w->n_slots;
    if (e == PXR_OK)
        e = pxr_writer_write_group(w, g);
    pxr_pending_group_reset(g);
    g->texts.n_bytes = 0;
    return e;
}

enum pxr_err pxr_writer_submit(pxr_writer *w)
{
    struct pxr_pending_group *g = &w->slots[w->filling];
    g->is_rounded = !w->sb.max_error || w->keeps_samples;
    pxr_pending_group_submit(g, w->pool);
    w->filling = (w->filling + 1) % w->n_slots;
    return w->slots[w->filling].is_submitted ? write_oldest(w) : PXR_OK;
}

enum pxr_err pxr_writer_flush(pxr_writer *w)
{
    enum pxr_err e = w->slots[w->filling].n_frames ? pxr_writer_submit(w) : PXR_OK;
    while (e == PXR_OK && w->slots[w->oldest].is_submitted)
        e = write_oldest(w);
    return e;
}
