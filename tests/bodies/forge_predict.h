/* SPDX-License-Identifier: MIT
 * Parameters and motion of predict blocks that no encoder would write and every reader must take: each number lies
 * in its range, and is random or at its bounds.  docs/format.md, "Codec 3".
 *
 * With an excess of 1 some bounds of weights are passed by one: what a reader must refuse, or just not. */
#ifndef PXR_TESTS_FORGE_PREDICT_H
#define PXR_TESTS_FORGE_PREDICT_H

#include "bitio.h"
#include "predict.h"

static inline uint32_t forge_random(uint64_t *rng)
{
    *rng ^= *rng << 13;
    *rng ^= *rng >> 7;
    *rng ^= *rng << 17;
    return (uint32_t)(*rng * UINT64_C(0x9E3779B97F4A7C15) >> 32);
}
/* 0..n - 1 */
static inline uint32_t forge_below(uint64_t *rng, uint64_t n) { return (uint32_t)(forge_random(rng) * n >> 32); }
static inline bool forge_once_in(uint64_t *rng, uint32_t n) { return !forge_below(rng, n); }

/* least..most; its ends as often as all between them. */
static inline int64_t forge_between(uint64_t *rng, int64_t least, int64_t most)
{
    const uint32_t how = forge_below(rng, 4);
    return how == 0 ? least : how == 1 ? most : least + forge_below(rng, (uint64_t)(most - least) + 1);
}

static inline void forge_difference(struct pxr_bit_writer *w, struct pxr_rice *rice, int64_t v, int64_t before)
{
    pxr_rice_put(w, rice, pxr_zigzag((int32_t)((uint32_t)v - (uint32_t)before)));
}

/* ---- weights ------------------------------------------------------------------------------------ */

/* What is left of the sum of the weights of one sign: in all of a tile, and in a pair. */
struct forge_room {
    int64_t all, pair;
};

static inline int64_t forge_weight(uint64_t *rng, struct forge_room *room, int64_t most)
{
    const int64_t limit = room->all < room->pair ? room->all : room->pair;
    const int64_t v = forge_between(rng, 0, limit < most ? limit : most);
    room->all -= v;
    room->pair -= v;
    return v;
}

/* Weights whose sums and whose sums with the bias may be just as large as they must not be larger. */
static inline void forge_tile(uint64_t *rng, unsigned n_taps, unsigned depth, unsigned excess,
                              struct pxr_predict_tile *t)
{
    const bool is_narrow = depth <= 8;
    const int64_t value = (1 << depth) - 1, high = is_narrow ? INT16_MAX : INT32_MAX, low = -high - 1;
    const int64_t share = forge_below(rng, 4) + 1; /* of the room: else the first weights would take all of it */
    struct forge_room up = {high / value, 0}, down = {-low / value, 0};
    for (unsigned k = 0; k < n_taps; k++) {
        if (k % 2 == 0)
            up.pair = down.pair = is_narrow ? 128 + excess : INT32_MAX;
        const bool is_up = !forge_once_in(rng, 2);
        const int64_t most = is_narrow ? 128 - is_up + (int64_t)excess : 32768 - is_up;
        t->w[k] = (int16_t)(is_up ? forge_weight(rng, &up, most / share) : -forge_weight(rng, &down, most / share));
    }
    const int64_t positive = high / value - up.all, negative = -low / value - down.all;
    int64_t bias = forge_between(rng, low + negative * value, high - positive * value);
    if (forge_once_in(rng, 2)) /* or predictions that stay within the range */
        bias = bias % ((1 << depth) * (is_narrow ? 64 : 256));
    else if (is_narrow)
        bias += bias < 0 ? -(int64_t)excess : excess;
    t->bias = (int32_t)bias;
}

static inline void forge_tiles(uint64_t *rng, struct pxr_bit_writer *w, size_t n_tiles, unsigned group, unsigned depth,
                               unsigned excess)
{
    struct pxr_rice taps[PXR_PREDICT_INTER_TAPS], bias = PXR_RICE_INIT;
    const unsigned n_taps = group ? PXR_PREDICT_INTER_TAPS : PXR_PREDICT_INTRA_TAPS;
    struct pxr_predict_tile before = {{0}, 0};
    for (unsigned k = 0; k < n_taps; k++)
        taps[k] = (struct pxr_rice)PXR_RICE_INIT;
    for (size_t i = 0; i < n_tiles; i++) {
        struct pxr_predict_tile t = {{0}, 0};
        forge_tile(rng, n_taps, depth, excess, &t);
        for (unsigned k = 0; k < n_taps; k++)
            forge_difference(w, &taps[k], t.w[k], before.w[k]);
        forge_difference(w, &bias, t.bias, before.bias);
        before = t;
    }
}

static inline void forge_features(uint64_t *rng, struct pxr_bit_writer *w, unsigned excess)
{
    struct forge_room room = {240 + excess, 0};
    for (unsigned k = 0; k < PXR_PREDICT_FEATURES; k++) {
        if (k % 2 == 0)
            room.pair = 128 + excess;
        pxr_bits_put(w, (uint32_t)forge_weight(rng, &room, forge_once_in(rng, 2) ? 127 : 30), 7);
    }
    pxr_bits_put(w, (uint32_t)forge_between(rng, 0, 4095), 12);
}

/* ---- contexts and tables ------------------------------------------------------------------------ */

static inline void forge_thresholds(uint64_t *rng, struct pxr_bit_writer *w)
{
    uint32_t at = (uint32_t)forge_between(rng, 0, 60);
    const uint32_t step = forge_below(rng, 40) + 1;
    for (unsigned k = 0; k < PXR_PREDICT_LEVELS - 1; k++) {
        pxr_bits_put(w, at, 8);
        at += forge_below(rng, step);
        at = at < 255 ? at : 255;
    }
}

/* What the frequencies of all tables of a block are.  The first two are the bounds of how many cells of slots tables
 * have, which is one number for a block. */
enum forge_tables {
    FORGE_EIGHTS, /* multiples of 8: nothing is left behind the cells */
    FORGE_SEVENS, /* of all symbols 7, of one more: most is left that can be */
    FORGE_ANY,
};

static inline unsigned forge_table_of(uint64_t *rng, struct pxr_bit_writer *w)
{
    struct pxr_rice rice = PXR_RICE_INIT;
    const uint32_t how_many = forge_below(rng, 8) + 1;
    unsigned n = 0;
    for (unsigned c = 0; c < PXR_PREDICT_CONTEXTS; c++) {
        const uint32_t back = forge_once_in(rng, how_many) ? 0 : forge_below(rng, n + 1);
        pxr_rice_put(w, &rice, back);
        n += !back;
    }
    return n;
}

/* A frequency of at most `room`: its bit length and what follows its highest bit. */
static inline uint32_t forge_frequency(uint64_t *rng, enum forge_tables kind, uint32_t room, unsigned *length,
                                       uint32_t *low, unsigned *n_low)
{
    *length = kind == FORGE_SEVENS ? 3 : forge_below(rng, PXR_PREDICT_TABLE_BITS + 1);
    *n_low = *length < 2 ? 0 : *length == 2 ? 1 : 2;
    *low = kind == FORGE_SEVENS ? 3 : forge_below(rng, 1u << *n_low);
    uint32_t f = *length < 2 ? *length : (1u << *n_low | *low) << (*length - 1 - *n_low);
    if (f > room || (kind == FORGE_EIGHTS && f % 8))
        f = *length = *low = *n_low = 0;
    return f;
}

static inline void forge_table(uint64_t *rng, struct pxr_bit_writer *w, struct pxr_rice *rice, uint32_t n_symbols,
                               enum forge_tables kind)
{
    const uint32_t n_used = kind == FORGE_SEVENS ? n_symbols : (uint32_t)forge_between(rng, 1, n_symbols);
    const uint32_t top = forge_below(rng, n_used);
    const bool is_single = kind != FORGE_SEVENS && forge_once_in(rng, 10);
    uint32_t room = PXR_PREDICT_TABLE - 1;
    int before = 4;
    pxr_bits_put(w, n_used - 1, 8);
    pxr_bits_put(w, is_single, 1);
    if (is_single)
        return;
    pxr_bits_put(w, top, 8);
    for (uint32_t s = 0; s < n_used; s++) {
        unsigned length, n_low;
        uint32_t low;
        if (s == top)
            continue;
        room -= forge_frequency(rng, kind, room, &length, &low, &n_low);
        pxr_rice_put(w, rice, pxr_zigzag((int)length - before));
        pxr_bits_put(w, low, n_low);
        before = (int)length;
    }
}

/* ---- all of it ---------------------------------------------------------------------------------- */

/* Rising samples; more values than samples have no rank. */
static inline void forge_ranks(uint64_t *rng, struct pxr_bit_writer *w, unsigned depth, unsigned bits)
{
    struct pxr_rice rice = PXR_RICE_INIT;
    const uint32_t all = 1u << bits, most = 1u << (depth < 9 ? depth : 9);
    const uint32_t n = (uint32_t)forge_between(rng, 1, most < all ? most : all);
    uint32_t next = 0;
    pxr_bits_put(w, n - 1, 16);
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t room = all - next - (n - 1 - i); /* places that leave enough for the others */
        const uint32_t gap = forge_below(rng, forge_once_in(rng, 8) || room < 5 ? room : 5);
        pxr_rice_put(w, &rice, gap);
        next += gap + 1;
    }
}

static inline void forge_fixed(uint64_t *rng, const struct pxr_block_shape *s, uint8_t p[PXR_PREDICT_FIXED_BYTES])
{
    const bool has_ranks = forge_once_in(rng, 4);
    const unsigned shift = has_ranks || !forge_once_in(rng, 3) ? 0 : forge_below(rng, s->bits);
    const unsigned depth = (unsigned)forge_between(rng, 1, (int64_t)s->bits - shift);
    memset(p, 0, PXR_PREDICT_FIXED_BYTES);
    p[0] = s->n_frames > PXR_PREDICT_MAX_CHAIN || forge_once_in(rng, 2) ? PXR_ORDER_DYADIC : PXR_ORDER_SEQUENTIAL;
    p[1] = (uint8_t)depth;
    p[2] = (uint8_t)shift;
    p[3] = (uint8_t)(4 + forge_below(rng, 3));
    if (!has_ranks)
        pxr_store_u16le(p + 4, (uint16_t)forge_between(rng, 0, (1 << s->bits) - 1));
    for (uint32_t f = 0; f < s->n_frames; f++)
        p[6] |= (uint8_t)(1u << pxr_predict_refs_of((enum pxr_predict_order)p[0], f, s->n_frames).group);
    p[7] = (uint8_t)((forge_once_in(rng, 3) ? PXR_PREDICT_MOTION : 0) | (has_ranks ? PXR_PREDICT_RANKS : 0));
    p[8] = (uint8_t)forge_between(rng, 0, depth > 8 ? (int64_t)depth - 8 : 0);
    p[9] = (uint8_t)forge_between(rng, 1, 8);
    p[10] = (uint8_t)forge_between(rng, 1, 8);
}

static inline size_t forge_n_tiles(const struct pxr_block_shape *s)
{
    return pxr_div_up_u64(s->width_px, 2 * PXR_PREDICT_TILE) * pxr_div_up_u64(s->height_px, PXR_PREDICT_TILE_ROWS);
}

/* The parameters of a block of this shape. */
static inline struct pxr_buffer forge_predict_params(uint64_t *rng, const struct pxr_block_shape *s, unsigned excess)
{
    struct pxr_buffer out = {0};
    uint8_t fixed[PXR_PREDICT_FIXED_BYTES];
    struct pxr_bit_writer w = {.to = &out};
    struct pxr_rice rice = PXR_RICE_INIT;
    forge_fixed(rng, s, fixed);
    w.is_failed = !pxr_buffer_add(&out, fixed, sizeof fixed);
    if (fixed[7] & PXR_PREDICT_RANKS)
        forge_ranks(rng, &w, fixed[1], s->bits);
    for (unsigned group = 0; group < PXR_PREDICT_GROUPS; group++)
        for (unsigned phase = 0; fixed[6] >> group & 1 && phase < 2; phase++) {
            forge_features(rng, &w, forge_once_in(rng, 4) ? excess : 0);
            forge_tiles(rng, &w, forge_n_tiles(s), group, fixed[1], forge_once_in(rng, 4) ? excess : 0);
        }
    for (unsigned phase = 0; phase < 2; phase++)
        forge_thresholds(rng, &w);
    const unsigned n_tables = forge_table_of(rng, &w);
    const uint32_t how = forge_below(rng, 8);
    const enum forge_tables first = how < FORGE_ANY ? (enum forge_tables)how : FORGE_ANY;
    const enum forge_tables others = first == FORGE_SEVENS && forge_once_in(rng, 2) ? FORGE_ANY : first;
    for (unsigned i = 0; i < n_tables; i++) /* one of sevens leaves the others fewer cells than they have whole ones */
        forge_table(rng, &w, &rice, fixed[1] <= 8 ? PXR_PREDICT_MAX_SYMBOLS : PXR_PREDICT_TOKENS, i ? others : first);
    pxr_bits_end(&w);
    return out;
}

/* What a unit begins with; nothing where the block has no motion or the unit no reference.  Returns how many bits of
 * its last byte are not used. */
static inline unsigned forge_motion(uint64_t *rng, const struct pxr_block_shape *s, const uint8_t *params, uint32_t unit,
                                    struct pxr_buffer *out)
{
    const struct pxr_predict_refs r = pxr_predict_refs_of((enum pxr_predict_order)params[0], unit, s->n_frames);
    struct pxr_bit_writer w = {.to = out};
    for (unsigned i = 0; params[7] & PXR_PREDICT_MOTION && r.group && i < (r.ref[0] == r.ref[1] ? 1u : 2u); i++) {
        struct pxr_rice rice[2] = {PXR_RICE_INIT, PXR_RICE_INIT};
        int64_t before[2] = {0, 0};
        for (size_t k = 0; k < 2 * forge_n_tiles(s); k++) {
            const int64_t v = forge_between(rng, -128, 127) / (forge_once_in(rng, 2) ? 1 : 16);
            forge_difference(&w, &rice[k % 2], v, before[k % 2]);
            before[k % 2] = v;
        }
    }
    const unsigned n_unused = (8 - w.n_bits) % 8;
    pxr_bits_end(&w);
    return n_unused;
}

#endif
