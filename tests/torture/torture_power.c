/* SPDX-License-Identifier: MIT
 * Loss of power: every write and barrier of a life of packing and appending is recorded; then files are made as a
 * disk may show them after the power went: all that a barrier covers, and of what came later any part.
 * No committed frame may be lost, none invented, and appending must be able to go on. */
#include "torture.h"

#include "layout.h"

/* ---- recording ---------------------------------------------------------------------------------- */

struct event {
    uint64_t off;
    size_t n_bytes; /* 0: a barrier, or n_durable frames were promised at this point */
    bool is_barrier;
    uint32_t n_durable;
    uint8_t *bytes;
};
static struct event events[4096];
static size_t n_events;
static struct kept_file disk;

static void note(struct event e)
{
    if (n_events == sizeof events / sizeof *events)
        TORTURE_FAIL("too many events");
    events[n_events++] = e;
}

static enum pxr_err write_noted(void *arg, uint64_t off, const void *src, size_t n, int *err)
{
    uint8_t *copy = memcpy(malloc(n), src, n);
    note((struct event){.off = off, .n_bytes = n, .bytes = copy});
    return disk.memory.io.write_at(arg, off, src, n, err);
}

static enum pxr_err sync_noted(void *arg, int *err)
{
    note((struct event){.is_barrier = true});
    return disk.memory.io.sync(arg, err);
}

static void promise(uint32_t n_durable) { note((struct event){.n_durable = n_durable}); }

/* A life of its own for each of: without parity, with it. */
static void live(uint8_t parity_percent)
{
    struct pxr_write_opts o = {.width_px = TORTURE_W, .height_px = TORTURE_H, .bits = 8, .n_threads = 1,
                               .block_frames = 2, .publish_at_commit = true, .parity_percent = parity_percent};
    struct pxr_diag d;
    pxr_writer *w;
    uint32_t unused;
    n_events = 0;
    kept_init(&disk, NULL, 0);
    disk.io.write_at = write_noted;
    disk.io.sync = sync_noted;
    for (uint32_t first = 0; first < TORTURE_FRAMES; first += 4) {
        const enum pxr_err e = first ? pxr_writer_append_io(&w, &disk.io, disk.memory.arg, &o, &d)
                                     : pxr_writer_create_io(&w, &disk.io, disk.memory.arg, &o, &d);
        if (e != PXR_OK)
            TORTURE_FAIL("%s", d.text);
        for (uint32_t i = first; i < first + 4; i++) {
            if (torture_add(w, i, i + 1, &unused) != PXR_OK)
                TORTURE_FAIL("%s", pxr_writer_diag(w)->text);
            if (i % 3 == 2)
                promise(i + 1);
        }
        if (pxr_writer_finish(w, NULL, &d) != PXR_OK)
            TORTURE_FAIL("%s", d.text);
        promise(first + 4);
    }
    kept_fini(&disk);
}

/* ---- images ------------------------------------------------------------------------------------- */

static uint8_t image[1 << 20];
static size_t image_bytes;

static void apply(const struct event *e, size_t from, size_t n)
{
    if (e->off + from + n > sizeof image)
        TORTURE_FAIL("the image is too small");
    /* Whether the file has grown is metadata of its own: bytes in between are zero. */
    if (e->off + from > image_bytes)
        memset(image + image_bytes, 0, e->off + from - image_bytes);
    memcpy(image + e->off + from, e->bytes + from, n);
    if (e->off + from + n > image_bytes)
        image_bytes = e->off + from + n;
}

/* Power is lost after the first n events: of the writes that no barrier covers, each is there, is not, or is torn
 * at a sector.  Returns what was promised. */
static uint32_t make_image(size_t n, int kind, uint64_t *state)
{
    static const size_t sectors[] = {8, 512, 4096};
    size_t barrier = 0;
    uint32_t promised = 0;
    image_bytes = 0;
    for (size_t i = 0; i < n; i++) {
        barrier = events[i].is_barrier ? i : barrier;
        promised = events[i].n_durable ? events[i].n_durable : promised;
    }
    for (size_t i = 0; i < n; i++) {
        const struct event *e = &events[i];
        if (!e->n_bytes)
            continue;
        const uint64_t dice = i < barrier || kind == 0 ? 0 : test_random(state) % 4;
        if (dice == 0) {
            apply(e, 0, e->n_bytes);
        } else if (dice >= 2) {
            const size_t sector = sectors[test_random(state) % 3], first = sector - e->off % sector;
            for (size_t at = 0, k; at < e->n_bytes; at += k) {
                k = at ? sector : first;
                k = k < e->n_bytes - at ? k : e->n_bytes - at;
                if (test_random(state) % 2)
                    apply(e, at, k);
            }
        }
    }
    return promised;
}

static void go_on(int64_t n_before, const char *what)
{
    const struct pxr_write_opts o = {.n_threads = 1, .skip_tail = true};
    struct pxr_check_report report;
    struct kept_file k;
    struct pxr_diag d;
    enum pxr_err e;
    pxr_writer *w;
    uint32_t unused;
    kept_init(&k, image, image_bytes);
    e = pxr_writer_append_io(&w, &k.io, k.memory.arg, &o, &d);
    if (e != PXR_OK)
        TORTURE_FAIL("%s: append: %s", what, d.text);
    if (torture_add(w, (uint32_t)n_before, TORTURE_FRAMES, &unused) != PXR_OK)
        TORTURE_FAIL("%s: append: %s", what, pxr_writer_diag(w)->text);
    if (pxr_writer_finish(w, NULL, &d) != PXR_OK)
        TORTURE_FAIL("%s: append: %s", what, d.text);
    if (torture_read(&k.io, k.memory.arg, &e, &d) != TORTURE_FRAMES || e != PXR_OK)
        TORTURE_FAIL("%s: after append: %s", what, d.text);
    if (pxr_archive_check_io(&k.io, k.memory.arg, PXR_CHECK_DEEP, 1, NULL, NULL, &report, &d) != PXR_OK ||
        report.n_damages)
        TORTURE_FAIL("%s: after append, check finds %llu damages", what, (unsigned long long)report.n_damages);
    kept_fini(&k);
}

static void recover(uint32_t promised, const char *what)
{
    static struct recovered r;
    struct pxr_diag d = {0};
    if (recover_bytes(&r, image, image_bytes, &d) != PXR_OK || recovered_verify(&r, &torture_spec, &d) != PXR_OK)
        TORTURE_FAIL("%s: recover: %s", what, d.text);
    if (r.report.n_frames < promised || r.report.n_frames_lost > TORTURE_FRAMES - promised)
        TORTURE_FAIL("%s: recover loses frames", what);
    kept_fini(&r.fresh);
}

static uint64_t n_images, n_frames;

/* So many images of one life. */
static void break_life(uint8_t parity_percent, uint64_t count)
{
    uint64_t state = 1;
    live(parity_percent);
    /* A file without a commit has no name yet. */
    size_t first = 0;
    while (first < n_events && !events[first].n_durable)
        first++;
    count += n_images;
    for (uint64_t round = 0; n_images < count; round++)
        for (size_t n = first + 1; n <= n_events && n_images < count; n++) {
            char what[64];
            struct kept_file k;
            struct pxr_diag d = {0};
            enum pxr_err e;
            const uint32_t promised = make_image(n, round > 0, &state);
            snprintf(what, sizeof what, "image %llu, after %zu events", (unsigned long long)n_images, n);
            kept_init(&k, image, image_bytes);
            const int64_t found = torture_read(&k.io, k.memory.arg, &e, &d);
            kept_fini(&k);
            if (e != PXR_OK)
                TORTURE_FAIL("%s: %s", what, d.text);
            if (found < promised)
                TORTURE_FAIL("%s: %lld of %u committed frames are there", what, (long long)found, promised);
            n_frames += (uint64_t)found;
            if (n_images % 2)
                go_on(found, what);
            else
                recover(promised, what);
            n_images++;
        }
    for (size_t i = 0; i < n_events; i++)
        free(events[i].bytes);
}

int main(int argc, char **argv)
{
    const uint64_t count = torture_count(argc, argv, 500), with_parity = pxr_parity_is_built_in() ? count / 2 : 0;
    size_t n_most;
    break_life(0, count - with_parity);
    n_most = n_events;
    if (with_parity)
        break_life(10, with_parity);
    printf("POWER %llu images, %llu of %zu events and %llu with parity of %zu, %llu frames read: 0 committed frames lost, 0 "
           "invented\n",
           (unsigned long long)n_images, (unsigned long long)(n_images - with_parity), n_most,
           (unsigned long long)with_parity, n_events, (unsigned long long)n_frames);
    return 0;
}
