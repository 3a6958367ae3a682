/* SPDX-License-Identifier: MIT
 * Many threads read random rows of random frames of one archive, with workers, prefetch and a cache that
 * is far too small; every pixel is compared.  A plain program, so that the thread sanitizer can run it. */
#include "kept_archive.h"

#include <pthread.h>
#include <stdatomic.h>

#define N_THREADS 16
#define N_READS 400

static const struct test_spec spec = {.w = 101, .h = 70, .n_frames = 90, .bt = 8, .bh = 24, .bits = 16,
                                      .content = TEST_SMOOTH, .n_threads = 3};
static pxr_archive *archive;
static uint8_t *frames; /* all of them, as they must be */
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
        frame = is_sequential ? (frame + (i & 1)) % spec.n_frames : test_random(&state) % spec.n_frames;
        const uint32_t row0 = (uint32_t)(test_random(&state) % spec.h);
        const uint32_t n = 1 + (uint32_t)(test_random(&state) % (spec.h - row0));
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

int main(void)
{
    struct kept_file k;
    pthread_t threads[N_THREADS];
    struct pxr_stats s;
    const struct pxr_limits limits = {.cache_bytes = 1};
    kept_init(&k, NULL, 0);
    if (test_write(&k, &spec, NULL, NULL) != PXR_OK ||
        pxr_archive_open_io(&archive, &k.io, k.memory.arg, &limits, NULL) != PXR_OK ||
        pxr_archive_start_workers(archive, 3) != PXR_OK)
        return 1;
    frames = malloc((size_t)spec.w * spec.h * 2 * spec.n_frames);
    for (uint64_t i = 0; i < spec.n_frames; i++)
        test_frame(frames + i * spec.w * spec.h * 2, i, spec.w, spec.h, 16, 65535, spec.content);
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
    kept_fini(&k);
    free(frames);
    return n_wrong || !is_bounded;
}
