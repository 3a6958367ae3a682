/* SPDX-License-Identifier: MIT
 * A header that is wrong in one field is refused, with the field's name and place. */
#include "test_block_support.h"

enum { PLACE = 5000 }; /* of the header in an imagined file */

static const struct pxr_block_shape shape8 = {5, 6, 7, 8}, shape16 = {5, 6, 7, 16};

static struct encoded encode(const struct pxr_block_shape *s, enum pxr_block_codec codec)
{
    uint8_t *const pixels = test_block(s, codec == PXR_BLOCK_CONSTANT ? ZEROS : SCENE, 3);
    const struct pxr_filter f = {0, 0, 0};
    struct encoded e =
        codec == PXR_BLOCK_PREDICT
            ? test_encode_predict(s, pixels)
        : codec == PXR_BLOCK_MATCH
            ? test_encode_match(s, pixels)
        : codec == PXR_BLOCK_ADAPTIVE
            ? test_encode_adaptive(s, pixels)
            : test_encode(s, pixels, codec == PXR_BLOCK_ZSTD ? PXR_CODEC_ZSTD : PXR_CODEC_STORE,
                          codec == PXR_BLOCK_ZSTD ? &f : NULL);
    cr_assert_eq(e.header.bytes[0], codec);
    pxr_free(pixels);
    return e;
}

struct wrong {
    enum pxr_block_codec codec;
    unsigned off_bytes, n_bytes;
    uint64_t value;
    enum pxr_err err;
    char field[20];
    uint64_t expected;
};

static const struct wrong wrongs[] = {
    {PXR_BLOCK_PREDICT, 6, 2, 2, PXR_E_CORRUPT, "frames_per_unit", 1},
    {PXR_BLOCK_PREDICT, 20, 1, 2, PXR_E_CORRUPT, "order", 1},
    {PXR_BLOCK_PREDICT, 27, 1, 4, PXR_E_CORRUPT, "flags", 3},
    {PXR_BLOCK_PREDICT, 28, 1, 1, PXR_E_CORRUPT, "feature_shift", 0},
    {PXR_BLOCK_PREDICT, 29, 1, 0, PXR_E_CORRUPT, "activity_shift", 1},
    {PXR_BLOCK_PREDICT, 30, 1, 9, PXR_E_CORRUPT, "activity_shift", 8},
    {PXR_BLOCK_PREDICT, 31, 1, 1, PXR_E_CORRUPT, "reserved", 0},
    {PXR_BLOCK_PREDICT, 21, 1, 0, PXR_E_CORRUPT, "depth", 1},
    {PXR_BLOCK_PREDICT, 21, 1, 9, PXR_E_CORRUPT, "depth", 8},
    {PXR_BLOCK_PREDICT, 22, 1, 8, PXR_E_CORRUPT, "shift", 7},
    {PXR_BLOCK_PREDICT, 23, 1, 3, PXR_E_CORRUPT, "lanes", 4},
    {PXR_BLOCK_PREDICT, 23, 1, 7, PXR_E_CORRUPT, "lanes", 6},
    {PXR_BLOCK_PREDICT, 24, 2, 256, PXR_E_CORRUPT, "offset", 255},
    {PXR_BLOCK_PREDICT, 26, 1, 1, PXR_E_CORRUPT, "groups", 15},
    {PXR_BLOCK_MATCH, 6, 2, 2, PXR_E_CORRUPT, "frames_per_unit", 1},
    {PXR_BLOCK_MATCH, 16, 4, 1, PXR_E_CORRUPT, "params_bytes", 2},
    {PXR_BLOCK_MATCH, 16, 4, 262145, PXR_E_CORRUPT, "params_bytes", 262144},
    {PXR_BLOCK_MATCH, 6, 2, 0, PXR_E_CORRUPT, "frames_per_unit", 1},
    {PXR_BLOCK_MATCH, 20, 1, 6 << 2, PXR_E_CORRUPT, "mode", 23},
    {PXR_BLOCK_MATCH, 20, 1, 255, PXR_E_CORRUPT, "mode", 23},
    {PXR_BLOCK_MATCH, 21, 1, 3, PXR_E_CORRUPT, "table_bits", 4},
    {PXR_BLOCK_MATCH, 21, 1, 7, PXR_E_CORRUPT, "table_bits", 6},
    {PXR_BLOCK_ADAPTIVE, 6, 2, 2, PXR_E_CORRUPT, "frames_per_unit", 1},
    {PXR_BLOCK_ADAPTIVE, 16, 4, 7, PXR_E_CORRUPT, "params_bytes", 8},
    {PXR_BLOCK_ADAPTIVE, 20, 1, 0, PXR_E_CORRUPT, "order", 1},
    {PXR_BLOCK_ADAPTIVE, 20, 1, 3, PXR_E_CORRUPT, "order", 2},
    {PXR_BLOCK_ADAPTIVE, 21, 1, 0, PXR_E_CORRUPT, "depth", 1},
    {PXR_BLOCK_ADAPTIVE, 21, 1, 9, PXR_E_CORRUPT, "depth", 8},
    {PXR_BLOCK_ADAPTIVE, 22, 1, 8, PXR_E_CORRUPT, "shift", 7},
    {PXR_BLOCK_ADAPTIVE, 23, 1, 4, PXR_E_CORRUPT, "tile", 5},
    {PXR_BLOCK_ADAPTIVE, 23, 1, 9, PXR_E_CORRUPT, "tile", 8},
    {PXR_BLOCK_ADAPTIVE, 24, 2, 256, PXR_E_CORRUPT, "offset", 255},
    {PXR_BLOCK_ADAPTIVE, 27, 1, 23, PXR_E_CORRUPT, "most_code", 24},
    {PXR_BLOCK_ADAPTIVE, 27, 1, 201, PXR_E_CORRUPT, "most_code", 200},
    {PXR_BLOCK_STORE, 0, 1, 7, PXR_E_UNSUPPORTED, "codec", 6},
    {PXR_BLOCK_STORE, 0, 1, 255, PXR_E_UNSUPPORTED, "codec", 6},
    {PXR_BLOCK_STORE, 1, 1, 1, PXR_E_UNSUPPORTED, "flags", 0},
    {PXR_BLOCK_STORE, 1, 1, 0x80, PXR_E_UNSUPPORTED, "flags", 0},
    {PXR_BLOCK_STORE, 2, 1, 16, PXR_E_CORRUPT, "bits", 8},
    {PXR_BLOCK_STORE, 2, 1, 0, PXR_E_CORRUPT, "bits", 8},
    {PXR_BLOCK_STORE, 3, 1, 1, PXR_E_UNSUPPORTED, "reserved", 0},
    {PXR_BLOCK_STORE, 4, 2, 0, PXR_E_CORRUPT, "n_frames", 5},
    {PXR_BLOCK_STORE, 4, 2, 4, PXR_E_CORRUPT, "n_frames", 5},
    {PXR_BLOCK_STORE, 4, 2, 65535, PXR_E_CORRUPT, "n_frames", 5},
    {PXR_BLOCK_STORE, 6, 2, 0, PXR_E_CORRUPT, "frames_per_unit", 1},
    {PXR_BLOCK_STORE, 6, 2, 6, PXR_E_CORRUPT, "frames_per_unit", 5},
    {PXR_BLOCK_STORE, 6, 2, 65535, PXR_E_CORRUPT, "frames_per_unit", 5},
    {PXR_BLOCK_STORE, 8, 4, 0, PXR_E_CORRUPT, "height_px", 6},
    {PXR_BLOCK_STORE, 8, 4, 7, PXR_E_CORRUPT, "height_px", 6},
    {PXR_BLOCK_STORE, 8, 4, UINT32_MAX, PXR_E_CORRUPT, "height_px", 6},
    {PXR_BLOCK_STORE, 12, 4, 6, PXR_E_CORRUPT, "width_px", 7},
    {PXR_BLOCK_STORE, 12, 4, 0x80000000u, PXR_E_CORRUPT, "width_px", 7},
    {PXR_BLOCK_STORE, 16, 4, 1, PXR_E_CORRUPT, "params_bytes", 0},
    {PXR_BLOCK_STORE, 16, 4, UINT32_MAX, PXR_E_CORRUPT, "params_bytes", 0},
    {PXR_BLOCK_STORE, 20, 4, 0, PXR_E_CORRUPT, "unit_bytes", 42},
    {PXR_BLOCK_STORE, 20, 4, 41, PXR_E_CORRUPT, "unit_bytes", 42},
    {PXR_BLOCK_STORE, 20 + 4 * 12, 4, 43, PXR_E_CORRUPT, "unit_bytes", 42},
    {PXR_BLOCK_STORE, 20 + 4 * 12, 4, UINT32_MAX, PXR_E_CORRUPT, "unit_bytes", 42},
    {PXR_BLOCK_CONSTANT, 6, 2, 1, PXR_E_CORRUPT, "frames_per_unit", 0},
    {PXR_BLOCK_CONSTANT, 16, 4, 0, PXR_E_CORRUPT, "params_bytes", 2},
    {PXR_BLOCK_CONSTANT, 16, 4, 3, PXR_E_CORRUPT, "params_bytes", 2},
    {PXR_BLOCK_CONSTANT, 20, 2, 256, PXR_E_CORRUPT, "value", 255},
    {PXR_BLOCK_CONSTANT, 20, 2, 65535, PXR_E_CORRUPT, "value", 255},
    {PXR_BLOCK_ZSTD, 6, 2, 0, PXR_E_CORRUPT, "frames_per_unit", 5},
    {PXR_BLOCK_ZSTD, 6, 2, 1, PXR_E_CORRUPT, "frames_per_unit", 5},
    {PXR_BLOCK_ZSTD, 6, 2, 6, PXR_E_CORRUPT, "frames_per_unit", 5},
    {PXR_BLOCK_ZSTD, 16, 4, 2, PXR_E_CORRUPT, "params_bytes", 3},
    {PXR_BLOCK_ZSTD, 16, 4, 0x10003, PXR_E_CORRUPT, "params_bytes", 3},
    {PXR_BLOCK_ZSTD, 20, 1, 2, PXR_E_CORRUPT, "layout", 1},
    {PXR_BLOCK_ZSTD, 21, 1, 5, PXR_E_CORRUPT, "delta", 4},
    {PXR_BLOCK_ZSTD, 21, 1, 255, PXR_E_CORRUPT, "delta", 4},
    {PXR_BLOCK_ZSTD, 22, 1, 1, PXR_E_CORRUPT, "shuffle", 0}, /* byte planes of 8 bits */
    {PXR_BLOCK_ZSTD, 22, 1, 3, PXR_E_CORRUPT, "shuffle", 2},
    {PXR_BLOCK_ZSTD, 23, 4, 0, PXR_E_CORRUPT, "unit_bytes", 10},
    {PXR_BLOCK_ZSTD, 23, 4, 9, PXR_E_CORRUPT, "unit_bytes", 10},
    {PXR_BLOCK_ZSTD, 23, 4, 275, PXR_E_CORRUPT, "unit_bytes", 274}, /* 210 + 64 */
    {PXR_BLOCK_ZSTD, 23, 4, UINT32_MAX, PXR_E_CORRUPT, "unit_bytes", 274},
};

Test(block_header, a_wrong_field_is_named_with_its_place)
{
    for (size_t i = 0; i < sizeof wrongs / sizeof *wrongs; i++) {
        const struct wrong *const w = &wrongs[i];
        if (w->codec == PXR_BLOCK_ZSTD && !pxr_zstd_is_built_in())
            continue;
        struct encoded e = encode(&shape8, w->codec);
        struct pxr_block_header h;
        struct pxr_diag diag;
        for (unsigned b = 0; b < w->n_bytes; b++)
            e.header.bytes[w->off_bytes + b] = (uint8_t)(w->value >> 8 * b);
        cr_assert_eq(
            pxr_block_header_parse(&h, e.header.bytes, e.header.n_bytes, &shape8, PLACE, &diag),
            w->err, "case %zu: %d %s", i, (int)diag.code, diag.text);
        cr_assert_eq(diag.code, w->err);
        cr_assert_str_eq(diag.field, w->field, "case %zu", i);
        cr_assert_eq(diag.off_bytes, PLACE + w->off_bytes, "case %zu", i);
        cr_assert(diag.has_values && diag.expected == w->expected && diag.found == w->value,
                  "case %zu: expected %d, found %d", i, (int)diag.expected, (int)diag.found);
        encoded_fini(&e);
    }
}

Test(block_header, cut_anywhere_is_truncated)
{
    /* sorted blocks have wider rows: test_block_sorted.c */
    for (int codec = 0; codec <= PXR_BLOCK_ADAPTIVE; codec++) {
        if (codec == 4) /* a number that has no codec yet */
            continue;
        if (codec == PXR_BLOCK_ZSTD && !pxr_zstd_is_built_in())
            continue;
        struct encoded e = encode(&shape16, (enum pxr_block_codec)codec);
        for (size_t n = 0; n < e.header.n_bytes; n++) {
            struct pxr_block_header h;
            struct pxr_diag diag;
            /* memory of exactly this length, so that a sanitizer sees each byte too many */
            uint8_t *const part = pxr_alloc(n);
            if (n)
                memcpy(part, e.header.bytes, n);
            cr_assert_eq(pxr_block_header_parse(&h, part, n, &shape16, PLACE, &diag),
                         PXR_E_TRUNCATED);
            cr_assert_eq(diag.off_bytes, PLACE);
            cr_assert_eq(diag.expected, n < 20 ? 20 : e.header.n_bytes);
            cr_assert_eq(diag.found, n);
            pxr_free(part);
        }
        encoded_fini(&e);
    }
}

Test(block_header, fields_are_where_the_document_says)
{
    struct encoded e = encode(&shape16, PXR_BLOCK_STORE);
    const uint8_t fixed[20] = {0, 0, 16, 0, 5, 0, 1, 0, 6, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0};
    struct pxr_block_header h;
    cr_assert(memcmp(e.header.bytes, fixed, sizeof fixed) == 0);
    cr_assert_eq(e.header.n_bytes, 20 + 5 * 12);
    cr_assert(pxr_buffer_add(&e.header, "what follows in the group header", 32));
    cr_assert_eq(pxr_block_header_parse(&h, e.header.bytes, e.header.n_bytes, &shape16, 0, NULL),
                 PXR_OK);
    cr_assert_eq(h.header_bytes, 80);
    cr_assert_eq(h.n_units, 5);
    cr_assert_eq(h.payload_bytes, 5 * 84);
    for (uint32_t u = 0; u < 5; u++) {
        const struct pxr_block_unit at = pxr_block_unit_at(&h, u);
        uint32_t refs[2];
        cr_assert_eq(at.off_bytes, u * 84);
        cr_assert_eq(at.n_bytes, 84);
        cr_assert_eq(pxr_load_u64le(e.header.bytes + 20 + u * 12 + 4), at.hash);
        cr_assert_eq(pxr_block_unit_refs(&h, u, refs), 0);
        cr_assert_eq(pxr_block_unit_of(&h, u), u);
    }
    const struct pxr_hash128 a = pxr_block_identity(e.header.bytes, h.header_bytes);
    e.header.bytes[79] ^= 1;
    const struct pxr_hash128 b = pxr_block_identity(e.header.bytes, h.header_bytes);
    cr_assert(a.lo != b.lo && a.hi != b.hi);
    encoded_fini(&e);
}

/* Readers take stored units of several frames, though our writer makes none. */
Test(block_header, stored_units_of_two_frames)
{
    uint8_t *const pixels = test_block(&shape8, NOISE, 3);
    struct encoded e = {0};
    cr_assert(pxr_block_header_begin(&e.header, &shape8, PXR_BLOCK_STORE, 2, NULL, 0));
    cr_assert(pxr_block_header_add_unit(&e.header, pixels, 84));
    cr_assert(pxr_block_header_add_unit(&e.header, pixels + 84, 84));
    cr_assert(pxr_block_header_add_unit(&e.header, pixels + 168, 42));
    cr_assert(pxr_buffer_add(&e.payload, pixels, 210));
    test_expect(&shape8, &e, pixels);
    encoded_fini(&e);
    pxr_free(pixels);
}

Test(block_header, an_impossible_place_is_not_the_files_fault)
{
    const uint8_t bytes[64] = {0};
    const struct pxr_block_shape none = {0, 1, 1, 8}, huge = {65535, 65535, 65535, 16};
    struct pxr_block_header h;
    cr_assert_eq(pxr_block_header_parse(&h, bytes, sizeof bytes, &none, 0, NULL), PXR_E_INVALID);
    cr_assert_eq(pxr_block_header_parse(&h, bytes, sizeof bytes, &huge, 0, NULL), PXR_E_LIMIT);
}
