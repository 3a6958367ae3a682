/* SPDX-License-Identifier: MIT
 * pixelrain-serve: an archive's frames in a browser.  'pixelrain serve' hands over to it. */
#include "web.h"

#include "diag.h"
#include "option.h"
#include "pool.h"

#include <stdio.h>
#include <string.h>

#define PROGRAM "pixelrain serve"

static int fail(const struct pxr_diag *diag)
{
    char line[512];
    fprintf(stderr, "pixelrain: %s\n", pxr_diag_line(diag, line, sizeof line));
    return pxr_err_exit(diag->code);
}

static int usage_error(const char *text)
{
    fprintf(stderr, "pixelrain: %s\nTry '" PROGRAM " --help'.\n", text);
    return pxr_err_exit(PXR_E_INVALID);
}

static int print_help(const struct pxr_option *table)
{
    printf("Usage: " PROGRAM " FILE.pxr [OPTION]...\n"
           "Show an archive in a browser: play, scrub, zoom, contrast, pixel values.\n\n");
    pxr_options_help(table);
    printf("\nPrints the address to open.  Ctrl-C ends it.  What can be asked for stands in docs/serve.md.\n");
    return 0;
}

static int serve(const char *path, const struct pxr_serve_options *o, int dialect, uint64_t cache_bytes)
{
    struct pxr_limits limits = {.cache_bytes = cache_bytes};
    struct pxr_serve s;
    struct pxr_diag diag;
    pxr_archive *archive;
    enum pxr_err e = pxr_archive_open(&archive, path, &limits, &diag);
    if (e != PXR_OK)
        return fail(&diag);
    e = pxr_serve_init(&s, archive, (enum pxr_vcbn_dialect)dialect, &diag);
    if (e == PXR_OK) {
        e = pxr_web_run(&s, o, &diag);
        pxr_serve_fini(&s);
    }
    pxr_archive_close(archive);
    return e == PXR_OK ? 0 : fail(&diag);
}

int main(int argc, char **argv)
{
    static const char *const dialects[] = {"vcbn", "cbin", "impk", "head", NULL};
    const char *listen = "127.0.0.1:8765", *token = NULL;
    uint64_t n_threads = 0, max_upload = (uint64_t)64 << 20, max_clients = 100, cache = 0;
    int dialect = PXR_VCBN_CBIN;
    bool is_help = false, has_no_sandbox = false;
    const struct pxr_option table[] = {
        PXR_OPTION_TEXT("listen", 0, &listen, "ADDRESS:PORT",
                        "Where to listen (127.0.0.1:8765); port 0: any that is free.  Anything but this machine's\n"
                        "own addresses needs --token."),
        PXR_OPTION_TEXT("token", 0, &token, "TOKEN",
                        "Only who knows it may ask; 'auto' makes one.  It is part of the address that is printed."),
        PXR_OPTION_CHOICE("dialect", 0, &dialect, "vcbn|cbin|impk|head", dialects,
                          "Envelopes on /ws, for clients of ImgPack (cbin; head also waits to be asked)."),
        PXR_OPTION_BYTES("max-upload", 0, &max_upload, "Largest body that is taken (64M)."),
        PXR_OPTION_UINT("max-clients", 0, &max_clients, "N", 1, 10000, "Most connections at once (100)."),
        PXR_OPTION_BYTES("cache", 0, &cache, "Memory for decoded frames."),
        PXR_OPTION_UINT("threads", 'j', &n_threads, "N", 0, 64, "Threads that make answers (0: as many as cores, at most 8)."),
        PXR_OPTION_FLAG("no-sandbox", 0, &has_no_sandbox, "Do not give up opening files and everything else that is not needed."),
        PXR_OPTION_FLAG("help", 'h', &is_help, "Show this help."),
        {.name = NULL},
    };
    struct pxr_serve_options o = {0};
    struct pxr_diag diag;
    int n_operands;
    if (pxr_options_parse(table, argc, argv, &n_operands, &diag) != PXR_OK)
        return usage_error(diag.text);
    if (is_help)
        return print_help(table);
    if (n_operands != 1)
        return usage_error(n_operands ? "one archive at a time" : "missing operand: pixelrain serve FILE.pxr");
    if (pxr_access_listen(&o.access, listen, &diag) != PXR_OK || pxr_access_token(&o.access, token, &diag) != PXR_OK)
        return usage_error(diag.text);
    o.max_upload_bytes = max_upload;
    o.max_clients = max_clients;
    o.has_sandbox = !has_no_sandbox;
    o.sends_at_once = dialect != PXR_VCBN_HEAD;
    o.n_threads = (unsigned)(n_threads ? n_threads : pxr_n_cores() < 8 ? pxr_n_cores() : 8);
    return serve(argv[1], &o, dialect, cache);
}
