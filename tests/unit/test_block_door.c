/* SPDX-License-Identifier: MIT
 * The public door of every codec between guard pages: source, header, units, references and results have exactly
 * their sizes and touch memory that nobody may access.  No caller owes a codec a margin. */
#include "guard_pages.h"
#include "test_block_support.h"

#include "cpu.h"

enum { SRC, HEADER, UNIT, REF0, REF1, DST };

static const uint32_t widths[] = {1,  2,  3,   7,   8,   9,   15,  16,  17,  31,  32,  33,  47,  63, 64,
                                  65, 96, 127, 128, 129, 191, 192, 193, 255, 256, 257, 320, 513};
#define N_WIDTHS (sizeof widths / sizeof *widths)

static const struct pxr_block_codec_ops *const codecs[] = {
    &pxr_block_store_ops, &pxr_block_zstd_ops,     &pxr_block_predict_ops,
    &pxr_block_match_ops, &pxr_block_adaptive_ops, &pxr_block_sorted_ops,
};
#define N_CODECS (sizeof codecs / sizeof *codecs)

/* Rows and frames lie apart; the last row touches the guard. */
static struct pxr_block_source guarded_source(const struct pxr_block_shape *s, const uint8_t *pixels,
                                              enum guard_side side, size_t gap)
{
    const size_t row = s->width_px * (s->bits / 8u), stride = row + gap, n_rows = (size_t)s->n_frames * s->height_px;
    uint8_t *const at = guard_get(SRC, (n_rows - 1) * stride + row, side, 1);
    for (size_t y = 0; y < n_rows; y++)
        memcpy(at + y * stride, pixels + y * row, row);
    return (struct pxr_block_source){*s, {at, stride, stride * s->height_px}};
}

/* Every unit, from guarded memory to guarded memory. */
static void decode_guarded(const struct pxr_block_shape *s, const struct encoded *e, const uint8_t *pixels,
                           enum guard_side side)
{
    struct pxr_block_header h;
    pxr_block_decoder *d;
    const uint8_t *const header = guard_copy(HEADER, e->header.bytes, e->header.n_bytes, side, 1);
    cr_assert_eq(pxr_block_header_parse(&h, header, e->header.n_bytes, s, 0, NULL), PXR_OK);
    cr_assert_eq(pxr_block_decoder_new(&d, NULL), PXR_OK);
    const size_t each = pxr_block_unit_state_bytes(&h, 0);
    uint8_t *const states = pxr_alloc_zero(h.n_units, each);
    bool *const done = pxr_alloc_zero(h.n_units, sizeof *done);
    for (uint32_t from = 0, u; (u = unit_next(&h, done, &from)) < h.n_units; done[u] = true) {
        const struct pxr_block_unit at = pxr_block_unit_at(&h, u);
        const size_t n = pxr_block_unit_state_bytes(&h, u), n_pixels = pxr_block_unit_pixel_bytes(&h, u);
        uint32_t r[2], first, n_frames;
        const unsigned n_refs = pxr_block_unit_refs(&h, u, r);
        const void *refs[2] = {NULL, NULL};
        for (unsigned i = 0; i < n_refs; i++)
            refs[i] = guard_copy(REF0 + i, states + r[i] * each, each, side, 1);
        const uint8_t *const src = guard_copy(UNIT, e->payload.bytes + at.off_bytes, at.n_bytes, side, 1);
        uint8_t *const dst = guard_get(DST, n, side, 1);
        cr_assert_eq(pxr_block_unit_decode(d, &h, u, refs, src, at.n_bytes, dst, NULL), PXR_OK);
        pxr_block_unit_frames(&h, u, &first, &n_frames);
        cr_assert(!memcmp(dst, pixels + first * (n_pixels / n_frames), n_pixels), "unit %u, width %u", u, s->width_px);
        memcpy(states + u * each, dst, n);
    }
    pxr_block_decoder_free(d);
    pxr_free(states);
    pxr_free(done);
}

static void check_codec(const struct pxr_block_codec_ops *ops, const struct pxr_block_shape *s, const uint8_t *pixels,
                        enum guard_side side, struct encoded *first)
{
    const struct pxr_block_opts o = {PXR_CODEC_AUTO, 0, PXR_PRESET_DEFAULT};
    const struct pxr_block_source source = guarded_source(s, pixels, side, s->width_px % 3);
    struct encoded e = {0};
    pxr_block_encoder *encoder;
    cr_assert_eq(pxr_block_encoder_new(&encoder, NULL), PXR_OK);
    cr_assert_eq(ops->encode(encoder, &source, &o, &e.header, &e.payload, NULL), PXR_OK);
    decode_guarded(s, &e, pixels, side);
    if (!first->header.n_bytes) {
        *first = e;
    } else {
        cr_assert(e.header.n_bytes == first->header.n_bytes && e.payload.n_bytes == first->payload.n_bytes &&
                      !memcmp(e.header.bytes, first->header.bytes, e.header.n_bytes) &&
                      !memcmp(e.payload.bytes, first->payload.bytes, e.payload.n_bytes),
                  "%s, width %u: other bytes", ops->name, s->width_px);
        encoded_fini(&e);
    }
    pxr_block_encoder_free(encoder);
}

static bool is_possible(const struct pxr_block_codec_ops *ops, const struct pxr_block_shape *s)
{
    const bool needs_zstd = ops == &pxr_block_zstd_ops || ops == &pxr_block_sorted_ops;
    return (!needs_zstd || pxr_zstd_is_built_in()) && (ops != &pxr_block_sorted_ops || s->width_px * s->bits >= 256);
}

/* The same bytes from every level and from both sides. */
static void check_everywhere(const struct pxr_block_codec_ops *ops, const struct pxr_block_shape *s, enum content c)
{
    struct encoded first = {0};
    uint8_t *const pixels = test_block(s, c, s->width_px);
    for (int level = PXR_CPU_PORTABLE; level < PXR_N_CPU_LEVELS; level++)
        for (int side = 0; side < GUARD_SIDES; side++) {
            pxr_cpu_limit((enum pxr_cpu_level)level);
            if (pxr_cpu_level() == (enum pxr_cpu_level)level)
                check_codec(ops, s, pixels, (enum guard_side)side, &first);
        }
    encoded_fini(&first);
    pxr_free(pixels);
}

Test(block_door, every_codec_stays_within_its_memory, .timeout = 600)
{
    for (size_t i = 0; i < N_WIDTHS; i++)
        for (size_t k = 0; k < N_CODECS; k++) {
            const uint8_t bits = (i + k) % 2 ? 16 : 8;
            const struct pxr_block_shape s = {1 + (uint32_t)i % 5, i % 7 == 5 ? 65 : 1 + (uint32_t)i % 4, widths[i], bits};
            if (is_possible(codecs[k], &s))
                check_everywhere(codecs[k], &s, i % 3 == 0 ? NOISE : i % 3 == 1 ? SCENE : SPARSE);
        }
}

/* Whatever the presets choose and try on the way. */
Test(block_door, presets_stay_within_their_memory, .timeout = 600)
{
    for (size_t i = 0; i < N_WIDTHS; i++)
        for (int preset = PXR_PRESET_DEFAULT; preset <= PXR_PRESET_MAX; preset++) {
            const struct pxr_block_shape s = {3 + (uint32_t)i % 3, 2 + (uint32_t)i % 40, widths[i], i % 2 ? 8 : 16};
            const struct pxr_block_opts o = {PXR_CODEC_AUTO, 0, (enum pxr_preset)preset};
            const enum guard_side side = (i + (size_t)preset) % 2 ? GUARD_END : GUARD_START;
            uint8_t *const pixels = test_block(&s, i % 3 == 0 ? LABELS : i % 3 == 1 ? SCENE : SPARSE, i);
            const struct pxr_block_source source = guarded_source(&s, pixels, side, 0);
            struct encoded e = {0};
            pxr_block_encoder *encoder;
            cr_assert_eq(pxr_block_encoder_new(&encoder, NULL), PXR_OK);
            cr_assert_eq(pxr_block_encode(encoder, &s, source.samples.first, source.samples.row_stride_bytes,
                                          source.samples.frame_stride_bytes, &o, &e.header, &e.payload, NULL),
                         PXR_OK);
            if (e.header.bytes[0] != PXR_BLOCK_CONSTANT)
                decode_guarded(&s, &e, pixels, side);
            pxr_block_encoder_free(encoder);
            encoded_fini(&e);
            pxr_free(pixels);
        }
}
