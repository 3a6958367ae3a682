/* SPDX-License-Identifier: MIT
 * The coder of png-small: complete codes of bounded length, streams that zlib inflates, exact lengths. */
#include "alloc.h"
#include "png_small.h"

#include <criterion/criterion.h>
#include <string.h>
#include <zlib.h>

static uint64_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

static void check_code(const uint64_t counts[PXR_SMALL_SYMBOLS], const char *what)
{
    uint8_t lengths[PXR_SMALL_SYMBOLS];
    struct pxr_small_table t;
    pxr_small_choose_lengths(lengths, counts);
    cr_assert(pxr_small_table_init(&t, lengths), "%s: not a complete code of at most 12 bits", what);
    double coded = 0, flat = 1; /* a code that knows nothing has at most 9 bits */
    for (unsigned i = 0; i < PXR_SMALL_SYMBOLS; i++) {
        coded += (double)counts[i] * lengths[i];
        flat += (double)counts[i] * 9;
    }
    cr_assert_leq(coded, flat, "%s: worse than no code", what);
}

Test(png_small, codes_are_complete_for_any_counts)
{
    uint64_t counts[PXR_SMALL_SYMBOLS] = {0};
    check_code(counts, "no counts");
    counts[7] = UINT64_MAX / 2;
    check_code(counts, "one symbol");
    uint8_t lengths[PXR_SMALL_SYMBOLS];
    pxr_small_choose_lengths(lengths, counts);
    cr_assert_eq(lengths[7], 1, "nearly all there is has one bit");
    uint64_t a = 1, b = 1; /* Fibonacci's numbers make the deepest trees */
    for (unsigned s = 0; s < 80; s++, b += a, a = b - a)
        counts[s] = b;
    check_code(counts, "Fibonacci");
    uint64_t state = 5;
    for (unsigned round = 0; round < 50; round++) {
        for (unsigned s = 0; s < PXR_SMALL_SYMBOLS; s++)
            counts[s] = next_random(&state) >> (next_random(&state) % 40);
        check_code(counts, "random");
    }
}

Test(png_small, other_lengths_are_refused)
{
    uint64_t counts[PXR_SMALL_SYMBOLS] = {1, 2, 3, 500, 1000};
    uint8_t lengths[PXR_SMALL_SYMBOLS], wrong[PXR_SMALL_SYMBOLS];
    struct pxr_small_table t;
    pxr_small_choose_lengths(lengths, counts);
    for (unsigned s = 0; s < PXR_SMALL_SYMBOLS; s++)
        for (unsigned v = 0; v < 20; v++) {
            memcpy(wrong, lengths, sizeof wrong);
            wrong[s] = (uint8_t)v;
            cr_assert_eq(pxr_small_table_init(&t, wrong), v == lengths[s], "length %u for symbol %u", v, s);
        }
    memset(wrong, 8, sizeof wrong);
    cr_assert_not(pxr_small_table_init(&t, wrong), "257 codes of 8 bits");
    memset(wrong, 255, sizeof wrong);
    cr_assert_not(pxr_small_table_init(&t, wrong));
}

/* Inflate one band alone, as raw deflate. */
static size_t inflated(const uint8_t *src, size_t src_bytes, uint8_t *dst, size_t dst_bytes, bool is_last)
{
    z_stream z = {.next_in = (uint8_t *)(uintptr_t)src, .avail_in = (uInt)src_bytes, .next_out = dst,
                  .avail_out = (uInt)dst_bytes};
    cr_assert_eq(inflateInit2(&z, -15), Z_OK);
    const int e = inflate(&z, Z_SYNC_FLUSH);
    cr_assert_eq(e, is_last ? Z_STREAM_END : Z_OK, "%s", z.msg ? z.msg : "zlib");
    cr_assert_eq(z.avail_in, 0, "%u bytes are left", z.avail_in);
    inflateEnd(&z);
    return dst_bytes - z.avail_out;
}

Test(png_small, bands_are_what_zlib_inflates_and_as_long_as_was_said)
{
    enum { MAX = 5000 };
    static uint8_t stream[MAX], back[MAX + 1];
    uint64_t state = 11;
    for (unsigned round = 0; round < 400; round++) {
        uint64_t counts[PXR_SMALL_SYMBOLS] = {0}, own[256] = {0};
        uint8_t lengths[PXR_SMALL_SYMBOLS];
        struct pxr_small_table t;
        const size_t n = round < 20 ? round : next_random(&state) % MAX;
        const unsigned spread = 1u << next_random(&state) % 9;
        for (size_t i = 0; i < n; i++)
            stream[i] = (uint8_t)(next_random(&state) % spread * 7);
        pxr_small_count(own, stream, n);
        memcpy(counts, own, sizeof own);
        if (round % 3 == 0) /* a table made for something else */
            memset(counts, 0, sizeof counts);
        counts[256] = 1;
        pxr_small_choose_lengths(lengths, counts);
        cr_assert(pxr_small_table_init(&t, lengths));
        for (int is_last = 0; is_last < 2; is_last++) {
            uint8_t *coded = pxr_alloc(n + n / 2 + 200);
            const size_t coded_bytes = pxr_small_encode(&t, stream, n, is_last, coded);
            cr_assert_eq(coded_bytes, pxr_small_coded_bytes(&t, own, is_last), "%zu bytes", n);
            cr_assert_eq(inflated(coded, coded_bytes, back, sizeof back, is_last), n);
            cr_assert(!memcmp(back, stream, n), "%zu bytes differ", n);
            pxr_free(coded);
        }
    }
}

Test(png_small, bands_cover_the_frame)
{
    static const struct {
        uint32_t w, h;
        uint8_t bits;
        uint32_t band_rows, n_bands;
    } cases[] = {{1, 1, 8, 65536, 1},        {1, 65537, 8, 65536, 2},  {511, 256, 8, 256, 1},  {511, 257, 8, 256, 2},
                 {131071, 3, 8, 1, 3},       {131072, 3, 8, 1, 3},     {65535, 70, 16, 1, 70}, {4096, 3000, 8, 31, 97},
                 {1u << 28, 1, 16, 1, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pxr_small_bands b;
        uint64_t n_rows = 0;
        cr_assert(pxr_small_bands_init(&b, cases[i].w, cases[i].h, cases[i].bits));
        cr_assert_eq(b.band_rows, cases[i].band_rows, "case %zu: %u rows", i, b.band_rows);
        cr_assert_eq(b.n_bands, cases[i].n_bands, "case %zu: %u bands", i, b.n_bands);
        for (uint32_t k = 0; k < b.n_bands; k++)
            n_rows += pxr_small_band_rows(&b, k);
        cr_assert_eq(n_rows, cases[i].h);
    }
    struct pxr_small_bands b;
    cr_assert_not(pxr_small_bands_init(&b, UINT32_MAX, 1, 8), "rows of 4 GiB");
    cr_assert_not(pxr_small_bands_init(&b, 0, 1, 8));
}

Test(png_small, filters_are_those_of_png)
{
    const uint8_t pixels[2][3] = {{250, 3, 7}, {1, 0, 255}};
    const uint8_t expected[8] = {1, 250, 9, 4, 2, 7, 253, 248};
    const uint16_t deep[2][2] = {{0x0102, 0x0201}, {0x0001, 0xffff}};
    /* Bytes, not samples, are subtracted: 02 01 - 01 02 is 01 ff. */
    const uint8_t expected_deep[10] = {1, 0x01, 0x02, 0x01, 0xff, 2, 0xff, 0xff, 0xfd, 0xfe};
    uint8_t out[16];
    struct pxr_small_bands b;
    cr_assert(pxr_small_bands_init(&b, 3, 2, 8));
    cr_assert_eq(pxr_small_filter(&b, pixels, 2, out), 8);
    cr_assert_arr_eq(out, expected, 8);
    cr_assert(pxr_small_bands_init(&b, 2, 2, 16));
    cr_assert_eq(pxr_small_filter(&b, deep, 2, out), 10);
    cr_assert_arr_eq(out, expected_deep, 10);
}
