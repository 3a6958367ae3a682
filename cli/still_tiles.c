/* SPDX-License-Identifier: MIT
 * Pictures that are cut into sprites. */
#include "still_tiles.h"

#include "diag.h"
#include "io.h"
#include "option.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum {
    MAX_TILES = 4113,           /* 2^20 / 255, rounded up: in each direction */
    MAX_STREAM_BYTES = 1 << 20, /* of one tile: far above what 255 x 255 runs need */
};
#define MAX_PICTURE_PX ((uint64_t)1 << 28)

/* The number between the last dot before end and end; *end becomes that dot. */
static bool take_number(const char *path, size_t *end, uint32_t *v)
{
    char digits[8];
    size_t dot = *end;
    uint64_t number;
    while (dot && path[dot - 1] != '.' && path[dot - 1] != '/')
        dot--;
    if (!dot || path[dot - 1] != '.' || *end - dot >= sizeof digits)
        return false;
    memcpy(digits, path + dot, *end - dot);
    digits[*end - dot] = 0;
    if (!pxr_parse_u64(digits, 0, MAX_TILES - 1, &number))
        return false;
    *v = (uint32_t)number;
    *end = dot - 1;
    return true;
}

static bool tile_path(char dst[PATH_MAX], const char *path, const struct pxr_tile_name *name, uint32_t row,
                      uint32_t column)
{
    const int n = snprintf(dst, PATH_MAX, "%.*s.%u.%u.pceb", (int)name->stem_bytes, path, row, column);
    return n > 0 && n < PATH_MAX;
}

bool pxr_tile_name_parse(const char *path, struct pxr_tile_name *out)
{
    size_t end = strlen(path);
    if (end < 5 || strcasecmp(path + end - 5, ".pceb") != 0)
        return false;
    end -= 5;
    if (!take_number(path, &end, &out->column) || !take_number(path, &end, &out->row))
        return false;
    out->stem_bytes = end;
    return end && path[end - 1] != '/';
}

bool pxr_tile_has_first(const char *path, const struct pxr_tile_name *name)
{
    char first[PATH_MAX];
    return tile_path(first, path, name, 0, 0) && !access(first, F_OK);
}

bool pxr_tile_is_part(const char *path)
{
    struct pxr_tile_name name;
    return pxr_tile_name_parse(path, &name) && (name.row || name.column) && pxr_tile_has_first(path, &name);
}

/* The tiles of row 0, or those of column 0. */
static uint32_t count_tiles(const char *path, const struct pxr_tile_name *name, bool is_row)
{
    char other[PATH_MAX];
    uint32_t n = 0;
    while (n < MAX_TILES && tile_path(other, path, name, is_row ? 0 : n, is_row ? n : 0) && !access(other, F_OK))
        n++;
    return n;
}

static enum pxr_err read_stream(const char *path, uint8_t **bytes, size_t *n_bytes, struct pxr_pce_header *h,
                                struct pxr_diag *diag)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    *bytes = NULL;
    if (fd < 0)
        return pxr_fail_sys(diag, pxr_err_from_errno(errno), errno, "the tile cannot be opened");
    enum pxr_err e = pxr_read_all(fd, MAX_STREAM_BYTES, bytes, n_bytes, diag);
    close(fd);
    if (e == PXR_OK)
        e = pxr_pce_header_parse(h, *bytes, *n_bytes, diag);
    return e;
}

/* The sides of the picture, from those of its last tile. */
static enum pxr_err find_sides(const char *path, const struct pxr_tile_name *name, uint32_t sides[2],
                               struct pxr_diag *diag)
{
    char last[PATH_MAX];
    uint8_t *bytes;
    size_t n_bytes;
    struct pxr_pce_header h;
    const uint32_t n_columns = count_tiles(path, name, true), n_rows = count_tiles(path, name, false);
    if (!n_columns || !n_rows || !tile_path(last, path, name, n_rows - 1, n_columns - 1))
        return pxr_fail(diag, PXR_E_TRUNCATED, "the first tile of its picture, %.*s.0.0.pceb, is missing",
                        (int)(name->stem_bytes < 100 ? name->stem_bytes : 100), path);
    const enum pxr_err e = read_stream(last, &bytes, &n_bytes, &h, diag);
    pxr_free(bytes);
    if (e != PXR_OK)
        return pxr_diag_in_file(diag, e, last);
    sides[0] = (n_columns - 1) * PXR_PCE_MAX_SIDE_PX + h.width_px;
    sides[1] = (n_rows - 1) * PXR_PCE_MAX_SIDE_PX + h.height_px;
    if ((uint64_t)sides[0] * sides[1] > MAX_PICTURE_PX)
        return pxr_fail(diag, PXR_E_LIMIT, "its picture of %ux%u pixels is larger than the limit", sides[0], sides[1]);
    return PXR_OK;
}

static enum pxr_err read_tile(const char *path, const struct pxr_pce_tile *t, const pxr_pce_table *table,
                              uint8_t *symbols, uint32_t width_px, struct pxr_diag *diag)
{
    uint8_t *bytes;
    size_t n_bytes;
    struct pxr_pce_header h;
    enum pxr_err e = read_stream(path, &bytes, &n_bytes, &h, diag);
    if (e == PXR_OK && (h.width_px != t->width_px || h.height_px != t->height_px))
        e = pxr_fail(diag, PXR_E_CORRUPT, "a tile of %ux%u pixels does not fit its place of %ux%u", h.width_px,
                     h.height_px, t->width_px, t->height_px);
    if (e == PXR_OK)
        e = pxr_pce_decode(bytes, n_bytes, table, symbols + (size_t)t->y * width_px + t->x, width_px, NULL, diag);
    pxr_free(bytes);
    return pxr_diag_in_file(diag, e, path);
}

enum pxr_err pxr_tiles_read(const char *path, const struct pxr_tile_name *name, const pxr_pce_table *table,
                            uint8_t **symbols, uint32_t *width_px, uint32_t *height_px, struct pxr_diag *diag)
{
    char other[PATH_MAX];
    uint32_t sides[2] = {0};
    *symbols = NULL;
    enum pxr_err e = find_sides(path, name, sides, diag);
    if (e != PXR_OK)
        return e;
    uint8_t *const all = pxr_alloc((size_t)sides[0] * sides[1]);
    const uint64_t n_tiles = pxr_pce_n_tiles(sides[0], sides[1]);
    if (!all)
        return pxr_fail_nomem(diag, (uint64_t)sides[0] * sides[1]);
    for (uint64_t k = 0; e == PXR_OK && k < n_tiles; k++) {
        const struct pxr_pce_tile t = pxr_pce_tile_at(sides[0], sides[1], k);
        if (!tile_path(other, path, name, t.y / PXR_PCE_MAX_SIDE_PX, t.x / PXR_PCE_MAX_SIDE_PX))
            e = pxr_fail(diag, PXR_E_LIMIT, "a path is too long");
        else
            e = read_tile(other, &t, table, all, sides[0], diag);
    }
    if (e != PXR_OK) {
        pxr_free(all);
        return e;
    }
    *symbols = all;
    *width_px = sides[0];
    *height_px = sides[1];
    return PXR_OK;
}
