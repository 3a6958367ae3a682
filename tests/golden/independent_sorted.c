/* SPDX-License-Identifier: MIT
 * Codec 6, sorted, decoded as docs/format.md tells it: plain, slow, and in its words.  What a zstd frame is libzstd
 * knows. */
#include "independent_parts.h"

#include <zstd.h>

enum { N_TAPS = 8, MOST_CLASSES = 16 };

struct mix {
    int64_t weight[N_TAPS], constant;
};
struct block {
    struct independent_header h;
    const struct independent_draws *draws;
    uint64_t n;      /* samples */
    uint32_t S, across; /* samples of a segment, segments of a row */
    unsigned C;
    uint32_t start, threshold[MOST_CLASSES - 1];
    uint64_t next[MOST_CLASSES], end[MOST_CLASSES]; /* residuals of each class */
    struct mix mix[2];
    uint8_t *q;
    uint64_t *activity; /* of each segment of each row of each frame */
    uint16_t *samples;
};

/* ---- parameters ------------------------------------------------------------------------------- */

static const char *read_mix(const struct block *k, const uint8_t *p, struct mix *out)
{
    const bool is_wide = k->h.shape.bits == 16;
    int64_t up = 0, down = 0;
    for (unsigned i = 0; i < N_TAPS; i++) {
        const int64_t w = out->weight[i] = as_signed(little_endian(p + 2 * i, 2), 16);
        up += w > 0 ? w : 0;
        down += w < 0 ? -w : 0;
    }
    out->constant = as_signed(little_endian(p + 16, 4), 32);
    const int64_t most = is_wide ? 4096 : 96;
    if (up > most || down > most || distance(out->constant, 0) > (is_wide ? 1 << 27 : 8191))
        return "mix";
    return NULL;
}

static const char *read_classes(struct block *k)
{
    const uint8_t *p = k->h.params;
    uint64_t sum = 0;
    for (unsigned c = 0; c + 1 < k->C; c++) {
        k->threshold[c] = little_endian(p + 44 + 4 * c, 4);
        if (k->threshold[c] > (k->h.shape.bits == 8 ? 65535u : 1u << 24) || (c && k->threshold[c] < k->threshold[c - 1]))
            return "thresholds";
    }
    for (unsigned c = 0; c < k->C; c++) {
        k->next[c] = sum;
        k->end[c] = sum += little_endian(p + 40 + 4 * k->C + 4 * c, 4);
    }
    return sum == k->n || k->draws ? NULL : "counts";
}

static const char *read_params(struct block *k)
{
    const struct independent_shape *s = &k->h.shape;
    const uint8_t *p = k->h.params;
    if (k->h.params_bytes < 48)
        return "params_bytes";
    k->C = p[0];
    k->start = little_endian(p + 2, 2);
    if (k->C < 1 || k->C > MOST_CLASSES || k->h.params_bytes != 40 + 8 * k->C)
        return "classes";
    if (p[1] || k->start >> s->bits)
        return "zero or start";
    if (s->width_px < k->S)
        return "too narrow";
    const char *why = read_mix(k, p + 4, &k->mix[0]);
    if (!why)
        why = read_mix(k, p + 24, &k->mix[1]);
    return why ? why : read_classes(k);
}

/* ---- the zstd frame --------------------------------------------------------------------------- */

/* RFC 8878, 3.1.1.1: what the rules of codec 2 forbid. */
static const char *check_frame(const uint8_t *unit, size_t n_bytes)
{
    if (little_endian(unit, 4) != 0xFD2FB528)
        return "magic number";
    const unsigned descriptor = unit[4];
    const bool is_single = descriptor >> 5 & 1;
    if (descriptor & 0x1F)
        return "dictionary id, checksum, reserved or unused bit";
    if (!is_single) {
        const uint64_t base = (uint64_t)1 << (10 + (unit[5] >> 3));
        if (base + base / 8 * (unit[5] & 7) > 1u << 27)
            return "window";
        if (!(descriptor >> 6))
            return "no Frame_Content_Size";
    }
    const size_t length = ZSTD_findFrameCompressedSize(unit, n_bytes);
    return ZSTD_isError(length) || length != n_bytes ? "end of the frame" : NULL;
}

static const char *decompress(struct block *k, const uint8_t *unit, size_t n_bytes)
{
    const uint64_t raw = k->n * k->h.shape.bits / 8;
    const char *why = check_frame(unit, n_bytes);
    if (why)
        return why;
    if (ZSTD_getFrameContentSize(unit, n_bytes) != raw)
        return "Frame_Content_Size";
    k->q = malloc(raw);
    return ZSTD_decompress(k->q, raw, unit, n_bytes) == raw ? NULL : "content";
}

/* ---- segments --------------------------------------------------------------------------------- */

static uint64_t A(const struct block *k, int64_t t, int64_t y, int64_t i)
{
    const int64_t height = k->h.shape.height_px;
    if (y < 0)
        return A(k, t ? t - 1 : 0, 0, i);
    y = clamp(y, 0, height - 1);
    return k->activity[(t * height + y) * k->across + clamp(i, 0, (int64_t)k->across - 1)];
}
static uint64_t G(const struct block *k, int64_t t, int64_t y, int64_t y2, int64_t i)
{
    return 2 * A(k, t, y, i) + A(k, t, y2, i) + (A(k, t, y, i - 1) + A(k, t, y, i + 1)) / 2;
}

static unsigned class_of(const struct block *k, int64_t t, int64_t y, int64_t i)
{
    uint64_t context = 0;
    unsigned c = 0;
    if (t > 0)
        context = G(k, t, y - 1, y - 2, i) + G(k, t - 1, y, y + 1, i);
    else if (y > 0)
        context = 2 * G(k, 0, y - 1, y - 2, i);
    for (unsigned j = 0; j + 1 < k->C; j++)
        c += k->threshold[j] <= context;
    return c;
}

/* ---- samples ---------------------------------------------------------------------------------- */

static int64_t in_frame(const struct block *k, int64_t t, int64_t y, int64_t x)
{
    const int64_t h = k->h.shape.height_px, w = k->h.shape.width_px;
    return t < 0 ? k->start : k->samples[(t * h + clamp(y, 0, h - 1)) * w + clamp(x, 0, w - 1)];
}
static int64_t above(const struct block *k, int64_t t, int64_t y, int64_t x)
{
    return y ? in_frame(k, t, y - 1, x) : in_frame(k, t - 1, 0, x);
}

static int64_t predict(const struct block *k, int64_t t, int64_t y, int64_t x)
{
    const struct mix *m = &k->mix[t > 0];
    const unsigned bits = k->h.shape.bits;
    const int64_t tap[N_TAPS] = {above(k, t, y, x),           above(k, t, y, x - 1),       above(k, t, y, x + 1),
                                 in_frame(k, t - 1, y, x),     in_frame(k, t - 1, y - 1, x), in_frame(k, t - 1, y + 1, x),
                                 in_frame(k, t - 1, y, x - 1), in_frame(k, t - 1, y, x + 1)};
    int64_t sum = m->constant;
    for (unsigned i = 0; i < N_TAPS; i++)
        sum += m->weight[i] * tap[i];
    return clamp(sum >> (bits == 8 ? 6 : 10), 0, (1 << bits) - 1);
}

static uint32_t next_residual(struct block *k, unsigned c)
{
    if (k->draws) {
        const uint32_t z = k->draws->roll(k->draws->to, k->h.shape.bits);
        k->draws->took(k->draws->to, z, c, k->h.shape.bits);
        return z;
    }
    const uint64_t at = k->next[c]++;
    return k->q[at] + (k->h.shape.bits == 16 ? 256u * k->q[k->n + at] : 0);
}

static const char *decode_segment(struct block *k, uint32_t t, uint32_t y, uint32_t i)
{
    const uint32_t w = k->h.shape.width_px, first = i * k->S, n = w - first < k->S ? w - first : k->S;
    const unsigned c = class_of(k, t, y, i);
    uint64_t sum = 0;
    if (!k->draws && k->end[c] - k->next[c] < n)
        return "a class has too few";
    for (uint32_t x = first; x < first + n; x++) {
        const uint32_t z = next_residual(k, c);
        sum += z;
        k->samples[((uint64_t)t * k->h.shape.height_px + y) * w + x] =
            (uint16_t)((predict(k, t, y, x) + unfold(z)) & ((1 << k->h.shape.bits) - 1));
    }
    k->activity[((uint64_t)t * k->h.shape.height_px + y) * k->across + i] = n < k->S ? sum * k->S / n : sum;
    return NULL;
}

static const char *decode(struct block *k)
{
    const struct independent_shape *s = &k->h.shape;
    const char *why = NULL;
    k->activity = calloc((size_t)s->n_frames * s->height_px * k->across, sizeof *k->activity);
    for (uint32_t t = 0; t < s->n_frames; t++)
        for (uint32_t y = 0; y < s->height_px; y++)
            for (uint32_t i = 0; !why && i < k->across; i++)
                why = decode_segment(k, t, y, i);
    return why;
}

const char *independent_sorted(const struct independent_shape *shape, const uint8_t *header, size_t header_bytes,
                               const uint8_t *payload, size_t payload_bytes, const struct independent_draws *draws,
                               uint16_t *samples)
{
    struct block k = {.n = (uint64_t)shape->n_frames * shape->height_px * shape->width_px, .samples = samples, .draws = draws};
    const uint64_t raw = k.n * shape->bits / 8;
    const char *why = read_header(&k.h, shape, 6, true, header, header_bytes);
    k.S = shape->bits == 8 ? 32 : 16;
    k.across = (shape->width_px + k.S - 1) / k.S;
    if (!why)
        why = read_params(&k);
    if (!why && !draws)
        why = check_units(&k.h, 10, raw + raw / 256 + 512, payload_bytes);
    if (!why && !draws)
        why = decompress(&k, payload, payload_bytes);
    if (!why && draws)
        draws->begin_unit(draws->to, 0);
    if (!why)
        why = decode(&k);
    free(k.q);
    free(k.activity);
    return why;
}
