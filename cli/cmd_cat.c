/* SPDX-License-Identifier: MIT
 * pixelrain cat: frames on standard output. */
#include "cli.h"

#include "alloc.h"
#include "diag.h"
#include "frame_range.h"
#include "io.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

enum { CHUNK_BYTES = 1 << 20 };

struct cat_options {
    const char *name, *frames;
    uint64_t frame, n_threads; /* frame: PXR_NONE where --frame was not given */
    int format;
    bool help;
};

static enum pxr_err write_frame(pxr_decoder *d, uint64_t frame, enum pxr_view view, uint8_t *chunk,
                                struct pxr_diag *diag)
{
    uint64_t off_bytes = 0;
    size_t got;
    do {
        enum pxr_err e = pxr_view_read(d, frame, view, off_bytes, chunk, CHUNK_BYTES, &got);
        if (e != PXR_OK) {
            *diag = *pxr_decoder_diag(d);
            return pxr_diag_in_frame(diag, e, frame);
        }
        e = pxr_write_fd(STDOUT_FILENO, chunk, got, diag);
        if (e != PXR_OK)
            return pxr_diag_in_file(diag, e, "standard output");
        off_bytes += got;
    } while (got == CHUNK_BYTES);
    return PXR_OK;
}

static enum pxr_err choose(pxr_archive *a, const struct cat_options *o,
                           struct pxr_frame_range *range, struct pxr_diag *diag)
{
    struct pxr_archive_info info;
    pxr_archive_info(a, &info);
    *range = (struct pxr_frame_range){.first = o->frame, .end = o->frame + 1, .step = 1};
    if (o->name) {
        const enum pxr_err e = pxr_frame_find(a, o->name, strlen(o->name), &range->first, diag);
        if (e != PXR_OK)
            return e;
        if (range->first == PXR_NONE)
            return pxr_fail(diag, PXR_E_RANGE, "has no frame of the name '%.120s'", o->name);
        range->end = range->first + 1;
    } else if (o->frame == PXR_NONE) {
        return pxr_frame_range_parse(range, o->frames, info.n_frames, "--frames", diag);
    } else if (o->frame >= info.n_frames) {
        return pxr_fail(diag, PXR_E_RANGE, "has no frame %" PRIu64 ": it has %" PRIu64 ", counted from 0", o->frame,
                        info.n_frames);
    }
    return PXR_OK;
}

static enum pxr_err cat_archive(const char *path, const struct cat_options *o,
                                struct pxr_diag *diag)
{
    struct pxr_frame_range range;
    pxr_archive *a = NULL;
    pxr_decoder *d = NULL;
    uint8_t *chunk = NULL;
    enum pxr_err e = pxr_archive_open(&a, path, NULL, diag);
    if (e == PXR_OK)
        e = choose(a, o, &range, diag);
    if (e != PXR_OK)
        goto done;
    const uint64_t n = pxr_frame_range_count(&range);
    const unsigned n_threads = pxr_cli_n_threads(o->n_threads);
    /* For one frame the threads would cost more than they give. */
    if (n > 1 && n_threads > 1 && pxr_archive_start_workers(a, n_threads) != PXR_OK) {
        e = pxr_fail(diag, PXR_E_NOMEM, "threads cannot be started");
        goto done;
    }
    if ((e = pxr_decoder_new(&d, a)) != PXR_OK || !(chunk = pxr_alloc(CHUNK_BYTES))) {
        e = pxr_fail_nomem(diag, CHUNK_BYTES);
        goto done;
    }
    for (uint64_t i = 0; e == PXR_OK && i < n; i++)
        e = write_frame(d, range.first + i * range.step, (enum pxr_view)o->format, chunk, diag);
done:
    pxr_diag_in_file(diag, e, path);
    pxr_free(chunk);
    pxr_decoder_free(d);
    pxr_archive_close(a);
    return e;
}

static int run(const struct pxr_cli_command *self, int argc, char **argv)
{
    const char *formats[PXR_N_VIEWS + 1];
    struct cat_options o = {.frame = PXR_NONE, .format = PXR_VIEW_PGM};
    const struct pxr_option table[] = {
        PXR_OPTION_UINT("frame", 0, &o.frame, "N", 0, PXR_NONE - 1, "Frame N, counted from 0."),
        PXR_OPTION_TEXT("name", 0, &o.name, "NAME", "The frame of this name."),
        PXR_CLI_FRAMES(&o.frames),
        PXR_CLI_FORMAT(&o.format, formats,
                       "PGM (default), PNG, TIFF, NumPy array, samples alone\n(16 bits little endian), or a small PNG."),
        PXR_CLI_THREADS(&o.n_threads, "Threads, 0: one per core (default)."),
        PXR_CLI_END(&o.help),
    };
    struct pxr_diag diag;
    int n_operands;
    pxr_cli_view_names(formats);
    const int code = pxr_cli_parse(self, table, &o.help, 1, 1, argc, argv, &n_operands);
    if (code >= 0)
        return code;
    if ((o.frame != PXR_NONE) + !!o.name + !!o.frames > 1)
        return pxr_cli_usage(self, "only one of --frame, --name and --frames can be given");
    if (isatty(STDOUT_FILENO))
        return pxr_cli_usage(self, "pictures are not for a terminal; use '> FILE' or '| PROGRAM'");
    return cat_archive(argv[1], &o, &diag) == PXR_OK ? 0 : pxr_cli_fail(&diag);
}

const struct pxr_cli_command pxr_cmd_cat = {
    .name = "cat",
    .operands = "[OPTION]... FILE.pxr",
    .summary = "Write frames to standard output.",
    .run = run,
};
