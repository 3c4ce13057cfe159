#include "core/base/rate.h"

#include <glib.h>
#include <string.h>

bool
rate_parse(const char *text, uint64_t *rate)
{
    static const struct {
        const char *name;
        uint64_t bits;
    } units[] = { { "bit/s", 1 }, { "kbit/s", 1000 }, { "Mbit/s", 1000000 }, { "Gbit/s", 1000000000 } };
    size_t whole = strspn(text, "0123456789"), decimals = 0;
    const char *at = text + whole;

    if (*at == '.')
        decimals = strspn(at + 1, "0123456789");
    if (whole == 0 || whole > 9 || decimals > 9 || (*at == '.' && decimals == 0))
        return false;
    const char *fraction = at + 1;
    at += decimals ? decimals + 1 : 0;
    for (size_t i = 0; i < G_N_ELEMENTS(units); i++) {
        if (strcmp(at, units[i].name) != 0)
            continue;
        *rate = g_ascii_strtoull(text, NULL, 10) * units[i].bits;
        for (uint64_t place = units[i].bits / 10; decimals > 0 && place > 0; decimals--, place /= 10)
            *rate += (uint64_t)(*fraction++ - '0') * place;
        return true;
    }
    return false;
}
