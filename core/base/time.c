#include "core/base/time.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* From the smallest up: of two units with equally many digits duration_format takes the later. */
static const struct unit {
    const char *name;
    int64_t nanoseconds;
} units[] = {
    { "ns", 1 }, { "us", TIME_US }, { "ms", TIME_MS }, { "s", TIME_S }, { "min", TIME_MIN }, { "h", 60 * TIME_MIN },
};

#define UNITS (sizeof units / sizeof *units)
#define MOST_DECIMALS 14 /* an hour is 2^14 * 5^11 * 9 nanoseconds: whole ones end after 14 decimals, or never */

static int64_t
unit_named(const char *name)
{
    for (size_t i = 0; i < UNITS; i++) {
        if (strcmp(name, units[i].name) == 0)
            return units[i].nanoseconds;
    }
    return 0;
}

/* Steps over digits and counts them. */
static size_t
take_digits(const char **at, bool *nonzero)
{
    size_t count = 0;

    for (; **at >= '0' && **at <= '9'; (*at)++, count++)
        *nonzero |= **at != '0';
    return count;
}

/* `count` digits as a whole number of units, in nanoseconds; TIME_NEVER when that is too much. */
static int64_t
whole_part(const char *digits, size_t count, int64_t unit)
{
    int64_t value = 0;

    for (size_t i = 0; i < count; i++) {
        int64_t digit = digits[i] - '0';

        if (value > (TIME_NEVER / unit - digit) / 10)
            return TIME_NEVER;
        value = value * 10 + digit;
    }
    return value * unit;
}

/* `count` decimals of a unit in nanoseconds, half a one up. Multiplies from the last digit as on paper: what is carried
 * beyond the first decimal is whole, and the first digit behind the point of the product decides the rounding. */
static int64_t
decimal_part(const char *digits, size_t count, int64_t unit)
{
    int64_t carry = 0, tenth = 0;

    while (count-- > 0) {
        int64_t product = (digits[count] - '0') * unit + carry;

        tenth = product % 10;
        carry = product / 10;
    }
    return carry + (tenth >= 5);
}

bool
duration_parse(const char *text, int64_t *duration)
{
    bool negative = *text == '-', nonzero = false;
    const char *at = text + negative, *whole = at, *decimals = at;
    size_t whole_count = take_digits(&at, &nonzero), decimal_count = 0;

    if (*at == '.') {
        decimals = ++at;
        decimal_count = take_digits(&at, &nonzero);
        if (decimal_count == 0)
            return false;
    }
    int64_t unit = unit_named(at);
    if (whole_count == 0 || unit == 0)
        return false;

    int64_t value = time_add(whole_part(whole, whole_count, unit), decimal_part(decimals, decimal_count, unit));
    *duration = negative ? 0 : value == 0 && nonzero ? 1 : value;
    return true;
}

/* Takes the number apart by its bits (IEEE 754 binary64: value = mantissa / 2^shift) and goes on in whole numbers. */
bool
duration_from_seconds(double seconds, int64_t *duration)
{
    uint64_t bits;

    if (seconds != seconds)
        return false;
    memcpy(&bits, &seconds, sizeof bits);

    unsigned exponent = bits >> 52 & 0x7ff;
    uint64_t mantissa = (bits & ((UINT64_C(1) << 52) - 1)) | (uint64_t)(exponent > 0) << 52;
    int shift = 1075 - (int)(exponent ? exponent : 1);
    if (bits >> 63 || mantissa == 0) {
        *duration = 0;
        return true;
    }
    if (shift <= 0) { /* 2^52 seconds and more, and infinity */
        *duration = TIME_NEVER;
        return true;
    }

    unsigned __int128 product = (unsigned __int128)mantissa * (uint64_t)TIME_S; /* below 2^83 */
    unsigned __int128 value = shift < 128 ? (product >> shift) + (product >> (shift - 1) & 1) : 0;
    *duration = value > (uint64_t)TIME_NEVER ? TIME_NEVER : value == 0 ? 1 : (int64_t)value;
    return true;
}

/* `magnitude` in one unit, exactly; the number of digits, or 0 when its decimals would never end. */
static size_t
format_in(const struct unit *unit, const char *sign, uint64_t magnitude, char text[DURATION_TEXT])
{
    uint64_t nanoseconds = (uint64_t)unit->nanoseconds, rest = magnitude % nanoseconds;
    char decimals[MOST_DECIMALS + 2] = ".";
    size_t count = 0, length;

    while (rest > 0) {
        if (count == MOST_DECIMALS)
            return 0;
        rest *= 10;
        decimals[++count] = (char)('0' + rest / nanoseconds);
        rest %= nanoseconds;
    }
    decimals[count ? count + 1 : 0] = '\0';
    length = (size_t)snprintf(text, DURATION_TEXT, "%s%" PRIu64 "%s%s", sign, magnitude / nanoseconds, decimals,
                              unit->name);
    return length - strlen(sign) - strlen(unit->name) - (count > 0);
}

const char *
duration_format(int64_t duration, char text[DURATION_TEXT])
{
    uint64_t magnitude = duration < 0 ? 0 - (uint64_t)duration : (uint64_t)duration;
    const char *sign = duration < 0 ? "-" : "";
    size_t fewest = DURATION_TEXT;

    if (duration == 0)
        return strcpy(text, "0s");
    for (size_t i = 0; i < UNITS && magnitude >= (uint64_t)units[i].nanoseconds; i++) {
        char candidate[DURATION_TEXT];
        size_t digits = format_in(&units[i], sign, magnitude, candidate);

        if (digits > 0 && digits <= fewest) {
            fewest = digits;
            strcpy(text, candidate);
        }
    }
    return text;
}
