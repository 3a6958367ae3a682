/* SPDX-License-Identifier: MIT
 * The TIFF reader: pages, what their samples mean, ImageJ's stacks, and what it must refuse. */
#include "test_image_probe.h"

#ifdef PXR_HAVE_TIFF

#define TIFF          PXR_IMAGE_TIFF
#define SAMPLES(...)  ((uint16_t[]){__VA_ARGS__})
#define TEXT(literal) literal, sizeof(literal) - 1

/* Pages of a little-endian TIFF, one behind the other.  Tags as TIFF 6.0 numbers them. */
struct made {
    uint8_t bytes[8192];
    size_t n_bytes, link_off; /* where the offset of the next page belongs */
};
enum { MAX_TAGS = 24 };
struct tag {
    uint16_t tag, kind; /* 3: 16 bits, 4: 32 bits, 2: text */
    uint32_t value;     /* of text: its place               */
    uint32_t count;     /* 0: 1                             */
};

static struct made make(void)
{
    struct made m = {.n_bytes = 8, .link_off = 4};
    memcpy(m.bytes, "II*\0", 4);
    return m;
}

/* Append samples, and tags given in ascending order; StripOffsets (273) with value 0 means the samples.
 * Returns the place of the page's description. */
static size_t add_page(struct made *m, const struct tag *tags, const char *samples, size_t n_samples)
{
    const size_t samples_off = m->n_bytes;
    memcpy(m->bytes + m->n_bytes, samples, n_samples);
    m->n_bytes += n_samples + n_samples % 2;
    const size_t page_off = m->n_bytes;
    pxr_store_u32le(m->bytes + m->link_off, (uint32_t)page_off);
    uint16_t n = 0;
    for (; n < MAX_TAGS && tags[n].tag; n++) {
        uint8_t *p = m->bytes + page_off + 2 + 12 * (size_t)n;
        pxr_store_u16le(p, tags[n].tag);
        pxr_store_u16le(p + 2, tags[n].kind);
        pxr_store_u32le(p + 4, tags[n].count ? tags[n].count : 1);
        pxr_store_u32le(p + 8, tags[n].tag == 273 && !tags[n].value ? (uint32_t)samples_off : tags[n].value);
    }
    pxr_store_u16le(m->bytes + page_off, n);
    m->link_off = page_off + 2 + 12 * (size_t)n;
    m->n_bytes = m->link_off + 4;
    return page_off;
}

/* width, height, bits, photometric interpretation, samples per pixel; one strip. */
#define PAGE(w, h, bits, photometric, spp, n_bytes)                                                \
    {256, 4, w, 0}, {257, 4, h, 0}, {258, 3, bits, 0}, {259, 3, 1, 0}, {262, 3, photometric, 0},   \
        {273, 4, 0, 0}, {277, 3, spp, 0}, {278, 4, h, 0}, {279, 4, n_bytes, 0}

static void expect_pages(const struct made *m, const struct pxr_image_opts *opts, const struct shot *shots,
                         size_t n_shots)
{
    char text[512];
    struct outcome o = read_quick(m->bytes, m->n_bytes, TIFF, opts);
    cr_assert_eq(o.err, PXR_OK, "%s", pxr_diag_line(&o.diag, text, sizeof text));
    cr_assert_eq(o.n_images, n_shots);
    for (size_t i = 0; i < n_shots; i++)
        expect_shot(&o, i, &shots[i]);
    outcome_fini(&o);
}

static void expect_page(const struct tag *tags, const char *samples, size_t n_samples, const struct shot *shot)
{
    struct made m = make();
    add_page(&m, tags, samples, n_samples);
    expect_pages(&m, NULL, shot, 1);
}

static void expect_error(const struct made *m, enum pxr_err err, const char *what, uint64_t n_images)
{
    char text[512];
    struct outcome o = read_quick(m->bytes, m->n_bytes, TIFF, NULL);
    pxr_diag_line(&o.diag, text, sizeof text);
    cr_expect_eq(o.err, err, "answered %d (%s), not %d '%s'", o.err, text, err, what);
    cr_expect(strstr(text, what), "'%s' lacks '%s'", text, what);
    cr_expect_eq(o.n_images, n_images);
    outcome_fini(&o);
}

Test(image_tiff, samples_of_each_depth)
{
    expect_page((struct tag[]){PAGE(2, 2, 8, 1, 1, 4), {0}}, TEXT("abcd"),
                &(struct shot){2, 2, 8, 0, 255, SAMPLES('a', 'b', 'c', 'd')});
    expect_page((struct tag[]){PAGE(2, 1, 16, 1, 1, 4), {0}}, TEXT("\1\2\3\4"),
                &(struct shot){2, 1, 16, 0, 65535, SAMPLES(513, 1027)});
    /* Packed from the high bit down; each row begins with a new byte. */
    expect_page((struct tag[]){PAGE(3, 2, 1, 1, 1, 2), {0}}, TEXT("\xbf\x40"),
                &(struct shot){3, 2, 8, 1, 255, SAMPLES(255, 0, 255, 0, 255, 0)});
    expect_page((struct tag[]){PAGE(4, 1, 2, 1, 1, 1), {0}}, TEXT("\x1b"),
                &(struct shot){4, 1, 8, 2, 255, SAMPLES(0, 85, 170, 255)});
    expect_page((struct tag[]){PAGE(3, 1, 4, 1, 1, 2), {0}}, TEXT("\x0f\x50"),
                &(struct shot){3, 1, 8, 4, 255, SAMPLES(0, 255, 85)});
    expect_page((struct tag[]){PAGE(2, 1, 12, 1, 1, 3), {0}}, TEXT("\xab\xcd\xef"),
                &(struct shot){2, 1, 16, 0, 4095, SAMPLES(0xabc, 0xdef)});
    expect_page((struct tag[]){PAGE(4, 1, 10, 1, 1, 5), {0}}, TEXT("\xff\xc0\x00\x04\x02"),
                &(struct shot){4, 1, 16, 0, 1023, SAMPLES(1023, 0, 1, 2)});
    expect_page((struct tag[]){PAGE(2, 1, 6, 1, 1, 2), {0}}, TEXT("\xfc\x10"),
                &(struct shot){2, 1, 8, 0, 63, SAMPLES(63, 1)});
}

Test(image_tiff, what_samples_mean)
{
    expect_page((struct tag[]){PAGE(2, 1, 8, 0, 1, 2), {0}}, TEXT("\1\xff"),
                &(struct shot){2, 1, 8, 0, 255, SAMPLES(254, 0)});
    expect_page((struct tag[]){PAGE(2, 1, 16, 0, 1, 4), {0}}, TEXT("\1\0\xff\xff"),
                &(struct shot){2, 1, 16, 0, 65535, SAMPLES(65534, 0)});
    expect_page((struct tag[]){PAGE(2, 1, 12, 0, 1, 3), {0}}, TEXT("\0\0\1"),
                &(struct shot){2, 1, 16, 0, 4095, SAMPLES(4095, 4094)});
    expect_page((struct tag[]){PAGE(2, 1, 1, 0, 1, 1), {0}}, TEXT("\x40"),
                &(struct shot){2, 1, 8, 1, 255, SAMPLES(255, 0)});
    /* Gray written as colour or with opaque alpha is gray; others are refused. */
    struct made m = make();
    const size_t bits = m.n_bytes;
    memcpy(m.bytes + bits, "\10\0\10\0\10\0", 6);
    m.n_bytes += 6;
    struct tag rgb[] = {{256, 4, 2, 0}, {257, 4, 1, 0}, {258, 3, (uint32_t)bits, 3}, {262, 3, 2, 0},
                        {273, 4, 0, 0}, {277, 3, 3, 0}, {279, 4, 6, 0},              {0}};
    add_page(&m, rgb, TEXT("aaabbb"));
    expect_pages(&m, NULL, &(struct shot){2, 1, 8, 0, 255, SAMPLES('a', 'b')}, 1);
    add_page(&m, rgb, TEXT("aaab\0c"));
    expect_error(&m, PXR_E_MISMATCH, "pixel (1, 0) is coloured (red 98, green 0, blue 99): --luma", 1);
    const struct pxr_image_opts luma = {.luma = true};
    const struct shot two[] = {{2, 1, 8, 0, 255, SAMPLES('a', 'b')}, {2, 1, 8, 0, 255, SAMPLES('a', 28)}};
    expect_pages(&m, &luma, two, 2);
    const struct tag alpha[] = {{256, 4, 2, 0}, {257, 4, 1, 0}, {258, 3, 8 | 8 << 16, 2}, {262, 3, 1, 0},
                                {273, 4, 0, 0}, {277, 3, 2, 0}, {279, 4, 4, 0},           {338, 3, 2, 0},
                                {0}};
    expect_page(alpha, TEXT("a\xff""b\xff"), &(struct shot){2, 1, 8, 0, 255, SAMPLES('a', 'b')});
    m = make();
    add_page(&m, alpha, TEXT("a\xff""b\xfe"));
    expect_error(&m, PXR_E_MISMATCH, "pixel (1, 0) is transparent (alpha 254 of 255)", 0);
}

Test(image_tiff, palettes_of_gray)
{
    struct made m = make();
    const uint32_t map_off = (uint32_t)m.n_bytes;
    for (size_t c = 0; c < 3; c++)
        for (size_t i = 0; i < 16; i++)
            pxr_store_u16le(m.bytes + map_off + 2 * (16 * c + i), (uint16_t)((15 - i) * 17 * 257));
    m.n_bytes += 96;
    add_page(&m, (struct tag[]){PAGE(2, 1, 4, 3, 1, 1), {320, 3, map_off, 48}, {0}}, TEXT("\x1f"));
    expect_pages(&m, NULL, &(struct shot){2, 1, 8, 0, 255, SAMPLES(14 * 17, 0)}, 1);
    m.bytes[map_off + 3] ^= 1; /* red of entry 1 */
    expect_error(&m, PXR_E_MISMATCH, "pixel (0, 0) is coloured (red 239, green 238, blue 238)", 0);
    m = make();
    add_page(&m, (struct tag[]){PAGE(2, 1, 4, 3, 1, 1), {0}}, TEXT("\x1f"));
    expect_error(&m, PXR_E_CORRUPT, "missing required \"Colormap\"", 0);
}

Test(image_tiff, pages_without_previews)
{
    struct made m = make();
    add_page(&m, (struct tag[]){{254, 4, 1, 0}, PAGE(1, 1, 8, 1, 1, 1), {0}}, TEXT("x"));
    expect_error(&m, PXR_E_TRUNCATED, "holds no picture", 0);
    add_page(&m, (struct tag[]){PAGE(2, 1, 8, 1, 1, 2), {0}}, TEXT("ab"));
    add_page(&m, (struct tag[]){{254, 4, 2, 0}, PAGE(1, 2, 16, 1, 1, 4), {0}}, TEXT("abcd"));
    const struct shot two[] = {{2, 1, 8, 0, 255, SAMPLES('a', 'b')}, {1, 2, 16, 0, 65535, SAMPLES(0x6261, 0x6463)}};
    expect_pages(&m, NULL, two, 2);
    /* The last page leads to the first: a circle ends. */
    pxr_store_u32le(m.bytes + m.link_off, pxr_load_u32le(m.bytes + 4));
    expect_error(&m, PXR_E_CORRUPT, "page", 2);
}

/* One page, and the frames that its description promises behind it. */
Test(image_tiff, imagej_stacks_of_one_page)
{
    static const char text[] = "ImageJ=1.53t\nimages=3\nslices=3\n";
    struct made m = make();
    const uint32_t text_off = (uint32_t)m.n_bytes;
    memcpy(m.bytes + text_off, text, sizeof text);
    m.n_bytes += sizeof text + sizeof text % 2;
    const struct tag tags[] = {{256, 4, 2, 0}, {257, 4, 1, 0},        {258, 3, 16, 0}, {259, 3, 1, 0},
                               {262, 3, 1, 0}, {270, 2, text_off, sizeof text}, {273, 4, 0, 0},  {277, 3, 1, 0},
                               {278, 4, 1, 0}, {279, 4, 4, 0},        {0}};
    struct made whole = m;
    add_page(&whole, tags, TEXT("\1\0\2\0\3\0\4\0\5\0\6\0"));
    const struct shot three[] = {{2, 1, 16, 0, 65535, SAMPLES(1, 2)},
                                 {2, 1, 16, 0, 65535, SAMPLES(3, 4)},
                                 {2, 1, 16, 0, 65535, SAMPLES(5, 6)}};
    expect_pages(&whole, NULL, three, 3);
    /* Pages that all exist are taken as pages. */
    struct made pages = m;
    add_page(&pages, tags, TEXT("\1\0\2\0"));
    add_page(&pages, tags, TEXT("\3\0\4\0"));
    expect_pages(&pages, NULL, three, 2);
    /* More frames than there is room for, and numbers without end. */
    memcpy(whole.bytes + text_off, "ImageJ=1.53t\nimages=99\n", 24);
    const uint64_t n_room = (whole.n_bytes - m.n_bytes) / 4;
    expect_error(&whole, PXR_E_TRUNCATED, "images: expected 99", n_room);
    memcpy(whole.bytes + text_off, "ImageJ=1\nimages=9999999999999999", 32);
    expect_error(&whole, PXR_E_TRUNCATED, "images: expected 9999999999999999", n_room);
}

/* The number of the frame stands in its last sample. */
static enum pxr_err check_last_sample(void *arg, const struct pxr_image *image, struct pxr_diag *diag)
{
    uint64_t *n = arg;
    const uint8_t *pixels = image->pixels;
    cr_assert_eq(image->number, (*n)++);
    cr_assert_eq(pixels[(size_t)image->width_px * image->height_px - 1], image->number);
    (void)diag;
    return PXR_OK;
}

Test(image_tiff, imagej_stacks_beyond_4_gib)
{
    enum { WIDTH = 16384, HEIGHT = 8192, N_FRAMES = 33 };
    static const char text[] = "ImageJ=1.53t\nimages=33\n";
    static const struct pxr_image_opts opts;
    const uint64_t frame_bytes = (uint64_t)WIDTH * HEIGHT;
    struct made m = make();
    memcpy(m.bytes + m.n_bytes, text, sizeof text);
    const struct tag tags[] = {{256, 4, WIDTH, 0}, {257, 4, HEIGHT, 0}, {258, 3, 8, 0}, {262, 3, 1, 0},
                               {270, 2, 8, sizeof text}, {273, 4, 4096, 0}, {279, 4, (uint32_t)frame_bytes, 0}, {0}};
    m.n_bytes += sizeof text + sizeof text % 2;
    add_page(&m, tags, TEXT(""));
    const int fd = memory_fd(m.bytes, m.n_bytes);
    /* Holes between the frames' last samples take no memory. */
    for (uint64_t i = 0; i < N_FRAMES; i++)
        cr_assert_eq(pwrite(fd, &(uint8_t){(uint8_t)i}, 1, (off_t)(4096 + (i + 1) * frame_bytes - 1)), 1);
    uint64_t n = 0;
    struct pxr_diag diag;
    cr_assert_eq(pxr_image_read(fd, NULL, 0, TIFF, &opts, check_last_sample, &n, &diag), PXR_OK);
    cr_assert_eq(n, N_FRAMES);
    close(fd);
}

Test(image_tiff, what_is_not_read_is_named)
{
    const struct {
        struct tag tags[12];
        const char *text;
        enum pxr_err err;
    } cases[] = {
        {{PAGE(1, 1, 32, 1, 1, 4), {0}}, "samples of bits: 32", PXR_E_UNSUPPORTED},
        {{PAGE(1, 1, 8, 1, 1, 1), {339, 3, 2, 0}, {0}}, "signed samples of 8 bits", PXR_E_UNSUPPORTED},
        {{PAGE(1, 1, 16, 1, 1, 2), {339, 3, 3, 0}, {0}}, "floating point", PXR_E_UNSUPPORTED},
        {{PAGE(1, 1, 8, 6, 3, 3), {0}}, "photometric interpretation 6", PXR_E_MISMATCH},
        {{PAGE(1, 1, 8, 32803, 1, 1), {0}}, "photometric interpretation 32803", PXR_E_MISMATCH},
        {{PAGE(1, 1, 8, 1, 2, 2), {0}}, "samples of a pixel: expected 1, found 2", PXR_E_UNSUPPORTED},
        {{PAGE(1, 1, 8, 1, 2, 2), {284, 3, 2, 0}, {0}}, "separate planes: 2", PXR_E_UNSUPPORTED},
        {{PAGE(1, 1, 8, 1, 1, 1), {33629, 4, 1, 0}, {0}}, "MetaMorph", PXR_E_UNSUPPORTED},
        {{PAGE(1, 1, 8, 1, 1, 1), {32997, 4, 2, 0}, {0}}, "an image depth of 2", PXR_E_UNSUPPORTED},
        {{PAGE(0, 1, 8, 1, 1, 1), {0}}, "scanline size is zero", PXR_E_CORRUPT},
        {{PAGE(65536, 65536, 8, 1, 1, 1), {0}}, "found 4294967296", PXR_E_LIMIT},
        {{PAGE(4096, 4096, 8, 1, 1, 1), {0}}, "too short for a page of 4096x4096", PXR_E_TRUNCATED},
        {{{256, 4, 1, 0}, {257, 4, 1, 0}, {258, 3, 8, 0}, {259, 3, 34712, 0}, {262, 3, 1, 0}, {273, 4, 0, 0},
          {279, 4, 1, 0}, {0}}, "the compression 34712", PXR_E_UNSUPPORTED},
        {{{256, 4, 1, 0}, {257, 4, 1, 0}, {258, 3, 8, 0}, {259, 3, 34925, 0}, {262, 3, 1, 0}, {273, 4, 0, 0},
          {279, 4, 1, 0}, {0}}, "the compression 34925", PXR_E_UNSUPPORTED},
        {{{256, 4, 4, 0}, {257, 4, 4, 0}, {258, 3, 8, 0}, {259, 3, 8, 0}, {262, 3, 1, 0}, {273, 4, 0, 0},
          {279, 4, 2, 0}, {0}}, "strip 0 cannot be read: ", PXR_E_CORRUPT},
        {{{256, 4, 64, 0}, {257, 4, 64, 0}, {258, 3, 1, 0}, {259, 3, 4, 0}, {262, 3, 1, 0}, {273, 4, 0, 0},
          {279, 4, 2, 0}, {0}}, "strip 0 cannot be read: ", PXR_E_CORRUPT},
        {{{256, 4, 1, 0}, {257, 4, 1, 0}, {258, 3, 8, 0}, {262, 3, 1, 0}, {322, 3, 16, 0}, {323, 3, 0, 0},
          {324, 4, 8, 0}, {325, 4, 1, 0}, {0}}, "", PXR_E_CORRUPT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct made m = make();
        add_page(&m, cases[i].tags, TEXT("abcdefghijklmnop"));
        expect_error(&m, cases[i].err, cases[i].text, 0);
    }
    struct pipe_writer w = {.bytes = (const uint8_t *)"II*\0\10\0\0\0", .n_bytes = 8, .n_step = 8, .n_times = 1};
    struct outcome o = read_fd(pipe_writer_start(&w), NULL, 0, TIFF, NULL);
    pthread_join(w.thread, NULL);
    cr_assert(o.err == PXR_E_UNSUPPORTED && strstr(o.diag.text, "not a pipe"));
    outcome_fini(&o);
}

static struct made two_pages(void)
{
    struct made m = make();
    add_page(&m, (struct tag[]){PAGE(3, 2, 8, 1, 1, 6), {0}}, TEXT("abcdef"));
    add_page(&m, (struct tag[]){PAGE(3, 2, 12, 0, 1, 10), {0}}, TEXT("abcdefghij"));
    return m;
}

/* A file that holds less is never a picture that holds less. */
Test(image_tiff, every_truncation_is_noticed)
{
    const struct made m = two_pages();
    for (size_t n = 0; n < m.n_bytes; n++) {
        struct outcome o = read_quick(m.bytes, n, TIFF, NULL);
        cr_assert(o.err == PXR_E_TRUNCATED || o.err == PXR_E_CORRUPT, "cut to %zu: %d", n, o.err);
        cr_assert_leq(o.n_images, 1);
        outcome_fini(&o);
    }
}

Test(image_tiff, every_byte_may_be_anything)
{
    static const uint8_t values[] = {0, 1, 2, 3, 5, 8, 16, 32, 64, 127, 128, 255};
    const struct made m = two_pages();
    size_t n_failed = 0, n_read = 0;
    watch_memory(SIZE_MAX);
    for (size_t at = 4; at < m.n_bytes; at++)
        for (size_t v = 0; v < sizeof values; v++) {
            struct made wrong = m;
            wrong.bytes[at] = values[v];
            struct outcome o = read_quick(wrong.bytes, wrong.n_bytes, TIFF, NULL);
            *(o.err == PXR_OK ? &n_read : &n_failed) += 1;
            cr_assert(o.err == PXR_OK || pxr_err_exit(o.err) == 1 || o.err == PXR_E_LIMIT ||
                      o.err == PXR_E_UNSUPPORTED);
            cr_assert_leq(o.n_images, 2);
            outcome_fini(&o);
        }
    cr_assert_leq(largest_request_bytes, 1u << 20);
    pxr_alloc_hook(NULL);
    cr_assert_gt(n_failed, 1000);
    cr_assert_gt(n_read, 500);
}

Test(image_tiff, each_failed_allocation_is_nomem)
{
    const struct made m = two_pages();
    expect_nomem_everywhere(m.bytes, m.n_bytes, TIFF, NULL);
}

#else

Test(image_tiff, a_build_without_libtiff_says_so)
{
    struct outcome o = read_quick("II*\0\10\0\0\0", 8, PXR_IMAGE_TIFF, NULL);
    cr_assert(o.err == PXR_E_UNSUPPORTED && strstr(o.diag.text, "without libtiff"));
    outcome_fini(&o);
}

#endif
