#include "core/base/io.h"

#include <glib.h>

/* In the order of enum io_result, so that a word left out fails to compile. */
static const char *const words[] = {
    "ok",      "in-use", "no-address", "no-route", "unreachable", "too-big",     "full",
    "refused", "reset",  "timeout",    "closed",   "again",       "unsupported",
};

G_STATIC_ASSERT(G_N_ELEMENTS(words) == IO_UNSUPPORTED + 1);

const char *
io_result_word(enum io_result result)
{
    g_assert((unsigned)result < G_N_ELEMENTS(words));
    return words[result];
}
