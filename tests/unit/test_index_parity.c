/* SPDX-License-Identifier: MIT
 * Parity in archives: what it covers comes back byte for byte, and what is beyond it is told exactly. */
#include "parity_repair.h"
#include "reader.h"
#include "recovered.h"

#include <criterion/criterion.h>

/* Some 30 KiB a commit: the shortest kind of span, with four parity cells in one column. */
static const struct test_spec small = {.w = 61, .h = 40, .n_frames = 24, .bt = 4, .bits = 8, .content = TEST_NOISE,
                                       .codec = PXR_CODEC_STORE, .commit_every = 12, .parity = 5};
/* 3 MiB in one span: several columns. */
static const struct test_spec large = {.w = 256, .h = 256, .n_frames = 48, .bt = 8, .bits = 8, .content = TEST_NOISE,
                                       .codec = PXR_CODEC_STORE, .parity = 5};

struct bytes {
    uint8_t *p;
    size_t n;
};

static struct bytes archive_of(const struct test_spec *s)
{
    struct kept_file k;
    struct bytes b;
    kept_init(&k, NULL, 0);
    struct pxr_diag d = {0};
    cr_assert_eq(test_write(&k, s, NULL, &d), PXR_OK, "%s", d.text);
    const uint8_t *bytes = pxr_file_memory_bytes(&k.memory, &b.n);
    b.p = memcpy(malloc(b.n), bytes, b.n);
    kept_fini(&k);
    return b;
}

static void need_parity(void)
{
    if (!pxr_parity_is_built_in())
        cr_skip_test("built without ISA-L");
}

/* Recover: all frames are there. */
static void expect_whole(const struct test_spec *s, const uint8_t *p, size_t n, const char *what, uint64_t at)
{
    static struct recovered r;
    struct pxr_diag d = {0};
    cr_assert_eq(recover_bytes(&r, p, n, &d), PXR_OK, "%s at %llu: %s", what, (unsigned long long)at, d.text);
    cr_assert_eq(r.report.n_frames_lost + r.report.n_names_lost, 0, "%s at %llu: %llu lost, %llu numbered, %llu bytes beyond",
                 what, (unsigned long long)at, (unsigned long long)r.report.n_frames_lost,
                 (unsigned long long)r.report.n_names_lost, (unsigned long long)r.report.n_bytes_unrepaired);
    cr_assert_eq(r.report.n_frames, s->n_frames);
    cr_assert_not(r.report.is_superblock_lost || r.report.is_meta_lost);
    cr_assert_eq(recovered_verify(&r, s, &d), PXR_OK, "%s at %llu: %s", what, (unsigned long long)at, d.text);
    kept_fini(&r.fresh);
}

static void damage(uint8_t *p, size_t n, uint64_t seed)
{
    for (size_t i = 0; i < n; i++)
        p[i] ^= (uint8_t)(test_random(&seed) % 255 + 1);
}

Test(parity, archives_without_it_keep_their_bytes_and_id)
{
    need_parity();
    struct test_spec none = small;
    none.parity = 0;
    none.commit_every = 0;
    struct test_spec with = none;
    with.parity = 5;
    struct bytes a = archive_of(&none), b = archive_of(&with);
    cr_expect(!memcmp(a.p, b.p, a.n - PXR_COMMIT_RECORD_BYTES), "records in front of the parity are the same");
    cr_expect_gt(b.n, a.n);
    free(a.p);
    free(b.p);
}

Test(parity, info_says_what_is_covered)
{
    need_parity();
    struct kept_file k;
    struct pxr_parity_info info;
    pxr_archive *a;
    kept_init(&k, NULL, 0);
    cr_assert_eq(test_write(&k, &small, NULL, NULL), PXR_OK);
    cr_assert_eq(pxr_archive_open_io(&a, &k.io, k.memory.arg, NULL, NULL), PXR_OK);
    size_t n;
    pxr_file_memory_bytes(&k.memory, &n);
    pxr_archive_parity(a, &info);
    cr_expect_eq(info.percent, 5);
    cr_expect_eq(info.covered_bytes, n);
    cr_expect_eq(info.parity_shards, 4);
    pxr_archive_close(a);
    kept_fini(&k);
}

/* Whatever sector of a disk is lost, wherever it lies, and any two of them. */
Test(parity, each_sector_is_repaired, .timeout = 300)
{
    need_parity();
    struct bytes b = archive_of(&small);
    uint8_t *bad = malloc(b.n);
    for (size_t at = 0; at < b.n; at += 4096) {
        const size_t n = b.n - at < 4096 ? b.n - at : 4096;
        memcpy(bad, b.p, b.n);
        memset(bad + at, 0, n);
        expect_whole(&small, bad, b.n, "zeros", at);
        damage(bad + at, n, at);
        const size_t second = (at + 4096 * (1 + at / 4096 % 5)) % (b.n - 4096) & ~(size_t)4095;
        damage(bad + second, 4096, at);
        expect_whole(&small, bad, b.n, "two sectors", at);
    }
    free(bad);
    free(b.p);
}

/* Bits of every structure: superblock, records, index, commits, parity itself. */
Test(parity, each_bit_is_repaired, .timeout = 300)
{
    need_parity();
    struct test_spec s = small;
    s.w = 20;
    s.h = 10;
    struct bytes b = archive_of(&s);
    for (size_t at = 0; at < b.n; at += at < 8192 || at > b.n - 1024 ? 41 : 463) {
        const uint8_t bit = (uint8_t)(1 << at % 8);
        b.p[at] ^= bit;
        expect_whole(&s, b.p, b.n, "bit", at);
        b.p[at] ^= bit;
    }
    free(b.p);
}

Test(parity, bursts_up_to_what_the_document_promises, .timeout = 300)
{
    need_parity();
    struct bytes b = archive_of(&large);
    uint8_t *bad = malloc(b.n);
    /* c = 4, k = 193, m = 10: a run of 9 x 4 cells, wherever it lies. */
    const size_t run = 9 * 4 * 4096 - 4096;
    uint64_t seed = 1;
    for (int i = 0; i < 60; i++) {
        const size_t at = i ? (size_t)(test_random(&seed) % (b.n - run)) : 0;
        memcpy(bad, b.p, b.n);
        damage(bad + at, run, at);
        expect_whole(&large, bad, b.n, "burst", at);
    }
    memcpy(bad, b.p, b.n);
    damage(bad + b.n - run, run, 7);
    expect_whole(&large, bad, b.n, "burst at the end", b.n - run);
    /* Ten sectors anywhere. */
    for (int i = 0; i < 60; i++) {
        memcpy(bad, b.p, b.n);
        for (int k = 0; k < 10; k++)
            damage(bad + test_random(&seed) % (b.n / 4096) * 4096, 4096, seed);
        expect_whole(&large, bad, b.n, "ten sectors", (uint64_t)i);
    }
    free(bad);
    free(b.p);
}

struct told {
    uint64_t n_repaired, n_beyond, first_off;
};

static void note_repair(void *arg, const struct pxr_repair *range)
{
    struct told *t = arg;
    *(range->is_repaired ? &t->n_repaired : &t->n_beyond) += range->n_bytes;
    t->first_off = t->first_off ? t->first_off : range->off_bytes;
}

static struct pxr_recover_report recover_told(const struct bytes *b, struct told *t)
{
    const struct pxr_recover_opts o = {.n_threads = 1, .repaired = note_repair, .arg = t};
    struct pxr_recover_report report;
    struct kept_file from, to;
    *t = (struct told){0};
    kept_init(&from, b->p, b->n);
    kept_init(&to, NULL, 0);
    cr_assert_eq(pxr_archive_recover_io(&from.io, from.memory.arg, &to.io, to.memory.arg, &o, &report, NULL), PXR_OK);
    kept_fini(&from);
    kept_fini(&to);
    return report;
}

Test(parity, what_is_repaired_is_told_to_the_byte)
{
    need_parity();
    struct bytes b = archive_of(&large);
    struct told t;
    recover_told(&b, &t);
    cr_expect_eq(t.n_repaired + t.n_beyond, 0);
    damage(b.p + 100001, 17, 3);
    struct pxr_recover_report r = recover_told(&b, &t);
    cr_expect_eq(t.n_repaired, 17);
    cr_expect_eq(t.first_off, 100001);
    cr_expect_eq(r.n_bytes_repaired, 17);
    cr_expect_eq(r.n_bytes_unrepaired + r.n_frames_lost, 0);
    damage(b.p + 200000, 30000, 3);
    r = recover_told(&b, &t);
    cr_expect_eq(t.n_repaired, 30017);
    free(b.p);
}

/* More than parity promises: frames are lost, they are told, and all others are there. */
Test(parity, damage_beyond_it_costs_only_what_it_hits)
{
    need_parity();
    static struct recovered r;
    struct bytes b = archive_of(&large);
    struct pxr_diag d = {0};
    const size_t run = 12 * 4 * 4096; /* in each column twelve cells, of which ten could be computed */
    damage(b.p + (1 << 20), run, 5);
    cr_assert_eq(recover_bytes(&r, b.p, b.n, &d), PXR_OK, "%s", d.text);
    cr_expect_gt(r.report.n_frames_lost, 0u);
    cr_expect_leq(r.report.n_frames_lost, 12u, "%llu" /* a group that has lost its header, and some of the one before */, (unsigned long long)r.report.n_frames_lost);
    cr_expect_eq(r.report.n_frames + r.report.n_frames_lost, large.n_frames);
    cr_expect_geq(r.report.n_bytes_unrepaired, run);
    cr_expect_eq(recovered_verify(&r, &large, &d), PXR_OK, "%s", d.text);
    kept_fini(&r.fresh);
    free(b.p);
}

Test(parity, truncated_files_keep_the_parity_of_what_is_left, .timeout = 300)
{
    need_parity();
    struct bytes b = archive_of(&small);
    static struct recovered r;
    struct pxr_diag d = {0};
    for (size_t n = b.n; n > b.n / 2; n -= n > b.n - 24000 ? 331 : 2503) {
        uint8_t *bad = memcpy(malloc(n), b.p, n);
        damage(bad + 5000, 3000, n); /* of the first span */
        cr_assert_eq(recover_bytes(&r, bad, n, &d), PXR_OK, "%zu: %s", n, d.text);
        cr_assert_eq(recovered_verify(&r, &small, &d), PXR_OK, "%zu: %s", n, d.text);
        cr_assert_geq(r.report.n_frames, 12u, "cut at %zu: the first commit is whole", n);
        if (n > b.n - 5000) /* all data and most of their parity */
            cr_assert_eq(r.report.n_frames, 24u, "cut at %zu", n);
        kept_fini(&r.fresh);
        free(bad);
    }
    free(b.p);
}

static void append(struct kept_file *k, const struct test_spec *s, uint32_t first, uint32_t end, uint8_t percent)
{
    const struct pxr_write_opts o = {.codec = s->codec, .n_threads = 1, .parity_percent = percent};
    uint8_t *pixels = malloc((size_t)s->w * s->h);
    struct pxr_diag d;
    pxr_writer *w;
    cr_assert_eq(pxr_writer_append_io(&w, &k->io, k->memory.arg, &o, &d), PXR_OK, "%s", d.text);
    for (uint32_t i = first; i < end; i++) {
        char name[32];
        snprintf(name, sizeof name, "name_%04u", i);
        test_frame(pixels, i, s->w, s->h, s->bits, 255, s->content);
        cr_assert_eq(pxr_writer_add(w, &(struct pxr_frame_in){.pixels = pixels, .name = name}), PXR_OK);
    }
    cr_assert_eq(pxr_writer_finish(w, NULL, &d), PXR_OK, "%s", d.text);
    free(pixels);
}

static struct pxr_parity_info info_of(struct kept_file *k, uint64_t *n_bytes)
{
    struct pxr_parity_info info;
    struct pxr_archive_info all;
    pxr_archive *a;
    cr_assert_eq(pxr_archive_open_io(&a, &k->io, k->memory.arg, NULL, NULL), PXR_OK);
    pxr_archive_parity(a, &info);
    pxr_archive_info(a, &all);
    *n_bytes = all.archive_bytes;
    pxr_archive_close(a);
    return info;
}

static void expect_all_repaired(struct kept_file *k, const struct test_spec *s)
{
    struct pxr_check_report report;
    struct pxr_diag d = {0};
    size_t n;
    cr_assert_eq(pxr_archive_check_io(&k->io, k->memory.arg, PXR_CHECK_DEEP, 1, NULL, NULL, &report, &d), PXR_OK);
    cr_assert_eq(report.n_damages, 0);
    const uint8_t *p = pxr_file_memory_bytes(&k->memory, &n);
    uint8_t *bad = malloc(n);
    for (size_t at = 0; at + 4096 < n; at += 4096) {
        memcpy(bad, p, n);
        damage(bad + at, 4096, at);
        expect_whole(s, bad, n, "sector", at);
    }
    free(bad);
}

Test(parity, append_goes_on_with_it_and_makes_what_is_missing, .timeout = 300)
{
    need_parity();
    struct test_spec s = small;
    struct kept_file k;
    uint64_t n;
    s.parity = 0;
    s.n_frames = 8;
    kept_init(&k, NULL, 0);
    cr_assert_eq(test_write(&k, &s, NULL, NULL), PXR_OK);
    cr_expect_eq(info_of(&k, &n).percent, 0);
    append(&k, &s, 8, 12, 10); /* now it has some, of all */
    cr_expect_eq(info_of(&k, &n).percent, 10);
    cr_expect_eq(info_of(&k, &n).covered_bytes, n);
    append(&k, &s, 12, 14, 0); /* and keeps it */
    cr_expect_eq(info_of(&k, &n).percent, 10);
    cr_expect_eq(info_of(&k, &n).covered_bytes, n);
    append(&k, &s, 14, 18, PXR_PARITY_NONE);
    append(&k, &s, 18, 20, PXR_PARITY_NONE);
    cr_expect_lt(info_of(&k, &n).covered_bytes, n - 6 * 61 * 40);
    append(&k, &s, 20, 24, 0);
    cr_expect_eq(info_of(&k, &n).covered_bytes, n);
    s.n_frames = 24;
    expect_all_repaired(&k, &s);
    kept_fini(&k);
}

/* An old archive of more than a span, which needs several records before it goes on. */
Test(parity, append_catches_up_with_a_large_archive, .timeout = 600)
{
    need_parity();
    struct test_spec s = {.w = 2048, .h = 2048, .n_frames = 18, .bt = 2, .bits = 8, .content = TEST_NOISE,
                          .codec = PXR_CODEC_STORE};
    struct kept_file k;
    uint64_t n;
    kept_init(&k, NULL, 0);
    cr_assert_eq(test_write(&k, &s, NULL, NULL), PXR_OK);
    append(&k, &s, 18, 19, 2);
    s.n_frames = 19;
    cr_expect_eq(info_of(&k, &n).covered_bytes, n);
    size_t bytes;
    const uint8_t *p = pxr_file_memory_bytes(&k.memory, &bytes);
    uint8_t *bad = memcpy(malloc(bytes), p, bytes);
    damage(bad + 3000000, 200000, 1);
    damage(bad + 70000000, 160000, 2); /* of a span of 8 MB */
    damage(bad + bytes - 300, 300, 3);
    expect_whole(&s, bad, bytes, "three places", 0);
    free(bad);
    kept_fini(&k);
}

/* A torn append, skipped by the next one: what it left is no commit, and is covered like the rest. */
Test(parity, a_torn_append_stays_torn, .timeout = 300)
{
    need_parity();
    struct test_spec s = small;
    struct kept_file k;
    size_t before, n;
    int err;
    s.n_frames = 6;
    kept_init(&k, NULL, 0);
    cr_assert_eq(test_write(&k, &s, NULL, NULL), PXR_OK);
    pxr_file_memory_bytes(&k.memory, &before);
    append(&k, &s, 6, 7, 0);
    pxr_file_memory_bytes(&k.memory, &n);
    /* Its commit is missing, so its group could still be saved. */
    cr_assert_eq(k.io.truncate(k.memory.arg, n - PXR_COMMIT_RECORD_BYTES, &err), PXR_OK);
    const struct pxr_write_opts o = {.codec = s.codec, .n_threads = 1, .skip_tail = true};
    pxr_writer *w;
    cr_assert_eq(pxr_writer_append_io(&w, &k.io, k.memory.arg, &o, NULL), PXR_OK);
    cr_assert_eq(pxr_writer_finish(w, NULL, NULL), PXR_OK);
    append(&k, &s, 6, 9, 0);
    s.n_frames = 9;
    expect_all_repaired(&k, &s);
    kept_fini(&k);
}

Test(parity, recover_keeps_it_or_does_as_it_is_told)
{
    need_parity();
    struct bytes b = archive_of(&small);
    const struct {
        uint8_t asked, want;
    } cases[] = {{0, 5}, {20, 20}, {PXR_PARITY_NONE, 0}};
    for (size_t i = 0; i < 3; i++) {
        const struct pxr_recover_opts o = {.n_threads = 1, .parity_percent = cases[i].asked};
        struct pxr_recover_report report;
        struct kept_file from, to;
        uint64_t n;
        kept_init(&from, b.p, b.n);
        kept_init(&to, NULL, 0);
        cr_assert_eq(pxr_archive_recover_io(&from.io, from.memory.arg, &to.io, to.memory.arg, &o, &report, NULL), PXR_OK);
        cr_expect_eq(info_of(&to, &n).percent, cases[i].want);
        kept_fini(&from);
        kept_fini(&to);
    }
    free(b.p);
}

/* ---- heads -------------------------------------------------------------------------------------- */

static void store_hash(uint8_t head[PXR_PARITY_HEAD_BYTES]) { pxr_store_u64le(head + 248, pxr_xxh3_64(head, 248)); }

/* Every field at values that cannot be: refused, whatever the hash says. */
Test(parity, impossible_heads_are_refused)
{
    need_parity();
    struct bytes b = archive_of(&small);
    struct pxr_parity_head h;
    uint8_t good[PXR_PARITY_HEAD_BYTES], bad[PXR_PARITY_HEAD_BYTES];
    memcpy(good, b.p + b.n - PXR_COMMIT_RECORD_BYTES - 8 - sizeof good, sizeof good);
    cr_assert_eq(pxr_parity_head_parse(&h, good, NULL), PXR_OK);
    cr_expect_eq(pxr_parity_next_off(&h), b.n - PXR_COMMIT_RECORD_BYTES);
    const struct {
        unsigned off, n;
        uint64_t value;
    } cases[] = {
        {24, 8, 0}, {24, 8, h.record_off + 4}, {24, 8, h.end_off - 8}, {24, 8, UINT64_MAX - 7}, {40, 8, h.end_off},
        {40, 8, UINT64_MAX}, {48, 8, h.record_off + 8}, {48, 8, 0}, {56, 8, h.record_off + 1}, {64, 4, 0},
        {64, 4, UINT32_MAX}, {64, 4, h.n_cells + 1}, {64, 4, h.shard_cells + 1}, {68, 1, 0}, {68, 1, 201}, {68, 1, h.n_data + 1u},
        {69, 1, 0}, {69, 1, 255}, {70, 1, 0}, {70, 1, 101}, {71, 1, 0}, {71, 1, 2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        memcpy(bad, good, sizeof bad);
        for (unsigned k = 0; k < cases[i].n; k++)
            bad[cases[i].off + k] = (uint8_t)(cases[i].value >> 8 * k);
        cr_expect_eq(pxr_parity_head_parse(&h, bad, NULL), PXR_E_CORRUPT, "case %zu: its hash is wrong", i);
        store_hash(bad);
        cr_expect_eq(pxr_parity_head_parse(&h, bad, NULL), PXR_E_CORRUPT, "case %zu", i);
    }
    /* A full span as one shard: two of parity are 2^15 cells, three are more memory than a record may take. */
    memcpy(bad, good, sizeof bad);
    pxr_store_u64le(bad + 24, (uint64_t)1 << 27);
    pxr_store_u64le(bad + 40, 0);
    pxr_store_u64le(bad + 48, (uint64_t)1 << 26);
    pxr_store_u32le(bad + 64, 16384);
    bad[68] = 1;
    for (uint8_t m = 2; m < 4; m++) {
        bad[69] = m;
        store_hash(bad);
        cr_expect_eq(pxr_parity_head_parse(&h, bad, NULL), m == 2 ? PXR_OK : PXR_E_CORRUPT, "%u shards", m);
    }
    free(b.p);
}

/* A span of 2^26 bytes and a byte. */
Test(parity, spans_have_a_limit)
{
    need_parity();
    struct pxr_parity_head h = {.record_off = (uint64_t)1 << 30, .first_off = 4096, .end_off = 4096 + ((uint64_t)1 << 26) + 1,
                                .percent = 5};
    struct kept_file k;
    struct pxr_diag d;
    uint8_t *body;
    kept_init(&k, NULL, 0);
    cr_expect_eq(pxr_parity_make(&h, &k.memory, 0, &body, &d), PXR_E_INVALID);
    cr_expect_null(body);
    kept_fini(&k);
}

/* ---- options ------------------------------------------------------------------------------------ */

Test(parity, impossible_percentages_are_refused)
{
    for (unsigned p = 0; p < 256; p++) {
        const struct pxr_write_opts o = {.width_px = 8, .height_px = 8, .bits = 8, .parity_percent = (uint8_t)p};
        struct kept_file k;
        pxr_writer *w;
        kept_init(&k, NULL, 0);
        const enum pxr_err e = pxr_writer_create_io(&w, &k.io, k.memory.arg, &o, NULL);
        const bool is_none = p == 0 || p == PXR_PARITY_NONE;
        cr_expect_eq(e, is_none ? PXR_OK : p > 100 ? PXR_E_INVALID : pxr_parity_is_built_in() ? PXR_OK : PXR_E_UNSUPPORTED,
                     "%u", p);
        pxr_writer_abort(w);
        kept_fini(&k);
    }
}

/* Each percentage gives at least as much, and little more. */
Test(parity, overhead_is_what_was_asked_for, .timeout = 300)
{
    need_parity();
    struct test_spec s = {.w = 512, .h = 512, .n_frames = 64, .bt = 8, .bits = 8, .content = TEST_NOISE,
                          .codec = PXR_CODEC_STORE};
    struct bytes none = archive_of(&s);
    for (unsigned p = 1; p <= 100; p += p < 30 ? 4 : 23) {
        s.parity = (uint8_t)p;
        struct bytes b = archive_of(&s);
        const double percent = 100.0 * (double)(b.n - none.n) / (double)none.n;
        cr_expect_gt(percent, p * 0.999, "%u: %.2f", p, percent);
        cr_expect_lt(percent, p * 1.03 + 1.8, "%u: %.2f", p, percent); /* at least four shards; tables; whole cells */
        free(b.p);
    }
    free(none.p);
}
