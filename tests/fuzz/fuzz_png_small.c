/* SPDX-License-Identifier: MIT
 * Fuzz target: the coder of small PNGs.  Input: kind, width - 1, height - 1 (u16 each), bits (0: 8, else 16), then
 *   0  samples: their own table; each band is as long as it was said to be, and zlib inflates all of them to what went in
 *   1  257 lengths of codes: a table, or none; then samples as above, with that table */
#include "fuzz_require.h"
#include "png_small.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { HEAD_BYTES = 6, MAX_PX = 1 << 17 };

/* The stream of all bands, inflated as one: each but the last ends with a flush. */
static void expect_inflated(const struct pxr_small_bands *b, const struct pxr_small_table *t, const uint8_t *samples)
{
    const size_t sample_row = (size_t)b->width_px * (b->bits / 8u);
    uint8_t *const stream = malloc(pxr_small_stream_bound(b)), *const coded = malloc(pxr_small_coded_bound(b)),
            *const back = malloc(pxr_small_stream_bound(b) + 1);
    z_stream z = {0};
    require(stream && coded && back && inflateInit2(&z, -15) == Z_OK);
    for (uint32_t i = 0; i < b->n_bands; i++) {
        const uint32_t n_rows = pxr_small_band_rows(b, i);
        const bool is_last = i + 1 == b->n_bands;
        uint64_t counts[256] = {0};
        const size_t n = pxr_small_filter(b, samples + i * b->band_rows * sample_row, n_rows, stream);
        require(n == n_rows * b->row_bytes);
        pxr_small_count(counts, stream, n);
        const size_t n_coded = pxr_small_encode(t, stream, n, is_last, coded);
        require(n_coded == pxr_small_coded_bytes(t, counts, is_last) && n_coded <= pxr_small_coded_bound(b));
        z.next_in = coded;
        z.avail_in = (uInt)n_coded;
        z.next_out = back;
        z.avail_out = (uInt)n + 1;
        require(inflate(&z, Z_SYNC_FLUSH) == (is_last ? Z_STREAM_END : Z_OK));
        require(z.avail_in == 0 && z.avail_out == 1 && memcmp(back, stream, n) == 0);
    }
    inflateEnd(&z);
    free(stream);
    free(coded);
    free(back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
    struct pxr_small_bands b;
    struct pxr_small_table t;
    uint8_t lengths[PXR_SMALL_SYMBOLS];
    if (n_bytes < HEAD_BYTES)
        return 0;
    const uint32_t w = (data[1] | (uint32_t)data[2] << 8) + 1, h = (data[3] | (uint32_t)data[4] << 8) + 1;
    const uint8_t bits = data[5] ? 16 : 8;
    if ((uint64_t)w * h > MAX_PX || !pxr_small_bands_init(&b, w, h, bits))
        return 0;
    const size_t raw_bytes = (size_t)w * h * (bits / 8u);
    uint8_t *const samples = calloc(1, raw_bytes);
    const uint8_t *rest = data + HEAD_BYTES;
    size_t n_rest = n_bytes - HEAD_BYTES;
    require(samples != NULL);
    if (data[0] % 2) {
        const size_t n = n_rest < sizeof lengths ? n_rest : sizeof lengths;
        memset(lengths, 9, sizeof lengths);
        memcpy(lengths, rest, n);
        rest += n;
        n_rest -= n;
    }
    memcpy(samples, rest, n_rest < raw_bytes ? n_rest : raw_bytes);
    if (data[0] % 2 == 0) {
        uint64_t counts[PXR_SMALL_SYMBOLS] = {0};
        pxr_small_count(counts, samples, raw_bytes);
        pxr_small_choose_lengths(lengths, counts);
    }
    const bool is_code = pxr_small_table_init(&t, lengths);
    require(is_code || data[0] % 2);
    if (is_code)
        expect_inflated(&b, &t, samples);
    free(samples);
    return 0;
}
