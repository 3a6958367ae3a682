/* SPDX-License-Identifier: MIT
 * The still codecs of the house, behind the interface of the libraries that they are compared with. */
#include "peers.h"

#include "dci.h"
#include "pce_gray.h"
#include "px2.h"
#include "pxs.h"
#include "vcbn.h"

#include <string.h>

/* What an encoder appended, as what the caller gave room for. */
static bool hand_over(struct pxr_buffer *out, bool is_ok, uint8_t *coded, size_t *n_coded)
{
    is_ok = is_ok && out->n_bytes <= *n_coded;
    if (is_ok)
        memcpy(coded, out->bytes, *n_coded = out->n_bytes);
    pxr_buffer_fini(out);
    return is_ok;
}

/* ---- Pixel Stream ----------------------------------------------------------------------------- */

/* level: 0 every token alike; 3 relative tokens and squares of one value. */
static bool px2_encode(const struct peer_shape *s, int level, const uint8_t *samples, size_t n_bytes, uint8_t *coded,
                       size_t *n_coded)
{
    const struct pxr_px2_header h = {.width_px = s->width_px, .height_px = s->height_px, .model = PXR_PX2_GRAY,
                                     .n_channels = 1, .bits = {(uint8_t)s->bits}, .is_relative = level & 1,
                                     .has_finality = level & 2};
    struct pxr_stream_format format;
    struct pxr_buffer out = {0};
    (void)n_bytes;
    const bool is_ok = pxr_px2_begin(&format, &h, NULL, &out, NULL) == PXR_OK &&
                       pxr_stream_put_frame(&format, samples, 0, NULL, &out, NULL) == PXR_OK;
    pxr_stream_format_fini(&format);
    return hand_over(&out, is_ok, coded, n_coded);
}

static bool px2_decode(const struct peer_shape *s, const uint8_t *coded, size_t n_coded, uint8_t *samples,
                       size_t n_bytes)
{
    const struct pxr_px2_opts o = {0};
    struct pxr_stream_reader r;
    bool has_frame = false;
    uint64_t n_missing;
    (void)s;
    const bool is_ok = pxr_px2_open(&r, coded, n_coded, &o, NULL, NULL) == PXR_OK &&
                       pxr_stream_frame_bytes(&r.format) == n_bytes &&
                       pxr_stream_reader_next(&r, samples, &has_frame, &n_missing, NULL) == PXR_OK;
    pxr_stream_reader_fini(&r);
    return is_ok && has_frame;
}

/* 24 bits: a gray sample three times. */
static bool pxs_encode(const struct peer_shape *s, int level, const uint8_t *samples, size_t n_bytes, uint8_t *coded,
                       size_t *n_coded)
{
    struct pxr_stream_format format;
    struct pxr_buffer out = {0};
    uint8_t *const rgb = pxr_alloc(3 * n_bytes);
    (void)level;
    for (size_t i = 0; rgb && i < n_bytes; i++)
        memset(rgb + 3 * i, samples[i], 3);
    const bool is_ok = rgb && pxr_pxs_begin(&format, PXR_PXS_LEGACY24, PXR_STREAM_A, s->width_px, s->height_px, &out,
                                            NULL) == PXR_OK &&
                       pxr_stream_put_frame(&format, rgb, 0, NULL, &out, NULL) == PXR_OK;
    pxr_free(rgb);
    return hand_over(&out, is_ok, coded, n_coded);
}

static bool pxs_decode(const struct peer_shape *s, const uint8_t *coded, size_t n_coded, uint8_t *samples,
                       size_t n_bytes)
{
    const struct pxr_pxs_opts o = {0};
    struct pxr_stream_reader r;
    bool has_frame = false;
    uint64_t n_missing;
    uint8_t *const rgb = pxr_alloc(3 * n_bytes);
    (void)s;
    const bool is_ok = rgb && pxr_pxs_open(&r, coded, n_coded, &o, NULL, NULL) == PXR_OK &&
                       pxr_stream_reader_next(&r, rgb, &has_frame, &n_missing, NULL) == PXR_OK && has_frame;
    for (size_t i = 0; is_ok && i < n_bytes; i++)
        samples[i] = rgb[3 * i];
    if (rgb)
        pxr_stream_reader_fini(&r);
    pxr_free(rgb);
    return is_ok;
}

/* ---- Dichotomic Compression ------------------------------------------------------------------- */

static bool dci_encode(const struct peer_shape *s, int level, const uint8_t *samples, size_t n_bytes, uint8_t *coded,
                       size_t *n_coded)
{
    const struct pxr_dci_picture p = {samples, s->width_px, s->width_px, s->height_px, 1};
    const struct pxr_dci_opts o = {PXR_DCI_V2, PXR_DCI_AVERAGE_EXACT, (uint8_t)level};
    struct pxr_buffer out = {0};
    (void)n_bytes;
    const bool is_ok = pxr_dci_encode(&out, &p, &o, NULL) == PXR_OK;
    return hand_over(&out, is_ok, coded, n_coded);
}

static bool dci_decode(const struct peer_shape *s, const uint8_t *coded, size_t n_coded, uint8_t *samples,
                       size_t n_bytes)
{
    struct pxr_dci_info info;
    return pxr_dci_parse(&info, coded, n_coded, PXR_DCI_AUTO, NULL) == PXR_OK &&
           (size_t)info.width_px * info.height_px == n_bytes &&
           pxr_dci_decode(&info, coded, n_coded, samples, s->width_px, 1, NULL) == PXR_OK;
}

/* ---- ImgPack's envelopes ---------------------------------------------------------------------- */

static bool vcbn_encode(const struct peer_shape *s, int level, const uint8_t *samples, size_t n_bytes, uint8_t *coded,
                        size_t *n_coded)
{
    const size_t row_bytes = s->width_px * s->sample_bytes;
    const struct pxr_vcbn_array a = {samples, row_bytes, s->width_px, s->height_px,
                                     s->sample_bytes == 1 ? PXR_VCBN_IN_U8 : PXR_VCBN_IN_U16};
    const struct pxr_vcbn_opts o = pxr_vcbn_lossless_opts(PXR_VCBN_VCBN, (uint8_t)(8 * s->sample_bytes), UINT16_MAX);
    struct pxr_buffer out = {0};
    (void)level;
    (void)n_bytes;
    const bool is_ok = pxr_vcbn_encode(&out, &a, &o, NULL) == PXR_OK;
    return hand_over(&out, is_ok, coded, n_coded);
}

static bool vcbn_decode(const struct peer_shape *s, const uint8_t *coded, size_t n_coded, uint8_t *samples,
                        size_t n_bytes)
{
    struct pxr_vcbn_info info;
    if (pxr_vcbn_parse(&info, coded, n_coded, NULL) != PXR_OK || info.blob_bytes != n_bytes)
        return false;
    pxr_vcbn_decode(&info, coded, samples, s->width_px * s->sample_bytes);
    return true;
}

/* ---- Pixel Countdown Encoding ----------------------------------------------------------------- */

/* All frames: a byte that says whether there is a table, the palette, the table (u32 bytes), the streams of all tiles.
 * level: 0 solo, 1 with a table. */
struct sheet {
    const struct peer_shape *shape;
    uint64_t n_tiles; /* of a frame */
    uint8_t *symbols; /* of all frames */
    struct pxr_pce_palette palette;
};

static struct pxr_pce_sprite sprite_of(const struct sheet *s, uint64_t number)
{
    const struct pxr_pce_tile t = pxr_pce_tile_at(s->shape->width_px, s->shape->height_px, number % s->n_tiles);
    const uint8_t *const frame = s->symbols + number / s->n_tiles * s->shape->frame_bytes;
    return (struct pxr_pce_sprite){frame + (size_t)t.y * s->shape->width_px + t.x, s->shape->width_px, t.width_px,
                                   t.height_px};
}

static bool put_sprites(const struct sheet *s, const pxr_pce_table *table, struct pxr_buffer *out)
{
    for (uint64_t i = 0; i < s->n_tiles * s->shape->n_frames; i++) {
        const struct pxr_pce_sprite sprite = sprite_of(s, i);
        if (pxr_pce_encode(out, &sprite, table, NULL) != PXR_OK)
            return false;
    }
    return true;
}

static bool put_batch(const struct sheet *s, struct pxr_buffer *out)
{
    pxr_pce_counts *counts = NULL;
    pxr_pce_table *table = NULL;
    uint8_t length[4] = {0};
    bool is_ok = pxr_pce_counts_new(&counts, NULL) == PXR_OK;
    for (uint64_t i = 0; is_ok && i < s->n_tiles * s->shape->n_frames; i++) {
        const struct pxr_pce_sprite sprite = sprite_of(s, i);
        is_ok = pxr_pce_counts_add(counts, &sprite, NULL) == PXR_OK;
    }
    const size_t at = out->n_bytes;
    is_ok = is_ok && pxr_pce_table_new(&table, counts, NULL) == PXR_OK && pxr_buffer_add(out, length, 4) &&
            pxr_pce_table_write(table, out);
    if (is_ok)
        pxr_store_u32le(out->bytes + at, (uint32_t)(out->n_bytes - at - 4));
    is_ok = is_ok && put_sprites(s, table, out);
    pxr_pce_counts_free(counts);
    pxr_pce_table_free(table);
    return is_ok;
}

static bool pce_encode(const struct peer_shape *shape, int level, const uint8_t *samples, size_t n_bytes,
                       uint8_t *coded, size_t *n_coded)
{
    struct sheet s = {shape, pxr_pce_n_tiles(shape->width_px, shape->height_px), pxr_alloc(n_bytes), {0}};
    const uint32_t height_px = shape->height_px * (uint32_t)shape->n_frames;
    struct pxr_buffer out = {0};
    const uint8_t has_table = (uint8_t)level;
    bool is_ok = s.symbols && pxr_pce_palette_gather(&s.palette, samples, shape->width_px, shape->width_px, height_px, 8);
    pxr_pce_palette_settle(&s.palette, 8);
    is_ok = is_ok &&
            pxr_pce_symbols_of_gray(&s.palette, s.symbols, samples, shape->width_px, shape->width_px, height_px, 8,
                                    NULL) == PXR_OK &&
            pxr_buffer_add(&out, &has_table, 1) && pxr_buffer_add(&out, &s.palette, sizeof s.palette) &&
            (level ? put_batch(&s, &out) : put_sprites(&s, NULL, &out));
    pxr_free(s.symbols);
    return hand_over(&out, is_ok, coded, n_coded);
}

static bool take_sprites(const struct sheet *s, const pxr_pce_table *table, const uint8_t *src, size_t n_bytes)
{
    for (uint64_t i = 0; i < s->n_tiles * s->shape->n_frames; i++) {
        const struct pxr_pce_sprite sprite = sprite_of(s, i);
        struct pxr_pce_header h;
        size_t used;
        /* The tile is ours to write: it lies in s->symbols. */
        uint8_t *const to = s->symbols + (sprite.symbols - s->symbols);
        if (pxr_pce_header_parse(&h, src, n_bytes, NULL) != PXR_OK || h.width_px != sprite.width_px ||
            h.height_px != sprite.height_px ||
            pxr_pce_decode(src, n_bytes, table, to, sprite.stride_bytes, &used, NULL) != PXR_OK)
            return false;
        src += used;
        n_bytes -= used;
    }
    return true;
}

static bool pce_decode(const struct peer_shape *shape, const uint8_t *coded, size_t n_coded, uint8_t *samples,
                       size_t n_bytes)
{
    struct sheet s = {shape, pxr_pce_n_tiles(shape->width_px, shape->height_px), pxr_alloc(n_bytes), {0}};
    pxr_pce_table *table = NULL;
    size_t at = 1 + sizeof s.palette;
    memcpy(&s.palette, coded + 1, sizeof s.palette);
    bool is_ok = s.symbols != NULL;
    if (is_ok && coded[0]) {
        const uint32_t table_bytes = pxr_load_u32le(coded + at);
        is_ok = pxr_pce_table_parse(&table, coded + at + 4, table_bytes, NULL) == PXR_OK;
        at += 4 + table_bytes;
    }
    is_ok = is_ok && take_sprites(&s, table, coded + at, n_coded - at) &&
            pxr_pce_gray_of_symbols(&s.palette, samples, shape->width_px, s.symbols, shape->width_px,
                                    shape->height_px * (uint32_t)shape->n_frames, 8, NULL) == PXR_OK;
    pxr_pce_table_free(table);
    pxr_free(s.symbols);
    return is_ok;
}

const struct peer_codec peer_px2 = {"px2", "ours", true, px2_encode, px2_decode};
const struct peer_codec peer_pxs = {"pxs", "ours", true, pxs_encode, pxs_decode};
const struct peer_codec peer_dci = {"dci", "ours", true, dci_encode, dci_decode};
const struct peer_codec peer_vcbn = {"vcbn", "ours", true, vcbn_encode, vcbn_decode};
const struct peer_codec peer_pce = {"pce", "ours", false, pce_encode, pce_decode};
