/* SPDX-License-Identifier: MIT
 * The SER reader: depths, byte orders, time stamps, and headers that are wrong. */
#include "test_image_probe.h"

#define SER          PXR_IMAGE_SER
#define SAMPLES(...) ((uint16_t[]){__VA_ARGS__})

enum { OFF_COLOUR = 18, OFF_ORDER = 22, OFF_WIDTH = 26, OFF_HEIGHT = 30, OFF_DEPTH = 34, OFF_COUNT = 38, HEADER = 178 };

struct made {
    uint8_t bytes[4096];
    size_t n_bytes;
};

static struct made make(uint32_t width, uint32_t height, uint32_t depth, uint32_t n_frames, const void *samples,
                        size_t n_samples)
{
    struct made m = {.n_bytes = HEADER + n_samples};
    memcpy(m.bytes, "LUCAM-RECORDER", 14);
    pxr_store_u32le(m.bytes + OFF_WIDTH, width);
    pxr_store_u32le(m.bytes + OFF_HEIGHT, height);
    pxr_store_u32le(m.bytes + OFF_DEPTH, depth);
    pxr_store_u32le(m.bytes + OFF_COUNT, n_frames);
    memset(m.bytes + 42, 'x', 120); /* who observed, with what */
    memcpy(m.bytes + HEADER, samples, n_samples);
    return m;
}

static void expect_frames(const struct made *m, const struct pxr_image_opts *opts, const struct shot *shots,
                          size_t n_shots)
{
    char text[512];
    struct outcome o = read_bytes(m->bytes, m->n_bytes, SER, opts);
    cr_assert_eq(o.err, PXR_OK, "%s", pxr_diag_line(&o.diag, text, sizeof text));
    cr_assert_eq(o.n_images, n_shots);
    for (size_t i = 0; i < n_shots; i++)
        expect_shot(&o, i, &shots[i]);
    outcome_fini(&o);
}

Test(image_ser, depths_and_byte_orders)
{
    struct made m = make(2, 1, 8, 2, "abcd", 4);
    const struct shot two[] = {{2, 1, 8, 0, 255, SAMPLES('a', 'b')}, {2, 1, 8, 0, 255, SAMPLES('c', 'd')}};
    expect_frames(&m, NULL, two, 2);
    m = make(2, 1, 12, 1, "\1\2\3\4", 4);
    const struct shot little = {2, 1, 16, 0, 4095, SAMPLES(0x0201, 0x0403)};
    const struct shot big = {2, 1, 16, 0, 4095, SAMPLES(0x0102, 0x0304)};
    const struct pxr_image_opts le = {.ser_order = PXR_ORDER_LITTLE_ENDIAN}, be = {.ser_order = PXR_ORDER_BIG_ENDIAN};
    expect_frames(&m, NULL, &little, 1);
    expect_frames(&m, &be, &big, 1);
    m.bytes[OFF_ORDER] = 1;
    expect_frames(&m, NULL, &big, 1);
    expect_frames(&m, &le, &little, 1);
    /* Mosaics are what the sensor saw. */
    m = make(2, 1, 8, 2, "abcd", 4);
    m.bytes[OFF_COLOUR] = 9;
    expect_frames(&m, NULL, two, 2);
}

/* Times and warnings of up to three frames. */
struct notes {
    size_t n;
    bool has_time[3];
    int64_t time_ns[3];
    uint16_t maxval[3];
    char warning[3][200];
};

static enum pxr_err take_notes(void *arg, const struct pxr_image *image, struct pxr_diag *diag)
{
    struct notes *t = arg;
    (void)diag;
    cr_assert_lt(t->n, 3);
    t->has_time[t->n] = image->has_time;
    t->time_ns[t->n] = image->time_ns;
    t->maxval[t->n] = image->maxval;
    snprintf(t->warning[t->n++], 200, "%s", image->warning ? image->warning : "");
    return PXR_OK;
}

static struct notes note(const struct made *m, enum pxr_sample_order order)
{
    const struct pxr_image_opts opts = {.ser_order = order};
    struct notes t = {0};
    struct pxr_diag diag;
    const int fd = memory_fd(m->bytes, m->n_bytes);
    cr_assert_eq(pxr_image_read(fd, NULL, 0, SER, &opts, take_notes, &t, &diag), PXR_OK, "%s", diag.text);
    close(fd);
    return t;
}

Test(image_ser, time_stamps_of_the_trailer)
{
    struct made m = make(1, 1, 8, 3, "abc", 3);
    struct notes t = note(&m, PXR_ORDER_OF_HEADER);
    cr_assert(t.n == 3 && !t.has_time[0] && !t.has_time[2]);
    /* 2024-05-01 12:00:00.0000001, none, and the last one that 64 bits of nanoseconds hold. */
    pxr_store_u64le(m.bytes + m.n_bytes, 621355968000000000 + 17145648000000001);
    pxr_store_u64le(m.bytes + m.n_bytes + 8, 0);
    pxr_store_u64le(m.bytes + m.n_bytes + 16, INT64_MAX);
    m.n_bytes += 24;
    t = note(&m, PXR_ORDER_OF_HEADER);
    cr_assert(t.has_time[0] && t.time_ns[0] == 1714564800000000100);
    cr_assert(!t.has_time[1] && !t.has_time[2]);
}

Test(image_ser, what_contradicts_the_header_is_told)
{
    uint8_t ramp[2 * 100];
    for (size_t i = 0; i < 100; i++)
        pxr_store_u16be(ramp + 2 * i, (uint16_t)(1000 + 7 * i));
    struct made m = make(10, 10, 16, 1, ramp, sizeof ramp);
    struct notes t = note(&m, PXR_ORDER_OF_HEADER);
    cr_assert(strstr(t.warning[0], "look big endian") && strstr(t.warning[0], "--byte-order be"), "%s", t.warning[0]);
    cr_assert(!note(&m, PXR_ORDER_BIG_ENDIAN).warning[0][0] && !note(&m, PXR_ORDER_LITTLE_ENDIAN).warning[0][0]);
    m.bytes[OFF_ORDER] = 1;
    cr_assert(!note(&m, PXR_ORDER_OF_HEADER).warning[0][0]);
    /* Bits that the header knows nothing of are kept; the frames before keep their maxval. */
    m = make(1, 1, 12, 3, "\xff\xf\0\x10\1\0", 6);
    t = note(&m, PXR_ORDER_OF_HEADER);
    cr_assert(!t.warning[0][0] && strstr(t.warning[1], "frame 1 has a sample of 4096") && !t.warning[2][0]);
    cr_assert(t.maxval[0] == 4095 && t.maxval[1] == 65535);
    /* A recording that broke off. */
    m = make(1, 1, 8, 0, "abc", 3);
    t = note(&m, PXR_ORDER_OF_HEADER);
    cr_assert(t.n == 3 && strstr(t.warning[0], "counts no frames") && !t.warning[1][0]);
}

Test(image_ser, wrong_headers_are_refused_with_class_and_place)
{
    static const struct {
        size_t off;
        uint32_t value;
        enum pxr_err err;
        const char *text;
    } cases[] = {
        {OFF_COLOUR, 100, PXR_E_MISMATCH, "colour frames"},
        {OFF_COLOUR, 101, PXR_E_MISMATCH, "ColorID: expected 0, found 101"},
        {OFF_COLOUR, 20, PXR_E_CORRUPT, "no such kind"},
        {OFF_WIDTH, 0, PXR_E_CORRUPT, "no pixels"},
        {OFF_DEPTH, 0, PXR_E_CORRUPT, "1 to 16 bits"},
        {OFF_DEPTH, 17, PXR_E_CORRUPT, "found 17"},
        {OFF_COUNT, UINT32_MAX, PXR_E_CORRUPT, "negative"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct made m = make(2, 1, 8, 2, "abcd", 4);
        pxr_store_u32le(m.bytes + cases[i].off, cases[i].value);
        const size_t off = cases[i].off;
        struct refusal r = {(const char *)m.bytes, m.n_bytes, cases[i].err, off, cases[i].text, 0};
        expect_refusal(&r, SER, NULL);
    }
    struct made m = make(65536, 65536, 8, 1, "abcd", 4);
    expect_refusal(&(struct refusal){(char *)m.bytes, m.n_bytes, PXR_E_LIMIT, OFF_WIDTH, "limit", 0}, SER, NULL);
    m = make(2, 1, 8, 2, "", 0);
    expect_refusal(&(struct refusal){(char *)m.bytes, m.n_bytes, PXR_E_TRUNCATED, HEADER, "holds no frame", 0}, SER, NULL);
    /* Samples of 16 bits behind a header that says 8: the file is twice as long as it should be.  A pipe shows
     * that only in the end. */
    m = make(2, 1, 8, 2, "abcdefgh", 8);
    struct outcome o = read_quick(m.bytes, m.n_bytes, SER, NULL);
    cr_assert(o.err == PXR_E_CORRUPT && o.diag.off_bytes == HEADER + 4 && o.diag.found == 4 && !o.n_images);
    outcome_fini(&o);
}

Test(image_ser, every_truncation_is_noticed)
{
    struct made m = make(2, 1, 16, 3, "abcdefghijkl", 12);
    for (size_t n = 0; n < m.n_bytes; n++) {
        struct outcome o = read_bytes(m.bytes, n, SER, NULL);
        cr_assert_eq(o.err, PXR_E_TRUNCATED, "cut to %zu: %d", n, o.err);
        cr_assert_eq(o.diag.off_bytes, n);
        cr_assert_eq(o.n_images, n < HEADER ? 0 : (n - HEADER) / 4);
        outcome_fini(&o);
    }
    for (size_t i = 1; i < 24; i++) { /* half of a trailer */
        m.n_bytes++;
        struct outcome o = read_quick(m.bytes, m.n_bytes, SER, NULL);
        cr_assert_eq(o.err, PXR_E_CORRUPT);
        outcome_fini(&o);
    }
    expect_nomem_everywhere(m.bytes, m.n_bytes + 1, SER, NULL);
}

Test(image_ser, every_byte_of_the_header_may_be_anything)
{
    static const uint8_t values[] = {0, 1, 8, 16, 100, 127, 128, 255};
    const struct made m = make(2, 1, 16, 3, "abcdefghijkl", 12);
    size_t n_failed = 0;
    watch_memory(SIZE_MAX);
    for (size_t at = 0; at < 46; at++)
        for (size_t v = 0; v < sizeof values; v++) {
            struct made wrong = m;
            wrong.bytes[at] = values[v];
            struct outcome o = read_quick(wrong.bytes, wrong.n_bytes, SER, NULL);
            n_failed += o.err != PXR_OK;
            cr_assert(o.err == PXR_OK || pxr_err_exit(o.err) == 1 || o.err == PXR_E_LIMIT);
            outcome_fini(&o);
        }
    cr_assert_leq(largest_request_bytes, 1u << 20);
    pxr_alloc_hook(NULL);
    cr_assert_gt(n_failed, 200);
}
