/* SPDX-License-Identifier: MIT
 * Many threads get pieces of one slab, write them, and put those of others; every piece is compared.  A
 * plain program, so that the thread sanitizer can run it. */
#include "kept_archive.h"
#include "slab.h"

#include <pthread.h>
#include <stdatomic.h>

#define N_THREADS 8
#define N_SLOTS 128
#define N_TURNS 20000

static const uint32_t sizes[] = {1000, 5000, 40000, 40064, 300000, 1 << 20};

/* What is in a piece: written at its start, middle and end. */
struct mark {
    uint32_t n_bytes, number;
};

static pxr_slab *slab;
static _Atomic(uint8_t *) slots[N_SLOTS];
static atomic_int n_wrong;

static void write_marks(uint8_t *p, struct mark m)
{
    memcpy(p, &m, sizeof m);
    memcpy(p + m.n_bytes / 2, &m, sizeof m);
    memcpy(p + m.n_bytes - sizeof m, &m, sizeof m);
}

static void check_and_put(uint8_t *p)
{
    struct mark m;
    if (!p)
        return;
    memcpy(&m, p, sizeof m);
    n_wrong += memcmp(p + m.n_bytes / 2, &m, sizeof m) || memcmp(p + m.n_bytes - sizeof m, &m, sizeof m);
    pxr_slab_put(p);
}

static void *thread_main(void *arg)
{
    uint64_t state = (uint64_t)(uintptr_t)arg;
    for (uint32_t i = 0; i < N_TURNS; i++) {
        const uint64_t r = test_random(&state);
        const struct mark m = {sizes[r % (sizeof sizes / sizeof *sizes)], (uint32_t)(r >> 32) ^ i};
        uint8_t *p = NULL;
        if (i / 1000 % 2 == 0 || r >> 20 & 1) { /* times of growing and of shrinking */
            p = pxr_slab_get(slab, m.n_bytes);
            if (!p || (uintptr_t)p & 63)
                abort();
            write_marks(p, m);
        }
        check_and_put(atomic_exchange(&slots[r >> 8 & (N_SLOTS - 1)], p));
    }
    return NULL;
}

int main(void)
{
    pthread_t threads[N_THREADS];
    if (pxr_slab_new(&slab, NULL) != PXR_OK)
        return 1;
    for (uintptr_t i = 0; i < N_THREADS; i++)
        pthread_create(&threads[i], NULL, thread_main, (void *)(i + 1));
    for (int i = 0; i < N_THREADS; i++)
        pthread_join(threads[i], NULL);
    const uint64_t used = pxr_slab_bytes(slab);
    for (int i = 0; i < N_SLOTS; i++)
        check_and_put(slots[i]);
    const uint64_t left = pxr_slab_bytes(slab);
    printf("PIECES %d, %d wrong; %llu bytes in chunks, %llu when all were put back\n",
           N_THREADS * N_TURNS, n_wrong, (unsigned long long)used, (unsigned long long)left);
    pxr_slab_free(slab);
    return n_wrong || left > 6 << 20;
}
