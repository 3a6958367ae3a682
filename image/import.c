/* SPDX-License-Identifier: MIT
 * What all readers share: an input, a frame buffer that is used again, limits, and the way out. */
#include "import.h"

#include "alloc.h"
#include "bytes.h"
#include "diag.h"

static const uint64_t first_room_bytes = (uint64_t)1 << 20;

enum pxr_err pxr_import_check_size(struct pxr_import *im, uint64_t width_px, uint64_t height_px,
                                   uint64_t off_bytes)
{
    uint64_t n_px;
    if (!width_px || !height_px)
        return pxr_fail_at(im->diag, PXR_E_CORRUPT, off_bytes, "the picture has no pixels");
    if (!pxr_mul_u64(width_px, height_px, &n_px))
        n_px = UINT64_MAX;
    if (width_px > UINT32_MAX || height_px > UINT32_MAX || n_px > im->opts.max_frame_px)
        return pxr_fail_field(im->diag, PXR_E_LIMIT, off_bytes, "pixels", im->opts.max_frame_px,
                              n_px, "the picture is larger than the limit");
    return PXR_OK;
}

enum pxr_err pxr_import_room(struct pxr_import *im, uint64_t n_bytes, uint64_t total_bytes)
{
    if (n_bytes <= im->frame_capacity_bytes)
        return PXR_OK;
    /* Doubling keeps copying linear; never more than the picture will need in the end. */
    uint64_t n = pxr_max_u64(n_bytes, 2 * (uint64_t)im->frame_capacity_bytes);
    n = pxr_min_u64(pxr_max_u64(n, first_room_bytes), pxr_max_u64(n_bytes, total_bytes));
    uint8_t *grown = n <= SIZE_MAX ? pxr_realloc(im->frame, (size_t)n) : NULL;
    if (!grown)
        return pxr_fail_nomem(im->diag, n);
    im->frame = grown;
    im->frame_capacity_bytes = (size_t)n;
    return PXR_OK;
}

size_t pxr_samples_find_above(const void *samples, size_t n, uint8_t bits, uint16_t maxval)
{
    const uint8_t *s = samples;
    unsigned largest = 0;
    size_t i;
    /* The largest first: that loop becomes vector code. */
    if (bits == 8) {
        for (i = 0; i < n; i++)
            largest = s[i] > largest ? s[i] : largest;
        for (i = 0; largest > maxval && i < n; i++)
            if (s[i] > maxval)
                return i;
        return n;
    }
    uint16_t v;
    for (i = 0; i < n; i++) {
        memcpy(&v, s + 2 * i, 2);
        largest = v > largest ? v : largest;
    }
    for (i = 0; largest > maxval && i < n; i++) {
        memcpy(&v, s + 2 * i, 2);
        if (v > maxval)
            return i;
    }
    return n;
}

enum pxr_err pxr_import_fail_sample(struct pxr_import *im, uint64_t off_bytes, uint16_t maxval,
                                    uint64_t found)
{
    return pxr_fail_field(im->diag, PXR_E_CORRUPT, off_bytes, "sample", maxval, found,
                          "a sample is larger than the maximum that is declared");
}

enum pxr_err pxr_import_bytes(struct pxr_import *im, uint64_t n_bytes)
{
    uint64_t done = 0;
    while (done < n_bytes) {
        const uint64_t wanted = im->frame_capacity_bytes >= n_bytes
                                    ? n_bytes
                                    : pxr_min_u64(n_bytes, pxr_max_u64(2 * done, first_room_bytes));
        const enum pxr_err e = pxr_import_room(im, wanted, n_bytes);
        if (e != PXR_OK)
            return e;
        const size_t asked = (size_t)(wanted - done);
        const size_t got = pxr_source_read(&im->in, im->frame + done, asked);
        done += got;
        if (got < asked)
            return pxr_source_ended(&im->in, "frame bytes", n_bytes, done,
                                    "the input ends within a frame");
    }
    return PXR_OK;
}

enum pxr_err pxr_import_samples(struct pxr_import *im, uint64_t n_px, uint16_t maxval,
                                bool is_big_endian)
{
    const uint8_t bits = maxval <= 255 ? 8 : 16;
    const uint64_t start = pxr_source_off(&im->in);
    const enum pxr_err e = pxr_import_bytes(im, n_px * (bits / 8u));
    if (e != PXR_OK)
        return e;
    const size_t n = (size_t)n_px;
    if (bits == 16 && is_big_endian == pxr_is_little_endian())
        pxr_copy_swap16(im->frame, im->frame, n);
    if (maxval == (1u << bits) - 1)
        return PXR_OK;
    const size_t bad = pxr_samples_find_above(im->frame, n, bits, maxval);
    if (bad == n)
        return PXR_OK;
    uint16_t found = im->frame[bad * (bits / 8u)];
    if (bits == 16)
        memcpy(&found, im->frame + 2 * bad, 2);
    return pxr_import_fail_sample(im, start + bad * (bits / 8u), maxval, found);
}

enum pxr_err pxr_import_emit(struct pxr_import *im, struct pxr_image image)
{
    image.pixels = im->frame;
    image.n_channels = image.n_channels ? image.n_channels : 1;
    image.stride_bytes = (size_t)image.width_px * image.n_channels * (image.bits / 8u);
    image.number = im->number++;
    const enum pxr_err e = im->each(im->arg, &image, im->diag);
    im->has_callee_failed = e != PXR_OK;
    return e;
}
