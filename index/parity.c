/* SPDX-License-Identifier: MIT
 * Parity records (docs/format.md, section 17): their heads, where cells lie, and making them. */
#include "parity.h"

#include "alloc.h"
#include "bytes.h"
#include "diag.h"
#include "erasure.h"
#include "reader.h"

/* A fuzzer cannot guess hashes; this switch is for its build alone. */
#ifdef PXR_FUZZ_SKIP_CHECKSUMS
#define HASHES_AGREE(want, got) ((void)(want), (void)(got), true)
#else
#define HASHES_AGREE(want, got) ((want) == (got))
#endif

enum { CELL = PXR_PARITY_CELL_BYTES };

bool pxr_parity_is_built_in(void)
{
    return pxr_erasure_is_built_in();
}

/* ---- heads -------------------------------------------------------------------------------------- */

/* What follows from the fields; false: they do not fit together. */
static bool derive(struct pxr_parity_head *h)
{
    if (h->first_off >= h->end_off || h->end_off - h->first_off > PXR_PARITY_MAX_SPAN_BYTES || !h->shard_cells ||
        !h->n_data || !h->n_parity || h->n_data > PXR_PARITY_MAX_DATA ||
        (unsigned)h->n_data + h->n_parity > PXR_PARITY_MAX_SHARDS)
        return false;
    h->first_cell = h->first_off / CELL;
    h->n_cells = (uint32_t)(pxr_div_up_u64(h->end_off, CELL) - h->first_cell);
    if (h->shard_cells > h->n_cells || (uint64_t)h->n_parity * h->shard_cells > PXR_PARITY_MAX_CELLS || h->n_data != pxr_div_up_u64(h->n_cells, h->shard_cells))
        return false;
    h->table_bytes = 8 * (h->n_cells + h->n_parity * h->shard_cells);
    h->parity_bytes = (uint64_t)h->n_parity * h->shard_cells * CELL;
    h->body_bytes = PXR_PARITY_COPIES * (PXR_PARITY_HEAD_BYTES + (uint64_t)h->table_bytes) + h->parity_bytes;
    return true;
}

enum pxr_err pxr_parity_head_parse(struct pxr_parity_head *out, const uint8_t *src, struct pxr_diag *diag)
{
    if (memcmp(src, PXR_PARITY_MARKER, 8) || !HASHES_AGREE(pxr_load_u64le(src + 248), pxr_xxh3_64(src, 248)))
        return pxr_fail(diag, PXR_E_CORRUPT, "the head of a parity record is damaged");
    *out = (struct pxr_parity_head){
        .record_off = pxr_load_u64le(src + 24),
        .sequence = pxr_load_u64le(src + 32),
        .first_off = pxr_load_u64le(src + 40),
        .end_off = pxr_load_u64le(src + 48),
        .covered_end = pxr_load_u64le(src + 56),
        .shard_cells = pxr_load_u32le(src + 64),
        .n_data = src[68],
        .n_parity = src[69],
        .percent = src[70],
        .has_commit = src[71] == 1,
    };
    memcpy(out->id, src + 8, sizeof out->id);
    memcpy(out->commit, src + 72, sizeof out->commit);
    static const uint8_t none[PXR_COMMIT_BODY_BYTES];
    if (src[71] > 1 || (!out->has_commit && memcmp(out->commit, none, sizeof none)) || !out->percent ||
        out->percent > 100 || out->record_off < PXR_SUPERBLOCK_BYTES || out->record_off >> 62 || out->record_off & 7 ||
        out->end_off > out->record_off || out->covered_end > out->record_off || !derive(out))
        return pxr_fail(diag, PXR_E_CORRUPT, "the head of a parity record says what cannot be");
    return PXR_OK;
}

static void head_store(uint8_t dst[PXR_PARITY_HEAD_BYTES], const struct pxr_parity_head *h)
{
    memset(dst, 0, PXR_PARITY_HEAD_BYTES);
    memcpy(dst, PXR_PARITY_MARKER, 8);
    memcpy(dst + 8, h->id, sizeof h->id);
    pxr_store_u64le(dst + 24, h->record_off);
    pxr_store_u64le(dst + 32, h->sequence);
    pxr_store_u64le(dst + 40, h->first_off);
    pxr_store_u64le(dst + 48, h->end_off);
    pxr_store_u64le(dst + 56, h->covered_end);
    pxr_store_u32le(dst + 64, h->shard_cells);
    dst[68] = h->n_data;
    dst[69] = h->n_parity;
    dst[70] = h->percent;
    dst[71] = h->has_commit;
    if (h->has_commit)
        memcpy(dst + 72, h->commit, sizeof h->commit);
    pxr_store_u64le(dst + 248, pxr_xxh3_64(dst, 248));
}

/* Parity cells in front of the copy in the middle. */
static uint64_t first_part_bytes(const struct pxr_parity_head *h)
{
    return (uint64_t)(h->n_parity / 2) * h->shard_cells * CELL;
}

uint64_t pxr_parity_head_off(const struct pxr_parity_head *h, unsigned copy)
{
    const uint64_t body = h->record_off + PXR_RECORD_HEADER_BYTES;
    if (copy == 1)
        return body + PXR_PARITY_HEAD_BYTES + h->table_bytes + first_part_bytes(h);
    return copy ? body + h->body_bytes - PXR_PARITY_HEAD_BYTES : body;
}

uint64_t pxr_parity_table_off(const struct pxr_parity_head *h, unsigned copy)
{
    const uint64_t head = pxr_parity_head_off(h, copy);
    return copy == 2 ? head - h->table_bytes : head + PXR_PARITY_HEAD_BYTES;
}

uint64_t pxr_parity_cell_off(const struct pxr_parity_head *h, unsigned row, uint32_t column)
{
    const uint64_t off = ((uint64_t)row * h->shard_cells + column) * CELL;
    return pxr_parity_table_off(h, off >= first_part_bytes(h)) + h->table_bytes +
           (off >= first_part_bytes(h) ? off - first_part_bytes(h) : off);
}

uint64_t pxr_parity_next_off(const struct pxr_parity_head *h)
{
    return h->record_off + pxr_record_bytes(h->body_bytes);
}

/* ---- cells -------------------------------------------------------------------------------------- */

enum pxr_err pxr_parity_read_cells(const struct pxr_file *file, uint64_t file_bytes, const struct pxr_parity_head *h,
                                   uint32_t cell, uint32_t n, uint8_t *dst, struct pxr_diag *diag)
{
    const uint64_t start = (h->first_cell + cell) * CELL;
    const uint64_t lo = pxr_max_u64(start, h->first_off);
    const uint64_t hi = pxr_min_u64(pxr_min_u64(start + (uint64_t)n * CELL, h->end_off), file_bytes);
    if (lo >= hi) {
        memset(dst, 0, (size_t)n * CELL);
        return PXR_OK;
    }
    memset(dst, 0, lo - start);
    memset(dst + (hi - start), 0, (size_t)n * CELL - (hi - start));
    return pxr_file_read(file, lo, dst + (lo - start), hi - lo, diag);
}

/* ---- finding the newest ------------------------------------------------------------------------- */

bool pxr_parity_before(const struct pxr_file *file, const struct pxr_superblock *sb, uint64_t commit_off,
                       struct pxr_parity_head *out)
{
    uint8_t head[PXR_PARITY_HEAD_BYTES];
    const uint64_t behind = PXR_PARITY_HEAD_BYTES + PXR_RECORD_TRAILER_BYTES;
    return commit_off >= PXR_SUPERBLOCK_BYTES + PXR_RECORD_HEADER_BYTES + behind &&
           pxr_file_read(file, commit_off - behind, head, sizeof head, NULL) == PXR_OK &&
           pxr_parity_head_parse(out, head, NULL) == PXR_OK && !memcmp(out->id, sb->id, sizeof out->id) &&
           pxr_parity_next_off(out) == commit_off;
}

bool pxr_parity_newest(const struct pxr_file *file, const struct pxr_superblock *sb, uint64_t commit_off,
                       struct pxr_parity_head *out)
{
    enum { MAX_COMMITS = 1024 }; /* that somebody appended without parity behind those with */
    for (int i = 0; i < MAX_COMMITS && commit_off; i++) {
        uint8_t record[PXR_COMMIT_RECORD_BYTES];
        struct pxr_commit c;
        if (pxr_parity_before(file, sb, commit_off, out))
            return true;
        if (pxr_file_read(file, commit_off, record, sizeof record, NULL) != PXR_OK ||
            pxr_commit_parse_record(record, commit_off, commit_off + sizeof record, sb, &c, NULL) != PXR_OK)
            return false;
        commit_off = c.previous_off;
    }
    return false;
}

void pxr_archive_parity(pxr_archive *a, struct pxr_parity_info *out)
{
    struct pxr_parity_head h;
    *out = (struct pxr_parity_info){0};
    if (!pxr_parity_newest(&a->file, &a->sb, a->end_off - PXR_COMMIT_RECORD_BYTES, &h))
        return;
    const bool is_all = h.covered_end == h.record_off; /* then it is itself, and its copy of the commit is */
    *out = (struct pxr_parity_info){
        .percent = h.percent,
        .covered_bytes = is_all ? pxr_parity_next_off(&h) + PXR_COMMIT_RECORD_BYTES : h.covered_end,
        .data_shards = h.n_data,
        .parity_shards = h.n_parity,
    };
}

/* ---- making ------------------------------------------------------------------------------------- */

/* Full spans have as many shards as a code of bytes allows in round numbers, so that a percentage is met exactly and a
 * burst is spread over many columns.  Short ones have at least four parity cells: two for a lost sector, which may lie across
 * cells of the record, and two for more. */
static bool choose_shape(struct pxr_parity_head *h, unsigned wider)
{
    enum { MIN_PARITY = 4 };
    const uint64_t first = h->first_off / CELL, n = pxr_div_up_u64(h->end_off, CELL) - first;
    const uint64_t most = h->percent <= 27 ? PXR_PARITY_MAX_DATA : 100;
    const uint64_t c = pxr_min_u64(pxr_div_up_u64(n, most) + wider, n);
    const uint64_t k = pxr_div_up_u64(n, c);
    h->shard_cells = (uint32_t)c;
    h->n_data = (uint8_t)k;
    h->n_parity = (uint8_t)pxr_max_u64(MIN_PARITY, pxr_div_up_u64(k * h->percent, 100));
    return derive(h);
}

void pxr_parity_invert(uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        bytes[i] = (uint8_t)~bytes[i];
}

/* Hashes of data cells into the table, their sums into the parity cells; then those cells' hashes. */
static enum pxr_err add_shards(const struct pxr_parity_head *h, const struct pxr_file *file, const pxr_erasure *code,
                               uint8_t *shard, uint8_t *table, uint8_t *parity, struct pxr_diag *diag)
{
    const uint32_t c = h->shard_cells;
    enum pxr_err e = PXR_OK;
    for (uint32_t j = 0; j < h->n_data && e == PXR_OK; j++) {
        const uint32_t first = j * c;
        e = pxr_parity_read_cells(file, UINT64_MAX, h, first, c, shard, diag);
        if (e != PXR_OK)
            break;
        for (uint32_t i = 0; i < c && first + i < h->n_cells; i++)
            pxr_store_u64le(table + 8 * (size_t)(first + i), pxr_xxh3_64(shard + (size_t)i * CELL, CELL));
        pxr_erasure_add(code, j, shard, parity, (size_t)c * CELL);
    }
    pxr_parity_invert(parity, h->parity_bytes);
    table += 8 * (size_t)h->n_cells;
    for (uint32_t i = 0; i < h->n_parity * c && e == PXR_OK; i++)
        pxr_store_u64le(table + 8 * (size_t)i, pxr_xxh3_64(parity + (size_t)i * CELL, CELL));
    return e;
}

/* The body has a table in front, and all parity cells behind it: make room for the copies. */
static void place_copies(const struct pxr_parity_head *h, uint8_t *body)
{
    uint8_t *table = body + PXR_PARITY_HEAD_BYTES, *middle = table + h->table_bytes + first_part_bytes(h);
    const size_t part = PXR_PARITY_HEAD_BYTES + (size_t)h->table_bytes;
    const size_t rest = h->parity_bytes - first_part_bytes(h);
    head_store(body, h);
    memmove(middle + part, middle, rest);
    memcpy(middle, body, part);
    memcpy(middle + part + rest, table, h->table_bytes);
    memcpy(middle + part + rest + h->table_bytes, body, PXR_PARITY_HEAD_BYTES);
}

enum pxr_err pxr_parity_fill(const struct pxr_parity_head *h, const struct pxr_file *file, uint8_t **body,
                             struct pxr_diag *diag)
{
    pxr_erasure *code = pxr_erasure_new(h->n_data, h->n_parity);
    uint8_t *shard = pxr_alloc((size_t)h->shard_cells * CELL), *p = pxr_alloc_zero(1, h->body_bytes);
    enum pxr_err e = code && shard && p ? PXR_OK : pxr_fail_nomem(diag, h->body_bytes);
    if (e == PXR_OK) {
        uint8_t *table = p + PXR_PARITY_HEAD_BYTES, *parity = table + h->table_bytes;
        e = add_shards(h, file, code, shard, table, parity, diag);
        place_copies(h, p);
    }
    pxr_erasure_free(code);
    pxr_free(shard);
    *body = e == PXR_OK ? p : NULL;
    if (e != PXR_OK)
        pxr_free(p);
    return e;
}

enum pxr_err pxr_parity_make(struct pxr_parity_head *h, const struct pxr_file *file, unsigned wider, uint8_t **body,
                             struct pxr_diag *diag)
{
    *body = NULL;
    return choose_shape(h, wider) ? pxr_parity_fill(h, file, body, diag)
                                  : pxr_fail(diag, PXR_E_INVALID, "no parity of %u %% of this span is possible", h->percent);
}
