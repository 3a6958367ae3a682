/* SPDX-License-Identifier: MIT
 * Runs one codec once, for check_vectors.py:  vector_driver SYSTEM ARGUMENT... */
#include "vector_driver.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    driver_system_fn *run;
} systems[] = {
    {"dci", driver_dci},
    {"pce", driver_pce},
    {"pxs", driver_pxs},
    {"vcbn", driver_vcbn},
};

void driver_die(const char *what, const char *path)
{
    fprintf(stderr, "vector_driver: %s: %s\n", path, what);
    exit(99);
}

int driver_fail(const struct pxr_diag *diag)
{
    char line[512];
    fprintf(stderr, "%s\n", pxr_diag_line(diag, line, sizeof line));
    return pxr_err_exit(diag->code);
}

struct pxr_buffer driver_read_file(const char *path)
{
    FILE *const f = fopen(path, "rb");
    if (!f || fseek(f, 0, SEEK_END))
        driver_die("cannot be opened", path);
    const size_t n = (size_t)ftell(f);
    struct pxr_buffer b = {.bytes = pxr_alloc(n ? n : 1), .n_bytes = n, .capacity = n};
    rewind(f);
    if (!b.bytes || fread(b.bytes, 1, n, f) != n)
        driver_die("cannot be read", path);
    fclose(f);
    return b;
}

void driver_write_file(const char *path, const void *src, size_t n_bytes)
{
    FILE *const f = fopen(path, "wb");
    if (!f || fwrite(src, 1, n_bytes, f) != n_bytes || fclose(f))
        driver_die("cannot be written", path);
}

struct driver_picture driver_read_ppm(const char *path)
{
    struct driver_picture p = {.file = driver_read_file(path)};
    char head[64] = "";
    int head_bytes = 0;
    memcpy(head, p.file.bytes, p.file.n_bytes < sizeof head ? p.file.n_bytes : sizeof head - 1);
    if (sscanf(head, "P6 %u %u 255%n", &p.width_px, &p.height_px, &head_bytes) != 2 || !head_bytes ||
        p.file.n_bytes != (size_t)head_bytes + 1 + (size_t)3 * p.width_px * p.height_px)
        driver_die("is no P6 file of 8 bits", path);
    p.rgb = p.file.bytes + head_bytes + 1;
    return p;
}

void driver_write_ppm(const char *path, uint32_t width_px, uint32_t height_px, const uint8_t *rgb)
{
    struct pxr_buffer b = {0};
    char head[48];
    const int n = snprintf(head, sizeof head, "P6\n%u %u\n255\n", width_px, height_px);
    if (!pxr_buffer_add(&b, head, (size_t)n) || !pxr_buffer_add(&b, rgb, (size_t)3 * width_px * height_px))
        driver_die("no memory", path);
    driver_write_file(path, b.bytes, b.n_bytes);
    pxr_buffer_fini(&b);
}

int main(int argc, char **argv)
{
    for (size_t i = 0; argc > 2 && i < sizeof systems / sizeof systems[0]; i++)
        if (!strcmp(argv[1], systems[i].name))
            return systems[i].run(argc - 2, argv + 2);
    fprintf(stderr, "usage: vector_driver SYSTEM ARGUMENT...\n");
    return 99;
}
