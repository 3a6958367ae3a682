/* SPDX-License-Identifier: MIT
 * mount.pixelrain, with every thread trying what it must not: the main thread once everything else is set up, each
 * other one as the first thing that it does.  One line for each thread on standard error:
 *     FORBIDDEN main|fuse|own TRIED tried, SUCCEEDED succeeded: NAMES
 * where a call "succeeds" also if something other than the sandbox refused it.  Environment: PXR_VICTIM, a file that
 * may be harmed; PXR_OPEN_FD, a descriptor that was open for writing when the program was started; PXR_CONTROL, only
 * what does no harm where there is no sandbox; PXR_X32, then a call in the manner of another architecture; PXR_FAIL, the
 * sandbox cannot be entered. */
#include "mount.h"

#include "calls.h"
#include "landlock.h"
#include "sanitized.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXPORTED __attribute__((visibility("default")))

static const char *victim;
static char fresh[4096]; /* beside it; does not exist */
static int open_fd = -1;
static pid_t parent; /* these are asked for while that is allowed */
static bool has_filter, has_landlock;

/* ---- what is tried: -1 and errno, or not ----------------------------------------------------------- */

static long open_to_read(void) { return syscall(SYS_openat, AT_FDCWD, "/etc/passwd", O_RDONLY); }
static long open_to_write(void) { return syscall(SYS_openat, AT_FDCWD, victim, O_WRONLY); }
static long open_new(void) { return syscall(SYS_openat, AT_FDCWD, "/tmp", O_TMPFILE | O_RDWR, 0600); }
static long open_folder(void) { return syscall(SYS_openat, AT_FDCWD, "/", O_RDONLY | O_DIRECTORY); }
static long shorten(void) { return syscall(SYS_truncate, victim, 0); }
static long shorten_open(void) { return syscall(SYS_ftruncate, open_fd, 0); }
static long write_inherited(void) { return syscall(SYS_write, open_fd, "x", 1); }
static long pwrite_inherited(void) { return syscall(SYS_pwrite64, open_fd, "x", 1, 0); }
static long remove_file(void) { return syscall(SYS_unlinkat, AT_FDCWD, victim, 0); }
static long make_folder(void) { return syscall(SYS_mkdirat, AT_FDCWD, fresh, 0700); }
static long make_link(void) { return syscall(SYS_symlinkat, "x", AT_FDCWD, fresh); }
static long rename_file(void) { return syscall(SYS_renameat2, AT_FDCWD, victim, AT_FDCWD, fresh, 0); }
static long change_mode(void) { return syscall(SYS_fchmodat, AT_FDCWD, victim, 0600); }
static long change_owner(void) { return syscall(SYS_fchownat, AT_FDCWD, victim, (uid_t)-1, (gid_t)-1, 0); }
static long look_at_file(void)
{
    struct stat st;
    return fstatat(AT_FDCWD, "/etc/passwd", &st, 0);
}
static long socket_inet(void) { return syscall(SYS_socket, AF_INET, SOCK_STREAM, 0); }
static long socket_unix(void) { return syscall(SYS_socket, AF_UNIX, SOCK_DGRAM, 0); }
static long sockets(void)
{
    int ends[2];
    return syscall(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, ends);
}
static long send_elsewhere(void)
{
    const struct sockaddr_un to = {.sun_family = AF_UNIX, .sun_path = "/dev/log"};
    return syscall(SYS_sendto, 2, "x", 1, 0, &to, sizeof to);
}
static long run_program(void)
{
    char *const args[] = {(char[]){"true"}, NULL};
    return syscall(SYS_execve, "/bin/true", args, args + 1);
}
static long start_process(void)
{
    const pid_t pid = (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
    if (!pid)
        _exit(0);
    return pid;
}
static long start_process_3(void)
{
    uint64_t args[11] = {[4] = SIGCHLD}; /* struct clone_args: exit_signal */
    const pid_t pid = (pid_t)syscall(SYS_clone3, args, sizeof args);
    if (!pid)
        _exit(0);
    return pid;
}
static long trace_parent(void) { return ptrace(PTRACE_SEIZE, parent, NULL, NULL); }
static long signal_parent(void) { return syscall(SYS_kill, parent, 0); }
static long signal_group(void) { return syscall(SYS_kill, 0, 0); }
static long read_parent(void)
{
    char byte;
    struct iovec here = {&byte, 1}, there = {(void *)(uintptr_t)&victim, 1};
    return syscall(SYS_process_vm_readv, parent, &here, 1, &there, 1, 0);
}
static long map_code(void)
{
    return (long)mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}
static long make_code(void)
{
    static char page[8192];
    return syscall(SYS_mprotect, ((uintptr_t)page + 4095) & ~(uintptr_t)4095, 4096, PROT_READ | PROT_EXEC);
}
static long memory_file(void) { return syscall(SYS_memfd_create, "x", 0); }
static long copy_descriptor(void) { return syscall(SYS_dup, 2); }
static long copy_descriptor_2(void) { return syscall(SYS_dup3, 2, 99, 0); }
static long copy_descriptor_fcntl(void) { return syscall(SYS_fcntl, 2, F_DUPFD, 50); }
static long type_for_user(void) { return syscall(SYS_ioctl, 0, TIOCSTI, "x"); }
static long unmount_it(void) { return syscall(SYS_umount2, "/nowhere", 0); }
static long mount_it(void) { return syscall(SYS_mount, "none", "/nowhere", "tmpfs", 0, NULL); }
static long change_root(void) { return syscall(SYS_chroot, "/"); }
static long leave_namespace(void) { return syscall(SYS_unshare, CLONE_NEWUSER); }
static long become_root(void) { return syscall(SYS_setresuid, 0, 0, 0); }
static long take_capabilities(void)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[2];
    return syscall(SYS_capget, &head, none);
}
static long raise_limit(void)
{
    uint64_t limits[2];
    return syscall(SYS_prlimit64, parent, 7, NULL, limits);
}
static long load_bpf(void) { return syscall(SYS_bpf, 0, NULL, 0); }
static long use_uring(void) { return syscall(SYS_io_uring_setup, 1, NULL); }
static long count_events(void) { return syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0); }
static long handle_faults(void) { return syscall(SYS_userfaultfd, 0); }
static long add_key(void) { return syscall(SYS_add_key, "user", "x", "x", 1, -2); }
static long new_filter(void) { return syscall(SYS_seccomp, 1, 0, NULL); }

/* OPEN: Landlock alone refuses it.  HARMLESS: also where nothing refuses it, and then it works.  NOT_SANITIZED:
 * sanitizers need it. */
enum { FILTERED = 0, OPEN = 1, HARMLESS = 2, NOT_SANITIZED = 4 };
#define TRY(function, flags) {#function, function, flags}
static const struct attempt {
    const char *name;
    long (*run)(void);
    int flags;
} attempts[] = {
    TRY(open_to_read, OPEN | HARMLESS | NOT_SANITIZED), TRY(open_folder, OPEN | HARMLESS | NOT_SANITIZED),
    TRY(open_to_write, OPEN | HARMLESS), TRY(open_new, OPEN | HARMLESS), TRY(shorten, OPEN | HARMLESS),
    TRY(shorten_open, FILTERED), TRY(write_inherited, FILTERED), TRY(pwrite_inherited, FILTERED),
    TRY(remove_file, OPEN), TRY(make_folder, OPEN), TRY(make_link, OPEN), TRY(rename_file, OPEN),
    TRY(change_mode, HARMLESS), TRY(change_owner, HARMLESS), TRY(look_at_file, HARMLESS | NOT_SANITIZED),
    TRY(socket_inet, HARMLESS), TRY(socket_unix, HARMLESS), TRY(sockets, HARMLESS), TRY(send_elsewhere, FILTERED),
    TRY(run_program, OPEN), TRY(start_process, HARMLESS), TRY(start_process_3, HARMLESS),
    TRY(trace_parent, NOT_SANITIZED), TRY(signal_parent, HARMLESS | NOT_SANITIZED),
    TRY(signal_group, HARMLESS | NOT_SANITIZED), TRY(read_parent, NOT_SANITIZED), TRY(map_code, HARMLESS),
    TRY(make_code, HARMLESS), TRY(memory_file, HARMLESS), TRY(copy_descriptor, HARMLESS | NOT_SANITIZED),
    TRY(copy_descriptor_2, FILTERED), TRY(copy_descriptor_fcntl, HARMLESS), TRY(type_for_user, NOT_SANITIZED),
    TRY(unmount_it, FILTERED), TRY(mount_it, FILTERED), TRY(change_root, FILTERED), TRY(leave_namespace, FILTERED),
    TRY(become_root, FILTERED), TRY(take_capabilities, HARMLESS), TRY(raise_limit, NOT_SANITIZED),
    TRY(load_bpf, FILTERED), TRY(use_uring, FILTERED), TRY(count_events, FILTERED), TRY(handle_faults, FILTERED),
    TRY(add_key, FILTERED), TRY(new_filter, FILTERED),
};
#define N_ATTEMPTS (sizeof attempts / sizeof attempts[0])

static bool is_tried(const struct attempt *a)
{
    if (getenv("PXR_CONTROL"))
        return a->flags & HARMLESS;
    if (PXR_IS_SANITIZED && a->flags & NOT_SANITIZED)
        return false;
    return has_filter || (has_landlock && a->flags & OPEN);
}

/* The filter's answer, or Landlock's where there is no filter; a descriptor that has been closed is as good. */
static bool is_refused(const struct attempt *a, long result)
{
    if (result != -1)
        return false;
    if (a->run == write_inherited)
        return errno == EBADF;
    return errno == (has_filter ? ENOSYS : EACCES);
}

static void try_all(const char *thread)
{
    char line[2048];
    int n_tried = 0, n_succeeded = 0;
    size_t n = 0;
    line[0] = 0;
    for (size_t i = 0; i < N_ATTEMPTS; i++) {
        if (!is_tried(&attempts[i]))
            continue;
        n_tried++;
        errno = 0;
        const long result = attempts[i].run();
        if (is_refused(&attempts[i], result) || (getenv("PXR_CONTROL") && result == -1))
            continue;
        n_succeeded++;
        if (n < sizeof line - 60)
            n += (size_t)snprintf(line + n, sizeof line - n, " %s(%ld,%d)", attempts[i].name, result, errno);
    }
    dprintf(2, "FORBIDDEN %s %d tried, %d succeeded:%s\n", thread, n_tried, n_succeeded, line);
}

/* ---- where it is tried ------------------------------------------------------------------------------ */

struct start {
    void *(*run)(void *);
    void *arg;
};

static const char *whose(const struct start *start)
{
    Dl_info from;
    return dladdr((void *)(uintptr_t)start->run, &from) && strstr(from.dli_fname, "libfuse") ? "fuse" : "own";
}

/* Threads of libfuse are cancelled: the stack that this function would leave poisoned then is used once more. */
__attribute__((no_sanitize_address)) static void *try_first(void *arg)
{
    void *(*const run)(void *) = ((struct start *)arg)->run;
    void *const run_arg = ((struct start *)arg)->arg;
    try_all(whose(arg));
    free(arg);
    return run(run_arg);
}

typedef int create_fn(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
typedef int loop_fn(void *session, void *config);
EXPORTED int pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *), void *arg);
EXPORTED int fuse_session_loop_mt(void *session, void *config);

/* Every thread of ours, of libfuse's, of whoever. */
int pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *), void *arg)
{
    create_fn *create = (create_fn *)(uintptr_t)dlsym(RTLD_NEXT, "pthread_create");
    struct start *start = malloc(sizeof *start);
    if (!start)
        return ENOMEM;
    *start = (struct start){run, arg};
    return create(thread, attr, try_first, start);
}

/* What the main thread does from then on. */
int fuse_session_loop_mt(void *session, void *config)
{
    loop_fn *loop = (loop_fn *)(uintptr_t)dlvsym(RTLD_NEXT, "fuse_session_loop_mt", "FUSE_3.12");
    try_all("main");
#ifdef __x86_64__
    if (getenv("PXR_X32"))
        syscall(SYS_getpid | 0x40000000);
#endif
    return loop(session, config);
}

/* The kernel refuses the filter, if PXR_FAIL is set. */
EXPORTED int seccomp_load(void *filter);
int seccomp_load(void *filter)
{
    typedef int load_fn(void *);
    load_fn *load = (load_fn *)(uintptr_t)dlsym(RTLD_NEXT, "seccomp_load");
    return getenv("PXR_FAIL") ? -EFAULT : load(filter);
}

int main(int argc, char **argv)
{
    victim = getenv("PXR_VICTIM");
    parent = getppid();
    has_filter = !pxr_calls_refusal();
    has_landlock = pxr_landlock_version() != 0;
    if (getenv("PXR_OPEN_FD"))
        open_fd = atoi(getenv("PXR_OPEN_FD"));
    if (!victim)
        return 2;
    snprintf(fresh, sizeof fresh, "%s.fresh", victim);
    return pxr_mount_main(argc, argv);
}
