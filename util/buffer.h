/* SPDX-License-Identifier: MIT
 * Bytes that grow. */
#ifndef PXR_UTIL_BUFFER_H
#define PXR_UTIL_BUFFER_H

#include "alloc.h"
#include "bytes.h"

/* Zero-initialise; free bytes with pxr_buffer_fini.  n_bytes may be set back to truncate. */
struct pxr_buffer {
    uint8_t *bytes;
    size_t n_bytes, capacity;
};

/* Room for n_more bytes at the end, uninitialised and counted in n_bytes; NULL: no memory. */
static inline uint8_t *pxr_buffer_extend(struct pxr_buffer *b, size_t n_more)
{
    size_t total;
    if (__builtin_add_overflow(b->n_bytes, n_more, &total) ||
        !pxr_reserve(&b->bytes, &b->capacity, total ? total : 1, 1))
        return NULL;
    uint8_t *room = b->bytes + b->n_bytes;
    b->n_bytes = total;
    return room;
}
static inline bool pxr_buffer_add(struct pxr_buffer *b, const void *src, size_t n_bytes)
{
    uint8_t *room = pxr_buffer_extend(b, n_bytes);
    if (room && n_bytes)
        memcpy(room, src, n_bytes);
    return room != NULL;
}
static inline void pxr_buffer_fini(struct pxr_buffer *b)
{
    pxr_free(b->bytes);
    *b = (struct pxr_buffer){0};
}

#endif
