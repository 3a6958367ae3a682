/* SPDX-License-Identifier: MIT
 * When a writer makes parity: behind some 48 MiB of records, and in front of each commit (docs/format.md, section 17).
 *
 * What is covered is read back from the file, so parity is of what the file holds, and nothing has to be kept. */
#include "parity.h"
#include "writer.h"

#include "diag.h"

/* A backlog of this size gets a span of its own, which is not cut in two. */
#define ENOUGH_BYTES ((uint64_t)48 << 20)
/* Behind so many bytes of parity for what is old, a commit: readers look back no further than 2^30 bytes for one. */
#define CATCH_UP_BYTES ((uint64_t)1 << 28)

static enum pxr_err write_span(pxr_writer *w, uint64_t first, uint64_t end, const uint8_t *commit)
{
    struct pxr_parity *p = &w->parity;
    const uint64_t at = w->emit.end_off;
    enum { TRIES = 8 };
    if (first <= p->covered_end)
        p->covered_end = pxr_max_u64(p->covered_end, end);
    struct pxr_parity_head h = {.record_off = at, .sequence = w->emit.sequence, .first_off = first, .end_off = end,
                                .covered_end = p->covered_end, .percent = p->percent, .has_commit = commit != NULL};
    memcpy(h.id, w->emit.id, sizeof h.id);
    if (commit)
        memcpy(h.commit, commit, sizeof h.commit);
    /* Section 5: other columns give other sums, if these look like a record. */
    for (unsigned wider = 0; wider < TRIES; wider++) {
        uint8_t *body;
        enum pxr_err e = pxr_parity_make(&h, &w->emit.file, wider, &body, &w->diag);
        if (e != PXR_OK)
            return e;
        const bool is_forged = pxr_emit_is_forged(&w->emit, body, h.body_bytes, NULL, 0);
        if (!is_forged)
            e = pxr_emit_record(&w->emit, PXR_RECORD_PARITY, body, h.body_bytes, NULL, 0, &w->diag);
        pxr_free(body);
        if (!is_forged) {
            if (p->covered_end == at)
                p->covered_end = w->emit.end_off;
            return e;
        }
    }
    return pxr_fail(&w->diag, PXR_E_INVALID, "frames whose parity holds records of this very archive cannot be stored");
}

/* Cover all that is there, in spans of about the same length. */
static enum pxr_err cover(pxr_writer *w, const uint8_t *commit)
{
    struct pxr_parity *p = &w->parity;
    const uint64_t end = w->emit.end_off;
    enum pxr_err e = PXR_OK;
    while (p->next_off < end && e == PXR_OK) {
        const uint64_t rest = end - p->next_off, n = pxr_div_up_u64(rest, PXR_PARITY_MAX_SPAN_BYTES);
        const uint64_t stop = n > 1 ? (p->next_off + rest / n) & ~(uint64_t)(PXR_PARITY_CELL_BYTES - 1) : end;
        e = write_span(w, p->next_off, stop, stop == end ? commit : NULL);
        p->next_off = stop;
    }
    p->next_off = w->emit.end_off;
    return e;
}

enum pxr_err pxr_writer_parity_group(pxr_writer *w)
{
    return w->parity.percent && w->emit.end_off - w->parity.next_off >= ENOUGH_BYTES ? cover(w, NULL) : PXR_OK;
}

enum pxr_err pxr_writer_parity_commit(pxr_writer *w, const uint8_t commit[PXR_COMMIT_BODY_BYTES])
{
    return w->parity.percent && !w->parity.is_catching_up ? cover(w, commit) : PXR_OK;
}

void pxr_writer_parity_resume(pxr_writer *w)
{
    struct pxr_parity *p = &w->parity;
    struct pxr_parity_head h;
    const bool has_any = pxr_parity_newest(&w->emit.file, &w->sb, w->last_commit_off, &h);
    if (!w->opts.parity_percent) /* as before, if that can be */
        p->percent = has_any && pxr_parity_is_built_in() ? h.percent : 0;
    if (has_any)
        p->covered_end = h.covered_end == h.record_off ? pxr_parity_next_off(&h) : h.covered_end;
    p->next_off = p->covered_end;
    p->is_catching_up = true;
}

/* What was written without parity gets it first, so that what is covered is always the file from its beginning. */
enum pxr_err pxr_writer_parity_catch_up(pxr_writer *w)
{
    struct pxr_parity *p = &w->parity;
    const uint64_t end = w->emit.end_off;
    enum pxr_err e = PXR_OK;
    /* Less than a span is taken along by the first one. */
    if (p->percent && end - p->next_off > PXR_PARITY_MAX_SPAN_BYTES)
        while (p->next_off < end && e == PXR_OK) {
            const uint64_t start = p->next_off & ~(uint64_t)(PXR_PARITY_CELL_BYTES - 1);
            const uint64_t stop = pxr_min_u64(end, start + PXR_PARITY_MAX_SPAN_BYTES);
            e = write_span(w, p->next_off, stop, NULL);
            p->next_off = stop;
            if (e == PXR_OK && w->emit.end_off - w->durable_end_off > CATCH_UP_BYTES)
                e = pxr_writer_commit_all(w);
        }
    p->is_catching_up = false;
    return e;
}
