/* SPDX-License-Identifier: MIT
 * Codec 3: how far tiles move between frames, by block matching on every eighth row.
 *
 * Whole samples are enough: the fitted weights of neighbours do the interpolation. */
#include "predict_choose.h"

enum { ROW_STEP = 8, WIDE_X = 12, WIDE_Y = 6, NEAR_X = 6, NEAR_Y = 3 };

struct search {
    const struct pxr_predict_model *m;
    const struct pxr_predict_kernels *k;
    const struct pxr_block_source *s;
};

struct tile {
    uint32_t x, y, n_columns, n_rows;
};

static struct tile tile_at(const struct search *q, uint32_t index)
{
    const uint32_t x = index % q->m->n_tiles_x * 2 * PXR_PREDICT_TILE;
    const uint32_t y = index / q->m->n_tiles_x * PXR_PREDICT_TILE_ROWS;
    return (struct tile){x, y, (uint32_t)pxr_min_u64(2 * PXR_PREDICT_TILE, q->m->width_px - x),
                         (uint32_t)pxr_min_u64(PXR_PREDICT_TILE_ROWS, q->m->height_px - y)};
}

/* Mean distance x 256 of a tile's rows first, first + ROW_STEP.. to where they would come from; UINT64_MAX if half
 * of it lies outside of the frame. */
static uint64_t cost(const struct search *q, const struct tile *t, uint32_t frame, uint32_t ref, int dx, int dy,
                     uint32_t first)
{
    const struct pxr_samples *samples = &q->s->samples;
    const uint8_t bits = q->s->shape.bits;
    const int64_t width = q->m->width_px, height = q->m->height_px;
    const int64_t x0 = (int64_t)t->x + dx < 0 ? -(int64_t)dx : t->x;
    const int64_t end = (int64_t)t->x + t->n_columns;
    const int64_t x1 = end + dx > width ? width - dx : end;
    uint64_t sum = 0, n_rows = 0, n_possible = 0;
    if (2 * (x1 - x0) < t->n_columns)
        return UINT64_MAX;
    for (uint32_t y = first; y < t->n_rows; y += ROW_STEP, n_possible++) {
        const int64_t row = (int64_t)t->y + y, from = row + dy;
        if (from < 0 || from >= height)
            continue;
        n_rows++;
        sum += q->k->distance(pxr_samples_row(samples, frame, (uint32_t)row) + x0 * (bits / 8),
                              pxr_samples_row(samples, ref, (uint32_t)from) + (x0 + dx) * (bits / 8),
                              (size_t)(x1 - x0), bits);
    }
    return 2 * n_rows < n_possible || !n_rows ? UINT64_MAX : (sum << 8) / (n_rows * (uint64_t)(x1 - x0));
}

/* The best place within range of a guess; no motion and the guess are preferred a little. */
static struct pxr_predict_motion find(const struct search *q, const struct tile *t, uint32_t frame, uint32_t ref,
                                      struct pxr_predict_motion guess, int range_x, int range_y)
{
    struct pxr_predict_motion best = {0, 0};
    uint64_t least = cost(q, t, frame, ref, 0, 0, 0);
    least -= least / 64;
    for (int dy = guess.y - range_y; dy <= guess.y + range_y; dy++)
        for (int dx = guess.x - range_x; dx <= guess.x + range_x; dx++) {
            if (dx < INT8_MIN || dx > INT8_MAX || dy < INT8_MIN || dy > INT8_MAX)
                continue;
            uint64_t c = cost(q, t, frame, ref, dx, dy, 0);
            c -= dx == guess.x && dy == guess.y && c != UINT64_MAX ? c / 128 : 0;
            if (c < least) {
                least = c;
                best = (struct pxr_predict_motion){(int8_t)dx, (int8_t)dy};
            }
        }
    return best;
}

static uint32_t n_tiles_of(const struct search *q) { return q->m->n_tiles_x * q->m->n_tiles_y; }

/* Whether motion brings a frame nearer to its first reference, seen on rows that were not searched. */
static void weigh_frame(const struct search *q, uint32_t frame, uint64_t *still, uint64_t *moved)
{
    const uint32_t ref = pxr_predict_refs_of(q->m->order, frame, q->m->n_frames).ref[0];
    for (uint32_t i = 0; i < n_tiles_of(q); i++) {
        const struct tile t = tile_at(q, i);
        const struct pxr_predict_motion none = {0, 0};
        const struct pxr_predict_motion v = find(q, &t, frame, ref, none, WIDE_X, WIDE_Y);
        const uint64_t a = cost(q, &t, frame, ref, 0, 0, ROW_STEP / 2);
        const uint64_t b = cost(q, &t, frame, ref, v.x, v.y, ROW_STEP / 2);
        if (a != UINT64_MAX && b != UINT64_MAX) {
            *still += a;
            *moved += b;
        }
    }
}

static int8_t twice(int v) { return (int8_t)(v > 63 ? 127 : v < -63 ? -127 : 2 * v); }

/* Both references of a frame.  What moves by v in one step moves by 2 v in two. */
static void find_frame(const struct search *q, uint32_t f, uint32_t step, struct pxr_predict_motion *motion)
{
    const struct pxr_predict_refs r = pxr_predict_refs_of(q->m->order, f, q->m->n_frames);
    const bool is_dyadic = q->m->order == PXR_ORDER_DYADIC;
    const size_t n = n_tiles_of(q);
    struct pxr_predict_motion *const own = motion + 2 * n * f;
    for (uint32_t ref = 0; ref < 2; ref++)
        for (uint32_t i = 0; i < n; i++) {
            const struct tile t = tile_at(q, i);
            const struct pxr_predict_motion *const half =
                is_dyadic ? step > 1 ? motion + 2 * n * (f - step / 2) + ref * n + i : NULL
                          : ref ? own + i : NULL;
            struct pxr_predict_motion guess = {0, 0};
            if (half)
                guess = (struct pxr_predict_motion){twice(half->x), twice(half->y)};
            own[ref * n + i] = find(q, &t, f, r.ref[ref], guess, half ? NEAR_X : WIDE_X,
                                    half ? NEAR_Y : WIDE_Y);
        }
}

bool pxr_choose_motion(const struct pxr_predict_model *m, const struct pxr_predict_kernels *k,
                       const struct pxr_block_source *s, struct pxr_predict_motion *motion)
{
    const struct search q = {m, k, s};
    uint64_t still = 0, moved = 0;
    for (uint32_t i = 1; i <= 3; i += 2) { /* odd frames, at a quarter and at three quarters */
        const uint32_t f = m->n_frames * i / 4 | 1;
        if (f < m->n_frames)
            weigh_frame(&q, f, &still, &moved);
    }
    if (moved >= still - still / 12) /* less would not pay for its time */
        return false;
    for (uint32_t step = 1; step < m->n_frames; step *= 2)
        for (uint32_t f = step; f < m->n_frames; f += 2 * step)
            find_frame(&q, f, step, motion);
    return true;
}
