/* SPDX-License-Identifier: MIT
 * The requests of the kernel: each is answered exactly once. */
#ifndef PXR_FS_OPS_H
#define PXR_FS_OPS_H

#include "server.h"

struct fuse_lowlevel_ops;

/* The table for fuse_session_new, whose user data is a struct pxr_server. */
const struct fuse_lowlevel_ops *pxr_ops(void);

#endif
