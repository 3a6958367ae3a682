/* SPDX-License-Identifier: MIT
 * Stacks and zarr: their bytes are pinned, any range is a slice of the whole, parts decode little. */
#include "test_view_support.h"

#include <inttypes.h>
#include <stdlib.h>

static const struct pxr_frames both = {0, 1, 2};

/* The whole file; freed with pxr_free. */
static uint8_t *read_whole(const struct bench *b, const struct pxr_frames *frames, enum pxr_stack s,
                           size_t *n_bytes)
{
    struct pxr_archive_info info;
    size_t got;
    pxr_archive_info(b->archive, &info);
    *n_bytes = (size_t)pxr_stack_bytes(&info, frames, s);
    uint8_t *whole = pxr_alloc(*n_bytes + 10);
    cr_assert_eq(pxr_stack_read(b->decoder, frames, s, 0, whole, *n_bytes + 10, &got), PXR_OK);
    cr_assert_eq(got, *n_bytes, "%s of %u x %u: %zu bytes, pxr_stack_bytes says %zu", pxr_stack_name(s),
                 b->shape.width_px, b->shape.height_px, got, *n_bytes);
    return whole;
}

Test(stack, names_are_found_again)
{
    enum pxr_stack s;
    cr_assert_str_eq(pxr_stack_name(PXR_STACK_IJ_TIF), "stack.ij.tif");
    for (unsigned i = 0; i < PXR_N_STACKS; i++)
        cr_assert(pxr_stack_find(pxr_stack_name((enum pxr_stack)i), &s) && (unsigned)s == i);
    cr_assert_not(pxr_stack_find("stack", &s));
    cr_assert_str_eq(pxr_stack_name(PXR_N_STACKS), "");
}

/* Never change a line of this table: people have stored checksums of these files.  The values were
 * computed by a program of its own, from docs/format.md.  Frame 0 is blank, frame 1 the picture. */
Test(stack, bytes_never_change)
{
    static const struct {
        struct shape shape;
        enum pxr_stack s;
        struct pxr_frames frames;
        uint64_t n_bytes;
        uint32_t crc32;
    } golden[] = {
        {{1, 1, 8, 0, 0}, PXR_STACK_NPY, {0, 1, 2}, 4098, 0x36575f15},
        {{1, 1, 8, 0, 0}, PXR_STACK_NPY, {1, 1, 1}, 4097, 0x6a082487},
        {{1, 1, 8, 0, 0}, PXR_STACK_NPY, {0, 7, 1}, 4097, 0x470acb0a},
        {{1, 1, 8, 0, 0}, PXR_STACK_TIF, {0, 1, 2}, 4098, 0x9419e096},
        {{1, 1, 8, 0, 0}, PXR_STACK_TIF, {1, 1, 1}, 4097, 0x9520719b},
        {{1, 1, 8, 0, 0}, PXR_STACK_TIF, {0, 7, 1}, 4097, 0xb8229e16},
        {{1, 1, 8, 0, 0}, PXR_STACK_IJ_TIF, {0, 1, 2}, 4098, 0xaabf8e30},
        {{1, 1, 8, 0, 0}, PXR_STACK_IJ_TIF, {1, 1, 1}, 4097, 0xf38321a4},
        {{1, 1, 8, 0, 0}, PXR_STACK_IJ_TIF, {0, 7, 1}, 4097, 0xde81ce29},
        {{1, 1, 8, 0, 0}, PXR_STACK_Y4M, {0, 1, 2}, 67, 0x100b9b35},
        {{1, 1, 8, 0, 0}, PXR_STACK_Y4M, {1, 1, 1}, 60, 0xfcf7511f},
        {{1, 1, 8, 0, 0}, PXR_STACK_Y4M, {0, 7, 1}, 60, 0xd1f5be92},
        {{5, 3, 8, 0, 0}, PXR_STACK_NPY, {0, 1, 2}, 4126, 0x1b67fefe},
        {{5, 3, 8, 0, 0}, PXR_STACK_NPY, {1, 1, 1}, 4111, 0x58b66318},
        {{5, 3, 8, 0, 0}, PXR_STACK_NPY, {0, 7, 1}, 4111, 0xeac8a64e},
        {{5, 3, 8, 0, 0}, PXR_STACK_TIF, {0, 1, 2}, 4126, 0x9707c0b3},
        {{5, 3, 8, 0, 0}, PXR_STACK_TIF, {1, 1, 1}, 4111, 0xd3228ac7},
        {{5, 3, 8, 0, 0}, PXR_STACK_TIF, {0, 7, 1}, 4111, 0x615c4f91},
        {{5, 3, 8, 0, 0}, PXR_STACK_IJ_TIF, {0, 1, 2}, 4126, 0xad828966},
        {{5, 3, 8, 0, 0}, PXR_STACK_IJ_TIF, {1, 1, 1}, 4111, 0x70d961ce},
        {{5, 3, 8, 0, 0}, PXR_STACK_IJ_TIF, {0, 7, 1}, 4111, 0xc2a7a498},
        {{5, 3, 8, 0, 0}, PXR_STACK_Y4M, {0, 1, 2}, 95, 0x6358ffbd},
        {{5, 3, 8, 0, 0}, PXR_STACK_Y4M, {1, 1, 1}, 74, 0xff0a772b},
        {{5, 3, 8, 0, 0}, PXR_STACK_Y4M, {0, 7, 1}, 74, 0x4d74b27d},
        {{7, 64, 16, 0, 0}, PXR_STACK_NPY, {0, 1, 2}, 5888, 0x97c5caec},
        {{7, 64, 16, 0, 0}, PXR_STACK_NPY, {1, 1, 1}, 4992, 0x4c73f8c9},
        {{7, 64, 16, 0, 0}, PXR_STACK_NPY, {0, 7, 1}, 4992, 0x291feea1},
        {{7, 64, 16, 0, 0}, PXR_STACK_TIF, {0, 1, 2}, 5888, 0x5e8aff86},
        {{7, 64, 16, 0, 0}, PXR_STACK_TIF, {1, 1, 1}, 4992, 0xed7014e6},
        {{7, 64, 16, 0, 0}, PXR_STACK_TIF, {0, 7, 1}, 4992, 0x881c028e},
        {{7, 64, 16, 0, 0}, PXR_STACK_IJ_TIF, {0, 1, 2}, 5888, 0x0f7db9d7},
        {{7, 64, 16, 0, 0}, PXR_STACK_IJ_TIF, {1, 1, 1}, 4992, 0x81870d98},
        {{7, 64, 16, 0, 0}, PXR_STACK_IJ_TIF, {0, 7, 1}, 4992, 0xe4eb1bf0},
        {{7, 64, 16, 0, 0}, PXR_STACK_Y4M, {0, 1, 2}, 1860, 0x4a606055},
        {{7, 64, 16, 0, 0}, PXR_STACK_Y4M, {1, 1, 1}, 958, 0x91877510},
        {{7, 64, 16, 0, 0}, PXR_STACK_Y4M, {0, 7, 1}, 958, 0xf4eb6378},
        {{1023, 65, 16, 12, 4095}, PXR_STACK_NPY, {0, 1, 2}, 270076, 0x3ada51f1},
        {{1023, 65, 16, 12, 4095}, PXR_STACK_NPY, {1, 1, 1}, 137086, 0x8103815c},
        {{1023, 65, 16, 12, 4095}, PXR_STACK_NPY, {0, 7, 1}, 137086, 0xdee108ae},
        {{1023, 65, 16, 12, 4095}, PXR_STACK_TIF, {0, 1, 2}, 270076, 0xf3e9b4b7},
        {{1023, 65, 16, 12, 4095}, PXR_STACK_TIF, {1, 1, 1}, 137086, 0x7f302364},
        {{1023, 65, 16, 12, 4095}, PXR_STACK_TIF, {0, 7, 1}, 137086, 0x20d2aa96},
        {{1023, 65, 16, 12, 4095}, PXR_STACK_IJ_TIF, {0, 1, 2}, 270076, 0x3dee7527},
        {{1023, 65, 16, 12, 4095}, PXR_STACK_IJ_TIF, {1, 1, 1}, 137086, 0x179268c4},
        {{1023, 65, 16, 12, 4095}, PXR_STACK_IJ_TIF, {0, 7, 1}, 137086, 0x4870e136},
        {{1023, 65, 16, 12, 4095}, PXR_STACK_Y4M, {0, 1, 2}, 266051, 0x4547d93e},
        {{1023, 65, 16, 12, 4095}, PXR_STACK_Y4M, {1, 1, 1}, 133055, 0x524609b4},
        {{1023, 65, 16, 12, 4095}, PXR_STACK_Y4M, {0, 7, 1}, 133055, 0x0da48046},
        {{1, 1, 8, 0, 0}, PXR_STACK_PX2, {0, 1, 2}, 34, 0xac4f5ff7},
        {{1, 1, 8, 0, 0}, PXR_STACK_PXS, {0, 1, 2}, 21, 0x122167dd},
        {{1, 1, 8, 0, 0}, PXR_STACK_PX2, {1, 1, 1}, 33, 0xfae37bbc},
        {{1, 1, 8, 0, 0}, PXR_STACK_PXS, {1, 1, 1}, 18, 0xf4ffb49b},
        {{1, 1, 8, 0, 0}, PXR_STACK_PX2, {0, 7, 1}, 33, 0xd7e19431},
        {{1, 1, 8, 0, 0}, PXR_STACK_PXS, {0, 7, 1}, 18, 0x715a3e2f},
        {{5, 3, 8, 0, 0}, PXR_STACK_PX2, {0, 1, 2}, 62, 0xfc23c0be},
        {{5, 3, 8, 0, 0}, PXR_STACK_PXS, {0, 1, 2}, 77, 0xdda25724},
        {{5, 3, 8, 0, 0}, PXR_STACK_PX2, {1, 1, 1}, 47, 0x90e4e02d},
        {{5, 3, 8, 0, 0}, PXR_STACK_PXS, {1, 1, 1}, 46, 0xbf35ffa3},
        {{5, 3, 8, 0, 0}, PXR_STACK_PX2, {0, 7, 1}, 47, 0xc677d263},
        {{5, 3, 8, 0, 0}, PXR_STACK_PXS, {0, 7, 1}, 46, 0x6e0e038d},
        {{7, 64, 16, 0, 0}, PXR_STACK_PX2, {0, 1, 2}, 1824, 0xdd96b913},
        {{7, 64, 16, 0, 0}, PXR_STACK_PX2, {1, 1, 1}, 928, 0xd6c6ab51},
        {{7, 64, 16, 0, 0}, PXR_STACK_PX2, {0, 7, 1}, 928, 0x33c40c12},
        {{33, 20, 8, 0, 0}, PXR_STACK_PX2, {0, 1, 2}, 1352, 0xcefb5aa6},
        {{33, 20, 8, 0, 0}, PXR_STACK_PXS, {0, 1, 2}, 2657, 0xda0c763b},
        {{33, 20, 8, 0, 0}, PXR_STACK_PX2, {1, 1, 1}, 692, 0xc2cf39d3},
        {{33, 20, 8, 0, 0}, PXR_STACK_PXS, {1, 1, 1}, 1336, 0x32faeedb},
        {{33, 20, 8, 0, 0}, PXR_STACK_PX2, {0, 7, 1}, 692, 0x5010af57},
        {{33, 20, 8, 0, 0}, PXR_STACK_PXS, {0, 7, 1}, 1336, 0xbe226479},
    };
    for (size_t i = 0; i < sizeof golden / sizeof golden[0]; i++) {
        struct bench b;
        size_t n_bytes;
        set_up(&b, golden[i].shape);
        uint8_t *whole = read_whole(&b, &golden[i].frames, golden[i].s, &n_bytes);
        cr_expect_eq(n_bytes, golden[i].n_bytes, "line %zu: %zu bytes", i, n_bytes);
        cr_expect_eq(pxr_crc32(0, whole, n_bytes), golden[i].crc32, "line %zu: crc32 %08" PRIx32, i,
                     pxr_crc32(0, whole, n_bytes));
        pxr_free(whole);
        tear_down(&b);
    }
}

static void check_ranges(struct shape shape, const struct pxr_frames *frames, enum pxr_stack s)
{
    struct bench b;
    size_t n_bytes, got;
    uint64_t state = shape.width_px * 31u + shape.height_px;
    set_up(&b, shape);
    uint8_t *whole = read_whole(&b, frames, s, &n_bytes);
    uint8_t *part = pxr_alloc(30001);
    for (unsigned i = 0; i < 300; i++) {
        const size_t off = next_random(&state) % (n_bytes + 2);
        const size_t n = next_random(&state) % ((i % 3 ? 30000u : 40u) + 1);
        const size_t expected = off >= n_bytes ? 0 : n < n_bytes - off ? n : n_bytes - off;
        part[n] = 0xa5;
        cr_assert_eq(pxr_stack_read(b.decoder, frames, s, off, part, n, &got), PXR_OK);
        cr_assert_eq(got, expected, "%s: [%zu, +%zu) gave %zu", pxr_stack_name(s), off, n, got);
        cr_assert(!memcmp(part, whole + (got ? off : 0), got), "%s, %u x %u: [%zu, +%zu) differs",
                  pxr_stack_name(s), shape.width_px, shape.height_px, off, n);
        cr_assert_eq(part[n], 0xa5, "wrote behind the request");
    }
    pxr_free(part);
    pxr_free(whole);
    tear_down(&b);
}

Test(stack, any_range_is_a_slice_of_the_whole)
{
    static const struct shape shapes[] = {
        {1, 1, 8, 0, 0}, {1, 1, 16, 0, 0}, {13, 65, 8, 4, 0}, {13, 64, 16, 0, 0}, {700, 130, 16, 0, 99}};
    const struct pxr_frames one = {1, 9, 1};
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
        for (unsigned s = 0; s < PXR_N_STACKS; s++) {
            if (s == PXR_STACK_PXS && shapes[i].bits == 16)
                continue;
            check_ranges(shapes[i], &both, (enum pxr_stack)s);
            check_ranges(shapes[i], &one, (enum pxr_stack)s);
        }
}

Test(stack, errors_leave_zeros_and_say_why)
{
    struct bench b;
    uint8_t part[64];
    size_t got = 1;
    set_up(&b, (struct shape){9, 9, 8, 0, 0});
    static const struct pxr_frames wrong[] = {{0, 1, 3}, {2, 1, 1}, {1, 1, 2}, {0, 2, 2}, {0, 0, 1},
                                              {0, UINT64_MAX, 2}, {UINT64_MAX, 1, 1}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        memset(part, 1, sizeof part);
        cr_assert_eq(pxr_stack_read(b.decoder, &wrong[i], PXR_STACK_NPY, 0, part, sizeof part, &got),
                     PXR_E_RANGE, "choice %zu", i);
        cr_assert_eq(got, 0);
        for (size_t k = 0; k < sizeof part; k++)
            cr_assert_eq(part[k], 0);
    }
    const struct pxr_frames none = {0, 1, 0};
    cr_assert_eq(pxr_stack_read(b.decoder, &none, PXR_STACK_TIF, 0, part, sizeof part, &got), PXR_E_LIMIT);
    cr_assert(strstr(pxr_decoder_diag(b.decoder)->text, "no frames"));
    cr_assert_eq(pxr_stack_read(b.decoder, &none, PXR_STACK_NPY, 4095, part, sizeof part, &got), PXR_OK);
    cr_assert(got == 1 && part[0] == '\n', "an empty array is a head");
    cr_assert_eq(pxr_stack_read(b.decoder, &both, PXR_N_STACKS, 0, part, sizeof part, &got), PXR_E_LIMIT);
    tear_down(&b);
}

/* What cannot be: said without an archive of that size. */
Test(stack, what_does_not_fit_is_refused)
{
    struct pxr_archive_info a = {.width_px = 1000, .height_px = 1000, .bits = 8, .n_frames = 1u << 31};
    struct pxr_frames all = {0, 1, 1u << 31};
    cr_assert_str_eq(pxr_stack_refusal(&a, &all, PXR_STACK_IJ_TIF),
                     "the number of frames does not fit 32 bits");
    cr_assert(strstr(pxr_stack_refusal(&(struct pxr_archive_info){.width_px = 9, .height_px = 9, .bits = 16, .n_frames = 1},
                                       &(struct pxr_frames){0, 1, 1}, PXR_STACK_PXS), "5 bits"));
    cr_assert_null(pxr_stack_refusal(&a, &all, PXR_STACK_TIF));
    cr_assert_eq(pxr_stack_bytes(&a, &all, PXR_STACK_IJ_TIF), 0);
    cr_assert_eq(pxr_stack_bytes(&a, &all, PXR_STACK_TIF),
                 ((512 + ((uint64_t)256 << 31) + 4095) & ~(uint64_t)4095) + ((uint64_t)1000000 << 31));
    all.n_frames--;
    cr_assert_null(pxr_stack_refusal(&a, &all, PXR_STACK_IJ_TIF));
    a.width_px = a.height_px = 46341; /* squared: just above 2^31 */
    cr_assert_str_eq(pxr_stack_refusal(&a, &all, PXR_STACK_IJ_TIF),
                     "the bytes of a frame do not fit 32 bits");
    all.n_frames = (uint64_t)1 << 40;
    for (unsigned s = 0; s < PXR_N_STACKS; s++) {
        cr_assert_not_null(pxr_stack_refusal(&a, &all, (enum pxr_stack)s));
        cr_assert_eq(pxr_stack_bytes(&a, &all, (enum pxr_stack)s), 0);
    }
    a.width_px = a.height_px = UINT32_MAX;
    all.n_frames = 1;
    a.bits = 16;
    cr_assert_not_null(pxr_stack_refusal(&a, &all, PXR_STACK_NPY));
    cr_assert_not_null(pxr_zarr_refusal(&a));
}

/* ---- many directories, and what parts cost -------------------------------------------------------- */

enum { W = 64, H = 60, N = 40, STRIPE = 8, GROUP = 8 };

struct many {
    char path[64];
    uint8_t pixels[N][W * H];
    pxr_archive *archive;
    pxr_decoder *decoder;
};

static void set_up_many(struct many *m)
{
    struct pxr_diag diag;
    pxr_writer *w;
    uint64_t state = 1;
    snprintf(m->path, sizeof m->path, "/tmp/pxr-stack-%d.pxr", (int)getpid());
    const struct pxr_write_opts o = {.width_px = W, .height_px = H, .bits = 8, .n_threads = 1,
                                     .block_frames = GROUP, .block_height_px = STRIPE,
                                     .block_width_px = W, .overwrite = true};
    cr_assert_eq(pxr_writer_create(&w, m->path, &o, &diag), PXR_OK);
    for (unsigned i = 0; i < N; i++) {
        for (size_t k = 0; k < sizeof m->pixels[i]; k++)
            m->pixels[i][k] = (uint8_t)next_random(&state);
        const struct pxr_frame_in in = {.pixels = m->pixels[i]};
        cr_assert_eq(pxr_writer_add(w, &in), PXR_OK);
    }
    cr_assert_eq(pxr_writer_finish(w, NULL, &diag), PXR_OK);
    cr_assert_eq(pxr_archive_open(&m->archive, m->path, NULL, &diag), PXR_OK);
    cr_assert_eq(pxr_decoder_new(&m->decoder, m->archive), PXR_OK);
}

static void tear_down_many(struct many *m)
{
    pxr_decoder_free(m->decoder);
    pxr_archive_close(m->archive);
    unlink(m->path);
}

static uint64_t n_decoded(const struct many *m)
{
    struct pxr_stats stats;
    pxr_archive_stats(m->archive, &stats);
    return stats.units_decoded;
}

Test(stack, a_choice_of_frames_in_each_format)
{
    static struct many m;
    static uint8_t frame[W * H];
    const struct pxr_frames choice = {3, 5, 8}; /* 3, 8, ... 38 */
    struct pxr_archive_info info;
    size_t got;
    set_up_many(&m);
    pxr_archive_info(m.archive, &info);
    for (unsigned s = 0; s <= PXR_STACK_Y4M; s++) { /* those of rows */
        const size_t lead = s == PXR_STACK_Y4M ? 6 : 0;
        const uint64_t total = pxr_stack_bytes(&info, &choice, (enum pxr_stack)s);
        for (unsigned k = 0; k < choice.n_frames; k++) {
            const uint64_t off = total - (choice.n_frames - k) * (W * H + lead) + lead;
            cr_assert_eq(pxr_stack_read(m.decoder, &choice, (enum pxr_stack)s, off, frame, sizeof frame,
                                        &got), PXR_OK);
            cr_assert(got == sizeof frame && !memcmp(frame, m.pixels[3 + 5 * k], sizeof frame),
                      "%s, frame %u", pxr_stack_name((enum pxr_stack)s), k);
        }
    }
    tear_down_many(&m);
}

Test(stack, directories_of_a_tif_are_a_chain_that_decodes_nothing)
{
    static struct many m;
    const struct pxr_frames all = {0, 1, N};
    const uint64_t data_off = 12288; /* 512 + 256 * 40 bytes of head, in pages */
    uint8_t ifd[256];
    uint64_t off = 512;
    size_t got;
    set_up_many(&m);
    for (unsigned k = 0; k < N; k++) {
        cr_assert_eq(pxr_stack_read(m.decoder, &all, PXR_STACK_TIF, off, ifd, sizeof ifd, &got), PXR_OK);
        const uint64_t n = pxr_load_u64le(ifd);
        cr_assert_eq(n, k ? 11 : 12, "entries of page %u", k);
        for (uint64_t i = 0; i < n; i++)
            if (pxr_load_u16le(ifd + 8 + 20 * i) == 273)
                cr_assert_eq(pxr_load_u64le(ifd + 8 + 20 * i + 12), data_off + (uint64_t)k * W * H);
        off = pxr_load_u64le(ifd + 8 + 20 * n);
    }
    cr_assert_eq(off, 0, "the chain ends");
    cr_assert_eq(n_decoded(&m), 0);
    tear_down_many(&m);
}

Test(stack, a_part_decodes_the_units_under_it)
{
    static struct many m;
    const struct pxr_frames all = {0, 1, N};
    uint8_t byte;
    size_t got;
    set_up_many(&m);
    /* One sample of one frame: a stripe, in it at most log2(8) + 1 units. */
    cr_assert_eq(pxr_stack_read(m.decoder, &all, PXR_STACK_NPY, 4096 + 13 * W * H + 20 * W, &byte, 1, &got),
                 PXR_OK);
    cr_assert_eq(byte, m.pixels[13][20 * W]);
    cr_assert(n_decoded(&m) >= 1 && n_decoded(&m) <= 4, "%" PRIu64 " units", n_decoded(&m));
    /* The trace of that sample in time: that stripe of each frame, each unit once. */
    for (unsigned k = 0; k < N; k++) {
        const uint64_t off = 4096 + (uint64_t)k * W * H + 20 * W;
        cr_assert_eq(pxr_stack_read(m.decoder, &all, PXR_STACK_NPY, off, &byte, 1, &got), PXR_OK);
        cr_assert_eq(byte, m.pixels[k][20 * W], "frame %u", k);
    }
    cr_assert_leq(n_decoded(&m), N, "one unit of one stripe for each frame");
    tear_down_many(&m);
}

Test(zarr, chunks_are_padded_stripes)
{
    static struct many m;
    struct pxr_archive_info info;
    char text[PXR_ZARR_TEXT_BYTES];
    static uint8_t chunk[STRIPE * W + 5];
    size_t got;
    set_up_many(&m);
    pxr_archive_info(m.archive, &info);
    cr_assert_eq(pxr_zarr_n_stripes(&info), 8);
    cr_assert_eq(pxr_zarr_chunk_bytes(&info), STRIPE * W);
    cr_assert_eq(pxr_zarr_text(&info, N, PXR_ZARR_ZARRAY, text), strlen(text));
    cr_assert(strstr(text, "\"shape\": [40, 60, 64]") && strstr(text, "\"chunks\": [1, 8, 64]"), "%s", text);
    for (unsigned y = 0; y < 8; y++) {
        const size_t rows = y == 7 ? 4 : 8;
        memset(chunk, 0xa5, sizeof chunk);
        cr_assert_eq(pxr_zarr_read(m.decoder, 17, y, 0, chunk, sizeof chunk, &got), PXR_OK);
        cr_assert_eq(got, STRIPE * W);
        cr_assert(!memcmp(chunk, m.pixels[17] + y * STRIPE * W, rows * W), "stripe %u", y);
        for (size_t k = rows * W; k < STRIPE * W; k++)
            cr_assert_eq(chunk[k], 0, "padding");
        cr_assert_eq(chunk[STRIPE * W], 0xa5);
        for (size_t off = 0; off < STRIPE * W + 3; off += 37) {
            uint8_t part[50];
            const size_t n = off >= STRIPE * W ? 0 : STRIPE * W - off < 50 ? STRIPE * W - off : 50;
            cr_assert_eq(pxr_zarr_read(m.decoder, 17, y, off, part, 50, &got), PXR_OK);
            cr_assert(got == n && !memcmp(part, chunk + (n ? off : 0), n), "stripe %u at %zu", y, off);
        }
    }
    cr_assert_eq(pxr_zarr_read(m.decoder, 17, 8, 0, chunk, 8, &got), PXR_E_RANGE);
    cr_assert_eq(pxr_zarr_read(m.decoder, N, 0, 0, chunk, 8, &got), PXR_E_RANGE);
    tear_down_many(&m);
}
