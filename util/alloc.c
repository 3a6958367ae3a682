/* SPDX-License-Identifier: MIT
 * The allocation seam: the library takes memory here, so that tests can make any request fail. */
#include "alloc.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Of x86-64, and of arm64 with pages of 4 KiB; where it is another one, nothing but alignment is lost. */
#define HUGE_PAGE_BYTES ((size_t)2 << 20)

static bool (*allow_hook)(size_t);

void pxr_alloc_hook(bool (*allow)(size_t n_bytes)) { allow_hook = allow; }

bool pxr_alloc_allowed(size_t n_bytes) { return !allow_hook || allow_hook(n_bytes); }

void *pxr_alloc(size_t n_bytes) { return pxr_alloc_allowed(n_bytes) ? malloc(n_bytes ? n_bytes : 1) : NULL; }

void *pxr_alloc_zero(size_t n_items, size_t n_bytes)
{
    return pxr_alloc_allowed(n_items * n_bytes) ? calloc(n_items ? n_items : 1, n_bytes ? n_bytes : 1) : NULL;
}

void *pxr_realloc(void *p, size_t n_bytes)
{
    return pxr_alloc_allowed(n_bytes) ? realloc(p, n_bytes ? n_bytes : 1) : NULL;
}

void *pxr_alloc_aligned(size_t align_bytes, size_t n_bytes)
{
    void *p = NULL;
    if (!pxr_alloc_allowed(n_bytes) || posix_memalign(&p, align_bytes, n_bytes ? n_bytes : 1))
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

static size_t page_bytes(void) { return (size_t)sysconf(_SC_PAGESIZE); }
static size_t round_up(size_t n, size_t unit) { return (n + unit - 1) & ~(unit - 1); }

void *pxr_alloc_pages(size_t n_bytes)
{
    const size_t page = page_bytes(), n = round_up(n_bytes, page);
    const size_t slack = n < HUGE_PAGE_BYTES ? 0 : HUGE_PAGE_BYTES - page;
    if (!pxr_alloc_allowed(n_bytes) || n < n_bytes || n + slack < n)
        return NULL;
    uint8_t *base = mmap(NULL, n + slack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED)
        return NULL;
    if (!slack)
        return base;
    const size_t front = round_up((uintptr_t)base, HUGE_PAGE_BYTES) - (uintptr_t)base;
    uint8_t *p = base + front;
    if (front)
        munmap(base, front);
    if (slack > front)
        munmap(p + n, slack - front);
#ifdef MADV_HUGEPAGE
    /* Whole ones only: of a last one that is not, most would be memory for nothing. */
    madvise(p, n & ~(HUGE_PAGE_BYTES - 1), MADV_HUGEPAGE);
#endif
    return p;
}

void pxr_free_pages(void *p, size_t n_bytes)
{
    if (p)
        munmap(p, round_up(n_bytes, page_bytes()));
}

void pxr_drop_pages(void *p, size_t n_bytes)
{
    const size_t page = page_bytes(), front = round_up((uintptr_t)p, page) - (uintptr_t)p;
    if (n_bytes >= front + page)
        madvise((uint8_t *)p + front, (n_bytes - front) & ~(page - 1), MADV_DONTNEED);
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
