/* SPDX-License-Identifier: MIT
 * The vector driver's PXS:
 *   decode LAYOUT A|B strict|progressive IN OUT   OUT.0.ppm, OUT.1.ppm, ...
 *   encode LAYOUT A|B OUT IN.ppm...
 *   order A|B SIDE OUT                            x and y of each address, big endian */
#include "vector_driver.h"

#include "diag.h"
#include "pxs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum pxr_pxs_layout layout_of(const char *name)
{
    static const char *const names[PXR_PXS_N_LAYOUTS] = {"auto", "legacy24",     "legacy15",
                                                         "spec", "headerless24", "headerless15"};
    for (int i = 0; i < PXR_PXS_N_LAYOUTS; i++)
        if (!strcmp(name, names[i]))
            return (enum pxr_pxs_layout)i;
    driver_die("no such layout", name);
}

static enum pxr_stream_digits digits_of(const char *name)
{
    return *name == 'B' ? PXR_STREAM_B : PXR_STREAM_A;
}

static enum pxr_err decode_frames(struct pxr_stream_reader *r, const char *out, struct pxr_diag *diag)
{
    char path[1024];
    bool has_frame = true;
    uint64_t n_missing;
    uint8_t *const rgb = pxr_alloc(pxr_stream_frame_bytes(&r->format));
    enum pxr_err e = rgb ? PXR_OK : pxr_fail_nomem(diag, pxr_stream_frame_bytes(&r->format));
    while (e == PXR_OK && (e = pxr_stream_reader_next(r, rgb, &has_frame, &n_missing, diag)) == PXR_OK && has_frame) {
        snprintf(path, sizeof path, "%s.%u.ppm", out, (unsigned)r->frame - 1);
        driver_write_ppm(path, r->format.order.width_px, r->format.order.height_px, rgb);
        printf("missing %u\n", (unsigned)n_missing);
    }
    pxr_free(rgb);
    return e;
}

static int decode(char **argv)
{
    const struct pxr_pxs_opts opts = {.layout = layout_of(argv[1]),
                                      .digits = digits_of(argv[2]),
                                      .is_progressive = !strcmp(argv[3], "progressive")};
    struct pxr_buffer src = driver_read_file(argv[4]);
    struct pxr_stream_reader r;
    struct pxr_diag diag;
    enum pxr_err e = pxr_pxs_open(&r, src.bytes, src.n_bytes, &opts, NULL, &diag);
    if (e == PXR_OK)
        e = decode_frames(&r, argv[5], &diag);
    pxr_stream_reader_fini(&r);
    pxr_buffer_fini(&src);
    return e == PXR_OK ? 0 : driver_fail(&diag);
}

static int encode(int argc, char **argv)
{
    struct pxr_buffer dst = {0};
    struct pxr_stream_format s = {0};
    struct pxr_diag diag;
    enum pxr_err e = PXR_OK;
    for (int i = 4; e == PXR_OK && i < argc; i++) {
        struct driver_picture p = driver_read_ppm(argv[i]);
        if (i == 4)
            e = pxr_pxs_begin(&s, layout_of(argv[1]), digits_of(argv[2]), p.width_px, p.height_px, &dst, &diag);
        if (e == PXR_OK)
            e = pxr_stream_put_frame(&s, p.rgb, (uint64_t)i - 4, NULL, &dst, &diag);
        pxr_buffer_fini(&p.file);
    }
    if (e == PXR_OK)
        driver_write_file(argv[3], dst.bytes, dst.n_bytes);
    pxr_stream_format_fini(&s);
    pxr_buffer_fini(&dst);
    return e == PXR_OK ? 0 : driver_fail(&diag);
}

static int order(char **argv)
{
    struct pxr_buffer dst = {0};
    const uint32_t side = (uint32_t)strtoul(argv[2], NULL, 10);
    const struct pxr_stream_order o = pxr_stream_order(side, side, digits_of(argv[1]));
    for (uint64_t a = 0; a < (uint64_t)side * side; a++) {
        const struct pxr_place at = pxr_stream_place(&o, a);
        uint8_t *const to = pxr_buffer_extend(&dst, 4);
        if (!to || pxr_stream_address(&o, at) != a)
            driver_die("the inverse of an address is another one", argv[1]);
        pxr_store_u16be(to, (uint16_t)at.x);
        pxr_store_u16be(to + 2, (uint16_t)at.y);
    }
    driver_write_file(argv[3], dst.bytes, dst.n_bytes);
    pxr_buffer_fini(&dst);
    return 0;
}

int driver_pxs(int argc, char **argv)
{
    if (argc == 6 && !strcmp(argv[0], "decode"))
        return decode(argv);
    if (argc > 4 && !strcmp(argv[0], "encode"))
        return encode(argc, argv);
    if (argc == 4 && !strcmp(argv[0], "order"))
        return order(argv);
    driver_die("what is it to do?", "pxs");
}
