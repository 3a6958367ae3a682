/* SPDX-License-Identifier: MIT
 * Damage: every bit flipped and every length cut off of small archives, one for each kind of structure.  A reader
 * gives exact pixels or an error of the data, check sees every change, and no frame is ever another one. */
#include "torture.h"

static const struct test_spec specs[] = {
    {.w = 11, .h = 6, .n_frames = 5, .bt = 2, .bh = 4, .bits = 16, .content = TEST_SMOOTH, .commit_every = 3},
    {.w = 8, .h = 6, .n_frames = 9, .bt = 4, .bits = 8, .content = TEST_NOISE, .codec = PXR_CODEC_STORE, .commit_every = 4},
    {.w = 40, .h = 8, .n_frames = 6, .bt = 3, .bits = 8, .content = TEST_SMOOTH, .codec = PXR_CODEC_PREDICT},
    {.w = 40, .h = 8, .n_frames = 6, .bt = 3, .bits = 8, .content = TEST_SMOOTH, .codec = PXR_CODEC_MATCH},
    {.w = 40, .h = 8, .n_frames = 6, .bt = 3, .bits = 8, .content = TEST_SMOOTH, .codec = PXR_CODEC_ADAPTIVE},
    {.w = 40, .h = 8, .n_frames = 6, .bt = 3, .bits = 8, .content = TEST_SMOOTH, .codec = PXR_CODEC_SORTED},
    {.w = 40, .h = 33, .n_frames = 6, .bt = 3, .bits = 8, .content = TEST_SMOOTH, .codec = PXR_CODEC_ZSTD},
    {.w = 16, .h = 16, .n_frames = 40, .bt = 1, .bits = 8, .content = TEST_REPEAT, .commit_every = 10},
    {.w = 30, .h = 20, .n_frames = 40, .bt = 5, .bits = 16, .content = TEST_SMOOTH},
    {.w = 8, .h = 6, .n_frames = 4, .bt = 4, .bits = 8, .content = TEST_NOISE, .codec = PXR_CODEC_STORE, .parity = 5},
    {.w = 30, .h = 20, .n_frames = 60, .bt = 5, .bits = 8, .content = TEST_NOISE, .commit_every = 7},
};
enum { N_SPECS = sizeof specs / sizeof *specs };

static uint64_t n_clean, n_shorter, n_harmless;

/* One damaged archive. */
static void try_one(const struct test_spec *s, const uint8_t *bytes, size_t n, bool checks, const char *what, uint64_t at)
{
    struct kept_file k;
    struct pxr_diag d = {0};
    struct pxr_archive_info info = {0};
    pxr_archive *a;
    kept_init(&k, bytes, n);
    enum pxr_err e = pxr_archive_open_io(&a, &k.io, k.memory.arg, NULL, &d);
    if (e == PXR_OK) {
        pxr_archive_info(a, &info);
        if (info.n_frames > s->n_frames)
            TORTURE_FAIL("%s %llu: %llu frames were invented", what, (unsigned long long)at,
                         (unsigned long long)info.n_frames);
        e = test_verify(a, s, info.n_frames, &d);
        for (uint64_t i = 0; i < info.n_frames && e == PXR_OK; i++) {
            struct pxr_frame_info f;
            char want[32];
            snprintf(want, sizeof want, "name_%04u", (unsigned)i);
            e = pxr_frame_info(a, i, &f, &d);
            if (e == PXR_OK && strcmp(f.name, want))
                e = pxr_fail(&d, PXR_E_MISMATCH, "frame %llu is called '%s'", (unsigned long long)i, f.name);
        }
        pxr_archive_close(a);
    }
    if (e != PXR_OK && e != PXR_E_CORRUPT && e != PXR_E_TRUNCATED && e != PXR_E_NOTPXR && e != PXR_E_UNSUPPORTED &&
        e != PXR_E_LIMIT)
        TORTURE_FAIL("%s %llu: %d %s", what, (unsigned long long)at, e, d.text);
    if (e != PXR_OK && !d.text[0])
        TORTURE_FAIL("%s %llu: no diagnostic", what, (unsigned long long)at);
    n_clean += e != PXR_OK;
    n_shorter += e == PXR_OK && info.n_frames < s->n_frames;
    n_harmless += e == PXR_OK && info.n_frames == s->n_frames;
    /* What no reader of frames looks at (an older commit, a record's header), check must see. */
    if (e == PXR_OK && checks) {
        struct pxr_check_report report;
        e = pxr_archive_check_io(&k.io, k.memory.arg, PXR_CHECK_FULL, 1, NULL, NULL, &report, &d);
        if (e == PXR_OK && !report.n_damages)
            TORTURE_FAIL("%s %llu: goes unseen", what, (unsigned long long)at);
    }
    kept_fini(&k);
}

int main(int argc, char **argv)
{
    const uint64_t count = torture_count(argc, argv, 10000);
    uint64_t n_done = 0, n_all = 0;
    uint8_t *archives[N_SPECS];
    size_t sizes[N_SPECS];
    for (int i = 0; i < N_SPECS; i++) {
        struct kept_file k;
        archives[i] = NULL;
        sizes[i] = 0;
        if (!torture_has_codec(specs[i].codec) || (specs[i].parity && !pxr_parity_is_built_in()))
            continue;
        kept_init(&k, NULL, 0);
        if (test_write(&k, &specs[i], NULL, NULL) != PXR_OK)
            TORTURE_FAIL("archive %d cannot be written", i);
        const uint8_t *bytes = pxr_file_memory_bytes(&k.memory, &sizes[i]);
        archives[i] = memcpy(malloc(sizes[i]), bytes, sizes[i]);
        n_all += 9 * sizes[i];
        kept_fini(&k);
    }
    /* Fewer than there are: every so many, another one in each archive. */
    const uint64_t step = n_all > count ? (n_all + count - 1) / count : 1;
    for (int i = 0; i < N_SPECS; i++) {
        uint8_t *const bytes = archives[i];
        for (uint64_t bit = (uint64_t)i % step; bit < 8 * sizes[i]; bit += step, n_done++) {
            bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
            try_one(&specs[i], bytes, sizes[i], true, "bit", bit);
            bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
        for (uint64_t cut = (uint64_t)i % step; cut < sizes[i]; cut += step, n_done++)
            /* Cut behind a commit it is a whole archive: an older one. */
            try_one(&specs[i], bytes, cut, false, "cut at", cut);
        free(bytes);
    }
    printf("DAMAGE %llu of %llu flips and truncations: %llu clean errors, %llu older commits, %llu for check alone; 0 "
           "undetected\n",
           (unsigned long long)n_done, (unsigned long long)n_all, (unsigned long long)n_clean,
           (unsigned long long)n_shorter, (unsigned long long)n_harmless);
    return 0;
}
