/* SPDX-License-Identifier: MIT
 * Arbitrary bytes as an archive: open it, list it, read every frame and view.  Whatever they say, time
 * and memory stay bounded and nothing outside of a buffer is touched. */
#include "kept_archive.h"

#include <stdint.h>

#define MAX_FRAMES_READ 64
#define MAX_FRAME_PX 65536

static void read_frame(pxr_archive *a, pxr_decoder *d, uint64_t frame, uint8_t *dst, size_t dst_bytes)
{
    struct pxr_archive_info info;
    struct pxr_frame_info f;
    uint64_t found;
    size_t got;
    char meta[64];
    pxr_archive_info(a, &info);
    const size_t row = (size_t)info.width_px * (info.bits / 8u);
    pxr_frame_read(d, frame, 0, info.height_px, dst, dst_bytes, row);
    pxr_frame_read(d, frame, info.height_px / 2, 1, dst, dst_bytes, row);
    if (pxr_frame_info(a, frame, &f, NULL) != PXR_OK)
        return;
    pxr_frame_find(a, f.name, f.name_bytes, &found, NULL);
    pxr_frame_meta(a, frame, meta, sizeof meta, &got, NULL);
    for (int v = 0; v < PXR_N_VIEWS; v++) {
        uint64_t n = 0;
        pxr_view_stat(a, &f, (enum pxr_view)v, &n, NULL);
        pxr_view_read(d, frame, (enum pxr_view)v, n / 3, dst, 100, &got);
        pxr_view_read(d, frame, (enum pxr_view)v, n - 5, dst, 100, &got);
    }
    pxr_zarr_read(d, frame, pxr_zarr_n_stripes(&info) - 1, pxr_zarr_chunk_bytes(&info) / 2, dst, 100, &got);
}

static void read_stacks(const struct pxr_archive_info *info, pxr_decoder *d, uint8_t *dst)
{
    const struct pxr_frames choices[] = {{0, 1, info->n_frames}, {1, 2, info->n_frames / 2}};
    size_t got;
    for (int c = 0; c < 2; c++)
        for (int s = 0; s < PXR_N_STACKS; s++) {
            const uint64_t n = pxr_stack_bytes(info, &choices[c], (enum pxr_stack)s);
            pxr_stack_read(d, &choices[c], (enum pxr_stack)s, 0, dst, 5000, &got);
            pxr_stack_read(d, &choices[c], (enum pxr_stack)s, n / 2, dst, 100, &got);
            pxr_stack_read(d, &choices[c], (enum pxr_stack)s, n - 5, dst, 100, &got);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *src, size_t n_bytes);
int LLVMFuzzerTestOneInput(const uint8_t *src, size_t n_bytes)
{
    const struct pxr_limits limits = {.max_frame_px = MAX_FRAME_PX, .max_index_bytes = 1 << 20,
                                      .cache_bytes = 1 << 20};
    struct kept_file k;
    struct pxr_diag diag;
    pxr_archive *a;
    pxr_decoder *d;
    kept_init(&k, src, n_bytes);
    if (pxr_archive_open_io(&a, &k.io, k.memory.arg, &limits, &diag) == PXR_OK) {
        struct pxr_archive_info info;
        static uint8_t dst[2 * MAX_FRAME_PX];
        pxr_archive_info(a, &info);
        if (pxr_decoder_new(&d, a) == PXR_OK) {
            for (uint64_t i = 0; i < info.n_frames && i < MAX_FRAMES_READ; i++)
                read_frame(a, d, i, dst, sizeof dst);
            if (info.n_frames)
                read_frame(a, d, info.n_frames - 1, dst, sizeof dst);
            read_stacks(&info, d, dst);
            pxr_decoder_free(d);
        }
        pxr_archive_close(a);
    }
    kept_fini(&k);
    return 0;
}
