/* SPDX-License-Identifier: MIT
 * The tree of the mount as pure arithmetic: inode <-> node <-> place in its folder, no table. */
#include "inode.h"

#include "bytes.h"

#include <inttypes.h>
#include <stdio.h>

/* Below INO_INDEXED: what there is once.  From there on, SLOTS inodes per index: the frame of that number
 * in each view, the nested folder of that number in each view, and what zarr has of that number.  Below
 * 2^53, where scripts lose integers, for 2^47 frames. */
#define INO_SERVICE 2u
#define INO_INFO 3u
#define INO_STATS 4u
#define INO_ZARR 5u
#define INO_ZARR_FILE 6u /* two */
#define INO_STACK 8u     /* eight */
#define INO_VIEW 16u
#define MAX_VIEWS 24u
#define INO_COMPANION 40u /* two */
#define INO_INDEXED 64u
#define SLOTS 64u
#define SLOT_FOLDER MAX_VIEWS
#define SLOT_ZARR (2 * MAX_VIEWS) /* three: frame, stripe, chunk */
#define SLOT_TILE (SLOT_ZARR + 3)
_Static_assert(PXR_N_VIEWS <= MAX_VIEWS && PXR_N_STACKS <= 8 && PXR_N_ZARR_FILES == 2, "they fit");
_Static_assert(PXR_FS_MAX_FRAMES <= UINT64_MAX / SLOTS - INO_INDEXED, "no inode overflows");

uint64_t pxr_node_ino(struct pxr_node node)
{
    const unsigned view = (unsigned)node.view;
    const uint64_t indexed = INO_INDEXED + SLOTS * node.index;
    switch (node.kind) {
    case PXR_NODE_NONE: break;
    case PXR_NODE_ROOT: return PXR_INO_ROOT;
    case PXR_NODE_SERVICE: return INO_SERVICE;
    case PXR_NODE_INFO: return INO_INFO;
    case PXR_NODE_STATS: return INO_STATS;
    case PXR_NODE_STACK: return INO_STACK + node.index;
    case PXR_NODE_ZARR: return INO_ZARR;
    case PXR_NODE_ZARR_FILE: return INO_ZARR_FILE + node.index;
    case PXR_NODE_ZARR_FRAME: return indexed + SLOT_ZARR;
    case PXR_NODE_ZARR_STRIPE: return indexed + SLOT_ZARR + 1;
    case PXR_NODE_ZARR_CHUNK: return indexed + SLOT_ZARR + 2;
    case PXR_NODE_VIEW: return INO_VIEW + view;
    case PXR_NODE_FOLDER: return indexed + SLOT_FOLDER + view;
    case PXR_NODE_FRAME: return indexed + view;
    case PXR_NODE_TILE: return indexed + SLOT_TILE;
    case PXR_NODE_COMPANION: return INO_COMPANION + node.index;
    }
    return 0;
}

static struct pxr_node of_kind(enum pxr_node_kind kind)
{
    return (struct pxr_node){.kind = kind};
}
static struct pxr_node of_index(enum pxr_node_kind kind, uint64_t index)
{
    return (struct pxr_node){.kind = kind, .index = index};
}

static bool has_view(const struct pxr_fs_tree *t, unsigned view)
{
    for (unsigned i = 0; i < t->n_views; i++)
        if ((unsigned)t->views[i] == view)
            return true;
    return false;
}

static bool has_stack(const struct pxr_fs_tree *t, unsigned stack)
{
    for (unsigned i = 0; i < t->n_stacks; i++)
        if ((unsigned)t->stacks[i] == stack)
            return true;
    return false;
}

/* ---- tiles ----------------------------------------------------------------------------------------- */

uint32_t pxr_node_n_tiles(const struct pxr_fs_tree *t, enum pxr_view view)
{
    return t->n_tiles > 1 && view == t->tiled ? t->n_tiles : 1;
}

static unsigned n_companions(const struct pxr_fs_tree *t, enum pxr_view view)
{
    return view == t->tiled ? t->n_companions : 0;
}

uint64_t pxr_node_frame(const struct pxr_fs_tree *t, struct pxr_node node)
{
    return node.kind == PXR_NODE_TILE ? node.index / t->n_tiles : node.index;
}

uint32_t pxr_node_tile(const struct pxr_fs_tree *t, struct pxr_node node)
{
    return node.kind == PXR_NODE_TILE ? (uint32_t)(node.index % t->n_tiles) : 0;
}

struct pxr_node pxr_node_of_tile(const struct pxr_fs_tree *t, enum pxr_view view, uint64_t frame, uint32_t tile)
{
    const uint32_t n = pxr_node_n_tiles(t, view);
    return n == 1 ? (struct pxr_node){PXR_NODE_FRAME, view, frame}
                  : (struct pxr_node){PXR_NODE_TILE, view, frame * n + tile};
}

/* ---- inodes ---------------------------------------------------------------------------------------- */

/* Frames that a view shows. */
static uint64_t n_shown(const struct pxr_fs_tree *t, enum pxr_view view)
{
    return t->frames.n_frames - t->n_hidden[view];
}
/* Frames in zarr. */
static uint64_t n_stacked(const struct pxr_fs_tree *t) { return t->frames.n_frames - t->n_late; }

/* The place of a frame of the archive among those that a view shows; false: it is none of them. */
static bool find_place(const struct pxr_fs_tree *t, enum pxr_view view, uint64_t frame, uint64_t *place)
{
    const struct pxr_frames *f = &t->frames;
    *place = frame < f->first ? PXR_NONE : (frame - f->first) / f->step;
    return *place < n_shown(t, view) && f->first + *place * f->step == frame;
}
static uint64_t frame_at(const struct pxr_fs_tree *t, uint64_t place)
{
    return t->frames.first + place * t->frames.step;
}

static uint64_t n_nested(const struct pxr_fs_tree *t, enum pxr_view view)
{
    return t->is_nested ? pxr_div_up_u64(n_shown(t, view), PXR_FOLDER_FRAMES) : 0;
}

/* From INO_INDEXED on. */
static struct pxr_node indexed_node_at(const struct pxr_fs_tree *t, uint64_t ino)
{
    const unsigned slot = (unsigned)((ino - INO_INDEXED) % SLOTS);
    const uint64_t index = (ino - INO_INDEXED) / SLOTS;
    const uint64_t n = n_stacked(t);
    uint64_t place;
    if (slot < SLOT_FOLDER) {
        if (has_view(t, slot) && pxr_node_n_tiles(t, (enum pxr_view)slot) == 1 &&
            find_place(t, (enum pxr_view)slot, index, &place))
            return (struct pxr_node){PXR_NODE_FRAME, (enum pxr_view)slot, index};
    } else if (slot < SLOT_ZARR) {
        if (has_view(t, slot - SLOT_FOLDER) && index < n_nested(t, (enum pxr_view)(slot - SLOT_FOLDER)))
            return (struct pxr_node){PXR_NODE_FOLDER, (enum pxr_view)(slot - SLOT_FOLDER), index};
    } else if (slot <= SLOT_ZARR + 2) {
        if (t->has_zarr && index < (slot == SLOT_ZARR ? n : n * t->n_stripes))
            return of_index(slot == SLOT_ZARR       ? PXR_NODE_ZARR_FRAME
                            : slot == SLOT_ZARR + 1 ? PXR_NODE_ZARR_STRIPE
                                                    : PXR_NODE_ZARR_CHUNK,
                            index);
    } else if (slot == SLOT_TILE) {
        if (t->n_tiles > 1 && has_view(t, t->tiled) && find_place(t, t->tiled, index / t->n_tiles, &place))
            return (struct pxr_node){PXR_NODE_TILE, t->tiled, index};
    }
    return of_kind(PXR_NODE_NONE);
}

struct pxr_node pxr_node_at(const struct pxr_fs_tree *t, uint64_t ino)
{
    static const enum pxr_node_kind fixed[] = {PXR_NODE_NONE, PXR_NODE_ROOT, PXR_NODE_SERVICE,
                                               PXR_NODE_INFO, PXR_NODE_STATS};
    if (ino >= INO_INDEXED)
        return indexed_node_at(t, ino);
    if (ino >= INO_COMPANION) {
        if (ino - INO_COMPANION < t->n_companions && has_view(t, t->tiled))
            return (struct pxr_node){PXR_NODE_COMPANION, t->tiled, ino - INO_COMPANION};
    } else if (ino >= INO_VIEW) {
        if (has_view(t, (unsigned)ino - INO_VIEW) && !t->is_single)
            return (struct pxr_node){.kind = PXR_NODE_VIEW, .view = (enum pxr_view)(ino - INO_VIEW)};
    } else if (ino >= INO_STACK) {
        if (has_stack(t, (unsigned)ino - INO_STACK))
            return of_index(PXR_NODE_STACK, ino - INO_STACK);
    } else if (ino >= INO_ZARR) {
        if (t->has_zarr)
            return ino == INO_ZARR ? of_kind(PXR_NODE_ZARR)
                                   : of_index(PXR_NODE_ZARR_FILE, ino - INO_ZARR_FILE);
    } else {
        return of_kind(fixed[ino]);
    }
    return of_kind(PXR_NODE_NONE);
}

bool pxr_node_is_folder(struct pxr_node node)
{
    switch (node.kind) {
    case PXR_NODE_ROOT:
    case PXR_NODE_SERVICE:
    case PXR_NODE_ZARR:
    case PXR_NODE_ZARR_FRAME:
    case PXR_NODE_ZARR_STRIPE:
    case PXR_NODE_VIEW:
    case PXR_NODE_FOLDER: return true;
    case PXR_NODE_NONE:
    case PXR_NODE_INFO:
    case PXR_NODE_STATS:
    case PXR_NODE_STACK:
    case PXR_NODE_ZARR_FILE:
    case PXR_NODE_ZARR_CHUNK:
    case PXR_NODE_FRAME:
    case PXR_NODE_TILE:
    case PXR_NODE_COMPANION: break;
    }
    return false;
}

static struct pxr_node parent_of_frame(const struct pxr_fs_tree *t, struct pxr_node node)
{
    uint64_t place;
    if (node.kind != PXR_NODE_COMPANION && t->is_nested && find_place(t, node.view, pxr_node_frame(t, node), &place))
        return (struct pxr_node){PXR_NODE_FOLDER, node.view, place / PXR_FOLDER_FRAMES};
    if (t->is_single)
        return of_kind(PXR_NODE_ROOT);
    return (struct pxr_node){.kind = PXR_NODE_VIEW, .view = node.view};
}

struct pxr_node pxr_node_parent(const struct pxr_fs_tree *t, struct pxr_node node)
{
    switch (node.kind) {
    case PXR_NODE_STATS: return of_kind(PXR_NODE_SERVICE);
    case PXR_NODE_INFO: return of_kind(t->is_single ? PXR_NODE_SERVICE : PXR_NODE_ROOT);
    case PXR_NODE_FRAME:
    case PXR_NODE_TILE:
    case PXR_NODE_COMPANION: return parent_of_frame(t, node);
    case PXR_NODE_FOLDER:
        if (!t->is_single)
            return (struct pxr_node){.kind = PXR_NODE_VIEW, .view = node.view};
        break;
    case PXR_NODE_ZARR_FILE:
    case PXR_NODE_ZARR_FRAME: return of_kind(PXR_NODE_ZARR);
    case PXR_NODE_ZARR_STRIPE: return of_index(PXR_NODE_ZARR_FRAME, node.index / t->n_stripes);
    case PXR_NODE_ZARR_CHUNK: return of_index(PXR_NODE_ZARR_STRIPE, node.index);
    case PXR_NODE_NONE:
    case PXR_NODE_ROOT:
    case PXR_NODE_SERVICE:
    case PXR_NODE_STACK:
    case PXR_NODE_ZARR:
    case PXR_NODE_VIEW: break;
    }
    return of_kind(PXR_NODE_ROOT);
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
    uint64_t place;
    return pxr_node_holds_frames(t, folder, &view) && find_place(t, view, frame, &place) &&
           (folder.kind != PXR_NODE_FOLDER || place / PXR_FOLDER_FRAMES == folder.index);
}

uint64_t pxr_node_n_children(const struct pxr_fs_tree *t, struct pxr_node folder)
{
    enum pxr_view view;
    if (is_top_of_view(t, folder, &view))
        return n_companions(t, view) +
               (t->is_nested ? n_nested(t, view) : n_shown(t, view) * pxr_node_n_tiles(t, view));
    switch (folder.kind) {
    case PXR_NODE_ROOT: return t->n_views + t->n_stacks + t->has_zarr + 2u;
    case PXR_NODE_SERVICE: return t->is_single ? 2 : 1;
    case PXR_NODE_ZARR: return PXR_N_ZARR_FILES + n_stacked(t);
    case PXR_NODE_ZARR_FRAME: return t->n_stripes;
    case PXR_NODE_ZARR_STRIPE: return 1;
    case PXR_NODE_FOLDER:
        return pxr_min_u64(PXR_FOLDER_FRAMES, n_shown(t, folder.view) - folder.index * PXR_FOLDER_FRAMES) *
               pxr_node_n_tiles(t, folder.view);
    case PXR_NODE_NONE:
    case PXR_NODE_INFO:
    case PXR_NODE_STATS:
    case PXR_NODE_STACK:
    case PXR_NODE_ZARR_FILE:
    case PXR_NODE_ZARR_CHUNK:
    case PXR_NODE_VIEW:
    case PXR_NODE_FRAME:
    case PXR_NODE_TILE:
    case PXR_NODE_COMPANION: break;
    }
    return 0;
}

/* Views, stacks, zarr, info.json, .pixelrain. */
static struct pxr_node child_of_root(const struct pxr_fs_tree *t, uint64_t child)
{
    if (child < t->n_views)
        return (struct pxr_node){.kind = PXR_NODE_VIEW, .view = t->views[child]};
    child -= t->n_views;
    if (child < t->n_stacks)
        return of_index(PXR_NODE_STACK, t->stacks[child]);
    child -= t->n_stacks;
    if (t->has_zarr && child-- == 0)
        return of_kind(PXR_NODE_ZARR);
    return of_kind(child == 0 ? PXR_NODE_INFO : PXR_NODE_SERVICE);
}

/* A file among those of frames from some place on. */
static struct pxr_node file_at(const struct pxr_fs_tree *t, enum pxr_view view, uint64_t first_place, uint64_t file)
{
    const uint32_t n = pxr_node_n_tiles(t, view);
    return pxr_node_of_tile(t, view, frame_at(t, first_place + file / n), (uint32_t)(file % n));
}

struct pxr_node pxr_node_child(const struct pxr_fs_tree *t, struct pxr_node folder, uint64_t child)
{
    enum pxr_view view;
    if (is_top_of_view(t, folder, &view)) {
        if (child < n_companions(t, view))
            return (struct pxr_node){PXR_NODE_COMPANION, view, child};
        child -= n_companions(t, view);
        return t->is_nested ? (struct pxr_node){PXR_NODE_FOLDER, view, child} : file_at(t, view, 0, child);
    }
    if (folder.kind == PXR_NODE_FOLDER)
        return file_at(t, folder.view, folder.index * PXR_FOLDER_FRAMES, child);
    if (folder.kind == PXR_NODE_SERVICE)
        return of_kind(child ? PXR_NODE_INFO : PXR_NODE_STATS);
    if (folder.kind == PXR_NODE_ZARR)
        return child < PXR_N_ZARR_FILES
                   ? of_index(PXR_NODE_ZARR_FILE, child)
                   : of_index(PXR_NODE_ZARR_FRAME, child - PXR_N_ZARR_FILES);
    if (folder.kind == PXR_NODE_ZARR_FRAME)
        return of_index(PXR_NODE_ZARR_STRIPE, folder.index * t->n_stripes + child);
    if (folder.kind == PXR_NODE_ZARR_STRIPE)
        return of_index(PXR_NODE_ZARR_CHUNK, folder.index);
    return child_of_root(t, child);
}

uint64_t pxr_node_n_folders(const struct pxr_fs_tree *t, struct pxr_node folder)
{
    enum pxr_view view;
    if (is_top_of_view(t, folder, &view))
        return n_nested(t, view);
    if (folder.kind == PXR_NODE_ZARR)
        return n_stacked(t);
    if (folder.kind == PXR_NODE_ZARR_FRAME)
        return t->n_stripes;
    return folder.kind == PXR_NODE_ROOT ? t->n_views + t->has_zarr + 1u : 0;
}

/* The first frame of a nested folder, in as many digits as the last frame has, at least six: sorting by
 * text is then sorting by number. */
static void folder_name(const struct pxr_fs_tree *t, uint64_t folder, char dst[PXR_NODE_NAME_BYTES])
{
    const uint64_t end = frame_at(t, t->frames.n_frames);
    int digits = t->folder_digits ? t->folder_digits : 6;
    uint64_t limit = 1;
    for (int i = 0; i < digits; i++)
        limit *= 10;
    for (; end > limit && digits < 19; limit *= 10)
        digits++;
    snprintf(dst, PXR_NODE_NAME_BYTES, "%0*" PRIu64, digits, frame_at(t, folder * PXR_FOLDER_FRAMES));
}

char *pxr_node_name(const struct pxr_fs_tree *t, struct pxr_node node, char dst[PXR_NODE_NAME_BYTES])
{
    static const char *const zarr_files[PXR_N_ZARR_FILES] = {".zarray", ".zattrs"};
    const char *name = "";
    uint64_t number = node.index;
    switch (node.kind) {
    case PXR_NODE_FOLDER: folder_name(t, node.index, dst); return dst;
    case PXR_NODE_SERVICE: name = ".pixelrain"; break;
    case PXR_NODE_INFO: name = "info.json"; break;
    case PXR_NODE_STATS: name = "stats.json"; break;
    case PXR_NODE_STACK: name = pxr_stack_name((enum pxr_stack)node.index); break;
    case PXR_NODE_ZARR: name = "zarr"; break;
    case PXR_NODE_ZARR_FILE: name = zarr_files[node.index]; break;
    case PXR_NODE_VIEW: name = pxr_view_name(node.view); break;
    case PXR_NODE_COMPANION: name = t->companions[node.index]; break;
    case PXR_NODE_ZARR_CHUNK: name = "0"; break;
    case PXR_NODE_ZARR_STRIPE: snprintf(dst, PXR_NODE_NAME_BYTES, "%" PRIu64, number % t->n_stripes); return dst;
    case PXR_NODE_ZARR_FRAME: snprintf(dst, PXR_NODE_NAME_BYTES, "%" PRIu64, number); return dst;
    case PXR_NODE_NONE:
    case PXR_NODE_ROOT:
    case PXR_NODE_FRAME:
    case PXR_NODE_TILE: break;
    }
    snprintf(dst, PXR_NODE_NAME_BYTES, "%s", name);
    return dst;
}

/* False: not a number.  Leading zeros are allowed here. */
static bool parse_number(const char *name, uint64_t *number)
{
    *number = 0;
    for (const char *c = name; *c; c++)
        if (*c < '0' || *c > '9' || !pxr_mul_u64(*number, 10, number) ||
            !pxr_add_u64(*number, (uint64_t)(*c - '0'), number))
            return false;
    return *name != 0;
}

/* One of many children whose names are numbers; which one does the number say. */
static struct pxr_node find_numbered(const struct pxr_fs_tree *t, struct pxr_node folder, const char *name)
{
    char own_name[PXR_NODE_NAME_BYTES];
    enum pxr_view view;
    uint64_t child, place;
    if (!parse_number(name, &child))
        return of_kind(PXR_NODE_NONE);
    if (folder.kind == PXR_NODE_ZARR) {
        if (!pxr_add_u64(child, PXR_N_ZARR_FILES, &child))
            return of_kind(PXR_NODE_NONE);
    } else if (folder.kind != PXR_NODE_ZARR_FRAME) {
        if (!is_top_of_view(t, folder, &view) || !find_place(t, view, child, &place))
            return of_kind(PXR_NODE_NONE);
        child = place / PXR_FOLDER_FRAMES + n_companions(t, view);
    }
    if (child >= pxr_node_n_children(t, folder))
        return of_kind(PXR_NODE_NONE);
    const struct pxr_node found = pxr_node_child(t, folder, child);
    /* One spelling each: the name that a listing shows. */
    return strcmp(pxr_node_name(t, found, own_name), name) ? of_kind(PXR_NODE_NONE) : found;
}

struct pxr_node pxr_node_find(const struct pxr_fs_tree *t, struct pxr_node folder, const char *name)
{
    enum pxr_view view;
    char child_name[PXR_NODE_NAME_BYTES];
    uint64_t n = pxr_node_n_children(t, folder);
    if (folder.kind == PXR_NODE_ROOT && !strcmp(name, ".pixelrain"))
        return of_kind(PXR_NODE_SERVICE);
    if (is_top_of_view(t, folder, &view))
        for (unsigned i = 0; i < n_companions(t, view); i++)
            if (!strcmp(t->companions[i], name))
                return (struct pxr_node){PXR_NODE_COMPANION, view, i};
    if (pxr_node_holds_frames(t, folder, &view))
        return of_kind(PXR_NODE_NONE);
    if (is_top_of_view(t, folder, &view) || folder.kind == PXR_NODE_ZARR_FRAME)
        return find_numbered(t, folder, name);
    if (folder.kind == PXR_NODE_ZARR) {
        const struct pxr_node found = find_numbered(t, folder, name);
        if (found.kind != PXR_NODE_NONE)
            return found;
        n = PXR_N_ZARR_FILES;
    }
    for (uint64_t i = 0; i < n; i++) {
        const struct pxr_node child = pxr_node_child(t, folder, i);
        if (!strcmp(pxr_node_name(t, child, child_name), name))
            return child;
    }
    return of_kind(PXR_NODE_NONE);
}
