/* SPDX-License-Identifier: MIT
 * Codec 3, predict, decoded as docs/format.md tells it: plain, slow, and in its words. */
#include "independent_parts.h"

enum { N_GROUPS = 4, N_PHASES = 2, MAX_TAPS = 16, N_FEATURES = 10, N_THRESHOLDS = 15, N_CONTEXTS = 96 };
enum { SLOT_BITS = 11, N_SLOTS = 1 << SLOT_BITS, CELL_SLOTS = 8, MAX_SYMBOLS = 256, MAX_LANES = 64 };
enum { TILE_COLUMNS = 128, TILE_ROWS = 64 };
enum { FIXED_HEADER_BYTES = 20, FIXED_PARAMS_BYTES = 12, UNIT_ENTRY_BYTES = 12 };
enum { SEQUENTIAL, DYADIC };
enum { FLAG_MOTION = 1, FLAG_RANKS = 2 };

/* ---- the block -------------------------------------------------------------------------------- */

struct predictor { /* of one tile */
    int64_t weight[MAX_TAPS], bias;
};
struct table { /* with A, B and c as the document names them, of each symbol */
    uint32_t frequency[MAX_SYMBOLS];
    uint32_t c[MAX_SYMBOLS], A[MAX_SYMBOLS], B[MAX_SYMBOLS];
};
struct block {
    struct independent_block b;
    const uint8_t *units;
    unsigned feature_shift, activity_shift[N_PHASES];
    uint32_t offset;
    unsigned Q;
    bool is_narrow;
    uint32_t n_tiles_across, n_tiles;
    uint32_t n_ranks;
    uint16_t *rank; /* 2^16; those behind the last are 0 */
    uint32_t feature_weight[N_GROUPS][N_PHASES][N_FEATURES], calm[N_GROUPS][N_PHASES];
    struct predictor *predictor[N_GROUPS][N_PHASES]; /* of each tile */
    uint32_t threshold[N_PHASES][N_THRESHOLDS];
    uint32_t table_of[N_CONTEXTS];
    struct table table[N_CONTEXTS];
};

static int64_t mean(int64_t x, int64_t y) { return (x + y + 1) / 2; } /* neither is negative */
static int64_t largest_value(const struct block *k) { return ((int64_t)1 << k->b.depth) - 1; }
static unsigned n_taps(unsigned group) { return group ? 16 : 6; }
static uint32_t tile_of(const struct block *k, uint32_t y, uint32_t x)
{
    return y / TILE_ROWS * k->n_tiles_across + x / TILE_COLUMNS;
}

/* The group of a frame, and the frames that it refers to. */
static unsigned order_of(const struct block *k, uint32_t f, uint32_t reference[2])
{
    if (k->b.order != SEQUENTIAL || !f)
        return dyadic_order(k->b.shape.n_frames, f, reference);
    reference[0] = f - 1;
    reference[1] = f == 1 ? 0 : f - 2;
    return 3;
}

/* ---- the header ------------------------------------------------------------------------------- */

static const char *read_shape(struct block *k, const struct independent_shape *shape, const uint8_t *header)
{
    if (header[0] != 3 || header[1] || header[3])
        return "another codec, or reserved fields";
    if (header[2] != shape->bits || little_endian(header + 4, 2) != shape->n_frames ||
        little_endian(header + 8, 4) != shape->height_px || little_endian(header + 12, 4) != shape->width_px)
        return "another shape";
    if (little_endian(header + 6, 2) != 1 || shape->width_px > 1u << 22)
        return "frames_per_unit, or too wide";
    k->b.shape = *shape;
    k->n_tiles_across = (shape->width_px + TILE_COLUMNS - 1) / TILE_COLUMNS;
    k->n_tiles = k->n_tiles_across * ((shape->height_px + TILE_ROWS - 1) / TILE_ROWS);
    return NULL;
}

static const char *read_fixed_params(struct block *k, const uint8_t *params)
{
    struct independent_block *b = &k->b;
    b->order = params[0];
    b->depth = params[1];
    b->shift = params[2];
    b->lanes = 1u << (params[3] & 7);
    k->offset = little_endian(params + 4, 2);
    b->groups = params[6];
    b->has_motion = params[7] & FLAG_MOTION;
    b->has_ranks = params[7] & FLAG_RANKS;
    k->feature_shift = params[8];
    k->is_narrow = b->depth <= 8;
    k->Q = k->is_narrow ? 6 : 8;
    if (b->order > DYADIC || (b->order == SEQUENTIAL && b->shape.n_frames > 64))
        return "order";
    if (b->has_ranks && (b->shift || k->offset))
        return "ranks with shift or offset";
    if (b->shift >= b->shape.bits || !b->depth || b->depth > b->shape.bits - b->shift)
        return "depth or shift";
    if (params[3] < 4 || params[3] > 6)
        return "lanes";
    if (b->shape.bits == 8 && k->offset > 255)
        return "offset";
    if (params[7] > 3 || params[11])
        return "flags or reserved";
    if (k->feature_shift > (b->depth > 8 ? b->depth - 8 : 0))
        return "feature_shift";
    for (unsigned phase = 0; phase < N_PHASES; phase++) {
        k->activity_shift[phase] = params[9 + phase];
        if (k->activity_shift[phase] < 1 || k->activity_shift[phase] > 8)
            return "activity_shift";
    }
    unsigned occurring = 0;
    for (uint32_t f = 0, reference[2]; f < b->shape.n_frames; f++)
        occurring |= 1u << order_of(k, f, reference);
    return b->groups == occurring ? NULL : "groups";
}

static const char *read_ranks(struct block *k, struct bits *b)
{
    struct rice rice = fresh_rice;
    uint64_t sample = 0;
    k->n_ranks = take(b, 16) + 1;
    if (k->n_ranks > 1u << k->b.depth)
        return "more ranks than values";
    for (uint32_t i = 0; i < k->n_ranks; i++) {
        sample += (uint64_t)take_rice(b, &rice) + (i > 0);
        if (sample >> k->b.shape.bits)
            return "rank too large";
        k->rank[i] = (uint16_t)sample;
    }
    return NULL;
}

static bool are_feature_weights_bounded(const uint32_t weight[N_FEATURES])
{
    uint32_t sum = 0;
    for (unsigned i = 0; i < N_FEATURES; i += 2) {
        if (weight[i] + weight[i + 1] > 128)
            return false;
        sum += weight[i] + weight[i + 1];
    }
    return sum <= 240;
}

static bool is_predictor_bounded(const struct block *k, const struct predictor *p)
{
    const int64_t limit = (int64_t)1 << (k->is_narrow ? 15 : 31);
    int64_t up = 0, down = 0;
    for (unsigned i = 0; i < MAX_TAPS; i += 2) {
        const int64_t a = p->weight[i], b = p->weight[i + 1];
        const int64_t pair_up = (a > 0 ? a : 0) + (b > 0 ? b : 0), pair_down = a + b - pair_up;
        if (clamp(a, -32768, 32767) != a || clamp(b, -32768, 32767) != b)
            return false;
        if (k->is_narrow && (clamp(a, -128, 127) != a || clamp(b, -128, 127) != b ||
                             pair_up > 128 || pair_down < -128))
            return false;
        up += pair_up;
        down += pair_down;
    }
    return p->bias + up * largest_value(k) <= limit - 1 &&
           p->bias + down * largest_value(k) >= -limit;
}

/* Weights of one group and phase. */
static const char *read_weights(struct block *k, struct bits *b, unsigned group, unsigned phase)
{
    uint32_t *feature_weight = k->feature_weight[group][phase];
    struct predictor *tiles = calloc(k->n_tiles, sizeof *tiles), before = {0};
    struct rice tap_rice[MAX_TAPS], bias_rice = fresh_rice;
    k->predictor[group][phase] = tiles;
    for (unsigned i = 0; i < N_FEATURES; i++)
        feature_weight[i] = take(b, 7);
    k->calm[group][phase] = take(b, 12);
    if (!are_feature_weights_bounded(feature_weight))
        return "feature weights";
    for (unsigned i = 0; i < MAX_TAPS; i++)
        tap_rice[i] = fresh_rice;
    for (uint32_t tile = 0; tile < k->n_tiles; tile++) {
        for (unsigned i = 0; i < n_taps(group); i++)
            before.weight[i] += unfold(take_rice(b, &tap_rice[i]));
        before.bias = as_signed(before.bias + unfold(take_rice(b, &bias_rice)), 32);
        if (b->is_short || !is_predictor_bounded(k, &before))
            return "weights";
        tiles[tile] = before;
    }
    return NULL;
}

static const char *read_thresholds(struct block *k, struct bits *b)
{
    for (unsigned phase = 0; phase < N_PHASES; phase++)
        for (unsigned i = 0; i < N_THRESHOLDS; i++) {
            k->threshold[phase][i] = take(b, 8);
            if (i && k->threshold[phase][i] < k->threshold[phase][i - 1])
                return "thresholds fall";
        }
    return NULL;
}

static const char *read_contexts(struct block *k, struct bits *b)
{
    struct rice rice = fresh_rice;
    for (unsigned context = 0; context < N_CONTEXTS; context++) {
        const uint32_t back = take_rice(b, &rice);
        if (back > k->b.n_tables)
            return "no such table";
        k->table_of[context] = k->b.n_tables - back;
        k->b.n_tables += back == 0;
    }
    return NULL;
}

/* A frequency of `length` bits: the highest is 1, one or two follow, the others are 0. */
static uint32_t read_frequency(struct bits *b, int64_t length)
{
    if (length < 2)
        return (uint32_t)length;
    if (length == 2)
        return 2 + take(b, 1);
    return (4 + take(b, 2)) << (length - 3);
}

static const char *read_table(struct block *k, struct bits *b, struct rice *rice, struct table *table)
{
    const uint32_t n_used = take(b, 8) + 1;
    if (n_used > (k->is_narrow ? 256 : 64))
        return "too many symbols";
    if (take(b, 1)) {
        table->frequency[n_used - 1] = N_SLOTS;
        k->b.n_single_tables++;
        return NULL;
    }
    const uint32_t top = take(b, 8);
    if (top >= n_used)
        return "top";
    uint32_t sum = 0;
    int64_t length = 4;
    for (uint32_t s = 0; s < n_used; s++) {
        if (s == top)
            continue;
        length += unfold(take_rice(b, rice));
        if (length < 0 || length > 12)
            return "bit length";
        sum += table->frequency[s] = read_frequency(b, length);
    }
    if (sum >= N_SLOTS)
        return "frequencies";
    table->frequency[top] = N_SLOTS - sum;
    return NULL;
}

/* C: as many cells as there are in the table that has the fewest whole ones. */
static uint32_t cells_of_block(const struct block *k)
{
    uint32_t least = UINT32_MAX;
    for (unsigned i = 0; i < k->b.n_tables; i++) {
        uint32_t sum = 0;
        for (unsigned s = 0; s < MAX_SYMBOLS; s++)
            sum += k->table[i].frequency[s] / CELL_SLOTS;
        least = sum < least ? sum : least;
    }
    return least;
}

static void lay_out_slots(struct table *table, uint32_t C)
{
    uint32_t left = C, A = 0, B = CELL_SLOTS * C;
    for (unsigned s = 0; s < MAX_SYMBOLS; s++) {
        const uint32_t f = table->frequency[s], whole = f / CELL_SLOTS;
        table->c[s] = whole < left ? whole : left;
        table->A[s] = A;
        table->B[s] = B;
        left -= table->c[s];
        A += CELL_SLOTS * table->c[s];
        B += f - CELL_SLOTS * table->c[s];
    }
}

static const char *read_params(struct block *k, const uint8_t *params, uint32_t n_bytes)
{
    struct bits b = {params + FIXED_PARAMS_BYTES, 8 * (uint64_t)(n_bytes - FIXED_PARAMS_BYTES), 0, false};
    struct rice frequencies = fresh_rice;
    const char *why = read_fixed_params(k, params);
    if (!why && k->b.has_ranks)
        why = read_ranks(k, &b);
    for (unsigned group = 0; !why && group < N_GROUPS; group++)
        for (unsigned phase = 0; !why && phase < N_PHASES; phase++)
            if (k->b.groups >> group & 1)
                why = read_weights(k, &b, group, phase);
    if (!why)
        why = read_thresholds(k, &b);
    if (!why)
        why = read_contexts(k, &b);
    for (unsigned i = 0; !why && i < k->b.n_tables; i++)
        why = read_table(k, &b, &frequencies, &k->table[i]);
    if (!why && (!is_padded(&b) || b.at != b.n_bits))
        why = "params end elsewhere";
    if (why)
        return why;
    k->b.n_cells = cells_of_block(k);
    for (unsigned i = 0; i < k->b.n_tables; i++)
        lay_out_slots(&k->table[i], k->b.n_cells);
    return NULL;
}

static uint32_t bytes_of_unit(const struct block *k, uint32_t unit)
{
    return little_endian(k->units + (size_t)unit * UNIT_ENTRY_BYTES, 4);
}

static const char *check_unit_sizes(const struct block *k)
{
    const uint64_t least = 4 * (uint64_t)k->b.lanes;
    const uint64_t most = least + 4 * (uint64_t)k->b.shape.height_px * k->b.shape.width_px +
                          (k->b.has_motion ? 28 * (uint64_t)k->n_tiles : 0);
    for (uint32_t u = 0; u < k->b.shape.n_frames; u++)
        if (bytes_of_unit(k, u) < least || bytes_of_unit(k, u) > most)
            return "unit_bytes";
    return NULL;
}

static void block_free(struct block *k)
{
    for (unsigned i = 0; i < N_GROUPS * N_PHASES; i++)
        free(k->predictor[i / N_PHASES][i % N_PHASES]);
    free(k->rank);
    free(k);
}

/* *out is to be freed in any case. */
static const char *block_new(struct block **out, const struct independent_shape *shape, const uint8_t *header,
                             size_t n_bytes)
{
    struct block *k = *out = calloc(1, sizeof *k);
    k->rank = calloc(1 << 16, sizeof *k->rank);
    if (n_bytes < FIXED_HEADER_BYTES + FIXED_PARAMS_BYTES)
        return "header too short";
    const uint32_t params_bytes = little_endian(header + 16, 4);
    if (params_bytes < FIXED_PARAMS_BYTES || params_bytes > 1u << 24)
        return "params_bytes";
    if (n_bytes != FIXED_HEADER_BYTES + (uint64_t)params_bytes + UNIT_ENTRY_BYTES * (uint64_t)shape->n_frames)
        return "header has another length";
    k->units = header + FIXED_HEADER_BYTES + params_bytes;
    const char *why = read_shape(k, shape, header);
    if (!why)
        why = read_params(k, header + FIXED_HEADER_BYTES, params_bytes);
    return why ? why : check_unit_sizes(k);
}

/* ---- samples and values ----------------------------------------------------------------------- */

static uint16_t sample_of(const struct block *k, uint32_t value)
{
    if (k->b.has_ranks)
        return k->rank[value];
    return (uint16_t)(((value << k->b.shift) + k->offset) & ((1u << k->b.shape.bits) - 1));
}
/* Of a reference: what its sample says, and not what it was made of. */
static uint32_t value_of(const struct block *k, uint16_t sample)
{
    if (!k->b.has_ranks)
        return (sample - k->offset) >> k->b.shift & (k->is_narrow ? 0xFF : 0xFFFF);
    for (uint32_t v = 0; v < k->n_ranks; v++)
        if (k->rank[v] == sample)
            return v;
    return 0;
}

/* ---- rows and their margins ------------------------------------------------------------------- */

enum half { E, O };

/* Value j of a half of a row of the block's width, for any j. */
static uint32_t in_row(const struct block *k, const uint16_t *row, enum half half, int64_t j)
{
    const int64_t n_even = (k->b.shape.width_px + 1) / 2, n_odd = k->b.shape.width_px / 2;
    if (half == E)
        return row[2 * clamp(j, 0, n_even - 1)];
    if (j < 0 || !n_odd)
        return row[0];
    return row[2 * clamp(j, 0, n_odd - 1) + 1];
}

/* ---- one frame -------------------------------------------------------------------------------- */

struct frame {
    const struct block *block;
    const struct independent_dice *dice; /* NULL: symbols are read */
    unsigned group;
    uint16_t *value;        /* rows of the frame that is being decoded  */
    uint16_t *magnitude;    /* of its residuals                          */
    uint16_t *reference[2]; /* moved                                     */
    const uint8_t *unit, *unit_end; /* what has not been read of the unit */
    uint32_t state[MAX_LANES];
    bool is_short;
};

enum picture { C, P0, P1 };

static uint32_t value_at(const struct frame *f, enum picture picture, int64_t y, enum half half, int64_t j)
{
    const struct block *k = f->block;
    const int64_t width = k->b.shape.width_px, last = (int64_t)k->b.shape.height_px - 1;
    if (picture == C && y >= 0)
        return in_row(k, f->value + y * width, half, j);
    if (picture == C && f->group == 0)
        return 1u << (k->b.depth - 1);
    return in_row(k, f->reference[picture == P1] + (picture == C ? 0 : clamp(y, 0, last)) * width, half, j);
}
static int64_t magnitude_at(const struct frame *f, int64_t y, enum half half, int64_t j)
{
    return y < 0 ? 0 : in_row(f->block, f->magnitude + y * (int64_t)f->block->b.shape.width_px, half, j);
}

/* ---- prediction ------------------------------------------------------------------------------- */

struct tap {
    enum picture picture;
    int row; /* -1: N, -2: NN, 1: S */
    enum half half;
    int index; /* less j */
};
static const struct tap taps_of_group_0[N_PHASES][6] = {
    {{C, -1, E, 0}, {C, -1, O, -1}, {C, -1, O, 0}, {C, -2, E, 0}, {C, -1, E, -1}, {C, -1, E, 1}},
    {{C, 0, E, 0}, {C, 0, E, 1}, {C, -1, O, 0}, {C, -1, E, 0}, {C, -1, E, 1}, {C, -2, O, 0}},
};
static const struct tap taps_of_others[N_PHASES][16] = {
    {{C, -1, E, 0}, {C, -1, O, -1}, {C, -1, O, 0}, {C, -2, E, 0},
     {P0, 0, E, 0}, {P0, 0, O, -1}, {P0, 0, O, 0}, {P0, -1, E, 0}, {P0, 1, E, 0}, {P0, 1, O, -1}, {P0, 1, O, 0},
     {P1, 0, E, 0}, {P1, 0, O, -1}, {P1, 0, O, 0}, {P1, -1, E, 0}, {P1, 1, E, 0}},
    {{C, 0, E, 0}, {C, 0, E, 1}, {C, -1, O, 0}, {C, -1, E, 0}, {C, -1, E, 1},
     {P0, 0, O, 0}, {P0, 0, E, 0}, {P0, 0, E, 1}, {P0, -1, O, 0}, {P0, 1, O, 0}, {P0, 1, E, 1},
     {P1, 0, O, 0}, {P1, 0, E, 0}, {P1, 0, E, 1}, {P1, -1, O, 0}, {P1, 1, O, 0}},
};

struct forecast {
    int64_t P, F;
    uint32_t context;
};

static void predict(const struct frame *f, uint32_t y, unsigned phase, int64_t j, int64_t tap[MAX_TAPS],
                    struct forecast *out)
{
    const struct block *k = f->block;
    const uint32_t tile = tile_of(k, y, (uint32_t)(2 * j + phase));
    const struct predictor *predictor = &k->predictor[f->group][phase][tile];
    int64_t v = predictor->bias;
    for (unsigned i = 0; i < n_taps(f->group); i++) {
        const struct tap t = f->group ? taps_of_others[phase][i] : taps_of_group_0[phase][i];
        tap[i] = value_at(f, t.picture, (int64_t)y + t.row, t.half, j + t.index);
        v += predictor->weight[i] * tap[i];
    }
    v = clamp(as_signed(v, k->is_narrow ? 16 : 32), 0, largest_value(k) << k->Q);
    out->P = (v + ((int64_t)1 << (k->Q - 1))) >> k->Q; /* v is not negative */
    out->F = v - (out->P << k->Q);
}

/* ---- activity and context --------------------------------------------------------------------- */

struct differences { /* B(), d() and e() of the document */
    const int64_t *tap;
    unsigned feature_shift;
};
static int64_t B(unsigned feature_shift, int64_t d) { return clamp(d >> feature_shift, 0, 255); }
static int64_t d(struct differences s, unsigned a, unsigned b)
{
    return B(s.feature_shift, distance(s.tap[a], s.tap[b]));
}
static int64_t e(struct differences s, unsigned a, unsigned b, unsigned c)
{
    return B(s.feature_shift, distance(s.tap[a], mean(s.tap[b], s.tap[c])));
}

/* Taps of features 2 to 5 and 7 to 9: the columns of the document's table.  Where feature 3 is one difference it
 * is the mean of two equal ones. */
struct feature_taps {
    unsigned d2[2], d3[4], d4[2], d5[2], d7[2], e8[3], e9[3];
};
static const struct feature_taps feature_taps[2][N_PHASES] = { /* [group 0, others][phase] */
    {{{0, 3}, {1, 0, 2, 0}, {1, 2}, {4, 5}, {0, 2}, {0, 1, 2}, {3, 1, 2}},
     {{0, 1}, {0, 3, 1, 4}, {3, 4}, {2, 5}, {2, 3}, {2, 3, 4}, {5, 3, 4}}},
    {{{4, 11}, {0, 7, 0, 7}, {5, 6}, {7, 8}, {1, 2}, {4, 5, 6}, {11, 12, 13}},
     {{5, 11}, {0, 6, 1, 7}, {6, 7}, {8, 9}, {0, 1}, {5, 6, 7}, {11, 12, 13}}},
};

static void features_of_taps(struct differences s, const struct feature_taps *t, int64_t feature[N_FEATURES])
{
    feature[2] = d(s, t->d2[0], t->d2[1]);
    feature[3] = mean(d(s, t->d3[0], t->d3[1]), d(s, t->d3[2], t->d3[3]));
    feature[4] = d(s, t->d4[0], t->d4[1]);
    feature[5] = d(s, t->d5[0], t->d5[1]);
    feature[7] = d(s, t->d7[0], t->d7[1]);
    feature[8] = e(s, t->e8[0], t->e8[1], t->e8[2]);
    feature[9] = e(s, t->e9[0], t->e9[1], t->e9[2]);
}

static int64_t activity(const struct frame *f, int64_t y, unsigned phase, int64_t j,
                        const int64_t tap[MAX_TAPS], int64_t P)
{
    const struct block *k = f->block;
    const struct differences s = {tap, k->feature_shift};
    int64_t feature[N_FEATURES], sum = k->calm[f->group][phase];
    if (phase == 0) {
        feature[0] = magnitude_at(f, y - 1, E, j);
        feature[1] = mean(magnitude_at(f, y - 1, O, j - 1), magnitude_at(f, y - 1, O, j));
    } else {
        feature[0] = mean(magnitude_at(f, y, E, j), magnitude_at(f, y, E, j + 1));
        feature[1] = magnitude_at(f, y - 1, O, j);
    }
    feature[6] = P >> (k->b.depth > 6 ? k->b.depth - 6 : 0);
    features_of_taps(s, &feature_taps[f->group > 0][phase], feature);
    for (unsigned i = 0; i < N_FEATURES; i++)
        sum += k->feature_weight[f->group][phase][i] * feature[i];
    return clamp(sum >> k->activity_shift[phase], 0, 255);
}

static uint32_t context_of(const struct block *k, unsigned phase, int64_t a, int64_t F)
{
    const int64_t scale = (int64_t)1 << (k->Q - 6);
    uint32_t level = 0, far = 0;
    for (unsigned i = 0; i < N_THRESHOLDS; i++)
        level += k->threshold[phase][i] < a;
    far += 11 * scale < distance(F, 0);
    far += 22 * scale < distance(F, 0);
    return phase * 48 + level * 3 + far;
}

static struct forecast forecast_of(const struct frame *f, uint32_t y, unsigned phase, int64_t j)
{
    struct forecast out;
    int64_t tap[MAX_TAPS];
    predict(f, y, phase, j, tap, &out);
    out.context = context_of(f->block, phase, activity(f, y, phase, j, tap, out.P), out.F);
    return out;
}

/* ---- symbols ---------------------------------------------------------------------------------- */

static uint32_t slot_of(const struct frame *f, unsigned lane, unsigned n_bits)
{
    return f->dice ? f->dice->roll(f->dice->to, n_bits) : f->state[lane] & ((1u << n_bits) - 1);
}
/* The state's slot is that of this symbol with this offset. */
static void advance(struct frame *f, unsigned lane, const struct independent_slots *symbol, uint32_t offset)
{
    uint32_t *const x = &f->state[lane];
    if (f->dice) {
        f->dice->took(f->dice->to, lane, symbol);
        return;
    }
    *x = (symbol->n_first + symbol->n_second) * (*x >> symbol->bits) + offset;
    if (*x >= 1u << 16)
        return;
    f->is_short |= f->unit_end - f->unit < 2;
    *x = (*x << 16) + (f->is_short ? 0 : little_endian(f->unit, 2));
    f->unit += f->is_short ? 0 : 2;
}

static uint32_t take_symbol(struct frame *f, unsigned lane, const struct table *table)
{
    const uint32_t t = slot_of(f, lane, SLOT_BITS);
    for (uint32_t s = 0;; s++) {
        const uint32_t A = table->A[s], B = table->B[s], in_cells = CELL_SLOTS * table->c[s];
        const struct independent_slots symbol = {A, in_cells, B, table->frequency[s] - in_cells, SLOT_BITS};
        const bool is_in_cell = t >= A && t < A + in_cells;
        if (is_in_cell || (t >= B && t < B + symbol.n_second)) {
            advance(f, lane, &symbol, is_in_cell ? t - A : in_cells + t - B);
            return s;
        }
    }
}

/* The residual of a symbol of a wide block: bits behind its highest three are plain. */
static uint32_t take_wide(struct frame *f, unsigned lane, uint32_t s)
{
    if (s < 16)
        return s;
    const unsigned r = (s - 16) / 4 + 2;
    const uint32_t raw = slot_of(f, lane, r);
    advance(f, lane, &(struct independent_slots){.first = raw, .n_first = 1, .bits = r}, 0);
    return ((4 + s % 4) << r) + raw;
}

static void put_value(struct frame *f, uint32_t y, uint32_t x, const struct forecast *c, uint32_t z)
{
    const struct block *k = f->block;
    const size_t at = (size_t)y * k->b.shape.width_px + x;
    int64_t e = z % 2 ? -(int64_t)(z + 1) / 2 : z / 2;
    if (c->F < 0)
        e = -e;
    f->magnitude[at] = (uint16_t)B(k->feature_shift, (z + 1) / 2);
    f->value[at] = (uint16_t)((c->P + e) & largest_value(k));
}

static void decode_half_row(struct frame *f, uint32_t y, unsigned phase)
{
    const struct block *k = f->block;
    const uint32_t n = (k->b.shape.width_px + (phase == 0)) / 2;
    struct forecast forecast[MAX_LANES];
    uint32_t z[MAX_LANES];
    for (uint32_t first = 0; first < n; first += k->b.lanes) {
        const uint32_t chunk = n - first < k->b.lanes ? n - first : k->b.lanes;
        for (uint32_t i = 0; i < chunk; i++)
            forecast[i] = forecast_of(f, y, phase, first + i);
        for (uint32_t i = 0; i < chunk; i++)
            z[i] = take_symbol(f, i, &k->table[k->table_of[forecast[i].context]]);
        for (uint32_t i = 0; i < chunk && !k->is_narrow; i++)
            z[i] = take_wide(f, i, z[i]);
        for (uint32_t i = 0; i < chunk; i++)
            put_value(f, y, 2 * (first + i) + phase, &forecast[i], z[i]);
    }
}

/* ---- units ------------------------------------------------------------------------------------ */

/* A reference's values, each from where its tile's motion points. */
static void move(const struct block *k, const int64_t (*motion)[2], const uint16_t *samples, uint16_t *values)
{
    const int64_t height = k->b.shape.height_px, width = k->b.shape.width_px;
    for (uint32_t y = 0; y < height; y++)
        for (uint32_t x = 0; x < width; x++) {
            const int64_t *m = motion[tile_of(k, y, x)];
            const int64_t row = clamp(y + m[1], 0, height - 1), column = clamp(x + m[0], 0, width - 1);
            *values++ = (uint16_t)value_of(k, samples[row * width + column]);
        }
}

static const char *read_motion(const struct block *k, struct bits *b, int64_t (*motion)[2])
{
    struct rice rice[2] = {fresh_rice, fresh_rice};
    int64_t before[2] = {0, 0};
    for (uint32_t tile = 0; tile < k->n_tiles; tile++)
        for (unsigned i = 0; i < 2; i++) {
            before[i] += unfold(take_rice(b, &rice[i]));
            if (before[i] < -128 || before[i] > 127)
                return "motion";
            motion[tile][i] = before[i];
        }
    return NULL;
}

/* Both references, moved.  Without motion they move by nothing. */
static const char *read_references(struct frame *f, const uint32_t reference[2], const uint16_t *samples)
{
    const struct block *k = f->block;
    const size_t n = (size_t)k->b.shape.height_px * k->b.shape.width_px;
    struct bits b = {f->unit, 8 * (uint64_t)(f->unit_end - f->unit), 0, false};
    int64_t(*motion)[2] = calloc(k->n_tiles, sizeof *motion);
    const char *why = NULL;
    for (unsigned i = 0; !why && i < 2; i++) {
        if (k->b.has_motion && (i == 0 || reference[1] != reference[0]))
            why = read_motion(k, &b, motion);
        move(k, motion, samples + reference[i] * n, f->reference[i]);
    }
    if (!why && !is_padded(&b))
        why = "motion ends elsewhere";
    f->unit += b.at / 8;
    free(motion);
    return why;
}

static const char *read_states(struct frame *f)
{
    const unsigned n_lanes = f->block->b.lanes;
    if (f->unit_end - f->unit < 4 * (ptrdiff_t)n_lanes)
        return "no room for states";
    for (unsigned lane = 0; lane < n_lanes; lane++, f->unit += 4) {
        f->state[lane] = little_endian(f->unit, 4);
        if (f->state[lane] < 1u << 16)
            return "first state";
    }
    return NULL;
}

static const char *decode_rows(struct frame *f)
{
    for (uint32_t y = 0; y < f->block->b.shape.height_px && !f->is_short; y++) {
        decode_half_row(f, y, 0);
        decode_half_row(f, y, 1);
    }
    if (f->is_short || f->unit != f->unit_end)
        return "another number of words";
    for (unsigned lane = 0; lane < f->block->b.lanes; lane++)
        if (f->state[lane] != 1u << 16)
            return "last state";
    return NULL;
}

/* Frame `number` of samples, which holds its references already. */
static const char *decode_unit(const struct block *k, const struct independent_dice *dice, uint32_t number,
                               const uint8_t *unit, uint16_t *samples)
{
    const size_t n = (size_t)k->b.shape.height_px * k->b.shape.width_px;
    uint32_t reference[2];
    struct frame f = {.block = k, .dice = dice, .unit = unit, .unit_end = unit + bytes_of_unit(k, number)};
    const char *why = NULL;
    if (dice)
        dice->begin_unit(dice->to, number);
    f.group = order_of(k, number, reference);
    f.value = calloc(4 * n, sizeof *f.value);
    f.magnitude = f.value + n;
    f.reference[0] = f.magnitude + n;
    f.reference[1] = f.reference[0] + n;
    if (f.group)
        why = read_references(&f, reference, samples);
    if (!why)
        why = read_states(&f);
    if (!why)
        why = decode_rows(&f);
    for (size_t i = 0; i < n; i++)
        samples[number * n + i] = sample_of(k, f.value[i]);
    free(f.value);
    return why;
}

/* A frame, and before it those that it refers to. */
static const char *decode_frame(const struct block *k, const struct independent_dice *dice, uint32_t number,
                                const uint8_t *payload, uint16_t *samples, bool *is_done)
{
    uint32_t reference[2];
    const char *why = NULL;
    if (is_done[number])
        return NULL;
    if (order_of(k, number, reference))
        for (unsigned i = 0; !why && i < 2; i++)
            why = decode_frame(k, dice, reference[i], payload, samples, is_done);
    for (uint32_t u = 0; u < number; u++)
        payload += bytes_of_unit(k, u);
    is_done[number] = true;
    return why ? why : decode_unit(k, dice, number, payload, samples);
}

/* ---- the door --------------------------------------------------------------------------------- */

const char *independent_decode(struct independent_block *out, const struct independent_shape *shape,
                               const uint8_t *header, size_t header_bytes, const uint8_t *payload,
                               size_t payload_bytes, const struct independent_dice *dice, uint16_t *samples)
{
    struct block *k;
    uint64_t sum = 0;
    const char *why = block_new(&k, shape, header, header_bytes);
    bool *is_done = calloc(shape->n_frames, sizeof *is_done);
    for (uint32_t u = 0; !why && u < shape->n_frames; u++)
        sum += bytes_of_unit(k, u);
    if (!why && sum != payload_bytes)
        why = "payload has another length";
    for (uint32_t number = 0; !why && number < shape->n_frames; number++)
        why = decode_frame(k, dice, number, payload, samples, is_done);
    *out = k->b;
    block_free(k);
    free(is_done);
    return why;
}
