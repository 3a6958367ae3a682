/* SPDX-License-Identifier: MIT
 * VCBN envelopes: the header, written as Python writes it and read as strictly as JSON allows. */
#include "vcbn_header.h"

#include "diag.h"
#include "json_read.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { MAGIC_HEAD_BYTES = 9, PLAIN_HEAD_BYTES = 4, MAX_DEPTH = 8, DEFAULT_BITS = 12 };

static const struct dialect {
    char name[8], magic[8], first_members[40];
} dialects[PXR_VCBN_N_DIALECTS] = {
    [PXR_VCBN_VCBN] = {"vcbn", "VCBN", "\"fmt\":\"vcbin\","},
    [PXR_VCBN_CBIN] = {"cbin", "CBIN", "\"format\":\"cbin\",\"type\":\"image\","},
    [PXR_VCBN_IMPK] = {"impk", "IMPK", ""},
    [PXR_VCBN_HEAD] = {"head", "", "\"format\":\"imgpack\","},
};
static const struct dtype {
    char name[8];
    uint8_t bytes;
} dtypes[PXR_VCBN_N_DTYPES] = {
    [PXR_VCBN_UINT8] = {"uint8", 1},     [PXR_VCBN_UINT16] = {"uint16", 2},   [PXR_VCBN_UINT32] = {"uint32", 4},
    [PXR_VCBN_FLOAT16] = {"float16", 2}, [PXR_VCBN_FLOAT32] = {"float32", 4}, [PXR_VCBN_FLOAT64] = {"float64", 8},
    [PXR_VCBN_PACKED] = {"packed", 1},
};

const char *pxr_vcbn_dialect_name(enum pxr_vcbn_dialect d)
{
    return (unsigned)d < PXR_VCBN_N_DIALECTS ? dialects[d].name : NULL;
}

bool pxr_vcbn_dialect_find(const char *name, enum pxr_vcbn_dialect *out)
{
    for (unsigned d = 0; d < PXR_VCBN_N_DIALECTS; d++)
        if (!strcmp(dialects[d].name, name)) {
            *out = (enum pxr_vcbn_dialect)d;
            return true;
        }
    return false;
}

const char *pxr_vcbn_dtype_name(enum pxr_vcbn_dtype t)
{
    return (unsigned)t < PXR_VCBN_N_DTYPES ? dtypes[t].name : NULL;
}

bool pxr_vcbn_dtype_find(const char *name, enum pxr_vcbn_dtype *out)
{
    for (unsigned t = 0; t < PXR_VCBN_N_DTYPES; t++)
        if (!strcasecmp(dtypes[t].name, name)) {
            *out = (enum pxr_vcbn_dtype)t;
            return true;
        }
    return false;
}

size_t pxr_vcbn_sample_bytes(enum pxr_vcbn_dtype container)
{
    return dtypes[container].bytes;
}

enum pxr_vcbn_dtype pxr_vcbn_container_of(enum pxr_vcbn_dtype t, uint8_t bits)
{
    if (t != PXR_VCBN_PACKED)
        return t;
    return bits <= 8 ? PXR_VCBN_UINT8 : bits <= 16 ? PXR_VCBN_UINT16 : PXR_VCBN_UINT32;
}

uint64_t pxr_vcbn_blob_bytes(uint64_t n_px, enum pxr_vcbn_dtype t, uint8_t bits)
{
    return t == PXR_VCBN_PACKED ? pxr_div_up_u64(n_px * bits, 8) : n_px * dtypes[t].bytes;
}

/* Zeros between the header and the blob.  With a magic, one to an even place; else up to the blob's own alignment. */
static size_t pad_bytes(enum pxr_vcbn_dialect d, enum pxr_vcbn_dtype t, size_t n_before)
{
    const size_t unit = d == PXR_VCBN_HEAD ? dtypes[t].bytes : 2;
    return (size_t)pxr_round_up_u64(n_before, unit) - n_before;
}

/* ---- numbers as Python writes them ------------------------------------------------------------- */

/* Digits of a positive number: the first one stands before the point of d.ddd * 10^exponent. */
struct digits {
    char text[20];
    int n, exponent;
};

static double value_of(const struct digits *d)
{
    char text[48];
    snprintf(text, sizeof text, "%c.%se%d", d->text[0], d->text + 1, d->exponent);
    return strtod(text, NULL);
}

static void increment(struct digits *d)
{
    int i = d->n - 1;
    while (i >= 0 && d->text[i] == '9')
        d->text[i--] = '0';
    if (i >= 0) {
        d->text[i]++;
    } else {
        d->text[0] = '1';
        d->exponent++;
    }
}

/* The fewest digits that give v back.  Rounding to n digits finds them if any n digits do, but for powers of two:
 * their neighbours below are closer than those above, so the next digits up may do where the nearest do not. */
static void find_digits(double v, struct digits *d)
{
    char text[40];
    int whole_exponent;
    const bool is_power = frexp(v, &whole_exponent) == 0.5;
    for (d->n = 1; d->n <= 17; d->n++) {
        snprintf(text, sizeof text, "%.*e", d->n - 1, v);
        d->text[0] = text[0];
        memcpy(d->text + 1, text + 2, (size_t)d->n - 1);
        d->text[d->n] = 0;
        d->exponent = atoi(strchr(text, 'e') + 1);
        if (value_of(d) == v)
            return;
        if (is_power) {
            increment(d);
            if (value_of(d) == v)
                return;
        }
    }
}

char *pxr_vcbn_float_text(double v, char dst[PXR_VCBN_FLOAT_TEXT_BYTES])
{
    const char *const sign = signbit(v) ? "-" : "";
    struct digits d = {"0", 1, 0};
    if (v != 0)
        find_digits(fabs(v), &d);
    const int e = d.exponent;
    if (e < -4 || e >= 16)
        snprintf(dst, PXR_VCBN_FLOAT_TEXT_BYTES, "%s%c%s%se%c%02u", sign, d.text[0], d.n > 1 ? "." : "", d.text + 1,
                 e < 0 ? '-' : '+', (unsigned)abs(e) % 1000);
    else if (e < 0)
        snprintf(dst, PXR_VCBN_FLOAT_TEXT_BYTES, "%s0.%.*s%s", sign, -e - 1, "000", d.text);
    else if (d.n <= e + 1)
        snprintf(dst, PXR_VCBN_FLOAT_TEXT_BYTES, "%s%s%.*s.0", sign, d.text, e + 1 - d.n, "0000000000000000");
    else
        snprintf(dst, PXR_VCBN_FLOAT_TEXT_BYTES, "%s%.*s.%s", sign, e + 1, d.text, d.text + e + 1);
    return dst;
}

/* ---- writing ---------------------------------------------------------------------------------- */

struct pxr_vcbn_opts pxr_vcbn_lossless_opts(enum pxr_vcbn_dialect dialect, uint8_t bits, uint16_t max_sample)
{
    const bool is_head = dialect == PXR_VCBN_HEAD, is_full = bits == 16 && (is_head || max_sample > 4096);
    return (struct pxr_vcbn_opts){.dialect = dialect,
                                  .dtype = bits == 16 ? PXR_VCBN_UINT16 : PXR_VCBN_UINT8,
                                  .bits = is_head ? bits : 0,
                                  .has_range = true,
                                  .vmax = bits == 8 ? 255 : is_full ? 65535 : 4096,
                                  .resolution = is_full && !is_head ? 65535 : 0};
}

/* The levels of an integer type. */
static enum pxr_err plan_levels(struct pxr_vcbn_plan *p, struct pxr_diag *diag)
{
    const struct pxr_vcbn_opts *const o = p->o;
    if (o->dialect != PXR_VCBN_HEAD) {
        if (o->dtype > PXR_VCBN_UINT16)
            return pxr_fail(diag, PXR_E_INVALID, "%s envelopes hold uint8 or uint16, not %s",
                            dialects[o->dialect].magic, dtypes[o->dtype].name);
        if (o->bits || o->is_big_endian || (o->resolution && o->dtype != PXR_VCBN_UINT16) ||
            (o->resolution && o->resolution != 4096 && o->resolution != 65535))
            return pxr_fail(diag, PXR_E_INVALID, "%s envelopes have neither bits nor big endian numbers, and for "
                            "uint16 a resolution of 4096 or 65535", dialects[o->dialect].magic);
        p->bits = 8 * dtypes[o->dtype].bytes;
        p->top = p->resolution = o->dtype == PXR_VCBN_UINT8 ? 255 : o->resolution ? o->resolution : 4096;
        return PXR_OK;
    }
    const unsigned most = o->dtype == PXR_VCBN_PACKED ? 32 : 8u * dtypes[o->dtype].bytes;
    p->bits = o->bits ? o->bits : DEFAULT_BITS;
    if (p->bits > most || o->resolution)
        return pxr_fail(diag, PXR_E_INVALID, "%s has at most %u bits, not %u, and no resolution of its own",
                        dtypes[o->dtype].name, most, p->bits);
    p->top = (uint32_t)(((uint64_t)1 << p->bits) - 1);
    return PXR_OK;
}

enum pxr_err pxr_vcbn_plan_init(struct pxr_vcbn_plan *p, const struct pxr_vcbn_opts *o, uint32_t width_px,
                                uint32_t height_px, struct pxr_diag *diag)
{
    const uint64_t n_px = (uint64_t)width_px * height_px;
    if ((unsigned)o->dialect >= PXR_VCBN_N_DIALECTS || (unsigned)o->dtype >= PXR_VCBN_N_DTYPES || !n_px)
        return pxr_fail(diag, PXR_E_INVALID, "no such dialect or type of numbers, or no pixels");
    if (width_px > PXR_VCBN_MAX_SIDE_PX || height_px > PXR_VCBN_MAX_SIDE_PX || n_px > PXR_VCBN_MAX_PX)
        return pxr_fail_field(diag, PXR_E_LIMIT, PXR_NONE, "pixels", PXR_VCBN_MAX_PX, n_px,
                              "%u x %u pixels are too many for an envelope", width_px, height_px);
    *p = (struct pxr_vcbn_plan){.o = o, .is_float = pxr_vcbn_is_float(o->dtype)};
    if (!p->is_float || o->dialect != PXR_VCBN_HEAD) {
        const enum pxr_err e = plan_levels(p, diag);
        if (e)
            return e;
    }
    p->container = pxr_vcbn_container_of(o->dtype, p->bits);
    p->blob_bytes = pxr_vcbn_blob_bytes(n_px, o->dtype, p->bits);
    return PXR_OK;
}

static bool put_text(struct pxr_buffer *out, const char *text)
{
    return pxr_buffer_add(out, text, strlen(text));
}

static bool put_members(struct pxr_buffer *out, const struct pxr_vcbn_plan *p, uint32_t width_px, uint32_t height_px,
                        double vmin, double vmax)
{
    const struct pxr_vcbn_opts *const o = p->o;
    char size[PXR_VCBN_FLOAT_TEXT_BYTES], low[PXR_VCBN_FLOAT_TEXT_BYTES], high[PXR_VCBN_FLOAT_TEXT_BYTES];
    char text[320], levels[64] = "\"bits\":null,\"resolution\":null";
    if (o->dialect != PXR_VCBN_HEAD)
        snprintf(levels, sizeof levels, "\"resolution\":%u", p->resolution);
    else if (!p->is_float)
        snprintf(levels, sizeof levels, "\"bits\":%u,\"resolution\":%" PRIu64, p->bits, (uint64_t)p->top + 1);
    snprintf(text, sizeof text,
             "\"version\":1,\"dtype\":\"%s\",\"endianness\":%s,\"shape\":[%u,%u],\"order\":\"C\",\"size\":%s,%s,"
             "\"vmin\":%s,\"vmax\":%s",
             dtypes[o->dtype].name, o->dtype == PXR_VCBN_PACKED ? "null" : o->is_big_endian ? "\"BE\"" : "\"LE\"",
             height_px, width_px, pxr_vcbn_float_text((double)p->blob_bytes / 1048576, size), levels,
             pxr_vcbn_float_text(vmin, low), pxr_vcbn_float_text(vmax, high));
    return put_text(out, "{") && put_text(out, dialects[o->dialect].first_members) && put_text(out, text) &&
           put_text(out, o->extra ? "," : "") && put_text(out, o->extra ? o->extra : "") && put_text(out, "}");
}

enum pxr_err pxr_vcbn_plan_put(struct pxr_buffer *out, const struct pxr_vcbn_plan *p, uint32_t width_px,
                               uint32_t height_px, double vmin, double vmax, struct pxr_diag *diag)
{
    const bool is_head = p->o->dialect == PXR_VCBN_HEAD;
    const size_t start = out->n_bytes, head_bytes = is_head ? PLAIN_HEAD_BYTES : MAGIC_HEAD_BYTES;
    uint8_t *const room = pxr_buffer_extend(out, head_bytes);
    if (room)
        memset(room, 0, head_bytes);
    if (!room || !put_members(out, p, width_px, height_px, vmin, vmax))
        return pxr_fail_nomem(diag, out->capacity);
    const size_t json_bytes = out->n_bytes - start - head_bytes;
    struct pxr_json_text object;
    const enum pxr_err e = p->o->extra ? pxr_json_check((const char *)out->bytes + start + head_bytes, json_bytes,
                                                        MAX_DEPTH, &object, 0, NULL)
                                       : PXR_OK;
    if (e == PXR_E_NOMEM)
        return pxr_fail_nomem(diag, json_bytes);
    if (e || json_bytes > PXR_VCBN_MAX_HEADER_BYTES)
        return pxr_fail(diag, PXR_E_INVALID, "the members to add to the header are no JSON, ours again, or too long");
    uint8_t *const head = out->bytes + start;
    if (!is_head) {
        memcpy(head, dialects[p->o->dialect].magic, 4);
        head[4] = 1;
    }
    pxr_store_u32be(head + head_bytes - 4, (uint32_t)json_bytes);
    const size_t n_pad = pad_bytes(p->o->dialect, p->o->dtype, head_bytes + json_bytes);
    return pxr_buffer_add(out, (const uint8_t[8]){0}, n_pad) ? PXR_OK : pxr_fail_nomem(diag, n_pad);
}

enum pxr_err pxr_vcbn_put_header(struct pxr_buffer *out, uint32_t width_px, uint32_t height_px,
                                 const struct pxr_vcbn_opts *o, struct pxr_diag *diag)
{
    const size_t before = out->n_bytes;
    struct pxr_vcbn_plan p;
    enum pxr_err e = pxr_vcbn_plan_init(&p, o, width_px, height_px, diag);
    if (!e && (!o->has_range || !isfinite(o->vmin) || !isfinite(o->vmax)))
        e = pxr_fail(diag, PXR_E_INVALID, "the header of an envelope needs a finite range");
    if (!e)
        e = pxr_vcbn_plan_put(out, &p, width_px, height_px, o->vmin, o->vmax, diag);
    if (e)
        out->n_bytes = before;
    return e;
}

/* ---- reading ---------------------------------------------------------------------------------- */

struct parsing {
    struct pxr_vcbn_info *info;
    const uint8_t *src;
    size_t n_bytes;
    struct pxr_json_text object;
    struct pxr_diag *diag;
};

static enum pxr_err fail_at_member(const struct parsing *p, struct pxr_json_text at, enum pxr_err e, const char *text)
{
    return pxr_fail_at(p->diag, e, (uint64_t)(at.at - (const char *)p->src), "%s", text);
}

/* Which form it has, and where its JSON is. */
static enum pxr_err find_json(struct parsing *p)
{
    struct pxr_vcbn_info *const info = p->info;
    unsigned d = 0;
    while (d < PXR_VCBN_HEAD && (p->n_bytes < 4 || memcmp(p->src, dialects[d].magic, 4)))
        d++;
    const size_t head_bytes = d == PXR_VCBN_HEAD ? PLAIN_HEAD_BYTES : MAGIC_HEAD_BYTES;
    info->dialect = (enum pxr_vcbn_dialect)d;
    if (p->n_bytes < head_bytes)
        return pxr_fail_field(p->diag, PXR_E_TRUNCATED, p->n_bytes, "header", head_bytes, p->n_bytes,
                              "the envelope ends within its fixed part");
    const uint32_t json_bytes = pxr_load_u32be(p->src + head_bytes - 4);
    if (d == PXR_VCBN_HEAD && (!json_bytes || json_bytes > PXR_VCBN_MAX_HEADER_BYTES))
        return pxr_fail_at(p->diag, PXR_E_NOTPXR, 0,
                           "an envelope begins with VCBN, CBIN, IMPK or the length of its header");
    if (d != PXR_VCBN_HEAD && p->src[4] != 1)
        return pxr_fail_field(p->diag, PXR_E_UNSUPPORTED, 4, "version", 1, p->src[4], "a version that is not known");
    if (json_bytes > PXR_VCBN_MAX_HEADER_BYTES)
        return pxr_fail_field(p->diag, PXR_E_CORRUPT, head_bytes - 4, "header_len", PXR_VCBN_MAX_HEADER_BYTES,
                              json_bytes, "a header that is too long");
    if (json_bytes > p->n_bytes - head_bytes)
        return pxr_fail_field(p->diag, PXR_E_TRUNCATED, p->n_bytes, "header_len", json_bytes, p->n_bytes - head_bytes,
                              "the envelope ends within its header");
    info->json_off_bytes = head_bytes;
    info->json_bytes = json_bytes;
    const enum pxr_err e = pxr_json_check((const char *)p->src + head_bytes, json_bytes, MAX_DEPTH, &p->object,
                                          head_bytes, p->diag);
    if (e)
        return e;
    return *p->object.at == '{' ? PXR_OK : fail_at_member(p, p->object, PXR_E_CORRUPT, "the header is not a JSON object");
}

/* Members that are null count as absent. */
static bool find(const struct parsing *p, const char *key, struct pxr_json_text *value)
{
    return pxr_json_find(p->object, key, value) && !pxr_json_is(*value, "null");
}

static enum pxr_err parse_version(const struct parsing *p)
{
    struct pxr_json_text t;
    if (!find(p, "version", &t))
        return p->info->dialect == PXR_VCBN_HEAD
                   ? fail_at_member(p, p->object, PXR_E_CORRUPT, "the header has no version") : PXR_OK;
    return pxr_json_is(t, "1") ? PXR_OK : fail_at_member(p, t, PXR_E_UNSUPPORTED, "a version that is not known");
}

static enum pxr_err parse_dtype(const struct parsing *p)
{
    struct pxr_vcbn_info *const info = p->info;
    struct pxr_json_text t;
    uint64_t bits = 0;
    char name[sizeof dtypes[0].name + 1] = "";
    if (!find(p, "dtype", &t) || *t.at != '"')
        return fail_at_member(p, p->object, PXR_E_CORRUPT, "the header names no dtype");
    if (t.n_bytes < sizeof name + 2)
        pxr_json_unescape(name, t);
    if (!pxr_vcbn_dtype_find(name, &info->dtype))
        return fail_at_member(p, t, PXR_E_UNSUPPORTED, "a dtype that is not known");
    if (info->dialect != PXR_VCBN_HEAD &&
        (info->dtype > PXR_VCBN_UINT16 || !pxr_json_is_string(t, dtypes[info->dtype].name)))
        return fail_at_member(p, t, PXR_E_UNSUPPORTED, "a dtype that envelopes with a magic do not have");
    if (find(p, "bits", &t) && !pxr_json_to_u64(t, &bits))
        return fail_at_member(p, t, PXR_E_CORRUPT, "bits are not a whole number");
    if (info->dtype == PXR_VCBN_PACKED && (!bits || bits > 32))
        return fail_at_member(p, bits ? t : p->object, PXR_E_CORRUPT, "packed numbers have 1 to 32 bits");
    info->bits = (uint8_t)(info->dtype == PXR_VCBN_PACKED ? bits : 8u * dtypes[info->dtype].bytes);
    info->container = pxr_vcbn_container_of(info->dtype, info->bits);
    return PXR_OK;
}

static enum pxr_err parse_layout(const struct parsing *p)
{
    struct pxr_vcbn_info *const info = p->info;
    struct pxr_json_text t;
    if (find(p, "endianness", &t)) {
        info->is_big_endian = pxr_json_is_string(t, "BE");
        if (!info->is_big_endian && !pxr_json_is_string(t, "LE"))
            return fail_at_member(p, t, PXR_E_UNSUPPORTED, "an endianness that is neither LE nor BE");
    }
    if (find(p, "order", &t)) {
        info->is_column_major = pxr_json_is_string(t, "F");
        if (!info->is_column_major && !pxr_json_is_string(t, "C"))
            return fail_at_member(p, t, PXR_E_UNSUPPORTED, "an order that is neither C nor F");
    }
    return PXR_OK;
}

static enum pxr_err parse_scale(const struct parsing *p)
{
    struct pxr_vcbn_info *const info = p->info;
    struct pxr_json_text low, high, t;
    const bool has_low = find(p, "vmin", &low), has_high = find(p, "vmax", &high);
    if (has_low && !pxr_json_to_real(low, &info->vmin))
        return fail_at_member(p, low, PXR_E_CORRUPT, "vmin is not a finite number");
    if (has_high && !pxr_json_to_real(high, &info->vmax))
        return fail_at_member(p, high, PXR_E_CORRUPT, "vmax is not a finite number");
    if (find(p, "resolution", &t) && (!pxr_json_to_real(t, &info->resolution) || info->resolution <= 0))
        return fail_at_member(p, t, PXR_E_CORRUPT, "the resolution is not a positive number");
    info->has_range = has_low && has_high;
    return PXR_OK;
}

/* *n_px may be anything. */
static enum pxr_err parse_shape(const struct parsing *p, uint64_t *width_px, uint64_t *height_px)
{
    struct pxr_json_text t, rest, item;
    uint64_t *const sides[] = {height_px, width_px};
    size_t n = 0;
    if (!find(p, "shape", &t) || *t.at != '[')
        return fail_at_member(p, p->object, PXR_E_CORRUPT, "the header has no shape");
    for (rest = t; pxr_json_next(&rest, false, &item, &item); n++)
        if (n >= 2 || !pxr_json_to_u64(item, sides[n]) || !*sides[n])
            return fail_at_member(p, item, PXR_E_CORRUPT, "the shape is not two positive whole numbers");
    return n == 2 ? PXR_OK : fail_at_member(p, t, PXR_E_CORRUPT, "the shape is not two positive whole numbers");
}

/* The blob must have exactly the length that the header asks for; only then do limits matter. */
static enum pxr_err parse_blob(const struct parsing *p, uint64_t width_px, uint64_t height_px)
{
    struct pxr_vcbn_info *const info = p->info;
    const size_t head_bytes = info->json_off_bytes + info->json_bytes;
    const size_t n_pad = pad_bytes(info->dialect, info->dtype, head_bytes);
    uint64_t n_px, n_bits, needed = UINT64_MAX;
    for (size_t i = head_bytes; i < head_bytes + n_pad && i < p->n_bytes; i++)
        if (p->src[i])
            return pxr_fail_at(p->diag, PXR_E_CORRUPT, i, "the byte between header and numbers is not zero");
    info->blob_off_bytes = head_bytes + n_pad;
    info->blob_bytes = p->n_bytes < info->blob_off_bytes ? 0 : p->n_bytes - info->blob_off_bytes;
    if (pxr_mul_u64(width_px, height_px, &n_px) && pxr_mul_u64(n_px, 64, &n_bits))
        needed = pxr_vcbn_blob_bytes(n_px, info->dtype, info->bits);
    if (info->blob_bytes != needed)
        return pxr_fail_field(p->diag, info->blob_bytes < needed ? PXR_E_TRUNCATED : PXR_E_CORRUPT, p->n_bytes, "blob",
                              needed, info->blob_bytes, "the header's shape needs another number of bytes");
    if (width_px > PXR_VCBN_MAX_SIDE_PX || height_px > PXR_VCBN_MAX_SIDE_PX || n_px > PXR_VCBN_MAX_PX)
        return pxr_fail_field(p->diag, PXR_E_LIMIT, PXR_NONE, "pixels", PXR_VCBN_MAX_PX, n_px, "too many pixels");
    info->width_px = (uint32_t)width_px;
    info->height_px = (uint32_t)height_px;
    if (info->dtype == PXR_VCBN_PACKED && n_px * info->bits % 8 && p->src[p->n_bytes - 1] >> n_px * info->bits % 8)
        return pxr_fail_at(p->diag, PXR_E_CORRUPT, p->n_bytes - 1, "the bits that fill the last byte are not zero");
    return PXR_OK;
}

enum pxr_err pxr_vcbn_parse(struct pxr_vcbn_info *out, const uint8_t *src, size_t n_bytes, struct pxr_diag *diag)
{
    struct parsing p = {.info = out, .src = src, .n_bytes = n_bytes, .diag = diag};
    uint64_t width_px = 0, height_px = 0;
    *out = (struct pxr_vcbn_info){0};
    enum pxr_err e = find_json(&p);
    if (!e)
        e = parse_version(&p);
    if (!e)
        e = parse_dtype(&p);
    if (!e)
        e = parse_layout(&p);
    if (!e)
        e = parse_scale(&p);
    if (!e)
        e = parse_shape(&p, &width_px, &height_px);
    if (!e)
        e = parse_blob(&p, width_px, height_px);
    if (e)
        *out = (struct pxr_vcbn_info){0};
    return e;
}
