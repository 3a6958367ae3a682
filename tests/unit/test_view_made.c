/* SPDX-License-Identifier: MIT
 * dci and pce of an archive: any range is a slice, an index that says what is not true is an error and no wrong file. */
#include "test_view_support.h"

#include "dci.h"
#include "view_index.h"
#include "writer.h"

#include <stdlib.h>

/* Few levels, so that pce can hold them. */
static void draw_mask(const struct shape *s, uint8_t *pixels)
{
    for (uint32_t y = 0; y < s->height_px; y++)
        for (uint32_t x = 0; x < s->width_px; x++)
            pixels[(size_t)y * s->width_px + x] = (uint8_t)((x / 6 + y / 5) % 3 * 85);
}

static void open_again(struct bench *b)
{
    struct pxr_diag diag;
    pxr_decoder_free(b->decoder);
    pxr_archive_close(b->archive);
    cr_assert_eq(pxr_archive_open(&b->archive, b->path, NULL, &diag), PXR_OK);
    cr_assert_eq(pxr_decoder_new(&b->decoder, b->archive), PXR_OK);
}

/* An archive of a blank frame and a mask. */
static void set_up_mask(struct bench *b, struct shape s)
{
    struct pxr_diag diag;
    pxr_writer *w;
    set_up(b, s);
    draw_mask(&s, b->pixels);
    const struct pxr_write_opts o = {
        .width_px = s.width_px, .height_px = s.height_px, .bits = 8, .n_threads = 1, .overwrite = true};
    cr_assert_eq(pxr_writer_create(&w, b->path, &o, &diag), PXR_OK);
    uint8_t *zeros = pxr_alloc_zero(1, b->pixel_bytes);
    cr_assert_eq(pxr_writer_add(w, &(struct pxr_frame_in){.pixels = zeros, .name = "zero"}), PXR_OK);
    cr_assert_eq(pxr_writer_add(w, &(struct pxr_frame_in){.pixels = b->pixels, .name = "picture"}), PXR_OK);
    cr_assert_eq(pxr_writer_finish(w, NULL, &diag), PXR_OK);
    pxr_free(zeros);
    open_again(b);
    cr_assert_eq(pxr_frame_info(b->archive, 1, &b->info, &diag), PXR_OK);
}

/* Append an index, which may be one that lies. */
static enum pxr_err add_index(struct bench *b, const struct pxr_index_kind *kind)
{
    const struct pxr_write_opts opts = {.n_threads = 1};
    struct pxr_diag diag;
    pxr_writer *w;
    uint64_t n;
    cr_assert_eq(pxr_writer_append(&w, b->path, &opts, &diag), PXR_OK, "%s", diag.text);
    const enum pxr_err e = pxr_index_add(w, kind, 2, NULL, NULL, &n, &diag);
    cr_assert(e != PXR_OK || n == 2);
    open_again(b);
    return e;
}

static void check_slices(const struct bench *b, enum pxr_view v, uint32_t tile)
{
    struct pxr_diag diag;
    uint64_t total, state = 7;
    size_t got;
    cr_assert_eq(pxr_view_stat_tile(b->archive, &b->info, v, tile, &total, &diag), PXR_OK);
    cr_assert_gt(total, 0);
    const size_t n_bytes = (size_t)total;
    uint8_t *whole = pxr_alloc(n_bytes + 10), *part = pxr_alloc(50001);
    cr_assert_eq(pxr_view_read_tile(b->decoder, 1, v, tile, 0, whole, n_bytes + 10, &got), PXR_OK, "%s",
                 pxr_decoder_diag(b->decoder)->text);
    cr_assert_eq(got, n_bytes);
    for (unsigned i = 0; i < 80; i++) {
        const size_t off = next_random(&state) % (n_bytes + 2);
        const size_t n = next_random(&state) % ((i % 3 ? 50000u : 40u) + 1);
        const size_t expected = off >= n_bytes ? 0 : n < n_bytes - off ? n : n_bytes - off;
        part[n] = 0xa5;
        cr_assert_eq(pxr_view_read_tile(b->decoder, 1, v, tile, off, part, n, &got), PXR_OK);
        cr_assert(got == expected && !memcmp(part, whole + (got ? off : 0), got), "[%zu, +%zu)", off, n);
        cr_assert_eq(part[n], 0xa5, "wrote behind the request");
    }
    pxr_free(part);
    pxr_free(whole);
}

Test(view_made, any_range_is_a_slice)
{
    static const struct shape shapes[] = {{1, 1, 8, 0, 0}, {70, 41, 8, 0, 0}, {255, 255, 8, 0, 0}, {600, 300, 8, 0, 0}};
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        struct pxr_archive_info info;
        struct bench b;
        set_up_mask(&b, shapes[i]);
        cr_assert_eq(add_index(&b, &pxr_index_dci), PXR_OK);
        cr_assert_eq(add_index(&b, &pxr_index_pce), PXR_OK);
        pxr_archive_info(b.archive, &info);
        check_slices(&b, PXR_VIEW_DCI, 0);
        for (uint32_t t = 0; t < pxr_view_n_tiles(&info, PXR_VIEW_PCE); t++)
            check_slices(&b, PXR_VIEW_PCE, t);
        tear_down(&b);
    }
}

Test(view_made, pixels_come_back)
{
    struct bench b;
    struct pxr_dci_info info;
    struct pxr_diag diag;
    uint64_t total;
    size_t got;
    set_up(&b, (struct shape){90, 61, 8, 0, 0});
    cr_assert_eq(add_index(&b, &pxr_index_dci), PXR_OK);
    cr_assert_eq(pxr_view_stat(b.archive, &b.info, PXR_VIEW_DCI, &total, &diag), PXR_OK);
    uint8_t *file = pxr_alloc((size_t)total), *pixels = pxr_alloc(b.pixel_bytes);
    cr_assert_eq(pxr_view_read(b.decoder, 1, PXR_VIEW_DCI, 0, file, (size_t)total, &got), PXR_OK);
    cr_assert_eq(pxr_dci_parse(&info, file, got, PXR_DCI_AUTO, &diag), PXR_OK, "%s", diag.text);
    cr_assert(info.is_gray && info.threshold == 0 && info.layout == PXR_DCI_V2);
    cr_assert_eq(pxr_dci_decode(&info, file, got, pixels, 90, 1, &diag), PXR_OK);
    cr_assert(!memcmp(pixels, b.pixels, b.pixel_bytes));
    pxr_free(file);
    pxr_free(pixels);
    tear_down(&b);
}

Test(view_made, parts_of_a_file_make_it_once)
{
    struct pxr_stats stats;
    struct bench b;
    uint8_t byte;
    size_t got;
    set_up(&b, (struct shape){300, 200, 8, 0, 0});
    cr_assert_eq(add_index(&b, &pxr_index_dci), PXR_OK);
    for (uint64_t off = 0; off < 5000; off += 100)
        cr_assert_eq(pxr_view_read(b.decoder, 1, PXR_VIEW_DCI, off, &byte, 1, &got), PXR_OK);
    pxr_archive_stats(b.archive, &stats);
    cr_assert_leq(stats.units_decoded + stats.unit_hits, 2, "the frame was read again for each part");
    tear_down(&b);
}

/* ---- what is not so -------------------------------------------------------------------------------- */

static enum pxr_err make_longer_dci(const void *state, const uint8_t *pixels, struct pxr_buffer *scratch, uint8_t *entry,
                                    struct pxr_diag *diag)
{
    const enum pxr_err e = pxr_index_dci.make(state, pixels, scratch, entry, diag);
    pxr_store_u32le(entry, pxr_load_u32le(entry) + 4);
    return e;
}

static enum pxr_err make_longer_pce(const void *state, const uint8_t *pixels, struct pxr_buffer *scratch, uint8_t *entry,
                                    struct pxr_diag *diag)
{
    const enum pxr_err e = pxr_index_pce.make(state, pixels, scratch, entry, diag);
    pxr_store_u32le(entry, pxr_load_u32le(entry) + 1);
    return e;
}

static enum pxr_err make_impossible(const void *state, const uint8_t *pixels, struct pxr_buffer *scratch, uint8_t *entry,
                                    struct pxr_diag *diag)
{
    (void)state, (void)pixels, (void)scratch, (void)diag;
    pxr_store_u32le(entry, UINT32_MAX);
    return PXR_OK;
}

/* A palette without the levels of the mask. */
static enum pxr_err choose_one_level(void *learner, const struct pxr_superblock *sb, struct pxr_buffer *params,
                                     struct pxr_diag *diag)
{
    (void)learner, (void)sb, (void)diag;
    static const uint8_t one_level[12] = {1, 0, 0, 0, 7};
    return pxr_buffer_add(params, one_level, sizeof one_level) ? PXR_OK : PXR_E_NOMEM;
}

static enum pxr_err make_any_pce(const void *state, const uint8_t *pixels, struct pxr_buffer *scratch, uint8_t *entry,
                                 struct pxr_diag *diag)
{
    (void)state, (void)pixels, (void)scratch, (void)diag;
    pxr_store_u32le(entry, 20);
    return PXR_OK;
}

static uint64_t count_damages(const struct bench *b)
{
    struct pxr_check_report report;
    cr_assert_eq(pxr_archive_check(b->path, PXR_CHECK_DEEP, 1, NULL, NULL, NULL, &report, NULL), PXR_OK);
    return report.n_damages;
}

static void check_lie(const struct pxr_index_kind *kind, enum pxr_view v, bool is_seen_by_stat)
{
    struct bench b;
    struct pxr_diag diag;
    uint64_t total;
    uint8_t part[64];
    size_t got = 1;
    set_up_mask(&b, (struct shape){70, 41, 8, 0, 0});
    cr_assert_eq(add_index(&b, kind), PXR_OK);
    cr_assert_eq(pxr_view_stat(b.archive, &b.info, v, &total, &diag), is_seen_by_stat ? PXR_E_CORRUPT : PXR_OK);
    memset(part, 1, sizeof part);
    cr_assert_eq(pxr_view_read(b.decoder, 1, v, 0, part, sizeof part, &got), PXR_E_CORRUPT);
    cr_assert_eq(got, 0);
    for (size_t i = 0; i < sizeof part; i++)
        cr_assert_eq(part[i], 0);
    cr_assert_eq(pxr_decoder_diag(b.decoder)->frame, 1);
    cr_assert(strstr(pxr_decoder_diag(b.decoder)->text, kind->name), "%s", pxr_decoder_diag(b.decoder)->text);
    cr_assert_gt(count_damages(&b), 0);
    tear_down(&b);
}

Test(view_made, an_index_that_lies_gives_no_file)
{
    struct pxr_index_kind dci = pxr_index_dci, pce = pxr_index_pce;
    dci.make = make_longer_dci;
    check_lie(&dci, PXR_VIEW_DCI, false);
    dci.make = make_impossible;
    check_lie(&dci, PXR_VIEW_DCI, true);
    pce.make = make_longer_pce;
    check_lie(&pce, PXR_VIEW_PCE, false);
    pce.make = make_impossible;
    check_lie(&pce, PXR_VIEW_PCE, true);
    pce.make = make_any_pce;
    pce.choose = choose_one_level;
    check_lie(&pce, PXR_VIEW_PCE, false);
}

/* Params that are none: levels, and tables. */
static uint8_t forged[64];
static size_t n_forged;

static enum pxr_err choose_forged(void *learner, const struct pxr_superblock *sb, struct pxr_buffer *params,
                                  struct pxr_diag *diag)
{
    (void)learner, (void)sb, (void)diag;
    return pxr_buffer_add(params, forged, n_forged) ? PXR_OK : PXR_E_NOMEM;
}

static enum pxr_err init_nothing(void *state, const struct pxr_superblock *sb, const uint8_t *params, uint32_t params_bytes,
                                 uint64_t off_bytes, struct pxr_diag *diag)
{
    (void)state, (void)sb, (void)params, (void)params_bytes, (void)off_bytes, (void)diag;
    return PXR_OK;
}

Test(view_made, params_that_are_none_are_refused)
{
    static const struct {
        uint32_t width_px;
        size_t n;
        uint8_t params[20];
    } cases[] = {
        {70, 12, {0}},                               /* no level                        */
        {70, 12, {5, 0, 0, 0, 9, 0, 8, 0, 7, 0, 6}}, /* five                            */
        {70, 12, {2, 0, 0, 0, 9, 0, 9, 0}},          /* one twice                       */
        {70, 12, {1, 0, 0, 0, 9, 1}},                /* above 8 bits                    */
        {70, 12, {1, 0, 1, 0, 9}},                   /* not zero                        */
        {70, 12, {1, 0, 0, 0, 9, 0, 1}},             /* a level that is not counted     */
        {70, 11, {1, 0, 0, 0, 9}},                   /* too short                       */
        {70, 13, {1, 0, 0, 0, 9}},                   /* a table without tiles           */
        {300, 12, {1, 0, 0, 0, 9}},                  /* none with them                  */
        {300, 14, {1, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 2, 1}},          /* cut          */
        {300, 15, {1, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 2, 1, 1}},       /* one twice    */
        {300, 15, {1, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}}, /* too large    */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pxr_index_kind pce = pxr_index_pce;
        struct pxr_diag diag;
        struct bench b;
        uint64_t total;
        memcpy(forged, cases[i].params, n_forged = cases[i].n);
        pce.choose = choose_forged;
        pce.init = init_nothing;
        pce.make = make_any_pce;
        set_up_mask(&b, (struct shape){cases[i].width_px, 41, 8, 0, 0});
        cr_assert_eq(add_index(&b, &pce), PXR_OK);
        cr_assert_eq(pxr_view_stat_tile(b.archive, &b.info, PXR_VIEW_PCE, 0, &total, &diag), PXR_E_CORRUPT, "case %zu", i);
        cr_assert_gt(count_damages(&b), 0);
        tear_down(&b);
    }
}

Test(view_made, what_cannot_be_is_said)
{
    struct bench b;
    struct pxr_diag diag;
    uint64_t n;
    uint8_t byte;
    size_t got;
    set_up(&b, (struct shape){9, 9, 16, 0, 0});
    cr_assert_eq(pxr_archive_index(b.path, PXR_VIEW_DCI, 1, NULL, NULL, &n, &diag), PXR_E_UNSUPPORTED);
    cr_assert_eq(pxr_archive_index(b.path, PXR_VIEW_PCE, 1, NULL, NULL, &n, &diag), PXR_E_UNSUPPORTED);
    cr_assert_eq(diag.frame, 1);
    tear_down(&b);
    set_up_mask(&b, (struct shape){300, 300, 8, 0, 0});
    cr_assert_eq(add_index(&b, &pxr_index_pce), PXR_OK);
    cr_assert_eq(pxr_view_stat(b.archive, &b.info, PXR_VIEW_PCE, &n, &diag), PXR_OK);
    cr_assert_eq(n, 0, "four files are not one");
    cr_assert_eq(pxr_view_read(b.decoder, 1, PXR_VIEW_PCE, 0, &byte, 1, &got), PXR_E_UNSUPPORTED);
    cr_assert_neq(pxr_view_read_tile(b.decoder, 1, PXR_VIEW_PCE, 4, 0, &byte, 1, &got), PXR_OK);
    cr_assert_neq(pxr_view_read_tile(b.decoder, 1, PXR_VIEW_PNG, 1, 0, &byte, 1, &got), PXR_OK);
    tear_down(&b);
}
