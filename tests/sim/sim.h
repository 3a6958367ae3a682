/* SPDX-License-Identifier: MIT
 * A camera above a reel of electronic parts: reproducible frame sequences of any size. */
#ifndef PXR_SIM_H
#define PXR_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The scene is 8 mm carrier tape (sprocket holes and pockets every 4 mm, a three-legged part with a
 * printed mark in most pockets) that fills the height of the picture and runs to the left.  The
 * camera has vignetting, a gain and an offset of its own at each pixel, a few hot pixels, slowly
 * drifting light, shot noise (variance = signal in electrons) and read noise.
 *
 * Every pixel is a function of the parameters, the frame number and its place alone, in integer
 * arithmetic: frames can be made in any order, on any machine, by any compiler, with the same bytes.
 */
enum sim_mode {
    SIM_REEL = 0,  /* the tape moves                                                       */
    SIM_STAGE = 1, /* the same camera and noise, nothing moves                             */
    SIM_STILL = 2, /* nothing moves and no noise; in some frames a few pixels flicker by 1 */
    SIM_MASK = 3,  /* the moving scene as four labels                                      */
    SIM_NOISE = 4, /* every sample uniform and independent                                 */
    SIM_N_MODES = 5
};

struct sim_params {
    enum sim_mode mode;
    uint32_t width_px, height_px; /* 1..65535                                       */
    unsigned bits;                /* 8, 10, 12 or 16; the last three in 16-bit samples */
    uint64_t seed;
    uint32_t speed_q8;    /* tape movement in 1/256 pixel per frame, at most 2^20    */
    uint32_t full_well_e; /* electrons at the largest sample, 500..1000000           */
    uint32_t read_noise_e; /* its standard deviation in electrons, at most 200       */
    bool is_noiseless;     /* the same frames before noise (mode noise knows no before) */
};

extern const char *const sim_mode_names[SIM_N_MODES + 1]; /* NULL-terminated */

/* 640 x 480, 8 bit, reel, seed 1, 2.375 pixels a frame, 20,000 electrons, 12 electrons. */
void sim_defaults(struct sim_params *p);
/* NULL, or why these parameters cannot be used. */
const char *sim_objection(const struct sim_params *p);

uint16_t sim_maxval(const struct sim_params *p);
size_t sim_frame_bytes(const struct sim_params *p);
/* Make one frame: samples of 1 or 2 bytes in native byte order, rows adjacent. */
void sim_frame(const struct sim_params *p, uint64_t frame, void *dst);

/* Levels are light from dark (0) to the largest sample (65535), whatever the bits.  A sample is its
 * level + (n * sigma >> 16), clamped, without the low bits, where sigma is that of the level's high
 * byte and n the sum of eight uniform bytes less 1020. */
int32_t sim_noise_sigma(const struct sim_params *p, unsigned high_byte);

/* The entropy of the noise in bits per pixel, given everything else: what no coder can beat, on
 * average, without knowing the seed.  At 16 bits it is some 0.6 below that of normal noise, since n
 * has 2041 values only.  n_at_level[65536] counts the noiseless levels of all frames. */
double sim_noise_bits(const struct sim_params *p, const uint64_t *n_at_level);

#endif
