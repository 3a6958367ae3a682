/* SPDX-License-Identifier: MIT
 * Rows of a frame as parts of a small PNG (docs/format.md, "png-small"). */
#include "png_small.h"

#include "bytes.h"

#define BAND_BYTES 131072u
#define MAX_ROW_BYTES ((uint64_t)1 << 30)
#define HEAD_BITS (3u + 5u + 5u + 4u + 19u * 3u + (PXR_SMALL_SYMBOLS + 2u) * 4u)
#define FLUSH_BYTES 4u /* of an empty stored block, behind its three bits */
#define END_OF_BLOCK 256u
#define MAX_CODE_SUM (1u << PXR_SMALL_MAX_LENGTH)

/* ---- bands --------------------------------------------------------------------------------------- */

bool pxr_small_bands_init(struct pxr_small_bands *b, uint32_t width_px, uint32_t height_px, uint8_t bits)
{
    const uint64_t row_bytes = 1 + (uint64_t)width_px * (bits / 8u);
    if (!width_px || !height_px || row_bytes > MAX_ROW_BYTES)
        return false;
    *b = (struct pxr_small_bands){.width_px = width_px,
                                  .height_px = height_px,
                                  .bits = bits,
                                  .row_bytes = (size_t)row_bytes};
    b->band_rows = row_bytes < BAND_BYTES ? (uint32_t)(BAND_BYTES / row_bytes) : 1;
    b->n_bands = (uint32_t)pxr_div_up_u64(height_px, b->band_rows);
    return true;
}

uint32_t pxr_small_band_rows(const struct pxr_small_bands *b, uint32_t band)
{
    return (uint32_t)pxr_min_u64(b->band_rows, b->height_px - (uint64_t)band * b->band_rows);
}

size_t pxr_small_stream_bound(const struct pxr_small_bands *b)
{
    return b->row_bytes * (size_t)pxr_min_u64(b->band_rows, b->height_px);
}

size_t pxr_small_coded_bound(const struct pxr_small_bands *b)
{
    const size_t codes = pxr_small_stream_bound(b) + 1;
    return HEAD_BITS / 8 + codes + codes / 2 + FLUSH_BYTES + 16;
}

/* ---- filters ------------------------------------------------------------------------------------- */

/* Each sample less its left neighbour, byte by byte as PNG has it. */
static void store_sub(uint8_t *dst, const uint8_t *row, size_t row_bytes, size_t sample_bytes)
{
    memcpy(dst, row, sample_bytes);
    for (size_t i = sample_bytes; i < row_bytes; i++)
        dst[i] = (uint8_t)(row[i] - row[i - sample_bytes]);
}

static void store_up(uint8_t *dst, const uint8_t *row, const uint8_t *above, size_t row_bytes)
{
    for (size_t i = 0; i < row_bytes; i++)
        dst[i] = (uint8_t)(row[i] - above[i]);
}

/* The same, of native 16-bit samples as big-endian bytes: without a copy of both rows in that order. */
static void store_up16(uint8_t *dst, const uint8_t *row, const uint8_t *above, size_t width_px)
{
    for (size_t x = 0; x < width_px; x++) {
        uint16_t v, a;
        memcpy(&v, row + 2 * x, 2);
        memcpy(&a, above + 2 * x, 2);
        dst[2 * x] = (uint8_t)((v >> 8) - (a >> 8));
        dst[2 * x + 1] = (uint8_t)(v - a);
    }
}

static void store_sub16(uint8_t *dst, const uint8_t *row, size_t width_px)
{
    uint16_t left = 0;
    for (size_t x = 0; x < width_px; x++) {
        uint16_t v;
        memcpy(&v, row + 2 * x, 2);
        dst[2 * x] = (uint8_t)((v >> 8) - (left >> 8));
        dst[2 * x + 1] = (uint8_t)(v - left);
        left = v;
    }
}

size_t pxr_small_filter(const struct pxr_small_bands *b, const void *src, uint32_t n_rows, uint8_t *dst)
{
    const size_t stored_bytes = b->row_bytes - 1;
    const uint8_t *row = src;
    for (uint32_t y = 0; y < n_rows; y++, row += stored_bytes, dst += b->row_bytes) {
        dst[0] = y ? 2 : 1;
        if (b->bits == 8 && y)
            store_up(dst + 1, row, row - stored_bytes, stored_bytes);
        else if (b->bits == 8)
            store_sub(dst + 1, row, stored_bytes, 1);
        else if (y)
            store_up16(dst + 1, row, row - stored_bytes, b->width_px);
        else
            store_sub16(dst + 1, row, b->width_px);
    }
    return n_rows * b->row_bytes;
}

/* ---- the code ------------------------------------------------------------------------------------ */

bool pxr_small_table_init(struct pxr_small_table *t, const uint8_t lengths[PXR_SMALL_SYMBOLS])
{
    uint32_t next[PXR_SMALL_MAX_LENGTH + 2] = {0}, sum = 0;
    for (unsigned s = 0; s < PXR_SMALL_SYMBOLS; s++) {
        if (!lengths[s] || lengths[s] > PXR_SMALL_MAX_LENGTH)
            return false;
        sum += MAX_CODE_SUM >> lengths[s];
        next[lengths[s] + 1]++;
        t->lengths[s] = lengths[s];
    }
    if (sum != MAX_CODE_SUM)
        return false;
    for (unsigned length = 1; length <= PXR_SMALL_MAX_LENGTH; length++) /* RFC 1951, 3.2.2 */
        next[length] = (next[length - 1] + next[length]) << 1;
    for (unsigned s = 0; s < PXR_SMALL_SYMBOLS; s++) {
        uint32_t code = next[lengths[s]]++, reversed = 0;
        for (unsigned i = 0; i < lengths[s]; i++, code >>= 1)
            reversed = reversed << 1 | (code & 1);
        t->codes[s] = reversed | (uint32_t)lengths[s] << 16;
    }
    return true;
}

/* Depths of Huffman's tree: quadratic, for 257 symbols once an archive.  Of equal weights the first is taken. */
static unsigned huffman_lengths(uint8_t lengths[PXR_SMALL_SYMBOLS], const uint32_t weights[PXR_SMALL_SYMBOLS])
{
    enum { N = PXR_SMALL_SYMBOLS, N_NODES = 2 * N - 1 };
    uint32_t weight[N_NODES];
    uint16_t parent[N_NODES];
    bool is_taken[N_NODES] = {false};
    uint8_t depth[N_NODES];
    unsigned longest = 0;
    memcpy(weight, weights, N * sizeof weight[0]);
    for (unsigned node = N; node < N_NODES; node++) {
        weight[node] = 0;
        for (unsigned child = 0; child < 2; child++) {
            unsigned least = N_NODES;
            for (unsigned i = 0; i < node; i++)
                if (!is_taken[i] && (least == N_NODES || weight[i] < weight[least]))
                    least = i;
            is_taken[least] = true;
            parent[least] = (uint16_t)node;
            weight[node] += weight[least];
        }
    }
    depth[N_NODES - 1] = 0;
    for (unsigned i = N_NODES - 1; i-- > 0;) {
        depth[i] = (uint8_t)(depth[parent[i]] + 1);
        if (i < N)
            lengths[i] = depth[i];
        longest = depth[i] > longest ? depth[i] : longest;
    }
    return longest;
}

void pxr_small_choose_lengths(uint8_t lengths[PXR_SMALL_SYMBOLS], const uint64_t counts[PXR_SMALL_SYMBOLS])
{
    uint32_t weights[PXR_SMALL_SYMBOLS];
    uint64_t total = PXR_SMALL_SYMBOLS;
    unsigned n_shifts = 0;
    for (unsigned s = 0; s < PXR_SMALL_SYMBOLS; s++)
        total += counts[s];
    while (total >> n_shifts > (uint64_t)1 << 31) /* sums have 32 bits, and depths are below 48 */
        n_shifts++;
    for (unsigned s = 0; s < PXR_SMALL_SYMBOLS; s++)
        weights[s] = (uint32_t)(counts[s] >> n_shifts) + 1;
    /* Flatter and flatter, until no code is too long: with equal weights it would have 9 bits. */
    while (huffman_lengths(lengths, weights) > PXR_SMALL_MAX_LENGTH)
        for (unsigned s = 0; s < PXR_SMALL_SYMBOLS; s++)
            weights[s] = weights[s] / 2 + 1;
}

/* ---- coding -------------------------------------------------------------------------------------- */

void pxr_small_count(uint64_t counts[256], const uint8_t *stream, size_t stream_bytes)
{
    uint32_t even[256] = {0}, odd[256] = {0}; /* two, since equal neighbours would wait for each other */
    size_t i = 0;
    for (; i + 2 <= stream_bytes; i += 2) {
        even[stream[i]]++;
        odd[stream[i + 1]]++;
    }
    if (i < stream_bytes)
        even[stream[i]]++;
    for (unsigned s = 0; s < 256; s++)
        counts[s] += (uint64_t)even[s] + odd[s];
}

uint64_t pxr_small_coded_bytes(const struct pxr_small_table *t, const uint64_t counts[256], bool is_last)
{
    uint64_t n_bits = HEAD_BITS + t->lengths[END_OF_BLOCK];
    for (unsigned s = 0; s < 256; s++)
        n_bits += counts[s] * t->lengths[s];
    return is_last ? (n_bits + 7) / 8 : (n_bits + 3 + 7) / 8 + FLUSH_BYTES;
}

struct bits {
    uint8_t *dst;
    uint64_t held;
    unsigned n; /* below 8 between calls of put */
};

/* n <= 16 */
static void put(struct bits *b, uint32_t v, unsigned n)
{
    b->held |= (uint64_t)v << b->n;
    for (b->n += n; b->n >= 8; b->n -= 8, b->held >>= 8)
        *b->dst++ = (uint8_t)b->held;
}

static void put_symbol(struct bits *b, uint32_t code) { put(b, code & 0xffff, code >> 16); }

static void put_head(struct bits *b, const struct pxr_small_table *t, bool is_last)
{
    put(b, is_last, 1);
    put(b, 2, 2);
    put(b, 0, 5);
    put(b, 1, 5);
    put(b, 15, 4);
    for (unsigned i = 0; i < 19; i++) /* 16, 17 and 18 come first and have no code */
        put(b, i < 3 ? 0 : 4, 3);
    for (unsigned s = 0; s < PXR_SMALL_SYMBOLS + 2; s++) {
        const unsigned v = s < PXR_SMALL_SYMBOLS ? t->lengths[s] : 1;
        put(b, (v & 1) << 3 | (v & 2) << 1 | (v & 4) >> 1 | v >> 3, 4);
    }
}

size_t pxr_small_encode(const struct pxr_small_table *t, const uint8_t *stream, size_t stream_bytes, bool is_last,
                        uint8_t *dst)
{
    struct bits b = {.dst = dst};
    size_t i = 0;
    put_head(&b, t, is_last);
    for (; i + 4 <= stream_bytes; i += 4) { /* 7 + 4 x 12 bits fit */
        for (unsigned k = 0; k < 4; k++) {
            const uint32_t code = t->codes[stream[i + k]];
            b.held |= (uint64_t)(code & 0xffff) << b.n;
            b.n += code >> 16;
        }
        pxr_store_u64le(b.dst, b.held);
        b.dst += b.n >> 3;
        b.held >>= b.n & ~7u;
        b.n &= 7;
    }
    for (; i < stream_bytes; i++)
        put_symbol(&b, t->codes[stream[i]]);
    put_symbol(&b, t->codes[END_OF_BLOCK]);
    if (!is_last)
        put(&b, 0, 3);
    if (b.n)
        put(&b, 0, 8 - b.n);
    if (!is_last) {
        memcpy(b.dst, "\x00\x00\xff\xff", FLUSH_BYTES);
        b.dst += FLUSH_BYTES;
    }
    return (size_t)(b.dst - dst);
}
