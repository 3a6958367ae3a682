/* SPDX-License-Identifier: MIT
 * The command line of mount.pixelrain: what mount(8) passes, and our own -o options. */
#ifndef PXR_FS_OPTIONS_H
#define PXR_FS_OPTIONS_H

#include "inode.h"

#include <sys/types.h>

struct pxr_mount_options {
    const char *source, *mount_point; /* point into argv                                  */
    bool is_foreground, is_verbose;
    bool wants_help, wants_version;   /* then nothing else is checked                     */
    enum pxr_view views[PXR_N_VIEWS]; /* in the order given, each once                    */
    unsigned n_views;
    bool is_single, is_nested;
    uint64_t cache_bytes;     /* 0: the library's default                                 */
    uint64_t readahead_bytes; /* 0: leave the kernel's                                    */
    unsigned n_workers;
    unsigned max_threads;
    uid_t uid;
    gid_t gid;
    mode_t umask;
    bool allows_others;
};

/* Parse argv; options and operands may be mixed, -o may come several times.  INVALID names the
 * option that is unknown or the value that is not understood. */
enum pxr_err pxr_mount_options_parse(struct pxr_mount_options *o, int argc, char **argv,
                                     struct pxr_diag *diag);
/* The text of --help, on standard output. */
void pxr_mount_options_help(void);

#endif
