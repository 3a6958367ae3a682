/* SPDX-License-Identifier: MIT
 * Whole half rows at a vector level, for one type of sample: prediction, and rANS symbols with all states in
 * registers.  Included by predict_level_tmpl.c with SAMPLE and FN(name); the level brings VECTOR,
 * WIDTH (lanes of one), lanes_load, lanes_store and chunk_8 or chunk_16. */

static inline __attribute__((always_inline)) void FN(tiles)(const struct FN(half_row) *h,
                                                            const struct FN(constants) *c, const bool is_inter,
                                                            const bool is_odd, size_t n, SAMPLE *p,
                                                            uint8_t *fraction, uint8_t *tables)
{
    for (size_t j = 0; j < n; j += PXR_PREDICT_TILE)
        FN(tile)(h, is_inter, is_odd, c, j, n, p, fraction, tables);
}

static void FN(predict_vectors)(const struct FN(half_row) *h, const struct FN(constants) *c, size_t n, SAMPLE *p,
                                uint8_t *fraction, uint8_t *tables)
{
    const bool is_inter = h->n_taps == PXR_PREDICT_INTER_TAPS;
    if (is_inter && h->phase)
        FN(tiles)(h, c, true, true, n, p, fraction, tables);
    else if (is_inter)
        FN(tiles)(h, c, true, false, n, p, fraction, tables);
    else if (h->phase)
        FN(tiles)(h, c, false, true, n, p, fraction, tables);
    else
        FN(tiles)(h, c, false, false, n, p, fraction, tables);
}

/* n_vectors is a constant wherever these are called. */
static inline __attribute__((always_inline)) const uint8_t *
FN(half_row_of)(uint32_t *x, const size_t n_vectors, const struct pxr_predict_slots *tables,
                const uint8_t *table_of, size_t n, const uint8_t *words, SAMPLE *z)
{
    VECTOR v[PXR_PREDICT_MAX_LANES / WIDTH];
    for (size_t i = 0; i < n_vectors; i++)
        v[i] = lanes_load(x + WIDTH * i);
    for (size_t j = 0; j < n; j += WIDTH * n_vectors)
        words = FN(chunk)(v, n_vectors, tables, table_of + j, words, z + j);
    for (size_t i = 0; i < n_vectors; i++)
        lanes_store(x + WIDTH * i, v[i]);
    return words;
}

static const uint8_t *FN(rans_decode)(uint32_t *x, size_t lanes, const struct pxr_predict_slots *tables,
                                      const uint8_t *table_of, size_t n, const uint8_t *words, SAMPLE *z)
{
    return lanes == 64   ? FN(half_row_of)(x, 64 / WIDTH, tables, table_of, n, words, z)
           : lanes == 32 ? FN(half_row_of)(x, 32 / WIDTH, tables, table_of, n, words, z)
                         : FN(half_row_of)(x, 16 / WIDTH, tables, table_of, n, words, z);
}
