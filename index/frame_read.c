/* SPDX-License-Identifier: MIT
 * From frame and rows to samples: which units hold them, decoded once, through the cache. */
#include "reader.h"

#include "diag.h"

#include <inttypes.h>

/* ---- decoders ----------------------------------------------------------------------------------- */

enum pxr_err pxr_decoder_new(pxr_decoder **out, pxr_archive *a)
{
    pxr_decoder *d = *out = pxr_alloc_zero(1, sizeof *d);
    if (!d)
        return PXR_E_NOMEM;
    d->archive = a;
    const enum pxr_err e = pxr_block_decoder_new(&d->block, &d->diag);
    if (e != PXR_OK) {
        pxr_decoder_free(d);
        *out = NULL;
    }
    return e;
}

void pxr_decoder_free(pxr_decoder *d)
{
    if (!d)
        return;
    pxr_cache_put(d->archive->index_cache, d->group_entry);
    pxr_cache_put(d->archive->index_cache, d->frames_entry);
    pxr_block_decoder_free(d->block);
    pxr_buffer_fini(&d->packed);
    pxr_free(d->scratch);
    pxr_free(d);
}

const struct pxr_diag *pxr_decoder_diag(const pxr_decoder *d) { return &d->diag; }
pxr_archive *pxr_decoder_archive(const pxr_decoder *d) { return d->archive; }

/* The group that is referenced stays: it is in a cache that both archives have. */
void pxr_decoder_move(pxr_decoder *d, pxr_archive *a) { d->archive = a; }

void *pxr_decoder_scratch(pxr_decoder *d, size_t n_bytes)
{
    if (n_bytes > d->scratch_bytes) {
        void *p = pxr_alloc_aligned(64, n_bytes);
        if (!p)
            return NULL;
        pxr_free(d->scratch);
        d->scratch = p;
        d->scratch_bytes = n_bytes;
    }
    return d->scratch;
}

enum pxr_err pxr_decoder_seek(pxr_decoder *d, uint64_t frame, struct pxr_diag *diag)
{
    struct pxr_dir_entry dir;
    if (d->group && frame - d->group->group.first_frame < d->group->group.n_frames)
        return PXR_OK;
    enum pxr_err e = pxr_dir_find(d->archive, frame, &dir, diag);
    if (e != PXR_OK)
        return e;
    pxr_cache_put(d->archive->index_cache, d->group_entry);
    d->group_entry = NULL;
    d->group = NULL;
    return pxr_group_get(d->archive, &dir, &d->group_entry, &d->group, diag);
}

void pxr_decoder_take(pxr_decoder *d, pxr_cache_entry *entry, struct pxr_loaded_group *group)
{
    pxr_cache_put(d->archive->index_cache, d->group_entry);
    d->group_entry = entry;
    d->group = group;
}

/* ---- units -------------------------------------------------------------------------------------- */

static struct pxr_cache_key unit_key(const struct pxr_placed_block *b, uint32_t unit)
{
    /* The place is part of the key, since XXH3 does not resist somebody who makes collisions. */
    const struct pxr_block_header *h = &b->header;
    return (struct pxr_cache_key){b->identity.lo, b->identity.hi, b->payload_off,
                                  (uint64_t)h->shape.height_px << 32 | h->shape.width_px,
                                  (uint64_t)h->frames_per_unit << 32 |
                                      (uint64_t)h->shape.n_frames << 8 | h->codec,
                                  unit};
}

bool pxr_unit_is_cached(pxr_archive *a, const struct pxr_placed_block *b, uint32_t unit)
{
    const struct pxr_cache_key key = unit_key(b, unit);
    return pxr_cache_has(a->unit_cache, &key);
}

void pxr_group_forget(pxr_archive *a, uint64_t frame, uint64_t first, uint64_t end)
{
    struct pxr_dir_entry dir;
    struct pxr_loaded_group *g;
    struct pxr_placed_block b;
    pxr_cache_entry *entry;
    if (pxr_dir_find(a, frame, &dir, NULL) != PXR_OK || dir.first_frame < first ||
        !pxr_range_fits(dir.first_frame, dir.n_frames, end) || pxr_group_get(a, &dir, &entry, &g, NULL) != PXR_OK)
        return;
    for (uint32_t i = 0; i < g->group.n_blocks; i++) {
        if (pxr_group_block(a, g, i, &b, NULL) != PXR_OK)
            break;
        for (uint32_t unit = 0; unit < b.header.n_units; unit++) {
            const struct pxr_cache_key key = unit_key(&b, unit);
            pxr_cache_drop(a->unit_cache, &key);
        }
    }
    pxr_cache_put(a->index_cache, entry);
}

struct unit_request {
    pxr_decoder *decoder;
    const struct pxr_placed_block *block;
};

/* Read a unit's bytes into d->packed and verify them, unless that was declined: no decoder relies on it. */
static enum pxr_err read_unit(pxr_decoder *d, const struct pxr_placed_block *b, uint32_t unit,
                              struct pxr_block_unit *place, struct pxr_diag *diag)
{
    *place = pxr_block_unit_at(&b->header, unit);
    const struct pxr_ref ref = {b->payload_off + place->off_bytes, place->hash, place->n_bytes, 0};
    d->packed.n_bytes = 0;
    uint8_t *bytes = pxr_buffer_extend(&d->packed, ref.n_bytes);
    if (!bytes)
        return pxr_fail_nomem(diag, ref.n_bytes);
    atomic_fetch_add_explicit(&d->archive->shared->n_bytes_read, ref.n_bytes, memory_order_relaxed);
    if (d->archive->limits.skips_unit_hashes)
        return pxr_file_read(&d->archive->file, ref.off_bytes, bytes, ref.n_bytes, diag);
    return pxr_read_hashed(&d->archive->file, &ref, bytes, diag);
}

/* Units that this one refers to, decoded first.  Depth is bounded: each refers to lower ones only. */
static enum pxr_err get_refs(pxr_decoder *d, const struct pxr_placed_block *b, uint32_t unit,
                             pxr_cache_entry *entries[2], const void *pixels[2], struct pxr_diag *diag)
{
    uint32_t refs[2];
    const unsigned n = pxr_block_unit_refs(&b->header, unit, refs);
    enum pxr_err e = PXR_OK;
    for (unsigned i = 0; i < n && e == PXR_OK; i++) {
        const uint8_t *p = NULL;
        e = pxr_unit_get(d, b, refs[i], &entries[i], &p, diag);
        pixels[i] = p;
    }
    return e;
}

static enum pxr_err load_unit(void *arg, const struct pxr_cache_key *key, void **value,
                              size_t *value_bytes, struct pxr_diag *diag)
{
    const struct unit_request *r = arg;
    const struct pxr_placed_block *b = r->block;
    pxr_decoder *d = r->decoder;
    pxr_archive *a = d->archive;
    pxr_cache_entry *refs[2] = {NULL, NULL};
    const void *ref_pixels[2] = {NULL, NULL};
    struct pxr_block_unit place;
    *value_bytes = pxr_block_unit_state_bytes(&b->header, key->unit);
    pxr_cache_make_room(a->unit_cache, *value_bytes);
    *value = pxr_slab_get(a->shared->unit_slab, *value_bytes);
    if (!*value)
        return pxr_fail_nomem(diag, *value_bytes);
    enum pxr_err e = get_refs(d, b, key->unit, refs, ref_pixels, diag);
    if (e == PXR_OK)
        e = read_unit(d, b, key->unit, &place, diag);
    if (e == PXR_OK) {
        e = pxr_block_unit_decode(d->block, &b->header, key->unit, ref_pixels, d->packed.bytes,
                                  place.n_bytes, *value, diag);
        if (e != PXR_OK && diag && diag->off_bytes == PXR_NONE)
            diag->off_bytes = b->payload_off + place.off_bytes;
    }
    pxr_cache_put(a->unit_cache, refs[0]);
    pxr_cache_put(a->unit_cache, refs[1]);
    if (e != PXR_OK) {
        pxr_slab_put(*value);
        *value = NULL;
        return pxr_archive_recheck(a, e, diag);
    }
    atomic_fetch_add_explicit(d->is_prefetching ? &a->shared->n_prefetched : &a->shared->n_decoded, 1,
                              memory_order_relaxed);
    return PXR_OK;
}

enum pxr_err pxr_unit_get(pxr_decoder *d, const struct pxr_placed_block *b, uint32_t unit,
                          pxr_cache_entry **entry, const uint8_t **pixels, struct pxr_diag *diag)
{
    struct unit_request r = {d, b};
    const struct pxr_cache_key key = unit_key(b, unit);
    bool was_there;
    const enum pxr_err e =
        pxr_cache_get(d->archive->unit_cache, &key, load_unit, &r, entry, &was_there, diag);
    if (e != PXR_OK)
        return e;
    if (was_there && !d->is_prefetching)
        atomic_fetch_add_explicit(&d->archive->shared->n_hits, 1, memory_order_relaxed);
    *pixels = pxr_cache_value(*entry);
    return PXR_OK;
}

/* ---- frames ------------------------------------------------------------------------------------- */

void pxr_group_blocks_of_rows(const struct pxr_group *g, uint32_t row0, uint32_t n_rows,
                              uint32_t *first, uint32_t *end)
{
    *first = row0 / g->block_height_px * g->n_columns;
    *end = ((row0 + n_rows - 1) / g->block_height_px + 1) * g->n_columns;
}

/* Where the rows of a read go. */
struct target {
    uint8_t *dst;
    size_t stride_bytes;
    uint32_t row0, n_rows;
};

static void fill_constant(const struct pxr_placed_block *b, uint32_t y0, uint32_t y1,
                          const struct target *t)
{
    const struct pxr_block_shape *s = &b->header.shape;
    const uint16_t value = pxr_block_constant(&b->header);
    for (uint32_t y = y0; y < y1; y++) {
        uint8_t *row = t->dst + (size_t)(y - t->row0) * t->stride_bytes + b->x0 * (s->bits / 8u);
        if (s->bits == 8)
            memset(row, value, s->width_px);
        else
            for (uint32_t x = 0; x < s->width_px; x++)
                memcpy(row + 2 * (size_t)x, &value, 2);
    }
}

/* Copy the rows of one block that lie in the target. */
static enum pxr_err read_block(pxr_decoder *d, uint32_t frame, uint32_t block, const struct target *t)
{
    struct pxr_placed_block b;
    enum pxr_err e = pxr_group_block(d->archive, d->group, block, &b, &d->diag);
    if (e != PXR_OK)
        return e;
    const struct pxr_block_shape *s = &b.header.shape;
    const uint32_t y0 = b.y0 > t->row0 ? b.y0 : t->row0;
    const uint32_t y1 = (uint32_t)pxr_min_u64(b.y0 + s->height_px, t->row0 + t->n_rows);
    if (!b.header.n_units) {
        fill_constant(&b, y0, y1, t);
        return PXR_OK;
    }
    pxr_cache_entry *entry;
    const uint8_t *pixels;
    const uint32_t unit = pxr_block_unit_of(&b.header, frame);
    e = pxr_unit_get(d, &b, unit, &entry, &pixels, &d->diag);
    if (e != PXR_OK)
        return e;
    uint32_t first, n;
    pxr_block_unit_frames(&b.header, unit, &first, &n);
    const size_t row = (size_t)s->width_px * (s->bits / 8u);
    const uint8_t *src = pixels + ((size_t)(frame - first) * s->height_px + (y0 - b.y0)) * row;
    uint8_t *dst = t->dst + (size_t)(y0 - t->row0) * t->stride_bytes + b.x0 * (s->bits / 8u);
    if (row == t->stride_bytes)
        memcpy(dst, src, row * (y1 - y0));
    else
        for (uint32_t y = y0; y < y1; y++, src += row, dst += t->stride_bytes)
            memcpy(dst, src, row);
    pxr_cache_put(d->archive->unit_cache, entry);
    return PXR_OK;
}

static void zero_rows(const struct target *t, size_t row_bytes)
{
    for (uint32_t y = 0; y < t->n_rows; y++)
        memset(t->dst + y * t->stride_bytes, 0, row_bytes);
}

enum pxr_err pxr_frame_read(pxr_decoder *d, uint64_t frame, uint32_t row0, uint32_t n_rows, void *dst,
                            size_t dst_bytes, size_t stride_bytes)
{
    const struct pxr_superblock *sb = &d->archive->sb;
    const size_t row = (size_t)sb->width_px * (sb->bits / 8u);
    uint64_t need;
    if (!pxr_range_fits(row0, n_rows, sb->height_px))
        return pxr_fail_field(&d->diag, PXR_E_RANGE, PXR_NONE, "rows", sb->height_px,
                              (uint64_t)row0 + n_rows, "there are no such rows");
    if (!n_rows)
        return PXR_OK;
    if (stride_bytes < row || !pxr_mul_u64(stride_bytes, n_rows - 1, &need) ||
        !pxr_add_u64(need, row, &need) || need > dst_bytes)
        return pxr_fail_field(&d->diag, PXR_E_RANGE, PXR_NONE, "dst_bytes", row * n_rows, dst_bytes,
                              "the destination is too small");
    const struct target t = {dst, stride_bytes, row0, n_rows};
    enum pxr_err e = pxr_decoder_seek(d, frame, &d->diag);
    if (e == PXR_OK) {
        uint32_t first, end;
        pxr_group_blocks_of_rows(&d->group->group, row0, n_rows, &first, &end);
        pxr_prefetch_help(d, frame, first, end);
        const uint32_t i = (uint32_t)(frame - d->group->group.first_frame);
        for (uint32_t b = first; b < end && e == PXR_OK; b++)
            pxr_diag_in_block(&d->diag, e = read_block(d, i, b, &t), frame, b);
    }
    if (e != PXR_OK) {
        zero_rows(&t, row);
        return pxr_diag_in_frame(&d->diag, e, frame);
    }
    pxr_prefetch_note(d, frame, row0, n_rows);
    return PXR_OK;
}

bool pxr_frame_borrow(pxr_decoder *d, uint64_t frame, uint32_t row0, uint32_t n_rows, pxr_cache_entry **entry,
                      const uint8_t **pixels)
{
    uint32_t first, end, n;
    struct pxr_placed_block b;
    if (!n_rows || !pxr_range_fits(row0, n_rows, d->archive->sb.height_px) || pxr_decoder_seek(d, frame, NULL) != PXR_OK)
        return false;
    pxr_group_blocks_of_rows(&d->group->group, row0, n_rows, &first, &end);
    if (end - first != 1 || pxr_group_block(d->archive, d->group, first, &b, NULL) != PXR_OK || !b.header.n_units)
        return false;
    const struct pxr_block_shape *s = &b.header.shape;
    const uint32_t i = (uint32_t)(frame - d->group->group.first_frame), unit = pxr_block_unit_of(&b.header, i);
    if (pxr_unit_get(d, &b, unit, entry, pixels, NULL) != PXR_OK)
        return false;
    pxr_block_unit_frames(&b.header, unit, &first, &n);
    *pixels += ((size_t)(i - first) * s->height_px + (row0 - b.y0)) * s->width_px * (s->bits / 8u);
    pxr_prefetch_note(d, frame, row0, n_rows);
    return true;
}
