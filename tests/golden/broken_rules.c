/* SPDX-License-Identifier: MIT
 * See broken_rules.h.  What units hold stays, unless they are what is broken. */
#include "broken_rules.h"

static uint8_t *param(struct forged *b, unsigned off) { return b->header.bytes + PXR_BLOCK_OFF_PARAMS + off; }
static uint8_t *entry(struct forged *b, uint32_t unit)
{
    return b->header.bytes + PXR_BLOCK_OFF_PARAMS + b->params.n_bytes + (size_t)unit * PXR_BLOCK_UNIT_BYTES;
}

/* The last unit becomes longer by bytes, or shorter. */
static void lengthen(struct forged *b, const void *bytes, size_t n)
{
    uint8_t *const e = entry(b, n_units(b) - 1);
    add(&b->payload, bytes, n);
    pxr_store_u32le(e, pxr_load_u32le(e) + (uint32_t)n);
}
static bool shorten(struct forged *b, uint32_t n)
{
    uint8_t *const e = entry(b, n_units(b) - 1);
    if (pxr_load_u32le(e) < n)
        return false;
    pxr_store_u32le(e, pxr_load_u32le(e) - n);
    b->payload.n_bytes -= n;
    return true;
}
/* Other parameters, with the units as they are. */
static void change_params(struct forged *b)
{
    struct pxr_buffer old = copy_of(&b->header);
    const size_t n = n_units(b) * (size_t)PXR_BLOCK_UNIT_BYTES;
    forged_begin_header(b);
    add(&b->header, old.bytes + old.n_bytes - n, n);
    pxr_buffer_fini(&old);
}

static bool other_codec(struct forged *b) { return b->header.bytes[0] = PXR_N_BLOCK_CODECS, true; }
static bool has_flags(struct forged *b) { return b->header.bytes[1] = 1, true; }
static bool other_bits(struct forged *b) { return b->header.bytes[2] ^= 8 ^ 16, true; }
static bool has_reserved(struct forged *b) { return b->header.bytes[3] = 1, true; }
static bool other_n_frames(struct forged *b) { return b->header.bytes[4]++, true; }
static bool no_units(struct forged *b) { return pxr_store_u16le(b->header.bytes + 6, 0), true; }
static bool other_units(struct forged *b) { return b->header.bytes[6]++, true; }
static bool other_height(struct forged *b) { return b->header.bytes[8]++, true; }
static bool other_width(struct forged *b) { return b->header.bytes[12]++, true; }
static bool params_too_short(struct forged *b)
{
    const uint32_t least = b->codec == PXR_BLOCK_MATCH ? 2 : b->codec == PXR_BLOCK_ADAPTIVE ? 8 : 48;
    b->params.n_bytes = least - 1;
    return change_params(b), true;
}
static bool params_too_long(struct forged *b)
{
    const size_t most = b->codec == PXR_BLOCK_MATCH ? 1u << 18 : b->codec == PXR_BLOCK_ADAPTIVE ? 1u << 26 : 168;
    const size_t n = b->codec == PXR_BLOCK_ADAPTIVE ? b->params.n_bytes + 1 : most + 1; /* 2^26 bytes would be slow */
    pxr_buffer_extend(&b->params, n - b->params.n_bytes);
    memset(b->params.bytes + b->params.n_bytes - 1, 0, 1);
    return change_params(b), true;
}
static bool payload_too_long(struct forged *b) { return add(&b->payload, "", 1), true; }

/* An entry says so; the payload follows. */
static void resize_unit(struct forged *b, uint32_t n)
{
    uint8_t *const e = entry(b, n_units(b) - 1);
    const uint32_t now = pxr_load_u32le(e);
    if (n > now)
        memset(pxr_buffer_extend(&b->payload, n - now), 0, n - now);
    else
        b->payload.n_bytes -= now - n;
    pxr_store_u32le(e, n);
}
static bool unit_too_short(struct forged *b)
{
    return resize_unit(b, b->codec == PXR_BLOCK_MATCH ? 0 : b->codec == PXR_BLOCK_ADAPTIVE ? 3 : 9), true;
}
static bool unit_too_long(struct forged *b)
{
    const uint32_t n = b->shape.height_px * b->shape.width_px;
    const uint32_t raw = n * b->shape.n_frames * (b->shape.bits / 8u);
    return resize_unit(b, b->codec == PXR_BLOCK_MATCH      ? 80 * n + 65
                          : b->codec == PXR_BLOCK_ADAPTIVE ? 6 * n + 9
                                                           : raw + raw / 256 + 513),
           true;
}
/* Bytes that nothing needs: of match more than the zeros that a unit may do without, and more than another last sample
 * could take. */
static bool bytes_behind_unit(struct forged *b)
{
    static const uint8_t ones[100] = {1, 1, 1, 1, 1, 1, 1, 1};
    return lengthen(b, ones, b->codec == PXR_BLOCK_MATCH ? sizeof ones : 1), true;
}
static bool word_behind_unit(struct forged *b) { return b->codec == PXR_BLOCK_ADAPTIVE && (lengthen(b, "\0", 2), true); }
static bool unit_cut(struct forged *b)
{
    const uint32_t cut = b->codec == PXR_BLOCK_ADAPTIVE ? 2 : 1;
    return pxr_load_u32le(entry(b, n_units(b) - 1)) > cut + (b->codec == PXR_BLOCK_SORTED ? 10 : 4) && shorten(b, cut);
}

/* Adaptive. */
static bool adaptive_order_0(struct forged *b) { return *param(b, 0) = 0, true; }
static bool adaptive_order_3(struct forged *b) { return *param(b, 0) = 3, true; }
static bool adaptive_long_chain(struct forged *b) { return *param(b, 0) = 2, b->shape.n_frames > 33; }
static bool adaptive_depth_0(struct forged *b) { return *param(b, 1) = 0, true; }
static bool adaptive_too_deep(struct forged *b) { return *param(b, 1) = (uint8_t)(b->shape.bits - *param(b, 2) + 1), true; }
static bool adaptive_shift(struct forged *b) { return *param(b, 2) = b->shape.bits, true; }
static bool adaptive_tile_4(struct forged *b) { return *param(b, 3) = 4, true; }
static bool adaptive_tile_9(struct forged *b) { return *param(b, 3) = 9, true; }
static bool adaptive_offset(struct forged *b) { return *param(b, 5) = 1, b->shape.bits == 8; }
static bool adaptive_most_code(struct forged *b) { return *param(b, 7) = 201, true; }
static bool adaptive_few_codes(struct forged *b) { return *param(b, 6) = 0, *param(b, 7) = 23, true; }
static bool adaptive_least_code(struct forged *b) { return *param(b, 6) = (uint8_t)(*param(b, 7) - 23), true; }
static bool adaptive_excess(struct forged *b, enum excess excess)
{
    uint64_t rng = b->header.bytes[20] + 7 * b->params.n_bytes + 1;
    forged_adaptive_params(&rng, b, excess);
    return change_params(b), true;
}
static bool adaptive_weights(struct forged *b) { return adaptive_excess(b, EXCESS_WEIGHTS); }
static bool adaptive_bias(struct forged *b) { return adaptive_excess(b, EXCESS_BIAS); }
static bool params_cut(struct forged *b) { return b->params.n_bytes--, change_params(b), true; }
static bool params_behind(struct forged *b)
{
    add(&b->params, "\1\2\3\4\5", b->codec == PXR_BLOCK_MATCH ? 5 : 1);
    return change_params(b), true;
}
static bool adaptive_padding(struct forged *b)
{
    b->params.bytes[b->params.n_bytes - 1] |= 0x80;
    return change_params(b), b->n_padding > 0;
}

/* Match. */
static bool match_mode(struct forged *b) { return *param(b, 0) = 24, true; }
static bool match_table_bits_3(struct forged *b) { return *param(b, 1) = 3, true; }
static bool match_table_bits(struct forged *b)
{
    const uint64_t raw = (uint64_t)b->shape.height_px * b->shape.width_px * (b->shape.bits / 8u);
    uint8_t B = 6;
    while (B < 14 && 32 * ((uint64_t)1 << B) <= raw)
        B++;
    return *param(b, 1) = (uint8_t)(B + 1), true;
}
static bool match_too_many_values(struct forged *b)
{
    uint64_t rng = 1;
    b->params.n_bytes = 2;
    forged_map(&rng, b, (1u << b->shape.bits) + 1);
    return change_params(b), true;
}
/* The last of 200 values is 256 or more. */
static bool match_value(struct forged *b)
{
    static struct pxr_match_tables tables;
    uint16_t values[200];
    for (unsigned i = 0; i < 200; i++)
        values[i] = (uint16_t)(i + (i == 199 ? 57 : 0));
    pxr_match_tables_init(&tables);
    b->params.n_bytes = 2;
    return b->shape.bits == 8 && pxr_match_map_store(&tables, &(struct pxr_match_map){200, values, NULL}, 8, &b->params) &&
           (change_params(b), true);
}
static bool match_rank(struct forged *b)
{
    b->script.how = 4;
    b->script.rng = 1 + b->payload.n_bytes;
    b->pixels = get(pxr_block_raw_bytes(&b->shape));
    return forged_draw(b, true, 1) != NULL;
}

/* Sorted. */
#ifdef PXR_TEST_ZSTD
static bool sorted_no_class(struct forged *b) { return *param(b, 0) = 0, true; }
static bool sorted_17_classes(struct forged *b)
{
    pxr_buffer_extend(&b->params, 40 + 8 * 17 - b->params.n_bytes);
    memset(b->params.bytes + 44, 0, 8 * 17 - 4);
    b->params.bytes[0] = 17;
    pxr_store_u32le(b->params.bytes + 40 + 8 * 17 - 4, (uint32_t)n_samples(&b->shape));
    return change_params(b), true;
}
static bool sorted_other_n_classes(struct forged *b) { return ++*param(b, 0), true; }
static bool sorted_zero(struct forged *b) { return *param(b, 1) = 1, true; }
static bool sorted_start(struct forged *b) { return *param(b, 3) = 1, b->shape.bits == 8; }
static bool sorted_mix(struct forged *b, unsigned off, int sign)
{
    memset(param(b, off), 0, 16);
    pxr_store_u16le(param(b, off), (uint16_t)(sign * (b->shape.bits == 8 ? 50 : 4000)));
    pxr_store_u16le(param(b, off + 14), (uint16_t)(sign * (b->shape.bits == 8 ? 47 : 97)));
    return true;
}
static bool sorted_mix0_up(struct forged *b) { return sorted_mix(b, 4, 1); }
static bool sorted_mix0_down(struct forged *b) { return sorted_mix(b, 4, -1); }
static bool sorted_mix1_up(struct forged *b) { return sorted_mix(b, 24, 1); }
static bool sorted_mix1_down(struct forged *b) { return sorted_mix(b, 24, -1); }
static bool sorted_weight_lowest(struct forged *b) { return pxr_store_u16le(param(b, 4), 0x8000), true; }
static bool sorted_constant(struct forged *b, unsigned off, int64_t sign)
{
    return pxr_store_u32le(param(b, off), (uint32_t)(sign * (b->shape.bits == 8 ? 8192 : (1 << 27) + 1))), true;
}
static bool sorted_constant0(struct forged *b) { return sorted_constant(b, 20, 1); }
static bool sorted_constant1(struct forged *b) { return sorted_constant(b, 40, -1); }
static bool sorted_constant_lowest(struct forged *b) { return pxr_store_u32le(param(b, 20), UINT32_C(1) << 31), true; }
static bool sorted_threshold(struct forged *b)
{
    const unsigned n = *param(b, 0);
    return n > 1 && (pxr_store_u32le(param(b, 44 + 4 * (n - 2)), b->shape.bits == 8 ? 65536 : (1 << 24) + 1), true);
}
static bool sorted_thresholds_fall(struct forged *b)
{
    return *param(b, 0) > 2 && (pxr_store_u32le(param(b, 44), pxr_load_u32le(param(b, 48)) + 1), true);
}
static bool sorted_counts_sum(struct forged *b)
{
    uint8_t *const count = param(b, 40 + 4u * *param(b, 0));
    return pxr_store_u32le(count, pxr_load_u32le(count) + 1), true;
}
/* The sum is right, modulo 2^32. */
static bool sorted_counts_wrap(struct forged *b)
{
    const unsigned n = *param(b, 0);
    uint8_t *const counts = param(b, 40 + 4 * n);
    return n > 1 && (pxr_store_u32le(counts, pxr_load_u32le(counts) + 0x80000000u),
                     pxr_store_u32le(counts + 4, pxr_load_u32le(counts + 4) + 0x80000000u), true);
}
/* One sample of a class that has some belongs to another. */
static bool sorted_class_short(struct forged *b)
{
    const unsigned n = *param(b, 0);
    uint8_t *const counts = param(b, 40 + 4 * n);
    for (unsigned i = 0; i < n && n > 1; i++) {
        const uint32_t count = pxr_load_u32le(counts + 4 * i), j = (i + 1) % n;
        if (!count)
            continue;
        pxr_store_u32le(counts + 4 * i, count - 1);
        return pxr_store_u32le(counts + 4 * j, pxr_load_u32le(counts + 4 * j) + 1), true;
    }
    return false;
}
static bool sorted_too_narrow(struct forged *b)
{
    const uint32_t n = (uint32_t)n_samples(&b->shape);
    if (b->shape.width_px > pxr_sorted_segment_px(b->shape.bits) || b->shape.n_frames == n)
        return false;
    /* The same samples in rows of one less than a segment, or of one: n has to be a multiple. */
    b->shape = (struct pxr_block_shape){b->shape.n_frames, n / b->shape.n_frames, 1, b->shape.bits};
    return change_params(b), true;
}
static bool sorted_frame(struct forged *b, const struct frame_style *style)
{
    const size_t raw = pxr_block_raw_bytes(&b->shape);
    struct pxr_buffer content = {0};
    add(&content, b->payload.bytes + b->payload.n_bytes - raw, raw);
    b->payload.n_bytes = 0;
    forged_put_frame(b, content.bytes, raw, style);
    pxr_store_u32le(entry(b, 0), (uint32_t)b->payload.n_bytes);
    pxr_buffer_fini(&content);
    return true;
}
static bool zstd_skippable(struct forged *b) { return sorted_frame(b, &(struct frame_style){0x184D2A50, 0, -1, 2, 0}); }
static bool zstd_legacy(struct forged *b) { return sorted_frame(b, &(struct frame_style){0xFD2FB527, 0, -1, 2, 0}); }
static bool zstd_dictionary(struct forged *b) { return sorted_frame(b, &(struct frame_style){0xFD2FB528, 1, -1, 2, 0}); }
static bool zstd_checksum(struct forged *b)
{
    (void)sorted_frame(b, &(struct frame_style){0xFD2FB528, 4, -1, 2, 0});
    return lengthen(b, "\0\0\0", 4), true; /* of what there is, probably wrong: but the flag alone is refused */
}
static bool zstd_reserved(struct forged *b) { return sorted_frame(b, &(struct frame_style){0xFD2FB528, 8, -1, 2, 0}); }
static bool zstd_unused(struct forged *b) { return sorted_frame(b, &(struct frame_style){0xFD2FB528, 16, -1, 2, 0}); }
static bool zstd_window(struct forged *b) { return sorted_frame(b, &(struct frame_style){0xFD2FB528, 0, 17 << 3 | 1, 2, 0}); }
static bool zstd_no_size(struct forged *b) { return sorted_frame(b, &(struct frame_style){0xFD2FB528, 0, 10 << 3, 0, 0}); }
static bool zstd_size_more(struct forged *b) { return sorted_frame(b, &(struct frame_style){0xFD2FB528, 0, -1, 2, 1}); }
static bool zstd_size_less(struct forged *b) { return sorted_frame(b, &(struct frame_style){0xFD2FB528, 0, -1, 2, -1}); }
static bool zstd_two_frames(struct forged *b)
{
    uint8_t empty[] = {0x28, 0xB5, 0x2F, 0xFD, 0x20, 0, 1, 0, 0};
    return lengthen(b, empty, sizeof empty), true;
}
#endif

#define MATCH (1u << PXR_BLOCK_MATCH)
#define ADAPTIVE (1u << PXR_BLOCK_ADAPTIVE)
#define SORTED (1u << PXR_BLOCK_SORTED)
#define ALL (MATCH | ADAPTIVE | SORTED)
struct broken_rule broken_rules[] = {
    {ALL, "codec", other_codec, 0},
    {ALL, "flags", has_flags, 0},
    {ALL, "bits", other_bits, 0},
    {ALL, "reserved", has_reserved, 0},
    {ALL, "n_frames", other_n_frames, 0},
    {ALL, "frames_per_unit is 0", no_units, 0},
    {ALL, "frames_per_unit", other_units, 0},
    {ALL, "height_px", other_height, 0},
    {ALL, "width_px", other_width, 0},
    {ALL, "params_bytes too few", params_too_short, 0},
    {ALL, "params_bytes too many", params_too_long, 0},
    {ALL, "payload too long", payload_too_long, 0},
    {ALL, "unit_bytes too few", unit_too_short, 0},
    {ALL, "unit_bytes too many", unit_too_long, 0},
    {ALL, "bytes behind the unit", bytes_behind_unit, 0},
    {ADAPTIVE, "a word behind the unit", word_behind_unit, 0},
    {ADAPTIVE | SORTED, "the unit is cut", unit_cut, 0},
    {ADAPTIVE, "params are cut", params_cut, 0},
    {ADAPTIVE | MATCH, "bytes behind params", params_behind, 0},
    {ADAPTIVE, "order 0", adaptive_order_0, 0},
    {ADAPTIVE, "order 3", adaptive_order_3, 0},
    {ADAPTIVE, "order 2 of many frames", adaptive_long_chain, 0},
    {ADAPTIVE, "depth 0", adaptive_depth_0, 0},
    {ADAPTIVE, "depth", adaptive_too_deep, 0},
    {ADAPTIVE, "shift", adaptive_shift, 0},
    {ADAPTIVE, "tile 4", adaptive_tile_4, 0},
    {ADAPTIVE, "tile 9", adaptive_tile_9, 0},
    {ADAPTIVE, "offset", adaptive_offset, 0},
    {ADAPTIVE, "most_code", adaptive_most_code, 0},
    {ADAPTIVE, "too few codes", adaptive_few_codes, 0},
    {ADAPTIVE, "least_code", adaptive_least_code, 0},
    {ADAPTIVE, "weights", adaptive_weights, 0},
    {ADAPTIVE, "bias", adaptive_bias, 0},
    {ADAPTIVE, "padding", adaptive_padding, 0},
    {MATCH, "mode", match_mode, 0},
    {MATCH, "table_bits 3", match_table_bits_3, 0},
    {MATCH, "table_bits", match_table_bits, 0},
    {MATCH, "too many values", match_too_many_values, 0},
    {MATCH, "value too large", match_value, 0},
    {MATCH, "rank", match_rank, 0},
#ifdef PXR_TEST_ZSTD
    {SORTED, "no class", sorted_no_class, 0},
    {SORTED, "17 classes", sorted_17_classes, 0},
    {SORTED, "n_classes", sorted_other_n_classes, 0},
    {SORTED, "zero", sorted_zero, 0},
    {SORTED, "start", sorted_start, 0},
    {SORTED, "mix0, positive", sorted_mix0_up, 0},
    {SORTED, "mix0, negative", sorted_mix0_down, 0},
    {SORTED, "mix1, positive", sorted_mix1_up, 0},
    {SORTED, "mix1, negative", sorted_mix1_down, 0},
    {SORTED, "weight -32768", sorted_weight_lowest, 0},
    {SORTED, "constant of mix0", sorted_constant0, 0},
    {SORTED, "constant of mix1", sorted_constant1, 0},
    {SORTED, "constant -2^31", sorted_constant_lowest, 0},
    {SORTED, "threshold", sorted_threshold, 0},
    {SORTED, "thresholds fall", sorted_thresholds_fall, 0},
    {SORTED, "sum of counts", sorted_counts_sum, 0},
    {SORTED, "sum of counts, modulo 2^32", sorted_counts_wrap, 0},
    {SORTED, "class too short", sorted_class_short, 0},
    {SORTED, "too narrow", sorted_too_narrow, 0},
    {SORTED, "skippable frame", zstd_skippable, 0},
    {SORTED, "legacy frame", zstd_legacy, 0},
    {SORTED, "dictionary id", zstd_dictionary, 0},
    {SORTED, "checksum", zstd_checksum, 0},
    {SORTED, "reserved bit", zstd_reserved, 0},
    {SORTED, "unused bit", zstd_unused, 0},
    {SORTED, "window", zstd_window, 0},
    {SORTED, "no Frame_Content_Size", zstd_no_size, 0},
    {SORTED, "Frame_Content_Size too large", zstd_size_more, 0},
    {SORTED, "Frame_Content_Size too small", zstd_size_less, 0},
    {SORTED, "two frames", zstd_two_frames, 0},
#endif
};
const unsigned n_broken_rules = sizeof broken_rules / sizeof *broken_rules;
