/* SPDX-License-Identifier: MIT
 * Taking away from a process what the reader of a picture does not need. */
#include "confine.h"

#include "bytes.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#ifdef PXR_HAVE_SECCOMP
#include <seccomp.h>
#endif

/* Sanitizers reserve terabytes of addresses, and open files when they report. */
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#define HAS_SANITIZER 1
#elif defined __has_feature
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define HAS_SANITIZER 1
#endif
#endif
#ifndef HAS_SANITIZER
#define HAS_SANITIZER 0
#endif

static bool limit(int what, uint64_t value)
{
    struct rlimit now;
    /* A limit that is lower already stays. */
    if (getrlimit((__rlimit_resource_t)what, &now))
        return false;
    now.rlim_cur = now.rlim_max = pxr_min_u64(value, now.rlim_max);
    return !setrlimit((__rlimit_resource_t)what, &now);
}

/* Address space in use. */
static uint64_t used_bytes(void)
{
    unsigned long long pages = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    if (f) {
        if (fscanf(f, "%llu", &pages) != 1)
            pages = 0;
        fclose(f);
    }
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

#ifdef PXR_HAVE_SECCOMP

static bool forbid_calls(void)
{
    /* Reading and talking over descriptors, memory, time, the end. */
    static const int allowed[] = {
        SCMP_SYS(read),       SCMP_SYS(pread64), SCMP_SYS(lseek),        SCMP_SYS(fstat),    SCMP_SYS(close),
        SCMP_SYS(recvmsg),    SCMP_SYS(sendmsg), SCMP_SYS(recvfrom),     SCMP_SYS(sendto),   SCMP_SYS(ftruncate),
        SCMP_SYS(munmap),     SCMP_SYS(mremap),  SCMP_SYS(brk),          SCMP_SYS(madvise),  SCMP_SYS(futex),
        SCMP_SYS(getrandom),  SCMP_SYS(sysinfo), SCMP_SYS(clock_gettime), SCMP_SYS(exit),    SCMP_SYS(exit_group),
        SCMP_SYS(rt_sigreturn), SCMP_SYS(restart_syscall),
    };
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
    bool is_made = filter != NULL;
    for (size_t i = 0; is_made && i < sizeof allowed / sizeof allowed[0]; i++)
        is_made = allowed[i] < 0 /* not on this machine */ || !seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
    /* Memory, but nothing that could be executed; fstat, as the C library calls it. */
    is_made = is_made &&
              !seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)) &&
              !seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
                                SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)) &&
              !seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(newfstatat), 1,
                                SCMP_A3(SCMP_CMP_EQ, AT_EMPTY_PATH, 0)) &&
              !seccomp_load(filter);
    seccomp_release(filter);
    return is_made;
}

#else

static bool forbid_calls(void)
{
    return true;
}

#endif

bool pxr_confine(const struct pxr_confinement *c)
{
    uint64_t memory_bytes;
    if (!pxr_add_u64(used_bytes(), c->more_memory_bytes, &memory_bytes))
        return false;
    return limit(RLIMIT_CORE, 0) && limit(RLIMIT_NOFILE, c->n_fds) && limit(RLIMIT_FSIZE, c->max_file_bytes) &&
           (HAS_SANITIZER || limit(RLIMIT_AS, memory_bytes)) && !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) &&
           (HAS_SANITIZER || forbid_calls());
}
