/* SPDX-License-Identifier: MIT
 * What one group is stored as, for people: sizes and codecs of its blocks. */
#include "reader.h"

#include "diag.h"

const char *pxr_block_codec_name(unsigned codec)
{
    switch (codec) {
    case PXR_BLOCK_STORE: return "store";
    case PXR_BLOCK_CONSTANT: return "constant";
    case PXR_BLOCK_ZSTD: return "zstd";
    case PXR_BLOCK_PREDICT: return "predict";
    case PXR_BLOCK_MATCH: return "match";
    case PXR_BLOCK_ADAPTIVE: return "adaptive";
    case PXR_BLOCK_SORTED: return "sorted";
    }
    return "unknown";
}

enum pxr_err pxr_group_info(pxr_archive *a, uint64_t frame, struct pxr_group_info *out,
                            struct pxr_diag *diag)
{
    struct pxr_dir_entry dir;
    struct pxr_loaded_group *g;
    pxr_cache_entry *entry;
    enum pxr_err e = pxr_dir_find(a, frame, &dir, diag);
    if (e == PXR_OK)
        e = pxr_group_get(a, &dir, &entry, &g, diag);
    if (e != PXR_OK)
        return e;
    *out = (struct pxr_group_info){
        .first_frame = dir.first_frame,
        .n_frames = dir.n_frames,
        .n_blocks = g->group.n_blocks,
        .block_height_px = g->group.block_height_px,
        .block_width_px = g->group.block_width_px,
    };
    for (uint32_t b = 0; e == PXR_OK && b < g->group.n_blocks; b++) {
        struct pxr_placed_block block;
        e = pxr_group_block(a, g, b, &block, diag);
        if (e != PXR_OK)
            break;
        /* A unit is below 2^32 bytes and takes 12 in a group header of less than 2^32: no overflow. */
        out->stored_bytes += block.header.payload_bytes;
        out->n_codec[block.header.codec & 7]++;
    }
    pxr_cache_put(a->index_cache, entry);
    return e;
}
