/* SPDX-License-Identifier: MIT
 * Videos through the programs ffprobe and ffmpeg: gray frames arrive bit by bit, as Y4M or PPM in a pipe. */
#include "ffmpeg.h"

#include "alloc.h"
#include "diag.h"
#include "io.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { MAX_ARGUMENTS = 32, MAX_PROBE_BYTES = 4096 };

/* How ffmpeg is asked for a layout of pixels.  Each of these steps repacks samples and changes none. */
struct plan {
    const char *pix_fmt; /* that comes out; NULL: not read */
    const char *filter;  /* or NULL */
    bool is_rgb;
};

/* Codecs whose pictures come back as they were, whatever their options. */
static bool is_lossless(const char *codec)
{
    static const char *const names[] = {"ffv1",  "rawvideo", "huffyuv", "ffvhuff", "utvideo", "magicyuv", "png",
                                        "apng",  "tiff",     "bmp",     "pgm",     "pgmyuv",  "ppm",      "pam",
                                        "pbm",   "qtrle",    "lagarith", "zlib",   "mszh",    "zmbv",     "flashsv",
                                        "tscc",  "cscd",     "v210",    "r210",    "r10k",    "v410",     "y41p",
                                        "yuv4",  "dpx",      "sgi",     "fits",    "sheervideo"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (!strcmp(codec, names[i]))
            return true;
    return false;
}


/* "yuv420p10le": the depth of planar YUV as ffmpeg names it; 0: this is something else. */
static unsigned yuv_depth(const char *pix_fmt)
{
    static const char *const layouts[] = {"yuv410p",  "yuv411p",  "yuv420p",  "yuv422p",  "yuv440p",  "yuv444p",
                                          "yuvj411p", "yuvj420p", "yuvj422p", "yuvj440p", "yuvj444p"};
    static const char *const depths[] = {"9", "10", "12", "16"};
    for (size_t i = 0; i < sizeof layouts / sizeof layouts[0]; i++) {
        const size_t n = strlen(layouts[i]);
        if (strncmp(pix_fmt, layouts[i], n))
            continue;
        if (!pix_fmt[n])
            return 8;
        for (size_t k = 0; k < sizeof depths / sizeof depths[0]; k++) {
            const size_t m = strlen(depths[k]);
            if (!strncmp(pix_fmt + n, depths[k], m) && (!strcmp(pix_fmt + n + m, "le") || !strcmp(pix_fmt + n + m, "be")))
                return (unsigned)atoi(depths[k]);
        }
    }
    return 0;
}

/* The name without an ending is that of this machine's byte order, which Y4M wants. */
static const char *gray_of(unsigned depth)
{
    return depth == 8 ? "gray" : depth == 9 ? "gray9" : depth == 10 ? "gray10" : depth == 12 ? "gray12" : "gray16";
}

static struct plan choose(const char *pix_fmt)
{
    static const char *const rgb8[] = {"rgb24", "bgr24", "rgb0", "bgr0", "0rgb", "0bgr", "gbrp"};
    static const char *const rgb16[] = {"rgb48le", "rgb48be", "bgr48le", "bgr48be", "gbrp16le", "gbrp16be"};
    static const unsigned depths[] = {9, 10, 12, 16};
    if (!strcmp(pix_fmt, "gray") || !strcmp(pix_fmt, "monow") || !strcmp(pix_fmt, "monob"))
        return (struct plan){.pix_fmt = "gray"};
    for (size_t i = 0; i < sizeof depths / sizeof depths[0]; i++) {
        const char *name = gray_of(depths[i]);
        const size_t n = strlen(name);
        if (!strncmp(pix_fmt, name, n) && (!strcmp(pix_fmt + n, "le") || !strcmp(pix_fmt + n, "be")))
            return (struct plan){.pix_fmt = name};
    }
    for (size_t i = 0; i < sizeof rgb8 / sizeof rgb8[0]; i++)
        if (!strcmp(pix_fmt, rgb8[i]))
            return (struct plan){.pix_fmt = "rgb24", .is_rgb = true};
    for (size_t i = 0; i < sizeof rgb16 / sizeof rgb16[0]; i++)
        if (!strcmp(pix_fmt, rgb16[i]))
            return (struct plan){.pix_fmt = "rgb48be", .is_rgb = true};
    if (!strcmp(pix_fmt, "nv12"))
        return (struct plan){.pix_fmt = "gray", .filter = "format=yuv420p,extractplanes=y"};
    if (yuv_depth(pix_fmt))
        return (struct plan){.pix_fmt = gray_of(yuv_depth(pix_fmt)), .filter = "extractplanes=y"};
    return (struct plan){.pix_fmt = NULL};
}

/* ---- processes -------------------------------------------------------------------------------- */

/* Start a program whose standard output is *fd. */
static enum pxr_err start(const char *const *argv, pid_t *pid, int *fd, struct pxr_diag *diag)
{
    int ends[2];
    posix_spawn_file_actions_t actions;
    if (pipe2(ends, O_CLOEXEC))
        return pxr_fail_sys(diag, pxr_err_from_errno(errno), errno, "a pipe cannot be made");
    int err = posix_spawn_file_actions_init(&actions);
    if (!err) {
        posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
        err = posix_spawnp(pid, argv[0], &actions, NULL, (char *const *)(uintptr_t)argv, environ);
        posix_spawn_file_actions_destroy(&actions);
    }
    close(ends[1]);
    *fd = ends[0];
    if (!err)
        return PXR_OK;
    close(ends[0]);
    if (err == ENOENT)
        return pxr_fail_sys(diag, PXR_E_IO, err, "the program %s is needed and is not there (package ffmpeg)", argv[0]);
    return pxr_fail_sys(diag, pxr_err_from_errno(err), err, "%s cannot be started", argv[0]);
}

/* Wait for a program: 0, its exit status, or 128 + the signal that ended it. */
static int wait_for(pid_t pid)
{
    int status;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return 255;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* The value of a line KEY=VALUE, or "". */
static void find_value(const char *text, const char *key, char *dst, size_t dst_bytes)
{
    const size_t n = strlen(key);
    dst[0] = 0;
    for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n')
        if (!strncmp(line, key, n) && line[n] == '=') {
            snprintf(dst, dst_bytes, "%.*s", (int)strcspn(line + n + 1, "\n"), line + n + 1);
            return;
        }
}

static enum pxr_err probe(struct pxr_ffmpeg *f, const char *url, char *pix_fmt, size_t pix_fmt_bytes,
                          struct pxr_diag *diag)
{
    const char *const argv[] = {"ffprobe", "-v",  "error", "-select_streams", "v:0", "-show_entries",
                                "stream=codec_name,pix_fmt", "-of", "default=noprint_wrappers=1", url, NULL};
    char text[MAX_PROBE_BYTES + 1];
    size_t got = 0;
    pid_t pid;
    int fd;
    enum pxr_err e = start(argv, &pid, &fd, diag);
    if (e != PXR_OK)
        return e;
    e = pxr_read_fd(fd, text, MAX_PROBE_BYTES, &got, diag);
    close(fd);
    const int status = wait_for(pid);
    text[got] = 0;
    if (e != PXR_OK)
        return e;
    find_value(text, "codec_name", f->codec, sizeof f->codec);
    find_value(text, "pix_fmt", pix_fmt, pix_fmt_bytes);
    f->is_lossless = is_lossless(f->codec);
    if (status)
        return pxr_fail(diag, PXR_E_NOTPXR, "ffprobe cannot read it");
    if (!*f->codec || !*pix_fmt)
        return pxr_fail(diag, PXR_E_NOTPXR, "ffprobe finds no video in it");
    return PXR_OK;
}

static enum pxr_err check_plan(const struct plan *plan, const char *pix_fmt, bool luma, struct pxr_diag *diag)
{
    if (!plan->pix_fmt)
        return pxr_fail(diag, PXR_E_UNSUPPORTED,
                        "its pixels (%s) cannot be handed over unchanged: convert them with ffmpeg, to gray or gray16le "
                        "in FFV1 for instance", pix_fmt);
    if (plan->filter && !luma)
        return pxr_fail(diag, PXR_E_MISMATCH, "the video has colour planes (%s): --luma takes its Y plane alone",
                        pix_fmt);
    return PXR_OK;
}

/* The command for people: words that a shell would split are quoted. */
static void write_command(struct pxr_ffmpeg *f, const char *const *argv)
{
    size_t n = 0;
    for (size_t i = 0; argv[i] && n < sizeof f->command; i++) {
        bool is_plain = argv[i][0] != 0;
        for (const char *c = argv[i]; *c; c++)
            is_plain &= isalnum((unsigned char)*c) || strchr("-_=:,./+%@", *c);
        n += (size_t)snprintf(f->command + n, sizeof f->command - n, is_plain ? "%s%s" : "%s'%s'", i ? " " : "",
                              argv[i]);
    }
}

static enum pxr_err open_url(struct pxr_ffmpeg *f, const char *url, bool luma, struct pxr_diag *diag)
{
    char pix_fmt[32];
    enum pxr_err e = probe(f, url, pix_fmt, sizeof pix_fmt, diag);
    if (e != PXR_OK)
        return e;
    const struct plan plan = choose(pix_fmt);
    if ((e = check_plan(&plan, pix_fmt, luma, diag)) != PXR_OK)
        return e;
    const char *argv[MAX_ARGUMENTS] = {"ffmpeg", "-v", "error", "-nostdin", "-noautorotate", "-i", url, "-map", "0:v:0"};
    size_t n = 9;
    if (plan.filter) {
        argv[n++] = "-vf";
        argv[n++] = plan.filter;
    }
    /* All frames, none twice, whatever their times. */
    argv[n++] = "-fps_mode";
    argv[n++] = "passthrough";
    static const char *const as_ppm[] = {"-f", "image2pipe", "-c:v", "ppm"};
    static const char *const as_y4m[] = {"-f", "yuv4mpegpipe", "-strict", "-1"};
    for (size_t i = 0; i < 4; i++)
        argv[n++] = plan.is_rgb ? as_ppm[i] : as_y4m[i];
    argv[n++] = "-pix_fmt";
    argv[n++] = plan.pix_fmt;
    argv[n++] = "-";
    f->format = plan.is_rgb ? PXR_IMAGE_PNM : PXR_IMAGE_Y4M;
    write_command(f, argv);
    return start(argv, &f->pid, &f->fd, diag);
}

enum pxr_err pxr_ffmpeg_open(struct pxr_ffmpeg *f, const char *path, bool luma, struct pxr_diag *diag)
{
    static const char scheme[] = "file:"; /* so that a name is never an option, and never an address */
    const size_t n = strlen(path) + sizeof scheme;
    char *url = pxr_alloc(n);
    *f = (struct pxr_ffmpeg){.fd = -1};
    if (!url)
        return pxr_fail_nomem(diag, n);
    snprintf(url, n, "%s%s", scheme, path);
    const enum pxr_err e = open_url(f, url, luma, diag);
    pxr_free(url);
    return e;
}

enum pxr_err pxr_ffmpeg_close(struct pxr_ffmpeg *f, bool has_failed_already, struct pxr_diag *diag)
{
    close(f->fd); /* it ends by itself where nobody reads */
    const int status = wait_for(f->pid);
    if (!status || has_failed_already)
        return PXR_OK;
    return pxr_fail(diag, PXR_E_CORRUPT, "ffmpeg has failed (status %d); what it could read may be incomplete", status);
}
