/* SPDX-License-Identifier: MIT
 * What the mount has to say: on standard error in the foreground, to syslog as a daemon. */
#include "fs_log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <syslog.h>
#include <time.h>

#define LINES_PER_WINDOW 5
#define WINDOW_S 30

static bool goes_to_syslog; /* set once, before threads start */

/* lock protects the fields */
static struct {
    pthread_mutex_t lock;
    time_t window_s;
    unsigned n_lines, n_dropped;
} requests = {.lock = PTHREAD_MUTEX_INITIALIZER};

void pxr_log_open_syslog(void)
{
    tzset();
    openlog(PXR_PROGRAM, LOG_PID | LOG_NDELAY, LOG_DAEMON);
}

void pxr_log_use_syslog(void)
{
    goes_to_syslog = true;
}

void pxr_log_line(const char *text, ...)
{
    char line[2048];
    va_list args;
    va_start(args, text);
    vsnprintf(line, sizeof line, text, args);
    va_end(args);
    if (goes_to_syslog)
        syslog(LOG_ERR, "%s", line);
    else
        fprintf(stderr, PXR_PROGRAM ": %s\n", line);
}

void pxr_log_diag(const struct pxr_diag *diag)
{
    char line[1600];
    pxr_log_line("%s", pxr_diag_line(diag, line, sizeof line));
}

void pxr_log_request(const struct pxr_diag *diag)
{
    struct timespec now;
    unsigned n_dropped = 0;
    clock_gettime(CLOCK_MONOTONIC, &now);
    pthread_mutex_lock(&requests.lock);
    if (now.tv_sec - requests.window_s >= WINDOW_S) {
        n_dropped = requests.n_dropped;
        requests.window_s = now.tv_sec;
        requests.n_lines = requests.n_dropped = 0;
    }
    const bool is_shown = requests.n_lines < LINES_PER_WINDOW;
    if (is_shown)
        requests.n_lines++;
    else
        requests.n_dropped++;
    pthread_mutex_unlock(&requests.lock);
    if (n_dropped)
        pxr_log_line("%u more requests failed", n_dropped);
    if (is_shown)
        pxr_log_diag(diag);
}
