/* SPDX-License-Identifier: MIT
 * What AUTO makes of a block is hardly larger than what the best codec makes of it: pictures of few values, on which
 * predict, match and zstd differ by a factor, and small ones of all kinds. */
#include "test_block_support.h"

#include "made_texture.h"

enum picture {
    DEPTH,    /* planes in steps that grow with distance, ragged edges, holes */
    CELLS,    /* labels that grow from slice to slice                         */
    PALETTE,  /* glyphs and bars of few colours                               */
    MASK,     /* two labels with ragged edges                                 */
    N_FLAT,   /* of those above every codec is asked                          */
    NOISY = N_FLAT, /* a texture under noise that hides its low bits          */
    DARK,     /* counts of photons                                            */
    STEPS,    /* a texture that moves, nearly without noise                   */
    N_PICTURES
};

static uint32_t texture(uint32_t y, uint32_t x)
{
    return texture_of(16, y, x);
}

/* What a sensor of disparities sees: whole steps of it, each a distance; noise moves their edges. */
static uint32_t depth(uint32_t t, uint32_t y, uint32_t x)
{
    const uint32_t at = x + t / 2, noise = random_at(t + 1, y, x / 2);
    const bool is_near = (at % 90 - 30) * (at % 90 - 30) + (y % 70 - 30) * (y % 70 - 30) < 400;
    if (noise % 60 == 0 || (is_near && at % 90 > 47))
        return 0;
    const uint32_t disparity = (is_near ? 900 : 300) + texture(y, at) / 700 + (noise >> 8) % 12;
    return 600000 / (disparity / 2);
}

/* The nearest of the random points of the squares around, with edges that move with t. */
static uint32_t cell(uint32_t t, uint32_t y, uint32_t x)
{
    uint32_t best = UINT32_MAX, label = 0;
    for (uint32_t v = y / 24; v < y / 24 + 3; v++)
        for (uint32_t u = x / 24; u < x / 24 + 3; u++) {
            const uint32_t random = random_at(5, v, u);
            const uint32_t dx = x + 24 - u * 24 - random % 24, dy = y + 24 - v * 24 - (random >> 8) % 24;
            const uint32_t d = dx * dx + dy * dy + (random >> 16) % 97 * t;
            if (d < best)
                best = d, label = random;
        }
    return label;
}

static uint32_t glyph(uint32_t t, uint32_t y, uint32_t x, uint32_t n_colours)
{
    const uint32_t line = y / 10 + t / 4, column = x / 7, kind = random_at(1, line, column) % 40;
    if (y / 10 % 6 == 0)
        return 1 + line % (n_colours - 1);
    return y % 10 < 8 && x % 7 < 6 && random_at(kind + 2, y % 10, x % 7) % 3 == 0 ? line % 3 + 2 : 0;
}

static uint32_t photons(uint32_t random)
{
    uint32_t n = 0;
    for (; n < 8 && (random & 15) < 5; random >>= 4)
        n++;
    return n;
}

static uint32_t bell(uint32_t random)
{
    return (random & 63) + (random >> 8 & 63) + (random >> 16 & 63) + (random >> 24 & 63);
}

/* Sample x of row y of frame t; more than `bits` are cut off. */
static uint32_t sample(unsigned p, unsigned bits, uint32_t t, uint32_t y, uint32_t x)
{
    const uint32_t random = random_at(t + 70, y, x), down = 16 - bits;
    switch (p) {
    case DEPTH: return depth(t, y, x) >> down;
    case CELLS: return cell(t, y, x) >> down;
    case PALETTE: return glyph(t, y, x, 12) * (bits == 8 ? 19 : 4999);
    case MASK: return texture(y, x + t) + bell(random) * 16 > 36000 ? 200 : 0;
    case NOISY: return (texture(y, x + t) >> down >> 1) + bell(random) / (bits == 8 ? 16 : 1);
    case DARK: return photons(random);
    default: return texture(y + t / 3, x + t) >> down >> 2;
    }
}

/* codec: what the block has become. */
static size_t encoded_bytes(const struct pxr_block_shape *s, const uint8_t *pixels, const struct pxr_block_opts *o,
                            enum pxr_block_codec *codec)
{
    pxr_block_encoder *e;
    struct encoded out = {0};
    const size_t row = s->width_px * (s->bits / 8u);
    cr_assert_eq(pxr_block_encoder_new(&e, NULL), PXR_OK);
    cr_assert_eq(pxr_block_encode(e, s, pixels, row, row * s->height_px, o, &out.header, &out.payload, NULL), PXR_OK);
    const size_t n = out.header.n_bytes + out.payload.n_bytes;
    *codec = (enum pxr_block_codec)out.header.bytes[PXR_BLOCK_OFF_CODEC];
    pxr_block_encoder_free(e);
    encoded_fini(&out);
    return n;
}

/* Match is six to a hundred times slower than the others, so it is asked about pictures of few values alone; adaptive
 * belongs to MAX. */
static void check_choice(const struct pxr_block_shape *s, enum picture p, enum pxr_preset preset)
{
    static const enum pxr_codec codecs[] = {PXR_CODEC_STORE, PXR_CODEC_PREDICT, PXR_CODEC_ZSTD, PXR_CODEC_SORTED,
                                            PXR_CODEC_MATCH, PXR_CODEC_ADAPTIVE};
    const bool is_max = preset == PXR_PRESET_MAX;
    const size_t n_codecs = (pxr_zstd_is_built_in() ? 4u : 2u);
    uint8_t *const pixels = made_picture(s, sample, p);
    enum pxr_block_codec chosen, other, best = PXR_BLOCK_STORE;
    const struct pxr_block_opts automatic = {PXR_CODEC_AUTO, 0, preset};
    const size_t n = encoded_bytes(s, pixels, &automatic, &chosen);
    size_t least = SIZE_MAX;
    for (size_t i = 0; i < sizeof codecs / sizeof *codecs; i++) {
        const bool is_asked = codecs[i] == PXR_CODEC_MATCH      ? p < N_FLAT
                              : codecs[i] == PXR_CODEC_ADAPTIVE ? is_max
                                                                : i < n_codecs;
        const struct pxr_block_opts o = {codecs[i], 0, PXR_PRESET_DEFAULT};
        const size_t size = is_asked ? encoded_bytes(s, pixels, &o, &other) : SIZE_MAX;
        if (size < least)
            least = size, best = other;
    }
    cr_expect_leq(n, least + least / 50,
                  "picture %d, %u x %u x %u, %u bits, preset %d: %zu with codec %d, %zu with codec %d", (int)p,
                  s->n_frames, s->height_px, s->width_px, s->bits, (int)preset, n, (int)chosen, least, (int)best);
    pxr_free(pixels);
}

static void check_all(enum pxr_preset preset)
{
    static const uint32_t shapes[][3] = {{1, 24, 24},  {1, 64, 64},  {1, 120, 160}, {4, 48, 33},
                                         {8, 64, 64},  {8, 80, 100}, {16, 64, 64},  {32, 80, 100}};
    for (int p = 0; p < N_PICTURES; p++)
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
            for (unsigned bits = 8; bits <= 16; bits += 8) {
                const struct pxr_block_shape s = {shapes[i][0], shapes[i][1], shapes[i][2], (uint8_t)bits};
                check_choice(&s, (enum picture)p, preset);
            }
}

Test(block_choice, auto_takes_nearly_the_smallest, .timeout = 600)
{
    check_all(PXR_PRESET_DEFAULT);
}

Test(block_choice, max_takes_nearly_the_smallest, .timeout = 600)
{
    check_all(PXR_PRESET_MAX);
}
