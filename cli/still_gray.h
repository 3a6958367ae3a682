/* SPDX-License-Identifier: MIT
 * The still formats as inputs of pack: gray frames, like those of pxr_image_read. */
#ifndef PXR_CLI_STILL_GRAY_H
#define PXR_CLI_STILL_GRAY_H

#include "image.h"

/* A file of this name promises a picture. */
bool pxr_still_has_name(const char *path);
/* A file that begins like this, or has such a name where that is all that says it, is of a format that image/ does not
 * read. */
bool pxr_still_is_input(const uint8_t *head, size_t head_bytes, const char *path);

/* Read all frames of such a file, whole into memory; errors, colour and transparency are as pxr_image_read says.
 * Files that were cut are refused: an archive should not keep what is coarser than it looks. */
enum pxr_err pxr_still_read_gray(const char *path, int fd, const uint8_t *head, size_t head_bytes,
                                 const struct pxr_image_opts *opts, pxr_image_fn *each, void *arg,
                                 struct pxr_diag *diag);

#endif
