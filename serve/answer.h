/* SPDX-License-Identifier: MIT
 * What the streaming server says: requests as values, answers as bytes.  No sockets here.
 *
 * An archive's frames go out as pictures, files of the still formats, or VCBN envelopes of a region; beside them lives
 * one *array*, which the original ImgPack clients read and replace (docs/serve.md).  All functions may be called
 * from any thread; each caller brings a decoder of its own. */
#ifndef PXR_SERVE_ANSWER_H
#define PXR_SERVE_ANSWER_H

#include "buffer.h"
#include "pixelrain.h"
#include "vcbn.h"

#include <pthread.h>

enum pxr_ask {
    PXR_ASK_NOTHING = 0, /* the request was refused while it was parsed: status and text say why */
    PXR_ASK_PAGE,        /* a file of the viewer: page                                          */
    PXR_ASK_INFO,        /* what the archive holds, as JSON                                     */
    PXR_ASK_FRAME,       /* a frame as a file: frame, format; VCBN: region and step as well     */
    PXR_ASK_STREAM,      /* the same as VCBN, as an answer to a message of the viewer: seq      */
    PXR_ASK_ARRAY,       /* the array as an envelope                                            */
    PXR_ASK_SET_ARRAY,   /* body: {"data": [[...], ...]}                                        */
    PXR_ASK_SET_MODE,    /* body: {"dtype": ..., "bits": ...}                                   */
    PXR_ASK_UPLOAD,      /* body: a still (VCBN, DCI, PXS, PX2) that becomes the array          */
};

enum pxr_frame_format {
    PXR_FRAME_PNG = 0,
    PXR_FRAME_PGM,
    PXR_FRAME_RAW,
    PXR_FRAME_VCBN,
    PXR_FRAME_DCI,
    PXR_FRAME_PXS,
    PXR_FRAME_PX2,
    PXR_N_FRAME_FORMATS
};

/* In samples of the frame; width 0: the whole frame.  Every step-th sample in both directions. */
struct pxr_region {
    uint32_t x, y, width, height, step;
};

struct pxr_request {
    enum pxr_ask ask;
    uint16_t status; /* of HTTP, where ask is NOTHING */
    const char *text;
    const struct pxr_page *page;
    uint64_t frame, seq;
    enum pxr_frame_format format;
    struct pxr_region region;
    struct pxr_buffer body;
};

struct pxr_answer {
    uint16_t status;          /* of HTTP */
    const char *content_type; /* static */
    bool is_text;             /* a text message of WebSocket */
    struct pxr_buffer bytes;  /* PXR_ANSWER_HEADROOM unused bytes, then the body */
};
/* Room for what a transport puts before a message. */
enum { PXR_ANSWER_HEADROOM = 64 };

/* A file of the viewer, built into the program. */
struct pxr_page {
    const char *path, *content_type;
    const uint8_t *bytes;
    size_t n_bytes;
};
const struct pxr_page *pxr_page_find(const char *path); /* "/", "/viewer.js"; NULL: none */

struct pxr_serve {
    pxr_archive *archive; /* borrowed */
    struct pxr_archive_info info;
    uint16_t max_sample; /* of the archive's frames, as their maxval says */
    pthread_mutex_t lock; /* of what follows */
    struct pxr_vcbn_opts mode;
    void *array;
    enum pxr_vcbn_input array_type;
    uint32_t array_width_px, array_height_px;
};

/* The array begins as frame 0.  dialect: of the envelopes that carry it. */
enum pxr_err pxr_serve_init(struct pxr_serve *s, pxr_archive *archive, enum pxr_vcbn_dialect dialect,
                            struct pxr_diag *diag);
void pxr_serve_fini(struct pxr_serve *s);

/* A request line: method is "GET" or "POST", query what stands behind '?', or "". */
void pxr_request_of_http(struct pxr_request *out, const char *method, const char *path, const char *query);
/* A message of the viewer: {"frame": N, "seq": N, "region": [x, y, width, height], "step": N}. */
void pxr_request_of_message(struct pxr_request *out, const char *text, size_t n_bytes);
void pxr_request_fini(struct pxr_request *r);

/* A total function: whatever is asked, a is an answer; only where there is no memory even for a short one it has
 * no bytes and status 500.  a: zero-initialised; pxr_buffer_fini(&a->bytes) afterwards. */
void pxr_serve_answer(struct pxr_serve *s, pxr_decoder *decoder, const struct pxr_request *r,
                      struct pxr_answer *a);
/* A short answer of text. */
void pxr_answer_text(struct pxr_answer *a, uint16_t status, const char *content_type, const char *text,
                     size_t n_bytes);
/* {"ok": false, "error": text}; seq: of the message that it answers, or NULL. */
void pxr_answer_error(struct pxr_answer *a, uint16_t status, const uint64_t *seq, const char *text);

#endif
