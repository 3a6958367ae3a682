/* SPDX-License-Identifier: MIT
 * Every filter against a slow decoder that follows docs/format.md, "Codec 2: zstd", word by word.
 */
#include "test_block_support.h"

static const struct pxr_block_shape shapes[] = {
    {1, 1, 1, 8},   {1, 1, 1, 16},   {1, 1, 9, 8},  {1, 9, 1, 16},  {3, 5, 7, 8},  {3, 5, 7, 16},
    {100, 8, 8, 8}, {100, 8, 8, 16}, {37, 5, 3, 8}, {37, 5, 3, 16}, {4, 3, 64, 8}, {5, 2, 67, 16},
    {9, 17, 33, 8}, {6, 31, 40, 16}, {2, 1, 1, 16}, {8, 1, 129, 8}, {13, 9, 1, 8}, {1, 3, 4099, 8},
};
enum { N_SHAPES = sizeof shapes / sizeof *shapes };

struct slow {
    const struct pxr_block_shape *s;
    struct pxr_filter f;
    const uint8_t *q;
    int64_t n, *v;
};

/* Step 2. */
static int64_t slow_s(const struct slow *k, int64_t i)
{
    const int64_t bytes = k->s->bits / 8, m = k->n / 8;
    if (k->f.shuffle == PXR_SHUFFLE_BYTES)
        return k->q[i] + 256 * k->q[k->n + i];
    int64_t at = i * bytes;
    if (k->f.shuffle == PXR_SHUFFLE_BITS) {
        if (i < 8 * m) {
            int64_t v = 0;
            for (int64_t bit = 0; bit < k->s->bits; bit++)
                v |= (int64_t)(k->q[bit * m + i / 8] >> (i % 8) & 1) << bit;
            return v;
        }
        at = m * k->s->bits + (i - 8 * m) * bytes;
    }
    return bytes == 1 ? k->q[at] : k->q[at] + 256 * k->q[at + 1];
}

/* Step 3. */
static int64_t slow_z(const struct slow *k, int64_t t, int64_t y, int64_t x)
{
    const int64_t h = k->s->height_px, w = k->s->width_px, n = k->s->n_frames;
    return slow_s(k, k->f.layout ? (y * w + x) * n + t : (t * h + y) * w + x);
}

static int64_t floor_half(int64_t a)
{
    return a >= 0 ? a / 2 : -((1 - a) / 2);
}

/* Step 4. */
static int64_t slow_prediction(const struct slow *k, int64_t t, int64_t y, int64_t x)
{
    const int64_t w = k->s->width_px, h = k->s->height_px, range = (int64_t)1 << k->s->bits;
    const int64_t *const v = k->v + (t * h + y) * w + x;
    unsigned delta = k->f.delta;
    if (t == 0 && (delta == PXR_DELTA_PREVIOUS || delta == PXR_DELTA_PREVIOUS_ABOVE))
        delta = PXR_DELTA_ABOVE;
    switch (delta) {
    case PXR_DELTA_PREVIOUS:
        return v[-h * w];
    case PXR_DELTA_ABOVE:
        return y ? v[-w] : x ? v[-1] : 0;
    case PXR_DELTA_MEAN:
        return y && x ? (v[-1] + v[-w]) / 2 : y ? v[-w] : x ? v[-1] : 0;
    default:
        break;
    }
    if (!y)
        return v[-h * w];
    int64_t d = v[-w] - v[-h * w - w];
    d -= d >= range / 2 ? range : 0;
    d += d < -range / 2 ? range : 0;
    return v[-h * w] + floor_half(d);
}

static void slow_decode(struct slow *k)
{
    const int64_t range = (int64_t)1 << k->s->bits;
    for (int64_t t = 0, i = 0; t < k->s->n_frames; t++)
        for (int64_t y = 0; y < k->s->height_px; y++)
            for (int64_t x = 0; x < k->s->width_px; x++, i++) {
                const int64_t z = slow_z(k, t, y, x);
                if (k->f.delta == PXR_DELTA_NONE) {
                    k->v[i] = z;
                    continue;
                }
                const int64_t u = z % 2 ? -(z + 1) / 2 : z / 2;
                k->v[i] = ((slow_prediction(k, t, y, x) + u) % range + range) % range;
            }
}

static void expect_slow_agrees(const struct pxr_block_shape *s, struct pxr_filter f,
                               const struct encoded *e, const uint8_t *pixels)
{
    const size_t raw_bytes = pxr_block_raw_bytes(s);
    struct slow k = {.s = s, .f = f, .n = (int64_t)(raw_bytes / (s->bits / 8u))};
    uint8_t *const q = pxr_alloc(raw_bytes);
    pxr_zstd *const z = pxr_zstd_new(false);
    cr_assert(pxr_zstd_decompress(z, e->payload.bytes, e->payload.n_bytes, q, raw_bytes));
    k.q = q;
    k.v = pxr_alloc((size_t)k.n * sizeof *k.v);
    slow_decode(&k);
    for (int64_t i = 0; i < k.n; i++) {
        uint16_t v = pixels[i];
        if (s->bits == 16)
            memcpy(&v, pixels + 2 * i, 2);
        cr_assert_eq(k.v[i], v, "%u x %u x %u, %u bits, filter %u %u %u, sample %d", s->n_frames,
                     s->height_px, s->width_px, s->bits, f.layout, f.delta, f.shuffle, (int)i);
    }
    pxr_zstd_free(z);
    pxr_free(k.v);
    pxr_free(q);
}

static void each_filter(const struct pxr_block_shape *s, enum content c)
{
    uint8_t *const pixels = test_block(s, c, 99);
    for (uint8_t layout = 0; layout < PXR_N_LAYOUTS; layout++)
        for (uint8_t delta = 0; delta < PXR_N_DELTAS; delta++)
            for (uint8_t shuffle = 0; shuffle < PXR_N_SHUFFLES; shuffle++) {
                const struct pxr_filter f = {layout, delta, shuffle};
                if (s->bits == 8 && shuffle == PXR_SHUFFLE_BYTES)
                    continue;
                struct encoded e = test_encode(s, pixels, PXR_CODEC_ZSTD, &f);
                cr_assert_eq(e.header.bytes[0], PXR_BLOCK_ZSTD);
                cr_assert(memcmp(e.header.bytes + 20, &f, 3) == 0, "another filter was used");
                test_expect(s, &e, pixels);
                expect_slow_agrees(s, f, &e, pixels);
                encoded_fini(&e);
            }
    pxr_free(pixels);
}

Test(block_filter, all_agree_with_the_document_on_noise)
{
    if (!pxr_zstd_is_built_in())
        cr_skip_test("built without zstd");
    for (size_t i = 0; i < N_SHAPES; i++)
        each_filter(&shapes[i], NOISE);
}

Test(block_filter, all_agree_with_the_document_on_a_scene)
{
    if (!pxr_zstd_is_built_in())
        cr_skip_test("built without zstd");
    for (size_t i = 0; i < N_SHAPES; i++)
        each_filter(&shapes[i], SCENE);
}

/* The published pixel-major order, by hand: two frames of 2 x 3 samples. */
Test(block_filter, pixel_major_by_hand)
{
    if (!pxr_zstd_is_built_in())
        cr_skip_test("built without zstd");
    const struct pxr_block_shape s = {2, 2, 3, 8};
    const struct pxr_filter f = {PXR_LAYOUT_PIXEL_MAJOR, PXR_DELTA_NONE, PXR_SHUFFLE_NONE};
    const uint8_t pixels[12] = {1, 2, 3, 4, 5, 6, 11, 12, 13, 14, 15, 16};
    const uint8_t expected[12] = {1, 11, 2, 12, 3, 13, 4, 14, 5, 15, 6, 16};
    uint8_t q[12];
    struct encoded e = test_encode(&s, pixels, PXR_CODEC_ZSTD, &f);
    pxr_zstd *const z = pxr_zstd_new(false);
    cr_assert(pxr_zstd_decompress(z, e.payload.bytes, e.payload.n_bytes, q, sizeof q));
    cr_assert(memcmp(q, expected, sizeof q) == 0);
    pxr_zstd_free(z);
    encoded_fini(&e);
}

/* Bit planes by hand: nine 8-bit samples are eight planes of one byte and one plain sample. */
Test(block_filter, bit_planes_by_hand)
{
    const uint8_t src[9] = {0x01, 0x81, 0, 0, 0, 0, 0, 0xff, 0x42};
    const uint8_t expected[9] = {0x83, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x82, 0x42};
    uint8_t q[9], back[9];
    pxr_filter_shuffle(PXR_SHUFFLE_BITS, 8, 9, src, q);
    cr_assert(memcmp(q, expected, sizeof q) == 0);
    pxr_filter_unshuffle(PXR_SHUFFLE_BITS, 8, 9, q, back);
    cr_assert(memcmp(back, src, sizeof src) == 0);
}
