/* SPDX-License-Identifier: MIT
 * What the noise of simulated frames costs any lossless coder. */
#include "sim.h"

#include <math.h>
#include <stdlib.h>

#define N_BYTES 8 /* whose sum is the noise */
#define N_SUMS  (N_BYTES * 255 + 1)

static void sum_chances(double *chance) /* of N_SUMS sums */
{
    for (int i = 0; i < N_SUMS; i++)
        chance[i] = i == 0;
    for (int n = 1; n <= N_BYTES; n++)
        for (int i = 255 * n; i >= 0;
             i--) { /* from the end: those before are still of n - 1 bytes */
            double sum = 0;
            for (int byte = 0; byte < 256 && byte <= i; byte++)
                sum += chance[i - byte];
            chance[i] = sum / 256;
        }
}

static double bits_of(double chance)
{
    return chance > 0 ? -chance * log2(chance) : 0;
}

/* The entropy of a sample of this level.  Samples do not fall as the noise rises, so each is a run.
 */
static double level_bits(const struct sim_params *p, int32_t level, const double *chance)
{
    const int64_t sigma = sim_noise_sigma(p, (unsigned)level >> 8);
    double bits = 0, run = 0;
    int32_t last = -1;
    for (int i = 0; i < N_SUMS; i++) {
        const int32_t noisy = level + (int32_t)((i - N_BYTES * 255 / 2) * sigma >> 16);
        const int32_t sample = (noisy < 0 ? 0 : noisy > 65535 ? 65535 : noisy) >> (16 - p->bits);
        if (sample != last) {
            bits += bits_of(run);
            run = 0;
            last = sample;
        }
        run += chance[i];
    }
    return bits + bits_of(run);
}

double sim_noise_bits(const struct sim_params *p, const uint64_t *n_at_level)
{
    if (p->mode == SIM_NOISE)
        return p->bits;
    if (p->mode != SIM_REEL && p->mode != SIM_STAGE)
        return 0;
    double *chance = malloc(N_SUMS * sizeof *chance), bits = 0, n = 0;
    if (!chance)
        abort();
    sum_chances(chance);
    for (int32_t level = 0; level < 65536; level++)
        if (n_at_level[level]) {
            bits += (double)n_at_level[level] * level_bits(p, level, chance);
            n += (double)n_at_level[level];
        }
    free(chance);
    return n > 0 ? bits / n : 0;
}
