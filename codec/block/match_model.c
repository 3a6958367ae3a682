/* SPDX-License-Identifier: MIT
 * Codec 4: tables that follow from nothing, states before anything is known, and the map of values. */
#include "match.h"

#include "match_coder.h"

/* 65536 / (1 + exp(-x / 2)) for x = -16 .. 16. */
static const uint16_t squash_at[33] = {
    22,    36,    60,    98,    162,   267,   439,   720,   1179,  1921,  3108,
    4971,  7812,  11955, 17625, 24743, 32768, 40793, 47911, 53581, 57724, 60565,
    62428, 63615, 64357, 64816, 65097, 65269, 65374, 65438, 65476, 65500, 65514};

void pxr_match_tables_init(struct pxr_match_tables *t)
{
    for (unsigned i = 0; i < 4096; i++) {
        const unsigned at = i >> 7, part = i & 127;
        t->squash[i] = (uint16_t)((squash_at[at] * (128 - part) + squash_at[at + 1] * part + 64) >> 7);
    }
    for (unsigned p = 0, x = 1; p < 4096; p++) {
        while (x < 4095 && t->squash[x] < p * 16 + 8)
            x++;
        t->stretch[p] = (int16_t)((int)x - 2048);
    }
    for (unsigned n = 0; n < 1024; n++)
        t->rate[n] = (uint16_t)(655360 / (10 * n + 16));
}

void pxr_match_state_init(struct pxr_match_state *s, uint8_t table_bits)
{
    for (unsigned i = 0; i < PXR_MATCH_SETS; i++)
        for (unsigned k = 0; k < PXR_MATCH_INPUTS; k++)
            s->weights[i][k] = 22000;
    for (unsigned i = 0; i < PXR_MATCH_BINS; i++)
        for (unsigned k = 0; k < PXR_MATCH_ESCAPE_INPUTS; k++)
            s->escape_weights[i][k] = 22000;
    for (unsigned i = 0; i < PXR_MATCH_N_DIRECT; i++)
        s->direct[i] = (uint32_t)1 << 31;
    for (size_t i = 0; i < (size_t)PXR_MATCH_TABLES << table_bits; i++)
        s->slots[i] = 2048 << 4;
}

uint8_t pxr_match_most_table_bits(const struct pxr_block_shape *s)
{
    const uint64_t frame = (uint64_t)s->width_px * s->height_px * (s->bits / 8u);
    uint8_t bits = PXR_MATCH_MIN_TABLE_BITS + 2;
    while (bits < PXR_MATCH_MAX_TABLE_BITS && (uint64_t)PXR_MATCH_TABLES * 4 << bits <= frame)
        bits++;
    return bits;
}

/* ---- the map of values -------------------------------------------------------------------------- */

/* Adaptive bits of a number's Elias-gamma code. */
struct gamma {
    uint32_t length[17], rest[17];
};

static void gamma_init(struct gamma *g)
{
    for (int i = 0; i < 17; i++)
        g->length[i] = g->rest[i] = (uint32_t)1 << 31;
}

/* v in 1 .. 2^17 - 1. */
PXR_ALWAYS_INLINE uint32_t code_gamma(const struct pxr_match_tables *t, struct pxr_match_coder *c,
                                      bool is_encoder, struct gamma *g, uint32_t v)
{
    const unsigned n_wanted = is_encoder ? 31 - (unsigned)__builtin_clz(v) : 0;
    unsigned n = 0;
    while (n < 16 && pxr_match_direct(t, c, is_encoder, &g->length[n], n < n_wanted))
        n++;
    uint32_t out = 1;
    for (unsigned i = n; i-- > 0;)
        out = out << 1 | pxr_match_direct(t, c, is_encoder, &g->rest[i], v >> i & 1);
    return out;
}

bool pxr_match_map_store(const struct pxr_match_tables *t, const struct pxr_match_map *m, uint8_t bits,
                         struct pxr_buffer *out)
{
    struct pxr_match_coder c = pxr_match_encoder_of(out);
    struct gamma count, gap;
    gamma_init(&count);
    gamma_init(&gap);
    (void)code_gamma(t, &c, true, &count, m->n_ranks);
    if (m->n_ranks < (uint32_t)1 << bits)
        for (uint32_t i = 0, next = 0; i < m->n_ranks; i++) {
            (void)code_gamma(t, &c, true, &gap, m->value_of[i] - next + 1);
            next = m->value_of[i] + 1u;
        }
    return pxr_match_encoder_end(&c);
}

bool pxr_match_map_load(const struct pxr_match_tables *t, struct pxr_match_map *m, uint8_t bits,
                        const uint8_t *src, size_t src_bytes)
{
    const uint32_t n_values = (uint32_t)1 << bits;
    struct pxr_match_coder c = pxr_match_decoder_of(src, src_bytes);
    struct gamma count, gap;
    gamma_init(&count);
    gamma_init(&gap);
    m->n_ranks = code_gamma(t, &c, false, &count, 0);
    if (m->n_ranks > n_values)
        return false;
    memset(m->rank_of, 0, n_values * sizeof *m->rank_of);
    for (uint32_t i = 0, v = 0; i < m->n_ranks; i++, v++) {
        if (m->n_ranks < n_values)
            v += code_gamma(t, &c, false, &gap, 0) - 1;
        if (v >= n_values)
            return false;
        m->value_of[i] = (uint16_t)v;
        m->rank_of[v] = (uint16_t)i;
    }
    return pxr_match_decoder_is_at_end(&c);
}
