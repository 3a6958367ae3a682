/* SPDX-License-Identifier: MIT
 * The tree of the mount: inodes, children, names and parents agree with each other. */
#include "inode.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <string.h>

static struct pxr_fs_tree tree_of(uint64_t n_frames, bool is_single, bool is_nested)
{
    struct pxr_fs_tree t = {.n_frames = n_frames, .is_single = is_single, .is_nested = is_nested};
    t.n_views = is_single ? 1 : PXR_N_VIEWS;
    for (unsigned i = 0; i < t.n_views; i++)
        t.views[i] = is_single ? PXR_VIEW_PGM : (enum pxr_view)i;
    return t;
}

static bool is_same(struct pxr_node a, struct pxr_node b)
{
    return a.kind == b.kind && a.index == b.index &&
           (a.view == b.view || (a.kind != PXR_NODE_FRAME && a.kind != PXR_NODE_FOLDER &&
                                 a.kind != PXR_NODE_VIEW));
}

static const struct pxr_node root = {.kind = PXR_NODE_ROOT};

/* Walk everything; returns the number of frame files. */
static uint64_t check_folder(const struct pxr_fs_tree *t, struct pxr_node folder)
{
    char name[PXR_NODE_NAME_BYTES];
    const uint64_t n = pxr_node_n_children(t, folder);
    uint64_t n_files = 0, n_folders = 0;
    for (uint64_t i = 0; i < n; i++) {
        const struct pxr_node child = pxr_node_child(t, folder, i);
        const uint64_t ino = pxr_node_ino(child);
        cr_assert(is_same(pxr_node_at(t, ino), child), "inode %" PRIu64, ino);
        cr_assert(is_same(pxr_node_parent(t, child), folder), "parent of inode %" PRIu64, ino);
        if (child.kind == PXR_NODE_FRAME) {
            cr_assert(pxr_node_holds_frame(t, folder, child.index));
            n_files++;
        } else {
            pxr_node_name(t, child, name);
            cr_assert(is_same(pxr_node_find(t, folder, name), child), "name '%s'", name);
        }
        if (pxr_node_is_folder(child)) {
            n_folders++;
            n_files += check_folder(t, child);
        }
    }
    cr_assert_eq(pxr_node_n_folders(t, folder), n_folders);
    return n_files;
}

Test(fs_inode, every_child_is_found_again)
{
    static const uint64_t counts[] = {0, 1, 999, 1000, 1001, 2500};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
        for (unsigned variant = 0; variant < 4; variant++) {
            const bool is_single = variant & 1, is_nested = variant & 2;
            const struct pxr_fs_tree t = tree_of(counts[i], is_single, is_nested);
            cr_assert_eq(check_folder(&t, root), counts[i] * t.n_views,
                         "%" PRIu64 " frames, variant %u", counts[i], variant);
        }
}

Test(fs_inode, inodes_never_move)
{
    /* Programs remember them across mounts. */
    cr_assert_eq(pxr_node_ino(root), 1);
    cr_assert_eq(pxr_node_ino((struct pxr_node){.kind = PXR_NODE_STATS}), 4);
    cr_assert_eq(pxr_node_ino((struct pxr_node){PXR_NODE_VIEW, PXR_VIEW_RAW, 0}), 10);
    cr_assert_eq(pxr_node_ino((struct pxr_node){PXR_NODE_FRAME, PXR_VIEW_PNG, 0}), 16);
    cr_assert_eq(pxr_node_ino((struct pxr_node){PXR_NODE_FRAME, PXR_VIEW_RAW, 1000000}), 16000018);
    cr_assert_eq(pxr_node_ino((struct pxr_node){PXR_NODE_FOLDER, PXR_VIEW_PNG, 1}), 40);
}

Test(fs_inode, inodes_outside_the_tree_are_none)
{
    const struct pxr_fs_tree t = tree_of(10, false, false);
    static const uint64_t wrong[] = {0,   5,   7,   11,  15,         16 + 3,     16 + 8,
                                     16 + 16 * 10, 16 + 16 * 9 + 15, UINT64_MAX, (uint64_t)1 << 63};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        cr_assert_eq(pxr_node_at(&t, wrong[i]).kind, PXR_NODE_NONE, "inode %" PRIu64, wrong[i]);
    cr_assert_eq(pxr_node_at(&t, 16 + 16 * 9 + 2).kind, PXR_NODE_FRAME);
    const struct pxr_fs_tree single = tree_of(10, true, false);
    cr_assert_eq(pxr_node_at(&single, 8).kind, PXR_NODE_NONE, "no folder for the only view");
    cr_assert_eq(pxr_node_at(&single, 16).kind, PXR_NODE_NONE, "png is not shown");
    cr_assert_eq(pxr_node_at(&single, 17).kind, PXR_NODE_FRAME);
}

Test(fs_inode, single_view_lists_frames_only_but_knows_the_service_folder)
{
    const struct pxr_fs_tree t = tree_of(3, true, false);
    cr_assert_eq(pxr_node_n_children(&t, root), 3);
    const struct pxr_node service = pxr_node_find(&t, root, ".pixelrain");
    cr_assert_eq(service.kind, PXR_NODE_SERVICE);
    cr_assert_eq(pxr_node_find(&t, service, "info.json").kind, PXR_NODE_INFO);
    cr_assert_eq(pxr_node_find(&t, root, "info.json").kind, PXR_NODE_NONE);
    const struct pxr_fs_tree all = tree_of(3, false, false);
    cr_assert_eq(pxr_node_find(&all, root, "info.json").kind, PXR_NODE_INFO);
    cr_assert_eq(pxr_node_find(&all, pxr_node_find(&all, root, ".pixelrain"), "info.json").kind,
                 PXR_NODE_NONE);
}

Test(fs_inode, nested_folders_have_one_name_each)
{
    const struct pxr_fs_tree t = tree_of(12001, false, true);
    const struct pxr_node view = {.kind = PXR_NODE_VIEW, .view = PXR_VIEW_PNG};
    char name[PXR_NODE_NAME_BYTES];
    cr_assert_eq(pxr_node_n_children(&t, view), 13);
    cr_assert_str_eq(pxr_node_name(&t, pxr_node_child(&t, view, 12), name), "012000");
    static const char *const wrong[] = {"",       "0",       "12000",   "0012000", "012001", "013000",
                                        "-00000", "0x0000",  "000000 ", "99999999999999999999999"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        cr_assert_eq(pxr_node_find(&t, view, wrong[i]).kind, PXR_NODE_NONE, "'%s'", wrong[i]);
    const struct pxr_node last = pxr_node_find(&t, view, "012000");
    cr_assert_eq(last.index, 12);
    cr_assert_eq(pxr_node_n_children(&t, last), 1);
    cr_assert(pxr_node_holds_frame(&t, last, 12000));
    cr_assert_not(pxr_node_holds_frame(&t, last, 11999));
    cr_assert_not(pxr_node_holds_frame(&t, last, 12001), "there is no such frame");
    const struct pxr_fs_tree many = tree_of(20000000, false, true);
    cr_assert_str_eq(pxr_node_name(&many, pxr_node_child(&many, view, 1), name), "00001000");
}
