/* SPDX-License-Identifier: MIT
 * Snapshots of an archive that grows: each shows the frames of its commit and goes on doing so, whatever comes
 * behind it; what is not whole is not there. */
#include "kept_archive.h"
#include "parse.h"

#include <criterion/criterion.h>

enum { W = 12, H = 8 };

static const struct test_spec spec = {.w = W, .h = H, .bits = 8, .content = TEST_SMOOTH};
static const struct pxr_write_opts opts = {.width_px = W, .height_px = H, .bits = 8, .n_threads = 1,
                                           .block_frames = 4};

/* Frames [first, end), with a commit behind each commit_every-th. */
static void add(pxr_writer *w, uint32_t first, uint32_t end, uint32_t commit_every)
{
    for (uint32_t i = first; i < end; i++) {
        uint8_t pixels[W * H];
        test_frame(pixels, i, W, H, 8, 255, TEST_SMOOTH);
        const struct pxr_frame_in f = {.pixels = pixels};
        cr_assert_eq(pxr_writer_add(w, &f), PXR_OK, "%s", pxr_writer_diag(w)->text);
        if ((i + 1) % commit_every == 0)
            cr_assert_eq(pxr_writer_commit(w), PXR_OK, "%s", pxr_writer_diag(w)->text);
    }
}

static pxr_writer *create(struct kept_file *k)
{
    struct pxr_diag d;
    pxr_writer *w;
    cr_assert_eq(pxr_writer_create_io(&w, &k->io, k->memory.arg, &opts, &d), PXR_OK, "%s", d.text);
    return w;
}

static void append(struct kept_file *k, uint32_t first, uint32_t end, uint32_t commit_every, bool skips)
{
    struct pxr_write_opts o = opts;
    struct pxr_diag d;
    pxr_writer *w;
    o.skip_tail = skips;
    cr_assert_eq(pxr_writer_append_io(&w, &k->io, k->memory.arg, &o, &d), PXR_OK, "%s", d.text);
    add(w, first, end, commit_every);
    cr_assert_eq(pxr_writer_finish(w, NULL, &d), PXR_OK, "%s", d.text);
}

static pxr_archive *open_kept(struct kept_file *k)
{
    struct pxr_diag d;
    pxr_archive *a;
    cr_assert_eq(pxr_archive_open_io(&a, &k->io, k->memory.arg, NULL, &d), PXR_OK, "%s", d.text);
    return a;
}

static uint64_t count(const pxr_archive *a)
{
    struct pxr_archive_info info;
    pxr_archive_info(a, &info);
    return info.n_frames;
}

static void verify(pxr_archive *a, uint64_t n_frames)
{
    struct pxr_frame_info f;
    struct pxr_diag d;
    cr_assert_eq(count(a), n_frames);
    cr_assert_eq(test_verify(a, &spec, n_frames, &d), PXR_OK, "%s", d.text);
    cr_assert_eq(pxr_frame_info(a, n_frames, &f, &d), PXR_E_RANGE);
}

static pxr_archive *refresh(pxr_archive *a)
{
    struct pxr_diag d;
    pxr_archive *b;
    cr_assert_eq(pxr_archive_refresh(&b, a, &d), PXR_OK, "%s", d.text);
    return b;
}

Test(refresh, each_snapshot_goes_on_showing_its_commit, .timeout = 60)
{
    enum { N = 12 };
    struct kept_file k;
    pxr_archive *shown[N];
    uint64_t state = 3;
    kept_init(&k, NULL, 0);
    pxr_writer *w = create(&k);
    cr_assert_eq(pxr_writer_commit(w), PXR_OK); /* a recording begins without frames */
    shown[0] = open_kept(&k);
    cr_assert_eq(pxr_archive_start_workers(shown[0], 2), PXR_OK);
    cr_assert_null(refresh(shown[0]));
    pxr_decoder *decoder;
    cr_assert_eq(pxr_decoder_new(&decoder, shown[0]), PXR_OK);
    for (int i = 1; i < N; i++) {
        add(w, 5 * (uint32_t)i - 5, 5 * (uint32_t)i, 5);
        /* From any older one. */
        shown[i] = refresh(shown[test_random(&state) % (unsigned)i]);
        cr_assert_not_null(shown[i]);
        cr_assert_null(refresh(shown[i]));
        /* One decoder follows, and may go back. */
        uint8_t got[W * H], want[W * H];
        pxr_decoder_move(decoder, shown[i]);
        cr_assert_eq(pxr_frame_read(decoder, 5 * (uint64_t)i - 1, 0, H, got, sizeof got, W), PXR_OK);
        test_frame(want, 5 * (uint64_t)i - 1, W, H, 8, 255, TEST_SMOOTH);
        cr_assert_arr_eq(got, want, sizeof got);
        pxr_decoder_move(decoder, shown[0]);
        cr_assert_eq(pxr_frame_read(decoder, 5 * (uint64_t)i, 0, H, got, sizeof got, W), PXR_E_RANGE);
        for (int j = 0; j <= i; j++)
            verify(shown[j], 5 * (uint64_t)j);
    }
    struct pxr_stats one, other;
    pxr_archive_stats(shown[0], &one);
    pxr_archive_stats(shown[N - 1], &other);
    cr_assert_eq(one.units_decoded, other.units_decoded);
    /* 55 frames, decoded once each: what one snapshot has decoded is there for the others. */
    cr_assert_leq(one.units_decoded + one.units_prefetched, 55);
    pxr_decoder_free(decoder);
    for (int left = N; left > 0; left--) {
        const unsigned i = (unsigned)(test_random(&state) % (unsigned)left);
        pxr_archive_close(shown[i]);
        shown[i] = shown[left - 1];
        if (left > 1)
            verify(shown[0], count(shown[0]));
    }
    pxr_writer_abort(w);
    kept_fini(&k);
}

Test(refresh, a_torn_commit_is_not_there_until_it_is_whole, .timeout = 120)
{
    struct kept_file k;
    size_t begin_bytes, end_bytes;
    kept_init(&k, NULL, 0);
    pxr_writer *w = create(&k);
    add(w, 0, 6, 6);
    const uint8_t *now = pxr_file_memory_bytes(&k.memory, &begin_bytes);
    add(w, 6, 12, 3); /* two commits */
    now = pxr_file_memory_bytes(&k.memory, &end_bytes);
    uint64_t seen = 0, changes = 0;
    for (size_t n = begin_bytes; n <= end_bytes; n++) {
        struct kept_file part;
        kept_init(&part, now, begin_bytes);
        pxr_archive *a = open_kept(&part);
        if (n > begin_bytes)
            cr_assert_eq(pxr_file_write(&part.memory, begin_bytes, now + begin_bytes, n - begin_bytes, NULL), PXR_OK);
        pxr_archive *b = refresh(a), *fresh = open_kept(&part);
        cr_assert_eq(b ? count(b) : count(a), count(fresh), "%zu bytes", n);
        changes += count(fresh) != seen;
        seen = count(fresh);
        if (b && n % 16 == 0)
            verify(b, seen);
        pxr_archive_close(a);
        pxr_archive_close(b);
        pxr_archive_close(fresh);
        kept_fini(&part);
    }
    cr_assert_eq(changes, 3); /* 6, 9 and 12 frames */
    pxr_writer_abort(w);
    kept_fini(&k);
}

Test(refresh, what_goes_on_behind_a_torn_tail_is_found, .timeout = 120)
{
    struct kept_file k;
    size_t begin_bytes, end_bytes;
    kept_init(&k, NULL, 0);
    pxr_writer *w = create(&k);
    add(w, 0, 6, 6);
    pxr_file_memory_bytes(&k.memory, &begin_bytes);
    add(w, 6, 12, 6);
    const uint8_t *now = pxr_file_memory_bytes(&k.memory, &end_bytes);
    for (size_t n = begin_bytes + 1; n < end_bytes - PXR_COMMIT_RECORD_BYTES; n += 7) {
        struct kept_file part;
        kept_init(&part, now, begin_bytes);
        pxr_archive *a = open_kept(&part);
        cr_assert_eq(pxr_file_write(&part.memory, begin_bytes, now + begin_bytes, n - begin_bytes, NULL), PXR_OK);
        cr_assert_null(refresh(a));
        append(&part, 6, 20, 5, true);
        pxr_archive *b = refresh(a);
        cr_assert_not_null(b, "%zu torn bytes", n - begin_bytes);
        verify(b, 20);
        append(&part, 20, 23, 100, false);
        pxr_archive_close(a);
        pxr_archive *c = refresh(b);
        cr_assert_not_null(c);
        verify(c, 23);
        pxr_archive_close(b);
        pxr_archive_close(c);
        kept_fini(&part);
    }
    pxr_writer_abort(w);
    kept_fini(&k);
}

/* ---- the machine fails: each request for memory, each read ---------------------------------------- */

static int n_until_failure;
static bool fails_memory; /* else reads */
static bool allow(size_t n_bytes)
{
    (void)n_bytes;
    return !fails_memory || n_until_failure-- != 0;
}

static const struct pxr_io *sound_io;
static enum pxr_err read_or_fail(void *arg, uint64_t off, void *dst, size_t n, size_t *got, int *sys_errno)
{
    if (fails_memory || n_until_failure-- != 0)
        return sound_io->read_at(arg, off, dst, n, got, sys_errno);
    *sys_errno = 5;
    return PXR_E_IO;
}

Test(refresh, a_failure_leaves_the_old_snapshot_and_the_next_try_succeeds, .timeout = 60)
{
    struct kept_file k;
    struct pxr_diag d;
    kept_init(&k, NULL, 0);
    const struct test_spec first = {.w = W, .h = H, .n_frames = 6, .bits = 8, .content = TEST_SMOOTH, .bt = 4};
    cr_assert_eq(test_write(&k, &first, NULL, &d), PXR_OK);
    struct pxr_io failing = k.io;
    sound_io = &k.memory.io;
    failing.read_at = read_or_fail;
    n_until_failure = -1;
    pxr_archive *a, *b;
    cr_assert_eq(pxr_archive_open_io(&a, &failing, k.memory.arg, NULL, &d), PXR_OK);
    append(&k, 6, 14, 4, false);
    int n_failures = 0;
    for (int kind = 0; kind < 2; kind++)
        for (int i = 0;; i++) {
            pxr_alloc_hook(allow);
            fails_memory = kind;
            n_until_failure = i;
            const enum pxr_err e = pxr_archive_refresh(&b, a, &d);
            const bool has_failed = n_until_failure < 0;
            n_until_failure = -1;
            pxr_alloc_hook(NULL);
            if (!has_failed) {
                cr_assert_eq(e, PXR_OK);
                verify(b, 14);
                pxr_archive_close(b);
                break;
            }
            /* A read of what was added may fail as if it were not there yet: an older commit, or none. */
            cr_assert(e == PXR_OK || e == (kind ? PXR_E_NOMEM : PXR_E_IO), "%d: %s", i, d.text);
            cr_assert(e == PXR_OK ? !b || count(b) > 6 : !b);
            if (b)
                verify(b, count(b));
            pxr_archive_close(b);
            verify(a, 6);
            n_failures++;
        }
    cr_assert_gt(n_failures, 5);
    pxr_archive_close(a);
    kept_fini(&k);
}

Test(refresh, another_file_or_a_shorter_one_is_said)
{
    struct kept_file k, other;
    size_t n_bytes;
    struct pxr_diag d;
    kept_init(&k, NULL, 0);
    kept_init(&other, NULL, 0);
    const struct test_spec first = {.w = W, .h = H, .n_frames = 6, .bits = 8, .content = TEST_SMOOTH, .bt = 4};
    test_write(&k, &first, NULL, &d);
    append(&k, 6, 9, 100, false);
    test_write(&other, &(struct test_spec){.w = W, .h = H, .n_frames = 20, .bits = 8, .content = TEST_NOISE, .bt = 4},
               NULL, &d);
    pxr_archive *a = open_kept(&k), *b;
    verify(a, 9);
    const uint8_t *bytes = pxr_file_memory_bytes(&other.memory, &n_bytes);
    cr_assert_eq(pxr_file_write(&k.memory, 0, bytes, n_bytes, NULL), PXR_OK);
    cr_assert_eq(pxr_archive_refresh(&b, a, &d), PXR_E_CHANGED);
    cr_assert_null(b);
    int sys_errno;
    cr_assert_eq(k.memory.io.truncate(k.memory.arg, 200, &sys_errno), PXR_OK);
    cr_assert_eq(pxr_archive_refresh(&b, a, &d), PXR_E_CHANGED);
    cr_assert_null(b);
    pxr_archive_close(a);
    kept_fini(&k);
    kept_fini(&other);
}
