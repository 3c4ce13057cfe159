#include "core/base/journal.h"

#include <inttypes.h>

void
packet_name_say(packet_name packet, const struct names *names, GString *out)
{
    if (packet == 0)
        g_string_append_c(out, '-');
    else
        g_string_append_printf(out, "%s.%" PRIu64, names->node(names, PACKET_MAKER(packet)), PACKET_ORDINAL(packet));
}

static void
end_say(struct address address, uint16_t port, bool has_port, GString *out)
{
    char text[ENDPOINT_TEXT];

    if (has_port)
        g_string_append(out, endpoint_format((struct endpoint){ address, port }, text));
    else
        g_string_append(out, address_format(address, text));
}

/* An ICMP query has an identifier at one end only; the other end is a bare address. */
void
flow_say(const struct flow *flow, GString *out)
{
    bool ports = (flow->source_port | flow->destination_port) != 0;
    bool query = flow->protocol == PROTOCOL_ICMP || flow->protocol == PROTOCOL_ICMPV6;

    end_say(flow->source, flow->source_port, ports && (!query || flow->source_port), out);
    g_string_append(out, " -> ");
    end_say(flow->destination, flow->destination_port, ports && (!query || flow->destination_port), out);
}
