/* SPDX-License-Identifier: MIT
 * The FITS reader: units, types and axes, and what it must refuse. */
#include "test_image_probe.h"

#define FITS         PXR_IMAGE_FITS
#define SAMPLES(...) ((uint16_t[]){__VA_ARGS__})

enum { BLOCK = 2880, CARD = 80, MAX_CARDS = 40 };

struct made {
    uint8_t bytes[8 * BLOCK];
    size_t n_bytes;
};

/* Append a unit: its cards, and samples, both filled up to blocks. */
static void add_unit(struct made *m, const char *const *cards, const void *samples, size_t n_samples)
{
    size_t at = m->n_bytes, n = 0;
    for (; cards[n]; n++) {
        memset(m->bytes + at + n * CARD, ' ', CARD);
        memcpy(m->bytes + at + n * CARD, cards[n], strlen(cards[n]));
    }
    memset(m->bytes + at + n * CARD, ' ', BLOCK - n * CARD);
    memcpy(m->bytes + at + n * CARD, "END", 3);
    at += BLOCK;
    memset(m->bytes + at, 0, BLOCK);
    memcpy(m->bytes + at, samples, n_samples);
    m->n_bytes = at + (n_samples ? BLOCK : 0);
}

#define SIMPLE      "SIMPLE  =                    T / comment"
#define B8          "BITPIX  =                    8"
#define B16         "BITPIX  =                   16"
#define AXES(n)     "NAXIS   =                    " #n
#define AXIS(i, n)  "NAXIS" #i "  = " #n
#define CARDS(...)  ((const char *const[]){__VA_ARGS__, NULL})

static struct made make(const char *const *cards, const void *samples, size_t n_samples)
{
    struct made m = {.n_bytes = 0};
    add_unit(&m, cards, samples, n_samples);
    return m;
}

static void expect_frames(const struct made *m, const struct shot *shots, size_t n_shots)
{
    char text[512];
    struct outcome o = read_bytes(m->bytes, m->n_bytes, FITS, NULL);
    cr_assert_eq(o.err, PXR_OK, "%s", pxr_diag_line(&o.diag, text, sizeof text));
    cr_assert_eq(o.n_images, n_shots);
    for (size_t i = 0; i < n_shots; i++)
        expect_shot(&o, i, &shots[i]);
    outcome_fini(&o);
}

Test(image_fits, types_and_axes)
{
    const struct shot bytes23 = {3, 2, 8, 0, 255, SAMPLES('a', 'b', 'c', 'd', 'e', 'f')};
    struct made m = make(CARDS(SIMPLE, B8, AXES(2), AXIS(1, 3), AXIS(2, 2)), "abcdef", 6);
    expect_frames(&m, &bytes23, 1);
    m.n_bytes = BLOCK + 6; /* the last block need not be whole */
    expect_frames(&m, &bytes23, 1);
    m = make(CARDS(SIMPLE, B16, AXES(3), AXIS(1, 2), AXIS(2, 1), AXIS(3, 2), "BZERO   = 32768", "BSCALE  = 1.0E0"),
             "\x80\0\x7f\xff\xff\xff\0\1", 8);
    const struct shot two[] = {{2, 1, 16, 0, 65535, SAMPLES(0, 65535)}, {2, 1, 16, 0, 65535, SAMPLES(32767, 32769)}};
    expect_frames(&m, two, 2);
    m = make(CARDS(SIMPLE, B16, AXES(4), AXIS(1, 1), AXIS(2, 1), AXIS(3, 1), AXIS(4, 2), "BZERO   = 3.2768D4"), "\0\0\0\1", 4);
    const struct shot ones[] = {{1, 1, 16, 0, 65535, SAMPLES(32768)}, {1, 1, 16, 0, 65535, SAMPLES(32769)}};
    expect_frames(&m, ones, 2);
    m = make(CARDS(SIMPLE, B16, AXES(2), AXIS(1, 2), AXIS(2, 1)), "\x7f\xff\0\1", 4);
    expect_frames(&m, &(struct shot){2, 1, 16, 0, 32767, SAMPLES(32767, 1)}, 1);
}

Test(image_fits, units_one_behind_the_other)
{
    struct made m = make(CARDS(SIMPLE, B8, AXES(0)), "", 0);
    add_unit(&m, CARDS("XTENSION= 'TABLE   '", B8, AXES(2), AXIS(1, 4), AXIS(2, 3), "PCOUNT  = 5", "GCOUNT  = 1"), "xxxxxxxxxxxxxxxxx", 17);
    add_unit(&m, CARDS("XTENSION= 'IMAGE   '", B8, AXES(2), AXIS(1, 2), AXIS(2, 1)), "ab", 2);
    const struct shot one = {2, 1, 8, 0, 255, SAMPLES('a', 'b')};
    expect_frames(&m, &one, 1);
    m.n_bytes += BLOCK; /* zeros behind the last unit */
    memset(m.bytes + m.n_bytes - BLOCK, 0, BLOCK);
    expect_frames(&m, &one, 1);
    m.bytes[m.n_bytes - BLOCK] = 'x';
    struct outcome o = read_bytes(m.bytes, m.n_bytes, FITS, NULL);
    cr_assert(o.err == PXR_E_CORRUPT && o.n_images == 1 && o.diag.off_bytes == m.n_bytes - BLOCK);
    outcome_fini(&o);
}

static enum pxr_err keep_time(void *arg, const struct pxr_image *image, struct pxr_diag *diag)
{
    (void)diag;
    *(int64_t *)arg = image->has_time ? image->time_ns : -1;
    return PXR_OK;
}

Test(image_fits, the_time_of_a_single_frame)
{
    static const struct {
        const char *card, *axis3;
        int64_t time_ns;
    } cases[] = {
        {"DATE-OBS= '2024-05-01T12:00:00.25' / UTC", "NAXIS3  = 1", 1714564800250000000},
        {"DATE-OBS= '2024-05-01T12:00:00.25'", "NAXIS3  = 2", -1},
        {"DATE-OBS= '01/05/24'", "NAXIS3  = 1", -1},
        {"DATE-OBS= '5       '", "NAXIS3  = 1", -1},
        {"DATE-OBS= 2024", "NAXIS3  = 1", -1},
    };
    static const struct pxr_image_opts opts;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct made m = make(CARDS(SIMPLE, B8, AXES(3), AXIS(1, 1), AXIS(2, 1), cases[i].axis3, cases[i].card), "ab", 2);
        int64_t t = 0;
        const int fd = memory_fd(m.bytes, m.n_bytes);
        cr_assert_eq(pxr_image_read(fd, NULL, 0, FITS, &opts, keep_time, &t, NULL), PXR_OK);
        cr_expect_eq(t, cases[i].time_ns, "case %zu: %lld", i, (long long)t);
        close(fd);
    }
}

Test(image_fits, what_is_no_picture_is_refused_with_class_and_place)
{
    const struct {
        const char *const *cards;
        enum pxr_err err;
        uint64_t off_bytes;
        const char *text;
    } cases[] = {
        {CARDS(SIMPLE, "BITPIX  = -32", AXES(2), AXIS(1, 1), AXIS(2, 1)), PXR_E_UNSUPPORTED, 0, "BITPIX -32"},
        {CARDS(SIMPLE, "BITPIX  = 32", AXES(2), AXIS(1, 1), AXIS(2, 1)), PXR_E_UNSUPPORTED, 0, "BITPIX 32"},
        {CARDS(SIMPLE, "BITPIX  = 12", AXES(2), AXIS(1, 1), AXIS(2, 1)), PXR_E_CORRUPT, 0, "BITPIX of"},
        {CARDS(SIMPLE, "BITPIX  = x", AXES(2), AXIS(1, 1), AXIS(2, 1)), PXR_E_CORRUPT, 80, "is no number"},
        {CARDS(SIMPLE, B16, AXES(2), AXIS(1, 1), AXIS(2, 1), "BSCALE  = 2"), PXR_E_UNSUPPORTED, 0, "BSCALE 2"},
        {CARDS(SIMPLE, B16, AXES(2), AXIS(1, 1), AXIS(2, 1), "BZERO   = 1.5"), PXR_E_UNSUPPORTED, 0, "BZERO 1.5"},
        {CARDS(SIMPLE, B8, AXES(2), AXIS(1, 1), AXIS(2, 1), "BZERO   = -128"), PXR_E_UNSUPPORTED, 0, "BZERO -128"},
        {CARDS(SIMPLE, B8, AXES(2), AXIS(1, 1), AXIS(2, 1), "BZERO   = 1E999"), PXR_E_CORRUPT, 400, "is no number"},
        {CARDS(SIMPLE, B16, AXES(2), AXIS(1, 2), AXIS(2, 1)), PXR_E_UNSUPPORTED, BLOCK + 2, "negative sample -1"},
        {CARDS(SIMPLE, B8, AXES(1), AXIS(1, 4)), PXR_E_UNSUPPORTED, 0, "one axis"},
        {CARDS(SIMPLE, B8, AXES(2), AXIS(1, 4)), PXR_E_CORRUPT, 0, "axes: expected 2, found 1"},
        {CARDS(SIMPLE, B8, AXES(2), AXIS(2, 4), AXIS(1, 4)), PXR_E_CORRUPT, 240, "out of order"},
        {CARDS(SIMPLE, B8, AXES(2), AXIS(1, -4), AXIS(2, 4)), PXR_E_CORRUPT, 240, "no length"},
        {CARDS(SIMPLE, B8, "NAXIS   = 1000"), PXR_E_CORRUPT, 160, "no number of axes"},
        {CARDS(SIMPLE, B8, AXES(2), AXIS(1, 65536), AXIS(2, 65536)), PXR_E_LIMIT, 0, "found 4294967296"},
        {CARDS(SIMPLE, B8, AXES(3), AXIS(1, 999999999999), AXIS(2, 999999999), AXIS(3, 999999999)), PXR_E_LIMIT, 0, "larger than any file"},
        {CARDS(SIMPLE, B8, AXES(2), AXIS(1, 99999999999999999999), AXIS(2, 1)), PXR_E_CORRUPT, 240, "no length"},
        {CARDS("SIMPLE  =                    F", B8, AXES(0)), PXR_E_UNSUPPORTED, 0, "departs"},
        {CARDS("SIMPLY  =                    T", B8, AXES(0)), PXR_E_NOTPXR, 0, "begin"},
        {CARDS(SIMPLE, B8, AXES(0), "ZIMAGE  =                    T"), PXR_E_UNSUPPORTED, PXR_NONE, "funpack"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct made m = make(cases[i].cards, "\0\1\xff\xff", 4);
        if (cases[i].off_bytes == PXR_NONE)
            m.n_bytes = BLOCK;
        struct refusal r = {(const char *)m.bytes, m.n_bytes, cases[i].err, cases[i].off_bytes, cases[i].text, 0};
        expect_refusal(&r, FITS, NULL);
    }
    struct made m = make(CARDS(SIMPLE, B8, AXES(0)), "", 0);
    struct refusal nothing = {(const char *)m.bytes, m.n_bytes, PXR_E_TRUNCATED, BLOCK, "holds no image", 0};
    expect_refusal(&nothing, FITS, NULL);
    memset(m.bytes + CARD, ' ', BLOCK - CARD); /* no END, and then no block */
    nothing.text = "within a FITS header";
    expect_refusal(&nothing, FITS, NULL);
}

Test(image_fits, truncations_are_noticed)
{
    const struct made m = make(CARDS(SIMPLE, B8, AXES(3), AXIS(1, 3), AXIS(2, 1), AXIS(3, 2)), "abcdef", 6);
    for (size_t n = 0; n < BLOCK + 6; n += n < BLOCK - 10 && n > 10 ? 97 : 1) {
        struct outcome o = read_bytes(m.bytes, n, FITS, NULL);
        cr_assert_eq(o.err, PXR_E_TRUNCATED, "cut to %zu: %d", n, o.err);
        cr_assert_eq(o.diag.off_bytes, n);
        cr_assert_eq(o.n_images, n >= BLOCK + 3);
        outcome_fini(&o);
    }
    expect_nomem_everywhere(m.bytes, m.n_bytes, FITS, NULL);
}

Test(image_fits, every_byte_of_the_header_may_be_anything)
{
    static const uint8_t values[] = {0, ' ', '\'', '-', '.', '0', '9', '=', 'E', 'T', 255};
    const struct made m = make(CARDS(SIMPLE, B16, AXES(3), AXIS(1, 3), AXIS(2, 1), AXIS(3, 2), "BZERO   = 32768"), "abcdefghijkl", 12);
    size_t n_failed = 0;
    watch_memory(SIZE_MAX);
    for (size_t at = 0; at < 8 * CARD; at++)
        for (size_t v = 0; v < sizeof values; v++) {
            struct made wrong = m;
            wrong.bytes[at] = values[v];
            struct outcome o = read_quick(wrong.bytes, wrong.n_bytes, FITS, NULL);
            n_failed += o.err != PXR_OK;
            cr_assert(o.err == PXR_OK || pxr_err_exit(o.err) == 1 || o.err == PXR_E_LIMIT ||
                      o.err == PXR_E_UNSUPPORTED);
            outcome_fini(&o);
        }
    cr_assert_leq(largest_request_bytes, 1u << 20);
    pxr_alloc_hook(NULL);
    cr_assert_gt(n_failed, 300);
}
