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
#define LIVE_TIMEOUT_S 1 /* but folders and info.json of one that grows do */
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

/* What this request is answered from; NULL: an error has been answered. */
static struct pxr_worker *worker_of(fuse_req_t req)
{
    struct pxr_worker *w = pxr_worker_get(server_of(req));
    if (!w)
        reply_no_memory(req);
    return w;
}

/* ---- attributes ---------------------------------------------------------------------------------- */

static struct timespec frame_time(const struct pxr_server *s, const struct pxr_frame_info *f)
{
    if (!f->has_time)
        return s->file_time;
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

static enum pxr_err stat_of_frame(const struct pxr_worker *w, struct pxr_node node,
                                  const struct pxr_frame_info *f, struct stat *st, struct pxr_diag *diag)
{
    const struct pxr_server *s = w->server;
    uint64_t n_bytes;
    const enum pxr_err e =
        pxr_view_stat_tile(w->shown->archive, f, node.view, pxr_node_tile(&w->shown->tree, node), &n_bytes, diag);
    if (e == PXR_OK)
        fill_stat(s, node, S_IFREG | 0444, n_bytes, frame_time(s, f), st);
    return e;
}

/* Of a file that is neither a frame nor volatile. */
static uint64_t file_bytes(const struct pxr_worker *w, struct pxr_node node)
{
    const struct pxr_server *s = w->server;
    switch (node.kind) {
    case PXR_NODE_INFO: return w->shown->info_json_bytes;
    case PXR_NODE_STACK: return s->stack_bytes[node.index];
    case PXR_NODE_ZARR_FILE: return s->zarr_text_bytes[node.index];
    case PXR_NODE_ZARR_CHUNK: return pxr_zarr_chunk_bytes(&w->shown->info);
    case PXR_NODE_COMPANION: return s->companion_bytes[node.index];
    default: return 0;
    }
}

static enum pxr_err stat_of(const struct pxr_worker *w, struct pxr_node node, struct stat *st,
                            struct pxr_diag *diag)
{
    const struct pxr_server *s = w->server;
    struct pxr_frame_info f;
    struct timespec now;
    enum pxr_err e = PXR_OK;
    switch (node.kind) {
    case PXR_NODE_FRAME:
    case PXR_NODE_TILE:
        e = pxr_frame_info(w->shown->archive, pxr_node_frame(&w->shown->tree, node), &f, diag);
        if (e == PXR_OK)
            e = stat_of_frame(w, node, &f, st, diag);
        break;
    case PXR_NODE_INFO:
        fill_stat(s, node, S_IFREG | 0444, file_bytes(w, node), w->shown->time, st);
        break;
    case PXR_NODE_STACK:
    case PXR_NODE_ZARR_FILE:
    case PXR_NODE_ZARR_CHUNK:
    case PXR_NODE_COMPANION:
        fill_stat(s, node, S_IFREG | 0444, file_bytes(w, node), s->file_time, st);
        break;
    case PXR_NODE_STATS:
        clock_gettime(CLOCK_REALTIME, &now);
        fill_stat(s, node, S_IFREG | 0444, PXR_STATS_BYTES, s->file_time, st);
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
        fill_stat(s, node, S_IFDIR | 0555, 0, w->shown->time, st);
        st->st_nlink = 2 + (nlink_t)pxr_node_n_folders(&w->shown->tree, node);
        break;
    }
    return e;
}

static double timeout_of(const struct pxr_server *s, struct pxr_node node)
{
    const bool may_change = s->is_live && (pxr_node_is_folder(node) || node.kind == PXR_NODE_INFO);
    return node.kind == PXR_NODE_STATS ? 0 : may_change ? LIVE_TIMEOUT_S : FOR_EVER;
}

static void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    struct pxr_server *s = server_of(req);
    struct pxr_diag diag;
    struct stat st;
    (void)fi;
    pxr_server_count(s, PXR_REQ_GETATTR);
    const struct pxr_worker *w = worker_of(req);
    if (!w)
        return;
    const struct pxr_node node = pxr_node_at(&w->shown->tree, ino);
    if (node.kind == PXR_NODE_NONE)
        reply_error(req, ESTALE);
    else if (stat_of(w, node, &st, &diag) != PXR_OK)
        reply_failure(req, &diag);
    else
        fuse_reply_attr(req, &st, timeout_of(s, node));
}

/* ---- names --------------------------------------------------------------------------------------- */

/* The frame whose file in a view has this name: PXR_NONE in *frame where there is none. */
static enum pxr_err find_frame(const struct pxr_snapshot *v, enum pxr_view view, const char *name,
                               uint64_t *frame, uint32_t *tile, struct pxr_diag *diag)
{
    size_t suffix_bytes = 0;
    *frame = PXR_NONE;
    *tile = pxr_view_find_tile(&v->info, view, name, &suffix_bytes);
    return *tile == pxr_view_n_tiles(&v->info, view)
               ? PXR_OK
               : pxr_frame_find(v->archive, name, strlen(name) - suffix_bytes, frame, diag);
}

static enum pxr_err find_child(const struct pxr_snapshot *v, struct pxr_node folder, const char *name,
                               struct pxr_node *child, struct pxr_diag *diag)
{
    enum pxr_view view;
    uint64_t frame;
    uint32_t tile;
    *child = pxr_node_find(&v->tree, folder, name);
    if (child->kind != PXR_NODE_NONE || !pxr_node_holds_frames(&v->tree, folder, &view))
        return PXR_OK;
    const enum pxr_err e = find_frame(v, view, name, &frame, &tile, diag);
    if (e == PXR_OK && frame != PXR_NONE && pxr_node_holds_frame(&v->tree, folder, frame))
        *child = pxr_node_of_tile(&v->tree, view, frame, tile);
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
    const struct pxr_worker *w = worker_of(req);
    if (!w)
        return;
    const struct pxr_fs_tree *t = &w->shown->tree;
    const struct pxr_node folder = pxr_node_at(t, parent);
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
        child = pxr_node_parent(t, folder);
    else
        e = find_child(w->shown, folder, name, &child, &diag);
    if (e == PXR_OK && child.kind != PXR_NODE_NONE) {
        entry.ino = pxr_node_ino(child);
        entry.attr_timeout = timeout_of(s, child);
        e = stat_of(w, child, &entry.attr, &diag);
    }
    if (e != PXR_OK)
        reply_failure(req, &diag);
    else if (!entry.ino && s->is_live)
        fuse_reply_err(req, ENOENT); /* it may be there the next time */
    else
        fuse_reply_entry(req, &entry); /* ino 0: a name that the kernel may remember as missing */
}

/* ---- listing ------------------------------------------------------------------------------------- */

struct listing {
    fuse_req_t req;
    const struct pxr_worker *worker;
    const struct pxr_fs_tree *tree;
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
    const struct pxr_node nodes[2] = {l->folder, pxr_node_parent(l->tree, l->folder)};
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
    if (child.kind != PXR_NODE_FRAME && child.kind != PXR_NODE_TILE) {
        pxr_node_name(l->tree, child, name);
        return stat_of(l->worker, child, st, diag);
    }
    const struct pxr_snapshot *const v = l->worker->shown;
    const enum pxr_err e = pxr_decoder_frame_info(l->decoder, pxr_node_frame(&v->tree, child), &f, diag);
    if (e != PXR_OK)
        return e;
    memcpy(name, f.name, f.name_bytes);
    pxr_view_suffix(&v->info, child.view, pxr_node_tile(&v->tree, child), name + f.name_bytes);
    return stat_of_frame(l->worker, child, &f, st, diag);
}

/* Offsets: 0 ".", 1 "..", 2 + i the i-th child; each entry carries that of the next one. */
static enum pxr_err list(struct listing *l, uint64_t off, struct pxr_diag *diag)
{
    char name[sizeof ((struct pxr_frame_info *)0)->name + PXR_VIEW_SUFFIX_BYTES];
    const uint64_t n = pxr_node_n_children(l->tree, l->folder);
    if (off < 2 && !add_dots(l, off))
        return PXR_OK;
    for (uint64_t i = off < 2 ? 0 : off - 2; i < n; i++) {
        const struct pxr_node child = pxr_node_child(l->tree, l->folder, i);
        struct fuse_entry_param entry = {.ino = pxr_node_ino(child),
                                         .entry_timeout = FOR_EVER,
                                         .attr_timeout = timeout_of(l->worker->server, child)};
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
    struct pxr_diag diag;
    pxr_server_count(server_of(req), PXR_REQ_READDIR);
    struct pxr_worker *w = worker_of(req);
    if (!w)
        return;
    struct listing l = {.req = req,
                        .worker = w,
                        .tree = &w->shown->tree,
                        .folder = pxr_node_at(&w->shown->tree, ino),
                        .has_attributes = has_attributes,
                        .capacity = (size_t)pxr_min_u64(dst_bytes, MAX_READDIR_BYTES)};
    if (!pxr_node_is_folder(l.folder) || off < 0) {
        reply_error(req, off < 0 ? EINVAL : ENOTDIR);
        return;
    }
    l.decoder = pxr_worker_decoder(w);
    if (!l.decoder || !pxr_worker_reserve(w, l.capacity)) {
        reply_no_memory(req);
        return;
    }
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
    const struct pxr_worker *w = worker_of(req);
    if (!w)
        return;
    const struct pxr_node node = pxr_node_at(&w->shown->tree, ino);
    if (s->is_fastopen) {
        fuse_reply_err(req, ENOSYS); /* the kernel asks no more, and keeps what it has read */
    } else if (node.kind == PXR_NODE_NONE) {
        reply_error(req, ESTALE);
    } else if (pxr_node_is_folder(node)) {
        reply_error(req, EISDIR);
    } else if ((fi->flags & O_ACCMODE) != O_RDONLY || fi->flags & O_TRUNC) {
        reply_error(req, EROFS); /* reached only after "mount -o remount,rw" */
    } else {
        fi->keep_cache = node.kind != PXR_NODE_STATS && !(s->is_live && node.kind == PXR_NODE_INFO);
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
static enum pxr_err read_pixels(const struct pxr_worker *w, struct pxr_node node, uint64_t off, size_t dst_bytes,
                                size_t *got)
{
    const struct pxr_fs_tree *t = &w->shown->tree;
    const uint32_t n_stripes = t->n_stripes;
    const struct pxr_frames *f = &t->frames, stacked = {f->first, f->step, f->n_frames - t->n_late};
    if (node.kind == PXR_NODE_STACK)
        return pxr_stack_read(w->decoder, &stacked, (enum pxr_stack)node.index, off, w->bytes, dst_bytes, got);
    if (node.kind == PXR_NODE_ZARR_CHUNK)
        return pxr_zarr_read(w->decoder, f->first + node.index / n_stripes * f->step,
                             (uint32_t)(node.index % n_stripes), off, w->bytes, dst_bytes, got);
    return pxr_view_read_tile(w->decoder, pxr_node_frame(t, node), node.view, pxr_node_tile(t, node), off,
                              w->bytes, dst_bytes, got);
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
    atomic_fetch_add_explicit(&w->server->read_bytes, loan.head_bytes + loan.pixel_bytes, memory_order_relaxed);
    if (loan.head_bytes)
        fuse_reply_iov(req, parts, 2);
    else
        fuse_reply_buf(req, (const char *)loan.pixels, loan.pixel_bytes);
    pxr_view_return(w->decoder, &loan);
    return true;
}

static void reply_pixels(fuse_req_t req, struct pxr_worker *w, struct pxr_node node, size_t dst_bytes, off_t off)
{
    size_t got;
    if (!pxr_worker_decoder(w) || !pxr_worker_reserve(w, dst_bytes)) {
        reply_no_memory(req);
        return;
    }
    if (reply_borrowed(req, w, node, dst_bytes, off))
        return;
    if (read_pixels(w, node, (uint64_t)off, dst_bytes, &got) != PXR_OK) {
        reply_failure(req, pxr_decoder_diag(w->decoder));
        return;
    }
    atomic_fetch_add_explicit(&w->server->read_bytes, got, memory_order_relaxed);
    fuse_reply_buf(req, (const char *)w->bytes, got);
}

static void reply_stats(fuse_req_t req, const struct pxr_worker *w, size_t dst_bytes, off_t off)
{
    char stats[PXR_STATS_BYTES];
    if (pxr_report_stats(w->server, w->shown, stats))
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
    struct pxr_worker *w = worker_of(req);
    if (!w)
        return;
    const struct pxr_node node = pxr_node_at(&w->shown->tree, ino);
    if (off < 0) {
        reply_error(req, EINVAL);
        return;
    }
    switch (node.kind) {
    case PXR_NODE_FRAME:
    case PXR_NODE_TILE:
    case PXR_NODE_STACK:
    case PXR_NODE_ZARR_CHUNK: reply_pixels(req, w, node, dst_bytes, off); break;
    case PXR_NODE_INFO:
        reply_slice(req, w->shown->info_json, w->shown->info_json_bytes, dst_bytes, off);
        break;
    case PXR_NODE_ZARR_FILE:
        reply_slice(req, s->zarr_text[node.index], s->zarr_text_bytes[node.index], dst_bytes, off);
        break;
    case PXR_NODE_COMPANION:
        reply_slice(req, s->companion_text[node.index], s->companion_bytes[node.index], dst_bytes, off);
        break;
    case PXR_NODE_STATS: reply_stats(req, w, dst_bytes, off); break;
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
    /* Without opens nothing else makes the kernel see that stats.json has changed, or info.json in an open file. */
    if ((s->is_fastopen || s->is_live) && conn->capable & FUSE_CAP_AUTO_INVAL_DATA)
        conn->want |= FUSE_CAP_AUTO_INVAL_DATA;
    s->is_fastopen = s->is_fastopen && conn->capable & FUSE_CAP_NO_OPEN_SUPPORT;
    /* Answers are made in memory: a pipe between would only add system calls. */
    conn->want &= ~(unsigned)(FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE);
    atomic_store(&s->is_initialised, true);
}

/* And folders. */
static fsfilcnt_t n_files(const struct pxr_fs_tree *t)
{
    uint64_t total = 4 + t->n_views * (uint64_t)!t->is_single + t->n_stacks;
    for (unsigned i = 0; i < t->n_views; i++) {
        const enum pxr_view v = t->views[i];
        const uint64_t n = t->frames.n_frames - t->n_hidden[v];
        total += n * pxr_node_n_tiles(t, v) + (t->is_nested ? pxr_div_up_u64(n, PXR_FOLDER_FRAMES) : 0);
        total += v == t->tiled ? t->n_companions : 0;
    }
    if (t->has_zarr)
        total += 1 + PXR_N_ZARR_FILES + (t->frames.n_frames - t->n_late) * (1 + 2 * (uint64_t)t->n_stripes);
    return total;
}

static void op_statfs(fuse_req_t req, fuse_ino_t ino)
{
    (void)ino;
    pxr_server_count(server_of(req), PXR_REQ_STATFS);
    const struct pxr_worker *w = worker_of(req);
    if (!w)
        return;
    /* What the archive takes on its disk, all of it used. */
    const struct statvfs st = {
        .f_bsize = 4096,
        .f_frsize = 4096,
        .f_blocks = (fsblkcnt_t)pxr_div_up_u64(w->shown->info.archive_bytes, 4096),
        .f_files = n_files(&w->shown->tree),
        .f_flag = ST_RDONLY | ST_NOSUID,
        .f_namemax = 255};
    fuse_reply_statfs(req, &st);
}

/* Collect the attributes of an inode; NULL: an error has been answered. */
static const struct pxr_xattrs *xattrs_of(fuse_req_t req, fuse_ino_t ino, struct pxr_xattrs *x)
{
    struct pxr_diag diag;
    pxr_server_count(server_of(req), PXR_REQ_XATTR);
    struct pxr_worker *w = worker_of(req);
    if (!w)
        return NULL;
    const struct pxr_node node = pxr_node_at(&w->shown->tree, ino);
    if (node.kind == PXR_NODE_NONE)
        reply_error(req, ESTALE);
    else if (!pxr_worker_reserve(w, PXR_MAX_XATTR_META_BYTES))
        reply_no_memory(req);
    else if (pxr_xattrs_of(w->shown, node, (char *)w->bytes, x, &diag) != PXR_OK)
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
