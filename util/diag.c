/* SPDX-License-Identifier: MIT
 * Filling in a diagnostic: what failed, where, what was expected and what was found. */
#include "diag.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *pxr_err_text(enum pxr_err e)
{
    switch (e) {
    case PXR_OK: return "no error";
    case PXR_E_INVALID: return "invalid argument";
    case PXR_E_STATE: return "not possible in this state";
    case PXR_E_RANGE: return "out of range";
    case PXR_E_NOMEM: return "out of memory";
    case PXR_E_IO: return "input/output error";
    case PXR_E_NOSPACE: return "no space left";
    case PXR_E_BUSY: return "in use";
    case PXR_E_CHANGED: return "the archive was replaced";
    case PXR_E_CORRUPT: return "damaged data";
    case PXR_E_TRUNCATED: return "data ends too early";
    case PXR_E_NOTPXR: return "unknown file format";
    case PXR_E_MISMATCH: return "does not match";
    case PXR_E_UNSUPPORTED: return "not supported";
    case PXR_E_LIMIT: return "beyond a limit";
    }
    return "unknown error";
}

int pxr_err_errno(enum pxr_err e)
{
    switch (e) {
    case PXR_OK: return 0;
    case PXR_E_INVALID:
    case PXR_E_STATE:
    case PXR_E_RANGE: return EINVAL;
    case PXR_E_NOMEM: return ENOMEM;
    case PXR_E_NOSPACE: return ENOSPC;
    case PXR_E_BUSY: return EBUSY;
    case PXR_E_CHANGED: return ESTALE;
    case PXR_E_LIMIT: return EFBIG;
    case PXR_E_IO:
    case PXR_E_CORRUPT:
    case PXR_E_TRUNCATED:
    case PXR_E_NOTPXR:
    case PXR_E_MISMATCH:
    case PXR_E_UNSUPPORTED: break;
    }
    return EIO;
}

int pxr_err_exit(enum pxr_err e)
{
    if (e == PXR_OK)
        return 0;
    if (e < PXR_E_NOMEM)
        return 2;
    if (e < PXR_E_CORRUPT)
        return 3;
    if (e < PXR_E_UNSUPPORTED)
        return 1;
    return e < PXR_E_LIMIT ? 4 : 5;
}

enum pxr_err pxr_err_from_errno(int sys_errno)
{
    switch (sys_errno) {
    case ENOSPC:
    case EDQUOT: return PXR_E_NOSPACE;
    case ENOMEM: return PXR_E_NOMEM;
    case EBUSY:
    case EWOULDBLOCK: return PXR_E_BUSY;
    case ESTALE: return PXR_E_CHANGED;
    default: return PXR_E_IO;
    }
}

void pxr_diag_clear(struct pxr_diag *diag)
{
    if (!diag)
        return;
    memset(diag, 0, sizeof *diag);
    diag->off_bytes = diag->frame = diag->block = PXR_NONE;
}

static void fill(struct pxr_diag *diag, enum pxr_err e, uint64_t off_bytes, const char *text,
                 va_list args)
{
    if (!diag)
        return;
    pxr_diag_clear(diag);
    diag->code = e;
    diag->off_bytes = off_bytes;
    vsnprintf(diag->text, sizeof diag->text, text, args);
}

enum pxr_err pxr_fail(struct pxr_diag *diag, enum pxr_err e, const char *text, ...)
{
    va_list args;
    va_start(args, text);
    fill(diag, e, PXR_NONE, text, args);
    va_end(args);
    return e;
}

enum pxr_err pxr_fail_at(struct pxr_diag *diag, enum pxr_err e, uint64_t off_bytes, const char *text,
                         ...)
{
    va_list args;
    va_start(args, text);
    fill(diag, e, off_bytes, text, args);
    va_end(args);
    return e;
}

enum pxr_err pxr_fail_field(struct pxr_diag *diag, enum pxr_err e, uint64_t off_bytes,
                            const char *field, uint64_t expected, uint64_t found, const char *text,
                            ...)
{
    va_list args;
    va_start(args, text);
    fill(diag, e, off_bytes, text, args);
    va_end(args);
    if (diag) {
        snprintf(diag->field, sizeof diag->field, "%s", field);
        diag->has_values = true;
        diag->expected = expected;
        diag->found = found;
    }
    return e;
}

enum pxr_err pxr_fail_sys(struct pxr_diag *diag, enum pxr_err e, int sys_errno, const char *text, ...)
{
    va_list args;
    va_start(args, text);
    fill(diag, e, PXR_NONE, text, args);
    va_end(args);
    if (diag)
        diag->sys_errno = sys_errno;
    return e;
}

enum pxr_err pxr_fail_nomem(struct pxr_diag *diag, uint64_t bytes)
{
    return pxr_fail(diag, PXR_E_NOMEM, "no memory for %" PRIu64 " bytes", bytes);
}

enum pxr_err pxr_diag_in_file(struct pxr_diag *diag, enum pxr_err e, const char *path)
{
    if (!diag || e == PXR_OK || !path || diag->file[0])
        return e;
    const size_t n = strlen(path), room = sizeof diag->file - 1;
    if (n <= room)
        memcpy(diag->file, path, n + 1);
    else
        snprintf(diag->file, sizeof diag->file, "...%s", path + (n - (room - 3)));
    return e;
}

enum pxr_err pxr_diag_in_frame(struct pxr_diag *diag, enum pxr_err e, uint64_t frame)
{
    if (diag && e != PXR_OK && diag->frame == PXR_NONE)
        diag->frame = frame;
    return e;
}

enum pxr_err pxr_diag_in_block(struct pxr_diag *diag, enum pxr_err e, uint64_t frame, uint64_t block)
{
    if (diag && e != PXR_OK && diag->block == PXR_NONE)
        diag->block = block;
    return pxr_diag_in_frame(diag, e, frame);
}

char *pxr_diag_line(const struct pxr_diag *diag, char *dst, size_t dst_bytes)
{
    size_t n = 0;
    dst[0] = 0;
#define ADD(...)                                                                                   \
    do {                                                                                           \
        const int k = snprintf(dst + n, dst_bytes - n, __VA_ARGS__);                               \
        n = k < 0 ? n : (size_t)k < dst_bytes - n ? n + (size_t)k : dst_bytes - 1;                 \
    } while (0)
    if (diag->file[0])
        ADD("%s: ", diag->file);
    ADD("%s", diag->text[0] ? diag->text : pxr_err_text(diag->code));
    const char *open = " (";
    if (diag->frame != PXR_NONE) {
        ADD("%sframe %" PRIu64, open, diag->frame);
        open = ", ";
    }
    if (diag->block != PXR_NONE) {
        ADD("%sblock %" PRIu64, open, diag->block);
        open = ", ";
    }
    if (diag->off_bytes != PXR_NONE) {
        ADD("%soffset %" PRIu64, open, diag->off_bytes);
        open = ", ";
    }
    if (diag->has_values) {
        ADD("%s%s%sexpected %" PRIu64 ", found %" PRIu64, open, diag->field,
            diag->field[0] ? ": " : "", diag->expected, diag->found);
        open = ", ";
    }
    if (open[0] == ',')
        ADD(")");
    if (diag->sys_errno)
        ADD(": %s", strerror(diag->sys_errno));
#undef ADD
    return dst;
}
