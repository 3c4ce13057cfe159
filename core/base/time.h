/* Virtual time: 64-bit nanoseconds, in worlds counted from 0. Durations have the same unit. */
#ifndef CORE_BASE_TIME_H
#define CORE_BASE_TIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TIME_US INT64_C(1000)
#define TIME_MS INT64_C(1000000)
#define TIME_S INT64_C(1000000000)
#define TIME_MIN (60 * TIME_S)
#define TIME_NEVER INT64_MAX /* later than everything: a deadline that is not */
#define DURATION_TEXT 32

/* a + b for a time and a positive duration, stopping at TIME_NEVER. */
static inline int64_t
time_add(int64_t at, int64_t duration)
{
    return at > TIME_NEVER - duration ? TIME_NEVER : at + duration;
}

/* "20ms", "1.5s", "5min", "2h", "100us", "7ns": a decimal number and one of the units ns us ms s min h. Rounded to the
 * nearest nanosecond, a positive one never to 0, a negative one to 0; beyond 292 years it stops at TIME_NEVER. Exact:
 * no floating point. False when it is anything else (a bare number has no unit and is refused here). */
bool duration_parse(const char *text, int64_t *duration);

/* A number of seconds by the same rounding rules; false for NaN. */
bool duration_from_seconds(double seconds, int64_t *duration);

/* Exact text that duration_parse reads back: "100us", "1.5s", "5min". Of the units in which the value is at least 1
 * and has an end, the one that needs the fewest digits; the larger of two. Returns `text`. */
const char *duration_format(int64_t duration, char text[DURATION_TEXT]);

#endif
