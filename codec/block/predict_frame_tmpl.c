/* SPDX-License-Identifier: MIT
 * Frames of one type of sample, row by row: decoding, and the passes of the encoder.  Included by
 * predict_level_tmpl.c behind the half rows, with PREDICT, the level's predictor of half rows.
 *
 * Only the rows that a half row looks at are in memory as halves: each row of a reference is split when it comes
 * into view.  So references are plain container samples, and everything here stays in the first cache. */

struct FN(worker) {
    struct FN(rows) r;
    SAMPLE *p, *z;
    uint8_t *fraction, *tables, *moved;
    struct FN(constants) constants[2]; /* [phase] */
};

static inline void FN(worker_at)(const struct pxr_predict_model *m, unsigned group, uint8_t *memory,
                                 struct FN(worker) *w)
{
    const size_t half = pxr_predict_half(m->width_px);
    w->r.half = half;
    SAMPLE *at = (SAMPLE *)(void *)memory + PXR_ROW_MARGIN;
    SAMPLE **const rows[] = {w->r.x, w->r.p, w->r.q};
    for (int i = 0; i < 9; i++, at += 2 * half)
        rows[i / 3][i % 3] = at;
    uint8_t *byte = (uint8_t *)(at - PXR_ROW_MARGIN) + PXR_ROW_MARGIN;
    for (int i = 0; i < 2; i++, byte += 2 * half)
        w->r.mag[i] = byte;
    w->p = (SAMPLE *)(void *)(byte - PXR_ROW_MARGIN);
    w->z = w->p + half + PXR_PREDICT_MAX_LANES;
    w->fraction = (uint8_t *)(w->z + half + PXR_PREDICT_MAX_LANES);
    w->tables = w->fraction + half + PXR_PREDICT_MAX_LANES;
    w->moved = w->tables + half + PXR_PREDICT_MAX_LANES;
    for (unsigned phase = 0; phase < 2; phase++)
        w->constants[phase] = FN(constants)(m, group, phase);
}

/* ---- rows --------------------------------------------------------------------------------------- */

/* n samples from column x on; those outside of the row are its first or its last one. */
static inline void FN(copy_clamped)(const uint8_t *row, int64_t x, int64_t n, int64_t width, size_t sample_bytes,
                                    uint8_t *dst)
{
    const int64_t before = x >= 0 ? 0 : -x < n ? -x : n, end = x + n > width ? width : x + n;
    const int64_t inside = end > x + before ? end - (x + before) : 0;
    for (int64_t i = 0; i < before; i++)
        memcpy(dst + (size_t)i * sample_bytes, row, sample_bytes);
    memcpy(dst + (size_t)before * sample_bytes, row + (inside ? (size_t)(x + before) : 0) * sample_bytes,
           (size_t)inside * sample_bytes);
    for (int64_t i = before + inside; i < n; i++)
        memcpy(dst + (size_t)i * sample_bytes, row + (size_t)(width - 1) * sample_bytes, sample_bytes);
}

/* Row y of a reference whose tiles have moved, as container samples. */
static inline void FN(move_row)(const struct pxr_predict_model *m, const struct pxr_predict_rows *ref,
                                uint32_t y, size_t sample_bytes, uint8_t *dst)
{
    const int64_t width = m->width_px, height = m->height_px;
    const struct pxr_predict_motion *motion = ref->motion + y / PXR_PREDICT_TILE_ROWS * m->n_tiles_x;
    for (int64_t x = 0; x < width; x += 2 * PXR_PREDICT_TILE, motion++) {
        int64_t from = y + (int64_t)motion->y;
        from = from < 0 ? 0 : from < height ? from : height - 1;
        FN(copy_clamped)(ref->first + (size_t)from * ref->stride_bytes, x + motion->x,
                         (int64_t)pxr_min_u64(2 * PXR_PREDICT_TILE, (uint64_t)(width - x)), width,
                         sample_bytes, dst + (size_t)x * sample_bytes);
    }
}

/* Row y of a reference, which repeats its first and its last one. */
static inline void FN(load_ref_row)(const struct pxr_predict_model *m, const struct pxr_predict_frame *f,
                                    unsigned ref, int64_t y, const struct FN(worker) *w, SAMPLE *to)
{
    const uint32_t row = y < 0 ? 0 : y < m->height_px ? (uint32_t)y : m->height_px - 1;
    const uint8_t *src = f->ref[ref].first + row * f->ref[ref].stride_bytes;
    if (f->ref[ref].motion) {
        FN(move_row)(m, &f->ref[ref], row, f->bits / 8u, w->moved);
        src = w->moved;
    }
    FN(split_row)(m, f->bits, src, to, w->r.half);
}

/* A row above the frame is the first one of its reference, or holds the middle of the range. */
static inline void FN(load_row_above)(const struct pxr_predict_model *m, const struct pxr_predict_frame *f,
                                      const struct FN(worker) *w, SAMPLE *to)
{
    const SAMPLE middle = (SAMPLE)((1u << m->depth) >> 1);
    if (f->group)
        FN(load_ref_row)(m, f, 0, 0, w, to);
    for (size_t i = 0; !f->group && i < 2 * w->r.half; i++)
        (to - PXR_ROW_MARGIN)[i] = middle;
}

/* Rows around row y of the references, and rows y - 1 and y - 2 of the frame. */
static void FN(begin_at)(const struct pxr_predict_model *m, const struct pxr_predict_frame *f, uint32_t y,
                         struct FN(worker) *w)
{
    for (unsigned i = 1; i < 3; i++) {
        if (y < i)
            FN(load_row_above)(m, f, w, w->r.x[i]);
        else
            FN(split_row)(m, f->bits, f->x.first + (y - i) * f->x.stride_bytes, w->r.x[i], w->r.half);
    }
    for (int i = 0; f->group && i < 3; i++) {
        const int64_t row = i == 0 ? y : i == 1 ? (int64_t)y - 1 : (int64_t)y + 1;
        FN(load_ref_row)(m, f, 0, row, w, w->r.p[i]);
        FN(load_ref_row)(m, f, 1, row, w, w->r.q[i]);
    }
    memset(w->r.mag[1] - PXR_ROW_MARGIN, 0, 2 * w->r.half);
}

/* Rows y, y - 1, y + 1 become those of y + 1; the last one is free. */
static inline void FN(turn)(SAMPLE *rows[3])
{
    SAMPLE *const free_row = rows[1];
    rows[1] = rows[0];
    rows[0] = rows[2];
    rows[2] = free_row;
}

/* From row y to row y + 1. */
static inline void FN(next_row)(const struct pxr_predict_model *m, const struct pxr_predict_frame *f, uint32_t y,
                                struct FN(worker) *w)
{
    SAMPLE *const x = w->r.x[2];
    w->r.x[2] = w->r.x[1];
    w->r.x[1] = w->r.x[0];
    w->r.x[0] = x;
    uint8_t *const mag = w->r.mag[1];
    w->r.mag[1] = w->r.mag[0];
    w->r.mag[0] = mag;
    if (!f->group || y + 1 == m->height_px)
        return;
    FN(turn)(w->r.p);
    FN(turn)(w->r.q);
    FN(load_ref_row)(m, f, 0, (int64_t)y + 2, w, w->r.p[2]);
    FN(load_ref_row)(m, f, 1, (int64_t)y + 2, w, w->r.q[2]);
}

static inline void FN(byte_edges)(uint8_t *row, size_t half, uint32_t n_even, uint32_t n_odd)
{
    row[-1] = row[0];
    row[n_even] = row[n_even - 1];
    row[(ptrdiff_t)half - 1] = row[0];
    row[half + n_odd] = n_odd ? row[half + n_odd - 1] : row[0];
}

/* ---- decoding ----------------------------------------------------------------------------------- */

static bool FN(decode)(const struct pxr_predict_model *m, const uint32_t *tables,
                       const struct pxr_predict_frame *f, const struct pxr_predict_stream *stream,
                       uint8_t *row_scratch, uint8_t *dst)
{
    const uint32_t n_half[2] = {(m->width_px + 1) / 2, m->width_px / 2};
    const size_t lanes = (size_t)1 << m->lanes_log2, row_bytes = (size_t)m->width_px * (f->bits / 8u);
    const struct pxr_predict_slots slots = pxr_predict_slots_of(m, tables);
    const uint8_t *words = stream->words, *end = words + stream->n_bytes;
    const uint8_t *const last = end - stream->tail_bytes;
    bool is_tail = false;
    struct FN(worker) w;
    FN(worker_at)(m, f->group, row_scratch, &w);
    const size_t half = w.r.half;
    uint32_t x[PXR_PREDICT_MAX_LANES], wrong = 0;
    for (size_t i = 0; i < lanes; i++)
        x[i] = pxr_load_u32le(stream->states + 4 * i);
    FN(begin_at)(m, f, 0, &w);
    for (uint32_t y = 0; y < m->height_px; y++) {
        for (unsigned phase = 0; phase < 2; phase++) {
            const size_t n = n_half[phase], to_odd = phase ? half : 0;
            struct FN(half_row) h;
            FN(half_row_at)(m, &w.r, f->group, phase, y, &h);
            PREDICT(&h, &w.constants[phase], n, w.p, w.fraction, w.tables);
            memset(w.tables + n, (int)m->n_tables, PXR_PREDICT_MAX_LANES); /* lanes without a sample */
            if (!is_tail && words >= last) { /* a half row might touch what is behind the words */
                words = stream->tail + (words - last);
                end = stream->tail + stream->tail_bytes;
                is_tail = true;
            }
            words = FN(rans_decode)(x, lanes, &slots, w.tables, n, words, w.z);
            if (words > end)
                return false;
            FN(reconstruct)(m, w.p, w.fraction, w.z, n, w.r.x[0] + to_odd, w.r.mag[0] + to_odd);
            FN(edges)(w.r.x[0], half, n_half[0], n_half[1], (int)phase);
            FN(byte_edges)(w.r.mag[0], half, n_half[0], phase ? n_half[1] : 0);
        }
        for (size_t i = 0; y + 2 < m->height_px && i < row_bytes; i += 64) /* rows that are written soon */
            __builtin_prefetch(dst + (y + 2) * row_bytes + i, 1);
        FN(join_row)(m, f->bits, w.r.x[0], half, dst + y * row_bytes);
        FN(next_row)(m, f, y, &w);
    }
    for (size_t i = 0; i < lanes; i++)
        wrong |= x[i] ^ PXR_RANS_LOW;
    return words == end && !wrong;
}

/* ---- encoding ----------------------------------------------------------------------------------- */

/* Predict, find the contexts of and fold the samples of row y. */
static inline void FN(scan_row)(const struct pxr_predict_model *m, const struct pxr_predict_frame *f, uint32_t y,
                                struct FN(worker) *w, uint8_t *tables, SAMPLE *residuals)
{
    const uint32_t n_half[2] = {(m->width_px + 1) / 2, m->width_px / 2};
    const size_t half = w->r.half;
    FN(split_row)(m, f->bits, f->x.first + y * f->x.stride_bytes, w->r.x[0], half);
    for (unsigned phase = 0; phase < 2; phase++) {
        const size_t n = n_half[phase], to_odd = phase ? half : 0;
        struct FN(half_row) h;
        FN(half_row_at)(m, &w->r, f->group, phase, y, &h);
        PREDICT(&h, &w->constants[phase], n, w->p, w->fraction, w->tables);
        FN(fold)(m, w->p, w->fraction, w->r.x[0] + to_odd, n, w->z, w->r.mag[0] + to_odd);
        FN(byte_edges)(w->r.mag[0], half, n_half[0], phase ? n_half[1] : 0);
        memcpy(tables, w->tables, n);
        memcpy(residuals, w->z, n * sizeof(SAMPLE));
        tables += n;
        residuals += n;
    }
}

static void FN(scan)(const struct pxr_predict_model *m, const struct pxr_predict_frame *f,
                     uint8_t *row_scratch, uint8_t *tables, void *residuals)
{
    struct FN(worker) w;
    FN(worker_at)(m, f->group, row_scratch, &w);
    SAMPLE *z = residuals;
    FN(begin_at)(m, f, 0, &w);
    for (uint32_t y = 0; y < m->height_px; y++, tables += m->width_px, z += m->width_px) {
        FN(scan_row)(m, f, y, &w, tables, z);
        FN(next_row)(m, f, y, &w);
    }
}

/* Sum of absolute differences of container samples. */
static uint64_t FN(distance)(const uint8_t *a, const uint8_t *b, size_t n, uint8_t bits)
{
    uint32_t sum = 0; /* n is a tile's width */
    const pxr_unaligned16 *const a16 = (const void *)a, *const b16 = (const void *)b;
    if (bits == 8)
        for (size_t i = 0; i < n; i++)
            sum += (uint32_t)abs(a[i] - b[i]);
    else
        for (size_t i = 0; i < n; i++)
            sum += (uint32_t)abs(a16[i] - b16[i]);
    return sum;
}

/* n samples from column j on into the sums of their tile. */
static void FN(fit_tile)(const struct FN(half_row) *h, unsigned anchor, const SAMPLE *x, size_t j, size_t n,
                         float robust, struct pxr_predict_sums *sums)
{
    float v[PXR_FIT_VALUES][PXR_PREDICT_TILE], weight[PXR_PREDICT_TILE] = {0}, base[PXR_PREDICT_TILE],
        ones[PXR_PREDICT_TILE];
    const unsigned n_values = h->n_taps + 1;
    for (unsigned i = 0; i < PXR_PREDICT_TILE; i++) {
        base[i] = (float)h->taps[anchor][j + i];
        v[0][i] = (float)x[j + i] - base[i];
        ones[i] = 1;
    }
    for (unsigned k = 1; k < n_values; k++)
        for (unsigned i = 0; i < PXR_PREDICT_TILE; i++) {
            v[k][i] = (float)h->taps[k - 1][j + i] - base[i];
            weight[i] += v[k][i] * v[k][i];
        }
    /* Samples among large differences count less; those behind the end of the row not at all. */
    for (unsigned i = 0; i < PXR_PREDICT_TILE; i++)
        weight[i] = robust / (robust + weight[i] / (float)h->n_taps);
    for (size_t i = n; i < PXR_PREDICT_TILE; i++) {
        weight[i] = 0;
        for (unsigned k = 0; k < n_values; k++)
            v[k][i] = 0;
    }
    add_products(v, n_values, weight, sums->products);
    for (unsigned k = 0; k < n_values; k++)
        add_values(v[k], weight, sums->values[k]);
    add_values(base, weight, sums->base);
    add_values(ones, weight, sums->weight);
}

static void FN(fit)(const struct pxr_predict_model *m, const struct pxr_predict_frame *f, uint32_t tile_y,
                    uint32_t row_step, uint32_t row_phase, float robust, uint8_t *row_scratch,
                    struct pxr_predict_sums *sums)
{
    struct FN(worker) w;
    FN(worker_at)(m, f->group, row_scratch, &w);
    const uint32_t y0 = tile_y * PXR_PREDICT_TILE_ROWS;
    const uint32_t y1 = (uint32_t)pxr_min_u64(y0 + PXR_PREDICT_TILE_ROWS, m->height_px);
    for (uint32_t y = y0 + row_phase % row_step; y < y1; y += row_step) {
        FN(begin_at)(m, f, y, &w);
        FN(split_row)(m, f->bits, f->x.first + y * f->x.stride_bytes, w.r.x[0], w.r.half);
        for (unsigned phase = 0; phase < 2; phase++) {
            struct FN(half_row) h;
            FN(half_row_at)(m, &w.r, f->group, phase, y, &h);
            const unsigned anchor = f->group ? (phase ? 5 : 4) : 0;
            const SAMPLE *x = w.r.x[0] + (phase ? w.r.half : 0);
            const uint32_t n = phase ? m->width_px / 2 : (m->width_px + 1) / 2;
            for (uint32_t j = 0; j < n; j += PXR_PREDICT_TILE)
                FN(fit_tile)(&h, anchor, x, j, pxr_min_u64(n - j, PXR_PREDICT_TILE), robust,
                             sums + phase * m->n_tiles_x + j / PXR_PREDICT_TILE);
        }
    }
}

/* A half row into the sums.  Where much is expected, by the weights so far, errors count less: relative errors are
 * what matters to levels.  (Not inlined: its arrays are large.) */
static __attribute__((noinline)) void FN(sum_activity)(const struct FN(half_row) *h, const SAMPLE *p,
                                                       const uint8_t *mag, size_t n,
                                                       struct pxr_predict_activity *sums)
{
    float v[PXR_ACTIVITY_VALUES][PXR_PREDICT_TILE], weight[PXR_PREDICT_TILE];
    uint8_t f[PXR_PREDICT_FEATURES][PXR_PREDICT_TILE];
    uint16_t expected[PXR_PREDICT_TILE];
    for (size_t j = 0; j < n; j += PXR_PREDICT_TILE) {
        FN(features_of)(h, j, p + j, f);
        FN(activity_of_tile)(h, j, p + j, expected);
        for (size_t i = 0; i < PXR_PREDICT_TILE; i++) {
            const float scale = 1 + (float)expected[i] / 64;
            weight[i] = j + i < n ? 1 / (scale * scale) : 0;
            v[0][i] = mag[j + i];
            v[PXR_ACTIVITY_VALUES - 1][i] = 1;
        }
        for (unsigned k = 0; k < PXR_PREDICT_FEATURES; k++)
            for (size_t i = 0; i < PXR_PREDICT_TILE; i++)
                v[k + 1][i] = f[k][i];
        add_products(v, PXR_ACTIVITY_VALUES, weight, sums->products);
    }
}

/* Activities in classes within a factor of 1/16. */
static inline void FN(count_activity)(const struct FN(half_row) *h, const SAMPLE *p, size_t n,
                                      uint32_t counts[256])
{
    for (size_t j = 0; j < n; j += PXR_PREDICT_TILE) {
        uint16_t activity[PXR_PREDICT_TILE];
        FN(activity_of_tile)(h, j, p + j, activity);
        for (size_t i = 0; i < PXR_PREDICT_TILE && j + i < n; i++) {
            const unsigned a = activity[i] | 1u, e = 31 - (unsigned)__builtin_clz(a);
            counts[e << 4 | (a << 4 >> e & 15)]++;
        }
    }
}

static void FN(activity)(const struct pxr_predict_model *m, const struct pxr_predict_frame *f,
                         uint32_t row_step, uint32_t row_phase, uint8_t *row_scratch,
                         struct pxr_predict_activity sums[2], uint32_t (*counts)[256])
{
    const uint32_t n_half[2] = {(m->width_px + 1) / 2, m->width_px / 2};
    struct FN(worker) w;
    FN(worker_at)(m, f->group, row_scratch, &w);
    const size_t half = w.r.half;
    for (uint32_t y = row_phase % row_step; y < m->height_px; y += row_step) {
        const uint32_t from = y ? y - 1 : 0; /* the row above gives magnitudes */
        FN(begin_at)(m, f, from, &w);
        for (uint32_t row = from; row <= y; row++) {
            FN(split_row)(m, f->bits, f->x.first + row * f->x.stride_bytes, w.r.x[0], half);
            for (unsigned phase = 0; phase < 2; phase++) {
                const size_t n = n_half[phase], to_odd = phase ? half : 0;
                struct FN(half_row) h;
                FN(half_row_at)(m, &w.r, f->group, phase, row, &h);
                PREDICT(&h, &w.constants[phase], n, w.p, w.fraction, w.tables);
                FN(fold)(m, w.p, w.fraction, w.r.x[0] + to_odd, n, w.z, w.r.mag[0] + to_odd);
                if (row == y && counts)
                    FN(count_activity)(&h, w.p, n, counts[phase]);
                else if (row == y)
                    FN(sum_activity)(&h, w.p, w.r.mag[0] + to_odd, n, &sums[phase]);
                FN(byte_edges)(w.r.mag[0], half, n_half[0], phase ? n_half[1] : 0);
            }
            if (row < y)
                FN(next_row)(m, f, row, &w);
        }
    }
}
