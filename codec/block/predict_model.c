/* SPDX-License-Identifier: MIT
 * The model of a predict block as bytes: weights, activity, thresholds, frequencies. */
#include "bitio.h"
#include "diag.h"
#include "predict.h"

#include <inttypes.h>

bool pxr_predict_model_init(struct pxr_predict_model *m, const struct pxr_block_shape *shape)
{
    m->n_frames = shape->n_frames;
    m->width_px = shape->width_px;
    m->height_px = shape->height_px;
    m->n_tiles_x = (uint32_t)pxr_div_up_u64((shape->width_px + 1) / 2, PXR_PREDICT_TILE);
    m->n_tiles_y = (uint32_t)pxr_div_up_u64(shape->height_px, PXR_PREDICT_TILE_ROWS);
    memset(m->has_group, 0, sizeof m->has_group);
    memset(m->table_of, 0, sizeof m->table_of);
    m->tiles = pxr_alloc_zero(pxr_predict_n_tiles(m), sizeof *m->tiles);
    m->packed = pxr_alloc_zero(pxr_predict_n_tiles(m), sizeof *m->packed);
    return m->tiles && m->packed;
}

void pxr_predict_model_fini(struct pxr_predict_model *m)
{
    pxr_free(m->tiles);
    pxr_free(m->packed);
    pxr_free(m->ranks);
    pxr_free(m->rank_of);
    m->tiles = NULL;
    m->packed = NULL;
    m->ranks = m->rank_of = NULL;
}

struct pxr_predict_refs pxr_predict_refs_of(enum pxr_predict_order order, uint32_t f, uint32_t n)
{
    struct pxr_predict_refs r = {0};
    if (!f)
        return r;
    if (order == PXR_ORDER_SEQUENTIAL)
        return (struct pxr_predict_refs){3, {f - 1, f > 1 ? f - 2 : 0}};
    const uint32_t step = f & (0u - f), left = f - step;
    /* Behind the end there is no right reference: the left one's left one takes its place, which has
     * been decoded for it anyway. */
    const uint32_t right = step < n - f ? f + step : left ? left - (left & (0u - left)) : 0;
    return (struct pxr_predict_refs){step == 1 ? 3u : step == 2 ? 2u : 1u, {left, right}};
}

/* ---- bounds of weights -------------------------------------------------------------------------- */

/* Bytes times signed bytes are added in pairs of 16 bits: two weights of one sign may make 128 together. */
enum { MAX_PAIR = 128, MAX_FEATURES = 240 };

static int64_t positive(int64_t v) { return v > 0 ? v : 0; }

bool pxr_predict_tile_fits(const struct pxr_predict_tile *t, unsigned n_taps, uint8_t depth)
{
    const int64_t most = (1 << depth) - 1;
    int64_t high = t->bias, low = t->bias;
    for (unsigned k = 0; k < n_taps; k += 2) {
        const int64_t a = t->w[k], b = t->w[k + 1];
        const int64_t up = positive(a) + positive(b), down = positive(-a) + positive(-b);
        if (depth <= 8 && (up > MAX_PAIR || down > MAX_PAIR || a > 127 || b > 127 || a < -128 || b < -128))
            return false;
        high += up * most;
        low -= down * most;
    }
    return depth <= 8 ? high <= INT16_MAX && low >= INT16_MIN : high <= INT32_MAX && low >= INT32_MIN;
}

bool pxr_predict_features_fit(const uint8_t w[PXR_PREDICT_FEATURES])
{
    unsigned sum = 0;
    for (unsigned k = 0; k < PXR_PREDICT_FEATURES; k += 2) {
        if (w[k] > 127 || w[k + 1] > 127 || w[k] + w[k + 1] > MAX_PAIR)
            return false;
        sum += (unsigned)w[k] + w[k + 1];
    }
    return sum <= MAX_FEATURES;
}

/* ---- what kernels want -------------------------------------------------------------------------- */

void pxr_predict_model_pack_tiles(struct pxr_predict_model *m)
{
    const bool is_deep = m->depth > 8;
    for (size_t i = 0; i < pxr_predict_n_tiles(m); i++) {
        const struct pxr_predict_tile *t = &m->tiles[i];
        struct pxr_predict_packed_tile *p = &m->packed[i];
        uint32_t sum = 0;
        for (unsigned k = 0; k < PXR_PREDICT_INTER_TAPS; k += 2) {
            const uint32_t a = (uint16_t)t->w[k], b = (uint16_t)t->w[k + 1];
            p->pairs[k / 2] = is_deep ? a | b << 16 : ((a & 0xFF) | (b & 0xFF) << 8) * 0x10001u;
            sum += (uint32_t)t->w[k] + (uint32_t)t->w[k + 1];
        }
        p->bias = t->bias;
        p->signed_bias = (int32_t)((uint32_t)t->bias + (sum << (is_deep ? 15 : 7)));
    }
}

void pxr_predict_model_set_levels(struct pxr_predict_model *m)
{
    for (unsigned phase = 0; phase < 2; phase++)
        for (unsigned a = 0, level = 0; a < 256; a++) {
            while (m->thresholds[phase][level] < a)
                level++;
            m->levels[phase][a] = (uint8_t)(level * PXR_PREDICT_FRACTIONS);
        }
}

bool pxr_predict_model_new_ranks(struct pxr_predict_model *m)
{
    m->ranks = pxr_alloc_zero(65536, sizeof *m->ranks);
    m->rank_of = pxr_alloc_zero(65536, sizeof *m->rank_of);
    m->n_ranks = 0;
    return m->ranks && m->rank_of;
}

void pxr_predict_model_add_rank(struct pxr_predict_model *m, uint16_t sample)
{
    m->rank_of[sample] = (uint16_t)m->n_ranks;
    m->ranks[m->n_ranks++] = sample;
}

/* ---- weights as bits ---------------------------------------------------------------------------- */

/* Visit the weights of all tiles in the order of the file; they are coded as differences from the tile
 * before, with one adaptive code per tap. */
struct tile_coder {
    struct pxr_bit_writer *w; /* NULL: reading */
    struct pxr_bit_reader *r;
    struct pxr_rice taps[PXR_PREDICT_INTER_TAPS], bias;
};

/* false: weights that could overflow the prediction's sum. */
static bool code_tiles(struct tile_coder *c, const struct pxr_predict_model *m, unsigned group,
                       unsigned phase)
{
    const unsigned n_taps = pxr_predict_n_taps(group);
    struct pxr_predict_tile before = {{0}, 0};
    for (uint32_t y = 0; y < m->n_tiles_y; y++)
        for (uint32_t x = 0; x < m->n_tiles_x; x++) {
            struct pxr_predict_tile *t = m->tiles + pxr_predict_tile_row(m, group, phase, y) + x;
            for (unsigned k = 0; k < n_taps; k++) {
                const int32_t v = pxr_rice_code_difference(c->w, c->r, &c->taps[k], t->w[k], before.w[k]);
                if (v > INT16_MAX || v < INT16_MIN)
                    return false;
                t->w[k] = (int16_t)v;
            }
            t->bias = pxr_rice_code_difference(c->w, c->r, &c->bias, t->bias, before.bias);
            if (!pxr_predict_tile_fits(t, n_taps, m->depth))
                return false;
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

/* ---- motion and ranks --------------------------------------------------------------------------- */

void pxr_predict_put_motion(struct pxr_bit_writer *w, const struct pxr_predict_motion *motion, size_t n)
{
    struct pxr_rice rice[2] = {PXR_RICE_INIT, PXR_RICE_INIT};
    struct pxr_predict_motion before = {0, 0};
    for (size_t i = 0; i < n; before = motion[i++]) {
        pxr_rice_put(w, &rice[0], pxr_zigzag(motion[i].x - before.x));
        pxr_rice_put(w, &rice[1], pxr_zigzag(motion[i].y - before.y));
    }
}

bool pxr_predict_get_motion(struct pxr_bit_reader *r, struct pxr_predict_motion *motion, size_t n)
{
    struct pxr_rice rice[2] = {PXR_RICE_INIT, PXR_RICE_INIT};
    int64_t x = 0, y = 0;
    for (size_t i = 0; i < n; i++) {
        x += pxr_unzigzag(pxr_rice_get(r, &rice[0]));
        y += pxr_unzigzag(pxr_rice_get(r, &rice[1]));
        if (x < INT8_MIN || x > INT8_MAX || y < INT8_MIN || y > INT8_MAX || r->is_past_end)
            return false;
        motion[i] = (struct pxr_predict_motion){(int8_t)x, (int8_t)y};
    }
    return true;
}

/* Gaps between samples that occur. */
static void store_ranks(struct pxr_bit_writer *w, const struct pxr_predict_model *m)
{
    struct pxr_rice rice = PXR_RICE_INIT;
    pxr_bits_put(w, m->n_ranks - 1, 16);
    for (uint32_t i = 0; i < m->n_ranks; i++)
        pxr_rice_put(w, &rice, (uint32_t)(m->ranks[i] - (i ? m->ranks[i - 1] + 1 : 0)));
}

/* false: impossible ranks. */
static bool load_ranks(struct pxr_bit_reader *r, struct pxr_predict_model *m, uint8_t bits)
{
    struct pxr_rice rice = PXR_RICE_INIT;
    const uint32_t n = pxr_bits_get(r, 16) + 1;
    int64_t v = -1;
    if (n > 1u << m->depth)
        return false;
    for (uint32_t i = 0; i < n; i++) {
        v += 1 + (int64_t)pxr_rice_get(r, &rice);
        if (v >= 1 << bits || r->is_past_end)
            return false;
        pxr_predict_model_add_rank(m, (uint16_t)v);
    }
    return true;
}

/* ---- the whole model ---------------------------------------------------------------------------- */

/* Tables are numbered in the order in which contexts come to them, so each context has one of those before or
 * the next. */
static void store_table_of(struct pxr_bit_writer *w, const struct pxr_predict_model *m)
{
    struct pxr_rice rice = PXR_RICE_INIT;
    unsigned n = 0;
    for (unsigned c = 0; c < PXR_PREDICT_CONTEXTS; c++) {
        const unsigned table = m->table_of[c / PXR_PREDICT_PHASE_CONTEXTS][c % PXR_PREDICT_PHASE_CONTEXTS];
        pxr_rice_put(w, &rice, n - table); /* 0: a new one */
        n += table == n;
    }
}

static bool load_table_of(struct pxr_bit_reader *r, struct pxr_predict_model *m)
{
    struct pxr_rice rice = PXR_RICE_INIT;
    m->n_tables = 0;
    for (unsigned c = 0; c < PXR_PREDICT_CONTEXTS; c++) {
        const uint32_t back = pxr_rice_get(r, &rice);
        if (back > m->n_tables)
            return false;
        m->table_of[c / PXR_PREDICT_PHASE_CONTEXTS][c % PXR_PREDICT_PHASE_CONTEXTS] =
            (uint8_t)(m->n_tables - back);
        m->n_tables += !back;
    }
    return true;
}

static void store_fixed(const struct pxr_predict_model *m, uint8_t fixed[PXR_PREDICT_FIXED_BYTES])
{
    memset(fixed, 0, PXR_PREDICT_FIXED_BYTES);
    fixed[0] = (uint8_t)m->order;
    fixed[1] = m->depth;
    fixed[2] = m->shift;
    fixed[3] = m->lanes_log2;
    pxr_store_u16le(fixed + 4, m->offset);
    for (unsigned g = 0; g < PXR_PREDICT_GROUPS; g++)
        fixed[6] |= (uint8_t)(m->has_group[g] << g);
    fixed[7] = m->flags;
    fixed[8] = m->feature_shift;
    fixed[9] = m->activity_shift[0];
    fixed[10] = m->activity_shift[1];
}

static void load_fixed(struct pxr_predict_model *m, const uint8_t fixed[PXR_PREDICT_FIXED_BYTES])
{
    m->order = (enum pxr_predict_order)fixed[0];
    m->depth = fixed[1];
    m->shift = fixed[2];
    m->lanes_log2 = fixed[3];
    m->offset = pxr_load_u16le(fixed + 4);
    for (unsigned g = 0; g < PXR_PREDICT_GROUPS; g++)
        m->has_group[g] = fixed[6] >> g & 1;
    m->flags = fixed[7];
    m->feature_shift = fixed[8];
    m->activity_shift[0] = fixed[9];
    m->activity_shift[1] = fixed[10];
}

static struct tile_coder new_tile_coder(struct pxr_bit_writer *w, struct pxr_bit_reader *r)
{
    struct tile_coder c = {.w = w, .r = r, .bias = PXR_RICE_INIT};
    for (unsigned k = 0; k < PXR_PREDICT_INTER_TAPS; k++)
        c.taps[k] = (struct pxr_rice)PXR_RICE_INIT;
    return c;
}

bool pxr_predict_model_store(const struct pxr_predict_model *m, struct pxr_buffer *out)
{
    uint8_t *fixed = pxr_buffer_extend(out, PXR_PREDICT_FIXED_BYTES);
    if (!fixed)
        return false;
    store_fixed(m, fixed);
    struct pxr_bit_writer w = {.to = out};
    if (m->ranks)
        store_ranks(&w, m);
    for (unsigned g = 0; g < PXR_PREDICT_GROUPS; g++)
        for (unsigned phase = 0; m->has_group[g] && phase < 2; phase++) {
            struct tile_coder c = new_tile_coder(&w, NULL);
            for (unsigned k = 0; k < PXR_PREDICT_FEATURES; k++)
                pxr_bits_put(&w, m->features[g][phase][k], 7);
            pxr_bits_put(&w, m->calm[g][phase], 12);
            code_tiles(&c, m, g, phase);
        }
    for (unsigned phase = 0; phase < 2; phase++)
        for (unsigned k = 0; k < PXR_PREDICT_LEVELS - 1; k++)
            pxr_bits_put(&w, m->thresholds[phase][k], 8);
    store_table_of(&w, m);
    struct pxr_rice rice = PXR_RICE_INIT;
    for (unsigned t = 0; t < m->n_tables; t++)
        store_table(&w, &rice, m->freq[t], pxr_predict_n_symbols(m));
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

static bool load_weights(struct pxr_bit_reader *r, struct pxr_predict_model *m)
{
    for (unsigned g = 0; g < PXR_PREDICT_GROUPS; g++)
        for (unsigned phase = 0; m->has_group[g] && phase < 2; phase++) {
            struct tile_coder c = new_tile_coder(NULL, r);
            for (unsigned k = 0; k < PXR_PREDICT_FEATURES; k++)
                m->features[g][phase][k] = (uint8_t)pxr_bits_get(r, 7);
            m->calm[g][phase] = (uint16_t)pxr_bits_get(r, 12);
            if (!pxr_predict_features_fit(m->features[g][phase]) || !code_tiles(&c, m, g, phase) ||
                r->is_past_end)
                return false;
        }
    return true;
}

/* Thresholds rise: a kernel may search among them. */
static bool load_thresholds(struct pxr_bit_reader *r, struct pxr_predict_model *m)
{
    bool is_rising = true;
    for (unsigned phase = 0; phase < 2; phase++) {
        uint8_t *const t = m->thresholds[phase];
        for (unsigned k = 0; k < PXR_PREDICT_LEVELS - 1; k++) {
            t[k] = (uint8_t)pxr_bits_get(r, 8);
            is_rising = is_rising && (!k || t[k] >= t[k - 1]);
        }
        t[PXR_PREDICT_LEVELS - 1] = 255;
    }
    return is_rising;
}

enum pxr_err pxr_predict_model_load(struct pxr_predict_model *m, const struct pxr_block_header *h,
                                    struct pxr_diag *diag)
{
    struct pxr_bit_reader r = {.src = h->params + PXR_PREDICT_FIXED_BYTES,
                               .n_bytes = h->params_bytes - PXR_PREDICT_FIXED_BYTES};
    load_fixed(m, h->params);
    if (m->flags & PXR_PREDICT_RANKS && !pxr_predict_model_new_ranks(m))
        return pxr_fail_nomem(diag, 65536 * sizeof *m->ranks);
    if (m->flags & PXR_PREDICT_RANKS && !load_ranks(&r, m, h->shape.bits))
        return damaged("ranks", "has impossible ranks", diag);
    if (!load_weights(&r, m))
        return damaged("weights", "has impossible weights", diag);
    if (!load_thresholds(&r, m))
        return damaged("thresholds", "has thresholds that do not rise", diag);
    if (!load_table_of(&r, m))
        return damaged("tables", "has impossible numbers of tables", diag);
    struct pxr_rice rice = PXR_RICE_INIT;
    for (unsigned t = 0; t < m->n_tables; t++) {
        if (!load_table(&r, &rice, m->freq[t], pxr_predict_n_symbols(m)))
            return damaged("frequencies", "has frequencies that do not add up", diag);
        if (r.is_past_end)
            return damaged("frequencies", "ends within its frequencies", diag);
    }
    if (r.is_past_end || r.at != r.n_bytes || r.bits)
        return damaged("params_bytes", "does not end with its parameters", diag);
    pxr_predict_model_pack_tiles(m);
    pxr_predict_model_set_levels(m);
    pxr_predict_model_set_cells(m);
    return PXR_OK;
}

void pxr_predict_model_set_cells(struct pxr_predict_model *m)
{
    m->n_cells = PXR_PREDICT_TABLE / PXR_PREDICT_CELL;
    for (unsigned i = 0; i < m->n_tables; i++) {
        uint32_t n = 0;
        for (uint32_t s = 0; s < pxr_predict_n_symbols(m); s++)
            n += m->freq[i][s] / PXR_PREDICT_CELL;
        m->n_cells = n < m->n_cells ? n : m->n_cells;
    }
}

/* Where the slots of a symbol are: whole cells while there are any, the rest behind all cells. */
struct place {
    uint32_t cell, n_cells, slot, n_slots;
};

static struct place next_place(const struct pxr_predict_model *m, uint32_t f, const struct place *last)
{
    const uint32_t cell = last->cell + last->n_cells, left = m->n_cells - cell;
    const uint32_t n_cells = f / PXR_PREDICT_CELL < left ? f / PXR_PREDICT_CELL : left;
    return (struct place){cell, n_cells, last->slot + last->n_slots, f - n_cells * PXR_PREDICT_CELL};
}
static struct place first_place(const struct pxr_predict_model *m)
{
    return (struct place){.slot = m->n_cells * PXR_PREDICT_CELL};
}

void pxr_predict_build_tables(const struct pxr_predict_model *m, uint32_t *tables)
{
    const struct pxr_predict_slots slots = pxr_predict_slots_of(m, tables);
    for (unsigned i = 0; i < m->n_tables; i++, tables += slots.n_each) {
        struct place p = first_place(m);
        for (uint32_t s = 0, n = pxr_predict_n_symbols(m); s < n; s++) {
            const uint32_t symbol = m->depth <= 8 ? s : pxr_token_head(s) | pxr_token_raw_bits(s) << 4;
            const uint32_t f = m->freq[i][s], entry = symbol | f << 8;
            p = next_place(m, f, &p);
            for (uint32_t k = 0; k < p.n_cells; k++)
                tables[p.cell + k] = entry | p.cell * PXR_PREDICT_CELL << 20;
            for (uint32_t k = 0; k < p.n_slots; k++)
                tables[p.slot + k - slots.n_skipped] = entry | (p.slot - p.n_cells * PXR_PREDICT_CELL) << 20;
        }
    }
    /* One more for lanes without a sample: it leaves states as they are. */
    for (uint32_t k = 0; k < slots.n_each; k++)
        tables[k] = (uint32_t)PXR_PREDICT_TABLE << 8;
}

void pxr_predict_set_coders(const struct pxr_predict_model *m, struct pxr_predict_coders *c)
{
    const unsigned n_symbols = pxr_predict_n_symbols(m);
    for (unsigned k = 0; k < PXR_PREDICT_CONTEXTS; k++) {
        const uint16_t *const freq =
            m->freq[m->table_of[k / PXR_PREDICT_PHASE_CONTEXTS][k % PXR_PREDICT_PHASE_CONTEXTS]];
        struct place p = first_place(m);
        for (uint32_t s = 0; s < n_symbols; s++) {
            p = next_place(m, freq[s], &p);
            c->of[k][s] = freq[s] | p.cell << 12 | (p.slot - p.n_cells * PXR_PREDICT_CELL) << 21;
        }
    }
    c->n_coarse = m->n_cells * PXR_PREDICT_CELL;
}

void pxr_predict_coders_init(struct pxr_predict_coders *c)
{
    c->of[PXR_PREDICT_CONTEXTS][0] = PXR_PREDICT_TABLE;
    for (uint64_t f = 1; f <= PXR_PREDICT_TABLE; f++)
        c->reciprocals[f] = (((uint64_t)1 << PXR_PREDICT_RECIPROCAL_BITS) + f - 1) / f;
}
