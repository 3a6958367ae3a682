/* SPDX-License-Identifier: MIT
 * A frame as a file of some format: names, sizes, bytes. */
#include "bytes.h"
#include "diag.h"
#include "reader.h"
#include "view_kind.h"

#include <stdio.h>

#define NO_TILE UINT32_MAX

static const struct pxr_view_kind *const kinds[PXR_N_VIEWS] = {
    [PXR_VIEW_PNG] = &pxr_view_kind_png, [PXR_VIEW_PGM] = &pxr_view_kind_pgm,
    [PXR_VIEW_RAW] = &pxr_view_kind_raw, [PXR_VIEW_TIF] = &pxr_view_kind_tif,
    [PXR_VIEW_NPY] = &pxr_view_kind_npy, [PXR_VIEW_PREVIEW] = &pxr_view_kind_preview,
    [PXR_VIEW_VCBN] = &pxr_view_kind_vcbn, [PXR_VIEW_PX2] = &pxr_view_kind_px2,
    [PXR_VIEW_PXS] = &pxr_view_kind_pxs,
    [PXR_VIEW_PNG_SMALL] = &pxr_view_kind_png_small, [PXR_VIEW_DCI] = &pxr_view_kind_dci,
    [PXR_VIEW_PCE] = &pxr_view_kind_pce,
};

const char *pxr_view_name(enum pxr_view v)
{
    return (unsigned)v < PXR_N_VIEWS ? kinds[v]->name : "";
}

const char *pxr_view_extension(enum pxr_view v)
{
    return (unsigned)v < PXR_N_VIEWS ? kinds[v]->extension : "";
}

bool pxr_view_find(const char *name, enum pxr_view *out)
{
    for (unsigned v = 0; v < PXR_N_VIEWS; v++)
        if (!strcmp(kinds[v]->name, name)) {
            *out = (enum pxr_view)v;
            return true;
        }
    return false;
}

struct pxr_frame_info pxr_view_any_frame(const struct pxr_archive_info *archive)
{
    return (struct pxr_frame_info){.width_px = archive->width_px,
                                   .height_px = archive->height_px,
                                   .bits = archive->bits,
                                   .significant_bits = archive->bits,
                                   .maxval = archive->bits == 8 ? 255 : 65535};
}

static uint32_t n_tiles(uint32_t width_px, uint32_t height_px, enum pxr_view v)
{
    return kinds[v]->n_tiles ? kinds[v]->n_tiles(width_px, height_px) : 1;
}

uint32_t pxr_view_n_tiles(const struct pxr_archive_info *archive, enum pxr_view v)
{
    return (unsigned)v < PXR_N_VIEWS ? n_tiles(archive->width_px, archive->height_px, v) : 1;
}

/* False: the frame has no such file.  entry: of an indexed view, or NULL. */
static bool lay_out(struct pxr_view_file *f, const struct pxr_frame_info *info, enum pxr_view v, uint32_t tile,
                    const struct pxr_index_entry *entry)
{
    *f = (struct pxr_view_file){.info = info, .entry = entry, .tile = tile};
    if ((unsigned)v < PXR_N_VIEWS && (!kinds[v]->index || entry) && kinds[v]->lay_out(f))
        return true;
    f->total_bytes = 0;
    return false;
}

uint64_t pxr_view_bytes(const struct pxr_frame_info *frame, enum pxr_view v)
{
    struct pxr_view_file f;
    return lay_out(&f, frame, v, 0, NULL) ? f.total_bytes : 0;
}

enum pxr_err pxr_view_stat_tile(pxr_archive *a, const struct pxr_frame_info *frame, enum pxr_view v, uint32_t tile,
                                uint64_t *n_bytes, struct pxr_diag *diag)
{
    struct pxr_index_entry entry;
    struct pxr_view_file f;
    *n_bytes = 0;
    if ((unsigned)v >= PXR_N_VIEWS || tile >= n_tiles(frame->width_px, frame->height_px, v))
        return PXR_OK;
    if (!kinds[v]->index) {
        *n_bytes = pxr_view_bytes(frame, v);
        return PXR_OK;
    }
    const enum pxr_err e = pxr_index_entry_get(a, kinds[v]->index, frame->frame, &entry, diag);
    if (e != PXR_OK)
        return e;
    if (lay_out(&f, frame, v, tile, &entry))
        *n_bytes = f.total_bytes;
    pxr_index_entry_put(a, &entry);
    return PXR_OK;
}

enum pxr_err pxr_view_stat(pxr_archive *a, const struct pxr_frame_info *frame, enum pxr_view v,
                           uint64_t *n_bytes, struct pxr_diag *diag)
{
    *n_bytes = 0;
    if ((unsigned)v < PXR_N_VIEWS && n_tiles(frame->width_px, frame->height_px, v) > 1)
        return PXR_OK; /* not one file */
    return pxr_view_stat_tile(a, frame, v, 0, n_bytes, diag);
}

const char *pxr_view_refusal(const struct pxr_archive_info *archive, enum pxr_view v)
{
    if ((unsigned)v >= PXR_N_VIEWS)
        return "there is no such view";
    const char *why = kinds[v]->refusal ? kinds[v]->refusal(archive) : NULL;
    const struct pxr_frame_info any = pxr_view_any_frame(archive);
    return why || kinds[v]->index || pxr_view_bytes(&any, v) ? why : "the frames are too large for it";
}

static enum pxr_err read_head_and_rows(struct pxr_view_file *f, enum pxr_view v, uint64_t off_bytes,
                                       uint8_t *dst, size_t n_bytes)
{
    uint8_t head[PXR_VIEW_HEAD_BYTES];
    size_t n = 0;
    if (off_bytes < f->head_bytes) {
        kinds[v]->store_head(f, head);
        n = (size_t)pxr_min_u64(n_bytes, f->head_bytes - off_bytes);
        memcpy(dst, head + off_bytes, n);
    }
    if (n == n_bytes)
        return PXR_OK;
    return pxr_view_rows_read(&f->rows, off_bytes + n - f->head_bytes, dst + n, n_bytes - n);
}

static enum pxr_err take_scratch(struct pxr_view_file *f, pxr_decoder *d)
{
    const size_t own_bytes = (size_t)pxr_round_up_u64(f->scratch_bytes, 64);
    const size_t n_bytes = own_bytes + pxr_view_rows_scratch_bytes(&f->rows);
    uint8_t *scratch = pxr_decoder_scratch(d, n_bytes);
    if (!scratch)
        return pxr_fail_nomem(&d->diag, n_bytes);
    f->scratch = scratch;
    f->rows.one_row = scratch + own_bytes;
    f->rows.decoder = d;
    return PXR_OK;
}

static enum pxr_err fail_absent(pxr_decoder *d, const struct pxr_frame_info *frame, enum pxr_view v)
{
    struct pxr_archive_info archive;
    pxr_archive_info(pxr_decoder_archive(d), &archive);
    const char *const why = kinds[v]->refusal ? kinds[v]->refusal(&archive) : NULL;
    enum pxr_err e = PXR_E_UNSUPPORTED;
    if (why)
        pxr_fail(&d->diag, e, "there is no %s view: %s", kinds[v]->name, why);
    else if (n_tiles(frame->width_px, frame->height_px, v) > 1)
        pxr_fail(&d->diag, e, "a frame of %u x %u is several files of %s, as a mount shows them", frame->width_px,
                 frame->height_px, kinds[v]->name);
    else
        e = pxr_fail(&d->diag, PXR_E_LIMIT, "a frame of %u x %u, %u bit, has no %s view", frame->width_px,
                     frame->height_px, frame->bits, kinds[v]->name);
    return pxr_diag_in_frame(&d->diag, e, frame->frame);
}

/* From a laid-out file on. */
static enum pxr_err read_file(struct pxr_view_file *f, pxr_decoder *d, enum pxr_view v, uint64_t off_bytes,
                              uint8_t *dst, size_t dst_bytes, size_t *got)
{
    if (off_bytes >= f->total_bytes)
        return PXR_OK;
    const size_t n_bytes = (size_t)pxr_min_u64(dst_bytes, f->total_bytes - off_bytes);
    enum pxr_err e = take_scratch(f, d);
    if (e == PXR_OK)
        e = kinds[v]->read   ? kinds[v]->read(f, off_bytes, dst, n_bytes)
            : kinds[v]->make ? pxr_view_read_made(f, v, kinds[v], off_bytes, dst, n_bytes)
                             : read_head_and_rows(f, v, off_bytes, dst, n_bytes);
    if (e == PXR_OK)
        *got = n_bytes;
    return e;
}

/* tile NO_TILE: the only file of the frame. */
static enum pxr_err read_tile(pxr_decoder *d, uint64_t frame, enum pxr_view v, uint32_t tile, uint64_t off_bytes,
                              void *dst, size_t dst_bytes, size_t *got)
{
    struct pxr_diag *diag = &d->diag;
    pxr_archive *a = pxr_decoder_archive(d);
    struct pxr_index_entry entry = {0};
    struct pxr_frame_info info;
    struct pxr_view_file f;
    *got = 0;
    enum pxr_err e = pxr_decoder_frame_info(d, frame, &info, diag);
    if (e == PXR_OK && (unsigned)v >= PXR_N_VIEWS)
        e = pxr_fail(diag, PXR_E_INVALID, "there is no view number %u", (unsigned)v);
    if (e == PXR_OK && kinds[v]->index)
        e = pxr_index_entry_get(a, kinds[v]->index, frame, &entry, diag);
    const uint32_t n = e == PXR_OK ? n_tiles(info.width_px, info.height_px, v) : 0;
    if (e == PXR_OK && (tile == NO_TILE ? n > 1 : tile >= n))
        e = fail_absent(d, &info, v);
    if (e == PXR_OK && !lay_out(&f, &info, v, tile == NO_TILE ? 0 : tile, entry.head ? &entry : NULL))
        e = fail_absent(d, &info, v);
    if (e == PXR_OK)
        e = read_file(&f, d, v, off_bytes, dst, dst_bytes, got);
    pxr_index_entry_put(a, &entry);
    if (e != PXR_OK)
        memset(dst, 0, dst_bytes);
    return e;
}

enum pxr_err pxr_view_read_tile(pxr_decoder *d, uint64_t frame, enum pxr_view v, uint32_t tile, uint64_t off_bytes,
                                void *dst, size_t dst_bytes, size_t *got)
{
    return read_tile(d, frame, v, tile == NO_TILE ? NO_TILE - 1 : tile, off_bytes, dst, dst_bytes, got);
}

enum pxr_err pxr_view_read(pxr_decoder *d, uint64_t frame, enum pxr_view v, uint64_t off_bytes,
                           void *dst, size_t dst_bytes, size_t *got)
{
    return read_tile(d, frame, v, NO_TILE, off_bytes, dst, dst_bytes, got);
}

/* ---- names and companions of tiles ---------------------------------------------------------------- */

char *pxr_view_suffix(const struct pxr_archive_info *archive, enum pxr_view v, uint32_t tile,
                      char dst[PXR_VIEW_SUFFIX_BYTES])
{
    const uint32_t n = pxr_view_n_tiles(archive, v);
    if (n == 1 || (unsigned)v >= PXR_N_VIEWS)
        snprintf(dst, PXR_VIEW_SUFFIX_BYTES, ".%s", pxr_view_extension(v));
    else
        kinds[v]->tile_suffix(archive->width_px, tile, dst);
    return dst;
}

uint32_t pxr_view_find_tile(const struct pxr_archive_info *archive, enum pxr_view v, const char *name,
                            size_t *suffix_bytes)
{
    const uint32_t n = pxr_view_n_tiles(archive, v);
    const size_t name_bytes = strlen(name);
    char suffix[PXR_VIEW_SUFFIX_BYTES];
    uint32_t tile = 0;
    if (n > 1 && !kinds[v]->find_tile(archive->width_px, name, &tile))
        return n;
    /* Each has one spelling: the one that is shown. */
    *suffix_bytes = strlen(pxr_view_suffix(archive, v, tile, suffix));
    return tile < n && name_bytes > *suffix_bytes && !strcmp(name + name_bytes - *suffix_bytes, suffix) ? tile : n;
}

enum pxr_err pxr_view_companion(pxr_archive *a, enum pxr_view v, unsigned companion, const char **name, void *dst,
                                size_t dst_bytes, size_t *n_bytes, struct pxr_diag *diag)
{
    struct pxr_archive_info info;
    struct pxr_buffer text = {0};
    pxr_cache_entry *held;
    const struct pxr_loaded_index *l;
    *name = NULL;
    *n_bytes = 0;
    pxr_archive_info(a, &info);
    if ((unsigned)v >= PXR_N_VIEWS || !kinds[v]->companion || pxr_view_refusal(&info, v))
        return PXR_OK;
    enum pxr_err e = pxr_index_get(a, kinds[v]->index, &held, &l, diag);
    if (e != PXR_OK)
        return e;
    *name = kinds[v]->companion(l->state, companion, &text);
    if (*name && !text.bytes)
        e = pxr_fail_nomem(diag, dst_bytes);
    *n_bytes = text.n_bytes;
    if (e == PXR_OK && dst_bytes && text.n_bytes)
        memcpy(dst, text.bytes, pxr_min_u64(dst_bytes, text.n_bytes));
    pxr_buffer_fini(&text);
    pxr_cache_put(a->index_cache, held);
    return e;
}

bool pxr_view_borrow(pxr_decoder *d, uint64_t frame, enum pxr_view v, uint64_t off_bytes, size_t dst_bytes,
                     struct pxr_view_loan *out)
{
    struct pxr_frame_info info;
    struct pxr_view_file f;
    if ((unsigned)v >= PXR_N_VIEWS || kinds[v]->read || kinds[v]->index ||
        pxr_decoder_frame_info(d, frame, &info, NULL) != PXR_OK || !lay_out(&f, &info, v, 0, NULL) ||
        f.rows.samples != PXR_SAMPLES_AS_STORED || f.rows.lead_bytes || off_bytes >= f.total_bytes)
        return false;
    const uint64_t end = off_bytes + pxr_min_u64(dst_bytes, f.total_bytes - off_bytes);
    if (end <= f.head_bytes)
        return false;
    const uint64_t from = off_bytes > f.head_bytes ? off_bytes - f.head_bytes : 0, to = end - f.head_bytes;
    const uint32_t row0 = (uint32_t)(from / f.rows.row_bytes);
    const uint32_t row_end = (uint32_t)pxr_div_up_u64(to, f.rows.row_bytes);
    if (!pxr_frame_borrow(d, frame, row0, row_end - row0, &out->entry, &out->pixels))
        return false;
    out->pixels += from - (uint64_t)row0 * f.rows.row_bytes;
    out->pixel_bytes = (size_t)(to - from);
    out->head_bytes = off_bytes < f.head_bytes ? f.head_bytes - (size_t)off_bytes : 0;
    out->from_head = out->head;
    if (out->head_bytes) {
        kinds[v]->store_head(&f, out->head);
        out->from_head += off_bytes;
    }
    return true;
}

void pxr_view_return(pxr_decoder *d, struct pxr_view_loan *loan)
{
    pxr_cache_put(pxr_decoder_archive(d)->unit_cache, loan->entry);
    loan->entry = NULL;
}
