/* SPDX-License-Identifier: MIT
 * Arbitrary bytes as a damaged archive: recovered, checked, appended to.  Whatever they say, time and memory stay
 * bounded, and what recover and append make can be opened and is sound. */
#include "kept_archive.h"
#include "parse.h"

#include <stdint.h>

#define MAX_FRAME_PX 64
#define MAX_BYTES 49152 /* the shortest archive with parity has some 18 KB */

/* Frames that all groups claim together: constant blocks may claim any number, and each would be decoded. */
static uint64_t claimed_frames(const uint8_t *src, size_t n_bytes)
{
    uint64_t n = 0;
    for (size_t off = 128; off + 48 + 40 <= n_bytes; off += 8)
        if (!memcmp(src + off, PXR_MARKER, 4) && src[off + 4] == PXR_RECORD_GROUP)
            n += pxr_load_u32le(src + off + 48 + 8);
    return n;
}

static void tell(void *arg, const struct pxr_diag *damage)
{
    char line[512];
    (void)arg;
    fprintf(stderr, "%s\n", pxr_diag_line(damage, line, sizeof line));
}

/* What our own writer has made. */
static void expect_sound(struct kept_file *k)
{
    struct pxr_check_report report;
    struct pxr_diag diag;
    pxr_archive *a;
    if (pxr_archive_open_io(&a, &k->io, k->memory.arg, NULL, &diag) != PXR_OK) {
        tell(NULL, &diag);
        abort();
    }
    pxr_archive_close(a);
    if (pxr_archive_check_io(&k->io, k->memory.arg, PXR_CHECK_DEEP, 1, tell, NULL, &report, &diag) != PXR_OK ||
        report.n_damages)
        abort();
}

/* With a second copy that has lost its middle, or alone. */
static void recover(const uint8_t *src, size_t n_bytes, bool has_second)
{
    struct pxr_recover_opts o = {.n_threads = 1};
    struct pxr_recover_report report;
    struct kept_file damaged, second, fresh;
    struct pxr_diag diag;
    static uint8_t other[MAX_BYTES];
    memcpy(other, src, n_bytes);
    memset(other + n_bytes / 3, 0, n_bytes / 8);
    kept_init(&second, other, n_bytes);
    if (has_second) {
        o.second_io = &second.io;
        o.second_arg = second.memory.arg;
    }
    kept_init(&damaged, src, n_bytes);
    kept_init(&fresh, NULL, 0);
    if (pxr_archive_recover_io(&damaged.io, damaged.memory.arg, &fresh.io, fresh.memory.arg, &o, &report, &diag) == PXR_OK)
        expect_sound(&fresh);
    kept_fini(&damaged);
    kept_fini(&second);
    kept_fini(&fresh);
}

static void append(const uint8_t *src, size_t n_bytes)
{
    const struct pxr_write_opts o = {.n_threads = 1, .skip_tail = true, .suffix_names = true};
    static const uint8_t pixels[2 * MAX_FRAME_PX] = {1, 2, 3};
    struct pxr_check_report report;
    struct kept_file k;
    struct pxr_diag diag;
    pxr_writer *w;
    kept_init(&k, src, n_bytes);
    pxr_archive_check_io(&k.io, k.memory.arg, PXR_CHECK_FULL, 1, NULL, NULL, &report, &diag);
    if (pxr_writer_append_io(&w, &k.io, k.memory.arg, &o, &diag) == PXR_OK) {
        const struct pxr_frame_in f = {.pixels = pixels, .name = "appended"};
        if (pxr_writer_add(w, &f) == PXR_OK) {
            if (pxr_writer_finish(w, NULL, &diag) == PXR_OK) {
                pxr_archive *a;
                if (pxr_archive_open_io(&a, &k.io, k.memory.arg, NULL, &diag) != PXR_OK)
                    abort();
                pxr_archive_close(a);
            }
        } else {
            pxr_writer_abort(w);
        }
    }
    kept_fini(&k);
}

int LLVMFuzzerTestOneInput(const uint8_t *src, size_t n_bytes);
int LLVMFuzzerTestOneInput(const uint8_t *src, size_t n_bytes)
{
    if (n_bytes < 128 || n_bytes > MAX_BYTES || claimed_frames(src, n_bytes) > 4096 ||
        (uint64_t)pxr_load_u32le(src + 40) * pxr_load_u32le(src + 44) > MAX_FRAME_PX)
        return 0;
    recover(src, n_bytes, false);
    recover(src, n_bytes, true);
    append(src, n_bytes);
    return 0;
}
