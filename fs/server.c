/* SPDX-License-Identifier: MIT
 * What all requests of one mount share. */
#include "server.h"

#include "alloc.h"
#include "diag.h"
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

enum pxr_err pxr_server_init(struct pxr_server *s, const struct pxr_mount_options *o,
                             const char *source, struct pxr_diag *diag)
{
    const struct pxr_limits limits = {.cache_bytes = o->cache_bytes};
    struct stat st;
    *s = (struct pxr_server){.uid = o->uid, .gid = o->gid, .umask = o->umask};
    enum pxr_err e = pxr_archive_open(&s->archive, source, &limits, diag);
    if (e != PXR_OK)
        return e;
    pxr_archive_info(s->archive, &s->info);
    e = check_cache(s, o, diag);
    if (e != PXR_OK)
        return e;
    if (s->info.n_frames > PXR_FS_MAX_FRAMES)
        return pxr_fail(diag, PXR_E_LIMIT, "too many frames for a mount");
    s->tree = (struct pxr_fs_tree){.n_frames = s->info.n_frames,
                                   .n_views = o->n_views,
                                   .is_single = o->is_single,
                                   .is_nested = o->is_nested};
    memcpy(s->tree.views, o->views, sizeof s->tree.views);
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
    pxr_archive_close(s->archive);
    *s = (struct pxr_server){0};
}
