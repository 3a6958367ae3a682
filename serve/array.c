/* SPDX-License-Identifier: MIT
 * The array of the original ImgPack protocol. */
#include "array.h"

#include "dci.h"
#include "diag.h"
#include "json_read.h"
#include "px2.h"
#include "pxs.h"

#include <stdio.h>
#include <string.h>

static void answer_diag(struct pxr_answer *a, const struct pxr_diag *diag)
{
    char line[512];
    const uint16_t status = diag->code == PXR_E_NOMEM ? 500 : diag->code == PXR_E_LIMIT ? 413 : 422;
    pxr_answer_error(a, status, NULL, pxr_diag_line(diag, line, sizeof line));
}

/* Take numbers over as the array, and say so. */
static void keep(struct pxr_serve *s, void *numbers, enum pxr_vcbn_input type, uint32_t width_px, uint32_t height_px,
                 struct pxr_answer *a)
{
    char text[80];
    pthread_mutex_lock(&s->lock);
    void *const before = s->array;
    s->array = numbers;
    s->array_type = type;
    s->array_width_px = width_px;
    s->array_height_px = height_px;
    pthread_mutex_unlock(&s->lock);
    pxr_free(before);
    const int n = snprintf(text, sizeof text, "{\"ok\":true,\"shape\":[%u,%u]}", height_px, width_px);
    pxr_answer_text(a, 200, "application/json", text, (size_t)n);
}

enum pxr_err pxr_array_put(struct pxr_serve *s, struct pxr_buffer *out, struct pxr_diag *diag)
{
    pthread_mutex_lock(&s->lock);
    const struct pxr_vcbn_array array = {s->array, s->array_width_px * pxr_vcbn_input_bytes(s->array_type),
                                         s->array_width_px, s->array_height_px, s->array_type};
    const enum pxr_err e = pxr_vcbn_encode(out, &array, &s->mode, diag);
    pthread_mutex_unlock(&s->lock);
    return e;
}

/* ---- POST /set_array ---------------------------------------------------------------------------- */

/* One row of numbers, appended; false: it is none.  NaN cannot be written in JSON; null stands for it. */
static bool read_row(struct pxr_json_text row, struct pxr_buffer *numbers, uint64_t *n)
{
    struct pxr_json_text value;
    if (!row.n_bytes || *row.at != '[')
        return false;
    for (*n = 0; pxr_json_next(&row, false, NULL, &value); ++*n) {
        double v = __builtin_nan("");
        if (!pxr_json_is(value, "null") && !pxr_json_to_real(value, &v))
            return false;
        if (!pxr_buffer_add(numbers, &v, sizeof v))
            return false;
    }
    return true;
}

static enum pxr_err read_rows(struct pxr_json_text rows, struct pxr_buffer *numbers, uint64_t *width,
                              uint64_t *height, struct pxr_diag *diag)
{
    struct pxr_json_text row;
    uint64_t n;
    *width = *height = 0;
    if (!rows.n_bytes || *rows.at != '[')
        return pxr_fail(diag, PXR_E_INVALID, "data is an array of rows of numbers");
    for (; pxr_json_next(&rows, false, NULL, &row); ++*height) {
        if (!read_row(row, numbers, &n))
            return pxr_fail(diag, PXR_E_INVALID, "row %llu is not an array of numbers", (unsigned long long)*height);
        if (*height && n != *width)
            return pxr_fail(diag, PXR_E_INVALID, "row %llu has %llu numbers, the first one %llu",
                            (unsigned long long)*height, (unsigned long long)n, (unsigned long long)*width);
        *width = n;
    }
    if (!*width || *width > PXR_VCBN_MAX_SIDE_PX || *height > PXR_VCBN_MAX_SIDE_PX)
        return pxr_fail(diag, PXR_E_INVALID, "%llu x %llu numbers; each side has 1 to %d",
                        (unsigned long long)*width, (unsigned long long)*height, PXR_VCBN_MAX_SIDE_PX);
    return PXR_OK;
}

void pxr_array_set(struct pxr_serve *s, const struct pxr_buffer *body, struct pxr_answer *a)
{
    struct pxr_json_text object, rows;
    struct pxr_buffer numbers = {0};
    struct pxr_diag diag;
    uint64_t width, height;
    enum pxr_err e = pxr_json_check((const char *)body->bytes, body->n_bytes, 4, &object, 0, &diag);
    if (e == PXR_OK && (*object.at != '{' || !pxr_json_find(object, "data", &rows)))
        e = pxr_fail(&diag, PXR_E_INVALID, "the body is {\"data\": [[...], ...]}");
    if (e == PXR_OK)
        e = read_rows(rows, &numbers, &width, &height, &diag);
    if (e == PXR_OK) {
        keep(s, numbers.bytes, PXR_VCBN_IN_F64, (uint32_t)width, (uint32_t)height, a);
    } else {
        pxr_buffer_fini(&numbers);
        answer_diag(a, &diag);
    }
}

/* ---- POST /set_mode ----------------------------------------------------------------------------- */

static enum pxr_err read_mode(struct pxr_json_text object, struct pxr_vcbn_opts *mode, struct pxr_diag *diag)
{
    struct pxr_json_text value;
    char name[16];
    uint64_t bits = 0;
    if (pxr_json_find(object, "dtype", &value)) {
        const size_t n = *value.at == '"' && value.n_bytes < sizeof name ? pxr_json_unescape(name, value) : 0;
        name[n] = 0;
        if (!pxr_vcbn_dtype_find(name, &mode->dtype))
            return pxr_fail(diag, PXR_E_INVALID, "dtype is one of uint8, uint16, uint32, float16, float32, float64, packed");
    }
    if (pxr_json_find(object, "bits", &value) && !pxr_json_is(value, "null") &&
        (!pxr_json_to_u64(value, &bits) || !bits || bits > 32))
        return pxr_fail(diag, PXR_E_INVALID, "bits is a number from 1 to 32");
    mode->bits = (uint8_t)bits;
    return PXR_OK;
}

void pxr_array_set_mode(struct pxr_serve *s, const struct pxr_buffer *body, struct pxr_answer *a)
{
    struct pxr_json_text object;
    struct pxr_diag diag;
    struct pxr_buffer trial = {0};
    char text[96];
    pthread_mutex_lock(&s->lock);
    struct pxr_vcbn_opts mode = s->mode;
    pthread_mutex_unlock(&s->lock);
    enum pxr_err e = pxr_json_check((const char *)body->bytes, body->n_bytes, 4, &object, 0, &diag);
    if (e == PXR_OK && *object.at != '{')
        e = pxr_fail(&diag, PXR_E_INVALID, "the body is {\"dtype\": ..., \"bits\": ...}");
    if (e == PXR_OK)
        e = read_mode(object, &mode, &diag);
    if (e == PXR_OK) { /* a mode that no envelope can have is refused now, not at the next request */
        const double zero[1] = {0};
        const struct pxr_vcbn_array one = {zero, sizeof zero, 1, 1, PXR_VCBN_IN_F64};
        e = pxr_vcbn_encode(&trial, &one, &mode, &diag);
        pxr_buffer_fini(&trial);
    }
    if (e != PXR_OK) {
        answer_diag(a, &diag);
        return;
    }
    pthread_mutex_lock(&s->lock);
    s->mode = mode;
    pthread_mutex_unlock(&s->lock);
    int n = snprintf(text, sizeof text, "{\"ok\":true,\"mode\":{\"dtype\":\"%s\",\"bits\":", pxr_vcbn_dtype_name(mode.dtype));
    n += mode.bits ? snprintf(text + n, sizeof text - (size_t)n, "%u}}", mode.bits)
                   : snprintf(text + n, sizeof text - (size_t)n, "null}}");
    pxr_answer_text(a, 200, "application/json", text, (size_t)n);
}

/* ---- POST /upload ------------------------------------------------------------------------------- */

/* A file of a few bytes can stand for a large picture: no more samples than this. */
#define MAX_UPLOAD_PX ((uint64_t)1 << 26)

struct still {
    uint32_t width_px, height_px;
    enum pxr_vcbn_input type;
    void *numbers;
};

static enum pxr_err read_vcbn(const struct pxr_buffer *body, struct still *out, struct pxr_diag *diag)
{
    static const enum pxr_vcbn_input types[PXR_VCBN_N_DTYPES] = {
        [PXR_VCBN_UINT8] = PXR_VCBN_IN_U8,    [PXR_VCBN_UINT16] = PXR_VCBN_IN_U16,
        [PXR_VCBN_UINT32] = PXR_VCBN_IN_U32,  [PXR_VCBN_FLOAT16] = PXR_VCBN_IN_F16,
        [PXR_VCBN_FLOAT32] = PXR_VCBN_IN_F32, [PXR_VCBN_FLOAT64] = PXR_VCBN_IN_F64};
    struct pxr_vcbn_info info;
    const enum pxr_err e = pxr_vcbn_parse(&info, body->bytes, body->n_bytes, diag);
    if (e != PXR_OK)
        return e;
    const size_t row = info.width_px * pxr_vcbn_sample_bytes(info.container);
    *out = (struct still){info.width_px, info.height_px, types[info.container], pxr_alloc(row * info.height_px)};
    if (!out->numbers)
        return pxr_fail_nomem(diag, row * info.height_px);
    pxr_vcbn_decode(&info, body->bytes, out->numbers, row);
    return PXR_OK;
}

static enum pxr_err read_dci(const struct pxr_buffer *body, struct still *out, struct pxr_diag *diag)
{
    struct pxr_dci_info info;
    enum pxr_err e = pxr_dci_parse(&info, body->bytes, body->n_bytes, PXR_DCI_AUTO, diag);
    if (e == PXR_OK && !info.is_gray)
        return pxr_fail(diag, PXR_E_UNSUPPORTED, "the picture has colours");
    if (e != PXR_OK)
        return e;
    const size_t n = (size_t)info.width_px * info.height_px;
    if (n > MAX_UPLOAD_PX)
        return pxr_fail(diag, PXR_E_LIMIT, "%zu pixels; at most %llu", n, (unsigned long long)MAX_UPLOAD_PX);
    *out = (struct still){info.width_px, info.height_px, PXR_VCBN_IN_U8, pxr_alloc(n)};
    if (!out->numbers)
        return pxr_fail_nomem(diag, n);
    return pxr_dci_decode(&info, body->bytes, body->n_bytes, out->numbers, info.width_px, 1, diag);
}

/* The first frame of a stream that has been opened; RGB becomes its red channel where all three are equal. */
static enum pxr_err read_stream(struct pxr_stream_reader *r, unsigned n_channels, unsigned sample_bytes,
                                struct still *out, struct pxr_diag *diag)
{
    const uint32_t w = r->format.order.width_px, h = r->format.order.height_px;
    const size_t n = (size_t)w * h;
    bool has_frame;
    uint64_t n_missing;
    *out = (struct still){w, h, sample_bytes == 1 ? PXR_VCBN_IN_U8 : PXR_VCBN_IN_U16,
                          pxr_alloc(pxr_stream_frame_bytes(&r->format))};
    if (!out->numbers)
        return pxr_fail_nomem(diag, n);
    enum pxr_err e = pxr_stream_reader_next(r, out->numbers, &has_frame, &n_missing, diag);
    uint8_t *const v = out->numbers;
    for (size_t i = 0; e == PXR_OK && n_channels == 3 && i < n; i++) {
        if (v[3 * i] != v[3 * i + 1] || v[3 * i] != v[3 * i + 2])
            e = pxr_fail(diag, PXR_E_UNSUPPORTED, "pixel %zu has a colour", i);
        v[i] = v[3 * i];
    }
    return e;
}

static enum pxr_err read_pxs(const struct pxr_buffer *body, struct still *out, struct pxr_diag *diag)
{
    struct pxr_stream_reader r = {0};
    struct pxr_px2_header header;
    enum pxr_err e;
    if (!pxr_px2_has_signature(body->bytes, body->n_bytes)) {
        e = pxr_pxs_open(&r, body->bytes, body->n_bytes, &(struct pxr_pxs_opts){.layout = PXR_PXS_AUTO, .max_px = MAX_UPLOAD_PX}, NULL, diag);
        if (e == PXR_OK)
            e = read_stream(&r, 3, 1, out, diag);
    } else {
        e = pxr_px2_open(&r, body->bytes, body->n_bytes, &(struct pxr_px2_opts){.max_px = MAX_UPLOAD_PX}, &header,
                         diag);
        if (e == PXR_OK && (header.n_channels != 1 || header.has_mask))
            e = pxr_fail(diag, PXR_E_UNSUPPORTED, "the picture is not a gray rectangle");
        if (e == PXR_OK)
            e = read_stream(&r, 1, header.bits[0] > 8 ? 2 : 1, out, diag);
    }
    pxr_stream_reader_fini(&r);
    return e;
}

/* By its first bytes; a DCI file begins with a small version number. */
static enum pxr_err read_still(const struct pxr_buffer *body, struct still *out, struct pxr_diag *diag)
{
    if (!body->n_bytes)
        return pxr_fail(diag, PXR_E_TRUNCATED, "the body is empty");
    if (pxr_px2_has_signature(body->bytes, body->n_bytes) || pxr_pxs_has_signature(body->bytes, body->n_bytes))
        return read_pxs(body, out, diag);
    if (body->bytes[0] >= 1 && body->bytes[0] <= 3)
        return read_dci(body, out, diag);
    /* Old Pixel Streams and old envelopes have no signature; a stream's length fits its sides exactly. */
    struct pxr_diag unused;
    if (read_pxs(body, out, &unused) == PXR_OK)
        return PXR_OK;
    pxr_free(out->numbers);
    *out = (struct still){0};
    return read_vcbn(body, out, diag);
}

void pxr_array_upload(struct pxr_serve *s, const struct pxr_buffer *body, struct pxr_answer *a)
{
    struct still still = {0};
    struct pxr_diag diag;
    if (read_still(body, &still, &diag) == PXR_OK) {
        keep(s, still.numbers, still.type, still.width_px, still.height_px, a);
    } else {
        pxr_free(still.numbers);
        answer_diag(a, &diag);
    }
}
