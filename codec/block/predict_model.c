/* SPDX-License-Identifier: MIT
 * The model of a predict block as bytes: weights, activity, thresholds, frequencies. */
#include "bitio.h"
#include "diag.h"
#include "predict.h"

#include <inttypes.h>

bool pxr_predict_model_init(struct pxr_predict_model *m, const struct pxr_block_shape *shape)
{
    m->width_px = shape->width_px;
    m->height_px = shape->height_px;
    m->n_tiles_x = (uint32_t)pxr_div_up_u64((shape->width_px + 1) / 2, PXR_PREDICT_TILE);
    m->n_tiles_y = (uint32_t)pxr_div_up_u64(shape->height_px, PXR_PREDICT_TILE_ROWS);
    memset(m->has_group, 0, sizeof m->has_group);
    m->tiles = pxr_alloc_zero(pxr_predict_n_tiles(m), sizeof *m->tiles);
    return m->tiles != NULL;
}

bool pxr_predict_is_possible(const struct pxr_block_shape *s)
{
    const uint64_t plane = pxr_predict_plane_bytes(s->width_px, s->height_px, s->bits);
    return plane <= PXR_PREDICT_MAX_PLANE_BYTES && plane * s->n_frames <= (uint64_t)1 << 31;
}

void pxr_predict_model_fini(struct pxr_predict_model *m)
{
    pxr_free(m->tiles);
    m->tiles = NULL;
}

struct pxr_predict_refs pxr_predict_refs_of(uint32_t f, uint32_t n)
{
    struct pxr_predict_refs r = {0};
    if (!f)
        return r;
    const uint32_t step = f & (0u - f), left = f - step;
    /* Behind the end there is no right reference: the left one's left one takes its place, which has
     * been decoded for it anyway. */
    const uint32_t right = step < n - f ? f + step : left ? left - (left & (0u - left)) : 0;
    return (struct pxr_predict_refs){step == 1 ? 3u : step == 2 ? 2u : 1u, {left, right}};
}

bool pxr_predict_weights_fit(const int16_t *w, unsigned n, uint8_t depth)
{
    int64_t positive = 0, negative = 0;
    for (unsigned k = 0; k < n; k++)
        *(w[k] < 0 ? &negative : &positive) += w[k];
    const int64_t most = (1 << depth) - 1, limit = depth <= 8 ? INT16_MAX - PXR_PREDICT_MAX_BIAS8
                                                              : INT32_MAX - PXR_PREDICT_MAX_BIAS16;
    return positive * most <= limit && -negative * most <= limit;
}

/* Visit the weights of all tiles in the order of the file; they are coded as differences from the tile
 * before, with one adaptive code per tap. */
struct tile_coder {
    struct pxr_bit_writer *w; /* NULL: reading */
    struct pxr_bit_reader *r;
    struct pxr_rice taps[PXR_PREDICT_INTER_TAPS], bias;
};

static int32_t code_difference(struct tile_coder *c, struct pxr_rice *rice, int32_t v, int32_t before)
{
    if (c->w) {
        pxr_rice_put(c->w, rice, pxr_zigzag(v - before));
        return v;
    }
    return (int32_t)((uint32_t)before + (uint32_t)pxr_unzigzag(pxr_rice_get(c->r, rice)));
}

/* false: weights that could overflow the prediction's sum. */
static bool code_tiles(struct tile_coder *c, const struct pxr_predict_model *m, unsigned group,
                       unsigned phase)
{
    const unsigned n_taps = pxr_predict_n_taps(group);
    const int32_t max_bias = m->depth <= 8 ? PXR_PREDICT_MAX_BIAS8 : PXR_PREDICT_MAX_BIAS16;
    struct pxr_predict_tile before = {{0}, 0};
    for (uint32_t y = 0; y < m->n_tiles_y; y++)
        for (uint32_t x = 0; x < m->n_tiles_x; x++) {
            struct pxr_predict_tile *t = pxr_predict_tiles(m, group, phase, y) + x;
            for (unsigned k = 0; k < n_taps; k++) {
                const int32_t v = code_difference(c, &c->taps[k], t->w[k], before.w[k]);
                if (v > INT16_MAX || v < INT16_MIN)
                    return false;
                t->w[k] = (int16_t)v;
            }
            if (!pxr_predict_weights_fit(t->w, n_taps, m->depth))
                return false;
            const int32_t bias = code_difference(c, &c->bias, t->bias, before.bias);
            if (bias > max_bias || bias < -max_bias)
                return false;
            t->bias = bias;
            before = *t;
        }
    return true;
}

/* ---- frequencies -------------------------------------------------------------------------------- */

/* Three significant bits are enough: the loss is below 0.1 %. */
static uint32_t round_frequency(uint32_t f)
{
    const unsigned n = f ? 32 - (unsigned)__builtin_clz(f) : 0;
    if (n <= 3)
        return f;
    const unsigned drop = n - 3;
    return (f + (1u << drop >> 1)) >> drop << drop;
}

void pxr_predict_normalise(const uint32_t *counts, unsigned n_symbols, uint16_t *freq)
{
    uint64_t total = 0;
    unsigned top = 0;
    for (unsigned s = 0; s < n_symbols; s++) {
        total += counts[s];
        top = counts[s] > counts[top] ? s : top;
    }
    memset(freq, 0, n_symbols * sizeof *freq);
    /* The most frequent symbol takes what the rounded others leave; where they leave too little, they
     * are made smaller. */
    for (uint64_t scale = PXR_PREDICT_TABLE; total; scale -= scale / 16) {
        uint32_t others = 0;
        for (unsigned s = 0; s < n_symbols; s++) {
            if (s == top || !counts[s])
                continue;
            const uint32_t f = (uint32_t)((counts[s] * scale + total / 2) / total);
            others += freq[s] = (uint16_t)round_frequency(f ? f : 1);
        }
        const uint64_t want = counts[top] * scale / total;
        if (others < PXR_PREDICT_TABLE && (PXR_PREDICT_TABLE - others >= want / 2 || scale < 512)) {
            freq[top] = (uint16_t)(PXR_PREDICT_TABLE - others);
            return;
        }
    }
    freq[0] = PXR_PREDICT_TABLE;
}

/* The symbol that took what the rounded ones left: the one with more than three significant bits, or
 * any.  The most frequent one is the cheapest. */
static unsigned remainder_symbol(const uint16_t *freq, unsigned n_symbols)
{
    unsigned top = 0;
    for (unsigned s = 0; s < n_symbols; s++) {
        if (round_frequency(freq[s]) != freq[s])
            return s;
        top = freq[s] > freq[top] ? s : top;
    }
    return top;
}

/* A frequency is coded as its bit length, as the difference from the one before, and what follows its
 * highest bit, at most two bits. */
static void store_table(struct pxr_bit_writer *w, struct pxr_rice *rice, const uint16_t *freq,
                        unsigned n_symbols)
{
    const unsigned top = remainder_symbol(freq, n_symbols);
    unsigned n_used = 0;
    for (unsigned s = 0; s < n_symbols; s++)
        n_used = freq[s] ? s + 1 : n_used;
    const bool is_single = freq[top] == PXR_PREDICT_TABLE;
    pxr_bits_put(w, n_used - 1, 8);
    pxr_bits_put(w, is_single, 1);
    if (is_single)
        return;
    pxr_bits_put(w, top, 8);
    int before = 4;
    for (unsigned s = 0; s < n_used; s++) {
        if (s == top)
            continue;
        const unsigned n = freq[s] ? 32 - (unsigned)__builtin_clz(freq[s]) : 0;
        pxr_rice_put(w, rice, pxr_zigzag((int)n - before));
        if (n > 1) {
            const unsigned n_low = n < 3 ? n - 1 : 2;
            pxr_bits_put(w, freq[s] >> (n - 1 - n_low) & ((1u << n_low) - 1), n_low);
        }
        before = (int)n;
    }
}

static bool load_table(struct pxr_bit_reader *r, struct pxr_rice *rice, uint16_t *freq,
                       unsigned n_symbols)
{
    memset(freq, 0, PXR_PREDICT_MAX_SYMBOLS * sizeof *freq);
    const unsigned n_used = pxr_bits_get(r, 8) + 1;
    if (n_used > n_symbols)
        return false;
    if (pxr_bits_get(r, 1)) {
        freq[n_used - 1] = PXR_PREDICT_TABLE;
        return true;
    }
    const unsigned top = pxr_bits_get(r, 8);
    if (top >= n_used)
        return false;
    int before = 4;
    uint32_t others = 0;
    for (unsigned s = 0; s < n_used; s++) {
        if (s == top)
            continue;
        const int64_t n = (int64_t)before + pxr_unzigzag(pxr_rice_get(r, rice));
        if (n < 0 || n > PXR_PREDICT_TABLE_BITS + 1)
            return false;
        if (n > 1) {
            const unsigned n_low = n < 3 ? (unsigned)n - 1 : 2;
            freq[s] = (uint16_t)((1u << n_low | pxr_bits_get(r, n_low)) << (n - 1 - n_low));
        } else {
            freq[s] = (uint16_t)n;
        }
        others += freq[s];
        if (others >= PXR_PREDICT_TABLE)
            return false;
        before = (int)n;
    }
    freq[top] = (uint16_t)(PXR_PREDICT_TABLE - others);
    return true;
}

/* ---- the whole model ---------------------------------------------------------------------------- */

/* Thresholds are stored as codes; each is one that pxr_predict_threshold gives. */
static uint8_t threshold_code(uint32_t v)
{
    unsigned code = 0;
    while (code < 255 && pxr_predict_threshold((uint8_t)code) < v)
        code++;
    return (uint8_t)code;
}

bool pxr_predict_model_store(const struct pxr_predict_model *m, struct pxr_buffer *out)
{
    uint8_t *fixed = pxr_buffer_extend(out, PXR_PREDICT_FIXED_BYTES);
    if (!fixed)
        return false;
    fixed[0] = PXR_ORDER_DYADIC;
    fixed[1] = m->depth;
    fixed[2] = m->shift;
    fixed[3] = m->lanes_log2;
    pxr_store_u16le(fixed + 4, m->offset);
    fixed[6] = 0;
    for (unsigned g = 0; g < PXR_PREDICT_GROUPS; g++)
        fixed[6] |= (uint8_t)(m->has_group[g] << g);
    fixed[7] = m->magnitude_shift;
    struct pxr_bit_writer w = {.to = out};
    for (unsigned g = 0; g < PXR_PREDICT_GROUPS; g++)
        for (unsigned phase = 0; m->has_group[g] && phase < 2; phase++) {
            struct tile_coder c = {.w = &w, .bias = PXR_RICE_INIT};
            for (unsigned k = 0; k < PXR_PREDICT_INTER_TAPS; k++)
                c.taps[k] = (struct pxr_rice)PXR_RICE_INIT;
            for (unsigned k = 0; k < PXR_PREDICT_FEATURES; k++)
                pxr_bits_put(&w, m->features[g][phase][k], 5);
            code_tiles(&c, m, g, phase);
        }
    for (unsigned phase = 0; phase < 2; phase++)
        for (unsigned k = 0; k < PXR_PREDICT_LEVELS - 1; k++)
            pxr_bits_put(&w, threshold_code(m->thresholds[phase][k]), 8);
    struct pxr_rice rice = PXR_RICE_INIT;
    for (unsigned c = 0; c < PXR_PREDICT_CONTEXTS; c++)
        store_table(&w, &rice, m->freq[c], pxr_predict_n_symbols(m));
    pxr_bits_end(&w);
    return !w.is_failed;
}

static enum pxr_err damaged(const char *field, const char *text, struct pxr_diag *diag)
{
    pxr_fail(diag, PXR_E_CORRUPT, "a predict block %s", text);
    if (diag)
        memcpy(diag->field, field, strlen(field) + 1);
    return PXR_E_CORRUPT;
}

enum pxr_err pxr_predict_model_load(struct pxr_predict_model *m, const struct pxr_block_header *h,
                                    struct pxr_diag *diag)
{
    const uint8_t *p = h->params;
    m->depth = p[1];
    m->shift = p[2];
    m->lanes_log2 = p[3];
    m->offset = pxr_load_u16le(p + 4);
    m->magnitude_shift = p[7];
    struct pxr_bit_reader r = {.src = p + PXR_PREDICT_FIXED_BYTES,
                               .n_bytes = h->params_bytes - PXR_PREDICT_FIXED_BYTES};
    for (unsigned g = 0; g < PXR_PREDICT_GROUPS; g++) {
        m->has_group[g] = p[6] >> g & 1;
        for (unsigned phase = 0; m->has_group[g] && phase < 2; phase++) {
            struct tile_coder c = {.r = &r, .bias = PXR_RICE_INIT};
            for (unsigned k = 0; k < PXR_PREDICT_INTER_TAPS; k++)
                c.taps[k] = (struct pxr_rice)PXR_RICE_INIT;
            for (unsigned k = 0; k < PXR_PREDICT_FEATURES; k++)
                m->features[g][phase][k] = (uint8_t)pxr_bits_get(&r, 5);
            for (unsigned k = 0; k < PXR_PREDICT_FEATURES; k++)
                if (m->features[g][phase][k] > PXR_PREDICT_MAX_FEATURE)
                    return damaged("features", "has impossible weights of features", diag);
            if (!code_tiles(&c, m, g, phase))
                return damaged("weights", "has impossible weights", diag);
            if (r.is_past_end)
                return damaged("weights", "ends within its weights", diag);
        }
    }
    for (unsigned phase = 0; phase < 2; phase++)
        for (unsigned k = 0; k < PXR_PREDICT_LEVELS - 1; k++)
            m->thresholds[phase][k] = pxr_predict_threshold((uint8_t)pxr_bits_get(&r, 8));
    struct pxr_rice rice = PXR_RICE_INIT;
    for (unsigned c = 0; c < PXR_PREDICT_CONTEXTS; c++) {
        if (!load_table(&r, &rice, m->freq[c], pxr_predict_n_symbols(m)))
            return damaged("frequencies", "has frequencies that do not add up", diag);
        if (r.is_past_end)
            return damaged("frequencies", "ends within its frequencies", diag);
    }
    if (r.at != r.n_bytes || r.bits)
        return damaged("params_bytes", "has bytes behind its parameters", diag);
    return PXR_OK;
}

void pxr_predict_build_tables(const struct pxr_predict_model *m, uint32_t *tables)
{
    for (unsigned c = 0; c < PXR_PREDICT_CONTEXTS; c++) {
        uint32_t *t = tables + (size_t)c * PXR_PREDICT_TABLE;
        for (uint32_t s = 0, n = pxr_predict_n_symbols(m); s < n; s++)
            for (uint32_t k = 0, f = m->freq[c][s]; k < f; k++)
                *t++ = s | f << 8 | k << 20;
    }
    uint32_t *pad = tables + (size_t)PXR_PREDICT_PAD * PXR_PREDICT_TABLE;
    for (uint32_t k = 0; k < PXR_PREDICT_TABLE; k++)
        pad[k] = (uint32_t)PXR_PREDICT_TABLE << 8 | k << 20;
}
