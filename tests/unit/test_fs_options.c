/* SPDX-License-Identifier: MIT
 * The command line of mount.pixelrain. */
#include "options.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MAX_ARGS 16

/* Parse a line of words; "" as a word cannot be said. */
static enum pxr_err parse(const char *line, struct pxr_mount_options *o, struct pxr_diag *diag)
{
    static char text[1024];
    static char program[] = "mount.pixelrain";
    char *argv[MAX_ARGS + 2] = {program}, *rest = NULL;
    int argc = 1;
    cr_assert_lt(strlen(line), sizeof text);
    strcpy(text, line);
    for (char *word = strtok_r(text, " ", &rest); word && argc <= MAX_ARGS;
         word = strtok_r(NULL, " ", &rest))
        argv[argc++] = word;
    argv[argc] = NULL;
    return pxr_mount_options_parse(o, argc, argv, diag);
}

static struct pxr_mount_options parsed(const char *line)
{
    struct pxr_mount_options o;
    struct pxr_diag diag;
    const enum pxr_err e = parse(line, &o, &diag);
    cr_assert_eq(e, PXR_OK, "'%s': %s", line, diag.text);
    return o;
}

/* Refused, and the message names the culprit. */
static void check_refused(const char *line, const char *named)
{
    struct pxr_mount_options o;
    struct pxr_diag diag;
    cr_assert_eq(parse(line, &o, &diag), PXR_E_INVALID, "'%s' was accepted", line);
    cr_assert(strstr(diag.text, named), "'%s': '%s' does not name '%s'", line, diag.text, named);
}

Test(fs_options, defaults)
{
    const struct pxr_mount_options o = parsed("a.pxr dir");
    cr_assert_str_eq(o.source, "a.pxr");
    cr_assert_str_eq(o.mount_point, "dir");
    cr_assert(!o.is_foreground && !o.is_verbose && !o.is_single && !o.is_nested);
    cr_assert(!o.allows_others && !o.may_cover && !o.names_uid && !o.names_gid);
    cr_assert(o.has_sandbox, "it is the default");
    cr_assert_eq(o.n_views, PXR_N_VIEWS);
    cr_assert_eq(o.n_stacks, PXR_N_STACKS);
    cr_assert(o.has_zarr && !o.names_views && !o.is_debug && !o.is_fastopen && !o.is_live && !o.skips_unit_hashes);
    cr_assert(!o.sets_readahead && !o.frames[0] && !o.idle_timeout_s && o.notify_fd == -1);
    cr_assert_eq(o.prefetch_frames, 0);
    cr_assert_eq(o.views[0], PXR_VIEW_PNG);
    cr_assert_eq(o.views[2], PXR_VIEW_RAW);
    cr_assert_eq(o.cache_bytes, 0);
    cr_assert_eq(o.readahead_bytes, 256 * 1024);
    cr_assert_geq(o.n_workers, 1);
    cr_assert(o.max_threads >= 2 && o.max_threads <= 4);
    cr_assert_eq(o.uid, getuid());
    cr_assert_eq(o.gid, getgid());
    cr_assert(o.file_mask == 0 && o.folder_mask == 0);
}

Test(fs_options, say_what_is_given_up)
{
    cr_assert(!parsed("a.pxr dir -o nosandbox").has_sandbox);
    cr_assert(parsed("a.pxr dir -o nonempty").may_cover);
    const struct pxr_mount_options o = parsed("a.pxr dir -o uid=0,gid=0");
    cr_assert(o.names_uid && o.names_gid, "also where they are root's");
    check_refused("a.pxr dir -o nosandbox=1", "nosandbox");
    check_refused("a.pxr dir -o sandbox", "sandbox");
}

Test(fs_options, stand_anywhere)
{
    static const char *const lines[] = {
        "-f -o view=raw a.pxr dir", "a.pxr -fo view=raw dir", "a.pxr dir -oview=raw -f",
        "-sfn a.pxr -o ro,view=raw -- dir", "a.pxr dir -o rw -o view=raw,nofail -f -t pixelrain"};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        const struct pxr_mount_options o = parsed(lines[i]);
        cr_assert_str_eq(o.source, "a.pxr", "%s", lines[i]);
        cr_assert_str_eq(o.mount_point, "dir", "%s", lines[i]);
        cr_assert(o.is_foreground && o.is_single && o.n_views == 1, "%s", lines[i]);
        cr_assert_eq(o.views[0], PXR_VIEW_RAW, "%s", lines[i]);
    }
    cr_assert_str_eq(parsed("-- -x -y").source, "-x");
}

Test(fs_options, what_mount_passes_is_accepted)
{
    parsed("/a.pxr /dir -v -s -n -o rw,nofail,user,users,user=me,_netdev,noexec,exec,nosuid,nodev");
    parsed("/a.pxr /dir -o defaults,auto,noauto,relatime,x-systemd.automount,x-a=b,X-b,comment=c");
    parsed("/a.pxr /dir -o ,ro,,default_permissions,");
}

Test(fs_options, unknown_ones_are_refused_by_name)
{
    check_refused("a.pxr dir -o bogus", "'bogus'");
    check_refused("a.pxr dir -o ro,bogus=1,view=png", "'bogus'");
    check_refused("a.pxr dir -o view", "view");
    check_refused("a.pxr dir -o remount", "'remount'");
    check_refused("a.pxr dir -o viewx=png", "'viewx'");
    check_refused("a.pxr dir -o cach=1", "'cach'");
    check_refused("a.pxr dir -x", "'-x'");
    check_refused("a.pxr dir --frobnicate", "'--frobnicate'");
    check_refused("a.pxr dir -o", "'-o'");
    check_refused("a.pxr dir other", "'other'");
    check_refused("a.pxr", "usage");
    check_refused("-o ro", "usage");
}

Test(fs_options, views_are_checked_and_counted_once)
{
    struct pxr_mount_options o = parsed("a d -o views=raw:png:raw");
    cr_assert_eq(o.n_views, 2);
    cr_assert_eq(o.views[0], PXR_VIEW_RAW);
    cr_assert_eq(o.views[1], PXR_VIEW_PNG);
    cr_assert_not(o.is_single);
    o = parsed("a d -o view=png,views=pgm");
    cr_assert(!o.is_single && o.n_views == 1 && o.views[0] == PXR_VIEW_PGM);
    o = parsed("a d -o views=stack.tif:zarr:npy:stack.npy:stack.tif");
    cr_assert(o.names_views && o.has_zarr && o.n_views == 1 && o.views[0] == PXR_VIEW_NPY);
    cr_assert(o.n_stacks == 2 && o.stacks[0] == PXR_STACK_TIF && o.stacks[1] == PXR_STACK_NPY);
    o = parsed("a d -o view=preview");
    cr_assert(o.is_single && !o.has_zarr && !o.n_stacks && o.n_views == 1);
    check_refused("a d -o view=stack.npy", "'stack.npy'");
    check_refused("a d -o view=zarr", "preview");
    check_refused("a d -o views=stack", "stack.ij.tif");
    check_refused("a d -o view=jpeg", "'jpeg'");
    check_refused("a d -o view=", "view");
    check_refused("a d -o views=png:", "views");
    check_refused("a d -o views=png:pngpngpngpngpngpngpng", "views");
    check_refused("a d -o png,pgm", "colons");
    check_refused("a d -o view=png,pgm", "colons");
    check_refused("a d -o views=png,jpeg", "'jpeg'");
}

Test(fs_options, commas_between_views_are_understood)
{
    const struct pxr_mount_options o = parsed("a d -o ro,views=png,dci,stack.px2,zarr,lossy-views");
    cr_assert(o.n_views == 2 && o.views[1] == PXR_VIEW_DCI && o.n_stacks == 1 && o.has_zarr && o.shows_lossy);
}

Test(fs_options, numbers_are_bounded)
{
    const struct pxr_mount_options o = parsed(
        "a d -o cache=64M,workers=0,max_threads=7,readahead=1M,uid=1000,gid=4294967294,umask=0277,"
        "layout=nested,allow_other");
    cr_assert_eq(o.cache_bytes, 64u << 20);
    cr_assert_eq(o.n_workers, 0);
    cr_assert_eq(o.max_threads, 7);
    cr_assert_eq(o.readahead_bytes, 1u << 20);
    cr_assert_eq(o.uid, 1000);
    cr_assert_eq(o.gid, 4294967294u);
    cr_assert(o.file_mask == 0277 && o.folder_mask == 0277);
    cr_assert(o.is_nested && o.allows_others);
    static const char *const wrong[] = {
        "cache=0",         "cache=",       "cache=12Q",      "cache=-1", "cache=99999999999999999999",
        "workers=257",     "workers=x",    "max_threads=0",  "max_threads=65", "readahead=65M",
        "uid=4294967295",  "uid=-1",       "uid=root",       "gid=",     "umask=8",
        "umask=1000",      "umask=",       "umask=0x1",      "layout=deep", "layout=",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char line[80], name[20];
        snprintf(line, sizeof line, "a d -o %s", wrong[i]);
        snprintf(name, sizeof name, "%.*s", (int)strcspn(wrong[i], "="), wrong[i]);
        check_refused(line, name);
    }
}

Test(fs_options, choices_of_how_to_serve)
{
    struct pxr_mount_options o = parsed("a d -o frames=10:20:3,prefetch=7,verify=off,fastopen,"
                                        "idle_timeout=90,notify_fd=1,fmask=133,dmask=022");
    cr_assert_str_eq(o.frames, "10:20:3");
    cr_assert_eq(o.prefetch_frames, 7);
    cr_assert(o.skips_unit_hashes && o.is_fastopen && o.idle_timeout_s == 90 && o.notify_fd == 1);
    cr_assert(o.file_mask == 0133 && o.folder_mask == 022);
    cr_assert(!o.is_live);
    o = parsed("a d -o live");
    cr_assert(o.is_live && !o.is_fastopen);
    o = parsed("a d -o verify=off,verify=unit,prefetch=0,readahead=4K,fmask=7,umask=077");
    cr_assert(!o.skips_unit_hashes && o.prefetch_frames == PXR_NONE && o.sets_readahead);
    cr_assert(o.file_mask == 077 && o.folder_mask == 077);
    static const char *const wrong[] = {
        "frames=a",       "frames=",       "frames=1:2:0",   "frames=1:2:3:4", "prefetch=-1",
        "prefetch=",      "verify=",       "verify=all",     "verify=on",      "fastopen=1",
        "allow_other=1",  "idle_timeout=", "idle_timeout=x", "notify_fd=999",  "notify_fd=0",
        "live=1",         "live=",
        "notify_fd=-1",   "fmask=8",       "dmask=1000",     "fmask=",         "dmask",
        "frames=00000000000000000000000000000000000000000000000000000000000000000000000000000000000000:1",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char line[160], name[20];
        snprintf(line, sizeof line, "a d -o %s", wrong[i]);
        snprintf(name, sizeof name, "%.*s", (int)strcspn(wrong[i], "="), wrong[i]);
        check_refused(line, name);
    }
}

Test(fs_options, one_thread_unless_said_otherwise)
{
    cr_assert_eq(parsed("-s a d").max_threads, 1);
    cr_assert_eq(parsed("a d -s -o max_threads=3").max_threads, 3);
    const struct pxr_mount_options o = parsed("-d a d");
    cr_assert(o.is_debug && o.is_foreground);
}

Test(fs_options, long_ones_do_not_overflow)
{
    char line[1000];
    struct pxr_mount_options o;
    struct pxr_diag diag;
    snprintf(line, sizeof line, "a d -o x-%0600d,ro", 0);
    parsed(line);
    snprintf(line, sizeof line, "a d -o %0600d", 0);
    cr_assert_eq(parse(line, &o, &diag), PXR_E_INVALID);
    snprintf(line, sizeof line, "a d -o cache=%0600d", 1);
    cr_assert_eq(parse(line, &o, &diag), PXR_E_INVALID);
}

Test(fs_options, help_and_version_need_nothing_else)
{
    cr_assert(parsed("-h").wants_help);
    cr_assert(parsed("--help").wants_help);
    cr_assert(parsed("-V").wants_version);
    cr_assert(parsed("--version").wants_version);
}
