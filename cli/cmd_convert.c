/* SPDX-License-Identifier: MIT
 * pixelrain convert: single pictures and short animations from one format to another. */
#include "cli.h"

#include "frame_range.h"
#include "still_array.h"
#include "still_format.h"
#include "still_pixels.h"
#include "still_tiles.h"
#include "stop.h"

#include "alloc.h"
#include "diag.h"
#include "io.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Every result is made in memory before any file is touched, so that a refused input leaves nothing. */

#define MAX_FILE_BYTES ((uint64_t)4 << 30)

struct convert {
    const char *dir_path, *to_name, *from_name, *frames;
    bool overwrite, quiet, help;
    uint64_t n_threads;
    struct pxr_still_opts opts;
    struct pxr_frame_range range;
    const struct pxr_still_format *to, *from; /* from: NULL: found out for each input */
    struct result *results; /* those of the current output; written at its end */
    size_t n_results, capacity;
    void *batch; /* of a format that makes one set of files of all inputs */
    uint64_t n_read, n_written, in_bytes, out_bytes;
};

/* A file to be. */
struct result {
    char *path;
    struct pxr_buffer bytes;
};

/* One input on its way. */
struct pass {
    struct convert *c;
    const char *path, *stem_path; /* stem_path: of the results in a folder, without extension; NULL: one output for all */
    struct pxr_still_output *out;
    uint64_t n_frames, n_taken; /* of this input: seen, and chosen by --frames */
    bool is_part;               /* out: it has none of its own */
};

/* ---- results --------------------------------------------------------------------------------- */

static void drop_results(struct convert *c)
{
    for (size_t i = 0; i < c->n_results; i++) {
        pxr_free(c->results[i].path);
        pxr_buffer_fini(&c->results[i].bytes);
    }
    c->n_results = 0;
}

/* Takes bytes over. */
static enum pxr_err add_result(struct convert *c, const char *path, struct pxr_buffer *bytes, struct pxr_diag *diag)
{
    char *const copy = pxr_strdup(path);
    if (!copy || !pxr_reserve(&c->results, &c->capacity, c->n_results + 1, sizeof *c->results)) {
        pxr_free(copy);
        return pxr_fail_nomem(diag, bytes->n_bytes);
    }
    c->results[c->n_results++] = (struct result){copy, *bytes};
    *bytes = (struct pxr_buffer){0};
    return PXR_OK;
}

static enum pxr_err write_result(const struct convert *c, const struct result *r, struct pxr_diag *diag)
{
    struct pxr_file f = {0};
    int sys_errno = 0;
    if (!strcmp(r->path, "-"))
        return pxr_diag_in_file(diag, pxr_write_fd(STDOUT_FILENO, r->bytes.bytes, r->bytes.n_bytes, diag),
                                "standard output");
    enum pxr_err e = pxr_file_create(&f, r->path, c->overwrite, diag);
    if (e != PXR_OK)
        return e;
    e = pxr_file_write(&f, 0, r->bytes.bytes, r->bytes.n_bytes, diag);
    if (e == PXR_OK && (e = f.io.publish(f.arg, &sys_errno)) != PXR_OK)
        pxr_fail_sys(diag, e, sys_errno, "cannot be written");
    if (e != PXR_OK)
        f.io.discard(f.arg);
    pxr_file_close(&f);
    return pxr_diag_in_file(diag, e, r->path);
}

static enum pxr_err write_results(struct convert *c, struct pxr_diag *diag)
{
    enum pxr_err e = PXR_OK;
    for (size_t i = 0; e == PXR_OK && i < c->n_results; i++) {
        e = write_result(c, &c->results[i], diag);
        c->n_written += e == PXR_OK;
        c->out_bytes += e == PXR_OK ? c->results[i].bytes.n_bytes : 0;
    }
    drop_results(c);
    return e;
}

/* ---- outputs --------------------------------------------------------------------------------- */

static const char *extension_of(const char *path)
{
    const char *const slash = strrchr(path, '/'), *const dot = strrchr(slash ? slash : path, '.');
    return dot ? dot + 1 : NULL;
}

static void begin_output(struct convert *c, struct pxr_still_output *out, const char *extension)
{
    *out = (struct pxr_still_output){.opts = &c->opts, .extension = extension};
}

static void drop_output(const struct convert *c, struct pxr_still_output *out)
{
    if (c->to->end)
        c->to->end(out);
    pxr_buffer_fini(&out->bytes);
}

/* All frames are there: the output becomes a result. */
static enum pxr_err finish_output(struct convert *c, struct pxr_still_output *out, const char *path,
                                  struct pxr_diag *diag)
{
    enum pxr_err e = c->to->finish && !out->is_finished ? c->to->finish(out, diag) : PXR_OK;
    if (e == PXR_OK)
        e = add_result(c, path, &out->bytes, diag);
    drop_output(c, out);
    return e;
}

/* Frames of one file have one shape.  What is gray by chance among coloured ones becomes coloured again. */
static enum pxr_err conform(const struct pxr_still_output *out, struct pxr_image *image, void **promoted,
                            struct pxr_diag *diag)
{
    const struct pxr_image *const first = &out->first;
    if (image->width_px != first->width_px || image->height_px != first->height_px)
        return pxr_fail(diag, PXR_E_MISMATCH, "a frame of %ux%u pixels cannot follow one of %ux%u in one file",
                        image->width_px, image->height_px, first->width_px, first->height_px);
    if (image->bits != first->bits || image->maxval != first->maxval)
        return pxr_fail(diag, PXR_E_MISMATCH, "a frame whose samples go up to %u cannot follow one up to %u in one file",
                        image->maxval, first->maxval);
    if (image->n_channels == first->n_channels)
        return PXR_OK;
    if ((image->n_channels >= 3 && first->n_channels < 3) ||
        (pxr_still_has_alpha(image) && !pxr_still_has_alpha(first)))
        return pxr_fail(diag, PXR_E_MISMATCH, "a frame with %s cannot follow one without in one file",
                        pxr_still_has_alpha(image) && !pxr_still_has_alpha(first) ? "transparency" : "colour");
    *promoted = pxr_still_with_channels(image, first->n_channels);
    if (!*promoted)
        return pxr_fail_nomem(diag, pxr_still_bytes(first));
    image->n_channels = first->n_channels;
    image->stride_bytes = first->stride_bytes;
    image->pixels = *promoted;
    return PXR_OK;
}

static enum pxr_err put_frame(const struct convert *c, struct pxr_still_output *out, struct pxr_image *image,
                              struct pxr_diag *diag)
{
    void *promoted = NULL;
    enum pxr_err e = PXR_OK;
    if (out->is_finished)
        return pxr_fail(diag, PXR_E_UNSUPPORTED, "an array that is no picture has to be alone in its file");
    if (out->n_frames && !c->to->holds_many)
        return pxr_fail(diag, PXR_E_UNSUPPORTED,
                        "a %s file holds one frame: --frames N chooses one, '--to %s -o DIR' writes them all", c->to->name,
                        c->to->name);
    if (out->n_frames)
        e = conform(out, image, &promoted, diag);
    else
        out->first = *image;
    if (e == PXR_OK)
        e = c->to->write(out, image, diag);
    out->n_frames += e == PXR_OK;
    out->first.pixels = NULL;
    pxr_free(promoted);
    return e;
}

/* The name of this frame's file within the set, without extension. */
static enum pxr_err put_batch(struct pass *p, struct pxr_image *image, struct pxr_diag *diag)
{
    char stem[PATH_MAX];
    const char *const name = strrchr(p->stem_path, '/') + 1;
    const int stem_bytes = (int)(strlen(name) - strlen(extension_of(name)) - 1);
    const int n = image->number || p->n_taken
                      ? snprintf(stem, sizeof stem, "%.*s-%06" PRIu64, stem_bytes, name, p->n_frames - 1)
                      : snprintf(stem, sizeof stem, "%.*s", stem_bytes, name);
    if (n < 0 || (size_t)n >= sizeof stem)
        return pxr_fail(diag, PXR_E_LIMIT, "a name is too long");
    return p->c->to->batch_add(p->c->batch, &p->c->opts, image, stem, diag);
}

/* A result for this frame alone. */
static enum pxr_err put_single(struct pass *p, struct pxr_image *image, struct pxr_diag *diag)
{
    char path[PATH_MAX];
    struct pxr_still_output out;
    begin_output(p->c, &out, extension_of(p->stem_path));
    enum pxr_err e = put_frame(p->c, &out, image, diag);
    const int n = snprintf(path, sizeof path, "%.*s-%06" PRIu64 ".%s",
                           (int)(strlen(p->stem_path) - strlen(out.extension) - 1), p->stem_path, p->n_frames - 1,
                           out.extension);
    if (e == PXR_OK && (n < 0 || (size_t)n >= sizeof path))
        e = pxr_fail(diag, PXR_E_LIMIT, "a path is too long");
    if (e == PXR_OK)
        return finish_output(p->c, &out, path, diag);
    drop_output(p->c, &out);
    return e;
}

/* ---- inputs ---------------------------------------------------------------------------------- */

static enum pxr_err take_image(struct pass *p, struct pxr_image *image, struct pxr_diag *diag)
{
    if (p->c->batch)
        return put_batch(p, image, diag);
    if (!p->stem_path || p->c->to->holds_many)
        return put_frame(p->c, p->out, image, diag);
    return put_single(p, image, diag);
}

/* Each frame that a reader finds: copied, so that it can be changed. */
static enum pxr_err take_frame(void *arg, const struct pxr_image *found, struct pxr_diag *diag)
{
    struct pass *const p = arg;
    const struct pxr_frame_range *const range = &p->c->range;
    struct pxr_image image = *found;
    const uint64_t frame = p->n_frames++;
    if (pxr_stop_signal())
        return pxr_fail_sys(diag, PXR_E_IO, EINTR, "interrupted");
    if (frame < range->first || frame >= range->end || (frame - range->first) % range->step)
        return PXR_OK;
    const size_t row_bytes = (size_t)image.width_px * image.n_channels * (image.bits / 8u);
    uint8_t *const pixels = pxr_alloc(row_bytes * image.height_px);
    if (!pixels)
        return pxr_fail_nomem(diag, row_bytes * image.height_px);
    for (uint32_t y = 0; y < image.height_px; y++)
        memcpy(pixels + y * row_bytes, (const uint8_t *)image.pixels + y * image.stride_bytes, row_bytes);
    image.stride_bytes = row_bytes;
    pxr_still_simplify(&image, pixels);
    if (p->c->opts.is_luma)
        pxr_still_luma(&image, pixels);
    const enum pxr_err e = take_image(p, &image, diag);
    p->n_taken += e == PXR_OK;
    pxr_free(pixels);
    return e;
}

/* Numbers that are no picture go straight from file to file, alone. */
static enum pxr_err take_array(struct pass *p, struct pxr_still_input *in, const struct pxr_still_format *from,
                               bool *is_array, struct pxr_diag *diag)
{
    struct pxr_still_output out;
    begin_output(p->c, &out, NULL);
    enum pxr_err e = pxr_still_put_array(in, from, p->c->to, &out, is_array, diag);
    if (e == PXR_OK && *is_array && p->stem_path) {
        e = add_result(p->c, p->stem_path, &out.bytes, diag);
        p->is_part = true; /* there is nothing left for its output */
    } else if (e == PXR_OK && *is_array && p->out->n_frames) {
        e = pxr_fail(diag, PXR_E_UNSUPPORTED, "an array that is no picture has to be alone in its file");
    } else if (e == PXR_OK && *is_array) {
        p->out->bytes = out.bytes;
        p->out->n_frames = 1;
        p->out->is_finished = true;
        return PXR_OK;
    }
    pxr_buffer_fini(&out.bytes);
    return e;
}

static void say_missing(const struct convert *c, const struct pxr_still_input *in, const struct pass *p)
{
    if (c->quiet)
        return;
    if (in->n_missing_px)
        pxr_cli_say("%s: was cut: %" PRIu64 " pixels of frame %" PRIu64 " are missing, and shown by their neighbours",
                    in->path, in->n_missing_px, p->n_frames - 1);
    if (in->n_missing_frames)
        pxr_cli_say("%s: was cut: %" PRIu64 " frames are missing", in->path, in->n_missing_frames);
}

static enum pxr_err convert_bytes(struct pass *p, struct pxr_still_input *in, struct pxr_diag *diag)
{
    const struct pxr_still_format *const from =
        p->c->from ? p->c->from : pxr_still_format_detect(in->bytes, in->n_bytes, p->path);
    if (!in->n_bytes)
        return pxr_fail_at(diag, PXR_E_TRUNCATED, 0, "is empty");
    if (!from)
        return pxr_fail_at(diag, PXR_E_NOTPXR, 0, "is of no format that is known; --from says which it is");
    bool is_array;
    enum pxr_err e = take_array(p, in, from, &is_array, diag);
    if (e != PXR_OK || is_array)
        return e;
    e = from->read(in, take_frame, p, diag);
    p->is_part = in->is_part;
    if (e == PXR_OK && !p->n_taken && !in->is_part)
        e = pxr_fail(diag, PXR_E_RANGE, "--frames chooses none of its %" PRIu64 " frames", p->n_frames);
    if (e == PXR_OK)
        say_missing(p->c, in, p);
    return e;
}

static enum pxr_err convert_input(struct pass *p, struct pxr_diag *diag)
{
    struct pxr_still_input in = {.path = p->path, .opts = &p->c->opts};
    uint8_t *bytes = NULL;
    if (!strcmp(p->path, "-"))
        in.path = "standard input";
    in.fd = in.path == p->path ? open(p->path, O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
    if (in.fd < 0)
        return pxr_diag_in_file(diag, pxr_fail_sys(diag, pxr_err_from_errno(errno), errno, "cannot be opened"), in.path);
    enum pxr_err e = pxr_read_all(in.fd, MAX_FILE_BYTES, &bytes, &in.n_bytes, diag);
    in.bytes = bytes;
    if (e == PXR_OK)
        e = convert_bytes(p, &in, diag);
    pxr_free(bytes);
    if (in.fd != STDIN_FILENO)
        close(in.fd);
    p->c->n_read += e == PXR_OK;
    p->c->in_bytes += in.n_bytes;
    return pxr_diag_in_file(diag, e, in.path);
}

/* ---- one output, or one for each input --------------------------------------------------------- */

static enum pxr_err convert_to_file(struct convert *c, int n, char **paths, const char *out_path, struct pxr_diag *diag)
{
    struct pxr_still_output out;
    enum pxr_err e = PXR_OK;
    begin_output(c, &out, c->to_name ? c->to_name : extension_of(out_path));
    for (int i = 0; e == PXR_OK && i < n; i++)
        e = convert_input(&(struct pass){.c = c, .path = paths[i], .out = &out}, diag);
    if (e == PXR_OK && !out.n_frames)
        e = pxr_fail(diag, PXR_E_UNSUPPORTED, "the inputs are tiles of a picture whose first tile is not among them");
    if (e != PXR_OK) {
        drop_output(c, &out);
        return e;
    }
    e = finish_output(c, &out, out_path, diag);
    return e == PXR_OK ? write_results(c, diag) : e;
}

/* DIR/STEM.EXTENSION; false: too long. */
static bool result_path(const struct convert *c, const char *path, char dst[PATH_MAX])
{
    const char *const slash = strrchr(path, '/'), *const name = slash ? slash + 1 : path, *dot = strrchr(name, '.');
    struct pxr_tile_name tile;
    int stem_bytes = (int)(dot && dot > name ? (size_t)(dot - name) : strlen(name));
    if (pxr_tile_name_parse(name, &tile))
        stem_bytes = (int)tile.stem_bytes;
    const int n = snprintf(dst, PATH_MAX, "%s/%.*s.%s", c->dir_path, stem_bytes, name, c->to_name);
    return n >= 0 && n < PATH_MAX;
}

/* A single frame needs no number. */
static enum pxr_err rename_only_result(struct convert *c, const char *path, struct pxr_diag *diag)
{
    char *const copy = c->n_results == 1 ? pxr_strdup(path) : NULL;
    if (c->n_results != 1)
        return PXR_OK;
    if (!copy)
        return pxr_fail_nomem(diag, strlen(path));
    pxr_free(c->results[0].path);
    c->results[0].path = copy;
    return PXR_OK;
}

/* Not inlined: a path is as much as a frame on the stack should be. */
__attribute__((noinline)) static enum pxr_err convert_into_folder(struct convert *c, const char *path, struct pxr_diag *diag)
{
    char to[PATH_MAX];
    struct pxr_still_output out;
    if (!result_path(c, path, to))
        return pxr_diag_in_file(diag, pxr_fail(diag, PXR_E_LIMIT, "the path is too long"), path);
    begin_output(c, &out, c->to_name);
    struct pass pass = {.c = c, .path = path, .stem_path = to, .out = &out};
    enum pxr_err e = convert_input(&pass, diag);
    if (e == PXR_OK && c->to->holds_many && !pass.is_part)
        e = finish_output(c, &out, to, diag);
    else
        drop_output(c, &out);
    if (c->batch)
        return e; /* nothing is written before the last input */
    if (e == PXR_OK && !c->to->holds_many)
        e = rename_only_result(c, to, diag);
    if (e == PXR_OK)
        e = write_results(c, diag);
    drop_results(c);
    return e;
}

/* A file of the set. */
static enum pxr_err take_set_file(void *arg, const char *name, struct pxr_buffer *bytes, struct pxr_diag *diag)
{
    struct convert *const c = arg;
    char path[PATH_MAX];
    const int n = snprintf(path, sizeof path, "%s/%s", c->dir_path, name);
    if (n < 0 || (size_t)n >= sizeof path)
        return pxr_fail(diag, PXR_E_LIMIT, "a path is too long");
    return add_result(c, path, bytes, diag);
}

static enum pxr_err convert_each(struct convert *c, int n, char **paths, struct pxr_diag *diag)
{
    enum pxr_err e = PXR_OK;
    if (mkdir(c->dir_path, 0777) && errno != EEXIST)
        return pxr_diag_in_file(diag, pxr_fail_sys(diag, pxr_err_from_errno(errno), errno, "cannot be created"),
                                c->dir_path);
    if (c->to->batch_new)
        e = c->to->batch_new(&c->batch, diag);
    for (int i = 0; e == PXR_OK && i < n; i++)
        e = convert_into_folder(c, paths[i], diag);
    if (e == PXR_OK && c->batch && (e = c->to->batch_finish(c->batch, take_set_file, c, diag)) == PXR_OK)
        e = write_results(c, diag);
    if (c->to->batch_free)
        c->to->batch_free(c->batch);
    return e;
}

/* ---- the command ----------------------------------------------------------------------------- */

/* What is written, and how inputs are read; 0 or an exit code. */
static int choose_formats(const struct pxr_cli_command *self, struct convert *c, const char *out_path)
{
    char names[256];
    if (c->from_name && !(c->from = pxr_still_format_find(c->from_name)))
        return pxr_cli_usage(self, "--from: unknown format '%s'", c->from_name);
    c->to = c->to_name ? pxr_still_format_find(c->to_name) : pxr_still_format_of_path(out_path);
    if (!c->to && c->to_name)
        return pxr_cli_usage(self, "--to: unknown format '%s'; there are %s", c->to_name,
                             pxr_still_format_names(names, sizeof names));
    if (!c->to)
        return pxr_cli_usage(self, "the name '%s' says no format: --to chooses one of %s", out_path,
                             pxr_still_format_names(names, sizeof names));
    if (c->to->batch_new && !c->dir_path)
        return pxr_cli_usage(self, "%s makes several files: use --to %s -o DIR", c->to->name, c->to->name);
    if (!c->to->write && !c->to->batch_new)
        return pxr_cli_usage(self, "%s is read, not written", c->to->name);
    if (c->opts.layout && !c->to->has_layouts && !c->opts.from_layout) {
        c->opts.from_layout = c->opts.layout; /* there is only one file that it can be about */
        c->opts.layout = NULL;
    }
    return 0;
}

static int run_conversion(const struct pxr_cli_command *self, struct convert *c, int n, char **operands)
{
    struct pxr_diag diag;
    struct stat st;
    const char *const out_path = c->dir_path ? NULL : operands[n - 1];
    if (c->dir_path && !c->to_name)
        return pxr_cli_usage(self, "-o DIR needs --to FORMAT");
    if (!c->dir_path && n < 2)
        return pxr_cli_usage(self, "missing operand: the file to write");
    if (out_path && !stat(out_path, &st) && S_ISDIR(st.st_mode))
        return pxr_cli_usage(self, "'%s' is a folder: use --to FORMAT -o DIR", out_path);
    const int code = choose_formats(self, c, out_path);
    if (code)
        return code;
    if (pxr_frame_range_parse(&c->range, c->frames, PXR_NONE, "--frames", &diag) != PXR_OK)
        return pxr_cli_usage(self, "%s", diag.text);
    const unsigned n_threads = pxr_cli_n_threads(c->n_threads);
    if (pxr_pool_new(&c->opts.pool, n_threads - 1, &diag) != PXR_OK)
        return pxr_cli_fail(&diag);
    const enum pxr_err e = out_path ? convert_to_file(c, n - 1, operands, out_path, &diag)
                                    : convert_each(c, n, operands, &diag);
    drop_results(c);
    pxr_free(c->results);
    pxr_pool_free(c->opts.pool);
    if (pxr_stop_signal())
        pxr_stop_raise();
    return e == PXR_OK ? 0 : pxr_cli_fail(&diag);
}

static int run(const struct pxr_cli_command *self, int argc, char **argv)
{
    static const char *const orders[] = {"A", "B", NULL};
    static const char *const averages[] = {"auto", "original", "compat", "exact", NULL};
    struct convert c = {.opts = {0}};
    struct pxr_still_opts *const o = &c.opts;
    const struct pxr_option table[] = {
        PXR_OPTION_TEXT("to", 0, &c.to_name, "FORMAT", "What to write; else the extension of OUT says it."),
        PXR_OPTION_TEXT("output", 'o', &c.dir_path, "DIR", "Folder for one file for each input; needs --to."),
        PXR_OPTION_TEXT("from", 0, &c.from_name, "FORMAT", "What the inputs are, where it cannot be seen."),
        PXR_OPTION_FLAG("force", 'f', &c.overwrite, "Replace existing files."),
        PXR_CLI_FRAMES(&c.frames),
        {.name = "threshold", .kind = PXR_OPT_UINT, .value = &o->threshold, .arg = "N", .max = 255,
         .is_set = &o->has_threshold, .help = "DCI: samples may be off by N; what it writes is then lossy."},
        PXR_OPTION_CHOICE("average", 0, &o->average, "original|compat|exact", averages,
                          "DCI: how the colour of a part is computed."),
        PXR_OPTION_TEXT("dialect", 0, &o->layout, "NAME",
                        "VCBN: vcbn (default), cbin, impk, head. DCI: v1, v2\n(default), v3, late1, late2-planar."),
        PXR_OPTION_TEXT("dtype", 0, &o->dtype, "NAME", "VCBN: uint8, uint16, uint32, float16, float32, float64, packed."),
        PXR_OPTION_TEXT("vmin", 0, &o->vmin, "X", "VCBN: the number that becomes 0."),
        PXR_OPTION_TEXT("vmax", 0, &o->vmax, "X", "VCBN: the number that becomes the highest level."),
        PXR_OPTION_FLAG("big-endian", 0, &o->is_big_endian, "VCBN: the byte order of dialect head."),
        PXR_OPTION_TEXT("table", 0, &o->table_path, "FILE.pcet", "PCE: the table of the batch that is read."),
        PXR_OPTION_FLAG("lossy", 0, &o->is_lossy, "Let samples lose low bits, and drop transparency, where the\n"
                                                  "format has no room for them."),
        PXR_OPTION_FLAG("luma", 0, &o->is_luma, "Turn colour into gray (Rec. 709)."),
        PXR_OPTION_FLAG("strict", 0, &o->is_strict, "Refuse PXS and PX2 files that were cut."),
        PXR_OPTION_FLAG("partial", 0, &o->is_partial, "Accept PXS files of layout spec that end within a pixel."),
        PXR_OPTION_TEXT("layout", 0, &o->layout, "NAME",
                        "PXS: legacy24 (default), legacy15, spec, headerless24,\n"
                        "headerless15; all but those of 24 bits keep 5 bits of 8."),
        PXR_OPTION_TEXT("from-layout", 0, &o->from_layout, "NAME", "The layout of the inputs; needed without a header."),
        PXR_OPTION_CHOICE("order", 0, &o->order, "A|B", orders, "PXS, PX2: the order of pixels that is written."),
        PXR_OPTION_CHOICE("from-order", 0, &o->from_order, "A|B", orders, "PXS: the order that is read."),
        PXR_OPTION_UINT("bits", 0, &o->bits, "N", 1, 32,
                        "PX2: bits of a sample; fewer than there are drop the low\nones. VCBN: of packed numbers (dialect head)."),
        PXR_OPTION_FLAG("relative", 0, &o->is_relative, "PX2: code small differences in two bits."),
        PXR_OPTION_FLAG("finality", 0, &o->has_finality, "PX2: code squares of one colour as one pixel."),
        PXR_OPTION_FLAG("padded", 0, &o->is_padded, "PX2: fill each pixel up to whole bytes."),
        PXR_OPTION_FLAG("mask", 0, &o->has_mask, "PX2: leave transparent pixels out instead of storing alpha."),
        PXR_CLI_THREADS(&c.n_threads, "Threads, 0: one per core (default)."),
        PXR_OPTION_FLAG("quiet", 'q', &c.quiet, "Print errors only."),
        PXR_CLI_END(&c.help),
    };
    int n_operands;
    const int code = pxr_cli_parse(self, table, &c.help, 1, INT_MAX - 1, argc, argv, &n_operands);
    if (code >= 0)
        return code;
    if (o->is_strict && o->is_partial)
        return pxr_cli_usage(self, "--strict and --partial contradict each other");
    pxr_stop_install();
    return run_conversion(self, &c, n_operands, argv + 1);
}

const struct pxr_cli_command pxr_cmd_convert = {
    .name = "convert",
    .operands = "[OPTION]... IN... (OUT | --to FORMAT -o DIR)",
    .summary = "Turn pictures of one format into another.",
    .details = "Formats: PNG, PNM, NPY, Y4M (only read), PXS, PX2, DCI, PCE (pceb: a batch with one table), VCBN.\n"
               "Several inputs with one OUT are its frames.\n"
               "Nothing is lost unless an option allows it. A PXS or PX2 file that was cut is a coarser picture.",
    .run = run,
};
