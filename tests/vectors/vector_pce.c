/* SPDX-License-Identifier: MIT
 * The vector driver's PCE.  Pixels are one letter each, WLDBA; TABLE is a .pcet file, or "-" for solo streams:
 *   decode TABLE IN OUT               prints width, height and whether the stream has an alpha bit
 *   encode TABLE WIDTH HEIGHT IN OUT
 *   table OUT {WIDTH HEIGHT IN}...    the table of a batch
 *   numbers VALUE...                  prints the code of each number, one a line */
#include "vector_driver.h"

#include "diag.h"
#include "msb_bits.h"
#include "pce.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char letters[] = "WLDBA";

static pxr_pce_table *read_table(const char *path, enum pxr_err *e, struct pxr_diag *diag)
{
    pxr_pce_table *t = NULL;
    *e = PXR_OK;
    if (strcmp(path, "-")) {
        struct pxr_buffer src = driver_read_file(path);
        *e = pxr_pce_table_parse(&t, src.bytes, src.n_bytes, diag);
        pxr_buffer_fini(&src);
    }
    return t;
}

/* The symbols are in file, which the caller frees. */
static struct pxr_pce_sprite read_sprite(char **argv, struct pxr_buffer *file)
{
    const uint32_t width_px = (uint32_t)atoi(argv[0]), height_px = (uint32_t)atoi(argv[1]);
    *file = driver_read_file(argv[2]);
    if (file->n_bytes != (size_t)width_px * height_px)
        driver_die("has another number of pixels", argv[2]);
    for (size_t i = 0; i < file->n_bytes; i++)
        file->bytes[i] = (uint8_t)(strchr(letters, file->bytes[i]) - letters);
    return (struct pxr_pce_sprite){file->bytes, width_px, width_px, height_px};
}

static int decode(char **argv)
{
    struct pxr_buffer src = driver_read_file(argv[2]);
    struct pxr_pce_header h = {0};
    struct pxr_diag diag;
    enum pxr_err e;
    uint8_t *symbols = NULL;
    pxr_pce_table *const t = read_table(argv[1], &e, &diag);
    if (e == PXR_OK)
        e = pxr_pce_header_parse(&h, src.bytes, src.n_bytes, &diag);
    const size_t n_px = (size_t)h.width_px * h.height_px;
    if (e == PXR_OK && !(symbols = pxr_alloc(n_px)))
        e = pxr_fail_nomem(&diag, n_px);
    if (e == PXR_OK)
        e = pxr_pce_decode(src.bytes, src.n_bytes, t, symbols, h.width_px, NULL, &diag);
    if (e == PXR_OK) {
        for (size_t i = 0; i < n_px; i++)
            symbols[i] = (uint8_t)letters[symbols[i]];
        driver_write_file(argv[3], symbols, n_px);
        printf("%u %u %s\n", h.width_px, h.height_px, h.has_alpha ? "alpha" : "opaque");
    }
    pxr_free(symbols);
    pxr_pce_table_free(t);
    pxr_buffer_fini(&src);
    return e == PXR_OK ? 0 : driver_fail(&diag);
}

static int encode(char **argv)
{
    struct pxr_buffer file, dst = {0};
    struct pxr_diag diag;
    enum pxr_err e;
    pxr_pce_table *const t = read_table(argv[1], &e, &diag);
    const struct pxr_pce_sprite sprite = read_sprite(argv + 2, &file);
    if (e == PXR_OK)
        e = pxr_pce_encode(&dst, &sprite, t, &diag);
    if (e == PXR_OK)
        driver_write_file(argv[5], dst.bytes, dst.n_bytes);
    pxr_pce_table_free(t);
    pxr_buffer_fini(&file);
    pxr_buffer_fini(&dst);
    return e == PXR_OK ? 0 : driver_fail(&diag);
}

static int make_table(int argc, char **argv)
{
    struct pxr_buffer file, dst = {0};
    struct pxr_diag diag;
    pxr_pce_counts *counts = NULL;
    pxr_pce_table *t = NULL;
    enum pxr_err e = pxr_pce_counts_new(&counts, &diag);
    for (int i = 2; e == PXR_OK && i + 3 <= argc; i += 3) {
        const struct pxr_pce_sprite sprite = read_sprite(argv + i, &file);
        e = pxr_pce_counts_add(counts, &sprite, &diag);
        pxr_buffer_fini(&file);
    }
    if (e == PXR_OK)
        e = pxr_pce_table_new(&t, counts, &diag);
    if (e == PXR_OK && !pxr_pce_table_write(t, &dst))
        e = pxr_fail_nomem(&diag, 0);
    if (e == PXR_OK)
        driver_write_file(argv[1], dst.bytes, dst.n_bytes);
    pxr_pce_counts_free(counts);
    pxr_pce_table_free(t);
    pxr_buffer_fini(&dst);
    return e == PXR_OK ? 0 : driver_fail(&diag);
}

/* The code of the first entry of a stream: behind both sides, the alpha bit and two colours. */
static void print_number(const struct pxr_buffer *stream)
{
    struct pxr_msb_reader r = {.src = stream->bytes, .n_bytes = stream->n_bytes};
    unsigned n_ones = 0;
    pxr_msb_get(&r, 16 + 1 + 2 + 2);
    for (; pxr_msb_get(&r, 1); n_ones++)
        putchar('1');
    putchar('0');
    for (unsigned i = 0; i <= n_ones; i++)
        putchar(pxr_msb_get(&r, 1) ? '1' : '0');
    putchar('\n');
}

/* The number v as the place of the second colour, or of none; 0 as the rank of the only number of a table. */
static void show_number(uint32_t v)
{
    uint8_t *const symbols = pxr_alloc_zero(PXR_PCE_MAX_PX, 1);
    const uint32_t side = PXR_PCE_MAX_SIDE_PX;
    const struct pxr_pce_sprite sprite = {symbols, side, side, side};
    struct pxr_buffer stream = {0};
    pxr_pce_counts *counts = NULL;
    pxr_pce_table *t = NULL;
    if (!symbols || pxr_pce_counts_new(&counts, NULL) || pxr_pce_counts_add(counts, &sprite, NULL) ||
        pxr_pce_table_new(&t, counts, NULL))
        driver_die("no memory", "pce");
    if (v && v < PXR_PCE_MAX_PX)
        symbols[v] = PXR_PCE_LIGHT;
    if (pxr_pce_encode(&stream, &sprite, v ? NULL : t, NULL))
        driver_die("does not encode", "pce");
    print_number(&stream);
    pxr_pce_counts_free(counts);
    pxr_pce_table_free(t);
    pxr_buffer_fini(&stream);
    pxr_free(symbols);
}

int driver_pce(int argc, char **argv)
{
    if (argc == 4 && !strcmp(argv[0], "decode"))
        return decode(argv);
    if (argc == 6 && !strcmp(argv[0], "encode"))
        return encode(argv);
    if (argc >= 2 && argc % 3 == 2 && !strcmp(argv[0], "table"))
        return make_table(argc, argv);
    if (!strcmp(argv[0], "numbers")) {
        for (int i = 1; i < argc; i++)
            show_number((uint32_t)atoi(argv[i]));
        return 0;
    }
    driver_die("what is it to do?", "pce");
}
