/* SPDX-License-Identifier: MIT
 * Reading pictures in a child process that can do nothing else (confine.h). */
#include "guard.h"

#include "confine.h"

#include "alloc.h"
#include "bytes.h"
#include "diag.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Messages keep their bounds (SOCK_SEQPACKET): a request with the input's descriptor, then for each picture an
 * answer and a reply, then the last answer.  Pixels lie in a file of memory that both map, and that cannot shrink,
 * so that no access to it can fail. */

enum { MAX_HEAD_BYTES = 64, WARNING_BYTES = 192 };
enum { CHILD_SOCKET = 3, CHILD_PIXELS = 4, CHILD_FDS = 16 };

struct request {
    enum pxr_image_format format;
    struct pxr_image_opts opts;
    uint32_t head_bytes;
    uint8_t head[MAX_HEAD_BYTES];
};
struct answer {
    bool is_last;
    enum pxr_err err; /* of the last one */
    struct pxr_diag diag;
    struct pxr_image image; /* its pointers say nothing */
    char warning[WARNING_BYTES];
};
struct reply {
    bool goes_on;
};

struct pxr_image_guard {
    int socket, pixels_fd; /* -1: there is no child */
    pid_t pid;
    uint64_t max_frame_px;
    uint8_t *pixels; /* mapped */
    size_t pixels_bytes;
};

bool pxr_image_guard_wants(enum pxr_image_format format)
{
    return format == PXR_IMAGE_PNG || format == PXR_IMAGE_TIFF;
}

int pxr_image_guard_fd(const pxr_image_guard *g)
{
    return g->socket;
}
int pxr_image_guard_pid(const pxr_image_guard *g)
{
    return (int)g->pid;
}

static uint64_t picture_bytes(const struct pxr_image *image)
{
    return (uint64_t)image->width_px * image->height_px * image->n_channels * (image->bits / 8u);
}

/* ---- the child --------------------------------------------------------------------------------- */

struct child {
    uint8_t *pixels;
    size_t pixels_bytes;
    struct answer answer;
};

static _Noreturn void child_end(void)
{
    _exit(0); /* nothing of the parent's is flushed or freed */
}

static void child_send(const struct answer *answer)
{
    ssize_t n;
    do
        n = send(CHILD_SOCKET, answer, sizeof *answer, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    if (n != (ssize_t)sizeof *answer)
        child_end(); /* nobody wants it any more */
}

/* Let the file of memory hold a picture. */
static bool child_room(struct child *c, uint64_t n_bytes)
{
    if (n_bytes <= c->pixels_bytes)
        return true;
    if (n_bytes > SIZE_MAX || ftruncate(CHILD_PIXELS, (off_t)n_bytes))
        return false;
    if (c->pixels)
        munmap(c->pixels, c->pixels_bytes);
    c->pixels_bytes = 0;
    void *mapped = mmap(NULL, (size_t)n_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, CHILD_PIXELS, 0);
    c->pixels = mapped == MAP_FAILED ? NULL : mapped;
    if (c->pixels)
        c->pixels_bytes = (size_t)n_bytes;
    return c->pixels != NULL;
}

static enum pxr_err child_picture(void *arg, const struct pxr_image *image, struct pxr_diag *diag)
{
    struct child *c = arg;
    struct reply reply = {false};
    ssize_t n;
    const size_t row_bytes = (size_t)(picture_bytes(image) / image->height_px);
    if (!child_room(c, picture_bytes(image)))
        return pxr_fail_nomem(diag, picture_bytes(image));
    for (uint32_t y = 0; y < image->height_px; y++)
        memcpy(c->pixels + y * row_bytes, (const uint8_t *)image->pixels + y * image->stride_bytes, row_bytes);
    memset(&c->answer, 0, sizeof c->answer);
    c->answer.image = *image;
    snprintf(c->answer.warning, sizeof c->answer.warning, "%s", image->warning ? image->warning : "");
    child_send(&c->answer);
    do
        n = recv(CHILD_SOCKET, &reply, sizeof reply, 0);
    while (n < 0 && errno == EINTR);
    if (n != (ssize_t)sizeof reply)
        child_end();
    return reply.goes_on ? PXR_OK : pxr_fail(diag, PXR_E_STATE, "not wanted");
}

/* Returns the descriptor that came with the request; -1: there is none, or no request. */
static int child_receive(struct request *request)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec part = {request, sizeof *request};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    ssize_t n;
    int fd = -1;
    do
        n = recvmsg(CHILD_SOCKET, &message, MSG_CMSG_CLOEXEC);
    while (n < 0 && errno == EINTR);
    const struct cmsghdr *c = n == (ssize_t)sizeof *request ? CMSG_FIRSTHDR(&message) : NULL;
    if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(sizeof fd))
        memcpy(&fd, CMSG_DATA(c), sizeof fd);
    return fd;
}

static _Noreturn void child_serve(void)
{
    static struct child c;
    static struct request request;
    int fd;
    while ((fd = child_receive(&request)) >= 0) {
        struct pxr_diag diag;
        pxr_diag_clear(&diag);
        const enum pxr_err e = pxr_image_read(fd, request.head, request.head_bytes, request.format, &request.opts,
                                              child_picture, &c, &diag);
        close(fd);
        memset(&c.answer, 0, sizeof c.answer);
        c.answer.is_last = true;
        c.answer.err = e;
        c.answer.diag = diag;
        child_send(&c.answer);
    }
    child_end();
}

/* Descriptors 0 to 2 lead nowhere, 3 and 4 to the parent. */
static bool child_keep_fds(const pxr_image_guard *g, int socket)
{
    const int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    const int far_socket = fcntl(socket, F_DUPFD_CLOEXEC, 10), far_pixels = fcntl(g->pixels_fd, F_DUPFD_CLOEXEC, 10);
    if (null_fd < 0 || far_socket < 0 || far_pixels < 0 || dup2(null_fd, 0) < 0 || dup2(null_fd, 1) < 0 ||
        dup2(far_socket, CHILD_SOCKET) < 0 || dup2(far_pixels, CHILD_PIXELS) < 0)
        return false;
#ifndef __SANITIZE_ADDRESS__ /* which reports there */
    if (dup2(null_fd, 2) < 0)
        return false;
#endif
    closefrom(CHILD_PIXELS + 1);
    return true;
}

static _Noreturn void child_main(const pxr_image_guard *g, int socket, pid_t parent)
{
    static const int ignored[] = {SIGINT, SIGTERM, SIGHUP};
    /* The parent decides what a signal means, and its death ends this process. */
    for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++)
        signal(ignored[i], SIG_IGN);
    /* A frame, its rows as the parser gives them (up to four samples of 16 bits a pixel), what both processes
     * map, and what libraries need. */
    const struct pxr_confinement c = {.more_memory_bytes = g->max_frame_px * (2 + 8 + 2) + ((uint64_t)1 << 30),
                                      .max_file_bytes = g->max_frame_px * 8,
                                      .n_fds = CHILD_FDS};
    static const struct answer ready;
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != parent || !child_keep_fds(g, socket) || !pxr_confine(&c))
        _exit(1);
    child_send(&ready);
    child_serve();
}

/* ---- the parent -------------------------------------------------------------------------------- */

static bool receive(const pxr_image_guard *g, struct answer *a)
{
    ssize_t n;
    do
        n = recv(g->socket, a, sizeof *a, 0);
    while (n < 0 && errno == EINTR);
    return n == (ssize_t)sizeof *a;
}

/* A child forked from a process with threads may use what the C library makes safe for that: memory. */
static enum pxr_err fork_child(pxr_image_guard *g, struct pxr_diag *diag)
{
    int ends[2];
    const pid_t parent = getpid();
    g->pixels_fd = memfd_create("pixelrain-pixels", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (g->pixels_fd < 0 || fcntl(g->pixels_fd, F_ADD_SEALS, F_SEAL_SHRINK) ||
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends)) {
        const int err = errno;
        if (g->pixels_fd >= 0)
            close(g->pixels_fd);
        g->pixels_fd = -1;
        return pxr_fail_sys(diag, pxr_err_from_errno(err), err, "a process for reading pictures cannot be made");
    }
    g->pid = fork();
    if (!g->pid)
        child_main(g, ends[1], parent);
    close(ends[1]);
    g->socket = ends[0];
    if (g->pid > 0)
        return PXR_OK;
    const int err = errno;
    close(g->socket);
    close(g->pixels_fd);
    g->socket = g->pixels_fd = -1;
    return pxr_fail_sys(diag, pxr_err_from_errno(err), err, "a process for reading pictures cannot be made");
}

/* Returns the child's status as of waitpid. */
static int stop(pxr_image_guard *g)
{
    int status = 0;
    if (g->socket < 0)
        return 0;
    if (g->pixels)
        munmap(g->pixels, g->pixels_bytes);
    g->pixels = NULL;
    g->pixels_bytes = 0;
    close(g->socket);
    close(g->pixels_fd);
    g->socket = g->pixels_fd = -1;
    kill(g->pid, SIGKILL); /* after its own end this does nothing: it has not been waited for */
    while (waitpid(g->pid, &status, 0) < 0 && errno == EINTR)
        ;
    g->pid = 0;
    return status;
}

static enum pxr_err start(pxr_image_guard *g, struct pxr_diag *diag)
{
    struct answer *a = pxr_alloc(sizeof *a);
    enum pxr_err e = a ? fork_child(g, diag) : pxr_fail_nomem(diag, sizeof *a);
    if (e == PXR_OK && !receive(g, a)) {
        stop(g);
        e = pxr_fail(diag, PXR_E_UNSUPPORTED, "this system cannot confine a process for reading pictures");
    }
    pxr_free(a);
    return e;
}

enum pxr_err pxr_image_guard_new(pxr_image_guard **out, uint64_t max_frame_px, struct pxr_diag *diag)
{
    pxr_image_guard *g = *out = pxr_alloc_zero(1, sizeof *g);
    if (!g)
        return pxr_fail_nomem(diag, sizeof *g);
    g->socket = g->pixels_fd = -1;
    g->max_frame_px = max_frame_px ? max_frame_px : (uint64_t)1 << 28;
    const enum pxr_err e = start(g, diag);
    if (e != PXR_OK) {
        pxr_free(g);
        *out = NULL;
    }
    return e;
}

void pxr_image_guard_free(pxr_image_guard *g)
{
    if (g)
        stop(g);
    pxr_free(g);
}

static bool send_request(const pxr_image_guard *g, struct request *request, int fd)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {.bytes = {0}};
    struct iovec part = {request, sizeof *request};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    struct cmsghdr *c = CMSG_FIRSTHDR(&message);
    ssize_t n;
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(c), &fd, sizeof fd);
    do
        n = sendmsg(g->socket, &message, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    return n == (ssize_t)sizeof *request;
}

/* The child may have been taken over by its input: nothing that it says is believed before it is checked. */
static bool is_sound(const struct answer *a, uint64_t max_frame_px)
{
    const struct pxr_image *i = &a->image;
    if (a->is_last)
        return memchr(a->diag.text, 0, sizeof a->diag.text) && memchr(a->diag.field, 0, sizeof a->diag.field) &&
               memchr(a->diag.file, 0, sizeof a->diag.file);
    return i->width_px && i->height_px && (uint64_t)i->width_px * i->height_px <= max_frame_px &&
           (i->bits == 8 || i->bits == 16) && i->sbit <= i->bits && i->n_channels >= 1 && i->n_channels <= 4 &&
           i->maxval && i->maxval <= (1u << i->bits) - 1 && memchr(a->warning, 0, sizeof a->warning);
}

/* Map the picture that an answer speaks of. */
static bool find_pixels(pxr_image_guard *g, struct answer *a)
{
    const uint64_t n_bytes = picture_bytes(&a->image);
    struct stat st;
    if (n_bytes > g->pixels_bytes) {
        if (fstat(g->pixels_fd, &st) || n_bytes > (uint64_t)st.st_size)
            return false;
        if (g->pixels)
            munmap(g->pixels, g->pixels_bytes);
        void *mapped = mmap(NULL, (size_t)n_bytes, PROT_READ, MAP_SHARED, g->pixels_fd, 0);
        g->pixels = mapped == MAP_FAILED ? NULL : mapped;
        g->pixels_bytes = g->pixels ? (size_t)n_bytes : 0;
    }
    a->image.pixels = g->pixels;
    a->image.stride_bytes = (size_t)(n_bytes / a->image.height_px);
    a->image.warning = *a->warning ? a->warning : NULL;
    return g->pixels != NULL;
}

/* The child is gone or does not keep to the rules. */
static enum pxr_err fail_child(pxr_image_guard *g, struct pxr_diag *diag)
{
    const int status = stop(g);
    if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL)
        return pxr_fail(diag, PXR_E_CORRUPT,
                        "the process that reads pictures has died of it (signal %d): it is damaged, or made to do harm",
                        WTERMSIG(status));
    return pxr_fail(diag, PXR_E_IO, "the process that reads pictures has been ended");
}

static enum pxr_err converse(pxr_image_guard *g, struct answer *a, uint64_t max_frame_px, pxr_image_fn *each, void *arg,
                             struct pxr_diag *diag)
{
    for (uint64_t number = 0;; number++) {
        if (!receive(g, a) || !is_sound(a, max_frame_px))
            return fail_child(g, diag);
        if (a->is_last) {
            if (a->err != PXR_OK && diag)
                *diag = a->diag;
            if (a->err != PXR_OK && diag)
                diag->code = a->err;
            return a->err;
        }
        a->image.number = number;
        if (!find_pixels(g, a))
            return fail_child(g, diag);
        const enum pxr_err e = each(arg, &a->image, diag);
        const struct reply reply = {e == PXR_OK};
        ssize_t n;
        do
            n = send(g->socket, &reply, sizeof reply, MSG_NOSIGNAL);
        while (n < 0 && errno == EINTR);
        if (e != PXR_OK) { /* the child's last word does not matter, but it must not stay in the way */
            if (!receive(g, a) || !a->is_last)
                stop(g);
            return e;
        }
    }
}

enum pxr_err pxr_image_guard_read(pxr_image_guard *g, int fd, const uint8_t *head, size_t head_bytes,
                                  enum pxr_image_format format, const struct pxr_image_opts *opts, pxr_image_fn *each,
                                  void *arg, struct pxr_diag *diag)
{
    enum pxr_err e = g->socket < 0 ? start(g, diag) : PXR_OK;
    if (e != PXR_OK)
        return e;
    if (head_bytes > MAX_HEAD_BYTES)
        return pxr_fail(diag, PXR_E_INVALID, "more than %d bytes taken before", MAX_HEAD_BYTES);
    struct request request;
    memset(&request, 0, sizeof request);
    request.format = format;
    request.opts = *opts;
    request.opts.max_frame_px = pxr_min_u64(g->max_frame_px, opts->max_frame_px ? opts->max_frame_px : g->max_frame_px);
    request.head_bytes = (uint32_t)head_bytes;
    if (head_bytes)
        memcpy(request.head, head, head_bytes);
    struct answer *a = pxr_alloc(sizeof *a);
    if (!a)
        return pxr_fail_nomem(diag, sizeof *a);
    e = send_request(g, &request, fd) ? converse(g, a, request.opts.max_frame_px, each, arg, diag) : fail_child(g, diag);
    pxr_free(a);
    return e;
}
