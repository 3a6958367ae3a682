/* SPDX-License-Identifier: MIT
 * pixelrain extract: frames become files, or one. */
#include "cli.h"

#include "frame_range.h"
#include "region.h"
#include "stop.h"
#include "view_stack.h"

#include "alloc.h"
#include "buffer.h"
#include "diag.h"
#include "io.h"
#include "pool.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Decoded before the file is created: a damaged frame of up to this size leaves no trace, and costs
 * no file that -f would replace. */
enum { CHUNK_BYTES = 4 << 20 };

enum { STACK_NONE = -1, STACK_RAW = PXR_STACK_Y4M + 1 }; /* beside enum pxr_stack, of which the rest are for mounts */
enum { NO_PNG_LEVEL = 10, MAX_STACK_SLOTS_BYTES = 256 << 20 };

struct extract {
    const char *dir_path, *frames, *region_text; /* of a stack, dir_path is its file */
    uint64_t n_threads, png_level;
    int format, stack;
    bool overwrite, keep_going, progress, no_progress, quiet, help;
    pxr_archive *archive;
    struct pxr_archive_info info;
    struct pxr_region region;
    int dir_fd;
    struct pxr_file file; /* of a stack that is no pipe */
    uint64_t file_off_bytes;
    struct pxr_stack_shape shape;
    uint64_t n_written, n_failed, n_bytes;
};

/* One frame in the making.  Its decoder moves with it from thread to thread. */
struct slot {
    struct pxr_job job;
    const struct extract *x;
    pxr_decoder *decoder;
    uint8_t *chunk;
    size_t chunk_bytes;
    struct pxr_buffer samples, made; /* where a file is not read as a view */
    uint64_t frame, file_bytes;
    enum pxr_err err;
    struct pxr_diag diag;
    char name[280];
};

static enum pxr_err create_file(struct slot *s, int *fd)
{
    const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    *fd = openat(s->x->dir_fd, s->name, flags, 0666);
    if (*fd < 0 && errno == EEXIST && s->x->overwrite && !unlinkat(s->x->dir_fd, s->name, 0))
        *fd = openat(s->x->dir_fd, s->name, flags, 0666);
    if (*fd >= 0)
        return PXR_OK;
    if (errno == EEXIST && !s->x->overwrite)
        return pxr_fail(&s->diag, PXR_E_BUSY, "exists already; -f replaces it");
    return pxr_fail_sys(&s->diag, pxr_err_from_errno(errno), errno, "cannot be created");
}

static enum pxr_err set_time(struct slot *s, int fd, const struct pxr_frame_info *info)
{
    const int64_t second_ns = 1000000000,
                  rest_ns = (info->time_ns % second_ns + second_ns) % second_ns;
    const struct timespec times[2] = {
        {.tv_nsec = UTIME_OMIT},
        {.tv_sec = (time_t)((info->time_ns - rest_ns) / second_ns), .tv_nsec = (long)rest_ns},
    };
    if (info->has_time && futimens(fd, times))
        return pxr_fail_sys(&s->diag, PXR_E_IO, errno, "its time cannot be set");
    return PXR_OK;
}

static enum pxr_err read_chunk(struct slot *s, uint64_t off_bytes, size_t *got)
{
    const enum pxr_err e = pxr_view_read(s->decoder, s->frame, (enum pxr_view)s->x->format,
                                         off_bytes, s->chunk, s->chunk_bytes, got);
    if (e != PXR_OK) {
        s->diag = *pxr_decoder_diag(s->decoder);
        pxr_diag_in_frame(&s->diag, e, s->frame);
    }
    return e;
}

static enum pxr_err close_file(struct slot *s, int fd, enum pxr_err e, const struct pxr_frame_info *info)
{
    if (e == PXR_OK)
        e = set_time(s, fd, info);
    if (close(fd) && e == PXR_OK)
        e = pxr_fail_sys(&s->diag, pxr_err_from_errno(errno), errno, "cannot be written");
    if (e != PXR_OK)
        unlinkat(s->x->dir_fd, s->name, 0);
    return e;
}

/* A file that no view is: a part of the frame, or compressed. */
static enum pxr_err make_file(struct slot *s, const struct pxr_frame_info *info)
{
    const struct extract *x = s->x;
    int fd;
    s->samples.n_bytes = s->made.n_bytes = 0;
    enum pxr_err e = pxr_region_read(s->decoder, s->frame, info, &x->region, &s->samples, &s->diag);
    if (e == PXR_OK)
        e = pxr_region_put(&s->made, info, &x->region, s->samples.bytes, (enum pxr_view)x->format,
                           x->png_level == NO_PNG_LEVEL ? -1 : (int)x->png_level, &s->diag);
    if (e != PXR_OK || (e = create_file(s, &fd)) != PXR_OK)
        return e;
    s->file_bytes = s->made.n_bytes;
    return close_file(s, fd, pxr_write_fd(fd, s->made.bytes, s->made.n_bytes, &s->diag), info);
}

/* What a stack holds of a frame. */
static enum pxr_err make_piece(struct slot *s, const struct pxr_frame_info *info)
{
    const struct extract *x = s->x;
    s->samples.n_bytes = s->made.n_bytes = 0;
    if (!pxr_buffer_add(&s->made, x->shape.lead, x->shape.lead_bytes))
        return pxr_fail_nomem(&s->diag, x->shape.lead_bytes);
    enum pxr_err e = pxr_region_read(s->decoder, s->frame, info, &x->region, &s->samples, &s->diag);
    if (e == PXR_OK)
        e = pxr_region_put(&s->made, info, &x->region, s->samples.bytes, PXR_VIEW_RAW, -1, &s->diag);
    s->file_bytes = s->made.n_bytes;
    return e;
}

static enum pxr_err write_file(struct slot *s, const struct pxr_frame_info *info)
{
    size_t got;
    int fd = -1;
    enum pxr_err e = read_chunk(s, 0, &got);
    if (e != PXR_OK || (e = create_file(s, &fd)) != PXR_OK)
        return e;
    uint64_t off_bytes = 0;
    while (e == PXR_OK && got) {
        e = pxr_write_fd(fd, s->chunk, got, &s->diag);
        off_bytes += got;
        if (e == PXR_OK && off_bytes < s->file_bytes)
            e = read_chunk(s, off_bytes, &got);
        else
            got = 0;
    }
    return close_file(s, fd, e, info);
}

static void run_slot(void *arg)
{
    struct slot *s = arg;
    const enum pxr_view view = (enum pxr_view)s->x->format;
    struct pxr_frame_info info;
    char path[1024];
    s->err = pxr_frame_info(s->x->archive, s->frame, &info, &s->diag);
    if (s->err != PXR_OK)
        return;
    snprintf(s->name, sizeof s->name, "%s.%s", info.name, pxr_view_extension(view));
    s->err = pxr_view_stat(s->x->archive, &info, view, &s->file_bytes, &s->diag);
    if (s->err == PXR_OK)
        s->err = s->x->stack != STACK_NONE                                 ? make_piece(s, &info)
                 : s->x->region_text || s->x->png_level != NO_PNG_LEVEL ? make_file(s, &info)
                                                                           : write_file(s, &info);
    if (s->err != PXR_OK && pxr_err_exit(s->err) == pxr_err_exit(PXR_E_IO)) {
        snprintf(path, sizeof path, "%s/%s", s->x->dir_path, s->name);
        pxr_diag_in_file(&s->diag, s->err, path);
    }
}

/* ---- one file of all ---------------------------------------------------------------------------- */

static enum pxr_err put_bytes(struct extract *x, const void *src, size_t n_bytes, struct pxr_diag *diag)
{
    const bool is_pipe = !strcmp(x->dir_path, "-");
    const enum pxr_err e = is_pipe ? pxr_write_fd(STDOUT_FILENO, src, n_bytes, diag)
                                   : pxr_file_write(&x->file, x->file_off_bytes, src, n_bytes, diag);
    x->file_off_bytes += n_bytes;
    return pxr_diag_in_file(diag, e, is_pipe ? "standard output" : x->dir_path);
}

/* Create the file and write what stands before the frames. */
static enum pxr_err begin_stack(struct extract *x, const struct pxr_frame_range *range, struct pxr_diag *diag)
{
    uint8_t piece[4096];
    const struct pxr_frames frames = {range->first, range->step, pxr_frame_range_count(range)};
    const struct pxr_archive_info shown = {.width_px = x->region.width_px,
                                           .height_px = x->region.height_px,
                                           .bits = x->info.bits,
                                           .n_frames = x->info.n_frames};
    const enum pxr_stack kind = (enum pxr_stack)x->stack;
    const char *why = x->stack == STACK_RAW ? NULL : pxr_stack_lay_out(&x->shape, &shown, &frames, kind);
    if (why)
        return pxr_fail(diag, PXR_E_LIMIT, "there can be no %s of these frames: %s", pxr_stack_name(kind), why);
    enum pxr_err e = PXR_OK;
    if (strcmp(x->dir_path, "-"))
        e = pxr_diag_in_file(diag, pxr_file_create(&x->file, x->dir_path, x->overwrite, diag), x->dir_path);
    for (uint64_t off = 0; e == PXR_OK && off < x->shape.head_bytes; off += sizeof piece) {
        const size_t n = (size_t)pxr_min_u64(sizeof piece, x->shape.head_bytes - off);
        pxr_stack_store_head(&shown, &frames, kind, off, piece, n);
        e = put_bytes(x, piece, n, diag);
    }
    return e;
}

/* Give the finished file its name, or remove it. */
static enum pxr_err end_stack(struct extract *x, bool is_whole, struct pxr_diag *diag)
{
    int sys_errno = 0;
    enum pxr_err e = PXR_OK;
    if (!x->file.arg)
        return PXR_OK;
    if (is_whole)
        e = pxr_file_sync(&x->file, diag);
    if (is_whole && e == PXR_OK && (e = x->file.io.publish(x->file.arg, &sys_errno)) != PXR_OK)
        pxr_fail_sys(diag, e, sys_errno, "cannot be given its name");
    if (!is_whole || e != PXR_OK)
        x->file.io.discard(x->file.arg);
    pxr_file_close(&x->file);
    return pxr_diag_in_file(diag, e, x->dir_path);
}

/* Returns the exit code so far; not 0 ends the extraction. */
static int consume(struct extract *x, struct slot *s, const char *path,
                   struct pxr_progress *progress)
{
    if (s->err == PXR_OK && x->stack != STACK_NONE)
        s->err = put_bytes(x, s->made.bytes, s->made.n_bytes, &s->diag);
    if (s->err == PXR_OK) {
        x->n_written++;
        x->n_bytes += s->file_bytes;
        pxr_progress_show(progress, x->n_written, x->n_bytes, 0);
        return 0;
    }
    pxr_progress_clear(progress);
    if (!*s->diag.file)
        pxr_diag_in_file(&s->diag, s->err, path);
    const int code = pxr_cli_fail(&s->diag);
    x->n_failed++;
    return x->keep_going && code == pxr_err_exit(PXR_E_CORRUPT) ? 0 : code;
}

static int extract_frames(struct extract *x, const struct pxr_frame_range *range,
                          struct slot *slots, size_t n_slots, struct pxr_pool *pool,
                          const char *path)
{
    const uint64_t n = pxr_frame_range_count(range);
    struct pxr_progress progress;
    uint64_t next = 0, done = 0;
    int code = 0;
    pxr_progress_init(&progress, pxr_cli_progress_mode(x->progress, x->no_progress, x->quiet),
                      "extracted", "frames", n);
    /* In the order of frames, so that the threads work in the same group and each of its units is
     * decoded once. */
    while (done < next || (!code && !pxr_stop_signal() && next < n)) {
        if (!code && !pxr_stop_signal() && next < n && next - done < n_slots) {
            struct slot *s = &slots[next % n_slots];
            s->frame = range->first + next++ * range->step;
            s->job = (struct pxr_job){.run = run_slot, .arg = s};
            pxr_pool_submit(pool, &s->job);
            continue;
        }
        struct slot *s = &slots[done++ % n_slots];
        pxr_pool_wait(pool, &s->job);
        if (!code)
            code = consume(x, s, path, &progress);
    }
    pxr_progress_end(&progress);
    return code;
}

static enum pxr_err new_slots(struct extract *x, struct slot **out, size_t n_slots,
                              uint64_t n_bytes, struct pxr_diag *diag)
{
    struct slot *slots = *out = pxr_alloc_zero(n_slots, sizeof *slots);
    if (!slots)
        return pxr_fail_nomem(diag, n_slots * sizeof *slots);
    for (size_t i = 0; i < n_slots; i++) {
        slots[i].x = x;
        slots[i].chunk_bytes = (size_t)pxr_min_u64(n_bytes, CHUNK_BYTES);
        slots[i].chunk = pxr_alloc(slots[i].chunk_bytes);
        const enum pxr_err e = pxr_decoder_new(&slots[i].decoder, x->archive);
        if (!slots[i].chunk || e != PXR_OK)
            return pxr_fail_nomem(diag, slots[i].chunk_bytes);
    }
    return PXR_OK;
}

static enum pxr_err open_dir(struct extract *x, struct pxr_diag *diag)
{
    if (mkdir(x->dir_path, 0777) && errno != EEXIST)
        return pxr_diag_in_file(
            diag, pxr_fail_sys(diag, pxr_err_from_errno(errno), errno, "cannot be created"),
            x->dir_path);
    x->dir_fd = open(x->dir_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (x->dir_fd < 0)
        return pxr_diag_in_file(
            diag, pxr_fail_sys(diag, pxr_err_from_errno(errno), errno, "cannot be opened"),
            x->dir_path);
    return PXR_OK;
}

/* So many frames of a stack at a time that they stay within a bound. */
static size_t count_slots(const struct extract *x, unsigned n_threads)
{
    const size_t n = (size_t)n_threads + 2;
    const uint64_t frame_bytes = 2 * (uint64_t)x->region.width_px * x->region.height_px * (x->info.bits / 8u);
    if (x->stack == STACK_NONE && !x->region_text && x->png_level == NO_PNG_LEVEL)
        return n;
    return (size_t)pxr_max_u64(2, pxr_min_u64(n, MAX_STACK_SLOTS_BYTES / frame_bytes));
}

/* Readers do not repair; who meets damage should know that it can be done. */
static void hint_at_parity(const struct extract *x, const char *path)
{
    struct pxr_parity_info parity = {0};
    if (x->archive)
        pxr_archive_parity(x->archive, &parity);
    if (parity.percent)
        pxr_cli_say("%s has parity: 'pixelrain recover' may repair it", path);
}

static int extract_archive(struct extract *x, const char *path)
{
    struct pxr_diag diag;
    struct pxr_frame_range range;
    struct pxr_frame_info frame;
    struct slot *slots = NULL;
    pxr_pool *pool = NULL;
    int code = 0;
    const unsigned n_threads = pxr_cli_n_threads(x->n_threads);
    size_t n_slots = 0;
    enum pxr_err e = pxr_archive_open(&x->archive, path, NULL, &diag);
    if (e != PXR_OK)
        goto done;
    pxr_archive_info(x->archive, &x->info);
    if ((e = pxr_frame_range_parse(&range, x->frames, x->info.n_frames, "--frames", &diag)) != PXR_OK ||
        (e = pxr_region_parse(&x->region, x->region_text, x->info.width_px, x->info.height_px, &diag)) != PXR_OK ||
        (e = x->stack == STACK_NONE ? open_dir(x, &diag) : begin_stack(x, &range, &diag)) != PXR_OK)
        goto done;
    if (!pxr_frame_range_count(&range)) {
        e = end_stack(x, true, &diag);
        goto done;
    }
    n_slots = count_slots(x, n_threads);
    /* All frames have one size; the maxval line of a PGM differs by a few bytes at most. */
    frame = (struct pxr_frame_info){.width_px = x->info.width_px,
                                    .height_px = x->info.height_px,
                                    .bits = x->info.bits,
                                    .maxval = UINT16_MAX};
    const uint64_t formula_bytes = pxr_view_bytes(&frame, (enum pxr_view)x->format);
    if ((e = new_slots(x, &slots, n_slots, formula_bytes ? formula_bytes + 64 : CHUNK_BYTES, &diag)) != PXR_OK ||
        (e = pxr_pool_new(&pool, n_threads > 1 ? n_threads : 0, &diag)) != PXR_OK)
        goto done;
    code = extract_frames(x, &range, slots, n_slots, pool, path);
    e = end_stack(x, !code && !pxr_stop_signal(), &diag);
done:
    if (e != PXR_OK) {
        if (!*diag.file)
            pxr_diag_in_file(&diag, e, path);
        code = pxr_cli_fail(&diag);
    }
    if (code == pxr_err_exit(PXR_E_CORRUPT) || x->n_failed)
        hint_at_parity(x, path);
    end_stack(x, false, &diag); /* where it was not reached above */
    pxr_pool_free(pool);
    for (size_t i = 0; slots && i < n_slots; i++) {
        pxr_decoder_free(slots[i].decoder);
        pxr_free(slots[i].chunk);
        pxr_buffer_fini(&slots[i].samples);
        pxr_buffer_fini(&slots[i].made);
    }
    pxr_free(slots);
    if (x->dir_fd >= 0)
        close(x->dir_fd);
    pxr_archive_close(x->archive);
    return code;
}

static void print_summary(const struct extract *x, double seconds)
{
    char bytes[16], failed[64] = "";
    if (x->n_failed)
        snprintf(failed, sizeof failed, ", %" PRIu64 " damaged", x->n_failed);
    fprintf(stderr, "%" PRIu64 " frame%s, %s, %.1f s, %.0f MB/s%s\n", x->n_written,
            x->n_written == 1 ? "" : "s", pxr_human_bytes(bytes, x->n_bytes), seconds,
            seconds > 0 ? (double)x->n_bytes / seconds / 1e6 : 0, failed);
}

static int run(const struct pxr_cli_command *self, int argc, char **argv)
{
    const char *formats[PXR_N_VIEWS + 1];
    /* Of enum pxr_stack, and STACK_RAW behind them. */
    static const char *const stacks[] = {"npy", "tif", "ij.tif", "y4m", "raw", NULL};
    struct extract x = {.dir_fd = -1, .format = PXR_VIEW_PNG, .stack = STACK_NONE, .png_level = NO_PNG_LEVEL};
    const double start_s = pxr_clock_s();
    const struct pxr_option table[] = {
        PXR_OPTION_TEXT("output", 'o', &x.dir_path, "DIR",
                        "The folder for the files; it is created if needed.\n--stack: the file."),
        PXR_OPTION_FLAG("force", 'f', &x.overwrite, "Replace existing files."),
        PXR_CLI_FRAMES(&x.frames),
        PXR_OPTION_TEXT("region", 0, &x.region_text, "X,Y,W,H", "Only this rectangle of each frame."),
        PXR_CLI_FORMAT(&x.format, formats,
                       "PNG (default), PGM, TIFF, NumPy array, samples alone\n(16 bits little endian), or a small PNG."),
        PXR_OPTION_UINT("png-level", 0, &x.png_level, "N", 0, 9,
                        "Compress PNG files, 0 to 9; without it they are stored,\nwhich is fast and large."),
        PXR_OPTION_CHOICE("stack", 0, &x.stack, "npy|tif|ij.tif|y4m|raw", stacks,
                          "Write all frames to one file, -o FILE ('-': standard\noutput): ij.tif is TIFF as ImageJ "
                          "writes it, tif is\nBigTIFF."),
        PXR_CLI_THREADS(&x.n_threads, "Threads, 0: one per core (default)."),
        PXR_OPTION_FLAG("keep-going", 0, &x.keep_going,
                        "Report damaged frames, extract the others, and exit\n"
                        "with 1 in the end."),
        PXR_CLI_PROGRESS(&x.progress, &x.no_progress),
        PXR_OPTION_FLAG("quiet", 'q', &x.quiet, "Print errors only."),
        PXR_CLI_END(&x.help),
    };
    int n_operands;
    pxr_cli_view_names(formats);
    int code = pxr_cli_parse(self, table, &x.help, 1, 1, argc, argv, &n_operands);
    if (code >= 0)
        return code;
    if (!x.dir_path)
        return pxr_cli_usage(self, x.stack == STACK_NONE ? "-o DIR is missing" : "-o FILE is missing");
    if (x.png_level != NO_PNG_LEVEL && (x.format != PXR_VIEW_PNG || x.stack != STACK_NONE))
        return pxr_cli_usage(self, "--png-level belongs to --format png");
    if (x.stack != STACK_NONE && x.keep_going)
        return pxr_cli_usage(self, "a stack has no holes: --keep-going cannot leave frames out of it");
    if (x.stack != STACK_NONE && !strcmp(x.dir_path, "-") && isatty(STDOUT_FILENO))
        return pxr_cli_usage(self, "pictures are not for a terminal; use '> FILE' or '| PROGRAM'");
    pxr_stop_install();
    code = extract_archive(&x, argv[1]);
    if (pxr_stop_signal())
        pxr_stop_raise();
    if (!code && !x.quiet)
        print_summary(&x, pxr_clock_s() - start_s);
    return code ? code : x.n_failed ? pxr_err_exit(PXR_E_CORRUPT) : 0;
}

const struct pxr_cli_command pxr_cmd_extract = {
    .name = "extract",
    .operands = "[OPTION]... FILE.pxr -o DIR",
    .summary = "Write frames to files, as an unpacked copy.",
    .details = "Files are named after the frames and have their times, where they have any.  With --stack\nall frames become one file, which appears whole or not at all.",
    .run = run,
};
