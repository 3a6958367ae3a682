/* SPDX-License-Identifier: MIT
 * Pixel Countdown Encoding: the format's own example, batches, what is refused, gray frames as sprites. */
#include "diag.h"
#include "pce_gray.h"

#include <criterion/criterion.h>
#include <stdio.h>

/* W L W / D W B, the example of the format's description. */
static const uint8_t example[] = {0, 1, 0, 2, 0, 3};
static const uint8_t example_solo[] = {0x02, 0x03, 0x0B, 0x4F, 0x6D, 0x30, 0x80};
static const uint8_t example_table[] = {5, 1, 2, 3, 4, 5};
static const uint8_t example_batch[] = {0x02, 0x03, 0x09, 0x47, 0x44, 0x88};

static struct pxr_pce_sprite sprite_of(const uint8_t *symbols, uint32_t width_px, uint32_t height_px)
{
    return (struct pxr_pce_sprite){symbols, width_px, width_px, height_px};
}

static pxr_pce_table *table_of(const struct pxr_pce_sprite *sprites, size_t n)
{
    pxr_pce_counts *c;
    pxr_pce_table *t;
    cr_assert_eq(pxr_pce_counts_new(&c, NULL), PXR_OK);
    for (size_t i = 0; i < n; i++)
        cr_assert_eq(pxr_pce_counts_add(c, &sprites[i], NULL), PXR_OK);
    cr_assert_eq(pxr_pce_table_new(&t, c, NULL), PXR_OK);
    pxr_pce_counts_free(c);
    return t;
}

static void expect_bytes(const struct pxr_buffer *b, const uint8_t *expected, size_t n)
{
    cr_assert_eq(b->n_bytes, n, "%zu bytes, not %zu", b->n_bytes, n);
    cr_assert_arr_eq(b->bytes, expected, n);
}

static void expect_round_trip(const struct pxr_pce_sprite *s, const pxr_pce_table *table)
{
    struct pxr_buffer out = {0};
    struct pxr_pce_header h;
    struct pxr_diag diag;
    uint8_t *const back = malloc(PXR_PCE_MAX_PX);
    cr_assert_eq(pxr_pce_encode(&out, s, table, NULL), PXR_OK);
    cr_assert_eq(pxr_pce_header_parse(&h, out.bytes, out.n_bytes, NULL), PXR_OK);
    cr_assert(h.width_px == s->width_px && h.height_px == s->height_px);
    memset(back, 0xA5, PXR_PCE_MAX_PX);
    cr_assert_eq(pxr_pce_decode(out.bytes, out.n_bytes, table, back, h.width_px, NULL, &diag), PXR_OK, "%s", diag.text);
    for (uint32_t y = 0; y < h.height_px; y++)
        cr_assert_arr_eq(back + y * h.width_px, s->symbols + y * s->stride_bytes, h.width_px);
    free(back);
    pxr_buffer_fini(&out);
}

Test(still_pce, example_of_the_description_solo_and_in_a_batch)
{
    const struct pxr_pce_sprite s = sprite_of(example, 3, 2);
    struct pxr_buffer out = {0};
    cr_assert_eq(pxr_pce_encode(&out, &s, NULL, NULL), PXR_OK);
    expect_bytes(&out, example_solo, sizeof example_solo);
    pxr_pce_table *const t = table_of(&s, 1);
    out.n_bytes = 0;
    cr_assert(pxr_pce_table_write(t, &out));
    expect_bytes(&out, example_table, sizeof example_table);
    out.n_bytes = 0;
    cr_assert_eq(pxr_pce_encode(&out, &s, t, NULL), PXR_OK);
    expect_bytes(&out, example_batch, sizeof example_batch);
    expect_round_trip(&s, NULL);
    expect_round_trip(&s, t);
    pxr_pce_table_free(t);
    pxr_buffer_fini(&out);
}

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525 + 1013904223;
    return *state >> 8;
}

static void fill(uint8_t *symbols, size_t n, unsigned n_colours, unsigned longest, uint32_t seed)
{
    for (size_t i = 0; i < n;) {
        const uint8_t c = (uint8_t)(next_random(&seed) % n_colours);
        for (unsigned run = 1 + next_random(&seed) % longest; run && i < n; run--)
            symbols[i++] = c;
    }
}

Test(still_pce, every_shape_and_number_of_colours_comes_back)
{
    static const uint32_t sides[][2] = {{1, 1}, {255, 1}, {1, 255}, {255, 255}, {17, 9}};
    enum { N = 5 * 5 * 3 };
    uint8_t *const symbols = malloc((size_t)N * PXR_PCE_MAX_PX);
    struct pxr_pce_sprite sprites[N];
    size_t n = 0;
    for (unsigned shape = 0; shape < 5; shape++)
        for (unsigned n_colours = 1; n_colours <= 5; n_colours++)
            for (unsigned longest = 1; longest <= 10000; longest *= 100) {
                uint8_t *const s = symbols + n * PXR_PCE_MAX_PX;
                fill(s, PXR_PCE_MAX_PX, n_colours, longest, (uint32_t)n);
                sprites[n] = sprite_of(s, sides[shape][0], sides[shape][1]);
                sprites[n].stride_bytes = 255;
                n++;
            }
    cr_assert_eq(n, N);
    pxr_pce_table *const t = table_of(sprites, N), *read = NULL;
    struct pxr_buffer file = {0}, again = {0};
    cr_assert(pxr_pce_table_write(t, &file));
    cr_assert_eq(pxr_pce_table_parse(&read, file.bytes, file.n_bytes, NULL), PXR_OK);
    cr_assert(pxr_pce_table_write(read, &again));
    expect_bytes(&again, file.bytes, file.n_bytes);
    for (size_t i = 0; i < N; i++) {
        expect_round_trip(&sprites[i], NULL);
        expect_round_trip(&sprites[i], read);
    }
    pxr_pce_table_free(t);
    pxr_pce_table_free(read);
    pxr_buffer_fini(&file);
    pxr_buffer_fini(&again);
    free(symbols);
}

Test(still_pce, empty_batch_has_a_table_of_one_byte)
{
    struct pxr_buffer file = {0};
    pxr_pce_table *const t = table_of(NULL, 0), *read;
    cr_assert(pxr_pce_table_write(t, &file));
    expect_bytes(&file, (const uint8_t[]){0}, 1);
    cr_assert_eq(pxr_pce_table_parse(&read, file.bytes, file.n_bytes, NULL), PXR_OK);
    pxr_pce_table_free(t);
    pxr_pce_table_free(read);
    pxr_buffer_fini(&file);
}

Test(still_pce, encoder_refuses_what_is_no_sprite_and_leaves_the_output)
{
    const uint8_t wrong = 5;
    struct pxr_buffer out = {0};
    struct pxr_diag diag;
    cr_assert(pxr_buffer_add(&out, "x", 1));
    const struct pxr_pce_sprite sprites[] = {sprite_of(example, 0, 2), sprite_of(example, 256, 1),
                                             sprite_of(example, 1, 256), sprite_of(&wrong, 1, 1)};
    for (unsigned i = 0; i < 4; i++)
        cr_assert_eq(pxr_pce_encode(&out, &sprites[i], NULL, &diag), PXR_E_INVALID, "%u", i);
    const uint8_t flat[] = {0, 0, 0, 0};
    const struct pxr_pce_sprite one = sprite_of(flat, 2, 2), other = sprite_of(example, 3, 2);
    pxr_pce_table *const t = table_of(&one, 1);
    cr_assert_eq(pxr_pce_encode(&out, &other, t, &diag), PXR_E_INVALID);
    cr_assert_eq(out.n_bytes, 1);
    pxr_pce_table_free(t);
    pxr_buffer_fini(&out);
}

/* Decode bits written as text, spaces ignored. */
static enum pxr_err decode_bits(const char *text, const pxr_pce_table *table, struct pxr_diag *diag)
{
    uint8_t src[64] = {0}, symbols[64];
    size_t n = 0;
    for (; *text; text++)
        if (*text != ' ') {
            src[n / 8] |= (uint8_t)((*text == '1') << (7 - n % 8));
            n++;
        }
    memset(symbols, 0xA5, sizeof symbols);
    const enum pxr_err e = pxr_pce_decode(src, (n + 7) / 8, table, symbols, 8, NULL, diag);
    for (unsigned i = 0; e && src[0] && i < src[1]; i++)
        cr_assert_eq(symbols[i], 0, "decoded symbols are left in place after a failure");
    return e;
}

static void expect_refused(const char *bits, enum pxr_err err, const char *words)
{
    struct pxr_diag diag;
    cr_assert_eq(decode_bits(bits, NULL, &diag), err, "%s", bits);
    cr_assert(diag.code == err && strstr(diag.text, words), "%s: %s", bits, diag.text);
}

/* One row of two pixels: W, then L at 1, the others never. */
#define ONE_BY_TWO "00000001 00000010 0 00  01 01  10 1000  11 1000"

Test(still_pce, decoder_refuses_what_an_encoder_never_writes)
{
    struct pxr_diag diag;
    cr_assert_eq(decode_bits(ONE_BY_TWO " 01", NULL, &diag), PXR_OK);
    for (size_t n = 0; n < sizeof example_solo; n++) {
        uint8_t symbols[6];
        cr_assert_eq(pxr_pce_decode(example_solo, n, NULL, symbols, 3, NULL, &diag), PXR_E_TRUNCATED);
        cr_assert(strstr(diag.text, "too early"));
    }
    expect_refused("00000000 00000010 0000 0000", PXR_E_CORRUPT, "without pixels");
    expect_refused(ONE_BY_TWO " 00 ", PXR_E_CORRUPT, "its own colour");
    expect_refused(ONE_BY_TWO " 1000", PXR_E_CORRUPT, "behind the last pixel");
    expect_refused(ONE_BY_TWO " 01 001", PXR_E_CORRUPT, "last byte");
    expect_refused(ONE_BY_TWO " 01 0000000 00000000", PXR_E_CORRUPT, "behind the end");
    expect_refused("00000001 00000010 0 00  00 01  10 1000  11 1000 01", PXR_E_CORRUPT, "listed twice");
    expect_refused("00000001 00000010 0 00  01 1000  10 01  11 1000 01", PXR_E_CORRUPT, "order");
    expect_refused("00000001 00000010 0 00  01 01  10 01  11 1000 01", PXR_E_CORRUPT, "same pixel");
    expect_refused("00000001 00000010 1 101 001 01", PXR_E_CORRUPT, "beyond the last colour");
    expect_refused("00000001 00000010 0 00  01 1111111111111110", PXR_E_CORRUPT, "15 ones");
}

Test(still_pce, decoder_of_streams_in_a_row_says_where_each_ends)
{
    uint8_t src[2 * sizeof example_solo + 1], symbols[6];
    size_t used = 0;
    memcpy(src, example_solo, sizeof example_solo);
    memcpy(src + sizeof example_solo, example_solo, sizeof example_solo);
    src[sizeof src - 1] = 0xFF;
    for (size_t at = 0; at < 2 * sizeof example_solo; at += used) {
        cr_assert_eq(pxr_pce_decode(src + at, sizeof src - at, NULL, symbols, 3, &used, NULL), PXR_OK);
        cr_assert_arr_eq(symbols, example, sizeof example);
        cr_assert_eq(used, sizeof example_solo);
    }
}

static void expect_table_refused(const uint8_t *src, size_t n, enum pxr_err err)
{
    pxr_pce_table *t;
    struct pxr_diag diag;
    cr_assert_eq(pxr_pce_table_parse(&t, src, n, &diag), err, "%02x", n ? src[0] : 0);
    cr_assert(!t && diag.code == err && diag.text[0]);
}

Test(still_pce, tables_that_are_damaged_are_refused)
{
    expect_table_refused((const uint8_t[]){0}, 0, PXR_E_TRUNCATED);
    expect_table_refused((const uint8_t[]){3, 1, 2}, 3, PXR_E_TRUNCATED);
    expect_table_refused((const uint8_t[]){1, 1, 2}, 3, PXR_E_CORRUPT);
    expect_table_refused((const uint8_t[]){2, 1, 0}, 3, PXR_E_CORRUPT);
    expect_table_refused((const uint8_t[]){2, 1, 1}, 3, PXR_E_CORRUPT);
    expect_table_refused((const uint8_t[]){1, 1, 0, 200}, 4, PXR_E_CORRUPT);
    expect_table_refused((const uint8_t[]){0, 1, 0, 1, 0}, 5, PXR_E_CORRUPT);
}

Test(still_pce, rank_beyond_the_table_is_refused)
{
    pxr_pce_table *t;
    struct pxr_diag diag;
    cr_assert_eq(pxr_pce_table_parse(&t, (const uint8_t[]){1, 2}, 2, NULL), PXR_OK);
    cr_assert_eq(decode_bits("00000001 00000010 0 00  01 00  10 00  11 00", t, &diag), PXR_OK);
    cr_assert_eq(decode_bits("00000001 00000010 0 00  01 01  10 00  11 00", t, &diag), PXR_E_CORRUPT);
    cr_assert(strstr(diag.text, "beyond the end of the table"));
    pxr_pce_table_free(t);
}

/* ---- gray ------------------------------------------------------------------------------------- */

Test(still_pce, import_classes_change_at_48_128_and_208_and_display_levels_keep_theirs)
{
    static const struct {
        uint8_t level;
        enum pxr_pce_symbol symbol;
    } cases[] = {{0, PXR_PCE_BLACK},   {47, PXR_PCE_BLACK},  {48, PXR_PCE_DARK},   {127, PXR_PCE_DARK},
                 {128, PXR_PCE_LIGHT}, {207, PXR_PCE_LIGHT}, {208, PXR_PCE_WHITE}, {255, PXR_PCE_WHITE}};
    for (unsigned i = 0; i < 8; i++)
        cr_assert_eq(pxr_pce_symbol_of_level(cases[i].level), cases[i].symbol);
    struct pxr_pce_palette p;
    pxr_pce_palette_standard(&p, 8);
    for (unsigned i = 0; i < 4; i++)
        cr_assert_eq(pxr_pce_symbol_of_level((uint8_t)p.level[i]), p.symbol[i]);
}

Test(still_pce, import_of_rgba_takes_gray_that_is_opaque_or_absent)
{
    const uint8_t good[] = {9, 200, 3, 0, 255, 255, 255, 255, 47, 47, 47, 255};
    const uint8_t half[] = {0, 0, 0, 128}, coloured[] = {1, 1, 2, 255};
    uint8_t symbols[3];
    struct pxr_diag diag;
    cr_assert_eq(pxr_pce_import_rgba(symbols, good, 3, 1, 12, NULL), PXR_OK);
    cr_assert_arr_eq(symbols, ((const uint8_t[]){PXR_PCE_TRANSPARENT, PXR_PCE_WHITE, PXR_PCE_BLACK}), 3);
    cr_assert_eq(pxr_pce_import_rgba(symbols, half, 1, 1, 4, &diag), PXR_E_UNSUPPORTED);
    cr_assert(strstr(diag.text, "alpha is 128"));
    cr_assert_eq(pxr_pce_import_rgba(symbols, coloured, 1, 1, 4, &diag), PXR_E_UNSUPPORTED);
    cr_assert(strstr(diag.text, "coloured"));
}

static void expect_palette_symbols(const uint16_t *levels, unsigned n, const uint8_t *symbols)
{
    struct pxr_pce_palette p = {0};
    uint8_t found[8];
    uint16_t back[8];
    cr_assert(pxr_pce_palette_gather(&p, levels, 0, n, 1, 16));
    pxr_pce_palette_settle(&p, 16);
    cr_assert_eq(pxr_pce_symbols_of_gray(&p, found, levels, 0, n, 1, 16, NULL), PXR_OK);
    cr_assert_arr_eq(found, symbols, n);
    cr_assert_eq(pxr_pce_gray_of_symbols(&p, back, 0, found, n, 1, 16, NULL), PXR_OK);
    cr_assert_arr_eq(back, levels, n * sizeof *levels);
}

Test(still_pce, palettes_carry_any_four_levels)
{
    enum { W = PXR_PCE_WHITE, L = PXR_PCE_LIGHT, D = PXR_PCE_DARK, B = PXR_PCE_BLACK };
    expect_palette_symbols((const uint16_t[]){7}, 1, (const uint8_t[]){W});
    expect_palette_symbols((const uint16_t[]){0}, 1, (const uint8_t[]){B});
    expect_palette_symbols((const uint16_t[]){0, 43690}, 2, (const uint8_t[]){B, L});
    expect_palette_symbols((const uint16_t[]){0, 1}, 2, (const uint8_t[]){B, W});
    expect_palette_symbols((const uint16_t[]){5, 900, 20, 900}, 4, (const uint8_t[]){B, W, L, W});
    expect_palette_symbols((const uint16_t[]){1, 2, 4, 3}, 4, (const uint8_t[]){B, D, W, L});
    const uint8_t five[] = {1, 2, 3, 4, 5};
    struct pxr_pce_palette p = {0};
    uint8_t symbols[5];
    struct pxr_diag diag;
    cr_assert_not(pxr_pce_palette_gather(&p, five, 5, 5, 1, 8));
    pxr_pce_palette_settle(&p, 8);
    cr_assert_eq(pxr_pce_symbols_of_gray(&p, symbols, five, 5, 5, 1, 8, &diag), PXR_E_UNSUPPORTED);
    cr_assert(strstr(diag.text, "the level 5"));
    cr_assert_eq(pxr_pce_gray_of_symbols(&p, symbols, 1, (const uint8_t[]){PXR_PCE_TRANSPARENT}, 1, 1, 8, &diag),
                 PXR_E_UNSUPPORTED);
}

Test(still_pce, tiles_cover_a_large_frame_once)
{
    static const uint32_t sides[][2] = {{1, 1}, {255, 255}, {256, 255}, {600, 511}, {3, 1021}};
    for (unsigned i = 0; i < 5; i++) {
        const uint32_t w = sides[i][0], h = sides[i][1];
        uint8_t *const seen = calloc(w, h);
        const uint64_t n = pxr_pce_n_tiles(w, h);
        struct pxr_pce_tile before = {0};
        for (uint64_t t = 0; t < n; t++) {
            const struct pxr_pce_tile at = pxr_pce_tile_at(w, h, t);
            cr_assert(at.width_px && at.width_px <= 255 && at.height_px && at.height_px <= 255);
            cr_assert(!t || at.y > before.y || (at.y == before.y && at.x > before.x));
            for (uint32_t y = 0; y < at.height_px; y++)
                for (uint32_t x = 0; x < at.width_px; x++)
                    seen[(size_t)(at.y + y) * w + at.x + x]++;
            before = at;
        }
        for (size_t px = 0; px < (size_t)w * h; px++)
            cr_assert_eq(seen[px], 1);
        free(seen);
    }
}
