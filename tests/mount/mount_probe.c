/* SPDX-License-Identifier: MIT
 * What the mount tests cannot say in shell: mmap, random ranges by many threads, libspng, empty archives. */
#include "bytes.h"
#include "pixelrain.h"
#include "view_index.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef PXR_HAVE_SPNG
#include <spng.h>
#endif

static int complain(const char *what, const char *path)
{
    fprintf(stderr, "mount_probe: %s: %s: %s\n", path, what, strerror(errno));
    return 1;
}

/* A whole file by read(2), however long it says it is; NULL: failed. */
static uint8_t *slurp(const char *path, size_t *n_bytes)
{
    size_t capacity = 1 << 16;
    uint8_t *bytes = malloc(capacity);
    const int fd = open(path, O_RDONLY);
    ssize_t n = fd < 0 ? -1 : 1;
    *n_bytes = 0;
    while (bytes && n > 0) {
        if (*n_bytes == capacity)
            bytes = realloc(bytes, capacity *= 2);
        n = bytes ? read(fd, bytes + *n_bytes, capacity - *n_bytes) : -1;
        if (n > 0)
            *n_bytes += (size_t)n;
    }
    if (fd >= 0)
        close(fd);
    if (n == 0)
        return bytes;
    complain("cannot be read", path);
    free(bytes);
    return NULL;
}

/* mmap FILE REFERENCE: the mapping of one equals the bytes of the other. */
static int probe_mmap(char **args)
{
    size_t n_bytes;
    struct stat st;
    uint8_t *expected = slurp(args[1], &n_bytes);
    const int fd = open(args[0], O_RDONLY);
    if (!expected || fd < 0 || fstat(fd, &st))
        return complain("cannot be opened", args[0]);
    if ((size_t)st.st_size != n_bytes) {
        fprintf(stderr, "%s: %jd bytes, expected %zu\n", args[0], (intmax_t)st.st_size, n_bytes);
        return 1;
    }
    const uint8_t *mapped = mmap(NULL, n_bytes, PROT_READ, MAP_SHARED, fd, 0);
    if (mapped == MAP_FAILED)
        return complain("cannot be mapped", args[0]);
    /* Backwards: another order of page faults than a read. */
    size_t i = n_bytes;
    while (i > 0 && mapped[i - 1] == expected[i - 1])
        i--;
    if (i > 0)
        fprintf(stderr, "%s: byte %zu differs\n", args[0], i - 1);
    munmap((void *)(uintptr_t)mapped, n_bytes);
    close(fd);
    free(expected);
    return i > 0;
}

/* ranges SEED SECONDS THREADS FILE REFERENCE [FILE REFERENCE]...: random parts by pread. */
struct reader {
    pthread_t thread;
    uint64_t random;
    unsigned n_files;
    char **names;
    uint8_t **expected;
    size_t *n_bytes;
    time_t end;
    uint64_t n_reads;
    int is_failed;
};

static uint64_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

static void read_one(struct reader *r, uint8_t *part)
{
    const unsigned file = (unsigned)(next_random(&r->random) % r->n_files);
    const size_t total = r->n_bytes[file], limit = next_random(&r->random) % 4 ? 6000 : 300000;
    const size_t off = next_random(&r->random) % (total + 1);
    const size_t n = 1 + next_random(&r->random) % limit, left = total - off;
    const int fd = open(r->names[2 * file], O_RDONLY);
    const ssize_t got = fd < 0 ? -1 : pread(fd, part, n, (off_t)off);
    if (got != (ssize_t)(n < left ? n : left) ||
        memcmp(part, r->expected[file] + off, (size_t)got)) {
        fprintf(stderr, "%s: [%zu, +%zu) gave %zd bytes or wrong ones\n", r->names[2 * file], off, n,
                got);
        r->is_failed = 1;
    }
    if (fd >= 0)
        close(fd);
    r->n_reads++;
}

static void *run_reader(void *arg)
{
    struct reader *r = arg;
    uint8_t *part = malloc(300000);
    while (part && !r->is_failed && time(NULL) < r->end)
        read_one(r, part);
    free(part);
    return NULL;
}

static int probe_ranges(int n_args, char **args)
{
    const unsigned n_threads = (unsigned)atoi(args[2]), n_files = (unsigned)(n_args - 3) / 2;
    struct reader *readers = calloc(n_threads, sizeof *readers);
    uint8_t **expected = calloc(n_files, sizeof *expected);
    size_t *n_bytes = calloc(n_files, sizeof *n_bytes);
    const time_t end = time(NULL) + atoi(args[1]);
    uint64_t n_reads = 0;
    int is_failed = 0;
    for (unsigned i = 0; i < n_files; i++) {
        expected[i] = slurp(args[3 + 2 * i + 1], &n_bytes[i]);
        if (!expected[i])
            return 1;
    }
    for (unsigned i = 0; i < n_threads; i++) {
        readers[i] = (struct reader){.random = strtoull(args[0], NULL, 10) + 7919 * i,
                                     .n_files = n_files, .names = args + 3, .expected = expected,
                                     .n_bytes = n_bytes, .end = end};
        if (pthread_create(&readers[i].thread, NULL, run_reader, &readers[i]))
            return complain("no thread", "ranges");
    }
    for (unsigned i = 0; i < n_threads; i++) {
        pthread_join(readers[i].thread, NULL);
        n_reads += readers[i].n_reads;
        is_failed |= readers[i].is_failed;
    }
    for (unsigned i = 0; i < n_files; i++)
        free(expected[i]);
    free(expected);
    free(n_bytes);
    free(readers);
    printf("RANGES %" PRIu64 " reads by %u threads, %s\n", n_reads, n_threads,
           is_failed ? "DIFFERENT" : "ok");
    return is_failed || !n_reads;
}

/* hold FILE: open, say so, then read it again and again past the page cache until something fails. */
static int probe_hold(char **args)
{
    static uint8_t bytes[1 << 16];
    const int fd = open(args[0], O_RDONLY);
    if (fd < 0)
        return complain("cannot be opened", args[0]);
    puts("holding");
    fflush(stdout);
    for (off_t off = 0;;) {
        posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
        const ssize_t n = pread(fd, bytes, sizeof bytes, off);
        if (n < 0) {
            printf("ended: %s\n", strerror(errno));
            return 0;
        }
        off = n ? off + n : 0;
    }
}

/* spng FILE.png SAMPLES: libspng's rows equal these bytes, 16 bit big endian. */
static int probe_spng(char **args)
{
#ifdef PXR_HAVE_SPNG
    size_t png_bytes, n_bytes, out_bytes = 0;
    uint8_t *png = slurp(args[0], &png_bytes), *expected = slurp(args[1], &n_bytes);
    spng_ctx *ctx = spng_ctx_new(0);
    if (!png || !expected || !ctx)
        return 1;
    spng_set_crc_action(ctx, SPNG_CRC_ERROR, SPNG_CRC_ERROR);
    int e = spng_set_png_buffer(ctx, png, png_bytes);
    if (!e)
        e = spng_decoded_image_size(ctx, SPNG_FMT_RAW, &out_bytes);
    uint8_t *out = malloc(out_bytes + 1);
    if (!e && out)
        e = spng_decode_image(ctx, out, out_bytes, SPNG_FMT_RAW, 0);
    if (e || out_bytes != n_bytes || memcmp(out, expected, n_bytes)) {
        fprintf(stderr, "%s: libspng: %s, %zu bytes, expected %zu\n", args[0], spng_strerror(e),
                out_bytes, n_bytes);
        return 1;
    }
    free(out);
    spng_ctx_free(ctx);
    free(png);
    free(expected);
    return 0;
#else
    (void)args;
    puts("libspng was not there");
    return 77;
#endif
}

/* empty FILE.pxr: an archive without frames, which a recording begins with. */
static int probe_empty(char **args)
{
    const struct pxr_write_opts o = {.width_px = 20, .height_px = 10, .bits = 8, .n_threads = 1};
    struct pxr_diag diag;
    pxr_writer *w;
    char line[300];
    if (pxr_writer_create(&w, args[0], &o, &diag) == PXR_OK && pxr_writer_finish(w, NULL, &diag) == PXR_OK)
        return 0;
    fprintf(stderr, "%s\n", pxr_diag_line(&diag, line, sizeof line));
    return 1;
}

/* ---- wrong-dci: an index whose lengths are not true -------------------------------------------------- */

static enum pxr_err make_longer(const void *state, const uint8_t *pixels, struct pxr_buffer *scratch, uint8_t *entry,
                                struct pxr_diag *diag)
{
    const enum pxr_err e = pxr_index_dci.make(state, pixels, scratch, entry, diag);
    pxr_store_u32le(entry, pxr_load_u32le(entry) + 4);
    return e;
}

static int probe_wrong_dci(char **args)
{
    const struct pxr_write_opts opts = {.n_threads = 1};
    struct pxr_index_kind kind = pxr_index_dci;
    struct pxr_diag diag;
    pxr_writer *w;
    uint64_t n;
    kind.make = make_longer;
    return pxr_writer_append(&w, args[0], &opts, &diag) != PXR_OK ||
           pxr_index_add(w, &kind, 1, NULL, NULL, &n, &diag) != PXR_OK;
}

int main(int argc, char **argv)
{
    const char *what = argc > 2 ? argv[1] : "";
    if (!strcmp(what, "mmap") && argc == 4)
        return probe_mmap(argv + 2);
    if (!strcmp(what, "ranges") && argc >= 7 && argc % 2)
        return probe_ranges(argc - 2, argv + 2);
    if (!strcmp(what, "hold") && argc == 3)
        return probe_hold(argv + 2);
    if (!strcmp(what, "spng") && argc == 4)
        return probe_spng(argv + 2);
    if (!strcmp(what, "empty") && argc == 3)
        return probe_empty(argv + 2);
    if (!strcmp(what, "wrong-dci") && argc == 3)
        return probe_wrong_dci(argv + 2);
    fprintf(stderr, "usage: mount_probe mmap|ranges|hold|spng|empty|wrong-dci ...\n");
    return 2;
}
