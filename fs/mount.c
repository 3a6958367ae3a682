/* SPDX-License-Identifier: MIT
 * The life of a mount, from the command line to the end of the process. */
#define FUSE_USE_VERSION 312
#include <fuse_lowlevel.h>

#include "mount.h"

#include "alloc.h"
#include "daemon.h"
#include "descriptors.h"
#include "diag.h"
#include "fs_log.h"
#include "idle.h"
#include "live.h"
#include "mountinfo.h"
#include "ops.h"
#include "overhear.h"
#include "privileges.h"
#include "readahead.h"
#include "reader.h"
#include "shutdown.h"
#include "unmounter.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* A mount that does not go within this time is left to the process that unmounts. */
#define UNMOUNT_MS 1500

struct mount {
    struct pxr_mount_options options;
    struct pxr_server server;
    char source[PATH_MAX], mount_point[PATH_MAX]; /* absolute: a daemon lives in "/" */
    struct fuse_session *session;
    bool is_mounted;
    struct pxr_daemon daemon;
    struct pxr_unmounter unmounter;
    struct pxr_inherited inherited;
    char *title; /* the memory of the command line, with the last NUL */
    size_t title_bytes;
    pxr_idle *idle;
    pxr_live *live;
};

/* ---- what can be known before anything is opened ------------------------------------------------- */

/* A path as a shell takes it, for a line that can be pasted. */
static const char *shell_quoted(const char *path, char *dst, size_t dst_bytes)
{
    size_t n = 0;
    dst[n++] = '\'';
    for (; *path && n + 6 < dst_bytes; path++) {
        if (*path == '\'')
            n += (size_t)snprintf(dst + n, dst_bytes - n, "'\\''");
        else
            dst[n++] = *path;
    }
    dst[n++] = '\'';
    dst[n] = 0;
    return dst;
}

/* Most who do it did not mean to, and see it only when the first umount brings the other archive back. */
static enum pxr_err check_not_covering(const struct mount *m, struct pxr_diag *diag)
{
    struct pxr_mountinfo there;
    if (m->options.may_cover || !pxr_mountinfo_find(&there, m->mount_point) || strcmp(there.type, "fuse.pixelrain"))
        return PXR_OK;
    return pxr_diag_in_file(diag,
                            pxr_fail(diag, PXR_E_BUSY,
                                     "%.120s is mounted here already; unmount it first, or mount over it with: "
                                     "-o nonempty",
                                     there.source),
                            m->mount_point);
}

static enum pxr_err check_mount_point(struct mount *m, struct pxr_diag *diag)
{
    const char *given = m->options.mount_point;
    struct stat st;
    struct statvfs fs;
    char quoted[160];
    /* The kernel may remember attributes of a mount whose process is gone; about the file system it has to ask. */
    if (stat(given, &st) || (statvfs(given, &fs) && errno == ENOTCONN)) {
        if (errno == ENOENT)
            return pxr_diag_in_file(
                diag, pxr_fail_sys(diag, PXR_E_IO, ENOENT, "a mount needs a folder, mkdir makes it"), given);
        if (errno != ENOTCONN)
            return pxr_fail_sys(diag, PXR_E_IO, errno, "%.150s", given);
        return pxr_fail(diag, PXR_E_BUSY,
                        "a mount whose process is gone is still here; remove it with: "
                        "fusermount3 -u %s",
                        shell_quoted(given, quoted, strlen(given) < 90 ? sizeof quoted : 96));
    }
    if (!S_ISDIR(st.st_mode))
        return pxr_fail_sys(diag, PXR_E_IO, ENOTDIR, "%.150s", given);
    if (!realpath(given, m->mount_point))
        return pxr_fail_sys(diag, PXR_E_IO, errno, "%.150s", given);
    return check_not_covering(m, diag);
}

/* In better words than libfuse's, and before the archive is read. */
static enum pxr_err check_device(struct pxr_diag *diag)
{
    const int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return pxr_fail_sys(diag, PXR_E_IO, errno,
                            "this machine, container or user cannot mount ('pixelrain extract' "
                            "writes the frames as files instead): /dev/fuse");
    close(fd);
    return PXR_OK;
}

/* ---- the session --------------------------------------------------------------------------------- */

/* Set before the session is; then only read. */
static enum fuse_log_level worst_logged = FUSE_LOG_WARNING;

/* libfuse's own messages; it ends them with a newline. */
static void log_libfuse(enum fuse_log_level level, const char *text, va_list args)
{
    char line[512];
    if (level > worst_logged)
        return;
    vsnprintf(line, sizeof line, text, args);
    line[strcspn(line, "\n")] = 0;
    pxr_log_line("%s", line);
}

/* "-o ..." for libfuse: commas and backslashes of the source's path must not end an option. */
static bool add_session_args(struct mount *m, struct fuse_args *args)
{
    char *list = NULL;
    bool is_ok = fuse_opt_add_opt(&list, "ro,nosuid,nodev,noexec,default_permissions") == 0 &&
                 fuse_opt_add_opt(&list, "subtype=pixelrain") == 0;
    if (is_ok && m->options.allows_others)
        is_ok = fuse_opt_add_opt(&list, "allow_other") == 0;
    const size_t fsname_bytes = strlen(m->source) + sizeof "fsname=";
    char *fsname = pxr_alloc(fsname_bytes);
    if (is_ok && fsname) {
        snprintf(fsname, fsname_bytes, "fsname=%s", m->source);
        is_ok = fuse_opt_add_opt_escaped(&list, fsname) == 0;
    }
    is_ok = is_ok && fsname && fuse_opt_add_arg(args, PXR_PROGRAM) == 0 &&
            fuse_opt_add_arg(args, "-o") == 0 && fuse_opt_add_arg(args, list) == 0 &&
            (!m->options.is_debug || fuse_opt_add_arg(args, "-d") == 0);
    pxr_free(fsname);
    free(list); /* libfuse's */
    return is_ok;
}

static enum pxr_err mount_session(struct mount *m, struct pxr_diag *diag)
{
    struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
    worst_logged = m->options.is_debug ? FUSE_LOG_DEBUG : FUSE_LOG_WARNING;
    fuse_set_log_func(log_libfuse);
    if (add_session_args(m, &args))
        m->session = fuse_session_new(&args, pxr_ops(), sizeof *pxr_ops(), &m->server);
    fuse_opt_free_args(&args);
    if (!m->session)
        return pxr_fail(diag, PXR_E_NOMEM, "libfuse cannot start a session");
    struct pxr_overhear overheard;
    char reason[80];
    pxr_overhear_begin(&overheard);
    m->is_mounted = fuse_session_mount(m->session, m->mount_point) == 0;
    pxr_overhear_end(&overheard, reason, sizeof reason);
    if (m->is_mounted)
        return PXR_OK;
    /* The last line is the reason, mostly in the words of fusermount3; errno is long lost. */
    const enum pxr_err e = pxr_fail(diag, PXR_E_IO,
                                    "cannot be mounted on: %s; 'pixelrain extract' writes the frames as files instead",
                                    *reason ? reason : "the kernel gives no reason");
    return pxr_diag_in_file(diag, e, m->mount_point);
}

static void end_session(void *arg)
{
    struct mount *m = arg;
    fuse_session_exit(m->session);
}

/* Answer the kernel's first request, INIT, here and now: after it the mount is real, the caller may be
 * told, and the readahead stays as it is set (INIT's answer would lower it again). */
static enum pxr_err greet_kernel(struct mount *m, struct pxr_diag *diag)
{
    struct fuse_buf buf = {0};
    int n = 0;
    while (!atomic_load(&m->server.is_initialised) && !fuse_session_exited(m->session)) {
        n = fuse_session_receive_buf(m->session, &buf);
        if (n > 0)
            fuse_session_process_buf(m->session, &buf);
        else if (n != -EINTR)
            break;
    }
    free(buf.mem); /* libfuse's */
    if (atomic_load(&m->server.is_initialised))
        return PXR_OK;
    return pxr_fail_sys(diag, PXR_E_IO, n < 0 ? -n : 0, "the kernel does not answer");
}

static enum pxr_err serve(struct mount *m, struct pxr_diag *diag)
{
    struct fuse_loop_config *config = fuse_loop_cfg_create();
    if (!config)
        return pxr_fail_nomem(diag, sizeof(void *));
    fuse_loop_cfg_set_max_threads(config, m->options.max_threads);
    /* Idle threads stay: ending and starting them again costs more than small files do. */
    fuse_loop_cfg_set_idle_threads(config, m->options.max_threads);
    const int result = fuse_session_loop_mt(m->session, config);
    fuse_loop_cfg_destroy(config);
    /* Above 0: a signal.  The end of the mount is no failure. */
    if (result < 0 && result != -ENODEV && result != -EINTR)
        return pxr_fail_sys(diag, PXR_E_IO, -result, "serving the mount failed");
    return PXR_OK;
}

/* ---- the order of things -------------------------------------------------------------------------- */

/* Tell who gave us a descriptor, once. */
static void notify(struct mount *m, int exit_code)
{
    const int fd = m->options.notify_fd;
    if (fd < 0)
        return;
    dprintf(fd, exit_code ? "failed %d\n" : "ready\n", exit_code);
    if (!exit_code && !m->server.sandbox.is_whole)
        dprintf(fd, "sandbox: %s\n", m->server.sandbox.text);
    if (fd > 2)
        close(fd);
    m->options.notify_fd = -1;
}

/* Attributes alone: dropping pages could wait for a read that waits for us.  It is no failure when the kernel does not
 * know the inode. */
static void forget_attributes(void *arg, uint64_t ino)
{
    const struct mount *m = arg;
    fuse_lowlevel_notify_inval_inode(m->session, ino, -1, 0);
}

/* Of what stays open nothing but the device, standard output and the log can be written to (descriptors.h). */
static enum pxr_err enter_sandbox(struct mount *m, struct pxr_diag *diag)
{
    const struct pxr_call own[] = {
        /* the end of the helper; the end in time (shutdown.c) */
        {.name = "wait4"}, {.name = "setitimer"},
        /* being told of changes: a watch names a file, and opens none */
        {.name = "inotify_init1"}, {.name = "inotify_add_watch"}, {.name = "inotify_rm_watch"}, {.name = "eventfd2"},
        /* /dev/null in the place of other descriptors; -1, where there is none, is none */
        PXR_CALL_IF_INT("dup2", 0, m->daemon.null_fd), PXR_CALL_IF_INT("dup3", 0, m->daemon.null_fd),
    };
    return pxr_sandbox_enter(&m->server.sandbox, own, sizeof own / sizeof own[0], diag);
}

/* Only what needs root, or may not be seen by who takes this process over, is done before this; threads are started
 * after it, since Landlock does not reach those that run already. */
static enum pxr_err confine(struct mount *m, struct pxr_diag *diag)
{
    struct pxr_sandbox *sandbox = &m->server.sandbox;
    pxr_inherited_close(&m->inherited, m->options.notify_fd);
    enum pxr_err e = pxr_privileges_drop(&m->options, diag);
    if (!m->options.has_sandbox)
        snprintf(sandbox->text, sizeof sandbox->text, "off");
    else if (e == PXR_OK)
        e = enter_sandbox(m, diag);
    if (e != PXR_OK)
        pxr_log_line("the process cannot be confined; -o nosandbox would mount without");
    else if (m->options.is_verbose || m->options.is_debug)
        pxr_log_line("sandbox: %s", sandbox->text);
    return e;
}

/* What every request may need, then what the caller is told. */
static enum pxr_err start_threads(struct mount *m, struct pxr_diag *diag)
{
    enum pxr_err e = PXR_OK;
    if (m->options.n_workers)
        e = pxr_archive_start_workers(m->server.newest->archive, m->options.n_workers);
    if (e != PXR_OK)
        return pxr_fail(diag, e, "cannot start %u threads that decode", m->options.n_workers);
    pxr_archive_forget_read(m->server.newest->archive); /* the kernel keeps what a reader in order has read */
    if (m->options.idle_timeout_s)
        e = pxr_idle_start(&m->idle, &m->server, &m->unmounter, m->options.idle_timeout_s, diag);
    if (e == PXR_OK && m->live)
        e = pxr_live_start(m->live, forget_attributes, m, diag);
    return e;
}

/* From a mounted session on. */
static enum pxr_err stay(struct mount *m, struct pxr_diag *diag)
{
    enum pxr_err e = PXR_OK;
    if (!m->options.is_foreground)
        e = pxr_daemon_start(&m->daemon, diag);
    if (e == PXR_OK)
        e = pxr_unmounter_start(&m->unmounter, m->mount_point, m->title, m->title_bytes, diag);
    if (e == PXR_OK)
        e = pxr_shutdown_watch(end_session, m, &m->unmounter, diag);
    if (e == PXR_OK)
        e = greet_kernel(m, diag);
    if (e != PXR_OK)
        return e;
    if (m->options.readahead_bytes && geteuid() == 0 &&
        !pxr_readahead_set(m->mount_point, m->options.readahead_bytes, m->options.sets_readahead) &&
        m->options.is_verbose)
        pxr_log_line("the kernel's readahead could not be set");
    e = confine(m, diag);
    if (e == PXR_OK)
        e = start_threads(m, diag);
    if (e != PXR_OK)
        return e;
    if (m->options.is_verbose)
        printf("%s is mounted on %s\n", m->source, m->mount_point);
    fflush(stdout);
    notify(m, 0);
    pxr_daemon_report(&m->daemon, 0);
    return serve(m, diag);
}

static enum pxr_err run(struct mount *m, struct pxr_diag *diag)
{
    enum pxr_err e = check_mount_point(m, diag);
    if (e == PXR_OK)
        e = check_device(diag);
    if (e == PXR_OK)
        e = pxr_server_init(&m->server, &m->options, m->options.source, diag);
    if (e == PXR_OK && !realpath(m->options.source, m->source))
        e = pxr_fail_sys(diag, PXR_E_IO, errno, "%.150s", m->options.source);
    if (e == PXR_OK && m->options.is_live)
        e = pxr_live_open(&m->live, &m->server, m->source, diag);
    if (e == PXR_OK)
        e = mount_session(m, diag);
    return e == PXR_OK ? stay(m, diag) : e;
}

/* As libfuse tells whether somebody has unmounted it. */
static bool is_still_mounted(const struct mount *m)
{
    struct pollfd device = {.fd = m->session ? fuse_session_fd(m->session) : -1};
    return m->is_mounted && !(poll(&device, 1, 0) == 1 && device.revents & POLLERR);
}

/* Who waits for an answer gets an error, then the mount goes.  fuse_session_unmount may not any more, and would take
 * what somebody else has mounted there in the meantime; fuse_session_destroy without it loses the path, which leak
 * checkers see.  So the session stays for the little rest of the process. */
static void end_mounted(struct mount *m)
{
    static struct fuse_session *volatile kept; /* volatile: stored although nobody reads it */
    const bool is_there = is_still_mounted(m);
    kept = m->session;
    close(fuse_session_fd(kept));
    if (is_there)
        pxr_unmounter_ask(&m->unmounter, PXR_UNMOUNT_NOW, UNMOUNT_MS);
    pxr_unmounter_stop(&m->unmounter);
}

static int end(struct mount *m, enum pxr_err e, const struct pxr_diag *diag)
{
    if (e != PXR_OK)
        pxr_log_diag(diag);
    pxr_idle_stop(m->idle);
    pxr_live_stop(m->live);
    pxr_shutdown_forget();
    if (m->unmounter.socket >= 0) {
        end_mounted(m);
    } else if (m->session) {
        fuse_session_unmount(m->session);
        fuse_session_destroy(m->session);
    }
    pxr_server_fini(&m->server);
    notify(m, pxr_err_exit(e));
    pxr_daemon_report(&m->daemon, pxr_err_exit(e));
    return pxr_err_exit(e);
}

/* The words of the command line, as far as one follows the other in memory, as the kernel lays them out. */
static void find_title(struct mount *m, int argc, char **argv)
{
    m->title = argc > 0 ? argv[0] : NULL;
    for (int i = 0; i < argc && argv[i] == m->title + m->title_bytes; i++)
        m->title_bytes += strlen(argv[i]) + 1;
}

int pxr_mount_main(int argc, char **argv)
{
    struct pxr_diag diag;
    struct mount *m = pxr_alloc_zero(1, sizeof *m);
    if (!m)
        return pxr_err_exit(PXR_E_NOMEM);
    m->daemon.report_fd = m->daemon.null_fd = m->unmounter.socket = -1;
    find_title(m, argc, argv);
    pxr_inherited_note(&m->inherited);
    int exit_code = 0;
    if (pxr_mount_options_parse(&m->options, argc, argv, &diag) != PXR_OK) {
        pxr_log_diag(&diag);
        exit_code = pxr_err_exit(diag.code);
    } else if (m->options.wants_help) {
        pxr_mount_options_help();
    } else if (m->options.wants_version) {
        printf("%s %s\n", PXR_PROGRAM, pxr_version());
        if (m->options.is_verbose)
            printf("libfuse %s\n", fuse_pkgversion());
        pxr_sandbox_probe(&m->server.sandbox);
        if (m->options.is_verbose)
            printf("sandbox: %s\n", m->server.sandbox.text);
    } else {
        const enum pxr_err e = run(m, &diag);
        exit_code = end(m, e, &diag);
    }
    pxr_free(m);
    return exit_code;
}
