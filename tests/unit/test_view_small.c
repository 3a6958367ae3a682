/* SPDX-License-Identifier: MIT
 * png-small of an archive: any range is a slice, libpng reads it, a part decodes its band, hostile indexes. */
#include "test_view_support.h"

#include <fcntl.h>
#include <inttypes.h>
#include <png.h>
#include <stdlib.h>

/* A bench whose archive is indexed. */
static void set_up_small(struct bench *b, struct shape s)
{
    struct pxr_diag diag;
    uint64_t n;
    set_up(b, s);
    pxr_decoder_free(b->decoder);
    pxr_archive_close(b->archive);
    cr_assert_eq(pxr_archive_index(b->path, PXR_VIEW_PNG_SMALL, 2, NULL, NULL, &n, &diag), PXR_OK, "%s", diag.text);
    cr_assert_eq(n, 2);
    cr_assert_eq(pxr_archive_open(&b->archive, b->path, NULL, &diag), PXR_OK);
    cr_assert_eq(pxr_decoder_new(&b->decoder, b->archive), PXR_OK);
}

static uint8_t *read_whole(const struct bench *b, size_t *n_bytes)
{
    struct pxr_diag diag;
    uint64_t total;
    size_t got;
    cr_assert_eq(pxr_view_stat(b->archive, &b->info, PXR_VIEW_PNG_SMALL, &total, &diag), PXR_OK);
    *n_bytes = (size_t)total;
    uint8_t *whole = pxr_alloc(*n_bytes + 10);
    cr_assert_eq(pxr_view_read(b->decoder, 1, PXR_VIEW_PNG_SMALL, 0, whole, *n_bytes + 10, &got), PXR_OK, "%s",
                 pxr_decoder_diag(b->decoder)->text);
    cr_assert_eq(got, *n_bytes);
    return whole;
}

static void check_shape(struct shape s)
{
    struct bench b;
    size_t n_bytes, got;
    uint64_t state = 9;
    png_image image = {.version = PNG_IMAGE_VERSION};
    set_up_small(&b, s);
    uint8_t *whole = read_whole(&b, &n_bytes);
    cr_assert(png_image_begin_read_from_memory(&image, whole, n_bytes), "%s", image.message);
    cr_assert(image.width == s.width_px && image.height == s.height_px);
    image.format = s.bits == 8 ? PNG_FORMAT_GRAY : PNG_FORMAT_LINEAR_Y;
    uint8_t *pixels = pxr_alloc(b.pixel_bytes);
    cr_assert(png_image_finish_read(&image, NULL, pixels, 0, NULL), "%s", image.message);
    cr_assert_eq(image.warning_or_error, 0, "%s", image.message);
    cr_assert(!memcmp(pixels, b.pixels, b.pixel_bytes) || s.sbit, "%u x %u, %u bit", s.width_px, s.height_px, s.bits);
    pxr_free(pixels);
    uint8_t *part = pxr_alloc(100001);
    for (unsigned i = 0; i < 60; i++) {
        const size_t off = next_random(&state) % (n_bytes + 2);
        const size_t n = next_random(&state) % ((i % 3 ? 100000u : 40u) + 1);
        const size_t expected = off >= n_bytes ? 0 : n < n_bytes - off ? n : n_bytes - off;
        part[n] = 0xa5;
        cr_assert_eq(pxr_view_read(b.decoder, 1, PXR_VIEW_PNG_SMALL, off, part, n, &got), PXR_OK);
        cr_assert(got == expected && !memcmp(part, whole + (got ? off : 0), got), "[%zu, +%zu)", off, n);
        cr_assert_eq(part[n], 0xa5, "wrote behind the request");
    }
    pxr_free(part);
    pxr_free(whole);
    tear_down(&b);
}

Test(view_small, libpng_reads_it_and_any_range_is_a_slice)
{
    static const struct shape shapes[] = {{1, 1, 8, 0, 0},     {1, 1, 16, 0, 0},    {13, 65, 8, 4, 0},
                                          {700, 400, 8, 0, 0}, {130, 90, 16, 0, 0}, {65535, 3, 16, 0, 0},
                                          {140000, 2, 8, 0, 0}};
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
        check_shape(shapes[i]);
}

Test(view_small, what_is_not_indexed_is_refused)
{
    struct pxr_archive_info info;
    struct bench b;
    struct pxr_diag diag;
    uint8_t part[64];
    uint64_t n;
    size_t got;
    set_up(&b, (struct shape){9, 9, 8, 0, 0});
    pxr_archive_info(b.archive, &info);
    cr_assert_eq(info.n_small_frames, 0);
    cr_assert_eq(pxr_view_stat(b.archive, &b.info, PXR_VIEW_PNG_SMALL, &n, &diag), PXR_E_RANGE);
    memset(part, 1, sizeof part);
    cr_assert_eq(pxr_view_read(b.decoder, 1, PXR_VIEW_PNG_SMALL, 0, part, sizeof part, &got), PXR_E_RANGE);
    cr_assert(got == 0 && part[0] == 0 && part[63] == 0);
    cr_assert_eq(pxr_view_bytes(&b.info, PXR_VIEW_PNG_SMALL), 0);
    cr_assert_eq(pxr_archive_index(b.path, PXR_VIEW_PNG, 1, NULL, NULL, &n, &diag), PXR_E_INVALID);
    tear_down(&b);
}

static bool stop_at_once(void *arg, uint64_t done, uint64_t total)
{
    (void)arg, (void)done, (void)total;
    return false;
}

static uint8_t *slurp(const char *path, size_t *n_bytes)
{
    FILE *f = fopen(path, "rb");
    cr_assert_not_null(f);
    fseek(f, 0, SEEK_END);
    *n_bytes = (size_t)ftell(f);
    rewind(f);
    uint8_t *bytes = pxr_alloc(*n_bytes);
    cr_assert_eq(fread(bytes, 1, *n_bytes, f), *n_bytes);
    fclose(f);
    return bytes;
}

Test(view_small, stopping_leaves_the_archive_as_it_was)
{
    struct bench b;
    struct pxr_diag diag;
    uint64_t n;
    size_t before_bytes, after_bytes;
    set_up(&b, (struct shape){50, 40, 8, 0, 0});
    uint8_t *before = slurp(b.path, &before_bytes);
    cr_assert_eq(pxr_archive_index(b.path, PXR_VIEW_PNG_SMALL, 2, stop_at_once, NULL, &n, &diag), PXR_E_STATE);
    cr_assert_eq(n, 0);
    uint8_t *after = slurp(b.path, &after_bytes);
    cr_assert(before_bytes == after_bytes && !memcmp(before, after, after_bytes));
    pxr_free(before);
    pxr_free(after);
    tear_down(&b);
}

/* Each bit of what the index added: an error, or the right file; never another one, never a crash. */
Test(view_small, no_flipped_bit_changes_a_file)
{
    struct bench b;
    size_t n_plain, n_whole, n_png, got;
    set_up(&b, (struct shape){40, 50, 8, 0, 0});
    pxr_free(slurp(b.path, &n_plain));
    tear_down(&b);
    set_up_small(&b, (struct shape){40, 50, 8, 0, 0});
    uint8_t *archive = slurp(b.path, &n_whole), *expected = read_whole(&b, &n_png), *found = pxr_alloc(n_png + 9000);
    cr_assert_gt(n_whole, n_plain);
    unsigned n_refused = 0;
    for (size_t at = n_plain; at < n_whole; at++)
        for (unsigned bit = 0; bit < 8; bit += (unsigned)(at % 3) + 1) {
            struct pxr_diag diag;
            pxr_archive *a;
            pxr_decoder *d;
            uint64_t n = 0;
            archive[at] ^= (uint8_t)(1u << bit);
            FILE *f = fopen(b.path, "wb");
            fwrite(archive, 1, n_whole, f);
            fclose(f);
            archive[at] ^= (uint8_t)(1u << bit);
            if (pxr_archive_open(&a, b.path, NULL, &diag) != PXR_OK) {
                n_refused++;
                continue;
            }
            cr_assert_eq(pxr_decoder_new(&d, a), PXR_OK);
            if (pxr_view_stat(a, &b.info, PXR_VIEW_PNG_SMALL, &n, &diag) == PXR_OK &&
                pxr_view_read(d, 1, PXR_VIEW_PNG_SMALL, 0, found, n_png + 9000, &got) == PXR_OK)
                cr_assert(n == n_png && got == n_png && !memcmp(found, expected, n_png), "byte %zu, bit %u", at, bit);
            else
                n_refused++;
            pxr_decoder_free(d);
            pxr_archive_close(a);
        }
    cr_assert_gt(n_refused, 500);
    pxr_free(found);
    pxr_free(expected);
    pxr_free(archive);
    tear_down(&b);
}

Test(view_small, a_part_decodes_the_rows_of_its_band)
{
    enum { W = 1023, H = 512, STRIPE = 64 }; /* bands of 128 rows: two stripes each */
    static uint8_t pixels[W * H];
    char path[64];
    struct pxr_diag diag;
    struct pxr_stats stats;
    struct pxr_frame_info info;
    pxr_writer *w;
    pxr_archive *a;
    pxr_decoder *d;
    uint64_t state = 1, n, total;
    uint8_t byte;
    size_t got;
    snprintf(path, sizeof path, "/tmp/pxr-small-%d.pxr", (int)getpid());
    const struct pxr_write_opts o = {.width_px = W, .height_px = H, .bits = 8, .n_threads = 1, .block_frames = 1,
                                     .block_height_px = STRIPE, .block_width_px = W, .overwrite = true};
    cr_assert_eq(pxr_writer_create(&w, path, &o, &diag), PXR_OK);
    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (uint8_t)(next_random(&state) % 16);
    const struct pxr_frame_in in = {.pixels = pixels};
    cr_assert_eq(pxr_writer_add(w, &in), PXR_OK);
    cr_assert_eq(pxr_writer_finish(w, NULL, &diag), PXR_OK);
    cr_assert_eq(pxr_archive_index(path, PXR_VIEW_PNG_SMALL, 1, NULL, NULL, &n, &diag), PXR_OK);
    cr_assert_eq(pxr_archive_open(&a, path, NULL, &diag), PXR_OK);
    cr_assert_eq(pxr_decoder_new(&d, a), PXR_OK);
    cr_assert_eq(pxr_frame_info(a, 0, &info, &diag), PXR_OK);
    cr_assert_eq(pxr_view_stat(a, &info, PXR_VIEW_PNG_SMALL, &total, &diag), PXR_OK);
    cr_assert_lt(total, W * H * 2 / 3);
    cr_assert_eq(pxr_view_read(d, 0, PXR_VIEW_PNG_SMALL, 20, &byte, 1, &got), PXR_OK);
    cr_assert_eq(pxr_view_read(d, 0, PXR_VIEW_PNG_SMALL, total - 14, &byte, 1, &got), PXR_OK);
    pxr_archive_stats(a, &stats);
    cr_assert_eq(stats.units_decoded, 0, "neither size nor head nor tail need pixels");
    cr_assert_eq(pxr_view_read(d, 0, PXR_VIEW_PNG_SMALL, total / 2 + 1000, &byte, 1, &got), PXR_OK);
    pxr_archive_stats(a, &stats);
    cr_assert_eq(stats.units_decoded, 2, "%" PRIu64 " units for a band of two stripes", stats.units_decoded);
    pxr_decoder_free(d);
    pxr_archive_close(a);
    unlink(path);
}
