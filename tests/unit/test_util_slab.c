/* SPDX-License-Identifier: MIT
 * The slab: aligned, apart, used again, bounded, and without memory no worse than refused. */
#include "kept_archive.h"
#include "slab.h"

#include <criterion/criterion.h>
#include <unistd.h>

#define KIB ((size_t)1 << 10)
#define MIB ((size_t)1 << 20)

static pxr_slab *slab_new(void)
{
    pxr_slab *s;
    cr_assert_eq(pxr_slab_new(&s, NULL), PXR_OK);
    return s;
}

/* With the address sanitizer there are no chunks to look at. */
static bool has_chunks(void)
{
    pxr_slab *s = slab_new();
    void *p = pxr_slab_get(s, 40 * KIB);
    const bool has = pxr_slab_bytes(s) > 0;
    pxr_slab_put(p);
    pxr_slab_free(s);
    return has;
}

static size_t resident_bytes(void)
{
    unsigned long all, resident = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    cr_assert(f && fscanf(f, "%lu %lu", &all, &resident) == 2);
    fclose(f);
    return resident * (size_t)sysconf(_SC_PAGESIZE);
}

static const size_t sizes[] = {0,       1,        63,       4 * KIB - 1, 4 * KIB, 40 * KIB + 5, 300 * KIB,
                               MIB - 1, MIB,      MIB + 1,  3 * MIB,     8 * MIB, 8 * MIB + 1,  40 * KIB};
#define N_SIZES (sizeof sizes / sizeof *sizes)

Test(slab, pieces_are_aligned_and_apart)
{
    enum { N = 10 * N_SIZES };
    pxr_slab *s = slab_new();
    uint8_t *pieces[N];
    for (size_t i = 0; i < N; i++) {
        pieces[i] = pxr_slab_get(s, sizes[i % N_SIZES]);
        cr_assert(pieces[i] && !((uintptr_t)pieces[i] & 63));
        memset(pieces[i], (int)i, sizes[i % N_SIZES]);
    }
    for (size_t i = 0; i < N; i++) {
        const size_t n = sizes[i % N_SIZES];
        cr_expect(!n || (pieces[i][0] == i && !memcmp(pieces[i], pieces[i] + 1, n - 1)));
        pxr_slab_put(pieces[i]);
    }
    pxr_slab_put(NULL);
    pxr_slab_free(s);
    pxr_slab_free(NULL);
}

Test(slab, what_was_put_last_is_got_first)
{
    pxr_slab *s = slab_new();
    void *a = pxr_slab_get(s, 40 * KIB), *b = pxr_slab_get(s, 40 * KIB);
    if (has_chunks()) {
        pxr_slab_put(a);
        pxr_slab_put(b);
        cr_expect_eq(pxr_slab_get(s, 40 * KIB), b);
        cr_expect_eq(pxr_slab_get(s, 40 * KIB), a);
    }
    pxr_slab_put(a);
    pxr_slab_put(b);
    pxr_slab_free(s);
}

Test(slab, one_small_frame_takes_a_small_chunk)
{
    pxr_slab *s = slab_new();
    void *p = pxr_slab_get(s, 40 * KIB);
    cr_expect_leq(pxr_slab_bytes(s), 300 * KIB);
    pxr_slab_put(p);
    pxr_slab_free(s);
}

/* As a cache uses it: the oldest goes when a new one comes, and sizes change on the way. */
Test(slab, chunks_go_back_to_the_system)
{
    enum { N_LIVE = 100, N_TURNS = 20000 };
    pxr_slab *s = slab_new();
    void *live[N_LIVE] = {NULL};
    uint64_t most_bytes = 0;
    for (int i = 0; i < N_TURNS; i++) {
        pxr_slab_put(live[i % N_LIVE]);
        live[i % N_LIVE] = pxr_slab_get(s, (size_t)(100 + i / 500) * KIB);
        cr_assert_not_null(live[i % N_LIVE]);
        most_bytes = pxr_max_u64(most_bytes, pxr_slab_bytes(s));
    }
    /* At most 139 KiB each, and at the change of a size three chunks of 4 MiB that are partly used. */
    cr_expect_leq(most_bytes, N_LIVE * 140 * KIB + 13 * MIB);
    for (int i = 0; i < N_LIVE; i++)
        pxr_slab_put(live[i]);
    cr_expect_leq(pxr_slab_bytes(s), 5 * MIB);
    pxr_slab_free(s);
}

/* One value in each chunk stays: the chunks do as well, but without what is free. */
Test(slab, free_pieces_do_not_stay_resident)
{
    enum { N = 1600 };
    if (!has_chunks())
        return;
    pxr_slab *s = slab_new();
    void *pieces[N];
    for (int i = 0; i < N; i++) {
        pieces[i] = pxr_slab_get(s, 100 * KIB);
        cr_assert_not_null(pieces[i]);
        memset(pieces[i], i, 100 * KIB);
    }
    const size_t full = resident_bytes();
    for (int i = 0; i < N; i++)
        if (i % 32)
            pxr_slab_put(pieces[i]);
    /* In use are 5 MiB, free and kept 8 MiB, and of the others the pages that they share. */
    cr_expect_lt(resident_bytes(), full - N * 100 * KIB + 5 * MIB + 8 * MIB + N * 8 * KIB);
    for (int i = 0; i < N; i += 32) {
        const uint8_t *p = pieces[i];
        cr_expect(p[0] == (uint8_t)i && !memcmp(p, p + 1, 100 * KIB - 1));
    }
    for (int i = 0; i < N; i++) /* dropped pages come back */
        if (i % 32) {
            pieces[i] = pxr_slab_get(s, 100 * KIB);
            memset(pieces[i], i, 100 * KIB);
        }
    for (int i = 0; i < N; i++)
        pxr_slab_put(pieces[i]);
    pxr_slab_free(s);
}

Test(slab, more_sizes_than_classes_are_served)
{
    enum { N = 200 };
    pxr_slab *s = slab_new();
    void *pieces[N];
    for (int turn = 0; turn < 3; turn++) {
        for (size_t i = 0; i < N; i++) {
            pieces[i] = pxr_slab_get(s, 5 * KIB + 640 * i);
            cr_assert_not_null(pieces[i]);
            memset(pieces[i], 1, 5 * KIB + 640 * i);
        }
        for (int i = 0; i < N; i++)
            pxr_slab_put(pieces[i]);
        cr_expect_leq(pxr_slab_bytes(s), 5 * MIB);
    }
    pxr_slab_free(s);
}

static int n_until_failure; /* of memory */
static bool fail_later(size_t n_bytes)
{
    (void)n_bytes;
    return n_until_failure-- > 0;
}
static bool fail_large(size_t n_bytes) { return n_bytes < 200 * KIB; }

Test(slab, no_memory_is_survived)
{
    bool is_done = false;
    for (int i = 0; !is_done; i++) {
        pxr_slab *s = NULL;
        void *pieces[40] = {NULL};
        n_until_failure = i;
        pxr_alloc_hook(fail_later);
        is_done = pxr_slab_new(&s, NULL) == PXR_OK;
        for (int k = 0; s && k < 40; k++) {
            pieces[k] = pxr_slab_get(s, (size_t)(1 + 20 * (k % 3)) * KIB);
            is_done = is_done && pieces[k];
            if (k % 4 == 3) {
                pxr_slab_put(pieces[k]);
                pieces[k] = NULL;
            }
        }
        pxr_alloc_hook(NULL);
        for (int k = 0; k < 40; k++)
            pxr_slab_put(pieces[k]);
        pxr_slab_free(s);
        cr_assert_lt(i, 100);
    }
}

Test(slab, free_memory_is_refused_too)
{
    pxr_slab *s = slab_new();
    pxr_slab_put(pxr_slab_get(s, 40 * KIB));
    n_until_failure = 0;
    pxr_alloc_hook(fail_later);
    cr_expect_null(pxr_slab_get(s, 40 * KIB));
    pxr_alloc_hook(NULL);
    cr_expect_null(pxr_slab_get(s, SIZE_MAX - 10));
    pxr_slab_free(s);
}

Test(slab, one_piece_is_had_where_a_chunk_is_not)
{
    pxr_slab *s = slab_new();
    pxr_alloc_hook(fail_large);
    void *p = pxr_slab_get(s, 40 * KIB);
    pxr_alloc_hook(NULL);
    cr_expect_not_null(p);
    cr_expect_eq(pxr_slab_bytes(s), 0);
    pxr_slab_put(p);
    pxr_slab_free(s);
}
