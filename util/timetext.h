/* SPDX-License-Identifier: MIT
 * Time stamps as text: calendar dates in UTC, and numbers of seconds. */
#ifndef PXR_UTIL_TIMETEXT_H
#define PXR_UTIL_TIMETEXT_H

#include "pixelrain.h"

/* A date and time in UTC, of the Gregorian calendar.  second may be 60, as in a leap second. */
struct pxr_civil {
    uint64_t year, month, day, hour, minute, second, nanosecond;
};

/* Nanoseconds since 1970-01-01; false where there is no such day or time, or 64 bits cannot hold it. */
bool pxr_time_from_civil(const struct pxr_civil *c, int64_t *time_ns);

/* The value of 1 to 19 digits at *at, which then stands behind them; at most max_digits are taken.
 * Returns how many there were. */
unsigned pxr_take_digits(const char **at, unsigned max_digits, uint64_t *out);

/* A whole text: "2024-05-01", "2024-05-01T12:00:00" with an optional fraction of 1 to 9 digits and an
 * optional Z (a space may stand for the T), or seconds since 1970: "1714564800.25". */
bool pxr_time_parse(const char *text, int64_t *time_ns);

#endif
