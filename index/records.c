/* SPDX-License-Identifier: MIT
 * The records of a file, one after the other, without the index: for check, append and recover. */
#include "records.h"

#include "alloc.h"
#include "bytes.h"
#include "diag.h"

#include <inttypes.h>

/* A fuzzer cannot guess hashes; this switch is for its build alone. */
#ifdef PXR_FUZZ_SKIP_CHECKSUMS
#define HASHES_AGREE(want, got) ((void)(want), (void)(got), true)
#else
#define HASHES_AGREE(want, got) ((want) == (got))
#endif

enum pxr_err pxr_record_check_body(const struct pxr_file *file, const struct pxr_record *r, pxr_xxh3 *hash,
                                   uint8_t *piece, struct pxr_diag *diag)
{
    uint8_t tail[16];
    enum pxr_err e = PXR_OK;
    pxr_xxh3_begin64(hash);
    for (uint64_t at = 0; at < r->body_bytes && e == PXR_OK;) {
        const size_t n = (size_t)pxr_min_u64(PXR_PIECE_BYTES, r->body_bytes - at);
        e = pxr_file_read(file, r->body_off + at, piece, n, diag);
        if (e == PXR_OK)
            pxr_xxh3_add64(hash, piece, n);
        at += n;
    }
    const uint64_t end = r->body_off + r->body_bytes;
    const size_t n_tail = (size_t)(r->next_off - end), n_pad = n_tail - PXR_RECORD_TRAILER_BYTES;
    if (e == PXR_OK)
        e = pxr_file_read(file, end, tail, n_tail, diag);
    if (e != PXR_OK)
        return e;
    for (size_t i = 0; i < n_pad; i++)
        if (tail[i])
            return pxr_fail_field(diag, PXR_E_CORRUPT, end + i, "padding", 0, tail[i],
                                  "the padding of a record is not zero");
    const uint64_t want = pxr_load_u64le(tail + n_pad), got = pxr_xxh3_end64(hash);
    if (!HASHES_AGREE(want, got))
        return pxr_fail_field(diag, PXR_E_CORRUPT, r->body_off, "body_hash", want, got,
                              "a record of %" PRIu64 " bytes is damaged", r->body_bytes);
    return PXR_OK;
}

enum pxr_err pxr_record_search(const struct pxr_file *file, const uint8_t id[16], uint64_t off, uint64_t end,
                               uint8_t *piece, uint64_t *found_off, struct pxr_record *r, struct pxr_diag *diag)
{
    *found_off = end;
    /* Where records follow each other, the first header is it: what is read grows with how far there is none, so that a
     * million tiny records do not cost a million large pieces. */
    size_t piece_bytes = PXR_RECORD_HEADER_BYTES;
    while (pxr_range_fits(off, PXR_RECORD_HEADER_BYTES, end)) {
        const size_t n = (size_t)pxr_min_u64(piece_bytes, end - off);
        const enum pxr_err e = pxr_file_read(file, off, piece, n, diag);
        if (e != PXR_OK)
            return e;
        size_t i = 0;
        for (; i + PXR_RECORD_HEADER_BYTES <= n; i += 8)
            if (!memcmp(piece + i, PXR_MARKER, 4) &&
                pxr_parse_record(r, piece + i, off + i, UINT64_MAX, id ? id : piece + i + 24, NULL) == PXR_OK) {
                *found_off = off + i;
                return PXR_OK;
            }
        off += i; /* a header that crosses the end of the piece is whole in the next one */
        piece_bytes = pxr_min_u64(8 * (uint64_t)piece_bytes, PXR_PIECE_BYTES);
    }
    return PXR_OK;
}

bool pxr_record_is_skip(const struct pxr_file *file, const struct pxr_record *r, uint64_t off, uint64_t *first_off)
{
    uint8_t body[24];
    if (r->type != PXR_RECORD_SKIP || r->body_bytes != 16 ||
        pxr_file_read(file, r->body_off, body, sizeof body, NULL) != PXR_OK ||
        !HASHES_AGREE(pxr_load_u64le(body + 16), pxr_xxh3_64(body, 16)))
        return false;
    *first_off = pxr_load_u64le(body);
    return *first_off < off && pxr_load_u64le(body + 8) == off - *first_off;
}

static void note(struct pxr_tail *t, uint64_t *count, uint64_t off)
{
    if (!t->n_whole && !t->n_forged)
        t->first_off = off;
    ++*count;
}

enum pxr_err pxr_tail_inspect(struct pxr_tail *out, const struct pxr_file *file, const struct pxr_superblock *sb,
                              uint64_t end_off, uint64_t file_bytes, struct pxr_diag *diag)
{
    uint8_t *piece = pxr_alloc(PXR_PIECE_BYTES);
    pxr_xxh3 *hash = pxr_xxh3_new();
    uint64_t off = end_off, found, n_read = 0;
    struct pxr_record r;
    bool is_chained = true; /* every record so far was hopped to */
    *out = (struct pxr_tail){.skip_to = pxr_round_up_u64(file_bytes, 8)};
    enum pxr_err e = piece && hash ? PXR_OK : pxr_fail_nomem(diag, PXR_PIECE_BYTES);
    while (e == PXR_OK && off < file_bytes) {
        e = pxr_record_search(file, sb->id, off, file_bytes, piece, &found, &r, diag);
        if (e != PXR_OK || found == file_bytes)
            break;
        is_chained = is_chained && found == off;
        off = is_chained ? r.next_off : found + 8;
        if (is_chained)
            out->skip_to = pxr_max_u64(out->skip_to, r.next_off);
        if (r.next_off > file_bytes)
            continue;
        n_read += r.body_bytes;
        /* Bodies of headers inside bodies that are not sound: those that are left count as whole, nobody appends behind them. */
        const bool is_too_much = n_read > pxr_most_reread(file_bytes - end_off);
        const enum pxr_err sound = is_too_much ? PXR_OK : pxr_record_check_body(file, &r, hash, piece, diag);
        if (sound == PXR_OK && r.type != PXR_RECORD_SKIP && r.type != PXR_RECORD_PARITY)
            note(out, r.type == PXR_RECORD_COMMIT ? &out->n_forged : &out->n_whole, found);
        e = sound == PXR_E_CORRUPT ? PXR_OK : sound;
        if (sound == PXR_OK)
            off = r.next_off;
    }
    pxr_free(piece);
    pxr_xxh3_free(hash);
    return e;
}
