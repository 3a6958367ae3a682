/* SPDX-License-Identifier: MIT
 * What all importers share: detection, the descriptor, the callback's word. */
#include "test_image_probe.h"

#include <errno.h>

#define TEXT(literal) literal, sizeof(literal) - 1

Test(image_read, formats_are_detected_by_their_first_bytes)
{
    static const struct {
        const char *bytes;
        size_t n_bytes;
        enum pxr_image_format format;
    } cases[] = {
        {TEXT("\x89PNG\r\n\x1a\n"), PXR_IMAGE_PNG},
        {TEXT("\x89PNG\n\x1a\n\0"), PXR_IMAGE_PNG},
        {TEXT("\x89P"), PXR_IMAGE_PNG},
        {TEXT("\x89"), PXR_IMAGE_UNKNOWN},
        {TEXT("\x89PNx\r\n"), PXR_IMAGE_UNKNOWN},
        {TEXT("YUV4MPEG2 W1"), PXR_IMAGE_Y4M},
        {TEXT("YUV4MPEG"), PXR_IMAGE_Y4M},
        {TEXT("YUV4MPEG1 "), PXR_IMAGE_UNKNOWN},
        {TEXT("\x93NUMPY\1\0"), PXR_IMAGE_NPY},
        {TEXT("\x93N"), PXR_IMAGE_NPY},
        {TEXT("II*\0"), PXR_IMAGE_TIFF},
        {TEXT("MM\0+\0\10"), PXR_IMAGE_TIFF},
        {TEXT("II*"), PXR_IMAGE_UNKNOWN},
        {TEXT("SIMPLE  =    "), PXR_IMAGE_FITS},
        {TEXT("SIMPLE as that"), PXR_IMAGE_UNKNOWN},
        {TEXT("LUCAM-RECORDER"), PXR_IMAGE_SER},
        {TEXT("LUCAM-RECORDING"), PXR_IMAGE_UNKNOWN},
        {TEXT("P5"), PXR_IMAGE_PNM},
        {TEXT("P"), PXR_IMAGE_UNKNOWN},
        {TEXT("P1 "), PXR_IMAGE_PNM},
        {TEXT("P2\n"), PXR_IMAGE_PNM},
        {TEXT("P3\t"), PXR_IMAGE_PNM},
        {TEXT("P4\r"), PXR_IMAGE_PNM},
        {TEXT("P6#"), PXR_IMAGE_PNM},
        {TEXT("P7\n"), PXR_IMAGE_PNM},
        {TEXT("P8\n"), PXR_IMAGE_UNKNOWN},
        {TEXT("P5\0"), PXR_IMAGE_UNKNOWN},
        {TEXT("P5x"), PXR_IMAGE_UNKNOWN},
        {TEXT("PK\3\4"), PXR_IMAGE_UNKNOWN},
        {TEXT("GIF89a"), PXR_IMAGE_UNKNOWN},
        {TEXT(""), PXR_IMAGE_UNKNOWN},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        cr_expect_eq(pxr_image_detect((const uint8_t *)cases[i].bytes, cases[i].n_bytes),
                     cases[i].format, "'%s'", cases[i].bytes);
}

Test(image_read, each_format_refuses_what_it_is_not)
{
    static const struct refusal text = {TEXT("Dear reader, "), PXR_E_NOTPXR, 0, "begin", 0};
    static const struct refusal mangled = {TEXT("\x89PNG\n\x1a\n\0\0"), PXR_E_NOTPXR, 0,
                                           "transfer as text", 0};
    for (enum pxr_image_format f = PXR_IMAGE_UNKNOWN; f < PXR_IMAGE_RAW; f++) {
#ifndef PXR_HAVE_TIFF
        if (f == PXR_IMAGE_TIFF)
            continue; /* it says that it was left out */
#endif
        expect_refusal(&text, f, NULL);
    }
    expect_refusal(&mangled, PXR_IMAGE_PNG, NULL);
    for (enum pxr_image_format f = PXR_IMAGE_UNKNOWN; f <= PXR_IMAGE_RAW; f++) {
        struct outcome o = read_bytes("", 0, f, NULL);
        cr_assert(o.err == PXR_E_TRUNCATED && o.diag.off_bytes == 0 && o.diag.found == 0);
        outcome_fini(&o);
    }
}

Test(image_read, a_failing_descriptor_is_an_io_error)
{
    for (enum pxr_image_format f = PXR_IMAGE_PNG; f <= PXR_IMAGE_RAW; f++) {
        struct outcome o = read_fd(open("/", O_RDONLY | O_DIRECTORY), NULL, 0, f, NULL);
        cr_assert_eq(o.err, PXR_E_IO);
        cr_assert_eq(o.diag.sys_errno, EISDIR);
        outcome_fini(&o);
    }
    /* Within each part of an input. */
    static const struct {
        const char *bytes;
        enum pxr_image_format format;
    } beginnings[] = {
        {"\x89PNG", PXR_IMAGE_PNG},
        {"\x89PNG\r\n\x1a\n\0\0\0\15IHDR", PXR_IMAGE_PNG},
        {"P", PXR_IMAGE_PNM},
        {"P5 2 ", PXR_IMAGE_PNM},
        {"P2 2 1 9 1", PXR_IMAGE_PNM},
        {"P1 2 1 1", PXR_IMAGE_PNM},
        {"P5 2 1 255 a", PXR_IMAGE_PNM},
        {"P6 2 1 255 a", PXR_IMAGE_PNM},
        {"P5 1 1 255 a", PXR_IMAGE_PNM},
        {"YUV4", PXR_IMAGE_Y4M},
        {"YUV4MPEG2 W1 ", PXR_IMAGE_Y4M},
        {"YUV4MPEG2 W1 H1 Cmono\n", PXR_IMAGE_Y4M},
        {"YUV4MPEG2 W1 H1 Cmono\nFRA", PXR_IMAGE_Y4M},
        {"YUV4MPEG2 W1 H1 Cmono\nFRAME\n", PXR_IMAGE_Y4M},
        {"YUV4MPEG2 W1 H1 Cmono\nFRAME\nx", PXR_IMAGE_Y4M},
        {"ab", PXR_IMAGE_RAW},
        {"abc", PXR_IMAGE_RAW},
    };
    const struct pxr_image_opts opts = {.raw_width_px = 2, .raw_height_px = 1, .raw_bits = 8};
    for (size_t i = 0; i < sizeof beginnings / sizeof beginnings[0]; i++) {
        const char *bytes = beginnings[i].bytes;
        const size_t n = bytes[0] == '\x89' && bytes[4] ? 16 : strlen(bytes);
        struct outcome o = read_fd(open("/", O_RDONLY | O_DIRECTORY), (const uint8_t *)bytes, n,
                                   beginnings[i].format, &opts);
        cr_expect_eq(o.err, PXR_E_IO, "%s: %d", bytes, o.err);
        cr_expect_eq(o.diag.sys_errno, EISDIR, "%s", bytes);
        cr_expect_eq(o.diag.off_bytes, n, "%s", bytes);
        outcome_fini(&o);
    }
}

static enum pxr_err refuse_second(void *arg, const struct pxr_image *image, struct pxr_diag *diag)
{
    ++*(int *)arg;
    return image->number ? pxr_fail_at(diag, PXR_E_NOSPACE, 77, "enough") : PXR_OK;
}

Test(image_read, the_callback_has_the_last_word)
{
    static const char stream[] = "P5 1 1 255 aP5 1 1 255 bP5 1 1 255 c";
    struct pxr_image_opts opts = {0};
    struct pxr_diag diag;
    int n_calls = 0;
    const int fd = memory_fd(stream, sizeof stream - 1);
    cr_assert_eq(pxr_image_read(fd, NULL, 0, PXR_IMAGE_PNM, &opts, refuse_second, &n_calls, &diag),
                 PXR_E_NOSPACE);
    cr_assert_eq(n_calls, 2);
    cr_assert_str_eq(diag.text, "enough");
    cr_assert(diag.off_bytes == 77 && diag.frame == PXR_NONE);
    /* Without a diagnostic the answer is the same. */
    lseek(fd, 0, SEEK_SET);
    cr_assert_eq(pxr_image_read(fd, NULL, 0, PXR_IMAGE_PNM, &opts, refuse_second, &n_calls, NULL),
                 PXR_E_NOSPACE);
    lseek(fd, 0, SEEK_SET);
    cr_assert_eq(pxr_image_read(fd, NULL, 0, PXR_IMAGE_PNG, &opts, refuse_second, &n_calls, NULL),
                 PXR_E_NOTPXR);
    close(fd);
}

/* A descriptor handed over by a shell may stand anywhere: offsets count from there. */
Test(image_read, the_input_begins_where_the_descriptor_stands)
{
    static const char bytes[] = "12345P5 2 1 255 a";
    const int fd = memory_fd(bytes, sizeof bytes - 1);
    lseek(fd, 5, SEEK_SET);
    struct outcome o = read_fd(fd, NULL, 0, PXR_IMAGE_PNM, NULL);
    cr_assert(o.err == PXR_E_TRUNCATED && o.diag.off_bytes == 12);
    outcome_fini(&o);
}
