/* SPDX-License-Identifier: MIT
 * SIGTERM, SIGINT and SIGHUP end the mount: in order, but within two seconds. */
#include "shutdown.h"

#include "diag.h"

#include <errno.h>
#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

#define TICK_US 100000
#define TICKS_UNTIL_FORCE 15
#define FORCE_MS 300
#define EXIT_MACHINE 3

static const int signals[] = {SIGTERM, SIGINT, SIGHUP};
#define N_SIGNALS (sizeof signals / sizeof signals[0])

/* Written before the handlers are installed, read by them; ticks belongs to the handlers. */
static void (*end_mount)(void *arg);
static void *end_arg;
static struct pxr_unmounter unmounter;
static volatile sig_atomic_t n_ticks;

static void on_end(int signal_number)
{
    const struct itimerval tick = {.it_interval.tv_usec = TICK_US, .it_value.tv_usec = TICK_US};
    (void)signal_number;
    end_mount(end_arg);
    /* A signal between the loop's test and its wait would be lost: repeat the interruption. */
    setitimer(ITIMER_REAL, &tick, NULL);
}

static void on_tick(int signal_number)
{
    (void)signal_number;
    if (++n_ticks < TICKS_UNTIL_FORCE)
        return;
    pxr_unmounter_ask(&unmounter, PXR_UNMOUNT_NOW, FORCE_MS);
    _exit(EXIT_MACHINE);
}

enum pxr_err pxr_shutdown_watch(void (*end)(void *arg), void *arg, const struct pxr_unmounter *u,
                                struct pxr_diag *diag)
{
    struct sigaction action = {.sa_handler = on_tick}; /* without SA_RESTART: waits must end */
    end_mount = end;
    end_arg = arg;
    unmounter = *u;
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
}
