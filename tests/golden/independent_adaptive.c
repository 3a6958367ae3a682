/* SPDX-License-Identifier: MIT
 * Codec 5, adaptive, decoded as docs/format.md tells it: plain, slow, and in its words. */
#include "independent_parts.h"

enum { N_GROUPS = 4, MAX_TAPS = 32, INTRA_TAPS = 10, N_FEATURES = 10 };
enum { N_LEVELS = 24, N_TEXTURES = 64, N_PHASES = 4, N_RATIOS = 7, N_SYMBOLS = 32 };
enum { N_OWN = N_LEVELS * N_PHASES, N_SHARED = N_LEVELS / 2 * N_RATIOS * 2 };
enum { SLOT_BITS = 15, FIXED_PARAMS_BYTES = 8 };
enum { DYADIC = 1, FROM_THE_MIDDLE = 2 };

static int64_t mean(int64_t a, int64_t b) { return (a + b + 1) >> 1; }

struct predictor { /* of one tile */
    int64_t weight[MAX_TAPS], bias;
};
struct block {
    struct independent_header h;
    const struct independent_draws *draws;
    const uint8_t *payload;
    unsigned order, D, shift, tile, fine, deep;
    uint32_t offset;
    int64_t least_code, most_code;
    int64_t feature_weight[N_GROUPS][N_FEATURES];
    struct predictor *predictor[N_GROUPS]; /* of each tile */
    struct frame *frames;
};

/* ---- tables ----------------------------------------------------------------------------------- */

struct table {
    uint32_t start[N_SYMBOLS], count[N_SYMBOLS], T, wait;
};

static uint32_t end_of(const struct table *t, unsigned s) { return s + 1 < N_SYMBOLS ? t->start[s + 1] : 1u << SLOT_BITS; }

static void sum_counts(struct table *t)
{
    t->T = 0;
    for (unsigned i = 0; i < N_SYMBOLS; i++)
        t->T += t->count[i];
}

static void set_starts(struct table *t)
{
    uint64_t C = 0;
    for (unsigned i = 0; i < N_SYMBOLS; i++) {
        t->start[i] = i + (uint32_t)((C * ((uint64_t)32736 * 65536 / t->T)) >> 16);
        C += t->count[i];
    }
}

static void update_table(struct table *t, unsigned s)
{
    t->count[s] += 24;
    t->T += 24;
    if (t->wait > 1) {
        t->wait--;
        return;
    }
    if (t->T > 40000) {
        for (unsigned i = 0; i < N_SYMBOLS; i++)
            t->count[i] /= 2;
        sum_counts(t);
    }
    set_starts(t);
    t->wait = (uint32_t)clamp(t->T / 96, 4, 32);
}

static void copy_table(struct table *shared, const struct table *own)
{
    for (unsigned i = 0; i < N_SYMBOLS; i++) {
        shared->start[i] = own->start[i];
        shared->count[i] = ((end_of(own, i) - own->start[i]) * 192) >> 15;
    }
    sum_counts(shared);
    shared->wait = 4;
}

/* ---- what a unit has learnt ------------------------------------------------------------------- */

struct state {
    int64_t B[N_LEVELS * N_TEXTURES];
    uint32_t occurred[N_LEVELS * N_TEXTURES];
    struct table A[N_OWN], H[N_SHARED];
    bool was_used[N_SHARED]; /* of H */
};

static uint64_t mean_of_level(const struct block *k, unsigned l)
{
    const uint64_t u = (uint64_t)(k->least_code + (2 * l + 1) * (k->most_code - k->least_code) / 48);
    const uint64_t V = u < 16 ? u : (8 + u % 8) << (u / 8 - 1);
    return (16 * V) >> k->fine;
}

/* The shift of a level. */
static unsigned h_of(const struct block *k, unsigned l)
{
    const uint64_t M = mean_of_level(k, l / 2 * 2);
    unsigned h = 0;
    while (h < 10 && M >> h > 1024)
        h++;
    return h;
}

static void first_table(const struct block *k, unsigned l, struct table *t)
{
    const uint64_t twice = 2 * (mean_of_level(k, l) >> h_of(k, l)), y = twice > 16 ? twice : 16;
    uint64_t theta = 65536 * y / (256 + y), tail = 65536;
    for (unsigned s = 0; s < N_SYMBOLS; s++) {
        const unsigned squared = s == 16 ? 3 : s == 24 ? 2 : s == 18 || s == 20 || s == 22 || s >= 25 ? 1 : 0;
        for (unsigned i = 0; i < squared; i++)
            theta = theta * theta / 65536;
        const uint64_t end = s + 1 < N_SYMBOLS ? tail * theta / 65536 : 0;
        t->count[s] = (uint32_t)(((tail - end) * 192) >> 16);
        tail = end;
    }
    sum_counts(t);
    set_starts(t);
    t->wait = 4;
}

static void first_state(const struct block *k, struct state *s)
{
    memset(s, 0, sizeof *s);
    for (unsigned l = 0; l < N_LEVELS; l++)
        for (unsigned phase = 0; phase < N_PHASES; phase++)
            first_table(k, l, &s->A[4 * l + phase]);
}

/* ---- frames ----------------------------------------------------------------------------------- */

struct order {
    unsigned group, depth;
    uint32_t reference[2];
};

static uint32_t n_ones(uint32_t v) { return v ? v % 2 + n_ones(v / 2) : 0; }

static struct order order_of(const struct block *k, uint32_t number)
{
    const uint32_t n = k->h.shape.n_frames, m = n / 2;
    struct order o = {0};
    if (k->order == DYADIC) {
        o.group = dyadic_order(n, number, o.reference);
        o.depth = n_ones(number);
        return o;
    }
    o.depth = (unsigned)distance(number, m);
    o.group = !o.depth ? 0 : o.depth == 1 ? 1 : number < m ? 2 : 3;
    o.reference[0] = number < m ? number + 1 : number - 1;
    o.reference[1] = o.depth == 1 ? o.reference[0] : number < m ? number + 2 : number - 2;
    return o;
}

struct frame {
    const struct block *block;
    struct order order;
    const struct frame *p, *q; /* NULL in group 0 */
    int32_t *x, *c, *b, *m;
    struct state state;
    const uint8_t *unit, *unit_end; /* what has not been read of the unit */
    uint32_t rans;
    bool is_done, is_short;
};

static int64_t in_plane(const struct block *k, const int32_t *plane, int64_t y, int64_t x)
{
    const int64_t h = k->h.shape.height_px, w = k->h.shape.width_px;
    return plane[clamp(y, 0, h - 1) * w + clamp(x, 0, w - 1)];
}

/* A place in the frame that is being decoded, seen from row `now`. */
static int64_t x_at(const struct frame *f, int64_t now, int64_t y, int64_t x)
{
    if (y == now && x < 0)
        return x_at(f, now, y - 1, 0);
    if (y < 0)
        return f->order.group ? in_plane(f->block, f->p->x, 0, x) : (int64_t)1 << (f->block->D - 1);
    return in_plane(f->block, f->x, y, x);
}
static int64_t m_at(const struct frame *f, int64_t now, int64_t y, int64_t x)
{
    if (y == now && x < 0)
        return m_at(f, now, y - 1, 0);
    if (y < 0)
        return f->order.group ? in_plane(f->block, f->p->c, 0, x) : (int64_t)1 << f->block->fine;
    return in_plane(f->block, f->m, y, x);
}

/* ---- one sample ------------------------------------------------------------------------------- */

struct place {
    int y, x;
};
static const struct place near_x[INTRA_TAPS] = {{0, -1},  {0, -2}, {-1, 0}, {-1, -1}, {-1, 1},
                                                {-1, -2}, {-1, 2}, {-2, 0}, {-2, 1},  {-2, -1}};
static const struct place near_p[13] = {{0, 0},  {0, -1}, {0, 1},  {-1, 0}, {1, 0},  {-1, -1}, {-1, 1},
                                        {1, -1}, {1, 1},  {0, -2}, {0, 2},  {-2, 0}, {2, 0}};
static const struct place cross[5] = {{0, 0}, {0, -1}, {0, 1}, {-1, 0}, {1, 0}};

static int64_t highest(const struct block *k) { return (((int64_t)1 << k->D) - 1) << 10; }

static int64_t predict(const struct frame *f, uint32_t y, uint32_t x)
{
    const struct block *k = f->block;
    const uint32_t across = (k->h.shape.width_px + (1u << k->tile) - 1) >> k->tile;
    const struct predictor *tile = &k->predictor[f->order.group][(y >> k->tile) * across + (x >> k->tile)];
    const int64_t *w = tile->weight;
    int64_t sum = tile->bias, background = 0;
    for (unsigned i = 0; i < (f->order.group ? 9 : 10); i++)
        sum += 4 * *w++ * x_at(f, y, (int64_t)y + near_x[i].y, (int64_t)x + near_x[i].x);
    for (unsigned i = 0; f->order.group && i < 13; i++)
        sum += 4 * *w++ * in_plane(k, f->p->x, (int64_t)y + near_p[i].y, (int64_t)x + near_p[i].x);
    for (unsigned i = 0; f->order.group && i < 5; i++)
        sum += 4 * *w++ * in_plane(k, f->q->x, (int64_t)y + cross[i].y, (int64_t)x + cross[i].x);
    for (unsigned i = 0; f->order.group && i < 5; i++)
        background += 4 * *w++ * in_plane(k, f->p->b, (int64_t)y + cross[i].y, (int64_t)x + cross[i].x);
    return clamp(sum + (background >> k->deep), 0, highest(k));
}

/* Places around the sample. */
#define X(dy, dx) x_at(f, y, (int64_t)y + (dy), (int64_t)x + (dx))
#define M(dy, dx) m_at(f, y, (int64_t)y + (dy), (int64_t)x + (dx))
#define P(dy, dx) in_plane(k, f->p->x, (int64_t)y + (dy), (int64_t)x + (dx))
#define Q(dy, dx) in_plane(k, f->q->x, (int64_t)y + (dy), (int64_t)x + (dx))
#define C(dy, dx) in_plane(k, f->p->c, (int64_t)y + (dy), (int64_t)x + (dx))

static int64_t activity(const struct frame *f, uint32_t y, uint32_t x, int64_t t)
{
    const struct block *k = f->block;
    int64_t feature[N_FEATURES] = {M(0, -1), M(-1, 0), mean(M(-1, -1), M(-1, 1))}, sum = 0;
    if (f->order.group) {
        feature[3] = C(0, 0);
        feature[4] = mean(C(0, -1), C(0, 1));
        feature[5] = distance(X(-1, 0), P(-1, 0)) << k->fine;
        feature[6] = distance(X(0, -1), P(0, -1)) << k->fine;
        feature[7] = distance(P(0, -1), P(0, 1)) << k->fine;
        feature[8] = distance(P(0, 0), Q(0, 0)) << k->fine;
    } else {
        feature[3] = M(-1, -2);
        feature[4] = M(-1, 2);
        feature[5] = distance(X(-1, 0), X(-1, 1)) << k->fine;
        feature[6] = distance(X(0, -1), X(-1, -1)) << k->fine;
        feature[7] = distance(X(-1, 0), X(-1, -1)) << k->fine;
        feature[8] = distance(X(-1, 0), X(-2, 0)) << k->fine;
    }
    feature[9] = ((t >> 10) >> (k->D > 6 ? k->D - 6 : 0)) << k->fine;
    for (unsigned i = 0; i < N_FEATURES; i++)
        sum += k->feature_weight[f->order.group][i] * feature[i];
    return sum < 1 << 25 ? sum : 1 << 25;
}

static int64_t code(int64_t v)
{
    if (v < 16)
        return v;
    const int64_t e = (int64_t)bit_length((uint64_t)v) - 1;
    return 8 * (e - 2) + (v >> (e - 3)) % 8;
}

static unsigned level_of(const struct block *k, int64_t a)
{
    const int64_t c = code(a >> 2);
    if (c <= k->least_code)
        return 0;
    if (c >= k->most_code)
        return 23;
    return (unsigned)(24 * (c - k->least_code) / (k->most_code - k->least_code));
}

static unsigned texture_of(const struct frame *f, uint32_t y, uint32_t x, int64_t t)
{
    const struct block *k = f->block;
    const int64_t r = t >> 10;
    const int64_t fourth = f->order.group ? P(0, 0) : X(-2, 0);
    const int64_t fifth = f->order.group ? in_plane(k, f->p->b, y, x) >> k->deep : X(-1, 0);
    return (unsigned)(X(0, -1) > r) | (unsigned)(X(-1, 0) > r) << 1 | (unsigned)(X(-1, 1) > r) << 2 |
           (unsigned)(X(-1, -1) > r) << 3 | (unsigned)(fourth > r) << 4 | (unsigned)(fifth > r) << 5;
}

static unsigned ratio_of(const struct frame *f, uint32_t y, uint32_t x)
{
    const struct block *k = f->block;
    int64_t d = 0;
    if (f->order.group)
        d = code(2 * M(0, -1) + 2 * M(-1, 0) + M(-1, -1) + M(-1, 1)) -
            code(2 * C(0, 0) + C(0, -1) + C(0, 1) + C(-1, 0) + C(1, 0));
    return (unsigned)clamp((10 + d < 0 ? 0 : 10 + d) / 3, 0, N_RATIOS - 1);
}

#undef X
#undef M
#undef P
#undef Q
#undef C

/* ---- symbols ---------------------------------------------------------------------------------- */

static uint32_t slot_of(const struct frame *f)
{
    const struct independent_draws *draws = f->block->draws;
    return draws ? draws->roll(draws->to, SLOT_BITS) : f->rans % (1u << SLOT_BITS);
}
/* The state's slot lies among the `size` slots from `start` on. */
static void advance(struct frame *f, uint32_t slot, uint32_t start, uint32_t size)
{
    const struct independent_draws *draws = f->block->draws;
    if (draws) {
        draws->took(draws->to, start, size, SLOT_BITS);
        return;
    }
    f->rans = size * (f->rans >> SLOT_BITS) + slot - start;
    if (f->rans >= 1u << 16)
        return;
    f->is_short |= f->unit_end - f->unit < 2;
    f->rans = (f->rans << 16) + (f->is_short ? 0 : little_endian(f->unit, 2));
    f->unit += f->is_short ? 0 : 2;
}

static unsigned take_symbol(struct frame *f, const struct table *own, const struct table *shared)
{
    const uint32_t slot = slot_of(f);
    uint32_t start = 0, end = 0;
    unsigned s = 0;
    for (;; s++) {
        start = (own->start[s] + shared->start[s]) >> 1;
        end = s + 1 < N_SYMBOLS ? (own->start[s + 1] + shared->start[s + 1]) >> 1 : 1u << SLOT_BITS;
        if (slot < end)
            break;
    }
    advance(f, slot, start, end - start);
    return s;
}

static uint32_t take_raw(struct frame *f, unsigned n)
{
    const uint32_t slot = slot_of(f), v = slot >> (SLOT_BITS - n);
    advance(f, slot, v << (SLOT_BITS - n), 1u << (SLOT_BITS - n));
    return v;
}

static int64_t take_residual(struct frame *f, unsigned s, unsigned h)
{
    uint32_t v = s;
    if (s >= 16) {
        const unsigned n = s < 24 ? (s - 16) / 2 + 3 : s - 16;
        v = (s < 24 ? 2 + s % 2 : 1) << n;
        v += take_raw(f, n);
    }
    if (h)
        v = (v << h) + take_raw(f, h);
    return unfold(v);
}

/* ---- one frame -------------------------------------------------------------------------------- */

static void learn(struct frame *f, unsigned i, int64_t a, int64_t E)
{
    struct state *s = &f->state;
    const int64_t l = ((a << 5) >> f->block->fine) + 1024;
    const unsigned g = s->occurred[i] < 16 ? 4 : s->occurred[i] < 64 ? 5 : 7;
    s->occurred[i]++;
    s->B[i] = clamp(s->B[i] + ((16 * clamp(E, -l, l)) >> g), -((int64_t)1 << 30), (int64_t)1 << 30);
}

static void decode_sample(struct frame *f, uint32_t y, uint32_t x)
{
    const struct block *k = f->block;
    struct state *s = &f->state;
    const int64_t t = predict(f, y, x), a = activity(f, y, x, t);
    const unsigned level = level_of(k, a), i = 64 * level + texture_of(f, y, x, t);
    const int64_t P = clamp(t + (s->B[i] >> 4), 0, highest(k)), w = (P + 512) >> 10, F = P - (w << 10);
    const unsigned phase = (unsigned)clamp(distance(F, 0) / 128, 0, 3);
    const unsigned shared = 2 * (7 * (level / 2) + ratio_of(f, y, x)) + phase / 2;
    struct table *const A = &s->A[4 * level + phase], *const H = &s->H[shared];
    if (!s->was_used[shared])
        copy_table(H, A);
    s->was_used[shared] = true;
    const unsigned symbol = take_symbol(f, A, H);
    update_table(A, symbol);
    update_table(H, symbol);
    const int64_t e = take_residual(f, symbol, h_of(k, level));
    const int64_t value = (w + (F < 0 ? -e : e)) & (((int64_t)1 << k->D) - 1), E = (value << 10) - P;
    const size_t at = (size_t)y * k->h.shape.width_px + x;
    f->x[at] = (int32_t)value;
    f->m[at] = (int32_t)clamp(distance(E, 0) >> (10 - k->fine), 0, 65535);
    learn(f, i, a, E);
}

/* Mean magnitudes and the background, for the frames that refer to this one. */
static void set_planes(struct frame *f)
{
    const struct block *k = f->block;
    const size_t n = (size_t)k->h.shape.height_px * k->h.shape.width_px;
    const int64_t weight = clamp(f->order.depth + 1, 0, 8), s = (16384 + weight / 2) / weight;
    for (size_t i = 0; i < n; i++) {
        const int64_t x = (int64_t)f->x[i] << k->deep, o = f->order.group ? f->p->b[i] : 0;
        f->c[i] = f->order.group ? (int32_t)mean(f->m[i], f->p->c[i]) : f->m[i];
        f->b[i] = (int32_t)(f->order.group ? o + (((x - o) * s + 8192) >> 14) : x);
    }
}

static const char *decode_frame(struct block *k, uint32_t number)
{
    struct frame *f = &k->frames[number];
    const char *why = NULL;
    f->block = k;
    f->order = order_of(k, number);
    for (unsigned i = 0; !why && f->order.group && i < 2; i++)
        if (!k->frames[f->order.reference[i]].is_done)
            why = decode_frame(k, f->order.reference[i]);
    f->is_done = true;
    if (why)
        return why;
    if (f->order.group) {
        f->p = &k->frames[f->order.reference[0]];
        f->q = &k->frames[f->order.reference[1]];
        f->state = f->p->state;
    } else
        first_state(k, &f->state);
    if (k->draws)
        k->draws->begin_unit(k->draws->to, number);
    else {
        f->unit = unit_at(&k->h, k->payload, number);
        f->unit_end = f->unit + unit_bytes(&k->h, number);
        f->rans = little_endian(f->unit, 4);
        f->unit += 4;
    }
    for (uint32_t y = 0; y < k->h.shape.height_px && !f->is_short; y++)
        for (uint32_t x = 0; x < k->h.shape.width_px; x++)
            decode_sample(f, y, x);
    set_planes(f);
    if (!k->draws && (f->is_short || f->unit != f->unit_end))
        return "another number of words";
    return !k->draws && f->rans != 1u << 16 ? "last state" : NULL;
}

/* ---- parameters ------------------------------------------------------------------------------- */

static const char *read_fixed_params(struct block *k)
{
    const struct independent_shape *s = &k->h.shape;
    const uint8_t *params = k->h.params;
    if (k->h.params_bytes < FIXED_PARAMS_BYTES || k->h.params_bytes > 1u << 26)
        return "params_bytes";
    k->order = params[0];
    k->D = params[1];
    k->shift = params[2];
    k->tile = params[3];
    k->offset = little_endian(params + 4, 2);
    k->least_code = params[6];
    k->most_code = params[7];
    if (k->order != DYADIC && (k->order != FROM_THE_MIDDLE || s->n_frames > 33))
        return "order";
    if (k->shift >= s->bits || !k->D || k->D > s->bits - k->shift)
        return "depth or shift";
    if (k->tile < 5 || k->tile > 8 || k->offset >> s->bits)
        return "tile or offset";
    if (k->most_code < 24 || k->most_code > 200 || k->least_code > k->most_code - 24)
        return "levels";
    const uint64_t h = s->height_px, w = s->width_px;
    if (2 * (h + 4) * (w + 16) > (1u << 26) + 8 * h * w)
        return "too large with its margins";
    k->fine = (unsigned)clamp(16 - (int64_t)k->D, 0, 3);
    k->deep = (unsigned)clamp(16 - (int64_t)k->D, 0, 4);
    return NULL;
}

/* Weights of one group. */
static const char *read_weights(struct block *k, struct bits *b, unsigned group)
{
    const uint64_t side = (uint64_t)1 << k->tile, n_taps = group ? MAX_TAPS : INTRA_TAPS;
    const uint64_t n = ((k->h.shape.width_px + side - 1) / side) * ((k->h.shape.height_px + side - 1) / side);
    struct rice rice[MAX_TAPS + 1];
    struct predictor before = {0}, *const tiles = k->predictor[group] = calloc(n, sizeof *tiles);
    for (unsigned i = 0; i < N_FEATURES; i++)
        k->feature_weight[group][i] = take(b, 12);
    for (unsigned i = 0; i <= n_taps; i++)
        rice[i] = fresh_rice;
    for (uint64_t tile = 0; tile < n; tile++) {
        int64_t sum = 0;
        for (unsigned i = 0; i < n_taps; i++) {
            before.weight[i] += unfold(take_rice(b, &rice[i]));
            sum += distance(before.weight[i], 0);
        }
        before.bias += unfold(take_rice(b, &rice[n_taps]));
        if (b->is_short || sum > 7936 || distance(before.bias, 0) > 1 << 24)
            return "weights";
        tiles[tile] = before;
    }
    return NULL;
}

static const char *read_params(struct block *k)
{
    const char *why = read_fixed_params(k);
    bool has_group[N_GROUPS] = {false};
    if (why)
        return why;
    struct bits b = {k->h.params + FIXED_PARAMS_BYTES, 8 * (uint64_t)(k->h.params_bytes - FIXED_PARAMS_BYTES), 0, false};
    for (uint32_t i = 0; i < k->h.shape.n_frames; i++)
        has_group[order_of(k, i).group] = true;
    for (unsigned group = 0; !why && group < N_GROUPS; group++)
        if (has_group[group])
            why = read_weights(k, &b, group);
    return why ? why : is_at_end(&b) ? NULL : "params end elsewhere";
}

/* ---- the door --------------------------------------------------------------------------------- */

static const char *decode(struct block *k, uint16_t *samples)
{
    const size_t n = (size_t)k->h.shape.height_px * k->h.shape.width_px;
    int32_t *const planes = calloc(4 * n * k->h.shape.n_frames, sizeof *planes);
    const char *why = NULL;
    k->frames = calloc(k->h.shape.n_frames, sizeof *k->frames);
    for (uint32_t i = 0; i < k->h.shape.n_frames; i++) {
        struct frame *const f = &k->frames[i];
        f->x = planes + 4 * n * i;
        f->c = f->x + n;
        f->b = f->c + n;
        f->m = f->b + n;
    }
    for (uint32_t i = 0; !why && i < k->h.shape.n_frames; i++)
        if (!k->frames[i].is_done)
            why = decode_frame(k, i);
    for (uint32_t i = 0; !why && i < k->h.shape.n_frames; i++)
        for (size_t at = 0; at < n; at++)
            samples[i * n + at] = (uint16_t)((((uint32_t)k->frames[i].x[at] << k->shift) + k->offset) &
                                             ((1u << k->h.shape.bits) - 1));
    free(planes);
    free(k->frames);
    return why;
}

const char *independent_adaptive(const struct independent_shape *shape, const uint8_t *header, size_t header_bytes,
                                 const uint8_t *payload, size_t payload_bytes, const struct independent_draws *draws,
                                 uint16_t *samples)
{
    struct block k = {.draws = draws, .payload = payload};
    const char *why = read_header(&k.h, shape, 5, false, header, header_bytes);
    if (!why)
        why = read_params(&k);
    if (!why && !draws)
        why = check_units(&k.h, 4, 8 + 6 * (uint64_t)shape->height_px * shape->width_px, payload_bytes);
    if (!why)
        why = decode(&k, samples);
    for (unsigned group = 0; group < N_GROUPS; group++)
        free(k.predictor[group]);
    return why;
}
