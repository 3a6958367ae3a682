/* SPDX-License-Identifier: MIT
 * What pack and append share: pictures become frames of an archive. */
#ifndef PXR_CLI_PACKING_H
#define PXR_CLI_PACKING_H

#include "cli.h"
#include "commit_clock.h"
#include "feed.h"
#include "follow.h"
#include "inputs.h"
#include "times.h"

#include "buffer.h"

enum pxr_pack_names { PXR_NAMES_STEM, PXR_NAMES_NUMBER };
enum pxr_pack_time { PXR_TIME_NONE, PXR_TIME_MTIME, PXR_TIME_SOURCE };

struct pxr_pack_options {
    const char *out_path, *block, *raw, *meta_path, *commit_every, *follow, *index, *parity, *list_path, *time_pattern, *time_csv;
    uint64_t n_threads, level, max_error, skip_bytes, stride_bytes, idle_s;
    int codec, preset, depth, names, duplicates, time, order;
    bool overwrite, via_ffmpeg, luma, is_recursive, keep_going, json, progress, no_progress, quiet, verbose,
        dry_run, skip_tail, help;
};

struct pxr_pack {
    const struct pxr_cli_command *self;
    struct pxr_pack_options o;
    bool is_append;
    struct pxr_inputs inputs;
    struct pxr_feed feed;
    struct pxr_cli_names skipped; /* files that are no pictures */
    struct pxr_write_opts write;
    pxr_writer *writer; /* NULL until the first frame is there, and in a dry run */
    struct pxr_follow *follow; /* NULL: no folder is followed at the moment */
    struct pxr_commit_clock clock; /* its lock guards writer while it runs */
    uint64_t commit_frames;        /* --commit-every: 0, or so many frames */
    double commit_s;               /* or so many seconds                   */
    uint64_t n_uncommitted;
    uint64_t n_before, bytes_before; /* append: of the archive as it was   */
    struct pxr_buffer wide;
    struct pxr_times times;
    uint8_t *meta;
    uint64_t n_frames, n_skipped, n_seen, pixel_bytes; /* seen: with those that were skipped */
    struct pxr_write_summary summary;
    struct pxr_diag diag; /* of add_index */
    char kept_indexes[32]; /* append: what o.index then is */
    bool keeps_indexes;
    struct pxr_progress progress;
    double start_s;
};

/* "TxHxW" of --block; false: it is not. */
bool pxr_pack_parse_block(const char *text, struct pxr_write_opts *w);
/* In the order of enum pxr_codec and enum pxr_preset, NULL at the end. */
extern const char *const pxr_pack_codecs[], *const pxr_pack_presets[];
/* A pxr_feed_fn; arg is a struct pxr_pack. */
enum pxr_err pxr_pack_picture(void *arg, const struct pxr_fed *fed, struct pxr_diag *diag);

#endif
