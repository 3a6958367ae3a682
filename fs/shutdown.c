/* SPDX-License-Identifier: MIT
 * SIGTERM, SIGINT and SIGHUP end the mount: in order, but within two seconds. */
#include "shutdown.h"

#include "diag.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/time.h>
#include <unistd.h>

#define TICK_US 100000
#define TICKS_UNTIL_FORCE 15
#define EXIT_MACHINE 3

static const int signals[] = {SIGTERM, SIGINT, SIGHUP};
#define N_SIGNALS (sizeof signals / sizeof signals[0])

/* Written before the handlers are installed, read by them; ticks belongs to the handlers. */
static void (*end_mount)(void *arg);
static void *end_arg;
static char mounted_at[PATH_MAX];
static volatile sig_atomic_t n_ticks;

static void on_end(int signal_number)
{
    const struct itimerval tick = {.it_interval.tv_usec = TICK_US, .it_value.tv_usec = TICK_US};
    (void)signal_number;
    end_mount(end_arg);
    /* A signal between the loop's test and its wait would be lost: repeat the interruption. */
    setitimer(ITIMER_REAL, &tick, NULL);
}

/* Only calls that are allowed in a signal handler. */
static void detach_by_force(void)
{
    if (!mounted_at[0] || !umount2(mounted_at, MNT_DETACH))
        return;
    const pid_t pid = fork();
    if (pid == 0) {
        char *const args[] = {(char[]){"fusermount3"}, (char[]){"-uzq"}, (char[]){"--"}, mounted_at,
                              NULL};
        execv("/usr/bin/fusermount3", args);
        execv("/bin/fusermount3", args);
        _exit(127);
    }
}

static void on_tick(int signal_number)
{
    (void)signal_number;
    if (++n_ticks < TICKS_UNTIL_FORCE)
        return;
    detach_by_force();
    _exit(EXIT_MACHINE);
}

enum pxr_err pxr_shutdown_watch(void (*end)(void *arg), void *arg, const char *mount_point,
                                struct pxr_diag *diag)
{
    struct sigaction action = {.sa_handler = on_tick}; /* without SA_RESTART: waits must end */
    end_mount = end;
    end_arg = arg;
    snprintf(mounted_at, sizeof mounted_at, "%s", mount_point);
    sigemptyset(&action.sa_mask);
    int failed = sigaction(SIGALRM, &action, NULL);
    action.sa_handler = on_end;
    for (size_t i = 0; i < N_SIGNALS; i++)
        failed |= sigaction(signals[i], &action, NULL);
    action.sa_handler = SIG_IGN;
    failed |= sigaction(SIGPIPE, &action, NULL);
    return failed ? pxr_fail_sys(diag, PXR_E_IO, errno, "no signal handlers") : PXR_OK;
}

void pxr_shutdown_forget(void)
{
    for (size_t i = 0; i < N_SIGNALS; i++)
        signal(signals[i], SIG_IGN);
    mounted_at[0] = 0; /* from now on somebody else's mount may be there */
}
