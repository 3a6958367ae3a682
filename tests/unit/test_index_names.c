/* SPDX-License-Identifier: MIT
 * Names as prefix, counter and suffix. */
#include "kept_archive.h"
#include "name.h"
#include "utf8.h"

#include <criterion/criterion.h>

static void expect_split(const char *name, int name_class, uint64_t counter, size_t prefix)
{
    struct pxr_name_split s;
    char again[256];
    pxr_name_split(&s, name, strlen(name));
    cr_expect_eq(s.name_class, name_class, "%s: class %d, not %d", name, s.name_class, name_class);
    cr_expect_eq(s.counter, counter, "%s: counter %llu", name, (unsigned long long)s.counter);
    cr_expect_eq(s.prefix_bytes, prefix, "%s: prefix %u", name, s.prefix_bytes);
    pxr_name_join(&s, 0, again);
    cr_expect_str_eq(again, name);
}

Test(names, split_is_what_the_format_says)
{
    expect_split("img_000042", 6, 42, 4);
    expect_split("img_42", 0, 42, 4);
    expect_split("0", 0, 0, 0);
    expect_split("00", 2, 0, 0);
    expect_split("plain", 255, 0, 5);
    expect_split("a1b2c", 0, 2, 3);
    expect_split("cam3_007_left", 3, 7, 5);
    expect_split("x123456789012345678", 0, 123456789012345678u, 1);
    expect_split("x1234567890123456789", 0, 234567890123456789u, 2);
    expect_split("x0000000000000000000000001", 18, 1, 8);
}

Test(names, every_name_has_one_split_that_gives_it_back)
{
    static const char alphabet[] = "0019a_-";
    uint64_t state = 3;
    for (int round = 0; round < 200000; round++) {
        char name[64], again[256];
        struct pxr_name_split s;
        const size_t n = 1 + test_random(&state) % 40;
        for (size_t i = 0; i < n; i++)
            name[i] = alphabet[test_random(&state) % 7];
        name[n] = 0;
        pxr_name_split(&s, name, n);
        cr_assert_lt(s.counter, pxr_name_counter_end(s.name_class), "%s", name);
        cr_assert_eq(pxr_name_join(&s, 0, again), n);
        cr_assert_str_eq(again, name);
    }
}

Test(names, a_run_ends_where_the_digits_grow)
{
    struct pxr_name_split a, b;
    pxr_name_split(&a, "f_0998", 6);
    pxr_name_split(&b, "f_0999", 6);
    cr_expect(pxr_name_continues(&a, 1, &b));
    pxr_name_split(&b, "f_1000", 6);
    cr_expect_not(pxr_name_continues(&a, 2, &b));
    pxr_name_split(&a, "f_9", 3);
    pxr_name_split(&b, "f_10", 4);
    cr_expect(pxr_name_continues(&a, 1, &b));
    pxr_name_split(&b, "g_10", 4);
    cr_expect_not(pxr_name_continues(&a, 1, &b));
}

Test(names, what_cannot_be_a_file_name_is_refused)
{
    static const char *const bad[] = {"",  ".",    "..",       "a/b", "a\nb",     "a\x7f",
                                      "x.", "x ", "\xC0\xAF", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xE2\x82"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_expect_not_null(pxr_name_objection(bad[i], strlen(bad[i])), "%zu", i);
    cr_expect_not_null(pxr_name_objection("a\0b", 3));
    cr_expect_null(pxr_name_objection("Größe 7 µm, \xF0\x9F\x8E\x9E", 19));
    char longest[242];
    memset(longest, 'x', sizeof longest);
    cr_expect_null(pxr_name_objection(longest, 240));
    cr_expect_not_null(pxr_name_objection(longest, 241));
}

/* What a damaged page may say: parts that are longer together than any name. */
Test(names, a_joined_name_ends_where_its_room_does)
{
    char part[255], joined[256];
    memset(part, 'x', sizeof part);
    const struct pxr_name_split s = {.prefix = part, .suffix = part, .prefix_bytes = 250, .suffix_bytes = 255,
                                     .name_class = 18, .counter = 7};
    cr_expect_eq(pxr_name_join(&s, 0, joined), 255);
    cr_expect_eq(strlen(joined), 255);
    cr_expect_eq(memcmp(joined + 250, "00000", 5), 0);
}
