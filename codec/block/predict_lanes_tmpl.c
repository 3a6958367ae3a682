/* SPDX-License-Identifier: MIT
 * Half rows of rANS symbols with all states in vector registers: included by the files of the vector levels
 * with VECTOR, WIDTH (lanes of one), lanes_load, lanes_store, chunk_8 and chunk_16. */

/* n_vectors is a constant wherever these are called. */
static inline __attribute__((always_inline)) const uint8_t *
half_row_8(uint32_t *x, const size_t n_vectors, const uint32_t *tables, const uint8_t *contexts, size_t n,
           const uint8_t *words, uint8_t *z)
{
    VECTOR v[PXR_PREDICT_MAX_LANES / WIDTH];
    for (size_t i = 0; i < n_vectors; i++)
        v[i] = lanes_load(x + WIDTH * i);
    for (size_t j = 0; j < n; j += WIDTH * n_vectors)
        words = chunk_8(v, n_vectors, tables, contexts + j, words, z + j);
    for (size_t i = 0; i < n_vectors; i++)
        lanes_store(x + WIDTH * i, v[i]);
    return words;
}

static inline __attribute__((always_inline)) const uint8_t *
half_row_16(uint32_t *x, const size_t n_vectors, const uint32_t *tables, const uint8_t *contexts, size_t n,
            const uint8_t *words, uint16_t *z)
{
    VECTOR v[PXR_PREDICT_MAX_LANES / WIDTH];
    for (size_t i = 0; i < n_vectors; i++)
        v[i] = lanes_load(x + WIDTH * i);
    for (size_t j = 0; j < n; j += WIDTH * n_vectors)
        words = chunk_16(v, n_vectors, tables, contexts + j, words, z + j);
    for (size_t i = 0; i < n_vectors; i++)
        lanes_store(x + WIDTH * i, v[i]);
    return words;
}

static const uint8_t *rans_decode_8(uint32_t *x, size_t lanes, const uint32_t *tables,
                                    const uint8_t *contexts, size_t n, const uint8_t *words, uint8_t *z)
{
    return lanes == 64   ? half_row_8(x, 64 / WIDTH, tables, contexts, n, words, z)
           : lanes == 32 ? half_row_8(x, 32 / WIDTH, tables, contexts, n, words, z)
                         : half_row_8(x, 16 / WIDTH, tables, contexts, n, words, z);
}

static const uint8_t *rans_decode_16(uint32_t *x, size_t lanes, const uint32_t *tables,
                                     const uint8_t *contexts, size_t n, const uint8_t *words,
                                     uint16_t *z)
{
    return lanes == 64   ? half_row_16(x, 64 / WIDTH, tables, contexts, n, words, z)
           : lanes == 32 ? half_row_16(x, 32 / WIDTH, tables, contexts, n, words, z)
                         : half_row_16(x, 16 / WIDTH, tables, contexts, n, words, z);
}
