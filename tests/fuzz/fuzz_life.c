/* SPDX-License-Identifier: MIT
 * Fuzz target: the life of an archive.  Input: bits and shape, then operations of 3 bytes: frames are added, committed, given
 * up, appended with another codec; bytes behind the last commit are cut, changed or added; the file is damaged and
 * recovered; it is merged with itself.  After each, what was committed is there, in order and exact, and nothing else. */
#include "fuzz_require.h"
#include "kept_archive.h"
#include "parse.h"
#include "zstd_wrap.h"

enum { HEAD_BYTES = 3, OP_BYTES = 3, MAX_OPS = 40, MAX_FRAMES = 96, MAX_PX = 256 };

/* A frame is told by its content, which is a function of its id. */
struct life {
    uint32_t w, h;
    uint8_t bits;
    struct kept_file file;
    pxr_writer *writer; /* or NULL */
    unsigned codec;
    uint32_t next_id, n_frames, n_durable; /* n_frames: with those that no commit has promised */
    uint32_t ids[MAX_FRAMES];
    bool exists;
};

static void frame_of(const struct life *l, uint32_t id, uint8_t dst[2 * MAX_PX])
{
    /* Some are equal to others: blocks that are shared; some are flat. */
    const enum test_content content = (enum test_content)(id / 4 % TEST_N_CONTENTS);
    test_frame(dst, id, l->w, l->h, l->bits, test_max(l->bits), content);
}

static struct pxr_write_opts opts_of(const struct life *l)
{
    static const enum pxr_codec codecs[] = {PXR_CODEC_STORE, PXR_CODEC_AUTO, PXR_CODEC_PREDICT, PXR_CODEC_MATCH,
                                            PXR_CODEC_ADAPTIVE, PXR_CODEC_AUTO, PXR_CODEC_ZSTD, PXR_CODEC_SORTED};
    const unsigned n = pxr_zstd_is_built_in() ? 8 : 6, which = l->codec % n;
    return (struct pxr_write_opts){.width_px = l->w, .height_px = l->h, .bits = l->bits, .n_threads = 1,
                                   .block_frames = l->codec / 8 % 4, .codec = codecs[which],
                                   .preset = which == 5 ? PXR_PRESET_MAX : PXR_PRESET_DEFAULT, .skip_tail = true,
                                   .suffix_names = true, .publish_at_commit = true};
}

/* What a reader sees: at least what was promised, at most what was added. */
static uint32_t expect_frames(struct life *l, uint32_t at_least, uint32_t at_most)
{
    struct pxr_archive_info info;
    struct pxr_diag diag;
    pxr_archive *a;
    pxr_decoder *d;
    uint8_t want[2 * MAX_PX], got[2 * MAX_PX];
    const size_t row = (size_t)l->w * (l->bits / 8u);
    require(pxr_archive_open_io(&a, &l->file.io, l->file.memory.arg, NULL, &diag) == PXR_OK &&
            pxr_decoder_new(&d, a) == PXR_OK);
    pxr_archive_info(a, &info);
    require(info.n_frames >= at_least && info.n_frames <= at_most);
    for (uint32_t i = 0; i < info.n_frames; i++) {
        require(pxr_frame_read(d, i, 0, l->h, got, sizeof got, row) == PXR_OK);
        frame_of(l, l->ids[i], want);
        require(memcmp(want, got, row * l->h) == 0);
    }
    pxr_decoder_free(d);
    pxr_archive_close(a);
    return (uint32_t)info.n_frames;
}

static void end_writer(struct life *l, bool gives_up)
{
    if (!l->writer)
        return;
    if (gives_up) {
        pxr_writer_abort(l->writer);
        l->n_frames = l->n_durable;
    } else {
        struct pxr_diag diag;
        require(pxr_writer_finish(l->writer, NULL, &diag) == PXR_OK);
        l->n_durable = l->n_frames;
        l->exists = true;
    }
    l->writer = NULL;
    if (!l->exists) { /* discard and publish do nothing in memory: as if it were gone */
        kept_fini(&l->file);
        kept_init(&l->file, NULL, 0);
    }
}

/* May be refused where the tail holds what looks like a commit: checksums do not count in this build. */
static bool begin_writer(struct life *l)
{
    const struct pxr_write_opts o = opts_of(l);
    struct pxr_diag diag;
    enum pxr_err e = PXR_OK;
    if (!l->writer)
        e = l->exists ? pxr_writer_append_io(&l->writer, &l->file.io, l->file.memory.arg, &o, &diag)
                      : pxr_writer_create_io(&l->writer, &l->file.io, l->file.memory.arg, &o, &diag);
    require(e == PXR_OK || e == PXR_E_STATE || e == PXR_E_LIMIT);
    return e == PXR_OK;
}

static void add(struct life *l, unsigned n, unsigned how)
{
    uint8_t pixels[2 * MAX_PX];
    for (unsigned i = 0; i < n && l->n_frames < MAX_FRAMES && begin_writer(l); i++) {
        char name[32];
        const uint32_t id = how & 1 && l->n_frames ? l->ids[l->n_frames - 1] : l->next_id++;
        snprintf(name, sizeof name, how & 2 ? "same" : how & 4 ? "%u-part" : "f%05u", id);
        frame_of(l, id, pixels);
        const struct pxr_frame_in f = {.pixels = pixels, .name = how & 8 ? NULL : name, .has_time = how & 16,
                                       .time_ns = id, .meta = how & 32 ? "{\"a\":1}" : NULL, .meta_bytes = how & 32 ? 7 : 0};
        const enum pxr_err e = pxr_writer_add(l->writer, &f);
        require(e == PXR_OK || e == PXR_E_MISMATCH);
        if (e == PXR_OK)
            l->ids[l->n_frames++] = id;
    }
}

/* Bytes behind the last commit: a cut or a changed one of those, or new ones. */
static void spoil_tail(struct life *l, unsigned how, unsigned where)
{
    struct pxr_archive_info info;
    struct pxr_diag diag;
    pxr_archive *a;
    int err;
    uint8_t byte = (uint8_t)where;
    if (!l->exists)
        return;
    require(pxr_archive_open_io(&a, &l->file.io, l->file.memory.arg, NULL, &diag) == PXR_OK);
    pxr_archive_info(a, &info);
    pxr_archive_close(a);
    const struct pxr_io *const io = &l->file.memory.io;
    if (how % 3 == 0)
        io->truncate(l->file.memory.arg, info.archive_bytes + info.tail_bytes * where / 256, &err);
    else if (how % 3 == 1 && info.tail_bytes)
        io->write_at(l->file.memory.arg, info.archive_bytes + info.tail_bytes * where / 256, &byte, 1, &err);
    else
        io->write_at(l->file.memory.arg, info.archive_bytes + info.tail_bytes + how / 3, &byte, 1, &err);
}

/* The writer is gone without a word, as after a kill: what it wrote stays behind the last commit. */
static void kill_writer(struct life *l, unsigned how, unsigned where)
{
    struct kept_file copy;
    size_t n;
    const uint8_t *const bytes = pxr_file_memory_bytes(&l->file.memory, &n);
    kept_init(&copy, bytes, n);
    const uint32_t n_before = l->n_frames;
    end_writer(l, true);
    if (!l->exists) {
        kept_fini(&copy);
        return;
    }
    kept_fini(&l->file);
    l->file = copy;
    l->n_frames = n_before;
    spoil_tail(l, how, where);
    l->n_frames = expect_frames(l, l->n_durable, n_before);
    l->n_durable = l->n_frames;
}

/* Damage anywhere, and recovery.  Where checksums do not count, changed pixels go on as they are: only soundness is asked. */
static void damage(struct life *l, unsigned how, unsigned where)
{
    const struct pxr_recover_opts o = {.n_threads = 1};
    struct pxr_recover_report report;
    struct pxr_check_report checked;
    struct kept_file fresh;
    struct pxr_diag diag;
    size_t n;
    const uint8_t *const bytes = pxr_file_memory_bytes(&l->file.memory, &n);
    uint8_t *const damaged = malloc(n + 1);
    require(damaged != NULL);
    if (n)
        memcpy(damaged, bytes, n);
    struct kept_file old;
    for (unsigned i = 0; n && i < 1 + how % 3; i++)
        damaged[(where * 65537u + how * 257u + i * 7919u) % n] ^= (uint8_t)(1 + how / 3);
    kept_init(&old, damaged, n);
    free(damaged);
    kept_init(&fresh, NULL, 0);
    if (pxr_archive_recover_io(&old.io, old.memory.arg, &fresh.io, fresh.memory.arg, &o, &report, &diag) == PXR_OK)
        require(pxr_archive_check_io(&fresh.io, fresh.memory.arg, PXR_CHECK_DEEP, 1, NULL, NULL, &checked, &diag) == PXR_OK &&
                !checked.n_damages && checked.n_frames == report.n_frames);
    kept_fini(&old);
    kept_fini(&fresh);
}

/* All frames twice, by copying blocks. */
static void merge(struct life *l)
{
    struct kept_file copy;
    struct pxr_diag diag;
    pxr_archive *a;
    size_t n;
    if (2 * l->n_frames > MAX_FRAMES)
        return;
    const uint8_t *const bytes = pxr_file_memory_bytes(&l->file.memory, &n);
    kept_init(&copy, bytes, n);
    require(pxr_archive_open_io(&a, &copy.io, copy.memory.arg, NULL, &diag) == PXR_OK);
    if (begin_writer(l)) {
        require(pxr_writer_copy(l->writer, a, NULL, NULL, &diag) == PXR_OK);
        memcpy(l->ids + l->n_frames, l->ids, l->n_frames * sizeof *l->ids);
        l->n_frames *= 2;
        end_writer(l, false);
    }
    pxr_archive_close(a);
    kept_fini(&copy);
}

static void run_op(struct life *l, const uint8_t *op)
{
    switch (op[0] % 8) {
    case 0:
    case 1: add(l, op[1] % 9 + 1u, op[2]); break;
    case 2:
        if (l->writer) {
            require(pxr_writer_commit(l->writer) == PXR_OK);
            l->n_durable = l->n_frames;
            l->exists = true;
        }
        break;
    case 3:
        end_writer(l, op[1] & 1);
        l->codec = op[2];
        break;
    case 4: kill_writer(l, op[1], op[2]); break;
    case 5:
        if (l->exists && !l->writer)
            spoil_tail(l, op[1], op[2]);
        break;
    case 6: damage(l, op[1], op[2]); break;
    default:
        end_writer(l, false);
        if (l->exists)
            merge(l);
    }
    if (l->exists)
        expect_frames(l, l->n_durable, l->n_frames);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
    if (n_bytes < HEAD_BYTES + OP_BYTES)
        return 0;
    struct life l = {.bits = data[0] & 1 ? 16 : 8, .w = data[0] / 2 % 40 + 1u, .codec = data[2]};
    l.h = data[1] % 8 + 1u;
    if (l.w * l.h > MAX_PX)
        l.h = MAX_PX / l.w;
    kept_init(&l.file, NULL, 0);
    for (size_t i = 0, at = HEAD_BYTES; i < MAX_OPS && at + OP_BYTES <= n_bytes; i++, at += OP_BYTES)
        run_op(&l, data + at);
    end_writer(&l, false);
    if (l.exists)
        expect_frames(&l, l.n_frames, l.n_frames);
    kept_fini(&l.file);
    return 0;
}
