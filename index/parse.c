/* SPDX-License-Identifier: MIT
 * From bytes to checked structures: the only code of the archive that trusts nothing. */
#include "parse.h"

#include "bytes.h"
#include "diag.h"
#include "utf8.h"

#include <inttypes.h>

#define FIELD(e, at, name, want, got, ...) pxr_fail_field(diag, e, at, name, want, got, __VA_ARGS__)

/* A fuzzer cannot guess hashes; this switch is for its build alone. */
#ifdef PXR_FUZZ_SKIP_CHECKSUMS
#define HASH_IS(want, src, n) ((void)(want), (void)(src), (void)(n), true)
#else
#define HASH_IS(want, src, n) (pxr_xxh3_64(src, n) == (want))
#endif

static enum pxr_err check_zero(const uint8_t *src, size_t n, uint64_t off, struct pxr_diag *diag)
{
    for (size_t i = 0; i < n; i++)
        if (src[i])
            return FIELD(PXR_E_CORRUPT, off + i, "zero", 0, src[i], "a reserved byte is not zero");
    return PXR_OK;
}

enum pxr_err pxr_read_hashed(const struct pxr_file *file, const struct pxr_ref *ref, uint8_t *dst,
                             struct pxr_diag *diag)
{
    const enum pxr_err e = pxr_file_read(file, ref->off_bytes, dst, ref->n_bytes, diag);
    if (e == PXR_OK && !HASH_IS(ref->hash, dst, ref->n_bytes))
        return FIELD(PXR_E_CORRUPT, ref->off_bytes, "hash", ref->hash, pxr_xxh3_64(dst, ref->n_bytes),
                     "%" PRIu32 " stored bytes are damaged", ref->n_bytes);
    return e;
}

/* ---- section 4 -------------------------------------------------------------------------------- */

static enum pxr_err check_geometry(const struct pxr_superblock *sb, const struct pxr_limits *limits,
                                   struct pxr_diag *diag)
{
    uint64_t px;
    if (!sb->width_px || !sb->height_px)
        return FIELD(PXR_E_CORRUPT, sb->width_px ? 44 : 40, sb->width_px ? "height_px" : "width_px",
                     1, 0, "a frame without pixels");
    if (!pxr_mul_u64(sb->width_px, sb->height_px, &px) || px > limits->max_frame_px)
        return FIELD(PXR_E_LIMIT, 40, "width_px x height_px", limits->max_frame_px, px,
                     "frames are larger than the limit");
    if (sb->bits != 8 && sb->bits != 16)
        return FIELD(PXR_E_CORRUPT, 48, "bits", 8, sb->bits, "neither 8 nor 16");
    if (sb->max_error >> sb->bits)
        return FIELD(PXR_E_CORRUPT, 50, "max_error", (1u << sb->bits) - 1, sb->max_error, "more than any sample");
    if (!sb->nominal_frames || sb->nominal_frames > PXR_GROUP_MAX_FRAMES)
        return FIELD(PXR_E_CORRUPT, 56, "nominal_frames", 1, sb->nominal_frames, "out of range");
    if (!sb->nominal_height_px || sb->nominal_height_px > sb->height_px)
        return FIELD(PXR_E_CORRUPT, 60, "nominal_height_px", sb->height_px, sb->nominal_height_px,
                     "out of range");
    if (!sb->nominal_width_px || sb->nominal_width_px > sb->width_px)
        return FIELD(PXR_E_CORRUPT, 64, "nominal_width_px", sb->width_px, sb->nominal_width_px,
                     "out of range");
    if (!sb->nominal_unit_frames || sb->nominal_unit_frames > sb->nominal_frames)
        return FIELD(PXR_E_CORRUPT, 68, "nominal_unit_frames", sb->nominal_frames,
                     sb->nominal_unit_frames, "out of range");
    return PXR_OK;
}

enum pxr_err pxr_parse_superblock(struct pxr_superblock *out, const uint8_t *src, size_t src_bytes,
                                  const struct pxr_limits *limits, struct pxr_diag *diag)
{
    if (src_bytes < 8 || memcmp(src, PXR_MAGIC, 8))
        return pxr_fail_at(diag, PXR_E_NOTPXR, 0, "is not a PixelRain archive");
    if (src_bytes < PXR_SUPERBLOCK_BYTES)
        return FIELD(PXR_E_TRUNCATED, 0, "superblock", PXR_SUPERBLOCK_BYTES, src_bytes,
                     "the superblock is incomplete");
    const uint16_t version = pxr_load_u16le(src + 8);
    const uint32_t bytes = pxr_load_u32le(src + 12);
    const uint64_t refuse = pxr_load_u64le(src + 32);
    const bool is_sound = HASH_IS(pxr_load_u64le(src + 120), src, 120);
    /* A newer version may have another layout, but a flipped bit in the number is damage. */
    if (version != PXR_FORMAT_VERSION && (is_sound || bytes != PXR_SUPERBLOCK_BYTES))
        return FIELD(PXR_E_UNSUPPORTED, 8, "version_read", PXR_FORMAT_VERSION, version,
                     "was made by a newer version of PixelRain");
    if (!is_sound)
        return FIELD(PXR_E_CORRUPT, 120, "hash", pxr_load_u64le(src + 120), pxr_xxh3_64(src, 120),
                     "the superblock is damaged");
    if (bytes != PXR_SUPERBLOCK_BYTES)
        return FIELD(PXR_E_CORRUPT, 12, "superblock_bytes", PXR_SUPERBLOCK_BYTES, bytes, "wrong size");
    if (refuse & ~(uint64_t)PXR_REFUSE_NEAR_LOSSLESS)
        return FIELD(PXR_E_UNSUPPORTED, 32, "features_refuse", 0, refuse,
                     "needs features that this version does not have");
    *out = (struct pxr_superblock){
        .width_px = pxr_load_u32le(src + 40),
        .height_px = pxr_load_u32le(src + 44),
        .bits = src[48],
        .max_error = pxr_load_u16le(src + 50),
        .nominal_frames = pxr_load_u32le(src + 56),
        .nominal_height_px = pxr_load_u32le(src + 60),
        .nominal_width_px = pxr_load_u32le(src + 64),
        .nominal_unit_frames = pxr_load_u32le(src + 68),
    };
    memcpy(out->id, src + 72, 16);
    memcpy(out->bytes, src, PXR_SUPERBLOCK_BYTES);
    if (!refuse != !out->max_error)
        return FIELD(PXR_E_CORRUPT, 50, "max_error", refuse, out->max_error,
                     "does not agree with features_refuse about being lossless");
    enum pxr_err e = check_zero(src + 49, 1, 49, diag);
    if (e == PXR_OK)
        e = check_zero(src + 52, 4, 52, diag);
    if (e == PXR_OK)
        e = check_zero(src + 88, 32, 88, diag);
    return e == PXR_OK ? check_geometry(out, limits, diag) : e;
}

void pxr_superblock_store(struct pxr_superblock *sb)
{
    uint8_t *b = sb->bytes;
    memset(b, 0, PXR_SUPERBLOCK_BYTES);
    memcpy(b, PXR_MAGIC, 8);
    pxr_store_u16le(b + 8, PXR_FORMAT_VERSION);
    pxr_store_u16le(b + 10, PXR_FORMAT_VERSION);
    pxr_store_u32le(b + 12, PXR_SUPERBLOCK_BYTES);
    pxr_store_u64le(b + 32, sb->max_error ? PXR_REFUSE_NEAR_LOSSLESS : 0);
    pxr_store_u32le(b + 40, sb->width_px);
    pxr_store_u32le(b + 44, sb->height_px);
    b[48] = sb->bits;
    pxr_store_u16le(b + 50, sb->max_error);
    pxr_store_u32le(b + 56, sb->nominal_frames);
    pxr_store_u32le(b + 60, sb->nominal_height_px);
    pxr_store_u32le(b + 64, sb->nominal_width_px);
    pxr_store_u32le(b + 68, sb->nominal_unit_frames);
    memcpy(b + 72, sb->id, 16);
    pxr_store_u64le(b + 120, pxr_xxh3_64(b, 120));
}

/* ---- section 5 -------------------------------------------------------------------------------- */

uint64_t pxr_record_bytes(uint64_t body_bytes)
{
    return PXR_RECORD_HEADER_BYTES + pxr_round_up_u64(body_bytes, 8) + PXR_RECORD_TRAILER_BYTES;
}

enum pxr_err pxr_parse_record(struct pxr_record *out, const uint8_t *src, uint64_t off,
                              uint64_t file_bytes, const uint8_t id[16], struct pxr_diag *diag)
{
    if (memcmp(src, PXR_MARKER, 4))
        return FIELD(PXR_E_CORRUPT, off, "marker", pxr_load_u32le(PXR_MARKER), pxr_load_u32le(src),
                     "no record starts here");
    if (!HASH_IS(pxr_load_u64le(src + 40), src, 40))
        return FIELD(PXR_E_CORRUPT, off + 40, "header_hash", pxr_load_u64le(src + 40),
                     pxr_xxh3_64(src, 40), "a record header is damaged");
    if (memcmp(src + 24, id, 16))
        return pxr_fail_at(diag, PXR_E_CORRUPT, off + 24, "a record of another archive");
    *out = (struct pxr_record){
        .type = src[4],
        .body_bytes = pxr_load_u64le(src + 8),
        .sequence = pxr_load_u64le(src + 16),
        .body_off = off + PXR_RECORD_HEADER_BYTES,
    };
    if (out->type < PXR_RECORD_GROUP || out->type > PXR_RECORD_PARITY)
        return FIELD(PXR_E_CORRUPT, off + 4, "type", PXR_RECORD_PARITY, out->type, "unknown record");
    if (out->body_bytes >> 62 || pxr_record_bytes(out->body_bytes) > file_bytes - off)
        return FIELD(PXR_E_TRUNCATED, off + 8, "body_bytes", file_bytes - off, out->body_bytes,
                     "a record is longer than the rest of the file");
    out->next_off = off + pxr_record_bytes(out->body_bytes);
    return check_zero(src + 5, 3, off + 5, diag);
}

void pxr_record_store(uint8_t dst[PXR_RECORD_HEADER_BYTES], uint8_t type, uint64_t body_bytes,
                      uint64_t sequence, const uint8_t id[16])
{
    memset(dst, 0, PXR_RECORD_HEADER_BYTES);
    memcpy(dst, PXR_MARKER, 4);
    dst[4] = type;
    pxr_store_u64le(dst + 8, body_bytes);
    pxr_store_u64le(dst + 16, sequence);
    memcpy(dst + 24, id, 16);
    pxr_store_u64le(dst + 40, pxr_xxh3_64(dst, 40));
}

/* ---- sections 11 and 12 ----------------------------------------------------------------------- */

/* A range of the part of the file that the last commit covers. */
static enum pxr_err check_range(uint64_t off, uint64_t n_bytes, uint64_t end_off, uint64_t at,
                                const char *field, struct pxr_diag *diag)
{
    if (off < PXR_SUPERBLOCK_BYTES || !pxr_range_fits(off, n_bytes, end_off))
        return FIELD(PXR_E_CORRUPT, at, field, end_off, off, "points outside of the archive");
    return PXR_OK;
}

enum pxr_err pxr_parse_commit(struct pxr_commit *out, const uint8_t *body, uint64_t off,
                              const struct pxr_superblock *sb, struct pxr_diag *diag)
{
    if (memcmp(body, sb->bytes, PXR_SUPERBLOCK_BYTES))
        return pxr_fail_at(diag, PXR_E_CORRUPT, off, "a commit of another archive");
    *out = (struct pxr_commit){
        .root = {pxr_load_u64le(body + 128), pxr_load_u64le(body + 144), pxr_load_u32le(body + 136),
                 0},
        .number = pxr_load_u64le(body + 152),
        .previous_off = pxr_load_u64le(body + 160),
        .n_frames = pxr_load_u64le(body + 168),
    };
    if (!out->number)
        return FIELD(PXR_E_CORRUPT, off + 152, "commit", 1, 0, "commits are counted from 1");
    if (out->previous_off >= off || (out->number == 1) != !out->previous_off)
        return FIELD(PXR_E_CORRUPT, off + 160, "previous_off", 0, out->previous_off, "out of range");
    enum pxr_err e = check_range(out->root.off_bytes, out->root.n_bytes, off, off + 128, "root_off",
                                 diag);
    return e == PXR_OK ? check_zero(body + 140, 4, off + 140, diag) : e;
}

static enum pxr_err load_ref(struct pxr_ref *out, const uint8_t *src, uint64_t at, bool may_be_absent,
                             uint64_t max_bytes, uint64_t end_off, const char *field,
                             struct pxr_diag *diag)
{
    out->off_bytes = pxr_load_u64le(src);
    out->n_bytes = pxr_load_u32le(src + 8);
    out->level = src[12];
    out->hash = pxr_load_u64le(src + 16);
    enum pxr_err e = check_zero(src + 13, 3, at + 13, diag);
    if (e != PXR_OK)
        return e;
    if (out->level > PXR_TREE_MAX_LEVEL)
        return FIELD(PXR_E_CORRUPT, at + 12, field, PXR_TREE_MAX_LEVEL, out->level, "too deep a tree");
    if (may_be_absent && !out->n_bytes)
        return check_zero(src, 24, at, diag);
    if (out->n_bytes < PXR_PAGE_HEADER_BYTES)
        return FIELD(PXR_E_CORRUPT, at + 8, field, PXR_PAGE_HEADER_BYTES, out->n_bytes,
                     "too small for a page");
    if (out->n_bytes > max_bytes)
        return FIELD(PXR_E_LIMIT, at + 8, field, max_bytes, out->n_bytes,
                     "a page is larger than the limit");
    return check_range(out->off_bytes, out->n_bytes, end_off, at, field, diag);
}

static enum pxr_err check_page_header(const uint8_t *src, uint64_t off, uint32_t n_bytes, uint8_t kind,
                                      uint8_t level, struct pxr_diag *diag)
{
    if (n_bytes < PXR_PAGE_HEADER_BYTES)
        return FIELD(PXR_E_CORRUPT, off, "page_bytes", PXR_PAGE_HEADER_BYTES, n_bytes,
                     "too small for a page");
    if (src[0] != kind)
        return FIELD(PXR_E_CORRUPT, off, "kind", kind, src[0], "another kind of page");
    if (src[1] != level)
        return FIELD(PXR_E_CORRUPT, off + 1, "level", level, src[1], "another level");
    if (pxr_load_u32le(src + 4) != n_bytes)
        return FIELD(PXR_E_CORRUPT, off + 4, "page_bytes", n_bytes, pxr_load_u32le(src + 4),
                     "another length than its reference says");
    return PXR_OK;
}

/* Behind the name tables of a root, whose counts are known. */
static enum pxr_err load_view_index_ref(struct pxr_root *r, uint32_t i, const uint8_t *src, uint64_t off,
                                        uint64_t max_bytes, uint64_t end_off, struct pxr_diag *diag)
{
    struct pxr_root_view_index *v = &r->view_indexes[i];
    const uint32_t at = PXR_ROOT_BYTES + r->n_tables * (uint32_t)PXR_ROOT_TABLE_BYTES +
                        i * (uint32_t)PXR_ROOT_VIEW_INDEX_BYTES;
    uint8_t ref[24];
    memcpy(ref, src + at, sizeof ref);
    v->view = ref[12];
    ref[12] = 0; /* where a tree has its level */
    const enum pxr_err e = load_ref(&v->head, ref, off + at, false, max_bytes, end_off, "view indexes", diag);
    v->n_frames = pxr_load_u64le(src + at + 24);
    if (e != PXR_OK)
        return e;
    if (v->view <= (i ? r->view_indexes[i - 1].view : 0))
        return FIELD(PXR_E_CORRUPT, off + at + 12, "view", i ? r->view_indexes[i - 1].view + 1u : 1u, v->view,
                     "views do not increase");
    if (!v->n_frames || v->n_frames > r->n_frames)
        return FIELD(PXR_E_CORRUPT, off + at + 24, "n_frames", r->n_frames, v->n_frames, "out of range");
    return PXR_OK;
}

enum pxr_err pxr_parse_root(struct pxr_root *out, const uint8_t *src, const struct pxr_ref *ref,
                            const struct pxr_commit *commit, const struct pxr_limits *limits,
                            uint64_t end_off, struct pxr_diag *diag)
{
    const uint64_t off = ref->off_bytes;
    uint8_t dir[24];
    if (ref->n_bytes < PXR_ROOT_BYTES)
        return FIELD(PXR_E_CORRUPT, off, "root_bytes", PXR_ROOT_BYTES, ref->n_bytes, "too small");
    enum pxr_err e = check_page_header(src, off, ref->n_bytes, PXR_PAGE_ROOT, 0, diag);
    if (e != PXR_OK)
        return e;
    memset(out, 0, sizeof *out);
    out->n_tables = pxr_load_u16le(src + 2);
    out->n_view_indexes = src[45];
    if (out->n_tables > PXR_ROOT_MAX_TABLES || out->n_view_indexes > PXR_ROOT_MAX_VIEW_INDEXES ||
        ref->n_bytes != PXR_ROOT_BYTES + out->n_tables * (uint32_t)PXR_ROOT_TABLE_BYTES +
                            out->n_view_indexes * (uint32_t)PXR_ROOT_VIEW_INDEX_BYTES)
        return FIELD(PXR_E_CORRUPT, off + 2, "n_entries",
                     (ref->n_bytes - PXR_ROOT_BYTES) / PXR_ROOT_TABLE_BYTES,
                     out->n_tables + out->n_view_indexes, "does not fit the root's length");
    out->n_frames = pxr_load_u64le(src + 8);
    out->n_groups = pxr_load_u64le(src + 16);
    out->commit = pxr_load_u64le(src + 24);
    if (out->n_frames != commit->n_frames)
        return FIELD(PXR_E_CORRUPT, off + 8, "n_frames", commit->n_frames, out->n_frames,
                     "the root is not that of the commit");
    if (out->commit != commit->number)
        return FIELD(PXR_E_CORRUPT, off + 24, "commit", commit->number, out->commit,
                     "the root is not that of the commit");
    if (out->n_frames > limits->max_frames)
        return FIELD(PXR_E_LIMIT, off + 8, "n_frames", limits->max_frames, out->n_frames,
                     "more frames than the limit");
    if (out->n_groups > out->n_frames || !out->n_groups != !out->n_frames)
        return FIELD(PXR_E_CORRUPT, off + 16, "n_groups", out->n_frames, out->n_groups,
                     "does not fit the number of frames");
    memcpy(dir, src + 32, sizeof dir);
    dir[13] = 0; /* n_view_indexes stands in what other references have zero */
    e = load_ref(&out->dir, dir, off + 32, !out->n_frames, limits->max_index_bytes, end_off, "dir_off", diag);
    if (e == PXR_OK)
        e = load_ref(&out->meta, src + 56, off + 56, true, limits->max_index_bytes, end_off,
                     "meta_off", diag);
    if (e == PXR_OK)
        e = check_zero(src + 68, 1, off + 68, diag);
    for (uint32_t i = 0; i < out->n_tables && e == PXR_OK; i++) {
        const uint32_t at = PXR_ROOT_BYTES + i * (uint32_t)PXR_ROOT_TABLE_BYTES;
        e = load_ref(&out->tables[i].top, src + at, off + at, false, limits->max_index_bytes, end_off,
                     "tables", diag);
        out->tables[i].n_entries = pxr_load_u64le(src + at + 24);
        if (e == PXR_OK && (!out->tables[i].n_entries || out->tables[i].n_entries > out->n_frames))
            e = FIELD(PXR_E_CORRUPT, off + at + 24, "n_entries", out->n_frames,
                      out->tables[i].n_entries, "more names than frames");
    }
    for (uint32_t i = 0; i < out->n_view_indexes && e == PXR_OK; i++)
        e = load_view_index_ref(out, i, src, off, limits->max_index_bytes, end_off, diag);
    return e;
}

/* ---- view indexes ----------------------------------------------------------------------------- */

static uint64_t view_index_bytes(const struct pxr_view_index *i)
{
    return PXR_VIEW_INDEX_HEADER_BYTES + pxr_round_up_u64(i->params_bytes, 8) +
           i->n_pages * PXR_VIEW_INDEX_REF_BYTES;
}

enum pxr_err pxr_parse_view_index(struct pxr_view_index *out, const uint8_t *src, const struct pxr_ref *ref,
                                  uint64_t n_frames, struct pxr_diag *diag)
{
    const uint64_t off = ref->off_bytes;
    if (ref->n_bytes < PXR_VIEW_INDEX_HEADER_BYTES)
        return FIELD(PXR_E_CORRUPT, off, "page_bytes", PXR_VIEW_INDEX_HEADER_BYTES, ref->n_bytes, "too small");
    enum pxr_err e = check_page_header(src, off, ref->n_bytes, PXR_PAGE_VIEW_INDEX, 0, diag);
    if (e == PXR_OK)
        e = check_zero(src + 2, 2, off + 2, diag);
    if (e == PXR_OK)
        e = check_zero(src + 28, 4, off + 28, diag);
    if (e != PXR_OK)
        return e;
    *out = (struct pxr_view_index){.n_frames = pxr_load_u64le(src + 8),
                                   .entry_bytes = pxr_load_u32le(src + 16),
                                   .page_frames = pxr_load_u32le(src + 20),
                                   .params_bytes = pxr_load_u32le(src + 24),
                                   .params = src + PXR_VIEW_INDEX_HEADER_BYTES};
    if (out->n_frames != n_frames)
        return FIELD(PXR_E_CORRUPT, off + 8, "n_frames", n_frames, out->n_frames, "not what the root says");
    if (!out->entry_bytes || out->entry_bytes > (uint32_t)1 << 20)
        return FIELD(PXR_E_CORRUPT, off + 16, "entry_bytes", (uint32_t)1 << 20, out->entry_bytes, "out of range");
    if (!out->page_frames || out->page_frames > UINT16_MAX)
        return FIELD(PXR_E_CORRUPT, off + 20, "page_frames", UINT16_MAX, out->page_frames, "out of range");
    if (out->params_bytes > 65536)
        return FIELD(PXR_E_CORRUPT, off + 24, "params_bytes", 65536, out->params_bytes, "out of range");
    out->n_pages = pxr_div_up_u64(n_frames, out->page_frames);
    if (out->n_pages > UINT32_MAX || view_index_bytes(out) != ref->n_bytes)
        return FIELD(PXR_E_CORRUPT, off + 4, "page_bytes", view_index_bytes(out), ref->n_bytes,
                     "does not fit the number of frames");
    const uint64_t params_end = PXR_VIEW_INDEX_HEADER_BYTES + out->params_bytes;
    out->pages = src + pxr_round_up_u64(params_end, 8);
    return check_zero(src + params_end, (size_t)(out->pages - src - (ptrdiff_t)params_end), off + params_end, diag);
}

struct pxr_ref pxr_view_index_page(const struct pxr_view_index *i, uint64_t page, uint32_t *n_frames)
{
    const uint8_t *p = i->pages + page * PXR_VIEW_INDEX_REF_BYTES;
    *n_frames = (uint32_t)pxr_min_u64(i->page_frames, i->n_frames - page * i->page_frames);
    const uint64_t n_bytes = PXR_VIEW_ENTRIES_HEADER_BYTES + (uint64_t)*n_frames * i->entry_bytes;
    return (struct pxr_ref){pxr_load_u64le(p), pxr_load_u64le(p + 8),
                            (uint32_t)pxr_min_u64(n_bytes, UINT32_MAX), 0};
}

enum pxr_err pxr_parse_view_entries(const uint8_t **entries, const uint8_t *src, const struct pxr_ref *ref,
                                    const struct pxr_view_index *i, uint64_t page, struct pxr_diag *diag)
{
    uint32_t n;
    const uint64_t off = ref->off_bytes;
    const enum pxr_err e = check_page_header(src, off, ref->n_bytes, PXR_PAGE_VIEW_ENTRIES, 0, diag);
    pxr_view_index_page(i, page, &n);
    if (e != PXR_OK)
        return e;
    if (pxr_load_u16le(src + 2) != n)
        return FIELD(PXR_E_CORRUPT, off + 2, "n_entries", n, pxr_load_u16le(src + 2), "another number of frames");
    if (pxr_load_u64le(src + 8) != page * i->page_frames)
        return FIELD(PXR_E_CORRUPT, off + 8, "first_frame", page * i->page_frames, pxr_load_u64le(src + 8),
                     "entries of other frames");
    *entries = src + PXR_VIEW_ENTRIES_HEADER_BYTES;
    return PXR_OK;
}

/* ---- sections 7, 9 and 10 --------------------------------------------------------------------- */

struct pxr_dir_entry pxr_dir_entry_load(const uint8_t *s)
{
    return (struct pxr_dir_entry){
        .first_frame = pxr_load_u64le(s),
        .n_frames = pxr_load_u32le(s + 8),
        .group = {pxr_load_u64le(s + 16), pxr_load_u64le(s + 32), pxr_load_u32le(s + 24), 0},
        .frames = {pxr_load_u64le(s + 40), pxr_load_u64le(s + 48), pxr_load_u32le(s + 12), 0},
    };
}

void pxr_dir_entry_store(uint8_t d[PXR_DIR_ENTRY_BYTES], const struct pxr_dir_entry *e)
{
    pxr_store_u64le(d, e->first_frame);
    pxr_store_u32le(d + 8, e->n_frames);
    pxr_store_u32le(d + 12, e->frames.n_bytes);
    pxr_store_u64le(d + 16, e->group.off_bytes);
    pxr_store_u32le(d + 24, e->group.n_bytes);
    pxr_store_u32le(d + 28, 0);
    pxr_store_u64le(d + 32, e->group.hash);
    pxr_store_u64le(d + 40, e->frames.off_bytes);
    pxr_store_u64le(d + 48, e->frames.hash);
}

struct pxr_name_entry pxr_name_entry_load(const uint8_t *s)
{
    return (struct pxr_name_entry){pxr_load_u64le(s), pxr_load_u64le(s + 8), pxr_load_u64le(s + 16),
                                   pxr_load_u32le(s + 24)};
}

void pxr_name_entry_store(uint8_t d[PXR_NAME_ENTRY_BYTES], const struct pxr_name_entry *e)
{
    pxr_store_u64le(d, e->key);
    pxr_store_u64le(d + 8, e->counter);
    pxr_store_u64le(d + 16, e->frame);
    pxr_store_u32le(d + 24, e->n_names);
    pxr_store_u32le(d + 28, 0);
}

struct pxr_tree_key pxr_tree_entry_key(const struct pxr_tree_page *page, uint32_t entry)
{
    const uint8_t *s = page->entries + (size_t)entry * page->entry_bytes;
    const bool names = page->kind == PXR_PAGE_NAME_LEAF || page->kind == PXR_PAGE_NAME_NODE;
    return (struct pxr_tree_key){pxr_load_u64le(s), names ? pxr_load_u64le(s + 8) : 0};
}

bool pxr_dir_page_covers(const struct pxr_tree_page *page, uint64_t first, uint64_t n_frames)
{
    const uint8_t *last = page->entries + (size_t)(page->n_entries - 1) * page->entry_bytes;
    const uint64_t n_last = page->level ? pxr_load_u64le(last + 8) : pxr_load_u32le(last + 8);
    uint64_t end;
    return pxr_load_u64le(page->entries) == first && pxr_add_u64(pxr_load_u64le(last), n_last, &end) &&
           end - first == n_frames;
}

struct pxr_ref pxr_tree_entry_child(const struct pxr_tree_page *page, uint32_t entry)
{
    const uint8_t *s = page->entries + (size_t)entry * page->entry_bytes;
    return (struct pxr_ref){pxr_load_u64le(s + 16), pxr_load_u64le(s + 32), pxr_load_u32le(s + 24),
                            (uint8_t)(page->level - 1)};
}

static int compare_keys(struct pxr_tree_key a, struct pxr_tree_key b)
{
    return a.k0 != b.k0 ? (a.k0 < b.k0 ? -1 : 1) : a.k1 != b.k1 ? (a.k1 < b.k1 ? -1 : 1) : 0;
}

uint32_t pxr_tree_page_find(const struct pxr_tree_page *page, struct pxr_tree_key key)
{
    uint32_t lo = 0, hi = page->n_entries; /* entries below lo are <= key, those from hi on > key */
    while (lo < hi) {
        const uint32_t mid = lo + (hi - lo) / 2;
        if (compare_keys(pxr_tree_entry_key(page, mid), key) <= 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo - 1;
}

static enum pxr_err check_node_entry(const uint8_t *s, uint64_t at, uint64_t end_off,
                                     struct pxr_diag *diag)
{
    const uint32_t n_bytes = pxr_load_u32le(s + 24);
    if (n_bytes < PXR_PAGE_HEADER_BYTES)
        return FIELD(PXR_E_CORRUPT, at + 24, "bytes", PXR_PAGE_HEADER_BYTES, n_bytes,
                     "too small for a page");
    const enum pxr_err e = check_range(pxr_load_u64le(s + 16), n_bytes, end_off, at + 16, "off", diag);
    return e == PXR_OK ? check_zero(s + 28, 4, at + 28, diag) : e;
}

static enum pxr_err check_dir_entry(const uint8_t *s, uint64_t at, uint64_t end_off,
                                    struct pxr_diag *diag)
{
    const struct pxr_dir_entry d = pxr_dir_entry_load(s);
    if (!d.n_frames || d.n_frames > PXR_GROUP_MAX_FRAMES)
        return FIELD(PXR_E_CORRUPT, at + 8, "n_frames", PXR_GROUP_MAX_FRAMES, d.n_frames,
                     "out of range");
    if (d.frames.n_bytes < PXR_FRAMES_HEADER_BYTES)
        return FIELD(PXR_E_CORRUPT, at + 12, "frames_bytes", PXR_FRAMES_HEADER_BYTES,
                     d.frames.n_bytes, "too small for a frame page");
    if (d.group.n_bytes < PXR_GROUP_HEADER_BYTES)
        return FIELD(PXR_E_CORRUPT, at + 24, "group_bytes", PXR_GROUP_HEADER_BYTES, d.group.n_bytes,
                     "too small for a group header");
    enum pxr_err e =
        check_range(d.group.off_bytes, d.group.n_bytes, end_off, at + 16, "group_off", diag);
    if (e == PXR_OK)
        e = check_range(d.frames.off_bytes, d.frames.n_bytes, end_off, at + 40, "frames_off", diag);
    return e == PXR_OK ? check_zero(s + 28, 4, at + 28, diag) : e;
}

static enum pxr_err check_name_entry(const uint8_t *s, uint64_t at, struct pxr_diag *diag)
{
    const struct pxr_name_entry n = pxr_name_entry_load(s);
    uint64_t end;
    if (!n.n_names || !pxr_add_u64(n.counter, n.n_names, &end) ||
        !pxr_add_u64(n.frame, n.n_names, &end))
        return FIELD(PXR_E_CORRUPT, at + 24, "n_names", 1, n.n_names, "out of range");
    return check_zero(s + 28, 4, at + 28, diag);
}

/* Directory: entries follow each other without gaps.  Names: keys go up. */
static enum pxr_err check_order(const struct pxr_tree_page *p, uint32_t i, bool names, uint64_t at,
                                struct pxr_diag *diag)
{
    const struct pxr_tree_key before = pxr_tree_entry_key(p, i - 1), now = pxr_tree_entry_key(p, i);
    if (names)
        return compare_keys(before, now) < 0 ? PXR_OK
                                             : FIELD(PXR_E_CORRUPT, at, "key", before.k0, now.k0,
                                                     "names are not in order");
    const uint8_t *s = p->entries + (size_t)(i - 1) * p->entry_bytes;
    uint64_t want;
    const uint64_t n = p->level ? pxr_load_u64le(s + 8) : pxr_load_u32le(s + 8);
    if (!pxr_add_u64(before.k0, n, &want) || now.k0 != want)
        return FIELD(PXR_E_CORRUPT, at, "first_frame", before.k0 + n, now.k0,
                     "groups do not follow each other");
    return PXR_OK;
}

enum pxr_err pxr_parse_tree_page(struct pxr_tree_page *out, const uint8_t *src,
                                 const struct pxr_ref *ref, bool names, uint64_t end_off,
                                 struct pxr_diag *diag)
{
    const uint64_t off = ref->off_bytes;
    const uint8_t leaf = names ? PXR_PAGE_NAME_LEAF : PXR_PAGE_DIR_LEAF;
    const uint8_t kind = ref->level ? (uint8_t)(leaf + 1) : leaf;
    enum pxr_err e = check_page_header(src, off, ref->n_bytes, kind, ref->level, diag);
    if (e != PXR_OK)
        return e;
    *out = (struct pxr_tree_page){
        .kind = kind,
        .level = ref->level,
        .n_entries = pxr_load_u16le(src + 2),
        .entry_bytes = ref->level ? PXR_NODE_ENTRY_BYTES
                       : names    ? PXR_NAME_ENTRY_BYTES
                                  : PXR_DIR_ENTRY_BYTES,
        .entries = src + PXR_PAGE_HEADER_BYTES,
    };
    const uint32_t want = (ref->n_bytes - PXR_PAGE_HEADER_BYTES) / out->entry_bytes;
    if (!out->n_entries || out->n_entries > PXR_TREE_FANOUT || out->n_entries != want ||
        ref->n_bytes != PXR_PAGE_HEADER_BYTES + out->n_entries * out->entry_bytes)
        return FIELD(PXR_E_CORRUPT, off + 2, "n_entries", want, out->n_entries,
                     "does not fit the page's length");
    for (uint32_t i = 0; i < out->n_entries && e == PXR_OK; i++) {
        const uint8_t *s = out->entries + (size_t)i * out->entry_bytes;
        const uint64_t at = off + PXR_PAGE_HEADER_BYTES + (uint64_t)i * out->entry_bytes;
        e = ref->level ? check_node_entry(s, at, end_off, diag)
            : names    ? check_name_entry(s, at, diag)
                       : check_dir_entry(s, at, end_off, diag);
        if (e == PXR_OK && i)
            e = check_order(out, i, names, at, diag);
    }
    return e;
}

/* ---- section 8 -------------------------------------------------------------------------------- */

size_t pxr_run_load(const uint8_t *s, struct pxr_name_split *split, uint32_t *n_names)
{
    *n_names = pxr_load_u32le(s);
    *split = (struct pxr_name_split){
        .name_class = s[4],
        .prefix_bytes = s[5],
        .suffix_bytes = s[6],
        .counter = pxr_load_u64le(s + 8),
        .prefix = (const char *)s + PXR_RUN_BYTES,
        .suffix = (const char *)s + PXR_RUN_BYTES + s[5],
    };
    return (size_t)PXR_RUN_BYTES + s[5] + s[6];
}

/* The first and the last name of a run stand for all: they have the same parts, and no other is longer
 * than the last. */
static enum pxr_err check_run(const struct pxr_name_split *run, uint32_t n_names, uint64_t at,
                              struct pxr_diag *diag)
{
    const uint8_t c = run->name_class;
    if (c == 1 || (c > PXR_NAME_MAX_DIGITS && c != PXR_NAME_CLASS_PLAIN))
        return FIELD(PXR_E_CORRUPT, at + 4, "class", 0, c, "unknown class of names");
    const uint64_t end = pxr_name_counter_end(c);
    if (run->counter >= end || n_names > end - run->counter)
        return FIELD(PXR_E_CORRUPT, at + 8, "counter", end, run->counter, "beyond its class");
    for (uint32_t i = 0; i < 2; i++) {
        char name[256];
        struct pxr_name_split again;
        const uint64_t step = i ? n_names - 1 : 0;
        const size_t n = pxr_name_join(run, step, name);
        const char *objection = pxr_name_objection(name, n);
        if (objection)
            return pxr_fail_at(diag, PXR_E_CORRUPT, at, "a frame's name %s", objection);
        pxr_name_split(&again, name, n);
        if (again.name_class != c || again.prefix_bytes != run->prefix_bytes ||
            again.suffix_bytes != run->suffix_bytes || again.counter != run->counter + step)
            return pxr_fail_at(diag, PXR_E_CORRUPT, at, "a name is not split as it must be");
    }
    return PXR_OK;
}

static enum pxr_err check_runs(struct pxr_frames_page *p, const uint8_t *end, uint64_t off,
                               const uint8_t **after, struct pxr_diag *diag)
{
    const uint8_t *s = p->runs;
    uint64_t n_named = 0;
    for (uint32_t i = 0; i < p->n_runs; i++) {
        struct pxr_name_split run;
        uint32_t n_names;
        const uint64_t at = off + (uint64_t)(s - p->runs);
        const size_t left = (size_t)(end - s);
        if (left < PXR_RUN_BYTES || left < (size_t)PXR_RUN_BYTES + s[5] + s[6])
            return FIELD(PXR_E_CORRUPT, at, "n_runs", p->n_runs, i, "names beyond the page's end");
        const size_t n = pxr_run_load(s, &run, &n_names);
        if (!n_names || n_names > p->n_frames - n_named)
            return FIELD(PXR_E_CORRUPT, at, "n_names", p->n_frames - n_named, n_names,
                         "more names than frames");
        enum pxr_err e = check_zero(s + 7, 1, at + 7, diag);
        if (e == PXR_OK)
            e = check_run(&run, n_names, at, diag);
        if (e != PXR_OK)
            return e;
        n_named += n_names;
        s += n;
    }
    if (n_named != p->n_frames)
        return FIELD(PXR_E_CORRUPT, off, "n_names", p->n_frames, n_named, "frames without a name");
    *after = s;
    return PXR_OK;
}

static enum pxr_err check_depths(const struct pxr_frames_page *p, uint8_t bits, uint64_t off,
                                 uint64_t depths_off, struct pxr_diag *diag)
{
    const uint32_t max = (1u << bits) - 1;
    if (!(p->flags & PXR_FRAMES_HAS_DEPTH)) {
        if (!p->maxval || p->maxval > max)
            return FIELD(PXR_E_CORRUPT, off + 18, "maxval", max, p->maxval, "out of range");
        if (p->sbit > bits)
            return FIELD(PXR_E_CORRUPT, off + 17, "sbit", bits, p->sbit, "out of range");
        return PXR_OK;
    }
    if (p->maxval || p->sbit)
        return FIELD(PXR_E_CORRUPT, off + 17, "zero", 0, p->sbit, "depths are given per frame");
    for (uint32_t i = 0; i < p->n_frames; i++) {
        const uint8_t *s = p->depths + 4 * (size_t)i;
        const uint16_t maxval = pxr_load_u16le(s);
        if (!maxval || maxval > max || s[2] > bits || s[3])
            return FIELD(PXR_E_CORRUPT, depths_off + 4 * (uint64_t)i, "depths", max, maxval,
                         "out of range");
    }
    return PXR_OK;
}

enum pxr_err pxr_parse_frames_page(struct pxr_frames_page *out, const uint8_t *src, uint64_t off,
                                   uint32_t n_bytes, uint64_t first_frame, uint32_t n_frames,
                                   uint8_t bits, struct pxr_diag *diag)
{
    enum pxr_err e = check_page_header(src, off, n_bytes, PXR_PAGE_FRAMES, 0, diag);
    if (e != PXR_OK)
        return e;
    if (n_bytes < PXR_FRAMES_HEADER_BYTES)
        return FIELD(PXR_E_CORRUPT, off + 4, "page_bytes", PXR_FRAMES_HEADER_BYTES, n_bytes,
                     "too small for a frame page");
    *out = (struct pxr_frames_page){
        .first_frame = pxr_load_u64le(src + 8),
        .n_frames = pxr_load_u16le(src + 2),
        .flags = src[16],
        .sbit = src[17],
        .maxval = pxr_load_u16le(src + 18),
        .n_runs = pxr_load_u32le(src + 20),
    };
    if (out->first_frame != first_frame)
        return FIELD(PXR_E_CORRUPT, off + 8, "first_frame", first_frame, out->first_frame,
                     "is not what the directory says");
    if (out->n_frames != n_frames)
        return FIELD(PXR_E_CORRUPT, off + 2, "n_entries", n_frames, out->n_frames,
                     "is not what the directory says");
    if (out->flags > 7)
        return FIELD(PXR_E_CORRUPT, off + 16, "flags", 7, out->flags, "unknown flags");
    if (!out->n_runs || out->n_runs > n_frames)
        return FIELD(PXR_E_CORRUPT, off + 20, "n_runs", n_frames, out->n_runs, "out of range");
    const uint64_t n = n_frames, n_sums = PXR_FRAMES_SUMS_BYTES * n;
    const uint64_t n_times = out->flags & PXR_FRAMES_HAS_TIME ? 8 * n : 0;
    const uint64_t n_depths = out->flags & PXR_FRAMES_HAS_DEPTH ? 4 * n : 0;
    const uint64_t n_lengths = out->flags & PXR_FRAMES_HAS_META ? 4 * n : 0;
    const uint64_t fixed = PXR_FRAMES_HEADER_BYTES + n_sums + n_times + n_depths;
    if (fixed + n_lengths > n_bytes)
        return FIELD(PXR_E_CORRUPT, off + 4, "page_bytes", fixed + n_lengths, n_bytes,
                     "too small for its frames");
    out->sums = src + PXR_FRAMES_HEADER_BYTES;
    out->times = n_times ? out->sums + n_sums : NULL;
    out->depths = n_depths ? out->sums + n_sums + n_times : NULL;
    out->runs = src + fixed;
    e = check_depths(out, bits, off, off + PXR_FRAMES_HEADER_BYTES + n_sums + n_times, diag);
    if (e != PXR_OK)
        return e;
    const uint8_t *after = src, *const end = src + n_bytes;
    e = check_runs(out, end - n_lengths, off + fixed, &after, diag);
    if (e != PXR_OK)
        return e;
    uint64_t n_meta = 0;
    if (n_lengths) {
        out->meta_bytes = after;
        out->meta = after + n_lengths;
        for (uint32_t i = 0; i < n_frames; i++)
            n_meta += pxr_load_u32le(after + 4 * (size_t)i); /* 65535 x 2^32 fits */
    }
    if (n_meta != (uint64_t)(end - after) - n_lengths)
        return FIELD(PXR_E_CORRUPT, off + (uint64_t)(after - src), "meta_bytes",
                     (uint64_t)(end - after) - n_lengths, n_meta,
                     "does not fill the page to its end");
    return PXR_OK;
}

/* ---- section 6 -------------------------------------------------------------------------------- */

void pxr_group_window(const struct pxr_group *g, const struct pxr_superblock *sb, uint32_t block,
                      uint32_t *x0, uint32_t *y0, struct pxr_block_shape *shape)
{
    *x0 = block % g->n_columns * g->block_width_px;
    *y0 = block / g->n_columns * g->block_height_px;
    *shape = (struct pxr_block_shape){
        .n_frames = g->n_frames,
        .height_px = (uint32_t)pxr_min_u64(g->block_height_px, sb->height_px - *y0),
        .width_px = (uint32_t)pxr_min_u64(g->block_width_px, sb->width_px - *x0),
        .bits = sb->bits,
    };
}

enum pxr_err pxr_parse_group(struct pxr_group *out, const uint8_t *src, uint64_t off, uint32_t n_bytes,
                             const struct pxr_superblock *sb, uint64_t first_frame, uint32_t n_frames,
                             struct pxr_diag *diag)
{
    if (n_bytes < PXR_GROUP_HEADER_BYTES)
        return FIELD(PXR_E_CORRUPT, off, "group_bytes", PXR_GROUP_HEADER_BYTES, n_bytes, "too small");
    *out = (struct pxr_group){
        .first_frame = pxr_load_u64le(src),
        .n_frames = pxr_load_u32le(src + 8),
        .n_blocks = pxr_load_u32le(src + 12),
        .block_height_px = pxr_load_u32le(src + 16),
        .block_width_px = pxr_load_u32le(src + 20),
        .payload_bytes = pxr_load_u64le(src + 24),
        .headers_bytes = pxr_load_u32le(src + 32),
    };
    if (out->first_frame != first_frame)
        return FIELD(PXR_E_CORRUPT, off, "first_frame", first_frame, out->first_frame,
                     "is not what the directory says");
    if (out->n_frames != n_frames || !n_frames || n_frames > PXR_GROUP_MAX_FRAMES)
        return FIELD(PXR_E_CORRUPT, off + 8, "n_frames", n_frames, out->n_frames,
                     "is not what the directory says");
    if (!out->block_height_px || out->block_height_px > sb->height_px)
        return FIELD(PXR_E_CORRUPT, off + 16, "block_height_px", sb->height_px, out->block_height_px,
                     "out of range");
    if (!out->block_width_px || out->block_width_px > sb->width_px)
        return FIELD(PXR_E_CORRUPT, off + 20, "block_width_px", sb->width_px, out->block_width_px,
                     "out of range");
    /* Both factors and the product are at most the pixels of a frame: 2^28 by default. */
    out->n_columns = (uint32_t)pxr_div_up_u64(sb->width_px, out->block_width_px);
    const uint64_t n = out->n_columns * pxr_div_up_u64(sb->height_px, out->block_height_px);
    if (out->n_blocks != n)
        return FIELD(PXR_E_CORRUPT, off + 12, "n_blocks", n, out->n_blocks,
                     "does not fit the frame and the block size");
    const uint64_t want = PXR_GROUP_HEADER_BYTES + 8 * n + out->headers_bytes;
    if (want != n_bytes)
        return FIELD(PXR_E_CORRUPT, off + 32, "headers_bytes", n_bytes, want,
                     "does not fit the group header's length");
    out->payload_offs = src + PXR_GROUP_HEADER_BYTES;
    out->headers = out->payload_offs + 8 * n;
    return check_zero(src + 36, 4, off + 36, diag);
}
