/* SPDX-License-Identifier: MIT
 * What the two halves of torture_hostile share: one forges archives and reads them, the other recovers and
 * appends to them. */
#ifndef PXR_TESTS_TORTURE_HOSTILE_H
#define PXR_TESTS_TORTURE_HOSTILE_H

#include "torture.h"

struct forged {
    uint8_t *bytes;
    size_t n;
};

/* Hashes of the samples of frames that were packed: no others may come out of recover. */
enum { MAX_TRUTHS = 160 };
struct truths {
    uint64_t hashes[MAX_TRUTHS];
    size_t n;
};

/* What a process of its own has seen; in memory that it shares. */
struct outcome {
    uint64_t cache_bytes, frame_bytes, group_bytes; /* what the archive needs, as far as it was read */
    uint64_t peak_bytes;                            /* of reading */
    uint64_t n_frames_read, is_open, has_failed;
    uint64_t made_bytes;                            /* of the file that was made, which lies in memory */
    uint64_t is_recovered, n_frames_recovered, n_frames_proved;
    uint64_t is_appended;
};

/* A reader may say that data are damaged, unsupported or beyond a limit; never that the machine or the caller failed. */
void expect_class(enum pxr_err e, const struct pxr_diag *d, const char *what, struct outcome *out);

/* Recover the archive, with a second copy if there is one: an error of the data, or a sound archive of frames that were
 * packed once, in one of the archives that this one was forged from. */
void recover_hostile(const struct forged *f, const struct forged *second, const struct truths *truths, size_t n_truths,
                     struct outcome *out);
/* Append to it: refused without changing a byte, or all that could be read before can be read, with what was added. */
void append_hostile(const struct forged *f, bool skips_tail, struct outcome *out);

#endif
