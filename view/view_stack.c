/* SPDX-License-Identifier: MIT
 * All frames as one file (docs/format.md, "Views"): a head, then the frames at equal distances. */
#include "bytes.h"
#include "diag.h"
#include "px2.h"
#include "reader.h"
#include "view_kind.h"
#include "view_npy.h"
#include "view_stack.h"
#include "view_stream.h"
#include "view_tiff.h"

#include <inttypes.h>
#include <stdio.h>

#define PAGE_BYTES 4096u
#define MAX_STACK_BYTES ((uint64_t)1 << 62)
#define MAX_LEAD_BYTES 8u
#define PXS_HEAD_BYTES 16u
/* What ImageJ counts frames and bytes of a frame with. */
#define MAX_JAVA_INT ((uint64_t)INT32_MAX)

struct stack {
    const struct pxr_frames *frames;
    struct pxr_frame_info any; /* geometry */
    struct pxr_view_rows rows;
    uint64_t head_bytes;
    char lead[MAX_LEAD_BYTES]; /* before each frame */
    size_t lead_bytes;
    bool is_lead_between; /* not before the first one */
    struct pxr_view_file stream; /* of Pixel Stream; px_bytes 0: rows */
    uint64_t frame_bytes;
    uint64_t total_bytes;
};

/* ---- heads --------------------------------------------------------------------------------------- */

/* Part of a head that is in memory. */
static void copy_head(const uint8_t *head, uint64_t off_bytes, uint8_t *dst, size_t n_bytes)
{
    memcpy(dst, head + off_bytes, n_bytes);
}

static void npy_head(const struct stack *s, uint64_t off_bytes, uint8_t *dst, size_t n_bytes)
{
    uint8_t head[PAGE_BYTES];
    pxr_npy_store_head(head, sizeof head, s->any.bits, s->frames->n_frames, s->any.height_px,
                       s->any.width_px);
    copy_head(head, off_bytes, dst, n_bytes);
}

static size_t y4m_text(const struct stack *s, char dst[PAGE_BYTES])
{
    return (size_t)snprintf(dst, PAGE_BYTES,
                            "YUV4MPEG2 W%" PRIu32 " H%" PRIu32 " F25:1 Ip A0:0 C%s XCOLORRANGE=FULL\n",
                            s->any.width_px, s->any.height_px, s->any.bits == 8 ? "mono" : "mono16");
}

static void y4m_head(const struct stack *s, uint64_t off_bytes, uint8_t *dst, size_t n_bytes)
{
    char head[PAGE_BYTES];
    y4m_text(s, head);
    copy_head((const uint8_t *)head, off_bytes, dst, n_bytes);
}

/* The first page holds the head and the first page's description; directories follow, all before the
 * first frame, so that whoever walks through them decodes nothing. */
#define TIF_TEXT_OFF 64u
#define TIF_IFD_OFF 512u
#define TIF_IFD_BYTES PXR_TIFF_IFD_BYTES(true)
_Static_assert(TIF_IFD_BYTES == 256, "directories do not cross pages");

/* One directory, or what stands before them. */
static void tif_piece(const struct stack *s, uint64_t page, uint8_t dst[TIF_IFD_BYTES])
{
    struct pxr_tiff_page p = {.width_px = s->any.width_px,
                              .height_px = s->any.height_px,
                              .bits = s->any.bits,
                              .is_big = true};
    const uint64_t next = page + 1;
    /* What tifffile writes: then it knows that the other directories say the same. */
    char text[128];
    const int n = snprintf(text, sizeof text, "{\"shape\": [%" PRIu64 ", %" PRIu32 ", %" PRIu32 "]}",
                           s->frames->n_frames, p.height_px, p.width_px);
    memset(dst, 0, TIF_IFD_BYTES);
    if (page == PXR_NONE) {
        pxr_tiff_store_big_head(dst, TIF_IFD_OFF);
        memcpy(dst + TIF_TEXT_OFF, text, (size_t)n + 1);
        return;
    }
    p.data_off_bytes = s->head_bytes + page * pxr_view_rows_bytes(&s->rows);
    p.next_off_bytes = next < s->frames->n_frames ? TIF_IFD_OFF + next * TIF_IFD_BYTES : 0;
    if (page == 0) {
        p.text_off_bytes = TIF_TEXT_OFF;
        p.text_bytes = (uint32_t)n + 1;
    }
    pxr_tiff_store_ifd(dst, &p);
}

static void tif_head(const struct stack *s, uint64_t off_bytes, uint8_t *dst, size_t n_bytes)
{
    uint8_t piece[TIF_IFD_BYTES];
    while (n_bytes) {
        const uint64_t slot = off_bytes / TIF_IFD_BYTES, in = off_bytes % TIF_IFD_BYTES;
        const uint64_t first = TIF_IFD_OFF / TIF_IFD_BYTES;
        const size_t n = (size_t)pxr_min_u64(n_bytes, TIF_IFD_BYTES - in);
        if (slot == 0)
            tif_piece(s, PXR_NONE, piece);
        else if (slot >= first && slot - first < s->frames->n_frames)
            tif_piece(s, slot - first, piece);
        else
            memset(piece, 0, sizeof piece);
        memcpy(dst, piece + in, n);
        off_bytes += n;
        dst += n;
        n_bytes -= n;
    }
}

static void ij_head(const struct stack *s, uint64_t off_bytes, uint8_t *dst, size_t n_bytes)
{
    uint8_t head[PAGE_BYTES] = {0};
    char *text = (char *)head + TIF_TEXT_OFF * 4;
    /* What ImageJ writes: one directory, and the number of pictures that follow each other. */
    const int n = snprintf(text, 128, "ImageJ=1.53t\nimages=%" PRIu64 "\nslices=%" PRIu64 "\nloop=false\n",
                           s->frames->n_frames, s->frames->n_frames);
    const struct pxr_tiff_page page = {.width_px = s->any.width_px,
                                       .height_px = s->any.height_px,
                                       .bits = s->any.bits,
                                       .data_off_bytes = PAGE_BYTES,
                                       .text_off_bytes = TIF_TEXT_OFF * 4,
                                       .text_bytes = (uint32_t)n + 1};
    pxr_tiff_store_head(head, PXR_TIFF_CLASSIC_HEAD_BYTES);
    pxr_tiff_store_ifd(head + PXR_TIFF_CLASSIC_HEAD_BYTES, &page);
    copy_head(head, off_bytes, dst, n_bytes);
}

static void px2_head(const struct stack *s, uint64_t off_bytes, uint8_t *dst, size_t n_bytes)
{
    uint8_t head[PXR_VIEW_HEAD_BYTES] = {0};
    struct pxr_diag unused;
    pxr_view_stream_px2_head(&s->any, true, s->frames->n_frames, head, &unused); /* laid out before: it cannot fail */
    copy_head(head, off_bytes, dst, n_bytes);
}

static void pxs_head(const struct stack *s, uint64_t off_bytes, uint8_t *dst, size_t n_bytes)
{
    uint8_t head[PXS_HEAD_BYTES] = {0x89, 'P', 'X', 'S', '\r', '\n', 0x1a, '\n'};
    pxr_store_u32be(head + 8, s->any.width_px);
    pxr_store_u32be(head + 12, s->any.height_px);
    copy_head(head, off_bytes, dst, n_bytes);
}

/* ---- layouts: NULL, or why there is no such file -------------------------------------------------- */

static const char *lay_out_npy(struct stack *s)
{
    s->head_bytes = PAGE_BYTES;
    return NULL;
}

static const char *lay_out_y4m(struct stack *s)
{
    char head[PAGE_BYTES];
    s->head_bytes = y4m_text(s, head);
    s->lead_bytes = 6;
    memcpy(s->lead, "FRAME\n", 6);
    return NULL;
}

static const char *lay_out_tif(struct stack *s)
{
    if (!s->frames->n_frames)
        return "there are no frames, and a TIFF file has at least one";
    if (s->frames->n_frames > MAX_STACK_BYTES / TIF_IFD_BYTES)
        return "it would be too long";
    s->head_bytes = pxr_round_up_u64(TIF_IFD_OFF + s->frames->n_frames * TIF_IFD_BYTES, PAGE_BYTES);
    return NULL;
}

static const char *lay_out_ij(struct stack *s)
{
    if (!s->frames->n_frames)
        return "there are no frames, and a TIFF file has at least one";
    if (s->frames->n_frames > MAX_JAVA_INT)
        return "the number of frames does not fit 32 bits";
    if (pxr_view_rows_bytes(&s->rows) > MAX_JAVA_INT)
        return "the bytes of a frame do not fit 32 bits";
    s->head_bytes = PAGE_BYTES;
    return NULL;
}

static const char *lay_out_stream(struct stack *s, size_t head_bytes, enum pxr_view_stream_px px)
{
    s->stream = (struct pxr_view_file){.info = &s->any};
    if (!s->frames->n_frames)
        return "there are no frames, and a Pixel Stream file has at least one";
    if (!pxr_view_stream_lay_out(&s->stream, head_bytes, px))
        return "the frames are too large for it";
    s->head_bytes = head_bytes;
    s->frame_bytes = s->stream.total_bytes - head_bytes;
    return NULL;
}

static const char *lay_out_px2(struct stack *s)
{
    return lay_out_stream(s, PXR_PX2_HEADER_BYTES, s->any.bits == 8 ? PXR_STREAM_PX_GRAY8 : PXR_STREAM_PX_GRAY16);
}

/* All tokens are absolute, so that frames have one length; separators tell them apart. */
static const char *lay_out_pxs(struct stack *s)
{
    if (s->any.bits != 8)
        return "it holds 5 bits of a sample, and these have 16";
    s->lead_bytes = 1;
    s->lead[0] = (char)0xc0;
    s->is_lead_between = true;
    return lay_out_stream(s, PXS_HEAD_BYTES, PXR_STREAM_PX_RGB15);
}

static const struct {
    const char *name;
    const char *(*lay_out)(struct stack *s);
    void (*head)(const struct stack *s, uint64_t off_bytes, uint8_t *dst, size_t n_bytes);
} kinds[PXR_N_STACKS] = {
    [PXR_STACK_NPY] = {"stack.npy", lay_out_npy, npy_head},
    [PXR_STACK_TIF] = {"stack.tif", lay_out_tif, tif_head},
    [PXR_STACK_IJ_TIF] = {"stack.ij.tif", lay_out_ij, ij_head},
    [PXR_STACK_Y4M] = {"stack.y4m", lay_out_y4m, y4m_head},
    [PXR_STACK_PX2] = {"stack.px2", lay_out_px2, px2_head},
    [PXR_STACK_PXS] = {"stack.pxs", lay_out_pxs, pxs_head},
};

static const char *lay_out(struct stack *s, const struct pxr_archive_info *archive,
                           const struct pxr_frames *frames, enum pxr_stack kind)
{
    static const char *const too_long = "it would be too long";
    *s = (struct stack){.frames = frames, .any = pxr_view_any_frame(archive)};
    if ((unsigned)kind >= PXR_N_STACKS)
        return "there is no such file";
    if (!pxr_view_rows_init(&s->rows, &s->any, 0, s->any.bits / 8u, false))
        return too_long;
    s->frame_bytes = pxr_view_rows_bytes(&s->rows);
    const char *why = kinds[kind].lay_out(s);
    uint64_t frames_bytes;
    if (why)
        return why;
    if (!pxr_mul_u64(s->lead_bytes + s->frame_bytes, frames->n_frames, &frames_bytes) ||
        frames_bytes > MAX_STACK_BYTES)
        return too_long;
    s->total_bytes = s->head_bytes + frames_bytes - (s->is_lead_between ? s->lead_bytes : 0);
    return NULL;
}

const char *pxr_stack_lay_out(struct pxr_stack_shape *out, const struct pxr_archive_info *archive,
                              const struct pxr_frames *frames, enum pxr_stack kind)
{
    struct stack s;
    const char *why = lay_out(&s, archive, frames, kind);
    if (why)
        return why;
    *out = (struct pxr_stack_shape){
        .head_bytes = s.head_bytes, .total_bytes = s.total_bytes, .lead_bytes = s.lead_bytes};
    memcpy(out->lead, s.lead, s.lead_bytes);
    return NULL;
}

void pxr_stack_store_head(const struct pxr_archive_info *archive, const struct pxr_frames *frames,
                          enum pxr_stack kind, uint64_t off_bytes, uint8_t *dst, size_t n_bytes)
{
    struct stack s;
    if (lay_out(&s, archive, frames, kind) || !pxr_range_fits(off_bytes, n_bytes, s.head_bytes))
        memset(dst, 0, n_bytes); /* the caller has not looked before */
    else
        kinds[kind].head(&s, off_bytes, dst, n_bytes);
}

/* ---- the interface ------------------------------------------------------------------------------- */

bool pxr_frames_exist(const struct pxr_archive_info *archive, const struct pxr_frames *f)
{
    uint64_t last;
    return !f->n_frames || (f->step && pxr_mul_u64(f->n_frames - 1, f->step, &last) &&
                            pxr_add_u64(last, f->first, &last) && last < archive->n_frames);
}

const char *pxr_stack_name(enum pxr_stack kind)
{
    return (unsigned)kind < PXR_N_STACKS ? kinds[kind].name : "";
}

bool pxr_stack_find(const char *name, enum pxr_stack *out)
{
    for (unsigned i = 0; i < PXR_N_STACKS; i++)
        if (!strcmp(kinds[i].name, name)) {
            *out = (enum pxr_stack)i;
            return true;
        }
    return false;
}

const char *pxr_stack_refusal(const struct pxr_archive_info *archive, const struct pxr_frames *frames,
                              enum pxr_stack kind)
{
    struct stack s;
    return lay_out(&s, archive, frames, kind);
}

uint64_t pxr_stack_bytes(const struct pxr_archive_info *archive, const struct pxr_frames *frames,
                         enum pxr_stack kind)
{
    struct stack s;
    return lay_out(&s, archive, frames, kind) ? 0 : s.total_bytes;
}

bool pxr_stack_is_lossy(enum pxr_stack kind) { return kind == PXR_STACK_PXS; }

static enum pxr_err read_frame(struct stack *s, uint64_t frame, uint64_t off_bytes, uint8_t *dst, size_t n_bytes)
{
    struct pxr_view_rows *rows = s->stream.px_bytes ? &s->stream.rows : &s->rows;
    if (rows->frame != frame)
        rows->row_held = PXR_NONE;
    rows->frame = frame;
    return s->stream.px_bytes ? pxr_view_stream_read(&s->stream, off_bytes, dst, n_bytes)
                              : pxr_view_rows_read(rows, off_bytes, dst, n_bytes);
}

/* Bytes of the part behind the head; off_bytes counts from there. */
static enum pxr_err read_frames(struct stack *s, uint64_t off_bytes, uint8_t *dst, size_t n_bytes)
{
    const uint64_t period_bytes = s->lead_bytes + s->frame_bytes;
    if (s->is_lead_between)
        off_bytes += s->lead_bytes;
    while (n_bytes) {
        const uint64_t k = off_bytes / period_bytes, in = off_bytes % period_bytes;
        size_t n = (size_t)pxr_min_u64(n_bytes, period_bytes - in);
        if (in < s->lead_bytes) {
            n = (size_t)pxr_min_u64(n, s->lead_bytes - in);
            memcpy(dst, s->lead + in, n);
        } else {
            const uint64_t frame = s->frames->first + k * s->frames->step;
            const enum pxr_err e = read_frame(s, frame, in - s->lead_bytes, dst, n);
            if (e != PXR_OK)
                return e;
        }
        off_bytes += n;
        dst += n;
        n_bytes -= n;
    }
    return PXR_OK;
}

static enum pxr_err read_stack(struct stack *s, pxr_decoder *d, enum pxr_stack kind, uint64_t off_bytes,
                               uint8_t *dst, size_t n_bytes)
{
    const bool is_stream = s->stream.px_bytes;
    struct pxr_view_rows *rows = is_stream ? &s->stream.rows : &s->rows;
    const size_t own_bytes = is_stream ? (size_t)pxr_round_up_u64(s->stream.scratch_bytes, 64) : 0;
    const size_t scratch_bytes = own_bytes + pxr_view_rows_scratch_bytes(rows);
    size_t n = 0;
    if (off_bytes < s->head_bytes) {
        n = (size_t)pxr_min_u64(n_bytes, s->head_bytes - off_bytes);
        kinds[kind].head(s, off_bytes, dst, n);
    }
    if (n == n_bytes)
        return PXR_OK;
    uint8_t *scratch = pxr_decoder_scratch(d, scratch_bytes);
    if (!scratch)
        return pxr_fail_nomem(&d->diag, scratch_bytes);
    s->stream.info = &s->any; /* of this copy */
    s->stream.scratch = scratch;
    rows->decoder = d;
    rows->one_row = scratch + own_bytes;
    return read_frames(s, off_bytes + n - s->head_bytes, dst + n, n_bytes - n);
}

enum pxr_err pxr_stack_read(pxr_decoder *d, const struct pxr_frames *frames, enum pxr_stack kind,
                            uint64_t off_bytes, void *dst, size_t dst_bytes, size_t *got)
{
    struct pxr_archive_info archive;
    struct stack s;
    enum pxr_err e = PXR_OK;
    *got = 0;
    pxr_archive_info(pxr_decoder_archive(d), &archive);
    if (!pxr_frames_exist(&archive, frames))
        e = pxr_fail(&d->diag, PXR_E_RANGE, "a stack of frames that do not exist");
    const char *why = e == PXR_OK ? lay_out(&s, &archive, frames, kind) : NULL;
    if (why)
        e = pxr_fail(&d->diag, PXR_E_LIMIT, "no %s: %s", pxr_stack_name(kind), why);
    if (e == PXR_OK && off_bytes >= s.total_bytes)
        return PXR_OK;
    size_t n_bytes = 0;
    if (e == PXR_OK) {
        n_bytes = (size_t)pxr_min_u64(dst_bytes, s.total_bytes - off_bytes);
        e = read_stack(&s, d, kind, off_bytes, dst, n_bytes);
    }
    if (e != PXR_OK) {
        memset(dst, 0, dst_bytes);
        return e;
    }
    *got = n_bytes;
    return PXR_OK;
}
