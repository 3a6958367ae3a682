/* SPDX-License-Identifier: MIT
 * The tree of the mount as pure arithmetic: inode <-> node <-> place in its folder, no table. */
#include "inode.h"

#include "bytes.h"

#include <inttypes.h>
#include <stdio.h>

/* 1..4: fixed nodes; 8 + view: folders of views; from 16 on, 16 inodes per index: the frame of that
 * number in each view, then the nested folder of that number in each view.  Below 2^53, where
 * scripts lose integers, for 2^49 frames. */
#define INO_SERVICE 2u
#define INO_INFO 3u
#define INO_STATS 4u
#define INO_VIEW 8u
#define INO_INDEXED 16u
#define SLOTS 16u
#define SLOT_FOLDER 8u
_Static_assert(PXR_N_VIEWS <= 8, "eight views fit between the slots");

uint64_t pxr_node_ino(struct pxr_node node)
{
    const unsigned view = (unsigned)node.view;
    switch (node.kind) {
    case PXR_NODE_NONE: break;
    case PXR_NODE_ROOT: return PXR_INO_ROOT;
    case PXR_NODE_SERVICE: return INO_SERVICE;
    case PXR_NODE_INFO: return INO_INFO;
    case PXR_NODE_STATS: return INO_STATS;
    case PXR_NODE_VIEW: return INO_VIEW + view;
    case PXR_NODE_FOLDER: return INO_INDEXED + SLOTS * node.index + SLOT_FOLDER + view;
    case PXR_NODE_FRAME: return INO_INDEXED + SLOTS * node.index + view;
    }
    return 0;
}

static bool has_view(const struct pxr_fs_tree *t, unsigned view)
{
    for (unsigned i = 0; i < t->n_views; i++)
        if ((unsigned)t->views[i] == view)
            return true;
    return false;
}

static uint64_t n_nested(const struct pxr_fs_tree *t)
{
    return t->is_nested ? pxr_div_up_u64(t->n_frames, PXR_FOLDER_FRAMES) : 0;
}

struct pxr_node pxr_node_at(const struct pxr_fs_tree *t, uint64_t ino)
{
    struct pxr_node n = {.kind = PXR_NODE_NONE};
    if (ino >= INO_INDEXED) {
        const unsigned slot = (unsigned)((ino - INO_INDEXED) % SLOTS);
        const unsigned view = slot % SLOT_FOLDER;
        n.index = (ino - INO_INDEXED) / SLOTS;
        if (has_view(t, view) && n.index < (slot < SLOT_FOLDER ? t->n_frames : n_nested(t))) {
            n.kind = slot < SLOT_FOLDER ? PXR_NODE_FRAME : PXR_NODE_FOLDER;
            n.view = (enum pxr_view)view;
        }
    } else if (ino >= INO_VIEW) {
        if (has_view(t, (unsigned)ino - INO_VIEW) && !t->is_single) {
            n.kind = PXR_NODE_VIEW;
            n.view = (enum pxr_view)(ino - INO_VIEW);
        }
    } else if (ino >= PXR_INO_ROOT && ino <= INO_STATS) {
        static const enum pxr_node_kind fixed[] = {PXR_NODE_NONE, PXR_NODE_ROOT, PXR_NODE_SERVICE,
                                                   PXR_NODE_INFO, PXR_NODE_STATS};
        n.kind = fixed[ino];
    }
    return n;
}

bool pxr_node_is_folder(struct pxr_node node)
{
    return node.kind == PXR_NODE_ROOT || node.kind == PXR_NODE_SERVICE ||
           node.kind == PXR_NODE_VIEW || node.kind == PXR_NODE_FOLDER;
}

static struct pxr_node of_kind(enum pxr_node_kind kind)
{
    return (struct pxr_node){.kind = kind};
}

struct pxr_node pxr_node_parent(const struct pxr_fs_tree *t, struct pxr_node node)
{
    switch (node.kind) {
    case PXR_NODE_STATS: return of_kind(PXR_NODE_SERVICE);
    case PXR_NODE_INFO: return of_kind(t->is_single ? PXR_NODE_SERVICE : PXR_NODE_ROOT);
    case PXR_NODE_FRAME:
        if (t->is_nested)
            return (struct pxr_node){PXR_NODE_FOLDER, node.view, node.index / PXR_FOLDER_FRAMES};
        break;
    case PXR_NODE_FOLDER: break;
    case PXR_NODE_NONE:
    case PXR_NODE_ROOT:
    case PXR_NODE_SERVICE:
    case PXR_NODE_VIEW: return of_kind(PXR_NODE_ROOT);
    }
    if (t->is_single)
        return of_kind(PXR_NODE_ROOT);
    return (struct pxr_node){.kind = PXR_NODE_VIEW, .view = node.view};
}

/* The folder that has everything of one view: its own, or the root. */
static bool is_top_of_view(const struct pxr_fs_tree *t, struct pxr_node folder, enum pxr_view *view)
{
    *view = folder.kind == PXR_NODE_VIEW ? folder.view : t->views[0];
    return folder.kind == PXR_NODE_VIEW || (folder.kind == PXR_NODE_ROOT && t->is_single);
}

bool pxr_node_holds_frames(const struct pxr_fs_tree *t, struct pxr_node folder, enum pxr_view *view)
{
    if (folder.kind == PXR_NODE_FOLDER) {
        *view = folder.view;
        return true;
    }
    return is_top_of_view(t, folder, view) && !t->is_nested;
}

bool pxr_node_holds_frame(const struct pxr_fs_tree *t, struct pxr_node folder, uint64_t frame)
{
    enum pxr_view view;
    return pxr_node_holds_frames(t, folder, &view) && frame < t->n_frames &&
           (folder.kind != PXR_NODE_FOLDER || frame / PXR_FOLDER_FRAMES == folder.index);
}

uint64_t pxr_node_n_children(const struct pxr_fs_tree *t, struct pxr_node folder)
{
    enum pxr_view view;
    if (is_top_of_view(t, folder, &view))
        return t->is_nested ? n_nested(t) : t->n_frames;
    switch (folder.kind) {
    case PXR_NODE_ROOT: return t->n_views + 2u;
    case PXR_NODE_SERVICE: return t->is_single ? 2 : 1;
    case PXR_NODE_FOLDER:
        return pxr_min_u64(PXR_FOLDER_FRAMES, t->n_frames - folder.index * PXR_FOLDER_FRAMES);
    case PXR_NODE_NONE:
    case PXR_NODE_INFO:
    case PXR_NODE_STATS:
    case PXR_NODE_VIEW:
    case PXR_NODE_FRAME: break;
    }
    return 0;
}

struct pxr_node pxr_node_child(const struct pxr_fs_tree *t, struct pxr_node folder, uint64_t child)
{
    enum pxr_view view;
    if (is_top_of_view(t, folder, &view))
        return (struct pxr_node){t->is_nested ? PXR_NODE_FOLDER : PXR_NODE_FRAME, view, child};
    if (folder.kind == PXR_NODE_FOLDER)
        return (struct pxr_node){PXR_NODE_FRAME, folder.view,
                                 folder.index * PXR_FOLDER_FRAMES + child};
    if (folder.kind == PXR_NODE_SERVICE)
        return of_kind(child ? PXR_NODE_INFO : PXR_NODE_STATS);
    if (child < t->n_views)
        return (struct pxr_node){.kind = PXR_NODE_VIEW, .view = t->views[child]};
    return of_kind(child == t->n_views ? PXR_NODE_INFO : PXR_NODE_SERVICE);
}

uint64_t pxr_node_n_folders(const struct pxr_fs_tree *t, struct pxr_node folder)
{
    enum pxr_view view;
    if (is_top_of_view(t, folder, &view))
        return n_nested(t);
    return folder.kind == PXR_NODE_ROOT ? t->n_views + 1u : 0;
}

/* Digits of a nested folder's name: sorting by text is then sorting by number. */
static int folder_digits(const struct pxr_fs_tree *t)
{
    int digits = 6;
    for (uint64_t limit = 1000000; t->n_frames > limit && digits < 20; limit *= 10)
        digits++;
    return digits;
}

char *pxr_node_name(const struct pxr_fs_tree *t, struct pxr_node node, char dst[PXR_NODE_NAME_BYTES])
{
    const char *name = "";
    switch (node.kind) {
    case PXR_NODE_FOLDER:
        snprintf(dst, PXR_NODE_NAME_BYTES, "%0*" PRIu64, folder_digits(t),
                 node.index * PXR_FOLDER_FRAMES);
        return dst;
    case PXR_NODE_SERVICE: name = ".pixelrain"; break;
    case PXR_NODE_INFO: name = "info.json"; break;
    case PXR_NODE_STATS: name = "stats.json"; break;
    case PXR_NODE_VIEW: name = pxr_view_name(node.view); break;
    case PXR_NODE_NONE:
    case PXR_NODE_ROOT:
    case PXR_NODE_FRAME: break;
    }
    snprintf(dst, PXR_NODE_NAME_BYTES, "%s", name);
    return dst;
}

static struct pxr_node find_nested(const struct pxr_fs_tree *t, enum pxr_view view, const char *name)
{
    char own_name[PXR_NODE_NAME_BYTES];
    uint64_t first = 0;
    for (const char *c = name; *c; c++)
        if (*c < '0' || *c > '9' || !pxr_mul_u64(first, 10, &first) ||
            !pxr_add_u64(first, (uint64_t)(*c - '0'), &first))
            return of_kind(PXR_NODE_NONE);
    const struct pxr_node found = {PXR_NODE_FOLDER, view, first / PXR_FOLDER_FRAMES};
    /* One spelling each: the name that a listing shows. */
    if (found.index >= n_nested(t) || strcmp(pxr_node_name(t, found, own_name), name))
        return of_kind(PXR_NODE_NONE);
    return found;
}

struct pxr_node pxr_node_find(const struct pxr_fs_tree *t, struct pxr_node folder, const char *name)
{
    enum pxr_view view;
    char child_name[PXR_NODE_NAME_BYTES];
    if (folder.kind == PXR_NODE_ROOT && !strcmp(name, ".pixelrain"))
        return of_kind(PXR_NODE_SERVICE);
    if (is_top_of_view(t, folder, &view) && t->is_nested)
        return find_nested(t, view, name);
    if (pxr_node_holds_frames(t, folder, &view))
        return of_kind(PXR_NODE_NONE);
    const uint64_t n = pxr_node_n_children(t, folder);
    for (uint64_t i = 0; i < n; i++) {
        const struct pxr_node child = pxr_node_child(t, folder, i);
        if (!strcmp(pxr_node_name(t, child, child_name), name))
            return child;
    }
    return of_kind(PXR_NODE_NONE);
}
