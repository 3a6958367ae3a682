/* SPDX-License-Identifier: MIT
 * Videos through the programs ffprobe and ffmpeg: gray frames arrive bit by bit, as Y4M or PPM in a pipe. */
#ifndef PXR_CLI_FFMPEG_H
#define PXR_CLI_FFMPEG_H

#include "image.h"

#include <sys/types.h>

struct pxr_ffmpeg {
    int fd; /* to read from */
    pid_t pid;
    enum pxr_image_format format; /* of what comes */
    char command[512];            /* as it could be typed; long paths are cut */
    char codec[32];
    bool is_lossless; /* the codec always is */
};

/* Ask ffprobe what the first video stream of a file is, and start ffmpeg so that it hands over its samples
 * unchanged: gray ones in their own depth; with luma the Y plane of YUV; RGB of 8 or 16 bits, which the
 * reader of pictures then judges.  MISMATCH: colour without luma, alpha; UNSUPPORTED: other layouts; IO: the
 * programs are not there.  Close in every case of PXR_OK. */
enum pxr_err pxr_ffmpeg_open(struct pxr_ffmpeg *f, const char *path, bool luma, struct pxr_diag *diag);
/* Close the pipe and wait for the program.  CORRUPT: it has failed; diag keeps what it holds where
 * has_failed_already says that reading ended early. */
enum pxr_err pxr_ffmpeg_close(struct pxr_ffmpeg *f, bool has_failed_already, struct pxr_diag *diag);

#endif
