/* SPDX-License-Identifier: MIT
 * The switch of a live mount from one snapshot to the next, without a kernel: requests of many threads while another
 * one appends and a third one refreshes.  Each request sees one commit and right pixels; frames never become fewer. */
#include "kept_archive.h"
#include "options.h"
#include "server.h"
#include "worker.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

enum { W = 24, H = 16, N_READERS = 8, N_FRAMES = 400 };

static char path[] = "/tmp/pxr_stress_live_XXXXXX";
static struct pxr_server server;
static atomic_uint n_durable; /* release by the writer after a commit */
static atomic_uint n_shown;   /* frames that the server shows */
static atomic_bool is_written, is_shown;
static atomic_ullong n_requests, n_grown, n_old;

#define DIE(...)                                                                                                       \
    do {                                                                                                               \
        fprintf(stderr, "FAILED (%s:%d): ", __FILE__, __LINE__);                                                       \
        fprintf(stderr, __VA_ARGS__);                                                                                  \
        fputc('\n', stderr);                                                                                           \
        exit(1);                                                                                                       \
    } while (0)

static void *append(void *arg)
{
    pxr_writer *w = arg;
    struct pxr_diag d;
    for (uint32_t frame = 0; frame < N_FRAMES; frame++) {
        uint8_t pixels[W * H];
        test_frame(pixels, frame, W, H, 8, 255, TEST_SMOOTH);
        if (pxr_writer_add(w, &(struct pxr_frame_in){.pixels = pixels}) != PXR_OK)
            DIE("frame %u: %s", frame, pxr_writer_diag(w)->text);
        if (frame % 3 == 0) {
            if (pxr_writer_commit(w) != PXR_OK)
                DIE("frame %u: %s", frame, pxr_writer_diag(w)->text);
            atomic_store_explicit(&n_durable, frame + 1, memory_order_release);
            while (atomic_load(&n_shown) + 8 < frame) /* many snapshots, also on a busy machine */
                usleep(200);
        }
    }
    if (pxr_writer_finish(w, NULL, &d) != PXR_OK)
        DIE("%s", d.text);
    atomic_store(&is_written, true);
    return NULL;
}

static void *refresh(void *arg)
{
    struct pxr_diag d;
    (void)arg;
    for (bool is_last = false; !is_last;) {
        bool has_grown;
        is_last = atomic_load(&is_written); /* before the look: then nothing comes after it */
        const unsigned promised = atomic_load_explicit(&n_durable, memory_order_acquire);
        if (pxr_server_refresh(&server, &has_grown, &d) != PXR_OK)
            DIE("%s", d.text);
        if (server.newest->tree.frames.n_frames < promised)
            DIE("%llu of %u frames are shown", (unsigned long long)server.newest->tree.frames.n_frames, promised);
        atomic_store(&n_shown, (unsigned)server.newest->tree.frames.n_frames);
        atomic_fetch_add(&n_grown, has_grown);
    }
    atomic_store(&is_shown, true);
    return NULL;
}

/* One request, as ops.c answers it. */
static void request(struct pxr_worker *w, uint64_t *state)
{
    const struct pxr_fs_tree *t = &w->shown->tree;
    struct pxr_diag diag;
    struct pxr_frame_info info;
    uint8_t want[W * H];
    size_t got;
    uint64_t found;
    if (t->frames.n_frames != w->shown->info.n_frames || t->frames.n_frames != t->n_late)
        DIE("%llu frames in the tree of an archive of %llu", (unsigned long long)t->frames.n_frames,
            (unsigned long long)w->shown->info.n_frames);
    if (!t->frames.n_frames)
        return;
    /* Mostly near the end, where things change. */
    const uint64_t n = t->frames.n_frames, back = test_random(state) % (test_random(state) % 4 ? 8 : n);
    const uint64_t frame = back < n ? n - 1 - back : 0;
    if (!pxr_worker_decoder(w) || !pxr_worker_reserve(w, sizeof want))
        DIE("no memory");
    if (pxr_view_read(w->decoder, frame, PXR_VIEW_RAW, 0, w->bytes, sizeof want, &got) != PXR_OK)
        DIE("frame %llu: %s", (unsigned long long)frame, pxr_decoder_diag(w->decoder)->text);
    test_frame(want, frame, W, H, 8, 255, TEST_SMOOTH);
    if (got != sizeof want || memcmp(want, w->bytes, sizeof want))
        DIE("WRONG PIXELS in frame %llu", (unsigned long long)frame);
    if (pxr_frame_info(w->shown->archive, frame, &info, &diag) != PXR_OK ||
        pxr_frame_find(w->shown->archive, info.name, info.name_bytes, &found, &diag) != PXR_OK || found != frame)
        DIE("frame %llu is not found by its name: %s", (unsigned long long)frame, diag.text);
    if (pxr_frame_info(w->shown->archive, n, &info, &diag) != PXR_E_RANGE)
        DIE("a frame of a later commit");
    atomic_fetch_add(&n_requests, 1);
}

static void *answer(void *arg)
{
    uint64_t state = (uint64_t)(uintptr_t)arg, n_before = 0;
    struct pxr_snapshot *kept = NULL;
    while (!atomic_load(&is_shown)) {
        struct pxr_worker *w = pxr_worker_get(&server);
        if (!w)
            DIE("no memory");
        if (w->shown->info.n_frames < n_before)
            DIE("%llu frames after %llu", (unsigned long long)w->shown->info.n_frames, (unsigned long long)n_before);
        n_before = w->shown->info.n_frames;
        request(w, &state);
        if (test_random(&state) % 32 == 0) { /* one who stays with an old snapshot for a while */
            unsigned unused;
            atomic_fetch_add(&n_old, kept && kept != w->shown);
            pxr_snapshot_put(kept);
            kept = pxr_server_snapshot(&server, &unused);
        }
    }
    pxr_snapshot_put(kept);
    return NULL; /* its worker is freed by the thread's end */
}

int main(void)
{
    const struct pxr_write_opts o = {.width_px = W, .height_px = H, .bits = 8, .n_threads = 2, .block_frames = 4,
                                     .overwrite = true, .publish_at_commit = true};
    struct pxr_mount_options options;
    char live[] = "live", dash[] = "-o";
    char *args[] = {dash, dash, live, path, path, NULL};
    pthread_t writer, refresher, readers[N_READERS];
    struct pxr_diag d;
    pxr_writer *w;
    close(mkstemp(path));
    if (pxr_writer_create(&w, path, &o, &d) != PXR_OK || pxr_writer_commit(w) != PXR_OK)
        DIE("no archive");
    if (pxr_mount_options_parse(&options, 5, args, &d) != PXR_OK ||
        pxr_server_init(&server, &options, path, &d) != PXR_OK ||
        pxr_archive_start_workers(server.newest->archive, 2) != PXR_OK)
        DIE("%s", d.text);
    if (pthread_create(&writer, NULL, append, w) || pthread_create(&refresher, NULL, refresh, NULL))
        DIE("no thread");
    for (uintptr_t i = 0; i < N_READERS; i++)
        if (pthread_create(&readers[i], NULL, answer, (void *)(i + 1)))
            DIE("no thread");
    pthread_join(writer, NULL);
    pthread_join(refresher, NULL);
    for (int i = 0; i < N_READERS; i++)
        pthread_join(readers[i], NULL);
    if (server.newest->info.n_frames != N_FRAMES)
        DIE("%llu frames in the end", (unsigned long long)server.newest->info.n_frames);
    pxr_server_fini(&server);
    unlink(path);
    if (atomic_load(&n_grown) < 10)
        DIE("only %llu snapshots", atomic_load(&n_grown));
    printf("LIVE %llu requests over %llu snapshots, %llu old ones kept: every pixel right, no frame lost\n",
           atomic_load(&n_requests), atomic_load(&n_grown), atomic_load(&n_old));
    return 0;
}
