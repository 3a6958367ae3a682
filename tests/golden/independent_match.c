/* SPDX-License-Identifier: MIT
 * Codec 4, match, decoded as docs/format.md tells it: plain, slow, and in its words. */
#include "independent_parts.h"

enum { N_KINDS = 3, MOST_CANDIDATES = 5, N_INPUTS = 6, N_ESCAPE_INPUTS = 4, N_WEIGHT_SETS = 135, N_BINS = 64 };

struct independent_match_seen independent_match_seen;

/* ---- range coder ------------------------------------------------------------------------------ */

struct coder {
    const struct independent_draws *draws; /* NULL: bits are read */
    const uint8_t *bytes;
    size_t n_bytes, at;
    uint32_t range, code;
};

static void next_byte(struct coder *c)
{
    c->code = c->code * 256 + (c->at < c->n_bytes ? c->bytes[c->at] : 0);
    c->at++;
}

static void coder_begin(struct coder *c, const uint8_t *bytes, size_t n_bytes)
{
    *c = (struct coder){.bytes = bytes, .n_bytes = n_bytes, .range = UINT32_MAX};
    for (unsigned i = 0; i < 4; i++)
        next_byte(c);
}

static bool is_at_its_end(const struct coder *c)
{
    return c->draws || (c->at >= c->n_bytes && c->at <= c->n_bytes + 4);
}

/* A bit that is 1 with probability p / 65536.  Drawn ones are at least `least` and at most `most`, so that
 * they give ranks that exist. */
static unsigned code_bit(struct coder *c, uint32_t p, unsigned least, unsigned most)
{
    if (c->draws) {
        unsigned bit = c->draws->roll(c->draws->to, 16) < p;
        if (!c->draws->is_wild)
            bit = bit > most ? most : bit < least ? least : bit;
        c->draws->took(c->draws->to, bit ? 0 : p, bit ? p : 65536 - p, 16);
        return bit;
    }
    const uint32_t bound = (uint32_t)((uint64_t)c->range * p / 65536);
    const bool bit = c->code < bound;
    if (bit)
        c->range = bound;
    else {
        c->code -= bound;
        c->range -= bound;
    }
    while (c->range < 1u << 24) {
        c->range *= 256;
        next_byte(c);
    }
    return bit;
}

/* ---- direct bits ------------------------------------------------------------------------------ */

struct context {
    int64_t P, n;
};
static const struct context fresh_context = {1 << 21, 0};

static unsigned direct_bit_within(struct coder *c, struct context *x, unsigned least, unsigned most)
{
    const uint32_t p = (uint32_t)(x->P >> 6);
    const unsigned bit = code_bit(c, p ? p : 1, least, most);
    x->P += ((((int64_t)bit << 22) - x->P) * (655360 / (10 * x->n + 16))) >> 16;
    x->n += x->n < 250;
    return bit;
}
static unsigned direct_bit(struct coder *c, struct context *x) { return direct_bit_within(c, x, 0, 1); }

/* ---- mixed bits ------------------------------------------------------------------------------- */

struct slot {
    uint16_t P, n;
};

static int64_t squash(int64_t i)
{
    static const uint16_t S[33] = {22,    36,    60,    98,    162,   267,   439,   720,   1179,  1921,  3108,
                                   4971,  7812,  11955, 17625, 24743, 32768, 40793, 47911, 53581, 57724, 60565,
                                   62428, 63615, 64357, 64816, 65097, 65269, 65374, 65438, 65476, 65500, 65514};
    const int64_t k = i >> 7, f = i % 128;
    return (S[k] * (128 - f) + S[k + 1] * f + 64) >> 7;
}

static int64_t stretch(int64_t P)
{
    static int16_t table[4096];
    if (!table[4095])
        for (int64_t v = 0; v < 4096; v++) {
            int64_t i = 1;
            while (i < 4095 && squash(i) < 16 * v + 8)
                i++;
            table[v] = (int16_t)(i - 2048);
        }
    return table[P];
}

/* The slot of a context in a table of 2^t slots. */
static size_t slot_of(uint64_t context, unsigned t) { return (size_t)(context * 0x9E3779B97F4A7C15u >> (64 - t)); }

static void update_slot(struct slot *s, unsigned bit)
{
    static const uint16_t rate[16] = {40960, 25206, 18204, 14246, 11702, 9929, 8623, 7281,
                                      5957,  5041,  4369,  3855,  3276,  2849, 2520, 2184};
    const int64_t d = bit ? 4095 - s->P : s->P, by = (d * rate[s->n] + 65535) >> 16;
    s->P = (uint16_t)(bit ? s->P + by : s->P - by);
    if (s->n < 15)
        s->n++;
}

static unsigned mixed_bit(struct coder *c, struct slot *slot[], int32_t w[], unsigned m, unsigned least, unsigned most)
{
    int64_t x[N_INPUTS], z = 0;
    for (unsigned i = 0; i < m; i++) {
        x[i] = stretch(slot[i]->P);
        z += w[i] * x[i];
    }
    const int64_t p = squash(clamp(z >> 16, -2047, 2047) + 2048);
    const unsigned bit = code_bit(c, (uint32_t)p, least, most);
    const int64_t error = (((int64_t)bit << 16) - p) * 3;
    for (unsigned i = 0; i < m; i++)
        w[i] = (int32_t)clamp(w[i] + (x[i] * error >> 18), -(1 << 22), 1 << 22);
    for (unsigned i = 0; i < m; i++)
        update_slot(slot[i], bit);
    return bit;
}

/* ---- the block -------------------------------------------------------------------------------- */

struct block {
    struct independent_header h;
    const struct independent_draws *draws;
    const uint8_t *payload;
    bool is_numeric, is_textured;
    unsigned K, b;
    uint32_t R;
    uint32_t value[1 << 16], rank[1 << 16]; /* of a rank; of a value */
    uint16_t *samples;
    struct state **state; /* of each frame that has been decoded */
};

struct state {
    struct context same, intra, moved[2], span[N_KINDS][33][2], half[N_KINDS][33], low[17][17];
    int32_t weights[N_WEIGHT_SETS][N_INPUTS], escape_weights[N_BINS][N_ESCAPE_INPUTS];
    struct slot slots[]; /* 6 tables, and that of escapes, twice as large */
};

static size_t state_bytes(const struct block *k) { return sizeof(struct state) + ((size_t)8 << k->b) * sizeof(struct slot); }

static struct state *first_state(const struct block *k)
{
    struct state *const s = malloc(state_bytes(k));
    struct context *const contexts = &s->same;
    for (size_t i = 0; i < offsetof(struct state, weights) / sizeof *contexts; i++)
        contexts[i] = fresh_context;
    for (unsigned i = 0; i < N_WEIGHT_SETS * N_INPUTS; i++)
        s->weights[i / N_INPUTS][i % N_INPUTS] = 22000;
    for (unsigned i = 0; i < N_BINS * N_ESCAPE_INPUTS; i++)
        s->escape_weights[i / N_ESCAPE_INPUTS][i % N_ESCAPE_INPUTS] = 22000;
    for (size_t i = 0; i < (size_t)8 << k->b; i++)
        s->slots[i] = (struct slot){2048, 0};
    return s;
}

/* ---- parameters ------------------------------------------------------------------------------- */

struct gamma {
    struct context length[16], rest[16];
};

static uint32_t take_gamma(struct coder *c, struct gamma *g)
{
    unsigned n = 0;
    uint32_t v = 1;
    while (n < 16 && direct_bit(c, &g->length[n]))
        n++;
    for (unsigned i = n; i--;)
        v = 2 * v + direct_bit(c, &g->rest[i]);
    return v;
}

static const char *read_map(struct block *k)
{
    const uint32_t n_values = 1u << k->h.shape.bits;
    struct coder c;
    struct gamma g[2];
    uint32_t at = 0;
    for (unsigned i = 0; i < 64; i++)
        (i % 2 ? g[i / 32].rest : g[i / 32].length)[i / 2 % 16] = fresh_context;
    coder_begin(&c, k->h.params + 2, k->h.params_bytes - 2);
    k->R = take_gamma(&c, &g[0]);
    if (k->R > n_values)
        return "too many values";
    for (uint32_t i = 0; i < k->R; i++) {
        at += k->R == n_values ? i > 0 : take_gamma(&c, &g[1]) - (i == 0);
        if (at >= n_values)
            return "value too large";
        k->value[i] = at;
        k->rank[at] = i;
    }
    return is_at_its_end(&c) ? NULL : "params end elsewhere";
}

static const char *read_params(struct block *k)
{
    const uint8_t *p = k->h.params;
    const uint64_t raw = (uint64_t)k->h.shape.height_px * k->h.shape.width_px * k->h.shape.bits / 8;
    unsigned B = 6;
    if (k->h.params_bytes < 2 || k->h.params_bytes > 1u << 18)
        return "params_bytes";
    while (B < 14 && (uint64_t)32 << B <= raw)
        B++;
    k->is_numeric = p[0] & 1;
    k->is_textured = p[0] >> 1 & 1;
    k->K = p[0] >> 2;
    k->b = p[1];
    if (p[0] > 23 || k->b < 4 || k->b > B)
        return "mode or table_bits";
    return read_map(k);
}

/* ---- a frame and those that it refers to ------------------------------------------------------ */

struct frame {
    struct block *block;
    struct state *state;
    struct coder coder;
    unsigned n_references, k; /* its kind */
    const uint16_t *reference[2];
    int64_t dx[2], dy[2];
    uint16_t *sample;
    int64_t y, x; /* of the sample that is being decoded, and its row */
    bool was_clean;
};

static int64_t moved(const struct frame *f, unsigned r, int64_t y, int64_t x)
{
    const int64_t h = f->block->h.shape.height_px, w = f->block->h.shape.width_px;
    return f->reference[r][clamp(y + f->dy[r], 0, h - 1) * w + clamp(x + f->dx[r], 0, w - 1)];
}

static int64_t c_at(const struct frame *f, int64_t y, int64_t x)
{
    const int64_t w = f->block->h.shape.width_px;
    if (y < 0)
        return f->k ? moved(f, 0, -1, x) : 0;
    if (x < 0)
        return c_at(f, y - 1, 0);
    return f->sample[y * w + (x < w ? x : w - 1)];
}
static int64_t reference_at(const struct frame *f, unsigned r, int64_t y, int64_t x)
{
    if (f->k)
        return moved(f, f->k == 1 ? 0 : r, y, x);
    return c_at(f, (y > f->y ? f->y : y) - 1, x);
}

/* Places relative to the sample, or to x where that is another one of the row. */
static int64_t c_of(const struct frame *f, int64_t dy, int64_t dx) { return c_at(f, f->y + dy, f->x + dx); }
static int64_t p_of(const struct frame *f, int64_t dy, int64_t dx) { return reference_at(f, 0, f->y + dy, f->x + dx); }
static int64_t q_of(const struct frame *f, int64_t dy, int64_t dx) { return reference_at(f, 1, f->y + dy, f->x + dx); }
static int64_t rank_of(const struct frame *f, int64_t sample) { return f->block->rank[sample]; }

/* ---- candidates ------------------------------------------------------------------------------- */

static unsigned find_candidates(const struct frame *f, bool is_after, int64_t candidate[MOST_CANDIDATES])
{
    const int64_t all[8] = {c_of(f, 0, -1),  c_of(f, -1, 0), p_of(f, 0, 0), c_of(f, -1, 1),
                            c_of(f, -1, -1), q_of(f, 0, 0),  p_of(f, 0, 1), c_of(f, 0, -2)};
    unsigned n = 0;
    for (unsigned i = 0; i < 8 && n < f->block->K; i++) {
        bool is_new = !is_after || all[i] != p_of(f, 0, 0);
        for (unsigned j = 0; j < i; j++)
            is_new = is_new && all[j] != all[i];
        if (is_new)
            candidate[n++] = all[i];
    }
    return n;
}

static int64_t T(int64_t v)
{
    const int64_t u = v < 0 ? -v : v, t = u < 3 ? u : u < 5 ? 3 : u < 10 ? 4 : u < 30 ? 5 : 6;
    return v < 0 ? t + 7 : t;
}

/* Which of 32 neighbours equal d. */
static uint64_t equal_neighbours(const struct frame *f, int64_t d)
{
    uint64_t e = 0;
    unsigned n = 0;
    for (int dx = -1; dx <= 2; dx++)
        e |= (uint64_t)(c_of(f, -2, dx) == d) << n++;
    for (int dx = -2; dx <= 3; dx++)
        e |= (uint64_t)(c_of(f, -1, dx) == d) << n++;
    for (int dx = -2; dx <= -1; dx++)
        e |= (uint64_t)(c_of(f, 0, dx) == d) << n++;
    for (int i = 0; i < 3; i++)
        for (int dx = -1; dx <= 2; dx++)
            e |= (uint64_t)(p_of(f, i == 0 ? 0 : i == 1 ? -1 : 1, dx) == d) << n++;
    for (int dx = -1; dx <= 2; dx++)
        e |= (uint64_t)(q_of(f, 0, dx) == d) << n++;
    for (int dy = -1; dy <= 1; dy += 2)
        for (int dx = 0; dx <= 1; dx++)
            e |= (uint64_t)(q_of(f, dy, dx) == d) << n++;
    return e;
}

static uint64_t equal_pairs(const struct frame *f)
{
    const int64_t cW = c_of(f, 0, -1), cN = c_of(f, -1, 0), cNE = c_of(f, -1, 1), cNW = c_of(f, -1, -1);
    const int64_t p = p_of(f, 0, 0), pE = p_of(f, 0, 1), pS = p_of(f, 1, 0);
    const int64_t q = q_of(f, 0, 0), qE = q_of(f, 0, 1), qS = q_of(f, 1, 0);
    const bool is_equal[18] = {cW == cN, cN == cNE, cN == cNW, cW == cNW, cW == p, cN == p, p == pE, p == pS, p == q,
                               cW == q, cN == q, cNE == pE, cW == p_of(f, 0, -1), q == qE, q == qS, pS == qS, pE == qE,
                               cN == p_of(f, -1, 0)};
    uint64_t bits = 0;
    for (unsigned i = 0; i < 18; i++)
        bits |= (uint64_t)is_equal[i] << i;
    return bits;
}

static unsigned candidate_bit(struct frame *f, unsigned j, bool is_after, int64_t d, unsigned least)
{
    const uint64_t e = equal_neighbours(f, d), bits = equal_pairs(f);
    const uint64_t pairs = (bits & 15) | (uint64_t)(c_of(f, 0, -2) == c_of(f, 0, -1)) << 4 |
                           (uint64_t)(c_of(f, -1, 1) == c_of(f, -1, 2)) << 5 |
                           (uint64_t)(c_of(f, -2, 0) == c_of(f, -1, 0)) << 6;
    const int64_t r = rank_of(f, d);
    const uint64_t low[N_INPUTS] = {
        e, bits, e & 0x46227DE2, (e & 0x0DF7) + (pairs << 32), (uint64_t)(d + (c_of(f, 0, -1) << 16)),
        (uint64_t)((T(r - rank_of(f, c_of(f, 0, -1))) << 12) + (T(r - rank_of(f, c_of(f, -1, 0))) << 8) +
                   (T(r - rank_of(f, c_of(f, -1, -1))) << 4) + T(r - rank_of(f, c_of(f, -1, 1))))};
    struct slot *slots[N_INPUTS];
    for (unsigned i = 0; i < N_INPUTS; i++)
        slots[i] = f->state->slots + ((size_t)i << f->block->b) +
                   slot_of(((uint64_t)(i * 64 + f->k * 16 + j * 2 + is_after) << 48) + low[i], f->block->b);
    return mixed_bit(&f->coder, slots, f->state->weights[(5 * f->k + j) * 9 + (is_after ? 8 : pairs & 7)], N_INPUTS,
                     least, 1);
}

/* ---- escapes ---------------------------------------------------------------------------------- */

static unsigned escape_bit(struct frame *f, unsigned bin, const uint64_t low[N_ESCAPE_INPUTS], bool may_be_0,
                           bool may_be_1)
{
    struct slot *slots[N_ESCAPE_INPUTS];
    for (unsigned i = 0; i < N_ESCAPE_INPUTS; i++)
        slots[i] = f->state->slots + ((size_t)6 << f->block->b) +
                   slot_of(((uint64_t)((8 + i) * 64 + bin) << 48) + ((uint64_t)f->k << 46) + low[i], f->block->b + 1);
    return mixed_bit(&f->coder, slots, f->state->escape_weights[bin], N_ESCAPE_INPUTS, !may_be_0, may_be_1);
}

/* A rank, which may not be one. */
static int64_t take_rank(struct frame *f)
{
    const int64_t cW = rank_of(f, c_of(f, 0, -1)), cN = rank_of(f, c_of(f, -1, 0)), p = rank_of(f, p_of(f, 0, 0));
    unsigned n = 0;
    while (f->block->R > 1u << n)
        n++;
    uint64_t node = 1;
    for (unsigned i = n; i--;) {
        const uint64_t low[N_ESCAPE_INPUTS] = {node + ((uint64_t)cW << 20), node, node + ((uint64_t)p << 20),
                                               node + ((uint64_t)cN << 20)};
        const uint64_t least = ((2 * node + 1) << i) - (1u << n); /* of a 1 */
        node = 2 * node + escape_bit(f, 40 + i, low, true, least < f->block->R);
    }
    independent_match_seen.ranks++;
    return (int64_t)node - (1 << n);
}

/* The prediction of a rank and the contexts of its distance. */
static int64_t predict(const struct frame *f, uint64_t low[N_ESCAPE_INPUTS])
{
    const int64_t cW = rank_of(f, c_of(f, 0, -1)), cN = rank_of(f, c_of(f, -1, 0)), cNW = rank_of(f, c_of(f, -1, -1));
    const int64_t cNE = rank_of(f, c_of(f, -1, 1)), cWW = rank_of(f, c_of(f, 0, -2)), cNN = rank_of(f, c_of(f, -2, 0));
    const int64_t p = rank_of(f, p_of(f, 0, 0)), q = rank_of(f, q_of(f, 0, 0));
    if (f->k) {
        const int64_t a = cW - rank_of(f, p_of(f, 0, -1)), n = cN - rank_of(f, p_of(f, -1, 0)), g = q - p;
        const uint64_t bits = (uint64_t)(distance(a, 0) | distance(n, 0) | distance(g, 0));
        low[0] = (uint64_t)((T(a) << 8) + (T(n) << 4) + T(g));
        low[1] = bit_length(bits);
        low[2] = (uint64_t)p;
        low[3] = (uint64_t)((T(cW - p) << 8) + (T(cN - p) << 4) + T(g));
        return p;
    }
    const int64_t lower = cN < cW ? cN : cW, higher = cN < cW ? cW : cN;
    const int64_t v = cNW >= higher ? lower : cNW <= lower ? higher : cW + cN - cNW;
    const int64_t u = distance(cW, cNW) + distance(cN, cNW) + distance(cNE, cN) + distance(cW, cWW) + distance(cN, cNN);
    const unsigned L = bit_length((uint64_t)u);
    low[0] = (uint64_t)((T(cN - cNW) << 8) + (T(cW - cNW) << 4) + T(cNE - cN));
    low[1] = u < 8 ? (uint64_t)u : L + 5;
    low[2] = (uint64_t)v;
    low[3] = (uint64_t)((T(cW - cWW) << 16) + (T(cN - cNN) << 8) + L);
    return v;
}

/* A rank by its distance from a prediction; it may not be one. */
static int64_t take_number(struct frame *f)
{
    uint64_t low[N_ESCAPE_INPUTS];
    const int64_t v = predict(f, low), R = f->block->R;
    independent_match_seen.numbers++;
    if (escape_bit(f, 0, low, R > 1, true))
        return v;
    const bool is_below = escape_bit(f, 1, low, v < R - 1, v > 0);
    const int64_t room = is_below ? v : R - 1 - v; /* for the distance */
    low[0] += (uint64_t)is_below << 40;
    low[3] += (uint64_t)is_below << 40;
    unsigned n = 0;
    while (n < 16 && escape_bit(f, 2 + n, low, true, (int64_t)2 << n <= room))
        n++;
    int64_t far = 1;
    for (unsigned i = n; i--;) {
        const bool may_be_1 = (2 * far + 1) << i <= room;
        far = 2 * far + (i == n - 1 ? escape_bit(f, 18 + n, low, true, may_be_1)
                                    : direct_bit_within(&f->coder, &f->state->low[n][i], 0, may_be_1));
    }
    return is_below ? v - far : v + far;
}

/* ---- samples ---------------------------------------------------------------------------------- */

/* The sample at x.  false: damage. */
static bool decode_sample(struct frame *f, bool is_after)
{
    int64_t candidate[MOST_CANDIDATES];
    uint16_t *const to = f->sample + f->y * f->block->h.shape.width_px + f->x;
    const unsigned n = find_candidates(f, is_after, candidate);
    for (unsigned j = 0; j < n; j++)
        if (candidate_bit(f, j, is_after, candidate[j], 0)) {
            *to = (uint16_t)candidate[j];
            independent_match_seen.candidates++;
            return true;
        }
    const int64_t rank = f->block->is_numeric ? take_number(f) : take_rank(f);
    if (rank < 0 || rank >= f->block->R)
        return false;
    *to = (uint16_t)f->block->value[rank];
    return true;
}

/* At x. */
static bool is_active(const struct frame *f)
{
    const int64_t p = p_of(f, 0, 0);
    for (int dx = -1; dx <= 1; dx++)
        if (c_of(f, -1, dx) != p_of(f, -1, dx))
            return true;
    return p != q_of(f, 0, 0) ||
           (!f->block->is_textured &&
            (p != p_of(f, 0, -1) || p != p_of(f, 0, 1) || p != p_of(f, -1, 0) || p != p_of(f, 1, 0)));
}

static void copy_samples(struct frame *f, uint32_t n)
{
    const int64_t width = f->block->h.shape.width_px;
    for (uint32_t i = 0; i < n; i++, f->x++)
        f->sample[f->y * width + f->x] = (uint16_t)p_of(f, 0, 0);
}

/* The span that begins at x.  true: the sample at x follows it. */
static bool decode_span(struct frame *f)
{
    const int64_t width = f->block->h.shape.width_px, first = f->x;
    while (f->x < width && !is_active(f))
        f->x++;
    uint32_t n = (uint32_t)(f->x - first), a = 0;
    f->x = first;
    struct context *const contexts = f->state->span[f->k][bit_length(n)];
    const bool is_broken = direct_bit(&f->coder, &contexts[f->was_clean]);
    f->was_clean = !is_broken;
    if (!is_broken) {
        copy_samples(f, n);
        independent_match_seen.clean_spans++;
        return false;
    }
    while (n > 1) {
        const uint32_t h = n / 2;
        if (direct_bit(&f->coder, &f->state->half[f->k][bit_length(h)])) {
            a += h;
            n -= h;
        } else
            n = h;
    }
    copy_samples(f, a);
    independent_match_seen.broken_spans++;
    return true;
}

/* false: damage. */
static bool decode_row(struct frame *f)
{
    const int64_t width = f->block->h.shape.width_px;
    f->x = 0;
    while (f->x < width) {
        bool is_after = false;
        if ((f->x == 0 || c_of(f, 0, -1) == p_of(f, 0, -1)) && !is_active(f)) {
            is_after = decode_span(f);
            if (f->x == width)
                break;
        }
        if (!decode_sample(f, is_after))
            return false;
        f->x++;
    }
    return true;
}

/* ---- units ------------------------------------------------------------------------------------ */

static int64_t take_shift(struct coder *c)
{
    int64_t v = 0;
    for (unsigned i = 0; i < 8; i++)
        v = 2 * v + code_bit(c, 32768, 0, 1);
    return v - 128;
}

static const char *decode_samples(struct frame *f)
{
    const struct independent_shape *s = &f->block->h.shape;
    bool is_intra = false;
    if (f->n_references && direct_bit(&f->coder, &f->state->same)) {
        memcpy(f->sample, f->reference[0], (size_t)s->height_px * s->width_px * sizeof *f->sample);
        independent_match_seen.same++;
        return NULL;
    }
    if (f->n_references)
        is_intra = direct_bit(&f->coder, &f->state->intra);
    f->k = is_intra ? 0 : f->n_references;
    independent_match_seen.intra += is_intra;
    for (unsigned r = 0; r < f->k; r++)
        if (direct_bit(&f->coder, &f->state->moved[r])) {
            f->dx[r] = take_shift(&f->coder);
            f->dy[r] = take_shift(&f->coder);
            independent_match_seen.moved++;
        }
    for (f->y = 0; f->y < s->height_px; f->y++)
        if (!decode_row(f))
            return "rank";
    return NULL;
}

static const char *decode_frame(struct block *k, uint32_t number)
{
    const size_t n = (size_t)k->h.shape.height_px * k->h.shape.width_px;
    struct frame f = {.block = k, .sample = k->samples + number * n, .was_clean = true};
    uint32_t reference[2];
    const char *why = NULL;
    if (dyadic_order(k->h.shape.n_frames, number, reference))
        f.n_references = reference[0] == reference[1] ? 1 : 2;
    for (unsigned r = 0; r < f.n_references; r++) {
        if (!k->state[reference[r]])
            why = decode_frame(k, reference[r]);
        if (why)
            return why;
        f.reference[r] = k->samples + reference[r] * n;
    }
    if (f.n_references) {
        const uint32_t low[2] = {lowest_set_bit(reference[0]), lowest_set_bit(reference[1])};
        const bool is_second = f.n_references == 2 && low[1] && (!low[0] || low[1] < low[0]);
        f.state = malloc(state_bytes(k));
        memcpy(f.state, k->state[reference[is_second]], state_bytes(k));
    } else
        f.state = first_state(k);
    k->state[number] = f.state;
    if (k->draws) {
        f.coder = (struct coder){.draws = k->draws};
        k->draws->begin_unit(k->draws->to, number);
    } else
        coder_begin(&f.coder, unit_at(&k->h, k->payload, number), unit_bytes(&k->h, number));
    why = decode_samples(&f);
    return why ? why : is_at_its_end(&f.coder) ? NULL : "unit ends elsewhere";
}

const char *independent_match(const struct independent_shape *shape, const uint8_t *header, size_t header_bytes,
                              const uint8_t *payload, size_t payload_bytes, const struct independent_draws *draws,
                              uint16_t *samples)
{
    struct block *const k = calloc(1, sizeof *k);
    const uint64_t most = 80 * (uint64_t)shape->height_px * shape->width_px + 64;
    const char *why = read_header(&k->h, shape, 4, false, header, header_bytes);
    k->draws = draws;
    k->payload = payload;
    k->samples = samples;
    k->state = calloc(shape->n_frames, sizeof(struct state *));
    if (!why)
        why = read_params(k);
    if (!why && !draws)
        why = check_units(&k->h, 1, most < UINT32_MAX ? most : UINT32_MAX, payload_bytes);
    for (uint32_t i = 0; !why && i < shape->n_frames; i++)
        if (!k->state[i])
            why = decode_frame(k, i);
    for (uint32_t i = 0; i < shape->n_frames; i++)
        free(k->state[i]);
    free(k->state);
    free(k);
    return why;
}
