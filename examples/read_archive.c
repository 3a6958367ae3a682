/* SPDX-License-Identifier: MIT
 * Look into an archive: a region of one frame, and one pixel through time.
 *
 *     cc read_archive.c $(pkg-config --cflags --libs pixelrain) -o read_archive
 *     ./read_archive waves.pxr region FRAME X Y WIDTH HEIGHT     samples, a line per row
 *     ./read_archive waves.pxr pixel X Y                         a line per frame: time, sample
 *
 * Both read only the rows that they need: the blocks of other stripes are neither read nor decoded. */
#include <pixelrain.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reader {
    pxr_archive *archive;
    pxr_decoder *decoder; /* one per thread; the archive itself may be shared */
    struct pxr_archive_info info;
    void *row;
};

static int fail(const struct pxr_diag *diag)
{
    char line[2048];
    fprintf(stderr, "read_archive: %s\n", pxr_diag_line(diag, line, sizeof line));
    return pxr_err_exit(diag->code);
}

static int refuse(const char *why)
{
    fprintf(stderr, "read_archive: %s\n", why);
    return 2;
}

/* Samples are unsigned and in native byte order: uint8_t or uint16_t. */
static unsigned sample(const struct reader *r, uint32_t x)
{
    return r->info.bits == 8 ? ((const uint8_t *)r->row)[x] : ((const uint16_t *)r->row)[x];
}

static enum pxr_err read_row(struct reader *r, uint64_t frame, uint32_t y)
{
    const size_t row_bytes = (size_t)r->info.width_px * (r->info.bits / 8u);
    return pxr_frame_read(r->decoder, frame, y, 1, r->row, row_bytes, row_bytes);
}

static int print_region(struct reader *r, uint64_t frame, uint32_t x0, uint32_t y0, uint32_t width, uint32_t height)
{
    if (x0 >= r->info.width_px || width > r->info.width_px - x0)
        return refuse("the region is wider than the frame");
    for (uint32_t y = 0; y < height; y++) {
        if (read_row(r, frame, y0 + y) != PXR_OK)
            return fail(pxr_decoder_diag(r->decoder));
        for (uint32_t x = 0; x < width; x++)
            printf("%u%c", sample(r, x0 + x), x + 1 < width ? ' ' : '\n');
    }
    return 0;
}

static int print_pixel(struct reader *r, uint32_t x, uint32_t y)
{
    struct pxr_frame_info frame;
    struct pxr_diag diag;
    if (x >= r->info.width_px)
        return refuse("there is no such column");
    for (uint64_t f = 0; f < r->info.n_frames; f++) {
        if (pxr_frame_info(r->archive, f, &frame, &diag) != PXR_OK)
            return fail(&diag);
        if (read_row(r, f, y) != PXR_OK)
            return fail(pxr_decoder_diag(r->decoder));
        printf("%" PRId64 " %u\n", frame.has_time ? frame.time_ns : (int64_t)f, sample(r, x));
    }
    return 0;
}

static uint32_t number(const char *text) { return (uint32_t)strtoul(text, NULL, 10); }

static int run(struct reader *r, int argc, char **argv)
{
    if (pxr_decoder_new(&r->decoder, r->archive) != PXR_OK || !(r->row = malloc((size_t)r->info.width_px * 2)))
        return refuse("not enough memory");
    if (argc == 8 && !strcmp(argv[2], "region"))
        return print_region(r, strtoull(argv[3], NULL, 10), number(argv[4]), number(argv[5]), number(argv[6]),
                            number(argv[7]));
    if (argc == 5 && !strcmp(argv[2], "pixel"))
        return print_pixel(r, number(argv[3]), number(argv[4]));
    return refuse("usage: read_archive FILE.pxr region FRAME X Y WIDTH HEIGHT | pixel X Y");
}

int main(int argc, char **argv)
{
    struct reader r = {0};
    struct pxr_diag diag;
    if (argc < 2)
        return refuse("usage: read_archive FILE.pxr region FRAME X Y WIDTH HEIGHT | pixel X Y");
    if (pxr_archive_open(&r.archive, argv[1], NULL, &diag) != PXR_OK)
        return fail(&diag);
    pxr_archive_info(r.archive, &r.info);
    const int code = run(&r, argc, argv);
    free(r.row);
    pxr_decoder_free(r.decoder);
    pxr_archive_close(r.archive);
    return code;
}
