/* SPDX-License-Identifier: MIT
 * What goes into a block comes out again, and the same samples give the same bytes. */
#include "test_block_support.h"

static const struct pxr_block_shape shapes[] = {
    {1, 1, 1, 8},     {1, 1, 1, 16},    {1, 1, 65535, 16}, {2, 3, 65535, 16}, {7, 13, 1, 8},
    {5, 11, 1, 16},   {1, 17, 23, 8},   {3, 7, 11, 8},     {3, 7, 11, 16},    {100, 8, 8, 8},
    {100, 8, 8, 16},  {37, 5, 3, 8},    {37, 5, 3, 16},    {16, 64, 61, 8},   {9, 64, 61, 16},
    {1000, 1, 1, 16}, {65535, 1, 1, 8}, {4, 4, 2, 8},      {2, 1, 5, 16},     {6, 130, 300, 8},
};
enum { N_SHAPES = sizeof shapes / sizeof *shapes };

static enum pxr_block_codec codec_of(const struct encoded *e)
{
    return (enum pxr_block_codec)e->header.bytes[0];
}

Test(block_roundtrip, every_shape_content_and_codec)
{
    for (size_t i = 0; i < N_SHAPES; i++)
        for (int c = 0; c < N_CONTENTS; c++) {
            uint8_t *const pixels = test_block(&shapes[i], (enum content)c, i);
            for (int codec = PXR_CODEC_AUTO; codec <= PXR_CODEC_SORTED; codec++) {
                if ((codec == PXR_CODEC_ZSTD || codec == PXR_CODEC_SORTED) && !pxr_zstd_is_built_in())
                    continue;
                struct encoded e = test_encode(&shapes[i], pixels, (enum pxr_codec)codec, NULL);
                test_expect(&shapes[i], &e, pixels);
                encoded_fini(&e);
            }
            pxr_free(pixels);
        }
}

Test(block_roundtrip, random_shapes)
{
    uint64_t rng = 4711;
    for (int i = 0; i < 300; i++) {
        const struct pxr_block_shape s = {
            (uint32_t)(1 + test_random(&rng) % 20), (uint32_t)(1 + test_random(&rng) % 40),
            (uint32_t)(1 + test_random(&rng) % 90), test_random(&rng) % 2 ? 8 : 16};
        uint8_t *const pixels =
            test_block(&s, (enum content)(test_random(&rng) % N_CONTENTS), (uint64_t)i);
        struct encoded e = test_encode(&s, pixels, PXR_CODEC_AUTO, NULL);
        test_expect(&s, &e, pixels);
        encoded_fini(&e);
        pxr_free(pixels);
    }
}

/* The samples lie in a larger picture, at an odd address and with odd strides. */
Test(block_roundtrip, strides_with_gaps)
{
    const size_t row_stride = 37 * 2 + 5, frame_stride = 19 * row_stride + 3;
    for (int bits = 8; bits <= 16; bits += 8)
        for (int codec = PXR_CODEC_AUTO; codec <= PXR_CODEC_STORE; codec++) {
            const struct pxr_block_shape s = {6, 19, 37, (uint8_t)bits};
            const size_t row_bytes = s.width_px * (s.bits / 8u);
            uint8_t *const pixels = test_block(&s, SCENE, 5), *at = pixels;
            uint8_t *const wide = pxr_alloc(1 + s.n_frames * frame_stride);
            memset(wide, 0x5c, 1 + s.n_frames * frame_stride);
            for (uint32_t t = 0; t < s.n_frames; t++)
                for (uint32_t y = 0; y < s.height_px; y++, at += row_bytes)
                    memcpy(wide + 1 + t * frame_stride + y * row_stride, at, row_bytes);

            struct encoded tight = test_encode(&s, pixels, (enum pxr_codec)codec, NULL),
                           loose = {0};
            const struct pxr_block_opts o = {(enum pxr_codec)codec, 0, PXR_PRESET_DEFAULT};
            pxr_block_encoder *e;
            cr_assert_eq(pxr_block_encoder_new(&e, NULL), PXR_OK);
            cr_assert_eq(pxr_block_encode(e, &s, wide + 1, row_stride, frame_stride, &o,
                                          &loose.header, &loose.payload, NULL),
                         PXR_OK);
            test_expect(&s, &loose, pixels);
            cr_assert_eq(loose.header.n_bytes, tight.header.n_bytes);
            cr_assert(memcmp(loose.header.bytes, tight.header.bytes, tight.header.n_bytes) == 0,
                      "strides change the bytes");
            pxr_block_encoder_free(e);
            encoded_fini(&tight);
            encoded_fini(&loose);
            pxr_free(wide);
            pxr_free(pixels);
        }
}

/* An encoder that has worked gives the same bytes as a new one, and appends to what is there. */
Test(block_roundtrip, same_samples_give_the_same_bytes)
{
    pxr_block_encoder *used;
    struct encoded all = {0};
    cr_assert_eq(pxr_block_encoder_new(&used, NULL), PXR_OK);
    for (int round = 0; round < 3; round++)
        for (size_t i = 0; i < N_SHAPES; i++) {
            const struct pxr_block_shape *const s = &shapes[i];
            const size_t row = s->width_px * (s->bits / 8u);
            const size_t header_start = all.header.n_bytes, payload_start = all.payload.n_bytes;
            const struct pxr_block_opts o = {PXR_CODEC_AUTO, 0, PXR_PRESET_DEFAULT};
            uint8_t *const pixels = test_block(s, (enum content)((round + (int)i) % N_CONTENTS), i);
            struct encoded fresh = test_encode(s, pixels, PXR_CODEC_AUTO, NULL);
            cr_assert_eq(pxr_block_encode(used, s, pixels, row, row * s->height_px, &o, &all.header,
                                          &all.payload, NULL),
                         PXR_OK);
            cr_assert_eq(all.header.n_bytes - header_start, fresh.header.n_bytes);
            cr_assert_eq(all.payload.n_bytes - payload_start, fresh.payload.n_bytes);
            cr_assert(memcmp(all.header.bytes + header_start, fresh.header.bytes,
                             fresh.header.n_bytes) == 0);
            cr_assert(!fresh.payload.n_bytes ||
                      memcmp(all.payload.bytes + payload_start, fresh.payload.bytes,
                             fresh.payload.n_bytes) == 0);
            encoded_fini(&fresh);
            pxr_free(pixels);
        }
    pxr_block_encoder_free(used);
    encoded_fini(&all);
}

Test(block_roundtrip, equal_samples_are_a_constant_block)
{
    for (int bits = 8; bits <= 16; bits += 8) {
        const struct pxr_block_shape s = {9, 20, 31, (uint8_t)bits};
        uint8_t *const pixels = test_block(&s, LARGEST, 1);
        struct encoded e = test_encode(&s, pixels, PXR_CODEC_STORE, NULL);
        cr_assert_eq(codec_of(&e), PXR_BLOCK_CONSTANT);
        cr_assert_eq(e.payload.n_bytes, 0);
        cr_assert_eq(e.header.n_bytes, 22);
        encoded_fini(&e);
        /* One other sample anywhere, and it is not. */
        const size_t n = pxr_block_raw_bytes(&s);
        const size_t places[] = {0, 1, 30, 31, 20 * 31, n / 2, n - 1};
        for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
            pixels[places[i]] ^= 1;
            e = test_encode(&s, pixels, PXR_CODEC_STORE, NULL);
            cr_assert_eq(codec_of(&e), PXR_BLOCK_STORE, "place %zu", places[i]);
            encoded_fini(&e);
            pixels[places[i]] ^= 1;
        }
        pxr_free(pixels);
    }
}

Test(block_roundtrip, noise_is_stored_and_a_scene_is_not)
{
    if (!pxr_zstd_is_built_in())
        cr_skip_test("built without zstd");
    const struct pxr_block_shape s = {8, 32, 64, 8};
    uint8_t *noise = test_block(&s, NOISE, 1), *scene = test_block(&s, SCENE, 1);
    struct encoded e = test_encode(&s, noise, PXR_CODEC_ZSTD, NULL);
    cr_assert_eq(codec_of(&e), PXR_BLOCK_STORE);
    encoded_fini(&e);
    /* where frames are so small that their entries would count, it is not */
    const struct pxr_block_shape small = {100, 8, 8, 8};
    uint8_t *const dots = test_block(&small, NOISE, 1);
    e = test_encode(&small, dots, PXR_CODEC_AUTO, NULL);
    cr_assert_eq(codec_of(&e), PXR_BLOCK_ZSTD);
    cr_assert_lt(e.header.n_bytes + e.payload.n_bytes, 6400 + 64);
    encoded_fini(&e);
    pxr_free(dots);
    e = test_encode(&s, scene, PXR_CODEC_AUTO, NULL);
    cr_assert_eq(codec_of(&e), PXR_BLOCK_ZSTD);
    cr_assert_lt(e.payload.n_bytes, pxr_block_raw_bytes(&s) / 2);
    encoded_fini(&e);
    pxr_free(noise);
    pxr_free(scene);
}

Test(block_roundtrip, impossible_requests_are_refused)
{
    static const struct {
        struct pxr_block_shape shape;
        struct pxr_block_opts opts;
        enum pxr_err err;
    } bad[] = {
        {{0, 1, 1, 8}, {PXR_CODEC_AUTO, 0, 0}, PXR_E_INVALID},
        {{1, 0, 1, 8}, {PXR_CODEC_AUTO, 0, 0}, PXR_E_INVALID},
        {{1, 1, 0, 8}, {PXR_CODEC_AUTO, 0, 0}, PXR_E_INVALID},
        {{1, 1, 1, 12}, {PXR_CODEC_AUTO, 0, 0}, PXR_E_INVALID},
        {{65536, 1, 1, 8}, {PXR_CODEC_AUTO, 0, 0}, PXR_E_INVALID},
        {{1, 32768, 16385, 8}, {PXR_CODEC_AUTO, 0, 0}, PXR_E_LIMIT},
        {{65535, UINT32_MAX, UINT32_MAX, 16}, {PXR_CODEC_AUTO, 0, 0}, PXR_E_LIMIT},
        {{1, 1, 1, 8}, {PXR_CODEC_AUTO, 20, 0}, PXR_E_INVALID},
        {{1, 1, 1, 8}, {PXR_CODEC_AUTO, -1, 0}, PXR_E_INVALID},
        {{1, 1, 1, 8}, {(enum pxr_codec)7, 0, 0}, PXR_E_INVALID},
    };
    const uint8_t pixel[2] = {0};
    pxr_block_encoder *e;
    struct encoded out = {0};
    cr_assert_eq(pxr_block_encoder_new(&e, NULL), PXR_OK);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct pxr_diag diag;
        cr_assert_eq(pxr_block_encode(e, &bad[i].shape, pixel, 2, 2, &bad[i].opts, &out.header,
                                      &out.payload, &diag),
                     bad[i].err, "case %zu", i);
        cr_assert_eq(diag.code, bad[i].err);
        cr_assert_eq(out.header.n_bytes + out.payload.n_bytes, 0);
    }
    pxr_block_encoder_free(e);
}

static int n_until_failure; /* of memory; negative: never */
static int n_requests;
static bool allow_some(size_t n_bytes)
{
    (void)n_bytes;
    n_requests++;
    return n_until_failure < 0 || n_until_failure-- > 0;
}

/* Every request for memory fails in turn: NOMEM, nothing appended, and the objects stay usable. */
Test(block_roundtrip, no_memory_is_survived)
{
    const struct pxr_block_shape s = {12, 8, 8, 16};
    const struct pxr_filter pixel_major = {1, PXR_DELTA_MEAN, PXR_SHUFFLE_BITS};
    const struct pxr_block_opts o = {PXR_CODEC_AUTO, 0, PXR_PRESET_DEFAULT};
    uint8_t *const pixels = test_block(&s, SCENE, 1);
    bool done = false;
    for (int i = 0; !done; i++) {
        pxr_block_encoder *e = NULL;
        struct encoded out = {0};
        struct pxr_diag diag;
        n_until_failure = i;
        pxr_alloc_hook(allow_some);
        enum pxr_err err = pxr_block_encoder_new(&e, &diag);
        if (!err)
            err = pxr_block_encode(e, &s, pixels, 16, 128, &o, &out.header, &out.payload, &diag);
        pxr_alloc_hook(NULL);
        done = !err;
        if (err) {
            cr_assert_eq(err, PXR_E_NOMEM);
            cr_assert_eq(out.header.n_bytes + out.payload.n_bytes, 0);
            if (e)
                cr_assert_eq(
                    pxr_block_encode(e, &s, pixels, 16, 128, &o, &out.header, &out.payload, &diag),
                    PXR_OK);
        }
        if (e)
            test_expect(&s, &out, pixels);
        pxr_block_encoder_free(e);
        encoded_fini(&out);
        cr_assert_lt(i, 100);
    }

    if (!pxr_zstd_is_built_in()) {
        pxr_free(pixels);
        return;
    }
    struct encoded e = test_encode(&s, pixels, PXR_CODEC_ZSTD, &pixel_major);
    struct pxr_block_header h;
    cr_assert_eq(pxr_block_header_parse(&h, e.header.bytes, e.header.n_bytes, &s, 0, NULL), PXR_OK);
    uint8_t *const back = pxr_alloc(pxr_block_raw_bytes(&s));
    const void *const refs[2] = {NULL, NULL};
    done = false;
    for (int i = 0; !done; i++) {
        pxr_block_decoder *d = NULL;
        n_until_failure = i;
        pxr_alloc_hook(allow_some);
        enum pxr_err err = pxr_block_decoder_new(&d, NULL);
        memset(back, 1, pxr_block_raw_bytes(&s));
        if (!err) {
            err = pxr_block_unit_decode(d, &h, 0, refs, e.payload.bytes, e.payload.n_bytes, back,
                                        NULL);
            if (err)
                cr_assert(all_bytes_are(back, pxr_block_raw_bytes(&s), 0));
        }
        done = !err;
        if (done) { /* warm: a second decode asks for nothing */
            n_requests = 0;
            cr_assert_eq(pxr_block_unit_decode(d, &h, 0, refs, e.payload.bytes, e.payload.n_bytes,
                                               back, NULL),
                         PXR_OK);
            cr_assert_eq(n_requests, 0);
        } else {
            cr_assert_eq(err, PXR_E_NOMEM);
        }
        pxr_alloc_hook(NULL);
        pxr_block_decoder_free(d);
    }
    cr_assert(memcmp(back, pixels, pxr_block_raw_bytes(&s)) == 0);
    encoded_fini(&e);
    pxr_free(back);
    pxr_free(pixels);
}
