/* SPDX-License-Identifier: MIT
 * pixelrain pack and append: images become an archive, or go on with one. */
#include "packing.h"

#include "stop.h"

#include "alloc.h"
#include "diag.h"
#include "io.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_META_BYTES = 16 << 20 };

static int load_meta(struct pxr_pack *p)
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

/* Each view that --index names; false: do_one was. */
static bool each_index(struct pxr_pack *p, bool (*do_one)(struct pxr_pack *p, const char *view))
{
    char name[16];
    for (const char *at = p->o.index;; at++) {
        const size_t n = strcspn(at, ",");
        snprintf(name, sizeof name, "%.*s", n < sizeof name ? (int)n : 15, at);
        if (!do_one(p, name))
            return false;
        at += n;
        if (!*at)
            return true;
    }
}

static bool check_index_name(struct pxr_pack *p, const char *view)
{
    (void)p;
    return pxr_cli_can_index(view) || !strcmp(p->o.index, "none");
}

/* append: views whose files there are of all frames go on to have them. */
static void keep_indexes(struct pxr_pack *p, const struct pxr_archive_info *info)
{
    const uint64_t n[3] = {info->n_small_frames, info->n_dci_frames, info->n_pce_frames};
    static const char *const names[3] = {"png-small", "dci", "pce"};
    size_t at = 0;
    for (unsigned i = 0; i < 3 && !p->o.index; i++)
        if (n[i] && n[i] == info->n_frames)
            at += (size_t)snprintf(p->kept_indexes + at, sizeof p->kept_indexes - at, "%s%s", at ? "," : "", names[i]);
    if (at) {
        p->o.index = p->kept_indexes;
        p->keeps_indexes = true;
    }
}

/* "N" frames or "Ns" seconds. */
static bool parse_commit_every(struct pxr_pack *p)
{
    const char *text = p->o.commit_every;
    char *end;
    if (pxr_parse_u64(text, 1, UINT64_MAX, &p->commit_frames))
        return true;
    errno = 0;
    p->commit_s = *text >= '0' && *text <= '9' ? strtod(text, &end) : 0;
    return p->commit_s >= 0.01 && p->commit_s <= 86400 && !errno && !strcmp(end, "s");
}

/* What the options say, beyond what each of them says alone. */
static int apply_options(struct pxr_pack *p, int n_operands)
{
    const struct pxr_pack_options *o = &p->o;
    struct pxr_diag diag;
    if (!n_operands && !o->list_path && !o->follow)
        return pxr_cli_usage(p->self, "missing operand: pixelrain %s %s", p->self->name, p->self->operands);
    if (!o->out_path && !o->dry_run)
        return pxr_cli_usage(p->self, "-o FILE.pxr is missing");
    if (o->out_path && !strcmp(o->out_path, "-"))
        return pxr_cli_usage(p->self, "an archive cannot be written to a pipe: -o wants a file");
    if (o->idle_s && !o->follow)
        return pxr_cli_usage(p->self, "--follow-until-idle belongs to --follow");
    if (o->follow) { /* nobody is there to look at one bad picture, or to repeat what power loss took */
        p->o.keep_going = true;
        p->o.commit_every = o->commit_every ? o->commit_every : "10s";
    }
    if (o->commit_every && !parse_commit_every(p))
        return pxr_cli_usage(p->self, "--commit-every wants a number of frames, or of seconds with an s, not '%s'",
                             o->commit_every);
    if (o->block && !pxr_pack_parse_block(o->block, &p->write))
        return pxr_cli_usage(p->self, "--block wants FRAMESxROWSxCOLUMNS, not '%s'", o->block);
    if ((o->skip_bytes || o->stride_bytes) && !o->raw)
        return pxr_cli_usage(p->self, "--skip and --stride belong to --raw");
    if (o->via_ffmpeg && o->raw)
        return pxr_cli_usage(p->self, "--via-ffmpeg and --raw exclude each other");
    if (o->index && !each_index(p, check_index_name))
        return pxr_cli_usage(p->self, "--index wants png-small, dci or pce, whose sizes need it, not '%.40s'", o->index);
    if (o->preset != PXR_PRESET_DEFAULT && o->codec != PXR_CODEC_AUTO)
        return pxr_cli_usage(p->self, "--preset chooses codecs by itself: it goes with --codec auto only");
    if ((o->time != PXR_TIME_NONE) + !!o->time_pattern + !!o->time_csv > 1)
        return pxr_cli_usage(p->self, "only one of --time, --time-pattern and --time-csv can be given");
    if (o->time_pattern && pxr_time_pattern_check(o->time_pattern, &diag) != PXR_OK)
        return pxr_cli_usage(p->self, "%s", diag.text);
    if (o->time_csv && pxr_times_load(&p->times, o->time_csv, &diag) != PXR_OK)
        return pxr_cli_fail(&diag);
    const int code = pxr_cli_parity(p->self, o->parity, &p->write.parity_percent);
    if (code >= 0)
        return code;
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
    p->write.max_error = (uint16_t)o->max_error;
    p->write.overwrite = o->overwrite;
    p->write.suffix_names = o->duplicates != 0;
    p->write.skip_tail = o->skip_tail;
    p->write.publish_at_commit = o->commit_every != NULL;
    p->inputs.is_recursive = o->is_recursive;
    p->inputs.skipped = p->feed.skipped = &p->skipped;
    return o->meta_path ? load_meta(p) : 0;
}

/* ", 2 other files skipped (a.txt, b.txt), ..." or "": what was there and was not packed. */
static void describe_rest(const struct pxr_pack *p, char *dst, size_t dst_bytes)
{
    const struct {
        uint64_t n;
        const char *one, *many, *names;
    } rest[] = {
        {p->n_skipped, "broken or unfitting picture skipped",
         "broken or unfitting pictures skipped", ""},
        {p->skipped.n, "other file skipped", "other files skipped", p->skipped.text},
        {p->inputs.n_folders_not_entered, "folder not entered (-r enters it)",
         "folders not entered (-r enters them)", ""},
    };
    size_t n_bytes = 0;
    dst[0] = 0;
    for (size_t i = 0; i < sizeof rest / sizeof rest[0]; i++)
        if (rest[i].n && n_bytes < dst_bytes)
            n_bytes += (size_t)snprintf(dst + n_bytes, dst_bytes - n_bytes, ", %" PRIu64 " %s%s%s%s",
                                        rest[i].n, rest[i].n == 1 ? rest[i].one : rest[i].many,
                                        *rest[i].names ? " (" : "", rest[i].names, *rest[i].names ? ")" : "");
}

/* What the frames of this run take. */
static uint64_t packed_bytes(const struct pxr_pack *p)
{
    return p->summary.archive_bytes - p->bytes_before;
}

static double ratio_of(const struct pxr_pack *p)
{
    return packed_bytes(p) ? (double)p->pixel_bytes / (double)packed_bytes(p) : 0;
}

static void print_summary(const struct pxr_pack *p, double seconds)
{
    char raw[16], packed[16], rest[512];
    describe_rest(p, rest, sizeof rest);
    if (p->o.dry_run) {
        fprintf(stderr, "%" PRIu64 " frame%s, %s%s\n", p->n_frames, p->n_frames == 1 ? "" : "s",
                pxr_human_bytes(raw, p->pixel_bytes), rest);
        return;
    }
    char error[64] = "";
    if (p->write.max_error)
        snprintf(error, sizeof error, ", largest error %" PRIu32 " of %u", p->summary.largest_error, p->write.max_error);
    fprintf(stderr, "%" PRIu64 " frame%s, %s -> %s, %.2fx, %.1f s, %.0f MB/s%s%s\n", p->n_frames,
            p->n_frames == 1 ? "" : "s", pxr_human_bytes(raw, p->pixel_bytes),
            pxr_human_bytes(packed, packed_bytes(p)), ratio_of(p), seconds,
            seconds > 0 ? (double)p->pixel_bytes / seconds / 1e6 : 0, error, rest);
}

static int print_json(const struct pxr_pack *p, double seconds)
{
    struct pxr_json j = {0};
    pxr_json_object(&j, NULL);
    pxr_json_text(&j, "type", p->self->name);
    pxr_json_u64(&j, "version", 1);
    if (p->o.out_path)
        pxr_json_text(&j, "archive", p->o.out_path);
    pxr_json_bool(&j, "dry_run", p->o.dry_run);
    pxr_json_u64(&j, "frames", p->n_frames);
    if (p->is_append)
        pxr_json_u64(&j, "frames_before", p->n_before);
    pxr_json_u64(&j, "width_px", p->write.width_px);
    pxr_json_u64(&j, "height_px", p->write.height_px);
    pxr_json_u64(&j, "bits", p->write.bits);
    pxr_json_u64(&j, "max_error", p->write.max_error);
    pxr_json_u64(&j, "largest_error", p->summary.largest_error);
    pxr_json_u64(&j, "pixel_bytes", p->pixel_bytes);
    pxr_json_u64(&j, "archive_bytes", p->summary.archive_bytes);
    pxr_json_real(&j, "ratio", ratio_of(p), 4);
    pxr_json_u64(&j, "blocks", p->summary.n_blocks);
    pxr_json_u64(&j, "blocks_shared", p->summary.n_blocks_shared);
    pxr_json_u64(&j, "pictures_skipped", p->n_skipped);
    pxr_json_u64(&j, "other_files_skipped", p->skipped.n);
    pxr_json_u64(&j, "folders_not_entered", p->inputs.n_folders_not_entered);
    pxr_json_real(&j, "seconds", seconds, 3);
    pxr_json_end_object(&j);
    return pxr_cli_print_json(&j);
}

/* The archive is complete before: what fails here is the index alone. */
static bool add_index(struct pxr_pack *p, const char *view)
{
    uint64_t n_frames;
    char line[1024];
    if (!strcmp(view, "none"))
        return true;
    const enum pxr_err e =
        pxr_cli_index(p->o.out_path, view, p->o.n_threads,
                      pxr_cli_progress_mode(p->o.progress, p->o.no_progress, p->o.quiet || p->o.verbose), &n_frames,
                      &p->diag);
    if (e != PXR_E_UNSUPPORTED || !p->keeps_indexes)
        return e == PXR_OK;
    /* Nobody asked for it now, and the frames are there. */
    pxr_cli_say("warning: new frames have no %s files: %s", view, pxr_diag_line(&p->diag, line, sizeof line));
    return true;
}

static int finish(struct pxr_pack *p)
{
    struct pxr_diag diag;
    char rest[512];
    pxr_commit_clock_stop(&p->clock);
    if (p->clock.err != PXR_OK) {
        pxr_diag_in_file(&p->clock.diag, p->clock.err, p->o.out_path);
        return pxr_cli_fail(&p->clock.diag);
    }
    if (!p->n_frames) {
        describe_rest(p, rest, sizeof rest);
        return pxr_cli_usage(p->self, "there is nothing to %s: no frames%s", p->self->name, rest);
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
        if (p->o.index && !each_index(p, add_index))
            return pxr_stop_signal() ? 0 : pxr_cli_fail(&p->diag);
    }
    const double seconds = pxr_clock_s() - p->start_s;
    int code = p->o.json ? print_json(p, seconds) : 0;
    if (!p->o.quiet)
        print_summary(p, seconds);
    if (!code && p->n_skipped)
        code = pxr_err_exit(PXR_E_CORRUPT);
    return code;
}

/* Files of a folder as they come, until a signal, or nothing new for some time, ends it. */
static enum pxr_err follow(struct pxr_pack *p, struct pxr_diag *diag)
{
    struct pxr_follow f;
    double last_s = pxr_clock_s();
    enum pxr_err e = pxr_follow_open(&f, p->o.follow, diag);
    p->follow = &f;
    while (e == PXR_OK && !pxr_stop_signal() && !f.is_gone &&
           (!p->o.idle_s || pxr_clock_s() - last_s < (double)p->o.idle_s)) {
        struct pxr_inputs list = {0};
        e = pxr_follow_next(&f, &list, 200, diag);
        if (e == PXR_OK && list.n_items) {
            p->feed.inputs = &list;
            e = pxr_feed_run(&p->feed, diag);
            last_s = pxr_clock_s();
        }
        pxr_inputs_fini(&list);
    }
    p->feed.inputs = &p->inputs;
    p->follow = NULL;
    pxr_follow_fini(&f);
    return pxr_stop_signal() ? PXR_OK : e;
}

static int pack_all(struct pxr_pack *p, int n_operands, char **operands)
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
    p->feed.each = pxr_pack_picture;
    p->feed.arg = p;
    p->feed.is_verbose = p->o.verbose;
    bool has_streams = false;
    for (size_t i = 0; i < p->inputs.n_items; i++)
        has_streams |= p->inputs.items[i].is_stream || p->o.via_ffmpeg;
    pxr_progress_init(&p->progress,
                      pxr_cli_progress_mode(p->o.progress, p->o.no_progress,
                                            p->o.quiet || p->o.verbose || p->o.dry_run),
                      "packed", "frames", has_streams || p->o.follow ? 0 : p->inputs.n_items);
    e = p->inputs.n_items ? pxr_feed_run(&p->feed, &diag) : PXR_OK;
    if (e == PXR_OK && p->o.follow)
        e = follow(p, &diag);
    pxr_progress_end(&p->progress);
    if (pxr_stop_signal() && !p->o.follow)
        return p->o.commit_every && p->n_frames ? finish(p) : 0; /* the caller dies of it */
    if (e == PXR_OK)
        return finish(p);
    const int code = pxr_cli_fail(&diag);
    /* What was recorded before the error is not lost with it. */
    if (p->o.commit_every && p->n_frames)
        finish(p);
    return code;
}

/* append: the archive fixes the geometry. */
static int open_archive(struct pxr_pack *p)
{
    struct pxr_archive_info info;
    struct pxr_diag diag;
    pxr_archive *a;
    enum pxr_err e = pxr_archive_open(&a, p->o.out_path, NULL, &diag);
    if (e == PXR_OK) {
        pxr_archive_info(a, &info);
        if (!p->write.parity_percent && !p->o.dry_run)
            pxr_cli_warn_parity(a, p->o.out_path, "appended");
        pxr_archive_close(a);
        keep_indexes(p, &info);
        if (!p->o.dry_run)
            e = pxr_writer_append(&p->writer, p->o.out_path, &p->write, &diag);
    }
    if (e == PXR_OK && !p->o.dry_run && p->commit_s > 0)
        e = pxr_commit_clock_start(&p->clock, p->writer, p->commit_s, &diag);
    if (e != PXR_OK) {
        pxr_diag_in_file(&diag, e, p->o.out_path);
        return pxr_cli_fail(&diag);
    }
    p->write.width_px = info.width_px;
    p->write.height_px = info.height_px;
    p->write.bits = info.bits;
    p->write.max_error = info.max_error;
    if (p->writer)
        pxr_writer_summary(p->writer, &p->summary);
    /* Between opening and locking another writer may have come and gone; what counts is what it left. */
    p->bytes_before = p->writer ? p->summary.archive_bytes : info.archive_bytes;
    p->n_before = p->writer ? pxr_writer_n_frames(p->writer) : info.n_frames;
    return 0;
}

/* (Not inlined: its tables are large.) */
static __attribute__((noinline)) int parse_options(const struct pxr_cli_command *self, struct pxr_pack_options *o, int argc,
                         char **argv, int *n_operands)
{
    static const char *const depths[] = {"source", "16", NULL};
    static const char *const names[] = {"stem", "number", NULL};
    static const char *const duplicates[] = {"error", "suffix", NULL};
    static const char *const orders[] = {"header", "le", "be", NULL};
    static const char *const times[] = {"none", "mtime", "source", NULL};
    struct pxr_option all[] = {
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
        PXR_OPTION_TEXT("follow", 0, &o->follow, "DIR",
                        "Then go on with the pictures of this folder, those\n"
                        "that are there and each that is written or moved\n"
                        "there, until a signal comes.  Implies --keep-going\n"
                        "and --commit-every 10s."),
        PXR_OPTION_UINT("follow-until-idle", 0, &o->idle_s, "SECONDS", 1, 86400,
                        "--follow: end when nothing new came for so long."),
        PXR_OPTION_TEXT("commit-every", 0, &o->commit_every, "N|SECONDSs",
                        "Make what was read durable after so many frames, or\n"
                        "seconds (2s).  A new archive appears with the first one."),
        PXR_OPTION_FLAG("skip-tail", 0, &o->skip_tail,
                        "Give up what a torn append has left, even where\n"
                        "'pixelrain recover' could save frames of it."),
        PXR_OPTION_CHOICE("preset", 0, &o->preset, "default|fast|max", pxr_pack_presets,
                          "What to aim at: fast to read and larger (fast), or\n"
                          "smallest and slow (max)."),
        PXR_OPTION_CHOICE("codec", 0, &o->codec, "auto|store|zstd|predict|match|adaptive|sorted", pxr_pack_codecs,
                          "How blocks are stored; auto (default) tries."),
        PXR_OPTION_UINT("level", 'l', &o->level, "LEVEL", 1, 19, "Of zstd, 1 to 19; 3 by default."),
        PXR_OPTION_UINT("max-error", 0, &o->max_error, "N", 0, 65535,
                        "Near-lossless: samples may change by up to N, which\nis checked and recorded.  0 (default): lossless."),
        PXR_OPTION_TEXT("index", 0, &o->index, "VIEW,...",
                        "Index png-small, dci or pce when all is packed, as\n'pixelrain index' does.  append goes on with what is\n"
                        "indexed; none: leave new frames without."),
        PXR_CLI_PARITY(&o->parity, "Write parity of so many percent, from which 'recover'\n"
                                   "repairs lost bytes.  append: as the archive has it, by\n"
                                   "default; none: no more."),
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
    /* Each command has its part of the table, which is filtered in place: it is large. */
    static const char *const not_append[] = {"output", "force", "max-error", NULL}, *const not_pack[] = {"skip-tail", NULL};
    size_t n = 0;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        const char *const *not = self == &pxr_cmd_append ? not_append : not_pack;
        while (*not && all[i].name && strcmp(*not, all[i].name))
            not++;
        if (!*not || !all[i].name)
            all[n++] = all[i];
    }
    return pxr_cli_parse(self, all, &o->help, self == &pxr_cmd_append ? 1 : 0, argc, argc, argv, n_operands);
}

static int run(const struct pxr_cli_command *self, int argc, char **argv)
{
    struct pxr_pack p = {.self = self, .is_append = self == &pxr_cmd_append, .start_s = pxr_clock_s()};
    int n_operands;
    int code = parse_options(self, &p.o, argc, argv, &n_operands);
    if (code >= 0)
        return code;
    if (p.is_append)
        p.o.out_path = argv[1];
    code = apply_options(&p, n_operands - p.is_append);
    if (!code) {
        pxr_stop_install();
        code = p.is_append ? open_archive(&p) : 0;
    }
    if (!code)
        code = pack_all(&p, n_operands - p.is_append, argv + 1 + p.is_append);
    pxr_commit_clock_stop(&p.clock);
    pxr_writer_abort(p.writer);
    pxr_inputs_fini(&p.inputs);
    pxr_buffer_fini(&p.wide);
    pxr_times_fini(&p.times);
    pxr_free(p.meta);
    if (pxr_stop_signal() && !p.o.follow) /* which has no other end */
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

const struct pxr_cli_command pxr_cmd_append = {
    .name = "append",
    .operands = "[OPTION]... FILE.pxr INPUT...",
    .summary = "Add images to an archive.",
    .details =
        "INPUTs are those of 'pixelrain pack'.  Frames have the size and depth of the archive, and\n"
        "stand behind those that it holds.  Who reads or has mounted it is not disturbed.  It changes\n"
        "as a whole, at the end or with each --commit-every.",
    .run = run,
};
