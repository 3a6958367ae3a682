/* SPDX-License-Identifier: MIT
 * Putting a half row with all states in registers, for one type of sample: the twin of predict_put_tmpl.c, bit for bit.
 * Included by the files of AVX2 and AVX-512 with SAMPLE and FN(name).  The level brings lanes_of_bytes, lanes_up_8,
 *     symbols = FN(symbols_of)(x, z, to), which puts raw bits, and
 *     x = put_symbols(x, where the coders are, coders, to). */

/* Raw bits are read last, so they are put first. */
static inline __attribute__((always_inline)) uint8_t *
FN(put_chunk)(VECTOR *x, const size_t n_vectors, const struct pxr_predict_coders *coders, const uint8_t *contexts,
              const SAMPLE *z, uint8_t *to)
{
    VECTOR symbols[PXR_PREDICT_MAX_LANES / WIDTH];
#pragma GCC unroll 8
    for (size_t i = n_vectors; i-- > 0;)
        symbols[i] = FN(symbols_of)(&x[i], z + WIDTH * i, &to);
#pragma GCC unroll 8
    for (size_t i = n_vectors; i-- > 0;) {
        const VECTOR at = v_or(lanes_up_8(lanes_of_bytes(contexts + WIDTH * i)), symbols[i]);
        x[i] = put_symbols(x[i], at, coders, &to);
    }
    return to;
}

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
        to = FN(put_chunk)(v, n_vectors, coders, last_contexts, last_z, to);
    }
    for (size_t j = n - rest; j; j -= lanes)
        to = FN(put_chunk)(v, n_vectors, coders, contexts + j - lanes, z + j - lanes, to);
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
