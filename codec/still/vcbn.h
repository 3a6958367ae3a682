/* SPDX-License-Identifier: MIT
 * VCBN envelopes: an array of numbers behind a small JSON header, as ImgPack sends pictures to a browser.
 *
 * After M. Mendoza's ImgPack.  Its envelope has had four forms; the description says VCBN, which no version of the
 * program wrote, the described version CBIN, older ones IMPK, later ones no magic at all (HEAD); docs/vcbn.md.
 *
 * Everything here is pure memory and may be called from any thread. */
#ifndef PXR_CODEC_VCBN_H
#define PXR_CODEC_VCBN_H

#include "buffer.h"
#include "pixelrain.h"

enum pxr_vcbn_dialect {
    PXR_VCBN_VCBN = 0,
    PXR_VCBN_CBIN = 1,
    PXR_VCBN_IMPK = 2,
    PXR_VCBN_HEAD = 3,
    PXR_VCBN_N_DIALECTS = 4
};

/* What the blob holds.  The dialects with a magic have the first two only. */
enum pxr_vcbn_dtype {
    PXR_VCBN_UINT8 = 0,
    PXR_VCBN_UINT16 = 1,
    PXR_VCBN_UINT32 = 2,
    PXR_VCBN_FLOAT16 = 3,
    PXR_VCBN_FLOAT32 = 4,
    PXR_VCBN_FLOAT64 = 5,
    PXR_VCBN_PACKED = 6, /* 1 to 32 bits each, from the lowest bit of each byte on */
    PXR_VCBN_N_DTYPES = 7
};

/* What an encoder is given, in native order; complex numbers as two, of which the second is ignored. */
enum pxr_vcbn_input {
    PXR_VCBN_IN_U8 = 0,
    PXR_VCBN_IN_I8 = 1,
    PXR_VCBN_IN_U16 = 2,
    PXR_VCBN_IN_I16 = 3,
    PXR_VCBN_IN_U32 = 4,
    PXR_VCBN_IN_I32 = 5,
    PXR_VCBN_IN_U64 = 6,
    PXR_VCBN_IN_I64 = 7,
    PXR_VCBN_IN_F16 = 8,
    PXR_VCBN_IN_F32 = 9,
    PXR_VCBN_IN_F64 = 10,
    PXR_VCBN_IN_C64 = 11,
    PXR_VCBN_IN_C128 = 12,
    PXR_VCBN_N_INPUTS = 13
};
size_t pxr_vcbn_input_bytes(enum pxr_vcbn_input t);

enum { PXR_VCBN_MAX_SIDE_PX = 1 << 20, PXR_VCBN_MAX_PX = 1 << 28, PXR_VCBN_MAX_HEADER_BYTES = 65536 };

const char *pxr_vcbn_dialect_name(enum pxr_vcbn_dialect d); /* "vcbn"; NULL: none */
bool pxr_vcbn_dialect_find(const char *name, enum pxr_vcbn_dialect *out);
const char *pxr_vcbn_dtype_name(enum pxr_vcbn_dtype t); /* "uint8"; NULL: none */
bool pxr_vcbn_dtype_find(const char *name, enum pxr_vcbn_dtype *out); /* in upper or lower case */

/* Zero-initialise; zero is the default of every field. */
struct pxr_vcbn_opts {
    enum pxr_vcbn_dialect dialect;
    enum pxr_vcbn_dtype dtype;
    uint8_t bits;        /* HEAD, integers and packed: used bits; 0: 12, as the original (too many for uint8) */
    bool has_range;      /* vmin and vmax are given; else the smallest and the largest number of the array */
    double vmin, vmax;   /* become 0 and the highest level; must be finite */
    uint32_t resolution; /* of uint16 with a magic: 0: 4096, as the original; 65535: all 16 bits */
    bool is_big_endian;  /* HEAD, not packed */
    bool is_forced;      /* HEAD: quantise to more than 24 bits, though steps are computed in float32 */
    const char *extra;   /* JSON members to put behind ours, "\"frame\":12", or NULL */
};

/* Options that keep integer samples from 0 to max_sample as they are, and need no look at them: uint8 for 8 bits;
 * for 16 bits uint16, 0 to 4096 where that suffices, else 0 to 65535. */
struct pxr_vcbn_opts pxr_vcbn_lossless_opts(enum pxr_vcbn_dialect dialect, uint8_t bits, uint16_t max_sample);

struct pxr_vcbn_array {
    const void *data;    /* borrowed */
    size_t stride_bytes; /* from row to row */
    uint32_t width_px, height_px;
    enum pxr_vcbn_input type;
};

/* Append an envelope to out.  Integers are quantised as the original does it, in float32, by truncation; where vmin
 * is 0 and vmax the highest level, integers are copied, which is the same as far as float32 reaches.  NaN and
 * infinities become 0 in integers.  INVALID: options, or no finite range; LIMIT: too many pixels; NOMEM; out then
 * keeps its length. */
enum pxr_err pxr_vcbn_encode(struct pxr_buffer *out, const struct pxr_vcbn_array *array,
                             const struct pxr_vcbn_opts *o, struct pxr_diag *diag);
/* Append what stands before the blob; its length depends on the options and the sides alone.  Needs a range. */
enum pxr_err pxr_vcbn_put_header(struct pxr_buffer *out, uint32_t width_px, uint32_t height_px,
                                 const struct pxr_vcbn_opts *o, struct pxr_diag *diag);

struct pxr_vcbn_info {
    enum pxr_vcbn_dialect dialect;
    enum pxr_vcbn_dtype dtype;
    enum pxr_vcbn_dtype container; /* what it decodes to: dtype, or the smallest integers that packed bits fit in */
    uint8_t bits;                  /* of a packed one, else those of the container */
    uint32_t width_px, height_px;
    bool is_column_major, is_big_endian;
    bool has_range;    /* vmin and vmax are in the header */
    double vmin, vmax; /* finite; 0 where they are not there */
    double resolution; /* 0: not there */
    size_t json_off_bytes, json_bytes;
    size_t blob_off_bytes, blob_bytes;
};
size_t pxr_vcbn_sample_bytes(enum pxr_vcbn_dtype container);

/* Check a whole envelope.  NOTPXR: none of the four forms; TRUNCATED; CORRUPT: header or blob; UNSUPPORTED: a version
 * or numbers that the dialect does not have; LIMIT: more than 2^20 pixels wide or high or 2^28 in all; NOMEM. */
enum pxr_err pxr_vcbn_parse(struct pxr_vcbn_info *out, const uint8_t *src, size_t n_bytes, struct pxr_diag *diag);
/* The numbers of an envelope that pxr_vcbn_parse has accepted, row by row, in native order; rows start stride_bytes
 * apart, float16 as their bits. */
void pxr_vcbn_decode(const struct pxr_vcbn_info *info, const uint8_t *src, void *dst, size_t stride_bytes);

enum { PXR_VCBN_FLOAT_TEXT_BYTES = 40 };
/* A finite number as Python writes it: the shortest digits that give it back, with ".0" or an exponent. */
char *pxr_vcbn_float_text(double v, char dst[PXR_VCBN_FLOAT_TEXT_BYTES]);

/* Half precision, to nearest even, as numpy converts. */
uint16_t pxr_vcbn_half_of(double v);
double pxr_vcbn_half_value(uint16_t half);

#endif
