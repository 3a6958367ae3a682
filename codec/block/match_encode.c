/* SPDX-License-Identifier: MIT
 * Codec 4: choosing a mode and writing units. */
#include "match.h"

#include "diag.h"
#include "match_coder.h"
#include "predict.h" /* the order of frames */

/* Of the states of a block's frames. */
#define MAX_STATES_BYTES ((uint64_t)1 << 28)

struct pxr_match_encoder {
    struct pxr_match_tables tables;
    struct pxr_match_map map;
    uint16_t values[65536], ranks[65536];
    struct pxr_scratch states, rows, trial, places;
    struct pxr_buffer units; /* in the order in which they are coded */
};

void pxr_match_encoder_free(struct pxr_match_encoder *e)
{
    if (!e)
        return;
    pxr_free(e->states.bytes);
    pxr_free(e->rows.bytes);
    pxr_free(e->trial.bytes);
    pxr_free(e->places.bytes);
    pxr_buffer_fini(&e->units);
    pxr_free(e);
}

/* Where a frame's unit lies among the units. */
struct place {
    size_t off_bytes, n_bytes;
};

/* One block. */
struct job {
    struct pxr_match_encoder *e;
    const struct pxr_block_source *source;
    struct pxr_match_mode mode;
    size_t state_bytes;
    uint8_t *states; /* of each frame */
    struct place *places;
};

/* ---- samples ------------------------------------------------------------------------------------ */

static uint16_t sample_at(const uint8_t *row, uint8_t bits, uint32_t x)
{
    uint16_t v;
    if (bits == 8)
        return row[x];
    memcpy(&v, row + 2 * (size_t)x, 2);
    return v;
}

/* Places of a row that differ from another row. */
static uint32_t count_unlike(const uint8_t *a, const uint8_t *b, uint8_t bits, uint32_t n)
{
    uint32_t sum = 0;
    if (bits == 8) {
        for (uint32_t x = 0; x < n; x++)
            sum += a[x] != b[x];
        return sum;
    }
    for (uint32_t x = 0; x < n; x++) {
        uint16_t v, w;
        memcpy(&v, a + 2 * (size_t)x, 2);
        memcpy(&w, b + 2 * (size_t)x, 2);
        sum += v != w;
    }
    return sum;
}

bool pxr_match_is_possible(const struct pxr_block_shape *s)
{
    return s->n_frames * pxr_match_state_bytes(pxr_match_most_table_bits(s)) <= MAX_STATES_BYTES;
}

static void find_values(const struct job *j)
{
    const struct pxr_block_shape *const s = &j->source->shape;
    struct pxr_match_map *const m = &j->e->map;
    const uint32_t n_values = (uint32_t)1 << s->bits;
    memset(m->rank_of, 0, n_values * sizeof *m->rank_of);
    for (uint32_t t = 0; t < s->n_frames; t++)
        for (uint32_t y = 0; y < s->height_px; y++) {
            const uint8_t *const row = pxr_samples_row(&j->source->samples, t, y);
            for (uint32_t x = 0; x < s->width_px; x++)
                m->rank_of[sample_at(row, s->bits, x)] = 1;
        }
    m->n_ranks = 0;
    for (uint32_t v = 0; v < n_values; v++)
        if (m->rank_of[v]) {
            m->value_of[m->n_ranks] = (uint16_t)v;
            m->rank_of[v] = (uint16_t)m->n_ranks++;
        }
}

/* ---- motion ------------------------------------------------------------------------------------- */

/* Rows of the frame looked at, and how many of their samples differ from the moved reference's, in
 * 1/65536; only where both exist. */
static uint32_t share_unlike(const struct job *j, uint32_t frame, uint32_t ref, int dx, int dy)
{
    const struct pxr_block_shape *const s = &j->source->shape;
    const uint32_t sample = s->bits / 8u, step = s->height_px / 48 + 1;
    const uint32_t ax = dx < 0 ? (uint32_t)-dx : (uint32_t)dx, ay = dy < 0 ? (uint32_t)-dy : (uint32_t)dy;
    uint64_t n = 0, n_unlike = 0;
    if (ax * 2 > s->width_px || ay * 2 > s->height_px)
        return 65536;
    for (uint32_t y = dy < 0 ? ay : 0; y < s->height_px - (dy > 0 ? ay : 0); y += step) {
        const uint8_t *a = pxr_samples_row(&j->source->samples, frame, y);
        const uint8_t *b = pxr_samples_row(&j->source->samples, ref, dy < 0 ? y - ay : y + ay);
        n_unlike += count_unlike(a + (dx < 0 ? ax * sample : 0), b + (dx > 0 ? ax * sample : 0), s->bits,
                                 s->width_px - ax);
        n += s->width_px - ax;
    }
    return (uint32_t)(n_unlike * 65536 / n);
}

enum { SEARCH_X = 64, SEARCH_Y = 16 };

/* The motion of the whole picture between two frames; none unless it explains an eighth of what differs. */
static void find_motion(const struct job *j, uint32_t frame, uint32_t ref, int *dx, int *dy)
{
    const uint32_t still = share_unlike(j, frame, ref, 0, 0);
    uint32_t best = still;
    int best_x = 0, best_y = 0;
    *dx = *dy = 0;
    if (still < 65536 / 256)
        return;
    for (int x = -SEARCH_X; x <= SEARCH_X; x++) {
        const uint32_t n = share_unlike(j, frame, ref, x, 0);
        if (n < best)
            best = n, best_x = x;
    }
    const int middle = best_x;
    for (int y = -SEARCH_Y; y <= SEARCH_Y; y++)
        for (int x = middle - 1; x <= middle + 1; x++) {
            const uint32_t n = share_unlike(j, frame, ref, x, y);
            if (n < best)
                best = n, best_x = x, best_y = y;
        }
    if (best < still - still / 8) {
        *dx = best_x;
        *dy = best_y;
    }
}

/* ---- units -------------------------------------------------------------------------------------- */

static const uint8_t *frame_of(const struct job *j, uint32_t frame)
{
    return j->source->samples.first + frame * j->source->samples.frame_stride_bytes;
}

static bool frames_are_same(const struct job *j, uint32_t a, uint32_t b)
{
    const struct pxr_block_shape *const s = &j->source->shape;
    for (uint32_t y = 0; y < s->height_px; y++)
        if (memcmp(pxr_samples_row(&j->source->samples, a, y), pxr_samples_row(&j->source->samples, b, y),
                   (size_t)s->width_px * (s->bits / 8u)))
            return false;
    return true;
}

/* A frame and what it refers to, with motion. */
static struct pxr_match_unit unit_of(const struct job *j, uint32_t frame, const uint32_t *refs,
                                     unsigned n_refs)
{
    const struct pxr_block_source *const s = j->source;
    struct pxr_match_unit u = {.tables = &j->e->tables, .map = &j->e->map,
                               .width_px = s->shape.width_px, .height_px = s->shape.height_px,
                               .bits = s->shape.bits, .n_refs = n_refs, .src = frame_of(j, frame),
                               .stride_bytes = s->samples.row_stride_bytes, .scratch = j->e->rows.bytes};
    u.is_same = n_refs && frames_are_same(j, frame, refs[0]);
    for (unsigned i = 0; i < n_refs; i++) {
        u.refs[i].samples = frame_of(j, refs[i]);
        u.refs[i].stride_bytes = s->samples.row_stride_bytes;
        if (!u.is_same)
            find_motion(j, frame, refs[i], &u.refs[i].dx, &u.refs[i].dy);
    }
    return u;
}

/* Append a unit, which has at least one byte; state goes on from where it is. */
static bool put_unit(const struct job *j, struct pxr_match_unit *u, struct pxr_match_state *state)
{
    u->mode = j->mode;
    u->state = state;
    u->n_mixed = 0;
    struct pxr_buffer *const units = &j->e->units;
    const size_t start = units->n_bytes;
    u->coder = pxr_match_encoder_of(units);
    pxr_match_walk_now(true, u->bits)(u);
    return pxr_match_encoder_end(&u->coder) && (units->n_bytes > start || pxr_buffer_add(units, "", 1));
}

static struct pxr_match_state *state_of(const struct job *j, uint32_t frame)
{
    return (void *)(j->states + frame * j->state_bytes);
}

static unsigned refs_of(const struct job *j, uint32_t frame, uint32_t refs[2])
{
    if (!frame)
        return 0;
    const struct pxr_predict_refs r = pxr_predict_refs_of(PXR_ORDER_DYADIC, frame, j->source->shape.n_frames);
    refs[0] = r.ref[0];
    refs[1] = r.ref[1];
    return r.ref[0] == r.ref[1] ? 1 : 2;
}

static void begin_state(const struct job *j, struct pxr_match_state *state, const uint32_t *refs,
                        unsigned n_refs)
{
    if (n_refs)
        memcpy(state, state_of(j, refs[pxr_match_parent(refs, n_refs)]), j->state_bytes);
    else
        pxr_match_state_init(state, j->mode.table_bits);
}

/* How the frames of one distance to their references are coded: the first of them decides. */
struct level {
    bool is_decided, is_intra;
};

static bool put_frame(const struct job *j, uint32_t frame, struct level *level)
{
    struct pxr_buffer *const units = &j->e->units;
    uint32_t refs[2] = {0, 0};
    const unsigned n_refs = refs_of(j, frame, refs);
    struct pxr_match_unit u = unit_of(j, frame, refs, n_refs);
    struct pxr_match_state *const state = state_of(j, frame), *const trial = (void *)j->e->trial.bytes;
    const size_t start = units->n_bytes;
    begin_state(j, state, refs, n_refs);
    u.is_intra = n_refs && level->is_intra;
    if (!put_unit(j, &u, state))
        return false;
    if (n_refs && !level->is_decided && !u.is_same) {
        const size_t middle = units->n_bytes, n_inter = middle - start;
        begin_state(j, trial, refs, n_refs);
        u.is_intra = true;
        if (!put_unit(j, &u, trial))
            return false;
        const size_t n_intra = units->n_bytes - middle;
        level->is_decided = true;
        level->is_intra = n_intra < n_inter;
        if (level->is_intra) {
            memmove(units->bytes + start, units->bytes + middle, n_intra);
            memcpy(state, trial, j->state_bytes);
        }
        units->n_bytes = start + (level->is_intra ? n_intra : n_inter);
    }
    j->places[frame] = (struct place){start, units->n_bytes - start};
    return true;
}

/* From the widest distance down, so that references and states are there. */
static bool put_frames(const struct job *j)
{
    const uint32_t n = j->source->shape.n_frames;
    struct level level = {0};
    if (!put_frame(j, 0, &level))
        return false;
    for (uint32_t s = 1u << 15; s; s >>= 1) {
        level = (struct level){0};
        for (uint32_t f = s; f < n; f += 2 * s)
            if (!put_frame(j, f, &level))
                return false;
    }
    return true;
}

/* ---- choosing a mode ---------------------------------------------------------------------------- */

/* What a mode costs, from two frames: one without references, one between two others.  UINT64_MAX: no
 * memory.  n_mixed: of the one with more. */
static uint64_t cost_of(const struct job *j, uint64_t *n_mixed)
{
    const uint32_t n = j->source->shape.n_frames, refs[2] = {0, n > 2 ? 2 : 0};
    struct pxr_match_state *const state = (void *)j->e->trial.bytes;
    struct pxr_match_unit u = unit_of(j, 0, NULL, 0);
    pxr_match_state_init(state, j->mode.table_bits);
    j->e->units.n_bytes = 0;
    if (!put_unit(j, &u, state))
        return UINT64_MAX;
    const uint64_t first = j->e->units.n_bytes;
    *n_mixed = u.n_mixed;
    if (n == 1)
        return first;
    u = unit_of(j, 1, refs, refs[1] ? 2 : 1);
    if (!put_unit(j, &u, state))
        return UINT64_MAX;
    *n_mixed = pxr_max_u64(*n_mixed, u.n_mixed);
    return first + (j->e->units.n_bytes - first) * (n - 1);
}

/* Labels; steps between levels; a scene that stands still. */
static bool choose_mode(struct job *j)
{
    static const struct pxr_match_mode modes[] = {{false, false, 5, 0}, {true, false, 5, 0}, {true, true, 0, 0}};
    const uint8_t most = pxr_match_most_table_bits(&j->source->shape);
    uint64_t least = UINT64_MAX, n_needed = 0;
    struct pxr_match_mode best = modes[0];
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        uint64_t n_mixed = 0;
        j->mode = modes[i];
        j->mode.table_bits = most;
        const uint64_t cost = cost_of(j, &n_mixed);
        if (cost < least) {
            least = cost;
            best = modes[i];
            n_needed = n_mixed;
        }
    }
    j->mode = best;
    j->mode.table_bits = PXR_MATCH_MIN_TABLE_BITS + 2;
    while (j->mode.table_bits < most && (uint64_t)1 << j->mode.table_bits < n_needed)
        j->mode.table_bits++;
    j->state_bytes = pxr_match_state_bytes(j->mode.table_bits);
    return least != UINT64_MAX;
}

/* ---- all of it ---------------------------------------------------------------------------------- */

static struct pxr_match_encoder *encoder_of(pxr_block_encoder *e)
{
    if (!e->match && (e->match = pxr_alloc_zero(1, sizeof *e->match))) {
        pxr_match_tables_init(&e->match->tables);
        e->match->map.value_of = e->match->values;
        e->match->map.rank_of = e->match->ranks;
    }
    return e->match;
}

static bool put_header(const struct job *j, struct pxr_buffer *header, struct pxr_buffer *payload)
{
    const struct pxr_block_shape *const s = &j->source->shape;
    const struct pxr_buffer *const units = &j->e->units;
    struct pxr_buffer params = {0};
    const uint8_t fixed[PXR_MATCH_FIXED_BYTES] = {
        (uint8_t)(j->mode.is_numeric | j->mode.is_textured << 1 | j->mode.n_candidates << 2),
        j->mode.table_bits};
    bool is_done = pxr_buffer_add(&params, fixed, sizeof fixed) &&
                   pxr_match_map_store(&j->e->tables, &j->e->map, s->bits, &params) &&
                   pxr_block_header_begin(header, s, PXR_BLOCK_MATCH, 1, params.bytes,
                                          (uint32_t)params.n_bytes);
    for (uint32_t f = 0; f < s->n_frames && is_done; f++) {
        const uint8_t *const unit = units->bytes + j->places[f].off_bytes;
        is_done = pxr_buffer_add(payload, unit, j->places[f].n_bytes) &&
                  pxr_block_header_add_unit(header, unit, j->places[f].n_bytes);
    }
    pxr_buffer_fini(&params);
    return is_done;
}

enum pxr_err pxr_match_encode(pxr_block_encoder *encoder, const struct pxr_block_source *s,
                              struct pxr_buffer *header, struct pxr_buffer *payload,
                              struct pxr_diag *diag)
{
    struct pxr_match_encoder *const e = encoder_of(encoder);
    struct job j = {.e = e, .source = s};
    const size_t most = pxr_match_state_bytes(pxr_match_most_table_bits(&s->shape));
    const uint32_t n = s->shape.n_frames;
    if (!e || !pxr_scratch_get(&e->rows, pxr_match_scratch_bytes(s->shape.width_px)) ||
        !pxr_scratch_get(&e->trial, most) ||
        !(j.places = (void *)pxr_scratch_get(&e->places, n * sizeof *j.places)))
        return pxr_fail_nomem(diag, most);
    find_values(&j);
    if (!choose_mode(&j) || !(j.states = pxr_scratch_get(&e->states, n * j.state_bytes)))
        return pxr_fail_nomem(diag, n * j.state_bytes);
    e->units.n_bytes = 0;
    if (!put_frames(&j) || !put_header(&j, header, payload))
        return pxr_fail_nomem(diag, pxr_block_raw_bytes(&s->shape));
    return PXR_OK;
}
