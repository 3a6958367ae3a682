/* SPDX-License-Identifier: MIT
 * pixelrain check: is an archive sound? */
#include "cli.h"

#include "diag.h"

#include <inttypes.h>
#include <stdio.h>

static const char *const depth_names[] = {"quick", "full", "deep"};

struct check {
    const char *path;
    enum pxr_check_depth depth;
    bool is_json, is_quiet;
    struct pxr_json json;
    struct pxr_progress progress;
    struct pxr_check_report report;
};

static void put_known(struct pxr_json *j, const char *key, uint64_t v)
{
    if (v != PXR_NONE)
        pxr_json_u64(j, key, v);
}

static void report_damage(void *arg, const struct pxr_diag *damage)
{
    struct check *c = arg;
    struct pxr_diag d = *damage;
    char line[2048];
    pxr_diag_in_file(&d, d.code, c->path);
    if (!c->is_json) {
        pxr_progress_clear(&c->progress);
        puts(pxr_diag_line(&d, line, sizeof line));
        return;
    }
    d.file[0] = 0;
    pxr_json_object(&c->json, NULL);
    pxr_json_text(&c->json, "text", pxr_diag_line(&d, line, sizeof line));
    pxr_json_text(&c->json, "error", pxr_err_text(d.code));
    put_known(&c->json, "frame", d.frame);
    put_known(&c->json, "block", d.block);
    put_known(&c->json, "off_bytes", d.off_bytes);
    if (d.field[0])
        pxr_json_text(&c->json, "field", d.field);
    if (d.has_values) {
        pxr_json_u64(&c->json, "expected", d.expected);
        pxr_json_u64(&c->json, "found", d.found);
    }
    pxr_json_end_object(&c->json);
}

static void report_progress(void *arg, uint64_t done, uint64_t total)
{
    struct check *c = arg;
    c->progress.total = total;
    pxr_progress_show(&c->progress, done, done, 0);
}

static void print_result(const struct check *c)
{
    const struct pxr_check_report *r = &c->report;
    char bytes[16];
    printf("%s: %" PRIu64 " frame%s, %" PRIu64 " group%s, %" PRIu64 " records, %s (%s): ", c->path, r->n_frames,
           r->n_frames == 1 ? "" : "s", r->n_groups, r->n_groups == 1 ? "" : "s", r->n_records,
           pxr_human_bytes(bytes, r->bytes_checked), depth_names[c->depth]);
    if (!r->n_damages)
        printf("sound\n");
    else
        printf("%" PRIu64 " damage%s\n", r->n_damages, r->n_damages == 1 ? "" : "s");
    if (r->n_bytes_repairable || r->n_bytes_unrepairable)
        printf("parity: 'pixelrain recover' can repair %" PRIu64 " damaged bytes, not %" PRIu64 "\n",
               r->n_bytes_repairable, r->n_bytes_unrepairable);
}

static int print_json(struct check *c)
{
    const struct pxr_check_report *r = &c->report;
    pxr_json_end_array(&c->json);
    pxr_json_bool(&c->json, "is_sound", !r->n_damages);
    pxr_json_u64(&c->json, "frames", r->n_frames);
    pxr_json_u64(&c->json, "groups", r->n_groups);
    pxr_json_u64(&c->json, "records", r->n_records);
    pxr_json_u64(&c->json, "bytes_checked", r->bytes_checked);
    if (c->depth == PXR_CHECK_DEEP && r->n_parity_records) {
        pxr_json_u64(&c->json, "parity_records", r->n_parity_records);
        pxr_json_u64(&c->json, "bytes_repairable", r->n_bytes_repairable);
        pxr_json_u64(&c->json, "bytes_beyond_parity", r->n_bytes_unrepairable);
    }
    pxr_json_end_object(&c->json);
    return pxr_cli_print_json(&c->json);
}

static int check_archive(struct check *c, unsigned n_threads)
{
    struct pxr_diag diag;
    if (c->is_json) {
        pxr_json_object(&c->json, NULL);
        pxr_json_text(&c->json, "type", "check");
        pxr_json_u64(&c->json, "version", 1);
        pxr_json_text(&c->json, "archive", c->path);
        pxr_json_text(&c->json, "depth", depth_names[c->depth]);
        pxr_json_array(&c->json, "damages");
    }
    const enum pxr_err e = pxr_archive_check(c->path, c->depth, n_threads, report_damage, c,
                                             report_progress, &c->report, &diag);
    pxr_progress_end(&c->progress);
    if (e != PXR_OK) {
        pxr_json_fini(&c->json);
        pxr_diag_in_file(&diag, e, c->path);
        return pxr_cli_fail(&diag);
    }
    int code = 0;
    if (c->is_json)
        code = print_json(c);
    else if (!c->is_quiet)
        print_result(c);
    return code ? code : c->report.n_damages ? pxr_err_exit(PXR_E_CORRUPT) : 0;
}

static int run(const struct pxr_cli_command *self, int argc, char **argv)
{
    struct check c = {.depth = PXR_CHECK_FULL};
    uint64_t n_threads = 0;
    bool is_quick = false, is_deep = false, progress = false, no_progress = false, is_help = false;
    const struct pxr_option table[] = {
        PXR_OPTION_FLAG("quick", 0, &is_quick,
                        "Structure only: index, group headers, frame table."),
        PXR_OPTION_FLAG("deep", 0, &is_deep,
                        "Decode every frame as well and compare it with the\n"
                        "hash of its pixels."),
        PXR_CLI_THREADS(&n_threads, "Threads, 0: one per core (default)."),
        PXR_OPTION_FLAG("json", 0, &c.is_json, "Print one JSON object."),
        PXR_CLI_PROGRESS(&progress, &no_progress),
        PXR_OPTION_FLAG("quiet", 'q', &c.is_quiet, "Print damages only."),
        PXR_CLI_END(&is_help),
    };
    int n_operands;
    const int code = pxr_cli_parse(self, table, &is_help, 1, 1, argc, argv, &n_operands);
    if (code >= 0)
        return code;
    if (is_quick && is_deep)
        return pxr_cli_usage(self, "only one of --quick and --deep can be given");
    if (is_quick || is_deep)
        c.depth = is_deep ? PXR_CHECK_DEEP : PXR_CHECK_QUICK;
    c.path = argv[1];
    pxr_progress_init(&c.progress, pxr_cli_progress_mode(progress, no_progress, c.is_quiet),
                      "checked", "bytes", 0);
    return check_archive(&c, pxr_cli_n_threads(n_threads));
}

const struct pxr_cli_command pxr_cmd_check = {
    .name = "check",
    .operands = "[OPTION]... FILE.pxr",
    .summary = "Verify an archive; exit with 1 where it is damaged.",
    .details = "Without --quick or --deep: structure and the checksum of every record.",
    .run = run,
};
