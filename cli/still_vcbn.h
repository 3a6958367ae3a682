/* SPDX-License-Identifier: MIT
 * What the command line's options mean for ImgPack's envelopes. */
#ifndef PXR_CLI_STILL_VCBN_H
#define PXR_CLI_STILL_VCBN_H

#include "still_format.h"

#include "vcbn.h"

/* For numbers of any type.  INVALID: options that make no sense; UNSUPPORTED: the dialect would quantise the numbers, and
 * no option asks for it. */
enum pxr_err pxr_still_vcbn_array_opts(const struct pxr_still_opts *o, enum pxr_vcbn_input type,
                                       struct pxr_vcbn_opts *vcbn, struct pxr_diag *diag);

#endif
