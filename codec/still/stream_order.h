/* SPDX-License-Identifier: MIT
 * The order in which Pixel Stream files hold pixels: coarse lattices first (docs/pxs.md, "Order"). */
#ifndef PXR_STILL_STREAM_ORDER_H
#define PXR_STILL_STREAM_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A picture lies in the corner of a square whose side is a power of two.  Each place of the square has an address;
 * its base-4 digits, the lowest first, choose a quarter of the square, a quarter of that, and so on.  So the first
 * 4^k addresses are a lattice over the whole picture.  Addresses outside of the picture have no pixel. */
enum pxr_stream_digits {
    PXR_STREAM_A = 0, /* digits 0..3 move by (0,0) (1,1) (0,1) (1,0): every file but some PX2 */
    PXR_STREAM_B = 1, /* (0,0) (0,1) (1,0) (1,1)                                              */
};

#define PXR_STREAM_MAX_SIDE_PX ((uint32_t)1 << 20)

struct pxr_stream_order {
    uint32_t width_px, height_px; /* 1 .. PXR_STREAM_MAX_SIDE_PX each            */
    unsigned n_digits;            /* the square's side is 1 << n_digits          */
    enum pxr_stream_digits digits;
};

struct pxr_place {
    uint32_t x, y;
};

/* Both sides must be in range.  All functions here are pure: any thread. */
struct pxr_stream_order pxr_stream_order(uint32_t width_px, uint32_t height_px, enum pxr_stream_digits digits);

/* address < 4^n_digits; the place may lie outside of the picture. */
struct pxr_place pxr_stream_place(const struct pxr_stream_order *o, uint64_t address);
/* x and y below the square's side. */
uint64_t pxr_stream_address(const struct pxr_stream_order *o, struct pxr_place at);

static inline bool pxr_stream_has(const struct pxr_stream_order *o, struct pxr_place at)
{
    return at.x < o->width_px && at.y < o->height_px;
}
static inline size_t pxr_stream_index(const struct pxr_stream_order *o, struct pxr_place at)
{
    return (size_t)at.y * o->width_px + at.x;
}
static inline uint64_t pxr_stream_n_px(const struct pxr_stream_order *o)
{
    return (uint64_t)o->width_px * o->height_px;
}

/* log2 of the side of the square that the pixel at this place stands for until more arrive. */
unsigned pxr_stream_level(const struct pxr_stream_order *o, struct pxr_place at);

/* How many pixels have smaller addresses, and the address of the pixel that has so many before it (below
 * pxr_stream_n_px).  At most 4 * n_digits steps, whatever the picture's shape. */
uint64_t pxr_stream_rank(const struct pxr_stream_order *o, uint64_t address);
uint64_t pxr_stream_select(const struct pxr_stream_order *o, uint64_t rank);

/* The pixels in order.  Addresses without pixels are passed in runs, so that even a picture of one column takes
 * time in proportion to its pixels. */
enum { PXR_STREAM_RUN = 64 }; /* addresses that share their upper digits */
struct pxr_stream_walk {
    const struct pxr_stream_order *order; /* borrowed */
    struct pxr_place at;                  /* of the current pixel */
    uint64_t address;
    uint64_t run, n_runs;   /* the current run of 4^n_low addresses */
    struct pxr_place origin;
    unsigned n_low, list, i;
    struct pxr_stream_step {
        uint8_t low, column, row;
    } steps[4][PXR_STREAM_RUN]; /* the pixels of a run, by whether the last column and the last row are there */
    uint8_t n_steps[4];
};
/* next goes to the first pixel whose address is not below first_address. */
void pxr_stream_walk_begin(struct pxr_stream_walk *w, const struct pxr_stream_order *o, uint64_t first_address);
/* false: there is no further pixel. */
bool pxr_stream_walk_next(struct pxr_stream_walk *w);

/* Bits, one for each pixel, row by row. */
static inline bool pxr_bitmap_get(const uint8_t *map, size_t i) { return map[i / 8] >> i % 8 & 1; }
static inline void pxr_bitmap_set(uint8_t *map, size_t i) { map[i / 8] |= (uint8_t)(1 << i % 8); }
static inline size_t pxr_bitmap_bytes(uint64_t n) { return (size_t)(n / 8 + (n % 8 != 0)); }

/* The pixel to which the one at `address` may be coded relative: clear its highest set bit, again until the place
 * has a pixel.  mask: those that exist, or NULL: all.  false: there is none. */
bool pxr_stream_parent(const struct pxr_stream_order *o, const uint8_t *mask, uint64_t address, struct pxr_place *at);

/* Of a picture whose pixels from end_address on have not arrived: give each of them the value of the smallest square
 * around it whose pixel has, as if the squares had been painted in order.  is_done: pixels that have a value
 * nevertheless, or NULL.  px_bytes: of one pixel; rows are adjacent.  Returns the number of pixels that are missing. */
uint64_t pxr_stream_paint(const struct pxr_stream_order *o, const uint8_t *mask, const uint8_t *is_done,
                          uint64_t end_address, void *pixels, size_t px_bytes);

#endif
