/* SPDX-License-Identifier: MIT
 * The adaptive codec: the same bits from every CPU level, any shape and depth, both orders, hostile units. */
#include "adaptive.h"
#include "test_block_support.h"

#include "cpu.h"

static const struct pxr_block_shape shapes[] = {
    {1, 1, 1, 8},     {1, 1, 1, 16},   {2, 1, 2, 8},    {3, 2, 1, 16},    {33, 5, 7, 8},   {34, 5, 7, 8},
    {32, 64, 128, 8}, {31, 33, 65, 16}, {5, 70, 257, 8}, {17, 3, 400, 16}, {4, 200, 3, 8},  {40, 9, 31, 16},
    {1, 1, 300, 8},   {1, 300, 1, 16}, {2, 1, 65535, 16}, {7, 40, 33, 8},
};
#define N_SHAPES (sizeof shapes / sizeof *shapes)

static bool equal(const struct pxr_buffer *a, const struct pxr_buffer *b)
{
    return a->n_bytes == b->n_bytes && !memcmp(a->bytes, b->bytes, a->n_bytes);
}

Test(block_adaptive, every_level_gives_the_same_bytes_and_reads_them, .timeout = 300)
{
    for (size_t i = 0; i < N_SHAPES; i++)
        for (int c = ZEROS; c < N_CONTENTS; c++) {
            uint8_t *const pixels = test_block(&shapes[i], (enum content)c, i + 1);
            pxr_cpu_limit(PXR_CPU_PORTABLE);
            struct encoded want = test_encode_adaptive(&shapes[i], pixels);
            test_expect(&shapes[i], &want, pixels);
            pxr_cpu_limit(PXR_CPU_HIGHEST);
            struct encoded e = test_encode_adaptive(&shapes[i], pixels);
            cr_assert(equal(&e.header, &want.header), "shape %zu, content %d: headers differ", i, c);
            cr_assert(equal(&e.payload, &want.payload), "shape %zu, content %d: payloads differ", i, c);
            test_expect(&shapes[i], &want, pixels);
            encoded_fini(&e);
            encoded_fini(&want);
            pxr_free(pixels);
        }
}

/* Samples of every depth, with an offset and unused low bits, some of them anywhere in the range. */
Test(block_adaptive, depths_offsets_and_shifts, .timeout = 300)
{
    const struct pxr_block_shape s = {5, 21, 40, 16};
    const size_t n = (size_t)s.n_frames * s.height_px * s.width_px;
    uint16_t *pixels = pxr_alloc(n * 2);
    for (unsigned depth = 1; depth <= 16; depth++)
        for (unsigned shift = 0; shift + depth <= 16; shift += 3) {
            uint64_t rng = depth * 100 + shift;
            const unsigned largest = (1u << depth) - 1, room = 65535u - (largest << shift);
            const unsigned offset = room ? (unsigned)(test_random(&rng) % (room + 1)) : 0;
            for (size_t i = 0; i < n; i++) {
                const unsigned any = (unsigned)test_random(&rng) & largest, smooth = (unsigned)(i % 40) & largest;
                pixels[i] = (uint16_t)(offset + ((test_random(&rng) % 8 ? smooth : any) << shift));
            }
            struct encoded e = test_encode_adaptive(&s, (const uint8_t *)pixels);
            test_expect(&s, &e, (const uint8_t *)pixels);
            cr_expect_leq(e.header.bytes[PXR_BLOCK_OFF_PARAMS + 1], depth);
            cr_expect_geq(e.header.bytes[PXR_BLOCK_OFF_PARAMS + 2], shift);
            encoded_fini(&e);
        }
    pxr_free(pixels);
}

/* Black and white without pattern: every residual is as large as it can be. */
Test(block_adaptive, extremes)
{
    for (int bits = 8; bits <= 16; bits += 8) {
        const struct pxr_block_shape s = {6, 20, 31, (uint8_t)bits};
        const size_t n = pxr_block_raw_bytes(&s);
        uint8_t *const pixels = pxr_alloc(n);
        uint64_t rng = 9;
        for (size_t i = 0; i < n; i += (size_t)bits / 8)
            memset(pixels + i, test_random(&rng) % 2 ? 0xFF : 0, (size_t)bits / 8);
        struct encoded e = test_encode_adaptive(&s, pixels);
        test_expect(&s, &e, pixels);
        encoded_fini(&e);
        pxr_free(pixels);
    }
}

/* A chain of any length goes through places that exist and ends at a frame without references. */
Test(block_adaptive, a_frame_needs_a_bounded_chain)
{
    for (uint32_t n = 1; n <= PXR_ADAPTIVE_MAX_CHAIN; n++)
        for (uint32_t f = 0; f < n; f++) {
            unsigned count = 0;
            for (uint32_t at = f; pxr_adaptive_place_of(PXR_ADAPTIVE_MIDDLE, at, n).group; count++) {
                const struct pxr_adaptive_place p = pxr_adaptive_place_of(PXR_ADAPTIVE_MIDDLE, at, n);
                cr_assert(p.ref[0] < n && p.ref[1] < n && p.ref[0] != at && p.ref[1] != at);
                cr_assert_leq(count, n);
                at = p.ref[0];
            }
            cr_assert_eq(count, pxr_adaptive_place_of(PXR_ADAPTIVE_MIDDLE, f, n).depth);
            cr_assert_leq(count, 16, "frame %u of %u needs %u", f, n, count);
        }
}

/* A scene that moves evenly: frames next to each other, in chains from the middle; and long blocks, which
 * have the other order. */
Test(block_adaptive, orders)
{
    const struct pxr_block_shape s[2] = {{20, 40, 64, 8}, {50, 12, 20, 8}};
    for (int i = 0; i < 2; i++) {
        uint8_t *const pixels = test_block(&s[i], RAMP, 1);
        struct encoded e = test_encode_adaptive(&s[i], pixels);
        test_expect(&s[i], &e, pixels);
        if (i)
            cr_expect_eq(e.header.bytes[PXR_BLOCK_OFF_PARAMS], PXR_ADAPTIVE_DYADIC);
        encoded_fini(&e);
        pxr_free(pixels);
    }
}

/* What decoding the first units gives, or the error. */
static uint64_t decode_some(const struct pxr_block_shape *s, const struct encoded *e, unsigned counts[2])
{
    struct pxr_block_header h;
    pxr_block_decoder *d;
    if (pxr_block_header_parse(&h, e->header.bytes, e->header.n_bytes, s, 0, NULL) != PXR_OK ||
        h.codec != PXR_BLOCK_ADAPTIVE || h.payload_bytes > e->payload.n_bytes)
        return 1;
    const size_t n = pxr_block_unit_state_bytes(&h, 0);
    uint8_t *const states = pxr_alloc_zero(h.n_units, n);
    bool *const done = pxr_alloc_zero(h.n_units, sizeof *done);
    uint64_t result = 2;
    cr_assert_eq(pxr_block_decoder_new(&d, NULL), PXR_OK);
    for (uint32_t from = 0, u; (u = unit_next(&h, done, &from)) < h.n_units; done[u] = true) {
        const struct pxr_block_unit at = pxr_block_unit_at(&h, u);
        const void *refs[2];
        unit_states(&h, u, states, refs);
        const enum pxr_err err = test_decode_unit(d, &h, u, refs, e->payload.bytes + at.off_bytes, at.n_bytes,
                                                  states + u * n, NULL);
        counts[err != PXR_OK]++;
        result = result * 31 + (err ? 3 : pxr_xxh3_64(states + u * n, n));
    }
    pxr_block_decoder_free(d);
    pxr_free(states);
    pxr_free(done);
    return result;
}

/* Every byte of small blocks changed: samples or an error, the same at each level. */
#ifdef __SANITIZE_ADDRESS__
enum { EVERY = 3 }; /* minutes otherwise */
#else
enum { EVERY = 1 };
#endif

Test(block_adaptive, hostile_bytes_are_bounded_and_equal_at_every_level, .timeout = 300)
{
    const struct pxr_block_shape small[2] = {{3, 7, 19, 16}, {35, 3, 5, 8}};
    for (int i = 0; i < 2; i++) {
        uint8_t *const pixels = test_block(&small[i], SCENE, 3);
        struct encoded e = test_encode_adaptive(&small[i], pixels);
        const size_t n_header = e.header.n_bytes, n_all = n_header + e.payload.n_bytes;
        unsigned counts[2] = {0, 0};
        for (size_t at = 0; at < n_all; at += EVERY)
            for (unsigned change = 1; change < 256; change = change * 9 + 6) {
                uint8_t *const byte = at < n_header ? &e.header.bytes[at] : &e.payload.bytes[at - n_header];
                *byte ^= (uint8_t)change;
                pxr_cpu_limit(PXR_CPU_PORTABLE);
                const uint64_t want = decode_some(&small[i], &e, counts);
                pxr_cpu_limit(PXR_CPU_HIGHEST);
                cr_assert_eq(decode_some(&small[i], &e, counts), want, "byte %zu ^ %u", at, change);
                *byte ^= (uint8_t)change;
            }
        cr_expect_gt(counts[0], 100);
        cr_expect_gt(counts[1], 100);
        encoded_fini(&e);
        pxr_free(pixels);
    }
}

/* A unit that ends early, or goes on. */
Test(block_adaptive, units_of_another_length_are_corrupt)
{
    const struct pxr_block_shape s = {1, 20, 30, 8};
    uint8_t *const pixels = test_block(&s, NOISE, 3), *const dst = pxr_alloc(pxr_block_raw_bytes(&s) * 200 + 100000);
    struct encoded e = test_encode_adaptive(&s, pixels);
    const void *const refs[2] = {NULL, NULL};
    pxr_block_decoder *d;
    cr_assert_eq(pxr_block_decoder_new(&d, NULL), PXR_OK);
    const uint32_t n = (uint32_t)e.payload.n_bytes;
    const uint8_t zeros[2] = {0, 0};
    cr_assert(pxr_buffer_add(&e.payload, zeros, 2));
    for (uint32_t n_bytes = 4; n_bytes <= n + 2; n_bytes++) {
        struct pxr_block_header h;
        pxr_store_u32le(e.header.bytes + e.header.n_bytes - PXR_BLOCK_UNIT_BYTES, n_bytes);
        cr_assert_eq(pxr_block_header_parse(&h, e.header.bytes, e.header.n_bytes, &s, 0, NULL), PXR_OK);
        cr_assert_eq(test_decode_unit(d, &h, 0, refs, e.payload.bytes, n_bytes, dst, NULL),
                     n_bytes == n ? PXR_OK : PXR_E_CORRUPT, "%u of %u bytes", n_bytes, n);
    }
    pxr_block_decoder_free(d);
    encoded_fini(&e);
    pxr_free(dst);
    pxr_free(pixels);
}

Test(block_adaptive, narrow_and_tall_blocks_are_stored_otherwise)
{
    const struct pxr_block_shape tall = {1, 1u << 22, 1, 8}, small = {1, 64, 1, 8};
    uint8_t *const pixels = test_block(&small, SCENE, 1);
    struct encoded e = test_encode_adaptive(&small, pixels);
    struct pxr_block_header h;
    struct pxr_diag d;
    cr_expect_not(pxr_adaptive_is_possible(&tall));
    cr_expect(pxr_adaptive_is_possible(&small));
    pxr_store_u32le(e.header.bytes + PXR_BLOCK_OFF_HEIGHT, tall.height_px);
    cr_expect_eq(pxr_block_header_parse(&h, e.header.bytes, e.header.n_bytes, &tall, 7000, &d),
                 PXR_E_CORRUPT);
    cr_expect_str_eq(d.field, "plane");
    encoded_fini(&e);
    uint8_t *const column = test_block(&tall, RAMP, 1);
    e = test_encode(&tall, column, PXR_CODEC_ADAPTIVE, NULL);
    cr_expect_eq(e.header.bytes[0], PXR_BLOCK_STORE);
    encoded_fini(&e);
    pxr_free(column);
    pxr_free(pixels);
}

/* Weights at the bound, samples at the bound: the sums that they make stay within 32 bits (UBSan looks). */
Test(block_adaptive, largest_weights)
{
    const struct pxr_block_shape s = {2, 8, 40, 16};
    uint8_t *const pixels = test_block(&s, NOISE, 5);
    struct pxr_adaptive_model m = {.order = PXR_ADAPTIVE_MIDDLE, .depth = 16, .tile_log2 = 5,
                                   .least_code = 0, .most_code = 200};
    cr_assert(pxr_adaptive_model_init(&m, &s));
    struct pxr_buffer params = {0}, header = {0};
    for (unsigned g = 0; g < 2; g++) {
        memset(m.features[g], 0x0F, sizeof m.features[g]);
        for (uint32_t x = 0; x < m.n_tiles_x; x++) {
            struct pxr_adaptive_tile *const t = pxr_adaptive_tiles(&m, g, 0) + x;
            t->w[g ? (x ? 9 : 31) : x] = (x ? 1 : -1) * PXR_ADAPTIVE_MAX_WEIGHTS * 4;
            t->bias = (x ? 1 : -1) * PXR_ADAPTIVE_MAX_BIAS;
        }
    }
    cr_assert(pxr_adaptive_model_store(&m, &params));
    cr_assert(pxr_block_header_begin(&header, &s, PXR_BLOCK_ADAPTIVE, 1, params.bytes, (uint32_t)params.n_bytes));
    for (int u = 0; u < 2; u++)
        cr_assert(pxr_block_header_add_unit(&header, pixels, 600));
    const struct encoded e = {header, {pixels, pxr_block_raw_bytes(&s), 0}};
    unsigned counts[2] = {0, 0};
    cr_expect_neq(decode_some(&s, &e, counts), 1);
    pxr_adaptive_model_fini(&m);
    pxr_buffer_fini(&params);
    pxr_buffer_fini(&header);
    pxr_free(pixels);
}
