/* SPDX-License-Identifier: MIT
 * Recovering a damaged archive of a test_spec, and holding the result to the truth. */
#ifndef PXR_TESTS_RECOVERED_H
#define PXR_TESTS_RECOVERED_H

#include "kept_archive.h"

struct recovered {
    struct kept_file fresh;
    struct pxr_recover_report report;
    uint64_t n_told_lost, n_told_numbered; /* sums over what was told */
    bool lost[4096];                       /* frames that were told to be lost */
};

static inline void recovered_note(void *arg, const struct pxr_loss *loss)
{
    struct recovered *r = arg;
    *(loss->is_kept ? &r->n_told_numbered : &r->n_told_lost) += loss->n_frames;
    for (uint64_t i = 0; !loss->is_kept && i < loss->n_frames && loss->first_frame + i < 4096; i++)
        r->lost[loss->first_frame + i] = true;
}

/* Recover bytes into r->fresh, to be finished with kept_fini. */
static inline enum pxr_err recover_bytes(struct recovered *r, const uint8_t *bytes, size_t n, struct pxr_diag *diag)
{
    struct kept_file damaged;
    const struct pxr_recover_opts o = {.n_threads = 1, .lost = recovered_note, .arg = r};
    *r = (struct recovered){0};
    kept_init(&damaged, bytes, n);
    kept_init(&r->fresh, NULL, 0);
    const enum pxr_err e = pxr_archive_recover_io(&damaged.io, damaged.memory.arg, &r->fresh.io, r->fresh.memory.arg,
                                                  &o, &r->report, diag);
    kept_fini(&damaged);
    return e;
}

/* The new archive is sound, and each of its frames is one of the spec's: "name_0012" or, where the name is lost, "000012".  In
 * order, none twice, none of which it was told that it is lost.  PXR_OK, or an error with its text. */
static inline enum pxr_err recovered_verify(struct recovered *r, const struct test_spec *s, struct pxr_diag *diag)
{
    struct pxr_check_report check;
    struct pxr_archive_info info;
    pxr_archive *a;
    pxr_decoder *d;
    const size_t row = (size_t)s->w * (s->bits / 8u), n = row * s->h;
    enum pxr_err e = pxr_archive_check_io(&r->fresh.io, r->fresh.memory.arg, PXR_CHECK_DEEP, 1, NULL, NULL, &check, diag);
    if (e == PXR_OK && check.n_damages)
        e = pxr_fail(diag, PXR_E_MISMATCH, "the new archive is damaged");
    if (e == PXR_OK)
        e = pxr_archive_open_io(&a, &r->fresh.io, r->fresh.memory.arg, NULL, diag);
    if (e != PXR_OK)
        return e;
    pxr_archive_info(a, &info);
    if (info.n_frames != r->report.n_frames || r->n_told_lost != r->report.n_frames_lost ||
        r->n_told_numbered != r->report.n_names_lost)
        e = pxr_fail(diag, PXR_E_MISMATCH, "the report does not say what happened");
    if (e == PXR_OK)
        e = pxr_decoder_new(&d, a);
    uint8_t *want = malloc(n), *got = malloc(n);
    int64_t last = -1;
    uint64_t n_numbered = 0;
    for (uint64_t i = 0; i < info.n_frames && e == PXR_OK; i++) {
        struct pxr_frame_info f;
        e = pxr_frame_info(a, i, &f, diag);
        if (e == PXR_OK)
            e = pxr_frame_read(d, i, 0, s->h, got, n, row);
        if (e != PXR_OK)
            break;
        const bool has_name = !strncmp(f.name, "name_", 5);
        const long number = strtol(f.name + (has_name ? 5 : 0), NULL, 10);
        n_numbered += !has_name;
        if (number <= last || number >= (long)s->n_frames || r->lost[number])
            e = pxr_fail(diag, PXR_E_MISMATCH, "frame %ld is not where it belongs, or was told to be lost", number);
        test_frame(want, (uint64_t)number, s->w, s->h, s->bits, test_max(s->bits), s->content);
        if (memcmp(want, got, n))
            e = pxr_fail(diag, PXR_E_MISMATCH, "WRONG PIXELS in frame %ld", number);
        last = number;
    }
    if (e == PXR_OK && n_numbered != r->report.n_names_lost)
        e = pxr_fail(diag, PXR_E_MISMATCH, "%llu frames are numbered", (unsigned long long)n_numbered);
    free(want);
    free(got);
    pxr_decoder_free(d);
    pxr_archive_close(a);
    return e;
}

#endif
