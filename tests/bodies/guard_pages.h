/* SPDX-License-Identifier: MIT
 * Memory with pages on both sides that nobody may touch: a read or write of one byte too many ends the program. */
#ifndef PXR_TESTS_GUARD_PAGES_H
#define PXR_TESTS_GUARD_PAGES_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Which side of the memory touches a guard. */
enum guard_side { GUARD_END, GUARD_START, GUARD_SIDES };
enum { GUARD_ROOMS = 32, GUARD_ROOM_BYTES = 4 << 20, GUARD_FILL = 0xA5 };

/* Rooms are mapped once and used again and again: a call ends what was said about the same room before. */
static inline uint8_t *guard_room(unsigned room)
{
    static uint8_t *rooms[GUARD_ROOMS];
    const size_t page = (size_t)sysconf(_SC_PAGESIZE), whole = GUARD_ROOM_BYTES + 2 * page;
    if (room >= GUARD_ROOMS)
        abort();
    if (!rooms[room]) {
        uint8_t *const map = mmap(NULL, whole, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (map == MAP_FAILED || mprotect(map + page, GUARD_ROOM_BYTES, PROT_READ | PROT_WRITE))
            abort();
        rooms[room] = map + page;
    }
    return rooms[room];
}

/* n bytes at a multiple of align, a power of two; at the end up to align - 1 bytes may be left between them and the
 * guard.  Filled with GUARD_FILL. */
static inline void *guard_get(unsigned room, size_t n_bytes, enum guard_side side, size_t align)
{
    uint8_t *const first = guard_room(room);
    if (n_bytes > GUARD_ROOM_BYTES)
        abort();
    uint8_t *const at = side == GUARD_START ? first : first + (GUARD_ROOM_BYTES - n_bytes) / align * align;
    memset(at, GUARD_FILL, n_bytes);
    return at;
}

static inline void *guard_copy(unsigned room, const void *from, size_t n_bytes, enum guard_side side, size_t align)
{
    void *const at = guard_get(room, n_bytes, side, align);
    if (n_bytes)
        memcpy(at, from, n_bytes);
    return at;
}

#endif
