/* SPDX-License-Identifier: MIT
 * Memory for large values of few sizes: pieces of one size are carved from chunks.
 *
 * A class is one size of piece, exactly, so that nothing is lost to rounding; an archive has few of them.
 * The first chunks of a class are small, so that small archives take little; later ones are made of huge
 * pages.  Resident are about: the pieces in use, WARM_BYTES of free ones, and what was never used of one
 * huge page in each class with more than two chunks.
 *
 * Locks: one per slab; it guards everything but the values.  Pages are given back without it. */
#include "slab.h"

#include "alloc.h"
#include "bytes.h"
#include "diag.h"

#include <pthread.h>
#include <stdalign.h>

#if defined(__SANITIZE_ADDRESS__)
#define IS_BYPASSED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define IS_BYPASSED true
#endif
#endif
#ifndef IS_BYPASSED
#define IS_BYPASSED false
#endif

#define N_CLASSES 16
#define ALIGN_BYTES 64
/* Smaller values are malloc's trade; of larger ones, each is a mapping of its own. */
#define MIN_PIECE_BYTES ((size_t)4 << 10)
#define MAX_PIECE_BYTES ((size_t)8 << 20)
/* Free pieces keep their pages up to this sum: to have them cleared again costs more than to keep them. */
#define WARM_BYTES ((size_t)8 << 20)

struct chunk;

/* What stands before each piece. */
struct piece {
    alignas(ALIGN_BYTES) struct chunk *chunk; /* NULL: from pxr_alloc_aligned */
    struct piece *next_free;
    bool is_warm; /* while free: its pages are there */
};

/* Stands at the start of its own memory; the pieces follow. */
struct chunk {
    alignas(ALIGN_BYTES) pxr_slab *slab;
    struct class *class;
    struct chunk *next, *prev; /* of those of its class that can give a piece */
    struct piece *free;        /* put back last, first */
    size_t n_bytes;
    uint32_t n_pieces, n_carved, n_used, n_warm;
};

struct class {
    size_t piece_bytes; /* with what stands before it; 0: never used */
    unsigned n_chunks;
    /* Those with free pieces come first; only the last one may have some that were never used. */
    struct chunk *first, *last;
};

struct pxr_slab {
    pthread_mutex_t lock;
    struct class classes[N_CLASSES];
    struct chunk *spare; /* the only one of which nothing is in use, or NULL */
    size_t n_warm_bytes; /* in free pieces */
    uint64_t n_bytes;    /* in chunks */
};

enum pxr_err pxr_slab_new(pxr_slab **out, struct pxr_diag *diag)
{
    pxr_slab *s = *out = pxr_alloc_zero(1, sizeof *s);
    if (!s)
        return pxr_fail_nomem(diag, sizeof *s);
    pthread_mutex_init(&s->lock, NULL);
    return PXR_OK;
}

void pxr_slab_free(pxr_slab *s)
{
    if (!s)
        return;
    if (s->spare)
        pxr_free_pages(s->spare, s->spare->n_bytes);
    pthread_mutex_destroy(&s->lock);
    pxr_free(s);
}

uint64_t pxr_slab_bytes(pxr_slab *s)
{
    pthread_mutex_lock(&s->lock);
    const uint64_t n_bytes = s->n_bytes;
    pthread_mutex_unlock(&s->lock);
    return n_bytes;
}

/* ---- chunks; the slab's lock is held ------------------------------------------------------------- */

static void list_push_front(struct chunk *c)
{
    struct class *class = c->class;
    c->prev = NULL;
    c->next = class->first;
    *(c->next ? &c->next->prev : &class->last) = c;
    class->first = c;
}

static void list_remove(struct chunk *c)
{
    *(c->prev ? &c->prev->next : &c->class->first) = c->next;
    *(c->next ? &c->next->prev : &c->class->last) = c->prev;
    c->next = c->prev = NULL;
}

static bool can_give(const struct chunk *c) { return c->free || c->n_carved < c->n_pieces; }

/* Fewer bytes while the class is young.  The pieces pass the end of the last huge page by less than one. */
static struct chunk *chunk_new(pxr_slab *s, struct class *class)
{
    const size_t wanted = (size_t)256 << 10 << 2 * (class->n_chunks < 2 ? class->n_chunks : 2);
    const size_t n_pieces = (wanted + class->piece_bytes - 1) / class->piece_bytes;
    const size_t n_bytes = sizeof(struct chunk) + n_pieces * class->piece_bytes;
    struct chunk *c = pxr_alloc_pages(n_bytes);
    if (!c)
        return NULL;
    *c = (struct chunk){.slab = s, .class = class, .n_bytes = n_bytes, .n_pieces = (uint32_t)n_pieces};
    class->n_chunks++;
    s->n_bytes += n_bytes;
    list_push_front(c);
    return c;
}

/* Take a chunk of which nothing is in use out of the books; its memory is the caller's. */
static void chunk_forget(struct chunk *c)
{
    pxr_slab *s = c->slab;
    list_remove(c);
    c->class->n_chunks--;
    s->n_warm_bytes -= c->n_warm * c->class->piece_bytes;
    s->n_bytes -= c->n_bytes;
    if (s->spare == c)
        s->spare = NULL;
}

/* The class of this size; one without chunks may become it.  NULL: too many sizes are in use. */
static struct class *find_class(pxr_slab *s, size_t piece_bytes)
{
    struct class *unused = NULL;
    for (int i = 0; i < N_CLASSES; i++) {
        struct class *class = &s->classes[i];
        if (class->piece_bytes == piece_bytes)
            return class;
        if (!unused && !class->n_chunks)
            unused = class;
    }
    if (unused)
        unused->piece_bytes = piece_bytes;
    return unused;
}

static struct piece *take_piece(struct chunk *c)
{
    pxr_slab *s = c->slab;
    const size_t piece_bytes = c->class->piece_bytes;
    struct piece *p = c->free;
    if (p) {
        c->free = p->next_free;
        c->n_warm -= p->is_warm;
        s->n_warm_bytes -= p->is_warm ? piece_bytes : 0;
    } else {
        p = (void *)((uint8_t *)(c + 1) + c->n_carved++ * piece_bytes);
        p->chunk = c;
    }
    c->n_used++;
    if (s->spare == c)
        s->spare = NULL;
    if (!can_give(c))
        list_remove(c);
    return p;
}

/* Returns a chunk for the system, or NULL. */
static struct chunk *return_piece(struct piece *p)
{
    struct chunk *c = p->chunk;
    pxr_slab *s = c->slab;
    if (!can_give(c))
        list_push_front(c);
    p->next_free = c->free;
    c->free = p;
    c->n_warm += p->is_warm;
    if (--c->n_used)
        return NULL;
    struct chunk *old = s->spare;
    if (old)
        chunk_forget(old);
    s->spare = c;
    return old;
}

/* ---- pieces -------------------------------------------------------------------------------------- */

static struct piece *piece_from_chunk(pxr_slab *s, size_t piece_bytes)
{
    struct piece *p = NULL;
    pthread_mutex_lock(&s->lock);
    struct class *class = find_class(s, piece_bytes);
    struct chunk *c = class ? class->first : NULL;
    if (class && !c)
        c = chunk_new(s, class);
    if (c)
        p = take_piece(c);
    pthread_mutex_unlock(&s->lock);
    return p;
}

void *pxr_slab_get(pxr_slab *s, size_t n_bytes)
{
    struct piece *p = NULL;
    if (n_bytes > SIZE_MAX / 2)
        return NULL;
    const size_t piece_bytes = sizeof *p + pxr_round_up_u64(n_bytes, ALIGN_BYTES);
    if (!IS_BYPASSED && n_bytes >= MIN_PIECE_BYTES && n_bytes <= MAX_PIECE_BYTES) {
        if (!pxr_alloc_allowed(n_bytes))
            return NULL;
        p = piece_from_chunk(s, piece_bytes);
    }
    if (!p) { /* also where a whole chunk is not to be had: one piece may be */
        p = pxr_alloc_aligned(ALIGN_BYTES, piece_bytes);
        if (!p)
            return NULL;
        p->chunk = NULL;
    }
    return p + 1;
}

void pxr_slab_put(void *piece)
{
    if (!piece)
        return;
    struct piece *p = (struct piece *)piece - 1;
    if (!p->chunk) {
        pxr_free(p);
        return;
    }
    pxr_slab *s = p->chunk->slab;
    const size_t piece_bytes = p->chunk->class->piece_bytes;
    pthread_mutex_lock(&s->lock);
    p->is_warm = s->n_warm_bytes + piece_bytes <= WARM_BYTES;
    if (p->is_warm) {
        s->n_warm_bytes += piece_bytes;
    } else {
        pthread_mutex_unlock(&s->lock);
        pxr_drop_pages(p + 1, piece_bytes - sizeof *p);
        pthread_mutex_lock(&s->lock);
    }
    struct chunk *unneeded = return_piece(p);
    pthread_mutex_unlock(&s->lock);
    if (unneeded)
        pxr_free_pages(unneeded, unneeded->n_bytes);
}
