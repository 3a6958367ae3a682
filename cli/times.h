/* SPDX-License-Identifier: MIT
 * Time stamps of frames, from their names or from a table. */
#ifndef PXR_CLI_TIMES_H
#define PXR_CLI_TIMES_H

#include "pixelrain.h"

#include "buffer.h"

/* ---- from names ------------------------------------------------------------------------------ */

/* Whether a pattern says when: INVALID with a sentence where it does not.  %Y %m %d %j %H %M %S are digits
 * of fixed number, %f a fraction of a second, %s seconds since 1970, %3s, %6s, %9s milli-, micro- and
 * nanoseconds since then; * stands for any characters, ? for one, %% for %. */
enum pxr_err pxr_time_pattern_check(const char *pattern, struct pxr_diag *diag);
/* The time in a name that matches as a whole: MISMATCH where it does not, or no such time exists.  The
 * pattern must have been checked. */
enum pxr_err pxr_time_pattern_match(const char *pattern, const char *name, int64_t *time_ns,
                                    struct pxr_diag *diag);

/* ---- from a table ---------------------------------------------------------------------------- */

struct pxr_time_row {
    uint64_t name_off; /* in names; in a table without names: 0 */
    uint64_t line;
    int64_t time_ns;
};

/* Zero-initialise. */
struct pxr_times {
    struct pxr_time_row *rows; /* with names: sorted by them */
    size_t n_rows, capacity;
    struct pxr_buffer names, text;
    bool has_names;
};

/* Read lines "TIME" or "NAME,TIME" (util/timetext.h); the first line may be a heading.  Names may stand in
 * double quotes.  CORRUPT names the line; IO, NOMEM, LIMIT. */
enum pxr_err pxr_times_load(struct pxr_times *t, const char *path, struct pxr_diag *diag);
/* The time of a frame: by its name, or, in a table without names, of the number-th picture.  MISMATCH:
 * the table has none. */
enum pxr_err pxr_times_find(const struct pxr_times *t, const char *name, uint64_t number, int64_t *time_ns,
                            struct pxr_diag *diag);
void pxr_times_fini(struct pxr_times *t);

#endif
