/* SPDX-License-Identifier: MIT
 * What this processor can do, decided once. */
#ifndef PXR_UTIL_CPU_H
#define PXR_UTIL_CPU_H

/* Levels of the family of processors that this is built for.  Each has everything of those below. */
enum pxr_cpu_level {
    PXR_CPU_PORTABLE = 0,
#if defined(__x86_64__)
    PXR_CPU_AVX2 = 1,   /* AVX2, BMI1, BMI2                           */
    PXR_CPU_AVX512 = 2, /* AVX-512 F, BW, DQ, VL, VBMI (Ice Lake, Zen 4) */
#elif defined(__aarch64__) && defined(__AARCH64EL__)
    PXR_CPU_NEON = 1, /* every 64-bit Arm has it */
#endif
    PXR_N_CPU_LEVELS,
    PXR_CPU_HIGHEST = PXR_N_CPU_LEVELS - 1
};

/* The highest level of this machine that is not above the limit.  Any thread. */
enum pxr_cpu_level pxr_cpu_level(void);
/* Never more than this; for tests and benchmarks, before threads start. */
void pxr_cpu_limit(enum pxr_cpu_level highest);

#endif
