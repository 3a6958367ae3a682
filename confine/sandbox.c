/* SPDX-License-Identifier: MIT
 * What a process that serves an archive may do from then on: read it, answer, compute. */
#include "sandbox.h"

#include "diag.h"
#include "landlock.h"
#include "sanitized.h"

#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

/* ---- the calls ------------------------------------------------------------------------------------- */

#define IF PXR_CALL_IF
#define IF_INT PXR_CALL_IF_INT

/* What clone must say: a thread of this process, in no namespaces of its own. */
#define THREAD_FLAGS (CLONE_VM | CLONE_THREAD | CLONE_SIGHAND)
#define NAMESPACE_FLAGS                                                                                            \
    ((uint32_t)CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID |        \
     CLONE_NEWNET)
#ifdef __s390__
#define CLONE_FLAGS_ARGUMENT 1
#else
#define CLONE_FLAGS_ARGUMENT 0
#endif

/* Writing needs no limit here: what is open is the caller's to decide, and nothing more can be opened. */
static const struct pxr_call allowed[] = {
    /* what is open */
    {.name = "read"}, {.name = "readv"}, {.name = "pread64"}, {.name = "preadv"}, {.name = "preadv2"},
    {.name = "write"}, {.name = "writev"}, {.name = "lseek"}, {.name = "close"}, {.name = "poll"},
    {.name = "ppoll"}, {.name = "ppoll_time64"}, {.name = "fstat"}, {.name = "fstat64"}, {.name = "flock"},
    IF_INT("newfstatat", 3, AT_EMPTY_PATH), IF_INT("fstatat64", 3, AT_EMPTY_PATH),
    IF("statx", 2, AT_EMPTY_PATH, AT_EMPTY_PATH),
    IF_INT("fcntl", 1, F_GETFD), IF_INT("fcntl", 1, F_SETFD), IF_INT("fcntl", 1, F_GETFL), IF_INT("fcntl", 1, F_SETFL),
    IF_INT("fcntl", 1, F_GETLK), IF_INT("fcntl", 1, F_SETLK), IF_INT("fcntl", 1, F_SETLKW),
    IF_INT("fcntl", 1, F_OFD_GETLK), IF_INT("fcntl", 1, F_OFD_SETLK), IF_INT("fcntl", 1, F_OFD_SETLKW),
    /* over a connection that is there, to nobody else */
    IF("sendto", 4, UINT64_MAX, 0), IF("recvfrom", 4, UINT64_MAX, 0),
    /* memory that cannot be executed */
    IF("mmap", 2, PROT_EXEC, 0), IF("mmap2", 2, PROT_EXEC, 0), IF("mprotect", 2, PROT_EXEC, 0), {.name = "munmap"},
    {.name = "mremap"}, {.name = "brk"}, {.name = "madvise"}, {.name = "sysinfo"}, {.name = "getrandom"},
    /* threads: clone3 has its flags where no filter sees them, and fails as on an older kernel; then libraries use
     * clone */
    IF("clone", CLONE_FLAGS_ARGUMENT, THREAD_FLAGS | NAMESPACE_FLAGS, THREAD_FLAGS), {.name = "set_robust_list"},
    {.name = "rseq"}, {.name = "futex"}, {.name = "futex_time64"}, {.name = "sched_yield"}, {.name = "gettid"},
    {.name = "sched_getaffinity"}, {.name = "membarrier"}, {.name = "exit"}, {.name = "exit_group"},
    /* signals to itself */
    {.name = "rt_sigaction"}, {.name = "rt_sigprocmask"}, {.name = "rt_sigreturn"}, {.name = "sigaltstack"},
    {.name = "sigreturn"}, {.name = "restart_syscall"},
    /* who and when */
    {.name = "getpid"}, {.name = "getuid"}, {.name = "geteuid"}, {.name = "getgid"}, {.name = "getegid"},
    {.name = "clock_gettime"}, {.name = "clock_gettime64"}, {.name = "clock_getres"}, {.name = "clock_getres_time64"},
    {.name = "gettimeofday"}, {.name = "time"}, {.name = "nanosleep"}, {.name = "clock_nanosleep"},
    {.name = "clock_nanosleep_time64"},
};

/* Reports read /proc and the program's own files; the leak sanitizer stops all threads from a process that shares
 * their memory, as a debugger does. */
static const struct pxr_call allowed_if_sanitized[] = {
    IF("open", 1, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY), IF("openat", 2, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY),
    {.name = "stat"}, {.name = "newfstatat"}, {.name = "readlink"}, {.name = "readlinkat"}, {.name = "access"},
    {.name = "faccessat"}, {.name = "getdents"}, {.name = "getdents64"}, {.name = "ioctl"}, {.name = "prctl"},
    {.name = "arch_prctl"},
    {.name = "getppid"}, {.name = "ptrace"}, {.name = "wait4"}, {.name = "waitid"}, {.name = "uname"}, {.name = "getrlimit"},
    {.name = "prlimit64"}, {.name = "getrusage"}, {.name = "getcwd"}, {.name = "tkill"}, {.name = "tgkill"},
    {.name = "process_vm_readv"}, {.name = "sched_setaffinity"}, {.name = "mincore"}, {.name = "msync"},
    {.name = "pipe"}, {.name = "pipe2"}, {.name = "dup"}, {.name = "dup2"}, {.name = "kill"},
    IF("clone", CLONE_FLAGS_ARGUMENT, PXR_CALL_INT, CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_UNTRACED),
};

#define N_CALLS (sizeof allowed / sizeof allowed[0])
#define N_SANITIZED (sizeof allowed_if_sanitized / sizeof allowed_if_sanitized[0])

static enum pxr_err limit_calls(const struct pxr_call *own, size_t n_own, struct pxr_diag *diag)
{
    struct pxr_call calls[N_CALLS + 1 + PXR_SANDBOX_MAX_OWN + N_SANITIZED];
    size_t n = N_CALLS;
    if (n_own > PXR_SANDBOX_MAX_OWN)
        return pxr_fail(diag, PXR_E_INVALID, "%zu calls of its own, at most %u", n_own, PXR_SANDBOX_MAX_OWN);
    memcpy(calls, allowed, sizeof allowed);
    /* The C library ends threads, and the process when it finds its memory broken, by signals. */
    calls[n++] = (struct pxr_call)IF_INT("tgkill", 0, getpid());
    memcpy(calls + n, own, n_own * sizeof *own);
    n += n_own;
    if (PXR_IS_SANITIZED) {
        memcpy(calls + n, allowed_if_sanitized, sizeof allowed_if_sanitized);
        n += N_SANITIZED;
    }
    return pxr_calls_limit(calls, n, PXR_CALL_FAILS, diag);
}

/* ---- the whole -------------------------------------------------------------------------------------- */

/* What libraries open when they need it first. */
static void open_the_rest(void)
{
    void *frame;
    tzset();
    /* Ending a thread (libfuse does it) loads a library for walking the stack; so does this. */
    (void)backtrace(&frame, 1);
}

void pxr_sandbox_probe(struct pxr_sandbox *got)
{
    const unsigned version = pxr_landlock_version();
    const char *refusal = pxr_calls_refusal();
    char landlock[48];
    if (version)
        snprintf(landlock, sizeof landlock, "Landlock (version %u)", version);
    else
        snprintf(landlock, sizeof landlock, "no Landlock: not in this kernel");
    snprintf(got->text, sizeof got->text, "%s; %s%s%s", landlock, refusal ? "no seccomp: " : "seccomp",
             refusal ? refusal : "", PXR_IS_SANITIZED ? "; wider for a sanitizer" : "");
    got->is_whole = version && !refusal;
}

enum pxr_err pxr_sandbox_enter(struct pxr_sandbox *got, const struct pxr_call *own, size_t n_own, struct pxr_diag *diag)
{
    pxr_sandbox_probe(got);
    open_the_rest();
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        return pxr_fail_sys(diag, PXR_E_IO, errno, "no_new_privs cannot be set");
    enum pxr_err e = PXR_OK;
    /* In this order: Landlock's calls are on no list. */
    if (pxr_landlock_version())
        e = pxr_landlock_take_files(PXR_IS_SANITIZED ? "/" : NULL, diag);
    if (e == PXR_OK && !pxr_calls_refusal())
        e = limit_calls(own, n_own, diag);
    return e;
}
