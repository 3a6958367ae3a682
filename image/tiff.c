/* SPDX-License-Identifier: MIT
 * TIFF and BigTIFF through libtiff: every page a picture, and the stacks that ImageJ writes with one page. */
#include "import.h"

#include "gray.h"

#include "alloc.h"
#include "bytes.h"
#include "diag.h"

#include <stdio.h>
#include <tiffio.h>

/* What libtiff may take at once: strips of the largest frame.  Larger requests come from damaged files. */
#define MAX_LIBTIFF_BYTES ((tmsize_t)1 << 30)
/* A compressed strip of these kinds yields at most so many bytes for each of its own. */
#define MAX_DEFLATE_RATIO  1032
#define MAX_PACKBITS_RATIO 64
#define TAG_METAMORPH      33629 /* UIC2: planes that no page describes */

struct tiff {
    struct pxr_import *im;
    TIFF *tif;
    uint64_t file_bytes, at; /* of the file that libtiff sees */
    bool has_ended;          /* something behind its end was asked for */
    bool is_strict;          /* a warning is an error: pixels are being read */
    bool has_message;
    char message[120];

    /* of the page: */
    uint32_t width_px, height_px;
    uint16_t depth, n_samples, photometric, compression;
    uint8_t bits, n_channels; /* of the container; for gray.h */
    uint16_t maxval;
    uint16_t *palette[3];
    uint8_t *piece; /* a strip or tile, from libtiff */
    size_t piece_bytes;
    uint8_t *samples; /* one row of it, native, one container each */
    size_t samples_bytes;
};

/* ---- libtiff's hooks ------------------------------------------------------------------------ */

static int keep_message(struct tiff *t, const char *text, va_list ap)
{
    if (!t->has_message) /* the first one says most */
        vsnprintf(t->message, sizeof t->message, text, ap);
    t->has_message = true;
    return 1;
}
static int on_error(TIFF *tif, void *arg, const char *module, const char *text, va_list ap)
    __attribute__((format(printf, 4, 0)));
static int on_error(TIFF *tif, void *arg, const char *module, const char *text, va_list ap)
{
    (void)tif;
    (void)module;
    return keep_message(arg, text, ap);
}
/* In a page's description warnings are about what is not used here; in pixels they mean that something is
 * missing and was filled in. */
static int on_warning(TIFF *tif, void *arg, const char *module, const char *text, va_list ap)
    __attribute__((format(printf, 4, 0)));
static int on_warning(TIFF *tif, void *arg, const char *module, const char *text, va_list ap)
{
    struct tiff *t = arg;
    (void)tif;
    (void)module;
    return t->is_strict ? keep_message(t, text, ap) : 1;
}

static tmsize_t on_read(thandle_t arg, void *dst, tmsize_t n_bytes)
{
    struct tiff *t = arg;
    const size_t wanted = n_bytes > 0 ? (size_t)n_bytes : 0;
    const size_t got = pxr_source_read_at(&t->im->in, t->at, dst, wanted);
    t->has_ended |= got < wanted;
    t->at += got;
    return (tmsize_t)got;
}

static tmsize_t on_write(thandle_t arg, void *src, tmsize_t n_bytes)
{
    (void)arg;
    (void)src;
    (void)n_bytes;
    return -1;
}

static toff_t on_seek(thandle_t arg, toff_t off, int whence)
{
    struct tiff *t = arg;
    const uint64_t from = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? t->at : t->file_bytes;
    t->at = from + off; /* modulo 2^64: a place behind the end holds no bytes */
    return t->at;
}

static int on_close(thandle_t arg)
{
    (void)arg;
    return 0;
}
static toff_t on_bytes(thandle_t arg)
{
    return ((struct tiff *)arg)->file_bytes;
}

/* What libtiff complained about. */
static enum pxr_err failed(struct tiff *t, const char *what)
{
    if (t->im->in.err != PXR_OK)
        return t->im->in.err;
    return pxr_fail_at(t->im->diag, t->has_ended ? PXR_E_TRUNCATED : PXR_E_CORRUPT,
                       t->has_ended ? t->file_bytes : PXR_NONE, "%s: %s", what,
                       t->has_message ? t->message : "libtiff gives no reason");
}

/* ---- the description of a page -------------------------------------------------------------- */

static enum pxr_err unsupported(struct tiff *t, const char *what, unsigned found)
{
    return pxr_fail(t->im->diag, PXR_E_UNSUPPORTED, "the TIFF has %s %u, which is not read", what, found);
}

static bool is_read(uint16_t compression)
{
    switch (compression) {
    case COMPRESSION_NONE:
    case COMPRESSION_CCITTRLE:
    case COMPRESSION_CCITTFAX3:
    case COMPRESSION_CCITTFAX4:
    case COMPRESSION_LZW:
    case COMPRESSION_JPEG:
    case COMPRESSION_ADOBE_DEFLATE:
    case COMPRESSION_DEFLATE:
    case COMPRESSION_PACKBITS:
    case COMPRESSION_ZSTD:
        return TIFFIsCODECConfigured(compression);
    }
    return false;
}

/* The samples' type, layout and compression. */
static enum pxr_err check_samples(struct tiff *t)
{
    uint16_t format = SAMPLEFORMAT_UINT, planar = PLANARCONFIG_CONTIG;
    uint32_t n_slices = 1, n_values;
    const void *values;
    TIFFGetFieldDefaulted(t->tif, TIFFTAG_BITSPERSAMPLE, &t->depth);
    TIFFGetFieldDefaulted(t->tif, TIFFTAG_SAMPLESPERPIXEL, &t->n_samples);
    TIFFGetFieldDefaulted(t->tif, TIFFTAG_SAMPLEFORMAT, &format);
    TIFFGetFieldDefaulted(t->tif, TIFFTAG_PLANARCONFIG, &planar);
    TIFFGetFieldDefaulted(t->tif, TIFFTAG_IMAGEDEPTH, &n_slices);
    TIFFGetFieldDefaulted(t->tif, TIFFTAG_COMPRESSION, &t->compression);
    if (format != SAMPLEFORMAT_UINT && format != SAMPLEFORMAT_VOID)
        return pxr_fail(t->im->diag, PXR_E_UNSUPPORTED,
                        "the TIFF has %s samples of %u bits: only unsigned ones are read",
                        format == SAMPLEFORMAT_INT ? "signed" : "floating point or complex", t->depth);
    if (!t->depth || t->depth > 16)
        return unsupported(t, "samples of bits:", t->depth);
    if (planar != PLANARCONFIG_CONTIG && t->n_samples != 1)
        return unsupported(t, "separate planes:", t->n_samples);
    if (n_slices != 1)
        return unsupported(t, "an image depth of", n_slices);
    if (!is_read(t->compression))
        return unsupported(t, "the compression", t->compression);
    if (TIFFGetField(t->tif, TAG_METAMORPH, &n_values, &values))
        return pxr_fail(t->im->diag, PXR_E_UNSUPPORTED,
                        "this is a MetaMorph stack (STK), whose planes are not pages: ImageJ or bfconvert turn it "
                        "into a TIFF stack");
    t->bits = t->depth <= 8 ? 8 : 16;
    /* 1, 2 and 4 bits are expanded, as of PNG. */
    const unsigned used = t->depth == 1 || t->depth == 2 || t->depth == 4 ? 8 : t->depth;
    t->maxval = (uint16_t)((1u << used) - 1);
    return PXR_OK;
}

/* What the samples of a pixel mean. */
static enum pxr_err check_channels(struct tiff *t)
{
    uint16_t n_extra = 0, *extra = NULL;
    TIFFGetFieldDefaulted(t->tif, TIFFTAG_EXTRASAMPLES, &n_extra, &extra);
    if (!TIFFGetField(t->tif, TIFFTAG_PHOTOMETRIC, &t->photometric))
        t->photometric = PHOTOMETRIC_MINISBLACK; /* as readers agree to take it */
    const unsigned n_colours = t->photometric == PHOTOMETRIC_RGB ? 3 : 1;
    if (t->photometric > PHOTOMETRIC_PALETTE)
        return pxr_fail(t->im->diag, PXR_E_MISMATCH,
                        "the TIFF is coloured in a way that is not converted here (photometric interpretation %u)",
                        t->photometric);
    const bool has_alpha = n_extra == 1 && extra &&
                           (extra[0] == EXTRASAMPLE_ASSOCALPHA || extra[0] == EXTRASAMPLE_UNASSALPHA);
    if (t->n_samples != n_colours + (has_alpha ? 1 : 0))
        return pxr_fail_field(t->im->diag, PXR_E_UNSUPPORTED, PXR_NONE, "samples of a pixel", n_colours, t->n_samples,
                              "the TIFF keeps several channels in one page");
    t->n_channels = (uint8_t)t->n_samples;
    if (t->n_samples > 1 && (t->depth != 8 && t->depth != 16))
        return unsupported(t, "several samples of bits:", t->depth);
    if (t->n_samples > 1 && t->photometric == PHOTOMETRIC_MINISWHITE)
        return unsupported(t, "'min is white' together with samples of a pixel:", t->n_samples);
    if (t->photometric != PHOTOMETRIC_PALETTE)
        return PXR_OK;
    t->n_channels = 3;
    if (t->depth > 8 || has_alpha)
        return unsupported(t, "a palette of bits:", t->depth);
    if (!TIFFGetField(t->tif, TIFFTAG_COLORMAP, &t->palette[0], &t->palette[1], &t->palette[2]))
        return pxr_fail(t->im->diag, PXR_E_CORRUPT, "the TIFF's palette is missing");
    t->maxval = 255;
    return PXR_OK;
}

/* Refuse a size that the file cannot hold, before memory is taken for it. */
static enum pxr_err check_page(struct tiff *t)
{
    uint32_t width = 0, height = 0;
    TIFFGetField(t->tif, TIFFTAG_IMAGEWIDTH, &width);
    TIFFGetField(t->tif, TIFFTAG_IMAGELENGTH, &height);
    enum pxr_err e = pxr_import_check_size(t->im, width, height, PXR_NONE);
    if (e == PXR_OK)
        e = check_samples(t);
    if (e == PXR_OK)
        e = check_channels(t);
    if (e != PXR_OK)
        return e;
    t->width_px = width;
    t->height_px = height;
    const uint64_t ratio = t->compression == COMPRESSION_NONE ? 1
                           : t->compression == COMPRESSION_PACKBITS ? MAX_PACKBITS_RATIO
                           : t->compression == COMPRESSION_DEFLATE || t->compression == COMPRESSION_ADOBE_DEFLATE
                               ? MAX_DEFLATE_RATIO
                               : UINT32_MAX;
    const uint64_t stored = (uint64_t)width * height * t->n_samples * t->depth / 8 / ratio;
    if (stored > t->file_bytes)
        return pxr_fail_field(t->im->diag, PXR_E_TRUNCATED, t->file_bytes, "bytes", stored, t->file_bytes,
                              "the file is too short for a page of %ux%u pixels", width, height);
    return PXR_OK;
}

static struct pxr_image describe(const struct tiff *t)
{
    return (struct pxr_image){.width_px = t->width_px,
                              .height_px = t->height_px,
                              .bits = t->bits,
                              .sbit = t->photometric != PHOTOMETRIC_PALETTE && t->maxval >> t->depth
                                          ? (uint8_t)t->depth
                                          : 0,
                              .maxval = t->maxval};
}

/* ---- pixels ---------------------------------------------------------------------------------- */

/* Samples of any depth, packed from the high bit down, one container each. */
static void unpack(const struct tiff *t, const uint8_t *src, size_t n)
{
    uint32_t held = 0;
    unsigned n_held = 0;
    for (size_t i = 0; i < n; i++) {
        for (; n_held < t->depth; n_held += 8)
            held = held << 8 | *src++;
        const uint32_t v = held >> (n_held - t->depth) & ((1u << t->depth) - 1);
        const uint16_t v16 = (uint16_t)v;
        n_held -= t->depth;
        if (t->bits == 8)
            t->samples[i] = (uint8_t)v;
        else
            memcpy(t->samples + 2 * i, &v16, 2);
    }
}

/* What samples mean: levels of 1, 2 or 4 bits become 255ths, white is the largest, a palette's
 * entries are looked up (backwards, since each takes three places of its own). */
static void interpret(const struct tiff *t, size_t n)
{
    const unsigned top = (1u << t->depth) - 1, scale = t->depth < 8 ? t->maxval / top : 1;
    const bool is_inverted = t->photometric == PHOTOMETRIC_MINISWHITE;
    if (t->photometric == PHOTOMETRIC_PALETTE)
        for (size_t i = n; i-- > 0;) {
            const uint8_t entry = t->samples[i];
            for (size_t c = 0; c < 3; c++)
                t->samples[3 * i + c] = (uint8_t)(t->palette[c][entry] >> 8);
        }
    else if (t->bits == 8 && (scale > 1 || is_inverted))
        for (size_t i = 0; i < n; i++) {
            const unsigned v = t->samples[i] * scale;
            t->samples[i] = (uint8_t)(is_inverted ? t->maxval - v : v);
        }
    else if (is_inverted)
        for (size_t i = 0; i < n; i++) {
            uint16_t v;
            memcpy(&v, t->samples + 2 * i, 2);
            v = (uint16_t)(t->maxval - v);
            memcpy(t->samples + 2 * i, &v, 2);
        }
}

/* One row of a strip or tile into the frame. */
static enum pxr_err put_row(struct tiff *t, const uint8_t *src, uint32_t x, uint32_t y, size_t n_px)
{
    const size_t sample_bytes = t->bits / 8u, n = n_px * t->n_samples;
    const bool is_plain = t->depth == 8 || t->depth == 16;
    if (is_plain)
        memcpy(t->samples, src, n * sample_bytes);
    else
        unpack(t, src, n);
    interpret(t, t->n_samples == 1 ? n : 0);
    const struct pxr_gray_span span = {
        .dst = t->im->frame + ((size_t)y * t->width_px + x) * sample_bytes,
        .src = t->samples,
        .n_px = n_px,
        .n_channels = t->n_channels,
        .bits = t->bits,
        .maxval = t->maxval,
        .luma = t->im->opts.luma,
        .x = x,
        .x_step = 1,
        .y = y};
    return pxr_gray_convert(&span, t->im->diag);
}

static enum pxr_err make_room(uint8_t **buffer, size_t *capacity, uint64_t n_bytes, struct pxr_diag *diag)
{
    if (n_bytes <= *capacity)
        return PXR_OK;
    pxr_free(*buffer);
    *capacity = 0;
    *buffer = n_bytes <= SIZE_MAX ? pxr_alloc_zero(1, (size_t)n_bytes) : NULL;
    if (!*buffer)
        return pxr_fail_nomem(diag, n_bytes);
    *capacity = (size_t)n_bytes;
    return PXR_OK;
}

/* Pieces of piece_rows x piece_px pixels, in rows: strips are as wide as the page.  Of the last piece
 * of a column of strips only the rows that exist are stored, of tiles all. */
struct layout {
    uint32_t piece_px, piece_rows;
    uint64_t row_bytes; /* of a piece */
    bool is_tiled;
};

static enum pxr_err find_layout(struct tiff *t, struct layout *l)
{
    *l = (struct layout){.piece_px = t->width_px, .is_tiled = TIFFIsTiled(t->tif) != 0};
    if (l->is_tiled) {
        TIFFGetField(t->tif, TIFFTAG_TILEWIDTH, &l->piece_px);
        TIFFGetField(t->tif, TIFFTAG_TILELENGTH, &l->piece_rows);
    } else {
        TIFFGetFieldDefaulted(t->tif, TIFFTAG_ROWSPERSTRIP, &l->piece_rows);
        l->piece_rows = (uint32_t)pxr_min_u64(l->piece_rows, t->height_px);
    }
    /* A tile may be larger than a small page, but not by much. */
    const enum pxr_err e = pxr_import_check_size(t->im, l->piece_px, l->piece_rows, PXR_NONE);
    if (e != PXR_OK)
        return e;
    l->row_bytes = l->is_tiled ? TIFFTileRowSize64(t->tif) : TIFFScanlineSize64(t->tif);
    const uint64_t expected = ((uint64_t)l->piece_px * t->n_samples * t->depth + 7) / 8;
    if (l->row_bytes != expected)
        return pxr_fail_field(t->im->diag, PXR_E_UNSUPPORTED, PXR_NONE, "row bytes", expected, l->row_bytes,
                              "the TIFF stores its rows in a way that is not read");
    return PXR_OK;
}

static enum pxr_err read_piece(struct tiff *t, const struct layout *l, uint32_t number, uint32_t n_rows)
{
    const tmsize_t n_bytes = (tmsize_t)(l->row_bytes * n_rows);
    t->is_strict = true;
    t->has_message = t->has_ended = false;
    const tmsize_t got = l->is_tiled ? TIFFReadEncodedTile(t->tif, number, t->piece, n_bytes)
                                     : TIFFReadEncodedStrip(t->tif, number, t->piece, n_bytes);
    t->is_strict = false;
    if (got == n_bytes && !t->has_message)
        return PXR_OK;
    char what[40];
    snprintf(what, sizeof what, "%s %u cannot be read", l->is_tiled ? "tile" : "strip", number);
    return failed(t, what);
}

static enum pxr_err read_pixels(struct tiff *t)
{
    struct layout l;
    const uint64_t frame_row_bytes = (uint64_t)t->width_px * (t->bits / 8u);
    enum pxr_err e = find_layout(t, &l);
    if (e == PXR_OK)
        e = make_room(&t->piece, &t->piece_bytes, l.row_bytes * l.piece_rows, t->im->diag);
    if (e == PXR_OK)
        e = make_room(&t->samples, &t->samples_bytes, (uint64_t)t->width_px * t->n_channels * (t->bits / 8u),
                      t->im->diag);
    uint32_t number = 0;
    for (uint32_t y = 0; e == PXR_OK && y < t->height_px; y += l.piece_rows) {
        const uint32_t n_rows = (uint32_t)pxr_min_u64(l.piece_rows, t->height_px - y);
        e = pxr_import_room(t->im, (uint64_t)(y + n_rows) * frame_row_bytes, t->height_px * frame_row_bytes);
        for (uint32_t x = 0; e == PXR_OK && x < t->width_px; x += l.piece_px) {
            const size_t n_px = (size_t)pxr_min_u64(l.piece_px, t->width_px - x);
            e = read_piece(t, &l, number++, l.is_tiled ? l.piece_rows : n_rows);
            for (uint32_t r = 0; e == PXR_OK && r < n_rows; r++)
                e = put_row(t, t->piece + r * l.row_bytes, x, y + r, n_px);
            if (t->width_px - x <= l.piece_px) /* so that x cannot overflow */
                break;
        }
        if (t->height_px - y <= l.piece_rows)
            break;
    }
    return e;
}

/* ---- ImageJ's stacks -------------------------------------------------------------------------- */

/* ImageJ writes stacks beyond 4 GB, and other programs any, with one page: "images=N" in its description
 * says how many frames lie one behind the other from the page's pixels on.  0: it is a page like others. */
static uint64_t imagej_frames(const struct tiff *t)
{
    const char *text = NULL;
    if (t->im->number || !TIFFLastDirectory(t->tif) || t->compression != COMPRESSION_NONE || TIFFIsTiled(t->tif) ||
        t->n_samples != 1 || (t->depth != 8 && t->depth != 16) || t->photometric > PHOTOMETRIC_MINISBLACK ||
        !TIFFGetField(t->tif, TIFFTAG_IMAGEDESCRIPTION, &text) || strncmp(text, "ImageJ=", 7))
        return 0;
    const char *digits = strstr(text, "\nimages=");
    if (!digits)
        return 0;
    uint64_t n = 0;
    for (digits += 8; *digits >= '0' && *digits <= '9'; digits++)
        n = pxr_digit_append(n, *digits);
    return n > 1 ? n : 0;
}

static enum pxr_err read_imagej(struct tiff *t, uint64_t n_frames)
{
    struct pxr_import *im = t->im;
    const size_t frame_bytes = (size_t)t->width_px * t->height_px * (t->bits / 8u);
    const size_t row_bytes = (size_t)t->width_px * (t->bits / 8u);
    const bool is_swapped = t->bits == 16 && (TIFFIsBigEndian(t->tif) != 0) == pxr_is_little_endian();
    uint64_t off = TIFFGetStrileOffset(t->tif, 0);
    enum pxr_err e = make_room(&t->samples, &t->samples_bytes, row_bytes, im->diag);
    for (uint64_t i = 0; e == PXR_OK && i < n_frames; i++, off += frame_bytes) {
        if (!pxr_range_fits(off, frame_bytes, t->file_bytes))
            return pxr_fail_field(im->diag, PXR_E_TRUNCATED, t->file_bytes, "images", n_frames, i,
                                  "the file is too short for what its ImageJ description says");
        e = pxr_import_room(im, frame_bytes, frame_bytes);
        if (e != PXR_OK)
            return e;
        if (pxr_source_read_at(&im->in, off, im->frame, frame_bytes) < frame_bytes)
            return failed(t, "the pixels cannot be read");
        if (is_swapped)
            pxr_copy_swap16(im->frame, im->frame, frame_bytes / 2);
        for (uint32_t y = 0; t->photometric == PHOTOMETRIC_MINISWHITE && y < t->height_px; y++)
            put_row(t, im->frame + y * row_bytes, 0, y, t->width_px); /* gray: cannot be refused */
        e = pxr_import_emit(im, describe(t));
    }
    return e;
}

/* ---- the whole --------------------------------------------------------------------------------- */

static enum pxr_err read_page(struct tiff *t)
{
    uint32_t kind = 0;
    t->has_message = t->has_ended = false;
    /* Where the link to the next page is cut off libtiff takes this one for the last. */
    if (!TIFFReadDirectory(t->tif) || t->has_ended)
        return failed(t, "the description of a page cannot be read");
    /* Small copies for previews, and masks, are not frames. */
    if (TIFFGetField(t->tif, TIFFTAG_SUBFILETYPE, &kind) && kind & (FILETYPE_REDUCEDIMAGE | FILETYPE_MASK))
        return PXR_OK;
    enum pxr_err e = check_page(t);
    if (e != PXR_OK)
        return e;
    const uint64_t n_frames = imagej_frames(t);
    if (n_frames)
        return read_imagej(t, n_frames);
    e = read_pixels(t);
    return e == PXR_OK ? pxr_import_emit(t->im, describe(t)) : e;
}

static enum pxr_err read_pages(struct tiff *t)
{
    enum pxr_err e = PXR_OK;
    while (e == PXR_OK && !TIFFLastDirectory(t->tif))
        e = read_page(t);
    if (e == PXR_OK && !t->im->number)
        e = pxr_fail_field(t->im->diag, PXR_E_TRUNCATED, t->file_bytes, "pages", 1, 0, "the TIFF holds no picture");
    return e;
}

static enum pxr_err open_tiff(struct tiff *t)
{
    TIFFOpenOptions *options = TIFFOpenOptionsAlloc();
    if (!options)
        return pxr_fail_nomem(t->im->diag, 1);
    TIFFOpenOptionsSetMaxSingleMemAlloc(options, MAX_LIBTIFF_BYTES);
    TIFFOpenOptionsSetErrorHandlerExtR(options, on_error, t);
    TIFFOpenOptionsSetWarningHandlerExtR(options, on_warning, t);
    /* h: pages are read one by one, the first like the others; m: no mapping. */
    t->tif = TIFFClientOpenExt("input", "rhm", t, on_read, on_write, on_seek, on_close, on_bytes, NULL, NULL,
                               options);
    TIFFOpenOptionsFree(options);
    return t->tif ? PXR_OK : failed(t, "not a sound TIFF");
}

/* libtiff calls anything else damaged; and where the input is a pipe, this is all that can be looked at. */
static enum pxr_err check_magic(struct pxr_import *im)
{
    uint8_t head[4];
    const size_t got = pxr_source_read(&im->in, head, sizeof head);
    if (got < sizeof head)
        return pxr_source_ended(&im->in, "bytes", sizeof head, got, "the input ends within the first bytes of a TIFF");
    if (pxr_image_detect(head, sizeof head) == PXR_IMAGE_TIFF)
        return PXR_OK;
    return pxr_fail_at(im->diag, PXR_E_NOTPXR, 0, "does not begin like a TIFF file");
}

enum pxr_err pxr_tiff_read(struct pxr_import *im)
{
    enum pxr_err e = check_magic(im);
    if (e != PXR_OK)
        return e;
    const uint64_t file_bytes = pxr_source_file_bytes(&im->in);
    if (file_bytes == PXR_NONE)
        return pxr_fail(im->diag, PXR_E_UNSUPPORTED,
                        "a TIFF is not read in order: it must be a file, not a pipe");
    struct tiff *t = pxr_alloc_zero(1, sizeof *t);
    if (!t)
        return pxr_fail_nomem(im->diag, sizeof *t);
    t->im = im;
    t->file_bytes = file_bytes;
    e = open_tiff(t);
    if (e == PXR_OK)
        e = read_pages(t);
    if (t->tif)
        TIFFClose(t->tif);
    pxr_free(t->samples);
    pxr_free(t->piece);
    pxr_free(t);
    return e;
}
