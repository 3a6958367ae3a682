/* SPDX-License-Identifier: MIT
 * Putting a half row with all states in registers, for one type of sample: the twin of predict_put_tmpl.c, bit for bit.
 * Included by the files of AVX2 and AVX-512 with SAMPLE, FN(name) and FN(put_chunk). */

static inline __attribute__((always_inline)) uint8_t *
FN(put_row)(const struct pxr_predict_coders *coders, const uint8_t *contexts, const SAMPLE *z, size_t n,
            const size_t n_vectors, uint32_t *x, uint8_t *to)
{
    const size_t lanes = WIDTH * n_vectors, rest = n % lanes;
    VECTOR v[PXR_PREDICT_MAX_LANES / WIDTH];
    for (size_t i = 0; i < n_vectors; i++)
        v[i] = lanes_load(x + WIDTH * i);
    if (rest) {
        SAMPLE last_z[PXR_PREDICT_MAX_LANES] = {0};
        uint8_t last_contexts[PXR_PREDICT_MAX_LANES];
        memset(last_contexts, PXR_PREDICT_CONTEXTS, sizeof last_contexts); /* lanes without a sample */
        memcpy(last_contexts, contexts + n - rest, rest);
        memcpy(last_z, z + n - rest, rest * sizeof *z);
        to = FN(put_chunk)(v, n_vectors, coders->of[0], last_contexts, last_z, to);
    }
    for (size_t j = n - rest; j; j -= lanes)
        to = FN(put_chunk)(v, n_vectors, coders->of[0], contexts + j - lanes, z + j - lanes, to);
    for (size_t i = 0; i < n_vectors; i++)
        lanes_store(x + WIDTH * i, v[i]);
    return to;
}

static uint8_t *FN(put)(const struct pxr_predict_coders *coders, const uint8_t *contexts, const void *z, size_t n,
                        size_t lanes, uint32_t *x, uint8_t *to)
{
    return lanes == 64   ? FN(put_row)(coders, contexts, z, n, 64 / WIDTH, x, to)
           : lanes == 32 ? FN(put_row)(coders, contexts, z, n, 32 / WIDTH, x, to)
                         : FN(put_row)(coders, contexts, z, n, 16 / WIDTH, x, to);
}
