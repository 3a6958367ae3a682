/* SPDX-License-Identifier: MIT
 * Files of a folder as a camera writes them there, each once. */
#ifndef PXR_CLI_FOLLOW_H
#define PXR_CLI_FOLLOW_H

#include "inputs.h"

#include "checksum.h"

/* A file is taken when its writer has closed it, or when it was moved in: never half of it.  Where the kernel loses
 * events because there are too many, and at the start, the folder is listed instead. */
struct pxr_follow {
    int fd; /* of inotify */
    const char *dir;
    struct pxr_hash128 *taken; /* names, as hashes; a free slot is all zero */
    size_t n_slots, n_taken;
    struct pxr_hash128 *broken; /* of these, those that were no whole pictures: taken again when written again */
    size_t n_broken, broken_capacity;
    bool must_list; /* events were lost */
    bool is_gone;   /* the folder was removed or unmounted */
};

/* dir is borrowed.  fini in every case. */
enum pxr_err pxr_follow_open(struct pxr_follow *f, const char *dir, struct pxr_diag *diag);
/* Add the files that have become complete to list, those of the same listing in natural order; wait for some for at most
 * timeout_ms.  A signal ends the waiting. */
enum pxr_err pxr_follow_next(struct pxr_follow *f, struct pxr_inputs *list, int timeout_ms, struct pxr_diag *diag);
/* This file, which was taken, was no whole picture: some programs close a file several times. */
enum pxr_err pxr_follow_was_broken(struct pxr_follow *f, const char *name, struct pxr_diag *diag);
void pxr_follow_fini(struct pxr_follow *f);

#endif
