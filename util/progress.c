/* SPDX-License-Identifier: MIT
 * One line on standard error that says how far a long command is. */
#include "progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { BAR_CELLS = 10 };

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

char *pxr_human_seconds(char *dst, double seconds)
{
    if (seconds < 99.5)
        snprintf(dst, 24, "%.0f s", seconds);
    else if (seconds < 99.5 * 60)
        snprintf(dst, 24, "%.0f min", seconds / 60);
    else
        snprintf(dst, 24, "%.1f h", seconds < 1e9 ? seconds / 3600 : 1e9 / 3600);
    return dst;
}

static void draw_bar(char dst[BAR_CELLS + 4], uint64_t n, uint64_t total)
{
    const double part = n < total ? (double)n / (double)total : 1;
    char *c = dst;
    *c++ = '[';
    for (int i = 0; i < BAR_CELLS; i++)
        *c++ = i < (int)(part * BAR_CELLS) ? '#' : '.';
    *c++ = ']';
    *c++ = ' ';
    *c = 0;
}

void pxr_progress_show(struct pxr_progress *p, uint64_t n, uint64_t in_bytes, double ratio)
{
    if (!p->is_shown)
        return;
    const double now = pxr_clock_s(), spent = now - p->start_s;
    if (now - p->last_s < 0.2)
        return;
    p->last_s = now;
    char line[160], rest[48] = "", squeezed[32] = "", of[32] = "", bar[BAR_CELLS + 4] = "", left[24];
    if (p->total) {
        snprintf(of, sizeof of, "/%" PRIu64, p->total);
        draw_bar(bar, n, p->total);
    }
    if (p->total > n && n)
        snprintf(rest, sizeof rest, ", %s left", pxr_human_seconds(left, spent / (double)n * (double)(p->total - n)));
    if (ratio > 0)
        snprintf(squeezed, sizeof squeezed, ", %.2fx", ratio);
    snprintf(line, sizeof line, "%s %s%" PRIu64 "%s %s, %.0f MB/s%s%s", p->verb, bar, n, of, p->unit,
             spent > 0 ? (double)in_bytes / spent / 1e6 : 0, squeezed, rest);
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
