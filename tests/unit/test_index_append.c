/* SPDX-License-Identifier: MIT
 * Appending: any split of the same frames reads back the same, names stay unique over commits, nothing that is
 * there changes, and what a torn append left is treated as docs/format.md, section 5 says. */
#include "kept_archive.h"
#include "parse.h"

#include <unistd.h>

#include <criterion/criterion.h>

enum { W = 9, H = 7 };

static const struct pxr_write_opts new_opts = {.width_px = W, .height_px = H, .bits = 8, .n_threads = 1,
                                               .block_frames = 4};

static pxr_writer *begin(struct kept_file *k, struct pxr_write_opts o)
{
    struct pxr_diag d;
    pxr_writer *w;
    cr_assert_eq(pxr_writer_create_io(&w, &k->io, k->memory.arg, &o, &d), PXR_OK, "%s", d.text);
    return w;
}

static enum pxr_err go_on(pxr_writer **w, struct kept_file *k, struct pxr_write_opts o, struct pxr_diag *d)
{
    o.n_threads = 1;
    return pxr_writer_append_io(w, &k->io, k->memory.arg, &o, d);
}

/* Frame number frame, called after it. */
static enum pxr_err add(pxr_writer *w, uint32_t frame, const char *prefix)
{
    uint8_t pixels[W * H];
    char name[32];
    snprintf(name, sizeof name, "%s%u", prefix, frame);
    test_frame(pixels, frame, W, H, 8, 255, TEST_SMOOTH);
    const struct pxr_frame_in f = {.pixels = pixels, .name = name, .has_time = frame % 3 == 0, .time_ns = frame};
    return pxr_writer_add(w, &f);
}

static void expect_frames(struct kept_file *k, uint32_t n, const char *prefix)
{
    const struct test_spec s = {.w = W, .h = H, .bits = 8, .content = TEST_SMOOTH};
    struct pxr_archive_info info;
    struct pxr_check_report report;
    struct pxr_diag d;
    pxr_archive *a;
    cr_assert_eq(pxr_archive_open_io(&a, &k->io, k->memory.arg, NULL, &d), PXR_OK, "%s", d.text);
    pxr_archive_info(a, &info);
    cr_assert_eq(info.n_frames, n, "%llu frames, not %u", (unsigned long long)info.n_frames, n);
    cr_assert_eq(test_verify(a, &s, n, &d), PXR_OK, "%s", d.text);
    for (uint32_t i = 0; i < n; i++) {
        struct pxr_frame_info f;
        char name[32];
        uint64_t found;
        snprintf(name, sizeof name, "%s%u", prefix, i);
        cr_assert_eq(pxr_frame_info(a, i, &f, &d), PXR_OK, "%s", d.text);
        cr_assert_str_eq(f.name, name);
        cr_assert_eq(f.has_time, i % 3 == 0);
        cr_assert_eq(pxr_frame_find(a, name, strlen(name), &found, &d), PXR_OK, "%s", d.text);
        cr_assert_eq(found, i);
    }
    pxr_archive_close(a);
    cr_assert_eq(pxr_archive_check_io(&k->io, k->memory.arg, PXR_CHECK_DEEP, 1, NULL, NULL, &report, &d), PXR_OK);
    cr_assert_eq(report.n_damages, 0, "%llu damages", (unsigned long long)report.n_damages);
}

Test(append, every_split_gives_the_same_frames, .timeout = 300)
{
    enum { N = 60, N_SPLITS = 60 };
    uint64_t state = 7;
    for (int split = 0; split < N_SPLITS; split++) {
        struct kept_file k;
        uint8_t id[16];
        kept_init(&k, NULL, 0);
        pxr_writer *w = begin(&k, new_opts);
        for (uint32_t i = 0; i < N; i++) {
            cr_assert_eq(add(w, i, split % 2 ? "f" : "0"), PXR_OK, "%s", pxr_writer_diag(w)->text);
            const uint64_t dice = test_random(&state) % 16;
            if (dice < 2)
                cr_assert_eq(pxr_writer_commit(w), PXR_OK);
            if (dice != 15 && split)
                continue;
            cr_assert_eq(pxr_writer_finish(w, NULL, NULL), PXR_OK);
            size_t n;
            const uint8_t *bytes = pxr_file_memory_bytes(&k.memory, &n);
            if (i < N / 2 && !split)
                memcpy(id, bytes + 72, 16);
            const struct pxr_write_opts codecs[] = {{0}, {.codec = PXR_CODEC_STORE}, {.preset = PXR_PRESET_FAST},
                                                    {.block_frames = 3, .block_height_px = 2}};
            cr_assert_eq(go_on(&w, &k, codecs[test_random(&state) % 4], NULL), PXR_OK);
            cr_assert(split || !memcmp(pxr_file_memory_bytes(&k.memory, &n) + 72, id, 16));
        }
        cr_assert_eq(pxr_writer_finish(w, NULL, NULL), PXR_OK);
        expect_frames(&k, N, split % 2 ? "f" : "0");
        kept_fini(&k);
    }
}

/* One group a frame, so that the directory has three levels and its right path all shapes. */
Test(append, the_directory_goes_on_at_every_fill, .timeout = 300)
{
    const struct pxr_write_opts o = {.width_px = 1, .height_px = 1, .bits = 8, .n_threads = 1, .block_frames = 1};
    const uint32_t stops[] = {1, 2, 63, 64, 65, 127, 128, 129, 4095, 4096, 4097, 4160, 4161, 4300};
    struct kept_file k;
    pxr_writer *w;
    kept_init(&k, NULL, 0);
    w = begin(&k, o);
    uint32_t i = 0;
    for (size_t s = 0; s < sizeof stops / sizeof *stops; s++) {
        for (; i < stops[s]; i++) {
            const uint8_t value = (uint8_t)(i * 7);
            cr_assert_eq(pxr_writer_add(w, &(struct pxr_frame_in){.pixels = &value}), PXR_OK);
        }
        cr_assert_eq(pxr_writer_finish(w, NULL, NULL), PXR_OK);
        pxr_archive *a;
        struct pxr_decoder *d;
        cr_assert_eq(pxr_archive_open_io(&a, &k.io, k.memory.arg, NULL, NULL), PXR_OK);
        cr_assert_eq(pxr_decoder_new(&d, a), PXR_OK);
        for (uint32_t f = 0; f < i; f++) {
            uint8_t value;
            cr_assert_eq(pxr_frame_read(d, f, 0, 1, &value, 1, 1), PXR_OK, "%s", pxr_decoder_diag(d)->text);
            cr_assert_eq(value, (uint8_t)(f * 7));
        }
        pxr_decoder_free(d);
        pxr_archive_close(a);
        cr_assert_eq(go_on(&w, &k, (struct pxr_write_opts){.block_frames = 1}, NULL), PXR_OK);
    }
    pxr_writer_abort(w);
    struct pxr_check_report report;
    cr_assert_eq(pxr_archive_check_io(&k.io, k.memory.arg, PXR_CHECK_FULL, 1, NULL, NULL, &report, NULL), PXR_OK);
    cr_expect_eq(report.n_damages, 0);
    kept_fini(&k);
}

static void three_frames(struct kept_file *k)
{
    kept_init(k, NULL, 0);
    pxr_writer *w = begin(k, new_opts);
    for (uint32_t i = 0; i < 3; i++)
        cr_assert_eq(add(w, i, "x"), PXR_OK);
    cr_assert_eq(pxr_writer_finish(w, NULL, NULL), PXR_OK);
}

Test(append, a_name_of_an_earlier_commit_is_taken)
{
    struct kept_file k;
    pxr_writer *w;
    uint8_t pixels[W * H] = {0};
    uint64_t frame;
    three_frames(&k);
    cr_assert_eq(go_on(&w, &k, (struct pxr_write_opts){0}, NULL), PXR_OK);
    cr_expect_eq(add(w, 1, "x"), PXR_E_MISMATCH);
    cr_expect_eq(add(w, 3, "x"), PXR_OK); /* the refused one has changed nothing */
    cr_assert_eq(pxr_writer_finish(w, NULL, NULL), PXR_OK);
    expect_frames(&k, 4, "x");
    cr_assert_eq(go_on(&w, &k, (struct pxr_write_opts){.suffix_names = true}, NULL), PXR_OK);
    for (int i = 0; i < 2; i++)
        cr_assert_eq(pxr_writer_add(w, &(struct pxr_frame_in){.pixels = pixels, .name = "x2"}), PXR_OK);
    cr_assert_eq(pxr_writer_finish(w, NULL, NULL), PXR_OK);
    pxr_archive *a;
    cr_assert_eq(pxr_archive_open_io(&a, &k.io, k.memory.arg, NULL, NULL), PXR_OK);
    cr_assert_eq(pxr_frame_find(a, "x2-2", 4, &frame, NULL), PXR_OK);
    cr_expect_eq(frame, 4);
    cr_assert_eq(pxr_frame_find(a, "x2-3", 4, &frame, NULL), PXR_OK);
    cr_expect_eq(frame, 5);
    pxr_archive_close(a);
    kept_fini(&k);
}

Test(append, what_is_there_does_not_change_and_an_abort_takes_back_what_came)
{
    struct kept_file k;
    pxr_writer *w;
    size_t n, n_after;
    three_frames(&k);
    const uint8_t *bytes = pxr_file_memory_bytes(&k.memory, &n);
    uint8_t *before = memcpy(malloc(n), bytes, n);
    pxr_archive *reader;
    cr_assert_eq(pxr_archive_open_io(&reader, &k.io, k.memory.arg, NULL, NULL), PXR_OK);
    cr_assert_eq(go_on(&w, &k, (struct pxr_write_opts){0}, NULL), PXR_OK);
    for (uint32_t i = 3; i < 30; i++)
        cr_assert_eq(add(w, i, "x"), PXR_OK);
    pxr_writer_abort(w);
    bytes = pxr_file_memory_bytes(&k.memory, &n_after);
    cr_assert_eq(n_after, n);
    cr_assert_arr_eq(bytes, before, n);
    cr_assert_eq(go_on(&w, &k, (struct pxr_write_opts){0}, NULL), PXR_OK);
    for (uint32_t i = 3; i < 30; i++)
        cr_assert_eq(add(w, i, "x"), PXR_OK);
    cr_assert_eq(pxr_writer_finish(w, NULL, NULL), PXR_OK);
    bytes = pxr_file_memory_bytes(&k.memory, &n_after);
    cr_assert_gt(n_after, n);
    cr_assert_arr_eq(bytes, before, n);
    expect_frames(&k, 30, "x");
    const struct test_spec s = {.w = W, .h = H, .bits = 8, .content = TEST_SMOOTH};
    struct pxr_archive_info info;
    pxr_archive_info(reader, &info);
    cr_expect_eq(info.n_frames, 3); /* an open archive stays what it was */
    cr_expect_eq(test_verify(reader, &s, 3, NULL), PXR_OK);
    pxr_archive_close(reader);
    free(before);
    kept_fini(&k);
}

Test(append, another_geometry_or_a_newer_version_is_refused)
{
    struct kept_file k;
    struct pxr_diag d;
    pxr_writer *w;
    three_frames(&k);
    cr_expect_eq(go_on(&w, &k, (struct pxr_write_opts){.width_px = 8}, &d), PXR_E_MISMATCH);
    cr_expect_null(w);
    cr_expect_eq(go_on(&w, &k, (struct pxr_write_opts){.width_px = W, .height_px = H, .bits = 16}, &d), PXR_E_MISMATCH);
    size_t n;
    const uint8_t *bytes = pxr_file_memory_bytes(&k.memory, &n);
    for (size_t off = 10; off <= 24; off += 14) { /* version_append, features_append: in the superblock and its copy */
        struct kept_file newer;
        int err;
        uint8_t *copy = memcpy(malloc(n), bytes, n);
        uint8_t *commit = copy + n - PXR_COMMIT_RECORD_BYTES + PXR_RECORD_HEADER_BYTES;
        copy[off] = 2;
        pxr_store_u64le(copy + 120, pxr_xxh3_64(copy, 120));
        memcpy(commit, copy, PXR_SUPERBLOCK_BYTES);
        pxr_store_u64le(commit + PXR_COMMIT_BODY_BYTES, pxr_xxh3_64(commit, PXR_COMMIT_BODY_BYTES));
        kept_init(&newer, NULL, 0);
        newer.io.write_at(newer.memory.arg, 0, copy, n, &err);
        cr_expect_eq(go_on(&w, &newer, (struct pxr_write_opts){0}, &d), PXR_E_UNSUPPORTED);
        cr_expect_eq(d.off_bytes, off);
        kept_fini(&newer);
        free(copy);
    }
    kept_fini(&k);
}

Test(append, metadata_can_be_replaced)
{
    struct kept_file k;
    pxr_writer *w;
    pxr_archive *a;
    size_t n;
    three_frames(&k);
    cr_assert_eq(go_on(&w, &k, (struct pxr_write_opts){.meta = "{\"a\":1}", .meta_bytes = 7}, NULL), PXR_OK);
    cr_assert_eq(pxr_writer_finish(w, NULL, NULL), PXR_OK); /* that is news enough for a commit */
    expect_frames(&k, 3, "x");
    cr_assert_eq(go_on(&w, &k, (struct pxr_write_opts){0}, NULL), PXR_OK);
    cr_assert_eq(add(w, 3, "x"), PXR_OK);
    cr_assert_eq(pxr_writer_finish(w, NULL, NULL), PXR_OK);
    cr_assert_eq(pxr_archive_open_io(&a, &k.io, k.memory.arg, NULL, NULL), PXR_OK);
    const char *meta = pxr_archive_meta(a, &n);
    cr_expect(n == 7 && !memcmp(meta, "{\"a\":1}", 7));
    pxr_archive_close(a);
    kept_fini(&k);
}

/* ---- tails -------------------------------------------------------------------------------------- */

/* An archive of three frames with a torn append of five more behind it, cut after n_tail bytes of the append. */
static void torn(struct kept_file *k, size_t n_tail, size_t *n_before, size_t *n_all)
{
    struct kept_file whole;
    pxr_writer *w;
    three_frames(&whole);
    pxr_file_memory_bytes(&whole.memory, n_before);
    cr_assert_eq(go_on(&w, &whole, (struct pxr_write_opts){0}, NULL), PXR_OK);
    for (uint32_t i = 3; i < 8; i++)
        cr_assert_eq(add(w, i, "x"), PXR_OK);
    cr_assert_eq(pxr_writer_finish(w, NULL, NULL), PXR_OK);
    const uint8_t *bytes = pxr_file_memory_bytes(&whole.memory, n_all);
    kept_init(k, bytes, *n_before + n_tail < *n_all ? *n_before + n_tail : *n_all);
    kept_fini(&whole);
}

Test(append, every_torn_tail_is_skipped_or_left_to_recover, .timeout = 300)
{
    size_t n_before, n_all = SIZE_MAX;
    unsigned n_skipped = 0, n_refused = 0;
    for (size_t n_tail = 0; n_tail < n_all; n_tail++) {
        struct kept_file k;
        struct pxr_diag d;
        pxr_writer *w;
        torn(&k, n_tail, &n_before, &n_all);
        if (n_before + n_tail >= n_all) {
            kept_fini(&k);
            break;
        }
        enum pxr_err e = go_on(&w, &k, (struct pxr_write_opts){0}, &d);
        cr_assert(e == PXR_OK || e == PXR_E_STATE, "cut at %zu: %s", n_tail, d.text);
        if (e == PXR_E_STATE) {
            cr_assert(strstr(d.text, "recover") != NULL);
            n_refused++;
            e = go_on(&w, &k, (struct pxr_write_opts){.skip_tail = true}, &d);
            cr_assert_eq(e, PXR_OK, "cut at %zu: %s", n_tail, d.text);
        } else {
            n_skipped += n_tail > 0;
        }
        if (n_tail % 3 == 0) { /* the archive is sound at once, also when nothing follows */
            pxr_writer_abort(w);
            expect_frames(&k, 3, "x");
            cr_assert_eq(go_on(&w, &k, (struct pxr_write_opts){0}, &d), PXR_OK, "%s", d.text);
        }
        for (uint32_t i = 3; i < 6; i++)
            cr_assert_eq(add(w, i, "x"), PXR_OK);
        cr_assert_eq(pxr_writer_finish(w, NULL, NULL), PXR_OK);
        expect_frames(&k, 6, "x");
        kept_fini(&k);
    }
    cr_expect_gt(n_skipped, 100);
    cr_expect_gt(n_refused, 100);
}

Test(append, foreign_bytes_behind_the_last_commit_are_skipped)
{
    struct kept_file k;
    struct pxr_check_report report;
    pxr_writer *w;
    size_t n;
    int err;
    three_frames(&k);
    pxr_file_memory_bytes(&k.memory, &n);
    cr_assert_eq(k.io.write_at(k.memory.arg, n, "these are no records", 20, &err), PXR_OK);
    cr_assert_eq(pxr_archive_check_io(&k.io, k.memory.arg, PXR_CHECK_QUICK, 1, NULL, NULL, &report, NULL), PXR_OK);
    cr_expect_eq(report.n_damages, 1); /* a torn tail is named */
    cr_assert_eq(go_on(&w, &k, (struct pxr_write_opts){0}, NULL), PXR_OK);
    cr_assert_eq(pxr_writer_finish(w, NULL, NULL), PXR_OK);
    expect_frames(&k, 3, "x");
    cr_assert_eq(pxr_archive_check_io(&k.io, k.memory.arg, PXR_CHECK_QUICK, 1, NULL, NULL, &report, NULL), PXR_OK);
    cr_expect_eq(report.n_damages, 0);
    kept_fini(&k);
}

/* A SKIP record that only a forger makes: it must not be gone to for ever. */
Test(append, a_skip_with_another_sequence_is_damage, .timeout = 30)
{
    struct kept_file k;
    struct pxr_check_report report;
    pxr_writer *w;
    size_t n, n_all;
    uint8_t header[PXR_RECORD_HEADER_BYTES];
    int err;
    three_frames(&k);
    pxr_file_memory_bytes(&k.memory, &n);
    cr_assert_eq(k.io.write_at(k.memory.arg, n, "these 24 are no record..", 24, &err), PXR_OK);
    cr_assert_eq(go_on(&w, &k, (struct pxr_write_opts){0}, NULL), PXR_OK);
    cr_assert_eq(pxr_writer_finish(w, NULL, NULL), PXR_OK);
    memcpy(header, pxr_file_memory_bytes(&k.memory, &n_all) + n + 24, sizeof header);
    cr_assert_eq(header[4], PXR_RECORD_SKIP);
    header[16] ^= 1;
    pxr_store_u64le(header + 40, pxr_xxh3_64(header, 40));
    cr_assert_eq(k.io.write_at(k.memory.arg, n + 24, header, sizeof header, &err), PXR_OK);
    for (int depth = 0; depth < 3; depth++) {
        cr_assert_eq(pxr_archive_check_io(&k.io, k.memory.arg, (enum pxr_check_depth)depth, 1, NULL, NULL, &report, NULL),
                     PXR_OK);
        cr_expect_geq(report.n_damages, 1);
    }
    kept_fini(&k);
}

/* ---- forged records in pixels ------------------------------------------------------------------- */

enum { FW = 64, FH = 32 };

/* Two frames; the second one's samples are src.  Returns a copy of the archive's bytes. */
static uint8_t *archive_with(const uint8_t *src, size_t n_src, size_t *n_bytes, bool append)
{
    const struct pxr_write_opts o = {.width_px = FW, .height_px = FH, .bits = 8, .n_threads = 1,
                                     .block_frames = 1, .codec = PXR_CODEC_STORE};
    uint8_t pixels[FW * FH] = {1, 2, 3};
    struct kept_file k;
    kept_init(&k, NULL, 0);
    pxr_writer *w = begin(&k, o);
    cr_assert_eq(pxr_writer_add(w, &(struct pxr_frame_in){.pixels = pixels}), PXR_OK);
    if (append) {
        cr_assert_eq(pxr_writer_finish(w, NULL, NULL), PXR_OK);
        cr_assert_eq(go_on(&w, &k, o, NULL), PXR_OK);
    }
    uint64_t state = 3;
    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = i < n_src ? src[i] : (uint8_t)test_random(&state);
    cr_assert_eq(pxr_writer_add(w, &(struct pxr_frame_in){.pixels = pixels}), PXR_OK);
    cr_assert_eq(pxr_writer_finish(w, NULL, NULL), PXR_OK);
    const uint8_t *bytes = pxr_file_memory_bytes(&k.memory, n_bytes);
    uint8_t *copy = memcpy(malloc(*n_bytes), bytes, *n_bytes);
    kept_fini(&k);
    return copy;
}

/* Samples that are records of their own archive, at every place that they can be aligned to. */
Test(append, a_writer_stores_no_record_inside_a_record)
{
    size_t n;
    uint8_t forged[FW * FH], *commit;
    uint8_t *bytes = archive_with(NULL, 0, &n, false);
    uint64_t state = 9;
    for (size_t i = 0; i < sizeof forged; i++)
        forged[i] = (uint8_t)test_random(&state);
    commit = bytes + n - PXR_COMMIT_RECORD_BYTES;
    for (size_t i = 0; i < 8; i++) /* the id is that of the first frame, which stays */
        memcpy(forged + i * 241, commit, PXR_COMMIT_RECORD_BYTES);
    size_t n_forged;
    uint8_t *with = archive_with(forged, sizeof forged, &n_forged, false);
    cr_assert_arr_eq(with + 72, bytes + 72, 16); /* so what was forged is of this archive */
    unsigned n_commits = 0;
    for (size_t off = 128; off + 48 <= n_forged; off += 8) {
        struct pxr_record r;
        n_commits += pxr_parse_record(&r, with + off, off, UINT64_MAX, with + 72, NULL) == PXR_OK &&
                     r.type == PXR_RECORD_COMMIT;
    }
    cr_expect_eq(n_commits, 1, "%u commits can be found", n_commits);
    struct kept_file k;
    struct pxr_decoder *d;
    pxr_archive *a;
    uint8_t got[FW * FH];
    kept_init(&k, with, n_forged);
    cr_assert_eq(pxr_archive_open_io(&a, &k.io, k.memory.arg, NULL, NULL), PXR_OK);
    cr_assert_eq(pxr_decoder_new(&d, a), PXR_OK);
    cr_assert_eq(pxr_frame_read(d, 1, 0, FH, got, sizeof got, FW), PXR_OK);
    cr_expect_arr_eq(got, forged, sizeof got);
    pxr_decoder_free(d);
    pxr_archive_close(a);
    kept_fini(&k);
    free(with);
    free(bytes);
}

/* Bytes that only somebody who makes the whole file could store: a commit inside a record is never taken for one. */
Test(append, a_commit_inside_a_record_is_not_found)
{
    size_t n;
    uint8_t *bytes = archive_with(NULL, 0, &n, true);
    uint8_t *const commit = bytes + n - PXR_COMMIT_RECORD_BYTES;
    const uint64_t first_commit = pxr_load_u64le(commit + 48 + 160);
    const uint64_t group = first_commit + PXR_COMMIT_RECORD_BYTES, at = (group + 512) & ~(uint64_t)7;
    for (int kind = 0; kind < 3; kind++) {
        uint8_t *copy = memcpy(malloc(n), bytes, n);
        uint8_t *const forged = copy + at;
        memcpy(forged, commit, PXR_COMMIT_RECORD_BYTES);
        if (kind == 1)
            memcpy(forged, copy + first_commit, PXR_COMMIT_RECORD_BYTES); /* it says that it is the first one */
        if (kind == 2)
            pxr_store_u64le(forged + 48 + 160, 136); /* its predecessor is no commit */
        pxr_store_u64le(forged + 48 + 176, pxr_xxh3_64(forged + 48, 176));
        for (uint64_t cut = at + PXR_COMMIT_RECORD_BYTES; cut + 8 < n - PXR_COMMIT_RECORD_BYTES; cut += 256) {
            struct kept_file k;
            struct pxr_archive_info info;
            pxr_archive *a;
            /* An end that is not a multiple of 8 is never an exact one. */
            kept_init(&k, copy, cut + 3);
            cr_assert_eq(pxr_archive_open_io(&a, &k.io, k.memory.arg, NULL, NULL), PXR_OK);
            pxr_archive_info(a, &info);
            cr_expect_eq(info.archive_bytes, group, "kind %d, cut at %llu", kind, (unsigned long long)cut);
            cr_expect_eq(info.n_frames, 1);
            pxr_archive_close(a);
            kept_fini(&k);
        }
        free(copy);
    }
    free(bytes);
}

/* ---- locks -------------------------------------------------------------------------------------- */

Test(append, there_is_one_writer_at_a_time)
{
    char path[] = "/tmp/pxr_test_XXXXXX";
    struct pxr_write_opts o = new_opts;
    struct pxr_diag d;
    pxr_writer *w, *second;
    char want[64];
    close(mkstemp(path));
    o.overwrite = true;
    o.publish_at_commit = true;
    cr_assert_eq(pxr_writer_create(&w, path, &o, &d), PXR_OK, "%s", d.text);
    cr_assert_eq(add(w, 0, "x"), PXR_OK);
    cr_assert_eq(pxr_writer_commit(w), PXR_OK);
    pxr_archive *a;
    cr_assert_eq(pxr_archive_open(&a, path, NULL, &d), PXR_OK, "%s", d.text); /* readers need no lock */
    pxr_archive_close(a);
    const struct pxr_write_opts any = {.n_threads = 1};
    cr_expect_eq(pxr_writer_append(&second, path, &any, &d), PXR_E_BUSY);
    snprintf(want, sizeof want, "process %d (", (int)getpid());
    cr_expect(strstr(d.text, want) != NULL || strstr(d.text, "another process") != NULL, "%s", d.text);
    cr_assert_eq(pxr_writer_finish(w, NULL, NULL), PXR_OK);
    cr_assert_eq(pxr_writer_append(&second, path, &any, &d), PXR_OK, "%s", d.text);
    cr_expect_eq(pxr_writer_append(&w, path, &any, &d), PXR_E_BUSY);
    cr_assert_eq(add(second, 1, "x"), PXR_OK);
    cr_assert_eq(pxr_writer_finish(second, NULL, NULL), PXR_OK);
    cr_assert_eq(pxr_archive_open(&a, path, NULL, &d), PXR_OK);
    struct pxr_archive_info info;
    pxr_archive_info(a, &info);
    cr_expect_eq(info.n_frames, 2);
    pxr_archive_close(a);
    unlink(path);
}
