/* SPDX-License-Identifier: MIT
 * Headerless samples: frames of a known shape, one behind the other. */
#include "import.h"

#include "alloc.h"
#include "bytes.h"
#include "diag.h"

/* Bytes of a frame in the file. */
static uint64_t stored_bytes(const struct pxr_image_opts *o)
{
    const uint64_t n_px = (uint64_t)o->raw_width_px * o->raw_height_px;
    switch (o->raw_packing) {
    case PXR_PACKING_LSB:
        return pxr_div_up_u64(n_px * o->raw_bits, 8);
    case PXR_PACKING_GIGE:
        return pxr_div_up_u64(n_px * 3, 2);
    case PXR_PACKING_NONE:
        break;
    }
    return n_px * (o->raw_bits <= 8 ? 1 : 2);
}

static enum pxr_err check_opts(struct pxr_import *im)
{
    const struct pxr_image_opts *o = &im->opts;
    if (!o->raw_width_px || !o->raw_height_px || !o->raw_bits || o->raw_bits > 16)
        return pxr_fail(im->diag, PXR_E_INVALID,
                        "raw samples need a width, a height and 1 to 16 bits");
    const enum pxr_err e = pxr_import_check_size(im, o->raw_width_px, o->raw_height_px, PXR_NONE);
    if (e != PXR_OK)
        return e;
    const uint64_t frame_bytes = stored_bytes(o);
    if (o->raw_stride_bytes && o->raw_stride_bytes < frame_bytes)
        return pxr_fail_field(im->diag, PXR_E_INVALID, PXR_NONE, "stride", frame_bytes,
                              o->raw_stride_bytes, "the stride is smaller than a frame");
    return PXR_OK;
}

static void put(uint8_t *frame, size_t i, unsigned bits, unsigned v)
{
    const uint16_t v16 = (uint16_t)v;
    if (bits <= 8)
        frame[i] = (uint8_t)v;
    else
        memcpy(frame + 2 * i, &v16, 2);
}

static void unpack_lsb(uint8_t *frame, const uint8_t *packed, size_t n_px, unsigned bits)
{
    uint32_t held = 0;
    unsigned n_held = 0;
    for (size_t i = 0; i < n_px; i++) {
        for (; n_held < bits; n_held += 8)
            held |= (uint32_t)*packed++ << n_held;
        put(frame, i, bits, held & ((1u << bits) - 1));
        held >>= bits;
        n_held -= bits;
    }
}

/* The high eight bits of the first sample, the low bits of both (the first's in the low half), the high eight
 * of the second. */
static void unpack_gige(uint8_t *frame, const uint8_t *packed, size_t n_px, unsigned bits)
{
    const unsigned low = bits - 8, mask = (1u << low) - 1;
    for (size_t i = 0; i < n_px; i++) {
        const uint8_t *three = packed + i / 2 * 3;
        put(frame, i, bits,
            i % 2 ? (unsigned)three[2] << low | (three[1] >> 4 & mask) : (unsigned)three[0] << low | (three[1] & mask));
    }
}

/* Read a frame; packed ones go through a buffer of their own. */
static enum pxr_err read_frame(struct pxr_import *im, uint8_t **packed)
{
    const struct pxr_image_opts *o = &im->opts;
    const uint64_t n_px = (uint64_t)o->raw_width_px * o->raw_height_px, n_bytes = stored_bytes(o);
    const uint64_t frame_bytes = n_px * (o->raw_bits <= 8 ? 1 : 2);
    if (o->raw_packing == PXR_PACKING_NONE)
        return pxr_import_samples(im, n_px, (uint16_t)((1u << o->raw_bits) - 1), o->raw_is_big_endian);
    enum pxr_err e = pxr_import_bytes(im, n_bytes);
    if (e == PXR_OK && !*packed && !(*packed = pxr_alloc((size_t)n_bytes)))
        e = pxr_fail_nomem(im->diag, n_bytes);
    if (e != PXR_OK)
        return e;
    memcpy(*packed, im->frame, (size_t)n_bytes);
    e = pxr_import_room(im, frame_bytes, frame_bytes);
    if (e != PXR_OK)
        return e;
    if (o->raw_packing == PXR_PACKING_LSB)
        unpack_lsb(im->frame, *packed, (size_t)n_px, o->raw_bits);
    else
        unpack_gige(im->frame, *packed, (size_t)n_px, o->raw_bits);
    return PXR_OK;
}

static enum pxr_err read_frames(struct pxr_import *im, uint8_t **packed)
{
    const struct pxr_image_opts *o = &im->opts;
    enum pxr_err e = check_opts(im);
    if (e != PXR_OK)
        return e;
    const uint64_t frame_bytes = stored_bytes(o);
    const struct pxr_image image = {.width_px = o->raw_width_px,
                                    .height_px = o->raw_height_px,
                                    .bits = o->raw_bits <= 8 ? 8 : 16,
                                    .maxval = (uint16_t)((1u << o->raw_bits) - 1)};
    const uint64_t skipped = pxr_source_skip(&im->in, o->raw_skip_bytes);
    if (skipped < o->raw_skip_bytes)
        return pxr_source_ended(&im->in, "skip", o->raw_skip_bytes, skipped,
                                "the input ends before the first frame");
    if (pxr_source_peek(&im->in) < 0)
        return pxr_source_ended(&im->in, "frame bytes", frame_bytes, 0, "the input holds no frame");
    while (pxr_source_peek(&im->in) >= 0) {
        e = read_frame(im, packed);
        if (e == PXR_OK)
            e = pxr_import_emit(im, image);
        if (e != PXR_OK)
            return e;
        /* The gap holds no samples, so it may be missing or cut behind the last frame. */
        if (o->raw_stride_bytes)
            pxr_source_skip(&im->in, o->raw_stride_bytes - frame_bytes);
    }
    return im->in.err;
}

enum pxr_err pxr_raw_read(struct pxr_import *im)
{
    uint8_t *packed = NULL;
    const enum pxr_err e = read_frames(im, &packed);
    pxr_free(packed);
    return e;
}

/* Digits at *at, which then stands behind them. */
static bool take_number(const char **at, uint64_t max, uint64_t *out)
{
    const char *const start = *at;
    *out = 0;
    for (; **at >= '0' && **at <= '9'; ++*at)
        *out = pxr_digit_append(*out, **at);
    return *at != start && *out && *out <= max;
}

enum pxr_err pxr_image_parse_raw(const char *text, struct pxr_image_opts *opts,
                                 struct pxr_diag *diag)
{
    const char *at = text;
    uint64_t width, height, bits;
    if (!take_number(&at, UINT32_MAX, &width) || *at++ != 'x' ||
        !take_number(&at, UINT32_MAX, &height) || *at++ != 'x' || !take_number(&at, 16, &bits) ||
        (*at && strcmp(at, "le") && strcmp(at, "be") && strcmp(at, "p") && strcmp(at, "packed")))
        return pxr_fail(
            diag, PXR_E_INVALID,
            "'%.40s' is not WIDTHxHEIGHTxBITS with 1 to 16 bits and le, be, p or packed behind it: "
            "640x480x8, 640x480x12le, 640x480x10p",
            text);
    const enum pxr_packing packing = !strcmp(at, "p")        ? PXR_PACKING_LSB
                                     : !strcmp(at, "packed") ? PXR_PACKING_GIGE
                                                             : PXR_PACKING_NONE;
    if ((packing == PXR_PACKING_LSB && bits % 8 == 0) || (packing == PXR_PACKING_GIGE && bits != 10 && bits != 12))
        return pxr_fail(diag, PXR_E_INVALID,
                        "'%.40s': p packs samples of 1 to 15 bits but 8, packed those of 10 or 12 bits", text);
    opts->raw_width_px = (uint32_t)width;
    opts->raw_height_px = (uint32_t)height;
    opts->raw_bits = (uint8_t)bits;
    opts->raw_is_big_endian = *at == 'b';
    opts->raw_packing = packing;
    return PXR_OK;
}
