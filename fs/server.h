/* SPDX-License-Identifier: MIT
 * What all requests of one mount share. */
#ifndef PXR_FS_SERVER_H
#define PXR_FS_SERVER_H

#include "inode.h"
#include "options.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

enum pxr_request {
    PXR_REQ_LOOKUP,
    PXR_REQ_GETATTR,
    PXR_REQ_OPEN,
    PXR_REQ_READ,
    PXR_REQ_READDIR,
    PXR_REQ_XATTR,
    PXR_REQ_STATFS,
    PXR_N_REQUESTS
};

/* Filled in before threads start, then only the counters change. */
struct pxr_server {
    pxr_archive *archive;
    struct pxr_archive_info info;
    struct pxr_fs_tree tree;
    uid_t uid;
    gid_t gid;
    mode_t file_mask, folder_mask;
    bool is_fastopen, shows_lossy;
    struct timespec archive_time; /* of the file's last change          */
    char *info_json;              /* owned; freed with pxr_free         */
    size_t info_json_bytes;
    uint64_t stack_bytes[PXR_N_STACKS];
    char *companion_text[PXR_FS_MAX_COMPANIONS]; /* owned */
    size_t companion_bytes[PXR_FS_MAX_COMPANIONS];
    char zarr_text[PXR_N_ZARR_FILES][PXR_ZARR_TEXT_BYTES];
    size_t zarr_text_bytes[PXR_N_ZARR_FILES];
    pthread_key_t worker_key; /* a struct pxr_worker for each thread */
    bool has_worker_key;
    atomic_bool is_initialised; /* the kernel has said hello           */
    /* Relaxed: nobody draws conclusions from two of them. */
    atomic_uint_fast64_t n_requests[PXR_N_REQUESTS];
    atomic_uint_fast64_t n_failed, read_bytes;
};

static inline void pxr_server_count(struct pxr_server *s, enum pxr_request r)
{
    atomic_fetch_add_explicit(&s->n_requests[r], 1, memory_order_relaxed);
}

/* The archive must be open, info and tree set.  INVALID, LIMIT, NOMEM, IO. */
enum pxr_err pxr_server_init(struct pxr_server *s, const struct pxr_mount_options *o,
                             const char *source, struct pxr_diag *diag);
/* Why a view is not shown, or NULL. */
const char *pxr_server_view_refusal(const struct pxr_server *s, enum pxr_view v);
/* The same of a stack. */
const char *pxr_server_stack_refusal(const struct pxr_server *s, enum pxr_stack k);
/* Why there is no zarr folder, or NULL. */
const char *pxr_server_zarr_refusal(const struct pxr_server *s);
/* Closes the archive too; threads must have ended.  Harmless on a zeroed one. */
void pxr_server_fini(struct pxr_server *s);

#endif
