/* SPDX-License-Identifier: MIT
 * A frame as a PNG file of stored deflate blocks (docs/format.md, "Views"). */
#include "bytes.h"
#include "checksum.h"
#include "view_chunk.h"
#include "view_kind.h"

#define BAND_ROWS 64u
/* Bands are rebuilt in pieces of this size where a request holds their CRC but not all their bytes. */
#define PIECE_BYTES 65536u
#define MAX_HEAD_BYTES 46u
#define TAIL_BYTES 28u

/* One IDAT.  Offsets inside count from its first byte, the high byte of its length. */
struct band {
    uint64_t off_bytes;     /* in the file                       */
    uint64_t row_off_bytes; /* in the stream of rows             */
    uint64_t payload_bytes; /* of its rows                       */
    uint64_t data_bytes;    /* of the chunk                      */
    unsigned zlib_bytes;    /* of the zlib header: 2, then none  */
    bool is_last;
};

static struct band band_at(const struct pxr_view_file *p, uint32_t k)
{
    const uint64_t full_bytes = (uint64_t)BAND_ROWS * p->rows.row_bytes;
    struct band b = {.off_bytes = p->head_bytes + k * p->chunk_bytes + (k ? PXR_ZLIB_HEAD_BYTES : 0),
                     .row_off_bytes = k * full_bytes,
                     .zlib_bytes = k ? 0 : PXR_ZLIB_HEAD_BYTES,
                     .is_last = k + 1 == p->n_bands};
    b.payload_bytes = pxr_min_u64(full_bytes, pxr_view_rows_bytes(&p->rows) - b.row_off_bytes);
    b.data_bytes = b.zlib_bytes + pxr_stored_bytes(b.payload_bytes);
    return b;
}

static bool lay_out_png(struct pxr_view_file *p)
{
    const struct pxr_frame_info *info = p->info;
    if (!pxr_view_rows_init(&p->rows, info, 1, info->bits / 8u, true))
        return false;
    if (!info->width_px || !info->height_px || info->width_px > PXR_PNG_MAX ||
        info->height_px > PXR_PNG_MAX)
        return false;
    p->scratch_bytes = PIECE_BYTES;
    p->n_bands = (uint32_t)pxr_div_up_u64(info->height_px, BAND_ROWS);
    p->head_bytes = info->sbit ? MAX_HEAD_BYTES : MAX_HEAD_BYTES - 13u;
    p->chunk_bytes = PXR_PNG_CHUNK_FRAME_BYTES +
                     pxr_stored_bytes((uint64_t)BAND_ROWS * p->rows.row_bytes);
    if (band_at(p, 0).data_bytes > PXR_PNG_MAX)
        return false;
    const struct band last = band_at(p, p->n_bands - 1);
    p->tail_off_bytes = last.off_bytes + PXR_PNG_CHUNK_FRAME_BYTES + last.data_bytes;
    p->total_bytes = p->tail_off_bytes + TAIL_BYTES;
    return true;
}

static void store_head(const struct pxr_view_file *p, uint8_t dst[MAX_HEAD_BYTES])
{
    dst = pxr_png_store_head(dst, p->info->width_px, p->info->height_px, p->info->bits);
    if (p->info->sbit)
        pxr_png_store_chunk(dst, "sBIT", &p->info->sbit, 1);
}

static void store_tail(const struct pxr_view_file *p, uint8_t dst[TAIL_BYTES])
{
    uint8_t adler[4];
    pxr_store_u32be(adler, p->info->adler32);
    pxr_png_store_chunk(pxr_png_store_chunk(dst, "IDAT", adler, 4), "IEND", NULL, 0);
}

/* Where [off, end) meets [part_off, part_off + part_bytes), in offsets of the part. */
static bool meets(uint64_t off, uint64_t end, uint64_t part_off, uint64_t part_bytes, uint64_t *from,
                  uint64_t *to)
{
    *from = off > part_off ? off - part_off : 0;
    *to = end > part_off ? pxr_min_u64(end - part_off, part_bytes) : 0;
    return *from < *to;
}

/* Bytes [from, to) of a band's chunk data: zlib header, stored blocks. */
static enum pxr_err read_data(struct pxr_view_file *p, const struct band *b, uint64_t from,
                              uint64_t to, uint8_t *dst)
{
    static const uint8_t zlib_head[PXR_ZLIB_HEAD_BYTES] = {0x78, 0x01};
    while (from < to) {
        uint64_t n;
        if (from < b->zlib_bytes) {
            n = pxr_min_u64(to, b->zlib_bytes) - from;
            memcpy(dst, zlib_head + from, n);
        } else {
            const uint64_t block = (from - b->zlib_bytes) / (PXR_STORED_HEAD_BYTES + PXR_STORED_MAX_BYTES);
            const uint64_t in = (from - b->zlib_bytes) % (PXR_STORED_HEAD_BYTES + PXR_STORED_MAX_BYTES);
            const uint64_t block_off = block * PXR_STORED_MAX_BYTES;
            const uint64_t left_bytes = b->payload_bytes - block_off;
            const uint16_t payload = (uint16_t)pxr_min_u64(left_bytes, PXR_STORED_MAX_BYTES);
            if (in < PXR_STORED_HEAD_BYTES) {
                uint8_t head[PXR_STORED_HEAD_BYTES];
                pxr_stored_head(head, payload, b->is_last && left_bytes <= PXR_STORED_MAX_BYTES);
                n = pxr_min_u64(to - from, PXR_STORED_HEAD_BYTES - in);
                memcpy(dst, head + in, n);
            } else {
                const uint64_t at = in - PXR_STORED_HEAD_BYTES;
                n = pxr_min_u64(to - from, payload - at);
                const enum pxr_err e = pxr_view_rows_read(
                    &p->rows, b->row_off_bytes + block_off + at, dst, (size_t)n);
                if (e != PXR_OK)
                    return e;
            }
        }
        from += n;
        dst += n;
    }
    return PXR_OK;
}

/* The CRC of a chunk of which dst already has everything from offset `from` of its data on. */
static enum pxr_err band_crc(struct pxr_view_file *p, const struct band *b, uint64_t from,
                             const uint8_t *rest, uint32_t *crc)
{
    *crc = pxr_crc32(0, "IDAT", 4);
    for (uint64_t at = 0; at < from;) {
        const uint64_t n = pxr_min_u64(from - at, PIECE_BYTES);
        const enum pxr_err e = read_data(p, b, at, at + n, p->scratch);
        if (e != PXR_OK)
            return e;
        *crc = pxr_crc32(*crc, p->scratch, (size_t)n);
        at += n;
    }
    if (from < b->data_bytes)
        *crc = pxr_crc32(*crc, rest, (size_t)(b->data_bytes - from));
    return PXR_OK;
}

/* Bytes [from, to) of a band's chunk. */
static enum pxr_err read_band(struct pxr_view_file *p, const struct band *b, uint64_t from,
                              uint64_t to, uint8_t *dst)
{
    uint64_t a, z;
    if (meets(from, to, 0, PXR_PNG_CHUNK_HEAD_BYTES, &a, &z)) {
        uint8_t head[PXR_PNG_CHUNK_HEAD_BYTES] = {0, 0, 0, 0, 'I', 'D', 'A', 'T'};
        pxr_store_u32be(head, (uint32_t)b->data_bytes);
        memcpy(dst, head + a, z - a);
        dst += z - a;
    }
    const uint64_t crc_off = PXR_PNG_CHUNK_HEAD_BYTES + b->data_bytes;
    const bool has_data = meets(from, to, PXR_PNG_CHUNK_HEAD_BYTES, b->data_bytes, &a, &z);
    const uint64_t before = has_data ? a : b->data_bytes;
    const uint8_t *rest = dst;
    enum pxr_err e = PXR_OK;
    if (has_data) {
        e = read_data(p, b, a, z, dst);
        dst += z - a;
    }
    if (e == PXR_OK && meets(from, to, crc_off, 4, &a, &z)) {
        uint8_t stored[4];
        uint32_t crc = 0;
        e = band_crc(p, b, before, rest, &crc);
        pxr_store_u32be(stored, crc);
        memcpy(dst, stored + a, z - a);
    }
    return e;
}

static enum pxr_err read_png(struct pxr_view_file *p, uint64_t off_bytes, uint8_t *dst,
                             size_t n_bytes)
{
    const uint64_t end = off_bytes + n_bytes;
    uint64_t a, z;
    uint8_t fixed[MAX_HEAD_BYTES];
    if (meets(off_bytes, end, 0, p->head_bytes, &a, &z)) {
        store_head(p, fixed);
        memcpy(dst, fixed + a, z - a);
        dst += z - a;
    }
    /* Behind the zlib header, which only band 0 has, bands are equally long. */
    const uint64_t equal_off = p->head_bytes + PXR_ZLIB_HEAD_BYTES;
    const uint64_t first = off_bytes > equal_off ? (off_bytes - equal_off) / p->chunk_bytes : 0;
    for (uint32_t k = (uint32_t)pxr_min_u64(first, p->n_bands); k < p->n_bands; k++) {
        const struct band b = band_at(p, k);
        if (b.off_bytes >= end)
            break;
        if (!meets(off_bytes, end, b.off_bytes, PXR_PNG_CHUNK_FRAME_BYTES + b.data_bytes, &a, &z))
            continue;
        const enum pxr_err e = read_band(p, &b, a, z, dst);
        if (e != PXR_OK)
            return e;
        dst += z - a;
    }
    if (meets(off_bytes, end, p->tail_off_bytes, TAIL_BYTES, &a, &z)) {
        store_tail(p, fixed);
        memcpy(dst, fixed + a, z - a);
    }
    return PXR_OK;
}

const struct pxr_view_kind pxr_view_kind_png = {
    .name = "png", .extension = "png", .lay_out = lay_out_png, .read = read_png};
