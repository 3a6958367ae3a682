/* SPDX-License-Identifier: MIT
 * Pictures between formats that keep different things. */
#include "still_pixels.h"

#include "alloc.h"

#include <string.h>

static unsigned sample_at(const void *pixels, size_t i, uint8_t bits)
{
    uint16_t v;
    if (bits == 8)
        return ((const uint8_t *)pixels)[i];
    memcpy(&v, (const uint8_t *)pixels + 2 * i, 2);
    return v;
}

static void put_sample(void *pixels, size_t i, uint8_t bits, unsigned v)
{
    const uint16_t v16 = (uint16_t)v;
    if (bits == 8)
        ((uint8_t *)pixels)[i] = (uint8_t)v;
    else
        memcpy((uint8_t *)pixels + 2 * i, &v16, 2);
}

static void copy_channels(const struct pxr_image *image, void *dst, unsigned n_channels)
{
    const size_t n_px = (size_t)image->width_px * image->height_px;
    const bool has_alpha = pxr_still_has_alpha(image), wants_alpha = n_channels == 2 || n_channels == 4;
    const unsigned n_from = image->n_channels, n_colours = n_from - has_alpha, n_wanted = n_channels - wants_alpha;
    for (size_t i = 0; i < n_px; i++) {
        unsigned alpha = image->maxval;
        if (has_alpha)
            alpha = sample_at(image->pixels, i * n_from + n_colours, image->bits);
        for (unsigned c = 0; c < n_wanted; c++)
            put_sample(dst, i * n_channels + c, image->bits,
                       sample_at(image->pixels, i * n_from + (n_colours == 3 ? c : 0), image->bits));
        if (wants_alpha)
            put_sample(dst, i * n_channels + n_wanted, image->bits, alpha);
    }
}

static bool is_opaque(const struct pxr_image *image)
{
    const size_t n = pxr_still_n_samples(image);
    for (size_t i = image->n_channels - 1u; i < n; i += image->n_channels)
        if (sample_at(image->pixels, i, image->bits) != image->maxval)
            return false;
    return true;
}

static bool is_gray(const struct pxr_image *image)
{
    const size_t n = pxr_still_n_samples(image);
    for (size_t i = 0; i < n; i += image->n_channels) {
        const unsigned v = sample_at(image->pixels, i, image->bits);
        if (v != sample_at(image->pixels, i + 1, image->bits) || v != sample_at(image->pixels, i + 2, image->bits))
            return false;
    }
    return true;
}

void pxr_still_simplify(struct pxr_image *image, void *pixels)
{
    unsigned n = image->n_channels;
    image->pixels = pixels;
    if (pxr_still_has_alpha(image) && is_opaque(image))
        n--;
    if (image->n_channels >= 3 && is_gray(image))
        n -= 2;
    if (n == image->n_channels)
        return;
    copy_channels(image, pixels, n); /* a pixel never moves up */
    image->n_channels = (uint8_t)n;
    image->stride_bytes = (size_t)image->width_px * n * (image->bits / 8u);
}

void pxr_still_luma(struct pxr_image *image, void *pixels)
{
    const size_t n = pxr_still_n_samples(image);
    image->pixels = pixels;
    if (image->n_channels < 3)
        return;
    for (size_t i = 0; i < n; i += image->n_channels) {
        const unsigned r = sample_at(pixels, i, image->bits), g = sample_at(pixels, i + 1, image->bits),
                       b = sample_at(pixels, i + 2, image->bits);
        put_sample(pixels, i, image->bits, (2126 * r + 7152 * g + 722 * b + 5000) / 10000);
    }
    copy_channels(image, pixels, image->n_channels - 2u); /* the first of the three remains */
    image->n_channels = (uint8_t)(image->n_channels - 2);
    image->stride_bytes = (size_t)image->width_px * image->n_channels * (image->bits / 8u);
}

void *pxr_still_with_channels(const struct pxr_image *image, unsigned n_channels)
{
    void *const dst = pxr_alloc((size_t)image->width_px * image->height_px * n_channels * (image->bits / 8u));
    if (dst)
        copy_channels(image, dst, n_channels);
    return dst;
}

unsigned pxr_still_depth(uint16_t maxval)
{
    unsigned n = 1;
    while (maxval >> n)
        n++;
    return n;
}

void pxr_still_shift(struct pxr_image *image, void *pixels, unsigned n_bits)
{
    const size_t n = pxr_still_n_samples(image);
    image->maxval = (uint16_t)(image->maxval >> n_bits);
    const uint8_t bits = image->maxval <= 255 ? 8 : 16;
    for (size_t i = 0; i < n; i++)
        put_sample(pixels, i, bits, sample_at(pixels, i, image->bits) >> n_bits);
    image->bits = bits;
    image->sbit = 0;
    image->pixels = pixels;
    image->stride_bytes = (size_t)image->width_px * image->n_channels * (bits / 8u);
}

bool pxr_still_is_narrow(const struct pxr_image *image, unsigned n_bits)
{
    const uint8_t *const p = image->pixels;
    const size_t n = pxr_still_n_samples(image);
    for (size_t i = 0; i < n; i++) {
        unsigned wide = (unsigned)p[i] >> (8 - n_bits) << (8 - n_bits);
        for (unsigned k = n_bits; k < 8; k *= 2)
            wide |= wide >> k;
        if (wide != p[i])
            return false;
    }
    return true;
}
