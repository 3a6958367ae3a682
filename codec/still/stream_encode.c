/* SPDX-License-Identifier: MIT
 * One frame of a Pixel Stream file, encoded: tokens depend on the samples alone, so pieces of the order are made side by
 * side and joined. */
#include "stream_tokens.h"

#include "diag.h"

enum { MAX_DIFFERENCE = 3, PIECE_PX = 1 << 14, MAX_PIECES = 64 };

/* ---- which squares have one colour ----------------------------------------------------------- */

/* For each square of each level: a pixel of its colour plus 1, 0 without any pixel, or MIXED. */
#define MIXED UINT32_MAX
struct squares {
    uint32_t *level[21]; /* [0] is not kept: it is the mask */
    uint32_t width[21], height[21];
};

static uint32_t square_at(const struct pxr_token_frame *f, const struct squares *s, unsigned level, uint32_t x,
                          uint32_t y)
{
    if (x >= s->width[level] || y >= s->height[level])
        return 0;
    if (level)
        return s->level[level][(size_t)y * s->width[level] + x];
    const size_t i = pxr_stream_index(f->order, (struct pxr_place){x, y});
    return !f->mask || pxr_bitmap_get(f->mask, i) ? (uint32_t)i + 1 : 0;
}

static bool has_same_colour(const struct pxr_token_frame *f, uint32_t a, uint32_t b)
{
    const size_t px_bytes = pxr_token_px_bytes(f->form);
    const uint8_t *const p = f->pixels;
    return !memcmp(p + (size_t)(a - 1) * px_bytes, p + (size_t)(b - 1) * px_bytes, px_bytes);
}

static uint32_t join_quarters(const struct pxr_token_frame *f, const struct squares *s, unsigned level, uint32_t x,
                              uint32_t y)
{
    uint32_t whole = 0;
    for (unsigned q = 0; q < 4; q++) {
        const uint32_t quarter = square_at(f, s, level - 1, 2 * x + (q & 1), 2 * y + (q >> 1));
        if (quarter == MIXED || (quarter && whole && !has_same_colour(f, quarter, whole)))
            return MIXED;
        whole = whole ? whole : quarter;
    }
    return whole;
}

static void squares_fini(struct squares *s)
{
    for (unsigned level = 1; level <= 20; level++)
        pxr_free(s->level[level]);
}

static enum pxr_err squares_init(struct squares *s, const struct pxr_token_frame *f, struct pxr_diag *diag)
{
    const struct pxr_stream_order *const o = f->order;
    *s = (struct squares){.width = {o->width_px}, .height = {o->height_px}};
    for (unsigned level = 1; level <= o->n_digits; level++) {
        const uint32_t w = s->width[level] = (s->width[level - 1] + 1) / 2;
        const uint32_t h = s->height[level] = (s->height[level - 1] + 1) / 2;
        uint32_t *const to = s->level[level] = pxr_alloc((size_t)w * h * sizeof *to);
        if (!to)
            return pxr_fail_nomem(diag, (uint64_t)w * h * sizeof *to);
        for (uint32_t y = 0; y < h; y++)
            for (uint32_t x = 0; x < w; x++)
                to[(size_t)y * w + x] = join_quarters(f, s, level, x, y);
    }
    return PXR_OK;
}

/* All later pixels of the square of this one have its colour. */
static bool is_final(const struct pxr_token_frame *f, const struct squares *s, struct pxr_place at)
{
    const unsigned level = pxr_stream_level(f->order, at);
    return !level || square_at(f, s, level, at.x >> level, at.y >> level) != MIXED;
}

/* A final pixel says what this one is. */
static bool is_covered(const struct pxr_token_frame *f, const struct squares *s, struct pxr_place at)
{
    for (unsigned level = pxr_stream_level(f->order, at) + 1; level <= f->order->n_digits; level++) {
        const struct pxr_place corner = {at.x >> level << level, at.y >> level << level};
        if (pxr_stream_level(f->order, corner) == level && square_at(f, s, 0, corner.x, corner.y) &&
            is_final(f, s, corner))
            return true;
    }
    return false;
}

/* ---- tokens ---------------------------------------------------------------------------------- */

struct piece {
    struct pxr_job job;
    const struct pxr_token_frame *f;
    const struct squares *squares; /* NULL without finality */
    uint64_t first_rank, n_px;
    uint8_t *bytes; /* room for n_px of the longest tokens */
    uint64_t n_bits;
};

/* n <= 16 bits of v, into bytes that are zero from there on. */
static void put_bits(struct piece *p, unsigned v, unsigned n)
{
    uint8_t *const to = p->bytes + p->n_bits / 8;
    const uint32_t window = (uint32_t)v << (24 - p->n_bits % 8 - n);
    to[0] |= (uint8_t)(window >> 16);
    to[1] |= (uint8_t)(window >> 8);
    to[2] |= (uint8_t)window;
    p->n_bits += n;
}

static unsigned sample_at(const struct pxr_token_frame *f, size_t i, unsigned c)
{
    const uint8_t *const p = f->pixels;
    const size_t k = i * f->form->n_channels + c;
    uint16_t v;
    if (pxr_token_sample_bytes(f->form) == 1)
        return p[k];
    memcpy(&v, p + 2 * k, 2);
    return v;
}

/* The difference of each channel from the parent's, all of one sign; false: they do not fit. */
static bool find_differences(const struct pxr_token_frame *f, const struct pxr_stream_walk *w, size_t i,
                             bool *is_minus, unsigned d[PXR_STREAM_MAX_CHANNELS])
{
    struct pxr_place parent;
    bool is_plus_fit = true, is_minus_fit = true;
    if (!f->form->is_relative || !pxr_stream_parent(f->order, f->mask, w->address, &parent))
        return false;
    const size_t from = pxr_stream_index(f->order, parent);
    for (unsigned c = 0; c < f->form->n_channels; c++) {
        const int step = (int)sample_at(f, i, c) - (int)sample_at(f, from, c);
        is_plus_fit &= step >= 0 && step <= MAX_DIFFERENCE;
        is_minus_fit &= step <= 0 && step >= -MAX_DIFFERENCE;
        d[c] = (unsigned)(step < 0 ? -step : step);
    }
    *is_minus = !is_plus_fit;
    return is_plus_fit || is_minus_fit;
}

static void put_token(struct piece *p, const struct pxr_stream_walk *w, size_t i)
{
    const struct pxr_token_form *const form = p->f->form;
    unsigned d[PXR_STREAM_MAX_CHANNELS];
    bool is_minus = false;
    if (form->has_finality)
        put_bits(p, is_final(p->f, p->squares, w->at), 1);
    if (find_differences(p->f, w, i, &is_minus, d)) {
        put_bits(p, 2u | is_minus, 2);
        for (unsigned c = 0; c < form->n_channels; c++)
            put_bits(p, d[c], 2);
    } else {
        if (form->has_lead)
            put_bits(p, 0, 1);
        for (unsigned c = 0; c < form->n_channels; c++)
            put_bits(p, sample_at(p->f, i, c), form->bits[c]);
    }
    if (form->is_padded)
        p->n_bits = (p->n_bits + 7) / 8 * 8;
}

static void run_piece(void *arg)
{
    struct piece *const p = arg;
    const struct pxr_token_frame *const f = p->f;
    struct pxr_stream_walk w;
    pxr_stream_walk_begin(&w, f->order, pxr_stream_select(f->order, p->first_rank));
    for (uint64_t k = 0; k < p->n_px && pxr_stream_walk_next(&w); k++) {
        const size_t i = pxr_stream_index(f->order, w.at);
        if ((!f->mask || pxr_bitmap_get(f->mask, i)) && !(p->squares && is_covered(f, p->squares, w.at)))
            put_token(p, &w, i);
    }
}

/* ---- joining --------------------------------------------------------------------------------- */

/* Append n_bits to dst, whose last byte has `used` of its bits (0: all of them). */
static bool append_bits(struct pxr_buffer *dst, unsigned *used, const uint8_t *src, uint64_t n_bits)
{
    const size_t n_src = pxr_bitmap_bytes(n_bits);
    if (!*used) {
        *used = (unsigned)(n_bits % 8);
        return pxr_buffer_add(dst, src, n_src);
    }
    const size_t n_new = pxr_bitmap_bytes(*used + n_bits) - 1;
    uint8_t *const room = pxr_buffer_extend(dst, n_new);
    if (!room)
        return false;
    memset(room, 0, n_new);
    for (size_t i = 0; i < n_src; i++) {
        room[(ptrdiff_t)i - 1] |= (uint8_t)(src[i] >> *used);
        if (i < n_new)
            room[i] |= (uint8_t)(src[i] << (8 - *used));
    }
    *used = (unsigned)((*used + n_bits) % 8);
    return true;
}

/* Pieces in rounds, so that memory for them does not grow with the frame. */
static enum pxr_err run_round(struct piece *pieces, unsigned n, pxr_pool *pool, struct pxr_buffer *dst,
                              unsigned *used, struct pxr_diag *diag)
{
    enum pxr_err e = PXR_OK;
    for (unsigned k = 0; k < n; k++) {
        pieces[k].job = (struct pxr_job){.run = run_piece, .arg = &pieces[k]};
        if (pool)
            pxr_pool_submit(pool, &pieces[k].job);
        else
            run_piece(&pieces[k]);
    }
    for (unsigned k = 0; k < n; k++) {
        if (pool)
            pxr_pool_wait(pool, &pieces[k].job);
        if (e == PXR_OK && !append_bits(dst, used, pieces[k].bytes, pieces[k].n_bits))
            e = pxr_fail_nomem(diag, dst->n_bytes);
    }
    return e;
}

static enum pxr_err run_pieces(const struct pxr_token_frame *f, const struct squares *squares, struct piece *pieces,
                               uint8_t *room, size_t room_bytes, pxr_pool *pool, struct pxr_buffer *dst,
                               struct pxr_diag *diag)
{
    const uint64_t total = pxr_stream_n_px(f->order);
    unsigned used = 0;
    enum pxr_err e = PXR_OK;
    for (uint64_t rank = 0; e == PXR_OK && rank < total;) {
        unsigned n = 0;
        for (; n < MAX_PIECES && rank < total; n++, rank += PIECE_PX) {
            uint8_t *const bytes = room + n * room_bytes;
            pieces[n] = (struct piece){.f = f, .squares = squares, .first_rank = rank,
                                       .n_px = pxr_min_u64(PIECE_PX, total - rank), .bytes = bytes};
            memset(bytes, 0, room_bytes);
        }
        e = run_round(pieces, n, pool, dst, &used, diag);
    }
    return e;
}

enum pxr_err pxr_tokens_encode(const struct pxr_token_frame *f, pxr_pool *pool, struct pxr_buffer *dst,
                               struct pxr_diag *diag)
{
    struct squares squares;
    const unsigned absolute = pxr_token_absolute_bits(f->form), relative = pxr_token_relative_bits(f->form);
    const uint64_t longest = f->form->is_relative && relative > absolute ? relative : absolute;
    const uint64_t n_pieces = pxr_min_u64(pxr_div_up_u64(pxr_stream_n_px(f->order), PIECE_PX), MAX_PIECES);
    const uint64_t piece_px = pxr_min_u64(pxr_stream_n_px(f->order), PIECE_PX);
    const size_t room_bytes = (size_t)(piece_px * longest / 8 + 4);
    struct piece *const pieces = pxr_alloc_zero(n_pieces, sizeof *pieces);
    uint8_t *const room = pxr_alloc(n_pieces * room_bytes);
    enum pxr_err e = PXR_OK;
    memset(&squares, 0, sizeof squares);
    if (!pieces || !room)
        e = pxr_fail_nomem(diag, n_pieces * room_bytes);
    else if (f->form->has_finality)
        e = squares_init(&squares, f, diag);
    if (e == PXR_OK)
        e = run_pieces(f, f->form->has_finality ? &squares : NULL, pieces, room, room_bytes, pool, dst, diag);
    squares_fini(&squares);
    pxr_free(room);
    pxr_free(pieces);
    return e;
}
