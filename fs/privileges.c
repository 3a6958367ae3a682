/* SPDX-License-Identifier: MIT
 * What root's process gives up once the mount stands. */
#include "privileges.h"

#include "diag.h"
#include "sanitized.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Of "nobody", on all systems that we know. */
#define NO_GROUP 65534

static enum pxr_err drop_capabilities(struct pxr_diag *diag)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    const struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};
    /* Not even for a program that would be run; this needs a capability itself, which some containers withhold. */
    for (unsigned long c = 0; c <= 63; c++)
        prctl(PR_CAPBSET_DROP, c, 0, 0, 0);
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    if (syscall(SYS_capset, &head, none))
        return pxr_fail_sys(diag, PXR_E_IO, errno, "the capabilities of root cannot be given up");
    return PXR_OK;
}

/* The group that the files are shown with is the caller's where none was named, but this process must not keep
 * root's. */
static gid_t group_of(const struct pxr_mount_options *o, uid_t uid)
{
    if (o->names_gid)
        return o->gid;
    if (uid == getuid())
        return getgid();
    const struct passwd *user = getpwuid(uid);
    return user ? user->pw_gid : NO_GROUP;
}

/* Returns 0 or an errno. */
static int become(uid_t uid, gid_t gid)
{
    if (setgroups(0, NULL) || setresgid(gid, gid, gid) || setresuid(uid, uid, uid))
        return errno;
    /* Not believed without a look: what goes on from here must not be root's by mistake. */
    return getuid() == uid && geteuid() == uid && setuid(0) ? 0 : EPERM;
}

enum pxr_err pxr_privileges_drop(const struct pxr_mount_options *o, struct pxr_diag *diag)
{
    if (geteuid())
        return drop_capabilities(diag);
    const uid_t uid = o->names_uid && o->uid ? o->uid : getuid();
    const int sys_errno = uid ? become(uid, group_of(o, uid)) : EPERM;
    if (!sys_errno) {
        /* The leak sanitizer looks at its own process as a debugger does, which is no more allowed after such a
         * change. */
        if (PXR_IS_SANITIZED)
            prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
        return PXR_OK;
    }
    /* EINVAL: a number that means nothing in this user namespace. */
    if (sys_errno != EPERM && sys_errno != EINVAL)
        return pxr_fail_sys(diag, PXR_E_IO, sys_errno, "cannot become the user %u", (unsigned)uid);
    return drop_capabilities(diag);
}
