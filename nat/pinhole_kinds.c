/* The journal of pinholes. */
#include "core/base/time.h"
#include "nat/box.h"
#include "nat/pinholes.h"

static const char *
asker_word(const struct record *record)
{
    unsigned asker = record->rule & 0xf, known = 0;

    while (nat_alg_words[known])
        known++;
    return asker < known ? nat_alg_words[asker] : "?";
}

static enum pinhole_end
end_of(const struct record *record)
{
    return (enum pinhole_end)(record->rule >> 8);
}

/* Who may come: "198.51.100.1:20", "198.51.100.1, from any port" or "anybody". */
static void
say_remote(const struct record *record, GString *out)
{
    char text[ENDPOINT_TEXT];

    if (address_is_none(record->before.destination))
        g_string_append(out, "anybody");
    else if (record->before.destination_port)
        g_string_append(out, endpoint_format(flow_destination(&record->before), text));
    else
        g_string_append_printf(out, "%s, from any port,", address_format(record->before.destination, text));
}

static void
say_way(const struct record *record, GString *out)
{
    char one[ENDPOINT_TEXT], other[ENDPOINT_TEXT];

    endpoint_format(flow_source(&record->after), one);
    endpoint_format(flow_source(&record->before), other);
    if (endpoint_equal(flow_source(&record->after), flow_source(&record->before)))
        g_string_append(out, one);
    else
        g_string_append_printf(out, "%s -> %s", one, other);
}

static void
say_name(const struct record *record, GString *out)
{
    g_string_append_printf(out, "pinhole %u, %s ", record->subject[1],
                           record->before.protocol == PROTOCOL_TCP ? "tcp" : "udp");
    say_way(record, out);
}

static void
fields_pinhole(const struct record *record, const struct names *names, struct fields *out)
{
    (void)names;
    fields_number(out, "pinhole", record->subject[1]);
    fields_number(out, "mapping", record->subject[0]);
    fields_text(out, "alg", asker_word(record));
    fields_endpoint(out, "internal", flow_source(&record->before));
    fields_endpoint(out, "external", flow_source(&record->after));
    if (!address_is_none(record->before.destination))
        fields_endpoint(out, "remote", flow_destination(&record->before));
}

static void
say_opened(const struct record *record, const struct names *names, GString *out)
{
    char text[DURATION_TEXT];

    (void)names;
    g_string_append_printf(out, "the ALG %s opens ", asker_word(record));
    say_name(record, out);
    g_string_append(out, ": ");
    say_remote(record, out);
    g_string_append(out, " may send in");
    if (record->rule & PINHOLE_ONCE)
        g_string_append(out, ", and only who comes first");
    g_string_append_printf(out, ", for %s", duration_format(record->detail - record->at, text));
    if (record->rule & PINHOLE_REFRESHED)
        g_string_append(out, " after the last packet");
    g_string_append_printf(out, " (mapping %u)", record->subject[0]);
}

static void
fields_opened(const struct record *record, const struct names *names, struct fields *out)
{
    fields_pinhole(record, names, out);
    fields_time(out, "expires", record->detail);
    if (record->rule & PINHOLE_ONCE)
        out->flag(out, "once", true);
}

const struct record_kind nat_pinhole_opened_kind = {
    "nat-pinhole-opened", "pinhole-opened", "RFC 4787 section 7", say_opened, fields_opened,
};

static void
say_used(const struct record *record, const struct names *names, GString *out)
{
    (void)names;
    say_name(record, out);
    g_string_append(out, ", is used: from now on ");
    say_remote(record, out);
    g_string_append(out, " alone may send in");
}

const struct record_kind nat_pinhole_used_kind = {
    "nat-pinhole-used", "pinhole-used", "", say_used, fields_pinhole,
};

static void
say_narrowed(const struct record *record, const struct names *names, GString *out)
{
    (void)names;
    say_name(record, out);
    g_string_append(out, ": ");
    say_remote(record, out);
    g_string_append_printf(out, " may send in from now on, as the ALG %s has learnt", asker_word(record));
}

const struct record_kind nat_pinhole_narrowed_kind = {
    "nat-pinhole-narrowed", "pinhole-narrowed", "", say_narrowed, fields_pinhole,
};

static const char *const ends[] = {
    [PINHOLE_EXPIRED] = "its time is over",
    [PINHOLE_SERVED] = "it has served the one connection that it was for",
    [PINHOLE_CLOSED] = "the ALG has no more use for it",
    [PINHOLE_TAKEN_BACK] = "the message that names it could not be changed",
    [PINHOLE_MAPPING_ENDED] = "its mapping has ended",
    [PINHOLE_FORGOTTEN] = "the box has lost its state",
};
G_STATIC_ASSERT(G_N_ELEMENTS(ends) == PINHOLE_ENDS);

static void
say_closed(const struct record *record, const struct names *names, GString *out)
{
    (void)names;
    say_name(record, out);
    g_string_append_printf(out, ", is closed: %s", end_of(record) < PINHOLE_ENDS ? ends[end_of(record)] : "?");
}

static void
fields_closed(const struct record *record, const struct names *names, struct fields *out)
{
    static const char *const words[PINHOLE_ENDS] = { "expired", "served", "closed", "taken-back", "mapping-ended",
                                                     "forgotten" };

    fields_pinhole(record, names, out);
    if (end_of(record) < PINHOLE_ENDS)
        fields_text(out, "why", words[end_of(record)]);
}

const struct record_kind nat_pinhole_closed_kind = {
    "nat-pinhole-closed", "pinhole-closed", "", say_closed, fields_closed,
};
