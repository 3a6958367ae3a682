/* SPDX-License-Identifier: MIT
 * Arrays of numbers that are no pictures: between NPY and ImgPack's envelopes they stay what they are. */
#ifndef PXR_CLI_STILL_ARRAY_H
#define PXR_CLI_STILL_ARRAY_H

#include "still_format.h"

/* *is_array: the input holds numbers of which no picture can be made (signed, floating, complex, 32 bits), and `to` takes
 * them; they are then out->bytes, a whole file.  Else nothing has been done.  UNSUPPORTED: numbers would be quantised,
 * and no option asks for it. */
enum pxr_err pxr_still_put_array(struct pxr_still_input *in, const struct pxr_still_format *from,
                                 const struct pxr_still_format *to, struct pxr_still_output *out, bool *is_array,
                                 struct pxr_diag *diag);

#endif
