/* SPDX-License-Identifier: MIT
 * pixelrain index: what views need whose lengths no formula gives. */
#include "cli.h"

#include "diag.h"
#include "stop.h"

#include <inttypes.h>
#include <stdio.h>

static bool show_progress(void *arg, uint64_t done, uint64_t total)
{
    struct pxr_progress *p = arg;
    p->total = total;
    pxr_progress_show(p, done, 0, 0);
    return !pxr_stop_signal();
}

bool pxr_cli_can_index(const char *view_name)
{
    enum pxr_view v;
    return pxr_view_find(view_name, &v) && (v == PXR_VIEW_PNG_SMALL || v == PXR_VIEW_DCI || v == PXR_VIEW_PCE);
}

enum pxr_err pxr_cli_index(const char *path, const char *view_name, uint64_t n_threads,
                           enum pxr_progress_mode mode, uint64_t *n_frames, struct pxr_diag *diag)
{
    struct pxr_progress progress;
    enum pxr_view view;
    if (!pxr_view_find(view_name, &view))
        return pxr_fail(diag, PXR_E_INVALID, "there is no view '%.40s'; png-small, dci and pce can be indexed", view_name);
    pxr_progress_init(&progress, mode, "indexed", "frames", 0);
    const enum pxr_err e =
        pxr_archive_index(path, view, pxr_cli_n_threads(n_threads), show_progress, &progress, n_frames, diag);
    pxr_progress_end(&progress);
    return e;
}

static int run(const struct pxr_cli_command *self, int argc, char **argv)
{
    uint64_t n_threads = 0, n_frames = 0;
    bool progress = false, no_progress = false, is_quiet = false, is_help = false;
    const struct pxr_option table[] = {
        PXR_CLI_THREADS(&n_threads, "Threads, 0: one per core (default)."),
        PXR_CLI_PROGRESS(&progress, &no_progress),
        PXR_OPTION_FLAG("quiet", 'q', &is_quiet, "Print errors only."),
        PXR_CLI_END(&is_help),
    };
    struct pxr_diag diag;
    int n_operands;
    const int code = pxr_cli_parse(self, table, &is_help, 2, argc, argc, argv, &n_operands);
    if (code >= 0)
        return code;
    for (int i = 2; i <= n_operands; i++)
        if (!pxr_cli_can_index(argv[i]))
            return pxr_cli_usage(self, "png-small, dci and pce can be indexed, not '%.40s'", argv[i]);
    pxr_stop_install();
    for (int i = 2; i <= n_operands; i++) {
        const enum pxr_err e = pxr_cli_index(argv[1], argv[i], n_threads,
                                             pxr_cli_progress_mode(progress, no_progress, is_quiet), &n_frames, &diag);
        if (pxr_stop_signal())
            pxr_stop_raise();
        if (e != PXR_OK)
            return pxr_cli_fail(&diag);
        if (!is_quiet)
            fprintf(stderr, "%" PRIu64 " frame%s indexed for %s\n", n_frames, n_frames == 1 ? "" : "s", argv[i]);
    }
    return 0;
}

const struct pxr_cli_command pxr_cmd_index = {
    .name = "index",
    .operands = "[OPTION]... FILE.pxr VIEW...",
    .summary = "Add what a view needs whose sizes have no formula.",
    .details = "VIEW is png-small: compressed PNG files in the mount; dci: Dichotomic Compression, of 8-bit frames; or\n"
               "pce: Pixel Countdown Encoding, of frames with at most four levels of gray in all.  Every frame\n"
               "that has no entry yet is decoded once, for pce twice.  Who reads the archive or has mounted it is\n"
               "not disturbed.",
    .run = run,
};
