/* SPDX-License-Identifier: MIT
 * Taking away from a process what the reader of a picture does not need. */
#include "confine.h"

#include "bytes.h"
#include "calls.h"
#include "landlock.h"
#include "sanitized.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

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

/* Reading and talking over descriptors, memory that cannot be executed, time, the end. */
static const struct pxr_call allowed[] = {
    {.name = "read"},        {.name = "pread64"},         {.name = "lseek"},         {.name = "fstat"},
    {.name = "close"},       {.name = "recvmsg"},         {.name = "sendmsg"},       {.name = "recvfrom"},
    {.name = "sendto"},      {.name = "ftruncate"},       {.name = "munmap"},        {.name = "mremap"},
    {.name = "brk"},         {.name = "madvise"},         {.name = "futex"},         {.name = "getrandom"},
    {.name = "sysinfo"},     {.name = "clock_gettime"},   {.name = "exit"},          {.name = "exit_group"},
    {.name = "rt_sigreturn"}, {.name = "restart_syscall"},
    {.name = "mmap", .argument = 2, .mask = PROT_EXEC, .value = 0},
    {.name = "mprotect", .argument = 2, .mask = PROT_EXEC, .value = 0},
    /* fstat, as the C library calls it */
    {.name = "newfstatat", .argument = 3, .mask = PXR_CALL_INT, .value = AT_EMPTY_PATH},
};

/* As far as this system can. */
static bool forbid(void)
{
    /* A sanitizer opens files when it reports. */
    if (PXR_IS_SANITIZED)
        return true;
    if (pxr_landlock_version() && pxr_landlock_take_files(NULL, NULL) != PXR_OK)
        return false;
    return pxr_calls_refusal() ||
           pxr_calls_limit(allowed, sizeof allowed / sizeof allowed[0], PXR_CALL_ENDS_PROCESS, NULL) == PXR_OK;
}

bool pxr_confine(const struct pxr_confinement *c)
{
    uint64_t memory_bytes;
    if (!pxr_add_u64(used_bytes(), c->more_memory_bytes, &memory_bytes))
        return false;
    return limit(RLIMIT_CORE, 0) && limit(RLIMIT_NOFILE, c->n_fds) && limit(RLIMIT_FSIZE, c->max_file_bytes) &&
           /* A sanitizer reserves terabytes of addresses. */
           (PXR_IS_SANITIZED || limit(RLIMIT_AS, memory_bytes)) && !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) && forbid();
}
