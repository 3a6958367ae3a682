/* SPDX-License-Identifier: MIT
 * pixelrain info: what an archive holds. */
#include "cli.h"

#include "diag.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct facts {
    const char *path;
    struct pxr_archive_info info;
    struct pxr_frame_info first, last; /* where there are frames */
    const char *meta;
    size_t meta_bytes;
    struct pxr_parity_info parity;
    uint64_t n_codec[8], n_blocks, n_looked_at; /* groups looked at, and their blocks */
    uint32_t fewest_frames, most_frames, block_height_px, block_width_px; /* of these; the largest blocks */
};

/* Looking at each group of a long archive would read megabytes; so many tell as much. */
enum { MAX_GROUPS = 1024 };

static void note_group(struct facts *f, const struct pxr_group_info *g)
{
    if (!f->n_looked_at++ || g->n_frames < f->fewest_frames)
        f->fewest_frames = g->n_frames;
    f->most_frames = g->n_frames > f->most_frames ? g->n_frames : f->most_frames;
    f->block_height_px = g->block_height_px > f->block_height_px ? g->block_height_px : f->block_height_px;
    f->block_width_px = g->block_width_px > f->block_width_px ? g->block_width_px : f->block_width_px;
    f->n_blocks += g->n_blocks;
    for (unsigned c = 0; c < 8; c++)
        f->n_codec[c] += g->n_codec[c];
}

static enum pxr_err look_at_groups(pxr_archive *a, struct facts *f, struct pxr_diag *diag)
{
    const uint64_t n_frames = f->info.n_frames;
    struct pxr_group_info group;
    for (uint64_t frame = 0; frame < n_frames; frame = group.first_frame + group.n_frames) {
        if (f->info.n_groups > MAX_GROUPS) { /* spread evenly */
            if (f->n_looked_at == MAX_GROUPS)
                break;
            frame = n_frames / MAX_GROUPS * f->n_looked_at;
        }
        const enum pxr_err e = pxr_group_info(a, frame, &group, diag);
        if (e != PXR_OK)
            return e;
        note_group(f, &group);
    }
    return PXR_OK;
}

static double ratio_of(const struct pxr_archive_info *i)
{
    return i->archive_bytes ? (double)i->pixel_bytes / (double)i->archive_bytes : 0;
}

static void print_bytes(const char *what, uint64_t n_bytes)
{
    char text[16];
    printf("%-15s%" PRIu64 " (%s)\n", what, n_bytes, pxr_human_bytes(text, n_bytes));
}

static void print_indexed(const char *view, uint64_t n, uint64_t n_frames)
{
    if (n)
        printf("%-15s%s, %" PRIu64 " of %" PRIu64 " frames\n", "indexed", view, n, n_frames);
}

static void print_frames(const struct facts *f)
{
    char from[PXR_CLI_TIME_BYTES], to[PXR_CLI_TIME_BYTES];
    printf("%-15s", "first frame");
    pxr_cli_print_text(f->first.name, f->first.name_bytes);
    printf("\n%-15s", "last frame");
    pxr_cli_print_text(f->last.name, f->last.name_bytes);
    printf("\n%-15s%u of %u\n", "used bits", f->first.significant_bits, f->info.bits);
    if (!f->first.has_time || !f->last.has_time)
        return;
    printf("%-15s%s to %s\n", "time", pxr_cli_time(from, f->first.time_ns), pxr_cli_time(to, f->last.time_ns));
    const double seconds = ((double)f->last.time_ns - (double)f->first.time_ns) / 1e9;
    if (seconds > 0)
        printf("%-15s%.3f s, %.2f frames per second on average\n", "duration", seconds,
               (double)(f->info.n_frames - 1) / seconds);
}

/* "predict 90 %, match 10 % of 160 blocks" */
static void print_codecs(const struct facts *f)
{
    const char *comma = "";
    printf("%-15s", "codecs");
    for (unsigned c = 0; c < 8; c++)
        if (f->n_codec[c]) {
            printf("%s%s %.3g %%", comma, pxr_block_codec_name(c),
                   100.0 * (double)f->n_codec[c] / (double)f->n_blocks);
            comma = ", ";
        }
    printf(" of %" PRIu64 " block%s", f->n_blocks, f->n_blocks == 1 ? "" : "s");
    if (f->n_looked_at < f->info.n_groups)
        printf(" in %" PRIu64 " groups looked at", f->n_looked_at);
    putchar('\n');
}

/* What is there: the archive's nominal block is only what its writer began with. */
static void print_groups(const struct facts *f)
{
    const bool is_equal = f->fewest_frames == f->most_frames;
    if (f->n_looked_at)
        printf("%-15s%s%" PRIu32 " frame%s x %" PRIu32 " rows x %" PRIu32 " columns\n", "block", is_equal ? "" : "up to ",
               f->most_frames, f->most_frames == 1 ? "" : "s", f->block_height_px, f->block_width_px);
    printf("%-15s%" PRIu64, "groups", f->info.n_groups);
    if (f->n_looked_at && is_equal)
        printf(" of %" PRIu32 " frame%s", f->most_frames, f->most_frames == 1 ? "" : "s");
    else if (f->n_looked_at)
        printf(" of %" PRIu32 " to %" PRIu32 " frames", f->fewest_frames, f->most_frames);
    putchar('\n');
}

static void print_text(const struct facts *f)
{
    const struct pxr_archive_info *i = &f->info;
    printf("%-15s", "archive");
    pxr_cli_print_text(f->path, strlen(f->path));
    putchar('\n');
    printf("%-15s%" PRIu64 "\n", "frames", i->n_frames);
    printf("%-15s%" PRIu32 " x %" PRIu32 " pixels, %u bit\n", "frame size", i->width_px,
           i->height_px, i->bits);
    print_groups(f);
    if (i->max_error)
        printf("%-15s%u: near-lossless, so far may a sample be from its source\n", "max error", i->max_error);
    if (f->n_blocks)
        print_codecs(f);
    print_bytes("pixel bytes", i->pixel_bytes);
    print_bytes("archive bytes", i->archive_bytes);
    printf("%-15s%.2f\n", "ratio", ratio_of(i));
    printf("%-15s", "id");
    for (size_t k = 0; k < sizeof i->id; k++)
        printf("%02x", i->id[k]);
    printf("\n%-15s%" PRIu64 "\n", "commit", i->commit);
    if (i->n_frames)
        print_frames(f);
    print_indexed("png-small", i->n_small_frames, i->n_frames);
    print_indexed("dci", i->n_dci_frames, i->n_frames);
    print_indexed("pce", i->n_pce_frames, i->n_frames);
    if (f->parity.percent)
        printf("%-15s%u %%, %" PRIu64 " of %" PRIu64 " bytes covered\n", "parity", f->parity.percent,
               f->parity.covered_bytes, i->archive_bytes);
    if (f->meta_bytes) {
        printf("%-15s", "metadata");
        pxr_cli_print_text(f->meta, f->meta_bytes);
        putchar('\n');
    }
    if (i->tail_bytes)
        printf("%-15s%" PRIu64 " behind the last commit: what an interrupted append left\n",
               "tail bytes", i->tail_bytes);
}

static void put_end(struct pxr_json *j, const char *key, const struct pxr_frame_info *f)
{
    pxr_json_object(j, key);
    pxr_json_string(j, "name", f->name, f->name_bytes);
    pxr_json_u64(j, "significant_bits", f->significant_bits);
    pxr_json_u64(j, "maxval", f->maxval);
    if (f->has_time)
        pxr_json_i64(j, "time_ns", f->time_ns);
    pxr_json_end_object(j);
}

static int print_json(const struct facts *f)
{
    const struct pxr_archive_info *i = &f->info;
    struct pxr_json j = {0};
    pxr_json_object(&j, NULL);
    pxr_json_text(&j, "type", "info");
    pxr_json_u64(&j, "version", 1);
    pxr_json_text(&j, "archive", f->path);
    pxr_json_u64(&j, "frames", i->n_frames);
    pxr_json_u64(&j, "width_px", i->width_px);
    pxr_json_u64(&j, "height_px", i->height_px);
    pxr_json_u64(&j, "bits", i->bits);
    pxr_json_u64(&j, "max_error", i->max_error);
    pxr_json_array(&j, "block"); /* nominal */
    pxr_json_u64(&j, NULL, i->nominal_frames);
    pxr_json_u64(&j, NULL, i->nominal_height_px);
    pxr_json_u64(&j, NULL, i->nominal_width_px);
    pxr_json_end_array(&j);
    pxr_json_u64(&j, "groups", i->n_groups);
    pxr_json_array(&j, "group_frames"); /* fewest and most, of the groups looked at */
    pxr_json_u64(&j, NULL, f->fewest_frames);
    pxr_json_u64(&j, NULL, f->most_frames);
    pxr_json_end_array(&j);
    pxr_json_object(&j, "codecs"); /* blocks of the groups looked at */
    for (unsigned c = 0; c < 8; c++)
        if (f->n_codec[c])
            pxr_json_u64(&j, pxr_block_codec_name(c), f->n_codec[c]);
    pxr_json_end_object(&j);
    pxr_json_u64(&j, "groups_looked_at", f->n_looked_at);
    pxr_json_u64(&j, "pixel_bytes", i->pixel_bytes);
    pxr_json_u64(&j, "archive_bytes", i->archive_bytes);
    pxr_json_u64(&j, "tail_bytes", i->tail_bytes);
    pxr_json_real(&j, "ratio", ratio_of(i), 4);
    pxr_json_hex(&j, "id", i->id, sizeof i->id);
    pxr_json_u64(&j, "commit", i->commit);
    pxr_json_u64(&j, "png_small_frames", i->n_small_frames);
    pxr_json_u64(&j, "dci_frames", i->n_dci_frames);
    pxr_json_u64(&j, "pce_frames", i->n_pce_frames);
    if (f->parity.percent) {
        pxr_json_object(&j, "parity");
        pxr_json_u64(&j, "percent", f->parity.percent);
        pxr_json_u64(&j, "covered_bytes", f->parity.covered_bytes);
        pxr_json_u64(&j, "data_shards", f->parity.data_shards);
        pxr_json_u64(&j, "parity_shards", f->parity.parity_shards);
        pxr_json_end_object(&j);
    }
    if (i->n_frames) {
        put_end(&j, "first", &f->first);
        put_end(&j, "last", &f->last);
    }
    if (f->meta_bytes)
        pxr_json_verbatim(&j, "metadata", f->meta, f->meta_bytes);
    pxr_json_end_object(&j);
    return pxr_cli_print_json(&j);
}

static int run(const struct pxr_cli_command *self, int argc, char **argv)
{
    bool is_json = false, is_help = false;
    const struct pxr_option table[] = {
        PXR_OPTION_FLAG("json", 0, &is_json, "Print one JSON object."),
        PXR_CLI_END(&is_help),
    };
    struct pxr_diag diag;
    pxr_archive *a = NULL;
    int n_operands;
    int code = pxr_cli_parse(self, table, &is_help, 1, 1, argc, argv, &n_operands);
    if (code >= 0)
        return code;
    struct facts f = {.path = argv[1]};
    enum pxr_err e = pxr_archive_open(&a, f.path, NULL, &diag);
    if (e == PXR_OK) {
        pxr_archive_info(a, &f.info);
        pxr_archive_parity(a, &f.parity);
        f.meta = pxr_archive_meta(a, &f.meta_bytes);
        if (f.info.n_frames) {
            e = pxr_frame_info(a, 0, &f.first, &diag);
            if (e == PXR_OK)
                e = pxr_frame_info(a, f.info.n_frames - 1, &f.last, &diag);
        }
    }
    if (e == PXR_OK) {
        /* A damaged group is reported behind what can be said nevertheless. */
        e = look_at_groups(a, &f, &diag);
        code = 0;
        is_json ? (void)(code = print_json(&f)) : print_text(&f);
    }
    if (e != PXR_OK) {
        pxr_diag_in_file(&diag, e, f.path);
        code = pxr_cli_fail(&diag);
    }
    pxr_archive_close(a);
    return code;
}

const struct pxr_cli_command pxr_cmd_info = {
    .name = "info",
    .operands = "[--json] FILE.pxr",
    .summary = "Print what an archive holds.",
    .run = run,
};
