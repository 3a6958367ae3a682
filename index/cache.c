/* SPDX-License-Identifier: MIT
 * A sharded, byte-bounded, reference-counted, single-flight cache. */
#include "cache.h"

#include "alloc.h"
#include "checksum.h"
#include "diag.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#define N_SHARDS 16
#define N_BUCKETS 1024 /* a shard; chains stay short up to some 10^5 entries */

/* What an entry takes beside its value: itself, and what malloc adds to both. */
#define ENTRY_BYTES ((size_t)256)

enum entry_state { LOADING, READY, FAILED };

struct pxr_cache_entry {
    struct pxr_cache_key key;
    void *value;
    size_t value_bytes;
    enum entry_state state;
    bool is_listed;         /* in the table; a failed entry is not */
    uint32_t n_refs;
    uint64_t tick;          /* of the last use */
    pxr_cache_entry *chain; /* bucket */
    pxr_cache_entry *newer, *older; /* by last use; READY ones only */
};

struct shard {
    _Alignas(64) pthread_mutex_t lock;
    pthread_cond_t loaded;
    pxr_cache_entry *buckets[N_BUCKETS];
    pxr_cache_entry *newest, *oldest;
    /* Tick of the oldest entry, or UINT64_MAX: read without the lock to choose a victim; a stale value
     * evicts a slightly younger entry and nothing worse, so relaxed order is enough. */
    _Atomic uint64_t oldest_tick;
};

struct pxr_cache {
    uint64_t max_bytes;
    void (*free_value)(void *);
    /* Counters: no other memory is published through them, so all accesses are relaxed. */
    _Atomic uint64_t n_bytes, clock;
    struct shard shards[N_SHARDS];
};

void *pxr_cache_value(const pxr_cache_entry *e) { return e->value; }
uint64_t pxr_cache_bytes(const pxr_cache *c)
{
    return atomic_load_explicit(&c->n_bytes, memory_order_relaxed);
}
uint64_t pxr_cache_max_bytes(const pxr_cache *c) { return c->max_bytes; }

static uint64_t hash_key(const struct pxr_cache_key *k)
{
    const uint64_t parts[6] = {k->a, k->b, k->c, k->d, k->e, k->unit};
    return pxr_xxh3_64(parts, sizeof parts);
}
static struct shard *shard_of(pxr_cache *c, uint64_t hash) { return &c->shards[hash % N_SHARDS]; }
static pxr_cache_entry **bucket_of(struct shard *s, uint64_t hash)
{
    return &s->buckets[hash / N_SHARDS % N_BUCKETS];
}
static bool keys_equal(const struct pxr_cache_key *x, const struct pxr_cache_key *y)
{
    return x->a == y->a && x->b == y->b && x->c == y->c && x->d == y->d &&
           x->e == y->e && x->unit == y->unit;
}

enum pxr_err pxr_cache_new(pxr_cache **out, uint64_t max_bytes, void (*free_value)(void *),
                           struct pxr_diag *diag)
{
    pxr_cache *c = pxr_alloc_aligned(64, sizeof *c);
    *out = c;
    if (!c)
        return pxr_fail_nomem(diag, sizeof *c);
    memset(c, 0, sizeof *c);
    c->max_bytes = max_bytes;
    c->free_value = free_value;
    for (int i = 0; i < N_SHARDS; i++) {
        pthread_mutex_init(&c->shards[i].lock, NULL);
        pthread_cond_init(&c->shards[i].loaded, NULL);
        atomic_store_explicit(&c->shards[i].oldest_tick, UINT64_MAX, memory_order_relaxed);
    }
    return PXR_OK;
}

static void free_entry(pxr_cache *c, pxr_cache_entry *e)
{
    if (e->value)
        c->free_value(e->value);
    pxr_free(e);
}

void pxr_cache_free(pxr_cache *c)
{
    if (!c)
        return;
    for (int i = 0; i < N_SHARDS; i++) {
        struct shard *s = &c->shards[i];
        for (pxr_cache_entry *e = s->newest, *next; e; e = next) {
            next = e->older;
            free_entry(c, e);
        }
        pthread_mutex_destroy(&s->lock);
        pthread_cond_destroy(&s->loaded);
    }
    pxr_free(c);
}

/* ---- lists; the shard's lock is held ------------------------------------------------------------ */

static void publish_oldest(struct shard *s)
{
    atomic_store_explicit(&s->oldest_tick, s->oldest ? s->oldest->tick : UINT64_MAX,
                          memory_order_relaxed);
}

static void list_remove(struct shard *s, pxr_cache_entry *e)
{
    *(e->newer ? &e->newer->older : &s->newest) = e->older;
    *(e->older ? &e->older->newer : &s->oldest) = e->newer;
    e->newer = e->older = NULL;
}

static void list_push(pxr_cache *c, struct shard *s, pxr_cache_entry *e)
{
    e->tick = atomic_fetch_add_explicit(&c->clock, 1, memory_order_relaxed);
    e->older = s->newest;
    *(s->newest ? &s->newest->newer : &s->oldest) = e;
    s->newest = e;
}

static void table_remove(struct shard *s, pxr_cache_entry *e)
{
    pxr_cache_entry **p = bucket_of(s, hash_key(&e->key));
    while (*p != e)
        p = &(*p)->chain;
    *p = e->chain;
    e->is_listed = false;
}

static pxr_cache_entry *table_find(struct shard *s, uint64_t hash, const struct pxr_cache_key *key)
{
    pxr_cache_entry *e = *bucket_of(s, hash);
    while (e && !keys_equal(&e->key, key))
        e = e->chain;
    return e;
}

/* ---- eviction --------------------------------------------------------------------------------- */

/* Take the oldest unreferenced entry of the shard out; NULL: all are in use. */
static pxr_cache_entry *take_victim(struct shard *s)
{
    pthread_mutex_lock(&s->lock);
    pxr_cache_entry *e = s->oldest;
    while (e && e->n_refs)
        e = e->newer;
    if (e) {
        list_remove(s, e);
        table_remove(s, e);
    }
    publish_oldest(s);
    pthread_mutex_unlock(&s->lock);
    return e;
}

static void evict_down(pxr_cache *c, uint64_t max_bytes)
{
    bool is_stuck[N_SHARDS] = {false}; /* shards in which everything is referenced */
    while (pxr_cache_bytes(c) > max_bytes) {
        int best = -1;
        uint64_t best_tick = UINT64_MAX;
        for (int i = 0; i < N_SHARDS; i++) {
            const uint64_t tick =
                atomic_load_explicit(&c->shards[i].oldest_tick, memory_order_relaxed);
            if (!is_stuck[i] && tick < best_tick) {
                best_tick = tick;
                best = i;
            }
        }
        if (best < 0)
            return; /* more is in use than fits: the next one to put back tries again */
        pxr_cache_entry *e = take_victim(&c->shards[best]);
        if (!e) {
            is_stuck[best] = true;
            continue;
        }
        atomic_fetch_sub_explicit(&c->n_bytes, e->value_bytes, memory_order_relaxed);
        free_entry(c, e);
    }
}

/* ---- get and put ------------------------------------------------------------------------------ */

/* Load into a fresh entry that others may already wait for.  Called and returns without the lock. */
static enum pxr_err load_entry(pxr_cache *c, struct shard *s, pxr_cache_entry *e,
                               pxr_cache_load_fn *load, void *arg, struct pxr_diag *diag)
{
    void *value = NULL;
    size_t value_bytes = 0;
    const enum pxr_err err = load(arg, &e->key, &value, &value_bytes, diag);
    pthread_mutex_lock(&s->lock);
    e->value = value;
    e->value_bytes = value_bytes + ENTRY_BYTES;
    e->state = err == PXR_OK ? READY : FAILED;
    if (err == PXR_OK) {
        list_push(c, s, e);
        publish_oldest(s);
        atomic_fetch_add_explicit(&c->n_bytes, e->value_bytes, memory_order_relaxed);
    } else {
        table_remove(s, e);
    }
    pthread_cond_broadcast(&s->loaded);
    pthread_mutex_unlock(&s->lock);
    if (err == PXR_OK)
        evict_down(c, c->max_bytes);
    else
        pxr_cache_put(c, e);
    return err;
}

/* Wait for another thread's load and take a reference; NULL: it failed.  The lock is held. */
static pxr_cache_entry *join_entry(pxr_cache *c, struct shard *s, pxr_cache_entry *e)
{
    e->n_refs++;
    while (e->state == LOADING)
        pthread_cond_wait(&s->loaded, &s->lock);
    if (e->state == READY) {
        list_remove(s, e);
        list_push(c, s, e);
        publish_oldest(s);
        return e;
    }
    if (!--e->n_refs)
        free_entry(c, e);
    return NULL;
}

enum pxr_err pxr_cache_get(pxr_cache *c, const struct pxr_cache_key *key, pxr_cache_load_fn *load,
                           void *arg, pxr_cache_entry **out, bool *was_there, struct pxr_diag *diag)
{
    const uint64_t hash = hash_key(key);
    struct shard *s = shard_of(c, hash);
    *out = NULL;
    if (was_there)
        *was_there = false;
    pthread_mutex_lock(&s->lock);
    for (pxr_cache_entry *e; (e = table_find(s, hash, key));)
        if ((e = join_entry(c, s, e))) {
            pthread_mutex_unlock(&s->lock);
            *out = e;
            if (was_there)
                *was_there = true;
            return PXR_OK;
        }
    pxr_cache_entry *e = pxr_alloc_zero(1, sizeof *e);
    if (!e) {
        pthread_mutex_unlock(&s->lock);
        return pxr_fail_nomem(diag, sizeof *e);
    }
    pxr_cache_entry **bucket = bucket_of(s, hash);
    *e = (pxr_cache_entry){.key = *key, .state = LOADING, .is_listed = true, .n_refs = 1,
                           .chain = *bucket};
    *bucket = e;
    pthread_mutex_unlock(&s->lock);
    const enum pxr_err err = load_entry(c, s, e, load, arg, diag);
    *out = err == PXR_OK ? e : NULL;
    return err;
}

void pxr_cache_put(pxr_cache *c, pxr_cache_entry *e)
{
    if (!e)
        return;
    struct shard *s = shard_of(c, hash_key(&e->key));
    pthread_mutex_lock(&s->lock);
    const bool is_last = !--e->n_refs;
    const bool is_garbage = is_last && !e->is_listed;
    /* A value larger than all room stays until the next one comes: it was in memory just now, and who reads it in
     * small pieces would make it anew for each. */
    const uint64_t kept_bytes = c->max_bytes < e->value_bytes ? e->value_bytes : c->max_bytes;
    pthread_mutex_unlock(&s->lock);
    if (is_garbage)
        free_entry(c, e);
    else if (is_last && pxr_cache_bytes(c) > kept_bytes)
        evict_down(c, kept_bytes);
}

void pxr_cache_make_room(pxr_cache *c, uint64_t value_bytes)
{
    if (value_bytes > c->max_bytes)
        evict_down(c, 0);
}

void pxr_cache_drop(pxr_cache *c, const struct pxr_cache_key *key)
{
    const uint64_t hash = hash_key(key);
    struct shard *s = shard_of(c, hash);
    pthread_mutex_lock(&s->lock);
    pxr_cache_entry *e = table_find(s, hash, key);
    if (e && (e->state != READY || e->n_refs))
        e = NULL;
    if (e) {
        list_remove(s, e);
        table_remove(s, e);
        publish_oldest(s);
    }
    pthread_mutex_unlock(&s->lock);
    if (!e)
        return;
    atomic_fetch_sub_explicit(&c->n_bytes, e->value_bytes, memory_order_relaxed);
    free_entry(c, e);
}

bool pxr_cache_has(pxr_cache *c, const struct pxr_cache_key *key)
{
    const uint64_t hash = hash_key(key);
    struct shard *s = shard_of(c, hash);
    pthread_mutex_lock(&s->lock);
    const bool is_there = table_find(s, hash, key) != NULL;
    pthread_mutex_unlock(&s->lock);
    return is_there;
}
