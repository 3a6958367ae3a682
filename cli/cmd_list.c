/* SPDX-License-Identifier: MIT
 * pixelrain list: the frames of an archive. */
#include "cli.h"

#include "diag.h"
#include "frame_range.h"

#include <inttypes.h>
#include <stdio.h>

static void print_long(const struct pxr_frame_info *f)
{
    char time[PXR_CLI_TIME_BYTES];
    printf("%7" PRIu64 "  %2u bit  %5u  %-30s  %016" PRIx64 "  %" PRIu32 "x%" PRIu32 "  %s\n",
           f->frame, f->significant_bits, f->maxval,
           f->has_time ? pxr_cli_time(time, f->time_ns) : "-", f->pixel_hash, f->width_px,
           f->height_px, f->name);
}

static int print_json(const struct pxr_frame_info *f)
{
    char hash[20];
    struct pxr_json j = {0};
    pxr_json_object(&j, NULL);
    pxr_json_text(&j, "type", "frame");
    pxr_json_u64(&j, "version", 1);
    pxr_json_u64(&j, "frame", f->frame);
    pxr_json_string(&j, "name", f->name, f->name_bytes);
    pxr_json_u64(&j, "width_px", f->width_px);
    pxr_json_u64(&j, "height_px", f->height_px);
    pxr_json_u64(&j, "bits", f->bits);
    pxr_json_u64(&j, "significant_bits", f->significant_bits);
    pxr_json_u64(&j, "maxval", f->maxval);
    if (f->has_time)
        pxr_json_i64(&j, "time_ns", f->time_ns);
    snprintf(hash, sizeof hash, "%016" PRIx64, f->pixel_hash); /* 2^53 is too small for a number */
    pxr_json_text(&j, "pixel_hash", hash);
    pxr_json_u64(&j, "group", f->group);
    pxr_json_end_object(&j);
    return pxr_cli_print_json(&j);
}

static int run(const struct pxr_cli_command *self, int argc, char **argv)
{
    const char *frames = NULL;
    bool is_json = false, is_long = false, is_help = false;
    const struct pxr_option table[] = {
        PXR_CLI_FRAMES(&frames),
        PXR_OPTION_FLAG("long", 'l', &is_long,
                        "Number, used bits, maxval, time, hash of the pixels,\nsize, name."),
        PXR_OPTION_FLAG("json", 0, &is_json, "Print one JSON object per frame and line."),
        PXR_CLI_END(&is_help),
    };
    struct pxr_diag diag;
    struct pxr_archive_info info;
    struct pxr_frame_range range;
    struct pxr_frame_info frame;
    pxr_archive *a = NULL;
    int n_operands;
    int code = pxr_cli_parse(self, table, &is_help, 1, 1, argc, argv, &n_operands);
    if (code >= 0)
        return code;
    code = 0;
    enum pxr_err e = pxr_archive_open(&a, argv[1], NULL, &diag);
    if (e == PXR_OK) {
        pxr_archive_info(a, &info);
        e = pxr_frame_range_parse(&range, frames, info.n_frames, "--frames", &diag);
    }
    const uint64_t n = e == PXR_OK ? pxr_frame_range_count(&range) : 0;
    for (uint64_t i = 0; e == PXR_OK && !code && i < n; i++) {
        e = pxr_frame_info(a, range.first + i * range.step, &frame, &diag);
        if (e != PXR_OK)
            break;
        if (is_json)
            code = print_json(&frame);
        else if (is_long)
            print_long(&frame);
        else
            puts(frame.name);
    }
    if (e != PXR_OK) {
        pxr_diag_in_file(&diag, e, argv[1]);
        code = pxr_cli_fail(&diag);
    }
    pxr_archive_close(a);
    return code;
}

const struct pxr_cli_command pxr_cmd_list = {
    .name = "list",
    .operands = "[OPTION]... FILE.pxr",
    .summary = "List the frames of an archive.",
    .run = run,
};
