/* SPDX-License-Identifier: MIT
 * FITS images and cubes, uncompressed, read in order.  Source: Definition of the Flexible Image Transport
 * System, version 4.0 (2018).  Rows come in the file's order; many viewers draw the first one at the bottom. */
#include "import.h"

#include "bytes.h"
#include "diag.h"
#include "timetext.h"

#include <stdio.h>

enum { BLOCK_BYTES = 2880, CARD_BYTES = 80, MAX_HEADER_BLOCKS = 4096, MAX_AXES = 999, MAX_KEPT_AXES = 8 };

/* What one header says.  Values are those of the keyword, as written. */
struct unit {
    bool is_extension, is_image; /* the primary unit is always one */
    bool has_compressed_image, has_groups;
    int64_t bitpix;
    uint64_t n_axes, axes[MAX_KEPT_AXES]; /* those behind are multiplied into the last */
    uint64_t n_axes_seen;
    int64_t parameter_bytes, n_groups; /* PCOUNT, GCOUNT */
    double zero, scale;
    bool has_time;
    int64_t time_ns;
    uint64_t off_bytes; /* of the header */
};

struct fits {
    struct pxr_import *im;
    struct unit unit;
    bool has_compressed_image; /* in some unit */
};

static enum pxr_err fail_card(struct fits *f, uint64_t off, const char *card, const char *what)
{
    return pxr_fail_at(f->im->diag, PXR_E_CORRUPT, off, "the FITS card '%.30s' %s", card, what);
}

/* ---- values ------------------------------------------------------------------------------------ */

/* A number in columns 11 to 80, up to a blank or the comment.  Decimal digits with a sign, or, as a real
 * number, with a point and an exponent: only such that doubles hold exactly matter here. */
static bool parse_integer(const char *value, int64_t *out)
{
    uint64_t v = 0;
    while (*value == ' ')
        value++;
    const bool is_negative = *value == '-';
    value += *value == '-' || *value == '+';
    if (*value < '0' || *value > '9')
        return false;
    for (; *value >= '0' && *value <= '9'; value++)
        v = pxr_digit_append(v, *value);
    if ((*value && *value != ' ' && *value != '/') || v > INT64_MAX)
        return false;
    *out = is_negative ? -(int64_t)v : (int64_t)v;
    return true;
}

static bool parse_real(const char *value, double *out)
{
    double v = 0, place = 1;
    int64_t exponent = 0;
    while (*value == ' ')
        value++;
    const bool is_negative = *value == '-';
    value += *value == '-' || *value == '+';
    if ((*value < '0' || *value > '9') && *value != '.')
        return false;
    for (; *value >= '0' && *value <= '9'; value++)
        v = v * 10 + (*value - '0');
    if (*value == '.')
        for (value++; *value >= '0' && *value <= '9'; value++)
            v += (*value - '0') * (place /= 10);
    if (*value == 'E' || *value == 'D' || *value == 'e' || *value == 'd') {
        if (!parse_integer(value + 1, &exponent) || exponent > 300 || exponent < -300)
            return false;
        for (; exponent > 0; exponent--)
            v *= 10;
        for (; exponent < 0; exponent++)
            v /= 10;
    } else if (*value && *value != ' ' && *value != '/') {
        return false;
    }
    *out = is_negative ? -v : v;
    return true;
}

/* The text of 'TEXT', without blanks at its end; "" where there is none. */
static void parse_text(const char *value, char *dst, size_t dst_bytes)
{
    size_t n = 0;
    while (*value == ' ')
        value++;
    if (*value == '\'')
        for (value++; *value && *value != '\'' && n < dst_bytes - 1; value++)
            dst[n++] = *value;
    while (n && dst[n - 1] == ' ')
        n--;
    dst[n] = 0;
}

static bool is_true(const char *value)
{
    while (*value == ' ')
        value++;
    return *value == 'T';
}

/* ---- headers ----------------------------------------------------------------------------------- */

static bool has_key(const char *card, const char *key)
{
    const size_t n = strlen(key);
    return !strncmp(card, key, n) && strspn(card + n, " ") >= 8 - n;
}

static enum pxr_err take_axis(struct fits *f, const char *card, uint64_t off)
{
    struct unit *u = &f->unit;
    int64_t number, length;
    char digits[6];
    snprintf(digits, sizeof digits, "%.3s", card + 5);
    if (!parse_integer(digits, &number) || number < 1 || number > MAX_AXES || !parse_integer(card + 10, &length) ||
        length < 0)
        return fail_card(f, off, card, "is no length of an axis");
    if (number != (int64_t)u->n_axes_seen + 1)
        return fail_card(f, off, card, "is out of order");
    u->n_axes_seen++;
    if (number <= MAX_KEPT_AXES)
        u->axes[number - 1] = (uint64_t)length;
    else if (!pxr_mul_u64(u->axes[MAX_KEPT_AXES - 1], (uint64_t)length, &u->axes[MAX_KEPT_AXES - 1]))
        return fail_card(f, off, card, "makes the array too large");
    return PXR_OK;
}

static enum pxr_err take_card(struct fits *f, const char *card, uint64_t off)
{
    struct unit *u = &f->unit;
    const char *value = card + 10;
    const bool has_value = card[8] == '=' && card[9] == ' ';
    int64_t n;
    char text[72];
    if (!has_value)
        return PXR_OK; /* comments, history, blanks, long keywords */
    if (has_key(card, "BITPIX"))
        return parse_integer(value, &u->bitpix) ? PXR_OK : fail_card(f, off, card, "is no number");
    if (has_key(card, "NAXIS")) {
        if (!parse_integer(value, &n) || n < 0 || n > MAX_AXES)
            return fail_card(f, off, card, "is no number of axes");
        u->n_axes = (uint64_t)n;
        return PXR_OK;
    }
    if (!strncmp(card, "NAXIS", 5))
        return take_axis(f, card, off);
    if (has_key(card, "PCOUNT"))
        return parse_integer(value, &u->parameter_bytes) && u->parameter_bytes >= 0 ? PXR_OK
                                                                                   : fail_card(f, off, card, "is no count");
    if (has_key(card, "GCOUNT"))
        return parse_integer(value, &u->n_groups) && u->n_groups >= 0 ? PXR_OK : fail_card(f, off, card, "is no count");
    if (has_key(card, "BZERO"))
        return parse_real(value, &u->zero) ? PXR_OK : fail_card(f, off, card, "is no number");
    if (has_key(card, "BSCALE"))
        return parse_real(value, &u->scale) ? PXR_OK : fail_card(f, off, card, "is no number");
    if (has_key(card, "GROUPS"))
        u->has_groups = is_true(value);
    else if (has_key(card, "ZIMAGE"))
        u->has_compressed_image = is_true(value);
    else if (has_key(card, "DATE-OBS")) {
        parse_text(value, text, sizeof text);
        u->has_time = strchr(text, '-') && pxr_time_parse(text, &u->time_ns); /* a date, not a number */
    }
    return PXR_OK;
}

/* The first card says what unit this is. */
static enum pxr_err take_first_card(struct fits *f, const char *card, uint64_t off)
{
    struct unit *u = &f->unit;
    char kind[16];
    *u = (struct unit){.is_extension = off != 0, .scale = 1, .n_groups = 1, .off_bytes = off};
    if (!u->is_extension) {
        if (!has_key(card, "SIMPLE") || card[8] != '=')
            return pxr_fail_at(f->im->diag, PXR_E_NOTPXR, off, "does not begin like a FITS file");
        u->is_image = true;
        return is_true(card + 10) ? PXR_OK
                                  : pxr_fail_at(f->im->diag, PXR_E_UNSUPPORTED, off, "the file says that it departs from FITS");
    }
    if (!has_key(card, "XTENSION"))
        return pxr_fail_at(f->im->diag, PXR_E_CORRUPT, off, "what follows a part of the FITS file is not another one");
    parse_text(card + 10, kind, sizeof kind);
    u->is_image = !strcmp(kind, "IMAGE") || !strcmp(kind, "IUEIMAGE");
    return PXR_OK;
}

static enum pxr_err read_header(struct fits *f)
{
    struct pxr_source *in = &f->im->in;
    const uint64_t start = pxr_source_off(in);
    bool has_ended = false;
    for (unsigned block = 0; !has_ended; block++) {
        char bytes[BLOCK_BYTES];
        const uint64_t off = pxr_source_off(in);
        const size_t got = pxr_source_read(in, bytes, sizeof bytes);
        if (!block && !start && memcmp(bytes, "SIMPLE  =", got < 9 ? got : 9))
            return pxr_fail_at(f->im->diag, PXR_E_NOTPXR, 0, "does not begin like a FITS file");
        if (got < sizeof bytes)
            return pxr_source_ended(in, "header bytes", sizeof bytes, got, "the input ends within a FITS header");
        if (block == MAX_HEADER_BLOCKS)
            return pxr_fail_at(f->im->diag, PXR_E_LIMIT, off, "the FITS header is longer than %d blocks", MAX_HEADER_BLOCKS);
        for (unsigned i = 0; i < BLOCK_BYTES / CARD_BYTES && !has_ended; i++) {
            char card[CARD_BYTES + 1];
            const uint64_t card_off = off + i * CARD_BYTES;
            memcpy(card, bytes + i * CARD_BYTES, CARD_BYTES);
            card[CARD_BYTES] = 0;
            has_ended = has_key(card, "END");
            const enum pxr_err e = card_off == start ? take_first_card(f, card, card_off)
                                   : has_ended       ? PXR_OK
                                                     : take_card(f, card, card_off);
            if (e != PXR_OK)
                return e;
        }
    }
    return PXR_OK;
}

/* ---- data -------------------------------------------------------------------------------------- */

static enum pxr_err fail_unit(struct fits *f, enum pxr_err e, const char *text)
{
    return pxr_fail_at(f->im->diag, e, f->unit.off_bytes, "%s", text);
}

/* Bytes of the unit's array, without the filling up of its last block. */
static enum pxr_err count_bytes(struct fits *f, uint64_t *n_bytes)
{
    const struct unit *u = &f->unit;
    const int64_t bits = u->bitpix < 0 ? -u->bitpix : u->bitpix;
    if (u->n_axes != u->n_axes_seen)
        return pxr_fail_field(f->im->diag, PXR_E_CORRUPT, u->off_bytes, "axes", u->n_axes, u->n_axes_seen,
                              "the FITS header lacks axes");
    if (bits != 8 && bits != 16 && bits != 32 && bits != 64)
        return fail_unit(f, PXR_E_CORRUPT, "the FITS header has no BITPIX of 8, 16, 32, 64, -32 or -64");
    uint64_t n = u->n_axes ? 1 : 0;
    bool fits = true;
    for (uint64_t i = u->has_groups ? 1 : 0; i < u->n_axes && i < MAX_KEPT_AXES; i++)
        fits &= pxr_mul_u64(n, u->axes[i], &n);
    fits = fits && pxr_add_u64(n, n ? (uint64_t)u->parameter_bytes : 0, &n) &&
           pxr_mul_u64(n, (uint64_t)u->n_groups, &n) && pxr_mul_u64(n, (uint64_t)bits / 8, n_bytes) &&
           *n_bytes <= INT64_MAX - BLOCK_BYTES;
    return fits ? PXR_OK : fail_unit(f, PXR_E_LIMIT, "the FITS array is larger than any file");
}

/* Big endian signed samples, of which BZERO makes unsigned ones; 8 bits are unsigned anyway. */
static enum pxr_err check_samples(struct fits *f, bool *is_offset)
{
    const struct unit *u = &f->unit;
    *is_offset = u->bitpix == 16 && u->zero == 32768;
    if (u->bitpix != 8 && u->bitpix != 16)
        return pxr_fail_at(f->im->diag, PXR_E_UNSUPPORTED, u->off_bytes,
                           "the FITS image has samples of BITPIX %lld: only 8 and 16 are read", (long long)u->bitpix);
    if (u->scale != 1 || (u->zero != 0 && !*is_offset))
        return pxr_fail_at(f->im->diag, PXR_E_UNSUPPORTED, u->off_bytes,
                           "the FITS image has scaled samples (BSCALE %g, BZERO %g): only whole unsigned ones are read",
                           u->scale, u->zero);
    return PXR_OK;
}

/* Turn two's complement around the middle; without an offset no sample may be negative. */
static enum pxr_err convert(struct fits *f, uint64_t off, size_t n_px, bool is_offset)
{
    uint8_t *s = f->im->frame;
    for (size_t i = 0; i < n_px; i++) {
        uint16_t v;
        memcpy(&v, s + 2 * i, 2);
        if (!is_offset && v > INT16_MAX)
            return pxr_fail_at(f->im->diag, PXR_E_UNSUPPORTED, off + 2 * i,
                               "the FITS image has the negative sample %d: only unsigned ones are stored", (int)v - 65536);
        v = (uint16_t)(v ^ (is_offset ? 0x8000 : 0));
        memcpy(s + 2 * i, &v, 2);
    }
    return PXR_OK;
}

static enum pxr_err read_frames(struct fits *f)
{
    struct pxr_import *im = f->im;
    const struct unit *u = &f->unit;
    uint64_t n_frames = 1;
    bool is_offset;
    enum pxr_err e = u->n_axes < 2 ? fail_unit(f, PXR_E_UNSUPPORTED, "the FITS array has one axis: a picture has two")
                                   : pxr_import_check_size(im, u->axes[0], u->axes[1], u->off_bytes);
    if (e == PXR_OK)
        e = check_samples(f, &is_offset);
    if (e != PXR_OK)
        return e;
    for (uint64_t i = 2; i < u->n_axes && i < MAX_KEPT_AXES; i++)
        n_frames *= u->axes[i]; /* count_bytes has multiplied more */
    const uint64_t n_px = u->axes[0] * u->axes[1];
    const uint8_t bits = (uint8_t)u->bitpix;
    const struct pxr_image image = {.width_px = (uint32_t)u->axes[0],
                                    .height_px = (uint32_t)u->axes[1],
                                    .bits = bits,
                                    .maxval = (uint16_t)(bits == 16 && !is_offset ? INT16_MAX : (1u << bits) - 1),
                                    .has_time = u->has_time && n_frames == 1,
                                    .time_ns = u->time_ns};
    for (uint64_t i = 0; i < n_frames; i++) {
        const uint64_t off = pxr_source_off(&im->in);
        e = pxr_import_samples(im, n_px, (uint16_t)((1u << bits) - 1), true);
        if (e == PXR_OK && bits == 16)
            e = convert(f, off, (size_t)n_px, is_offset);
        if (e == PXR_OK)
            e = pxr_import_emit(im, image);
        if (e != PXR_OK)
            return e;
    }
    return PXR_OK;
}

/* Up to the next block; what is missing behind the last array matters to nobody. */
static enum pxr_err skip_to(struct fits *f, uint64_t end)
{
    const uint64_t off = pxr_source_off(&f->im->in), whole = pxr_div_up_u64(end, BLOCK_BYTES) * BLOCK_BYTES;
    const uint64_t skipped = pxr_source_skip(&f->im->in, whole - off);
    if (off + skipped < end)
        return pxr_source_ended(&f->im->in, "bytes", end - off, skipped, "the input ends within a part of the FITS file");
    return f->im->in.err;
}

static enum pxr_err read_unit(struct fits *f)
{
    uint64_t n_bytes = 0;
    enum pxr_err e = read_header(f);
    if (e == PXR_OK)
        e = count_bytes(f, &n_bytes);
    if (e != PXR_OK)
        return e;
    const uint64_t start = pxr_source_off(&f->im->in);
    f->has_compressed_image |= f->unit.has_compressed_image;
    if (f->unit.is_image && n_bytes && !f->unit.has_groups)
        e = read_frames(f);
    return e == PXR_OK ? skip_to(f, start + n_bytes) : e;
}

/* Behind the last unit there may be blocks that are none ("special records"): those of zeros are let pass. */
static bool has_more(struct pxr_source *in)
{
    const int c = pxr_source_peek(in);
    return c > 0;
}

enum pxr_err pxr_fits_read(struct pxr_import *im)
{
    struct fits f = {.im = im};
    enum pxr_err e;
    do
        e = read_unit(&f);
    while (e == PXR_OK && has_more(&im->in));
    if (e != PXR_OK || im->in.err != PXR_OK)
        return e != PXR_OK ? e : im->in.err;
    if (f.has_compressed_image)
        return pxr_fail(im->diag, PXR_E_UNSUPPORTED, "the FITS file holds compressed images: funpack expands them");
    if (!im->number)
        return pxr_fail_field(im->diag, PXR_E_TRUNCATED, pxr_source_off(&im->in), "images", 1, 0,
                              "the FITS file holds no image");
    return PXR_OK;
}
