/* SPDX-License-Identifier: MIT
 * The kernels of every CPU level between guard pages: sources, references, tables, scratch memory and results touch
 * memory that nobody may access, with exactly the margins that the headers promise, and results are those of the
 * portable level, bit for bit.  Models are random and at the bounds of what a reader takes. */
#include "adaptive.h"
#include "forge_predict.h"
#include "guard_pages.h"
#include "match_coder.h"
#include "sorted.h"
#include "test_block_support.h"

#include "cpu.h"

/* Widths 1 to 200, and around the lengths of vectors, tiles and segments beyond. */
static const uint32_t far_widths[] = {223, 224, 225, 239, 240, 241, 255, 256, 257, 271, 272, 273, 287, 288, 289,
                                      319, 320, 321, 383, 384, 385, 447, 448, 449, 511, 512, 513, 639, 640, 641};
enum { NEAR_WIDTHS = 200, N_WIDTHS = NEAR_WIDTHS + sizeof far_widths / sizeof *far_widths };
static uint32_t width_at(unsigned i) { return i < NEAR_WIDTHS ? i + 1 : far_widths[i - NEAR_WIDTHS]; }

/* Random, of few levels, all at the maximum, or none; all bits of a sample. */
static void random_bytes(uint64_t *rng, void *to, size_t n)
{
    uint8_t *const p = to;
    const uint32_t how = forge_below(rng, 6);
    for (size_t i = 0; i < n; i++) {
        const uint32_t v = forge_random(rng);
        p[i] = (uint8_t)(how == 0 ? 0 : how == 1 ? 255 : how == 2 ? (v >> 3 & 1 ? 255 : 0) : how == 3 ? v & 3 : v);
    }
}

static void *random_copy(unsigned room, uint64_t *rng, size_t n, enum guard_side side, size_t align)
{
    void *const at = guard_get(room, n, side, align);
    random_bytes(rng, at, n);
    return at;
}

/* A body that runs kernels at the level that is set and makes one hash of all results: the same at each level and on
 * both sides. */
typedef uint64_t (*guarded_run)(const void *what, enum guard_side side);

static void expect_equal_everywhere(guarded_run run, const void *what, const char *name, uint32_t width)
{
    pxr_cpu_limit(PXR_CPU_PORTABLE);
    const uint64_t want = run(what, GUARD_START);
    for (int level = PXR_CPU_PORTABLE; level < PXR_N_CPU_LEVELS; level++)
        for (int side = 0; side < GUARD_SIDES; side++) {
            pxr_cpu_limit((enum pxr_cpu_level)level);
            if (pxr_cpu_level() == (enum pxr_cpu_level)level)
                cr_assert_eq(run(what, (enum guard_side)side), want, "%s, width %u, level %d, side %d", name, width,
                             level, side);
        }
}

/* ---- predict ------------------------------------------------------------------------------------ */

struct predict_case {
    struct pxr_block_shape shape;
    struct pxr_predict_model *m;
    const uint32_t *tables;
    uint32_t frame;
    uint64_t seed;
};
enum { TILES, PACKED, RANKS, RANK_OF, TABLES, REF0, REF1, FRAME, MOTION, STATES, WORDS, TAIL, ROW, OUT0, OUT1, OUT2 };

/* A copy of the model in which everything that it points to is guarded. */
static struct pxr_predict_model guarded_model(const struct predict_case *c, enum guard_side side)
{
    struct pxr_predict_model m = *c->m;
    const size_t n = pxr_predict_n_tiles(&m);
    m.tiles = guard_copy(TILES, c->m->tiles, n * sizeof *m.tiles, side, 4);
    m.packed = guard_copy(PACKED, c->m->packed, n * sizeof *m.packed, side, 4);
    if (m.ranks) {
        m.ranks = guard_copy(RANKS, c->m->ranks, 65536 * sizeof *m.ranks, side, 2);
        m.rank_of = guard_copy(RANK_OF, c->m->rank_of, 65536 * sizeof *m.rank_of, side, 2);
    }
    return m;
}

static struct pxr_predict_frame guarded_frame(const struct predict_case *c, uint64_t *rng, enum guard_side side)
{
    const size_t row = c->shape.width_px * (c->shape.bits / 8u), n = row * c->shape.height_px;
    const size_t n_tiles = forge_n_tiles(&c->shape);
    const struct pxr_predict_refs r = pxr_predict_refs_of(c->m->order, c->frame, c->shape.n_frames);
    struct pxr_predict_frame f = {.group = r.group, .bits = c->shape.bits};
    f.x = (struct pxr_predict_rows){random_copy(FRAME, rng, n, side, 1), row, NULL};
    for (unsigned i = 0; r.group && i < 2; i++) {
        struct pxr_predict_motion *motion = NULL;
        if (c->m->flags & PXR_PREDICT_MOTION) {
            motion = guard_get(MOTION, 2 * n_tiles * sizeof *motion, side, 1);
            for (size_t k = 0; k < 2 * n_tiles; k++)
                motion[k] = (struct pxr_predict_motion){(int8_t)forge_between(rng, -128, 127),
                                                        (int8_t)forge_between(rng, -128, 127)};
            motion += i * n_tiles;
        }
        f.ref[i] = (struct pxr_predict_rows){random_copy(REF0 + i, rng, n, side, 1), row, motion};
    }
    return f;
}

/* Words enough for every sample, so that all rows are decoded, or so few that they end on the way. */
static uint64_t predict_decode(const void *what, enum guard_side side)
{
    const struct predict_case *c = what;
    uint64_t rng = c->seed;
    const struct pxr_predict_model m = guarded_model(c, side);
    const struct pxr_predict_frame f = guarded_frame(c, &rng, side);
    const size_t n_px = (size_t)c->shape.width_px * c->shape.height_px, n = n_px * (c->shape.bits / 8u);
    const size_t n_words = forge_once_in(&rng, 3) ? forge_below(&rng, 2 * n_px) : 4 * n_px;
    const size_t n_states = (size_t)4 << m.lanes_log2, over = pxr_predict_overread(c->shape.width_px);
    uint8_t *const states = random_copy(STATES, &rng, n_states, side, 1);
    uint8_t *const words = random_copy(WORDS, &rng, n_words, side, 1);
    const size_t n_tail = n_words < over ? n_words : over;
    uint8_t *const tail = guard_get(TAIL, n_tail + over, side, 1);
    for (size_t i = 3; i < n_states; i += 4)
        states[i] |= 1; /* none is below 2^16 */
    memcpy(tail, words + n_words - n_tail, n_tail);
    memset(tail + n_tail, 0, over);
    const struct pxr_predict_stream stream = {states, words, tail, n_words, n_tail};
    uint8_t *const row = guard_get(ROW, pxr_predict_row_bytes(m.width_px), side, 2);
    uint8_t *const dst = guard_get(OUT0, n, side, 1);
    const size_t n_entries = (m.n_tables + 1) * (size_t)pxr_predict_slots_of(&m, c->tables).n_each;
    const uint32_t *const tables = guard_copy(TABLES, c->tables, n_entries * sizeof *tables, side, 4);
    const bool is_good = pxr_predict_kernels_for(&m)->decode(&m, tables, &f, &stream, row, dst);
    cr_assert(!is_good || n_words < 16, "random words end as a writer's do");
    return pxr_xxh3_64(dst, n);
}

static uint64_t predict_scan(const void *what, enum guard_side side)
{
    const struct predict_case *c = what;
    uint64_t rng = c->seed;
    const struct pxr_predict_model m = guarded_model(c, side);
    const struct pxr_predict_frame f = guarded_frame(c, &rng, side);
    const size_t n_px = (size_t)c->shape.width_px * c->shape.height_px, sample = m.depth <= 8 ? 1 : 2;
    uint8_t *const row = guard_get(ROW, pxr_predict_row_bytes(m.width_px), side, 2);
    uint8_t *const tables = guard_get(OUT0, n_px, side, 1), *const z = guard_get(OUT1, n_px * sample, side, sample);
    pxr_predict_kernels_for(&m)->scan(&m, &f, row, tables, z);
    return pxr_xxh3_64(tables, n_px) ^ 3 * pxr_xxh3_64(z, n_px * sample);
}

/* Fits in floating point: what is compared are the bits of all sums. */
static uint64_t predict_fit(const void *what, enum guard_side side)
{
    const struct predict_case *c = what;
    uint64_t rng = c->seed, hash = 0;
    const struct pxr_predict_model m = guarded_model(c, side);
    const struct pxr_predict_frame f = guarded_frame(c, &rng, side);
    const size_t n = 2 * (size_t)m.n_tiles_x * sizeof(struct pxr_predict_sums);
    uint8_t *const row = guard_get(ROW, pxr_predict_row_bytes(m.width_px), side, 2);
    struct pxr_predict_sums *const sums = guard_get(OUT0, n, side, 4);
    struct pxr_predict_activity *const activity = guard_get(OUT1, 2 * sizeof *activity, side, 4);
    uint32_t(*const counts)[256] = guard_get(OUT2, 2 * sizeof *counts, side, 4);
    const struct pxr_predict_kernels *const k = pxr_predict_kernels_for(&m);
    memset(activity, 0, 2 * sizeof *activity);
    memset(counts, 0, 2 * sizeof *counts);
    for (uint32_t y = 0; y < m.n_tiles_y; y++) {
        memset(sums, 0, n);
        k->fit(&m, &f, y, 1 + forge_below(&rng, 4), forge_below(&rng, 8), 1.5f, row, sums);
        hash = 3 * hash ^ pxr_xxh3_64(sums, n);
    }
    k->activity(&m, &f, 1 + forge_below(&rng, 3), forge_below(&rng, 8), row, activity, NULL);
    k->activity(&m, &f, 1, 0, row, activity, counts);
    return hash ^ 5 * pxr_xxh3_64(activity, 2 * sizeof *activity) ^ 7 * pxr_xxh3_64(counts, 2 * sizeof *counts);
}

static uint64_t predict_distance(const void *what, enum guard_side side)
{
    const struct predict_case *c = what;
    uint64_t rng = c->seed;
    const size_t n = c->shape.width_px * (c->shape.bits / 8u);
    const uint8_t *const a = random_copy(REF0, &rng, n, side, 1), *const b = random_copy(REF1, &rng, n, side, 1);
    return pxr_predict_kernels_for(c->m)->distance(a, b, c->shape.width_px, c->shape.bits);
}

/* A residual whose symbol the context's table has. */
static uint32_t possible_residual(const struct pxr_predict_model *m, unsigned context, uint64_t *rng)
{
    const uint16_t *const freq =
        m->freq[m->table_of[context / PXR_PREDICT_PHASE_CONTEXTS][context % PXR_PREDICT_PHASE_CONTEXTS]];
    unsigned s = forge_below(rng, pxr_predict_n_symbols(m));
    while (!freq[s])
        s = (s + 1) % pxr_predict_n_symbols(m);
    return m->depth <= 8 ? s : pxr_token_head(s) << pxr_token_raw_bits(s) | forge_below(rng, 1u << pxr_token_raw_bits(s));
}

static uint64_t predict_put(const void *what, enum guard_side side)
{
    const struct predict_case *c = what;
    uint64_t rng = c->seed;
    const size_t n = c->shape.width_px, sample = c->m->depth <= 8 ? 1 : 2, lanes = (size_t)1 << c->m->lanes_log2;
    struct pxr_predict_coders *const coders = guard_get(TABLES, sizeof *coders, side, 8);
    uint8_t *const contexts = guard_get(REF0, n, side, 1), *const z = guard_get(REF1, n * sample, side, sample);
    uint32_t *const x = guard_get(STATES, lanes * sizeof *x, side, 4);
    uint8_t *const words = guard_get(OUT0, 4 * n + 32, side, 1), *const end = words + 4 * n + 32;
    memset(coders, 0, sizeof *coders);
    pxr_predict_coders_init(coders);
    pxr_predict_set_coders(c->m, coders);
    for (size_t i = 0; i < n; i++) {
        contexts[i] = (uint8_t)forge_below(&rng, PXR_PREDICT_CONTEXTS);
        const uint32_t v = possible_residual(c->m, contexts[i], &rng);
        if (sample == 1)
            z[i] = (uint8_t)v;
        else
            ((uint16_t *)(void *)z)[i] = (uint16_t)v;
    }
    for (size_t i = 0; i < lanes; i++) /* also states next to their bounds */
        x[i] = forge_once_in(&rng, 4) ? UINT32_MAX - forge_below(&rng, 4)
               : forge_once_in(&rng, 4) ? PXR_RANS_LOW : (uint32_t)test_random(&rng) | PXR_RANS_LOW;
    const uint8_t *const to = pxr_predict_kernels_for(c->m)->put(coders, contexts, z, n, lanes, x, end);
    cr_assert(to >= words + 32 && to <= end);
    return pxr_xxh3_64(to, (size_t)(end - to)) ^ 3 * pxr_xxh3_64(x, lanes * sizeof *x);
}

static void check_predict(uint64_t seed, struct pxr_block_shape s, uint32_t *tables)
{
    static struct pxr_predict_model m; /* too large for a stack */
    uint64_t rng = seed;
    struct pxr_buffer params = forge_predict_params(&rng, &s, 0);
    const struct pxr_block_header h = {.shape = s, .params = params.bytes, .params_bytes = (uint32_t)params.n_bytes};
    cr_assert(pxr_predict_model_init(&m, &s));
    cr_assert_eq(pxr_predict_model_load(&m, &h, NULL), PXR_OK);
    memset(tables, 0, PXR_PREDICT_N_SLOTS * sizeof *tables);
    pxr_predict_build_tables(&m, tables);
    for (uint32_t f = 0; f < s.n_frames; f++) {
        const struct predict_case c = {s, &m, tables, f, rng + f};
        expect_equal_everywhere(predict_decode, &c, "decode", s.width_px);
        expect_equal_everywhere(predict_scan, &c, "scan", s.width_px);
        expect_equal_everywhere(predict_fit, &c, "fit", s.width_px);
        expect_equal_everywhere(predict_put, &c, "put", s.width_px);
        expect_equal_everywhere(predict_distance, &c, "distance", s.width_px);
    }
    pxr_predict_model_fini(&m);
    pxr_buffer_fini(&params);
}

Test(block_guard, predict, .timeout = 300)
{
    uint32_t *const tables = pxr_alloc_aligned(64, PXR_PREDICT_N_SLOTS * sizeof *tables);
    for (unsigned i = 0; i < N_WIDTHS; i++)
        for (unsigned bits = 8; bits <= 16; bits += 8) {
            const uint32_t height = i % 16 == 7 ? 65 : 1 + i % 4;
            const struct pxr_block_shape s = {3 + i % 3, height, width_at(i), (uint8_t)bits};
            check_predict(1000 * i + bits, s, tables);
        }
    pxr_free(tables);
}

/* ---- adaptive ----------------------------------------------------------------------------------- */

struct adaptive_case {
    const struct pxr_adaptive_model *m;
    unsigned group;
    uint64_t seed;
};
enum { A_TILES, A_X, A_REF0, A_REF1, A_BACKGROUND, A_CALM, A_MEAN, A_STATE, A_ROW, A_SRC, A_OUT };

/* Weights whose magnitudes add up to what a reader takes. */
static void random_adaptive_model(uint64_t *rng, const struct pxr_block_shape *s, struct pxr_adaptive_model *m)
{
    *m = (struct pxr_adaptive_model){.order = 1 + forge_below(rng, 2),
                                     .depth = (uint8_t)forge_between(rng, 1, s->bits),
                                     .tile_log2 = (uint8_t)forge_between(rng, 5, 8)};
    m->most_code = (uint8_t)forge_between(rng, PXR_ADAPTIVE_LEVELS, 200);
    m->least_code = (uint8_t)forge_between(rng, 0, m->most_code - PXR_ADAPTIVE_LEVELS);
    cr_assert(pxr_adaptive_model_init(m, s));
    pxr_adaptive_set_levels(m);
    for (unsigned g = 0; g < PXR_ADAPTIVE_GROUPS; g++) {
        for (unsigned k = 0; k < PXR_ADAPTIVE_FEATURES; k++)
            m->features[g][k] = (uint16_t)forge_between(rng, 0, (1 << PXR_ADAPTIVE_FEATURE_BITS) - 1);
        for (uint32_t i = 0; i < m->n_tiles_y * m->n_tiles_x; i++) {
            struct pxr_adaptive_tile *const t = pxr_adaptive_tiles(m, g, 0) + i;
            struct forge_room room = {PXR_ADAPTIVE_MAX_WEIGHTS, PXR_ADAPTIVE_MAX_WEIGHTS};
            for (unsigned k = 0; k < pxr_adaptive_n_taps(g); k++)
                t->w[k] = (int32_t)forge_weight(rng, &room, forge_once_in(rng, 4) ? 1 << 16 : 300) *
                          (forge_once_in(rng, 2) ? -4 : 4);
            t->bias = (int32_t)forge_between(rng, -PXR_ADAPTIVE_MAX_BIAS, PXR_ADAPTIVE_MAX_BIAS) /
                      (forge_once_in(rng, 2) ? 1 : 4096);
        }
    }
}

static uint16_t *guarded_plane(const struct adaptive_case *c, unsigned room, uint64_t *rng, enum guard_side side)
{
    const uint32_t w = c->m->width_px, h = c->m->height_px;
    uint16_t *const plane =
        pxr_adaptive_origin(random_copy(room, rng, (size_t)pxr_adaptive_plane_bytes(w, h), side, 2), w);
    if (room == A_X) /* what an encoder sees */
        for (uint32_t y = 0; y < h; y++)
            for (uint32_t x = 0; x < w; x++)
                plane[y * pxr_adaptive_stride(w) + x] &= (uint16_t)((1u << c->m->depth) - 1);
    pxr_adaptive_borders(plane, w, h);
    return plane;
}

static struct pxr_adaptive_frame guarded_adaptive(const struct adaptive_case *c, struct pxr_adaptive_model *m,
                                                  uint64_t *rng, enum guard_side side)
{
    const size_t n_tiles = (size_t)PXR_ADAPTIVE_GROUPS * m->n_tiles_y * m->n_tiles_x;
    struct pxr_adaptive_frame f = {.m = m, .group = c->group};
    m->tiles = guard_copy(A_TILES, c->m->tiles, n_tiles * sizeof *m->tiles, side, 4);
    f.x = guarded_plane(c, A_X, rng, side);
    f.mean = guarded_plane(c, A_MEAN, rng, side);
    if (c->group) {
        f.ref[0] = guarded_plane(c, A_REF0, rng, side);
        f.ref[1] = guarded_plane(c, A_REF1, rng, side);
        f.background = guarded_plane(c, A_BACKGROUND, rng, side);
        f.calm = guarded_plane(c, A_CALM, rng, side);
    }
    f.state = guard_get(A_STATE, sizeof *f.state, side, 4);
    pxr_adaptive_state_init(m, f.state);
    f.scratch = guard_get(A_ROW, pxr_adaptive_scratch_bytes(m->width_px), side, 4);
    memset(f.scratch, 0, pxr_adaptive_scratch_bytes(m->width_px));
    return f;
}

static uint64_t hash_adaptive(const struct pxr_adaptive_frame *f)
{
    const size_t stride = pxr_adaptive_stride(f->m->width_px), row = f->m->width_px * sizeof *f->x;
    uint64_t hash = pxr_xxh3_64((const uint8_t *)f->state, sizeof *f->state);
    for (uint32_t y = 0; y < f->m->height_px; y++)
        hash = 3 * hash + pxr_xxh3_64((const uint8_t *)(f->x + y * stride), row) +
               5 * pxr_xxh3_64((const uint8_t *)(f->mean + y * stride), row);
    return hash;
}

/* Random bytes: enough for all samples, or not. */
static uint64_t adaptive_decode(const void *what, enum guard_side side)
{
    const struct adaptive_case *c = what;
    uint64_t rng = c->seed;
    struct pxr_adaptive_model m = *c->m;
    struct pxr_adaptive_frame f = guarded_adaptive(c, &m, &rng, side);
    const size_t most = 8 + 6 * (size_t)m.width_px * m.height_px, n = 4 + forge_below(&rng, most - 4);
    const uint8_t *const src = random_copy(A_SRC, &rng, n, side, 1);
    const bool is_good = pxr_adaptive_kernels_now()->decode(&f, src, n);
    return hash_adaptive(&f) + is_good;
}

static uint64_t adaptive_encode(const void *what, enum guard_side side)
{
    const struct adaptive_case *c = what;
    uint64_t rng = c->seed;
    struct pxr_adaptive_model m = *c->m;
    struct pxr_adaptive_frame f = guarded_adaptive(c, &m, &rng, side);
    const size_t room = 3 * (size_t)m.width_px * m.height_px;
    struct pxr_adaptive_study *const study = guard_get(A_SRC, sizeof *study, side, 8);
    uint32_t *const intervals = guard_get(A_OUT, room * sizeof *intervals, side, 4);
    memset(study, 0, sizeof *study);
    pxr_adaptive_kernels_now()->study(&f, study);
    const size_t n = pxr_adaptive_kernels_now()->encode(&f, intervals);
    cr_assert_leq(n, room);
    return hash_adaptive(&f) + 7 * pxr_xxh3_64((const uint8_t *)intervals, n * sizeof *intervals) +
           11 * pxr_xxh3_64((const uint8_t *)study, sizeof *study);
}

Test(block_guard, adaptive, .timeout = 300)
{
    for (unsigned i = 0; i < N_WIDTHS; i++)
        for (unsigned bits = 8; bits <= 16; bits += 8) {
            const struct pxr_block_shape s = {5, i % 16 == 7 ? 33 : 1 + i % 4, width_at(i), (uint8_t)bits};
            uint64_t rng = 1000 * i + bits;
            struct pxr_adaptive_model m;
            random_adaptive_model(&rng, &s, &m);
            for (unsigned group = 0; group < PXR_ADAPTIVE_GROUPS; group += 1 + i % 3) {
                const struct adaptive_case c = {&m, group, rng + group};
                expect_equal_everywhere(adaptive_decode, &c, "decode", s.width_px);
                expect_equal_everywhere(adaptive_encode, &c, "encode", s.width_px);
            }
            pxr_adaptive_model_fini(&m);
        }
}

/* ---- sorted ------------------------------------------------------------------------------------- */

struct sorted_case {
    struct pxr_block_shape shape;
    const struct pxr_sorted_model *m;
    uint64_t seed;
};
enum { S_SPACE, S_SRC, S_DST, S_CONTEXTS, S_SUMS };

static void random_mix(uint64_t *rng, uint8_t bits, struct pxr_sorted_mix *m)
{
    const int64_t most = bits == 8 ? PXR_SORTED_MOST_8 : PXR_SORTED_MOST_16;
    const int64_t constant = bits == 8 ? PXR_SORTED_MOST_CONSTANT_8 : PXR_SORTED_MOST_CONSTANT_16;
    struct forge_room up = {most, most}, down = {most, most};
    const int64_t each = forge_once_in(rng, 2) ? most : most / 4;
    for (unsigned k = 0; k < PXR_SORTED_TAPS; k++)
        m->w[k] = (int16_t)(forge_once_in(rng, 2) ? forge_weight(rng, &up, each) : -forge_weight(rng, &down, each));
    m->constant = (int32_t)(forge_between(rng, -constant, constant) / (forge_once_in(rng, 2) ? 1 : 100));
    cr_assert(pxr_sorted_mix_fits(m, bits));
}

/* Every class is as long as the block: whatever falls into it, it does not end. */
static void random_sorted_model(uint64_t *rng, const struct pxr_block_shape *s, struct pxr_sorted_model *m)
{
    const uint32_t most = s->bits == 8 ? PXR_SORTED_MOST_ACTIVITY_8 : PXR_SORTED_MOST_ACTIVITY_16;
    uint32_t at = 0;
    m->n_classes = (uint32_t)forge_between(rng, 1, PXR_SORTED_MAX_CLASSES);
    m->start = (uint16_t)forge_between(rng, 0, s->bits == 8 ? 255 : 65535);
    random_mix(rng, s->bits, &m->mix[0]);
    random_mix(rng, s->bits, &m->mix[1]);
    for (unsigned c = 0; c < PXR_SORTED_MAX_CLASSES; c++) {
        m->counts[c] = s->n_frames * s->height_px * s->width_px;
        at += forge_below(rng, most / 12);
        m->thresholds[c] = at = at < most ? at : most;
    }
}

static struct pxr_sorted_space guarded_space(const struct sorted_case *c, enum guard_side side)
{
    struct pxr_scratch measure = {0};
    struct pxr_sorted_space space;
    cr_assert(pxr_sorted_space_get(&measure, &c->shape, &space));
    struct pxr_scratch exact = {guard_get(S_SPACE, measure.capacity, side, 64), measure.capacity};
    cr_assert(pxr_sorted_space_get(&exact, &c->shape, &space));
    cr_assert_eq(exact.bytes, space.rows);
    pxr_free(measure.bytes);
    return space;
}

static uint64_t sorted_decode(const void *what, enum guard_side side)
{
    const struct sorted_case *c = what;
    uint64_t rng = c->seed;
    const struct pxr_sorted_space space = guarded_space(c, side);
    const size_t raw_bytes = pxr_block_raw_bytes(&c->shape), n = raw_bytes / (c->shape.bits / 8u);
    const size_t n_q = (c->m->n_classes + (c->shape.bits == 16)) * n;
    const uint8_t *const q = random_copy(S_SRC, &rng, n_q + PXR_SORTED_SEGMENT_BYTES, side, 1);
    uint8_t *const dst = guard_get(S_DST, raw_bytes, side, 1);
    cr_assert(pxr_sorted_kernels_now(c->shape.bits)->decode(c->m, &c->shape, &space, q, dst));
    return pxr_xxh3_64(dst, raw_bytes);
}

/* What the encoder asks; rows of the source lie apart, the last one touches the guard. */
static uint64_t sorted_encode(const void *what, enum guard_side side)
{
    const struct sorted_case *c = what;
    uint64_t rng = c->seed, hash = 0;
    const struct pxr_sorted_space space = guarded_space(c, side);
    const struct pxr_sorted_kernels *const k = pxr_sorted_kernels_now(c->shape.bits);
    const size_t raw_bytes = pxr_block_raw_bytes(&c->shape), row = c->shape.width_px * (c->shape.bits / 8u);
    const size_t stride = row + 2 * forge_below(&rng, 3), n_rows = (size_t)c->shape.n_frames * c->shape.height_px;
    const struct pxr_block_source s = {
        c->shape,
        {random_copy(S_SRC, &rng, (n_rows - 1) * stride + row, side, 1), stride, stride * c->shape.height_px}};
    const size_t n_segments = n_rows * space.n_segments;
    uint8_t *const z = guard_get(S_DST, raw_bytes, side, 2);
    uint32_t *const contexts = guard_get(S_CONTEXTS, n_segments * sizeof *contexts, side, 4);
    struct pxr_sorted_sums *const sums = guard_get(S_SUMS, sizeof *sums, side, 8);
    for (unsigned group = 0; group < 2 && group < c->shape.n_frames; group++) {
        k->fit(&s, &space, c->m->start, group, 1 + forge_below(&rng, 3), sums);
        hash = 3 * hash + pxr_xxh3_64((const uint8_t *)sums, sizeof *sums);
        hash = 3 * hash + k->cost(&s, &space, c->m, group, 1);
    }
    k->residuals(&s, &space, c->m, z, contexts);
    return hash + 5 * pxr_xxh3_64(z, raw_bytes) +
           7 * pxr_xxh3_64((const uint8_t *)contexts, n_segments * sizeof *contexts);
}

Test(block_guard, sorted, .timeout = 300)
{
    for (unsigned i = 0; i < N_WIDTHS; i++)
        for (unsigned bits = 8; bits <= 16; bits += 8) {
            const struct pxr_block_shape s = {1 + i % 3, i % 16 == 7 ? 17 : 1 + i % 5, width_at(i), (uint8_t)bits};
            uint64_t rng = 1000 * i + bits;
            struct pxr_sorted_model m;
            if (!pxr_sorted_is_possible(&s))
                continue;
            random_sorted_model(&rng, &s, &m);
            const struct sorted_case c = {s, &m, rng};
            expect_equal_everywhere(sorted_decode, &c, "decode", s.width_px);
            expect_equal_everywhere(sorted_encode, &c, "encode", s.width_px);
        }
}

/* ---- match -------------------------------------------------------------------------------------- */

struct match_case {
    struct pxr_block_shape shape;
    const struct pxr_match_tables *tables;
    unsigned n_refs;
    bool is_encoder;
    uint64_t seed;
};
enum { M_VALUES, M_RANKS, M_STATE, M_REF0, M_REF1, M_SRC, M_DST, M_ROWS };

/* Random bytes as a unit, or samples that all have a rank. */
static uint64_t match_walk(const void *what, enum guard_side side)
{
    const struct match_case *c = what;
    uint64_t rng = c->seed;
    const uint32_t n_values = 1u << c->shape.bits;
    const size_t row = c->shape.width_px * (c->shape.bits / 8u), n = row * c->shape.height_px;
    struct pxr_match_map map = {n_values, guard_get(M_VALUES, n_values * 2, side, 2),
                                guard_get(M_RANKS, n_values * 2, side, 2)};
    struct pxr_buffer out = {0};
    for (uint32_t v = 0; v < n_values; v++)
        map.value_of[v] = map.rank_of[v] = (uint16_t)v;
    struct pxr_match_unit u = {.tables = c->tables, .map = &map, .width_px = c->shape.width_px,
                               .height_px = c->shape.height_px, .bits = c->shape.bits, .n_refs = c->n_refs,
                               .stride_bytes = row};
    u.mode = (struct pxr_match_mode){forge_once_in(&rng, 2), forge_once_in(&rng, 2),
                                     (uint8_t)forge_below(&rng, PXR_MATCH_MAX_CANDIDATES + 1),
                                     (uint8_t)forge_between(&rng, PXR_MATCH_MIN_TABLE_BITS, 8)};
    const size_t n_state = pxr_match_state_bytes(u.mode.table_bits);
    u.state = guard_get(M_STATE, n_state, side, 4);
    pxr_match_state_init(u.state, u.mode.table_bits);
    u.scratch = guard_get(M_ROWS, pxr_match_scratch_bytes(u.width_px), side, 2);
    for (unsigned i = 0; i < c->n_refs; i++) {
        u.refs[i].samples = random_copy(M_REF0 + i, &rng, n, side, 1);
        u.refs[i].stride_bytes = row;
        u.refs[i].dx = c->is_encoder ? (int)forge_between(&rng, -128, 127) : 0;
        u.refs[i].dy = c->is_encoder ? (int)forge_between(&rng, -128, 127) : 0;
    }
    const size_t n_src = c->is_encoder ? n : 1 + forge_below(&rng, 3 * n);
    const uint8_t *const src = random_copy(M_SRC, &rng, n_src, side, 1);
    if (c->is_encoder) {
        u.coder = pxr_match_encoder_of(&out);
        u.is_intra = forge_once_in(&rng, 4);
        u.src = src;
    } else {
        u.coder = pxr_match_decoder_of(src, n_src);
        u.dst = guard_get(M_DST, n, side, 1);
    }
    pxr_match_walk_now(c->is_encoder, c->shape.bits)(&u);
    const bool is_good = !c->is_encoder || pxr_match_encoder_end(&u.coder);
    cr_assert(is_good);
    const uint64_t hash = pxr_xxh3_64((const uint8_t *)u.state, n_state) +
                          (c->is_encoder ? 3 * pxr_xxh3_64(out.bytes, out.n_bytes) : 5 * pxr_xxh3_64(u.dst, n));
    pxr_buffer_fini(&out);
    return hash;
}

Test(block_guard, match, .timeout = 300)
{
    static struct pxr_match_tables tables;
    pxr_match_tables_init(&tables);
    for (unsigned i = 0; i < N_WIDTHS; i++)
        for (unsigned k = 0; k < 4; k++) {
            const struct pxr_block_shape s = {3, 1 + i % 5, width_at(i), k % 2 ? 16 : 8};
            const struct match_case c = {s, &tables, (i + k) % 3, k > 1, 1000 * i + k};
            expect_equal_everywhere(match_walk, &c, c.is_encoder ? "match, encoder" : "match, decoder", s.width_px);
        }
}

/* ---- filters of zstd blocks --------------------------------------------------------------------- */

enum { F_SRC, F_A, F_B, F_C };

/* There and back again. */
static void check_filter(const struct pxr_block_shape *s, enum pxr_delta delta, enum pxr_shuffle shuffle,
                         enum guard_side side, uint64_t seed)
{
    uint64_t rng = seed;
    const size_t sample = s->bits / 8u, n = (size_t)s->n_frames * s->height_px * s->width_px;
    const size_t row = s->width_px * sample, stride = row + forge_below(&rng, 3), n_rows = n / s->width_px;
    const struct pxr_samples src = {random_copy(F_SRC, &rng, (n_rows - 1) * stride + row, side, 1), stride,
                                    stride * s->height_px};
    uint8_t *const a = guard_get(F_A, n * sample, side, 1), *const b = guard_get(F_B, n * sample, side, 1);
    uint8_t *const c = guard_get(F_C, n * sample, side, 1);
    pxr_filter_delta(s, &src, delta, a);
    pxr_filter_transpose(s->bits, s->n_frames, n / s->n_frames, a, b);
    pxr_filter_shuffle(shuffle, s->bits, n, b, c);
    memset(a, 0, n * sample);
    memset(b, 0, n * sample);
    pxr_filter_unshuffle(shuffle, s->bits, n, c, b);
    pxr_filter_transpose(s->bits, n / s->n_frames, s->n_frames, b, a);
    pxr_filter_undelta(s, delta, a);
    for (size_t y = 0; y < n_rows; y++)
        cr_assert(!memcmp(a + y * row, src.first + y * stride, row), "width %u, delta %d, shuffle %d", s->width_px,
                  (int)delta, (int)shuffle);
}

Test(block_guard, filters, .timeout = 300)
{
    for (unsigned i = 0; i < N_WIDTHS; i++)
        for (unsigned bits = 8; bits <= 16; bits += 8)
            for (int delta = 0; delta < PXR_N_DELTAS; delta++)
                for (int shuffle = 0; shuffle < PXR_N_SHUFFLES; shuffle++) {
                    const struct pxr_block_shape s = {1 + i % 6, 1 + i % 3, width_at(i), (uint8_t)bits};
                    for (int side = 0; side < GUARD_SIDES && (bits == 16 || shuffle != PXR_SHUFFLE_BYTES); side++)
                        check_filter(&s, (enum pxr_delta)delta, (enum pxr_shuffle)shuffle, (enum guard_side)side,
                                     1000 * i + bits);
                }
}
