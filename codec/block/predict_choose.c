/* SPDX-License-Identifier: MIT
 * Codec 3: values, weights of features, thresholds and shared tables. */
#include "predict_choose.h"

#include "bitio.h"
#include "log2.h"

/* ---- values of samples -------------------------------------------------------------------------- */

struct range {
    uint32_t least, most, bits; /* bits: those in which any sample differs from the first */
};

#define RANGE_OF_ROW(TYPE)                                                                         \
    do {                                                                                           \
        const TYPE *const s = (const void *)row;                                                   \
        TYPE least = (TYPE)r->least, most = (TYPE)r->most, bits = (TYPE)r->bits;                   \
        for (uint32_t x = 0; x < width_px; x++) {                                                  \
            least = s[x] < least ? s[x] : least;                                                   \
            most = s[x] > most ? s[x] : most;                                                      \
            bits = (TYPE)(bits | (s[x] ^ first));                                                  \
        }                                                                                          \
        *r = (struct range){least, most, bits};                                                    \
    } while (0)

static void range_of_row(const uint8_t *row, uint8_t sample_bits, uint32_t width_px, uint32_t first,
                         struct range *r)
{
    if (sample_bits == 8)
        RANGE_OF_ROW(uint8_t);
    else
        RANGE_OF_ROW(pxr_unaligned16);
}

/* Mark the samples of every row_step-th row. */
static void mark_used(const struct pxr_block_source *s, uint32_t row_step, uint8_t used[65536 / 8])
{
    memset(used, 0, 65536 / 8);
    for (uint32_t t = 0; t < s->shape.n_frames; t++)
        for (uint32_t y = t % row_step; y < s->shape.height_px; y += row_step) {
            const uint8_t *row = pxr_samples_row(&s->samples, t, y);
            const pxr_unaligned16 *deep = (const void *)row;
            for (uint32_t x = 0; x < s->shape.width_px; x++) {
                const uint32_t v = s->shape.bits == 8 ? row[x] : deep[x];
                used[v / 8] |= (uint8_t)(1u << v % 8);
            }
        }
}

static uint32_t count_used(const uint8_t used[65536 / 8])
{
    uint32_t n = 0;
    for (size_t i = 0; i < 65536 / 8; i++)
        n += (uint32_t)__builtin_popcount(used[i]);
    return n;
}

static uint8_t bit_length(uint32_t v) { return (uint8_t)(v ? 32 - __builtin_clz(v) : 1); }

/* Samples that were stretched leave holes: their ranks are predicted better.  A block must be large enough
 * to show that the holes are not chance. */
static bool choose_ranks(struct pxr_predict_model *m, const struct pxr_block_source *s, uint32_t span,
                         uint8_t used[65536 / 8])
{
    const uint64_t n = (uint64_t)s->shape.n_frames * s->shape.height_px * s->shape.width_px;
    if (n < 16 * (uint64_t)span || span < 8)
        return true;
    for (uint32_t step = 8; step; step -= step > 1 ? 7 : 1) { /* a sample first */
        mark_used(s, step, used);
        if (count_used(used) * 2 > span)
            return true;
    }
    if (!pxr_predict_model_new_ranks(m))
        return false;
    for (uint32_t v = 0; v < 65536; v++)
        if (used[v / 8] >> v % 8 & 1)
            pxr_predict_model_add_rank(m, (uint16_t)v);
    m->flags |= PXR_PREDICT_RANKS;
    m->offset = 0;
    m->shift = 0;
    m->depth = bit_length(m->n_ranks - 1);
    return true;
}

bool pxr_choose_values(struct pxr_predict_model *m, const struct pxr_block_source *s)
{
    const uint8_t *row = pxr_samples_row(&s->samples, 0, 0);
    const uint32_t first = s->shape.bits == 8 ? row[0] : *(const pxr_unaligned16 *)(const void *)row;
    struct range r = {first, first, 0};
    for (uint32_t t = 0; t < s->shape.n_frames; t++)
        for (uint32_t y = 0; y < s->shape.height_px; y++)
            range_of_row(pxr_samples_row(&s->samples, t, y), s->shape.bits, s->shape.width_px, first, &r);
    /* Samples that agree in their low bits differ by multiples of 2^shift. */
    m->shift = (uint8_t)(r.bits ? __builtin_ctz(r.bits) : 0);
    m->offset = (uint16_t)r.least;
    m->depth = bit_length((r.most - r.least) >> m->shift);
    m->flags = 0;
    if (s->shape.bits == 8 && !m->shift && m->depth == 8)
        m->offset = 0; /* nothing is won, and rows are copied faster */
    uint8_t *used = pxr_alloc(65536 / 8);
    const bool is_good = used && choose_ranks(m, s, (r.most - r.least) >> m->shift, used);
    pxr_free(used);
    return is_good;
}

/* ---- weights of features ------------------------------------------------------------------------ */

enum { N_FITTED = PXR_PREDICT_FEATURES + 1, CALM = PXR_PREDICT_FEATURES };

/* Least squares with weights that are not negative, by coordinate descent. */
static void solve_features(const struct pxr_predict_activity *s, double w[N_FITTED])
{
    double a[N_FITTED][N_FITTED], b[N_FITTED];
    for (unsigned k = 0; k < N_FITTED; k++) {
        b[k] = pxr_sum_parts(s->products[pxr_product(0, k + 1)]);
        for (unsigned i = 0; i <= k; i++)
            a[i][k] = a[k][i] = pxr_sum_parts(s->products[pxr_product(i + 1, k + 1)]);
        w[k] = 0;
    }
    for (int round = 0; round < 200; round++)
        for (unsigned i = 0; i < N_FITTED; i++) {
            if (!(a[i][i] > 1e-9))
                continue;
            double rest = b[i];
            for (unsigned k = 0; k < N_FITTED; k++)
                rest -= k == i ? 0 : a[i][k] * w[k];
            w[i] = rest > 0 ? rest / a[i][i] : 0;
        }
}

/* The largest scale at which weights and their sums stay in their bounds. */
static double scale_of(const double w[N_FITTED])
{
    double pair = 1e-9, sum = 1e-9;
    for (unsigned k = 0; k < PXR_PREDICT_FEATURES; k += 2) {
        pair = w[k] + w[k + 1] > pair ? w[k] + w[k + 1] : pair;
        sum += w[k] + w[k + 1];
    }
    const double scale = 120 / pair < 230 / sum ? 120 / pair : 230 / sum;
    return scale * w[CALM] < 4000 ? scale : 4000 / w[CALM];
}

void pxr_choose_features(struct pxr_predict_model *m,
                         struct pxr_predict_activity sums[PXR_PREDICT_GROUPS][2])
{
    double w[PXR_PREDICT_GROUPS][N_FITTED];
    for (unsigned phase = 0; phase < 2; phase++) {
        /* Group 0 is one frame: it does not choose the scale of others. */
        double scale = 0;
        for (unsigned g = PXR_PREDICT_GROUPS; g-- > 0;) {
            if (!m->has_group[g])
                continue;
            solve_features(&sums[g][phase], w[g]);
            const double most = scale_of(w[g]);
            scale = scale > 0 && (!g || scale < most) ? scale : most;
        }
        for (unsigned g = 0; g < PXR_PREDICT_GROUPS; g++) {
            if (!m->has_group[g])
                continue;
            const double most = scale_of(w[g]), own = scale < most ? scale : most;
            for (unsigned k = 0; k < PXR_PREDICT_FEATURES; k++)
                m->features[g][phase][k] = (uint8_t)(w[g][k] * own + 0.5);
            m->calm[g][phase] = (uint16_t)(w[g][CALM] * own + 0.5);
        }
    }
}

/* ---- thresholds --------------------------------------------------------------------------------- */

/* The least activity of a class. */
static uint32_t class_start(unsigned c) { return (16 + (c & 15)) << (c >> 4) >> 4; }

uint8_t pxr_choose_thresholds(const uint32_t counts[256], uint8_t thresholds[PXR_PREDICT_LEVELS])
{
    enum { LAST = PXR_PREDICT_LEVELS - 2 };
    uint64_t total = 0, seen = 0;
    unsigned low = 0, high = 0;
    for (unsigned c = 0; c < 256; c++)
        total += counts[c];
    for (unsigned c = 0; c < 256; c++) {
        seen += counts[c];
        low = seen * 25 < total ? c + 1 : low;
        high = seen * 100 < total * 99 ? c + 1 : high;
    }
    high = high < 255 ? high : 255;
    uint8_t shift = 1;
    while (class_start(high) >> shift > 254)
        shift++;
    /* Classes are a logarithm, so equal ratios are nearly equal steps of classes. */
    for (unsigned k = 0; k <= LAST; k++)
        thresholds[k] = (uint8_t)(class_start(low + (high - low) * k / LAST) >> shift);
    thresholds[PXR_PREDICT_LEVELS - 1] = 255;
    return shift;
}

/* ---- logarithms --------------------------------------------------------------------------------- */

/* ---- direct ------------------------------------------------------------------------------------- */

/* Folded differences as symbols of the coder, and what they cost under one table. */
struct symbols {
    uint32_t counts[256];
    uint64_t n, raw_bits;
};

static void count_symbol(struct symbols *s, uint32_t v, uint32_t from, unsigned bits)
{
    const int32_t d = (int32_t)v - (int32_t)from, wrap = 1 << bits, half = wrap / 2;
    const uint32_t z = pxr_zigzag(d < -half ? d + wrap : d >= half ? d - wrap : d);
    const uint32_t symbol = bits == 8 ? z : pxr_token_of(z);
    s->counts[symbol]++;
    s->n++;
    s->raw_bits += bits == 8 ? 0 : pxr_token_raw_bits(symbol);
}

/* Of one sample, in 1/65536 bits. */
static uint64_t mean_cost(const struct symbols *s)
{
    uint64_t sum = s->raw_bits << 16;
    for (unsigned i = 0; i < 256; i++)
        if (s->counts[i])
            sum += s->counts[i] * (pxr_log2(s->n) - pxr_log2(s->counts[i]));
    return s->n ? sum / s->n : 0;
}

/* Some rows of a block: one in sixteen, or fewer where these would be more than 2^16 samples. */
struct sampled_rows {
    const struct pxr_block_source *s;
    uint64_t n_rows, step, at;
    uint32_t frame;
    const uint8_t *row, *before; /* before: the same row of the frame before; NULL: there is none */
};

static bool next_sampled(struct sampled_rows *r)
{
    const uint32_t height = r->s->shape.height_px;
    r->at += r->at == UINT64_MAX ? r->step / 2 + 1 : r->step;
    if (r->at >= r->n_rows)
        return false;
    r->frame = (uint32_t)(r->at / height);
    r->row = pxr_samples_row(&r->s->samples, r->frame, (uint32_t)(r->at % height));
    r->before = r->frame ? pxr_samples_row(&r->s->samples, r->frame - 1, (uint32_t)(r->at % height)) : NULL;
    return true;
}

static struct sampled_rows sampled_rows(const struct pxr_block_source *s)
{
    const uint64_t n_rows = (uint64_t)s->shape.n_frames * s->shape.height_px;
    const uint64_t step = pxr_max_u64(n_rows * s->shape.width_px >> 16, n_rows < 256 ? n_rows / 16 + 1 : 16);
    return (struct sampled_rows){.s = s, .n_rows = n_rows, .step = step, .at = UINT64_MAX};
}

static uint32_t sample_at(const uint8_t *row, uint32_t x, unsigned bits)
{
    return bits == 8 ? row[x] : ((const pxr_unaligned16 *)(const void *)row)[x];
}

static uint32_t most_frequent(const uint32_t counts[256])
{
    uint32_t best = 0;
    for (uint32_t i = 1; i < 256; i++)
        best = counts[i] > counts[best] ? i : best;
    return best;
}

/* The most frequent sample; of 16 bits that of the most frequent high byte. */
static uint32_t usual_sample(const struct pxr_block_source *s)
{
    uint32_t high = 0;
    for (unsigned shift = s->shape.bits - 8u;; shift = 0) {
        uint32_t counts[256] = {0};
        for (struct sampled_rows r = sampled_rows(s); next_sampled(&r);)
            for (uint32_t x = 0; x < s->shape.width_px; x++) {
                const uint32_t v = sample_at(r.row, x, s->shape.bits);
                counts[v >> shift & 255] += shift || v >> 8 == high;
            }
        const uint32_t best = most_frequent(counts);
        if (!shift)
            return high << 8 | best;
        high = best;
    }
}

bool pxr_predict_may_be_direct(const struct pxr_block_source *s, uint16_t *usual)
{
    const unsigned bits = s->shape.bits;
    struct symbols direct = {.n = 0}, left = {.n = 0}, before = {.n = 0};
    *usual = (uint16_t)usual_sample(s);
    for (struct sampled_rows r = sampled_rows(s); next_sampled(&r);)
        for (uint32_t x = 1; x < s->shape.width_px; x++) {
            const uint32_t v = sample_at(r.row, x, bits);
            count_symbol(&direct, v, *usual, bits);
            count_symbol(&left, v, sample_at(r.row, x - 1, bits), bits);
            if (r.before)
                count_symbol(&before, v, sample_at(r.before, x, bits), bits);
        }
    const uint64_t cost = mean_cost(&direct);
    return cost < mean_cost(&left) && (before.n < direct.n / 2 || cost < mean_cost(&before));
}

/* ---- shared tables ------------------------------------------------------------------------------ */

/* n x log2(n) */
static uint64_t n_log_n(const struct pxr_costs *c, uint64_t n)
{
    unsigned shift = 0;
    if (n < PXR_N_LOGS)
        return n * c->logs[n];
    while (n >> shift >= PXR_N_LOGS) /* the logarithm is that of the number's first 12 bits: 0.0004 too small */
        shift++;
    return n * (c->logs[n >> shift] + ((uint64_t)shift << 16));
}

/* Bits of a table's symbols, and of the table: about five for each symbol that occurs. */
static uint64_t table_cost(const struct pxr_costs *c, const uint32_t *a, const uint32_t *b)
{
    uint64_t total = 0, used = 0, sum = 0;
    for (unsigned s = 0; s < c->n_symbols; s++) {
        const uint64_t n = (uint64_t)a[s] + (b ? b[s] : 0);
        if (!n)
            continue;
        total += n;
        used++;
        sum += n_log_n(c, n);
    }
    return n_log_n(c, total) - sum + ((20 + 5 * used) << 16);
}

static void weigh(struct pxr_sharing *s, struct pxr_edge *e)
{
    const uint8_t a = s->table[e->a], b = s->table[e->b];
    e->gain = a == b ? INT64_MIN
                     : (int64_t)(s->cost[a] + s->cost[b]) -
                           (int64_t)table_cost(&s->costs, s->counts[a], s->counts[b]);
}

static void add_edge(struct pxr_sharing *s, unsigned a, unsigned b)
{
    struct pxr_edge *e = &s->edges[s->n_edges++];
    *e = (struct pxr_edge){.a = (uint8_t)a, .b = (uint8_t)b};
    weigh(s, e);
}

/* Contexts are neighbours if one of phase, level and fraction differs by one. */
static void begin_sharing(struct pxr_sharing *s, unsigned n_symbols,
                          uint32_t counts[PXR_PREDICT_CONTEXTS][PXR_PREDICT_MAX_SYMBOLS])
{
    s->costs.n_symbols = n_symbols;
    s->costs.logs[0] = 0;
    for (uint32_t n = 1; n < PXR_N_LOGS; n++)
        s->costs.logs[n] = (uint32_t)pxr_log2(n);
    s->counts = counts;
    s->n_edges = 0;
    for (unsigned c = 0; c < PXR_PREDICT_CONTEXTS; c++) {
        s->table[c] = (uint8_t)c;
        s->cost[c] = table_cost(&s->costs, counts[c], NULL);
    }
    for (unsigned c = 0; c < PXR_PREDICT_CONTEXTS; c++) {
        if (c % PXR_PREDICT_FRACTIONS + 1 < PXR_PREDICT_FRACTIONS)
            add_edge(s, c, c + 1);
        if (c % PXR_PREDICT_PHASE_CONTEXTS + PXR_PREDICT_FRACTIONS < PXR_PREDICT_PHASE_CONTEXTS)
            add_edge(s, c, c + PXR_PREDICT_FRACTIONS);
        if (c < PXR_PREDICT_PHASE_CONTEXTS)
            add_edge(s, c, c + PXR_PREDICT_PHASE_CONTEXTS);
    }
}

static void merge(struct pxr_sharing *s, uint8_t a, uint8_t b)
{
    for (unsigned i = 0; i < s->costs.n_symbols; i++)
        s->counts[a][i] += s->counts[b][i];
    for (unsigned c = 0; c < PXR_PREDICT_CONTEXTS; c++)
        s->table[c] = s->table[c] == b ? a : s->table[c];
    s->cost[a] = table_cost(&s->costs, s->counts[a], NULL);
    for (unsigned i = 0; i < s->n_edges; i++)
        if (s->table[s->edges[i].a] == a || s->table[s->edges[i].b] == a)
            weigh(s, &s->edges[i]);
}

/* Number the tables in the order in which contexts come to them, and move their counts there. */
static uint64_t number_tables(const struct pxr_sharing *s, struct pxr_predict_model *m)
{
    uint8_t number[PXR_PREDICT_CONTEXTS];
    uint64_t bits = 0;
    m->n_tables = 0;
    memset(number, 255, sizeof number);
    for (unsigned c = 0; c < PXR_PREDICT_CONTEXTS; c++) {
        const uint8_t t = s->table[c];
        if (number[t] == 255) {
            number[t] = (uint8_t)m->n_tables++; /* never more than t: each table has the number of a member */
            bits += s->cost[t];
        }
        m->table_of[c / PXR_PREDICT_PHASE_CONTEXTS][c % PXR_PREDICT_PHASE_CONTEXTS] = number[t];
    }
    return bits;
}

uint64_t pxr_choose_tables(struct pxr_predict_model *m, struct pxr_sharing *s,
                           uint32_t counts[PXR_PREDICT_CONTEXTS][PXR_PREDICT_MAX_SYMBOLS])
{
    begin_sharing(s, pxr_predict_n_symbols(m), counts);
    for (;;) {
        const struct pxr_edge *best = &s->edges[0];
        for (unsigned i = 1; i < s->n_edges; i++)
            best = s->edges[i].gain > best->gain ? &s->edges[i] : best;
        if (best->gain <= 0)
            break;
        const uint8_t a = s->table[best->a], b = s->table[best->b];
        merge(s, a < b ? a : b, a < b ? b : a);
    }
    const uint64_t bits = number_tables(s, m);
    bool is_moved[PXR_PREDICT_CONTEXTS] = {false};
    for (unsigned c = 0; c < PXR_PREDICT_CONTEXTS; c++) {
        const uint8_t to = m->table_of[c / PXR_PREDICT_PHASE_CONTEXTS][c % PXR_PREDICT_PHASE_CONTEXTS];
        if (!is_moved[to])
            memmove(counts[to], counts[s->table[c]], sizeof counts[to]);
        is_moved[to] = true;
    }
    return bits;
}
