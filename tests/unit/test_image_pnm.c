/* SPDX-License-Identifier: MIT
 * The PNM reader: each kind, streams of them, and what it must refuse, with class and place. */
#include "test_image_probe.h"

#define PNM PXR_IMAGE_PNM

static void expect_picture(const char *bytes, size_t n_bytes, bool luma,
                           const struct shot *expected)
{
    const struct pxr_image_opts opts = {.luma = luma};
    struct outcome o = read_bytes(bytes, n_bytes, PNM, &opts);
    expect_shot(&o, 0, expected);
    cr_assert_eq(o.n_images, 1);
    outcome_fini(&o);
}

#define SAMPLES(...)  ((uint16_t[]){__VA_ARGS__})
#define TEXT(literal) literal, sizeof(literal) - 1

Test(image_pnm, binary_gray_keeps_samples_and_maxval)
{
    expect_picture(TEXT("P5\n3 2\n255\n\x00\x01\x7f\x80\xfe\xff"), false,
                   &(struct shot){3, 2, 8, 0, 255, SAMPLES(0, 1, 127, 128, 254, 255)});
    expect_picture(TEXT("P5\n2 1\n1\n\x00\x01"), false,
                   &(struct shot){2, 1, 8, 0, 1, SAMPLES(0, 1)});
    expect_picture(TEXT("P5 2 1 256 \x00\x01\x01\x00"), false,
                   &(struct shot){2, 1, 16, 0, 256, SAMPLES(1, 256)});
    expect_picture(TEXT("P5\n2 2\n1000\n\x00\x00\x03\xe8\x01\x02\x00\x0a"), false,
                   &(struct shot){2, 2, 16, 0, 1000, SAMPLES(0, 1000, 258, 10)});
    expect_picture(TEXT("P5\n1 2\n65535\n\xff\xff\x12\x34"), false,
                   &(struct shot){1, 2, 16, 0, 65535, SAMPLES(65535, 0x1234)});
}

Test(image_pnm, plain_kinds_are_read_as_binary_ones)
{
    expect_picture(TEXT("P2\n3 2\n1000\n 0 1\t1000\r\n007 8\n9\n"), false,
                   &(struct shot){3, 2, 16, 0, 1000, SAMPLES(0, 1, 1000, 7, 8, 9)});
    expect_picture(TEXT("P3\n2 1\n15\n3 3 3  15 15 15\n"), false,
                   &(struct shot){2, 1, 8, 0, 15, SAMPLES(3, 15)});
    expect_picture(TEXT("P6\n2 1\n255\nAAA\xf0\xf0\xf0"), false,
                   &(struct shot){2, 1, 8, 0, 255, SAMPLES(65, 240)});
    expect_picture(TEXT("P6\n1 1\n300\n\x01\x02\x01\x02\x01\x02"), false,
                   &(struct shot){1, 1, 16, 0, 300, SAMPLES(258)});
}

Test(image_pnm, bitmaps_are_black_at_one_and_remember_their_depth)
{
    const uint16_t row[] = {0, 255, 0, 255, 255, 0, 0, 255, 255, 0, 255, 0};
    expect_picture(
        TEXT("P4\n6 2\n\xa4\x58"), false,
        &(struct shot){6, 2, 8, 1, 255, SAMPLES(0, 255, 0, 255, 255, 0, 255, 0, 255, 0, 0, 255)});
    expect_picture(
        TEXT("P4\n12 1\n\xa6\x5f"), false,
        &(struct shot){12, 1, 8, 1, 255, SAMPLES(0, 255, 0, 255, 255, 0, 0, 255, 255, 0, 255, 0)});
    expect_picture(TEXT("P1\n12 1\n1 0 10\n0110#a comment\n0101"), false,
                   &(struct shot){12, 1, 8, 1, 255, (uint16_t *)row});
}

Test(image_pnm, comments_may_stand_everywhere_in_the_header)
{
    expect_picture(TEXT("P5#one\n#two\r# three\n2 # P5 9 9\n#\n 1#\n#\n255#last\nab"), false,
                   &(struct shot){2, 1, 8, 0, 255, SAMPLES('a', 'b')});
    /* Behind the one white space after maxval everything is a sample. */
    expect_picture(TEXT("P5 2 1 255\n#\n"), false,
                   &(struct shot){2, 1, 8, 0, 255, SAMPLES('#', '\n')});
    expect_picture(TEXT("P2 2 1 9 1 #8\n 2#"
                        "\n"),
                   false, &(struct shot){2, 1, 8, 0, 9, SAMPLES(1, 2)});
}

Test(image_pnm, colour_needs_luma)
{
    const struct pxr_image_opts luma = {.luma = true};
    const struct refusal colours[] = {
        {TEXT("P6 2 2 255 AAABBBCCCDDE"), PXR_E_MISMATCH, PXR_NONE, "pixel (1, 1) is coloured", 0},
        {TEXT("P3 2 1 900 1 1 1 1 2 1\n"), PXR_E_MISMATCH, PXR_NONE, "red 1, green 2, blue 1", 0},
        {TEXT("P6 1 1 900 \0\1\0\2\0\3"), PXR_E_MISMATCH, PXR_NONE, "--luma", 0},
    };
    for (size_t i = 0; i < sizeof colours / sizeof colours[0]; i++)
        expect_refusal(&colours[i], PNM, NULL);
    /* (2126 R + 7152 G + 722 B + 5000) / 10000, by hand */
    expect_picture(TEXT("P3 5 1 255 255 0 0 0 255 0 0 0 255 255 255 255 10 20 30\n"), true,
                   &(struct shot){5, 1, 8, 0, 255, SAMPLES(54, 182, 18, 255, 19)});
    expect_picture(TEXT("P3 3 1 65535 65535 65535 65535 65535 0 0 0 65535 65535\n"), true,
                   &(struct shot){3, 1, 16, 0, 65535, SAMPLES(65535, 13933, 51602)});
    expect_picture(TEXT("P6 1 1 1000 \x03\xe8\x03\xe8\x00\x00"), true,
                   &(struct shot){1, 1, 16, 0, 1000, SAMPLES(928)});
    expect_refusal(
        &(struct refusal){TEXT("P6 1 1 255 AB"), PXR_E_TRUNCATED, 13, "expected 3, found 2", 0},
        PNM, &luma);
}

/* 16 bits, pieces of rows, growing frames: against what was put in. */
Test(image_pnm, large_and_odd_shapes)
{
    static const uint32_t shapes[][2] = {{65535, 1}, {1, 65535}, {1, 1},      {4097, 3},
                                         {4096, 2},  {1031, 97}, {2048, 700}, {7, 1}};
    uint64_t state = 1;
    for (size_t i = 0; i < 2 * sizeof shapes / sizeof shapes[0]; i++) {
        const uint32_t w = shapes[i / 2][0], h = shapes[i / 2][1];
        const size_t n = (size_t)w * h;
        const bool is_colour = i % 2;
        struct pxr_buffer b = {0};
        char header[64];
        const int k =
            snprintf(header, sizeof header, "P%d\n%u %u\n4095\n", is_colour ? 6 : 5, w, h);
        uint16_t *samples = malloc(2 * n);
        pxr_buffer_add(&b, header, (size_t)k);
        for (size_t p = 0; p < n; p++) {
            samples[p] = next_random(&state) & 4095;
            const uint8_t be[2] = {(uint8_t)(samples[p] >> 8), (uint8_t)samples[p]};
            for (int c = 0; c < (is_colour ? 3 : 1); c++)
                pxr_buffer_add(&b, be, 2);
        }
        expect_picture((const char *)b.bytes, b.n_bytes, false,
                       &(struct shot){w, h, 16, 0, 4095, samples});
        free(samples);
        pxr_buffer_fini(&b);
    }
}

Test(image_pnm, pictures_may_follow_each_other)
{
    static const char stream[] = "P5 2 1 255\nab\n\nP5 1 1 1000 \1\2P2 1 1 7\n 3\nP4 1 2 \x80\0"
                                 "P6 1 1 255 zzz \n";
    struct outcome o = read_bytes(stream, sizeof stream - 1, PNM, NULL);
    cr_assert_eq(o.n_images, 5);
    expect_shot(&o, 0, &(struct shot){2, 1, 8, 0, 255, SAMPLES('a', 'b')});
    expect_shot(&o, 1, &(struct shot){1, 1, 16, 0, 1000, SAMPLES(258)});
    expect_shot(&o, 2, &(struct shot){1, 1, 8, 0, 7, SAMPLES(3)});
    expect_shot(&o, 3, &(struct shot){1, 2, 8, 1, 255, SAMPLES(0, 255)});
    expect_shot(&o, 4, &(struct shot){1, 1, 8, 0, 255, SAMPLES('z')});
    outcome_fini(&o);
    /* The number of the broken one is told. */
    o = read_bytes(TEXT("P5 1 1 255 aP5 1 1 9 z"), PNM, NULL);
    cr_assert_eq(o.err, PXR_E_CORRUPT);
    cr_assert_eq(o.diag.frame, 1);
    cr_assert_eq(o.n_images, 1);
    outcome_fini(&o);
}

Test(image_pnm, hostile_input_is_refused_with_class_and_place)
{
    static const struct refusal cases[] = {
        {TEXT("GIF89a"), PXR_E_NOTPXR, 0, "begins with P1 to P6", 0},
        {TEXT("P8 1 1 1 "), PXR_E_NOTPXR, 0, "begins with P1 to P6", 0},
        {TEXT("P7\nWIDTH 1\n"), PXR_E_UNSUPPORTED, 0, "PAM", 0},
        {TEXT("P"), PXR_E_TRUNCATED, 1, "header", 0},
        {TEXT("P5"), PXR_E_TRUNCATED, 2, "header", 0},
        {TEXT("P5x1 1 255 a"), PXR_E_CORRUPT, 2, "'x' where white space", 0},
        {TEXT("P5 a 1 255 a"), PXR_E_CORRUPT, 3, "'a' where a number", 0},
        {TEXT("P5 -1 1 255 a"), PXR_E_CORRUPT, 3, "'-' where a number", 0},
        {TEXT("P5 1\0 1 255 a"), PXR_E_CORRUPT, 4, "0x00 where white space", 0},
        {TEXT("P5 1x1 255 a"), PXR_E_CORRUPT, 4, "'x' where white space", 0},
        {TEXT("P5 0 1 255 a"), PXR_E_CORRUPT, 3, "no pixels", 0},
        {TEXT("P5 1 0 255 a"), PXR_E_CORRUPT, 3, "no pixels", 0},
        {TEXT("P5 1 1 0 a"), PXR_E_CORRUPT, 7, "maxval: expected 65535, found 0", 0},
        {TEXT("P5 1 1 65536 a"), PXR_E_CORRUPT, 7, "found 65536", 0},
        {TEXT("P5 1 1 99999999999999999999 a"), PXR_E_CORRUPT, 7, "1 to 65535", 0},
        {TEXT("P5 65536 65536 255\n"), PXR_E_LIMIT, 3, "found 4294967296", 0},
        {TEXT("P5 4294967296 1 255\n"), PXR_E_LIMIT, 3, "larger than the limit", 0},
        {TEXT("P5 1 4294967297 255\n"), PXR_E_LIMIT, 3, "larger than the limit", 0},
        {TEXT("P4 18446744073709551617 18446744073709551616\n"), PXR_E_LIMIT, 3, "limit", 0},
        {TEXT("P2 99999999999999999999999999 99999999999999999999999999 1\n"), PXR_E_LIMIT, 3,
         "limit", 0},
        {TEXT("P5 2 1 255 a"), PXR_E_TRUNCATED, 12, "frame bytes: expected 2, found 1", 0},
        {TEXT("P5 2 2 256 abc"), PXR_E_TRUNCATED, 14, "frame bytes: expected 8, found 3", 0},
        {TEXT("P5 2 1 255 abc"), PXR_E_CORRUPT, 13, "not another PNM picture", 1},
        {TEXT("P5 1 1 255 a P"), PXR_E_TRUNCATED, 14, "header", 1},
        {TEXT("P5 1 1 255 aP5 2"), PXR_E_TRUNCATED, 16, "header", 1},
        {TEXT("P5 1 1 255 aP9"), PXR_E_CORRUPT, 12, "not another PNM picture", 1},
        {TEXT("P5 3 1 9 \1\x0a\x0b"), PXR_E_CORRUPT, 10, "sample: expected 9, found 10", 0},
        {TEXT("P5 2 1 256 \1\0\1\1"), PXR_E_CORRUPT, 13, "sample: expected 256, found 257", 0},
        {TEXT("P6 1 2 9 \1\1\1\1\1\x0a"), PXR_E_CORRUPT, 14, "sample: expected 9, found 10", 0},
        {TEXT("P6 1 1 256 \1\0\1\0\2\0"), PXR_E_CORRUPT, 15, "expected 256, found 512", 0},
        {TEXT("P2 2 1 9 1 10\n"), PXR_E_CORRUPT, 11, "sample: expected 9, found 10", 0},
        {TEXT("P2 2 1 9 1 99999999999999999999\n"), PXR_E_CORRUPT, 11, "found 18446744073709551615",
         0},
        {TEXT("P2 2 1 9 1"), PXR_E_TRUNCATED, 10, "samples: expected 2, found 0", 0},
        {TEXT("P2 2 1 9 1 2"), PXR_E_TRUNCATED, 12, "samples: expected 2, found 1", 0},
        {TEXT("P2 2 1 9 1 x"), PXR_E_CORRUPT, 11, "'x' where a number", 0},
        {TEXT("P1 2 1 02"), PXR_E_CORRUPT, 8, "'2' where 0 or 1", 0},
        {TEXT("P1 2 1 0"), PXR_E_TRUNCATED, 8, "samples: expected 2, found 1", 0},
        {TEXT("P4 9 2 \1\2\3"), PXR_E_TRUNCATED, 10, "pixel bytes: expected 4, found 3", 0},
        {TEXT("P5 2 1 255 #"), PXR_E_TRUNCATED, 12, "frame bytes: expected 2, found 1", 0},
        {TEXT("P5 1 #no end"), PXR_E_TRUNCATED, 12, "header", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        expect_refusal(&cases[i], PNM, NULL);
}

/* Width and height must fit their fields even where the caller sets no limit worth the name. */
Test(image_pnm, sizes_fit_32_bits_under_any_limit)
{
    const struct pxr_image_opts opts = {.max_frame_px = UINT64_MAX};
    expect_refusal(&(struct refusal){TEXT("P5 4294967297 1 255\na"), PXR_E_LIMIT, 3, "limit", 0},
                   PNM, &opts);
    expect_refusal(&(struct refusal){TEXT("P5 1 4294967297 255\na"), PXR_E_LIMIT, 3, "limit", 0},
                   PNM, &opts);
    expect_refusal(
        &(struct refusal){TEXT("P6 4294967295 4294967295 65535\na"), PXR_E_LIMIT, 3, "limit", 0},
        PNM, &opts);
    expect_refusal(&(struct refusal){TEXT("P4 4294967295 256 \1"), PXR_E_TRUNCATED, 19,
                                     "expected 137438953472, found 1", 0},
                   PNM, &opts);
}

/* Small files of each kind; all end where their last sample does. */
static const struct {
    const char *bytes;
    size_t n_bytes;
} small_files[] = {
    {TEXT("P1\n3 2\n101010")},           {TEXT("P2\n3 1\n900\n1 20 300\n")},
    {TEXT("P3\n1 1\n9\n5 5 5\n")},       {TEXT("P4\n9 2\n\1\2\3\4")},
    {TEXT("P5\n# x\n3 2\n255\nabcdef")}, {TEXT("P5\n2 1\n4000\n\1\2\3\4")},
    {TEXT("P6\n2 1\n255\naaabbb")},
};

Test(image_pnm, every_truncation_is_noticed)
{
    for (size_t i = 0; i < sizeof small_files / sizeof small_files[0]; i++) {
        struct outcome o = read_bytes(small_files[i].bytes, small_files[i].n_bytes, PNM, NULL);
        cr_assert(o.err == PXR_OK && o.n_images == 1);
        outcome_fini(&o);
        for (size_t n = 0; n < small_files[i].n_bytes; n++) {
            o = read_bytes(small_files[i].bytes, n, PNM, NULL);
            cr_assert_eq(o.err, PXR_E_TRUNCATED, "file %zu cut to %zu: %d", i, n, o.err);
            cr_assert_eq(o.diag.off_bytes, n);
            cr_assert_eq(o.n_images, 0);
            outcome_fini(&o);
        }
    }
}

Test(image_pnm, every_byte_may_be_anything)
{
    static const uint8_t values[] = {0, 1, ' ', '\n', '#', '0', '1', '9', 'P', 'x', 127, 128, 255};
    size_t n_failed = 0, n_read = 0;
    for (size_t i = 0; i < sizeof small_files / sizeof small_files[0]; i++)
        for (size_t at = 0; at < small_files[i].n_bytes; at++)
            for (size_t v = 0; v < sizeof values; v++) {
                uint8_t bytes[64];
                memcpy(bytes, small_files[i].bytes, small_files[i].n_bytes);
                bytes[at] = values[v];
                struct outcome o = read_quick(bytes, small_files[i].n_bytes, PNM, NULL);
                *(o.err == PXR_OK ? &n_read : &n_failed) += 1;
                cr_assert(o.err == PXR_OK || pxr_err_exit(o.err) == 1 || o.err == PXR_E_LIMIT ||
                          o.err == PXR_E_UNSUPPORTED);
                cr_assert(o.err == PXR_OK || o.err == PXR_E_MISMATCH ||
                          o.diag.off_bytes <= small_files[i].n_bytes);
                cr_assert(o.err != PXR_OK || o.n_images == 1);
                outcome_fini(&o);
            }
    cr_assert_gt(n_failed, 500);
    cr_assert_gt(n_read, 100);
}

Test(image_pnm, a_declared_size_takes_no_memory)
{
    static const struct refusal cases[] = {
        {TEXT("P5 16384 16384 65535\nabc"), PXR_E_TRUNCATED, 24, "found 3", 0},
        {TEXT("P6 268435456 1 65535\nabc"), PXR_E_TRUNCATED, 24, "found 3", 0},
        {TEXT("P4 1 268435456\nabc"), PXR_E_TRUNCATED, 18, "found 3", 0},
        {TEXT("P2 268435456 1 255\n1 2 3"), PXR_E_TRUNCATED, 24, "found 2", 0},
        {TEXT("P5 16384 16385 255\nabc"), PXR_E_LIMIT, 3, "larger than the limit", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        watch_memory(SIZE_MAX);
        expect_refusal(&cases[i], PNM, NULL);
        cr_assert_leq(largest_request_bytes, 1u << 20);
    }
    pxr_alloc_hook(NULL);
}

Test(image_pnm, a_long_stream_takes_the_memory_of_one_frame)
{
    static uint8_t picture[16 + 300 * 200];
    struct pipe_writer w = {
        .bytes = picture, .n_bytes = sizeof picture, .n_step = 1 << 16, .n_times = 500};
    memcpy(picture, "P5\n300 0200\n255\n", 16);
    watch_memory(SIZE_MAX);
    struct outcome o = read_fd(pipe_writer_start(&w), NULL, 0, PNM, NULL);
    pthread_join(w.thread, NULL);
    cr_assert_eq(o.err, PXR_OK);
    cr_assert_eq(o.n_images, 500);
    cr_assert_leq(largest_request_bytes, 65536);
    cr_assert_leq(n_requests, 4);
    pxr_alloc_hook(NULL);
    outcome_fini(&o);
}

Test(image_pnm, each_failed_allocation_is_nomem)
{
    for (size_t i = 0; i < sizeof small_files / sizeof small_files[0]; i++)
        expect_nomem_everywhere(small_files[i].bytes, small_files[i].n_bytes, PNM, NULL);
}
