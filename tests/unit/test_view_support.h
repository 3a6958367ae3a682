/* SPDX-License-Identifier: MIT
 * An archive of a blank frame and a picture, for the tests of views. */
#ifndef PXR_TEST_VIEW_SUPPORT_H
#define PXR_TEST_VIEW_SUPPORT_H

#include "alloc.h"
#include "bytes.h"
#include "checksum.h"
#include "pixelrain.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <unistd.h>

struct shape {
    uint32_t width_px, height_px;
    uint8_t bits, sbit;
    uint16_t maxval; /* 0: 2^bits - 1 */
};

/* One archive of two frames: frame 0 is all zero, frame 1 is the picture under test. */
struct bench {
    struct shape shape;
    char path[64];
    uint8_t *pixels;
    size_t pixel_bytes;
    struct pxr_frame_info info;
    pxr_archive *archive;
    pxr_decoder *decoder;
};

static inline uint64_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

/* The same picture on every machine: a ramp with noise, and the largest sample in the last place. */
static inline void draw(const struct shape *s, uint8_t *pixels)
{
    const uint32_t maxval = s->maxval ? s->maxval : (1u << s->bits) - 1;
    const size_t n = (size_t)s->width_px * s->height_px;
    uint64_t state = 12345;
    for (size_t i = 0; i < n; i++) {
        const uint32_t v = i + 1 == n ? maxval
                                      : (uint32_t)((i * 3 + next_random(&state) % 29) % (maxval + 1));
        if (s->bits == 8) {
            pixels[i] = (uint8_t)v;
        } else {
            const uint16_t v16 = (uint16_t)v;
            memcpy(pixels + 2 * i, &v16, 2);
        }
    }
}

static inline void set_up(struct bench *b, struct shape s)
{
    static unsigned number;
    struct pxr_diag diag;
    pxr_writer *w;
    *b = (struct bench){.shape = s};
    b->pixel_bytes = (size_t)s.width_px * s.height_px * (s.bits / 8u);
    b->pixels = pxr_alloc_zero(1, b->pixel_bytes);
    snprintf(b->path, sizeof b->path, "/tmp/pxr-view-%d-%u.pxr", (int)getpid(), number++);
    const struct pxr_write_opts o = {.width_px = s.width_px,
                                     .height_px = s.height_px,
                                     .bits = s.bits,
                                     .n_threads = 1,
                                     .overwrite = true};
    cr_assert_eq(pxr_writer_create(&w, b->path, &o, &diag), PXR_OK);
    struct pxr_frame_in in = {.pixels = b->pixels, .name = "zero"};
    cr_assert_eq(pxr_writer_add(w, &in), PXR_OK);
    draw(&s, b->pixels);
    in = (struct pxr_frame_in){
        .pixels = b->pixels, .name = "picture", .maxval = s.maxval, .sbit = s.sbit};
    cr_assert_eq(pxr_writer_add(w, &in), PXR_OK);
    cr_assert_eq(pxr_writer_finish(w, NULL, &diag), PXR_OK);
    cr_assert_eq(pxr_archive_open(&b->archive, b->path, NULL, &diag), PXR_OK);
    cr_assert_eq(pxr_frame_info(b->archive, 1, &b->info, &diag), PXR_OK);
    cr_assert_eq(pxr_decoder_new(&b->decoder, b->archive), PXR_OK);
}

static inline void tear_down(struct bench *b)
{
    pxr_decoder_free(b->decoder);
    pxr_archive_close(b->archive);
    unlink(b->path);
    pxr_free(b->pixels);
}

#endif
