/* SPDX-License-Identifier: MIT
 * NPY, NumPy's file of one array: two axes are a picture, three are pictures; any number of arrays one
 * behind the other.  Source: numpy/lib/format.py, the description of versions 1.0 to 3.0. */
#include "import.h"

#include "alloc.h"
#include "bytes.h"
#include "diag.h"

/* NumPy itself refuses to evaluate headers beyond 10,000 characters; ours need about 80. */
enum { MAX_HEADER_BYTES = 65536, MAX_AXES = 32, FIXED_BYTES = 8 };

struct npy {
    struct pxr_import *im;
    uint64_t off_bytes; /* of the text                        */
    const char *at;     /* in the text, which a NUL ends       */
    char *text;
    char descr[8];
    bool has_descr, has_order, has_shape;
    bool is_fortran, is_big_endian;
    uint8_t bits;
    unsigned n_axes;
    uint64_t axes[MAX_AXES];
};

static enum pxr_err fail_header(struct npy *n, const char *wanted)
{
    return pxr_fail_at(n->im->diag, PXR_E_CORRUPT, n->off_bytes + (uint64_t)(n->at - n->text),
                       "the NPY header has '%.12s' where %s should be", n->at, wanted);
}

static void skip_space(struct npy *n)
{
    while (*n->at == ' ' || *n->at == '\n' || *n->at == '\t')
        n->at++;
}

static bool take_char(struct npy *n, char c)
{
    skip_space(n);
    if (*n->at != c)
        return false;
    n->at++;
    return true;
}

/* A quoted word of fewer than dst_bytes characters; longer ones are cut, which no caller knows. */
static enum pxr_err take_word(struct npy *n, char *dst, size_t dst_bytes, const char *wanted)
{
    skip_space(n);
    const char quote = *n->at;
    const char *end = quote == '\'' || quote == '"' ? strchr(n->at + 1, quote) : NULL;
    if (!end)
        return fail_header(n, wanted);
    const size_t n_bytes = (size_t)(end - n->at - 1);
    const size_t kept = n_bytes < dst_bytes - 1 ? n_bytes : dst_bytes - 1;
    memcpy(dst, n->at + 1, kept);
    dst[kept] = 0;
    n->at = end + 1;
    return PXR_OK;
}

static enum pxr_err take_descr(struct npy *n)
{
    if (n->has_descr)
        return fail_header(n, "one 'descr'");
    n->has_descr = true;
    skip_space(n);
    if (*n->at == '[')
        return pxr_fail_at(n->im->diag, PXR_E_UNSUPPORTED,
                           n->off_bytes + (uint64_t)(n->at - n->text),
                           "the array has fields: only plain arrays of u1 and u2 are read");
    return take_word(n, n->descr, sizeof n->descr, "the type of the samples");
}

static enum pxr_err take_order(struct npy *n)
{
    if (n->has_order)
        return fail_header(n, "one 'fortran_order'");
    n->has_order = true;
    skip_space(n);
    n->is_fortran = !strncmp(n->at, "True", 4);
    if (!n->is_fortran && strncmp(n->at, "False", 5))
        return fail_header(n, "True or False");
    n->at += n->is_fortran ? 4 : 5;
    return PXR_OK;
}

static enum pxr_err take_shape(struct npy *n)
{
    if (n->has_shape)
        return fail_header(n, "one 'shape'");
    n->has_shape = true;
    if (!take_char(n, '('))
        return fail_header(n, "the shape");
    while (!take_char(n, ')')) {
        uint64_t v = 0;
        if (*n->at < '0' || *n->at > '9')
            return fail_header(n, "a length");
        for (; *n->at >= '0' && *n->at <= '9'; n->at++)
            v = pxr_digit_append(v, *n->at);
        if (*n->at == 'L') /* as Python 2 wrote large ones */
            n->at++;
        if (n->n_axes == MAX_AXES)
            return fail_header(n, "the end of the shape");
        n->axes[n->n_axes++] = v;
        if (!take_char(n, ',') && *n->at != ')')
            return fail_header(n, "a comma");
    }
    return PXR_OK;
}

/* "{'descr': '<u2', 'fortran_order': False, 'shape': (3, 4), }" in any order of the keys. */
static enum pxr_err parse_text(struct npy *n)
{
    static const struct {
        const char *name;
        enum pxr_err (*take)(struct npy *n);
    } keys[] = {{"descr", take_descr}, {"fortran_order", take_order}, {"shape", take_shape}};
    const size_t n_keys = sizeof keys / sizeof keys[0];
    if (!take_char(n, '{'))
        return fail_header(n, "'{'");
    while (!take_char(n, '}')) {
        char word[16];
        size_t k = 0;
        enum pxr_err e = take_word(n, word, sizeof word, "a key");
        while (e == PXR_OK && k < n_keys && strcmp(word, keys[k].name))
            k++;
        if (e == PXR_OK && k == n_keys)
            e = fail_header(n, "descr, fortran_order or shape");
        if (e == PXR_OK && !take_char(n, ':'))
            e = fail_header(n, "a colon");
        if (e == PXR_OK)
            e = keys[k].take(n);
        if (e == PXR_OK && !take_char(n, ',') && *n->at != '}')
            e = fail_header(n, "a comma");
        if (e != PXR_OK)
            return e;
    }
    skip_space(n);
    if (*n->at)
        return fail_header(n, "the end of the header");
    if (n->has_descr && n->has_order && n->has_shape)
        return PXR_OK;
    return fail_header(n, !n->has_descr   ? "'descr'"
                          : !n->has_shape ? "'shape'"
                                          : "'fortran_order'");
}

static enum pxr_err check_type(struct npy *n)
{
    const char *type = n->descr;
    n->is_big_endian = *type == '>' || (*type == '=' && !pxr_is_little_endian());
    if (*type && strchr("<>|=", *type))
        type++;
    n->bits = !strcmp(type, "u1") ? 8 : !strcmp(type, "u2") ? 16 : 0;
    if (n->bits && !(n->bits == 16 && n->descr[0] == '|'))
        return PXR_OK;
    return pxr_fail_at(n->im->diag, PXR_E_UNSUPPORTED, n->off_bytes,
                       "the array's type is '%s': only unsigned samples of 8 and 16 bits are read; "
                       "array.astype('u2') converts, and cuts what does not fit",
                       n->descr);
}

/* Refuse what is no picture, and what most probably is none. */
static enum pxr_err check_shape(struct npy *n)
{
    struct pxr_diag *diag = n->im->diag;
    const uint64_t *axes = n->axes;
    if (n->n_axes != 2 && n->n_axes != 3)
        return pxr_fail_field(diag, PXR_E_UNSUPPORTED, n->off_bytes, "axes", 3, n->n_axes,
                              "the array should have the axes (rows, columns) or (frames, rows, "
                              "columns); array.reshape changes that");
    /* A picture's three colours, where a stack would have columns: nobody films 3 columns of a hundred rows. */
    if (n->n_axes == 3 && (axes[2] == 3 || axes[2] == 4) && axes[1] >= 16)
        return pxr_fail_at(diag, PXR_E_MISMATCH, n->off_bytes,
                           "the array of %llu x %llu x %llu looks like a colour picture (or has %llu columns: "
                           "then add some)",
                           (unsigned long long)axes[0], (unsigned long long)axes[1],
                           (unsigned long long)axes[2], (unsigned long long)axes[2]);
    if (n->n_axes == 3 && !axes[0])
        return pxr_fail_at(diag, PXR_E_CORRUPT, n->off_bytes, "the array holds no frame");
    const enum pxr_err e = pxr_import_check_size(n->im, axes[n->n_axes - 1], axes[n->n_axes - 2], n->off_bytes);
    if (e == PXR_OK && n->is_fortran && n->n_axes == 3)
        return pxr_fail_at(diag, PXR_E_UNSUPPORTED, n->off_bytes,
                           "the array is in Fortran order, which scatters each frame over the whole file; "
                           "numpy.save(FILE, numpy.ascontiguousarray(array)) helps");
    return e;
}

static enum pxr_err read_text(struct npy *n, size_t n_bytes)
{
    pxr_free(n->text);
    n->text = pxr_alloc(n_bytes + 1);
    if (!n->text)
        return pxr_fail_nomem(n->im->diag, n_bytes + 1);
    const size_t got = pxr_source_read(&n->im->in, n->text, n_bytes);
    if (got < n_bytes)
        return pxr_source_ended(&n->im->in, "header", n_bytes, got,
                                "the input ends within an NPY header");
    n->text[n_bytes] = 0;
    n->at = n->text;
    if (strlen(n->text) < n_bytes)
        return fail_header(n, "text");
    return PXR_OK;
}

static enum pxr_err read_header(struct npy *n)
{
    static const char magic[] = "\x93NUMPY";
    struct pxr_source *in = &n->im->in;
    uint8_t fixed[FIXED_BYTES], length[4] = {0};
    const uint64_t off = pxr_source_off(in);
    size_t got = pxr_source_read(in, fixed, sizeof fixed);
    if (memcmp(fixed, magic, got < 6 ? got : 6))
        return off ? pxr_fail_at(n->im->diag, PXR_E_CORRUPT, off, "what follows an array is not another NPY array")
                   : pxr_fail_at(n->im->diag, PXR_E_NOTPXR, off, "does not begin like an NPY file");
    if (got < sizeof fixed)
        return pxr_source_ended(in, "header", sizeof fixed, got, "the input ends within an NPY header");
    if (fixed[6] < 1 || fixed[6] > 3)
        return pxr_fail_field(n->im->diag, PXR_E_UNSUPPORTED, off + 6, "version", 3, fixed[6],
                              "this version of NPY is not read");
    const size_t length_bytes = fixed[6] == 1 ? 2 : 4;
    got = pxr_source_read(in, length, length_bytes);
    if (got < length_bytes)
        return pxr_source_ended(in, "header", length_bytes, got, "the input ends within an NPY header");
    const uint32_t n_bytes = pxr_load_u32le(length);
    if (n_bytes > MAX_HEADER_BYTES)
        return pxr_fail_field(n->im->diag, PXR_E_LIMIT, off + FIXED_BYTES, "header", MAX_HEADER_BYTES, n_bytes,
                              "the NPY header is longer than the limit");
    n->off_bytes = pxr_source_off(in);
    enum pxr_err e = read_text(n, n_bytes);
    if (e == PXR_OK)
        e = parse_text(n);
    if (e == PXR_OK)
        e = check_type(n);
    return e == PXR_OK ? check_shape(n) : e;
}

/* In Fortran order the file holds columns: turn im->frame over. */
static enum pxr_err transpose(struct npy *n, uint32_t width, uint32_t height)
{
    struct pxr_import *im = n->im;
    const size_t sample_bytes = n->bits / 8u, n_bytes = (size_t)width * height * sample_bytes;
    uint8_t *rows = pxr_alloc(n_bytes);
    if (!rows)
        return pxr_fail_nomem(im->diag, n_bytes);
    for (size_t y = 0; y < height; y++)
        for (size_t x = 0; x < width; x++)
            memcpy(rows + (y * width + x) * sample_bytes, im->frame + (x * height + y) * sample_bytes,
                   sample_bytes);
    pxr_free(im->frame);
    im->frame = rows;
    im->frame_capacity_bytes = n_bytes;
    return PXR_OK;
}

static enum pxr_err read_array(struct npy *n)
{
    enum pxr_err e = read_header(n);
    if (e != PXR_OK)
        return e;
    const struct pxr_image image = {.width_px = (uint32_t)n->axes[n->n_axes - 1],
                                    .height_px = (uint32_t)n->axes[n->n_axes - 2],
                                    .bits = n->bits,
                                    .maxval = (uint16_t)((1u << n->bits) - 1)};
    const uint64_t n_frames = n->n_axes == 3 ? n->axes[0] : 1;
    for (uint64_t i = 0; e == PXR_OK && i < n_frames; i++) {
        e = pxr_import_samples(n->im, (uint64_t)image.width_px * image.height_px, image.maxval,
                               n->is_big_endian);
        if (e == PXR_OK && n->is_fortran)
            e = transpose(n, image.width_px, image.height_px);
        if (e == PXR_OK)
            e = pxr_import_emit(n->im, image);
    }
    return e;
}

enum pxr_err pxr_npy_read(struct pxr_import *im)
{
    enum pxr_err e;
    struct npy n = {0};
    do {
        n = (struct npy){.im = im, .text = n.text};
        e = read_array(&n);
    } while (e == PXR_OK && pxr_source_peek(&im->in) >= 0);
    pxr_free(n.text);
    return e == PXR_OK ? im->in.err : e;
}
