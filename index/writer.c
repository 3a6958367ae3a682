/* SPDX-License-Identifier: MIT
 * Writing an archive: frames gather into groups, groups are encoded by a pool and written in order, and a
 * commit makes what is there durable.  The bytes do not depend on the number of threads. */
#include "writer.h"

#include "diag.h"
#include "utf8.h"
#include "zstd_wrap.h"

#include <inttypes.h>
#include <stdio.h>

/* Samples of groups that are being encoded while others arrive. */
#define IN_FLIGHT_BYTES ((uint64_t)128 << 20)

/* ---- creating ----------------------------------------------------------------------------------- */

static uint64_t raw_frame_bytes(const struct pxr_superblock *sb)
{
    return (uint64_t)sb->width_px * sb->height_px * (sb->bits / 8u);
}

/* Stripes of full rows.  Predicted blocks hold 32 frames, and 16 where a frame is larger than 7 MiB: one frame from
 * anywhere costs 5 or 4 decoded ones, some 64 ms of one core for 2048 x 2048 x 16.  They are cut into stripes
 * from 1 MiB a frame on: taller ones compress a little better, and a reader that goes from stripe to stripe
 * needs the decoding tables of each (0.2 MiB) anew; shorter ones let more cores read one frame.  A block of zstd or of
 * sorted residuals is one unit, so it holds 16 frames and about 1 MiB. */
static void choose_geometry(struct pxr_superblock *sb, const struct pxr_write_opts *o)
{
    const bool is_fast = o->codec == PXR_CODEC_SORTED || o->preset == PXR_PRESET_FAST;
    const bool is_predicted = !is_fast && o->codec != PXR_CODEC_STORE && o->codec != PXR_CODEC_ZSTD;
    const uint64_t frame = raw_frame_bytes(sb), row = frame / sb->height_px;
    const uint64_t most = is_predicted && frame <= (uint64_t)7 << 20 ? 32 : 16, fit = ((uint64_t)(is_predicted ? 256 : 64) << 20) / frame;
    sb->nominal_frames =
        o->block_frames ? o->block_frames : (uint32_t)pxr_max_u64(1, pxr_min_u64(most, fit));
    sb->nominal_unit_frames = o->codec == PXR_CODEC_ZSTD || is_fast ? sb->nominal_frames : 1;
    uint64_t rows = ((uint64_t)1 << 20) / (row * sb->nominal_frames) & ~(uint64_t)7;
    if (is_predicted) {
        const uint64_t stripes = frame <= (uint64_t)1 << 20 ? 1 : pxr_div_up_u64(frame, (uint64_t)1 << 19);
        rows = pxr_max_u64(128, pxr_round_up_u64(pxr_div_up_u64(sb->height_px, stripes), 8));
        /* A block's samples fit the format's bound with room to spare. */
        rows = pxr_min_u64(rows, ((uint64_t)128 << 20) / (row * sb->nominal_frames));
    }
    sb->nominal_height_px = o->block_height_px ? o->block_height_px
                                               : (uint32_t)pxr_max_u64(is_predicted ? 1 : 8, rows);
    sb->nominal_width_px = o->block_width_px ? o->block_width_px : sb->width_px;
    sb->nominal_height_px = (uint32_t)pxr_min_u64(sb->nominal_height_px, sb->height_px);
    sb->nominal_width_px = (uint32_t)pxr_min_u64(sb->nominal_width_px, sb->width_px);
}

enum pxr_err pxr_writer_check_opts(struct pxr_superblock *sb, const struct pxr_write_opts *o,
                                   struct pxr_diag *diag)
{
    if (!o->width_px || !o->height_px || (o->bits != 8 && o->bits != 16))
        return pxr_fail(diag, PXR_E_INVALID, "frames of %" PRIu32 " x %" PRIu32 " pixels of %u bits",
                        o->width_px, o->height_px, o->bits);
    if ((uint64_t)o->width_px * o->height_px > (uint64_t)1 << 28)
        return pxr_fail(diag, PXR_E_LIMIT,
                        "frames of %" PRIu32 " x %" PRIu32 " pixels; at most 2^28 pixels are possible",
                        o->width_px, o->height_px);
    if (o->level < 0 || o->level > 19)
        return pxr_fail(diag, PXR_E_INVALID, "level %d; levels are 1 to 19", o->level);
    if ((unsigned)o->preset > PXR_PRESET_MAX || (o->preset && o->codec != PXR_CODEC_AUTO))
        return pxr_fail(diag, PXR_E_INVALID, "preset %d with codec %d; a preset belongs to codec AUTO",
                        (int)o->preset, (int)o->codec);
    if (o->parity_percent > 100 && o->parity_percent != PXR_PARITY_NONE)
        return pxr_fail(diag, PXR_E_INVALID, "parity of %u %%; 1 to 100 are possible", o->parity_percent);
    if (o->parity_percent && o->parity_percent != PXR_PARITY_NONE && !pxr_parity_is_built_in())
        return pxr_fail(diag, PXR_E_UNSUPPORTED,
                        "parity needs ISA-L, which this program was built without: package libisal-dev, then -DPXR_PARITY=ON");
    if (o->block_frames > PXR_GROUP_MAX_FRAMES)
        return pxr_fail(diag, PXR_E_INVALID, "blocks of %" PRIu32 " frames; at most 65535",
                        o->block_frames);
    if (o->max_error >> o->bits)
        return pxr_fail(diag, PXR_E_INVALID, "a largest error of %u; samples of %u bits are at most %u", o->max_error,
                        o->bits, (1u << o->bits) - 1);
    *sb = (struct pxr_superblock){
        .width_px = o->width_px, .height_px = o->height_px, .bits = o->bits, .max_error = o->max_error};
    choose_geometry(sb, o);
    const uint64_t block = (uint64_t)sb->nominal_frames * sb->nominal_height_px *
                           sb->nominal_width_px * (sb->bits / 8u);
    if (block > PXR_BLOCK_MAX_BYTES || sb->nominal_frames * raw_frame_bytes(sb) > (uint64_t)4 << 30)
        return pxr_fail(diag, PXR_E_LIMIT, "blocks of %" PRIu32 " frames are too large for this frame size",
                        sb->nominal_frames);
    return PXR_OK;
}

static enum pxr_err start_slots(pxr_writer *w, unsigned n_threads)
{
    const uint64_t group = w->sb.nominal_frames * raw_frame_bytes(&w->sb);
    const uint64_t fit = pxr_max_u64(2, IN_FLIGHT_BYTES / group);
    w->n_slots = (unsigned)pxr_min_u64(n_threads + 2u, fit);
    w->slots = pxr_alloc_zero(w->n_slots, sizeof *w->slots);
    if (!w->slots)
        return pxr_fail_nomem(&w->diag, w->n_slots * sizeof *w->slots);
    struct pxr_block_opts opts = {w->opts.codec, w->opts.level, w->opts.preset};
    /* What is fast to read otherwise does not see that few values occur: twice the size on electron microscopy. */
    if (w->sb.max_error && opts.preset == PXR_PRESET_FAST && pxr_zstd_is_built_in())
        opts = (struct pxr_block_opts){PXR_CODEC_ZSTD, w->opts.level, PXR_PRESET_DEFAULT};
    for (unsigned i = 0; i < w->n_slots; i++) {
        const enum pxr_err e =
            pxr_pending_group_init(&w->slots[i], &w->sb, &opts, &w->stock, &w->diag);
        if (e != PXR_OK)
            return e;
    }
    return PXR_OK;
}

static void writer_free(pxr_writer *w)
{
    for (unsigned i = 0; w->slots && i < w->n_slots; i++)
        if (w->slots[i].is_submitted)
            pxr_pending_group_wait(&w->slots[i], w->pool, NULL);
    pxr_pool_free(w->pool);
    for (unsigned i = 0; w->slots && i < w->n_slots; i++)
        pxr_pending_group_fini(&w->slots[i]);
    pxr_free(w->slots);
    pxr_encoder_stock_fini(&w->stock);
    pxr_name_set_fini(&w->names);
    pxr_name_pending_fini(&w->pending_names);
    pxr_buffer_fini(&w->pending_pages);
    pxr_buffer_fini(&w->group_header);
    pxr_buffer_fini(&w->payload);
    pxr_buffer_fini(&w->scratch);
    pxr_archive_close(w->base); /* before the file, which it borrows */
    pxr_emit_fini(&w->emit);
    pxr_free(w->written);
    pxr_free(w->shares);
    pxr_free(w->meta);
    pxr_free(w);
}

/* Nothing durable is lost: an archive that has its name is what its last commit was. */
static void give_up(pxr_writer *w)
{
    const struct pxr_file *file = &w->emit.file;
    int unused;
    if (!w->is_published)
        file->io.discard(file->arg);
    else if (file->io.truncate && !w->is_commit_unsure && w->emit.end_off > w->durable_end_off)
        file->io.truncate(file->arg, w->durable_end_off, &unused);
}

enum pxr_err pxr_writer_new(pxr_writer **out, const struct pxr_file *file, const struct pxr_superblock *sb,
                            const struct pxr_write_opts *o, pxr_archive *base, struct pxr_diag *diag)
{
    struct pxr_file owned = *file;
    const unsigned n_threads = o->n_threads ? o->n_threads : pxr_n_cores();
    const unsigned n_workers = n_threads > 1 ? n_threads : 0;
    pxr_writer *w = pxr_alloc_zero(1, sizeof *w);
    *out = NULL;
    if (!w) {
        pxr_archive_close(base);
        if (!base)
            owned.io.discard(owned.arg);
        pxr_file_close(&owned);
        return pxr_fail_nomem(diag, sizeof *w);
    }
    w->emit.file = owned;
    w->emit.end_off = PXR_SUPERBLOCK_BYTES;
    w->base = base;
    w->is_published = base != NULL;
    w->opts = *o;
    w->parity.percent = o->parity_percent == PXR_PARITY_NONE ? 0 : o->parity_percent;
    w->sb = *sb;
    pxr_tree_init(&w->directory, false);
    enum pxr_err e = pxr_encoder_stock_init(&w->stock, n_workers + 1, &w->diag);
    if (e == PXR_OK && !(w->shares = pxr_alloc_zero(PXR_SHARE_SLOTS, sizeof *w->shares)))
        e = pxr_fail_nomem(&w->diag, PXR_SHARE_SLOTS * sizeof *w->shares);
    if (e == PXR_OK && o->meta_bytes) {
        if ((w->meta = pxr_alloc(o->meta_bytes)))
            memcpy(w->meta, o->meta, o->meta_bytes);
        else
            e = pxr_fail_nomem(&w->diag, o->meta_bytes);
    }
    if (e == PXR_OK)
        e = pxr_pool_new(&w->pool, n_workers, &w->diag);
    if (e == PXR_OK)
        e = start_slots(w, n_threads);
    if (e != PXR_OK) {
        if (diag)
            *diag = w->diag;
        w->is_commit_unsure = true; /* what is there is not ours to cut */
        pxr_writer_abort(w);
        return e;
    }
    *out = w;
    return PXR_OK;
}

enum pxr_err pxr_writer_create(pxr_writer **out, const char *path, const struct pxr_write_opts *o,
                               struct pxr_diag *diag)
{
    struct pxr_superblock sb;
    struct pxr_file file;
    *out = NULL;
    enum pxr_err e = pxr_writer_check_opts(&sb, o, diag); /* before a file appears */
    if (e == PXR_OK)
        e = pxr_file_create(&file, path, o->overwrite, diag);
    return e == PXR_OK ? pxr_writer_new(out, &file, &sb, o, NULL, diag) : e;
}

enum pxr_err pxr_writer_create_io(pxr_writer **out, const struct pxr_io *io, void *io_arg,
                                  const struct pxr_write_opts *o, struct pxr_diag *diag)
{
    struct pxr_superblock sb;
    const struct pxr_file file = {*io, io_arg};
    const enum pxr_err e = pxr_writer_check_opts(&sb, o, diag);
    *out = NULL;
    if (e == PXR_OK)
        return pxr_writer_new(out, &file, &sb, o, NULL, diag);
    io->discard(io_arg);
    io->close(io_arg);
    return e;
}

/* ---- adding frames ------------------------------------------------------------------------------ */

static enum pxr_err check_samples(pxr_writer *w, const struct pxr_frame_in *f)
{
    const uint32_t max = (1u << w->sb.bits) - 1, maxval = f->maxval ? f->maxval : max;
    const size_t row = (size_t)w->sb.width_px * (w->sb.bits / 8u);
    const size_t stride = f->stride_bytes ? f->stride_bytes : row;
    if (!f->pixels || stride < row || maxval > max || f->sbit > w->sb.bits ||
        (f->has_time && f->time_ns == PXR_NO_TIME))
        return pxr_fail(&w->diag, PXR_E_INVALID, "a frame's stride, maxval, sbit or time is impossible");
    if (maxval == max)
        return PXR_OK;
    for (uint32_t y = 0; y < w->sb.height_px; y++) {
        const uint8_t *p = (const uint8_t *)f->pixels + y * stride;
        uint16_t most = 0; /* no early exit: this way the loop is vectorised */
        if (w->sb.bits == 8)
            for (uint32_t x = 0; x < w->sb.width_px; x++)
                most = p[x] > most ? p[x] : most;
        else
            for (uint32_t x = 0; x < w->sb.width_px; x++) {
                uint16_t v;
                memcpy(&v, p + 2 * (size_t)x, 2);
                most = v > most ? v : most;
            }
        if (most > maxval)
            return pxr_fail_field(&w->diag, PXR_E_MISMATCH, PXR_NONE, "maxval", maxval, most,
                                  "a sample in row %" PRIu32 " exceeds maxval", y);
    }
    return PXR_OK;
}

static enum pxr_err is_taken(pxr_writer *w, const struct pxr_name_split *split, bool *taken)
{
    *taken = pxr_name_set_has(&w->names, split);
    return *taken || !w->base ? PXR_OK : pxr_name_is_taken(w->base, split, taken, &w->diag);
}

/* name[0, n) with -k behind it, shortened (by whole characters) where that is too long. */
static void suffix_name(char name[256], size_t n, uint64_t k, char dst[256], size_t *dst_bytes, struct pxr_name_split *split)
{
    char suffix[24];
    const size_t added = (size_t)snprintf(suffix, sizeof suffix, "-%" PRIu64, k);
    if (n + added > PXR_NAME_MAX_BYTES)
        for (n = PXR_NAME_MAX_BYTES - added; n && ((uint8_t)name[n] & 0xC0) == 0x80;)
            n--;
    memcpy(dst, name, n);
    memcpy(dst + n, suffix, added + 1);
    *dst_bytes = n + added;
    pxr_name_split(split, dst, *dst_bytes);
}

enum pxr_err pxr_writer_free_name(pxr_writer *w, char name[256], size_t *name_bytes, struct pxr_name_split *split)
{
    enum { TRIED_IN_TURN = 16 };
    const size_t n = *name_bytes;
    char tried[256];
    bool taken = false;
    pxr_name_split(split, name, n);
    enum pxr_err e = is_taken(w, split, &taken);
    if (e != PXR_OK || !taken)
        return e;
    if (!w->opts.suffix_names)
        return pxr_fail(&w->diag, PXR_E_MISMATCH, "the name '%.80s' exists already", name);
    /* lo is taken; a free one is looked for by doubling, and the first one behind a taken one by halves: a million frames of one
     * name must not try a million suffixes each. */
    uint64_t lo = 1, hi = 2;
    for (; taken && e == PXR_OK; hi = hi < TRIED_IN_TURN ? hi + 1 : 2 * hi) {
        suffix_name(name, n, hi, tried, name_bytes, split);
        e = is_taken(w, split, &taken);
        if (!taken)
            break;
        lo = hi;
    }
    while (e == PXR_OK && hi - lo > 1) {
        const uint64_t mid = lo + (hi - lo) / 2;
        suffix_name(name, n, mid, tried, name_bytes, split);
        e = is_taken(w, split, &taken);
        *(taken ? &lo : &hi) = mid;
    }
    suffix_name(name, n, hi, tried, name_bytes, split);
    memcpy(name, tried, *name_bytes + 1);
    pxr_name_split(split, name, *name_bytes);
    return e;
}

/* The name that the frame gets: its own, or a free one that ends in -2, -3, ... */
static enum pxr_err choose_name(pxr_writer *w, const struct pxr_frame_in *f, char name[256],
                                size_t *name_bytes, struct pxr_name_split *split)
{
    size_t n = f->name ? (f->name_bytes ? f->name_bytes : strlen(f->name)) : 0;
    if (f->name) {
        const char *objection = pxr_name_objection(f->name, n);
        if (objection)
            return pxr_fail(&w->diag, PXR_E_INVALID, "the name '%.*s' %s",
                            (int)pxr_min_u64(n, 80), f->name, objection);
        memcpy(name, f->name, n);
        name[n] = 0;
    } else {
        n = (size_t)snprintf(name, 256, "%06" PRIu64, w->n_frames_added);
    }
    *name_bytes = n;
    return pxr_writer_free_name(w, name, name_bytes, split);
}

/* Whether groups are as long as the writer likes. */
static bool has_free_length(const pxr_writer *w)
{
    return !w->opts.block_frames && w->opts.preset != PXR_PRESET_FAST &&
           (w->opts.codec == PXR_CODEC_AUTO || w->opts.codec == PXR_CODEC_MATCH ||
            w->opts.codec == PXR_CODEC_PREDICT);
}

enum pxr_err pxr_writer_add(pxr_writer *w, const struct pxr_frame_in *f)
{
    char name[256];
    size_t name_bytes = 0;
    struct pxr_name_split split;
    if (w->failed != PXR_OK)
        return pxr_fail(&w->diag, PXR_E_STATE, "this writer has failed before");
    enum pxr_err e = check_samples(w, f);
    if (e == PXR_OK)
        e = choose_name(w, f, name, &name_bytes, &split);
    if (e != PXR_OK)
        return pxr_diag_in_frame(&w->diag, e, w->n_frames_added); /* nothing has happened */
    struct pxr_pending_group *g = &w->slots[w->filling];
    if (!g->n_frames)
        g->first_frame = w->n_frames_added;
    if (!pxr_name_set_add(&w->names, &split))
        e = pxr_fail_nomem(&w->diag, sizeof split);
    if (e == PXR_OK)
        e = pxr_pending_group_add(g, f, name, name_bytes, &w->diag);
    if (e == PXR_OK) {
        w->n_frames_added++;
        if (g->n_frames == g->max_frames && has_free_length(w))
            e = pxr_pending_group_extend(g, w->opts.preset == PXR_PRESET_MAX, &w->diag);
        if (e == PXR_OK && g->n_frames == g->max_frames)
            e = pxr_writer_submit(w);
    }
    w->failed = e;
    return e;
}

enum pxr_err pxr_writer_commit(pxr_writer *w)
{
    if (w->failed != PXR_OK)
        return pxr_fail(&w->diag, PXR_E_STATE, "this writer has failed before");
    const bool has_news = w->n_frames_added > w->n_frames_committed || (w->meta && !w->has_meta_page);
    return !w->durable_end_off || has_news ? pxr_writer_commit_all(w) : PXR_OK;
}

enum pxr_err pxr_writer_commit_all(pxr_writer *w)
{
    enum pxr_err e = pxr_writer_flush(w);
    if (e == PXR_OK)
        e = pxr_writer_commit_written(w);
    return w->failed = e;
}

void pxr_writer_summary(const pxr_writer *w, struct pxr_write_summary *out)
{
    *out = w->summary;
    out->archive_bytes = w->emit.end_off;
}

uint64_t pxr_writer_n_frames(const pxr_writer *w) { return w->n_frames_added; }

const struct pxr_diag *pxr_writer_diag(const pxr_writer *w) { return &w->diag; }

enum pxr_err pxr_writer_finish(pxr_writer *w, struct pxr_write_summary *out, struct pxr_diag *diag)
{
    enum pxr_err e = pxr_writer_commit(w);
    int sys_errno = 0;
    if (out)
        pxr_writer_summary(w, out);
    if (e == PXR_OK && !w->is_published) {
        e = w->emit.file.io.publish(w->emit.file.arg, &sys_errno);
        if (e == PXR_E_BUSY)
            pxr_fail(&w->diag, e, "a file of this name has appeared meanwhile");
        else if (e != PXR_OK)
            pxr_fail_sys(&w->diag, e, sys_errno, "cannot be given its final name");
    }
    if (e != PXR_OK) {
        if (diag)
            *diag = w->diag;
        give_up(w);
    }
    writer_free(w);
    return e;
}

void pxr_writer_abort(pxr_writer *w)
{
    if (!w)
        return;
    give_up(w);
    writer_free(w);
}
