/* SPDX-License-Identifier: MIT
 * A frame as a compressed PNG of indexed length (docs/format.md, "png-small"). */
#include "bytes.h"
#include "diag.h"
#include "reader.h"
#include "view_chunk.h"
#include "view_kind.h"

#define HEAD_BYTES (PXR_PNG_SIGNATURE_BYTES + PXR_PNG_IHDR_BYTES)
#define SBIT_BYTES 13u
#define TAIL_BYTES 28u

static const struct pxr_small_state *state_of(const struct pxr_view_file *f) { return f->entry->state; }

/* Of a band's coded rows. */
static uint32_t coded_bytes(const struct pxr_view_file *f, uint32_t band)
{
    return pxr_load_u32le(f->entry->bytes + 4 + 4 * (size_t)band);
}

/* Of a band's IDAT: data with the zlib header, which band 0 has. */
static uint64_t data_bytes(const struct pxr_view_file *f, uint32_t band)
{
    return coded_bytes(f, band) + (band ? 0 : (uint64_t)PXR_ZLIB_HEAD_BYTES);
}

static bool lay_out_png_small(struct pxr_view_file *f)
{
    const struct pxr_small_bands *b = &state_of(f)->bands;
    if (!pxr_view_rows_init(&f->rows, f->info, 0, f->info->bits / 8u, false))
        return false;
    f->head_bytes = HEAD_BYTES + (f->info->sbit ? SBIT_BYTES : 0);
    f->total_bytes = f->head_bytes + TAIL_BYTES;
    for (uint32_t k = 0; k < b->n_bands; k++)
        f->total_bytes += PXR_PNG_CHUNK_FRAME_BYTES + data_bytes(f, k);
    /* Rows as stored, the stream, and a chunk around the coded band. */
    f->scratch_bytes = 2 * pxr_round_up_u64(pxr_small_stream_bound(b), 64) + PXR_PNG_CHUNK_FRAME_BYTES +
                       PXR_ZLIB_HEAD_BYTES + pxr_small_coded_bound(b);
    return true;
}

static enum pxr_err wrong_length(const struct pxr_view_file *f, uint32_t band, uint64_t found)
{
    struct pxr_diag *diag = &f->rows.decoder->diag;
    pxr_fail_field(diag, PXR_E_CORRUPT, PXR_NONE, "entry", coded_bytes(f, band), found,
                   "the index of png-small has another length for band %u", band);
    return pxr_diag_in_frame(diag, PXR_E_CORRUPT, f->info->frame);
}

/* The whole IDAT of a band, in scratch. */
static enum pxr_err make_chunk(struct pxr_view_file *f, uint32_t band, const uint8_t **chunk)
{
    const struct pxr_small_bands *b = &state_of(f)->bands;
    const size_t part_bytes = (size_t)pxr_round_up_u64(pxr_small_stream_bound(b), 64);
    uint8_t *rows = f->scratch, *stream = rows + part_bytes, *at = stream + part_bytes;
    uint8_t *data = at + PXR_PNG_CHUNK_HEAD_BYTES, *coded = data;
    const uint32_t n_rows = pxr_small_band_rows(b, band);
    const size_t row_bytes = b->row_bytes - 1;
    const enum pxr_err err = pxr_frame_read(f->rows.decoder, f->info->frame, band * b->band_rows, n_rows, rows,
                                            n_rows * row_bytes, row_bytes);
    if (err != PXR_OK)
        return err;
    const size_t stream_bytes = pxr_small_filter(b, rows, n_rows, stream);
    if (!band) {
        memcpy(data, "\x78\x01", PXR_ZLIB_HEAD_BYTES);
        coded += PXR_ZLIB_HEAD_BYTES;
    }
    const size_t n = pxr_small_encode(&state_of(f)->table, stream, stream_bytes, band + 1 == b->n_bands, coded);
    if (n != coded_bytes(f, band))
        return wrong_length(f, band, n);
    pxr_png_store_chunk(at, "IDAT", data, (uint32_t)(coded - data + (ptrdiff_t)n));
    *chunk = at;
    return PXR_OK;
}

/* Copy what [*from, end) has of a part that begins at part_off; dst is for the byte at *from. */
static uint8_t *copy_part(uint8_t *dst, uint64_t *from, uint64_t end, uint64_t part_off, const uint8_t *part,
                          uint64_t part_bytes)
{
    const uint64_t part_end = part_off + part_bytes;
    if (*from >= part_end || *from >= end)
        return dst;
    const size_t n = (size_t)(pxr_min_u64(end, part_end) - *from);
    memcpy(dst, part + (*from - part_off), n);
    *from += n;
    return dst + n;
}

static enum pxr_err read_png_small(struct pxr_view_file *f, uint64_t off_bytes, uint8_t *dst, size_t n_bytes)
{
    const uint64_t end = off_bytes + n_bytes;
    uint8_t fixed[HEAD_BYTES + SBIT_BYTES], adler[4];
    uint8_t *behind = pxr_png_store_head(fixed, f->info->width_px, f->info->height_px, f->info->bits);
    if (f->info->sbit)
        pxr_png_store_chunk(behind, "sBIT", &f->info->sbit, 1);
    dst = copy_part(dst, &off_bytes, end, 0, fixed, f->head_bytes);
    uint64_t at = f->head_bytes;
    for (uint32_t k = 0; k < state_of(f)->bands.n_bands && off_bytes < end; k++) {
        const uint64_t chunk_bytes = PXR_PNG_CHUNK_FRAME_BYTES + data_bytes(f, k);
        const uint8_t *chunk = NULL;
        if (off_bytes < at + chunk_bytes) {
            const enum pxr_err err = make_chunk(f, k, &chunk);
            if (err != PXR_OK)
                return err;
            dst = copy_part(dst, &off_bytes, end, at, chunk, chunk_bytes);
        }
        at += chunk_bytes;
    }
    pxr_store_u32be(adler, pxr_load_u32le(f->entry->bytes));
    pxr_png_store_chunk(pxr_png_store_chunk(fixed, "IDAT", adler, 4), "IEND", NULL, 0);
    copy_part(dst, &off_bytes, end, at, fixed, TAIL_BYTES);
    return PXR_OK;
}

static const char *refusal(const struct pxr_archive_info *a)
{
    if (a->n_small_frames && a->n_small_frames < a->n_frames)
        return "not all frames are indexed; 'pixelrain index ARCHIVE png-small' goes on";
    return a->n_small_frames ? NULL : "its lengths are not indexed; 'pixelrain index ARCHIVE png-small' does that";
}

const struct pxr_view_kind pxr_view_kind_png_small = {.name = "png-small",
                                                      .extension = "png",
                                                      .lay_out = lay_out_png_small,
                                                      .read = read_png_small,
                                                      .index = &pxr_index_png_small,
                                                      .refusal = refusal};
