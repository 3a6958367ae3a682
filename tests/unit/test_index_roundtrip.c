/* SPDX-License-Identifier: MIT
 * What is written is read back: pixels, names, times, depths, metadata, over random shapes. */
#include "kept_archive.h"

#include <criterion/criterion.h>

static const char *line(const struct pxr_diag *d)
{
    static char text[1600];
    return pxr_diag_line(d, text, sizeof text);
}

static void round_trip(const struct test_spec *s)
{
    struct kept_file k;
    struct pxr_diag d;
    pxr_archive *a;
    struct pxr_archive_info info;
    kept_init(&k, NULL, 0);
    cr_assert_eq(test_write(&k, s, NULL, &d), PXR_OK, "%s", line(&d));
    cr_assert_eq(pxr_archive_open_io(&a, &k.io, k.memory.arg, NULL, &d), PXR_OK, "%s", line(&d));
    pxr_archive_info(a, &info);
    cr_expect_eq(info.n_frames, s->n_frames);
    cr_expect_eq(info.tail_bytes, 0);
    cr_expect_eq(info.width_px, s->w);
    cr_expect_eq(info.bits, s->bits);
    cr_assert_eq(test_verify(a, s, s->n_frames, &d), PXR_OK, "%ux%ux%u/%ux%ux%u %u bit: %s",
                 s->n_frames, s->h, s->w, s->bt, s->bh, s->bw, s->bits, line(&d));
    for (uint32_t i = 0; i < s->n_frames; i++) {
        char name[32];
        uint64_t found;
        struct pxr_frame_info f;
        snprintf(name, sizeof name, "name_%04u", i);
        cr_assert_eq(pxr_frame_find(a, name, strlen(name), &found, &d), PXR_OK, "%s", line(&d));
        cr_assert_eq(found, i);
        cr_assert_eq(pxr_frame_info(a, i, &f, &d), PXR_OK, "%s", line(&d));
        cr_assert_str_eq(f.name, name);
        cr_assert_eq(f.maxval, test_max(s->bits));
    }
    pxr_archive_close(a);
    kept_fini(&k);
}

Test(roundtrip, shapes_at_the_edges)
{
    static const struct test_spec specs[] = {
        {.w = 1, .h = 1, .n_frames = 1, .bits = 8, .content = TEST_NOISE},
        {.w = 1, .h = 1, .n_frames = 1, .bits = 16, .content = TEST_NOISE},
        {.w = 65535, .h = 2, .n_frames = 2, .bits = 16, .content = TEST_NOISE},
        {.w = 65535, .h = 3, .n_frames = 3, .bits = 8, .content = TEST_SMOOTH},
        {.w = 1, .h = 4000, .n_frames = 5, .bits = 8, .content = TEST_NOISE},
        {.w = 13, .h = 17, .n_frames = 211, .bt = 100, .bh = 8, .bw = 8, .bits = 8, .content = TEST_SMOOTH},
        {.w = 13, .h = 17, .n_frames = 211, .bt = 100, .bh = 8, .bw = 8, .bits = 16, .content = TEST_SMOOTH},
        {.w = 64, .h = 64, .n_frames = 7, .bt = 1, .bits = 16, .content = TEST_SMOOTH},
        {.w = 64, .h = 50, .n_frames = 33, .bt = 16, .bh = 7, .bits = 8, .content = TEST_ZERO},
        {.w = 31, .h = 29, .n_frames = 23, .bt = 4, .bh = 5, .bw = 31, .bits = 8, .content = TEST_REPEAT},
    };
    for (size_t i = 0; i < sizeof specs / sizeof *specs; i++)
        round_trip(&specs[i]);
}

Test(roundtrip, random_shapes)
{
    uint64_t state = 11;
    for (int i = 0; i < 60; i++) {
        const struct test_spec s = {
            .w = 1 + (uint32_t)(test_random(&state) % 70),
            .h = 1 + (uint32_t)(test_random(&state) % 70),
            .n_frames = 1 + (uint32_t)(test_random(&state) % 40),
            .bt = (uint32_t)(test_random(&state) % 20),
            .bh = (uint32_t)(test_random(&state) % 80),
            .bw = (uint32_t)(test_random(&state) % 80),
            .bits = test_random(&state) & 1 ? 8 : 16,
            .content = (enum test_content)(test_random(&state) % TEST_N_CONTENTS),
            .codec = (enum pxr_codec)(test_random(&state) % 2),
            .n_threads = 1 + (unsigned)(test_random(&state) % 3),
            .commit_every = (unsigned)(test_random(&state) % 4),
        };
        round_trip(&s);
    }
}

Test(roundtrip, bytes_do_not_depend_on_threads)
{
    static const unsigned threads[] = {1, 2, 3, 8, 32};
    uint8_t *first = NULL;
    size_t n_first = 0;
    for (size_t i = 0; i < sizeof threads / sizeof *threads; i++) {
        struct test_spec s = {.w = 97, .h = 61, .n_frames = 150, .bt = 8, .bh = 16, .bits = 16,
                              .content = TEST_SMOOTH, .n_threads = threads[i]};
        struct kept_file k;
        size_t n;
        kept_init(&k, NULL, 0);
        cr_assert_eq(test_write(&k, &s, NULL, NULL), PXR_OK);
        const uint8_t *bytes = pxr_file_memory_bytes(&k.memory, &n);
        if (!first) {
            first = memcpy(malloc(n), bytes, n);
            n_first = n;
        }
        cr_expect_eq(n, n_first, "%u threads: %zu bytes, not %zu", threads[i], n, n_first);
        cr_expect(n == n_first && !memcmp(bytes, first, n), "%u threads", threads[i]);
        kept_fini(&k);
    }
    free(first);
}

Test(roundtrip, equal_blocks_are_stored_once)
{
    struct test_spec s = {.w = 40, .h = 40, .n_frames = 64, .bt = 4, .bh = 10, .bits = 8,
                          .content = TEST_REPEAT, .n_threads = 2};
    struct pxr_write_summary sum;
    struct kept_file k;
    kept_init(&k, NULL, 0);
    cr_assert_eq(test_write(&k, &s, &sum, NULL), PXR_OK);
    cr_expect_eq(sum.n_blocks, 64);
    cr_expect_eq(sum.n_blocks_shared, 60); /* all groups after the first */
    kept_fini(&k);
    round_trip(&s);
}

/* 300 equal frames are groups of 128, 128 and 44; those of which each tells about the next one, of 64
 * (but for the first, by chance); noise, and those
 * of a wanted length, are not longer. */
Test(roundtrip, groups_are_longer_where_it_pays)
{
    static const struct {
        struct test_spec spec;
        uint64_t n_groups;
    } cases[] = {
        {{.w = 20, .h = 30, .n_frames = 300, .bits = 8, .content = TEST_REPEAT}, 3},
        {{.w = 20, .h = 30, .n_frames = 300, .bits = 8, .content = TEST_REPEAT, .commit_every = 40}, 8},
        {{.w = 20, .h = 30, .n_frames = 300, .bits = 8, .content = TEST_NOISE}, 10},
        {{.w = 80, .h = 90, .n_frames = 300, .bits = 8, .content = TEST_SMOOTH}, 6},
        {{.w = 80, .h = 90, .n_frames = 300, .bits = 16, .content = TEST_SMOOTH}, 6},
        {{.w = 20, .h = 30, .n_frames = 300, .bt = 32, .bits = 8, .content = TEST_REPEAT}, 10},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct kept_file k;
        struct pxr_diag d;
        pxr_archive *a;
        struct pxr_archive_info info;
        kept_init(&k, NULL, 0);
        cr_assert_eq(test_write(&k, &cases[i].spec, NULL, &d), PXR_OK, "%s", line(&d));
        cr_assert_eq(pxr_archive_open_io(&a, &k.io, k.memory.arg, NULL, &d), PXR_OK, "%s", line(&d));
        pxr_archive_info(a, &info);
        cr_expect_eq(info.n_groups, cases[i].n_groups, "case %zu: %d groups", i, (int)info.n_groups);
        cr_expect_eq(test_verify(a, &cases[i].spec, 300, &d), PXR_OK, "%s", line(&d));
        pxr_archive_close(a);
        kept_fini(&k);
    }
}

Test(roundtrip, times_depths_and_metadata_come_back)
{
    struct kept_file k;
    struct pxr_diag d;
    pxr_writer *w;
    pxr_archive *a;
    uint16_t px[6] = {0, 1, 2, 3, 4, 5};
    const struct pxr_write_opts o = {.width_px = 3, .height_px = 2, .bits = 16, .block_frames = 4,
                                     .meta = "{\"lens\":1}", .meta_bytes = 10, .n_threads = 1};
    kept_init(&k, NULL, 0);
    cr_assert_eq(pxr_writer_create_io(&w, &k.io, k.memory.arg, &o, &d), PXR_OK);
    for (int i = 0; i < 10; i++) {
        char meta[32];
        snprintf(meta, sizeof meta, "{\"i\":%d}", i);
        const struct pxr_frame_in f = {
            .pixels = px,
            .has_time = i != 3,
            .time_ns = -5 + i * 1000000007LL,
            .maxval = (uint16_t)(i == 5 ? 1000 : 4095),
            .sbit = (uint8_t)(i == 6 ? 12 : 0),
            .meta = i & 1 ? meta : NULL,
            .meta_bytes = i & 1 ? strlen(meta) : 0,
        };
        cr_assert_eq(pxr_writer_add(w, &f), PXR_OK, "%s", line(pxr_writer_diag(w)));
    }
    cr_assert_eq(pxr_writer_finish(w, NULL, &d), PXR_OK, "%s", line(&d));
    cr_assert_eq(pxr_archive_open_io(&a, &k.io, k.memory.arg, NULL, &d), PXR_OK, "%s", line(&d));
    size_t n;
    cr_expect(!memcmp(pxr_archive_meta(a, &n), "{\"lens\":1}", 10) && n == 10);
    for (int i = 0; i < 10; i++) {
        struct pxr_frame_info f;
        char meta[32] = "", want[32] = "", name[16];
        cr_assert_eq(pxr_frame_info(a, (uint64_t)i, &f, &d), PXR_OK);
        cr_expect_eq(f.has_time, i != 3);
        if (f.has_time)
            cr_expect_eq(f.time_ns, -5 + i * 1000000007LL);
        cr_expect_eq(f.maxval, i == 5 ? 1000 : 4095);
        cr_expect_eq(f.sbit, i == 6 ? 12 : 0);
        cr_expect_eq(f.significant_bits, i == 5 ? 10 : 12);
        snprintf(name, sizeof name, "%06d", i);
        cr_expect_str_eq(f.name, name);
        cr_assert_eq(pxr_frame_meta(a, (uint64_t)i, meta, sizeof meta, &n, &d), PXR_OK);
        if (i & 1)
            snprintf(want, sizeof want, "{\"i\":%d}", i);
        cr_expect_str_eq(meta, want);
        cr_expect_eq(n, strlen(want));
    }
    pxr_archive_close(a);
    kept_fini(&k);
}

/* Adds one frame with this name and returns the result. */
static enum pxr_err add_named(pxr_writer *w, const char *name, uint16_t maxval)
{
    static const uint8_t px[4] = {1, 2, 3, 200};
    const struct pxr_frame_in f = {.pixels = px, .name = name, .maxval = maxval};
    return pxr_writer_add(w, &f);
}

Test(roundtrip, names_are_unique_and_refusals_leave_the_writer_whole)
{
    struct kept_file k;
    struct pxr_write_opts o = {.width_px = 2, .height_px = 2, .bits = 8, .n_threads = 1};
    pxr_writer *w;
    pxr_archive *a;
    struct pxr_archive_info info;
    kept_init(&k, NULL, 0);
    cr_assert_eq(pxr_writer_create_io(&w, &k.io, k.memory.arg, &o, NULL), PXR_OK);
    cr_expect_eq(add_named(w, "a", 0), PXR_OK);
    cr_expect_eq(add_named(w, "a", 0), PXR_E_MISMATCH);
    cr_expect_eq(pxr_writer_diag(w)->frame, 1);
    cr_expect_eq(add_named(w, "b/c", 0), PXR_E_INVALID);
    cr_expect_eq(add_named(w, "b", 199), PXR_E_MISMATCH);
    cr_expect_eq(pxr_writer_diag(w)->found, 200);
    cr_expect_eq(add_named(w, "b", 200), PXR_OK);
    cr_assert_eq(pxr_writer_finish(w, NULL, NULL), PXR_OK);
    cr_assert_eq(pxr_archive_open_io(&a, &k.io, k.memory.arg, NULL, NULL), PXR_OK);
    pxr_archive_info(a, &info);
    cr_expect_eq(info.n_frames, 2);
    uint64_t frame;
    cr_expect_eq(pxr_frame_find(a, "c", 1, &frame, NULL), PXR_OK);
    cr_expect_eq(frame, PXR_NONE);
    pxr_archive_close(a);
    kept_fini(&k);

    kept_init(&k, NULL, 0);
    o.suffix_names = true;
    cr_assert_eq(pxr_writer_create_io(&w, &k.io, k.memory.arg, &o, NULL), PXR_OK);
    for (int i = 0; i < 3; i++)
        cr_expect_eq(add_named(w, "same", 0), PXR_OK);
    cr_assert_eq(pxr_writer_finish(w, NULL, NULL), PXR_OK);
    cr_assert_eq(pxr_archive_open_io(&a, &k.io, k.memory.arg, NULL, NULL), PXR_OK);
    cr_expect_eq(pxr_frame_find(a, "same-3", 6, &frame, NULL), PXR_OK);
    cr_expect_eq(frame, 2);
    pxr_archive_close(a);
    kept_fini(&k);
}

Test(roundtrip, an_archive_without_frames_is_an_archive)
{
    const struct test_spec s = {.w = 5, .h = 4, .n_frames = 0, .bits = 8};
    struct kept_file k;
    struct pxr_diag d;
    pxr_archive *a;
    struct pxr_frame_info f;
    uint64_t frame;
    kept_init(&k, NULL, 0);
    cr_assert_eq(test_write(&k, &s, NULL, &d), PXR_OK, "%s", line(&d));
    cr_assert_eq(pxr_archive_open_io(&a, &k.io, k.memory.arg, NULL, &d), PXR_OK, "%s", line(&d));
    cr_expect_eq(pxr_frame_info(a, 0, &f, &d), PXR_E_RANGE);
    cr_expect_eq(pxr_frame_find(a, "x", 1, &frame, &d), PXR_OK);
    cr_expect_eq(frame, PXR_NONE);
    pxr_archive_close(a);
    kept_fini(&k);
}

Test(roundtrip, rows_and_strides_are_what_was_asked_for)
{
    const struct test_spec s = {.w = 37, .h = 41, .n_frames = 9, .bt = 4, .bh = 8, .bw = 16, .bits = 16,
                                .content = TEST_NOISE};
    struct kept_file k;
    pxr_archive *a;
    pxr_decoder *d;
    uint64_t state = 5;
    uint8_t *whole = malloc(37 * 41 * 2), *part = malloc(100 * 41 + 8);
    kept_init(&k, NULL, 0);
    cr_assert_eq(test_write(&k, &s, NULL, NULL), PXR_OK);
    cr_assert_eq(pxr_archive_open_io(&a, &k.io, k.memory.arg, NULL, NULL), PXR_OK);
    cr_assert_eq(pxr_decoder_new(&d, a), PXR_OK);
    for (int i = 0; i < 500; i++) {
        const uint64_t frame = test_random(&state) % 9;
        const uint32_t row0 = (uint32_t)(test_random(&state) % 41);
        const uint32_t n = (uint32_t)(test_random(&state) % (42 - row0));
        const size_t stride = 74 + test_random(&state) % 20;
        test_frame(whole, frame, 37, 41, 16, 65535, TEST_NOISE);
        memset(part, 0xAA, 100 * 41 + 8);
        cr_assert_eq(pxr_frame_read(d, frame, row0, n, part, stride * n, stride), PXR_OK);
        for (uint32_t y = 0; y < n; y++) {
            cr_assert(!memcmp(part + y * stride, whole + (row0 + y) * 74, 74));
            for (size_t x = 74; x < stride && y + 1 < n; x++)
                cr_assert_eq(part[y * stride + x], 0xAA);
        }
    }
    cr_expect_eq(pxr_frame_read(d, 0, 40, 2, part, 4096, 74), PXR_E_RANGE);
    cr_expect_eq(pxr_frame_read(d, 9, 0, 1, part, 4096, 74), PXR_E_RANGE);
    cr_expect_eq(pxr_frame_read(d, 0, 0, 2, part, 147, 74), PXR_E_RANGE);
    cr_expect_eq(pxr_frame_read(d, 0, 0, 2, part, 4096, 73), PXR_E_RANGE);
    pxr_decoder_free(d);
    pxr_archive_close(a);
    kept_fini(&k);
    free(whole);
    free(part);
}
