/* SPDX-License-Identifier: MIT
 * Frames of a Pixel Stream file, one after the other. */
#include "stream_file.h"

#include "diag.h"

void pxr_stream_format_fini(struct pxr_stream_format *s)
{
    pxr_free(s->mask);
    s->mask = NULL;
}

size_t pxr_stream_frame_bytes(const struct pxr_stream_format *s)
{
    return (size_t)pxr_stream_n_px(&s->order) * pxr_token_px_bytes(&s->form);
}

enum pxr_err pxr_stream_check_size(uint64_t width_px, uint64_t height_px, uint64_t max_px, uint64_t off_bytes,
                                   struct pxr_diag *diag)
{
    const uint64_t longer = pxr_max_u64(width_px, height_px);
    if (!max_px)
        max_px = PXR_STREAM_MAX_PX;
    if (!width_px || !height_px)
        return pxr_fail_at(diag, PXR_E_CORRUPT, off_bytes, "a picture of %llux%llu pixels", (unsigned long long)width_px,
                           (unsigned long long)height_px);
    if (longer > PXR_STREAM_MAX_SIDE_PX)
        return pxr_fail_field(diag, PXR_E_CORRUPT, off_bytes, "side", PXR_STREAM_MAX_SIDE_PX, longer,
                              "no side is as long as this");
    if (width_px * height_px > max_px)
        return pxr_fail_field(diag, PXR_E_LIMIT, off_bytes, "pixels", max_px, width_px * height_px,
                              "the picture is larger than the limit");
    return PXR_OK;
}

/* ---- samples of fewer than 8 bits -------------------------------------------------------------- */

static uint8_t widened(unsigned v, unsigned bits)
{
    unsigned wide = v << (8 - bits);
    for (unsigned n = bits; n < 8; n *= 2)
        wide |= wide >> n;
    return (uint8_t)wide;
}

void pxr_stream_widen(const struct pxr_token_form *form, uint8_t *samples, size_t n_px)
{
    uint8_t table[256];
    for (unsigned c = 0; c < form->n_channels; c++) {
        if (form->bits[c] >= 8)
            continue;
        for (unsigned v = 0; v < 1u << form->bits[c]; v++)
            table[v] = widened(v, form->bits[c]);
        for (size_t i = 0; i < n_px; i++)
            samples[i * form->n_channels + c] = table[samples[i * form->n_channels + c]];
    }
}

void pxr_stream_narrow(const struct pxr_token_form *form, uint8_t *samples, size_t n_px)
{
    for (unsigned c = 0; c < form->n_channels; c++)
        for (size_t i = 0; form->bits[c] < 8 && i < n_px; i++) {
            uint8_t *const v = &samples[i * form->n_channels + c];
            *v = (uint8_t)(*v >> (8 - form->bits[c]));
        }
}

/* ---- reading --------------------------------------------------------------------------------- */

static uint64_t bytes_left(const struct pxr_token_reader *in)
{
    return in->n_bytes - in->at_bits / 8;
}

static enum pxr_err fail_cut(const struct pxr_stream_reader *r, const char *field, uint64_t expected, uint64_t found,
                             struct pxr_diag *diag)
{
    return pxr_fail_field(diag, PXR_E_TRUNCATED, r->in.n_bytes, field, expected, found,
                          "the file ends within a frame");
}

/* The fewest bytes that a frame can have. */
static uint64_t least_frame_bytes(const struct pxr_stream_format *s)
{
    const unsigned absolute = pxr_token_absolute_bits(&s->form), relative = pxr_token_relative_bits(&s->form);
    if (pxr_token_is_fixed(&s->form))
        return pxr_token_frame_bytes(&s->form, s->n_px);
    if (s->form.has_finality)
        return 1;
    return (absolute + (s->n_px - 1) * pxr_min_u64(absolute, relative) + 7) / 8;
}

/* Only with tokens of one length: the length of the file follows from the header. */
static enum pxr_err check_length(const struct pxr_stream_reader *r, struct pxr_diag *diag)
{
    const struct pxr_stream_format *const s = &r->format;
    const uint64_t frame_bytes = least_frame_bytes(s), left = bytes_left(&r->in);
    uint64_t expected;
    if (!pxr_mul_u64(frame_bytes, pxr_max_u64(s->n_frames, 1), &expected))
        expected = UINT64_MAX;
    if (left < expected && !r->is_progressive)
        return pxr_fail_field(diag, PXR_E_TRUNCATED, r->in.n_bytes, "pixel bytes", expected, left,
                              "the file is too short for its pixels");
    if (!pxr_token_is_fixed(&s->form))
        return PXR_OK;
    const bool is_open = s->is_animation && !s->n_frames;
    if (is_open && left % frame_bytes && !r->is_progressive)
        return pxr_fail_field(diag, PXR_E_TRUNCATED, r->in.n_bytes, "frame bytes", frame_bytes, left % frame_bytes,
                              "the file ends within its last frame");
    if (!is_open && left > expected)
        return pxr_fail_field(diag, PXR_E_CORRUPT, r->in.at_bits / 8 + expected, "pixel bytes", expected, left,
                              "bytes follow the last pixel");
    return PXR_OK;
}

/* A few bytes may stand for a whole picture, where the rest was cut or one pixel is final.  Some megabytes are nobody's
 * problem; beyond them memory has to be in some proportion to the file. */
static enum pxr_err check_proportion(const struct pxr_stream_reader *r, struct pxr_diag *diag)
{
    const uint64_t frame_bytes = pxr_stream_frame_bytes(&r->format);
    if (frame_bytes <= PXR_STREAM_FREE_BYTES || frame_bytes / PXR_STREAM_MAX_RATIO <= r->in.n_bytes)
        return PXR_OK;
    return pxr_fail_field(diag, PXR_E_LIMIT, PXR_NONE, "file bytes", frame_bytes / PXR_STREAM_MAX_RATIO, r->in.n_bytes,
                          "the file is too short for memory of a picture as large as this");
}

enum pxr_err pxr_stream_reader_begin(struct pxr_stream_reader *r, struct pxr_diag *diag)
{
    enum pxr_err e = check_length(r, diag);
    if (e == PXR_OK)
        e = check_proportion(r, diag);
    if (e != PXR_OK || !r->format.form.has_finality)
        return e;
    const size_t map_bytes = pxr_bitmap_bytes(pxr_stream_n_px(&r->format.order));
    r->covered = pxr_alloc(map_bytes);
    return r->covered ? PXR_OK : pxr_fail_nomem(diag, map_bytes);
}

void pxr_stream_reader_fini(struct pxr_stream_reader *r)
{
    pxr_stream_format_fini(&r->format);
    pxr_free(r->covered);
    r->covered = NULL;
}

static void end_early(struct pxr_stream_reader *r)
{
    r->has_ended = true;
    r->n_frames_missing = r->format.n_frames > r->frame ? r->format.n_frames - r->frame : 0;
}

/* Between frames: is there another one?  The reader stands before its first token then. */
static enum pxr_err find_frame(struct pxr_stream_reader *r, bool *is_there, struct pxr_diag *diag)
{
    const struct pxr_stream_format *const s = &r->format;
    const uint64_t off = r->in.at_bits / 8, left = bytes_left(&r->in);
    const bool is_last = r->frame && (!s->is_animation || (s->n_frames && r->frame == s->n_frames));
    const bool is_wanted = !r->frame || (s->n_frames && !is_last);
    *is_there = false;
    if (r->has_ended)
        return PXR_OK;
    if (is_last && left)
        return pxr_fail_field(diag, PXR_E_CORRUPT, off, "bytes", 0, left, "bytes follow the last frame");
    if (!is_last && r->frame && left && s->form.is_relative) {
        if (r->is_progressive && left < pxr_token_separator_bytes(&s->form)) {
            end_early(r);
            return PXR_OK;
        }
        if (!pxr_tokens_take_separator(&s->form, &r->in))
            return pxr_fail_at(diag, PXR_E_CORRUPT, off, "what follows frame %llu is not a frame separator",
                               (unsigned long long)(r->frame - 1));
        if (!bytes_left(&r->in) && (!r->is_progressive || r->wants_whole_tokens))
            return pxr_fail_at(diag, PXR_E_CORRUPT, off, "no frame follows the last frame separator");
    }
    *is_there = bytes_left(&r->in) > 0;
    if (is_wanted && !*is_there && !r->is_progressive)
        return fail_cut(r, "pixels", s->n_px, 0, diag);
    if (!*is_there)
        end_early(r);
    return PXR_OK;
}

/* The frame has been read as far as it goes. */
static enum pxr_err finish_frame(struct pxr_stream_reader *r, void *pixels, uint64_t end_address, bool *has_frame,
                                 uint64_t *n_missing, struct pxr_diag *diag)
{
    const struct pxr_stream_format *const s = &r->format;
    if (end_address != PXR_NONE && !r->is_progressive)
        return fail_cut(r, "pixels", pxr_stream_n_px(&s->order), pxr_stream_rank(&s->order, end_address), diag);
    if (end_address != PXR_NONE && r->wants_whole_tokens && bytes_left(&r->in))
        return pxr_fail_at(diag, PXR_E_TRUNCATED, r->in.n_bytes, "the file ends within a pixel");
    if (end_address != PXR_NONE)
        *n_missing = pxr_stream_paint(&s->order, s->mask, r->covered, end_address, pixels, pxr_token_px_bytes(&s->form));
    if (*n_missing && !r->frame && *n_missing == s->n_px)
        return pxr_fail_field(diag, PXR_E_TRUNCATED, r->in.n_bytes, "pixels", s->n_px, 0,
                              "the file ends before its first pixel");
    *has_frame = *n_missing < s->n_px;
    r->frame += *has_frame;
    if (*n_missing)
        end_early(r);
    if (!*has_frame)
        *n_missing = 0;
    if (s->is_widened)
        pxr_stream_widen(&s->form, pixels, (size_t)pxr_stream_n_px(&s->order));
    return PXR_OK;
}

enum pxr_err pxr_stream_reader_next(struct pxr_stream_reader *r, void *pixels, bool *has_frame, uint64_t *n_missing,
                                    struct pxr_diag *diag)
{
    const struct pxr_stream_format *const s = &r->format;
    const struct pxr_token_frame f = {&s->order, &s->form, s->mask, r->covered, pixels};
    uint64_t end_address;
    *has_frame = false;
    *n_missing = 0;
    enum pxr_err e = find_frame(r, has_frame, diag);
    if (e == PXR_OK && !*has_frame && !r->frame)
        e = pxr_fail_field(diag, PXR_E_TRUNCATED, r->in.n_bytes, "pixels", s->n_px, 0,
                           "the file ends before its first pixel");
    if (e != PXR_OK || !*has_frame) {
        r->has_ended = true;
        return e;
    }
    memset(pixels, 0, pxr_stream_frame_bytes(s));
    if (r->covered)
        memset(r->covered, 0, pxr_bitmap_bytes(pxr_stream_n_px(&s->order)));
    e = pxr_tokens_decode(&f, &r->in, &end_address, diag);
    if (e == PXR_OK)
        e = finish_frame(r, pixels, end_address, has_frame, n_missing, diag);
    if (e != PXR_OK) {
        memset(pixels, 0, pxr_stream_frame_bytes(s));
        *has_frame = false;
        *n_missing = 0;
        r->has_ended = true;
        if (r->frame)
            pxr_diag_in_frame(diag, e, r->frame);
    }
    return e;
}

/* ---- writing --------------------------------------------------------------------------------- */

enum pxr_err pxr_stream_put_frame(const struct pxr_stream_format *s, const void *pixels, uint64_t frame, pxr_pool *pool,
                                  struct pxr_buffer *dst, struct pxr_diag *diag)
{
    const size_t frame_bytes = pxr_stream_frame_bytes(s);
    void *const narrow = s->is_widened ? pxr_alloc(frame_bytes) : NULL;
    enum pxr_err e = PXR_OK;
    if (s->is_widened && !narrow)
        return pxr_fail_nomem(diag, frame_bytes);
    if (narrow) {
        memcpy(narrow, pixels, frame_bytes);
        pxr_stream_narrow(&s->form, narrow, (size_t)pxr_stream_n_px(&s->order));
    }
    /* The encoder only reads. */
    const struct pxr_token_frame f = {&s->order, &s->form, s->mask, NULL, narrow ? narrow : (void *)(uintptr_t)pixels};
    if (frame && s->form.is_relative)
        e = pxr_tokens_put_separator(&s->form, dst, diag);
    if (e == PXR_OK)
        e = pxr_tokens_encode(&f, pool, dst, diag);
    pxr_free(narrow);
    return e;
}
