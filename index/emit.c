/* SPDX-License-Identifier: MIT
 * Records at the end of a file: where the next one goes, and index pages gathered into INDEX records. */
#include "emit.h"

#include "diag.h"

/* Large enough that pages lie together, small enough to keep. */
#define PAGES_MAX_BYTES ((size_t)4 << 20)
/* Parts up to this size are copied together with the header: one write instead of three. */
#define JOIN_MAX_BYTES ((size_t)64 << 10)

static enum pxr_err hash_parts(const void *a, size_t a_bytes, const void *b, size_t b_bytes,
                               uint64_t *hash, struct pxr_diag *diag)
{
    if (!b_bytes) {
        *hash = pxr_xxh3_64(a, a_bytes);
        return PXR_OK;
    }
    pxr_xxh3 *s = pxr_xxh3_new();
    if (!s)
        return pxr_fail_nomem(diag, 0);
    pxr_xxh3_begin64(s);
    pxr_xxh3_add64(s, a, a_bytes);
    pxr_xxh3_add64(s, b, b_bytes);
    *hash = pxr_xxh3_end64(s);
    pxr_xxh3_free(s);
    return PXR_OK;
}

static enum pxr_err write_joined(struct pxr_emit *to, const uint8_t *header, const void *a,
                                 size_t a_bytes, const void *b, size_t b_bytes, const uint8_t *tail,
                                 size_t tail_bytes, struct pxr_diag *diag)
{
    struct pxr_buffer all = {0};
    enum pxr_err e;
    if (pxr_buffer_add(&all, header, PXR_RECORD_HEADER_BYTES) && pxr_buffer_add(&all, a, a_bytes) &&
        pxr_buffer_add(&all, b, b_bytes) && pxr_buffer_add(&all, tail, tail_bytes))
        e = pxr_file_write(&to->file, to->end_off, all.bytes, all.n_bytes, diag);
    else
        e = pxr_fail_nomem(diag, a_bytes + b_bytes);
    pxr_buffer_fini(&all);
    return e;
}

static bool is_record_header(const struct pxr_emit *to, const uint8_t *p)
{
    struct pxr_record r;
    return !memcmp(p, PXR_MARKER, 4) && pxr_parse_record(&r, p, 0, UINT64_MAX, to->id, NULL) != PXR_E_CORRUPT;
}

bool pxr_emit_is_forged(const struct pxr_emit *to, const void *a, size_t a_bytes, const void *b, size_t b_bytes)
{
    const uint8_t *const first = a, *const second = b;
    uint8_t window[PXR_RECORD_HEADER_BYTES];
    size_t i = 0;
    for (; i + sizeof window <= a_bytes; i += 8)
        if (is_record_header(to, first + i))
            return true;
    for (; i < a_bytes && i + sizeof window <= a_bytes + b_bytes; i += 8) { /* across the border */
        memcpy(window, first + i, a_bytes - i);
        memcpy(window + (a_bytes - i), second, sizeof window - (a_bytes - i));
        if (is_record_header(to, window))
            return true;
    }
    for (; i + sizeof window <= a_bytes + b_bytes; i += 8)
        if (is_record_header(to, second + (i - a_bytes)))
            return true;
    return false;
}

bool pxr_emit_holds_header(const struct pxr_emit *to, const void *bytes, size_t n_bytes)
{
    const uint8_t *p = bytes, *const end = n_bytes ? p + n_bytes : p;
    while (end - p >= PXR_RECORD_HEADER_BYTES && (p = memmem(p, (size_t)(end - p), PXR_MARKER, 4)) &&
           end - p >= PXR_RECORD_HEADER_BYTES) {
        if (is_record_header(to, p))
            return true;
        p++;
    }
    return false;
}

enum pxr_err pxr_emit_record(struct pxr_emit *to, uint8_t type, const void *a, size_t a_bytes,
                             const void *b, size_t b_bytes, struct pxr_diag *diag)
{
    uint8_t header[PXR_RECORD_HEADER_BYTES], tail[16] = {0};
    const uint64_t body = (uint64_t)a_bytes + b_bytes;
    const size_t pad = (size_t)(pxr_round_up_u64(body, 8) - body);
    const uint64_t at = to->end_off + PXR_RECORD_HEADER_BYTES;
    pxr_record_store(header, type, body, to->sequence, to->id);
    uint64_t hash = 0;
    enum pxr_err e = hash_parts(a, a_bytes, b, b_bytes, &hash, diag);
    if (e != PXR_OK)
        return e;
    pxr_store_u64le(tail + pad, hash);
    if (body <= JOIN_MAX_BYTES) {
        e = write_joined(to, header, a, a_bytes, b, b_bytes, tail, pad + 8, diag);
    } else {
        e = pxr_file_write(&to->file, to->end_off, header, sizeof header, diag);
        if (e == PXR_OK && a_bytes)
            e = pxr_file_write(&to->file, at, a, a_bytes, diag);
        if (e == PXR_OK && b_bytes)
            e = pxr_file_write(&to->file, at + a_bytes, b, b_bytes, diag);
        if (e == PXR_OK)
            e = pxr_file_write(&to->file, at + body, tail, pad + 8, diag);
    }
    if (e != PXR_OK)
        return e;
    to->end_off += pxr_record_bytes(body);
    to->sequence++;
    return PXR_OK;
}

void pxr_page_header_store(uint8_t dst[PXR_PAGE_HEADER_BYTES], uint8_t kind, uint8_t level,
                           uint32_t n_entries, uint32_t page_bytes)
{
    dst[0] = kind;
    dst[1] = level;
    pxr_store_u16le(dst + 2, (uint16_t)n_entries);
    pxr_store_u32le(dst + 4, page_bytes);
}

enum pxr_err pxr_emit_page(struct pxr_emit *to, uint8_t kind, uint8_t level, uint32_t n_entries,
                           const void *rest, size_t rest_bytes, struct pxr_ref *ref,
                           struct pxr_diag *diag)
{
    const size_t n = PXR_PAGE_HEADER_BYTES + rest_bytes;
    enum pxr_err e;
    if (to->pages.n_bytes && to->pages.n_bytes + n > PAGES_MAX_BYTES &&
        (e = pxr_emit_pages_end(to, diag)) != PXR_OK)
        return e;
    if (n > UINT32_MAX)
        return pxr_fail_field(diag, PXR_E_LIMIT, PXR_NONE, "page_bytes", UINT32_MAX, n,
                              "an index page would be too large");
    const size_t start = (size_t)pxr_round_up_u64(to->pages.n_bytes, 8);
    const size_t gap = start - to->pages.n_bytes;
    uint8_t *room = pxr_buffer_extend(&to->pages, gap + n);
    if (!room)
        return pxr_fail_nomem(diag, n);
    memset(room, 0, gap);
    uint8_t *page = room + gap;
    pxr_page_header_store(page, kind, level, n_entries, (uint32_t)n);
    if (rest_bytes)
        memcpy(page + PXR_PAGE_HEADER_BYTES, rest, rest_bytes);
    *ref = (struct pxr_ref){to->end_off + PXR_RECORD_HEADER_BYTES + start, pxr_xxh3_64(page, n),
                            (uint32_t)n, level};
    return PXR_OK;
}

enum pxr_err pxr_emit_pages_end(struct pxr_emit *to, struct pxr_diag *diag)
{
    if (!to->pages.n_bytes)
        return PXR_OK;
    if (pxr_emit_is_forged(to, to->pages.bytes, to->pages.n_bytes, NULL, 0))
        return pxr_fail(diag, PXR_E_INVALID, "metadata that holds records of this very archive cannot be stored");
    const enum pxr_err e =
        pxr_emit_record(to, PXR_RECORD_INDEX, to->pages.bytes, to->pages.n_bytes, NULL, 0, diag);
    to->pages.n_bytes = 0;
    return e;
}

void pxr_emit_fini(struct pxr_emit *to)
{
    pxr_file_close(&to->file);
    pxr_buffer_fini(&to->pages);
}
