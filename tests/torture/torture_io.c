/* SPDX-License-Identifier: MIT
 * Failing system calls: each call of a life of packing, appending, checking and recovering on real files fails in turn
 * with EIO or ENOSPC, once or from then on, or is interrupted, or moves fewer bytes than asked.  Interrupted
 * and short calls must not be noticed; the others must end as errors of the machine, without
 * temporary files, and with every frame that was promised.
 *
 * The functions of the C library that the I/O layer uses are defined here, so that calls come by. */
#include "torture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- the seam ----------------------------------------------------------------------------------- */

enum kind { EIO_ONCE, EIO_ON, ENOSPC_ONCE, ENOSPC_ON, EINTR_ONCE, EINTR_OFTEN, SHORT_ONCE, SHORT_ON, N_KINDS };
static bool is_armed, has_failed;
static uint64_t n_calls, fail_at;
static enum kind kind;

/* The errno that this call gets, or 0. */
static int fault(void)
{
    if (!is_armed || ++n_calls < fail_at)
        return 0;
    const bool is_first = n_calls == fail_at;
    int err = 0;
    if (kind == EIO_ON || (kind == EIO_ONCE && is_first))
        err = EIO;
    else if (kind == ENOSPC_ON || (kind == ENOSPC_ONCE && is_first))
        err = ENOSPC;
    else if ((kind == EINTR_OFTEN && n_calls % 2) || (kind == EINTR_ONCE && is_first))
        err = EINTR;
    has_failed |= err != 0;
    return err;
}

static size_t shortened(size_t n)
{
    if (!is_armed || n < 2 || !(kind == SHORT_ON ? n_calls >= fail_at : kind == SHORT_ONCE && n_calls == fail_at))
        return n;
    has_failed = true;
    return (n + 1) / 2;
}

#define FAULTY(call)                                                                                                   \
    const int err = fault();                                                                                           \
    if (err) {                                                                                                         \
        errno = err;                                                                                                   \
        return -1;                                                                                                     \
    }                                                                                                                  \
    return call

ssize_t pread64(int fd, void *dst, size_t n, __off64_t off);
ssize_t pread64(int fd, void *dst, size_t n, __off64_t off) { FAULTY(syscall(SYS_pread64, fd, dst, shortened(n), off)); }
ssize_t pwrite64(int fd, const void *src, size_t n, __off64_t off);
ssize_t pwrite64(int fd, const void *src, size_t n, __off64_t off) { FAULTY(syscall(SYS_pwrite64, fd, src, shortened(n), off)); }
int fdatasync(int fd) { FAULTY((int)syscall(SYS_fdatasync, fd)); }
int fsync(int fd) { FAULTY((int)syscall(SYS_fsync, fd)); }
int ftruncate64(int fd, __off64_t n);
int ftruncate64(int fd, __off64_t n) { FAULTY((int)syscall(SYS_ftruncate, fd, n)); }
int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
    FAULTY((int)syscall(SYS_renameat2, from_dir, from, to_dir, to, flags));
}
int linkat(int from_dir, const char *from, int to_dir, const char *to, int flags)
{
    FAULTY((int)syscall(SYS_linkat, from_dir, from, to_dir, to, flags));
}
/* Never fails, but may say that the file system has no files without names. */
static bool has_nameless;
int open64(const char *name, int flags, ...);
int open64(const char *name, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    const mode_t mode = va_arg(args, mode_t); /* whatever it is where there is none */
    va_end(args);
    if ((flags & O_TMPFILE) == O_TMPFILE && !has_nameless) {
        errno = EOPNOTSUPP;
        return -1;
    }
    return (int)syscall(SYS_openat, AT_FDCWD, name, flags, mode);
}
int flock(int fd, int operation) { FAULTY((int)syscall(SYS_flock, fd, operation)); }

/* ---- a life ------------------------------------------------------------------------------------- */

static char folder[64], path[96], fresh_path[96];
static enum pxr_codec codec;
static uint32_t block_frames;

static enum pxr_err write_part(uint32_t first, uint32_t *n_durable, struct pxr_diag *d)
{
    const struct pxr_write_opts o = {.width_px = TORTURE_W, .height_px = TORTURE_H, .bits = 8, .n_threads = 1,
                                     .block_frames = block_frames, .publish_at_commit = block_frames % 2,
                                     .codec = codec,
                                     /* What append goes on with. */
                                     .parity_percent = block_frames == 3 && !first && pxr_parity_is_built_in() ? 7 : 0};
    pxr_writer *w;
    enum pxr_err e = first ? pxr_writer_append(&w, path, &o, d) : pxr_writer_create(&w, path, &o, d);
    if (e != PXR_OK)
        return e;
    uint32_t promised = 0;
    e = torture_add(w, first, first + 6, &promised);
    if (first || o.publish_at_commit) /* else it has no name yet */
        *n_durable = promised ? promised : *n_durable;
    if (e != PXR_OK) {
        *d = *pxr_writer_diag(w);
        pxr_writer_abort(w);
        return e;
    }
    e = pxr_writer_finish(w, NULL, d);
    *n_durable = e == PXR_OK ? first + 6 : *n_durable;
    return e;
}

static enum pxr_err read_file(int64_t *n_frames, struct pxr_diag *d)
{
    struct pxr_file f;
    enum pxr_err e = pxr_file_open(&f, path, d);
    *n_frames = -1;
    if (e == PXR_OK)
        *n_frames = torture_read(&f.io, f.arg, &e, d);
    return e;
}

static enum pxr_err live(uint32_t *n_durable, struct pxr_diag *d)
{
    const struct pxr_recover_opts o = {.n_threads = 1, .overwrite = true};
    struct pxr_check_report check;
    struct pxr_recover_report report;
    int64_t n_frames;
    enum pxr_err e = write_part(0, n_durable, d);
    if (e == PXR_OK)
        e = write_part(6, n_durable, d);
    if (e == PXR_OK)
        e = read_file(&n_frames, d);
    if (e == PXR_OK)
        e = pxr_archive_check(path, PXR_CHECK_DEEP, 1, NULL, NULL, NULL, &check, d);
    if (e == PXR_OK && check.n_damages)
        TORTURE_FAIL("check finds %llu damages", (unsigned long long)check.n_damages);
    if (e == PXR_OK && close((int)syscall(SYS_openat, AT_FDCWD, fresh_path, O_CREAT | O_WRONLY, 0600))) /* to be replaced */
        TORTURE_FAIL("%s: %s", fresh_path, strerror(errno));
    if (e == PXR_OK)
        e = pxr_archive_recover(path, fresh_path, &o, &report, d);
    if (e == PXR_OK && report.n_frames != TORTURE_FRAMES)
        TORTURE_FAIL("recover keeps %llu frames", (unsigned long long)report.n_frames);
    return e;
}

/* No temporary file stays, and what was promised is there and can be appended to. */
static void examine(uint32_t n_durable, const char *what)
{
    const struct pxr_write_opts o = {.n_threads = 1, .skip_tail = true};
    struct pxr_diag d = {0};
    int64_t found;
    uint32_t unused;
    pxr_writer *w;
    unlink(fresh_path);
    if (access(path, F_OK)) {
        if (n_durable)
            TORTURE_FAIL("%s: the archive is gone", what);
    } else {
        enum pxr_err e = read_file(&found, &d);
        if (e != PXR_OK || found < n_durable)
            TORTURE_FAIL("%s: %lld of %u frames are there: %s", what, (long long)found, n_durable, d.text);
        if ((e = pxr_writer_append(&w, path, &o, &d)) != PXR_OK)
            TORTURE_FAIL("%s: append: %s", what, d.text);
        if (torture_add(w, (uint32_t)found, TORTURE_FRAMES, &unused) != PXR_OK ||
            pxr_writer_finish(w, NULL, &d) != PXR_OK || read_file(&found, &d) != PXR_OK || found != TORTURE_FRAMES)
            TORTURE_FAIL("%s: after append: %s", what, d.text);
        unlink(path);
    }
    if (rmdir(folder) || mkdir(folder, 0700))
        TORTURE_FAIL("%s: temporary files are left in %s", what, folder);
}

static bool try_one(uint64_t n)
{
    struct pxr_diag d = {0};
    uint32_t n_durable = 0;
    char what[96];
    snprintf(what, sizeof what, "codec %d, kind %d, call %llu", codec, kind, (unsigned long long)n);
    n_calls = 0;
    fail_at = n;
    has_failed = false;
    has_nameless = n % 2;
    is_armed = true;
    const enum pxr_err e = live(&n_durable, &d);
    is_armed = false;
    if (kind >= EINTR_ONCE && e != PXR_OK)
        TORTURE_FAIL("%s: is noticed: %s", what, d.text);
    if (e != PXR_OK && (pxr_err_exit(e) != 3 || !has_failed || !d.text[0]))
        TORTURE_FAIL("%s: %d %s", what, e, d.text);
    examine(n_durable, what);
    return has_failed;
}

int main(int argc, char **argv)
{
    static const enum pxr_codec codecs[] = {PXR_CODEC_AUTO, PXR_CODEC_STORE, PXR_CODEC_MATCH, PXR_CODEC_PREDICT,
                                            PXR_CODEC_ADAPTIVE, PXR_CODEC_SORTED, PXR_CODEC_ZSTD};
    const uint64_t count = torture_count(argc, argv, 500);
    uint64_t n_faults = 0, n_per_kind[N_KINDS] = {0};
    snprintf(folder, sizeof folder, "%s/pxr_torture_XXXXXX", access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
    if (!mkdtemp(folder))
        TORTURE_FAIL("%s: %s", folder, strerror(errno));
    snprintf(path, sizeof path, "%s/a.pxr", folder);
    snprintf(fresh_path, sizeof fresh_path, "%s/b.pxr", folder);
    for (uint64_t round = 0; n_faults < count; round++) {
        codec = codecs[round % 7];
        block_frames = 1 + (uint32_t)(round / 7 % 6);
        if (!torture_has_codec(codec))
            continue;
        kind = EIO_ONCE;
        try_one(UINT64_MAX);
        const uint64_t n_here = n_calls, step = count > 5000 ? 1 : 13; /* the short form samples */
        for (uint64_t n = 1 + round % step; n <= n_here && n_faults < count; n += step)
            for (kind = 0; kind < N_KINDS; kind++) {
                const bool was_fault = try_one(n);
                n_faults += was_fault;
                n_per_kind[kind] += was_fault;
            }
    }
    rmdir(folder);
    printf("IO %llu faults (EIO %llu once, %llu on; ENOSPC %llu, %llu; EINTR %llu, %llu; short %llu, %llu): no committed "
           "frame lost, nothing left behind\n",
           (unsigned long long)n_faults, (unsigned long long)n_per_kind[0], (unsigned long long)n_per_kind[1],
           (unsigned long long)n_per_kind[2], (unsigned long long)n_per_kind[3], (unsigned long long)n_per_kind[4],
           (unsigned long long)n_per_kind[5], (unsigned long long)n_per_kind[6], (unsigned long long)n_per_kind[7]);
    return 0;
}
