/* SPDX-License-Identifier: MIT
 * What a format of frames says of itself.  A new one is a constant of this type, its name in
 * enum pxr_view and one line of the table in view.c. */
#ifndef PXR_VIEW_KIND_H
#define PXR_VIEW_KIND_H

#include "view_index.h"
#include "view_loan.h"
#include "view_rows.h"

/* A pixel in Pixel Stream files: its sample; it three times; its highest 5 bits three times, u16 be. */
enum pxr_view_stream_px { PXR_STREAM_PX_GRAY8, PXR_STREAM_PX_GRAY16, PXR_STREAM_PX_RGB, PXR_STREAM_PX_RGB15 };

/* A frame laid out as a file: everything about it but the samples. */
struct pxr_view_file {
    const struct pxr_frame_info *info;
    struct pxr_view_rows rows;
    uint64_t total_bytes;
    size_t head_bytes;    /* where the rows begin                                         */
    size_t scratch_bytes; /* that read() wants in scratch, beside what rows want          */
    uint8_t *scratch;     /* set before read(); 64-byte aligned                           */
    const struct pxr_index_entry *entry; /* what the view's index says; before lay_out()  */
    uint32_t tile;        /* of the frame's files; before lay_out(); 0: the only one       */
    /* of Pixel Stream files */
    enum pxr_view_stream_px stream_px;
    size_t px_bytes;
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
    const struct pxr_index_kind *index; /* lengths are those of the archive's index: lay_out() wants entry.  NULL: not  */
    /* Instead of read: append the whole file to out.  Files are kept for a while, since their parts are asked for. */
    enum pxr_err (*make)(struct pxr_view_file *f, struct pxr_buffer *out);
    /* Files of a frame, and what their names end with where there are several; NULL: one. */
    uint32_t (*n_tiles)(uint32_t width_px, uint32_t height_px);
    void (*tile_suffix)(uint32_t width_px, uint32_t tile, char dst[PXR_VIEW_SUFFIX_BYTES]);
    bool (*find_tile)(uint32_t width_px, const char *name, uint32_t *tile); /* which it may be; false: none */
    /* The name of a companion and, appended to out, its bytes; NULL: there are no more.  No memory: out stays empty. */
    const char *(*companion)(const void *state, unsigned companion, struct pxr_buffer *out);
    /* Why no frame of an archive has such a file: a clause for "no pxs view: ...", or NULL.
     * May be NULL: every archive has it. */
    const char *(*refusal)(const struct pxr_archive_info *archive);
};

extern const struct pxr_view_kind pxr_view_kind_png, pxr_view_kind_pgm, pxr_view_kind_raw,
    pxr_view_kind_tif, pxr_view_kind_npy, pxr_view_kind_preview, pxr_view_kind_vcbn, pxr_view_kind_px2,
    pxr_view_kind_pxs, pxr_view_kind_png_small, pxr_view_kind_dci, pxr_view_kind_pce;

/* An archive's frames, for formats that ask for no more than their geometry. */
struct pxr_frame_info pxr_view_any_frame(const struct pxr_archive_info *archive);

/* Bytes of a file that kind->make makes whole: as read() of a kind. */
enum pxr_err pxr_view_read_made(struct pxr_view_file *f, enum pxr_view v, const struct pxr_view_kind *kind,
                                uint64_t off_bytes, uint8_t *dst, size_t n_bytes);

#endif
