/* SPDX-License-Identifier: MIT
 * The body of the fuzz targets of single codecs: units within a header that is right about them, or samples on
 * their way there and back.
 *
 * Input: mode, bits (0: 8, else 16), n_frames (modulo 40), height, width (one byte each, minus 1), then by mode
 *   even  bytes of the parameters (u16), parameters, then for each unit: its length (u16) and its bytes
 *   odd   samples: encoded and decoded, which must give the same again
 *   2 more than a multiple of 4, for codecs whose one unit is a zstd frame: bytes of the parameters (u16),
 *   parameters, then what the frame decompresses to, behind which come zeros
 *
 * Units are decoded at every CPU level of the machine, which must give the same samples. */
#ifndef PXR_TESTS_FUZZ_CODEC_H
#define PXR_TESTS_FUZZ_CODEC_H

#include "block.h"
#include "codec.h"
#include "cpu.h"
#include "unit_order.h"

#include <stdlib.h>

enum { SHAPE_BYTES = 5 };

static inline void require(bool is_true)
{
    if (!is_true)
        abort();
}

struct input {
    const uint8_t *at;
    size_t n_left;
};

static inline const uint8_t *take(struct input *in, size_t wanted, size_t *n)
{
    const uint8_t *const at = in->at;
    *n = wanted < in->n_left ? wanted : in->n_left;
    in->at += *n;
    in->n_left -= *n;
    return at;
}

/* Decode every unit from memory of its exact length; true: all of them are samples. */
static inline bool decode_all(const struct pxr_block_header *h, const uint8_t *payload, uint8_t *pixels)
{
    pxr_block_decoder *d;
    const size_t frame_bytes = pxr_block_unit_pixel_bytes(h, 0);
    const size_t state_bytes = pxr_block_unit_state_bytes(h, 0);
    uint8_t *const states = calloc(h->n_units, state_bytes);
    bool *const done = calloc(h->n_units, sizeof *done), all = true;
    require(states && done && pxr_block_decoder_new(&d, NULL) == PXR_OK);
    for (uint32_t from = 0, u; (u = unit_next(h, done, &from)) < h->n_units; done[u] = true) {
        const struct pxr_block_unit at = pxr_block_unit_at(h, u);
        const void *refs[2];
        unit_states(h, u, states, refs);
        uint8_t *const src = malloc(at.n_bytes ? at.n_bytes : 1), *const dst = malloc(state_bytes);
        require(src && dst);
        if (at.n_bytes)
            memcpy(src, payload + at.off_bytes, at.n_bytes);
        memset(dst, 0xA5, state_bytes);
        if (pxr_block_unit_decode(d, h, u, refs, src, at.n_bytes, dst, NULL)) {
            all = false;
            for (size_t i = 0; i < state_bytes; i++)
                require(dst[i] == 0);
        }
        memcpy(pixels + u * frame_bytes, dst, frame_bytes);
        memcpy(states + u * state_bytes, dst, state_bytes);
        free(src);
        free(dst);
    }
    pxr_block_decoder_free(d);
    free(states);
    free(done);
    return all;
}

/* The same at every level. */
static inline void decode_levels(const struct pxr_block_header *h, const uint8_t *payload)
{
    const size_t n = pxr_block_raw_bytes(&h->shape);
    uint8_t *const want = malloc(n), *const pixels = malloc(n);
    require(want && pixels);
    pxr_cpu_limit(PXR_CPU_PORTABLE);
    const bool is_good = decode_all(h, payload, want);
    for (int level = PXR_CPU_PORTABLE + 1; level < PXR_N_CPU_LEVELS; level++) {
        pxr_cpu_limit((enum pxr_cpu_level)level);
        if (pxr_cpu_level() == (enum pxr_cpu_level)level)
            require(decode_all(h, payload, pixels) == is_good && memcmp(want, pixels, n) == 0);
    }
    free(want);
    free(pixels);
}

/* A unit's bytes: those of the input, or a zstd frame of them. */
static inline void add_unit(const struct pxr_block_shape *shape, bool is_content, struct input *in,
                            struct pxr_buffer *header, struct pxr_buffer *payload)
{
    const size_t start = payload->n_bytes, raw_bytes = pxr_block_raw_bytes(shape);
    size_t n;
    if (is_content) {
        const size_t bound = (size_t)pxr_zstd_bound(raw_bytes);
        uint8_t *const content = calloc(1, raw_bytes), *const room = pxr_buffer_extend(payload, bound);
        pxr_zstd *const z = pxr_zstd_new(true);
        const uint8_t *const from = take(in, raw_bytes, &n);
        require(content && room && z);
        memcpy(content, from, n);
        payload->n_bytes = start + pxr_zstd_compress(z, 1, content, raw_bytes, room, bound);
        require(payload->n_bytes > start);
        pxr_zstd_free(z);
        free(content);
    } else {
        const uint8_t *const bytes = take(in, 2, &n);
        const uint8_t *const unit = take(in, n == 2 ? pxr_load_u16le(bytes) : 0, &n);
        require(pxr_buffer_add(payload, unit, n));
    }
    require(pxr_block_header_add_unit(header, payload->bytes + start, payload->n_bytes - start));
}

static inline void decode_units(enum pxr_block_codec codec, const struct pxr_block_codec_ops *ops,
                                const struct pxr_block_shape *shape, bool is_content, struct input in)
{
    const bool is_whole = ops->units == PXR_UNITS_WHOLE;
    struct pxr_buffer header = {0}, payload = {0};
    struct pxr_block_header h;
    size_t n;
    const uint8_t *const length = take(&in, 2, &n);
    const uint8_t *const params = take(&in, n == 2 ? pxr_load_u16le(length) : 0, &n);
    require(pxr_block_header_begin(&header, shape, codec, is_whole ? shape->n_frames : 1, params, (uint32_t)n) &&
            pxr_buffer_extend(&payload, 1)); /* so that it has an address */
    payload.n_bytes = 0;
    for (uint32_t u = 0; u < (is_whole ? 1 : shape->n_frames); u++)
        add_unit(shape, is_whole && is_content && pxr_zstd_is_built_in(), &in, &header, &payload);
    if (pxr_block_header_parse(&h, header.bytes, header.n_bytes, shape, 0, NULL) == PXR_OK)
        decode_levels(&h, payload.bytes);
    pxr_buffer_fini(&header);
    pxr_buffer_fini(&payload);
}

static inline void round_trip(const struct pxr_block_codec_ops *ops, const struct pxr_block_shape *shape,
                              struct input in)
{
    const size_t raw_bytes = pxr_block_raw_bytes(shape), row = shape->width_px * (shape->bits / 8u);
    const struct pxr_block_opts o = {PXR_CODEC_AUTO, 0, PXR_PRESET_DEFAULT};
    uint8_t *const pixels = calloc(2, raw_bytes), *const back = pixels + raw_bytes;
    const struct pxr_block_source s = {*shape, {pixels, row, row * shape->height_px}};
    struct pxr_buffer header = {0}, payload = {0};
    struct pxr_block_header h;
    pxr_block_encoder *e = NULL;
    require(pixels && pxr_block_encoder_new(&e, NULL) == PXR_OK);
    memcpy(pixels, in.at, in.n_left < raw_bytes ? in.n_left : raw_bytes);
    require(ops->encode(e, &s, &o, &header, &payload, NULL) == PXR_OK &&
            pxr_block_header_parse(&h, header.bytes, header.n_bytes, shape, 0, NULL) == PXR_OK &&
            decode_all(&h, payload.bytes, back) && memcmp(pixels, back, raw_bytes) == 0);
    pxr_block_encoder_free(e);
    pxr_buffer_fini(&header);
    pxr_buffer_fini(&payload);
    free(pixels);
}

static inline int fuzz_codec(enum pxr_block_codec codec, const struct pxr_block_codec_ops *ops, const uint8_t *data,
                             size_t n_bytes)
{
    if (n_bytes < SHAPE_BYTES + 1 || (ops->units == PXR_UNITS_WHOLE && !pxr_zstd_is_built_in()))
        return 0;
    const struct pxr_block_shape shape = {data[2] % 40 + 1u, data[3] + 1u, data[4] + 1u, data[1] ? 16 : 8};
    const struct input rest = {data + SHAPE_BYTES, n_bytes - SHAPE_BYTES};
    if (pxr_block_raw_bytes(&shape) > 1 << 15)
        return 0;
    if (data[0] % 2)
        round_trip(ops, &shape, rest);
    else
        decode_units(codec, ops, &shape, data[0] % 4 == 2, rest);
    return 0;
}

#endif
