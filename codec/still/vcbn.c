/* SPDX-License-Identifier: MIT
 * VCBN envelopes: numbers to levels and bytes, and back. */
#include "vcbn.h"

#include "bitio.h"
#include "diag.h"
#include "vcbn_header.h"

#include <math.h>

enum { EXACT_BITS = 24 }; /* of float32 */

/* ---- half precision --------------------------------------------------------------------------- */

double pxr_vcbn_half_value(uint16_t half)
{
    const int exponent = half >> 10 & 31;
    const unsigned fraction = half & 1023;
    double v;
    if (exponent == 31) { /* infinity, or a NaN with its payload */
        const uint64_t bits = (uint64_t)0x7FF << 52 | (uint64_t)fraction << 42;
        memcpy(&v, &bits, sizeof v);
    } else {
        v = exponent ? ldexp(fraction + 1024, exponent - 25) : ldexp(fraction, -24);
    }
    return half >> 15 ? -v : v;
}

/* A NaN keeps its sign and the upper bits of its payload, but stays a NaN. */
static uint16_t half_of_nan(uint64_t bits)
{
    const uint16_t payload = (uint16_t)(bits >> 42 & 1023);
    return (uint16_t)(bits >> 48 & 0x8000) | 0x7C00 | (payload ? payload : 1);
}

uint16_t pxr_vcbn_half_of(double v)
{
    uint64_t bits;
    int exponent;
    memcpy(&bits, &v, sizeof bits);
    if (isnan(v))
        return half_of_nan(bits);
    const uint16_t sign = (uint16_t)(bits >> 48 & 0x8000);
    const double m = fabs(v);
    if (m >= 65520) /* rounds to 2^16, which is infinity */
        return sign | 0x7C00;
    if (m < 6.103515625e-05) /* below the normal ones: a fixed step of 2^-24; carries into the smallest normal one */
        return sign | (uint16_t)nearbyint(ldexp(m, 24));
    frexp(m, &exponent);
    /* 11 bits with the leading one, which adds 1 to the exponent's field; a carry of rounding does the same. */
    const unsigned rounded = (unsigned)nearbyint(ldexp(m, 11 - exponent));
    return (uint16_t)(sign | (((unsigned)(exponent + 13) << 10) + rounded));
}

/* ---- numbers ---------------------------------------------------------------------------------- */

static const uint8_t input_bytes[PXR_VCBN_N_INPUTS] = {1, 1, 2, 2, 4, 4, 8, 8, 2, 4, 8, 8, 16};

size_t pxr_vcbn_input_bytes(enum pxr_vcbn_input t)
{
    return input_bytes[t];
}

static bool is_integer(enum pxr_vcbn_input t)
{
    return t <= PXR_VCBN_IN_I64;
}

/* Unsigned ones that fit into 63 bits, and signed ones; larger ones are clipped, which only comes before clipping. */
static int64_t integer_at(enum pxr_vcbn_input t, const void *at)
{
    uint8_t u8;
    int8_t i8;
    uint16_t u16;
    int16_t i16;
    uint32_t u32;
    int32_t i32;
    uint64_t u64;
    int64_t i64;
    switch (t) {
    case PXR_VCBN_IN_U8: return memcpy(&u8, at, 1), u8;
    case PXR_VCBN_IN_I8: return memcpy(&i8, at, 1), i8;
    case PXR_VCBN_IN_U16: return memcpy(&u16, at, 2), u16;
    case PXR_VCBN_IN_I16: return memcpy(&i16, at, 2), i16;
    case PXR_VCBN_IN_U32: return memcpy(&u32, at, 4), u32;
    case PXR_VCBN_IN_I32: return memcpy(&i32, at, 4), i32;
    case PXR_VCBN_IN_U64: return memcpy(&u64, at, 8), u64 > INT64_MAX ? INT64_MAX : (int64_t)u64;
    default: return memcpy(&i64, at, 8), i64;
    }
}

/* As float32 and as float64: each rounds once. */
static float single_at(enum pxr_vcbn_input t, const void *at)
{
    uint16_t half;
    uint64_t u64;
    float f32;
    double f64;
    switch (t) {
    case PXR_VCBN_IN_F16: return memcpy(&half, at, 2), (float)pxr_vcbn_half_value(half);
    case PXR_VCBN_IN_F32:
    case PXR_VCBN_IN_C64: return memcpy(&f32, at, 4), f32;
    case PXR_VCBN_IN_F64:
    case PXR_VCBN_IN_C128: return memcpy(&f64, at, 8), (float)f64;
    case PXR_VCBN_IN_U64: return memcpy(&u64, at, 8), (float)u64;
    default: return (float)integer_at(t, at);
    }
}

static double double_at(enum pxr_vcbn_input t, const void *at)
{
    uint64_t u64;
    double f64;
    switch (t) {
    case PXR_VCBN_IN_F16:
    case PXR_VCBN_IN_F32:
    case PXR_VCBN_IN_C64: return single_at(t, at);
    case PXR_VCBN_IN_F64:
    case PXR_VCBN_IN_C128: return memcpy(&f64, at, 8), f64;
    case PXR_VCBN_IN_U64: return memcpy(&u64, at, 8), (double)u64;
    default: return (double)integer_at(t, at);
    }
}

/* ---- encoding --------------------------------------------------------------------------------- */

struct scale {
    bool is_copy, is_flat; /* integers as they are; everything is 0 */
    uint32_t top;
    float low, factor, highest;
};

static struct scale scale_of(const struct pxr_vcbn_plan *p, enum pxr_vcbn_input type, double vmin, double vmax)
{
    const double width = vmax - vmin;
    return (struct scale){.is_copy = is_integer(type) && vmin == 0 && vmax == (double)p->top,
                          .is_flat = !isfinite(width) || width <= 0,
                          .top = p->top,
                          .low = (float)vmin,
                          .factor = (float)((double)p->top / width),
                          .highest = (float)p->top};
}

static uint64_t level_of(const struct scale *s, enum pxr_vcbn_input type, const void *at)
{
    if (s->is_copy) {
        const int64_t v = integer_at(type, at);
        return v < 0 ? 0 : v > s->top ? s->top : (uint64_t)v;
    }
    if (s->is_flat)
        return 0;
    const float v = (single_at(type, at) - s->low) * s->factor;
    if (!isfinite(v) || v <= 0)
        return 0;
    /* Above 24 bits the highest level is not a float32: then 2^bits comes out, as in the original, and wraps to 0
     * where it does not fit. */
    return (uint64_t)(v < s->highest ? v : s->highest);
}

static void store(uint8_t *dst, uint64_t v, unsigned n_bytes, bool is_big_endian)
{
    for (unsigned i = 0; i < n_bytes; i++, v >>= 8)
        dst[is_big_endian ? n_bytes - 1 - i : i] = (uint8_t)v;
}

static uint64_t float_bits(enum pxr_vcbn_dtype t, enum pxr_vcbn_input type, const void *at)
{
    const double v = double_at(type, at);
    uint64_t bits;
    uint32_t single_bits;
    if (t == PXR_VCBN_FLOAT16)
        return pxr_vcbn_half_of(v);
    if (t == PXR_VCBN_FLOAT64)
        return memcpy(&bits, &v, sizeof bits), bits;
    const float single = single_at(type, at);
    return memcpy(&single_bits, &single, sizeof single_bits), single_bits;
}

static void put_row(struct pxr_bit_writer *packed, uint8_t *dst, const struct pxr_vcbn_plan *p, const struct scale *s,
                    const struct pxr_vcbn_array *a, uint32_t y)
{
    const uint8_t *at = (const uint8_t *)a->data + y * a->stride_bytes;
    const unsigned n_bytes = (unsigned)pxr_vcbn_sample_bytes(p->container); /* at dst, unless packed */
    const uint32_t mask = (uint32_t)(((uint64_t)1 << p->bits) - 1);
    for (uint32_t x = 0; x < a->width_px; x++, at += input_bytes[a->type]) {
        if (p->is_float)
            store(dst + x * n_bytes, float_bits(p->o->dtype, a->type, at), n_bytes, p->o->is_big_endian);
        else if (p->o->dtype == PXR_VCBN_PACKED)
            pxr_bits_put(packed, (uint32_t)level_of(s, a->type, at) & mask, p->bits);
        else
            store(dst + x * n_bytes, level_of(s, a->type, at), n_bytes, p->o->is_big_endian);
    }
}

static enum pxr_err put_blob(struct pxr_buffer *out, const struct pxr_vcbn_plan *p, const struct scale *s,
                             const struct pxr_vcbn_array *a, struct pxr_diag *diag)
{
    struct pxr_bit_writer packed = {.to = out};
    const size_t row_bytes = a->width_px * pxr_vcbn_sample_bytes(p->container), at = out->n_bytes;
    const bool is_packed = p->o->dtype == PXR_VCBN_PACKED;
    /* The whole at once; packed numbers then fill it from the start. */
    if (!pxr_buffer_extend(out, (size_t)p->blob_bytes))
        return pxr_fail_nomem(diag, p->blob_bytes);
    if (is_packed)
        out->n_bytes = at;
    for (uint32_t y = 0; y < a->height_px; y++)
        put_row(&packed, is_packed ? NULL : out->bytes + at + y * row_bytes, p, s, a, y);
    pxr_bits_end(&packed);
    return packed.is_failed ? pxr_fail_nomem(diag, p->blob_bytes) : PXR_OK;
}

/* The range that is asked for, or that of the numbers, NaN aside. */
static enum pxr_err find_range(const struct pxr_vcbn_opts *o, const struct pxr_vcbn_array *a, double *vmin,
                               double *vmax, struct pxr_diag *diag)
{
    *vmin = o->has_range ? o->vmin : INFINITY;
    *vmax = o->has_range ? o->vmax : -INFINITY;
    for (uint32_t y = 0; y < a->height_px && !o->has_range; y++) {
        const uint8_t *at = (const uint8_t *)a->data + y * a->stride_bytes;
        for (uint32_t x = 0; x < a->width_px; x++, at += input_bytes[a->type]) {
            const double v = double_at(a->type, at);
            *vmin = v < *vmin ? v : *vmin;
            *vmax = v > *vmax ? v : *vmax;
        }
    }
    if (!isfinite(*vmin) || !isfinite(*vmax))
        return pxr_fail(diag, PXR_E_INVALID, "the range from vmin to vmax is not finite: JSON cannot say it");
    return PXR_OK;
}

static enum pxr_err encode(struct pxr_buffer *out, const struct pxr_vcbn_array *a, const struct pxr_vcbn_opts *o,
                           struct pxr_diag *diag)
{
    struct pxr_vcbn_plan p;
    double vmin, vmax;
    enum pxr_err e = pxr_vcbn_plan_init(&p, o, a->width_px, a->height_px, diag);
    if (!e)
        e = find_range(o, a, &vmin, &vmax, diag);
    if (e)
        return e;
    const struct scale s = scale_of(&p, a->type, vmin, vmax);
    if (!p.is_float && p.bits > EXACT_BITS && !s.is_copy && !o->is_forced)
        return pxr_fail(diag, PXR_E_INVALID, "%u bits are more than float32 computes exactly: at most 24, or integers "
                        "from 0 to the highest level", p.bits);
    e = pxr_vcbn_plan_put(out, &p, a->width_px, a->height_px, vmin, vmax, diag);
    return e ? e : put_blob(out, &p, &s, a, diag);
}

enum pxr_err pxr_vcbn_encode(struct pxr_buffer *out, const struct pxr_vcbn_array *array,
                             const struct pxr_vcbn_opts *o, struct pxr_diag *diag)
{
    const size_t before = out->n_bytes;
    if ((unsigned)array->type >= PXR_VCBN_N_INPUTS)
        return pxr_fail(diag, PXR_E_INVALID, "no such type of numbers: %d", (int)array->type);
    const enum pxr_err e = encode(out, array, o, diag);
    if (e)
        out->n_bytes = before;
    return e;
}

/* ---- decoding --------------------------------------------------------------------------------- */

static uint64_t load(const uint8_t *src, unsigned n_bytes, bool is_big_endian)
{
    uint64_t v = 0;
    for (unsigned i = n_bytes; i-- > 0;)
        v = v << 8 | src[is_big_endian ? n_bytes - 1 - i : i];
    return v;
}

static void store_native(uint8_t *dst, uint64_t v, unsigned n_bytes)
{
    store(dst, v, n_bytes, !pxr_is_little_endian());
}

void pxr_vcbn_decode(const struct pxr_vcbn_info *info, const uint8_t *src, void *dst, size_t stride_bytes)
{
    const unsigned n_bytes = (unsigned)pxr_vcbn_sample_bytes(info->container);
    const uint8_t *at = src + info->blob_off_bytes;
    struct pxr_bit_reader packed = {.src = at, .n_bytes = info->blob_bytes};
    const uint32_t n_outer = info->is_column_major ? info->width_px : info->height_px;
    const uint32_t n_inner = info->is_column_major ? info->height_px : info->width_px;
    const size_t outer_step = info->is_column_major ? n_bytes : stride_bytes;
    const size_t inner_step = info->is_column_major ? stride_bytes : n_bytes;
    for (uint32_t outer = 0; outer < n_outer; outer++) {
        uint8_t *to = (uint8_t *)dst + outer * outer_step;
        for (uint32_t inner = 0; inner < n_inner; inner++, to += inner_step, at += n_bytes)
            store_native(to, info->dtype == PXR_VCBN_PACKED ? pxr_bits_get(&packed, info->bits)
                                                            : load(at, n_bytes, info->is_big_endian), n_bytes);
    }
}
