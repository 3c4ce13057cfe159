#include "proto/sdp/fault.h"

static const struct {
    const char *word, *sentence;
} faults[] = {
#define X(name, word, sentence) { word, sentence },
    SDP_FAULTS(X)
#undef X
};

G_STATIC_ASSERT(G_N_ELEMENTS(faults) == SDP_FAULT_COUNT);

const char *
sdp_fault_word(enum sdp_fault fault)
{
    return faults[fault].word;
}

const char *
sdp_fault_sentence(enum sdp_fault fault)
{
    return faults[fault].sentence;
}

static void
say_place(const struct sdp_error *error, GString *out)
{
    if (error->line)
        g_string_append_printf(out, "line %u", error->line);
    if (error->column)
        g_string_append_printf(out, "%scolumn %u", error->line ? ", " : "", error->column);
    if (error->line || error->column)
        g_string_append(out, ": ");
}

void
sdp_error_say(const struct sdp_error *error, GString *out)
{
    say_place(error, out);
    if (error->type)
        g_string_append_printf(out, "%c=%s", error->type, error->attribute ? error->attribute : "");
    else
        g_string_append(out, error->line ? "it" : "the description");
    g_string_append_printf(out, " %s", sdp_fault_sentence(error->fault));
}
