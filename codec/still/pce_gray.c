/* SPDX-License-Identifier: MIT
 * Gray frames as maps of PCE symbols: thresholds, palettes, and tiles for frames larger than a sprite. */
#include "pce_gray.h"

#include "bytes.h"
#include "diag.h"

enum pxr_pce_symbol pxr_pce_symbol_of_level(uint8_t level)
{
    return level < 48 ? PXR_PCE_BLACK : level < 128 ? PXR_PCE_DARK : level < 208 ? PXR_PCE_LIGHT : PXR_PCE_WHITE;
}

enum pxr_err pxr_pce_import_rgba(uint8_t *symbols, const uint8_t *rgba, uint32_t width_px, uint32_t height_px,
                                 size_t rgba_stride_bytes, struct pxr_diag *diag)
{
    for (uint32_t y = 0; y < height_px; y++)
        for (uint32_t x = 0; x < width_px; x++) {
            const uint8_t *const px = rgba + y * rgba_stride_bytes + 4 * (size_t)x;
            const bool is_opaque = px[3] == 255;
            if (px[3] && !is_opaque)
                return pxr_fail(diag, PXR_E_UNSUPPORTED, "pixel %u, %u: alpha is %u, not 0 or 255", x, y, px[3]);
            if (is_opaque && (px[0] != px[1] || px[1] != px[2]))
                return pxr_fail(diag, PXR_E_UNSUPPORTED, "pixel %u, %u is coloured (%u, %u, %u)", x, y, px[0], px[1],
                                px[2]);
            symbols[(size_t)y * width_px + x] =
                (uint8_t)(is_opaque ? pxr_pce_symbol_of_level(px[0]) : PXR_PCE_TRANSPARENT);
        }
    return PXR_OK;
}

/* ---- palettes --------------------------------------------------------------------------------- */

static uint16_t display_level(unsigned symbol, uint8_t bits)
{
    const unsigned level = 255 - 85 * symbol;
    return (uint16_t)(bits == 16 ? level * 257 : level);
}

void pxr_pce_palette_standard(struct pxr_pce_palette *p, uint8_t bits)
{
    p->n_levels = PXR_PCE_N_LEVELS;
    for (unsigned s = 0; s < PXR_PCE_N_LEVELS; s++) {
        p->level[s] = display_level(s, bits);
        p->symbol[s] = (uint8_t)s;
    }
}

static uint16_t sample_at(const void *pixels, size_t stride_bytes, uint32_t x, uint32_t y, uint8_t bits)
{
    const uint8_t *const row = (const uint8_t *)pixels + y * stride_bytes;
    uint16_t v;
    if (bits == 8)
        return row[x];
    memcpy(&v, row + 2 * (size_t)x, 2);
    return v;
}

/* The place of a level in the palette, or n_levels. */
static unsigned find_level(const struct pxr_pce_palette *p, uint16_t v)
{
    unsigned i = 0;
    while (i < p->n_levels && p->level[i] != v)
        i++;
    return i;
}

bool pxr_pce_palette_gather(struct pxr_pce_palette *p, const void *pixels, size_t stride_bytes, uint32_t width_px,
                            uint32_t height_px, uint8_t bits)
{
    for (uint32_t y = 0; y < height_px; y++)
        for (uint32_t x = 0; x < width_px; x++) {
            const uint16_t v = sample_at(pixels, stride_bytes, x, y, bits);
            if (find_level(p, v) < p->n_levels)
                continue;
            if (p->n_levels == PXR_PCE_N_LEVELS)
                return false;
            p->level[p->n_levels++] = v;
        }
    return true;
}

void pxr_pce_palette_settle(struct pxr_pce_palette *p, uint8_t bits)
{
    struct pxr_pce_palette standard;
    bool is_standard = true;
    pxr_pce_palette_standard(&standard, bits);
    for (unsigned i = 0; i < p->n_levels; i++) {
        const uint16_t v = p->level[i];
        unsigned at = i;
        for (; at && p->level[at - 1] < v; at--)
            p->level[at] = p->level[at - 1];
        p->level[at] = v;
        is_standard &= find_level(&standard, v) < standard.n_levels;
    }
    for (unsigned i = 0; i < PXR_PCE_N_LEVELS; i++)
        p->symbol[i] = (uint8_t)(is_standard ? find_level(&standard, p->level[i]) : i);
    if (!is_standard && p->n_levels > 1)
        p->symbol[p->n_levels - 1] = PXR_PCE_BLACK;
}

enum pxr_err pxr_pce_symbols_of_gray(const struct pxr_pce_palette *p, uint8_t *symbols, const void *pixels,
                                     size_t stride_bytes, uint32_t width_px, uint32_t height_px, uint8_t bits,
                                     struct pxr_diag *diag)
{
    for (uint32_t y = 0; y < height_px; y++)
        for (uint32_t x = 0; x < width_px; x++) {
            const uint16_t v = sample_at(pixels, stride_bytes, x, y, bits);
            const unsigned i = find_level(p, v);
            if (i == p->n_levels)
                return pxr_fail(diag, PXR_E_UNSUPPORTED, "pixel %u, %u has the level %u, which is none of the %u "
                                "that the colours of PCE stand for", x, y, v, p->n_levels);
            symbols[(size_t)y * width_px + x] = p->symbol[i];
        }
    return PXR_OK;
}

enum pxr_err pxr_pce_gray_of_symbols(const struct pxr_pce_palette *p, void *pixels, size_t stride_bytes,
                                     const uint8_t *symbols, uint32_t width_px, uint32_t height_px, uint8_t bits,
                                     struct pxr_diag *diag)
{
    for (uint32_t y = 0; y < height_px; y++)
        for (uint32_t x = 0; x < width_px; x++) {
            const uint8_t symbol = symbols[(size_t)y * width_px + x];
            uint8_t *const row = (uint8_t *)pixels + y * stride_bytes;
            unsigned i = 0;
            while (i < p->n_levels && p->symbol[i] != symbol)
                i++;
            if (i == p->n_levels)
                return pxr_fail(diag, PXR_E_UNSUPPORTED, symbol == PXR_PCE_TRANSPARENT
                                ? "pixel %u, %u is transparent, which is no gray level"
                                : "pixel %u, %u has a colour that no gray level belongs to", x, y);
            if (bits == 8)
                row[x] = (uint8_t)p->level[i];
            else
                memcpy(row + 2 * (size_t)x, &p->level[i], 2);
        }
    return PXR_OK;
}

/* ---- tiles ------------------------------------------------------------------------------------ */

uint64_t pxr_pce_n_tiles(uint32_t width_px, uint32_t height_px)
{
    return pxr_div_up_u64(width_px, PXR_PCE_MAX_SIDE_PX) * pxr_div_up_u64(height_px, PXR_PCE_MAX_SIDE_PX);
}

struct pxr_pce_tile pxr_pce_tile_at(uint32_t width_px, uint32_t height_px, uint64_t tile)
{
    const uint64_t n_across = pxr_div_up_u64(width_px, PXR_PCE_MAX_SIDE_PX);
    const uint32_t x = (uint32_t)(tile % n_across * PXR_PCE_MAX_SIDE_PX);
    const uint32_t y = (uint32_t)(tile / n_across * PXR_PCE_MAX_SIDE_PX);
    return (struct pxr_pce_tile){x, y, (uint32_t)pxr_min_u64(width_px - x, PXR_PCE_MAX_SIDE_PX),
                                 (uint32_t)pxr_min_u64(height_px - y, PXR_PCE_MAX_SIDE_PX)};
}
