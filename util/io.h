/* SPDX-License-Identifier: MIT
 * The I/O seam: every byte of an archive goes through a struct pxr_io (include/pixelrain.h). */
#ifndef PXR_UTIL_IO_H
#define PXR_UTIL_IO_H

#include "pixelrain.h"

/* An open file together with its functions. */
struct pxr_file {
    struct pxr_io io;
    void *arg;
};

/* Open a regular file or block device for reading.  Directories and pipes are INVALID. */
enum pxr_err pxr_file_open(struct pxr_file *out, const char *path, struct pxr_diag *diag);
/* Open a regular file for reading and writing, as its only writer (lock.h): BUSY when there is another. */
enum pxr_err pxr_file_open_locked(struct pxr_file *out, const char *path, struct pxr_diag *diag);
/* Create a file that appears under path only when it is published: until then it has no name, or, where the file
 * system has no such files, a temporary one in the same directory.  BUSY (EEXIST) when path exists and overwrite is false. */
enum pxr_err pxr_file_create(struct pxr_file *out, const char *path, bool overwrite,
                             struct pxr_diag *diag);
/* A growing buffer in memory with the same functions; for tests and fuzzers.  publish, sync and
 * discard do nothing.  src may be NULL. */
enum pxr_err pxr_file_memory(struct pxr_file *out, const void *src, size_t src_bytes,
                             struct pxr_diag *diag);
/* The bytes of a pxr_file_memory; live until it is written or closed. */
const uint8_t *pxr_file_memory_bytes(const struct pxr_file *f, size_t *n_bytes);
void pxr_file_close(struct pxr_file *f); /* harmless on a zeroed one */

/* Exactly dst_bytes, or TRUNCATED with expected and found, or IO. */
enum pxr_err pxr_file_read(const struct pxr_file *f, uint64_t off_bytes, void *dst, size_t dst_bytes,
                           struct pxr_diag *diag);
enum pxr_err pxr_file_write(const struct pxr_file *f, uint64_t off_bytes, const void *src,
                            size_t src_bytes, struct pxr_diag *diag);
enum pxr_err pxr_file_bytes(const struct pxr_file *f, uint64_t *total, struct pxr_diag *diag);
enum pxr_err pxr_file_sync(const struct pxr_file *f, struct pxr_diag *diag);

/* Read a whole descriptor into fresh memory (pxr_free), at most max_bytes: LIMIT beyond it. */
enum pxr_err pxr_read_all(int fd, uint64_t max_bytes, uint8_t **out, size_t *out_bytes,
                          struct pxr_diag *diag);
/* Exactly n bytes from a descriptor unless it ends: *got says how many.  EINTR is retried. */
enum pxr_err pxr_read_fd(int fd, void *dst, size_t n_bytes, size_t *got, struct pxr_diag *diag);
/* At least one byte, and no more than there are at the moment; *got = 0 at the end. */
enum pxr_err pxr_read_some(int fd, void *dst, size_t n_bytes, size_t *got, struct pxr_diag *diag);
enum pxr_err pxr_write_fd(int fd, const void *src, size_t n_bytes, struct pxr_diag *diag);

#endif
