/* SPDX-License-Identifier: MIT
 * The golden archives: small, one for each thing that the format can say, read for ever. */
#ifndef PXR_TESTS_GOLDEN_SPECS_H
#define PXR_TESTS_GOLDEN_SPECS_H

#include "kept_archive.h"

static const struct {
    const char *name;
    struct test_spec spec;
} golden[] = {
    {"smallest", {.w = 1, .h = 1, .n_frames = 1, .bits = 8, .content = TEST_NOISE}},
    {"store8", {.w = 13, .h = 9, .n_frames = 7, .bt = 3, .bh = 4, .bits = 8, .content = TEST_NOISE,
                .codec = PXR_CODEC_STORE}},
    {"store16", {.w = 5, .h = 12, .n_frames = 6, .bt = 4, .bw = 3, .bits = 16, .content = TEST_NOISE,
                 .codec = PXR_CODEC_STORE, .commit_every = 2}},
    {"zstd8", {.w = 40, .h = 33, .n_frames = 20, .bt = 8, .bh = 16, .bits = 8,
               .content = TEST_SMOOTH, .codec = PXR_CODEC_ZSTD, .commit_every = 9}},
    {"zstd16", {.w = 40, .h = 33, .n_frames = 20, .bt = 8, .bh = 16, .bits = 16,
                .content = TEST_SMOOTH, .codec = PXR_CODEC_ZSTD}},
    {"constant16", {.w = 21, .h = 10, .n_frames = 9, .bt = 4, .bits = 16, .content = TEST_ZERO}},
    {"shared8", {.w = 16, .h = 16, .n_frames = 12, .bt = 3, .bh = 8, .bits = 8,
                 .content = TEST_REPEAT}},
    {"predict8", {.w = 75, .h = 70, .n_frames = 20, .bt = 9, .bits = 8, .content = TEST_SMOOTH,
                  .codec = PXR_CODEC_PREDICT}},
    {"predict16", {.w = 40, .h = 33, .n_frames = 12, .bt = 12, .bh = 16, .bits = 16,
                   .content = TEST_SMOOTH, .codec = PXR_CODEC_PREDICT, .commit_every = 7}},
    {"match8", {.w = 75, .h = 70, .n_frames = 20, .bt = 9, .bits = 8, .content = TEST_SMOOTH,
                .codec = PXR_CODEC_MATCH}},
    {"match16", {.w = 40, .h = 33, .n_frames = 12, .bt = 12, .bh = 16, .bits = 16,
                 .content = TEST_SMOOTH, .codec = PXR_CODEC_MATCH, .commit_every = 7}},
    {"adaptive8", {.w = 75, .h = 70, .n_frames = 20, .bt = 9, .bits = 8, .content = TEST_SMOOTH,
                   .codec = PXR_CODEC_ADAPTIVE}},
    {"adaptive16", {.w = 40, .h = 33, .n_frames = 12, .bt = 12, .bh = 16, .bits = 16,
                    .content = TEST_SMOOTH, .codec = PXR_CODEC_ADAPTIVE, .commit_every = 7}},
    {"sorted8", {.w = 75, .h = 70, .n_frames = 20, .bt = 9, .bits = 8, .content = TEST_SMOOTH,
                 .codec = PXR_CODEC_SORTED}},
    {"sorted16", {.w = 40, .h = 33, .n_frames = 12, .bt = 12, .bh = 16, .bits = 16,
                  .content = TEST_SMOOTH, .codec = PXR_CODEC_SORTED, .commit_every = 7}},
    {"skipped8", {.w = 13, .h = 9, .n_frames = 8, .bt = 3, .bits = 8, .content = TEST_NOISE,
                  .codec = PXR_CODEC_STORE, .torn_after = 4}},
    {"parity8", {.w = 61, .h = 40, .n_frames = 9, .bt = 3, .bits = 8, .content = TEST_NOISE,
                 .codec = PXR_CODEC_STORE, .commit_every = 6, .parity = 40}},
    {"published8", {.w = 19, .h = 11, .n_frames = 130, .bt = 100, .bh = 8, .bw = 8, .bits = 8,
                    .content = TEST_SMOOTH}},
    {"small8", {.w = 13, .h = 9, .n_frames = 7, .bt = 3, .bh = 4, .bits = 8, .content = TEST_SMOOTH,
                .codec = PXR_CODEC_STORE}},
    {"small16", {.w = 40, .h = 33, .n_frames = 5, .bt = 4, .bits = 16, .content = TEST_SMOOTH,
                 .codec = PXR_CODEC_STORE, .commit_every = 2}},
    {"near8", {.w = 40, .h = 33, .n_frames = 12, .bt = 5, .bh = 16, .bits = 8, .content = TEST_SMOOTH,
               .codec = PXR_CODEC_STORE, .max_error = 3, .commit_every = 7}},
    {"near16", {.w = 40, .h = 33, .n_frames = 12, .bt = 12, .bits = 16, .content = TEST_NOISE,
                .codec = PXR_CODEC_PREDICT, .max_error = 500}},
    {"dci8", {.w = 13, .h = 9, .n_frames = 7, .bt = 3, .bh = 4, .bits = 8, .content = TEST_SMOOTH,
              .codec = PXR_CODEC_STORE}},
    {"pce8", {.w = 40, .h = 33, .n_frames = 5, .bt = 4, .bits = 8, .content = TEST_MASK,
              .codec = PXR_CODEC_STORE, .commit_every = 2}},
    {"pce16", {.w = 40, .h = 33, .n_frames = 5, .bt = 4, .bits = 16, .content = TEST_MASK,
               .codec = PXR_CODEC_STORE}},
    {"pcetiles", {.w = 300, .h = 260, .n_frames = 3, .bt = 3, .bits = 8, .content = TEST_MASK,
                  .codec = PXR_CODEC_PREDICT}},
    {"smallbands", {.w = 4000, .h = 40, .n_frames = 3, .bt = 3, .bits = 8, .content = TEST_ZERO}},
};
#define N_GOLDEN (sizeof golden / sizeof *golden)

/* Those that are indexed, and the CRC-32 of the view's files, one behind the other and its companions before them, which
 * tests/cli/small_png.py and tests/cli/indexed_views.py have made anew. */
static const struct golden_index {
    const char *name;
    enum pxr_view view;
    uint32_t crc32;
} golden_indexed[] = {{"small8", PXR_VIEW_PNG_SMALL, 0x8111a658},  {"small16", PXR_VIEW_PNG_SMALL, 0x1e1f2fd1},
                      {"smallbands", PXR_VIEW_PNG_SMALL, 0xb7a41d2c}, {"dci8", PXR_VIEW_DCI, 0x92377667},
                      {"pce8", PXR_VIEW_PCE, 0xd92e147a},                   {"pce16", PXR_VIEW_PCE, 0xb6044515},
                      {"pcetiles", PXR_VIEW_PCE, 0xf9c02c48}};
#define N_GOLDEN_INDEXED (sizeof golden_indexed / sizeof *golden_indexed)

/* Go on with frames [first, end) of a spec. */
static inline enum pxr_err golden_append(struct kept_file *k, const struct test_spec *s, uint32_t first, uint32_t end)
{
    const struct pxr_write_opts o = {.codec = s->codec, .n_threads = 1};
    uint8_t *pixels = malloc((size_t)s->w * s->h * 2);
    pxr_writer *w;
    enum pxr_err e = pxr_writer_append_io(&w, &k->io, k->memory.arg, &o, NULL);
    for (uint32_t i = first; i < end && e == PXR_OK; i++) {
        char name[32];
        snprintf(name, sizeof name, "name_%04u", i);
        test_frame(pixels, i, s->w, s->h, s->bits, test_max(s->bits), s->content);
        e = pxr_writer_add(w, &(struct pxr_frame_in){.pixels = pixels, .name = name});
    }
    free(pixels);
    return e == PXR_OK ? pxr_writer_finish(w, NULL, NULL) : e;
}

/* The archive of a spec, without an index. */
static inline enum pxr_err golden_write(struct kept_file *k, size_t i)
{
    struct test_spec s = golden[i].spec;
    size_t n;
    int err;
    if (!s.torn_after)
        return test_write(k, &s, NULL, NULL);
    s.n_frames = s.torn_after;
    enum pxr_err e = test_write(k, &s, NULL, NULL);
    pxr_file_memory_bytes(&k->memory, &n);
    if (e == PXR_OK)
        e = golden_append(k, &s, s.n_frames, s.n_frames + 1);
    if (e == PXR_OK) /* a header that is whole, and some of what it says that there is */
        e = k->io.truncate(k->memory.arg, n + 101, &err);
    return e == PXR_OK ? golden_append(k, &s, s.n_frames, golden[i].spec.n_frames) : e;
}

#endif
