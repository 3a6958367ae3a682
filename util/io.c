/* SPDX-License-Identifier: MIT
 * The I/O seam: every byte of an archive goes through a struct pxr_io (include/pixelrain.h). */
#include "io.h"

#include "alloc.h"
#include "bytes.h"
#include "diag.h"
#include "lock.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- files ------------------------------------------------------------------------------------ */

struct disk_file {
    int fd;
    bool overwrite, is_nameless; /* nameless: nothing stays of it however the process ends */
    char *path;      /* final name, NULL when opened for reading                    */
    char *temp_path; /* NULL once it is published or discarded; nameless: not used yet */
};

static enum pxr_err disk_read_at(void *arg, uint64_t off, void *dst, size_t n, size_t *got, int *err)
{
    const struct disk_file *f = arg;
    size_t done = 0;
    while (done < n) {
        const ssize_t k = pread(f->fd, (uint8_t *)dst + done, n - done, (off_t)(off + done));
        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0) {
            *err = errno;
            return pxr_err_from_errno(errno);
        }
        if (k == 0)
            break;
        done += (size_t)k;
    }
    *got = done;
    return PXR_OK;
}

static enum pxr_err disk_write_at(void *arg, uint64_t off, const void *src, size_t n, int *err)
{
    const struct disk_file *f = arg;
    size_t done = 0;
    while (done < n) {
        const ssize_t k = pwrite(f->fd, (const uint8_t *)src + done, n - done, (off_t)(off + done));
        if (k < 0 && errno == EINTR)
            continue;
        if (k <= 0) {
            *err = k < 0 ? errno : EIO;
            return pxr_err_from_errno(*err);
        }
        done += (size_t)k;
    }
    return PXR_OK;
}

static enum pxr_err disk_bytes(void *arg, uint64_t *total, int *err)
{
    const struct disk_file *f = arg;
    const off_t end = lseek(f->fd, 0, SEEK_END); /* also right for block devices, unlike st_size */
    if (end < 0) {
        *err = errno;
        return PXR_E_IO;
    }
    *total = (uint64_t)end;
    return PXR_OK;
}

static enum pxr_err disk_sync(void *arg, int *err)
{
    const struct disk_file *f = arg;
    while (fdatasync(f->fd))
        if (errno != EINTR) {
            *err = errno;
            return pxr_err_from_errno(errno);
        }
    return PXR_OK;
}

/* Some file systems let a signal interrupt even these. */
static int fsync_whole(int fd)
{
    int result;
    do
        result = fsync(fd);
    while (result && errno == EINTR);
    return result;
}

static int rename_whole(const char *from, const char *to, unsigned flags)
{
    int result;
    do
        result = renameat2(AT_FDCWD, from, AT_FDCWD, to, flags);
    while (result && errno == EINTR);
    /* What has no flags may have no renameat2 either. */
    return result && !flags && (errno == EINVAL || errno == ENOSYS) ? rename(from, to) : result;
}

/* By its entry in /proc: the other way, AT_EMPTY_PATH, wants a privilege. */
static void proc_path(int fd, char dst[32]) { snprintf(dst, 32, "/proc/self/fd/%d", fd); }

static int link_whole(int fd, const char *to)
{
    char from[32];
    int result;
    proc_path(fd, from);
    do
        result = linkat(AT_FDCWD, from, AT_FDCWD, to, AT_SYMLINK_FOLLOW);
    while (result && errno == EINTR);
    return result;
}

/* A name for what has none.  An existing file is replaced by way of a temporary name: linking never replaces. */
static int give_name(struct disk_file *f)
{
    if (!link_whole(f->fd, f->path))
        return 0;
    if (errno != EEXIST || !f->overwrite)
        return -1;
    const int fd = mkostemps(f->temp_path, 4, O_CLOEXEC); /* a name that nobody else has; then ours */
    if (fd < 0)
        return -1;
    close(fd);
    f->is_nameless = false; /* from now on there is something to be removed */
    return unlink(f->temp_path) || link_whole(f->fd, f->temp_path) ? -1 : rename_whole(f->temp_path, f->path, 0);
}

/* Under its temporary name.  Without overwrite a file that appeared meanwhile must not be replaced. */
static int move_to_name(const struct disk_file *f)
{
    if (!rename_whole(f->temp_path, f->path, f->overwrite ? 0 : RENAME_NOREPLACE))
        return 0;
    /* Not every file system has RENAME_NOREPLACE; a hard link refuses to replace as well. */
    if (f->overwrite || (errno != EINVAL && errno != ENOSYS) || link(f->temp_path, f->path))
        return -1;
    unlink(f->temp_path);
    return 0;
}

/* The directory entry must be durable as well, or a power loss could take the whole file. */
static int sync_directory_of(const char *path)
{
    char *dir = pxr_strdup(path);
    if (!dir)
        return ENOMEM;
    char *slash = strrchr(dir, '/');
    if (slash)
        slash[slash == dir] = 0;
    const int fd = open(slash ? dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int err = fd < 0 ? errno : 0;
    /* Some file systems cannot sync a directory; they say EINVAL and there is nothing to be done. */
    if (fd >= 0 && fsync_whole(fd) && errno != EINVAL)
        err = errno;
    if (fd >= 0)
        close(fd);
    pxr_free(dir);
    return err;
}

static enum pxr_err disk_publish(void *arg, int *err)
{
    struct disk_file *f = arg;
    if (!f->temp_path) {
        *err = EINVAL;
        return PXR_E_STATE;
    }
    if (fsync_whole(f->fd) || (f->is_nameless ? give_name(f) : move_to_name(f))) {
        *err = errno;
        return errno == EEXIST ? PXR_E_BUSY : pxr_err_from_errno(errno);
    }
    pxr_free(f->temp_path);
    f->temp_path = NULL;
    *err = sync_directory_of(f->path);
    return *err ? pxr_err_from_errno(*err) : PXR_OK;
}

static void disk_discard(void *arg)
{
    struct disk_file *f = arg;
    if (f->temp_path && !f->is_nameless)
        unlink(f->temp_path);
    pxr_free(f->temp_path);
    f->temp_path = NULL;
}

static void disk_close(void *arg)
{
    struct disk_file *f = arg;
    disk_discard(f);
    close(f->fd);
    pxr_free(f->path);
    pxr_free(f);
}

static enum pxr_err disk_truncate(void *arg, uint64_t total, int *err)
{
    const struct disk_file *f = arg;
    while (ftruncate(f->fd, (off_t)total))
        if (errno != EINTR) {
            *err = errno;
            return pxr_err_from_errno(errno);
        }
    return PXR_OK;
}

static const struct pxr_io disk_io = {disk_read_at, disk_write_at, disk_bytes, disk_sync,
                                      disk_publish, disk_discard,  disk_close, disk_truncate};

static enum pxr_err adopt(struct pxr_file *out, int fd, struct pxr_diag *diag)
{
    struct disk_file *f = pxr_alloc_zero(1, sizeof *f);
    if (!f) {
        close(fd);
        return pxr_fail_nomem(diag, sizeof *f);
    }
    f->fd = fd;
    *out = (struct pxr_file){disk_io, f};
    return PXR_OK;
}

enum pxr_err pxr_file_open(struct pxr_file *out, const char *path, struct pxr_diag *diag)
{
    memset(out, 0, sizeof *out);
    struct stat st;
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return pxr_diag_in_file(
            diag, pxr_fail_sys(diag, pxr_err_from_errno(errno), errno, "cannot be opened"), path);
    if (fstat(fd, &st) || (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))) {
        close(fd);
        return pxr_diag_in_file(diag, pxr_fail(diag, PXR_E_INVALID, "is not a regular file"), path);
    }
    return adopt(out, fd, diag);
}

enum pxr_err pxr_file_open_locked(struct pxr_file *out, const char *path, struct pxr_diag *diag)
{
    memset(out, 0, sizeof *out);
    for (;;) {
        struct stat st, now;
        const int fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
        if (fd < 0)
            return pxr_diag_in_file(
                diag, pxr_fail_sys(diag, pxr_err_from_errno(errno), errno, "cannot be opened for writing"), path);
        enum pxr_err e = PXR_OK;
        if (fstat(fd, &st) || !S_ISREG(st.st_mode))
            e = pxr_fail(diag, PXR_E_INVALID, "is not a regular file");
        if (e == PXR_OK)
            e = pxr_lock_fd(fd, diag);
        if (e != PXR_OK) {
            close(fd);
            return pxr_diag_in_file(diag, e, path);
        }
        /* Who held the lock may have put another file in its place. */
        if (!stat(path, &now) && now.st_ino == st.st_ino && now.st_dev == st.st_dev)
            return adopt(out, fd, diag);
        close(fd);
    }
}

/* A file in this folder that has no name, which vanishes with the process, also when that is killed.  -1: this file
 * system has none, or /proc, by which it gets its name, is not there. */
static int open_nameless(const char *dir)
{
    char entry[32];
    const int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0666);
    proc_path(fd, entry);
    if (fd < 0 || !access(entry, F_OK))
        return fd;
    close(fd);
    return -1;
}

static int open_named(struct disk_file *f)
{
    const int fd = mkostemps(f->temp_path, 4, O_CLOEXEC);
    /* mkostemps makes private files; what the user asked for has the permissions of the umask. */
    const mode_t mask = umask(0);
    umask(mask);
    if (fd >= 0)
        (void)!fchmod(fd, 0666 & ~mask);
    return fd;
}

/* In the folder of its path. */
static int open_unpublished(struct disk_file *f)
{
    const char *slash = strrchr(f->path, '/');
    const size_t dir_bytes = slash ? (size_t)(slash - f->path) + 1 : 0;
    char *dir = pxr_strdup(dir_bytes ? f->path : ".");
    if (!dir) {
        errno = ENOMEM;
        return -1;
    }
    if (dir_bytes)
        dir[dir_bytes] = 0;
    int fd = open_nameless(dir);
    f->is_nameless = fd >= 0;
    pxr_free(dir);
    return fd >= 0 ? fd : open_named(f);
}

/* What is private stays so when it is replaced: the owner, where that may be given away, and who may read. */
static void keep_access(int fd, const struct stat *old)
{
    struct stat own;
    mode_t mode = old->st_mode & 0777;
    if (fstat(fd, &own))
        return;
    if ((own.st_uid != old->st_uid || own.st_gid != old->st_gid) && fchown(fd, old->st_uid, old->st_gid) &&
        own.st_gid != old->st_gid)
        mode &= ~(mode_t)070 | (mode & 07) << 3; /* another group may not do more than everybody */
    (void)!fchmod(fd, mode);
}

enum pxr_err pxr_file_create(struct pxr_file *out, const char *path, bool overwrite,
                             struct pxr_diag *diag)
{
    memset(out, 0, sizeof *out);
    struct stat st;
    const bool is_there = !stat(path, &st);
    if (is_there) {
        if (!S_ISREG(st.st_mode))
            return pxr_diag_in_file(
                diag, pxr_fail(diag, PXR_E_INVALID, "exists and is not a regular file"), path);
        if (!overwrite)
            return pxr_diag_in_file(
                diag, pxr_fail(diag, PXR_E_BUSY, "exists already; -f replaces it"), path);
    }
    struct disk_file *f = pxr_alloc_zero(1, sizeof *f);
    const size_t room = strlen(path) + sizeof ".XXXXXX.tmp" + 1;
    if (!f || !(f->path = pxr_strdup(path)) || !(f->temp_path = pxr_alloc(room))) {
        if (f)
            pxr_free(f->path);
        pxr_free(f);
        return pxr_fail_nomem(diag, room);
    }
    const char *slash = strrchr(path, '/');
    const int dir_bytes = slash ? (int)(slash - path + 1) : 0;
    snprintf(f->temp_path, room, "%.*s.%s.XXXXXX.tmp", dir_bytes, path, path + dir_bytes);
    f->overwrite = overwrite;
    f->fd = open_unpublished(f);
    if (f->fd < 0) {
        const int err = errno;
        pxr_free(f->path);
        pxr_free(f->temp_path);
        pxr_free(f);
        return pxr_diag_in_file(
            diag, pxr_fail_sys(diag, pxr_err_from_errno(err), err, "cannot be created"), path);
    }
    if (is_there)
        keep_access(f->fd, &st);
    /* Nobody appends to an archive that gets its name while it is still written. */
    (void)!flock(f->fd, LOCK_EX | LOCK_NB);
    *out = (struct pxr_file){disk_io, f};
    return PXR_OK;
}

/* ---- memory ----------------------------------------------------------------------------------- */

struct memory_file {
    pthread_mutex_t lock; /* guards all fields below */
    uint8_t *bytes;
    size_t n_bytes, capacity;
};

static enum pxr_err memory_read_at(void *arg, uint64_t off, void *dst, size_t n, size_t *got, int *err)
{
    struct memory_file *m = arg;
    (void)err;
    pthread_mutex_lock(&m->lock);
    const size_t k = off >= m->n_bytes ? 0 : (size_t)pxr_min_u64(n, m->n_bytes - off);
    if (k)
        memcpy(dst, m->bytes + off, k);
    pthread_mutex_unlock(&m->lock);
    *got = k;
    return PXR_OK;
}

static enum pxr_err memory_write_at(void *arg, uint64_t off, const void *src, size_t n, int *err)
{
    struct memory_file *m = arg;
    pthread_mutex_lock(&m->lock);
    const bool fits = off + n <= SIZE_MAX && pxr_reserve(&m->bytes, &m->capacity, off + n, 1);
    if (fits) {
        if (off > m->n_bytes)
            memset(m->bytes + m->n_bytes, 0, off - m->n_bytes);
        if (n)
            memcpy(m->bytes + off, src, n);
        m->n_bytes = off + n > m->n_bytes ? off + n : m->n_bytes;
    }
    pthread_mutex_unlock(&m->lock);
    *err = fits ? 0 : ENOMEM;
    return fits ? PXR_OK : PXR_E_NOMEM;
}

static enum pxr_err memory_bytes(void *arg, uint64_t *total, int *err)
{
    struct memory_file *m = arg;
    (void)err;
    pthread_mutex_lock(&m->lock);
    *total = m->n_bytes;
    pthread_mutex_unlock(&m->lock);
    return PXR_OK;
}

static enum pxr_err memory_done(void *arg, int *err)
{
    (void)arg;
    (void)err;
    return PXR_OK;
}

static void memory_discard(void *arg) { (void)arg; }

static void memory_close(void *arg)
{
    struct memory_file *m = arg;
    pthread_mutex_destroy(&m->lock);
    pxr_free(m->bytes);
    pxr_free(m);
}

static enum pxr_err memory_truncate(void *arg, uint64_t total, int *err)
{
    struct memory_file *m = arg;
    (void)err;
    pthread_mutex_lock(&m->lock);
    m->n_bytes = (size_t)pxr_min_u64(m->n_bytes, total);
    pthread_mutex_unlock(&m->lock);
    return PXR_OK;
}

static const struct pxr_io memory_io = {memory_read_at, memory_write_at, memory_bytes, memory_done,
                                        memory_done,    memory_discard,  memory_close, memory_truncate};

enum pxr_err pxr_file_memory(struct pxr_file *out, const void *src, size_t src_bytes,
                             struct pxr_diag *diag)
{
    memset(out, 0, sizeof *out);
    struct memory_file *m = pxr_alloc_zero(1, sizeof *m);
    int err = 0;
    if (!m)
        return pxr_fail_nomem(diag, sizeof *m);
    pthread_mutex_init(&m->lock, NULL);
    if (src_bytes && memory_write_at(m, 0, src, src_bytes, &err) != PXR_OK) {
        memory_close(m);
        return pxr_fail_nomem(diag, src_bytes);
    }
    *out = (struct pxr_file){memory_io, m};
    return PXR_OK;
}

const uint8_t *pxr_file_memory_bytes(const struct pxr_file *f, size_t *n_bytes)
{
    const struct memory_file *m = f->arg;
    *n_bytes = m->n_bytes;
    return m->bytes;
}

/* ---- both ------------------------------------------------------------------------------------- */

void pxr_file_close(struct pxr_file *f)
{
    if (f->io.close)
        f->io.close(f->arg);
    memset(f, 0, sizeof *f);
}

enum pxr_err pxr_file_read(const struct pxr_file *f, uint64_t off, void *dst, size_t n,
                           struct pxr_diag *diag)
{
    size_t got = 0;
    int err = 0;
    const enum pxr_err e = f->io.read_at(f->arg, off, dst, n, &got, &err);
    if (e != PXR_OK) {
        pxr_fail_sys(diag, e, err, "cannot be read");
        if (diag)
            diag->off_bytes = off;
        return e;
    }
    if (got != n)
        return pxr_fail_field(diag, PXR_E_TRUNCATED, off, "bytes", n, got, "the file ends too early");
    return PXR_OK;
}

enum pxr_err pxr_file_write(const struct pxr_file *f, uint64_t off, const void *src, size_t n,
                            struct pxr_diag *diag)
{
    int err = 0;
    const enum pxr_err e = f->io.write_at(f->arg, off, src, n, &err);
    if (e == PXR_OK)
        return e;
    pxr_fail_sys(diag, e, err, "cannot be written");
    if (diag)
        diag->off_bytes = off;
    return e;
}

enum pxr_err pxr_file_bytes(const struct pxr_file *f, uint64_t *total, struct pxr_diag *diag)
{
    int err = 0;
    const enum pxr_err e = f->io.bytes(f->arg, total, &err);
    return e == PXR_OK ? e : pxr_fail_sys(diag, e, err, "its size cannot be found");
}

enum pxr_err pxr_file_sync(const struct pxr_file *f, struct pxr_diag *diag)
{
    int err = 0;
    const enum pxr_err e = f->io.sync(f->arg, &err);
    return e == PXR_OK ? e : pxr_fail_sys(diag, e, err, "cannot be made durable");
}

/* ---- descriptors ------------------------------------------------------------------------------ */

enum pxr_err pxr_read_some(int fd, void *dst, size_t n_bytes, size_t *got, struct pxr_diag *diag)
{
    ssize_t k;
    do
        k = read(fd, dst, n_bytes);
    while (k < 0 && errno == EINTR);
    *got = k > 0 ? (size_t)k : 0;
    return k < 0 ? pxr_fail_sys(diag, pxr_err_from_errno(errno), errno, "cannot be read") : PXR_OK;
}

enum pxr_err pxr_read_fd(int fd, void *dst, size_t n_bytes, size_t *got, struct pxr_diag *diag)
{
    size_t done = 0;
    while (done < n_bytes) {
        const ssize_t k = read(fd, (uint8_t *)dst + done, n_bytes - done);
        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0) {
            *got = done;
            return pxr_fail_sys(diag, pxr_err_from_errno(errno), errno, "cannot be read");
        }
        if (k == 0)
            break;
        done += (size_t)k;
    }
    *got = done;
    return PXR_OK;
}

enum pxr_err pxr_write_fd(int fd, const void *src, size_t n_bytes, struct pxr_diag *diag)
{
    size_t done = 0;
    while (done < n_bytes) {
        const ssize_t k = write(fd, (const uint8_t *)src + done, n_bytes - done);
        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0)
            return pxr_fail_sys(diag, pxr_err_from_errno(errno), errno, "cannot be written");
        done += (size_t)k;
    }
    return PXR_OK;
}

enum pxr_err pxr_read_all(int fd, uint64_t max_bytes, uint8_t **out, size_t *out_bytes,
                          struct pxr_diag *diag)
{
    struct stat st;
    uint8_t *bytes = NULL;
    size_t n = 0, capacity = 0, got;
    enum pxr_err e;
    *out = NULL;
    *out_bytes = 0;
    if (!fstat(fd, &st) && S_ISREG(st.st_mode) && (uint64_t)st.st_size > max_bytes)
        return pxr_fail_field(diag, PXR_E_LIMIT, PXR_NONE, "bytes", max_bytes, (uint64_t)st.st_size,
                              "the file is larger than the limit");
    /* One byte more than a regular file has, so that its end is seen without growing again. */
    size_t step = !fstat(fd, &st) && S_ISREG(st.st_mode) ? (size_t)st.st_size + 1 : 65536;
    do {
        if (!pxr_reserve(&bytes, &capacity, n + step, 1)) {
            e = pxr_fail_nomem(diag, n + step);
            goto failed;
        }
        e = pxr_read_fd(fd, bytes + n, capacity - n, &got, diag);
        if (e != PXR_OK)
            goto failed;
        n += got;
        if (n > max_bytes) {
            e = pxr_fail_field(diag, PXR_E_LIMIT, PXR_NONE, "bytes", max_bytes, n,
                               "the input is larger than the limit");
            goto failed;
        }
        step = 65536;
    } while (got && n == capacity);
    *out = bytes;
    *out_bytes = n;
    return PXR_OK;
failed:
    pxr_free(bytes);
    return e;
}
