/* SPDX-License-Identifier: MIT
 * The simulated camera makes the same bytes everywhere, and noise that obeys its own law. */
#include "bytes.h"
#include "checksum.h"
#include "sim.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int n_failed;

#define CLAIM(cond, ...)                                                                           \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            n_failed++;                                                                            \
            fprintf(stderr, "%s:%d: %s: ", __FILE__, __LINE__, #cond);                             \
            fprintf(stderr, __VA_ARGS__);                                                          \
            fputc('\n', stderr);                                                                   \
        }                                                                                          \
    } while (0)

static void *get_memory(size_t n_bytes)
{
    void *m = calloc(1, n_bytes);
    if (!m)
        abort();
    return m;
}

static uint64_t frame_hash(const struct sim_params *p, uint64_t frame)
{
    const size_t n_bytes = sim_frame_bytes(p);
    uint8_t *pixels = get_memory(n_bytes), *little = get_memory(n_bytes);
    sim_frame(p, frame, pixels);
    const uint8_t bits = p->bits == 8 ? 8 : 16;
    pxr_copy_samples_le(little, pixels, n_bytes / (bits / 8u), bits);
    const uint64_t hash = pxr_xxh3_64(little, n_bytes);
    free(pixels);
    free(little);
    return hash;
}

/* XXH3-64 of the samples, little endian.  They change only when the model is changed on purpose. */
struct golden {
    enum sim_mode mode;
    uint32_t width_px, height_px;
    unsigned bits;
    uint64_t seed, frame, hash;
};
static const struct golden golden[] = {
#include "golden_frames.inc"
};

static void check_golden(bool is_printing)
{
    for (size_t i = 0; i < sizeof golden / sizeof *golden; i++) {
        const struct golden *g = &golden[i];
        struct sim_params p;
        sim_defaults(&p);
        p.mode = g->mode;
        p.width_px = g->width_px;
        p.height_px = g->height_px;
        p.bits = g->bits;
        p.seed = g->seed;
        CLAIM(!sim_objection(&p), "%s", sim_objection(&p));
        const uint64_t hash = frame_hash(&p, g->frame);
        if (is_printing)
            printf("{%u, %" PRIu32 ", %" PRIu32 ", %u, %" PRIu64 ", %" PRIu64 ", 0x%016" PRIx64 "},\n",
                   g->mode, g->width_px, g->height_px, g->bits, g->seed, g->frame, hash);
        else
            CLAIM(hash == g->hash, "%s %" PRIu32 "x%" PRIu32 " %u bit, frame %" PRIu64 ": %016" PRIx64,
                  sim_mode_names[g->mode], g->width_px, g->height_px, g->bits, g->frame, hash);
    }
}

static struct sim_params small(enum sim_mode mode, unsigned bits)
{
    struct sim_params p;
    sim_defaults(&p);
    p.mode = mode;
    p.bits = bits;
    p.width_px = 131;
    p.height_px = 96;
    return p;
}

/* Photon transfer: over many frames of a standing scene the variance of a pixel grows in proportion
 * to its mean, with the slope 1 / electrons per level. */
static void check_photon_transfer(void)
{
    enum { N_FRAMES = 200, N_BANDS = 8 };
    struct sim_params p = small(SIM_STAGE, 16);
    p.full_well_e = 2000; /* strong noise: the drift of the light is small beside it */
    p.read_noise_e = 3;
    const size_t n_px = (size_t)p.width_px * p.height_px;
    uint16_t *pixels = get_memory(n_px * 2);
    double *sum = get_memory(n_px * sizeof *sum), *squares = get_memory(n_px * sizeof *squares);
    for (uint64_t f = 0; f < N_FRAMES; f++) {
        sim_frame(&p, f, pixels);
        for (size_t i = 0; i < n_px; i++) {
            sum[i] += pixels[i];
            squares[i] += (double)pixels[i] * pixels[i];
        }
    }
    double band_mean[N_BANDS] = {0}, band_variance[N_BANDS] = {0};
    int band_px[N_BANDS] = {0};
    for (size_t i = 0; i < n_px; i++) {
        const double mean = sum[i] / N_FRAMES;
        const int band = (int)(mean / 8192);
        band_mean[band] += mean;
        band_variance[band] += squares[i] / N_FRAMES - mean * mean;
        band_px[band]++;
    }
    int n_used = 0;
    for (int b = 0; b < N_BANDS; b++) {
        if (band_px[b] < 200)
            continue;
        n_used++;
        const double mean = band_mean[b] / band_px[b], found = band_variance[b] / band_px[b];
        const double electrons = (mean - 1024) * 2000 / 65536 + 9, scale = 65536.0 / 2000;
        const double expected = electrons * scale * scale;
        CLAIM(found > 0.9 * expected && found < 1.15 * expected,
              "at a mean of %.0f the variance is %.0f, expected %.0f", mean, found, expected);
    }
    CLAIM(n_used >= 4, "only %d bands of brightness have pixels", n_used);
    free(pixels);
    free(sum);
    free(squares);
}

static size_t n_different(const struct sim_params *p, uint64_t a, uint64_t b, int *largest)
{
    const size_t n_bytes = sim_frame_bytes(p);
    uint8_t *x = get_memory(n_bytes), *y = get_memory(n_bytes);
    sim_frame(p, a, x);
    sim_frame(p, b, y);
    size_t n = 0;
    *largest = 0;
    for (size_t i = 0; i < n_bytes; i++) {
        n += x[i] != y[i];
        *largest = abs(x[i] - y[i]) > *largest ? abs(x[i] - y[i]) : *largest;
    }
    free(x);
    free(y);
    return n;
}

static void check_still(void)
{
    const struct sim_params p = small(SIM_STILL, 8);
    int n_same = 0, largest;
    for (uint64_t f = 1; f < 64; f++) {
        const size_t n = n_different(&p, f - 1, f, &largest);
        n_same += n == 0;
        CLAIM(n < 60 && largest <= 2, "frame %" PRIu64 ": %zu pixels changed, by %d", f, n, largest);
    }
    CLAIM(n_same > 30 && n_same < 63, "%d of 63 frames are like the one before", n_same);
}

static void check_values(void)
{
    struct sim_params p = small(SIM_MASK, 12);
    const size_t n_px = (size_t)p.width_px * p.height_px;
    uint16_t *pixels = get_memory(n_px * 2);
    bool is_seen[4] = {false};
    sim_frame(&p, 3, pixels);
    for (size_t i = 0; i < n_px; i++) {
        CLAIM(pixels[i] % 1365 == 0 && pixels[i] <= 4095, "a mask has the value %u", pixels[i]);
        is_seen[pixels[i] / 1365 & 3] = true;
    }
    CLAIM(is_seen[0] && is_seen[1] && is_seen[2] && is_seen[3], "a label is missing");
    p.bits = 10;
    p.mode = SIM_NOISE;
    double sum = 0;
    sim_frame(&p, 3, pixels);
    for (size_t i = 0; i < n_px; i++) {
        CLAIM(pixels[i] <= 1023, "10 bit noise has the value %u", pixels[i]);
        sum += pixels[i];
    }
    sum /= (double)n_px;
    CLAIM(sum > 500 && sum < 523, "the mean of 10 bit noise is %.1f", sum);
    free(pixels);
}

/* At a whole number of pixels per frame, labels move by just that (the trigger may add one). */
static void check_movement(void)
{
    struct sim_params p = small(SIM_MASK, 8);
    p.speed_q8 = 7 * 256;
    const size_t w = p.width_px, n_px = w * p.height_px;
    uint8_t *a = get_memory(n_px), *b = get_memory(n_px);
    sim_frame(&p, 10, a);
    sim_frame(&p, 11, b);
    bool is_found = false;
    for (size_t shift = 6; shift <= 8; shift++) {
        size_t n_wrong = 0;
        for (size_t i = 0; i < n_px; i++)
            n_wrong += i % w + shift < w && a[i + shift] != b[i];
        is_found |= n_wrong == 0;
    }
    CLAIM(is_found, "frame 11 is not frame 10 moved");
    free(a);
    free(b);
}

/* Normal noise of sigma samples costs log2(sigma * sqrt(2 pi e)) bits once sigma is a few of them (and,
 * at 16 bits, until the 2041 values that the noise can have show). */
static void check_noise_bits(void)
{
    struct sim_params p = small(SIM_REEL, 12);
    uint64_t *n_at_level = get_memory(65536 * sizeof *n_at_level);
    n_at_level[30000] = 5;
    const double levels = sim_noise_sigma(&p, 30000 / 256) * sqrt(43690) / 65536;
    const double normal = log2(levels * sqrt(2 * 3.14159265358979 * 2.71828182845905));
    for (; p.bits >= 10; p.bits -= 2) {
        const double bits = sim_noise_bits(&p, n_at_level), expected = normal - (16 - p.bits);
        CLAIM(fabs(bits - expected) < 0.01, "noise of %u bits costs %.3f, not %.3f", p.bits, bits, expected);
    }
    free(n_at_level);
}

int main(int argc, char **argv)
{
    const bool is_printing = argc == 2 && !strcmp(argv[1], "--print");
    check_golden(is_printing);
    if (is_printing)
        return 0;
    check_photon_transfer();
    check_noise_bits();
    check_still();
    check_values();
    check_movement();
    struct sim_params p = small(SIM_REEL, 9);
    CLAIM(sim_objection(&p), "9 bits are accepted");
    printf("SIMULATOR %zu golden frames %s\n", sizeof golden / sizeof *golden, n_failed ? "FAILED" : "ok");
    return n_failed ? 1 : 0;
}
