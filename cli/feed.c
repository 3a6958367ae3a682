/* SPDX-License-Identifier: MIT
 * The pictures of many inputs, one after the other, decoded by several threads. */
#include "feed.h"

#include "cli.h"
#include "ffmpeg.h"
#include "guard.h"
#include "still_gray.h"
#include "still_tiles.h"
#include "stop.h"

#include "alloc.h"
#include "bytes.h"
#include "diag.h"
#include "io.h"
#include "pool.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

/* Decoding is what takes time, so each job reads and decodes one file into memory of its own, while
 * the main thread consumes results in order.  A file that turns out to hold more than one picture
 * is read again by the main thread, picture by picture, so that its size does not matter. */

enum { HEAD_BYTES = 16 };
static const uint64_t max_in_flight_bytes = (uint64_t)64 << 20;

enum kind { KIND_PICTURE, KIND_MANY, KIND_UNKNOWN, KIND_FAILED, KIND_PART };

struct slot {
    struct pxr_job job;
    const struct pxr_feed *feed;
    struct slot *next; /* in the list of free slots, or of those in flight */
    size_t item;
    enum kind kind;
    struct pxr_image image; /* its pixels are ours, rows adjacent */
    struct pxr_buffer pixels;
    int64_t mtime_ns;
    struct pxr_diag diag;
    char warning[192];
    char path[PATH_MAX];
};

static size_t image_bytes(const struct pxr_image *image)
{
    return (size_t)image->width_px * image->height_px * (image->bits / 8u);
}

/* ---- processes that read ------------------------------------------------------------------------ */

/* At least as many as threads that could want one, so that nobody waits. */
struct pxr_feed_guards {
    pthread_mutex_t lock; /* of free and n_free */
    pxr_image_guard **free;
    size_t n_free;
};

static void free_guards(struct pxr_feed *feed)
{
    struct pxr_feed_guards *s = feed->guards;
    feed->guards = NULL;
    for (size_t i = 0; s && s->free && i < s->n_free; i++)
        pxr_image_guard_free(s->free[i]);
    if (s)
        pxr_free(s->free);
    pxr_free(s);
}

/* Where the system cannot confine a process, this one reads: as safe as the libraries are. */
static enum pxr_err make_guards(struct pxr_feed *feed, size_t n, struct pxr_diag *diag)
{
    struct pxr_diag found;
    struct pxr_feed_guards *s = feed->guards = pxr_alloc_zero(1, sizeof *s);
    if (s)
        s->free = pxr_alloc_zero(n, sizeof *s->free);
    if (!s || !s->free)
        return pxr_fail_nomem(diag, n * sizeof *s->free);
    pthread_mutex_init(&s->lock, NULL);
    for (; s->n_free < n; s->n_free++)
        if (pxr_image_guard_new(&s->free[s->n_free], feed->image_opts.max_frame_px, &found) != PXR_OK) {
            if (feed->is_verbose)
                pxr_cli_say("%s; pictures are read without", found.text);
            free_guards(feed);
            return PXR_OK;
        }
    return PXR_OK;
}

static pxr_image_guard *take_guard(struct pxr_feed_guards *s)
{
    pthread_mutex_lock(&s->lock);
    pxr_image_guard *g = s->n_free ? s->free[--s->n_free] : NULL;
    pthread_mutex_unlock(&s->lock);
    return g;
}

static void give_guard(struct pxr_feed_guards *s, pxr_image_guard *g)
{
    pthread_mutex_lock(&s->lock);
    s->free[s->n_free++] = g;
    pthread_mutex_unlock(&s->lock);
}

struct beginning {
    uint8_t head[HEAD_BYTES];
    size_t head_bytes;
    enum pxr_image_format format;
};

/* Read an input where it is safest.  is_stream: it may have to be interrupted. */
static enum pxr_err read_input(const struct pxr_feed *feed, const char *path, int fd, const struct beginning *b,
                               bool is_stream, pxr_image_fn *each, void *arg, struct pxr_diag *diag)
{
    if (b->format == PXR_IMAGE_STILL)
        return pxr_still_read_gray(path, fd, b->head, b->head_bytes, &feed->image_opts, each, arg, diag);
    pxr_image_guard *g = feed->guards && pxr_image_guard_wants(b->format) ? take_guard(feed->guards) : NULL;
    if (!g)
        return pxr_image_read(fd, b->head, b->head_bytes, b->format, &feed->image_opts, each, arg, diag);
    if (is_stream)
        pxr_stop_watch_fd(pxr_image_guard_fd(g));
    const enum pxr_err e =
        pxr_image_guard_read(g, fd, b->head, b->head_bytes, b->format, &feed->image_opts, each, arg, diag);
    if (is_stream)
        pxr_stop_watch_fd(-1);
    give_guard(feed->guards, g);
    return e;
}

/* ---- one input ---------------------------------------------------------------------------------- */

/* Keep the first picture.  A second one ends the reading: the main thread will take over. */
static enum pxr_err keep_first(void *arg, const struct pxr_image *image, struct pxr_diag *diag)
{
    struct slot *s = arg;
    if (image->number) {
        s->kind = KIND_MANY;
        return pxr_fail(diag, PXR_E_STATE, "more than one picture");
    }
    const size_t row_bytes = (size_t)image->width_px * (image->bits / 8u);
    s->pixels.n_bytes = 0;
    uint8_t *dst = pxr_buffer_extend(&s->pixels, image_bytes(image));
    if (!dst)
        return pxr_fail_nomem(diag, image_bytes(image));
    for (uint32_t y = 0; y < image->height_px; y++)
        memcpy(dst + y * row_bytes, (const uint8_t *)image->pixels + y * image->stride_bytes,
               row_bytes);
    s->image = *image;
    s->image.pixels = dst;
    s->image.stride_bytes = row_bytes;
    if (image->warning) {
        snprintf(s->warning, sizeof s->warning, "%s", image->warning);
        s->image.warning = s->warning;
    }
    s->kind = KIND_PICTURE;
    return PXR_OK;
}

static const char *label(const char *path)
{
    return strcmp(path, "-") ? path : "standard input";
}

/* A file whose name promises a picture is broken when it does not begin like one; any other file in
 * a folder may be there for other reasons. */
static bool has_image_name(const char *path)
{
    static const char *const extensions[] = {".png", ".pgm", ".pnm", ".ppm",
                                             ".pbm", ".y4m", ".npy", ".tif", ".tiff", ".ser",
                                             ".fits", ".fit", ".fts"};
    const char *dot = strrchr(path, '.');
    for (size_t i = 0; dot && i < sizeof extensions / sizeof extensions[0]; i++)
        if (!strcasecmp(dot, extensions[i]))
            return true;
    return pxr_still_has_name(path);
}

/* Open an input and look at its beginning.  Its format is UNKNOWN where it should be skipped. */
static enum pxr_err open_input(const struct pxr_feed *feed, size_t item, const char *path, int *fd,
                               struct beginning *b, struct pxr_diag *diag)
{
    const struct pxr_input *input = &feed->inputs->items[item];
    b->head_bytes = 0;
    b->format = PXR_IMAGE_RAW;
    *fd = strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
    if (*fd < 0)
        return pxr_fail_sys(diag, pxr_err_from_errno(errno), errno, "cannot be opened");
    if (input->is_stream)
        pxr_stop_watch_fd(*fd);
    if (feed->is_raw)
        return PXR_OK;
    const enum pxr_err e = pxr_read_fd(*fd, b->head, HEAD_BYTES, &b->head_bytes, diag);
    if (e != PXR_OK)
        return e;
    b->format = pxr_still_is_input(b->head, b->head_bytes, path) ? PXR_IMAGE_STILL
                                                                 : pxr_image_detect(b->head, b->head_bytes);
    if (b->format != PXR_IMAGE_UNKNOWN || (input->is_in_folder && !has_image_name(path)))
        return PXR_OK;
    if (!b->head_bytes)
        return pxr_fail_at(diag, PXR_E_TRUNCATED, 0, "is empty");
    return pxr_fail_at(diag, PXR_E_NOTPXR, 0,
                       "begins like no PNG, PNM, Y4M, NPY, TIFF, SER or FITS file; --raw describes headerless samples, --via-ffmpeg reads videos");
}

static void close_input(int fd)
{
    pxr_stop_watch_fd(-1);
    if (fd > STDIN_FILENO)
        close(fd);
}

static void run_slot(void *arg)
{
    struct slot *s = arg;
    const struct pxr_feed *feed = s->feed;
    struct beginning b;
    struct stat st;
    int fd;
    if (pxr_tile_is_part(s->path)) {
        s->kind = KIND_PART;
        return;
    }
    s->kind = KIND_UNKNOWN;
    enum pxr_err e = open_input(feed, s->item, s->path, &fd, &b, &s->diag);
    if (e == PXR_OK && b.format != PXR_IMAGE_UNKNOWN) {
        e = read_input(feed, s->path, fd, &b, false, keep_first, s, &s->diag);
        s->mtime_ns = 0;
        if (!fstat(fd, &st))
            s->mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
        if (e == PXR_OK && s->kind == KIND_UNKNOWN)
            e = pxr_fail_at(&s->diag, PXR_E_TRUNCATED, 0, "holds no picture");
    }
    if (e != PXR_OK && s->kind == KIND_PICTURE)
        s->kind = KIND_MANY; /* what comes behind the first picture is broken */
    if (e != PXR_OK && s->kind != KIND_MANY) {
        s->kind = KIND_FAILED;
        pxr_diag_in_file(&s->diag, e, s->path);
    }
    if (fd > STDIN_FILENO)
        close(fd);
}

struct stream {
    const struct pxr_feed *feed;
    struct pxr_fed fed;
    enum pxr_err callee; /* what each() answered: not an error of the input */
};

static enum pxr_err pass_on(void *arg, const struct pxr_image *image, struct pxr_diag *diag)
{
    struct stream *s = arg;
    s->fed.image = image;
    return s->callee = s->feed->each(s->feed->arg, &s->fed, diag);
}

/* Let ffmpeg read a video. */
static enum pxr_err run_ffmpeg(struct stream *s, const char *path, struct pxr_diag *diag)
{
    const struct pxr_feed *feed = s->feed;
    struct pxr_ffmpeg f;
    if (!strcmp(path, "-"))
        return pxr_fail(diag, PXR_E_INVALID, "--via-ffmpeg wants a file");
    enum pxr_err e = pxr_ffmpeg_open(&f, path, feed->image_opts.luma, diag);
    if (e != PXR_OK)
        return e;
    if (!feed->is_quiet)
        pxr_cli_say("running: %s", f.command);
    if (!feed->is_quiet && !f.is_lossless)
        pxr_cli_say("%s: is coded with %s, which is lossy (or may be): the archive keeps what it decodes to, bit for bit",
                    path, f.codec);
    pxr_stop_watch_fd(f.fd);
    e = pxr_image_read(f.fd, NULL, 0, f.format, &feed->image_opts, pass_on, s, diag);
    pxr_stop_watch_fd(-1);
    /* Where nothing or half a frame came, ffmpeg's own failure says more. */
    const bool is_cut = e == PXR_E_TRUNCATED && s->callee == PXR_OK;
    const enum pxr_err closed = pxr_ffmpeg_close(&f, e != PXR_OK && !is_cut, diag);
    return closed != PXR_OK ? closed : e;
}

/* Read an input in the main thread, picture by picture. */
static enum pxr_err run_stream(const struct pxr_feed *feed, size_t item, const char *path,
                               struct pxr_diag *diag)
{
    struct stream s = {.feed = feed, .fed = {.path = label(path)}};
    struct pxr_diag found;
    struct beginning b;
    int fd;
    pxr_diag_clear(&found);
    if (strcmp(path, "-"))
        s.fed.name = pxr_inputs_name(feed->inputs, item);
    enum pxr_err e;
    if (feed->via_ffmpeg) {
        e = run_ffmpeg(&s, path, &found);
    } else {
        e = open_input(feed, item, path, &fd, &b, &found);
        if (e == PXR_OK)
            e = read_input(feed, path, fd, &b, feed->inputs->items[item].is_stream, pass_on, &s, &found);
        close_input(fd);
    }
    if (s.callee != PXR_OK) {
        if (diag)
            *diag = found;
        return s.callee;
    }
    if (e == PXR_OK)
        return PXR_OK;
    pxr_diag_in_file(&found, e, s.fed.path);
    s.fed.image = NULL;
    s.fed.err = e;
    s.fed.diag = &found;
    return feed->each(feed->arg, &s.fed, diag);
}

static enum pxr_err consume(struct pxr_feed *feed, struct slot *s, struct pxr_diag *diag)
{
    const struct pxr_fed fed = {
        .path = s->path,
        .name = pxr_inputs_name(feed->inputs, s->item),
        .is_single = true,
        .mtime_ns = s->mtime_ns,
        .image = s->kind == KIND_PICTURE ? &s->image : NULL,
        .err = s->kind == KIND_FAILED ? s->diag.code : PXR_OK,
        .diag = &s->diag,
    };
    switch (s->kind) {
    case KIND_MANY:
        return run_stream(feed, s->item, s->path, diag);
    case KIND_PART: return PXR_OK; /* the first tile stands for all of its picture */
    case KIND_UNKNOWN:
        if (feed->skipped)
            pxr_cli_names_add(feed->skipped, s->path);
        if (feed->is_verbose)
            pxr_cli_say("%s: skipped: not a picture", s->path);
        return PXR_OK;
    case KIND_PICTURE:
    case KIND_FAILED: break;
    }
    return feed->each(feed->arg, &fed, diag);
}

struct ring {
    struct pxr_pool *pool;
    struct slot *slots, *free, *first, **last; /* first..last: in flight, in order */
    size_t n_in_flight, n_allowed, n_slots;
    uint64_t largest_bytes; /* picture seen so far */
};

static void submit(struct ring *r, struct pxr_feed *feed, size_t item)
{
    /* The slot that came back last: fewer buffers are ever touched. */
    struct slot *s = r->free;
    r->free = s->next;
    s->next = NULL;
    *r->last = s;
    r->last = &s->next;
    r->n_in_flight++;
    s->feed = feed;
    s->item = item;
    s->job = (struct pxr_job){.run = run_slot, .arg = s};
    pxr_pool_submit(r->pool, &s->job);
}

static struct slot *wait_first(struct ring *r)
{
    struct slot *s = r->first;
    pxr_pool_wait(r->pool, &s->job);
    r->first = s->next;
    if (!r->first)
        r->last = &r->first;
    r->n_in_flight--;
    return s;
}

static void release(struct ring *r, struct slot *s)
{
    if (s->kind == KIND_PICTURE && image_bytes(&s->image) > r->largest_bytes) {
        r->largest_bytes = image_bytes(&s->image);
        r->n_allowed =
            (size_t)pxr_min_u64(r->n_slots, pxr_max_u64(2, max_in_flight_bytes / r->largest_bytes));
    }
    s->next = r->free;
    r->free = s;
}

static enum pxr_err feed_files(struct ring *r, struct pxr_feed *feed, struct pxr_diag *diag)
{
    const struct pxr_inputs *list = feed->inputs;
    size_t next = 0;
    enum pxr_err e = PXR_OK;
    while (e == PXR_OK && (r->n_in_flight || next < list->n_items)) {
        while (next < list->n_items && !list->items[next].is_stream && !feed->via_ffmpeg &&
               r->n_in_flight < r->n_allowed) {
            if (!pxr_inputs_path(list, next, r->free->path, sizeof r->free->path))
                return pxr_diag_in_file(diag, pxr_fail(diag, PXR_E_LIMIT, "the path is too long"),
                                        pxr_inputs_name(list, next));
            submit(r, feed, next++);
        }
        if (r->n_in_flight) {
            struct slot *s = wait_first(r);
            e = consume(feed, s, diag);
            release(r, s);
        } else {
            char path[PATH_MAX];
            if (!pxr_inputs_path(list, next, path, sizeof path))
                return pxr_fail(diag, PXR_E_LIMIT, "the path is too long");
            e = run_stream(feed, next++, path, diag);
        }
    }
    return e;
}

enum pxr_err pxr_feed_run(struct pxr_feed *feed, struct pxr_diag *diag)
{
    const unsigned n_workers = feed->n_threads > 1 ? feed->n_threads : 0;
    struct ring r = {.n_allowed = 2, .n_slots = 2 * (size_t)n_workers + 2};
    r.last = &r.first;
    r.slots = pxr_alloc_zero(r.n_slots, sizeof *r.slots);
    if (!r.slots)
        return pxr_fail_nomem(diag, r.n_slots * sizeof *r.slots);
    /* Before the threads: each worker, and the main thread. */
    enum pxr_err e = feed->is_raw || feed->via_ffmpeg
                         ? PXR_OK
                         : make_guards(feed, (size_t)pxr_min_u64(n_workers, feed->inputs->n_items) + 1, diag);
    if (e == PXR_OK)
        e = pxr_pool_new(&r.pool, n_workers, diag);
    if (e != PXR_OK)
        goto done;
    for (size_t i = r.n_slots; i-- > 0;) {
        r.slots[i].next = r.free;
        r.free = &r.slots[i];
    }
    e = feed_files(&r, feed, diag);
    while (r.n_in_flight) /* after an error: nobody wants these any more */
        wait_first(&r);
done:
    pxr_pool_free(r.pool);
    free_guards(feed);
    for (size_t i = 0; i < r.n_slots; i++)
        pxr_buffer_fini(&r.slots[i].pixels);
    pxr_free(r.slots);
    return e;
}
