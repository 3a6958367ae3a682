/* SPDX-License-Identifier: MIT
 * The files that pack was asked to read, in order: operands, and folders in natural order. */
#include "inputs.h"

#include "cli.h"

#include "diag.h"
#include "io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A folder that is being read, and those that led to it: symbolic links can make a circle. */
struct folder {
    const struct folder *above;
    dev_t dev;
    ino_t ino;
    unsigned depth;
};
enum { MAX_DEPTH = 64 };
#define MAX_LIST_BYTES ((uint64_t)8 << 30)

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

int pxr_natural_compare(const char *a, const char *b)
{
    const char *const whole_a = a, *const whole_b = b;
    while (*a && *b) {
        if (!is_digit(*a) || !is_digit(*b)) {
            if (*a != *b)
                return (unsigned char)*a < (unsigned char)*b ? -1 : 1;
            a++, b++;
            continue;
        }
        while (*a == '0')
            a++;
        while (*b == '0')
            b++;
        size_t n = 0, m = 0;
        while (is_digit(a[n]))
            n++;
        while (is_digit(b[m]))
            m++;
        /* Without leading zeros the longer number is the larger one. */
        const int order = n != m ? (n < m ? -1 : 1) : memcmp(a, b, n);
        if (order)
            return order;
        a += n;
        b += m;
    }
    if (*a || *b)
        return *b ? -1 : 1;
    return strcmp(whole_a, whole_b); /* they differ in leading zeros, if at all */
}

static const char *text_at(const struct pxr_inputs *list, uint64_t off)
{
    return (const char *)list->names.bytes + off;
}

const char *pxr_inputs_name(const struct pxr_inputs *list, size_t i)
{
    const char *name = text_at(list, list->items[i].name_off), *slash = strrchr(name, '/');
    return slash ? slash + 1 : name;
}

bool pxr_inputs_path(const struct pxr_inputs *list, size_t i, char *dst, size_t dst_bytes)
{
    const char *dir = text_at(list, list->items[i].dir_off);
    const size_t n = strlen(dir);
    const int k = snprintf(dst, dst_bytes, "%s%s%s", dir, n && dir[n - 1] != '/' ? "/" : "",
                           text_at(list, list->items[i].name_off));
    return k >= 0 && (size_t)k < dst_bytes;
}

void pxr_inputs_fini(struct pxr_inputs *list)
{
    pxr_free(list->items);
    pxr_buffer_fini(&list->names);
    memset(list, 0, sizeof *list);
}

static enum pxr_err add_text(struct pxr_inputs *list, const char *text, uint64_t *off,
                             struct pxr_diag *diag)
{
    *off = list->names.n_bytes;
    if (!pxr_buffer_add(&list->names, text, strlen(text) + 1))
        return pxr_fail_nomem(diag, list->names.n_bytes);
    return PXR_OK;
}

static enum pxr_err add_item(struct pxr_inputs *list, uint64_t dir_off, const char *name,
                             struct pxr_input kind, struct pxr_diag *diag)
{
    uint64_t off;
    const enum pxr_err e = add_text(list, name, &off, diag);
    if (e != PXR_OK)
        return e;
    if (!pxr_reserve(&list->items, &list->capacity, list->n_items + 1, sizeof *list->items))
        return pxr_fail_nomem(diag, list->n_items * sizeof *list->items);
    kind.name_off = off & 0xFFFFFFFFFFFF;
    kind.dir_off = dir_off;
    list->items[list->n_items++] = kind;
    return PXR_OK;
}

static int compare_items(const void *a, const void *b, void *arg)
{
    const struct pxr_input *x = a, *y = b;
    const struct pxr_inputs *list = arg;
    return pxr_natural_compare(text_at(list, x->name_off), text_at(list, y->name_off));
}

static mode_t type_of(const char *dir, const struct dirent *entry)
{
    char path[PATH_MAX];
    struct stat st;
    if (entry->d_type == DT_REG)
        return S_IFREG; /* spares a stat per file */
    const int n = snprintf(path, sizeof path, "%s/%s", dir, entry->d_name);
    if (n < 0 || (size_t)n >= sizeof path || stat(path, &st))
        return S_IFREG; /* opening it will say what is wrong */
    return st.st_mode & S_IFMT;
}

static enum pxr_err add_folder(struct pxr_inputs *list, const char *path,
                               const struct folder *above, struct pxr_diag *diag);

/* A folder's entries stand at list->items[first..], sorted: put what the folders among them hold in
 * their places. */
static enum pxr_err expand_folders(struct pxr_inputs *list, size_t first,
                                   const struct folder *above, struct pxr_diag *diag)
{
    char path[PATH_MAX];
    const size_t n = list->n_items - first;
    enum pxr_err e = PXR_OK;
    bool has_folders = false;
    for (size_t i = 0; i < n; i++)
        has_folders |= list->items[first + i].is_folder;
    if (!has_folders)
        return PXR_OK;
    struct pxr_input *entries = pxr_alloc(n * sizeof *entries);
    if (!entries)
        return pxr_fail_nomem(diag, n * sizeof *entries);
    memcpy(entries, list->items + first, n * sizeof *entries);
    list->n_items = first;
    for (size_t i = 0; e == PXR_OK && i < n; i++) {
        if (!pxr_reserve(&list->items, &list->capacity, list->n_items + 1, sizeof *list->items)) {
            e = pxr_fail_nomem(diag, list->n_items * sizeof *list->items);
            break;
        }
        list->items[list->n_items] = entries[i];
        if (!entries[i].is_folder)
            list->n_items++;
        else if (!pxr_inputs_path(list, list->n_items, path, sizeof path))
            e = pxr_fail(diag, PXR_E_LIMIT, "a path is too long");
        else
            e = add_folder(list, path, above, diag);
    }
    pxr_free(entries);
    return e;
}

static enum pxr_err check_circle(const struct folder *f, struct pxr_diag *diag)
{
    if (f->depth > MAX_DEPTH)
        return pxr_fail(diag, PXR_E_LIMIT, "folders are nested more than %d deep", MAX_DEPTH);
    for (const struct folder *g = f->above; g; g = g->above)
        if (g->dev == f->dev && g->ino == f->ino)
            return pxr_fail(diag, PXR_E_INVALID, "leads back to a folder that it is in");
    return PXR_OK;
}

static enum pxr_err read_folder(struct pxr_inputs *list, DIR *d, const char *path,
                                struct pxr_diag *diag)
{
    uint64_t dir_off;
    enum pxr_err e = add_text(list, path, &dir_off, diag);
    while (e == PXR_OK) {
        errno = 0;
        const struct dirent *entry = readdir(d);
        if (!entry)
            return errno ? pxr_fail_sys(diag, PXR_E_IO, errno, "cannot be listed") : PXR_OK;
        if (entry->d_name[0] == '.')
            continue;
        const mode_t type = type_of(path, entry);
        if (type == S_IFREG || (type == S_IFDIR && list->is_recursive))
            e = add_item(list, dir_off, entry->d_name,
                         (struct pxr_input){.is_in_folder = 1, .is_folder = type == S_IFDIR}, diag);
        else if (type == S_IFDIR)
            list->n_folders_not_entered++;
        else if (list->skipped)
            pxr_cli_names_add(list->skipped, entry->d_name);
    }
    return e;
}

static enum pxr_err add_folder(struct pxr_inputs *list, const char *path,
                               const struct folder *above, struct pxr_diag *diag)
{
    const size_t first = list->n_items;
    struct stat st;
    DIR *d = opendir(path);
    if (!d || fstat(dirfd(d), &st)) {
        const int err = errno;
        if (d)
            closedir(d);
        return pxr_diag_in_file(
            diag, pxr_fail_sys(diag, pxr_err_from_errno(err), err, "cannot be listed"), path);
    }
    const struct folder here = {above, st.st_dev, st.st_ino, above ? above->depth + 1 : 0};
    enum pxr_err e = check_circle(&here, diag);
    if (e == PXR_OK)
        e = read_folder(list, d, path, diag);
    closedir(d);
    if (e != PXR_OK)
        return pxr_diag_in_file(diag, e, path);
    if (list->n_items > first)
        qsort_r(list->items + first, list->n_items - first, sizeof *list->items, compare_items,
                list);
    return expand_folders(list, first, &here, diag);
}

enum pxr_err pxr_inputs_add(struct pxr_inputs *list, const char *operand, struct pxr_diag *diag)
{
    struct stat st;
    uint64_t no_dir;
    const enum pxr_err e = add_text(list, "", &no_dir, diag);
    if (e != PXR_OK)
        return e;
    if (!strcmp(operand, "-")) {
        if (list->has_stdin)
            return pxr_fail(diag, PXR_E_INVALID, "'-' can be given only once");
        list->has_stdin = true;
        return add_item(list, no_dir, operand, (struct pxr_input){.is_stream = 1}, diag);
    }
    if (stat(operand, &st))
        return pxr_diag_in_file(
            diag, pxr_fail_sys(diag, pxr_err_from_errno(errno), errno, "cannot be opened"),
            operand);
    if (S_ISDIR(st.st_mode))
        return add_folder(list, operand, NULL, diag);
    return add_item(list, no_dir, operand, (struct pxr_input){.is_stream = !S_ISREG(st.st_mode)},
                    diag);
}

static enum pxr_err add_paths(struct pxr_inputs *list, char *text, size_t n_bytes, struct pxr_diag *diag)
{
    const char separator = memchr(text, 0, n_bytes) ? 0 : '\n';
    enum pxr_err e = PXR_OK;
    for (size_t at = 0; e == PXR_OK && at < n_bytes;) {
        char *path = text + at, *end = memchr(path, separator, n_bytes - at);
        const size_t n = end ? (size_t)(end - path) : n_bytes - at;
        path[n] = 0; /* behind the last one there is room for it */
        if (separator && n && path[n - 1] == '\r')
            path[n - 1] = 0;
        if (*path && !strcmp(path, "-") && list->has_stdin)
            e = pxr_fail(diag, PXR_E_INVALID, "standard input can be read only once");
        else if (*path)
            e = pxr_inputs_add(list, path, diag);
        at += n + 1;
    }
    return e;
}

enum pxr_err pxr_inputs_add_list(struct pxr_inputs *list, const char *path, struct pxr_diag *diag)
{
    uint8_t *text = NULL;
    size_t n_bytes = 0;
    const bool is_stdin = !strcmp(path, "-");
    if (is_stdin && list->has_stdin)
        return pxr_fail(diag, PXR_E_INVALID, "standard input can be read only once");
    list->has_stdin |= is_stdin;
    const int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    enum pxr_err e = fd < 0 ? pxr_fail_sys(diag, pxr_err_from_errno(errno), errno, "cannot be opened")
                            : pxr_read_all(fd, MAX_LIST_BYTES, &text, &n_bytes, diag);
    if (fd > STDIN_FILENO)
        close(fd);
    if (e != PXR_OK)
        return pxr_diag_in_file(diag, e, is_stdin ? "standard input" : path);
    uint8_t *grown = pxr_realloc(text, n_bytes + 1);
    if (!grown)
        e = pxr_fail_nomem(diag, n_bytes + 1);
    else
        e = add_paths(list, (char *)(text = grown), n_bytes, diag);
    pxr_free(text);
    return e;
}
