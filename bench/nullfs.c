/* SPDX-License-Identifier: MIT
 * A FUSE server that knows its bytes already: the ceiling for any mount that has to decode. */
#define FUSE_USE_VERSION 312

#include "bytes.h"
#include "option.h"
#include "pool.h"

#include <errno.h>
#include <fuse_lowlevel.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* One folder of equal files, reel_000000.pgm ...: inode 1 is the folder, frame f is inode f + 2.
 * Flags, timeouts and threads are those of fs/, so that only the decoding differs. */
struct null_tree {
    uint64_t n_frames, file_bytes;
    uint8_t *bytes; /* of every file */
    bool is_fastopen;
};

#define FOREVER_S 1e9
#define FRAME_INO 2u

static const struct null_tree *tree_of(fuse_req_t req) { return fuse_req_userdata(req); }

static bool describe(const struct null_tree *t, fuse_ino_t ino, struct stat *st)
{
    *st = (struct stat){.st_ino = ino, .st_nlink = 1, .st_blksize = 4096};
    if (ino == FUSE_ROOT_ID) {
        st->st_mode = S_IFDIR | 0555;
        st->st_nlink = 2;
        return true;
    }
    if (ino < FRAME_INO || ino - FRAME_INO >= t->n_frames)
        return false;
    st->st_mode = S_IFREG | 0444;
    st->st_size = (off_t)t->file_bytes;
    st->st_blocks = (blkcnt_t)pxr_div_up_u64(t->file_bytes, 512);
    return true;
}

static struct fuse_entry_param entry_of(const struct null_tree *t, fuse_ino_t ino)
{
    struct fuse_entry_param e = {.ino = ino, .attr_timeout = FOREVER_S, .entry_timeout = FOREVER_S};
    describe(t, ino, &e.attr);
    return e;
}

static void null_init(void *arg, struct fuse_conn_info *conn)
{
    (void)arg;
    conn->want |= conn->capable & (FUSE_CAP_READDIRPLUS | FUSE_CAP_READDIRPLUS_AUTO |
                                   FUSE_CAP_ASYNC_READ | FUSE_CAP_PARALLEL_DIROPS);
    conn->want &= ~(unsigned)(FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE);
}

static void null_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    const struct null_tree *t = tree_of(req);
    uint64_t frame;
    char digits[16] = "";
    const char *dot = strchr(name, '.');
    if (parent == FUSE_ROOT_ID && !strncmp(name, "reel_", 5) && dot && !strcmp(dot, ".pgm") &&
        dot - name - 5 < (ptrdiff_t)sizeof digits)
        memcpy(digits, name + 5, (size_t)(dot - name - 5));
    if (pxr_parse_u64(digits, 0, UINT64_MAX, &frame) && frame < t->n_frames) {
        const struct fuse_entry_param e = entry_of(t, frame + FRAME_INO);
        fuse_reply_entry(req, &e);
    } else {
        fuse_reply_err(req, ENOENT);
    }
}

static void null_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    (void)fi;
    struct stat st;
    if (describe(tree_of(req), ino, &st))
        fuse_reply_attr(req, &st, FOREVER_S);
    else
        fuse_reply_err(req, ENOENT);
}

static void null_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    (void)ino;
    fi->keep_cache = 1;
    if (tree_of(req)->is_fastopen)
        fuse_reply_err(req, ENOSYS); /* the kernel asks no more */
    else
        fuse_reply_open(req, fi);
}

static void null_read(fuse_req_t req, fuse_ino_t ino, size_t n_bytes, off_t off,
                      struct fuse_file_info *fi)
{
    (void)ino;
    (void)fi;
    const struct null_tree *t = tree_of(req);
    const uint64_t start = pxr_min_u64((uint64_t)off, t->file_bytes);
    fuse_reply_buf(req, (const char *)t->bytes + start, pxr_min_u64(n_bytes, t->file_bytes - start));
}

static void list(fuse_req_t req, size_t n_bytes, off_t off, bool is_plus)
{
    const struct null_tree *t = tree_of(req);
    char *out = malloc(n_bytes);
    size_t used = 0;
    for (uint64_t frame = (uint64_t)off; out && frame < t->n_frames; frame++) {
        char name[32];
        snprintf(name, sizeof name, "reel_%06" PRIu64 ".pgm", frame);
        const struct fuse_entry_param e = entry_of(t, frame + FRAME_INO);
        const off_t next = (off_t)frame + 1;
        const size_t n = is_plus ? fuse_add_direntry_plus(req, out + used, n_bytes - used, name, &e, next)
                                 : fuse_add_direntry(req, out + used, n_bytes - used, name, &e.attr, next);
        if (n > n_bytes - used)
            break;
        used += n;
    }
    if (out)
        fuse_reply_buf(req, out, used);
    else
        fuse_reply_err(req, ENOMEM);
    free(out);
}

static void null_readdir(fuse_req_t req, fuse_ino_t ino, size_t n_bytes, off_t off,
                         struct fuse_file_info *fi)
{
    (void)ino;
    (void)fi;
    list(req, n_bytes, off, false);
}

static void null_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t n_bytes, off_t off,
                             struct fuse_file_info *fi)
{
    (void)ino;
    (void)fi;
    list(req, n_bytes, off, true);
}

static const struct fuse_lowlevel_ops null_ops = {
    .init = null_init,
    .lookup = null_lookup,
    .getattr = null_getattr,
    .open = null_open,
    .read = null_read,
    .readdir = null_readdir,
    .readdirplus = null_readdirplus,
};

static int serve(struct null_tree *t, char *mount_point, unsigned max_threads)
{
    char *argv[] = {"nullfs", "-o", "ro,fsname=nullfs,default_permissions", NULL};
    struct fuse_args args = FUSE_ARGS_INIT(3, argv);
    struct fuse_session *session = fuse_session_new(&args, &null_ops, sizeof null_ops, t);
    struct fuse_loop_config *loop = fuse_loop_cfg_create();
    int code = 3;
    if (session && loop && !fuse_set_signal_handlers(session)) {
        fuse_loop_cfg_set_max_threads(loop, max_threads);
        fuse_loop_cfg_set_idle_threads(loop, max_threads);
        if (!fuse_session_mount(session, mount_point)) {
            code = fuse_session_loop_mt(session, loop) < 0 ? 3 : 0;
            fuse_session_unmount(session);
        }
        fuse_remove_signal_handlers(session);
    }
    if (loop)
        fuse_loop_cfg_destroy(loop);
    if (session)
        fuse_session_destroy(session);
    fuse_opt_free_args(&args);
    return code;
}

int main(int argc, char **argv)
{
    const unsigned n_cores = pxr_n_cores();
    struct null_tree t = {.n_frames = 240, .file_bytes = 307215};
    uint64_t max_threads = n_cores < 2 ? 2 : n_cores > 4 ? 4 : n_cores;
    const char *source = NULL;
    const struct pxr_option table[] = {
        {.name = "frames", .kind = PXR_OPT_UINT, .value = &t.n_frames, .arg = "N",
         .help = "files in the folder", .min = 1, .max = (uint64_t)1 << 32},
        {.name = "file", .kind = PXR_OPT_TEXT, .value = &source, .arg = "FILE",
         .help = "what every file holds"},
        {.name = "fastopen", .kind = PXR_OPT_FLAG, .value = &t.is_fastopen,
         .help = "do without a request for each opened file"},
        {.name = "threads", .kind = PXR_OPT_UINT, .value = &max_threads, .arg = "N",
         .help = "threads that answer requests", .min = 1, .max = 64},
        {.name = NULL},
    };
    struct pxr_diag diag;
    int n_operands;
    FILE *f = NULL;
    if (pxr_options_parse(table, argc, argv, &n_operands, &diag) != PXR_OK || n_operands != 1 ||
        !source || !(f = fopen(source, "rb")) || fseek(f, 0, SEEK_END)) {
        fprintf(stderr, "Usage: nullfs --file FILE [OPTION...] FOLDER\n");
        pxr_options_help(table);
        return 2;
    }
    const long n = ftell(f);
    rewind(f);
    t.file_bytes = n > 0 ? (uint64_t)n : 0;
    t.bytes = malloc(t.file_bytes + 1);
    const bool is_read = t.bytes && fread(t.bytes, 1, t.file_bytes, f) == t.file_bytes;
    fclose(f);
    const int code = is_read ? serve(&t, argv[1], (unsigned)max_threads) : 3;
    free(t.bytes);
    return code;
}
