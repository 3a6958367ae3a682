/* SPDX-License-Identifier: MIT
 * The vector driver's DCI:
 *   decode LAYOUT IN OUT.ppm       prints the layout that was found, and "gray" or "colour"
 *   encode LAYOUT THRESHOLD OUT IN.ppm */
#include "vector_driver.h"

#include "dci.h"
#include "diag.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The vectors say which layout 3 this is, as the description leaves it open. */
static enum pxr_dci_layout layout_of(const char *name)
{
    enum pxr_dci_layout l = PXR_DCI_AUTO;
    if (strcmp(name, "auto") && !pxr_dci_layout_find(strcmp(name, "v3-proposal") ? name : "v3", &l))
        driver_die("no such layout", name);
    return l;
}

static int decode(char **argv)
{
    struct pxr_buffer src = driver_read_file(argv[2]);
    struct pxr_dci_info info;
    struct pxr_diag diag;
    uint8_t *rgb = NULL;
    enum pxr_err e = pxr_dci_parse(&info, src.bytes, src.n_bytes, layout_of(argv[1]), &diag);
    const size_t row_bytes = (size_t)3 * info.width_px, n_bytes = row_bytes * info.height_px;
    if (e == PXR_OK && !(rgb = pxr_alloc(n_bytes)))
        e = pxr_fail_nomem(&diag, n_bytes);
    if (e == PXR_OK)
        e = pxr_dci_decode(&info, src.bytes, src.n_bytes, rgb, row_bytes, 3, &diag);
    if (e == PXR_OK) {
        driver_write_ppm(argv[3], info.width_px, info.height_px, rgb);
        printf("%s %s\n", pxr_dci_layout_name(info.layout), info.is_gray ? "gray" : "colour");
    }
    pxr_free(rgb);
    pxr_buffer_fini(&src);
    return e == PXR_OK ? 0 : driver_fail(&diag);
}

static int encode(char **argv)
{
    struct driver_picture p = driver_read_ppm(argv[4]);
    const struct pxr_dci_picture picture = {p.rgb, (size_t)3 * p.width_px, p.width_px, p.height_px, 3};
    const struct pxr_dci_opts o = {.layout = layout_of(argv[1]), .threshold = (uint8_t)atoi(argv[2])};
    struct pxr_buffer dst = {0};
    struct pxr_diag diag;
    const enum pxr_err e = pxr_dci_encode(&dst, &picture, &o, &diag);
    if (e == PXR_OK)
        driver_write_file(argv[3], dst.bytes, dst.n_bytes);
    pxr_buffer_fini(&dst);
    pxr_buffer_fini(&p.file);
    return e == PXR_OK ? 0 : driver_fail(&diag);
}

int driver_dci(int argc, char **argv)
{
    if (argc == 4 && !strcmp(argv[0], "decode"))
        return decode(argv);
    if (argc == 5 && !strcmp(argv[0], "encode"))
        return encode(argv);
    driver_die("what is it to do?", "dci");
}
