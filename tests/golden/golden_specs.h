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
    {"published8", {.w = 19, .h = 11, .n_frames = 130, .bt = 100, .bh = 8, .bw = 8, .bits = 8,
                    .content = TEST_SMOOTH}},
    {"small8", {.w = 13, .h = 9, .n_frames = 7, .bt = 3, .bh = 4, .bits = 8, .content = TEST_SMOOTH,
                .codec = PXR_CODEC_STORE}},
    {"small16", {.w = 40, .h = 33, .n_frames = 5, .bt = 4, .bits = 16, .content = TEST_SMOOTH,
                 .codec = PXR_CODEC_STORE, .commit_every = 2}},
    {"smallbands", {.w = 4000, .h = 40, .n_frames = 3, .bt = 3, .bits = 8, .content = TEST_ZERO}},
};
#define N_GOLDEN (sizeof golden / sizeof *golden)

/* Those that are indexed for png-small, and the CRC-32 of their files, one behind the other, which
 * tests/cli/small_png.py has made anew. */
static const struct {
    const char *name;
    uint32_t crc32;
} golden_small[] = {{"small8", 0x8111a658}, {"small16", 0x1e1f2fd1}, {"smallbands", 0xb7a41d2c}};
#define N_GOLDEN_SMALL (sizeof golden_small / sizeof *golden_small)

#endif
