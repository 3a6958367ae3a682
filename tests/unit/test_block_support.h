/* SPDX-License-Identifier: MIT
 * Blocks for tests: contents from fixed seeds, encoding and decoding as a whole. */
#ifndef PXR_TEST_BLOCK_SUPPORT_H
#define PXR_TEST_BLOCK_SUPPORT_H

#include "block.h"
#include "codec.h"
#include "unit_order.h"

#include <criterion/criterion.h>

enum content {
    ZEROS,
    LARGEST, /* all samples at the maximum */
    RAMP,
    NOISE,
    SPARSE, /* few bright samples on black */
    SCENE,  /* a static picture with a little noise */
    LABELS, /* few levels in rectangles */
    N_CONTENTS
};

/* A block of what sample says of each place; what: any number that it understands.  pxr_free() it. */
static inline uint8_t *made_picture(const struct pxr_block_shape *s,
                                    uint32_t (*sample)(unsigned what, unsigned bits, uint32_t t, uint32_t y, uint32_t x),
                                    unsigned what)
{
    uint8_t *const out = pxr_alloc(pxr_block_raw_bytes(s)), *at = out;
    for (uint32_t t = 0; t < s->n_frames; t++)
        for (uint32_t y = 0; y < s->height_px; y++)
            for (uint32_t x = 0; x < s->width_px; x++, at += s->bits / 8u) {
                const uint16_t v = (uint16_t)sample(what, s->bits, t, y, x);
                if (s->bits == 8)
                    *at = (uint8_t)v;
                else
                    memcpy(at, &v, 2);
            }
    return out;
}

static inline uint64_t test_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state * UINT64_C(0x9E3779B97F4A7C15) >> 16;
}

static inline unsigned test_sample(enum content c, uint64_t *rng, unsigned largest, uint32_t t,
                                   uint32_t y, uint32_t x)
{
    switch (c) {
    case ZEROS:
        return 0;
    case LARGEST:
        return largest;
    case RAMP:
        return (t * 3 + y * 5 + x * 7) & largest;
    case NOISE:
        return (unsigned)test_random(rng) & largest;
    case SPARSE:
        return test_random(rng) % 50 ? 0 : largest - t % 3;
    case SCENE:
        return ((x * x / 5 + y * 11) % (largest - 8)) + (unsigned)(test_random(rng) % 4);
    default:
        return (x / 7 + y / 5 + t / 4) % 3 * 40;
    }
}

/* Samples without gaps, native byte order; free with pxr_free. */
static inline uint8_t *test_block(const struct pxr_block_shape *s, enum content c, uint64_t seed)
{
    uint64_t rng = seed * 2 + 1;
    uint8_t *const out = pxr_alloc(pxr_block_raw_bytes(s)), *at = out;
    for (uint32_t t = 0; t < s->n_frames; t++)
        for (uint32_t y = 0; y < s->height_px; y++)
            for (uint32_t x = 0; x < s->width_px; x++, at += s->bits / 8u) {
                const uint16_t v =
                    (uint16_t)test_sample(c, &rng, s->bits == 8 ? 255 : 65535, t, y, x);
                if (s->bits == 8)
                    *at = (uint8_t)v;
                else
                    memcpy(at, &v, 2);
            }
    return out;
}

struct encoded {
    struct pxr_buffer header, payload;
};
static inline void encoded_fini(struct encoded *e)
{
    pxr_buffer_fini(&e->header);
    pxr_buffer_fini(&e->payload);
}

/* Samples without gaps; filter NULL: by trial. */
static inline struct encoded test_encode(const struct pxr_block_shape *s, const uint8_t *pixels,
                                         enum pxr_codec codec, const struct pxr_filter *filter)
{
    pxr_block_encoder *e;
    struct encoded out = {0};
    const struct pxr_block_opts o = {codec, 0, PXR_PRESET_DEFAULT};
    const size_t row = s->width_px * (s->bits / 8u);
    cr_assert_eq(pxr_block_encoder_new(&e, NULL), PXR_OK);
    pxr_block_encoder_force(e, filter);
    cr_assert_eq(pxr_block_encode(e, s, pixels, row, row * s->height_px, &o, &out.header,
                                  &out.payload, NULL),
                 PXR_OK);
    pxr_block_encoder_free(e);
    return out;
}

/* By this codec, whatever it costs. */
static inline struct encoded test_encode_by(const struct pxr_block_codec_ops *ops,
                                            const struct pxr_block_shape *s, const uint8_t *pixels)
{
    pxr_block_encoder *e;
    struct encoded out = {0};
    const struct pxr_block_opts o = {PXR_CODEC_AUTO, 0, PXR_PRESET_DEFAULT};
    const size_t row = s->width_px * (s->bits / 8u);
    const struct pxr_block_source source = {*s, {pixels, row, row * s->height_px}};
    cr_assert_eq(pxr_block_encoder_new(&e, NULL), PXR_OK);
    cr_assert_eq(ops->encode(e, &source, &o, &out.header, &out.payload, NULL), PXR_OK);
    pxr_block_encoder_free(e);
    return out;
}
static inline struct encoded test_encode_predict(const struct pxr_block_shape *s, const uint8_t *pixels)
{
    return test_encode_by(&pxr_block_predict_ops, s, pixels);
}
static inline struct encoded test_encode_match(const struct pxr_block_shape *s, const uint8_t *pixels)
{
    return test_encode_by(&pxr_block_match_ops, s, pixels);
}

static inline struct encoded test_encode_adaptive(const struct pxr_block_shape *s, const uint8_t *pixels)
{
    return test_encode_by(&pxr_block_adaptive_ops, s, pixels);
}

enum { GUARD_BYTES = 64, GUARD = 0xA5 };

static inline bool all_bytes_are(const uint8_t *p, size_t n, uint8_t v)
{
    for (size_t i = 0; i < n; i++)
        if (p[i] != v)
            return false;
    return true;
}

/* Decode one unit's state into memory with guards behind and before it, as the reader does.  Fails the test if a guard changes or if dst is not zero
 * after an error. */
static inline enum pxr_err test_decode_unit(pxr_block_decoder *d, const struct pxr_block_header *h,
                                            uint32_t unit, const void *const refs[2],
                                            const uint8_t *src, size_t src_bytes, uint8_t *dst,
                                            struct pxr_diag *diag)
{
    const size_t n = pxr_block_unit_state_bytes(h, unit);
    uint8_t *const room = pxr_alloc(n + 2 * GUARD_BYTES), *const to = room + GUARD_BYTES;
    memset(room, GUARD, n + 2 * GUARD_BYTES);
    const enum pxr_err err = pxr_block_unit_decode(d, h, unit, refs, src, src_bytes, to, diag);
    cr_assert(all_bytes_are(room, GUARD_BYTES, GUARD), "written before the unit");
    cr_assert(all_bytes_are(to + n, GUARD_BYTES, GUARD), "written behind the unit");
    cr_assert(!err || all_bytes_are(to, n, 0), "not zero after an error");
    memcpy(dst, to, n);
    pxr_free(room);
    return err;
}

/* All units of a block whose header has been parsed. */
static inline enum pxr_err test_decode(pxr_block_decoder *d, const struct pxr_block_header *h,
                                       const uint8_t *payload, uint8_t *dst)
{
    if (!h->n_units) {
        const uint16_t v = pxr_block_constant(h);
        const size_t n = pxr_block_raw_bytes(&h->shape);
        for (size_t i = 0; i < n; i += h->shape.bits / 8u)
            if (h->shape.bits == 8)
                dst[i] = (uint8_t)v;
            else
                memcpy(dst + i, &v, 2);
        return PXR_OK;
    }
    const size_t frame_bytes = pxr_block_raw_bytes(&h->shape) / h->shape.n_frames;
    const size_t state_bytes = pxr_block_unit_state_bytes(h, 0);
    uint8_t *const states = pxr_alloc_zero(h->n_units, state_bytes);
    bool *const done = pxr_alloc_zero(h->n_units, sizeof *done);
    enum pxr_err err = PXR_OK;
    for (uint32_t from = 0, u; !err && (u = unit_next(h, done, &from)) < h->n_units; done[u] = true) {
        const struct pxr_block_unit at = pxr_block_unit_at(h, u);
        const void *refs[2];
        uint32_t first, n;
        pxr_block_unit_frames(h, u, &first, &n);
        unit_states(h, u, states, refs);
        cr_assert_eq(pxr_xxh3_64(payload + at.off_bytes, at.n_bytes), at.hash);
        err = test_decode_unit(d, h, u, refs, payload + at.off_bytes, at.n_bytes,
                               states + u * state_bytes, NULL);
        memcpy(dst + first * frame_bytes, states + u * state_bytes, n * frame_bytes);
    }
    pxr_free(states);
    pxr_free(done);
    return err;
}

/* Fails the test unless the block decodes to these samples. */
static inline void test_expect(const struct pxr_block_shape *s, const struct encoded *e,
                               const uint8_t *pixels)
{
    struct pxr_block_header h;
    struct pxr_diag diag;
    pxr_block_decoder *d;
    const size_t n = pxr_block_raw_bytes(s);
    uint8_t *const back = pxr_alloc(n);
    cr_assert_eq(pxr_block_decoder_new(&d, NULL), PXR_OK);
    cr_assert_eq(pxr_block_header_parse(&h, e->header.bytes, e->header.n_bytes, s, 1000, &diag),
                 PXR_OK, "%s %s", diag.field, diag.text);
    cr_assert_eq(h.header_bytes, e->header.n_bytes);
    cr_assert_eq(h.payload_bytes, e->payload.n_bytes);
    cr_assert_eq(test_decode(d, &h, e->payload.bytes, back), PXR_OK);
    cr_assert(memcmp(back, pixels, n) == 0, "other samples: %u x %u x %u, %u bits, codec %d",
              s->n_frames, s->height_px, s->width_px, s->bits, (int)h.codec);
    pxr_block_decoder_free(d);
    pxr_free(back);
}

#endif
