/* SPDX-License-Identifier: MIT
 * What all requests of one mount share. */
#include "server.h"

#include "alloc.h"
#include "bytes.h"
#include "diag.h"
#include "frame_range.h"
#include "report.h"
#include "worker.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

/* Less than the archive needs to be read in order makes every frame many times slower: the library
 * raises it in silence, but who asked for a number should know. */
static enum pxr_err check_cache(const struct pxr_server *s, const struct pxr_mount_options *o,
                                struct pxr_diag *diag)
{
    struct pxr_stats stats;
    pxr_archive_stats(s->archive, &stats);
    if (!o->cache_bytes || stats.cache_limit_bytes <= o->cache_bytes)
        return PXR_OK;
    return pxr_fail(diag, PXR_E_INVALID,
                    "cache=%" PRIu64 " is too small to read this archive in order: it needs "
                    "cache=%" PRIu64,
                    o->cache_bytes, stats.cache_limit_bytes);
}

static enum pxr_err choose_frames(struct pxr_server *s, const struct pxr_mount_options *o,
                                  struct pxr_diag *diag)
{
    struct pxr_frame_range r;
    const enum pxr_err e = pxr_frame_range_parse(&r, o->frames[0] ? o->frames : NULL, s->info.n_frames,
                                                 "option frames", diag);
    if (e != PXR_OK)
        return e;
    s->tree.frames = (struct pxr_frames){r.first, r.step, pxr_frame_range_count(&r)};
    if (s->info.n_frames > PXR_FS_MAX_FRAMES)
        return pxr_fail(diag, PXR_E_LIMIT, "too many frames for a mount");
    return PXR_OK;
}

/* What an archive cannot show is left out, unless somebody asked for it by name. */
static enum pxr_err refuse(const struct pxr_mount_options *o, const char *name, const char *why,
                           struct pxr_diag *diag)
{
    return o->names_views ? pxr_fail(diag, PXR_E_LIMIT, "cannot show %s: %s", name, why) : PXR_OK;
}

const char *pxr_server_zarr_refusal(const struct pxr_server *s)
{
    uint64_t n_chunks;
    if (!pxr_mul_u64(s->tree.frames.n_frames, s->tree.n_stripes, &n_chunks) ||
        n_chunks > PXR_FS_MAX_FRAMES)
        return "it would have too many files";
    return pxr_zarr_refusal(&s->info);
}

/* What the files of pce need beside them, and how many a frame has. */
static enum pxr_err load_companions(struct pxr_server *s, struct pxr_diag *diag)
{
    struct pxr_fs_tree *t = &s->tree;
    t->tiled = PXR_VIEW_PCE;
    t->n_tiles = pxr_view_n_tiles(&s->info, t->tiled);
    for (unsigned k = 0; k < PXR_FS_MAX_COMPANIONS; k++) {
        const char *name;
        size_t n;
        enum pxr_err e = pxr_view_companion(s->archive, t->tiled, k, &name, NULL, 0, &n, diag);
        if (e != PXR_OK || !name)
            return e;
        s->companion_text[k] = pxr_alloc(n);
        if (!s->companion_text[k])
            return pxr_fail_nomem(diag, n);
        e = pxr_view_companion(s->archive, t->tiled, k, &name, s->companion_text[k], n, &s->companion_bytes[k], diag);
        if (e != PXR_OK)
            return e;
        t->companions[t->n_companions++] = name;
    }
    return PXR_OK;
}

/* Why a view cannot be shown, or NULL. */
const char *pxr_server_view_refusal(const struct pxr_server *s, enum pxr_view v)
{
    uint64_t n_files;
    if (!pxr_mul_u64(s->info.n_frames, pxr_view_n_tiles(&s->info, v), &n_files) || n_files > PXR_FS_MAX_FRAMES)
        return "it would have too many files";
    return pxr_view_refusal(&s->info, v);
}

const char *pxr_server_stack_refusal(const struct pxr_server *s, enum pxr_stack k)
{
    const char *why = pxr_stack_refusal(&s->info, &s->tree.frames, k);
    return !why && pxr_stack_is_lossy(k) && !s->shows_lossy
               ? "it does not keep all bits of a sample; -o lossy-views shows it all the same"
               : why;
}

static bool shows(const struct pxr_fs_tree *t, enum pxr_view v)
{
    for (unsigned i = 0; i < t->n_views; i++)
        if (t->views[i] == v)
            return true;
    return false;
}

static enum pxr_err choose_views(struct pxr_server *s, const struct pxr_mount_options *o,
                                 struct pxr_diag *diag)
{
    struct pxr_fs_tree *t = &s->tree;
    enum pxr_err e = PXR_OK;
    t->is_single = o->is_single;
    t->is_nested = o->is_nested;
    t->n_stripes = pxr_zarr_n_stripes(&s->info);
    for (unsigned i = 0; i < o->n_views && e == PXR_OK; i++) {
        const char *why = pxr_server_view_refusal(s, o->views[i]);
        if (why)
            e = refuse(o, pxr_view_name(o->views[i]), why, diag);
        else
            t->views[t->n_views++] = o->views[i];
    }
    if (e == PXR_OK && shows(t, PXR_VIEW_PCE))
        e = load_companions(s, diag);
    for (unsigned i = 0; i < o->n_stacks && e == PXR_OK; i++) {
        const enum pxr_stack k = o->stacks[i];
        const char *why = pxr_server_stack_refusal(s, k);
        if (why)
            e = refuse(o, pxr_stack_name(k), why, diag);
        else
            t->stacks[t->n_stacks++] = k;
        s->stack_bytes[k] = pxr_stack_bytes(&s->info, &t->frames, k);
    }
    const char *why = o->has_zarr ? pxr_server_zarr_refusal(s) : NULL;
    if (why && e == PXR_OK)
        e = refuse(o, "zarr", why, diag);
    t->has_zarr = o->has_zarr && !why;
    for (unsigned f = 0; f < PXR_N_ZARR_FILES; f++)
        s->zarr_text_bytes[f] = pxr_zarr_text(&s->info, t->frames.n_frames, (enum pxr_zarr_file)f,
                                              s->zarr_text[f]);
    return e;
}

enum pxr_err pxr_server_init(struct pxr_server *s, const struct pxr_mount_options *o,
                             const char *source, struct pxr_diag *diag)
{
    const struct pxr_limits limits = {.cache_bytes = o->cache_bytes,
                                      .prefetch_frames = o->prefetch_frames,
                                      .skips_unit_hashes = o->skips_unit_hashes};
    struct stat st;
    *s = (struct pxr_server){.uid = o->uid,
                             .gid = o->gid,
                             .file_mask = o->file_mask,
                             .folder_mask = o->folder_mask,
                             .is_fastopen = o->is_fastopen,
                             .shows_lossy = o->shows_lossy};
    enum pxr_err e = pxr_archive_open(&s->archive, source, &limits, diag);
    if (e != PXR_OK)
        return e;
    pxr_archive_info(s->archive, &s->info);
    e = check_cache(s, o, diag);
    if (e == PXR_OK)
        e = choose_frames(s, o, diag);
    if (e == PXR_OK)
        e = choose_views(s, o, diag);
    if (e != PXR_OK)
        return e;
    if (stat(source, &st))
        return pxr_fail_sys(diag, PXR_E_IO, errno, "%s", source);
    s->archive_time = st.st_mtim;
    const int sys_errno = pthread_key_create(&s->worker_key, pxr_worker_free);
    if (sys_errno)
        return pxr_fail_sys(diag, PXR_E_NOMEM, sys_errno, "no place for the threads' memory");
    s->has_worker_key = true;
    return pxr_report_info(s, &s->info_json, &s->info_json_bytes, diag);
}

void pxr_server_fini(struct pxr_server *s)
{
    if (s->has_worker_key) {
        pxr_worker_free(pthread_getspecific(s->worker_key)); /* of this thread, if any */
        pthread_key_delete(s->worker_key);
    }
    pxr_free(s->info_json);
    for (unsigned k = 0; k < PXR_FS_MAX_COMPANIONS; k++)
        pxr_free(s->companion_text[k]);
    pxr_archive_close(s->archive);
    *s = (struct pxr_server){0};
}
