/* SPDX-License-Identifier: MIT
 * Views: their bytes are pinned, any range equals a slice of the whole, libpng reads the png. */
#include "test_view_support.h"
#include "view_loan.h"
#include "view_rows.h"

#include <inttypes.h>
#include <png.h>
#include <stdlib.h>

/* The whole view, read at once; freed with pxr_free. */
static uint8_t *read_whole(const struct bench *b, enum pxr_view v, size_t *n_bytes)
{
    size_t got;
    *n_bytes = (size_t)pxr_view_bytes(&b->info, v);
    uint8_t *whole = pxr_alloc(*n_bytes + 10);
    cr_assert_eq(pxr_view_read(b->decoder, 1, v, 0, whole, *n_bytes + 10, &got), PXR_OK);
    cr_assert_eq(got, *n_bytes, "%s of %u x %u: %zu bytes, pxr_view_bytes says %zu",
                 pxr_view_name(v), b->shape.width_px, b->shape.height_px, got, *n_bytes);
    return whole;
}

Test(view, names_are_extensions_and_are_found_again)
{
    enum pxr_view v;
    cr_assert_str_eq(pxr_view_name(PXR_VIEW_PNG), "png");
    cr_assert_str_eq(pxr_view_name(PXR_VIEW_PGM), "pgm");
    cr_assert_str_eq(pxr_view_name(PXR_VIEW_RAW), "raw");
    for (unsigned i = 0; i < PXR_N_VIEWS; i++)
        cr_assert(pxr_view_find(pxr_view_name((enum pxr_view)i), &v) && (unsigned)v == i);
    cr_assert_not(pxr_view_find("jpg", &v));
    cr_assert_not(pxr_view_find("", &v));
    cr_assert_not(pxr_view_find("pngs", &v));
}

/* Never change a line of this table: people have stored checksums of these files.  The values were
 * computed by a program of its own, from docs/format.md. */
Test(view, bytes_never_change)
{
    static const struct {
        struct shape s;
        enum pxr_view v;
        uint64_t n_bytes;
        uint32_t crc32;
    } golden[] = {
        {{1, 1, 8, 0, 0}, PXR_VIEW_PNG, 82, 0x2f6ffb94},
        {{1, 1, 8, 0, 0}, PXR_VIEW_PGM, 12, 0x8f5b13ba},
        {{1, 1, 8, 0, 0}, PXR_VIEW_RAW, 1, 0xff000000},
        {{1, 1, 16, 0, 0}, PXR_VIEW_PNG, 83, 0x12f6894c},
        {{1, 1, 16, 0, 0}, PXR_VIEW_PGM, 15, 0x28e426f3},
        {{1, 1, 16, 0, 0}, PXR_VIEW_RAW, 2, 0xffff0000},
        {{5, 3, 8, 0, 0}, PXR_VIEW_PNG, 98, 0x363449b0},
        {{5, 3, 8, 0, 0}, PXR_VIEW_PGM, 26, 0xc1a17177},
        {{5, 3, 8, 0, 0}, PXR_VIEW_RAW, 15, 0x65adc6b1},
        {{5, 3, 8, 4, 15}, PXR_VIEW_PNG, 111, 0xf23c5b01},
        {{5, 3, 8, 4, 15}, PXR_VIEW_PGM, 25, 0xe5c985a2},
        {{5, 3, 8, 4, 15}, PXR_VIEW_RAW, 15, 0xcca9d649},
        {{7, 63, 16, 12, 4095}, PXR_VIEW_PNG, 1038, 0x8d48e59e},
        {{7, 63, 16, 12, 4095}, PXR_VIEW_PGM, 895, 0x8b506f3f},
        {{7, 63, 16, 12, 4095}, PXR_VIEW_RAW, 882, 0x899f5d9c},
        {{7, 64, 16, 0, 0}, PXR_VIEW_PNG, 1040, 0xcaff9c66},
        {{7, 64, 16, 0, 0}, PXR_VIEW_PGM, 910, 0x37e63c0d},
        {{7, 64, 16, 0, 0}, PXR_VIEW_RAW, 896, 0x375168d7},
        {{7, 65, 8, 0, 0}, PXR_VIEW_PNG, 617, 0xcd37f92f},
        {{7, 65, 8, 0, 0}, PXR_VIEW_PGM, 467, 0x25c2ab1c},
        {{7, 65, 8, 0, 0}, PXR_VIEW_RAW, 455, 0x25e9b8ce},
        {{19, 128, 16, 0, 1000}, PXR_VIEW_PNG, 5089, 0x9f8e8148},
        {{19, 128, 16, 0, 1000}, PXR_VIEW_PGM, 4879, 0x2fb8d604},
        {{19, 128, 16, 0, 1000}, PXR_VIEW_RAW, 4864, 0x8347d5a2},
        {{1023, 65, 8, 0, 0}, PXR_VIEW_PNG, 66662, 0xba44e963},
        {{1023, 65, 8, 0, 0}, PXR_VIEW_PGM, 66510, 0xc1724368},
        {{1023, 65, 8, 0, 0}, PXR_VIEW_RAW, 66495, 0x129a02b2},
        {{1024, 64, 8, 0, 0}, PXR_VIEW_PNG, 65685, 0x9b240423},
        {{1024, 64, 8, 0, 0}, PXR_VIEW_PGM, 65551, 0x0beae7e7},
        {{1024, 64, 8, 0, 0}, PXR_VIEW_RAW, 65536, 0xf0a26c32},
        {{65535, 3, 16, 0, 0}, PXR_VIEW_PNG, 393323, 0xe35493e8},
        {{65535, 3, 16, 0, 0}, PXR_VIEW_PGM, 393227, 0x4715196d},
        {{65535, 3, 16, 0, 0}, PXR_VIEW_RAW, 393210, 0x7d8c22a7},
        {{17, 200, 16, 0, 200}, PXR_VIEW_PNG, 7131, 0xa35a0add},
        {{17, 200, 16, 0, 200}, PXR_VIEW_PGM, 3414, 0x2aa5f9dc},
        {{17, 200, 16, 0, 200}, PXR_VIEW_RAW, 6800, 0x0bd18910},
        {{1, 1, 8, 0, 0}, PXR_VIEW_VCBN, 165, 0x85194461},
        {{1, 1, 8, 0, 0}, PXR_VIEW_PX2, 33, 0x562339cd},
        {{1, 1, 8, 0, 0}, PXR_VIEW_PXS, 11, 0x1f2ff005},
        {{1, 1, 16, 0, 0}, PXR_VIEW_VCBN, 172, 0x0c4c0e57},
        {{1, 1, 16, 0, 0}, PXR_VIEW_PX2, 34, 0x4f68bf6e},
        {{5, 3, 8, 0, 0}, PXR_VIEW_VCBN, 181, 0xf0802aee},
        {{5, 3, 8, 0, 0}, PXR_VIEW_PX2, 47, 0x91966661},
        {{5, 3, 8, 0, 0}, PXR_VIEW_PXS, 53, 0x84ba4751},
        {{5, 3, 8, 4, 15}, PXR_VIEW_VCBN, 181, 0x59843a16},
        {{5, 3, 8, 4, 15}, PXR_VIEW_PX2, 47, 0xf3009191},
        {{5, 3, 8, 4, 15}, PXR_VIEW_PXS, 53, 0x85a27f1e},
        {{7, 63, 16, 12, 4095}, PXR_VIEW_VCBN, 1052, 0xb4f5f27d},
        {{7, 63, 16, 12, 4095}, PXR_VIEW_PX2, 914, 0x1a2268b5},
        {{7, 64, 16, 0, 0}, PXR_VIEW_VCBN, 1062, 0x98eea218},
        {{7, 64, 16, 0, 0}, PXR_VIEW_PX2, 928, 0xfc44065d},
        {{7, 65, 8, 0, 0}, PXR_VIEW_VCBN, 623, 0xdd7b1407},
        {{7, 65, 8, 0, 0}, PXR_VIEW_PX2, 487, 0xe3b50e07},
        {{7, 65, 8, 0, 0}, PXR_VIEW_PXS, 1373, 0x624f1a8f},
        {{19, 128, 16, 0, 1000}, PXR_VIEW_VCBN, 5030, 0x2fe012a1},
        {{19, 128, 16, 0, 1000}, PXR_VIEW_PX2, 4896, 0x99b9b2f9},
        {{1023, 65, 8, 0, 0}, PXR_VIEW_VCBN, 66663, 0x2b982488},
        {{1023, 65, 8, 0, 0}, PXR_VIEW_PX2, 66527, 0x4984ecbc},
        {{1023, 65, 8, 0, 0}, PXR_VIEW_PXS, 199493, 0xf6548433},
        {{1024, 64, 8, 0, 0}, PXR_VIEW_VCBN, 65692, 0xa725d36a},
        {{1024, 64, 8, 0, 0}, PXR_VIEW_PX2, 65568, 0xd2f7e9bb},
        {{1024, 64, 8, 0, 0}, PXR_VIEW_PXS, 196616, 0x711914eb},
        {{300, 2, 16, 0, 4097}, PXR_VIEW_VCBN, 1370, 0xada67e18},
        {{300, 2, 16, 0, 4097}, PXR_VIEW_PX2, 1232, 0xef5eb2c9},
        {{17, 200, 16, 0, 200}, PXR_VIEW_VCBN, 6970, 0x1c04a2aa},
        {{17, 200, 16, 0, 200}, PXR_VIEW_PX2, 6832, 0x042327f3},
        {{1, 1, 8, 0, 0}, PXR_VIEW_TIF, 257, 0xf97ff4d5},
        {{1, 1, 8, 0, 0}, PXR_VIEW_NPY, 129, 0xea87b901},
        {{1, 1, 8, 0, 0}, PXR_VIEW_PREVIEW, 70, 0x62d13a39},
        {{1, 1, 16, 0, 0}, PXR_VIEW_TIF, 258, 0x511504fb},
        {{1, 1, 16, 0, 0}, PXR_VIEW_NPY, 130, 0x7354194f},
        {{1, 1, 16, 0, 0}, PXR_VIEW_PREVIEW, 70, 0x62d13a39},
        {{5, 3, 8, 0, 0}, PXR_VIEW_TIF, 271, 0x049230ec},
        {{5, 3, 8, 0, 0}, PXR_VIEW_NPY, 143, 0xaefc143f},
        {{5, 3, 8, 0, 0}, PXR_VIEW_PREVIEW, 70, 0x50be471d},
        {{5, 3, 8, 4, 15}, PXR_VIEW_TIF, 271, 0xad962014},
        {{5, 3, 8, 4, 15}, PXR_VIEW_NPY, 143, 0x07f804c7},
        {{5, 3, 8, 4, 15}, PXR_VIEW_PREVIEW, 70, 0xb811fef1},
        {{7, 63, 16, 12, 4095}, PXR_VIEW_TIF, 1138, 0x5846cb7d},
        {{7, 63, 16, 12, 4095}, PXR_VIEW_NPY, 1010, 0x194762d1},
        {{7, 63, 16, 12, 4095}, PXR_VIEW_PREVIEW, 84, 0x0f8577d3},
        {{7, 65, 8, 0, 0}, PXR_VIEW_TIF, 711, 0x368d8a6a},
        {{7, 65, 8, 0, 0}, PXR_VIEW_NPY, 583, 0xf8a7db7e},
        {{7, 65, 8, 0, 0}, PXR_VIEW_PREVIEW, 86, 0x4c204081},
        {{19, 128, 16, 0, 1000}, PXR_VIEW_TIF, 5120, 0x53780fe8},
        {{19, 128, 16, 0, 1000}, PXR_VIEW_NPY, 4992, 0x144b93ea},
        {{19, 128, 16, 0, 1000}, PXR_VIEW_PREVIEW, 132, 0x99ae44ee},
        {{1023, 65, 8, 0, 0}, PXR_VIEW_TIF, 66751, 0x9e2d5bda},
        {{1023, 65, 8, 0, 0}, PXR_VIEW_NPY, 66623, 0xb2fbacf8},
        {{1023, 65, 8, 0, 0}, PXR_VIEW_PREVIEW, 1229, 0xe626de4d},
        {{2100, 2000, 8, 0, 0}, PXR_VIEW_PREVIEW, 66073, 0x494b072a},
    };
    for (size_t i = 0; i < sizeof golden / sizeof golden[0]; i++) {
        struct bench b;
        size_t n_bytes;
        set_up(&b, golden[i].s);
        uint8_t *whole = read_whole(&b, golden[i].v, &n_bytes);
        cr_expect_eq(n_bytes, golden[i].n_bytes, "line %zu: %zu bytes", i, n_bytes);
        cr_expect_eq(pxr_crc32(0, whole, n_bytes), golden[i].crc32, "line %zu: crc32 %08" PRIx32, i,
                     pxr_crc32(0, whole, n_bytes));
        pxr_free(whole);
        tear_down(&b);
    }
}

Test(view, smallest_png_is_the_one_in_the_format_document)
{
    static const uint8_t expected[] = {
        0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0x00, 0x00, 0x00, 0x0D, 0x49, 0x48,
        0x44, 0x52, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x01, 0x08, 0x00, 0x00, 0x00,
        0x00, 0x3A, 0x7E, 0x9B, 0x55, 0x00, 0x00, 0x00, 0x09, 0x49, 0x44, 0x41, 0x54, 0x78,
        0x01, 0x01, 0x02, 0x00, 0xFD, 0xFF, 0x00, 0x07, 0x99, 0xAE, 0x15, 0x8B, 0x00, 0x00,
        0x00, 0x04, 0x49, 0x44, 0x41, 0x54, 0x00, 0x09, 0x00, 0x08, 0xEB, 0x29, 0x54, 0xBA,
        0x00, 0x00, 0x00, 0x00, 0x49, 0x45, 0x4E, 0x44, 0xAE, 0x42, 0x60, 0x82};
    struct bench b;
    size_t n_bytes;
    set_up(&b, (struct shape){1, 1, 8, 0, 7});
    uint8_t *whole = read_whole(&b, PXR_VIEW_PNG, &n_bytes);
    cr_assert_eq(n_bytes, sizeof expected);
    cr_assert_arr_eq(whole, expected, sizeof expected);
    pxr_free(whole);
    tear_down(&b);
}

/* ---- an independent reader -------------------------------------------------------------------- */

struct source {
    const uint8_t *bytes;
    size_t n_bytes, at;
};

static void feed(png_structp png, png_bytep dst, size_t n)
{
    struct source *s = png_get_io_ptr(png);
    if (n > s->n_bytes - s->at)
        png_error(png, "the file ends too early");
    memcpy(dst, s->bytes + s->at, n);
    s->at += n;
}

static void check_with_libpng(struct shape shape)
{
    struct bench b;
    set_up(&b, shape);
    struct source s = {0};
    uint8_t *whole = read_whole(&b, PXR_VIEW_PNG, &s.n_bytes);
    s.bytes = whole;
    png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    const size_t row_bytes = shape.width_px * (shape.bits / 8u);
    uint8_t *row = pxr_alloc(row_bytes), *expected = pxr_alloc(row_bytes);
    if (setjmp(png_jmpbuf(png)))
        cr_assert_fail("libpng refuses %u x %u, %u bit", shape.width_px, shape.height_px, shape.bits);
    png_set_benign_errors(png, 0);
    png_set_crc_action(png, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
    png_set_read_fn(png, &s, feed);
    png_read_info(png, info);
    cr_assert_eq(png_get_image_width(png, info), shape.width_px);
    cr_assert_eq(png_get_image_height(png, info), shape.height_px);
    cr_assert_eq(png_get_bit_depth(png, info), shape.bits);
    cr_assert_eq(png_get_color_type(png, info), PNG_COLOR_TYPE_GRAY);
    png_color_8p sbit = NULL;
    cr_assert_eq(png_get_sBIT(png, info, &sbit) != 0, shape.sbit != 0);
    if (shape.sbit)
        cr_assert_eq(sbit->gray, shape.sbit);
    for (uint32_t y = 0; y < shape.height_px; y++) {
        png_read_row(png, row, NULL);
        pxr_copy_samples_be(expected, b.pixels + y * row_bytes, shape.width_px, shape.bits);
        cr_assert(!memcmp(row, expected, row_bytes), "row %u of %u x %u, %u bit differs", y,
                  shape.width_px, shape.height_px, shape.bits);
    }
    png_read_end(png, NULL);
    cr_assert_eq(s.at, s.n_bytes, "libpng left bytes behind");
    png_destroy_read_struct(&png, &info, NULL);
    pxr_free(row);
    pxr_free(expected);
    pxr_free(whole);
    tear_down(&b);
}

Test(view, libpng_reads_the_pixels_of_png)
{
    static const struct shape shapes[] = {
        {1, 1, 8, 0, 0},      {1, 1, 16, 0, 0},     {3, 63, 8, 0, 0},    {3, 64, 16, 0, 0},
        {3, 65, 8, 5, 0},     {7, 128, 16, 12, 0},  {1023, 64, 8, 0, 0}, {1024, 129, 8, 0, 0},
        {1, 1000, 16, 0, 0},  {640, 480, 16, 10, 1023}, {511, 65, 16, 1, 0}, {65534, 2, 8, 0, 0},
        {65535, 3, 8, 0, 0},
    };
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
        check_with_libpng(shapes[i]);
}

Test(view, libpng_reads_bands_of_many_stored_blocks)
{
    check_with_libpng((struct shape){65535, 66, 16, 0, 0});
}

/* ---- pgm and raw, built by hand ---------------------------------------------------------------- */

static void check_plain(struct shape shape, const char *pgm_head, size_t pgm_sample_bytes)
{
    struct bench b;
    set_up(&b, shape);
    const size_t n = (size_t)shape.width_px * shape.height_px, head_bytes = strlen(pgm_head);
    uint8_t *expected = pxr_alloc(head_bytes + 2 * n);
    size_t n_bytes;
    memcpy(expected, pgm_head, head_bytes);
    for (size_t i = 0; i < n; i++) {
        uint16_t v = b.pixels[i];
        if (shape.bits == 16)
            memcpy(&v, b.pixels + 2 * i, 2);
        if (pgm_sample_bytes == 2)
            pxr_store_u16be(expected + head_bytes + 2 * i, v);
        else
            expected[head_bytes + i] = (uint8_t)v;
    }
    uint8_t *whole = read_whole(&b, PXR_VIEW_PGM, &n_bytes);
    cr_assert_eq(n_bytes, head_bytes + n * pgm_sample_bytes, "%s: %zu bytes", pgm_head, n_bytes);
    cr_assert(!memcmp(whole, expected, n_bytes), "pgm of '%s' differs", pgm_head);
    pxr_free(whole);
    for (size_t i = 0; i < n; i++) {
        uint16_t v;
        memcpy(&v, b.pixels + (shape.bits == 16 ? 2 * i : 0), 2);
        if (shape.bits == 16)
            pxr_store_u16le(expected + 2 * i, v);
        else
            expected[i] = b.pixels[i];
    }
    whole = read_whole(&b, PXR_VIEW_RAW, &n_bytes);
    cr_assert_eq(n_bytes, n * (shape.bits / 8u));
    cr_assert(!memcmp(whole, expected, n_bytes), "raw of '%s' differs", pgm_head);
    pxr_free(whole);
    pxr_free(expected);
    tear_down(&b);
}

Test(view, pgm_and_raw_are_the_canonical_bytes)
{
    check_plain((struct shape){2, 1, 8, 0, 0}, "P5\n2 1\n255\n", 1);
    check_plain((struct shape){5, 70, 8, 0, 1}, "P5\n5 70\n1\n", 1);
    check_plain((struct shape){31, 7, 16, 0, 0}, "P5\n31 7\n65535\n", 2);
    check_plain((struct shape){31, 7, 16, 0, 1000}, "P5\n31 7\n1000\n", 2);
    check_plain((struct shape){31, 7, 16, 0, 256}, "P5\n31 7\n256\n", 2);
}

Test(view, pgm_of_a_wide_container_follows_maxval)
{
    check_plain((struct shape){31, 7, 16, 0, 255}, "P5\n31 7\n255\n", 1);
    check_plain((struct shape){3, 200, 16, 0, 17}, "P5\n3 200\n17\n", 1);
}

/* ---- ranges -------------------------------------------------------------------------------------- */

/* What the cache lends, where it can, is the same slice. */
static void check_loan(const struct bench *b, enum pxr_view v, const uint8_t *whole, size_t off, size_t n,
                       size_t expected)
{
    struct pxr_view_loan loan;
    if (!pxr_view_borrow(b->decoder, 1, v, off, n, &loan))
        return;
    cr_assert_eq(loan.head_bytes + loan.pixel_bytes, expected, "%s: [%zu, +%zu) lent %zu + %zu", pxr_view_name(v), off, n,
                 loan.head_bytes, loan.pixel_bytes);
    cr_assert(!memcmp(loan.from_head, whole + off, loan.head_bytes) &&
                  !memcmp(loan.pixels, whole + off + loan.head_bytes, loan.pixel_bytes),
              "%s: [%zu, +%zu) lent differs", pxr_view_name(v), off, n);
    pxr_view_return(b->decoder, &loan);
}

Test(view, plain_files_are_lent_and_others_are_not)
{
    struct bench b;
    struct pxr_view_loan loan;
    set_up(&b, (struct shape){700, 130, 8, 0, 0});
    for (unsigned v = 0; v < PXR_N_VIEWS; v++) {
        const bool is_plain = v == PXR_VIEW_RAW || v == PXR_VIEW_PGM || v == PXR_VIEW_NPY || v == PXR_VIEW_TIF ||
                              v == PXR_VIEW_VCBN;
        const bool is_lent = pxr_view_borrow(b.decoder, 1, (enum pxr_view)v, 0, 50000, &loan);
        cr_expect_eq(is_lent, is_plain, "%s", pxr_view_name((enum pxr_view)v));
        if (is_lent)
            pxr_view_return(b.decoder, &loan);
    }
    /* Frames and views that are not there, and nothing behind the end. */
    cr_expect_not(pxr_view_borrow(b.decoder, 2, PXR_VIEW_RAW, 0, 100, &loan));
    cr_expect_not(pxr_view_borrow(b.decoder, 1, PXR_N_VIEWS, 0, 100, &loan));
    cr_expect_not(pxr_view_borrow(b.decoder, 1, PXR_VIEW_RAW, 700 * 130, 100, &loan));
    tear_down(&b);
    set_up(&b, (struct shape){700, 130, 16, 0, 0});
    cr_expect_eq(pxr_view_borrow(b.decoder, 1, PXR_VIEW_RAW, 0, 100, &loan), pxr_is_little_endian());
    if (pxr_is_little_endian())
        pxr_view_return(b.decoder, &loan);
    cr_expect_not(pxr_view_borrow(b.decoder, 1, PXR_VIEW_PGM, 0, 100, &loan), "16-bit PGM is big endian");
    tear_down(&b);
}

static void check_ranges(struct shape shape, enum pxr_view v, unsigned n_ranges, size_t max_bytes)
{
    struct bench b;
    size_t n_bytes, got;
    uint64_t state = shape.width_px * 31u + shape.height_px;
    set_up(&b, shape);
    uint8_t *whole = read_whole(&b, v, &n_bytes);
    uint8_t *part = pxr_alloc(max_bytes + 1);
    for (unsigned i = 0; i < n_ranges; i++) {
        const size_t off = next_random(&state) % (n_bytes + 2);
        /* Short ones find the seams between chunks, blocks and rows; long ones cross many. */
        const size_t limit = i % 3 ? max_bytes : 40;
        const size_t n = next_random(&state) % (limit + 1);
        const size_t expected = off >= n_bytes ? 0 : n < n_bytes - off ? n : n_bytes - off;
        part[n] = 0xa5;
        cr_assert_eq(pxr_view_read(b.decoder, 1, v, off, part, n, &got), PXR_OK);
        cr_assert_eq(got, expected, "%s, %u x %u: [%zu, +%zu) gave %zu", pxr_view_name(v),
                     shape.width_px, shape.height_px, off, n, got);
        cr_assert(!memcmp(part, whole + (got ? off : 0), got), "%s, %u x %u: [%zu, +%zu) differs",
                  pxr_view_name(v), shape.width_px, shape.height_px, off, n);
        cr_assert_eq(part[n], 0xa5, "wrote behind the request");
        check_loan(&b, v, whole, off, n, expected);
    }
    pxr_free(part);
    pxr_free(whole);
    tear_down(&b);
}

Test(view, any_range_is_a_slice_of_the_whole)
{
    static const struct shape shapes[] = {
        {1, 1, 8, 0, 0},     {1, 1, 16, 3, 0},     {2, 65, 16, 0, 0},   {13, 63, 8, 0, 0},
        {13, 64, 8, 0, 0},   {13, 65, 8, 4, 0},    {13, 128, 16, 0, 0}, {700, 130, 16, 0, 0},
        {1023, 65, 8, 0, 0}, {65535, 2, 16, 0, 0}, {40, 300, 16, 0, 99},
    };
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
        for (unsigned v = 0; v < PXR_VIEW_PNG_SMALL; v++) /* indexed ones have tests of their own */
            if ((v != PXR_VIEW_PXS || shapes[i].bits == 8))
                check_ranges(shapes[i], (enum pxr_view)v, 300, 30000);
}

Test(view, any_range_of_the_widest_rows_is_a_slice_of_the_whole)
{
    check_ranges((struct shape){65535, 65, 16, 0, 0}, PXR_VIEW_PNG, 25, 400000);
}

Test(view, every_byte_of_a_png_can_be_read_alone)
{
    static const struct shape shapes[] = {{3, 130, 8, 0, 0}, {1100, 66, 8, 6, 0}};
    for (size_t i = 0; i < 2; i++) {
        struct bench b;
        size_t n_bytes, got;
        set_up(&b, shapes[i]);
        uint8_t *whole = read_whole(&b, PXR_VIEW_PNG, &n_bytes);
        for (size_t off = 0; off < n_bytes; off += i && off > 64 && off < n_bytes - 9000 ? 7 : 1) {
            uint8_t byte = (uint8_t)~whole[off];
            cr_assert_eq(pxr_view_read(b.decoder, 1, PXR_VIEW_PNG, off, &byte, 1, &got), PXR_OK);
            cr_assert(got == 1 && byte == whole[off], "byte %zu", off);
        }
        pxr_free(whole);
        tear_down(&b);
    }
}

/* ---- errors and costs ---------------------------------------------------------------------------- */

Test(view, errors_leave_zeros)
{
    struct bench b;
    uint8_t part[64];
    size_t got = 1;
    set_up(&b, (struct shape){9, 9, 8, 0, 0});
    memset(part, 1, sizeof part);
    cr_assert_eq(pxr_view_read(b.decoder, 2, PXR_VIEW_PNG, 0, part, sizeof part, &got),
                 PXR_E_RANGE);
    cr_assert_eq(got, 0);
    for (size_t i = 0; i < sizeof part; i++)
        cr_assert_eq(part[i], 0, "byte %zu is not zero", i);
    cr_assert_eq(pxr_decoder_diag(b.decoder)->code, PXR_E_RANGE);
    cr_assert_eq(pxr_view_read(b.decoder, 0, PXR_N_VIEWS, 0, part, sizeof part, &got),
                 PXR_E_INVALID);
    cr_assert_eq(pxr_decoder_diag(b.decoder)->code, PXR_E_INVALID);
    tear_down(&b);
}

Test(view, an_archive_says_which_views_it_has_not)
{
    struct pxr_archive_info a = {.width_px = 640, .height_px = 480, .bits = 8};
    for (unsigned v = 0; v < PXR_N_VIEWS; v++)
        cr_assert_eq(pxr_view_refusal(&a, (enum pxr_view)v) != NULL, v >= PXR_VIEW_PNG_SMALL, "%s",
                     pxr_view_name((enum pxr_view)v));
    a.n_frames = 9;
    a.n_small_frames = 8;
    cr_assert(strstr(pxr_view_refusal(&a, PXR_VIEW_PNG_SMALL), "not all"));
    a.n_small_frames = 9;
    cr_assert_null(pxr_view_refusal(&a, PXR_VIEW_PNG_SMALL));
    a.width_px = a.height_px = 50000;
    a.bits = 16;
    cr_assert_not_null(pxr_view_refusal(&a, PXR_VIEW_TIF));
    cr_assert_not_null(pxr_view_refusal(&a, PXR_VIEW_PXS));
    cr_assert_not_null(pxr_view_refusal(&a, PXR_VIEW_PX2));
    cr_assert_not_null(pxr_view_refusal(&a, PXR_VIEW_VCBN));
    cr_assert_null(pxr_view_refusal(&a, PXR_VIEW_NPY));
    cr_assert_not_null(pxr_view_refusal(&a, PXR_N_VIEWS));
}

Test(view, a_preview_is_the_mean_of_tiles)
{
    /* 9 x 9: one tile of 64 samples and three at the edges; white is maxval. */
    struct bench b;
    size_t n_bytes;
    set_up(&b, (struct shape){9, 9, 16, 0, 1000});
    uint64_t sums[4] = {0}, n_px[4] = {64, 8, 8, 1};
    for (unsigned y = 0; y < 9; y++)
        for (unsigned x = 0; x < 9; x++) {
            uint16_t v;
            memcpy(&v, b.pixels + 2 * (y * 9 + x), 2);
            sums[(y == 8) * 2 + (x == 8)] += v;
        }
    uint8_t *whole = read_whole(&b, PXR_VIEW_PREVIEW, &n_bytes);
    /* Signature, IHDR, 8 of the chunk, 2 of zlib, 5 of the block; then filter byte and two samples, twice. */
    const uint8_t *rows = whole + 8 + 25 + 8 + 2 + 5;
    for (unsigned t = 0; t < 4; t++)
        cr_assert_eq(rows[t / 2 * 3 + 1 + t % 2],
                     (255 * sums[t] + n_px[t] * 1000 / 2) / (n_px[t] * 1000), "tile %u", t);
    pxr_free(whole);
    tear_down(&b);
}

Test(view, narrowing_refuses_a_sample_that_does_not_fit)
{
    /* A writer refuses samples above maxval, so tell the rows that a 16-bit frame has one-byte ones. */
    struct bench b;
    struct pxr_view_rows rows;
    uint8_t part[8];
    set_up(&b, (struct shape){8, 40, 16, 0, 256}); /* the last sample is 256 */
    cr_assert(pxr_view_rows_init(&rows, &b.info, 0, 1, true));
    rows.decoder = b.decoder;
    rows.one_row = pxr_alloc(pxr_view_rows_scratch_bytes(&rows));
    cr_assert_eq(pxr_view_rows_read(&rows, 0, part, 8), PXR_OK);
    cr_assert_eq(part[0], b.pixels[0]);
    cr_assert_eq(pxr_view_rows_read(&rows, 8 * 39, part, 8), PXR_E_CORRUPT);
    cr_assert_eq(pxr_decoder_diag(b.decoder)->frame, 1);
    pxr_free(rows.one_row);
    tear_down(&b);
}

Test(view, sizes_too_large_for_the_format_are_zero)
{
    struct pxr_frame_info f = {
        .width_px = UINT32_MAX, .height_px = 1, .bits = 8, .significant_bits = 8, .maxval = 255};
    cr_assert_eq(pxr_view_bytes(&f, PXR_VIEW_PNG), 0);
    cr_assert_eq(pxr_view_bytes(&f, PXR_VIEW_RAW), UINT32_MAX);
    cr_assert_eq(pxr_view_bytes(&f, PXR_VIEW_TIF), 0, "offsets of a TIFF have 32 bits");
    f.width_px = 1u << 26;
    f.height_px = 64; /* one band of more than 2^31 bytes */
    cr_assert_eq(pxr_view_bytes(&f, PXR_VIEW_PNG), 0);
    f.width_px = f.height_px = UINT32_MAX;
    f.bits = 16;
    f.maxval = 65535;
    for (unsigned v = 0; v < PXR_N_VIEWS; v++)
        cr_assert_eq(pxr_view_bytes(&f, (enum pxr_view)v), 0);
}

Test(view, one_byte_decodes_one_stripe)
{
    enum { W = 64, H = 64, N = 8, STRIPES = 8 };
    static uint8_t pixels[W * H];
    char path[64];
    struct pxr_diag diag;
    pxr_writer *w;
    pxr_archive *a;
    pxr_decoder *d;
    struct pxr_stats stats;
    size_t got;
    uint8_t byte;
    snprintf(path, sizeof path, "/tmp/pxr-view-%d.pxr", (int)getpid());
    const struct pxr_write_opts o = {.width_px = W, .height_px = H, .bits = 8, .n_threads = 1,
                                     .block_frames = N, .block_height_px = H / STRIPES,
                                     .block_width_px = W, .overwrite = true};
    cr_assert_eq(pxr_writer_create(&w, path, &o, &diag), PXR_OK);
    uint64_t state = 1;
    for (unsigned i = 0; i < N; i++) {
        for (size_t k = 0; k < sizeof pixels; k++)
            pixels[k] = (uint8_t)next_random(&state);
        const struct pxr_frame_in in = {.pixels = pixels};
        cr_assert_eq(pxr_writer_add(w, &in), PXR_OK);
    }
    cr_assert_eq(pxr_writer_finish(w, NULL, &diag), PXR_OK);
    cr_assert_eq(pxr_archive_open(&a, path, NULL, &diag), PXR_OK);
    cr_assert_eq(pxr_decoder_new(&d, a), PXR_OK);
    cr_assert_eq(pxr_view_read(d, 3, PXR_VIEW_PGM, 1, &byte, 1, &got), PXR_OK);
    pxr_archive_stats(a, &stats);
    cr_expect_eq(stats.units_decoded, 0, "the header of a pgm needs no pixel");
    cr_assert_eq(pxr_view_read(d, 3, PXR_VIEW_PGM, 2000, &byte, 1, &got), PXR_OK);
    pxr_archive_stats(a, &stats);
    /* One stripe: at most ceil(log2 8) + 1 units. */
    cr_expect(stats.units_decoded >= 1 && stats.units_decoded <= 4, "%" PRIu64 " units",
              stats.units_decoded);
    pxr_decoder_free(d);
    pxr_archive_close(a);
    unlink(path);
}
