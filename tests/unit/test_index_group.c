/* SPDX-License-Identifier: MIT
 * What pxr_group_info says about groups. */
#include "kept_archive.h"

#include <criterion/criterion.h>

enum { WIDTH = 40, HEIGHT = 30, N_FRAMES = 10 };

/* Frames of 4 in a group, stripes of 10 rows; the last stripe is constant. */
static pxr_archive *make(struct kept_file *k)
{
    const struct pxr_write_opts o = {.width_px = WIDTH, .height_px = HEIGHT, .bits = 8, .n_threads = 1,
                                     .block_frames = 4, .block_height_px = 10, .block_width_px = WIDTH,
                                     .codec = PXR_CODEC_STORE};
    static uint8_t pixels[WIDTH * HEIGHT];
    pxr_writer *w;
    pxr_archive *a;
    kept_init(k, NULL, 0);
    cr_assert_eq(pxr_writer_create_io(&w, &k->io, k->memory.arg, &o, NULL), PXR_OK);
    for (unsigned f = 0; f < N_FRAMES; f++) {
        for (unsigned i = 0; i < WIDTH * 20; i++)
            pixels[i] = (uint8_t)(i * 7 + f * 13 + i * i / 11);
        cr_assert_eq(pxr_writer_add(w, &(struct pxr_frame_in){.pixels = pixels}), PXR_OK);
    }
    cr_assert_eq(pxr_writer_finish(w, NULL, NULL), PXR_OK);
    cr_assert_eq(pxr_archive_open_io(&a, &k->io, k->memory.arg, NULL, NULL), PXR_OK);
    return a;
}

Test(group, tells_frames_blocks_bytes_and_codecs)
{
    struct kept_file k;
    pxr_archive *a = make(&k);
    struct pxr_group_info g;
    cr_assert_eq(pxr_group_info(a, 5, &g, NULL), PXR_OK);
    cr_expect_eq(g.first_frame, 4);
    cr_expect_eq(g.n_frames, 4);
    cr_expect_eq(g.n_blocks, 3);
    cr_expect_eq(g.block_height_px, 10);
    cr_expect_eq(g.block_width_px, WIDTH);
    cr_expect_eq(g.stored_bytes, 4 * WIDTH * 20);
    cr_expect_eq(g.n_codec[0], 2);
    cr_expect_eq(g.n_codec[1], 1);
    cr_assert_eq(pxr_group_info(a, 9, &g, NULL), PXR_OK);
    cr_expect_eq(g.first_frame, 8);
    cr_expect_eq(g.n_frames, 2, "the last group is shorter");
    pxr_archive_close(a);
    kept_fini(&k);
}

Test(group, of_a_frame_that_does_not_exist_is_out_of_range)
{
    struct kept_file k;
    pxr_archive *a = make(&k);
    struct pxr_group_info g;
    struct pxr_diag diag;
    cr_expect_eq(pxr_group_info(a, N_FRAMES, &g, &diag), PXR_E_RANGE);
    cr_expect_eq(diag.code, PXR_E_RANGE);
    cr_expect_eq(pxr_group_info(a, PXR_NONE, &g, NULL), PXR_E_RANGE);
    pxr_archive_close(a);
    kept_fini(&k);
}

Test(group, codec_names_are_those_of_the_format)
{
    cr_expect_str_eq(pxr_block_codec_name(0), "store");
    cr_expect_str_eq(pxr_block_codec_name(3), "predict");
    cr_expect_str_eq(pxr_block_codec_name(6), "sorted");
    cr_expect_str_eq(pxr_block_codec_name(7), "unknown");
}
