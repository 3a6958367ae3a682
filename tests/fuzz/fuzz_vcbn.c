/* SPDX-License-Identifier: MIT
 * Fuzz target: VCBN envelopes.
 *
 * Input: mode, then
 *   even  an envelope; what is accepted is decoded, and written again from what it decodes to
 *   odd   dialect, dtype, bits, flags (1: big endian, 2: forced, 4: vmin and vmax are there), input type, width,
 *         height, vmin, vmax (f64), numbers: what can be encoded must be accepted, with the same range */
#include "vcbn.h"

#include <math.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes);

enum { MAX_PX = 1 << 16, ARRAY_BYTES = 7 + 16 };

static void require(bool is_true)
{
    if (!is_true)
        abort();
}

/* malloc'd */
static uint8_t *decode(const struct pxr_vcbn_info *info, const uint8_t *src)
{
    const size_t row_bytes = info->width_px * pxr_vcbn_sample_bytes(info->container);
    uint8_t *const pixels = malloc(row_bytes * info->height_px);
    require(pixels != NULL);
    pxr_vcbn_decode(info, src, pixels, row_bytes);
    return pixels;
}

/* Numbers of a container, all levels of it as the range: the same again. */
static void write_again(const struct pxr_vcbn_info *info, const uint8_t *pixels)
{
    static const enum pxr_vcbn_input inputs[] = {PXR_VCBN_IN_U8,  PXR_VCBN_IN_U16, PXR_VCBN_IN_U32,
                                                 PXR_VCBN_IN_F16, PXR_VCBN_IN_F32, PXR_VCBN_IN_F64};
    const bool is_float = info->container >= PXR_VCBN_FLOAT16;
    const size_t sample_bytes = pxr_vcbn_sample_bytes(info->container), row_bytes = info->width_px * sample_bytes;
    const unsigned bits = 8u * (unsigned)sample_bytes;
    const struct pxr_vcbn_array a = {pixels, row_bytes, info->width_px, info->height_px, inputs[info->container]};
    const struct pxr_vcbn_opts o = {.dialect = PXR_VCBN_HEAD,
                                    .dtype = info->container,
                                    .bits = is_float ? 0 : (uint8_t)bits,
                                    .has_range = true,
                                    .vmax = is_float ? 1 : ldexp(1, (int)bits) - 1};
    struct pxr_buffer out = {0};
    struct pxr_vcbn_info again;
    require(pxr_vcbn_encode(&out, &a, &o, NULL) == PXR_OK);
    require(pxr_vcbn_parse(&again, out.bytes, out.n_bytes, NULL) == PXR_OK);
    require(again.container == info->container && again.width_px == info->width_px);
    uint8_t *const back = decode(&again, out.bytes);
    /* A signalling NaN may become a quiet one on its way. */
    require(is_float || !memcmp(back, pixels, row_bytes * info->height_px));
    free(back);
    pxr_buffer_fini(&out);
}

static void read_envelope(const uint8_t *src, size_t n_bytes)
{
    struct pxr_vcbn_info info;
    struct pxr_diag diag;
    const enum pxr_err e = pxr_vcbn_parse(&info, src, n_bytes, &diag);
    if (e) {
        require(diag.code == e && diag.text[0] && (diag.off_bytes == PXR_NONE || diag.off_bytes <= n_bytes));
        require(pxr_err_exit(e) != 2 && pxr_err_exit(e) != 3);
        return;
    }
    require(isfinite(info.vmin) && isfinite(info.vmax) && isfinite(info.resolution));
    require(info.blob_off_bytes + info.blob_bytes == n_bytes);
    if ((uint64_t)info.width_px * info.height_px <= MAX_PX) {
        uint8_t *const pixels = decode(&info, src);
        write_again(&info, pixels);
        free(pixels);
    }
}

static void write_envelope(const uint8_t *src, size_t n_bytes)
{
    if (n_bytes < ARRAY_BYTES || !src[5] || !src[6])
        return;
    struct pxr_vcbn_opts o = {.dialect = (enum pxr_vcbn_dialect)(src[0] % PXR_VCBN_N_DIALECTS),
                              .dtype = (enum pxr_vcbn_dtype)(src[1] % PXR_VCBN_N_DTYPES),
                              .bits = src[2],
                              .is_big_endian = src[3] & 1,
                              .is_forced = src[3] & 2,
                              .has_range = src[3] & 4};
    struct pxr_vcbn_array a = {.width_px = src[5], .height_px = src[6],
                               .type = (enum pxr_vcbn_input)(src[4] % PXR_VCBN_N_INPUTS)};
    memcpy(&o.vmin, src + 7, 8);
    memcpy(&o.vmax, src + 15, 8);
    a.stride_bytes = a.width_px * pxr_vcbn_input_bytes(a.type);
    const size_t data_bytes = a.stride_bytes * a.height_px;
    uint8_t *const numbers = calloc(1, data_bytes);
    struct pxr_buffer out = {0};
    struct pxr_vcbn_info info;
    struct pxr_diag diag = {0};
    require(numbers != NULL);
    for (size_t i = 0; i < data_bytes && n_bytes > ARRAY_BYTES; i++)
        numbers[i] = src[ARRAY_BYTES + i % (n_bytes - ARRAY_BYTES)];
    a.data = numbers;
    const enum pxr_err e = pxr_vcbn_encode(&out, &a, &o, &diag);
    if (e) {
        require(e == PXR_E_INVALID && diag.text[0] && !out.n_bytes);
    } else {
        require(pxr_vcbn_parse(&info, out.bytes, out.n_bytes, &diag) == PXR_OK);
        require(info.dialect == o.dialect && info.dtype == o.dtype && info.has_range);
        require(!o.has_range || (info.vmin == o.vmin && info.vmax == o.vmax));
        uint8_t *const pixels = decode(&info, out.bytes);
        free(pixels);
    }
    pxr_buffer_fini(&out);
    free(numbers);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
    if (n_bytes)
        (data[0] % 2 ? write_envelope : read_envelope)(data + 1, n_bytes - 1);
    return 0;
}
