/* SPDX-License-Identifier: MIT
 * The vector driver's VCBN.  Arrays are files of little-endian numbers:
 *   decode IN OUT       prints dialect, dtype, what it decodes to, width and height
 *   encode DIALECT DTYPE BITS VMIN VMAX LE|BE IN_DTYPE WIDTH HEIGHT IN OUT */
#include "vector_driver.h"

#include "diag.h"
#include "vcbn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum pxr_vcbn_input input_of(const char *name)
{
    static const char *const names[PXR_VCBN_N_INPUTS] = {"uint8",   "int8",    "uint16",  "int16",   "uint32",
                                                         "int32",   "uint64",  "int64",   "float16", "float32",
                                                         "float64", "complex64", "complex128"};
    for (int i = 0; i < PXR_VCBN_N_INPUTS; i++)
        if (!strcmp(name, names[i]))
            return (enum pxr_vcbn_input)i;
    driver_die("no such type", name);
}

static int decode(char **argv)
{
    struct pxr_buffer src = driver_read_file(argv[1]);
    struct pxr_vcbn_info info;
    struct pxr_diag diag;
    uint8_t *pixels = NULL;
    enum pxr_err e = pxr_vcbn_parse(&info, src.bytes, src.n_bytes, &diag);
    const size_t row_bytes = info.width_px * pxr_vcbn_sample_bytes(info.container), n_bytes = row_bytes * info.height_px;
    if (e == PXR_OK && !(pixels = pxr_alloc(n_bytes)))
        e = pxr_fail_nomem(&diag, n_bytes);
    if (e == PXR_OK) {
        pxr_vcbn_decode(&info, src.bytes, pixels, row_bytes);
        driver_write_file(argv[2], pixels, n_bytes);
        printf("%s %s %s %u %u\n", pxr_vcbn_dialect_name(info.dialect), pxr_vcbn_dtype_name(info.dtype),
               pxr_vcbn_dtype_name(info.container), info.width_px, info.height_px);
    }
    pxr_free(pixels);
    pxr_buffer_fini(&src);
    return e == PXR_OK ? 0 : driver_fail(&diag);
}

static int encode(char **argv)
{
    struct pxr_buffer src = driver_read_file(argv[10]), dst = {0};
    struct pxr_vcbn_opts o = {.bits = (uint8_t)atoi(argv[3]), .has_range = true, .vmin = strtod(argv[4], NULL),
                              .vmax = strtod(argv[5], NULL), .is_big_endian = !strcmp(argv[6], "BE")};
    struct pxr_vcbn_array a = {.data = src.bytes, .type = input_of(argv[7]), .width_px = (uint32_t)atoi(argv[8]),
                               .height_px = (uint32_t)atoi(argv[9])};
    struct pxr_diag diag;
    if (!pxr_vcbn_dialect_find(argv[1], &o.dialect) || !pxr_vcbn_dtype_find(argv[2], &o.dtype))
        driver_die("no such dialect or dtype", argv[1]);
    a.stride_bytes = a.width_px * pxr_vcbn_input_bytes(a.type);
    if (a.stride_bytes * a.height_px != src.n_bytes)
        driver_die("has another number of bytes", argv[10]);
    const enum pxr_err e = pxr_vcbn_encode(&dst, &a, &o, &diag);
    if (e == PXR_OK)
        driver_write_file(argv[11], dst.bytes, dst.n_bytes);
    pxr_buffer_fini(&src);
    pxr_buffer_fini(&dst);
    return e == PXR_OK ? 0 : driver_fail(&diag);
}

int driver_vcbn(int argc, char **argv)
{
    if (argc == 3 && !strcmp(argv[0], "decode"))
        return decode(argv);
    if (argc == 12 && !strcmp(argv[0], "encode"))
        return encode(argv);
    driver_die("what is it to do?", "vcbn");
}
