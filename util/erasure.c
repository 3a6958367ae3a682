/* SPDX-License-Identifier: MIT
 * Reed-Solomon erasure code over GF(2^8), with the kernels of ISA-L: the only file that sees it. */
#include "erasure.h"

#include "alloc.h"

#include <isa-l/erasure_code.h>
#include <string.h>

struct pxr_erasure {
    unsigned k, m;
    uint8_t *matrix; /* k + m rows of k: ones on the diagonal, then Cauchy's */
    uint8_t *tables; /* of ISA-L, for the m lower rows                       */
};

/* ISA-L's tables of a matrix: 32 bytes an entry. */
enum { TABLE_BYTES = 32 };

bool pxr_erasure_is_built_in(void)
{
    return true;
}

pxr_erasure *pxr_erasure_new(unsigned k, unsigned m)
{
    pxr_erasure *e = pxr_alloc_zero(1, sizeof *e);
    if (!e)
        return NULL;
    e->k = k;
    e->m = m;
    e->matrix = pxr_alloc((size_t)(k + m) * k);
    e->tables = pxr_alloc((size_t)TABLE_BYTES * k * m);
    if (!e->matrix || !e->tables) {
        pxr_erasure_free(e);
        return NULL;
    }
    gf_gen_cauchy1_matrix(e->matrix, (int)(k + m), (int)k);
    ec_init_tables((int)k, (int)m, e->matrix + (size_t)k * k, e->tables);
    return e;
}

void pxr_erasure_free(pxr_erasure *e)
{
    if (!e)
        return;
    pxr_free(e->matrix);
    pxr_free(e->tables);
    pxr_free(e);
}

void pxr_erasure_add(const pxr_erasure *e, unsigned j, const uint8_t *data, uint8_t *parity, size_t n_bytes)
{
    uint8_t *rows[PXR_ERASURE_MAX_SHARDS];
    for (unsigned r = 0; r < e->m; r++)
        rows[r] = parity + r * n_bytes;
    ec_encode_data_update((int)n_bytes, (int)e->k, (int)e->m, (int)j, e->tables, (uint8_t *)(uintptr_t)data, rows);
}

/* What solve needs besides its arguments, in one piece of memory. */
struct scratch {
    uint8_t *rows, *tables, *square, *inverse, *sums;
    uint8_t *sum_of[PXR_ERASURE_MAX_SHARDS];
};

static void *scratch_new(struct scratch *s, const pxr_erasure *e, size_t n_bad, size_t n_bytes)
{
    const size_t rows = n_bad * e->k, square = n_bad * n_bad;
    uint8_t *p = pxr_alloc(rows * (1 + TABLE_BYTES) + 2 * square + n_bad * n_bytes);
    if (!p)
        return NULL;
    s->sums = p;
    s->tables = s->sums + n_bad * n_bytes;
    s->rows = s->tables + rows * TABLE_BYTES;
    s->square = s->rows + rows;
    s->inverse = s->square + square;
    memset(s->sums, 0, n_bad * n_bytes);
    for (size_t i = 0; i < n_bad; i++)
        s->sum_of[i] = s->sums + i * n_bytes;
    return p;
}

/* With the good shards taken out of as many parity shards as are lost, what is left is a small system of equations
 * in the lost ones: cheaper by far than to invert the k x k matrix of k shards that are there. */
bool pxr_erasure_solve(const pxr_erasure *e, unsigned n_bad, const uint8_t *bad, const uint8_t *rows,
                       const uint8_t *const *data, const uint8_t *const *parity, uint8_t *const *out, size_t n_bytes)
{
    struct scratch s;
    void *memory = scratch_new(&s, e, n_bad, n_bytes);
    if (!memory)
        return false;
    for (unsigned i = 0; i < n_bad; i++) {
        const uint8_t *row = e->matrix + (size_t)(e->k + rows[i]) * e->k;
        memcpy(s.rows + (size_t)i * e->k, row, e->k);
        for (unsigned b = 0; b < n_bad; b++)
            s.square[i * n_bad + b] = row[bad[b]];
    }
    ec_init_tables((int)e->k, (int)n_bad, s.rows, s.tables);
    for (unsigned j = 0, b = 0; j < e->k; j++) {
        if (b < n_bad && bad[b] == j)
            b++;
        else
            ec_encode_data_update((int)n_bytes, (int)e->k, (int)n_bad, (int)j, s.tables, (uint8_t *)(uintptr_t)data[j],
                                  s.sum_of);
    }
    for (unsigned i = 0; i < n_bad; i++)
        for (size_t x = 0; x < n_bytes; x++)
            s.sum_of[i][x] ^= parity[rows[i]][x];
    const bool has_inverse = !gf_invert_matrix(s.square, s.inverse, (int)n_bad); /* always: see above */
    if (has_inverse) {
        ec_init_tables((int)n_bad, (int)n_bad, s.inverse, s.tables);
        ec_encode_data((int)n_bytes, (int)n_bad, (int)n_bad, s.tables, s.sum_of, (uint8_t **)(uintptr_t)out);
    }
    pxr_free(memory);
    return has_inverse;
}
