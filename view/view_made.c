/* SPDX-License-Identifier: MIT
 * Files that can only be made whole: dci and pce, whose lengths are indexed (docs/format.md, "dci", "pce"). */
#include "bytes.h"
#include "diag.h"
#include "reader.h"
#include "view_kind.h"

#include <stdio.h>

struct making {
    struct pxr_view_file *file;
    const struct pxr_view_kind *kind;
};

static enum pxr_err load_file(void *arg, const struct pxr_cache_key *key, void **value, size_t *value_bytes,
                              struct pxr_diag *diag)
{
    const struct making *m = arg;
    struct pxr_view_file *f = m->file;
    struct pxr_buffer out = {0};
    (void)key;
    enum pxr_err e = m->kind->make(f, &out);
    if (e == PXR_OK && out.n_bytes != f->total_bytes) {
        pxr_fail_field(&f->rows.decoder->diag, PXR_E_CORRUPT, PXR_NONE, "entry", f->total_bytes, out.n_bytes,
                       "the index of %s has another length", m->kind->name);
        e = pxr_diag_in_frame(&f->rows.decoder->diag, PXR_E_CORRUPT, f->info->frame);
    }
    if (e != PXR_OK) {
        pxr_buffer_fini(&out);
        if (diag != &f->rows.decoder->diag)
            *diag = f->rows.decoder->diag;
        return e;
    }
    *value = out.bytes;
    *value_bytes = out.capacity;
    return PXR_OK;
}

enum pxr_err pxr_view_read_made(struct pxr_view_file *f, enum pxr_view v, const struct pxr_view_kind *kind,
                                uint64_t off_bytes, uint8_t *dst, size_t n_bytes)
{
    struct making m = {f, kind};
    pxr_cache *cache = pxr_decoder_archive(f->rows.decoder)->made_cache;
    pxr_cache_entry *entry;
    const struct pxr_cache_key key = {f->info->frame, f->info->pixel_hash, f->total_bytes, f->tile, 0, (uint32_t)v};
    const enum pxr_err e = pxr_cache_get(cache, &key, load_file, &m, &entry, NULL, &f->rows.decoder->diag);
    if (e != PXR_OK)
        return e;
    memcpy(dst, (const uint8_t *)pxr_cache_value(entry) + off_bytes, n_bytes);
    pxr_cache_put(cache, entry);
    return PXR_OK;
}

/* Rows of the frame, adjacent, in fresh memory. */
static enum pxr_err read_rows(const struct pxr_view_file *f, uint32_t first, uint32_t n_rows, uint8_t **rows)
{
    pxr_decoder *d = f->rows.decoder;
    const size_t row_bytes = f->rows.stored_bytes;
    *rows = pxr_alloc(n_rows * row_bytes);
    if (!*rows)
        return pxr_fail_nomem(&d->diag, n_rows * row_bytes);
    return pxr_frame_read(d, f->info->frame, first, n_rows, *rows, n_rows * row_bytes, row_bytes);
}

/* ---- dci ----------------------------------------------------------------------------------------- */

static bool lay_out_dci(struct pxr_view_file *f)
{
    f->total_bytes = pxr_load_u32le(f->entry->bytes);
    return pxr_view_rows_init(&f->rows, f->info, 0, f->info->bits / 8u, false);
}

static enum pxr_err make_dci(struct pxr_view_file *f, struct pxr_buffer *out)
{
    uint8_t *rows;
    enum pxr_err e = read_rows(f, 0, f->info->height_px, &rows);
    if (e == PXR_OK)
        e = pxr_index_dci_make(f->entry->state, rows, out, &f->rows.decoder->diag);
    pxr_free(rows);
    return e;
}

static const char *refuse_dci(const struct pxr_archive_info *a)
{
    const char *const why = pxr_index_dci.refusal(a->width_px, a->height_px, a->bits);
    if (why || (a->n_dci_frames && a->n_dci_frames == a->n_frames))
        return why;
    return a->n_dci_frames ? "not all frames are indexed; 'pixelrain index ARCHIVE dci' goes on"
                           : "its lengths are not indexed; 'pixelrain index ARCHIVE dci' does that";
}

const struct pxr_view_kind pxr_view_kind_dci = {.name = "dci",
                                                .extension = "dci",
                                                .lay_out = lay_out_dci,
                                                .make = make_dci,
                                                .index = &pxr_index_dci,
                                                .refusal = refuse_dci};

/* ---- pce ----------------------------------------------------------------------------------------- */

static bool lay_out_pce(struct pxr_view_file *f)
{
    f->total_bytes = pxr_load_u32le(f->entry->bytes + 4 * (size_t)f->tile);
    return pxr_view_rows_init(&f->rows, f->info, 0, f->info->bits / 8u, false);
}

static enum pxr_err make_pce(struct pxr_view_file *f, struct pxr_buffer *out)
{
    const struct pxr_pce_tile t = pxr_pce_tile_at(f->info->width_px, f->info->height_px, f->tile);
    struct pxr_diag *diag = &f->rows.decoder->diag;
    struct pxr_buffer scratch = {0};
    uint8_t *rows;
    enum pxr_err e = read_rows(f, t.y, t.height_px, &rows);
    if (e == PXR_OK)
        e = pxr_index_pce_make(f->entry->state, f->tile, rows, &scratch, out, diag);
    if (e == PXR_E_UNSUPPORTED) { /* the palette is the index's */
        pxr_fail(diag, PXR_E_CORRUPT, "the index of pce does not know all levels of gray of these pixels");
        e = pxr_diag_in_frame(diag, PXR_E_CORRUPT, f->info->frame);
    }
    pxr_buffer_fini(&scratch);
    pxr_free(rows);
    return e;
}

static const char *refuse_pce(const struct pxr_archive_info *a)
{
    const char *const why = pxr_index_pce.refusal(a->width_px, a->height_px, a->bits);
    if (why || (a->n_pce_frames && a->n_pce_frames == a->n_frames))
        return why;
    return a->n_pce_frames
               ? "not all frames are indexed; 'pixelrain index ARCHIVE pce' goes on, or says why not"
               : "its lengths are not indexed; 'pixelrain index ARCHIVE pce' does that for at most four levels of gray";
}

/* As convert names them. */
static void tile_suffix(uint32_t width_px, uint32_t tile, char dst[PXR_VIEW_SUFFIX_BYTES])
{
    const uint32_t n_columns = (uint32_t)pxr_div_up_u64(width_px, PXR_PCE_MAX_SIDE_PX);
    snprintf(dst, PXR_VIEW_SUFFIX_BYTES, ".%u.%u.pceb", tile / n_columns, tile % n_columns);
}

/* The number that ends before *end, a dot before it; *end is then that dot.  False: there is none of at most 7 digits. */
static bool take_number(const char *name, const char **end, uint32_t *number)
{
    const char *at = *end;
    uint32_t unit = 1;
    *number = 0;
    for (; at > name && at[-1] >= '0' && at[-1] <= '9' && *end - at < 7; at--, unit *= 10)
        *number += unit * (uint32_t)(at[-1] - '0');
    if (at == *end || at == name || at[-1] != '.')
        return false;
    *end = at - 1;
    return true;
}

static bool find_tile(uint32_t width_px, const char *name, uint32_t *tile)
{
    const char *end = strrchr(name, '.');
    uint32_t column, row;
    if (!end || !take_number(name, &end, &column) || !take_number(name, &end, &row))
        return false;
    const uint64_t n_columns = pxr_div_up_u64(width_px, PXR_PCE_MAX_SIDE_PX), at = row * n_columns + column;
    *tile = (uint32_t)pxr_min_u64(at, UINT32_MAX);
    return column < n_columns;
}

/* Files show the levels 0, 85, 170 and 255 of 8 bits; whoever needs others finds them here. */
static bool is_display_palette(const struct pxr_pce_state *s)
{
    bool is_one = s->bits == 8;
    for (unsigned i = 0; i < s->palette.n_levels; i++)
        is_one &= s->palette.level[i] == 255 - 85 * s->palette.symbol[i];
    return is_one;
}

static void put_palette(const struct pxr_pce_state *s, struct pxr_buffer *out)
{
    char line[64];
    int n = snprintf(line, sizeof line, "bits %u\n", s->bits);
    bool is_ok = pxr_buffer_add(out, line, (size_t)n);
    for (unsigned i = 0; i < s->palette.n_levels && is_ok; i++) {
        n = snprintf(line, sizeof line, "%u %u\n", s->palette.symbol[i], s->palette.level[i]);
        is_ok = pxr_buffer_add(out, line, (size_t)n);
    }
    if (!is_ok)
        pxr_buffer_fini(out);
}

static const char *companion_pce(const void *state, unsigned companion, struct pxr_buffer *out)
{
    const struct pxr_pce_state *s = state;
    if (s->table && companion-- == 0) {
        pxr_pce_table_write(s->table, out);
        return "table.pcet";
    }
    if (is_display_palette(s) || companion)
        return NULL;
    put_palette(s, out);
    return "palette.txt";
}

static uint32_t n_tiles_pce(uint32_t width_px, uint32_t height_px)
{
    return (uint32_t)pxr_min_u64(pxr_pce_n_tiles(width_px, height_px), UINT32_MAX);
}

const struct pxr_view_kind pxr_view_kind_pce = {.name = "pce",
                                                .extension = "pce",
                                                .lay_out = lay_out_pce,
                                                .make = make_pce,
                                                .index = &pxr_index_pce,
                                                .n_tiles = n_tiles_pce,
                                                .tile_suffix = tile_suffix,
                                                .find_tile = find_tile,
                                                .companion = companion_pce,
                                                .refusal = refuse_pce};
