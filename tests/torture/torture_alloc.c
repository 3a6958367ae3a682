/* SPDX-License-Identifier: MIT
 * No memory: each request of a life of packing, appending, reading, checking and recovering fails in turn, once or from
 * then on.  It must end with NOMEM, leave nothing behind (the sanitizers look), and keep every frame that
 * was promised. */
#include "torture.h"

static uint64_t n_asked, fail_at;
static enum pxr_codec first_codec, second_codec;
static bool for_good, has_failed;
static uint8_t parity_percent;

static bool allow(size_t n_bytes)
{
    (void)n_bytes;
    n_asked++;
    if (n_asked != fail_at && !(for_good && n_asked > fail_at))
        return true;
    has_failed = true;
    return false;
}

/* The file itself is not the library's memory. */
static enum pxr_err unhooked_write(void *arg, uint64_t off, const void *src, size_t n, int *err);
static struct kept_file file;
static enum pxr_err unhooked_write(void *arg, uint64_t off, const void *src, size_t n, int *err)
{
    pxr_alloc_hook(NULL);
    const enum pxr_err e = file.memory.io.write_at(arg, off, src, n, err);
    pxr_alloc_hook(allow);
    return e;
}

static enum pxr_err write_part(uint32_t first, uint32_t *n_durable, struct pxr_diag *d)
{
    const struct pxr_write_opts o = {.width_px = TORTURE_W, .height_px = TORTURE_H, .bits = 8, .n_threads = 1,
                                     .block_frames = 2, .publish_at_commit = true, .skip_tail = true,
                                     .meta = "{}", .meta_bytes = first ? 0 : 2,
                                     .codec = first ? second_codec : first_codec,
                                     .parity_percent = first ? 0 : parity_percent};
    pxr_writer *w;
    enum pxr_err e = first ? pxr_writer_append_io(&w, &file.io, file.memory.arg, &o, d)
                           : pxr_writer_create_io(&w, &file.io, file.memory.arg, &o, d);
    if (e != PXR_OK)
        return e;
    e = torture_add(w, first, first + 6, n_durable);
    if (e != PXR_OK) {
        *d = *pxr_writer_diag(w);
        pxr_writer_abort(w);
        return e;
    }
    e = pxr_writer_finish(w, NULL, d);
    if (e == PXR_OK)
        *n_durable = first + 6;
    return e;
}

/* Where frames are: with parity, recover has something to repair. */
static void flip_a_bit(void)
{
    uint8_t byte;
    size_t got;
    int err;
    if (file.memory.io.read_at(file.memory.arg, 300, &byte, 1, &got, &err) != PXR_OK)
        abort();
    byte ^= 4;
    if (file.memory.io.write_at(file.memory.arg, 300, &byte, 1, &err) != PXR_OK)
        abort();
}

static enum pxr_err recover_all(struct pxr_diag *d)
{
    struct kept_file fresh;
    struct pxr_recover_report report;
    const struct pxr_recover_opts o = {.n_threads = 1};
    pxr_alloc_hook(NULL);
    kept_init(&fresh, NULL, 0);
    if (parity_percent)
        flip_a_bit();
    pxr_alloc_hook(allow);
    const enum pxr_err e = pxr_archive_recover_io(&file.io, file.memory.arg, &fresh.io, fresh.memory.arg, &o, &report, d);
    pxr_alloc_hook(NULL);
    kept_fini(&fresh);
    if (parity_percent)
        flip_a_bit();
    if (e == PXR_OK && report.n_frames != TORTURE_FRAMES)
        TORTURE_FAIL("recover keeps %llu frames", (unsigned long long)report.n_frames);
    return e;
}

/* One life; stops at the first error. */
static enum pxr_err live(uint32_t *n_durable, struct pxr_diag *d)
{
    struct pxr_check_report report;
    enum pxr_err e = write_part(0, n_durable, d);
    if (e == PXR_OK)
        e = write_part(6, n_durable, d);
    if (e == PXR_OK)
        torture_read(&file.io, file.memory.arg, &e, d);
    if (e == PXR_OK)
        e = pxr_archive_check_io(&file.io, file.memory.arg, PXR_CHECK_DEEP, 1, NULL, NULL, &report, d);
    if (e == PXR_OK && report.n_damages)
        TORTURE_FAIL("check finds %llu damages", (unsigned long long)report.n_damages);
    return e == PXR_OK ? recover_all(d) : e;
}

/* Whether request number n was reached. */
static bool try_one(uint64_t n, bool persistent)
{
    struct pxr_diag d = {0};
    enum pxr_err e;
    uint32_t n_durable = 0;
    kept_init(&file, NULL, 0);
    file.io.write_at = unhooked_write;
    n_asked = 0;
    fail_at = n;
    for_good = persistent;
    has_failed = false;
    pxr_alloc_hook(allow);
    e = live(&n_durable, &d);
    pxr_alloc_hook(NULL);
    if (e != PXR_OK && e != PXR_E_NOMEM)
        TORTURE_FAIL("request %llu: %d %s", (unsigned long long)n, e, d.text);
    if (!has_failed && e != PXR_OK)
        TORTURE_FAIL("request %llu: fails although nothing failed: %s", (unsigned long long)n, d.text);
    if (n_durable) {
        const int64_t found = torture_read(&file.io, file.memory.arg, &e, &d);
        if (e != PXR_OK || found < n_durable)
            TORTURE_FAIL("request %llu: %lld of %u frames are there: %s", (unsigned long long)n, (long long)found,
                         n_durable, d.text);
    }
    kept_fini(&file);
    return has_failed;
}

int main(int argc, char **argv)
{
    static const enum pxr_codec codecs[] = {PXR_CODEC_STORE, PXR_CODEC_AUTO, PXR_CODEC_PREDICT, PXR_CODEC_MATCH,
                                            PXR_CODEC_ADAPTIVE, PXR_CODEC_SORTED, PXR_CODEC_STORE};
    const uint64_t count = torture_count(argc, argv, 300), n_lives = sizeof codecs / sizeof *codecs - 1;
    uint64_t n_faults = 0, n_requests = 0;
    for (uint64_t life = 0; life < n_lives; life++) {
        uint64_t n_here = 0;
        first_codec = codecs[life];
        second_codec = codecs[life + 1];
        parity_percent = life % 3 == 0 && pxr_parity_is_built_in() ? 5 : 0;
        if (!torture_has_codec(first_codec) || !torture_has_codec(second_codec))
            continue;
        try_one(UINT64_MAX, false);
        n_here = n_asked;
        n_requests += n_here;
        /* As many as were asked for, evenly over all lives; more than two a request there are not. */
        const uint64_t wanted = count / n_lives + 1, step = 2 * n_here > wanted ? 2 * n_here / wanted : 1;
        for (uint64_t n = 1 + life % step; n <= n_here; n += step)
            for (int persistent = 0; persistent < 2; persistent++)
                n_faults += try_one(n, persistent);
    }
    printf("ALLOC %llu faults in %llu requests: every one ends with NOMEM, no committed frame lost\n",
           (unsigned long long)n_faults, (unsigned long long)n_requests);
    return n_requests < 1000;
}
