/* SPDX-License-Identifier: MIT
 * Decode an archive inside one process, without a mount, and print how fast it was as JSON. */
#include "pixelrain.h"

#include "alloc.h"
#include "bytes.h"
#include "checksum.h"
#include "diag.h"
#include "json.h"
#include "option.h"
#include "pool.h"
#include "progress.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_THREADS 64

/* Frames [first, last) by step, or n random ones, read by one decoder. */
struct share {
    pxr_archive *archive;
    uint64_t first, last, n_random;
    bool is_verified; /* compare each frame with the hash that the archive stores */
    uint64_t n_wrong;
    enum pxr_err e;
    struct pxr_diag diag;
};

static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    return z ^ z >> 29;
}

static void *read_share(void *arg)
{
    struct share *s = arg;
    struct pxr_archive_info info;
    struct pxr_frame_info frame_info;
    pxr_archive_info(s->archive, &info);
    const size_t stride_bytes = (size_t)info.width_px * (info.bits / 8u);
    const size_t frame_bytes = stride_bytes * info.height_px;
    pxr_decoder *decoder = NULL;
    uint8_t *pixels = pxr_alloc(frame_bytes);
    s->e = pixels ? pxr_decoder_new(&decoder, s->archive) : PXR_E_NOMEM;
    uint64_t state = 1;
    const uint64_t n = info.n_frames && s->n_random ? s->n_random : s->last - s->first;
    for (uint64_t i = 0; s->e == PXR_OK && i < n; i++) {
        const uint64_t frame = s->n_random ? next_random(&state) % info.n_frames : s->first + i;
        s->e = pxr_frame_read(decoder, frame, 0, info.height_px, pixels, frame_bytes, stride_bytes);
        if (s->e != PXR_OK)
            s->diag = *pxr_decoder_diag(decoder);
        else if (s->is_verified) {
            s->e = pxr_frame_info(s->archive, frame, &frame_info, &s->diag);
            s->n_wrong += pxr_xxh3_64(pixels, frame_bytes) != frame_info.pixel_hash;
        }
    }
    pxr_decoder_free(decoder);
    pxr_free(pixels);
    return NULL;
}

static int compare_reals(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The median of the microseconds that each step-th frame takes, each read once from a freshly opened archive. */
static enum pxr_err measure_steps(const char *path, uint64_t step, double *median_us, struct pxr_diag *diag)
{
    pxr_archive *archive;
    struct pxr_archive_info info;
    pxr_decoder *decoder = NULL;
    enum pxr_err e = pxr_archive_open(&archive, path, NULL, diag);
    if (e != PXR_OK)
        return e;
    pxr_archive_info(archive, &info);
    const size_t stride_bytes = (size_t)info.width_px * (info.bits / 8u);
    const size_t frame_bytes = stride_bytes * info.height_px, n = (size_t)pxr_div_up_u64(info.n_frames, step);
    uint8_t *pixels = pxr_alloc_zero(1, frame_bytes);
    double *each_us = pxr_alloc_zero(n, sizeof *each_us);
    e = pixels && each_us && n ? pxr_decoder_new(&decoder, archive) : PXR_E_NOMEM;
    for (size_t i = 0; i < n && e == PXR_OK; i++) {
        const double start_s = pxr_clock_s();
        e = pxr_frame_read(decoder, i * step, 0, info.height_px, pixels, frame_bytes, stride_bytes);
        each_us[i] = (pxr_clock_s() - start_s) * 1e6;
    }
    if (e == PXR_OK) {
        qsort(each_us, n, sizeof *each_us, compare_reals);
        *median_us = each_us[n / 2];
    } else if (decoder) {
        *diag = *pxr_decoder_diag(decoder);
    } else {
        pxr_fail_nomem(diag, frame_bytes);
    }
    pxr_free(each_us);
    pxr_free(pixels);
    pxr_decoder_free(decoder);
    pxr_archive_close(archive);
    return e;
}

/* Seconds that n_threads decoders over a freshly opened archive need, or -1. */
static double measure(const char *path, unsigned n_threads, const struct share *what,
                      const struct pxr_limits *limits, uint64_t *n_wrong, struct pxr_diag *diag)
{
    pxr_archive *archive;
    if (pxr_archive_open(&archive, path, limits, diag) != PXR_OK)
        return -1;
    struct pxr_archive_info info;
    pxr_archive_info(archive, &info);
    struct share *shares = pxr_alloc_zero(n_threads, sizeof *shares);
    pthread_t thread[MAX_THREADS];
    double seconds = shares ? 0 : -1;
    unsigned n_started = 0;
    const double start_s = pxr_clock_s();
    for (; shares && n_started < n_threads; n_started++) {
        struct share *s = &shares[n_started];
        *s = *what;
        s->archive = archive;
        s->first = info.n_frames * n_started / n_threads;
        s->last = info.n_frames * (n_started + 1) / n_threads;
        if (pthread_create(&thread[n_started], NULL, read_share, s)) {
            snprintf(diag->text, sizeof diag->text, "a thread cannot be started");
            seconds = -1;
            break;
        }
    }
    for (unsigned i = 0; i < n_started; i++) {
        pthread_join(thread[i], NULL);
        *n_wrong += shares[i].n_wrong;
        if (shares[i].e != PXR_OK) {
            *diag = shares[i].diag;
            seconds = -1;
        }
    }
    if (seconds == 0)
        seconds = pxr_clock_s() - start_s;
    pxr_free(shares);
    pxr_archive_close(archive);
    return seconds;
}

static int fail(const struct pxr_diag *diag)
{
    char line[1600];
    fprintf(stderr, "pxr_bench_decode: %s\n", pxr_diag_line(diag, line, sizeof line));
    return pxr_err_exit(diag->code);
}

int main(int argc, char **argv)
{
    uint64_t n_threads = pxr_n_cores(), n_random = 200, step = 33;
    const struct pxr_option table[] = {
        {.name = "threads", .letter = 'j', .kind = PXR_OPT_UINT, .value = &n_threads, .arg = "N",
         .help = "decoders at once in the second measurement", .min = 1, .max = MAX_THREADS},
        {.name = "random", .letter = 'r', .kind = PXR_OPT_UINT, .value = &n_random, .arg = "N",
         .help = "random frames to read", .min = 1, .max = 1000000},
        {.name = "step", .kind = PXR_OPT_UINT, .value = &step, .arg = "N",
         .help = "each N-th frame is read alone (33)", .min = 1, .max = 1000000},
        {.name = NULL},
    };
    struct pxr_diag diag = {.code = PXR_E_INVALID};
    int n_operands;
    if (pxr_options_parse(table, argc, argv, &n_operands, &diag) != PXR_OK || n_operands != 1) {
        fprintf(stderr, "Usage: pxr_bench_decode [OPTION...] ARCHIVE\n");
        pxr_options_help(table);
        return 2;
    }
    const char *path = argv[1];
    pxr_archive *archive;
    struct pxr_archive_info info;
    if (pxr_archive_open(&archive, path, NULL, &diag) != PXR_OK)
        return fail(&diag);
    pxr_archive_info(archive, &info);
    pxr_archive_close(archive);

    /* The verifying pass comes first and brings the archive into the page cache. */
    const struct pxr_limits small_cache = {.cache_bytes = 1}; /* is raised to the floor */
    const struct share verify = {.is_verified = true}, all = {.n_random = 0};
    const struct share random = {.n_random = n_random};
    uint64_t n_wrong = 0;
    if (measure(path, 1, &verify, NULL, &n_wrong, &diag) < 0)
        return fail(&diag);
    const double one_s = measure(path, 1, &all, NULL, &n_wrong, &diag);
    const double many_s = measure(path, (unsigned)n_threads, &all, NULL, &n_wrong, &diag);
    const double random_s = measure(path, 1, &random, &small_cache, &n_wrong, &diag);
    double step_us = 0;
    if (measure_steps(path, step, &step_us, &diag) != PXR_OK)
        return fail(&diag);
    if (one_s < 0 || many_s < 0 || random_s < 0)
        return fail(&diag);

    struct pxr_json j = {.is_indented = false};
    pxr_json_object(&j, NULL);
    pxr_json_u64(&j, "n_frames", info.n_frames);
    pxr_json_u64(&j, "pixel_bytes", info.pixel_bytes);
    pxr_json_u64(&j, "archive_bytes", info.archive_bytes);
    pxr_json_u64(&j, "n_wrong", n_wrong);
    pxr_json_real(&j, "decode_mb_s", (double)info.pixel_bytes / one_s / 1e6, 1);
    pxr_json_u64(&j, "n_threads", n_threads);
    pxr_json_real(&j, "decode_threads_mb_s", (double)info.pixel_bytes / many_s / 1e6, 1);
    pxr_json_real(&j, "decode_threads_s", many_s, 6);
    pxr_json_real(&j, "step_frame_us", step_us, 1);
    pxr_json_real(&j, "random_frame_us", random_s / (double)n_random * 1e6, 1);
    pxr_json_end_object(&j);
    if (!j.is_failed)
        puts(j.text);
    pxr_json_fini(&j);
    return n_wrong ? 1 : 0;
}
