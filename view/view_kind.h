/* SPDX-License-Identifier: MIT
 * What a format of frames says of itself.  A new one is a constant of this type, its name in
 * enum pxr_view and one line of the table in view.c. */
#ifndef PXR_VIEW_KIND_H
#define PXR_VIEW_KIND_H

#include "view_index.h"
#include "view_loan.h"
#include "view_rows.h"

/* A frame laid out as a file: everything about it but the samples. */
struct pxr_view_file {
    const struct pxr_frame_info *info;
    struct pxr_view_rows rows;
    uint64_t total_bytes;
    size_t head_bytes;    /* where the rows begin                                         */
    size_t scratch_bytes; /* that read() wants in scratch, beside what rows want          */
    uint8_t *scratch;     /* set before read(); 64-byte aligned                           */
    const struct pxr_small_entry *entry; /* png-small: what its index says; before lay_out()  */
    /* of png alone */
    uint32_t n_bands;
    uint64_t chunk_bytes; /* of a full band's IDAT; the first one has 2 more              */
    uint64_t tail_off_bytes;
};

struct pxr_view_kind {
    const char *name;      /* of the folder and of the option: "png"                      */
    const char *extension; /* of its files                                                */
    /* Lay a frame out: everything in *f (which is zeroed, but for info) up to scratch_bytes.
     * False: this frame has no such file. */
    bool (*lay_out)(struct pxr_view_file *f);
    /* Bytes [off_bytes, off_bytes + n_bytes), which lie inside the file.  NULL: the file is its
     * head and then its rows. */
    enum pxr_err (*read)(struct pxr_view_file *f, uint64_t off_bytes, uint8_t *dst, size_t n_bytes);
    /* Where read is NULL: the head, all head_bytes of it.  NULL: there is none. */
    void (*store_head)(const struct pxr_view_file *f, uint8_t dst[PXR_VIEW_HEAD_BYTES]);
    bool is_indexed; /* lengths are those of the archive's index: lay_out() wants entry          */
    /* Why no frame of an archive has such a file: a clause for "no pxs view: ...", or NULL.
     * May be NULL: every archive has it. */
    const char *(*refusal)(const struct pxr_archive_info *archive);
};

extern const struct pxr_view_kind pxr_view_kind_png, pxr_view_kind_pgm, pxr_view_kind_raw,
    pxr_view_kind_tif, pxr_view_kind_npy, pxr_view_kind_preview, pxr_view_kind_vcbn, pxr_view_kind_px2,
    pxr_view_kind_pxs, pxr_view_kind_png_small;

/* An archive's frames, for formats that ask for no more than their geometry. */
struct pxr_frame_info pxr_view_any_frame(const struct pxr_archive_info *archive);

#endif
