/* SPDX-License-Identifier: MIT
 * The command line of mount.pixelrain: what mount(8) passes, and our own -o options. */
#include "options.h"

#include "bytes.h"
#include "diag.h"
#include "option.h"
#include "pool.h"

#include <fnmatch.h>
#include <stdio.h>
#include <unistd.h>

#define MAX_VALUE_BYTES 256

/* What mount(8) and fstab pass on to every kind of file system.  None of them can change anything
 * here: the mount is always read-only, nosuid, nodev and noexec ("rw" is there unless somebody said
 * "ro"), and checks permissions. */
static const char *const ignored[] = {
    "rw",         "ro",        "auto",       "noauto",      "user",         "user=*",   "users",
    "nouser",     "owner",     "group",      "nofail",      "_netdev",      "exec",     "noexec",
    "suid",       "nosuid",    "dev",        "nodev",       "sync",         "async",    "dirsync",
    "atime",      "noatime",   "relatime",   "norelatime",  "strictatime",  "lazytime", "nolazytime",
    "diratime",   "nodiratime", "silent",    "loud",        "defaults",     "comment=*", "x-*",
    "X-*",        "nostrictatime", "default_permissions",   NULL};

static enum pxr_err bad_value(struct pxr_diag *diag, const char *name, const char *wants,
                              const char *value)
{
    return pxr_fail(diag, PXR_E_INVALID, "option %s wants %s, not '%.60s'", name, wants, value);
}

static enum pxr_err add_view(struct pxr_mount_options *o, const char *option, const char *name,
                             struct pxr_diag *diag)
{
    enum pxr_view v;
    if (!pxr_view_find(name, &v))
        return bad_value(diag, option, "png, pgm or raw", name);
    for (unsigned i = 0; i < o->n_views; i++)
        if (o->views[i] == v)
            return PXR_OK;
    o->views[o->n_views++] = v;
    return PXR_OK;
}

static enum pxr_err set_view(struct pxr_mount_options *o, const char *value, struct pxr_diag *diag)
{
    o->n_views = 0;
    o->is_single = true;
    return add_view(o, "view", value, diag);
}

/* Separated by colons: mount(8) has taken the comma. */
static enum pxr_err set_views(struct pxr_mount_options *o, const char *value, struct pxr_diag *diag)
{
    char name[16];
    o->n_views = 0;
    o->is_single = false;
    for (;;) {
        const size_t n = strcspn(value, ":");
        snprintf(name, sizeof name, "%.*s", n < sizeof name ? (int)n : (int)sizeof name, value);
        const enum pxr_err e = add_view(o, "views", name, diag);
        if (e != PXR_OK || !value[n])
            return e;
        value += n + 1;
    }
}

static enum pxr_err set_layout(struct pxr_mount_options *o, const char *value, struct pxr_diag *diag)
{
    o->is_nested = !strcmp(value, "nested");
    if (!o->is_nested && strcmp(value, "flat"))
        return bad_value(diag, "layout", "flat or nested", value);
    return PXR_OK;
}

static enum pxr_err set_cache(struct pxr_mount_options *o, const char *value, struct pxr_diag *diag)
{
    if (!pxr_parse_bytes(value, 1, (uint64_t)1 << 46, &o->cache_bytes))
        return bad_value(diag, "cache", "a size such as 256M", value);
    return PXR_OK;
}

static enum pxr_err set_readahead(struct pxr_mount_options *o, const char *value,
                                  struct pxr_diag *diag)
{
    if (!pxr_parse_bytes(value, 0, (uint64_t)1 << 26, &o->readahead_bytes))
        return bad_value(diag, "readahead", "a size up to 64M, such as 1M", value);
    return PXR_OK;
}

static enum pxr_err set_workers(struct pxr_mount_options *o, const char *value,
                                struct pxr_diag *diag)
{
    uint64_t n;
    if (!pxr_parse_u64(value, 0, 256, &n))
        return bad_value(diag, "workers", "a number from 0 to 256", value);
    o->n_workers = (unsigned)n;
    return PXR_OK;
}

static enum pxr_err set_max_threads(struct pxr_mount_options *o, const char *value,
                                    struct pxr_diag *diag)
{
    uint64_t n;
    if (!pxr_parse_u64(value, 1, 64, &n))
        return bad_value(diag, "max_threads", "a number from 1 to 64", value);
    o->max_threads = (unsigned)n;
    return PXR_OK;
}

/* 2^32 - 1 means "no such user" to the kernel. */
static enum pxr_err set_uid(struct pxr_mount_options *o, const char *value, struct pxr_diag *diag)
{
    uint64_t n;
    if (!pxr_parse_u64(value, 0, UINT32_MAX - 1, &n))
        return bad_value(diag, "uid", "a user's number", value);
    o->uid = (uid_t)n;
    return PXR_OK;
}

static enum pxr_err set_gid(struct pxr_mount_options *o, const char *value, struct pxr_diag *diag)
{
    uint64_t n;
    if (!pxr_parse_u64(value, 0, UINT32_MAX - 1, &n))
        return bad_value(diag, "gid", "a group's number", value);
    o->gid = (gid_t)n;
    return PXR_OK;
}

static enum pxr_err set_umask(struct pxr_mount_options *o, const char *value, struct pxr_diag *diag)
{
    mode_t mask = 0;
    for (const char *c = value; *c; c++) {
        if (*c < '0' || *c > '7' || mask > 077)
            return bad_value(diag, "umask", "an octal number up to 777", value);
        mask = mask << 3 | (mode_t)(*c - '0');
    }
    if (!*value)
        return bad_value(diag, "umask", "an octal number up to 777", value);
    o->umask = mask;
    return PXR_OK;
}

/* Parses one option and feeds the help text. */
static const struct own_option {
    const char *name, *arg, *help;
    enum pxr_err (*set)(struct pxr_mount_options *o, const char *value, struct pxr_diag *diag);
} own_options[] = {
    {"view", "NAME", "show one view (png, pgm or raw) at the root, nothing else", set_view},
    {"views", "A:B:...", "folders to show (default png:pgm:raw)", set_views},
    {"layout", "flat|nested", "nested: subfolders of 1000 frames (default flat)", set_layout},
    {"cache", "SIZE", "memory for decoded data (default 256M)", set_cache},
    {"workers", "N", "threads that decode (default: one per core)", set_workers},
    {"max_threads", "N", "threads that answer requests (default: 2 to 4)", set_max_threads},
    {"readahead", "SIZE", "of the kernel, when run as root; 0: leave it (default 256K)",
     set_readahead},
    {"uid", "N", "owner of the files (default: who mounts)", set_uid},
    {"gid", "N", "group of the files (default: of who mounts)", set_gid},
    {"umask", "OCTAL", "permissions to take away (default 0)", set_umask},
};
#define N_OWN_OPTIONS (sizeof own_options / sizeof own_options[0])

static bool is_ignored(const char *token)
{
    for (size_t i = 0; ignored[i]; i++)
        if (!fnmatch(ignored[i], token, 0))
            return true;
    return false;
}

static enum pxr_err parse_token(struct pxr_mount_options *o, const char *token,
                                struct pxr_diag *diag)
{
    const size_t name_bytes = strcspn(token, "=");
    if (!strcmp(token, "allow_other")) {
        o->allows_others = true;
        return PXR_OK;
    }
    for (size_t i = 0; i < N_OWN_OPTIONS; i++) {
        const struct own_option *own = &own_options[i];
        if (strlen(own->name) != name_bytes || memcmp(own->name, token, name_bytes))
            continue;
        if (!token[name_bytes])
            return pxr_fail(diag, PXR_E_INVALID, "option %s wants a value: %s=%s", own->name,
                            own->name, own->arg);
        return own->set(o, token + name_bytes + 1, diag);
    }
    if (is_ignored(token))
        return PXR_OK;
    enum pxr_view v;
    return pxr_fail(diag, PXR_E_INVALID, "unknown option '%.*s'%s",
                    name_bytes < 64 ? (int)name_bytes : 64, token,
                    pxr_view_find(token, &v) ? " (views are separated by colons)" : "");
}

static enum pxr_err parse_list(struct pxr_mount_options *o, const char *list, struct pxr_diag *diag)
{
    char token[MAX_VALUE_BYTES];
    while (*list) {
        const size_t n = strcspn(list, ",");
        /* mount(8) passes x-* options of any length on some systems. */
        const size_t kept = n < sizeof token ? n : sizeof token - 1;
        memcpy(token, list, kept);
        token[kept] = 0;
        if (n != kept && !is_ignored(token))
            return pxr_fail(diag, PXR_E_INVALID, "option '%.40s...' is too long", token);
        if (kept) {
            const enum pxr_err e = parse_token(o, token, diag);
            if (e != PXR_OK)
                return e;
        }
        list += n + (list[n] == ',');
    }
    return PXR_OK;
}

static void set_defaults(struct pxr_mount_options *o)
{
    const unsigned n_cores = pxr_n_cores();
    *o = (struct pxr_mount_options){.n_views = PXR_N_VIEWS,
                                    .readahead_bytes = 256 * 1024,
                                    .n_workers = n_cores < 256 ? n_cores : 256,
                                    .max_threads = n_cores < 2 ? 2 : n_cores > 4 ? 4 : n_cores,
                                    .uid = getuid(),
                                    .gid = getgid()};
    for (unsigned v = 0; v < PXR_N_VIEWS; v++)
        o->views[v] = (enum pxr_view)v;
}

/* One argument that begins with a dash; *value is the next one and is taken by setting it to NULL. */
static enum pxr_err parse_dash(struct pxr_mount_options *o, const char *arg, const char **value,
                               struct pxr_diag *diag)
{
    if (!strcmp(arg, "--help"))
        o->wants_help = true;
    else if (!strcmp(arg, "--version"))
        o->wants_version = true;
    else if (arg[1] == '-')
        return pxr_fail(diag, PXR_E_INVALID, "unknown option '%.60s'", arg);
    for (const char *c = arg + 1; *c && arg[1] != '-'; c++) {
        switch (*c) {
        case 's': /* sloppy, no mtab: mount(8) may pass them, they mean nothing here */
        case 'n': break;
        case 'f': o->is_foreground = true; break;
        case 'v': o->is_verbose = true; break;
        case 'h': o->wants_help = true; break;
        case 'V': o->wants_version = true; break;
        case 'o':
        case 't': { /* the type, when mount(8) was called with a subtype */
            const char *text = c[1] ? c + 1 : *value;
            if (!text)
                return pxr_fail(diag, PXR_E_INVALID, "option '-%c' wants an argument", *c);
            if (!c[1])
                *value = NULL;
            return *c == 'o' ? parse_list(o, text, diag) : PXR_OK;
        }
        default: return pxr_fail(diag, PXR_E_INVALID, "unknown option '-%c'", *c);
        }
    }
    return PXR_OK;
}

enum pxr_err pxr_mount_options_parse(struct pxr_mount_options *o, int argc, char **argv,
                                     struct pxr_diag *diag)
{
    bool options_ended = false;
    set_defaults(o);
    for (int i = 1; i < argc; i++) {
        const char *value = argv[i + 1]; /* argv[argc] is NULL */
        if (!options_ended && !strcmp(argv[i], "--")) {
            options_ended = true;
        } else if (!options_ended && argv[i][0] == '-' && argv[i][1]) {
            const bool has_next = value != NULL;
            const enum pxr_err e = parse_dash(o, argv[i], &value, diag);
            if (e != PXR_OK)
                return e;
            if (has_next && !value)
                i++;
        } else if (!o->source) {
            o->source = argv[i];
        } else if (!o->mount_point) {
            o->mount_point = argv[i];
        } else {
            return pxr_fail(diag, PXR_E_INVALID, "one archive and one folder, '%.100s' is too much",
                            argv[i]);
        }
    }
    if (!o->wants_help && !o->wants_version && (!o->source || !o->mount_point))
        return pxr_fail(diag, PXR_E_INVALID, "usage: mount.pixelrain ARCHIVE FOLDER [-fv] [-o OPTIONS]");
    return PXR_OK;
}

void pxr_mount_options_help(void)
{
    printf("Usage: mount.pixelrain ARCHIVE FOLDER [-fsnv] [-o OPTION[,OPTION...]]\n"
           "Show the frames of a PixelRain archive as files.  Unmount with: fusermount3 -u FOLDER\n"
           "\n"
           "  -f           stay in the foreground\n"
           "  -v           say what is mounted where\n"
           "  -s, -n       accepted for mount(8), no effect\n"
           "  -h, --help   this text\n"
           "  -V, --version\n"
           "\n"
           "Options after -o:\n");
    for (size_t i = 0; i < N_OWN_OPTIONS; i++) {
        char left[40];
        snprintf(left, sizeof left, "%s=%s", own_options[i].name, own_options[i].arg);
        printf("  %-20s %s\n", left, own_options[i].help);
    }
    printf("  %-20s %s\n", "allow_other", "let other users in, within the permissions");
    printf("\nro, rw (which means ro), nofail, user, _netdev, x-* and the like are accepted.\n");
}
