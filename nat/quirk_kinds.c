/* The words of blocks of ports and of quirks: more of the NAT's journal. */
#include "core/base/time.h"
#include "nat/box.h"

/* ---- blocks of ports */

static void
say_block(const struct record *record, GString *out)
{
    char external[ADDRESS_TEXT];

    g_string_append_printf(out, "ports %u to %u of %s", record->after.source_port, record->after.destination_port,
                           address_format(record->after.source, external));
}

static void
say_block_granted(const struct record *record, const struct names *names, GString *out)
{
    char internal[ADDRESS_TEXT];

    (void)names;
    say_block(record, out);
    g_string_append_printf(out, " are granted to %s", address_format(record->before.source, internal));
}

static void
say_block_released(const struct record *record, const struct names *names, GString *out)
{
    char internal[ADDRESS_TEXT];

    (void)names;
    say_block(record, out);
    g_string_append_printf(out, " are %s's no more: it has no mapping there",
                           address_format(record->before.source, internal));
}

static void
fields_block(const struct record *record, const struct names *names, struct fields *out)
{
    char text[ADDRESS_TEXT];

    (void)names;
    fields_text(out, "host", address_format(record->before.source, text));
    fields_text(out, "address", address_format(record->after.source, text));
    fields_number(out, "first_port", record->after.source_port);
    fields_number(out, "last_port", record->after.destination_port);
}

const struct record_kind nat_block_granted_kind = {
    "nat-block-granted", "block-granted", "RFC 6888 REQ-14", say_block_granted, fields_block,
};

const struct record_kind nat_block_released_kind = {
    "nat-block-released", "block-released", "RFC 6888 REQ-14", say_block_released, fields_block,
};

/* ---- quirks */

static void
say_poisoned(const struct record *record, const struct names *names, GString *out)
{
    char text[DURATION_TEXT], external[ENDPOINT_TEXT], remote[ENDPOINT_TEXT];

    (void)names;
    g_string_append(out, "for ");
    g_string_append(out, duration_format(record->detail - record->at, text));
    g_string_append(out, " nobody inside gets ");
    g_string_append(out, endpoint_format(flow_destination(&record->before), external));
    g_string_append(out, " for packets to ");
    g_string_append(out, endpoint_format(flow_source(&record->before), remote));
    g_string_append_printf(out, ": the box takes the early packet for a conversation of its own (quirk %s)",
                           nat_quirk_words[NAT_QUIRK_EARLY_INBOUND_POISONS]);
}

static void
fields_poisoned(const struct record *record, const struct names *names, struct fields *out)
{
    (void)names;
    fields_endpoint(out, "external", flow_destination(&record->before));
    fields_endpoint(out, "remote", flow_source(&record->before));
    fields_time(out, "until", record->detail);
    fields_text(out, "quirk", nat_quirk_words[NAT_QUIRK_EARLY_INBOUND_POISONS]);
}

const struct record_kind nat_poisoned_kind = { "nat-poisoned", "poisoned", "", say_poisoned, fields_poisoned };
