/* SPDX-License-Identifier: MIT
 * What the index of pce holds: for all frames their levels and, where they are cut into tiles, the numbers that are
 * frequent; for each frame the lengths of its streams. */
#include "index_kind.h"

#include "diag.h"

enum {
    HEAD_BYTES = 12,           /* of params: number of levels, three zeros, four levels */
    MAX_PARAMS_BYTES = 65536,  /* of any index */
    MIN_STREAM_BYTES = 4,      /* sides, and three numbers at least */
    COUNTED_BYTES = 64 << 20,  /* numbers are counted in the first frames, as far as that goes */
    MAX_TILES = 1 << 18,       /* an entry has at most 2^20 bytes */
};

static const char *refusal(uint32_t width_px, uint32_t height_px, uint8_t bits)
{
    (void)bits;
    return pxr_pce_n_tiles(width_px, height_px) > MAX_TILES ? "the frames are too large for it" : NULL;
}

static uint32_t entry_bytes(const struct pxr_superblock *sb)
{
    return 4 * (uint32_t)pxr_pce_n_tiles(sb->width_px, sb->height_px);
}

static size_t table_off(void)
{
    return (size_t)pxr_round_up_u64(sizeof(struct pxr_pce_state), 64);
}

static size_t state_bytes(const struct pxr_superblock *sb)
{
    return table_off() + (pxr_pce_n_tiles(sb->width_px, sb->height_px) > 1 ? pxr_pce_table_bytes() : 0);
}

static enum pxr_err parse_levels(struct pxr_pce_palette *p, uint8_t bits, const uint8_t *params, uint64_t off,
                                 struct pxr_diag *diag)
{
    static const uint8_t zeros[8];
    const unsigned n = params[0];
    *p = (struct pxr_pce_palette){.n_levels = n};
    if (!n || n > PXR_PCE_N_LEVELS || memcmp(params + 1, zeros, 3) ||
        memcmp(params + 4 + 2 * n, zeros, 2 * (PXR_PCE_N_LEVELS - n)))
        return pxr_fail_field(diag, PXR_E_CORRUPT, off, "levels", PXR_PCE_N_LEVELS, n, "no palette of pce");
    for (unsigned i = 0; i < n; i++) {
        p->level[i] = pxr_load_u16le(params + 4 + 2 * (size_t)i);
        if (p->level[i] >> bits || (i && p->level[i] >= p->level[i - 1]))
            return pxr_fail_field(diag, PXR_E_CORRUPT, off + 4 + 2 * i, "levels", i ? p->level[i - 1] - 1u : UINT16_MAX,
                                  p->level[i], "levels of pce do not fall, or do not fit the samples");
    }
    pxr_pce_palette_settle(p, bits);
    return PXR_OK;
}

/* The largest number that a tile can need. */
static uint32_t max_number(const struct pxr_superblock *sb)
{
    const struct pxr_pce_tile t = pxr_pce_tile_at(sb->width_px, sb->height_px, 0);
    return t.width_px * t.height_px;
}

static enum pxr_err init(void *state, const struct pxr_superblock *sb, const uint8_t *params, uint32_t params_bytes,
                         uint64_t off, struct pxr_diag *diag)
{
    struct pxr_pce_state *s = state;
    *s = (struct pxr_pce_state){.width_px = sb->width_px, .height_px = sb->height_px, .bits = sb->bits};
    s->n_tiles = (uint32_t)pxr_pce_n_tiles(sb->width_px, sb->height_px);
    if (params_bytes < HEAD_BYTES || (s->n_tiles == 1 && params_bytes > HEAD_BYTES))
        return pxr_fail_field(diag, PXR_E_CORRUPT, off, "params_bytes", HEAD_BYTES, params_bytes,
                              "not the palette of pce");
    enum pxr_err e = parse_levels(&s->palette, sb->bits, params, off, diag);
    if (e != PXR_OK || s->n_tiles == 1)
        return e;
    pxr_pce_table *from, *table = (pxr_pce_table *)(void *)((uint8_t *)state + table_off());
    e = pxr_pce_table_parse(&from, params + HEAD_BYTES, params_bytes - HEAD_BYTES, diag);
    if (e == PXR_E_TRUNCATED)
        e = pxr_fail_at(diag, PXR_E_CORRUPT, off + HEAD_BYTES, "the table of pce ends too early");
    if (e == PXR_OK && !pxr_pce_table_complete(table, from, max_number(sb)))
        e = pxr_fail_at(diag, PXR_E_CORRUPT, off + HEAD_BYTES, "the table of pce has a number that no tile needs");
    pxr_pce_table_free(from);
    s->table = table;
    return e;
}

static bool is_possible(const void *state, const uint8_t *entry)
{
    const struct pxr_pce_state *s = state;
    for (uint32_t k = 0; k < s->n_tiles; k++) {
        const struct pxr_pce_tile t = pxr_pce_tile_at(s->width_px, s->height_px, k);
        const uint32_t n = pxr_load_u32le(entry + 4 * (size_t)k);
        if (n < MIN_STREAM_BYTES || n > 16 + 4 * t.width_px * t.height_px) /* at most 30 bits a run */
            return false;
    }
    return true;
}

enum pxr_err pxr_index_pce_make(const struct pxr_pce_state *s, uint32_t tile, const uint8_t *rows,
                                struct pxr_buffer *scratch, struct pxr_buffer *out, struct pxr_diag *diag)
{
    const struct pxr_pce_tile t = pxr_pce_tile_at(s->width_px, s->height_px, tile);
    const size_t sample_bytes = s->bits / 8u, n_px = (size_t)t.width_px * t.height_px;
    scratch->n_bytes = 0;
    uint8_t *symbols = pxr_buffer_extend(scratch, n_px);
    if (!symbols)
        return pxr_fail_nomem(diag, n_px);
    const enum pxr_err e = pxr_pce_symbols_of_gray(&s->palette, symbols, rows + t.x * sample_bytes,
                                                   s->width_px * sample_bytes, t.width_px, t.height_px, s->bits, diag);
    const struct pxr_pce_sprite sprite = {symbols, t.width_px, t.width_px, t.height_px};
    return e == PXR_OK ? pxr_pce_encode(out, &sprite, s->table, diag) : e;
}

static enum pxr_err make(const void *state, const uint8_t *pixels, struct pxr_buffer *scratch, uint8_t *entry,
                         struct pxr_diag *diag)
{
    const struct pxr_pce_state *s = state;
    const size_t row_bytes = (size_t)s->width_px * (s->bits / 8u);
    struct pxr_buffer out = {0};
    enum pxr_err e = PXR_OK;
    for (uint32_t k = 0; k < s->n_tiles && e == PXR_OK; k++) {
        const struct pxr_pce_tile t = pxr_pce_tile_at(s->width_px, s->height_px, k);
        out.n_bytes = 0;
        e = pxr_index_pce_make(s, k, pixels + t.y * row_bytes, scratch, &out, diag);
        pxr_store_u32le(entry + 4 * (size_t)k, (uint32_t)out.n_bytes);
    }
    pxr_buffer_fini(&out);
    return e;
}

/* ---- palette and table ------------------------------------------------------------------------- */

struct learner {
    struct pxr_pce_palette palette; /* not settled: each level's symbol is its place, and numbers depend on no more */
    pxr_pce_counts *counts;         /* with several tiles */
    uint64_t n_bytes_counted;
};

static void learner_fini(void *learner)
{
    struct learner *l = learner;
    pxr_pce_counts_free(l->counts);
}

static enum pxr_err count_tiles(struct learner *l, const struct pxr_superblock *sb, const uint8_t *pixels,
                                struct pxr_buffer *scratch, struct pxr_diag *diag)
{
    const size_t sample_bytes = sb->bits / 8u, row_bytes = sb->width_px * sample_bytes;
    const uint64_t n_tiles = pxr_pce_n_tiles(sb->width_px, sb->height_px);
    enum pxr_err e = l->counts ? PXR_OK : pxr_pce_counts_new(&l->counts, diag);
    for (uint64_t k = 0; k < n_tiles && e == PXR_OK; k++) {
        const struct pxr_pce_tile t = pxr_pce_tile_at(sb->width_px, sb->height_px, k);
        scratch->n_bytes = 0;
        uint8_t *symbols = pxr_buffer_extend(scratch, (size_t)t.width_px * t.height_px);
        if (!symbols)
            return pxr_fail_nomem(diag, (uint64_t)t.width_px * t.height_px);
        e = pxr_pce_symbols_of_gray(&l->palette, symbols, pixels + t.y * row_bytes + t.x * sample_bytes, row_bytes,
                                    t.width_px, t.height_px, sb->bits, diag);
        const struct pxr_pce_sprite sprite = {symbols, t.width_px, t.width_px, t.height_px};
        if (e == PXR_OK)
            e = pxr_pce_counts_add(l->counts, &sprite, diag);
    }
    return e;
}

static enum pxr_err learn(void *learner, const struct pxr_superblock *sb, const uint8_t *pixels,
                          struct pxr_buffer *scratch, struct pxr_diag *diag)
{
    struct learner *l = learner;
    const size_t row_bytes = (size_t)sb->width_px * (sb->bits / 8u);
    if (!pxr_pce_palette_gather(&l->palette, pixels, row_bytes, sb->width_px, sb->height_px, sb->bits))
        return pxr_fail(diag, PXR_E_UNSUPPORTED, "pce holds four levels of gray, and so far there are more");
    for (unsigned i = 0; i < PXR_PCE_N_LEVELS; i++)
        l->palette.symbol[i] = (uint8_t)i;
    if (pxr_pce_n_tiles(sb->width_px, sb->height_px) == 1 || l->n_bytes_counted > COUNTED_BYTES)
        return PXR_OK;
    l->n_bytes_counted += row_bytes * sb->height_px;
    return count_tiles(l, sb, pixels, scratch, diag);
}

static enum pxr_err choose(void *learner, const struct pxr_superblock *sb, struct pxr_buffer *params,
                           struct pxr_diag *diag)
{
    struct learner *l = learner;
    pxr_pce_table *table = NULL;
    uint8_t *head = pxr_buffer_extend(params, HEAD_BYTES);
    if (!head)
        return pxr_fail_nomem(diag, HEAD_BYTES);
    memset(head, 0, HEAD_BYTES);
    pxr_pce_palette_settle(&l->palette, sb->bits); /* sorts levels too */
    head[0] = (uint8_t)l->palette.n_levels;
    for (unsigned i = 0; i < l->palette.n_levels; i++)
        pxr_store_u16le(head + 4 + 2 * (size_t)i, l->palette.level[i]);
    if (!l->counts)
        return PXR_OK;
    const enum pxr_err e = pxr_pce_table_new(&table, l->counts, diag);
    if (e != PXR_OK)
        return e;
    const bool is_written = pxr_pce_table_write(table, params);
    pxr_pce_table_free(table);
    /* Its end has what is rarest; a whole number stays whole. */
    if (params->n_bytes > MAX_PARAMS_BYTES)
        params->n_bytes = MAX_PARAMS_BYTES - (params->n_bytes - MAX_PARAMS_BYTES) % 2;
    return is_written ? PXR_OK : pxr_fail_nomem(diag, MAX_PARAMS_BYTES);
}

const struct pxr_index_kind pxr_index_pce = {.number = PXR_VIEW_INDEX_PCE,
                                             .name = "pce",
                                             .refusal = refusal,
                                             .entry_bytes = entry_bytes,
                                             .state_bytes = state_bytes,
                                             .init = init,
                                             .is_possible = is_possible,
                                             .make = make,
                                             .learner_bytes = sizeof(struct learner),
                                             .learns_all = true,
                                             .learn = learn,
                                             .choose = choose,
                                             .learner_fini = learner_fini};
