/* SPDX-License-Identifier: MIT
 * Archives in memory for tests: made by the real writer, read by the real reader. */
#ifndef PXR_TESTS_KEPT_ARCHIVE_H
#define PXR_TESTS_KEPT_ARCHIVE_H

#include "alloc.h"
#include "bytes.h"
#include "diag.h"
#include "io.h"

#include <stdio.h>
#include <stdlib.h>

/* A memory file that outlives the writer or archive that uses it. */
struct kept_file {
    struct pxr_file memory;
    struct pxr_io io; /* the same without close */
};

static inline void kept_close(void *arg) { (void)arg; }

static inline void kept_init(struct kept_file *k, const void *src, size_t n_bytes)
{
    if (pxr_file_memory(&k->memory, src, n_bytes, NULL) != PXR_OK)
        abort();
    k->io = k->memory.io;
    k->io.close = kept_close;
}
static inline void kept_fini(struct kept_file *k) { pxr_file_close(&k->memory); }

/* Reproducible numbers (splitmix64). */
static inline uint64_t test_random(uint64_t *state)
{
    uint64_t z = *state += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

/* Contents of test frames: every sample is a function of frame, position and kind. */
enum test_content { TEST_NOISE, TEST_SMOOTH, TEST_ZERO, TEST_REPEAT, TEST_MASK, TEST_N_CONTENTS };

static inline void test_frame(void *dst, uint64_t frame, uint32_t w, uint32_t h, uint8_t bits,
                              uint32_t maxval, enum test_content content)
{
    uint64_t state = content == TEST_REPEAT ? 1 : frame * 77 + 5;
    for (size_t i = 0; i < (size_t)w * h; i++) {
        uint32_t v = 0;
        if (content == TEST_NOISE || content == TEST_REPEAT)
            v = (uint32_t)(test_random(&state) >> 20);
        else if (content == TEST_SMOOTH)
            v = (uint32_t)(i % w + 2 * (i / w) + frame + (test_random(&state) & 3));
        else if (content == TEST_MASK) /* four levels */
            v = (uint32_t)((i % w / 5 + i / w / 3 + frame) % 4 * (maxval / 4));
        v %= maxval + 1;
        if (bits == 8) {
            ((uint8_t *)dst)[i] = (uint8_t)v;
        } else {
            const uint16_t s = (uint16_t)v;
            memcpy((uint8_t *)dst + 2 * i, &s, 2);
        }
    }
}

struct test_spec {
    uint32_t w, h, n_frames, bt, bh, bw;
    uint8_t bits;
    enum test_content content;
    enum pxr_codec codec;
    unsigned n_threads;
    unsigned commit_every; /* 0: only at the end */
    uint8_t parity; /* percent */
    uint16_t max_error; /* frames are read back within it */
    unsigned torn_after; /* golden archives: frames before an append that is torn and skipped by the next; 0: none */
};

static inline uint32_t test_max(uint8_t bits) { return bits == 8 ? 255 : 65535; }

/* Write an archive of the spec; frame i is called name_%04i. */
static inline enum pxr_err test_write(struct kept_file *k, const struct test_spec *s,
                                      struct pxr_write_summary *summary, struct pxr_diag *diag)
{
    const struct pxr_write_opts o = {
        .width_px = s->w, .height_px = s->h, .bits = s->bits, .block_frames = s->bt,
        .block_height_px = s->bh, .block_width_px = s->bw, .codec = s->codec,
        .n_threads = s->n_threads ? s->n_threads : 1, .parity_percent = s->parity, .max_error = s->max_error,
    };
    pxr_writer *w;
    enum pxr_err e = pxr_writer_create_io(&w, &k->io, k->memory.arg, &o, diag);
    if (e != PXR_OK)
        return e;
    void *pixels = malloc((size_t)s->w * s->h * 2);
    for (uint32_t i = 0; i < s->n_frames && e == PXR_OK; i++) {
        char name[32];
        snprintf(name, sizeof name, "name_%04u", i);
        test_frame(pixels, i, s->w, s->h, s->bits, test_max(s->bits), s->content);
        const struct pxr_frame_in f = {.pixels = pixels, .name = name};
        e = pxr_writer_add(w, &f);
        if (e == PXR_OK && s->commit_every && (i + 1) % s->commit_every == 0)
            e = pxr_writer_commit(w);
    }
    free(pixels);
    if (e != PXR_OK) {
        if (diag)
            *diag = *pxr_writer_diag(w);
        pxr_writer_abort(w);
        return e;
    }
    return pxr_writer_finish(w, summary, diag);
}

/* Whether no sample of a frame is further than max_error from the other. */
static inline bool test_is_near(const uint8_t *a, const uint8_t *b, size_t n_px, uint8_t bits, uint32_t max_error)
{
    for (size_t i = 0; i < n_px; i++) {
        const size_t at = i * (bits / 8u);
        uint16_t x = a[at], y = b[at];
        if (bits == 16) {
            memcpy(&x, a + at, 2);
            memcpy(&y, b + at, 2);
        }
        if ((uint32_t)abs(x - y) > max_error)
            return false;
    }
    return true;
}

/* Read every frame and compare it with the spec's.  PXR_OK: all are exact, or as near as the spec says; MISMATCH: a wrong pixel, which
 * must never happen; else the first error. */
static inline enum pxr_err test_verify(pxr_archive *a, const struct test_spec *s, uint64_t n_frames,
                                       struct pxr_diag *diag)
{
    const size_t row = (size_t)s->w * (s->bits / 8u), n = row * s->h;
    pxr_decoder *d;
    enum pxr_err e = pxr_decoder_new(&d, a);
    if (e != PXR_OK)
        return e;
    uint8_t *want = malloc(n), *got = malloc(n);
    for (uint64_t i = 0; i < n_frames && e == PXR_OK; i++) {
        e = pxr_frame_read(d, i, 0, s->h, got, n, row);
        if (e != PXR_OK) {
            if (diag)
                *diag = *pxr_decoder_diag(d);
            break;
        }
        test_frame(want, i, s->w, s->h, s->bits, test_max(s->bits), s->content);
        if (!test_is_near(want, got, n / (s->bits / 8u), s->bits, s->max_error))
            e = pxr_fail(diag, PXR_E_MISMATCH, "WRONG PIXELS in frame %llu", (unsigned long long)i);
    }
    free(want);
    free(got);
    pxr_decoder_free(d);
    return e;
}

#endif
