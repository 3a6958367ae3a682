/* SPDX-License-Identifier: MIT
 * Match, adaptive and sorted blocks that are valid and that no encoder would write: random parameters at the bounds of
 * what a reader must take, and any symbol at any place.  Every CPU level of the library and the independent decoder
 * must make the same samples of them, and of what damage makes of them the same samples or none.  And each rule of
 * docs/format.md for these codecs is broken by itself: all must refuse that.
 *
 *   check_forged_others NUMBER [FIRST]     this many blocks, from this one on.  Without zstd there is no sorted. */
#include "broken_rules.h"

#include <stdio.h>

static struct {
    unsigned blocks[PXR_N_BLOCK_CODECS], units, symbols, refused, decoded_damaged, broken;
    unsigned orders[3], modes[24], classes[17];
} seen;

/* ---- decoding ----------------------------------------------------------------------------------- */

static bool all_agree(const struct forged *b, const uint8_t *pixels, uint64_t number, const char *what)
{
    return levels_agree(&(struct suspect){b->shape, b->codec, &b->header, &b->payload, number}, pixels, what);
}

/* ---- damage ------------------------------------------------------------------------------------- */

/* One to three bits flipped, in the first parameters, the header or the payload; random bytes in place of the second half
 * of the payload; other bytes at its beginning; or (kind 5) none at its end, which may be another valid unit of match. */
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
    uint8_t *const last = b->header.bytes + b->header.n_bytes - PXR_BLOCK_UNIT_BYTES;
    const uint32_t n_last = pxr_load_u32le(last), cut = kind == 5 && n_last > 4 ? forge_below(rng, n_last - 4) : 0;
    pxr_store_u32le(last, n_last - cut);
    b->payload.n_bytes -= cut;
    for (size_t i = 0; kind == 4 && i < 4 && i < b->payload.n_bytes; i++)
        b->payload.bytes[i] = forge_once_in(rng, 2) ? 0xFF : forge_once_in(rng, 2) ? 0 : (uint8_t)forge_random(rng);
}

static bool check_damaged(const struct forged *b, uint64_t number)
{
    uint64_t rng = number + 1;
    uint8_t *const pixels = get(pxr_block_raw_bytes(&b->shape));
    bool is_good = true;
    for (unsigned kind = 0; kind < 6; kind++) {
        struct forged d = forged_twin(b);
        damage(&d, &rng, kind);
        const bool is_refused = forged_independent(&d, NULL, pixels) != NULL;
        seen.refused += is_refused;
        seen.decoded_damaged += !is_refused;
        is_good &= all_agree(&d, is_refused ? NULL : pixels, number, "damaged");
        forged_fini(&d);
    }
    free(pixels);
    return is_good;
}

/* ---- rules that are broken ---------------------------------------------------------------------- */

#define RULES_OF_A_BLOCK 8u

static bool check_rule(const struct forged *b, uint64_t number, struct broken_rule *r)
{
    bool is_good = true;
    struct forged d = forged_twin(b);
    uint8_t *const pixels = get(pxr_block_raw_bytes(&b->shape));
    if (r->codecs >> b->codec & 1 && r->breaks(&d)) {
        is_good = forged_independent(&d, NULL, pixels) != NULL;
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
        forged_adaptive_params(&rng, &b, NO_EXCESS);
        forged_begin_header(&b);
        if (!pxr_block_header_add_unit(&b.header, (const uint8_t *)"\0\0\1\0", 4))
            abort();
        const bool is_taken = pxr_block_header_parse(&parsed, b.header.bytes, b.header.n_bytes, &b.shape, 0, NULL) == PXR_OK;
        uint8_t *const pixels = get(h);
        add(&b.payload, "\0\0\1\0", 4);
        is_good &= is_taken == (h == highest) && (h == highest || forged_independent(&b, NULL, pixels));
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
    seen.symbols += (unsigned)b->script.n;
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
    for (unsigned i = 0; i < n_broken_rules; i++)
        if (!broken_rules[i].n_broken) {
            printf("never broken: %s\n", broken_rules[i].name);
            is_good = false;
        }
    return is_good;
}

static bool check(uint64_t number)
{
    struct forged b;
    bool is_good = forged_make(number, &b);
    if (is_good) {
        uint8_t *const pixels = get(pxr_block_raw_bytes(&b.shape));
        const char *const why = forged_independent(&b, NULL, pixels);
        is_good = !why && !memcmp(pixels, b.pixels, pxr_block_raw_bytes(&b.shape));
        if (!is_good)
            printf("block %llu was not put as it was drawn: %s\n", (unsigned long long)number, why ? why : "samples");
        note(&b);
        is_good = all_agree(&b, b.pixels, number, "whole") && is_good;
        is_good = check_damaged(&b, number) && is_good;
        for (unsigned i = 0; i < RULES_OF_A_BLOCK; i++) /* in turn */
            is_good = check_rule(&b, number, &broken_rules[(number / 3 * RULES_OF_A_BLOCK + i) % n_broken_rules]) && is_good;
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
