/* SPDX-License-Identifier: MIT
 * Pictures that are cut into sprites: the files STEM.ROW.COLUMN.pceb. */
#ifndef PXR_CLI_STILL_TILES_H
#define PXR_CLI_STILL_TILES_H

#include "pce_gray.h"

#include <stdbool.h>

struct pxr_tile_name {
    size_t stem_bytes; /* of the path: all that stands before ".ROW.COLUMN.pceb" */
    uint32_t row, column;
};
/* false: the path is not of this form. */
bool pxr_tile_name_parse(const char *path, struct pxr_tile_name *out);

/* The first tile of its picture lies beside it: otherwise a sprite is just called like a tile. */
bool pxr_tile_has_first(const char *path, const struct pxr_tile_name *name);

/* A tile whose picture is read with its first one. */
bool pxr_tile_is_part(const char *path);

/* Decode the tiles of a picture, all of which lie where the path of any of them says, into symbols in new memory
 * (pxr_free), row by row.  CORRUPT: they do not make a rectangle; errors of a tile name its file. */
enum pxr_err pxr_tiles_read(const char *path, const struct pxr_tile_name *name, const pxr_pce_table *table,
                            uint8_t **symbols, uint32_t *width_px, uint32_t *height_px, struct pxr_diag *diag);

#endif
