/* SPDX-License-Identifier: MIT
 * Damaged and hostile blocks: an error or samples, zeros after an error, never a byte outside. */
#include "test_block_support.h"

static const struct pxr_block_shape shape = {6, 8, 9, 16};

struct subject {
    struct encoded e;
    uint8_t *pixels, *back;
    pxr_block_decoder *d;
};

static void subject_init(struct subject *k, enum pxr_codec codec, const struct pxr_filter *f)
{
    k->pixels = test_block(&shape, SCENE, 8);
    k->back = pxr_alloc(pxr_block_raw_bytes(&shape));
    k->e = test_encode(&shape, k->pixels, codec, f);
    cr_assert_eq(pxr_block_decoder_new(&k->d, NULL), PXR_OK);
}

static void subject_fini(struct subject *k)
{
    pxr_block_decoder_free(k->d);
    encoded_fini(&k->e);
    pxr_free(k->pixels);
    pxr_free(k->back);
}

/* Decode what parses, as a reader would that does not verify hashes. */
/* Units of the codecs here refer to no others. */
static const void *const no_refs[2] = {NULL, NULL};

static void decode_all(struct subject *k)
{
    struct pxr_block_header h;
    if (pxr_block_header_parse(&h, k->e.header.bytes, k->e.header.n_bytes, &shape, 0, NULL))
        return;
    for (uint32_t u = 0; u < h.n_units; u++) {
        const struct pxr_block_unit at = pxr_block_unit_at(&h, u);
        uint32_t refs[2];
        if (!pxr_block_unit_refs(&h, u, refs) && pxr_range_fits(at.off_bytes, at.n_bytes, k->e.payload.n_bytes))
            (void)test_decode_unit(k->d, &h, u, no_refs, k->e.payload.bytes + at.off_bytes, at.n_bytes,
                                   k->back, NULL);
    }
}

static void flip_every_bit(struct subject *k, struct pxr_buffer *b)
{
    for (size_t i = 0; i < 8 * b->n_bytes; i++) {
        b->bytes[i / 8] ^= (uint8_t)(1u << i % 8);
        decode_all(k);
        b->bytes[i / 8] ^= (uint8_t)(1u << i % 8);
    }
}

Test(block_hostile, any_flipped_bit_is_survived)
{
    static const struct pxr_filter filters[] = {{0, 4, 2}, {1, 3, 1}, {1, 1, 0}, {0, 2, 0}};
    struct subject k;
    subject_init(&k, PXR_CODEC_STORE, NULL);
    flip_every_bit(&k, &k.e.header);
    subject_fini(&k);
    if (!pxr_zstd_is_built_in())
        return;
    for (size_t i = 0; i < sizeof filters / sizeof *filters; i++) {
        subject_init(&k, PXR_CODEC_ZSTD, &filters[i]);
        flip_every_bit(&k, &k.e.header);
        flip_every_bit(&k, &k.e.payload);
        subject_fini(&k);
    }
}

static struct pxr_block_header parse(const struct encoded *e)
{
    struct pxr_block_header h;
    cr_assert_eq(pxr_block_header_parse(&h, e->header.bytes, e->header.n_bytes, &shape, 0, NULL),
                 PXR_OK);
    return h;
}

Test(block_hostile, a_cut_unit_is_corrupt)
{
    const struct pxr_filter f = {0, 1, 2};
    struct subject k;
    subject_init(&k, pxr_zstd_is_built_in() ? PXR_CODEC_ZSTD : PXR_CODEC_STORE,
                 pxr_zstd_is_built_in() ? &f : NULL);
    const struct pxr_block_header h = parse(&k.e);
    const struct pxr_block_unit at = pxr_block_unit_at(&h, 0);
    for (uint32_t n = 0; n < at.n_bytes; n++) {
        struct pxr_diag diag;
        uint8_t *const part = pxr_alloc(n);
        memcpy(part, k.e.payload.bytes, n);
        cr_assert_eq(test_decode_unit(k.d, &h, 0, no_refs, part, n, k.back, &diag), PXR_E_CORRUPT);
        cr_assert_str_eq(diag.field, "unit_bytes");
        cr_assert_eq(diag.expected, at.n_bytes);
        cr_assert_eq(diag.found, n);
        pxr_free(part);
    }
    subject_fini(&k);
}

Test(block_hostile, a_unit_that_does_not_exist)
{
    struct subject k;
    const void *const refs[2] = {NULL, NULL};
    subject_init(&k, PXR_CODEC_STORE, NULL);
    const struct pxr_block_header h = parse(&k.e);
    cr_assert_eq(
        pxr_block_unit_decode(k.d, &h, h.n_units, refs, k.e.payload.bytes, 1, k.back, NULL),
        PXR_E_RANGE);
    subject_fini(&k);
}

/* A zstd block of this payload, whose header is right about its length. */
static enum pxr_err decode_payload(const uint8_t *payload, size_t n_bytes, struct pxr_diag *diag)
{
    const uint8_t params[3] = {0, 0, 0};
    struct pxr_buffer header = {0};
    pxr_block_decoder *d;
    uint8_t *const back = pxr_alloc(pxr_block_raw_bytes(&shape));
    struct pxr_block_header h;
    cr_assert_eq(pxr_block_decoder_new(&d, NULL), PXR_OK);
    cr_assert(pxr_block_header_begin(&header, &shape, PXR_BLOCK_ZSTD, 6, params, 3) &&
              pxr_block_header_add_unit(&header, payload, n_bytes));
    cr_assert_eq(pxr_block_header_parse(&h, header.bytes, header.n_bytes, &shape, 0, diag), PXR_OK);
    /* exact memory: a sanitizer sees each byte too many */
    uint8_t *const exact = pxr_alloc(n_bytes);
    memcpy(exact, payload, n_bytes);
    const enum pxr_err err = test_decode_unit(d, &h, 0, no_refs, exact, n_bytes, back, diag);
    pxr_block_decoder_free(d);
    pxr_buffer_fini(&header);
    pxr_free(exact);
    pxr_free(back);
    return err;
}

enum { RAW = 864 }; /* of the shape */

/* A frame by hand: header bytes, then blocks that repeat a byte (type 1). */
static size_t frame_of(uint8_t *dst, const uint8_t *head, size_t head_bytes, uint32_t run,
                       uint8_t v)
{
    pxr_store_u32le(dst, 0xFD2FB528u);
    memcpy(dst + 4, head, head_bytes);
    uint8_t *const block = dst + 4 + head_bytes;
    const uint32_t word = 1u | 1u << 1 | run << 3;
    block[0] = (uint8_t)word;
    block[1] = (uint8_t)(word >> 8);
    block[2] = (uint8_t)(word >> 16);
    block[3] = v;
    return 4 + head_bytes + 4;
}

struct bomb {
    uint8_t head[12], head_bytes;
    uint32_t run;
    enum pxr_err err;
    char field[24];
};

static const struct bomb bombs[] = {
    /* single segment, 2-byte content size (minus 256): right, then lies about it */
    {{0x60, 0x60, 0x02}, 3, RAW, PXR_OK, ""},
    {{0x60, 0x60, 0x02}, 3, RAW - 1, PXR_E_CORRUPT, ""},
    {{0x60, 0x60, 0x02}, 3, RAW + 1, PXR_E_CORRUPT, ""},
    {{0x60, 0x60, 0x02}, 3, 100000, PXR_E_CORRUPT, ""},
    {{0x60, 0x61, 0x02}, 3, RAW + 1, PXR_E_CORRUPT, "zstd_content_bytes"},
    {{0x60, 0x5f, 0x02}, 3, RAW - 1, PXR_E_CORRUPT, "zstd_content_bytes"},
    /* 4 and 8 bytes */
    {{0xa0, 0x60, 0x03, 0, 0}, 5, RAW, PXR_OK, ""},
    {{0xa0, 0xff, 0xff, 0xff, 0xff}, 5, RAW, PXR_E_CORRUPT, "zstd_content_bytes"},
    {{0xe0, 0x60, 0x03, 0, 0, 0, 0, 0, 0}, 9, RAW, PXR_OK, ""},
    {{0xe0, 0x60, 0x03, 0, 0, 0, 0, 0, 1}, 9, RAW, PXR_E_CORRUPT, "zstd_content_bytes"},
    /* not stated: 1 byte is too few, none is none */
    {{0x20, 0x60}, 2, RAW, PXR_E_CORRUPT, "zstd_content_bytes"},
    {{0x00, 0x00}, 2, RAW, PXR_E_CORRUPT, "zstd_content_bytes"},
    /* windows: 2^27 passes, the next larger and the largest do not */
    {{0x40, 0x88, 0x60, 0x02}, 4, RAW, PXR_OK, ""},
    {{0x40, 0x89, 0x60, 0x02}, 4, RAW, PXR_E_CORRUPT, "zstd_window"},
    {{0x40, 0xff, 0x60, 0x02}, 4, RAW, PXR_E_CORRUPT, "zstd_window"},
    /* checksum, reserved and unused bit, dictionary */
    {{0x64, 0x60, 0x02}, 3, RAW, PXR_E_CORRUPT, "zstd_descriptor"},
    {{0x68, 0x60, 0x02}, 3, RAW, PXR_E_CORRUPT, "zstd_descriptor"},
    {{0x70, 0x60, 0x02}, 3, RAW, PXR_E_CORRUPT, "zstd_descriptor"},
    {{0x61, 0x07, 0x60, 0x02}, 4, RAW, PXR_E_CORRUPT, "zstd_descriptor"},
};

Test(block_hostile, zstd_frames_that_lie_about_their_size)
{
    if (!pxr_zstd_is_built_in())
        cr_skip_test("built without zstd");
    cr_assert_eq(pxr_block_raw_bytes(&shape), RAW);
    for (size_t i = 0; i < sizeof bombs / sizeof *bombs; i++) {
        uint8_t frame[32];
        struct pxr_diag diag = {0};
        const size_t n = frame_of(frame, bombs[i].head, bombs[i].head_bytes, bombs[i].run, 7);
        cr_assert_eq(decode_payload(frame, n, &diag), bombs[i].err, "case %zu: %s %s", i,
                     diag.field, diag.text);
        if (bombs[i].err)
            cr_assert_str_eq(diag.field, bombs[i].field, "case %zu", i);
    }
}

Test(block_hostile, one_zstd_frame_and_nothing_else)
{
    if (!pxr_zstd_is_built_in())
        cr_skip_test("built without zstd");
    static const uint8_t head[3] = {0x60, 0x60, 0x02};
    uint8_t two[64];
    struct pxr_diag diag;
    size_t n = frame_of(two, head, 3, RAW, 7);
    two[n] = 0;
    cr_assert_eq(decode_payload(two, n + 1, &diag), PXR_E_CORRUPT, "a byte behind the frame");
    /* a skippable frame behind it, which zstd itself would pass over */
    pxr_store_u32le(two + n, 0x184D2A50u);
    pxr_store_u32le(two + n + 4, 0);
    cr_assert_eq(decode_payload(two, n + 8, &diag), PXR_E_CORRUPT, "a skippable frame behind");
    pxr_store_u32le(two, 0x184D2A50u);
    cr_assert_eq(decode_payload(two, n, &diag), PXR_E_CORRUPT);
    cr_assert_str_eq(diag.field, "zstd_magic");
    cr_assert_eq(diag.expected, 0xFD2FB528u);
    cr_assert_eq(diag.found, 0x184D2A50u);
}

Test(block_hostile, without_zstd_its_blocks_are_unsupported)
{
    if (pxr_zstd_is_built_in())
        cr_skip_test("built with zstd");
    const uint8_t payload[16] = {0};
    const struct pxr_block_opts o = {PXR_CODEC_ZSTD, 0, PXR_PRESET_DEFAULT};
    struct pxr_buffer out = {0};
    struct pxr_diag diag;
    pxr_block_encoder *e;
    uint8_t *const pixels = test_block(&shape, SCENE, 1);
    cr_assert_eq(decode_payload(payload, sizeof payload, &diag), PXR_E_UNSUPPORTED);
    cr_assert_eq(pxr_block_encoder_new(&e, NULL), PXR_OK);
    cr_assert_eq(pxr_block_encode(e, &shape, pixels, 18, 144, &o, &out, &out, &diag),
                 PXR_E_UNSUPPORTED);
    pxr_block_encoder_free(e);
    pxr_free(pixels);
}
