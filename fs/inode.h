/* SPDX-License-Identifier: MIT
 * The tree of the mount as pure arithmetic: inode <-> node <-> place in its folder, no table. */
#ifndef PXR_FS_INODE_H
#define PXR_FS_INODE_H

#include "pixelrain.h"

#define PXR_FS_MAX_COMPANIONS 2u
#define PXR_FOLDER_FRAMES 1000u /* in a folder of the nested layout */

enum pxr_node_kind {
    PXR_NODE_NONE = 0,
    PXR_NODE_ROOT,
    PXR_NODE_SERVICE,     /* .pixelrain                                              */
    PXR_NODE_INFO,        /* info.json                                               */
    PXR_NODE_STATS,       /* stats.json                                              */
    PXR_NODE_STACK,       /* stack.npy and so on: index is an enum pxr_stack         */
    PXR_NODE_ZARR,        /* zarr                                                    */
    PXR_NODE_ZARR_FILE,   /* .zarray, .zattrs: index is an enum pxr_zarr_file        */
    PXR_NODE_ZARR_FRAME,  /* zarr/T: index is T, which counts the frames shown       */
    PXR_NODE_ZARR_STRIPE, /* zarr/T/Y: index is T * n_stripes + Y                    */
    PXR_NODE_ZARR_CHUNK,  /* zarr/T/Y/0: the same                                    */
    PXR_NODE_VIEW,        /* the folder of a view                                    */
    PXR_NODE_FOLDER,      /* nested layout: index counts folders                     */
    PXR_NODE_FRAME,       /* index is a frame of the archive                         */
    PXR_NODE_TILE,        /* of a view with several files of a frame: index is frame * n_tiles + tile */
    PXR_NODE_COMPANION,   /* a file that those of such a view need: index counts them */
};

struct pxr_node {
    enum pxr_node_kind kind;
    enum pxr_view view; /* of VIEW, FOLDER, FRAME, TILE and COMPANION, else 0 */
    uint64_t index;
};

/* What the mount shows.  With one view at the root (is_single) the root has the frames, or their
 * folders, and nothing else; .pixelrain is then not listed, but can be named, and holds info.json. */
struct pxr_fs_tree {
    struct pxr_frames frames; /* at most PXR_FS_MAX_FRAMES */
    enum pxr_view views[PXR_N_VIEWS];
    unsigned n_views;
    /* An archive that grows: how many of the last frames a view does not show, since it cannot (yet), and how many are
     * too late for stacks and zarr, whose sizes must not change. */
    uint64_t n_hidden[PXR_N_VIEWS], n_late;
    enum pxr_stack stacks[PXR_N_STACKS];
    unsigned n_stacks;
    bool has_zarr;
    uint32_t n_stripes; /* of a frame in zarr: at least 1; times frames at most PXR_FS_MAX_FRAMES */
    bool is_single, is_nested;
    int folder_digits; /* at least, in names of nested folders, at most 18; 0: 6 */
    /* The only view that may have tiles and companions, of its folder or of the root. */
    enum pxr_view tiled;
    uint32_t n_tiles; /* of a frame there: 0 and 1 mean files of frames; times frames at most PXR_FS_MAX_FRAMES */
    unsigned n_companions;
    const char *companions[PXR_FS_MAX_COMPANIONS]; /* their names */
};

#define PXR_FS_MAX_FRAMES ((uint64_t)1 << 56)
#define PXR_INO_ROOT 1u

/* Different nodes have different inodes, and they never change while the archive grows. */
uint64_t pxr_node_ino(struct pxr_node node);
/* NONE: no such inode in this tree. */
struct pxr_node pxr_node_at(const struct pxr_fs_tree *t, uint64_t ino);
struct pxr_node pxr_node_parent(const struct pxr_fs_tree *t, struct pxr_node node);
bool pxr_node_is_folder(struct pxr_node node);

/* What a listing shows, without "." and "..".  child < n_children. */
uint64_t pxr_node_n_children(const struct pxr_fs_tree *t, struct pxr_node folder);
struct pxr_node pxr_node_child(const struct pxr_fs_tree *t, struct pxr_node folder, uint64_t child);
/* Those children that are folders. */
uint64_t pxr_node_n_folders(const struct pxr_fs_tree *t, struct pxr_node folder);

#define PXR_NODE_NAME_BYTES 32
/* The name of anything but a frame; returns dst. */
char *pxr_node_name(const struct pxr_fs_tree *t, struct pxr_node node, char dst[PXR_NODE_NAME_BYTES]);
/* Find a child that is not a frame.  NONE: there is none of that name. */
struct pxr_node pxr_node_find(const struct pxr_fs_tree *t, struct pxr_node folder, const char *name);
/* Files of a frame in a view, and the frame and tile of a FRAME or TILE. */
uint32_t pxr_node_n_tiles(const struct pxr_fs_tree *t, enum pxr_view view);
uint64_t pxr_node_frame(const struct pxr_fs_tree *t, struct pxr_node node);
uint32_t pxr_node_tile(const struct pxr_fs_tree *t, struct pxr_node node);
/* The node of a frame's file. */
struct pxr_node pxr_node_of_tile(const struct pxr_fs_tree *t, enum pxr_view view, uint64_t frame, uint32_t tile);
/* The view whose frames this folder has as children; false: it has none. */
bool pxr_node_holds_frames(const struct pxr_fs_tree *t, struct pxr_node folder, enum pxr_view *view);
/* Is this frame, as a file of the folder's view, a child of it? */
bool pxr_node_holds_frame(const struct pxr_fs_tree *t, struct pxr_node folder, uint64_t frame);

#endif
