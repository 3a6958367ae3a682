/* SPDX-License-Identifier: MIT
 * A group of another archive, copied without decoding: for merge and recover. */
#include "writer.h"

#include "diag.h"

#include <inttypes.h>
#include <stdio.h>

/* Read a block's payload behind those that are there, and verify its units. */
static enum pxr_err read_payload(struct pxr_writer *w, pxr_archive *a, const struct pxr_placed_block *b,
                                 struct pxr_buffer *payloads)
{
    const uint64_t n = b->header.payload_bytes;
    uint8_t *dst = pxr_buffer_extend(payloads, n);
    if (!dst)
        return pxr_fail_nomem(&w->diag, n);
    enum pxr_err e = n ? pxr_file_read(&a->file, b->payload_off, dst, n, &w->diag) : PXR_OK;
    for (uint32_t u = 0; u < b->header.n_units && e == PXR_OK; u++) {
        const struct pxr_block_unit unit = pxr_block_unit_at(&b->header, u);
        const uint64_t got = pxr_xxh3_64(dst + unit.off_bytes, unit.n_bytes);
        if (got != unit.hash)
            e = pxr_fail_field(&w->diag, PXR_E_CORRUPT, b->payload_off + unit.off_bytes, "hash", unit.hash, got,
                               "%" PRIu32 " stored bytes are damaged", unit.n_bytes);
    }
    return e;
}

/* A group as it is stored lies in memory.  None that was packed has more samples than this; one that was forged may say of
 * a million blocks that they are the same bytes. */
#define MAX_PAYLOAD_BYTES ((uint64_t)4 << 30)

static enum pxr_err copy_blocks(pxr_writer *w, pxr_archive *a, const struct pxr_loaded_group *g,
                                struct pxr_pending_group *to)
{
    struct pxr_group_job *j = &to->block_jobs[0];
    *j = (struct pxr_group_job){.group = to, .n = g->group.n_blocks};
    to->n_block_jobs = 1;
    enum pxr_err e = pxr_buffer_add(&j->headers, g->group.headers, g->group.headers_bytes)
                         ? PXR_OK
                         : pxr_fail_nomem(&w->diag, g->group.headers_bytes);
    uint64_t n_payload_bytes = 0;
    for (uint32_t b = 0; b < g->group.n_blocks && e == PXR_OK; b++) {
        struct pxr_placed_block block;
        e = pxr_group_block(a, g, b, &block, &w->diag);
        if (e == PXR_OK && block.header.payload_bytes > MAX_PAYLOAD_BYTES - n_payload_bytes)
            e = pxr_fail(&w->diag, PXR_E_LIMIT, "the blocks of one group have more than 4 GiB");
        if (e == PXR_OK)
            n_payload_bytes += block.header.payload_bytes;
        if (e == PXR_OK)
            e = read_payload(w, a, &block, &j->payloads);
        pxr_diag_in_block(&w->diag, e, g->group.first_frame, b);
    }
    return e;
}

/* Somebody who knew the id that this archive gets may have packed frames that hold a record of it. */
static bool holds_header(const pxr_writer *w, const struct pxr_group_job *j)
{
    return w->is_superblock_written && (pxr_emit_holds_header(&w->emit, j->headers.bytes, j->headers.n_bytes) ||
                                        pxr_emit_holds_header(&w->emit, j->payloads.bytes, j->payloads.n_bytes));
}

/* Everything about a frame but its pixels. */
static enum pxr_err copy_note(pxr_writer *w, struct pxr_pending_group *to, uint32_t i, const struct pxr_frame_info *info,
                              const char *meta, size_t meta_bytes)
{
    struct pxr_name_split split;
    char name[256];
    size_t n = info->name_bytes;
    memcpy(name, info->name, n);
    name[n] = 0;
    const enum pxr_err e = pxr_writer_free_name(w, name, &n, &split);
    if (e != PXR_OK)
        return e;
    const size_t at = to->texts.n_bytes;
    if (at + n + meta_bytes > UINT32_MAX)
        return pxr_fail(&w->diag, PXR_E_LIMIT, "the metadata of one group exceeds 4 GiB");
    if (!pxr_name_set_add(&w->names, &split) || !pxr_buffer_add(&to->texts, name, n) ||
        !pxr_buffer_add(&to->texts, meta, meta_bytes))
        return pxr_fail_nomem(&w->diag, n + meta_bytes);
    to->notes[i] = (struct pxr_frame_note){
        .time_ns = info->has_time ? info->time_ns : PXR_NO_TIME,
        .name_off = (uint32_t)at,
        .name_bytes = (uint8_t)n,
        .meta_off = (uint32_t)(at + n),
        .meta_bytes = (uint32_t)meta_bytes,
        .sbit = info->sbit,
        .maxval = info->maxval,
        .adler32 = info->adler32,
        .pixel_hash = info->pixel_hash,
    };
    return PXR_OK;
}

static enum pxr_err copy_notes(pxr_writer *w, const pxr_archive *a, const struct pxr_dir_entry *dir,
                               const struct pxr_loaded_frames *f, const struct pxr_frame_sums *sums,
                               struct pxr_pending_group *to)
{
    enum pxr_err e = PXR_OK;
    for (uint32_t i = 0; i < dir->n_frames && e == PXR_OK; i++) {
        struct pxr_frame_info info = {0};
        size_t meta_bytes = 0;
        const char *meta = NULL;
        if (f) {
            pxr_frames_describe(a, dir, f, i, &info);
            meta = pxr_frames_meta(f, i, &meta_bytes);
        } else {
            info.name_bytes = (size_t)snprintf(info.name, sizeof info.name, "%06" PRIu64, dir->first_frame + i);
            info.maxval = (uint16_t)((1u << a->sb.bits) - 1);
            info.adler32 = sums[i].adler32;
            info.pixel_hash = sums[i].pixel_hash;
        }
        e = copy_note(w, to, i, &info, meta, meta_bytes);
        pxr_diag_in_frame(&w->diag, e, dir->first_frame + i);
    }
    return e;
}

enum pxr_err pxr_writer_copy_group(pxr_writer *w, pxr_archive *a, const struct pxr_dir_entry *dir,
                                   const struct pxr_loaded_group *g, const struct pxr_loaded_frames *f,
                                   const struct pxr_frame_sums *sums)
{
    if (w->failed != PXR_OK)
        return pxr_fail(&w->diag, PXR_E_STATE, "this writer has failed before");
    enum pxr_err e = pxr_writer_flush(w);
    if (e != PXR_OK)
        return w->failed = e;
    struct pxr_pending_group *to = pxr_alloc_zero(1, sizeof *to);
    if (!to || !(to->notes = pxr_alloc_zero(dir->n_frames, sizeof *to->notes))) {
        pxr_free(to);
        return w->failed = pxr_fail_nomem(&w->diag, dir->n_frames * sizeof *to->notes);
    }
    to->sb = &w->sb;
    to->geometry = g->group;
    to->geometry.first_frame = to->first_frame = w->n_frames_added;
    to->n_frames = dir->n_frames;
    e = copy_blocks(w, a, g, to);
    const bool is_refused = e == PXR_OK && holds_header(w, &to->block_jobs[0]);
    if (is_refused)
        e = pxr_fail(&w->diag, PXR_E_INVALID, "a group that holds records of the new archive cannot be copied as it is");
    if (e == PXR_OK)
        e = copy_notes(w, a, dir, f, sums, to);
    if (e == PXR_OK)
        e = pxr_writer_write_group(w, to);
    if (e == PXR_OK)
        w->n_frames_added += dir->n_frames;
    pxr_pending_group_fini(to);
    pxr_free(to);
    if (!is_refused)
        w->failed = e;
    return e;
}
