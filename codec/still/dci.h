/* SPDX-License-Identifier: MIT
 * Dichotomic Compression: pictures cut in halves until each part is nearly flat.
 *
 * A picture is halved across its longer side, and its halves again, until the range of samples in a part is at
 * most a threshold; each part is stored as its colour and how often it was halved.  After G. Ascari's
 * dichotomic-compression, whose version numbers meant other layouts later; this reads and writes all of them (docs/dci.md).
 *
 * Everything here is pure memory and may be called from any thread. */
#ifndef PXR_CODEC_DCI_H
#define PXR_CODEC_DCI_H

#include "buffer.h"
#include "pixelrain.h"

enum pxr_dci_layout {
    PXR_DCI_AUTO = 0,         /* reading: find out; writing: V2 */
    PXR_DCI_V1 = 1,           /* version 1, sides big endian, parts with their sides, at most 256 x 256 */
    PXR_DCI_V2 = 2,           /* version 2, parts with their number of halvings */
    PXR_DCI_V3 = 3,           /* version 3, the same in 28 bits: 7 for each channel */
    PXR_DCI_LATE1 = 4,        /* version 1 again, like V2 */
    PXR_DCI_LATE2_PLANAR = 5, /* version 2 again, the channels one behind the other, each with its own parts */
    PXR_DCI_N_LAYOUTS = 6
};

/* The colour of a part. */
enum pxr_dci_average {
    PXR_DCI_AVERAGE_ORIGINAL = 0, /* as the layout's own program: V1 and V3 exact, the others compat */
    PXR_DCI_AVERAGE_COMPAT = 1,   /* a sum of rounded quotients, as the C programs add them up: one level low at times,
                                     even where the part is flat, so that threshold 0 is not lossless */
    PXR_DCI_AVERAGE_EXACT = 2,    /* the sum divided by the area, rounded down */
};

enum { PXR_DCI_HEADER_BYTES = 10, PXR_DCI_MAX_SIDE_PX = 65535, PXR_DCI_MAX_PX = 1 << 28 };

/* "v1", "v2", "v3", "late1", "late2-planar"; NULL: no such layout. */
const char *pxr_dci_layout_name(enum pxr_dci_layout layout);
bool pxr_dci_layout_find(const char *name, enum pxr_dci_layout *out);

/* 8-bit samples: n_channels 1 is gray, 3 is R, G, B. */
struct pxr_dci_picture {
    const uint8_t *pixels; /* borrowed */
    size_t stride_bytes;
    uint32_t width_px, height_px;
    uint8_t n_channels;
};
struct pxr_dci_opts {
    enum pxr_dci_layout layout;
    enum pxr_dci_average average;
    uint8_t threshold; /* largest range of the samples of a part; of colour, of the mean of the three ranges */
};

/* Append the file of a picture to out.  On gray, with exact averages and any layout but V3, no sample is off by more
 * than the threshold; V3 keeps 7 bits.  Takes one byte for each pixel.
 * INVALID: options; LIMIT: more than 65535 pixels wide or high, or 2^28 in all; NOMEM; out then keeps its length. */
enum pxr_err pxr_dci_encode(struct pxr_buffer *out, const struct pxr_dci_picture *picture,
                            const struct pxr_dci_opts *o, struct pxr_diag *diag);

struct pxr_dci_info {
    enum pxr_dci_layout layout;
    uint8_t threshold; /* as the header says; decoding does not need it */
    uint32_t width_px, height_px;
    uint64_t n_records; /* parts; of planes, of all three */
    bool is_gray;       /* no part is coloured; of planes, the three are the same bytes */
};

/* Check a whole file without decoding it: its parts must tile the picture.  Takes 8 bytes for each column.
 * layout: AUTO, or what the file is known to be.
 * TRUNCATED; CORRUPT: diag says which part does not fit; UNSUPPORTED: no version that is known; MISMATCH: not the
 * version of that layout; LIMIT; NOMEM. */
enum pxr_err pxr_dci_parse(struct pxr_dci_info *out, const uint8_t *src, size_t n_bytes, enum pxr_dci_layout layout,
                           struct pxr_diag *diag);
/* Decode a file that pxr_dci_parse has accepted, with what it said.  n_channels: 3, or 1 where info->is_gray, else
 * INVALID.  Rows start stride_bytes apart.  NOMEM; CORRUPT where src is not what was parsed: the rows are then zero. */
enum pxr_err pxr_dci_decode(const struct pxr_dci_info *info, const uint8_t *src, size_t n_bytes, uint8_t *pixels,
                            size_t stride_bytes, uint8_t n_channels, struct pxr_diag *diag);

#endif
