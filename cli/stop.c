/* SPDX-License-Identifier: MIT
 * Ending a long command in order when a signal asks for it. */
#include "stop.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

/* Written by the handler, which runs in the main thread: the pools' workers block every signal. */
static volatile sig_atomic_t arrived, watched_fd = -1;
static int null_fd = -1;

static void handle(int number)
{
    const int saved = errno;
    arrived = number;
    /* A read that waits returns with EINTR and, tried again, finds the end of the input. */
    if (watched_fd >= 0 && null_fd >= 0)
        (void)!dup2(null_fd, (int)watched_fd);
    errno = saved;
}

void pxr_stop_install(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        struct sigaction old;
        struct sigaction ours = {.sa_handler = handle}; /* no SA_RESTART: see handle() */
        sigemptyset(&ours.sa_mask);
        if (!sigaction(numbers[i], NULL, &old) && old.sa_handler != SIG_IGN)
            sigaction(numbers[i], &ours, NULL);
    }
    signal(SIGPIPE, SIG_IGN);
}

int pxr_stop_signal(void)
{
    return (int)arrived;
}

void pxr_stop_watch_fd(int fd)
{
    watched_fd = fd;
    if (arrived && fd >= 0 && null_fd >= 0)
        (void)!dup2(null_fd, fd);
}

void pxr_stop_raise(void)
{
    const int number = pxr_stop_signal();
    sigset_t all;
    sigemptyset(&all);
    sigaddset(&all, number);
    signal(number, SIG_DFL);
    sigprocmask(SIG_UNBLOCK, &all, NULL);
    raise(number);
    _exit(128 + number);
}
