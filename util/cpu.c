/* SPDX-License-Identifier: MIT
 * What this processor can do, decided once. */
#include "cpu.h"

#include <stdatomic.h>

static _Atomic int limit = PXR_CPU_HIGHEST;

void pxr_cpu_limit(enum pxr_cpu_level highest) { limit = (int)highest; }

static enum pxr_cpu_level machine_level(void)
{
#if defined(__x86_64__)
    /* These also ask whether the system saves the registers. */
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("bmi2"))
        return PXR_CPU_PORTABLE;
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512vbmi"))
        return PXR_CPU_AVX512;
    return PXR_CPU_AVX2;
#else
    return PXR_CPU_HIGHEST; /* what the build has */
#endif
}

enum pxr_cpu_level pxr_cpu_level(void)
{
    const int level = (int)machine_level(), most = limit;
    return (enum pxr_cpu_level)(level < most ? level : most);
}
