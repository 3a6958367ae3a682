/* SPDX-License-Identifier: MIT
 * SER, the video files of astronomers' cameras.  Source: Heiko Wilkens, "SER format description", version 3
 * (2014), and what recorders write in fact, where that differs. */
#include "import.h"

#include "bytes.h"
#include "diag.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    HEADER_BYTES = 178,
    STAMP_BYTES = 8,
    /* offsets of fields */
    OFF_COLOUR = 18,
    OFF_ORDER = 22,
    OFF_WIDTH = 26,
    OFF_HEIGHT = 30,
    OFF_DEPTH = 34,
    OFF_COUNT = 38,
    MIN_JUDGED_PX = 64,
    MAX_JUDGED_PX = 1 << 20,
};
/* Time stamps count 100 ns from the first of January of the year 1. */
static const int64_t epoch_ticks = 621355968000000000;

struct ser {
    struct pxr_import *im;
    struct pxr_image image;
    bool is_big_endian, has_trailer;
    uint32_t n_frames; /* 0: up to the end */
    uint64_t frame_bytes;
    char warning[160];
};

/* Which byte order makes neighbours more alike?  Positive: the one in which the samples were read. */
static int judge_order(const void *samples, size_t n)
{
    const uint8_t *s = samples;
    uint64_t as_read = 0, swapped = 0;
    uint16_t last, v;
    n = n < MAX_JUDGED_PX ? n : MAX_JUDGED_PX;
    if (n < MIN_JUDGED_PX)
        return 0;
    memcpy(&last, s, 2);
    for (size_t i = 1; i < n; i++, last = v) {
        memcpy(&v, s + 2 * i, 2);
        as_read += (uint64_t)abs((int)v - (int)last);
        swapped += (uint64_t)abs((int)(uint16_t)(v >> 8 | v << 8) - (int)(uint16_t)(last >> 8 | last << 8));
    }
    /* Noise is as rough both ways; pictures differ by a factor of ten and more. */
    return as_read > 2 * swapped ? -1 : swapped > 2 * as_read ? 1 : 0;
}

static enum pxr_err check_sizes(struct ser *s, const uint8_t *header)
{
    struct pxr_import *im = s->im;
    const uint32_t colour = pxr_load_u32le(header + OFF_COLOUR), depth = pxr_load_u32le(header + OFF_DEPTH);
    const uint32_t width = pxr_load_u32le(header + OFF_WIDTH), height = pxr_load_u32le(header + OFF_HEIGHT);
    s->n_frames = pxr_load_u32le(header + OFF_COUNT);
    /* 0: gray; 8 to 19: the mosaic of a colour camera, one sample for each pixel. */
    if (colour >= 100)
        return pxr_fail_field(im->diag, PXR_E_MISMATCH, OFF_COLOUR, "ColorID", 0, colour,
                              "the SER holds colour frames, which are not read here");
    if (colour > 19)
        return pxr_fail_field(im->diag, PXR_E_CORRUPT, OFF_COLOUR, "ColorID", 0, colour, "no such kind of pixels");
    if (!depth || depth > 16)
        return pxr_fail_field(im->diag, PXR_E_CORRUPT, OFF_DEPTH, "PixelDepthPerPlane", 16, depth,
                              "the SER's samples must have 1 to 16 bits");
    if (s->n_frames > INT32_MAX)
        return pxr_fail_field(im->diag, PXR_E_CORRUPT, OFF_COUNT, "FrameCount", INT32_MAX, s->n_frames,
                              "the number of frames is negative");
    const enum pxr_err e = pxr_import_check_size(im, width, height, OFF_WIDTH);
    s->image = (struct pxr_image){.width_px = width,
                                  .height_px = height,
                                  .bits = depth <= 8 ? 8 : 16,
                                  .maxval = (uint16_t)((1u << depth) - 1)};
    if (e != PXR_OK)
        return e;
    uint64_t total_bytes;
    s->frame_bytes = (uint64_t)width * height * (s->image.bits / 8u);
    if (!pxr_mul_u64(s->frame_bytes, s->n_frames, &total_bytes) || total_bytes > INT64_MAX)
        return pxr_fail_field(im->diag, PXR_E_LIMIT, OFF_COUNT, "FrameCount", (uint64_t)INT64_MAX / s->frame_bytes,
                              s->n_frames, "no file can hold so many frames");
    return PXR_OK;
}

/* What stands behind the frames is nothing or a time stamp for each.  Anything else means that the header
 * is wrong about the size or the number of frames. */
static enum pxr_err check_rest(struct ser *s, uint64_t rest_bytes)
{
    const uint64_t stamps_bytes = (uint64_t)s->n_frames * STAMP_BYTES;
    s->has_trailer = s->n_frames && rest_bytes == stamps_bytes;
    if (!rest_bytes || !s->n_frames || s->has_trailer)
        return PXR_OK;
    return pxr_fail_field(s->im->diag, PXR_E_CORRUPT, HEADER_BYTES + s->n_frames * s->frame_bytes, "bytes",
                          stamps_bytes, rest_bytes,
                          "behind the frames should be a time stamp for each, or nothing: the header may be wrong; "
                          "--raw WxHxBITS --skip 178 reads the samples in any case");
}

static enum pxr_err read_header(struct ser *s)
{
    static const char magic[] = "LUCAM-RECORDER";
    struct pxr_import *im = s->im;
    uint8_t header[HEADER_BYTES];
    const size_t got = pxr_source_read(&im->in, header, sizeof header);
    if (memcmp(header, magic, got < 14 ? got : 14))
        return pxr_fail_at(im->diag, PXR_E_NOTPXR, 0, "does not begin like a SER file");
    if (got < sizeof header)
        return pxr_source_ended(&im->in, "header", sizeof header, got, "the input ends within the SER header");
    const enum pxr_err e = check_sizes(s, header);
    if (e != PXR_OK)
        return e;
    /* The description says that 1 is little endian; the first recorders wrote 0 for it, and all others
     * followed them, readers too. */
    s->is_big_endian = pxr_load_u32le(header + OFF_ORDER) != 0;
    if (im->opts.ser_order != PXR_ORDER_OF_HEADER)
        s->is_big_endian = im->opts.ser_order == PXR_ORDER_BIG_ENDIAN;
    const uint64_t file_bytes = pxr_source_file_bytes(&im->in), frames_bytes = s->n_frames * s->frame_bytes;
    if (file_bytes != PXR_NONE && pxr_range_fits(HEADER_BYTES, frames_bytes, file_bytes))
        return check_rest(s, file_bytes - HEADER_BYTES - frames_bytes);
    return PXR_OK;
}

/* The time stamp of a frame; a file without them has none, and so has a pipe, where they come last. */
static void find_time(struct ser *s, uint64_t frame)
{
    uint8_t stamp[STAMP_BYTES];
    const uint64_t off = HEADER_BYTES + s->n_frames * s->frame_bytes + frame * STAMP_BYTES;
    s->image.has_time = false;
    if (!s->has_trailer || pxr_source_read_at(&s->im->in, off, stamp, sizeof stamp) < sizeof stamp)
        return;
    int64_t ticks = (int64_t)pxr_load_u64le(stamp);
    s->image.has_time = ticks > 0 && !__builtin_sub_overflow(ticks, epoch_ticks, &ticks) &&
                        !__builtin_mul_overflow(ticks, (int64_t)100, &s->image.time_ns);
}

/* Compare the samples of a frame with what the header says of them. */
static void judge_frame(struct ser *s)
{
    const struct pxr_image *image = &s->image;
    const size_t n_px = (size_t)image->width_px * image->height_px;
    s->image.warning = NULL;
    if (!s->im->number && image->bits == 16 && s->im->opts.ser_order == PXR_ORDER_OF_HEADER &&
        judge_order(s->im->frame, n_px) < 0) {
        snprintf(s->warning, sizeof s->warning,
                 "the samples look %s endian, but the header stands for %s endian: --byte-order %s reads them so",
                 s->is_big_endian ? "little" : "big", s->is_big_endian ? "big" : "little",
                 s->is_big_endian ? "le" : "be");
        s->image.warning = s->warning;
    }
    const size_t above = pxr_samples_find_above(s->im->frame, n_px, image->bits, image->maxval);
    if (above == n_px)
        return;
    uint16_t v = s->im->frame[above * (image->bits / 8u)];
    if (image->bits == 16)
        memcpy(&v, s->im->frame + 2 * above, 2);
    if (!s->image.warning)
        snprintf(s->warning, sizeof s->warning,
                 "frame %llu has a sample of %u, above the %u that the header allows: all bits are kept",
                 (unsigned long long)s->im->number, v, image->maxval);
    s->image.warning = s->warning;
    s->image.maxval = (uint16_t)((1u << image->bits) - 1); /* from here on, and without another warning */
}

enum pxr_err pxr_ser_read(struct pxr_import *im)
{
    struct ser s = {.im = im};
    enum pxr_err e = read_header(&s);
    if (e == PXR_OK && pxr_source_peek(&im->in) < 0)
        return pxr_source_ended(&im->in, "frame bytes", s.frame_bytes, 0, "the SER holds no frame");
    for (uint64_t i = 0; e == PXR_OK && (s.n_frames ? i < s.n_frames : pxr_source_peek(&im->in) >= 0); i++) {
        e = pxr_import_samples(im, (uint64_t)s.image.width_px * s.image.height_px,
                               (uint16_t)((1u << s.image.bits) - 1), s.is_big_endian);
        if (e != PXR_OK)
            return e;
        judge_frame(&s);
        if (!s.n_frames && !i)
            s.image.warning = "the header counts no frames, as where recording broke off: all that follow are read";
        find_time(&s, i);
        e = pxr_import_emit(im, s.image);
    }
    if (e == PXR_OK && s.n_frames)
        e = check_rest(&s, pxr_source_skip(&im->in, UINT64_MAX));
    return e == PXR_OK ? im->in.err : e;
}
