/* SPDX-License-Identifier: MIT
 * PXS and PX2 as formats of pixelrain convert. */
#include "still_format.h"

#include "still_pixels.h"

#include "diag.h"
#include "px2.h"
#include "pxs.h"

/* ---- reading --------------------------------------------------------------------------------- */

/* The shape of frames in memory.  Depths below 8 bits are widened, as viewers do; those above stay as they are. */
static enum pxr_err describe(const struct pxr_stream_format *s, enum pxr_px2_model model, struct pxr_image *image,
                             bool *is_widened, struct pxr_diag *diag)
{
    const struct pxr_token_form *const form = &s->form;
    if (model == PXR_PX2_HSV || model == PXR_PX2_HSL)
        return pxr_fail(diag, PXR_E_UNSUPPORTED, "holds %s, which no other format here holds",
                        model == PXR_PX2_HSV ? "HSV" : "HSL");
    uint8_t least = 16, most = 1;
    for (unsigned c = 0; c < form->n_channels; c++) {
        least = form->bits[c] < least ? form->bits[c] : least;
        most = form->bits[c] > most ? form->bits[c] : most;
    }
    if (least != most && most > 8)
        return pxr_fail(diag, PXR_E_UNSUPPORTED, "has channels of %u and of %u bits", least, most);
    *is_widened = s->is_widened || (most <= 8 && least < 8);
    *image = (struct pxr_image){.width_px = s->order.width_px,
                                .height_px = s->order.height_px,
                                .bits = most <= 8 ? 8 : 16,
                                .sbit = *is_widened && least == most && form->n_channels < 3 ? most : 0,
                                .maxval = (uint16_t)(most <= 8 ? 255 : (1u << most) - 1),
                                .n_channels = form->n_channels};
    image->stride_bytes = (size_t)image->width_px * image->n_channels * (image->bits / 8u);
    return PXR_OK;
}

/* What a mask leaves out is transparent. */
static void *show_mask(const struct pxr_stream_format *s, struct pxr_image *image)
{
    const unsigned n = image->n_channels + 1u;
    uint8_t *const pixels = pxr_still_with_channels(image, n);
    const size_t sample_bytes = image->bits / 8u, n_px = (size_t)image->width_px * image->height_px;
    for (size_t i = 0; pixels && i < n_px; i++)
        if (!pxr_bitmap_get(s->mask, i))
            memset(pixels + (i * n + n - 1) * sample_bytes, 0, sample_bytes);
    image->pixels = pixels;
    image->n_channels = (uint8_t)n;
    image->stride_bytes = (size_t)image->width_px * n * sample_bytes;
    return pixels;
}

static enum pxr_err hand_on(const struct pxr_stream_format *s, struct pxr_image image, void *pixels, bool is_widened,
                            pxr_image_fn *each, void *arg, struct pxr_diag *diag)
{
    void *shown = NULL;
    image.pixels = pixels;
    if (is_widened && !s->is_widened)
        pxr_stream_widen(&s->form, pixels, (size_t)image.width_px * image.height_px);
    if (s->mask && !pxr_still_has_alpha(&image) && !(shown = show_mask(s, &image)))
        return pxr_fail_nomem(diag, pxr_still_bytes(&image));
    const enum pxr_err e = each(arg, &image, diag);
    pxr_free(shown);
    return e;
}

static enum pxr_err read_frames(struct pxr_still_input *in, struct pxr_stream_reader *r, enum pxr_px2_model model,
                                pxr_image_fn *each, void *arg, struct pxr_diag *diag)
{
    struct pxr_image image;
    bool is_widened = false, has_frame = true;
    enum pxr_err e = describe(&r->format, model, &image, &is_widened, diag);
    if (e != PXR_OK)
        return e;
    void *const pixels = pxr_alloc(pxr_stream_frame_bytes(&r->format));
    if (!pixels)
        return pxr_fail_nomem(diag, pxr_stream_frame_bytes(&r->format));
    while (e == PXR_OK && has_frame) {
        uint64_t n_missing;
        e = pxr_stream_reader_next(r, pixels, &has_frame, &n_missing, diag);
        if (e != PXR_OK || !has_frame)
            break;
        in->n_missing_px = n_missing;
        image.number = r->frame - 1;
        e = hand_on(&r->format, image, pixels, is_widened, each, arg, diag);
    }
    in->n_missing_frames = r->n_frames_missing;
    pxr_free(pixels);
    return e;
}

static enum pxr_err find_layout(const char *name, enum pxr_pxs_layout *layout, struct pxr_diag *diag)
{
    static const char *const names[PXR_PXS_N_LAYOUTS] = {"auto", "legacy24",     "legacy15",
                                                         "spec", "headerless24", "headerless15"};
    for (int i = 1; i < PXR_PXS_N_LAYOUTS; i++)
        if (!strcmp(name, names[i])) {
            *layout = (enum pxr_pxs_layout)i;
            return PXR_OK;
        }
    return pxr_fail(diag, PXR_E_INVALID,
                    "PXS has the layouts legacy24, legacy15, spec, headerless24 and headerless15, not '%.40s'", name);
}

static enum pxr_err read_pxs(struct pxr_still_input *in, pxr_image_fn *each, void *arg, struct pxr_diag *diag)
{
    struct pxr_stream_reader r;
    struct pxr_pxs_opts opts = {.digits = (enum pxr_stream_digits)in->opts->from_order,
                                .is_progressive = !in->opts->is_strict,
                                .max_px = in->opts->max_frame_px};
    enum pxr_err e = in->opts->from_layout ? find_layout(in->opts->from_layout, &opts.layout, diag) : PXR_OK;
    if (e != PXR_OK)
        return e;
    /* Of this layout half a pixel is a fault (docs/pxs.md); the others have pixels of one length. */
    opts.wants_whole_tokens = !in->opts->is_partial && pxr_pxs_has_signature(in->bytes, in->n_bytes);
    e = pxr_pxs_open(&r, in->bytes, in->n_bytes, &opts, NULL, diag);
    if (e == PXR_OK)
        e = read_frames(in, &r, PXR_PX2_RGB, each, arg, diag);
    pxr_stream_reader_fini(&r);
    return e;
}

static enum pxr_err read_px2(struct pxr_still_input *in, pxr_image_fn *each, void *arg, struct pxr_diag *diag)
{
    struct pxr_stream_reader r;
    struct pxr_px2_header header;
    const struct pxr_px2_opts opts = {.is_progressive = !in->opts->is_strict, .max_px = in->opts->max_frame_px};
    enum pxr_err e = pxr_px2_open(&r, in->bytes, in->n_bytes, &opts, &header, diag);
    if (e == PXR_OK)
        e = read_frames(in, &r, header.model, each, arg, diag);
    pxr_stream_reader_fini(&r);
    return e;
}

/* By four bytes of the signature: the reader says what is wrong with the others. */
static bool is_like_pxs(const uint8_t *head, size_t n) { return n >= 4 && !memcmp(head, "\x89PXS", 4); }
static bool is_like_px2(const uint8_t *head, size_t n) { return n >= 4 && !memcmp(head, "\x89PX2", 4); }

/* ---- writing --------------------------------------------------------------------------------- */

static void end_stream(struct pxr_still_output *out)
{
    if (out->state)
        pxr_stream_format_fini(out->state);
    pxr_free(out->state);
    out->state = NULL;
}

static enum pxr_err refuse_loss(const struct pxr_still_output *out, const char *what, struct pxr_diag *diag)
{
    return out->opts->is_lossy ? PXR_OK : pxr_fail(diag, PXR_E_UNSUPPORTED, "%s", what);
}

static enum pxr_err check_pxs(struct pxr_still_output *out, const struct pxr_image *image, enum pxr_pxs_layout *layout,
                              struct pxr_diag *diag)
{
    enum pxr_err e = PXR_OK;
    *layout = PXR_PXS_LEGACY24;
    if (out->opts->layout)
        e = find_layout(out->opts->layout, layout, diag);
    if (e == PXR_OK && out->n_frames && *layout != PXR_PXS_SPEC)
        e = pxr_fail(diag, PXR_E_UNSUPPORTED,
                     "a PXS file holds several frames only with --layout spec, which keeps 5 bits of a sample");
    if (e == PXR_OK && pxr_still_has_alpha(image))
        e = refuse_loss(out, "PXS holds no transparency: --lossy drops it, PX2 keeps it", diag);
    if (e == PXR_OK && image->bits != 8)
        e = refuse_loss(out, "PXS has samples of 8 bits: --lossy drops the low ones, PX2 keeps them", diag);
    return e;
}

static enum pxr_err write_pxs(struct pxr_still_output *out, const struct pxr_image *image, struct pxr_diag *diag)
{
    enum pxr_pxs_layout layout;
    struct pxr_image rgb = *image;
    enum pxr_err e = check_pxs(out, image, &layout, diag);
    if (e != PXR_OK)
        return e;
    rgb.n_channels = 3;
    rgb.stride_bytes = (size_t)rgb.width_px * 3 * (rgb.bits / 8u);
    void *const pixels = pxr_still_with_channels(image, 3);
    rgb.pixels = pixels;
    if (!pixels)
        return pxr_fail_nomem(diag, pxr_still_bytes(&rgb));
    if (rgb.bits != 8)
        pxr_still_shift(&rgb, pixels, pxr_still_depth(rgb.maxval) - 8);
    if (!out->n_frames) {
        out->state = pxr_alloc_zero(1, sizeof(struct pxr_stream_format));
        e = !out->state ? pxr_fail_nomem(diag, sizeof(struct pxr_stream_format))
                        : pxr_pxs_begin(out->state, layout, (enum pxr_stream_digits)out->opts->order, rgb.width_px,
                                        rgb.height_px, &out->bytes, diag);
    }
    if (e == PXR_OK)
        e = pxr_stream_put_frame(out->state, pixels, out->n_frames, out->opts->pool, &out->bytes, diag);
    pxr_free(pixels);
    return e;
}

/* Bits of the samples in the file. */
static unsigned px2_bits(const struct pxr_still_output *out, const struct pxr_image *image)
{
    const unsigned depth = pxr_still_depth(image->maxval);
    if (out->opts->bits)
        return (unsigned)out->opts->bits;
    return image->bits == 16 && image->maxval == (1u << depth) - 1 ? depth : image->bits;
}

/* Samples in the container that the codec expects for so many bits, in new memory. */
static enum pxr_err fit_depth(const struct pxr_image *image, unsigned bits, struct pxr_image *fitted,
                              struct pxr_diag *diag)
{
    const unsigned depth = pxr_still_depth(image->maxval);
    const size_t n = pxr_still_n_samples(image);
    uint8_t *const pixels = pxr_alloc(n * 2);
    *fitted = *image;
    if (!pixels)
        return pxr_fail_nomem(diag, n * 2);
    memcpy(pixels, image->pixels, pxr_still_bytes(image));
    pxr_still_shift(fitted, pixels, depth > bits ? depth - bits : 0);
    if (bits > 8 && fitted->bits == 8) /* from the last sample on: each moves up */
        for (size_t i = n; i-- > 0;)
            memcpy(pixels + 2 * i, &(uint16_t){pixels[i]}, 2);
    return PXR_OK;
}

/* Alpha as a bitmap; false: something is half transparent. */
static bool find_mask(const struct pxr_image *image, uint8_t *mask)
{
    const size_t n_px = (size_t)image->width_px * image->height_px, sample_bytes = image->bits / 8u;
    const uint8_t *p = (const uint8_t *)image->pixels + (image->n_channels - 1) * sample_bytes;
    for (size_t i = 0; i < n_px; i++, p += image->n_channels * sample_bytes) {
        uint16_t v = *p;
        if (sample_bytes == 2)
            memcpy(&v, p, 2);
        if (v && v != image->maxval)
            return false;
        if (v)
            pxr_bitmap_set(mask, i);
    }
    return true;
}

static enum pxr_err begin_px2(struct pxr_still_output *out, const struct pxr_image *image, unsigned bits,
                              const uint8_t *mask, struct pxr_diag *diag)
{
    static const enum pxr_px2_model models[] = {PXR_PX2_GRAY, PXR_PX2_GRAY, PXR_PX2_GRAY_ALPHA, PXR_PX2_RGB,
                                                PXR_PX2_RGBA};
    const struct pxr_still_opts *const o = out->opts;
    const uint8_t n = (uint8_t)(image->n_channels - (mask ? 1 : 0));
    struct pxr_px2_header h = {.width_px = image->width_px,
                               .height_px = image->height_px,
                               .digits = (enum pxr_stream_digits)o->order,
                               .model = models[n],
                               .n_channels = n,
                               .is_padded = o->is_padded,
                               .is_relative = o->is_relative,
                               .has_finality = o->has_finality,
                               .has_mask = mask,
                               .n_frames = 1};
    memset(h.bits, (int)bits, n);
    out->state = pxr_alloc_zero(1, sizeof(struct pxr_stream_format));
    if (!out->state)
        return pxr_fail_nomem(diag, sizeof(struct pxr_stream_format));
    return pxr_px2_begin(out->state, &h, mask, &out->bytes, diag);
}

/* The frame, without the alpha that has become the mask. */
static enum pxr_err put_px2(struct pxr_still_output *out, const struct pxr_image *image, const uint8_t *mask,
                            unsigned bits, struct pxr_diag *diag)
{
    struct pxr_stream_format *const s = out->state;
    struct pxr_image fitted, plain = *image;
    void *colours = NULL;
    if (s->mask && (!mask || memcmp(mask, s->mask, pxr_bitmap_bytes(pxr_stream_n_px(&s->order))) != 0))
        return pxr_fail(diag, PXR_E_MISMATCH, "the frame is transparent elsewhere than the first one; a file has one mask");
    if (s->mask) {
        colours = pxr_still_with_channels(image, image->n_channels - 1u);
        plain.n_channels--;
        plain.pixels = colours;
        if (!colours)
            return pxr_fail_nomem(diag, pxr_still_bytes(&plain));
    }
    enum pxr_err e = fit_depth(&plain, bits, &fitted, diag);
    if (e == PXR_OK) {
        e = pxr_stream_put_frame(s, fitted.pixels, out->n_frames, out->opts->pool, &out->bytes, diag);
        pxr_free((void *)(uintptr_t)fitted.pixels);
    }
    pxr_free(colours);
    return e;
}

static enum pxr_err write_px2(struct pxr_still_output *out, const struct pxr_image *image, struct pxr_diag *diag)
{
    const unsigned bits = px2_bits(out, image);
    if (bits > 16)
        return pxr_fail(diag, PXR_E_INVALID, "PX2 has samples of 1 to 16 bits, not %u", bits);
    const size_t map_bytes = pxr_bitmap_bytes((uint64_t)image->width_px * image->height_px);
    uint8_t *mask = NULL;
    enum pxr_err e = PXR_OK;
    if (out->opts->has_mask && pxr_still_has_alpha(image)) {
        mask = pxr_alloc_zero(map_bytes, 1);
        if (!mask)
            return pxr_fail_nomem(diag, map_bytes);
        if (!find_mask(image, mask))
            e = pxr_fail(diag, PXR_E_UNSUPPORTED, "some pixel is half transparent, which --mask cannot say");
    }
    if (e == PXR_OK && !out->n_frames)
        e = begin_px2(out, image, bits, mask, diag);
    if (e == PXR_OK)
        e = put_px2(out, image, mask, bits, diag);
    pxr_free(mask);
    return e;
}

static enum pxr_err finish_px2(struct pxr_still_output *out, struct pxr_diag *diag)
{
    if (out->n_frames > UINT32_MAX)
        return pxr_fail(diag, PXR_E_LIMIT, "more frames than the file can count");
    if (out->n_frames > 1)
        pxr_px2_set_frames(out->bytes.bytes, (uint32_t)out->n_frames);
    return PXR_OK;
}

const struct pxr_still_format pxr_still_pxs = {.name = "pxs",
                                               .extensions = " pxs ",
                                               .holds_many = true,
                                               .has_layouts = true,
                                               .is_strict_name = true,
                                               .is_like = is_like_pxs,
                                               .read = read_pxs,
                                               .write = write_pxs,
                                               .end = end_stream};
const struct pxr_still_format pxr_still_px2 = {.name = "px2",
                                               .extensions = " px2 ",
                                               .holds_many = true,
                                               .is_like = is_like_px2,
                                               .read = read_px2,
                                               .write = write_px2,
                                               .finish = finish_px2,
                                               .end = end_stream};
