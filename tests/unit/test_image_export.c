/* SPDX-License-Identifier: MIT
 * Pictures that are written and read again, with every channel, and what libpng's memory failing does. */
#include "test_image_probe.h"

#include "export.h"

#include <stdio.h>

static const struct shape {
    uint32_t width_px, height_px;
    uint8_t bits, n_channels;
} shapes[] = {{1, 1, 8, 1}, {7, 3, 8, 2}, {5, 4, 8, 3}, {3, 9, 8, 4}, {6, 2, 16, 1}, {2, 6, 16, 2}, {4, 4, 16, 3}, {9, 5, 16, 4}};
enum { N_SHAPES = sizeof shapes / sizeof shapes[0], MAX_BYTES = 9 * 9 * 8 };

static struct pxr_image draw(const struct shape *s, uint8_t pixels[MAX_BYTES])
{
    const size_t row_bytes = (size_t)s->width_px * s->n_channels * (s->bits / 8u);
    for (size_t i = 0; i < row_bytes * s->height_px; i++)
        pixels[i] = (uint8_t)(i * 37 + i / 7);
    return (struct pxr_image){.width_px = s->width_px,
                              .height_px = s->height_px,
                              .bits = s->bits,
                              .maxval = (uint16_t)((1u << s->bits) - 1),
                              .n_channels = s->n_channels,
                              .pixels = pixels,
                              .stride_bytes = row_bytes};
}

struct expected {
    const struct pxr_image *image;
    unsigned n_seen;
};

static enum pxr_err compare(void *arg, const struct pxr_image *found, struct pxr_diag *diag)
{
    struct expected *const e = arg;
    const struct pxr_image *const want = e->image;
    (void)diag;
    cr_assert(found->width_px == want->width_px && found->height_px == want->height_px);
    cr_assert(found->bits == want->bits && found->n_channels == want->n_channels && found->maxval == want->maxval);
    cr_assert_eq(found->stride_bytes, want->stride_bytes);
    cr_assert(!memcmp(found->pixels, want->pixels, want->stride_bytes * want->height_px));
    e->n_seen++;
    return PXR_OK;
}

static void expect_again(const struct pxr_buffer *file, const struct pxr_image *image, enum pxr_image_format format)
{
    const struct pxr_image_opts opts = {.keep_channels = true};
    struct expected e = {.image = image};
    struct pxr_diag diag;
    cr_assert_eq(pxr_image_detect(file->bytes, file->n_bytes), format);
    FILE *const f = tmpfile();
    cr_assert_eq(pxr_image_read(fileno(f), file->bytes, file->n_bytes, format, &opts, compare, &e, &diag), PXR_OK, "%s",
                 diag.text);
    cr_assert_eq(e.n_seen, 1);
    fclose(f);
}

Test(image_export, png_keeps_every_channel)
{
    for (unsigned i = 0; i < N_SHAPES; i++) {
        uint8_t pixels[MAX_BYTES];
        const struct pxr_image image = draw(&shapes[i], pixels);
        struct pxr_buffer file = {0};
        cr_assert_eq(pxr_png_put(&file, &image, NULL), PXR_OK);
        expect_again(&file, &image, PXR_IMAGE_PNG);
        pxr_buffer_fini(&file);
    }
}

Test(image_export, pnm_keeps_gray_and_colour_and_has_no_alpha)
{
    for (unsigned i = 0; i < N_SHAPES; i++) {
        uint8_t pixels[MAX_BYTES];
        const struct pxr_image image = draw(&shapes[i], pixels);
        struct pxr_buffer file = {0};
        const bool has_alpha = image.n_channels % 2 == 0;
        cr_assert_eq(pxr_pnm_put(&file, &image, NULL), has_alpha ? PXR_E_INVALID : PXR_OK);
        if (!has_alpha)
            expect_again(&file, &image, PXR_IMAGE_PNM);
        pxr_buffer_fini(&file);
    }
}

Test(image_export, npy_header_is_aligned_and_names_the_shape)
{
    for (unsigned i = 0; i < N_SHAPES; i++) {
        uint8_t pixels[MAX_BYTES];
        char shape[96];
        const struct pxr_image image = draw(&shapes[i], pixels);
        struct pxr_buffer file = {0};
        cr_assert_eq(pxr_npy_put_header(&file, &image, 1000000, NULL), PXR_OK);
        cr_assert_eq(file.n_bytes % 64, 0);
        cr_assert_eq(file.bytes[file.n_bytes - 1], '\n');
        cr_assert_eq(pxr_load_u16le(file.bytes + 8), file.n_bytes - 10);
        snprintf(shape, sizeof shape, image.n_channels > 1 ? "(1000000, %u, %u, %u), }" : "(1000000, %u, %u), }",
                 image.height_px, image.width_px, image.n_channels);
        file.bytes[file.n_bytes - 1] = 0;
        cr_assert(strstr((const char *)file.bytes + 10, shape), "%s", (const char *)file.bytes + 10);
        pxr_buffer_fini(&file);
    }
}

Test(image_export, palettes_become_rgb_and_alpha)
{
    /* 2 x 1 pixels, colours (10, 20, 30) and (1, 2, 3), of which the first is half transparent. */
    static const uint8_t png[] = {
        137, 80, 78, 71, 13, 10, 26, 10, 0, 0, 0, 13, 73, 72, 68, 82, 0, 0, 0, 2, 0, 0, 0, 1, 8, 3, 0, 0, 0, 195,
        252, 143, 184, 0, 0, 0, 6, 80, 76, 84, 69, 10, 20, 30, 1, 2, 3, 139, 167, 210, 72, 0, 0, 0, 1, 116, 82, 78,
        83, 128, 173, 94, 91, 70, 0, 0, 0, 11, 73, 68, 65, 84, 120, 156, 99, 96, 96, 4, 0, 0, 4, 0, 2, 191, 122,
        63, 74, 0, 0, 0, 0, 73, 69, 78, 68, 174, 66, 96, 130};
    static const uint8_t pixels[] = {10, 20, 30, 128, 1, 2, 3, 255};
    const struct pxr_image image = {.width_px = 2, .height_px = 1, .bits = 8, .maxval = 255, .n_channels = 4,
                                    .pixels = pixels, .stride_bytes = 8};
    const struct pxr_buffer file = {(uint8_t *)(uintptr_t)png, sizeof png, sizeof png};
    expect_again(&file, &image, PXR_IMAGE_PNG);
}

static int n_allowed;
static bool allow_some(size_t n_bytes)
{
    (void)n_bytes;
    return n_allowed-- > 0;
}

Test(image_export, every_request_for_memory_may_fail)
{
    uint8_t pixels[MAX_BYTES];
    const struct pxr_image image = draw(&shapes[3], pixels);
    for (int n = 0;; n++) {
        struct pxr_buffer file = {0};
        n_allowed = n;
        pxr_alloc_hook(allow_some);
        const enum pxr_err e = pxr_png_put(&file, &image, NULL);
        pxr_alloc_hook(NULL);
        pxr_buffer_fini(&file);
        if (e == PXR_OK) {
            cr_assert_gt(n, 3);
            break;
        }
        cr_assert_eq(e, PXR_E_NOMEM);
    }
}
