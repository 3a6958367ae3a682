/* SPDX-License-Identifier: MIT
 * Going on with an archive that exists: its last commit, the path where its trees grow, and what a torn append
 * left behind. */
#include "records.h"
#include "writer.h"

#include "diag.h"

#include <inttypes.h>

/* How far a file grows, at most, so that what is skipped ends where a record would have ended. */
#define MAX_SKIP_BYTES ((uint64_t)1 << 30)

/* An archive that reads the writer's file: who closes it does not close the file. */
static void keep_open(void *arg) { (void)arg; }

static enum pxr_err check_may_append(const pxr_archive *a, const struct pxr_write_opts *o, struct pxr_diag *diag)
{
    const struct pxr_superblock *sb = &a->sb;
    const uint16_t version = pxr_load_u16le(sb->bytes + 10);
    const uint64_t features = pxr_load_u64le(sb->bytes + 24);
    if (version != PXR_FORMAT_VERSION)
        return pxr_fail_field(diag, PXR_E_UNSUPPORTED, 10, "version_append", PXR_FORMAT_VERSION, version,
                              "a newer version of PixelRain is needed to append to this archive");
    if (features)
        return pxr_fail_field(diag, PXR_E_UNSUPPORTED, 24, "features_append", 0, features,
                              "appending needs features that this version does not have");
    if ((o->width_px && o->width_px != sb->width_px) || (o->height_px && o->height_px != sb->height_px) ||
        (o->bits && o->bits != sb->bits))
        return pxr_fail(diag, PXR_E_MISMATCH,
                        "frames of %" PRIu32 "x%" PRIu32 "x%u do not go into an archive of %" PRIu32 "x%" PRIu32 "x%u",
                        o->width_px, o->height_px, o->bits, sb->width_px, sb->height_px, sb->bits);
    if (o->max_error && o->max_error != sb->max_error)
        return pxr_fail_field(diag, PXR_E_MISMATCH, 50, "max_error", sb->max_error, o->max_error,
                              "an archive keeps the bound of errors that it was made with");
    return PXR_OK;
}

/* The superblock stays as it is; blocks are what its nominal ones are, unless something else is asked for, or
 * a codec that stores whole blocks follows one that stores frames, or the other way round. */
static enum pxr_err choose_opts(struct pxr_superblock *sb, struct pxr_write_opts *o, struct pxr_diag *diag)
{
    struct pxr_superblock own;
    o->width_px = sb->width_px;
    o->height_px = sb->height_px;
    o->bits = sb->bits;
    o->max_error = sb->max_error;
    enum pxr_err e = pxr_writer_check_opts(&own, o, diag);
    if (e != PXR_OK)
        return e;
    if (!o->block_frames && !o->block_height_px && !o->block_width_px &&
        (own.nominal_unit_frames == 1) == (sb->nominal_unit_frames == 1)) {
        o->block_frames = sb->nominal_frames;
        o->block_height_px = sb->nominal_height_px;
        o->block_width_px = sb->nominal_width_px;
        e = pxr_writer_check_opts(&own, o, diag);
    }
    sb->nominal_frames = own.nominal_frames;
    sb->nominal_height_px = own.nominal_height_px;
    sb->nominal_width_px = own.nominal_width_px;
    return e;
}

/* Section 5: a SKIP record accounts for the tail, and a commit behind it makes that durable. */
static enum pxr_err skip_tail(pxr_writer *w, const struct pxr_tail *tail)
{
    static const uint8_t zeros[8];
    uint8_t body[16];
    const uint64_t from = w->emit.end_off, to = tail->skip_to;
    if (tail->n_forged)
        return pxr_fail_at(&w->diag, PXR_E_STATE, tail->first_off,
                           "the %" PRIu64 " bytes behind the last commit hold something that looks like a commit; "
                           "'pixelrain recover' makes a new archive", w->base->tail_bytes);
    if (tail->n_whole && !w->opts.skip_tail)
        return pxr_fail_at(&w->diag, PXR_E_STATE, tail->first_off,
                           "a torn append left %" PRIu64 " whole records behind the last commit; "
                           "'pixelrain recover' saves their frames, --skip-tail gives them up", tail->n_whole);
    if (to - from > MAX_SKIP_BYTES)
        return pxr_fail_at(&w->diag, PXR_E_LIMIT, from,
                           "the tail is too long to be skipped; 'pixelrain recover' makes a new archive");
    pxr_store_u64le(body, from);
    pxr_store_u64le(body + 8, to - from);
    const uint64_t file_end = from + w->base->tail_bytes;
    w->is_commit_unsure = true; /* until the commit, the tail is not ours to cut */
    enum pxr_err e = PXR_OK;
    if (file_end & 7)
        e = pxr_file_write(&w->emit.file, file_end, zeros, 8 - (file_end & 7), &w->diag);
    w->emit.end_off = to;
    if (e == PXR_OK)
        e = pxr_emit_record(&w->emit, PXR_RECORD_SKIP, body, sizeof body, NULL, 0, &w->diag);
    return e == PXR_OK ? pxr_writer_commit_all(w) : e;
}

static enum pxr_err go_on(pxr_writer *w)
{
    const pxr_archive *a = w->base;
    struct pxr_tail tail;
    w->root = a->root;
    w->has_meta_page = !w->meta;
    w->is_superblock_written = true;
    memcpy(w->emit.id, a->sb.id, sizeof w->emit.id);
    w->emit.end_off = w->durable_end_off = a->end_off;
    w->emit.sequence = pxr_load_u64le(a->commit_bytes + 16) + 1;
    w->last_commit_off = a->end_off - PXR_COMMIT_RECORD_BYTES;
    w->n_frames_added = w->n_frames_committed = a->root.n_frames;
    enum pxr_err e = pxr_tree_resume(&w->directory, &w->emit.file, &a->root.dir, a->root.n_frames, a->end_off, &w->diag);
    if (e != PXR_OK)
        return e;
    pxr_writer_parity_resume(w);
    if (a->tail_bytes) {
        e = pxr_tail_inspect(&tail, &w->emit.file, &w->sb, a->end_off, a->end_off + a->tail_bytes, &w->diag);
        if (e == PXR_OK)
            e = skip_tail(w, &tail);
    }
    return e == PXR_OK ? pxr_writer_parity_catch_up(w) : e;
}

enum pxr_err pxr_writer_append_io(pxr_writer **out, const struct pxr_io *io, void *io_arg,
                                  const struct pxr_write_opts *opts, struct pxr_diag *diag)
{
    const struct pxr_file file = {*io, io_arg};
    struct pxr_io borrowed = *io;
    struct pxr_write_opts o = *opts;
    pxr_archive *base;
    borrowed.close = keep_open;
    *out = NULL;
    enum pxr_err e = pxr_archive_open_io(&base, &borrowed, io_arg, NULL, diag);
    if (e == PXR_OK)
        e = check_may_append(base, &o, diag);
    struct pxr_superblock sb = e == PXR_OK ? base->sb : (struct pxr_superblock){0};
    if (e == PXR_OK)
        e = choose_opts(&sb, &o, diag);
    if (e != PXR_OK) {
        pxr_archive_close(base);
        io->close(io_arg);
        return e;
    }
    e = pxr_writer_new(out, &file, &sb, &o, base, diag);
    if (e != PXR_OK)
        return e;
    e = go_on(*out);
    if (e != PXR_OK) {
        if (diag)
            *diag = *pxr_writer_diag(*out);
        (*out)->is_commit_unsure = true;
        pxr_writer_abort(*out);
        *out = NULL;
    }
    return e;
}

enum pxr_err pxr_writer_append(pxr_writer **out, const char *path, const struct pxr_write_opts *o,
                               struct pxr_diag *diag)
{
    struct pxr_file file;
    *out = NULL;
    enum pxr_err e = pxr_file_open_locked(&file, path, diag);
    if (e == PXR_OK)
        e = pxr_writer_append_io(out, &file.io, file.arg, o, diag);
    return pxr_diag_in_file(diag, e, path);
}
