/* SPDX-License-Identifier: MIT
 * HTTP and WebSocket: the only place that sees libwebsockets. */
#ifndef PXR_SERVE_WEB_H
#define PXR_SERVE_WEB_H

#include "access.h"
#include "answer.h"

struct pxr_serve_options {
    struct pxr_access access;
    uint64_t max_upload_bytes;
    uint64_t max_clients;
    unsigned n_threads;
    bool has_sandbox;   /* once it listens, the process opens nothing more (sandbox.h) */
    bool sends_at_once; /* /ws: an envelope without being asked, as the described version of ImgPack */
};

/* Serve until SIGINT or SIGTERM.  Says on standard output where, once it listens.  There must be one thread; those that
 * decode and answer are started after the sandbox is entered.  IO: it cannot listen there, or cannot be confined. */
enum pxr_err pxr_web_run(struct pxr_serve *serve, const struct pxr_serve_options *o, struct pxr_diag *diag);

#endif
