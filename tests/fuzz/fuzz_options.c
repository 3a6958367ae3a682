/* SPDX-License-Identifier: MIT
 * Fuzz target: what people type.  Input: a byte that says what the rest is, then arguments, each ended by a NUL.
 * Below 128: the arguments of a command, parsed by its table and not run.  Else texts that options take: frames, regions, blocks,
 * sizes, times, patterns of times, tables of times, JSON. */
#include "fuzz_require.h"
#include "cli.h"
#include "frame_range.h"
#include "packing.h"
#include "region.h"
#include "timetext.h"
#include "times.h"

#include "diag.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { MAX_ARGS = 24 };

static const struct pxr_cli_command *const commands[] = {
    &pxr_cmd_pack, &pxr_cmd_append, &pxr_cmd_info, &pxr_cmd_list, &pxr_cmd_extract, &pxr_cmd_cat, &pxr_cmd_check,
    &pxr_cmd_recover, &pxr_cmd_merge, &pxr_cmd_repack, &pxr_cmd_index, &pxr_cmd_convert, &pxr_cmd_thumbnail};
enum { N_COMMANDS = sizeof commands / sizeof *commands };

/* ---- arguments of a command ---------------------------------------------------------------------- */

static char *words[MAX_ARGS + 2];
static int n_words;

static void expect_in_range(const struct pxr_option *o)
{
    uint64_t v;
    int choice;
    switch (o->kind) {
    case PXR_OPT_UINT:
    case PXR_OPT_BYTES:
        memcpy(&v, o->value, sizeof v);
        require(v >= o->min && (!o->max || v <= o->max));
        break;
    case PXR_OPT_CHOICE:
        memcpy(&choice, o->value, sizeof choice);
        for (int i = 0; i <= choice; i++)
            require(o->choices[i] != NULL);
        break;
    case PXR_OPT_FLAG:
    case PXR_OPT_TEXT: break;
    }
}

/* A command's table as it is when the command runs. */
static void parse(const struct pxr_cli_command *self, const struct pxr_option *table)
{
    struct pxr_diag diag;
    int n_operands = -1;
    (void)self;
    const enum pxr_err e = pxr_options_parse(table, n_words, words, &n_operands, &diag);
    require(e == PXR_OK || (e == PXR_E_INVALID && diag.text[0] && memchr(diag.text, 0, sizeof diag.text)));
    if (e != PXR_OK)
        return;
    require(n_operands >= 0 && n_operands < n_words);
    for (int i = 1; i <= n_operands; i++)
        require(words[i] != NULL);
    for (const struct pxr_option *o = table; o->name; o++)
        if (o->is_set && *o->is_set)
            expect_in_range(o);
}

/* ---- texts ------------------------------------------------------------------------------------------ */

static void try_range(const char *text)
{
    struct pxr_frame_range r;
    struct pxr_diag diag;
    static const uint64_t sizes[] = {1, 7, 1000, UINT64_MAX};
    for (int i = 0; i < 4; i++) {
        const enum pxr_err e = pxr_frame_range_parse(&r, text, sizes[i], "--frames", &diag);
        require(e == PXR_OK || e == PXR_E_INVALID || e == PXR_E_RANGE);
        if (e == PXR_OK)
            require(r.step && r.first < r.end && r.end <= sizes[i] && pxr_frame_range_count(&r) >= 1 &&
                    (pxr_frame_range_count(&r) - 1) <= (r.end - 1 - r.first) / r.step);
    }
}

static void try_region(const char *text)
{
    struct pxr_region r;
    struct pxr_diag diag;
    const enum pxr_err e = pxr_region_parse(&r, text, 640, UINT32_MAX, &diag);
    require(e == PXR_OK || e == PXR_E_INVALID || e == PXR_E_RANGE);
    if (e == PXR_OK)
        require(r.width_px && r.height_px && (uint64_t)r.x_px + r.width_px <= 640 &&
                (uint64_t)r.y_px + r.height_px <= UINT32_MAX);
}

static void try_block(const char *text)
{
    struct pxr_write_opts w = {0};
    if (pxr_pack_parse_block(text, &w))
        require(w.block_frames && w.block_height_px && w.block_width_px);
}

static void try_size(const char *text)
{
    uint64_t n;
    if (pxr_parse_bytes(text, 3, (uint64_t)1 << 40, &n))
        require(n >= 3 && n <= (uint64_t)1 << 40);
    if (pxr_parse_u64(text, 2, 99, &n))
        require(n >= 2 && n <= 99);
}

static void try_time(const char *text)
{
    int64_t t;
    pxr_time_parse(text, &t);
}

/* The first argument is a pattern, the others are names. */
static void try_pattern(int n, char **texts)
{
    struct pxr_diag diag;
    int64_t t;
    if (pxr_time_pattern_check(texts[0], &diag) != PXR_OK)
        return;
    for (int i = 1; i < n; i++) {
        const enum pxr_err e = pxr_time_pattern_match(texts[0], texts[i], &t, &diag);
        require(e == PXR_OK || e == PXR_E_MISMATCH);
    }
}

static void try_table(const uint8_t *bytes, size_t n_bytes)
{
    struct pxr_times t = {0};
    struct pxr_diag diag;
    char path[40];
    int64_t found;
    const int fd = memfd_create("times", MFD_CLOEXEC);
    require(fd >= 0 && write(fd, bytes, n_bytes) == (ssize_t)n_bytes);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    const enum pxr_err e = pxr_times_load(&t, path, &diag);
    require(e == PXR_OK || e == PXR_E_CORRUPT || e == PXR_E_MISMATCH || e == PXR_E_TRUNCATED || e == PXR_E_INVALID);
    for (size_t i = 0; e == PXR_OK && i < t.n_rows && i < 8; i++) {
        const char *const name = t.has_names ? (const char *)t.names.bytes + t.rows[i].name_off : "any";
        require(pxr_times_find(&t, name, i, &found, &diag) == PXR_OK && (t.has_names || found == t.rows[i].time_ns));
    }
    pxr_times_fini(&t);
    close(fd);
}

static void try_json(const uint8_t *bytes, size_t n_bytes)
{
    size_t off = 0;
    char *const exact = malloc(n_bytes ? n_bytes : 1);
    require(exact != NULL);
    memcpy(exact, bytes, n_bytes);
    if (!pxr_json_is_valid(exact, n_bytes, &off))
        require(off <= n_bytes);
    free(exact);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
    if (!n_bytes || n_bytes > 1 << 14)
        return 0;
    static char program[] = "pixelrain";
    char *const text = malloc(n_bytes);
    require(text != NULL);
    memcpy(text, data + 1, n_bytes - 1);
    text[n_bytes - 1] = 0;
    words[0] = program;
    n_words = 1;
    for (size_t at = 0; at < n_bytes - 1 && n_words <= MAX_ARGS; at += strlen(text + at) + 1)
        words[n_words++] = text + at;
    words[n_words] = NULL;
    if (data[0] < 128) {
        pxr_cli_visit_table(commands[data[0] % N_COMMANDS], parse);
    } else if (data[0] % 8 == 0) {
        try_table(data + 1, n_bytes - 1);
    } else if (data[0] % 8 == 1) {
        try_json(data + 1, n_bytes - 1);
    } else if (data[0] % 8 == 2 && n_words > 1) {
        try_pattern(n_words - 1, words + 1);
    } else {
        static void (*const each[])(const char *) = {try_range, try_region, try_block, try_size, try_time};
        for (int i = 1; i < n_words; i++)
            each[data[0] % 8 % 5](words[i]);
    }
    free(text);
    return 0;
}
