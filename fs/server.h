/* SPDX-License-Identifier: MIT
 * What all requests of one mount share. */
#ifndef PXR_FS_SERVER_H
#define PXR_FS_SERVER_H

#include "frame_range.h"
#include "inode.h"
#include "options.h"
#include "sandbox.h"

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

/* What the mount shows of one commit.  It does not change; a mount that is not live has one. */
struct pxr_snapshot {
    atomic_uint n_refs;
    pxr_archive *archive;
    struct pxr_archive_info info;
    struct pxr_fs_tree tree;
    struct timespec time; /* of folders and info.json: when this commit was seen; at first the file's last change */
    char *info_json;      /* owned; freed with pxr_free         */
    size_t info_json_bytes;
};

/* Filled in before threads start, then only the counters and what lock guards change. */
struct pxr_server {
    uid_t uid;
    gid_t gid;
    mode_t file_mask, folder_mask;
    bool is_fastopen, is_live, shows_lossy;
    struct pxr_sandbox sandbox;   /* set before threads start */
    struct pxr_frame_range range; /* of the frames that are shown; of a live mount with an end that may come later */
    struct timespec file_time;    /* of the archive's last change before the mount: of frames without a time */
    uint64_t stack_bytes[PXR_N_STACKS];
    char *companion_text[PXR_FS_MAX_COMPANIONS]; /* owned */
    size_t companion_bytes[PXR_FS_MAX_COMPANIONS];
    char zarr_text[PXR_N_ZARR_FILES][PXR_ZARR_TEXT_BYTES];
    size_t zarr_text_bytes[PXR_N_ZARR_FILES];
    pthread_key_t worker_key; /* a struct pxr_worker for each thread */
    bool has_worker_key;
    atomic_bool is_initialised; /* the kernel has said hello           */
    pthread_mutex_t lock;       /* guards newest                       */
    struct pxr_snapshot *newest;  /* referenced                          */
    atomic_uint generation;     /* changes with newest: workers look here first */
    size_t info_json_bytes;     /* of a live mount's info.json, at least: init and refresh alone use it */
    /* Relaxed: nobody draws conclusions from two of them. */
    atomic_uint_fast64_t n_requests[PXR_N_REQUESTS];
    atomic_uint_fast64_t n_failed, read_bytes;
};

static inline void pxr_server_count(struct pxr_server *s, enum pxr_request r)
{
    atomic_fetch_add_explicit(&s->n_requests[r], 1, memory_order_relaxed);
}

/* Open the archive and decide what is shown.  INVALID, LIMIT, NOMEM, IO. */
enum pxr_err pxr_server_init(struct pxr_server *s, const struct pxr_mount_options *o,
                             const char *source, struct pxr_diag *diag);
/* Show what has been committed since, if anything: *has_grown.  Requests that are being answered go on with what they
 * began with.  One thread at a time; the errors of pxr_archive_refresh, after which all is as it was. */
enum pxr_err pxr_server_refresh(struct pxr_server *s, bool *has_grown, struct pxr_diag *diag);
/* The newest snapshot, referenced; its generation. */
struct pxr_snapshot *pxr_server_snapshot(struct pxr_server *s, unsigned *generation);
void pxr_snapshot_put(struct pxr_snapshot *v); /* any thread; NULL is allowed */
/* Why a view is not shown, or NULL. */
const char *pxr_snapshot_view_refusal(const struct pxr_snapshot *v, enum pxr_view view);
/* The same of a stack. */
const char *pxr_snapshot_stack_refusal(const struct pxr_server *s, const struct pxr_snapshot *v, enum pxr_stack k);
/* Why there is no zarr folder, or NULL. */
const char *pxr_snapshot_zarr_refusal(const struct pxr_snapshot *v);
/* Closes the archive too; threads must have ended.  Harmless on a zeroed one. */
void pxr_server_fini(struct pxr_server *s);

#endif
