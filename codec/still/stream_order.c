/* SPDX-License-Identifier: MIT
 * The order in which Pixel Stream files hold pixels. */
#include "stream_order.h"

#include <string.h>

enum { MAX_LOW_DIGITS = 3 }; /* 4^3 = PXR_STREAM_RUN */

struct pxr_stream_order pxr_stream_order(uint32_t width_px, uint32_t height_px, enum pxr_stream_digits digits)
{
    const uint32_t longer = width_px > height_px ? width_px : height_px;
    struct pxr_stream_order o = {width_px, height_px, 0, digits};
    while ((uint32_t)1 << o.n_digits < longer)
        o.n_digits++;
    return o;
}

/* ---- address and place, without iteration ---------------------------------------------------- */

/* Bits 0, 2, 4, ... side by side. */
static uint32_t gather_even_bits(uint64_t v)
{
    v &= 0x5555555555555555;
    v = (v | v >> 1) & 0x3333333333333333;
    v = (v | v >> 2) & 0x0F0F0F0F0F0F0F0F;
    v = (v | v >> 4) & 0x00FF00FF00FF00FF;
    v = (v | v >> 8) & 0x0000FFFF0000FFFF;
    return (uint32_t)(v | v >> 16);
}

static uint64_t spread_to_even_bits(uint64_t v)
{
    v = (v | v << 16) & 0x0000FFFF0000FFFF;
    v = (v | v << 8) & 0x00FF00FF00FF00FF;
    v = (v | v << 4) & 0x0F0F0F0F0F0F0F0F;
    v = (v | v << 2) & 0x3333333333333333;
    return (v | v << 1) & 0x5555555555555555;
}

static uint32_t reverse_bits(uint32_t v, unsigned n_bits)
{
    v = (v >> 1 & 0x55555555) | (v & 0x55555555) << 1;
    v = (v >> 2 & 0x33333333) | (v & 0x33333333) << 2;
    v = (v >> 4 & 0x0F0F0F0F) | (v & 0x0F0F0F0F) << 4;
    v = __builtin_bswap32(v);
    return (uint32_t)((uint64_t)v >> (32 - n_bits)); /* n_bits may be 0 */
}

struct pxr_place pxr_stream_place(const struct pxr_stream_order *o, uint64_t address)
{
    const uint32_t even = gather_even_bits(address), odd = gather_even_bits(address >> 1);
    const bool is_a = o->digits == PXR_STREAM_A;
    return (struct pxr_place){reverse_bits(is_a ? even : odd, o->n_digits),
                              reverse_bits(is_a ? even ^ odd : even, o->n_digits)};
}

uint64_t pxr_stream_address(const struct pxr_stream_order *o, struct pxr_place at)
{
    const uint32_t x = reverse_bits(at.x, o->n_digits), y = reverse_bits(at.y, o->n_digits);
    const bool is_a = o->digits == PXR_STREAM_A;
    return spread_to_even_bits(is_a ? x : y) | spread_to_even_bits(is_a ? x ^ y : x) << 1;
}

unsigned pxr_stream_level(const struct pxr_stream_order *o, struct pxr_place at)
{
    const uint32_t both = at.x | at.y;
    return both ? (unsigned)__builtin_ctz(both) : o->n_digits;
}

/* ---- counting -------------------------------------------------------------------------------- */

/* Pixels among the addresses with the digits of `address` from `level` on and any digits below: a lattice whose
 * first place is that of the address and whose pitch is the square's side divided by 2^level. */
static uint64_t count_subtree(const struct pxr_stream_order *o, uint64_t address, unsigned level)
{
    const struct pxr_place first = pxr_stream_place(o, address);
    const unsigned log2_pitch = o->n_digits - level;
    if (!pxr_stream_has(o, first))
        return 0;
    return (1 + (uint64_t)((o->width_px - 1 - first.x) >> log2_pitch)) *
           (1 + (uint64_t)((o->height_px - 1 - first.y) >> log2_pitch));
}

uint64_t pxr_stream_rank(const struct pxr_stream_order *o, uint64_t address)
{
    uint64_t rank = 0, upper = 0;
    if (address >> 2 * o->n_digits)
        return pxr_stream_n_px(o);
    for (unsigned level = o->n_digits; level-- > 0;) {
        const uint64_t digit = address >> 2 * level & 3;
        for (uint64_t d = 0; d < digit; d++)
            rank += count_subtree(o, upper | d << 2 * level, level);
        upper |= digit << 2 * level;
    }
    return rank;
}

uint64_t pxr_stream_select(const struct pxr_stream_order *o, uint64_t rank)
{
    uint64_t address = 0;
    for (unsigned level = o->n_digits; level-- > 0;) {
        uint64_t n;
        for (uint64_t d = 0; d < 3 && rank >= (n = count_subtree(o, address, level)); d++) {
            rank -= n;
            address += (uint64_t)1 << 2 * level;
        }
    }
    return address;
}

/* ---- walking --------------------------------------------------------------------------------- */

/* The pixels of a run lie on a lattice of 2^n_low by 2^n_low places.  How many of its columns are in the picture
 * depends on where it begins, but takes only two values; so do the rows. */
static void make_steps(struct pxr_stream_walk *w)
{
    const struct pxr_stream_order *const o = w->order;
    const unsigned log2_pitch = o->n_digits - w->n_low;
    const uint32_t n_columns = (o->width_px - 1) >> log2_pitch, n_rows = (o->height_px - 1) >> log2_pitch;
    for (unsigned low = 0; low < 1u << 2 * w->n_low; low++) {
        const struct pxr_place at = pxr_stream_place(o, low);
        const struct pxr_stream_step step = {(uint8_t)low, (uint8_t)(at.x >> log2_pitch),
                                             (uint8_t)(at.y >> log2_pitch)};
        for (unsigned list = 0; list < 4; list++)
            if (step.column < n_columns + (list & 1) && step.row < n_rows + (list >> 1))
                w->steps[list][w->n_steps[list]++] = step;
    }
}

/* Enter run w->run, or the next one that has a pixel. */
static bool enter_run(struct pxr_stream_walk *w)
{
    const struct pxr_stream_order *const o = w->order;
    const unsigned log2_pitch = o->n_digits - w->n_low;
    while (w->run < w->n_runs) {
        w->origin = pxr_stream_place(o, w->run << 2 * w->n_low);
        if (pxr_stream_has(o, w->origin))
            break;
        /* With its lowest place outside, everything that shares the digits above is outside as well. */
        w->run += w->run ? (uint64_t)1 << (__builtin_ctzll(w->run) & ~1) : w->n_runs;
    }
    if (w->run >= w->n_runs)
        return false;
    const uint32_t inside = ((uint32_t)1 << log2_pitch) - 1;
    w->list = (w->origin.x <= ((o->width_px - 1) & inside)) |
              (unsigned)(w->origin.y <= ((o->height_px - 1) & inside)) << 1;
    w->i = 0;
    return true;
}

void pxr_stream_walk_begin(struct pxr_stream_walk *w, const struct pxr_stream_order *o, uint64_t first_address)
{
    memset(w, 0, sizeof *w);
    w->order = o;
    w->n_low = o->n_digits < MAX_LOW_DIGITS ? o->n_digits : MAX_LOW_DIGITS;
    make_steps(w);
    w->n_runs = (uint64_t)1 << 2 * (o->n_digits - w->n_low);
    w->run = first_address >> 2 * w->n_low;
    const uint64_t first_run = w->run;
    const unsigned first_low = (unsigned)(first_address & ((1u << 2 * w->n_low) - 1));
    if (enter_run(w) && w->run == first_run)
        while (w->i < w->n_steps[w->list] && w->steps[w->list][w->i].low < first_low)
            w->i++;
}

bool pxr_stream_walk_next(struct pxr_stream_walk *w)
{
    if (w->run >= w->n_runs)
        return false;
    if (w->i >= w->n_steps[w->list]) {
        w->run++;
        if (!enter_run(w))
            return false;
    }
    const struct pxr_stream_step *const s = &w->steps[w->list][w->i++];
    const unsigned log2_pitch = w->order->n_digits - w->n_low;
    w->at.x = w->origin.x + ((uint32_t)s->column << log2_pitch);
    w->at.y = w->origin.y + ((uint32_t)s->row << log2_pitch);
    w->address = w->run << 2 * w->n_low | s->low;
    return true;
}

/* ---- relations ------------------------------------------------------------------------------- */

bool pxr_stream_parent(const struct pxr_stream_order *o, const uint8_t *mask, uint64_t address, struct pxr_place *at)
{
    while (address) {
        address ^= (uint64_t)1 << (63 - __builtin_clzll(address));
        *at = pxr_stream_place(o, address);
        if (pxr_stream_has(o, *at) && (!mask || pxr_bitmap_get(mask, pxr_stream_index(o, *at))))
            return true;
    }
    return false;
}

static bool has_arrived(const struct pxr_stream_order *o, const uint8_t *mask, uint64_t end_address,
                        struct pxr_place at)
{
    return (!mask || pxr_bitmap_get(mask, pxr_stream_index(o, at))) && pxr_stream_address(o, at) < end_address;
}

/* The last square that was painted over a place is the smallest, since smaller ones have larger addresses. */
static const uint8_t *find_square(const struct pxr_stream_order *o, const uint8_t *mask, uint64_t end_address,
                                  struct pxr_place at, const uint8_t *pixels, size_t px_bytes)
{
    for (unsigned level = 1; level <= o->n_digits; level++) {
        const struct pxr_place corner = {at.x >> level << level, at.y >> level << level};
        if (has_arrived(o, mask, end_address, corner))
            return pixels + pxr_stream_index(o, corner) * px_bytes;
    }
    return NULL;
}

uint64_t pxr_stream_paint(const struct pxr_stream_order *o, const uint8_t *mask, const uint8_t *is_done,
                          uint64_t end_address, void *pixels, size_t px_bytes)
{
    uint8_t *const bytes = pixels;
    uint64_t n_missing = 0;
    for (uint32_t y = 0; y < o->height_px; y++)
        for (uint32_t x = 0; x < o->width_px; x++) {
            const struct pxr_place at = {x, y};
            const size_t i = pxr_stream_index(o, at);
            if ((mask && !pxr_bitmap_get(mask, i)) || (is_done && pxr_bitmap_get(is_done, i)) ||
                pxr_stream_address(o, at) < end_address)
                continue;
            const uint8_t *const square = find_square(o, mask, end_address, at, bytes, px_bytes);
            if (square)
                memcpy(bytes + i * px_bytes, square, px_bytes);
            n_missing++;
        }
    return n_missing;
}
