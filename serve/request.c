/* SPDX-License-Identifier: MIT
 * Requests as they come in: a line of HTTP or a message of the viewer, nothing of it trusted. */
#include "answer.h"

#include "json_read.h"
#include "option.h"

#include <string.h>

static void refuse(struct pxr_request *r, uint16_t status, const char *text)
{
    r->ask = PXR_ASK_NOTHING;
    r->status = status;
    r->text = text;
}

static const char *const format_names[PXR_N_FRAME_FORMATS] = {"png", "pgm", "raw", "vcbn", "dci", "pxs", "px2"};

/* ---- HTTP --------------------------------------------------------------------------------------- */

/* The value of a member of a query, in dst; false: it is not there, or too long. */
static bool query_value(const char *query, const char *name, char *dst, size_t dst_bytes)
{
    const size_t n_name = strlen(name);
    for (const char *p = query; p; p = strchr(p, '&') ? strchr(p, '&') + 1 : NULL) {
        const size_t n = strcspn(p, "&");
        if (n > n_name && !strncmp(p, name, n_name) && p[n_name] == '=' && n - n_name - 1 < dst_bytes) {
            memcpy(dst, p + n_name + 1, n - n_name - 1);
            dst[n - n_name - 1] = 0;
            return true;
        }
    }
    return false;
}

/* "x,y,width,height" */
static bool parse_region(char *text, struct pxr_region *out)
{
    uint32_t *const to[4] = {&out->x, &out->y, &out->width, &out->height};
    char *save = NULL, *word = strtok_r(text, ",", &save);
    for (int i = 0; i < 4; i++, word = strtok_r(NULL, ",", &save)) {
        uint64_t v;
        if (!word || !pxr_parse_u64(word, i > 1, UINT32_MAX, &v))
            return false;
        *to[i] = (uint32_t)v;
    }
    return !word;
}

/* Behind "/frame/": "12.png". */
static void frame_request(struct pxr_request *r, const char *name, const char *query)
{
    char number[24], text[64];
    const char *const dot = strchr(name, '.');
    uint64_t step = 1;
    r->ask = PXR_ASK_FRAME;
    if (!dot || (size_t)(dot - name) >= sizeof number) {
        refuse(r, 404, "frames are called /frame/NUMBER.FORMAT");
        return;
    }
    memcpy(number, name, (size_t)(dot - name));
    number[dot - name] = 0;
    int f = 0;
    while (f < PXR_N_FRAME_FORMATS && strcmp(dot + 1, format_names[f]))
        f++;
    if (f == PXR_N_FRAME_FORMATS || !pxr_parse_u64(number, 0, UINT64_MAX, &r->frame)) {
        refuse(r, 404, "frames are called /frame/NUMBER.FORMAT; formats: png, pgm, raw, vcbn, dci, pxs, px2");
        return;
    }
    r->format = (enum pxr_frame_format)f;
    if (query_value(query, "region", text, sizeof text) && !parse_region(text, &r->region))
        refuse(r, 400, "a region is x,y,width,height in samples");
    else if (query_value(query, "step", text, sizeof text) && !pxr_parse_u64(text, 1, 65535, &step))
        refuse(r, 400, "a step is a number from 1 to 65535");
    else if (r->format != PXR_FRAME_VCBN && (r->region.width || step > 1))
        refuse(r, 400, "region and step are for vcbn");
    r->region.step = (uint32_t)step;
}

void pxr_request_of_http(struct pxr_request *out, const char *method, const char *path, const char *query)
{
    static const struct {
        const char *path;
        bool is_post;
        enum pxr_ask ask;
    } routes[] = {
        {"/info.json", false, PXR_ASK_INFO},         {"/array", false, PXR_ASK_ARRAY},
        {"/set_array", true, PXR_ASK_SET_ARRAY},     {"/set_mode", true, PXR_ASK_SET_MODE},
        {"/upload", true, PXR_ASK_UPLOAD},
    };
    const bool is_post = !strcmp(method, "POST");
    *out = (struct pxr_request){.ask = PXR_ASK_PAGE, .page = pxr_page_find(path), .region.step = 1};
    bool may_post = false;
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++)
        if (!strcmp(path, routes[i].path)) {
            out->ask = routes[i].ask;
            may_post = routes[i].is_post;
        }
    if (out->ask == PXR_ASK_PAGE && !strncmp(path, "/frame/", 7))
        frame_request(out, path + 7, query);
    else if (out->ask == PXR_ASK_PAGE && !out->page)
        refuse(out, 404, "there is nothing of that name");
    if (out->ask != PXR_ASK_NOTHING && is_post != may_post)
        refuse(out, 405, is_post ? "nothing can be posted there" : "this wants POST");
}

/* ---- messages ----------------------------------------------------------------------------------- */

static bool read_region(struct pxr_json_text array, struct pxr_region *out)
{
    uint32_t *const to[4] = {&out->x, &out->y, &out->width, &out->height};
    struct pxr_json_text rest = array, value;
    uint64_t v;
    int n = 0;
    if (!array.n_bytes || *array.at != '[')
        return false;
    for (; pxr_json_next(&rest, false, NULL, &value); n++) {
        if (n == 4 || !pxr_json_to_u64(value, &v) || v > UINT32_MAX || (n > 1 && !v))
            return false;
        *to[n] = (uint32_t)v;
    }
    return n == 4;
}

void pxr_request_of_message(struct pxr_request *out, const char *text, size_t n_bytes)
{
    struct pxr_json_text object, value;
    struct pxr_diag diag;
    uint64_t step = 1;
    *out = (struct pxr_request){.ask = PXR_ASK_STREAM, .format = PXR_FRAME_VCBN};
    if (pxr_json_check(text, n_bytes, 4, &object, 0, &diag) != PXR_OK || *object.at != '{') {
        refuse(out, 400, "a message is a JSON object");
        return;
    }
    if (pxr_json_find(object, "seq", &value) && !pxr_json_to_u64(value, &out->seq))
        refuse(out, 400, "seq is a whole number");
    else if (!pxr_json_find(object, "frame", &value) || !pxr_json_to_u64(value, &out->frame))
        refuse(out, 400, "frame is a whole number, and must be there");
    else if (pxr_json_find(object, "step", &value) &&
             (!pxr_json_to_u64(value, &step) || !step || step > 65535))
        refuse(out, 400, "step is a number from 1 to 65535");
    else if (pxr_json_find(object, "region", &value) && !pxr_json_is(value, "null") &&
             !read_region(value, &out->region))
        refuse(out, 400, "region is [x, y, width, height] in samples");
    out->region.step = (uint32_t)step;
}

void pxr_request_fini(struct pxr_request *r)
{
    pxr_buffer_fini(&r->body);
    *r = (struct pxr_request){.ask = PXR_ASK_NOTHING, .status = 500, .text = ""};
}
