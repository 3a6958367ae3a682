/* SPDX-License-Identifier: MIT
 * Numbers of docs/format.md that more than one file needs. */
#ifndef PXR_INDEX_LAYOUT_H
#define PXR_INDEX_LAYOUT_H

#include <stdint.h>

#define PXR_MAGIC "\x89PXR\r\n\x1a\n"
#define PXR_MARKER "\xD6PXR"

enum {
    PXR_FORMAT_VERSION = 1,

    PXR_SUPERBLOCK_BYTES = 128,    /* section 4 */
    PXR_SUPERBLOCK_ID_PREFIX = 72, /* bytes that the archive id covers */
    PXR_REFUSE_NEAR_LOSSLESS = 1,  /* features_refuse */

    PXR_RECORD_HEADER_BYTES = 48, /* section 5 */
    PXR_RECORD_TRAILER_BYTES = 8,
    PXR_RECORD_GROUP = 1,
    PXR_RECORD_INDEX = 2,
    PXR_RECORD_COMMIT = 3,
    PXR_RECORD_SKIP = 4,
    PXR_RECORD_PARITY = 5,

    PXR_GROUP_HEADER_BYTES = 40, /* section 6; then the table of payload offsets */
    PXR_GROUP_MAX_FRAMES = 65535,

    PXR_PAGE_HEADER_BYTES = 8, /* section 7 */
    PXR_PAGE_FRAMES = 1,
    PXR_PAGE_DIR_LEAF = 2,
    PXR_PAGE_DIR_NODE = 3,
    PXR_PAGE_NAME_LEAF = 4,
    PXR_PAGE_NAME_NODE = 5,
    PXR_PAGE_ROOT = 6,
    PXR_PAGE_META = 7,
    PXR_PAGE_VIEW_INDEX = 8,
    PXR_PAGE_VIEW_ENTRIES = 9,
    PXR_TREE_FANOUT = 64,
    PXR_TREE_MAX_LEVEL = 15,
    PXR_NODE_ENTRY_BYTES = 40,

    PXR_FRAMES_HEADER_BYTES = 24, /* section 8 */
    PXR_FRAMES_SUMS_BYTES = 12,
    PXR_FRAMES_HAS_TIME = 1,
    PXR_FRAMES_HAS_META = 2,
    PXR_FRAMES_HAS_DEPTH = 4,
    PXR_RUN_BYTES = 16,

    PXR_DIR_ENTRY_BYTES = 56,  /* section 9 */
    PXR_NAME_ENTRY_BYTES = 32, /* section 10 */

    PXR_ROOT_BYTES = 80, /* section 11 */
    PXR_ROOT_TABLE_BYTES = 32,
    PXR_ROOT_MAX_TABLES = 64,
    PXR_ROOT_VIEW_INDEX_BYTES = 32,
    PXR_ROOT_MAX_VIEW_INDEXES = 16,
    PXR_VIEW_INDEX_HEADER_BYTES = 32,
    PXR_VIEW_INDEX_REF_BYTES = 16,
    PXR_VIEW_ENTRIES_HEADER_BYTES = 16,
    PXR_VIEW_INDEX_PNG_SMALL = 1, /* of which view */
    PXR_VIEW_INDEX_DCI = 2,
    PXR_VIEW_INDEX_PCE = 3,

    PXR_COMMIT_BODY_BYTES = 176, /* section 12 */
    PXR_COMMIT_RECORD_BYTES = 232,

    PXR_PARITY_HEAD_BYTES = 256, /* section 17 */
    PXR_PARITY_COPIES = 3, /* of head and table */
    PXR_PARITY_CELL_BYTES = 4096,
    PXR_PARITY_MAX_DATA = 200,  /* shards of data           */
    PXR_PARITY_MAX_SHARDS = 255, /* with those of parity     */
    PXR_PARITY_MAX_CELLS = 32768, /* parity cells of a record */
};

#define PXR_PARITY_MARKER "PXPARITY"
#define PXR_PARITY_MAX_SPAN_BYTES ((uint64_t)1 << 26)
#define PXR_COMMIT_WINDOW_BYTES ((uint64_t)1 << 30)
#define PXR_NO_TIME INT64_MIN

#endif
