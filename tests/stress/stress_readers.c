/* SPDX-License-Identifier: MIT
 * Many threads read random rows of random frames of one archive, with workers, prefetch and a cache that
 * is far too small; then half of them whole frames in order, giving back what they have read.  Every pixel is
 * compared.  A plain program, so that the thread sanitizer can run it. */
#include "kept_archive.h"
#include "reader.h"

#include <pthread.h>
#include <stdatomic.h>

#define N_THREADS 16
#define N_READS 400

static const struct test_spec spec = {.w = 101, .h = 70, .n_frames = 90, .bt = 8, .bh = 24, .bits = 16,
                                      .content = TEST_SMOOTH, .n_threads = 3};
static pxr_archive *archive;
static uint8_t *frames; /* all of them, as they must be */
static bool reads_whole; /* those in order */
static atomic_int n_wrong;

static const uint8_t *frame_bytes(uint64_t i) { return frames + i * spec.w * spec.h * 2; }

static void *reader_main(void *arg)
{
    uint64_t state = (uint64_t)(uintptr_t)arg, frame = 0;
    const bool is_sequential = state & 1;
    const size_t row = spec.w * 2;
    uint8_t *got = malloc(row * spec.h);
    pxr_decoder *d;
    if (pxr_decoder_new(&d, archive) != PXR_OK)
        abort();
    for (int i = 0; i < N_READS; i++) {
        const bool is_whole = is_sequential && reads_whole;
        frame = is_sequential ? (frame + (is_whole || i & 1)) % spec.n_frames : test_random(&state) % spec.n_frames;
        const uint32_t row0 = is_whole ? 0 : (uint32_t)(test_random(&state) % spec.h);
        const uint32_t n = is_whole ? spec.h : 1 + (uint32_t)(test_random(&state) % (spec.h - row0));
        const enum pxr_err e = pxr_frame_read(d, frame, row0, n, got, row * n, row);
        if (e != PXR_OK || memcmp(got, frame_bytes(frame) + row0 * row, n * row)) {
            n_wrong++;
            fprintf(stderr, "frame %llu rows %u+%u: %s\n", (unsigned long long)frame, row0, n,
                    e ? pxr_decoder_diag(d)->text : "wrong pixels");
        }
    }
    pxr_decoder_free(d);
    free(got);
    return NULL;
}

static int read_by_all(struct kept_file *k, uint64_t cache_bytes, bool forgets)
{
    pthread_t threads[N_THREADS];
    struct pxr_stats s;
    const struct pxr_limits limits = {.cache_bytes = cache_bytes};
    if (pxr_archive_open_io(&archive, &k->io, k->memory.arg, &limits, NULL) != PXR_OK ||
        pxr_archive_start_workers(archive, 3) != PXR_OK)
        return 1;
    reads_whole = forgets;
    if (forgets)
        pxr_archive_forget_read(archive);
    for (uintptr_t i = 0; i < N_THREADS; i++)
        pthread_create(&threads[i], NULL, reader_main, (void *)(i + 1));
    for (int i = 0; i < N_THREADS; i++)
        pthread_join(threads[i], NULL);
    pxr_archive_stats(archive, &s);
    printf("READS %d compared, %d wrong; units: %llu decoded, %llu prefetched, %llu hits; cache %llu of "
           "%llu bytes\n",
           N_THREADS * N_READS, n_wrong, (unsigned long long)s.units_decoded,
           (unsigned long long)s.units_prefetched, (unsigned long long)s.unit_hits,
           (unsigned long long)s.cache_bytes, (unsigned long long)s.cache_limit_bytes);
    /* A unit that a worker has just loaded and not yet put back is counted, but cannot be evicted. */
    const uint64_t unit = (uint64_t)spec.bt * spec.bh * spec.w * 2;
    const bool is_bounded = s.cache_bytes <= s.cache_limit_bytes + 3 * unit;
    pxr_archive_close(archive);
    return n_wrong || !is_bounded;
}

int main(void)
{
    struct kept_file k;
    const uint64_t frame_size = (uint64_t)spec.w * spec.h * 2;
    kept_init(&k, NULL, 0);
    if (test_write(&k, &spec, NULL, NULL) != PXR_OK)
        return 1;
    frames = malloc(frame_size * spec.n_frames);
    for (uint64_t i = 0; i < spec.n_frames; i++)
        test_frame(frames + i * frame_size, i, spec.w, spec.h, 16, 65535, spec.content);
    const int status = read_by_all(&k, 1, false) | read_by_all(&k, 80 * frame_size, true);
    kept_fini(&k);
    free(frames);
    return status;
}
