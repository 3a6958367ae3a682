/* SPDX-License-Identifier: MIT
 * See forged_block.h. */
#include "forged_block.h"

#include <stdio.h>

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

void forged_adaptive_params(uint64_t *rng, struct forged *b, enum excess excess)
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
void forged_map(uint64_t *rng, struct forged *b, uint32_t n)
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
    forged_map(rng, b, kind == 0 ? all : kind == 1 ? 1 : kind == 2 ? 2 : 1 + forge_below(rng, kind == 3 ? 700 % all : 20));
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

void forged_put_frame(struct forged *b, const uint8_t *content, size_t n, const struct frame_style *style)
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
    forged_put_frame(b, q, n * (b->shape.bits / 8u), &style);
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

/* NULL, or why it refuses the block. */
const char *forged_independent(const struct forged *b, const struct independent_draws *draws, uint8_t *pixels)
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

void forged_begin_header(struct forged *b)
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
    forged_begin_header(b);
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
        forged_adaptive_params(rng, b, NO_EXCESS);
#ifdef PXR_TEST_ZSTD
    else
        forge_sorted_params(rng, b);
#endif
}

void forged_fini(struct forged *b)
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
const char *forged_draw(struct forged *b, bool is_wild, uint64_t seed)
{
    const struct independent_draws draws = {begin_unit, roll, took, &b->script, is_wild};
    free(b->script.first);
    free(b->script.end);
    b->script.first = get(b->shape.n_frames * sizeof *b->script.first);
    b->script.end = get(b->shape.n_frames * sizeof *b->script.end);
    b->script.n = 0;
    put_block(b, false, 0);
    const char *const why = forged_independent(b, &draws, b->pixels);
    put_block(b, true, seed | 1);
    return why;
}

/* false: what should be valid is refused. */
bool forged_make(uint64_t seed, struct forged *b)
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
    const char *const why = forged_draw(b, false, seed);
    if (why)
        printf("block %llu: %s\n", (unsigned long long)seed, why);
    return !why;
}

struct forged forged_twin(const struct forged *b)
{
    struct forged out = {.shape = b->shape, .codec = b->codec, .n_padding = b->n_padding};
    out.params = copy_of(&b->params);
    out.header = copy_of(&b->header);
    out.payload = copy_of(&b->payload);
    return out;
}
