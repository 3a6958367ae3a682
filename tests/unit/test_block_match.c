/* SPDX-License-Identifier: MIT
 * Codec 4: what goes in comes out, repetition costs next to nothing, hostile bytes end in an error or samples. */
#include "match.h"
#include "match_coder.h"
#include "test_block_support.h"

/* Pictures that this codec is for, and some that it is not. */
enum scene { PALETTE, STILL, MOVING, WIDE_VALUES, FULL_NOISE, TWO_LEVELS, N_SCENES };

static unsigned scene_sample(enum scene c, uint64_t *rng, unsigned largest, uint32_t t, uint32_t y, uint32_t x)
{
    const uint64_t r = test_random(rng);
    switch (c) {
    case PALETTE:
        return (unsigned)((x / 5 + (y + t) / 7) * 0x9E3779B1u >> 20) % 23 * 11 & largest;
    case STILL: /* texture, and now and then a sample that is one off */
        return ((x * x + y * 7) * 0x9E3779B1u >> 17 & largest & 127) + 1 + (r % 300 == 0) - (r % 301 == 0);
    case MOVING: /* to the left by 3 and down by 1 in each frame */
        return ((x + 3 * t) / 9 * 7 + (y + 200 - t) / 6 * 3) % 5 * 50;
    case WIDE_VALUES:
        return (unsigned)(r % 40 ? (x / 4 + y / 3) * 517u : r) & largest;
    case FULL_NOISE:
        return (unsigned)r & largest;
    default:
        return (x * x + y * y) / 50 % 3 ? largest : 0;
    }
}

static uint8_t *scene_block(const struct pxr_block_shape *s, enum scene c, uint64_t seed)
{
    uint64_t rng = seed * 2 + 1;
    uint8_t *const out = pxr_alloc(pxr_block_raw_bytes(s)), *at = out;
    for (uint32_t t = 0; t < s->n_frames; t++)
        for (uint32_t y = 0; y < s->height_px; y++)
            for (uint32_t x = 0; x < s->width_px; x++, at += s->bits / 8u) {
                const uint16_t v = (uint16_t)scene_sample(c, &rng, s->bits == 8 ? 255 : 65535, t, y, x);
                if (s->bits == 8)
                    *at = (uint8_t)v;
                else
                    memcpy(at, &v, 2);
            }
    return out;
}

static void expect_round_trip(const struct pxr_block_shape *s, const uint8_t *pixels)
{
    struct encoded e = test_encode_match(s, pixels);
    cr_assert_eq(e.header.bytes[0], PXR_BLOCK_MATCH);
    test_expect(s, &e, pixels);
    encoded_fini(&e);
}

Test(block_match, every_shape_and_scene, .timeout = 300)
{
    static const struct pxr_block_shape shapes[] = {
        {1, 1, 1, 8},    {1, 1, 1, 16},   {2, 1, 1, 8},     {1, 1, 700, 8},   {3, 1, 333, 16}, {4, 300, 1, 8},
        {5, 97, 1, 16},  {1, 2, 2, 8},    {3, 7, 11, 8},    {3, 7, 11, 16},   {7, 3, 5, 16},   {33, 9, 8, 8},
        {40, 17, 19, 8}, {40, 5, 31, 16}, {2, 64, 129, 8},  {31, 16, 16, 16}, {12, 50, 61, 8}, {9, 40, 70, 16},
        {200, 2, 3, 8},  {6, 130, 300, 8}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        for (int c = 0; c < N_SCENES; c++) {
            uint8_t *const pixels = scene_block(&shapes[i], (enum scene)c, i);
            expect_round_trip(&shapes[i], pixels);
            pxr_free(pixels);
        }
        for (int c = 0; c < N_CONTENTS; c++) {
            uint8_t *const pixels = test_block(&shapes[i], (enum content)c, i);
            expect_round_trip(&shapes[i], pixels);
            pxr_free(pixels);
        }
    }
}

Test(block_match, random_shapes_and_palettes, .timeout = 300)
{
    uint64_t rng = 99;
    for (int i = 0; i < 300; i++) {
        const struct pxr_block_shape s = {
            (uint32_t)(1 + test_random(&rng) % 20), (uint32_t)(1 + test_random(&rng) % 40),
            (uint32_t)(1 + test_random(&rng) % 90), test_random(&rng) % 2 ? 8 : 16};
        uint16_t palette[300];
        const uint64_t n = 1 + test_random(&rng) % 300, often = 1 + test_random(&rng) % 30;
        for (size_t k = 0; k < 300; k++)
            palette[k] = (uint16_t)test_random(&rng);
        uint8_t *const pixels = pxr_alloc(pxr_block_raw_bytes(&s));
        uint16_t v = palette[0];
        for (size_t k = 0; k < pxr_block_raw_bytes(&s) / (s.bits / 8u); k++) {
            v = test_random(&rng) % often ? v : palette[test_random(&rng) % n];
            if (s.bits == 8)
                pixels[k] = (uint8_t)v;
            else
                memcpy(pixels + 2 * k, &v, 2);
        }
        expect_round_trip(&s, pixels);
        pxr_free(pixels);
    }
}

/* An encoder that has seen another block writes the same bytes as a fresh one. */
Test(block_match, bytes_depend_on_the_block_alone)
{
    const struct pxr_block_shape a = {5, 30, 40, 16}, b = {9, 21, 33, 8};
    const struct pxr_block_opts o = {PXR_CODEC_MATCH, 0, PXR_PRESET_DEFAULT};
    uint8_t *const pixels_a = scene_block(&a, WIDE_VALUES, 1), *const pixels_b = scene_block(&b, PALETTE, 2);
    const struct pxr_block_source source_a = {a, {pixels_a, 80, 2400}}, source_b = {b, {pixels_b, 33, 693}};
    struct encoded first = {0}, again = {0}, fresh = test_encode_match(&b, pixels_b);
    pxr_block_encoder *e;
    cr_assert_eq(pxr_block_encoder_new(&e, NULL), PXR_OK);
    cr_assert_eq(pxr_block_match_ops.encode(e, &source_a, &o, &first.header, &first.payload, NULL), PXR_OK);
    cr_assert_eq(pxr_block_match_ops.encode(e, &source_b, &o, &again.header, &again.payload, NULL), PXR_OK);
    cr_assert_eq(again.header.n_bytes, fresh.header.n_bytes);
    cr_assert(!memcmp(again.header.bytes, fresh.header.bytes, fresh.header.n_bytes));
    cr_assert_eq(again.payload.n_bytes, fresh.payload.n_bytes);
    cr_assert(!memcmp(again.payload.bytes, fresh.payload.bytes, fresh.payload.n_bytes));
    pxr_block_encoder_free(e);
    encoded_fini(&first);
    encoded_fini(&again);
    encoded_fini(&fresh);
    pxr_free(pixels_a);
    pxr_free(pixels_b);
}

static uint32_t unit_bytes(const struct encoded *e, const struct pxr_block_shape *s, uint32_t unit)
{
    struct pxr_block_header h;
    cr_assert_eq(pxr_block_header_parse(&h, e->header.bytes, e->header.n_bytes, s, 0, NULL), PXR_OK);
    return pxr_block_unit_at(&h, unit).n_bytes;
}

Test(block_match, a_frame_that_repeats_costs_at_most_a_byte)
{
    const struct pxr_block_shape s = {8, 120, 160, 8};
    uint8_t *const pixels = scene_block(&s, FULL_NOISE, 3);
    for (uint32_t t = 1; t < s.n_frames; t++)
        memcpy(pixels + t * 19200, pixels, 19200);
    struct encoded e = test_encode_match(&s, pixels);
    test_expect(&s, &e, pixels);
    for (uint32_t t = 1; t < s.n_frames; t++)
        cr_expect_leq(unit_bytes(&e, &s, t), 1);
    encoded_fini(&e);
    pxr_free(pixels);
}

Test(block_match, motion_of_the_whole_picture_is_found)
{
    const struct pxr_block_shape s = {8, 120, 160, 8};
    uint8_t *const pixels = scene_block(&s, MOVING, 3);
    struct encoded e = test_encode_match(&s, pixels);
    test_expect(&s, &e, pixels);
    for (uint32_t t = 1; t < s.n_frames; t++)
        cr_expect_lt(unit_bytes(&e, &s, t), 60, "frame %u: %u bytes", t, unit_bytes(&e, &s, t));
    encoded_fini(&e);
    pxr_free(pixels);
}

/* A disc that moves and grows. */
static uint8_t *mask_block(const struct pxr_block_shape *s)
{
    uint8_t *const out = pxr_alloc(pxr_block_raw_bytes(s)), *at = out;
    for (int64_t t = 0; t < s->n_frames; t++)
        for (int64_t y = 0; y < s->height_px; y++)
            for (int64_t x = 0; x < s->width_px; x++) {
                const int64_t dx = x - 50 - 3 * t, dy = y - 60 + t;
                *at++ = dx * dx + dy * dy < 800 + 50 * t ? 255 : 0;
            }
    return out;
}

Test(block_match, auto_takes_it_for_masks_and_not_for_noise)
{
    const struct pxr_block_shape s = {16, 120, 160, 8};
    uint8_t *const mask = mask_block(&s), *const noise = scene_block(&s, FULL_NOISE, 3);
    struct encoded a = test_encode(&s, mask, PXR_CODEC_AUTO, NULL);
    struct encoded b = test_encode(&s, noise, PXR_CODEC_AUTO, NULL);
    cr_expect_eq(a.header.bytes[0], PXR_BLOCK_MATCH);
    cr_expect_neq(b.header.bytes[0], PXR_BLOCK_MATCH);
    encoded_fini(&a);
    encoded_fini(&b);
    pxr_free(mask);
    pxr_free(noise);
}

Test(block_match, coder_gives_bits_back_with_few_bytes)
{
    struct pxr_match_tables t;
    uint64_t rng = 7;
    pxr_match_tables_init(&t);
    for (int round = 0; round < 2000; round++) {
        struct pxr_buffer out = {0};
        struct pxr_match_coder c = pxr_match_encoder_of(&out);
        unsigned bits[400];
        uint32_t p[400];
        const size_t n = test_random(&rng) % 400;
        for (size_t i = 0; i < n; i++) {
            /* extreme probabilities make carries run through many bytes */
            p[i] = round % 3 ? 1u + (uint32_t)(test_random(&rng) % 65535) : round % 2 ? 65535u : 1u;
            bits[i] = (unsigned)(test_random(&rng) % 65536);
            bits[i] = round % 5 ? bits[i] < p[i] : bits[i] % 2;
            (void)pxr_match_bit(&c, true, p[i], bits[i]);
        }
        cr_assert(pxr_match_encoder_end(&c));
        c = pxr_match_decoder_of(out.bytes, out.n_bytes);
        for (size_t i = 0; i < n; i++)
            cr_assert_eq(pxr_match_bit(&c, false, p[i], 0), bits[i], "round %d, bit %zu", round, i);
        cr_assert(pxr_match_decoder_is_at_end(&c), "round %d: %zu bytes, %zu read", round, out.n_bytes, c.n_read);
        pxr_buffer_fini(&out);
    }
}

/* ---- hostile bytes ------------------------------------------------------------------------------ */

static unsigned n_refused, n_decoded;

static void decode_whatever(const struct pxr_block_shape *s, const struct encoded *e, pxr_block_decoder *d)
{
    struct pxr_block_header h;
    if (pxr_block_header_parse(&h, e->header.bytes, e->header.n_bytes, s, 0, NULL) != PXR_OK ||
        h.codec != PXR_BLOCK_MATCH)
        return;
    const size_t n = pxr_block_unit_state_bytes(&h, 0);
    uint8_t *const states = pxr_alloc_zero(h.n_units, n);
    bool *const done = pxr_alloc_zero(h.n_units, sizeof *done);
    for (uint32_t from = 0, unit; (unit = unit_next(&h, done, &from)) < h.n_units; done[unit] = true) {
        const struct pxr_block_unit at = pxr_block_unit_at(&h, unit);
        const void *refs[2];
        if (!pxr_range_fits(at.off_bytes, at.n_bytes, e->payload.n_bytes))
            continue;
        unit_states(&h, unit, states, refs);
        /* exact memory: a sanitizer sees each byte too many */
        uint8_t *const src = pxr_alloc(at.n_bytes + 1u) /* never 0 */;
        memcpy(src, e->payload.bytes + at.off_bytes, at.n_bytes);
        if (test_decode_unit(d, &h, unit, refs, src, at.n_bytes, states + unit * n, NULL))
            n_refused++;
        else
            n_decoded++;
        pxr_free(src);
    }
    pxr_free(states);
    pxr_free(done);
}

static void change_every_byte(const struct pxr_block_shape *s, enum scene c)
{
    uint8_t *const pixels = scene_block(s, c, 3);
    struct encoded e = test_encode_match(s, pixels);
    pxr_block_decoder *d;
    cr_assert_eq(pxr_block_decoder_new(&d, NULL), PXR_OK);
    for (size_t i = 0; i < e.header.n_bytes + e.payload.n_bytes; i++)
        for (unsigned change = 1; change < 256; change = change * 5 + 2) {
            uint8_t *const byte =
                i < e.header.n_bytes ? &e.header.bytes[i] : &e.payload.bytes[i - e.header.n_bytes];
            *byte ^= (uint8_t)change;
            decode_whatever(s, &e, d);
            *byte ^= (uint8_t)change;
        }
    decode_whatever(s, &e, d);
    pxr_block_decoder_free(d);
    encoded_fini(&e);
    pxr_free(pixels);
}

Test(block_match, any_changed_byte_is_survived, .timeout = 300)
{
    static const struct pxr_block_shape shapes[] = {{5, 9, 13, 8}, {4, 7, 11, 16}, {3, 1, 40, 8}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (int c = 0; c < N_SCENES; c++)
            change_every_byte(&shapes[i], (enum scene)c);
    cr_expect_gt(n_refused, 1000);
    cr_expect_gt(n_decoded, 1000);
}

/* Units of other lengths, with headers that are right about them: what is left over or missing is noticed. */
Test(block_match, cut_and_padded_units)
{
    const struct pxr_block_shape s = {1, 40, 60, 8};
    uint8_t *const pixels = scene_block(&s, WIDE_VALUES, 3);
    struct encoded e = test_encode_match(&s, pixels);
    struct pxr_block_header h;
    pxr_block_decoder *d;
    const void *const refs[2] = {NULL, NULL};
    cr_assert_eq(pxr_block_decoder_new(&d, NULL), PXR_OK);
    cr_assert_eq(pxr_block_header_parse(&h, e.header.bytes, e.header.n_bytes, &s, 0, NULL), PXR_OK);
    const uint32_t n_bytes = pxr_block_unit_at(&h, 0).n_bytes;
    uint8_t *const dst = pxr_alloc(pxr_block_unit_state_bytes(&h, 0));
    unsigned n_bad = 0;
    cr_assert(pxr_buffer_add(&e.payload, "\0\1\2\3\4\5\6\7", 8));
    for (uint32_t n = 1; n <= n_bytes + 8; n++) {
        uint8_t *const entry = e.header.bytes + h.header_bytes - PXR_BLOCK_UNIT_BYTES;
        pxr_store_u32le(entry, n);
        cr_assert_eq(pxr_block_header_parse(&h, e.header.bytes, e.header.n_bytes, &s, 0, NULL), PXR_OK);
        const enum pxr_err err = test_decode_unit(d, &h, 0, refs, e.payload.bytes, n, dst, NULL);
        cr_assert(err == PXR_OK || err == PXR_E_CORRUPT);
        if (n == n_bytes)
            cr_expect_eq(err, PXR_OK);
        if (n > n_bytes + 4)
            cr_expect_eq(err, PXR_E_CORRUPT);
        n_bad += err != PXR_OK;
    }
    cr_expect_gt(n_bad, n_bytes / 2);
    pxr_block_decoder_free(d);
    encoded_fini(&e);
    pxr_free(dst);
    pxr_free(pixels);
}
