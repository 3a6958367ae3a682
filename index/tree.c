/* SPDX-License-Identifier: MIT
 * Building the trees of docs/format.md, section 7: the directory and the name tables. */
#include "tree.h"

#include "diag.h"

#include <assert.h>

void pxr_tree_init(struct pxr_tree *t, bool names)
{
    t->names = names;
    for (int i = 0; i < PXR_TREE_LEVELS; i++)
        t->levels[i].n_entries = 0;
}

static size_t entry_bytes(const struct pxr_tree *t, int level)
{
    return level ? PXR_NODE_ENTRY_BYTES : t->names ? PXR_NAME_ENTRY_BYTES : PXR_DIR_ENTRY_BYTES;
}

void pxr_tree_copy(struct pxr_tree *dst, const struct pxr_tree *t)
{
    dst->names = t->names;
    for (int i = 0; i < PXR_TREE_LEVELS; i++) {
        dst->levels[i].n_entries = t->levels[i].n_entries;
        dst->levels[i].first = t->levels[i].first;
        dst->levels[i].n_frames = t->levels[i].n_frames;
        memcpy(dst->levels[i].entries, t->levels[i].entries, t->levels[i].n_entries * entry_bytes(t, i));
    }
}

/* Add one entry's bytes to a level.  A level that is full moves up first: a level is emptied only when
 * something follows, so the rightmost path always holds the last entry. */
static enum pxr_err push(struct pxr_tree *t, struct pxr_emit *to, int level, const uint8_t *entry,
                         struct pxr_tree_key key, uint64_t n_frames, struct pxr_diag *diag);

/* Emit a level's page and push a reference to it one level up. */
static enum pxr_err move_up(struct pxr_tree *t, struct pxr_emit *to, int level, struct pxr_diag *diag)
{
    const uint8_t leaf = t->names ? PXR_PAGE_NAME_LEAF : PXR_PAGE_DIR_LEAF;
    struct pxr_ref ref;
    uint8_t entry[PXR_NODE_ENTRY_BYTES] = {0};
    const uint32_t n = t->levels[level].n_entries;
    const enum pxr_err e =
        pxr_emit_page(to, level ? (uint8_t)(leaf + 1) : leaf, (uint8_t)level, n,
                      t->levels[level].entries, n * entry_bytes(t, level), &ref, diag);
    if (e != PXR_OK)
        return e;
    const struct pxr_tree_key first = t->levels[level].first;
    const uint64_t n_frames = t->levels[level].n_frames;
    pxr_store_u64le(entry, first.k0);
    pxr_store_u64le(entry + 8, t->names ? first.k1 : n_frames);
    pxr_store_u64le(entry + 16, ref.off_bytes);
    pxr_store_u32le(entry + 24, ref.n_bytes);
    pxr_store_u64le(entry + 32, ref.hash);
    t->levels[level].n_entries = 0;
    return push(t, to, level + 1, entry, first, n_frames, diag);
}

static enum pxr_err push(struct pxr_tree *t, struct pxr_emit *to, int level, const uint8_t *entry,
                         struct pxr_tree_key key, uint64_t n_frames, struct pxr_diag *diag)
{
    assert(level < PXR_TREE_LEVELS);
    if (t->levels[level].n_entries == PXR_TREE_FANOUT) {
        const enum pxr_err e = move_up(t, to, level, diag);
        if (e != PXR_OK)
            return e;
    }
    const size_t n = entry_bytes(t, level);
    if (!t->levels[level].n_entries) {
        t->levels[level].first = key;
        t->levels[level].n_frames = 0;
    }
    memcpy(t->levels[level].entries + t->levels[level].n_entries++ * n, entry, n);
    t->levels[level].n_frames += n_frames;
    return PXR_OK;
}

enum pxr_err pxr_tree_add_group(struct pxr_tree *t, struct pxr_emit *to,
                                const struct pxr_dir_entry *e, struct pxr_diag *diag)
{
    uint8_t entry[PXR_DIR_ENTRY_BYTES];
    pxr_dir_entry_store(entry, e);
    return push(t, to, 0, entry, (struct pxr_tree_key){e->first_frame, 0}, e->n_frames, diag);
}

enum pxr_err pxr_tree_add_name(struct pxr_tree *t, struct pxr_emit *to,
                               const struct pxr_name_entry *e, struct pxr_diag *diag)
{
    uint8_t entry[PXR_NAME_ENTRY_BYTES];
    pxr_name_entry_store(entry, e);
    return push(t, to, 0, entry, (struct pxr_tree_key){e->key, e->counter}, 0, diag);
}

static bool is_top(const struct pxr_tree *t, int level)
{
    for (int i = level + 1; i < PXR_TREE_LEVELS; i++)
        if (t->levels[i].n_entries)
            return false;
    return true;
}

enum pxr_err pxr_tree_finish(struct pxr_tree *t, struct pxr_emit *to, struct pxr_ref *top,
                             struct pxr_diag *diag)
{
    *top = (struct pxr_ref){0};
    if (is_top(t, -1))
        return PXR_OK;
    for (int level = 0;; level++) {
        const bool was_top = is_top(t, level);
        const enum pxr_err e = move_up(t, to, level, diag);
        if (e != PXR_OK)
            return e;
        if (was_top) {
            /* The reference that has just been pushed is the top page's. */
            const struct pxr_tree_page page = {.level = (uint8_t)(level + 1),
                                               .entry_bytes = PXR_NODE_ENTRY_BYTES,
                                               .entries = t->levels[level + 1].entries};
            *top = pxr_tree_entry_child(&page, 0);
            return PXR_OK;
        }
    }
}

/* ---- going on ----------------------------------------------------------------------------------- */

#define PAGE_MAX_BYTES (PXR_PAGE_HEADER_BYTES + PXR_TREE_FANOUT * PXR_DIR_ENTRY_BYTES)

static enum pxr_err read_page(const struct pxr_file *file, const struct pxr_ref *ref, bool names, uint64_t end_off,
                              uint8_t bytes[PAGE_MAX_BYTES], struct pxr_tree_page *page, struct pxr_diag *diag)
{
    if (ref->n_bytes > PAGE_MAX_BYTES)
        return pxr_fail_field(diag, PXR_E_CORRUPT, ref->off_bytes, "page_bytes", PAGE_MAX_BYTES,
                              ref->n_bytes, "larger than a tree's page can be");
    const enum pxr_err e = pxr_read_hashed(file, ref, bytes, diag);
    return e == PXR_OK ? pxr_parse_tree_page(page, bytes, ref, names, end_off, diag) : e;
}

enum pxr_err pxr_tree_resume(struct pxr_tree *t, const struct pxr_file *file, const struct pxr_ref *top,
                             uint64_t n_frames, uint64_t end_off, struct pxr_diag *diag)
{
    uint8_t bytes[PAGE_MAX_BYTES];
    struct pxr_tree_page page;
    struct pxr_ref ref = *top;
    uint64_t first = 0;
    pxr_tree_init(t, false);
    if (!top->n_bytes)
        return PXR_OK;
    if (top->level >= PXR_TREE_LEVELS - 1)
        return pxr_fail_field(diag, PXR_E_LIMIT, top->off_bytes, "level", PXR_TREE_LEVELS - 2, top->level,
                              "the directory is too deep to go on");
    for (;;) {
        const enum pxr_err e = read_page(file, &ref, false, end_off, bytes, &page, diag);
        if (e != PXR_OK)
            return e;
        if (!pxr_dir_page_covers(&page, first, n_frames))
            return pxr_fail_at(diag, PXR_E_CORRUPT, ref.off_bytes,
                               "a page of the directory does not hold what its parent says");
        /* The last child of a node is the page below, which will grow: its reference comes later. */
        const uint32_t n = page.n_entries - (page.level > 0);
        const uint64_t below = page.level ? pxr_tree_entry_key(&page, n).k0 : first + n_frames;
        memcpy(t->levels[page.level].entries, page.entries, (size_t)n * page.entry_bytes);
        t->levels[page.level].n_entries = n;
        t->levels[page.level].first = (struct pxr_tree_key){first, 0};
        t->levels[page.level].n_frames = below - first;
        if (!page.level)
            return PXR_OK;
        ref = pxr_tree_entry_child(&page, n);
        n_frames = first + n_frames - below;
        first = below;
    }
}

/* ---- walking ------------------------------------------------------------------------------------ */

struct pxr_name_walk {
    struct pxr_file file; /* borrowed */
    uint64_t end_off;
    int depth; /* open pages: from the top, [0], down to [depth - 1] */
    struct {
        struct pxr_tree_page page;
        uint32_t next; /* entry to be visited */
        uint8_t bytes[PAGE_MAX_BYTES];
    } path[PXR_TREE_MAX_LEVEL + 1];
};

static enum pxr_err open_page(struct pxr_name_walk *w, const struct pxr_ref *ref, struct pxr_diag *diag)
{
    const enum pxr_err e = read_page(&w->file, ref, true, w->end_off, w->path[w->depth].bytes,
                                     &w->path[w->depth].page, diag);
    w->path[w->depth].next = 0;
    w->depth += e == PXR_OK;
    return e;
}

enum pxr_err pxr_name_walk_new(struct pxr_name_walk **out, const struct pxr_file *file,
                               const struct pxr_ref *top, uint64_t end_off, struct pxr_diag *diag)
{
    struct pxr_name_walk *w = *out = pxr_alloc(sizeof *w);
    if (!w)
        return pxr_fail_nomem(diag, sizeof *w);
    w->file = *file;
    w->end_off = end_off;
    w->depth = 0;
    return open_page(w, top, diag);
}

enum pxr_err pxr_name_walk_next(struct pxr_name_walk *w, struct pxr_name_entry *out, bool *has_entry,
                                struct pxr_diag *diag)
{
    *has_entry = false;
    while (w->depth) {
        const int top = w->depth - 1;
        const struct pxr_tree_page *page = &w->path[top].page;
        if (w->path[top].next == page->n_entries) {
            w->depth--;
            continue;
        }
        const uint32_t i = w->path[top].next++;
        if (!page->level) {
            *out = pxr_name_entry_load(page->entries + (size_t)i * page->entry_bytes);
            *has_entry = true;
            return PXR_OK;
        }
        const struct pxr_ref child = pxr_tree_entry_child(page, i);
        const enum pxr_err e = open_page(w, &child, diag);
        if (e != PXR_OK)
            return e;
    }
    return PXR_OK;
}

void pxr_name_walk_free(struct pxr_name_walk *w) { pxr_free(w); }
