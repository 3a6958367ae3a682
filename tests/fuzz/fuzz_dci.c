/* SPDX-License-Identifier: MIT
 * Fuzz target: Dichotomic Compression.
 *
 * Input: mode, then
 *   even  a file; the other bits of mode modulo 6 are the layout, 0 finds it out
 *   odd   threshold, average (modulo 3), channels (1, or 3 where odd), sides (modulo 48), samples: encoded in the layout
 *         that mode says, then decoded: within the threshold where that is promised
 * Whatever is accepted decodes to the same pixels in one channel and in three. */
#include "dci.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes);

enum { MAX_PX = 1 << 12 };

static void require(bool is_true)
{
    if (!is_true)
        abort();
}

/* malloc'd */
static uint8_t *decode(const struct pxr_dci_info *info, const uint8_t *src, size_t n_bytes, uint8_t n_channels)
{
    const size_t row_bytes = (size_t)info->width_px * n_channels;
    uint8_t *const pixels = malloc(row_bytes * info->height_px);
    require(pixels != NULL);
    memset(pixels, 0xA5, row_bytes * info->height_px);
    require(pxr_dci_decode(info, src, n_bytes, pixels, row_bytes, n_channels, NULL) == PXR_OK);
    return pixels;
}

static void check_pixels(const struct pxr_dci_info *info, const uint8_t *src, size_t n_bytes)
{
    const size_t n_px = (size_t)info->width_px * info->height_px;
    uint8_t *const rgb = decode(info, src, n_bytes, 3);
    if (info->is_gray) {
        uint8_t *const gray = decode(info, src, n_bytes, 1);
        for (size_t i = 0; i < n_px; i++)
            require(rgb[3 * i] == gray[i] && rgb[3 * i + 1] == gray[i] && rgb[3 * i + 2] == gray[i]);
        free(gray);
    }
    free(rgb);
}

static void read_file(enum pxr_dci_layout layout, const uint8_t *src, size_t n_bytes)
{
    struct pxr_dci_info info, again;
    struct pxr_diag diag;
    const enum pxr_err e = pxr_dci_parse(&info, src, n_bytes, layout, &diag);
    if (e) {
        require(diag.code == e && diag.text[0] && (diag.off_bytes == PXR_NONE || diag.off_bytes <= n_bytes));
        require(pxr_err_exit(e) != 2 && pxr_err_exit(e) != 3);
        return;
    }
    require(pxr_dci_parse(&again, src, n_bytes, info.layout, NULL) == PXR_OK && again.n_records == info.n_records);
    if ((uint64_t)info.width_px * info.height_px <= MAX_PX)
        check_pixels(&info, src, n_bytes);
}

static void check_error(const struct pxr_dci_picture *p, const struct pxr_dci_opts *o, const uint8_t *gray)
{
    const bool is_exact = o->average == PXR_DCI_AVERAGE_EXACT || (!o->average && o->layout == PXR_DCI_V1);
    const int allowed = o->threshold + (is_exact ? 0 : 1) + (o->layout == PXR_DCI_V3 ? 1 : 0);
    for (size_t i = 0; i < (size_t)p->width_px * p->height_px; i++)
        require(abs(p->pixels[i] - gray[i]) <= allowed);
}

static void write_file(enum pxr_dci_layout layout, const uint8_t *src, size_t n_bytes)
{
    if (n_bytes < 6)
        return;
    const uint32_t width_px = src[3] % 48u + 1, height_px = src[4] % 48u + 1;
    const struct pxr_dci_opts o = {layout ? layout : PXR_DCI_V2, (enum pxr_dci_average)(src[1] % 3), src[0]};
    const uint8_t n_channels = src[2] % 2 ? 3 : 1;
    const size_t row_bytes = (size_t)width_px * n_channels, pixel_bytes = row_bytes * height_px;
    uint8_t *const pixels = malloc(pixel_bytes);
    const struct pxr_dci_picture p = {pixels, row_bytes, width_px, height_px, n_channels};
    struct pxr_buffer out = {0};
    struct pxr_dci_info info, found;
    require(pixels != NULL);
    for (size_t i = 0; i < pixel_bytes; i++)
        pixels[i] = src[5 + i % (n_bytes - 5)];
    require(pxr_dci_encode(&out, &p, &o, NULL) == PXR_OK);
    require(pxr_dci_parse(&info, out.bytes, out.n_bytes, o.layout, NULL) == PXR_OK);
    require(info.width_px == p.width_px && info.height_px == p.height_px && info.threshold == o.threshold);
    require(info.is_gray || n_channels == 3);
    /* Whether planes could tile as parts of V2 is not proven; nothing else is ever taken for another layout. */
    require(pxr_dci_parse(&found, out.bytes, out.n_bytes, PXR_DCI_AUTO, NULL) == PXR_OK);
    require(found.layout == info.layout || (found.layout == PXR_DCI_V2 && info.layout == PXR_DCI_LATE2_PLANAR));
    if (n_channels == 1) {
        uint8_t *const gray = decode(&info, out.bytes, out.n_bytes, 1);
        check_error(&p, &o, gray);
        free(gray);
    }
    check_pixels(&info, out.bytes, out.n_bytes);
    pxr_buffer_fini(&out);
    free(pixels);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
    if (!n_bytes)
        return 0;
    const enum pxr_dci_layout layout = (enum pxr_dci_layout)(data[0] / 2 % PXR_DCI_N_LAYOUTS);
    (data[0] % 2 ? write_file : read_file)(layout, data + 1, n_bytes - 1);
    return 0;
}
