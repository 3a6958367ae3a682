/* SPDX-License-Identifier: MIT
 * The predict codec: the same bits from every CPU level, any shape and depth, hostile units. */
#include "forge_predict.h"
#include "predict.h"
#include "test_block_support.h"

#include "cpu.h"

static const struct pxr_block_shape shapes[] = {
    {1, 1, 1, 8},    {1, 1, 1, 16},    {2, 1, 2, 8},     {3, 2, 1, 16},   {33, 5, 7, 8},
    {32, 64, 128, 8}, {31, 65, 129, 16}, {5, 130, 257, 8}, {17, 3, 400, 16}, {4, 200, 3, 8},
    {8, 70, 640, 8}, {9, 66, 300, 16}, {2, 1, 65535, 16},
};
#define N_SHAPES (sizeof shapes / sizeof *shapes)

Test(block_predict, every_level_gives_the_same_bytes_and_reads_them)
{
    for (size_t i = 0; i < N_SHAPES; i++)
        for (int c = ZEROS; c < N_CONTENTS; c++) {
            uint8_t *const pixels = test_block(&shapes[i], (enum content)c, i + 1);
            pxr_cpu_limit(PXR_CPU_PORTABLE);
            struct encoded want = test_encode_predict(&shapes[i], pixels);
            for (int level = PXR_CPU_PORTABLE; level < PXR_N_CPU_LEVELS; level++) {
                pxr_cpu_limit((enum pxr_cpu_level)level);
                struct encoded e = test_encode_predict(&shapes[i], pixels);
                cr_assert_eq(e.header.n_bytes, want.header.n_bytes, "shape %zu, content %d, level %d", i,
                             c, level);
                cr_assert(!memcmp(e.header.bytes, want.header.bytes, e.header.n_bytes),
                          "shape %zu, content %d: headers differ at level %d", i, c, level);
                cr_assert(e.payload.n_bytes == want.payload.n_bytes &&
                              (!e.payload.n_bytes ||
                               !memcmp(e.payload.bytes, want.payload.bytes, e.payload.n_bytes)),
                          "shape %zu, content %d: payloads differ at level %d", i, c, level);
                test_expect(&shapes[i], &want, pixels);
                encoded_fini(&e);
            }
            encoded_fini(&want);
            pxr_free(pixels);
        }
}

/* Samples of every depth, with an offset and unused low bits. */
Test(block_predict, depths_offsets_and_shifts)
{
    const struct pxr_block_shape s = {9, 33, 70, 16};
    const size_t n = (size_t)s.n_frames * s.height_px * s.width_px;
    uint16_t *pixels = pxr_alloc(n * 2);
    for (unsigned depth = 1; depth <= 16; depth++)
        for (unsigned shift = 0; shift + depth <= 16; shift += 3) {
            uint64_t rng = depth * 100 + shift;
            const unsigned room = 65535u - (((1u << depth) - 1u) << shift);
            const unsigned offset = room ? (unsigned)(test_random(&rng) % (room + 1)) : 0;
            for (size_t i = 0; i < n; i++) {
                const unsigned smooth = (unsigned)(i % 70 + i / 2310) & ((1u << depth) - 1);
                const unsigned v = test_random(&rng) % 8 ? smooth
                                                         : (unsigned)test_random(&rng) & ((1u << depth) - 1);
                pixels[i] = (uint16_t)(offset + (v << shift));
            }
            struct encoded e = test_encode_predict(&s, (const uint8_t *)pixels);
            test_expect(&s, &e, (const uint8_t *)pixels);
            cr_expect_leq(e.header.bytes[PXR_BLOCK_OFF_PARAMS + 1], depth);
            cr_expect_geq(e.header.bytes[PXR_BLOCK_OFF_PARAMS + 2], shift);
            encoded_fini(&e);
        }
    pxr_free(pixels);
}

static void expect_refs(enum pxr_predict_order order, uint32_t n, unsigned most)
{
    for (uint32_t f = 0; f < n; f++) {
        bool needed[300] = {false};
        unsigned count = 0;
        needed[f] = true;
        for (bool is_growing = true; is_growing;) {
            is_growing = false;
            for (uint32_t u = 1; u < n; u++) {
                const struct pxr_predict_refs r = pxr_predict_refs_of(order, u, n);
                cr_assert(r.ref[0] < n && r.ref[1] < n && r.ref[0] != u && r.ref[1] != u);
                for (int k = 0; needed[u] && k < 2; k++)
                    if (!needed[r.ref[k]])
                        is_growing = needed[r.ref[k]] = true;
            }
        }
        for (uint32_t u = 0; u < n; u++)
            count += needed[u];
        cr_assert_leq(count, most, "frame %u of %u needs %u", f, n, count);
    }
}

Test(block_predict, a_frame_needs_few_others)
{
    for (uint32_t n = 1; n <= 300; n++) {
        unsigned log2 = 0;
        while (1u << log2 < n)
            log2++;
        expect_refs(PXR_ORDER_DYADIC, n, log2 + 1);
        if (n <= PXR_PREDICT_MAX_CHAIN)
            expect_refs(PXR_ORDER_SEQUENTIAL, n, n);
    }
}

static void random_model(struct pxr_predict_model *m, uint64_t *rng, bool is_extreme)
{
    m->order = PXR_ORDER_DYADIC;
    m->depth = 8;
    m->lanes_log2 = 5;
    m->n_tables = 1 + (unsigned)(test_random(rng) % PXR_PREDICT_CONTEXTS);
    for (unsigned c = 0; c < PXR_PREDICT_CONTEXTS; c++)
        m->table_of[c / PXR_PREDICT_PHASE_CONTEXTS][c % PXR_PREDICT_PHASE_CONTEXTS] =
            (uint8_t)(c < m->n_tables ? c : test_random(rng) % m->n_tables);
    for (unsigned g = 0; g < PXR_PREDICT_GROUPS; g++)
        m->has_group[g] = true;
    for (unsigned c = 0; c < m->n_tables; c++) {
        uint32_t counts[PXR_PREDICT_MAX_SYMBOLS] = {0}, sum = 0;
        const unsigned n = 1 + (unsigned)(test_random(rng) % 256);
        for (unsigned k = 0; k < n; k++)
            counts[k] =
                test_random(rng) % 3 ? (uint32_t)(test_random(rng) >> (test_random(rng) % 47)) : 0;
        if (is_extreme)
            counts[n / 2] = 4000000000u;
        pxr_predict_normalise(counts, PXR_PREDICT_MAX_SYMBOLS, m->freq[c]);
        for (unsigned k = 0; k < 256; k++) {
            cr_assert(m->freq[c][k] || !counts[k], "a symbol that occurs has no frequency");
            sum += m->freq[c][k];
        }
        cr_assert_eq(sum, PXR_PREDICT_TABLE);
    }
    for (unsigned phase = 0; phase < 2; phase++) {
        m->activity_shift[phase] = (uint8_t)(1 + test_random(rng) % 8);
        for (unsigned k = 0; k < PXR_PREDICT_LEVELS - 1; k++)
            m->thresholds[phase][k] = (uint8_t)(k * 16 + test_random(rng) % 16);
        m->thresholds[phase][PXR_PREDICT_LEVELS - 1] = 255;
    }
    for (size_t i = 0; i < pxr_predict_n_tiles(m); i++) {
        for (unsigned k = 0; k < 6; k++)
            m->tiles[i].w[k] = (int16_t)(test_random(rng) % 37) - 18;
        m->tiles[i].bias = (int32_t)(test_random(rng) % 201) - 100;
    }
}

Test(block_predict, models_come_back)
{
    static struct pxr_predict_model m, again;
    const struct pxr_block_shape s = {9, 70, 300, 8};
    uint64_t rng = 5;
    for (int round = 0; round < 200; round++) {
        struct pxr_buffer b = {0};
        cr_assert(pxr_predict_model_init(&m, &s) && pxr_predict_model_init(&again, &s));
        random_model(&m, &rng, round % 4 == 0);
        memset(again.freq, 0, sizeof again.freq);
        cr_assert(pxr_predict_model_store(&m, &b));
        const struct pxr_block_header h = {.shape = s, .params = b.bytes, .params_bytes = (uint32_t)b.n_bytes};
        cr_assert_eq(pxr_predict_model_load(&again, &h, NULL), PXR_OK);
        cr_assert_eq(m.n_tables, again.n_tables);
        cr_assert(!memcmp(m.freq, again.freq, m.n_tables * sizeof *m.freq));
        cr_assert(!memcmp(m.table_of, again.table_of, sizeof m.table_of));
        cr_assert(!memcmp(m.thresholds, again.thresholds, sizeof m.thresholds));
        cr_assert(!memcmp(m.tiles, again.tiles, pxr_predict_n_tiles(&m) * sizeof *m.tiles));
        pxr_predict_model_fini(&m);
        pxr_predict_model_fini(&again);
        pxr_buffer_fini(&b);
    }
}

/* Every byte of a small block changed, at every level: samples or an error, the same at each. */
Test(block_predict, hostile_bytes_are_bounded_and_equal_at_every_level, .timeout = 120)
{
    const struct pxr_block_shape s = {4, 9, 21, 16};
    uint8_t *const pixels = test_block(&s, SCENE, 3);
    struct encoded e = test_encode_predict(&s, pixels);
    const size_t n_header = e.header.n_bytes, n_all = n_header + e.payload.n_bytes;
    unsigned n_decoded = 0, n_refused = 0;
    for (size_t i = 0; i < n_all; i++)
        for (unsigned change = 1; change < 256; change = change * 5 + 2) {
            uint8_t *const byte = i < n_header ? &e.header.bytes[i] : &e.payload.bytes[i - n_header];
            uint64_t results[PXR_N_CPU_LEVELS];
            struct pxr_block_header h;
            *byte ^= (uint8_t)change;
            for (int level = 0; level < PXR_N_CPU_LEVELS; level++) {
                pxr_cpu_limit((enum pxr_cpu_level)level);
                pxr_block_decoder *d;
                results[level] = 1;
                if (pxr_block_header_parse(&h, e.header.bytes, n_header, &s, 0, NULL) != PXR_OK ||
                    h.codec != PXR_BLOCK_PREDICT || h.payload_bytes > e.payload.n_bytes)
                    continue;
                const struct pxr_block_unit at = pxr_block_unit_at(&h, 0);
                uint8_t *const dst = pxr_alloc_zero(1, pxr_block_unit_pixel_bytes(&h, 0));
                const void *const refs[2] = {NULL, NULL};
                cr_assert_eq(pxr_block_decoder_new(&d, NULL), PXR_OK);
                const enum pxr_err err =
                    test_decode_unit(d, &h, 0, refs, e.payload.bytes, at.n_bytes, dst, NULL);
                results[level] = err ? 2 : pxr_xxh3_64(dst, pxr_block_unit_pixel_bytes(&h, 0));
                n_decoded += !err;
                n_refused += err != PXR_OK;
                pxr_block_decoder_free(d);
                pxr_free(dst);
            }
            for (int level = 1; level < PXR_N_CPU_LEVELS; level++)
                cr_assert_eq(results[level], results[0], "byte %zu ^ %u: level %d differs", i, change, level);
            *byte ^= (uint8_t)change;
        }
    cr_expect_gt(n_decoded, 100); /* weights and other units */
    cr_expect_gt(n_refused, 1000);
    encoded_fini(&e);
    pxr_free(pixels);
}

/* A texture that moves by (3, -2) a frame over the middle of the range. */
static uint8_t *moving_texture(const struct pxr_block_shape *s)
{
    uint8_t *const pixels = pxr_alloc((size_t)s->n_frames * s->height_px * s->width_px);
    size_t i = 0;
    for (uint32_t t = 0; t < s->n_frames; t++)
        for (uint32_t y = 0; y < s->height_px; y++)
            for (uint32_t x = 0; x < s->width_px; x++) {
                uint64_t at = (uint64_t)(x + 3 * t) * 1000003 + (y + 200 - 2 * t);
                pixels[i++] = (uint8_t)(100 + test_random(&at) % 64);
            }
    return pixels;
}

Test(block_predict, motion_is_found_and_coded)
{
    const struct pxr_block_shape s = {8, 130, 260, 8};
    uint8_t *const pixels = moving_texture(&s);
    struct encoded e = test_encode_predict(&s, pixels);
    cr_expect(e.header.bytes[PXR_BLOCK_OFF_PARAMS + 7] & PXR_PREDICT_MOTION);
    /* One frame is noise of six bits, of the others only what comes into view is new. */
    cr_expect_lt(e.payload.n_bytes, s.height_px * s.width_px * 3);
    test_expect(&s, &e, pixels);
    encoded_fini(&e);
    pxr_free(pixels);
}

/* Samples that were stretched by 5 / 3: only some values occur. */
Test(block_predict, ranks_of_stretched_samples)
{
    const struct pxr_block_shape s = {8, 64, 128, 16};
    const size_t n = (size_t)s.n_frames * s.height_px * s.width_px;
    uint16_t *const pixels = pxr_alloc(n * 2);
    uint64_t rng = 1;
    for (size_t i = 0; i < n; i++)
        pixels[i] = (uint16_t)(1000 + (i % 128 + test_random(&rng) % 16) * 5);
    for (size_t i = 0; i < n; i += 3)
        pixels[i] = (uint16_t)(pixels[i] / 10 * 10 + 1);
    struct encoded e = test_encode_predict(&s, (const uint8_t *)pixels);
    cr_expect(e.header.bytes[PXR_BLOCK_OFF_PARAMS + 7] & PXR_PREDICT_RANKS);
    test_expect(&s, &e, (const uint8_t *)pixels);
    encoded_fini(&e);
    pxr_free(pixels);
}

/* Every sample goes on as it went, with small accidents: the two frames before know more than distant ones. */
Test(block_predict, steady_changes_are_coded_in_sequence)
{
    const struct pxr_block_shape s = {32, 64, 96, 16};
    const size_t n_px = (size_t)s.height_px * s.width_px;
    uint16_t *const pixels = pxr_alloc(s.n_frames * n_px * 2);
    uint64_t rng = 1;
    for (size_t i = 0; i < s.n_frames * n_px; i++) {
        const int accident = (int)(test_random(&rng) % 7) - 3;
        const int speed = i < 2 * n_px ? 0 : pixels[i - n_px] - pixels[i - 2 * n_px];
        pixels[i] = i < n_px ? (uint16_t)(20000 + test_random(&rng) % 8192)
                             : (uint16_t)(pixels[i - n_px] + speed + accident);
    }
    struct encoded e = test_encode_predict(&s, (const uint8_t *)pixels);
    cr_expect_eq(e.header.bytes[PXR_BLOCK_OFF_PARAMS], PXR_ORDER_SEQUENTIAL);
    test_expect(&s, &e, (const uint8_t *)pixels);
    encoded_fini(&e);
    pxr_free(pixels);
}

/* Rows wider than anybody's: such blocks are stored otherwise, and a header that says otherwise is refused before
 * memory is taken. */
Test(block_predict, very_wide_blocks_are_not_predicted)
{
    const struct pxr_block_shape wide = {1, 1, PXR_PREDICT_MAX_WIDTH + 1, 8}, small = {1, 1, 64, 8};
    uint8_t *const pixels = test_block(&small, SCENE, 1);
    struct encoded e = test_encode_predict(&small, pixels);
    struct pxr_block_header h;
    struct pxr_diag d;
    pxr_store_u32le(e.header.bytes + PXR_BLOCK_OFF_WIDTH, wide.width_px);
    cr_expect_eq(pxr_block_header_parse(&h, e.header.bytes, e.header.n_bytes, &wide, 7000, &d), PXR_E_CORRUPT);
    cr_expect_str_eq(d.field, "width_px");
    encoded_fini(&e);
    uint8_t *const row = test_block(&wide, RAMP, 1);
    e = test_encode(&wide, row, PXR_CODEC_PREDICT, NULL);
    cr_expect_eq(e.header.bytes[0], PXR_BLOCK_STORE);
    test_expect(&wide, &e, row);
    encoded_fini(&e);
    pxr_free(row);
    pxr_free(pixels);
}

/* A long chain would make one frame cost thousands. */
Test(block_predict, long_chains_are_refused)
{
    const struct pxr_block_shape s = {PXR_PREDICT_MAX_CHAIN + 1, 1, 2, 8};
    uint8_t *const pixels = test_block(&s, SCENE, 1);
    struct encoded e = test_encode_predict(&s, pixels);
    struct pxr_block_header h;
    struct pxr_diag d;
    e.header.bytes[PXR_BLOCK_OFF_PARAMS] = PXR_ORDER_SEQUENTIAL;
    cr_expect_eq(pxr_block_header_parse(&h, e.header.bytes, e.header.n_bytes, &s, 7000, &d), PXR_E_CORRUPT);
    cr_expect_str_eq(d.field, "order");
    cr_expect_eq(d.off_bytes, 7000 + PXR_BLOCK_OFF_PARAMS);
    encoded_fini(&e);
    pxr_free(pixels);
}

/* A lane that has no sample ends as it begins.  Vectors take it along, and one that begins below 2^16 would take a
 * word with it, wherever that stands. */
Test(block_predict, states_begin_where_they_may)
{
    const struct pxr_block_shape s = {1, 1, 9, 8};
    enum { LANES = 16, UNUSED = 11 };
    uint8_t *const pixels = test_block(&s, NOISE, 1);
    struct encoded e = test_encode_predict(&s, pixels);
    const uint8_t *const params = e.header.bytes + PXR_BLOCK_OFF_PARAMS;
    const uint32_t params_bytes = pxr_load_u32le(e.header.bytes + PXR_BLOCK_OFF_PARAMS_BYTES);
    const size_t n = e.payload.n_bytes;
    uint8_t *const unit = pxr_alloc(n + 2), back[9];
    const void *const refs[2] = {NULL, NULL};
    cr_assert_eq(1 << params[3], LANES);
    for (int level = 0; level < PXR_N_CPU_LEVELS; level++)
        for (size_t at = 4 * LANES; at <= n; at += 2) {
            struct pxr_buffer header = {0};
            struct pxr_block_header h;
            pxr_block_decoder *d;
            memcpy(unit, e.payload.bytes, at);
            memset(unit + at, 0, 2);
            memcpy(unit + at + 2, e.payload.bytes + at, n - at);
            pxr_store_u32le(unit + 4 * UNUSED, 1);
            pxr_cpu_limit((enum pxr_cpu_level)level);
            cr_assert(pxr_block_header_begin(&header, &s, PXR_BLOCK_PREDICT, 1, params, params_bytes) &&
                      pxr_block_header_add_unit(&header, unit, n + 2) && pxr_block_decoder_new(&d, NULL) == PXR_OK);
            cr_assert_eq(pxr_block_header_parse(&h, header.bytes, header.n_bytes, &s, 0, NULL), PXR_OK);
            cr_expect_eq(test_decode_unit(d, &h, 0, refs, unit, n + 2, back, NULL), PXR_E_CORRUPT,
                         "level %d, word at %zu", level, at);
            pxr_block_decoder_free(d);
            pxr_buffer_fini(&header);
        }
    encoded_fini(&e);
    pxr_free(unit);
    pxr_free(pixels);
}

/* Photons at a mean rate: a walk through the probabilities of their numbers. */
static unsigned photons(uint64_t *rng, double rate)
{
    double p = 1, sum = 1, u;
    unsigned k = 0;
    for (unsigned i = 1; i < 60; i++) /* sum becomes e^rate */
        sum += p *= rate / i;
    u = (double)(test_random(rng) & 0xFFFFFFFF) / 4294967296.0 * sum;
    for (p = 1; k < 59 && u >= p; p *= rate / k)
        u -= p, k++;
    return k;
}

/* What a detector counts; with a gain each photon is a pulse of another height, over the noise of a current. */
static uint16_t *photon_frames(const struct pxr_block_shape *s, double rate, bool has_gain)
{
    const size_t n = (size_t)s->n_frames * s->height_px * s->width_px;
    uint16_t *const out = pxr_alloc(n * 2);
    uint64_t rng = 99;
    for (size_t i = 0; i < n; i++) {
        const unsigned k = photons(&rng, rate), noise = (unsigned)(test_random(&rng) % 5 + test_random(&rng) % 5);
        out[i] = (uint16_t)(has_gain ? 100 + noise + k * 90 + (k ? test_random(&rng) % 150 : 0) : k);
    }
    return out;
}

/* Weights are zero where that is smaller; fitted: bytes of the same block before there was this choice. */
Test(block_predict, counts_of_photons_are_not_predicted)
{
    static const struct { double rate; bool has_gain; size_t fitted; } cases[] = {
        {0.05, false, 24828}, {0.2, false, 61854}, {1, false, 157290}, {5, false, 253230},
        {0.05, true, 349226}, {0.5, true, 565800},
    };
    const struct pxr_block_shape s = {16, 150, 256, 16};
    const uint64_t stored = pxr_block_raw_bytes(&s);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint16_t *const pixels = photon_frames(&s, cases[i].rate, cases[i].has_gain);
        struct encoded e = test_encode(&s, (const uint8_t *)pixels, PXR_CODEC_AUTO, NULL);
        const size_t n = e.header.n_bytes + e.payload.n_bytes;
        cr_expect_eq(e.header.bytes[0], PXR_BLOCK_PREDICT, "case %zu", i);
        cr_expect_lt(n, cases[i].fitted, "case %zu: %zu bytes", i, n);
        cr_expect_leq(n, stored + stored / 1000);
        test_expect(&s, &e, (const uint8_t *)pixels);
        if (pxr_zstd_is_built_in()) {
            struct encoded z = test_encode(&s, (const uint8_t *)pixels, PXR_CODEC_ZSTD, NULL);
            cr_expect_leq(n, z.header.n_bytes + z.payload.n_bytes, "case %zu", i);
            encoded_fini(&z);
        }
        encoded_fini(&e);
        pxr_free(pixels);
    }
}

/* ---- slots of tables ---------------------------------------------------------------------------- */

/* A model's tables, and the slot that they have for each symbol and offset: of symbol s from starts[s] on. */
struct placement {
    const struct pxr_predict_model *m;
    struct pxr_predict_slots slots;
    struct pxr_predict_coders *coders;
    uint16_t starts[PXR_PREDICT_MAX_SYMBOLS + 1], slot_at[PXR_PREDICT_TABLE];
};

/* Where the symbol of an entry is among frequencies: kernels want head and raw bits of a token instead. */
static uint32_t symbol_of_entry(const struct pxr_predict_model *m, uint32_t entry)
{
    const uint32_t raw = entry >> 4 & 15;
    return m->depth <= 8 ? entry & 255 : !raw ? entry & 15 : 16 + 4 * (raw - 2) + (entry & 3);
}

/* Every slot has one symbol and offset, and every symbol a slot for each offset below its frequency: 2048 slots and
 * no pair of symbol and offset twice. */
static void expect_bijection(struct placement *p, unsigned table)
{
    const uint16_t *const freq = p->m->freq[table];
    for (unsigned s = 0; s < PXR_PREDICT_MAX_SYMBOLS; s++)
        p->starts[s + 1] = (uint16_t)(p->starts[s] + freq[s]);
    cr_assert_eq(p->starts[PXR_PREDICT_MAX_SYMBOLS], PXR_PREDICT_TABLE);
    memset(p->slot_at, 255, sizeof p->slot_at);
    for (uint32_t slot = 0; slot < PXR_PREDICT_TABLE; slot++) {
        const int32_t cell = (int32_t)slot / 8, behind = (int32_t)slot - (int32_t)p->slots.n_skipped;
        const uint32_t entry = p->slots.entries[table * p->slots.n_each + (uint32_t)(cell > behind ? cell : behind)];
        const uint32_t s = symbol_of_entry(p->m, entry), offset = slot - (entry >> 20);
        cr_assert_lt(s, pxr_predict_n_symbols(p->m));
        cr_assert_eq(entry >> 8 & 0xFFF, freq[s], "table %u, slot %u: another frequency", table, slot);
        cr_assert_lt(offset, freq[s], "table %u, slot %u: offset %u of symbol %u", table, slot, offset, s);
        cr_assert_eq(p->slot_at[p->starts[s] + offset], UINT16_MAX, "table %u: two slots of one offset", table);
        p->slot_at[p->starts[s] + offset] = (uint16_t)slot;
    }
}

enum { PUT_LANES = 16, BEFORE = (1 << 16) + 77 }; /* the quotient of states that a symbol is put into */

/* Sixteen symbols with offsets, from `first` on in the order of slot_at, put into states with this quotient and this
 * rest: the quotient goes up, and the slot is the one that decodes to them. */
static void expect_coded(const struct placement *p, unsigned context, uint32_t first)
{
    uint8_t contexts[PUT_LANES], narrow[PUT_LANES], words[256];
    uint16_t wide[PUT_LANES];
    uint32_t x[PUT_LANES], s = 0;
    const bool is_wide = p->m->depth > 8;
    for (uint32_t i = 0; i < PUT_LANES; i++) {
        while (first + i >= p->starts[s + 1])
            s++;
        const uint32_t f = (uint32_t)p->starts[s + 1] - p->starts[s], raw = is_wide ? pxr_token_raw_bits(s) : 0;
        const uint32_t state = f * BEFORE + first + i - p->starts[s]; /* with the raw bits, which are put first */
        contexts[i] = (uint8_t)context;
        x[i] = state >> raw;
        narrow[i] = (uint8_t)s;
        wide[i] = (uint16_t)(pxr_token_head(s) << raw | (state & ((1u << raw) - 1)));
    }
    const void *const z = is_wide ? (const void *)wide : narrow;
    uint8_t *const end = words + sizeof words;
    const uint8_t *const to = pxr_predict_kernels_for(p->m)->put(p->coders, contexts, z, PUT_LANES, PUT_LANES, x, end);
    cr_assert_eq(to, end, "a word was put where none was due");
    for (uint32_t i = 0; i < PUT_LANES; i++)
        cr_assert_eq(x[i], (uint32_t)BEFORE << PXR_PREDICT_TABLE_BITS | p->slot_at[first + i],
                     "context %u: slot %u instead of %u", context, x[i] & (PXR_PREDICT_TABLE - 1),
                     p->slot_at[first + i]);
}

/* As many cells as the table has whole ones that has the fewest. */
static uint32_t fewest_whole_cells(const struct pxr_predict_model *m)
{
    uint32_t fewest = UINT32_MAX;
    for (unsigned i = 0; i < m->n_tables; i++) {
        uint32_t n = 0;
        for (unsigned s = 0; s < pxr_predict_n_symbols(m); s++)
            n += m->freq[i][s] / 8u;
        fewest = n < fewest ? n : fewest;
    }
    return fewest;
}

static void expect_places(const struct pxr_predict_model *m, uint32_t *tables, struct pxr_predict_coders *coders)
{
    struct placement p = {.m = m, .slots = pxr_predict_slots_of(m, tables), .coders = coders};
    cr_assert_eq(m->n_cells, fewest_whole_cells(m));
    cr_assert_eq(p.slots.n_each, PXR_PREDICT_TABLE - 7 * m->n_cells);
    pxr_predict_build_tables(m, tables);
    memset(coders, 0, sizeof *coders);
    pxr_predict_coders_init(coders);
    pxr_predict_set_coders(m, coders);
    bool done[PXR_PREDICT_CONTEXTS] = {false};
    for (unsigned context = 0; context < PXR_PREDICT_CONTEXTS; context++) {
        const unsigned table = m->table_of[context / PXR_PREDICT_PHASE_CONTEXTS][context % PXR_PREDICT_PHASE_CONTEXTS];
        if (done[table])
            continue;
        done[table] = true;
        expect_bijection(&p, table);
        for (int level = 0; level < PXR_N_CPU_LEVELS; level++) {
            pxr_cpu_limit((enum pxr_cpu_level)level);
            for (uint32_t first = 0; first < PXR_PREDICT_TABLE; first += PUT_LANES)
                expect_coded(&p, context, first);
        }
    }
    for (uint32_t k = 0; k < p.slots.n_each; k++) /* behind all tables: one symbol that has all slots */
        cr_assert_eq(tables[m->n_tables * p.slots.n_each + k], PXR_PREDICT_TABLE << 8);
}

/* Frequencies at their bounds. */
enum table_kind {
    ONE_SYMBOL,
    EQUAL,      /* 8 or 32 */
    ONE_TO_SEVEN,
    SEVENS,     /* these two of all symbols but one */
    FEW_BEFORE, /* those before the last, which is most of the table */
    N_TABLE_KINDS
};

static uint16_t extreme_frequency(enum table_kind kind, unsigned n_symbols, unsigned s)
{
    switch (kind) {
    case EQUAL: return (uint16_t)(PXR_PREDICT_TABLE / n_symbols);
    case ONE_TO_SEVEN: return (uint16_t)(1 + s % 7);
    case SEVENS: return 7;
    case FEW_BEFORE: return s % 9 == 4 ? 20 : 0;
    default: return 0;
    }
}

static void extreme_table(enum table_kind kind, unsigned n_symbols, uint16_t *freq)
{
    uint32_t left = PXR_PREDICT_TABLE;
    const unsigned most = kind == FEW_BEFORE ? n_symbols - 1 : n_symbols / 3; /* who has what is left */
    memset(freq, 0, PXR_PREDICT_MAX_SYMBOLS * sizeof *freq);
    for (unsigned s = 0; s < n_symbols; s++)
        if (s != most)
            left -= freq[s] = extreme_frequency(kind, n_symbols, s);
    freq[most] = (uint16_t)left;
}

/* Each of these tables alone, and with each other one, which may leave it fewer cells than it has whole ones. */
Test(block_predict, slots_of_extreme_tables_are_all_used_once)
{
    static struct pxr_predict_model m;
    const struct pxr_block_shape shape = {2, 5, 9, 16};
    uint32_t *const tables = pxr_alloc(PXR_PREDICT_N_SLOTS * sizeof *tables);
    struct pxr_predict_coders *const coders = pxr_alloc(sizeof *coders);
    cr_assert(pxr_predict_model_init(&m, &shape));
    for (unsigned depth = 8; depth <= 16; depth += 8)
        for (unsigned a = 0; a < N_TABLE_KINDS; a++)
            for (unsigned b = 0; b < N_TABLE_KINDS; b++) {
                m.depth = (uint8_t)depth;
                m.n_tables = a == b ? 1 : 2;
                memset(m.table_of, 0, sizeof m.table_of);
                m.table_of[1][7] = (uint8_t)(m.n_tables - 1);
                extreme_table((enum table_kind)a, pxr_predict_n_symbols(&m), m.freq[0]);
                extreme_table((enum table_kind)b, pxr_predict_n_symbols(&m), m.freq[1]);
                pxr_predict_model_set_cells(&m);
                cr_expect(a > EQUAL || b > EQUAL || m.n_cells == 256, "kinds %u and %u", a, b);
                cr_expect(a != SEVENS || m.n_cells == (depth == 8 ? 32 : 200), "kinds %u and %u", a, b);
                expect_places(&m, tables, coders);
            }
    pxr_predict_model_fini(&m);
    pxr_free(coders);
    pxr_free(tables);
}

/* Whatever a header says; among these models are those with the most and the fewest cells. */
Test(block_predict, slots_of_forged_tables_are_all_used_once, .timeout = 300)
{
    static struct pxr_predict_model m;
    uint32_t *const tables = pxr_alloc(PXR_PREDICT_N_SLOTS * sizeof *tables);
    struct pxr_predict_coders *const coders = pxr_alloc(sizeof *coders);
    unsigned all = 0, fewest = 0, fewest_wide = 0, others = 0;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        const struct pxr_block_shape shape = {2, 5, 9, seed % 2 ? 8 : 16};
        uint64_t rng = seed * UINT64_C(0x9E3779B97F4A7C15);
        struct pxr_buffer params = forge_predict_params(&rng, &shape, 0);
        const struct pxr_block_header h = {.shape = shape, .params = params.bytes,
                                           .params_bytes = (uint32_t)params.n_bytes};
        cr_assert(pxr_predict_model_init(&m, &shape));
        cr_assert_eq(pxr_predict_model_load(&m, &h, NULL), PXR_OK);
        expect_places(&m, tables, coders);
        all += m.n_cells == 256;
        fewest += m.n_cells == 32;
        fewest_wide += m.n_cells == 200 && m.depth > 8;
        others += m.n_cells != 256 && m.n_cells != 32 && m.n_cells != 200;
        pxr_predict_model_fini(&m);
        pxr_buffer_fini(&params);
    }
    cr_expect(all && fewest && fewest_wide && others, "%u, %u, %u, %u", all, fewest, fewest_wide,
              others);
    pxr_free(coders);
    pxr_free(tables);
}
