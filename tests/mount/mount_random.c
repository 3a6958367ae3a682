/* SPDX-License-Identifier: MIT
 * Random parts of random files of a mount by many threads, each compared with what it must be.
 *
 *     mount_random MOUNT REFERENCE READS THREADS SEED [UNTIL]
 *
 * REFERENCE holds files that MOUNT must have under the same paths.  With UNTIL the mount grows: files may be missing
 * until a file of that name exists, but what was there once stays; listings never become shorter; and reading goes
 * on until then, however many reads that are. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { N_OPEN = 12, MAX_PART = 1 << 18, MAX_FILES = 1 << 17, MAX_FOLDERS = 1 << 14 };

struct file {
    char *path; /* below both roots */
    uint8_t *bytes;
    size_t n_bytes;
    atomic_bool is_seen;
};

static struct file files[MAX_FILES];
static size_t n_files, n_all_bytes;
static char *folders[MAX_FOLDERS];
static size_t n_folders;
static const char *mount_root, *reference_root;
static atomic_bool is_final;          /* all files are there */
static atomic_ullong n_reads, n_compared_bytes, n_missing, n_listings, n_dropped;
static unsigned long long n_wanted;

#define DIE(...)                                                                                                       \
    do {                                                                                                               \
        fprintf(stderr, "FAILED: " __VA_ARGS__);                                                                       \
        fputc('\n', stderr);                                                                                           \
        exit(1);                                                                                                       \
    } while (0)

static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

/* ---- the reference ------------------------------------------------------------------------------- */

static int take(const char *path, const struct stat *st, int type, struct FTW *at)
{
    const char *below = path + strlen(reference_root);
    (void)at;
    if (type == FTW_D && n_folders < MAX_FOLDERS)
        folders[n_folders++] = strdup(below);
    if (type != FTW_F)
        return 0;
    if (n_files == MAX_FILES)
        DIE("more than %d files", MAX_FILES);
    struct file *f = &files[n_files++];
    const int fd = open(path, O_RDONLY);
    f->path = strdup(below);
    f->n_bytes = (size_t)st->st_size;
    f->bytes = malloc(f->n_bytes + 1);
    if (fd < 0 || !f->path || !f->bytes || read(fd, f->bytes, f->n_bytes) != (ssize_t)f->n_bytes)
        DIE("%s: cannot be read: %s", path, strerror(errno));
    close(fd);
    n_all_bytes += f->n_bytes;
    return 0;
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct file *)a)->path, ((const struct file *)b)->path);
}

static const struct file *find(const char *path)
{
    const struct file key = {.path = (char *)(uintptr_t)path};
    return bsearch(&key, files, n_files, sizeof files[0], by_path);
}

/* ---- one reader ---------------------------------------------------------------------------------- */

struct open_file {
    struct file *file;
    int fd;
};

static void open_another(struct open_file *o, uint64_t *state)
{
    char path[PATH_MAX];
    if (o->fd >= 0)
        close(o->fd);
    o->file = &files[next_random(state) % n_files];
    /* Asked before: what appears meanwhile must not count as missing. */
    const bool must_exist = atomic_load(&is_final) || atomic_load(&o->file->is_seen);
    snprintf(path, sizeof path, "%s%s", mount_root, o->file->path);
    o->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (o->fd >= 0)
        atomic_store(&o->file->is_seen, true);
    else if (errno != ENOENT || must_exist)
        DIE("%s: %s", path, strerror(errno));
    else
        atomic_fetch_add(&n_missing, 1);
}

/* Mostly small parts: what a viewer or a parser asks for. */
static size_t part_bytes(uint64_t *state)
{
    const uint64_t kind = next_random(state) % 32;
    return 1 + next_random(state) % (kind < 24 ? 512 : kind < 31 ? 8192 : MAX_PART);
}

static void read_part(const struct open_file *o, uint64_t *state, uint8_t *part)
{
    const struct file *f = o->file;
    const size_t n = part_bytes(state);
    const size_t off = next_random(state) % 8 ? next_random(state) % (f->n_bytes + 1)
                                              : f->n_bytes - (f->n_bytes < 64 ? f->n_bytes : next_random(state) % 64);
    const size_t want = n < f->n_bytes - off ? n : f->n_bytes - off;
    if (next_random(state) % 256 == 0 && !posix_fadvise(o->fd, 0, 0, POSIX_FADV_DONTNEED))
        atomic_fetch_add(&n_dropped, 1); /* past the kernel's memory */
    const ssize_t got = pread(o->fd, part, n, (off_t)off);
    if (got < 0)
        DIE("%s: [%zu, +%zu): %s", f->path, off, n, strerror(errno));
    if ((size_t)got != want)
        DIE("%s: [%zu, +%zu) gave %zd bytes, not %zu", f->path, off, n, got, want);
    if (memcmp(part, f->bytes + off, want))
        DIE("%s: [%zu, +%zu): WRONG BYTES", f->path, off, n);
    atomic_fetch_add_explicit(&n_compared_bytes, want, memory_order_relaxed);
}

static void *run_reader(void *arg)
{
    uint64_t state = (uint64_t)(uintptr_t)arg;
    struct open_file open_files[N_OPEN];
    uint8_t *part = malloc(MAX_PART);
    for (int i = 0; i < N_OPEN; i++)
        open_files[i].fd = -1;
    while (part) {
        struct open_file *o = &open_files[next_random(&state) % N_OPEN];
        if (o->fd < 0 || next_random(&state) % 64 == 0)
            open_another(o, &state);
        if (o->fd >= 0) {
            read_part(o, &state, part);
            if (atomic_fetch_add(&n_reads, 1) + 1 >= n_wanted && atomic_load(&is_final))
                break;
        } else if (!atomic_load(&is_final)) {
            usleep(200); /* little is there yet */
        }
    }
    for (int i = 0; i < N_OPEN; i++)
        if (open_files[i].fd >= 0)
            close(open_files[i].fd);
    free(part);
    return NULL;
}

/* ---- listings ------------------------------------------------------------------------------------ */

static size_t list(const char *folder)
{
    char path[PATH_MAX];
    size_t n = 0;
    snprintf(path, sizeof path, "%s%s", mount_root, folder);
    DIR *dir = opendir(path);
    if (!dir)
        DIE("%s: %s", path, strerror(errno));
    for (struct dirent *d; (d = readdir(dir));) {
        snprintf(path, sizeof path, "%s/%s", folder, d->d_name);
        n += find(path) != NULL;
    }
    closedir(dir);
    return n;
}

static void *run_lister(void *arg)
{
    static size_t before[MAX_FOLDERS];
    (void)arg;
    while (!atomic_load(&is_final) || atomic_load(&n_reads) < n_wanted) {
        for (size_t i = 0; i < n_folders; i++) {
            const size_t n = list(folders[i]);
            if (n < before[i])
                DIE("%s%s: %zu of %zu files are left", mount_root, folders[i], n, before[i]);
            before[i] = n;
            atomic_fetch_add(&n_listings, 1);
        }
        usleep(5000);
    }
    return NULL;
}

/* Each file is listed in the end. */
static void check_all(void)
{
    size_t n = 0;
    for (size_t i = 0; i < n_folders; i++)
        n += list(folders[i]);
    if (n != n_files)
        DIE("%s: %zu files of %zu are listed", mount_root, n, n_files);
}

int main(int argc, char **argv)
{
    if (argc != 6 && argc != 7) {
        fprintf(stderr, "usage: mount_random MOUNT REFERENCE READS THREADS SEED [UNTIL]\n");
        return 2;
    }
    const unsigned n_threads = (unsigned)atoi(argv[4]);
    const uint64_t seed = strtoull(argv[5], NULL, 10);
    const char *until = argc == 7 ? argv[6] : NULL;
    pthread_t *threads = calloc(n_threads + 1, sizeof *threads);
    mount_root = argv[1];
    reference_root = argv[2];
    n_wanted = strtoull(argv[3], NULL, 10);
    atomic_store(&is_final, !until);
    if (nftw(reference_root, take, 16, FTW_PHYS) || !n_files || !n_threads || !threads)
        DIE("%s: cannot be read", reference_root);
    qsort(files, n_files, sizeof files[0], by_path);
    for (unsigned i = 0; i <= n_threads; i++)
        if (pthread_create(&threads[i], NULL, i ? run_reader : run_lister, (void *)(uintptr_t)(seed * 1000 + i)))
            DIE("no thread");
    while (!atomic_load(&is_final)) {
        atomic_store(&is_final, !access(until, F_OK));
        usleep(10000);
    }
    for (unsigned i = 0; i <= n_threads; i++)
        pthread_join(threads[i], NULL);
    check_all();
    printf("RANDOM %llu reads of %zu files (%zu MB) by %u threads, %llu MB compared, %llu past the kernel's memory, "
           "%llu listings, %llu files looked for too early: 0 wrong\n",
           atomic_load(&n_reads), n_files, n_all_bytes >> 20, n_threads, atomic_load(&n_compared_bytes) >> 20,
           atomic_load(&n_dropped), atomic_load(&n_listings), atomic_load(&n_missing));
    for (size_t i = 0; i < n_files; i++) {
        free(files[i].path);
        free(files[i].bytes);
    }
    for (size_t i = 0; i < n_folders; i++)
        free(folders[i]);
    free(threads);
    return 0;
}
