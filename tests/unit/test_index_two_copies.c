/* SPDX-License-Identifier: MIT
 * Two damaged copies: what is whole in one of them is in the new archive, and nothing that is in neither. */
#include "recovered.h"

#include <criterion/criterion.h>

static const struct test_spec spec = {.w = 32, .h = 32, .n_frames = 40, .bt = 8, .bits = 8, .content = TEST_NOISE,
                                      .codec = PXR_CODEC_STORE, .commit_every = 16};

struct copy {
    uint8_t *p;
    size_t n;
};

static struct copy archive_of(const struct test_spec *s)
{
    struct kept_file k;
    struct copy c;
    kept_init(&k, NULL, 0);
    cr_assert_eq(test_write(&k, s, NULL, NULL), PXR_OK);
    const uint8_t *bytes = pxr_file_memory_bytes(&k.memory, &c.n);
    c.p = memcpy(malloc(c.n), bytes, c.n);
    kept_fini(&k);
    return c;
}

static struct copy copy_of(struct copy c)
{
    return (struct copy){memcpy(malloc(c.n), c.p, c.n), c.n};
}

static void damage(struct copy c, size_t off, size_t n, uint64_t seed)
{
    for (size_t i = off; i < off + n && i < c.n; i++)
        c.p[i] ^= (uint8_t)(test_random(&seed) % 255 + 1);
}

static enum pxr_err recover_both(struct recovered *r, struct copy a, struct copy b, struct pxr_diag *d)
{
    struct kept_file first, second;
    kept_init(&first, a.p, a.n);
    kept_init(&second, b.p, b.n);
    const struct pxr_recover_opts o = {.n_threads = 1, .lost = recovered_note, .arg = r, .second_io = &second.io,
                                       .second_arg = second.memory.arg};
    *r = (struct recovered){0};
    kept_init(&r->fresh, NULL, 0);
    const enum pxr_err e = pxr_archive_recover_io(&first.io, first.memory.arg, &r->fresh.io, r->fresh.memory.arg, &o,
                                                  &r->report, d);
    kept_fini(&first);
    kept_fini(&second);
    return e;
}

/* Recover, compare with the truth, and say how many frames are missing or without their names. */
static uint64_t lost_of(struct copy a, struct copy b, const char *what, uint64_t number)
{
    static struct recovered r;
    struct pxr_diag d = {0};
    cr_assert_eq(recover_both(&r, a, b, &d), PXR_OK, "%s %llu: %s", what, (unsigned long long)number, d.text);
    cr_assert_eq(recovered_verify(&r, &spec, &d), PXR_OK, "%s %llu: %s", what, (unsigned long long)number, d.text);
    kept_fini(&r.fresh);
    return spec.n_frames - r.report.n_frames + r.report.n_names_lost;
}

Test(two_copies, different_damage_costs_nothing, .timeout = 300)
{
    struct copy good = archive_of(&spec);
    uint64_t seed = 3;
    for (int i = 0; i < 150; i++) {
        struct copy a = copy_of(good), b = copy_of(good);
        /* Runs that do not meet, mostly in the same record. */
        const size_t n = 1 + test_random(&seed) % 900, at = test_random(&seed) % (good.n - 4000);
        damage(a, i ? at : 0, n, seed);
        damage(b, at + 2048, n, seed + 1);
        cr_assert_eq(lost_of(a, b, "case", (uint64_t)i), 0u, "case %d", i);
        free(a.p);
        free(b.p);
    }
    free(good.p);
}

Test(two_copies, a_torn_one_and_a_damaged_one)
{
    struct copy good = archive_of(&spec), a = copy_of(good), b = copy_of(good);
    a.n = good.n / 3;
    damage(b, 200, 300, 1);
    cr_expect_eq(lost_of(a, b, "torn first", 0), 0u);
    cr_expect_eq(lost_of(b, a, "torn second", 0), 0u);
    free(a.p);
    free(b.p);
    free(good.p);
}

/* The same place in both: those frames are lost, and told. */
Test(two_copies, what_is_in_neither_is_lost)
{
    struct copy good = archive_of(&spec), a = copy_of(good), b = copy_of(good);
    damage(a, 5000, 40, 1);
    damage(b, 5000, 40, 2);
    damage(b, 200, 60, 3);
    const uint64_t n = lost_of(a, b, "both", 0);
    cr_expect(n >= 1 && n <= 2, "%llu", (unsigned long long)n);
    free(a.p);
    free(b.p);
    free(good.p);
}

Test(two_copies, another_archive_is_refused)
{
    static struct recovered r;
    struct test_spec other = spec;
    struct pxr_diag d = {0};
    other.content = TEST_SMOOTH;
    struct copy a = archive_of(&spec), b = archive_of(&other);
    cr_expect_eq(recover_both(&r, a, b, &d), PXR_E_MISMATCH);
    kept_fini(&r.fresh);
    memset(a.p, 0, 400);
    memset(b.p, 0, 400);
    cr_expect_eq(recover_both(&r, a, b, &d), PXR_E_NOTPXR);
    kept_fini(&r.fresh);
    free(a.p);
    free(b.p);
}

/* Both are cut off: as much is there as in the longer one. */
Test(two_copies, every_length_of_both, .timeout = 300)
{
    struct copy good = archive_of(&spec);
    for (size_t n = 400; n < good.n; n += 977) {
        const struct copy a = {good.p, n}, b = {good.p, good.n - n / 2}, c = n > b.n ? a : b;
        cr_expect_eq(lost_of(a, b, "lengths", n), lost_of(c, c, "longer", n), "%zu", n);
    }
    free(good.p);
}
