/* SPDX-License-Identifier: MIT
 * What the files of the VCBN codec share. */
#ifndef PXR_CODEC_VCBN_HEADER_H
#define PXR_CODEC_VCBN_HEADER_H

#include "vcbn.h"

/* Options, completed and found to make sense. */
struct pxr_vcbn_plan {
    const struct pxr_vcbn_opts *o;
    enum pxr_vcbn_dtype container; /* of one number while it is computed */
    uint8_t bits;                  /* of integers; floats: of the container */
    bool is_float;
    uint32_t resolution; /* as the header says it */
    uint32_t top;        /* highest level */
    uint64_t blob_bytes;
};

static inline bool pxr_vcbn_is_float(enum pxr_vcbn_dtype t)
{
    return t >= PXR_VCBN_FLOAT16 && t <= PXR_VCBN_FLOAT64;
}
enum pxr_vcbn_dtype pxr_vcbn_container_of(enum pxr_vcbn_dtype t, uint8_t bits);
/* n_px * bits of a number must be below 2^64. */
uint64_t pxr_vcbn_blob_bytes(uint64_t n_px, enum pxr_vcbn_dtype t, uint8_t bits);

enum pxr_err pxr_vcbn_plan_init(struct pxr_vcbn_plan *p, const struct pxr_vcbn_opts *o, uint32_t width_px,
                                uint32_t height_px, struct pxr_diag *diag);
/* With this range, which is finite. */
enum pxr_err pxr_vcbn_plan_put(struct pxr_buffer *out, const struct pxr_vcbn_plan *p, uint32_t width_px,
                               uint32_t height_px, double vmin, double vmax, struct pxr_diag *diag);

#endif
