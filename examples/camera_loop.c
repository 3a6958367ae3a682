/* SPDX-License-Identifier: MIT
 * Record from a camera that does not wait.
 *
 *     cc camera_loop.c $(pkg-config --cflags --libs pixelrain) -pthread -o camera_loop
 *     ./camera_loop reel.pxr N_FRAMES FRAMES_PER_SECOND
 *
 * A camera's driver calls on_frame() from a thread of its own, and must have its buffer back at once.
 * So frames are copied into a ring, and the main thread hands them to the writer, which compresses with
 * threads of its own.  When the ring is full a frame is lost; it is counted, and its number is missing
 * in the metadata of its neighbours.  Every second is committed: what was recorded before a power failure
 * is still there. */
#include <pixelrain.h>

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { WIDTH_PX = 640, HEIGHT_PX = 480, FRAME_BYTES = WIDTH_PX * HEIGHT_PX, RING_FRAMES = 64 };

struct shot {
    uint64_t number; /* the camera's */
    int64_t time_ns;
    uint8_t pixels[FRAME_BYTES];
};

struct ring {
    struct shot shots[RING_FRAMES];
    pthread_mutex_t lock; /* protects what follows; the shots between tail and head belong to the reader */
    pthread_cond_t arrived;
    uint64_t head, tail, n_lost;
    bool is_over;
};

static struct ring ring = {.lock = PTHREAD_MUTEX_INITIALIZER, .arrived = PTHREAD_COND_INITIALIZER};

/* ---- the camera's side ---------------------------------------------------------------------------- */

static void on_frame(uint64_t number, int64_t time_ns, const uint8_t *pixels)
{
    pthread_mutex_lock(&ring.lock);
    const bool is_full = ring.head - ring.tail == RING_FRAMES;
    struct shot *shot = &ring.shots[ring.head % RING_FRAMES];
    ring.n_lost += is_full;
    pthread_mutex_unlock(&ring.lock);
    if (is_full)
        return;
    shot->number = number;
    shot->time_ns = time_ns;
    memcpy(shot->pixels, pixels, FRAME_BYTES);
    pthread_mutex_lock(&ring.lock);
    ring.head++;
    pthread_cond_signal(&ring.arrived);
    pthread_mutex_unlock(&ring.lock);
}

struct camera {
    uint64_t n_frames, frames_per_s;
};

/* What stands for a camera here: a ramp that moves, at a fixed rate. */
static void *run_camera(void *arg)
{
    const struct camera *camera = arg;
    static uint8_t pixels[FRAME_BYTES];
    struct timespec next, now;
    clock_gettime(CLOCK_MONOTONIC, &next);
    for (uint64_t n = 0; n < camera->n_frames; n++) {
        for (unsigned i = 0; i < FRAME_BYTES; i++)
            pixels[i] = (uint8_t)((i % WIDTH_PX + n) / 4 + i / WIDTH_PX / 8);
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
        clock_gettime(CLOCK_REALTIME, &now);
        on_frame(n, (int64_t)now.tv_sec * 1000000000 + now.tv_nsec, pixels);
        next.tv_nsec += (long)(1000000000 / camera->frames_per_s);
        next.tv_sec += next.tv_nsec / 1000000000;
        next.tv_nsec %= 1000000000;
    }
    pthread_mutex_lock(&ring.lock);
    ring.is_over = true;
    pthread_cond_signal(&ring.arrived);
    pthread_mutex_unlock(&ring.lock);
    return NULL;
}

/* ---- the writer's side ---------------------------------------------------------------------------- */

/* The next shot, or NULL when the recording is over. */
static const struct shot *wait_shot(void)
{
    pthread_mutex_lock(&ring.lock);
    while (ring.head == ring.tail && !ring.is_over)
        pthread_cond_wait(&ring.arrived, &ring.lock);
    const struct shot *shot = ring.head == ring.tail ? NULL : &ring.shots[ring.tail % RING_FRAMES];
    pthread_mutex_unlock(&ring.lock);
    return shot;
}

static void release_shot(void)
{
    pthread_mutex_lock(&ring.lock);
    ring.tail++;
    pthread_mutex_unlock(&ring.lock);
}

static enum pxr_err record(pxr_writer *writer, uint64_t frames_per_s)
{
    const struct shot *shot;
    uint64_t n_added = 0;
    enum pxr_err e = PXR_OK;
    while (e == PXR_OK && (shot = wait_shot())) {
        char meta[48];
        const int n_meta = snprintf(meta, sizeof meta, "{\"camera_frame\":%" PRIu64 "}", shot->number);
        const struct pxr_frame_in frame = {.pixels = shot->pixels,
                                           .has_time = true,
                                           .time_ns = shot->time_ns,
                                           .meta = meta,
                                           .meta_bytes = (size_t)n_meta};
        e = pxr_writer_add(writer, &frame);
        release_shot();
        if (e == PXR_OK && ++n_added % frames_per_s == 0)
            e = pxr_writer_commit(writer);
    }
    return e;
}

static int fail(const struct pxr_diag *diag)
{
    char line[2048];
    fprintf(stderr, "camera_loop: %s\n", pxr_diag_line(diag, line, sizeof line));
    return pxr_err_exit(diag->code);
}

int main(int argc, char **argv)
{
    struct camera camera = {0};
    if (argc == 4) {
        camera.n_frames = strtoull(argv[2], NULL, 10);
        camera.frames_per_s = strtoull(argv[3], NULL, 10);
    }
    if (!camera.frames_per_s || camera.frames_per_s > 1000000) {
        fprintf(stderr, "usage: camera_loop FILE.pxr N_FRAMES FRAMES_PER_SECOND\n");
        return 2;
    }
    /* FAST: what must keep up with a camera should not try every codec. */
    const struct pxr_write_opts opts = {.width_px = WIDTH_PX,
                                        .height_px = HEIGHT_PX,
                                        .bits = 8,
                                        .preset = PXR_PRESET_FAST,
                                        .overwrite = true};
    struct pxr_write_summary summary;
    struct pxr_diag diag;
    pxr_writer *writer;
    pthread_t thread;
    if (pxr_writer_create(&writer, argv[1], &opts, &diag) != PXR_OK)
        return fail(&diag);
    if (pthread_create(&thread, NULL, run_camera, &camera)) {
        pxr_writer_abort(writer);
        fprintf(stderr, "camera_loop: no thread for the camera\n");
        return 3;
    }
    const enum pxr_err e = record(writer, camera.frames_per_s);
    if (e != PXR_OK) {
        diag = *pxr_writer_diag(writer);
        pxr_writer_abort(writer);
        return fail(&diag); /* the camera's thread ends with the process */
    }
    pthread_join(thread, NULL);
    if (pxr_writer_finish(writer, &summary, &diag) != PXR_OK)
        return fail(&diag);
    printf("%" PRIu64 " frames recorded, %" PRIu64 " lost\n", summary.n_frames, ring.n_lost);
    return 0;
}
