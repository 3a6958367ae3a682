/* SPDX-License-Identifier: MIT
 * Files that are made to keep recover, check and append busy: a million tiny records, records inside each other, frames that
 * are claimed again and again.  What is read, asked for and computed stays in proportion to the file. */
#include "alloc.h"
#include "kept_archive.h"
#include "parity.h"
#include "parse.h"

#include <time.h>

#include <criterion/criterion.h>

static const struct test_spec spec = {.w = 11, .h = 6, .n_frames = 5, .bt = 2, .bh = 4, .bits = 16,
                                      .content = TEST_SMOOTH, .commit_every = 3};

/* ---- files -------------------------------------------------------------------------------------- */

/* An archive that grows by records; what is read of it is counted. */
struct forged {
    uint8_t *bytes;
    size_t n;
    uint64_t n_read;
    uint64_t sequence;
    struct kept_file k; /* once it is opened */
    struct pxr_io io;
};

enum { ROOM = 12 << 20 };

static void forged_init(struct forged *f)
{
    struct kept_file k;
    *f = (struct forged){.bytes = calloc(1, ROOM)};
    kept_init(&k, NULL, 0);
    cr_assert_eq(test_write(&k, &spec, NULL, NULL), PXR_OK);
    const uint8_t *const bytes = pxr_file_memory_bytes(&k.memory, &f->n);
    memcpy(f->bytes, bytes, f->n);
    kept_fini(&k);
    f->sequence = pxr_load_u64le(f->bytes + f->n - PXR_COMMIT_RECORD_BYTES + 16) + 1;
}

static void forged_fini(struct forged *f)
{
    if (f->k.memory.io.close)
        kept_fini(&f->k);
    free(f->bytes);
}

static enum pxr_err counted_read(void *arg, uint64_t off, void *dst, size_t n, size_t *got, int *sys_errno)
{
    struct forged *f = arg;
    f->n_read += n;
    return f->k.io.read_at(f->k.memory.arg, off, dst, n, got, sys_errno);
}
static enum pxr_err counted_bytes(void *arg, uint64_t *total, int *sys_errno)
{
    const struct forged *f = arg;
    return f->k.io.bytes(f->k.memory.arg, total, sys_errno);
}

static void forged_open(struct forged *f)
{
    kept_init(&f->k, f->bytes, f->n);
    f->io = (struct pxr_io){.read_at = counted_read, .bytes = counted_bytes, .close = kept_close};
}

/* A record header, and n bytes of a body, which may be less than it says. */
static uint8_t *add_record(struct forged *f, uint8_t type, uint64_t body_bytes, const void *body, size_t n)
{
    uint8_t *const to = f->bytes + f->n;
    pxr_record_store(to, type, body_bytes, f->sequence++, f->bytes + 72);
    memcpy(to + PXR_RECORD_HEADER_BYTES, body ? body : "", n);
    f->n += PXR_RECORD_HEADER_BYTES + n;
    cr_assert_lt(f->n, ROOM - 4096);
    return to;
}

static void add_sound_record(struct forged *f, uint8_t type, const void *body, size_t n)
{
    add_record(f, type, n, body, n);
    f->n = (f->n + 7) & ~(size_t)7;
    pxr_store_u64le(f->bytes + f->n, pxr_xxh3_64(body ? body : "", n));
    f->n += 8;
}

static double cpu_seconds(void) { return (double)clock() / CLOCKS_PER_SEC; }

static enum pxr_err recover(struct forged *f, struct forged *second, struct pxr_recover_report *report)
{
    struct kept_file fresh;
    struct pxr_check_report check;
    struct pxr_diag d;
    struct pxr_recover_opts o = {.n_threads = 1};
    kept_init(&fresh, NULL, 0);
    forged_open(f);
    if (second) {
        forged_open(second);
        o.second_io = &second->io;
        o.second_arg = second;
    }
    const enum pxr_err e = pxr_archive_recover_io(&f->io, f, &fresh.io, fresh.memory.arg, &o, report, &d);
    if (e == PXR_OK) {
        cr_expect_eq(pxr_archive_check_io(&fresh.io, fresh.memory.arg, PXR_CHECK_DEEP, 1, NULL, NULL, &check, &d), PXR_OK);
        cr_expect_eq(check.n_damages, 0);
    }
    kept_fini(&fresh);
    return e;
}

/* ---- many tiny records ---------------------------------------------------------------------------- */

enum { N_TINY = 20000 };

static void add_tiny_records(struct forged *f, size_t gap_bytes)
{
    for (int i = 0; i < N_TINY; i++) {
        add_sound_record(f, PXR_RECORD_INDEX, NULL, 0);
        memset(f->bytes + f->n, 0xA5, gap_bytes);
        f->n += gap_bytes;
    }
}

Test(forged, tiny_records_are_not_read_by_the_mebibyte)
{
    for (size_t gap = 0; gap <= 8; gap += 8) {
        struct forged f;
        struct pxr_recover_report report;
        struct pxr_check_report check;
        struct pxr_diag d;
        forged_init(&f);
        add_tiny_records(&f, gap);
        cr_assert_eq(recover(&f, NULL, &report), PXR_OK);
        cr_expect_eq(report.n_frames, spec.n_frames);
        cr_expect_lt(f.n_read, 32 * f.n, "recover read %llu times the file", (unsigned long long)(f.n_read / f.n));
        f.n_read = 0;
        cr_expect_eq(pxr_archive_check_io(&f.io, &f, PXR_CHECK_FULL, 1, NULL, NULL, &check, &d), PXR_OK);
        cr_expect_eq(check.n_damages, 1);
        cr_expect_lt(f.n_read, 32 * f.n, "check read %llu times the file", (unsigned long long)(f.n_read / f.n));
        forged_fini(&f);
    }
}

Test(forged, a_lost_superblock_is_searched_for_once)
{
    struct forged f;
    struct pxr_recover_report report;
    forged_init(&f);
    add_tiny_records(&f, 0);
    memset(f.bytes, 0, PXR_SUPERBLOCK_BYTES);
    cr_assert_eq(recover(&f, NULL, &report), PXR_OK);
    cr_expect_eq(report.n_frames, spec.n_frames);
    cr_expect(report.is_superblock_lost);
    cr_expect_lt(f.n_read, 64 * f.n);
    forged_fini(&f);
}

/* ---- records inside each other ---------------------------------------------------------------------- */

/* Headers, each of which says that all that follows is its body. */
static void add_nested_headers(struct forged *f, size_t n_headers, size_t stride)
{
    const size_t end = f->n + n_headers * stride;
    for (size_t i = 0; i < n_headers; i++) {
        add_record(f, PXR_RECORD_INDEX, (end - f->n - PXR_RECORD_HEADER_BYTES - 8) & ~(uint64_t)7, NULL, 0);
        f->n += stride - PXR_RECORD_HEADER_BYTES;
    }
}

Test(forged, nested_records_behind_the_last_commit_are_not_read_for_ever)
{
    struct forged f;
    struct pxr_check_report check;
    struct pxr_diag d;
    pxr_writer *w;
    forged_init(&f);
    memset(f.bytes + f.n, 0xA5, 8); /* nobody hops over them */
    f.n += 8;
    add_nested_headers(&f, N_TINY, 64);
    forged_open(&f);
    cr_expect_eq(pxr_archive_check_io(&f.io, &f, PXR_CHECK_QUICK, 1, NULL, NULL, &check, &d), PXR_OK);
    cr_expect_eq(check.n_damages, 1);
    cr_expect_lt(f.n_read, 100 << 20, "check read %llu MiB", (unsigned long long)(f.n_read >> 20));
    f.n_read = 0;
    cr_expect_eq(pxr_writer_append_io(&w, &f.io, &f, &(struct pxr_write_opts){.n_threads = 1}, &d), PXR_E_STATE);
    cr_expect_lt(f.n_read, 100 << 20, "append read %llu MiB", (unsigned long long)(f.n_read >> 20));
    forged_fini(&f);
}

Test(forged, two_copies_with_nested_records_are_not_read_for_ever)
{
    struct forged f, g;
    struct pxr_recover_report report;
    forged_init(&f);
    forged_init(&g);
    for (int i = 0; i < N_TINY; i++) { /* unsound, one behind the other */
        add_record(&f, PXR_RECORD_INDEX, 8, NULL, 0);
        f.n += 16;
    }
    add_nested_headers(&g, N_TINY, PXR_RECORD_HEADER_BYTES + 16);
    cr_assert_eq(recover(&f, &g, &report), PXR_OK);
    cr_expect_eq(report.n_frames, spec.n_frames);
    cr_expect_lt(g.n_read, 200 << 20, "%llu MiB were read", (unsigned long long)(g.n_read >> 20));
    forged_fini(&f);
    forged_fini(&g);
}

Test(forged, a_copy_without_records_is_searched_once)
{
    struct forged f, g;
    struct pxr_recover_report report;
    forged_init(&f);
    forged_init(&g);
    memset(f.bytes + f.n, 0xA5, 2 << 20);
    f.n += 2 << 20;
    memset(g.bytes + g.n, 0xA5, 8);
    g.n += 8;
    add_tiny_records(&g, 8);
    cr_assert_eq(recover(&f, &g, &report), PXR_OK);
    cr_expect_eq(report.n_frames, spec.n_frames);
    cr_expect_lt(f.n_read, 32 * f.n, "%llu MiB were read", (unsigned long long)(f.n_read >> 20));
    forged_fini(&f);
    forged_fini(&g);
}

/* ---- frames that are claimed again and again ---------------------------------------------------------- */

/* Groups and pages of the frames from the first one on, so many at the same place. */
Test(forged, groups_and_pages_of_the_same_frames_are_arranged_once)
{
    enum { N_CLAIMS = 60000 };
    static uint8_t pages[N_CLAIMS * 24];
    struct forged f;
    struct pxr_recover_report report;
    uint8_t head[PXR_GROUP_HEADER_BYTES] = {0};
    forged_init(&f);
    memset(f.bytes + PXR_SUPERBLOCK_BYTES, 0, f.n - PXR_SUPERBLOCK_BYTES); /* nothing else is left */
    f.n = PXR_SUPERBLOCK_BYTES;
    for (size_t i = 0; i < N_CLAIMS; i++) {
        uint8_t *const p = pages + 24 * i;
        p[0] = PXR_PAGE_FRAMES;
        pxr_store_u16le(p + 2, (uint16_t)(3 + i % 60000));
        pxr_store_u32le(p + 4, 24);
    }
    add_sound_record(&f, PXR_RECORD_INDEX, pages, sizeof pages);
    pxr_store_u32le(head + 8, 2);
    for (int i = 0; i <= N_CLAIMS; i++) { /* unsound: they have no hash of their own */
        pxr_store_u64le(head, i == N_CLAIMS);
        add_record(&f, PXR_RECORD_GROUP, sizeof head, head, sizeof head);
        f.n += 8;
    }
    const double start = cpu_seconds();
    cr_assert_eq(recover(&f, NULL, &report), PXR_OK);
    cr_expect_eq(report.n_frames, 0);
    cr_expect_lt(cpu_seconds() - start, 5.0);
    forged_fini(&f);
}

static size_t largest_request;
static bool note_request(size_t n_bytes)
{
    largest_request = n_bytes > largest_request ? n_bytes : largest_request;
    return true;
}

Test(forged, an_index_record_of_many_pages_is_read_page_by_page)
{
    static const uint8_t zeros[8 << 20];
    struct forged f;
    struct pxr_recover_report report;
    uint8_t *const body = malloc(sizeof zeros);
    memcpy(body, zeros, sizeof zeros);
    for (size_t i = 0; i < sizeof zeros; i += 1 << 16) { /* of a kind that nobody knows */
        body[i] = 99;
        pxr_store_u32le(body + i + 4, 1 << 16);
    }
    forged_init(&f);
    add_sound_record(&f, PXR_RECORD_INDEX, body, sizeof zeros);
    kept_init(&f.k, f.bytes, f.n);
    struct pxr_recover_opts o = {.n_threads = 1};
    struct kept_file fresh;
    struct pxr_diag d;
    kept_init(&fresh, NULL, 0);
    pxr_alloc_hook(note_request);
    cr_assert_eq(pxr_archive_recover_io(&f.k.io, f.k.memory.arg, &fresh.io, fresh.memory.arg, &o, &report, &d), PXR_OK);
    pxr_alloc_hook(NULL);
    cr_expect_eq(report.n_frames, spec.n_frames);
    cr_expect_lt(largest_request, 5 << 20, "%zu bytes at once", largest_request);
    kept_fini(&fresh);
    forged_fini(&f);
    free(body);
}

/* ---- the last commit -------------------------------------------------------------------------------------- */

/* A record that is longer than it seems, with a commit in it that says which one was the last before. */
static uint64_t add_enclosed_commit(struct forged *f, const uint8_t *commit, uint64_t previous_off, uint64_t more_bytes)
{
    uint8_t body[PXR_COMMIT_RECORD_BYTES];
    memcpy(body, commit, sizeof body);
    pxr_store_u64le(body + PXR_RECORD_HEADER_BYTES + 160, previous_off);
    pxr_store_u64le(body + sizeof body - 8, pxr_xxh3_64(body + PXR_RECORD_HEADER_BYTES, PXR_COMMIT_BODY_BYTES));
    const uint64_t off = f->n + PXR_RECORD_HEADER_BYTES;
    add_record(f, PXR_RECORD_GROUP, sizeof body + more_bytes, body, sizeof body);
    return off;
}

/* A thousand commits in records that only a long walk can find. */
Test(forged, commits_in_records_are_not_told_from_others_for_ever)
{
    struct forged f;
    struct pxr_diag d;
    pxr_archive *a;
    uint8_t commit[PXR_COMMIT_RECORD_BYTES];
    forged_init(&f);
    memcpy(commit, f.bytes + f.n - sizeof commit, sizeof commit);
    const uint64_t last = f.n - sizeof commit;
    for (int i = 0; i < 1100; i++) /* further than a walk from the start goes */
        add_sound_record(&f, PXR_RECORD_INDEX, NULL, 0);
    const uint64_t first = add_enclosed_commit(&f, commit, last, 48);
    add_record(&f, PXR_RECORD_INDEX, 0, NULL, 0); /* in that one, over its end */
    f.n += 8;
    for (int i = 0; i < 1000; i++) {
        add_enclosed_commit(&f, commit, first, 0);
        f.n += 8;
    }
    forged_open(&f);
    const enum pxr_err e = pxr_archive_open_io(&a, &f.io, &f, NULL, &d);
    cr_expect(e == PXR_OK || pxr_err_exit(e) == 1);
    cr_expect_lt(f.n_read, 16 * f.n, "%llu MiB were read", (unsigned long long)(f.n_read >> 20));
    pxr_archive_close(a);
    forged_fini(&f);
}

/* ---- the id of what will be made -------------------------------------------------------------------------- */

enum { ID_PX = 64 };

/* Two groups; the second one holds a record of the archive with this id, at any byte. */
static void write_with_record(struct kept_file *k, const uint8_t id[16], size_t at)
{
    const struct pxr_write_opts o = {.width_px = ID_PX, .height_px = 2, .bits = 8, .block_frames = 1, .n_threads = 1,
                                     .codec = PXR_CODEC_STORE};
    struct pxr_diag d;
    pxr_writer *w;
    uint8_t pixels[2 * ID_PX];
    kept_init(k, NULL, 0);
    cr_assert_eq(pxr_writer_create_io(&w, &k->io, k->memory.arg, &o, &d), PXR_OK);
    for (int i = 0; i < 2; i++) {
        test_frame(pixels, (uint64_t)i, ID_PX, 2, 8, 255, TEST_ZERO);
        if (i && id)
            pxr_record_store(pixels + at, PXR_RECORD_COMMIT, PXR_COMMIT_BODY_BYTES, 7, id);
        cr_assert_eq(pxr_writer_add(w, &(struct pxr_frame_in){.pixels = pixels}), PXR_OK);
    }
    cr_assert_eq(pxr_writer_finish(w, NULL, &d), PXR_OK);
}

/* recover and its id: what is forged is coded anew. */
Test(forged, frames_that_hold_records_of_what_recover_makes_are_saved)
{
    uint8_t id[16];
    size_t n;
    for (size_t at = 0; at < 10; at++) {
        struct kept_file k, fresh;
        struct pxr_recover_report report;
        struct pxr_check_report check;
        struct pxr_diag d;
        const struct pxr_recover_opts o = {.n_threads = 1};
        write_with_record(&k, at ? id : NULL, at - 1);
        kept_init(&fresh, NULL, 0);
        cr_assert_eq(pxr_archive_recover_io(&k.io, k.memory.arg, &fresh.io, fresh.memory.arg, &o, &report, &d), PXR_OK, "%s",
                     d.text);
        cr_expect_eq(report.n_frames, 2);
        cr_expect_eq(report.n_groups_encoded, at > 0);
        cr_expect_eq(report.n_groups_copied + report.n_groups_encoded, 2);
        cr_expect_eq(pxr_archive_check_io(&fresh.io, fresh.memory.arg, PXR_CHECK_DEEP, 1, NULL, NULL, &check, &d), PXR_OK);
        cr_expect_eq(check.n_damages, 0);
        const uint8_t *const bytes = pxr_file_memory_bytes(&fresh.memory, &n);
        if (at)
            cr_assert_arr_eq(id, bytes + 72, sizeof id); /* else this tests nothing */
        memcpy(id, bytes + 72, sizeof id);
        kept_fini(&k);
        kept_fini(&fresh);
    }
}

/* ---- check --------------------------------------------------------------------------------------------- */

/* Behind each commit something that is no record: each is a reason to look for a SKIP. */
Test(forged, skips_are_searched_for_once)
{
    struct forged f;
    struct pxr_check_report check;
    struct pxr_diag d;
    uint8_t commit[PXR_COMMIT_RECORD_BYTES];
    forged_init(&f);
    f.n -= sizeof commit;
    memcpy(commit, f.bytes + f.n, sizeof commit);
    for (int i = 0; i < N_TINY; i++) {
        add_record(&f, PXR_RECORD_COMMIT, 0, NULL, 0);
        f.n += 8;
        memset(f.bytes + f.n, 0xA5, 8);
        f.n += 8;
    }
    memcpy(f.bytes + f.n, commit, sizeof commit);
    f.n += sizeof commit;
    forged_open(&f);
    cr_expect_eq(pxr_archive_check_io(&f.io, &f, PXR_CHECK_QUICK, 1, NULL, NULL, &check, &d), PXR_OK);
    cr_expect_geq(check.n_damages, N_TINY);
    cr_expect_lt(f.n_read, 64 * f.n, "%llu MiB were read", (unsigned long long)(f.n_read >> 20));
    forged_fini(&f);
}

/* ---- parity ---------------------------------------------------------------------------------------------- */

/* A thousand heads that say to cover the same mebibyte. */
Test(forged, spans_that_cover_the_same_are_not_all_examined)
{
    enum { N_HEADS = 1000, COVERED = 1 << 20 };
    struct forged f;
    struct pxr_recover_report report;
    forged_init(&f);
    memset(f.bytes + f.n, 0xA5, 2 * COVERED - f.n);
    f.n = 2 * COVERED;
    for (int i = 0; i < N_HEADS; i++) {
        uint8_t *const head = f.bytes + f.n;
        struct pxr_parity_head h;
        memset(head, 0, PXR_PARITY_HEAD_BYTES);
        memcpy(head, PXR_PARITY_MARKER, 8);
        memcpy(head + 8, f.bytes + 72, 16);
        pxr_store_u64le(head + 24, f.n - PXR_RECORD_HEADER_BYTES);
        pxr_store_u64le(head + 40, PXR_SUPERBLOCK_BYTES);
        pxr_store_u64le(head + 48, COVERED);
        pxr_store_u64le(head + 56, COVERED);
        pxr_store_u32le(head + 64, 2);
        head[68] = 128;
        head[69] = 1;
        head[70] = 1;
        pxr_store_u64le(head + 248, pxr_xxh3_64(head, 248));
        cr_assert_eq(pxr_parity_head_parse(&h, head, NULL), PXR_OK);
        f.n += PXR_PARITY_HEAD_BYTES;
    }
    cr_assert_eq(recover(&f, NULL, &report), PXR_OK);
    cr_expect_eq(report.n_frames, spec.n_frames);
    cr_expect_eq(report.n_parity_records, N_HEADS);
    cr_expect_lt(f.n_read, 400 << 20, "%llu MiB were read", (unsigned long long)(f.n_read >> 20));
    forged_fini(&f);
}

/* ---- files that are cut while they are read ---------------------------------------------------------------- */

/* A file that ends earlier from a certain read on. */
struct cut {
    struct kept_file k;
    uint64_t n_reads, cut_at, end_off;
};

static bool is_cut(const struct cut *c) { return c->n_reads > c->cut_at; }

static enum pxr_err cut_read(void *arg, uint64_t off, void *dst, size_t n, size_t *got, int *sys_errno)
{
    struct cut *c = arg;
    c->n_reads++;
    if (is_cut(c))
        n = off < c->end_off ? (size_t)pxr_min_u64(n, c->end_off - off) : 0;
    *got = 0;
    return n ? c->k.io.read_at(c->k.memory.arg, off, dst, n, got, sys_errno) : PXR_OK;
}
static enum pxr_err cut_bytes(void *arg, uint64_t *total, int *sys_errno)
{
    const struct cut *c = arg;
    const enum pxr_err e = c->k.io.bytes(c->k.memory.arg, total, sys_errno);
    *total = is_cut(c) ? c->end_off : *total;
    return e;
}
static const struct pxr_io cut_io = {.read_at = cut_read, .bytes = cut_bytes, .close = kept_close};

static enum pxr_err recover_cut(struct cut *c, struct cut *second)
{
    struct pxr_recover_report report;
    struct pxr_check_report check;
    struct kept_file fresh;
    struct pxr_diag d;
    const struct pxr_recover_opts o = {.n_threads = 1, .second_io = second ? &cut_io : NULL, .second_arg = second};
    kept_init(&fresh, NULL, 0);
    const enum pxr_err e = pxr_archive_recover_io(&cut_io, c, &fresh.io, fresh.memory.arg, &o, &report, &d);
    if (e == PXR_OK) {
        cr_expect_eq(pxr_archive_check_io(&fresh.io, fresh.memory.arg, PXR_CHECK_DEEP, 1, NULL, NULL, &check, &d), PXR_OK);
        cr_expect_eq(check.n_damages, 0);
    }
    kept_fini(&fresh);
    return e;
}

static enum pxr_err merge_cut(struct cut *c)
{
    const struct pxr_write_opts o = {.width_px = spec.w, .height_px = spec.h, .bits = spec.bits, .n_threads = 1};
    struct kept_file fresh;
    struct pxr_diag d;
    pxr_archive *a;
    pxr_writer *w;
    enum pxr_err e = pxr_archive_open_io(&a, &cut_io, c, NULL, &d);
    if (e != PXR_OK)
        return e;
    kept_init(&fresh, NULL, 0);
    cr_assert_eq(pxr_writer_create_io(&w, &fresh.io, fresh.memory.arg, &o, &d), PXR_OK);
    e = pxr_writer_copy(w, a, NULL, NULL, &d);
    pxr_writer_abort(w);
    pxr_archive_close(a);
    kept_fini(&fresh);
    return e;
}

static enum pxr_err check_cut(struct cut *c)
{
    struct pxr_check_report report;
    struct pxr_diag d;
    const enum pxr_err e = pxr_archive_check_io(&cut_io, c, PXR_CHECK_DEEP, 1, NULL, NULL, &report, &d);
    return e == PXR_OK && report.n_damages ? PXR_E_CORRUPT : e;
}

static enum pxr_err refresh_cut(struct cut *c)
{
    struct pxr_diag d;
    pxr_archive *a, *newer = NULL;
    enum pxr_err e = pxr_archive_open_io(&a, &cut_io, c, NULL, &d);
    if (e != PXR_OK)
        return e;
    e = pxr_archive_refresh(&newer, a, &d);
    pxr_archive_close(newer);
    pxr_archive_close(a);
    return e;
}

/* At each read, at many lengths: an error of the data or of the machine, or a result that is right; never a crash. */
Test(forged, a_file_that_is_cut_while_it_is_read_gives_an_error, .timeout = 120)
{
    struct forged f;
    uint64_t n_errors = 0, n_runs = 0;
    forged_init(&f);
    for (int what = 0; what < 5; what++)
        for (uint64_t at = 0, n_reads = 1; at < n_reads; at++)
            for (size_t end = 0; end < f.n; end += 97) {
                struct cut c = {.cut_at = at, .end_off = end}, second = {.cut_at = at / 2, .end_off = f.n - end};
                kept_init(&c.k, f.bytes, f.n);
                kept_init(&second.k, f.bytes, f.n);
                const enum pxr_err e = what == 0   ? recover_cut(&c, NULL)
                                       : what == 1 ? recover_cut(&c, &second)
                                       : what == 2 ? merge_cut(&c)
                                       : what == 3 ? check_cut(&c)
                                                   : refresh_cut(&c);
                cr_assert(e == PXR_OK || pxr_err_exit(e) == 1 || pxr_err_exit(e) == 3, "%d at read %d, cut at %zu: %d", what,
                          (int)at, end, e);
                n_errors += e != PXR_OK;
                n_runs++;
                n_reads = pxr_max_u64(n_reads, c.n_reads);
                kept_fini(&c.k);
                kept_fini(&second.k);
            }
    cr_expect_gt(n_errors, n_runs / 8);
    cr_expect_lt(n_errors, n_runs);
    forged_fini(&f);
}

/* ---- names ------------------------------------------------------------------------------------------------- */

static void add_named(pxr_writer *w, const char *name)
{
    static const uint8_t pixel[1];
    cr_assert_eq(pxr_writer_add(w, &(struct pxr_frame_in){.pixels = pixel, .name = name}), PXR_OK, "%s",
                 pxr_writer_diag(w)->text);
}

Test(forged, a_name_that_all_frames_have_is_not_tried_with_all_suffixes)
{
    enum { N_SAME = 40000 };
    const struct pxr_write_opts o = {.width_px = 1, .height_px = 1, .bits = 8, .n_threads = 1, .suffix_names = true};
    struct pxr_frame_info info;
    struct kept_file k;
    struct pxr_diag d;
    pxr_archive *a;
    pxr_writer *w;
    char want[32];
    kept_init(&k, NULL, 0);
    cr_assert_eq(pxr_writer_create_io(&w, &k.io, k.memory.arg, &o, &d), PXR_OK);
    const double start = cpu_seconds();
    add_named(w, "a-3"); /* the first free suffix is taken, those around it are not */
    for (int i = 0; i < N_SAME; i++)
        add_named(w, "a");
    cr_assert_eq(pxr_writer_finish(w, NULL, &d), PXR_OK);
    cr_expect_lt(cpu_seconds() - start, 10.0);
    cr_assert_eq(pxr_archive_open_io(&a, &k.io, k.memory.arg, NULL, &d), PXR_OK);
    for (int i = 0; i < N_SAME; i++) {
        snprintf(want, sizeof want, i ? "a-%d" : "a", i < 2 ? i + 1 : i + 2);
        cr_assert_eq(pxr_frame_info(a, (uint64_t)i + 1, &info, &d), PXR_OK);
        cr_assert_str_eq(info.name, want);
    }
    pxr_archive_close(a);
    kept_fini(&k);
}

Test(forged, a_long_name_is_shortened_for_its_suffix)
{
    const struct pxr_write_opts o = {.width_px = 1, .height_px = 1, .bits = 8, .n_threads = 1, .suffix_names = true};
    struct pxr_frame_info info;
    struct kept_file k;
    struct pxr_diag d;
    pxr_archive *a;
    pxr_writer *w;
    char name[256];
    kept_init(&k, NULL, 0);
    cr_assert_eq(pxr_writer_create_io(&w, &k.io, k.memory.arg, &o, &d), PXR_OK);
    memset(name, 'n', 237);
    memcpy(name + 237, "\xE2\x82\xAC", 4); /* a character of three bytes is not cut */
    for (int i = 0; i < 12; i++)
        add_named(w, name);
    cr_assert_eq(pxr_writer_finish(w, NULL, &d), PXR_OK);
    cr_assert_eq(pxr_archive_open_io(&a, &k.io, k.memory.arg, NULL, &d), PXR_OK);
    for (int i = 1; i < 12; i++) {
        char want[256];
        snprintf(want, sizeof want, "%.237s-%d", name, i + 1);
        cr_assert_eq(pxr_frame_info(a, (uint64_t)i, &info, &d), PXR_OK);
        cr_assert_str_eq(info.name, want);
    }
    pxr_archive_close(a);
    kept_fini(&k);
}
