/* SPDX-License-Identifier: MIT
 * YUV4MPEG2 streams: gray ones as they are, of the others the Y plane where luma is asked for. */
#include "import.h"

#include "bytes.h"
#include "diag.h"

#include <stdlib.h>

enum { MAX_LINE_BYTES = 1024 };

struct line {
    uint64_t off_bytes;
    size_t n_bytes;
    char text[MAX_LINE_BYTES]; /* without the newline, NUL-terminated, no control characters */
};

struct stream {
    struct pxr_import *im;
    uint64_t width_px, height_px;
    uint8_t bits;
    uint8_t divide_x, divide_y; /* of the two chroma planes; 0: there are none */
    bool has_chroma_field;
};

static enum pxr_err read_line(struct pxr_import *im, struct line *line, const char *what_ends)
{
    line->off_bytes = pxr_source_off(&im->in);
    line->n_bytes = 0;
    for (;;) {
        const int c = pxr_source_next(&im->in);
        if (c < 0)
            return pxr_source_ended(&im->in, "line", line->n_bytes + 1, line->n_bytes, what_ends);
        if (c == '\n')
            break;
        if (c < ' ')
            return pxr_fail_at(im->diag, PXR_E_CORRUPT, pxr_source_off(&im->in) - 1,
                               "a Y4M header line holds the control character %d", c);
        if (line->n_bytes == MAX_LINE_BYTES - 1)
            return pxr_fail_at(im->diag, PXR_E_LIMIT, line->off_bytes,
                               "a Y4M header line is longer than %d bytes", MAX_LINE_BYTES - 1);
        line->text[line->n_bytes++] = (char)c;
    }
    line->text[line->n_bytes] = 0;
    return PXR_OK;
}

static enum pxr_err take_size(struct stream *s, const char *digits, uint64_t off, uint64_t *out)
{
    uint64_t v = 0;
    if (*out)
        return pxr_fail_at(s->im->diag, PXR_E_CORRUPT, off, "the field %c is there twice",
                           digits[-1]);
    const char *at = digits;
    for (; *at >= '0' && *at <= '9'; at++)
        v = pxr_digit_append(v, *at);
    if (at == digits || *at || !v)
        return pxr_fail_at(s->im->diag, PXR_E_CORRUPT, off, "'%.20s' is not a size", digits - 1);
    *out = v;
    return PXR_OK;
}

/* "mono12", "420jpeg", "422p10": a kind, and for some kinds the number of bits. */
static enum pxr_err take_chroma(struct stream *s, const char *name, uint64_t off)
{
    static const struct {
        const char *name, *before_bits; /* NULL: always 8 bits */
        uint8_t divide_x, divide_y;
    } kinds[] = {
        {"420jpeg", NULL, 2, 2}, {"420mpeg2", NULL, 2, 2}, {"420paldv", NULL, 2, 2},
        {"420", "p", 2, 2},      {"422", "p", 2, 1},       {"444", "p", 1, 1},
        {"411", "p", 4, 1},      {"mono", "", 0, 0},
    };
    static const struct {
        const char *name;
        uint8_t bits;
    } depths[] = {{"9", 9}, {"10", 10}, {"12", 12}, {"14", 14}, {"16", 16}};
    if (s->has_chroma_field)
        return pxr_fail_at(s->im->diag, PXR_E_CORRUPT, off, "the field C is there twice");
    s->has_chroma_field = true;
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        const size_t n = strlen(kinds[k].name);
        if (strncmp(name, kinds[k].name, n))
            continue;
        s->divide_x = kinds[k].divide_x;
        s->divide_y = kinds[k].divide_y;
        s->bits = 8;
        if (!name[n])
            return PXR_OK;
        const char *before = kinds[k].before_bits;
        if (!before || strncmp(name + n, before, strlen(before)))
            continue;
        for (size_t d = 0; d < sizeof depths / sizeof depths[0]; d++)
            if (!strcmp(name + n + strlen(before), depths[d].name)) {
                s->bits = depths[d].bits;
                return PXR_OK;
            }
    }
    return pxr_fail_at(s->im->diag, PXR_E_UNSUPPORTED, off,
                       "the Y4M colour space '%.20s' is not read", name);
}

static enum pxr_err take_field(struct stream *s, const char *field, uint64_t off)
{
    switch (field[0]) {
    case 'W':
        return take_size(s, field + 1, off, &s->width_px);
    case 'H':
        return take_size(s, field + 1, off, &s->height_px);
    case 'C':
        return take_chroma(s, field + 1, off);
    case 'F': /* frame rate */
    case 'I': /* interlacing: rows are stored in their order in each case */
    case 'A': /* shape of a pixel */
    case 'X': /* comment */
        return PXR_OK;
    }
    return pxr_fail_at(s->im->diag, PXR_E_CORRUPT, off,
                       "the Y4M header has an unknown field '%.20s'", field);
}

static enum pxr_err parse_header(struct stream *s, struct line *line)
{
    char *rest = line->text, *field, *state = NULL;
    for (; (field = strtok_r(rest, " ", &state)); rest = NULL) {
        const enum pxr_err e =
            take_field(s, field, line->off_bytes + (uint64_t)(field - line->text));
        if (e != PXR_OK)
            return e;
    }
    if (!s->width_px || !s->height_px)
        return pxr_fail_at(s->im->diag, PXR_E_CORRUPT, 0, "the Y4M header has no field %c",
                           s->width_px ? 'H' : 'W');
    const enum pxr_err e = pxr_import_check_size(s->im, s->width_px, s->height_px, 0);
    if (e != PXR_OK)
        return e;
    if (s->divide_x && !s->im->opts.luma)
        return pxr_fail_at(s->im->diag, PXR_E_MISMATCH, 0,
                           "the Y4M stream has colour planes: --luma takes its Y plane alone");
    return PXR_OK;
}

static enum pxr_err read_header(struct stream *s)
{
    static const char magic[] = "YUV4MPEG2";
    const size_t magic_bytes = sizeof magic - 1;
    char head[sizeof magic] = {0};
    struct line line;
    const size_t got = pxr_source_read(&s->im->in, head, magic_bytes);
    if (memcmp(head, magic, got))
        return pxr_fail_at(s->im->diag, PXR_E_NOTPXR, 0, "a Y4M stream begins with 'YUV4MPEG2'");
    if (got < magic_bytes)
        return pxr_source_ended(&s->im->in, "magic", magic_bytes, got,
                                "the input ends within the Y4M header");
    enum pxr_err e = read_line(s->im, &line, "the input ends within the Y4M header");
    if (e == PXR_OK && line.text[0] && line.text[0] != ' ')
        e = pxr_fail_at(s->im->diag, PXR_E_NOTPXR, 0, "a Y4M stream begins with 'YUV4MPEG2 '");
    return e == PXR_OK ? parse_header(s, &line) : e;
}

static enum pxr_err read_frame(struct stream *s)
{
    static const char magic[] = "FRAME";
    const size_t magic_bytes = sizeof magic - 1;
    struct line line;
    enum pxr_err e = read_line(s->im, &line, "the input ends within the line before a frame");
    if (e != PXR_OK)
        return e;
    /* What follows FRAME describes interlacing or is a comment. */
    if (strncmp(line.text, magic, magic_bytes) ||
        (line.text[magic_bytes] && line.text[magic_bytes] != ' '))
        return pxr_fail_at(s->im->diag, PXR_E_CORRUPT, line.off_bytes,
                           "a line that begins with 'FRAME' should stand before each frame");
    const struct pxr_image image = {.width_px = (uint32_t)s->width_px,
                                    .height_px = (uint32_t)s->height_px,
                                    .bits = s->bits == 8 ? 8 : 16,
                                    .maxval = (uint16_t)((1u << s->bits) - 1)};
    e = pxr_import_samples(s->im, s->width_px * s->height_px, image.maxval, false);
    if (e != PXR_OK)
        return e;
    if (s->divide_x) {
        const uint64_t chroma_bytes = 2 * pxr_div_up_u64(s->width_px, s->divide_x) *
                                      pxr_div_up_u64(s->height_px, s->divide_y) * (image.bits / 8u);
        const uint64_t got = pxr_source_skip(&s->im->in, chroma_bytes);
        if (got < chroma_bytes)
            return pxr_source_ended(&s->im->in, "chroma bytes", chroma_bytes, got,
                                    "the input ends within the colour planes of a frame");
    }
    return pxr_import_emit(s->im, image);
}

enum pxr_err pxr_y4m_read(struct pxr_import *im)
{
    /* 4:2:0 is what a header without the field C means. */
    struct stream s = {.im = im, .bits = 8, .divide_x = 2, .divide_y = 2};
    enum pxr_err e = read_header(&s);
    if (e == PXR_OK && pxr_source_peek(&im->in) < 0)
        return pxr_source_ended(&im->in, "frames", 1, 0, "the Y4M stream holds no frame");
    while (e == PXR_OK && pxr_source_peek(&im->in) >= 0)
        e = read_frame(&s);
    return e == PXR_OK ? im->in.err : e;
}
