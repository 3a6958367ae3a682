/* SPDX-License-Identifier: MIT
 * The command line of mount.pixelrain: what mount(8) passes, and our own -o options. */
#ifndef PXR_FS_OPTIONS_H
#define PXR_FS_OPTIONS_H

#include "inode.h"

#include <sys/types.h>

#define PXR_FRAMES_TEXT_BYTES 72

struct pxr_mount_options {
    const char *source, *mount_point; /* point into argv                                  */
    bool is_foreground, is_verbose, is_debug;
    bool wants_help, wants_version;   /* then nothing else is checked                     */
    enum pxr_view views[PXR_N_VIEWS]; /* in the order given, each once                    */
    unsigned n_views;
    enum pxr_stack stacks[PXR_N_STACKS];
    unsigned n_stacks;
    bool has_zarr;
    bool names_views; /* somebody asked for these: what the archive has not is refused    */
    bool is_single, is_nested;
    bool shows_lossy; /* also files that do not keep all bits                             */
    char frames[PXR_FRAMES_TEXT_BYTES]; /* "A:B:S", or "": all                            */
    uint64_t cache_bytes;               /* 0: the library's default                       */
    uint64_t readahead_bytes;           /* 0: leave the kernel's                          */
    bool sets_readahead;                /* also to less than the kernel's                 */
    unsigned n_workers;
    uint64_t prefetch_frames; /* of struct pxr_limits                                     */
    unsigned max_threads;
    bool skips_unit_hashes;
    bool is_fastopen;
    bool is_live; /* commits that come later are shown as well */
    unsigned idle_timeout_s; /* 0: never                                                  */
    int notify_fd;           /* or -1                                                     */
    uid_t uid;
    gid_t gid;
    bool names_uid, names_gid; /* they were given                                         */
    mode_t file_mask, folder_mask; /* permissions to take away */
    bool allows_others;
    bool may_cover;    /* another archive that is mounted there                           */
    bool has_sandbox;
};

/* Parse argv; options and operands may be mixed, -o may come several times.  INVALID names the
 * option that is unknown or the value that is not understood. */
enum pxr_err pxr_mount_options_parse(struct pxr_mount_options *o, int argc, char **argv,
                                     struct pxr_diag *diag);
/* The text of --help, on standard output. */
void pxr_mount_options_help(void);

#endif
