/* SPDX-License-Identifier: MIT
 * Lengths of files that no formula gives, frame by frame (docs/format.md, "View indexes"). */
#include "view_index.h"

#include "diag.h"

/* In the keys of the index cache: other than those of archive.c. */
enum { AS_VIEW_INDEX = 4, AS_VIEW_ENTRIES = 5 };

struct loaded_entries {
    const uint8_t *entries;
    /* the page follows */
};

struct request {
    pxr_archive *archive;
    const struct pxr_root_view_index *root;
    const struct pxr_view_index *index;
    struct pxr_ref ref;
    uint64_t page;
};

static const struct pxr_root_view_index *find_root(const pxr_archive *a)
{
    for (uint32_t i = 0; i < a->root.n_view_indexes; i++)
        if (a->root.view_indexes[i].view == PXR_VIEW_INDEX_PNG_SMALL)
            return &a->root.view_indexes[i];
    return NULL;
}

uint64_t pxr_small_n_indexed(const pxr_archive *a)
{
    const struct pxr_root_view_index *root = find_root(a);
    return root ? root->n_frames : 0;
}

/* What png-small wants of the page. */
static enum pxr_err check_params(struct pxr_small_index *l, const pxr_archive *a, uint64_t off, struct pxr_diag *diag)
{
    const struct pxr_superblock *sb = &a->sb;
    if (!pxr_small_bands_init(&l->bands, sb->width_px, sb->height_px, sb->bits))
        return pxr_fail_at(diag, PXR_E_CORRUPT, off, "an index of png-small, which such wide frames cannot have");
    if (l->index.entry_bytes != pxr_small_entry_bytes(&l->bands))
        return pxr_fail_field(diag, PXR_E_CORRUPT, off + 16, "entry_bytes", pxr_small_entry_bytes(&l->bands),
                              l->index.entry_bytes, "does not fit the bands of a frame");
    if (l->index.params_bytes != PXR_SMALL_SYMBOLS)
        return pxr_fail_field(diag, PXR_E_CORRUPT, off + 24, "params_bytes", PXR_SMALL_SYMBOLS,
                              l->index.params_bytes, "not a table of code lengths");
    if (!pxr_small_table_init(&l->table, l->index.params))
        return pxr_fail_at(diag, PXR_E_CORRUPT, off + PXR_VIEW_INDEX_HEADER_BYTES,
                           "the code lengths of png-small are no complete code");
    return PXR_OK;
}

static enum pxr_err load_index(void *arg, const struct pxr_cache_key *key, void **value, size_t *value_bytes,
                               struct pxr_diag *diag)
{
    const struct request *r = arg;
    uint8_t *memory;
    (void)key;
    enum pxr_err e = pxr_page_load(r->archive, &r->ref, sizeof(struct pxr_small_index), &memory, diag);
    if (e != PXR_OK)
        return e;
    struct pxr_small_index *l = (void *)memory;
    e = pxr_parse_view_index(&l->index, memory + sizeof *l, &r->ref, r->root->n_frames, diag);
    if (e == PXR_OK)
        e = check_params(l, r->archive, r->ref.off_bytes, diag);
    if (e != PXR_OK) {
        pxr_free(memory);
        return e;
    }
    *value = l;
    *value_bytes = sizeof *l + r->ref.n_bytes;
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
    e = pxr_parse_view_entries(&l->entries, memory + sizeof *l, &r->ref, r->index, r->page, diag);
    if (e != PXR_OK) {
        pxr_free(memory);
        return e;
    }
    *value = l;
    *value_bytes = sizeof *l + r->ref.n_bytes;
    return PXR_OK;
}

/* What a key says of a page is all that its parsing depends on. */
static struct pxr_cache_key key_of(const struct request *r, uint32_t as)
{
    const struct pxr_view_index *i = r->index;
    return (struct pxr_cache_key){r->ref.off_bytes, r->ref.hash, r->ref.n_bytes | (i ? (uint64_t)i->page_frames << 32 : 0),
                                  i ? r->page : r->root->n_frames, i ? i->n_frames : 0, as};
}

static enum pxr_err get_index(struct request *r, pxr_cache_entry **entry, const struct pxr_small_index **out,
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

enum pxr_err pxr_small_index_get(pxr_archive *a, pxr_cache_entry **entry, const struct pxr_small_index **out,
                                 struct pxr_diag *diag)
{
    struct request r = {.archive = a, .root = find_root(a)};
    *entry = NULL;
    return r.root ? get_index(&r, entry, out, diag) : pxr_fail(diag, PXR_E_RANGE, "has no index of png-small");
}

enum pxr_err pxr_small_entry_get(pxr_archive *a, uint64_t frame, struct pxr_small_entry *out, struct pxr_diag *diag)
{
    struct request r = {.archive = a, .root = find_root(a)};
    const struct pxr_small_index *l;
    *out = (struct pxr_small_entry){0};
    if (!r.root || frame >= r.root->n_frames)
        return pxr_diag_in_frame(diag, pxr_fail(diag, PXR_E_RANGE, "the length of its png-small file is not indexed"),
                                 frame);
    enum pxr_err e = get_index(&r, &out->head, &l, diag);
    if (e != PXR_OK)
        return e;
    uint32_t n;
    r.index = &l->index;
    r.page = frame / l->index.page_frames;
    r.ref = pxr_view_index_page(&l->index, r.page, &n);
    const struct pxr_cache_key key = key_of(&r, AS_VIEW_ENTRIES);
    e = pxr_cache_get(a->index_cache, &key, load_entries, &r, &out->page, NULL, diag);
    if (e != PXR_OK) {
        pxr_small_entry_put(a, out);
        return pxr_diag_in_frame(diag, e, frame);
    }
    const uint8_t *entry = ((struct loaded_entries *)pxr_cache_value(out->page))->entries +
                           frame % l->index.page_frames * l->index.entry_bytes;
    out->table = &l->table;
    out->bands = l->bands;
    out->adler32 = pxr_load_u32le(entry);
    out->band_bytes = entry + 4;
    return PXR_OK;
}

void pxr_small_entry_put(pxr_archive *a, struct pxr_small_entry *e)
{
    pxr_cache_put(a->index_cache, e->page);
    pxr_cache_put(a->index_cache, e->head);
    e->page = e->head = NULL;
}

void pxr_small_entry_make(const struct pxr_small_bands *b, const struct pxr_small_table *t, const uint8_t *pixels,
                          uint8_t *memory, uint8_t *entry)
{
    uint32_t adler = 1;
    for (uint32_t k = 0; k < b->n_bands; k++) {
        uint64_t counts[256] = {0};
        const uint32_t n_rows = pxr_small_band_rows(b, k);
        const uint8_t *rows = pixels + (size_t)k * b->band_rows * (b->row_bytes - 1);
        const size_t n = pxr_small_filter(b, rows, n_rows, memory);
        adler = pxr_adler32(adler, memory, n);
        pxr_small_count(counts, memory, n);
        /* Below 2^31: at most 12 bits for each of 2^30 bytes, and a head. */
        pxr_store_u32le(entry + 4 + 4 * (size_t)k, (uint32_t)pxr_small_coded_bytes(t, counts, k + 1 == b->n_bands));
    }
    pxr_store_u32le(entry, adler);
}
