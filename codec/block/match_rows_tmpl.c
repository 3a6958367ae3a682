/* SPDX-License-Identifier: MIT
 * Codec 4, everything that runs per sample.  Included with BITS and SAMPLE (8 and uint8_t, or 16 and uint16_t), IS_ENCODER
 * and NAME(x); encoder and decoder are the same text so that they cannot disagree. */

/* Rows around a sample; index 0 is the first of the row. */
struct NAME(rows) {
    SAMPLE *c, *n, *nn;          /* of this frame: this row and the two above */
    SAMPLE *p[3], *q[3];         /* of the references: above, beside, below   */
    SAMPLE *room[9];             /* where each begins                         */
    uint8_t *active, *differs;   /* of the row: no quiet place; of the row above: unlike its reference */
};

/* What the contexts of one sample are made of. */
struct NAME(place) {
    SAMPLE near[32];
    uint32_t shape, pairs;
    uint32_t w, n, nw, ne; /* ranks */
    unsigned kind;         /* references that are looked at */
};

/* ---- rows --------------------------------------------------------------------------------------- */

static void NAME(fill)(SAMPLE *row, int64_t from, int64_t to, SAMPLE v)
{
    for (int64_t x = from; x < to; x++)
        row[x] = v;
}

static SAMPLE NAME(sample_at)(const uint8_t *row, uint32_t x)
{
    SAMPLE v;
    memcpy(&v, row + (size_t)x * sizeof v, sizeof v);
    return v;
}

/* Row y of a reference, moved; beyond its edges its outermost samples go on. */
static void NAME(load_reference)(const struct pxr_match_unit *u, unsigned ref, int64_t y, SAMPLE *row)
{
    const int64_t w = u->width_px, dx = u->refs[ref].dx, last = (int64_t)u->height_px - 1;
    const int64_t moved = y + u->refs[ref].dy, from_y = moved < 0 ? 0 : moved > last ? last : moved;
    const uint8_t *const src = u->refs[ref].samples + (size_t)from_y * u->refs[ref].stride_bytes;
    const int64_t least = -PXR_MATCH_PAD, most = w + PXR_MATCH_PAD;
    const int64_t begin = -dx < least ? least : -dx > most ? most : -dx;
    const int64_t end = w - dx < begin ? begin : w - dx > most ? most : w - dx;
    NAME(fill)(row, least, begin, NAME(sample_at)(src, 0));
    if (begin < end) /* else all of it lies beyond one edge */
        memcpy(row + begin, src + (size_t)(begin + dx) * sizeof(SAMPLE),
               (size_t)(end - begin) * sizeof(SAMPLE));
    NAME(fill)(row, end, most, NAME(sample_at)(src, u->width_px - 1));
}

static void NAME(rotate)(SAMPLE **a, SAMPLE **b, SAMPLE **c)
{
    SAMPLE *const last = *c;
    *c = *b;
    *b = *a;
    *a = last;
}

static struct NAME(rows) NAME(rows_of)(const struct pxr_match_unit *u)
{
    const size_t pitch = (size_t)u->width_px + 2 * PXR_MATCH_PAD;
    struct NAME(rows) r;
    memset(u->scratch, 0, pxr_match_scratch_bytes(u->width_px));
    for (unsigned i = 0; i < 9; i++)
        r.room[i] = (SAMPLE *)(void *)(u->scratch + i * pitch * sizeof(SAMPLE)) + PXR_MATCH_PAD;
    r.c = r.room[0], r.n = r.room[1], r.nn = r.room[2];
    for (unsigned i = 0; i < 3; i++) {
        r.p[i] = r.room[3 + i];
        r.q[i] = r.room[6 + i];
    }
    r.active = u->scratch + 9 * pitch * 2 + PXR_MATCH_PAD;
    r.differs = r.active + pitch;
    return r;
}

/* References before the first row; above it, the frame is like the first row of reference 0. */
static void NAME(begin)(const struct pxr_match_unit *u, struct NAME(rows) *r, unsigned kind)
{
    const size_t row_bytes = ((size_t)u->width_px + 2 * PXR_MATCH_PAD) * sizeof(SAMPLE);
    if (!kind)
        return;
    for (int i = 0; i < 2; i++) {
        NAME(load_reference)(u, 0, i - 1, r->p[i + 1]);
        NAME(load_reference)(u, kind - 1, i - 1, r->q[i + 1]);
    }
    memcpy(r->n - PXR_MATCH_PAD, r->p[1] - PXR_MATCH_PAD, row_bytes);
    memcpy(r->nn - PXR_MATCH_PAD, r->p[1] - PXR_MATCH_PAD, row_bytes);
}

/* The references' rows of row y.  Without references the row above stands for the one beside and below. */
static void NAME(next_references)(const struct pxr_match_unit *u, struct NAME(rows) *r, unsigned kind,
                                  uint32_t y)
{
    if (!kind) {
        r->p[0] = r->q[0] = r->nn;
        r->p[1] = r->q[1] = r->p[2] = r->q[2] = r->n;
        return;
    }
    NAME(rotate)(&r->p[2], &r->p[1], &r->p[0]);
    NAME(rotate)(&r->q[2], &r->q[1], &r->q[0]);
    NAME(load_reference)(u, 0, (int64_t)y + 1, r->p[2]);
    NAME(load_reference)(u, kind - 1, (int64_t)y + 1, r->q[2]);
}

/* A quiet place has a row above that is like its reference, references that agree, and, unless scenes have
 * texture, a reference that is even. */
static void NAME(find_active)(const struct pxr_match_unit *u, const struct NAME(rows) *r)
{
    const int64_t w = u->width_px;
    const SAMPLE *const p = r->p[1], *const pn = r->p[0], *const ps = r->p[2], *const q = r->q[1];
    const SAMPLE *const n = r->n;
    uint8_t *const active = r->active, *const differs = r->differs;
    for (int64_t x = -1; x < w + 1; x++)
        differs[x] = n[x] != pn[x];
    for (int64_t x = 0; x < w; x++)
        active[x] = (uint8_t)(differs[x - 1] | differs[x] | differs[x + 1] | (p[x] != q[x]));
    if (!u->mode.is_textured)
        for (int64_t x = 0; x < w; x++)
            active[x] |= (uint8_t)((p[x] != p[x - 1]) | (p[x] != p[x + 1]) | (p[x] != pn[x]) |
                                   (p[x] != ps[x]));
}

/* ---- contexts ----------------------------------------------------------------------------------- */

static void NAME(look)(const struct pxr_match_unit *u, const struct NAME(rows) *r, uint32_t at,
                       unsigned kind, struct NAME(place) *s)
{
    const int64_t x = at;
    const SAMPLE *const c = r->c + x, *const n = r->n + x, *const nn = r->nn + x;
    const SAMPLE *const p = r->p[1] + x, *const pn = r->p[0] + x, *const ps = r->p[2] + x;
    const SAMPLE *const q = r->q[1] + x, *const qn = r->q[0] + x, *const qs = r->q[2] + x;
#ifdef VECTORS
    PASTE(near_of_, BITS)(s->near, nn, n, c, p, pn, ps, q, qn, qs);
#else
    memcpy(s->near + 0, nn - 1, 4 * sizeof(SAMPLE));
    memcpy(s->near + 4, n - 2, 4 * sizeof(SAMPLE));
    memcpy(s->near + 8, n + 2, 2 * sizeof(SAMPLE));
    memcpy(s->near + 10, c - 2, 2 * sizeof(SAMPLE));
    memcpy(s->near + 12, p - 1, 4 * sizeof(SAMPLE));
    memcpy(s->near + 16, pn - 1, 4 * sizeof(SAMPLE));
    memcpy(s->near + 20, ps - 1, 4 * sizeof(SAMPLE));
    memcpy(s->near + 24, q - 1, 4 * sizeof(SAMPLE));
    memcpy(s->near + 28, qn, 2 * sizeof(SAMPLE));
    memcpy(s->near + 30, qs, 2 * sizeof(SAMPLE));
#endif
    const uint32_t w_n = c[-1] == n[0], n_ne = n[0] == n[1], n_nw = n[0] == n[-1], w_nw = c[-1] == n[-1];
    const uint32_t same = w_n | n_ne << 1 | n_nw << 2 | w_nw << 3;
    s->shape = same | (uint32_t)(c[-1] == p[0]) << 4 | (uint32_t)(n[0] == p[0]) << 5 |
               (uint32_t)(p[0] == p[1]) << 6 | (uint32_t)(p[0] == ps[0]) << 7 |
               (uint32_t)(p[0] == q[0]) << 8 | (uint32_t)(c[-1] == q[0]) << 9 |
               (uint32_t)(n[0] == q[0]) << 10 | (uint32_t)(n[1] == p[1]) << 11 |
               (uint32_t)(c[-1] == p[-1]) << 12 | (uint32_t)(q[0] == q[1]) << 13 |
               (uint32_t)(q[0] == qs[0]) << 14 | (uint32_t)(ps[0] == qs[0]) << 15 |
               (uint32_t)(p[1] == q[1]) << 16 | (uint32_t)(n[0] == pn[0]) << 17;
    s->pairs = same | (uint32_t)(c[-2] == c[-1]) << 4 | (uint32_t)(n[1] == n[2]) << 5 |
               (uint32_t)(nn[0] == n[0]) << 6;
    const uint16_t *const rank = u->map->rank_of;
    s->w = rank[c[-1]], s->n = rank[n[0]], s->nw = rank[n[-1]], s->ne = rank[n[1]];
    s->kind = kind;
}

/* Bit i: near[i] is v. */
PXR_ALWAYS_INLINE uint32_t NAME(equal_bits)(const SAMPLE near[32], SAMPLE v)
{
#ifdef VECTORS
    return PASTE(equal_bits_, BITS)(near, v);
#else
    uint8_t equal[32];
    uint32_t bits = 0;
    for (unsigned i = 0; i < 32; i++)
        equal[i] = near[i] == v;
    for (unsigned i = 0; i < 4; i++) /* the product's highest byte gathers the lowest bits of eight bytes */
        bits |= (uint32_t)(pxr_load_u64le(equal + 8 * i) * UINT64_C(0x0102040810204080) >> 56) << 8 * i;
    return bits;
#endif
}

/* ---- samples ------------------------------------------------------------------------------------ */

/* Is the sample this candidate? */
PXR_ALWAYS_INLINE unsigned NAME(code_candidate)(struct pxr_match_unit *u, const struct NAME(place) *s,
                                                SAMPLE d, unsigned k, bool is_after_span, unsigned bit)
{
    const unsigned table_bits = u->mode.table_bits;
    const uint32_t rank = u->map->rank_of[d];
    const uint64_t tag = s->kind << 4 | k << 1 | is_after_span;
    const uint32_t e = NAME(equal_bits)(s->near, d);
    const uint32_t steps = step_class((int32_t)rank - (int32_t)s->w) << 12 |
                           step_class((int32_t)rank - (int32_t)s->n) << 8 |
                           step_class((int32_t)rank - (int32_t)s->nw) << 4 |
                           step_class((int32_t)rank - (int32_t)s->ne);
    const uint64_t low[PXR_MATCH_INPUTS] = {
        e, s->shape, e & NEAREST, (e & OWN) | (uint64_t)s->pairs << 32, d | (uint32_t)s->near[AT_W] << 16, steps};
    uint16_t *slots[PXR_MATCH_INPUTS];
    for (unsigned i = 0; i < PXR_MATCH_INPUTS; i++)
        slots[i] = pxr_match_slot(u->state->slots + ((size_t)i << table_bits), table_bits,
                                  ((uint64_t)i << 6 | tag) << 48 | low[i]);
    const unsigned set = (s->kind * PXR_MATCH_MAX_CANDIDATES + k) * 9 + (is_after_span ? 8 : s->pairs & 7);
    u->n_mixed++;
#ifdef VECTORS
    return mixed_candidate(u->tables, &u->coder, IS_ENCODER, slots, u->state->weights[set], bit);
#else
    return pxr_match_mixed(u->tables, &u->coder, IS_ENCODER, slots, PXR_MATCH_INPUTS,
                           u->state->weights[set], bit);
#endif
}

/* A bit of a value that no candidate has. */
PXR_ALWAYS_INLINE unsigned NAME(code_escape_bit)(struct pxr_match_unit *u, unsigned kind, unsigned bin,
                                                 const uint64_t low[PXR_MATCH_ESCAPE_INPUTS], unsigned bit)
{
    const unsigned table_bits = u->mode.table_bits;
    uint16_t *const table = u->state->slots + ((size_t)PXR_MATCH_INPUTS << table_bits);
    uint16_t *slots[PXR_MATCH_ESCAPE_INPUTS];
    for (unsigned i = 0; i < PXR_MATCH_ESCAPE_INPUTS; i++)
        slots[i] = pxr_match_slot(table, table_bits + 1,
                                  ((uint64_t)(8 + i) << 6 | bin) << 48 | (uint64_t)kind << 46 | low[i]);
    u->n_mixed++;
    return pxr_match_mixed(u->tables, &u->coder, IS_ENCODER, slots, PXR_MATCH_ESCAPE_INPUTS,
                           u->state->escape_weights[bin], bit);
}

/* A rank as the path to a leaf of a binary tree. */
static uint32_t NAME(code_label)(struct pxr_match_unit *u, const struct NAME(place) *s, uint32_t rank)
{
    const uint32_t n = u->map->n_ranks, p = u->map->rank_of[s->near[AT_P]];
    uint32_t node = 1;
    unsigned bits = 0;
    while ((uint32_t)1 << bits < n)
        bits++;
    for (unsigned i = bits; i-- > 0;) {
        const uint64_t low[PXR_MATCH_ESCAPE_INPUTS] = {node | (uint64_t)s->w << 20, node,
                                                       node | (uint64_t)p << 20,
                                                       node | (uint64_t)s->n << 20};
        node = node << 1 | NAME(code_escape_bit)(u, s->kind, 40 + i, low, rank >> i & 1);
    }
    return node - ((uint32_t)1 << bits);
}

/* The contexts of a distance: steps nearby, how lively it is here, the prediction, other steps. */
static int32_t NAME(predict)(const struct pxr_match_unit *u, const struct NAME(place) *s,
                             uint64_t low[PXR_MATCH_ESCAPE_INPUTS])
{
    const uint16_t *const rank = u->map->rank_of;
    const int32_t w = (int32_t)s->w, n = (int32_t)s->n, nw = (int32_t)s->nw, ne = (int32_t)s->ne;
    const int32_t p = rank[s->near[AT_P]];
    if (s->kind) {
        const int32_t dw = w - rank[s->near[AT_PW]], dn = n - rank[s->near[AT_PN]], dq = rank[s->near[AT_Q]] - p;
        const uint32_t a = bit_length(dw), b = bit_length(dn), c = bit_length(dq), ab = a > b ? a : b;
        low[0] = step_class(dw) << 8 | step_class(dn) << 4 | step_class(dq);
        low[1] = ab > c ? ab : c;
        low[2] = (uint32_t)p;
        low[3] = step_class(w - p) << 8 | step_class(n - p) << 4 | step_class(dq);
        return p;
    }
    const int32_t ww = rank[s->near[AT_WW]], nn = rank[s->near[AT_NN]];
    const int32_t high = w > n ? w : n, least = w < n ? w : n;
    const int32_t v = nw >= high ? least : nw <= least ? high : w + n - nw;
    const int32_t lively = abs(w - nw) + abs(n - nw) + abs(ne - n) + abs(w - ww) + abs(n - nn);
    low[0] = step_class(n - nw) << 8 | step_class(w - nw) << 4 | step_class(ne - n);
    low[1] = lively < 8 ? (uint32_t)lively : bit_length(lively) + 5;
    low[2] = (uint32_t)v;
    low[3] = step_class(w - ww) << 16 | step_class(n - nn) << 8 | bit_length(lively);
    return v;
}

/* A rank as its distance from a prediction: none, sign, exponent, mantissa. */
static uint32_t NAME(code_distance)(struct pxr_match_unit *u, const struct NAME(place) *s, uint32_t rank)
{
    uint64_t low[PXR_MATCH_ESCAPE_INPUTS];
    const int32_t predicted = NAME(predict)(u, s, low), wanted = (int32_t)rank - predicted;
    const uint32_t size = IS_ENCODER ? (uint32_t)abs(wanted) : 0;
    if (NAME(code_escape_bit)(u, s->kind, 0, low, !wanted))
        return (uint32_t)predicted;
    const unsigned is_below = NAME(code_escape_bit)(u, s->kind, 1, low, wanted < 0);
    low[0] |= (uint64_t)is_below << 40;
    low[3] |= (uint64_t)is_below << 40;
    const unsigned n_wanted = IS_ENCODER ? bit_length((int32_t)size) - 1 : 0;
    unsigned n = 0;
    while (n < 16 && NAME(code_escape_bit)(u, s->kind, 2 + n, low, n < n_wanted))
        n++;
    uint32_t v = 1;
    if (n)
        v = 2 | NAME(code_escape_bit)(u, s->kind, 18 + n, low, size >> (n - 1) & 1);
    for (unsigned i = n ? n - 1 : 0; i-- > 0;)
        v = v << 1 | pxr_match_direct(u->tables, &u->coder, IS_ENCODER,
                                      &u->state->direct[PXR_MATCH_AT_LOW + n * 16 + i], size >> i & 1);
    return (uint32_t)(is_below ? predicted - (int32_t)v : predicted + (int32_t)v);
}

static SAMPLE NAME(code_escape)(struct pxr_match_unit *u, const struct NAME(place) *s, SAMPLE v)
{
    const uint32_t wanted = IS_ENCODER ? u->map->rank_of[v] : 0;
    uint32_t rank = u->mode.is_numeric ? NAME(code_distance)(u, s, wanted) : NAME(code_label)(u, s, wanted);
    if (rank >= u->map->n_ranks) { /* also what is below 0 */
        u->is_damaged = true;
        rank = 0;
    }
    return (SAMPLE)u->map->value_of[rank];
}

/* One sample; after a span that ends before its end, it is known not to be the reference's. */
static SAMPLE NAME(code_sample)(struct pxr_match_unit *u, const struct NAME(rows) *r, uint32_t x,
                                unsigned kind, bool is_after_span)
{
    static const uint8_t order[] = {AT_W, AT_N, AT_P, AT_NE, AT_NW, AT_Q, AT_PE, AT_WW};
    const SAMPLE v = IS_ENCODER ? r->c[x] : 0;
    struct NAME(place) s;
    SAMPLE tried[PXR_MATCH_MAX_CANDIDATES];
    unsigned k = 0;
    NAME(look)(u, r, x, kind, &s);
    for (unsigned i = 0; i < sizeof order && k < u->mode.n_candidates; i++) {
        const SAMPLE d = s.near[order[i]];
        bool is_new = !(is_after_span && d == s.near[AT_P]);
        for (unsigned j = 0; j < k; j++)
            is_new &= tried[j] != d;
        if (!is_new)
            continue;
        if (NAME(code_candidate)(u, &s, d, k, is_after_span, v == d))
            return d;
        tried[k++] = d;
    }
    return NAME(code_escape)(u, &s, v);
}

/* How many samples of a quiet span equal the reference; first whether all do. */
static uint32_t NAME(code_span)(struct pxr_match_unit *u, const struct NAME(rows) *r, uint32_t x,
                                uint32_t n, unsigned kind, bool *is_clean)
{
    const SAMPLE *const c = r->c + x, *const p = r->p[1] + x;
    uint32_t equal = 0, at = 0;
    uint32_t *const span = &u->state->direct[PXR_MATCH_AT_SPAN + kind * 64];
    uint32_t *const half = &u->state->direct[PXR_MATCH_AT_HALF + kind * 32];
    while (IS_ENCODER && equal < n && c[equal] == p[equal])
        equal++;
    const bool ends = pxr_match_direct(u->tables, &u->coder, IS_ENCODER,
                                       &span[bit_length((int32_t)n) * 2 + *is_clean], equal < n);
    *is_clean = !ends;
    if (!ends)
        return n;
    while (n > 1) {
        const uint32_t h = n / 2;
        if (pxr_match_direct(u->tables, &u->coder, IS_ENCODER, &half[bit_length((int32_t)h)],
                             equal >= at + h)) {
            at += h;
            n -= h;
        } else {
            n = h;
        }
    }
    return at;
}

static void NAME(code_row)(struct pxr_match_unit *u, const struct NAME(rows) *r, unsigned kind,
                           bool *is_clean)
{
    const uint32_t w = u->width_px;
    const SAMPLE *const p = r->p[1];
    bool is_calm = true; /* the sample before equals its reference */
    for (uint32_t x = 0; x < w;) {
        bool is_after_span = false;
        if (is_calm && !r->active[x]) {
            const uint8_t *const end = memchr(r->active + x, 1, w - x);
            const uint32_t n = end ? (uint32_t)(end - (r->active + x)) : w - x;
            const uint32_t equal = NAME(code_span)(u, r, x, n, kind, is_clean);
            if (!IS_ENCODER)
                memcpy(r->c + x, p + x, equal * sizeof(SAMPLE));
            x += equal;
            if (equal == n)
                continue;
            is_after_span = true;
        }
        const SAMPLE v = NAME(code_sample)(u, r, x, kind, is_after_span);
        r->c[x] = v;
        is_calm = v == p[x];
        x++;
    }
}

/* ---- units -------------------------------------------------------------------------------------- */

static int NAME(code_shift)(struct pxr_match_unit *u, int v)
{
    uint32_t out = 0;
    for (unsigned i = 8; i-- > 0;)
        out = out << 1 | pxr_match_bit(&u->coder, IS_ENCODER, 32768, (unsigned)(v + 128) >> i & 1);
    return (int)out - 128;
}

/* What holds for a whole frame. */
static void NAME(code_head)(struct pxr_match_unit *u)
{
    uint32_t *const direct = u->state->direct;
    if (!u->n_refs)
        return;
    u->is_same = pxr_match_direct(u->tables, &u->coder, IS_ENCODER, &direct[PXR_MATCH_AT_SAME], u->is_same);
    if (u->is_same)
        return;
    u->is_intra =
        pxr_match_direct(u->tables, &u->coder, IS_ENCODER, &direct[PXR_MATCH_AT_INTRA], u->is_intra);
    for (unsigned i = 0; i < u->n_refs && !u->is_intra; i++) {
        const bool is_moved = u->refs[i].dx || u->refs[i].dy;
        if (pxr_match_direct(u->tables, &u->coder, IS_ENCODER, &direct[PXR_MATCH_AT_MOVED + i], is_moved)) {
            u->refs[i].dx = NAME(code_shift)(u, u->refs[i].dx);
            u->refs[i].dy = NAME(code_shift)(u, u->refs[i].dy);
        }
    }
}

static void NAME(walk)(struct pxr_match_unit *u)
{
    const size_t row_bytes = (size_t)u->width_px * sizeof(SAMPLE);
    const uint32_t w = u->width_px;
    bool is_clean = true;
    NAME(code_head)(u);
    if (u->is_same) {
        for (uint32_t y = 0; y < u->height_px && !IS_ENCODER; y++)
            memcpy(u->dst + y * u->stride_bytes, u->refs[0].samples + y * u->refs[0].stride_bytes,
                   row_bytes);
        return;
    }
    const unsigned kind = u->is_intra ? 0 : u->n_refs;
    struct NAME(rows) r = NAME(rows_of)(u);
    NAME(begin)(u, &r, kind);
    for (uint32_t y = 0; y < u->height_px; y++) {
        NAME(next_references)(u, &r, kind, y);
        NAME(find_active)(u, &r);
        NAME(fill)(r.c, -PXR_MATCH_PAD, 0, r.n[0]);
        if (IS_ENCODER)
            memcpy(r.c, u->src + y * u->stride_bytes, row_bytes);
        NAME(code_row)(u, &r, kind, &is_clean);
        NAME(fill)(r.c, w, w + PXR_MATCH_PAD, r.c[w - 1]);
        if (!IS_ENCODER)
            memcpy(u->dst + y * u->stride_bytes, r.c, row_bytes);
        NAME(rotate)(&r.c, &r.n, &r.nn);
        if (!IS_ENCODER && (u->is_damaged || pxr_match_decoder_has_overrun(&u->coder)))
            return; /* what follows is as meaningless, and may be long */
    }
}

#undef BITS
#undef SAMPLE
#undef IS_ENCODER
#undef NAME
