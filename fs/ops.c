/* SPDX-License-Identifier: MIT
 * The requests of the kernel: each is answered exactly once. */
#define FUSE_USE_VERSION 312
#include <fuse_lowlevel.h>

#include "ops.h"

#include "bytes.h"
#include "diag.h"
#include "fs_log.h"
#include "reader.h"
#include "report.h"
#include "view_loan.h"
#include "worker.h"
#include "xattr.h"

#include <errno.h>
#include <float.h>
#include <stdio.h>
#include <string.h>

#define FOR_EVER DBL_MAX /* nothing in an archive changes */
#define MAX_READDIR_BYTES ((size_t)1 << 20)
#define NS_PER_S 1000000000

static struct pxr_server *server_of(fuse_req_t req) { return fuse_req_userdata(req); }

static void reply_error(fuse_req_t req, int sys_errno)
{
    struct pxr_server *s = server_of(req);
    atomic_fetch_add_explicit(&s->n_failed, 1, memory_order_relaxed);
    fuse_reply_err(req, sys_errno);
}

/* The archive or the machine failed, not the program that asked. */
static void reply_failure(fuse_req_t req, const struct pxr_diag *diag)
{
    pxr_log_request(diag);
    const int sys_errno = diag->code == PXR_E_IO && diag->sys_errno ? diag->sys_errno
                                                                    : pxr_err_errno(diag->code);
    reply_error(req, sys_errno);
}

static void reply_no_memory(fuse_req_t req)
{
    struct pxr_diag diag;
    pxr_fail(&diag, PXR_E_NOMEM, "no memory to answer a request");
    reply_failure(req, &diag);
}

/* ---- attributes ---------------------------------------------------------------------------------- */

static struct timespec frame_time(const struct pxr_server *s, const struct pxr_frame_info *f)
{
    if (!f->has_time)
        return s->archive_time;
    int64_t seconds = f->time_ns / NS_PER_S, rest = f->time_ns % NS_PER_S;
    if (rest < 0) { /* before 1970 */
        rest += NS_PER_S;
        seconds--;
    }
    return (struct timespec){.tv_sec = (time_t)seconds, .tv_nsec = (long)rest};
}

static void fill_stat(const struct pxr_server *s, struct pxr_node node, mode_t mode, uint64_t n_bytes,
                      struct timespec time, struct stat *st)
{
    *st = (struct stat){.st_ino = pxr_node_ino(node),
                        .st_mode = mode & ~(S_ISDIR(mode) ? s->folder_mask : s->file_mask),
                        .st_nlink = 1,
                        .st_uid = s->uid,
                        .st_gid = s->gid,
                        .st_size = (off_t)n_bytes,
                        .st_blksize = 4096,
                        .st_blocks = (blkcnt_t)pxr_div_up_u64(n_bytes, 512),
                        .st_mtim = time,
                        .st_ctim = time,
                        .st_atim = time};
}

static enum pxr_err stat_of_frame(const struct pxr_server *s, struct pxr_node node,
                                  const struct pxr_frame_info *f, struct stat *st, struct pxr_diag *diag)
{
    uint64_t n_bytes;
    const enum pxr_err e = pxr_view_stat(s->archive, f, node.view, &n_bytes, diag);
    if (e == PXR_OK)
        fill_stat(s, node, S_IFREG | 0444, n_bytes, frame_time(s, f), st);
    return e;
}

/* Of a file that is neither a frame nor volatile. */
static uint64_t file_bytes(const struct pxr_server *s, struct pxr_node node)
{
    switch (node.kind) {
    case PXR_NODE_INFO: return s->info_json_bytes;
    case PXR_NODE_STACK: return s->stack_bytes[node.index];
    case PXR_NODE_ZARR_FILE: return s->zarr_text_bytes[node.index];
    case PXR_NODE_ZARR_CHUNK: return pxr_zarr_chunk_bytes(&s->info);
    default: return 0;
    }
}

static enum pxr_err stat_of(struct pxr_server *s, struct pxr_node node, struct stat *st,
                            struct pxr_diag *diag)
{
    struct pxr_frame_info f;
    struct timespec now;
    enum pxr_err e = PXR_OK;
    switch (node.kind) {
    case PXR_NODE_FRAME:
        e = pxr_frame_info(s->archive, node.index, &f, diag);
        if (e == PXR_OK)
            e = stat_of_frame(s, node, &f, st, diag);
        break;
    case PXR_NODE_INFO:
    case PXR_NODE_STACK:
    case PXR_NODE_ZARR_FILE:
    case PXR_NODE_ZARR_CHUNK:
        fill_stat(s, node, S_IFREG | 0444, file_bytes(s, node), s->archive_time, st);
        break;
    case PXR_NODE_STATS:
        clock_gettime(CLOCK_REALTIME, &now);
        fill_stat(s, node, S_IFREG | 0444, PXR_STATS_BYTES, s->archive_time, st);
        /* It moves, so that the kernel drops what it has read; tar looks at ctime and would complain. */
        st->st_mtim = now;
        break;
    case PXR_NODE_NONE:
    case PXR_NODE_ROOT:
    case PXR_NODE_SERVICE:
    case PXR_NODE_ZARR:
    case PXR_NODE_ZARR_FRAME:
    case PXR_NODE_ZARR_STRIPE:
    case PXR_NODE_VIEW:
    case PXR_NODE_FOLDER:
        fill_stat(s, node, S_IFDIR | 0555, 0, s->archive_time, st);
        st->st_nlink = 2 + (nlink_t)pxr_node_n_folders(&s->tree, node);
        break;
    }
    return e;
}

static double timeout_of(struct pxr_node node)
{
    return node.kind == PXR_NODE_STATS ? 0 : FOR_EVER;
}

static void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    struct pxr_server *s = server_of(req);
    struct pxr_diag diag;
    struct stat st;
    (void)fi;
    pxr_server_count(s, PXR_REQ_GETATTR);
    const struct pxr_node node = pxr_node_at(&s->tree, ino);
    if (node.kind == PXR_NODE_NONE)
        reply_error(req, ESTALE);
    else if (stat_of(s, node, &st, &diag) != PXR_OK)
        reply_failure(req, &diag);
    else
        fuse_reply_attr(req, &st, timeout_of(node));
}

/* ---- names --------------------------------------------------------------------------------------- */

/* The frame whose file in a view has this name: PXR_NONE in *frame where there is none. */
static enum pxr_err find_frame(struct pxr_server *s, enum pxr_view view, const char *name,
                               uint64_t *frame, struct pxr_diag *diag)
{
    const char *extension = pxr_view_extension(view);
    const size_t name_bytes = strlen(name), extension_bytes = strlen(extension);
    *frame = PXR_NONE;
    if (name_bytes < extension_bytes + 2)
        return PXR_OK;
    const size_t stem_bytes = name_bytes - extension_bytes - 1;
    if (name[stem_bytes] != '.' || strcmp(name + stem_bytes + 1, extension))
        return PXR_OK;
    return pxr_frame_find(s->archive, name, stem_bytes, frame, diag);
}

static enum pxr_err find_child(struct pxr_server *s, struct pxr_node folder, const char *name,
                               struct pxr_node *child, struct pxr_diag *diag)
{
    enum pxr_view view;
    uint64_t frame;
    *child = pxr_node_find(&s->tree, folder, name);
    if (child->kind != PXR_NODE_NONE || !pxr_node_holds_frames(&s->tree, folder, &view))
        return PXR_OK;
    const enum pxr_err e = find_frame(s, view, name, &frame, diag);
    if (e == PXR_OK && frame != PXR_NONE && pxr_node_holds_frame(&s->tree, folder, frame))
        *child = (struct pxr_node){PXR_NODE_FRAME, view, frame};
    return e;
}

static void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    struct pxr_server *s = server_of(req);
    struct fuse_entry_param entry = {.entry_timeout = FOR_EVER};
    struct pxr_node child;
    struct pxr_diag diag;
    enum pxr_err e = PXR_OK;
    pxr_server_count(s, PXR_REQ_LOOKUP);
    const struct pxr_node folder = pxr_node_at(&s->tree, parent);
    /* Who serves files over the network has handles of inodes that the kernel has long forgotten, and asks
     * for these two names; the first one also of files. */
    const bool is_self = !strcmp(name, ".");
    if (folder.kind == PXR_NODE_NONE || !(is_self || pxr_node_is_folder(folder))) {
        reply_error(req, folder.kind == PXR_NODE_NONE ? ESTALE : ENOTDIR);
        return;
    }
    if (is_self)
        child = folder;
    else if (!strcmp(name, ".."))
        child = pxr_node_parent(&s->tree, folder);
    else
        e = find_child(s, folder, name, &child, &diag);
    if (e == PXR_OK && child.kind != PXR_NODE_NONE) {
        entry.ino = pxr_node_ino(child);
        entry.attr_timeout = timeout_of(child);
        e = stat_of(s, child, &entry.attr, &diag);
    }
    if (e != PXR_OK)
        reply_failure(req, &diag);
    else
        fuse_reply_entry(req, &entry); /* ino 0: a name that the kernel may remember as missing */
}

/* ---- listing ------------------------------------------------------------------------------------- */

struct listing {
    fuse_req_t req;
    struct pxr_server *server;
    pxr_decoder *decoder; /* of this thread */
    struct pxr_node folder;
    bool has_attributes; /* readdirplus */
    char *dst;
    size_t n_bytes, capacity;
};

/* One entry; false: no room.  The next call continues at next_off. */
static bool add_entry(struct listing *l, const char *name, const struct fuse_entry_param *entry,
                      uint64_t next_off)
{
    char *dst = l->dst + l->n_bytes;
    const size_t room = l->capacity - l->n_bytes;
    const size_t n = l->has_attributes
                         ? fuse_add_direntry_plus(l->req, dst, room, name, entry, (off_t)next_off)
                         : fuse_add_direntry(l->req, dst, room, name, &entry->attr, (off_t)next_off);
    if (n > room)
        return false;
    l->n_bytes += n;
    return true;
}

/* "." and "..": inode 0 in the entry, so that the kernel counts no lookup. */
static bool add_dots(struct listing *l, uint64_t off)
{
    const struct pxr_node nodes[2] = {l->folder, pxr_node_parent(&l->server->tree, l->folder)};
    struct fuse_entry_param entry = {.attr.st_mode = S_IFDIR};
    for (; off < 2; off++) {
        entry.attr.st_ino = pxr_node_ino(nodes[off]);
        if (!add_entry(l, off ? ".." : ".", &entry, off + 1))
            return false;
    }
    return true;
}

static enum pxr_err describe_child(struct listing *l, struct pxr_node child, char *name,
                                   struct stat *st, struct pxr_diag *diag)
{
    struct pxr_frame_info f;
    if (child.kind != PXR_NODE_FRAME) {
        pxr_node_name(&l->server->tree, child, name);
        return stat_of(l->server, child, st, diag);
    }
    const enum pxr_err e = pxr_decoder_frame_info(l->decoder, child.index, &f, diag);
    if (e != PXR_OK)
        return e;
    memcpy(name, f.name, f.name_bytes);
    name[f.name_bytes] = '.';
    strcpy(name + f.name_bytes + 1, pxr_view_extension(child.view));
    return stat_of_frame(l->server, child, &f, st, diag);
}

/* Offsets: 0 ".", 1 "..", 2 + i the i-th child; each entry carries that of the next one. */
static enum pxr_err list(struct listing *l, uint64_t off, struct pxr_diag *diag)
{
    char name[sizeof ((struct pxr_frame_info *)0)->name + 8];
    const uint64_t n = pxr_node_n_children(&l->server->tree, l->folder);
    if (off < 2 && !add_dots(l, off))
        return PXR_OK;
    for (uint64_t i = off < 2 ? 0 : off - 2; i < n; i++) {
        const struct pxr_node child = pxr_node_child(&l->server->tree, l->folder, i);
        struct fuse_entry_param entry = {.ino = pxr_node_ino(child),
                                         .entry_timeout = FOR_EVER,
                                         .attr_timeout = timeout_of(child)};
        const enum pxr_err e = describe_child(l, child, name, &entry.attr, diag);
        if (e != PXR_OK)
            /* Entries before the damage are good; the next call will begin with it. */
            return l->n_bytes ? PXR_OK : e;
        if (!add_entry(l, name, &entry, i + 3))
            break;
    }
    return PXR_OK;
}

static void reply_listing(fuse_req_t req, fuse_ino_t ino, size_t dst_bytes, off_t off,
                          bool has_attributes)
{
    struct pxr_server *s = server_of(req);
    struct pxr_diag diag;
    struct listing l = {.req = req,
                        .server = s,
                        .folder = pxr_node_at(&s->tree, ino),
                        .has_attributes = has_attributes,
                        .capacity = (size_t)pxr_min_u64(dst_bytes, MAX_READDIR_BYTES)};
    pxr_server_count(s, PXR_REQ_READDIR);
    if (!pxr_node_is_folder(l.folder) || off < 0) {
        reply_error(req, off < 0 ? EINVAL : ENOTDIR);
        return;
    }
    struct pxr_worker *w = pxr_worker_get(s, l.capacity);
    if (!w) {
        reply_no_memory(req);
        return;
    }
    l.decoder = w->decoder;
    l.dst = (char *)w->bytes;
    if (list(&l, (uint64_t)off, &diag) != PXR_OK)
        reply_failure(req, &diag);
    else
        fuse_reply_buf(req, l.dst, l.n_bytes);
}

static void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t dst_bytes, off_t off,
                       struct fuse_file_info *fi)
{
    (void)fi;
    reply_listing(req, ino, dst_bytes, off, false);
}

static void op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t dst_bytes, off_t off,
                           struct fuse_file_info *fi)
{
    (void)fi;
    reply_listing(req, ino, dst_bytes, off, true);
}

/* ---- contents ------------------------------------------------------------------------------------ */

static void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    struct pxr_server *s = server_of(req);
    pxr_server_count(s, PXR_REQ_OPEN);
    const struct pxr_node node = pxr_node_at(&s->tree, ino);
    if (s->is_fastopen) {
        fuse_reply_err(req, ENOSYS); /* the kernel asks no more, and keeps what it has read */
    } else if (node.kind == PXR_NODE_NONE) {
        reply_error(req, ESTALE);
    } else if (pxr_node_is_folder(node)) {
        reply_error(req, EISDIR);
    } else if ((fi->flags & O_ACCMODE) != O_RDONLY || fi->flags & O_TRUNC) {
        reply_error(req, EROFS); /* reached only after "mount -o remount,rw" */
    } else {
        fi->keep_cache = node.kind != PXR_NODE_STATS;
        fi->direct_io = node.kind == PXR_NODE_STATS;
        fuse_reply_open(req, fi);
    }
}

/* A slice of text that is in memory. */
static void reply_slice(fuse_req_t req, const char *text, size_t text_bytes, size_t dst_bytes,
                        off_t off)
{
    const uint64_t from = pxr_min_u64((uint64_t)off, text_bytes);
    fuse_reply_buf(req, text + from, (size_t)pxr_min_u64(dst_bytes, text_bytes - from));
}

/* A part of a frame, a stack or a chunk. */
static enum pxr_err read_pixels(const struct pxr_server *s, const struct pxr_worker *w, struct pxr_node node,
                                uint64_t off, size_t dst_bytes, size_t *got)
{
    const uint32_t n_stripes = s->tree.n_stripes;
    const struct pxr_frames *f = &s->tree.frames;
    if (node.kind == PXR_NODE_STACK)
        return pxr_stack_read(w->decoder, f, (enum pxr_stack)node.index, off, w->bytes, dst_bytes, got);
    if (node.kind == PXR_NODE_ZARR_CHUNK)
        return pxr_zarr_read(w->decoder, f->first + node.index / n_stripes * f->step,
                             (uint32_t)(node.index % n_stripes), off, w->bytes, dst_bytes, got);
    return pxr_view_read(w->decoder, node.index, node.view, off, w->bytes, dst_bytes, got);
}

/* Where the cache has the file's bytes as they are, they go from there to the kernel. */
static bool reply_borrowed(fuse_req_t req, struct pxr_worker *w, struct pxr_node node, size_t dst_bytes, off_t off)
{
    struct pxr_view_loan loan;
    if (node.kind != PXR_NODE_FRAME ||
        !pxr_view_borrow(w->decoder, node.index, node.view, (uint64_t)off, dst_bytes, &loan))
        return false;
    const struct iovec parts[2] = {{(void *)(uintptr_t)loan.from_head, loan.head_bytes},
                                   {(void *)(uintptr_t)loan.pixels, loan.pixel_bytes}};
    struct pxr_server *s = server_of(req);
    atomic_fetch_add_explicit(&s->read_bytes, loan.head_bytes + loan.pixel_bytes, memory_order_relaxed);
    if (loan.head_bytes)
        fuse_reply_iov(req, parts, 2);
    else
        fuse_reply_buf(req, (const char *)loan.pixels, loan.pixel_bytes);
    pxr_view_return(w->decoder, &loan);
    return true;
}

static void reply_pixels(fuse_req_t req, struct pxr_node node, size_t dst_bytes, off_t off)
{
    struct pxr_server *s = server_of(req);
    struct pxr_worker *w = pxr_worker_get(s, dst_bytes);
    size_t got;
    if (!w) {
        reply_no_memory(req);
        return;
    }
    if (reply_borrowed(req, w, node, dst_bytes, off))
        return;
    if (read_pixels(s, w, node, (uint64_t)off, dst_bytes, &got) != PXR_OK) {
        reply_failure(req, pxr_decoder_diag(w->decoder));
        return;
    }
    atomic_fetch_add_explicit(&s->read_bytes, got, memory_order_relaxed);
    fuse_reply_buf(req, (const char *)w->bytes, got);
}

static void reply_stats(fuse_req_t req, size_t dst_bytes, off_t off)
{
    char stats[PXR_STATS_BYTES];
    if (pxr_report_stats(server_of(req), stats))
        reply_slice(req, stats, sizeof stats, dst_bytes, off);
    else
        reply_no_memory(req);
}

static void op_read(fuse_req_t req, fuse_ino_t ino, size_t dst_bytes, off_t off,
                    struct fuse_file_info *fi)
{
    struct pxr_server *s = server_of(req);
    (void)fi;
    pxr_server_count(s, PXR_REQ_READ);
    const struct pxr_node node = pxr_node_at(&s->tree, ino);
    if (off < 0) {
        reply_error(req, EINVAL);
        return;
    }
    switch (node.kind) {
    case PXR_NODE_FRAME:
    case PXR_NODE_STACK:
    case PXR_NODE_ZARR_CHUNK: reply_pixels(req, node, dst_bytes, off); break;
    case PXR_NODE_INFO: reply_slice(req, s->info_json, s->info_json_bytes, dst_bytes, off); break;
    case PXR_NODE_ZARR_FILE:
        reply_slice(req, s->zarr_text[node.index], s->zarr_text_bytes[node.index], dst_bytes, off);
        break;
    case PXR_NODE_STATS: reply_stats(req, dst_bytes, off); break;
    case PXR_NODE_NONE: reply_error(req, ESTALE); break;
    case PXR_NODE_ROOT:
    case PXR_NODE_SERVICE:
    case PXR_NODE_ZARR:
    case PXR_NODE_ZARR_FRAME:
    case PXR_NODE_ZARR_STRIPE:
    case PXR_NODE_VIEW:
    case PXR_NODE_FOLDER: reply_error(req, EISDIR); break;
    }
}

/* ---- the rest ------------------------------------------------------------------------------------ */

static void op_init(void *userdata, struct fuse_conn_info *conn)
{
    struct pxr_server *s = userdata;
    /* Listings come with attributes while somebody asks for those too (ls -l), bare ones else (ls). */
    conn->want |= conn->capable & (FUSE_CAP_READDIRPLUS | FUSE_CAP_READDIRPLUS_AUTO |
                                   FUSE_CAP_ASYNC_READ | FUSE_CAP_PARALLEL_DIROPS |
                                   FUSE_CAP_EXPORT_SUPPORT);
    /* Without opens nothing else makes the kernel see that stats.json has changed. */
    if (s->is_fastopen && conn->capable & FUSE_CAP_AUTO_INVAL_DATA)
        conn->want |= FUSE_CAP_AUTO_INVAL_DATA;
    s->is_fastopen = s->is_fastopen && conn->capable & FUSE_CAP_NO_OPEN_SUPPORT;
    /* Answers are made in memory: a pipe between would only add system calls. */
    conn->want &= ~(unsigned)(FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE);
    atomic_store(&s->is_initialised, true);
}

/* And folders. */
static fsfilcnt_t n_files(const struct pxr_fs_tree *t)
{
    const uint64_t n = t->frames.n_frames;
    uint64_t total = 4 + t->n_views * (n + !t->is_single) + t->n_stacks;
    if (t->is_nested)
        total += t->n_views * pxr_div_up_u64(n, PXR_FOLDER_FRAMES);
    if (t->has_zarr)
        total += 1 + PXR_N_ZARR_FILES + n * (1 + 2 * (uint64_t)t->n_stripes);
    return total;
}

static void op_statfs(fuse_req_t req, fuse_ino_t ino)
{
    struct pxr_server *s = server_of(req);
    (void)ino;
    pxr_server_count(s, PXR_REQ_STATFS);
    /* What the archive takes on its disk, all of it used. */
    const struct statvfs st = {
        .f_bsize = 4096,
        .f_frsize = 4096,
        .f_blocks = (fsblkcnt_t)pxr_div_up_u64(s->info.archive_bytes, 4096),
        .f_files = n_files(&s->tree),
        .f_flag = ST_RDONLY | ST_NOSUID,
        .f_namemax = 255};
    fuse_reply_statfs(req, &st);
}

/* Collect the attributes of an inode; NULL: an error has been answered. */
static const struct pxr_xattrs *xattrs_of(fuse_req_t req, fuse_ino_t ino, struct pxr_xattrs *x)
{
    struct pxr_server *s = server_of(req);
    struct pxr_diag diag;
    const struct pxr_node node = pxr_node_at(&s->tree, ino);
    struct pxr_worker *w = pxr_worker_get(s, PXR_MAX_XATTR_META_BYTES);
    pxr_server_count(s, PXR_REQ_XATTR);
    if (node.kind == PXR_NODE_NONE)
        reply_error(req, ESTALE);
    else if (!w)
        reply_no_memory(req);
    else if (pxr_xattrs_of(s, node, (char *)w->bytes, x, &diag) != PXR_OK)
        reply_failure(req, &diag);
    else
        return x;
    return NULL;
}

static void op_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t dst_bytes)
{
    struct pxr_xattrs x;
    size_t value_bytes = 0;
    /* ls -l asks for access lists and security labels.  After "not supported" it asks no more; after
     * "no such attribute" it would ask for those of every single file. */
    if (strncmp(name, "user.", 5)) {
        pxr_server_count(server_of(req), PXR_REQ_XATTR);
        fuse_reply_err(req, EOPNOTSUPP);
        return;
    }
    if (!xattrs_of(req, ino, &x))
        return;
    const char *value = pxr_xattrs_find(&x, name, &value_bytes);
    if (!value)
        fuse_reply_err(req, ENODATA);
    else if (!dst_bytes)
        fuse_reply_xattr(req, value_bytes);
    else if (dst_bytes < value_bytes)
        fuse_reply_err(req, ERANGE);
    else
        fuse_reply_buf(req, value, value_bytes);
}

static void op_listxattr(fuse_req_t req, fuse_ino_t ino, size_t dst_bytes)
{
    struct pxr_xattrs x;
    char names[PXR_MAX_XATTRS * 40];
    if (!xattrs_of(req, ino, &x))
        return;
    const size_t n = pxr_xattrs_list(&x, names, sizeof names);
    if (!dst_bytes)
        fuse_reply_xattr(req, n);
    else if (dst_bytes < n)
        fuse_reply_err(req, ERANGE);
    else
        fuse_reply_buf(req, names, n);
}

/* Not here: what changes something (the kernel refuses it, the mount is read-only), forget (inodes
 * are arithmetic, nobody counts them), flush, release and opendir (nothing to do: libfuse answers). */
const struct fuse_lowlevel_ops *pxr_ops(void)
{
    static const struct fuse_lowlevel_ops ops = {
        .init = op_init,
        .lookup = op_lookup,
        .getattr = op_getattr,
        .open = op_open,
        .read = op_read,
        .readdir = op_readdir,
        .readdirplus = op_readdirplus,
        .statfs = op_statfs,
        .getxattr = op_getxattr,
        .listxattr = op_listxattr,
    };
    return &ops;
}
