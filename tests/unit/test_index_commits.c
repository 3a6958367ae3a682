/* SPDX-License-Identifier: MIT
 * Commits: linear cost, torn ends, lazy opening, names in few reads. */
#include "kept_archive.h"
#include "layout.h"

#include <criterion/criterion.h>

static pxr_writer *tiny_writer(struct kept_file *k)
{
    const struct pxr_write_opts o = {.width_px = 1, .height_px = 1, .bits = 8, .n_threads = 1,
                                     .block_frames = 1};
    pxr_writer *w;
    kept_init(k, NULL, 0);
    cr_assert_eq(pxr_writer_create_io(&w, &k->io, k->memory.arg, &o, NULL), PXR_OK);
    return w;
}

static void add_one(pxr_writer *w, const char *name, uint8_t value)
{
    const struct pxr_frame_in f = {.pixels = &value, .name = name};
    cr_assert_eq(pxr_writer_add(w, &f), PXR_OK);
}

/* Bytes of the n-th commit's index grow with the logarithm of n at most; so the file stays linear. */
Test(commits, a_hundred_thousand_one_frame_commits_stay_linear, .timeout = 300)
{
    struct kept_file k;
    pxr_writer *w = tiny_writer(&k);
    struct pxr_write_summary s;
    uint64_t at_10k = 0, before = 0, largest = 0;
    for (int i = 0; i < 100000; i++) {
        add_one(w, NULL, (uint8_t)i);
        cr_assert_eq(pxr_writer_commit(w), PXR_OK);
        pxr_writer_summary(w, &s);
        if (i && s.archive_bytes - before > largest)
            largest = s.archive_bytes - before;
        before = s.archive_bytes;
        if (i + 1 == 10000)
            at_10k = s.archive_bytes;
    }
    cr_expect_lt(largest, 8192 + 1024, "a commit wrote %llu bytes", (unsigned long long)largest);
    cr_expect_lt(s.archive_bytes, at_10k * 10 * 3 / 2, "%llu bytes after 10^4, %llu after 10^5",
                 (unsigned long long)at_10k, (unsigned long long)s.archive_bytes);
    cr_assert_eq(pxr_writer_finish(w, NULL, NULL), PXR_OK);
    pxr_archive *a;
    uint64_t frame;
    struct pxr_stats before_find, after_find;
    cr_assert_eq(pxr_archive_open_io(&a, &k.io, k.memory.arg, NULL, NULL), PXR_OK);
    pxr_archive_stats(a, &before_find);
    cr_expect_leq(before_find.index_reads, 2); /* opened lazily */
    cr_assert_eq(pxr_frame_find(a, "054321", 6, &frame, NULL), PXR_OK);
    cr_expect_eq(frame, 54321);
    pxr_archive_stats(a, &after_find);
    cr_expect_leq(after_find.index_reads - before_find.index_reads, 24, "%llu reads",
                  (unsigned long long)(after_find.index_reads - before_find.index_reads));
    pxr_archive_close(a);
    kept_fini(&k);
}

Test(commits, names_without_a_rule_are_found_in_few_reads, .timeout = 120)
{
    struct kept_file k;
    pxr_writer *w = tiny_writer(&k);
    const int n = 20000;
    uint64_t state = 1;
    for (int i = 0; i < n; i++) {
        char name[32];
        snprintf(name, sizeof name, "x%016llx_%d_y", (unsigned long long)test_random(&state), i * 3);
        add_one(w, name, (uint8_t)i);
        if (i % 97 == 0)
            cr_assert_eq(pxr_writer_commit(w), PXR_OK);
    }
    cr_assert_eq(pxr_writer_finish(w, NULL, NULL), PXR_OK);
    pxr_archive *a;
    state = 1;
    for (int i = 0; i < n; i++) {
        char name[32];
        snprintf(name, sizeof name, "x%016llx_%d_y", (unsigned long long)test_random(&state), i * 3);
        if (i % 1999)
            continue;
        uint64_t frame;
        struct pxr_stats s;
        cr_assert_eq(pxr_archive_open_io(&a, &k.io, k.memory.arg, NULL, NULL), PXR_OK);
        cr_assert_eq(pxr_frame_find(a, name, strlen(name), &frame, NULL), PXR_OK);
        cr_expect_eq(frame, (uint64_t)i);
        pxr_archive_stats(a, &s);
        cr_expect_leq(s.index_reads, 40, "%llu reads", (unsigned long long)s.index_reads);
        pxr_archive_close(a);
    }
    kept_fini(&k);
}

/* A file cut anywhere behind a commit shows exactly the frames of that commit. */
Test(commits, a_torn_file_is_its_last_commit)
{
    const struct test_spec s = {.w = 9, .h = 7, .n_frames = 12, .bt = 2, .bits = 8,
                                .content = TEST_NOISE, .commit_every = 3};
    struct kept_file k;
    size_t n;
    kept_init(&k, NULL, 0);
    cr_assert_eq(test_write(&k, &s, NULL, NULL), PXR_OK);
    const uint8_t *bytes = pxr_file_memory_bytes(&k.memory, &n);
    uint64_t ends[8];
    int n_commits = 0;
    for (size_t off = PXR_SUPERBLOCK_BYTES; off + PXR_COMMIT_RECORD_BYTES <= n; off += 8)
        if (!memcmp(bytes + off, PXR_MARKER, 4) && bytes[off + 4] == PXR_RECORD_COMMIT)
            ends[n_commits++] = off + PXR_COMMIT_RECORD_BYTES;
    cr_assert_eq(n_commits, 4);
    for (size_t cut = 0; cut < n; cut++) {
        struct kept_file torn;
        struct pxr_diag d;
        pxr_archive *a;
        kept_init(&torn, bytes, cut);
        int commits = 0;
        while (commits < n_commits && ends[commits] <= cut)
            commits++;
        const enum pxr_err e = pxr_archive_open_io(&a, &torn.io, torn.memory.arg, NULL, &d);
        if (!commits) {
            cr_assert_neq(e, PXR_OK, "cut at %zu", cut);
            cr_assert(e == (cut < 8 ? PXR_E_NOTPXR : PXR_E_TRUNCATED), "cut at %zu: %d", cut, e);
        } else {
            struct pxr_archive_info info;
            cr_assert_eq(e, PXR_OK, "cut at %zu: %s", cut, d.text);
            pxr_archive_info(a, &info);
            cr_assert_eq(info.commit, (uint64_t)commits);
            cr_assert_eq(info.n_frames, 3u * (unsigned)commits);
            cr_assert_eq(info.tail_bytes, cut - ends[commits - 1]);
            cr_assert_eq(test_verify(a, &s, info.n_frames, &d), PXR_OK);
            pxr_archive_close(a);
        }
        kept_fini(&torn);
    }
    kept_fini(&k);
}

Test(commits, a_commit_without_news_writes_nothing)
{
    struct kept_file k;
    pxr_writer *w = tiny_writer(&k);
    struct pxr_write_summary a, b;
    add_one(w, "x", 1);
    cr_assert_eq(pxr_writer_commit(w), PXR_OK);
    pxr_writer_summary(w, &a);
    cr_assert_eq(pxr_writer_commit(w), PXR_OK);
    pxr_writer_summary(w, &b);
    cr_expect_eq(a.archive_bytes, b.archive_bytes);
    cr_assert_eq(pxr_writer_finish(w, NULL, NULL), PXR_OK);
    kept_fini(&k);
}
