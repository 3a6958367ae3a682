/* SPDX-License-Identifier: MIT
 * Lengths of files that no formula gives, frame by frame (docs/format.md, "View indexes"). */
#include "view_index.h"

#include "diag.h"

const struct pxr_index_kind *const pxr_index_kinds[PXR_N_INDEX_KINDS] = {&pxr_index_png_small, &pxr_index_dci,
                                                                         &pxr_index_pce};

/* In the keys of the index cache: other than those of archive.c. */
enum { AS_VIEW_INDEX = 4, AS_VIEW_ENTRIES = 5 };

struct loaded_entries {
    const uint8_t *entries;
    /* the page follows */
};

struct request {
    pxr_archive *archive;
    const struct pxr_index_kind *kind;
    const struct pxr_root_view_index *root;
    const struct pxr_loaded_index *index;
    struct pxr_ref ref;
    uint64_t page;
};

static const struct pxr_root_view_index *find_root(const pxr_archive *a, const struct pxr_index_kind *kind)
{
    for (uint32_t i = 0; i < a->root.n_view_indexes; i++)
        if (a->root.view_indexes[i].view == kind->number)
            return &a->root.view_indexes[i];
    return NULL;
}

uint64_t pxr_index_n_frames(const pxr_archive *a, const struct pxr_index_kind *kind)
{
    const struct pxr_root_view_index *root = find_root(a, kind);
    return root ? root->n_frames : 0;
}

/* What the kind wants of the page. */
static enum pxr_err check_kind(const struct request *r, const struct pxr_view_index *i, void *state,
                               struct pxr_diag *diag)
{
    const struct pxr_superblock *sb = &r->archive->sb;
    const uint64_t off = r->ref.off_bytes;
    if (r->kind->refusal(sb->width_px, sb->height_px, sb->bits))
        return pxr_fail_at(diag, PXR_E_CORRUPT, off, "an index of %s, which such frames cannot have", r->kind->name);
    if (i->entry_bytes != r->kind->entry_bytes(sb))
        return pxr_fail_field(diag, PXR_E_CORRUPT, off + 16, "entry_bytes", r->kind->entry_bytes(sb), i->entry_bytes,
                              "does not fit the frames");
    return r->kind->init(state, sb, i->params, i->params_bytes, off + PXR_VIEW_INDEX_HEADER_BYTES, diag);
}

static enum pxr_err load_index(void *arg, const struct pxr_cache_key *key, void **value, size_t *value_bytes,
                               struct pxr_diag *diag)
{
    const struct request *r = arg;
    const size_t state_off = (size_t)pxr_round_up_u64(sizeof(struct pxr_loaded_index), 64);
    const size_t front_bytes = state_off + (size_t)pxr_round_up_u64(r->kind->state_bytes(&r->archive->sb), 64);
    uint8_t *memory;
    (void)key;
    enum pxr_err e = pxr_page_load(r->archive, &r->ref, front_bytes, &memory, diag);
    if (e != PXR_OK)
        return e;
    struct pxr_loaded_index *l = (void *)memory;
    l->state = memory + state_off;
    e = pxr_parse_view_index(&l->index, memory + front_bytes, &r->ref, r->root->n_frames, diag);
    if (e == PXR_OK)
        e = check_kind(r, &l->index, memory + state_off, diag);
    if (e != PXR_OK) {
        pxr_free(memory);
        return e;
    }
    *value = l;
    *value_bytes = front_bytes + r->ref.n_bytes;
    return PXR_OK;
}

static enum pxr_err check_entries(const struct request *r, const uint8_t *entries, struct pxr_diag *diag)
{
    uint32_t n;
    const struct pxr_view_index *i = &r->index->index;
    pxr_view_index_page(i, r->page, &n);
    for (uint32_t k = 0; k < n; k++)
        if (!r->kind->is_possible(r->index->state, entries + (size_t)k * i->entry_bytes))
            return pxr_fail_at(diag, PXR_E_CORRUPT,
                               r->ref.off_bytes + PXR_VIEW_ENTRIES_HEADER_BYTES + (uint64_t)k * i->entry_bytes,
                               "an entry of %s that no frame can have", r->kind->name);
    return PXR_OK;
}

static enum pxr_err load_entries(void *arg, const struct pxr_cache_key *key, void **value, size_t *value_bytes,
                                 struct pxr_diag *diag)
{
    const struct request *r = arg;
    uint8_t *memory;
    (void)key;
    if (!pxr_range_fits(r->ref.off_bytes, r->ref.n_bytes, r->archive->end_off))
        return pxr_fail_field(diag, PXR_E_CORRUPT, r->ref.off_bytes, "pages", r->archive->end_off, r->ref.off_bytes,
                              "a page of entries is not in the file");
    enum pxr_err e = pxr_page_load(r->archive, &r->ref, sizeof(struct loaded_entries), &memory, diag);
    if (e != PXR_OK)
        return e;
    struct loaded_entries *l = (void *)memory;
    e = pxr_parse_view_entries(&l->entries, memory + sizeof *l, &r->ref, &r->index->index, r->page, diag);
    if (e == PXR_OK)
        e = check_entries(r, l->entries, diag);
    if (e != PXR_OK) {
        pxr_free(memory);
        return e;
    }
    *value = l;
    *value_bytes = sizeof *l + r->ref.n_bytes;
    return PXR_OK;
}

/* What a key says of a page is all that its parsing depends on; of entries also the kind, whose params lie elsewhere. */
static struct pxr_cache_key key_of(const struct request *r, uint32_t as)
{
    const struct pxr_view_index *i = r->index ? &r->index->index : NULL;
    return (struct pxr_cache_key){r->ref.off_bytes, r->ref.hash, r->ref.n_bytes | (i ? (uint64_t)i->page_frames << 32 : 0),
                                  i ? r->page : r->root->n_frames, i ? i->n_frames : 0,
                                  as | (uint32_t)r->kind->number << 8};
}

static enum pxr_err get_index(struct request *r, pxr_cache_entry **entry, const struct pxr_loaded_index **out,
                              struct pxr_diag *diag)
{
    r->ref = r->root->head;
    r->index = NULL;
    const struct pxr_cache_key key = key_of(r, AS_VIEW_INDEX);
    const enum pxr_err e = pxr_cache_get(r->archive->index_cache, &key, load_index, r, entry, NULL, diag);
    if (e == PXR_OK)
        *out = pxr_cache_value(*entry);
    return e;
}

enum pxr_err pxr_index_get(pxr_archive *a, const struct pxr_index_kind *kind, pxr_cache_entry **entry,
                           const struct pxr_loaded_index **out, struct pxr_diag *diag)
{
    struct request r = {.archive = a, .kind = kind, .root = find_root(a, kind)};
    *entry = NULL;
    return r.root ? get_index(&r, entry, out, diag) : pxr_fail(diag, PXR_E_RANGE, "has no index of %s", kind->name);
}

enum pxr_err pxr_index_entry_get(pxr_archive *a, const struct pxr_index_kind *kind, uint64_t frame,
                                 struct pxr_index_entry *out, struct pxr_diag *diag)
{
    struct request r = {.archive = a, .kind = kind, .root = find_root(a, kind)};
    *out = (struct pxr_index_entry){0};
    if (!r.root || frame >= r.root->n_frames)
        return pxr_diag_in_frame(
            diag, pxr_fail(diag, PXR_E_RANGE, "the length of its %s file is not indexed", kind->name), frame);
    enum pxr_err e = get_index(&r, &out->head, &r.index, diag);
    if (e != PXR_OK)
        return e;
    uint32_t n;
    const struct pxr_view_index *index = &r.index->index;
    r.page = frame / index->page_frames;
    r.ref = pxr_view_index_page(index, r.page, &n);
    const struct pxr_cache_key key = key_of(&r, AS_VIEW_ENTRIES);
    e = pxr_cache_get(a->index_cache, &key, load_entries, &r, &out->page, NULL, diag);
    if (e != PXR_OK) {
        pxr_index_entry_put(a, out);
        return pxr_diag_in_frame(diag, e, frame);
    }
    out->state = r.index->state;
    out->bytes = ((struct loaded_entries *)pxr_cache_value(out->page))->entries +
                 frame % index->page_frames * index->entry_bytes;
    return PXR_OK;
}

void pxr_index_entry_put(pxr_archive *a, struct pxr_index_entry *e)
{
    pxr_cache_put(a->index_cache, e->page);
    pxr_cache_put(a->index_cache, e->head);
    *e = (struct pxr_index_entry){0};
}
