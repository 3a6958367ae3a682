/* SPDX-License-Identifier: MIT
 * Damaged archives: exact pixels or a clean error with the right class and place, for every bit. */
#include "kept_archive.h"
#include "parse.h"

#include <fcntl.h>
#include <unistd.h>

#include <criterion/criterion.h>

static const struct test_spec spec = {.w = 11, .h = 6, .n_frames = 5, .bt = 2, .bh = 4, .bits = 16,
                                      .content = TEST_SMOOTH, .commit_every = 3};

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

static uint8_t *small_archive(size_t *n) { return archive_of(&spec, n); }

/* Open and read everything: frames, names, infos. */
static enum pxr_err read_all(const uint8_t *bytes, size_t n, struct pxr_diag *d)
{
    struct kept_file k;
    pxr_archive *a;
    struct pxr_archive_info info;
    kept_init(&k, bytes, n);
    enum pxr_err e = pxr_archive_open_io(&a, &k.io, k.memory.arg, NULL, d);
    if (e == PXR_OK) {
        pxr_archive_info(a, &info);
        /* A flip may only lose what was appended last, never change what is there. */
        cr_assert(info.n_frames == 5 || info.n_frames == 3);
        e = test_verify(a, &spec, info.n_frames, d);
        for (uint64_t i = 0; i < info.n_frames && e == PXR_OK; i++) {
            struct pxr_frame_info f;
            char want[16];
            uint64_t frame;
            snprintf(want, sizeof want, "name_%04u", (unsigned)i);
            e = pxr_frame_info(a, i, &f, d);
            if (e == PXR_OK)
                cr_assert_str_eq(f.name, want);
            if (e == PXR_OK)
                e = pxr_frame_find(a, want, strlen(want), &frame, d);
            if (e == PXR_OK)
                cr_assert_eq(frame, i);
        }
        pxr_archive_close(a);
    }
    kept_fini(&k);
    return e;
}

Test(hostile, every_flipped_bit_is_harmless, .timeout = 300)
{
    size_t n;
    uint8_t *bytes = small_archive(&n);
    unsigned n_errors = 0;
    for (size_t i = 0; i < 8 * n; i++) {
        struct pxr_diag d = {0};
        bytes[i / 8] ^= (uint8_t)(1 << i % 8);
        const enum pxr_err e = read_all(bytes, n, &d);
        cr_assert_neq(e, PXR_E_MISMATCH, "bit %zu: %s", i, d.text);
        cr_assert(e == PXR_OK || pxr_err_exit(e) == 1 || e == PXR_E_UNSUPPORTED || e == PXR_E_LIMIT,
                  "bit %zu: %s", i, d.text);
        cr_assert(e == PXR_OK || d.text[0], "bit %zu gives no diagnostic", i);
        n_errors += e != PXR_OK;
        bytes[i / 8] ^= (uint8_t)(1 << i % 8);
    }
    cr_expect_gt(n_errors, n); /* most of the file is covered by the path of a full read */
    free(bytes);
}

/* What no reader of frames looks at, check does: not one bit may change unseen. */
Test(hostile, check_sees_every_flipped_bit, .timeout = 300)
{
    size_t n;
    uint8_t *bytes = small_archive(&n);
    char path[] = "/tmp/pxr_test_XXXXXX";
    const int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    cr_assert_eq(pxr_write_fd(fd, bytes, n, NULL), PXR_OK);
    struct pxr_file file;
    cr_assert_eq(pxr_file_open(&file, path, NULL), PXR_OK);
    for (size_t i = 0; i < 8 * n; i++) {
        const uint8_t flipped = bytes[i / 8] ^ (uint8_t)(1 << i % 8);
        struct pxr_check_report report;
        cr_assert_eq(pwrite(fd, &flipped, 1, (off_t)(i / 8)), 1);
        const enum pxr_err e =
            pxr_archive_check(path, PXR_CHECK_FULL, 1, NULL, NULL, NULL, &report, NULL);
        /* features_ignore, version_append and features_append are for others to judge, but they are
         * hashed like the rest of the superblock. */
        cr_assert(e != PXR_OK || report.n_damages, "bit %zu of byte %zu goes unseen", i % 8, i / 8);
        cr_assert_eq(pwrite(fd, &bytes[i / 8], 1, (off_t)(i / 8)), 1);
    }
    struct pxr_check_report report;
    cr_assert_eq(pxr_archive_check(path, PXR_CHECK_DEEP, 2, NULL, NULL, NULL, &report, NULL), PXR_OK);
    cr_expect_eq(report.n_damages, 0);
    cr_expect_eq(report.n_frames, 5);
    pxr_file_close(&file);
    close(fd);
    unlink(path);
    free(bytes);
}

/* Boundary values in every 2, 4 and 8-byte word, with all hashes made right again is the work of the
 * fuzzer (checksums off); here the hashes catch them. */
Test(hostile, boundary_values_and_swapped_bytes_are_clean_errors, .timeout = 120)
{
    static const uint64_t values[] = {0, 1, UINT64_MAX, UINT64_MAX - 1, (uint64_t)1 << 63, 0x7FFFFFFF};
    size_t n;
    uint8_t *bytes = small_archive(&n), *copy = malloc(n);
    for (size_t off = 0; off + 8 <= n; off += 4)
        for (size_t v = 0; v < sizeof values / sizeof *values; v++)
            for (size_t width = 2; width <= 8; width *= 2) {
                struct pxr_diag d = {0};
                uint8_t word[8];
                memcpy(copy, bytes, n);
                pxr_store_u64le(word, values[v]);
                memcpy(copy + off, word, width);
                const enum pxr_err e = read_all(copy, n, &d);
                cr_assert_neq(e, PXR_E_MISMATCH, "%s", d.text);
                cr_assert(e == PXR_OK || pxr_err_exit(e) == 1 || pxr_err_exit(e) >= 4, "%s", d.text);
            }
    free(bytes);
    free(copy);
}

static void expect_error(const uint8_t *bytes, size_t n, enum pxr_err want, uint64_t off,
                         const char *field)
{
    struct pxr_diag d = {0};
    const enum pxr_err e = read_all(bytes, n, &d);
    cr_expect_eq(e, want, "%s: %d, not %d: %s", field, e, want, d.text);
    cr_expect_eq(d.off_bytes, off, "%s: offset %llu: %s", field, (unsigned long long)d.off_bytes, d.text);
    cr_expect_str_eq(d.field, field);
}

/* Change a field of the superblock and make its hash right again. */
static void expect_superblock_error(size_t off, uint64_t value, size_t width, enum pxr_err want,
                                    uint64_t want_off, const char *field)
{
    size_t n;
    uint8_t *bytes = small_archive(&n), word[8];
    pxr_store_u64le(word, value);
    memcpy(bytes + off, word, width);
    pxr_store_u64le(bytes + 120, pxr_xxh3_64(bytes, 120));
    expect_error(bytes, n, want, want_off, field);
    free(bytes);
}

Test(hostile, errors_name_the_field_and_its_place)
{
    expect_superblock_error(0, 0, 1, PXR_E_NOTPXR, 0, "");
    expect_superblock_error(8, 2, 2, PXR_E_UNSUPPORTED, 8, "version_read");
    expect_superblock_error(12, 64, 4, PXR_E_CORRUPT, 12, "superblock_bytes");
    expect_superblock_error(32, 2, 8, PXR_E_UNSUPPORTED, 32, "features_refuse");
    expect_superblock_error(32, 1, 8, PXR_E_CORRUPT, 50, "max_error");
    expect_superblock_error(50, 1, 2, PXR_E_CORRUPT, 50, "max_error");
    expect_superblock_error(40, 0, 4, PXR_E_CORRUPT, 40, "width_px");
    expect_superblock_error(40, UINT32_MAX, 4, PXR_E_LIMIT, 40, "width_px x height_px");
    expect_superblock_error(44, 0, 4, PXR_E_CORRUPT, 44, "height_px");
    expect_superblock_error(48, 12, 1, PXR_E_CORRUPT, 48, "bits");
    expect_superblock_error(49, 1, 1, PXR_E_CORRUPT, 49, "zero");
    expect_superblock_error(53, 1, 1, PXR_E_CORRUPT, 53, "zero");
    expect_superblock_error(56, 0, 4, PXR_E_CORRUPT, 56, "nominal_frames");
    expect_superblock_error(60, 7, 4, PXR_E_CORRUPT, 60, "nominal_height_px");
    expect_superblock_error(64, 12, 4, PXR_E_CORRUPT, 64, "nominal_width_px");
    expect_superblock_error(68, 0, 4, PXR_E_CORRUPT, 68, "nominal_unit_frames");
    expect_superblock_error(100, 1, 1, PXR_E_CORRUPT, 100, "zero");
    size_t n;
    uint8_t *bytes = small_archive(&n);
    bytes[50] ^= 1; /* the hash is not made right */
    expect_error(bytes, n, PXR_E_CORRUPT, 120, "hash");
    bytes[50] ^= 1;
    const uint64_t root = pxr_load_u64le(bytes + n - PXR_COMMIT_RECORD_BYTES + 48 + 128);
    bytes[root + 9] ^= 1; /* damage in the root is damage, not an older archive */
    expect_error(bytes, n, PXR_E_CORRUPT, root, "hash");
    free(bytes);
    expect_error((const uint8_t *)"not an archive, but long enough to look at", 42, PXR_E_NOTPXR, 0, "");
}

Test(hostile, a_damaged_unit_spares_the_other_frames)
{
    size_t n;
    uint8_t *bytes = small_archive(&n);
    struct kept_file k;
    pxr_archive *a;
    pxr_decoder *d;
    uint16_t px[66];
    /* The first record is group 0; its payload ends in front of the record's trailer. */
    const uint64_t body = pxr_load_u64le(bytes + 128 + 8);
    bytes[128 + 48 + body - 1] ^= 0x10;
    kept_init(&k, bytes, n);
    cr_assert_eq(pxr_archive_open_io(&a, &k.io, k.memory.arg, NULL, NULL), PXR_OK);
    cr_assert_eq(pxr_decoder_new(&d, a), PXR_OK);
    memset(px, 0x55, sizeof px);
    cr_expect_eq(pxr_frame_read(d, 1, 0, 6, px, sizeof px, 22), PXR_E_CORRUPT);
    cr_expect_eq(pxr_decoder_diag(d)->frame, 1);
    cr_expect_eq(pxr_decoder_diag(d)->block, 1);
    for (int i = 0; i < 66; i++)
        cr_expect_eq(px[i], 0, "sample %d leaks %x", i, px[i]);
    cr_expect_eq(pxr_frame_read(d, 1, 0, 4, px, sizeof px, 22), PXR_OK); /* the other block */
    cr_expect_eq(pxr_frame_read(d, 2, 0, 6, px, sizeof px, 22), PXR_OK);
    pxr_decoder_free(d);
    pxr_archive_close(a);
    kept_fini(&k);
    free(bytes);
}

/* Make the archive claim more frames than it has, with every hash on the way right. */
static void forge_n_frames(uint8_t *bytes, size_t n, uint64_t n_frames)
{
    uint8_t *commit = bytes + n - PXR_COMMIT_RECORD_BYTES + PXR_RECORD_HEADER_BYTES;
    uint8_t *root = bytes + pxr_load_u64le(commit + 128);
    pxr_store_u64le(root + 8, n_frames);
    pxr_store_u64le(commit + 144, pxr_xxh3_64(root, pxr_load_u32le(commit + 136)));
    pxr_store_u64le(commit + 168, n_frames);
    pxr_store_u64le(commit + PXR_COMMIT_BODY_BYTES, pxr_xxh3_64(commit, PXR_COMMIT_BODY_BYTES));
}

/* A directory that does not hold what its root says is damage, found at once and reported once, however
 * many frames are claimed. */
Test(hostile, frames_that_nobody_holds_are_one_damage)
{
    size_t n;
    uint8_t *bytes = small_archive(&n);
    struct kept_file k;
    struct pxr_diag d;
    pxr_archive *a;
    struct pxr_frame_info f;
    forge_n_frames(bytes, n, (uint64_t)1 << 32);
    kept_init(&k, bytes, n);
    cr_assert_eq(pxr_archive_open_io(&a, &k.io, k.memory.arg, NULL, &d), PXR_OK, "%s", d.text);
    cr_expect_eq(pxr_frame_info(a, 7, &f, &d), PXR_E_CORRUPT);
    cr_expect_str_eq(d.field, "first_frame");
    pxr_archive_close(a);
    kept_fini(&k);

    char path[] = "/tmp/pxr_test_XXXXXX";
    const int fd = mkstemp(path);
    struct pxr_check_report report;
    cr_assert_eq(pxr_write_fd(fd, bytes, n, NULL), PXR_OK);
    cr_expect_eq(pxr_archive_check(path, PXR_CHECK_DEEP, 2, NULL, NULL, NULL, &report, &d), PXR_OK);
    cr_expect_geq(report.n_damages, 1);
    cr_expect_leq(report.n_damages, 3, "%llu damages", (unsigned long long)report.n_damages);
    close(fd);
    unlink(path);
    free(bytes);
}

/* A small limit of the caller's, and pages of a size that no tree has: refused before memory is taken. */
Test(hostile, a_tree_page_cannot_be_large)
{
    const struct test_spec large = {.w = 40, .h = 40, .n_frames = 5, .bits = 8, .content = TEST_NOISE};
    size_t n;
    uint8_t *bytes = archive_of(&large, &n);
    struct kept_file k;
    struct pxr_diag d;
    pxr_archive *a;
    struct pxr_frame_info f;
    uint8_t *commit = bytes + n - PXR_COMMIT_RECORD_BYTES + PXR_RECORD_HEADER_BYTES;
    uint8_t *root = bytes + pxr_load_u64le(commit + 128);
    pxr_store_u64le(root + 32, PXR_SUPERBLOCK_BYTES); /* dir_off, dir_bytes: nearly the whole file */
    pxr_store_u32le(root + 40, 3593);
    cr_assert_gt(n, 3593u + PXR_SUPERBLOCK_BYTES + PXR_COMMIT_RECORD_BYTES);
    forge_n_frames(bytes, n, 5);
    kept_init(&k, bytes, n);
    cr_assert_eq(pxr_archive_open_io(&a, &k.io, k.memory.arg, NULL, &d), PXR_OK, "%s", d.text);
    cr_expect_eq(pxr_frame_info(a, 0, &f, &d), PXR_E_CORRUPT);
    cr_expect_str_eq(d.field, "page_bytes");
    cr_expect_eq(d.expected, 3592);
    pxr_archive_close(a);
    kept_fini(&k);
    free(bytes);
}
