/* SPDX-License-Identifier: MIT
 * The two JSON files of the mount: info.json and .pixelrain/stats.json. */
#include "report.h"

#include "alloc.h"
#include "diag.h"
#include "json.h"

#include <string.h>

static bool has_view(const struct pxr_fs_tree *t, enum pxr_view view)
{
    for (unsigned i = 0; i < t->n_views; i++)
        if (t->views[i] == view)
            return true;
    return false;
}

static bool has_stack(const struct pxr_fs_tree *t, enum pxr_stack stack)
{
    for (unsigned i = 0; i < t->n_stacks; i++)
        if (t->stacks[i] == stack)
            return true;
    return false;
}

/* What the tree has, and what this archive or choice of frames cannot have. */
static void add_shown(struct pxr_json *j, const struct pxr_server *s, const struct pxr_snapshot *shown)
{
    const struct pxr_fs_tree *t = &shown->tree;
    pxr_json_object(j, "shown_frames");
    pxr_json_u64(j, "first", t->frames.first);
    pxr_json_u64(j, "step", t->frames.step);
    pxr_json_u64(j, "count", t->frames.n_frames);
    pxr_json_end_object(j);
    pxr_json_array(j, "views");
    for (unsigned v = 0; v < t->n_views; v++)
        pxr_json_text(j, NULL, pxr_view_name(t->views[v]));
    for (unsigned v = 0; v < t->n_stacks; v++)
        pxr_json_text(j, NULL, pxr_stack_name(t->stacks[v]));
    if (t->has_zarr)
        pxr_json_text(j, NULL, "zarr");
    pxr_json_end_array(j);
    pxr_json_object(j, "absent");
    for (unsigned v = 0; v < PXR_N_VIEWS; v++) {
        const char *why = pxr_snapshot_view_refusal(shown, (enum pxr_view)v);
        if (why && !has_view(t, (enum pxr_view)v))
            pxr_json_text(j, pxr_view_name((enum pxr_view)v), why);
    }
    for (unsigned v = 0; v < PXR_N_STACKS; v++) {
        const char *why = pxr_snapshot_stack_refusal(s, shown, (enum pxr_stack)v);
        if (why && !has_stack(t, (enum pxr_stack)v))
            pxr_json_text(j, pxr_stack_name((enum pxr_stack)v), why);
    }
    const char *why = pxr_snapshot_zarr_refusal(shown);
    if (why && !t->has_zarr)
        pxr_json_text(j, "zarr", why);
    pxr_json_end_object(j);
}

enum pxr_err pxr_report_info(const struct pxr_server *s, const struct pxr_snapshot *v, char **out, size_t *out_bytes,
                             struct pxr_diag *diag)
{
    const struct pxr_archive_info *i = &v->info;
    struct pxr_json j = {.is_indented = true};
    size_t meta_bytes = 0;
    const char *meta = pxr_archive_meta(v->archive, &meta_bytes);
    pxr_json_object(&j, NULL);
    pxr_json_text(&j, "program", "pixelrain");
    pxr_json_text(&j, "version", pxr_version());
    pxr_json_hex(&j, "id", i->id, sizeof i->id);
    pxr_json_u64(&j, "commit", i->commit);
    pxr_json_u64(&j, "frames", i->n_frames);
    pxr_json_u64(&j, "groups", i->n_groups);
    pxr_json_u64(&j, "width_px", i->width_px);
    pxr_json_u64(&j, "height_px", i->height_px);
    pxr_json_u64(&j, "bits", i->bits);
    pxr_json_u64(&j, "max_error", i->max_error);
    pxr_json_object(&j, "block");
    pxr_json_u64(&j, "frames", i->nominal_frames);
    pxr_json_u64(&j, "height_px", i->nominal_height_px);
    pxr_json_u64(&j, "width_px", i->nominal_width_px);
    pxr_json_end_object(&j);
    pxr_json_u64(&j, "pixel_bytes", i->pixel_bytes);
    pxr_json_u64(&j, "archive_bytes", i->archive_bytes);
    pxr_json_u64(&j, "tail_bytes", i->tail_bytes);
    pxr_json_text(&j, "layout", v->tree.is_nested ? "nested" : "flat");
    pxr_json_bool(&j, "live", s->is_live);
    add_shown(&j, s, v);
    if (meta_bytes) /* as text: nobody has checked that it is JSON */
        pxr_json_string(&j, "meta", meta, meta_bytes);
    pxr_json_end_object(&j);
    if (j.is_failed) {
        pxr_json_fini(&j);
        return pxr_fail(diag, PXR_E_NOMEM, "no memory for info.json");
    }
    j.text[j.n_bytes] = '\n'; /* instead of the NUL, which nobody needs */
    *out = j.text;
    *out_bytes = j.n_bytes + 1;
    return PXR_OK;
}

static uint64_t value_of(const atomic_uint_fast64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

bool pxr_report_stats(const struct pxr_server *s, const struct pxr_snapshot *v, char dst[PXR_STATS_BYTES])
{
    static const char *const names[PXR_N_REQUESTS] = {
        [PXR_REQ_LOOKUP] = "lookup",   [PXR_REQ_GETATTR] = "getattr", [PXR_REQ_OPEN] = "open",
        [PXR_REQ_READ] = "read",       [PXR_REQ_READDIR] = "readdir", [PXR_REQ_XATTR] = "xattr",
        [PXR_REQ_STATFS] = "statfs",
    };
    struct pxr_json j = {.is_indented = true};
    struct pxr_stats stats;
    pxr_archive_stats(v->archive, &stats);
    pxr_json_object(&j, NULL);
    pxr_json_u64(&j, "units_decoded", stats.units_decoded);
    pxr_json_u64(&j, "units_prefetched", stats.units_prefetched);
    pxr_json_u64(&j, "unit_hits", stats.unit_hits);
    pxr_json_u64(&j, "bytes_read", stats.bytes_read);
    pxr_json_u64(&j, "index_reads", stats.index_reads);
    pxr_json_u64(&j, "cache_bytes", stats.cache_bytes);
    pxr_json_u64(&j, "cache_limit_bytes", stats.cache_limit_bytes);
    pxr_json_object(&j, "requests");
    for (unsigned r = 0; r < PXR_N_REQUESTS; r++)
        pxr_json_u64(&j, names[r], value_of(&s->n_requests[r]));
    pxr_json_end_object(&j);
    pxr_json_u64(&j, "requests_failed", value_of(&s->n_failed));
    pxr_json_u64(&j, "view_bytes", value_of(&s->read_bytes));
    pxr_json_text(&j, "sandbox", s->sandbox.text);
    pxr_json_end_object(&j);
    const bool fits = !j.is_failed && j.n_bytes < PXR_STATS_BYTES;
    if (fits) {
        memset(dst, ' ', PXR_STATS_BYTES);
        memcpy(dst, j.text, j.n_bytes);
        dst[PXR_STATS_BYTES - 1] = '\n';
    }
    pxr_json_fini(&j);
    return fits;
}
