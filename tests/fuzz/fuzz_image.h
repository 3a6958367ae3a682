/* SPDX-License-Identifier: MIT
 * What the fuzz targets of the importers share: bytes in, and what must hold for each picture. */
#ifndef FUZZ_IMAGE_H
#define FUZZ_IMAGE_H

#include "image.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { FUZZ_MAX_PX = 1 << 16, FUZZ_MAX_IMAGES = 64 };

static inline void fuzz_check(bool holds)
{
    if (!holds)
        abort();
}

/* Every sample is read, so that a sanitizer sees what is not there or was never written. */
static inline enum pxr_err fuzz_image_check(void *arg, const struct pxr_image *image,
                                            struct pxr_diag *diag)
{
    uint64_t *n_images = arg;
    (void)diag;
    fuzz_check(image->number == (*n_images)++);
    fuzz_check(image->bits == 8 || image->bits == 16);
    fuzz_check(image->width_px && image->height_px && image->maxval);
    fuzz_check((uint64_t)image->width_px * image->height_px <= FUZZ_MAX_PX);
    fuzz_check(image->sbit <= image->bits && (image->bits == 16 || image->maxval <= 255));
    const size_t sample_bytes = image->bits / 8u;
    fuzz_check(image->stride_bytes >= image->width_px * sample_bytes);
    for (uint32_t y = 0; y < image->height_px; y++)
        for (uint32_t x = 0; x < image->width_px; x++) {
            uint16_t v = 0;
            const uint8_t *p =
                (const uint8_t *)image->pixels + y * image->stride_bytes + x * sample_bytes;
            memcpy(&v, p, sample_bytes); /* one byte: the low one on little endian machines */
            fuzz_check(v <= image->maxval || (sample_bytes == 1 && p[0] <= image->maxval));
        }
    return *n_images < FUZZ_MAX_IMAGES ? PXR_OK : PXR_E_STATE;
}

static inline enum pxr_err fuzz_image_once(const uint8_t *bytes, size_t n_bytes, size_t head_bytes,
                                           enum pxr_image_format format,
                                           const struct pxr_image_opts *opts, uint64_t *n_images)
{
    struct pxr_diag diag;
    memset(&diag, 0xA5, sizeof diag);
    const int fd = memfd_create("fuzz", MFD_CLOEXEC);
    fuzz_check(fd >= 0 && write(fd, bytes, n_bytes) == (ssize_t)n_bytes);
    lseek(fd, (off_t)head_bytes, SEEK_SET);
    *n_images = 0;
    const enum pxr_err e =
        pxr_image_read(fd, bytes, head_bytes, format, opts, fuzz_image_check, n_images, &diag);
    close(fd);
    if (e != PXR_OK && *n_images < FUZZ_MAX_IMAGES) {
        fuzz_check(diag.code == e && diag.text[0]);
        fuzz_check(memchr(diag.text, 0, sizeof diag.text) != NULL);
        fuzz_check(diag.off_bytes == PXR_NONE || diag.off_bytes <= n_bytes);
        /* The input cannot be at fault for these. */
        fuzz_check(e != PXR_E_NOMEM && e != PXR_E_IO && e != PXR_E_STATE);
    }
    return e;
}

/* Read it with two sets of options and two ways of handing over its beginning. */
static inline int fuzz_image(const uint8_t *bytes, size_t n_bytes, enum pxr_image_format format,
                             struct pxr_image_opts opts)
{
    uint64_t n_strict, n_luma, n_head;
    opts.max_frame_px = FUZZ_MAX_PX;
    const enum pxr_err strict = fuzz_image_once(bytes, n_bytes, 0, format, &opts, &n_strict);
    const enum pxr_err again =
        fuzz_image_once(bytes, n_bytes, n_bytes < 16 ? n_bytes : 16, format, &opts, &n_head);
    fuzz_check(strict == again && n_strict == n_head);
    opts.luma = true;
    const enum pxr_err luma = fuzz_image_once(bytes, n_bytes, 0, format, &opts, &n_luma);
    fuzz_check(n_luma >= n_strict && (strict != PXR_OK || luma == PXR_OK));
    pxr_image_detect(bytes, n_bytes);
    return 0;
}

#endif
