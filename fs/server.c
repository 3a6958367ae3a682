/* SPDX-License-Identifier: MIT
 * What all requests of one mount share. */
#include "server.h"

#include "alloc.h"
#include "bytes.h"
#include "diag.h"
#include "report.h"
#include "worker.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

/* Folders of a nested layout keep their names while the archive grows to this many digits of frames. */
#define LIVE_FOLDER_DIGITS 9

/* ---- what is shown ------------------------------------------------------------------------------- */

/* Less than the archive needs to be read in order makes every frame many times slower: the library
 * raises it in silence, but who asked for a number should know. */
static enum pxr_err check_cache(const struct pxr_snapshot *v, const struct pxr_mount_options *o,
                                struct pxr_diag *diag)
{
    struct pxr_stats stats;
    pxr_archive_stats(v->archive, &stats);
    if (!o->cache_bytes || stats.cache_limit_bytes <= o->cache_bytes)
        return PXR_OK;
    return pxr_fail(diag, PXR_E_INVALID,
                    "cache=%" PRIu64 " is too small to read this archive in order: it needs "
                    "cache=%" PRIu64,
                    o->cache_bytes, stats.cache_limit_bytes);
}

static enum pxr_err choose_frames(const struct pxr_server *s, struct pxr_snapshot *v, struct pxr_diag *diag)
{
    struct pxr_frame_range r = s->range;
    r.end = pxr_min_u64(r.end, v->info.n_frames);
    v->tree.frames = (struct pxr_frames){r.first, r.step, pxr_frame_range_count(&r)};
    if (v->info.n_frames > PXR_FS_MAX_FRAMES)
        return pxr_fail(diag, PXR_E_LIMIT, "too many frames for a mount");
    return PXR_OK;
}

/* What an archive cannot show is left out, unless somebody asked for it by name. */
static enum pxr_err refuse(const struct pxr_mount_options *o, const char *name, const char *why,
                           struct pxr_diag *diag)
{
    return o->names_views ? pxr_fail(diag, PXR_E_LIMIT, "cannot show %s: %s", name, why) : PXR_OK;
}

const char *pxr_snapshot_zarr_refusal(const struct pxr_snapshot *v)
{
    uint64_t n_chunks;
    if (!pxr_mul_u64(v->tree.frames.n_frames, v->tree.n_stripes, &n_chunks) ||
        n_chunks > PXR_FS_MAX_FRAMES)
        return "it would have too many files";
    return pxr_zarr_refusal(&v->info);
}

/* What the files of pce need beside them, and how many a frame has. */
static enum pxr_err load_companions(struct pxr_server *s, struct pxr_snapshot *v, struct pxr_diag *diag)
{
    struct pxr_fs_tree *t = &v->tree;
    t->tiled = PXR_VIEW_PCE;
    t->n_tiles = pxr_view_n_tiles(&v->info, t->tiled);
    for (unsigned k = 0; k < PXR_FS_MAX_COMPANIONS; k++) {
        const char *name;
        size_t n;
        enum pxr_err e = pxr_view_companion(v->archive, t->tiled, k, &name, NULL, 0, &n, diag);
        if (e != PXR_OK || !name)
            return e;
        s->companion_text[k] = pxr_alloc(n);
        if (!s->companion_text[k])
            return pxr_fail_nomem(diag, n);
        e = pxr_view_companion(v->archive, t->tiled, k, &name, s->companion_text[k], n, &s->companion_bytes[k], diag);
        if (e != PXR_OK)
            return e;
        t->companions[t->n_companions++] = name;
    }
    return PXR_OK;
}

/* Why a view cannot be shown, or NULL. */
const char *pxr_snapshot_view_refusal(const struct pxr_snapshot *v, enum pxr_view view)
{
    uint64_t n_files;
    if (!pxr_mul_u64(v->info.n_frames, pxr_view_n_tiles(&v->info, view), &n_files) || n_files > PXR_FS_MAX_FRAMES)
        return "it would have too many files";
    return pxr_view_refusal(&v->info, view);
}

const char *pxr_snapshot_stack_refusal(const struct pxr_server *s, const struct pxr_snapshot *v, enum pxr_stack k)
{
    const char *why = pxr_stack_refusal(&v->info, &v->tree.frames, k);
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

static enum pxr_err choose_views(struct pxr_server *s, struct pxr_snapshot *v, const struct pxr_mount_options *o,
                                 struct pxr_diag *diag)
{
    struct pxr_fs_tree *t = &v->tree;
    enum pxr_err e = PXR_OK;
    t->is_single = o->is_single;
    t->is_nested = o->is_nested;
    t->folder_digits = o->is_live ? LIVE_FOLDER_DIGITS : 0;
    t->n_stripes = pxr_zarr_n_stripes(&v->info);
    for (unsigned i = 0; i < o->n_views && e == PXR_OK; i++) {
        const char *why = pxr_snapshot_view_refusal(v, o->views[i]);
        if (why)
            e = refuse(o, pxr_view_name(o->views[i]), why, diag);
        else
            t->views[t->n_views++] = o->views[i];
    }
    if (e == PXR_OK && shows(t, PXR_VIEW_PCE))
        e = load_companions(s, v, diag);
    for (unsigned i = 0; i < o->n_stacks && e == PXR_OK; i++) {
        const enum pxr_stack k = o->stacks[i];
        const char *why = pxr_snapshot_stack_refusal(s, v, k);
        if (why)
            e = refuse(o, pxr_stack_name(k), why, diag);
        else
            t->stacks[t->n_stacks++] = k;
        s->stack_bytes[k] = pxr_stack_bytes(&v->info, &t->frames, k);
    }
    const char *why = o->has_zarr ? pxr_snapshot_zarr_refusal(v) : NULL;
    if (why && e == PXR_OK)
        e = refuse(o, "zarr", why, diag);
    t->has_zarr = o->has_zarr && !why;
    for (unsigned f = 0; f < PXR_N_ZARR_FILES; f++)
        s->zarr_text_bytes[f] = pxr_zarr_text(&v->info, t->frames.n_frames, (enum pxr_zarr_file)f,
                                              s->zarr_text[f]);
    return e;
}

/* The tree of a snapshot before, with the frames of this one.  Stacks stay what they are: programs that have one open
 * rely on its size.  So does a view that this archive cannot have any more, or not yet, of its new frames, and one with
 * companions, which are those of the beginning. */
static enum pxr_err grow_tree(const struct pxr_server *s, struct pxr_snapshot *v, const struct pxr_snapshot *before,
                              struct pxr_diag *diag)
{
    struct pxr_fs_tree *t = &v->tree;
    *t = before->tree;
    const enum pxr_err e = choose_frames(s, v, diag);
    const uint64_t n_new = t->frames.n_frames - before->tree.frames.n_frames;
    for (unsigned i = 0; i < t->n_views; i++)
        if (pxr_snapshot_view_refusal(v, t->views[i]) || (t->n_companions && t->views[i] == t->tiled))
            t->n_hidden[t->views[i]] += n_new;
        else
            t->n_hidden[t->views[i]] = 0;
    t->n_late += n_new;
    return e;
}

/* ---- snapshots ----------------------------------------------------------------------------------- */

static struct pxr_snapshot *new_snapshot(pxr_archive *a)
{
    struct pxr_snapshot *v = pxr_alloc_zero(1, sizeof *v);
    if (!v)
        return NULL;
    atomic_init(&v->n_refs, 1);
    v->archive = a;
    pxr_archive_info(a, &v->info);
    return v;
}

struct pxr_snapshot *pxr_server_snapshot(struct pxr_server *s, unsigned *generation)
{
    pthread_mutex_lock(&s->lock);
    struct pxr_snapshot *v = s->newest;
    atomic_fetch_add(&v->n_refs, 1);
    *generation = atomic_load(&s->generation);
    pthread_mutex_unlock(&s->lock);
    return v;
}

void pxr_snapshot_put(struct pxr_snapshot *v)
{
    if (!v || atomic_fetch_sub(&v->n_refs, 1) != 1)
        return;
    pxr_free(v->info_json);
    pxr_archive_close(v->archive);
    pxr_free(v);
}

/* Digits of growing numbers. */
#define LIVE_INFO_ROOM 256

/* info.json of a live mount keeps its length, by blanks: who reads it while it changes gets one that is whole. */
static enum pxr_err describe(struct pxr_server *s, struct pxr_snapshot *v, struct pxr_diag *diag)
{
    const enum pxr_err e = pxr_report_info(s, v, &v->info_json, &v->info_json_bytes, diag);
    if (e != PXR_OK || !s->is_live)
        return e;
    const size_t n = v->info_json_bytes;
    const size_t padded = s->info_json_bytes ? (size_t)pxr_max_u64(n, s->info_json_bytes) : n + LIVE_INFO_ROOM;
    char *text = pxr_realloc(v->info_json, padded);
    if (!text)
        return pxr_fail_nomem(diag, padded);
    memset(text + n - 1, ' ', padded - n);
    text[padded - 1] = '\n';
    v->info_json = text;
    v->info_json_bytes = s->info_json_bytes = padded;
    return PXR_OK;
}

/* The reference goes to the server. */
static void show(struct pxr_server *s, struct pxr_snapshot *v)
{
    pthread_mutex_lock(&s->lock);
    struct pxr_snapshot *before = s->newest;
    s->newest = v;
    atomic_fetch_add(&s->generation, 1);
    pthread_mutex_unlock(&s->lock);
    pxr_snapshot_put(before);
}

enum pxr_err pxr_server_refresh(struct pxr_server *s, bool *has_grown, struct pxr_diag *diag)
{
    const struct pxr_snapshot *before = s->newest; /* this thread alone changes it */
    pxr_archive *a;
    *has_grown = false;
    enum pxr_err e = pxr_archive_refresh(&a, before->archive, diag);
    if (e != PXR_OK || !a)
        return e;
    struct pxr_snapshot *v = new_snapshot(a);
    if (!v) {
        pxr_archive_close(a);
        return pxr_fail_nomem(diag, sizeof *v);
    }
    clock_gettime(CLOCK_REALTIME, &v->time);
    e = grow_tree(s, v, before, diag);
    if (e == PXR_OK)
        e = describe(s, v, diag);
    if (e != PXR_OK) {
        pxr_snapshot_put(v);
        return e;
    }
    show(s, v);
    *has_grown = true;
    return PXR_OK;
}

/* ---- the life of a server ------------------------------------------------------------------------ */

static enum pxr_err open_archive(struct pxr_server *s, const struct pxr_mount_options *o, const char *source,
                                 struct pxr_diag *diag)
{
    const struct pxr_limits limits = {.cache_bytes = o->cache_bytes,
                                      .prefetch_frames = o->prefetch_frames,
                                      .skips_unit_hashes = o->skips_unit_hashes};
    pxr_archive *a;
    const enum pxr_err e = pxr_archive_open(&a, source, &limits, diag);
    if (e != PXR_OK)
        return e;
    s->newest = new_snapshot(a);
    if (s->newest)
        return PXR_OK;
    pxr_archive_close(a);
    return pxr_fail_nomem(diag, sizeof *s->newest);
}

static enum pxr_err choose(struct pxr_server *s, const struct pxr_mount_options *o, struct pxr_diag *diag)
{
    struct pxr_snapshot *v = s->newest;
    enum pxr_err e = check_cache(v, o, diag);
    if (e == PXR_OK)
        e = pxr_frame_range_parse(&s->range, o->frames[0] ? o->frames : NULL,
                                  o->is_live ? PXR_FS_MAX_FRAMES : v->info.n_frames, "option frames", diag);
    if (e == PXR_OK)
        e = choose_frames(s, v, diag);
    return e == PXR_OK ? choose_views(s, v, o, diag) : e;
}

enum pxr_err pxr_server_init(struct pxr_server *s, const struct pxr_mount_options *o,
                             const char *source, struct pxr_diag *diag)
{
    struct stat st;
    *s = (struct pxr_server){.uid = o->uid,
                             .gid = o->gid,
                             .file_mask = o->file_mask,
                             .folder_mask = o->folder_mask,
                             .is_fastopen = o->is_fastopen,
                             .is_live = o->is_live,
                             .shows_lossy = o->shows_lossy,
                             .lock = PTHREAD_MUTEX_INITIALIZER};
    enum pxr_err e = open_archive(s, o, source, diag);
    if (e == PXR_OK)
        e = choose(s, o, diag);
    if (e != PXR_OK)
        return e;
    if (stat(source, &st))
        return pxr_fail_sys(diag, PXR_E_IO, errno, "%s", source);
    s->file_time = s->newest->time = st.st_mtim;
    const int sys_errno = pthread_key_create(&s->worker_key, pxr_worker_free);
    if (sys_errno)
        return pxr_fail_sys(diag, PXR_E_NOMEM, sys_errno, "no place for the threads' memory");
    s->has_worker_key = true;
    return describe(s, s->newest, diag);
}

void pxr_server_fini(struct pxr_server *s)
{
    if (s->has_worker_key) {
        pxr_worker_free(pthread_getspecific(s->worker_key)); /* of this thread, if any */
        pthread_key_delete(s->worker_key);
    }
    pxr_snapshot_put(s->newest);
    for (unsigned k = 0; k < PXR_FS_MAX_COMPANIONS; k++)
        pxr_free(s->companion_text[k]);
    *s = (struct pxr_server){0};
}
