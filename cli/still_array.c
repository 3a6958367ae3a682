/* SPDX-License-Identifier: MIT
 * Arrays of numbers between NPY and ImgPack's envelopes. */
#include "still_array.h"

#include "still_vcbn.h"

#include "diag.h"
#include "export.h"
#include "npy_array.h"

#include <string.h>

static const struct {
    char npy[4];
    enum pxr_vcbn_input input;
    uint8_t word_bytes; /* what a byte order is about: complex numbers are two words */
    bool is_picture;
} types[] = {
    {"b1", PXR_VCBN_IN_U8, 1, false},   {"i1", PXR_VCBN_IN_I8, 1, false},  {"u1", PXR_VCBN_IN_U8, 1, true},
    {"i2", PXR_VCBN_IN_I16, 2, false},  {"u2", PXR_VCBN_IN_U16, 2, true},  {"i4", PXR_VCBN_IN_I32, 4, false},
    {"u4", PXR_VCBN_IN_U32, 4, false},  {"i8", PXR_VCBN_IN_I64, 8, false}, {"u8", PXR_VCBN_IN_U64, 8, false},
    {"f2", PXR_VCBN_IN_F16, 2, false},  {"f4", PXR_VCBN_IN_F32, 4, false}, {"f8", PXR_VCBN_IN_F64, 8, false},
    {"c8", PXR_VCBN_IN_C64, 4, false},  {"c16", PXR_VCBN_IN_C128, 8, false},
};
enum { N_TYPES = sizeof types / sizeof types[0] };

/* Words of n bytes, whose order is reversed. */
static void swap_words(uint8_t *bytes, size_t n_bytes, unsigned word_bytes)
{
    for (size_t i = 0; i + word_bytes <= n_bytes; i += word_bytes)
        for (unsigned k = 0; k < word_bytes / 2; k++) {
            const uint8_t low = bytes[i + k];
            bytes[i + k] = bytes[i + word_bytes - 1 - k];
            bytes[i + word_bytes - 1 - k] = low;
        }
}

static enum pxr_err put_envelope(const struct pxr_npy_array *a, size_t type, const uint8_t *src,
                                 struct pxr_still_output *out, struct pxr_diag *diag)
{
    const uint64_t width_px = a->axes[1], height_px = a->axes[0];
    struct pxr_vcbn_opts vcbn;
    enum pxr_err e = pxr_still_vcbn_array_opts(out->opts, types[type].input, &vcbn, diag);
    if (e == PXR_OK && a->is_fortran)
        e = pxr_fail(diag, PXR_E_UNSUPPORTED, "the array is in Fortran order: numpy.ascontiguousarray turns it over");
    if (e == PXR_OK && (!width_px || !height_px || width_px > PXR_VCBN_MAX_SIDE_PX || height_px > PXR_VCBN_MAX_SIDE_PX))
        e = pxr_fail(diag, PXR_E_LIMIT, "no envelope holds an array of these sides");
    if (e != PXR_OK)
        return e;
    const size_t n_bytes = (size_t)width_px * height_px * a->item_bytes;
    uint8_t *const data = pxr_alloc(n_bytes); /* aligned, and in native order */
    if (!data)
        return pxr_fail_nomem(diag, n_bytes);
    memcpy(data, src + a->data_off_bytes, n_bytes);
    if (a->is_big_endian == pxr_is_little_endian())
        swap_words(data, n_bytes, types[type].word_bytes);
    const struct pxr_vcbn_array array = {data, (size_t)width_px * a->item_bytes, (uint32_t)width_px,
                                         (uint32_t)height_px, types[type].input};
    e = pxr_vcbn_encode(&out->bytes, &array, &vcbn, diag);
    pxr_free(data);
    return e;
}

static enum pxr_err npy_to_vcbn(struct pxr_still_input *in, struct pxr_still_output *out, bool *is_array,
                                struct pxr_diag *diag)
{
    struct pxr_npy_array a;
    struct pxr_diag ignored;
    size_t type = 0;
    /* What is wrong with it, the reader of pictures says. */
    if (pxr_npy_array_parse(&a, in->bytes, in->n_bytes, &ignored) != PXR_OK || a.n_axes != 2)
        return PXR_OK;
    while (type < N_TYPES && strcmp(types[type].npy, a.type) != 0)
        type++;
    *is_array = type < N_TYPES && !types[type].is_picture;
    return *is_array ? put_envelope(&a, type, in->bytes, out, diag) : PXR_OK;
}

static enum pxr_err vcbn_to_npy(struct pxr_still_input *in, struct pxr_still_output *out, bool *is_array,
                                struct pxr_diag *diag)
{
    static const char *const descrs[PXR_VCBN_N_DTYPES] = {
        [PXR_VCBN_UINT32] = "<u4", [PXR_VCBN_FLOAT16] = "<f2", [PXR_VCBN_FLOAT32] = "<f4", [PXR_VCBN_FLOAT64] = "<f8"};
    struct pxr_vcbn_info info;
    enum pxr_err e = pxr_vcbn_parse(&info, in->bytes, in->n_bytes, diag);
    if (e != PXR_OK)
        return e;
    *is_array = descrs[info.container] != NULL;
    if (!*is_array)
        return PXR_OK;
    const size_t item_bytes = pxr_vcbn_sample_bytes(info.container), row_bytes = info.width_px * item_bytes;
    e = pxr_npy_array_put_header(&out->bytes, descrs[info.container], info.width_px, info.height_px, diag);
    uint8_t *const rows = e == PXR_OK ? pxr_buffer_extend(&out->bytes, row_bytes * info.height_px) : NULL;
    if (e == PXR_OK && !rows)
        e = pxr_fail_nomem(diag, row_bytes * info.height_px);
    if (e != PXR_OK)
        return e;
    pxr_vcbn_decode(&info, in->bytes, rows, row_bytes);
    if (!pxr_is_little_endian())
        swap_words(rows, row_bytes * info.height_px, (unsigned)item_bytes);
    return PXR_OK;
}

enum pxr_err pxr_still_put_array(struct pxr_still_input *in, const struct pxr_still_format *from,
                                 const struct pxr_still_format *to, struct pxr_still_output *out, bool *is_array,
                                 struct pxr_diag *diag)
{
    *is_array = false;
    if (from == &pxr_still_npy && to == &pxr_still_vcbn)
        return npy_to_vcbn(in, out, is_array, diag);
    if (from == &pxr_still_vcbn && to == &pxr_still_npy)
        return vcbn_to_npy(in, out, is_array, diag);
    return PXR_OK;
}
