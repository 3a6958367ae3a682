/* SPDX-License-Identifier: MIT
 * Predict blocks that are valid and that no encoder would write: random models at the bounds of what a reader must
 * take, and any symbol wherever its table has it.  Every CPU level of the library and the independent decoder must
 * make the same samples of them, and of what damage makes of them the same samples or none.
 *
 *   check_forged NUMBER [FIRST]     this many blocks, from this one on */
#include "forged_agree.h"
#include "independent_predict.h"

#include <stdio.h>
#include <stdlib.h>

struct forged {
    struct pxr_block_shape shape;
    struct pxr_buffer params, header, payload;
    size_t padding_at; /* of the byte with unused bits behind the motion of a unit */
    unsigned n_padding; /* of these; 0: no unit has any */
    uint8_t *pixels; /* what the independent decoder makes of it, as the library writes it */
    uint32_t n_cells; /* of each table, as that decoder says */
};

/* What was met: each of these must have been, or the test proves less than it says. */
static struct {
    unsigned blocks, units, symbols, motion, ranks, sequential, narrow, wide, shifted, refused, decoded_damaged,
        padding, in_bounds, out_of_bounds, all_cells, fewest_cells, fewest_cells_wide;
    bool depth[17], lanes[7];
} seen;

/* How many cells tables of slots have: 2048 / 8; or, with all frequencies 7 more than a multiple of 8, of 256 or 64
 * symbols (2048 - 7 x 256) / 8 or (2048 - 7 x 64) / 8. */
enum { MOST_CELLS = 256, FEWEST_CELLS = 32, FEWEST_CELLS_WIDE = 200 };

/* ---- streams ------------------------------------------------------------------------------------ */

/* What was drawn for a unit, and how. */
struct draw {
    struct independent_slots symbol;
    unsigned lane;
};
struct script {
    uint64_t rng;
    uint32_t how; /* to draw: 0 lowest slots, 1 highest ones, 2 either, others any */
    struct draw *draws;
    size_t n, room, *first; /* of each unit; they come in any order */
    size_t *end;
    uint32_t unit;
};

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
    if (s->how == 0 || (s->how == 2 && forge_once_in(&s->rng, 2)))
        return 0;
    return s->how < 3 ? last : forge_random(&s->rng) & last;
}

static void took(void *to, unsigned lane, const struct independent_slots *symbol)
{
    struct script *const s = to;
    if (s->n == s->room) {
        s->room = 2 * s->room + 4096;
        if (!(s->draws = realloc(s->draws, s->room * sizeof *s->draws)))
            abort();
    }
    s->draws[s->n++] = (struct draw){*symbol, lane};
    s->end[s->unit] = s->n;
}

/* States and words of a unit, by the decoder's steps backwards. */
static void put_stream(const struct script *s, uint32_t unit, unsigned n_lanes, struct pxr_buffer *out)
{
    uint32_t x[PXR_PREDICT_MAX_LANES];
    const size_t n = s->end[unit] - s->first[unit];
    uint16_t *const words = get(n * sizeof *words);
    size_t n_words = 0;
    for (unsigned i = 0; i < n_lanes; i++)
        x[i] = PXR_RANS_LOW;
    for (const struct draw *d = s->draws + s->end[unit]; d-- > s->draws + s->first[unit];) {
        const struct independent_slots *const symbol = &d->symbol;
        const uint32_t f = symbol->n_first + symbol->n_second;
        uint32_t *const state = &x[d->lane];
        if (*state >= (uint64_t)f << (32 - symbol->bits)) {
            words[n_words++] = (uint16_t)*state;
            *state >>= 16;
        }
        const uint32_t offset = *state % f;
        *state = (*state / f << symbol->bits) +
                 (offset < symbol->n_first ? symbol->first + offset : symbol->second + offset - symbol->n_first);
    }
    uint8_t *const to = pxr_buffer_extend(out, 4 * n_lanes + 2 * n_words);
    for (unsigned i = 0; i < n_lanes; i++)
        pxr_store_u32le(to + 4 * i, x[i]);
    for (size_t i = 0; i < n_words; i++)
        pxr_store_u16le(to + 4 * n_lanes + 2 * i, words[n_words - 1 - i]);
    free(words);
}

/* ---- blocks ------------------------------------------------------------------------------------- */

static struct pxr_block_shape forge_shape(uint64_t *rng)
{
    static const uint32_t widths[] = {1, 2, 3, 15, 16, 17, 31, 33, 63, 65, 127, 128, 129, 130, 191, 255, 257, 300};
    static const uint32_t heights[] = {1, 2, 3, 5, 63, 64, 65, 70};
    struct pxr_block_shape s = {.bits = forge_once_in(rng, 3) ? 8 : 16};
    s.width_px = forge_once_in(rng, 3) ? forge_below(rng, 260) + 1 : widths[forge_below(rng, 18)];
    s.height_px = forge_once_in(rng, 3) ? forge_below(rng, 12) + 1 : heights[forge_below(rng, 8)];
    const uint32_t room = 6000 / (s.width_px * s.height_px); /* the independent decoder is slow */
    const uint32_t most = room > 70 ? 70 : room > 3 ? room : 3;
    s.n_frames = forge_below(rng, forge_once_in(rng, 3) ? most : most < 9 ? most : 9) + 1;
    return s;
}

static size_t n_samples(const struct pxr_block_shape *s)
{
    return (size_t)s->n_frames * s->height_px * s->width_px;
}

/* NULL, or why it refuses the block. */
static const char *independent(struct forged *b, const struct independent_dice *dice, uint8_t *pixels)
{
    const struct independent_shape shape = {b->shape.n_frames, b->shape.height_px, b->shape.width_px, b->shape.bits};
    const size_t n = n_samples(&b->shape);
    uint16_t *const samples = get(n * sizeof *samples);
    struct independent_block out;
    const char *const why = independent_decode(&out, &shape, b->header.bytes, b->header.n_bytes, b->payload.bytes,
                                               b->payload.n_bytes, dice, samples);
    b->n_cells = out.n_cells;
    for (size_t i = 0; i < n; i++)
        if (b->shape.bits == 8)
            pixels[i] = (uint8_t)samples[i];
        else
            memcpy(pixels + 2 * i, &samples[i], 2);
    free(samples);
    return why;
}

/* The header and payload around units; NULL: of nothing but motion and states. */
static void put_block(struct forged *b, const struct script *script, uint64_t rng)
{
    const unsigned n_lanes = 1u << b->params.bytes[3];
    b->header.n_bytes = b->payload.n_bytes = 0;
    bool is_good = pxr_block_header_begin(&b->header, &b->shape, PXR_BLOCK_PREDICT, 1, b->params.bytes,
                                          (uint32_t)b->params.n_bytes);
    for (uint32_t u = 0; u < b->shape.n_frames; u++) {
        const size_t start = b->payload.n_bytes;
        const unsigned n_unused = forge_motion(&rng, &b->shape, b->params.bytes, u, &b->payload);
        if (n_unused) {
            b->n_padding = n_unused;
            b->padding_at = b->payload.n_bytes - 1;
        }
        if (script)
            put_stream(script, u, n_lanes, &b->payload);
        for (unsigned i = 0; !script && i < n_lanes; i++)
            pxr_store_u32le(pxr_buffer_extend(&b->payload, 4), PXR_RANS_LOW);
        is_good &= pxr_block_header_add_unit(&b->header, b->payload.bytes + start, b->payload.n_bytes - start);
    }
    if (!is_good)
        abort();
}

static void forged_fini(struct forged *b)
{
    pxr_buffer_fini(&b->params);
    pxr_buffer_fini(&b->header);
    pxr_buffer_fini(&b->payload);
    free(b->pixels);
}

/* false: what should be valid is refused. */
static bool forge(uint64_t seed, struct forged *b)
{
    uint64_t rng = seed * 2654435761u + 88172645463325252u;
    *b = (struct forged){.shape = forge_shape(&rng)};
    b->params = forge_predict_params(&rng, &b->shape, 0);
    b->pixels = get(pxr_block_raw_bytes(&b->shape));
    struct script s = {.rng = rng, .how = forge_below(&rng, 12)};
    s.first = get(b->shape.n_frames * sizeof *s.first);
    s.end = get(b->shape.n_frames * sizeof *s.end);
    const struct independent_dice dice = {begin_unit, roll, took, &s};
    put_block(b, NULL, seed | 1);
    const char *const why = independent(b, &dice, b->pixels);
    if (why)
        printf("block %llu: %s\n", (unsigned long long)seed, why);
    else
        put_block(b, &s, seed | 1);
    seen.symbols += (unsigned)s.n;
    free(s.draws);
    free(s.first);
    free(s.end);
    return !why;
}

/* ---- decoding ----------------------------------------------------------------------------------- */

static bool all_agree(const struct forged *b, const uint8_t *pixels, uint64_t number, const char *what)
{
    return levels_agree(&(struct suspect){b->shape, PXR_BLOCK_PREDICT, &b->header, &b->payload, number}, pixels, what);
}

/* ---- damage ------------------------------------------------------------------------------------- */

/* A copy of a block with one to three bits flipped, in its fixed parameters, its header or its payload; or with random
 * bytes in place of the second half of the payload. */
static struct forged damaged_copy(const struct forged *b, uint64_t *rng, unsigned kind)
{
    struct forged out = {.shape = b->shape};
    if (!pxr_buffer_add(&out.header, b->header.bytes, b->header.n_bytes) ||
        !pxr_buffer_add(&out.payload, b->payload.bytes, b->payload.n_bytes))
        abort();
    for (uint32_t i = 0, n = forge_below(rng, 3) + 1; kind < 3 && i < n; i++)
        if (kind == 0)
            flip(rng, out.header.bytes + PXR_BLOCK_OFF_PARAMS, PXR_PREDICT_FIXED_BYTES);
        else if (kind == 1)
            flip(rng, out.header.bytes, out.header.n_bytes);
        else
            flip(rng, out.payload.bytes, out.payload.n_bytes);
    for (size_t i = out.payload.n_bytes / 2; kind == 3 && i < out.payload.n_bytes; i++)
        out.payload.bytes[i] = (uint8_t)forge_random(rng);
    return out;
}

static bool check_damaged(const struct forged *b, uint64_t number)
{
    uint64_t rng = number + 1;
    uint8_t *const pixels = get(pxr_block_raw_bytes(&b->shape));
    bool is_good = true;
    for (unsigned kind = 0; kind < 4; kind++) {
        struct forged d = damaged_copy(b, &rng, kind);
        const bool is_refused = independent(&d, NULL, pixels) != NULL;
        seen.refused += is_refused;
        seen.decoded_damaged += !is_refused;
        is_good &= all_agree(&d, is_refused ? NULL : pixels, number, "damaged");
        forged_fini(&d);
    }
    free(pixels);
    return is_good;
}

/* The unused bits behind the motion of the last unit that has some. */
static bool check_padding(struct forged *b, uint64_t number)
{
    uint8_t *const pixels = get(pxr_block_raw_bytes(&b->shape)), *const at = b->payload.bytes + b->padding_at;
    bool is_good = true;
    for (unsigned i = 0; i < b->n_padding; i++) {
        *at ^= (uint8_t)(128u >> i);
        seen.padding++;
        is_good &= independent(b, NULL, pixels) && all_agree(b, NULL, number, "padding");
        *at ^= (uint8_t)(128u >> i);
    }
    free(pixels);
    return is_good;
}

/* Bounds of weights, passed by one or not: both readers must draw the same line.  (What streams hold does not matter
 * to the library's reader of models, and not where symbols are drawn.) */
static bool check_bounds(uint64_t number)
{
    uint64_t rng = number * 2654435761u + 362436069;
    struct forged b = {.shape = {2 + forge_below(&rng, 4), 3, 1 + forge_below(&rng, 300), forge_once_in(&rng, 3) ? 16 : 8}};
    struct script s = {.rng = rng, .how = 3};
    const struct independent_dice dice = {begin_unit, roll, took, &s};
    static struct pxr_predict_model m; /* too large for the stack */
    struct pxr_block_header h;
    size_t firsts[8], ends[8];
    s.first = firsts;
    s.end = ends;
    b.params = forge_predict_params(&rng, &b.shape, 1);
    b.pixels = get(pxr_block_raw_bytes(&b.shape));
    put_block(&b, NULL, number | 1);
    const bool is_taken = !independent(&b, &dice, b.pixels);
    const bool is_loaded = pxr_block_header_parse(&h, b.header.bytes, b.header.n_bytes, &b.shape, 0, NULL) == PXR_OK &&
                           pxr_predict_model_init(&m, &b.shape) && pxr_predict_model_load(&m, &h, NULL) == PXR_OK;
    if (is_taken != is_loaded)
        printf("block %llu: its bounds are %spassed for the library\n", (unsigned long long)number, is_loaded ? "not " : "");
    seen.in_bounds += is_taken;
    seen.out_of_bounds += !is_taken;
    pxr_predict_model_fini(&m);
    free(s.draws);
    forged_fini(&b);
    return is_taken == is_loaded;
}

/* ---- all of it ---------------------------------------------------------------------------------- */

static void note(const struct forged *b)
{
    const uint8_t *const p = b->params.bytes;
    seen.blocks++;
    seen.units += b->shape.n_frames;
    seen.motion += p[7] & PXR_PREDICT_MOTION && b->shape.n_frames > 1;
    seen.ranks += (p[7] & PXR_PREDICT_RANKS) != 0;
    seen.sequential += !p[0] && b->shape.n_frames > 1;
    seen.narrow += p[1] <= 8;
    seen.wide += p[1] > 8;
    seen.shifted += p[2] > 0;
    seen.all_cells += b->n_cells == MOST_CELLS;
    seen.fewest_cells += b->n_cells == FEWEST_CELLS;
    seen.fewest_cells_wide += p[1] > 8 && b->n_cells == FEWEST_CELLS_WIDE;
    seen.depth[p[1]] = seen.lanes[p[3]] = true;
}

static bool was_all_seen(void)
{
    bool is_good = seen.motion && seen.ranks && seen.sequential && seen.narrow && seen.wide && seen.shifted &&
                   seen.refused && seen.decoded_damaged && seen.padding && seen.in_bounds && seen.out_of_bounds &&
                   seen.all_cells && seen.fewest_cells && seen.fewest_cells_wide;
    for (unsigned depth = 1; depth <= 16; depth++)
        is_good &= seen.depth[depth];
    for (unsigned lanes = 4; lanes <= 6; lanes++)
        is_good &= seen.lanes[lanes];
    return is_good;
}

static bool check(uint64_t number)
{
    struct forged b;
    uint8_t *pixels = NULL;
    bool is_good = forge(number, &b);
    if (is_good) {
        pixels = get(pxr_block_raw_bytes(&b.shape));
        const char *const why = independent(&b, NULL, pixels);
        is_good = !why && !memcmp(pixels, b.pixels, pxr_block_raw_bytes(&b.shape));
        if (!is_good)
            printf("block %llu was not put as it was drawn: %s\n", (unsigned long long)number, why ? why : "samples");
        note(&b);
        is_good = all_agree(&b, b.pixels, number, "whole") && is_good;
        is_good = check_damaged(&b, number) && check_padding(&b, number) && is_good;
    }
    if (!is_good)
        printf("block %llu: %u x %u x %u, %u bits\n", (unsigned long long)number, b.shape.n_frames,
               b.shape.height_px, b.shape.width_px, b.shape.bits);
    free(pixels);
    forged_fini(&b);
    return is_good;
}

int main(int argc, char **argv)
{
    const uint64_t n = argc > 1 ? strtoull(argv[1], NULL, 10) : 0, first = argc > 2 ? strtoull(argv[2], NULL, 10) : 0;
    unsigned n_wrong = 0;
    for (uint64_t i = first; i < first + n; i++)
        n_wrong += (unsigned)!check(i) + !check_bounds(i);
    printf("FORGED %u blocks, %u units, %u symbols; motion %u, ranks %u, sequential %u, narrow %u, wide %u, "
           "shifted %u; damaged: %u refused, %u decoded, %u in padding; bounds: %u kept, "
           "%u passed; cells: all in %u, fewest in %u + %u; %u wrong\n",
           seen.blocks, seen.units, seen.symbols, seen.motion, seen.ranks, seen.sequential, seen.narrow, seen.wide,
           seen.shifted, seen.refused, seen.decoded_damaged, seen.padding,
           seen.in_bounds, seen.out_of_bounds, seen.all_cells, seen.fewest_cells, seen.fewest_cells_wide, n_wrong);
    return !n_wrong && (n < 500 || was_all_seen()) && n ? 0 : 1;
}
