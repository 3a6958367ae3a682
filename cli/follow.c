/* SPDX-License-Identifier: MIT
 * Files of a folder as a camera writes them there, each once. */
#include "follow.h"

#include "diag.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* ---- names that were taken ---------------------------------------------------------------------- */

static struct pxr_hash128 *find_slot(struct pxr_hash128 *slots, size_t n_slots, const struct pxr_hash128 *h)
{
    size_t i = (size_t)h->lo & (n_slots - 1);
    while ((slots[i].lo || slots[i].hi) && (slots[i].lo != h->lo || slots[i].hi != h->hi))
        i = (i + 1) & (n_slots - 1);
    return &slots[i];
}

static bool grow(struct pxr_follow *f)
{
    const size_t n = f->n_slots ? 2 * f->n_slots : 1024;
    struct pxr_hash128 *larger = pxr_alloc_zero(n, sizeof *larger);
    if (!larger)
        return false;
    for (size_t i = 0; i < f->n_slots; i++)
        if (f->taken[i].lo || f->taken[i].hi)
            *find_slot(larger, n, &f->taken[i]) = f->taken[i];
    pxr_free(f->taken);
    f->taken = larger;
    f->n_slots = n;
    return true;
}

static bool is_taken(const struct pxr_follow *f, const char *name)
{
    const struct pxr_hash128 h = pxr_xxh3_128(name, strlen(name));
    if (!f->n_slots)
        return false;
    const struct pxr_hash128 *slot = find_slot(f->taken, f->n_slots, &h);
    return slot->lo || slot->hi;
}

enum pxr_err pxr_follow_was_broken(struct pxr_follow *f, const char *name, struct pxr_diag *diag)
{
    if (!pxr_reserve(&f->broken, &f->broken_capacity, f->n_broken + 1, sizeof *f->broken))
        return pxr_fail_nomem(diag, f->n_broken * sizeof *f->broken);
    f->broken[f->n_broken++] = pxr_xxh3_128(name, strlen(name));
    return PXR_OK;
}

/* It is written again, so it may be whole now. */
static bool is_repaired(struct pxr_follow *f, const char *name)
{
    const struct pxr_hash128 h = pxr_xxh3_128(name, strlen(name));
    for (size_t i = 0; i < f->n_broken; i++)
        if (f->broken[i].lo == h.lo && f->broken[i].hi == h.hi) {
            f->broken[i] = f->broken[--f->n_broken];
            return true;
        }
    return false;
}

static enum pxr_err take(struct pxr_follow *f, struct pxr_inputs *list, const char *name, struct pxr_diag *diag)
{
    char path[PATH_MAX];
    const struct pxr_hash128 h = pxr_xxh3_128(name, strlen(name));
    struct stat st;
    if (snprintf(path, sizeof path, "%s/%s", f->dir, name) >= (int)sizeof path)
        return pxr_fail(diag, PXR_E_LIMIT, "the path is too long");
    if (stat(path, &st) || !S_ISREG(st.st_mode))
        return PXR_OK; /* gone again, or no file */
    if (2 * (f->n_taken + 1) > f->n_slots && !grow(f))
        return pxr_fail_nomem(diag, 2 * f->n_slots * sizeof *f->taken);
    *find_slot(f->taken, f->n_slots, &h) = h;
    f->n_taken++;
    const enum pxr_err e = pxr_inputs_add(list, path, diag);
    if (e == PXR_OK)
        list->items[list->n_items - 1].is_in_folder = 1; /* what is no picture may be there for other reasons */
    return e;
}

/* ---- listing ------------------------------------------------------------------------------------ */

/* Nobody can have a lease on a file that somebody writes.  Where the system knows no leases, a file is complete
 * when it has not changed for some time. */
static bool is_being_written(const char *path)
{
    struct stat st;
    struct timespec now;
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return false; /* who reads it will say why */
    const bool has_lease = !fcntl(fd, F_SETLEASE, F_RDLCK);
    const int err = errno;
    if (has_lease)
        fcntl(fd, F_SETLEASE, F_UNLCK);
    const bool has_stat = !fstat(fd, &st);
    close(fd);
    if (has_lease || err == EAGAIN)
        return !has_lease;
    clock_gettime(CLOCK_REALTIME, &now);
    return has_stat && now.tv_sec - st.st_mtim.tv_sec < 3;
}

static int compare_names(const void *x, const void *y)
{
    return pxr_natural_compare(*(char *const *)x, *(char *const *)y);
}

struct names {
    char **items;
    size_t n_items, capacity;
};

/* All files that were not taken and that nobody writes; those that somebody writes will make an event, or, where
 * that cannot be known, are listed again. */
static enum pxr_err list_new(struct pxr_follow *f, struct names *names, struct pxr_diag *diag)
{
    const struct dirent *entry;
    DIR *d = opendir(f->dir);
    if (!d)
        return pxr_fail_sys(diag, pxr_err_from_errno(errno), errno, "cannot be listed");
    enum pxr_err e = PXR_OK;
    f->must_list = false;
    while (e == PXR_OK && (entry = readdir(d))) {
        char path[PATH_MAX];
        if (entry->d_name[0] == '.' || is_taken(f, entry->d_name) ||
            snprintf(path, sizeof path, "%s/%s", f->dir, entry->d_name) >= (int)sizeof path)
            continue;
        if (is_being_written(path)) {
            f->must_list = true;
            continue;
        }
        if (!pxr_reserve(&names->items, &names->capacity, names->n_items + 1, sizeof *names->items) ||
            !(names->items[names->n_items] = pxr_strdup(entry->d_name)))
            e = pxr_fail_nomem(diag, names->n_items * sizeof *names->items);
        else
            names->n_items++;
    }
    closedir(d);
    return e;
}

static enum pxr_err take_listed(struct pxr_follow *f, struct pxr_inputs *list, struct pxr_diag *diag)
{
    struct names names = {0};
    enum pxr_err e = list_new(f, &names, diag);
    if (names.n_items)
        qsort(names.items, names.n_items, sizeof *names.items, compare_names);
    for (size_t i = 0; i < names.n_items; i++) {
        if (e == PXR_OK)
            e = take(f, list, names.items[i], diag);
        pxr_free(names.items[i]);
    }
    pxr_free(names.items);
    return e;
}

/* ---- events ------------------------------------------------------------------------------------- */

static enum pxr_err take_event(struct pxr_follow *f, struct pxr_inputs *list, const struct inotify_event *event,
                               struct pxr_diag *diag)
{
    if (event->mask & IN_Q_OVERFLOW)
        f->must_list = true;
    if (event->mask & (IN_IGNORED | IN_UNMOUNT | IN_DELETE_SELF | IN_MOVE_SELF))
        f->is_gone = true;
    if (!(event->mask & (IN_CLOSE_WRITE | IN_MOVED_TO)) || (event->mask & IN_ISDIR) || !event->len ||
        event->name[0] == '.' || (is_taken(f, event->name) && !is_repaired(f, event->name)))
        return PXR_OK;
    return take(f, list, event->name, diag);
}

static enum pxr_err take_events(struct pxr_follow *f, struct pxr_inputs *list, struct pxr_diag *diag)
{
    _Alignas(struct inotify_event) char buffer[4096];
    enum pxr_err e = PXR_OK;
    ssize_t n;
    /* A batch, not all there ever will be: a fast camera must not keep frames from being packed. */
    for (int i = 0; i < 64 && e == PXR_OK && (n = read(f->fd, buffer, sizeof buffer)) > 0; i++)
        for (const char *p = buffer; p < buffer + n && e == PXR_OK;) {
            const struct inotify_event *event = (const void *)p;
            e = take_event(f, list, event, diag);
            p += sizeof *event + event->len;
        }
    return e;
}

enum pxr_err pxr_follow_open(struct pxr_follow *f, const char *dir, struct pxr_diag *diag)
{
    *f = (struct pxr_follow){.dir = dir, .must_list = true};
    signal(SIGIO, SIG_IGN); /* of a lease that somebody breaks in the moment that we hold it */
    f->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (f->fd < 0 || inotify_add_watch(f->fd, dir,
                                       IN_CLOSE_WRITE | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR) < 0)
        return pxr_diag_in_file(diag, pxr_fail_sys(diag, pxr_err_from_errno(errno), errno, "cannot be followed"), dir);
    return PXR_OK;
}

enum pxr_err pxr_follow_next(struct pxr_follow *f, struct pxr_inputs *list, int timeout_ms, struct pxr_diag *diag)
{
    struct pollfd p = {.fd = f->fd, .events = POLLIN};
    enum pxr_err e = PXR_OK;
    if (f->must_list)
        e = take_listed(f, list, diag);
    if (e == PXR_OK && !list->n_items)
        poll(&p, 1, timeout_ms);
    if (e == PXR_OK)
        e = take_events(f, list, diag);
    return pxr_diag_in_file(diag, e, f->dir);
}

void pxr_follow_fini(struct pxr_follow *f)
{
    if (f->dir && f->fd >= 0)
        close(f->fd);
    pxr_free(f->taken);
    pxr_free(f->broken);
    *f = (struct pxr_follow){.fd = -1};
}
