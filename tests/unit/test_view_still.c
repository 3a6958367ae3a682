/* SPDX-License-Identifier: MIT
 * Views in the still formats: their own decoders read them, whole and cut, and they are refused where they would lose
 * something. */
#include "px2.h"
#include "pxs.h"
#include "test_view_support.h"
#include "vcbn.h"

static const struct shape shapes[] = {{1, 1, 8, 0, 0},    {1, 1, 16, 0, 0},     {300, 1, 8, 0, 0},
                                      {1, 300, 16, 0, 0}, {64, 64, 8, 0, 0},    {65, 63, 16, 0, 4096},
                                      {7, 600, 8, 0, 9},  {513, 300, 16, 0, 0}, {700, 300, 8, 0, 0}};
enum { N_SHAPES = sizeof shapes / sizeof shapes[0] };

/* malloc'd */
static uint8_t *read_view(const struct bench *b, enum pxr_view v, size_t n_bytes)
{
    uint8_t *const file = malloc(n_bytes ? n_bytes : 1);
    size_t got;
    cr_assert_eq(pxr_view_read(b->decoder, 1, v, 0, file, n_bytes, &got), PXR_OK);
    cr_assert_eq(got, n_bytes);
    return file;
}

/* Decode the first n_bytes of a view; malloc'd. */
static uint8_t *decode_stream(const struct bench *b, enum pxr_view v, size_t n_bytes, uint64_t *n_missing)
{
    const struct pxr_px2_opts px2 = {.is_progressive = true};
    const struct pxr_pxs_opts pxs = {.is_progressive = true};
    struct pxr_stream_reader r;
    struct pxr_diag diag = {0};
    bool has_frame;
    uint8_t *const file = read_view(b, v, n_bytes);
    cr_assert_eq(v == PXR_VIEW_PX2 ? pxr_px2_open(&r, file, n_bytes, &px2, NULL, &diag)
                                   : pxr_pxs_open(&r, file, n_bytes, &pxs, NULL, &diag), PXR_OK, "%s", diag.text);
    uint8_t *const pixels = malloc(pxr_stream_frame_bytes(&r.format));
    cr_assert_eq(pxr_stream_reader_next(&r, pixels, &has_frame, n_missing, &diag), PXR_OK, "%s", diag.text);
    cr_assert(has_frame);
    pxr_stream_reader_fini(&r);
    free(file);
    return pixels;
}

Test(view_still, px2_decodes_to_the_frame_at_every_depth)
{
    for (size_t i = 0; i < N_SHAPES; i++) {
        struct bench b;
        uint64_t n_missing;
        set_up(&b, shapes[i]);
        const size_t n_bytes = (size_t)pxr_view_bytes(&b.info, PXR_VIEW_PX2);
        cr_assert_eq(n_bytes, 32 + b.pixel_bytes);
        uint8_t *const pixels = decode_stream(&b, PXR_VIEW_PX2, n_bytes, &n_missing);
        cr_assert(!n_missing && !memcmp(pixels, b.pixels, b.pixel_bytes), "shape %zu", i);
        free(pixels);
        tear_down(&b);
    }
}

Test(view_still, pxs_decodes_to_the_frame_and_wider_samples_have_none)
{
    for (size_t i = 0; i < N_SHAPES; i++) {
        struct bench b;
        struct pxr_archive_info archive;
        uint64_t n_missing;
        size_t got;
        set_up(&b, shapes[i]);
        pxr_archive_info(b.archive, &archive);
        const size_t n_bytes = (size_t)pxr_view_bytes(&b.info, PXR_VIEW_PXS);
        if (shapes[i].bits == 16) {
            uint8_t byte = 1;
            cr_assert(!n_bytes && strstr(pxr_view_refusal(&archive, PXR_VIEW_PXS), "8 bits"));
            cr_assert_eq(pxr_view_read(b.decoder, 1, PXR_VIEW_PXS, 0, &byte, 1, &got), PXR_E_UNSUPPORTED);
            cr_assert(!got && !byte && strstr(pxr_decoder_diag(b.decoder)->text, "8 bits"));
        } else {
            cr_assert_null(pxr_view_refusal(&archive, PXR_VIEW_PXS));
            cr_assert_eq(n_bytes, 8 + 3 * b.pixel_bytes);
            uint8_t *const rgb = decode_stream(&b, PXR_VIEW_PXS, n_bytes, &n_missing);
            for (size_t p = 0; p < b.pixel_bytes; p++)
                cr_assert(rgb[3 * p] == b.pixels[p] && rgb[3 * p + 1] == b.pixels[p] && rgb[3 * p + 2] == b.pixels[p]);
            cr_assert_eq(n_missing, 0);
            free(rgb);
        }
        tear_down(&b);
    }
}

/* 64 x 64: after the first 4^k pixels each square of side 64 >> k shows its corner. */
Test(view_still, beginnings_of_stream_views_are_coarser_pictures)
{
    struct bench b;
    set_up(&b, (struct shape){64, 64, 8, 0, 0});
    for (unsigned k = 0; k <= 6; k++) {
        const unsigned side = 64u >> k, n_px = 1u << 2 * k;
        uint64_t n_missing;
        uint8_t *const gray = decode_stream(&b, PXR_VIEW_PX2, 32 + n_px, &n_missing);
        cr_assert_eq(n_missing, 64 * 64 - n_px);
        uint8_t *const rgb = decode_stream(&b, PXR_VIEW_PXS, 8 + 3 * n_px, &n_missing);
        for (unsigned y = 0; y < 64; y++)
            for (unsigned x = 0; x < 64; x++) {
                const uint8_t corner = b.pixels[y / side * side * 64 + x / side * side];
                cr_assert(gray[y * 64 + x] == corner && rgb[3 * (y * 64 + x)] == corner);
            }
        free(gray);
        free(rgb);
    }
    tear_down(&b);
}

Test(view_still, vcbn_decodes_to_the_frame_with_a_range_of_its_type)
{
    for (size_t i = 0; i < N_SHAPES; i++) {
        struct bench b;
        struct pxr_vcbn_info info;
        struct pxr_diag diag = {0};
        set_up(&b, shapes[i]);
        const size_t n_bytes = (size_t)pxr_view_bytes(&b.info, PXR_VIEW_VCBN);
        uint8_t *const file = read_view(&b, PXR_VIEW_VCBN, n_bytes), *const pixels = malloc(b.pixel_bytes);
        cr_assert_eq(pxr_vcbn_parse(&info, file, n_bytes, &diag), PXR_OK, "%s", diag.text);
        cr_assert(info.width_px == shapes[i].width_px && info.height_px == shapes[i].height_px);
        const double top = shapes[i].bits == 8 ? 255 : b.info.maxval <= 4096 ? 4096 : 65535;
        cr_assert(info.dialect == PXR_VCBN_VCBN && info.vmin == 0 && info.vmax == top && info.resolution == top);
        pxr_vcbn_decode(&info, file, pixels, info.width_px * (shapes[i].bits / 8u));
        cr_assert(!memcmp(pixels, b.pixels, b.pixel_bytes), "shape %zu", i);
        free(file);
        free(pixels);
        tear_down(&b);
    }
}
