/* SPDX-License-Identifier: MIT
 * The kernels of one CPU level: included by predict_portable.c, predict_avx2.c and predict_avx512.c,
 * which are compiled for that level and bring
 *     words = rans_decode_8 (x, lanes, tables, table_of, n, words, z)
 *     words = rans_decode_16(x, lanes, tables, table_of, n, words, z)
 * for one half row of n symbols, lane by lane in chunks of all lanes (the last chunk's other lanes have the
 * table that reads nothing; z has room for them).  LEVEL is its name.  With VEC, and what
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
#undef MEAN8
#undef DIFF
#undef BYTE

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
#define PREDICT FN(predict_plain)
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
    {decode_8, scan_8, fit_8, activity_8, distance_8},
    {decode_16, scan_16, fit_16, activity_16, distance_16},
};
