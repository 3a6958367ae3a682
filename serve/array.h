/* SPDX-License-Identifier: MIT
 * The array of the original ImgPack protocol: one picture that clients fetch, replace, and choose the form of. */
#ifndef PXR_SERVE_ARRAY_H
#define PXR_SERVE_ARRAY_H

#include "answer.h"

/* Append the array's envelope, in the mode that is set; its range is that of its numbers, as in the original. */
enum pxr_err pxr_array_put(struct pxr_serve *s, struct pxr_buffer *out, struct pxr_diag *diag);

/* The bodies of POST; a becomes the original's answer, or an error of class 4xx that leaves everything as it was. */
void pxr_array_set(struct pxr_serve *s, const struct pxr_buffer *body, struct pxr_answer *a);
void pxr_array_set_mode(struct pxr_serve *s, const struct pxr_buffer *body, struct pxr_answer *a);
void pxr_array_upload(struct pxr_serve *s, const struct pxr_buffer *body, struct pxr_answer *a);

#endif
