/* SPDX-License-Identifier: MIT
 * One line on standard error that says how far a long command is. */
#ifndef PXR_UTIL_PROGRESS_H
#define PXR_UTIL_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct pxr_progress {
    bool is_shown;
    const char *verb;      /* "packed" */
    const char *unit;      /* "frames" */
    uint64_t total;        /* 0: unknown */
    double start_s, last_s;
};

enum pxr_progress_mode { PXR_PROGRESS_AUTO, PXR_PROGRESS_ON, PXR_PROGRESS_OFF };

/* AUTO shows the line only when standard error is a terminal. */
void pxr_progress_init(struct pxr_progress *p, enum pxr_progress_mode mode, const char *verb,
                       const char *unit, uint64_t total);
/* n done so far, of in_bytes; ratio 0: none is shown, as long as nothing was written for instance.  Prints at
 * most 5 times a second. */
void pxr_progress_show(struct pxr_progress *p, uint64_t n, uint64_t in_bytes, double ratio);
/* "45 s", "12 min", "3.4 h": returns dst, which needs 24 bytes. */
char *pxr_human_seconds(char *dst, double seconds);
/* Erase the line, so that the next message stands alone; the next show prints it anew. */
void pxr_progress_clear(struct pxr_progress *p);
/* Erase the line for good. */
void pxr_progress_end(struct pxr_progress *p);

/* Seconds of a clock that only goes forward. */
double pxr_clock_s(void);
/* "3.21 GiB": returns dst, which needs 16 bytes. */
char *pxr_human_bytes(char *dst, uint64_t n_bytes);

#endif
