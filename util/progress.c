/* SPDX-License-Identifier: MIT
 * One line on standard error that says how far a long command is. */
#include "progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

double pxr_clock_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

char *pxr_human_bytes(char *dst, uint64_t n_bytes)
{
    static const char *const unit[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    double v = (double)n_bytes;
    unsigned i = 0;
    while (v >= 1023.5 && i < 5) {
        v /= 1024;
        i++;
    }
    snprintf(dst, 16, i && v < 99.95 ? "%.1f %s" : "%.0f %s", v, unit[i]);
    return dst;
}

void pxr_progress_init(struct pxr_progress *p, enum pxr_progress_mode mode, const char *verb,
                       const char *unit, uint64_t total)
{
    const bool is_terminal = isatty(STDERR_FILENO);
    *p = (struct pxr_progress){
        .is_shown = mode == PXR_PROGRESS_ON || (mode == PXR_PROGRESS_AUTO && is_terminal),
        .verb = verb,
        .unit = unit,
        .total = total,
        .start_s = pxr_clock_s(),
    };
}

void pxr_progress_show(struct pxr_progress *p, uint64_t n, uint64_t in_bytes, uint64_t out_bytes)
{
    if (!p->is_shown)
        return;
    const double now = pxr_clock_s(), spent = now - p->start_s;
    if (now - p->last_s < 0.2)
        return;
    p->last_s = now;
    char line[160], rest[48] = "", ratio[32] = "", of[32] = "";
    if (p->total)
        snprintf(of, sizeof of, "/%" PRIu64, p->total);
    if (p->total > n && n)
        snprintf(rest, sizeof rest, ", %.0f s left", spent / (double)n * (double)(p->total - n));
    if (out_bytes)
        snprintf(ratio, sizeof ratio, ", %.2fx", (double)in_bytes / (double)out_bytes);
    snprintf(line, sizeof line, "%s %" PRIu64 "%s %s, %.0f MB/s%s%s", p->verb, n, of, p->unit,
             spent > 0 ? (double)in_bytes / spent / 1e6 : 0, ratio, rest);
    fprintf(stderr, "\r%-78s", line);
    fflush(stderr);
}

void pxr_progress_clear(struct pxr_progress *p)
{
    if (p->is_shown && p->last_s > 0)
        fprintf(stderr, "\r%-78s\r", "");
    p->last_s = 0;
}

void pxr_progress_end(struct pxr_progress *p)
{
    pxr_progress_clear(p);
    p->is_shown = false;
}
