/* SPDX-License-Identifier: MIT
 * Gray frames as maps of PCE symbols: thresholds, palettes, and tiles for frames larger than a sprite.
 *
 * PCE's colours have no levels of their own.  The display levels (255, 170, 85, 0) stand for them where nothing
 * else is said; a frame with at most four levels, whatever they are, is kept without loss by a palette beside it. */
#ifndef PXR_CODEC_PCE_GRAY_H
#define PXR_CODEC_PCE_GRAY_H

#include "pce.h"

enum { PXR_PCE_N_LEVELS = 4 };

/* The class that an importer of the original gives to an 8-bit level: below 48 black, 128 dark, 208 light. */
enum pxr_pce_symbol pxr_pce_symbol_of_level(uint8_t level);

/* Pixels of four bytes, as the original takes them: alpha 0 is TRANSPARENT, whatever its colour.
 * UNSUPPORTED: another alpha than 0 and 255, or colour that is not gray; diag names the pixel. */
enum pxr_err pxr_pce_import_rgba(uint8_t *symbols, const uint8_t *rgba, uint32_t width_px, uint32_t height_px,
                                 size_t rgba_stride_bytes, struct pxr_diag *diag);

/* Up to four levels and the symbols that stand for them. */
struct pxr_pce_palette {
    unsigned n_levels;
    uint16_t level[PXR_PCE_N_LEVELS]; /* falling, once it is settled; before, as they were met */
    uint8_t symbol[PXR_PCE_N_LEVELS]; /* of each level */
};

/* The display levels for samples of 8 or 16 bits. */
void pxr_pce_palette_standard(struct pxr_pce_palette *p, uint8_t bits);
/* Gather the levels of a picture, starting from a palette of zeros.  bits: 8 or 16, samples in native order.
 * False: more than four levels; the palette then holds four of them. */
bool pxr_pce_palette_gather(struct pxr_pce_palette *p, const void *pixels, size_t stride_bytes, uint32_t width_px,
                            uint32_t height_px, uint8_t bits);
/* Give each level its symbol: its own where all are display levels, else WHITE to the brightest, BLACK to the
 * darkest of several, and the shades between to the others. */
void pxr_pce_palette_settle(struct pxr_pce_palette *p, uint8_t bits);

/* Samples to symbols, row by row without gaps.  UNSUPPORTED: a level that the palette lacks. */
enum pxr_err pxr_pce_symbols_of_gray(const struct pxr_pce_palette *p, uint8_t *symbols, const void *pixels,
                                     size_t stride_bytes, uint32_t width_px, uint32_t height_px, uint8_t bits,
                                     struct pxr_diag *diag);
/* And back.  UNSUPPORTED: TRANSPARENT, or a symbol that stands for no level. */
enum pxr_err pxr_pce_gray_of_symbols(const struct pxr_pce_palette *p, void *pixels, size_t stride_bytes,
                                     const uint8_t *symbols, uint32_t width_px, uint32_t height_px, uint8_t bits,
                                     struct pxr_diag *diag);

/* A frame of any size as sprites: tiles of 255 x 255, the last of a row or column smaller, in raster order. */
struct pxr_pce_tile {
    uint32_t x, y, width_px, height_px;
};
uint64_t pxr_pce_n_tiles(uint32_t width_px, uint32_t height_px);
struct pxr_pce_tile pxr_pce_tile_at(uint32_t width_px, uint32_t height_px, uint64_t tile);

#endif
