/* SPDX-License-Identifier: MIT
 * Dichotomic Compression: the format's own example in each layout, what thresholds and averages promise, which
 * layout a file has, and what is refused. */
#include "dci.h"
#include "diag.h"

#include <criterion/criterion.h>
#include <stdio.h>

/* The example of the format's description, threshold 5. */
static const uint8_t example[] = {10, 10, 200, 10, 12, 200};
static const uint8_t example_v1[] = {1,  5,  0,  0, 0, 3,    0,    0,    0, 2, 0,  1,  10, 10, 10, 0, 0,   10,
                                     10, 10, 0,  0, 200, 200, 200, 0, 0, 12, 12, 12, 0,  0,  200, 200, 200};
static const uint8_t example_v2[] = {2,  5, 3, 0,   0,   0,   2, 0,  0,  0,  1, 10,  10,  10,  3,
                                     10, 10, 10, 3, 200, 200, 200, 3, 12, 12, 12, 3, 200, 200, 200};
static const uint8_t example_v3[] = {3,    5,    3,    0,    0,    0,    2,    0,    0,    0,    0x02, 0x14, 0x28, 0x50,
                                     0x61, 0x42, 0x85, 0x07, 0x93, 0x26, 0x40, 0x61, 0x83, 0x06, 0x07, 0x93, 0x26, 0x40};
static const uint8_t example_planar[] = {2, 5, 3, 0, 0, 0, 2, 0, 0, 0, 1, 10, 3, 10, 3, 200, 3, 12, 3, 200, 1, 10, 3, 10,
                                         3, 200, 3, 12, 3, 200, 1, 10, 3, 10, 3, 200, 3, 12, 3, 200};

static struct pxr_buffer encode(const uint8_t *pixels, uint32_t w, uint32_t h, uint8_t n_channels,
                                struct pxr_dci_opts o)
{
    const struct pxr_dci_picture p = {pixels, (size_t)w * n_channels, w, h, n_channels};
    struct pxr_buffer out = {0};
    cr_assert_eq(pxr_dci_encode(&out, &p, &o, NULL), PXR_OK);
    return out;
}

/* malloc'd */
static uint8_t *decode(const struct pxr_buffer *file, enum pxr_dci_layout layout, uint8_t n_channels,
                       struct pxr_dci_info *info)
{
    struct pxr_diag diag = {0};
    cr_assert_eq(pxr_dci_parse(info, file->bytes, file->n_bytes, layout, &diag), PXR_OK, "%s", diag.text);
    uint8_t *const pixels = malloc((size_t)info->width_px * info->height_px * n_channels);
    cr_assert_eq(pxr_dci_decode(info, file->bytes, file->n_bytes, pixels, (size_t)info->width_px * n_channels,
                                n_channels, &diag), PXR_OK, "%s", diag.text);
    return pixels;
}

static void expect_example(enum pxr_dci_layout layout, const uint8_t *expected, size_t n)
{
    struct pxr_buffer file = encode(example, 3, 2, 1, (struct pxr_dci_opts){layout, PXR_DCI_AVERAGE_ORIGINAL, 5});
    struct pxr_dci_info info;
    cr_assert_eq(file.n_bytes, n);
    cr_assert_arr_eq(file.bytes, expected, n);
    uint8_t *const gray = decode(&file, PXR_DCI_AUTO, 1, &info), *const rgb = decode(&file, layout, 3, &info);
    cr_assert(info.layout == layout && info.threshold == 5 && info.is_gray);
    for (unsigned i = 0; i < 6; i++) {
        const unsigned v = example[i], expected_level = layout == PXR_DCI_V3 ? v >> 1 << 1 | v >> 7 : v;
        cr_assert_eq(gray[i], expected_level);
        cr_assert(rgb[3 * i] == gray[i] && rgb[3 * i + 1] == gray[i] && rgb[3 * i + 2] == gray[i]);
    }
    free(gray);
    free(rgb);
    pxr_buffer_fini(&file);
}

Test(still_dci, example_of_the_description_in_each_layout)
{
    uint8_t late1[sizeof example_v2];
    memcpy(late1, example_v2, sizeof late1);
    late1[0] = 1;
    expect_example(PXR_DCI_V1, example_v1, sizeof example_v1);
    expect_example(PXR_DCI_V2, example_v2, sizeof example_v2);
    expect_example(PXR_DCI_V3, example_v3, sizeof example_v3);
    expect_example(PXR_DCI_LATE1, late1, sizeof late1);
    expect_example(PXR_DCI_LATE2_PLANAR, example_planar, sizeof example_planar);
}

static uint8_t *scene(uint32_t w, uint32_t h, uint32_t seed)
{
    uint8_t *const pixels = malloc((size_t)w * h);
    for (uint32_t y = 0; y < h; y++)
        for (uint32_t x = 0; x < w; x++) {
            seed = seed * 1664525 + 1013904223;
            pixels[(size_t)y * w + x] = (uint8_t)((x + y) / 3 + (seed >> 28) + ((x / 9 + y / 5) % 2 ? 90 : 0));
        }
    return pixels;
}

Test(still_dci, gray_with_exact_averages_is_off_by_the_threshold_at_most_and_lossless_at_zero)
{
    static const uint32_t sides[][2] = {{1, 1}, {1, 40}, {37, 1}, {33, 29}, {300, 270}};
    static const uint8_t thresholds[] = {0, 1, 7, 40, 255};
    for (unsigned s = 0; s < 5; s++)
        for (unsigned t = 0; t < 5; t++)
            for (enum pxr_dci_layout layout = PXR_DCI_V1; layout < PXR_DCI_N_LAYOUTS; layout++) {
                const uint32_t w = sides[s][0], h = sides[s][1];
                uint8_t *const pixels = scene(w, h, s);
                struct pxr_dci_info info;
                struct pxr_buffer file =
                    encode(pixels, w, h, 1, (struct pxr_dci_opts){layout, PXR_DCI_AVERAGE_EXACT, thresholds[t]});
                uint8_t *const back = decode(&file, PXR_DCI_AUTO, 1, &info);
                const int allowed = thresholds[t] + (layout == PXR_DCI_V3);
                cr_assert(info.width_px == w && info.height_px == h && info.layout == layout);
                for (size_t i = 0; i < (size_t)w * h; i++)
                    cr_assert_leq(abs(back[i] - pixels[i]), allowed, "%ux%u layout %d threshold %u pixel %zu", w, h,
                                  (int)layout, thresholds[t], i);
                free(pixels);
                free(back);
                pxr_buffer_fini(&file);
            }
}

Test(still_dci, compat_averages_lose_a_level_of_six_flat_pixels)
{
    const uint8_t flat[] = {1, 1, 1, 1, 1, 1};
    const uint8_t level[] = {0, 1}; /* compat, exact */
    for (unsigned i = 0; i < 2; i++) {
        struct pxr_buffer file = encode(
            flat, 3, 2, 1,
            (struct pxr_dci_opts){PXR_DCI_V2, i ? PXR_DCI_AVERAGE_EXACT : PXR_DCI_AVERAGE_COMPAT, 0});
        cr_assert_eq(file.n_bytes, 14);
        cr_assert_eq(file.bytes[11], level[i]);
        pxr_buffer_fini(&file);
    }
}

Test(still_dci, coloured_pictures_are_coloured_and_do_not_decode_to_gray)
{
    const uint8_t rgb[] = {10, 20, 30, 200, 100, 0};
    for (enum pxr_dci_layout layout = PXR_DCI_V1; layout < PXR_DCI_N_LAYOUTS; layout++) {
        struct pxr_buffer file = encode(rgb, 2, 1, 3, (struct pxr_dci_opts){layout, PXR_DCI_AVERAGE_EXACT, 0});
        struct pxr_dci_info info;
        struct pxr_diag diag;
        uint8_t gray[2];
        uint8_t *const back = decode(&file, PXR_DCI_AUTO, 3, &info);
        cr_assert_not(info.is_gray);
        if (layout != PXR_DCI_V3)
            cr_assert_arr_eq(back, rgb, sizeof rgb);
        cr_assert_eq(pxr_dci_decode(&info, file.bytes, file.n_bytes, gray, 2, 1, &diag), PXR_E_INVALID);
        free(back);
        pxr_buffer_fini(&file);
    }
}

Test(still_dci, rows_may_lie_apart)
{
    const uint8_t wide[] = {1, 2, 99, 3, 4, 99};
    const struct pxr_dci_picture p = {wide, 3, 2, 2, 1};
    struct pxr_buffer file = {0};
    struct pxr_dci_info info;
    uint8_t back[6] = {7, 7, 7, 7, 7, 7};
    cr_assert_eq(pxr_dci_encode(&file, &p, &(struct pxr_dci_opts){PXR_DCI_V1, 0, 0}, NULL), PXR_OK);
    cr_assert_eq(pxr_dci_parse(&info, file.bytes, file.n_bytes, PXR_DCI_AUTO, NULL), PXR_OK);
    cr_assert_eq(pxr_dci_decode(&info, file.bytes, file.n_bytes, back, 3, 1, NULL), PXR_OK);
    cr_assert_arr_eq(back, ((const uint8_t[]){1, 2, 7, 3, 4, 7}), 6);
    pxr_buffer_fini(&file);
}

static void expect_refused(const uint8_t *file, size_t n, enum pxr_dci_layout layout, enum pxr_err err,
                           const char *words)
{
    struct pxr_dci_info info;
    struct pxr_diag diag;
    cr_assert_eq(pxr_dci_parse(&info, file, n, layout, &diag), err, "%s: %s", words, diag.text);
    cr_assert(diag.code == err && strstr(diag.text, words), "%s: %s", words, diag.text);
    cr_assert_eq(pxr_dci_parse(&info, file, n, layout, NULL), err);
}

/* The example in one layout with one byte changed, or cut to n bytes. */
static void expect_change_refused(const uint8_t *file, size_t n, size_t at, uint8_t value, enum pxr_err err,
                                  const char *words)
{
    uint8_t changed[64];
    memcpy(changed, file, n);
    if (at < n)
        changed[at] = value;
    expect_refused(changed, n, PXR_DCI_AUTO, err, words);
}

Test(still_dci, files_that_no_encoder_writes_are_refused)
{
    enum { NOTHING = 99 };
    const size_t n1 = sizeof example_v1, n2 = sizeof example_v2, n3 = sizeof example_v3, np = sizeof example_planar;
    expect_change_refused(example_v2, n2, 0, 4, PXR_E_UNSUPPORTED, "no version 4");
    expect_change_refused(example_v2, n2, 2, 0, PXR_E_CORRUPT, "0 x 2 pixels");
    expect_change_refused(example_v2, n2, 5, 1, PXR_E_CORRUPT, "sides must be");
    expect_change_refused(example_v2, n2, 14, 9, PXR_E_CORRUPT, "single pixel is halved");
    expect_change_refused(example_v2, n2, 14, 0, PXR_E_CORRUPT, "first pixel that is free");
    expect_change_refused(example_v2, n2 - 4, NOTHING, 0, PXR_E_TRUNCATED, "before its parts cover");
    expect_change_refused(example_v2, n2 - 1, NOTHING, 0, PXR_E_CORRUPT, "within a record");
    expect_change_refused(example_v2, n2, 10, 0, PXR_E_CORRUPT, "records behind");
    expect_change_refused(example_v1, n1, 10, 3, PXR_E_CORRUPT, "leaves the picture");
    expect_change_refused(example_v1, n1, 15, 1, PXR_E_CORRUPT, "records behind");
    expect_change_refused(example_v3, n3, n3 - 1, 0x41, PXR_E_CORRUPT, "last byte");
    expect_change_refused(example_v3, n3 - 4, NOTHING, 0, PXR_E_TRUNCATED, "before its parts cover");
    expect_change_refused(example_planar, np - 2, NOTHING, 0, PXR_E_TRUNCATED, "before its parts cover");
    expect_refused(example_v2, 9, PXR_DCI_AUTO, PXR_E_TRUNCATED, "header");
    expect_refused(example_v2, n2, PXR_DCI_V1, PXR_E_MISMATCH, "version");
    const uint8_t huge[] = {2, 0, 255, 255, 0, 0, 255, 255, 0, 0, 0, 1, 2, 3};
    expect_refused(huge, sizeof huge, PXR_DCI_AUTO, PXR_E_LIMIT, "65535 x 65535");
}

Test(still_dci, overlap_of_version1_parts_is_refused)
{
    /* 3 x 2: one pixel, a column at x = 1, then at 2, 0 one pixel, then at 0, 1 a part two wide over the column. */
    const uint8_t file[] = {1, 0, 0, 0, 0, 3, 0, 0, 0, 2, 0, 0, 9, 9, 9, 0, 1, 9, 9, 9, 0, 0, 9, 9, 9, 1, 0, 9, 9, 9};
    expect_refused(file, sizeof file, PXR_DCI_AUTO, PXR_E_CORRUPT, "overlaps");
}

Test(still_dci, options_and_pictures_that_make_no_sense_are_refused)
{
    const struct pxr_dci_picture two = {example, 3, 1, 1, 2}, none = {example, 3, 0, 2, 1},
                                 wide = {example, 65536, 65536, 1, 1};
    const struct pxr_dci_opts o = {PXR_DCI_V2, 0, 0}, wrong = {PXR_DCI_N_LAYOUTS, 0, 0};
    struct pxr_buffer out = {0};
    cr_assert_eq(pxr_dci_encode(&out, &two, &o, NULL), PXR_E_INVALID);
    cr_assert_eq(pxr_dci_encode(&out, &none, &o, NULL), PXR_E_INVALID);
    cr_assert_eq(pxr_dci_encode(&out, &wide, &o, NULL), PXR_E_LIMIT);
    cr_assert_eq(pxr_dci_encode(&out, &wide, &wrong, NULL), PXR_E_INVALID);
    cr_assert_eq(out.n_bytes, 0);
}

Test(still_dci, layouts_have_names)
{
    for (enum pxr_dci_layout l = PXR_DCI_V1; l < PXR_DCI_N_LAYOUTS; l++) {
        enum pxr_dci_layout found = PXR_DCI_AUTO;
        cr_assert(pxr_dci_layout_find(pxr_dci_layout_name(l), &found));
        cr_assert_eq(found, l);
    }
    enum pxr_dci_layout found;
    cr_assert_not(pxr_dci_layout_find("v4", &found));
    cr_assert_null(pxr_dci_layout_name(PXR_DCI_AUTO));
}
