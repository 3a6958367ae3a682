/* SPDX-License-Identifier: MIT
 * Feeding bytes to an importer in every way that it can get them, and keeping what it answers. */
#ifndef TEST_IMAGE_PROBE_H
#define TEST_IMAGE_PROBE_H

#include "alloc.h"
#include "buffer.h"
#include "diag.h"
#include "image.h"
#include "io.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { MAX_SHOTS = 8 };

struct shot {
    uint32_t width_px, height_px;
    uint8_t bits, sbit;
    uint16_t maxval;
    uint16_t *samples; /* whatever the container */
};

struct outcome {
    enum pxr_err err;
    struct pxr_diag diag;
    uint64_t n_images;
    struct shot shots[MAX_SHOTS]; /* of the first ones */
};

static inline void outcome_fini(struct outcome *o)
{
    for (size_t i = 0; i < MAX_SHOTS; i++)
        free(o->shots[i].samples);
    memset(o, 0, sizeof *o);
}

/* Check what holds for every picture, and keep it. */
static inline enum pxr_err keep_shot(void *arg, const struct pxr_image *image,
                                     struct pxr_diag *diag)
{
    struct outcome *o = arg;
    (void)diag;
    cr_assert_eq(image->number, o->n_images);
    cr_assert(image->bits == 8 || image->bits == 16);
    cr_assert(image->width_px && image->height_px && image->maxval);
    cr_assert(image->sbit <= image->bits);
    cr_assert(image->bits == 16 || image->maxval <= 255);
    cr_assert(image->stride_bytes >= image->width_px * (image->bits / 8u));
    const size_t n = (size_t)image->width_px * image->height_px;
    uint16_t *samples = malloc(n * 2), largest = 0;
    for (size_t i = 0; i < n; i++) {
        const uint8_t *row =
            (const uint8_t *)image->pixels + i / image->width_px * image->stride_bytes;
        const size_t x = i % image->width_px;
        samples[i] = image->bits == 8 ? row[x] : ((const uint16_t *)(const void *)row)[x];
        largest = samples[i] > largest ? samples[i] : largest;
    }
    cr_assert_leq(largest, image->maxval);
    if (o->n_images < MAX_SHOTS)
        o->shots[o->n_images] = (struct shot){image->width_px, image->height_px, image->bits,
                                              image->sbit,     image->maxval,    samples};
    else
        free(samples);
    o->n_images++;
    return PXR_OK;
}

static inline int memory_fd(const void *bytes, size_t n_bytes)
{
    const int fd = memfd_create("input", MFD_CLOEXEC);
    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, bytes, n_bytes), (ssize_t)n_bytes);
    lseek(fd, 0, SEEK_SET);
    return fd;
}

/* Writes bytes into a pipe, n_step at a time, n_times over. */
struct pipe_writer {
    int fd;
    const uint8_t *bytes;
    size_t n_bytes, n_step, n_times;
    pthread_t thread;
};

static inline void *run_pipe_writer(void *arg)
{
    const struct pipe_writer *w = arg;
    for (size_t t = 0; t < w->n_times; t++)
        for (size_t done = 0; done < w->n_bytes;) {
            const size_t n = w->n_bytes - done < w->n_step ? w->n_bytes - done : w->n_step;
            const ssize_t k = write(w->fd, w->bytes + done, n);
            if (k < 0)
                goto gone; /* the reader has seen enough */
            done += (size_t)k;
        }
gone:
    close(w->fd);
    return NULL;
}

/* Returns the descriptor to read from. */
static inline int pipe_writer_start(struct pipe_writer *w)
{
    int ends[2];
    signal(SIGPIPE, SIG_IGN);
    cr_assert_eq(pipe(ends), 0);
    w->fd = ends[1];
    cr_assert_eq(pthread_create(&w->thread, NULL, run_pipe_writer, w), 0);
    return ends[0];
}

static inline struct outcome read_fd(int fd, const uint8_t *head, size_t head_bytes,
                                     enum pxr_image_format format,
                                     const struct pxr_image_opts *opts)
{
    static const struct pxr_image_opts defaults;
    struct outcome o = {0};
    pxr_diag_clear(&o.diag);
    o.err = pxr_image_read(fd, head, head_bytes, format, opts ? opts : &defaults, keep_shot, &o,
                           &o.diag);
    close(fd);
    return o;
}

static inline bool same_shot(const struct shot *a, const struct shot *b)
{
    return a->width_px == b->width_px && a->height_px == b->height_px && a->bits == b->bits &&
           a->sbit == b->sbit && a->maxval == b->maxval && !a->samples == !b->samples &&
           (!a->samples || !memcmp(a->samples, b->samples, (size_t)a->width_px * a->height_px * 2));
}

static inline bool same_shots(const struct outcome *a, const struct outcome *b)
{
    for (size_t i = 0; i < MAX_SHOTS; i++)
        if (!same_shot(&a->shots[i], &b->shots[i]))
            return false;
    return a->n_images == b->n_images;
}

/* Read the same input another way: the answer must be the same. */
static __attribute__((noinline, unused)) void
expect_same(const struct outcome *a, int fd, const uint8_t *head, size_t head_bytes,
            enum pxr_image_format format, const struct pxr_image_opts *opts, const char *how)
{
    char text[512];
    struct outcome b = read_fd(fd, head, head_bytes, format, opts);
    cr_assert_eq(a->err, b.err, "%s: %s", how, pxr_diag_line(&b.diag, text, sizeof text));
    cr_assert(same_shots(a, &b), "%s: other pictures", how);
    cr_assert_eq(a->diag.off_bytes, b.diag.off_bytes, "%s: another offset", how);
    outcome_fini(&b);
}

/* Read bytes from a file, from a file whose beginning was taken before, and from a pipe: the
 * answers must agree. */
static inline struct outcome read_bytes(const void *bytes, size_t n_bytes,
                                        enum pxr_image_format format,
                                        const struct pxr_image_opts *opts)
{
    struct outcome o = read_fd(memory_fd(bytes, n_bytes), NULL, 0, format, opts);
    const size_t head_bytes = n_bytes < 16 ? n_bytes : 16;
    const int fd = memory_fd(bytes, n_bytes);
    lseek(fd, (off_t)head_bytes, SEEK_SET);
    expect_same(&o, fd, bytes, head_bytes, format, opts, "with a head");
    struct pipe_writer w = {
        .bytes = bytes, .n_bytes = n_bytes, .n_step = n_bytes < 4096 ? 7 : 30000, .n_times = 1};
    expect_same(&o, pipe_writer_start(&w), NULL, 0, format, opts, "from a pipe");
    pthread_join(w.thread, NULL);
    cr_assert_eq(o.err == PXR_OK, o.diag.code == PXR_OK);
    if (o.err != PXR_OK)
        cr_assert(o.diag.code == o.err && o.diag.text[0]);
    return o;
}

/* Only from a file: for tests that read thousands of inputs. */
static inline struct outcome read_quick(const void *bytes, size_t n_bytes,
                                        enum pxr_image_format format,
                                        const struct pxr_image_opts *opts)
{
    return read_fd(memory_fd(bytes, n_bytes), NULL, 0, format, opts);
}

static inline void expect_shot(const struct outcome *o, size_t i, const struct shot *expected)
{
    char text[512];
    cr_assert_eq(o->err, PXR_OK, "%s", pxr_diag_line(&o->diag, text, sizeof text));
    cr_assert_gt(o->n_images, i);
    const struct shot *s = &o->shots[i];
    cr_assert_eq(s->width_px, expected->width_px);
    cr_assert_eq(s->height_px, expected->height_px);
    cr_assert_eq(s->bits, expected->bits);
    cr_assert_eq(s->sbit, expected->sbit);
    cr_assert_eq(s->maxval, expected->maxval);
    for (size_t k = 0; k < (size_t)s->width_px * s->height_px; k++)
        if (s->samples[k] != expected->samples[k]) /* an assertion for each would take long */
            cr_assert_fail("sample %zu of picture %zu: %u, not %u", k, i, s->samples[k],
                           expected->samples[k]);
}

/* One input that must fail, and how. */
struct refusal {
    const char *bytes;
    size_t n_bytes; /* 0: strlen */
    enum pxr_err err;
    uint64_t off_bytes;
    const char *text; /* a part of the sentence */
    uint64_t n_images;
};

static inline void expect_refusal(const struct refusal *r, enum pxr_image_format format,
                                  const struct pxr_image_opts *opts)
{
    char text[512];
    const size_t n = r->n_bytes ? r->n_bytes : strlen(r->bytes);
    struct outcome o = read_bytes(r->bytes, n, format, opts);
    pxr_diag_line(&o.diag, text, sizeof text);
    cr_expect_eq(o.err, r->err, "'%s': answered %d (%s), not %d", r->bytes, o.err, text, r->err);
    cr_expect_eq(o.diag.off_bytes, r->off_bytes, "'%s': offset %llu (%s), not %llu", r->bytes,
                 (unsigned long long)o.diag.off_bytes, text, (unsigned long long)r->off_bytes);
    cr_expect(strstr(text, r->text), "'%s': '%s' lacks '%s'", r->bytes, text, r->text);
    cr_expect_eq(o.n_images, r->n_images, "'%s': %llu pictures", r->bytes,
                 (unsigned long long)o.n_images);
    outcome_fini(&o);
}

/* Memory that was asked for since watch_memory(). */
static size_t largest_request_bytes, n_requests, n_requests_allowed;

static inline bool note_request(size_t n_bytes)
{
    largest_request_bytes = n_bytes > largest_request_bytes ? n_bytes : largest_request_bytes;
    return n_requests++ < n_requests_allowed;
}
/* n_allowed: the request behind so many fails, and all later ones. */
static inline void watch_memory(size_t n_allowed)
{
    largest_request_bytes = n_requests = 0;
    n_requests_allowed = n_allowed;
    pxr_alloc_hook(note_request);
}

/* Let each request for memory fail in turn: NOMEM each time, until nothing is left to fail. */
static inline void expect_nomem_everywhere(const void *bytes, size_t n_bytes,
                                           enum pxr_image_format format,
                                           const struct pxr_image_opts *opts)
{
    for (size_t n = 0;; n++) {
        cr_assert_lt(n, 1000);
        watch_memory(n);
        struct outcome o = read_quick(bytes, n_bytes, format, opts);
        pxr_alloc_hook(NULL);
        const enum pxr_err e = o.err;
        outcome_fini(&o);
        if (e == PXR_OK) {
            cr_assert_geq(n, 2); /* the buffer and the frame at least */
            return;
        }
        cr_assert_eq(e, PXR_E_NOMEM, "request %zu: %d", n, e);
    }
}

/* A small generator: the same numbers in every run. */
static inline uint32_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33);
}

#endif
