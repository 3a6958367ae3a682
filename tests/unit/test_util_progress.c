/* SPDX-License-Identifier: MIT
 * Numbers for people. */
#include "progress.h"

#include <criterion/criterion.h>

static void expect_seconds(double seconds, const char *text)
{
    char dst[24];
    cr_expect_str_eq(pxr_human_seconds(dst, seconds), text, "%f s are '%s', not '%s'", seconds, dst, text);
}

Test(progress, seconds_become_minutes_and_hours_before_they_have_three_digits)
{
    expect_seconds(0, "0 s");
    expect_seconds(99, "99 s");
    expect_seconds(100, "2 min");
    expect_seconds(99 * 60, "99 min");
    expect_seconds(100 * 60, "1.7 h");
    expect_seconds(36000, "10.0 h");
    expect_seconds(1e300, "277777.8 h");
}

Test(progress, bytes_come_in_powers_of_1024)
{
    char dst[16];
    cr_expect_str_eq(pxr_human_bytes(dst, 0), "0 B");
    cr_expect_str_eq(pxr_human_bytes(dst, 1023), "1023 B");
    cr_expect_str_eq(pxr_human_bytes(dst, 1024), "1.0 KiB");
    cr_expect_str_eq(pxr_human_bytes(dst, 73728000), "70.3 MiB");
    cr_expect_str_eq(pxr_human_bytes(dst, UINT64_MAX), "16384 PiB");
}
