/* SPDX-License-Identifier: MIT
 * Small systems of linear equations, for encoders that fit weights. */
#ifndef PXR_CODEC_LINEAR_H
#define PXR_CODEC_LINEAR_H

#include <stddef.h>

/* Solve n equations by elimination, without pivots: the matrix must be positive definite, as that of normal equations
 * with a ridge is.  a: n rows of stride numbers, the right-hand sides in column n; it is overwritten.  The operations
 * have one order, so the solution is the same everywhere (with -ffp-contract=off). */
static inline void pxr_solve(double *a, size_t stride, unsigned n, double *w)
{
    for (unsigned i = 0; i < n; i++)
        for (unsigned r = i + 1; r < n; r++) {
            const double f = a[r * stride + i] / a[i * stride + i];
            for (unsigned k = i; k <= n; k++)
                a[r * stride + k] -= f * a[i * stride + k];
        }
    for (unsigned i = n; i-- > 0;) {
        double sum = a[i * stride + n];
        for (unsigned k = i + 1; k < n; k++)
            sum -= a[i * stride + k] * w[k];
        w[i] = sum / a[i * stride + i];
    }
}

#endif
