/* SPDX-License-Identifier: MIT
 * pixelrain repack: the frames of an archive, coded in another way. */
#include "packing.h"

#include "diag.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

struct repack {
    const char *path, *out_path;
    bool is_json, is_quiet;
    struct pxr_repack_opts opts;
    struct pxr_progress progress;
    uint64_t bytes_before;
};

static void report_progress(void *arg, uint64_t done, uint64_t total)
{
    struct repack *r = arg;
    r->progress.total = total;
    pxr_progress_show(&r->progress, done, 0, 0);
}

static int print_result(const struct repack *r, const struct pxr_write_summary *s)
{
    char before[16], after[16];
    if (!r->is_json) {
        if (!r->is_quiet)
            fprintf(stderr, "%" PRIu64 " frames, %s -> %s\n", s->n_frames, pxr_human_bytes(before, r->bytes_before),
                    pxr_human_bytes(after, s->archive_bytes));
        return 0;
    }
    struct pxr_json j = {0};
    pxr_json_object(&j, NULL);
    pxr_json_text(&j, "type", "repack");
    pxr_json_u64(&j, "version", 1);
    pxr_json_text(&j, "archive", r->out_path ? r->out_path : r->path);
    pxr_json_u64(&j, "frames", s->n_frames);
    pxr_json_u64(&j, "bytes_before", r->bytes_before);
    pxr_json_u64(&j, "archive_bytes", s->archive_bytes);
    pxr_json_end_object(&j);
    return pxr_cli_print_json(&j);
}

static void warn_parity(const struct repack *r)
{
    pxr_archive *a;
    if (r->opts.write.parity_percent || pxr_parity_is_built_in() || pxr_archive_open(&a, r->path, NULL, NULL) != PXR_OK)
        return;
    pxr_cli_warn_parity(a, r->path, "repacked");
    pxr_archive_close(a);
}

static int repack_archive(struct repack *r)
{
    struct pxr_write_summary summary;
    struct pxr_diag diag;
    struct stat st;
    r->bytes_before = stat(r->path, &st) ? 0 : (uint64_t)st.st_size;
    warn_parity(r);
    const enum pxr_err e = pxr_archive_repack(r->path, r->out_path, &r->opts, &summary, &diag);
    pxr_progress_end(&r->progress);
    return e == PXR_OK ? print_result(r, &summary) : pxr_cli_fail(&diag);
}

static int run(const struct pxr_cli_command *self, int argc, char **argv)
{
    struct repack r = {0};
    const char *block = NULL, *parity = NULL;
    int codec = 0, preset = 0;
    uint64_t level = 0, n_threads = 0;
    bool progress = false, no_progress = false, is_help = false;
    const struct pxr_option table[] = {
        PXR_OPTION_TEXT("output", 'o', &r.out_path, "FILE.pxr", "Make a new archive instead of replacing the old one."),
        PXR_OPTION_FLAG("force", 'f', &r.opts.write.overwrite, "With -o: replace an existing file."),
        PXR_OPTION_TEXT("block", 0, &block, "TxHxW", "Frames, rows and columns of a block."),
        PXR_OPTION_CHOICE("preset", 0, &preset, "default|fast|max", pxr_pack_presets, "What to aim at."),
        PXR_OPTION_CHOICE("codec", 0, &codec, "auto|store|zstd|predict|match|adaptive|sorted", pxr_pack_codecs,
                          "How blocks are stored; auto (default) tries."),
        PXR_OPTION_UINT("level", 'l', &level, "LEVEL", 1, 19, "Of zstd, 1 to 19; 3 by default."),
        PXR_CLI_PARITY(&parity, "Parity of so many percent; as the old one by default."),
        PXR_CLI_THREADS(&n_threads, "Threads, 0: one per core (default)."),
        PXR_OPTION_FLAG("json", 0, &r.is_json, "Print a summary as one JSON object."),
        PXR_CLI_PROGRESS(&progress, &no_progress),
        PXR_OPTION_FLAG("quiet", 'q', &r.is_quiet, "Print errors only."),
        PXR_CLI_END(&is_help),
    };
    int n_operands;
    int code = pxr_cli_parse(self, table, &is_help, 1, 1, argc, argv, &n_operands);
    if (code < 0)
        code = pxr_cli_parity(self, parity, &r.opts.write.parity_percent);
    if (code >= 0)
        return code;
    r.path = argv[1];
    if (block && !pxr_pack_parse_block(block, &r.opts.write))
        return pxr_cli_usage(self, "--block wants FRAMESxROWSxCOLUMNS, not '%s'", block);
    if (preset && codec)
        return pxr_cli_usage(self, "--preset chooses codecs by itself: it goes with --codec auto only");
    r.opts.write.codec = (enum pxr_codec)codec;
    r.opts.write.preset = (enum pxr_preset)preset;
    r.opts.write.level = (int)level;
    r.opts.write.n_threads = pxr_cli_n_threads(n_threads);
    r.opts.progress = report_progress;
    r.opts.arg = &r;
    pxr_progress_init(&r.progress, pxr_cli_progress_mode(progress, no_progress, r.is_quiet), "repacked", "steps", 0);
    return repack_archive(&r);
}

const struct pxr_cli_command pxr_cmd_repack = {
    .name = "repack",
    .operands = "[OPTION]... FILE.pxr [-o FILE.pxr]",
    .summary = "Code an archive anew, in its place or as a new one.",
    .details =
        "What was written is decoded and compared with the old archive, frame by frame, before it takes\n"
        "its place in one step.",
    .run = run,
};
