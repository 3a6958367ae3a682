/* SPDX-License-Identifier: MIT
 * The allocation seam: the library takes memory here, so that tests can make any request fail. */
#ifndef PXR_UTIL_ALLOC_H
#define PXR_UTIL_ALLOC_H

#include <stdbool.h>
#include <stddef.h>

void *pxr_alloc(size_t n_bytes);                     /* uninitialised; NULL: no memory            */
void *pxr_alloc_zero(size_t n_items, size_t n_bytes); /* checked product                          */
void *pxr_realloc(void *p, size_t n_bytes);
void *pxr_alloc_aligned(size_t align_bytes, size_t n_bytes); /* freed with pxr_free as well      */
void pxr_free(void *p);
char *pxr_strdup(const char *s);

/* Whole pages straight from the system, zero; from 2 MiB on aligned to that and, where the system offers
 * them, huge: a first touch of 4 KiB each costs more than four times as much.  NULL: no memory. */
void *pxr_alloc_pages(size_t n_bytes);
void pxr_free_pages(void *p, size_t n_bytes); /* as many as were asked for; NULL is allowed */
/* Let the system have the whole pages inside this range back; their contents are lost, the range stays. */
void pxr_drop_pages(void *p, size_t n_bytes);

/* Grow an array of items to hold at least n_needed, doubling; false: no memory, nothing changed. */
bool pxr_reserve(void *array_ptr, size_t *capacity, size_t n_needed, size_t item_bytes);

/* Test hook: called before each request; returning false makes it fail.  Set before threads start. */
void pxr_alloc_hook(bool (*allow)(size_t n_bytes));
/* Ask the hook: for allocators that serve a request from memory that they have. */
bool pxr_alloc_allowed(size_t n_bytes);

#endif
