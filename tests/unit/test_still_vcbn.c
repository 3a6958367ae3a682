/* SPDX-License-Identifier: MIT
 * VCBN envelopes: the format's own example, floats as Python writes them, quantising, which frames are kept without
 * loss, and what is refused. */
#include "diag.h"
#include "vcbn.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>

/* The example of the format's description: CBIN, 2 x 3, uint8 0 to 5. */
#define EXAMPLE_JSON                                                                                                   \
    "{\"format\":\"cbin\",\"type\":\"image\",\"version\":1,\"dtype\":\"uint8\",\"endianness\":\"LE\",\"shape\":[2,3]," \
    "\"order\":\"C\",\"size\":5.7220458984375e-06,\"resolution\":255,\"vmin\":0.0,\"vmax\":255.0}"
#define EXAMPLE "CBIN\x01\x00\x00\x00\xAC" EXAMPLE_JSON "\x00\x00\x01\x02\x03\x04\x05"

static const uint8_t levels[] = {0, 1, 2, 3, 4, 5};
static const struct pxr_vcbn_array array = {levels, 3, 3, 2, PXR_VCBN_IN_U8};

static struct pxr_buffer encode(const struct pxr_vcbn_array *a, const struct pxr_vcbn_opts *o)
{
    struct pxr_buffer out = {0};
    struct pxr_diag diag = {0};
    cr_assert_eq(pxr_vcbn_encode(&out, a, o, &diag), PXR_OK, "%s", diag.text);
    return out;
}

static struct pxr_vcbn_info decode(const struct pxr_buffer *file, void *dst)
{
    struct pxr_vcbn_info info;
    struct pxr_diag diag = {0};
    cr_assert_eq(pxr_vcbn_parse(&info, file->bytes, file->n_bytes, &diag), PXR_OK, "%s", diag.text);
    pxr_vcbn_decode(&info, file->bytes, dst, info.width_px * pxr_vcbn_sample_bytes(info.container));
    return info;
}

Test(still_vcbn, example_of_the_description)
{
    const struct pxr_vcbn_opts o = {.dialect = PXR_VCBN_CBIN, .has_range = true, .vmax = 255};
    struct pxr_buffer file = encode(&array, &o);
    uint8_t back[6];
    cr_assert_eq(file.n_bytes, sizeof EXAMPLE - 1);
    cr_assert_arr_eq(file.bytes, EXAMPLE, sizeof EXAMPLE - 1);
    const struct pxr_vcbn_info info = decode(&file, back);
    cr_assert_arr_eq(back, levels, 6);
    cr_assert(info.dialect == PXR_VCBN_CBIN && info.has_range && info.vmax == 255 && info.resolution == 255);
    cr_assert(info.json_off_bytes == 9 && info.json_bytes == 172 && info.blob_off_bytes == 182);
    pxr_buffer_fini(&file);
}

static void expect_float(double v, const char *text)
{
    char dst[PXR_VCBN_FLOAT_TEXT_BYTES];
    cr_assert_str_eq(pxr_vcbn_float_text(v, dst), text);
}

Test(still_vcbn, floats_are_written_as_python_does)
{
    expect_float(0, "0.0");
    expect_float(-0.0, "-0.0");
    expect_float(255, "255.0");
    expect_float(-321.5, "-321.5");
    expect_float(0.1, "0.1");
    expect_float(0.0001, "0.0001");
    expect_float(0.00001, "1e-05");
    expect_float(5.7220458984375e-06, "5.7220458984375e-06");
    expect_float(1e15, "1000000000000000.0");
    expect_float(1e16, "1e+16");
    expect_float(123456789012345680.0, "1.2345678901234568e+17");
    expect_float(9007199254740993.0, "9007199254740992.0");
    expect_float(1.0 / 3, "0.3333333333333333");
    expect_float(1.7976931348623157e308, "1.7976931348623157e+308");
    expect_float(5e-324, "5e-324");
    expect_float(ldexp(1, -1017), "7.120236347223045e-307"); /* rounding to 16 digits gives another number */
}

Test(still_vcbn, every_half_comes_back_and_numbers_round_to_even)
{
    for (unsigned h = 0; h < 1 << 16; h++)
        cr_assert_eq(pxr_vcbn_half_of(pxr_vcbn_half_value((uint16_t)h)), h);
    cr_assert_eq(pxr_vcbn_half_of(65519.999), 0x7BFF);
    cr_assert_eq(pxr_vcbn_half_of(65520), 0x7C00);
    cr_assert_eq(pxr_vcbn_half_of(2049), 0x6800); /* between 2048 and 2050 */
    cr_assert_eq(pxr_vcbn_half_of(2051), 0x6802);
    cr_assert_eq(pxr_vcbn_half_of(-ldexp(1, -25)), 0x8000);
    cr_assert_eq(pxr_vcbn_half_of(ldexp(3, -26)), 1);
}

static void expect_lossless(uint8_t bits, uint16_t max_sample, enum pxr_vcbn_dialect dialect, double vmax)
{
    enum { N = 300 };
    uint16_t samples[N], back[N];
    uint8_t narrow[N];
    for (unsigned i = 0; i < N; i++) {
        samples[i] = (uint16_t)(i * max_sample / (N - 1));
        narrow[i] = (uint8_t)samples[i];
    }
    const struct pxr_vcbn_array a = {bits == 8 ? (void *)narrow : samples, 30u * bits / 8u, 30, 10,
                                     bits == 8 ? PXR_VCBN_IN_U8 : PXR_VCBN_IN_U16};
    const struct pxr_vcbn_opts o = pxr_vcbn_lossless_opts(dialect, bits, max_sample);
    struct pxr_buffer file = encode(&a, &o), header = {0};
    const struct pxr_vcbn_info info = decode(&file, back);
    cr_assert_arr_eq(back, a.data, N * bits / 8u);
    cr_assert(info.vmin == 0 && info.vmax == vmax && info.dialect == dialect);
    cr_assert_eq(pxr_vcbn_put_header(&header, 30, 10, &o, NULL), PXR_OK);
    cr_assert_eq(header.n_bytes, info.blob_off_bytes);
    cr_assert_arr_eq(header.bytes, file.bytes, header.n_bytes);
    pxr_buffer_fini(&file);
    pxr_buffer_fini(&header);
}

Test(still_vcbn, integer_frames_are_kept_in_every_dialect)
{
    for (enum pxr_vcbn_dialect d = PXR_VCBN_VCBN; d < PXR_VCBN_N_DIALECTS; d++) {
        expect_lossless(8, 255, d, 255);
        expect_lossless(16, 4096, d, d == PXR_VCBN_HEAD ? 65535 : 4096);
        expect_lossless(16, 4097, d, 65535);
        expect_lossless(16, 65535, d, 65535);
    }
}

Test(still_vcbn, quantising_truncates_clips_and_makes_zeros_of_what_is_not_finite)
{
    const float samples[] = {0, 0.5f, 1, 2, -1, INFINITY, -INFINITY, NAN, 0.999f};
    const struct pxr_vcbn_array a = {samples, sizeof samples, 9, 1, PXR_VCBN_IN_F32};
    const struct pxr_vcbn_opts o = {.has_range = true, .vmax = 1};
    struct pxr_buffer file = encode(&a, &o);
    uint8_t back[9];
    decode(&file, back);
    cr_assert_arr_eq(back, ((const uint8_t[]){0, 127, 255, 255, 0, 0, 0, 0, 254}), 9);
    pxr_buffer_fini(&file);
}

Test(still_vcbn, the_range_of_an_array_is_that_of_its_real_numbers)
{
    const double samples[] = {NAN, 7, -2.5, 100, 3, -50}; /* as complex numbers: NaN, -2.5, 3 */
    const struct pxr_vcbn_array a = {samples, sizeof samples, 3, 1, PXR_VCBN_IN_C128};
    const struct pxr_vcbn_opts o = {.dialect = PXR_VCBN_HEAD, .dtype = PXR_VCBN_FLOAT64};
    struct pxr_buffer file = encode(&a, &o);
    double back[3];
    const struct pxr_vcbn_info info = decode(&file, back);
    cr_assert(info.vmin == -2.5 && info.vmax == 3 && isnan(back[0]) && back[1] == -2.5 && back[2] == 3);
    cr_assert_eq(info.blob_off_bytes % 8, 0);
    pxr_buffer_fini(&file);
}

Test(still_vcbn, packed_numbers_of_any_width_come_back)
{
    for (uint8_t bits = 1; bits <= 32; bits++) {
        const uint32_t top = (uint32_t)(((uint64_t)1 << bits) - 1), samples[] = {top, 0, top / 3, 1, top - 1};
        const struct pxr_vcbn_array a = {samples, sizeof samples, 5, 1, PXR_VCBN_IN_U32};
        const struct pxr_vcbn_opts o = {
            .dialect = PXR_VCBN_HEAD, .dtype = PXR_VCBN_PACKED, .bits = bits, .has_range = true, .vmax = top};
        struct pxr_buffer file = encode(&a, &o);
        uint32_t back[5] = {0};
        const struct pxr_vcbn_info info = decode(&file, back);
        const size_t n = pxr_vcbn_sample_bytes(info.container);
        cr_assert_eq(info.blob_bytes, (5 * bits + 7) / 8);
        for (unsigned i = 0; i < 5; i++) {
            uint32_t v = 0;
            memcpy(&v, (uint8_t *)back + i * n, n); /* little endian machines; others run the vectors */
            cr_assert_eq(v, samples[i], "%u bits: %u, not %u", bits, v, samples[i]);
        }
        pxr_buffer_fini(&file);
    }
}

Test(still_vcbn, big_endian_numbers_and_columns_first_are_read)
{
    static const char json[] = "{\"format\":\"imgpack\",\"version\":1,\"dtype\":\"UInt16\",\"endianness\":\"BE\","
                               "\"shape\":[2,3],\"order\":\"F\"}";
    struct pxr_buffer file = {0};
    const uint8_t length[4] = {0, 0, 0, sizeof json - 1}, blob[] = {0, 1, 0, 4, 0, 2, 0, 5, 0, 3, 1, 6};
    uint16_t back[6];
    cr_assert(pxr_buffer_add(&file, length, 4) && pxr_buffer_add(&file, json, sizeof json - 1) &&
              pxr_buffer_add(&file, "\0", (sizeof json - 1) % 2) && pxr_buffer_add(&file, blob, sizeof blob));
    const struct pxr_vcbn_info info = decode(&file, back);
    cr_assert_arr_eq(back, ((const uint16_t[]){1, 2, 3, 4, 5, 0x106}), sizeof back);
    cr_assert(info.is_big_endian && info.is_column_major && !info.has_range);
    pxr_buffer_fini(&file);
}

Test(still_vcbn, members_can_be_added_to_the_header)
{
    struct pxr_vcbn_opts o = {.has_range = true, .vmax = 255, .extra = "\"frame\":12,\"id\":\"\xC3\xA4\""};
    struct pxr_buffer file = encode(&array, &o);
    uint8_t back[6];
    const struct pxr_vcbn_info info = decode(&file, back);
    cr_assert(strstr((char *)file.bytes + info.json_off_bytes, "\"vmax\":255.0,\"frame\":12,\"id\":\"\xC3\xA4\"}"));
    static const char *const wrong[] = {"\"frame\"", "\"dtype\":1", "", "\"a\":NaN", "\"a\":1}{", "\"\xFF\":1"};
    for (unsigned i = 0; i < 6; i++) {
        o.extra = wrong[i];
        const size_t before = file.n_bytes;
        cr_assert_eq(pxr_vcbn_encode(&file, &array, &o, NULL), PXR_E_INVALID, "%s", wrong[i]);
        cr_assert_eq(file.n_bytes, before);
    }
    pxr_buffer_fini(&file);
}

Test(still_vcbn, encoder_refuses_options_that_make_no_sense)
{
    const struct pxr_vcbn_opts wrong[] = {
        {.dtype = PXR_VCBN_FLOAT32},
        {.dtype = PXR_VCBN_UINT8, .resolution = 65535},
        {.dtype = PXR_VCBN_UINT16, .resolution = 100},
        {.bits = 8},
        {.is_big_endian = true},
        {.dialect = PXR_VCBN_HEAD}, /* uint8 with the default of 12 bits */
        {.dialect = PXR_VCBN_HEAD, .dtype = PXR_VCBN_UINT16, .bits = 17},
        {.dialect = PXR_VCBN_HEAD, .dtype = PXR_VCBN_PACKED, .bits = 33},
        {.dialect = PXR_VCBN_HEAD, .dtype = PXR_VCBN_PACKED, .bits = 25}, /* 0 to 5: not exact in float32 */
        {.has_range = true, .vmax = INFINITY},
        {.dialect = PXR_VCBN_N_DIALECTS},
        {.dtype = PXR_VCBN_N_DTYPES},
    };
    struct pxr_buffer out = {0};
    for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        cr_assert_eq(pxr_vcbn_encode(&out, &array, &wrong[i], NULL), PXR_E_INVALID, "%u", i);
    const struct pxr_vcbn_opts o = {0};
    const float nothing[] = {NAN, NAN};
    const struct pxr_vcbn_array nan_array = {nothing, 8, 2, 1, PXR_VCBN_IN_F32}, empty = {levels, 3, 3, 0, 0},
                                wide = {levels, 0, 1 << 21, 1, 0};
    cr_assert_eq(pxr_vcbn_encode(&out, &nan_array, &o, NULL), PXR_E_INVALID);
    cr_assert_eq(pxr_vcbn_encode(&out, &empty, &o, NULL), PXR_E_INVALID);
    cr_assert_eq(pxr_vcbn_encode(&out, &wide, &o, NULL), PXR_E_LIMIT);
    cr_assert_eq(pxr_vcbn_put_header(&out, 3, 2, &o, NULL), PXR_E_INVALID);
    cr_assert_eq(out.n_bytes, 0);
}

Test(still_vcbn, forced_bits_beyond_float32_wrap_as_in_the_original)
{
    const float samples[] = {0, 1};
    const struct pxr_vcbn_array a = {samples, 8, 2, 1, PXR_VCBN_IN_F32};
    const struct pxr_vcbn_opts o = {.dialect = PXR_VCBN_HEAD, .dtype = PXR_VCBN_UINT32, .bits = 32,
                                    .has_range = true, .vmax = 1, .is_forced = true};
    struct pxr_buffer file = encode(&a, &o);
    uint32_t back[2] = {9, 9};
    decode(&file, back);
    cr_assert(back[0] == 0 && back[1] == 0);
    pxr_buffer_fini(&file);
}

/* An envelope with a magic and this JSON, and n zeros as its blob. */
static struct pxr_buffer envelope(const char *magic, const char *json, size_t n)
{
    struct pxr_buffer file = {0};
    uint8_t length[5] = {1};
    pxr_store_u32be(length + 1, (uint32_t)strlen(json));
    cr_assert(pxr_buffer_add(&file, magic, 4) && pxr_buffer_add(&file, length, 5) &&
              pxr_buffer_add(&file, json, strlen(json)) && pxr_buffer_add(&file, "", file.n_bytes % 2));
    memset(pxr_buffer_extend(&file, n), 0, n);
    return file;
}

#define HEAD "{\"dtype\":\"uint8\",\"shape\":[2,3]"

Test(still_vcbn, headers_that_no_writer_writes_are_refused)
{
    static const struct {
        const char *json;
        enum pxr_err err;
        const char *words;
    } cases[] = {
        {HEAD "}", PXR_OK, ""},
        {" " HEAD ", \"version\" : 1, \"a\":[[[[[[[]]]]]]] } ", PXR_OK, ""},
        {HEAD ",\"a\":[[[[[[[[]]]]]]]]}", PXR_E_CORRUPT, "brackets"},
        {HEAD, PXR_E_CORRUPT, "no JSON"},
        {HEAD "}}", PXR_E_CORRUPT, "no JSON"},
        {"[" HEAD "}]", PXR_E_CORRUPT, "not a JSON object"},
        {HEAD ",\"shap\\u0065\":1}", PXR_E_CORRUPT, "key twice"},
        {HEAD ",\"a\":{\"b\":1,\"b\":2}}", PXR_E_CORRUPT, "key twice"},
        {HEAD ",\"version\":2}", PXR_E_UNSUPPORTED, "version"},
        {HEAD ",\"version\":\"1\"}", PXR_E_UNSUPPORTED, "version"},
        {HEAD ",\"vmin\":1e999}", PXR_E_CORRUPT, "vmin"},
        {HEAD ",\"vmax\":\"1\"}", PXR_E_CORRUPT, "vmax"},
        {HEAD ",\"vmax\":Infinity}", PXR_E_CORRUPT, "no JSON"},
        {HEAD ",\"resolution\":-1}", PXR_E_CORRUPT, "resolution"},
        {HEAD ",\"order\":\"A\"}", PXR_E_UNSUPPORTED, "order"},
        {HEAD ",\"endianness\":\"le\"}", PXR_E_UNSUPPORTED, "endianness"},
        {HEAD ",\"bits\":\"8\"}", PXR_E_CORRUPT, "bits"},
        {"{\"dtype\":\"UINT8\",\"shape\":[2,3]}", PXR_E_UNSUPPORTED, "do not have"},
        {"{\"dtype\":\"uint32\",\"shape\":[2,3]}", PXR_E_UNSUPPORTED, "do not have"},
        {"{\"dtype\":\"uint8888888\",\"shape\":[2,3]}", PXR_E_UNSUPPORTED, "not known"},
        {"{\"dtype\":8,\"shape\":[2,3]}", PXR_E_CORRUPT, "no dtype"},
        {"{\"dtype\":\"uint8\"}", PXR_E_CORRUPT, "no shape"},
        {"{\"dtype\":\"uint8\",\"shape\":[6]}", PXR_E_CORRUPT, "two positive"},
        {"{\"dtype\":\"uint8\",\"shape\":[]}", PXR_E_CORRUPT, "two positive"},
        {"{\"dtype\":\"uint8\",\"shape\":[2,3,1]}", PXR_E_CORRUPT, "two positive"},
        {"{\"dtype\":\"uint8\",\"shape\":[2,3.0]}", PXR_E_CORRUPT, "two positive"},
        {"{\"dtype\":\"uint8\",\"shape\":[2,\"3\"]}", PXR_E_CORRUPT, "two positive"},
        {"{\"dtype\":\"uint8\",\"shape\":[0,3]}", PXR_E_CORRUPT, "two positive"},
        {"{\"dtype\":\"uint8\",\"shape\":[2,4]}", PXR_E_TRUNCATED, "number of bytes"},
        {"{\"dtype\":\"uint8\",\"shape\":[1,5]}", PXR_E_CORRUPT, "number of bytes"},
        {"{\"dtype\":\"uint8\",\"shape\":[18446744073709551615,18446744073709551615]}", PXR_E_TRUNCATED, "number of"},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pxr_buffer file = envelope("VCBN", cases[i].json, 6);
        struct pxr_vcbn_info info;
        struct pxr_diag diag = {0};
        cr_assert_eq(pxr_vcbn_parse(&info, file.bytes, file.n_bytes, &diag), cases[i].err, "%s: %s", cases[i].json,
                     diag.text);
        cr_assert(strstr(diag.text, cases[i].words), "%s: %s", cases[i].json, diag.text);
        pxr_buffer_fini(&file);
    }
}

Test(still_vcbn, envelopes_cut_anywhere_are_refused)
{
    struct pxr_vcbn_info info;
    for (size_t n = 0; n < sizeof EXAMPLE - 1; n++) {
        uint8_t *const cut = malloc(n + 1); /* of exactly this length, for the sanitizers */
        memcpy(cut, EXAMPLE, n);
        const enum pxr_err e = pxr_vcbn_parse(&info, cut, n, NULL);
        cr_assert(e == PXR_E_TRUNCATED || (n < 5 && e), "%zu: %d", n, (int)e);
        free(cut);
    }
}
