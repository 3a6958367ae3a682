/* SPDX-License-Identifier: MIT
 * The Y4M reader: gray streams, the Y plane of others, and what it must refuse. */
#include "test_image_probe.h"

#define Y4M           PXR_IMAGE_Y4M
#define SAMPLES(...)  ((uint16_t[]){__VA_ARGS__})
#define TEXT(literal) literal, sizeof(literal) - 1

static const struct pxr_image_opts luma = {.luma = true};

static void expect_stream(const char *bytes, size_t n_bytes, const struct pxr_image_opts *opts,
                          const struct shot *shots, size_t n_shots)
{
    struct outcome o = read_bytes(bytes, n_bytes, Y4M, opts);
    cr_assert_eq(o.err, PXR_OK, "%.60s: %s", bytes, o.diag.text);
    cr_assert_eq(o.n_images, n_shots);
    for (size_t i = 0; i < n_shots; i++)
        expect_shot(&o, i, &shots[i]);
    outcome_fini(&o);
}

Test(image_y4m, gray_of_each_depth)
{
    const struct shot two[] = {{2, 2, 8, 0, 255, SAMPLES('a', 'b', 'c', 'd')},
                               {2, 2, 8, 0, 255, SAMPLES('F', 'R', 'A', 'M')}};
    expect_stream(TEXT("YUV4MPEG2 W2 H2 F25:1 Ip A1:1 Cmono XYSCSS=400 Xcomment\n"
                       "FRAME\nabcdFRAME Ip Xwhatever\nFRAM"),
                  NULL, two, 2);
    expect_stream(TEXT("YUV4MPEG2 H1 Cmono9  W2\nFRAME\n\1\0\xff\1"), NULL,
                  &(struct shot){2, 1, 16, 0, 511, SAMPLES(1, 511)}, 1);
    expect_stream(TEXT("YUV4MPEG2 W2 H1 Cmono10\nFRAME\n\1\0\xff\3"), NULL,
                  &(struct shot){2, 1, 16, 0, 1023, SAMPLES(1, 1023)}, 1);
    expect_stream(TEXT("YUV4MPEG2 W1 H1 Cmono12\nFRAME\n\xff\xf"), NULL,
                  &(struct shot){1, 1, 16, 0, 4095, SAMPLES(4095)}, 1);
    expect_stream(TEXT("YUV4MPEG2 W1 H1 Cmono14\nFRAME\n\xff\x3f"), NULL,
                  &(struct shot){1, 1, 16, 0, 16383, SAMPLES(16383)}, 1);
    expect_stream(TEXT("YUV4MPEG2 W1 H2 Cmono16\nFRAME\n\x34\x12\xff\xff"), NULL,
                  &(struct shot){1, 2, 16, 0, 65535, SAMPLES(0x1234, 65535)}, 1);
}

/* How many bytes of chroma belong to a 3 x 3 frame, and how deep its samples are. */
Test(image_y4m, the_luma_plane_of_each_colour_space)
{
    static const struct {
        const char *field;
        unsigned n_chroma, bits;
    } cases[] = {
        {"", 2 * 2 * 2, 8},          {"C420", 2 * 2 * 2, 8},      {"C420jpeg", 2 * 2 * 2, 8},
        {"C420mpeg2", 2 * 2 * 2, 8}, {"C420paldv", 2 * 2 * 2, 8}, {"C422", 2 * 2 * 3, 8},
        {"C444", 2 * 3 * 3, 8},      {"C411", 2 * 1 * 3, 8},      {"C420p10", 2 * 2 * 2, 10},
        {"C422p9", 2 * 2 * 3, 9},    {"C444p12", 2 * 3 * 3, 12},  {"C420p14", 2 * 2 * 2, 14},
        {"C422p16", 2 * 2 * 3, 16},  {"C411p10", 2 * 1 * 3, 10},  {"Cmono", 0, 8},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const size_t sample_bytes = cases[i].bits > 8 ? 2 : 1;
        char bytes[256];
        int n = snprintf(bytes, sizeof bytes, "YUV4MPEG2 W3 H3 %s\n", cases[i].field);
        uint16_t samples[2][9];
        struct shot shots[2];
        for (size_t f = 0; f < 2; f++) {
            n += snprintf(bytes + n, sizeof bytes - (size_t)n, "FRAME\n");
            for (size_t k = 0; k < 9 + cases[i].n_chroma; k++) {
                if (k < 9)
                    samples[f][k] = (uint16_t)(k + 10 * f);
                memset(bytes + n, 0, sample_bytes);
                bytes[n] = (char)(k < 9 ? k + 10 * f : 99);
                n += (int)sample_bytes;
            }
            shots[f] = (struct shot){.width_px = 3,
                                     .height_px = 3,
                                     .bits = (uint8_t)(8 * sample_bytes),
                                     .maxval = (uint16_t)((1u << cases[i].bits) - 1),
                                     .samples = samples[f]};
        }
        expect_stream(bytes, (size_t)n, &luma, shots, 2);
        if (!cases[i].n_chroma)
            continue;
        struct outcome o = read_bytes(bytes, (size_t)n, Y4M, NULL);
        cr_assert(o.err == PXR_E_MISMATCH && o.n_images == 0 && strstr(o.diag.text, "--luma"));
        outcome_fini(&o);
        o = read_bytes(bytes, (size_t)n - 1, Y4M, &luma);
        cr_assert(o.err == PXR_E_TRUNCATED && o.n_images == 1);
        cr_assert_eq(o.diag.expected, cases[i].n_chroma * sample_bytes);
        cr_assert_eq(o.diag.found, cases[i].n_chroma * sample_bytes - 1);
        outcome_fini(&o);
    }
}

#define HEAD "YUV4MPEG2 W2 H1 Cmono\n"

Test(image_y4m, hostile_input_is_refused_with_class_and_place)
{
    char long_line[3000];
    memset(long_line, 'x', sizeof long_line);
    memcpy(long_line, "YUV4MPEG2 W1 H1 X", 17);
    const struct refusal cases[] = {
        {TEXT("YUV4MPEG1 W2 H1\n"), PXR_E_NOTPXR, 0, "YUV4MPEG2", 0},
        {TEXT("YUV4MPEG2W2 H1\n"), PXR_E_NOTPXR, 0, "YUV4MPEG2", 0},
        {TEXT("YUV4"), PXR_E_TRUNCATED, 4, "expected 9, found 4", 0},
        {TEXT("YUV4MPEG2 W2 H1"), PXR_E_TRUNCATED, 15, "within the Y4M header", 0},
        {TEXT(HEAD), PXR_E_TRUNCATED, 22, "holds no frame", 0},
        {TEXT("YUV4MPEG2 H1 Cmono\nFRAME\n"), PXR_E_CORRUPT, 0, "no field W", 0},
        {TEXT("YUV4MPEG2 W1 Cmono\nFRAME\n"), PXR_E_CORRUPT, 0, "no field H", 0},
        {TEXT("YUV4MPEG2\nFRAME\n"), PXR_E_CORRUPT, 0, "no field W", 0},
        {TEXT("YUV4MPEG2 W0 H1\n"), PXR_E_CORRUPT, 10, "'W0' is not a size", 0},
        {TEXT("YUV4MPEG2 W1 H-1\n"), PXR_E_CORRUPT, 13, "'H-1' is not a size", 0},
        {TEXT("YUV4MPEG2 W H1\n"), PXR_E_CORRUPT, 10, "'W' is not a size", 0},
        {TEXT("YUV4MPEG2 W1x H1\n"), PXR_E_CORRUPT, 10, "'W1x' is not a size", 0},
        {TEXT("YUV4MPEG2 W1 H1 W1\n"), PXR_E_CORRUPT, 16, "W is there twice", 0},
        {TEXT("YUV4MPEG2 W1 H1 Cmono Cmono\n"), PXR_E_CORRUPT, 22, "C is there twice", 0},
        {TEXT("YUV4MPEG2 W1 H1 Qmono\n"), PXR_E_CORRUPT, 16, "unknown field 'Qmono'", 0},
        {TEXT("YUV4MPEG2 W1 H1\tCmono\n"), PXR_E_CORRUPT, 15, "control character 9", 0},
        {TEXT("YUV4MPEG2 W1\0 H1\n"), PXR_E_CORRUPT, 12, "control character 0", 0},
        {TEXT("YUV4MPEG2 W1 H1 C444alpha\n"), PXR_E_UNSUPPORTED, 16, "'444alpha'", 0},
        {TEXT("YUV4MPEG2 W1 H1 C\n"), PXR_E_UNSUPPORTED, 16, "''", 0},
        {TEXT("YUV4MPEG2 W1 H1 Cmono8\n"), PXR_E_UNSUPPORTED, 16, "'mono8'", 0},
        {TEXT("YUV4MPEG2 W1 H1 C420jpegp10\n"), PXR_E_UNSUPPORTED, 16, "'420jpegp10'", 0},
        {TEXT("YUV4MPEG2 W65536 H65536 Cmono\n"), PXR_E_LIMIT, 0, "found 4294967296", 0},
        {TEXT("YUV4MPEG2 W4294967296 H1 Cmono\n"), PXR_E_LIMIT, 0, "limit", 0},
        {TEXT("YUV4MPEG2 W1 H99999999999999999999 Cmono\n"), PXR_E_LIMIT, 0, "limit", 0},
        {long_line, sizeof long_line, PXR_E_LIMIT, 9, "longer than 1023 bytes", 0},
        {TEXT(HEAD "FRAMING\nab"), PXR_E_CORRUPT, 22, "'FRAME'", 0},
        {TEXT(HEAD "FRAMES\nab"), PXR_E_CORRUPT, 22, "'FRAME'", 0},
        {TEXT(HEAD "\nab"), PXR_E_CORRUPT, 22, "'FRAME'", 0},
        {TEXT(HEAD "FRA"), PXR_E_TRUNCATED, 25, "before a frame", 0},
        {TEXT(HEAD "FRAME\na"), PXR_E_TRUNCATED, 29, "expected 2, found 1", 0},
        {TEXT(HEAD "FRAME\nabFRAME"), PXR_E_TRUNCATED, 35, "frame 1", 1},
        {TEXT(HEAD "FRAME\nabc\n"), PXR_E_CORRUPT, 30, "'FRAME'", 1},
        {TEXT("YUV4MPEG2 W2 H1 Cmono10\nFRAME\n\0\0\0\4"), PXR_E_CORRUPT, 32,
         "sample: expected 1023, found 1024", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        expect_refusal(&cases[i], Y4M, NULL);
}

static const char small[] =
    "YUV4MPEG2 W2 H2 F25:1 Cmono10\nFRAME\n\1\1\2\1\3\1\4\1FRAME X\n12345678";
static const size_t frame_ends[] = {44, 60};

/* A stream that was cut between two frames cannot be told from a shorter one. */
Test(image_y4m, every_truncation_is_noticed)
{
    char bytes[sizeof small];
    memcpy(bytes, small, sizeof small);
    for (size_t i = 53; i < 60; i += 2)
        bytes[i] = 1; /* "12345678" would be beyond 10 bits */
    for (size_t n = 0; n <= frame_ends[1]; n++) {
        struct outcome o = read_bytes(bytes, n, Y4M, NULL);
        if (n == frame_ends[0] || n == frame_ends[1]) {
            cr_assert_eq(o.err, PXR_OK, "cut to %zu: %s", n, o.diag.text);
            cr_assert_eq(o.n_images, n == frame_ends[0] ? 1 : 2);
        } else {
            cr_assert_eq(o.err, PXR_E_TRUNCATED, "cut to %zu: %d", n, o.err);
            cr_assert_eq(o.diag.off_bytes, n);
            cr_assert_eq(o.n_images, n > frame_ends[0]);
        }
        outcome_fini(&o);
    }
}

Test(image_y4m, every_byte_may_be_anything)
{
    static const uint8_t values[] = {0, 1, ' ', '\n', '0', '9', 'C', 'F', 'W', 'X', 127, 255};
    size_t n_failed = 0, n_read = 0;
    for (size_t at = 0; at < sizeof small - 1; at++)
        for (size_t v = 0; v < sizeof values; v++) {
            uint8_t bytes[sizeof small];
            memcpy(bytes, small, sizeof small);
            bytes[at] = values[v];
            struct outcome o = read_quick(bytes, frame_ends[0], Y4M, &luma);
            *(o.err == PXR_OK ? &n_read : &n_failed) += 1;
            cr_assert(o.err == PXR_OK || pxr_err_exit(o.err) == 1 || o.err == PXR_E_LIMIT ||
                      o.err == PXR_E_UNSUPPORTED);
            cr_assert(o.err != PXR_OK || o.n_images == 1);
            outcome_fini(&o);
        }
    cr_assert_gt(n_failed, 200);
    cr_assert_gt(n_read, 100);
}

Test(image_y4m, a_long_stream_takes_the_memory_of_one_frame)
{
    static uint8_t frame[6 + 100 * 100];
    memcpy(frame, "FRAME\n", 6);
    static const char head[] = "YUV4MPEG2 W100 H100 Cmono\n";
    struct pipe_writer w = {
        .bytes = frame, .n_bytes = sizeof frame, .n_step = 5000, .n_times = 2000};
    watch_memory(SIZE_MAX);
    struct outcome o =
        read_fd(pipe_writer_start(&w), (const uint8_t *)head, sizeof head - 1, Y4M, NULL);
    pthread_join(w.thread, NULL);
    cr_assert_eq(o.err, PXR_OK);
    cr_assert_eq(o.n_images, 2000);
    cr_assert_leq(largest_request_bytes, 65536);
    cr_assert_leq(n_requests, 3);
    outcome_fini(&o);
    watch_memory(SIZE_MAX);
    o = read_bytes(TEXT("YUV4MPEG2 W16384 H16384 Cmono16\nFRAME\nabc"), Y4M, NULL);
    cr_assert(o.err == PXR_E_TRUNCATED && o.diag.found == 3);
    cr_assert_leq(largest_request_bytes, 1u << 20);
    outcome_fini(&o);
    pxr_alloc_hook(NULL);
}

Test(image_y4m, each_failed_allocation_is_nomem)
{
    expect_nomem_everywhere(small, frame_ends[0], Y4M, NULL);
}
