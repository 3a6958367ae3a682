/* SPDX-License-Identifier: MIT
 * What the index of png-small holds: a table of code lengths for all frames; a checksum and the lengths of bands for
 * each. */
#include "index_kind.h"

#include "checksum.h"
#include "diag.h"

static const char *refusal(uint32_t width_px, uint32_t height_px, uint8_t bits)
{
    struct pxr_small_bands b;
    return pxr_small_bands_init(&b, width_px, height_px, bits) ? NULL : "the frames are too large for it";
}

static uint32_t entry_bytes(const struct pxr_superblock *sb)
{
    struct pxr_small_bands b;
    return pxr_small_bands_init(&b, sb->width_px, sb->height_px, sb->bits) ? 4 + 4 * b.n_bands : 0;
}

static size_t state_bytes(const struct pxr_superblock *sb)
{
    (void)sb;
    return sizeof(struct pxr_small_state);
}

static enum pxr_err init(void *state, const struct pxr_superblock *sb, const uint8_t *params, uint32_t params_bytes,
                         uint64_t off, struct pxr_diag *diag)
{
    struct pxr_small_state *s = state;
    pxr_small_bands_init(&s->bands, sb->width_px, sb->height_px, sb->bits);
    if (params_bytes != PXR_SMALL_SYMBOLS)
        return pxr_fail_field(diag, PXR_E_CORRUPT, off, "params_bytes", PXR_SMALL_SYMBOLS, params_bytes,
                              "not a table of code lengths");
    if (!pxr_small_table_init(&s->table, params))
        return pxr_fail_at(diag, PXR_E_CORRUPT, off, "the code lengths of png-small are no complete code");
    return PXR_OK;
}

/* A band has a head and, for each of its bytes, 12 bits at most: below 2^31. */
static bool is_possible(const void *state, const uint8_t *entry)
{
    const struct pxr_small_state *s = state;
    for (uint32_t k = 0; k < s->bands.n_bands; k++)
        if (pxr_load_u32le(entry + 4 + 4 * (size_t)k) > INT32_MAX)
            return false;
    return true;
}

static enum pxr_err make(const void *state, const uint8_t *pixels, struct pxr_buffer *scratch, uint8_t *entry,
                         struct pxr_diag *diag)
{
    const struct pxr_small_state *s = state;
    const struct pxr_small_bands *b = &s->bands;
    uint32_t adler = 1;
    scratch->n_bytes = 0;
    uint8_t *memory = pxr_buffer_extend(scratch, pxr_small_stream_bound(b));
    if (!memory)
        return pxr_fail_nomem(diag, pxr_small_stream_bound(b));
    for (uint32_t k = 0; k < b->n_bands; k++) {
        uint64_t counts[256] = {0};
        const uint32_t n_rows = pxr_small_band_rows(b, k);
        const uint8_t *rows = pixels + (size_t)k * b->band_rows * (b->row_bytes - 1);
        const size_t n = pxr_small_filter(b, rows, n_rows, memory);
        adler = pxr_adler32(adler, memory, n);
        pxr_small_count(counts, memory, n);
        /* Below 2^31: at most 12 bits for each of 2^30 bytes, and a head. */
        pxr_store_u32le(entry + 4 + 4 * (size_t)k,
                        (uint32_t)pxr_small_coded_bytes(&s->table, counts, k + 1 == b->n_bands));
    }
    pxr_store_u32le(entry, adler);
    return PXR_OK;
}

/* ---- the table ----------------------------------------------------------------------------------- */

struct learner {
    uint64_t counts[PXR_SMALL_SYMBOLS];
};

static enum pxr_err learn(void *learner, const struct pxr_superblock *sb, const uint8_t *pixels,
                          struct pxr_buffer *scratch, struct pxr_diag *diag)
{
    struct learner *l = learner;
    struct pxr_small_bands b;
    pxr_small_bands_init(&b, sb->width_px, sb->height_px, sb->bits);
    scratch->n_bytes = 0;
    uint8_t *memory = pxr_buffer_extend(scratch, pxr_small_stream_bound(&b));
    if (!memory)
        return pxr_fail_nomem(diag, pxr_small_stream_bound(&b));
    for (uint32_t k = 0; k < b.n_bands; k++) {
        const uint8_t *rows = pixels + (size_t)k * b.band_rows * (b.row_bytes - 1);
        pxr_small_count(l->counts, memory, pxr_small_filter(&b, rows, pxr_small_band_rows(&b, k), memory));
    }
    l->counts[PXR_SMALL_SYMBOLS - 1] += b.n_bands;
    return PXR_OK;
}

static enum pxr_err choose(void *learner, const struct pxr_superblock *sb, struct pxr_buffer *params,
                           struct pxr_diag *diag)
{
    const struct learner *l = learner;
    uint8_t *lengths = pxr_buffer_extend(params, PXR_SMALL_SYMBOLS);
    (void)sb;
    if (!lengths)
        return pxr_fail_nomem(diag, PXR_SMALL_SYMBOLS);
    pxr_small_choose_lengths(lengths, l->counts);
    return PXR_OK;
}

const struct pxr_index_kind pxr_index_png_small = {.number = PXR_VIEW_INDEX_PNG_SMALL,
                                                   .name = "png-small",
                                                   .refusal = refusal,
                                                   .entry_bytes = entry_bytes,
                                                   .state_bytes = state_bytes,
                                                   .init = init,
                                                   .is_possible = is_possible,
                                                   .make = make,
                                                   .learner_bytes = sizeof(struct learner),
                                                   .learn = learn,
                                                   .choose = choose};
