/* SPDX-License-Identifier: MIT
 * Codec 2: residuals of a delta filter, rearranged, compressed by zstd; a block is one unit. */
#include "codec.h"
#include "diag.h"

enum { PARAMS_BYTES = 3, TRIAL_LEVEL = 3, DEFAULT_LEVEL = 3, HIGH_LEVEL = 9, HIGHEST_LEVEL = 17 };

/* What any zstd decoder accepts without being asked; our levels use at most 2^23.  We decode in one
 * call and need no window, but a reader that streams does. */
#define MAX_WINDOW_BYTES ((uint64_t)1 << 27)

static struct pxr_filter filter_of(const struct pxr_block_header *h)
{
    return (struct pxr_filter){h->params[0], h->params[1], h->params[2]};
}

static enum pxr_err check_param(const struct pxr_block_header *h, uint32_t i, uint8_t largest,
                                const char *name, uint64_t off_bytes, struct pxr_diag *diag)
{
    if (h->params[i] > largest)
        return pxr_fail_field(diag, PXR_E_CORRUPT, off_bytes + i, name, largest, h->params[i],
                              "a zstd block has an unknown %s", name);
    return PXR_OK;
}

static enum pxr_err check_params(const struct pxr_block_header *h, uint64_t off_bytes,
                                 struct pxr_diag *diag)
{
    enum pxr_err e;
    if ((e = check_param(h, 0, PXR_N_LAYOUTS - 1, "layout", off_bytes, diag)) ||
        (e = check_param(h, 1, PXR_N_DELTAS - 1, "delta", off_bytes, diag)) ||
        (e = check_param(h, 2, PXR_N_SHUFFLES - 1, "shuffle", off_bytes, diag)))
        return e;
    if (h->shape.bits == 8 && h->params[2] == PXR_SHUFFLE_BYTES)
        return pxr_fail_field(diag, PXR_E_CORRUPT, off_bytes + 2, "shuffle", PXR_SHUFFLE_NONE,
                              PXR_SHUFFLE_BYTES, "8-bit samples have no byte planes");
    return PXR_OK;
}

static void unit_bounds(const struct pxr_block_header *h, uint32_t unit, uint64_t *min_bytes,
                        uint64_t *max_bytes)
{
    *min_bytes = PXR_ZSTD_SMALLEST_BYTES;
    *max_bytes = pxr_zstd_bound(pxr_block_unit_pixel_bytes(h, unit));
}

/* ---- decoding -------------------------------------------------------------------------------- */

/* RFC 8878, 3.1.1.1. */
enum pxr_err pxr_zstd_check_frame(const uint8_t *src, size_t src_bytes, uint64_t raw_bytes,
                                  struct pxr_diag *diag)
{
    const uint32_t magic = pxr_load_u32le(src);
    if (magic != 0xFD2FB528u)
        return pxr_fail_field(diag, PXR_E_CORRUPT, PXR_NONE, "zstd_magic", 0xFD2FB528u, magic,
                              "the unit is not a zstd frame");
    const uint8_t descriptor = src[4];
    if (descriptor & 0x1f)
        return pxr_fail_field(diag, PXR_E_CORRUPT, PXR_NONE, "zstd_descriptor", 0,
                              descriptor & 0x1f, "dictionaries and checksums are not allowed here");
    const bool has_window = !(descriptor & 0x20);
    if (has_window) {
        const unsigned exponent = src[5] >> 3, eighths = src[5] & 7;
        const uint64_t window = ((uint64_t)(8 + eighths) << (10 + exponent)) / 8;
        if (window > MAX_WINDOW_BYTES)
            return pxr_fail_field(diag, PXR_E_CORRUPT, PXR_NONE, "zstd_window", MAX_WINDOW_BYTES,
                                  window, "the zstd frame asks for too large a window");
    }
    const uint8_t *const at = src + 5 + has_window;
    uint64_t content = UINT64_MAX; /* not stated */
    switch (descriptor >> 6) {
    case 0:
        content = has_window ? UINT64_MAX : at[0];
        break;
    case 1:
        content = 256u + pxr_load_u16le(at);
        break;
    case 2:
        content = pxr_load_u32le(at);
        break;
    default:
        content = src_bytes >= 6u + 8u ? pxr_load_u64le(at) : UINT64_MAX;
        break;
    }
    if (content != raw_bytes)
        return pxr_fail_field(diag, PXR_E_CORRUPT, PXR_NONE, "zstd_content_bytes", raw_bytes,
                              content, "the zstd frame does not state the size of the block");
    return PXR_OK;
}

static enum pxr_err decode(pxr_block_decoder *d, const struct pxr_block_header *h, uint32_t unit,
                           const void *const refs[2], const uint8_t *src, size_t src_bytes,
                           void *dst, struct pxr_diag *diag)
{
    (void)unit, (void)refs;
    if (!pxr_zstd_is_built_in())
        return pxr_fail(diag, PXR_E_UNSUPPORTED,
                        "this pixelrain was built without zstd and cannot decode zstd blocks");
    const struct pxr_block_shape *const shape = &h->shape;
    const struct pxr_filter f = filter_of(h);
    const size_t raw_bytes = pxr_block_raw_bytes(shape), n = raw_bytes / (shape->bits / 8u);
    const enum pxr_err e = pxr_zstd_check_frame(src, src_bytes, raw_bytes, diag);
    if (e)
        return e;

    /* zstd writes where the next step reads; steps that change nothing cost nothing. */
    const bool is_shuffled =
        f.shuffle != PXR_SHUFFLE_NONE || (shape->bits == 16 && !pxr_is_little_endian());
    const bool is_transposed = f.layout == PXR_LAYOUT_PIXEL_MAJOR;
    uint8_t *const residuals = is_transposed ? pxr_scratch_get(&d->b, raw_bytes) : dst;
    uint8_t *const bytes = is_shuffled ? pxr_scratch_get(&d->a, raw_bytes) : residuals;
    if (!residuals || !bytes)
        return pxr_fail_nomem(diag, raw_bytes);
    if (!pxr_zstd_decompress(d->zstd, src, src_bytes, bytes, raw_bytes))
        return pxr_fail(diag, PXR_E_CORRUPT, "the zstd frame of a block is damaged");
    if (is_shuffled)
        pxr_filter_unshuffle(f.shuffle, shape->bits, n, bytes, residuals);
    if (is_transposed)
        pxr_filter_transpose(shape->bits, n / shape->n_frames, shape->n_frames, residuals, dst);
    pxr_filter_undelta(shape, f.delta, dst);
    return PXR_OK;
}

/* ---- encoding -------------------------------------------------------------------------------- */

/* The bytes that zstd will see: in one of the two scratch buffers. NULL: no memory. */
static const uint8_t *filter_apply(pxr_block_encoder *e, const struct pxr_block_source *s,
                                   const struct pxr_filter *f)
{
    const struct pxr_block_shape *const shape = &s->shape;
    const size_t raw_bytes = pxr_block_raw_bytes(shape), n = raw_bytes / (shape->bits / 8u);
    uint8_t *from = pxr_scratch_get(&e->a, raw_bytes), *to = pxr_scratch_get(&e->b, raw_bytes);
    if (!from || !to)
        return NULL;
    pxr_filter_delta(shape, &s->samples, f->delta, from);
    if (f->layout == PXR_LAYOUT_PIXEL_MAJOR) {
        pxr_filter_transpose(shape->bits, shape->n_frames, n / shape->n_frames, from, to);
        uint8_t *const swap = from;
        from = to;
        to = swap;
    }
    pxr_filter_shuffle(f->shuffle, shape->bits, n, from, to);
    return to;
}

/* Compress into the payload; 0: no memory. */
static size_t compress(pxr_block_encoder *e, const struct pxr_block_source *s,
                       const struct pxr_filter *f, int level, struct pxr_buffer *payload)
{
    const size_t raw_bytes = pxr_block_raw_bytes(&s->shape), start = payload->n_bytes;
    const size_t bound = (size_t)pxr_zstd_bound(raw_bytes);
    const uint8_t *const bytes = filter_apply(e, s, f);
    uint8_t *const room = bytes ? pxr_buffer_extend(payload, bound) : NULL;
    const size_t n = room ? pxr_zstd_compress(e->zstd, level, bytes, raw_bytes, room, bound) : 0;
    payload->n_bytes = start + n;
    return n;
}

/* A box from the middle of the block, about an eighth of it but neither tiny nor large: the trials
 * must cost less than the compression that they are for. It depends on the shape alone. */
static struct pxr_block_source sample_of(const struct pxr_block_source *s)
{
    const struct pxr_block_shape *const full = &s->shape;
    const uint32_t bytes = full->bits / 8u;
    const uint64_t budget_px =
        pxr_min_u64(pxr_max_u64(pxr_block_raw_bytes(full) / 8, 4096), 65536) / bytes;
    struct pxr_block_source part = *s;
    uint64_t w = pxr_min_u64(full->width_px, 256), h = pxr_min_u64(full->height_px, 16);
    const uint64_t n = pxr_min_u64(full->n_frames, pxr_max_u64(budget_px / (w * h), 4));
    h = pxr_min_u64(full->height_px, pxr_max_u64(budget_px / (w * n), h));
    w = pxr_min_u64(full->width_px, pxr_max_u64(budget_px / (h * n), w));
    part.shape.n_frames = (uint32_t)n;
    part.shape.height_px = (uint32_t)h;
    part.shape.width_px = (uint32_t)w;
    part.samples.first += (full->n_frames - n) / 2 * s->samples.frame_stride_bytes +
                          (full->height_px - h) / 2 * s->samples.row_stride_bytes +
                          (full->width_px - w) / 2 * bytes;
    return part;
}

struct candidate {
    struct pxr_filter filter;
    size_t n_bytes; /* of the compressed sample */
};

struct trial {
    pxr_block_encoder *e;
    struct pxr_block_source sample;
    int level;
    struct pxr_buffer *payload; /* room beyond its end */
    struct candidate best, second;
};

static bool trial_run(struct trial *t, const struct pxr_filter f)
{
    const size_t start = t->payload->n_bytes;
    const size_t n = compress(t->e, &t->sample, &f, t->level, t->payload);
    t->payload->n_bytes = start;
    if (n && n < t->best.n_bytes) {
        t->second = t->best;
        t->best = (struct candidate){f, n};
    } else if (n && n < t->second.n_bytes) {
        t->second = (struct candidate){f, n};
    }
    return n != 0;
}

/* First the delta, judged with bit planes, which win on most real sequences; then the other orders
 * for that delta, and the plain samples, which win on labels and masks. */
static bool trial_run_all(struct trial *t, const struct pxr_block_shape *shape)
{
    for (uint8_t delta = 0; delta < PXR_N_DELTAS; delta++) {
        const bool is_temporal = delta == PXR_DELTA_PREVIOUS || delta == PXR_DELTA_PREVIOUS_ABOVE;
        if (is_temporal && shape->n_frames == 1)
            continue;
        if (!trial_run(t, (struct pxr_filter){0, delta, PXR_SHUFFLE_BITS}))
            return false;
    }
    const uint8_t delta = t->best.filter.delta;
    const uint8_t plain = shape->bits == 8 ? PXR_SHUFFLE_NONE : PXR_SHUFFLE_BYTES;
    if (delta != PXR_DELTA_NONE && !trial_run(t, (struct pxr_filter){0, delta, plain}))
        return false;
    if (!trial_run(t, (struct pxr_filter){0, PXR_DELTA_NONE, plain}))
        return false;
    if (shape->bits == 16 && !trial_run(t, (struct pxr_filter){0, PXR_DELTA_NONE, 0}))
        return false;
    /* A pixel's history in one piece: only where rows are too short to be worth anything. */
    if (shape->n_frames > 1 && (uint64_t)shape->width_px * shape->height_px <= 256) {
        const struct pxr_filter f = t->best.filter;
        return trial_run(t, (struct pxr_filter){PXR_LAYOUT_PIXEL_MAJOR, f.delta, f.shuffle});
    }
    return true;
}

/* Append the block, compressed with the filter that promises most; where one with another shuffle
 * comes close, with the better of the two: zstd's short matches spoil plain bytes of a long block
 * more than those of a sample (up to 7 % on a moving mechanism). 0: no memory. */
static size_t compress_best(pxr_block_encoder *e, const struct pxr_block_source *s, int level,
                            struct pxr_buffer *payload, struct pxr_filter *used)
{
    const size_t start = payload->n_bytes;
    struct trial t = {.e = e,
                      .sample = sample_of(s),
                      .level = level < TRIAL_LEVEL ? level : TRIAL_LEVEL,
                      .payload = payload,
                      .best = {.n_bytes = SIZE_MAX},
                      .second = {.n_bytes = SIZE_MAX}};
    if (!trial_run_all(&t, &s->shape))
        return 0;
    *used = t.best.filter;
    const size_t n = compress(e, s, used, level, payload);
    if (!n || t.second.filter.shuffle == t.best.filter.shuffle ||
        t.second.n_bytes - t.best.n_bytes > t.best.n_bytes / 32)
        return n;
    const size_t n_second = compress(e, s, &t.second.filter, level, payload);
    if (n_second && n_second < n) {
        *used = t.second.filter;
        memmove(payload->bytes + start, payload->bytes + start + n, n_second);
        payload->n_bytes = start + n_second;
        return n_second;
    }
    payload->n_bytes = start + n;
    return n_second ? n : 0;
}

uint64_t pxr_zstd_codec_estimate(pxr_block_encoder *e, const struct pxr_block_source *s, int level,
                                 struct pxr_buffer *payload)
{
    struct trial t = {.e = e,
                      .sample = sample_of(s),
                      .level = level && level < TRIAL_LEVEL ? level : TRIAL_LEVEL,
                      .payload = payload,
                      .best = {.n_bytes = SIZE_MAX},
                      .second = {.n_bytes = SIZE_MAX}};
    if (!pxr_zstd_is_built_in() || !trial_run_all(&t, &s->shape))
        return UINT64_MAX;
    const double grow =
        (double)pxr_block_raw_bytes(&s->shape) / (double)pxr_block_raw_bytes(&t.sample.shape);
    return (uint64_t)((double)t.best.n_bytes * grow);
}

/* What compresses well does so because it repeats itself: there a high level finds more (10 % on sparse
 * depth, a third on labels and masks), and the more it repeats the less a high level costs. */
static size_t compress_again(pxr_block_encoder *e, const struct pxr_block_source *s,
                             const struct pxr_filter *f, size_t n, struct pxr_buffer *payload)
{
    const size_t start = payload->n_bytes - n, raw_bytes = pxr_block_raw_bytes(&s->shape);
    if (n >= raw_bytes / 5)
        return n;
    const size_t n_high = compress(e, s, f, n < raw_bytes / 16 ? HIGHEST_LEVEL : HIGH_LEVEL, payload);
    if (n_high && n_high < n)
        memmove(payload->bytes + start, payload->bytes + start + n, n_high);
    payload->n_bytes = start + (n_high && n_high < n ? n_high : n);
    return payload->n_bytes - start;
}

static enum pxr_err encode(pxr_block_encoder *e, const struct pxr_block_source *s,
                           const struct pxr_block_opts *o, struct pxr_buffer *header,
                           struct pxr_buffer *payload, struct pxr_diag *diag)
{
    if (!pxr_zstd_is_built_in())
        return pxr_fail(diag, PXR_E_UNSUPPORTED,
                        "this pixelrain was built without zstd and cannot write zstd blocks");
    struct pxr_filter f = e->forced;
    const int level = o->level ? o->level : DEFAULT_LEVEL;
    const size_t start = payload->n_bytes;
    size_t n = e->has_forced ? compress(e, s, &f, level, payload)
                             : compress_best(e, s, level, payload, &f);
    if (n && !o->level && !e->has_forced)
        n = compress_again(e, s, &f, n, payload);
    const uint8_t params[PARAMS_BYTES] = {f.layout, f.delta, f.shuffle};
    if (!n ||
        !pxr_block_header_begin(header, &s->shape, PXR_BLOCK_ZSTD, s->shape.n_frames, params,
                                sizeof params) ||
        !pxr_block_header_add_unit(header, payload->bytes + start, n))
        return pxr_fail_nomem(diag, 2 * pxr_block_raw_bytes(&s->shape));
    return PXR_OK;
}

const struct pxr_block_codec_ops pxr_block_zstd_ops = {
    .name = "zstd",
    .units = PXR_UNITS_WHOLE,
    .min_params_bytes = PARAMS_BYTES,
    .max_params_bytes = PARAMS_BYTES,
    .check_params = check_params,
    .unit_bounds = unit_bounds,
    .decode = decode,
    .encode = encode,
};
