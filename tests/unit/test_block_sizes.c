/* SPDX-License-Identifier: MIT
 * What AUTO makes of a block is no larger than what zstd makes of it, nor than stored + 0.1 %, whatever it shows. */
#include "test_block_support.h"

#include "made_texture.h"

enum picture {
    ANY,       /* every sample by chance               */
    FEW_BITS,  /* the same, in four bits               */
    MASK,      /* a disc that moves                    */
    GRADIENT,
    LEVELS,    /* five of them in rectangles           */
    HOLES,     /* a texture in which few values occur  */
    SHIFTED,   /* low bits that all samples share      */
    STILL,     /* the same texture in each frame       */
    AGAIN,     /* every fifth frame is the same        */
    WALK,      /* each sample walks                    */
    LINES,
    RARE,      /* one sample in a thousand differs     */
    TILES,     /* of a few kinds, at random places     */
    TWICE,     /* each row of noise comes twice        */
    COUNTS,    /* of few photons                       */
    N_PICTURES
};

static uint32_t texture(uint32_t y, uint32_t x)
{
    return texture_of(8, y, x);
}

static uint32_t walk(uint32_t t, uint32_t y, uint32_t x)
{
    uint32_t v = texture(y, x) / 512;
    for (uint32_t i = 1; i <= t; i++)
        v += random_at(i, y, x) % 5;
    return v;
}

static uint32_t photons(uint32_t random)
{
    uint32_t n = 0;
    for (; n < 8 && (random & 15) < 5; random >>= 4)
        n++;
    return n;
}

/* Sample x of row y of frame t, below 256 or 65536 by `bits`. */
static uint32_t sample(unsigned p, unsigned bits, uint32_t t, uint32_t y, uint32_t x)
{
    const uint32_t most = bits == 8 ? 255 : 65535, random = random_at(t + 70, y, x), down = 16 - bits;
    switch (p) {
    case ANY: return random & most;
    case FEW_BITS: return random & 15;
    case MASK: return (x - 40 - t) * (x - 40 - t) + (y - 30) * (y - 30) < 500 ? most : 0;
    case GRADIENT: return (x * 37 + y * 11 + t) & most;
    case LEVELS: return ((x + t) / 9 + y / 7) % 5 * (most / 5);
    case HOLES: return (texture(y, x + t) >> 10) * (bits == 8 ? 4 : 777);
    case SHIFTED: return ((texture(y, x) >> down >> 4) + random % 4) << 3 & most;
    case STILL: return texture(y, x) >> down;
    case AGAIN: return texture(y, x + 9 * (t % 5)) >> down;
    case WALK: return walk(t, y, x) & most;
    case LINES: return y % 8 == 0 || x % 16 == t % 16 ? most : most / 9;
    case RARE: return random % 1000 ? 100 : 100 + random / 1000 % 100;
    case TILES: return random_at(random_at(t, y / 4, x / 16) % 8, y % 4, x % 16) & most;
    case TWICE: return random_at(t, y / 2, x) & most;
    default: return photons(random);
    }
}

static size_t encoded_bytes(const struct pxr_block_shape *s, const uint8_t *pixels, enum pxr_codec codec,
                            enum pxr_preset preset)
{
    pxr_block_encoder *e;
    struct encoded out = {0};
    const struct pxr_block_opts o = {codec, 0, preset};
    const size_t row = s->width_px * (s->bits / 8u);
    cr_assert_eq(pxr_block_encoder_new(&e, NULL), PXR_OK);
    cr_assert_eq(pxr_block_encode(e, s, pixels, row, row * s->height_px, &o, &out.header, &out.payload, NULL), PXR_OK);
    test_expect(s, &out, pixels);
    const size_t n = out.header.n_bytes + out.payload.n_bytes;
    pxr_block_encoder_free(e);
    encoded_fini(&out);
    return n;
}

static void check_sizes(const struct pxr_block_shape *s, enum picture p)
{
    uint8_t *const pixels = made_picture(s, sample, p);
    const size_t stored = encoded_bytes(s, pixels, PXR_CODEC_STORE, PXR_PRESET_DEFAULT);
    const size_t zstd =
        pxr_zstd_is_built_in() ? encoded_bytes(s, pixels, PXR_CODEC_ZSTD, PXR_PRESET_DEFAULT) : stored;
    for (int preset = PXR_PRESET_DEFAULT; preset <= PXR_PRESET_MAX; preset++) {
        const size_t n = encoded_bytes(s, pixels, PXR_CODEC_AUTO, (enum pxr_preset)preset);
        cr_expect_leq(n, stored + stored / 1000, "picture %d, %u x %u x %u, %u bits, preset %d: %zu, stored %zu", (int)p,
                      s->n_frames, s->height_px, s->width_px, s->bits, preset, n, stored);
        if (preset != PXR_PRESET_FAST)
            cr_expect_leq(n, zstd + zstd / 1000, "picture %d, %u x %u x %u, %u bits, preset %d: %zu, zstd %zu", (int)p,
                          s->n_frames, s->height_px, s->width_px, s->bits, preset, n, zstd);
    }
    pxr_free(pixels);
}

Test(block_sizes, no_block_is_larger_than_with_zstd_or_stored, .timeout = 600)
{
    static const uint32_t shapes[][3] = {{1, 1, 1}, {5, 3, 5}, {40, 8, 16}, {9, 33, 40}, {2, 120, 160}, {16, 90, 250}};
    for (int p = 0; p < N_PICTURES; p++)
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
            for (unsigned bits = 8; bits <= 16; bits += 8) {
                const struct pxr_block_shape s = {shapes[i][0], shapes[i][1], shapes[i][2], (uint8_t)bits};
                check_sizes(&s, (enum picture)p);
            }
}
