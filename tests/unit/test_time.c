#include "core/base/time.h"

#include <math.h>

#include "core/base/address.h"
#include "tests/unit/support.h"

/* What duration_parse takes, and what it means in nanoseconds. */
static const struct {
    const char *text;
    int64_t duration;
} good[] = {
    { "7ns", 7 },
    { "100us", 100000 },
    { "20ms", 20 * TIME_MS },
    { "1.5s", 1500 * TIME_MS },
    { "5min", 300 * TIME_S },
    { "2h", 7200 * TIME_S },
    { "24h", 86400 * TIME_S },
    { "0s", 0 },
    { "0.000h", 0 },
    { "0.1ms", 100000 },
    { "007s", 7 * TIME_S },
    { "0.1s", 100 * TIME_MS }, /* no binary fraction */
    { "0.000000001s", 1 },
    { "0.3333333333s", 333333333 },
    { "1.999999999s", 1999999999 },
    { "0.5min", 30 * TIME_S },
    /* to the nearest, half a nanosecond up */
    { "1.4ns", 1 },
    { "1.5ns", 2 },
    { "2.5ns", 3 },
    { "1.49999999999999999999999999999999999999ns", 1 },
    { "1.50000000000000000000000000000000000001ns", 2 },
    { "0.0000000015s", 2 },
    { "0.00000000149999999999999999999999999s", 1 },
    { "9.9999999999s", 10 * TIME_S },
    { "0.000000000138888888888888888888888888h", 500 }, /* just below 500 ns */
    { "0.00000000041666666666666666666666666h", 1500 },
    { "0.0000000000004166666666666666666666666666h", 1 },  /* 1.4999... ns */
    { "0.00000000000041666666666666666666666666667h", 2 }, /* 1.5000... ns */
    /* a positive one never to 0, a negative one to 0 */
    { "0.1ns", 1 },
    { "0.49ns", 1 },
    { "0.00000000000000000000000000000000000000000000000000001ns", 1 },
    { "-1ns", 0 },
    { "-5min", 0 },
    { "-0.1ns", 0 },
    { "-0s", 0 },
    { "-99999999999999999999h", 0 },
    /* it stops at TIME_NEVER, about 292 years */
    { "9223372036854775806ns", TIME_NEVER - 1 },
    { "9223372036854775807ns", TIME_NEVER },
    { "9223372036854775808ns", TIME_NEVER },
    { "9223372036.854775806s", TIME_NEVER - 1 },
    { "9223372036.854775808s", TIME_NEVER },
    { "9223372037s", TIME_NEVER },
    { "9223372036854775806.5ns", TIME_NEVER },
    { "9223372036854775807.9ns", TIME_NEVER },
    { "2562047.7h", 9223371720 * TIME_S },
    { "2562048h", TIME_NEVER },
    { "99999999999999999999999999999999999999h", TIME_NEVER },
};

static const char *const bad[] = {
    "",       " ",     "s",    "ms",   "5",    "5.", "5.s",   ".5s",      ".s",     "-",       "-s",   "--5s", "+5s",
    "5 s",    " 5s",   "5s ",  "5S",   "5sec", "5m", "5msec", "5minutes", "5min1s", "1h30min", "1e3s", "0x5s", "1,5s",
    "1.5.5s", "5..5s", "infs", "nans", "5ss",  "5d", "5\ns",  "５s",      "5 ns",   "1_000s",  "-.5s", "5-s",
};

static void
test_parse(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
        int64_t duration = -7;

        CHECK_ROW(good[i].text, duration_parse(good[i].text, &duration));
        CHECK_ROW_INT(good[i].text, duration, good[i].duration);
    }
}

static void
test_parse_refuses(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        int64_t duration = -7;

        CHECK_ROW(bad[i], !duration_parse(bad[i], &duration));
        CHECK_ROW_INT(bad[i], duration, -7);
    }
}

/* "m" and "mi" are no units, and a number has none. */
static void
test_parse_truncated(void)
{
    static const char whole[] = "12.50min";

    for (size_t length = 0; length < strlen(whole); length++) {
        g_autofree char *text = g_strndup(whole, length);
        int64_t duration;

        CHECK_ROW(text, !duration_parse(text, &duration));
    }
}

static const struct {
    const char *name;
    double seconds;
    int64_t duration;
} seconds[] = {
    { "0", 0, 0 },
    { "-0", -0.0, 0 },
    { "1", 1, TIME_S },
    { "0.1", 0.1, 100 * TIME_MS }, /* the double is a little more, by far less than half a nanosecond */
    { "0.3", 0.3, 300 * TIME_MS },
    { "1.5", 1.5, 1500 * TIME_MS },
    { "2^-10", 0x1p-10, 976563 },      /* 976562.5: half up */
    { "3 * 2^-10", 0x3p-10, 2929688 }, /* 2929687.5 */
    { "below a half", 0x1.fffffffffffffp-11, 976562 },
    { "2^-31", 0x1p-31, 1 }, /* 0.466 ns: never to 0 */
    { "2^-30", 0x1p-30, 1 },
    { "1e-9", 1e-9, 1 },
    { "1e-300", 1e-300, 1 },
    { "the smallest", 0x1p-1074, 1 },
    { "the smallest normal", 0x1p-1022, 1 },
    { "2^-75", 0x1p-75, 1 },
    { "2^-76", 0x1p-76, 1 },
    { "a day", 86400, 86400 * TIME_S },
    { "2^33", 0x1p33, INT64_C(8589934592) * TIME_S },
    { "most", 9223372036.0, INT64_C(9223372036) * TIME_S },
    { "too much", 9223372037.0, TIME_NEVER },
    { "2^52", 0x1p52, TIME_NEVER },
    { "2^53", 0x1p53, TIME_NEVER },
    { "1e300", 1e300, TIME_NEVER },
    { "infinity", INFINITY, TIME_NEVER },
    { "-1", -1, 0 },
    { "-1e-300", -1e-300, 0 },
    { "-infinity", -INFINITY, 0 },
};

static void
test_seconds(void)
{
    int64_t duration = -7;

    for (size_t i = 0; i < G_N_ELEMENTS(seconds); i++) {
        CHECK_ROW(seconds[i].name, duration_from_seconds(seconds[i].seconds, &duration));
        CHECK_ROW_INT(seconds[i].name, duration, seconds[i].duration);
    }
    duration = -7;
    CHECK(!duration_from_seconds(NAN, &duration));
    CHECK(!duration_from_seconds(-NAN, &duration));
    CHECK(duration == -7);
}

static const struct {
    int64_t duration;
    const char *text;
} formats[] = {
    { 0, "0s" },
    { 1, "1ns" },
    { 20 * TIME_MS, "20ms" },
    { 1500 * TIME_MS, "1.5s" },
    { 300 * TIME_S, "5min" },
    { 60 * TIME_S, "1min" },
    { 120 * TIME_S, "2min" },
    { 90 * TIME_S, "1.5min" }, /* as many digits as "90s": the larger unit */
    { 61 * TIME_S, "61s" },    /* 1.01666... min has no end */
    { 63 * TIME_S, "63s" },    /* 1.05 min needs one more digit */
    { 100 * TIME_S, "100s" },
    { 3600 * TIME_S, "1h" },
    { 5400 * TIME_S, "1.5h" },
    { 4000 * TIME_S, "4000s" },
    { 59 * TIME_MIN, "59min" },
    { 86400 * TIME_S, "24h" },
    { TIME_S, "1s" },
    { 999, "999ns" },
    { 1001, "1.001us" },
    { 1000, "1us" },
    { 100 * TIME_US, "100us" }, /* and not 0.1ms: at least 1 */
    { 123456, "123.456us" },
    { 39500 * TIME_MS, "39.5s" },
    { 100 * TIME_MS, "100ms" },
    { 500 * TIME_MS, "500ms" },
    { 999999999, "999.999999ms" },
    { 30 * TIME_S, "30s" },
    { TIME_NEVER, "9223372036.854775807s" },
    { TIME_NEVER - 1, "153722867.2809129301min" }, /* divides by 6: 19 digits in each unit up to this */
    { -20 * TIME_MS, "-20ms" },
    { -90 * TIME_S, "-1.5min" },
    { INT64_MIN, "-9223372036.854775808s" },
};

static void
test_format(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(formats); i++) {
        char text[DURATION_TEXT];
        int64_t back = -7;

        CHECK_ROW(formats[i].text, duration_format(formats[i].duration, text) == text);
        CHECK_ROW_TEXT(formats[i].text, text, formats[i].text);
        CHECK_ROW(formats[i].text, duration_parse(text, &back));
        CHECK_ROW_INT(formats[i].text, back, formats[i].duration < 0 ? 0 : formats[i].duration);
    }
}

/* Random durations of every size, round and not, read back to the nanosecond. */
static void
test_round_trip(void)
{
    static const int64_t factors[] = { 1, TIME_US, TIME_MS, 10 * TIME_MS, TIME_S, TIME_MIN, 60 * TIME_MIN };

    for (uint64_t i = 0; i < 20000; i++) {
        int64_t factor = factors[i % G_N_ELEMENTS(factors)];
        int64_t duration = (int64_t)(mix64(i) >> (1 + i % 61)) / factor * factor, back = -7;
        char text[DURATION_TEXT];

        duration_format(duration, text);
        CHECK_ROW(text, duration_parse(text, &back));
        CHECK_ROW_INT(text, back, duration);
    }
}

static void
test_add(void)
{
    static const struct {
        const char *name;
        int64_t at, duration, sum;
    } rows[] = {
        { "plain", 5, 7, 12 },
        { "nothing", 5, 0, 5 },
        { "up to the end", TIME_NEVER - 7, 7, TIME_NEVER },
        { "beyond the end", TIME_NEVER - 7, 8, TIME_NEVER },
        { "never and some", TIME_NEVER, 1, TIME_NEVER },
        { "never and never", TIME_NEVER, TIME_NEVER, TIME_NEVER },
        { "for ever", 0, TIME_NEVER, TIME_NEVER },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
        CHECK_ROW_INT(rows[i].name, time_add(rows[i].at, rows[i].duration), rows[i].sum);
}

void
suite_time(void)
{
    UNIT_SUITE("time", NULL, NULL, { "text in", test_parse }, { "text refused", test_parse_refuses },
               { "text cut short", test_parse_truncated }, { "numbers of seconds", test_seconds },
               { "text out", test_format }, { "random durations there and back", test_round_trip },
               { "adding", test_add });
}
