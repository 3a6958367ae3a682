/* SPDX-License-Identifier: MIT
 * Frames from memory become an archive: create, add, finish.
 *
 *     cc write_archive.c $(pkg-config --cflags --libs pixelrain) -o write_archive
 *     ./write_archive waves.pxr 100
 *
 * The frames are 12-bit samples in 16-bit words: waves that move, as a sensor with a little noise
 * would see them. */
#include <pixelrain.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { WIDTH_PX = 320, HEIGHT_PX = 240, MAXVAL = 4095 };

/* Any picture will do.  Integers only, so that every machine makes the same one. */
static void draw(uint16_t *pixels, unsigned frame)
{
    uint32_t noise = frame * 2654435761u + 1;
    for (unsigned y = 0; y < HEIGHT_PX; y++)
        for (unsigned x = 0; x < WIDTH_PX; x++) {
            const unsigned phase = (x * 4 + y * 2 + frame * 8) % 1024;
            const unsigned wave = phase < 512 ? phase : 1023 - phase;
            noise = noise * 1664525u + 1013904223u;
            pixels[y * WIDTH_PX + x] = (uint16_t)(1000 + 4 * wave + (noise >> 28));
        }
}

/* Say what went wrong, where, what was expected and what was found. */
static int fail(const struct pxr_diag *diag)
{
    char line[2048];
    fprintf(stderr, "write_archive: %s\n", pxr_diag_line(diag, line, sizeof line));
    return pxr_err_exit(diag->code);
}

static enum pxr_err add_frames(pxr_writer *writer, unsigned n_frames)
{
    static uint16_t pixels[WIDTH_PX * HEIGHT_PX];
    enum pxr_err e = PXR_OK;
    for (unsigned i = 0; e == PXR_OK && i < n_frames; i++) {
        char name[32], meta[64];
        draw(pixels, i);
        snprintf(name, sizeof name, "wave_%04u", i);
        const int n_meta = snprintf(meta, sizeof meta, "{\"exposure_us\":%u}", 500 + i % 3);
        const struct pxr_frame_in frame = {
            .pixels = pixels, /* only needed until the call returns */
            .name = name,
            .has_time = true,
            .time_ns = INT64_C(1700000000000000000) + i * INT64_C(40000000),
            .maxval = MAXVAL,
            .meta = meta,
            .meta_bytes = (size_t)n_meta,
        };
        e = pxr_writer_add(writer, &frame);
    }
    return e;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: write_archive FILE.pxr N_FRAMES\n");
        return 2;
    }
    const struct pxr_write_opts opts = {
        .width_px = WIDTH_PX, .height_px = HEIGHT_PX, .bits = 16, .overwrite = true};
    struct pxr_write_summary summary;
    struct pxr_diag diag;
    pxr_writer *writer;
    if (pxr_writer_create(&writer, argv[1], &opts, &diag) != PXR_OK)
        return fail(&diag);
    if (add_frames(writer, (unsigned)strtoul(argv[2], NULL, 10)) != PXR_OK) {
        diag = *pxr_writer_diag(writer);
        pxr_writer_abort(writer); /* nothing of it is left on the disk */
        return fail(&diag);
    }
    /* The file appears under its name here, whole, and the writer is gone in any case. */
    if (pxr_writer_finish(writer, &summary, &diag) != PXR_OK)
        return fail(&diag);
    printf("%" PRIu64 " frames, %" PRIu64 " bytes of samples in %" PRIu64 "\n", summary.n_frames,
           summary.pixel_bytes, summary.archive_bytes);
    return 0;
}
