/* SPDX-License-Identifier: MIT
 * Answers of the streaming server that read the archive. */
#include "answer.h"

#include "array.h"
#include "dci.h"
#include "diag.h"
#include "json.h"
#include "px2.h"
#include "pxs.h"

#include <stdio.h>
#include <string.h>

/* ---- short answers ------------------------------------------------------------------------------ */

static void start(struct pxr_answer *a, uint16_t status, const char *content_type)
{
    pxr_buffer_fini(&a->bytes);
    a->status = status;
    a->content_type = content_type;
    if (!pxr_buffer_extend(&a->bytes, PXR_ANSWER_HEADROOM))
        a->status = 500;
}

void pxr_answer_text(struct pxr_answer *a, uint16_t status, const char *content_type, const char *text,
                     size_t n_bytes)
{
    start(a, status, content_type);
    if (a->bytes.n_bytes && !pxr_buffer_add(&a->bytes, text, n_bytes))
        a->status = 500;
}

/* Takes the finished value, and frees it. */
static void answer_json(struct pxr_answer *a, uint16_t status, struct pxr_json *j)
{
    a->is_text = true;
    pxr_answer_text(a, j->is_failed ? 500 : status, "application/json", j->is_failed ? "" : j->text,
                    j->is_failed ? 0 : j->n_bytes);
    pxr_json_fini(j);
}

void pxr_answer_error(struct pxr_answer *a, uint16_t status, const uint64_t *seq, const char *text)
{
    struct pxr_json j = {0};
    pxr_json_object(&j, NULL);
    if (seq)
        pxr_json_u64(&j, "seq", *seq);
    pxr_json_bool(&j, "ok", false);
    pxr_json_text(&j, "error", text);
    pxr_json_end_object(&j);
    answer_json(a, status, &j);
}

static void answer_error(struct pxr_answer *a, const struct pxr_request *r, uint16_t status, const char *text)
{
    pxr_answer_error(a, status, r->ask == PXR_ASK_STREAM ? &r->seq : NULL, text);
}

static uint16_t status_of(enum pxr_err e)
{
    switch (e) {
    case PXR_E_RANGE: return 404;
    case PXR_E_UNSUPPORTED: return 415;
    case PXR_E_LIMIT: return 413;
    case PXR_E_INVALID: return 400;
    case PXR_E_NOTPXR: return 415;
    default: return 500; /* the archive or the machine */
    }
}

static void answer_diag(struct pxr_answer *a, const struct pxr_request *r, const struct pxr_diag *diag)
{
    char line[512];
    answer_error(a, r, status_of(diag->code), pxr_diag_line(diag, line, sizeof line));
}

/* What the original sends instead of an envelope. */
static void answer_array_error(struct pxr_answer *a, const struct pxr_diag *diag)
{
    char line[512], text[540];
    const int n = snprintf(text, sizeof text, "error: %s", pxr_diag_line(diag, line, sizeof line));
    a->is_text = true;
    pxr_answer_text(a, status_of(diag->code), "text/plain; charset=utf-8", text, (size_t)n);
}

/* ---- the archive -------------------------------------------------------------------------------- */

static void answer_info(struct pxr_serve *s, const struct pxr_request *r, struct pxr_answer *a)
{
    struct pxr_json j = {0};
    struct pxr_diag diag;
    struct pxr_frame_info first = {0};
    if (s->info.n_frames && pxr_frame_info(s->archive, 0, &first, &diag) != PXR_OK) {
        answer_diag(a, r, &diag);
        return;
    }
    pxr_json_object(&j, NULL);
    pxr_json_u64(&j, "n_frames", s->info.n_frames);
    pxr_json_u64(&j, "width", s->info.width_px);
    pxr_json_u64(&j, "height", s->info.height_px);
    pxr_json_u64(&j, "bits", s->info.bits);
    pxr_json_u64(&j, "significant_bits", first.significant_bits);
    pxr_json_u64(&j, "maxval", s->max_sample);
    pxr_json_u64(&j, "max_error", s->info.max_error);
    pxr_json_u64(&j, "archive_bytes", s->info.archive_bytes);
    pxr_json_u64(&j, "pixel_bytes", s->info.pixel_bytes);
    pxr_json_end_object(&j);
    answer_json(a, 200, &j);
}

/* A view of the library as a whole file. */
static enum pxr_err put_view(struct pxr_serve *s, pxr_decoder *d, uint64_t frame, enum pxr_view view,
                             struct pxr_buffer *out, struct pxr_diag *diag)
{
    struct pxr_frame_info f;
    size_t got;
    enum pxr_err e = pxr_frame_info(s->archive, frame, &f, diag);
    if (e != PXR_OK)
        return e;
    const size_t n = (size_t)pxr_view_bytes(&f, view);
    uint8_t *to = pxr_buffer_extend(out, n);
    if (!to)
        return pxr_fail_nomem(diag, n);
    e = pxr_view_read(d, frame, view, 0, to, n, &got);
    if (e != PXR_OK)
        *diag = *pxr_decoder_diag(d);
    return e;
}

/* ---- samples ------------------------------------------------------------------------------------ */

struct samples {
    uint32_t width_px, height_px;
    size_t sample_bytes;
    uint8_t *bytes; /* rows without gaps, native order */
};

static void take_row(const struct pxr_region *g, size_t sample_bytes, const uint8_t *row, uint32_t width, uint8_t *to)
{
    const uint8_t *from = row + g->x * sample_bytes;
    if (g->step == 1)
        memcpy(to, from, width * sample_bytes);
    else
        for (uint32_t x = 0; x < width; x++)
            memcpy(to + x * sample_bytes, from + (size_t)x * g->step * sample_bytes, sample_bytes);
}

/* Rows are read in runs of at most 64, so that memory does not grow with the frame twice. */
static enum pxr_err take_rows(pxr_decoder *d, uint64_t frame, const struct pxr_region *g, size_t row_bytes,
                              uint8_t *rows, struct samples *out)
{
    const uint32_t run = g->step == 1 ? 64 : 1;
    for (uint32_t y = 0; y < out->height_px; y += run) {
        const uint32_t n = out->height_px - y < run ? out->height_px - y : run;
        const enum pxr_err e = pxr_frame_read(d, frame, g->y + y * g->step, n, rows, n * row_bytes, row_bytes);
        if (e != PXR_OK)
            return e;
        for (uint32_t k = 0; k < n; k++)
            take_row(g, out->sample_bytes, rows + k * row_bytes, out->width_px,
                     out->bytes + (size_t)(y + k) * out->width_px * out->sample_bytes);
    }
    return PXR_OK;
}

/* What a region asks for, within the frame. */
static enum pxr_err fit_region(const struct pxr_serve *s, struct pxr_region *g, struct pxr_diag *diag)
{
    if (!g->width) {
        g->x = g->y = 0;
        g->width = s->info.width_px;
        g->height = s->info.height_px;
    }
    if (g->x >= s->info.width_px || g->y >= s->info.height_px || g->width > s->info.width_px - g->x ||
        g->height > s->info.height_px - g->y)
        return pxr_fail(diag, PXR_E_INVALID, "the region %u,%u,%u,%u is not within frames of %u x %u samples", g->x,
                        g->y, g->width, g->height, s->info.width_px, s->info.height_px);
    return PXR_OK;
}

/* out->bytes: pxr_free it. */
static enum pxr_err take_samples(struct pxr_serve *s, pxr_decoder *d, uint64_t frame, struct pxr_region g,
                                 struct samples *out, struct pxr_diag *diag)
{
    enum pxr_err e = fit_region(s, &g, diag);
    if (e != PXR_OK)
        return e;
    const size_t sample = s->info.bits / 8u, row = s->info.width_px * sample;
    *out = (struct samples){(g.width - 1) / g.step + 1, (g.height - 1) / g.step + 1, sample, NULL};
    const size_t n = (size_t)out->width_px * out->height_px * sample;
    uint8_t *rows = pxr_alloc(64 * row);
    out->bytes = pxr_alloc(n);
    if (!rows || !out->bytes) {
        e = pxr_fail_nomem(diag, n);
    } else {
        e = take_rows(d, frame, &g, row, rows, out);
        if (e != PXR_OK)
            *diag = *pxr_decoder_diag(d);
    }
    pxr_free(rows);
    if (e != PXR_OK) {
        pxr_free(out->bytes);
        out->bytes = NULL;
    }
    return e;
}

/* ---- still formats ------------------------------------------------------------------------------ */

/* What the viewer wants to know of a frame, as members of the envelope's header. */
static enum pxr_err describe(struct pxr_serve *s, const struct pxr_request *r, struct pxr_json *j,
                             struct pxr_diag *diag)
{
    struct pxr_frame_info f;
    const enum pxr_err e = pxr_frame_info(s->archive, r->frame, &f, diag);
    if (e != PXR_OK)
        return e;
    pxr_json_object(j, NULL);
    pxr_json_u64(j, "frame", r->frame);
    pxr_json_string(j, "id", f.name, f.name_bytes);
    if (f.has_time)
        pxr_json_real(j, "t", (double)f.time_ns / 1e9, 9);
    if (r->ask == PXR_ASK_STREAM)
        pxr_json_u64(j, "seq", r->seq);
    pxr_json_u64(j, "step", r->region.step);
    pxr_json_end_object(j);
    return j->is_failed ? pxr_fail_nomem(diag, 1) : PXR_OK;
}

static enum pxr_err put_vcbn(struct pxr_serve *s, const struct pxr_request *r, const struct samples *m,
                             struct pxr_buffer *out, struct pxr_diag *diag)
{
    struct pxr_json j = {0};
    enum pxr_err e = describe(s, r, &j, diag);
    if (e == PXR_OK) {
        /* All 16 bits, whatever frame 0 says of its own: another frame may have larger samples. */
        struct pxr_vcbn_opts o =
            pxr_vcbn_lossless_opts(PXR_VCBN_VCBN, s->info.bits, s->info.bits == 8 ? 255 : 65535);
        const struct pxr_vcbn_array array = {m->bytes, m->width_px * m->sample_bytes, m->width_px, m->height_px,
                                             m->sample_bytes == 1 ? PXR_VCBN_IN_U8 : PXR_VCBN_IN_U16};
        j.text[j.n_bytes - 1] = 0; /* members only: without the braces */
        o.extra = j.text + 1;
        e = pxr_vcbn_encode(out, &array, &o, diag);
    }
    pxr_json_fini(&j);
    return e;
}

static enum pxr_err put_stream_frame(struct pxr_stream_format *f, const void *pixels, enum pxr_err e,
                                     struct pxr_buffer *out, struct pxr_diag *diag)
{
    if (e == PXR_OK)
        e = pxr_stream_put_frame(f, pixels, 0, NULL, out, diag);
    pxr_stream_format_fini(f);
    return e;
}

static enum pxr_err put_px2(const struct samples *m, struct pxr_buffer *out, struct pxr_diag *diag)
{
    const struct pxr_px2_header h = {.width_px = m->width_px,
                                     .height_px = m->height_px,
                                     .model = PXR_PX2_GRAY,
                                     .n_channels = 1,
                                     .bits = {(uint8_t)(8 * m->sample_bytes)}};
    struct pxr_stream_format f = {0};
    const enum pxr_err e = pxr_px2_begin(&f, &h, NULL, out, diag);
    return put_stream_frame(&f, m->bytes, e, out, diag);
}

static enum pxr_err put_pxs(const struct samples *m, struct pxr_buffer *out, struct pxr_diag *diag)
{
    struct pxr_stream_format f = {0};
    const size_t n = (size_t)m->width_px * m->height_px;
    uint8_t *rgb = pxr_alloc(3 * n);
    if (!rgb)
        return pxr_fail_nomem(diag, 3 * n);
    for (size_t i = 0; i < n; i++)
        rgb[3 * i] = rgb[3 * i + 1] = rgb[3 * i + 2] = m->bytes[i];
    const enum pxr_err begun =
        pxr_pxs_begin(&f, PXR_PXS_LEGACY24, (enum pxr_stream_digits)0, m->width_px, m->height_px, out, diag);
    const enum pxr_err e = put_stream_frame(&f, rgb, begun, out, diag);
    pxr_free(rgb);
    return e;
}

static enum pxr_err put_dci(const struct samples *m, struct pxr_buffer *out, struct pxr_diag *diag)
{
    const struct pxr_dci_picture p = {m->bytes, m->width_px, m->width_px, m->height_px, 1};
    const struct pxr_dci_opts o = {PXR_DCI_V2, PXR_DCI_AVERAGE_EXACT, 0}; /* lossless */
    return pxr_dci_encode(out, &p, &o, diag);
}

static enum pxr_err put_still(struct pxr_serve *s, pxr_decoder *d, const struct pxr_request *r,
                              struct pxr_buffer *out, struct pxr_diag *diag)
{
    struct samples m;
    if (s->info.bits != 8 && (r->format == PXR_FRAME_DCI || r->format == PXR_FRAME_PXS))
        return pxr_fail(diag, PXR_E_UNSUPPORTED, "%s holds 8 bits; this archive has samples of %u",
                        r->format == PXR_FRAME_DCI ? "dci" : "pxs", s->info.bits);
    enum pxr_err e = take_samples(s, d, r->frame, r->region, &m, diag);
    if (e != PXR_OK)
        return e;
    e = r->format == PXR_FRAME_VCBN  ? put_vcbn(s, r, &m, out, diag)
        : r->format == PXR_FRAME_DCI ? put_dci(&m, out, diag)
        : r->format == PXR_FRAME_PXS ? put_pxs(&m, out, diag)
                                     : put_px2(&m, out, diag);
    pxr_free(m.bytes);
    return e;
}

static void answer_frame(struct pxr_serve *s, pxr_decoder *d, const struct pxr_request *r, struct pxr_answer *a)
{
    static const char *const types[PXR_N_FRAME_FORMATS] = {
        "image/png",          "image/x-portable-graymap", "application/octet-stream", "application/vnd.vcbn",
        "image/vnd.pixelrain.dci", "image/vnd.pixelrain.pxs",  "image/vnd.pixelrain.px2"};
    static const enum pxr_view views[] = {PXR_VIEW_PNG, PXR_VIEW_PGM, PXR_VIEW_RAW};
    struct pxr_diag diag = {0};
    start(a, 200, types[r->format]);
    if (!a->bytes.n_bytes)
        return;
    const enum pxr_err e = r->format <= PXR_FRAME_RAW
                               ? put_view(s, d, r->frame, views[r->format], &a->bytes, &diag)
                               : put_still(s, d, r, &a->bytes, &diag);
    if (e != PXR_OK)
        answer_diag(a, r, &diag);
}

/* ---- the whole ---------------------------------------------------------------------------------- */

enum pxr_err pxr_serve_init(struct pxr_serve *s, pxr_archive *archive, enum pxr_vcbn_dialect dialect,
                            struct pxr_diag *diag)
{
    struct pxr_frame_info f;
    struct samples m;
    pxr_decoder *d;
    *s = (struct pxr_serve){.archive = archive, .mode = {.dialect = dialect, .dtype = PXR_VCBN_UINT16}};
    pxr_archive_info(archive, &s->info);
    if (!s->info.n_frames)
        return pxr_fail(diag, PXR_E_INVALID, "the archive has no frames");
    enum pxr_err e = pxr_frame_info(archive, 0, &f, diag);
    if (e == PXR_OK)
        e = pxr_decoder_new(&d, archive);
    if (e != PXR_OK)
        return e;
    s->max_sample = f.maxval;
    e = take_samples(s, d, 0, (struct pxr_region){.step = 1}, &m, diag);
    pxr_decoder_free(d);
    if (e != PXR_OK)
        return e;
    s->array = m.bytes;
    s->array_type = m.sample_bytes == 1 ? PXR_VCBN_IN_U8 : PXR_VCBN_IN_U16;
    s->array_width_px = m.width_px;
    s->array_height_px = m.height_px;
    pthread_mutex_init(&s->lock, NULL);
    return PXR_OK;
}

void pxr_serve_fini(struct pxr_serve *s)
{
    if (s->array)
        pthread_mutex_destroy(&s->lock);
    pxr_free(s->array);
    s->array = NULL;
}

void pxr_serve_answer(struct pxr_serve *s, pxr_decoder *decoder, const struct pxr_request *r, struct pxr_answer *a)
{
    struct pxr_diag diag = {0};
    *a = (struct pxr_answer){.status = 200};
    switch (r->ask) {
    case PXR_ASK_NOTHING: answer_error(a, r, r->status, r->text); break;
    case PXR_ASK_PAGE:
        pxr_answer_text(a, 200, r->page->content_type, (const char *)r->page->bytes, r->page->n_bytes);
        break;
    case PXR_ASK_INFO: answer_info(s, r, a); break;
    case PXR_ASK_FRAME:
    case PXR_ASK_STREAM: answer_frame(s, decoder, r, a); break;
    case PXR_ASK_ARRAY:
        start(a, 200, "application/vnd.vcbn");
        if (a->bytes.n_bytes && pxr_array_put(s, &a->bytes, &diag) != PXR_OK)
            answer_array_error(a, &diag);
        break;
    case PXR_ASK_SET_ARRAY: pxr_array_set(s, &r->body, a); break;
    case PXR_ASK_SET_MODE: pxr_array_set_mode(s, &r->body, a); break;
    case PXR_ASK_UPLOAD: pxr_array_upload(s, &r->body, a); break;
    }
}
