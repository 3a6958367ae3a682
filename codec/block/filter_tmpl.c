/* SPDX-License-Identifier: MIT
 * Deltas and transposes, compiled by filter.c once for each width of a sample.
 * PX: a sample at any address; SPX: signed, as wide; NAME(f): f's name for this width. */

/* A small residual of either sign becomes a small number, so that its high bits are zeros. */
static inline PX NAME(fold)(PX r) { return (PX)((PX)(r << 1) ^ (PX)((SPX)r >> (PX_BITS - 1))); }
static inline PX NAME(unfold)(PX z) { return (PX)((z >> 1) ^ (PX) - (z & 1)); }
static inline PX NAME(half)(PX difference) { return (PX)((SPX)difference >> 1); }

/* ---- forward: one row ------------------------------------------------------------------------ */

static void NAME(row_sub)(PX *restrict out, const PX *restrict v, const PX *restrict ref, size_t n)
{
    for (size_t x = 0; x < n; x++)
        out[x] = NAME(fold)((PX)(v[x] - ref[x]));
}

static void NAME(row_left)(PX *restrict out, const PX *restrict v, size_t n)
{
    out[0] = NAME(fold)(v[0]);
    for (size_t x = 1; x < n; x++)
        out[x] = NAME(fold)((PX)(v[x] - v[x - 1]));
}

static void NAME(row_mean)(PX *restrict out, const PX *restrict v, const PX *restrict above,
                           size_t n)
{
    out[0] = NAME(fold)((PX)(v[0] - above[0]));
    for (size_t x = 1; x < n; x++)
        out[x] = NAME(fold)((PX)(v[x] - ((v[x - 1] + above[x]) >> 1)));
}

static void NAME(row_previous_above)(PX *restrict out, const PX *restrict v,
                                     const PX *restrict above, const PX *restrict prev,
                                     const PX *restrict prev_above, size_t n)
{
    for (size_t x = 0; x < n; x++)
        out[x] = NAME(fold)((PX)(v[x] - prev[x] - NAME(half)((PX)(above[x] - prev_above[x]))));
}

static void NAME(delta)(const struct pxr_block_shape *shape, const struct pxr_samples *src,
                        enum pxr_delta delta, PX *out)
{
    const size_t w = shape->width_px;
    for (uint32_t t = 0; t < shape->n_frames; t++) {
        const enum pxr_delta d = delta_of_frame(delta, t);
        for (uint32_t y = 0; y < shape->height_px; y++, out += w) {
            const PX *v = (const void *)pxr_samples_row(src, t, y);
            const PX *above = y ? (const void *)pxr_samples_row(src, t, y - 1) : NULL;
            const PX *prev = t ? (const void *)pxr_samples_row(src, t - 1, y) : NULL;
            if (d == PXR_DELTA_NONE)
                memcpy(out, v, w * sizeof(PX));
            else if (d == PXR_DELTA_PREVIOUS || (d == PXR_DELTA_PREVIOUS_ABOVE && !y))
                NAME(row_sub)(out, v, prev, w);
            else if (!y)
                NAME(row_left)(out, v, w);
            else if (d == PXR_DELTA_ABOVE)
                NAME(row_sub)(out, v, above, w);
            else if (d == PXR_DELTA_MEAN)
                NAME(row_mean)(out, v, above, w);
            else
                NAME(row_previous_above)(out, v, above, prev,
                                         (const void *)pxr_samples_row(src, t - 1, y - 1), w);
        }
    }
}

/* ---- backwards: one row, in place ------------------------------------------------------------ */

static void NAME(row_unsub)(PX *restrict z, const PX *restrict ref, size_t n)
{
    for (size_t x = 0; x < n; x++)
        z[x] = (PX)(ref[x] + NAME(unfold)(z[x]));
}

static void NAME(row_unleft)(PX *z, size_t n)
{
    PX west = 0;
    for (size_t x = 0; x < n; x++)
        z[x] = west = (PX)(west + NAME(unfold)(z[x]));
}

static void NAME(row_unprevious_above)(PX *restrict z, const PX *restrict above,
                                       const PX *restrict prev, const PX *restrict prev_above,
                                       size_t n)
{
    for (size_t x = 0; x < n; x++)
        z[x] = (PX)(prev[x] + NAME(half)((PX)(above[x] - prev_above[x])) + NAME(unfold)(z[x]));
}

/* Each sample waits for the one before it, three operations long: the same row of n_lanes frames is
 * done at once, so that the processor has something to do meanwhile (about 2 x faster).  z has been
 * unfolded. */
static inline __attribute__((always_inline)) void
NAME(row_unmean)(PX *z, size_t w, size_t frame_px, const unsigned n_lanes)
{
    unsigned west[MEAN_LANES];
    for (unsigned lane = 0; lane < n_lanes; lane++) {
        PX *const first = z + lane * frame_px;
        *first = (PX)(*first + *(first - w));
        west[lane] = *first;
    }
    for (size_t x = 1; x < w; x++)
        for (unsigned lane = 0; lane < n_lanes; lane++) {
            PX *const at = z + lane * frame_px + x;
            west[lane] = (((west[lane] + *(at - w)) >> 1) + *at) & PX_MAX;
            *at = (PX)west[lane];
        }
}

static void NAME(undelta_mean)(const struct pxr_block_shape *shape, PX *z)
{
    const size_t w = shape->width_px, frame_px = w * shape->height_px;
    for (uint32_t t = 0; t < shape->n_frames; t++) {
        NAME(row_unleft)(z + t * frame_px, w);
        for (size_t i = w; i < frame_px; i++)
            z[t * frame_px + i] = NAME(unfold)(z[t * frame_px + i]);
    }
    uint32_t t = 0;
    for (; shape->n_frames - t >= MEAN_LANES; t += MEAN_LANES)
        for (uint32_t y = 1; y < shape->height_px; y++)
            NAME(row_unmean)(z + t * frame_px + y * w, w, frame_px, MEAN_LANES);
    for (; t < shape->n_frames; t++)
        for (uint32_t y = 1; y < shape->height_px; y++)
            NAME(row_unmean)(z + t * frame_px + y * w, w, frame_px, 1);
}

static void NAME(undelta)(const struct pxr_block_shape *shape, enum pxr_delta delta, PX *z)
{
    const size_t w = shape->width_px, frame_px = w * shape->height_px;
    if (delta == PXR_DELTA_MEAN) {
        NAME(undelta_mean)(shape, z);
        return;
    }
    for (uint32_t t = 0; t < shape->n_frames; t++, z += frame_px) {
        const enum pxr_delta d = delta_of_frame(delta, t);
        if (d == PXR_DELTA_PREVIOUS) {
            NAME(row_unsub)(z, z - frame_px, frame_px);
            continue;
        }
        if (d == PXR_DELTA_PREVIOUS_ABOVE)
            NAME(row_unsub)(z, z - frame_px, w);
        else
            NAME(row_unleft)(z, w);
        for (uint32_t y = 1; y < shape->height_px; y++) {
            PX *const row = z + y * w;
            if (d == PXR_DELTA_PREVIOUS_ABOVE)
                NAME(row_unprevious_above)(row, row - w, row - frame_px, row - frame_px - w, w);
            else
                NAME(row_unsub)(row, row - w, w);
        }
    }
}

/* ---- transpose ------------------------------------------------------------------------------- */

/* In tiles, so that both sides stay within a few cache lines. */
static void NAME(transpose)(size_t n_rows, size_t n_columns, const PX *restrict src,
                            PX *restrict dst)
{
    for (size_t r0 = 0; r0 < n_rows; r0 += TILE)
        for (size_t c0 = 0; c0 < n_columns; c0 += TILE) {
            const size_t r1 = n_rows - r0 < TILE ? n_rows : r0 + TILE;
            const size_t c1 = n_columns - c0 < TILE ? n_columns : c0 + TILE;
            for (size_t c = c0; c < c1; c++)
                for (size_t r = r0; r < r1; r++)
                    dst[c * n_rows + r] = src[r * n_columns + c];
        }
}
