/* SPDX-License-Identifier: MIT
 * Who may ask: addresses, hosts, origins, tokens.  Text only. */
#ifndef PXR_SERVE_ACCESS_H
#define PXR_SERVE_ACCESS_H

#include "pixelrain.h"

struct pxr_access {
    char host[64]; /* to listen at, without brackets */
    uint16_t port;
    bool is_loopback;
    char token[129]; /* "": none is needed */
};

/* "HOST:PORT", "[HOST]:PORT" or "PORT"; hosts are addresses or localhost.  INVALID. */
enum pxr_err pxr_access_listen(struct pxr_access *a, const char *text, struct pxr_diag *diag);
/* "auto": one is made; else 8 to 128 letters, digits, '-', '_'.  NULL: none, which only loopback may do. */
enum pxr_err pxr_access_token(struct pxr_access *a, const char *text, struct pxr_diag *diag);

/* What a browser says about where a request comes from; "" where it says nothing. */
struct pxr_visitor {
    const char *host, *origin, *query, *cookie, *authorization;
};
/* 0: may; else the status of HTTP to refuse with.  At loopback the host must be one too, or any web page could
 * reach the server under a name of its own (DNS rebinding); an origin must be this server. */
int pxr_access_check(const struct pxr_access *a, const struct pxr_visitor *v);

#endif
