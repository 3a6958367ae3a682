/* SPDX-License-Identifier: MIT
 * The kernels of one CPU level: included by predict_portable.c, predict_avx2.c, predict_avx512.c and
 * predict_neon.c, which are compiled for that level and bring
 *     words = rans_decode_8 (x, lanes, tables, table_of, n, words, z)
 *     words = rans_decode_16(x, lanes, tables, table_of, n, words, z)
 * for one half row of n symbols, lane by lane in chunks of all lanes (the last chunk's other lanes have the
 * table that reads nothing; z has room for them), and put_8 and put_16, the kernel put.  LEVEL is its name.  With VEC, and what
 * predict_vector_tmpl.c asks for, prediction uses vectors too. */
#include "predict.h"

#include <stdlib.h>

#define PASTE_(a, b) a##b
#define PASTE(a, b) PASTE_(a, b)

/* Of which taps features are made: docs/format.md lists them too.  In group 0 and for odd columns feature 3 is
 * the mean of two differences. */
struct pxr_predict_features {
    uint8_t f2[2], f3[4], f4[2], f5[2], f7[2], f8[3], f9[3];
};
static const struct pxr_predict_features pxr_predict_features_at[2][2] = {
    {{{0, 3}, {1, 0, 2, 0}, {1, 2}, {4, 5}, {0, 2}, {0, 1, 2}, {3, 1, 2}},
     {{0, 1}, {0, 3, 1, 4}, {3, 4}, {2, 5}, {2, 3}, {2, 3, 4}, {5, 3, 4}}},
    {{{4, 11}, {0, 7, 0, 7}, {5, 6}, {7, 8}, {1, 2}, {4, 5, 6}, {11, 12, 13}},
     {{5, 11}, {0, 6, 1, 7}, {6, 7}, {8, 9}, {0, 1}, {5, 6, 7}, {11, 12, 13}}},
};

#define MEAN8(a, b) ((uint8_t)(((a) + (b) + 1) >> 1))
static inline void means(const uint8_t *restrict a, const uint8_t *restrict b, uint8_t *restrict out)
{
    for (unsigned i = 0; i < PXR_PREDICT_TILE; i++)
        out[i] = MEAN8(a[i], b[i]);
}

/* Sixteen numbers of a sum's parts; compilers make of it what the machine has. */
typedef float parts __attribute__((vector_size(PXR_SUM_PARTS * sizeof(float)), aligned(sizeof(float)), may_alias));
enum { TILE_PARTS = PXR_PREDICT_TILE / PXR_SUM_PARTS };

/* Add the weighted products of n values of a tile's samples to their sums. */
static __attribute__((noinline)) void add_products(const float (*v)[PXR_PREDICT_TILE], unsigned n, const float *weight,
                         float (*sums)[PXR_SUM_PARTS])
{
    const parts *const weights = (const void *)weight;
    for (unsigned k = 0; k < n; k++) {
        const parts *const b = (const void *)v[k];
        const parts b0 = weights[0] * b[0], b1 = weights[1] * b[1], b2 = weights[2] * b[2],
                    b3 = weights[3] * b[3];
        for (unsigned i = 0; i <= k; i++) {
            const parts *const a = (const void *)v[i];
            parts *const sum = (void *)sums[pxr_product(i, k)];
            *sum += a[0] * b0 + a[1] * b1 + (a[2] * b2 + a[3] * b3);
        }
    }
}

/* The same for the values themselves. */
static inline void add_values(const float *v, const float *weight, float sum[PXR_SUM_PARTS])
{
    const parts *const a = (const void *)v, *const w = (const void *)weight;
    for (unsigned q = 0; q < TILE_PARTS; q++)
        *(parts *)(void *)sum += a[q] * w[q];
}

#define SAMPLE uint8_t
#define SIGNED int8_t
#define SUM int16_t
#define UNSIGNED_SUM uint16_t
#define Q 6
#define FN(name) PASTE(name, _8)
#include "predict_rows_tmpl.c"
#undef SAMPLE
#undef SIGNED
#undef SUM
#undef UNSIGNED_SUM
#undef Q
#undef FN
#undef MEAN
#undef DIFF

#define SAMPLE uint16_t
#define SIGNED int16_t
#define SUM int32_t
#define UNSIGNED_SUM uint32_t
#define Q 8
#define FN(name) PASTE(name, _16)
#include "predict_rows_tmpl.c"

#ifdef VEC
#include "predict_vector_tmpl.c"
#include "predict_lanes_tmpl.c"
#define PREDICT FN(predict_vectors)
#else
#define PREDICT(h, constants, ...) FN(predict_plain)(h, __VA_ARGS__)
#endif
#include "predict_frame_tmpl.c"
#undef SAMPLE
#undef FN

#define SAMPLE uint8_t
#define FN(name) PASTE(name, _8)
#ifdef VEC
#include "predict_lanes_tmpl.c"
#endif
#include "predict_frame_tmpl.c"

const struct pxr_predict_kernels PASTE(pxr_predict_, LEVEL)[2] = {
    {decode_8, scan_8, fit_8, activity_8, distance_8, put_8},
    {decode_16, scan_16, fit_16, activity_16, distance_16, put_16},
};
