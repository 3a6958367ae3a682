/* SPDX-License-Identifier: MIT
 * What this processor can do, decided once. */
#ifndef PXR_UTIL_CPU_H
#define PXR_UTIL_CPU_H

/* Each level has everything of those below. */
enum pxr_cpu_level {
    PXR_CPU_PORTABLE = 0,
    PXR_CPU_AVX2 = 1,   /* AVX2, BMI1, BMI2                           */
    PXR_CPU_AVX512 = 2, /* AVX-512 F, BW, DQ, VL, VBMI (Ice Lake, Zen 4) */
    PXR_N_CPU_LEVELS
};

/* The highest level of this machine that is not above the limit.  Any thread. */
enum pxr_cpu_level pxr_cpu_level(void);
/* Never more than this; for tests and benchmarks, before threads start. */
void pxr_cpu_limit(enum pxr_cpu_level highest);

#endif
