/* SPDX-License-Identifier: MIT
 * The PNG reader: each colour type, depth and interlacing, against what was written. */
#include "test_image_probe.h"

#include <png.h>

#define PNG          PXR_IMAGE_PNG
#define SAMPLES(...) ((uint16_t[]){__VA_ARGS__})

/* Describes a file to be made with libpng.  samples: channels of each pixel, row by row. */
struct spec {
    uint32_t width_px, height_px;
    int depth, colour_type;
    bool is_interlaced;
    const uint16_t *samples;
    const png_color *palette;
    int n_palette;
    const png_byte *palette_alpha;
    int n_palette_alpha;
    const png_color_16 *transparent; /* colour key */
    const png_color_8 *sbit;
    bool has_text;
};

static int n_channels(const struct spec *s)
{
    switch (s->colour_type) {
    case PNG_COLOR_TYPE_GRAY_ALPHA:
        return 2;
    case PNG_COLOR_TYPE_RGB:
        return 3;
    case PNG_COLOR_TYPE_RGB_ALPHA:
        return 4;
    default:
        return 1;
    }
}

static void write_to_buffer(png_structp png, png_bytep bytes, size_t n_bytes)
{
    cr_assert(pxr_buffer_add(png_get_io_ptr(png), bytes, n_bytes));
}
static void flush_nothing(png_structp png)
{
    (void)png;
}

/* Samples of any depth as PNG packs them: big endian, from the high bit down. */
static void pack_row(const struct spec *s, uint32_t y, uint8_t *row)
{
    const size_t n = (size_t)s->width_px * (size_t)n_channels(s), depth = (size_t)s->depth;
    for (size_t i = 0; i < n; i++) {
        const unsigned v = s->samples[y * n + i];
        if (depth == 16) {
            row[2 * i] = (uint8_t)(v >> 8);
            row[2 * i + 1] = (uint8_t)v;
        } else {
            const size_t bit = i * depth;
            row[bit / 8] |= (uint8_t)(v << (8 - depth - bit % 8));
        }
    }
}

static struct pxr_buffer make_png(const struct spec *s)
{
    struct pxr_buffer b = {0};
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    png_text text = {.compression = PNG_TEXT_COMPRESSION_NONE,
                     .key = (char *)"Comment",
                     .text = (char *)"Samples do not change.",
                     .text_length = 22};
    const size_t row_bytes = (size_t)s->width_px * (size_t)n_channels(s) * 2 + 1;
    png_bytepp rows = malloc(s->height_px * sizeof *rows);
    png_set_write_fn(png, &b, write_to_buffer, flush_nothing);
    png_set_IHDR(png, info, s->width_px, s->height_px, s->depth, s->colour_type,
                 s->is_interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    if (s->palette)
        png_set_PLTE(png, info, (png_colorp)(uintptr_t)s->palette, s->n_palette);
    if (s->palette_alpha || s->transparent)
        png_set_tRNS(png, info, (png_bytep)(uintptr_t)s->palette_alpha, s->n_palette_alpha,
                     (png_color_16p)(uintptr_t)s->transparent);
    if (s->sbit)
        png_set_sBIT(png, info, (png_color_8p)(uintptr_t)s->sbit);
    if (s->has_text) {
        png_set_text(png, info, &text, 1);
        png_set_gAMA(png, info, 0.3);
    }
    png_set_check_for_invalid_index(png, -1);
    for (uint32_t y = 0; y < s->height_px; y++) {
        rows[y] = calloc(row_bytes, 1);
        pack_row(s, y, rows[y]);
    }
    png_set_rows(png, info, rows);
    png_write_png(png, info, PNG_TRANSFORM_IDENTITY, NULL);
    png_destroy_write_struct(&png, &info);
    for (uint32_t y = 0; y < s->height_px; y++)
        free(rows[y]);
    free(rows);
    return b;
}

static void expect_png(const struct spec *s, bool luma, uint8_t bits, uint8_t sbit,
                       const uint16_t *expected)
{
    const struct pxr_image_opts opts = {.luma = luma};
    struct pxr_buffer b = make_png(s);
    struct outcome o = read_bytes(b.bytes, b.n_bytes, PNG, &opts);
    const struct shot shot = {s->width_px,
                              s->height_px,
                              bits,
                              sbit,
                              (uint16_t)((1u << bits) - 1),
                              (uint16_t *)(uintptr_t)expected};
    expect_shot(&o, 0, &shot);
    cr_assert_eq(o.n_images, 1);
    outcome_fini(&o);
    pxr_buffer_fini(&b);
}

static void expect_mismatch(const struct spec *s, bool luma, const char *text)
{
    const struct pxr_image_opts opts = {.luma = luma};
    struct pxr_buffer b = make_png(s);
    struct outcome o = read_bytes(b.bytes, b.n_bytes, PNG, &opts);
    cr_expect_eq(o.err, PXR_E_MISMATCH, "answered %d instead of '%s'", o.err, text);
    cr_expect(strstr(o.diag.text, text), "'%s' lacks '%s'", o.diag.text, text);
    cr_expect_eq(o.n_images, 0);
    outcome_fini(&o);
    pxr_buffer_fini(&b);
}

/* A picture whose every pixel is gray and opaque, stored with the given type: what is expected. */
static void check_gray(uint32_t w, uint32_t h, int colour_type, int depth, bool is_interlaced,
                       uint64_t *state)
{
    const size_t n = (size_t)w * h;
    const unsigned max = (1u << depth) - 1;
    struct spec s = {.width_px = w,
                     .height_px = h,
                     .depth = depth,
                     .colour_type = colour_type,
                     .is_interlaced = is_interlaced};
    const size_t k = (size_t)n_channels(&s);
    uint16_t *samples = malloc(2 * n * k), *expected = malloc(2 * n);
    png_color palette[256];
    for (unsigned i = 0; i <= max && i < 256; i++) {
        const png_byte v = (png_byte)next_random(state);
        palette[i] = (png_color){v, v, v};
    }
    const bool has_palette = colour_type == PNG_COLOR_TYPE_PALETTE;
    for (size_t i = 0; i < n; i++) {
        const uint16_t v = (uint16_t)(next_random(state) & max);
        for (size_t c = 0; c < k; c++)
            samples[i * k + c] = v;
        if (colour_type & PNG_COLOR_MASK_ALPHA)
            samples[i * k + k - 1] = (uint16_t)max;
        expected[i] = (uint16_t)(has_palette ? palette[v].red : depth < 8 ? v * (255 / max) : v);
    }
    s.samples = samples;
    s.palette = has_palette ? palette : NULL;
    s.n_palette = (int)max + 1;
    expect_png(&s, false, depth == 16 ? 16 : 8, depth < 8 && !has_palette ? (uint8_t)depth : 0,
               expected);
    free(samples);
    free(expected);
}

Test(image_png, each_type_depth_and_interlacing_in_odd_shapes)
{
    static const uint32_t shapes[][2] = {{1, 1}, {1, 9}, {9, 1}, {2, 2},   {4, 5},
                                         {5, 4}, {8, 8}, {3, 7}, {17, 33}, {64, 9}};
    static const int types[][6] = {{PNG_COLOR_TYPE_GRAY, 1, 2, 4, 8, 16},
                                   {PNG_COLOR_TYPE_PALETTE, 1, 2, 4, 8, 0},
                                   {PNG_COLOR_TYPE_GRAY_ALPHA, 8, 16, 0, 0, 0},
                                   {PNG_COLOR_TYPE_RGB, 8, 16, 0, 0, 0},
                                   {PNG_COLOR_TYPE_RGB_ALPHA, 8, 16, 0, 0, 0}};
    uint64_t state = 7;
    size_t n = 0;
    for (size_t t = 0; t < 5; t++)
        for (int d = 1; d < 6 && types[t][d]; d++)
            for (size_t i = 0; i < 20; i++, n++)
                check_gray(shapes[i / 2][0], shapes[i / 2][1], types[t][0], types[t][d], i % 2,
                           &state);
    cr_assert_eq(n, 300);
}

Test(image_png, wide_and_tall_rows)
{
    uint64_t state = 8;
    check_gray(65535, 1, PNG_COLOR_TYPE_GRAY, 16, false, &state);
    check_gray(65535, 1, PNG_COLOR_TYPE_GRAY, 16, true, &state);
    check_gray(1, 65535, PNG_COLOR_TYPE_GRAY, 8, false, &state);
    check_gray(1, 65535, PNG_COLOR_TYPE_GRAY, 1, true, &state);
    check_gray(1031, 997, PNG_COLOR_TYPE_GRAY, 16, false, &state);
    check_gray(700, 1100, PNG_COLOR_TYPE_RGB, 16, true, &state);
}

Test(image_png, significant_bits_are_told)
{
    const uint16_t gray[2] = {3, 2}, rgba[4] = {9, 9, 9, 65535};
    const png_color palette[4] = {{1, 1, 1}, {2, 2, 2}, {3, 3, 3}, {4, 4, 4}};
    struct spec s = {.width_px = 2, .height_px = 1, .samples = gray, .has_text = true};
    s.depth = 16;
    s.sbit = &(png_color_8){.gray = 12};
    expect_png(&s, false, 16, 12, gray);
    s.depth = 8;
    s.sbit = &(png_color_8){.gray = 7};
    expect_png(&s, false, 8, 7, gray);
    s.depth = 4;
    expect_png(&(struct spec){.width_px = 2, .height_px = 1, .samples = gray, .depth = 4}, false, 8,
               4, SAMPLES(0x33, 0x22));
    s.sbit = &(png_color_8){.gray = 3};
    expect_png(&s, false, 8, 3, SAMPLES(0x33, 0x22));
    s.colour_type = PNG_COLOR_TYPE_PALETTE;
    s.palette = palette;
    s.n_palette = 4;
    s.sbit = &(png_color_8){.red = 5, .green = 6, .blue = 4};
    expect_png(&s, false, 8, 6, SAMPLES(4, 3));
    s = (struct spec){.width_px = 1,
                      .height_px = 1,
                      .samples = rgba,
                      .depth = 16,
                      .colour_type = PNG_COLOR_TYPE_RGB_ALPHA};
    s.sbit = &(png_color_8){.red = 10, .green = 10, .blue = 14, .alpha = 16};
    expect_png(&s, false, 16, 14, SAMPLES(9));
}

Test(image_png, colour_is_refused_with_its_place_or_becomes_luma)
{
    const uint16_t rgb[] = {5, 5, 5, 255, 255, 255, 0, 0, 0, 7, 7, 7, 10, 20, 30, 255, 0, 0};
    struct spec s = {.width_px = 3,
                     .height_px = 2,
                     .depth = 8,
                     .colour_type = PNG_COLOR_TYPE_RGB,
                     .samples = rgb};
    expect_mismatch(&s, false,
                    "pixel (1, 1) is coloured (red 10, green 20, blue 30): --luma turns colour");
    expect_png(&s, true, 8, 0, SAMPLES(5, 255, 0, 7, 19, 54));

    const uint16_t rgba[] = {1, 1, 1, 65535, 65535, 0, 65535, 65535};
    s = (struct spec){.width_px = 2,
                      .height_px = 1,
                      .depth = 16,
                      .samples = rgba,
                      .colour_type = PNG_COLOR_TYPE_RGB_ALPHA};
    expect_mismatch(&s, false, "pixel (1, 0) is coloured (red 65535, green 0, blue 65535)");
    expect_png(&s, true, 16, 0, SAMPLES(1, 18664));

    /* Only colours that pixels have count. */
    const png_color palette[3] = {{1, 2, 3}, {9, 9, 9}, {0, 255, 0}};
    s = (struct spec){.width_px = 2,
                      .height_px = 1,
                      .depth = 2,
                      .samples = SAMPLES(1, 1),
                      .colour_type = PNG_COLOR_TYPE_PALETTE,
                      .palette = palette,
                      .n_palette = 3};
    expect_png(&s, false, 8, 0, SAMPLES(9, 9));
    s.samples = SAMPLES(1, 2);
    expect_mismatch(&s, false, "pixel (1, 0) is coloured (red 0, green 255, blue 0)");
    expect_png(&s, true, 8, 0, SAMPLES(9, 182));

    /* Interlaced: the first in the file, with its place in the picture. */
    uint16_t many[8 * 8 * 3] = {0};
    many[(6 * 8 + 4) * 3] = 200;
    s = (struct spec){.width_px = 8,
                      .height_px = 8,
                      .depth = 8,
                      .samples = many,
                      .colour_type = PNG_COLOR_TYPE_RGB,
                      .is_interlaced = true};
    expect_mismatch(&s, false, "pixel (4, 6) is coloured (red 200");
}

Test(image_png, transparency_is_refused_unless_nothing_is_transparent)
{
    struct spec s = {.width_px = 2,
                     .height_px = 2,
                     .depth = 8,
                     .colour_type = PNG_COLOR_TYPE_GRAY_ALPHA,
                     .samples = SAMPLES(1, 255, 2, 255, 3, 254, 4, 255)};
    expect_mismatch(&s, true, "pixel (0, 1) is transparent (alpha 254 of 255)");
    s.depth = 16;
    expect_mismatch(&s, true, "pixel (0, 0) is transparent (alpha 255 of 65535)");
    s = (struct spec){.width_px = 1,
                      .height_px = 1,
                      .depth = 8,
                      .samples = SAMPLES(1, 2, 3, 0),
                      .colour_type = PNG_COLOR_TYPE_RGB_ALPHA};
    expect_mismatch(&s, true, "no option");
    /* A colour key: of gray, of fewer bits, of RGB. */
    const png_color_16 key = {.gray = 2, .red = 2, .green = 2, .blue = 2};
    s = (struct spec){
        .width_px = 2, .height_px = 1, .depth = 8, .samples = SAMPLES(1, 3), .transparent = &key};
    expect_png(&s, false, 8, 0, SAMPLES(1, 3));
    s.samples = SAMPLES(1, 2);
    expect_mismatch(&s, false, "pixel (1, 0) is transparent (alpha 0 of 255)");
    s.depth = 2;
    expect_mismatch(&s, false, "pixel (1, 0) is transparent (alpha 0 of 255)");
    s.depth = 16;
    expect_mismatch(&s, false, "pixel (1, 0) is transparent (alpha 0 of 65535)");
    s.samples = SAMPLES(1, 1, 1, 2, 2, 2);
    s.colour_type = PNG_COLOR_TYPE_RGB;
    expect_mismatch(&s, false, "pixel (1, 0) is transparent");
    s.samples = SAMPLES(1, 1, 1, 3, 3, 3);
    expect_png(&s, false, 16, 0, SAMPLES(1, 3));
    const png_color palette[3] = {{1, 1, 1}, {9, 9, 9}, {7, 7, 7}};
    const png_byte alpha[2] = {255, 128};
    s = (struct spec){.width_px = 2,
                      .height_px = 1,
                      .depth = 2,
                      .samples = SAMPLES(0, 2),
                      .colour_type = PNG_COLOR_TYPE_PALETTE,
                      .palette = palette,
                      .n_palette = 3,
                      .palette_alpha = alpha,
                      .n_palette_alpha = 2};
    expect_png(&s, false, 8, 0, SAMPLES(1, 7));
    s.samples = SAMPLES(0, 1);
    expect_mismatch(&s, false, "pixel (1, 0) is transparent (alpha 128 of 255)");
}

Test(image_png, an_index_without_a_colour_is_corrupt)
{
    const png_color palette[2] = {{1, 1, 1}, {9, 9, 9}};
    for (int i = 0; i < 2; i++) {
        struct pxr_buffer b = make_png(&(struct spec){.width_px = 2,
                                                      .height_px = 1,
                                                      .depth = i ? 8 : 2,
                                                      .samples = SAMPLES(1, 2),
                                                      .colour_type = PNG_COLOR_TYPE_PALETTE,
                                                      .palette = palette,
                                                      .n_palette = 2});
        struct outcome o = read_bytes(b.bytes, b.n_bytes, PNG, NULL);
        cr_assert_eq(o.err, PXR_E_CORRUPT);
        cr_assert(o.diag.has_values && o.diag.expected == 2 && o.diag.found == 2);
        cr_assert(strstr(o.diag.text, "pixel (1, 0)"), "%s", o.diag.text);
        outcome_fini(&o);
        pxr_buffer_fini(&b);
    }
}

Test(image_png, several_files_may_follow_each_other)
{
    struct pxr_buffer all = {0}, one;
    struct outcome o;
    size_t two_bytes = 0;
    for (uint16_t i = 1; i <= 3; i++) {
        one = make_png(&(struct spec){
            .width_px = i, .height_px = 1, .depth = 16, .samples = SAMPLES(i, 500, 700)});
        pxr_buffer_add(&all, one.bytes, one.n_bytes);
        two_bytes = i == 2 ? all.n_bytes : two_bytes;
        pxr_buffer_fini(&one);
    }
    o = read_bytes(all.bytes, all.n_bytes, PNG, NULL);
    cr_assert_eq(o.n_images, 3);
    expect_shot(&o, 1, &(struct shot){2, 1, 16, 0, 65535, SAMPLES(2, 500)});
    expect_shot(&o, 2, &(struct shot){3, 1, 16, 0, 65535, SAMPLES(3, 500, 700)});
    outcome_fini(&o);
    /* Cut within the third; something else behind the third, and in its place. */
    o = read_bytes(all.bytes, all.n_bytes - 1, PNG, NULL);
    cr_assert(o.err == PXR_E_TRUNCATED && o.n_images == 2 && o.diag.frame == 2);
    cr_assert_eq(o.diag.off_bytes, all.n_bytes - 1);
    outcome_fini(&o);
    pxr_buffer_add(&all, "and so on", 9);
    o = read_bytes(all.bytes, all.n_bytes, PNG, NULL);
    cr_assert(o.err == PXR_E_CORRUPT && o.n_images == 3);
    cr_assert_eq(o.diag.off_bytes, all.n_bytes - 9);
    outcome_fini(&o);
    all.bytes[two_bytes] ^= 1;
    o = read_bytes(all.bytes, all.n_bytes, PNG, NULL);
    cr_assert(o.err == PXR_E_CORRUPT && o.n_images == 2 && o.diag.off_bytes == two_bytes);
    outcome_fini(&o);
    pxr_buffer_fini(&all);
}

Test(image_png, anything_may_follow_a_single_file)
{
    static const char tail[] = "\x89PNX trailing bytes";
    struct pxr_buffer b = make_png(
        &(struct spec){.width_px = 2, .height_px = 1, .depth = 8, .samples = SAMPLES(1, 2)});
    const size_t n = b.n_bytes;
    pxr_buffer_add(&b, tail, sizeof tail);
    struct outcome o = read_bytes(b.bytes, b.n_bytes, PNG, NULL);
    expect_shot(&o, 0, &(struct shot){2, 1, 8, 0, 255, SAMPLES(1, 2)});
    cr_assert_eq(o.n_images, 1);
    outcome_fini(&o);
    /* A cut signature of another PNG is not just anything. */
    o = read_bytes(b.bytes, n + 3, PNG, NULL);
    cr_assert(o.err == PXR_E_TRUNCATED && o.n_images == 1 && o.diag.off_bytes == n + 3);
    outcome_fini(&o);
    pxr_buffer_fini(&b);
}

/* ---- hostile files -------------------------------------------------------------------------- */

static struct pxr_buffer small_file(size_t i)
{
    static const png_color palette[4] = {{1, 1, 1}, {2, 2, 2}, {3, 3, 3}, {4, 4, 4}};
    static const png_byte alpha[1] = {255};
    static const png_color_8 sbit = {.gray = 11};
    static const uint16_t ones[12 * 4] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    switch (i) {
    case 0:
        return make_png(&(struct spec){.width_px = 4,
                                       .height_px = 3,
                                       .depth = 16,
                                       .samples = ones,
                                       .sbit = &sbit,
                                       .has_text = true});
    case 1:
        return make_png(&(struct spec){
            .width_px = 4, .height_px = 3, .depth = 1, .samples = ones, .is_interlaced = true});
    case 2:
        return make_png(&(struct spec){.width_px = 2,
                                       .height_px = 2,
                                       .depth = 2,
                                       .samples = ones,
                                       .colour_type = PNG_COLOR_TYPE_PALETTE,
                                       .palette = palette,
                                       .n_palette = 4,
                                       .palette_alpha = alpha,
                                       .n_palette_alpha = 1});
    default:
        return make_png(&(struct spec){.width_px = 2,
                                       .height_px = 2,
                                       .depth = 8,
                                       .samples = ones,
                                       .colour_type = PNG_COLOR_TYPE_RGB});
    }
}
enum { N_SMALL_FILES = 4 };

Test(image_png, every_truncation_is_noticed)
{
    for (size_t i = 0; i < N_SMALL_FILES; i++) {
        struct pxr_buffer b = small_file(i);
        for (size_t n = 0; n < b.n_bytes; n++) {
            struct outcome o = read_bytes(b.bytes, n, PNG, NULL);
            cr_assert_eq(o.err, PXR_E_TRUNCATED, "file %zu cut to %zu: %d", i, n, o.err);
            cr_assert_eq(o.diag.off_bytes, n);
            cr_assert(o.diag.has_values && o.diag.found < o.diag.expected);
            cr_assert_eq(o.n_images, 0);
            outcome_fini(&o);
        }
        pxr_buffer_fini(&b);
    }
}

/* The CRCs cover all but the signature and the lengths, which cannot change unnoticed either. */
Test(image_png, every_changed_byte_is_noticed)
{
    size_t n_changes = 0;
    for (size_t i = 0; i < N_SMALL_FILES; i++) {
        struct pxr_buffer b = small_file(i);
        for (size_t at = 0; at < b.n_bytes; at++) {
            const uint8_t was = b.bytes[at];
            const uint8_t values[] = {0, 1, 127, 255, was ^ 1, was ^ 32, was ^ 128, (uint8_t)~was};
            for (size_t v = 0; v < sizeof values; v++) {
                if (values[v] == was)
                    continue;
                b.bytes[at] = values[v];
                struct outcome o = read_quick(b.bytes, b.n_bytes, PNG, NULL);
                cr_assert_eq(pxr_err_exit(o.err), 1, "file %zu, byte %zu: %d", i, at, o.err);
                cr_assert_eq(o.n_images, 0);
                cr_assert_neq(o.err, PXR_E_MISMATCH);
                cr_assert_leq(o.diag.off_bytes, b.n_bytes);
                cr_assert(at >= 8 || (o.err == PXR_E_NOTPXR && o.diag.off_bytes == 0));
                outcome_fini(&o);
                n_changes++;
            }
            b.bytes[at] = was;
        }
        pxr_buffer_fini(&b);
    }
    cr_assert_gt(n_changes, 2000);
}

/* A chunk with its CRC. */
static void add_chunk(struct pxr_buffer *b, const char *type, const void *bytes, size_t n_bytes)
{
    const size_t start = b->n_bytes;
    uint8_t *p = pxr_buffer_extend(b, n_bytes + 12);
    uint32_t crc = 0xFFFFFFFF;
    pxr_store_u32be(p, (uint32_t)n_bytes);
    memcpy(p + 4, type, 4);
    if (n_bytes)
        memcpy(p + 8, bytes, n_bytes);
    for (const uint8_t *q = b->bytes + start + 4; q < b->bytes + start + 8 + n_bytes; q++) {
        crc ^= *q;
        for (int k = 0; k < 8; k++)
            crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320 : 0);
    }
    pxr_store_u32be(p + 8 + n_bytes, ~crc);
}

static void add_header(struct pxr_buffer *b, uint32_t w, uint32_t h, uint8_t depth, uint8_t type,
                       uint8_t interlace)
{
    uint8_t ihdr[13] = {[8] = depth, [9] = type, [12] = interlace};
    pxr_buffer_add(b, "\x89PNG\r\n\x1a\n", 8);
    pxr_store_u32be(ihdr, w);
    pxr_store_u32be(ihdr + 4, h);
    add_chunk(b, "IHDR", ihdr, sizeof ihdr);
}

static void expect_file(struct pxr_buffer *b, enum pxr_err err, uint64_t off_bytes,
                        const char *text)
{
    char line[512];
    struct outcome o = read_bytes(b->bytes, b->n_bytes, PNG, NULL);
    pxr_diag_line(&o.diag, line, sizeof line);
    cr_expect_eq(o.err, err, "%s: answered %d (%s)", text, o.err, line);
    cr_expect_eq(o.diag.off_bytes, off_bytes, "%s: offset %llu", line,
                 (unsigned long long)o.diag.off_bytes);
    cr_expect(strstr(line, text), "'%s' lacks '%s'", line, text);
    outcome_fini(&o);
    pxr_buffer_fini(b);
}

/* One gray pixel of value 7 as a stored deflate block; the Adler-32 of {0, 7} is 0x00090008. */
static const uint8_t idat[] = {0x78, 0x01, 0x01, 2, 0, 0xfd, 0xff, 0, 7, 0x00, 0x09, 0x00, 0x08};

Test(image_png, wrong_headers_are_refused_with_class_and_place)
{
    static const struct {
        uint32_t w, h;
        uint8_t depth, type, interlace;
        enum pxr_err err;
        uint64_t off_bytes;
        const char *text;
    } cases[] = {
        {0, 1, 8, 0, 0, PXR_E_CORRUPT, 33, "IHDR"},
        {1, 0, 8, 0, 0, PXR_E_CORRUPT, 33, "IHDR"},
        {0x80000000, 1, 8, 0, 0, PXR_E_CORRUPT, 33, "out of range"},
        {1, 1, 3, 0, 0, PXR_E_CORRUPT, 33, "IHDR"},
        {1, 1, 4, 2, 0, PXR_E_CORRUPT, 33, "IHDR"},
        {1, 1, 8, 5, 0, PXR_E_CORRUPT, 33, "IHDR"},
        {1, 1, 8, 0, 2, PXR_E_CORRUPT, 33, "IHDR"},
        {1, 1, 8, 3, 0, PXR_E_CORRUPT, 41, "PLTE"},
        {0x7fffffff, 0x7fffffff, 8, 0, 0, PXR_E_LIMIT, 16, "found 4611686014132420609"},
        {16384, 16385, 8, 0, 0, PXR_E_LIMIT, 16, "found 268451840"},
        {16777217, 1, 16, 6, 0, PXR_E_LIMIT, 16, "width: expected 16777216, found 16777217"},
        {1, 2, 8, 0, 0, PXR_E_CORRUPT, 66, "Not enough image data"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pxr_buffer b = {0};
        add_header(&b, cases[i].w, cases[i].h, cases[i].depth, cases[i].type, cases[i].interlace);
        add_chunk(&b, "IDAT", idat, sizeof idat);
        add_chunk(&b, "IEND", NULL, 0);
        expect_file(&b, cases[i].err, cases[i].off_bytes, cases[i].text);
    }
}

Test(image_png, wrong_chunks_are_refused)
{
    static const struct {
        const char *name;
        enum pxr_err err;
        uint64_t off_bytes;
        const char *text;
    } cases[] = {
        {"sound", PXR_OK, PXR_NONE, ""},
        {"no IEND", PXR_E_TRUNCATED, 58, "expected 8, found 0"},
        {"no IDAT", PXR_E_CORRUPT, 41, "IEND"},
        {"no IHDR", PXR_E_CORRUPT, 16, "IDAT"},
        {"wrong Adler-32", PXR_E_CORRUPT, 54, "incorrect data check"},
        {"unknown critical chunk", PXR_E_CORRUPT, 48, "ABCD: unhandled critical chunk"},
        {"unknown other chunk", PXR_OK, PXR_NONE, ""},
        {"too many pixels", PXR_E_CORRUPT, 56, "IDAT"},
        {"sBIT of zero", PXR_E_CORRUPT, 46, "sBIT"},
        {"long chunk", PXR_E_CORRUPT, 41, "too large"},
        {"second IHDR", PXR_E_CORRUPT, 41, "IHDR"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *name = cases[i].name;
        struct pxr_buffer b = {0};
        uint8_t pixels[15] = {0x78, 0x01, 0x01, 4, 0, 0xfb, 0xff, 0, 7, 7, 7, 0, 0, 0, 0};
        if (strcmp(name, "no IHDR"))
            add_header(&b, 1, 1, 8, 0, 0);
        else
            pxr_buffer_add(&b, "\x89PNG\r\n\x1a\n", 8);
        if (!strcmp(name, "unknown critical chunk"))
            add_chunk(&b, "ABCD", "xyz", 3);
        if (!strcmp(name, "unknown other chunk"))
            add_chunk(&b, "abCD", "xyz", 3);
        if (!strcmp(name, "sBIT of zero"))
            add_chunk(&b, "sBIT", "", 1);
        if (!strcmp(name, "second IHDR"))
            add_chunk(&b, "IHDR", "\0\0\0\1\0\0\0\1\10\0\0\0", 13);
        if (!strcmp(name, "long chunk"))
            pxr_buffer_add(&b, "\x70\0\0\0abCD", 8);
        else if (!strcmp(name, "too many pixels"))
            add_chunk(&b, "IDAT", pixels, sizeof pixels);
        else if (strcmp(name, "no IDAT")) {
            memcpy(pixels, idat, sizeof idat);
            pixels[12] ^= !strcmp(name, "wrong Adler-32");
            add_chunk(&b, "IDAT", pixels, sizeof idat);
        }
        if (strcmp(name, "no IEND"))
            add_chunk(&b, "IEND", NULL, 0);
        expect_file(&b, cases[i].err, cases[i].off_bytes, cases[i].text);
    }
}

/* Microscopes write megabytes of metadata: no obstacle, and no memory. */
Test(image_png, large_chunks_that_nobody_needs_are_skipped)
{
    struct pxr_buffer b = {0};
    add_header(&b, 1, 1, 8, 0, 0);
    uint8_t *text = calloc(9000000, 1);
    add_chunk(&b, "tEXt", text, 9000000);
    add_chunk(&b, "abCD", text, 9000000);
    free(text);
    add_chunk(&b, "IDAT", idat, sizeof idat);
    add_chunk(&b, "IEND", NULL, 0);
    watch_memory(SIZE_MAX);
    struct outcome o = read_quick(b.bytes, b.n_bytes, PNG, NULL);
    pxr_alloc_hook(NULL);
    expect_shot(&o, 0, &(struct shot){1, 1, 8, 0, 255, SAMPLES(7)});
    cr_assert_leq(largest_request_bytes, 65536);
    outcome_fini(&o);
    pxr_buffer_fini(&b);
}

Test(image_png, a_declared_size_takes_no_memory)
{
    static const uint8_t interlacing[] = {0, 1};
    for (size_t i = 0; i < 2; i++) {
        struct pxr_buffer b = {0};
        add_header(&b, 16384, 16384, 16, 0, interlacing[i]);
        add_chunk(&b, "IDAT", idat, sizeof idat);
        watch_memory(SIZE_MAX);
        struct outcome o = read_quick(b.bytes, b.n_bytes, PNG, NULL);
        cr_assert_eq(o.err, PXR_E_TRUNCATED);
        cr_assert_eq(o.diag.off_bytes, b.n_bytes);
        cr_assert_eq(o.diag.expected, (uint64_t)16384 * 32769 / 1032);
        cr_assert_leq(largest_request_bytes, 65536);
        outcome_fini(&o);
        if (!i) { /* nobody can tell how much a pipe holds, but rows need memory one by one */
            struct pipe_writer w = {
                .bytes = b.bytes, .n_bytes = b.n_bytes, .n_step = 100, .n_times = 1};
            o = read_fd(pipe_writer_start(&w), NULL, 0, PNG, NULL);
            pthread_join(w.thread, NULL);
            cr_assert_eq(o.err, PXR_E_CORRUPT); /* the stream of the one pixel ends */
            cr_assert_leq(largest_request_bytes, 1u << 20);
            outcome_fini(&o);
        }
        pxr_buffer_fini(&b);
    }
    pxr_alloc_hook(NULL);
}

Test(image_png, a_file_beyond_its_limit_is_refused)
{
    struct pxr_buffer b = small_file(0);
    struct pxr_image_opts opts = {.max_file_bytes = b.n_bytes - 1};
    struct outcome o = read_bytes(b.bytes, b.n_bytes, PNG, &opts);
    cr_assert_eq(o.err, PXR_E_LIMIT);
    cr_assert_eq(o.diag.expected, b.n_bytes - 1);
    outcome_fini(&o);
    opts = (struct pxr_image_opts){.max_file_bytes = b.n_bytes, .max_frame_px = 12};
    o = read_bytes(b.bytes, b.n_bytes, PNG, &opts);
    cr_assert_eq(o.err, PXR_OK);
    outcome_fini(&o);
    opts.max_frame_px = 11;
    o = read_bytes(b.bytes, b.n_bytes, PNG, &opts);
    cr_assert(o.err == PXR_E_LIMIT && o.diag.off_bytes == 16 && o.diag.found == 12);
    outcome_fini(&o);
    pxr_buffer_fini(&b);
}

Test(image_png, each_failed_allocation_is_nomem)
{
    for (size_t i = 0; i < N_SMALL_FILES; i++) {
        struct pxr_buffer b = small_file(i);
        expect_nomem_everywhere(b.bytes, b.n_bytes, PNG, NULL);
        pxr_buffer_fini(&b);
    }
}
