/* SPDX-License-Identifier: MIT
 * Fuzz target: Pixel Countdown Encoding.
 *
 * Input: mode (modulo 3), then
 *   0  a solo stream
 *   1  bytes of a table (u16), the table, a stream of its batch
 *   2  width, height, pixels (modulo 5): encoded solo and as a batch of one, which must both give them back
 * Whatever decodes is encoded again and must decode to the same. */
#include "bytes.h"
#include "pce.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes);

static void require(bool is_true)
{
    if (!is_true)
        abort();
}

static void check_failure(enum pxr_err e, const struct pxr_diag *diag, size_t n_bytes)
{
    require(diag->code == e && diag->text[0] && (e == PXR_E_CORRUPT || e == PXR_E_TRUNCATED));
    require(diag->off_bytes <= n_bytes);
}

/* Encode, decode, compare. */
static void round_trip(const struct pxr_pce_sprite *s, const pxr_pce_table *table)
{
    struct pxr_buffer out = {0};
    struct pxr_pce_header h;
    uint8_t *const back = malloc((size_t)s->width_px * s->height_px);
    require(back && pxr_pce_encode(&out, s, table, NULL) == PXR_OK);
    require(pxr_pce_header_parse(&h, out.bytes, out.n_bytes, NULL) == PXR_OK);
    require(h.width_px == s->width_px && h.height_px == s->height_px);
    require(pxr_pce_decode(out.bytes, out.n_bytes, table, back, h.width_px, NULL, NULL) == PXR_OK);
    for (uint32_t y = 0; y < h.height_px; y++)
        require(!memcmp(back + y * h.width_px, s->symbols + y * s->stride_bytes, h.width_px));
    free(back);
    pxr_buffer_fini(&out);
}

static void decode(const uint8_t *src, size_t n_bytes, const pxr_pce_table *table)
{
    struct pxr_pce_header h;
    struct pxr_diag diag;
    size_t used = 0;
    enum pxr_err e = pxr_pce_header_parse(&h, src, n_bytes, &diag);
    if (e) {
        check_failure(e, &diag, n_bytes);
        return;
    }
    const size_t n_px = (size_t)h.width_px * h.height_px;
    uint8_t *const symbols = malloc(n_px);
    require(symbols != NULL);
    memset(symbols, 0xA5, n_px);
    e = pxr_pce_decode(src, n_bytes, table, symbols, h.width_px, &used, &diag);
    if (e)
        check_failure(e, &diag, n_bytes);
    else
        require(used <= n_bytes && (pxr_pce_decode(src, n_bytes, table, symbols, h.width_px, NULL, NULL) == PXR_OK) ==
                                       (used == n_bytes));
    for (size_t i = 0; i < n_px; i++)
        require(symbols[i] < PXR_PCE_N_SYMBOLS && (!e || !symbols[i]));
    if (!e && used == n_bytes) {
        const struct pxr_pce_sprite s = {symbols, h.width_px, h.width_px, h.height_px};
        round_trip(&s, NULL);
    }
    free(symbols);
}

static void decode_batch(const uint8_t *src, size_t n_bytes)
{
    pxr_pce_table *t;
    struct pxr_diag diag;
    const size_t table_bytes = n_bytes < 2 ? 0 : pxr_min_u64(pxr_load_u16le(src), n_bytes - 2);
    if (n_bytes < 2)
        return;
    const enum pxr_err e = pxr_pce_table_parse(&t, src + 2, table_bytes, &diag);
    if (e) {
        check_failure(e, &diag, table_bytes);
        return;
    }
    struct pxr_buffer again = {0};
    require(pxr_pce_table_write(t, &again) && again.n_bytes == table_bytes &&
            !memcmp(again.bytes, src + 2, table_bytes));
    decode(src + 2 + table_bytes, n_bytes - 2 - table_bytes, t);
    pxr_buffer_fini(&again);
    pxr_pce_table_free(t);
}

static void encode(const uint8_t *src, size_t n_bytes)
{
    pxr_pce_counts *counts;
    pxr_pce_table *t;
    if (n_bytes < 2 || !src[0] || !src[1])
        return;
    uint8_t *const symbols = calloc(src[0], src[1]);
    const struct pxr_pce_sprite s = {symbols, src[0], src[0], src[1]};
    require(symbols != NULL);
    for (size_t i = 0; i < (size_t)src[0] * src[1] && n_bytes > 2; i++)
        symbols[i] = src[2 + i % (n_bytes - 2)] % PXR_PCE_N_SYMBOLS;
    require(pxr_pce_counts_new(&counts, NULL) == PXR_OK && pxr_pce_counts_add(counts, &s, NULL) == PXR_OK);
    require(pxr_pce_table_new(&t, counts, NULL) == PXR_OK);
    round_trip(&s, NULL);
    round_trip(&s, t);
    pxr_pce_counts_free(counts);
    pxr_pce_table_free(t);
    free(symbols);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
    if (!n_bytes)
        return 0;
    switch (data[0] % 3) {
    case 0: decode(data + 1, n_bytes - 1, NULL); break;
    case 1: decode_batch(data + 1, n_bytes - 1); break;
    default: encode(data + 1, n_bytes - 1);
    }
    return 0;
}
