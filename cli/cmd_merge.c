/* SPDX-License-Identifier: MIT
 * pixelrain merge: several archives become one, block by block. */
#include "cli.h"

#include "diag.h"

#include <inttypes.h>
#include <stdio.h>

struct merge {
    const char *out_path;
    bool overwrite, is_json, is_quiet;
    int duplicates;
    uint8_t parity_percent;
    pxr_writer *writer;
    struct pxr_progress progress;
    uint64_t n_before; /* frames of the archives that are done */
    const char *indexed; /* the first archive that has indexes of views; NULL: none has */
    bool no_index;
    unsigned n_threads;
};

static void report_progress(void *arg, uint64_t done, uint64_t total)
{
    struct merge *m = arg;
    struct pxr_write_summary s;
    pxr_writer_summary(m->writer, &s);
    (void)total;
    pxr_progress_show(&m->progress, m->n_before + done, s.pixel_bytes,
                      s.n_frames ? (double)s.pixel_bytes / (double)s.archive_bytes : 0);
}

/* The first archive says what the new one is like. */
static enum pxr_err begin(struct merge *m, pxr_archive *first, const char *path, struct pxr_diag *diag)
{
    struct pxr_archive_info info;
    pxr_archive_info(first, &info);
    struct pxr_write_opts o = {
        .width_px = info.width_px, .height_px = info.height_px, .bits = info.bits, .max_error = info.max_error,
        .block_frames = info.nominal_frames, .block_height_px = info.nominal_height_px,
        .block_width_px = info.nominal_width_px, .n_threads = 1, .overwrite = m->overwrite,
        .suffix_names = m->duplicates != 0, .parity_percent = m->parity_percent,
    };
    struct pxr_parity_info parity;
    pxr_archive_parity(first, &parity);
    if (!o.parity_percent && pxr_parity_is_built_in())
        o.parity_percent = parity.percent;
    else if (!o.parity_percent)
        pxr_cli_warn_parity(first, path, "merged");
    o.meta = pxr_archive_meta(first, &o.meta_bytes);
    const enum pxr_err e = pxr_writer_create(&m->writer, m->out_path, &o, diag);
    return e == PXR_OK ? e : pxr_diag_in_file(diag, e, m->out_path);
}

static enum pxr_err add_archive(struct merge *m, const char *path, struct pxr_diag *diag)
{
    pxr_archive *a;
    enum pxr_err e = pxr_archive_open(&a, path, NULL, diag);
    if (e == PXR_OK && !m->writer) {
        e = begin(m, a, path, diag);
        if (e != PXR_OK) {
            pxr_archive_close(a);
            return e;
        }
    }
    if (e == PXR_OK) {
        struct pxr_archive_info info;
        pxr_archive_info(a, &info);
        e = pxr_writer_copy(m->writer, a, report_progress, m, diag);
        m->n_before += info.n_frames;
        if (!m->indexed && (info.n_small_frames || info.n_dci_frames || info.n_pce_frames))
            m->indexed = path;
        pxr_archive_close(a);
    }
    return e == PXR_OK ? e : pxr_diag_in_file(diag, e, path);
}

/* Views whose sizes are indexed go on to be there. */
static enum pxr_err carry_indexes(struct merge *m, struct pxr_diag *diag)
{
    pxr_archive *a;
    if (m->no_index || !m->indexed)
        return PXR_OK;
    enum pxr_err e = pxr_archive_open(&a, m->indexed, NULL, diag);
    if (e == PXR_OK) {
        e = pxr_writer_carry_indexes(m->writer, a, m->n_threads, diag);
        pxr_archive_close(a);
    }
    return e == PXR_OK ? e : pxr_diag_in_file(diag, e, m->indexed);
}

static int print_result(const struct merge *m, const struct pxr_write_summary *s, int n_archives)
{
    char raw[16], packed[16];
    if (!m->is_json) {
        if (!m->is_quiet)
            fprintf(stderr, "%d archives, %" PRIu64 " frames, %s -> %s\n", n_archives, s->n_frames,
                    pxr_human_bytes(raw, s->pixel_bytes), pxr_human_bytes(packed, s->archive_bytes));
        return 0;
    }
    struct pxr_json j = {0};
    pxr_json_object(&j, NULL);
    pxr_json_text(&j, "type", "merge");
    pxr_json_u64(&j, "version", 1);
    pxr_json_text(&j, "archive", m->out_path);
    pxr_json_u64(&j, "archives", (uint64_t)n_archives);
    pxr_json_u64(&j, "frames", s->n_frames);
    pxr_json_u64(&j, "pixel_bytes", s->pixel_bytes);
    pxr_json_u64(&j, "archive_bytes", s->archive_bytes);
    pxr_json_u64(&j, "blocks", s->n_blocks);
    pxr_json_u64(&j, "blocks_shared", s->n_blocks_shared);
    pxr_json_end_object(&j);
    return pxr_cli_print_json(&j);
}

static int merge_archives(struct merge *m, int n_archives, char **paths)
{
    struct pxr_write_summary summary;
    struct pxr_diag diag;
    enum pxr_err e = PXR_OK;
    for (int i = 0; i < n_archives && e == PXR_OK; i++)
        e = add_archive(m, paths[i], &diag);
    if (e == PXR_OK)
        e = carry_indexes(m, &diag);
    pxr_progress_end(&m->progress);
    if (e == PXR_OK) {
        e = pxr_writer_finish(m->writer, &summary, &diag);
        m->writer = NULL;
        if (e != PXR_OK)
            pxr_diag_in_file(&diag, e, m->out_path);
    }
    pxr_writer_abort(m->writer);
    return e == PXR_OK ? print_result(m, &summary, n_archives) : pxr_cli_fail(&diag);
}

static int run(const struct pxr_cli_command *self, int argc, char **argv)
{
    static const char *const duplicates[] = {"error", "suffix", NULL};
    struct merge m = {0};
    const char *parity = NULL;
    bool progress = false, no_progress = false, is_help = false;
    uint64_t n_threads = 0;
    const struct pxr_option table[] = {
        PXR_OPTION_TEXT("output", 'o', &m.out_path, "FILE.pxr", "The new archive; it appears whole or not at all."),
        PXR_OPTION_FLAG("force", 'f', &m.overwrite, "Replace an existing file."),
        PXR_OPTION_CHOICE("duplicate-names", 0, &m.duplicates, "error|suffix", duplicates,
                          "A name that exists already is an error (default) or\ngets -2, -3, ..."),
        PXR_CLI_PARITY(&parity, "Parity of so many percent; as the first archive by\ndefault."),
        PXR_OPTION_FLAG("no-index", 0, &m.no_index, "Leave out the indexes of views (see index), which are\ncopied "
                                                    "or, for frames of the other archives, made."),
        PXR_CLI_THREADS(&n_threads, "Threads that make indexes, 0: one per core (default)."),
        PXR_OPTION_FLAG("json", 0, &m.is_json, "Print a summary as one JSON object."),
        PXR_CLI_PROGRESS(&progress, &no_progress),
        PXR_OPTION_FLAG("quiet", 'q', &m.is_quiet, "Print errors only."),
        PXR_CLI_END(&is_help),
    };
    int n_operands;
    int code = pxr_cli_parse(self, table, &is_help, 1, argc, argc, argv, &n_operands);
    if (code < 0)
        code = pxr_cli_parity(self, parity, &m.parity_percent);
    if (code >= 0)
        return code;
    if (!m.out_path)
        return pxr_cli_usage(self, "-o FILE.pxr is missing");
    m.n_threads = pxr_cli_n_threads(n_threads);
    pxr_progress_init(&m.progress, pxr_cli_progress_mode(progress, no_progress, m.is_quiet), "copied", "frames", 0);
    return merge_archives(&m, n_operands, argv + 1);
}

const struct pxr_cli_command pxr_cmd_merge = {
    .name = "merge",
    .operands = "[OPTION]... FILE.pxr... -o FILE.pxr",
    .summary = "Make one archive of several, without decoding them.",
    .run = run,
};
