/* SPDX-License-Identifier: MIT
 * The model of an adaptive block: as bytes, and as the state that decoding begins with. */
#include "adaptive.h"

#include "diag.h"
#include "predict.h" /* pxr_predict_refs_of, the dyadic order */

/* ---- places -------------------------------------------------------------------------------------- */

static struct pxr_adaptive_place place_from_middle(uint32_t f, uint32_t n)
{
    const uint32_t middle = n / 2, depth = f < middle ? middle - f : f - middle;
    if (!depth)
        return (struct pxr_adaptive_place){.group = 0};
    const uint32_t near = f < middle ? f + 1 : f - 1;
    /* The first frame of a chain has one neighbour only. */
    const uint32_t far = depth == 1 ? near : f < middle ? f + 2 : f - 2;
    return (struct pxr_adaptive_place){depth == 1 ? 1u : f < middle ? 2u : 3u, {near, far}, depth};
}

struct pxr_adaptive_place pxr_adaptive_place_of(enum pxr_adaptive_order order, uint32_t f, uint32_t n)
{
    if (order == PXR_ADAPTIVE_MIDDLE)
        return place_from_middle(f, n);
    const struct pxr_predict_refs r = pxr_predict_refs_of(PXR_ORDER_DYADIC, f, n);
    return (struct pxr_adaptive_place){r.group, {r.ref[0], r.ref[1]}, (unsigned)__builtin_popcount(f)};
}

/* ---- models -------------------------------------------------------------------------------------- */

bool pxr_adaptive_model_init(struct pxr_adaptive_model *m, const struct pxr_block_shape *shape)
{
    m->bits = shape->bits;
    m->n_frames = shape->n_frames;
    m->width_px = shape->width_px;
    m->height_px = shape->height_px;
    /* As much precision as 16 bits have room for. */
    m->fine = (uint8_t)pxr_min_u64(3, 16u - m->depth);
    m->background = (uint8_t)pxr_min_u64(4, 16u - m->depth);
    m->n_tiles_x = (uint32_t)pxr_div_up_u64(m->width_px, 1u << m->tile_log2);
    m->n_tiles_y = (uint32_t)pxr_div_up_u64(m->height_px, 1u << m->tile_log2);
    memset(m->has_group, 0, sizeof m->has_group);
    /* In the dyadic order, frames 0 to 4 show every group; a block in the other order has few frames. */
    for (uint32_t f = 0; f < m->n_frames && f < PXR_ADAPTIVE_MAX_CHAIN; f++)
        m->has_group[pxr_adaptive_place_of(m->order, f, m->n_frames).group] = true;
    m->tiles = pxr_alloc_zero((size_t)PXR_ADAPTIVE_GROUPS * m->n_tiles_y * m->n_tiles_x, sizeof *m->tiles);
    return m->tiles != NULL;
}

void pxr_adaptive_model_fini(struct pxr_adaptive_model *m)
{
    pxr_free(m->tiles);
    m->tiles = NULL;
}

bool pxr_adaptive_is_possible(const struct pxr_block_shape *s)
{
    const uint64_t plane = pxr_adaptive_plane_bytes(s->width_px, s->height_px);
    return plane <= pxr_adaptive_most_plane_bytes(s->width_px, s->height_px) &&
           (3 * plane + sizeof(struct pxr_adaptive_state)) * s->n_frames <= (uint64_t)1 << 31;
}

bool pxr_adaptive_weights_fit(const int32_t *w, unsigned n)
{
    int64_t sum = 0;
    for (unsigned k = 0; k < n; k++)
        sum += w[k] < 0 ? -(int64_t)w[k] : w[k];
    return sum <= PXR_ADAPTIVE_MAX_WEIGHTS;
}

/* ---- levels -------------------------------------------------------------------------------------- */

/* The mean |residual| that a level stands for, in 1/256. */
static uint64_t mean_of_level(const struct pxr_adaptive_model *m, unsigned level)
{
    const unsigned span = (unsigned)m->most_code - m->least_code;
    const unsigned c = m->least_code + (2 * level + 1) * span / (2 * PXR_ADAPTIVE_LEVELS);
    const uint64_t a = c < 16 ? c : (uint64_t)(8 + c % 8) << (c / 8 - 1);
    return a * 16 >> m->fine;
}

void pxr_adaptive_set_levels(struct pxr_adaptive_model *m)
{
    const unsigned least = m->least_code, span = m->most_code - least;
    for (unsigned c = 0; c < 256; c++)
        m->level_of[c] = (uint8_t)(c <= least ? 0
                                   : c >= m->most_code
                                       ? PXR_ADAPTIVE_LEVELS - 1
                                       : (c - least) * PXR_ADAPTIVE_LEVELS / span);
    for (unsigned l = 0; l < PXR_ADAPTIVE_LEVELS; l++) {
        unsigned shift = 0; /* the same for both levels of a pair, which share tables */
        while (shift < PXR_ADAPTIVE_MAX_SHIFT && mean_of_level(m, l & ~1u) >> shift > 4 * 256)
            shift++;
        m->level_shift[l] = (uint8_t)shift;
    }
}

/* A geometric distribution: tail(z) = theta^z, in 1/65536. */
static void init_table(struct pxr_adaptive_table *t, uint64_t mean_256)
{
    const uint64_t z = pxr_max_u64(16, 2 * mean_256);
    uint64_t power = z * 65536 / (256 + z), tail = 65536; /* theta^(2^k) */
    t->total = 0;
    for (unsigned s = 0; s < PXR_ADAPTIVE_SYMBOLS; s++) {
        /* Symbols are 1 wide, 8 from 16 on, twice as wide at 18, 20 and 22, 256 at 24 and then always twice. */
        const unsigned n_doublings = s == 16 ? 3 : s == 24 ? 2 : s > 24 || (s > 16 && s % 2 == 0);
        for (unsigned k = 0; k < n_doublings; k++)
            power = power * power >> 16;
        const uint64_t next = s + 1 < PXR_ADAPTIVE_SYMBOLS ? tail * power >> 16 : 0;
        t->counts[s] = (uint16_t)((tail - next) * PXR_ADAPTIVE_PRIOR >> 16);
        t->total += t->counts[s];
        tail = next;
    }
    pxr_adaptive_rebuild(t);
    t->wait = PXR_ADAPTIVE_LEAST_WAIT;
}

void pxr_adaptive_state_init(const struct pxr_adaptive_model *m, struct pxr_adaptive_state *s)
{
    memset(s, 0, sizeof *s);
    for (unsigned l = 0; l < PXR_ADAPTIVE_LEVELS; l++)
        for (unsigned p = 0; p < PXR_ADAPTIVE_PHASES; p++)
            init_table(&s->own[l * PXR_ADAPTIVE_PHASES + p], mean_of_level(m, l) >> m->level_shift[l]);
}

/* ---- bytes --------------------------------------------------------------------------------------- */

/* Visit the weights of all tiles in the order of the file; they are coded as differences from the tile
 * before, with one adaptive code per tap. */
struct tile_coder {
    struct pxr_bit_writer *w; /* NULL: reading */
    struct pxr_bit_reader *r;
    struct pxr_rice taps[PXR_ADAPTIVE_INTER_TAPS], bias;
};

/* false: weights that could overflow the prediction's sum. */
static bool code_tile(struct tile_coder *c, struct pxr_adaptive_tile *t, unsigned n_taps,
                      struct pxr_adaptive_tile *before)
{
    const int32_t to_file = 1 << (PXR_ADAPTIVE_Q - PXR_ADAPTIVE_WEIGHT_Q);
    for (unsigned k = 0; k < n_taps; k++)
        before->w[k] = pxr_rice_code_difference(c->w, c->r, &c->taps[k], t->w[k] / to_file, before->w[k]);
    before->bias = pxr_rice_code_difference(c->w, c->r, &c->bias, t->bias, before->bias);
    if (!pxr_adaptive_weights_fit(before->w, n_taps) || before->bias > PXR_ADAPTIVE_MAX_BIAS ||
        before->bias < -PXR_ADAPTIVE_MAX_BIAS)
        return false;
    for (unsigned k = 0; k < n_taps; k++)
        t->w[k] = before->w[k] * to_file;
    t->bias = before->bias;
    return true;
}

static bool code_group(struct tile_coder *c, const struct pxr_adaptive_model *m, unsigned group)
{
    struct pxr_adaptive_tile before = {{0}, 0};
    const struct pxr_rice fresh = PXR_RICE_INIT;
    c->bias = fresh;
    for (unsigned k = 0; k < PXR_ADAPTIVE_INTER_TAPS; k++)
        c->taps[k] = fresh;
    for (uint32_t y = 0; y < m->n_tiles_y; y++)
        for (uint32_t x = 0; x < m->n_tiles_x; x++)
            if (!code_tile(c, pxr_adaptive_tiles(m, group, y) + x, pxr_adaptive_n_taps(group), &before) ||
                (c->r && c->r->is_past_end))
                return false;
    return true;
}

bool pxr_adaptive_model_store(const struct pxr_adaptive_model *m, struct pxr_buffer *out)
{
    uint8_t fixed[PXR_ADAPTIVE_FIXED_BYTES] = {(uint8_t)m->order, m->depth, m->shift, m->tile_log2};
    pxr_store_u16le(fixed + 4, m->offset);
    fixed[6] = m->least_code;
    fixed[7] = m->most_code;
    if (!pxr_buffer_add(out, fixed, sizeof fixed))
        return false;
    struct pxr_bit_writer w = {.to = out};
    struct tile_coder c = {.w = &w};
    for (unsigned g = 0; g < PXR_ADAPTIVE_GROUPS; g++) {
        if (!m->has_group[g])
            continue;
        for (unsigned k = 0; k < PXR_ADAPTIVE_FEATURES; k++)
            pxr_bits_put(&w, m->features[g][k], PXR_ADAPTIVE_FEATURE_BITS);
        (void)code_group(&c, m, g);
    }
    pxr_bits_end(&w);
    return !w.is_failed;
}

static enum pxr_err fail(const char *text, struct pxr_diag *diag)
{
    return pxr_fail(diag, PXR_E_CORRUPT, "an adaptive block has %s", text);
}

enum pxr_err pxr_adaptive_model_load(struct pxr_adaptive_model *m, const struct pxr_block_header *h,
                                     struct pxr_diag *diag)
{
    const uint8_t *p = h->params;
    *m = (struct pxr_adaptive_model){.order = (enum pxr_adaptive_order)p[0], .depth = p[1], .shift = p[2],
                                     .tile_log2 = p[3], .offset = pxr_load_u16le(p + 4),
                                     .least_code = p[6], .most_code = p[7]};
    if (!pxr_adaptive_model_init(m, &h->shape))
        return pxr_fail_nomem(diag, sizeof *m->tiles);
    pxr_adaptive_set_levels(m);
    struct pxr_bit_reader r = {.src = p + PXR_ADAPTIVE_FIXED_BYTES,
                               .n_bytes = h->params_bytes - PXR_ADAPTIVE_FIXED_BYTES};
    struct tile_coder c = {.r = &r};
    for (unsigned g = 0; g < PXR_ADAPTIVE_GROUPS; g++) {
        if (!m->has_group[g])
            continue;
        for (unsigned k = 0; k < PXR_ADAPTIVE_FEATURES; k++)
            m->features[g][k] = (uint16_t)pxr_bits_get(&r, PXR_ADAPTIVE_FEATURE_BITS);
        if (!code_group(&c, m, g))
            return fail("impossible weights", diag);
    }
    if (r.is_past_end || r.at != r.n_bytes || r.n_bits >= 8 || r.bits)
        return fail("parameters of another length", diag);
    return PXR_OK;
}

/* ---- planes -------------------------------------------------------------------------------------- */

void pxr_adaptive_edges(uint16_t *row, uint32_t width_px)
{
    for (ptrdiff_t k = 1; k <= PXR_ADAPTIVE_MARGIN; k++) {
        row[-k] = row[0];
        row[(ptrdiff_t)width_px + k - 1] = row[width_px - 1];
    }
}

void pxr_adaptive_borders(uint16_t *plane, uint32_t width_px, uint32_t height_px)
{
    const size_t stride = pxr_adaptive_stride(width_px);
    uint16_t *const first = plane - PXR_ADAPTIVE_MARGIN, *const last = first + (height_px - 1) * stride;
    for (uint32_t y = 0; y < height_px; y++)
        pxr_adaptive_edges(plane + y * stride, width_px);
    for (size_t k = 1; k <= PXR_ADAPTIVE_BORDER; k++) {
        memcpy(first - k * stride, first, stride * 2);
        memcpy(last + k * stride, last, stride * 2);
    }
}

/* What lies above a frame: its reference's first row, or middle gray. */
void pxr_adaptive_begin_frame(const struct pxr_adaptive_frame *f)
{
    const size_t stride = pxr_adaptive_stride(f->m->width_px);
    uint16_t *const above = f->x - PXR_ADAPTIVE_MARGIN - stride;
    for (size_t x = 0; x < stride; x++)
        above[x] = (uint16_t)(f->group ? f->ref[0][(ptrdiff_t)x - PXR_ADAPTIVE_MARGIN]
                                       : 1u << (f->m->depth - 1));
    memcpy(above - stride, above, stride * 2);
}

void pxr_adaptive_blend(const struct pxr_adaptive_model *m, unsigned depth, const uint16_t *x,
                        const uint16_t *before, uint16_t *after)
{
    const size_t stride = pxr_adaptive_stride(m->width_px);
    const int32_t parts = depth < 7 ? (int32_t)depth + 1 : 8, share = (16384 + parts / 2) / parts;
    for (uint32_t y = 0; y < m->height_px; y++) {
        const uint16_t *const from = x + y * stride, *const old = before ? before + y * stride : NULL;
        uint16_t *const to = after + y * stride;
        for (uint32_t i = 0; i < m->width_px; i++) {
            const int32_t v = from[i] << m->background;
            to[i] = (uint16_t)(old ? old[i] + (((v - old[i]) * share + 8192) >> 14) : v);
        }
    }
    pxr_adaptive_borders(after, m->width_px, m->height_px);
}
