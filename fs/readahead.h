/* SPDX-License-Identifier: MIT
 * How far the kernel reads ahead on a mount: a knob of its device that only root may turn. */
#ifndef PXR_FS_READAHEAD_H
#define PXR_FS_READAHEAD_H

#include "pixelrain.h"

/* Set the readahead of the file system mounted at mount_point, an absolute path; a larger one stays
 * unless it may be lowered.  False: not possible.  Does not ask the mount, which nobody may serve yet. */
bool pxr_readahead_set(const char *mount_point, uint64_t n_bytes, bool may_lower);

#endif
