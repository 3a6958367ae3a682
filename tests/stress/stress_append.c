/* SPDX-License-Identifier: MIT
 * Readers while somebody appends: each opens the archive again and again, finds at least what was committed before, and
 * compares random frames with the truth; one that stays open goes on seeing what it saw. */
#include "kept_archive.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

enum { W = 24, H = 16, N_READERS = 8, N_LIVES = 12, FRAMES_PER_LIFE = 40 };

static char path[] = "/tmp/pxr_stress_XXXXXX";
static atomic_uint n_durable; /* release by the writer after a commit, acquire by readers before they open */
static atomic_bool is_done;
static atomic_ullong n_reads, n_opens;

#define DIE(...)                                                                                                       \
    do {                                                                                                               \
        fprintf(stderr, "FAILED (%s:%d): ", __FILE__, __LINE__);                                                       \
        fprintf(stderr, __VA_ARGS__);                                                                                  \
        fputc('\n', stderr);                                                                                           \
        exit(1);                                                                                                       \
    } while (0)

static void *append(void *arg)
{
    (void)arg;
    uint32_t frame = 0;
    for (int life = 0; life < N_LIVES; life++) {
        const struct pxr_write_opts o = {.width_px = W, .height_px = H, .bits = 8, .n_threads = 2, .block_frames = 4,
                                         .overwrite = true, .publish_at_commit = true,
                                         .codec = life % 2 ? PXR_CODEC_AUTO : PXR_CODEC_STORE};
        struct pxr_diag d;
        pxr_writer *w;
        if ((life ? pxr_writer_append(&w, path, &o, &d) : pxr_writer_create(&w, path, &o, &d)) != PXR_OK)
            DIE("life %d: %s", life, d.text);
        for (int i = 0; i < FRAMES_PER_LIFE; i++, frame++) {
            uint8_t pixels[W * H];
            test_frame(pixels, frame, W, H, 8, 255, TEST_SMOOTH);
            if (pxr_writer_add(w, &(struct pxr_frame_in){.pixels = pixels}) != PXR_OK)
                DIE("frame %u: %s", frame, pxr_writer_diag(w)->text);
            if (frame % 7 == 0) {
                if (pxr_writer_commit(w) != PXR_OK)
                    DIE("frame %u: %s", frame, pxr_writer_diag(w)->text);
                atomic_store_explicit(&n_durable, frame + 1, memory_order_release);
            }
        }
        if (life % 3 == 2) { /* what was not committed is taken back while others read */
            pxr_writer_abort(w);
            frame = atomic_load(&n_durable);
        } else if (pxr_writer_finish(w, NULL, &d) != PXR_OK) {
            DIE("life %d: %s", life, d.text);
        } else {
            atomic_store_explicit(&n_durable, frame, memory_order_release);
        }
    }
    atomic_store(&is_done, true);
    return NULL;
}

static void compare(pxr_archive *a, uint64_t n_frames, uint64_t *state, int n)
{
    pxr_decoder *d;
    if (pxr_decoder_new(&d, a) != PXR_OK)
        DIE("no memory");
    for (int i = 0; i < n; i++) {
        uint8_t want[W * H], got[W * H];
        const uint64_t frame = test_random(state) % n_frames;
        test_frame(want, frame, W, H, 8, 255, TEST_SMOOTH);
        if (pxr_frame_read(d, frame, 0, H, got, sizeof got, W) != PXR_OK)
            DIE("frame %llu: %s", (unsigned long long)frame, pxr_decoder_diag(d)->text);
        if (memcmp(want, got, sizeof got))
            DIE("WRONG PIXELS in frame %llu", (unsigned long long)frame);
        atomic_fetch_add(&n_reads, 1);
    }
    pxr_decoder_free(d);
}

static void *read_on(void *arg)
{
    uint64_t state = (uint64_t)(uintptr_t)arg;
    pxr_archive *kept = NULL;
    struct pxr_archive_info kept_info = {0};
    while (!atomic_load(&is_done)) {
        const unsigned promised = atomic_load_explicit(&n_durable, memory_order_acquire);
        struct pxr_archive_info info;
        struct pxr_diag d;
        pxr_archive *a;
        if (!promised) {
            usleep(1000);
            continue;
        }
        if (pxr_archive_open(&a, path, NULL, &d) != PXR_OK)
            DIE("after %u frames: %s", promised, d.text);
        pxr_archive_info(a, &info);
        if (info.n_frames < promised)
            DIE("%llu of %u frames are there", (unsigned long long)info.n_frames, promised);
        atomic_fetch_add(&n_opens, 1);
        compare(a, info.n_frames, &state, 8);
        if (!kept) {
            kept = a;
            kept_info = info;
        } else {
            pxr_archive_close(a);
            compare(kept, kept_info.n_frames, &state, 2);
        }
    }
    pxr_archive_close(kept);
    return NULL;
}

int main(void)
{
    pthread_t writer, readers[N_READERS];
    close(mkstemp(path));
    if (pthread_create(&writer, NULL, append, NULL))
        DIE("no thread");
    for (uintptr_t i = 0; i < N_READERS; i++)
        if (pthread_create(&readers[i], NULL, read_on, (void *)(i + 1)))
            DIE("no thread");
    pthread_join(writer, NULL);
    for (int i = 0; i < N_READERS; i++)
        pthread_join(readers[i], NULL);
    unlink(path);
    printf("APPEND %llu opens and %llu frames compared while %u frames were appended: none lost, none wrong\n",
           (unsigned long long)n_opens, (unsigned long long)n_reads, atomic_load(&n_durable));
    return 0;
}
