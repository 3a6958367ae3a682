/* SPDX-License-Identifier: MIT
 * Taking all files away from a process: Landlock. */
#include "landlock.h"

#include "diag.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Of the kernel's <linux/landlock.h>: that of Debian 12 ends at version 2, and older C libraries lack the numbers of the
 * calls (the same on all architectures but alpha). */
#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule 445
#define SYS_landlock_restrict_self 446
#endif
enum { CREATE_RULESET_VERSION = 1, RULE_PATH_BENEATH = 1 };

struct ruleset_attr {
    uint64_t handled_access_fs, handled_access_net, scoped;
};
struct path_beneath_attr {
    uint64_t allowed_access;
    int32_t parent_fd;
} __attribute__((packed)); /* as the kernel has it */

#define ACCESS_FS_READ_FILE ((uint64_t)1 << 2)
#define ACCESS_FS_READ_DIR ((uint64_t)1 << 3)

/* What a version added: all of it is taken away. */
static const struct {
    unsigned version;
    struct ruleset_attr adds;
} known[] = {
    {1, {.handled_access_fs = 0x1fff}},             /* execute, write, read, make and remove of each kind */
    {2, {.handled_access_fs = (uint64_t)1 << 13}},  /* rename and link into other folders                 */
    {3, {.handled_access_fs = (uint64_t)1 << 14}},  /* truncate                                           */
    {4, {.handled_access_net = 3}},                 /* bind and connect of TCP                            */
    {5, {.handled_access_fs = (uint64_t)1 << 15}},  /* ioctl of devices                                   */
    {6, {.scoped = 3}},                             /* abstract sockets and signals                       */
};

unsigned pxr_landlock_version(void)
{
    const long version = syscall(SYS_landlock_create_ruleset, NULL, (size_t)0, CREATE_RULESET_VERSION);
    return version > 0 ? (unsigned)version : 0;
}

/* Returns 0 or an errno. */
static int let_read(int ruleset, const char *folder)
{
    struct path_beneath_attr rule = {.allowed_access = ACCESS_FS_READ_FILE | ACCESS_FS_READ_DIR};
    rule.parent_fd = open(folder, O_PATH | O_CLOEXEC | O_DIRECTORY);
    const int failed = rule.parent_fd < 0 || syscall(SYS_landlock_add_rule, ruleset, RULE_PATH_BENEATH, &rule, 0u);
    const int sys_errno = failed ? errno : 0;
    if (rule.parent_fd >= 0)
        close(rule.parent_fd);
    return sys_errno;
}

enum pxr_err pxr_landlock_take_files(const char *readable, struct pxr_diag *diag)
{
    const unsigned version = pxr_landlock_version();
    struct ruleset_attr all = {0};
    for (size_t i = 0; i < sizeof known / sizeof known[0] && known[i].version <= version; i++) {
        all.handled_access_fs |= known[i].adds.handled_access_fs;
        all.handled_access_net |= known[i].adds.handled_access_net;
        all.scoped |= known[i].adds.scoped;
    }
    /* Fields that an older kernel does not know are allowed where they are 0. */
    const int ruleset = (int)syscall(SYS_landlock_create_ruleset, &all, sizeof all, 0u);
    if (ruleset < 0)
        return pxr_fail_sys(diag, PXR_E_IO, errno, "files cannot be taken away (Landlock)");
    int sys_errno = readable ? let_read(ruleset, readable) : 0;
    if (!sys_errno && syscall(SYS_landlock_restrict_self, ruleset, 0u))
        sys_errno = errno;
    close(ruleset);
    return sys_errno ? pxr_fail_sys(diag, PXR_E_IO, sys_errno, "files cannot be taken away (Landlock)") : PXR_OK;
}
