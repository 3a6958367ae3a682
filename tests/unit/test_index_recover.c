/* SPDX-License-Identifier: MIT
 * Recovery: whatever is damaged, what comes out is right, everything that is still whole comes out, and what is
 * missing is told. */
#include "parse.h"
#include "recovered.h"

#include <criterion/criterion.h>

static const struct test_spec spec = {.w = 11, .h = 6, .n_frames = 23, .bt = 4, .bh = 4, .bits = 16,
                                      .content = TEST_SMOOTH, .commit_every = 9};
/* Stored samples: frames of a group are units, which are lost one by one. */
static const struct test_spec stored = {.w = 16, .h = 8, .n_frames = 21, .bt = 6, .bits = 8,
                                        .content = TEST_NOISE, .codec = PXR_CODEC_STORE, .commit_every = 10};

static uint8_t *archive_of(const struct test_spec *s, size_t *n)
{
    struct kept_file k;
    kept_init(&k, NULL, 0);
    cr_assert_eq(test_write(&k, s, NULL, NULL), PXR_OK);
    const uint8_t *bytes = pxr_file_memory_bytes(&k.memory, n);
    uint8_t *copy = memcpy(malloc(*n), bytes, *n);
    kept_fini(&k);
    return copy;
}

/* Recover, compare with the truth, and return how many frames came out. */
static uint64_t recover(const struct test_spec *s, const uint8_t *bytes, size_t n, struct recovered *r, const char *what,
                        size_t at)
{
    struct pxr_diag d = {0};
    cr_assert_eq(recover_bytes(r, bytes, n, &d), PXR_OK, "%s at %zu: %s", what, at, d.text);
    cr_assert_eq(recovered_verify(r, s, &d), PXR_OK, "%s at %zu: %s", what, at, d.text);
    kept_fini(&r->fresh);
    return r->report.n_frames;
}

Test(recover, a_sound_archive_comes_out_whole)
{
    const struct test_spec *const specs[] = {&spec, &stored};
    for (int i = 0; i < 2; i++) {
        struct recovered r;
        size_t n;
        uint8_t *bytes = archive_of(specs[i], &n);
        cr_expect_eq(recover(specs[i], bytes, n, &r, "nothing", 0), specs[i]->n_frames);
        cr_expect_eq(r.report.n_frames_lost + r.report.n_names_lost + r.report.n_records_damaged + r.report.n_gaps, 0);
        cr_expect_eq(r.report.n_groups_encoded, 0); /* all were copied as they are */
        cr_expect_eq(r.report.n_frames_uncommitted, 0);
        free(bytes);
    }
}

/* One bit of each byte.  A byte is in at most one group or one index page: what it can take with it is bounded. */
static void flip_each_byte(const struct test_spec *s, uint64_t most_lost)
{
    size_t n;
    uint8_t *bytes = archive_of(s, &n);
    uint64_t n_lost_all = 0, n_numbered_all = 0;
    for (size_t i = 0; i < n; i++) {
        static struct recovered r;
        const uint8_t bit = (uint8_t)(1 << (i * 5) % 8);
        bytes[i] ^= bit;
        const uint64_t n_kept = recover(s, bytes, n, &r, "flip", i);
        cr_assert_eq(n_kept + r.report.n_frames_lost, s->n_frames, "byte %zu: %llu kept, %llu told to be lost", i,
                     (unsigned long long)n_kept, (unsigned long long)r.report.n_frames_lost);
        cr_assert_leq(r.report.n_frames_lost, most_lost, "byte %zu: %llu frames are lost", i,
                      (unsigned long long)r.report.n_frames_lost);
        n_lost_all += r.report.n_frames_lost;
        n_numbered_all += r.report.n_names_lost;
        bytes[i] ^= bit;
    }
    cr_expect_gt(n_lost_all, 0u);
    cr_expect_gt(n_numbered_all, 0u);
    free(bytes);
}

Test(recover, one_damaged_byte_costs_no_more_than_its_group, .timeout = 300) { flip_each_byte(&spec, 4); }

/* Only a group's header is shared by its frames. */
Test(recover, one_damaged_sample_costs_one_frame, .timeout = 300)
{
    size_t n;
    uint8_t *bytes = archive_of(&stored, &n);
    uint8_t pixels[16 * 8];
    for (uint32_t f = 0; f < stored.n_frames; f++) {
        static struct recovered r;
        test_frame(pixels, f, stored.w, stored.h, 8, 255, stored.content);
        uint8_t *at = memmem(bytes, n, pixels, sizeof pixels);
        cr_assert_not_null(at);
        at[77] ^= 4;
        cr_expect_eq(recover(&stored, bytes, n, &r, "sample", f), stored.n_frames - 1);
        cr_expect(r.lost[f]);
        at[77] ^= 4;
    }
    flip_each_byte(&stored, 6);
    free(bytes);
}

Test(recover, every_truncation, .timeout = 300)
{
    size_t n;
    uint8_t *bytes = archive_of(&spec, &n);
    uint64_t before = 0;
    for (size_t cut = 0; cut <= n; cut++) {
        static struct recovered r;
        struct pxr_diag d = {0};
        const enum pxr_err e = recover_bytes(&r, bytes, cut, &d);
        cr_assert(e == PXR_OK || (e == PXR_E_NOTPXR && cut < 128), "cut at %zu: %d %s", cut, e, d.text);
        if (e == PXR_OK) {
            cr_assert_eq(recovered_verify(&r, &spec, &d), PXR_OK, "cut at %zu: %s", cut, d.text);
            cr_assert_geq(r.report.n_frames, before); /* what is whole does not depend on what follows */
            before = r.report.n_frames;
        }
        kept_fini(&r.fresh);
    }
    cr_expect_eq(before, spec.n_frames);
    free(bytes);
}

Test(recover, lost_sectors_and_garbage, .timeout = 300)
{
    size_t n;
    uint8_t *bytes = archive_of(&stored, &n), *copy = malloc(n);
    uint64_t state = 11;
    for (int round = 0; round < 500; round++) {
        static struct recovered r;
        struct pxr_diag d = {0};
        memcpy(copy, bytes, n);
        const int n_sectors = 1 + (int)(test_random(&state) % 3);
        for (int i = 0; i < n_sectors; i++) {
            const size_t at = test_random(&state) % (n / 128) * 128;
            const size_t len = n - at < 128 ? n - at : 128;
            for (size_t k = 0; k < len; k++)
                copy[at + k] = round % 2 ? 0 : (uint8_t)test_random(&state);
        }
        const enum pxr_err e = recover_bytes(&r, copy, n, &d);
        cr_assert(e == PXR_OK || e == PXR_E_NOTPXR, "round %d: %s", round, d.text);
        if (e == PXR_OK)
            cr_assert_eq(recovered_verify(&r, &stored, &d), PXR_OK, "round %d: %s", round, d.text);
        kept_fini(&r.fresh);
    }
    free(bytes);
    free(copy);
}

Test(recover, a_lost_superblock_is_rebuilt)
{
    size_t n;
    uint8_t *bytes = archive_of(&spec, &n);
    struct recovered r;
    memset(bytes, 0, 128);
    cr_expect_eq(recover(&spec, bytes, n, &r, "no superblock", 0), spec.n_frames);
    cr_expect(r.report.is_superblock_lost);
    memset(bytes + 128, 0, 48); /* nor the first record, which would say the id */
    cr_expect_geq(recover(&spec, bytes, n, &r, "no first record", 0), spec.n_frames - spec.bt);
    free(bytes);
}

/* Frames of a torn append were never promised; recover keeps them all the same. */
Test(recover, frames_of_a_torn_append_are_kept)
{
    size_t n;
    uint8_t *bytes = archive_of(&spec, &n);
    struct recovered r;
    cr_expect_eq(recover(&spec, bytes, n - 8, &r, "no last commit", 0), spec.n_frames);
    cr_expect_eq(r.report.n_frames_uncommitted, 5); /* commits at 9 and 18 */
    cr_expect_eq(r.report.n_names_lost, 0);         /* their index was written */
    free(bytes);
}

/* A stored frame holds a whole archive with the id of the real one: as long as headers are whole, no byte of
 * it is taken for a record. */
Test(recover, an_archive_inside_a_frame_is_no_part_of_it)
{
    const struct test_spec s = {.w = 64, .h = 64, .n_frames = 3, .bt = 1, .bits = 8, .content = TEST_NOISE,
                                .codec = PXR_CODEC_STORE};
    size_t n;
    uint8_t *bytes = archive_of(&s, &n);
    /* Frame 0, of group 0: 8 KiB of its own archive, from the second group on, over its samples and those of frame 1's. */
    const uint64_t second = 128 + pxr_record_bytes(pxr_load_u64le(bytes + 128 + 8));
    const uint64_t third = second + pxr_record_bytes(pxr_load_u64le(bytes + second + 8));
    uint8_t *copy = memcpy(malloc(n), bytes, n);
    const uint64_t at = (second + 400) & ~(uint64_t)7, tail = n - (third + pxr_record_bytes(pxr_load_u64le(bytes + third + 8)));
    cr_assert_lt(tail, 3000u);
    memcpy(copy + at, bytes + n - tail, tail); /* INDEX and COMMIT, in the payload of frame 1 */
    for (int is_cut = 0; is_cut < 2; is_cut++) {
        struct recovered r;
        struct pxr_diag d = {0};
        cr_assert_eq(recover_bytes(&r, copy, is_cut ? third + 5 : n, &d), PXR_OK, "%s", d.text);
        cr_assert_eq(recovered_verify(&r, &s, &d), PXR_OK, "%s", d.text);
        cr_expect_eq(r.report.n_frames, is_cut ? 1 : 2); /* 0, and 2 where it is there; 1 was overwritten */
        cr_expect_eq(r.report.n_frames_lost, 1);
        cr_expect_eq(r.report.n_frames_uncommitted, is_cut ? 1 : 0); /* the forged commit counts nothing */
        kept_fini(&r.fresh);
    }
    free(copy);
    free(bytes);
}

/* Skipped bytes are no part of an archive, whole records or not. */
Test(recover, what_was_skipped_does_not_come_back)
{
    struct test_spec s = {.w = 9, .h = 7, .n_frames = 12, .bt = 2, .bits = 8, .content = TEST_NOISE};
    struct kept_file k;
    size_t n;
    pxr_writer *w;
    uint8_t other[63] = {9}, *bytes;
    s.n_frames = 4;
    bytes = archive_of(&s, &n);
    kept_init(&k, bytes, n);
    const struct pxr_write_opts o = {.n_threads = 1, .skip_tail = true};
    for (int round = 0; round < 2; round++) { /* a torn append, then a good one */
        cr_assert_eq(pxr_writer_append_io(&w, &k.io, k.memory.arg, &o, NULL), PXR_OK);
        for (uint32_t i = 4; i < 12; i++) {
            char name[32];
            snprintf(name, sizeof name, "name_%04u", i);
            if (round)
                test_frame(other, i, s.w, s.h, 8, 255, s.content);
            cr_assert_eq(pxr_writer_add(w, &(struct pxr_frame_in){.pixels = other, .name = name}), PXR_OK);
        }
        cr_assert_eq(pxr_writer_finish(w, NULL, NULL), PXR_OK);
        const uint8_t *all = pxr_file_memory_bytes(&k.memory, &n);
        bytes = memcpy(realloc(bytes, n), all, n);
        kept_fini(&k);
        kept_init(&k, bytes, round ? n : n - 16); /* its commit is torn off */
    }
    struct recovered r;
    s.n_frames = 12;
    const uint8_t *all = pxr_file_memory_bytes(&k.memory, &n);
    cr_expect_eq(recover(&s, all, n, &r, "skipped", 0), 12);
    cr_expect_eq(r.report.n_frames_lost + r.report.n_names_lost, 0);
    kept_fini(&k);
    free(bytes);
}
