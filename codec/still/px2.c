/* SPDX-License-Identifier: MIT
 * PX2: the header. */
#include "px2.h"

#include "px2_mask.h"

#include "diag.h"

enum {
    VERSION = 1,
    FLAG_PADDED = 1,
    FLAG_RELATIVE = 2,
    FLAG_FINALITY = 4,
    FLAG_MASK = 8,
    FLAG_ANIMATION = 16,
    KNOWN_FLAGS = 31,
    /* places of fields */
    AT_WIDTH = 8,
    AT_HEIGHT = 12,
    AT_VERSION = 16,
    AT_ORDER = 17,
    AT_MODEL = 18,
    AT_N_CHANNELS = 19,
    AT_BITS = 20,
    AT_FLAGS = 24,
    AT_RESERVED = 25,
    AT_FRAMES = 28,
};

static const uint8_t signature[8] = {0x89, 'P', 'X', '2', '\r', '\n', 0x1A, '\n'};

bool pxr_px2_has_signature(const uint8_t *src, size_t n_bytes)
{
    return n_bytes >= sizeof signature && !memcmp(src, signature, sizeof signature);
}

/* 0: any number; -1: no such model. */
static int channels_of_model(unsigned model)
{
    static const int8_t n[] = {1, 3, 4, 2, 3, 3};
    return model < sizeof n ? n[model] : model == PXR_PX2_UNDECLARED ? 0 : -1;
}

static struct pxr_stream_format format_of(const struct pxr_px2_header *h)
{
    struct pxr_stream_format s = {
        .order = pxr_stream_order(h->width_px, h->height_px, h->digits),
        .form = {.n_channels = h->n_channels,
                 .is_padded = h->is_padded,
                 .has_lead = h->is_relative,
                 .is_relative = h->is_relative,
                 .has_finality = h->has_finality},
        .n_px = (uint64_t)h->width_px * h->height_px,
        .n_frames = h->is_animation ? h->n_frames : 1,
        .is_animation = h->is_animation,
    };
    memcpy(s.form.bits, h->bits, sizeof s.form.bits);
    return s;
}

/* ---- reading --------------------------------------------------------------------------------- */

static enum pxr_err check_signature(const uint8_t *src, size_t n_bytes, struct pxr_diag *diag)
{
    const size_t n = pxr_min_u64(n_bytes, sizeof signature);
    if (memcmp(src, signature, n) != 0)
        return n_bytes >= 4 && !memcmp(src, signature, 4)
                   ? pxr_fail_at(diag, PXR_E_NOTPXR, 4, "the signature is damaged, as by a transfer as text")
                   : pxr_fail_at(diag, PXR_E_NOTPXR, 0, "does not begin with the signature of a PX2 file");
    if (n_bytes < PXR_PX2_HEADER_BYTES)
        return pxr_fail_field(diag, PXR_E_TRUNCATED, n_bytes, "header bytes", PXR_PX2_HEADER_BYTES, n_bytes,
                              "the file ends within its header");
    return PXR_OK;
}

static enum pxr_err check_meaning(const uint8_t *src, struct pxr_diag *diag)
{
    if (src[AT_VERSION] != VERSION)
        return pxr_fail_field(diag, PXR_E_UNSUPPORTED, AT_VERSION, "version", VERSION, src[AT_VERSION],
                              "made for another version of the format");
    if (src[AT_FLAGS] & ~KNOWN_FLAGS)
        return pxr_fail_field(diag, PXR_E_UNSUPPORTED, AT_FLAGS, "flags", KNOWN_FLAGS, src[AT_FLAGS],
                              "has a flag that this version does not know");
    if (channels_of_model(src[AT_MODEL]) < 0)
        return pxr_fail_at(diag, PXR_E_UNSUPPORTED, AT_MODEL, "has a colour model that this version does not know: %d",
                           src[AT_MODEL]);
    if (src[AT_ORDER] > PXR_STREAM_B)
        return pxr_fail_field(diag, PXR_E_CORRUPT, AT_ORDER, "order", PXR_STREAM_B, src[AT_ORDER],
                              "no such order of pixels");
    for (unsigned i = AT_RESERVED; i < AT_FRAMES; i++)
        if (src[i])
            return pxr_fail_field(diag, PXR_E_CORRUPT, i, "reserved", 0, src[i], "a reserved byte is not zero");
    return PXR_OK;
}

static enum pxr_err check_channels(const uint8_t *src, struct pxr_diag *diag)
{
    const unsigned n = src[AT_N_CHANNELS], n_of_model = (unsigned)channels_of_model(src[AT_MODEL]);
    if (n < 1 || n > PXR_STREAM_MAX_CHANNELS)
        return pxr_fail_field(diag, PXR_E_CORRUPT, AT_N_CHANNELS, "channels", PXR_STREAM_MAX_CHANNELS, n,
                              "a pixel has 1 to 4 channels");
    if (n_of_model && n != n_of_model)
        return pxr_fail_field(diag, PXR_E_CORRUPT, AT_N_CHANNELS, "channels", n_of_model, n,
                              "the colour model has another number of channels");
    for (unsigned c = 0; c < PXR_STREAM_MAX_CHANNELS; c++) {
        const unsigned bits = src[AT_BITS + c];
        if (c < n ? bits < 1 || bits > 16 : bits)
            return pxr_fail_field(diag, PXR_E_CORRUPT, AT_BITS + c, "bits", c < n ? 16 : 0, bits,
                                  c < n ? "a channel has 1 to 16 bits" : "a channel that does not exist has bits");
    }
    return PXR_OK;
}

static enum pxr_err read_header(struct pxr_px2_header *h, const uint8_t *src, size_t n_bytes, uint64_t max_px,
                                struct pxr_diag *diag)
{
    enum pxr_err e = check_signature(src, n_bytes, diag);
    if (e == PXR_OK)
        e = check_meaning(src, diag);
    if (e == PXR_OK)
        e = check_channels(src, diag);
    if (e == PXR_OK)
        e = pxr_stream_check_size(pxr_load_u32be(src + AT_WIDTH), pxr_load_u32be(src + AT_HEIGHT), max_px, AT_WIDTH,
                                  diag);
    if (e != PXR_OK)
        return e;
    const uint8_t flags = src[AT_FLAGS];
    *h = (struct pxr_px2_header){
        .width_px = pxr_load_u32be(src + AT_WIDTH),
        .height_px = pxr_load_u32be(src + AT_HEIGHT),
        .digits = src[AT_ORDER] ? PXR_STREAM_B : PXR_STREAM_A,
        .model = (enum pxr_px2_model)src[AT_MODEL],
        .n_channels = src[AT_N_CHANNELS],
        .bits = {src[AT_BITS], src[AT_BITS + 1], src[AT_BITS + 2], src[AT_BITS + 3]},
        .is_padded = flags & FLAG_PADDED,
        .is_relative = flags & FLAG_RELATIVE,
        .has_finality = flags & FLAG_FINALITY,
        .has_mask = flags & FLAG_MASK,
        .is_animation = flags & FLAG_ANIMATION,
        .n_frames = pxr_load_u32be(src + AT_FRAMES),
    };
    if (!h->is_animation && h->n_frames > 1)
        return pxr_fail_field(diag, PXR_E_CORRUPT, AT_FRAMES, "frames", 1, h->n_frames,
                              "a file that is no animation has one frame");
    return PXR_OK;
}

enum pxr_err pxr_px2_open(struct pxr_stream_reader *r, const uint8_t *src, size_t n_bytes,
                          const struct pxr_px2_opts *opts, struct pxr_px2_header *header, struct pxr_diag *diag)
{
    struct pxr_px2_header h;
    uint64_t body_bytes = PXR_PX2_HEADER_BYTES;
    memset(r, 0, sizeof *r);
    enum pxr_err e = read_header(&h, src, n_bytes, opts->max_px, diag);
    if (e != PXR_OK)
        return e;
    r->format = format_of(&h);
    r->is_progressive = opts->is_progressive;
    if (h.has_mask)
        e = pxr_px2_mask_read(&r->format, src, n_bytes, &body_bytes, diag);
    if (e != PXR_OK)
        return e;
    r->in = (struct pxr_token_reader){src, n_bytes, body_bytes * 8};
    if (header)
        *header = h;
    return pxr_stream_reader_begin(r, diag);
}

/* ---- writing --------------------------------------------------------------------------------- */

static void store_header(uint8_t *dst, const struct pxr_px2_header *h)
{
    memset(dst, 0, PXR_PX2_HEADER_BYTES);
    memcpy(dst, signature, sizeof signature);
    pxr_store_u32be(dst + AT_WIDTH, h->width_px);
    pxr_store_u32be(dst + AT_HEIGHT, h->height_px);
    dst[AT_VERSION] = VERSION;
    dst[AT_ORDER] = (uint8_t)h->digits;
    dst[AT_MODEL] = (uint8_t)h->model;
    dst[AT_N_CHANNELS] = h->n_channels;
    memcpy(dst + AT_BITS, h->bits, sizeof h->bits);
    dst[AT_FLAGS] = (uint8_t)((h->is_padded ? FLAG_PADDED : 0) | (h->is_relative ? FLAG_RELATIVE : 0) |
                              (h->has_finality ? FLAG_FINALITY : 0) | (h->has_mask ? FLAG_MASK : 0) |
                              (h->is_animation ? FLAG_ANIMATION : 0));
    pxr_store_u32be(dst + AT_FRAMES, h->is_animation ? h->n_frames : 1);
}

enum pxr_err pxr_px2_begin(struct pxr_stream_format *s, const struct pxr_px2_header *header, const uint8_t *mask,
                           struct pxr_buffer *dst, struct pxr_diag *diag)
{
    uint8_t bytes[PXR_PX2_HEADER_BYTES];
    struct pxr_px2_header again;
    memset(s, 0, sizeof *s);
    store_header(bytes, header);
    enum pxr_err e = read_header(&again, bytes, sizeof bytes, 0, diag);
    if (e != PXR_OK)
        return e == PXR_E_LIMIT ? e : pxr_fail(diag, PXR_E_INVALID, "a PX2 file cannot be like this");
    if (!pxr_buffer_add(dst, bytes, sizeof bytes))
        return pxr_fail_nomem(diag, dst->n_bytes);
    *s = format_of(&again);
    return header->has_mask ? pxr_px2_mask_put(s, mask, dst, diag) : PXR_OK;
}

void pxr_px2_set_frames(uint8_t *file, uint32_t n_frames)
{
    file[AT_FLAGS] |= FLAG_ANIMATION;
    pxr_store_u32be(file + AT_FRAMES, n_frames);
}
