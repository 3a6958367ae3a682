/* SPDX-License-Identifier: MIT
 * The extended attributes user.pixelrain.* of frames and of the root. */
#include "xattr.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define PREFIX "user.pixelrain."

static void add_bytes(struct pxr_xattrs *x, const char *name, const char *value, size_t value_bytes)
{
    if (x->n == PXR_MAX_XATTRS)
        return;
    x->items[x->n].name = name;
    x->items[x->n].value = value;
    x->items[x->n++].value_bytes = value_bytes;
}

static void add(struct pxr_xattrs *x, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void add(struct pxr_xattrs *x, const char *name, const char *format, ...)
{
    const size_t room = sizeof x->text - x->text_bytes;
    char *value = x->text + x->text_bytes;
    va_list args;
    va_start(args, format);
    const int n = vsnprintf(value, room, format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= room)
        return;
    add_bytes(x, name, value, (size_t)n);
    x->text_bytes += (size_t)n + 1;
}

static enum pxr_err of_frame(const struct pxr_snapshot *s, uint64_t frame, char *meta,
                             struct pxr_xattrs *x, struct pxr_diag *diag)
{
    struct pxr_frame_info i;
    size_t meta_bytes = 0;
    enum pxr_err e = pxr_frame_info(s->archive, frame, &i, diag);
    if (e == PXR_OK)
        e = pxr_frame_meta(s->archive, frame, meta, PXR_MAX_XATTR_META_BYTES, &meta_bytes, diag);
    if (e != PXR_OK)
        return e;
    add(x, PREFIX "frame", "%" PRIu64, i.frame);
    if (i.has_time)
        add(x, PREFIX "time_ns", "%" PRId64, i.time_ns);
    add(x, PREFIX "bits", "%u", i.bits);
    add(x, PREFIX "significant_bits", "%u", i.significant_bits);
    if (i.sbit)
        add(x, PREFIX "sbit", "%u", i.sbit);
    add(x, PREFIX "maxval", "%u", i.maxval);
    add(x, PREFIX "max_error", "%u", s->info.max_error);
    add(x, PREFIX "pixel_hash", "%016" PRIx64, i.pixel_hash);
    add(x, PREFIX "group", "%" PRIu64, i.group);
    add(x, PREFIX "group_frames", "%u", i.group_frames);
    if (meta_bytes && meta_bytes <= PXR_MAX_XATTR_META_BYTES)
        add_bytes(x, PREFIX "meta", meta, meta_bytes);
    return PXR_OK;
}

static void of_root(const struct pxr_snapshot *s, struct pxr_xattrs *x)
{
    char id[2 * sizeof s->info.id + 1];
    size_t meta_bytes = 0;
    const char *meta = pxr_archive_meta(s->archive, &meta_bytes);
    for (size_t i = 0; i < sizeof s->info.id; i++)
        snprintf(id + 2 * i, 3, "%02x", s->info.id[i]);
    add(x, PREFIX "id", "%s", id);
    add(x, PREFIX "frames", "%" PRIu64, s->info.n_frames);
    add(x, PREFIX "commit", "%" PRIu64, s->info.commit);
    add(x, PREFIX "max_error", "%u", s->info.max_error);
    add(x, PREFIX "version", "%s", pxr_version());
    if (meta_bytes && meta_bytes <= PXR_MAX_XATTR_META_BYTES)
        add_bytes(x, PREFIX "meta", meta, meta_bytes);
}

enum pxr_err pxr_xattrs_of(const struct pxr_snapshot *s, struct pxr_node node, char *meta,
                           struct pxr_xattrs *out, struct pxr_diag *diag)
{
    out->n = 0;
    out->text_bytes = 0;
    if (node.kind == PXR_NODE_FRAME || node.kind == PXR_NODE_TILE)
        return of_frame(s, pxr_node_frame(&s->tree, node), meta, out, diag);
    if (node.kind == PXR_NODE_ROOT)
        of_root(s, out);
    return PXR_OK;
}

const char *pxr_xattrs_find(const struct pxr_xattrs *x, const char *name, size_t *value_bytes)
{
    for (unsigned i = 0; i < x->n; i++)
        if (!strcmp(x->items[i].name, name)) {
            *value_bytes = x->items[i].value_bytes;
            return x->items[i].value;
        }
    return NULL;
}

size_t pxr_xattrs_list(const struct pxr_xattrs *x, char *dst, size_t dst_bytes)
{
    size_t total = 0;
    for (unsigned i = 0; i < x->n; i++)
        total += strlen(x->items[i].name) + 1;
    if (dst_bytes < total)
        return total;
    for (unsigned i = 0; i < x->n; i++)
        dst = stpcpy(dst, x->items[i].name) + 1;
    return total;
}
