/* SPDX-License-Identifier: MIT
 * The index of what was written, and the commit that makes it count (docs/format.md, sections 7 to 12). */
#include "writer.h"

#include "diag.h"

/* Names that wait for their table. */
#define PENDING_NAMES ((size_t)1 << 20)

enum pxr_err pxr_writer_write_index(pxr_writer *w)
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
    uint8_t page[PXR_ROOT_BYTES + PXR_ROOT_MAX_TABLES * PXR_ROOT_TABLE_BYTES +
                 PXR_ROOT_MAX_VIEW_INDEXES * PXR_ROOT_VIEW_INDEX_BYTES] = {0};
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
    size_t n = PXR_ROOT_BYTES + r->n_tables * (size_t)PXR_ROOT_TABLE_BYTES;
    page[45] = (uint8_t)r->n_view_indexes;
    for (uint32_t i = 0; i < r->n_view_indexes; i++, n += PXR_ROOT_VIEW_INDEX_BYTES) {
        store_ref(page + n, &r->view_indexes[i].head);
        page[n + 12] = r->view_indexes[i].view;
        pxr_store_u64le(page + n + 24, r->view_indexes[i].n_frames);
    }
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
    enum pxr_err e = pxr_writer_parity_commit(w, body);
    const uint64_t at = w->emit.end_off;
    if (e == PXR_OK)
        e = pxr_file_sync(&w->emit.file, &w->diag);
    w->is_commit_unsure |= e == PXR_OK;
    if (e == PXR_OK)
        e = pxr_emit_record(&w->emit, PXR_RECORD_COMMIT, body, sizeof body, NULL, 0, &w->diag);
    if (e == PXR_OK)
        e = pxr_file_sync(&w->emit.file, &w->diag);
    w->last_commit_off = at;
    return e;
}

/* An archive that is recorded gets its name when it holds something. */
static enum pxr_err publish_first(pxr_writer *w)
{
    int sys_errno = 0;
    if (w->is_published || !w->opts.publish_at_commit)
        return PXR_OK;
    const enum pxr_err e = w->emit.file.io.publish(w->emit.file.arg, &sys_errno);
    if (e == PXR_E_BUSY)
        return pxr_fail(&w->diag, e, "a file of this name has appeared meanwhile");
    w->is_published = e == PXR_OK;
    return e == PXR_OK ? e : pxr_fail_sys(&w->diag, e, sys_errno, "cannot be given its final name");
}

enum pxr_err pxr_writer_commit_written(pxr_writer *w)
{
    struct pxr_ref root;
    enum pxr_err e = w->is_superblock_written ? PXR_OK : pxr_writer_write_superblock(w, NULL, 0);
    if (e == PXR_OK)
        e = pxr_writer_write_index(w);
    if (e == PXR_OK)
        e = pxr_name_tables_write(&w->pending_names, &w->emit, &w->root, &w->diag);
    if (e == PXR_OK && w->meta && !w->has_meta_page) {
        e = pxr_emit_page(&w->emit, PXR_PAGE_META, 0, 0, w->meta, w->opts.meta_bytes, &w->root.meta,
                          &w->diag);
        w->has_meta_page = true;
    }
    if (e != PXR_OK)
        return e;
    pxr_tree_copy(&w->snapshot, &w->directory);
    e = pxr_tree_finish(&w->snapshot, &w->emit, &w->root.dir, &w->diag);
    w->root.commit++;
    if (e == PXR_OK)
        e = write_root(w, &root);
    if (e == PXR_OK)
        e = pxr_emit_pages_end(&w->emit, &w->diag);
    if (e == PXR_OK)
        e = write_commit_record(w, &root);
    if (e == PXR_OK)
        e = publish_first(w);
    if (e == PXR_OK) {
        w->durable_end_off = w->emit.end_off;
        w->is_commit_unsure = false;
        w->n_frames_committed = w->root.n_frames;
    }
    return e;
}
