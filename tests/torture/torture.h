/* SPDX-License-Identifier: MIT
 * What the torture programs share: one line a property, a workload, and the truth about it. */
#ifndef PXR_TESTS_TORTURE_H
#define PXR_TESTS_TORTURE_H

#include "recovered.h"

/* Each program takes how many of its cases are to be run, at least; it ends with 1 at the first wrong one. */
static inline uint64_t torture_count(int argc, char **argv, uint64_t short_form)
{
    return argc > 1 ? strtoull(argv[1], NULL, 10) : short_form;
}

#define TORTURE_FAIL(...)                                                                                              \
    do {                                                                                                               \
        fprintf(stderr, "FAILED (%s:%d): ", __FILE__, __LINE__);                                                       \
        fprintf(stderr, __VA_ARGS__);                                                                                  \
        fputc('\n', stderr);                                                                                           \
        exit(1);                                                                                                       \
    } while (0)

/* ---- the workload: 12 frames in three lives of an archive ---------------------------------------- */

enum { TORTURE_W = 8, TORTURE_H = 6, TORTURE_FRAMES = 12 };
static const struct test_spec torture_spec = {.w = TORTURE_W, .h = TORTURE_H, .n_frames = TORTURE_FRAMES, .bits = 8,
                                              .content = TEST_SMOOTH};

/* Built without zstd, two codecs are missing. */
static inline bool torture_has_codec(enum pxr_codec codec)
{
    const struct test_spec s = {.w = 40, .h = 8, .n_frames = 2, .bits = 8, .content = TEST_SMOOTH, .codec = codec};
    struct kept_file k;
    kept_init(&k, NULL, 0);
    const enum pxr_err e = test_write(&k, &s, NULL, NULL);
    kept_fini(&k);
    return e == PXR_OK;
}

/* Add frames [first, end), with a commit behind every third; *n_durable follows what commits have promised. */
static inline enum pxr_err torture_add(pxr_writer *w, uint32_t first, uint32_t end, uint32_t *n_durable)
{
    enum pxr_err e = PXR_OK;
    for (uint32_t i = first; i < end && e == PXR_OK; i++) {
        uint8_t pixels[TORTURE_W * TORTURE_H];
        char name[32];
        snprintf(name, sizeof name, "name_%04u", i);
        test_frame(pixels, i, TORTURE_W, TORTURE_H, 8, 255, TEST_SMOOTH);
        e = pxr_writer_add(w, &(struct pxr_frame_in){.pixels = pixels, .name = name});
        if (e == PXR_OK && i % 3 == 2) {
            e = pxr_writer_commit(w);
            if (e == PXR_OK)
                *n_durable = i + 1;
        }
    }
    return e;
}

/* Open, and hold every frame to the truth.  Returns how many there are; -1: it cannot be opened, *e says why. */
static inline int64_t torture_read(const struct pxr_io *io, void *arg, enum pxr_err *e, struct pxr_diag *diag)
{
    pxr_archive *a;
    struct pxr_archive_info info;
    *e = pxr_archive_open_io(&a, io, arg, NULL, diag);
    if (*e != PXR_OK)
        return -1;
    pxr_archive_info(a, &info);
    if (info.n_frames > TORTURE_FRAMES)
        TORTURE_FAIL("%llu frames were invented", (unsigned long long)info.n_frames);
    *e = test_verify(a, &torture_spec, info.n_frames, diag);
    for (uint64_t i = 0; i < info.n_frames && *e == PXR_OK; i++) {
        struct pxr_frame_info f;
        uint64_t found;
        char name[32];
        const int n = snprintf(name, sizeof name, "name_%04u", (unsigned)i);
        *e = pxr_frame_find(a, name, (size_t)n, &found, diag);
        if (*e == PXR_OK)
            *e = pxr_frame_info(a, i, &f, diag);
        if (*e == PXR_OK && (found != i || strcmp(f.name, name)))
            TORTURE_FAIL("frame %d is called '%s'", (int)i, f.name);
    }
    pxr_archive_close(a);
    return (int64_t)info.n_frames;
}

#endif
