/* SPDX-License-Identifier: MIT
 * The formats of pixelrain convert: one table, one entry each. */
#ifndef PXR_CLI_STILL_FORMAT_H
#define PXR_CLI_STILL_FORMAT_H

#include "buffer.h"
#include "image.h"
#include "pool.h"

/* Pictures on their way are struct pxr_image with rows adjacent: 8 or 16 bits, 1 to 4 channels.  A reader hands on what
 * the file holds; channels that say nothing are then dropped (cli/still_pixels.h). */

/* What the command line asks for.  Each format looks at its own; has_* says that an option was given. */
struct pxr_still_opts {
    bool is_lossy;           /* samples may lose bits, transparency may go */
    bool is_strict;          /* refuse files that were cut */
    bool is_partial;         /* accept them even where they were cut within a pixel */
    bool is_luma;            /* colour may become gray */
    const char *layout;      /* of what is written; NULL: the format's own choice */
    const char *from_layout; /* of what is read; NULL: found out */
    int order, from_order;   /* enum pxr_stream_digits */
    uint64_t bits;           /* 0: as many as are needed */
    bool is_relative, is_padded, has_finality, has_mask;
    uint64_t threshold;      /* DCI */
    bool has_threshold;
    int average;             /* DCI: 0, or enum pxr_dci_average and 1 */
    const char *dtype, *vmin, *vmax; /* envelopes; NULL: as the samples are */
    bool is_big_endian;      /* envelopes of dialect head */
    const char *table_path;  /* PCE batches that are read; NULL: beside the input */
    uint64_t max_frame_px;
    unsigned n_threads;
    pxr_pool *pool;
};

/* One input, whole in memory. */
struct pxr_still_input {
    const char *path;
    int fd; /* stands at its end */
    const uint8_t *bytes;
    size_t n_bytes;
    const struct pxr_still_opts *opts;
    bool is_part; /* out: another input stands for this one, which has no frames of its own */
    uint64_t n_missing_px, n_missing_frames; /* out: what a cut file does not have: of its last frame, and behind it */
};

/* One output in the making. */
struct pxr_still_output {
    const struct pxr_still_opts *opts;
    struct pxr_image first; /* the first frame, without its pixels: all have its shape */
    uint64_t n_frames;      /* so far */
    struct pxr_buffer bytes;
    const char *extension; /* of the file's name, or NULL: PGM and PPM are one format */
    void *state;           /* of the format; freed by its end */
    bool is_finished;      /* bytes are a whole file already */
};

/* Takes the bytes over. */
typedef enum pxr_err pxr_still_result_fn(void *arg, const char *name, struct pxr_buffer *bytes, struct pxr_diag *diag);

/* A format.  Whatever is NULL the format cannot do. */
struct pxr_still_format {
    const char *name;
    const char *extensions; /* with spaces around each; the first is the one that is written */
    bool holds_many;        /* frames in one file */
    bool has_layouts;       /* --layout is about it */
    bool is_strict_name;    /* a file without magic bytes is taken for it by its name */
    bool is_image;          /* image/ reads it */
    bool (*is_like)(const uint8_t *head, size_t head_bytes);
    enum pxr_err (*read)(struct pxr_still_input *in, pxr_image_fn *each, void *arg, struct pxr_diag *diag);
    /* Append a frame; the first call also makes what stands before it. */
    enum pxr_err (*write)(struct pxr_still_output *out, const struct pxr_image *image, struct pxr_diag *diag);
    /* What can be said only behind the last frame; or NULL. */
    enum pxr_err (*finish)(struct pxr_still_output *out, struct pxr_diag *diag);
    void (*end)(struct pxr_still_output *out); /* in any case; or NULL */
    /* Instead of those, where all inputs make one set of files: each frame with the name of its file, without extension;
     * then all files. */
    enum pxr_err (*batch_new)(void **batch, struct pxr_diag *diag);
    enum pxr_err (*batch_add)(void *batch, const struct pxr_still_opts *o, const struct pxr_image *image,
                              const char *stem, struct pxr_diag *diag);
    enum pxr_err (*batch_finish)(void *batch, pxr_still_result_fn *result, void *arg, struct pxr_diag *diag);
    void (*batch_free)(void *batch); /* NULL is allowed, and what batch_new left when it failed */
};

extern const struct pxr_still_format pxr_still_png, pxr_still_pnm, pxr_still_npy, pxr_still_y4m, pxr_still_pxs,
    pxr_still_px2, pxr_still_dci, pxr_still_pce, pxr_still_pceb, pxr_still_vcbn;

/* By name ("pgm" and "ppm" are names of pnm); NULL: there is none. */
const struct pxr_still_format *pxr_still_format_find(const char *name);
/* By the extension of a path; NULL: it has none that is known. */
const struct pxr_still_format *pxr_still_format_of_path(const char *path);
/* By name where the format has no magic bytes at all, else by contents, then by name; NULL: unknown. */
const struct pxr_still_format *pxr_still_format_detect(const uint8_t *head, size_t head_bytes, const char *path);
/* "png, pgm, ...": those that can be written. */
const char *pxr_still_format_names(char *dst, size_t dst_bytes);

#endif
