/* SPDX-License-Identifier: MIT
 * What the streaming server takes from anybody: paths, queries, messages, bodies, visitors' headers. */
#include "access.h"
#include "answer.h"
#include "array.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes);

/* Behind its first byte, which says what the rest is. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
    static void (*const bodies[])(struct pxr_serve *, const struct pxr_buffer *, struct pxr_answer *) = {
        pxr_array_set, pxr_array_set_mode, pxr_array_upload};
    if (!n_bytes || n_bytes > 1 << 16)
        return 0;
    const unsigned what = data[0] % 6;
    char *const text = malloc(n_bytes);
    struct pxr_request r;
    memcpy(text, data + 1, n_bytes - 1);
    text[n_bytes - 1] = 0;
    if (what < 3) {
        struct pxr_serve s = {.array = calloc(1, 1), .array_width_px = 1, .array_height_px = 1};
        struct pxr_buffer body = {0}, out = {0};
        struct pxr_answer a = {0};
        pthread_mutex_init(&s.lock, NULL);
        if (!pxr_buffer_add(&body, text, n_bytes - 1))
            abort();
        bodies[what](&s, &body, &a);
        if (a.status < 200 || a.bytes.n_bytes < PXR_ANSWER_HEADROOM)
            abort();
        pxr_array_put(&s, &out, NULL); /* whatever was taken can be sent, or is refused */
        pxr_buffer_fini(&out);
        pxr_buffer_fini(&a.bytes);
        pxr_buffer_fini(&body);
        pxr_serve_fini(&s);
    } else if (what == 3) {
        pxr_request_of_message(&r, text, n_bytes - 1);
        pxr_request_fini(&r);
    } else if (what == 4) {
        char *const query = strchr(text, '?');
        if (query)
            *query = 0;
        pxr_request_of_http(&r, "GET", text, query ? query + 1 : "");
        pxr_request_fini(&r);
    } else {
        struct pxr_access a;
        struct pxr_diag diag;
        if (pxr_access_listen(&a, text, &diag) == PXR_OK && !*a.host)
            abort();
        a = (struct pxr_access){.is_loopback = true, .token = "correct-horse"};
        const struct pxr_visitor v = {text, text, text, text, text};
        if (!pxr_access_check(&a, &v) && !strstr(text, "correct-horse"))
            abort();
    }
    free(text);
    return 0;
}
