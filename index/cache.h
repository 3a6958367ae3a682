/* SPDX-License-Identifier: MIT
 * A sharded, byte-bounded, reference-counted cache in which several threads that want the same thing
 * make it once.
 *
 * Locks: each shard has one; it guards its table, its list and every field of its entries except value
 * and value_bytes, which do not change while an entry is referenced.  No lock is held while something is
 * loaded or freed; never two at once. */
#ifndef PXR_INDEX_CACHE_H
#define PXR_INDEX_CACHE_H

#include "pixelrain.h"

typedef struct pxr_cache pxr_cache;

struct pxr_cache_key {
    uint64_t a, b, c, d, e; /* identity, place and shape: all that a hit must agree with */
    uint32_t unit;
};

/* Something that is loaded and referenced; value belongs to the cache. */
typedef struct pxr_cache_entry pxr_cache_entry;
void *pxr_cache_value(const pxr_cache_entry *e);

/* Make the value for key: fresh memory that free_value accepts. */
typedef enum pxr_err pxr_cache_load_fn(void *arg, const struct pxr_cache_key *key, void **value,
                                       size_t *value_bytes, struct pxr_diag *diag);

/* Values beyond max_bytes are evicted, least recently used first, unless they are referenced.  One value that is larger
 * than max_bytes may stay, alone. */
enum pxr_err pxr_cache_new(pxr_cache **out, uint64_t max_bytes, void (*free_value)(void *value),
                           struct pxr_diag *diag);
void pxr_cache_free(pxr_cache *c); /* all entries must have been put back; NULL is allowed */

/* *out is referenced and must be given back with pxr_cache_put.  When another thread is loading the
 * same key, wait for it; when that one fails, try once more in this thread, so that each caller has a
 * diagnostic of its own.  *was_there (may be NULL): nothing was loaded by this call. */
enum pxr_err pxr_cache_get(pxr_cache *c, const struct pxr_cache_key *key, pxr_cache_load_fn *load,
                           void *arg, pxr_cache_entry **out, bool *was_there, struct pxr_diag *diag);
void pxr_cache_put(pxr_cache *c, pxr_cache_entry *e); /* e may be NULL */
/* For a loader, before it takes memory for a value: one that is larger than max_bytes is not to be there beside the one
 * that stayed. */
void pxr_cache_make_room(pxr_cache *c, uint64_t value_bytes);
/* Present or being loaded at this moment. */
/* Give a value's memory back now, unless it is in use or not there. */
void pxr_cache_drop(pxr_cache *c, const struct pxr_cache_key *key);
bool pxr_cache_has(pxr_cache *c, const struct pxr_cache_key *key);

uint64_t pxr_cache_bytes(const pxr_cache *c);
uint64_t pxr_cache_max_bytes(const pxr_cache *c);

#endif
