/* SPDX-License-Identifier: MIT
 * The tree of the mount: inodes, children, names and parents agree with each other. */
#include "inode.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <string.h>

static struct pxr_fs_tree tree_of(uint64_t n_frames, bool is_single, bool is_nested)
{
    struct pxr_fs_tree t = {.frames = {0, 1, n_frames},
                            .n_stripes = 3,
                            .is_single = is_single,
                            .is_nested = is_nested,
                            .has_zarr = !is_single};
    t.n_views = is_single ? 1 : PXR_N_VIEWS;
    for (unsigned i = 0; i < t.n_views; i++)
        t.views[i] = is_single ? PXR_VIEW_PGM : (enum pxr_view)i;
    t.n_stacks = is_single ? 0 : PXR_N_STACKS;
    for (unsigned i = 0; i < t.n_stacks; i++)
        t.stacks[i] = (enum pxr_stack)i;
    return t;
}

static bool is_same(struct pxr_node a, struct pxr_node b)
{
    return a.kind == b.kind && a.index == b.index && a.view == b.view;
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
        if (child.kind == PXR_NODE_FRAME || child.kind == PXR_NODE_TILE) {
            const uint64_t frame = pxr_node_frame(t, child);
            cr_assert(pxr_node_holds_frame(t, folder, frame));
            cr_assert(is_same(pxr_node_of_tile(t, child.view, frame, pxr_node_tile(t, child)), child));
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

Test(fs_inode, a_view_may_have_tiles_and_companions)
{
    for (unsigned variant = 0; variant < 8; variant++) {
        const bool is_single = variant & 1, is_nested = variant & 2;
        struct pxr_fs_tree t = tree_of(2100, is_single, is_nested);
        if (variant & 4)
            t.frames = (struct pxr_frames){17, 5, 2100};
        if (is_single)
            t.views[0] = PXR_VIEW_PCE;
        t.tiled = PXR_VIEW_PCE;
        t.n_tiles = 7;
        t.companions[t.n_companions++] = "table.pcet";
        t.companions[t.n_companions++] = "palette.txt";
        cr_assert_eq(check_folder(&t, root), 2100 * (t.n_views - 1 + 7), "variant %u", variant);
        const struct pxr_node folder = is_single ? root : pxr_node_find(&t, root, "pce");
        cr_assert_eq(pxr_node_find(&t, folder, "palette.txt").kind, PXR_NODE_COMPANION);
        const uint64_t tile = 64 + 64 * (t.frames.first * 7 + 6) + 51;
        cr_assert_eq(pxr_node_at(&t, tile).kind, PXR_NODE_TILE);
        cr_assert_eq(pxr_node_at(&t, tile + 64 * (variant & 4 ? 7u : 2100 * 7u)).kind, PXR_NODE_NONE,
                     "a frame that is not shown");
        cr_assert_eq(pxr_node_at(&t, 64 + 64 * t.frames.first + PXR_VIEW_PCE).kind, PXR_NODE_NONE,
                     "a frame in tiles has no file of its own");
        cr_assert_eq(pxr_node_at(&t, 42).kind, PXR_NODE_NONE);
    }
}

Test(fs_inode, a_choice_of_frames_is_a_tree_as_well)
{
    for (unsigned variant = 0; variant < 4; variant++) {
        struct pxr_fs_tree t = tree_of(2100, variant & 1, variant & 2);
        t.frames = (struct pxr_frames){17, 5, 2100};
        cr_assert_eq(check_folder(&t, root), 2100 * t.n_views, "variant %u", variant);
    }
    struct pxr_fs_tree t = tree_of(2100, false, true);
    t.frames = (struct pxr_frames){17, 5, 2100};
    const struct pxr_node view = {.kind = PXR_NODE_VIEW, .view = PXR_VIEW_RAW};
    char name[PXR_NODE_NAME_BYTES];
    cr_assert_str_eq(pxr_node_name(&t, pxr_node_child(&t, view, 2), name), "010017");
    const struct pxr_node last = pxr_node_find(&t, view, "010017");
    cr_assert(last.kind == PXR_NODE_FOLDER && last.index == 2);
    cr_assert_eq(pxr_node_child(&t, last, 99).index, 17 + 5 * 2099);
    cr_assert_eq(pxr_node_find(&t, view, "010016").kind, PXR_NODE_NONE);
    cr_assert_eq(pxr_node_find(&t, view, "000000").kind, PXR_NODE_NONE);
    cr_assert(pxr_node_holds_frame(&t, last, 17 + 5 * 2000));
    cr_assert_not(pxr_node_holds_frame(&t, last, 18 + 5 * 2000));
    /* The inode is that of the frame, whatever else is shown. */
    const struct pxr_fs_tree all = tree_of(20000, false, true);
    cr_assert_eq(pxr_node_ino(pxr_node_child(&t, last, 0)),
                 pxr_node_ino(pxr_node_at(&all, 64 + 64 * (17 + 5 * 2000) + PXR_VIEW_RAW)));
    cr_assert_eq(pxr_node_at(&t, 64 + 64 * 18).kind, PXR_NODE_NONE);
    cr_assert_eq(pxr_node_at(&t, 64 + 64 * 16).kind, PXR_NODE_NONE);
}

Test(fs_inode, zarr_has_one_name_for_each_chunk)
{
    const struct pxr_fs_tree t = tree_of(12, false, false);
    const struct pxr_node zarr = pxr_node_find(&t, root, "zarr");
    cr_assert_eq(zarr.kind, PXR_NODE_ZARR);
    cr_assert_eq(pxr_node_n_children(&t, zarr), 14);
    cr_assert_eq(pxr_node_n_folders(&t, zarr), 12);
    cr_assert_eq(pxr_node_find(&t, zarr, ".zarray").kind, PXR_NODE_ZARR_FILE);
    static const char *const wrong[] = {"", "12", "01", "-1", "+1", " 1", "1 ", "0x1", ".zgroup",
                                        "18446744073709551615", "18446744073709551614"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        cr_assert_eq(pxr_node_find(&t, zarr, wrong[i]).kind, PXR_NODE_NONE, "'%s'", wrong[i]);
    const struct pxr_node frame = pxr_node_find(&t, zarr, "11"), stripe = pxr_node_find(&t, frame, "2");
    cr_assert_eq(stripe.kind, PXR_NODE_ZARR_STRIPE);
    cr_assert_eq(stripe.index, 11 * 3 + 2);
    cr_assert_eq(pxr_node_find(&t, frame, "3").kind, PXR_NODE_NONE);
    cr_assert_eq(pxr_node_find(&t, stripe, "0").kind, PXR_NODE_ZARR_CHUNK);
    cr_assert_eq(pxr_node_find(&t, stripe, "1").kind, PXR_NODE_NONE);
    cr_assert_eq(pxr_node_find(&t, root, "zar").kind, PXR_NODE_NONE);
}

Test(fs_inode, inodes_never_move)
{
    /* Programs remember them across mounts. */
    cr_assert_eq(pxr_node_ino(root), 1);
    cr_assert_eq(pxr_node_ino((struct pxr_node){.kind = PXR_NODE_STATS}), 4);
    cr_assert_eq(pxr_node_ino((struct pxr_node){.kind = PXR_NODE_STACK, .index = PXR_STACK_TIF}), 9);
    cr_assert_eq(pxr_node_ino((struct pxr_node){PXR_NODE_VIEW, PXR_VIEW_RAW, 0}), 18);
    cr_assert_eq(pxr_node_ino((struct pxr_node){PXR_NODE_FRAME, PXR_VIEW_PNG, 0}), 64);
    cr_assert_eq(pxr_node_ino((struct pxr_node){PXR_NODE_FRAME, PXR_VIEW_RAW, 1000000}), 64000066);
    cr_assert_eq(pxr_node_ino((struct pxr_node){PXR_NODE_FOLDER, PXR_VIEW_PNG, 1}), 64 + 64 + 24);
    cr_assert_eq(pxr_node_ino((struct pxr_node){.kind = PXR_NODE_ZARR_CHUNK, .index = 2}), 64 + 128 + 50);
}

Test(fs_inode, inodes_outside_the_tree_are_none)
{
    const struct pxr_fs_tree t = tree_of(10, false, false);
    static const uint64_t wrong[] = {0, 8 + PXR_N_STACKS, 16 + PXR_N_VIEWS, 16 + 23, 63,
                                     64 + PXR_N_VIEWS, 64 + 24, 64 + 51, 64 + 63, 64 + 64 * 10,
                                     64 + 64 * 10 + 48, 64 + 64 * 30 + 49, 64 + 64 * 30 + 50,
                                     UINT64_MAX, (uint64_t)1 << 63};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        cr_assert_eq(pxr_node_at(&t, wrong[i]).kind, PXR_NODE_NONE, "inode %" PRIu64, wrong[i]);
    cr_assert_eq(pxr_node_at(&t, 64 + 64 * 9 + 2).kind, PXR_NODE_FRAME);
    cr_assert_eq(pxr_node_at(&t, 64 + 64 * 29 + 50).kind, PXR_NODE_ZARR_CHUNK);
    const struct pxr_fs_tree single = tree_of(10, true, false);
    static const uint64_t not_single[] = {5, 6, 7, 8, 16, 17, 64, 64 + 48, 64 + 49, 64 + 50};
    for (size_t i = 0; i < sizeof not_single / sizeof not_single[0]; i++)
        cr_assert_eq(pxr_node_at(&single, not_single[i]).kind, PXR_NODE_NONE, "inode %" PRIu64,
                     not_single[i]);
    cr_assert_eq(pxr_node_at(&single, 65).kind, PXR_NODE_FRAME);
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

Test(fs_inode, a_tree_that_grows_keeps_inodes_names_and_stacks)
{
    const struct pxr_node view = {.kind = PXR_NODE_VIEW, .view = PXR_VIEW_RAW};
    char name[PXR_NODE_NAME_BYTES], later[PXR_NODE_NAME_BYTES];
    for (unsigned variant = 0; variant < 4; variant++) {
        struct pxr_fs_tree before = tree_of(1500, variant & 1, variant & 2);
        before.folder_digits = 9;
        struct pxr_fs_tree after = before;
        after.frames.n_frames = 3700;
        after.n_late = 2200;
        after.n_hidden[after.views[0]] = 2200; /* a view that cannot show new frames (yet) */
        cr_assert_eq(check_folder(&after, root), 1500 + 3700 * (after.n_views - 1), "variant %u", variant);
        cr_assert_eq(pxr_node_n_children(&after, (struct pxr_node){.kind = PXR_NODE_ZARR}),
                     pxr_node_n_children(&before, (struct pxr_node){.kind = PXR_NODE_ZARR}));
        after.n_hidden[after.views[0]] = 0;
        cr_assert_eq(check_folder(&after, root), 3700 * after.n_views, "variant %u", variant);
        /* Each inode of before is the same file. */
        for (uint64_t ino = 1; ino < 64 + 64 * 1500; ino++) {
            const struct pxr_node node = pxr_node_at(&before, ino);
            if (node.kind != PXR_NODE_NONE)
                cr_assert(is_same(node, pxr_node_at(&after, ino)), "inode %" PRIu64, ino);
        }
    }
    struct pxr_fs_tree few = tree_of(2000, false, true), many = tree_of(20000000, false, true);
    few.folder_digits = many.folder_digits = 9;
    pxr_node_name(&few, pxr_node_child(&few, view, 1), name);
    cr_assert_str_eq(name, "000001000");
    cr_assert_str_eq(pxr_node_name(&many, pxr_node_child(&many, view, 1), later), name);
    cr_assert(is_same(pxr_node_find(&many, view, name), pxr_node_child(&few, view, 1)));
    /* A frame that is hidden is no file, by whatever way it is asked for. */
    few.n_hidden[PXR_VIEW_RAW] = 500;
    cr_assert_eq(pxr_node_n_children(&few, pxr_node_child(&few, view, 1)), 500);
    cr_assert_eq(pxr_node_at(&few, 64 + 64 * 1500 + PXR_VIEW_RAW).kind, PXR_NODE_NONE);
    cr_assert_eq(pxr_node_at(&few, 64 + 64 * 1500 + PXR_VIEW_PGM).kind, PXR_NODE_FRAME);
    cr_assert_not(pxr_node_holds_frame(&few, pxr_node_child(&few, view, 1), 1500));
    few.n_hidden[PXR_VIEW_RAW] = 1000;
    cr_assert_eq(pxr_node_n_children(&few, view), 1);
    cr_assert_eq(pxr_node_find(&few, view, "000001000").kind, PXR_NODE_NONE);
}
