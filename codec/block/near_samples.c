/* SPDX-License-Identifier: MIT
 * The samples of near-lossless archives: chosen within a bound, and compared with their source.
 *
 * With N for max_error and a step S of at most 2 N + 1, at least one multiple of S lies within N of any sample.  With S = 2 N + 1 it is
 * exactly one: samples are divided by S, as cheap as noise can become.  With S = N + 1 there are mostly two, and the choice is used to
 * let a sample keep its value from frame to frame for as long as possible: where noise is smaller than N, hardly anything then changes
 * (0.4 to 0.9 of the size at N = 4, thermal cameras, machines, particles; 1.4 times the size where noise is larger): docs/design.md.
 * So the two are compared on some rows. */
#include "near_samples.h"

#include "alloc.h"
#include "bytes.h"
#include "diag.h"
#include "log2.h"
#include "predict.h"

enum {
    CHUNK_SAMPLES = 1 << 14, /* columns of one row through all frames */
    PROBED_ROWS = 8,         /* one of so many rows is probed */
    N_TOKENS = 72,           /* of folded differences up to 2^17 */
};

/* Columns of one row, frame after frame. */
struct chunk {
    uint16_t *source, *least, *most; /* [frame][column]; multiples of step, in steps */
    bool *is_new;                    /* no value fits this frame and the one before it */
    uint32_t n;                      /* columns */
};

struct rounding {
    const struct pxr_near_block *b;
    uint32_t step;
    uint64_t reciprocal;
    uint32_t room; /* columns that a chunk can have */
    struct chunk chunk, above;
};

/* floor(x / step) is x * (floor(2^34 / step) + 1) >> 34 for x and step below 2^17: what the product has too much,
 * less than x / 2^34 < 2^-17 < 1 / step, is less than what is missing to the next whole number. */
enum { RECIPROCAL_BITS = 34 };

static void set_step(struct rounding *r, uint32_t step)
{
    r->step = step;
    r->reciprocal = ((uint64_t)1 << RECIPROCAL_BITS) / step + 1;
}
static inline uint32_t in_steps(const struct rounding *r, uint32_t x)
{
    return (uint32_t)(x * r->reciprocal >> RECIPROCAL_BITS);
}

static uint8_t *samples_at(const struct pxr_near_block *b, uint32_t t, uint32_t y, uint32_t x)
{
    return b->samples + t * b->frame_stride_bytes + y * b->row_stride_bytes + x * (b->shape.bits / 8u);
}

/* Read n samples of a row. */
static void load_row(const struct pxr_near_block *b, const uint8_t *from, uint16_t *dst, uint32_t n)
{
    const pxr_unaligned16 *deep = (const void *)from;
    for (uint32_t i = 0; i < n; i++)
        dst[i] = b->shape.bits == 8 ? from[i] : deep[i];
}

/* Which multiples are within max_error of each sample of a frame.  Values above maxval become maxval, which is near
 * enough wherever the step above is. */
static void find_legal(const struct rounding *r, const uint16_t *v, uint32_t n, uint32_t maxval, uint16_t *least,
                       uint16_t *most)
{
    const uint32_t error = r->b->max_error, top = (maxval + r->step - 1) / r->step;
    for (uint32_t i = 0; i < n; i++) {
        least[i] = (uint16_t)(v[i] > error ? in_steps(r, v[i] - error + r->step - 1) : 0);
        most[i] = (uint16_t)(v[i] && v[i] + error >= maxval ? top : in_steps(r, v[i] + error)); /* 0 stays 0 */
    }
}

/* Fill in a chunk: least and most are what all frames from the last new one on have in common. */
static void fill(const struct rounding *r, uint32_t y, uint32_t x, uint32_t n, struct chunk *c)
{
    c->n = n;
    for (uint32_t t = 0; t < r->b->shape.n_frames; t++) {
        const size_t at = (size_t)t * n;
        uint16_t *least = c->least + at, *most = c->most + at;
        load_row(r->b, samples_at(r->b, t, y, x), c->source + at, n);
        find_legal(r, c->source + at, n, r->b->maxval[t], least, most);
        for (uint32_t i = 0; i < n; i++) {
            const uint16_t low = t && least[i - (ptrdiff_t)n] > least[i] ? least[i - (ptrdiff_t)n] : least[i];
            const uint16_t high = t && most[i - (ptrdiff_t)n] < most[i] ? most[i - (ptrdiff_t)n] : most[i];
            c->is_new[at + i] = !t || low > high;
            least[i] = low > high ? least[i] : low;
            most[i] = low > high ? most[i] : high;
        }
    }
}

/* Backwards: what the last frame of a run says fits all of it; of that, what is nearest to the left neighbour in that frame.  Leaves
 * the values in least. */
static void choose(const struct rounding *r, struct chunk *c)
{
    const uint32_t n = c->n;
    for (uint32_t t = r->b->shape.n_frames; t-- > 0;) {
        const size_t at = (size_t)t * n;
        const bool is_last = t + 1 == r->b->shape.n_frames;
        uint16_t *v = c->least + at;
        for (uint32_t i = 0; i < n; i++) {
            const uint16_t low = v[i], high = c->most[at + i];
            if (!is_last && !c->is_new[at + n + i])
                v[i] = v[i + n];
            else if (i)
                v[i] = v[i - 1] < low ? low : v[i - 1] > high ? high : v[i - 1];
            else
                v[i] = (uint16_t)((low + high) / 2);
        }
    }
}

static void store(const struct rounding *r, uint32_t y, uint32_t x, const struct chunk *c)
{
    for (uint32_t t = 0; t < r->b->shape.n_frames; t++) {
        const uint16_t *steps = c->least + (size_t)t * c->n;
        uint8_t *to = samples_at(r->b, t, y, x);
        pxr_unaligned16 *deep = (void *)to;
        for (uint32_t i = 0; i < c->n; i++) {
            const uint32_t v = (uint32_t)pxr_min_u64(steps[i] * (uint64_t)r->step, r->b->maxval[t]);
            if (r->b->shape.bits == 8)
                to[i] = (uint8_t)v;
            else
                deep[i] = (uint16_t)v;
        }
    }
}

/* What is in the block now, beside the source. */
static uint32_t largest_error_of(const struct rounding *r, uint32_t y, uint32_t x, struct chunk *c)
{
    uint32_t most = 0;
    for (uint32_t t = 0; t < r->b->shape.n_frames; t++) {
        const uint16_t *source = c->source + (size_t)t * c->n;
        load_row(r->b, samples_at(r->b, t, y, x), c->most, c->n);
        for (uint32_t i = 0; i < c->n; i++) {
            const uint32_t error = source[i] > c->most[i] ? source[i] - c->most[i] : c->most[i] - source[i];
            most = error > most ? error : most;
        }
    }
    return most;
}

/* ---- which step --------------------------------------------------------------------------------- */

struct counts {
    uint64_t n, of[N_TOKENS];
};

static void count(struct counts *c, int32_t difference)
{
    const uint32_t folded = difference < 0 ? 2 * (uint32_t)-difference - 1 : 2 * (uint32_t)difference;
    c->of[pxr_token_of(folded)]++;
    c->n++;
}

/* Bits that differences would take if each were coded by itself, in 1/65536. */
static uint64_t cost_of(const struct counts *c)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < N_TOKENS; i++)
        if (c->of[i])
            sum += c->of[i] * (pxr_log2(c->n) - pxr_log2(c->of[i]) + ((uint64_t)pxr_token_raw_bits(i) << 16));
    return sum;
}

static void count_chunk(const struct rounding *r, struct counts *by_time, struct counts *by_place)
{
    const uint16_t *v = r->chunk.least, *above = r->above.least;
    const uint32_t n = r->chunk.n;
    for (uint32_t t = 1; t < r->b->shape.n_frames; t++)
        for (size_t i = (size_t)t * n + 1; i < (size_t)(t + 1) * n; i++) {
            count(by_time, v[i] - v[i - n]);
            count(by_place, v[i] - (v[i - 1] + above[i]) / 2);
        }
}

/* What samples would cost with this step: the less of what they tell beyond the frame before, and beyond their neighbours. */
static uint64_t probe(struct rounding *r, uint32_t step)
{
    const struct pxr_block_shape *s = &r->b->shape;
    struct counts by_time = {0}, by_place = {0};
    set_step(r, step);
    for (uint32_t y = 1; y < s->height_px; y += PROBED_ROWS)
        for (uint32_t x = 0; x < s->width_px; x += r->room) {
            const uint32_t n = (uint32_t)pxr_min_u64(r->room, s->width_px - x);
            fill(r, y - 1, x, n, &r->above);
            choose(r, &r->above);
            fill(r, y, x, n, &r->chunk);
            choose(r, &r->chunk);
            count_chunk(r, &by_time, &by_place);
        }
    return pxr_min_u64(cost_of(&by_time), cost_of(&by_place));
}

/* ---- a block ------------------------------------------------------------------------------------ */

static bool chunk_init(struct chunk *c, size_t n)
{
    c->source = pxr_alloc(n * (3 * sizeof *c->source + sizeof *c->is_new));
    if (!c->source)
        return false;
    c->least = c->source + n;
    c->most = c->least + n;
    c->is_new = (bool *)(c->most + n);
    return true;
}

static uint32_t round_all(struct rounding *r)
{
    const struct pxr_block_shape *s = &r->b->shape;
    uint32_t most = 0;
    for (uint32_t y = 0; y < s->height_px; y++)
        for (uint32_t x = 0; x < s->width_px; x += r->room) {
            fill(r, y, x, (uint32_t)pxr_min_u64(r->room, s->width_px - x), &r->chunk);
            choose(r, &r->chunk);
            store(r, y, x, &r->chunk);
            most = (uint32_t)pxr_max_u64(most, largest_error_of(r, y, x, &r->chunk));
        }
    return most;
}

enum pxr_err pxr_near_round(const struct pxr_near_block *block, uint32_t *largest_error, struct pxr_diag *diag)
{
    const uint32_t n_frames = block->shape.n_frames, coarse = 2 * block->max_error + 1, fine = block->max_error + 1;
    struct rounding r = {.b = block};
    r.room = (uint32_t)pxr_min_u64(block->shape.width_px, pxr_max_u64(1, CHUNK_SAMPLES / n_frames));
    const size_t n = (size_t)r.room * n_frames;
    enum pxr_err e = chunk_init(&r.chunk, n) && chunk_init(&r.above, n) ? PXR_OK : pxr_fail_nomem(diag, 14 * n);
    if (e == PXR_OK) {
        set_step(&r, n_frames > 1 && probe(&r, fine) < probe(&r, coarse) ? fine : coarse);
        *largest_error = round_all(&r);
        if (*largest_error > block->max_error)
            e = pxr_fail_field(diag, PXR_E_CORRUPT, PXR_NONE, "max_error", block->max_error, *largest_error,
                               "a rounded sample is too far from its source");
    }
    pxr_free(r.chunk.source);
    pxr_free(r.above.source);
    return e;
}
