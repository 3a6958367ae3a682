/* SPDX-License-Identifier: MIT
 * The extended attributes user.pixelrain.* of frames and of the root. */
#ifndef PXR_FS_XATTR_H
#define PXR_FS_XATTR_H

#include "server.h"

#define PXR_MAX_XATTRS 12
#define PXR_MAX_XATTR_META_BYTES 65536u /* the kernel's limit for one value */

/* Values are in `text` as name, NUL, value, NUL. */
struct pxr_xattrs {
    unsigned n;
    struct {
        const char *name;
        const char *value;
        size_t value_bytes;
    } items[PXR_MAX_XATTRS];
    char text[640];
    size_t text_bytes;
};

/* Collect what a node has.  meta has room for PXR_MAX_XATTR_META_BYTES and must live as long as out. */
enum pxr_err pxr_xattrs_of(const struct pxr_snapshot *s, struct pxr_node node, char *meta,
                           struct pxr_xattrs *out, struct pxr_diag *diag);
/* NULL: the node has no such attribute. */
const char *pxr_xattrs_find(const struct pxr_xattrs *x, const char *name, size_t *value_bytes);
/* The list as listxattr(2) wants it; returns its length, dst may be NULL where dst_bytes is 0.
 * Nothing is stored where dst_bytes is too small. */
size_t pxr_xattrs_list(const struct pxr_xattrs *x, char *dst, size_t dst_bytes);

#endif
