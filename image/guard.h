/* SPDX-License-Identifier: MIT
 * Reading pictures in a child process that can do nothing else (confine.h). */
#ifndef PXR_IMAGE_GUARD_H
#define PXR_IMAGE_GUARD_H

#include "image.h"

typedef struct pxr_image_guard pxr_image_guard;

/* Start the child.  It serves any number of inputs, one after the other, whose limits are at most max_frame_px
 * pixels a frame (0: 2^28).  Best called before threads start.  UNSUPPORTED: this system cannot take from a process
 * what it should not have. */
enum pxr_err pxr_image_guard_new(pxr_image_guard **out, uint64_t max_frame_px, struct pxr_diag *diag);
/* End the child whatever it does.  NULL is allowed. */
void pxr_image_guard_free(pxr_image_guard *g);

/* Formats whose parsers are not ours: these are worth a child. */
bool pxr_image_guard_wants(enum pxr_image_format format);

/* As pxr_image_read, but for memory: of the child's, that of one frame more.  Pixels are valid for the call.  One
 * thread at a time.  CORRUPT as well: the child died of the input; the next call starts another one. */
enum pxr_err pxr_image_guard_read(pxr_image_guard *g, int fd, const uint8_t *head, size_t head_bytes,
                                  enum pxr_image_format format, const struct pxr_image_opts *opts,
                                  pxr_image_fn *each, void *arg, struct pxr_diag *diag);

/* The descriptor that a reader waits at, and the child; for who must interrupt it, and tests. */
int pxr_image_guard_fd(const pxr_image_guard *g);
int pxr_image_guard_pid(const pxr_image_guard *g);

#endif
