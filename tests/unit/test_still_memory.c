/* SPDX-License-Identifier: MIT
 * The still codecs without memory: whichever request fails, the call says so, frees what it has and leaves its output. */
#include "dci.h"
#include "json_read.h"
#include "pce.h"
#include "vcbn.h"

#include <criterion/criterion.h>

static size_t n_allowed;

static bool allow_some(size_t n_bytes)
{
    (void)n_bytes;
    return n_allowed && n_allowed--;
}

static const uint8_t picture[] = {0, 1, 2, 3, 3, 2, 1, 0, 0, 1, 2, 3};

/* What a call did; out is empty but for one byte before it. */
typedef enum pxr_err attempt(struct pxr_buffer *out, struct pxr_diag *diag);

static enum pxr_err encode_dci(struct pxr_buffer *out, struct pxr_diag *diag)
{
    const struct pxr_dci_picture p = {picture, 4, 4, 3, 1};
    return pxr_dci_encode(out, &p, &(struct pxr_dci_opts){PXR_DCI_LATE2_PLANAR, 0, 0}, diag);
}

static enum pxr_err read_dci(struct pxr_buffer *out, struct pxr_diag *diag)
{
    static const uint8_t file[] = {2, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 7, 0, 8, 0, 9}; /* planes: V2 is tried before */
    struct pxr_dci_info info;
    uint8_t rgb[3];
    (void)out;
    const enum pxr_err e = pxr_dci_parse(&info, file, sizeof file, PXR_DCI_AUTO, diag);
    return e ? e : pxr_dci_decode(&info, file, sizeof file, rgb, 3, 3, diag);
}

static enum pxr_err encode_pce(struct pxr_buffer *out, struct pxr_diag *diag)
{
    const struct pxr_pce_sprite s = {picture, 4, 4, 3};
    pxr_pce_counts *counts = NULL;
    pxr_pce_table *table = NULL, *read = NULL;
    struct pxr_buffer file = {0};
    enum pxr_err e = pxr_pce_counts_new(&counts, diag);
    if (!e)
        e = pxr_pce_counts_add(counts, &s, diag);
    if (!e)
        e = pxr_pce_table_new(&table, counts, diag);
    if (!e && !pxr_pce_table_write(table, &file))
        e = diag->code = PXR_E_NOMEM;
    if (!e)
        e = pxr_pce_table_parse(&read, file.bytes, file.n_bytes, diag);
    if (!e)
        e = pxr_pce_encode(out, &s, read, diag);
    pxr_pce_counts_free(counts);
    pxr_pce_table_free(table);
    pxr_pce_table_free(read);
    pxr_buffer_fini(&file);
    return e;
}

static enum pxr_err encode_vcbn(struct pxr_buffer *out, struct pxr_diag *diag)
{
    const struct pxr_vcbn_array a = {picture, 4, 4, 3, PXR_VCBN_IN_U8};
    const struct pxr_vcbn_opts o = {.dialect = PXR_VCBN_HEAD, .dtype = PXR_VCBN_PACKED, .bits = 2, .extra = "\"a\":{}"};
    return pxr_vcbn_encode(out, &a, &o, diag);
}

static enum pxr_err read_vcbn(struct pxr_buffer *out, struct pxr_diag *diag)
{
    static const char file[] = "VCBN\x01\x00\x00\x00\x1F{\"dtype\":\"uint8\",\"shape\":[1,1]}\x07";
    struct pxr_vcbn_info info;
    (void)out;
    return pxr_vcbn_parse(&info, (const uint8_t *)file, sizeof file - 1, diag);
}

static void fail_each_request(attempt *call)
{
    enum pxr_err e = PXR_E_NOMEM;
    size_t n = 0;
    for (; e && n < 100; n++) {
        struct pxr_buffer out = {0};
        struct pxr_diag diag = {0};
        cr_assert(pxr_buffer_add(&out, "x", 1));
        n_allowed = n;
        pxr_alloc_hook(allow_some);
        e = call(&out, &diag);
        pxr_alloc_hook(NULL);
        if (e) {
            cr_assert(e == PXR_E_NOMEM && diag.code == e, "request %zu: %d: %s", n, (int)e, diag.text);
            cr_assert_eq(out.n_bytes, 1);
        }
        pxr_buffer_fini(&out);
    }
    cr_assert(!e && n > 1, "%zu requests, %d", n, (int)e);
}

Test(still_memory, dci)
{
    fail_each_request(encode_dci);
    fail_each_request(read_dci);
}

Test(still_memory, pce) { fail_each_request(encode_pce); }

Test(still_memory, vcbn)
{
    fail_each_request(encode_vcbn);
    fail_each_request(read_vcbn);
}
