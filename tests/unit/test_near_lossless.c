/* SPDX-License-Identifier: MIT
 * Near-lossless archives: no sample is further from its source than the archive says, and errors never add up. */
#include "kept_archive.h"
#include "near_samples.h"
#include "parse.h"

#include <fcntl.h>
#include <unistd.h>

#include <criterion/criterion.h>

/* ---- a block ------------------------------------------------------------------------------------ */

static uint32_t sample(const uint8_t *p, uint8_t bits, size_t i)
{
    uint16_t deep;
    if (bits == 8)
        return p[i];
    memcpy(&deep, p + 2 * i, 2);
    return deep;
}
static void set_sample(uint8_t *p, uint8_t bits, size_t i, uint32_t v)
{
    const uint16_t deep = (uint16_t)v;
    if (bits == 8)
        p[i] = (uint8_t)v;
    else
        memcpy(p + 2 * i, &deep, 2);
}
static uint32_t distance(uint32_t a, uint32_t b) { return a > b ? a - b : b - a; }

/* Frames of 9 x (w + 2), of which columns 1..w are the block; frame t has the maxval top[t]. */
struct scene {
    uint8_t bits;
    uint32_t w, h, n_frames, n_bytes;
    uint16_t *top;
    uint8_t *before, *after;
};

static struct scene make_scene(uint8_t bits, uint32_t w, uint32_t h, uint32_t n_frames, uint32_t most, uint32_t noise, uint64_t seed)
{
    struct scene s = {bits, w, h, n_frames, n_frames * h * (w + 2) * (bits / 8u), malloc(2 * n_frames), NULL, NULL};
    s.before = malloc(s.n_bytes);
    s.after = malloc(s.n_bytes);
    for (uint32_t t = 0; t < n_frames; t++) {
        s.top[t] = (uint16_t)(t % 3 == 2 ? most : test_max(bits));
        for (uint32_t i = 0; i < h * (w + 2); i++) {
            const uint32_t still = (i * 2654435761u >> 7) % (s.top[t] + 1u);
            uint32_t v = still + (uint32_t)(test_random(&seed) % (noise + 1));
            v = i % 7 == 0 ? 0 : i % 7 == 1 ? s.top[t] : v;
            set_sample(s.before, bits, (size_t)t * h * (w + 2) + i, v > s.top[t] ? s.top[t] : v);
        }
    }
    memcpy(s.after, s.before, s.n_bytes);
    return s;
}
static void free_scene(struct scene *s)
{
    free(s->top);
    free(s->before);
    free(s->after);
}
static uint32_t round_scene(struct scene *s, uint32_t max_error)
{
    const size_t row = (s->w + 2) * (s->bits / 8u);
    const struct pxr_near_block b = {{s->n_frames, s->h, s->w, s->bits}, s->after + s->bits / 8u, row, row * s->h, s->top, max_error};
    uint32_t largest = UINT32_MAX;
    cr_assert_eq(pxr_near_round(&b, &largest, NULL), PXR_OK);
    return largest;
}
static void check_scene(const struct scene *s, uint32_t max_error, uint32_t largest)
{
    uint32_t most = 0;
    for (uint32_t i = 0; i < s->n_frames * s->h * (s->w + 2); i++) {
        const uint32_t a = sample(s->before, s->bits, i), b = sample(s->after, s->bits, i), x = i % (s->w + 2);
        if (x == 0 || x == s->w + 1) {
            cr_assert_eq(a, b, "column %u is not of the block", x);
            continue;
        }
        most = distance(a, b) > most ? distance(a, b) : most;
        cr_assert_leq(distance(a, b), max_error, "%u became %u, N %u", a, b, max_error);
        cr_assert_leq(b, s->top[i / (s->h * (s->w + 2))], "maxval");
        cr_assert(a || !b, "0 became %u", b);
    }
    cr_assert_eq(most, largest);
}

Test(near, no_sample_is_too_far_from_its_source)
{
    uint64_t state = 3;
    for (unsigned i = 0; i < 400; i++) {
        const uint8_t bits = i & 1 ? 16 : 8;
        const uint32_t max = test_max(bits), w = 1 + (uint32_t)(test_random(&state) % 40);
        const uint32_t n_frames = i == 7 ? 20000 : 1 + (uint32_t)(test_random(&state) % 40);
        uint32_t max_error = 1 + (uint32_t)(test_random(&state) % (i & 2 ? 9 : max));
        const uint32_t top = 1 + (uint32_t)(test_random(&state) % max);
        max_error = i == 4 || i == 5 ? max : max_error;
        struct scene s = make_scene(bits, i == 7 ? 2 : w, i == 7 ? 2 : 9, n_frames, top, (uint32_t)(test_random(&state) % (i & 4 ? max : 5)), i);
        check_scene(&s, max_error, round_scene(&s, max_error));
        free_scene(&s);
    }
}

/* Every sample that there is, with every bound of 8 bits and with many of 16. */
Test(near, every_value_stays_within_the_bound)
{
    for (uint8_t bits = 8; bits <= 16; bits = (uint8_t)(bits + 8))
        for (uint32_t max_error = 1, max = test_max(bits); max_error <= max; max_error += bits == 8 ? 1 : 1 + max_error / 7) {
            const uint32_t n = max + 1;
            const uint16_t top[2] = {(uint16_t)max, (uint16_t)max};
            uint8_t *p = malloc(4 * (size_t)n);
            uint32_t largest;
            for (uint32_t i = 0; i < 2 * n; i++)
                set_sample(p, bits, i, i % n);
            const struct pxr_near_block b = {{2, 1, n, bits}, p, n * (bits / 8u), n * (bits / 8u), top, max_error};
            cr_assert_eq(pxr_near_round(&b, &largest, NULL), PXR_OK);
            for (uint32_t i = 0; i < 2 * n; i++)
                cr_assert_leq(distance(sample(p, bits, i), i % n), max_error, "%u became %u, N %u", i % n, sample(p, bits, i), max_error);
            free(p);
        }
}

static uint32_t n_values(const struct scene *s)
{
    uint8_t *seen = calloc(65536, 1);
    uint32_t n = 0;
    for (uint32_t i = 0; i < s->n_frames * s->h * (s->w + 2); i++)
        if (i % (s->w + 2) && i % (s->w + 2) != s->w + 1)
            seen[sample(s->after, s->bits, i)] = 1;
    for (uint32_t v = 0; v < 65536; v++)
        n += seen[v];
    free(seen);
    return n;
}
static uint32_t n_changes(const struct scene *s, const uint8_t *p)
{
    const uint32_t px = s->h * (s->w + 2);
    uint32_t n = 0;
    for (uint32_t i = px; i < s->n_frames * px; i++)
        n += sample(p, s->bits, i) != sample(p, s->bits, i - px);
    return n;
}

/* Where noise is smaller than the bound, samples keep their values; where it is larger, there are as few as can be. */
Test(near, what_is_still_becomes_still)
{
    struct scene still = make_scene(8, 40, 40, 32, 255, 4, 1), noisy = make_scene(8, 40, 40, 32, 255, 255, 2);
    round_scene(&still, 4);
    round_scene(&noisy, 4);
    const uint32_t before = n_changes(&still, still.before), after = n_changes(&still, still.after);
    cr_expect_lt(after, before / 10, "%u changes, not %u", after, before); /* the columns beside the block stay */
    cr_expect_leq(n_values(&noisy), 255 / 9 + 2, "%u values", n_values(&noisy));
    free_scene(&still);
    free_scene(&noisy);
}

/* ---- an archive --------------------------------------------------------------------------------- */

enum { W = 37, H = 29, N_FRAMES = 21 };

static uint8_t frame_of(uint8_t *dst, uint64_t i, uint8_t bits, uint32_t *maxval)
{
    *maxval = i % 5 == 3 ? 201 : test_max(bits);
    test_frame(dst, i, W, H, bits, *maxval, i % 2 ? TEST_NOISE : TEST_SMOOTH);
    return bits;
}

static enum pxr_err add_frames(pxr_writer *w, uint8_t bits, uint64_t first, uint64_t end)
{
    uint8_t pixels[H * (W + 3) * 2];
    enum pxr_err e = PXR_OK;
    for (uint64_t i = first; i < end && e == PXR_OK; i++) {
        uint32_t maxval;
        uint8_t tight[H * W * 2];
        frame_of(tight, i, bits, &maxval);
        for (size_t y = 0; y < H; y++) /* rows with gaps */
            memcpy(pixels + y * (W + 3) * (bits / 8u), tight + y * W * (bits / 8u), W * (bits / 8u));
        e = pxr_writer_add(w, &(struct pxr_frame_in){.pixels = pixels, .stride_bytes = (W + 3) * (bits / 8u), .maxval = (uint16_t)maxval});
    }
    return e;
}

static uint32_t write_near(struct kept_file *k, uint8_t bits, uint16_t max_error, enum pxr_codec codec, unsigned n_threads)
{
    const struct pxr_write_opts o = {.width_px = W, .height_px = H, .bits = bits, .max_error = max_error, .block_frames = 6,
                                     .block_height_px = 11, .codec = codec, .n_threads = n_threads};
    struct pxr_write_summary sum;
    struct pxr_diag d;
    pxr_writer *w;
    kept_init(k, NULL, 0);
    cr_assert_eq(pxr_writer_create_io(&w, &k->io, k->memory.arg, &o, &d), PXR_OK, "%s", d.text);
    cr_assert_eq(add_frames(w, bits, 0, N_FRAMES), PXR_OK);
    cr_assert_eq(pxr_writer_finish(w, &sum, &d), PXR_OK, "%s", d.text);
    return sum.largest_error;
}

/* The samples of all frames; each is compared with its source. */
static uint8_t *read_near(struct kept_file *k, uint8_t bits, uint16_t max_error, uint64_t n_frames)
{
    const size_t row = W * (bits / 8u), n = row * H;
    uint8_t source[H * W * 2], *all = malloc(n_frames * n);
    struct pxr_archive_info info;
    struct pxr_check_report report;
    struct pxr_diag diag;
    pxr_archive *a;
    pxr_decoder *d;
    cr_assert_eq(pxr_archive_open_io(&a, &k->io, k->memory.arg, NULL, &diag), PXR_OK, "%s", diag.text);
    pxr_archive_info(a, &info);
    cr_assert_eq(info.max_error, max_error);
    cr_assert_eq(info.n_frames, n_frames);
    cr_assert_eq(pxr_decoder_new(&d, a), PXR_OK);
    for (uint64_t i = 0; i < n_frames; i++) {
        uint32_t maxval;
        frame_of(source, i, bits, &maxval);
        cr_assert_eq(pxr_frame_read(d, i, 0, H, all + i * n, n, row), PXR_OK);
        for (size_t p = 0; p < W * H; p++) {
            const uint32_t got = sample(all + i * n, bits, p);
            cr_assert_leq(distance(got, sample(source, bits, p)), max_error);
            cr_assert_leq(got, maxval);
        }
    }
    pxr_decoder_free(d);
    pxr_archive_close(a);
    /* Hashes are those of the samples that readers get. */
    cr_assert_eq(pxr_archive_check_io(&k->io, k->memory.arg, PXR_CHECK_DEEP, 1, NULL, NULL, &report, &diag), PXR_OK);
    cr_assert_eq(report.n_damages, 0);
    return all;
}

Test(near, an_archive_keeps_its_promise)
{
    static const uint16_t errors[] = {1, 2, 3, 7, 60, 127, 255, 256, 4000, 32768, 65535};
    static const enum pxr_codec codecs[] = {PXR_CODEC_AUTO, PXR_CODEC_STORE, PXR_CODEC_PREDICT, PXR_CODEC_MATCH, PXR_CODEC_ADAPTIVE};
    for (size_t i = 0; i < 2 * sizeof errors / sizeof *errors; i++) {
        const uint8_t bits = i & 1 ? 16 : 8;
        const uint16_t max_error = errors[i / 2];
        struct kept_file k;
        if (max_error > test_max(bits))
            continue;
        const uint32_t largest = write_near(&k, bits, max_error, codecs[i % 5], 1 + (unsigned)i % 3);
        cr_expect(largest && largest <= max_error);
        free(read_near(&k, bits, max_error, N_FRAMES));
        kept_fini(&k);
    }
}

Test(near, bytes_do_not_depend_on_threads)
{
    struct kept_file one, three;
    size_t n, m;
    write_near(&one, 8, 3, PXR_CODEC_STORE, 1);
    write_near(&three, 8, 3, PXR_CODEC_STORE, 3);
    const uint8_t *a = pxr_file_memory_bytes(&one.memory, &n), *b = pxr_file_memory_bytes(&three.memory, &m);
    cr_expect(n == m && !memcmp(a, b, n));
    kept_fini(&one);
    kept_fini(&three);
}

Test(near, appending_keeps_the_bound)
{
    struct kept_file k;
    struct pxr_diag d;
    pxr_writer *w;
    struct pxr_write_opts o = {.n_threads = 1, .max_error = 3};
    write_near(&k, 16, 2, PXR_CODEC_STORE, 1);
    cr_expect_eq(pxr_writer_append_io(&w, &k.io, k.memory.arg, &o, &d), PXR_E_MISMATCH);
    cr_expect_str_eq(d.field, "max_error");
    for (o.max_error = 0; o.max_error <= 2; o.max_error = (uint16_t)(o.max_error + 2)) { /* unsaid, and the same */
        cr_assert_eq(pxr_writer_append_io(&w, &k.io, k.memory.arg, &o, &d), PXR_OK, "%s", d.text);
        cr_assert_eq(add_frames(w, 16, N_FRAMES + 4 * (o.max_error / 2u), N_FRAMES + 4 * (o.max_error / 2u) + 4), PXR_OK);
        cr_assert_eq(pxr_writer_finish(w, NULL, &d), PXR_OK, "%s", d.text);
    }
    free(read_near(&k, 16, 2, N_FRAMES + 8));
    kept_fini(&k);
    write_near(&k, 16, 0, PXR_CODEC_STORE, 1);
    cr_expect_eq(pxr_writer_append_io(&w, &k.io, k.memory.arg, &o, &d), PXR_E_MISMATCH); /* a lossless one stays so */
    kept_fini(&k);
}

Test(near, impossible_bounds_are_refused)
{
    struct kept_file k;
    struct pxr_diag d;
    pxr_writer *w;
    const struct pxr_write_opts o = {.width_px = W, .height_px = H, .bits = 8, .max_error = 256};
    kept_init(&k, NULL, 0);
    cr_expect_eq(pxr_writer_create_io(&w, &k.io, k.memory.arg, &o, &d), PXR_E_INVALID);
    cr_expect_str_eq(d.text, "a largest error of 256; samples of 8 bits are at most 255");
    kept_fini(&k);
}

/* Coded anew, recovered with a frame missing, copied: the same samples, not rounded again. */
static void write_file(const char *path, struct kept_file *k)
{
    size_t n;
    const uint8_t *bytes = pxr_file_memory_bytes(&k->memory, &n);
    FILE *f = fopen(path, "wb");
    cr_assert(f && fwrite(bytes, 1, n, f) == n && !fclose(f));
}
static void load_file(const char *path, struct kept_file *k)
{
    uint8_t *bytes = NULL;
    size_t n;
    const int fd = open(path, O_RDONLY);
    cr_assert(fd >= 0 && pxr_read_all(fd, 1 << 24, &bytes, &n, NULL) == PXR_OK);
    close(fd);
    unlink(path);
    kept_init(k, bytes, n);
    pxr_free(bytes);
}

Test(near, errors_never_add_up)
{
    char path[] = "/tmp/pxr-near-XXXXXX", fresh[64];
    const size_t n = N_FRAMES * H * W;
    struct kept_file k, again;
    struct pxr_diag d;
    struct pxr_recover_report report;
    close(mkstemp(path));
    snprintf(fresh, sizeof fresh, "%s.fresh", path);
    write_near(&k, 8, 3, PXR_CODEC_STORE, 1);
    uint8_t *all = read_near(&k, 8, 3, N_FRAMES);
    write_file(path, &k);

    struct pxr_repack_opts o = {.write = {.block_frames = 9, .codec = PXR_CODEC_PREDICT, .max_error = 4}};
    cr_expect_eq(pxr_archive_repack(path, fresh, &o, NULL, &d), PXR_E_MISMATCH);
    o.write.max_error = 0;
    cr_assert_eq(pxr_archive_repack(path, fresh, &o, NULL, &d), PXR_OK, "%s", d.text);
    load_file(fresh, &again);
    uint8_t *coded = read_near(&again, 8, 3, N_FRAMES);
    cr_expect(!memcmp(all, coded, n));
    free(coded);
    kept_fini(&again);

    size_t n_file;
    uint8_t *bytes = (uint8_t *)(uintptr_t)pxr_file_memory_bytes(&k.memory, &n_file);
    bytes[PXR_SUPERBLOCK_BYTES + 48 + 600] ^= 1; /* in the first group: its other frames are coded anew */
    write_file(path, &k);
    cr_assert_eq(pxr_archive_recover(path, fresh, NULL, &report, &d), PXR_OK, "%s", d.text);
    cr_expect_eq(report.n_groups_encoded, 1);
    cr_expect_eq(report.n_frames_lost, 1);
    pxr_archive *a;
    pxr_decoder *decoder;
    uint8_t got[H * W];
    cr_assert_eq(pxr_archive_open(&a, fresh, NULL, &d), PXR_OK);
    cr_assert_eq(pxr_decoder_new(&decoder, a), PXR_OK);
    for (uint64_t i = 0; i < N_FRAMES; i++) {
        char name[16];
        uint64_t frame;
        snprintf(name, sizeof name, "%06u", (unsigned)i);
        cr_assert_eq(pxr_frame_find(a, name, 6, &frame, &d), PXR_OK);
        if (frame == PXR_NONE)
            continue;
        cr_assert_eq(pxr_frame_read(decoder, frame, 0, H, got, sizeof got, W), PXR_OK);
        cr_expect(!memcmp(got, all + i * sizeof got, sizeof got), "frame %u", (unsigned)i);
    }
    pxr_decoder_free(decoder);
    pxr_archive_close(a);
    unlink(fresh);
    unlink(path);
    free(all);
    kept_fini(&k);
}

Test(near, archives_with_other_bounds_are_not_merged)
{
    struct kept_file from, to;
    struct pxr_diag d;
    pxr_archive *a;
    pxr_writer *w;
    struct pxr_write_opts o = {.width_px = W, .height_px = H, .bits = 8, .n_threads = 1, .suffix_names = true};
    write_near(&from, 8, 3, PXR_CODEC_STORE, 1);
    cr_assert_eq(pxr_archive_open_io(&a, &from.io, from.memory.arg, NULL, &d), PXR_OK);
    for (o.max_error = 0; o.max_error < 5; o.max_error++) {
        kept_init(&to, NULL, 0);
        cr_assert_eq(pxr_writer_create_io(&w, &to.io, to.memory.arg, &o, &d), PXR_OK);
        cr_expect_eq(pxr_writer_copy(w, a, NULL, NULL, &d), o.max_error == 3 ? PXR_OK : PXR_E_MISMATCH, "%u", o.max_error);
        if (o.max_error == 3) {
            cr_assert_eq(pxr_writer_finish(w, NULL, &d), PXR_OK);
            free(read_near(&to, 8, 3, N_FRAMES));
        } else {
            cr_expect_str_eq(d.field, "max_error");
            pxr_writer_abort(w);
        }
        kept_fini(&to);
    }
    pxr_archive_close(a);
    kept_fini(&from);
}

/* ---- the superblock ----------------------------------------------------------------------------- */

static enum pxr_err parse_with(uint64_t refuse, uint16_t max_error, uint8_t bits, struct pxr_diag *d)
{
    const struct pxr_limits limits = {.max_frame_px = 1 << 28, .max_frames = 1 << 20, .max_index_bytes = 1 << 20};
    struct pxr_superblock sb = {.width_px = 4, .height_px = 4, .bits = bits, .nominal_frames = 1, .nominal_height_px = 4,
                                .nominal_width_px = 4, .nominal_unit_frames = 1};
    pxr_superblock_store(&sb);
    pxr_store_u64le(sb.bytes + 32, refuse);
    pxr_store_u16le(sb.bytes + 50, max_error);
    pxr_store_u64le(sb.bytes + 120, pxr_xxh3_64(sb.bytes, 120));
    struct pxr_superblock out;
    const enum pxr_err e = pxr_parse_superblock(&out, sb.bytes, sizeof sb.bytes, &limits, d);
    cr_assert(e != PXR_OK || out.max_error == max_error);
    return e;
}

Test(near, a_superblock_agrees_with_itself)
{
    struct pxr_diag d;
    cr_expect_eq(parse_with(0, 0, 8, &d), PXR_OK);
    cr_expect_eq(parse_with(1, 255, 8, &d), PXR_OK);
    cr_expect_eq(parse_with(1, 65535, 16, &d), PXR_OK);
    cr_expect_eq(parse_with(1, 256, 8, &d), PXR_E_CORRUPT);
    cr_expect_str_eq(d.field, "max_error");
    cr_expect_eq(parse_with(0, 1, 8, &d), PXR_E_CORRUPT);
    cr_expect_eq(d.off_bytes, 50);
    cr_expect_eq(parse_with(1, 0, 8, &d), PXR_E_CORRUPT);
    cr_expect_eq(parse_with(2, 0, 8, &d), PXR_E_UNSUPPORTED);
    cr_expect_eq(parse_with(3, 1, 8, &d), PXR_E_UNSUPPORTED);
}
