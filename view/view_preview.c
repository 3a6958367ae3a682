/* SPDX-License-Identifier: MIT
 * A frame as a PNG of an eighth of its width and height, 8 bits (docs/format.md, "Views"). */
#include "bytes.h"
#include "checksum.h"
#include "diag.h"
#include "reader.h"
#include "view_chunk.h"
#include "view_kind.h"

#define SCALE 8u
#define HEAD_BYTES (PXR_PNG_SIGNATURE_BYTES + PXR_PNG_IHDR_BYTES)
/* So many rows are asked for at once, unless that is more than a megabyte. */
#define MAX_ROWS_BYTES ((size_t)1 << 20)

struct preview {
    uint32_t width_px, height_px;
    size_t rows_bytes;  /* of the zlib stream's content                      */
    size_t data_bytes;  /* of the only IDAT                                  */
    size_t total_bytes; /* of the file                                       */
    uint32_t n_rows;    /* of the frame, read at once                        */
    size_t row_bytes;   /* of the frame                                      */
};

static bool measure(const struct pxr_frame_info *i, struct preview *p)
{
    p->width_px = (uint32_t)pxr_div_up_u64(i->width_px, SCALE);
    p->height_px = (uint32_t)pxr_div_up_u64(i->height_px, SCALE);
    const uint64_t rows_bytes = (1 + (uint64_t)p->width_px) * p->height_px;
    const uint64_t data_bytes = PXR_ZLIB_HEAD_BYTES + pxr_stored_bytes(rows_bytes) + 4;
    p->rows_bytes = (size_t)rows_bytes;
    p->data_bytes = (size_t)data_bytes;
    p->total_bytes = HEAD_BYTES + PXR_PNG_CHUNK_FRAME_BYTES + p->data_bytes + PXR_PNG_CHUNK_FRAME_BYTES;
    p->row_bytes = (size_t)i->width_px * (i->bits / 8u);
    p->n_rows = SCALE * p->row_bytes <= MAX_ROWS_BYTES ? SCALE : 1;
    return i->width_px && i->height_px && i->maxval && data_bytes <= PXR_PNG_MAX;
}

static bool lay_out_preview(struct pxr_view_file *f)
{
    struct preview p;
    if (!measure(f->info, &p) || !pxr_view_rows_init(&f->rows, f->info, 0, f->info->bits / 8u, false))
        return false;
    f->total_bytes = p.total_bytes;
    /* The whole file, the rows of the stream, a line of sums, some rows of the frame. */
    f->scratch_bytes = pxr_round_up_u64(p.total_bytes + p.rows_bytes, 64) +
                       pxr_round_up_u64(p.width_px * sizeof(uint32_t), 64) + p.n_rows * p.row_bytes;
    return true;
}

/* 64 samples of 16 bits: a sum fits. */
static void add_row(uint32_t *sums, const uint8_t *row, uint32_t width_px, uint8_t bits)
{
    for (uint32_t x = 0; x < width_px; x++) {
        uint16_t v = row[x * (size_t)(bits / 8u)];
        if (bits == 16)
            memcpy(&v, row + 2 * (size_t)x, 2);
        sums[x / SCALE] += v;
    }
}

/* The rows of the zlib stream: filter byte, then means of tiles, as fractions of maxval. */
static enum pxr_err shrink(const struct pxr_view_file *f, const struct preview *p, uint32_t *sums,
                           uint8_t *rows, uint8_t *dst)
{
    const struct pxr_frame_info *i = f->info;
    for (uint32_t ty = 0; ty < p->height_px; ty++) {
        const uint32_t y0 = ty * SCALE, end = (uint32_t)pxr_min_u64(y0 + (uint64_t)SCALE, i->height_px);
        memset(sums, 0, p->width_px * sizeof *sums);
        for (uint32_t y = y0; y < end; y += p->n_rows) {
            const uint32_t n = (uint32_t)pxr_min_u64(p->n_rows, end - y);
            const enum pxr_err e = pxr_frame_read(f->rows.decoder, i->frame, y, n, rows,
                                                  n * p->row_bytes, p->row_bytes);
            if (e != PXR_OK)
                return e;
            for (uint32_t r = 0; r < n; r++)
                add_row(sums, rows + r * p->row_bytes, i->width_px, i->bits);
        }
        *dst++ = 0;
        for (uint32_t tx = 0; tx < p->width_px; tx++) {
            const uint64_t n_px = pxr_min_u64(SCALE, i->width_px - (uint64_t)tx * SCALE) * (end - y0);
            const uint64_t white = n_px * i->maxval;
            *dst++ = (uint8_t)pxr_min_u64(255, (sums[tx] * UINT64_C(255) + white / 2) / white);
        }
    }
    return PXR_OK;
}

static void store_file(const struct preview *p, const uint8_t *rows, uint8_t *dst)
{
    dst = pxr_png_store_head(dst, p->width_px, p->height_px, 8);
    uint8_t *data = dst + PXR_PNG_CHUNK_HEAD_BYTES;
    data[0] = 0x78;
    data[1] = 0x01;
    uint8_t *at = data + PXR_ZLIB_HEAD_BYTES;
    for (size_t off = 0; off < p->rows_bytes;) {
        const uint16_t n = (uint16_t)pxr_min_u64(PXR_STORED_MAX_BYTES, p->rows_bytes - off);
        pxr_stored_head(at, n, off + n == p->rows_bytes);
        memcpy(at + PXR_STORED_HEAD_BYTES, rows + off, n);
        at += PXR_STORED_HEAD_BYTES + n;
        off += n;
    }
    pxr_store_u32be(at, pxr_adler32(1, rows, p->rows_bytes));
    dst = pxr_png_store_chunk(dst, "IDAT", data, (uint32_t)p->data_bytes);
    pxr_png_store_chunk(dst, "IEND", NULL, 0);
}

/* The file is small and its checksums need all of it: make it whole. */
static enum pxr_err read_preview(struct pxr_view_file *f, uint64_t off_bytes, uint8_t *dst,
                                 size_t n_bytes)
{
    struct preview p;
    measure(f->info, &p);
    uint8_t *rows = f->scratch + p.total_bytes;
    uint8_t *sums = f->scratch + pxr_round_up_u64(p.total_bytes + p.rows_bytes, 64);
    uint8_t *frame_rows = sums + pxr_round_up_u64(p.width_px * sizeof(uint32_t), 64);
    const enum pxr_err e = shrink(f, &p, (uint32_t *)(void *)sums, frame_rows, rows);
    if (e != PXR_OK)
        return e;
    store_file(&p, rows, f->scratch);
    memcpy(dst, f->scratch + off_bytes, n_bytes);
    return PXR_OK;
}

const struct pxr_view_kind pxr_view_kind_preview = {
    .name = "preview", .extension = "png", .lay_out = lay_out_preview, .read = read_preview};
