/* SPDX-License-Identifier: MIT
 * The bytes of one input, in order and counted: what was taken from it before, then its descriptor.
 */
#include "source.h"

#include "alloc.h"
#include "bytes.h"
#include "diag.h"
#include "io.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUFFER_BYTES = 65536 };

enum pxr_err pxr_source_init(struct pxr_source *s, int fd, const uint8_t *head, size_t head_bytes,
                             struct pxr_diag *diag)
{
    *s = (struct pxr_source){.fd = fd, .diag = diag, .end_off_bytes = head_bytes};
    s->buffer = pxr_alloc(BUFFER_BYTES);
    if (!s->buffer)
        return pxr_fail_nomem(diag, BUFFER_BYTES);
    s->at = head_bytes ? head : s->buffer;
    s->end = s->at + head_bytes;
    return PXR_OK;
}

void pxr_source_fini(struct pxr_source *s)
{
    pxr_free(s->buffer);
    *s = (struct pxr_source){.fd = -1};
}

/* n bytes from the descriptor, fewer at its end; only called when nothing is buffered. */
static size_t take(struct pxr_source *s, void *dst, size_t n_bytes)
{
    size_t got = 0;
    if (s->has_ended)
        return 0;
    s->err = pxr_read_fd(s->fd, dst, n_bytes, &got, s->diag);
    if (s->err != PXR_OK && s->diag)
        s->diag->off_bytes = s->end_off_bytes + got;
    s->has_ended = got < n_bytes;
    s->end_off_bytes += got;
    return got;
}

bool pxr_source_fill(struct pxr_source *s)
{
    size_t got = 0;
    if (s->at != s->end)
        return true;
    s->at = s->end = s->buffer;
    if (s->has_ended)
        return false;
    /* What a pipe has now: a camera's frame must not wait for those that fill the buffer. */
    s->err = pxr_read_some(s->fd, s->buffer, BUFFER_BYTES, &got, s->diag);
    if (s->err != PXR_OK && s->diag)
        s->diag->off_bytes = s->end_off_bytes;
    s->has_ended = got == 0;
    s->end_off_bytes += got;
    s->end += got;
    return got > 0;
}

size_t pxr_source_read(struct pxr_source *s, void *dst, size_t n_bytes)
{
    size_t done = 0;
    while (done < n_bytes) {
        if (s->at == s->end && n_bytes - done >= BUFFER_BYTES)
            return done + take(s, (uint8_t *)dst + done, n_bytes - done);
        if (!pxr_source_fill(s))
            break;
        const size_t n = (size_t)pxr_min_u64((uint64_t)(s->end - s->at), n_bytes - done);
        memcpy((uint8_t *)dst + done, s->at, n);
        s->at += n;
        done += n;
    }
    return done;
}

uint64_t pxr_source_skip(struct pxr_source *s, uint64_t n_bytes)
{
    uint64_t done = 0;
    while (done < n_bytes && pxr_source_fill(s)) {
        const uint64_t n = pxr_min_u64((uint64_t)(s->end - s->at), n_bytes - done);
        s->at += n;
        done += n;
    }
    return done;
}

uint64_t pxr_source_left(const struct pxr_source *s)
{
    struct stat st;
    const off_t at = lseek(s->fd, 0, SEEK_CUR);
    if (at < 0 || fstat(s->fd, &st) || !S_ISREG(st.st_mode))
        return PXR_NONE;
    return (uint64_t)(s->end - s->at) + (st.st_size > at ? (uint64_t)(st.st_size - at) : 0);
}

/* Where the input begins in its file: the descriptor may have stood anywhere. */
static off_t file_start(const struct pxr_source *s)
{
    const off_t at = lseek(s->fd, 0, SEEK_CUR);
    return at < 0 || (uint64_t)at < s->end_off_bytes ? -1 : at - (off_t)s->end_off_bytes;
}

uint64_t pxr_source_file_bytes(const struct pxr_source *s)
{
    struct stat st;
    const off_t start = file_start(s);
    if (start < 0 || fstat(s->fd, &st) || !S_ISREG(st.st_mode))
        return PXR_NONE;
    return st.st_size > start ? (uint64_t)(st.st_size - start) : 0;
}

size_t pxr_source_read_at(struct pxr_source *s, uint64_t off_bytes, void *dst, size_t n_bytes)
{
    const off_t start = file_start(s);
    size_t done = 0;
    while (start >= 0 && done < n_bytes && s->err == PXR_OK) {
        const uint64_t at = off_bytes + done;
        if (at > (uint64_t)(INT64_MAX - start))
            break;
        const ssize_t k = pread(s->fd, (uint8_t *)dst + done, n_bytes - done, start + (off_t)at);
        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0)
            s->err = pxr_fail_sys(s->diag, pxr_err_from_errno(errno), errno, "cannot be read");
        if (k <= 0)
            break;
        done += (size_t)k;
    }
    return done;
}

enum pxr_err pxr_source_ended(struct pxr_source *s, const char *field, uint64_t expected,
                              uint64_t found, const char *text)
{
    if (s->err != PXR_OK)
        return s->err;
    return pxr_fail_field(s->diag, PXR_E_TRUNCATED, pxr_source_off(s), field, expected, found, "%s",
                          text);
}
