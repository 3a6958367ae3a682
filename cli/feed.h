/* SPDX-License-Identifier: MIT
 * The pictures of many inputs, one after the other, decoded by several threads. */
#ifndef PXR_CLI_FEED_H
#define PXR_CLI_FEED_H

#include "cli.h"
#include "image.h"
#include "inputs.h"

struct pxr_fed {
    const char *path; /* "standard input" for "-"                                      */
    const char *name; /* its last component; NULL for "-"                              */
    bool is_single;   /* the only picture of a regular file                            */
    int64_t mtime_ns; /* of that file                                                  */
    const struct pxr_image *image; /* NULL: what was found there cannot be read, see err */
    enum pxr_err err;
    const struct pxr_diag *diag; /* names the file                                     */
};

/* Called from the thread that runs the feed, in the order of the inputs whatever the number of
 * threads.  Not PXR_OK ends the feed with that error; diag is then filled by the callee. */
typedef enum pxr_err pxr_feed_fn(void *arg, const struct pxr_fed *fed, struct pxr_diag *diag);

struct pxr_feed {
    const struct pxr_inputs *inputs;
    struct pxr_image_opts image_opts;
    bool is_raw;     /* all inputs are headerless        */
    bool via_ffmpeg; /* all inputs are files for ffmpeg  */
    bool is_quiet;   /* do not say what ffmpeg is asked  */
    unsigned n_threads;
    pxr_feed_fn *each;
    void *arg;
    bool is_verbose;
    struct pxr_feed_guards *guards; /* while it runs: processes that read pictures; NULL: this one does */
    struct pxr_cli_names *skipped;  /* or NULL: gets files in folders that hold no pictures */
};

enum pxr_err pxr_feed_run(struct pxr_feed *feed, struct pxr_diag *diag);

#endif
