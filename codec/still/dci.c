/* SPDX-License-Identifier: MIT
 * Dichotomic Compression: all layouts, both ways. */
#include "dci.h"

#include "diag.h"
#include "msb_bits.h"

enum { V1_MAX_SIDE_PX = 256, MAX_SPLITS = 32, NO_PART = 255, ALL_CHANNELS = 3 };

static const struct layout {
    char name[16];
    uint8_t version;
    bool is_big_endian, is_planar;
    uint8_t record_bits;
} layouts[PXR_DCI_N_LAYOUTS] = {
    [PXR_DCI_V1] = {"v1", 1, true, false, 40},
    [PXR_DCI_V2] = {"v2", 2, false, false, 32},
    [PXR_DCI_V3] = {"v3", 3, false, false, 28},
    [PXR_DCI_LATE1] = {"late1", 1, false, false, 32},
    [PXR_DCI_LATE2_PLANAR] = {"late2-planar", 2, false, true, 16},
};

static bool is_layout(enum pxr_dci_layout l)
{
    return l > PXR_DCI_AUTO && l < PXR_DCI_N_LAYOUTS;
}

const char *pxr_dci_layout_name(enum pxr_dci_layout layout)
{
    return is_layout(layout) ? layouts[layout].name : NULL;
}

bool pxr_dci_layout_find(const char *name, enum pxr_dci_layout *out)
{
    for (unsigned l = PXR_DCI_V1; l < PXR_DCI_N_LAYOUTS; l++)
        if (!strcmp(layouts[l].name, name)) {
            *out = (enum pxr_dci_layout)l;
            return true;
        }
    return false;
}

/* ---- parts ------------------------------------------------------------------------------------ */

/* [x0, x1) x [y0, y1) */
struct part {
    uint32_t x0, y0, x1, y1;
};

/* The first half of a part of at least two pixels ends here.  True: it is the left one, else the upper one. */
static bool find_cut(const struct part *p, uint32_t *cut)
{
    const uint32_t w = p->x1 - p->x0, h = p->y1 - p->y0;
    *cut = w > h ? p->x0 + w / 2 : p->y0 + h / 2;
    return w > h;
}

/* The way from the whole picture down to a part.  Parts come in raster order, so most of the way to one is that to
 * the one before. */
struct path {
    struct part parts[MAX_SPLITS + 1];
    unsigned splits; /* of the last one */
};

static void path_begin(struct path *p, uint32_t width_px, uint32_t height_px)
{
    p->parts[0] = (struct part){0, 0, width_px, height_px};
    p->splits = 0;
}

static bool holds(const struct part *p, uint32_t x, uint32_t y)
{
    return p->x0 <= x && x < p->x1 && p->y0 <= y && y < p->y1;
}

/* The part that holds a pixel after so many halvings of the picture; NULL: a single pixel would be halved, which no
 * picture reaches with MAX_SPLITS. */
static const struct part *path_find(struct path *path, uint32_t x, uint32_t y, unsigned splits)
{
    unsigned s = path->splits < splits ? path->splits : splits;
    while (!holds(&path->parts[s], x, y))
        s--;
    for (; s < splits; s++) {
        const struct part *const from = &path->parts[s];
        struct part *const to = &path->parts[s + 1];
        uint32_t cut;
        if (from->x1 - from->x0 == 1 && from->y1 - from->y0 == 1)
            return NULL;
        *to = *from;
        if (find_cut(from, &cut))
            *(cut > x ? &to->x1 : &to->x0) = cut;
        else
            *(cut > y ? &to->y1 : &to->y0) = cut;
        path->splits = s + 1; /* what lies below belongs to another way */
    }
    path->splits = splits;
    return &path->parts[splits];
}

/* ---- walking over a file ---------------------------------------------------------------------- */

/* All rows above the one at hand are covered, so that one number tells how far down each column is. */
struct column {
    uint32_t bottom; /* first row that is not covered                        */
    uint32_t width;  /* where the lowest part begins in this column: its width */
};

struct walk {
    enum pxr_dci_layout layout;
    uint32_t width_px, height_px;
    struct pxr_msb_reader in; /* behind the header */
    uint64_t n_records, at;
    struct column *columns;
    struct path path;
    bool is_gray;
    uint8_t *pixels; /* NULL: only look */
    size_t stride_bytes;
    uint8_t n_channels, channel; /* of the plane, or ALL_CHANNELS */
    struct pxr_diag *diag;
};

static enum pxr_err fail_record(struct walk *k, uint32_t x, uint32_t y, const char *text)
{
    const uint64_t off = PXR_DCI_HEADER_BYTES + k->at * layouts[k->layout].record_bits / 8;
    return pxr_fail_at(k->diag, PXR_E_CORRUPT, off, "%s: part %llu, at pixel %u, %u", text,
                       (unsigned long long)k->at, x, y);
}

/* Read the next record, of a part whose first pixel is x, y. */
static enum pxr_err get_record(struct walk *k, uint32_t x, uint32_t y, struct part *p, uint8_t colour[3])
{
    struct pxr_msb_reader *in = &k->in;
    const unsigned value_bits = k->layout == PXR_DCI_V3 ? 7 : 8;
    if (k->at == k->n_records)
        return pxr_fail_at(k->diag, PXR_E_TRUNCATED, PXR_DCI_HEADER_BYTES + in->n_bytes,
                           "the file ends before its parts cover pixel %u, %u", x, y);
    const uint32_t first = pxr_msb_get(in, value_bits);
    if (k->layout == PXR_DCI_V1) {
        const uint32_t w = first + 1, h = pxr_msb_get(in, 8) + 1;
        if (w > k->width_px - x || h > k->height_px - y)
            return fail_record(k, x, y, "a part leaves the picture");
        *p = (struct part){x, y, x + w, y + h};
    } else {
        const struct part *const found = path_find(&k->path, x, y, first);
        if (!found)
            return fail_record(k, x, y, "a single pixel is halved");
        if (found->x0 != x || found->y0 != y)
            return fail_record(k, x, y, "a part does not begin at the first pixel that is free");
        *p = *found;
    }
    for (unsigned c = 0; c < (k->channel == ALL_CHANNELS ? 3u : 1u); c++) {
        const uint32_t v = pxr_msb_get(in, value_bits);
        colour[c] = (uint8_t)(value_bits == 7 ? v << 1 | v >> 6 : v);
    }
    return PXR_OK;
}

static void paint(struct walk *k, const struct part *p, const uint8_t colour[3])
{
    const size_t n = p->x1 - p->x0, step = k->n_channels;
    for (uint32_t y = p->y0; y < p->y1; y++) {
        uint8_t *row = k->pixels + y * k->stride_bytes + p->x0 * step;
        if (step == 1) {
            memset(row, colour[0], n);
        } else if (k->channel == ALL_CHANNELS) {
            for (size_t i = 0; i < n; i++, row += 3)
                memcpy(row, colour, 3);
        } else {
            for (size_t i = 0; i < n; i++)
                row[3 * i + k->channel] = colour[0];
        }
    }
}

/* Take the place of a part; false: some of it is taken already. */
static bool cover(struct walk *k, const struct part *p)
{
    for (uint32_t x = p->x0; x < p->x1; x++)
        if (k->columns[x].bottom > p->y0)
            return false;
    for (uint32_t x = p->x0; x < p->x1; x++)
        k->columns[x].bottom = p->y1;
    k->columns[p->x0].width = p->x1 - p->x0;
    return true;
}

/* One tiling of the picture: parts in the order of their first pixels. */
static enum pxr_err walk_tiling(struct walk *k)
{
    memset(k->columns, 0, k->width_px * sizeof *k->columns);
    path_begin(&k->path, k->width_px, k->height_px);
    for (uint32_t y = 0; y < k->height_px; y++)
        for (uint32_t x = 0; x < k->width_px; x += k->columns[x].width) {
            struct part p = {0};
            uint8_t colour[3];
            if (k->columns[x].bottom > y)
                continue;
            const enum pxr_err e = get_record(k, x, y, &p, colour);
            if (e)
                return e;
            if (!cover(k, &p))
                return fail_record(k, x, y, "a part overlaps another");
            k->is_gray &= k->channel != ALL_CHANNELS || (colour[0] == colour[1] && colour[1] == colour[2]);
            if (k->pixels)
                paint(k, &p, colour);
            k->at++;
        }
    return PXR_OK;
}

static enum pxr_err walk_planes(struct walk *k)
{
    size_t ends[4] = {0};
    for (uint8_t c = 0; c < 3; c++) {
        k->channel = c;
        const enum pxr_err e = walk_tiling(k);
        if (e)
            return e;
        if (k->pixels && k->n_channels == 1)
            return PXR_OK; /* the other two are the same bytes */
        ends[c + 1] = k->in.at;
        const size_t n = ends[c + 1] - ends[c];
        k->is_gray &= n == ends[1] && !memcmp(k->in.src, k->in.src + ends[c], n);
    }
    return PXR_OK;
}

/* All records of a file, which must be used up. */
static enum pxr_err walk_file(struct walk *k)
{
    const uint8_t record_bits = layouts[k->layout].record_bits;
    const uint64_t body_bits = (uint64_t)k->in.n_bytes * 8;
    k->n_records = body_bits / record_bits;
    k->is_gray = true;
    k->channel = ALL_CHANNELS;
    if (body_bits % record_bits > (k->layout == PXR_DCI_V3 ? 4 : 0))
        return pxr_fail_at(k->diag, PXR_E_CORRUPT, PXR_DCI_HEADER_BYTES + k->in.n_bytes,
                           "the file ends within a record of its %s layout", layouts[k->layout].name);
    const bool is_planar = layouts[k->layout].is_planar;
    const enum pxr_err e = is_planar ? walk_planes(k) : walk_tiling(k);
    if (e || (is_planar && k->pixels && k->n_channels == 1))
        return e;
    if (k->at < k->n_records)
        return pxr_fail_field(k->diag, PXR_E_CORRUPT, PXR_DCI_HEADER_BYTES + k->at * record_bits / 8, "records",
                              k->at, k->n_records, "records behind the one that completes the picture");
    if (pxr_msb_rest_of_byte(&k->in))
        return pxr_fail_at(k->diag, PXR_E_CORRUPT, PXR_DCI_HEADER_BYTES + k->in.n_bytes - 1,
                           "the bits that fill the last byte are not zero");
    return PXR_OK;
}

/* ---- reading ---------------------------------------------------------------------------------- */

static uint32_t load_side(const uint8_t *src, bool is_big_endian)
{
    return is_big_endian ? pxr_load_u32be(src) : pxr_load_u32le(src);
}

static bool are_sides(const uint8_t *src, bool is_big_endian)
{
    const uint32_t w = load_side(src + 2, is_big_endian), h = load_side(src + 6, is_big_endian);
    return w && w <= PXR_DCI_MAX_SIDE_PX && h && h <= PXR_DCI_MAX_SIDE_PX;
}

static enum pxr_err parse_as(struct pxr_dci_info *out, const uint8_t *src, size_t n_bytes,
                             enum pxr_dci_layout layout, struct pxr_diag *diag)
{
    const bool is_be = layouts[layout].is_big_endian;
    struct walk k = {.layout = layout, .width_px = load_side(src + 2, is_be), .height_px = load_side(src + 6, is_be),
                     .in = {.src = src + PXR_DCI_HEADER_BYTES, .n_bytes = n_bytes - PXR_DCI_HEADER_BYTES},
                     .diag = diag};
    if (!are_sides(src, is_be))
        return pxr_fail_at(diag, PXR_E_CORRUPT, 2, "a picture of %u x %u pixels: sides must be 1 to %d", k.width_px,
                           k.height_px, PXR_DCI_MAX_SIDE_PX);
    if ((uint64_t)k.width_px * k.height_px > PXR_DCI_MAX_PX)
        return pxr_fail_field(diag, PXR_E_LIMIT, 2, "pixels", PXR_DCI_MAX_PX, (uint64_t)k.width_px * k.height_px,
                              "a picture of %u x %u pixels", k.width_px, k.height_px);
    k.columns = pxr_alloc(k.width_px * sizeof *k.columns);
    if (!k.columns)
        return pxr_fail_nomem(diag, k.width_px * sizeof *k.columns);
    const enum pxr_err e = walk_file(&k);
    pxr_free(k.columns);
    if (!e)
        *out = (struct pxr_dci_info){layout, src[1], k.width_px, k.height_px, k.n_records, k.is_gray};
    return e;
}

/* Version 2 has two meanings, and only the parts themselves tell which.  Where neither fits, the reading that got
 * further says what is wrong. */
static enum pxr_err parse_version2(struct pxr_dci_info *out, const uint8_t *src, size_t n_bytes,
                                   struct pxr_diag *diag)
{
    struct pxr_diag v2, planar;
    enum pxr_err e = parse_as(out, src, n_bytes, PXR_DCI_V2, &v2);
    if (e == PXR_E_CORRUPT || e == PXR_E_TRUNCATED) {
        e = parse_as(out, src, n_bytes, PXR_DCI_LATE2_PLANAR, &planar);
        if (e == PXR_E_NOMEM || (e && planar.off_bytes >= v2.off_bytes))
            v2 = planar;
    }
    if (e && diag)
        *diag = v2;
    return e ? v2.code : PXR_OK;
}

enum pxr_err pxr_dci_parse(struct pxr_dci_info *out, const uint8_t *src, size_t n_bytes, enum pxr_dci_layout layout,
                           struct pxr_diag *diag)
{
    *out = (struct pxr_dci_info){0};
    if (layout && !is_layout(layout))
        return pxr_fail(diag, PXR_E_INVALID, "no such layout of DCI: %d", (int)layout);
    if (n_bytes < PXR_DCI_HEADER_BYTES)
        return pxr_fail_field(diag, PXR_E_TRUNCATED, n_bytes, "header", PXR_DCI_HEADER_BYTES, n_bytes,
                              "the file ends within its header");
    if (layout && src[0] != layouts[layout].version)
        return pxr_fail_field(diag, PXR_E_MISMATCH, 0, "version", layouts[layout].version, src[0],
                              "the file has not the version of layout %s", layouts[layout].name);
    if (layout)
        return parse_as(out, src, n_bytes, layout, diag);
    switch (src[0]) {
    case 1: return parse_as(out, src, n_bytes, are_sides(src, true) ? PXR_DCI_V1 : PXR_DCI_LATE1, diag);
    case 2: return parse_version2(out, src, n_bytes, diag);
    case 3: return parse_as(out, src, n_bytes, PXR_DCI_V3, diag);
    default: return pxr_fail_at(diag, PXR_E_UNSUPPORTED, 0, "DCI has no version %u", src[0]);
    }
}

enum pxr_err pxr_dci_decode(const struct pxr_dci_info *info, const uint8_t *src, size_t n_bytes, uint8_t *pixels,
                            size_t stride_bytes, uint8_t n_channels, struct pxr_diag *diag)
{
    struct walk k = {.layout = info->layout, .width_px = info->width_px, .height_px = info->height_px,
                     .pixels = pixels, .stride_bytes = stride_bytes, .n_channels = n_channels, .diag = diag};
    if (n_channels != 3 && (n_channels != 1 || !info->is_gray))
        return pxr_fail(diag, PXR_E_INVALID, "the picture is coloured: it does not decode to %u channel", n_channels);
    if (n_bytes < PXR_DCI_HEADER_BYTES)
        return pxr_fail_at(diag, PXR_E_TRUNCATED, n_bytes, "the file ends within its header");
    k.in = (struct pxr_msb_reader){.src = src + PXR_DCI_HEADER_BYTES, .n_bytes = n_bytes - PXR_DCI_HEADER_BYTES};
    k.columns = pxr_alloc(k.width_px * sizeof *k.columns);
    if (!k.columns)
        return pxr_fail_nomem(diag, k.width_px * sizeof *k.columns);
    const enum pxr_err e = walk_file(&k);
    pxr_free(k.columns);
    for (uint32_t y = 0; e && y < k.height_px; y++)
        memset(pixels + y * stride_bytes, 0, (size_t)k.width_px * n_channels);
    return e;
}

/* ---- writing ---------------------------------------------------------------------------------- */

struct cutting {
    const struct pxr_dci_picture *picture;
    enum pxr_dci_layout layout;
    unsigned threshold;
    uint8_t first_channel, n_channels; /* looked at */
    uint8_t *splits; /* at the first pixel of a part: how often the picture was halved for it; else NO_PART */
};
struct range {
    uint8_t low[3], high[3];
};

static const uint8_t *pixel_at(const struct pxr_dci_picture *p, uint32_t x, uint32_t y)
{
    return p->pixels + y * p->stride_bytes + (size_t)x * p->n_channels;
}

static bool is_part(const struct cutting *c, const struct part *p, const struct range *r)
{
    unsigned sum = 0;
    for (unsigned i = 0; i < c->n_channels; i++)
        sum += (unsigned)(r->high[i] - r->low[i]);
    if (sum / c->n_channels > c->threshold)
        return false;
    return c->layout != PXR_DCI_V1 || (p->x1 - p->x0 <= V1_MAX_SIDE_PX && p->y1 - p->y0 <= V1_MAX_SIDE_PX);
}

static void mark(struct cutting *c, const struct part *p, unsigned splits)
{
    c->splits[(size_t)p->y0 * c->picture->width_px + p->x0] = (uint8_t)splits;
}

/* What a part of the picture becomes: true, if it can be one part of the file, and its range; else its halves
 * are marked.  From the pixels upwards, since no half has a larger range than the whole: each pixel is looked at
 * once, where cutting downwards would look at it once for each halving.  At most 32 deep. */
static bool cut_part(struct cutting *c, const struct part *p, unsigned splits, struct range *r)
{
    if (p->x1 - p->x0 == 1 && p->y1 - p->y0 == 1) {
        const uint8_t *const px = pixel_at(c->picture, p->x0, p->y0) + c->first_channel;
        for (unsigned i = 0; i < c->n_channels; i++)
            r->low[i] = r->high[i] = px[i];
        return true;
    }
    struct part first = *p, second = *p;
    struct range other;
    uint32_t cut;
    if (find_cut(p, &cut))
        first.x1 = second.x0 = cut;
    else
        first.y1 = second.y0 = cut;
    const bool first_is_part = cut_part(c, &first, splits + 1, r);
    const bool second_is_part = cut_part(c, &second, splits + 1, &other);
    for (unsigned i = 0; i < c->n_channels; i++) {
        if (other.low[i] < r->low[i])
            r->low[i] = other.low[i];
        if (other.high[i] > r->high[i])
            r->high[i] = other.high[i];
    }
    if (first_is_part && second_is_part && is_part(c, p, r))
        return true;
    if (first_is_part)
        mark(c, &first, splits + 1);
    if (second_is_part)
        mark(c, &second, splits + 1);
    return false;
}

static uint8_t average(const struct pxr_dci_picture *pic, const struct part *p, unsigned channel, bool is_exact)
{
    const uint64_t area = (uint64_t)(p->x1 - p->x0) * (p->y1 - p->y0);
    uint64_t sum = 0;
    double mean = 0;
    for (uint32_t y = p->y0; y < p->y1; y++) {
        const uint8_t *px = pixel_at(pic, p->x0, y) + channel;
        for (uint32_t x = p->x0; x < p->x1; x++, px += pic->n_channels)
            if (is_exact)
                sum += *px;
            else
                mean += (double)*px / (double)area; /* in this order, rounding included: compat */
    }
    return (uint8_t)(is_exact ? sum / area : (uint64_t)mean);
}

static void put_part(struct pxr_msb_writer *w, const struct cutting *c, const struct part *p, unsigned splits,
                     bool is_exact)
{
    const unsigned value_bits = c->layout == PXR_DCI_V3 ? 7 : 8, n_values = layouts[c->layout].is_planar ? 1 : 3;
    uint8_t v = 0;
    if (c->layout == PXR_DCI_V1) {
        pxr_msb_put(w, p->x1 - p->x0 - 1, 8);
        pxr_msb_put(w, p->y1 - p->y0 - 1, 8);
    } else {
        pxr_msb_put(w, splits, value_bits);
    }
    for (unsigned i = 0; i < n_values; i++) {
        if (i < c->n_channels)
            v = average(c->picture, p, c->first_channel + i, is_exact);
        pxr_msb_put(w, (uint32_t)v >> (8 - value_bits), value_bits);
    }
}

/* Cut the picture, or one plane of it, and write its parts. */
static void put_tiling(struct pxr_msb_writer *w, struct cutting *c, bool is_exact)
{
    const uint32_t width_px = c->picture->width_px, height_px = c->picture->height_px;
    const struct part whole = {0, 0, width_px, height_px};
    struct range r;
    struct path path;
    path_begin(&path, width_px, height_px);
    memset(c->splits, NO_PART, (size_t)width_px * height_px);
    if (cut_part(c, &whole, 0, &r))
        mark(c, &whole, 0);
    for (uint32_t y = 0; y < height_px && !w->is_failed; y++)
        for (uint32_t x = 0; x < width_px; x++) {
            const uint8_t splits = c->splits[(size_t)y * width_px + x];
            if (splits != NO_PART)
                put_part(w, c, path_find(&path, x, y, splits), splits, is_exact);
        }
}

static void put_picture(struct pxr_msb_writer *w, struct cutting *c, const struct pxr_dci_opts *o)
{
    const bool is_original_exact = c->layout == PXR_DCI_V1 || c->layout == PXR_DCI_V3;
    const bool is_exact =
        o->average ? o->average == PXR_DCI_AVERAGE_EXACT : is_original_exact;
    uint8_t head[PXR_DCI_HEADER_BYTES] = {layouts[c->layout].version, o->threshold};
    const bool is_be = layouts[c->layout].is_big_endian;
    (is_be ? pxr_store_u32be : pxr_store_u32le)(head + 2, c->picture->width_px);
    (is_be ? pxr_store_u32be : pxr_store_u32le)(head + 6, c->picture->height_px);
    w->is_failed |= !pxr_buffer_add(w->to, head, sizeof head);
    for (unsigned plane = 0; plane < (layouts[c->layout].is_planar ? 3u : 1u); plane++) {
        if (layouts[c->layout].is_planar) {
            c->n_channels = 1;
            c->first_channel = (uint8_t)(plane < c->picture->n_channels ? plane : 0);
        }
        put_tiling(w, c, is_exact);
    }
    pxr_msb_end(w);
}

static enum pxr_err check_encoding(const struct pxr_dci_picture *p, const struct pxr_dci_opts *o,
                                   struct pxr_diag *diag)
{
    if (o->layout && !is_layout(o->layout))
        return pxr_fail(diag, PXR_E_INVALID, "no such layout of DCI: %d", (int)o->layout);
    if (!p->width_px || !p->height_px || (p->n_channels != 1 && p->n_channels != 3))
        return pxr_fail(diag, PXR_E_INVALID, "DCI keeps pictures of 1 or 3 channels, not %u x %u pixels of %u",
                        p->width_px, p->height_px, p->n_channels);
    if (p->width_px > PXR_DCI_MAX_SIDE_PX || p->height_px > PXR_DCI_MAX_SIDE_PX ||
        (uint64_t)p->width_px * p->height_px > PXR_DCI_MAX_PX)
        return pxr_fail_field(diag, PXR_E_LIMIT, PXR_NONE, "pixels", PXR_DCI_MAX_PX,
                              (uint64_t)p->width_px * p->height_px, "%u x %u pixels are too many for DCI",
                              p->width_px, p->height_px);
    return PXR_OK;
}

enum pxr_err pxr_dci_encode(struct pxr_buffer *out, const struct pxr_dci_picture *picture,
                            const struct pxr_dci_opts *o, struct pxr_diag *diag)
{
    const size_t before = out->n_bytes, n_px = (size_t)picture->width_px * picture->height_px;
    const enum pxr_err e = check_encoding(picture, o, diag);
    if (e)
        return e;
    struct pxr_msb_writer w = {.to = out};
    struct cutting c = {.picture = picture, .layout = o->layout ? o->layout : PXR_DCI_V2,
                        .threshold = o->threshold, .n_channels = picture->n_channels, .splits = pxr_alloc(n_px)};
    if (c.splits)
        put_picture(&w, &c, o);
    pxr_free(c.splits);
    if (!c.splits || w.is_failed) {
        out->n_bytes = before;
        return pxr_fail_nomem(diag, n_px);
    }
    return PXR_OK;
}
