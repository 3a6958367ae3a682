/* SPDX-License-Identifier: MIT
 * PCE as two formats of pixelrain convert: sprites alone, and batches of them with one table. */
#include "still_format.h"

#include "still_pixels.h"
#include "still_tiles.h"

#include "diag.h"
#include "io.h"
#include "pce_gray.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

/* ---- symbols and samples ----------------------------------------------------------------------- */

/* Symbols of a picture, row by row, in new memory.  The display levels are kept; of others, which lossy allows, the
 * class that the original's importer gives. */
static enum pxr_err find_symbols(const struct pxr_image *image, bool is_lossy, uint8_t **symbols, struct pxr_diag *diag)
{
    struct pxr_image fitted = *image;
    const size_t n_px = (size_t)image->width_px * image->height_px;
    *symbols = NULL;
    if (image->n_channels >= 3)
        return pxr_fail(diag, PXR_E_UNSUPPORTED, "PCE holds no colour: --luma turns it into gray");
    if (image->bits != 8 && !is_lossy)
        return pxr_fail(diag, PXR_E_UNSUPPORTED, "PCE has four levels and samples of 8 bits: --lossy allows it");
    uint8_t *const rgba = pxr_still_with_channels(image, 4);
    uint8_t *const to = pxr_alloc(n_px);
    enum pxr_err e = rgba && to ? PXR_OK : pxr_fail_nomem(diag, n_px * 5);
    fitted.n_channels = 4;
    if (e == PXR_OK && fitted.maxval != 255)
        pxr_still_shift(&fitted, rgba, fitted.bits == 8 ? 0 : pxr_still_depth(fitted.maxval) - 8);
    if (e == PXR_OK)
        e = pxr_pce_import_rgba(to, rgba, image->width_px, image->height_px, (size_t)image->width_px * 4, diag);
    for (size_t i = 0; e == PXR_OK && !is_lossy && i < n_px; i++)
        if (to[i] != PXR_PCE_TRANSPARENT && rgba[4 * i] != 255 - 85 * to[i])
            e = pxr_fail(diag, PXR_E_UNSUPPORTED,
                         "pixel (%u, %u) is %u: PCE has the levels 0, 85, 170 and 255; --lossy takes the nearest class",
                         (unsigned)(i % image->width_px), (unsigned)(i / image->width_px), rgba[4 * i]);
    pxr_free(rgba);
    if (e == PXR_OK)
        *symbols = to;
    else
        pxr_free(to);
    return e;
}

/* ---- levels beside the files ------------------------------------------------------------------- */

/* What symbols stand for: PCE's own levels, or those of a palette.txt (docs/pce.md). */
struct levels {
    uint8_t bits;
    bool is_known[PXR_PCE_N_LEVELS];
    uint16_t of_symbol[PXR_PCE_N_LEVELS];
};

/* A decimal number and what ends it. */
static bool take_number(const char **at, char end, unsigned long max, unsigned long *v)
{
    char *behind;
    if (**at < '0' || **at > '9')
        return false;
    errno = 0;
    *v = strtoul(*at, &behind, 10);
    if (errno || *v > max || *behind != end)
        return false;
    *at = behind + 1;
    return true;
}

static bool parse_levels(struct levels *l, const char *text)
{
    unsigned long v, symbol;
    *l = (struct levels){0};
    if (strncmp(text, "bits ", 5))
        return false;
    text += 5;
    if (!take_number(&text, '\n', 16, &v) || (v != 8 && v != 16))
        return false;
    l->bits = (uint8_t)v;
    while (*text) {
        if (!take_number(&text, ' ', PXR_PCE_N_LEVELS - 1, &symbol) ||
            !take_number(&text, '\n', (1ul << l->bits) - 1, &v) || l->is_known[symbol])
            return false;
        l->is_known[symbol] = true;
        l->of_symbol[symbol] = (uint16_t)v;
    }
    return true;
}

static enum pxr_err find_levels(const char *path, struct levels *l, struct pxr_diag *diag)
{
    enum { MAX_TEXT_BYTES = 1 << 10 };
    char beside[PATH_MAX];
    uint8_t *text;
    size_t n;
    const char *const slash = strrchr(path, '/');
    *l = (struct levels){8, {true, true, true, true}, {255, 170, 85, 0}};
    const int n_path = snprintf(beside, sizeof beside, "%.*spalette.txt", slash ? (int)(slash - path) + 1 : 0, path);
    const int fd = n_path < PATH_MAX && strcmp(path, "-") ? open(beside, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0)
        return PXR_OK;
    enum pxr_err e = pxr_read_all(fd, MAX_TEXT_BYTES, &text, &n, diag);
    close(fd);
    char *const line = e == PXR_OK ? pxr_alloc(n + 1) : NULL;
    if (e == PXR_OK && !line)
        e = pxr_fail_nomem(diag, n + 1);
    if (e == PXR_OK) {
        memcpy(line, text, n);
        line[n] = 0;
        if (strlen(line) != n || !parse_levels(l, line))
            e = pxr_fail(diag, PXR_E_CORRUPT, "is no palette of PCE: 'bits 8' or 'bits 16', then lines of SYMBOL LEVEL");
    }
    pxr_free(line);
    pxr_free(text);
    return pxr_diag_in_file(diag, e, beside);
}

/* ---- what symbols show ------------------------------------------------------------------------- */

static void put_sample(void *pixels, size_t i, uint8_t bits, uint16_t v)
{
    if (bits == 8)
        ((uint8_t *)pixels)[i] = (uint8_t)v;
    else
        memcpy((uint8_t *)pixels + 2 * i, &v, 2);
}

/* Gray and alpha. */
static enum pxr_err show_symbols(const char *path, const uint8_t *symbols, uint32_t width_px, uint32_t height_px,
                                 pxr_image_fn *each, void *arg, struct pxr_diag *diag)
{
    struct levels l;
    enum pxr_err e = find_levels(path, &l, diag);
    if (e != PXR_OK)
        return e;
    const size_t n_px = (size_t)width_px * height_px, px_bytes = l.bits / 4u;
    const uint16_t maxval = l.bits == 8 ? 255 : 65535;
    uint8_t *const pixels = pxr_alloc(n_px * px_bytes);
    const struct pxr_image image = {.width_px = width_px,
                                    .height_px = height_px,
                                    .bits = l.bits,
                                    .maxval = maxval,
                                    .n_channels = 2,
                                    .pixels = pixels,
                                    .stride_bytes = (size_t)width_px * px_bytes};
    if (!pixels)
        return pxr_fail_nomem(diag, n_px * px_bytes);
    for (size_t i = 0; i < n_px && e == PXR_OK; i++) {
        const bool is_transparent = symbols[i] == PXR_PCE_TRANSPARENT;
        if (!is_transparent && !l.is_known[symbols[i]])
            e = pxr_fail(diag, PXR_E_CORRUPT, "the symbol %u has no level in the palette.txt beside it", symbols[i]);
        put_sample(pixels, 2 * i, l.bits, is_transparent || e != PXR_OK ? 0 : l.of_symbol[symbols[i]]);
        put_sample(pixels, 2 * i + 1, l.bits, is_transparent ? 0 : maxval);
    }
    if (e == PXR_OK)
        e = each(arg, &image, diag);
    pxr_free(pixels);
    return e;
}

static enum pxr_err read_stream(struct pxr_still_input *in, const pxr_pce_table *table, pxr_image_fn *each, void *arg,
                                struct pxr_diag *diag)
{
    struct pxr_pce_header h;
    enum pxr_err e = pxr_pce_header_parse(&h, in->bytes, in->n_bytes, diag);
    if (e != PXR_OK)
        return e;
    uint8_t *const symbols = pxr_alloc((size_t)h.width_px * h.height_px);
    e = symbols ? pxr_pce_decode(in->bytes, in->n_bytes, table, symbols, h.width_px, NULL, diag)
                : pxr_fail_nomem(diag, (uint64_t)h.width_px * h.height_px);
    if (e == PXR_OK)
        e = show_symbols(in->path, symbols, h.width_px, h.height_px, each, arg, diag);
    pxr_free(symbols);
    return e;
}

/* ---- alone ----------------------------------------------------------------------------------- */

static enum pxr_err read_pce(struct pxr_still_input *in, pxr_image_fn *each, void *arg, struct pxr_diag *diag)
{
    return read_stream(in, NULL, each, arg, diag);
}

static enum pxr_err write_pce(struct pxr_still_output *out, const struct pxr_image *image, struct pxr_diag *diag)
{
    uint8_t *symbols;
    if (image->width_px > PXR_PCE_MAX_SIDE_PX || image->height_px > PXR_PCE_MAX_SIDE_PX)
        return pxr_fail(diag, PXR_E_UNSUPPORTED,
                        "a sprite has at most 255x255 pixels: '--to pceb -o DIR' cuts larger pictures into tiles");
    enum pxr_err e = find_symbols(image, out->opts->is_lossy, &symbols, diag);
    if (e != PXR_OK)
        return e;
    e = pxr_pce_encode(&out->bytes,
                       &(struct pxr_pce_sprite){symbols, image->width_px, image->width_px, image->height_px}, NULL, diag);
    pxr_free(symbols);
    return e;
}

/* ---- batches: reading ------------------------------------------------------------------------ */

/* The table of a batch lies beside its streams: the only one there. */
static enum pxr_err find_table(const char *path, char dst[PATH_MAX], struct pxr_diag *diag)
{
    const char *const slash = strrchr(path, '/');
    const int n = snprintf(dst, PATH_MAX, "%.*s", slash ? (int)(slash - path) + 1 : 0, path);
    char name[NAME_MAX + 1] = "";
    unsigned n_found = 0;
    DIR *const d = n < PATH_MAX ? opendir(n ? dst : ".") : NULL;
    for (const struct dirent *entry; d && (entry = readdir(d));) {
        const char *const dot = strrchr(entry->d_name, '.');
        if (!dot || strcasecmp(dot, ".pcet"))
            continue;
        n_found++;
        snprintf(name, sizeof name, "%s", entry->d_name);
    }
    if (d)
        closedir(d);
    if (n_found == 1 && snprintf(dst + n, (size_t)(PATH_MAX - n), "%s", name) < PATH_MAX - n)
        return PXR_OK;
    return pxr_fail(diag, PXR_E_INVALID, "%s .pcet file lies beside it: --table FILE says which table it needs",
                    n_found ? "more than one" : "no");
}

static enum pxr_err read_table(struct pxr_still_input *in, pxr_pce_table **table, struct pxr_diag *diag)
{
    enum { MAX_TABLE_BYTES = 1 << 18 }; /* all numbers up to 255 x 255 fit */
    char found[PATH_MAX];
    const char *path = in->opts->table_path;
    uint8_t *bytes = NULL;
    size_t n_bytes = 0;
    enum pxr_err e = path ? PXR_OK : find_table(in->path, found, diag);
    if (e != PXR_OK)
        return e;
    path = path ? path : found;
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return pxr_diag_in_file(diag, pxr_fail_sys(diag, PXR_E_IO, errno, "the table cannot be opened"), path);
    e = pxr_read_all(fd, MAX_TABLE_BYTES, &bytes, &n_bytes, diag);
    close(fd);
    if (e == PXR_OK)
        e = pxr_pce_table_parse(table, bytes, n_bytes, diag);
    pxr_free(bytes);
    return pxr_diag_in_file(diag, e, path);
}

/* The first tile of a picture stands for all of them; the others are then nothing of their own. */
static enum pxr_err read_tiles(struct pxr_still_input *in, const struct pxr_tile_name *name, const pxr_pce_table *table,
                               pxr_image_fn *each, void *arg, struct pxr_diag *diag)
{
    uint8_t *symbols;
    uint32_t width_px, height_px;
    in->is_part = name->row || name->column;
    if (in->is_part)
        return PXR_OK;
    enum pxr_err e = pxr_tiles_read(in->path, name, table, &symbols, &width_px, &height_px, diag);
    if (e == PXR_OK)
        e = show_symbols(in->path, symbols, width_px, height_px, each, arg, diag);
    pxr_free(symbols);
    return e;
}

static enum pxr_err read_pceb(struct pxr_still_input *in, pxr_image_fn *each, void *arg, struct pxr_diag *diag)
{
    pxr_pce_table *table = NULL;
    struct pxr_tile_name name;
    enum pxr_err e = read_table(in, &table, diag);
    if (e == PXR_OK && pxr_tile_name_parse(in->path, &name) && pxr_tile_has_first(in->path, &name))
        e = read_tiles(in, &name, table, each, arg, diag);
    else if (e == PXR_OK)
        e = read_stream(in, table, each, arg, diag);
    pxr_pce_table_free(table);
    return e;
}

/* ---- batches: writing ------------------------------------------------------------------------ */

/* Every sprite is counted before the first is coded. */
struct batch {
    pxr_pce_counts *counts;
    struct batch_picture {
        char *stem;
        uint8_t *symbols;
        uint32_t width_px, height_px;
    } *pictures;
    size_t n, capacity;
};

static struct pxr_pce_sprite tile_sprite(const struct batch_picture *p, const struct pxr_pce_tile *t)
{
    return (struct pxr_pce_sprite){p->symbols + (size_t)t->y * p->width_px + t->x, p->width_px, t->width_px,
                                   t->height_px};
}

static enum pxr_err batch_new(void **out, struct pxr_diag *diag)
{
    struct batch *const b = *out = pxr_alloc_zero(1, sizeof *b);
    return b ? pxr_pce_counts_new(&b->counts, diag) : pxr_fail_nomem(diag, sizeof *b);
}

static void batch_free(void *batch)
{
    struct batch *const b = batch;
    for (size_t i = 0; b && i < b->n; i++) {
        pxr_free(b->pictures[i].stem);
        pxr_free(b->pictures[i].symbols);
    }
    if (b) {
        pxr_pce_counts_free(b->counts);
        pxr_free(b->pictures);
    }
    pxr_free(b);
}

static enum pxr_err batch_add(void *batch, const struct pxr_still_opts *o, const struct pxr_image *image,
                              const char *stem, struct pxr_diag *diag)
{
    struct batch *const b = batch;
    struct batch_picture p = {.width_px = image->width_px, .height_px = image->height_px};
    enum pxr_err e = find_symbols(image, o->is_lossy, &p.symbols, diag);
    if (e != PXR_OK)
        return e;
    p.stem = pxr_strdup(stem);
    if (!p.stem || !pxr_reserve(&b->pictures, &b->capacity, b->n + 1, sizeof *b->pictures)) {
        pxr_free(p.stem);
        pxr_free(p.symbols);
        return pxr_fail_nomem(diag, sizeof p);
    }
    b->pictures[b->n++] = p;
    const uint64_t n_tiles = pxr_pce_n_tiles(p.width_px, p.height_px);
    for (uint64_t k = 0; e == PXR_OK && k < n_tiles; k++) {
        const struct pxr_pce_tile t = pxr_pce_tile_at(p.width_px, p.height_px, k);
        const struct pxr_pce_sprite sprite = tile_sprite(&p, &t);
        e = pxr_pce_counts_add(b->counts, &sprite, diag);
    }
    return e;
}

static enum pxr_err put_picture(const struct batch_picture *p, const pxr_pce_table *table, pxr_still_result_fn *result,
                                void *arg, struct pxr_diag *diag)
{
    char name[PATH_MAX];
    const uint64_t n_tiles = pxr_pce_n_tiles(p->width_px, p->height_px);
    enum pxr_err e = PXR_OK;
    for (uint64_t k = 0; e == PXR_OK && k < n_tiles; k++) {
        const struct pxr_pce_tile t = pxr_pce_tile_at(p->width_px, p->height_px, k);
        const struct pxr_pce_sprite sprite = tile_sprite(p, &t);
        struct pxr_buffer bytes = {0};
        const int n = n_tiles == 1 ? snprintf(name, sizeof name, "%s.pceb", p->stem)
                                   : snprintf(name, sizeof name, "%s.%u.%u.pceb", p->stem, t.y / PXR_PCE_MAX_SIDE_PX,
                                              t.x / PXR_PCE_MAX_SIDE_PX);
        if (n < 0 || (size_t)n >= sizeof name)
            e = pxr_fail(diag, PXR_E_LIMIT, "a name is too long");
        if (e == PXR_OK)
            e = pxr_pce_encode(&bytes, &sprite, table, diag);
        if (e == PXR_OK)
            e = result(arg, name, &bytes, diag);
        pxr_buffer_fini(&bytes);
    }
    return e;
}

static enum pxr_err batch_finish(void *batch, pxr_still_result_fn *result, void *arg, struct pxr_diag *diag)
{
    struct batch *const b = batch;
    struct pxr_buffer bytes = {0};
    pxr_pce_table *table = NULL;
    enum pxr_err e = pxr_pce_table_new(&table, b->counts, diag);
    if (e == PXR_OK && !pxr_pce_table_write(table, &bytes))
        e = pxr_fail_nomem(diag, bytes.n_bytes);
    if (e == PXR_OK)
        e = result(arg, "table.pcet", &bytes, diag);
    for (size_t i = 0; e == PXR_OK && i < b->n; i++)
        e = put_picture(&b->pictures[i], table, result, arg, diag);
    pxr_buffer_fini(&bytes);
    pxr_pce_table_free(table);
    return e;
}

const struct pxr_still_format pxr_still_pce = {
    .name = "pce", .extensions = " pce ", .is_strict_name = true, .read = read_pce, .write = write_pce};
const struct pxr_still_format pxr_still_pceb = {.name = "pceb",
                                                .extensions = " pceb ",
                                                .is_strict_name = true,
                                                .read = read_pceb,
                                                .batch_new = batch_new,
                                                .batch_add = batch_add,
                                                .batch_finish = batch_finish,
                                                .batch_free = batch_free};
