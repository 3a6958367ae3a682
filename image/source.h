/* SPDX-License-Identifier: MIT
 * The bytes of one input, in order and counted: what was taken from it before, then its descriptor.
 */
#ifndef PXR_IMAGE_SOURCE_H
#define PXR_IMAGE_SOURCE_H

#include "pixelrain.h"

/* Reading never seeks, so a pipe is as good as a file.  The end of the input and a failed read both
 * look like "no more bytes"; pxr_source_ended turns them into the right error. */
struct pxr_source {
    int fd;
    const uint8_t *at, *end; /* taken from the descriptor and not handed out yet */
    uint64_t end_off_bytes;  /* place of *end in the input                       */
    uint8_t *buffer;
    bool has_ended;
    enum pxr_err err; /* of the descriptor; stays, and diag is filled */
    struct pxr_diag *diag;
};

/* head is borrowed until fini.  fini is harmless on a zeroed source; it does not close fd. */
enum pxr_err pxr_source_init(struct pxr_source *s, int fd, const uint8_t *head, size_t head_bytes,
                             struct pxr_diag *diag);
void pxr_source_fini(struct pxr_source *s);

/* Make at least one byte available at s->at; false: there is none. */
bool pxr_source_fill(struct pxr_source *s);

/* The next byte, or -1. */
static inline int pxr_source_peek(struct pxr_source *s)
{
    return s->at == s->end && !pxr_source_fill(s) ? -1 : *s->at;
}
static inline int pxr_source_next(struct pxr_source *s)
{
    return s->at == s->end && !pxr_source_fill(s) ? -1 : *s->at++;
}
/* Place of the next byte in the input. */
static inline uint64_t pxr_source_off(const struct pxr_source *s)
{
    return s->end_off_bytes - (uint64_t)(s->end - s->at);
}

/* Both return how many bytes there were: fewer than asked only at the end. */
size_t pxr_source_read(struct pxr_source *s, void *dst, size_t n_bytes);
uint64_t pxr_source_skip(struct pxr_source *s, uint64_t n_bytes);

/* Bytes from the next one to the end; PXR_NONE where only reading can tell. */
uint64_t pxr_source_left(const struct pxr_source *s);

/* Read at a place of a regular file, wherever reading in order stands; fewer bytes only at its end or
 * on an error (s->err).  Places count from where the input begins.  Only where file_bytes is not PXR_NONE. */
size_t pxr_source_read_at(struct pxr_source *s, uint64_t off_bytes, void *dst, size_t n_bytes);
/* Length of the whole input; PXR_NONE where it is no regular file. */
uint64_t pxr_source_file_bytes(const struct pxr_source *s);

/* After a short read: the descriptor's error if it had one, else TRUNCATED at the end of the input.
 */
enum pxr_err pxr_source_ended(struct pxr_source *s, const char *field, uint64_t expected,
                              uint64_t found, const char *text);

#endif
