/* SPDX-License-Identifier: MIT
 * A mount that follows its archive while somebody appends to it. */
#include "live.h"

#include "alloc.h"
#include "diag.h"
#include "fs_log.h"
#include "pool.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

/* Without events (network file systems have none of other machines) the file's size is looked at this often. */
#define POLL_MS 1000
/* A look at the file costs a read for each record that was added; the rest of the time belongs to others. */
#define MIN_PAUSE_MS 20
#define PAUSE_FACTOR 10
#define MAX_PAUSE_MS 5000

struct pxr_live {
    struct pxr_server *server;
    int file_fd, events_fd, end_fd; /* events_fd -1: there are none */
    void (*changed)(void *arg, uint64_t ino);
    void *arg;
    pthread_t thread;
    bool has_thread;
    /* Of the thread alone. */
    struct stat seen;
    enum pxr_err said; /* the last failure that was logged: each is said once */
    bool has_said_gone;
    char file[256]; /* name for messages */
};

/* ---- looking ------------------------------------------------------------------------------------- */

static void say_once(struct pxr_live *l, enum pxr_err e, struct pxr_diag *diag)
{
    if (l->said == e)
        return;
    l->said = e;
    pxr_diag_in_file(diag, e, l->file);
    pxr_log_diag(diag);
}

/* The old file stays open and readable; nobody can append to it under its name any more. */
static void look_for_name(struct pxr_live *l, const struct stat *st)
{
    if (st->st_nlink || l->has_said_gone)
        return;
    l->has_said_gone = true;
    pxr_log_line("%s was replaced or deleted; this mount goes on showing what it was", l->file);
}

/* Only what stands for everything else: of the rest the kernel asks again after a second. */
static void tell_kernel(const struct pxr_live *l)
{
    const struct pxr_fs_tree *t = &l->server->newest->tree;
    l->changed(l->arg, PXR_INO_ROOT);
    l->changed(l->arg, pxr_node_ino((struct pxr_node){.kind = PXR_NODE_INFO}));
    for (unsigned i = 0; i < t->n_views && !t->is_single; i++)
        l->changed(l->arg, pxr_node_ino((struct pxr_node){.kind = PXR_NODE_VIEW, .view = t->views[i]}));
}

static bool is_same_time(struct timespec a, struct timespec b)
{
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

/* Show what has been committed, if the file has changed at all. */
static void look(struct pxr_live *l, bool has_event)
{
    struct pxr_diag diag;
    struct stat st;
    bool has_grown = false;
    if (fstat(l->file_fd, &st))
        return; /* a disk that is away for a while */
    look_for_name(l, &st);
    if (!has_event && st.st_size == l->seen.st_size && is_same_time(st.st_mtim, l->seen.st_mtim))
        return;
    l->seen = st;
    const enum pxr_err e = pxr_server_refresh(l->server, &has_grown, &diag);
    if (e != PXR_OK) {
        say_once(l, e, &diag);
        l->seen.st_size = -1; /* look again, also if nothing changes: memory may have been short */
    } else {
        l->said = PXR_OK;
    }
    if (has_grown)
        tell_kernel(l);
}

/* ---- the thread ---------------------------------------------------------------------------------- */

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* True: the mount ends. */
static bool wait_for_end(const struct pxr_live *l, int timeout_ms)
{
    struct pollfd end = {.fd = l->end_fd, .events = POLLIN};
    return poll(&end, 1, timeout_ms) > 0;
}

/* Take all events that wait; what they say does not matter.  False: there were none. */
static bool drain(const struct pxr_live *l)
{
    char events[4096];
    bool is_any = false;
    while (l->events_fd >= 0 && read(l->events_fd, events, sizeof events) > 0)
        is_any = true;
    return is_any;
}

static void *live_main(void *arg)
{
    struct pxr_live *l = arg;
    bool has_event = true; /* frames may have come between the opening of the archive and here */
    for (;;) {
        const int64_t begin_ms = now_ms();
        look(l, has_event);
        int64_t pause_ms = PAUSE_FACTOR * (now_ms() - begin_ms);
        pause_ms = pause_ms < MIN_PAUSE_MS ? MIN_PAUSE_MS : pause_ms > MAX_PAUSE_MS ? MAX_PAUSE_MS : pause_ms;
        if (wait_for_end(l, (int)pause_ms))
            return NULL;
        struct pollfd fds[2] = {{.fd = l->end_fd, .events = POLLIN}, {.fd = l->events_fd, .events = POLLIN}};
        poll(fds, 2, POLL_MS);
        if (fds[0].revents)
            return NULL;
        has_event = drain(l);
    }
}

/* ---- beginning and end --------------------------------------------------------------------------- */

static void close_fd(int fd)
{
    if (fd >= 0)
        close(fd);
}

enum pxr_err pxr_live_open(pxr_live **out, struct pxr_server *s, const char *source, struct pxr_diag *diag)
{
    char self[40];
    pxr_live *l = *out = pxr_alloc_zero(1, sizeof *l);
    if (!l)
        return pxr_fail_nomem(diag, sizeof *l);
    l->server = s;
    l->events_fd = -1;
    snprintf(l->file, sizeof l->file, "%s", source);
    l->end_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    l->file_fd = open(source, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (l->end_fd < 0 || l->file_fd < 0 || fstat(l->file_fd, &l->seen))
        return pxr_fail_sys(diag, PXR_E_IO, errno, "%.150s", source);
    if (!S_ISREG(l->seen.st_mode))
        return pxr_fail(diag, PXR_E_INVALID, "option live wants a regular file, %.100s is none", source);
    /* The file that is open, whatever has its name by now.  Where there are no events left, the clock has to do. */
    snprintf(self, sizeof self, "/proc/self/fd/%d", l->file_fd);
    l->events_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (l->events_fd >= 0 && inotify_add_watch(l->events_fd, self, IN_MODIFY | IN_ATTRIB) < 0) {
        close(l->events_fd);
        l->events_fd = -1;
    }
    return PXR_OK;
}

enum pxr_err pxr_live_start(pxr_live *l, void (*changed)(void *arg, uint64_t ino), void *arg, struct pxr_diag *diag)
{
    l->changed = changed;
    l->arg = arg;
    l->has_thread = pxr_threads_start(&l->thread, 1, live_main, l) == 1;
    return l->has_thread ? PXR_OK : pxr_fail(diag, PXR_E_NOMEM, "no thread for option live");
}

void pxr_live_stop(pxr_live *l)
{
    const uint64_t one = 1;
    if (!l)
        return;
    if (l->has_thread && write(l->end_fd, &one, sizeof one) == sizeof one)
        pthread_join(l->thread, NULL);
    close_fd(l->file_fd);
    close_fd(l->events_fd);
    close_fd(l->end_fd);
    pxr_free(l);
}
