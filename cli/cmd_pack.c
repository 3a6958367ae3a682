/* SPDX-License-Identifier: MIT
 * pixelrain pack: images become an archive. */
#include "cli.h"

#include "feed.h"
#include "inputs.h"
#include "still_gray.h"
#include "stop.h"
#include "times.h"

#include "alloc.h"
#include "buffer.h"
#include "diag.h"
#include "io.h"
#include "utf8.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum names { NAMES_STEM, NAMES_NUMBER };
enum times { TIME_NONE, TIME_MTIME, TIME_SOURCE };
enum { MAX_META_BYTES = 16 << 20 };

struct pack_options {
    const char *out_path, *block, *raw, *meta_path, *list_path, *time_pattern, *time_csv;
    uint64_t n_threads, level, skip_bytes, stride_bytes;
    int codec, preset, depth, names, duplicates, time, order;
    bool overwrite, via_ffmpeg, luma, is_recursive, keep_going, json, progress, no_progress, quiet, verbose,
        dry_run, help;
};

struct pack {
    const struct pxr_cli_command *self;
    struct pack_options o;
    struct pxr_inputs inputs;
    struct pxr_feed feed;
    struct pxr_write_opts write;
    pxr_writer *writer; /* NULL until the first frame is there, and in a dry run */
    struct pxr_buffer wide;
    struct pxr_times times;
    uint8_t *meta;
    uint64_t n_frames, n_skipped, n_seen, pixel_bytes; /* seen: with those that were skipped */
    struct pxr_write_summary summary;
    struct pxr_progress progress;
    double start_s;
};

/* ---- one frame --------------------------------------------------------------------------------
 */

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
static void source_name(const struct pack *p, const struct pxr_fed *fed, char *dst, size_t dst_bytes)
{
    const int n = fed->name ? (int)stem_bytes(fed->name, p->o.via_ffmpeg) : 0;
    if (!fed->name)
        snprintf(dst, dst_bytes, "%06" PRIu64, p->n_frames);
    else if (fed->is_single)
        snprintf(dst, dst_bytes, "%.*s", n, fed->name);
    else
        snprintf(dst, dst_bytes, "%.*s-%06" PRIu64, n, fed->name, fed->image->number);
}

/* The name of the next frame, or "" where it is its number. */
static enum pxr_err frame_name(const struct pack *p, const struct pxr_fed *fed, char *dst,
                               size_t dst_bytes, struct pxr_diag *diag)
{
    dst[0] = 0;
    if (p->o.names == NAMES_NUMBER || !fed->name)
        return PXR_OK;
    source_name(p, fed, dst, dst_bytes);
    const char *objection = pxr_name_objection(dst, strlen(dst));
    if (!objection)
        return PXR_OK;
    return pxr_fail(diag, PXR_E_INVALID,
                    "the name of the frame %s; --names number takes numbers instead", objection);
}

/* The time stamp that the options ask for. */
static enum pxr_err frame_time(const struct pack *p, const struct pxr_fed *fed, struct pxr_frame_in *frame,
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
    if (p->o.time == TIME_SOURCE) {
        frame->time_ns = fed->image->time_ns;
        return fed->image->has_time ? PXR_OK : pxr_fail(diag, PXR_E_MISMATCH, "holds no time stamp of this picture");
    }
    frame->has_time = p->o.time == TIME_MTIME && fed->is_single;
    frame->time_ns = fed->mtime_ns;
    return PXR_OK;
}

/* 8-bit samples in 16-bit containers: the values stay, only their room grows. */
static enum pxr_err widen(struct pack *p, struct pxr_image *image, struct pxr_diag *diag)
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

static enum pxr_err check_geometry(const struct pack *p, const struct pxr_image *image,
                                   struct pxr_diag *diag)
{
    const struct pxr_write_opts *w = &p->write;
    if (image->width_px == w->width_px && image->height_px == w->height_px &&
        image->bits == w->bits)
        return PXR_OK;
    const bool is_depth = image->width_px == w->width_px && image->height_px == w->height_px;
    return pxr_fail(diag, PXR_E_MISMATCH,
                    "is %" PRIu32 "x%" PRIu32 "x%u, expected %" PRIu32 "x%" PRIu32
                    "x%u like the first frame; %s",
                    image->width_px, image->height_px, image->bits, w->width_px, w->height_px,
                    w->bits,
                    is_depth ? "--depth 16 takes both depths, --keep-going skips such frames"
                             : "--keep-going skips such frames");
}

/* The first frame fixes the geometry and creates the archive. */
static enum pxr_err begin(struct pack *p, const struct pxr_image *image, struct pxr_diag *diag)
{
    p->write.width_px = image->width_px;
    p->write.height_px = image->height_px;
    p->write.bits = image->bits;
    if (p->o.dry_run)
        return PXR_OK;
    const enum pxr_err e = pxr_writer_create(&p->writer, p->o.out_path, &p->write, diag);
    return pxr_diag_in_file(diag, e, p->o.out_path);
}

static enum pxr_err add_frame(struct pack *p, const struct pxr_fed *fed,
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
        *name ? printf(" -> %s\n", name) : printf(" -> %06" PRIu64 "\n", p->n_frames);
        return PXR_OK;
    }
    e = pxr_writer_add(p->writer, &frame);
    if (e == PXR_OK)
        return e;
    *diag = *pxr_writer_diag(p->writer);
    /* Only an error about this frame belongs to its file. */
    const bool is_frame = e == PXR_E_MISMATCH || e == PXR_E_INVALID;
    const size_t n = strlen(diag->text);
    if (e == PXR_E_MISMATCH && !diag->has_values) /* the other one, maxval, has values */
        snprintf(diag->text + n, sizeof diag->text - n,
                 "; --duplicate-names suffix or --names number helps");
    return pxr_diag_in_file(diag, e, is_frame ? fed->path : p->o.out_path);
}

static enum pxr_err take(struct pack *p, const struct pxr_fed *fed, struct pxr_diag *diag)
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

static enum pxr_err each_picture(void *arg, const struct pxr_fed *fed, struct pxr_diag *diag)
{
    struct pack *p = arg;
    if (pxr_stop_signal())
        return pxr_fail(diag, PXR_E_STATE, "interrupted");
    struct pxr_diag found;
    if (fed->image && fed->image->warning && !p->o.quiet) {
        pxr_progress_clear(&p->progress);
        pxr_cli_say("%s: warning: %s", fed->path, fed->image->warning);
    }
    const enum pxr_err e = take(p, fed, &found);
    p->n_seen++;
    if (e == PXR_OK) {
        if (p->writer)
            pxr_writer_summary(p->writer, &p->summary);
        /* Of what was written: frames that still wait for their group to be full say nothing yet. */
        const struct pxr_write_summary *s = &p->summary;
        pxr_progress_show(&p->progress, p->n_frames, p->pixel_bytes,
                          s->n_frames ? (double)s->pixel_bytes / (double)s->archive_bytes : 0);
        return PXR_OK;
    }
    /* What the data did can be passed over; what the machine or the caller did cannot. */
    const int code = pxr_err_exit(e);
    if (p->o.keep_going && code != pxr_err_exit(PXR_E_IO) && code != pxr_err_exit(PXR_E_INVALID)) {
        pxr_progress_clear(&p->progress);
        pxr_cli_fail(&found);
        p->n_skipped++;
        return PXR_OK;
    }
    if (diag)
        *diag = found;
    return e;
}

/* ---- the whole --------------------------------------------------------------------------------
 */

static bool parse_block(const char *text, struct pxr_write_opts *w)
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

static int load_meta(struct pack *p)
{
    struct pxr_diag diag;
    size_t n_bytes = 0;
    const char *path = p->o.meta_path;
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    enum pxr_err e = fd < 0
                         ? pxr_fail_sys(&diag, pxr_err_from_errno(errno), errno, "cannot be opened")
                         : pxr_read_all(fd, MAX_META_BYTES, &p->meta, &n_bytes, &diag);
    if (fd >= 0)
        close(fd);
    if (e == PXR_OK) {
        size_t off_bytes;
        if (!pxr_json_is_valid((const char *)p->meta, n_bytes, &off_bytes))
            e = pxr_fail_at(&diag, PXR_E_CORRUPT, off_bytes, "is not JSON text");
    }
    if (e != PXR_OK) {
        pxr_diag_in_file(&diag, e, path);
        return pxr_cli_fail(&diag);
    }
    p->write.meta = (const char *)p->meta;
    p->write.meta_bytes = n_bytes;
    return 0;
}

/* What the options say, beyond what each of them says alone. */
static int apply_options(struct pack *p, int n_operands)
{
    const struct pack_options *o = &p->o;
    struct pxr_diag diag;
    if (!n_operands && !o->list_path)
        return pxr_cli_usage(p->self, "missing operand: pixelrain %s %s", p->self->name, p->self->operands);
    if (!o->out_path && !o->dry_run)
        return pxr_cli_usage(p->self, "-o FILE.pxr is missing");
    if (o->out_path && !strcmp(o->out_path, "-"))
        return pxr_cli_usage(p->self, "an archive cannot be written to a pipe: -o wants a file");
    if (o->block && !parse_block(o->block, &p->write))
        return pxr_cli_usage(p->self, "--block wants FRAMESxROWSxCOLUMNS, not '%s'", o->block);
    if ((o->skip_bytes || o->stride_bytes) && !o->raw)
        return pxr_cli_usage(p->self, "--skip and --stride belong to --raw");
    if (o->via_ffmpeg && o->raw)
        return pxr_cli_usage(p->self, "--via-ffmpeg and --raw exclude each other");
    if (o->preset != PXR_PRESET_DEFAULT && o->codec != PXR_CODEC_AUTO)
        return pxr_cli_usage(p->self, "--preset chooses codecs by itself: it goes with --codec auto only");
    if ((o->time != TIME_NONE) + !!o->time_pattern + !!o->time_csv > 1)
        return pxr_cli_usage(p->self, "only one of --time, --time-pattern and --time-csv can be given");
    if (o->time_pattern && pxr_time_pattern_check(o->time_pattern, &diag) != PXR_OK)
        return pxr_cli_usage(p->self, "%s", diag.text);
    if (o->time_csv && pxr_times_load(&p->times, o->time_csv, &diag) != PXR_OK)
        return pxr_cli_fail(&diag);
    p->feed.image_opts.luma = o->luma;
    p->feed.image_opts.ser_order = (enum pxr_sample_order)o->order; /* in the order of the option's names */
    p->feed.image_opts.raw_skip_bytes = o->skip_bytes;
    p->feed.image_opts.raw_stride_bytes = o->stride_bytes;
    p->feed.is_raw = o->raw != NULL;
    p->feed.via_ffmpeg = o->via_ffmpeg;
    p->feed.is_quiet = o->quiet;
    if (o->raw && pxr_image_parse_raw(o->raw, &p->feed.image_opts, &diag) != PXR_OK)
        return pxr_cli_usage(p->self, "%s", diag.text);
    p->feed.n_threads = p->write.n_threads = pxr_cli_n_threads(o->n_threads);
    p->write.codec = (enum pxr_codec)o->codec; /* in the order of the option's names */
    p->write.preset = (enum pxr_preset)o->preset;
    p->write.level = (int)o->level;
    p->write.overwrite = o->overwrite;
    p->write.suffix_names = o->duplicates != 0;
    p->inputs.is_recursive = o->is_recursive;
    return o->meta_path ? load_meta(p) : 0;
}

/* ", 3 files skipped: not pictures, ..." or "": what was there and was not packed. */
static void describe_rest(const struct pack *p, char *dst, size_t dst_bytes)
{
    const struct {
        uint64_t n;
        const char *one, *many;
    } rest[] = {
        {p->n_skipped, "broken or unfitting picture skipped",
         "broken or unfitting pictures skipped"},
        {p->feed.n_unknown + p->inputs.n_special, "other file skipped", "other files skipped"},
        {p->inputs.n_folders_not_entered, "folder not entered (-r enters it)",
         "folders not entered (-r enters them)"},
    };
    size_t n_bytes = 0;
    dst[0] = 0;
    for (size_t i = 0; i < sizeof rest / sizeof rest[0]; i++)
        if (rest[i].n && n_bytes < dst_bytes)
            n_bytes += (size_t)snprintf(dst + n_bytes, dst_bytes - n_bytes, ", %" PRIu64 " %s",
                                        rest[i].n, rest[i].n == 1 ? rest[i].one : rest[i].many);
}

static double ratio_of(const struct pack *p)
{
    return p->summary.archive_bytes ? (double)p->pixel_bytes / (double)p->summary.archive_bytes : 0;
}

static void print_summary(const struct pack *p, double seconds)
{
    char raw[16], packed[16], rest[256];
    describe_rest(p, rest, sizeof rest);
    if (p->o.dry_run) {
        fprintf(stderr, "%" PRIu64 " frame%s, %s%s\n", p->n_frames, p->n_frames == 1 ? "" : "s",
                pxr_human_bytes(raw, p->pixel_bytes), rest);
        return;
    }
    fprintf(stderr, "%" PRIu64 " frame%s, %s -> %s, %.2fx, %.1f s, %.0f MB/s%s\n", p->n_frames,
            p->n_frames == 1 ? "" : "s", pxr_human_bytes(raw, p->pixel_bytes),
            pxr_human_bytes(packed, p->summary.archive_bytes), ratio_of(p), seconds,
            seconds > 0 ? (double)p->pixel_bytes / seconds / 1e6 : 0, rest);
}

static int print_json(const struct pack *p, double seconds)
{
    struct pxr_json j = {0};
    pxr_json_object(&j, NULL);
    pxr_json_text(&j, "type", "pack");
    pxr_json_u64(&j, "version", 1);
    if (p->o.out_path)
        pxr_json_text(&j, "archive", p->o.out_path);
    pxr_json_bool(&j, "dry_run", p->o.dry_run);
    pxr_json_u64(&j, "frames", p->n_frames);
    pxr_json_u64(&j, "width_px", p->write.width_px);
    pxr_json_u64(&j, "height_px", p->write.height_px);
    pxr_json_u64(&j, "bits", p->write.bits);
    pxr_json_u64(&j, "pixel_bytes", p->pixel_bytes);
    pxr_json_u64(&j, "archive_bytes", p->summary.archive_bytes);
    pxr_json_real(&j, "ratio", ratio_of(p), 4);
    pxr_json_u64(&j, "blocks", p->summary.n_blocks);
    pxr_json_u64(&j, "blocks_shared", p->summary.n_blocks_shared);
    pxr_json_u64(&j, "pictures_skipped", p->n_skipped);
    pxr_json_u64(&j, "other_files_skipped", p->feed.n_unknown + p->inputs.n_special);
    pxr_json_u64(&j, "folders_not_entered", p->inputs.n_folders_not_entered);
    pxr_json_real(&j, "seconds", seconds, 3);
    pxr_json_end_object(&j);
    return pxr_cli_print_json(&j);
}

static int finish(struct pack *p)
{
    struct pxr_diag diag;
    char rest[256];
    if (!p->n_frames) {
        describe_rest(p, rest, sizeof rest);
        return pxr_cli_usage(p->self, "there is nothing to pack: no frames%s", rest);
    }
    /* A row too many means that rows and pictures do not belong to each other. */
    if (p->o.time_csv && !p->times.has_names && p->n_seen != p->times.n_rows) {
        pxr_diag_in_file(&diag,
                         pxr_fail_field(&diag, PXR_E_MISMATCH, PXR_NONE, "times", p->n_seen, p->times.n_rows,
                                        "the table of times is longer than the input"),
                         p->o.time_csv);
        return pxr_cli_fail(&diag);
    }
    if (p->writer) {
        const enum pxr_err e = pxr_writer_finish(p->writer, &p->summary, &diag);
        p->writer = NULL;
        if (e != PXR_OK) {
            pxr_diag_in_file(&diag, e, p->o.out_path);
            return pxr_cli_fail(&diag);
        }
    }
    const double seconds = pxr_clock_s() - p->start_s;
    int code = p->o.json ? print_json(p, seconds) : 0;
    if (!p->o.quiet)
        print_summary(p, seconds);
    if (!code && p->n_skipped)
        code = pxr_err_exit(PXR_E_CORRUPT);
    return code;
}

static int pack_all(struct pack *p, int n_operands, char **operands)
{
    struct pxr_diag diag;
    enum pxr_err e = PXR_OK;
    for (int i = 0; e == PXR_OK && i < n_operands; i++)
        e = pxr_inputs_add(&p->inputs, operands[i], &diag);
    if (e == PXR_OK && p->o.list_path)
        e = pxr_inputs_add_list(&p->inputs, p->o.list_path, &diag);
    if (e != PXR_OK)
        return pxr_cli_fail(&diag);
    p->feed.inputs = &p->inputs;
    p->feed.each = each_picture;
    p->feed.arg = p;
    p->feed.is_verbose = p->o.verbose;
    bool has_streams = false;
    for (size_t i = 0; i < p->inputs.n_items; i++)
        has_streams |= p->inputs.items[i].is_stream || p->o.via_ffmpeg;
    pxr_progress_init(&p->progress,
                      pxr_cli_progress_mode(p->o.progress, p->o.no_progress,
                                            p->o.quiet || p->o.verbose || p->o.dry_run),
                      "packed", "frames", has_streams ? 0 : p->inputs.n_items);
    e = pxr_feed_run(&p->feed, &diag);
    pxr_progress_end(&p->progress);
    if (pxr_stop_signal())
        return 0; /* the caller dies of it */
    return e == PXR_OK ? finish(p) : pxr_cli_fail(&diag);
}

static int parse_options(const struct pxr_cli_command *self, struct pack_options *o, int argc,
                         char **argv, int *n_operands)
{
    static const char *const codecs[] = {"auto", "store", "zstd", "predict", "match", "adaptive", "sorted", NULL};
    static const char *const presets[] = {"default", "fast", "max", NULL};
    static const char *const depths[] = {"source", "16", NULL};
    static const char *const names[] = {"stem", "number", NULL};
    static const char *const duplicates[] = {"error", "suffix", NULL};
    static const char *const orders[] = {"header", "le", "be", NULL};
    static const char *const times[] = {"none", "mtime", "source", NULL};
    const struct pxr_option table[] = {
        PXR_OPTION_TEXT("output", 'o', &o->out_path, "FILE.pxr",
                        "The archive; it appears whole or not at all."),
        PXR_OPTION_FLAG("force", 'f', &o->overwrite, "Replace an existing archive."),
        PXR_OPTION_FLAG("recursive", 'r', &o->is_recursive, "Enter the folders inside folders."),
        PXR_OPTION_TEXT("list", 0, &o->list_path, "FILE",
                        "Read the inputs' paths, one a line, from FILE; '-':\nstandard input."),
        PXR_OPTION_TEXT("raw", 0, &o->raw, "WxHxBITS[le|be|p|packed]",
                        "The inputs are headerless samples of 1 to 16 bits."),
        PXR_OPTION_BYTES("skip", 0, &o->skip_bytes, "--raw: what stands before the first frame."),
        PXR_OPTION_BYTES("stride", 0, &o->stride_bytes,
                         "--raw: from the start of a frame to the next."),
        PXR_OPTION_FLAG("via-ffmpeg", 0, &o->via_ffmpeg,
                        "The inputs are videos: ffmpeg hands over their frames\nunchanged; the command is shown."),
        PXR_OPTION_CHOICE("byte-order", 0, &o->order, "header|le|be", orders,
                          "Of SER files: that which the header stands for\n(default), little or big endian."),
        PXR_OPTION_FLAG("luma", 0, &o->luma,
                        "Take the brightness of colour images, which are\nrefused otherwise."),
        PXR_OPTION_CHOICE("depth", 0, &o->depth, "source|16", depths,
                          "16: store 8-bit samples, unchanged, in 16 bits each,\n"
                          "so that depths can be mixed."),
        PXR_OPTION_CHOICE("names", 0, &o->names, "stem|number", names,
                          "Name frames after their files (default) or number\nthem."),
        PXR_OPTION_CHOICE("duplicate-names", 0, &o->duplicates, "error|suffix", duplicates,
                          "A name that exists already is an error (default) or\ngets -2, -3, ..."),
        PXR_OPTION_CHOICE("time", 0, &o->time, "none|mtime|source", times,
                          "Time stamp of a frame: none (default), that of its\n"
                          "file where the file holds one picture, or the one\n"
                          "that the input gives it (SER, FITS)."),
        PXR_OPTION_TEXT("time-pattern", 0, &o->time_pattern, "PATTERN",
                        "Take time stamps (UTC) from names: '*_%Y%m%d_%H%M%S'."),
        PXR_OPTION_TEXT("time-csv", 0, &o->time_csv, "FILE",
                        "Take them from lines TIME or NAME,TIME."),
        PXR_OPTION_TEXT("meta", 0, &o->meta_path, "FILE", "Store this JSON text with the archive."),
        PXR_OPTION_TEXT("block", 0, &o->block, "TxHxW",
                        "Frames, rows and columns of a block; chosen from the\n"
                        "frame size by default."),
        PXR_OPTION_CHOICE("preset", 0, &o->preset, "default|fast|max", presets,
                          "What to aim at: fast to read and larger (fast), or\n"
                          "smallest and slow (max)."),
        PXR_OPTION_CHOICE("codec", 0, &o->codec, "auto|store|zstd|predict|match|adaptive|sorted", codecs,
                          "How blocks are stored; auto (default) tries."),
        PXR_OPTION_UINT("level", 'l', &o->level, "LEVEL", 1, 19, "Of zstd, 1 to 19; 3 by default."),
        PXR_CLI_THREADS(&o->n_threads, "Threads, 0: one per core (default).  The archive does\n"
                                       "not depend on it."),
        PXR_OPTION_FLAG("keep-going", 0, &o->keep_going,
                        "Report pictures that are broken or do not fit, skip\n"
                        "them, and exit with 1 in the end."),
        PXR_OPTION_FLAG("dry-run", 'n', &o->dry_run,
                        "Read everything, list what would be packed, write\nnothing."),
        PXR_OPTION_FLAG("json", 0, &o->json, "Print a summary as one JSON object."),
        PXR_CLI_PROGRESS(&o->progress, &o->no_progress),
        PXR_OPTION_FLAG("quiet", 'q', &o->quiet, "Print errors only."),
        PXR_OPTION_FLAG("verbose", 'v', &o->verbose, "Print a line per frame."),
        PXR_CLI_END(&o->help),
    };
    return pxr_cli_parse(self, table, &o->help, 0, argc, argc, argv, n_operands);
}

static int run(const struct pxr_cli_command *self, int argc, char **argv)
{
    struct pack p = {.self = self, .start_s = pxr_clock_s()};
    int n_operands;
    int code = parse_options(self, &p.o, argc, argv, &n_operands);
    if (code >= 0)
        return code;
    code = apply_options(&p, n_operands);
    if (!code) {
        pxr_stop_install();
        code = pack_all(&p, n_operands, argv + 1);
    }
    pxr_writer_abort(p.writer);
    pxr_inputs_fini(&p.inputs);
    pxr_buffer_fini(&p.wide);
    pxr_times_fini(&p.times);
    pxr_free(p.meta);
    if (pxr_stop_signal())
        pxr_stop_raise();
    return code;
}

const struct pxr_cli_command pxr_cmd_pack = {
    .name = "pack",
    .operands = "[OPTION]... INPUT... -o FILE.pxr",
    .summary = "Make an archive of images.",
    .details =
        "An INPUT is an image (PNG, PNM, TIFF, NPY), a file of many (these but PNG, Y4M, --raw), '-' for\n"
        "standard input, or a folder, whose images are taken in natural order: 9 before 10.\n"
        "All frames have the size and depth of the first one; samples are never scaled.",
    .run = run,
};
