/* SPDX-License-Identifier: MIT
 * The allocation seam: the library takes memory here, so that tests can make any request fail. */
#include "alloc.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static bool (*allow_hook)(size_t);

void pxr_alloc_hook(bool (*allow)(size_t n_bytes)) { allow_hook = allow; }

static bool allowed(size_t n_bytes) { return !allow_hook || allow_hook(n_bytes); }

void *pxr_alloc(size_t n_bytes) { return allowed(n_bytes) ? malloc(n_bytes ? n_bytes : 1) : NULL; }

void *pxr_alloc_zero(size_t n_items, size_t n_bytes)
{
    return allowed(n_items * n_bytes) ? calloc(n_items ? n_items : 1, n_bytes ? n_bytes : 1) : NULL;
}

void *pxr_realloc(void *p, size_t n_bytes)
{
    return allowed(n_bytes) ? realloc(p, n_bytes ? n_bytes : 1) : NULL;
}

void *pxr_alloc_aligned(size_t align_bytes, size_t n_bytes)
{
    void *p = NULL;
    if (!allowed(n_bytes) || posix_memalign(&p, align_bytes, n_bytes ? n_bytes : 1))
        return NULL;
    return p;
}

void pxr_free(void *p) { free(p); }

char *pxr_strdup(const char *s)
{
    const size_t n = strlen(s) + 1;
    char *copy = pxr_alloc(n);
    return copy ? memcpy(copy, s, n) : NULL;
}

bool pxr_reserve(void *array_ptr, size_t *capacity, size_t n_needed, size_t item_bytes)
{
    if (n_needed <= *capacity)
        return true;
    size_t n = *capacity ? *capacity : 16, bytes;
    while (n < n_needed)
        if (__builtin_mul_overflow(n, (size_t)2, &n))
            return false;
    if (__builtin_mul_overflow(n, item_bytes, &bytes))
        return false;
    void *old, *grown;
    memcpy(&old, array_ptr, sizeof old); /* array_ptr is the address of a pointer of any type */
    grown = pxr_realloc(old, bytes);
    if (!grown)
        return false;
    memcpy(array_ptr, &grown, sizeof grown);
    *capacity = n;
    return true;
}
