/* SPDX-License-Identifier: MIT
 * One frame of a Pixel Stream file, decoded. */
#include "stream_tokens.h"

#include "diag.h"

static unsigned padded(const struct pxr_token_form *f, unsigned n_bits)
{
    return f->is_padded ? (n_bits + 7) / 8 * 8 : n_bits;
}

unsigned pxr_token_absolute_bits(const struct pxr_token_form *f)
{
    unsigned n = f->has_finality + f->has_lead;
    for (unsigned c = 0; c < f->n_channels; c++)
        n += f->bits[c];
    return padded(f, n);
}

unsigned pxr_token_relative_bits(const struct pxr_token_form *f)
{
    return padded(f, f->has_finality + 2u + 2u * f->n_channels);
}

uint64_t pxr_token_frame_bytes(const struct pxr_token_form *f, uint64_t n_px)
{
    return (n_px * pxr_token_absolute_bits(f) + 7) / 8;
}

/* ---- bits ------------------------------------------------------------------------------------ */

static uint64_t bits_left(const struct pxr_token_reader *r)
{
    return r->n_bytes * 8 - r->at_bits;
}

/* n <= 16 bits that are there. */
static unsigned peek(const struct pxr_token_reader *r, uint64_t at_bits, unsigned n)
{
    uint32_t window = 0;
    const uint64_t first = at_bits / 8, last = (at_bits + n + 7) / 8;
    for (uint64_t i = first; i < last; i++)
        window = window << 8 | r->src[i];
    return window >> ((last - first) * 8 - at_bits % 8 - n) & ((1u << n) - 1);
}

static unsigned take(struct pxr_token_reader *r, unsigned n)
{
    const unsigned v = peek(r, r->at_bits, n);
    r->at_bits += n;
    return v;
}

/* Go to end_bits, over bits that must be zero. */
static bool take_zeros(struct pxr_token_reader *r, uint64_t end_bits)
{
    unsigned seen = 0;
    while (r->at_bits < end_bits)
        seen |= take(r, (unsigned)pxr_min_u64(end_bits - r->at_bits, 8));
    return !seen;
}

/* ---- samples --------------------------------------------------------------------------------- */

static unsigned sample_at(const struct pxr_token_frame *f, size_t i, unsigned c, bool is_wide)
{
    const uint8_t *const p = f->pixels;
    const size_t k = i * f->form->n_channels + c;
    uint16_t v;
    if (!is_wide)
        return p[k];
    memcpy(&v, p + 2 * k, 2);
    return v;
}

static void put_sample(const struct pxr_token_frame *f, size_t i, unsigned c, bool is_wide, unsigned v)
{
    uint8_t *const p = f->pixels;
    const size_t k = i * f->form->n_channels + c;
    const uint16_t v16 = (uint16_t)v;
    if (is_wide)
        memcpy(p + 2 * k, &v16, 2);
    else
        p[k] = (uint8_t)v;
}

/* ---- one token ------------------------------------------------------------------------------- */

static enum pxr_err fail_token(struct pxr_diag *diag, const struct pxr_token_reader *r, struct pxr_place at,
                               const char *text)
{
    return pxr_fail_at(diag, PXR_E_CORRUPT, r->at_bits / 8, "pixel (%u, %u): %s", at.x, at.y, text);
}

/* r is behind the sign. */
static enum pxr_err take_relative(const struct pxr_token_frame *f, struct pxr_token_reader *r,
                                  const struct pxr_stream_walk *w, bool is_minus, struct pxr_diag *diag)
{
    const bool is_wide = pxr_token_sample_bytes(f->form) == 2;
    const size_t i = pxr_stream_index(f->order, w->at);
    struct pxr_place parent;
    unsigned seen = 0;
    if (!pxr_stream_parent(f->order, f->mask, w->address, &parent))
        return fail_token(diag, r, w->at, "is coded relative to another, and there is none");
    const size_t from = pxr_stream_index(f->order, parent);
    for (unsigned c = 0; c < f->form->n_channels; c++) {
        const unsigned d = take(r, 2), before = sample_at(f, from, c, is_wide);
        const unsigned max = (1u << f->form->bits[c]) - 1;
        if (is_minus ? d > before : d > max - before)
            return pxr_fail_field(diag, PXR_E_CORRUPT, r->at_bits / 8, "sample", is_minus ? 0 : max, d,
                                  "pixel (%u, %u): a difference from %u leads out of the range", w->at.x, w->at.y,
                                  before);
        put_sample(f, i, c, is_wide, is_minus ? before - d : before + d);
        seen |= d;
    }
    if (is_minus && !seen)
        return fail_token(diag, r, w->at, "a frame separator within a frame");
    return PXR_OK;
}

/* A pixel is final: the rest of its square is like it and has no tokens. */
static void cover(const struct pxr_token_frame *f, struct pxr_place at)
{
    const size_t px_bytes = pxr_token_px_bytes(f->form);
    const uint32_t side = (uint32_t)1 << pxr_stream_level(f->order, at);
    const uint32_t end_x = (uint32_t)pxr_min_u64(at.x + side, f->order->width_px);
    const uint32_t end_y = (uint32_t)pxr_min_u64(at.y + side, f->order->height_px);
    uint8_t *const pixels = f->pixels;
    const size_t first = pxr_stream_index(f->order, at);
    for (uint32_t y = at.y; y < end_y; y++)
        for (uint32_t x = at.x; x < end_x; x++) {
            const size_t i = pxr_stream_index(f->order, (struct pxr_place){x, y});
            if (i == first || (f->mask && !pxr_bitmap_get(f->mask, i)))
                continue;
            memcpy(pixels + i * px_bytes, pixels + first * px_bytes, px_bytes);
            pxr_bitmap_set(f->covered, i);
        }
}

/* *is_cut: the input ends before the token does; the reader has not moved. */
static enum pxr_err take_token(const struct pxr_token_frame *f, struct pxr_token_reader *r,
                               const struct pxr_stream_walk *w, bool *is_cut, struct pxr_diag *diag)
{
    const struct pxr_token_form *const form = f->form;
    const uint64_t start = r->at_bits, left = bits_left(r);
    const bool is_wide = pxr_token_sample_bytes(form) == 2;
    const unsigned n_flags = form->has_finality + (unsigned)form->has_lead;
    enum pxr_err e = PXR_OK;
    *is_cut = left < n_flags;
    if (*is_cut)
        return PXR_OK;
    const bool is_final = form->has_finality && take(r, 1);
    const bool is_relative = form->has_lead && take(r, 1);
    const unsigned n_bits = is_relative ? pxr_token_relative_bits(form) : pxr_token_absolute_bits(form);
    if (is_relative && !form->is_relative)
        return fail_token(diag, r, w->at, "the first bit of a pixel of 15 bits is zero in this layout");
    if (left < n_bits) {
        *is_cut = true;
        r->at_bits = start;
        return PXR_OK;
    }
    if (is_relative) {
        e = take_relative(f, r, w, take(r, 1), diag);
    } else {
        for (unsigned c = 0; c < form->n_channels; c++)
            put_sample(f, pxr_stream_index(f->order, w->at), c, is_wide, take(r, form->bits[c]));
    }
    if (e == PXR_OK && !take_zeros(r, start + n_bits))
        e = fail_token(diag, r, w->at, "its padding is not zero");
    if (e == PXR_OK && is_final)
        cover(f, w->at);
    return e;
}

/* ---- frames ---------------------------------------------------------------------------------- */

/* Tokens that are whole samples of memory but for their byte order. */
static bool is_plain(const struct pxr_token_form *form)
{
    bool is_8 = true, is_16 = true;
    for (unsigned c = 0; c < form->n_channels; c++) {
        is_8 &= form->bits[c] == 8;
        is_16 &= form->bits[c] == 16;
    }
    return pxr_token_is_fixed(form) && !form->has_lead && (is_8 || is_16);
}

static void take_plain(const struct pxr_token_frame *f, struct pxr_token_reader *r, uint64_t *end_address)
{
    const size_t px_bytes = pxr_token_px_bytes(f->form);
    const uint8_t bits = f->form->bits[0];
    uint64_t n = bits_left(r) / 8 / px_bytes;
    const uint8_t *src = r->src + r->at_bits / 8;
    struct pxr_stream_walk w;
    pxr_stream_walk_begin(&w, f->order, 0);
    while (pxr_stream_walk_next(&w)) {
        const size_t i = pxr_stream_index(f->order, w.at);
        if (f->mask && !pxr_bitmap_get(f->mask, i))
            continue;
        if (!n--) {
            *end_address = w.address;
            break;
        }
        pxr_copy_samples_be((uint8_t *)f->pixels + i * px_bytes, src, f->form->n_channels, bits);
        src += px_bytes;
    }
    r->at_bits = (uint64_t)(src - r->src) * 8;
}

enum pxr_err pxr_tokens_decode(const struct pxr_token_frame *f, struct pxr_token_reader *r, uint64_t *end_address,
                               struct pxr_diag *diag)
{
    struct pxr_stream_walk w;
    bool is_cut = false;
    *end_address = PXR_NONE;
    if (is_plain(f->form)) {
        take_plain(f, r, end_address);
        return PXR_OK;
    }
    pxr_stream_walk_begin(&w, f->order, 0);
    while (pxr_stream_walk_next(&w)) {
        const size_t i = pxr_stream_index(f->order, w.at);
        if ((f->mask && !pxr_bitmap_get(f->mask, i)) || (f->covered && pxr_bitmap_get(f->covered, i)))
            continue;
        const enum pxr_err e = take_token(f, r, &w, &is_cut, diag);
        if (e != PXR_OK)
            return e;
        if (is_cut) {
            *end_address = w.address;
            return PXR_OK;
        }
    }
    if (!take_zeros(r, (r->at_bits + 7) / 8 * 8))
        return pxr_fail_at(diag, PXR_E_CORRUPT, r->at_bits / 8 - 1, "the bits that fill up a frame are not zero");
    return PXR_OK;
}

/* ---- separators ------------------------------------------------------------------------------ */

unsigned pxr_token_separator_bytes(const struct pxr_token_form *f)
{
    return (f->has_finality + 2u + 2u * f->n_channels + 7) / 8;
}

/* The first of its bytes; the others are zero. */
static uint8_t separator_byte(const struct pxr_token_form *f)
{
    return f->has_finality ? 0x60 : 0xC0;
}

enum pxr_err pxr_tokens_put_separator(const struct pxr_token_form *f, struct pxr_buffer *dst, struct pxr_diag *diag)
{
    const uint8_t bytes[2] = {separator_byte(f)};
    return pxr_buffer_add(dst, bytes, pxr_token_separator_bytes(f)) ? PXR_OK : pxr_fail_nomem(diag, dst->n_bytes);
}

bool pxr_tokens_take_separator(const struct pxr_token_form *f, struct pxr_token_reader *r)
{
    const unsigned n_bytes = pxr_token_separator_bytes(f);
    if (bits_left(r) / 8 < n_bytes || peek(r, r->at_bits, 8) != separator_byte(f) ||
        (n_bytes == 2 && peek(r, r->at_bits + 8, 8)))
        return false;
    r->at_bits += n_bytes * 8;
    return true;
}
