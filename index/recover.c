/* SPDX-License-Identifier: MIT
 * A new archive from what is left of a damaged one: sound groups are copied as they are, of the others
 * the good frames are written anew, and everything that is missing is told. */
#include "parity_repair.h"
#include "salvage.h"
#include "two_copies.h"
#include "view_index.h"
#include "writer.h"

#include "diag.h"

#include <inttypes.h>
#include <stdio.h>

struct recover {
    struct pxr_salvage found;
    struct pxr_repair_view *repaired, *second_repaired; /* NULL: nothing to repair */
    struct pxr_file second;                             /* zeros: there is none    */
    struct pxr_two_copies *both;                        /* NULL: there is no second one */
    uint8_t parity_percent;           /* of the damaged archive  */
    const struct pxr_recover_opts *opts;
    struct pxr_recover_report *report;
    pxr_archive *archive; /* bare */
    pxr_decoder *decoder;
    pxr_writer *writer;
    uint8_t *pixels, *row; /* a frame; a row of the PNG view */
    pxr_xxh3 *hash;
    struct pxr_frame_sums *sums; /* of a group's frames */
    struct pxr_diag *why;        /* of a group's frames; code PXR_OK: good */
    size_t sums_capacity, why_capacity;
};

/* One group, while it is looked at. */
struct patient {
    const struct pxr_found_group *found;
    struct pxr_dir_entry dir;
    struct pxr_loaded_group *group; /* referenced by the decoder */
    pxr_cache_entry *frames_entry;
    struct pxr_loaded_frames *frames; /* NULL: lost */
    uint32_t n_good;
    bool has_wrong_sums; /* pixels are right, what the page says of their PNG view is not: only a forger does this */
};

static bool is_damage(enum pxr_err e)
{
    return e == PXR_E_CORRUPT || e == PXR_E_TRUNCATED || e == PXR_E_UNSUPPORTED || e == PXR_E_LIMIT;
}

/* ---- telling what is lost ----------------------------------------------------------------------- */

static void name_frame(const struct recover *r, const struct patient *p, uint32_t i, char dst[256])
{
    struct pxr_frame_info info;
    dst[0] = 0;
    if (!p || !p->frames)
        return;
    pxr_frames_describe(r->archive, &p->dir, p->frames, i, &info);
    memcpy(dst, info.name, info.name_bytes + 1);
}

static void tell(struct recover *r, const struct patient *p, uint64_t first, uint64_t n, bool is_kept,
                 const struct pxr_diag *why)
{
    struct pxr_loss loss = {.first_frame = first, .n_frames = n, .is_kept = is_kept, .why = why};
    if (p) {
        name_frame(r, p, (uint32_t)(first - p->dir.first_frame), loss.first_name);
        name_frame(r, p, (uint32_t)(first + n - 1 - p->dir.first_frame), loss.last_name);
    }
    *(is_kept ? &r->report->n_names_lost : &r->report->n_frames_lost) += n;
    if (r->opts->lost)
        r->opts->lost(r->opts->arg, &loss);
}

static void tell_gap(struct recover *r, uint64_t first, uint64_t end)
{
    struct pxr_diag why;
    if (first >= end)
        return;
    pxr_fail(&why, PXR_E_CORRUPT, "no trace of them is left");
    tell(r, NULL, first, end - first, false, &why);
}

/* Frames with the same kind of damage next to each other are one loss. */
static void tell_bad_frames(struct recover *r, const struct patient *p)
{
    for (uint32_t i = 0, n; i < p->dir.n_frames; i += n) {
        for (n = 1; i + n < p->dir.n_frames && r->why[i + n].code == r->why[i].code; n++)
            ;
        if (r->why[i].code != PXR_OK)
            tell(r, p, p->dir.first_frame + i, n, false, &r->why[i]);
    }
}

/* ---- one group ---------------------------------------------------------------------------------- */

static enum pxr_err load_group(struct recover *r, struct patient *p, struct pxr_diag *diag)
{
    pxr_cache_entry *entry;
    enum pxr_err e = pxr_group_get(r->archive, &p->dir, &entry, &p->group, diag);
    if (e != PXR_OK)
        return e;
    pxr_decoder_take(r->decoder, entry, p->group);
    return PXR_OK;
}

/* Any error but damage ends the recovery; a page that is damaged is lost. */
static enum pxr_err load_frames(struct recover *r, struct patient *p, struct pxr_diag *why, struct pxr_diag *diag)
{
    enum pxr_err e = pxr_fail(why, PXR_E_CORRUPT, "their frame page is lost");
    if (p->dir.frames.n_bytes)
        e = pxr_frames_get(r->archive, &p->dir, &p->frames_entry, &p->frames, why);
    if (e == PXR_OK || is_damage(e))
        return PXR_OK;
    *diag = *why;
    return e;
}

/* Decode one frame and compare: why->code is PXR_OK where it can be proved right. */
static enum pxr_err examine(struct recover *r, struct patient *p, uint32_t i, struct pxr_diag *why,
                            struct pxr_diag *diag)
{
    const struct pxr_superblock *sb = &r->archive->sb;
    const size_t row = (size_t)sb->width_px * (sb->bits / 8u), n = row * sb->height_px;
    struct pxr_frame_info info;
    pxr_diag_clear(why);
    const enum pxr_err e = pxr_frame_read(r->decoder, p->dir.first_frame + i, 0, sb->height_px, r->pixels, n, row);
    if (e != PXR_OK) {
        *why = *pxr_decoder_diag(r->decoder);
        if (is_damage(e))
            return PXR_OK;
        *diag = *why;
        return e;
    }
    r->sums[i] = pxr_frame_sums(r->pixels, sb->width_px, sb->height_px, sb->bits, r->row, r->hash);
    if (!p->frames) {
        if (!p->found->is_proved)
            pxr_fail(why, PXR_E_CORRUPT, "nothing is left that proves them right");
        return PXR_OK;
    }
    pxr_frames_describe(r->archive, &p->dir, p->frames, i, &info);
    if (info.pixel_hash != r->sums[i].pixel_hash)
        pxr_fail_field(why, PXR_E_CORRUPT, PXR_NONE, "pixel_hash", info.pixel_hash, r->sums[i].pixel_hash,
                       "does not decode to the pixels that were stored");
    p->has_wrong_sums |= info.adler32 != r->sums[i].adler32;
    return PXR_OK;
}

/* The good frames of a group that has bad ones. */
static enum pxr_err encode_good(struct recover *r, struct patient *p, struct pxr_diag *diag)
{
    const struct pxr_superblock *sb = &r->archive->sb;
    const size_t row = (size_t)sb->width_px * (sb->bits / 8u), n = row * sb->height_px;
    enum pxr_err e = PXR_OK;
    for (uint32_t i = 0; i < p->dir.n_frames && e == PXR_OK; i++) {
        const uint64_t frame = p->dir.first_frame + i;
        struct pxr_frame_info info = {.maxval = (uint16_t)((1u << sb->bits) - 1)};
        size_t meta_bytes = 0;
        const char *meta = NULL;
        if (r->why[i].code != PXR_OK)
            continue;
        e = pxr_frame_read(r->decoder, frame, 0, sb->height_px, r->pixels, n, row);
        if (e != PXR_OK) {
            *diag = *pxr_decoder_diag(r->decoder);
            return e;
        }
        if (p->frames) {
            pxr_frames_describe(r->archive, &p->dir, p->frames, i, &info);
            meta = pxr_frames_meta(p->frames, i, &meta_bytes);
        } else {
            info.name_bytes = (size_t)snprintf(info.name, sizeof info.name, "%06" PRIu64, frame);
        }
        const struct pxr_frame_in f = {.pixels = r->pixels, .name = info.name, .name_bytes = info.name_bytes,
                                       .has_time = info.has_time, .time_ns = info.time_ns, .maxval = info.maxval,
                                       .sbit = info.sbit, .meta = meta, .meta_bytes = meta_bytes};
        e = pxr_writer_add(r->writer, &f);
        if (e == PXR_E_MISMATCH || e == PXR_E_INVALID) { /* only what nobody packed exceeds its maxval */
            r->why[i] = *pxr_writer_diag(r->writer);
            p->n_good--;
            e = PXR_OK;
        }
        if (e != PXR_OK)
            *diag = *pxr_writer_diag(r->writer);
    }
    r->report->n_groups_encoded++;
    return e;
}

static enum pxr_err keep(struct recover *r, struct patient *p, const struct pxr_diag *no_page,
                         struct pxr_diag *diag)
{
    bool is_copied = p->n_good == p->dir.n_frames && !p->has_wrong_sums;
    enum pxr_err e = PXR_OK;
    if (is_copied) {
        e = pxr_writer_copy_group(r->writer, r->archive, &p->dir, p->group, p->frames, r->sums);
        if (e != PXR_OK)
            *diag = *pxr_writer_diag(r->writer);
        is_copied = e != PXR_E_INVALID; /* what a forger made so that it is in the way when it is copied */
        r->report->n_groups_copied += is_copied;
    }
    if (!is_copied && p->n_good)
        e = encode_good(r, p, diag);
    if (e != PXR_OK)
        return e;
    tell_bad_frames(r, p);
    r->report->n_frames += p->n_good;
    r->report->n_frames_uncommitted += p->found->is_committed ? 0 : p->n_good;
    if (!p->frames && p->n_good)
        for (uint32_t i = 0, n; i < p->dir.n_frames; i += n) {
            for (n = 1; i + n < p->dir.n_frames && !r->why[i + n].code == !r->why[i].code; n++)
                ;
            if (r->why[i].code == PXR_OK)
                tell(r, p, p->dir.first_frame + i, n, true, no_page);
        }
    return PXR_OK;
}

/* *end: where its frames end. */
static enum pxr_err treat(struct recover *r, const struct pxr_found_group *found, uint64_t *end, struct pxr_diag *diag)
{
    *end = found->dir.first_frame + found->dir.n_frames;
    struct patient p = {.found = found, .dir = found->dir};
    struct pxr_diag no_page, why;
    if (!pxr_reserve(&r->sums, &r->sums_capacity, p.dir.n_frames, sizeof *r->sums) ||
        !pxr_reserve(&r->why, &r->why_capacity, p.dir.n_frames, sizeof *r->why))
        return pxr_fail_nomem(diag, p.dir.n_frames * sizeof *r->why);
    enum pxr_err e = load_frames(r, &p, &no_page, diag);
    if (e != PXR_OK)
        return e;
    e = load_group(r, &p, &why);
    if (is_damage(e) && !p.frames && !found->is_proved) {
        *end = p.dir.first_frame; /* not even its number of frames can be believed */
        return PXR_OK;
    }
    if (is_damage(e)) {
        tell(r, &p, p.dir.first_frame, p.dir.n_frames, false, &why);
        pxr_cache_put(r->archive->index_cache, p.frames_entry);
        return PXR_OK;
    }
    if (e != PXR_OK)
        *diag = why;
    for (uint32_t i = 0; i < p.dir.n_frames && e == PXR_OK; i++) {
        e = examine(r, &p, i, &r->why[i], diag);
        p.n_good += e == PXR_OK && r->why[i].code == PXR_OK;
    }
    if (e == PXR_OK)
        e = keep(r, &p, &no_page, diag);
    pxr_cache_put(r->archive->index_cache, p.frames_entry);
    return e;
}

/* ---- all of it ---------------------------------------------------------------------------------- */

static void keep_open(void *arg) { (void)arg; }

/* The metadata of the archive, as JSON text; none: NULL.  It may be lost, and that is told. */
static enum pxr_err read_meta(struct recover *r, uint8_t **meta, size_t *n_bytes, struct pxr_diag *diag)
{
    const struct pxr_ref *ref = &r->found.meta;
    *meta = NULL;
    *n_bytes = 0;
    if (!ref->n_bytes) {
        r->report->is_meta_lost = r->found.has_meta_ref;
        return PXR_OK;
    }
    uint8_t *page = pxr_alloc(ref->n_bytes);
    if (!page)
        return pxr_fail_nomem(diag, ref->n_bytes);
    const enum pxr_err e = pxr_read_hashed(&r->found.file, ref, page, diag);
    if (e != PXR_OK) {
        pxr_free(page);
        return e;
    }
    *n_bytes = ref->n_bytes - PXR_PAGE_HEADER_BYTES;
    memmove(page, page + PXR_PAGE_HEADER_BYTES, *n_bytes);
    *meta = page;
    return PXR_OK;
}

/* Where what was found goes: with the same nominal blocks. */
static enum pxr_err begin(struct recover *r, const struct pxr_file *fresh, struct pxr_diag *diag)
{
    const struct pxr_superblock *sb = &r->found.sb;
    struct pxr_write_opts o = {
        .width_px = sb->width_px, .height_px = sb->height_px, .bits = sb->bits, .max_error = sb->max_error,
        .block_frames = sb->nominal_frames, .block_height_px = sb->nominal_height_px, .block_width_px = sb->nominal_width_px,
        .n_threads = r->opts->n_threads, .suffix_names = true, .parity_percent = r->opts->parity_percent,
    };
    if (!o.parity_percent && pxr_parity_is_built_in())
        o.parity_percent = r->parity_percent;
    struct pxr_superblock own;
    uint8_t *meta;
    enum pxr_err e = read_meta(r, &meta, &o.meta_bytes, diag);
    o.meta = (const char *)meta;
    if (e == PXR_OK)
        e = pxr_writer_check_opts(&own, &o, diag);
    own.nominal_unit_frames = sb->nominal_unit_frames;
    if (e == PXR_OK) {
        e = pxr_writer_new(&r->writer, fresh, &own, &o, NULL, diag);
        if (e == PXR_OK)
            r->writer->keeps_samples = true; /* what is saved was rounded when it was packed */
    } else {
        struct pxr_file file = *fresh;
        file.io.discard(file.arg);
        pxr_file_close(&file);
    }
    pxr_free(meta);
    return e;
}

static enum pxr_err prepare(struct recover *r, const struct pxr_file *damaged, struct pxr_diag *diag)
{
    const struct pxr_superblock *sb = &r->found.sb;
    const size_t row = (size_t)sb->width_px * (sb->bits / 8u);
    struct pxr_io borrowed = damaged->io;
    borrowed.close = keep_open;
    const enum pxr_err e = pxr_archive_open_bare(&r->archive, &borrowed, damaged->arg, sb, diag);
    if (e != PXR_OK)
        return e;
    r->pixels = pxr_alloc(row * sb->height_px);
    r->row = pxr_alloc(row + 1);
    r->hash = pxr_xxh3_new();
    if (!r->pixels || !r->row || !r->hash || pxr_decoder_new(&r->decoder, r->archive) != PXR_OK)
        return pxr_fail_nomem(diag, row * sb->height_px);
    return PXR_OK;
}

static enum pxr_err rebuild(struct recover *r, struct pxr_diag *diag)
{
    uint64_t next = 0;
    enum pxr_err e = PXR_OK;
    for (size_t i = 0; i < r->found.n_groups && e == PXR_OK; i++) {
        const struct pxr_dir_entry *dir = &r->found.groups[i].dir;
        tell_gap(r, next, dir->first_frame);
        e = treat(r, &r->found.groups[i], &next, diag);
        if (r->opts->progress)
            r->opts->progress(r->opts->arg, next, pxr_max_u64(next, r->found.n_frames_committed));
    }
    if (e == PXR_OK)
        tell_gap(r, next, r->found.n_frames_committed);
    return e;
}

static void fini(struct recover *r)
{
    pxr_writer_abort(r->writer);
    pxr_decoder_free(r->decoder);
    pxr_archive_close(r->archive);
    pxr_free(r->pixels);
    pxr_free(r->row);
    pxr_xxh3_free(r->hash);
    pxr_free(r->sums);
    pxr_free(r->why);
    pxr_salvage_fini(&r->found);
    pxr_two_copies_free(r->both); /* the archive and the salvage read it */
    pxr_repair_free(r->repaired);
    pxr_repair_free(r->second_repaired);
    pxr_file_close(&r->second);
}

static enum pxr_err open_second(struct recover *r, struct pxr_diag *diag)
{
    if (r->opts->second)
        return pxr_diag_in_file(diag, pxr_file_open(&r->second, r->opts->second, diag), r->opts->second);
    if (r->opts->second_io) {
        r->second = (struct pxr_file){*r->opts->second_io, r->opts->second_arg};
        r->second.io.close = keep_open;
    }
    return PXR_OK;
}

/* What is read: the damaged file, seen through its parity and, where there is one, together with the second copy. */
static enum pxr_err choose_source(struct recover *r, const struct pxr_file *damaged, struct pxr_file *source,
                                  struct pxr_diag *diag)
{
    struct pxr_recover_report unused;
    struct pxr_recover_opts quiet = *r->opts;
    uint8_t percent = 0;
    quiet.repaired = NULL; /* its places are those of another file */
    *source = *damaged;
    enum pxr_err e = pxr_repair_scan(&r->repaired, damaged, r->opts, r->report, &r->parity_percent, diag);
    if (e == PXR_OK && r->repaired)
        *source = pxr_repair_file(r->repaired);
    if (e == PXR_OK)
        e = open_second(r, diag);
    if (e != PXR_OK || !r->second.io.read_at)
        return e;
    struct pxr_file second = r->second;
    e = pxr_repair_scan(&r->second_repaired, &r->second, &quiet, &unused, &percent, diag);
    if (e == PXR_OK && r->second_repaired)
        second = pxr_repair_file(r->second_repaired);
    if (e == PXR_OK)
        e = pxr_two_copies_open(&r->both, source, &second, diag);
    if (e != PXR_OK)
        return e;
    r->parity_percent = r->parity_percent ? r->parity_percent : percent;
    r->report->n_bytes_second = pxr_two_copies_taken(r->both);
    *source = pxr_two_copies_file(r->both);
    return PXR_OK;
}

/* What the damaged archive had indexed, if its index can be found at all: it is no part of what recovers. */
static enum pxr_err carry_indexes(struct recover *r, const struct pxr_file *damaged, struct pxr_diag *diag)
{
    struct pxr_io borrowed = damaged->io;
    struct pxr_diag unused;
    pxr_archive *old;
    borrowed.close = keep_open;
    if (pxr_archive_open_io(&old, &borrowed, damaged->arg, NULL, &unused) != PXR_OK)
        return PXR_OK;
    const enum pxr_err e = pxr_index_carry(r->writer, old, r->opts->n_threads, diag);
    pxr_archive_close(old);
    return e;
}

/* Both files stay the caller's until fresh is created: path NULL means that fresh is there already. */
static enum pxr_err recover(const struct pxr_file *damaged, struct pxr_file *fresh, const char *path,
                            const struct pxr_recover_opts *opts, struct pxr_recover_report *report,
                            struct pxr_diag *diag)
{
    static const struct pxr_recover_opts none;
    struct pxr_diag unused;
    struct recover r = {.opts = opts ? opts : &none, .report = report};
    struct pxr_write_summary summary;
    diag = diag ? diag : &unused;
    *report = (struct pxr_recover_report){0};
    struct pxr_file source;
    enum pxr_err e = choose_source(&r, damaged, &source, diag);
    if (e == PXR_OK)
        e = pxr_salvage_scan(&r.found, &source, r.opts, report, diag);
    if (e == PXR_OK)
        e = prepare(&r, &source, diag);
    if (e == PXR_OK && path)
        e = pxr_file_create(fresh, path, r.opts->overwrite, diag);
    if (e == PXR_OK) {
        e = begin(&r, fresh, diag);
        *fresh = (struct pxr_file){0}; /* the writer's, or closed */
    }
    if (e == PXR_OK)
        e = rebuild(&r, diag);
    if (e == PXR_OK)
        e = carry_indexes(&r, damaged, diag);
    if (e == PXR_OK) {
        e = pxr_writer_finish(r.writer, &summary, diag);
        r.writer = NULL;
        report->archive_bytes = summary.archive_bytes;
    }
    fini(&r);
    if (fresh->io.discard)
        fresh->io.discard(fresh->arg);
    pxr_file_close(fresh);
    return e;
}

enum pxr_err pxr_archive_recover(const char *damaged, const char *fresh, const struct pxr_recover_opts *opts,
                                 struct pxr_recover_report *report, struct pxr_diag *diag)
{
    struct pxr_file from, to = {0};
    enum pxr_err e = pxr_file_open(&from, damaged, diag);
    if (e != PXR_OK)
        return pxr_diag_in_file(diag, e, damaged);
    e = recover(&from, &to, fresh, opts, report, diag);
    pxr_file_close(&from);
    /* What concerns the new file says so itself. */
    return diag && diag->file[0] ? e : pxr_diag_in_file(diag, e, damaged);
}

enum pxr_err pxr_archive_recover_io(const struct pxr_io *damaged, void *damaged_arg, const struct pxr_io *fresh,
                                    void *fresh_arg, const struct pxr_recover_opts *opts,
                                    struct pxr_recover_report *report, struct pxr_diag *diag)
{
    struct pxr_file from = {*damaged, damaged_arg}, to = {*fresh, fresh_arg};
    const enum pxr_err e = recover(&from, &to, NULL, opts, report, diag);
    pxr_file_close(&from);
    return e;
}
