/* SPDX-License-Identifier: MIT
 * Which system calls a process may make from now on: seccomp, through libseccomp. */
#include "calls.h"

#include "diag.h"

#include <sys/prctl.h>

#ifdef PXR_HAVE_SECCOMP

#include <errno.h>
#include <seccomp.h>

const char *pxr_calls_refusal(void)
{
    return prctl(PR_GET_SECCOMP, 0, 0, 0, 0) < 0 ? "this kernel has no seccomp" : NULL;
}

/* Returns 0 or a negative errno, as libseccomp does. */
static int add_call(scmp_filter_ctx filter, const struct pxr_call *call)
{
    const int number = seccomp_syscall_resolve_name(call->name);
    const struct scmp_arg_cmp where = {call->argument, SCMP_CMP_MASKED_EQ, call->mask, call->value};
    if (number < 0) /* unknown, or not on this architecture */
        return 0;
    return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, number, call->mask ? 1 : 0, &where);
}

enum pxr_err pxr_calls_limit(const struct pxr_call *allowed, size_t n_allowed, enum pxr_call_else otherwise,
                             struct pxr_diag *diag)
{
    scmp_filter_ctx filter =
        seccomp_init(otherwise == PXR_CALL_FAILS ? SCMP_ACT_ERRNO(ENOSYS) : SCMP_ACT_KILL_PROCESS);
    if (!filter)
        return pxr_fail(diag, PXR_E_NOMEM, "no memory for a filter of system calls");
    int failed = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    /* Threads that were started before, by a sanitizer for instance, too. */
    if (!failed)
        failed = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
    for (size_t i = 0; i < n_allowed && !failed; i++)
        failed = add_call(filter, &allowed[i]);
    if (!failed)
        failed = seccomp_load(filter);
    seccomp_release(filter);
    return failed ? pxr_fail_sys(diag, PXR_E_IO, -failed, "the system calls cannot be limited (seccomp)") : PXR_OK;
}

#else

const char *pxr_calls_refusal(void)
{
    return "built without libseccomp";
}

enum pxr_err pxr_calls_limit(const struct pxr_call *allowed, size_t n_allowed, enum pxr_call_else otherwise,
                             struct pxr_diag *diag)
{
    (void)allowed, (void)n_allowed, (void)otherwise;
    return pxr_fail(diag, PXR_E_UNSUPPORTED, "%s", pxr_calls_refusal());
}

#endif
