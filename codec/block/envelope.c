/* SPDX-License-Identifier: MIT
 * The envelope of a block: reads and writes headers, checks every field, and calls the codecs. */
#include "adaptive.h"
#include "codec.h"
#include "diag.h"
#include "match.h"
#include "predict.h"
#include "sorted.h"

#include <inttypes.h>

static const struct pxr_block_codec_ops *const codecs[PXR_N_BLOCK_CODECS] = {
    [PXR_BLOCK_STORE] = &pxr_block_store_ops,
    [PXR_BLOCK_CONSTANT] = &pxr_block_constant_ops,
    [PXR_BLOCK_ZSTD] = &pxr_block_zstd_ops,
    [PXR_BLOCK_PREDICT] = &pxr_block_predict_ops,
    [PXR_BLOCK_MATCH] = &pxr_block_match_ops,
    [PXR_BLOCK_ADAPTIVE] = &pxr_block_adaptive_ops,
    [PXR_BLOCK_SORTED] = &pxr_block_sorted_ops,
};

uint8_t *pxr_scratch_get(struct pxr_scratch *s, size_t n_bytes)
{
    if (n_bytes <= s->capacity)
        return s->bytes;
    pxr_free(s->bytes);
    s->bytes = pxr_alloc_aligned(64, n_bytes);
    s->capacity = s->bytes ? n_bytes : 0;
    return s->bytes;
}

/* ---- shape ----------------------------------------------------------------------------------- */

/* What the caller asks for, not what a file says. */
static enum pxr_err check_shape(const struct pxr_block_shape *s, struct pxr_diag *diag)
{
    if ((s->bits != 8 && s->bits != 16) || !s->n_frames || !s->height_px || !s->width_px ||
        s->n_frames > PXR_BLOCK_MAX_FRAMES)
        return pxr_fail(diag, PXR_E_INVALID,
                        "a block of %" PRIu32 " x %" PRIu32 " x %" PRIu32 " samples of %u bits is "
                        "not possible",
                        s->n_frames, s->height_px, s->width_px, s->bits);
    uint64_t raw_bytes;
    if (!pxr_mul_u64((uint64_t)s->height_px * s->width_px, s->n_frames * (s->bits / 8u),
                     &raw_bytes) ||
        raw_bytes > PXR_BLOCK_MAX_BYTES)
        return pxr_fail(diag, PXR_E_LIMIT,
                        "a block of %" PRIu32 " x %" PRIu32 " x %" PRIu32 " samples of %u bits is "
                        "larger than %" PRIu64 " bytes",
                        s->n_frames, s->height_px, s->width_px, s->bits, PXR_BLOCK_MAX_BYTES);
    return PXR_OK;
}

/* ---- reading a header ------------------------------------------------------------------------ */

struct field {
    unsigned off_bytes;
    const char *name;
    uint64_t expected, found;
};

static enum pxr_err fail_at(const struct field *f, enum pxr_err e, uint64_t off_bytes,
                            const char *text, struct pxr_diag *diag)
{
    return pxr_fail_field(diag, e, off_bytes + f->off_bytes, f->name, f->expected, f->found, "%s",
                          text);
}

/* src holds the fixed part. */
static enum pxr_err check_version(const uint8_t *src, uint64_t off_bytes, struct pxr_diag *diag)
{
    if (src[PXR_BLOCK_OFF_CODEC] >= PXR_N_BLOCK_CODECS || !codecs[src[PXR_BLOCK_OFF_CODEC]])
        return fail_at(&(struct field){PXR_BLOCK_OFF_CODEC, "codec", PXR_N_BLOCK_CODECS - 1,
                                       src[PXR_BLOCK_OFF_CODEC]},
                       PXR_E_UNSUPPORTED, off_bytes, "a block has a codec of a newer version",
                       diag);
    const struct field zeros[] = {
        {PXR_BLOCK_OFF_FLAGS, "flags", 0, src[PXR_BLOCK_OFF_FLAGS]},
        {PXR_BLOCK_OFF_RESERVED, "reserved", 0, src[PXR_BLOCK_OFF_RESERVED]},
    };
    for (size_t i = 0; i < sizeof zeros / sizeof *zeros; i++)
        if (zeros[i].found)
            return fail_at(&zeros[i], PXR_E_UNSUPPORTED, off_bytes,
                           "a block uses a feature of a newer version", diag);
    return PXR_OK;
}

static enum pxr_err check_same_shape(const uint8_t *src, const struct pxr_block_shape *shape,
                                     uint64_t off_bytes, struct pxr_diag *diag)
{
    const struct field fields[] = {
        {PXR_BLOCK_OFF_BITS, "bits", shape->bits, src[PXR_BLOCK_OFF_BITS]},
        {PXR_BLOCK_OFF_N_FRAMES, "n_frames", shape->n_frames,
         pxr_load_u16le(src + PXR_BLOCK_OFF_N_FRAMES)},
        {PXR_BLOCK_OFF_HEIGHT, "height_px", shape->height_px,
         pxr_load_u32le(src + PXR_BLOCK_OFF_HEIGHT)},
        {PXR_BLOCK_OFF_WIDTH, "width_px", shape->width_px,
         pxr_load_u32le(src + PXR_BLOCK_OFF_WIDTH)},
    };
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (fields[i].found != fields[i].expected)
            return fail_at(&fields[i], PXR_E_CORRUPT, off_bytes,
                           "a block does not have the shape of its place in the archive", diag);
    return PXR_OK;
}

/* The codec's rules for the header's layout; sets frames_per_unit, n_units and header_bytes. */
static enum pxr_err parse_layout(struct pxr_block_header *h, const uint8_t *src, uint64_t off_bytes,
                                 struct pxr_diag *diag)
{
    const struct pxr_block_codec_ops *const ops = codecs[h->codec];
    const uint32_t n_frames = h->shape.n_frames;
    const uint32_t per_unit = pxr_load_u16le(src + PXR_BLOCK_OFF_FRAMES_PER_UNIT);
    const uint32_t least = ops->units == PXR_UNITS_NONE    ? 0
                           : ops->units == PXR_UNITS_WHOLE ? n_frames
                                                           : 1;
    const uint32_t most = ops->units == PXR_UNITS_NONE    ? 0
                          : ops->units == PXR_UNITS_FRAME ? 1
                                                          : n_frames;
    if (per_unit < least || per_unit > most)
        return fail_at(&(struct field){PXR_BLOCK_OFF_FRAMES_PER_UNIT, "frames_per_unit",
                                       per_unit < least ? least : most, per_unit},
                       PXR_E_CORRUPT, off_bytes, "a block's codec has no such units", diag);
    h->params_bytes = pxr_load_u32le(src + PXR_BLOCK_OFF_PARAMS_BYTES);
    if (h->params_bytes < ops->min_params_bytes || h->params_bytes > ops->max_params_bytes)
        return fail_at(&(struct field){PXR_BLOCK_OFF_PARAMS_BYTES, "params_bytes",
                                       h->params_bytes < ops->min_params_bytes
                                           ? ops->min_params_bytes
                                           : ops->max_params_bytes,
                                       h->params_bytes},
                       PXR_E_CORRUPT, off_bytes, "a block's parameters have a wrong length", diag);
    h->n_units = per_unit ? (uint32_t)pxr_div_up_u64(n_frames, per_unit) : 0;
    h->frames_per_unit = per_unit ? per_unit : n_frames; /* callers divide by it */
    h->header_bytes = PXR_BLOCK_OFF_PARAMS + h->params_bytes + h->n_units * PXR_BLOCK_UNIT_BYTES;
    return PXR_OK;
}

static enum pxr_err check_units(struct pxr_block_header *h, uint64_t off_bytes,
                                struct pxr_diag *diag)
{
    const struct pxr_block_codec_ops *const ops = codecs[h->codec];
    /* At most 65535 sizes below 2^32 each: the sum cannot overflow. */
    for (uint32_t u = 0; u < h->n_units; u++) {
        const uint32_t n_bytes = pxr_load_u32le(h->units + (size_t)u * PXR_BLOCK_UNIT_BYTES);
        uint64_t least, most;
        ops->unit_bounds(h, u, &least, &most);
        if (n_bytes < least || n_bytes > most)
            return fail_at(
                &(struct field){PXR_BLOCK_OFF_PARAMS + h->params_bytes + u * PXR_BLOCK_UNIT_BYTES,
                                "unit_bytes", n_bytes < least ? least : most, n_bytes},
                PXR_E_CORRUPT, off_bytes, "a unit has an impossible size", diag);
        h->payload_bytes += n_bytes;
    }
    return PXR_OK;
}

static enum pxr_err check_length(uint64_t needed, size_t src_bytes, uint64_t off_bytes,
                                 struct pxr_diag *diag)
{
    if (src_bytes < needed)
        return pxr_fail_field(diag, PXR_E_TRUNCATED, off_bytes, "block_header", needed, src_bytes,
                              "a block header ends too early");
    return PXR_OK;
}

enum pxr_err pxr_block_header_parse(struct pxr_block_header *out, const uint8_t *src,
                                    size_t src_bytes, const struct pxr_block_shape *shape,
                                    uint64_t off_bytes, struct pxr_diag *diag)
{
    enum pxr_err e;
    struct pxr_block_header h = {.shape = *shape};
    if ((e = check_shape(shape, diag)) ||
        (e = check_length(PXR_BLOCK_OFF_PARAMS, src_bytes, off_bytes, diag)) ||
        (e = check_version(src, off_bytes, diag)) ||
        (e = check_same_shape(src, shape, off_bytes, diag)))
        return e;
    h.codec = (enum pxr_block_codec)src[PXR_BLOCK_OFF_CODEC];
    if ((e = parse_layout(&h, src, off_bytes, diag)) ||
        (e = check_length(h.header_bytes, src_bytes, off_bytes, diag)))
        return e;
    h.params = src + PXR_BLOCK_OFF_PARAMS;
    h.units = h.params + h.params_bytes;
    if (codecs[h.codec]->check_params &&
        (e = codecs[h.codec]->check_params(&h, off_bytes + PXR_BLOCK_OFF_PARAMS, diag)))
        return e;
    if ((e = check_units(&h, off_bytes, diag)))
        return e;
    *out = h;
    return PXR_OK;
}

struct pxr_hash128 pxr_block_identity(const uint8_t *header, size_t header_bytes)
{
    return pxr_xxh3_128(header, header_bytes);
}

/* ---- units ----------------------------------------------------------------------------------- */

struct pxr_block_unit pxr_block_unit_at(const struct pxr_block_header *h, uint32_t unit)
{
    const uint8_t *const entry = h->units + (size_t)unit * PXR_BLOCK_UNIT_BYTES;
    struct pxr_block_unit out = {.n_bytes = pxr_load_u32le(entry),
                                 .hash = pxr_load_u64le(entry + 4)};
    uint64_t least, most;
    codecs[h->codec]->unit_bounds(h, 0, &least, &most);
    if (least == most) /* units of one size: 65535 stored frames must not cost 65535^2 additions */
        out.off_bytes = unit * most;
    else
        for (const uint8_t *before = h->units; before < entry; before += PXR_BLOCK_UNIT_BYTES)
            out.off_bytes += pxr_load_u32le(before);
    return out;
}

void pxr_block_unit_frames(const struct pxr_block_header *h, uint32_t unit, uint32_t *first,
                           uint32_t *n)
{
    *first = unit * h->frames_per_unit;
    *n = (uint32_t)pxr_min_u64(h->frames_per_unit, h->shape.n_frames - *first);
}

size_t pxr_block_unit_pixel_bytes(const struct pxr_block_header *h, uint32_t unit)
{
    struct pxr_block_shape part = h->shape;
    uint32_t first;
    pxr_block_unit_frames(h, unit, &first, &part.n_frames);
    return pxr_block_raw_bytes(&part);
}

size_t pxr_block_unit_state_bytes(const struct pxr_block_header *h, uint32_t unit)
{
    const struct pxr_block_codec_ops *const ops = codecs[h->codec];
    return pxr_block_unit_pixel_bytes(h, unit) + (ops->kept_bytes ? ops->kept_bytes(h) : 0);
}

unsigned pxr_block_unit_refs(const struct pxr_block_header *h, uint32_t unit, uint32_t refs[2])
{
    const struct pxr_block_codec_ops *const ops = codecs[h->codec];
    return ops->refs ? ops->refs(h, unit, refs) : 0;
}

/* ---- decoding -------------------------------------------------------------------------------- */

enum pxr_err pxr_block_decoder_new(pxr_block_decoder **out, struct pxr_diag *diag)
{
    pxr_block_decoder *d = pxr_alloc_zero(1, sizeof *d);
    *out = NULL;
    if (!d || !(d->zstd = pxr_zstd_new(false))) {
        pxr_block_decoder_free(d);
        return pxr_fail_nomem(diag, sizeof *d);
    }
    *out = d;
    return PXR_OK;
}

void pxr_block_decoder_free(pxr_block_decoder *d)
{
    if (!d)
        return;
    pxr_zstd_free(d->zstd);
    pxr_predict_decoder_free(d->predict);
    pxr_match_decoder_free(d->match);
    pxr_adaptive_decoder_free(d->adaptive);
    pxr_free(d->a.bytes);
    pxr_free(d->b.bytes);
    pxr_free(d);
}

enum pxr_err pxr_block_unit_decode(pxr_block_decoder *d, const struct pxr_block_header *h,
                                   uint32_t unit, const void *const refs[2], const uint8_t *src,
                                   size_t src_bytes, void *dst, struct pxr_diag *diag)
{
    if (unit >= h->n_units)
        return pxr_fail_field(diag, PXR_E_RANGE, PXR_NONE, "unit", h->n_units, unit,
                              "the block has no such unit");
    const uint32_t n_bytes = pxr_block_unit_at(h, unit).n_bytes;
    enum pxr_err e;
    if (src_bytes != n_bytes)
        e = pxr_fail_field(diag, PXR_E_CORRUPT, PXR_NONE, "unit_bytes", n_bytes, src_bytes,
                           "a unit is not as long as its header says");
    else
        e = codecs[h->codec]->decode(d, h, unit, refs, src, src_bytes, dst, diag);
    if (e)
        memset(dst, 0, pxr_block_unit_state_bytes(h, unit));
    return e;
}

/* ---- encoding -------------------------------------------------------------------------------- */

bool pxr_block_header_begin(struct pxr_buffer *header, const struct pxr_block_shape *shape,
                            enum pxr_block_codec codec, uint32_t frames_per_unit,
                            const uint8_t *params, uint32_t params_bytes)
{
    uint8_t fixed[PXR_BLOCK_OFF_PARAMS] = {0};
    fixed[PXR_BLOCK_OFF_CODEC] = (uint8_t)codec;
    fixed[PXR_BLOCK_OFF_BITS] = shape->bits;
    pxr_store_u16le(fixed + PXR_BLOCK_OFF_N_FRAMES, (uint16_t)shape->n_frames);
    pxr_store_u16le(fixed + PXR_BLOCK_OFF_FRAMES_PER_UNIT, (uint16_t)frames_per_unit);
    pxr_store_u32le(fixed + PXR_BLOCK_OFF_HEIGHT, shape->height_px);
    pxr_store_u32le(fixed + PXR_BLOCK_OFF_WIDTH, shape->width_px);
    pxr_store_u32le(fixed + PXR_BLOCK_OFF_PARAMS_BYTES, params_bytes);
    return pxr_buffer_add(header, fixed, sizeof fixed) &&
           pxr_buffer_add(header, params, params_bytes);
}

bool pxr_block_header_add_unit(struct pxr_buffer *header, const uint8_t *unit, size_t n_bytes)
{
    uint8_t entry[PXR_BLOCK_UNIT_BYTES];
    pxr_store_u32le(entry, (uint32_t)n_bytes);
    pxr_store_u64le(entry + 4, pxr_xxh3_64(unit, n_bytes));
    return pxr_buffer_add(header, entry, sizeof entry);
}

enum pxr_err pxr_block_encoder_new(pxr_block_encoder **out, struct pxr_diag *diag)
{
    pxr_block_encoder *e = pxr_alloc_zero(1, sizeof *e);
    *out = NULL;
    if (!e || !(e->zstd = pxr_zstd_new(true))) {
        pxr_block_encoder_free(e);
        return pxr_fail_nomem(diag, sizeof *e);
    }
    *out = e;
    return PXR_OK;
}

void pxr_block_encoder_free(pxr_block_encoder *e)
{
    if (!e)
        return;
    pxr_zstd_free(e->zstd);
    pxr_predict_encoder_free(e->predict);
    pxr_match_encoder_free(e->match);
    pxr_adaptive_encoder_free(e->adaptive);
    pxr_free(e->a.bytes);
    pxr_free(e->b.bytes);
    pxr_free(e);
}

void pxr_block_encoder_force(pxr_block_encoder *e, const struct pxr_filter *f)
{
    e->has_forced = f != NULL;
    if (f)
        e->forced = *f;
}

/* Each row equals itself moved by one sample, and begins with the block's first sample. */
static bool is_constant(const struct pxr_block_source *s)
{
    const size_t sample_bytes = s->shape.bits / 8u;
    for (uint32_t t = 0; t < s->shape.n_frames; t++)
        for (uint32_t y = 0; y < s->shape.height_px; y++) {
            const uint8_t *const row = pxr_samples_row(&s->samples, t, y);
            if (memcmp(row, s->samples.first, sample_bytes) ||
                memcmp(row, row + sample_bytes, (s->shape.width_px - 1) * sample_bytes))
                return false;
        }
    return true;
}

/* Samples of a block that AUTO predicts first. */
#define MIN_PREDICT_SAMPLES ((uint64_t)1 << 16)
#define MIN_PREDICT_WIDTH 16

/* Smaller ones begin with zstd, and go on with the others from so many samples on. */
#define MIN_SORTED_SAMPLES 1024
#define MIN_TRIED_SAMPLES 4096

/* Raw bytes of a block that AUTO compresses with zstd without asking what that would cost. */
#define MAX_TRIED_BYTES ((uint64_t)1 << 19)

/* A block on its way: where it goes, and what has been written of it. */
struct attempt {
    pxr_block_encoder *e;
    const struct pxr_block_source *s;
    const struct pxr_block_opts *o;
    struct pxr_buffer *header, *payload;
    size_t header_start, payload_start;
    struct pxr_diag *diag;
};

static uint64_t bytes_of(const struct attempt *a)
{
    return a->header->n_bytes - a->header_start + (a->payload->n_bytes - a->payload_start);
}

static bool is_now(const struct attempt *a, enum pxr_block_codec codec)
{
    return a->header->bytes[a->header_start + PXR_BLOCK_OFF_CODEC] == codec;
}

static void move_down(struct pxr_buffer *b, size_t to, size_t from)
{
    memmove(b->bytes + to, b->bytes + from, b->n_bytes - from);
    b->n_bytes -= from - to;
}

/* Encode once more, and keep the smaller of the two. */
static enum pxr_err encode_again(const struct attempt *a, const struct pxr_block_codec_ops *ops)
{
    const size_t header_mid = a->header->n_bytes, payload_mid = a->payload->n_bytes;
    const uint64_t spent = bytes_of(a);
    const enum pxr_err err = ops->encode(a->e, a->s, a->o, a->header, a->payload, a->diag);
    if (err)
        return err;
    if (bytes_of(a) - spent < spent) {
        move_down(a->header, a->header_start, header_mid);
        move_down(a->payload, a->payload_start, payload_mid);
    } else {
        a->header->n_bytes = header_mid;
        a->payload->n_bytes = payload_mid;
    }
    return PXR_OK;
}

static uint64_t n_samples_of(const struct pxr_block_shape *s)
{
    return pxr_block_raw_bytes(s) / (s->bits / 8u);
}

/* Repeated patterns are what zstd sees and a predictor does not: labels, sparse depth, still scenes.  A
 * sample shows most of them; repetition over a distance it does not, but that compresses well anyway. */
static bool zstd_may_win(const struct attempt *a)
{
    const uint64_t spent = bytes_of(a);
    return spent < pxr_block_raw_bytes(&a->s->shape) / 10 ||
           pxr_zstd_codec_estimate(a->e, a->s, a->o->level, a->payload) < spent + spent / 8;
}

/* What zstd makes so much smaller repeats itself in long pieces, which decode as fast as literals. */
static bool zstd_wins_fast(const struct attempt *a)
{
    const uint64_t spent = bytes_of(a);
    return spent < pxr_block_raw_bytes(&a->s->shape) / 3 &&
           pxr_zstd_codec_estimate(a->e, a->s, a->o->level, a->payload) < spent - spent / 4;
}

/* After zstd: which of the others has the smallest tables differs from block to block. */
static enum pxr_err encode_small(const struct attempt *a)
{
    const struct pxr_block_shape *const shape = &a->s->shape;
    const uint64_t n = n_samples_of(shape);
    const bool can_predict = shape->width_px >= MIN_PREDICT_WIDTH && shape->width_px <= PXR_PREDICT_MAX_WIDTH;
    enum pxr_err err = PXR_OK;
    if (n >= MIN_SORTED_SAMPLES && pxr_sorted_is_possible(shape))
        err = encode_again(a, &pxr_block_sorted_ops);
    if (!err && n >= MIN_TRIED_SAMPLES && can_predict)
        err = encode_again(a, &pxr_block_predict_ops);
    if (!err && a->o->preset == PXR_PRESET_MAX && pxr_adaptive_is_possible(shape))
        err = encode_again(a, &pxr_block_adaptive_ops);
    return err;
}

/* Try what else may be smaller than a block of the first codec. */
static enum pxr_err encode_others(const struct attempt *a, const struct pxr_block_codec_ops *first)
{
    const struct pxr_block_shape *const shape = &a->s->shape;
    const bool has_zstd = first == &pxr_block_zstd_ops;
    enum pxr_err err = PXR_OK;
    bool may_match = false;
    if (a->o->preset == PXR_PRESET_FAST)
        return has_zstd || !zstd_wins_fast(a) ? PXR_OK : encode_again(a, &pxr_block_zstd_ops);
    if (has_zstd)
        err = encode_small(a);
    /* Little time against that of adaptive, whose samples may be counts of photons or noise without neighbours. */
    else if (is_now(a, PXR_BLOCK_ADAPTIVE) && shape->width_px <= PXR_PREDICT_MAX_WIDTH)
        err = encode_again(a, &pxr_block_predict_ops);
    if (a->o->preset == PXR_PRESET_MAX && n_samples_of(shape) < MIN_PREDICT_SAMPLES)
        may_match = pxr_match_is_possible(shape);
    else if (!err && pxr_match_is_possible(shape))
        err = pxr_match_may_win(&may_match, a->e, a->s, bytes_of(a), a->diag);
    if (!err && may_match)
        err = encode_again(a, &pxr_block_match_ops);
    if (err || has_zstd || !pxr_zstd_is_built_in())
        return err;
    /* What match has won repeats itself, and a sample does not show over which distance; in small blocks it errs. */
    if (!is_now(a, PXR_BLOCK_MATCH) && pxr_block_raw_bytes(shape) > MAX_TRIED_BYTES && !zstd_may_win(a))
        return PXR_OK;
    return encode_again(a, &pxr_block_zstd_ops);
}

/* The codec that is asked for; with AUTO the one that is tried first. */
static const struct pxr_block_codec_ops *first_codec(const pxr_block_encoder *e,
                                                     const struct pxr_block_source *s,
                                                     const struct pxr_block_opts *o)
{
    const uint64_t n = n_samples_of(&s->shape);
    /* Weights and tables of a small block may cost more than they save; narrow rows are slow. */
    const bool can_predict = s->shape.width_px <= PXR_PREDICT_MAX_WIDTH;
    const bool is_small = n < MIN_PREDICT_SAMPLES || s->shape.width_px < MIN_PREDICT_WIDTH || !can_predict;
    const bool is_fast = o->preset == PXR_PRESET_FAST && pxr_zstd_is_built_in();
    if (!e->has_forced && (is_fast || o->codec == PXR_CODEC_SORTED) && pxr_sorted_is_possible(&s->shape))
        return &pxr_block_sorted_ops;
    if (e->has_forced || is_fast || o->codec == PXR_CODEC_ZSTD ||
        (o->codec == PXR_CODEC_AUTO && is_small && pxr_zstd_is_built_in()))
        return &pxr_block_zstd_ops;
    if (o->codec == PXR_CODEC_SORTED)
        return &pxr_block_store_ops;
    if (o->preset == PXR_PRESET_MAX && pxr_adaptive_is_possible(&s->shape))
        return &pxr_block_adaptive_ops;
    if (o->codec == PXR_CODEC_MATCH)
        return pxr_match_is_possible(&s->shape) ? &pxr_block_match_ops : &pxr_block_store_ops;
    if (o->codec == PXR_CODEC_ADAPTIVE)
        return pxr_adaptive_is_possible(&s->shape) ? &pxr_block_adaptive_ops : &pxr_block_store_ops;
    return can_predict ? &pxr_block_predict_ops : &pxr_block_store_ops;
}

static enum pxr_err encode_smallest(pxr_block_encoder *e, const struct pxr_block_source *s,
                                    const struct pxr_block_opts *o, struct pxr_buffer *header,
                                    struct pxr_buffer *payload, struct pxr_diag *diag)
{
    const struct attempt a = {e, s, o, header, payload, header->n_bytes, payload->n_bytes, diag};
    const struct pxr_block_codec_ops *const first = first_codec(e, s, o);
    enum pxr_err err = first->encode(e, s, o, header, payload, diag);
    if (err || e->has_forced)
        return err;
    if (o->codec == PXR_CODEC_AUTO)
        err = encode_others(&a, first);
    if (err)
        return err;
    const uint64_t stored = PXR_BLOCK_OFF_PARAMS + pxr_block_raw_bytes(&s->shape) +
                            (uint64_t)s->shape.n_frames * PXR_BLOCK_UNIT_BYTES;
    const uint64_t spent = bytes_of(&a);
    /* A stored frame is read without the others, by copying: that is worth a little. */
    if (spent + spent / 64 < stored)
        return PXR_OK;
    header->n_bytes = a.header_start;
    payload->n_bytes = a.payload_start;
    return pxr_block_store_ops.encode(e, s, o, header, payload, diag);
}

enum pxr_err pxr_block_encode(pxr_block_encoder *e, const struct pxr_block_shape *shape,
                              const void *src, size_t row_stride_bytes, size_t frame_stride_bytes,
                              const struct pxr_block_opts *opts, struct pxr_buffer *header,
                              struct pxr_buffer *payload, struct pxr_diag *diag)
{
    const struct pxr_block_source s = {*shape, {src, row_stride_bytes, frame_stride_bytes}};
    const size_t header_start = header->n_bytes, payload_start = payload->n_bytes;
    enum pxr_err err = check_shape(shape, diag);
    if (err)
        return err;
    if (opts->level < 0 || opts->level > 19 || (unsigned)opts->codec > PXR_CODEC_SORTED)
        return pxr_fail(diag, PXR_E_INVALID, "no such codec or level: %d, %d", (int)opts->codec,
                        opts->level);
    if ((unsigned)opts->preset > PXR_PRESET_MAX || (opts->preset && opts->codec != PXR_CODEC_AUTO))
        return pxr_fail(diag, PXR_E_INVALID, "no such preset, or not with codec %d: %d", (int)opts->codec,
                        (int)opts->preset);
    if (!e->has_forced && is_constant(&s))
        err = pxr_block_constant_ops.encode(e, &s, opts, header, payload, diag);
    else if (opts->codec == PXR_CODEC_STORE)
        err = pxr_block_store_ops.encode(e, &s, opts, header, payload, diag);
    else
        err = encode_smallest(e, &s, opts, header, payload, diag);
    if (err) {
        header->n_bytes = header_start;
        payload->n_bytes = payload_start;
    }
    return err;
}
