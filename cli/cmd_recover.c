/* SPDX-License-Identifier: MIT
 * pixelrain recover: a new archive from what is left of a damaged one. */
#include "cli.h"

#include "diag.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

struct recover {
    const char *path, *second_path, *out_path;
    bool is_json, is_quiet;
    struct pxr_json json, repairs;
    uint8_t parity_percent;
    struct pxr_progress progress;
    struct pxr_recover_report report;
};

static void put_loss(struct recover *r, const struct pxr_loss *loss, const char *why)
{
    pxr_json_object(&r->json, NULL);
    pxr_json_u64(&r->json, "first_frame", loss->first_frame);
    pxr_json_u64(&r->json, "frames", loss->n_frames);
    if (loss->first_name[0]) {
        pxr_json_text(&r->json, "first_name", loss->first_name);
        pxr_json_text(&r->json, "last_name", loss->last_name);
    }
    pxr_json_bool(&r->json, "is_kept", loss->is_kept);
    pxr_json_text(&r->json, "text", why);
    pxr_json_end_object(&r->json);
}

/* Repairs come before losses; in JSON they have a list of their own. */
static void report_repair(void *arg, const struct pxr_repair *range)
{
    struct recover *r = arg;
    if (r->is_json) {
        pxr_json_object(&r->repairs, NULL);
        pxr_json_u64(&r->repairs, "off_bytes", range->off_bytes);
        pxr_json_u64(&r->repairs, "bytes", range->n_bytes);
        pxr_json_bool(&r->repairs, "is_repaired", range->is_repaired);
        pxr_json_end_object(&r->repairs);
        return;
    }
    pxr_progress_clear(&r->progress);
    printf("%s: %" PRIu64 " byte%s at offset %" PRIu64 "\n", range->is_repaired ? "repaired" : "damaged beyond parity",
           range->n_bytes, range->n_bytes == 1 ? "" : "s", range->off_bytes);
}

static void report_loss(void *arg, const struct pxr_loss *loss)
{
    struct recover *r = arg;
    struct pxr_diag d = *loss->why;
    char why[2048], names[560] = "";
    d.file[0] = 0;
    d.frame = PXR_NONE; /* the line begins with it */
    pxr_diag_line(&d, why, sizeof why);
    if (r->is_json) {
        put_loss(r, loss, why);
        return;
    }
    const char *what = loss->is_kept ? "numbered" : "lost";
    pxr_progress_clear(&r->progress);
    if (loss->first_name[0] && loss->n_frames > 1)
        snprintf(names, sizeof names, " (%s to %s)", loss->first_name, loss->last_name);
    else if (loss->first_name[0])
        snprintf(names, sizeof names, " (%s)", loss->first_name);
    if (loss->n_frames > 1)
        printf("%s: frames %" PRIu64 " to %" PRIu64 "%s: %s\n", what, loss->first_frame,
               loss->first_frame + loss->n_frames - 1, names, why);
    else
        printf("%s: frame %" PRIu64 "%s: %s\n", what, loss->first_frame, names, why);
}

static void report_progress(void *arg, uint64_t done, uint64_t total)
{
    struct recover *r = arg;
    r->progress.total = total;
    pxr_progress_show(&r->progress, done, done, 0);
}

static bool is_anything_lost(const struct pxr_recover_report *r)
{
    return r->n_frames_lost || r->n_names_lost || r->is_meta_lost;
}

static void print_result(const struct recover *r)
{
    const struct pxr_recover_report *p = &r->report;
    char bytes[16];
    if (p->n_parity_records)
        printf("parity: %" PRIu64 " bytes repaired, %" PRIu64 " damaged beyond it%s\n", p->n_bytes_repaired,
               p->n_bytes_unrepaired,
               pxr_parity_is_built_in() ? "" : "; this program was built without ISA-L (libisal-dev), which repairs more");
    if (r->second_path)
        printf("second copy: %" PRIu64 " bytes taken\n", p->n_bytes_second);
    if (p->is_superblock_lost)
        printf("the superblock was damaged; a commit held a copy of it\n");
    if (p->is_meta_lost)
        printf("lost: the metadata of the archive\n");
    if (p->n_frames_uncommitted)
        printf("%" PRIu64 " frame%s that no commit counted %s kept\n", p->n_frames_uncommitted,
               p->n_frames_uncommitted == 1 ? "" : "s", p->n_frames_uncommitted == 1 ? "was" : "were");
    printf("%s: %" PRIu64 " frames, %s; of %" PRIu64 " records %" PRIu64 " were damaged, %" PRIu64
           " gaps: %" PRIu64 " frames lost, %" PRIu64 " numbered\n",
           r->out_path, p->n_frames, pxr_human_bytes(bytes, p->archive_bytes), p->n_records, p->n_records_damaged,
           p->n_gaps, p->n_frames_lost, p->n_names_lost);
}

static int print_json(struct recover *r)
{
    const struct pxr_recover_report *p = &r->report;
    pxr_json_end_array(&r->json);
    pxr_json_end_array(&r->repairs);
    r->json.is_failed |= r->repairs.is_failed;
    pxr_json_verbatim(&r->json, "repairs", r->repairs.text, r->repairs.n_bytes);
    pxr_json_fini(&r->repairs);
    pxr_json_u64(&r->json, "bytes_repaired", p->n_bytes_repaired);
    pxr_json_u64(&r->json, "bytes_beyond_parity", p->n_bytes_unrepaired);
    pxr_json_u64(&r->json, "parity_records", p->n_parity_records);
    if (r->second_path)
        pxr_json_u64(&r->json, "bytes_of_second_copy", p->n_bytes_second);
    pxr_json_u64(&r->json, "frames", p->n_frames);
    pxr_json_u64(&r->json, "frames_lost", p->n_frames_lost);
    pxr_json_u64(&r->json, "frames_numbered", p->n_names_lost);
    pxr_json_u64(&r->json, "frames_uncommitted", p->n_frames_uncommitted);
    pxr_json_u64(&r->json, "groups_copied", p->n_groups_copied);
    pxr_json_u64(&r->json, "groups_encoded", p->n_groups_encoded);
    pxr_json_u64(&r->json, "records", p->n_records);
    pxr_json_u64(&r->json, "records_damaged", p->n_records_damaged);
    pxr_json_u64(&r->json, "gaps", p->n_gaps);
    pxr_json_bool(&r->json, "is_superblock_lost", p->is_superblock_lost);
    pxr_json_bool(&r->json, "is_meta_lost", p->is_meta_lost);
    pxr_json_u64(&r->json, "archive_bytes", p->archive_bytes);
    pxr_json_end_object(&r->json);
    return pxr_cli_print_json(&r->json);
}

static int recover_archive(struct recover *r, bool overwrite, unsigned n_threads)
{
    const struct pxr_recover_opts o = {.overwrite = overwrite, .n_threads = n_threads,
                                       .parity_percent = r->parity_percent, .second = r->second_path, .repaired = report_repair, .lost = report_loss,
                                       .progress = report_progress, .arg = r};
    struct pxr_diag diag;
    if (r->is_json) {
        pxr_json_object(&r->json, NULL);
        pxr_json_text(&r->json, "type", "recover");
        pxr_json_u64(&r->json, "version", 1);
        pxr_json_text(&r->json, "damaged", r->path);
        pxr_json_text(&r->json, "archive", r->out_path);
        pxr_json_array(&r->json, "losses");
        pxr_json_array(&r->repairs, NULL);
    }
    const enum pxr_err e = pxr_archive_recover(r->path, r->out_path, &o, &r->report, &diag);
    pxr_progress_end(&r->progress);
    if (e != PXR_OK) {
        pxr_json_fini(&r->json);
        pxr_json_fini(&r->repairs);
        return pxr_cli_fail(&diag);
    }
    int code = 0;
    if (r->is_json)
        code = print_json(r);
    else if (!r->is_quiet)
        print_result(r);
    return code ? code : is_anything_lost(&r->report) ? pxr_err_exit(PXR_E_CORRUPT) : 0;
}

static bool is_same_file(const char *a, const char *b)
{
    struct stat x, y;
    return !stat(a, &x) && !stat(b, &y) && x.st_ino == y.st_ino && x.st_dev == y.st_dev;
}

static int run(const struct pxr_cli_command *self, int argc, char **argv)
{
    struct recover r = {0};
    const char *parity = NULL;
    uint64_t n_threads = 0;
    bool overwrite = false, progress = false, no_progress = false, is_help = false;
    const struct pxr_option table[] = {
        PXR_OPTION_TEXT("output", 'o', &r.out_path, "FILE.pxr", "The new archive; it appears whole or not at all."),
        PXR_OPTION_FLAG("force", 'f', &overwrite, "Replace an existing file, but never the damaged one."),
        PXR_CLI_PARITY(&parity, "Parity of so many percent; as the damaged one has by\ndefault."),
        PXR_CLI_THREADS(&n_threads, "Threads, 0: one per core (default)."),
        PXR_OPTION_FLAG("json", 0, &r.is_json, "Print one JSON object."),
        PXR_CLI_PROGRESS(&progress, &no_progress),
        PXR_OPTION_FLAG("quiet", 'q', &r.is_quiet, "Print only what is repaired and what is lost."),
        PXR_CLI_END(&is_help),
    };
    int n_operands;
    int code = pxr_cli_parse(self, table, &is_help, 1, 2, argc, argv, &n_operands);
    if (code < 0)
        code = pxr_cli_parity(self, parity, &r.parity_percent);
    if (code >= 0)
        return code;
    r.path = argv[1];
    r.second_path = n_operands > 1 ? argv[2] : NULL;
    if (!r.out_path)
        return pxr_cli_usage(self, "-o FILE.pxr is missing");
    if (is_same_file(r.path, r.out_path) || (r.second_path && is_same_file(r.second_path, r.out_path)))
        return pxr_cli_usage(self, "the damaged archive is never replaced: -o wants another file");
    pxr_progress_init(&r.progress, pxr_cli_progress_mode(progress, no_progress, r.is_quiet), "recovered", "items", 0);
    return recover_archive(&r, overwrite, pxr_cli_n_threads(n_threads));
}

const struct pxr_cli_command pxr_cmd_recover = {
    .name = "recover",
    .operands = "[OPTION]... DAMAGED.pxr [COPY.pxr] -o FILE.pxr",
    .summary = "Make a new archive of what is left of a damaged one.",
    .details =
        "Every frame that can be proved right is in the new archive, also those behind a damaged one\n"
        "and those that a torn append has left.  What parity gives back is repaired first, and what is\n"
        "damaged in one is taken from a second copy.  What is repaired and what is lost is printed.\n"
        "Exit with 1 where anything is lost.",
    .run = run,
};
