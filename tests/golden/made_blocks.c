/* SPDX-License-Identifier: MIT
 * See made_blocks.h. */
#include "made_blocks.h"
#include "codec.h"
#include "made_texture.h"

enum content {
    ZEROS,
    NOISE,
    RAMP,
    SPARSE,    /* few bright samples on black                          */
    SCENE,     /* a static picture with a little noise                 */
    LABELS,    /* few levels in rectangles                             */
    MOVING,    /* a texture that moves                                 */
    DRIFT,     /* each sample walks: near frames are worth much more   */
    STRETCHED, /* few of the possible samples occur                    */
    SHIFTED,   /* low bits that all samples share                      */
    SKY,       /* black above, noise that grows below                  */
    COUNTS,    /* of few photons                                       */
    CELLS,     /* dim noise, and bright soft spots that shimmer        */
    STILL,     /* the same texture in each frame, and a disc that moves over it */
    N_CONTENTS
};
static const char *const content_names[N_CONTENTS] = {
    "zeros", "noise", "ramp", "sparse", "scene", "labels", "moving", "drift", "stretched", "shifted", "sky",
    "counts", "cells", "still",
};
static const uint32_t widths[] = {1, 2, 3, 127, 128, 129, 300};
static const uint32_t heights[] = {1, 2, 64, 65, 130};
static const uint32_t large_width = 301, large_height = 440; /* one more size: enough samples for 64 lanes */
static const unsigned depths[] = {8, 12, 16};
static const uint32_t n_frames[] = {9, 1, 20, 3, 12, 2, 33, 5, 70};
#define COUNT(array) ((unsigned)(sizeof(array) / sizeof *(array)))
#define MOST_SAMPLES 100000u /* of a block, unless two frames have more: the independent decoder is slow */

/* Random numbers 0..255 on a grid of 4 x 4 samples, linear between them. */
static uint32_t texture(uint32_t y, uint32_t x)
{
    const uint32_t v = y / 4, u = x / 4, b = y % 4, a = x % 4;
    const uint32_t above = (random_at(9, v, u) & 255) * (4 - a) + (random_at(9, v, u + 1) & 255) * a;
    const uint32_t below = (random_at(9, v + 1, u) & 255) * (4 - a) + (random_at(9, v + 1, u + 1) & 255) * a;
    return (above * (4 - b) + below * b) / 16;
}

static uint32_t walk(uint32_t t, uint32_t y, uint32_t x)
{
    uint32_t v = texture(y, x) / 2;
    for (uint32_t i = 1; i <= t; i++)
        v += 2 + random_at(i, y, x) % 7;
    return v;
}

static uint32_t cells(uint32_t largest, uint32_t random, uint32_t t, uint32_t y, uint32_t x)
{
    const int32_t dy = (int32_t)(y % 37) - 18, dx = (int32_t)(x % 41) - 20, far = dy * dy + dx * dx;
    const uint32_t bright = far < 200 ? largest / 400 * (uint32_t)(200 - far) * (2 + random_at(t, y / 37, x / 41) % 3) / 4 : 0;
    return (largest / 50 + bright + random % (3 + bright / 16)) & largest;
}

static bool is_in_disc(uint32_t t, uint32_t y, uint32_t x)
{
    const int32_t dy = (int32_t)y - 20 - (int32_t)t, dx = (int32_t)x - 30 - 2 * (int32_t)t;
    return dy * dy + dx * dx < 100;
}

static uint32_t sample(unsigned content, uint32_t largest, uint32_t t, uint32_t y, uint32_t x)
{
    const uint32_t random = random_at(t, y, x);
    switch (content) {
    case ZEROS:
        return 0;
    case NOISE:
        return random & largest;
    case RAMP:
        return (t * 3 + y * 5 + x * 7) & largest;
    case SPARSE:
        return random % 50 ? 0 : largest - t % 3;
    case SCENE:
        return (x * x / 5 + y * 11) % (largest - 8) + random % 4;
    case LABELS:
        return (x / 7 + y / 5 + t / 4) % 3 * 40;
    case MOVING:
        return texture(y + 300 + 2 * t, x + 700 - 3 * t) * (largest / 320) + random % 3;
    case DRIFT:
        return walk(t, y, x) & largest;
    case STRETCHED:
        return texture(y, x + t) / 4 * 11 % (largest + 1) / 11 * 11;
    case SHIFTED:
        return (texture(y, x) / 16 + random % 2) * 8 % largest / 8 * 8 + 5;
    case COUNTS:
        return (random >> 8 & 7) == 0 ? 1 + (random & 1) + (random >> 20) % 31 / 30 : 0;
    case CELLS:
        return cells(largest, random, t, y, x);
    case STILL:
        return is_in_disc(t, y, x) ? largest : texture(y, x) & largest;
    default:
        return y < 30 ? 0 : random % (1 + largest * (y - 29) / 128) & largest;
    }
}

unsigned made_blocks_count(void)
{
    return (COUNT(widths) * COUNT(heights) + 1) * COUNT(depths) * N_CONTENTS;
}

struct made_block made_block(unsigned number)
{
    struct made_block m = {.content = number % N_CONTENTS};
    const unsigned depth = depths[number / N_CONTENTS % COUNT(depths)];
    const unsigned size = number / N_CONTENTS / COUNT(depths);
    const bool is_large = size == COUNT(widths) * COUNT(heights);
    const uint32_t w = is_large ? large_width : widths[size % COUNT(widths)];
    const uint32_t h = is_large ? large_height : heights[size / COUNT(widths)];
    uint32_t n = n_frames[number / 5 % COUNT(n_frames)];
    const uint32_t most = MOST_SAMPLES / (w * h) > 2 ? MOST_SAMPLES / (w * h) : 2;
    n = n < most ? n : most;
    m.largest = (1u << depth) - 1;
    m.shape = (struct pxr_block_shape){n, h, w, depth == 8 ? 8 : 16};
    uint8_t *at = m.pixels = pxr_alloc(pxr_block_raw_bytes(&m.shape));
    for (uint32_t t = 0; t < n; t++)
        for (uint32_t y = 0; y < h; y++)
            for (uint32_t x = 0; x < w; x++, at += m.shape.bits / 8) {
                const uint16_t v = (uint16_t)sample(m.content, m.largest, t, y, x);
                if (m.shape.bits == 8)
                    *at = (uint8_t)v;
                else
                    memcpy(at, &v, 2);
            }
    return m;
}

const char *made_block_name(const struct made_block *m) { return content_names[m->content]; }

bool made_block_encode(const struct made_block *m, enum pxr_block_codec codec, struct pxr_buffer *header,
                       struct pxr_buffer *payload)
{
    static const struct pxr_block_codec_ops *const ops[PXR_N_BLOCK_CODECS] = {
        [PXR_BLOCK_PREDICT] = &pxr_block_predict_ops,
        [PXR_BLOCK_MATCH] = &pxr_block_match_ops,
        [PXR_BLOCK_ADAPTIVE] = &pxr_block_adaptive_ops,
        [PXR_BLOCK_SORTED] = &pxr_block_sorted_ops,
    };
    pxr_block_encoder *e;
    const struct pxr_block_opts o = {PXR_CODEC_AUTO, 0, PXR_PRESET_DEFAULT};
    const size_t row = m->shape.width_px * (m->shape.bits / 8u);
    const struct pxr_block_source source = {m->shape, {m->pixels, row, row * m->shape.height_px}};
    if (pxr_block_encoder_new(&e, NULL) != PXR_OK)
        return false;
    const bool is_good = ops[codec]->encode(e, &source, &o, header, payload, NULL) == PXR_OK;
    pxr_block_encoder_free(e);
    return is_good;
}
