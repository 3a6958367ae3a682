/* SPDX-License-Identifier: MIT
 * The command line of mount.pixelrain: what mount(8) passes, and our own -o options. */
#include "options.h"

#include "bytes.h"
#include "diag.h"
#include "frame_range.h"
#include "option.h"
#include "pool.h"

#include <fcntl.h>
#include <fnmatch.h>
#include <inttypes.h>
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

static void show_nothing(struct pxr_mount_options *o)
{
    o->n_views = o->n_stacks = 0;
    o->has_zarr = o->is_single = false;
    o->names_views = true;
}

static void add_view(struct pxr_mount_options *o, enum pxr_view v)
{
    for (unsigned i = 0; i < o->n_views; i++)
        if (o->views[i] == v)
            return;
    o->views[o->n_views++] = v;
}

static void add_stack(struct pxr_mount_options *o, enum pxr_stack v)
{
    for (unsigned i = 0; i < o->n_stacks; i++)
        if (o->stacks[i] == v)
            return;
    o->stacks[o->n_stacks++] = v;
}

/* "png, pgm or raw": what an option takes. */
static const char *known_names(bool with_stacks, char dst[256])
{
    size_t n = 0;
    for (unsigned v = 0; v < PXR_N_VIEWS && n < 256; v++)
        n += (size_t)snprintf(dst + n, 256 - n, "%s%s", v ? ", " : "", pxr_view_name((enum pxr_view)v));
    for (unsigned v = 0; with_stacks && v < PXR_N_STACKS && n < 256; v++)
        n += (size_t)snprintf(dst + n, 256 - n, ", %s", pxr_stack_name((enum pxr_stack)v));
    if (with_stacks && n < 256)
        snprintf(dst + n, 256 - n, ", zarr");
    return dst;
}

static enum pxr_err set_view(struct pxr_mount_options *o, const char *value, struct pxr_diag *diag)
{
    char names[256];
    enum pxr_view v;
    show_nothing(o);
    o->is_single = true;
    if (!pxr_view_find(value, &v))
        return bad_value(diag, "view", known_names(false, names), value);
    add_view(o, v);
    return PXR_OK;
}

static enum pxr_err add_named(struct pxr_mount_options *o, const char *name, struct pxr_diag *diag)
{
    char names[256];
    enum pxr_view v;
    enum pxr_stack s;
    if (pxr_view_find(name, &v))
        add_view(o, v);
    else if (pxr_stack_find(name, &s))
        add_stack(o, s);
    else if (!strcmp(name, "zarr"))
        o->has_zarr = true;
    else
        return bad_value(diag, "views", known_names(true, names), name);
    return PXR_OK;
}

/* Separated by colons: mount(8) has taken the comma. */
static enum pxr_err set_views(struct pxr_mount_options *o, const char *value, struct pxr_diag *diag)
{
    char name[24];
    show_nothing(o);
    for (;;) {
        const size_t n = strcspn(value, ":");
        snprintf(name, sizeof name, "%.*s", n < sizeof name ? (int)n : (int)sizeof name, value);
        const enum pxr_err e = add_named(o, name, diag);
        if (e != PXR_OK || !value[n])
            return e;
        value += n + 1;
    }
}

/* Only the form can be checked here: how many frames there are is not known yet. */
static enum pxr_err set_frames(struct pxr_mount_options *o, const char *value, struct pxr_diag *diag)
{
    struct pxr_frame_range range;
    const size_t n = strlen(value);
    if (n >= sizeof o->frames)
        return bad_value(diag, "frames", "A:B, A:B:STEP or N", value);
    memcpy(o->frames, value, n + 1);
    return pxr_frame_range_parse(&range, value, PXR_NONE, "option frames", diag);
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
    o->sets_readahead = true;
    if (!pxr_parse_bytes(value, 0, (uint64_t)1 << 26, &o->readahead_bytes))
        return bad_value(diag, "readahead", "a size up to 64M, such as 1M", value);
    return PXR_OK;
}

static enum pxr_err set_unsigned(unsigned *dst, const char *name, uint64_t min, uint64_t max,
                                 const char *value, struct pxr_diag *diag)
{
    char wants[64];
    uint64_t n;
    if (!pxr_parse_u64(value, min, max, &n)) {
        snprintf(wants, sizeof wants, "a number from %" PRIu64 " to %" PRIu64, min, max);
        return bad_value(diag, name, wants, value);
    }
    *dst = (unsigned)n;
    return PXR_OK;
}

static enum pxr_err set_workers(struct pxr_mount_options *o, const char *value, struct pxr_diag *diag)
{
    return set_unsigned(&o->n_workers, "workers", 0, 256, value, diag);
}

static enum pxr_err set_max_threads(struct pxr_mount_options *o, const char *value,
                                    struct pxr_diag *diag)
{
    return set_unsigned(&o->max_threads, "max_threads", 1, 64, value, diag);
}

static enum pxr_err set_idle_timeout(struct pxr_mount_options *o, const char *value,
                                     struct pxr_diag *diag)
{
    return set_unsigned(&o->idle_timeout_s, "idle_timeout", 0, 100000000, value, diag);
}

/* 2^32 - 1 means "no such user" to the kernel. */
static enum pxr_err set_uid(struct pxr_mount_options *o, const char *value, struct pxr_diag *diag)
{
    o->names_uid = true;
    return set_unsigned(&o->uid, "uid", 0, UINT32_MAX - 1, value, diag);
}

static enum pxr_err set_gid(struct pxr_mount_options *o, const char *value, struct pxr_diag *diag)
{
    o->names_gid = true;
    return set_unsigned(&o->gid, "gid", 0, UINT32_MAX - 1, value, diag);
}

static enum pxr_err set_prefetch(struct pxr_mount_options *o, const char *value, struct pxr_diag *diag)
{
    unsigned n = 0;
    const enum pxr_err e = set_unsigned(&n, "prefetch", 0, 1000000, value, diag);
    o->prefetch_frames = n ? n : PXR_NONE;
    return e;
}

static enum pxr_err set_verify(struct pxr_mount_options *o, const char *value, struct pxr_diag *diag)
{
    o->skips_unit_hashes = !strcmp(value, "off");
    if (!o->skips_unit_hashes && strcmp(value, "unit"))
        return bad_value(diag, "verify", "off or unit", value);
    return PXR_OK;
}

static enum pxr_err set_notify_fd(struct pxr_mount_options *o, const char *value, struct pxr_diag *diag)
{
    uint64_t n;
    if (!pxr_parse_u64(value, 1, INT32_MAX, &n) || fcntl((int)n, F_GETFD) < 0)
        return bad_value(diag, "notify_fd", "the number of an open descriptor", value);
    o->notify_fd = (int)n;
    return PXR_OK;
}

static enum pxr_err parse_mask(mode_t *dst, const char *name, const char *value, struct pxr_diag *diag)
{
    mode_t mask = 0;
    for (const char *c = value; *c; c++) {
        if (*c < '0' || *c > '7' || mask > 077)
            return bad_value(diag, name, "an octal number up to 777", value);
        mask = mask << 3 | (mode_t)(*c - '0');
    }
    if (!*value)
        return bad_value(diag, name, "an octal number up to 777", value);
    *dst = mask;
    return PXR_OK;
}

static enum pxr_err set_umask(struct pxr_mount_options *o, const char *value, struct pxr_diag *diag)
{
    const enum pxr_err e = parse_mask(&o->file_mask, "umask", value, diag);
    o->folder_mask = o->file_mask;
    return e;
}

static enum pxr_err set_fmask(struct pxr_mount_options *o, const char *value, struct pxr_diag *diag)
{
    return parse_mask(&o->file_mask, "fmask", value, diag);
}

static enum pxr_err set_dmask(struct pxr_mount_options *o, const char *value, struct pxr_diag *diag)
{
    return parse_mask(&o->folder_mask, "dmask", value, diag);
}

static enum pxr_err set_fastopen(struct pxr_mount_options *o, const char *value, struct pxr_diag *diag)
{
    (void)value, (void)diag;
    o->is_fastopen = true;
    return PXR_OK;
}

static enum pxr_err set_live(struct pxr_mount_options *o, const char *value, struct pxr_diag *diag)
{
    (void)value, (void)diag;
    o->is_live = true;
    return PXR_OK;
}

static enum pxr_err set_lossy_views(struct pxr_mount_options *o, const char *value, struct pxr_diag *diag)
{
    (void)value, (void)diag;
    o->shows_lossy = true;
    return PXR_OK;
}

static enum pxr_err set_allow_other(struct pxr_mount_options *o, const char *value,
                                    struct pxr_diag *diag)
{
    (void)value, (void)diag;
    o->allows_others = true;
    return PXR_OK;
}

static enum pxr_err set_nonempty(struct pxr_mount_options *o, const char *value, struct pxr_diag *diag)
{
    (void)value, (void)diag;
    o->may_cover = true;
    return PXR_OK;
}

static enum pxr_err set_nosandbox(struct pxr_mount_options *o, const char *value, struct pxr_diag *diag)
{
    (void)value, (void)diag;
    o->has_sandbox = false;
    return PXR_OK;
}

/* Parses one option and feeds the help text.  arg NULL: it takes no value. */
static const struct own_option {
    const char *name, *arg, *help;
    enum pxr_err (*set)(struct pxr_mount_options *o, const char *value, struct pxr_diag *diag);
} own_options[] = {
    {"view", "NAME", "show one view (png, pgm, raw, ...) at the root, nothing else", set_view},
    {"views", "A:B:...", "folders and files to show, such as png:stack.npy (default: all)", set_views},
    {"lossy-views", NULL, "show files that do not keep all bits as well: stack.pxs", set_lossy_views},
    {"layout", "flat|nested", "nested: subfolders of 1000 frames (default flat)", set_layout},
    {"live", NULL, "show frames that are appended later as well; stacks stay as they are", set_live},
    {"frames", "A:B:S", "show frames A to B-1, each S-th; or N alone (default: all)", set_frames},
    {"cache", "SIZE", "memory for decoded data (default 256M)", set_cache},
    {"workers", "N", "threads that decode (default: one per core)", set_workers},
    {"prefetch", "N", "frames decoded ahead of a reader in order; 0: none (default: a group)",
     set_prefetch},
    {"max_threads", "N", "threads that answer requests (default: 2 to 4)", set_max_threads},
    {"readahead", "SIZE", "of the kernel, when run as root; 0: leave it (default 256K)",
     set_readahead},
    {"verify", "off|unit", "compare the hash of what is read before it is decoded (default unit)",
     set_verify},
    {"fastopen", NULL, "do without a request for each opened file", set_fastopen},
    {"idle_timeout", "S", "unmount after S seconds without a request; 0: never (default)",
     set_idle_timeout},
    {"notify_fd", "N", "write a line to this descriptor when the mount is ready or has failed",
     set_notify_fd},
    {"uid", "N", "owner of the files (default: who mounts)", set_uid},
    {"gid", "N", "group of the files (default: of who mounts)", set_gid},
    {"umask", "OCTAL", "permissions to take away (default 0)", set_umask},
    {"fmask", "OCTAL", "the same for files alone", set_fmask},
    {"dmask", "OCTAL", "the same for folders alone", set_dmask},
    {"allow_other", NULL, "let other users in, within the permissions", set_allow_other},
    {"nonempty", NULL, "mount also where an archive is mounted already", set_nonempty},
    {"nosandbox", NULL, "leave the process the files and system calls that it does not need", set_nosandbox},
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
    for (size_t i = 0; i < N_OWN_OPTIONS; i++) {
        const struct own_option *own = &own_options[i];
        if (strlen(own->name) != name_bytes || memcmp(own->name, token, name_bytes))
            continue;
        if (!own->arg && token[name_bytes])
            return pxr_fail(diag, PXR_E_INVALID, "option %s takes no value", own->name);
        if (!own->arg)
            return own->set(o, NULL, diag);
        if (!token[name_bytes])
            return pxr_fail(diag, PXR_E_INVALID, "option %s wants a value: %s=%s", own->name,
                            own->name, own->arg);
        return own->set(o, token + name_bytes + 1, diag);
    }
    if (is_ignored(token))
        return PXR_OK;
    enum pxr_view v;
    enum pxr_stack k;
    /* Commas are what people write, and what separates options: views=png,pgm goes on with its names. */
    if (o->names_views && !o->is_single && (pxr_view_find(token, &v) || pxr_stack_find(token, &k) || !strcmp(token, "zarr")))
        return add_named(o, token, diag);
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
    *o = (struct pxr_mount_options){.has_zarr = true,
                                    .has_sandbox = true,
                                    .readahead_bytes = 256 * 1024,
                                    .n_workers = n_cores < 256 ? n_cores : 256,
                                    .notify_fd = -1,
                                    .uid = getuid(),
                                    .gid = getgid()};
    for (unsigned v = 0; v < PXR_N_VIEWS; v++)
        add_view(o, (enum pxr_view)v);
    for (unsigned v = 0; v < PXR_N_STACKS; v++)
        add_stack(o, (enum pxr_stack)v);
}

/* What was not given and depends on the rest. */
static void finish_defaults(struct pxr_mount_options *o, bool is_single_threaded)
{
    const unsigned n_cores = pxr_n_cores();
    if (!o->max_threads)
        o->max_threads = is_single_threaded ? 1 : n_cores < 2 ? 2 : n_cores > 4 ? 4 : n_cores;
}

/* One argument that begins with a dash; *value is the next one and is taken by setting it to NULL. */
static enum pxr_err parse_dash(struct pxr_mount_options *o, const char *arg, const char **value,
                               bool *is_single_threaded, struct pxr_diag *diag)
{
    if (!strcmp(arg, "--help"))
        o->wants_help = true;
    else if (!strcmp(arg, "--version"))
        o->wants_version = true;
    else if (arg[1] == '-')
        return pxr_fail(diag, PXR_E_INVALID, "unknown option '%.60s'", arg);
    for (const char *c = arg + 1; *c && arg[1] != '-'; c++) {
        switch (*c) {
        case 'n': break; /* no mtab: mount(8) may pass it, it means nothing here */
        case 's': *is_single_threaded = true; break;
        case 'd': o->is_debug = o->is_foreground = true; break;
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
    bool options_ended = false, is_single_threaded = false;
    set_defaults(o);
    for (int i = 1; i < argc; i++) {
        const char *value = argv[i + 1]; /* argv[argc] is NULL */
        if (!options_ended && !strcmp(argv[i], "--")) {
            options_ended = true;
        } else if (!options_ended && argv[i][0] == '-' && argv[i][1]) {
            const bool has_next = value != NULL;
            const enum pxr_err e = parse_dash(o, argv[i], &value, &is_single_threaded, diag);
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
    finish_defaults(o, is_single_threaded);
    if (!o->wants_help && !o->wants_version && (!o->source || !o->mount_point))
        return pxr_fail(diag, PXR_E_INVALID, "usage: mount.pixelrain ARCHIVE FOLDER [-dfsv] [-o OPTIONS]");
    return PXR_OK;
}

void pxr_mount_options_help(void)
{
    printf("Usage: mount.pixelrain ARCHIVE FOLDER [-dfsnv] [-o OPTION[,OPTION...]]\n"
           "Show the frames of a PixelRain archive as files.  Unmount with: fusermount3 -u FOLDER\n"
           "\n"
           "  -d           stay in the foreground and print each request\n"
           "  -f           stay in the foreground\n"
           "  -s           answer requests with one thread, unless max_threads says otherwise\n"
           "  -v           say what is mounted where\n"
           "  -n           accepted for mount(8), no effect\n"
           "  -h, --help   this text\n"
           "  -V, --version\n"
           "\n"
           "Options after -o:\n");
    for (size_t i = 0; i < N_OWN_OPTIONS; i++) {
        char left[40];
        const char *arg = own_options[i].arg;
        snprintf(left, sizeof left, "%s%s%s", own_options[i].name, arg ? "=" : "", arg ? arg : "");
        printf("  %-20s %s\n", left, own_options[i].help);
    }
    printf("\nro, rw (which means ro), nofail, user, _netdev, x-* and the like are accepted.\n");
}
