/* SPDX-License-Identifier: MIT
 * Read the files named on standard input as programs do, and print how long that took as JSON.
 *
 * Whole files in the order given, 256 KiB at a time, one after the other: open, read to the end, close.
 * Or, with --threads: all of them opened first, then read whole by many threads in random order. */
#include "alloc.h"
#include "json.h"
#include "option.h"
#include "pool.h"
#include "progress.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHUNK_BYTES ((size_t)256 << 10)
#define MAX_THREADS 256

struct files {
    char **paths;
    int *fds; /* of threads; NULL: each is opened for its reading */
    size_t n, capacity;
};

struct reader {
    const struct files *files;
    atomic_size_t *n_left; /* reads that nobody has begun, shared */
    uint64_t random, n_bytes;
    const char *failed;
    int sys_errno;
};

static int fail(const char *path, int sys_errno)
{
    fprintf(stderr, "pxr_bench_read: %s: %s\n", path, strerror(sys_errno));
    return 1;
}

static bool read_list(struct files *f)
{
    char *line = NULL;
    size_t line_bytes = 0;
    ssize_t n;
    while ((n = getline(&line, &line_bytes, stdin)) > 0) {
        if (f->n == f->capacity) {
            f->capacity = f->capacity ? 2 * f->capacity : 1024;
            char **paths = realloc(f->paths, f->capacity * sizeof *paths);
            if (!paths)
                return false;
            f->paths = paths;
        }
        line[strcspn(line, "\n")] = 0;
        if (!(f->paths[f->n] = strdup(line)))
            return false;
        f->n++;
    }
    free(line);
    return f->n > 0;
}

/* All bytes of an open file, wherever it stands; -1: errno. */
static int64_t read_whole(int fd, void *buffer)
{
    int64_t total = 0;
    for (;;) {
        const ssize_t n = pread(fd, buffer, CHUNK_BYTES, total);
        if (n <= 0)
            return n < 0 ? -1 : total;
        total += n;
    }
}

static int compare_reals(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* One pass over all files, in order: bytes, seconds, and the median of the files' microseconds. */
static int read_pass(const struct files *f, void *buffer, double *each_us, struct pxr_json *j)
{
    uint64_t n_bytes = 0;
    const double start_s = pxr_clock_s();
    for (size_t i = 0; i < f->n; i++) {
        const double one_s = pxr_clock_s();
        const int fd = open(f->paths[i], O_RDONLY);
        const int64_t n = fd < 0 ? -1 : read_whole(fd, buffer);
        if (n < 0)
            return fail(f->paths[i], errno);
        close(fd);
        each_us[i] = (pxr_clock_s() - one_s) * 1e6;
        n_bytes += (uint64_t)n;
    }
    const double seconds = pxr_clock_s() - start_s;
    qsort(each_us, f->n, sizeof *each_us, compare_reals);
    pxr_json_object(j, NULL);
    pxr_json_u64(j, "bytes", n_bytes);
    pxr_json_real(j, "seconds", seconds, 6);
    pxr_json_real(j, "median_us", each_us[f->n / 2], 1);
    pxr_json_end_object(j);
    return 0;
}

static void *reader_main(void *arg)
{
    struct reader *r = arg;
    void *buffer = malloc(CHUNK_BYTES);
    size_t left;
    while (buffer && (left = atomic_load(r->n_left)) > 0) {
        if (!atomic_compare_exchange_weak(r->n_left, &left, left - 1))
            continue;
        r->random = r->random * 6364136223846793005u + 1442695040888963407u;
        const size_t i = (size_t)(r->random >> 33) % r->files->n;
        const int64_t n = read_whole(r->files->fds[i], buffer);
        if (n < 0) {
            r->sys_errno = errno;
            r->failed = r->files->paths[i];
            break;
        }
        r->n_bytes += (uint64_t)n;
    }
    free(buffer);
    return NULL;
}

static int read_by_threads(struct files *f, unsigned n_threads, size_t n_reads, struct pxr_json *j)
{
    static struct reader readers[MAX_THREADS];
    static pthread_t threads[MAX_THREADS];
    atomic_size_t n_left = n_reads;
    uint64_t n_bytes = 0;
    f->fds = malloc(f->n * sizeof *f->fds);
    if (!f->fds)
        return fail("memory", ENOMEM);
    const double start_s = pxr_clock_s();
    for (size_t i = 0; i < f->n; i++)
        if ((f->fds[i] = open(f->paths[i], O_RDONLY)) < 0)
            return fail(f->paths[i], errno);
    const double open_s = pxr_clock_s() - start_s;
    unsigned n_started = 0;
    for (; n_started < n_threads; n_started++) {
        readers[n_started] = (struct reader){.files = f, .n_left = &n_left, .random = n_started + 1};
        if (pthread_create(&threads[n_started], NULL, reader_main, &readers[n_started]))
            break;
    }
    int status = n_started == n_threads ? 0 : fail("a thread", EAGAIN);
    for (unsigned i = 0; i < n_started; i++) {
        pthread_join(threads[i], NULL);
        n_bytes += readers[i].n_bytes;
        if (readers[i].failed)
            status = fail(readers[i].failed, readers[i].sys_errno);
    }
    pxr_json_object(j, NULL);
    pxr_json_u64(j, "bytes", n_bytes);
    pxr_json_u64(j, "handles", f->n);
    pxr_json_real(j, "open_us", open_s / (double)f->n * 1e6, 2);
    pxr_json_real(j, "seconds", pxr_clock_s() - start_s - open_s, 6);
    pxr_json_end_object(j);
    for (size_t i = 0; i < f->n; i++)
        close(f->fds[i]);
    return status;
}

int main(int argc, char **argv)
{
    uint64_t n_passes = 1, n_threads = 0, n_reads = 1000;
    const struct pxr_option table[] = {
        {.name = "passes", .kind = PXR_OPT_UINT, .value = &n_passes, .arg = "N",
         .help = "how often all files are read in order (1)", .min = 1, .max = 1000},
        {.name = "threads", .kind = PXR_OPT_UINT, .value = &n_threads, .arg = "N",
         .help = "open all files and read them in random order with N threads", .min = 1, .max = MAX_THREADS},
        {.name = "reads", .kind = PXR_OPT_UINT, .value = &n_reads, .arg = "N",
         .help = "files that threads read (1000)", .min = 1, .max = 1000000000},
        {.name = NULL},
    };
    struct pxr_diag diag;
    int n_operands, status = 0;
    if (pxr_options_parse(table, argc, argv, &n_operands, &diag) != PXR_OK || n_operands) {
        fprintf(stderr, "Usage: pxr_bench_read [OPTION...] <LIST\n");
        pxr_options_help(table);
        return 2;
    }
    struct files f = {0};
    if (!read_list(&f))
        return fail("the list of files", ENOENT);
    struct pxr_json j = {.is_indented = false};
    void *buffer = malloc(CHUNK_BYTES);
    double *each_us = calloc(f.n, sizeof *each_us);
    if (!buffer || !each_us)
        return fail("memory", ENOMEM);
    memset(buffer, 0, CHUNK_BYTES); /* its pages are there before the clock runs */
    pxr_json_object(&j, NULL);
    pxr_json_array(&j, "passes");
    if (n_threads)
        status = read_by_threads(&f, (unsigned)n_threads, n_reads, &j);
    for (uint64_t i = 0; !n_threads && i < n_passes && !status; i++)
        status = read_pass(&f, buffer, each_us, &j);
    pxr_json_end_array(&j);
    pxr_json_end_object(&j);
    if (!status && !j.is_failed)
        puts(j.text);
    pxr_json_fini(&j);
    free(buffer);
    free(each_us);
    free(f.fds);
    for (size_t i = 0; i < f.n; i++)
        free(f.paths[i]);
    free(f.paths);
    return status;
}
