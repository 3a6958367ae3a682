/* SPDX-License-Identifier: MIT
 * Match, adaptive and sorted blocks that are valid and that no encoder would write: random parameters at the bounds of
 * what a reader must take, and any symbol at any place.  Every CPU level of the library and the independent decoder
 * must make the same samples of them, and of what damage makes of them the same samples or none.  And each rule of
 * docs/format.md for these codecs is broken by itself: all must refuse that.
 *
 *   check_forged_others NUMBER [FIRST]     this many blocks, from this one on.  Without zstd there is no sorted. */
#include "adaptive.h"
#include "cpu.h"
#include "forge_predict.h"
#include "independent.h"
#include "match.h"
#include "sorted.h"
#include "unit_order.h"

#include <stdio.h>
#include <stdlib.h>

/* What was drawn for a unit, and how. */
struct draw {
    uint32_t start, size;
    uint8_t bits;
};
struct script {
    uint64_t rng;
    uint32_t how; /* to draw: 0 lowest slots, 1 highest ones, 2 either, 3 long runs of either, others any */
    struct draw *draws;
    size_t n, room, *first, *end; /* of each unit; they come in any order */
    uint32_t unit;
};

struct forged {
    struct pxr_block_shape shape;
    enum pxr_block_codec codec;
    struct pxr_buffer params, header, payload;
    unsigned n_padding; /* unused bits of the last byte of params */
    uint8_t *pixels; /* what the independent decoder makes of it, as the library writes it */
    struct script script;
};

static struct {
    unsigned blocks[PXR_N_BLOCK_CODECS], units, symbols, refused, decoded_damaged, broken;
    unsigned orders[3], modes[24], classes[17];
} seen;

static void *get(size_t n_bytes)
{
    void *const p = calloc(1, n_bytes ? n_bytes : 1);
    if (!p)
        abort();
    return p;
}
static void add(struct pxr_buffer *b, const void *bytes, size_t n_bytes)
{
    if (!pxr_buffer_add(b, bytes, n_bytes))
        abort();
}
static struct pxr_buffer copy_of(const struct pxr_buffer *b)
{
    struct pxr_buffer out = {0};
    add(&out, b->bytes, b->n_bytes);
    return out;
}

/* ---- drawing ------------------------------------------------------------------------------------ */

static void begin_unit(void *to, uint32_t unit)
{
    struct script *const s = to;
    s->unit = unit;
    s->first[unit] = s->end[unit] = s->n;
}

static uint32_t roll(void *to, unsigned bits)
{
    struct script *const s = to;
    const uint32_t last = (1u << bits) - 1;
    if (s->how == 0 || (s->how == 2 && forge_once_in(&s->rng, 2)) || (s->how == 3 && s->n / 100 % 2))
        return 0;
    return s->how < 4 ? last : forge_random(&s->rng) & last;
}

static void took(void *to, uint32_t start, uint32_t size, unsigned bits)
{
    struct script *const s = to;
    if (s->n == s->room) {
        s->room = 2 * s->room + 4096;
        if (!(s->draws = realloc(s->draws, s->room * sizeof *s->draws)))
            abort();
    }
    s->draws[s->n++] = (struct draw){start, size, (uint8_t)bits};
    s->end[s->unit] = s->n;
}

/* ---- adaptive ----------------------------------------------------------------------------------- */

/* What is passed, by one: the weights of a tile, its bias. */
enum excess { NO_EXCESS, EXCESS_WEIGHTS, EXCESS_BIAS };

static void forge_adaptive_tile(uint64_t *rng, unsigned n_taps, enum excess excess, int64_t w[33])
{
    int64_t room = 7936;
    const int64_t share = forge_below(rng, 8) + 1; /* of the room: else the first weights would take all of it */
    for (unsigned k = 0; k < n_taps; k++) {
        const int64_t v = k + 1 == n_taps && excess == EXCESS_WEIGHTS ? room + 1 : forge_between(rng, 0, room / share);
        room -= v;
        w[k] = forge_once_in(rng, 2) ? v : -v;
    }
    const int64_t most = 1 << 24, part = forge_once_in(rng, 2) ? 1 : 1000, bias = forge_between(rng, -most, most) / part;
    w[n_taps] = excess != EXCESS_BIAS ? bias : forge_once_in(rng, 2) ? most + 1 : -most - 1;
}

static void forge_adaptive_group(uint64_t *rng, const struct forged *b, struct pxr_bit_writer *w, unsigned group,
                                 enum excess excess)
{
    const unsigned n_taps = group ? 32 : 10, side = 1u << b->params.bytes[3];
    const uint64_t n_tiles = pxr_div_up_u64(b->shape.width_px, side) * pxr_div_up_u64(b->shape.height_px, side);
    struct pxr_rice rice[33];
    int64_t before[33] = {0}, now[33];
    const uint32_t high = forge_once_in(rng, 2) ? 4095 : 60;
    for (unsigned k = 0; k < PXR_ADAPTIVE_FEATURES; k++)
        pxr_bits_put(w, (uint32_t)forge_between(rng, 0, high), 12);
    for (unsigned k = 0; k <= n_taps; k++)
        rice[k] = (struct pxr_rice)PXR_RICE_INIT;
    for (uint64_t i = 0; i < n_tiles; i++) {
        forge_adaptive_tile(rng, n_taps, i + 1 == n_tiles ? excess : NO_EXCESS, now);
        for (unsigned k = 0; k <= n_taps; k++)
            forge_difference(w, &rice[k], now[k], before[k]);
        memcpy(before, now, sizeof before);
    }
}

static void forge_adaptive_params(uint64_t *rng, struct forged *b, enum excess excess)
{
    const struct pxr_block_shape *const s = &b->shape;
    const unsigned shift = forge_once_in(rng, 3) ? forge_below(rng, s->bits) : 0, n = s->n_frames;
    const unsigned most_code = (unsigned)forge_between(rng, 24, 200);
    uint8_t p[PXR_ADAPTIVE_FIXED_BYTES];
    bool has_group[4] = {false};
    p[0] = n > 33 || forge_once_in(rng, 2) ? 1 : 2;
    p[1] = (uint8_t)forge_between(rng, 1, (int64_t)s->bits - shift);
    p[2] = (uint8_t)shift;
    p[3] = (uint8_t)(5 + forge_below(rng, 4));
    pxr_store_u16le(p + 4, (uint16_t)forge_between(rng, 0, (1 << s->bits) - 1));
    p[6] = (uint8_t)forge_between(rng, 0, most_code - 24);
    p[7] = (uint8_t)most_code;
    b->params.n_bytes = 0;
    add(&b->params, p, sizeof p);
    struct pxr_bit_writer w = {.to = &b->params};
    for (uint32_t f = 0; f < n; f++) {
        const unsigned far = f < n / 2 ? n / 2 - f : f - n / 2;
        has_group[p[0] == 1 ? pxr_predict_refs_of(PXR_ORDER_DYADIC, f, n).group
                  : far < 2 ? far
                            : f < n / 2 ? 2u : 3u] = true;
    }
    for (unsigned group = 0; group < 4; group++)
        if (has_group[group])
            forge_adaptive_group(rng, b, &w, group, forge_once_in(rng, 2) || !group ? excess : NO_EXCESS);
    b->n_padding = (8 - w.n_bits) % 8;
    pxr_bits_end(&w);
}

/* State and words of a unit, by the decoder's steps backwards. */
static void put_adaptive_unit(struct forged *b, uint32_t unit)
{
    const struct script *const s = &b->script;
    const size_t n = s->end[unit] - s->first[unit];
    uint16_t *const words = get(n * sizeof *words);
    size_t n_words = 0;
    uint32_t x = 1u << 16;
    for (const struct draw *d = s->draws + s->end[unit]; d-- > s->draws + s->first[unit];) {
        if (x >= (uint64_t)d->size << (32 - d->bits)) {
            words[n_words++] = (uint16_t)x;
            x >>= 16;
        }
        x = (x / d->size << d->bits) + x % d->size + d->start;
    }
    uint8_t *const to = pxr_buffer_extend(&b->payload, 4 + 2 * n_words);
    pxr_store_u32le(to, x);
    for (size_t i = 0; i < n_words; i++)
        pxr_store_u16le(to + 4 + 2 * i, words[n_words - 1 - i]);
    free(words);
}

/* ---- match -------------------------------------------------------------------------------------- */

/* Values in rising order: n of them, beginning anywhere, with gaps. */
static void forge_map(uint64_t *rng, struct forged *b, uint32_t n)
{
    static struct pxr_match_tables tables;
    static uint16_t values[65537];
    const uint32_t all = 1u << b->shape.bits;
    uint32_t at = 0;
    pxr_match_tables_init(&tables);
    for (uint32_t i = 0; i < n && i < all; i++, at++) {
        const uint32_t room = all - at - (n - i), gap = forge_once_in(rng, 8) ? room : room < 6 ? room : 6;
        at += n < all ? forge_below(rng, gap + 1) : 0;
        values[i] = (uint16_t)at;
    }
    const struct pxr_match_map map = {n, values, NULL};
    if (!pxr_match_map_store(&tables, &map, b->shape.bits, &b->params))
        abort();
}

static void forge_match_params(uint64_t *rng, struct forged *b)
{
    const uint32_t all = 1u << b->shape.bits, kind = forge_below(rng, 6);
    uint8_t p[2];
    p[0] = (uint8_t)forge_below(rng, 24);
    p[1] = (uint8_t)forge_between(rng, 4, pxr_match_most_table_bits(&b->shape));
    b->params.n_bytes = 0;
    add(&b->params, p, sizeof p);
    forge_map(rng, b, kind == 0 ? all : kind == 1 ? 1 : kind == 2 ? 2 : 1 + forge_below(rng, kind == 3 ? 700 % all : 20));
}

/* The bytes of an unlimited number, highest first. */
struct number {
    uint8_t *bytes;
    size_t n;
};
static void add_at_last(struct number *v, uint64_t what, size_t last)
{
    for (size_t i = last + 1; what && i--; what >>= 8) {
        what += v->bytes[i];
        v->bytes[i] = (uint8_t)what;
    }
}

/* A range coder's bytes: any number within the last interval, and then without some of the zeros at its end. */
static void put_match_unit(uint64_t *rng, struct forged *b, uint32_t unit)
{
    const struct script *const s = &b->script;
    struct number low = {get(4 + 2 * (s->end[unit] - s->first[unit])), 4};
    uint32_t range = UINT32_MAX;
    for (size_t i = s->first[unit]; i < s->end[unit]; i++) {
        const struct draw d = s->draws[i];
        const uint32_t bound = (uint32_t)((uint64_t)range * (d.start ? d.start : d.size) >> 16);
        if (d.start)
            add_at_last(&low, bound, low.n - 1);
        range = d.start ? range - bound : bound;
        for (; range < 1u << 24; range <<= 8)
            low.n++;
    }
    const uint32_t far = forge_below(rng, range), many = forge_once_in(rng, 2) ? 0 : forge_below(rng, 4);
    if (!forge_once_in(rng, 4))
        add_at_last(&low, far, low.n - 1);
    for (unsigned i = 0; i < many && low.n > 1 && !low.bytes[low.n - 1]; i++)
        low.n--;
    add(&b->payload, low.bytes, low.n);
    free(low.bytes);
}

/* ---- sorted ------------------------------------------------------------------------------------- */

#ifdef PXR_TEST_ZSTD
static void forge_mix(uint64_t *rng, unsigned bits, uint8_t *to)
{
    const int64_t most = bits == 8 ? 96 : 4096, constant = bits == 8 ? 8191 : 1 << 27;
    const int64_t share = forge_below(rng, 4) + 1;
    int64_t up = most, down = most;
    for (unsigned i = 0; i < PXR_SORTED_TAPS; i++) {
        const bool is_up = !forge_once_in(rng, 3);
        const int64_t v = forge_between(rng, 0, (is_up ? up : down) / share);
        up -= is_up ? v : 0;
        down -= is_up ? 0 : v;
        pxr_store_u16le(to + 2 * i, (uint16_t)(is_up ? v : -v));
    }
    const int64_t part = forge_once_in(rng, 2) ? 1 : 50;
    pxr_store_u32le(to + 16, (uint32_t)(forge_between(rng, -constant, constant) / part));
}

static void forge_sorted_params(uint64_t *rng, struct forged *b)
{
    const unsigned bits = b->shape.bits, n_classes = (unsigned)forge_between(rng, 1, 16);
    const uint32_t most = bits == 8 ? 65535 : 1 << 24, step = forge_below(rng, most / 4);
    uint8_t p[40 + 8 * 16] = {(uint8_t)n_classes};
    uint32_t threshold = 0;
    pxr_store_u16le(p + 2, (uint16_t)forge_between(rng, 0, (1 << bits) - 1));
    forge_mix(rng, bits, p + 4);
    forge_mix(rng, bits, p + 24);
    for (unsigned i = 0; i + 1 < n_classes; i++) {
        threshold += forge_below(rng, step + 1);
        threshold = threshold < most ? threshold : most;
        pxr_store_u32le(p + 44 + 4 * i, threshold);
    }
    b->params.n_bytes = 0;
    add(&b->params, p, 40 + 8 * n_classes);
}

/* How a zstd frame of one raw block is written; docs/format.md, "Codec 2", has the rules. */
struct frame_style {
    uint32_t magic;
    unsigned descriptor; /* OR */
    int window;          /* -1: Single_Segment */
    unsigned size_flag;  /* 0: one byte, with Single_Segment; else none */
    int wrong_size;      /* added */
};

/* Any that is valid. */
static struct frame_style forge_style(uint64_t *rng, size_t n)
{
    struct frame_style s = {0xFD2FB528, 0, -1, 2 + forge_below(rng, 2), 0};
    if (forge_once_in(rng, 2))
        s.window = (int)forge_between(rng, 7 << 3, 17 << 3); /* 2^17, so that one block is enough, to 2^27 */
    if (s.window < 0 && n < 256 && forge_once_in(rng, 2))
        s.size_flag = 0;
    if (n >= 256 && n < 65536 + 256 && forge_once_in(rng, 2))
        s.size_flag = 1;
    return s;
}

static void put_frame(struct forged *b, const uint8_t *content, size_t n, const struct frame_style *style)
{
    uint8_t head[20];
    size_t at = style->window < 0 ? 5 : 6;
    const uint64_t size = (uint64_t)((int64_t)n + style->wrong_size) - (style->size_flag == 1 ? 256 : 0);
    const unsigned size_bytes = style->size_flag ? 1u << style->size_flag : style->window < 0;
    pxr_store_u32le(head, style->magic);
    head[4] = (uint8_t)(style->size_flag << 6 | (style->window < 0 ? 0x20 : 0) | style->descriptor);
    head[5] = (uint8_t)style->window;
    if (style->descriptor & 3)
        head[at++] = 0; /* the dictionary's id */
    for (unsigned i = 0; i < size_bytes; i++)
        head[at++] = (uint8_t)(size >> 8 * i);
    const uint32_t block = (uint32_t)n << 3 | 1; /* the last, raw */
    for (unsigned i = 0; i < 3; i++)
        head[at++] = (uint8_t)(block >> 8 * i);
    add(&b->payload, head, at);
    add(&b->payload, content, n);
}

/* Counts into the parameters, and the residuals class by class. */
static void put_sorted_unit(uint64_t *rng, struct forged *b)
{
    const struct script *const s = &b->script;
    const unsigned n_classes = b->params.bytes[0];
    const size_t n = s->n;
    uint8_t *const q = get(2 * n);
    size_t at = 0;
    for (unsigned c = 0; c < n_classes; c++) {
        const size_t first = at;
        for (size_t i = 0; i < n; i++)
            if (s->draws[i].size == c) {
                q[at] = (uint8_t)s->draws[i].start;
                q[n + at++] = (uint8_t)(s->draws[i].start >> 8);
            }
        pxr_store_u32le(b->params.bytes + 40 + 4 * n_classes + 4 * c, (uint32_t)(at - first));
    }
    const struct frame_style style = forge_style(rng, n * (b->shape.bits / 8u));
    put_frame(b, q, n * (b->shape.bits / 8u), &style);
    free(q);
}
#endif

/* ---- blocks ------------------------------------------------------------------------------------- */

static struct pxr_block_shape forge_shape(uint64_t *rng, enum pxr_block_codec codec)
{
    static const uint32_t widths[] = {1, 2, 3, 15, 16, 17, 31, 32, 33, 63, 65, 127, 128, 129, 257, 300};
    static const uint32_t heights[] = {1, 2, 3, 5, 31, 33, 64, 65, 70};
    struct pxr_block_shape s = {.bits = forge_once_in(rng, 2) ? 8 : 16};
    const uint32_t least = codec == PXR_BLOCK_SORTED ? pxr_sorted_segment_px(s.bits) : 1;
    s.width_px = forge_once_in(rng, 3) ? forge_below(rng, 260) + 1 : widths[forge_below(rng, 16)];
    s.width_px = s.width_px < least ? least : s.width_px;
    s.height_px = forge_once_in(rng, 3) ? forge_below(rng, 12) + 1 : heights[forge_below(rng, 9)];
    if (forge_once_in(rng, 8)) { /* many frames */
        s.n_frames = 30 + forge_below(rng, 30);
        s.height_px = 1 + forge_below(rng, 3);
        s.width_px = least + forge_below(rng, 9);
        return s;
    }
    const uint32_t room = 3000 / (s.width_px * s.height_px); /* the independent decoders are slow */
    const uint32_t most = room > 40 ? 40 : room > 3 ? room : 3;
    s.n_frames = forge_below(rng, forge_once_in(rng, 3) ? most : most < 9 ? most : 9) + 1;
    return s;
}

static size_t n_samples(const struct pxr_block_shape *s)
{
    return (size_t)s->n_frames * s->height_px * s->width_px;
}

/* NULL, or why it refuses the block. */
static const char *independent(const struct forged *b, const struct independent_draws *draws, uint8_t *pixels)
{
    const struct independent_shape shape = {b->shape.n_frames, b->shape.height_px, b->shape.width_px, b->shape.bits};
    const size_t n = n_samples(&b->shape);
    uint16_t *const samples = get(n * sizeof *samples);
    const char *(*const decode)(const struct independent_shape *, const uint8_t *, size_t, const uint8_t *, size_t,
                                const struct independent_draws *, uint16_t *) =
        b->codec == PXR_BLOCK_MATCH      ? independent_match
        : b->codec == PXR_BLOCK_ADAPTIVE ? independent_adaptive
#ifdef PXR_TEST_ZSTD
        : b->codec == PXR_BLOCK_SORTED ? independent_sorted
#endif
                                         : NULL;
    const char *const why = decode(&shape, b->header.bytes, b->header.n_bytes, b->payload.bytes, b->payload.n_bytes,
                                   draws, samples);
    for (size_t i = 0; i < n; i++)
        if (b->shape.bits == 8)
            pixels[i] = (uint8_t)samples[i];
        else
            memcpy(pixels + 2 * i, &samples[i], 2);
    free(samples);
    return why;
}

static uint32_t n_units(const struct forged *b) { return b->codec == PXR_BLOCK_SORTED ? 1 : b->shape.n_frames; }

static void begin_header(struct forged *b)
{
    b->header.n_bytes = 0;
    if (!pxr_block_header_begin(&b->header, &b->shape, b->codec, b->codec == PXR_BLOCK_SORTED ? b->shape.n_frames : 1,
                                b->params.bytes, (uint32_t)b->params.n_bytes))
        abort();
}

/* The header and payload; `is_drawn`: of what was drawn, else units are empty. */
static void put_block(struct forged *b, bool is_drawn, uint64_t rng)
{
    size_t *const start = get((n_units(b) + 1) * sizeof *start);
    b->payload.n_bytes = 0;
    for (uint32_t u = 0; u < n_units(b); u++) {
        start[u] = b->payload.n_bytes;
        if (is_drawn && b->codec == PXR_BLOCK_MATCH)
            put_match_unit(&rng, b, u);
        else if (is_drawn && b->codec == PXR_BLOCK_ADAPTIVE)
            put_adaptive_unit(b, u);
#ifdef PXR_TEST_ZSTD
        else if (is_drawn)
            put_sorted_unit(&rng, b);
#endif
    }
    start[n_units(b)] = b->payload.n_bytes;
    begin_header(b);
    for (uint32_t u = 0; u < n_units(b); u++)
        if (!pxr_block_header_add_unit(&b->header, b->payload.bytes + start[u], start[u + 1] - start[u]))
            abort();
    free(start);
}

static void forge_params(uint64_t *rng, struct forged *b)
{
    if (b->codec == PXR_BLOCK_MATCH)
        forge_match_params(rng, b);
    else if (b->codec == PXR_BLOCK_ADAPTIVE)
        forge_adaptive_params(rng, b, NO_EXCESS);
#ifdef PXR_TEST_ZSTD
    else
        forge_sorted_params(rng, b);
#endif
}

static void forged_fini(struct forged *b)
{
    pxr_buffer_fini(&b->params);
    pxr_buffer_fini(&b->header);
    pxr_buffer_fini(&b->payload);
    free(b->pixels);
    free(b->script.draws);
    free(b->script.first);
    free(b->script.end);
}

/* Draw and put all units.  NULL, or why the parameters or what was drawn are refused. */
static const char *draw_block(struct forged *b, bool is_wild, uint64_t seed)
{
    const struct independent_draws draws = {begin_unit, roll, took, &b->script, is_wild};
    free(b->script.first);
    free(b->script.end);
    b->script.first = get(b->shape.n_frames * sizeof *b->script.first);
    b->script.end = get(b->shape.n_frames * sizeof *b->script.end);
    b->script.n = 0;
    put_block(b, false, 0);
    const char *const why = independent(b, &draws, b->pixels);
    put_block(b, true, seed | 1);
    return why;
}

/* false: what should be valid is refused. */
static bool forge(uint64_t seed, struct forged *b)
{
    uint64_t rng = seed * 2654435761u + 88172645463325252u;
#ifdef PXR_TEST_ZSTD
    const enum pxr_block_codec codec = (enum pxr_block_codec)(PXR_BLOCK_MATCH + seed % 3);
#else
    const enum pxr_block_codec codec = (enum pxr_block_codec)(PXR_BLOCK_MATCH + seed % 2);
#endif
    *b = (struct forged){.codec = codec, .shape = forge_shape(&rng, codec)};
    forge_params(&rng, b);
    b->pixels = get(pxr_block_raw_bytes(&b->shape));
    b->script.rng = rng;
    b->script.how = forge_below(&rng, 12);
    const char *const why = draw_block(b, false, seed);
    if (why)
        printf("block %llu: %s\n", (unsigned long long)seed, why);
    seen.symbols += (unsigned)b->script.n;
    return !why;
}

/* ---- decoding ----------------------------------------------------------------------------------- */

/* At the CPU level that is set.  false: refused.  Units come from memory of their exact lengths. */
static bool library(const struct forged *b, uint8_t *pixels)
{
    static pxr_block_decoder *d; /* one for all: making its memory anew would take most of the time */
    struct pxr_block_header h;
    if (pxr_block_header_parse(&h, b->header.bytes, b->header.n_bytes, &b->shape, 0, NULL) != PXR_OK ||
        h.codec != b->codec || h.header_bytes != b->header.n_bytes || h.payload_bytes != b->payload.n_bytes ||
        (!d && pxr_block_decoder_new(&d, NULL) != PXR_OK))
        return false;
    const size_t each = pxr_block_unit_state_bytes(&h, 0), n = pxr_block_unit_pixel_bytes(&h, 0);
    uint8_t *const states = get(h.n_units * each);
    bool *const done = get(h.n_units * sizeof *done), is_good = true;
    for (uint32_t from = 0, u; is_good && (u = unit_next(&h, done, &from)) < h.n_units; done[u] = true) {
        const struct pxr_block_unit at = pxr_block_unit_at(&h, u);
        uint8_t *const src = get(at.n_bytes);
        const void *refs[2];
        memcpy(src, b->payload.bytes + at.off_bytes, at.n_bytes);
        unit_states(&h, u, states, refs);
        is_good = pxr_block_unit_decode(d, &h, u, refs, src, at.n_bytes, states + u * each, NULL) == PXR_OK;
        memcpy(pixels + u * n, states + u * each, n);
        free(src);
    }
    free(done);
    free(states);
    return is_good;
}

/* All decoders take the block and make pixels of it, or (NULL) none does. */
static bool all_agree(const struct forged *b, const uint8_t *pixels, uint64_t number, const char *what)
{
    const size_t n = pxr_block_raw_bytes(&b->shape);
    uint8_t *const back = get(n);
    bool is_good = true;
    for (int level = 0; level < PXR_N_CPU_LEVELS; level++) {
        pxr_cpu_limit((enum pxr_cpu_level)level);
        const bool is_taken = library(b, back);
        if (is_taken == (pixels != NULL) && (!is_taken || !memcmp(back, pixels, n)))
            continue;
        printf("block %llu, codec %u, %s, CPU level %d: %s\n", (unsigned long long)number, b->codec, what, level,
               is_taken == (pixels != NULL) ? "other samples" : is_taken ? "taken" : "refused");
        is_good = false;
    }
    free(back);
    return is_good;
}

/* ---- damage ------------------------------------------------------------------------------------- */

static struct forged twin_of(const struct forged *b)
{
    struct forged out = {.shape = b->shape, .codec = b->codec, .n_padding = b->n_padding};
    out.params = copy_of(&b->params);
    out.header = copy_of(&b->header);
    out.payload = copy_of(&b->payload);
    return out;
}

static void flip(uint64_t *rng, uint8_t *bytes, size_t n_bytes)
{
    const uint32_t at = forge_below(rng, n_bytes);
    bytes[at] ^= (uint8_t)(1u << forge_below(rng, 8));
}

/* One to three bits flipped, in the first parameters, the header or the payload; random bytes in place of the second half
 * of the payload; or other bytes at its beginning. */
static void damage(struct forged *b, uint64_t *rng, unsigned kind)
{
    for (uint32_t i = 0, n = forge_below(rng, 3) + 1; kind < 3 && i < n; i++)
        if (kind == 0)
            flip(rng, b->header.bytes + PXR_BLOCK_OFF_PARAMS, b->params.n_bytes < 12 ? b->params.n_bytes : 12);
        else if (kind == 1)
            flip(rng, b->header.bytes, b->header.n_bytes);
        else
            flip(rng, b->payload.bytes, b->payload.n_bytes);
    for (size_t i = b->payload.n_bytes / 2; kind == 3 && i < b->payload.n_bytes; i++)
        b->payload.bytes[i] = (uint8_t)forge_random(rng);
    for (size_t i = 0; kind == 4 && i < 4 && i < b->payload.n_bytes; i++)
        b->payload.bytes[i] = forge_once_in(rng, 2) ? 0xFF : forge_once_in(rng, 2) ? 0 : (uint8_t)forge_random(rng);
}

static bool check_damaged(const struct forged *b, uint64_t number)
{
    uint64_t rng = number + 1;
    uint8_t *const pixels = get(pxr_block_raw_bytes(&b->shape));
    bool is_good = true;
    for (unsigned kind = 0; kind < 5; kind++) {
        struct forged d = twin_of(b);
        damage(&d, &rng, kind);
        const bool is_refused = independent(&d, NULL, pixels) != NULL;
        seen.refused += is_refused;
        seen.decoded_damaged += !is_refused;
        is_good &= all_agree(&d, is_refused ? NULL : pixels, number, "damaged");
        forged_fini(&d);
    }
    free(pixels);
    return is_good;
}

/* ---- rules that are broken ---------------------------------------------------------------------- */

/* Each makes a valid block one that breaks a single rule; false: this block cannot.  What units hold stays. */
static uint8_t *param(struct forged *b, unsigned off) { return b->header.bytes + PXR_BLOCK_OFF_PARAMS + off; }
static uint8_t *entry(struct forged *b, uint32_t unit)
{
    return b->header.bytes + PXR_BLOCK_OFF_PARAMS + b->params.n_bytes + (size_t)unit * PXR_BLOCK_UNIT_BYTES;
}

/* The last unit becomes longer by bytes, or shorter. */
static void lengthen(struct forged *b, const void *bytes, size_t n)
{
    uint8_t *const e = entry(b, n_units(b) - 1);
    add(&b->payload, bytes, n);
    pxr_store_u32le(e, pxr_load_u32le(e) + (uint32_t)n);
}
static bool shorten(struct forged *b, uint32_t n)
{
    uint8_t *const e = entry(b, n_units(b) - 1);
    if (pxr_load_u32le(e) < n)
        return false;
    pxr_store_u32le(e, pxr_load_u32le(e) - n);
    b->payload.n_bytes -= n;
    return true;
}
/* Other parameters, with the units as they are. */
static void change_params(struct forged *b)
{
    struct pxr_buffer old = copy_of(&b->header);
    const size_t n = n_units(b) * (size_t)PXR_BLOCK_UNIT_BYTES;
    begin_header(b);
    add(&b->header, old.bytes + old.n_bytes - n, n);
    pxr_buffer_fini(&old);
}

static bool other_codec(struct forged *b) { return b->header.bytes[0] = PXR_N_BLOCK_CODECS, true; }
static bool has_flags(struct forged *b) { return b->header.bytes[1] = 1, true; }
static bool other_bits(struct forged *b) { return b->header.bytes[2] ^= 8 ^ 16, true; }
static bool has_reserved(struct forged *b) { return b->header.bytes[3] = 1, true; }
static bool other_n_frames(struct forged *b) { return b->header.bytes[4]++, true; }
static bool no_units(struct forged *b) { return pxr_store_u16le(b->header.bytes + 6, 0), true; }
static bool other_units(struct forged *b) { return b->header.bytes[6]++, true; }
static bool other_height(struct forged *b) { return b->header.bytes[8]++, true; }
static bool other_width(struct forged *b) { return b->header.bytes[12]++, true; }
static bool params_too_short(struct forged *b)
{
    const uint32_t least = b->codec == PXR_BLOCK_MATCH ? 2 : b->codec == PXR_BLOCK_ADAPTIVE ? 8 : 48;
    b->params.n_bytes = least - 1;
    return change_params(b), true;
}
static bool params_too_long(struct forged *b)
{
    const size_t most = b->codec == PXR_BLOCK_MATCH ? 1u << 18 : b->codec == PXR_BLOCK_ADAPTIVE ? 1u << 26 : 168;
    const size_t n = b->codec == PXR_BLOCK_ADAPTIVE ? b->params.n_bytes + 1 : most + 1; /* 2^26 bytes would be slow */
    pxr_buffer_extend(&b->params, n - b->params.n_bytes);
    memset(b->params.bytes + b->params.n_bytes - 1, 0, 1);
    return change_params(b), true;
}
static bool payload_too_long(struct forged *b) { return add(&b->payload, "", 1), true; }

/* An entry says so; the payload follows. */
static void resize_unit(struct forged *b, uint32_t n)
{
    uint8_t *const e = entry(b, n_units(b) - 1);
    const uint32_t now = pxr_load_u32le(e);
    if (n > now)
        memset(pxr_buffer_extend(&b->payload, n - now), 0, n - now);
    else
        b->payload.n_bytes -= now - n;
    pxr_store_u32le(e, n);
}
static bool unit_too_short(struct forged *b)
{
    return resize_unit(b, b->codec == PXR_BLOCK_MATCH ? 0 : b->codec == PXR_BLOCK_ADAPTIVE ? 3 : 9), true;
}
static bool unit_too_long(struct forged *b)
{
    const uint32_t n = b->shape.height_px * b->shape.width_px;
    const uint32_t raw = n * b->shape.n_frames * (b->shape.bits / 8u);
    return resize_unit(b, b->codec == PXR_BLOCK_MATCH      ? 80 * n + 65
                          : b->codec == PXR_BLOCK_ADAPTIVE ? 6 * n + 9
                                                           : raw + raw / 256 + 513),
           true;
}
/* Bytes that nothing needs: of match more than the zeros that a unit may do without. */
static bool bytes_behind_unit(struct forged *b) { return lengthen(b, "\1\2\3\4\5", b->codec == PXR_BLOCK_MATCH ? 5 : 1), true; }
static bool word_behind_unit(struct forged *b) { return b->codec == PXR_BLOCK_ADAPTIVE && (lengthen(b, "\0", 2), true); }
static bool unit_cut(struct forged *b)
{
    const uint32_t n = pxr_load_u32le(entry(b, n_units(b) - 1));
    const uint32_t cut = b->codec == PXR_BLOCK_MATCH ? 9 : b->codec == PXR_BLOCK_ADAPTIVE ? 2 : 1;
    return n > cut + (b->codec == PXR_BLOCK_SORTED ? 10 : 4) && shorten(b, cut);
}

/* Adaptive. */
static bool adaptive_order_0(struct forged *b) { return *param(b, 0) = 0, true; }
static bool adaptive_order_3(struct forged *b) { return *param(b, 0) = 3, true; }
static bool adaptive_long_chain(struct forged *b) { return *param(b, 0) = 2, b->shape.n_frames > 33; }
static bool adaptive_depth_0(struct forged *b) { return *param(b, 1) = 0, true; }
static bool adaptive_too_deep(struct forged *b) { return *param(b, 1) = (uint8_t)(b->shape.bits - *param(b, 2) + 1), true; }
static bool adaptive_shift(struct forged *b) { return *param(b, 2) = b->shape.bits, true; }
static bool adaptive_tile_4(struct forged *b) { return *param(b, 3) = 4, true; }
static bool adaptive_tile_9(struct forged *b) { return *param(b, 3) = 9, true; }
static bool adaptive_offset(struct forged *b) { return *param(b, 5) = 1, b->shape.bits == 8; }
static bool adaptive_most_code(struct forged *b) { return *param(b, 7) = 201, true; }
static bool adaptive_few_codes(struct forged *b) { return *param(b, 6) = 0, *param(b, 7) = 23, true; }
static bool adaptive_least_code(struct forged *b) { return *param(b, 6) = (uint8_t)(*param(b, 7) - 23), true; }
static bool adaptive_excess(struct forged *b, enum excess excess)
{
    uint64_t rng = b->header.bytes[20] + 7 * b->params.n_bytes + 1;
    forge_adaptive_params(&rng, b, excess);
    return change_params(b), true;
}
static bool adaptive_weights(struct forged *b) { return adaptive_excess(b, EXCESS_WEIGHTS); }
static bool adaptive_bias(struct forged *b) { return adaptive_excess(b, EXCESS_BIAS); }
static bool params_cut(struct forged *b) { return b->params.n_bytes--, change_params(b), true; }
static bool params_behind(struct forged *b)
{
    add(&b->params, "\1\2\3\4\5", b->codec == PXR_BLOCK_MATCH ? 5 : 1);
    return change_params(b), true;
}
static bool adaptive_padding(struct forged *b)
{
    b->params.bytes[b->params.n_bytes - 1] |= 0x80;
    return change_params(b), b->n_padding > 0;
}

/* Match. */
static bool match_mode(struct forged *b) { return *param(b, 0) = 24, true; }
static bool match_table_bits_3(struct forged *b) { return *param(b, 1) = 3, true; }
static bool match_table_bits(struct forged *b)
{
    const uint64_t raw = (uint64_t)b->shape.height_px * b->shape.width_px * (b->shape.bits / 8u);
    uint8_t B = 6;
    while (B < 14 && 32 * ((uint64_t)1 << B) <= raw)
        B++;
    return *param(b, 1) = (uint8_t)(B + 1), true;
}
static bool match_too_many_values(struct forged *b)
{
    uint64_t rng = 1;
    b->params.n_bytes = 2;
    forge_map(&rng, b, (1u << b->shape.bits) + 1);
    return change_params(b), true;
}
/* The last of 200 values is 256 or more. */
static bool match_value(struct forged *b)
{
    static struct pxr_match_tables tables;
    uint16_t values[200];
    for (unsigned i = 0; i < 200; i++)
        values[i] = (uint16_t)(i + (i == 199 ? 57 : 0));
    pxr_match_tables_init(&tables);
    b->params.n_bytes = 2;
    return b->shape.bits == 8 && pxr_match_map_store(&tables, &(struct pxr_match_map){200, values, NULL}, 8, &b->params) &&
           (change_params(b), true);
}
static bool match_rank(struct forged *b)
{
    b->script.how = 4;
    b->script.rng = 1 + b->payload.n_bytes;
    b->pixels = get(pxr_block_raw_bytes(&b->shape));
    return draw_block(b, true, 1) != NULL;
}

/* Sorted. */
#ifdef PXR_TEST_ZSTD
static bool sorted_no_class(struct forged *b) { return *param(b, 0) = 0, true; }
static bool sorted_17_classes(struct forged *b)
{
    pxr_buffer_extend(&b->params, 40 + 8 * 17 - b->params.n_bytes);
    memset(b->params.bytes + 44, 0, 8 * 17 - 4);
    b->params.bytes[0] = 17;
    pxr_store_u32le(b->params.bytes + 40 + 8 * 17 - 4, (uint32_t)n_samples(&b->shape));
    return change_params(b), true;
}
static bool sorted_other_n_classes(struct forged *b) { return ++*param(b, 0), true; }
static bool sorted_zero(struct forged *b) { return *param(b, 1) = 1, true; }
static bool sorted_start(struct forged *b) { return *param(b, 3) = 1, b->shape.bits == 8; }
static bool sorted_mix(struct forged *b, unsigned off, int sign)
{
    memset(param(b, off), 0, 16);
    pxr_store_u16le(param(b, off), (uint16_t)(sign * (b->shape.bits == 8 ? 50 : 4000)));
    pxr_store_u16le(param(b, off + 14), (uint16_t)(sign * (b->shape.bits == 8 ? 47 : 97)));
    return true;
}
static bool sorted_mix0_up(struct forged *b) { return sorted_mix(b, 4, 1); }
static bool sorted_mix0_down(struct forged *b) { return sorted_mix(b, 4, -1); }
static bool sorted_mix1_up(struct forged *b) { return sorted_mix(b, 24, 1); }
static bool sorted_mix1_down(struct forged *b) { return sorted_mix(b, 24, -1); }
static bool sorted_weight_lowest(struct forged *b) { return pxr_store_u16le(param(b, 4), 0x8000), true; }
static bool sorted_constant(struct forged *b, unsigned off, int64_t sign)
{
    return pxr_store_u32le(param(b, off), (uint32_t)(sign * (b->shape.bits == 8 ? 8192 : (1 << 27) + 1))), true;
}
static bool sorted_constant0(struct forged *b) { return sorted_constant(b, 20, 1); }
static bool sorted_constant1(struct forged *b) { return sorted_constant(b, 40, -1); }
static bool sorted_constant_lowest(struct forged *b) { return pxr_store_u32le(param(b, 20), UINT32_C(1) << 31), true; }
static bool sorted_threshold(struct forged *b)
{
    const unsigned n = *param(b, 0);
    return n > 1 && (pxr_store_u32le(param(b, 44 + 4 * (n - 2)), b->shape.bits == 8 ? 65536 : (1 << 24) + 1), true);
}
static bool sorted_thresholds_fall(struct forged *b)
{
    return *param(b, 0) > 2 && (pxr_store_u32le(param(b, 44), pxr_load_u32le(param(b, 48)) + 1), true);
}
static bool sorted_counts_sum(struct forged *b)
{
    uint8_t *const count = param(b, 40 + 4u * *param(b, 0));
    return pxr_store_u32le(count, pxr_load_u32le(count) + 1), true;
}
/* The sum is right, modulo 2^32. */
static bool sorted_counts_wrap(struct forged *b)
{
    const unsigned n = *param(b, 0);
    uint8_t *const counts = param(b, 40 + 4 * n);
    return n > 1 && (pxr_store_u32le(counts, pxr_load_u32le(counts) + 0x80000000u),
                     pxr_store_u32le(counts + 4, pxr_load_u32le(counts + 4) + 0x80000000u), true);
}
/* One sample of a class that has some belongs to another. */
static bool sorted_class_short(struct forged *b)
{
    const unsigned n = *param(b, 0);
    uint8_t *const counts = param(b, 40 + 4 * n);
    for (unsigned i = 0; i < n && n > 1; i++) {
        const uint32_t count = pxr_load_u32le(counts + 4 * i), j = (i + 1) % n;
        if (!count)
            continue;
        pxr_store_u32le(counts + 4 * i, count - 1);
        return pxr_store_u32le(counts + 4 * j, pxr_load_u32le(counts + 4 * j) + 1), true;
    }
    return false;
}
static bool sorted_too_narrow(struct forged *b)
{
    const uint32_t n = (uint32_t)n_samples(&b->shape);
    if (b->shape.width_px > pxr_sorted_segment_px(b->shape.bits) || b->shape.n_frames == n)
        return false;
    /* The same samples in rows of one less than a segment, or of one: n has to be a multiple. */
    b->shape = (struct pxr_block_shape){b->shape.n_frames, n / b->shape.n_frames, 1, b->shape.bits};
    return change_params(b), true;
}
static bool sorted_frame(struct forged *b, const struct frame_style *style)
{
    const size_t raw = pxr_block_raw_bytes(&b->shape);
    struct pxr_buffer content = {0};
    add(&content, b->payload.bytes + b->payload.n_bytes - raw, raw);
    b->payload.n_bytes = 0;
    put_frame(b, content.bytes, raw, style);
    pxr_store_u32le(entry(b, 0), (uint32_t)b->payload.n_bytes);
    pxr_buffer_fini(&content);
    return true;
}
static bool zstd_skippable(struct forged *b) { return sorted_frame(b, &(struct frame_style){0x184D2A50, 0, -1, 2, 0}); }
static bool zstd_legacy(struct forged *b) { return sorted_frame(b, &(struct frame_style){0xFD2FB527, 0, -1, 2, 0}); }
static bool zstd_dictionary(struct forged *b) { return sorted_frame(b, &(struct frame_style){0xFD2FB528, 1, -1, 2, 0}); }
static bool zstd_checksum(struct forged *b)
{
    (void)sorted_frame(b, &(struct frame_style){0xFD2FB528, 4, -1, 2, 0});
    return lengthen(b, "\0\0\0", 4), true; /* of what there is, probably wrong: but the flag alone is refused */
}
static bool zstd_reserved(struct forged *b) { return sorted_frame(b, &(struct frame_style){0xFD2FB528, 8, -1, 2, 0}); }
static bool zstd_unused(struct forged *b) { return sorted_frame(b, &(struct frame_style){0xFD2FB528, 16, -1, 2, 0}); }
static bool zstd_window(struct forged *b) { return sorted_frame(b, &(struct frame_style){0xFD2FB528, 0, 17 << 3 | 1, 2, 0}); }
static bool zstd_no_size(struct forged *b) { return sorted_frame(b, &(struct frame_style){0xFD2FB528, 0, 10 << 3, 0, 0}); }
static bool zstd_size_more(struct forged *b) { return sorted_frame(b, &(struct frame_style){0xFD2FB528, 0, -1, 2, 1}); }
static bool zstd_size_less(struct forged *b) { return sorted_frame(b, &(struct frame_style){0xFD2FB528, 0, -1, 2, -1}); }
static bool zstd_two_frames(struct forged *b)
{
    uint8_t empty[] = {0x28, 0xB5, 0x2F, 0xFD, 0x20, 0, 1, 0, 0};
    return lengthen(b, empty, sizeof empty), true;
}
#endif

#define MATCH (1u << PXR_BLOCK_MATCH)
#define ADAPTIVE (1u << PXR_BLOCK_ADAPTIVE)
#define SORTED (1u << PXR_BLOCK_SORTED)
#define ALL (MATCH | ADAPTIVE | SORTED)
static struct rule {
    unsigned codecs;
    const char *name;
    bool (*breaks)(struct forged *b);
    unsigned n_broken;
} rules[] = {
    {ALL, "codec", other_codec, 0},
    {ALL, "flags", has_flags, 0},
    {ALL, "bits", other_bits, 0},
    {ALL, "reserved", has_reserved, 0},
    {ALL, "n_frames", other_n_frames, 0},
    {ALL, "frames_per_unit is 0", no_units, 0},
    {ALL, "frames_per_unit", other_units, 0},
    {ALL, "height_px", other_height, 0},
    {ALL, "width_px", other_width, 0},
    {ALL, "params_bytes too few", params_too_short, 0},
    {ALL, "params_bytes too many", params_too_long, 0},
    {ALL, "payload too long", payload_too_long, 0},
    {ALL, "unit_bytes too few", unit_too_short, 0},
    {ALL, "unit_bytes too many", unit_too_long, 0},
    {ALL, "bytes behind the unit", bytes_behind_unit, 0},
    {ADAPTIVE, "a word behind the unit", word_behind_unit, 0},
    {ALL, "the unit is cut", unit_cut, 0},
    {ADAPTIVE, "params are cut", params_cut, 0},
    {ADAPTIVE | MATCH, "bytes behind params", params_behind, 0},
    {ADAPTIVE, "order 0", adaptive_order_0, 0},
    {ADAPTIVE, "order 3", adaptive_order_3, 0},
    {ADAPTIVE, "order 2 of many frames", adaptive_long_chain, 0},
    {ADAPTIVE, "depth 0", adaptive_depth_0, 0},
    {ADAPTIVE, "depth", adaptive_too_deep, 0},
    {ADAPTIVE, "shift", adaptive_shift, 0},
    {ADAPTIVE, "tile 4", adaptive_tile_4, 0},
    {ADAPTIVE, "tile 9", adaptive_tile_9, 0},
    {ADAPTIVE, "offset", adaptive_offset, 0},
    {ADAPTIVE, "most_code", adaptive_most_code, 0},
    {ADAPTIVE, "too few codes", adaptive_few_codes, 0},
    {ADAPTIVE, "least_code", adaptive_least_code, 0},
    {ADAPTIVE, "weights", adaptive_weights, 0},
    {ADAPTIVE, "bias", adaptive_bias, 0},
    {ADAPTIVE, "padding", adaptive_padding, 0},
    {MATCH, "mode", match_mode, 0},
    {MATCH, "table_bits 3", match_table_bits_3, 0},
    {MATCH, "table_bits", match_table_bits, 0},
    {MATCH, "too many values", match_too_many_values, 0},
    {MATCH, "value too large", match_value, 0},
    {MATCH, "rank", match_rank, 0},
#ifdef PXR_TEST_ZSTD
    {SORTED, "no class", sorted_no_class, 0},
    {SORTED, "17 classes", sorted_17_classes, 0},
    {SORTED, "n_classes", sorted_other_n_classes, 0},
    {SORTED, "zero", sorted_zero, 0},
    {SORTED, "start", sorted_start, 0},
    {SORTED, "mix0, positive", sorted_mix0_up, 0},
    {SORTED, "mix0, negative", sorted_mix0_down, 0},
    {SORTED, "mix1, positive", sorted_mix1_up, 0},
    {SORTED, "mix1, negative", sorted_mix1_down, 0},
    {SORTED, "weight -32768", sorted_weight_lowest, 0},
    {SORTED, "constant of mix0", sorted_constant0, 0},
    {SORTED, "constant of mix1", sorted_constant1, 0},
    {SORTED, "constant -2^31", sorted_constant_lowest, 0},
    {SORTED, "threshold", sorted_threshold, 0},
    {SORTED, "thresholds fall", sorted_thresholds_fall, 0},
    {SORTED, "sum of counts", sorted_counts_sum, 0},
    {SORTED, "sum of counts, modulo 2^32", sorted_counts_wrap, 0},
    {SORTED, "class too short", sorted_class_short, 0},
    {SORTED, "too narrow", sorted_too_narrow, 0},
    {SORTED, "skippable frame", zstd_skippable, 0},
    {SORTED, "legacy frame", zstd_legacy, 0},
    {SORTED, "dictionary id", zstd_dictionary, 0},
    {SORTED, "checksum", zstd_checksum, 0},
    {SORTED, "reserved bit", zstd_reserved, 0},
    {SORTED, "unused bit", zstd_unused, 0},
    {SORTED, "window", zstd_window, 0},
    {SORTED, "no Frame_Content_Size", zstd_no_size, 0},
    {SORTED, "Frame_Content_Size too large", zstd_size_more, 0},
    {SORTED, "Frame_Content_Size too small", zstd_size_less, 0},
    {SORTED, "two frames", zstd_two_frames, 0},
#endif
};
#define RULES_OF_A_BLOCK 8u
#define N_RULES (sizeof rules / sizeof *rules)

static bool check_rule(const struct forged *b, uint64_t number, struct rule *r)
{
    bool is_good = true;
    struct forged d = twin_of(b);
    uint8_t *const pixels = get(pxr_block_raw_bytes(&b->shape));
    if (r->codecs >> b->codec & 1 && r->breaks(&d)) {
        is_good = independent(&d, NULL, pixels) != NULL;
        if (!is_good)
            printf("block %llu, codec %u: the independent decoder takes: %s\n", (unsigned long long)number, b->codec,
                   r->name);
        is_good = all_agree(&d, NULL, number, r->name) && is_good;
        r->n_broken++;
        seen.broken++;
    }
    free(pixels);
    forged_fini(&d);
    return is_good;
}

/* Planes with their margins may not be too large for narrow frames: a block of one tall frame, which is not decoded. */
static bool check_margins(void)
{
    const uint32_t highest = 2581104; /* 2 x (h + 4) x (1 + 16) = 2^26 + 8 h */
    bool is_good = true;
    for (uint32_t h = highest; h <= highest + 1; h++) {
        struct forged b = {.codec = PXR_BLOCK_ADAPTIVE, .shape = {1, h, 1, 8}};
        struct pxr_block_header parsed;
        uint64_t rng = h;
        forge_adaptive_params(&rng, &b, NO_EXCESS);
        begin_header(&b);
        if (!pxr_block_header_add_unit(&b.header, (const uint8_t *)"\0\0\1\0", 4))
            abort();
        const bool is_taken = pxr_block_header_parse(&parsed, b.header.bytes, b.header.n_bytes, &b.shape, 0, NULL) == PXR_OK;
        uint8_t *const pixels = get(h);
        add(&b.payload, "\0\0\1\0", 4);
        is_good &= is_taken == (h == highest) && (h == highest || independent(&b, NULL, pixels));
        free(pixels);
        forged_fini(&b);
    }
    if (!is_good)
        printf("margins of narrow frames: another bound\n");
    return is_good;
}

/* ---- all of it ---------------------------------------------------------------------------------- */

static void note(const struct forged *b)
{
    const uint8_t *const p = b->params.bytes;
    seen.blocks[b->codec]++;
    seen.units += n_units(b);
    if (b->codec == PXR_BLOCK_MATCH)
        seen.modes[p[0]]++;
    else if (b->codec == PXR_BLOCK_ADAPTIVE)
        seen.orders[p[0]]++;
    else
        seen.classes[p[0]]++;
}

static bool was_all_seen(void)
{
    const struct independent_match_seen *const m = &independent_match_seen;
    bool is_good = seen.refused && seen.decoded_damaged && seen.orders[1] && seen.orders[2] && m->same && m->intra &&
                   m->moved && m->clean_spans && m->broken_spans && m->candidates && m->ranks && m->numbers;
    for (unsigned i = 0; i < 24; i++)
        is_good &= seen.modes[i] > 0;
    for (unsigned i = 1; i < 17; i++)
        is_good &= seen.classes[i] || !seen.blocks[PXR_BLOCK_SORTED];
    for (unsigned i = 0; i < N_RULES; i++)
        if (!rules[i].n_broken) {
            printf("never broken: %s\n", rules[i].name);
            is_good = false;
        }
    return is_good;
}

static bool check(uint64_t number)
{
    struct forged b;
    bool is_good = forge(number, &b);
    if (is_good) {
        uint8_t *const pixels = get(pxr_block_raw_bytes(&b.shape));
        const char *const why = independent(&b, NULL, pixels);
        is_good = !why && !memcmp(pixels, b.pixels, pxr_block_raw_bytes(&b.shape));
        if (!is_good)
            printf("block %llu was not put as it was drawn: %s\n", (unsigned long long)number, why ? why : "samples");
        note(&b);
        is_good = all_agree(&b, b.pixels, number, "whole") && is_good;
        is_good = check_damaged(&b, number) && is_good;
        for (unsigned i = 0; i < RULES_OF_A_BLOCK; i++) /* in turn */
            is_good = check_rule(&b, number, &rules[(number / 3 * RULES_OF_A_BLOCK + i) % N_RULES]) && is_good;
        free(pixels);
    }
    if (!is_good)
        printf("block %llu: codec %u, %u x %u x %u, %u bits\n", (unsigned long long)number, b.codec, b.shape.n_frames,
               b.shape.height_px, b.shape.width_px, b.shape.bits);
    forged_fini(&b);
    return is_good;
}

int main(int argc, char **argv)
{
    const uint64_t n = argc > 1 ? strtoull(argv[1], NULL, 10) : 0, first = argc > 2 ? strtoull(argv[2], NULL, 10) : 0;
    unsigned n_wrong = !check_margins();
    for (uint64_t i = first; i < first + n; i++)
        n_wrong += !check(i);
    printf("FORGED %u match, %u adaptive and %u sorted blocks, %u units, %u symbols; damaged: %u refused, %u decoded; "
           "%u with a broken rule; %u wrong\n",
           seen.blocks[PXR_BLOCK_MATCH], seen.blocks[PXR_BLOCK_ADAPTIVE], seen.blocks[PXR_BLOCK_SORTED], seen.units,
           seen.symbols, seen.refused, seen.decoded_damaged, seen.broken, n_wrong);
    return !n_wrong && (n < 1500 || was_all_seen()) && n ? 0 : 1;
}
