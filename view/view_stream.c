/* SPDX-License-Identifier: MIT
 * Pixel Stream views: the samples of a frame from coarse to fine, so that the beginning of the file is a picture. */
#include "bytes.h"
#include "px2.h"
#include "pxs.h"
#include "reader.h"
#include "view_kind.h"
#include "view_stream.h"

enum {
    PIECE_PX = 1 << 16, /* looked up at a time: an aligned piece of 4^8 pixels of a file lies in at most 256 rows */
    PXS_HEAD_BYTES = 8,
};
_Static_assert((unsigned)PXR_PX2_HEADER_BYTES <= PXR_VIEW_HEAD_BYTES, "heads fit");

/* Some consecutive pixels of the file, sorted by their rows, so that each row is read once. */
struct piece {
    struct pxr_place *at; /* in the order of the file        */
    uint32_t *row_end;    /* how many lie above each row's end */
    uint16_t *by_row;
    uint8_t *row;
    uint32_t n_px;
};

static uint32_t most_px(const struct pxr_frame_info *i)
{
    return (uint32_t)pxr_min_u64((uint64_t)i->width_px * i->height_px, PIECE_PX);
}

static struct piece piece_in_scratch(const struct pxr_view_file *f)
{
    const size_t n_px = most_px(f->info);
    struct piece p = {.at = (struct pxr_place *)(void *)f->scratch};
    p.row_end = (uint32_t *)(void *)(p.at + n_px);
    p.by_row = (uint16_t *)(void *)(p.row_end + f->info->height_px);
    p.row = (uint8_t *)(p.by_row + n_px);
    return p;
}

bool pxr_view_stream_lay_out(struct pxr_view_file *f, size_t head_bytes, enum pxr_view_stream_px px)
{
    static const uint8_t px_bytes_of[] = {1, 2, 3, 2};
    const size_t px_bytes = px_bytes_of[px];
    const struct pxr_frame_info *const i = f->info;
    if (i->width_px > PXR_STREAM_MAX_SIDE_PX || i->height_px > PXR_STREAM_MAX_SIDE_PX ||
        (uint64_t)i->width_px * i->height_px > PXR_STREAM_MAX_PX ||
        !pxr_view_rows_init(&f->rows, i, 0, i->bits / 8u, true))
        return false;
    const size_t n_px = most_px(i);
    f->stream_px = px;
    f->px_bytes = px_bytes;
    f->head_bytes = head_bytes;
    f->total_bytes = head_bytes + (uint64_t)i->width_px * i->height_px * px_bytes;
    f->scratch_bytes = n_px * (sizeof(struct pxr_place) + sizeof(uint16_t)) +
                       i->height_px * sizeof(uint32_t) + f->rows.row_bytes;
    return true;
}

/* Where the next pixels are, and in which order to look at them: a counting sort. */
static void take_piece(struct piece *p, struct pxr_stream_walk *w, uint32_t n_px, uint32_t height_px)
{
    memset(p->row_end, 0, height_px * sizeof *p->row_end);
    for (p->n_px = 0; p->n_px < n_px && pxr_stream_walk_next(w); p->n_px++) {
        p->at[p->n_px] = w->at;
        p->row_end[w->at.y]++;
    }
    for (uint32_t y = 1; y < height_px; y++)
        p->row_end[y] += p->row_end[y - 1];
    /* From the last one on, each takes the place before the end of its row, which then is the row's beginning. */
    for (uint32_t i = p->n_px; i-- > 0;)
        p->by_row[--p->row_end[p->at[i].y]] = (uint16_t)i;
}

/* A byte of a pixel: its sample, the sample three times, or its highest 5 bits three times. */
static uint8_t byte_of(const struct pxr_view_file *f, const uint8_t *sample, size_t b)
{
    const unsigned five = sample[0] >> 3;
    switch (f->stream_px) {
    case PXR_STREAM_PX_GRAY8:
    case PXR_STREAM_PX_RGB: return sample[0];
    case PXR_STREAM_PX_GRAY16: return sample[b];
    case PXR_STREAM_PX_RGB15: break;
    }
    return (uint8_t)((five << 10 | five << 5 | five) >> (b ? 0 : 8));
}

/* The bytes of a piece, of which the first one is first_byte bytes before dst; those outside of dst are left out. */
static enum pxr_err gather(struct pxr_view_file *f, struct piece *p, size_t first_byte, uint8_t *dst, size_t n_bytes)
{
    const size_t sample_bytes = f->info->bits / 8u, row_bytes = f->rows.row_bytes, px_bytes = f->px_bytes;
    uint32_t y = UINT32_MAX;
    for (uint32_t k = 0; k < p->n_px; k++) {
        const size_t i = p->by_row[k];
        if (p->at[i].y != y) {
            y = p->at[i].y;
            const enum pxr_err e = pxr_view_rows_read(&f->rows, (uint64_t)y * row_bytes, p->row, row_bytes);
            if (e != PXR_OK)
                return e;
        }
        const uint8_t *const sample = p->row + p->at[i].x * sample_bytes;
        for (size_t b = 0; b < px_bytes; b++) {
            const size_t to = i * px_bytes + b;
            if (to >= first_byte && to - first_byte < n_bytes)
                dst[to - first_byte] = byte_of(f, sample, b);
        }
    }
    return PXR_OK;
}

enum pxr_err pxr_view_stream_read(struct pxr_view_file *f, uint64_t off_bytes, uint8_t *dst, size_t n_bytes)
{
    const size_t px_bytes = f->px_bytes;
    const struct pxr_stream_order order = pxr_stream_order(f->info->width_px, f->info->height_px, PXR_STREAM_A);
    struct piece p = piece_in_scratch(f);
    struct pxr_stream_walk w;
    pxr_stream_walk_begin(&w, &order, pxr_stream_select(&order, off_bytes / px_bytes));
    size_t first_byte = (size_t)(off_bytes % px_bytes);
    while (n_bytes) {
        const uint64_t n_px = pxr_div_up_u64(first_byte + n_bytes, px_bytes);
        take_piece(&p, &w, (uint32_t)pxr_min_u64(n_px, most_px(f->info)), f->info->height_px);
        const size_t n = (size_t)pxr_min_u64(p.n_px * px_bytes - first_byte, n_bytes);
        const enum pxr_err e = gather(f, &p, first_byte, dst, n);
        if (e != PXR_OK)
            return e;
        dst += n;
        n_bytes -= n;
        first_byte = 0;
    }
    return PXR_OK;
}

static enum pxr_err read_file(struct pxr_view_file *f, const uint8_t *head, uint64_t off_bytes, uint8_t *dst,
                              size_t n_bytes)
{
    size_t n = 0;
    if (off_bytes < f->head_bytes) {
        n = (size_t)pxr_min_u64(n_bytes, f->head_bytes - off_bytes);
        memcpy(dst, head + off_bytes, n);
    }
    return n == n_bytes ? PXR_OK
                        : pxr_view_stream_read(f, off_bytes + n - f->head_bytes, dst + n, n_bytes - n);
}

/* ---- px2 ----------------------------------------------------------------------------------------- */

static bool lay_out_px2(struct pxr_view_file *f)
{
    return pxr_view_stream_lay_out(f, PXR_PX2_HEADER_BYTES,
                                   f->info->bits == 8 ? PXR_STREAM_PX_GRAY8 : PXR_STREAM_PX_GRAY16);
}

enum pxr_err pxr_view_stream_px2_head(const struct pxr_frame_info *i, bool is_animation, uint64_t n_frames,
                                      uint8_t dst[PXR_VIEW_HEAD_BYTES], struct pxr_diag *diag)
{
    const struct pxr_px2_header h = {.width_px = i->width_px,
                                     .height_px = i->height_px,
                                     .digits = PXR_STREAM_A,
                                     .model = PXR_PX2_GRAY,
                                     .n_channels = 1,
                                     .bits = {i->bits},
                                     .is_animation = is_animation,
                                     /* More than can be said: until the end of the file. */
                                     .n_frames = n_frames <= UINT32_MAX ? (uint32_t)n_frames : 0};
    struct pxr_buffer to = {.bytes = dst, .capacity = PXR_VIEW_HEAD_BYTES};
    struct pxr_stream_format s;
    const enum pxr_err e = pxr_px2_begin(&s, &h, NULL, &to, diag);
    pxr_stream_format_fini(&s);
    return e;
}

static enum pxr_err read_px2(struct pxr_view_file *f, uint64_t off_bytes, uint8_t *dst, size_t n_bytes)
{
    uint8_t head[PXR_VIEW_HEAD_BYTES];
    const enum pxr_err e = pxr_view_stream_px2_head(f->info, false, 0, head, &f->rows.decoder->diag);
    return e ? e : read_file(f, head, off_bytes, dst, n_bytes);
}

const struct pxr_view_kind pxr_view_kind_px2 = {
    .name = "px2", .extension = "px2", .lay_out = lay_out_px2, .read = read_px2};

/* ---- pxs ----------------------------------------------------------------------------------------- */

static const char *refuse_pxs(const struct pxr_archive_info *archive)
{
    return archive->bits == 8 ? NULL : "it holds 8 bits of a sample, and these have 16; px2 holds them all";
}

static bool lay_out_pxs(struct pxr_view_file *f)
{
    return f->info->bits == 8 && pxr_view_stream_lay_out(f, PXS_HEAD_BYTES, PXR_STREAM_PX_RGB);
}

static enum pxr_err read_pxs(struct pxr_view_file *f, uint64_t off_bytes, uint8_t *dst, size_t n_bytes)
{
    uint8_t head[PXS_HEAD_BYTES];
    pxr_store_u32be(head, f->info->width_px);
    pxr_store_u32be(head + 4, f->info->height_px);
    return read_file(f, head, off_bytes, dst, n_bytes);
}

const struct pxr_view_kind pxr_view_kind_pxs = {.name = "pxs",
                                                .extension = "pxs",
                                                .lay_out = lay_out_pxs,
                                                .read = read_pxs,
                                                .refusal = refuse_pxs};
