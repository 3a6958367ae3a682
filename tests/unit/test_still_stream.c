/* SPDX-License-Identifier: MIT
 * Pixel Stream: the order against digits taken one by one, painting against squares painted one by one, every form of token
 * there and back, and what must be refused. */
#include "diag.h"
#include "pxs.h"
#include "px2.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static uint32_t seed = 1;
static uint32_t chance(uint32_t n)
{
    seed = seed * 1664525 + 1013904223;
    return (uint32_t)((uint64_t)(seed >> 8) * n >> 24);
}

/* ---- order ----------------------------------------------------------------------------------- */

static const uint32_t shapes[][2] = {{1, 1},  {2, 1},  {1, 2},   {3, 2},   {4, 4},    {5, 7},   {8, 8},   {17, 16},
                                     {16, 17}, {33, 5}, {1, 100}, {100, 1}, {100, 37}, {64, 65}, {3, 300}, {129, 40}};
enum { N_SHAPES = sizeof shapes / sizeof shapes[0] };

/* As the description says it: digit by digit, each with half of the side before. */
static struct pxr_place place_by_digits(const struct pxr_stream_order *o, uint64_t address)
{
    static const uint32_t x_of[2][4] = {{0, 1, 0, 1}, {0, 0, 1, 1}}, y_of[2][4] = {{0, 1, 1, 0}, {0, 1, 0, 1}};
    struct pxr_place at = {0, 0};
    for (uint32_t u = (1u << o->n_digits) / 2; u; u /= 2, address /= 4) {
        at.x += u * x_of[o->digits][address % 4];
        at.y += u * y_of[o->digits][address % 4];
    }
    return at;
}

static void check_order(uint32_t width, uint32_t height, enum pxr_stream_digits digits)
{
    const struct pxr_stream_order o = pxr_stream_order(width, height, digits);
    struct pxr_stream_walk w, part;
    uint64_t rank = 0;
    pxr_stream_walk_begin(&w, &o, 0);
    for (uint64_t a = 0; a < (uint64_t)1 << 2 * o.n_digits; a++) {
        const struct pxr_place at = pxr_stream_place(&o, a), slow = place_by_digits(&o, a);
        cr_assert(at.x == slow.x && at.y == slow.y && pxr_stream_address(&o, at) == a);
        cr_assert_eq(pxr_stream_rank(&o, a), rank);
        if (!pxr_stream_has(&o, at))
            continue;
        cr_assert(pxr_stream_walk_next(&w) && w.address == a && w.at.x == at.x && w.at.y == at.y);
        cr_assert_eq(pxr_stream_select(&o, rank), a);
        if (rank % 7 == 0) {
            pxr_stream_walk_begin(&part, &o, a);
            cr_assert(pxr_stream_walk_next(&part) && part.address == a);
        }
        rank++;
    }
    cr_assert(!pxr_stream_walk_next(&w) && !pxr_stream_walk_next(&w));
    cr_assert_eq(rank, pxr_stream_n_px(&o));
}

Test(still_stream, order_is_that_of_the_digits)
{
    for (unsigned i = 0; i < N_SHAPES; i++)
        for (int digits = 0; digits < 2; digits++)
            check_order(shapes[i][0], shapes[i][1], (enum pxr_stream_digits)digits);
}

Test(still_stream, one_column_takes_time_for_its_pixels_only)
{
    /* Its square has 2^40 addresses: counting them would not end. */
    const struct pxr_stream_order o = pxr_stream_order(1, PXR_STREAM_MAX_SIDE_PX, PXR_STREAM_A);
    struct pxr_stream_walk w;
    uint64_t n = 0;
    pxr_stream_walk_begin(&w, &o, 0);
    while (pxr_stream_walk_next(&w))
        n++;
    cr_assert_eq(n, PXR_STREAM_MAX_SIDE_PX);
    cr_assert_eq(pxr_stream_rank(&o, w.address), n - 1);
}

Test(still_stream, parent_clears_the_highest_bits_until_a_pixel_is_there)
{
    for (unsigned i = 0; i < N_SHAPES; i++) {
        const struct pxr_stream_order o = pxr_stream_order(shapes[i][0], shapes[i][1], PXR_STREAM_A);
        struct pxr_stream_walk w;
        struct pxr_place at;
        pxr_stream_walk_begin(&w, &o, 0);
        while (pxr_stream_walk_next(&w)) {
            uint64_t parent = w.address;
            for (int bit = 39; bit >= 0; bit--)
                if (parent >> bit & 1) {
                    parent &= ~((uint64_t)1 << bit);
                    if (pxr_stream_has(&o, place_by_digits(&o, parent)))
                        break;
                }
            cr_assert_eq(pxr_stream_parent(&o, NULL, w.address, &at), w.address != 0);
            cr_assert(!w.address || pxr_stream_address(&o, at) == parent);
        }
    }
}

/* ---- frames there and back ------------------------------------------------------------------- */

struct made {
    struct pxr_px2_header header;
    uint8_t *mask, *pixels; /* n_frames of them */
    size_t frame_bytes;
    uint64_t n_frames;
    struct pxr_buffer file;
};

/* Pictures with flat squares, slopes and noise, so that each kind of token occurs. */
static void draw(const struct pxr_px2_header *h, const uint8_t *mask, uint8_t *pixels, bool is_wide)
{
    const uint32_t flat = 1u << chance(4), noise = chance(3);
    for (size_t i = 0; i < (size_t)h->width_px * h->height_px; i++) {
        const uint32_t x = (uint32_t)(i % h->width_px) / flat, y = (uint32_t)(i / h->width_px) / flat;
        for (unsigned c = 0; c < h->n_channels; c++) {
            const uint32_t v = x + 2 * y * (c + 1) + (noise ? chance(1u << 2 * noise) : 0);
            const uint16_t sample = (uint16_t)(mask && !pxr_bitmap_get(mask, i) ? 0 : v & ((1u << h->bits[c]) - 1));
            if (is_wide)
                memcpy(pixels + 2 * (i * h->n_channels + c), &sample, 2);
            else
                pixels[i * h->n_channels + c] = (uint8_t)sample;
        }
    }
}

static struct made make(struct pxr_px2_header h, uint64_t n_frames, pxr_pool *pool)
{
    struct made m = {.header = h, .n_frames = n_frames};
    struct pxr_stream_format s;
    struct pxr_diag diag;
    const uint64_t n_px = (uint64_t)h.width_px * h.height_px;
    if (h.has_mask) {
        m.mask = calloc(pxr_bitmap_bytes(n_px), 1);
        for (size_t i = 0; i < n_px; i++)
            if (chance(3) || i + 1 == n_px)
                pxr_bitmap_set(m.mask, i);
    }
    cr_assert_eq(pxr_px2_begin(&s, &h, m.mask, &m.file, &diag), PXR_OK, "%s", diag.text);
    m.frame_bytes = pxr_stream_frame_bytes(&s);
    m.pixels = malloc(n_frames * m.frame_bytes);
    for (uint64_t f = 0; f < n_frames; f++) {
        draw(&h, m.mask, m.pixels + f * m.frame_bytes, pxr_token_sample_bytes(&s.form) == 2);
        cr_assert_eq(pxr_stream_put_frame(&s, m.pixels + f * m.frame_bytes, f, pool, &m.file, &diag), PXR_OK);
    }
    pxr_stream_format_fini(&s);
    return m;
}

static void made_fini(struct made *m)
{
    free(m->mask);
    free(m->pixels);
    pxr_buffer_fini(&m->file);
}

/* All frames, or the error. */
static enum pxr_err read_all(const uint8_t *src, size_t n_bytes, bool is_progressive, uint8_t *pixels,
                             uint64_t *n_frames, uint64_t *n_missing, struct pxr_diag *diag)
{
    struct pxr_stream_reader r;
    const struct pxr_px2_opts opts = {.is_progressive = is_progressive};
    /* Memory of exactly this length, so that a sanitizer sees what is read behind it. */
    uint8_t *const copy = malloc(n_bytes ? n_bytes : 1);
    memcpy(copy, src, n_bytes);
    *n_frames = *n_missing = 0;
    enum pxr_err e = pxr_px2_open(&r, copy, n_bytes, &opts, NULL, diag);
    for (bool has_frame = true; e == PXR_OK && has_frame;) {
        uint64_t missing;
        e = pxr_stream_reader_next(&r, pixels, &has_frame, &missing, diag);
        if (e == PXR_OK && has_frame) {
            pixels += pxr_stream_frame_bytes(&r.format);
            ++*n_frames;
            *n_missing += missing;
        }
    }
    pxr_stream_reader_fini(&r);
    free(copy);
    return e;
}

static void check_there_and_back(struct pxr_px2_header h, uint64_t n_frames)
{
    struct made m = make(h, n_frames, NULL);
    struct pxr_diag diag = {0};
    uint64_t n_found, n_missing;
    uint8_t *const found = malloc((n_frames + 1) * m.frame_bytes);
    for (int is_progressive = 0; is_progressive < 2; is_progressive++) {
        memset(found, 0xA5, n_frames * m.frame_bytes);
        const enum pxr_err e = read_all(m.file.bytes, m.file.n_bytes, is_progressive, found, &n_found, &n_missing, &diag);
        cr_assert_eq(e, PXR_OK, "%s", diag.text);
        cr_assert(n_found == n_frames && !n_missing);
        cr_assert(!memcmp(found, m.pixels, n_frames * m.frame_bytes), "%ux%u flags %d%d%d%d", h.width_px, h.height_px,
                  h.is_padded, h.is_relative, h.has_finality, h.has_mask);
    }
    free(found);
    made_fini(&m);
}

static struct pxr_px2_header any_header(unsigned flags)
{
    struct pxr_px2_header h = {.digits = chance(2) ? PXR_STREAM_A : PXR_STREAM_B,
                               .model = PXR_PX2_UNDECLARED,
                               .n_channels = (uint8_t)(1 + chance(4)),
                               .is_padded = flags & 1,
                               .is_relative = flags & 2,
                               .has_finality = flags & 4,
                               .has_mask = flags & 8,
                               .is_animation = flags & 16};
    const unsigned shape = chance(N_SHAPES);
    h.width_px = shapes[shape][0];
    h.height_px = shapes[shape][1];
    for (unsigned c = 0; c < h.n_channels; c++)
        h.bits[c] = (uint8_t)(1 + chance(16));
    return h;
}

Test(still_stream, px2_keeps_samples_with_any_flags)
{
    for (int round = 0; round < 12; round++)
        for (unsigned flags = 0; flags < 32; flags++) {
            struct pxr_px2_header h = any_header(flags);
            const uint64_t n_frames = h.is_animation ? 1 + chance(3) : 1;
            h.n_frames = h.is_animation && chance(2) ? (uint32_t)n_frames : 0;
            check_there_and_back(h, n_frames);
        }
}

Test(still_stream, plain_gray_has_the_length_that_a_view_promises)
{
    for (uint8_t bits = 8; bits <= 16; bits = (uint8_t)(bits + 8)) {
        const struct pxr_px2_header h = {100, 37, PXR_STREAM_A, PXR_PX2_GRAY, 1, {bits}, .n_frames = 1};
        struct made m = make(h, 1, NULL);
        cr_assert_eq(m.file.n_bytes, PXR_PX2_HEADER_BYTES + 100 * 37 * (bits / 8u));
        made_fini(&m);
        check_there_and_back(h, 1);
    }
}

Test(still_stream, threads_make_the_same_bytes)
{
    pxr_pool *pool;
    cr_assert_eq(pxr_pool_new(&pool, 3, NULL), PXR_OK);
    for (unsigned flags = 0; flags < 16; flags++) {
        struct pxr_px2_header h = any_header(flags);
        h.width_px = 301; /* several pieces */
        h.height_px = 257;
        const uint32_t start = seed;
        struct made serial = make(h, 1, NULL);
        seed = start;
        struct made parallel = make(h, 1, pool);
        cr_assert_eq(serial.file.n_bytes, parallel.file.n_bytes);
        cr_assert(!memcmp(serial.file.bytes, parallel.file.bytes, serial.file.n_bytes));
        made_fini(&serial);
        made_fini(&parallel);
        check_there_and_back(h, 1);
    }
    pxr_pool_free(pool);
}

/* The body of a spec file is that of a PX2 file with 3 channels of 5 bits, padded and relative. */
Test(still_stream, px2_repeats_the_specified_layout)
{
    const struct pxr_px2_header h = {31, 20, PXR_STREAM_A, PXR_PX2_RGB, 3, {5, 5, 5}, .is_padded = true,
                                     .is_relative = true, .is_animation = true};
    struct made m = make(h, 3, NULL);
    struct pxr_buffer spec = {0};
    struct pxr_stream_format s;
    cr_assert_eq(pxr_pxs_begin(&s, PXR_PXS_SPEC, PXR_STREAM_A, 31, 20, &spec, NULL), PXR_OK);
    for (unsigned f = 0; f < 3; f++) {
        pxr_stream_widen(&s.form, m.pixels + f * m.frame_bytes, 31 * 20);
        cr_assert_eq(pxr_stream_put_frame(&s, m.pixels + f * m.frame_bytes, f, NULL, &spec, NULL), PXR_OK);
    }
    cr_assert_eq(spec.n_bytes - 16, m.file.n_bytes - 32);
    cr_assert(!memcmp(spec.bytes + 16, m.file.bytes + 32, spec.n_bytes - 16));
    pxr_buffer_fini(&spec);
    made_fini(&m);
}

Test(still_stream, finality_makes_flat_pictures_small)
{
    const uint32_t side = 256;
    const struct pxr_px2_header h = {side, side, PXR_STREAM_A, PXR_PX2_GRAY, 1, {8}, .has_finality = true};
    uint8_t *const pixels = malloc(side * side);
    struct pxr_buffer file = {0};
    struct pxr_stream_format s;
    memset(pixels, 77, side * side);
    cr_assert_eq(pxr_px2_begin(&s, &h, NULL, &file, NULL), PXR_OK);
    cr_assert_eq(pxr_stream_put_frame(&s, pixels, 0, NULL, &file, NULL), PXR_OK);
    cr_assert_eq(file.n_bytes, 32 + 2); /* one token of 9 bits */
    pxr_buffer_fini(&file);
    free(pixels);
}

/* ---- what was cut ---------------------------------------------------------------------------- */

/* Squares over squares, in the order of the stream. */
static void paint_by_squares(const struct pxr_px2_header *h, const struct made *m, uint64_t n_px, uint8_t *canvas)
{
    const struct pxr_stream_order o = pxr_stream_order(h->width_px, h->height_px, h->digits);
    struct pxr_stream_walk w;
    pxr_stream_walk_begin(&w, &o, 0);
    memset(canvas, 0, m->frame_bytes);
    for (uint64_t k = 0; k < n_px && pxr_stream_walk_next(&w);) {
        const size_t i = pxr_stream_index(&o, w.at);
        if (m->mask && !pxr_bitmap_get(m->mask, i))
            continue;
        unsigned n_digits = 0;
        while (w.address >> 2 * n_digits)
            n_digits++;
        const uint32_t side = (1u << o.n_digits) >> n_digits;
        for (uint32_t y = w.at.y; y < w.at.y + side && y < h->height_px; y++)
            for (uint32_t x = w.at.x; x < w.at.x + side && x < h->width_px; x++) {
                const size_t to = (size_t)y * h->width_px + x;
                if (!m->mask || pxr_bitmap_get(m->mask, to))
                    canvas[to] = m->pixels[i];
            }
        k++;
    }
}

static void check_every_cut(struct pxr_px2_header h)
{
    struct made m = make(h, 1, NULL);
    uint64_t n_px = 0, n_found, n_missing;
    uint8_t *const found = malloc(m.frame_bytes), *const canvas = malloc(m.frame_bytes);
    struct pxr_diag diag;
    for (size_t i = 0; i < (size_t)h.width_px * h.height_px; i++)
        n_px += !m.mask || pxr_bitmap_get(m.mask, i);
    for (uint64_t n = 1; n <= n_px; n++) {
        const size_t n_bytes = m.file.n_bytes - (n_px - n); /* one byte each */
        cr_assert_eq(read_all(m.file.bytes, n_bytes, true, found, &n_found, &n_missing, &diag), PXR_OK);
        cr_assert(n_found == 1 && n_missing == n_px - n);
        paint_by_squares(&h, &m, n, canvas);
        cr_assert(!memcmp(found, canvas, m.frame_bytes), "%ux%u after %u", h.width_px, h.height_px, (unsigned)n);
        if (n < n_px)
            cr_assert_eq(read_all(m.file.bytes, n_bytes, false, found, &n_found, &n_missing, &diag), PXR_E_TRUNCATED);
    }
    cr_assert_eq(read_all(m.file.bytes, m.file.n_bytes - n_px, true, found, &n_found, &n_missing, &diag),
                 PXR_E_TRUNCATED);
    free(found);
    free(canvas);
    made_fini(&m);
}

Test(still_stream, every_beginning_is_squares_painted_in_order)
{
    for (unsigned i = 0; i < N_SHAPES; i++)
        for (unsigned flags = 0; flags < 2; flags++)
            if (shapes[i][0] * shapes[i][1] < 1100)
                check_every_cut((struct pxr_px2_header){shapes[i][0], shapes[i][1],
                                                        i % 2 ? PXR_STREAM_A : PXR_STREAM_B, PXR_PX2_GRAY, 1, {8},
                                                        .has_mask = flags});
}

/* Whatever the form: a strict reader refuses each cut, a progressive one never fails after the first pixel. */
Test(still_stream, cuts_of_any_form_are_read_or_refused)
{
    for (unsigned flags = 0; flags < 32; flags++) {
        struct pxr_px2_header h = any_header(flags);
        h.width_px = 9;
        h.height_px = 6;
        const uint64_t n_frames = h.is_animation ? 2 : 1;
        h.n_frames = (uint32_t)n_frames;
        struct made m = make(h, n_frames, NULL);
        uint8_t *const found = malloc(3 * m.frame_bytes);
        struct pxr_diag diag;
        uint64_t n_found, n_missing;
        bool was_read = false;
        for (size_t n = 0; n < m.file.n_bytes; n++) {
            const enum pxr_err strict = read_all(m.file.bytes, n, false, found, &n_found, &n_missing, &diag);
            cr_assert(pxr_err_exit(strict) == 1, "%u of %u bytes", (unsigned)n, (unsigned)m.file.n_bytes);
            cr_assert(diag.off_bytes == PXR_NONE || diag.off_bytes <= n);
            const enum pxr_err loose = read_all(m.file.bytes, n, true, found, &n_found, &n_missing, &diag);
            cr_assert(was_read ? loose == PXR_OK : loose == PXR_OK || pxr_err_exit(loose) == 1);
            was_read |= loose == PXR_OK;
            cr_assert(loose != PXR_OK || (n_found >= 1 && n_found <= n_frames));
        }
        cr_assert(was_read);
        free(found);
        made_fini(&m);
    }
}

/* ---- memory ---------------------------------------------------------------------------------- */

static int n_allowed;
static bool allow_some(size_t n_bytes)
{
    (void)n_bytes;
    return n_allowed-- > 0;
}

/* ---- refusals -------------------------------------------------------------------------------- */

static void expect_header_refused(size_t at, uint8_t value, enum pxr_err expected, const char *text)
{
    const struct pxr_px2_header h = {4, 4, PXR_STREAM_A, PXR_PX2_RGB, 3, {8, 8, 8}, .n_frames = 1};
    struct made m = make(h, 1, NULL);
    struct pxr_diag diag;
    uint64_t n_found, n_missing;
    uint8_t found[64];
    m.file.bytes[at] = value;
    cr_assert_eq(read_all(m.file.bytes, m.file.n_bytes, true, found, &n_found, &n_missing, &diag), expected, "%s", text);
    cr_assert(strstr(diag.text, text), "'%s' is not in '%s'", text, diag.text);
    made_fini(&m);
}

Test(still_stream, px2_headers_that_make_no_sense_are_refused)
{
    expect_header_refused(0, 'P', PXR_E_NOTPXR, "signature");
    expect_header_refused(5, '\r', PXR_E_NOTPXR, "as by a transfer as text");
    expect_header_refused(11, 0, PXR_E_CORRUPT, "0x4");
    expect_header_refused(9, 0xFF, PXR_E_CORRUPT, "no side is as long");
    expect_header_refused(16, 2, PXR_E_UNSUPPORTED, "another version");
    expect_header_refused(17, 2, PXR_E_CORRUPT, "no such order");
    expect_header_refused(18, 6, PXR_E_UNSUPPORTED, "colour model");
    expect_header_refused(18, PXR_PX2_GRAY, PXR_E_CORRUPT, "another number of channels");
    expect_header_refused(19, 5, PXR_E_CORRUPT, "1 to 4 channels");
    expect_header_refused(21, 17, PXR_E_CORRUPT, "1 to 16 bits");
    expect_header_refused(21, 0, PXR_E_CORRUPT, "1 to 16 bits");
    expect_header_refused(23, 8, PXR_E_CORRUPT, "does not exist");
    expect_header_refused(24, 32, PXR_E_UNSUPPORTED, "flag");
    expect_header_refused(26, 1, PXR_E_CORRUPT, "reserved");
    expect_header_refused(31, 2, PXR_E_CORRUPT, "one frame");
}

Test(still_stream, masks_that_do_not_fit_are_refused)
{
    struct pxr_px2_header h = {300, 4, PXR_STREAM_A, PXR_PX2_GRAY, 1, {8}, .has_mask = true};
    struct made m = make(h, 1, NULL);
    uint8_t found[1200];
    uint64_t n_found, n_missing;
    struct pxr_diag diag;
    const uint32_t mask_bytes = pxr_load_u32be(m.file.bytes + 32);
    for (uint32_t wrong = 0; wrong < mask_bytes + 40; wrong++) {
        if (wrong == mask_bytes)
            continue;
        pxr_store_u32be(m.file.bytes + 32, wrong);
        cr_assert_eq(pxr_err_exit(read_all(m.file.bytes, m.file.n_bytes, true, found, &n_found, &n_missing, &diag)), 1);
    }
    pxr_store_u32be(m.file.bytes + 32, mask_bytes);
    m.file.bytes[36]++; /* the height of the first tile */
    cr_assert_eq(read_all(m.file.bytes, m.file.n_bytes, true, found, &n_found, &n_missing, &diag), PXR_E_CORRUPT);
    cr_assert(strstr(diag.text, "another size") && diag.off_bytes == 36);
    const uint8_t nothing[150] = {0};
    struct pxr_stream_format s;
    struct pxr_buffer file = {0};
    cr_assert_eq(pxr_px2_begin(&s, &h, nothing, &file, &diag), PXR_E_INVALID);
    pxr_buffer_fini(&file);
    made_fini(&m);
}

Test(still_stream, padding_must_be_zero)
{
    const struct pxr_px2_header h = {3, 1, PXR_STREAM_A, PXR_PX2_GRAY, 1, {5}, .n_frames = 1};
    struct made m = make(h, 1, NULL); /* 15 bits */
    uint8_t found[3];
    uint64_t n_found, n_missing;
    struct pxr_diag diag;
    m.file.bytes[33] |= 1;
    cr_assert_eq(read_all(m.file.bytes, m.file.n_bytes, false, found, &n_found, &n_missing, &diag), PXR_E_CORRUPT);
    cr_assert(diag.off_bytes == 33 && strstr(diag.text, "not zero"));
    cr_assert(!found[0] && !found[1] && !found[2]);
    made_fini(&m);
}

/* FORMATS: 2 x 2 pixels in the three layouts with a header. */
Test(still_stream, example_of_the_layouts)
{
    const uint8_t rgb[] = {0, 0, 0, 8, 16, 24, 16, 16, 16, 255, 255, 255};
    const struct {
        enum pxr_pxs_layout layout;
        size_t header_bytes, n_bytes;
        uint8_t body[12];
    } expected[] = {
        {PXR_PXS_LEGACY24, 8, 12, {0, 0, 0, 255, 255, 255, 16, 16, 16, 8, 16, 24}},
        {PXR_PXS_LEGACY15, 8, 8, {0, 0, 0x7F, 0xFF, 0x08, 0x42, 0x04, 0x43}},
        {PXR_PXS_SPEC, 16, 7, {0, 0, 0x7F, 0xFF, 0xAA, 0x04, 0x43}},
        {PXR_PXS_HEADERLESS15, 0, 8, {0, 0, 0x7F, 0xFF, 0x08, 0x42, 0x04, 0x43}},
    };
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        struct pxr_buffer file = {0};
        struct pxr_stream_format s;
        cr_assert_eq(pxr_pxs_begin(&s, expected[i].layout, PXR_STREAM_A, 2, 2, &file, NULL), PXR_OK);
        cr_assert_eq(pxr_stream_put_frame(&s, rgb, 0, NULL, &file, NULL), PXR_OK);
        cr_assert_eq(file.n_bytes, expected[i].header_bytes + expected[i].n_bytes);
        cr_assert(!memcmp(file.bytes + expected[i].header_bytes, expected[i].body, expected[i].n_bytes));
        pxr_buffer_fini(&file);
    }
}

Test(still_stream, pictures_beyond_the_limit_are_refused_before_memory_is_taken)
{
    const uint8_t head[] = {0, 0, 0x80, 0, 0, 0, 0x40, 0, 1, 2, 3};
    struct pxr_stream_reader r;
    struct pxr_diag diag;
    struct pxr_pxs_opts opts = {.is_progressive = true};
    n_allowed = 0;
    pxr_alloc_hook(allow_some);
    cr_assert_eq(pxr_pxs_open(&r, head, sizeof head, &opts, NULL, &diag), PXR_E_LIMIT);
    cr_assert(diag.expected == PXR_STREAM_MAX_PX && diag.found == (uint64_t)1 << 29);
    opts = (struct pxr_pxs_opts){.max_px = (uint64_t)1 << 30}; /* allowed, but the pixels are not there */
    cr_assert_eq(pxr_pxs_open(&r, head, sizeof head, &opts, NULL, &diag), PXR_E_TRUNCATED);
    pxr_alloc_hook(NULL);
}

Test(still_stream, few_bytes_do_not_claim_much_memory)
{
    uint8_t bytes[5000] = {0, 0, 0x40, 0, 0, 0, 0x40, 0}; /* 2^28 pixels of three bytes */
    struct pxr_stream_reader r;
    struct pxr_diag diag;
    const struct pxr_pxs_opts opts = {.is_progressive = true};
    cr_assert_eq(pxr_pxs_open(&r, bytes, sizeof bytes, &opts, NULL, &diag), PXR_E_LIMIT);
    bytes[2] = 0x10; /* 192 MiB: 3072 bytes are enough */
    cr_assert_eq(pxr_pxs_open(&r, bytes, sizeof bytes, &opts, NULL, &diag), PXR_OK);
    cr_assert_eq(pxr_pxs_open(&r, bytes, 3000, &opts, NULL, &diag), PXR_E_LIMIT);
}

Test(still_stream, layouts_without_header_are_never_guessed)
{
    const uint8_t square[12] = {0, 0, 0, 2, 0, 0, 0, 9, 1, 2, 3, 4};
    struct pxr_stream_reader r;
    struct pxr_diag diag;
    struct pxr_pxs_opts opts = {.is_progressive = true};
    enum pxr_pxs_layout layout;
    cr_assert_eq(pxr_pxs_open(&r, square, 12, &opts, &layout, &diag), PXR_OK); /* a cut picture of 2 x 9 */
    cr_assert_eq(layout, PXR_PXS_LEGACY24);
    pxr_stream_reader_fini(&r);
    opts = (struct pxr_pxs_opts){.layout = PXR_PXS_HEADERLESS24};
    cr_assert_eq(pxr_pxs_open(&r, square, 12, &opts, &layout, &diag), PXR_OK);
    cr_assert(r.format.order.width_px == 2 && r.format.order.height_px == 2);
    pxr_stream_reader_fini(&r);
    cr_assert_eq(pxr_pxs_open(&r, square, 11, &opts, &layout, &diag), PXR_E_NOTPXR);
    pxr_stream_reader_fini(&r);
    opts.side_px = 3;
    cr_assert_eq(pxr_pxs_open(&r, square, 12, &opts, &layout, &diag), PXR_E_INVALID);
    pxr_stream_reader_fini(&r);
    struct pxr_buffer file = {0};
    struct pxr_stream_format s;
    cr_assert_eq(pxr_pxs_begin(&s, PXR_PXS_HEADERLESS24, PXR_STREAM_A, 4, 2, &file, &diag), PXR_E_INVALID);
    pxr_buffer_fini(&file);
}

Test(still_stream, every_request_for_memory_may_fail)
{
    const struct pxr_px2_header h = {9, 7, PXR_STREAM_A, PXR_PX2_GRAY, 1, {8}, .has_finality = true, .has_mask = true};
    uint8_t mask[8] = {0xFF, 0x7F, 0x3F, 1}, pixels[63] = {0}, found[63];
    for (int n = 0;; n++) {
        struct pxr_buffer file = {0};
        struct pxr_stream_format s = {0};
        struct pxr_stream_reader r = {0};
        const struct pxr_px2_opts opts = {0};
        bool has_frame;
        uint64_t n_missing;
        n_allowed = n;
        pxr_alloc_hook(allow_some);
        enum pxr_err e = pxr_px2_begin(&s, &h, mask, &file, NULL);
        if (e == PXR_OK)
            e = pxr_stream_put_frame(&s, pixels, 0, NULL, &file, NULL);
        if (e == PXR_OK)
            e = pxr_px2_open(&r, file.bytes, file.n_bytes, &opts, NULL, NULL);
        if (e == PXR_OK)
            e = pxr_stream_reader_next(&r, found, &has_frame, &n_missing, NULL);
        pxr_alloc_hook(NULL);
        pxr_stream_reader_fini(&r);
        pxr_stream_format_fini(&s);
        pxr_buffer_fini(&file);
        if (e == PXR_OK) {
            cr_assert_gt(n, 8);
            break;
        }
        cr_assert_eq(e, PXR_E_NOMEM);
    }
}
