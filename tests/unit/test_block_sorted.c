/* SPDX-License-Identifier: MIT
 * The sorted codec: the same bits from every CPU level, the document word by word, hostile units; and presets. */
#include "sorted.h"
#include "test_block_support.h"

#include "cpu.h"

static const struct pxr_block_shape shapes[] = {
    {1, 1, 32, 8},   {1, 1, 16, 16},   {2, 1, 33, 8},    {3, 2, 17, 16},  {1, 5, 63, 8},    {4, 3, 64, 16},
    {9, 40, 100, 8}, {8, 33, 65, 16},  {5, 70, 257, 8},  {17, 3, 400, 16}, {3, 200, 47, 8}, {16, 64, 320, 8},
    {2, 1, 65535, 16}, {16, 48, 160, 16},
};
#define N_SHAPES (sizeof shapes / sizeof *shapes)

static bool equal(const struct pxr_buffer *a, const struct pxr_buffer *b)
{
    return a->n_bytes == b->n_bytes && !memcmp(a->bytes, b->bytes, a->n_bytes);
}

static struct encoded encode(const struct pxr_block_shape *s, const uint8_t *pixels)
{
    return test_encode_by(&pxr_block_sorted_ops, s, pixels);
}

Test(block_sorted, every_level_gives_the_same_bytes_and_reads_them)
{
    if (!pxr_zstd_is_built_in())
        cr_skip_test("built without zstd");
    for (size_t i = 0; i < N_SHAPES; i++)
        for (int c = ZEROS; c < N_CONTENTS; c++) {
            uint8_t *const pixels = test_block(&shapes[i], (enum content)c, i + 1);
            pxr_cpu_limit(PXR_CPU_PORTABLE);
            struct encoded want = encode(&shapes[i], pixels);
            test_expect(&shapes[i], &want, pixels);
            pxr_cpu_limit(PXR_CPU_HIGHEST);
            struct encoded e = encode(&shapes[i], pixels);
            cr_assert(equal(&e.header, &want.header), "shape %zu, content %d: headers differ", i, c);
            cr_assert(equal(&e.payload, &want.payload), "shape %zu, content %d: payloads differ", i, c);
            test_expect(&shapes[i], &want, pixels);
            encoded_fini(&e);
            encoded_fini(&want);
            pxr_free(pixels);
        }
}

/* ---- against docs/format.md ---------------------------------------------------------------------- */

struct slow {
    const struct pxr_block_shape *s;
    const uint8_t *params, *q;
    int64_t seg, n_seg, at[16];
    int64_t *v;        /* samples */
    int64_t *activity; /* of segments */
};

static int64_t slow_sample(const struct slow *k, int64_t t, int64_t y, int64_t x)
{
    const int64_t h = k->s->height_px, w = k->s->width_px;
    if (t < 0)
        return pxr_load_u16le(k->params + 2);
    x = x < 0 ? 0 : x >= w ? w - 1 : x;
    y = y < 0 ? 0 : y >= h ? h - 1 : y;
    return k->v[(t * h + y) * w + x];
}

/* Above row 0 is row 0 of the frame before. */
static int64_t slow_here(const struct slow *k, int64_t t, int64_t y, int64_t x)
{
    return y < 0 ? slow_sample(k, t - 1, 0, x) : slow_sample(k, t, y, x);
}

static int64_t slow_prediction(const struct slow *k, int64_t t, int64_t y, int64_t x)
{
    const uint8_t *const mix = k->params + 4 + (t > 0 ? 20 : 0);
    const int64_t taps[8] = {
        slow_here(k, t, y - 1, x),       slow_here(k, t, y - 1, x - 1),   slow_here(k, t, y - 1, x + 1),
        slow_sample(k, t - 1, y, x),     slow_sample(k, t - 1, y - 1, x), slow_sample(k, t - 1, y + 1, x),
        slow_sample(k, t - 1, y, x - 1), slow_sample(k, t - 1, y, x + 1)};
    const int64_t one = k->s->bits == 8 ? 64 : 1024, largest = (1 << k->s->bits) - 1;
    int64_t sum = (int32_t)pxr_load_u32le(mix + 16);
    for (int i = 0; i < 8; i++)
        sum += (int16_t)pxr_load_u16le(mix + 2 * i) * taps[i];
    const int64_t v = sum >= 0 ? sum / one : -((one - 1 - sum) / one);
    return v < 0 ? 0 : v > largest ? largest : v;
}

static int64_t slow_activity(const struct slow *k, int64_t t, int64_t y, int64_t i)
{
    const int64_t h = k->s->height_px;
    if (y < 0)
        return slow_activity(k, t ? t - 1 : 0, 0, i);
    i = i < 0 ? 0 : i >= k->n_seg ? k->n_seg - 1 : i;
    return k->activity[(t * h + (y >= h ? h - 1 : y)) * k->n_seg + i];
}

static int64_t slow_around(const struct slow *k, int64_t t, int64_t y, int64_t other, int64_t i)
{
    return 2 * slow_activity(k, t, y, i) + slow_activity(k, t, other, i) +
           (slow_activity(k, t, y, i - 1) + slow_activity(k, t, y, i + 1)) / 2;
}

static void slow_segment(struct slow *k, int64_t t, int64_t y, int64_t i)
{
    const int64_t w = k->s->width_px, h = k->s->height_px, n_all = k->s->n_frames * h * w;
    const int64_t range = (int64_t)1 << k->s->bits, n = w - i * k->seg < k->seg ? w - i * k->seg : k->seg;
    int64_t context = 0, sum = 0, c = 0;
    if (t || y)
        context = slow_around(k, t, y - 1, y - 2, i) +
                  (t ? slow_around(k, t - 1, y, y + 1, i) : slow_around(k, t, y - 1, y - 2, i));
    for (int j = 0; j + 1 < k->params[0]; j++)
        c += context >= pxr_load_u32le(k->params + 44 + 4 * j);
    for (int64_t x = i * k->seg; x < i * k->seg + n; x++, k->at[c]++) {
        const int64_t z = k->q[k->at[c]] + (range > 256 ? 256 * k->q[n_all + k->at[c]] : 0);
        const int64_t u = z % 2 ? -(z + 1) / 2 : z / 2;
        k->v[(t * h + y) * w + x] = (slow_prediction(k, t, y, x) + u + range) % range;
        sum += z;
    }
    k->activity[(t * h + y) * k->n_seg + i] = sum * k->seg / n;
}

static void expect_slow_agrees(const struct pxr_block_shape *s, const struct encoded *e, const uint8_t *pixels)
{
    const size_t raw_bytes = pxr_block_raw_bytes(s), n = raw_bytes / (s->bits / 8u);
    uint8_t *const q = pxr_alloc(raw_bytes);
    struct slow k = {.s = s, .params = e->header.bytes + 20, .q = q, .seg = s->bits == 8 ? 32 : 16};
    pxr_zstd *const z = pxr_zstd_new(false);
    cr_assert(pxr_zstd_decompress(z, e->payload.bytes, e->payload.n_bytes, q, raw_bytes));
    k.n_seg = (s->width_px + k.seg - 1) / k.seg;
    k.v = pxr_alloc_zero(n, sizeof *k.v);
    k.activity = pxr_alloc_zero((size_t)(s->n_frames * s->height_px * k.n_seg), sizeof *k.activity);
    for (int c = 0; c + 1 < k.params[0]; c++)
        k.at[c + 1] = k.at[c] + pxr_load_u32le(k.params + 44 + 4 * (k.params[0] - 1 + c));
    for (int64_t t = 0; t < s->n_frames; t++)
        for (int64_t y = 0; y < s->height_px; y++)
            for (int64_t i = 0; i < k.n_seg; i++)
                slow_segment(&k, t, y, i);
    for (size_t i = 0; i < n; i++) {
        uint16_t v = pixels[i];
        if (s->bits == 16)
            memcpy(&v, pixels + 2 * i, 2);
        cr_assert_eq(k.v[i], v, "%u x %u x %u, %u bits, sample %zu", s->n_frames, s->height_px, s->width_px, s->bits, i);
    }
    pxr_zstd_free(z);
    pxr_free(k.v);
    pxr_free(k.activity);
    pxr_free(q);
}

Test(block_sorted, agrees_with_the_document)
{
    if (!pxr_zstd_is_built_in())
        cr_skip_test("built without zstd");
    for (size_t i = 0; i < N_SHAPES; i++)
        for (int c = RAMP; c < N_CONTENTS; c++) {
            uint8_t *const pixels = test_block(&shapes[i], (enum content)c, i + 1);
            struct encoded e = encode(&shapes[i], pixels);
            expect_slow_agrees(&shapes[i], &e, pixels);
            encoded_fini(&e);
            pxr_free(pixels);
        }
}

/* Black and white without pattern: every residual is as large as it can be. */
Test(block_sorted, extremes)
{
    if (!pxr_zstd_is_built_in())
        cr_skip_test("built without zstd");
    for (int bits = 8; bits <= 16; bits += 8) {
        const struct pxr_block_shape s = {6, 20, 71, (uint8_t)bits};
        const size_t n = pxr_block_raw_bytes(&s);
        uint8_t *const pixels = pxr_alloc(n);
        uint64_t rng = 9;
        for (size_t i = 0; i < n; i += (size_t)bits / 8)
            memset(pixels + i, test_random(&rng) % 2 ? 0xFF : 0, (size_t)bits / 8);
        struct encoded e = encode(&s, pixels);
        test_expect(&s, &e, pixels);
        expect_slow_agrees(&s, &e, pixels);
        encoded_fini(&e);
        pxr_free(pixels);
    }
}

/* ---- what nobody wrote --------------------------------------------------------------------------- */

/* Any header that passes the checks decodes to the same on every level, or fails on every level. */
static void expect_levels_agree(const struct pxr_block_shape *s, const struct encoded *e)
{
    uint8_t *dst[2];
    enum pxr_err err[2];
    for (int level = 0; level < 2; level++) {
        struct pxr_block_header h;
        pxr_block_decoder *d;
        dst[level] = pxr_alloc_zero(1, pxr_block_raw_bytes(s));
        pxr_cpu_limit(level ? PXR_CPU_HIGHEST : PXR_CPU_PORTABLE);
        cr_assert_eq(pxr_block_decoder_new(&d, NULL), PXR_OK);
        err[level] = pxr_block_header_parse(&h, e->header.bytes, e->header.n_bytes, s, 0, NULL);
        if (!err[level])
            err[level] = test_decode(d, &h, e->payload.bytes, dst[level]);
        pxr_block_decoder_free(d);
    }
    cr_assert_eq(err[0], err[1]);
    cr_assert(memcmp(dst[0], dst[1], pxr_block_raw_bytes(s)) == 0);
    pxr_free(dst[0]);
    pxr_free(dst[1]);
}

Test(block_sorted, hostile_parameters)
{
    if (!pxr_zstd_is_built_in())
        cr_skip_test("built without zstd");
    uint64_t rng = 5;
    for (int bits = 8; bits <= 16; bits += 8) {
        const struct pxr_block_shape s = {5, 64, 150, (uint8_t)bits};
        uint8_t *const pixels = test_block(&s, SCENE, 3);
        struct encoded e = encode(&s, pixels);
        const uint32_t n = pxr_load_u32le(e.header.bytes + 16);
        uint8_t kept[256];
        memcpy(kept, e.header.bytes + 20, n);
        for (int i = 0; i < 2000; i++) {
            for (unsigned k = 0; k <= test_random(&rng) % 3; k++) {
                uint8_t *const at = e.header.bytes + 20 + test_random(&rng) % n;
                *at = (uint8_t)(test_random(&rng) % 2 ? test_random(&rng) : *at ^ 1u << test_random(&rng) % 8);
            }
            expect_levels_agree(&s, &e);
            memcpy(e.header.bytes + 20, kept, n);
        }
        /* weights as large as they may be */
        for (int i = 0; i < 200; i++) {
            const int most = bits == 8 ? PXR_SORTED_MOST_8 : PXR_SORTED_MOST_16;
            for (int g = 0; g < 2; g++) {
                uint8_t *const mix = e.header.bytes + 24 + 20 * g;
                memset(mix, 0, 20);
                const unsigned a = (unsigned)(test_random(&rng) % 8), b = (a + 1 + (unsigned)(test_random(&rng) % 7)) % 8;
                pxr_store_u16le(mix + 2 * a, (uint16_t)most);
                pxr_store_u16le(mix + 2 * b, (uint16_t)-most);
                const int32_t c = bits == 8 ? PXR_SORTED_MOST_CONSTANT_8 : PXR_SORTED_MOST_CONSTANT_16;
                pxr_store_u32le(mix + 16, (uint32_t)(test_random(&rng) % 2 ? c : -c));
            }
            expect_levels_agree(&s, &e);
        }
        encoded_fini(&e);
        pxr_free(pixels);
    }
}

Test(block_sorted, a_wrong_field_is_named_with_its_place)
{
    if (!pxr_zstd_is_built_in())
        cr_skip_test("built without zstd");
    static const struct {
        unsigned off_bytes, n_bytes;
        uint32_t value;
        const char *field;
    } wrongs[] = {
        {6, 2, 1, "frames_per_unit"}, {16, 4, 47, "params_bytes"}, {16, 4, 169, "params_bytes"},
        {20, 1, 0, "n_classes"},      {20, 1, 17, "n_classes"},    {21, 1, 1, "zero"},
        {22, 2, 256, "start"},        {24, 2, 97, "weights"},      {44, 2, 0xFF00, "weights"},
        {40, 4, 8192, "weights"},     {64, 4, 1, "counts"},
    };
    const struct pxr_block_shape s = {2, 3, 40, 8};
    uint8_t *const pixels = test_block(&s, SCENE, 3);
    for (size_t i = 0; i < sizeof wrongs / sizeof *wrongs; i++) {
        struct encoded e = encode(&s, pixels);
        struct pxr_block_header h;
        struct pxr_diag diag;
        uint8_t value[4];
        cr_assert_eq(e.header.bytes[20], 1);
        pxr_store_u32le(value, wrongs[i].value);
        memcpy(e.header.bytes + wrongs[i].off_bytes, value, wrongs[i].n_bytes);
        cr_expect_eq(pxr_block_header_parse(&h, e.header.bytes, e.header.n_bytes, &s, 1000, &diag), PXR_E_CORRUPT);
        cr_expect_str_eq(diag.field, wrongs[i].field, "case %zu: %s", i, diag.field);
        cr_expect_eq(diag.off_bytes, 1000 + wrongs[i].off_bytes - (wrongs[i].off_bytes == 40 ? 16 : 0), "case %zu", i);
        encoded_fini(&e);
    }
    pxr_free(pixels);
}

/* ---- presets ------------------------------------------------------------------------------------- */

static struct encoded encode_preset(const struct pxr_block_shape *s, const uint8_t *pixels, enum pxr_preset preset)
{
    pxr_block_encoder *e;
    struct encoded out = {0};
    const struct pxr_block_opts o = {PXR_CODEC_AUTO, 0, preset};
    const size_t row = s->width_px * (s->bits / 8u);
    cr_assert_eq(pxr_block_encoder_new(&e, NULL), PXR_OK);
    cr_assert_eq(pxr_block_encode(e, s, pixels, row, row * s->height_px, &o, &out.header, &out.payload, NULL), PXR_OK);
    pxr_block_encoder_free(e);
    return out;
}

Test(block_preset, each_chooses_its_codecs_and_gives_samples_back)
{
    if (!pxr_zstd_is_built_in())
        cr_skip_test("built without zstd");
    static const struct {
        struct pxr_block_shape shape;
        enum content content;
        enum pxr_preset preset;
        enum pxr_block_codec codec;
    } cases[] = {
        {{16, 64, 160, 8}, SCENE, PXR_PRESET_FAST, PXR_BLOCK_SORTED},
        {{16, 64, 160, 16}, SCENE, PXR_PRESET_FAST, PXR_BLOCK_SORTED},
        {{16, 64, 160, 8}, NOISE, PXR_PRESET_FAST, PXR_BLOCK_STORE},
        {{16, 64, 160, 8}, ZEROS, PXR_PRESET_FAST, PXR_BLOCK_CONSTANT},
        {{16, 64, 160, 8}, LABELS, PXR_PRESET_FAST, PXR_BLOCK_ZSTD},
        {{16, 64, 31, 8}, SCENE, PXR_PRESET_FAST, PXR_BLOCK_ZSTD},
        {{16, 64, 160, 8}, SCENE, PXR_PRESET_MAX, PXR_BLOCK_ADAPTIVE},
        {{16, 64, 160, 8}, LABELS, PXR_PRESET_MAX, PXR_BLOCK_ZSTD},
        {{16, 64, 160, 8}, NOISE, PXR_PRESET_MAX, PXR_BLOCK_STORE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t *const pixels = test_block(&cases[i].shape, cases[i].content, 2);
        struct encoded e = encode_preset(&cases[i].shape, pixels, cases[i].preset);
        cr_expect_eq(e.header.bytes[0], cases[i].codec, "case %zu: codec %d", i, e.header.bytes[0]);
        test_expect(&cases[i].shape, &e, pixels);
        encoded_fini(&e);
        pxr_free(pixels);
    }
}

Test(block_preset, goes_with_auto_only)
{
    const struct pxr_block_shape s = {1, 1, 2, 8};
    const uint8_t pixels[2] = {1, 2};
    pxr_block_encoder *e;
    struct pxr_buffer out = {0};
    cr_assert_eq(pxr_block_encoder_new(&e, NULL), PXR_OK);
    const struct pxr_block_opts bad[] = {{PXR_CODEC_ZSTD, 0, PXR_PRESET_FAST}, {PXR_CODEC_AUTO, 0, (enum pxr_preset)3}};
    for (int i = 0; i < 2; i++)
        cr_expect_eq(pxr_block_encode(e, &s, pixels, 2, 2, &bad[i], &out, &out, NULL), PXR_E_INVALID);
    pxr_block_encoder_free(e);
}
