/* SPDX-License-Identifier: MIT
 * The kernels of one CPU level: included by predict_portable.c, predict_avx2.c and predict_avx512.c,
 * which are compiled for that level and bring
 *     words = rans_decode_8 (x, lanes, tables, contexts, n, words, z)
 *     words = rans_decode_16(x, lanes, tables, contexts, n, words, z)
 * for one half row of n symbols, lane by lane in chunks of all lanes (the last chunk's other lanes have the
 * context that reads nothing; z has room for them).  LEVEL is its name. */
#include "predict.h"

#define PASTE_(a, b) a##b
#define PASTE(a, b) PASTE_(a, b)

/* What lies left and right of two halves of bytes. */
static inline void byte_edges(uint8_t *row, size_t half, uint32_t n_even, uint32_t n_odd)
{
    row[-1] = row[0];
    row[n_even] = row[n_even - 1];
    row[(ptrdiff_t)half - 1] = row[0];
    row[half + n_odd] = n_odd ? row[half + n_odd - 1] : row[0];
}

#define FN(name) PASTE(name, _8)
#define SAMPLE uint8_t
#define SIGNED int8_t
#define SUM int16_t
#define ACTIVITY uint16_t
#define Q 6
#include "predict_rows_tmpl.c"
#undef FN
#undef SAMPLE
#undef SIGNED
#undef SUM
#undef ACTIVITY
#undef Q

#define FN(name) PASTE(name, _16)
#define SAMPLE uint16_t
#define SIGNED int16_t
#define SUM int32_t
#define ACTIVITY uint32_t
#define Q 8
#include "predict_rows_tmpl.c"

const struct pxr_predict_kernels PASTE(pxr_predict_, LEVEL)[2] = {
    {load_plane_8, decode_8, residuals_8, magnitudes_8, contexts_8, fit_8, activity_8},
    {load_plane_16, decode_16, residuals_16, magnitudes_16, contexts_16, fit_16, activity_16},
};
