/* SPDX-License-Identifier: MIT
 * One group on its way into an archive: its frames as they arrive, and the jobs that encode them. */
#ifndef PXR_INDEX_PENDING_GROUP_H
#define PXR_INDEX_PENDING_GROUP_H

#include "parse.h"
#include "pool.h"

#include <pthread.h>

/* Encoders are scratch memory of one job at a time. */
struct pxr_encoder_stock {
    pthread_mutex_t lock; /* guards all fields */
    pxr_block_encoder **free;
    unsigned n_free, n_all;
};
enum pxr_err pxr_encoder_stock_init(struct pxr_encoder_stock *s, unsigned n, struct pxr_diag *diag);
void pxr_encoder_stock_fini(struct pxr_encoder_stock *s);

#define PXR_GROUP_JOBS 16 /* at most, of each kind */

struct pxr_pending_group;

/* A run of blocks, encoded one after the other; or every n-th frame, hashed. */
struct pxr_group_job {
    struct pxr_job job;
    struct pxr_pending_group *group;
    uint32_t first, n;
    struct pxr_buffer headers, payloads;
    struct pxr_diag diag;
    enum pxr_err err;
    uint32_t largest_error; /* of the samples that were rounded */
};

struct pxr_frame_note {
    int64_t time_ns; /* PXR_NO_TIME: none */
    uint32_t name_off, meta_off, meta_bytes; /* in the texts */
    uint8_t name_bytes, sbit;
    uint16_t maxval;
    uint32_t adler32;
    uint64_t pixel_hash;
};

struct pxr_pending_group {
    const struct pxr_superblock *sb;
    struct pxr_block_opts opts;
    struct pxr_encoder_stock *stock;
    struct pxr_group geometry; /* n_frames is set when the group is submitted */
    uint32_t n_frames, max_frames;
    uint32_t n_allocated; /* frames that there is memory for */
    uint64_t first_frame;
    uint8_t *pixels; /* frame after frame, native order */
    struct pxr_frame_note *notes;
    struct pxr_buffer texts; /* names and metadata */
    bool is_submitted;
    bool is_rounded; /* samples are what will be stored; else blocks round them first, by at most sb->max_error */
    uint32_t largest_error;
    uint32_t n_block_jobs, n_frame_jobs;
    struct pxr_group_job block_jobs[PXR_GROUP_JOBS], frame_jobs[PXR_GROUP_JOBS];
};

/* stock and sb are borrowed.  The group is empty. */
enum pxr_err pxr_pending_group_init(struct pxr_pending_group *g, const struct pxr_superblock *sb,
                                    const struct pxr_block_opts *opts,
                                    struct pxr_encoder_stock *stock, struct pxr_diag *diag);
void pxr_pending_group_fini(struct pxr_pending_group *g);
/* Copy one frame in; its name has been checked.  NOMEM leaves the group as it was. */
enum pxr_err pxr_pending_group_add(struct pxr_pending_group *g, const struct pxr_frame_in *f,
                                   const char *name, size_t name_bytes, struct pxr_diag *diag);
/* A full group becomes longer where that pays and it is not too large: up to 128 frames where its scene stands still
 * (each frame more costs next to nothing there, and a first frame a lot), up to 64 where frames tell more about the
 * next one than it does itself, unless only_still. */
enum pxr_err pxr_pending_group_extend(struct pxr_pending_group *g, bool only_still, struct pxr_diag *diag);
/* Ready for other frames. */
void pxr_pending_group_reset(struct pxr_pending_group *g);
/* Hand the work to the pool, and wait for it: the error of the first block that failed.  Sets is_rounded. */
void pxr_pending_group_submit(struct pxr_pending_group *g, pxr_pool *pool);
enum pxr_err pxr_pending_group_wait(struct pxr_pending_group *g, pxr_pool *pool,
                                    struct pxr_diag *diag);
/* After the wait: what stands behind the page header of the group's frame page; and its name runs, one
 * call each. */
enum pxr_err pxr_pending_group_page(const struct pxr_pending_group *g, struct pxr_buffer *rest,
                                    struct pxr_diag *diag);
/* The run of names that starts at frame i of the group; returns its length. */
uint32_t pxr_pending_group_run(const struct pxr_pending_group *g, uint32_t i,
                               struct pxr_name_split *split);

#endif
