/* SPDX-License-Identifier: MIT
 * Filling in a diagnostic: what failed, where, what was expected and what was found. */
#ifndef PXR_UTIL_DIAG_H
#define PXR_UTIL_DIAG_H

#include "pixelrain.h"

/* Each of these resets diag, fills it and returns e, so that failing is one statement:
 *     return pxr_fail_field(diag, PXR_E_CORRUPT, off, "n_units", 1, n, "a block has at least one unit");
 * diag may be NULL.  text is a printf format, without a newline. */
enum pxr_err pxr_fail(struct pxr_diag *diag, enum pxr_err e, const char *text, ...)
    __attribute__((format(printf, 3, 4)));
enum pxr_err pxr_fail_at(struct pxr_diag *diag, enum pxr_err e, uint64_t off_bytes, const char *text,
                         ...) __attribute__((format(printf, 4, 5)));
enum pxr_err pxr_fail_field(struct pxr_diag *diag, enum pxr_err e, uint64_t off_bytes,
                            const char *field, uint64_t expected, uint64_t found, const char *text,
                            ...) __attribute__((format(printf, 7, 8)));
enum pxr_err pxr_fail_sys(struct pxr_diag *diag, enum pxr_err e, int sys_errno, const char *text,
                          ...) __attribute__((format(printf, 4, 5)));
enum pxr_err pxr_fail_nomem(struct pxr_diag *diag, uint64_t bytes);

/* Add what only the caller knows to a diagnostic that is already filled; all return diag->code. */
enum pxr_err pxr_diag_in_file(struct pxr_diag *diag, enum pxr_err e, const char *path);
enum pxr_err pxr_diag_in_frame(struct pxr_diag *diag, enum pxr_err e, uint64_t frame);
enum pxr_err pxr_diag_in_block(struct pxr_diag *diag, enum pxr_err e, uint64_t frame, uint64_t block);

void pxr_diag_clear(struct pxr_diag *diag);
/* ENOSPC and EDQUOT are NOSPACE, ENOMEM is NOMEM, EBUSY is BUSY, ESTALE is CHANGED, the rest is IO. */
enum pxr_err pxr_err_from_errno(int sys_errno);

#endif
