/* SPDX-License-Identifier: MIT
 * What the systems of the vector driver share: whole files, PPM pictures, and the way to fail. */
#ifndef PXR_TESTS_VECTOR_DRIVER_H
#define PXR_TESTS_VECTOR_DRIVER_H

#include "buffer.h"
#include "pixelrain.h"

/* Each system is one function: argv[0] is what to do ("decode", "encode", ...), the rest is its own affair.  Returns the
 * program's exit code: 0, or pxr_err_exit of the error. */
typedef int driver_system_fn(int argc, char **argv);
driver_system_fn driver_dci, driver_pce, driver_pxs, driver_vcbn;

/* Prints the diagnostic. */
int driver_fail(const struct pxr_diag *diag);

/* These end the program with status 99 where they fail: the runner's own files must be there. */
struct pxr_buffer driver_read_file(const char *path); /* capacity is exactly n_bytes, so that sanitizers see more */
void driver_write_file(const char *path, const void *src, size_t n_bytes);
/* A P6 file of 8-bit samples. */
struct driver_picture {
    uint32_t width_px, height_px;
    uint8_t *rgb; /* borrowed from file */
    struct pxr_buffer file;
};
struct driver_picture driver_read_ppm(const char *path);
void driver_write_ppm(const char *path, uint32_t width_px, uint32_t height_px, const uint8_t *rgb);
_Noreturn void driver_die(const char *what, const char *path);

#endif
