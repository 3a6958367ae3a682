/* SPDX-License-Identifier: MIT
 * PNG through libpng: gray of any depth, and whatever else holds nothing but gray. */
#include "import.h"

#include "gray.h"

#include "alloc.h"
#include "bytes.h"
#include "diag.h"

#include <png.h>
#include <setjmp.h>
#include <stdio.h>

/* Three buffers of one row are needed before the first pixel is seen, so a row is bounded by more
 * than the number of pixels. */
#define MAX_WIDTH_PX ((uint64_t)1 << 24)
/* A chunk that is skipped takes no memory; this refuses what cannot be meant. */
#define MAX_CHUNK_BYTES (64u << 20)
#define MAX_CHUNKS_KEPT 16
/* A match of 258 bytes takes two bits at least: deflate yields at most 258 * 4 bytes from one. */
#define MAX_DEFLATE_RATIO 1032

/* Everything that lives across a longjmp is in here, none of it in a local variable of the function
 * that calls setjmp. */
struct png_file {
    struct pxr_import *im;
    png_structp png;
    png_infop info;
    uint64_t start_off_bytes;
    enum pxr_err err;
    struct pxr_diag
        refusal; /* of the first pixel that is not gray; its code is PXR_OK without one */

    uint32_t width_px, height_px;
    uint8_t bits, sbit;
    uint8_t n_channels; /* of a row after libpng and the palette: 1 to 4 */
    bool has_palette, is_interlaced;
    uint8_t palette[256][4]; /* red, green, blue, alpha */
    unsigned n_colours;
    uint8_t *row;      /* from libpng                                     */
    uint8_t *coloured; /* with the palette applied; only with has_palette */
    uint8_t *gray;     /* of one row of an interlaced picture             */
};

/* Of a pixel in the frame. */
static uint8_t kept_channels(const struct png_file *f)
{
    return f->im->opts.keep_channels ? f->n_channels : 1;
}
static size_t px_bytes_of(const struct png_file *f)
{
    return (size_t)kept_channels(f) * (f->bits / 8u);
}

/* ---- libpng's hooks ------------------------------------------------------------------------- */

static _Noreturn void on_error(png_structp png, png_const_charp text)
{
    struct png_file *f = png_get_error_ptr(png);
    if (f->err == PXR_OK)
        f->err = pxr_fail_at(f->im->diag, PXR_E_CORRUPT, pxr_source_off(&f->im->in),
                             "not a sound PNG: %s", text);
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp text)
{
    (void)png; /* about chunks that are not used here; what matters has been made an error */
    (void)text;
}

static png_voidp on_alloc(png_structp png, png_alloc_size_t n_bytes)
{
    struct png_file *f = png_get_mem_ptr(png);
    void *p = pxr_alloc(n_bytes);
    if (!p && f->err == PXR_OK)
        f->err = pxr_fail_nomem(f->im->diag, n_bytes);
    return p;
}

static void on_free(png_structp png, png_voidp p)
{
    (void)png;
    pxr_free(p);
}

static void on_read(png_structp png, png_bytep dst, size_t n_bytes)
{
    struct png_file *f = png_get_io_ptr(png);
    struct pxr_source *in = &f->im->in;
    const uint64_t total = pxr_source_off(in) - f->start_off_bytes + n_bytes;
    if (total > f->im->opts.max_file_bytes)
        f->err =
            pxr_fail_field(f->im->diag, PXR_E_LIMIT, pxr_source_off(in), "file bytes",
                           f->im->opts.max_file_bytes, total, "the PNG is larger than the limit");
    else {
        const size_t got = pxr_source_read(in, dst, n_bytes);
        if (got < n_bytes)
            f->err = pxr_source_ended(in, "bytes", n_bytes, got, "the input ends within a PNG");
    }
    if (f->err != PXR_OK)
        png_error(png, "");
}

/* Run a step that calls libpng; false when it has failed, with f->err. */
static bool guarded(struct png_file *f, void (*step)(struct png_file *f))
{
    if (setjmp(png_jmpbuf(f->png)))
        return false;
    step(f);
    return f->err == PXR_OK;
}

/* ---- steps: only these call what may longjmp ------------------------------------------------ */

static void configure(struct png_file *f)
{
    /* Beside the critical chunks only these two say something about pixels. */
    static const png_byte used[] = "sBIT";
    png_set_read_fn(f->png, f, on_read);
    png_set_sig_bytes(f->png, 8);
    png_set_user_limits(f->png, PNG_UINT_31_MAX, PNG_UINT_31_MAX); /* we say LIMIT ourselves */
    png_set_chunk_cache_max(f->png, MAX_CHUNKS_KEPT);
    png_set_chunk_malloc_max(f->png, MAX_CHUNK_BYTES);
    png_set_keep_unknown_chunks(f->png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
    png_set_keep_unknown_chunks(f->png, PNG_HANDLE_CHUNK_AS_DEFAULT, used, 1);
    png_set_benign_errors(f->png, 0); /* such as a wrong Adler-32: errors all the same */
#ifdef PXR_FUZZ_SKIP_CHECKSUMS
    png_set_crc_action(f->png, PNG_CRC_QUIET_USE, PNG_CRC_QUIET_USE);
    png_set_option(f->png, PNG_IGNORE_ADLER32, PNG_OPTION_ON);
#else
    png_set_crc_action(f->png, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
#endif
}

static void read_palette(struct png_file *f)
{
    png_colorp colours = NULL;
    png_bytep alpha = NULL;
    int n_colours = 0, n_alpha = 0;
    png_get_PLTE(f->png, f->info, &colours, &n_colours);
    png_get_tRNS(f->png, f->info, &alpha, &n_alpha, NULL);
    for (int i = 0; i < n_colours && i < 256; i++) {
        const uint8_t entry[4] = {colours[i].red, colours[i].green, colours[i].blue,
                                  alpha && i < n_alpha ? alpha[i] : 255};
        memcpy(f->palette[i], entry, 4);
        f->n_colours++;
    }
}

static void read_header(struct png_file *f)
{
    png_uint_32 width, height;
    int depth, colour_type, interlace;
    png_color_8p sbit;
    configure(f);
    png_read_info(f->png, f->info);
    png_get_IHDR(f->png, f->info, &width, &height, &depth, &colour_type, &interlace, NULL, NULL);
    f->width_px = width;
    f->height_px = height;
    f->bits = depth == 16 ? 16 : 8;
    f->has_palette = colour_type == PNG_COLOR_TYPE_PALETTE;
    f->is_interlaced = interlace != PNG_INTERLACE_NONE;
    if (colour_type == PNG_COLOR_TYPE_GRAY && depth < 8)
        f->sbit = (uint8_t)depth;
    if (png_get_sBIT(f->png, f->info, &sbit)) {
        const uint8_t red_green = sbit->red > sbit->green ? sbit->red : sbit->green;
        f->sbit = !(colour_type & PNG_COLOR_MASK_COLOR) ? sbit->gray
                  : red_green > sbit->blue              ? red_green
                                                        : sbit->blue;
    }
    if (f->has_palette) {
        /* libpng would take an index without a colour for black: look the colours up here. */
        read_palette(f);
        png_set_packing(f->png);
        f->n_channels = 4;
        return;
    }
    png_set_expand(f->png); /* 1, 2 and 4 bits to 8 by replication; tRNS to alpha */
    if (f->bits == 16 && pxr_is_little_endian())
        png_set_swap(f->png);
}

static void start_rows(struct png_file *f)
{
    png_read_update_info(f->png, f->info);
    const size_t row_bytes = png_get_rowbytes(f->png, f->info);
    if (!f->has_palette)
        f->n_channels = png_get_channels(f->png, f->info);
    f->row = pxr_alloc(row_bytes);
    const size_t coloured_bytes = f->has_palette ? (size_t)f->width_px * 4 : 1;
    f->coloured = pxr_alloc(coloured_bytes);
    const size_t gray_bytes = f->is_interlaced ? (size_t)f->width_px * px_bytes_of(f) : 1;
    f->gray = pxr_alloc(gray_bytes);
    if (!f->row || !f->coloured || !f->gray)
        f->err = pxr_fail_nomem(f->im->diag, row_bytes + coloured_bytes + gray_bytes);
}

/* Pixels of one row of one pass: every x_step-th from x. */
struct run {
    uint32_t x, x_step, y, n_px;
};

static bool apply_palette(struct png_file *f, const struct run *run)
{
    for (uint32_t i = 0; i < run->n_px; i++) {
        if (f->row[i] >= f->n_colours) {
            f->err = pxr_fail_field(f->im->diag, PXR_E_CORRUPT, pxr_source_off(&f->im->in),
                                    "palette index", f->n_colours, f->row[i],
                                    "pixel (%u, %u) has a colour that the palette lacks",
                                    run->x + i * run->x_step, run->y);
            return false;
        }
        memcpy(f->coloured + 4 * (size_t)i, f->palette[f->row[i]], 4);
    }
    return true;
}

/* A pixel that is not gray ends the picture only behind its last checksum: a damaged file often
 * looks coloured, and should be called damaged. */
static bool read_row(struct png_file *f, const struct run *run)
{
    const size_t px_bytes = px_bytes_of(f);
    uint8_t *dst = f->im->frame + ((size_t)run->y * f->width_px + run->x) * px_bytes;
    png_read_row(f->png, f->row, NULL);
    if (f->refusal.code != PXR_OK)
        return true;
    if (f->has_palette && !apply_palette(f, run))
        return false;
    const struct pxr_gray_span span = {.dst = f->is_interlaced ? f->gray : dst,
                                       .src = f->has_palette ? f->coloured : f->row,
                                       .n_px = run->n_px,
                                       .n_channels = f->n_channels,
                                       .bits = f->bits,
                                       .maxval = (uint16_t)((1u << f->bits) - 1),
                                       .luma = f->im->opts.luma,
                                       .keep_channels = f->im->opts.keep_channels,
                                       .x = run->x,
                                       .x_step = run->x_step,
                                       .y = run->y};
    if (pxr_gray_convert(&span, &f->refusal) != PXR_OK)
        return true;
    for (size_t i = 0; f->is_interlaced && i < run->n_px; i++)
        memcpy(dst + i * run->x_step * px_bytes, f->gray + i * px_bytes, px_bytes);
    return true;
}

static void read_end(struct png_file *f)
{
    png_read_end(f->png, f->info);
    if (f->refusal.code != PXR_OK) {
        *f->im->diag = f->refusal;
        f->err = f->refusal.code;
    }
}

static void read_rows(struct png_file *f)
{
    const uint64_t row_bytes = (uint64_t)f->width_px * px_bytes_of(f);
    for (uint32_t y = 0; y < f->height_px; y++) {
        f->err = pxr_import_room(f->im, (y + 1) * row_bytes, f->height_px * row_bytes);
        if (f->err != PXR_OK ||
            !read_row(f, &(struct run){.x_step = 1, .y = y, .n_px = f->width_px}))
            return;
    }
    read_end(f);
}

/* The rows of the seven passes.  A pass reaches over the whole picture, so the frame is taken at
 * once: check_file has compared it with the file, and from a pipe untouched pages cost nothing. */
static void read_interlaced(struct png_file *f)
{
    const uint64_t frame_bytes = (uint64_t)f->width_px * f->height_px * px_bytes_of(f);
    f->err = pxr_import_room(f->im, frame_bytes, frame_bytes);
    if (f->err != PXR_OK)
        return;
    for (int pass = 0; pass < PNG_INTERLACE_ADAM7_PASSES; pass++) {
        const uint32_t n_px = (uint32_t)PNG_PASS_COLS((int64_t)f->width_px, pass);
        const uint32_t n_rows = n_px ? (uint32_t)PNG_PASS_ROWS((int64_t)f->height_px, pass) : 0;
        for (uint32_t r = 0; r < n_rows; r++)
            if (!read_row(f, &(struct run){.x = PNG_PASS_START_COL(pass),
                                           .x_step = PNG_PASS_COL_OFFSET(pass),
                                           .y = PNG_ROW_FROM_PASS_ROW(r, pass),
                                           .n_px = n_px}))
                return;
    }
    read_end(f);
}

/* ---- one picture ---------------------------------------------------------------------------- */

/* Refuse a declared size before memory is taken for it. */
static enum pxr_err check_file(struct png_file *f)
{
    struct pxr_import *im = f->im;
    const uint64_t off = f->start_off_bytes + 16; /* of the width in IHDR */
    const uint64_t left = pxr_source_left(&im->in);
    const enum pxr_err e = pxr_import_check_size(im, f->width_px, f->height_px, off);
    if (e != PXR_OK)
        return e;
    if (f->width_px > MAX_WIDTH_PX)
        return pxr_fail_field(im->diag, PXR_E_LIMIT, off, "width", MAX_WIDTH_PX, f->width_px,
                              "the PNG is wider than the limit");
    /* Of the compressed data nothing but the buffers of libpng has been taken yet. */
    const uint64_t depth = png_get_bit_depth(f->png, f->info);
    const uint64_t row_bits = f->width_px * depth * png_get_channels(f->png, f->info);
    const uint64_t deflated = (f->height_px * (1 + row_bits / 8)) / MAX_DEFLATE_RATIO;
    if (left != PXR_NONE && left < deflated)
        return pxr_fail_field(im->diag, PXR_E_TRUNCATED, pxr_source_off(&im->in) + left, "bytes",
                              deflated, left, "the file is too short for a picture of %ux%u pixels",
                              f->width_px, f->height_px);
    return PXR_OK;
}

static enum pxr_err decode(struct png_file *f)
{
    f->png = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, f, on_error, on_warning, f, on_alloc,
                                      on_free);
    f->info = f->png ? png_create_info_struct(f->png) : NULL;
    if (!f->info)
        return f->err != PXR_OK ? f->err : pxr_fail_nomem(f->im->diag, sizeof *f);
    if (!guarded(f, read_header))
        return f->err;
    const enum pxr_err e = check_file(f);
    if (e != PXR_OK)
        return e;
    if (guarded(f, start_rows))
        guarded(f, f->is_interlaced ? read_interlaced : read_rows);
    return f->err;
}

static enum pxr_err read_picture(struct pxr_import *im, struct png_file *f)
{
    *f = (struct png_file){.im = im, .start_off_bytes = pxr_source_off(&im->in) - 8};
    enum pxr_err e = decode(f);
    png_destroy_read_struct(&f->png, &f->info, NULL);
    pxr_free(f->gray);
    pxr_free(f->coloured);
    pxr_free(f->row);
    if (e == PXR_OK)
        e = pxr_import_emit(im, (struct pxr_image){.width_px = f->width_px,
                                                   .height_px = f->height_px,
                                                   .bits = f->bits,
                                                   .sbit = f->sbit,
                                                   .n_channels = kept_channels(f),
                                                   .maxval = (uint16_t)((1u << f->bits) - 1)});
    return e;
}

/* The eight bytes before each picture.  *is_there is false where the input ends instead, or where a
 * single picture is followed by something else: that is common, and nobody looks at it.  Behind the
 * second picture it is a stream, and losing the rest of one silently would be wrong. */
static enum pxr_err read_signature(struct pxr_import *im, bool *is_there)
{
    static const char signature[8] = "\x89PNG\r\n\x1a\n";
    const uint64_t off = pxr_source_off(&im->in);
    char found[sizeof signature];
    const size_t got = pxr_source_read(&im->in, found, sizeof found);
    const bool is_like = !memcmp(found, signature, got);
    *is_there = is_like && got == sizeof found;
    if (*is_there)
        return PXR_OK;
    if (im->in.err != PXR_OK || (is_like && (got || !im->number)))
        return pxr_source_ended(&im->in, "signature", sizeof found, got,
                                "the input ends within the signature of a PNG");
    if (!im->number)
        return pxr_fail_at(im->diag, PXR_E_NOTPXR, off,
                           got >= 4 && !memcmp(found, signature, 4)
                               ? "the signature of the PNG is damaged, as by a transfer as text"
                               : "does not begin with the signature of a PNG");
    if (im->number > 1 && got)
        return pxr_fail_at(im->diag, PXR_E_CORRUPT, off,
                           "what follows a PNG of this stream is not another PNG");
    return PXR_OK;
}

enum pxr_err pxr_png_read(struct pxr_import *im)
{
    struct png_file *f = pxr_alloc(sizeof *f);
    bool is_there = true;
    enum pxr_err e = PXR_OK;
    if (!f)
        return pxr_fail_nomem(im->diag, sizeof *f);
    while (e == PXR_OK && is_there) {
        e = read_signature(im, &is_there);
        if (e == PXR_OK && is_there)
            e = read_picture(im, f);
    }
    pxr_free(f);
    return e;
}
