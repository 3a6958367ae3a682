/* SPDX-License-Identifier: MIT
 * One span and its parity: which cells are damaged, and what they were (docs/format.md, section 17). */
#include "parity_repair.h"

#include "alloc.h"
#include "bytes.h"
#include "diag.h"
#include "erasure.h"

#include <stdlib.h>

enum {
    CELL = PXR_PARITY_CELL_BYTES,
    PIECE_CELLS = 256,
};

void pxr_span_fini(struct pxr_span_reader *r)
{
    for (int i = 0; i < PXR_PARITY_COPIES; i++) {
        pxr_free(r->tables[i]);
        r->tables[i] = NULL;
    }
    pxr_free(r->piece);
    pxr_free(r->column);
    pxr_free(r->solved);
    pxr_erasure_free(r->code);
    r->piece = r->column = r->solved = NULL;
    r->code = NULL;
    r->is_loaded = false;
}

/* What the file has of these bytes, and zeros. */
static enum pxr_err read_padded(const struct pxr_span_reader *r, uint64_t off, uint8_t *dst, size_t n,
                                struct pxr_diag *diag)
{
    const size_t there = off < r->file_bytes ? (size_t)pxr_min_u64(n, r->file_bytes - off) : 0;
    memset(dst + there, 0, n - there);
    return there ? pxr_file_read(r->file, off, dst, there, diag) : PXR_OK;
}

enum pxr_err pxr_span_load(struct pxr_span_reader *r, const struct pxr_parity_head *h, struct pxr_diag *diag)
{
    if (r->is_loaded && r->h.record_off == h->record_off)
        return PXR_OK;
    pxr_span_fini(r);
    r->h = *h;
    const unsigned n_shards = (unsigned)h->n_data + h->n_parity;
    enum pxr_err e = PXR_OK;
    for (unsigned i = 0; i < PXR_PARITY_COPIES && e == PXR_OK; i++) {
        r->tables[i] = pxr_alloc(h->table_bytes);
        e = r->tables[i] ? read_padded(r, pxr_parity_table_off(h, i), r->tables[i], h->table_bytes, diag)
                         : pxr_fail_nomem(diag, h->table_bytes);
    }
    r->piece = pxr_alloc((size_t)PIECE_CELLS * CELL);
    r->column = pxr_alloc((size_t)n_shards * CELL);
    r->solved = pxr_alloc((size_t)h->n_parity * CELL);
    if (e == PXR_OK && (!r->piece || !r->column || !r->solved))
        e = pxr_fail_nomem(diag, (uint64_t)n_shards * CELL);
    r->is_loaded = e == PXR_OK;
    return e;
}

/* Any copy of the table will do: others may be damaged. */
static bool is_as_stored(const struct pxr_span_reader *r, size_t entry, const uint8_t *cell)
{
    const uint64_t hash = pxr_xxh3_64(cell, CELL);
    bool is_there = false;
    for (int i = 0; i < PXR_PARITY_COPIES; i++)
        is_there |= hash == pxr_load_u64le(r->tables[i] + 8 * entry);
    return is_there;
}

/* ---- one column --------------------------------------------------------------------------------- */

struct column {
    uint8_t bad[PXR_PARITY_MAX_SHARDS], rows[PXR_PARITY_MAX_SHARDS]; /* lost data shards; whole parity shards */
    unsigned n_bad, n_rows;
    bool is_solved[PXR_PARITY_MAX_SHARDS]; /* of each of bad */
};

static enum pxr_err read_column(struct pxr_span_reader *r, uint32_t column, struct column *c, struct pxr_diag *diag)
{
    const struct pxr_parity_head *h = &r->h;
    enum pxr_err e = PXR_OK;
    c->n_bad = c->n_rows = 0;
    for (unsigned j = 0; j < h->n_data && e == PXR_OK; j++) {
        const uint32_t i = j * h->shard_cells + column;
        uint8_t *cell = r->column + (size_t)j * CELL;
        e = pxr_parity_read_cells(r->file, r->file_bytes, h, i, 1, cell, diag);
        if (e == PXR_OK && i < h->n_cells && !is_as_stored(r, i, cell))
            c->bad[c->n_bad++] = (uint8_t)j;
    }
    for (unsigned row = 0; row < h->n_parity && e == PXR_OK; row++) {
        uint8_t *cell = r->column + (size_t)(h->n_data + row) * CELL;
        const uint64_t off = pxr_parity_cell_off(h, row, column);
        e = read_padded(r, off, cell, CELL, diag);
        const bool is_good = e == PXR_OK && is_as_stored(r, h->n_cells + (size_t)row * h->shard_cells + column, cell);
        pxr_parity_invert(cell, CELL);
        if (is_good)
            c->rows[c->n_rows++] = (uint8_t)row;
    }
    return e;
}

/* Compute what is lost into r->solved, one cell behind the other. */
static enum pxr_err solve_column(struct pxr_span_reader *r, uint32_t column, struct column *c, struct pxr_diag *diag)
{
    const struct pxr_parity_head *h = &r->h;
    const uint8_t *shards[PXR_PARITY_MAX_SHARDS];
    uint8_t *out[PXR_PARITY_MAX_SHARDS];
    enum pxr_err e = read_column(r, column, c, diag);
    memset(c->is_solved, 0, sizeof c->is_solved);
    if (e != PXR_OK || !c->n_bad || c->n_bad > c->n_rows || !pxr_parity_is_built_in())
        return e;
    for (unsigned j = 0; j < (unsigned)h->n_data + h->n_parity; j++)
        shards[j] = r->column + (size_t)j * CELL;
    for (unsigned b = 0; b < c->n_bad; b++)
        out[b] = r->solved + (size_t)b * CELL;
    if (!r->code)
        r->code = pxr_erasure_new(h->n_data, h->n_parity);
    if (!r->code || !pxr_erasure_solve(r->code, c->n_bad, c->bad, c->rows, shards, shards + h->n_data, out, CELL))
        return pxr_fail_nomem(diag, (uint64_t)c->n_bad * CELL);
    for (unsigned b = 0; b < c->n_bad; b++)
        /* Its own place in all tables may be what is damaged: then the sum says that it was sound. */
        c->is_solved[b] = is_as_stored(r, c->bad[b] * (size_t)h->shard_cells + column, out[b]) ||
                          !memcmp(out[b], shards[c->bad[b]], CELL);
    return PXR_OK;
}

/* ---- a span ------------------------------------------------------------------------------------- */

/* Mark the columns that have damaged data. */
static enum pxr_err mark_columns(struct pxr_span_reader *r, uint8_t *is_bad, struct pxr_diag *diag)
{
    const struct pxr_parity_head *h = &r->h;
    for (uint32_t i = 0; i < h->n_cells; i += PIECE_CELLS) {
        const uint32_t n = (uint32_t)pxr_min_u64(PIECE_CELLS, h->n_cells - i);
        const enum pxr_err e = pxr_parity_read_cells(r->file, r->file_bytes, h, i, n, r->piece, diag);
        if (e != PXR_OK)
            return e;
        for (uint32_t k = 0; k < n; k++)
            if (!is_as_stored(r, i + k, r->piece + (size_t)k * CELL))
                is_bad[(i + k) % h->shard_cells] = 1;
    }
    return PXR_OK;
}

/* The bytes that a damaged cell lost: false: none, it is the table that is damaged. */
static bool compare_cell(const struct pxr_span_reader *r, struct pxr_bad_cell *bad, const uint8_t *was, const uint8_t *is)
{
    const uint64_t start = bad->cell * CELL;
    bad->first = (uint16_t)(r->h.first_off > start ? r->h.first_off - start : 0);
    bad->last = (uint16_t)(pxr_min_u64(r->h.end_off - start, CELL) - 1);
    if (!bad->is_solved)
        return true;
    while (bad->first < bad->last && was[bad->first] == is[bad->first])
        bad->first++;
    while (bad->last > bad->first && was[bad->last] == is[bad->last])
        bad->last--;
    return was[bad->first] != is[bad->first];
}

static enum pxr_err note_column(struct pxr_span_reader *r, uint32_t column, const struct column *c, uint32_t span,
                                struct pxr_bad_cells *out, struct pxr_diag *diag)
{
    if (!pxr_reserve(&out->cells, &out->capacity, out->n + c->n_bad, sizeof *out->cells))
        return pxr_fail_nomem(diag, (out->n + c->n_bad) * sizeof *out->cells);
    for (unsigned b = 0; b < c->n_bad; b++) {
        struct pxr_bad_cell bad = {.cell = r->h.first_cell + (uint64_t)c->bad[b] * r->h.shard_cells + column, .span = span,
                                   .is_solved = c->is_solved[b]};
        if (compare_cell(r, &bad, r->column + (size_t)c->bad[b] * CELL,
                         bad.is_solved ? r->solved + (size_t)b * CELL : NULL))
            out->cells[out->n++] = bad;
    }
    return PXR_OK;
}

enum pxr_err pxr_span_examine(struct pxr_span_reader *r, uint32_t span, struct pxr_bad_cells *out, struct pxr_diag *diag)
{
    uint8_t *is_bad = pxr_alloc_zero(1, r->h.shard_cells);
    enum pxr_err e = is_bad ? mark_columns(r, is_bad, diag) : pxr_fail_nomem(diag, r->h.shard_cells);
    for (uint32_t i = 0; i < r->h.shard_cells && e == PXR_OK; i++) {
        struct column c;
        if (!is_bad[i])
            continue;
        e = solve_column(r, i, &c, diag);
        if (e == PXR_OK)
            e = note_column(r, i, &c, span, out, diag);
    }
    pxr_free(is_bad);
    return e;
}

enum pxr_err pxr_span_solve(struct pxr_span_reader *r, uint32_t column, pxr_span_solved_fn *each, void *arg,
                            struct pxr_diag *diag)
{
    struct column c;
    const enum pxr_err e = solve_column(r, column, &c, diag);
    for (unsigned b = 0; e == PXR_OK && b < c.n_bad; b++)
        if (c.is_solved[b])
            each(arg, r->h.first_cell + (uint64_t)c.bad[b] * r->h.shard_cells + column, r->solved + (size_t)b * CELL);
    return e;
}

enum pxr_err pxr_span_check_parity(struct pxr_span_reader *r, struct pxr_diag *diag)
{
    struct pxr_parity_head h = r->h;
    uint8_t heads[PXR_PARITY_COPIES][PXR_PARITY_HEAD_BYTES], *body = NULL;
    enum pxr_err e = PXR_OK;
    for (unsigned i = 0; i < PXR_PARITY_COPIES && e == PXR_OK; i++) {
        e = pxr_file_read(r->file, pxr_parity_head_off(&h, i), heads[i], PXR_PARITY_HEAD_BYTES, diag);
        if (e == PXR_OK && (memcmp(heads[0], heads[i], PXR_PARITY_HEAD_BYTES) ||
                            memcmp(r->tables[0], r->tables[i], h.table_bytes)))
            e = pxr_fail_at(diag, PXR_E_CORRUPT, h.record_off, "heads or tables of a parity record differ");
    }
    if (e == PXR_OK && pxr_parity_is_built_in())
        e = pxr_parity_fill(&h, r->file, &body, diag);
    if (e == PXR_OK && body && memcmp(body + PXR_PARITY_HEAD_BYTES, r->tables[0], h.table_bytes))
        e = pxr_fail_at(diag, PXR_E_CORRUPT, h.record_off, "a parity record is not that of what it covers");
    pxr_free(body);
    return e;
}
