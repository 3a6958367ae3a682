/* SPDX-License-Identifier: MIT
 * Fuzz target: Pixel Stream files of every layout, and PX2.
 *
 * Input: mode, then a file.  The low bits of mode choose what it is (0: PX2, 1: by detection, 2..6: the layouts), bit 3
 * the order, bit 4 progressive reading.  What can be read strictly is written again and read again: the same frames,
 * and once written by our encoder, the same bytes for ever.
 *
 * With low bits 7: width and height minus 1 (modulo 40), channels minus 1 (modulo 4), flags of PX2 and bit 7 for order
 * B, bits minus 1 of the four channels (modulo 16), bytes to cut off the file, then mask and samples, repeated as often as needed.
 * They are written, read, cut, and read as far as they go. */
#include "pxs.h"
#include "px2.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes);

enum { MAX_PX = 1 << 12, MAX_FRAMES = 8 };

static void require(bool is_true)
{
    if (!is_true)
        abort();
}

struct opened {
    struct pxr_stream_reader r;
    struct pxr_px2_header header;
    enum pxr_pxs_layout layout;
    bool is_px2;
};

static enum pxr_err open_file(struct opened *o, unsigned mode, const uint8_t *src, size_t n_bytes, struct pxr_diag *diag)
{
    const struct pxr_px2_opts px2 = {.is_progressive = mode & 16, .max_px = MAX_PX};
    const struct pxr_pxs_opts pxs = {.layout = (mode & 7) < 2 ? PXR_PXS_AUTO : (enum pxr_pxs_layout)((mode & 7) - 1),
                                     .digits = mode & 8 ? PXR_STREAM_B : PXR_STREAM_A,
                                     .is_progressive = mode & 16,
                                     .max_px = MAX_PX};
    o->is_px2 = !(mode & 7);
    return o->is_px2 ? pxr_px2_open(&o->r, src, n_bytes, &px2, &o->header, diag)
                     : pxr_pxs_open(&o->r, src, n_bytes, &pxs, &o->layout, diag);
}

static enum pxr_err begin_file(const struct opened *o, struct pxr_stream_format *s, struct pxr_buffer *dst)
{
    const struct pxr_stream_order *const order = &o->r.format.order;
    return o->is_px2 ? pxr_px2_begin(s, &o->header, o->r.format.mask, dst, NULL)
                     : pxr_pxs_begin(s, o->layout, order->digits, order->width_px, order->height_px, dst, NULL);
}

/* Read frames, at most MAX_FRAMES, and write them again.  *is_whole: all that the header tells of were there. */
static enum pxr_err copy_frames(struct opened *o, struct pxr_buffer *frames, struct pxr_buffer *again, bool *is_whole,
                                struct pxr_diag *diag)
{
    struct pxr_stream_format s;
    const size_t frame_bytes = pxr_stream_frame_bytes(&o->r.format);
    bool has_frame = true;
    uint64_t n_missing = 0;
    enum pxr_err e = PXR_OK;
    *is_whole = true;
    require(begin_file(o, &s, again) == PXR_OK);
    for (unsigned f = 0; e == PXR_OK && has_frame && f < MAX_FRAMES; f++) {
        uint8_t *const pixels = pxr_buffer_extend(frames, frame_bytes);
        require(pixels != NULL);
        memset(pixels, 0xA5, frame_bytes);
        e = pxr_stream_reader_next(&o->r, pixels, &has_frame, &n_missing, diag);
        require(o->r.is_progressive || !n_missing);
        require(n_missing < pxr_stream_n_px(&o->r.format.order));
        *is_whole &= !n_missing;
        if (e == PXR_OK && has_frame)
            require(pxr_stream_put_frame(&s, pixels, f, NULL, again, NULL) == PXR_OK);
        else
            frames->n_bytes -= frame_bytes;
    }
    *is_whole &= !has_frame && o->r.frame >= o->r.format.n_frames; /* cut between frames none lacks a sample */
    pxr_stream_format_fini(&s);
    return e;
}

static void check_again(unsigned mode, const struct pxr_buffer *first, const struct pxr_buffer *frames)
{
    struct opened o;
    struct pxr_buffer found = {0}, again = {0};
    bool is_whole;
    struct pxr_diag diag;
    require(open_file(&o, mode & ~16u, first->bytes, first->n_bytes, &diag) == PXR_OK);
    require(copy_frames(&o, &found, &again, &is_whole, &diag) == PXR_OK && is_whole);
    require(found.n_bytes == frames->n_bytes && !memcmp(found.bytes, frames->bytes, found.n_bytes));
    require(again.n_bytes == first->n_bytes && !memcmp(again.bytes, first->bytes, again.n_bytes));
    pxr_stream_reader_fini(&o.r);
    pxr_buffer_fini(&found);
    pxr_buffer_fini(&again);
}

/* ---- samples there and back -------------------------------------------------------------------- */

enum { SHAPE_BYTES = 9 };

static void fill(uint8_t *dst, size_t n, const uint8_t *src, size_t n_src)
{
    for (size_t i = 0; i < n; i++)
        dst[i] = n_src ? src[i % n_src] : 0;
}

static void keep_samples(const struct pxr_stream_format *s, uint8_t *pixels)
{
    const size_t n_px = (size_t)pxr_stream_n_px(&s->order), sample_bytes = pxr_token_sample_bytes(&s->form);
    for (size_t i = 0; i < n_px; i++)
        for (unsigned c = 0; c < s->form.n_channels; c++) {
            uint8_t *const p = pixels + (i * s->form.n_channels + c) * sample_bytes;
            uint16_t v = p[0];
            if (sample_bytes == 2)
                memcpy(&v, p, 2);
            v = (uint16_t)(s->mask && !pxr_bitmap_get(s->mask, i) ? 0 : v & ((1u << s->form.bits[c]) - 1));
            if (sample_bytes == 2)
                memcpy(p, &v, 2);
            else
                p[0] = (uint8_t)v;
        }
}

/* What was read of the file, at most one frame. */
static enum pxr_err read_frame(const uint8_t *src, size_t n_bytes, bool is_progressive, uint8_t *pixels, bool *has_frame,
                               uint64_t *n_missing)
{
    struct pxr_stream_reader r;
    const struct pxr_px2_opts opts = {.is_progressive = is_progressive};
    uint8_t *const copy = malloc(n_bytes ? n_bytes : 1);
    require(copy != NULL);
    memcpy(copy, src, n_bytes);
    *has_frame = false;
    enum pxr_err e = pxr_px2_open(&r, copy, n_bytes, &opts, NULL, NULL);
    if (e == PXR_OK)
        e = pxr_stream_reader_next(&r, pixels, has_frame, n_missing, NULL);
    pxr_stream_reader_fini(&r);
    free(copy);
    return e;
}

static void check_samples(const uint8_t *data, size_t n_bytes)
{
    const struct pxr_px2_header h = {.width_px = data[0] % 40 + 1u,
                                     .height_px = data[1] % 40 + 1u,
                                     .digits = data[3] & 128 ? PXR_STREAM_B : PXR_STREAM_A,
                                     .model = PXR_PX2_UNDECLARED,
                                     .n_channels = (uint8_t)(data[2] % 4 + 1),
                                     .bits = {data[4] % 16 + 1, data[2] % 4 > 0 ? data[5] % 16 + 1 : 0,
                                              data[2] % 4 > 1 ? data[6] % 16 + 1 : 0, data[2] % 4 > 2 ? data[7] % 16 + 1 : 0},
                                     .is_padded = data[3] & 1,
                                     .is_relative = data[3] & 2,
                                     .has_finality = data[3] & 4,
                                     .has_mask = data[3] & 8};
    const uint8_t *const rest = data + SHAPE_BYTES;
    const size_t n_rest = n_bytes - SHAPE_BYTES, map_bytes = pxr_bitmap_bytes((uint64_t)h.width_px * h.height_px);
    struct pxr_buffer file = {0};
    struct pxr_stream_format s;
    uint8_t mask[40 * 40 / 8 + 1];
    bool has_frame;
    uint64_t n_missing;
    fill(mask, map_bytes, rest, n_rest);
    mask[0] |= 1;
    require(pxr_px2_begin(&s, &h, mask, &file, NULL) == PXR_OK);
    const size_t frame_bytes = pxr_stream_frame_bytes(&s);
    uint8_t *const pixels = malloc(frame_bytes), *const found = malloc(frame_bytes);
    require(pixels && found);
    fill(pixels, frame_bytes, rest, n_rest);
    keep_samples(&s, pixels);
    require(pxr_stream_put_frame(&s, pixels, 0, NULL, &file, NULL) == PXR_OK);
    require(read_frame(file.bytes, file.n_bytes, false, found, &has_frame, &n_missing) == PXR_OK && has_frame);
    require(!memcmp(found, pixels, frame_bytes));
    const size_t n_cut = data[8] < file.n_bytes ? file.n_bytes - data[8] : 0;
    const enum pxr_err e = read_frame(file.bytes, n_cut, true, found, &has_frame, &n_missing);
    require(e == PXR_OK ? has_frame && n_missing < s.n_px && (n_missing > 0) == (data[8] > 0) : pxr_err_exit(e) == 1);
    free(pixels);
    free(found);
    pxr_stream_format_fini(&s);
    pxr_buffer_fini(&file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
    struct opened o;
    struct pxr_buffer frames = {0}, again = {0};
    struct pxr_diag diag;
    bool is_whole = false;
    if (n_bytes > SHAPE_BYTES && (data[0] & 7) == 7)
        check_samples(data + 1, n_bytes - 1);
    if (n_bytes < 1 || (data[0] & 7) == 7)
        return 0;
    memset(&diag, 0xA5, sizeof diag);
    enum pxr_err e = open_file(&o, data[0], data + 1, n_bytes - 1, &diag);
    if (e == PXR_OK)
        e = copy_frames(&o, &frames, &again, &is_whole, &diag);
    if (e == PXR_OK && is_whole)
        check_again(data[0], &again, &frames);
    else if (e != PXR_OK) /* the input is at fault, not the machine or the caller */
        require(diag.code == e && diag.text[0] && pxr_err_exit(e) != 3 && e != PXR_E_INVALID &&
                (diag.off_bytes == PXR_NONE || diag.off_bytes <= n_bytes - 1));
    pxr_stream_reader_fini(&o.r);
    pxr_buffer_fini(&frames);
    pxr_buffer_fini(&again);
    return 0;
}
