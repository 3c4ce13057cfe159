/* What the net layer's records say. */
#include "core/net/icmp.h"
#include "core/net/net.h"
#include "core/net/tcp_kinds.h"

/* "(UDP, 43 bytes)", "(TCP SYN-ACK, 60 bytes)", "(TCP data, 1448 of 1500 bytes)", "(ICMP time exceeded in transit about
 * A.3, 56 bytes)" */
static void
say_content(const struct record *record, const struct names *names, GString *out)
{
    const char *protocol = protocol_name(record->before.protocol);
    bool icmp6 = record->before.protocol == PROTOCOL_ICMPV6, data = false;

    g_string_append_c(out, '(');
    if (record->before.protocol == PROTOCOL_ICMP || icmp6) {
        uint8_t type = (uint8_t)(record->detail >> 8), code = (uint8_t)record->detail;

        g_string_append(out, icmp6 ? "ICMPv6 " : "ICMP ");
        g_string_append(out, icmp6 ? icmp6_describe(type, code) : icmp_describe(type, code));
        if ((icmp6 ? icmp6_is_error(type) : icmp_is_error(type)) && record->cause) {
            g_string_append(out, " about ");
            packet_name_say(record->cause, names, out);
        }
    } else if (protocol) {
        g_autofree char *upper = g_ascii_strup(protocol, -1);

        g_string_append(out, upper);
    } else {
        g_string_append_printf(out, "protocol %u", record->before.protocol);
    }
    if (record->before.protocol == PROTOCOL_TCP)
        data = tcp_say_content(record, out);
    if (data)
        g_string_append_printf(out, ", %" G_GINT64_FORMAT " of %u bytes)", record->detail, record->size);
    else
        g_string_append_printf(out, ", %u bytes)", record->size);
}

static void
say_end(struct endpoint end, GString *out)
{
    char text[ENDPOINT_TEXT];

    g_string_append(out, end.port ? endpoint_format(end, text) : address_format(end.address, text));
}

static void
say_sent(const struct record *record, const struct names *names, GString *out)
{
    g_string_append(out, "sends ");
    packet_name_say(record->packet, names, out);
    g_string_append(out, " from ");
    say_end(flow_source(&record->before), out);
    g_string_append(out, " to ");
    say_end(flow_destination(&record->before), out);
    g_string_append_c(out, ' ');
    say_content(record, names, out);
}

static void
say_delivered(const struct record *record, const struct names *names, GString *out)
{
    g_string_append(out, "receives ");
    packet_name_say(record->packet, names, out);
    g_string_append(out, " from ");
    say_end(flow_source(&record->before), out);
    g_string_append_c(out, ' ');
    say_content(record, names, out);
}

static void
content_fields(const struct record *record, const struct names *names, struct fields *out)
{
    (void)names;
    if (record->before.protocol == PROTOCOL_TCP)
        tcp_content_fields(record, out);
}

/* Malformed packets have no addresses to tell. */
static void
say_packet(const struct record *record, const struct names *names, GString *out)
{
    packet_name_say(record->packet, names, out);
    if (address_is_none(record->before.source))
        return;
    g_string_append(out, " (");
    flow_say(&record->before, out);
    g_string_append_c(out, ')');
}

static void
say_dropped(const struct record *record, const struct names *names, GString *out)
{
    g_string_append(out, "drops ");
    say_packet(record, names, out);
    g_string_append_printf(out, ": %s", drop_reason_sentence(record->reason));
}

static void
say_link_dropped(const struct record *record, const struct names *names, GString *out)
{
    g_string_append(out, "the link of ");
    g_string_append(out, names->interface(names, record->subject[0]));
    g_string_append(out, record->subject[1] ? " (down) drops " : " (up) drops ");
    say_packet(record, names, out);
    g_string_append_printf(out, ": %s", drop_reason_sentence(record->reason));
}

static void
say_link_duplicated(const struct record *record, const struct names *names, GString *out)
{
    g_string_append(out, "the link of ");
    g_string_append(out, names->interface(names, record->subject[0]));
    g_string_append(out, record->subject[1] ? " (down) duplicates " : " (up) duplicates ");
    say_packet(record, names, out);
}

static void
link_fields(const struct record *record, const struct names *names, struct fields *out)
{
    fields_text(out, "link", names->interface(names, record->subject[0]));
    fields_text(out, "direction", record->subject[1] ? "down" : "up");
}

static void
say_fragments(const struct record *record, const struct names *names, GString *out)
{
    static const char *const why[] = {
        [FRAGMENTS_FOR_LINK] = "into fragments, because the link carries at most",
        [FRAGMENTS_FOR_PATH] = "into fragments, because the way to its destination carries at most",
        [FRAGMENTS_AGAIN] = "into fragments again, the largest as large as the largest of those that came:",
    };

    g_string_append(out, "cuts ");
    packet_name_say(record->packet, names, out);
    g_string_append_printf(out, " (%u bytes) %s %" G_GINT64_FORMAT, record->size, why[record->rule], record->detail);
}

static void
fragments_fields(const struct record *record, const struct names *names, struct fields *out)
{
    (void)names;
    fields_number(out, "mtu", record->detail);
}

const struct record_kind packet_sent_kind = { "packet-sent", "sent", "", say_sent, content_fields };
const struct record_kind packet_delivered_kind = { "packet-delivered", "delivered", "", say_delivered,
                                                   content_fields };
const struct record_kind packet_dropped_kind = { "packet-dropped", "dropped", "", say_dropped, NULL };
const struct record_kind link_dropped_kind = { "link-dropped", "dropped", "", say_link_dropped, link_fields };
const struct record_kind link_duplicated_kind = { "link-duplicated", "duplicated", "", say_link_duplicated,
                                                  link_fields };
const struct record_kind fragments_kind = { "packet-fragmented", "fragmented",
                                            "RFC 791 section 3.2, RFC 8200 section 4.5", say_fragments,
                                            fragments_fields };
