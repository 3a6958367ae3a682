/* SPDX-License-Identifier: MIT
 * Time stamps as text: calendar dates in UTC, and numbers of seconds. */
#include "timetext.h"

#include <stddef.h>

static const int64_t second_ns = 1000000000;

static bool is_leap(uint64_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static uint64_t days_of_month(uint64_t year, uint64_t month)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month - 1] + (month == 2 && is_leap(year) ? 1u : 0u);
}

/* Days from 1970-01-01 to the first of January. */
static int64_t days_to_year(uint64_t year)
{
    const int64_t y = (int64_t)year - 1;
    return 365 * (y - 1969) + (y / 4 - y / 100 + y / 400) - 477; /* 477 leap days before 1970 */
}

bool pxr_time_from_civil(const struct pxr_civil *c, int64_t *time_ns)
{
    if (c->year < 1 || c->year > 9999 || c->month < 1 || c->month > 12 || c->day < 1 ||
        c->day > days_of_month(c->year, c->month) || c->hour > 23 || c->minute > 59 || c->second > 60 ||
        c->nanosecond >= (uint64_t)second_ns)
        return false;
    int64_t days = days_to_year(c->year) + (int64_t)c->day - 1;
    for (uint64_t m = 1; m < c->month; m++)
        days += (int64_t)days_of_month(c->year, m);
    const int64_t seconds = days * 86400 + (int64_t)(c->hour * 3600 + c->minute * 60 + c->second);
    return !__builtin_mul_overflow(seconds, second_ns, time_ns) &&
           !__builtin_add_overflow(*time_ns, (int64_t)c->nanosecond, time_ns);
}

unsigned pxr_take_digits(const char **at, unsigned max_digits, uint64_t *out)
{
    unsigned n = 0;
    for (*out = 0; n < max_digits && n < 19 && **at >= '0' && **at <= '9'; n++, ++*at)
        *out = *out * 10 + (uint64_t)(**at - '0'); /* 19 digits fit 64 bits */
    return n;
}

/* What stands behind the point, as nanoseconds. */
static bool take_fraction(const char **at, uint64_t *nanosecond)
{
    unsigned n = pxr_take_digits(at, 9, nanosecond);
    if (!n)
        return false;
    for (; n < 9; n++)
        *nanosecond *= 10;
    return true;
}

static bool parse_date(const char *at, int64_t *time_ns)
{
    struct pxr_civil c = {0};
    if (pxr_take_digits(&at, 4, &c.year) != 4 || *at++ != '-' || pxr_take_digits(&at, 2, &c.month) != 2 ||
        *at++ != '-' || pxr_take_digits(&at, 2, &c.day) != 2)
        return false;
    if (*at == 'T' || *at == ' ') {
        at++;
        if (pxr_take_digits(&at, 2, &c.hour) != 2 || *at++ != ':' || pxr_take_digits(&at, 2, &c.minute) != 2 ||
            *at++ != ':' || pxr_take_digits(&at, 2, &c.second) != 2)
            return false;
        if (*at == '.') {
            at++;
            if (!take_fraction(&at, &c.nanosecond))
                return false;
        }
        if (*at == 'Z')
            at++;
    }
    return !*at && pxr_time_from_civil(&c, time_ns);
}

static bool parse_seconds(const char *at, int64_t *time_ns)
{
    uint64_t seconds, nanosecond = 0;
    const bool is_negative = *at == '-';
    at += is_negative;
    if (!pxr_take_digits(&at, 10, &seconds))
        return false;
    if (*at == '.') {
        at++;
        if (!take_fraction(&at, &nanosecond))
            return false;
    }
    if (*at || seconds > (uint64_t)(INT64_MAX / second_ns - 1))
        return false;
    *time_ns = (int64_t)seconds * second_ns + (int64_t)nanosecond;
    if (is_negative)
        *time_ns = -*time_ns;
    return true;
}

bool pxr_time_parse(const char *text, int64_t *time_ns)
{
    return parse_date(text, time_ns) || parse_seconds(text, time_ns);
}
