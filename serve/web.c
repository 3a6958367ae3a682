/* SPDX-License-Identifier: MIT
 * HTTP and WebSocket: the only place that sees libwebsockets.
 *
 * One thread runs the loop and owns all connections; answers are made by workers.  A connection has at most one
 * task with the workers and one finished answer besides the one it is sending, and its socket is not read while
 * MAX_QUEUED requests wait: a slow or greedy client holds two answers, and nobody else notices it. */
#include <libwebsockets.h>

#include "web.h"

#include "diag.h"
#include "sandbox.h"
#include "workers.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

enum { MAX_QUEUED = 8, MAX_MESSAGE_BYTES = 4096, FRAGMENT_BYTES = 1 << 16 };
_Static_assert(PXR_ANSWER_HEADROOM >= LWS_PRE, "what libwebsockets writes before a message");

enum role { ROLE_NONE = 0, ROLE_HTTP, ROLE_ARRAY, ROLE_STREAM };

/* libwebsockets allocates one for each connection, zeroed. */
struct session {
    struct lws *wsi;
    enum role role;
    bool is_counted, has_headers, sets_cookie, is_deaf;
    struct pxr_request queue[MAX_QUEUED]; /* messages that wait; of HTTP, [0] while its body comes in */
    unsigned n_queued;
    struct pxr_task *running; /* with the workers */
    struct pxr_task *ready;   /* finished, waits for the one that is sent */
    struct pxr_task *sending;
    size_t n_sent;
    char message[MAX_MESSAGE_BYTES];
    size_t n_message;
};

struct server {
    const struct pxr_serve_options *o;
    struct pxr_workers *workers;
    struct lws_context *context;
    uint64_t n_clients;
};

static volatile sig_atomic_t is_ending;
static struct lws_context *context_to_wake;

static void end(int signal_number)
{
    (void)signal_number;
    is_ending = 1;
    lws_cancel_service(context_to_wake);
}

static void wake(void *arg)
{
    struct server *const s = arg;
    lws_cancel_service(s->context);
}

/* ---- tasks -------------------------------------------------------------------------------------- */

static bool submit(struct server *s, struct session *c, struct pxr_request *r)
{
    struct pxr_task *const t = pxr_alloc_zero(1, sizeof *t);
    if (!t)
        return false;
    t->request = *r;
    t->owner = c;
    *r = (struct pxr_request){.ask = PXR_ASK_NOTHING, .text = ""};
    c->running = t;
    pxr_workers_submit(s->workers, t);
    return true;
}

/* Give the next message to the workers, if they have none of this client; listen again when there is room. */
static bool go_on(struct server *s, struct session *c)
{
    if (!c->running && !c->ready && c->n_queued) {
        struct pxr_request first = c->queue[0];
        memmove(c->queue, c->queue + 1, --c->n_queued * sizeof *c->queue);
        if (!submit(s, c, &first))
            return false;
    }
    if (c->is_deaf && c->n_queued < MAX_QUEUED / 2) {
        c->is_deaf = false;
        lws_rx_flow_control(c->wsi, 1);
    }
    return true;
}

static bool enqueue(struct server *s, struct session *c, const struct pxr_request *r)
{
    if (c->n_queued == MAX_QUEUED)
        return false; /* what was in flight when its socket was closed to it did not fit */
    c->queue[c->n_queued++] = *r;
    if (c->n_queued >= MAX_QUEUED / 2 + 1 && !c->is_deaf) {
        c->is_deaf = true;
        lws_rx_flow_control(c->wsi, 0);
    }
    return go_on(s, c);
}

/* Answers that workers have finished go to their clients, those of clients that have gone nowhere. */
static void collect(struct server *s)
{
    for (struct pxr_task *t; (t = pxr_workers_done(s->workers)) != NULL;) {
        struct session *const c = t->owner;
        if (!c) {
            pxr_task_free(t);
            continue;
        }
        c->running = NULL;
        if (c->sending)
            c->ready = t;
        else
            c->sending = t;
        lws_callback_on_writable(c->wsi);
    }
}

static void uncount(struct server *s, struct session *c)
{
    if (c->is_counted)
        s->n_clients--;
    c->is_counted = false;
}

static void forget(struct server *s, struct session *c)
{
    if (c->running)
        c->running->owner = NULL;
    pxr_task_free(c->ready);
    pxr_task_free(c->sending);
    for (unsigned i = 0; i < c->n_queued; i++)
        pxr_request_fini(&c->queue[i]);
    uncount(s, c);
    memset(c, 0, sizeof *c);
}

/* The answer that was sent makes room for the next one. */
static bool sent(struct server *s, struct session *c)
{
    pxr_task_free(c->sending);
    c->sending = c->ready;
    c->ready = NULL;
    c->n_sent = 0;
    if (c->sending)
        lws_callback_on_writable(c->wsi);
    return go_on(s, c);
}

/* ---- who asks ----------------------------------------------------------------------------------- */

static const char *header(struct lws *wsi, enum lws_token_indexes h, char *dst, int dst_bytes)
{
    return lws_hdr_copy(wsi, dst, dst_bytes, h) > 0 ? dst : "";
}

/* All members of the query, joined by '&'. */
static const char *query_of(struct lws *wsi, char *dst, int dst_bytes)
{
    int used = 0;
    dst[0] = 0;
    for (int i = 0; used < dst_bytes - 2; i++) {
        const int n = lws_hdr_copy_fragment(wsi, dst + used, dst_bytes - used - 1, WSI_TOKEN_HTTP_URI_ARGS, i);
        if (n <= 0)
            break;
        used += n;
        dst[used++] = '&';
    }
    dst[used ? used - 1 : 0] = 0;
    return dst;
}

static int check_visitor(const struct server *s, struct lws *wsi, const char *query)
{
    char host[256], origin[256], cookie[1024], authorization[256];
    const struct pxr_visitor v = {
        .host = header(wsi, WSI_TOKEN_HOST, host, sizeof host),
        .origin = header(wsi, WSI_TOKEN_ORIGIN, origin, sizeof origin),
        .query = query,
        .cookie = header(wsi, WSI_TOKEN_HTTP_COOKIE, cookie, sizeof cookie),
        .authorization = header(wsi, WSI_TOKEN_HTTP_AUTHORIZATION, authorization, sizeof authorization),
    };
    return pxr_access_check(&s->o->access, &v);
}

static bool count(struct server *s, struct session *c)
{
    if (c->is_counted)
        return true;
    if (s->n_clients >= s->o->max_clients)
        return false;
    s->n_clients++;
    return c->is_counted = true;
}

/* ---- HTTP --------------------------------------------------------------------------------------- */

static const char *why_refused(int status)
{
    return status == 401   ? "a token is needed: open the address that the server printed"
           : status == 403 ? "this comes from the page of another server"
           : status == 411 ? "a body needs a content-length"
           : status == 413 ? "the body is larger than this server takes"
           : status == 421 ? "this server is for this machine alone; ask for localhost"
           : status == 503 ? "there are as many clients as this server takes"
                           : "not so";
}

static void refuse(struct pxr_request *r, int status)
{
    *r = (struct pxr_request){.ask = PXR_ASK_NOTHING, .status = (uint16_t)status, .text = why_refused(status)};
}

static int begin_http(struct server *s, struct session *c, const char *path)
{
    struct lws *const wsi = c->wsi;
    char query[512], length[32];
    const bool is_post = lws_hdr_total_length(wsi, WSI_TOKEN_POST_URI) > 0;
    const bool is_get = lws_hdr_total_length(wsi, WSI_TOKEN_GET_URI) > 0;
    struct pxr_request *const r = &c->queue[0];
    const int status = count(s, c) ? check_visitor(s, wsi, query_of(wsi, query, sizeof query)) : 503;
    c->role = ROLE_HTTP;
    pxr_request_of_http(r, is_post ? "POST" : is_get ? "GET" : "", path, query);
    if (!is_post && !is_get)
        *r = (struct pxr_request){.ask = PXR_ASK_NOTHING, .status = 405, .text = "GET and POST are what is known here"};
    c->sets_cookie = r->ask == PXR_ASK_PAGE && *s->o->access.token && strstr(query, "token=");
    if (status) {
        refuse(r, status);
        c->sets_cookie = false;
    }
    if (is_post && r->ask != PXR_ASK_NOTHING) {
        const bool has_length = *header(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH, length, sizeof length);
        const uint64_t n_bytes = has_length ? strtoull(length, NULL, 10) : 0;
        if (!has_length)
            refuse(r, 411);
        else if (n_bytes > s->o->max_upload_bytes)
            refuse(r, 413);
        else if (n_bytes)
            return 0; /* its body comes next */
    }
    return submit(s, c, r) ? 0 : -1;
}

static int take_body(struct server *s, struct session *c, const void *part, size_t n)
{
    struct pxr_request *const r = &c->queue[0];
    if (c->running || c->sending || c->ready)
        return 0; /* refused before it came */
    if (n > s->o->max_upload_bytes - r->body.n_bytes) {
        pxr_request_fini(r);
        refuse(r, 413);
        return submit(s, c, r) ? 0 : -1;
    }
    return pxr_buffer_add(&r->body, part, n) ? 0 : -1;
}

static bool add_header(struct lws *wsi, const char *name, const char *value, unsigned char **p, unsigned char *stop)
{
    return !lws_add_http_header_by_name(wsi, (const unsigned char *)name, (const unsigned char *)value,
                                        (int)strlen(value), p, stop);
}

static int send_headers(struct server *s, struct session *c, size_t n_body)
{
    unsigned char room[LWS_PRE + 2048], *const from = room + LWS_PRE, *p = from, *const stop = room + sizeof room - 1;
    const struct pxr_answer *const a = &c->sending->answer;
    char cookie[200];
    if (lws_add_http_common_headers(c->wsi, a->status, a->content_type ? a->content_type : "text/plain", n_body, &p, stop) ||
        !add_header(c->wsi, "cache-control:", "no-store", &p, stop) ||
        !add_header(c->wsi, "x-content-type-options:", "nosniff", &p, stop) ||
        !add_header(c->wsi, "referrer-policy:", "no-referrer", &p, stop) ||
        !add_header(c->wsi, "content-security-policy:",
                    "default-src 'self'; img-src 'self' blob: data:; frame-ancestors 'none'", &p, stop))
        return -1;
    if (c->sets_cookie) {
        snprintf(cookie, sizeof cookie, "pxr_token=%s; Path=/; HttpOnly; SameSite=Strict", s->o->access.token);
        if (!add_header(c->wsi, "set-cookie:", cookie, &p, stop))
            return -1;
    }
    return lws_finalize_write_http_header(c->wsi, from, &p, stop) ? -1 : 0;
}

/* The connection may stay, but libwebsockets forgets its session: the next request brings a new one. */
static int finish_http(struct server *s, struct session *c)
{
    const bool is_bad = c->sending->answer.status >= 400;
    pxr_task_free(c->sending);
    c->sending = NULL;
    c->n_sent = 0;
    c->has_headers = c->sets_cookie = false;
    uncount(s, c);
    /* A body that was refused may still be on its way. */
    return is_bad || lws_http_transaction_completed(c->wsi) ? -1 : 0;
}

static int write_http(struct server *s, struct session *c)
{
    if (!c->sending)
        return 0;
    struct pxr_buffer *const b = &c->sending->answer.bytes;
    const size_t n_body = b->n_bytes ? b->n_bytes - PXR_ANSWER_HEADROOM : 0;
    if (!c->has_headers) {
        if (send_headers(s, c, n_body))
            return -1;
        c->has_headers = true;
        if (n_body) {
            lws_callback_on_writable(c->wsi);
            return 0;
        }
        return finish_http(s, c);
    }
    const size_t left = n_body - c->n_sent, n = left < FRAGMENT_BYTES ? left : FRAGMENT_BYTES;
    uint8_t *const from = b->bytes + PXR_ANSWER_HEADROOM + c->n_sent;
    if (lws_write(c->wsi, from, n, n == left ? LWS_WRITE_HTTP_FINAL : LWS_WRITE_HTTP) < 0)
        return -1;
    c->n_sent += n;
    if (c->n_sent == n_body)
        return finish_http(s, c);
    lws_callback_on_writable(c->wsi);
    return 0;
}

/* ---- WebSocket ---------------------------------------------------------------------------------- */

/* Before the handshake is answered. */
static int admit(struct server *s, struct lws *wsi)
{
    char path[64], query[512];
    if (lws_hdr_copy(wsi, path, sizeof path, WSI_TOKEN_GET_URI) <= 0)
        return -1;
    int status = check_visitor(s, wsi, query_of(wsi, query, sizeof query));
    if (!status && s->n_clients >= s->o->max_clients)
        status = 503;
    if (!status && strcmp(path, "/ws") && strcmp(path, "/stream"))
        status = 404;
    if (status)
        lws_return_http_status(wsi, (unsigned)status, why_refused(status));
    return status ? -1 : 0;
}

static int open_socket(struct server *s, struct session *c, struct lws *wsi)
{
    char path[64] = "";
    lws_hdr_copy(wsi, path, sizeof path, WSI_TOKEN_GET_URI);
    memset(c, 0, sizeof *c);
    c->wsi = wsi;
    c->role = !strcmp(path, "/ws") ? ROLE_ARRAY : ROLE_STREAM;
    if (!count(s, c))
        return -1;
    const struct pxr_request r = {.ask = PXR_ASK_ARRAY};
    return c->role == ROLE_ARRAY && s->o->sends_at_once && !enqueue(s, c, &r) ? -1 : 0;
}

static int close_with(struct lws *wsi, enum lws_close_status status, const char *text)
{
    lws_close_reason(wsi, status, (unsigned char *)(uintptr_t)text, strlen(text));
    return -1;
}

/* A whole message has come in. */
static int take_message(struct server *s, struct session *c)
{
    struct pxr_request r = {.ask = PXR_ASK_ARRAY};
    if (c->role == ROLE_STREAM)
        pxr_request_of_message(&r, c->message, c->n_message);
    if (r.ask == PXR_ASK_NOTHING) /* is answered with its seq, in order */
        r.status = 400;
    c->n_message = 0;
    return enqueue(s, c, &r) ? 0 : close_with(c->wsi, LWS_CLOSE_STATUS_POLICY_VIOLATION, "too many requests");
}

static int receive(struct server *s, struct session *c, const void *part, size_t n)
{
    if (lws_frame_is_binary(c->wsi)) {
        /* Word for word what the original says before it closes. */
        unsigned char text[LWS_PRE + 16] = "";
        memcpy(text + LWS_PRE, "error: 'text'", 13);
        lws_write(c->wsi, text + LWS_PRE, 13, LWS_WRITE_TEXT);
        return close_with(c->wsi, LWS_CLOSE_STATUS_NORMAL, "");
    }
    if (n > sizeof c->message - c->n_message)
        return close_with(c->wsi, LWS_CLOSE_STATUS_MESSAGE_TOO_LARGE, "messages have at most 4096 bytes");
    memcpy(c->message + c->n_message, part, n);
    c->n_message += n;
    return lws_is_final_fragment(c->wsi) && !lws_remaining_packet_payload(c->wsi) ? take_message(s, c) : 0;
}

static int write_socket(struct server *s, struct session *c)
{
    if (!c->sending)
        return 0;
    struct pxr_answer *const a = &c->sending->answer;
    if (a->bytes.n_bytes < PXR_ANSWER_HEADROOM)
        return close_with(c->wsi, LWS_CLOSE_STATUS_UNEXPECTED_CONDITION, "no memory");
    const size_t left = a->bytes.n_bytes - PXR_ANSWER_HEADROOM - c->n_sent;
    const size_t n = left < FRAGMENT_BYTES ? left : FRAGMENT_BYTES;
    const int kind = c->n_sent ? LWS_WRITE_CONTINUATION : a->is_text ? LWS_WRITE_TEXT : LWS_WRITE_BINARY;
    if (lws_write(c->wsi, a->bytes.bytes + PXR_ANSWER_HEADROOM + c->n_sent, n,
                  (enum lws_write_protocol)(kind | (n < left ? LWS_WRITE_NO_FIN : 0))) < 0)
        return -1;
    c->n_sent += n;
    if (n < left) {
        lws_callback_on_writable(c->wsi);
        return 0;
    }
    return sent(s, c) ? 0 : -1;
}

/* ---- the loop ----------------------------------------------------------------------------------- */

static int callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t n)
{
    struct session *const c = user;
    struct server *const s = lws_context_user(lws_get_context(wsi));
    switch (reason) {
    case LWS_CALLBACK_EVENT_WAIT_CANCELLED: collect(s); return 0;
    case LWS_CALLBACK_HTTP:
        c->wsi = wsi;
        return begin_http(s, c, in);
    case LWS_CALLBACK_HTTP_BODY: return take_body(s, c, in, n);
    case LWS_CALLBACK_HTTP_BODY_COMPLETION:
        return c->running || c->sending || c->ready || submit(s, c, &c->queue[0]) ? 0 : -1;
    case LWS_CALLBACK_HTTP_WRITEABLE: return write_http(s, c);
    case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION: return admit(s, wsi);
    case LWS_CALLBACK_ESTABLISHED: return open_socket(s, c, wsi);
    case LWS_CALLBACK_RECEIVE: return receive(s, c, in, n);
    case LWS_CALLBACK_SERVER_WRITEABLE: return write_socket(s, c);
    case LWS_CALLBACK_CLOSED:
    case LWS_CALLBACK_CLOSED_HTTP:
        if (c) {
            pxr_request_fini(&c->queue[0]);
            forget(s, c);
        }
        return 0;
    default: return lws_callback_http_dummy(wsi, reason, user, in, n);
    }
}

static enum pxr_err listen_at(struct server *s, const struct lws_protocols *protocols, struct pxr_diag *diag)
{
    static const lws_retry_bo_t alive = {.secs_since_valid_ping = 60, .secs_since_valid_hangup = 120};
    const struct pxr_access *const a = &s->o->access;
    const bool is_any = !strcmp(a->host, "0.0.0.0") || !strcmp(a->host, "::");
    const struct lws_context_creation_info info = {
        .port = a->port,
        .iface = is_any ? NULL : !strcmp(a->host, "localhost") ? "127.0.0.1" : a->host,
        .protocols = protocols,
        .vhost_name = "default",
        .options = strchr(a->host, ':') ? 0 : LWS_SERVER_OPTION_DISABLE_IPV6,
        .timeout_secs = 20,
        .keepalive_timeout = 20,
        .retry_and_idle_policy = &alive,
        .user = s,
    };
    lws_set_log_level(0, NULL);
    s->context = lws_create_context(&info);
    return s->context ? PXR_OK : pxr_fail(diag, PXR_E_IO, "cannot listen at %s port %u: is the address ours, the port free?", a->host, a->port);
}

static void say_where(const struct server *s)
{
    const struct pxr_access *const a = &s->o->access;
    const int port = lws_get_vhost_listen_port(lws_get_vhost_by_name(s->context, "default"));
    const bool has_colons = strchr(a->host, ':');
    printf("http://%s%s%s:%d/%s%s\n", has_colons ? "[" : "", a->host, has_colons ? "]" : "", port,
           *a->token ? "?token=" : "", a->token);
    fflush(stdout);
}

static void catch_signals(struct lws_context *context)
{
    struct sigaction action = {.sa_handler = end};
    context_to_wake = context;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    action.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &action, NULL);
}

/* From here on a client that takes this process over has the archive, its connections and what clients send; there are
 * no threads yet. */
static enum pxr_err enter_sandbox(struct pxr_diag *diag)
{
    static const struct pxr_call own[] = {
        {.name = "accept"}, {.name = "accept4"}, {.name = "shutdown"}, {.name = "getsockname"}, {.name = "getpeername"},
        {.name = "getsockopt"}, {.name = "setsockopt"}, PXR_CALL_IF_INT("ioctl", 1, FIONBIO), {.name = "epoll_ctl"},
        {.name = "epoll_wait"}, {.name = "epoll_pwait"}, {.name = "select"}, {.name = "pselect6"},
    };
    struct pxr_sandbox got;
    const enum pxr_err e = pxr_sandbox_enter(&got, own, sizeof own / sizeof own[0], diag);
    if (e != PXR_OK)
        fprintf(stderr, "pixelrain: the server cannot be confined; --no-sandbox would serve without\n");
    return e;
}

enum pxr_err pxr_web_run(struct pxr_serve *serve, const struct pxr_serve_options *o, struct pxr_diag *diag)
{
    const struct lws_protocols protocols[] = {
        {.name = "pixelrain", .callback = callback, .per_session_data_size = sizeof(struct session),
         .rx_buffer_size = MAX_MESSAGE_BYTES},
        {.name = NULL},
    };
    struct server s = {.o = o};
    enum pxr_err e = listen_at(&s, protocols, diag);
    if (e == PXR_OK && o->has_sandbox)
        e = enter_sandbox(diag);
    if (e == PXR_OK)
        e = pxr_workers_new(&s.workers, serve, o->n_threads, wake, &s, diag);
    if (e == PXR_OK) {
        catch_signals(s.context);
        say_where(&s);
        while (!is_ending && lws_service(s.context, 0) >= 0)
            continue;
    }
    if (s.workers)
        pxr_workers_stop(s.workers); /* before the loop that they wake goes away */
    if (s.context)
        lws_context_destroy(s.context); /* sessions let go of tasks that are still there */
    pxr_workers_free(s.workers);
    return e;
}
