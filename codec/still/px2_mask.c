/* SPDX-License-Identifier: MIT
 * Which pixels of a PX2 picture exist. */
#include "px2_mask.h"

#include "pce_gray.h"

#include "diag.h"

enum { COUNT_BYTES = 4 };

/* W of a sprite: the pixel exists; B: it does not.  false: a symbol that is neither. */
static bool map_of_symbols(struct pxr_stream_format *s, const struct pxr_pce_tile *t, const uint8_t *symbols)
{
    for (uint32_t y = 0; y < t->height_px; y++)
        for (uint32_t x = 0; x < t->width_px; x++) {
            const uint8_t symbol = symbols[(size_t)y * t->width_px + x];
            if (symbol != PXR_PCE_WHITE && symbol != PXR_PCE_BLACK)
                return false;
            if (symbol == PXR_PCE_WHITE) {
                pxr_bitmap_set(s->mask, pxr_stream_index(&s->order, (struct pxr_place){t->x + x, t->y + y}));
                s->n_px++;
            }
        }
    return true;
}

static enum pxr_err read_tile(struct pxr_stream_format *s, const struct pxr_pce_tile *t, const uint8_t *src,
                              uint64_t end_bytes, uint64_t *off_bytes, uint8_t *symbols, struct pxr_diag *diag)
{
    struct pxr_pce_header header;
    size_t used_bytes = 0;
    const size_t left = (size_t)(end_bytes - *off_bytes);
    enum pxr_err e = pxr_pce_header_parse(&header, src + *off_bytes, left, diag);
    if (e == PXR_OK && (header.width_px != t->width_px || header.height_px != t->height_px))
        return pxr_fail_field(diag, PXR_E_CORRUPT, *off_bytes, "mask", t->width_px, header.width_px,
                              "a tile of the mask has another size than its place");
    if (e == PXR_OK)
        e = pxr_pce_decode(src + *off_bytes, left, NULL, symbols, t->width_px, &used_bytes, diag);
    if (e == PXR_OK && !map_of_symbols(s, t, symbols))
        return pxr_fail_at(diag, PXR_E_CORRUPT, *off_bytes, "a tile of the mask has other symbols than W and B");
    if (e != PXR_OK) {
        if (diag && diag->off_bytes != PXR_NONE)
            diag->off_bytes += *off_bytes; /* what it said was counted within the tile */
        return e;
    }
    *off_bytes += used_bytes;
    return PXR_OK;
}

enum pxr_err pxr_px2_mask_read(struct pxr_stream_format *s, const uint8_t *src, size_t n_bytes, uint64_t *off_bytes,
                               struct pxr_diag *diag)
{
    const uint32_t width_px = s->order.width_px, height_px = s->order.height_px;
    const uint64_t n_tiles = pxr_pce_n_tiles(width_px, height_px);
    uint64_t off = *off_bytes, mask_bytes;
    enum pxr_err e = PXR_OK;
    if (!pxr_range_fits(off, COUNT_BYTES, n_bytes) ||
        !pxr_range_fits(off + COUNT_BYTES, mask_bytes = pxr_load_u32be(src + off), n_bytes))
        return pxr_fail_at(diag, PXR_E_TRUNCATED, n_bytes, "the file ends within its mask");
    if (mask_bytes < n_tiles * 4) /* the shortest sprite: so memory follows the file's length */
        return pxr_fail_field(diag, PXR_E_CORRUPT, off, "mask bytes", n_tiles * 4, mask_bytes,
                              "too few for the tiles of the mask");
    off += COUNT_BYTES;
    const uint64_t first = off, end_bytes = off + mask_bytes;
    const size_t map_bytes = pxr_bitmap_bytes(pxr_stream_n_px(&s->order));
    s->mask = pxr_alloc_zero(map_bytes, 1);
    s->n_px = 0;
    uint8_t *const symbols = pxr_alloc(PXR_PCE_MAX_PX);
    if (!s->mask || !symbols)
        e = pxr_fail_nomem(diag, map_bytes + PXR_PCE_MAX_PX);
    for (uint64_t k = 0; e == PXR_OK && k < n_tiles; k++) {
        const struct pxr_pce_tile tile = pxr_pce_tile_at(width_px, height_px, k);
        e = read_tile(s, &tile, src, end_bytes, &off, symbols, diag);
    }
    if (e == PXR_OK && off != end_bytes)
        e = pxr_fail_field(diag, PXR_E_CORRUPT, off, "mask bytes", off - first, mask_bytes,
                           "bytes follow the last tile of the mask");
    if (e == PXR_OK && !s->n_px)
        e = pxr_fail_at(diag, PXR_E_CORRUPT, *off_bytes, "the mask leaves no pixel");
    pxr_free(symbols);
    *off_bytes = off;
    return e;
}

static enum pxr_err put_tiles(const struct pxr_stream_format *s, uint8_t *symbols, struct pxr_buffer *dst,
                              struct pxr_diag *diag)
{
    enum pxr_err e = PXR_OK;
    const uint64_t n_tiles = pxr_pce_n_tiles(s->order.width_px, s->order.height_px);
    for (uint64_t k = 0; e == PXR_OK && k < n_tiles; k++) {
        const struct pxr_pce_tile t = pxr_pce_tile_at(s->order.width_px, s->order.height_px, k);
        const struct pxr_pce_sprite sprite = {symbols, t.width_px, t.width_px, t.height_px};
        for (uint32_t y = 0; y < t.height_px; y++)
            for (uint32_t x = 0; x < t.width_px; x++) {
                const size_t i = pxr_stream_index(&s->order, (struct pxr_place){t.x + x, t.y + y});
                symbols[(size_t)y * t.width_px + x] =
                    pxr_bitmap_get(s->mask, i) ? PXR_PCE_WHITE : PXR_PCE_BLACK;
            }
        e = pxr_pce_encode(dst, &sprite, NULL, diag);
    }
    return e;
}

enum pxr_err pxr_px2_mask_put(struct pxr_stream_format *s, const uint8_t *mask, struct pxr_buffer *dst,
                              struct pxr_diag *diag)
{
    const uint64_t total = pxr_stream_n_px(&s->order);
    const size_t map_bytes = pxr_bitmap_bytes(total), count_off = dst->n_bytes;
    s->mask = pxr_alloc(map_bytes);
    s->n_px = 0;
    uint8_t *const symbols = pxr_alloc(PXR_PCE_MAX_PX);
    enum pxr_err e = PXR_OK;
    if (!s->mask || !symbols || !pxr_buffer_extend(dst, COUNT_BYTES))
        e = pxr_fail_nomem(diag, map_bytes + PXR_PCE_MAX_PX);
    if (e == PXR_OK) {
        memcpy(s->mask, mask, map_bytes);
        for (size_t i = 0; i < total; i++)
            s->n_px += pxr_bitmap_get(mask, i);
        e = s->n_px ? put_tiles(s, symbols, dst, diag) : pxr_fail(diag, PXR_E_INVALID, "the mask leaves no pixel");
    }
    const uint64_t mask_bytes = dst->n_bytes - count_off - COUNT_BYTES;
    if (e == PXR_OK && mask_bytes > UINT32_MAX)
        e = pxr_fail(diag, PXR_E_LIMIT, "the mask is larger than its length can say");
    if (e == PXR_OK)
        pxr_store_u32be(dst->bytes + count_off, (uint32_t)mask_bytes);
    else
        pxr_stream_format_fini(s);
    pxr_free(symbols);
    return e;
}
