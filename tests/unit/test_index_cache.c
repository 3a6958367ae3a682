/* SPDX-License-Identifier: MIT
 * The cache: once per key, bounded, least recently used first, failures are not kept. */
#include "cache.h"
#include "kept_archive.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

static atomic_int n_loads, n_frees;

static void free_counted(void *p)
{
    n_frees++;
    pxr_free(p);
}

static enum pxr_err load_key(void *arg, const struct pxr_cache_key *key, void **value, size_t *bytes,
                             struct pxr_diag *diag)
{
    const int *sleep_us = arg;
    n_loads++;
    if (sleep_us)
        usleep((unsigned)*sleep_us);
    if (key->a == 666)
        return pxr_fail(diag, PXR_E_CORRUPT, "no such value");
    uint64_t *v = pxr_alloc(100);
    *v = key->a * 1000 + key->unit;
    *value = v;
    *bytes = 100;
    return PXR_OK;
}

static uint64_t get_value(pxr_cache *c, uint64_t a, uint32_t unit, bool *was_there)
{
    const struct pxr_cache_key key = {.a = a, .unit = unit};
    pxr_cache_entry *e;
    cr_assert_eq(pxr_cache_get(c, &key, load_key, NULL, &e, was_there, NULL), PXR_OK);
    const uint64_t v = *(uint64_t *)pxr_cache_value(e);
    pxr_cache_put(c, e);
    return v;
}

/* Bytes that one value of 100 bytes is counted with. */
static uint64_t entry_bytes(void)
{
    pxr_cache *c;
    cr_assert_eq(pxr_cache_new(&c, 100000, free_counted, NULL), PXR_OK);
    get_value(c, 1, 1, NULL);
    const uint64_t n = pxr_cache_bytes(c);
    pxr_cache_free(c);
    n_loads = n_frees = 0;
    cr_assert_geq(n, 100);
    return n;
}

Test(cache, evicts_the_least_recently_used)
{
    const uint64_t each = entry_bytes();
    pxr_cache *c;
    bool hit;
    cr_assert_eq(pxr_cache_new(&c, 10 * each, free_counted, NULL), PXR_OK);
    for (uint64_t i = 0; i < 10; i++)
        cr_expect_eq(get_value(c, i, 3, &hit), i * 1000 + 3);
    cr_expect_eq(pxr_cache_bytes(c), 10 * each);
    get_value(c, 0, 3, &hit);
    cr_expect(hit);
    get_value(c, 100, 3, &hit); /* takes the place of 1, not of 0 */
    cr_expect_not(hit);
    cr_expect_eq(pxr_cache_bytes(c), 10 * each);
    cr_expect_eq(n_frees, 1);
    get_value(c, 0, 3, &hit);
    cr_expect(hit);
    get_value(c, 1, 3, &hit);
    cr_expect_not(hit);
    pxr_cache_free(c);
    cr_expect_eq(n_frees, n_loads);
}

Test(cache, what_is_referenced_stays)
{
    pxr_cache *c;
    pxr_cache_entry *held[20];
    cr_assert_eq(pxr_cache_new(&c, 1000, free_counted, NULL), PXR_OK);
    for (uint64_t i = 0; i < 20; i++) {
        const struct pxr_cache_key key = {.a = i};
        cr_assert_eq(pxr_cache_get(c, &key, load_key, NULL, &held[i], NULL, NULL), PXR_OK);
    }
    cr_expect_eq(n_frees, 0);
    for (uint64_t i = 0; i < 20; i++)
        cr_expect_eq(*(uint64_t *)pxr_cache_value(held[i]), i * 1000);
    for (int i = 0; i < 20; i++)
        pxr_cache_put(c, held[i]);
    cr_expect_leq(pxr_cache_bytes(c), 1000);
    pxr_cache_free(c);
}

Test(cache, a_failure_is_reported_and_not_kept)
{
    pxr_cache *c;
    pxr_cache_entry *e;
    struct pxr_diag d;
    const struct pxr_cache_key key = {.a = 666};
    cr_assert_eq(pxr_cache_new(&c, 300, free_counted, NULL), PXR_OK);
    for (int i = 0; i < 3; i++) {
        cr_expect_eq(pxr_cache_get(c, &key, load_key, NULL, &e, NULL, &d), PXR_E_CORRUPT);
        cr_expect_null(e);
        cr_expect_str_eq(d.text, "no such value");
        cr_expect_not(pxr_cache_has(c, &key));
    }
    cr_expect_eq(n_loads, 3);
    pxr_cache_free(c);
}

struct crowd {
    pxr_cache *cache;
    uint64_t key;
    int sleep_us;
    enum pxr_err want;
    pthread_barrier_t start;
};

static void *crowd_main(void *arg)
{
    struct crowd *w = arg;
    const struct pxr_cache_key key = {.a = w->key};
    pxr_cache_entry *e;
    pthread_barrier_wait(&w->start);
    cr_assert_eq(pxr_cache_get(w->cache, &key, load_key, &w->sleep_us, &e, NULL, NULL), w->want);
    pxr_cache_put(w->cache, e);
    return NULL;
}

static void run_crowd(uint64_t key, enum pxr_err want)
{
    struct crowd w = {.key = key, .sleep_us = 20000, .want = want};
    pthread_t threads[16];
    cr_assert_eq(pxr_cache_new(&w.cache, 1000, free_counted, NULL), PXR_OK);
    pthread_barrier_init(&w.start, NULL, 16);
    for (int i = 0; i < 16; i++)
        pthread_create(&threads[i], NULL, crowd_main, &w);
    for (int i = 0; i < 16; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&w.start);
    pxr_cache_free(w.cache);
}

Test(cache, many_threads_load_once)
{
    run_crowd(7, PXR_OK);
    cr_expect_eq(n_loads, 1, "%d loads", n_loads);
}

Test(cache, every_thread_learns_of_a_failure) { run_crowd(666, PXR_E_CORRUPT); }

/* Who reads a unit that is larger than the cache in small pieces must not decode it for each of them. */
Test(cache, a_value_larger_than_all_room_stays_until_the_next_one)
{
    const uint64_t each = entry_bytes();
    pxr_cache *c;
    bool was_there;
    cr_assert_eq(pxr_cache_new(&c, each / 2, free_counted, NULL), PXR_OK);
    get_value(c, 1, 1, &was_there);
    get_value(c, 1, 1, &was_there);
    cr_expect(was_there, "the value was made anew");
    get_value(c, 2, 1, &was_there);
    cr_expect(!was_there);
    cr_expect_eq(pxr_cache_bytes(c), each, "%llu bytes", (unsigned long long)pxr_cache_bytes(c));
    get_value(c, 1, 1, &was_there);
    cr_expect(!was_there, "more than one such value was kept");
    pxr_cache_make_room(c, each);
    cr_expect_eq(pxr_cache_bytes(c), 0);
    pxr_cache_free(c);
    cr_expect_eq(n_loads, n_frees);
}
