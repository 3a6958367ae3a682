/* SPDX-License-Identifier: MIT
 * pixelrain thumbnail: a small picture of one frame, for file managers. */
#include "cli.h"

#include "alloc.h"
#include "buffer.h"
#include "bytes.h"
#include "checksum.h"
#include "diag.h"
#include "io.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

enum { MAX_SIZE_PX = 4096, MAX_STORED_BYTES = 65535 };

struct small {
    uint32_t width_px, height_px;
    uint64_t *sums;   /* of one row of the small picture */
    uint32_t *counts; /* samples in each of them         */
    uint16_t *values; /* means; then the picture         */
};

/* ---- making it small ------------------------------------------------------------------------------- */

/* The longer side becomes size_px; a small frame stays as it is. */
static void choose_size(struct small *s, const struct pxr_archive_info *info, uint64_t size_px)
{
    const uint64_t longer = pxr_max_u64(info->width_px, info->height_px);
    s->width_px = info->width_px;
    s->height_px = info->height_px;
    if (longer > size_px) {
        s->width_px = (uint32_t)pxr_max_u64(1, info->width_px * size_px / longer);
        s->height_px = (uint32_t)pxr_max_u64(1, info->height_px * size_px / longer);
    }
}

static void add_row(struct small *s, const void *row, const struct pxr_archive_info *info)
{
    for (uint32_t x = 0; x < info->width_px; x++) {
        const uint32_t to = (uint32_t)((uint64_t)x * s->width_px / info->width_px);
        s->sums[to] += info->bits == 8 ? ((const uint8_t *)row)[x] : ((const uint16_t *)row)[x];
        s->counts[to]++;
    }
}

static void end_row(struct small *s, uint32_t y)
{
    for (uint32_t x = 0; x < s->width_px; x++) {
        s->values[(size_t)y * s->width_px + x] = (uint16_t)(s->sums[x] / s->counts[x]);
        s->sums[x] = s->counts[x] = 0;
    }
}

static enum pxr_err shrink(pxr_decoder *d, uint64_t frame, const struct pxr_archive_info *info, void *row,
                           struct small *s)
{
    const size_t row_bytes = (size_t)info->width_px * (info->bits / 8u);
    for (uint32_t y = 0; y < info->height_px; y++) {
        const enum pxr_err e = pxr_frame_read(d, frame, y, 1, row, row_bytes, row_bytes);
        if (e != PXR_OK)
            return e;
        add_row(s, row, info);
        const uint64_t to = (uint64_t)y * s->height_px / info->height_px;
        if (y + 1 == info->height_px || (uint64_t)(y + 1) * s->height_px / info->height_px != to)
            end_row(s, (uint32_t)to);
    }
    return PXR_OK;
}

/* Samples of 16 bits mostly use a part of their range only and would be black: from the darkest to the
 * brightest mean becomes 0 to 255.  Those of 8 bits stay as they are. */
static void to_bytes(struct small *s, uint8_t *dst, unsigned bits)
{
    const size_t n = (size_t)s->width_px * s->height_px;
    uint32_t low = bits == 8 ? 0 : UINT16_MAX, high = bits == 8 ? 255 : 0;
    for (size_t i = 0; bits == 16 && i < n; i++) {
        low = s->values[i] < low ? s->values[i] : low;
        high = s->values[i] > high ? s->values[i] : high;
    }
    for (uint32_t y = 0; y < s->height_px; y++) {
        *dst++ = 0; /* PNG's filter of the row: none */
        for (uint32_t x = 0; x < s->width_px; x++) {
            const uint32_t v = s->values[(size_t)y * s->width_px + x];
            *dst++ = (uint8_t)(high > low ? (v - low) * 255 / (high - low) : 0);
        }
    }
}

/* ---- PNG ------------------------------------------------------------------------------------------- */

static bool put_u32be(struct pxr_buffer *b, uint32_t v)
{
    const uint8_t bytes[4] = {(uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v};
    return pxr_buffer_add(b, bytes, sizeof bytes);
}

static bool put_chunk(struct pxr_buffer *b, const char type[4], const void *src, size_t n_bytes)
{
    const uint32_t crc = pxr_crc32(pxr_crc32(0, type, 4), src, n_bytes);
    return put_u32be(b, (uint32_t)n_bytes) && pxr_buffer_add(b, type, 4) && pxr_buffer_add(b, src, n_bytes) && put_u32be(b, crc);
}

/* Stored, not compressed: whoever asked for it makes a file of its own of it. */
static bool put_zlib(struct pxr_buffer *b, const uint8_t *src, size_t n_bytes)
{
    bool is_ok = pxr_buffer_add(b, "\x78\x01", 2);
    for (size_t at = 0; is_ok && at < n_bytes;) {
        const size_t n = pxr_min_u64(MAX_STORED_BYTES, n_bytes - at);
        const uint8_t head[5] = {at + n == n_bytes, (uint8_t)n, (uint8_t)(n >> 8), (uint8_t)~n, (uint8_t)(~n >> 8)};
        is_ok = pxr_buffer_add(b, head, sizeof head) && pxr_buffer_add(b, src + at, n);
        at += n;
    }
    return is_ok && put_u32be(b, pxr_adler32(1, src, n_bytes));
}

static bool put_png(struct pxr_buffer *b, const struct small *s, const uint8_t *rows)
{
    struct pxr_buffer head = {0}, body = {0};
    const bool is_ok = put_u32be(&head, s->width_px) && put_u32be(&head, s->height_px) &&
                       pxr_buffer_add(&head, "\x08\x00\x00\x00\x00", 5) && /* 8 bits, gray */
                       put_zlib(&body, rows, ((size_t)s->width_px + 1) * s->height_px) &&
                       pxr_buffer_add(b, "\x89PNG\r\n\x1a\n", 8) && put_chunk(b, "IHDR", head.bytes, head.n_bytes) &&
                       put_chunk(b, "IDAT", body.bytes, body.n_bytes) && put_chunk(b, "IEND", "", 0);
    pxr_buffer_fini(&head);
    pxr_buffer_fini(&body);
    return is_ok;
}

/* ---- the whole ------------------------------------------------------------------------------------- */

static enum pxr_err draw(pxr_archive *a, uint64_t frame, uint64_t size_px, struct pxr_buffer *png, struct pxr_diag *diag)
{
    struct pxr_archive_info info;
    struct small s = {0};
    pxr_decoder *d = NULL;
    void *row = NULL;
    pxr_archive_info(a, &info);
    if (frame >= info.n_frames)
        return pxr_fail(diag, PXR_E_RANGE, "has no frame %" PRIu64 ": it has %" PRIu64 ", counted from 0", frame,
                        info.n_frames);
    choose_size(&s, &info, size_px);
    const size_t n_px = (size_t)s.width_px * s.height_px;
    enum pxr_err e = PXR_OK;
    uint8_t *rows = pxr_alloc(n_px + s.height_px);
    s.sums = pxr_alloc_zero(s.width_px, sizeof *s.sums);
    s.counts = pxr_alloc_zero(s.width_px, sizeof *s.counts);
    s.values = pxr_alloc(n_px * sizeof *s.values);
    row = pxr_alloc((size_t)info.width_px * 2);
    if (!rows || !s.sums || !s.counts || !s.values || !row || pxr_decoder_new(&d, a) != PXR_OK) {
        e = pxr_fail_nomem(diag, n_px);
    } else if ((e = shrink(d, frame, &info, row, &s)) != PXR_OK) {
        *diag = *pxr_decoder_diag(d);
        pxr_diag_in_frame(diag, e, frame);
    } else {
        to_bytes(&s, rows, info.bits);
        if (!put_png(png, &s, rows))
            e = pxr_fail_nomem(diag, n_px);
    }
    pxr_decoder_free(d);
    pxr_free(row);
    pxr_free(s.values);
    pxr_free(s.counts);
    pxr_free(s.sums);
    pxr_free(rows);
    return e;
}

static enum pxr_err write_out(const char *path, const struct pxr_buffer *png, struct pxr_diag *diag)
{
    struct pxr_file f;
    if (!path)
        return pxr_diag_in_file(diag, pxr_write_fd(STDOUT_FILENO, png->bytes, png->n_bytes, diag), "standard output");
    enum pxr_err e = pxr_file_create(&f, path, true, diag);
    if (e != PXR_OK)
        return pxr_diag_in_file(diag, e, path);
    e = pxr_file_write(&f, 0, png->bytes, png->n_bytes, diag);
    int sys_errno = 0;
    if (e == PXR_OK && (e = f.io.publish(f.arg, &sys_errno)) != PXR_OK)
        pxr_fail_sys(diag, e, sys_errno, "cannot be written");
    pxr_diag_in_file(diag, e, path);
    if (e != PXR_OK)
        f.io.discard(f.arg);
    pxr_file_close(&f);
    return e;
}

static int run(const struct pxr_cli_command *self, int argc, char **argv)
{
    const char *out_path = NULL;
    uint64_t frame = 0, size_px = 256;
    bool is_help = false;
    const struct pxr_option table[] = {
        PXR_OPTION_TEXT("output", 'o', &out_path, "FILE.png", "Write there; to standard output by default."),
        PXR_OPTION_UINT("size", 's', &size_px, "PX", 1, MAX_SIZE_PX, "Pixels of the longer side, at most; 256 by default."),
        PXR_OPTION_UINT("frame", 0, &frame, "N", 0, PXR_NONE - 1, "Frame N, counted from 0; the first by default."),
        PXR_CLI_END(&is_help),
    };
    struct pxr_buffer png = {0};
    struct pxr_diag diag;
    pxr_archive *a = NULL;
    int n_operands;
    const int code = pxr_cli_parse(self, table, &is_help, 1, 1, argc, argv, &n_operands);
    if (code >= 0)
        return code;
    if (!out_path && isatty(STDOUT_FILENO))
        return pxr_cli_usage(self, "pictures are not for a terminal; use -o FILE.png");
    enum pxr_err e = pxr_archive_open(&a, argv[1], NULL, &diag);
    if (e == PXR_OK)
        e = draw(a, frame, size_px, &png, &diag);
    pxr_diag_in_file(&diag, e, argv[1]);
    pxr_archive_close(a);
    if (e == PXR_OK)
        e = write_out(out_path, &png, &diag);
    pxr_buffer_fini(&png);
    return e == PXR_OK ? 0 : pxr_cli_fail(&diag);
}

const struct pxr_cli_command pxr_cmd_thumbnail = {
    .name = "thumbnail",
    .operands = "[OPTION]... FILE.pxr",
    .summary = "Draw a frame as a small 8-bit PNG.",
    .details = "Samples of 16 bits are spread over the range of brightness that the frame uses.",
    .run = run,
};
