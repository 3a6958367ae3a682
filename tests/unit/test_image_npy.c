/* SPDX-License-Identifier: MIT
 * The NPY reader: types, orders and shapes, and what it must refuse. */
#include "test_image_probe.h"

#define NPY           PXR_IMAGE_NPY
#define SAMPLES(...)  ((uint16_t[]){__VA_ARGS__})
#define TEXT(literal) literal, sizeof(literal) - 1

/* An array file: the header text as given, then samples. */
struct made {
    uint8_t bytes[4096];
    size_t n_bytes;
};

static struct made make(unsigned version, const char *text, const char *samples, size_t n_samples)
{
    struct made m = {.n_bytes = 0};
    const size_t n_text = strlen(text), fixed = version == 1 ? 10 : 12;
    memcpy(m.bytes, "\x93NUMPY", 6);
    m.bytes[6] = (uint8_t)version;
    if (version == 1)
        pxr_store_u16le(m.bytes + 8, (uint16_t)n_text);
    else
        pxr_store_u32le(m.bytes + 8, (uint32_t)n_text);
    memcpy(m.bytes + fixed, text, n_text);
    memcpy(m.bytes + fixed + n_text, samples, n_samples);
    m.n_bytes = fixed + n_text + n_samples;
    return m;
}

static void expect_arrays(const struct made *m, const struct shot *shots, size_t n_shots)
{
    struct outcome o = read_bytes(m->bytes, m->n_bytes, NPY, NULL);
    char text[512];
    cr_assert_eq(o.err, PXR_OK, "%s", pxr_diag_line(&o.diag, text, sizeof text));
    cr_assert_eq(o.n_images, n_shots);
    for (size_t i = 0; i < n_shots; i++)
        expect_shot(&o, i, &shots[i]);
    outcome_fini(&o);
}

Test(image_npy, pictures_and_stacks_of_each_type)
{
    const struct shot bytes23 = {3, 2, 8, 0, 255, SAMPLES('a', 'b', 'c', 'd', 'e', 'f')};
    struct made m = make(1, "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 3), }      \n", TEXT("abcdef"));
    expect_arrays(&m, &bytes23, 1);
    m = make(2, "{'descr': '<u1', 'fortran_order': False, 'shape': (1, 2, 3), }\n", TEXT("abcdef"));
    expect_arrays(&m, &bytes23, 1);
    m = make(3, "{\"shape\":(2,3,),\"descr\":\"u1\",\"fortran_order\":False}", TEXT("abcdef"));
    expect_arrays(&m, &bytes23, 1);
    m = make(1, "{'descr': '|u1', 'fortran_order': True, 'shape': (2L, 3L), }\n", TEXT("adbecf"));
    expect_arrays(&m, &bytes23, 1);
    const struct shot two[] = {{2, 1, 16, 0, 65535, SAMPLES(0x0102, 0x0304)},
                               {2, 1, 16, 0, 65535, SAMPLES(0x0506, 0xFFFF)}};
    m = make(1, "{'descr': '>u2', 'fortran_order': False, 'shape': (2, 1, 2), }\n", TEXT("\1\2\3\4\5\6\xff\xff"));
    expect_arrays(&m, two, 2);
    m = make(1, "{'descr': '<u2', 'fortran_order': False, 'shape': (2, 1, 2), }\n", TEXT("\2\1\4\3\6\5\xff\xff"));
    expect_arrays(&m, two, 2);
    m = make(1, "{'descr': '<u2', 'fortran_order': True, 'shape': (2, 2), }\n", TEXT("\1\0\2\0\3\0\4\0"));
    expect_arrays(&m, &(struct shot){2, 2, 16, 0, 65535, SAMPLES(1, 3, 2, 4)}, 1);
    /* A narrow stack is none of colour pictures. */
    m = make(1, "{'descr': '|u1', 'fortran_order': False, 'shape': (1, 2, 3), }\n", TEXT("abcdef"));
    expect_arrays(&m, &bytes23, 1);
}

Test(image_npy, arrays_one_behind_the_other)
{
    struct made m = make(1, "{'descr': '|u1', 'fortran_order': False, 'shape': (1, 2), }\n", TEXT("ab"));
    const struct made second = make(1, "{'descr': '<u2', 'fortran_order': False, 'shape': (1, 1), }\n", TEXT("\1\2"));
    memcpy(m.bytes + m.n_bytes, second.bytes, second.n_bytes);
    m.n_bytes += second.n_bytes;
    const struct shot shots[] = {{2, 1, 8, 0, 255, SAMPLES('a', 'b')}, {1, 1, 16, 0, 65535, SAMPLES(513)}};
    expect_arrays(&m, shots, 2);
    memcpy(m.bytes + m.n_bytes, "junk", 4);
    struct outcome o = read_bytes(m.bytes, m.n_bytes + 4, NPY, NULL);
    cr_assert(o.err == PXR_E_CORRUPT && o.diag.off_bytes == m.n_bytes && o.n_images == 2);
    outcome_fini(&o);
}

#define REST ", 'fortran_order': False, 'shape': (1, 2)}"

Test(image_npy, what_is_no_picture_is_refused_with_class_and_place)
{
    static const struct {
        const char *header;
        enum pxr_err err;
        uint64_t off_bytes;
        const char *text;
    } cases[] = {
        {"{'descr': '<f4'" REST, PXR_E_UNSUPPORTED, 10, "'<f4': only unsigned"},
        {"{'descr': '<i2'" REST, PXR_E_UNSUPPORTED, 10, "'<i2'"},
        {"{'descr': '|b1'" REST, PXR_E_UNSUPPORTED, 10, "'|b1'"},
        {"{'descr': '<u4'" REST, PXR_E_UNSUPPORTED, 10, "'<u4'"},
        {"{'descr': '|u2'" REST, PXR_E_UNSUPPORTED, 10, "'|u2'"},
        {"{'descr': '<u2xxxxxxxxxxxxxxxx'" REST, PXR_E_UNSUPPORTED, 10, "only unsigned"},
        {"{'descr': ''" REST, PXR_E_UNSUPPORTED, 10, "''"},
        {"{'descr': [('a', '<u2')]" REST, PXR_E_UNSUPPORTED, 20, "fields"},
        {"{'descr': '|u1', 'fortran_order': False, 'shape': (2,)}", PXR_E_UNSUPPORTED, 10, "axes: expected 3, found 1"},
        {"{'descr': '|u1', 'fortran_order': False, 'shape': ()}", PXR_E_UNSUPPORTED, 10, "found 0"},
        {"{'descr': '|u1', 'fortran_order': False, 'shape': (1,1,1,1)}", PXR_E_UNSUPPORTED, 10, "found 4"},
        {"{'descr': '|u1', 'fortran_order': True, 'shape': (1,2,3)}", PXR_E_UNSUPPORTED, 10, "Fortran order"},
        {"{'descr': '|u1', 'fortran_order': False, 'shape': (9,16,3)}", PXR_E_MISMATCH, 10, "9 x 16 x 3 looks like a colour"},
        {"{'descr': '|u1', 'fortran_order': False, 'shape': (0,1,2)}", PXR_E_CORRUPT, 10, "no frame"},
        {"{'descr': '|u1', 'fortran_order': False, 'shape': (1,0)}", PXR_E_CORRUPT, 10, "no pixels"},
        {"{'descr': '|u1', 'fortran_order': False, 'shape': (65536,65536)}", PXR_E_LIMIT, 10, "found 4294967296"},
        {"{'descr': '|u1', 'fortran_order': False, 'shape': (99999999999999999999999,1)}", PXR_E_LIMIT, 10, "limit"},
        {"{'descr': '|u1', 'fortran_order': False, 'shape': (-1,1)}", PXR_E_CORRUPT, 61, "a length"},
        {"{'descr': '|u1', 'fortran_order': False, 'shape': (1 1)}", PXR_E_CORRUPT, 63, "a comma"},
        {"{'descr': '|u1', 'fortran_order': False, 'shape': [1,1]}", PXR_E_CORRUPT, 60, "the shape"},
        {"{'descr': '|u1', 'fortran_order': False, 'shape': (1,1", PXR_E_CORRUPT, 64, "a comma"},
        {"{'descr': '|u1', 'fortran_order': 0, 'shape': (1,1)}", PXR_E_CORRUPT, 44, "True or False"},
        {"{'descr': '|u1', 'fortran_order': False}", PXR_E_CORRUPT, 50, "'shape'"},
        {"{'descr': '|u1', 'shape': (1,1)}", PXR_E_CORRUPT, 42, "'fortran_order'"},
        {"{'fortran_order': False, 'shape': (1,1)}", PXR_E_CORRUPT, 50, "'descr'"},
        {"{'descr': '|u1', 'descr': '|u1'" REST, PXR_E_CORRUPT, 35, "one 'descr'"},
        {"{'descr': '|u1'" REST " x", PXR_E_CORRUPT, 68, "the end of the header"},
        {"{'descr' '|u1'" REST, PXR_E_CORRUPT, 19, "a colon"},
        {"{'order': 'C', 'descr': '|u1'" REST, PXR_E_CORRUPT, 18, "descr, fortran_order or shape"},
        {"{'descr", PXR_E_CORRUPT, 11, "a key"},
        {"[1]", PXR_E_CORRUPT, 10, "'{'"},
        {"", PXR_E_CORRUPT, 10, "'{'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct made m = make(1, cases[i].header, TEXT("abcd"));
        struct refusal r = {(const char *)m.bytes, m.n_bytes, cases[i].err, cases[i].off_bytes, cases[i].text, 0};
        expect_refusal(&r, NPY, NULL);
    }
    const struct refusal whole[] = {
        {TEXT("\x93NUMPZ\1\0"), PXR_E_NOTPXR, 0, "begin", 0},
        {TEXT("\x93NUM"), PXR_E_TRUNCATED, 4, "expected 8, found 4", 0},
        {TEXT("\x93NUMPY\0\0\2\0{}"), PXR_E_UNSUPPORTED, 6, "version: expected 3, found 0", 0},
        {TEXT("\x93NUMPY\4\0\2\0{}"), PXR_E_UNSUPPORTED, 6, "found 4", 0},
        {TEXT("\x93NUMPY\1\0\2"), PXR_E_TRUNCATED, 9, "expected 2, found 1", 0},
        {TEXT("\x93NUMPY\1\0\5\0{"), PXR_E_TRUNCATED, 11, "expected 5, found 1", 0},
        {TEXT("\x93NUMPY\2\0\377\377\377\177{"), PXR_E_LIMIT, 8, "header: expected 65536", 0},
        {TEXT("\x93NUMPY\1\0\3\0{\0}"), PXR_E_CORRUPT, 10, "text", 0},
    };
    for (size_t i = 0; i < sizeof whole / sizeof whole[0]; i++)
        expect_refusal(&whole[i], NPY, NULL);
}

Test(image_npy, every_truncation_is_noticed)
{
    const struct made m =
        make(1, "{'descr': '<u2', 'fortran_order': False, 'shape': (2, 1, 2), }\n", TEXT("\2\1\4\3\6\5\xff\xff"));
    for (size_t n = 0; n < m.n_bytes; n++) {
        struct outcome o = read_bytes(m.bytes, n, NPY, NULL);
        cr_assert_eq(o.err, PXR_E_TRUNCATED, "cut to %zu: %d", n, o.err);
        cr_assert_eq(o.diag.off_bytes, n);
        cr_assert_eq(o.n_images, n >= m.n_bytes - 4);
        outcome_fini(&o);
    }
}

Test(image_npy, every_byte_may_be_anything)
{
    static const uint8_t values[] = {0, 1, ' ', '\'', '(', ')', ',', '0', '9', 'L', '}', 127, 255};
    const struct made m = make(1, "{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3), }\n", TEXT("abcdef"));
    size_t n_failed = 0;
    for (size_t at = 0; at < m.n_bytes; at++)
        for (size_t v = 0; v < sizeof values; v++) {
            struct made wrong = m;
            wrong.bytes[at] = values[v];
            struct outcome o = read_quick(wrong.bytes, wrong.n_bytes, NPY, NULL);
            n_failed += o.err != PXR_OK;
            cr_assert(o.err == PXR_OK || pxr_err_exit(o.err) == 1 || o.err == PXR_E_LIMIT ||
                      o.err == PXR_E_UNSUPPORTED);
            outcome_fini(&o);
        }
    cr_assert_gt(n_failed, 500);
}

Test(image_npy, memory_is_taken_as_data_arrive)
{
    const struct made m = make(1, "{'descr': '<u2', 'fortran_order': True, 'shape': (16384, 16384), }\n", TEXT("abc"));
    watch_memory(SIZE_MAX);
    struct outcome o = read_quick(m.bytes, m.n_bytes, NPY, NULL);
    cr_assert(o.err == PXR_E_TRUNCATED && o.diag.found == 3);
    cr_assert_leq(largest_request_bytes, 1u << 20);
    pxr_alloc_hook(NULL);
    outcome_fini(&o);
    const struct made turned = make(1, "{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3), }\n", TEXT("abcdef"));
    expect_nomem_everywhere(turned.bytes, turned.n_bytes, NPY, NULL);
}
