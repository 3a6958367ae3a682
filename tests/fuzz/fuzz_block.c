/* SPDX-License-Identifier: MIT
 * Fuzz target: a block's header and payload, or samples on their way there and back.
 *
 * Input: mode, bits (0: 8, else 16), n_frames, height, width (one byte each, minus 1), then by mode
 *   0  length of the header (u16), header, payload
 *   1  three parameters of the zstd codec, payload: the header around them is made to be right
 *   2  codec wanted (modulo 8, as enum pxr_codec; 7: AUTO with the preset FAST), samples: encoded and decoded, which
 *      must give the same again */
#include "block.h"
#include "codec.h"
#include "unit_order.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes);

enum { SHAPE_BYTES = 5 };

static void require(bool is_true)
{
    if (!is_true)
        abort();
}

/* In memory of its exact length, so that a sanitizer sees each byte too many. */
static uint8_t *exact_copy(const uint8_t *src, size_t n_bytes)
{
    uint8_t *const out = malloc(n_bytes ? n_bytes : 1);
    require(out != NULL);
    if (n_bytes)
        memcpy(out, src, n_bytes);
    return out;
}

/* Decode every unit that lies within the payload; true: all of them, to these samples. */
static bool decode_all(const struct pxr_block_header *h, const uint8_t *payload,
                       size_t payload_bytes, uint8_t *pixels)
{
    pxr_block_decoder *d;
    const size_t frame_bytes = pxr_block_raw_bytes(&h->shape) / h->shape.n_frames;
    const size_t state_bytes = pxr_block_unit_state_bytes(h, 0);
    uint8_t *const states = calloc(h->n_units, state_bytes);
    bool *const done = calloc(h->n_units, sizeof *done), all = true;
    require(states && done && pxr_block_decoder_new(&d, NULL) == PXR_OK);
    for (uint32_t from = 0, u; (u = unit_next(h, done, &from)) < h->n_units; done[u] = true) {
        const struct pxr_block_unit at = pxr_block_unit_at(h, u);
        const size_t pixel_bytes = pxr_block_unit_pixel_bytes(h, u);
        const void *refs[2];
        uint32_t first, n;
        struct pxr_diag diag;
        if (!pxr_range_fits(at.off_bytes, at.n_bytes, payload_bytes)) {
            all = false;
            continue;
        }
        pxr_block_unit_frames(h, u, &first, &n);
        unit_states(h, u, states, refs);
        uint8_t *const src = exact_copy(payload + at.off_bytes, at.n_bytes);
        uint8_t *const dst = malloc(pxr_block_unit_state_bytes(h, u));
        require(dst != NULL);
        memset(dst, 0xA5, pxr_block_unit_state_bytes(h, u));
        if (pxr_block_unit_decode(d, h, u, refs, src, at.n_bytes, dst, &diag)) {
            all = false;
            for (size_t i = 0; i < pixel_bytes; i++)
                require(dst[i] == 0);
        }
        memcpy(pixels + first * frame_bytes, dst, pixel_bytes);
        memcpy(states + u * state_bytes, dst, pxr_block_unit_state_bytes(h, u));
        free(src);
        free(dst);
    }
    pxr_block_decoder_free(d);
    free(states);
    free(done);
    return all;
}

static void parse_and_decode(const struct pxr_block_shape *shape, const uint8_t *header,
                             size_t header_bytes, const uint8_t *payload, size_t payload_bytes)
{
    struct pxr_block_header h;
    struct pxr_diag diag;
    uint8_t *const src = exact_copy(header, header_bytes);
    if (pxr_block_header_parse(&h, src, header_bytes, shape, 0, &diag) == PXR_OK) {
        uint8_t *const pixels = malloc(pxr_block_raw_bytes(shape));
        require(pixels != NULL && h.header_bytes <= header_bytes);
        if (h.n_units)
            (void)decode_all(&h, payload, payload_bytes, pixels);
        else
            require(pxr_block_constant(&h) < 1u << shape->bits);
        free(pixels);
    }
    free(src);
}

static void decode_zstd(const struct pxr_block_shape *shape, const uint8_t params[3],
                        const uint8_t *payload, size_t payload_bytes)
{
    struct pxr_buffer header = {0};
    require(pxr_block_header_begin(&header, shape, PXR_BLOCK_ZSTD, shape->n_frames, params, 3) &&
            pxr_block_header_add_unit(&header, payload, payload_bytes));
    parse_and_decode(shape, header.bytes, header.n_bytes, payload, payload_bytes);
    pxr_buffer_fini(&header);
}

static void round_trip(const struct pxr_block_shape *shape, uint8_t codec, const uint8_t *samples,
                       size_t n_bytes)
{
    const size_t raw_bytes = pxr_block_raw_bytes(shape), row = shape->width_px * (shape->bits / 8u);
    const struct pxr_block_opts o = {codec % 8 == 7 ? PXR_CODEC_AUTO : (enum pxr_codec)(codec % 8), 1,
                                     codec % 8 == 7 ? PXR_PRESET_FAST : PXR_PRESET_DEFAULT};
    if ((o.codec == PXR_CODEC_ZSTD || o.codec == PXR_CODEC_SORTED) && !pxr_zstd_is_built_in())
        return;
    uint8_t *const pixels = calloc(2, raw_bytes), *const back = pixels + raw_bytes;
    struct pxr_buffer header = {0}, payload = {0};
    struct pxr_block_header h;
    pxr_block_encoder *e = NULL;
    require(pixels && pxr_block_encoder_new(&e, NULL) == PXR_OK);
    memcpy(pixels, samples, n_bytes < raw_bytes ? n_bytes : raw_bytes);
    require(pxr_block_encode(e, shape, pixels, row, row * shape->height_px, &o, &header, &payload,
                             NULL) == PXR_OK);
    require(pxr_block_header_parse(&h, header.bytes, header.n_bytes, shape, 0, NULL) == PXR_OK);
    if (h.n_units)
        require(decode_all(&h, payload.bytes, payload.n_bytes, back) &&
                memcmp(pixels, back, raw_bytes) == 0);
    pxr_block_encoder_free(e);
    pxr_buffer_fini(&header);
    pxr_buffer_fini(&payload);
    free(pixels);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
    if (n_bytes < SHAPE_BYTES + 3)
        return 0;
    const struct pxr_block_shape shape = {data[2] + 1u, data[3] + 1u, data[4] + 1u,
                                          data[1] ? 16 : 8};
    const uint8_t *const rest = data + SHAPE_BYTES;
    const size_t rest_bytes = n_bytes - SHAPE_BYTES;
    if (pxr_block_raw_bytes(&shape) > 1 << 16)
        return 0;
    if (data[0] % 3 == 0) {
        const size_t header_bytes = pxr_min_u64(pxr_load_u16le(rest), rest_bytes - 2);
        parse_and_decode(&shape, rest + 2, header_bytes, rest + 2 + header_bytes,
                         rest_bytes - 2 - header_bytes);
    } else if (data[0] % 3 == 1) {
        decode_zstd(&shape, rest, rest + 3, rest_bytes - 3);
    } else {
        round_trip(&shape, rest[0], rest + 1, rest_bytes - 1);
    }
    return 0;
}
