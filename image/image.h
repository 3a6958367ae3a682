/* SPDX-License-Identifier: MIT
 * Foreign image formats: a reader takes a descriptor and hands frames to a callback. */
#ifndef PXR_IMAGE_H
#define PXR_IMAGE_H

#include "pixelrain.h"

enum pxr_image_format {
    PXR_IMAGE_UNKNOWN = 0,
    PXR_IMAGE_PNG, /* any number of files one behind the other, as ffmpeg's image2pipe writes */
    PXR_IMAGE_PNM, /* P1..P6, any number of pictures one behind the other */
    PXR_IMAGE_Y4M,
    PXR_IMAGE_NPY, /* any number of arrays one behind the other           */
    PXR_IMAGE_TIFF, /* any number of pages; only from a regular file; may be left out of a build */
    PXR_IMAGE_SER, /* gray, or the mosaic of a colour camera as it is        */
    PXR_IMAGE_FITS, /* images and cubes in all units, uncompressed              */
    PXR_IMAGE_STILL, /* not read here: the still formats of codec/, which cli/ reads */
    PXR_IMAGE_RAW, /* headerless; described by struct pxr_image_opts      */
};

/* How samples of less than whole bytes are packed.  Frames begin with a new byte, rows do not. */
enum pxr_packing {
    PXR_PACKING_NONE = 0,
    PXR_PACKING_LSB,  /* a stream of bits, from the low bit of each byte on: GenICam PFNC "Mono10p", "Mono12p" */
    PXR_PACKING_GIGE, /* two samples in three bytes: GigE Vision "Mono10Packed", "Mono12Packed"           */
};
enum pxr_sample_order { PXR_ORDER_OF_HEADER = 0, PXR_ORDER_LITTLE_ENDIAN, PXR_ORDER_BIG_ENDIAN };

/* One picture.  Borrowed for the call.  Samples are those of the file, never scaled, with two
 * exceptions, which follow what every reader of the format shows: PNG and TIFF of 1, 2 or 4 bits are
 * expanded to 8 by replication, and in P1, P4 and TIFF of "min is white" the largest value is white. */
struct pxr_image {
    uint32_t width_px, height_px;
    uint8_t bits;    /* container: 8 or 16                                                      */
    uint8_t sbit;    /* sBIT of a PNG; the depth of PNG and TIFF where it is 1, 2 or 4; 1 of P1, P4; else 0 */
    uint16_t maxval; /* of a PNM (P1, P4: 255); 2^bits - 1 of PNG, NPY, FITS (signed 16 bit: 32767); 2^N - 1 of N-bit raw, Y4M, TIFF, SER
                        (its full container from where the data are larger);
                        no sample exceeds it                                                    */
    uint8_t n_channels; /* 1 unless channels are kept: then 2: gray, alpha; 3: RGB; 4: RGB, alpha; interleaved */
    const void *pixels; /* native byte order */
    size_t stride_bytes;
    uint64_t number; /* within its input, from 0 */
    bool has_time;   /* the input itself says when the picture was taken */
    int64_t time_ns; /* since 1970-01-01 UTC                             */
    const char *warning; /* what the user should know about the input, found with this picture; or NULL */
};

/* Not PXR_OK ends the reading with that error; the callback fills diag. */
typedef enum pxr_err pxr_image_fn(void *arg, const struct pxr_image *image, struct pxr_diag *diag);

struct pxr_image_opts {
    uint64_t max_frame_px;   /* 0: 2^28 */
    uint64_t max_file_bytes; /* of one PNG; 0: 4 GiB */
    bool luma; /* turn colour into luma: (2126 R + 7152 G + 722 B + 5000) / 10000, rounded down
                  (Rec. 709 weights); Y4M: take the Y plane as it is */
    enum pxr_sample_order ser_order; /* which one a SER's samples have, whatever its header says */
    bool keep_channels; /* hand colour and transparency on as they are: PNG, PNM.  A palette becomes RGB, alpha */
    /* raw: */
    uint32_t raw_width_px, raw_height_px;
    uint8_t raw_bits; /* 1..16: significant bits; the container is 8 up to 8, else 16 */
    bool raw_is_big_endian;
    enum pxr_packing raw_packing;
    uint64_t raw_skip_bytes;   /* before the first frame */
    uint64_t raw_stride_bytes; /* from the start of a frame to the next; 0: frames are adjacent.
                                  Behind the last frame the gap may be cut or missing */
};

/* By the first bytes (at least 8 where the file has them).  A file that was cut within its magic
 * number is still detected by two bytes of it. */
enum pxr_image_format pxr_image_detect(const uint8_t *head, size_t head_bytes);

/* Read every picture of a descriptor that stands at its beginning: a file or a pipe.  head holds
 * bytes that the caller has already taken from it (for detection), or head_bytes = 0.  The memory
 * needed is that of one frame and some rows, however long the input; it is taken as data arrive.
 *
 * RGB and palettes are fine where R = G = B in every pixel, alpha where every pixel is opaque.
 * Behind a single PNG anything may follow; behind the last of a stream, and behind PNM pictures
 * (white space apart), it is an error.
 *
 * Errors come after the pictures before them have been handed out.  diag->frame is the picture's
 * number unless it is the first.
 * NOTPXR: not of this format.  CORRUPT: diag->off_bytes is the place of the wrong sample or field;
 * in a PNG, how much has been read when it was noticed.  TRUNCATED: off_bytes is the end of the
 * input, expected and found count the bytes (plain PNM: samples) of the part that is cut.  An input
 * without any frame is TRUNCATED.  MISMATCH: colour where luma was not asked for, transparency; the
 * text names the first such pixel (of an interlaced PNG: the first in the file) and the option.
 * UNSUPPORTED; LIMIT; INVALID: the options of raw samples; IO; NOMEM. */
enum pxr_err pxr_image_read(int fd, const uint8_t *head, size_t head_bytes,
                            enum pxr_image_format format, const struct pxr_image_opts *opts,
                            pxr_image_fn *each, void *arg, struct pxr_diag *diag);

/* "WxHxBITS[le|be|p|packed]", as of --raw; le where nothing is said.  p: 1 to 15 bits but 8, packed from the
 * low bit on; packed: 10 or 12 bits, two in three bytes.  Sets width, height, bits, byte order and packing of opts; INVALID leaves it as it was. */
enum pxr_err pxr_image_parse_raw(const char *text, struct pxr_image_opts *opts,
                                 struct pxr_diag *diag);

#endif
