/* SPDX-License-Identifier: MIT
 * Archives one behind the other as a new one, and an archive coded anew. */
#include "view_index.h"
#include "writer.h"

#include "diag.h"

#include <inttypes.h>

/* ---- merge -------------------------------------------------------------------------------------- */

static enum pxr_err copy_group(pxr_writer *w, pxr_archive *a, uint64_t frame, uint64_t *next, struct pxr_diag *diag)
{
    struct pxr_dir_entry dir;
    struct pxr_loaded_group *g;
    struct pxr_loaded_frames *f;
    pxr_cache_entry *group_entry, *frames_entry;
    enum pxr_err e = pxr_dir_walk(a, frame, &dir, next, diag);
    if (e == PXR_OK)
        e = pxr_group_get(a, &dir, &group_entry, &g, diag);
    if (e != PXR_OK)
        return e;
    e = pxr_frames_get(a, &dir, &frames_entry, &f, diag);
    if (e == PXR_OK) {
        e = pxr_writer_copy_group(w, a, &dir, g, f, NULL);
        if (e != PXR_OK)
            *diag = *pxr_writer_diag(w);
        pxr_cache_put(a->index_cache, frames_entry);
    }
    pxr_cache_put(a->index_cache, group_entry);
    return e;
}

enum pxr_err pxr_writer_copy(pxr_writer *w, pxr_archive *a, void (*progress)(void *arg, uint64_t done, uint64_t total),
                             void *arg, struct pxr_diag *diag)
{
    struct pxr_diag unused;
    enum pxr_err e = PXR_OK;
    diag = diag ? diag : &unused;
    if (a->sb.width_px != w->sb.width_px || a->sb.height_px != w->sb.height_px || a->sb.bits != w->sb.bits)
        return pxr_fail(diag, PXR_E_MISMATCH,
                        "is of %" PRIu32 "x%" PRIu32 "x%u, expected %" PRIu32 "x%" PRIu32 "x%u like the first one",
                        a->sb.width_px, a->sb.height_px, a->sb.bits, w->sb.width_px, w->sb.height_px, w->sb.bits);
    if (a->sb.max_error != w->sb.max_error)
        return pxr_fail_field(diag, PXR_E_MISMATCH, PXR_NONE, "max_error", w->sb.max_error, a->sb.max_error,
                              "is %s, unlike the first one; archives that are merged need one bound of errors",
                              a->sb.max_error ? w->sb.max_error ? "near-lossless with another bound" : "near-lossless"
                                              : "lossless");
    /* How much a reader in order needs to keep: as much as any part of it needs. */
    if (!w->is_superblock_written)
        w->sb.nominal_unit_frames = (uint32_t)pxr_min_u64(
            w->sb.nominal_frames, pxr_max_u64(w->sb.nominal_unit_frames, a->sb.nominal_unit_frames));
    for (uint64_t frame = 0; frame < a->root.n_frames && e == PXR_OK;) {
        e = copy_group(w, a, frame, &frame, diag);
        if (e == PXR_OK && progress)
            progress(arg, frame, a->root.n_frames);
    }
    return e;
}

/* ---- repack ------------------------------------------------------------------------------------- */

static enum pxr_err encode_frames(pxr_writer *w, pxr_archive *a, const struct pxr_repack_opts *o, uint8_t *pixels,
                                  struct pxr_diag *diag)
{
    const size_t row = (size_t)a->sb.width_px * (a->sb.bits / 8u), n = row * a->sb.height_px;
    struct pxr_buffer meta = {0};
    pxr_decoder *d;
    enum pxr_err e = pxr_decoder_new(&d, a);
    if (e != PXR_OK)
        return pxr_fail_nomem(diag, sizeof *d);
    for (uint64_t i = 0; i < a->root.n_frames && e == PXR_OK; i++) {
        struct pxr_frame_info info;
        size_t meta_bytes = 0;
        e = pxr_frame_info(a, i, &info, diag);
        if (e == PXR_OK)
            e = pxr_frame_meta(a, i, NULL, 0, &meta_bytes, diag);
        meta.n_bytes = 0;
        if (e == PXR_OK && !pxr_buffer_extend(&meta, meta_bytes))
            e = pxr_fail_nomem(diag, meta_bytes);
        if (e == PXR_OK)
            e = pxr_frame_meta(a, i, (char *)meta.bytes, meta_bytes, &meta_bytes, diag);
        if (e == PXR_OK && (e = pxr_frame_read(d, i, 0, a->sb.height_px, pixels, n, row)) != PXR_OK)
            *diag = *pxr_decoder_diag(d);
        if (e != PXR_OK)
            break;
        const struct pxr_frame_in f = {.pixels = pixels, .name = info.name, .name_bytes = info.name_bytes,
                                       .has_time = info.has_time, .time_ns = info.time_ns, .maxval = info.maxval,
                                       .sbit = info.sbit, .meta = (const char *)meta.bytes, .meta_bytes = meta_bytes};
        e = pxr_writer_add(w, &f);
        if (e != PXR_OK)
            *diag = *pxr_writer_diag(w);
        if (e == PXR_OK && o->progress)
            o->progress(o->arg, i + 1, 2 * a->root.n_frames);
    }
    pxr_decoder_free(d);
    pxr_buffer_fini(&meta);
    return e;
}

/* Frame i of both archives: the same pixels, name, time and all else. */
static enum pxr_err compare_frame(pxr_archive *a, pxr_archive *b, pxr_decoder *d, uint64_t i, uint8_t *pixels,
                                  uint8_t *png_row, pxr_xxh3 *hash, struct pxr_diag *diag)
{
    const size_t row = (size_t)a->sb.width_px * (a->sb.bits / 8u), n = row * a->sb.height_px;
    struct pxr_frame_info x, y;
    enum pxr_err e = pxr_frame_info(a, i, &x, diag);
    if (e == PXR_OK)
        e = pxr_frame_info(b, i, &y, diag);
    if (e == PXR_OK && (e = pxr_frame_read(d, i, 0, b->sb.height_px, pixels, n, row)) != PXR_OK)
        *diag = *pxr_decoder_diag(d);
    if (e != PXR_OK)
        return e;
    const struct pxr_frame_sums sums = pxr_frame_sums(pixels, b->sb.width_px, b->sb.height_px, b->sb.bits, png_row, hash);
    if (sums.pixel_hash != x.pixel_hash || sums.adler32 != x.adler32 || x.pixel_hash != y.pixel_hash)
        return pxr_fail_field(diag, PXR_E_CORRUPT, PXR_NONE, "pixel_hash", x.pixel_hash, sums.pixel_hash,
                              "the new archive does not hold the same pixels; the old one stays");
    if (strcmp(x.name, y.name) || x.has_time != y.has_time || x.time_ns != y.time_ns || x.maxval != y.maxval ||
        x.sbit != y.sbit)
        return pxr_fail(diag, PXR_E_CORRUPT, "the new archive does not describe a frame as the old one does; that stays");
    return PXR_OK;
}

static void keep_open(void *arg) { (void)arg; }

/* Decode everything that the writer has committed, before it gets its name. */
static enum pxr_err compare(pxr_writer *w, pxr_archive *a, const struct pxr_repack_opts *o, uint8_t *pixels,
                            struct pxr_diag *diag)
{
    struct pxr_io borrowed = w->emit.file.io;
    pxr_archive *b = NULL;
    pxr_decoder *d = NULL;
    borrowed.close = keep_open;
    uint8_t *row = pxr_alloc((size_t)a->sb.width_px * (a->sb.bits / 8u) + 1);
    pxr_xxh3 *hash = pxr_xxh3_new();
    enum pxr_err e = row && hash ? PXR_OK : pxr_fail_nomem(diag, a->sb.width_px);
    if (e == PXR_OK)
        e = pxr_archive_open_io(&b, &borrowed, w->emit.file.arg, NULL, diag);
    if (e == PXR_OK && pxr_decoder_new(&d, b) != PXR_OK)
        e = pxr_fail_nomem(diag, sizeof *d);
    if (e == PXR_OK && b->root.n_frames != a->root.n_frames)
        e = pxr_fail_field(diag, PXR_E_CORRUPT, PXR_NONE, "n_frames", a->root.n_frames, b->root.n_frames,
                           "the new archive does not hold as many frames; the old one stays");
    for (uint64_t i = 0; e == PXR_OK && i < a->root.n_frames; i++) {
        e = pxr_diag_in_frame(diag, compare_frame(a, b, d, i, pixels, row, hash, diag), i);
        if (e == PXR_OK && o->progress)
            o->progress(o->arg, a->root.n_frames + i + 1, 2 * a->root.n_frames);
    }
    pxr_decoder_free(d);
    pxr_archive_close(b);
    pxr_free(row);
    pxr_xxh3_free(hash);
    return e;
}

static enum pxr_err repack(pxr_archive *a, const char *fresh, const struct pxr_repack_opts *o,
                           struct pxr_write_summary *summary, struct pxr_diag *diag)
{
    struct pxr_write_opts write = o->write;
    pxr_writer *w;
    write.width_px = a->sb.width_px;
    write.height_px = a->sb.height_px;
    write.bits = a->sb.bits;
    if (write.max_error && write.max_error != a->sb.max_error)
        return pxr_fail_field(diag, PXR_E_MISMATCH, PXR_NONE, "max_error", a->sb.max_error, write.max_error,
                              "an archive that is coded anew keeps its bound of errors");
    write.max_error = a->sb.max_error;
    if (!write.meta)
        write.meta = pxr_archive_meta(a, &write.meta_bytes);
    struct pxr_parity_info parity;
    pxr_archive_parity(a, &parity);
    if (!write.parity_percent && pxr_parity_is_built_in())
        write.parity_percent = parity.percent;
    enum pxr_err e = pxr_writer_create(&w, fresh, &write, diag);
    if (e != PXR_OK)
        return e;
    w->keeps_samples = true; /* errors must not add up */
    uint8_t *pixels = pxr_alloc(pxr_writer_frame_bytes(w));
    e = pixels ? encode_frames(w, a, o, pixels, diag) : pxr_fail_nomem(diag, pxr_writer_frame_bytes(w));
    if (e == PXR_OK && (e = pxr_writer_commit(w)) != PXR_OK)
        *diag = *pxr_writer_diag(w);
    if (e == PXR_OK)
        e = compare(w, a, o, pixels, diag);
    pxr_free(pixels);
    if (e == PXR_OK)
        e = pxr_index_carry(w, a, write.n_threads, diag);
    if (e == PXR_OK)
        return pxr_writer_finish(w, summary, diag);
    pxr_writer_abort(w);
    return e;
}

enum pxr_err pxr_archive_repack(const char *path, const char *fresh, const struct pxr_repack_opts *opts,
                                struct pxr_write_summary *summary, struct pxr_diag *diag)
{
    struct pxr_repack_opts o = *opts;
    struct pxr_diag unused;
    struct pxr_file file;
    pxr_archive *a;
    diag = diag ? diag : &unused;
    /* In place: nobody may append to what is going to be replaced. */
    o.write.overwrite |= !fresh;
    enum pxr_err e = fresh ? pxr_file_open(&file, path, diag) : pxr_file_open_locked(&file, path, diag);
    if (e == PXR_OK)
        e = pxr_archive_open_io(&a, &file.io, file.arg, NULL, diag);
    if (e == PXR_OK) {
        pxr_diag_clear(diag);
        e = repack(a, fresh ? fresh : path, &o, summary, diag);
        pxr_archive_close(a);
    }
    return e == PXR_OK || diag->file[0] ? e : pxr_diag_in_file(diag, e, path);
}
