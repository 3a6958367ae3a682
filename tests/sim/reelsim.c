/* SPDX-License-Identifier: MIT
 * reelsim: write simulated frames as files or as a stream. */
#include "bytes.h"
#include "option.h"
#include "progress.h"
#include "sim.h"

#include <errno.h>
#include <inttypes.h>
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum format { PGM, RAW, PNG, Y4M };
static const char *const format_names[] = {"pgm", "raw", "png", "y4m", NULL};

struct job {
    struct sim_params sim;
    uint64_t first, n_frames;
    int format;
    const char *folder;
    bool has_progress;
};

static bool write_png(const struct sim_params *p, const uint8_t *big_endian, FILE *f)
{
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    if (!info || setjmp(png_jmpbuf(png))) {
        png_destroy_write_struct(&png, &info);
        return false;
    }
    png_init_io(png, f);
    png_set_IHDR(png, info, p->width_px, p->height_px, p->bits == 8 ? 8 : 16, PNG_COLOR_TYPE_GRAY,
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png, info);
    const size_t row_bytes = sim_frame_bytes(p) / p->height_px;
    for (uint32_t y = 0; y < p->height_px; y++)
        png_write_row(png, big_endian + y * row_bytes);
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
    return true;
}

/* pixels are in native order, other is room for a frame in the order of the file. */
static bool write_frame(const struct job *job, const uint8_t *pixels, uint8_t *other, FILE *f)
{
    const struct sim_params *p = &job->sim;
    const size_t n_bytes = sim_frame_bytes(p);
    const uint8_t bits = p->bits == 8 ? 8 : 16;
    const size_t n_px = n_bytes / (bits / 8u);
    if (job->format == RAW || job->format == Y4M)
        pxr_copy_samples_le(other, pixels, n_px, bits);
    else
        pxr_copy_samples_be(other, pixels, n_px, bits);
    if (job->format == PNG)
        return write_png(p, other, f);
    if (job->format == PGM)
        fprintf(f, "P5\n%" PRIu32 " %" PRIu32 "\n%u\n", p->width_px, p->height_px, sim_maxval(p));
    if (job->format == Y4M)
        fputs("FRAME\n", f);
    return fwrite(other, 1, n_bytes, f) == n_bytes;
}

static int refuse(const char *why)
{
    fprintf(stderr, "reelsim: %s (try --help)\n", why);
    return 2;
}

static int fail_at(const char *path)
{
    fprintf(stderr, "reelsim: %s: %s\n", path, strerror(errno));
    return 3;
}

/* Print how many bits per pixel the noise of these frames costs whatever codes them. */
static int print_noise_bits(const struct job *job)
{
    struct sim_params light = job->sim;
    light.is_noiseless = true;
    light.bits = 16;
    const size_t n_px = (size_t)light.width_px * light.height_px;
    uint16_t *level = malloc(n_px * sizeof *level);
    uint64_t *n_at_level = calloc(65536, sizeof *n_at_level);
    const bool has_memory = level && n_at_level;
    for (uint64_t f = 0; has_memory && f < job->n_frames; f++) {
        sim_frame(&light, job->first + f, level);
        for (size_t i = 0; i < n_px; i++)
            n_at_level[level[i]]++;
    }
    if (has_memory)
        printf("%.4f\n", sim_noise_bits(&job->sim, n_at_level));
    free(n_at_level);
    free(level);
    return has_memory ? 0 : refuse("not enough memory");
}

static int run(const struct job *job, uint8_t *pixels, uint8_t *other)
{
    const struct sim_params *p = &job->sim;
    const size_t n_bytes = sim_frame_bytes(p);
    struct pxr_progress progress;
    pxr_progress_init(&progress, job->has_progress ? PXR_PROGRESS_ON : PXR_PROGRESS_OFF, "made",
                      "frames", job->n_frames);
    if (job->folder && mkdir(job->folder, 0777) && errno != EEXIST)
        return fail_at(job->folder);
    if (job->format == Y4M) {
        printf("YUV4MPEG2 W%" PRIu32 " H%" PRIu32 " F25:1 Ip A1:1 Cmono", p->width_px, p->height_px);
        printf(p->bits == 8 ? "\n" : "%u\n", p->bits);
    }
    for (uint64_t i = 0; i < job->n_frames; i++) {
        sim_frame(p, job->first + i, pixels);
        char path[1024] = "standard output";
        FILE *f = stdout;
        if (job->folder) { /* a path that is cut off here cannot be opened either */
            snprintf(path, sizeof path, "%s/reel_%06" PRIu64 ".%s", job->folder, job->first + i,
                     format_names[job->format]);
            f = fopen(path, "wb");
        }
        if (!f || !write_frame(job, pixels, other, f) || (job->folder && fclose(f)))
            return fail_at(path);
        pxr_progress_show(&progress, i + 1, (i + 1) * n_bytes, 0);
    }
    pxr_progress_end(&progress);
    return fflush(stdout) ? fail_at("standard output") : 0;
}

/* "2.375" in 1/256: at most four digits behind the point count. */
static bool parse_q8(const char *text, uint32_t *out)
{
    char whole[16] = "";
    const char *point = strchr(text, '.');
    const size_t n_whole = point ? (size_t)(point - text) : strlen(text);
    if (n_whole >= sizeof whole)
        return false;
    memcpy(whole, text, n_whole);
    uint64_t v, tenths = 0, scale = 1;
    if (!pxr_parse_u64(n_whole ? whole : "0", 0, 4096, &v))
        return false;
    if (point) {
        if (strlen(point + 1) > 4 || !pxr_parse_u64(point + 1, 0, 9999, &tenths))
            return false;
        for (size_t i = strlen(point + 1); i; i--)
            scale *= 10;
    }
    *out = (uint32_t)(v * 256 + (tenths * 256 + scale / 2) / scale);
    return true;
}

static void print_defaults(const struct job *job)
{
    const struct sim_params *p = &job->sim;
    printf("mode=%s width=%" PRIu32 " height=%" PRIu32 " bits=%u frames=%" PRIu64 " first=%" PRIu64
           " seed=%" PRIu64 " speed=%u.%03u full-well=%" PRIu32 " read-noise=%" PRIu32 " format=%s\n",
           sim_mode_names[p->mode], p->width_px, p->height_px, p->bits, job->n_frames, job->first,
           p->seed, p->speed_q8 / 256, p->speed_q8 % 256 * 1000 / 256, p->full_well_e,
           p->read_noise_e, format_names[job->format]);
}

int main(int argc, char **argv)
{
    struct job job = {.n_frames = 240};
    sim_defaults(&job.sim);
    uint64_t width = job.sim.width_px, height = job.sim.height_px, bits = job.sim.bits;
    uint64_t well = job.sim.full_well_e, read_noise = job.sim.read_noise_e;
    int mode = (int)job.sim.mode;
    const char *speed = NULL;
    bool help = false, defaults = false, noise_bits = false;
    const struct pxr_option table[] = {
        {"mode", 'm', PXR_OPT_CHOICE, &mode, "MODE",
         "reel, stage, still, mask or noise: parts moving on a tape, the same\n"
         "standing, without noise, as four labels, or noise alone",
         sim_mode_names, 0, 0, NULL},
        {"width", 'W', PXR_OPT_UINT, &width, "PX", "pixels in a row", NULL, 1, 65535, NULL},
        {"height", 'H', PXR_OPT_UINT, &height, "PX", "rows", NULL, 1, 65535, NULL},
        {"bits", 'b', PXR_OPT_UINT, &bits, "N", "8, 10, 12 or 16", NULL, 8, 16, NULL},
        {"frames", 'n', PXR_OPT_UINT, &job.n_frames, "N", "how many", NULL, 0, 0, NULL},
        {"first", 0, PXR_OPT_UINT, &job.first, "N", "number of the first one", NULL, 0, 1u << 31, NULL},
        {"seed", 's', PXR_OPT_UINT, &job.sim.seed, "N", "another reel, another camera", NULL, 0, 0, NULL},
        {"speed", 0, PXR_OPT_TEXT, &speed, "PX", "pixels a frame, up to four decimals", NULL, 0, 0, NULL},
        {"full-well", 0, PXR_OPT_UINT, &well, "N", "electrons at the largest sample", NULL, 500, 1000000, NULL},
        {"read-noise", 0, PXR_OPT_UINT, &read_noise, "N", "electrons, standard deviation", NULL, 0, 200, NULL},
        {"format", 'F', PXR_OPT_CHOICE, &job.format, "FORMAT",
         "pgm, raw (little endian), png or y4m", format_names, 0, 0, NULL},
        {"output", 'o', PXR_OPT_TEXT, &job.folder, "DIR",
         "write files reel_000000.pgm ... there; else a stream on standard output", NULL, 0, 0, NULL},
        {"progress", 0, PXR_OPT_FLAG, &job.has_progress, NULL, "say how far it is", NULL, 0, 0, NULL},
        {"print-defaults", 0, PXR_OPT_FLAG, &defaults, NULL, "print what holds and end", NULL, 0, 0, NULL},
        {"noise-bits", 0, PXR_OPT_FLAG, &noise_bits, NULL,
         "print the entropy of the noise, bits per pixel of these frames, and end", NULL, 0, 0, NULL},
        {"help", 'h', PXR_OPT_FLAG, &help, NULL, "this text", NULL, 0, 0, NULL},
        {0},
    };
    struct pxr_diag diag;
    int n_operands;
    if (pxr_options_parse(table, argc, argv, &n_operands, &diag) != PXR_OK)
        return refuse(diag.text);
    if (n_operands)
        return refuse("there are no operands");
    if (speed && !parse_q8(speed, &job.sim.speed_q8))
        return refuse("--speed wants a number of pixels like 2.375");
    job.sim.mode = (enum sim_mode)mode;
    job.sim.width_px = (uint32_t)width;
    job.sim.height_px = (uint32_t)height;
    job.sim.bits = (unsigned)bits;
    job.sim.full_well_e = (uint32_t)well;
    job.sim.read_noise_e = (uint32_t)read_noise;
    if (help) {
        printf("Usage: reelsim [OPTION...] [-o DIR]\n"
               "Make frames of a simulated reel of electronic parts under a camera.\n\n");
        pxr_options_help(table);
        printf("\nDefaults: ");
    }
    if (help || defaults) {
        print_defaults(&job);
        return 0;
    }
    const char *objection = sim_objection(&job.sim);
    if (objection)
        return refuse(objection);
    if (noise_bits)
        return print_noise_bits(&job);
    if (job.folder ? job.format == Y4M : job.format == PNG)
        return refuse(job.folder ? "y4m is a stream: leave out -o" : "png needs -o DIR");
    uint8_t *pixels = malloc(sim_frame_bytes(&job.sim)), *other = malloc(sim_frame_bytes(&job.sim));
    const int code = pixels && other ? run(&job, pixels, other) : refuse("not enough memory");
    free(pixels);
    free(other);
    return code;
}
