/* SPDX-License-Identifier: MIT
 * Fuzz target: parts of views.  A valid archive is made, and ranges of each file that a frame, all frames or a zarr
 * array is seen as must be slices of the whole file.
 *
 * Input: width - 1, height - 1 (6 bits each), flags, codec, rows of a block, columns of a block, frames - 1, maxval; then
 * operations of 6 bytes: kind, frame, offset (u16) and length (u16), both stretched over the file. */
#include "fuzz_require.h"
#include "kept_archive.h"
#include "view_index.h"
#include "writer.h"
#include "zstd_wrap.h"

enum { HEAD_BYTES = 8, OP_BYTES = 6, MAX_OPS = 24, MAX_FRAMES = 9, GUARD_BYTES = 16 };
enum { IS_16_BIT = 1, IS_INDEXED = 2, IS_COMMITTED = 4, HAS_SMALL_CACHE = 8 };

struct reel {
    struct test_spec spec;
    uint16_t maxval;
    struct kept_file file;
    pxr_archive *archive;
    pxr_decoder *decoder;
    struct pxr_archive_info info;
};

static void write_reel(struct reel *r, const uint8_t *head)
{
    static const enum pxr_codec codecs[] = {PXR_CODEC_STORE, PXR_CODEC_AUTO, PXR_CODEC_PREDICT, PXR_CODEC_MATCH,
                                            PXR_CODEC_ADAPTIVE, PXR_CODEC_STORE, PXR_CODEC_ZSTD, PXR_CODEC_SORTED};
    const struct pxr_write_opts o = {
        .width_px = r->spec.w, .height_px = r->spec.h, .bits = r->spec.bits, .n_threads = 1,
        .block_frames = head[3] >> 4 & 3, .codec = codecs[head[3] & (pxr_zstd_is_built_in() ? 7 : 5)],
        .block_height_px = head[4] % (r->spec.h + 1), .block_width_px = head[5] % (r->spec.w + 1)};
    static uint8_t pixels[2 * 64 * 64];
    struct pxr_diag diag;
    pxr_writer *w;
    require(pxr_writer_create_io(&w, &r->file.io, r->file.memory.arg, &o, &diag) == PXR_OK);
    for (uint32_t i = 0; i < r->spec.n_frames; i++) {
        test_frame(pixels, i, r->spec.w, r->spec.h, r->spec.bits, r->maxval, r->spec.content);
        /* Every other frame says its largest value, which some views write down. */
        const struct pxr_frame_in f = {.pixels = pixels, .maxval = i % 2 ? r->maxval : 0};
        require(pxr_writer_add(w, &f) == PXR_OK && (!(head[2] & IS_COMMITTED) || pxr_writer_commit(w) == PXR_OK));
    }
    require(pxr_writer_finish(w, NULL, &diag) == PXR_OK);
}

static void index_reel(struct reel *r)
{
    const struct pxr_write_opts o = {.n_threads = 1};
    struct pxr_diag diag;
    uint64_t n_frames;
    pxr_writer *w;
    require(pxr_writer_append_io(&w, &r->file.io, r->file.memory.arg, &o, &diag) == PXR_OK &&
            pxr_index_add(w, &pxr_index_png_small, 1, NULL, NULL, &n_frames, &diag) == PXR_OK && n_frames == r->spec.n_frames);
}

/* One file: how long it is, and any part of it. */
struct seen {
    const struct reel *reel;
    unsigned kind, which;
    uint64_t frame;
    struct pxr_frames frames;
};

static uint64_t seen_bytes(const struct seen *s)
{
    struct pxr_frame_info f;
    uint64_t n = 0;
    switch (s->kind) {
    case 0:
        require(pxr_frame_info(s->reel->archive, s->frame, &f, NULL) == PXR_OK);
        const enum pxr_err e = pxr_view_stat(s->reel->archive, &f, (enum pxr_view)s->which, &n, NULL);
        require(e == PXR_OK || (e == PXR_E_RANGE && !n && pxr_view_refusal(&s->reel->info, (enum pxr_view)s->which)));
        return n;
    case 1: return pxr_stack_bytes(&s->reel->info, &s->frames, (enum pxr_stack)s->which);
    default: return pxr_zarr_chunk_bytes(&s->reel->info);
    }
}

static enum pxr_err seen_read(const struct seen *s, uint64_t off, void *dst, size_t n, size_t *got)
{
    pxr_decoder *const d = s->reel->decoder;
    switch (s->kind) {
    case 0: return pxr_view_read(d, s->frame, (enum pxr_view)s->which, off, dst, n, got);
    case 1: return pxr_stack_read(d, &s->frames, (enum pxr_stack)s->which, off, dst, n, got);
    default: return pxr_zarr_read(d, s->frame, s->which, off, dst, n, got);
    }
}

/* Where a file holds the samples as they are, they are those that went in. */
static void expect_samples(const struct seen *s, const uint8_t *whole, size_t n_bytes)
{
    const struct reel *r = s->reel;
    const size_t n = (size_t)r->spec.w * r->spec.h * (r->spec.bits / 8u);
    static uint8_t pixels[2 * 64 * 64];
    if (s->kind == 0 && (s->which == PXR_VIEW_RAW || s->which == PXR_VIEW_NPY || s->which == PXR_VIEW_VCBN)) {
        test_frame(pixels, s->frame, r->spec.w, r->spec.h, r->spec.bits, r->maxval, r->spec.content);
        require(n_bytes >= n && memcmp(whole + n_bytes - n, pixels, n) == 0);
    }
    if (s->kind == 1 && s->which == PXR_STACK_NPY)
        for (uint64_t i = 0; i < s->frames.n_frames; i++) {
            test_frame(pixels, s->frames.first + i * s->frames.step, r->spec.w, r->spec.h, r->spec.bits, r->maxval,
                       r->spec.content);
            require(memcmp(whole + n_bytes - (s->frames.n_frames - i) * n, pixels, n) == 0);
        }
}

/* Compare one range with the whole file; op: offset and length, in 65536ths of a file and a little more. */
static void compare_range(const struct seen *s, const uint8_t *op)
{
    const uint64_t n_bytes = seen_bytes(s), room = n_bytes + n_bytes / 8 + 9;
    const uint64_t off = pxr_load_u16le(op) * room >> 16;
    /* Short ones as often as long ones. */
    const size_t n = (size_t)(op[2] & 1 ? op[3] : pxr_load_u16le(op + 2) * room >> 16);
    uint8_t *const whole = malloc(n_bytes + 1), *const part = malloc(n + GUARD_BYTES);
    size_t got = 7;
    require(whole && part && n_bytes < 1 << 24);
    if (!n_bytes) { /* there is no such file: nothing can be read of it */
        require(seen_read(s, off, part, n, &got) != PXR_OK || !got);
        free(whole);
        free(part);
        return;
    }
    require(seen_read(s, 0, whole, n_bytes + 1, &got) == PXR_OK && got == n_bytes);
    expect_samples(s, whole, n_bytes);
    memset(part, 0xA5, n + GUARD_BYTES);
    require(seen_read(s, off, part, n, &got) == PXR_OK);
    require(got == (off >= n_bytes ? 0 : pxr_min_u64(n, n_bytes - off)));
    require(!got || memcmp(part, whole + off, got) == 0);
    for (size_t i = n; i < n + GUARD_BYTES; i++)
        require(part[i] == 0xA5);
    free(whole);
    free(part);
}

static void run_op(const struct reel *r, const uint8_t *op)
{
    const unsigned n_stripes = pxr_zarr_n_stripes(&r->info), kinds = PXR_N_VIEWS + PXR_N_STACKS + 1;
    const unsigned which = op[0] % kinds;
    struct seen s = {.reel = r, .frame = op[1] % r->spec.n_frames};
    if (which < PXR_N_VIEWS) {
        s.which = which;
    } else if (which < PXR_N_VIEWS + PXR_N_STACKS) {
        s.kind = 1;
        s.which = which - PXR_N_VIEWS;
        s.frames = (struct pxr_frames){s.frame, 1 + op[1] / 64, 1};
        s.frames.n_frames = 1 + (r->spec.n_frames - 1 - s.frame) / s.frames.step;
        require(pxr_frames_exist(&r->info, &s.frames));
    } else {
        s.kind = 2;
        s.which = op[1] / 16 % n_stripes;
    }
    compare_range(&s, op + 2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
    if (n_bytes < HEAD_BYTES + OP_BYTES)
        return 0;
    struct reel r = {.spec = {.w = data[0] % 64 + 1u, .h = data[1] % 64 + 1u, .n_frames = data[6] % MAX_FRAMES + 1u,
                              .bits = data[2] & IS_16_BIT ? 16 : 8,
                              .content = (enum test_content)(data[6] / MAX_FRAMES % TEST_N_CONTENTS)}};
    const struct pxr_limits limits = {.cache_bytes = data[2] & HAS_SMALL_CACHE ? 1 : 0};
    struct pxr_diag diag;
    r.maxval = r.spec.bits == 16 ? (uint16_t)(data[7] * 257u | 1) : data[7] | 1;
    kept_init(&r.file, NULL, 0);
    write_reel(&r, data);
    if (data[2] & IS_INDEXED)
        index_reel(&r);
    require(pxr_archive_open_io(&r.archive, &r.file.io, r.file.memory.arg, &limits, &diag) == PXR_OK &&
            pxr_decoder_new(&r.decoder, r.archive) == PXR_OK);
    pxr_archive_info(r.archive, &r.info);
    require(r.info.n_frames == r.spec.n_frames);
    /* Match and adaptive (codecs 3 and 4) take a hundred times as long as others. */
    const size_t most = (data[3] & 7) == 3 || (data[3] & 7) == 4 ? MAX_OPS / 4 : MAX_OPS;
    for (size_t i = 0, at = HEAD_BYTES; i < most && at + OP_BYTES <= n_bytes; i++, at += OP_BYTES)
        run_op(&r, data + at);
    pxr_decoder_free(r.decoder);
    pxr_archive_close(r.archive);
    kept_fini(&r.file);
    return 0;
}
