/* SPDX-License-Identifier: MIT
 * Who may ask. */
#include "access.h"

#include "diag.h"
#include "option.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

/* ---- where to listen ---------------------------------------------------------------------------- */

static bool is_loopback(const char *host)
{
    return !strcmp(host, "localhost") || !strncmp(host, "127.", 4) || !strcmp(host, "::1");
}

enum pxr_err pxr_access_listen(struct pxr_access *a, const char *text, struct pxr_diag *diag)
{
    const char *const colon = strrchr(text, ':');
    const char *host = text, *end = colon;
    uint64_t port;
    *a = (struct pxr_access){.host = "127.0.0.1"};
    if (colon && *text == '[' && colon > text && colon[-1] == ']') {
        host++;
        end--;
    }
    if (!pxr_parse_u64(colon ? colon + 1 : text, 0, 65535, &port) ||
        (colon && (end == host || (size_t)(end - host) >= sizeof a->host)))
        return pxr_fail(diag, PXR_E_INVALID, "'%.80s' is no place to listen at: ADDRESS:PORT, [ADDRESS]:PORT or PORT", text);
    if (colon) {
        memcpy(a->host, host, (size_t)(end - host));
        a->host[end - host] = 0;
    }
    a->port = (uint16_t)port;
    a->is_loopback = is_loopback(a->host);
    return PXR_OK;
}

/* ---- tokens ------------------------------------------------------------------------------------- */

static enum pxr_err make_token(char *dst, struct pxr_diag *diag)
{
    uint8_t bytes[16];
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        return pxr_fail_sys(diag, PXR_E_IO, errno, "random numbers for a token");
    for (size_t i = 0; i < sizeof bytes; i++)
        sprintf(dst + 2 * i, "%02x", bytes[i]);
    return PXR_OK;
}

enum pxr_err pxr_access_token(struct pxr_access *a, const char *text, struct pxr_diag *diag)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    if (!text)
        return a->is_loopback ? PXR_OK
                              : pxr_fail(diag, PXR_E_INVALID,
                                         "%s can be reached by other machines: say who may with --token TOKEN "
                                         "(--token auto makes one)", a->host);
    if (!strcmp(text, "auto"))
        return make_token(a->token, diag);
    const size_t n = strlen(text);
    if (n < 8 || n >= sizeof a->token || strspn(text, letters) != n)
        return pxr_fail(diag, PXR_E_INVALID, "a token has 8 to 128 letters, digits, '-' and '_'");
    memcpy(a->token, text, n + 1);
    return PXR_OK;
}

/* In a time that does not tell how much of it was right. */
static bool is_token(const struct pxr_access *a, const char *text, size_t n)
{
    unsigned unlike = n != strlen(a->token);
    for (size_t i = 0; i < n && i < sizeof a->token; i++)
        unlike |= (unsigned char)text[i] ^ (unsigned char)a->token[i];
    return !unlike;
}

/* Whether one of the members of a list (a query, cookies) is name=TOKEN. */
static bool has_token(const struct pxr_access *a, const char *list, const char *separators, const char *name)
{
    const size_t n_name = strlen(name);
    for (const char *p = list; *p; p += strspn(p, separators)) {
        const size_t n = strcspn(p, separators);
        if (n > n_name && !strncmp(p, name, n_name) && is_token(a, p + n_name, n - n_name))
            return true;
        p += n;
    }
    return false;
}

/* ---- visitors ----------------------------------------------------------------------------------- */

static bool is_loopback_host(const char *text)
{
    char host[64];
    const char *const end = *text == '[' ? strchr(text, ']') : text + strcspn(text, ":");
    const char *const from = *text == '[' ? text + 1 : text;
    if (!end || (size_t)(end - from) >= sizeof host)
        return false;
    memcpy(host, from, (size_t)(end - from));
    host[end - from] = 0;
    return is_loopback(host) && strspn(host, "0123456789.:abcdefghijklmnopqrstuvwxyz") == strlen(host) &&
           (host[0] != '1' || strspn(host, "0123456789.") == strlen(host));
}

static bool is_own_origin(const char *origin, const char *host)
{
    const char *const name = !strncmp(origin, "http://", 7) ? origin + 7 : !strncmp(origin, "https://", 8) ? origin + 8 : "";
    return *name && !strcmp(name, host);
}

int pxr_access_check(const struct pxr_access *a, const struct pxr_visitor *v)
{
    if (a->is_loopback && *v->host && !is_loopback_host(v->host))
        return 421; /* misdirected */
    if (*v->origin && !is_own_origin(v->origin, v->host))
        return 403;
    const char *const bearer = !strncmp(v->authorization, "Bearer ", 7) ? v->authorization + 7 : "";
    if (*a->token && !has_token(a, v->query, "&", "token=") && !has_token(a, v->cookie, "; ", "pxr_token=") &&
        !is_token(a, bearer, strlen(bearer)))
        return 401;
    return 0;
}
