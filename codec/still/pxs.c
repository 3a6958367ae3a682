/* SPDX-License-Identifier: MIT
 * PXS: headers and layouts. */
#include "pxs.h"

#include "diag.h"

static const uint8_t signature[8] = {0x89, 'P', 'X', 'S', '\r', '\n', 0x1A, '\n'};

/* Every layout is a form of token behind some header. */
static const struct layout {
    uint8_t header_bytes; /* signature and sides */
    struct pxr_token_form form;
} layouts[PXR_PXS_N_LAYOUTS] = {
    [PXR_PXS_LEGACY24] = {8, {.n_channels = 3, .bits = {8, 8, 8}, .is_padded = true}},
    [PXR_PXS_LEGACY15] = {8, {.n_channels = 3, .bits = {5, 5, 5}, .is_padded = true, .has_lead = true}},
    [PXR_PXS_SPEC] = {16,
                      {.n_channels = 3, .bits = {5, 5, 5}, .is_padded = true, .has_lead = true, .is_relative = true}},
    [PXR_PXS_HEADERLESS24] = {0, {.n_channels = 3, .bits = {8, 8, 8}, .is_padded = true}},
    [PXR_PXS_HEADERLESS15] = {0, {.n_channels = 3, .bits = {5, 5, 5}, .is_padded = true, .has_lead = true}},
};

static struct pxr_stream_format format_of(enum pxr_pxs_layout layout, enum pxr_stream_digits digits, uint32_t width_px,
                                          uint32_t height_px)
{
    const struct pxr_token_form form = layouts[layout].form;
    return (struct pxr_stream_format){.order = pxr_stream_order(width_px, height_px, digits),
                                      .form = form,
                                      .n_px = (uint64_t)width_px * height_px,
                                      .is_animation = layout == PXR_PXS_SPEC,
                                      .is_widened = form.bits[0] < 8};
}

bool pxr_pxs_has_signature(const uint8_t *src, size_t n_bytes)
{
    return n_bytes >= sizeof signature && !memcmp(src, signature, sizeof signature);
}

/* ---- reading --------------------------------------------------------------------------------- */

/* What a file without a signature is follows from its length. */
static enum pxr_pxs_layout layout_of_length(uint64_t n_px, uint64_t n_bytes)
{
    return n_bytes == 8 + 2 * n_px ? PXR_PXS_LEGACY15 : PXR_PXS_LEGACY24;
}

static enum pxr_err detect(const uint8_t *src, size_t n_bytes, uint64_t max_px, enum pxr_pxs_layout *layout,
                           struct pxr_diag *diag)
{
    if (pxr_pxs_has_signature(src, n_bytes)) {
        *layout = PXR_PXS_SPEC;
        return PXR_OK;
    }
    /* As a width, this would be beyond any limit. */
    if (n_bytes >= 4 && !memcmp(src, signature, 4))
        return n_bytes < sizeof signature
                   ? pxr_fail_field(diag, PXR_E_TRUNCATED, n_bytes, "signature", sizeof signature, n_bytes,
                                    "the file ends within its signature")
                   : pxr_fail_at(diag, PXR_E_NOTPXR, 4, "the signature is damaged, as by a transfer as text");
    if (n_bytes < 8)
        return pxr_fail_field(diag, PXR_E_TRUNCATED, n_bytes, "header bytes", 8, n_bytes,
                              "the file ends within its header");
    const uint64_t width_px = pxr_load_u32be(src), height_px = pxr_load_u32be(src + 4);
    const enum pxr_err e = pxr_stream_check_size(width_px, height_px, max_px, 0, diag);
    if (e == PXR_OK)
        *layout = layout_of_length(width_px * height_px, n_bytes);
    return e;
}

static enum pxr_err read_sides(const uint8_t *src, size_t n_bytes, enum pxr_pxs_layout layout, uint64_t sides[2],
                               struct pxr_diag *diag)
{
    const unsigned header_bytes = layouts[layout].header_bytes;
    if (n_bytes < header_bytes)
        return pxr_fail_field(diag, PXR_E_TRUNCATED, n_bytes, "header bytes", header_bytes, n_bytes,
                              "the file ends within its header");
    if (layout == PXR_PXS_SPEC && !pxr_pxs_has_signature(src, n_bytes))
        return pxr_fail_at(diag, PXR_E_NOTPXR, 0, "does not begin with the signature of a PXS file");
    sides[0] = pxr_load_u32be(src + header_bytes - 8);
    sides[1] = pxr_load_u32be(src + header_bytes - 4);
    return PXR_OK;
}

/* The side of the square that so many bytes fill. */
static enum pxr_err find_side(size_t n_bytes, enum pxr_pxs_layout layout, uint32_t given_px, uint64_t sides[2],
                              struct pxr_diag *diag)
{
    const uint64_t px_bytes = pxr_token_absolute_bits(&layouts[layout].form) / 8;
    uint64_t side_px = given_px;
    if (!given_px)
        for (side_px = 1; side_px < PXR_STREAM_MAX_SIDE_PX && side_px * side_px * px_bytes < n_bytes; side_px *= 2)
            ;
    if (side_px & (side_px - 1))
        return pxr_fail(diag, PXR_E_INVALID, "the side of a picture without header is a power of two, not %u", given_px);
    if (!given_px && side_px * side_px * px_bytes != n_bytes)
        return pxr_fail_at(diag, PXR_E_NOTPXR, PXR_NONE,
                           "%zu bytes fill no square of a power of two with %d bytes for each pixel", n_bytes,
                           (int)px_bytes);
    sides[0] = sides[1] = side_px;
    return PXR_OK;
}

enum pxr_err pxr_pxs_open(struct pxr_stream_reader *r, const uint8_t *src, size_t n_bytes,
                          const struct pxr_pxs_opts *opts, enum pxr_pxs_layout *layout, struct pxr_diag *diag)
{
    enum pxr_pxs_layout found = opts->layout;
    uint64_t sides[2] = {0};
    enum pxr_err e = PXR_OK;
    memset(r, 0, sizeof *r);
    if (found == PXR_PXS_AUTO)
        e = detect(src, n_bytes, opts->max_px, &found, diag);
    if (e != PXR_OK)
        return e;
    const uint8_t header_bytes = layouts[found].header_bytes;
    if (layout)
        *layout = found;
    e = header_bytes ? read_sides(src, n_bytes, found, sides, diag)
                     : find_side(n_bytes, found, opts->side_px, sides, diag);
    if (e == PXR_OK)
        e = pxr_stream_check_size(sides[0], sides[1], opts->max_px, header_bytes ? header_bytes - 8u : PXR_NONE, diag);
    if (e != PXR_OK)
        return e;
    r->format = format_of(found, opts->digits, (uint32_t)sides[0], (uint32_t)sides[1]);
    r->in = (struct pxr_token_reader){src, n_bytes, header_bytes * 8u};
    r->is_progressive = opts->is_progressive;
    r->wants_whole_tokens = opts->wants_whole_tokens;
    return pxr_stream_reader_begin(r, diag);
}

/* ---- writing --------------------------------------------------------------------------------- */

enum pxr_err pxr_pxs_begin(struct pxr_stream_format *s, enum pxr_pxs_layout layout, enum pxr_stream_digits digits,
                           uint32_t width_px, uint32_t height_px, struct pxr_buffer *dst, struct pxr_diag *diag)
{
    const uint8_t header_bytes = layouts[layout].header_bytes;
    memset(s, 0, sizeof *s);
    const enum pxr_err e = pxr_stream_check_size(width_px, height_px, 0, PXR_NONE, diag);
    if (e != PXR_OK)
        return e;
    if (!header_bytes && (width_px != height_px || (width_px & (width_px - 1))))
        return pxr_fail(diag, PXR_E_INVALID,
                        "a PXS file without header holds a square whose side is a power of two, not %ux%u", width_px,
                        height_px);
    uint8_t *const header = pxr_buffer_extend(dst, header_bytes);
    if (!header)
        return pxr_fail_nomem(diag, header_bytes);
    if (layout == PXR_PXS_SPEC)
        memcpy(header, signature, sizeof signature);
    if (header_bytes) {
        pxr_store_u32be(header + header_bytes - 8, width_px);
        pxr_store_u32be(header + header_bytes - 4, height_px);
    }
    *s = format_of(layout, digits, width_px, height_px);
    return PXR_OK;
}
