/* SPDX-License-Identifier: MIT
 * Hostile archives, recovered and appended to. */
#include "torture_hostile.h"

#include "checksum.h"

enum { MAX_FRAMES_COMPARED = 200 };
#define MAX_COMPARED_BYTES ((uint64_t)64 << 20)

/* ---- recover ------------------------------------------------------------------------------------- */

static bool is_number(const char *name)
{
    return strspn(name, "0123456789") == strlen(name);
}

static bool is_true(uint64_t hash, const struct truths *truths, size_t n_truths)
{
    for (size_t t = 0; t < n_truths; t++)
        for (size_t i = 0; i < truths[t].n; i++)
            if (truths[t].hashes[i] == hash)
                return true;
    return false;
}

/* Where its page was lost, a frame is kept because its group has the right hash, which a forger can make: it has no
 * name then.  All others are what their pages say. */
static void expect_true_frames(struct kept_file *fresh, const struct pxr_recover_report *report, const struct truths *truths,
                               size_t n_truths, struct outcome *out)
{
    struct pxr_archive_info info;
    struct pxr_check_report check;
    struct pxr_diag d = {0};
    pxr_archive *a;
    enum pxr_err e = pxr_archive_check_io(&fresh->io, fresh->memory.arg, PXR_CHECK_DEEP, 1, NULL, NULL, &check, &d);
    if (e != PXR_OK || check.n_damages)
        TORTURE_FAIL("what recover has made is not sound: %d %s, %llu damages", e, d.text, (unsigned long long)check.n_damages);
    e = pxr_archive_open_io(&a, &fresh->io, fresh->memory.arg, NULL, &d);
    if (e != PXR_OK)
        TORTURE_FAIL("what recover has made cannot be opened: %s", d.text);
    pxr_archive_info(a, &info);
    if (info.n_frames != report->n_frames)
        TORTURE_FAIL("recover says %llu frames, %llu are there", (unsigned long long)report->n_frames,
                     (unsigned long long)info.n_frames);
    for (uint64_t i = 0; i < info.n_frames; i++) {
        struct pxr_frame_info f;
        e = pxr_frame_info(a, i, &f, &d);
        if (e != PXR_OK)
            TORTURE_FAIL("frame %llu of what recover has made: %s", (unsigned long long)i, d.text);
        if (is_true(f.pixel_hash, truths, n_truths))
            out->n_frames_proved++;
        else if (!report->n_names_lost || !is_number(f.name))
            TORTURE_FAIL("recover has made a frame '%s' that was never packed", f.name);
    }
    out->n_frames_recovered = info.n_frames;
    pxr_archive_close(a);
}

void recover_hostile(const struct forged *f, const struct forged *second, const struct truths *truths, size_t n_truths,
                     struct outcome *out)
{
    struct pxr_recover_opts o = {.n_threads = 1};
    struct pxr_recover_report report;
    struct kept_file damaged, copy, fresh;
    struct pxr_diag d = {0};
    size_t n_made;
    kept_init(&damaged, f->bytes, f->n);
    kept_init(&copy, second ? second->bytes : NULL, second ? second->n : 0);
    kept_init(&fresh, NULL, 0);
    if (second) {
        o.second_io = &copy.io;
        o.second_arg = copy.memory.arg;
    }
    const enum pxr_err e =
        pxr_archive_recover_io(&damaged.io, damaged.memory.arg, &fresh.io, fresh.memory.arg, &o, &report, &d);
    pxr_file_memory_bytes(&fresh.memory, &n_made);
    out->made_bytes = n_made;
    if (e != PXR_E_MISMATCH) /* not two copies of one archive */
        expect_class(e, &d, "recover", out);
    if (e == PXR_OK) {
        out->is_recovered = 1;
        expect_true_frames(&fresh, &report, truths, n_truths, out);
    }
    kept_fini(&damaged);
    kept_fini(&copy);
    kept_fini(&fresh);
}

/* ---- append -------------------------------------------------------------------------------------- */

struct content {
    uint64_t n_frames, n_compared, frame_bytes, n_damages;
    uint64_t hashes[MAX_FRAMES_COMPARED]; /* of the samples; 0: cannot be read */
};

/* What can be read of it now; false: nothing. */
static bool read_content(const struct kept_file *k, struct content *c)
{
    const struct pxr_limits limits = {.cache_bytes = (uint64_t)4 << 20};
    struct pxr_archive_info info;
    struct pxr_check_report check;
    struct pxr_diag d;
    pxr_archive *a;
    pxr_decoder *decoder;
    *c = (struct content){0};
    if (pxr_archive_open_io(&a, &k->io, k->memory.arg, &limits, &d) != PXR_OK)
        return false;
    pxr_archive_info(a, &info);
    const size_t row = (size_t)info.width_px * (info.bits / 8u);
    c->n_frames = info.n_frames;
    c->frame_bytes = (uint64_t)row * info.height_px;
    c->n_compared = pxr_min_u64(MAX_FRAMES_COMPARED, pxr_min_u64(c->n_frames, MAX_COMPARED_BYTES / c->frame_bytes));
    uint8_t *const pixels = malloc(c->frame_bytes);
    if (!pixels || pxr_decoder_new(&decoder, a) != PXR_OK)
        TORTURE_FAIL("no memory");
    for (uint64_t i = 0; i < c->n_compared; i++)
        if (pxr_frame_read(decoder, i, 0, info.height_px, pixels, c->frame_bytes, row) == PXR_OK)
            c->hashes[i] = pxr_xxh3_64(pixels, c->frame_bytes);
    free(pixels);
    pxr_decoder_free(decoder);
    pxr_archive_close(a);
    /* Its own damages are reported; what opens cannot fail in another way. */
    if (pxr_archive_check_io(&k->io, k->memory.arg, PXR_CHECK_FULL, 1, NULL, NULL, &check, &d) != PXR_OK)
        check.n_damages = 1;
    c->n_damages = check.n_damages;
    return true;
}

static void expect_grown(const struct kept_file *k, const struct content *before, uint64_t hash)
{
    struct pxr_frame_info f;
    struct pxr_diag d = {0};
    struct content *const after = malloc(sizeof *after);
    pxr_archive *a;
    pxr_decoder *decoder;
    if (!read_content(k, after) || after->n_frames != before->n_frames + 1)
        TORTURE_FAIL("what was appended to does not have one frame more");
    for (uint64_t i = 0; i < before->n_compared && i < after->n_compared; i++)
        if (before->hashes[i] && before->hashes[i] != after->hashes[i])
            TORTURE_FAIL("appending changed frame %llu", (unsigned long long)i);
    if (!before->n_damages && after->n_damages)
        TORTURE_FAIL("appending made %llu damages", (unsigned long long)after->n_damages);
    uint8_t *const pixels = malloc(before->frame_bytes);
    if (pxr_archive_open_io(&a, &k->io, k->memory.arg, NULL, &d) != PXR_OK || pxr_decoder_new(&decoder, a) != PXR_OK)
        TORTURE_FAIL("what was appended to cannot be opened: %s", d.text);
    struct pxr_archive_info info;
    pxr_archive_info(a, &info);
    if (pxr_frame_read(decoder, before->n_frames, 0, info.height_px, pixels, before->frame_bytes,
                       (size_t)before->frame_bytes / info.height_px) != PXR_OK ||
        pxr_xxh3_64(pixels, before->frame_bytes) != hash)
        TORTURE_FAIL("the frame that was appended is not there: %s", pxr_decoder_diag(decoder)->text);
    if (pxr_frame_info(a, before->n_frames, &f, &d) != PXR_OK || strncmp(f.name, "appended", 8))
        TORTURE_FAIL("the frame that was appended has another name: %s", d.text);
    free(pixels);
    pxr_decoder_free(decoder);
    pxr_archive_close(a);
    free(after);
}

void append_hostile(const struct forged *f, bool skips_tail, struct outcome *out)
{
    const struct pxr_write_opts o = {.n_threads = 1, .skip_tail = skips_tail, .suffix_names = true};
    struct content *const before = malloc(sizeof *before);
    struct pxr_diag d = {0};
    struct kept_file k;
    pxr_writer *w;
    size_t n;
    kept_init(&k, f->bytes, f->n);
    const bool is_open = read_content(&k, before);
    enum pxr_err e = pxr_writer_append_io(&w, &k.io, k.memory.arg, &o, &d);
    if (e == PXR_OK && !is_open)
        TORTURE_FAIL("what cannot be opened can be appended to");
    if (e == PXR_OK) {
        uint8_t *const pixels = calloc(1, before->frame_bytes);
        pixels[before->frame_bytes / 2] = 77;
        const uint64_t hash = pxr_xxh3_64(pixels, before->frame_bytes);
        e = pxr_writer_add(w, &(struct pxr_frame_in){.pixels = pixels, .name = "appended"});
        free(pixels);
        if (e == PXR_OK) {
            e = pxr_writer_finish(w, NULL, &d);
        } else {
            d = *pxr_writer_diag(w);
            pxr_writer_abort(w);
        }
        if (e == PXR_OK) {
            out->is_appended = 1;
            expect_grown(&k, before, hash);
        }
    }
    if (e != PXR_E_STATE) /* the tail holds whole records */
        expect_class(e, &d, "append", out);
    const uint8_t *const bytes = pxr_file_memory_bytes(&k.memory, &n);
    if (n < f->n || memcmp(bytes, f->bytes, f->n))
        TORTURE_FAIL("appending changed what was there");
    out->made_bytes = n;
    kept_fini(&k);
    free(before);
}
