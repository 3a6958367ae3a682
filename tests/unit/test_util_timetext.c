/* SPDX-License-Identifier: MIT
 * Time stamps as text, compared with the C library's calendar. */
#include "timetext.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <time.h>

Test(util_timetext, every_day_of_four_hundred_years_and_more)
{
    /* What 64 bits of nanoseconds hold: 1677-09-22 to 2262-04-11. */
    for (time_t day = -106750; day <= 106750; day++) {
        const time_t seconds = day * 86400 + 3661;
        struct tm tm;
        int64_t t;
        char text[64];
        gmtime_r(&seconds, &tm);
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm);
        cr_assert(pxr_time_parse(text, &t), "%s", text);
        if (t != (int64_t)seconds * 1000000000)
            cr_assert_fail("%s: %lld", text, (long long)t);
    }
}

Test(util_timetext, what_is_a_time)
{
    static const struct {
        const char *text;
        int64_t time_ns;
    } cases[] = {
        {"1970-01-01", 0},
        {"1970-01-01T00:00:00", 0},
        {"1970-01-01 00:00:01.5Z", 1500000000},
        {"1969-12-31T23:59:59.999999999Z", -1},
        {"2000-02-29T12:00:00.000000001", 951825600000000001},
        {"2016-12-31T23:59:60Z", 1483228800000000000},
        {"0", 0},
        {"1714564800.25", 1714564800250000000},
        {"-0.000000001", -1},
        {"-5", -5000000000},
        {"9223372035.999999999", 9223372035999999999},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t t = 42;
        cr_expect(pxr_time_parse(cases[i].text, &t), "%s", cases[i].text);
        cr_expect_eq(t, cases[i].time_ns, "%s: %lld", cases[i].text, (long long)t);
    }
}

Test(util_timetext, what_is_none)
{
    static const char *const wrong[] = {
        "", "x", " 1", "1 ", "1.", ".5", "1.0000000001", "99999999999", "9223372036", "+1", "1e9", "--1",
        "2024-02-30", "2023-02-29", "1900-02-29", "2024-13-01", "2024-00-01", "2024-01-00", "0000-01-01",
        "2024-1-01", "24-01-01", "2024-01-01T", "2024-01-01T24:00:00", "2024-01-01T00:60:00",
        "2024-01-01T00:00:61", "2024-01-01T00:00:00.", "2024-01-01T00:00:00.0000000000", "2024-01-01T00:00",
        "2024-01-01T00:00:00+01:00", "2024-01-01T00:00:00ZZ", "1600-01-01", "2300-01-01", "2024/01/01",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        int64_t t;
        cr_expect(!pxr_time_parse(wrong[i], &t), "'%s' was taken", wrong[i]);
    }
}
