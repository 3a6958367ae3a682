/* SPDX-License-Identifier: MIT
 * Parity: archives damaged at random, by bits, sectors and bursts, within what parity promises and beyond it.  Within it
 * every frame comes back; beyond it every frame comes back or is told to be lost.  None is ever a wrong one. */
#include "torture.h"

static const struct test_spec specs[] = {
    {.w = 61, .h = 40, .n_frames = 24, .bt = 4, .bits = 8, .content = TEST_NOISE, .codec = PXR_CODEC_STORE, .commit_every = 12, .parity = 5},
    {.w = 128, .h = 128, .n_frames = 96, .bt = 8, .bits = 8, .content = TEST_NOISE, .codec = PXR_CODEC_STORE, .parity = 5},
    {.w = 100, .h = 70, .n_frames = 40, .bt = 8, .bits = 16, .content = TEST_SMOOTH, .commit_every = 15, .parity = 20},
    {.w = 128, .h = 128, .n_frames = 60, .bt = 8, .bits = 8, .content = TEST_NOISE, .codec = PXR_CODEC_STORE, .commit_every = 31, .parity = 60},
};
enum { N_SPECS = sizeof specs / sizeof *specs, SECTOR = 4096 };

static uint64_t n_within, n_beyond, n_frames_kept, n_frames_lost, n_bytes_repaired, n_whole_beyond;

static void garble(uint8_t *p, size_t n, uint64_t *seed)
{
    for (size_t i = 0; i < n; i++)
        p[i] ^= (uint8_t)(test_random(seed) % 255 + 1);
}

/* What promises repair: two sectors anywhere, each a sector of the disk. */
static const char *damage_within(uint8_t *p, size_t n, uint64_t *seed)
{
    const uint64_t kind = test_random(seed) % 3;
    for (int i = 0; i < 2; i++) {
        uint8_t *sector = p + test_random(seed) % (n / SECTOR) * SECTOR;
        if (kind == 0)
            sector[test_random(seed) % SECTOR] ^= (uint8_t)(1 << test_random(seed) % 8);
        else if (kind == 1)
            memset(sector, 0, SECTOR);
        else
            garble(sector, SECTOR, seed);
    }
    return kind == 0 ? "two bits" : kind == 1 ? "two sectors of zeros" : "two sectors of garbage";
}

static const char *damage_beyond(uint8_t *p, size_t *n, uint64_t *seed)
{
    const uint64_t kind = test_random(seed) % 3;
    if (kind == 0) {
        for (uint64_t i = 0, count = test_random(seed) % 200; i < count; i++)
            p[test_random(seed) % *n] ^= (uint8_t)(1 << test_random(seed) % 8);
        return "many bits";
    }
    const size_t run = 1 + test_random(seed) % (*n / 4), at = test_random(seed) % (*n - run);
    if (kind == 1)
        garble(p + at, run, seed);
    else
        *n -= run;
    return kind == 1 ? "a burst" : "the end cut off";
}

static void try_one(const struct test_spec *s, const uint8_t *p, size_t n, bool is_within, const char *what, uint64_t number)
{
    static struct recovered r;
    struct pxr_diag d = {0};
    if (recover_bytes(&r, p, n, &d) != PXR_OK || recovered_verify(&r, s, &d) != PXR_OK)
        TORTURE_FAIL("%s, case %llu: %s", what, (unsigned long long)number, d.text);
    const uint64_t n_lost = r.report.n_frames_lost + r.report.n_names_lost;
    if (is_within && (n_lost || r.report.n_frames != s->n_frames))
        TORTURE_FAIL("%s, case %llu: %llu frames lost", what, (unsigned long long)number, (unsigned long long)n_lost);
    n_within += is_within;
    n_beyond += !is_within;
    n_whole_beyond += !is_within && r.report.n_frames == s->n_frames && !n_lost;
    n_frames_kept += r.report.n_frames;
    n_frames_lost += s->n_frames - r.report.n_frames;
    n_bytes_repaired += r.report.n_bytes_repaired;
    kept_fini(&r.fresh);
}

int main(int argc, char **argv)
{
    const uint64_t count = torture_count(argc, argv, 200);
    if (!pxr_parity_is_built_in()) {
        printf("PARITY skipped: built without ISA-L\n");
        return 77;
    }
    uint64_t seed = 7;
    for (int i = 0; i < N_SPECS; i++) {
        struct kept_file k;
        size_t n;
        kept_init(&k, NULL, 0);
        if (test_write(&k, &specs[i], NULL, NULL) != PXR_OK)
            TORTURE_FAIL("archive %d cannot be written", i);
        const uint8_t *p = pxr_file_memory_bytes(&k.memory, &n);
        uint8_t *bad = malloc(n);
        for (uint64_t c = (uint64_t)i; c < count; c += N_SPECS) {
            const bool is_within = c / N_SPECS % 4 != 3;
            size_t left = n;
            memcpy(bad, p, n);
            const char *what = is_within ? damage_within(bad, n, &seed) : damage_beyond(bad, &left, &seed);
            try_one(&specs[i], bad, left, is_within, what, c);
        }
        free(bad);
        kept_fini(&k);
    }
    printf("PARITY %llu archives: %llu damaged within what is promised, all whole again; %llu beyond it, %llu whole again, %llu "
           "frames told to be lost; %llu frames compared, %llu bytes repaired, 0 wrong\n",
           (unsigned long long)(n_within + n_beyond), (unsigned long long)n_within, (unsigned long long)n_beyond, (unsigned long long)n_whole_beyond,
           (unsigned long long)n_frames_lost, (unsigned long long)n_frames_kept, (unsigned long long)n_bytes_repaired);
    return 0;
}
