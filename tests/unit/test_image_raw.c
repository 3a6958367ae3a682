/* SPDX-License-Identifier: MIT
 * The reader of headerless samples: depths, byte orders, gaps, and what it must refuse. */
#include "test_image_probe.h"

#define RAW           PXR_IMAGE_RAW
#define SAMPLES(...)  ((uint16_t[]){__VA_ARGS__})
#define TEXT(literal) literal, sizeof(literal) - 1

static struct pxr_image_opts shape(const char *text)
{
    struct pxr_image_opts opts = {0};
    cr_assert_eq(pxr_image_parse_raw(text, &opts, NULL), PXR_OK, "%s", text);
    return opts;
}

static void expect_frames(const char *bytes, size_t n_bytes, const struct pxr_image_opts *opts,
                          const struct shot *shots, size_t n_shots)
{
    struct outcome o = read_bytes(bytes, n_bytes, RAW, opts);
    cr_assert_eq(o.err, PXR_OK, "%s", o.diag.text);
    cr_assert_eq(o.n_images, n_shots);
    for (size_t i = 0; i < n_shots; i++)
        expect_shot(&o, i, &shots[i]);
    outcome_fini(&o);
}

Test(image_raw, each_depth_and_byte_order)
{
    struct pxr_image_opts opts = shape("2x1x8");
    const struct shot two[] = {{2, 1, 8, 0, 255, SAMPLES('a', 'b')},
                               {2, 1, 8, 0, 255, SAMPLES(0, 255)}};
    expect_frames(TEXT("ab\0\xff"), &opts, two, 2);
    opts = shape("2x1x16le");
    expect_frames(TEXT("\1\2\3\4"), &opts, &(struct shot){2, 1, 16, 0, 65535, SAMPLES(513, 1027)},
                  1);
    opts = shape("2x1x16");
    expect_frames(TEXT("\1\2\3\4"), &opts, &(struct shot){2, 1, 16, 0, 65535, SAMPLES(513, 1027)},
                  1);
    opts = shape("1x2x16be");
    expect_frames(TEXT("\1\2\3\4"), &opts, &(struct shot){1, 2, 16, 0, 65535, SAMPLES(258, 772)},
                  1);
    for (unsigned bits = 1; bits <= 16; bits++) {
        const uint16_t max = (uint16_t)((1u << bits) - 1);
        const char bytes[4] = {(char)max, bits > 8 ? (char)(max >> 8) : 0, 0, 0};
        char text[16];
        snprintf(text, sizeof text, "2x1x%ule", bits);
        opts = shape(text);
        expect_frames(bytes, bits > 8 ? 4 : 2, &opts,
                      &(struct shot){2, 1, bits > 8 ? 16 : 8, 0, max, SAMPLES(max, 0)}, 1);
        if (bits == 8 || bits == 16)
            continue;
        /* One more, in the second sample of the second frame. */
        const unsigned above = max + 1u;
        const char wrong[8] = {0, 0, 0, 0, 0, 0, (char)above, (char)(above >> 8)};
        struct outcome o = bits > 8 ? read_bytes(wrong, 8, RAW, &opts)
                                    : read_bytes((char[]){0, 0, 0, (char)above}, 4, RAW, &opts);
        cr_assert(o.err == PXR_E_CORRUPT && o.n_images == 1 && o.diag.frame == 1);
        cr_assert_eq(o.diag.off_bytes, bits > 8 ? 6 : 3);
        cr_assert(o.diag.has_values && o.diag.expected == max && o.diag.found == above);
        outcome_fini(&o);
    }
}

/* The examples of GenICam's Pixel Format Naming Convention: the first pixel lies in the lowest bits. */
Test(image_raw, packed_from_the_low_bit_on)
{
    struct pxr_image_opts opts = shape("4x1x10p");
    /* 0x3ff, 0, 0x155, 0x2aa: 40 bits. */
    expect_frames(TEXT("\xff\x03\x50\x95\xaa"), &opts, &(struct shot){4, 1, 16, 0, 1023, SAMPLES(1023, 0, 0x155, 0x2aa)}, 1);
    opts = shape("2x2x12p");
    expect_frames(TEXT("\xbc\xfa\xde\x23\x61\x45"), &opts,
                  &(struct shot){2, 2, 16, 0, 4095, SAMPLES(0xabc, 0xdef, 0x123, 0x456)}, 1);
    /* Frames, not rows, begin with a new byte: 3 x 1 samples of 12 bits take 5 bytes. */
    opts = shape("3x1x12p");
    const struct shot two[] = {{3, 1, 16, 0, 4095, SAMPLES(1, 2, 3)}, {3, 1, 16, 0, 4095, SAMPLES(4, 5, 6)}};
    expect_frames(TEXT("\1\x20\0\3\0\4\x50\0\6\xf0"), &opts, two, 2);
    opts.raw_stride_bytes = 6;
    expect_frames(TEXT("\1\x20\0\3\0-\4\x50\0\6\0"), &opts, two, 2);
    opts = shape("3x3x1p");
    expect_frames(TEXT("\x55\1"), &opts, &(struct shot){3, 3, 8, 0, 1, SAMPLES(1, 0, 1, 0, 1, 0, 1, 0, 1)}, 1);
    opts = shape("4x1x4p");
    expect_frames(TEXT("\x21\x43"), &opts, &(struct shot){4, 1, 8, 0, 15, SAMPLES(1, 2, 3, 4)}, 1);
}

/* GigE Vision: the high eight bits of each sample are bytes of their own. */
Test(image_raw, packed_two_in_three_bytes)
{
    struct pxr_image_opts opts = shape("2x1x12packed");
    expect_frames(TEXT("\xab\xfc\xde"), &opts, &(struct shot){2, 1, 16, 0, 4095, SAMPLES(0xabc, 0xdef)}, 1);
    opts = shape("2x1x10packed");
    expect_frames(TEXT("\xff\x13\x01"), &opts, &(struct shot){2, 1, 16, 0, 1023, SAMPLES(1023, 5)}, 1);
    opts = shape("3x1x12packed"); /* the last sample alone: two bytes */
    expect_frames(TEXT("\xab\xfc\xde\x12\x03"), &opts, &(struct shot){3, 1, 16, 0, 4095, SAMPLES(0xabc, 0xdef, 0x123)}, 1);
    for (size_t n = 0; n < 10; n++) {
        struct outcome o = read_bytes("\xab\xfc\xde\x12\x03\xab\xfc\xde\x12\x03", n, RAW, &opts);
        cr_assert_eq(o.err, n == 5 ? PXR_OK : PXR_E_TRUNCATED);
        cr_assert_eq(o.n_images, n / 5);
        outcome_fini(&o);
    }
    expect_nomem_everywhere("\xab\xfc\xde\x12\x03", 5, RAW, &opts);
}

/* Each depth against bits that are set one by one. */
Test(image_raw, packed_samples_of_each_depth)
{
    uint64_t state = 5;
    for (unsigned bits = 1; bits < 16; bits++) {
        char text[16];
        uint16_t samples[7 * 5];
        uint8_t packed[7 * 5 * 2] = {0};
        if (bits == 8)
            continue;
        for (size_t i = 0; i < 35; i++) {
            samples[i] = (uint16_t)(next_random(&state) & ((1u << bits) - 1));
            for (unsigned b = 0; b < bits; b++)
                packed[(i * bits + b) / 8] |= (uint8_t)((samples[i] >> b & 1) << (i * bits + b) % 8);
        }
        snprintf(text, sizeof text, "7x5x%up", bits);
        const struct pxr_image_opts opts = shape(text);
        expect_frames((const char *)packed, (35 * bits + 7) / 8, &opts,
                      &(struct shot){7, 5, bits <= 8 ? 8 : 16, 0, (uint16_t)((1u << bits) - 1), samples}, 1);
    }
}

Test(image_raw, skip_and_stride)
{
    struct pxr_image_opts opts = shape("2x1x8");
    const struct shot two[] = {{2, 1, 8, 0, 255, SAMPLES('a', 'b')},
                               {2, 1, 8, 0, 255, SAMPLES('c', 'd')}};
    opts.raw_skip_bytes = 5;
    expect_frames(TEXT("-----abcd"), &opts, two, 2);
    opts.raw_stride_bytes = 5;
    /* The gap behind the last frame may be whole, cut or missing. */
    expect_frames(TEXT("-----ab...cd..."), &opts, two, 2);
    expect_frames(TEXT("-----ab...cd."), &opts, two, 2);
    expect_frames(TEXT("-----ab...cd"), &opts, two, 2);
    opts.raw_stride_bytes = 2;
    expect_frames(TEXT("-----abcd"), &opts, two, 2);
}

Test(image_raw, what_is_missing_is_told)
{
    static const struct {
        const char *shape;
        uint64_t skip, stride;
        struct refusal refusal;
    } cases[] = {
        {"2x2x8", 0, 0, {TEXT("abc"), PXR_E_TRUNCATED, 3, "frame bytes: expected 4, found 3", 0}},
        {"2x2x8", 0, 0, {TEXT("abcdef"), PXR_E_TRUNCATED, 6, "frame 1", 1}},
        {"2x2x8", 0, 7, {TEXT("abcd123ab"), PXR_E_TRUNCATED, 9, "expected 4, found 2", 1}},
        {"1x1x8", 4, 0, {TEXT("abc"), PXR_E_TRUNCATED, 3, "skip: expected 4, found 3", 0}},
        {"1x1x8", 3, 0, {TEXT("abc"), PXR_E_TRUNCATED, 3, "holds no frame", 0}},
        {"3x1x16", 0, 0, {TEXT("abcde"), PXR_E_TRUNCATED, 5, "expected 6, found 5", 0}},
        {"3x1x7", 1, 0, {TEXT("\xff\1\x80\1"), PXR_E_CORRUPT, 2, "expected 127, found 128", 0}},
        {"1x1x12be", 0, 3, {TEXT("\xf\xff\xff\x10\0"), PXR_E_CORRUPT, 3, "found 4096", 1}},
        {"2x2x8", 0, 3, {TEXT("abcd"), PXR_E_INVALID, PXR_NONE, "stride: expected 4, found 3", 0}},
        {"65536x65536x8", 0, 0, {TEXT("abc"), PXR_E_LIMIT, PXR_NONE, "found 4294967296", 0}},
        {"16384x16384x16", 0, 0, {TEXT("abc"), PXR_E_TRUNCATED, 3, "found 3", 0}},
    };
    watch_memory(SIZE_MAX);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pxr_image_opts opts = shape(cases[i].shape);
        opts.raw_skip_bytes = cases[i].skip;
        opts.raw_stride_bytes = cases[i].stride;
        expect_refusal(&cases[i].refusal, RAW, &opts);
    }
    cr_assert_leq(largest_request_bytes, 1u << 20);
    pxr_alloc_hook(NULL);
    const struct pxr_image_opts nothing[] = {
        {.raw_width_px = 1, .raw_height_px = 1},
        {.raw_width_px = 1, .raw_bits = 8},
        {.raw_height_px = 1, .raw_bits = 8},
        {.raw_width_px = 1, .raw_height_px = 1, .raw_bits = 17}};
    for (size_t i = 0; i < sizeof nothing / sizeof nothing[0]; i++)
        expect_refusal(&(struct refusal){TEXT("abc"), PXR_E_INVALID, PXR_NONE, "1 to 16 bits", 0},
                       RAW, &nothing[i]);
}

Test(image_raw, every_truncation_is_noticed)
{
    const struct pxr_image_opts opts = shape("2x2x12be");
    static const char bytes[24] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    for (size_t n = 0; n <= sizeof bytes; n++) {
        struct outcome o = read_bytes(bytes, n, RAW, &opts);
        cr_assert_eq(o.err, n % 8 || !n ? PXR_E_TRUNCATED : PXR_OK, "cut to %zu: %d", n, o.err);
        cr_assert_eq(o.n_images, n / 8);
        cr_assert(o.err == PXR_OK || o.diag.off_bytes == n);
        outcome_fini(&o);
    }
}

Test(image_raw, a_long_stream_takes_the_memory_of_one_frame)
{
    static uint8_t frame[2 * 150 * 100];
    uint64_t state = 3;
    for (size_t i = 0; i < sizeof frame; i++)
        frame[i] = (uint8_t)next_random(&state);
    const struct pxr_image_opts opts = shape("150x100x16be");
    struct pipe_writer w = {
        .bytes = frame, .n_bytes = sizeof frame, .n_step = 7000, .n_times = 999};
    watch_memory(SIZE_MAX);
    struct outcome o = read_fd(pipe_writer_start(&w), NULL, 0, RAW, &opts);
    pthread_join(w.thread, NULL);
    cr_assert_eq(o.err, PXR_OK);
    cr_assert_eq(o.n_images, 999);
    cr_assert_leq(largest_request_bytes, 65536);
    cr_assert_leq(n_requests, 3);
    pxr_alloc_hook(NULL);
    for (size_t i = 0; i < 150 * 100; i++)
        cr_assert_eq(o.shots[7].samples[i], pxr_load_u16be(frame + 2 * i));
    outcome_fini(&o);
    expect_nomem_everywhere(frame, sizeof frame, RAW, &opts);
}

/* A frame of more than the first step of the buffer's growth. */
Test(image_raw, large_frames_arrive_whole)
{
    const struct pxr_image_opts opts = shape("2000x1500x16le");
    const size_t n = 2 * 2000 * 1500;
    uint8_t *bytes = malloc(n);
    uint64_t state = 4;
    for (size_t i = 0; i < n; i++)
        bytes[i] = (uint8_t)next_random(&state);
    struct outcome o = read_bytes(bytes, n, RAW, &opts);
    cr_assert(o.err == PXR_OK && o.n_images == 1);
    size_t n_wrong = 0;
    for (size_t i = 0; i < n / 2; i++)
        n_wrong += o.shots[0].samples[i] != pxr_load_u16le(bytes + 2 * i);
    cr_assert_eq(n_wrong, 0);
    outcome_fini(&o);
    o = read_bytes(bytes, n - 1, RAW, &opts);
    cr_assert(o.err == PXR_E_TRUNCATED && o.diag.expected == n && o.diag.found == n - 1);
    outcome_fini(&o);
    free(bytes);
}

Test(image_raw, shapes_are_parsed_strictly)
{
    static const char *const wrong[] = {
        "",
        "640",
        "640x480",
        "640x480x",
        "x480x8",
        "640x480x0",
        "0x480x8",
        "640x0x8",
        "640x480x17",
        "640x480x8lee",
        "640x480x8 ",
        " 640x480x8",
        "-1x480x8",
        "640X480x8",
        "640x480x8LE",
        "640x480x8l",
        "+640x480x8",
        "640x480xle",
        "4294967296x1x8",
        "1x4294967296x8",
        "99999999999999999999999x1x8",
        "640x480x8x1",
        "0x10x1x8",
        "4x4x8p",
        "4x4x16p",
        "4x4x17p",
        "4x4x11packed",
        "4x4x8packed",
        "4x4x10pp",
        "4x4x10lep",
    };
    struct pxr_image_opts opts = {.raw_width_px = 7, .luma = true};
    struct pxr_diag diag;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        cr_expect_eq(pxr_image_parse_raw(wrong[i], &opts, &diag), PXR_E_INVALID, "'%s'", wrong[i]);
        cr_expect(strstr(diag.text, "WIDTHxHEIGHTxBITS") || strstr(diag.text, "p packs samples"), "%s", diag.text);
        cr_expect(opts.raw_width_px == 7 && !opts.raw_height_px && !opts.raw_bits);
    }
    cr_assert_eq(pxr_image_parse_raw("4294967295x1x12be", &opts, &diag), PXR_OK);
    cr_assert(opts.raw_width_px == 4294967295 && opts.raw_height_px == 1 && opts.raw_bits == 12);
    cr_assert(opts.raw_is_big_endian && opts.luma);
    cr_assert_eq(pxr_image_parse_raw("064x48x1le", &opts, &diag), PXR_OK);
    cr_assert(opts.raw_width_px == 64 && opts.raw_bits == 1 && !opts.raw_is_big_endian);
}
