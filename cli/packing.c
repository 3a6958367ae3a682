/* SPDX-License-Identifier: MIT
 * What pack and append share: pictures become frames of an archive. */
#include "packing.h"

#include "still_gray.h"
#include "still_tiles.h"
#include "stop.h"

#include "diag.h"
#include "utf8.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

const char *const pxr_pack_codecs[] = {"auto", "store", "zstd", "predict", "match", "adaptive", "sorted", NULL};
const char *const pxr_pack_presets[] = {"default", "fast", "max", NULL};

/* The stem: without the extensions of formats that we read, so that "scan.0001" stays whole. */
static size_t stem_bytes(const char *name, bool is_video)
{
    static const char *const extensions[] = {".png", ".pgm", ".pnm", ".ppm", ".pbm",
                                             ".y4m", ".npy", ".tif", ".tiff", ".ser", ".fits", ".fit", ".fts", ".raw", ".bin", ".dat"};
    const char *dot = strrchr(name, '.');
    if (dot && dot > name && (is_video || pxr_still_has_name(name)))
        return (size_t)(dot - name);
    for (size_t i = 0; dot && dot > name && i < sizeof extensions / sizeof extensions[0]; i++)
        if (!strcasecmp(dot, extensions[i]))
            return (size_t)(dot - name);
    return strlen(name);
}

/* What a frame is called after its file; its number where it came from a pipe. */
static void source_name(const struct pxr_pack *p, const struct pxr_fed *fed, char *dst, size_t dst_bytes)
{
    struct pxr_tile_name tile;
    int n = fed->name ? (int)stem_bytes(fed->name, p->o.via_ffmpeg) : 0;
    if (n && pxr_tile_name_parse(fed->name, &tile)) /* the picture's */
        n = (int)tile.stem_bytes;
    if (!fed->name)
        snprintf(dst, dst_bytes, "%06" PRIu64, p->n_before + p->n_frames);
    else if (fed->is_single)
        snprintf(dst, dst_bytes, "%.*s", n, fed->name);
    else
        snprintf(dst, dst_bytes, "%.*s-%06" PRIu64, n, fed->name, fed->image->number);
}

/* The name of the next frame, or "" where it is its number. */
static enum pxr_err frame_name(const struct pxr_pack *p, const struct pxr_fed *fed, char *dst,
                               size_t dst_bytes, struct pxr_diag *diag)
{
    dst[0] = 0;
    if (p->o.names == PXR_NAMES_NUMBER || !fed->name)
        return PXR_OK;
    source_name(p, fed, dst, dst_bytes);
    const char *objection = pxr_name_objection(dst, strlen(dst));
    if (!objection)
        return PXR_OK;
    return pxr_fail(diag, PXR_E_INVALID,
                    "the name of the frame %s; --names number takes numbers instead", objection);
}

/* The time stamp that the options ask for. */
static enum pxr_err frame_time(const struct pxr_pack *p, const struct pxr_fed *fed, struct pxr_frame_in *frame,
                               struct pxr_diag *diag)
{
    char name[512];
    frame->has_time = p->o.time || p->o.time_pattern || p->o.time_csv;
    source_name(p, fed, name, sizeof name);
    if (p->o.time_csv)
        return pxr_times_find(&p->times, name, p->n_seen, &frame->time_ns, diag);
    if (p->o.time_pattern && (!fed->is_single || !fed->name))
        return pxr_fail(diag, PXR_E_INVALID,
                        "--time-pattern takes one time from a file's name, and this holds many pictures; --time-csv "
                        "gives each its own");
    if (p->o.time_pattern)
        return pxr_time_pattern_match(p->o.time_pattern, name, &frame->time_ns, diag);
    if (p->o.time == PXR_TIME_SOURCE) {
        frame->time_ns = fed->image->time_ns;
        return fed->image->has_time ? PXR_OK : pxr_fail(diag, PXR_E_MISMATCH, "holds no time stamp of this picture");
    }
    frame->has_time = p->o.time == PXR_TIME_MTIME && fed->is_single;
    frame->time_ns = fed->mtime_ns;
    return PXR_OK;
}

/* 8-bit samples in 16-bit containers: the values stay, only their room grows. */
static enum pxr_err widen(struct pxr_pack *p, struct pxr_image *image, struct pxr_diag *diag)
{
    const size_t n_px = (size_t)image->width_px * image->height_px;
    p->wide.n_bytes = 0;
    uint16_t *dst = (uint16_t *)(void *)pxr_buffer_extend(&p->wide, n_px * 2);
    if (!dst)
        return pxr_fail_nomem(diag, n_px * 2);
    for (uint32_t y = 0; y < image->height_px; y++) {
        const uint8_t *row = (const uint8_t *)image->pixels + y * image->stride_bytes;
        for (uint32_t x = 0; x < image->width_px; x++)
            *dst++ = row[x];
    }
    image->pixels = p->wide.bytes;
    image->stride_bytes = (size_t)image->width_px * 2;
    image->bits = 16;
    image->maxval = UINT16_MAX; /* a PGM of 16-bit samples needs a maxval above 255 */
    image->sbit = 0;            /* it spoke about the narrow samples */
    return PXR_OK;
}

static enum pxr_err check_geometry(const struct pxr_pack *p, const struct pxr_image *image,
                                   struct pxr_diag *diag)
{
    const struct pxr_write_opts *w = &p->write;
    if (image->width_px == w->width_px && image->height_px == w->height_px &&
        image->bits == w->bits)
        return PXR_OK;
    const bool is_depth = image->width_px == w->width_px && image->height_px == w->height_px;
    return pxr_fail(diag, PXR_E_MISMATCH,
                    "is %" PRIu32 "x%" PRIu32 "x%u, expected %" PRIu32 "x%" PRIu32
                    "x%u like the %s; %s",
                    image->width_px, image->height_px, image->bits, w->width_px, w->height_px,
                    w->bits, p->is_append ? "archive" : "first frame",
                    is_depth ? "--depth 16 takes both depths, --keep-going skips such frames"
                             : "--keep-going skips such frames");
}

/* The first frame fixes the geometry and creates the archive. */
static enum pxr_err begin(struct pxr_pack *p, const struct pxr_image *image, struct pxr_diag *diag)
{
    p->write.width_px = image->width_px;
    p->write.height_px = image->height_px;
    p->write.bits = image->bits;
    if (p->o.dry_run)
        return PXR_OK;
    enum pxr_err e = pxr_writer_create(&p->writer, p->o.out_path, &p->write, diag);
    if (e == PXR_OK && p->commit_s > 0)
        e = pxr_commit_clock_start(&p->clock, p->writer, p->commit_s, diag);
    return pxr_diag_in_file(diag, e, p->o.out_path);
}

static enum pxr_err add_frame(struct pxr_pack *p, const struct pxr_fed *fed,
                              const struct pxr_image *image, const char *name,
                              struct pxr_diag *diag)
{
    struct pxr_frame_in frame = {
        .pixels = image->pixels,
        .stride_bytes = image->stride_bytes,
        .name = *name ? name : NULL,
        .maxval = image->maxval,
        .sbit = image->sbit,
    };
    enum pxr_err e = frame_time(p, fed, &frame, diag);
    if (e != PXR_OK && !fed->is_single)
        pxr_diag_in_frame(diag, e, image->number);
    if (e != PXR_OK)
        return pxr_diag_in_file(diag, e, fed->path);
    if (p->o.dry_run) {
        printf("%s", fed->path);
        if (!fed->is_single)
            printf("[%" PRIu64 "]", image->number);
        *name ? printf(" -> %s\n", name) : printf(" -> %06" PRIu64 "\n", p->n_before + p->n_frames);
        return PXR_OK;
    }
    e = pxr_commit_clock_lock(&p->clock, diag);
    if (e != PXR_OK) /* a commit has failed meanwhile */
        return pxr_diag_in_file(diag, e, p->o.out_path);
    e = pxr_writer_add(p->writer, &frame);
    if (e == PXR_OK && p->commit_frames && ++p->n_uncommitted >= p->commit_frames) {
        e = pxr_writer_commit(p->writer);
        p->n_uncommitted = 0;
    }
    if (e != PXR_OK)
        *diag = *pxr_writer_diag(p->writer);
    pxr_writer_summary(p->writer, &p->summary);
    pxr_commit_clock_unlock(&p->clock);
    if (e == PXR_OK)
        return e;
    /* Only an error about this frame belongs to its file. */
    const bool is_frame = e == PXR_E_MISMATCH || e == PXR_E_INVALID;
    const size_t n = strlen(diag->text);
    if (e == PXR_E_MISMATCH && !diag->has_values) /* the other one, maxval, has values */
        snprintf(diag->text + n, sizeof diag->text - n,
                 "; --duplicate-names suffix or --names number helps");
    return pxr_diag_in_file(diag, e, is_frame ? fed->path : p->o.out_path);
}

static enum pxr_err take(struct pxr_pack *p, const struct pxr_fed *fed, struct pxr_diag *diag)
{
    if (!fed->image) {
        *diag = *fed->diag;
        return fed->err;
    }
    struct pxr_image image = *fed->image;
    char name[512];
    enum pxr_err e = p->o.depth && image.bits == 8 ? widen(p, &image, diag) : PXR_OK;
    if (e == PXR_OK)
        e = frame_name(p, fed, name, sizeof name, diag);
    const bool is_first = !p->write.width_px;
    if (e == PXR_OK && !is_first)
        e = check_geometry(p, &image, diag);
    if (e != PXR_OK && !fed->is_single)
        pxr_diag_in_frame(diag, e, image.number);
    if (e != PXR_OK)
        return pxr_diag_in_file(diag, e, fed->path);
    if (is_first)
        e = begin(p, &image, diag);
    if (e == PXR_OK)
        e = add_frame(p, fed, &image, name, diag);
    if (e != PXR_OK)
        return e;
    p->n_frames++;
    p->pixel_bytes += (uint64_t)image.width_px * image.height_px * (image.bits / 8u);
    if (p->o.verbose && !p->o.dry_run)
        pxr_cli_say("%s: packed as %s", fed->path, *name ? name : "its number");
    return PXR_OK;
}

enum pxr_err pxr_pack_picture(void *arg, const struct pxr_fed *fed, struct pxr_diag *diag)
{
    struct pxr_pack *p = arg;
    if (pxr_stop_signal())
        return pxr_fail(diag, PXR_E_STATE, "interrupted");
    struct pxr_diag found;
    if (fed->image && fed->image->warning && !p->o.quiet) {
        pxr_progress_clear(&p->progress);
        pxr_cli_say("%s: warning: %s", fed->path, fed->image->warning);
    }
    const enum pxr_err e = take(p, fed, &found);
    p->n_seen++;
    if (!fed->is_single)
        p->progress.total = 0; /* files were counted, and this one holds many frames */
    if (e == PXR_OK) {
        /* Of what was written: frames that still wait for their group to be full say nothing yet. */
        const struct pxr_write_summary *s = &p->summary;
        pxr_progress_show(&p->progress, p->n_frames, p->pixel_bytes,
                          s->n_frames ? (double)s->pixel_bytes / (double)s->archive_bytes : 0);
        return PXR_OK;
    }
    /* What the data did can be passed over; what the machine or the caller did cannot. */
    const int code = pxr_err_exit(e);
    if (p->o.follow && !fed->image && found.sys_errno == ENOENT)
        return PXR_OK; /* somebody took it away again before it could be read */
    if (p->o.keep_going && code != pxr_err_exit(PXR_E_IO) && code != pxr_err_exit(PXR_E_INVALID)) {
        pxr_progress_clear(&p->progress);
        pxr_cli_fail(&found);
        if (p->follow && !fed->image && fed->name &&
            pxr_follow_was_broken(p->follow, fed->name, diag) != PXR_OK)
            return PXR_E_NOMEM;
        p->n_skipped++;
        return PXR_OK;
    }
    if (diag)
        *diag = found;
    return e;
}

bool pxr_pack_parse_block(const char *text, struct pxr_write_opts *w)
{
    uint32_t *const fields[] = {&w->block_frames, &w->block_height_px, &w->block_width_px};
    for (size_t i = 0; i < 3; i++) {
        char digits[12];
        uint64_t v;
        const size_t n = strcspn(text, "x");
        if (n >= sizeof digits)
            return false;
        memcpy(digits, text, n);
        digits[n] = 0;
        if (!pxr_parse_u64(digits, 1, UINT32_MAX, &v) || text[n] != (i < 2 ? 'x' : 0))
            return false;
        *fields[i] = (uint32_t)v;
        text += n + 1;
    }
    return true;
}
